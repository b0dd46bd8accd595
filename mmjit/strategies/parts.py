"""What several rules share: averages that forget with time, and room for a position."""

import math

from mmjit.core.desk import position
from mmjit.core.jit import verb


@verb
def kept_after(elapsed_ns, half_life_s):  # type: ignore[no-untyped-def]
    """The share of an average that is left after a time, 2**(-elapsed / half-life).

    After no time everything; without a half-life nothing.
    """
    if elapsed_ns <= 0:
        return 1.0
    if half_life_s <= 0.0:
        return 0.0
    return 0.5 ** (elapsed_ns * 1e-9 / half_life_s)


@verb
def ewma(average, value, kept):  # type: ignore[no-untyped-def]
    """An exponentially weighted average after one more value: a <- kept a + (1 - kept) value."""
    return kept * average + (1.0 - kept) * value


@verb
def note_level(memory, value, time_ns, half_life_s):  # type: ignore[no-untyped-def]
    """Take a value into the `mean` and the `variance` of a memory with `seen_ns` and `last` too.

    What counts is the value that held until now, for as long as it did: with k the share that is
    kept, v <- k (v + (1 - k) (x - m)**2), m <- k m + (1 - k) x, which is the variance around the
    mean of values of these weights (West 1979). The new one has no weight yet.
    """
    if memory["seen_ns"] == 0:
        memory["mean"] = value
        memory["last"] = value
    kept = kept_after(time_ns - memory["seen_ns"], half_life_s)
    gap = memory["last"] - memory["mean"]
    memory["variance"] = kept * (memory["variance"] + (1.0 - kept) * gap * gap)
    memory["mean"] = ewma(memory["mean"], memory["last"], kept)
    memory["last"] = value
    memory["seen_ns"] = time_ns


@verb
def deviation_of(memory, value):  # type: ignore[no-untyped-def]
    """How far a value is from the mean of a memory, in standard deviations; 0 without any."""
    if memory["variance"] <= 0.0:
        return 0.0
    return (value - memory["mean"]) / math.sqrt(memory["variance"])


@verb
def note_mid(memory, params, mid_twice, time_ns):  # type: ignore[no-untyped-def]
    """Take a mid into the variance of its moves, in price units squared per second.

    v <- k v + (1 - k) r**2 / dt, where r is the move since the last sample, dt the time since, and
    k = 2**(-dt / half-life); the first move gives the first v.
    """
    elapsed_ns = time_ns - memory["sampled_ns"]
    if memory["sampled_ns"] != 0:
        if elapsed_ns <= 0 or elapsed_ns * 1e-9 < params["sample_s"]:
            return
        move = (mid_twice - memory["mid_twice"]) / 2
        kept = kept_after(elapsed_ns, params["half_life_s"]) if memory["sample_count"] > 0 else 0.0
        memory["variance"] = ewma(memory["variance"], move * move / (elapsed_ns * 1e-9), kept)
        memory["sample_count"] += 1
    memory["sampled_ns"] = time_ns
    memory["mid_twice"] = mid_twice


@verb
def sigma_of(memory, params, tick):  # type: ignore[no-untyped-def]
    """Ticks per square root of a second: as given by `sigma_ticks`, else from what was measured."""
    if params["sigma_ticks"] > 0.0:
        return params["sigma_ticks"]
    return math.sqrt(memory["variance"]) / tick


@verb
def lots_within(desk, side, qty_lots, position_max_lots):  # type: ignore[no-untyped-def]
    """How many of `qty_lots` a side may have before the position is at its bound; 0: no bound."""
    if position_max_lots <= 0:
        return qty_lots
    held_lots = position(desk) if side == 0 else -position(desk)
    return max(0, min(qty_lots, position_max_lots - held_lots))
