"""Each rule, broken on purpose: its status comes back, and no byte of any array has changed."""

import numpy as np
import pytest

from mmjit.core.codes import ASK, BID, STATUS_SPAN, Kind, Status
from mmjit.core.levels import LEVEL_QTY_MAX, PRICE_MAX
from mmjit.core.records import EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import (
    QTY_MAX_32,
    QTY_MAX_64,
    add,
    delete,
    event,
    execute,
    level,
    reduce,
    replace,
    rest,
    send,
    trade,
)

INT32_MAX, INT64_MIN, INT64_MAX = (1 << 31) - 1, -(1 << 63), (1 << 63) - 1
LOW, HIGH, STEP = -100, 107, 5  # of symbol 1; the last price on the increment is 105
FAR = 1 << 40


def busy_book(wide=False, orders=8, pages=6, rungs=-1):
    """Symbol 0: orders 1, 2 at bid 12, a set level at ask 20. Symbol 1 is odd; 2 has no prices."""
    book = memory_book(Counts(3, orders, pages, rungs, wide), 7)
    assert configure_symbol(book, 0, 0, FAR, 1) == Status.OK
    assert configure_symbol(book, 1, LOW, HIGH, STEP) == Status.OK
    rest(book, BID, t12=[5, 3])
    assert send(book, level(ASK, 20, 9)) == 0
    return book


def full_of_orders(wide=False):
    book = busy_book(wide)
    rest(book, BID, t12=[1] * 6)
    return book


def full_of_pages(wide=False):
    book = busy_book(wide)
    rest(book, BID, t100=[1], t200=[1], t300=[1], t400=[1])
    return book


def full_ladder(wide=False):
    """Three lone prices leave fewer of the 24 usable masks than the 8 that a fourth may need."""
    book = busy_book(wide, rungs=32)
    rest(book, BID, t549755813888=[1])
    assert book.control[0]["rung_count"] == 18
    return book


def full_level(wide=False):
    """A level at ask 30 that holds as much as a level can, in a book of 64-bit quantities."""
    del wide
    book = busy_book(wide=True)
    rest(book, ASK, t30=[LEVEL_QTY_MAX - 5, 3, 2], t31=[1])
    return book


