"""Books in memory: laid out on cache lines, empty at first, with symbols configured by rule."""

import numpy as np
import pytest

from mmjit.core.audit import audit
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.digest import state_hash
from mmjit.core.jit import kernel
from mmjit.core.levels import PRICE_MAX
from mmjit.core.records import EVENT
from mmjit.core.replica import apply_by_id
from mmjit.core.state import (
    LINE_BYTES,
    Counts,
    book_arrays,
    configure_symbol,
    lay_out,
    memory_book,
    power_of_two,
    rungs_for,
)

TINY = Counts(symbols=2, orders=8, pages=5)


@kernel
def set_one(book, events):
    return apply_by_id(book, events[0])


def level_event(price, qty_lots, symbol=0, side=0):
    event = np.zeros(1, EVENT)
    event["price"] = price
    event["qty_lots"] = qty_lots
    event["symbol"] = symbol
    event["side"] = side
    event["kind"] = Kind.LEVEL
    return event


def every_array(book):
    plain = [getattr(book, name) for name in book._fields if not name.endswith("_pool")]
    return [*plain, *book.order_pool, *book.page_pool]


def audited(book):
    return audit(book, np.zeros(max(len(book.orders), len(book.masks)), np.int8))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("orders", [1, 3, 4, 5, 1001])
def test_every_array_and_the_levels_begin_on_a_cache_line(orders, wide):
    book = memory_book(Counts(symbols=3, orders=orders, pages=7, wide=wide))

    assert [a.ctypes.data % LINE_BYTES for a in every_array(book)] == [0] * 15
    assert all(a.flags.aligned and a.flags.c_contiguous for a in every_array(book))


@pytest.mark.parametrize(("asked", "given"), [(1, 4), (4, 4), (5, 8), (1000, 1000)])
def test_orders_are_rounded_up_to_a_line_of_nodes(asked, given):
    assert len(memory_book(TINY._replace(orders=asked)).orders) == given


@pytest.mark.parametrize("wide", [False, True])
def test_the_levels_stand_behind_the_orders_in_one_slab(wide):
    book = memory_book(TINY._replace(wide=wide))

    assert np.shares_memory(book.nodes, book.levels)
    start = book.levels.ctypes.data - book.nodes.ctypes.data
    assert start == len(book.orders) * book.nodes.itemsize
    assert book.levels.nbytes + start == book.nodes.nbytes


@pytest.mark.parametrize("wide", [False, True])
def test_a_new_book_passes_the_audit_and_holds_nothing(wide):
    book = memory_book(TINY._replace(wide=wide), salt=-5)

    assert audited(book) == 0
    assert (book.sides["best"] == NIL).all()
    assert book.control[0]["salt"] == -5
    assert state_hash(book) == state_hash(memory_book(TINY._replace(wide=wide)))


def test_the_tables_are_powers_of_two_that_hold_twice_their_keys_or_more():
    lengths = {a.name: a.length for a in book_arrays(Counts(1, 1000, 600))}

    assert (lengths["entries"], lengths["places"], lengths["rungs"]) == (4096, 2048, 4096)


def test_the_number_of_rungs_can_be_chosen():
    assert len(memory_book(TINY._replace(rungs=32)).rungs) == 32


@pytest.mark.parametrize("pages", [1, 2, 5, 23, 24, 93])
def test_a_small_ladder_holds_all_its_pages_however_scattered(pages):
    book = memory_book(Counts(symbols=1, orders=4, pages=pages))
    configure_symbol(book, 0, 0, (1 << 48) - 1, 1)
    stride = ((1 << 48) - 1) // pages

    statuses = [set_one(book, level_event(k * stride, 1)) for k in range(pages)]

    assert set(statuses) == {Status.OK}
    assert set_one(book, level_event(stride - 8, 1)) == Status.LEVEL_POOL_EXHAUSTED
    assert set_one(book, level_event(1, 1)) == Status.OK  # in the page of 0


