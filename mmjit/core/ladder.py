"""Which pages of a side are in use, in order: a tree of 64-bit masks kept in a hash table.

A page is eight neighbouring prices (`mmjit.core.levels`); they are numbered from the worst price
on, so that on both sides a higher number is a better page. The mask at height 0 holds 64
neighbouring pages, the mask at height h tells which masks of height h - 1 are not empty; a symbol
has as many heights as its prices need. The topmost mask of each side, its root, has a place of its
own, and of the others only those in use exist: so a stub quote a million ticks away costs a handful
of them, and nothing assumes a band.

Invariant: a bit is set where there is a page, or a mask below that is not empty; an empty mask is
not in the table.
"""

from typing import Final

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.intrinsics import bit, bits_below, highest_bit, widen
from mmjit.core.jit import CHECKED, helper, verb
from mmjit.core.wrapping import mix_pair

NUMBER_BITS: Final = 45  # a side spans fewer than 2**45 pages
HEIGHTS: Final = 8  # 8 * 6 bits
OWNERS_MAX: Final = 1 << 17  # 2 * 65,536 symbols: owner, height and prefix share one word
_PREFIX_BITS: Final = NUMBER_BITS - 6


@verb
def heights_for(number_max):  # type: ignore[no-untyped-def]
    """How many heights the pages 0 to `number_max` need."""
    heights = 1
    while number_max >> 6 * heights != 0:
        heights += 1
    return heights


@verb
def _key(owner, height, number):  # type: ignore[no-untyped-def]
    return ((np.int64(owner) * HEIGHTS + height) << _PREFIX_BITS) | (number >> (6 * height + 6))


@verb
def height_of(key):  # type: ignore[no-untyped-def]
    """The height of the mask with this key."""
    return key >> _PREFIX_BITS & (HEIGHTS - 1)


@verb
def owner_of_mask(key):  # type: ignore[no-untyped-def]
    """The owner of the mask with this key."""
    return key >> _PREFIX_BITS + 3


@verb
def _scatter(salt, key):  # type: ignore[no-untyped-def]
    """Salted, so that nobody can choose prices whose masks crowd."""
    return mix_pair(key, key ^ salt)


@verb
def _find(rungs, salt, key):  # type: ignore[no-untyped-def]
    """The place of a mask, or the empty place where it would go."""
    last = widen(len(rungs) - 1)
    place = _scatter(salt, key) & last
    while rungs[place]["mask"] != 0 and rungs[place]["key"] != key:
        place = (place + 1) & last
    return place


@verb
def _remove(rungs, salt, hole):  # type: ignore[no-untyped-def]
    """Take a mask that has become empty out of the table."""
    last = widen(len(rungs) - 1)
    place = (hole + 1) & last
    while rungs[place]["mask"] != 0:
        key = rungs[place]["key"]
        wish = _scatter(salt, key) & last
        if ((place - wish) & last) >= ((place - hole) & last):
            rungs[hole]["key"] = key
            rungs[hole]["mask"] = rungs[place]["mask"]
            hole = place
        place = (place + 1) & last
    rungs[hole]["mask"] = 0


@verb
def rung_home(rungs, salt, owner, number):  # type: ignore[no-untyped-def]
    """Where the search for the mask begins that holds a page."""
    return _scatter(salt, _key(owner, 0, number)) & widen(len(rungs) - 1)


@helper
def mark(rungs, roots, salt, owner, number, heights):  # type: ignore[no-untyped-def]
    """Note that a page is in use; returns how many masks that added to the table."""
    added = 0
    for height in range(heights - 1):
        key = _key(owner, height, number)
        rung = rungs[_find(rungs, salt, key)]
        mask = rung["mask"]
        if CHECKED:
            assert height > 0 or mask & bit(number & 63) == 0
        rung["mask"] = mask | bit(number >> 6 * height & 63)
        if mask != 0:
            return added
        rung["key"] = key
        added += 1
    roots[owner] |= bit(number >> 6 * (heights - 1) & 63)
    return added


@helper
def unmark(rungs, roots, salt, owner, number, heights):  # type: ignore[no-untyped-def]
    """Note that a page is no longer in use; returns how many masks that took from the table."""
    for height in range(heights - 1):
        place = _find(rungs, salt, _key(owner, height, number))
        mask = rungs[place]["mask"] & ~bit(number >> 6 * height & 63)
        rungs[place]["mask"] = mask
        if mask != 0:
            return height
        _remove(rungs, salt, place)
    roots[owner] &= ~bit(number >> 6 * (heights - 1) & 63)
    return heights - 1


@verb
def _mask_at(rungs, roots, salt, owner, height, number, heights):  # type: ignore[no-untyped-def]
    """The mask of a height that a page stands in."""
    if height == heights - 1:
        return roots[owner]
    return rungs[_find(rungs, salt, _key(owner, height, number))]["mask"]


@helper
def best_page(rungs, roots, salt, owner, heights):  # type: ignore[no-untyped-def]
    """The highest page in use, or NIL."""
    return _descend(rungs, roots, salt, owner, heights - 1, 0, heights)


@helper
def next_page(rungs, roots, salt, owner, number, heights):  # type: ignore[no-untyped-def]
    """The highest page in use below a page, or NIL."""
    for height in range(heights):
        mask = _mask_at(rungs, roots, salt, owner, height, number, heights)
        below = mask & bits_below(number >> 6 * height & 63)
        if below != 0:
            prefix = (number >> (6 * height + 6)) << 6 | highest_bit(below)
            if height == 0:
                return prefix
            return _descend(rungs, roots, salt, owner, height - 1, prefix, heights)
    return NIL


@verb
def _descend(rungs, roots, salt, owner, height, prefix, heights):  # type: ignore[no-untyped-def]
    """The highest page in use under a mask."""
    while height >= 0:
        number = prefix << (6 * height + 6)
        mask = _mask_at(rungs, roots, salt, owner, height, number, heights)
        if mask == 0:
            return NIL
        prefix = prefix << 6 | highest_bit(mask)
        height -= 1
    return prefix