# status: situations and the events that are refused in them
REFUSED = {
    Status.KIND_UNKNOWN: [
        (busy_book, event(kind)) for kind in (0, -1, -128, 15, 127, Kind.NEW, Kind.FILL, Kind.TIMER)
    ],
    Status.SYMBOL_UNKNOWN: [
        *(
            (busy_book, make(symbol=symbol))
            for symbol in (-1, 3, INT32_MAX, -INT32_MAX - 1)
            for make in (
                lambda **at: add(9, BID, 12, 1, **at),
                lambda **at: delete(1, **at),
                lambda **at: reduce(1, 1, **at),
                lambda **at: execute(1, 1, **at),
                lambda **at: replace(1, 9, 12, 1, **at),
                lambda **at: level(ASK, 20, 1, **at),
                lambda **at: trade(12, 1, **at),
                lambda **at: b.status(1, **at),
                lambda **at: b.clear(**at),
                lambda **at: event(Kind.GAP, **at),
            )
        ),
        (busy_book, add(9, BID, 0, 1, symbol=2)),  # it was never configured
        (busy_book, level(BID, 0, 1, symbol=2)),
        (busy_book, level(BID, 0, 0, symbol=2)),
    ],
    Status.SIDE_UNKNOWN: [
        (busy_book, make(side))
        for side in (2, -1, 127, -128)
        for make in (lambda side: add(9, side, 12, 1), lambda side: level(side, 12, 1))
    ],
    Status.QTY_NOT_POSITIVE: [
        *(
            (busy_book, make(qty_lots))
            for qty_lots in (0, -1, INT64_MIN)
            for make in (
                lambda qty: add(9, BID, 12, qty),
                lambda qty: reduce(1, qty),
                lambda qty: execute(1, qty),
                lambda qty: replace(1, 9, 12, qty),
            )
        ),
        (busy_book, level(ASK, 20, -1)),
        (busy_book, level(ASK, 20, INT64_MIN)),
        (busy_book, trade(12, -1)),
        (busy_book, trade(12, INT64_MIN)),
    ],
    Status.QTY_TOO_LARGE: [
        *(
            (busy_book, make(qty_lots))
            for qty_lots in (QTY_MAX_64 + 1, INT64_MAX)
            for make in (
                lambda qty: add(9, BID, 12, qty),
                lambda qty: add(9, BID, 99, qty),
                lambda qty: replace(1, 9, 12, qty),
                lambda qty: level(ASK, 20, qty),
                lambda qty: trade(12, qty),
            )
        ),
    ],
    Status.LEVEL_QTY_TOO_LARGE: [
        (full_level, add(9, ASK, 30, 1)),
        (full_level, add(9, ASK, 30, QTY_MAX_64)),
        (full_level, replace(6, 9, 30, 1)),
        (full_level, replace(4, 9, 30, 4)),  # it gives 3 back and asks for 4
    ],
    Status.PRICE_OUT_OF_RANGE: [
        *(
            (busy_book, make(price))
            for price in (-1, FAR + 1, INT64_MIN, INT64_MAX)
            for make in (
                lambda price: add(9, BID, price, 1),
                lambda price: replace(1, 9, price, 1),
                lambda price: level(ASK, price, 1),
                lambda price: level(ASK, price, 0),
            )
        ),
        (busy_book, add(9, ASK, LOW - STEP, 1, symbol=1)),
        (busy_book, add(9, ASK, HIGH, 1, symbol=1)),
    ],
    Status.PRICE_OFF_INCREMENT: [
        (busy_book, add(9, BID, price, 1, symbol=1)) for price in (LOW + 1, -1, 1, 104)
    ],
    Status.ORDER_ID_ZERO: [
        (busy_book, add(0, BID, 12, 1)),
        (busy_book, delete(0)),
        (busy_book, reduce(0, 1)),
        (busy_book, execute(0, 1)),
        (busy_book, replace(0, 9, 12, 1)),
        (busy_book, replace(1, 0, 12, 1)),
    ],
    Status.ORDER_ID_DUPLICATE: [
        (busy_book, add(1, BID, 12, 1)),
        (busy_book, add(1, ASK, 500, 1)),
        (busy_book, add(1, ASK, 0, 1, symbol=1)),
        (full_of_orders, add(1, BID, 12, 1)),
        (busy_book, replace(1, 2, 12, 1)),
    ],
    Status.ORDER_ID_UNKNOWN: [
        (busy_book, make(order_id))
        for order_id in (3, -1, INT64_MIN, INT64_MAX)
        for make in (
            delete,
            lambda i: reduce(i, 1),
            lambda i: execute(i, 1),
            lambda i: replace(i, 9, 12, 1),
        )
    ],
    Status.ORDER_OF_OTHER_SYMBOL: [
        (busy_book, make(symbol=symbol))
        for symbol in (1, 2)
        for make in (
            lambda **at: delete(1, **at),
            lambda **at: reduce(1, 1, **at),
            lambda **at: execute(1, 9, **at),
            lambda **at: replace(1, 9, 0, 1, **at),
        )
    ],
    Status.ORDER_POOL_EXHAUSTED: [
        (full_of_orders, add(9, BID, 12, 1)),
        (full_of_orders, add(9, ASK, 500, 1)),
    ],
    Status.LEVEL_POOL_EXHAUSTED: [
        (full_of_pages, add(9, BID, 5, 1)),
        (full_of_pages, level(ASK, 5, 1)),
        (full_of_pages, replace(1, 9, 5, 1)),
        (full_of_pages, replace(3, 9, 5, 1)),  # its own level would only be free afterwards
    ],
    Status.LADDER_EXHAUSTED: [
        (full_ladder, add(9, BID, 130, 1)),
        (full_ladder, level(ASK, 130, 1)),
        (full_ladder, replace(1, 9, 130, 1)),
    ],
    Status.LEVEL_HAS_ORDERS: [
        (busy_book, level(BID, 12, qty_lots)) for qty_lots in (0, 1, 8, LEVEL_QTY_MAX)
    ],
    Status.LEVEL_HAS_NO_ORDERS: [
        (busy_book, add(9, ASK, 20, 1)),
        (full_of_orders, add(9, ASK, 20, 1)),
    ],
    Status.OVER_EXECUTION: [
        (busy_book, execute(1, qty_lots)) for qty_lots in (6, 1 << 33, INT64_MAX)
    ],
    Status.OVER_REDUCTION: [
        (busy_book, reduce(1, qty_lots)) for qty_lots in (6, 1 << 33, INT64_MAX)
    ],
}

