"""From an order id to its slot: open addressing by lines of eight entries, no tombstones.

An entry holds half of the mixed id and the slot; the id itself stands in the record of the order,
which whoever asks will need anyway. The eight entries of a line are compared at once, so that
nothing is guessed where an id has the second or third place of its line: it is the branches
mispredicted there that an index costs. With four entries a slot, hardly a line is ever full.

Invariant: an id's entry stands in its home line, or in a later one if every line from its home to
there is full. The home is a salted mix of the id, so neighbouring, equal-ending or chosen ids do
not crowd.
"""

from typing import Final

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.intrinsics import equal_words, lowest_bit, prefetch, rarely, widen
from mmjit.core.jit import CHECKED, helper, kernel, verb
from mmjit.core.wrapping import mix

PER_SLOT: Final = 4  # entries, at least; their number is a power of two
LINE: Final = 8  # entries
TAG_BITS: Final = 31  # no sign, and more homes than there can be entries
TAG_MASK: Final = (1 << TAG_BITS) - 1
_TAGS: Final = 0x5555  # of the sixteen words of a line: the tags,
_SLOTS: Final = 0xAAAA  # and the slots


@verb
def tag_of(salt, order_id):  # type: ignore[no-untyped-def]
    """What an entry keeps of an id; its low bits are the home."""
    return mix(order_id ^ salt) & TAG_MASK


@verb
def _line_of(entries, tag):  # type: ignore[no-untyped-def]
    """The first entry of the line where a tag would like to stand, or where a place is."""
    return tag & widen(len(entries) - LINE)


@verb
def _free_in(entries, line):  # type: ignore[no-untyped-def]
    """The entries of a line that are empty, as bits of their slots."""
    return equal_words(entries, line, NIL + 1) & _SLOTS


@verb
def _alike_in(entries, line, tag):  # type: ignore[no-untyped-def]
    """The entries of a line that have a tag, as bits of their tags."""
    return equal_words(entries, line, tag) & ~(_free_in(entries, line) >> 1) & _TAGS


@verb
def find(entries, orders, tag, order_id):  # type: ignore[no-untyped-def]
    """The place of an id's entry, or of the empty one that it would get.

    Args:
        entries: ENTRY, a power of two.
        orders: of any record that has an `order_id`, by slot.
        tag: of the id.
        order_id: the id.
    """
    line = _line_of(entries, tag)
    while True:
        alike = _alike_in(entries, line, tag)
        while alike != 0:
            place = line + (lowest_bit(alike) >> 1)
            if orders[entries[place]["slot"] - 1]["order_id"] == order_id:
                return place
            alike &= alike - 1
        free = _free_in(entries, line)
        if free != 0:
            return line + (lowest_bit(free) >> 1)
        line = _line_of(entries, line + LINE)


@verb
def place_of(entries, tag, slot):  # type: ignore[no-untyped-def]
    """The place of the entry of a slot that is in the index, by the tag of its id."""
    line = _line_of(entries, tag)
    same = equal_words(entries, line, slot + 1) & _SLOTS
    while rarely(same == 0):
        if CHECKED:
            assert _free_in(entries, line) == 0
        line = _line_of(entries, line + LINE)
        same = equal_words(entries, line, slot + 1) & _SLOTS
    return line + (lowest_bit(same) >> 1)


@verb
def slot_at(entries, place):  # type: ignore[no-untyped-def]
    """The slot of an entry, NIL if it is empty."""
    return entries[place]["slot"] - 1


@verb
def lookup(entries, orders, salt, order_id):  # type: ignore[no-untyped-def]
    """The slot of an id, or NIL."""
    return slot_at(entries, find(entries, orders, tag_of(salt, order_id), order_id))


@verb
def enter(entries, place, tag, slot):  # type: ignore[no-untyped-def]
    """Fill the empty entry that `find` gave."""
    entry = entries[place]
    if CHECKED:
        assert entry["slot"] == 0
    entry["tag"] = tag
    entry["slot"] = slot + 1


@verb
def insert(entries, orders, salt, order_id, slot):  # type: ignore[no-untyped-def]
    """Enter an id that is not in the index."""
    tag = tag_of(salt, order_id)
    enter(entries, find(entries, orders, tag, order_id), tag, slot)


@verb
def erase(entries, orders, salt, order_id):  # type: ignore[no-untyped-def]
    """Remove an id that is in the index."""
    erase_at(entries, find(entries, orders, tag_of(salt, order_id), order_id))


@verb
def erase_at(entries, place):  # type: ignore[no-untyped-def]
    """Empty an entry; if its line was full, those that it had no room for move up."""
    if CHECKED:
        assert entries[place]["slot"] != 0
    was_full = _free_in(entries, _line_of(entries, place)) == 0
    entries[place]["slot"] = NIL + 1
    if rarely(was_full):
        _move_up(entries, place)


@helper
def _move_up(entries, hole):  # type: ignore[no-untyped-def]
    """Fill an entry of a line that was full from the lines that follow, as far as they are full."""
    line = _line_of(entries, hole)
    full = True
    while full:
        line = _line_of(entries, line + LINE)
        full = _free_in(entries, line) == 0
        past_hole = _line_of(entries, line - _line_of(entries, hole))
        for place in range(line, line + LINE):
            entry = entries[place]
            past_home = _line_of(entries, line - _line_of(entries, entry["tag"]))
            if entry["slot"] != 0 and past_home >= past_hole:
                entries[hole]["tag"] = entry["tag"]
                entries[hole]["slot"] = entry["slot"]
                entry["slot"] = NIL + 1
                hole = place
                break


@verb
def prefetch_entry(entries, tag):  # type: ignore[no-untyped-def]
    """Ask for the line where the search for a tag begins."""
    prefetch(entries, _line_of(entries, tag))


@verb
def slot_likely(entries, tag):  # type: ignore[no-untyped-def]
    """The slot of a tag in its home line, nearly always the order's; some slot in any case."""
    line = _line_of(entries, tag)
    alike = _alike_in(entries, line, tag)
    last = 1 << 2 * LINE - 2  # the entry that is filled last, mostly empty
    return max(0, entries[line + (lowest_bit(alike | last) >> 1)]["slot"] - 1)


@verb
def note_of(entries, tag):  # type: ignore[no-untyped-def]
    """A tag and, in the bits above, the slot that is likely its."""
    return tag | np.int64(slot_likely(entries, tag)) << TAG_BITS


@kernel
def rewrite(old, new):  # type: ignore[no-untyped-def]
    """Copy every entry to a longer array, which is empty."""
    for entry in old:
        if entry["slot"] != 0:
            line = _line_of(new, entry["tag"])
            while _free_in(new, line) == 0:
                line = _line_of(new, line + LINE)
            enter(
                new, line + (lowest_bit(_free_in(new, line)) >> 1), entry["tag"], entry["slot"] - 1
            )
