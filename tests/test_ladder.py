"""The ladder against a sorted list of pages, over the whole of its range."""

from bisect import bisect_left, insort

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL
from mmjit.core.jit import CHECKED
from mmjit.core.ladder import HEIGHTS, NUMBER_BITS, OWNERS_MAX
from mmjit.core.records import RUNG
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import BEST, MARK, NEXT, UNMARK, ask_heights, ask_masks

NUMBER_MAX = (1 << NUMBER_BITS) - 1
OWNERS = [0, 1, 2, 3, 16_001, OWNERS_MAX - 1]
LENGTH = 512

# Around the edges of a mask at every height, where shifts and carries go wrong.
EDGES = sorted(
    {
        min(NUMBER_MAX, max(0, (k << 6 * height) + step))
        for height in range(HEIGHTS)
        for k in (1, 63, 64)
        for step in (-1, 0, 1)
    }
    | {0, NUMBER_MAX - 1, NUMBER_MAX}
)

every_height = st.integers(1, HEIGHTS)
numbers = st.sampled_from(EDGES) | st.integers(0, 200) | st.integers(0, NUMBER_MAX)


def masks_of(owner: int, in_use: list[int], heights: int) -> set[tuple[int, int, int]]:
    """The masks that a list of pages needs, but for the root."""
    return {(owner, h, number >> (6 * h + 6)) for number in in_use for h in range(heights - 1)}


class Naive:
    """A sorted list of pages for each owner, beside a ladder of so many heights."""

    def __init__(self, heights: int = HEIGHTS, length: int = LENGTH) -> None:
        self.pages: dict[int, list[int]] = {owner: [] for owner in OWNERS}
        self.heights = heights
        self.rungs = np.zeros(length, RUNG)
        self.roots = np.zeros(OWNERS_MAX, np.int64)

    def ask(self, owner: int, number: int, verb: int) -> int:
        return int(ask_masks(self.rungs, self.roots, owner, number, self.heights, verb))

    def masks(self, owner: int) -> set[tuple[int, int, int]]:
        return masks_of(owner, self.pages[owner], self.heights)

    def toggle(self, owner: int, number: int) -> None:
        """Mark a page, or unmark it if it is marked; both say how many masks that made a change."""
        in_use = self.pages[owner]
        before = len(self.masks(owner))
        if number in in_use:
            in_use.remove(number)
            change = -self.ask(owner, number, UNMARK)
        else:
            insort(in_use, number)
            change = self.ask(owner, number, MARK)
        assert change == len(self.masks(owner)) - before

    def agrees(self, owner: int, number: int) -> None:
        in_use = self.pages[owner]
        below = in_use[: bisect_left(in_use, number)]
        assert self.ask(owner, 0, BEST) == (in_use[-1] if in_use else NIL)
        assert self.ask(owner, number, NEXT) == (below[-1] if below else NIL)
        top = 6 * self.heights - 6
        assert int(self.roots[owner]) & b.MASK == sum({1 << (n >> top) for n in in_use})

    def walk(self, owner: int) -> list[int]:
        """The pages in use, best first."""
        found = []
        number = self.ask(owner, 0, BEST)
        while number != NIL:
            found.append(number)
            number = self.ask(owner, number, NEXT)
        return found


def cut_to(heights: int, number: int) -> int:
    """A page that so many heights hold."""
    return number & (1 << min(6 * heights, NUMBER_BITS)) - 1


@given(every_height, st.lists(st.tuples(st.sampled_from(OWNERS), numbers, numbers), max_size=40))
def test_it_orders_pages_as_a_sorted_list_does(heights, moves):
    naive = Naive(heights)
    for owner, number, asked in moves:
        naive.toggle(owner, cut_to(heights, number))
        naive.agrees(owner, cut_to(heights, asked))

    for owner in OWNERS:
        assert naive.walk(owner) == naive.pages[owner][::-1]
    needed = sum(len(naive.masks(owner)) for owner in OWNERS)
    assert np.count_nonzero(naive.rungs["mask"]) == needed


@given(every_height, st.lists(numbers, max_size=30), st.randoms(use_true_random=False))
def test_it_is_empty_again_when_everything_marked_is_unmarked(heights, drawn, random):
    naive = Naive(heights)
    in_use = sorted({cut_to(heights, number) for number in drawn})
    for number in in_use:
        naive.toggle(3, number)
    random.shuffle(in_use)
    for number in in_use:
        naive.toggle(3, number)
        naive.agrees(3, number)

    assert not naive.rungs["mask"].any()
    assert not naive.roots.any()


