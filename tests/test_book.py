"""What each verb does to a book, one sentence at a time."""

import numpy as np
import pytest

from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, Status, TradingStatus
from mmjit.core.jit import CHECKED
from mmjit.core.levels import LEVEL_QTY_MAX
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import (
    add,
    best_changed,
    best_of,
    clear,
    delete,
    depth_of,
    execute,
    level,
    queue_at,
    reduce,
    replace,
    rest,
    send,
    status,
    trade,
)

OF_BID, OF_ASK = 0, 1  # owners: the sides of symbol 0


@pytest.fixture(params=[False, True], ids=["qty32", "qty64"])
def book(request):
    tiny = b.tiny_book(orders=16, symbols=2, wide=request.param)
    yield tiny
    b.assert_audited(tiny)


# ---- add ------------------------------------------------------------------------------------


def test_an_empty_book_has_no_best_and_no_levels(book):
    assert best_of(book, OF_BID) is None
    assert depth_of(book, OF_ASK) == []
    assert b.count_live(book) == 0


def test_orders_at_one_price_queue_in_arrival_order(book):
    first, second = rest(book, ASK, t12=[5, 3])

    assert queue_at(book, OF_ASK, 12) == [(first, 5), (second, 3)]
    assert best_of(book, OF_ASK) == (12, 8, 2)


@pytest.mark.parametrize(("side", "best"), [(BID, 15), (ASK, 9)])
def test_the_best_is_the_highest_bid_and_the_lowest_ask(book, side, best):
    rest(book, side, t12=[1], t9=[2], t15=[3], t11=[4])

    assert best_of(book, side)[0] == best


def test_a_crossed_book_is_a_legal_state_of_a_replica(book):
    rest(book, BID, t12=[5])
    rest(book, ASK, t10=[3])

    assert best_of(book, OF_BID)[0] > best_of(book, OF_ASK)[0]


def test_symbols_do_not_see_each_others_orders(book):
    rest(book, BID, symbol=0, t12=[5])
    rest(book, BID, symbol=1, t12=[3])

    assert depth_of(book, 0) == [(12, 5, 1)]
    assert depth_of(book, 2) == [(12, 3, 1)]


def test_an_order_remembers_when_it_came_and_in_which_order(book):
    slots = [send(book, add(i, BID, 12, 1, venue_ns=100 - i)) for i in (1, 2)]

    entered = book.orders[slots]
    assert entered["entered_ns"].tolist() == [99, 98]
    assert entered["sequence"].tolist() == [0, 1]


@pytest.mark.parametrize("order_id", [1, -1, -(1 << 63), (1 << 63) - 1])
def test_every_id_but_zero_is_legal(book, order_id):
    assert send(book, add(order_id, BID, 12, 5)) >= 0
    assert send(book, delete(order_id)) == 1


# ---- reduce, delete, execute ----------------------------------------------------------------


def test_a_reduced_order_keeps_its_place(book):
    first, second = rest(book, BID, t12=[5, 3])

    assert send(book, reduce(first, 2)) == 0

    assert queue_at(book, OF_BID, 12) == [(first, 3), (second, 3)]


@pytest.mark.parametrize("taking", [lambda i: reduce(i, 5), delete, lambda i: execute(i, 5)])
@pytest.mark.parametrize("place", range(3))
def test_an_order_of_which_nothing_is_left_leaves_its_queue(book, taking, place):
    ids = rest(book, BID, t12=[5, 5, 5])

    assert send(book, taking(ids[place])) == 1

    assert queue_at(book, OF_BID, 12) == [(i, 5) for i in ids if i != ids[place]]


@pytest.mark.parametrize(("side", "behind"), [(BID, 9), (ASK, 15)])
def test_removing_the_last_order_at_the_best_price_uncovers_the_next(book, side, behind):
    [best] = rest(book, side, t12=[5])
    rest(book, side, **{f"t{behind}": [1]})

    assert send(book, delete(best)) == 1

    assert best_of(book, side) == (behind, 1, 1)
    assert depth_of(book, side) == [(behind, 1, 1)]


def test_removing_the_only_order_empties_the_side(book):
    [only] = rest(book, ASK, t12=[5])
    send(book, delete(only))

    assert best_of(book, OF_ASK) is None
    assert book.sides[OF_ASK]["level_count"] == 0


