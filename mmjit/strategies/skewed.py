"""Quote around the mid, shifted against what we hold."""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, on_tick, position, tick_at, want
from mmjit.core.rules import parameters, strategy

SKEWED = parameters(
    half_spread_ticks=1.0,  # from the mid to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)


@strategy(params=SKEWED)
def skewed(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around the mid, shifted down while long and up while short.

    A quote never takes: it stays behind the best of the other side.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    mid = mid_twice(desk) / 2
    shift = params["skew_ticks"] * tick * position(desk) / params["qty_lots"]
    half = params["half_spread_ticks"] * tick
    bid = min(on_tick(desk, BID, math.floor(mid - shift - half)), best(desk, ASK) - tick)
    ask = max(on_tick(desk, ASK, math.ceil(mid - shift + half)), best(desk, BID) + tick)
    want(quotes, BID, 0, bid, params["qty_lots"])
    want(quotes, ASK, 0, ask, params["qty_lots"])
