"""The definition of a correct book: a full scan that believes nothing.

It walks every queue both ways, recounts what is counted, looks every level up in the map and in
the ladder, and every id in the index. It is slow on purpose and runs after tests, replays and
recoveries.
"""

from enum import IntEnum

import numpy as np

from mmjit.core.book import INDEXED
from mmjit.core.codes import NIL, Status
from mmjit.core.index import lookup
from mmjit.core.intrinsics import bit, lowest_bit
from mmjit.core.jit import helper, kernel
from mmjit.core.ladder import HEIGHTS, best_rank, height_of, rank_of
from mmjit.core.levels import is_live, level_at, price_status, sentinel_of
from mmjit.core.pool import available
from mmjit.core.reads import next_level


class Fault(IntEnum):
    """What `audit` found wrong first."""

    NONE = 0
    QUEUE_LINK_BROKEN = 1
    LEVEL_QTY_WRONG = 2
    LEVEL_COUNT_WRONG = 3
    LEVEL_NOT_MAPPED = 4
    LEVEL_ORDER_WRONG = 5
    SIDE_LEVEL_COUNT_WRONG = 6
    SIDE_ORDER_COUNT_WRONG = 7
    ORDER_QTY_NOT_POSITIVE = 8
    ORDER_OUT_OF_PLACE = 9
    LIVE_COUNT_WRONG = 10
    INDEX_WRONG = 11
    ORDER_POOL_WRONG = 12
    LEVEL_POOL_WRONG = 13
    LADDER_WRONG = 14
    QUEUE_TIME_WRONG = 15
    LEVEL_PRICE_WRONG = 16


@kernel
def audit(book, scratch):  # type: ignore[no-untyped-def]
    """Check everything that must always be true of a book.

    Args:
        book: the book; it is not changed.
        scratch: int8, one for each order or level slot, whichever are more.

    Returns:
        The first Fault, 0 if there is none.
    """
    fault = _audit_bounds(book)
    if fault != Fault.NONE:
        return fault
    level_count = 0
    order_count = 0
    for owner in range(len(book.sides)):
        fault = _audit_side(book, owner)
        if fault != Fault.NONE:
            return fault
        level_count += book.sides[owner]["level_count"]
        order_count += book.sides[owner]["order_count"]
    fault = _audit_slots(book, order_count)
    if fault != Fault.NONE:
        return fault
    fault = _audit_pools(book, level_count, scratch)
    if fault != Fault.NONE:
        return fault
    return _audit_tables(book, level_count)


@helper
def _audit_bounds(book):  # type: ignore[no-untyped-def]
    """Nothing points out of its array, and every table has the empty entry that ends a search."""
    for owner in range(len(book.sides)):
        if not NIL <= book.sides[owner]["best"] < len(book.levels):
            return Fault.LEVEL_ORDER_WRONG
    for slot in range(len(book.orders)):
        if not NIL <= book.nodes[slot]["level"] < len(book.levels):
            return Fault.ORDER_OUT_OF_PLACE
    empty = 0
    for place in range(len(book.places)):
        if not 0 <= book.places[place]["level"] <= len(book.levels):
            return Fault.LEVEL_NOT_MAPPED
        empty += book.places[place]["level"] == 0
    if empty == 0:
        return Fault.LEVEL_NOT_MAPPED
    empty = 0
    for place in range(len(book.entries)):
        empty += book.entries[place]["order_id"] == 0
    if empty == 0:
        return Fault.INDEX_WRONG
    empty = 0
    for place in range(len(book.rungs)):
        empty += book.rungs[place]["mask"] == 0
    return Fault.LADDER_WRONG if empty == 0 else Fault.NONE


@helper
def _audit_side(book, owner):  # type: ignore[no-untyped-def]
    """The levels of a side, best first, and their sums."""
    side = book.sides[owner]
    levels = 0
    orders = 0
    level = side["best"]
    symbol = book.symbols[owner >> 1]
    before = 1 << 62
    while level != NIL:
        record = book.levels[level]
        if price_status(book, owner >> 1, record["price"]) != Status.OK:
            return Fault.LEVEL_PRICE_WRONG
        rank = rank_of(symbol, owner & 1, record["price"])
        if record["owner"] != owner or rank >= before:
            return Fault.LEVEL_ORDER_WRONG
        before = rank
        if level_at(book, owner, record["price"]) != level:
            return Fault.LEVEL_NOT_MAPPED
        fault = _audit_queue(book, level)
        if fault != Fault.NONE:
            return fault
        levels += 1
        orders += record["order_count"]
        level = next_level(book, level)
    if best_rank(book.rungs, owner) != _best_rank_of(book, owner):
        return Fault.LADDER_WRONG
    if levels != side["level_count"]:
        return Fault.SIDE_LEVEL_COUNT_WRONG
    if orders != side["order_count"]:
        return Fault.SIDE_ORDER_COUNT_WRONG
    return Fault.NONE


