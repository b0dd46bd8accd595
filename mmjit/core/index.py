"""From an order id to its slot: open addressing, eight bytes an entry, no tombstones.

An entry holds half of the mixed id and the slot; the id itself stands in the record of the order,
which whoever asks will need anyway. So there can be four entries a slot in the memory that whole
ids take for two, and few searches go past their first entry: it is the branches mispredicted there
that an index costs.

Invariant: between an id's home and its entry no entry is empty. The home is a salted mix of the
id, so neighbouring, equal-ending or chosen ids do not crowd.
"""

from typing import Final

from mmjit.core.codes import NIL
from mmjit.core.intrinsics import prefetch, rarely, widen
from mmjit.core.jit import CHECKED, kernel, verb
from mmjit.core.wrapping import mix

PER_SLOT: Final = 4  # entries, at least; their number is a power of two
TAG_BITS: Final = 31  # no sign, and more homes than there can be entries
TAG_MASK: Final = (1 << TAG_BITS) - 1
_PAST: Final = 2  # an entry so near to the end of its line that the next line is needed too


@verb
def tag_of(salt, order_id):  # type: ignore[no-untyped-def]
    """What an entry keeps of an id; its low bits are the home."""
    return mix(order_id ^ salt) & TAG_MASK


@verb
def find(entries, orders, tag, order_id):  # type: ignore[no-untyped-def]
    """The place of an id's entry, or of the empty one that it would get.

    Args:
        entries: ENTRY, a power of two.
        orders: of any record that has an `order_id`, by slot.
        tag: of the id.
        order_id: the id.
    """
    last = widen(len(entries) - 1)
    place = tag & last
    while entries[place]["slot"] != 0:
        entry = entries[place]
        if entry["tag"] == tag and orders[entry["slot"] - 1]["order_id"] == order_id:
            break
        place = (place + 1) & last
    return place


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
    """Empty an entry, moving later ones of its run up."""
    if CHECKED:
        assert entries[place]["slot"] != 0
    last = widen(len(entries) - 1)
    hole = place
    place = (place + 1) & last
    while rarely(entries[place]["slot"] != 0):
        home = entries[place]["tag"] & last
        if ((place - home) & last) >= ((place - hole) & last):
            entries[hole]["tag"] = entries[place]["tag"]
            entries[hole]["slot"] = entries[place]["slot"]
            hole = place
        place = (place + 1) & last
    entries[hole]["slot"] = NIL + 1


@verb
def prefetch_entry(entries, tag):  # type: ignore[no-untyped-def]
    """Ask for the line where the search for a tag begins, and the next if it begins at the end."""
    place = tag & widen(len(entries) - 1)
    prefetch(entries, place)
    prefetch(entries, place + _PAST)


@verb
def slot_likely(entries, tag):  # type: ignore[no-untyped-def]
    """The slot at a tag's home, mostly the order's; some slot in any case."""
    return max(0, entries[tag & widen(len(entries) - 1)]["slot"] - 1)


@kernel
def rewrite(old, new):  # type: ignore[no-untyped-def]
    """Copy every entry to a longer array, which is empty."""
    last = widen(len(new) - 1)
    for entry in old:
        if entry["slot"] != 0:
            place = entry["tag"] & last
            while new[place]["slot"] != 0:
                place = (place + 1) & last
            new[place]["tag"] = entry["tag"]
            new[place]["slot"] = entry["slot"]
