"""The engine against its naive twin, on dirty markets where everything crosses and queues."""

import random
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import Flag, Kind
from mmjit.core.desk import best, is_two_sided, now_ns, position, queue_ahead, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.instrument import Instrument
from tests import builders as b
from tests.backtests import Given, lines_of, refusals_of, run_both, tape_of
from tests.naive_backtest import NaiveBacktest, NaiveMarket, Wants

MIDDLE = 100
LARGE = 2147483647

# ---- a rule that wants anything -------------------------------------------------------------


def shake(word, salt):
    """The next of a sequence of words below 2**31; integers only, nothing overflows."""
    return (word * 1103515245 + salt % 65536 * 40503 + 12345) % LARGE


def price_wanted(word, side, near, far):
    """Around the best of either side, and now and then across it, or nowhere."""
    place = word // 64 % 32
    if place == 31:
        return 1 << 40
    if place == 30:
        return -7
    if place < 3 and far != 0:
        return far + (1 - 2 * side) * (place - 1)
    away = place % 5 - 1
    base = near if near != 0 and place < 16 else MIDDLE - 1 + 2 * side
    return base - (1 - 2 * side) * away


def qty_wanted(word, lots):
    """A few lots, most of the time."""
    place = word // 4096 % 64
    if place == 63:
        return -1
    if place == 62:
        return 1 << 40
    if place < 8:
        return 0
    return 1 + word // 262144 % lots


shaken = verb(shake)
priced = verb(price_wanted)
sized = verb(qty_wanted)

PARAMETERS = parameters(seed=1, hold=2, places=2, lots=5)
MEMORY = [("asked", "i8"), ("word", "i8")]


