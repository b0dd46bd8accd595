"""The ladder against a sorted list of ranks, over the whole of its range."""

from bisect import bisect_left, insort
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL
from mmjit.core.jit import CHECKED
from mmjit.core.ladder import HEIGHTS, OWNERS_MAX, RANK_BITS
from mmjit.core.records import RUNG
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import BEST, MARK, NEXT, UNMARK, ask_ladder

RANK_MAX = (1 << RANK_BITS) - 1
OWNERS = [0, 1, 2, 3, 16_001, OWNERS_MAX - 1]
LENGTH = 512

# Around the edges of a mask at every height, where shifts and carries go wrong.
EDGES = sorted(
    {
        min(RANK_MAX, max(0, (k << 6 * height) + step))
        for height in range(HEIGHTS)
        for k in (1, 63, 64)
        for step in (-1, 0, 1)
    }
    | {0, RANK_MAX - 1, RANK_MAX}
)

ranks = st.sampled_from(EDGES) | st.integers(0, 200) | st.integers(0, RANK_MAX)


def masks_of(owner: int, in_use: list[int]) -> set[tuple[int, int, int]]:
    """The masks that a list of ranks needs."""
    return {(owner, h, rank >> (6 * h + 6)) for rank in in_use for h in range(HEIGHTS)}


class Naive:
    """A sorted list of ranks for each owner."""

    def __init__(self) -> None:
        self.ranks: dict[int, list[int]] = {owner: [] for owner in OWNERS}

    def toggle(self, rungs: Any, owner: int, rank: int) -> None:
        """Mark a rank, or unmark it if it is marked; both say how many masks that made a change."""
        in_use = self.ranks[owner]
        before = len(masks_of(owner, in_use))
        if rank in in_use:
            in_use.remove(rank)
            change = -ask_ladder(rungs, owner, rank, UNMARK)
        else:
            insort(in_use, rank)
            change = ask_ladder(rungs, owner, rank, MARK)
        assert change == len(masks_of(owner, in_use)) - before

    def agrees(self, rungs: Any, owner: int, rank: int) -> None:
        in_use = self.ranks[owner]
        below = in_use[: bisect_left(in_use, rank)]
        assert ask_ladder(rungs, owner, 0, BEST) == (in_use[-1] if in_use else NIL)
        assert ask_ladder(rungs, owner, rank, NEXT) == (below[-1] if below else NIL)


def walk(rungs: Any, owner: int) -> list[int]:
    """The ranks in use, best first."""
    found = []
    rank = ask_ladder(rungs, owner, 0, BEST)
    while rank != NIL:
        found.append(int(rank))
        rank = ask_ladder(rungs, owner, rank, NEXT)
    return found


@given(st.lists(st.tuples(st.sampled_from(OWNERS), ranks, ranks), max_size=40))
def test_it_orders_ranks_as_a_sorted_list_does(moves):
    rungs, naive = np.zeros(LENGTH, RUNG), Naive()
    for owner, rank, asked in moves:
        naive.toggle(rungs, owner, rank)
        naive.agrees(rungs, owner, asked)

    for owner in OWNERS:
        assert walk(rungs, owner) == naive.ranks[owner][::-1]
    needed = sum(len(masks_of(owner, naive.ranks[owner])) for owner in OWNERS)
    assert np.count_nonzero(rungs["mask"]) == needed


@given(st.lists(ranks, unique=True, max_size=30), st.randoms(use_true_random=False))
def test_it_is_empty_again_when_everything_marked_is_unmarked(in_use, random):
    rungs, naive = np.zeros(LENGTH, RUNG), Naive()
    for rank in in_use:
        naive.toggle(rungs, 3, rank)
    random.shuffle(in_use)
    for rank in in_use:
        naive.toggle(rungs, 3, rank)
        naive.agrees(rungs, 3, rank)

    assert not rungs["mask"].any()


@pytest.mark.parametrize("place", range(64))
def test_every_bit_of_a_mask_is_found_from_above_and_from_below(place):
    rungs = np.zeros(64, RUNG)
    ask_ladder(rungs, 0, place, MARK)

    assert ask_ladder(rungs, 0, 0, BEST) == place
    assert ask_ladder(rungs, 0, place + 1, NEXT) == place
    assert ask_ladder(rungs, 0, place, NEXT) == NIL


def test_owners_with_the_same_ranks_do_not_see_each_other():
    rungs, naive = np.zeros(LENGTH, RUNG), Naive()
    for owner in OWNERS:
        naive.toggle(rungs, owner, 1 << 40)
    naive.toggle(rungs, OWNERS[2], 1 << 40)

    for owner in OWNERS:
        naive.agrees(rungs, owner, RANK_MAX)


def test_a_lone_rank_takes_a_mask_at_every_height():
    rungs = np.zeros(64, RUNG)

    assert ask_ladder(rungs, 5, RANK_MAX, MARK) == HEIGHTS
    assert ask_ladder(rungs, 5, RANK_MAX - 1, MARK) == 0
    assert ask_ladder(rungs, 5, RANK_MAX, UNMARK) == 0
    assert ask_ladder(rungs, 5, RANK_MAX - 1, UNMARK) == HEIGHTS


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
def test_marking_a_rank_twice_is_caught_in_checked_runs():
    rungs = np.zeros(64, RUNG)
    ask_ladder(rungs, 0, 9, MARK)

    with pytest.raises(AssertionError):
        ask_ladder(rungs, 0, 9, MARK)


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
