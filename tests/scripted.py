"""A rule that wants what a test says, and when; and its twin."""

from typing import Any

from mmjit.core.codes import Flag
from mmjit.core.desk import QUOTE_LEVELS, now_ns, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from tests.backtests import run_both, tape_of
from tests.naive_backtest import NaiveBacktest, NaiveMarket, Wants

LINES = 6
FOREVER = 1 << 40
FIELDS = ("symbol", "since", "until", "place", "price", "lots")
START_NS, STEP_NS = 1005, 10  # of the events; the rule is asked between them, every 10 ns


@verb
def say(desk, quotes, since, until, place, price, lots):
    """Want an order while it is time."""
    slot = (now_ns(desk) - 1000) // 10
    if since <= slot and slot < until:
        want(quotes, place // 8, place % 8, price, lots)


@verb
def is_here(desk, symbol):
    """Whether it is this symbol that is to be quoted; 0 stands for no line, 1 for the first."""
    return desk.symbol == symbol - 1


SCRIPT = parameters(**{f"{name}{line}": 0 for line in range(LINES) for name in FIELDS})


@strategy(params=SCRIPT)
def scripted(desk, p, memory, quotes):
    """Want what the lines of the script say, later lines over earlier ones."""
    if is_here(desk, p["symbol0"]):
        say(desk, quotes, p["since0"], p["until0"], p["place0"], p["price0"], p["lots0"])
    if is_here(desk, p["symbol1"]):
        say(desk, quotes, p["since1"], p["until1"], p["place1"], p["price1"], p["lots1"])
    if is_here(desk, p["symbol2"]):
        say(desk, quotes, p["since2"], p["until2"], p["place2"], p["price2"], p["lots2"])
    if is_here(desk, p["symbol3"]):
        say(desk, quotes, p["since3"], p["until3"], p["place3"], p["price3"], p["lots3"])
    if is_here(desk, p["symbol4"]):
        say(desk, quotes, p["since4"], p["until4"], p["place4"], p["price4"], p["lots4"])
    if is_here(desk, p["symbol5"]):
        say(desk, quotes, p["since5"], p["until5"], p["place5"], p["price5"], p["lots5"])


Line = dict[str, int]


def wanted(
    side: int,
    price: int,
    lots: int,
    *,
    after: int = 1,
    until: int = FOREVER,
    level: int = 0,
    symbol: int = 0,
) -> Line:
    """A line of a script: want an order from after one event until after another."""
    place = side * QUOTE_LEVELS + level
    times = {"since": after + 1, "until": until + 1}
    return {"symbol": symbol + 1, **times, "place": place, "price": price, "lots": lots}


def script_of(lines: list[Line]) -> dict[str, int]:
    """The parameters of the rule."""
    assert len(lines) <= LINES
    return {f"{name}{k}": line[name] for k, line in enumerate(lines) for name in FIELDS}


def twin_of(lines: list[Line]) -> Any:
    """The same rule on the naive twin."""

    def rule(run: NaiveBacktest, market: NaiveMarket) -> Wants:
        slot = (run.now_ns - 1000) // 10
        return {
            (line["place"] // QUOTE_LEVELS, line["place"] % QUOTE_LEVELS): (
                line["price"],
                line["lots"],
            )
            for line in lines
            if line["symbol"] == market.number + 1 and line["since"] <= slot < line["until"]
        }

    return rule


def played(lines: list[Line], *events: Any, **more: Any) -> Any:
    """Play a script on a market; engine and twin agree. Returns the backtest.

    The events come at 1005, 1015, ... ns, each a source message of its own, and the rule is asked
    at 1010, 1020, ... ns. `instruments` and `window_levels` are of the tape, the rest of the run.
    """
    for place, one in enumerate(events):
        one["venue_ns"] = one["local_ns"] = START_NS + STEP_NS * place
        one["flags"] |= Flag.LAST
    of_tape = {name: more.pop(name) for name in ("instruments", "window_levels") if name in more}
    settings = {"every": "10ns"} | more
    tape = tape_of(*events, **of_tape)
    return run_both(tape, scripted, twin_of(lines), params=script_of(lines), **settings)[0]