def test_a_slot_set_free_is_used_again_and_shows_nothing_of_its_last_owner(book):
    [first] = rest(book, ASK, t12=[5])
    slot = send(book, add(50, BID, 3, 4, venue_ns=9, flags=Flag.SYNTHETIC))
    send(book, delete(50))

    assert send(book, add(51, ASK, 12, 2, venue_ns=7)) == slot
    assert queue_at(book, OF_ASK, 12) == [(first, 5), (51, 2)]
    kept = book.orders[slot]
    assert (kept["order_id"], kept["entered_ns"], kept["sequence"]) == (51, 7, 3)
    assert kept["flags"] & Flag.SYNTHETIC == 0


def test_an_execution_is_the_last_trade_at_the_orders_own_price(book):
    [order] = rest(book, BID, t12=[5])
    send(book, execute(order, 2, price=99, venue_ns=77))

    last = book.symbols[0]
    assert (last["last_price"], last["last_qty_lots"], last["last_ns"]) == (12, 2, 77)
    assert last["traded_lots"] == b.executed_of(book, OF_BID) == 2


def test_an_execution_at_another_price_is_remembered_at_that_price(book):
    [order] = rest(book, BID, t12=[5])
    send(book, execute(order, 2, price=99, flags=Flag.OWN_PRICE))

    assert book.symbols[0]["last_price"] == 99
    assert best_of(book, OF_BID) == (12, 3, 1)


def test_cancelling_is_no_trade(book):
    [order] = rest(book, BID, t12=[5])
    send(book, reduce(order, 2))
    send(book, delete(order))

    assert book.symbols[0]["traded_lots"] == b.executed_of(book, OF_BID) == 0


# ---- replace --------------------------------------------------------------------------------


def test_a_replaced_order_goes_to_the_tail_even_at_its_own_price_and_quantity(book):
    first, second = rest(book, BID, t12=[5, 3])

    assert send(book, replace(first, 77, 12, 5)) >= 0

    assert queue_at(book, OF_BID, 12) == [(second, 3), (77, 5)]


def test_a_replaced_order_is_known_by_its_new_id_only(book):
    [order] = rest(book, BID, t12=[5])
    send(book, replace(order, 77, 13, 6))

    assert send(book, delete(order)) == Status.ORDER_ID_UNKNOWN
    assert send(book, delete(77)) == 1


def test_an_order_may_be_replaced_under_its_own_id(book):
    first, second = rest(book, BID, t12=[5, 3])

    assert send(book, replace(first, first, 12, 9)) >= 0

    assert queue_at(book, OF_BID, 12) == [(second, 3), (first, 9)]


def test_a_replace_keeps_the_side_whatever_the_event_says(book):
    [order] = rest(book, ASK, t12=[5])
    send(book, replace(order, 77, 13, 6, side=BID))

    assert depth_of(book, OF_ASK) == [(13, 6, 1)]
    assert depth_of(book, OF_BID) == []


@pytest.mark.parametrize("price", [9, 12, 13, 15, 20])
def test_a_replace_moves_the_quantity_from_one_level_to_the_other(book, price):
    first, *_ = rest(book, BID, t12=[5], t15=[2], t9=[1])
    send(book, replace(first, 77, price, 4))

    expected = {15: 2, 9: 1}
    expected[price] = expected.get(price, 0) + 4
    assert [row[:2] for row in depth_of(book, OF_BID)] == sorted(expected.items(), reverse=True)


def test_a_refused_replace_leaves_the_order_where_it_was(book):
    first, second = rest(book, BID, t12=[5, 3])

    assert send(book, replace(first, second, 12, 5)) == Status.ORDER_ID_DUPLICATE
    assert send(book, replace(first, 77, -1, 5)) == Status.PRICE_OUT_OF_RANGE

    assert queue_at(book, OF_BID, 12) == [(first, 5), (second, 3)]


def test_a_replace_at_a_full_level_may_use_the_quantity_that_it_gives_back():
    wide = b.tiny_book(wide=True)
    [order] = rest(wide, BID, t12=[LEVEL_QTY_MAX])

    assert send(wide, replace(order, 77, 12, LEVEL_QTY_MAX)) >= 0
    assert send(wide, replace(77, 78, 12, 1)) >= 0

    assert depth_of(wide, OF_BID) == [(12, 1, 1)]
    b.assert_audited(wide)


