"""Looking at a book changes nothing and sees everything in priority order."""

import numpy as np
import pytest

from mmjit.core import reads
from mmjit.core.codes import ASK, BID, Status
from mmjit.core.reads import depth_now, qty_ahead, queue_of, slot_by_id, slots_of_side
from tests import builders as b
from tests.builders import best_of, clear, delete, door, level, reduce, replace, rest, send

OF_BID, OF_ASK = 0, 1
UNTOUCHED = 77


@door
def fill_depth(book, owner, prices):  # type: ignore[no-untyped-def]
    reads.fill_depth(book, owner, prices[0], prices[1])


@pytest.fixture
def book():
    tiny = b.tiny_book(orders=16)
    rest(tiny, BID, t12=[5, 3, 4], t10=[1], t9=[7])
    rest(tiny, ASK, t13=[2])
    before = b.bytes_of(tiny)
    yield tiny
    assert b.bytes_of(tiny) == before


@pytest.mark.parametrize("levels", [0, 1, 2, 3, 5])
def test_depth_gives_the_best_levels_and_zeros_where_there_are_none(book, levels):
    rows = np.full((3, levels), UNTOUCHED, np.int64)

    found = depth_now(book, OF_BID, rows[0], rows[1], rows[2])

    expected = [(12, 12, 3), (10, 1, 1), (9, 7, 1), (0, 0, 0), (0, 0, 0)][:levels]
    assert found == min(levels, 3)
    assert list(map(tuple, rows.T.tolist())) == expected


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_a_filled_depth_has_the_same_prices_and_quantities(book, levels):
    rows = np.full((2, levels), UNTOUCHED, np.int64)

    fill_depth(book, OF_BID, rows)

    assert list(map(tuple, rows.T.tolist())) == [(12, 12), (10, 1), (9, 7), (0, 0), (0, 0)][:levels]


def test_the_depth_of_a_side_with_nothing_on_it_is_zeros():
    empty = b.tiny_book()
    rows = np.full((2, 2), UNTOUCHED, np.int64)

    fill_depth(empty, OF_ASK, rows)

    assert not rows.any()


@pytest.mark.parametrize("room", [0, 1, 3, 8])
def test_a_queue_is_counted_whole_and_written_as_far_as_there_is_room(book, room):
    slots = np.full(room, UNTOUCHED, np.int64)

    assert queue_of(book, OF_BID, 12, slots) == 3

    assert book.orders["order_id"][slots[:3]].tolist() == [1, 2, 3][:room]
    assert (slots[3:] == UNTOUCHED).all()


@pytest.mark.parametrize("price", [11, -1, 1 << 62])
def test_a_price_where_nothing_rests_has_an_empty_queue(book, price):
    assert queue_of(book, OF_BID, price, np.zeros(4, np.int64)) == 0


@pytest.mark.parametrize("room", [0, 2, 4, 8])
def test_a_side_is_iterated_best_price_first_then_oldest_first(book, room):
    slots = np.full(room, UNTOUCHED, np.int64)

    assert slots_of_side(book, OF_BID, slots) == 5

    assert book.orders["order_id"][slots[:5]].tolist() == [1, 2, 3, 4, 5][:room]
    assert (slots[5:] == UNTOUCHED).all()


@pytest.mark.parametrize(("order_id", "lots"), [(1, 0), (2, 5), (3, 8), (4, 0), (5, 0), (6, 0)])
def test_the_quantity_ahead_is_of_the_orders_before_at_the_same_price(book, order_id, lots):
    assert qty_ahead(book, order_id) == lots


@pytest.mark.parametrize("order_id", [0, 99, -1])
def test_an_order_that_does_not_rest_is_found_nowhere(book, order_id):
    assert qty_ahead(book, order_id) == Status.ORDER_ID_UNKNOWN
    assert slot_by_id(book, order_id) == Status.ORDER_ID_UNKNOWN


def test_an_order_is_found_by_its_id(book):
    slot = slot_by_id(book, 4)

    assert (book.orders[slot]["order_id"], book.nodes[slot]["qty_lots"]) == (4, 1)


def test_every_order_that_rests_is_counted(book):
    assert b.count_live(book) == 6


def test_the_quantity_ahead_may_be_more_than_one_order_can_hold():
    book = b.tiny_book()
    rest(book, BID, t12=[b.QTY_MAX_32] * 3)

    assert qty_ahead(book, 3) == 2 * b.QTY_MAX_32
    b.assert_audited(book)


def test_the_quantity_ahead_shrinks_with_what_is_before_and_grows_by_a_replace():
    book = b.tiny_book()
    first, second, third = rest(book, BID, t12=[5, 3, 4])
    send(book, reduce(first, 2))
    assert qty_ahead(book, third) == 6
    send(book, delete(second))
    assert qty_ahead(book, third) == 3
    send(book, replace(third, third, 12, 4))
    assert qty_ahead(book, third) == 3
    send(book, replace(first, first, 12, 5))
    assert (qty_ahead(book, first), qty_ahead(book, third)) == (4, 0)


def test_levels_that_were_set_have_depth_and_no_orders():
    book = b.tiny_book()
    for price, qty_lots in ((20, 5), (18, 3), (25, 9)):
        send(book, level(ASK, price, qty_lots))

    assert b.depth_of(book, OF_ASK) == [(18, 3, 0), (20, 5, 0), (25, 9, 0)]
    assert best_of(book, OF_ASK) == (18, 3, 0)
    assert queue_of(book, OF_ASK, 18, np.zeros(4, np.int64)) == 0
    assert slots_of_side(book, OF_ASK, np.zeros(4, np.int64)) == 0


def test_a_cleared_book_shows_nothing():
    book = b.tiny_book()
    rest(book, BID, t12=[5])
    send(book, clear())

    assert b.depth_of(book, OF_BID) == []
    assert b.count_live(book) == 0
