"""The resting orders of every symbol, by price and time.

Invariants (`mmjit.core.audit` walks them all): the orders of a level form one circle through the
level's sentinel, oldest first; a level's quantity and count are the sums over its orders; a level
exists while it has orders (or, set by an L2 feed, a quantity) and stands in the map of prices and
in the ladder; `best` is the level of the highest rank of its side.

The verbs come in pairs: by id (`add`, `reduce`, ... : live feeds, through the index) and by slot
(`add_at`, `shrink`, ... : tapes, whose events carry their slot). Each checks everything before its
first write and returns a status, zero or more is success.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.intrinsics import prefetch
from mmjit.core.jit import helper, verb
from mmjit.core.levels import (
    LEVEL_QTY_MAX,
    close_level,
    held,
    is_live,
    level_at,
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
    levels: Any  # LEVEL32 or LEVEL64 over the second part of the slab
    orders: Any  # ORDER per order slot
    sides: Any  # SIDE per symbol and side
    symbols: Any  # SYMBOL
    places: Any  # PLACE, from a price to its level
    rungs: Any  # RUNG, the order of the prices
    entries: Any  # ENTRY, from an id to its slot
    order_pool: Pool
    level_pool: Pool
    control: Any  # CONTROL, one


# ---- verbs by slot --------------------------------------------------------------------------


@verb
def qty_status(book, qty_lots):  # type: ignore[no-untyped-def]
    """Whether a quantity fits the slab."""
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > qty_lots_max(book):
        return Status.QTY_TOO_LARGE
    return Status.OK


@verb
def qty_lots_max(book):  # type: ignore[no-untyped-def]
    """The largest quantity of one order: 2**31 - 1 or 2**62 - 1."""
    if book.nodes.itemsize == 16:
        return (1 << 31) - 1
    return LEVEL_QTY_MAX


@verb
def rest_status(book, event, level):  # type: ignore[no-untyped-def]
    """Whether the order of an event can rest at a level (NIL: a new one); nothing is written."""
    if event["side"] != 0 and event["side"] != 1:
        return Status.SIDE_UNKNOWN
    status = qty_status(book, event["qty_lots"])
    if status < 0:
        return status
    if level == NIL:
        status = price_status(book, event["symbol"], event["price"])
        if status < 0:
            return status
        return room_for_level(book)
    if book.levels[level]["order_count"] == 0:
        return Status.LEVEL_HAS_NO_ORDERS
    if book.levels[level]["qty_lots"] > LEVEL_QTY_MAX - event["qty_lots"]:
        return Status.LEVEL_QTY_TOO_LARGE
    return Status.OK


@verb
def rest(book, slot, event, level, order_id):  # type: ignore[no-untyped-def]
    """Put an order at the tail of its level; the checks are done."""
    owner = event["symbol"] * 2 + event["side"]
    if level == NIL:
        level = open_level(book, owner, event["price"])
    order = book.orders[slot]
    order["order_id"] = order_id
    order["entered_ns"] = event["venue_ns"]
    order["sequence"] = book.control[0]["sequence"]
    order["owner"] = NIL
    order["flags"] = np.int64(event["flags"]) & (INDEXED - 1)  # a negative one would set INDEXED
    stand(book, slot, owner, level, event["qty_lots"])


@verb
def stand(book, slot, owner, level, qty_lots):  # type: ignore[no-untyped-def]
    """Put a quantity at the tail of a level, in the name of a slot."""
    book.nodes[slot]["qty_lots"] = qty_lots
    link(book, slot, level)
    record = book.levels[level]
    record["qty_lots"] += qty_lots
    record["order_count"] += 1
    book.sides[owner]["order_count"] += 1
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
    if record["order_count"] == 0:
        close_level(book, level)
    return 1


@verb
def owner_of(book, slot):  # type: ignore[no-untyped-def]
    """2 * symbol + side of a resting order."""
    return held(book.levels[held(book.nodes[slot]["level"])]["owner"])


@verb
def add_at(book, slot, event):  # type: ignore[no-untyped-def]
    """Rest the order of an event in a given slot, which must be free."""
    if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if is_live(book, slot):
        return Status.HANDLE_TAKEN
    level = level_at(book, event["symbol"] * 2 + event["side"], event["price"])
    status = rest_status(book, event, level)
    if status < 0:
        return status

    rest(book, slot, event, level, event["order_id"])
    return slot


@verb
def shrink(book, slot, event):  # type: ignore[no-untyped-def]
    """Take what a reduce, delete or execute takes off a resting order; 1 if nothing is left of it.

    What is left keeps its place in the queue.
    """
    left = book.nodes[slot]["qty_lots"]
    kind = event["kind"]
    qty_lots = left if kind == Kind.DELETE else event["qty_lots"]
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > left:
        return Status.OVER_EXECUTION if kind == Kind.EXECUTE else Status.OVER_REDUCTION

    if kind == Kind.EXECUTE:
        note_execution(book, slot, event, qty_lots)
    return take(book, slot, qty_lots)


@verb
def note_execution(book, slot, event, qty_lots):  # type: ignore[no-untyped-def]
    """Count an execution of a resting order and remember it as its symbol's last trade."""
    level = book.levels[held(book.nodes[slot]["level"])]
    owner = held(level["owner"])
    price = event["price"] if event["flags"] & Flag.OWN_PRICE else level["price"]
    side = book.sides[owner]
    side["executed_lots"] = min(side["executed_lots"] + qty_lots, LEVEL_QTY_MAX)
    note_trade(book, owner >> 1, price, qty_lots, event["venue_ns"])