# Refused by `configure_symbol`: symbol, price_min, price_max, increment
UNCONFIGURABLE = {
    Status.SYMBOL_UNKNOWN: [
        (-1, 0, 9, 1),
        (3, 0, 9, 1),
        (INT64_MIN, 0, 9, 1),
        (INT64_MAX, 0, 9, 1),
    ],
    Status.INCREMENT_NOT_POSITIVE: [(1, 0, 9, 0), (1, 0, 9, -1), (1, 0, 9, INT64_MIN)],
    Status.PRICE_MAX_BELOW_MIN: [(1, 9, 8, 1), (1, INT64_MAX, INT64_MIN, 1)],
    Status.PRICE_SPAN_TOO_WIDE: [
        (1, 0, 1 << 48, 1),
        (1, -1, PRICE_MAX + 1, PRICE_MAX),
        (1, -PRICE_MAX - 1, 0, PRICE_MAX),
        (1, INT64_MIN, INT64_MAX, INT64_MAX),
        (1, 0, INT64_MAX, INT64_MAX),
    ],
    Status.SYMBOL_IN_USE: [(0, 0, 9, 1)],
}

# Refused by handle, in a book whose region has 4 slots of which 1 holds an order of symbol 0
BY_HANDLE = {
    Status.HANDLE_OUT_OF_RANGE: [
        add(9, BID, 12, 1, handle=handle) for handle in (-1, 4, 7, INT32_MAX, -INT32_MAX - 1)
    ],
    Status.HANDLE_TAKEN: [
        add(9, BID, 12, 1, handle=1),
        add(9, BID, -1, 1, handle=1),
        add(9, BID, 12, 1, handle=1, symbol=1),
    ],
    Status.ORDER_ID_UNKNOWN: [
        *(delete(5, handle=handle) for handle in (0, 2, 4, -1, INT32_MAX, -INT32_MAX - 1)),
        execute(5, 1, handle=0),
        replace(5, 6, 12, 1, handle=3),
        delete(5, handle=2, symbol=3),
        delete(5, handle=-1, level=Status.OVER_EXECUTION),  # which has a handle, always
        delete(5, handle=-1, level=Status.OVER_REDUCTION),
        delete(5, handle=-1, level=-STATUS_SPAN),
        delete(5, handle=-1, level=-INT32_MAX - 1),
        delete(5, handle=-1, level=1),
    ],
    Status.ORDER_ID_DUPLICATE: [add(9, BID, 12, 1, level=Status.ORDER_ID_DUPLICATE)],
    Status.ORDER_ID_ZERO: [replace(9, 0, 12, 1, level=Status.ORDER_ID_ZERO)],
    Status.ORDER_OF_OTHER_SYMBOL: [delete(5, handle=1, symbol=s) for s in (1, 3, -1, INT32_MAX)],
    Status.SYMBOL_UNKNOWN: [add(9, BID, 12, 1, handle=0, symbol=s) for s in (2, 3, -1, INT32_MAX)],
    Status.SIDE_UNKNOWN: [add(9, 2, 12, 1, handle=0)],
    Status.QTY_NOT_POSITIVE: [execute(5, 0, handle=1), add(9, BID, 12, 0, handle=0)],
    Status.PRICE_OUT_OF_RANGE: [replace(5, 6, -1, 1, handle=1)],
    Status.KIND_UNKNOWN: [event(0, handle=1), event(-1, handle=1), event(Kind.CANCEL, handle=1)],
}

