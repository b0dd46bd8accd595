"""Quote around the mid, shifted against what we hold."""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import lots_within

SKEWED = parameters(
    half_spread_ticks=1.0,  # from the mid to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    skew_max_ticks=0.0,  # but never as far as this: the shift bends towards it; 0: it is a line
    position_max_lots=0,  # a side that would go beyond it is pulled or shrunk; 0: no bound
    qty_lots=100,
)


@verb
def skew_of(held, skew, skew_max):  # type: ignore[no-untyped-def]
    """How far quotes move down while long: skew q, or skew_max tanh(skew q / skew_max)."""
    shift = skew * held
    if skew_max > 0.0:
        return skew_max * math.tanh(shift / skew_max)
    return shift


@strategy(params=SKEWED)
def skewed(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around the mid, shifted down while long and up while short.

    fair = mid - skew q / qty_lots, in ticks, the linear skew of Avellaneda and Stoikov 2008
    without its dependence on time; `skew_max_ticks` bends it, `position_max_lots` cuts the side
    that adds. A quote never takes: it stays behind the best of the other side.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    held = position(desk) / params["qty_lots"]
    shift = skew_of(held, params["skew_ticks"], params["skew_max_ticks"]) * tick
    fair = mid_twice(desk) / 2 - shift
    half = params["half_spread_ticks"] * tick
    for side in (BID, ASK):
        price = passive(desk, side, fair - half if side == BID else fair + half)
        lots = lots_within(desk, side, params["qty_lots"], params["position_max_lots"])
        want(quotes, side, 0, price, lots)