@strategy(params=PARAMETERS, memory=MEMORY)
def scattered(desk, params, memory, quotes):
    """Draw what is wanted from everything that can be seen; keep it for `hold` decisions."""
    if memory["asked"] % params["hold"] == 0:
        word = shaken(memory["word"], params["seed"])
        word = shaken(word + now_ns(desk) % 1000003, position(desk))
        for side in range(2):
            word = shaken(word, best(desk, side))
            if desk.own[desk.symbol, side, 0]["left_lots"] > 0:
                word = shaken(word, queue_ahead(desk, side, 0))
        if is_two_sided(desk):
            word = shaken(word, 1)
        memory["word"] = word
    memory["asked"] += 1
    for side in range(2):
        for level in range(params["places"]):
            word = shaken(memory["word"], 2 * level + side)
            price = priced(word, side, best(desk, side), best(desk, 1 - side))
            word = shaken(word, memory["asked"] // 2)
            want(quotes, side, level, price, sized(word, params["lots"]))


def twin_of(params: dict[str, int]) -> Any:
    """The same rule on the naive twin."""

    def rule(run: NaiveBacktest, market: NaiveMarket) -> Wants:
        memory = market.memory
        if memory["asked"] % params["hold"] == 0:
            word = shake(memory["word"], params["seed"])
            word = shake(word + run.now_ns % 1000003, market.position.position_lots)
            for side in (0, 1):
                word = shake(word, market.best(side))
                order = market.own(side, 0)
                if order is not None:
                    word = shake(word, market.ahead(order))
            memory["word"] = shake(word, 1) if market.is_two_sided() else word
        memory["asked"] += 1
        wants = {}
        for side in (0, 1):
            for level in range(params["places"]):
                word = shake(memory["word"], 2 * level + side)
                price = price_wanted(word, side, market.best(side), market.best(1 - side))
                word = shake(word, memory["asked"] // 2)
                wants[side, level] = (price, qty_wanted(word, params["lots"]))
        return wants

    return rule


# ---- markets --------------------------------------------------------------------------------

USUAL = [Kind.ADD] * 8 + [Kind.EXECUTE] * 5 + [Kind.DELETE] * 2 + [Kind.REDUCE, Kind.REPLACE] * 2
USUAL += [Kind.TRADE] * 2
RARE = [Kind.STATUS, Kind.CLEAR, Kind.GAP]
FLAGS = [Flag.LAST] * 8 + [0, 0, Flag.LAST | Flag.SYNTHETIC]
STEPS_NS = [0, 1, 3, 10, 50]
ODD_LOTS = [5, 20, 0, -1]
LAST_KNOWN = 27  # higher draws name an order that does not rest
Draw = tuple[int, int, int, int, int, int, int, int]

draws = st.tuples(
    st.sampled_from(USUAL) | st.sampled_from(USUAL + RARE),
    st.integers(0, LAST_KNOWN + 2),  # which order, of those that rest
    st.integers(0, 1),  # side
    st.integers(-3, 3),  # price from the middle
    st.integers(1, 6) | st.integers(1, 6) | st.sampled_from(ODD_LOTS),
    st.sampled_from(FLAGS),
    st.sampled_from(STEPS_NS),  # time since the event before
    st.integers(0, 1),  # symbol
)


def long_draws(seed: int, count: int) -> list[Draw]:
    """Like `draws`, more of them than hypothesis draws in a reasonable time."""
    dice = random.Random(seed)
    return [
        (
            dice.choice(USUAL if dice.random() < 0.95 else RARE),
            dice.randint(0, LAST_KNOWN + 2),
            dice.randint(0, 1),
            dice.randint(-3, 3),
            dice.randint(1, 6) if dice.random() < 0.95 else dice.choice(ODD_LOTS),
            dice.choice(FLAGS),
            dice.choice(STEPS_NS),
            dice.randint(0, 1),
        )
        for _ in range(count)
    ]


class Resting:
    """What rests while a market is made up: lots by id and symbol; wrong where that is dirty."""

    def __init__(self) -> None:
        self.lots: dict[tuple[int, int], int] = {}

    def pick(self, symbol: int, which: int) -> int:
        """An id that rests in the symbol, or one that does not."""
        known = [order_id for order_id, of in self.lots if of == symbol]
        return known[which % len(known)] if known and which <= LAST_KNOWN else which - LAST_KNOWN

    def take(self, order_id: int, symbol: int, lots: int) -> None:
        left = self.lots.pop((order_id, symbol), 0) - max(0, lots)
        if left > 0:
            self.lots[order_id, symbol] = left


def events_of(drawn: list[Draw], symbols: int) -> list[Any]:
    """Events that mostly name orders that rest; the rest of them are as dirty as feeds are."""
    resting, events, last_id, time_ns, again = Resting(), [], 0, 1000, 1
    for kind, which, side, away, lots, flags, step_ns, number in drawn:
        symbol = number % symbols
        time_ns += step_ns
        fields = {"venue_ns": time_ns, "symbol": symbol, "flags": int(flags), "side": side}
        fields |= {"price": MIDDLE + away, "qty_lots": lots}
        if kind in (Kind.EXECUTE, Kind.DELETE, Kind.REDUCE, Kind.REPLACE):
            fields["order_id"] = resting.pick(symbol, which)
            all_of_it = kind in (Kind.DELETE, Kind.REPLACE)
            resting.take(fields["order_id"], symbol, 1 << 40 if all_of_it else lots)
        if kind in (Kind.ADD, Kind.REPLACE):
            last_id += 1
            new_id = last_id if which <= LAST_KNOWN + 1 else again
            fields["order_id" if kind == Kind.ADD else "other_id"] = new_id
            resting.lots[new_id, symbol] = lots
        if kind == Kind.CLEAR:
            again = 0  # an importer goes on to know the ids that it took away
        if kind == Kind.STATUS:
            fields["qty_lots"] = [1, 1, 1, 1, 2, 3, 4, 5][which % 8]
        events.append(b.event(kind, **fields))
    return events


@st.composite
def markets(draw: Any, drawn: Any) -> Any:
    """Tapes of one or two symbols, of a handful of prices."""
    symbols = draw(st.integers(1, 2))
    ticks = draw(st.sampled_from([((0, 1),), ((0, 1),), ((0, 2),), ((0, 1), (101, 2))]))
    one = {"tick_table": ticks, "price_unit": "0.01", "price_min": 96, "price_max": 104}
    one["qty_lots_max"] = draw(st.sampled_from([4, 1 << 31]))
    instruments = [Instrument(symbol=name, **one) for name in "AB"[:symbols]]
    events = events_of(draw(drawn), symbols)
    levels = draw(st.sampled_from([None, None, 1, 3]))
    return tape_of(*events, instruments=instruments, window_levels=levels)


limits = st.none() | st.integers(0, 12)
more_limits = st.fixed_dictionaries(
    {},
    optional={
        "max_order_lots": st.integers(0, 9),
        "max_order_points": st.integers(0, 900),
        "max_open_orders": st.integers(0, 6),
        "max_all_orders": st.integers(0, 6),
        "collar_bps": st.integers(0, 500),
        "collar_price": st.integers(0, 4),
        "max_daily_loss": st.integers(0, 50).map(lambda cents: Fraction(cents, 200)),
        "max_drawdown": st.integers(0, 50).map(lambda cents: Fraction(cents, 200)),
    },
)
settings = st.fixed_dictionaries(
    {
        "every": st.sampled_from(
            ["change", "change", "fill", "1ns", "7ns", "20ns", "7ns+fill", "20ns+change"]
        ),
        "maker_fee": st.sampled_from([0, "0.0003", "-0.0002", -0.999, "0.123456789"]),
        "taker_fee": st.sampled_from([0, "0.0003", "0.3333333333"]),
        "max_position": limits,
        "max_long": limits,
        "max_short": limits,
    }
)
choices = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 60000),
        "hold": st.integers(1, 5),
        "places": st.integers(1, 3),
        "lots": st.integers(1, 8),
    }
)


