"""The id index against a dict, with ids that are made to collide in their homes and their tags."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core import index
from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED
from mmjit.core.records import ENTRY, ORDER, SEAT
from mmjit.core.wrapping import plain_mix
from tests.builders import ERASE, INSERT, LIKELY, LOOKUP, TAG, ask_index, door, new_entries

LENGTH = 16
SLOTS = 12  # the index is fuller here than that of any book
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
WORD = (1 << 64) - 1


@door
def find_tag(entries, orders, tag, order_id):  # type: ignore[no-untyped-def]
    return index.slot_at(entries, index.find(entries, orders, tag, order_id))


@door
def place_of_slot(entries, tag, slot):  # type: ignore[no-untyped-def]
    return np.int64(index.place_of(entries, tag, slot))


class Index:
    """An index whose ids stand in records of a kind, and the dict that it must equal."""

    def __init__(self, salt: int = 7, length: int = LENGTH, record: Any = ORDER) -> None:
        self.entries = new_entries(length)
        self.orders = np.zeros(max(SLOTS, length // 2), record)
        self.salt = salt
        self.naive: dict[int, int] = {}

    def ask(self, verb: int, order_id: int, slot: int = 0) -> int:
        asked = np.int64(self.salt), np.int64(order_id), np.int64(slot)
        return int(ask_index(self.entries, self.orders, *asked, verb))

    def insert(self, order_id: int, slot: int) -> None:
        assert self.ask(INSERT, order_id, slot) == slot
        self.naive[order_id] = slot

    def erase(self, order_id: int) -> None:
        assert self.ask(ERASE, order_id) == NIL
        del self.naive[order_id]

    def check(self) -> None:
        slots = self.entries["slot"][self.entries["slot"] != 0] - 1
        held = zip(self.orders["order_id"][slots].tolist(), slots.tolist(), strict=True)
        assert dict(held) == self.naive
        assert len(slots) == len(self.naive)
        for order_id, slot in self.naive.items():
            assert self.ask(LOOKUP, order_id) == slot
            place = place_of_slot(self.entries, np.int64(self.ask(TAG, order_id)), np.int64(slot))
            assert self.entries[place]["slot"] == slot + 1


def tag(order_id: int, salt: int = 7) -> int:
    return Index(salt).ask(TAG, order_id)


def ids_at_home(salt: int, home: int, count: int) -> list[int]:
    """Ids whose tags end alike: their search begins in the same line."""
    found = (i for i in range(1, 100_000) if plain_mix(i ^ salt) % LENGTH == home)
    return [next(found) for _ in range(count)]


def id_of(mixed: int, salt: int) -> int:
    """The id that `mix` makes a word of, under a salt: its three steps undone."""
    word = mixed & WORD
    for factor in (0xC4CEB9FE1A85EC53, 0xFF51AFD7ED558CCD):
        word ^= word >> 33
        word = word * pow(factor, -1, 1 << 64) & WORD
    word ^= word >> 33
    word ^= salt & WORD
    return word - (1 << 64) if word >> 63 else word


def ids_of_tag(salt: int, wanted: int, count: int) -> list[int]:
    """Different ids of one tag, as someone who knows the salt would choose them."""
    return [id_of(wanted | high << index.TAG_BITS, salt) for high in range(1, count + 1)]


# Twelve ids of the last line, which has room for eight, so that four stand in the first one, two of
# that one, and ids that only their records tell apart.
CROWDED = [
    *ids_at_home(7, 15, 3),
    *ids_at_home(7, 14, 3),
    *ids_at_home(7, 0, 2),
    *ids_of_tag(7, 0x7000000F, 4),
    *ids_of_tag(7, 0x0000000E, 2),
]


def test_ids_of_one_tag_are_that():
    assert {tag(i) for i in ids_of_tag(7, 0x7000000F, 4)} == {0x7000000F}
    assert len(set(CROWDED)) == len(CROWDED)


@pytest.mark.parametrize("record", [ORDER, SEAT], ids=["order", "seat"])
@given(
    salt=st.sampled_from([0, 7, -1, INT64_MIN]),
    ids=st.lists(st.sampled_from([*CROWDED, -1, INT64_MIN, INT64_MAX]), max_size=60),
)
def test_it_finds_what_a_dict_finds(record, salt, ids):
    made, free = Index(salt, record=record), list(range(SLOTS))
    for order_id in ids:
        if order_id in made.naive:
            free.append(made.naive[order_id])
            made.erase(order_id)
        elif free:
            assert made.ask(LOOKUP, order_id) == NIL
            made.insert(order_id, free.pop())
        made.check()


@pytest.mark.parametrize("run", [CROWDED[:12], CROWDED[2:14], CROWDED[4:14]])
@pytest.mark.parametrize("removed", range(6))
def test_removing_any_id_of_a_line_keeps_the_others_in_reach(run, removed):
    made = Index()
    for slot, order_id in enumerate(run):
        made.insert(order_id, slot)

    made.erase(run[removed])

    made.check()


@pytest.mark.parametrize("removed", range(12))
@pytest.mark.parametrize("length", [16, 64])
def test_what_a_full_line_had_no_room_for_moves_up_when_it_has(length, removed):
    salt, home = 7, length - index.LINE
    made, crowd = Index(salt, length), ids_of_tag(salt, home + 3, 12)
    for slot, order_id in enumerate(crowd):
        made.insert(order_id, slot)
    assert (made.entries["slot"][home:] != 0).all()

    made.erase(crowd[removed])

    made.check()
    assert (made.entries["slot"][home:] != 0).all()
    assert (made.entries["slot"][:home] != 0).sum() == 3


def test_two_ids_of_one_tag_are_told_apart_by_their_records():
    made = Index()
    made.entries[5], made.entries[6] = (5, 1), (5, 2)
    made.orders["order_id"][:2] = 11, 22

    asked = [int(find_tag(made.entries, made.orders, 5, np.int64(i))) for i in (11, 22, 33)]

    assert asked == [0, 1, NIL]


def test_an_id_that_a_free_slot_still_bears_is_not_found():
    made = Index()
    first, second = ids_of_tag(7, 3, 2)
    made.insert(first, 4)
    made.erase(first)
    made.insert(second, 5)

    assert made.orders["order_id"][4] == first
    assert made.ask(LOOKUP, first) == NIL


@given(st.integers(INT64_MIN, INT64_MAX), st.sampled_from([0, 7, -1, INT64_MIN]))
def test_a_tag_is_half_of_the_mixed_id(order_id, salt):
    assert tag(order_id, salt) == plain_mix(order_id ^ salt) % (1 << 31)


def test_ids_that_are_the_same_but_for_their_high_bits_do_not_share_a_home():
    homes = {tag((k << 32) + 5, 0) % (1 << 12) for k in range(1 << 10)}

    assert len(homes) > 800  # 906 in the mean for independent ones


def test_ids_chosen_against_one_salt_scatter_under_another():
    chosen = ids_of_tag(7, 3, 64)

    assert len({tag(i, 7) for i in chosen}) == 1
    assert len({tag(i, 8) % LENGTH for i in chosen}) > LENGTH // 2


def test_a_table_of_colliding_ids_answers_for_a_missing_one():
    made = Index()
    colliding = ids_of_tag(7, 9, SLOTS + 1)
    for slot, order_id in enumerate(colliding[:-1]):
        made.insert(order_id, slot)

    assert made.ask(LOOKUP, colliding[-1]) == NIL
    made.check()


def test_the_slot_that_is_likely_an_ids_is_of_its_tag_in_its_line_and_always_one():
    made = Index()
    first, second = ids_of_tag(7, 15, 2)
    assert made.ask(LIKELY, first) == 0  # of an empty entry

    made.insert(first, 3)
    made.insert(second, 4)

    assert made.ask(LIKELY, first) == made.ask(LIKELY, second) == 3


@pytest.mark.parametrize("longer", [LENGTH, 2 * LENGTH, 8 * LENGTH])
def test_a_longer_array_has_every_entry(longer):
    made = Index()
    for slot, order_id in enumerate(CROWDED[2:14]):
        made.insert(order_id, slot)
    wide = new_entries(longer)

    index.rewrite(made.entries, wide)

    made.entries = wide
    made.check()
    for order_id in CROWDED[2:14]:
        made.erase(order_id)
        made.check()


@pytest.mark.skipif(not CHECKED, reason="only checked runs assert (MMJIT_CHECKED=1)")
@pytest.mark.parametrize(("verb", "order_id"), [(INSERT, 5), (ERASE, 6)])
def test_entering_an_id_twice_or_removing_a_stranger_is_caught_in_checked_runs(verb, order_id):
    made = Index()
    made.insert(5, 1)

    with pytest.raises(AssertionError):
        made.ask(verb, order_id, 1)


def test_an_entry_takes_eight_bytes_and_their_number_is_a_power_of_two():
    assert ENTRY.itemsize == 8
    assert index.PER_SLOT & (index.PER_SLOT - 1) == 0
