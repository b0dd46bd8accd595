"""The pool against a set of held slots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED
from mmjit.core.pool import reserve
from tests.builders import acquire_from, available_in, new_pool, release_to

CAPACITY = 5

checked = pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")


@pytest.fixture
def pool():
    return new_pool(CAPACITY)


def drain(pool):
    return [acquire_from(pool) for _ in range(available_in(pool))]


def test_a_new_pool_hands_out_every_slot_once_and_then_nothing(pool):
    slots = drain(pool)

    assert sorted(slots) == list(range(CAPACITY))
    assert acquire_from(pool) == NIL


def test_an_exhausted_pool_is_as_it_was_when_asked_again(pool):
    drain(pool)
    before = pool.meter.tobytes(), pool.free.tobytes()

    assert acquire_from(pool) == NIL
    assert (pool.meter.tobytes(), pool.free.tobytes()) == before


def test_the_slot_released_last_is_acquired_first(pool):
    drain(pool)
    release_to(pool, 1)
    release_to(pool, 3)

    assert [acquire_from(pool), acquire_from(pool)] == [3, 1]


def test_a_pool_of_no_slots_gives_nothing():
    empty = new_pool(0)

    assert available_in(empty) == 0
    assert acquire_from(empty) == NIL


def test_a_reserved_run_is_never_handed_out(pool):
    first = acquire_from(pool)

    start = reserve(pool, 3)

    assert start == first + 1
    assert available_in(pool) == CAPACITY - 4
    assert not set(drain(pool)) & set(range(start, start + 3))


def test_two_reservations_do_not_overlap(pool):
    assert [reserve(pool, 2), reserve(pool, 3), reserve(pool, 0)] == [0, 2, 5]
    assert available_in(pool) == 0


@pytest.mark.parametrize("slot_count", [-1, 4, 1 << 40, -(1 << 63), (1 << 63) - 1])
def test_a_run_that_does_not_fit_is_refused_without_a_trace(pool, slot_count):
    drain(pool)
    release_to(pool, 4)
    before = pool.meter.tobytes(), pool.free.tobytes()

    assert reserve(pool, slot_count) == NIL
    assert (pool.meter.tobytes(), pool.free.tobytes()) == before


def test_released_slots_are_no_room_for_a_run(pool):
    for slot in drain(pool):
        release_to(pool, slot)

    assert available_in(pool) == CAPACITY
    assert reserve(pool, 1) == NIL


@given(st.lists(st.integers(-1, CAPACITY - 1), max_size=60))
def test_a_slot_is_held_or_free_and_never_both(moves):
    pool = new_pool(CAPACITY)
    held: list[int] = []
    for move in moves:
        if move < 0 or not held:
            slot = acquire_from(pool)
            assert (slot == NIL) == (len(held) == CAPACITY)
            if slot != NIL:
                assert slot not in held
                held.append(slot)
        else:
            release_to(pool, held.pop(move % len(held)))
        meter = pool.meter[0]
        free = pool.free[: meter["depth"]].tolist() + list(range(meter["fresh"], CAPACITY))
        assert sorted(held + free) == list(range(CAPACITY))
        assert available_in(pool) == len(free)


@checked
def test_a_double_release_is_caught_in_checked_runs(pool):
    for slot in drain(pool):
        release_to(pool, slot)

    with pytest.raises(AssertionError):
        release_to(pool, 2)


@checked
@pytest.mark.parametrize("slot", [NIL, 2, CAPACITY, np.iinfo(np.int64).max])
def test_the_release_of_a_slot_never_taken_is_caught_in_checked_runs(pool, slot):
    acquire_from(pool)
    acquire_from(pool)

    with pytest.raises(AssertionError):
        release_to(pool, slot)
