"""The tickets of a resolver against a dict, with ids that are made to collide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import NIL
from mmjit.core.jit import kernel
from mmjit.core.records import SEAT
from mmjit.core.tickets import PER_SEAT, TICKET, erase, find, rewrite, tag_of, write
from mmjit.core.wrapping import plain_mix

LENGTH = 16
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1


# A verb has no door for Python: each is called from a kernel.
@kernel
def seat_of(tickets, seats, tag, order_id):
    return tickets[find(tickets, seats, tag, order_id)]["seat"] - 1


@kernel
def enter(tickets, seats, order_id, seat):
    tag = tag_of(order_id)
    write(tickets[find(tickets, seats, tag, order_id)], tag, seat)


@kernel
def leave(tickets, seats, order_id):
    erase(tickets, find(tickets, seats, tag_of(order_id), order_id))


@kernel
def tag_now(order_id):
    return tag_of(order_id)


def tag(order_id: int) -> int:
    return int(tag_now(np.int64(order_id)))


def ids_at_home(home: int, count: int) -> list[int]:
    """Ids whose search begins at the same ticket."""
    found = (i for i in range(1, 100_000) if tag(i) % LENGTH == home)
    return [next(found) for _ in range(count)]


# Homes at the end of the table, so that the runs wrap, and two neighbours that run into each other.
CROWDED = [*ids_at_home(15, 4), *ids_at_home(14, 3), *ids_at_home(0, 3)]


def room(length=LENGTH):
    return np.zeros(length, TICKET), np.zeros(LENGTH, SEAT)


def assert_equal(tickets, seats, naive):
    filled = tickets[tickets["seat"] != 0]
    assert sorted(filled["seat"] - 1) == sorted(naive.values())
    for order_id, seat in naive.items():
        assert seat_of(tickets, seats, tag(order_id), np.int64(order_id)) == seat


@given(st.lists(st.sampled_from([*CROWDED, -1, INT64_MIN, INT64_MAX])))
def test_they_find_what_a_dict_finds(ids):
    (tickets, seats), naive, free = room(), {}, list(range(LENGTH // 2))
    for order_id in ids:
        if order_id in naive:
            leave(tickets, seats, np.int64(order_id))
            free.append(naive.pop(order_id))
            assert seat_of(tickets, seats, tag(order_id), np.int64(order_id)) == NIL
        elif free:
            seat = free.pop()
            enter(tickets, seats, np.int64(order_id), seat)
            seats[seat]["order_id"] = order_id
            naive[order_id] = seat
        assert_equal(tickets, seats, naive)


def test_two_ids_of_one_tag_are_told_apart_by_their_seats():
    tickets, seats = room()
    for seat, order_id in enumerate((11, 22)):
        seats[seat]["order_id"] = order_id
        place = tickets[5 + seat]
        place["tag"], place["seat"] = 5, seat + 1

    assert [int(seat_of(tickets, seats, 5, np.int64(i))) for i in (11, 22, 33)] == [0, 1, NIL]


@pytest.mark.parametrize("longer", [LENGTH, 2 * LENGTH, 8 * LENGTH])
def test_a_longer_array_has_every_ticket(longer):
    (tickets, seats), naive = room(), {}
    for seat, order_id in enumerate(CROWDED[:8]):
        enter(tickets, seats, np.int64(order_id), seat)
        seats[seat]["order_id"] = order_id
        naive[order_id] = seat
    wide = np.zeros(longer, TICKET)

    rewrite(tickets, wide)

    assert_equal(wide, seats, naive)


@given(st.integers(INT64_MIN, INT64_MAX))
def test_a_tag_is_half_of_the_mixed_id(order_id):
    assert tag(order_id) == plain_mix(order_id) % (1 << 31)


def test_a_ticket_takes_eight_bytes():
    assert TICKET.itemsize == 8
    assert PER_SEAT & (PER_SEAT - 1) == 0
