"""Pages of eight neighbouring prices, so few that they are made over to others all the time."""

import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL, Kind, Status
from mmjit.core.jit import COMPILED
from mmjit.core.levels import MAPPED, PAGE_LEVELS, PRICE_MAX
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.replaying import book_for
from tests import builders as b
from tests.builders import add, delete, level, rest, send
from tests.naive_book import NaiveBook, plain, signed

INCREMENTS = (1, 3, 100, 1 << 20, 7 << 33)
SPANS = (0, 1, 7, 8, 9, 60, 511, 512, 5000, 1 << 20)  # in increments
ORDERS = 12
STEPS = 6_000 if COMPILED else 400


class Twins:
    """A book of few pages and its naive twin; both do the same."""

    def __init__(self, bounds: list[Any], pages: int, rungs: int = NIL, salt: int = 7) -> None:
        counts = Counts(len(bounds), ORDERS, pages, rungs, wide=salt % 2 == 0)
        self.book = memory_book(counts, salt)
        sizes = (pages, len(self.book.rungs), counts.wide)
        self.naive = NaiveBook(len(bounds), ORDERS, *sizes)
        for symbol, limits in enumerate(bounds):
            assert configure_symbol(self.book, symbol, *limits) == Status.OK
            self.naive.configure(symbol, *limits)

    def send(self, kind: int, **fields: int) -> int:
        """Do an event, and look at everything."""
        one = b.event(kind, **fields)
        before = b.bytes_of(self.book)
        result = send(self.book, one)
        expected = self.naive.apply(plain(one[0]))
        assert min(0, result) == min(0, expected)
        if expected < 0:
            assert b.bytes_of(self.book) == before
        self.agree()
        return expected

    def configure(self, symbol: int, *limits: int) -> None:
        """Give a symbol other bounds, which works while it has nothing."""
        used = any(self.naive.prices(2 * symbol + side) for side in (BID, ASK))
        status = configure_symbol(self.book, symbol, *limits)
        assert status == (Status.SYMBOL_IN_USE if used else Status.OK)
        if not used:
            self.naive.configure(symbol, *limits)
        self.agree()

    def agree(self) -> None:
        """Both hold the same, in as many pages and masks, and the audit passes."""
        b.assert_audited(self.book)
        for owner in range(len(self.book.sides)):
            assert b.depth_of(self.book, owner) == self.naive.depth(owner)
        control = self.book.control[0]
        assert control["page_count"] == len(self.naive.pages())
        assert control["rung_count"] == self.naive.rung_count()
        assert self.book.page_pool.meter[0]["fresh"] <= len(self.book.masks)


# ---- any moves ------------------------------------------------------------------------------


@st.composite
def bounds_of(draw: Any) -> tuple[int, int, int]:
    """Lowest price, highest price and increment; the highest is not always on the increment."""
    increment, steps = draw(st.sampled_from(INCREMENTS)), draw(st.sampled_from(SPANS))
    low = draw(st.sampled_from([0, 1, -1, -5 * increment, -PRICE_MAX, -(10**12) - 7]))
    return low, low + steps * increment + draw(st.integers(0, increment - 1)), increment


