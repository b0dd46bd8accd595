"""The resting orders of every symbol, by price and time.

Invariants (`mmjit.core.audit` walks them all): the orders of a level form one circle through the
level's sentinel, oldest first; a level's quantity and count are the sums over its orders; a level
is open while it has orders (or, set by an L2 feed, a quantity); `best` is the open level of the
highest rank of its side.

The verbs come in pairs: by id (`add`, `reduce`, ... : live feeds, through the index) and by slot
(`rest`, `shrink`, ... : tapes, whose events carry their slot). Each checks everything before its
first write and returns a status, zero or more is success.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.index import erase, insert, lookup, note_of, tag_of
from mmjit.core.intrinsics import rarely, record_bytes, within
from mmjit.core.jit import verb
from mmjit.core.levels import (
    LEVEL_QTY_MAX,
    add_page,
    close_level,
    held,
    is_live,
    link,
    note_best,
    open_level,
    price_status,
    room_for_level,
    unlink,
)
from mmjit.core.pool import Pool

INDEXED: Final = 1 << 16  # an ORDER flag: its slot is of the pool and its id in the index


class Book(NamedTuple):
    """The arrays of a book. `nodes` and `levels` are two views of one slab."""

    nodes: Any  # NODE32 or NODE64: first the orders, then the levels as sentinels
    levels: Any  # LEVEL32 or LEVEL64 over the second part of the slab, eight to a page
    masks: Any  # int16 per page: which of its levels are open, and whether it is on the stack
    orders: Any  # ORDER per order slot
    sides: Any  # SIDE per symbol and side
    symbols: Any  # SYMBOL
    places: Any  # ENTRY, from a price to its page
    rungs: Any  # RUNG, the order of the pages
    roots: Any  # int64 per symbol and side, its topmost mask
    entries: Any  # ENTRY, from an id to its slot
    order_pool: Pool
    page_pool: Pool
    control: Any  # CONTROL, one


# ---- ids --------------------------------------------------------------------------------------


@verb
def find_slot(book, order_id):  # type: ignore[no-untyped-def]
    """The slot of an order that was entered by id, or NIL."""
    return lookup(book.entries, book.orders, book.control[0]["salt"], order_id)


@verb
def enter_id(book, order_id, slot):  # type: ignore[no-untyped-def]
    """Enter an id that is not in the index."""
    insert(book.entries, book.orders, book.control[0]["salt"], order_id, slot)


@verb
def erase_id(book, order_id):  # type: ignore[no-untyped-def]
    """Take the id of an order, whose record still bears it, out of the index."""
    erase(book.entries, book.orders, book.control[0]["salt"], order_id)


@verb
def note_by_id(book, order_id):  # type: ignore[no-untyped-def]
    """The tag of an id and, in the bits above, the slot that is likely its order's."""
    return note_of(book.entries, tag_of(book.control[0]["salt"], order_id))


@verb
def bears(book, slot, order_id):  # type: ignore[no-untyped-def]
    """Whether the order of an id, entered here, rests in a slot; an empty one keeps its last id."""
    order = book.orders[slot]
    return order["order_id"] == order_id and is_live(book, slot) and order["flags"] & INDEXED != 0


# ---- verbs by slot --------------------------------------------------------------------------


@verb
def qty_status(book, qty_lots):  # type: ignore[no-untyped-def]
    """Whether a quantity fits the slab."""
    if rarely(qty_lots <= 0):
        return Status.QTY_NOT_POSITIVE
    if rarely(qty_lots > qty_lots_max(book)):
        return Status.QTY_TOO_LARGE
    return Status.OK


@verb
def qty_lots_max(book):  # type: ignore[no-untyped-def]
    """The largest quantity of one order: 2**31 - 1 or 2**62 - 1."""
    if record_bytes(book.nodes) == 16:
        return (1 << 31) - 1
    return LEVEL_QTY_MAX


@verb
def rest_status(book, event, level, page):  # type: ignore[no-untyped-def]
    """Whether the order of an event can rest at a level, or if that is NIL in a page (NIL: any).

    The event's side is one. Nothing is written.
    """
    status = qty_status(book, event["qty_lots"])
    if rarely(status < 0):
        return status
    if rarely(level == NIL):
        return page_status(book, event["symbol"], event["price"], page)
    return joining_status(book, level, event["qty_lots"], 0)


@verb
def page_status(book, symbol, price, page):  # type: ignore[no-untyped-def]
    """Whether a price that is in no page can have a given one, or if that is NIL one at all."""
    status = price_status(book, symbol, price)
    if status < 0:
        return status
    return room_for_level(book, NIL, page)