@helper
def _best_rank_of(book, owner):  # type: ignore[no-untyped-def]
    level = book.sides[owner]["best"]
    if level == NIL:
        return NIL
    return rank_of(book.symbols[owner >> 1], owner & 1, book.levels[level]["price"])


@helper
def _audit_queue(book, level):  # type: ignore[no-untyped-def]
    """One queue, both ways."""
    record = book.levels[level]
    sentinel = sentinel_of(book, level)
    if record["order_count"] == 0:
        return Fault.NONE if record["qty_lots"] > 0 else Fault.LEVEL_QTY_WRONG
    qty_lots = np.int64(0)
    count = 0
    sequence = np.int64(-1)
    behind = sentinel
    slot = record["next"]
    while slot != sentinel:
        if slot < 0 or slot >= len(book.orders):
            return Fault.QUEUE_LINK_BROKEN
        node = book.nodes[slot]
        if node["prev"] != behind or node["level"] != level or count > record["order_count"]:
            return Fault.QUEUE_LINK_BROKEN
        if node["qty_lots"] <= 0:
            return Fault.ORDER_QTY_NOT_POSITIVE
        if book.orders[slot]["sequence"] <= sequence:
            return Fault.QUEUE_TIME_WRONG
        sequence = book.orders[slot]["sequence"]
        qty_lots += node["qty_lots"]
        count += 1
        behind = slot
        slot = node["next"]
    if record["prev"] != behind:
        return Fault.QUEUE_LINK_BROKEN
    if count != record["order_count"]:
        return Fault.LEVEL_COUNT_WRONG
    return Fault.NONE if qty_lots == record["qty_lots"] else Fault.LEVEL_QTY_WRONG


@helper
def _audit_slots(book, order_count):  # type: ignore[no-untyped-def]
    """Every slot: live ones are in a queue of theirs, indexed ones can be found by their id."""
    live = 0
    indexed = 0
    for slot in range(len(book.orders)):
        if not is_live(book, slot):
            continue
        live += 1
        owner = book.levels[book.nodes[slot]["level"]]["owner"]
        if slot >= book.order_pool.meter[0]["fresh"] or not 0 <= owner < len(book.sides):
            return Fault.ORDER_OUT_OF_PLACE
        order = book.orders[slot]
        if order["flags"] & INDEXED:
            indexed += 1
            if lookup(book.entries, book.control[0]["salt"], order["order_id"]) != slot:
                return Fault.INDEX_WRONG
    if live != order_count:
        return Fault.LIVE_COUNT_WRONG
    entries = 0
    for place in range(len(book.entries)):
        if book.entries[place]["order_id"] != 0:
            entries += 1
    return Fault.NONE if entries == indexed else Fault.INDEX_WRONG


@helper
def _audit_pools(book, level_count, scratch):  # type: ignore[no-untyped-def]
    """Free slots are free, each once, and the levels held are the levels in use."""
    orders = book.order_pool
    if not _stack_is_sound(orders, scratch):
        return Fault.ORDER_POOL_WRONG
    for place in range(orders.meter[0]["depth"]):
        if is_live(book, orders.free[place]):
            return Fault.ORDER_POOL_WRONG
    levels = book.level_pool
    if not _stack_is_sound(levels, scratch):
        return Fault.LEVEL_POOL_WRONG
    for place in range(levels.meter[0]["depth"]):
        if book.levels[levels.free[place]]["owner"] != NIL:
            return Fault.LEVEL_POOL_WRONG
    if available(levels) + level_count != len(book.levels):
        return Fault.LEVEL_POOL_WRONG
    return Fault.NONE


@helper
def _stack_is_sound(pool, scratch):  # type: ignore[no-untyped-def]
    """Whether every slot on a free stack was used before and stands there once."""
    meter = pool.meter[0]
    if not 0 <= meter["depth"] <= meter["fresh"] <= meter["capacity"] == len(pool.free):
        return False
    for slot in range(meter["fresh"]):
        scratch[slot] = 0
    for place in range(meter["depth"]):
        slot = pool.free[place]
        if slot < 0 or slot >= meter["fresh"] or scratch[slot] != 0:
            return False
        scratch[slot] = 1
    return True


@helper
def _audit_tables(book, level_count):  # type: ignore[no-untyped-def]
    """The map holds the levels and no more, the ladder as many masks as are counted."""
    mapped = 0
    for place in range(len(book.places)):
        if book.places[place]["level"] != 0:
            mapped += 1
    if mapped != level_count:
        return Fault.LEVEL_NOT_MAPPED
    rungs = 0
    ranks = 0
    roots = 0
    branches = 0
    for place in range(len(book.rungs)):
        mask = book.rungs[place]["mask"]
        if mask == 0:
            continue
        rungs += 1
        height = height_of(book.rungs[place]["key"])
        roots += height == HEIGHTS - 1
        while mask != 0:
            mask &= ~bit(lowest_bit(mask))
            ranks += height == 0
            branches += height != 0
    if rungs != book.control[0]["rung_count"] or ranks != level_count:
        return Fault.LADDER_WRONG
    return Fault.NONE if branches == rungs - roots else Fault.LADDER_WRONG  # each has its parent
