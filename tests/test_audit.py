"""Each kind of damage, planted in a sound book, is seen by the audit under its own name."""

import numpy as np
import pytest

from mmjit.core.audit import Fault
from mmjit.core.codes import ASK, BID, NIL, STATUS_SPAN
from mmjit.core.jit import CHECKED
from mmjit.core.levels import MAPPED, PAGE_LEVELS, RESERVED, STACKED, reserve_pages
from mmjit.core.pool import reserve
from mmjit.core.records import TALLY
from mmjit.core.replay import Region, replay
from tests import builders as b
from tests.builders import audit_of, delete, level, rest, send

ORDERS, PAGES = 8, 6
LEVELS = PAGES * PAGE_LEVELS
FREE = 2 * PAGE_LEVELS  # the first level of an empty page


def sound_book():
    """Orders 1, 2, 3 at bid 12, 4 at bid 10, 5 at ask 13; a set level at ask 15; freed slots.

    The pages: 0 of bids 8 to 15, 1 of asks 9 to 16, 2 of asks 97 to 104, which is empty.
    """
    book = b.tiny_book(orders=ORDERS, pages=PAGES)
    rest(book, BID, t12=[5, 3, 4], t10=[1])
    rest(book, ASK, t13=[2], t99=[1])
    assert send(book, level(ASK, 15, 9)) == 0
    assert send(book, delete(6)) == 1
    return book


def slot(book, order_id):
    """The slot of an order that rests."""
    rests = book.nodes["level"][: len(book.orders)] != NIL
    return int(np.flatnonzero(rests & (book.orders["order_id"] == order_id))[0])


def level_of(book, price):
    """The level at a price."""
    in_use = (book.levels["qty_lots"] != 0) & (book.levels["price"] == price)
    return int(np.flatnonzero(in_use)[0])


def page_of(book, price):
    return level_of(book, price) // PAGE_LEVELS


def node(book, order_id):
    return book.nodes[slot(book, order_id)]


