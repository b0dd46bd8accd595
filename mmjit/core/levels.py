"""Queues and price levels: the parts of which a book is made.

A level is the sentinel of its queue: a node like the orders, so linking and unlinking never ask
whether a neighbour is an order or the end.

Eight neighbouring prices of a side are a page of eight levels, the better the higher. A page is
found by its prices through an open-addressing map (`places`), and the ladder knows the order of
the pages that have something in them. So a price that comes and goes beside others costs a bit in
its page's mask. A page whose last level closes stays where it is, since its prices tend to come
back; it is made over to other prices when no page is left that was never used. When the bounds of
a symbol change, its pages leave the map.

Invariant: a level is open while it has orders (or, set by an L2 feed, a quantity), and then its
quantity is positive and its bit is set; a page is in the ladder while one of its levels is open,
and in the map while its first level has an owner (its mask says so too); between a page's home in
the map and its entry no entry is empty; a page without an open level is on the stack of the page
pool, once, or in a tape's region.
"""

from typing import Final

from mmjit.core.codes import NIL, Status
from mmjit.core.index import enter, slot_at
from mmjit.core.intrinsics import bits_below, highest_bit, record_bytes, widen
from mmjit.core.jit import CHECKED, helper, kernel, verb
from mmjit.core.ladder import HEIGHTS, mark, next_page, unmark
from mmjit.core.wrapping import exact_quotient, mix_pair

LEVEL_QTY_MAX: Final = (1 << 62) - 1
PRICE_MAX: Final = (1 << 62) - 1  # of either sign, so that a difference of two prices fits
RANK_BITS: Final = 48  # a symbol spans fewer than 2**48 increments
PAGE_LEVELS: Final = 8
_PAGE_BITS: Final = 3
_LEVELS: Final = (1 << PAGE_LEVELS) - 1  # bits of a mask: which levels are open,
STACKED: Final = 1 << PAGE_LEVELS  # whether the page is on the stack of the pool,
MAPPED: Final = 2 << PAGE_LEVELS  # in the map,
RESERVED: Final = 4 << PAGE_LEVELS  # and in the region of a tape


# ---- the queue ------------------------------------------------------------------------------


@verb
def held(slot):  # type: ignore[no-untyped-def]
    """A slot that must not be NIL: in this package a negative index leaves its array."""
    if CHECKED:
        assert slot >= 0
    return widen(slot)


