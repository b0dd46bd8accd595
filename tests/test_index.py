"""The id index against a dict, with ids that are made to collide."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED
from tests.builders import ERASE, HOME, INSERT, LOOKUP, ask_index, new_entries

LENGTH = 16
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1


def ids_at_home(salt: int, home: int, count: int) -> list[int]:
    """Ids whose search begins at the same entry."""
    entries = new_entries(LENGTH)
    found = (i for i in range(1, 100_000) if ask_index(entries, salt, i, 0, HOME) == home)
    return [next(found) for _ in range(count)]


# Homes at the end of the table, so that the runs wrap, and two neighbours that run into each other.
CROWDED = [*ids_at_home(7, 15, 4), *ids_at_home(7, 14, 3), *ids_at_home(7, 0, 3)]


def lookup(entries: Any, order_id: int, salt: int = 7) -> int:
    return int(ask_index(entries, salt, order_id, 0, LOOKUP))


def assert_equal(entries: Any, naive: dict[int, int], salt: int = 7) -> None:
    filled = entries[entries["order_id"] != 0]
    assert dict(zip(filled["order_id"].tolist(), filled["slot"].tolist(), strict=True)) == naive
    assert len(filled) == len(naive)
    for order_id, slot in naive.items():
        assert lookup(entries, order_id, salt) == slot


@given(
    st.sampled_from([0, 7, -1, INT64_MIN]),
    st.lists(st.tuples(st.sampled_from([*CROWDED, -1, INT64_MIN, INT64_MAX]), st.integers(0, 99))),
)
def test_it_finds_what_a_dict_finds(salt, moves):
    entries, naive = new_entries(LENGTH), {}
    for order_id, slot in moves:
        if order_id in naive:
            ask_index(entries, salt, order_id, 0, ERASE)
            del naive[order_id]
            assert lookup(entries, order_id, salt) == NIL
        elif len(naive) < LENGTH // 2:
            ask_index(entries, salt, order_id, slot, INSERT)
            naive[order_id] = slot
        assert_equal(entries, naive, salt)


@pytest.mark.parametrize("removed", range(6))
def test_removing_any_id_of_a_run_keeps_the_others_in_reach(removed):
    run = CROWDED[:6]
    entries = new_entries(LENGTH)
    for slot, order_id in enumerate(run):
        ask_index(entries, 7, order_id, slot, INSERT)

    ask_index(entries, 7, run[removed], 0, ERASE)

    assert_equal(entries, {i: slot for slot, i in enumerate(run) if slot != removed})


def test_ids_that_are_the_same_but_for_their_high_bits_do_not_share_a_home():
    entries = new_entries(1 << 12)
    ids = [(k << 32) + 5 for k in range(1 << 10)]

    homes = {ask_index(entries, 0, order_id, 0, HOME) for order_id in ids}

    assert len(homes) > 800  # 906 in the mean for independent ones


def test_ids_chosen_against_one_salt_scatter_under_another():
    entries = new_entries(LENGTH)
    chosen = ids_at_home(7, 3, 64)

    assert len({ask_index(entries, 7, i, 0, HOME) for i in chosen}) == 1
    assert len({ask_index(entries, 8, i, 0, HOME) for i in chosen}) > LENGTH // 2


def test_the_id_zero_is_in_no_index():
    entries = new_entries(LENGTH)
    ask_index(entries, 7, 5, 1, INSERT)

    assert lookup(entries, 0) == NIL


def test_a_table_half_full_of_colliding_ids_answers_for_a_missing_one():
    entries = new_entries(LENGTH)
    colliding = ids_at_home(7, 9, LENGTH // 2 + 1)
    for order_id in colliding[:-1]:
        ask_index(entries, 7, order_id, 1, INSERT)

    assert lookup(entries, colliding[-1]) == NIL


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
@pytest.mark.parametrize(("verb", "order_id"), [(INSERT, 5), (ERASE, 6)])
def test_entering_an_id_twice_or_removing_a_stranger_is_caught_in_checked_runs(verb, order_id):
    entries = new_entries(LENGTH)
    ask_index(entries, 7, 5, 1, INSERT)

    with pytest.raises(AssertionError):
        ask_index(entries, 7, order_id, 1, verb)


def test_slots_reach_to_the_end_of_their_type():
    entries = new_entries(LENGTH)
    ask_index(entries, 7, 5, np.iinfo(np.int32).max, INSERT)

    assert lookup(entries, 5) == np.iinfo(np.int32).max