short = markets(st.lists(draws, max_size=60))
long = markets(st.integers(0, 1 << 32).map(lambda seed: long_draws(seed, 200)))


@given(short, settings, choices)
def test_a_backtest_is_what_its_naive_twin_says(tape, chosen, params):
    result, _ = run_both(tape, scattered, twin_of(params), params=params, **chosen)

    assert_summed_up(result)


@given(long, settings, choices, more_limits)
def test_a_backtest_under_limits_is_what_its_naive_twin_says(tape, chosen, params, more):
    run_both(tape, scattered, twin_of(params), params=params, limits=Given(more), **chosen)


@given(long, settings, choices)
def test_a_longer_backtest_is_what_its_naive_twin_says(tape, chosen, params):
    result, _ = run_both(tape, scattered, twin_of(params), params=params, **chosen)

    assert_summed_up(result)


def assert_summed_up(result: Any) -> None:
    """The summary follows from the log of fills and the marks alone."""
    fills = lines_of(result.fills)
    summary = result.summary()
    for number, name in enumerate(result.tape.symbols):
        mine = [fill for fill in fills if fill["symbol"] == number]
        signs = {0: 1, 1: -1}
        lots = sum(signs[fill["side"]] * fill["qty_lots"] for fill in mine)
        cash = -sum(signs[fill["side"]] * fill["qty_lots"] * fill["price"] for fill in mine)
        mark = Fraction(int(result.positions[number]["mark_twice"]), 2)
        fees = Fraction(sum(fill["fee_pico"] for fill in mine), 10**12)
        gross = (cash + lots * mark) / 100
        part = summary["symbols"][name]
        assert part["position"] == lots
        assert part["pnl_gross"] == float(gross)
        assert part["fees"] == float(fees)
        assert part["pnl_net"] == float(gross - fees)
        assert part["fills"] == len(mine)
        assert part["filled_qty"] == sum(fill["qty_lots"] for fill in mine)
        refused = refusals_of(result, number).items()
        assert part["refused"] == {status.name.lower(): count for status, count in refused}
    assert summary["fills"] == len(fills)
    assert summary["max_drawdown"] >= 0
