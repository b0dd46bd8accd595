"""A market that is a price alone: quotes are filled by chance, the likelier the closer they are.

The market of Avellaneda and Stoikov 2008: in each step of time a quote at a distance d from the mid
is filled with the probability A e**(-k d) dt, at most 1, each side for itself; then the mid goes up
or down by sigma sqrt(dt), either as likely. Nobody else is there: the best bid and the best ask
that a rule sees are far away, with the mid half way between them.

Source: M. Avellaneda, S. Stoikov, High-frequency trading in a limit order book, Quantitative
Finance 8(3), 2008, section 3.3.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.desk import Desk, at_symbol, want_nothing
from mmjit.core.jit import helper, verb
from mmjit.core.records import record
from mmjit.core.variates import uniform

# What the price and the fills follow, and which words the chances come from.
PROCESS: Final = record(
    128,
    ("seed", "i8"),  # of the path
    ("draw_count", "i8"),
    ("start", "i8"),  # the mid, price units; so the next three
    ("step", "i8"),  # sigma sqrt(dt)
    ("far", "i8"),  # how far the best bid and ask are from the mid
    ("decay", "f8"),  # k, 1 / price unit
    ("chance", "f8"),  # A dt
    ("step_ns", "i8"),
    ("step_count", "i8"),
    ("first_seed", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
)

# What came of one path.
PATH: Final = record(
    64,
    ("cash", "i8"),  # price units
    ("position_lots", "i8"),
    ("mid", "i8"),
    ("buy_count", "i8"),
    ("sell_count", "i8"),
    ("spread_sum", "i8"),  # of both quotes, over all steps in which there were two
    ("two_sided", "i8"),  # how many those were
    ("pad", "i8"),
)


class Market(NamedTuple):
    """A rule's desk in such a market, and what came of it."""

    desk: Desk
    quotes: Any  # WANT[2, QUOTE_LEVELS + 1]
    process: Any  # PROCESS, one
    paths: Any  # PATH


def run_paths(rule, bound, start, stop, params, memory):  # type: ignore[no-untyped-def]
    """Run a rule over some paths, each from the beginning.

    Args:
        rule: the compiled rule.
        bound: leads to the Market.
        start: the first path.
        stop: the one behind the last.
        params: uint8, the rule's parameters.
        memory: uint8[1, bytes], what the rule remembers; nothing at the beginning of a path.

    Returns:
        `stop`.
    """
    market = bundle_of(bound)
    for number in range(start, stop):
        _run_path(rule, bound, number, params, memory)
    return stop + 0 * len(market.paths)


@helper
def _run_path(rule, bound, number, params, memory):  # type: ignore[no-untyped-def]
    """Run one path."""
    market = bundle_of(bound)
    process, path, desk = market.process[0], market.paths[number], market.desk
    process["seed"] = process["first_seed"] + number
    process["draw_count"] = 0
    for place in range(memory.shape[1]):
        memory[0, place] = 0
    mid = process["start"]
    for step in range(process["step_count"]):
        desk.run[0]["now_ns"] = (step + 1) * process["step_ns"]
        desk.ledger.positions[0]["position_lots"] = path["position_lots"]
        _show(desk, mid, process["far"])
        want_nothing(market.quotes)
        rule(at_symbol(desk, 0), params, memory[0], market.quotes)
        bid, ask = market.quotes[0, 0], market.quotes[1, 0]
        if bid["qty_lots"] > 0 and ask["qty_lots"] > 0:
            path["spread_sum"] += ask["price"] - bid["price"]
            path["two_sided"] += 1
        if bid["qty_lots"] > 0 and _is_filled(process, mid - bid["price"]):
            path["cash"] -= bid["price"] * bid["qty_lots"]
            path["position_lots"] += bid["qty_lots"]
            path["buy_count"] += 1
        if ask["qty_lots"] > 0 and _is_filled(process, ask["price"] - mid):
            path["cash"] += ask["price"] * ask["qty_lots"]
            path["position_lots"] -= ask["qty_lots"]
            path["sell_count"] += 1
        mid += process["step"] if uniform(process) < 0.5 else -process["step"]
    path["mid"] = mid


@verb
def _show(desk, mid, far):  # type: ignore[no-untyped-def]
    """Let the best bid and ask be around the mid."""
    for side in range(2):
        level = np.int64(desk.book.sides[side]["best"])
        desk.book.levels[level]["price"] = mid - far if side == 0 else mid + far


@verb
def _is_filled(process, distance):  # type: ignore[no-untyped-def]
    """Whether a quote is filled in a step."""
    return uniform(process) < process["chance"] * math.exp(-process["decay"] * distance)