@verb
def note_trade(book, symbol, price, qty_lots, venue_ns):  # type: ignore[no-untyped-def]
    """Remember the last trade of a symbol; the volume stays at its maximum once it is there."""
    record = book.symbols[symbol]
    record["last_price"] = price
    record["last_qty_lots"] = qty_lots
    record["last_ns"] = venue_ns
    record["traded_lots"] = min(record["traded_lots"] + qty_lots, LEVEL_QTY_MAX)


@verb
def replace_at(book, slot, event):  # type: ignore[no-untyped-def]
    """Give a resting order a new id, price and quantity; it goes to the tail of its new level.

    The side is the order's own. The event is refused as an add would be, and the order then rests
    as before.
    """
    old_level = held(book.nodes[slot]["level"])
    owner = held(book.levels[old_level]["owner"])
    status = qty_status(book, event["qty_lots"])
    if status < 0:
        return status
    level = level_at(book, owner, event["price"])
    if level == NIL:
        status = price_status(book, owner >> 1, event["price"])
        if status < 0:
            return status
        status = room_for_level(book)
        if status < 0:
            return status
    elif book.levels[level]["order_count"] == 0:
        return Status.LEVEL_HAS_NO_ORDERS
    left = book.nodes[slot]["qty_lots"]
    leaves = left if level == old_level else 0  # what this very level loses by it
    if level != NIL and book.levels[level]["qty_lots"] - leaves > LEVEL_QTY_MAX - event["qty_lots"]:
        return Status.LEVEL_QTY_TOO_LARGE

    changes = level != old_level or left != event["qty_lots"]
    was_best = book.sides[owner]["best"] == old_level
    if level == NIL:
        level = open_level(book, owner, event["price"])
    _move(book, slot, old_level, level, event)
    is_best = book.sides[owner]["best"] == level
    book.control[0]["best_changed"] = changes and (was_best or is_best)
    return slot


@verb
def _move(book, slot, old_level, level, event):  # type: ignore[no-untyped-def]
    """Take an order from its level to the tail of another, or of the same."""
    node = book.nodes[slot]
    before = book.levels[old_level]
    before["qty_lots"] -= node["qty_lots"]
    before["order_count"] -= 1
    unlink(book, slot)
    node["qty_lots"] = event["qty_lots"]
    link(book, slot, level)
    after = book.levels[level]
    after["qty_lots"] += event["qty_lots"]
    after["order_count"] += 1
    if before["order_count"] == 0:
        close_level(book, old_level)
    order = book.orders[slot]
    order["order_id"] = event["other_id"]
    order["entered_ns"] = event["venue_ns"]
    order["sequence"] = book.control[0]["sequence"]


# ---- verbs on levels and symbols ------------------------------------------------------------


@helper
def set_level(book, event):  # type: ignore[no-untyped-def]
    """Set the quantity of a level that has no orders of its own (L2); 0 removes it."""
    if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if event["side"] != 0 and event["side"] != 1:
        return Status.SIDE_UNKNOWN
    if event["qty_lots"] < 0:
        return Status.QTY_NOT_POSITIVE
    if event["qty_lots"] > LEVEL_QTY_MAX:
        return Status.QTY_TOO_LARGE
    owner = event["symbol"] * 2 + event["side"]
    level = level_at(book, owner, event["price"])
    if level != NIL and book.levels[level]["order_count"] != 0:
        return Status.LEVEL_HAS_ORDERS
    if level == NIL:
        status = price_status(book, event["symbol"], event["price"])
        if status < 0:
            return status
        if event["qty_lots"] == 0:
            book.control[0]["best_changed"] = 0
            return Status.OK
        status = room_for_level(book)
        if status < 0:
            return status

    if level == NIL:
        level = open_level(book, owner, event["price"])
    changes = book.levels[level]["qty_lots"] != event["qty_lots"]
    book.control[0]["best_changed"] = changes and book.sides[owner]["best"] == level
    book.levels[level]["qty_lots"] = event["qty_lots"]
    if event["qty_lots"] == 0:
        close_level(book, level)
    return Status.OK


# ---- reads ----------------------------------------------------------------------------------


@verb
def best_price(book, owner):  # type: ignore[no-untyped-def]
    """The best price of a side, 0 when it is empty."""
    level = book.sides[owner]["best"]
    if level == NIL:
        return 0
    return book.levels[level]["price"]


@verb
def best_qty(book, owner):  # type: ignore[no-untyped-def]
    """The quantity at the best price of a side, 0 when it is empty."""
    level = book.sides[owner]["best"]
    if level == NIL:
        return 0
    return book.levels[level]["qty_lots"]


@verb
def prefetch_order(book, slot):  # type: ignore[no-untyped-def]
    """Ask for the lines of an order that an event to come will touch."""
    prefetch(book.nodes, slot)
    prefetch(book.orders, slot)


@verb
def prefetch_neighbours(book, slot):  # type: ignore[no-untyped-def]
    """Ask for the lines that an order points to, which itself should be here by now."""
    node = book.nodes[slot]
    prefetch(book.levels, node["level"])
    prefetch(book.nodes, node["prev"])
    prefetch(book.nodes, node["next"])