@pytest.mark.parametrize("pages", [94, 1000, 1 << 20, 1_000_000])
def test_a_large_ladder_has_at_least_four_places_a_page(pages):
    assert 4 * pages <= rungs_for(pages) == power_of_two(rungs_for(pages)) < 12 * pages


def test_a_ladder_that_is_too_small_refuses_a_price_by_name():
    book = memory_book(TINY._replace(rungs=16))
    configure_symbol(book, 0, 0, 1 << 40, 1)

    assert set_one(book, level_event(5, 1)) == Status.OK
    assert set_one(book, level_event(1 << 39, 1)) == Status.LADDER_EXHAUSTED


@pytest.mark.parametrize(
    ("number", "power"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (1 << 40, 1 << 40)]
)
def test_a_power_of_two_is_not_below_its_number(number, power):
    assert power_of_two(number) == power


def test_the_allocator_is_asked_once_for_each_array():
    asked = []

    def allocate(name, dtype, length):
        asked.append((name, dtype, length))
        return np.zeros(length, dtype)

    lay_out(TINY, allocate)

    assert asked == list(book_arrays(TINY))


# ---- configuring ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((0, 100, 10), (0, 100, 10)),
        ((0, 109, 10), (0, 100, 10)),
        ((-25, 0, 10), (-25, -5, 10)),
        ((7, 7, 100), (7, 7, 100)),
        ((-PRICE_MAX, PRICE_MAX, 1 << 20), (-PRICE_MAX, PRICE_MAX - ((1 << 20) - 2), 1 << 20)),
        ((0, (1 << 48) - 1, 1), (0, (1 << 48) - 1, 1)),
    ],
)
def test_the_highest_price_is_lowered_to_the_increment(given, kept):
    book = memory_book(TINY)

    assert configure_symbol(book, 1, *given) == Status.OK
    assert tuple(int(book.symbols[1][n]) for n in ("price_min", "price_max", "increment")) == kept


@pytest.mark.parametrize(
    ("symbol", "bounds", "status"),
    [
        (-1, (0, 10, 1), Status.SYMBOL_UNKNOWN),
        (2, (0, 10, 1), Status.SYMBOL_UNKNOWN),
        (0, (0, 10, 0), Status.INCREMENT_NOT_POSITIVE),
        (0, (0, 10, -1), Status.INCREMENT_NOT_POSITIVE),
        (0, (10, 9, 1), Status.PRICE_MAX_BELOW_MIN),
        (0, ((1 << 63) - 1, -(1 << 63), 1), Status.PRICE_MAX_BELOW_MIN),
        (0, (0, 1 << 48, 1), Status.PRICE_SPAN_TOO_WIDE),
        (0, (0, 1 << 62, 1 << 40), Status.PRICE_SPAN_TOO_WIDE),
        (0, (-(1 << 62), 0, 1 << 40), Status.PRICE_SPAN_TOO_WIDE),
        (0, (-(1 << 63), (1 << 63) - 1, 1), Status.PRICE_SPAN_TOO_WIDE),
        (1, (0, 10, 1), Status.SYMBOL_IN_USE),
    ],
)
def test_a_refused_configuration_leaves_no_trace(symbol, bounds, status):
    book = memory_book(TINY)
    configure_symbol(book, 1, 0, 100, 1)
    set_one(book, level_event(5, 1, symbol=1, side=1))
    before = [a.tobytes() for a in every_array(book)]

    assert configure_symbol(book, symbol, *bounds) == status
    assert [a.tobytes() for a in every_array(book)] == before


def test_a_symbol_can_be_configured_again_once_its_levels_are_gone():
    book = memory_book(TINY)
    configure_symbol(book, 0, 0, 100, 1)
    set_one(book, level_event(5, 1))
    assert configure_symbol(book, 0, 0, 200, 2) == Status.SYMBOL_IN_USE

    set_one(book, level_event(5, 0))

    assert configure_symbol(book, 0, 0, 200, 2) == Status.OK
    assert set_one(book, level_event(5, 1)) == Status.PRICE_OFF_INCREMENT
