"""A fixed pool of slots.

Invariant: a slot is either below `depth` in `free`, exactly once, or at or above `fresh` and never
used, or held by one owner (for a region: by the tape that it was reserved for).
"""

from typing import Any, NamedTuple

from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED, kernel, verb


class Pool(NamedTuple):
    """A free-list stack over slots 0 to capacity - 1."""

    free: Any  # int32 per slot: released slots, the last released on top
    meter: Any  # METER, one


@verb
def acquire(pool):  # type: ignore[no-untyped-def]
    """Take a slot, or NIL when every slot is held."""
    meter = pool.meter[0]
    if meter["depth"] > 0:
        meter["depth"] -= 1
        return pool.free[meter["depth"]]
    if meter["fresh"] < meter["capacity"]:
        meter["fresh"] += 1
        return meter["fresh"] - 1
    return NIL


@verb
def release(pool, slot):  # type: ignore[no-untyped-def]
    """Give a slot back."""
    meter = pool.meter[0]
    if CHECKED:
        assert 0 <= slot < meter["fresh"]
        for place in range(meter["depth"]):
            assert pool.free[place] != slot  # released twice

    pool.free[meter["depth"]] = slot
    meter["depth"] += 1


@verb
def available(pool):  # type: ignore[no-untyped-def]
    """How many slots can still be taken."""
    meter = pool.meter[0]
    return meter["depth"] + meter["capacity"] - meter["fresh"]


@kernel
def reserve(pool, slot_count):  # type: ignore[no-untyped-def]
    """Set a run of slots that were never used apart, and return its first, or NIL.

    Its owner hands them out by itself; they never come onto the free stack.
    """
    meter = pool.meter[0]
    start = meter["fresh"]
    if slot_count < 0 or slot_count > meter["capacity"] - start:
        return NIL

    meter["fresh"] += slot_count
    return start
