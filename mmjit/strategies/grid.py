"""Several quotes a side, on a grid of prices that stays where it is."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import (
    QUOTE_LEVELS,
    best,
    is_two_sided,
    mid_twice,
    on_tick,
    passive,
    position,
    tick_at,
    want,
)
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import lots_within

GRID = parameters(
    levels=4,  # a side, at most 8
    step_ticks=1,  # between prices of the grid, which are its multiples
    half_spread_ticks=1.0,  # from the mid to the first quote of a side, at least
    skew_ticks=0.0,  # the quotes move this far against us for each `qty_lots` that we hold
    position_max_lots=0,  # a side that would go beyond it is pulled or shrunk; 0: no bound
    qty_lots=100,  # of each quote
)


@verb
def grid_price(side, first, step, number):  # type: ignore[no-untyped-def]
    """The price of a quote of a grid, price units: away from the first, on a multiple of `step`."""
    if side == BID:
        return (first // step - number) * step
    return (-(-first // step) + number) * step


@strategy(params=GRID)
def grid(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want `levels` quotes a side, `step_ticks` apart, the nearest behind mid -+ half.

    price_i = fair -+ (half + i step), rounded away from the market to a multiple of the step, and
    fair = mid - skew q / qty. A price of the grid has a place of its own among the quotes (in
    hftbacktest's grid example it is the order id), so when the mid moves by a step one order a side
    leaves and one comes: the others keep their queues. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    step = max(1, params["step_ticks"]) * tick
    shift = params["skew_ticks"] * tick * position(desk) / params["qty_lots"]
    fair = mid_twice(desk) / 2 - shift
    half = params["half_spread_ticks"] * tick
    for side in (BID, ASK):
        first = passive(desk, side, fair - half if side == BID else fair + half)
        lots = lots_within(desk, side, params["qty_lots"], params["position_max_lots"])
        for number in range(min(params["levels"], QUOTE_LEVELS)):
            price = grid_price(side, first, step, number)
            want(quotes, side, price // step % QUOTE_LEVELS, on_tick(desk, side, price), lots)