@pytest.mark.parametrize("heights", [1, 2, HEIGHTS])
@pytest.mark.parametrize("place", range(64))
def test_every_bit_of_a_mask_is_found_from_above_and_from_below(place, heights):
    naive = Naive(heights, 64)
    naive.toggle(0, place)

    assert naive.ask(0, 0, BEST) == place
    assert naive.ask(0, place, NEXT) == NIL
    if place < 63 or heights > 1:
        assert naive.ask(0, place + 1, NEXT) == place


def test_owners_with_the_same_pages_do_not_see_each_other():
    naive = Naive()
    for owner in OWNERS:
        naive.toggle(owner, 1 << 40)
    naive.toggle(OWNERS[2], 1 << 40)

    for owner in OWNERS:
        naive.agrees(owner, NUMBER_MAX)


@pytest.mark.parametrize("heights", range(1, HEIGHTS + 1))
def test_a_lone_page_takes_a_mask_at_every_height_below_the_root(heights):
    naive = Naive(heights, 64)
    last = cut_to(heights, NUMBER_MAX)

    assert naive.ask(5, last, MARK) == heights - 1
    assert naive.ask(5, last - 1, MARK) == 0
    assert naive.ask(5, last, UNMARK) == 0
    assert naive.ask(5, last - 1, UNMARK) == heights - 1


@pytest.mark.parametrize(
    ("number_max", "heights"),
    [(0, 1), (63, 1), (64, 2), (4095, 2), (4096, 3), ((1 << 42) - 1, 7), (NUMBER_MAX, HEIGHTS)],
)
def test_a_ladder_is_as_high_as_its_last_page_needs(number_max, heights):
    assert ask_heights(number_max) == heights


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
def test_marking_a_page_twice_is_caught_in_checked_runs():
    naive = Naive(length=64)
    naive.ask(0, 9, MARK)

    with pytest.raises(AssertionError):
        naive.ask(0, 9, MARK)


# ---- prices ---------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=12),
    st.sampled_from([1, 3, 10_000]),
    st.sampled_from([-(10**12), -7, 0]),
)
def test_both_sides_are_in_order_whatever_the_jumps(jumps, increment, price_min):
    book = memory_book(Counts(1, 24, 24))
    assert configure_symbol(book, 0, price_min, 1 << 47, increment) == 0
    prices = [price_min + int(jump) * increment for jump in np.cumsum(jumps)]
    for order_id, price in enumerate(prices, 1):
        assert b.send(book, b.add(order_id, BID, price, 1)) >= 0
        assert b.send(book, b.add(-order_id, ASK, price, 1)) >= 0

    assert [row[0] for row in b.depth_of(book, BID)] == prices[::-1]
    assert [row[0] for row in b.depth_of(book, ASK)] == prices
    b.assert_audited(book)


def test_a_stub_quote_a_trillion_ticks_away_is_one_level_more():
    book = b.tiny_book()
    assert configure_symbol(book, 0, 0, 1 << 47, 1) == 0
    b.rest(book, ASK, t100=[1], t140737488355328=[2], t101=[3])

    assert b.depth_of(book, ASK) == [(100, 1, 1), (101, 3, 1), (1 << 47, 2, 1)]


def test_negative_prices_are_in_order_and_zero_is_one_of_them():
    book = b.tiny_book()
    assert configure_symbol(book, 0, -50, 50, 5) == 0
    b.rest(book, BID, m35=[1], t0=[2], t5=[3], m50=[4])
    b.rest(book, ASK, m35=[1], t50=[2])

    assert b.depth_of(book, BID) == [(5, 3, 1), (0, 2, 1), (-35, 1, 1), (-50, 4, 1)]
    assert b.depth_of(book, ASK) == [(-35, 1, 1), (50, 2, 1)]


def test_prices_at_both_ends_of_the_widest_symbol_rest_beside_each_other():
    book = b.tiny_book()
    low, high = -(1 << 62) + 1, (1 << 62) - 1
    assert configure_symbol(book, 0, low, high, 1 << 15) == 0
    last = int(book.symbols[0]["price_max"])
    assert last == low + (high - low >> 15 << 15)
    for order_id, price in enumerate((low, last), 1):
        assert b.send(book, b.add(order_id, BID, price, 1)) >= 0
        assert b.send(book, b.add(-order_id, ASK, price, 1)) >= 0

    assert [row[0] for row in b.depth_of(book, BID)] == [last, low]
    assert [row[0] for row in b.depth_of(book, ASK)] == [low, last]
    b.assert_audited(book)