def sentinel(book, price):
    return len(book.orders) + level_of(book, price) * (book.levels.itemsize // book.nodes.itemsize)


def mask_at(book, owner, height):
    """The place of a mask of a side at a height."""
    keys = book.rungs["key"]
    used = (book.rungs["mask"] != 0) & (keys >> 42 == owner) & ((keys >> 39) & 7 == height)
    return int(np.flatnonzero(used)[0])


def set_bits(book, owner, height, bits):
    book.rungs["mask"][mask_at(book, owner, height)] |= bits


def set_root(book, owner, bits):
    book.roots[owner] = bits


def set_rung(book, key):
    """One more mask in the table."""
    empty = np.flatnonzero(book.rungs["mask"] == 0)[0]
    book.rungs[empty] = (key, 1)
    book.control[0]["rung_count"] += 1


def set_mask(book, page, bits):
    book.masks[page] = bits


def swap_best_with_next(book):
    book.sides[BID]["best"] = level_of(book, 10)


def cut(book):
    """A queue whose last two orders are left out of it, both ways, but still think they are in."""
    end = sentinel(book, 12)
    node(book, 1)["next"] = end
    book.nodes[end]["prev"] = slot(book, 1)


def cut_and_recount(book):
    """The same, and the level's and the side's counts agree with what is left."""
    cut(book)
    book.levels[level_of(book, 12)]["order_count"] = 1
    book.levels[level_of(book, 12)]["qty_lots"] = 5
    book.sides[BID]["order_count"] = 2


def haunt(book):
    """The slot of an order that is gone says that it rests."""
    book.nodes[5]["level"] = level_of(book, 12)
    book.orders[5]["flags"] = 0


def set_fields(record, **fields):
    for name, value in fields.items():
        record[name] = value


def place_of(book, page):
    """Where in the map a page is."""
    return int(np.flatnonzero(book.places["slot"] == page + 1)[0])


def lose_place(book):
    book.places[place_of(book, 0)]["slot"] = 0


def map_twice(book):
    empty = np.flatnonzero(book.places["slot"] == 0)[0]
    book.places[empty]["slot"] = page_of(book, 10) + 1


def index_stranger(book):
    empty = np.flatnonzero(book.entries["slot"] == 0)[0]
    book.entries[empty] = (99, 1)


def entry_of(book, order_id):
    """The entry that names an order's slot."""
    return book.entries[np.flatnonzero(book.entries["slot"] == slot(book, order_id) + 1)[0]]


def free_twice(pool):
    pool.free[1] = pool.free[0]
    pool.meter[0]["depth"] = 2


# fault: damages that must be seen under that name
DAMAGE = {
    Fault.QUEUE_LINK_BROKEN: [
        lambda k: set_fields(node(k, 2), prev=slot(k, 3)),
        lambda k: set_fields(node(k, 2), next=slot(k, 1)),
        lambda k: set_fields(node(k, 1), next=NIL),
        lambda k: set_fields(node(k, 1), next=len(k.nodes) + 5),
        lambda k: set_fields(node(k, 3), next=sentinel(k, 10)),
        lambda k: set_fields(node(k, 2), level=level_of(k, 10)),
        lambda k: set_fields(k.nodes[sentinel(k, 12)], prev=slot(k, 1)),
        lambda k: set_fields(k.levels[level_of(k, 12)], order_count=1),
        lambda k: set_fields(k.levels[level_of(k, 12) + 1], prev=0),  # a level that is not open
        lambda k: set_fields(k.levels[FREE], next=0),
    ],
    Fault.LEVEL_QTY_WRONG: [
        lambda k: set_fields(k.levels[level_of(k, 12)], qty_lots=13),
        lambda k: set_fields(k.levels[level_of(k, 15)], qty_lots=0),
        lambda k: set_fields(node(k, 1), qty_lots=6),
        lambda k: set_mask(k, 0, MAPPED | 0b11100),  # bid 11 is said to be open
    ],
    Fault.LEVEL_COUNT_WRONG: [
        lambda k: set_fields(k.levels[level_of(k, 12)], order_count=4),
        lambda k: set_fields(k.levels[level_of(k, 12)], order_count=2),
        cut,
    ],
    Fault.LEVEL_NOT_MAPPED: [
        lambda k: set_fields(k.levels[level_of(k, 12)], price=11),
        lambda k: k.places["slot"].fill(3),
        lambda k: set_fields(k.places[0], slot=PAGES + 1),
        lambda k: set_fields(k.places[0], slot=-1),
        lambda k: set_fields(k.places[place_of(k, 1)], tag=0),
        map_twice,
        lambda k: set_fields(k.places[place_of(k, 2)], slot=0),  # of an empty page
        lambda k: set_fields(k.places[place_of(k, 2)], slot=PAGES),  # a page that was never used
        lose_place,
        lambda k: set_fields(k.control[0], salt=1),
        lambda k: set_mask(k, 1, k.masks[1] | RESERVED << 1),
        lambda k: set_mask(k, 1, k.masks[1] | -(1 << 15)),
        lambda k: set_fields(k.levels[FREE], owner=NIL),
        lambda k: set_fields(k.levels[FREE + 1], owner=NIL),
        lambda k: set_fields(k.levels[FREE], owner=7),
        lambda k: set_fields(k.levels[FREE + 3], order_count=1),
        lambda k: set_fields(k.levels[FREE + 3], qty_lots=1),
    ],
    Fault.LEVEL_ORDER_WRONG: [
        lambda k: set_fields(k.sides[BID], best=level_of(k, 13)),
        lambda k: set_fields(k.sides[BID], best=LEVELS),
        lambda k: set_fields(k.sides[BID], best=NIL - 1),
        lambda k: set_fields(k.levels[level_of(k, 12)], owner=NIL),
    ],
    Fault.LEVEL_PRICE_WRONG: [
        lambda k: set_fields(k.levels[level_of(k, 12)], price=-1),
        lambda k: set_fields(k.levels[level_of(k, 12)], price=np.iinfo(np.int64).max),
        lambda k: set_fields(k.symbols[0], price_max=11),
        lambda k: set_fields(k.symbols[0], increment=8),
        lambda k: set_fields(k.symbols[0], increment=0),
        lambda k: set_fields(k.symbols[0], price_min=1),
        lambda k: set_fields(k.symbols[0], price_max=-1),
        lambda k: set_fields(k.sides[BID], base=-8),
        lambda k: set_fields(k.sides[ASK], base=b.PRICE_MAX - 8),
        lambda k: set_fields(k.sides[BID], twos=1),
        lambda k: set_fields(k.sides[ASK], heights=3),
        lambda k: set_fields(k.sides[ASK], inverse=1),
        lambda k: set_fields(k.levels[FREE + 1], price=98),  # a closed level of an empty page
    ],
    Fault.SIDE_LEVEL_COUNT_WRONG: [
        lambda k: set_fields(k.sides[BID], level_count=3),
        lambda k: set_mask(k, 0, MAPPED | 1 << 4),  # bid 10 is not open
    ],
    Fault.SIDE_ORDER_COUNT_WRONG: [lambda k: set_fields(k.sides[BID], order_count=3)],
    Fault.ORDER_QTY_NOT_POSITIVE: [
        lambda k: set_fields(node(k, 2), qty_lots=0),
        lambda k: set_fields(node(k, 2), qty_lots=-3),
    ],
    Fault.ORDER_OUT_OF_PLACE: [
        lambda k: set_fields(node(k, 2), level=LEVELS),
        lambda k: set_fields(node(k, 2), level=NIL - 1),
        lambda k: set_fields(k.nodes[7], level=level_of(k, 12)),  # a slot that was never used
        lambda k: set_fields(k.nodes[5], level=LEVELS - 1),  # at a level that is not open
    ],
    Fault.LIVE_COUNT_WRONG: [
        haunt,
        cut_and_recount,
    ],
    Fault.INDEX_WRONG: [
        lambda k: set_fields(k.orders[slot(k, 2)], order_id=99),
        lambda k: set_fields(k.orders[slot(k, 2)], order_id=0),
        lambda k: set_fields(k.orders[slot(k, 2)], flags=0),
        lambda k: k.entries["slot"].fill(0),
        lambda k: k.entries["slot"].fill(1),
        lambda k: set_fields(k.entries[0], slot=ORDERS + 1),
        lambda k: set_fields(k.entries[0], slot=-1),
        lambda k: set_fields(entry_of(k, 2), tag=entry_of(k, 2)["tag"] ^ 1),
        lambda k: set_fields(entry_of(k, 2), slot=0),
        lambda k: set_fields(entry_of(k, 2), slot=slot(k, 1) + 1),
        index_stranger,
    ],
    Fault.ORDER_POOL_WRONG: [
        lambda k: free_twice(k.order_pool),
        lambda k: set_fields(k.order_pool.meter[0], depth=7),
        lambda k: set_fields(k.order_pool.meter[0], depth=-1),
        lambda k: set_fields(k.order_pool.meter[0], capacity=ORDERS + 1),
        lambda k: set_fields(k.order_pool.meter[0], fresh=ORDERS + 1),
        lambda k: k.order_pool.free.fill(slot(k, 1)),
        lambda k: k.order_pool.free.fill(NIL),
        lambda k: k.order_pool.free.fill(7),
    ],
    Fault.LEVEL_POOL_WRONG: [
        lambda k: free_twice(k.page_pool),
        lambda k: set_fields(k.page_pool.meter[0], depth=0),
        lambda k: set_fields(k.page_pool.meter[0], depth=-1),
        lambda k: set_fields(k.page_pool.meter[0], capacity=PAGES + 1),
        lambda k: set_fields(k.page_pool.meter[0], fresh=PAGES + 1),
        lambda k: set_fields(k.page_pool.meter[0], fresh=2),  # the third page is not there
        lambda k: set_fields(k.page_pool.meter[0], fresh=4),  # a fourth is, and is nowhere
        lambda k: k.page_pool.free.fill(page_of(k, 12)),
        lambda k: k.page_pool.free.fill(5),
        lambda k: k.page_pool.free.fill(NIL),
        lambda k: set_mask(k, 0, k.masks[0] | STACKED),
        lambda k: set_mask(k, 2, MAPPED),  # on the stack, and does not know of it
        lambda k: set_mask(k, 2, STACKED),  # in the map, and does not know of it
        lambda k: set_mask(k, 0, k.masks[0] & ~MAPPED),
        lambda k: set_mask(k, 0, k.masks[0] | RESERVED),  # a page that is in no region
        lambda k: set_mask(k, 2, k.masks[2] | RESERVED),
        lambda k: set_mask(k, 5, RESERVED),
        lambda k: set_fields(k.control[0], page_reserved=1),
        lambda k: set_mask(k, 5, STACKED),  # of a page that was never used
        lambda k: set_fields(k.control[0], page_count=3),
    ],
    Fault.LADDER_WRONG: [
        lambda k: set_fields(k.sides[BID], best=NIL),
        swap_best_with_next,
        lambda k: set_fields(k.control[0], rung_count=3),
        lambda k: k.rungs["mask"].fill(1),
        lambda k: set_bits(k, BID, 0, 1 << 9),
        lambda k: set_bits(k, BID, 3, 1 << 5),  # there is no mask below that bit
        lambda k: set_bits(k, ASK, 1, 1),  # nor below that one, which no walk from the best meets
        lambda k: set_root(k, BID, 0),
        lambda k: set_root(k, ASK, 0),
        lambda k: set_root(k, BID, 0b11),
        lambda k: set_root(k, ASK, k.roots[ASK] | 1),
        lambda k: set_rung(k, 40 << 42),  # of an owner that there is not
        lambda k: set_rung(k, 7 << 39),  # at a height that there is not
    ],
    Fault.QUEUE_TIME_WRONG: [
        lambda k: set_fields(k.orders[slot(k, 2)], sequence=0),
        lambda k: set_fields(k.orders[slot(k, 1)], sequence=50),
    ],
}

PLANTED = [(fault, place) for fault, damages in DAMAGE.items() for place in range(len(damages))]


def test_a_sound_book_has_no_fault():
    b.assert_audited(sound_book())


@pytest.mark.parametrize(("fault", "place"), PLANTED, ids=lambda v: getattr(v, "name", v))
def test_planted_damage_is_seen_under_its_name(fault, place):
    book = sound_book()

    DAMAGE[fault][place](book)

    assert audit_of(book) is fault


def book_with_region():
    """A sound book, and behind it pages 3 and 4 of a region: 3 has been used, 4 never was."""
    book = sound_book()
    assert reserve_pages(book, 2) == 3
    run = Region(int(reserve(book.order_pool, 1)), 1, 3 * PAGE_LEVELS, 2 * PAGE_LEVELS)
    first = b.add(7, BID, 16, 1, handle=0, level=0)
    counts = np.zeros(STATUS_SPAN, np.int64)
    replay(book, run, b.stream(first, delete(7, handle=0)), counts, np.zeros(1, TALLY))
    assert counts.sum() == 0
    b.assert_audited(book)
    return book


def stack(book, page):
    """A page comes onto the stack, and knows of it."""
    meter = book.page_pool.meter[0]
    book.page_pool.free[meter["depth"]] = page
    meter["depth"] += 1
    book.masks[page] |= STACKED


@pytest.mark.parametrize(
    "damage",
    [
        lambda k: set_mask(k, 3, MAPPED),
        lambda k: set_mask(k, 3, RESERVED),
        lambda k: set_mask(k, 3, MAPPED | RESERVED | STACKED),
        lambda k: set_mask(k, 4, 0),
        lambda k: set_mask(k, 4, RESERVED | STACKED),
        lambda k: set_fields(k.control[0], page_reserved=1),
        lambda k: set_fields(k.control[0], page_reserved=3),
        lambda k: set_fields(k.control[0], page_count=4),
        lambda k: stack(k, 3),
        lambda k: stack(k, 4),
    ],
)
def test_damage_to_the_pages_of_a_region_is_seen(damage):
    book = book_with_region()

    damage(book)

    assert audit_of(book) is Fault.LEVEL_POOL_WRONG


def test_a_page_of_a_region_that_is_wrongly_said_to_be_in_the_map_is_seen():
    book = book_with_region()

    set_mask(book, 4, RESERVED | MAPPED)

    assert audit_of(book) is not Fault.NONE


def test_every_fault_is_planted():
    assert set(DAMAGE) | {Fault.NONE} == set(Fault)


def test_a_wide_book_is_audited_alike():
    book = b.tiny_book(wide=True)
    rest(book, BID, t12=[b.QTY_MAX_64 - 1, 1])
    b.assert_audited(book)

    book.nodes[1]["qty_lots"] = 2

    assert audit_of(book) is Fault.LEVEL_QTY_WRONG


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
@pytest.mark.parametrize("field", ["prev", "next"])
def test_a_nil_that_was_written_is_caught_before_it_is_used_in_checked_runs(field):
    book = sound_book()
    node(book, 2)[field] = NIL

    with pytest.raises(AssertionError):
        send(book, delete(2))
