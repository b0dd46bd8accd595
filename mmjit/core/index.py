"""From an order id to its slot: open addressing, no tombstones.

Invariant: between an id's home and its entry no entry is empty. The home is a salted mix of the
id, so neighbouring, equal-ending or chosen ids do not crowd. There are at least twice as many
entries as orders, so a search ends soon and the table is never full.
"""

from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED, verb
from mmjit.core.wrapping import mix


@verb
def home(entries, salt, order_id):  # type: ignore[no-untyped-def]
    """Where the search for an id begins."""
    return mix(order_id ^ salt) & (len(entries) - 1)


@verb
def lookup(entries, salt, order_id):  # type: ignore[no-untyped-def]
    """The slot of an id, or NIL."""
    last = len(entries) - 1
    place = home(entries, salt, order_id)
    while entries[place]["order_id"] != 0:
        if entries[place]["order_id"] == order_id:
            return entries[place]["slot"]
        place = (place + 1) & last
    return NIL


@verb
def insert(entries, salt, order_id, slot):  # type: ignore[no-untyped-def]
    """Enter an id that is not in the index."""
    last = len(entries) - 1
    place = home(entries, salt, order_id)
    while entries[place]["order_id"] != 0:
        if CHECKED:
            assert entries[place]["order_id"] != order_id
        place = (place + 1) & last
    entry = entries[place]
    entry["order_id"] = order_id
    entry["slot"] = slot


@verb
def erase(entries, salt, order_id):  # type: ignore[no-untyped-def]
    """Remove an id that is in the index, moving later entries of its run up."""
    last = len(entries) - 1
    hole = home(entries, salt, order_id)
    while entries[hole]["order_id"] != order_id:
        if CHECKED:
            assert entries[hole]["order_id"] != 0
        hole = (hole + 1) & last
    place = (hole + 1) & last
    while entries[place]["order_id"] != 0:
        wish = home(entries, salt, entries[place]["order_id"])
        if ((place - wish) & last) >= ((place - hole) & last):
            entries[hole]["order_id"] = entries[place]["order_id"]
            entries[hole]["slot"] = entries[place]["slot"]
            hole = place
        place = (place + 1) & last
    entries[hole]["order_id"] = 0
