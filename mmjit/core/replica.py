"""Driving a book by order ids, as a live feed or a person does: what a feed says happened, happens.

Slots come from the pool and ids from the index; an order entered here is flagged INDEXED, which
tells it from those that stand in the region of a tape. Nothing is mended here: an event that
breaks a rule is refused, and the book is as it was.
"""

import numpy as np

from mmjit.core.ahead import prefetch_market, prefetch_neighbours
from mmjit.core.book import (
    INDEXED,
    bears,
    note_by_id,
    owner_named,
    owner_of,
    replace_at,
    rest,
    rest_status,
    set_level,
    shrink,
)
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.index import (
    TAG_BITS,
    TAG_MASK,
    enter,
    erase_at,
    find,
    note_of,
    place_of,
    prefetch_entry,
    slot_at,
    tag_of,
)
from mmjit.core.intrinsics import prefetch, rarely, within
from mmjit.core.jit import kernel, verb
from mmjit.core.levels import held, level_of
from mmjit.core.pool import acquire, available, release
from mmjit.core.replay import AHEAD, apply_bookwide, note_accepted


@verb
def apply_by_id(book, event):  # type: ignore[no-untyped-def]
    """Apply one event that names its order by id.

    Returns the slot of an add or a replace, 0 or 1 (the order is gone) of another, or a status.
    """
    return apply_noted(book, event, note_by_id(book, event["order_id"]))


@verb
def apply_noted(book, event, note):  # type: ignore[no-untyped-def]
    """`apply_by_id` where the tag of the id is known, and above it a guess at the order's slot."""
    kind = event["kind"]
    if kind == Kind.ADD:
        status = add(book, event, note & TAG_MASK)
    elif kind > 0 and kind <= Kind.EXECUTE:
        status = change(book, event, note & TAG_MASK, note >> TAG_BITS)
    elif kind == Kind.LEVEL:
        status = _set_level(book, event)
    else:
        status = apply_bookwide(book, event)
    if status >= 0:
        note_accepted(book, event)
    return status


@verb
def _set_level(book, event):  # type: ignore[no-untyped-def]
    """Set the quantity of the level at an event's price."""
    owner = owner_named(book, event)
    if rarely(owner < 0):
        return owner
    return set_level(book, event, np.int64(level_of(book, held(owner), event["price"])), NIL)


@verb
def add(book, event, tag):  # type: ignore[no-untyped-def]
    """Rest a new order and return its slot."""
    if rarely(not within(event["symbol"], len(book.symbols))):
        return Status.SYMBOL_UNKNOWN
    if rarely(event["order_id"] == 0):
        return Status.ORDER_ID_ZERO
    if rarely(not within(event["side"], 2)):
        return Status.SIDE_UNKNOWN
    level = level_of(book, held(event["symbol"] * 2 + event["side"]), event["price"])
    status = rest_status(book, event, level, NIL)
    if rarely(status < 0):
        return status
    place = find(book.entries, book.orders, tag, event["order_id"])
    if rarely(slot_at(book.entries, place) != NIL):
        return Status.ORDER_ID_DUPLICATE
    if rarely(available(book.order_pool) == 0):
        return Status.ORDER_POOL_EXHAUSTED

    slot = held(acquire(book.order_pool))
    enter(book.entries, place, tag, slot)
    rest(book, slot, event, level, NIL, INDEXED)
    return slot


@verb
def change(book, event, tag, slot):  # type: ignore[no-untyped-def]
    """Reduce, delete, execute or replace a resting order, which is mostly the one in `slot`."""
    if rarely(not within(event["symbol"], len(book.symbols))):
        return Status.SYMBOL_UNKNOWN
    if rarely(event["order_id"] == 0):
        return Status.ORDER_ID_ZERO
    if rarely(not bears(book, slot, event["order_id"])):
        place = find(book.entries, book.orders, tag, event["order_id"])
        slot = np.int64(slot_at(book.entries, place))
        if slot == NIL:
            return Status.ORDER_ID_UNKNOWN
    slot = held(slot)
    if rarely(owner_of(book, slot) >> 1 != event["symbol"]):
        return Status.ORDER_OF_OTHER_SYMBOL
    if rarely(event["kind"] == Kind.REPLACE):
        return replace(book, tag, slot, event)

    status = shrink(book, slot, event)
    if status == 1:
        erase_at(book.entries, place_of(book.entries, tag, slot))
        release(book.order_pool, slot)
    return status


@verb
def replace(book, old_tag, slot, event):  # type: ignore[no-untyped-def]
    """Give a resting order, whose tag is known, a new id (or its own), price and quantity."""
    old_id = event["order_id"]
    new_id = event["other_id"]
    if new_id == 0:
        return Status.ORDER_ID_ZERO
    tag = tag_of(book.control[0]["salt"], new_id)
    other = find(book.entries, book.orders, tag, new_id)
    if new_id != old_id and slot_at(book.entries, other) != NIL:
        return Status.ORDER_ID_DUPLICATE
    level = level_of(book, owner_of(book, slot), event["price"])
    status = replace_at(book, slot, event, level, NIL)
    if status >= 0 and new_id != old_id:
        erase_at(book.entries, place_of(book.entries, old_tag, slot))
        enter(book.entries, find(book.entries, book.orders, tag, new_id), tag, slot)
    return status


@kernel
def apply_all(book, events, statuses):  # type: ignore[no-untyped-def]
    """Apply a run of events by id; `statuses`, int64 per event, takes what each returned.

    Returns:
        How many were refused.
    """
    refused = 0
    tag_first(book, events, statuses)
    start, stop, ahead = 0, max(0, len(events) - 3 * AHEAD), AHEAD
    for _ in range(2):  # all but the last events, then those, which have none to look ahead at
        for place in range(start, stop):
            look_ahead_by_id(book, events, statuses, place, ahead)
            status = apply_noted(book, events[place], statuses[place])
            statuses[place] = status
            if rarely(status < 0):
                refused += 1
        start, stop, ahead = stop, len(events), 0
    return refused


@verb
def tag_first(book, events, notes):  # type: ignore[no-untyped-def]
    """Note the tags of the events that `look_ahead_by_id` will not come by first."""
    salt = book.control[0]["salt"]
    for place in range(min(3 * AHEAD, len(events))):
        notes[place] = tag_of(salt, events[place]["order_id"])


@verb
def look_ahead_by_id(book, events, notes, place, ahead):  # type: ignore[no-untyped-def]
    """Ask for the memory of three events to come, as far as each one's addresses are known by then.

    Args:
        book: the book.
        events: EVENT; three times `ahead` of them follow `place`.
        notes: int64 per event: takes the tag of its id and above that a guess at its slot, as
            `apply_noted` will have it.
        place: of the event that is next.
        ahead: how far to look at a time.
    """
    last, later, soon = place + 3 * ahead, place + 2 * ahead, place + ahead
    tag = tag_of(book.control[0]["salt"], events[last]["order_id"])
    notes[last] = tag
    prefetch_entry(book.entries, tag)
    notes[later] = note_of(book.entries, notes[later])
    slot = notes[later] >> TAG_BITS
    prefetch(book.nodes, slot)
    prefetch(book.orders, slot)
    prefetch_neighbours(book, notes[soon] >> TAG_BITS, events[soon])
    if events[soon]["symbol"] != events[place]["symbol"]:
        prefetch_market(book, events[soon], events[later], events[last])
