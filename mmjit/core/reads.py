"""Looking at a book: levels in order, queues in order, places in a queue. Nothing is changed."""

import numpy as np

from mmjit.core.book import find_slot
from mmjit.core.codes import NIL, Status
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.levels import held, level_at, next_level, sentinel_of


@helper
def fill_depth(book, owner, prices, qtys):  # type: ignore[no-untyped-def]
    """Write the prices and quantities of the best levels; levels that are missing become 0."""
    level = book.sides[owner]["best"]
    for place in range(len(prices)):
        if level == NIL:
            prices[place] = 0
            qtys[place] = 0
        else:
            prices[place] = book.levels[level]["price"]
            qtys[place] = book.levels[level]["qty_lots"]
            if place + 1 < len(prices):
                level = next_level(book, level)


@kernel
def depth_now(book, owner, prices, qtys, counts):  # type: ignore[no-untyped-def]
    """The best levels of a side as they are now.

    Args:
        book: the book.
        owner: 2 * symbol + side.
        prices: int64[levels], written; 0 where there is no level.
        qtys: int64[levels], written; 0 where there is no level.
        counts: int64[levels], written: orders at the level.

    Returns:
        How many levels there were.
    """
    level = book.sides[owner]["best"]
    found = 0
    for place in range(len(prices)):
        prices[place] = 0 if level == NIL else book.levels[level]["price"]
        qtys[place] = 0 if level == NIL else book.levels[level]["qty_lots"]
        counts[place] = 0 if level == NIL else book.levels[level]["order_count"]
        if level != NIL:
            found += 1
            level = next_level(book, level)
    return found


@kernel
def queue_of(book, owner, price, slots):  # type: ignore[no-untyped-def]
    """The slots of the orders at a price in time priority.

    Args:
        book: the book.
        owner: 2 * symbol + side.
        price: in price units.
        slots: int64, written as far as it reaches.

    Returns:
        How many orders rest there.
    """
    level = level_at(book, owner, price)
    if level == NIL or book.levels[level]["order_count"] == 0:
        return 0
    slot = book.levels[level]["next"]
    sentinel = sentinel_of(book, level)
    count = 0
    while slot != sentinel:
        if count < len(slots):
            slots[count] = slot
        count += 1
        slot = book.nodes[slot]["next"]
    return count


@kernel
def slots_of_side(book, owner, slots):  # type: ignore[no-untyped-def]
    """The slots of the orders of a side in priority order: best price first, then oldest first.

    Args:
        book: the book.
        owner: 2 * symbol + side.
        slots: int64, written as far as it reaches.

    Returns:
        How many orders rest there.
    """
    count = 0
    level = book.sides[owner]["best"]
    while level != NIL:
        if book.levels[level]["order_count"] != 0:
            slot = book.levels[level]["next"]
            sentinel = sentinel_of(book, level)
            while slot != sentinel:
                if count < len(slots):
                    slots[count] = slot
                count += 1
                slot = book.nodes[slot]["next"]
        level = next_level(book, level)
    return count


@verb
def ahead_of(book, slot):  # type: ignore[no-untyped-def]
    """The lots that are before a resting order at its price."""
    sentinel = sentinel_of(book, held(book.nodes[slot]["level"]))
    lots = np.int64(0)
    before = book.nodes[slot]["prev"]
    while before != sentinel:
        lots += book.nodes[before]["qty_lots"]
        before = book.nodes[before]["prev"]
    return lots


@kernel
def qty_ahead(book, order_id):  # type: ignore[no-untyped-def]
    """The lots that are before an order at its price, or ORDER_ID_UNKNOWN."""
    slot = find_slot(book, order_id)
    if order_id == 0 or slot == NIL:
        return Status.ORDER_ID_UNKNOWN
    return ahead_of(book, slot)


@kernel
def slot_by_id(book, order_id):  # type: ignore[no-untyped-def]
    """The slot of an order that was entered by id, or ORDER_ID_UNKNOWN."""
    slot = find_slot(book, order_id)
    if order_id == 0 or slot == NIL:
        return Status.ORDER_ID_UNKNOWN
    return slot