def test_an_order_cannot_be_replaced_onto_a_level_that_was_set(book):
    send(book, level(BID, 13, 7))
    [order] = rest(book, BID, t12=[5])

    assert send(book, replace(order, 77, 13, 5)) == Status.LEVEL_HAS_NO_ORDERS


# ---- levels ---------------------------------------------------------------------------------


def test_a_level_is_set_changed_and_removed(book):
    assert send(book, level(ASK, 12, 5)) == 0
    assert depth_of(book, OF_ASK) == [(12, 5, 0)]
    assert send(book, level(ASK, 12, 3)) == 0
    assert depth_of(book, OF_ASK) == [(12, 3, 0)]
    assert send(book, level(ASK, 12, 0)) == 0
    assert depth_of(book, OF_ASK) == []


def test_removing_a_level_that_is_not_there_changes_nothing_but_the_count_of_events(book):
    before = b.bytes_of(book)

    assert send(book, level(ASK, 12, 0)) == 0

    after = b.bytes_of(book)
    assert {name for name in after if after[name] != before[name]} == {"control"}


def test_set_levels_and_levels_of_orders_are_told_apart_at_a_price(book):
    rest(book, BID, t12=[5])
    send(book, level(BID, 13, 4))

    assert send(book, level(BID, 12, 4)) == Status.LEVEL_HAS_ORDERS
    assert send(book, add(50, BID, 13, 4)) == Status.LEVEL_HAS_NO_ORDERS
    assert depth_of(book, OF_BID) == [(13, 4, 0), (12, 5, 1)]


def test_a_set_level_may_hold_more_than_an_order_could():
    narrow = b.tiny_book(wide=False)

    assert send(narrow, level(BID, 12, LEVEL_QTY_MAX)) == 0
    assert best_of(narrow, OF_BID) == (12, LEVEL_QTY_MAX, 0)


# ---- symbols --------------------------------------------------------------------------------


def test_clear_takes_everything_of_its_symbol_and_nothing_of_another(book):
    rest(book, BID, symbol=0, t12=[5, 3], t10=[1])
    rest(book, ASK, symbol=0, t13=[5])
    send(book, level(ASK, 15, 9))
    [other] = rest(book, ASK, symbol=1, t12=[4])

    assert send(book, clear(symbol=0)) == 0

    assert depth_of(book, 0) == depth_of(book, 1) == []
    assert depth_of(book, 3) == [(12, 4, 1)]
    assert b.count_live(book) == 1
    assert send(book, reduce(other, 1, symbol=1)) == 0


def test_what_was_cleared_can_rest_again(book):
    ids = rest(book, BID, t12=[1] * 16)
    assert send(book, add(50, BID, 12, 1)) == Status.ORDER_POOL_EXHAUSTED
    send(book, clear())

    for order_id in ids:
        assert send(book, add(order_id, ASK, 12, 1)) >= 0


def test_an_event_whose_flags_are_all_set_is_cleared_as_any_other(book):
    assert send(book, add(5, BID, 12, 1, flags=-1)) >= 0
    b.assert_audited(book)

    assert send(book, clear()) == 0
    assert b.count_live(book) == 0


def test_a_trade_off_the_book_is_remembered_and_changes_no_level(book):
    rest(book, BID, t12=[5])
    assert send(book, trade(14, 6, venue_ns=3)) == 0

    last = book.symbols[0]
    assert (last["last_price"], last["last_qty_lots"], last["traded_lots"]) == (14, 6, 6)
    assert depth_of(book, OF_BID) == [(12, 5, 1)]


def test_a_trade_of_nothing_is_no_trade(book):
    send(book, trade(14, 6))
    assert send(book, trade(15, 0)) == 0

    assert book.symbols[0]["last_price"] == 14


def test_the_volume_stays_at_its_maximum_once_it_is_there():
    wide = b.tiny_book(wide=True)
    for _ in range(3):
        assert send(wide, trade(14, LEVEL_QTY_MAX)) == 0
        [order] = rest(wide, BID, t12=[LEVEL_QTY_MAX])
        assert send(wide, execute(order, LEVEL_QTY_MAX)) == 1

    assert wide.symbols[0]["traded_lots"] == LEVEL_QTY_MAX
    assert b.executed_of(wide, OF_BID) == LEVEL_QTY_MAX


def test_a_status_is_kept_for_its_symbol(book):
    send(book, status(TradingStatus.HALTED, symbol=1))

    assert book.symbols["status"].tolist() == [TradingStatus.UNKNOWN, TradingStatus.HALTED]