@verb
def sentinel_of(book, level):  # type: ignore[no-untyped-def]
    """The node that closes a level's queue."""
    return len(book.orders) + held(level) * (record_bytes(book.levels) // record_bytes(book.nodes))


@verb
def is_live(book, slot):  # type: ignore[no-untyped-def]
    """Whether an order rests in a slot."""
    return book.nodes[slot]["level"] != NIL


@verb
def link(book, slot, level):  # type: ignore[no-untyped-def]
    """Put a node at the tail of a level's queue."""
    sentinel = held(sentinel_of(book, level))
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


# ---- prices ---------------------------------------------------------------------------------


@verb
def rank_of(book, owner, price):  # type: ignore[no-untyped-def]
    """How good a price is, in increments; of a price that a side cannot have, anything."""
    side = book.sides[owner]
    return exact_quotient(price, side["base"], side["inverse"], side["twos"])


@verb
def price_of(book, owner, rank):  # type: ignore[no-untyped-def]
    """The price of a rank."""
    increment = book.symbols[owner >> 1]["increment"]
    return book.sides[owner]["base"] + rank * (increment if owner & 1 == 0 else -increment)


@verb
def price_status(book, symbol, price):  # type: ignore[no-untyped-def]
    """Whether a symbol can have a level at a price."""
    price_min = book.sides[2 * symbol]["base"]
    price_max = book.sides[2 * symbol + 1]["base"]
    if price_max < price_min:
        return Status.SYMBOL_UNKNOWN
    if price < price_min or price > price_max:
        return Status.PRICE_OUT_OF_RANGE
    if not 0 <= rank_of(book, 2 * symbol, price) <= rank_of(book, 2 * symbol, price_max):
        return Status.PRICE_OFF_INCREMENT  # no multiple has so large a quotient
    return Status.OK


# ---- pages ----------------------------------------------------------------------------------


@verb
def level_of(book, owner, price):  # type: ignore[no-untyped-def]
    """The level of a price, open or not, or NIL where no page holds it."""
    places = book.places
    last = held(len(places) - 1)
    rank = rank_of(book, owner, price)
    tag = _tag_of(book, owner, rank >> _PAGE_BITS)
    place = tag & last
    while places[place]["slot"] != 0:
        if places[place]["tag"] == tag:
            level = held((places[place]["slot"] - 1) * PAGE_LEVELS + (rank & PAGE_LEVELS - 1))
            if book.levels[level]["price"] == price and book.levels[level]["owner"] == owner:
                return level
        place = (place + 1) & last
    return NIL


@verb
def home_of(book, owner, price):  # type: ignore[no-untyped-def]
    """Where in the map the search for a price begins."""
    number = rank_of(book, owner, price) >> _PAGE_BITS
    return _tag_of(book, owner, number) & held(len(book.places) - 1)


@verb
def level_at(book, owner, price):  # type: ignore[no-untyped-def]
    """The open level at a price, or NIL."""
    level = level_of(book, owner, price)
    if level != NIL and book.levels[level]["qty_lots"] == 0:
        return NIL
    return level


@verb
def _tag_of(book, owner, number):  # type: ignore[no-untyped-def]
    """The word of a page in the map, whose last bits say where it would like to stand.

    Eight neighbouring pages would like to stand side by side: they share a cache line.
    """
    word = mix_pair(owner, number >> 3 ^ book.control[0]["salt"]) >> 32
    return word & ~7 | number & 7


@verb
def room_for_level(book, level, page):  # type: ignore[no-untyped-def]
    """Whether one more level fits (NIL: in a given page, or a new one), in the worst case."""
    if level != NIL and open_mask(book, level >> _PAGE_BITS) != 0:
        return Status.OK
    control = book.control[0]
    taken = control["page_count"] + control["page_reserved"]
    if level == NIL and page == NIL and taken == len(book.masks):
        return Status.LEVEL_POOL_EXHAUSTED
    if control["rung_count"] + HEIGHTS > len(book.rungs) - (len(book.rungs) >> 2):
        return Status.LADDER_EXHAUSTED
    return Status.OK


@verb
def open_mask(book, page):  # type: ignore[no-untyped-def]
    """Which levels of a page are open."""
    return book.masks[page] & _LEVELS


@helper
def add_page(book, owner, price, page):  # type: ignore[no-untyped-def]
    """Make a page, or if that is NIL any, that of a price which is in none; the checks are done.

    Returns the level of the price.
    """
    if page == NIL:
        page = _acquire_page(book)
    page = held(page)
    book.masks[page] |= MAPPED
    rank = rank_of(book, owner, price)
    first = rank - (rank & PAGE_LEVELS - 1)
    rank_max = rank_of(book, owner, book.sides[owner ^ 1]["base"])
    for level in range(page * PAGE_LEVELS, page * PAGE_LEVELS + PAGE_LEVELS):
        record = book.levels[level]
        of_level = first + level - page * PAGE_LEVELS
        record["order_count"] = 0
        record["owner"] = owner if of_level <= rank_max else NIL
        record["prev"] = sentinel_of(book, level)
        record["next"] = sentinel_of(book, level)
        record["qty_lots"] = 0
        record["price"] = price_of(book, owner, min(of_level, rank_max))  # else it may overflow
    _enter_place(book.places, _tag_of(book, owner, rank >> _PAGE_BITS), page)
    return page * PAGE_LEVELS + (rank & PAGE_LEVELS - 1)


@verb
def _acquire_page(book):  # type: ignore[no-untyped-def]
    """A page that was never used, or the one that was emptied last; there is one."""
    pool = book.page_pool
    meter = pool.meter[0]
    if meter["fresh"] < meter["capacity"]:
        meter["fresh"] += 1
        return meter["fresh"] - 1
    page = NIL
    while page == NIL:
        meter["depth"] -= 1
        page = held(pool.free[meter["depth"]])
        book.masks[page] &= ~STACKED
        if open_mask(book, page) != 0:
            page = NIL  # it has been filled again
    if book.levels[page * PAGE_LEVELS]["owner"] != NIL:
        _forget_page(book, page)
    return page


@helper
def _forget_page(book, page):  # type: ignore[no-untyped-def]
    """Take an empty page out of the map."""
    first = book.levels[page * PAGE_LEVELS]
    owner = held(first["owner"])
    number = rank_of(book, owner, first["price"]) >> _PAGE_BITS
    _leave_place(book.places, _tag_of(book, owner, number), page)
    book.masks[page] &= ~MAPPED
    for level in range(page * PAGE_LEVELS, page * PAGE_LEVELS + PAGE_LEVELS):
        book.levels[level]["owner"] = NIL


@helper
def forget_pages(book, symbol):  # type: ignore[no-untyped-def]
    """Take the pages of a symbol without levels out of the map, before its bounds change."""
    for page in range(book.page_pool.meter[0]["fresh"]):
        if book.levels[page * PAGE_LEVELS]["owner"] >> 1 == symbol:
            _forget_page(book, held(page))


@helper
def _fill_page(book, owner, level):  # type: ignore[no-untyped-def]
    """A page gets its first open level."""
    number = rank_of(book, owner, book.levels[level]["price"]) >> _PAGE_BITS
    heights = widen(book.sides[owner]["heights"])
    control = book.control[0]
    control["rung_count"] += mark(
        book.rungs, book.roots, book.control[0]["salt"], owner, number, heights
    )
    control["page_count"] += book.masks[level >> _PAGE_BITS] & RESERVED == 0


@helper
def _empty_page(book, owner, level):  # type: ignore[no-untyped-def]
    """A page loses its last open level; finds the next best if that was the best."""
    page = level >> _PAGE_BITS
    number = rank_of(book, owner, book.levels[level]["price"]) >> _PAGE_BITS
    heights = widen(book.sides[owner]["heights"])
    if book.sides[owner]["best"] == level:
        book.sides[owner]["best"] = best_below(book, owner, number)
    control = book.control[0]
    control["rung_count"] -= unmark(
        book.rungs, book.roots, book.control[0]["salt"], owner, number, heights
    )
    if book.masks[page] & RESERVED:
        return
    control["page_count"] -= 1
    if book.masks[page] & STACKED == 0:
        book.masks[page] |= STACKED
        meter = book.page_pool.meter[0]
        book.page_pool.free[meter["depth"]] = page
        meter["depth"] += 1


@kernel
def reserve_pages(book, page_count):  # type: ignore[no-untyped-def]
    """Set pages apart that were never used, for the levels of a tape; the first, or NIL."""
    meter = book.page_pool.meter[0]
    start = meter["fresh"]
    if page_count < 0 or page_count > meter["capacity"] - start:
        return NIL

    meter["fresh"] += page_count
    book.control[0]["page_reserved"] += page_count
    for page in range(start, start + page_count):
        book.masks[page] = RESERVED
        for level in range(page * PAGE_LEVELS, page * PAGE_LEVELS + PAGE_LEVELS):
            book.levels[level]["owner"] = NIL
    return start


@verb
def reserved_page(book, level, owner, price):  # type: ignore[no-untyped-def]
    """The page of a level that a tape names for a price, NIL if it is used or would not suit."""
    page = held(level) >> _PAGE_BITS
    if book.masks[page] & MAPPED or (rank_of(book, owner, price) ^ level) & PAGE_LEVELS - 1:
        return NIL
    return page


@helper
def best_below(book, owner, number):  # type: ignore[no-untyped-def]
    """The best open level of the pages below a number, or NIL."""
    heights = widen(book.sides[owner]["heights"])
    number = next_page(book.rungs, book.roots, book.control[0]["salt"], owner, number, heights)
    if number == NIL:
        return NIL
    first = level_of(book, owner, price_of(book, owner, number << _PAGE_BITS))
    if first == NIL:
        return NIL  # the book is damaged, and the audit is about to see it
    first = held(first)
    return first + highest_bit(open_mask(book, first >> _PAGE_BITS))


@helper
def _enter_place(places, tag, page):  # type: ignore[no-untyped-def]
    """Note where a page is."""
    place = tag & held(len(places) - 1)
    while slot_at(places, place) != NIL:
        place = (place + 1) & held(len(places) - 1)
    enter(places, place, tag, page)


@helper
def _leave_place(places, tag, page):  # type: ignore[no-untyped-def]
    """Forget where a page is."""
    last = held(len(places) - 1)
    hole = tag & last
    while slot_at(places, hole) != page:
        if CHECKED:
            assert slot_at(places, hole) != NIL
        hole = (hole + 1) & last
    place = (hole + 1) & last
    while slot_at(places, place) != NIL:  # later ones of its run move up
        home = places[place]["tag"] & last
        if ((place - home) & last) >= ((place - hole) & last):
            places[hole]["tag"] = places[place]["tag"]
            places[hole]["slot"] = places[place]["slot"]
            hole = place
        place = (place + 1) & last
    places[hole]["slot"] = NIL + 1


# ---- levels ---------------------------------------------------------------------------------


@verb
def open_level(book, owner, level):  # type: ignore[no-untyped-def]
    """Count a level in that has got its first quantity."""
    page = level >> _PAGE_BITS
    if open_mask(book, page) == 0:
        _fill_page(book, owner, level)
    book.masks[page] |= 1 << (level & PAGE_LEVELS - 1)
    side = book.sides[owner]
    side["level_count"] += 1
    best = side["best"]
    if best == NIL or is_better(owner, book.levels[level]["price"], book.levels[best]["price"]):
        side["best"] = level


@verb
def close_level(book, owner, level):  # type: ignore[no-untyped-def]
    """Count a level out that has lost its last quantity, and find the next best if it was that."""
    page = level >> _PAGE_BITS
    book.masks[page] &= ~(1 << (level & PAGE_LEVELS - 1))
    side = book.sides[owner]
    side["level_count"] -= 1
    mask = open_mask(book, page)
    if mask == 0:
        _empty_page(book, owner, level)
    elif side["best"] == level:
        side["best"] = page * PAGE_LEVELS + highest_bit(mask)


@verb
def is_better(owner, price, other):  # type: ignore[no-untyped-def]
    """Whether a price is better for a side than another one."""
    return (price > other) != (owner & 1 == 1)


@verb
def next_level(book, level):  # type: ignore[no-untyped-def]
    """The open level behind a level, or NIL."""
    page = level >> _PAGE_BITS
    below = open_mask(book, page) & bits_below(level & PAGE_LEVELS - 1)
    if below != 0:
        return page * PAGE_LEVELS + highest_bit(below)
    owner = held(book.levels[level]["owner"])
    rank = rank_of(book, owner, book.levels[level]["price"])
    return best_below(book, owner, rank >> _PAGE_BITS)


@verb
def note_best(book, owner, level):  # type: ignore[no-untyped-def]
    """Set the flag that tells whether the last event changed the best of its side."""
    book.control[0]["best_changed"] = book.sides[owner]["best"] == level