@verb
def joining_status(book, level, qty_lots, leaving_lots):  # type: ignore[no-untyped-def]
    """Whether an order can join a level, open or not, once some lots have left that very level."""
    record = book.levels[level]
    if rarely(record["order_count"] == 0):
        if record["qty_lots"] != 0:
            return Status.LEVEL_HAS_NO_ORDERS
        return room_for_level(book, level, NIL)
    if rarely(record["qty_lots"] - leaving_lots > LEVEL_QTY_MAX - qty_lots):
        return Status.LEVEL_QTY_TOO_LARGE
    return Status.OK


@verb
def rest(book, slot, event, level, page, flags):  # type: ignore[no-untyped-def]
    """Put an order at the tail of its level, with flags beside the event's; the checks are done."""
    owner = held(event["symbol"] * 2 + event["side"])
    if rarely(level == NIL):
        level = add_page(book, owner, event["price"], page)
    order = book.orders[slot]
    order["order_id"] = event["order_id"]
    order["entered_ns"] = event["venue_ns"]
    order["sequence"] = book.control[0]["sequence"]
    order["owner"] = NIL
    order["flags"] = np.int64(event["flags"]) & INDEXED - 1 | flags  # a negative one has all bits
    stand(book, slot, owner, held(level), event["qty_lots"])


@verb
def stand(book, slot, owner, level, qty_lots):  # type: ignore[no-untyped-def]
    """Put a quantity at the tail of a level, in the name of a slot."""
    book.nodes[slot]["qty_lots"] = qty_lots
    link(book, slot, level)
    record = book.levels[level]
    record["qty_lots"] += qty_lots
    record["order_count"] += 1
    book.sides[owner]["order_count"] += 1
    if rarely(record["order_count"] == 1):
        open_level(book, owner, level)
    note_best(book, owner, level)


@verb
def take(book, slot, qty_lots):  # type: ignore[no-untyped-def]
    """Take a quantity, at most all of it, off a resting order; 1 if the order is gone."""
    node = book.nodes[slot]
    level = held(node["level"])
    record = book.levels[level]
    owner = held(record["owner"])
    note_best(book, owner, level)
    left = node["qty_lots"] - qty_lots
    node["qty_lots"] = left
    record["qty_lots"] -= qty_lots
    if left != 0:
        return 0
    unlink(book, slot)
    record["order_count"] -= 1
    book.sides[owner]["order_count"] -= 1
    if rarely(record["order_count"] == 0):
        close_level(book, owner, level)
    return 1


@verb
def owner_of(book, slot):  # type: ignore[no-untyped-def]
    """2 * symbol + side of a resting order."""
    return held(book.levels[held(book.nodes[slot]["level"])]["owner"])


@verb
def shrink(book, slot, event):  # type: ignore[no-untyped-def]
    """Take what a reduce, delete or execute takes off a resting order; 1 if nothing is left of it.

    What is left keeps its place in the queue.
    """
    left = book.nodes[slot]["qty_lots"]
    kind = event["kind"]
    qty_lots = left if kind == Kind.DELETE else event["qty_lots"]
    if rarely(qty_lots <= 0):
        return Status.QTY_NOT_POSITIVE
    if rarely(qty_lots > left):
        return Status.OVER_EXECUTION if kind == Kind.EXECUTE else Status.OVER_REDUCTION

    if rarely(kind == Kind.EXECUTE):
        note_execution(book, slot, event, qty_lots)
    return take(book, slot, qty_lots)


@verb
def note_execution(book, slot, event, qty_lots):  # type: ignore[no-untyped-def]
    """Count an execution of a resting order and remember it as its symbol's last trade."""
    level = book.levels[held(book.nodes[slot]["level"])]
    owner = held(level["owner"])
    price = event["price"] if event["flags"] & Flag.OWN_PRICE else level["price"]
    count_execution(book, owner, qty_lots)
    note_trade(book, owner >> 1, price, qty_lots, event["venue_ns"])


@verb
def count_execution(book, owner, qty_lots):  # type: ignore[no-untyped-def]
    """Count an execution of a resting order of a side; the count stays at its maximum."""
    symbol = book.symbols[owner >> 1]
    if owner & 1 == 0:
        symbol["bid_executed_lots"] = min(symbol["bid_executed_lots"] + qty_lots, LEVEL_QTY_MAX)
    else:
        symbol["ask_executed_lots"] = min(symbol["ask_executed_lots"] + qty_lots, LEVEL_QTY_MAX)


@verb
def note_trade(book, symbol, price, qty_lots, venue_ns):  # type: ignore[no-untyped-def]
    """Remember the last trade of a symbol; the volume stays at its maximum once it is there."""
    record = book.symbols[symbol]
    record["last_price"] = price
    record["last_qty_lots"] = qty_lots
    record["last_ns"] = venue_ns
    record["traded_lots"] = min(record["traded_lots"] + qty_lots, LEVEL_QTY_MAX)