# Not of the book, but of what stands above it.
OF_THE_VENUE = {
    *(Status.TIME_IN_FORCE_UNKNOWN, Status.SELF_TRADE_UNKNOWN, Status.TERMS_CONFLICT),
    *(Status.RECORD_MISSING, Status.SESSION_CLOSED, Status.DISPLAY_OUT_OF_RANGE),
    *(Status.EXPIRY_PAST, Status.ORDER_OF_OTHER_OWNER, Status.ACCOUNT_UNKNOWN),
    *(Status.ALARM_POOL_EXHAUSTED, Status.TRADE_RING_FULL, Status.FILL_RING_FULL),
    *(Status.POST_ONLY_WOULD_TRADE, Status.FILL_OR_KILL_UNFILLED, Status.KILL_SWITCH),
    *(Status.MAX_ORDER_QTY, Status.MAX_ORDER_NOTIONAL, Status.PRICE_COLLAR),
    *(Status.REFERENCE_MISSING, Status.MAX_OPEN_ORDERS, Status.REDUCE_ONLY),
    *(Status.MAX_DAILY_LOSS, Status.MAX_DRAWDOWN, Status.RESTRICTED, Status.MAX_OPEN_QTY),
    *(Status.MAX_VOLUME_SHARE, Status.MAX_DEPTH_SHARE, Status.MAX_GROSS, Status.CREDIT),
    *(Status.MESSAGE_RATE, Status.REPEATED_ORDER, Status.REPEATED_EXECUTION, Status.PROTECTION),
    Status.MARKET_STALE,
}
ELSEWHERE = {
    Status.OK: "no refusal",
    Status.SYMBOL_HALTED: "orders of ours while a symbol does not trade",
    **dict.fromkeys(OF_THE_VENUE, "orders at a venue: tests/test_venue_refusals.py"),
    Status.QUOTE_UNKNOWN: "what a rule wants where there is no place for it",
    Status.KILL_SWITCH_ARMED: "an account's switch: tests/test_ledger.py",
    Status.PRICE_OFF_TICK: "orders of ours: the tick table bounds only those",
    Status.NOTIONAL_TOO_LARGE: "orders of ours: an account's limit",
    Status.OUTSIDE_WINDOW: "orders of ours: where the queue is not known",
    Status.RULE_RESTLESS: "a rule of a backtest: tests/test_clocks_machine.py",
    Status.MARKET_CROSSED: "an account's limit: tests/test_guards.py",
    Status.SELF_CROSS: "orders of ours against orders of ours",
    Status.LOST_ON_THE_WAY: "a request of a backtest: tests/test_clocks.py",
    Status.MAX_POSITION: "orders of ours: an account's limit",
    Status.MAX_LONG: "orders of ours: an account's limit",
    Status.MAX_SHORT: "orders of ours: an account's limit",
}


def cases(table):
    return [(rule, place) for rule, found in table.items() for place in range(len(found))]


def name_of(value):
    return getattr(value, "name", str(value))


def test_every_status_of_the_book_is_provoked_here():
    provoked = set(REFUSED) | set(UNCONFIGURABLE) | set(BY_HANDLE)

    assert provoked | set(ELSEWHERE) == set(Status)
    assert not provoked & set(ELSEWHERE)


@pytest.mark.parametrize("wide", [False, True], ids=["qty32", "qty64"])
@pytest.mark.parametrize(("rule", "place"), cases(REFUSED), ids=name_of)
def test_a_refused_event_leaves_no_trace(rule, place, wide):
    situation, one = REFUSED[rule][place]
    book = situation(wide)
    before = b.bytes_of(book)

    assert send(book, one) == rule

    assert b.bytes_of(book) == before
    b.assert_audited(book)


@pytest.mark.parametrize(("rule", "place"), cases(UNCONFIGURABLE), ids=name_of)
def test_a_symbol_that_cannot_be_configured_is_as_it_was(rule, place):
    book = busy_book()
    before = b.bytes_of(book)

    assert configure_symbol(book, *UNCONFIGURABLE[rule][place]) == rule

    assert b.bytes_of(book) == before


@pytest.mark.parametrize("start", [0, 4])
@pytest.mark.parametrize(("rule", "place"), cases(BY_HANDLE), ids=name_of)
def test_an_event_refused_by_its_handle_is_counted_and_leaves_no_trace(rule, place, start):
    book = busy_book(orders=8)
    assert send(book, b.clear()) == 0
    region = Region(start, 4)
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    replay(book, region, add(5, BID, 12, 5, handle=1), counts, tally)
    before = b.bytes_of(book)

    replay(book, region, BY_HANDLE[rule][place], counts, tally)

    assert b.bytes_of(book) == before
    assert {-int(code): int(counts[code]) for code in np.flatnonzero(counts)} == {rule: 1}


# ---- limits: one below, at, one above -------------------------------------------------------


@pytest.mark.parametrize(("wide", "largest"), [(False, QTY_MAX_32), (True, QTY_MAX_64)])
def test_an_orders_quantity_reaches_its_maximum_and_not_beyond(wide, largest):
    for step, expected in ((-1, 0), (0, 0), (1, Status.QTY_TOO_LARGE)):
        book = busy_book(wide)
        assert min(0, send(book, add(9, ASK, 50, largest + step))) == expected
        assert min(0, send(book, replace(1, 8, 40, largest + step))) == expected
        b.assert_audited(book)


def test_a_trade_and_a_set_level_reach_the_maximum_of_a_level_and_not_beyond():
    for step, expected in ((-1, 0), (0, 0), (1, Status.QTY_TOO_LARGE)):
        book = busy_book()
        assert send(book, level(ASK, 20, LEVEL_QTY_MAX + step)) == expected
        assert send(book, trade(20, LEVEL_QTY_MAX + step)) == expected
        b.assert_audited(book)


