"""The engine on two clocks against its naive twin, whatever takes however long."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmjit.backtesting import start_backtest
from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TimeInForce
from mmjit.core.desk import best, want
from mmjit.core.hearing import ANYTHING, ASKED_MOST
from mmjit.core.rules import strategy
from mmjit.errors import RefusedError
from mmjit.instrument import Instrument
from mmjit.latency import Latency
from mmjit.running import Run
from mmjit.tape import Tape
from mmjit.terms import occasions
from tests import builders as b
from tests.backtests import first_other, refusals_of, tape_of
from tests.naive_book import plain
from tests.naive_clocks import Action, NaiveClocks, Terms
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
entries = timed_or_not | timed_or_not | timed_or_not | st.just("rows")
FAR_NS = BEGIN_NS + 500
rows_drawn = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 9), st.integers(0, 9), st.booleans()),
    min_size=1,
    max_size=20,
)


@st.composite
def latencies_of(draw: Any, feeds: Any) -> Latency:
    """What takes how long; where it is looked up in round trips, some requests are lost."""
    legs = {leg: draw(entries) for leg in ("entry", "cancel", "amend")}
    for leg in ("cancel", "amend"):
        legs[leg] = draw(st.just(legs[leg]) | st.none())
    rows, sent_ns, got_ns = [(0, 3, 5)], BEGIN_NS - 10, 0
    for step_ns, there_ns, back_ns, is_lost in draw(rows_drawn):
        sent_ns += step_ns
        got_ns = max(got_ns, sent_ns + there_ns)
        rows.append((sent_ns, -1 if is_lost else got_ns, got_ns + back_ns))
    rows.append((FAR_NS, FAR_NS + 3, FAR_NS + 5))
    more = {"rows": np.array(rows, np.int64)} if "rows" in legs.values() else {}
    response, seed = draw(timed_or_not), draw(st.integers(0, 99))
    return Latency(feed=draw(feeds), response=response, seed=seed, **legs, **more)


one_clock = latencies_of(st.just("none"))
two_clocks = latencies_of(timed | st.just("recorded"))
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
    st.sampled_from(["change", "change", "fill", "7ns", "3ns", "3ns+fill", "7ns+change"]),
    choices,
    st.booleans(),
    limits,
    limits,
)
def test_a_rule_fares_as_its_twin_does(tape, latency, every, params, impact, long, short):
    every_ns, wakes = occasions(every)
    if every_ns and latency.feed != "none":
        every, every_ns, wakes = "change", 0, ANYTHING
    told = {"impact": impact, "max_long": long, "max_short": short}
    terms = Terms(latency=latency, every_ns=every_ns, wakes=wakes, **told)
    run = began(tape, terms, strategy=scattered, params=params, every=every)

    assert_same(run, NaiveClocks(tape, terms, twin_of(params)).run())


@strategy()
def restless(desk, params, memory, quotes):
    """Want another price than that of the order in hand."""
    own, near = desk.own[desk.symbol, BID, 0], best(desk, BID) - 1
    stands = own["left_lots"] > 0 and own["price"] == near
    want(quotes, BID, 0, near - 1 if stands else near, 1)


def as_restless(run: Any, desk: Any) -> Any:
    """The same rule on the naive twin."""
    own, near = desk.own(BID, 0), desk.best(BID) - 1
    stands = own is not None and own.asked_price == near
    return {(BID, 0): (near - 1 if stands else near, 1)}


def test_a_rule_that_changes_its_mind_at_every_answer_is_left_alone_until_time_goes_on():
    shown = [(BID, 100, 1000), (ASK, 103, 1000), (BID, 101, 2000), (BID, 99, 3000)]
    last = {"flags": Flag.LAST}
    events = [b.level(side, price, 5, venue_ns=at_ns, **last) for side, price, at_ns in shown]
    one = Instrument(
        symbol="A", tick_table=((0, 1),), price_unit="0.01", price_min=9, price_max=199
    )
    no_time = np.array([(1, 1, 1), (9000, 9000, 9000)], np.int64)
    latency = Latency(entry="rows", rows=no_time)
    tape, terms = tape_of(*events, instruments=[one]), Terms(latency=latency)
    run = began(tape, terms, strategy=restless)

    twin = NaiveClocks(tape, terms, as_restless).run()

    assert twin.refused[Status.RULE_RESTLESS] > 0
    assert twin.decisions > 2 * ASKED_MOST
    assert_same(run, twin)


# ---- a person ---------------------------------------------------------------------------------

prices = st.integers(-3, 3).map(lambda away: MIDDLE + away) | st.sampled_from([90, 101, 130])
submits = st.fixed_dictionaries(
    {
        "side": st.integers(0, 1),
        "price": prices,
        "wanted": st.integers(1, 6) | st.integers(1, 6) | st.sampled_from([0, 30]),
        "tif": st.sampled_from([TimeInForce.GTC] * 4 + list(TimeInForce)),
        "market": st.sampled_from([False] * 5 + [True]),
        "post_only": st.sampled_from([False] * 5 + [True]),
        "reduce_only": st.sampled_from([False] * 3 + [True]),
        "display_lots": st.sampled_from([0, 0, 0, 1, 2, 3]),
    }
)
amends = st.fixed_dictionaries(
    {"which": st.integers(0, 5), "price": prices, "left_lots": st.integers(0, 7)}
)
cancels = st.fixed_dictionaries({"which": st.integers(0, 5)})
acts = (
    st.tuples(st.just("submit"), submits)
    | st.tuples(st.just("submit"), submits)
    | st.tuples(st.just("amend"), amends)
    | st.tuples(st.just("cancel"), cancels)
)
timings = st.tuples(st.integers(0, 12), st.integers(-1, 25))  # since the last, until it expires


def script_of(drawn: list[Any], last_ns: int) -> list[Action]:
    """What a person does, while there are events to come."""
    script, time_ns = [], BEGIN_NS - 2
    for (verb, fields), (step_ns, rests_ns) in drawn:
        time_ns = min(time_ns + step_ns, last_ns - 1)
        fields = dict(fields)
        if verb == "submit" and fields["tif"] == TimeInForce.GTD:
            fields["expires_ns"] = time_ns + rests_ns
        if verb == "submit" and fields["market"]:
            fields["price"] = 0
        script.append((time_ns, verb, fields))
    return script


def play(run: Run, script: list[Action]) -> None:
    """Do by hand what a script says; what our side refuses never was."""
    ids: list[int] = []
    for time_ns, verb, fields in script:
        run.advance(until_ns=time_ns)
        try:
            if verb == "submit":
                ids.append(0)
                more = {name: fields[name] for name in fields if name not in NOT_PASSED}
                price = None if fields["market"] else fields["price"]
                ids[-1] = run.submit(fields["side"], price, fields["wanted"], **more)
                continue
            order_id = dict(enumerate(ids)).get(fields["which"]) or UNKNOWN_ID
            if verb == "cancel":
                run.cancel(order_id)
            else:
                run.amend(order_id, fields["price"], fields["left_lots"])
        except RefusedError:
            continue


NOT_PASSED = ("side", "price", "wanted", "market")


@given(
    tapes(40),
    latencies,
    st.lists(st.tuples(acts, timings), min_size=1, max_size=14),
    st.booleans(),
    limits,
    limits,
)
def test_orders_by_hand_fare_as_their_twins_do(tape, latency, drawn, impact, long, short):
    terms = Terms(latency=latency, impact=impact, max_long=long, max_short=short)
    script = script_of(drawn, int(tape.events["venue_ns"][-1]))
    run = began(tape, terms)
    play(run, script)

    assert_same(run, NaiveClocks(tape, terms, script=script).run())
