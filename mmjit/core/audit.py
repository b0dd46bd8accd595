"""The definition of a correct book: a full scan that believes nothing.

It walks every queue both ways, recounts what is counted, looks every level up in the map and its
page in the ladder, and every id in the index. It is slow on purpose and runs after tests, replays
and recoveries.
"""

from enum import IntEnum

import numpy as np

from mmjit.core.book import INDEXED, find_slot
from mmjit.core.codes import NIL, Status
from mmjit.core.intrinsics import bit, highest_bit, lowest_bit, widen
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.ladder import best_page, height_of, heights_for, owner_of_mask
from mmjit.core.levels import (
    MAPPED,
    PAGE_LEVELS,
    PRICE_MAX,
    RESERVED,
    STACKED,
    is_live,
    level_of,
    next_level,
    open_mask,
    price_of,
    price_status,
    rank_of,
    sentinel_of,
)
from mmjit.core.wrapping import inverse


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
        scratch: int8, one for each order slot or page, whichever are more.

    Returns:
        The first Fault, 0 if there is none.
    """
    fault = _audit_bounds(book)
    if fault != Fault.NONE:
        return fault
    page_count = 0
    level_count = 0
    order_count = 0
    for owner in range(len(book.sides)):
        fault, pages = _audit_side(book, owner)
        if fault != Fault.NONE:
            return fault
        page_count += pages
        level_count += book.sides[owner]["level_count"]
        order_count += book.sides[owner]["order_count"]
    fault = _audit_slots(book, order_count)
    if fault != Fault.NONE:
        return fault
    fault = _audit_pools(book, page_count, scratch)
    if fault != Fault.NONE:
        return fault
    fault = _audit_pages(book, level_count)
    if fault != Fault.NONE:
        return fault
    return _audit_tables(book, page_count)


@helper
def _audit_bounds(book):  # type: ignore[no-untyped-def]
    """Nothing points out of its array, and every table has the empty entry that ends a search."""
    for owner in range(len(book.sides)):
        if not NIL <= book.sides[owner]["best"] < len(book.levels):
            return Fault.LEVEL_ORDER_WRONG
        if not _has_bounds_of_symbol(book, owner):
            return Fault.LEVEL_PRICE_WRONG
    for page in range(len(book.masks)):
        if not 0 <= open_mask(book, page) < 1 << PAGE_LEVELS:
            return Fault.LEVEL_NOT_MAPPED
    for slot in range(len(book.orders)):
        if not NIL <= book.nodes[slot]["level"] < len(book.levels):
            return Fault.ORDER_OUT_OF_PLACE
    empty = 0
    for place in range(len(book.places)):
        if not 0 <= book.places[place]["slot"] <= len(book.masks):
            return Fault.LEVEL_NOT_MAPPED
        empty += book.places[place]["slot"] == 0
    if empty == 0:
        return Fault.LEVEL_NOT_MAPPED
    empty = 0
    for place in range(len(book.entries)):
        if not 0 <= book.entries[place]["slot"] <= len(book.orders):
            return Fault.INDEX_WRONG
        empty += book.entries[place]["slot"] == 0
    if empty == 0:
        return Fault.INDEX_WRONG
    empty = 0
    for place in range(len(book.rungs)):
        empty += book.rungs[place]["mask"] == 0
    return Fault.LADDER_WRONG if empty == 0 else Fault.NONE


@helper
def _has_bounds_of_symbol(book, owner):  # type: ignore[no-untyped-def]
    """Whether a side reckons with the prices that its symbol has."""
    symbol = book.symbols[owner >> 1]
    side = book.sides[owner]
    increment = symbol["increment"]
    if side["base"] != (symbol["price_min"] if owner & 1 == 0 else symbol["price_max"]):
        return False
    if symbol["price_max"] < symbol["price_min"]:
        return side["level_count"] == 0
    if increment < 1 or symbol["price_min"] < -PRICE_MAX or symbol["price_max"] > PRICE_MAX:
        return False
    twos = lowest_bit(increment)
    steps = (symbol["price_max"] - symbol["price_min"]) // increment
    if side["twos"] != twos or side["heights"] != heights_for(steps // PAGE_LEVELS):
        return False
    odd = increment >> twos
    return side["inverse"] == inverse(odd if owner & 1 == 0 else -odd)


@helper
def _audit_side(book, owner):  # type: ignore[no-untyped-def]
    """The levels of a side, best first, and their sums; a fault, and how many pages there are."""
    side = book.sides[owner]
    pages = 0
    levels = 0
    orders = 0
    level = side["best"]
    page = NIL
    before = 1 << 62
    while level != NIL:
        record = book.levels[level]
        if price_status(book, owner >> 1, record["price"]) != Status.OK:
            return Fault.LEVEL_PRICE_WRONG, 0
        rank = rank_of(book, owner, record["price"])
        if record["owner"] != owner or rank >= before:
            return Fault.LEVEL_ORDER_WRONG, 0
        before = rank
        if level_of(book, owner, record["price"]) != level:
            return Fault.LEVEL_NOT_MAPPED, 0
        fault = _audit_queue(book, level)
        if fault != Fault.NONE:
            return fault, 0
        pages += level // PAGE_LEVELS != page
        page = level // PAGE_LEVELS
        levels += 1
        orders += record["order_count"]
        level = next_level(book, level)
    if not _is_best(book, owner):
        return Fault.LADDER_WRONG, 0
    if levels != side["level_count"]:
        return Fault.SIDE_LEVEL_COUNT_WRONG, 0
    if orders != side["order_count"]:
        return Fault.SIDE_ORDER_COUNT_WRONG, 0
    return Fault.NONE, pages


@helper
def _is_best(book, owner):  # type: ignore[no-untyped-def]
    """Whether the best level of a side is the highest of its highest page, or there is none."""
    level = book.sides[owner]["best"]
    heights = widen(book.sides[owner]["heights"])
    number = best_page(book.rungs, book.roots, book.control[0]["salt"], owner, heights)
    if level == NIL or number == NIL:
        return level == number
    if rank_of(book, owner, book.levels[level]["price"]) // PAGE_LEVELS != number:
        return False
    return level % PAGE_LEVELS == highest_bit(open_mask(book, level // PAGE_LEVELS))


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
        level = book.levels[book.nodes[slot]["level"]]
        if slot >= book.order_pool.meter[0]["fresh"] or level["order_count"] == 0:
            return Fault.ORDER_OUT_OF_PLACE
        order = book.orders[slot]
        if order["flags"] & INDEXED:
            indexed += 1
            if find_slot(book, order["order_id"]) != slot:
                return Fault.INDEX_WRONG
    if live != order_count:
        return Fault.LIVE_COUNT_WRONG
    entries = 0
    for place in range(len(book.entries)):
        if book.entries[place]["slot"] != 0:
            entries += 1
    return Fault.NONE if entries == indexed else Fault.INDEX_WRONG


@helper
def _audit_pools(book, page_count, scratch):  # type: ignore[no-untyped-def]
    """Free slots are free, each once, and the pages held are the pages in use."""
    orders = book.order_pool
    if not _stack_is_sound(orders, scratch):
        return Fault.ORDER_POOL_WRONG
    for place in range(orders.meter[0]["depth"]):
        if is_live(book, orders.free[place]):
            return Fault.ORDER_POOL_WRONG
    pages = book.page_pool
    if not _stack_is_sound(pages, scratch):
        return Fault.LEVEL_POOL_WRONG
    for place in range(pages.meter[0]["depth"]):
        if book.masks[pages.free[place]] & (STACKED | RESERVED) != STACKED:
            return Fault.LEVEL_POOL_WRONG  # it does not know of it, or a tape's region holds it
    reserved = 0
    used = 0
    for page in range(len(book.masks)):
        reserved += book.masks[page] & RESERVED != 0
        used += book.masks[page] & RESERVED != 0 and open_mask(book, page) != 0
    counted = book.control[0]["page_count"] + used
    if page_count != counted or reserved != book.control[0]["page_reserved"]:
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
def _audit_pages(book, level_count):  # type: ignore[no-untyped-def]
    """What is not open is empty, as many levels are open as are counted, and no page is lost."""
    opened = 0
    stacked = 0
    for page in range(len(book.masks)):
        word = np.int64(book.masks[page])
        mask = np.int64(open_mask(book, page))
        if not 0 <= word < 2 * RESERVED:
            return Fault.LEVEL_NOT_MAPPED
        stacked += word & STACKED != 0
        if page >= book.page_pool.meter[0]["fresh"]:
            if word != 0:
                return Fault.LEVEL_POOL_WRONG
            continue
        if word & MAPPED == 0:
            if word & ~(STACKED | RESERVED) != 0 or book.levels[page * PAGE_LEVELS]["owner"] != NIL:
                return Fault.LEVEL_POOL_WRONG
            continue
        if mask == 0 and word & (STACKED | RESERVED) == 0:
            return Fault.LEVEL_POOL_WRONG
        fault = _audit_prices(book, page)
        if fault != Fault.NONE:
            return fault
        for level in range(page * PAGE_LEVELS, page * PAGE_LEVELS + PAGE_LEVELS):
            if mask & bit(level % PAGE_LEVELS):
                opened += 1
                continue
            fault = _audit_closed(book, level)
            if fault != Fault.NONE:
                return fault
    if stacked != book.page_pool.meter[0]["depth"]:
        return Fault.LEVEL_POOL_WRONG
    return Fault.NONE if opened == level_count else Fault.LEVEL_NOT_MAPPED


@helper
def _audit_prices(book, page):  # type: ignore[no-untyped-def]
    """A page has eight neighbouring prices, of which its symbol may lack the last, or none."""
    first = page * PAGE_LEVELS
    owner = book.levels[first]["owner"]
    if not NIL <= owner < len(book.sides):
        return Fault.LEVEL_NOT_MAPPED
    rank = np.int64(0)
    rank_max = np.int64(-1)
    if owner != NIL:
        price = book.levels[first]["price"]
        if level_of(book, owner, price) != first:
            return Fault.LEVEL_NOT_MAPPED
        rank = rank_of(book, owner, price)
        rank_max = rank_of(book, owner, book.sides[owner ^ 1]["base"])
        if not 0 <= rank <= rank_max or rank % PAGE_LEVELS != 0:
            return Fault.LEVEL_PRICE_WRONG
    for level in range(first, first + PAGE_LEVELS):
        of_level = rank + level - first
        if book.levels[level]["owner"] != (owner if of_level <= rank_max else NIL):
            return Fault.LEVEL_NOT_MAPPED
        if of_level > rank_max:
            continue
        if book.levels[level]["price"] != price_of(book, owner, of_level):
            return Fault.LEVEL_PRICE_WRONG
    return Fault.NONE


@helper
def _audit_closed(book, level):  # type: ignore[no-untyped-def]
    """A level that is not open has nothing."""
    record = book.levels[level]
    if record["order_count"] != 0 or record["qty_lots"] != 0:
        return Fault.LEVEL_NOT_MAPPED
    sentinel = sentinel_of(book, level)
    if record["prev"] != sentinel or record["next"] != sentinel:
        return Fault.QUEUE_LINK_BROKEN
    return Fault.NONE


@helper
def _audit_tables(book, page_count):  # type: ignore[no-untyped-def]
    """The map holds the pages and no more, the ladder those in use and as many masks as counted."""
    mapped = 0
    for place in range(len(book.places)):
        if book.places[place]["slot"] != 0:
            mapped += 1
    for page in range(len(book.masks)):
        mapped -= book.masks[page] & MAPPED != 0
    if mapped != 0:
        return Fault.LEVEL_NOT_MAPPED
    rungs = 0
    numbers = 0
    branches = 0
    for place in range(len(book.rungs)):
        if book.rungs[place]["mask"] == 0:
            continue
        rungs += 1
        key = book.rungs[place]["key"]
        owner = owner_of_mask(key)
        if not 0 <= owner < len(book.sides):
            return Fault.LADDER_WRONG
        if height_of(key) >= book.sides[owner]["heights"] - 1:
            return Fault.LADDER_WRONG
        count = _bit_count(book.rungs[place]["mask"])
        numbers += count if height_of(key) == 0 else 0
        branches += count if height_of(key) != 0 else 0
    for owner in range(len(book.sides)):
        count = _bit_count(book.roots[owner])
        numbers += count if book.sides[owner]["heights"] == 1 else 0
        branches += count if book.sides[owner]["heights"] != 1 else 0
    if rungs != book.control[0]["rung_count"] or numbers != page_count:
        return Fault.LADDER_WRONG
    return Fault.NONE if branches == rungs else Fault.LADDER_WRONG  # each has its parent


@verb
def _bit_count(mask):  # type: ignore[no-untyped-def]
    count = 0
    while mask != 0:
        mask &= ~bit(lowest_bit(mask))
        count += 1
    return count