@st.composite
def prices_of(draw: Any, limits: tuple[int, int, int]) -> int:
    """A price that a symbol takes, or beside one, or behind the last one."""
    low, high, increment = limits
    steps = (high - low) // increment
    rank = draw(st.sampled_from([0, steps]) | st.integers(0, steps))
    rank += draw(st.sampled_from([0, 0, 0, 1, -1, 2, 7, 8, -8]))
    off = draw(st.sampled_from([0] * 9 + [1, -1, increment // 2]))
    return int(low + rank * increment + off)


@given(st.data())
def test_any_moves_at_any_prices_leave_what_a_naive_book_holds(data):
    bounds = data.draw(st.lists(bounds_of(), min_size=1, max_size=3))
    pages, rungs = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([NIL, NIL, 16, 32]))
    twins = Twins(bounds, pages, rungs, data.draw(st.sampled_from([7, 0, -(1 << 63)])))
    ids = st.integers(1, ORDERS)

    for _ in range(data.draw(st.integers(1, 25))):
        symbol = data.draw(st.integers(0, len(bounds) - 1))
        kind = data.draw(st.sampled_from([Kind.ADD] * 4 + [Kind.DELETE] * 2 + REST))
        at = {"symbol": symbol, "price": data.draw(prices_of(bounds[symbol]))}
        if kind == Kind.STATUS:
            bounds[symbol] = limits = data.draw(bounds_of())
            twins.configure(symbol, *limits)
            bounds[symbol] = limits_of(twins.naive, symbol)
            continue
        if twins.naive.orders and kind in (Kind.DELETE, Kind.REPLACE):
            order = data.draw(st.sampled_from(list(twins.naive.orders.values())))
            at |= {"order_id": order.order_id, "symbol": order.symbol}
        else:
            at["order_id"] = data.draw(ids)
        qty_lots = data.draw(st.integers(0 if kind == Kind.LEVEL else 1, 2))
        side = data.draw(st.sampled_from([BID, ASK]))
        twins.send(kind, **at, side=side, qty_lots=qty_lots, other_id=data.draw(ids))


REST = [Kind.REPLACE, Kind.REPLACE, Kind.LEVEL, Kind.LEVEL, Kind.CLEAR, Kind.STATUS]


def limits_of(naive: NaiveBook, symbol: int) -> tuple[int, int, int]:
    market = naive.markets[symbol]
    return market.price_min, market.price_max, market.increment


# ---- many moves -----------------------------------------------------------------------------


def first_prices(book: Any) -> list[int]:
    """The first price of each page, by which one sees what it is."""
    owners, prices = book.levels["owner"][::PAGE_LEVELS], book.levels["price"][::PAGE_LEVELS]
    return list(zip(owners.tolist(), prices.tolist(), strict=True))


@pytest.mark.parametrize("spread", [20, 200, 10**6], ids=["dense", "wide", "scattered"])
@pytest.mark.parametrize(("pages", "seed"), [(1, 1), (3, 2), (8, 3)])
def test_pages_are_made_over_to_other_prices_again_and_again(pages, seed, spread):
    bounds = [(-(10**9), 10**9, 1), (0, 10**7 << 20, 1 << 20), (-7, 10**9, 3)]
    twins = Twins(bounds, pages, salt=seed)
    draw = random.Random(seed)
    made_over = 0

    for number in range(1, STEPS + 1):
        before = first_prices(twins.book)
        resting = list(twins.naive.orders.values())
        symbol, side = draw.randrange(3), draw.randrange(2)
        low, _, increment = bounds[symbol]
        rank = 10_000 + draw.randrange(spread)
        fields = {"symbol": symbol, "side": side, "price": low + rank * increment, "qty_lots": 1}
        if resting and draw.random() < 0.48:
            order = draw.choice(resting)
            fields |= {"order_id": order.order_id, "symbol": order.symbol, "other_id": number}
            fields["price"] += (bounds[order.symbol][0] - low) if order.symbol == symbol else 0
            twins.send(draw.choice((Kind.DELETE, Kind.DELETE, Kind.REPLACE)), **fields)
        elif draw.random() < 0.1:
            at = list(twins.naive.set_levels) or [(2 * symbol + side, fields["price"])]
            owner, price = draw.choice(at)
            fields |= {"symbol": owner // 2, "side": owner % 2, "price": price}
            twins.send(Kind.LEVEL, **fields | {"qty_lots": draw.randrange(2)})
        else:
            twins.send(Kind.ADD, order_id=number, **fields)
        full = twins.book.page_pool.meter[0]["fresh"] == pages
        made_over += full and before != first_prices(twins.book)

    assert made_over > STEPS // 100
    assert twins.book.page_pool.meter[0]["fresh"] == pages


# ---- one by one -----------------------------------------------------------------------------


def meter_of(book: Any) -> tuple[int, int]:
    """How many pages were ever used, and how many are on the stack."""
    meter = book.page_pool.meter[0]
    return int(meter["fresh"]), int(meter["depth"])


def test_eight_neighbouring_prices_of_a_side_take_one_page():
    book = b.tiny_book(pages=2)

    rest(book, BID, t8=[1], t9=[1], t10=[1], t11=[1], t12=[1], t13=[1], t14=[1], t15=[1])

    assert book.control[0]["page_count"] == 1
    assert book.masks.tolist() == [MAPPED | 0xFF, 0]
    b.assert_audited(book)


def test_a_page_whose_last_level_closes_stays_where_it_is():
    book = b.tiny_book(pages=2)
    rest(book, BID, t12=[1])
    where = first_prices(book)
    assert send(book, delete(1)) == 1

    rest(book, BID, t13=[1])

    assert first_prices(book) == where
    assert book.control[0]["page_count"] == 1
    assert meter_of(book) == (1, 1)
    b.assert_audited(book)


def test_a_page_that_comes_and_goes_stands_on_the_stack_once():
    book = b.tiny_book(pages=2)
    for order_id in range(1, 9):
        assert send(book, add(order_id, BID, 12, 1)) >= 0
        assert send(book, delete(order_id)) == 1

    assert meter_of(book) == (1, 1)
    b.assert_audited(book)


def test_an_empty_page_is_made_over_when_no_page_is_left_that_was_never_used():
    book = b.tiny_book(pages=2)
    rest(book, BID, t12=[1], t100=[1])
    assert send(book, delete(1)) == 1
    assert send(book, add(3, ASK, 12, 1)) >= 0

    assert meter_of(book) == (2, 0)
    assert [owner for owner, _ in first_prices(book)] == [ASK, BID]
    assert send(book, add(4, BID, 12, 1)) == Status.LEVEL_POOL_EXHAUSTED
    b.assert_audited(book)


def test_a_page_that_was_filled_again_is_not_made_over():
    book = b.tiny_book(pages=2)
    rest(book, BID, t12=[1], t100=[1])
    assert send(book, delete(2)) == 1
    assert send(book, delete(1)) == 1
    assert send(book, add(3, BID, 13, 1)) >= 0  # the page on top of the stack

    assert send(book, add(4, BID, 1000, 1)) >= 0

    assert b.depth_of(book, BID) == [(1000, 1, 1), (13, 1, 1)]
    b.assert_audited(book)


def test_a_replace_at_the_last_page_needs_one_more_for_another_page_only():
    book = b.tiny_book(pages=1)
    rest(book, BID, t12=[1])

    assert send(book, b.replace(1, 2, 100, 1)) == Status.LEVEL_POOL_EXHAUSTED
    assert send(book, b.replace(1, 2, 13, 1)) >= 0
    assert b.depth_of(book, BID) == [(13, 1, 1)]
    b.assert_audited(book)


WIDEST = [
    *((0, 10, 1), (-3, 9, 3), (-PRICE_MAX, PRICE_MAX, 1 << 61), (0, PRICE_MAX, (1 << 62) // 3)),
    *((0, 9, (1 << 63) - 1), (-PRICE_MAX, PRICE_MAX, PRICE_MAX), (5, 5, 1), (-7, -7, 1 << 62)),
    *((0, 3 * (7 << 33), 7 << 33), (0, 9 << 20, 1 << 20), (0, PRICE_MAX, (1 << 61) + 1)),
]


@pytest.mark.parametrize("limits", WIDEST)
@pytest.mark.parametrize("side", [BID, ASK])
@pytest.mark.parametrize("kind", [Kind.ADD, Kind.LEVEL])
def test_the_rest_of_the_last_page_has_no_prices(limits, side, kind):
    """Not even where the sixty-four bits of a price behind the bounds wrap to one within them."""
    twins = Twins([limits], 2)
    low, high, increment = limits_of(twins.naive, 0)
    assert twins.send(kind, order_id=1, price=low, side=side, qty_lots=1) == 0
    assert twins.send(kind, order_id=2, price=high, side=side, qty_lots=1) >= -1_000

    for step in range(-17, 18):
        for off in (0, 1, -1):
            for price in (signed(low + step * increment + off), signed(high - step * increment)):
                twins.send(kind, order_id=3, price=price, side=side, qty_lots=1)
                twins.send(Kind.DELETE, order_id=3)


OTHER_BOUNDS = [(0, 50, 1), (0, 200, 2), (1, 101, 1), (-100, 100, 1), (0, 100, 1), (0, 1 << 47, 1)]


@pytest.mark.parametrize("limits", OTHER_BOUNDS)
def test_pages_of_other_bounds_are_forgotten(limits):
    twins = Twins([(0, 100, 1), (0, 100, 1)], 3)
    for side, price in ((BID, 53), (ASK, 60)):
        twins.send(Kind.ADD, order_id=1, price=price, side=side, qty_lots=1)
        twins.send(Kind.DELETE, order_id=1)
    twins.send(Kind.ADD, symbol=1, order_id=9, price=53, qty_lots=1)

    twins.configure(0, *limits)

    for price in (*range(40, 70), 100, 101, 102, 200):
        for side in (BID, ASK):
            twins.send(Kind.ADD, order_id=1, price=price, side=side, qty_lots=1)
            twins.send(Kind.DELETE, order_id=1)


def test_bounds_can_change_while_an_empty_page_is_on_the_stack():
    twins = Twins([(0, 1000, 1)], 1)
    for limits in ((0, 1000, 7), (-500, 1000, 3), (0, 1 << 40, 1)):
        twins.send(Kind.ADD, order_id=1, price=limits[0], qty_lots=1)
        twins.send(Kind.CLEAR)
        twins.configure(0, *limits)
        twins.send(Kind.ADD, order_id=1, price=limits[0], side=ASK, qty_lots=1)
        twins.send(Kind.DELETE, order_id=1)


def test_a_level_set_as_a_whole_shares_its_page_with_orders():
    book = b.tiny_book(pages=1)
    rest(book, BID, t12=[1])
    assert send(book, level(BID, 13, 5)) == 0

    assert b.depth_of(book, BID) == [(13, 5, 0), (12, 1, 1)]
    assert send(book, delete(1)) == 1
    assert book.control[0]["page_count"] == 1
    assert send(book, level(BID, 13, 0)) == 0
    assert book.control[0]["page_count"] == 0
    b.assert_audited(book)


@pytest.mark.parametrize("orders", [64, 150])
@pytest.mark.parametrize(
    "steps", [(0,), (40,), (511, 8), (5000, 3), (1 << 20, 1 << 47), (1 << 41,)]
)
def test_a_book_for_a_tape_has_room_for_any_orders_at_its_prices(steps, orders):
    instruments = [SimpleNamespace(price_min=-3, price_max=2 * s, increment=2) for s in steps]
    tape: Any = SimpleNamespace(
        instruments=instruments, order_slots=0, level_pages=0, level_prices=0, wide=False
    )
    for spread in ("even", "random", "low"):
        book, _ = book_for(tape, extra_orders=orders)
        draw = random.Random(orders)
        for order_id in range(1, orders + 1):
            symbol, side = order_id % len(steps), draw.randrange(2)
            count = (2 * steps[symbol] + 3) // 2 + 1
            even, low = order_id * count // (orders + 1), order_id * 8 % count
            rank = {"even": even, "low": low}.get(spread, draw.randrange(count))
            assert send(book, add(order_id, side, 2 * rank - 3, 1, symbol=symbol)) >= 0
        b.assert_audited(book)