def test_the_quantity_of_a_level_reaches_its_maximum_and_not_beyond():
    for qty_lots, expected in ((5, 0), (6, 0), (7, Status.LEVEL_QTY_TOO_LARGE)):
        book = busy_book(wide=True)
        rest(book, ASK, t30=[LEVEL_QTY_MAX - 6])
        assert min(0, send(book, add(9, ASK, 30, qty_lots))) == expected
        b.assert_audited(book)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (LOW - STEP, Status.PRICE_OUT_OF_RANGE),
        (LOW - 1, Status.PRICE_OUT_OF_RANGE),
        (LOW, 0),
        (LOW + 1, Status.PRICE_OFF_INCREMENT),
        (LOW + STEP - 1, Status.PRICE_OFF_INCREMENT),
        (LOW + STEP, 0),
        (0, 0),
        (100, 0),
        (104, Status.PRICE_OFF_INCREMENT),
        (105, 0),
        (106, Status.PRICE_OUT_OF_RANGE),
        (107, Status.PRICE_OUT_OF_RANGE),
        (110, Status.PRICE_OUT_OF_RANGE),
    ],
)
@pytest.mark.parametrize("side", [BID, ASK])
def test_a_price_reaches_both_bounds_on_the_increment_and_not_beyond(price, expected, side):
    book = busy_book()

    assert min(0, send(book, add(9, side, price, 1, symbol=1))) == expected
    b.assert_audited(book)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0, (1 << 48) - 1, 1), Status.OK),
        ((0, 1 << 48, 1), Status.PRICE_SPAN_TOO_WIDE),
        ((0, 2 * (1 << 48) - 1, 2), Status.OK),
        ((0, 2 * (1 << 48), 2), Status.PRICE_SPAN_TOO_WIDE),
        ((-PRICE_MAX, PRICE_MAX, 1 << 15), Status.OK),
        ((-PRICE_MAX - 1, PRICE_MAX, 1 << 20), Status.PRICE_SPAN_TOO_WIDE),
        ((-PRICE_MAX, PRICE_MAX + 1, 1 << 20), Status.PRICE_SPAN_TOO_WIDE),
        ((5, 5, 1), Status.OK),
        ((5, 4, 1), Status.PRICE_MAX_BELOW_MIN),
        ((0, 9, 1), Status.OK),
        ((0, 9, 0), Status.INCREMENT_NOT_POSITIVE),
        ((0, 9, INT64_MAX), Status.OK),
    ],
)
def test_a_symbol_spans_as_many_increments_as_the_ladder_counts(limits, expected):
    assert configure_symbol(busy_book(), 1, *limits) == expected


def test_the_order_pool_takes_its_capacity_and_not_one_more():
    book = busy_book(orders=8)  # two of them taken

    results = [send(book, add(9 + i, BID, 12, 1)) for i in range(8)]

    assert [min(0, r) for r in results] == [0] * 6 + [Status.ORDER_POOL_EXHAUSTED] * 2
    assert send(book, delete(1)) == 1
    assert send(book, add(99, BID, 12, 1)) >= 0


def test_the_page_pool_takes_its_capacity_and_not_one_more():
    book = busy_book(pages=6)  # two of them taken

    results = [send(book, add(9 + i, BID, 30 + 8 * i, 1)) for i in range(6)]

    assert [min(0, r) for r in results] == [0] * 4 + [Status.LEVEL_POOL_EXHAUSTED] * 2
    assert send(book, add(98, BID, 12, 1)) >= 0  # at a price that has a level
    assert send(book, add(97, BID, 13, 1)) >= 0  # and beside one
    assert send(book, delete(9)) == 1
    assert send(book, add(99, BID, 77, 1)) >= 0


def test_what_can_be_taken_away_can_be_taken_away_when_everything_is_full():
    for situation in (full_of_orders, full_of_pages, full_ladder, full_level):
        book = situation(False)
        assert send(book, reduce(1, 1)) == 0
        assert send(book, execute(1, 4)) == 1
        assert send(book, delete(2)) == 1
        assert send(book, level(ASK, 20, 0)) == 0
        assert send(book, b.clear()) == 0
        b.assert_audited(book)


def test_events_are_as_wide_as_the_wrong_values_here():
    assert EVENT["symbol"].itemsize == EVENT["handle"].itemsize == EVENT["level"].itemsize == 4
    assert EVENT["price"].itemsize == EVENT["qty_lots"].itemsize == 8
