"""Which prices of a side are in use, in order: a tree of 64-bit masks kept in a hash table.

A price is counted in increments from the symbol's `price_min`; asks count down from `price_max`,
so that on both sides a higher rank is a better price. The mask at height 0 holds 64 neighbouring
ranks, the mask at height h tells which masks of height h - 1 are not empty. Only masks in use
exist, so a stub quote a million ticks away costs a handful of them, and nothing assumes a band.

Invariant: a bit is set where there is a level, or a mask below that is not empty; an empty mask is
not in the table.
"""

from typing import Final

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.intrinsics import bit, bits_below, highest_bit
from mmjit.core.jit import CHECKED, helper, verb
from mmjit.core.wrapping import mix_pair

RANK_BITS: Final = 48  # a symbol spans fewer than 2**48 increments
HEIGHTS: Final = 8  # 8 * 6 bits
OWNERS_MAX: Final = 1 << 17  # 2 * 65,536 symbols: owner, height and prefix share one word
_PREFIX_BITS: Final = RANK_BITS - 6


@verb
def rank_of(symbol, side, price):  # type: ignore[no-untyped-def]
    """How good a price is, in increments."""
    if side == 0:
        return (price - symbol["price_min"]) // symbol["increment"]
    return (symbol["price_max"] - price) // symbol["increment"]


@verb
def price_of(symbol, side, rank):  # type: ignore[no-untyped-def]
    """The price of a rank."""
    if side == 0:
        return symbol["price_min"] + rank * symbol["increment"]
    return symbol["price_max"] - rank * symbol["increment"]


@verb
def _key(owner, height, rank):  # type: ignore[no-untyped-def]
    return ((np.int64(owner) * HEIGHTS + height) << _PREFIX_BITS) | (rank >> (6 * height + 6))


@verb
def height_of(key):  # type: ignore[no-untyped-def]
    """The height of the mask with this key."""
    return key >> _PREFIX_BITS & (HEIGHTS - 1)


@verb
def _find(rungs, key):  # type: ignore[no-untyped-def]
    """The place of a mask, or the empty place where it would go."""
    last = len(rungs) - 1
    place = mix_pair(key, key) & last
    while rungs[place]["mask"] != 0 and rungs[place]["key"] != key:
        place = (place + 1) & last
    return place


@verb
def _remove(rungs, hole):  # type: ignore[no-untyped-def]
    """Take a mask that has become empty out of the table."""
    last = len(rungs) - 1
    place = (hole + 1) & last
    while rungs[place]["mask"] != 0:
        key = rungs[place]["key"]
        wish = mix_pair(key, key) & last
        if ((place - wish) & last) >= ((place - hole) & last):
            rungs[hole]["key"] = key
            rungs[hole]["mask"] = rungs[place]["mask"]
            hole = place
        place = (place + 1) & last
    rungs[hole]["mask"] = 0


@helper
def mark(rungs, owner, rank):  # type: ignore[no-untyped-def]
    """Note that a rank is in use; returns how many masks that added."""
    added = 0
    for height in range(HEIGHTS):
        key = _key(owner, height, rank)
        rung = rungs[_find(rungs, key)]
        mask = rung["mask"]
        if CHECKED:
            assert height > 0 or mask & bit(rank & 63) == 0
        rung["mask"] = mask | bit(rank >> 6 * height & 63)
        if mask != 0:
            return added
        rung["key"] = key
        added += 1
    return added


@helper
def unmark(rungs, owner, rank):  # type: ignore[no-untyped-def]
    """Note that a rank is no longer in use; returns how many masks that removed."""
    for height in range(HEIGHTS):
        place = _find(rungs, _key(owner, height, rank))
        mask = rungs[place]["mask"] & ~bit(rank >> 6 * height & 63)
        rungs[place]["mask"] = mask
        if mask != 0:
            return height
        _remove(rungs, place)
    return HEIGHTS


@helper
def best_rank(rungs, owner):  # type: ignore[no-untyped-def]
    """The highest rank in use, or NIL."""
    return _descend(rungs, owner, HEIGHTS - 1, 0)


@helper
def next_rank(rungs, owner, rank):  # type: ignore[no-untyped-def]
    """The highest rank in use below `rank`, or NIL."""
    for height in range(HEIGHTS):
        mask = rungs[_find(rungs, _key(owner, height, rank))]["mask"]
        below = mask & bits_below(rank >> 6 * height & 63)
        if below != 0:
            prefix = (rank >> (6 * height + 6)) << 6 | highest_bit(below)
            if height == 0:
                return prefix
            return _descend(rungs, owner, height - 1, prefix)
    return NIL


@verb
def _descend(rungs, owner, height, prefix):  # type: ignore[no-untyped-def]
    """The highest rank in use under a mask."""
    while height >= 0:
        mask = rungs[_find(rungs, _key(owner, height, prefix << (6 * height + 6)))]["mask"]
        if mask == 0:
            return NIL
        prefix = prefix << 6 | highest_bit(mask)
        height -= 1
    return prefix
