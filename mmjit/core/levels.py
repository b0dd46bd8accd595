"""Queues and price levels: the parts of which a book is made.

A level is the sentinel of its queue: a node like the orders, so linking and unlinking never ask
whether a neighbour is an order or the end. A level is found by its price through an open-addressing
map (`places`), and stands in the ladder, which knows the order of the prices.

Invariant: between a price's home in the map and its entry no entry is empty; a level is in the map
and in the ladder from `open_level` to `close_level`.
"""

from typing import Final

from mmjit.core.codes import NIL, Status
from mmjit.core.jit import CHECKED, helper, verb
from mmjit.core.ladder import HEIGHTS, best_rank, mark, price_of, rank_of, unmark
from mmjit.core.pool import acquire, available, release
from mmjit.core.wrapping import mix_pair

LEVEL_QTY_MAX: Final = (1 << 62) - 1


# ---- the queue ------------------------------------------------------------------------------


@verb
def held(slot):  # type: ignore[no-untyped-def]
    """A slot that must not be NIL: negative indices wrap, and bounds checks let them through."""
    if CHECKED:
        assert slot >= 0
    return slot


@verb
def sentinel_of(book, level):  # type: ignore[no-untyped-def]
    """The node that closes a level's queue."""
    return len(book.orders) + held(level) * (book.levels.itemsize // book.nodes.itemsize)


@verb
def is_live(book, slot):  # type: ignore[no-untyped-def]
    """Whether an order rests in a slot."""
    return book.nodes[slot]["level"] != NIL


@verb
def link(book, slot, level):  # type: ignore[no-untyped-def]
    """Put a node at the tail of a level's queue."""
    sentinel = sentinel_of(book, level)
    end = book.nodes[sentinel]
    tail = held(end["prev"])
    node = book.nodes[slot]
    node["level"] = level
    node["prev"] = tail
    node["next"] = sentinel
    book.nodes[tail]["next"] = slot
    end["prev"] = slot


@verb
def unlink(book, slot):  # type: ignore[no-untyped-def]
    """Take a node out of its queue."""
    node = book.nodes[slot]
    before = held(node["prev"])
    after = held(node["next"])
    book.nodes[before]["next"] = after
    book.nodes[after]["prev"] = before
    node["level"] = NIL


# ---- levels ---------------------------------------------------------------------------------


@verb
def _scatter(owner, price):  # type: ignore[no-untyped-def]
    return mix_pair(owner, price)


@verb
def level_at(book, owner, price):  # type: ignore[no-untyped-def]
    """The level at a price, or NIL."""
    places = book.places
    last = len(places) - 1
    word = _scatter(owner, price)
    tag = word >> 32
    place = word & last
    while places[place]["level"] != 0:
        if places[place]["tag"] == tag:
            level = places[place]["level"] - 1
            if book.levels[level]["price"] == price and book.levels[level]["owner"] == owner:
                return level
        place = (place + 1) & last
    return NIL


@helper
def enter_place(places, owner, price, level):  # type: ignore[no-untyped-def]
    """Note which level a price has."""
    last = len(places) - 1
    word = _scatter(owner, price)
    place = word & last
    while places[place]["level"] != 0:
        place = (place + 1) & last
    places[place]["tag"] = word >> 32
    places[place]["level"] = level + 1


@helper
def leave_place(places, levels, owner, price, level):  # type: ignore[no-untyped-def]
    """Forget the level of a price, moving later entries of its run up."""
    last = len(places) - 1
    hole = _scatter(owner, price) & last
    while places[hole]["level"] != level + 1:
        if CHECKED:
            assert places[hole]["level"] != 0
        hole = (hole + 1) & last
    place = (hole + 1) & last
    while places[place]["level"] != 0:
        other = levels[places[place]["level"] - 1]
        wish = _scatter(other["owner"], other["price"]) & last
        if ((place - wish) & last) >= ((place - hole) & last):
            places[hole]["tag"] = places[place]["tag"]
            places[hole]["level"] = places[place]["level"]
            hole = place
        place = (place + 1) & last
    places[hole]["level"] = 0


@verb
def price_status(book, symbol, price):  # type: ignore[no-untyped-def]
    """Whether a symbol can have a level at a price."""
    limits = book.symbols[symbol]
    if limits["price_max"] < limits["price_min"]:
        return Status.SYMBOL_UNKNOWN
    if price < limits["price_min"] or price > limits["price_max"]:
        return Status.PRICE_OUT_OF_RANGE
    if (price - limits["price_min"]) % limits["increment"] != 0:
        return Status.PRICE_OFF_INCREMENT
    return Status.OK


@verb
def room_for_level(book):  # type: ignore[no-untyped-def]
    """Whether one more level fits, in the worst case."""
    if available(book.level_pool) == 0:
        return Status.LEVEL_POOL_EXHAUSTED
    if book.control[0]["rung_count"] + HEIGHTS > len(book.rungs) - (len(book.rungs) >> 2):
        return Status.LADDER_EXHAUSTED
    return Status.OK


@helper
def open_level(book, owner, price):  # type: ignore[no-untyped-def]
    """Make an empty level at a price that has none; the checks are done."""
    symbol = book.symbols[owner >> 1]
    rank = rank_of(symbol, owner & 1, price)
    level = held(acquire(book.level_pool))
    record = book.levels[level]
    record["order_count"] = 0
    record["owner"] = owner
    record["prev"] = sentinel_of(book, level)
    record["next"] = sentinel_of(book, level)
    record["qty_lots"] = 0
    record["price"] = price
    enter_place(book.places, owner, price, level)
    book.control[0]["rung_count"] += mark(book.rungs, owner, rank)
    side = book.sides[owner]
    side["level_count"] += 1
    if side["best"] == NIL or rank > rank_of(symbol, owner & 1, book.levels[side["best"]]["price"]):
        side["best"] = level
    return level


@helper
def close_level(book, level):  # type: ignore[no-untyped-def]
    """Take a level that has become empty away, and find the next best if it was the best."""
    record = book.levels[level]
    owner = held(record["owner"])
    price = record["price"]
    symbol = book.symbols[owner >> 1]
    leave_place(book.places, book.levels, owner, price, level)
    book.control[0]["rung_count"] -= unmark(book.rungs, owner, rank_of(symbol, owner & 1, price))
    release(book.level_pool, level)
    record["owner"] = NIL
    side = book.sides[owner]
    side["level_count"] -= 1
    if side["best"] == level:
        rank = best_rank(book.rungs, owner)
        side["best"] = NIL
        if rank != NIL:
            side["best"] = level_at(book, owner, price_of(symbol, owner & 1, rank))


@verb
def note_best(book, owner, level):  # type: ignore[no-untyped-def]
    """Set the flag that tells whether the last event changed the best of its side."""
    book.control[0]["best_changed"] = book.sides[owner]["best"] == level
