"""A spread that widens with volatility."""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import note_mid

ADAPTIVE = parameters(
    volatility_factor=1.0,  # of what the mid moves in `horizon_s`, one standard deviation
    spread_factor=0.5,  # of the market's spread; 0.5 alone quotes at the touch
    horizon_s=1.0,  # for how long a quote is exposed
    half_min_ticks=1.0,  # from the fair price to each quote, at least
    half_max_ticks=100.0,  # and at most
    skew_factor=1.0,  # the share of the half spread by which `position_full_lots` shift both quotes
    position_full_lots=1000,
    sample_s=0.1,  # the mid is looked at no more often: below that it bounces
    half_life_s=30.0,  # of what the variance remembers
    qty_lots=100,
)
MEMORY = [("sampled_ns", "i8"), ("mid_twice", "i8"), ("sample_count", "i8"), ("variance", "f8")]


@verb
def half_spread_of(params, variance, spread, tick):  # type: ignore[no-untyped-def]
    """Half the spread to quote, price units: a sigma sqrt(horizon) + b spread, within its bounds.

    Args:
        params: ADAPTIVE.
        variance: sigma**2, price units squared per second.
        spread: the market's, price units.
        tick: price units.
    """
    moves = params["volatility_factor"] * math.sqrt(variance * params["horizon_s"])
    half = moves + params["spread_factor"] * spread
    return max(params["half_min_ticks"] * tick, min(params["half_max_ticks"] * tick, half))


@strategy(params=ADAPTIVE, memory=MEMORY)
def adaptive(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around the mid, further from it the more the mid moves.

    half = a sigma sqrt(horizon) + b spread, within its bounds; both quotes are shifted against the
    position q by skew_factor * q / position_full_lots * half. sigma, in price units per square root
    of a second, is an exponentially weighted average of squared moves of the mid per time
    (RiskMetrics 1996, with weights of the time that went by); before the first move is known it
    is 0. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    note_mid(memory, params, mid_twice(desk), now_ns(desk))
    spread = best(desk, ASK) - best(desk, BID)
    half = half_spread_of(params, memory["variance"], spread, tick_at(desk, best(desk, BID)))
    filled = position(desk) / params["position_full_lots"]
    fair = mid_twice(desk) / 2 - params["skew_factor"] * filled * half
    want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
