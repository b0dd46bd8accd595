"""The engine on two clocks against its naive twin, whatever takes however long."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mmjit.backtesting import start_backtest
from mmjit.core.codes import Flag, Kind
from mmjit.instrument import Instrument
from mmjit.latency import Latency
from mmjit.running import Run
from mmjit.tape import Tape
from mmjit.terms import every_ns
from tests import builders as b
from tests.backtests import first_other, refusals_of, tape_of
from tests.naive_book import plain
from tests.naive_clocks import NaiveClocks, Terms
from tests.test_backtest_machine import MIDDLE, RARE, USUAL, events_of, scattered, twin_of

FEW = settings(max_examples=max(10, settings().max_examples // 2))
UNKNOWN_ID = 1 << 40
BEGIN_NS = 1000
POSITION = ("position_lots", "cash", "realised", "bought_lots", "sold_lots", "turnover")
POSITION += ("fill_count", "order_count")

# ---- tapes ----------------------------------------------------------------------------------

FLAGS = [Flag.LAST] * 8 + [0, Flag.LAST | Flag.AUCTION]
STEPS_NS = [0, 0, 1, 1, 2, 4, 9]
orders_drawn = st.tuples(
    st.sampled_from(USUAL) | st.sampled_from(USUAL + RARE),
    st.integers(0, 27),
    st.integers(0, 1),
    st.integers(-3, 3),
    st.integers(1, 6),
    st.sampled_from(FLAGS),
    st.sampled_from(STEPS_NS),
    st.just(0),
)
levels_drawn = st.tuples(
    st.sampled_from([Kind.LEVEL] * 10 + [Kind.TRADE] * 5 + RARE),
    st.integers(0, 1),
    st.integers(-3, 3),
    st.integers(0, 6),
    st.sampled_from(FLAGS),
    st.sampled_from(STEPS_NS),
    st.integers(0, 7),
)
late_drawn = st.lists(st.integers(0, 9), min_size=1, max_size=8)


def levels_of(drawn: list[Any]) -> list[Any]:
    """Events of price levels, of trades, and now and then of another kind."""
    events, time_ns = [], BEGIN_NS
    for kind, side, away, lots, flags, step_ns, which in drawn:
        time_ns += step_ns
        qty_lots = [1, 1, 1, 2, 3, 4, 5, 1][which] if kind == Kind.STATUS else lots
        at = {"venue_ns": time_ns, "flags": int(flags), "price": MIDDLE + away}
        traded = -1 if kind == Kind.TRADE and which == 7 else side
        events.append(b.event(kind, side=traded, qty_lots=qty_lots, **at))
    return events


@st.composite
def tapes(draw: Any, size: int) -> Tape:
    """A tape of orders or of price levels, of a handful of prices, seen up to 9 ns late."""
    by_order = draw(st.booleans())
    if by_order:
        events = events_of(draw(st.lists(orders_drawn, min_size=2, max_size=size)), 1)
    else:
        events = levels_of(draw(st.lists(levels_drawn, min_size=2, max_size=size)))
        events.append(b.level(0, MIDDLE - 5, 1, venue_ns=events[-1]["venue_ns"] + 1))
    late, latest_ns = draw(late_drawn), 0
    for place, one in enumerate(events):
        local_ns = one["venue_ns"].item() + late[place % len(late)]
        latest_ns = max(latest_ns, local_ns)
        one["local_ns"] = latest_ns if by_order else local_ns
    ticks = draw(st.sampled_from([((0, 1),), ((0, 1),), ((0, 2),)]))
    one = Instrument(symbol="A", tick_table=ticks, price_unit="0.01", price_min=94, price_max=106)
    return tape_of(*events, instruments=[one])


# ---- latencies ------------------------------------------------------------------------------

spans = st.integers(0, 12).map(lambda ns: f"{ns}ns")
jitters = st.sampled_from(["gamma(2,2ns)", "lognormal(3ns,1)", "2ns+gamma(1,3ns)"])
timed = spans | spans | jitters
timed_or_not = st.just("none") | timed
one_clock = st.builds(
    Latency,
    entry=timed_or_not,
    cancel=st.none() | timed_or_not,
    amend=st.none() | timed_or_not,
    response=timed,
    seed=st.integers(0, 99),
)
two_clocks = st.builds(
    Latency,
    feed=timed | st.just("recorded"),
    entry=timed_or_not,
    cancel=st.none() | timed_or_not,
    amend=st.none() | timed_or_not,
    response=timed_or_not,
    seed=st.integers(0, 99),
)
at_once = st.just(Latency())
latencies = at_once | one_clock | two_clocks | two_clocks
limits = st.just(1 << 40) | st.integers(0, 9)

# ---- what is compared -----------------------------------------------------------------------


def lines_as(twins: list[dict[str, int]], lines: Any) -> list[dict[str, int]]:
    """Lines of a log in the fields that the twin's have."""
    names = list(twins[0]) if twins else ["order_id"]
    return [{name: int(line[name]) for name in names} for line in lines]


def assert_same(run: Run, naive: NaiveClocks) -> None:
    """Every step and fill, and what they come to."""
    result = run.advance().finish()
    assert first_other(lines_as(naive.steps, result.steps), naive.steps) is None
    assert first_other(lines_as(naive.fills, result.fills), naive.fills) is None
    position, expected = plain(result.positions[0]), naive.desk.position
    assert {n: position[n] for n in POSITION} == {n: getattr(expected, n) for n in POSITION}
    for side, name in enumerate(("open_buy_lots", "open_sell_lots")):
        opened = [own.open_lots for own in naive.open.values() if own.side == side]
        assert position[name] == sum(opened)
    assert position["open_count"] == len(naive.open)
    assert refusals_of(result) == {status: n for status, n in naive.refused.items() if n}
    record = plain(result.run)
    assert record["now_ns"] == naive.now_ns
    assert record["decision_count"] == naive.decisions
    assert record["last_order_id"] == naive.last_order_id


def began(tape: Tape, terms: Terms, **more: Any) -> Run:
    """The engine, told the same."""
    told = {"latency": terms.latency, "impact": terms.impact}
    return start_backtest(tape, **told, max_long=terms.max_long, max_short=terms.max_short, **more)


# ---- a rule -----------------------------------------------------------------------------------

choices = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 60000),
        "hold": st.integers(1, 5),
        "places": st.integers(1, 3),
        "lots": st.integers(1, 8),
    }
)


@FEW
@given(
    tapes(50),
    latencies,
    st.sampled_from(["change", "change", "fill", "7ns", "3ns"]),
    choices,
    st.booleans(),
    limits,
    limits,
)
def test_a_rule_fares_as_its_twin_does(tape, latency, every, params, impact, long, short):
    if every.endswith("ns") and latency.feed != "none":
        every = "change"
    told = {"impact": impact, "max_long": long, "max_short": short}
    terms = Terms(latency=latency, every_ns=every_ns(every), **told)
    run = began(tape, terms, strategy=scattered, params=params, every=every)

    assert_same(run, NaiveClocks(tape, terms, twin_of(params)).run())
