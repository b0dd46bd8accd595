"""Lean with a mid that moves, and pull the side that it runs over."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import ewma, kept_after

MOMENTUM = parameters(
    weight=0.5,  # of the trend, in the fair price
    fast_half_life_s=5.0,  # of the average that follows the mid, 0: the mid itself,
    slow_half_life_s=30.0,  # and of the one that it is compared with
    threshold_ticks=2.0,  # a trend beyond it pulls the side that is run over
    cool_down_s=5.0,  # for which that side stays away after the trend was last beyond it
    half_spread_ticks=1.0,  # from the fair price to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)
MEMORY = [
    *(("seen_ns", "i8"), ("last", "f8"), ("fast", "f8"), ("slow", "f8")),
    *(("bid_back_ns", "i8"), ("ask_back_ns", "i8")),
]


@verb
def note_trend(memory, params, mid, time_ns):  # type: ignore[no-untyped-def]
    """Take a mid into both averages; returns the trend, the fast one less the slow, price units.

    What counts is the mid that held until now, for as long as it did.
    """
    if memory["seen_ns"] == 0:
        memory["last"] = mid
        memory["fast"] = mid
        memory["slow"] = mid
    elapsed_ns = time_ns - memory["seen_ns"]
    fast_kept = kept_after(elapsed_ns, params["fast_half_life_s"])
    slow_kept = kept_after(elapsed_ns, params["slow_half_life_s"])
    memory["fast"] = ewma(memory["fast"], memory["last"], fast_kept)
    memory["slow"] = ewma(memory["slow"], memory["last"], slow_kept)
    memory["last"] = mid
    memory["seen_ns"] = time_ns
    return (memory["fast"] if params["fast_half_life_s"] > 0.0 else mid) - memory["slow"]


@strategy(params=MOMENTUM, memory=MEMORY)
def momentum(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around a mid that is expected to go on as it went.

    fair = mid + w (fast - slow), two averages of the mid, exponentially weighted by time (moving
    average convergence divergence; Appel 2005). Where the trend is beyond `threshold_ticks` the
    side that it runs over is pulled, the ask of a rising mid, and stays away for `cool_down_s`
    after. Prices in price units, times in seconds. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    now, mid = now_ns(desk), mid_twice(desk) / 2
    tick = tick_at(desk, best(desk, BID))
    trend = note_trend(memory, params, mid, now)
    back_ns = now + int(params["cool_down_s"] * 1e9)
    if trend > params["threshold_ticks"] * tick:
        memory["ask_back_ns"] = back_ns
    if trend < -params["threshold_ticks"] * tick:
        memory["bid_back_ns"] = back_ns
    shift = params["skew_ticks"] * tick * position(desk) / params["qty_lots"]
    fair = mid + params["weight"] * trend - shift
    half = params["half_spread_ticks"] * tick
    if now >= memory["bid_back_ns"]:
        want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    if now >= memory["ask_back_ns"]:
        want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
