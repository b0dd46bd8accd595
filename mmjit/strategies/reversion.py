"""Lean against a mid that has left its mean, as an Ornstein-Uhlenbeck process would come back."""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import deviation_of, note_level

REVERSION = parameters(
    weight=1.0,  # of the move that is expected
    mean_half_life_s=60.0,  # of what the mean and the deviation from it remember
    return_half_life_s=30.0,  # in which half of a deviation is expected to be gone
    horizon_s=10.0,  # for which the move is expected
    deviation_min=0.5,  # in standard deviations; below it the mid is the fair price
    deviation_stop=4.0,  # beyond it this is no deviation but a move: its side is pulled
    half_spread_ticks=1.0,  # from the fair price to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)
MEMORY = [("seen_ns", "i8"), ("last", "f8"), ("mean", "f8"), ("variance", "f8")]


@verb
def expected_return(gap, theta, horizon):  # type: ignore[no-untyped-def]
    """What an Ornstein-Uhlenbeck process at mean + gap moves on average: -gap (1 - e**(-theta h)).

    Args:
        gap: from the mean, price units.
        theta: the speed of its return, per second: ln 2 / half-life.
        horizon: seconds.
    """
    return gap * math.expm1(-theta * horizon)


@strategy(params=REVERSION, memory=MEMORY)
def reversion(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around where a mid that reverts to its mean is expected.

    fair = mid - w (mid - mean) (1 - e**(-theta h)), the conditional mean of an Ornstein-Uhlenbeck
    process (Uhlenbeck and Ornstein 1930), where z = (mid - mean) / sd is at least `deviation_min`;
    mean and sd are exponentially weighted by time. Prices in price units, times in seconds. Where
    |z| is beyond `deviation_stop` the side that is run over is pulled: the ask of a mid that rose.
    A quote never takes.
    """
    if not is_two_sided(desk):
        return
    mid = mid_twice(desk) / 2
    note_level(memory, mid, now_ns(desk), params["mean_half_life_s"])
    gap = mid - memory["mean"]
    deviation = deviation_of(memory, mid)
    tick = tick_at(desk, best(desk, BID))
    fair = mid - params["skew_ticks"] * tick * position(desk) / params["qty_lots"]
    if abs(deviation) >= params["deviation_min"]:
        theta = math.log(2.0) / params["return_half_life_s"]
        fair += params["weight"] * expected_return(gap, theta, params["horizon_s"])
    half = params["half_spread_ticks"] * tick
    if deviation >= -params["deviation_stop"]:
        want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    if deviation <= params["deviation_stop"]:
        want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