@verb
def replace_at(book, slot, event, level, page):  # type: ignore[no-untyped-def]
    """Give a resting order a new id, price and quantity; it goes to the tail of its new level.

    The side is the order's own. `level` is that of the price, or NIL, and then `page` the one that
    it would have, NIL for any. The event is refused as an add would be, and the order then rests as
    before.
    """
    old_level = held(book.nodes[slot]["level"])
    owner = held(book.levels[old_level]["owner"])
    status = qty_status(book, event["qty_lots"])
    if status < 0:
        return status
    left = book.nodes[slot]["qty_lots"]
    if level == NIL:
        status = page_status(book, owner >> 1, event["price"], page)
        if status < 0:
            return status
    else:
        leaves = left if level == old_level else 0  # what this very level loses by it
        status = joining_status(book, level, event["qty_lots"], leaves)
        if status < 0:
            return status

    changes = level != old_level or left != event["qty_lots"]
    was_best = book.sides[owner]["best"] == old_level
    if level == NIL:
        level = add_page(book, owner, event["price"], page)
    _move(book, slot, old_level, held(level), event)
    is_best = book.sides[owner]["best"] == level
    book.control[0]["best_changed"] = changes and (was_best or is_best)
    return slot


@verb
def _move(book, slot, old_level, level, event):  # type: ignore[no-untyped-def]
    """Take an order from its level to the tail of another, or of the same."""
    node = book.nodes[slot]
    before = book.levels[old_level]
    owner = held(before["owner"])
    before["qty_lots"] -= node["qty_lots"]
    before["order_count"] -= 1
    unlink(book, slot)
    node["qty_lots"] = event["qty_lots"]
    link(book, slot, level)
    after = book.levels[level]
    after["qty_lots"] += event["qty_lots"]
    after["order_count"] += 1
    if after["order_count"] == 1 and level != old_level:
        open_level(book, owner, level)
    if before["order_count"] == 0:
        close_level(book, owner, old_level)
    order = book.orders[slot]
    order["order_id"] = event["other_id"]
    order["entered_ns"] = event["venue_ns"]
    order["sequence"] = book.control[0]["sequence"]


# ---- verbs on levels and symbols ------------------------------------------------------------


@verb
def owner_named(book, event):  # type: ignore[no-untyped-def]
    """2 * symbol + side of an event of a level, or a status."""
    if rarely(not within(event["symbol"], len(book.symbols))):
        return np.int64(Status.SYMBOL_UNKNOWN)
    if rarely(not within(event["side"], 2)):
        return np.int64(Status.SIDE_UNKNOWN)
    return np.int64(event["symbol"]) * 2 + event["side"]


@verb
def set_level(book, event, level, page):  # type: ignore[no-untyped-def]
    """Set the quantity of a level that has no orders of its own (L2); 0 removes it.

    `level` is that of the price, or NIL, and then `page` the one that it would have, NIL for any.
    """
    if rarely(not 0 <= event["qty_lots"] <= LEVEL_QTY_MAX):
        return Status.QTY_NOT_POSITIVE if event["qty_lots"] < 0 else Status.QTY_TOO_LARGE
    owner = held(event["symbol"] * 2 + event["side"])
    if rarely(level == NIL):
        status = price_status(book, event["symbol"], event["price"])
        if status == Status.OK and event["qty_lots"] != 0:
            status = room_for_level(book, NIL, page)
        if status < 0:
            return status
        if event["qty_lots"] == 0:
            book.control[0]["best_changed"] = 0
            return Status.OK
        level = add_page(book, owner, event["price"], page)
    elif book.levels[level]["order_count"] != 0:
        return Status.LEVEL_HAS_ORDERS
    elif event["qty_lots"] != 0:
        status = room_for_level(book, level, NIL)
        if status < 0:
            return status
    _set_qty(book, owner, held(level), event["qty_lots"])
    return Status.OK


@verb
def _set_qty(book, owner, level, qty_lots):  # type: ignore[no-untyped-def]
    """Give a level without orders a quantity, or none."""
    record = book.levels[level]
    before = record["qty_lots"]
    record["qty_lots"] = qty_lots
    if rarely(before == 0 and qty_lots != 0):
        open_level(book, owner, level)
    book.control[0]["best_changed"] = before != qty_lots and book.sides[owner]["best"] == level
    if rarely(before != 0 and qty_lots == 0):
        close_level(book, owner, level)


# ---- reads ----------------------------------------------------------------------------------


@verb
def best_of(book, owner):  # type: ignore[no-untyped-def]
    """Price and quantity of the best level of a side, zeros when it is empty."""
    level = book.sides[owner]["best"]
    if rarely(level == NIL):
        return np.int64(0), np.int64(0)
    record = book.levels[held(level)]
    return record["price"], record["qty_lots"]
