"""Driving a book by order ids, as a live feed or a person does: what a feed says happened, happens.

Slots come from the pool and ids from the index; an order entered here is flagged INDEXED, which
tells it from those that stand in the region of a tape. Nothing is mended here: an event that
breaks a rule is refused, and the book is as it was.
"""

from mmjit.core.book import INDEXED, owner_of, replace_at, rest, rest_status, shrink
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.index import erase, insert, lookup
from mmjit.core.jit import kernel, verb
from mmjit.core.levels import is_live, level_at
from mmjit.core.pool import acquire, available, release
from mmjit.core.replay import apply_bookwide, note_accepted


@verb
def apply_by_id(book, event):  # type: ignore[no-untyped-def]
    """Apply one event that names its order by id; returns a status, of an add the slot."""
    kind = event["kind"]
    if kind == Kind.ADD:
        status = add(book, event)
    elif kind > 0 and kind <= Kind.EXECUTE:
        status = change(book, event)
    else:
        status = apply_bookwide(book, event)
    if status >= 0:
        note_accepted(book, event)
    return status


@verb
def add(book, event):  # type: ignore[no-untyped-def]
    """Rest a new order and return its slot."""
    if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    level = level_at(book, event["symbol"] * 2 + event["side"], event["price"])
    status = rest_status(book, event, level)
    if status < 0:
        return status
    if lookup(book.entries, book.control[0]["salt"], event["order_id"]) != NIL:
        return Status.ORDER_ID_DUPLICATE
    if available(book.order_pool) == 0:
        return Status.ORDER_POOL_EXHAUSTED

    slot = acquire(book.order_pool)
    insert(book.entries, book.control[0]["salt"], event["order_id"], slot)
    rest(book, slot, event, level, event["order_id"])
    book.orders[slot]["flags"] |= INDEXED
    return slot


@verb
def change(book, event):  # type: ignore[no-untyped-def]
    """Reduce, delete, execute or replace a resting order."""
    if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    slot = lookup(book.entries, book.control[0]["salt"], event["order_id"])
    if slot == NIL:
        return Status.ORDER_ID_UNKNOWN
    if owner_of(book, slot) >> 1 != event["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    if event["kind"] == Kind.REPLACE:
        return replace(book, slot, event)

    status = shrink(book, slot, event)
    if status >= 0 and not is_live(book, slot):
        erase(book.entries, book.control[0]["salt"], event["order_id"])
        release(book.order_pool, slot)
    return status


@verb
def replace(book, slot, event):  # type: ignore[no-untyped-def]
    """Give a resting order a new id (its own again is allowed), price and quantity."""
    salt = book.control[0]["salt"]
    old_id = event["order_id"]
    new_id = event["other_id"]
    if new_id == 0:
        return Status.ORDER_ID_ZERO
    if new_id != old_id and lookup(book.entries, salt, new_id) != NIL:
        return Status.ORDER_ID_DUPLICATE
    status = replace_at(book, slot, event)
    if status >= 0 and new_id != old_id:
        erase(book.entries, salt, old_id)
        insert(book.entries, salt, new_id, slot)
    return status


@kernel
def apply_one(book, events, place):  # type: ignore[no-untyped-def]
    """Apply one event by id.

    Args:
        book: the book it changes.
        events: EVENT.
        place: which of them.

    Returns:
        The slot of an add or a replace, 0 or 1 (the order is gone) of another, or a status below 0.
    """
    return apply_by_id(book, events[place])


@kernel
def apply_all(book, events, statuses):  # type: ignore[no-untyped-def]
    """Apply a run of events by id; `statuses`, int64 per event, takes what each returned.

    Returns:
        How many were refused.
    """
    refused = 0
    for place in range(len(events)):
        status = apply_by_id(book, events[place])
        statuses[place] = status
        if status < 0:
            refused += 1
    return refused