@pytest.mark.parametrize(
    "kind", [Kind.BROKEN, Kind.GAP, Kind.SNAPSHOT_BEGIN, Kind.SNAPSHOT_END, Kind.FUNDING]
)
def test_kinds_that_are_not_of_the_book_pass_through_it(book, kind):
    rest(book, BID, t12=[5])
    before = b.bytes_of(book)

    assert send(book, b.event(kind, qty_lots=4, price=3, order_id=1)) == 0

    after = b.bytes_of(book)
    assert {name for name in after if after[name] != before[name]} == {"control"}


# ---- the flag -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "changes"),
    [
        (add(50, BID, 15, 1), True),  # a better price
        (add(50, BID, 12, 1), True),  # more at the best
        (add(50, BID, 11, 1), False),
        (reduce(1, 1), True),
        (reduce(3, 1), False),
        (delete(2), True),
        (delete(3), False),
        (execute(1, 1), True),
        (replace(1, 50, 12, 5), False),  # price, quantity and count are as they were
        (replace(1, 50, 12, 6), True),
        (replace(1, 50, 10, 5), True),  # away from the best
        (replace(3, 50, 12, 4), True),  # to the best
        (replace(3, 50, 9, 4), False),
        (replace(3, 50, 20, 4), True),  # a new best
        (level(ASK, 20, 5), False),  # what it is already
        (level(ASK, 20, 6), True),
        (level(ASK, 21, 5), False),
        (level(ASK, 20, 0), True),
        (level(ASK, 23, 0), False),
        (clear(), True),
        (clear(symbol=1), False),  # there is nothing there
        (trade(12, 4), False),
        (status(TradingStatus.PAUSED), False),
        (b.event(Kind.GAP), False),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_a_flag_tells_whether_the_last_event_changed_a_best(book, one, changes, before):
    rest(book, BID, t12=[5, 5], t10=[4])
    send(book, level(ASK, 20, 5))
    send(book, level(ASK, 22, 1) if not before else add(90, BID, 12, 1))
    assert best_changed(book) == before

    assert send(book, one) >= 0

    assert best_changed(book) == changes


def test_a_refused_event_leaves_the_flag_alone(book):
    rest(book, BID, t12=[5])
    assert best_changed(book)

    assert send(book, delete(99)) == Status.ORDER_ID_UNKNOWN

    assert best_changed(book)


# ---- configuring ----------------------------------------------------------------------------


def test_a_symbol_may_be_configured_again_once_it_is_empty(book):
    [order] = rest(book, BID, t12=[5])
    assert configure_symbol(book, 0, 0, 100, 10) == Status.SYMBOL_IN_USE
    send(book, delete(order))
    send(book, level(ASK, 12, 1))
    assert configure_symbol(book, 0, 0, 100, 10) == Status.SYMBOL_IN_USE
    send(book, level(ASK, 12, 0))

    assert configure_symbol(book, 0, 0, 109, 10) == Status.OK

    assert send(book, add(1, BID, 12, 5)) == Status.PRICE_OFF_INCREMENT
    assert send(book, add(1, BID, 110, 5)) == Status.PRICE_OUT_OF_RANGE
    assert send(book, add(1, BID, 100, 5)) >= 0


def test_a_book_of_the_largest_shape_the_tests_use_begins_every_array_on_a_cache_line():
    for wide in (False, True):
        made = memory_book(Counts(symbols=3, orders=9, pages=5, wide=wide))

        assert len(made.orders) == 12  # whole cache lines of nodes
        assert all(array.ctypes.data % 64 == 0 for array in b.arrays_of(made).values())


# ---- runs -----------------------------------------------------------------------------------


def test_a_run_of_events_returns_how_many_were_refused_and_what_each_returned(book):
    events = b.stream(add(1, BID, 12, 5), delete(9), reduce(1, 2), reduce(1, 4), delete(1))
    statuses = np.zeros(len(events), np.int64)

    assert apply_all(book, events, statuses) == 2

    assert statuses.tolist() == [0, Status.ORDER_ID_UNKNOWN, 0, Status.OVER_REDUCTION, 1]


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
def test_a_slot_that_must_not_be_nil_is_caught_in_checked_runs():
    assert b.hold(3) == 3
    with pytest.raises(AssertionError):
        b.hold(NIL)
