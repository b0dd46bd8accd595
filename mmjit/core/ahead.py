"""Asking for the memory of events to come, before they are due.

What an event touches is known a while before: its order's slot, then what that points to. Each verb
asks for one step of it and reads nothing that was not asked for a step earlier; any index will do.

Asking for a line that is not needed costs as much as one that is: where an event needs none of a
kind, the first record is asked for, which is always there. A branch would be guessed wrongly, but
where one way is seldom taken.
"""

import numpy as np

from mmjit.core.codes import Kind
from mmjit.core.intrinsics import if_zero, prefetch, rarely, widen
from mmjit.core.jit import verb
from mmjit.core.ladder import rung_home
from mmjit.core.levels import PAGE_LEVELS, RESERVED, held, home_of, open_mask, rank_of


@verb
def prefetch_order(book, slot, event):  # type: ignore[no-untyped-def]
    """Ask for the lines of an order that an event to come will touch."""
    prefetch(book.nodes, slot)
    prefetch(book.orders, if_zero(widen(event["kind"]) ^ Kind.ADD, slot))


@verb
def prefetch_neighbours(book, slot, event):  # type: ignore[no-untyped-def]
    """Ask for the lines that an order points to, which itself should be here by now."""
    node = book.nodes[slot]
    prefetch(book.levels, np.int64(node["level"]))
    prefetch(book.nodes, np.int64(node["prev"]))
    prefetch(book.nodes, np.int64(node["next"]))


@verb
def prefetch_market(book, soon, later, last):  # type: ignore[no-untyped-def]
    """Ask for what three events to come will touch beside their orders, one step further each."""
    prefetch_side(book, last)
    prefetch_page(book, later)
    prefetch_levels(book, soon)


@verb
def prefetch_side(book, event):  # type: ignore[no-untyped-def]
    """Ask for the two sides of an event's symbol, and for its last trade, whatever it says."""
    prefetch(book.sides, np.int64(event["symbol"]) * 2)
    prefetch(book.symbols, if_zero(widen(event["kind"]) ^ Kind.EXECUTE, event["symbol"]))


@verb
def prefetch_page(book, event):  # type: ignore[no-untyped-def]
    """Ask for the place where the page of an event's price would be looked up."""
    prefetch(book.places, home_of(book, _owner_ahead(book, event), event["price"]))


@verb
def prefetch_levels(book, event):  # type: ignore[no-untyped-def]
    """Ask for the level of an event's price, the best of its symbol, and the ladder if need be."""
    owner = _owner_ahead(book, event)
    page = widen(book.places[home_of(book, owner, event["price"])]["slot"])
    page = max(0, page - 1)
    rank = rank_of(book, owner, event["price"])
    prefetch(book.levels, page * PAGE_LEVELS + (rank & PAGE_LEVELS - 1))
    _prefetch_tables(book, owner, page, event["price"])
    prefetch_best(book, event)


@verb
def prefetch_level(book, level_start, level_count, event):  # type: ignore[no-untyped-def]
    """Ask for the level that a tape names for an event's price; returns it."""
    level = level_start + max(0, min(np.int64(event["level"]), level_count - 1))
    prefetch(book.levels, level)
    return level


@verb
def prefetch_place(book, level_start, level_count, event):  # type: ignore[no-untyped-def]
    """Ask for the level that a tape names for an event's price, and for the ladder if need be."""
    level = prefetch_level(book, level_start, level_count, event)
    _prefetch_tables(book, _owner_ahead(book, event), level // PAGE_LEVELS, event["price"])


@verb
def _prefetch_tables(book, owner, page, price):  # type: ignore[no-untyped-def]
    """Ask for where a page stands in the ladder, and in the map, if one event may change that."""
    mask = open_mask(book, page)
    if rarely(mask & mask - 1 == 0):  # it may be filled or emptied
        salt = book.control[0]["salt"]
        number = rank_of(book, owner, price) // PAGE_LEVELS
        prefetch(book.rungs, rung_home(book.rungs, salt, owner, number))
        unused = widen(book.masks[page]) ^ RESERVED  # 0: it will enter the map
        prefetch(book.places, if_zero(unused, home_of(book, owner, price)))


@verb
def prefetch_best(book, event):  # type: ignore[no-untyped-def]
    """Ask for the best levels of an event's symbol."""
    owner = _owner_ahead(book, event)
    prefetch(book.levels, np.int64(book.sides[owner]["best"]))
    prefetch(book.levels, np.int64(book.sides[owner ^ 1]["best"]))


@verb
def _owner_ahead(book, event):  # type: ignore[no-untyped-def]
    """2 * symbol + side of an event to come; of one that names none, any."""
    owner = np.int64(event["symbol"]) * 2 + (event["side"] & 1)
    return held(min(max(0, owner), len(book.sides) - 1))
