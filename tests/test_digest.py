"""The state hash is of the meaning of a book, and of nothing in how it is stored."""

from itertools import combinations

import numpy as np
import pytest

from mmjit.core.codes import ASK, BID
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import add, clear, delete, execute, hash_of, level, reduce, replace, send

SALT = 3


def book_of(*events, wide=False, orders=8, pages=6, salt=SALT):
    """A book of two symbols to which events were applied, none of them refused."""
    book = memory_book(Counts(2, orders, pages, wide=wide), salt)
    for symbol in range(2):
        configure_symbol(book, symbol, 0, 1 << 20, 1)
    if events:
        statuses = np.zeros(len(events), np.int64)
        assert apply_all(book, b.stream(*events), statuses) == 0, statuses
    return book


# Each means something else than every other.
MEANINGS = {
    "nothing": [],
    "an order": [add(1, BID, 12, 5)],
    "on the other side": [add(1, ASK, 12, 5)],
    "of the other symbol": [add(1, BID, 12, 5, symbol=1)],
    "with another id": [add(2, BID, 12, 5)],
    "at another price": [add(1, BID, 13, 5)],
    "with another quantity": [add(1, BID, 12, 6)],
    "two orders": [add(1, BID, 12, 5), add(2, BID, 12, 5)],
    "in the other order": [add(2, BID, 12, 5), add(1, BID, 12, 5)],
    "their quantity in one": [add(1, BID, 12, 10)],
    "on two levels": [add(1, BID, 12, 5), add(2, BID, 11, 5)],
    "a level": [level(BID, 12, 5)],
    "two levels": [level(BID, 12, 5), level(BID, 11, 5)],
    "an order whose id is the next level's price": [add(11, BID, 12, 5)],
    "one side of each symbol": [add(1, BID, 12, 5), add(2, BID, 12, 5, symbol=1)],
    "both sides of a symbol": [add(1, BID, 12, 5), add(2, ASK, 12, 5)],
}


@pytest.mark.parametrize(("one", "other"), list(combinations(MEANINGS, 2)))
def test_books_that_mean_different_things_have_different_hashes(one, other):
    assert hash_of(book_of(*MEANINGS[one])) != hash_of(book_of(*MEANINGS[other]))


# Ways to the same meaning as the two orders.
WAYS = {
    "through other slots": [
        add(9, ASK, 5, 1),
        add(8, BID, 700, 1),
        add(1, BID, 12, 5),
        delete(9),
        add(2, BID, 12, 5),
        delete(8),
    ],
    "by reducing and executing": [
        add(1, BID, 12, 7),
        add(2, BID, 12, 8),
        reduce(1, 2),
        execute(2, 3),
    ],
    "by replacing": [add(2, BID, 12, 5), add(1, BID, 12, 5), replace(2, 2, 12, 5)],
    "by moving": [
        add(7, BID, 12, 9),
        add(2, BID, 14, 1),
        replace(7, 1, 12, 5),
        replace(2, 2, 12, 5),
    ],
    "after a clear": [add(5, ASK, 3, 3), clear(), add(1, BID, 12, 5), add(2, BID, 12, 5)],
    "at other times": [add(1, BID, 12, 5, venue_ns=9), add(2, BID, 12, 5, venue_ns=8, flags=3)],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_book_has_the_same_hash_whatever_way_it_came_about(way):
    assert hash_of(book_of(*WAYS[way])) == hash_of(book_of(*MEANINGS["two orders"]))


@pytest.mark.parametrize(
    "shape",
    [{"wide": True}, {"orders": 100, "pages": 50}, {"salt": -5}, {"orders": 2, "pages": 1}],
)
def test_capacities_widths_and_salts_are_no_part_of_the_meaning(shape):
    events = MEANINGS["two orders"]

    assert hash_of(book_of(*events, **shape)) == hash_of(book_of(*events))


def test_the_order_in_which_symbols_were_filled_is_no_part_of_the_meaning():
    first, second = add(1, BID, 12, 5), add(2, ASK, 12, 5, symbol=1)

    assert hash_of(book_of(first, second)) == hash_of(book_of(second, first))


def test_trades_and_refused_events_leave_the_hash_alone():
    book = book_of(*MEANINGS["two orders"])
    before = hash_of(book)
    assert send(book, b.trade(12, 5)) == 0
    assert send(book, delete(99)) < 0

    assert hash_of(book) == before


def test_the_hash_of_an_empty_book_is_zero():
    assert hash_of(book_of()) == 0
