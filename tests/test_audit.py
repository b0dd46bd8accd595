"""Each kind of damage, planted in a sound book, is seen by the audit under its own name."""

import numpy as np
import pytest

from mmjit.core.audit import Fault
from mmjit.core.codes import ASK, BID, NIL
from mmjit.core.jit import CHECKED
from tests import builders as b
from tests.builders import audit_of, delete, level, rest, send

ORDERS, LEVELS = 8, 6


def sound_book():
    """Orders 1, 2, 3 at bid 12, 4 at bid 10, 5 at ask 13; a set level at ask 15; freed slots."""
    book = b.tiny_book(orders=ORDERS, levels=LEVELS)
    rest(book, BID, t12=[5, 3, 4], t10=[1])
    rest(book, ASK, t13=[2], t99=[1])
    assert send(book, level(ASK, 15, 9)) == 0
    assert send(book, delete(6)) == 1
    return book


def slot(book, order_id):
    """The slot of an order that rests."""
    entries = book.entries
    return int(entries["slot"][entries["order_id"] == order_id][0])


def level_of(book, price):
    """The level at a price."""
    in_use = (book.levels["owner"] != NIL) & (book.levels["price"] == price)
    return int(np.flatnonzero(in_use)[0])


def node(book, order_id):
    return book.nodes[slot(book, order_id)]


def sentinel(book, price):
    return len(book.orders) + level_of(book, price) * (book.levels.itemsize // book.nodes.itemsize)


def mask_at(book, owner, height):
    """The place of a mask of a side at a height."""
    keys = book.rungs["key"]
    used = (book.rungs["mask"] != 0) & (keys >> 45 == owner) & ((keys >> 42) & 7 == height)
    return int(np.flatnonzero(used)[0])


def set_bits(book, owner, height, bits):
    book.rungs["mask"][mask_at(book, owner, height)] |= bits


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


def lose_place(book):
    place = np.flatnonzero(book.places["level"] == level_of(book, 10) + 1)[0]
    book.places[place]["level"] = 0


def map_twice(book):
    empty = np.flatnonzero(book.places["level"] == 0)[0]
    book.places[empty]["level"] = level_of(book, 10) + 1


def index_stranger(book):
    empty = np.flatnonzero(book.entries["order_id"] == 0)[0]
    book.entries[empty] = (99, 0, 0)


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
    ],
    Fault.LEVEL_QTY_WRONG: [
        lambda k: set_fields(k.levels[level_of(k, 12)], qty_lots=13),
        lambda k: set_fields(k.levels[level_of(k, 15)], qty_lots=0),
        lambda k: set_fields(node(k, 1), qty_lots=6),
    ],
    Fault.LEVEL_COUNT_WRONG: [
        lambda k: set_fields(k.levels[level_of(k, 12)], order_count=4),
        lambda k: set_fields(k.levels[level_of(k, 12)], order_count=2),
        cut,
    ],
    Fault.LEVEL_NOT_MAPPED: [
        lambda k: set_fields(k.levels[level_of(k, 12)], price=11),
        lambda k: k.places["level"].fill(3),
        lambda k: set_fields(k.places[0], level=LEVELS + 1),
        lambda k: set_fields(k.places[0], level=-1),
        map_twice,
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
    ],
    Fault.SIDE_LEVEL_COUNT_WRONG: [
        lambda k: set_fields(k.sides[BID], level_count=3),
        lose_place,
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
        lambda k: set_fields(k.nodes[5], level=5),  # at a level that is free
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
        lambda k: k.entries["order_id"].fill(1),
        lambda k: set_fields(k.control[0], salt=1),
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
        lambda k: free_twice(k.level_pool),
        lambda k: set_fields(k.level_pool.meter[0], depth=0),
        lambda k: k.level_pool.free.fill(level_of(k, 12)),
        lambda k: k.level_pool.free.fill(5),
    ],
    Fault.LADDER_WRONG: [
        lambda k: set_fields(k.sides[BID], best=NIL),
        swap_best_with_next,
        lambda k: set_fields(k.control[0], rung_count=3),
        lambda k: k.rungs["mask"].fill(1),
        lambda k: set_bits(k, BID, 0, 1 << 9),
        lambda k: set_bits(k, BID, 3, 1 << 5),  # there is no mask below that bit
        lambda k: set_bits(k, ASK, 1, 1),  # nor below that one, which no walk from the best meets
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
