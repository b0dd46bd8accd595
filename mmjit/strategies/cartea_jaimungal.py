"""Cartea and Jaimungal: market making that pays for the inventory it carries.

Sources: A. Cartea, S. Jaimungal, J. Penalva, Algorithmic and High-Frequency Trading, Cambridge
2015, section 10.2. Maximise cash and the position at its price at the end, less alpha q**2 then and
phi q**2 all the time, where quotes at a distance d are filled at the rates lambda e**(-kappa d).
"""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.inventory_tables import (
    HELD_MAX,
    TABLE,
    grow,
    log_step,
    set_leading_vector,
)
from mmjit.strategies.parts import lots_within

CARTEA_JAIMUNGAL = parameters(
    fill_decay=0.3,  # kappa, per tick
    buy_rate=1.0,  # lambda+, market orders that buy, a second: they fill the ask
    sell_rate=1.0,  # lambda-, that sell
    running_penalty=0.001,  # phi, ticks per order squared and second
    end_penalty=0.01,  # alpha, ticks per order squared, at the end
    adverse_ticks=0.0,  # epsilon, by which a market order moves the mid: both quotes go as far out
    horizon_s=0.0,  # T: when it is over the next one begins; 0: the end is far
    position_max=5,  # in `qty_lots`: at it the side that adds is pulled; at most 32
    qty_lots=100,
)
MEMORY = [("start_ns", "i8"), *TABLE]
_E = 2.718281828459045
_STEPS = 1000.0  # of a horizon, after each of which the quotes are worked out anew


@verb
def make_table(table, params, held_max, left_s):  # type: ignore[no-untyped-def]
    """Work out w(T - t), of which h = ln(w) / kappa, unless it is there; left_s below 0: no end.

    w' = A w from e**(-alpha kappa q**2) on, A having -phi kappa q**2 on its diagonal and lambda / e
    beside it: a bought order takes q to q + 1, at the rate of market orders that sell.
    """
    if table["is_made"]:
        if left_s < 0.0:
            return
        if 0.0 <= table["made_of"] - left_s < params["horizon_s"] / _STEPS:
            return
    kappa = params["fill_decay"]
    curvature = params["running_penalty"] * kappa
    up, down = params["sell_rate"] / _E, params["buy_rate"] / _E
    if left_s < 0.0:
        set_leading_vector(table, held_max, curvature, up, down)
    else:
        for place in range(2 * held_max + 1):
            held = place - held_max
            table["values"][place] = _E ** (-params["end_penalty"] * kappa * held * held)
        grow(table, held_max, curvature, up, down, left_s)
    table["made_of"] = left_s
    table["is_made"] = 1


@verb
def depth_of(table, held_max, side, held, kappa):  # type: ignore[no-untyped-def]
    """The distance of a quote from the mid: 1 / kappa - h(q +- 1) + h(q), a price."""
    return (1.0 + log_step(table, held_max, held, 1 if side == 0 else -1)) / kappa


@verb
def _left_s(memory, params, time_ns):  # type: ignore[no-untyped-def]
    """The seconds that are left of the horizon, below 0 where there is none."""
    if params["horizon_s"] <= 0.0:
        return -1.0
    if memory["start_ns"] == 0:
        memory["start_ns"] = time_ns
    gone_s = (time_ns - memory["start_ns"]) * 1e-9
    if gone_s >= params["horizon_s"]:
        memory["start_ns"] = time_ns
        gone_s = 0.0
    return params["horizon_s"] - gone_s


@strategy(params=CARTEA_JAIMUNGAL, memory=MEMORY)
def cartea_jaimungal(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side that pays for the inventory it carries (Cartea and Jaimungal 2015).

    Depths are 1 / kappa - h(q +- 1) + h(q) + epsilon, h from the linear system of its value
    function (equation 10.11), over a horizon or far from its end. q counts orders of `qty_lots`;
    at `position_max` the side that adds is pulled. Distances are in ticks, times in seconds. A
    quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    most = max(1, min(params["position_max"], HELD_MAX))
    make_table(memory, params, most, _left_s(memory, params, now_ns(desk)))
    held = position(desk) / params["qty_lots"]
    mid = mid_twice(desk) / 2
    for side in (BID, ASK):
        depth = depth_of(memory, most, side, held, params["fill_decay"]) + params["adverse_ticks"]
        price = mid + tick * (-depth if side == BID else depth)
        lots = lots_within(desk, side, params["qty_lots"], most * params["qty_lots"])
        want(quotes, side, 0, passive(desk, side, price), lots)
