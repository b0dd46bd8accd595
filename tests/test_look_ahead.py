"""A run of events by id leaves what its events leave one by one, however far it looks ahead."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import Flag, Kind
from mmjit.core.records import EVENT
from mmjit.core.replay import AHEAD
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.test_replay import dirty_streams

SYMBOLS, ORDERS = 3, 64
LENGTHS = [0, 1, 2, AHEAD, 3 * AHEAD - 1, 3 * AHEAD, 3 * AHEAD + 1, 200]
KINDS = [*[Kind.ADD] * 4, Kind.REDUCE, Kind.DELETE, Kind.EXECUTE, *[Kind.REPLACE] * 2]
RARE = [Kind.CLEAR, Kind.TRADE, Kind.LEVEL]


def new_book(symbols: int, salt: int, wide: bool = False) -> Any:
    book = memory_book(Counts(symbols, ORDERS, 32, wide=wide), salt)
    for symbol in range(min(symbols, 2)):  # a third one is never configured
        configure_symbol(book, symbol, 0, 1000, 1)
    return book


def flow(seed: int, count: int, ids: int) -> Any:
    """Events of few ids, so that one comes again before it is looked up for the first time."""
    random = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["kind"] = random.choice([*KINDS * 5, *RARE], count)
    events["order_id"] = random.integers(0, ids + 1, count)
    events["other_id"] = random.integers(0, ids + 1, count)
    events["symbol"] = random.choice([0, 0, 0, 1, 2, -1, 9], count)
    events["side"] = random.integers(0, 2, count)
    events["price"] = 100 + random.integers(-20, 20, count)
    events["qty_lots"] = random.integers(0, 6, count)
    events["flags"] = Flag.LAST
    events["venue_ns"] = np.arange(count)
    return events


def assert_same(one_book: Any, run_book: Any, events: Any) -> None:
    """The events one by one in the first book, and in a run in the second."""
    before = events.tobytes()
    single = [int(b.apply_one(one_book, events, place)) for place in range(len(events))]
    statuses = np.full(len(events), -77, np.int64)

    refused = apply_all(run_book, events, statuses)

    assert statuses.tolist() == single
    assert refused == sum(status < 0 for status in single)
    assert b.bytes_of(run_book) == b.bytes_of(one_book)
    assert events.tobytes() == before
    b.assert_audited(run_book)


@pytest.mark.parametrize("symbols", [1, SYMBOLS])
@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("ids", [1, 3, 40, 500])
def test_a_run_of_any_length_is_its_events_one_by_one(symbols, count, ids):
    for seed in range(5):
        books = [new_book(symbols, seed - 2) for _ in range(2)]
        assert_same(*books, flow(seed, count, ids))


@pytest.mark.parametrize("count", LENGTHS)
def test_a_run_meets_what_earlier_runs_left(count):
    books = [new_book(SYMBOLS, 7) for _ in range(2)]
    for seed in range(5):
        assert_same(*books, flow(seed, count, 30))


@given(dirty_streams)
def test_a_dirty_run_is_its_events_one_by_one(events):
    assert_same(new_book(SYMBOLS, 7, wide=True), new_book(SYMBOLS, 7, wide=True), events)


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 3), st.integers(1, 3)), max_size=80)
)
def test_ids_that_come_again_at_once_are_looked_up_when_their_turn_comes(rows):
    events = np.zeros(len(rows), EVENT)
    for place, (kind, order_id, other_id) in enumerate(rows):
        events[place]["kind"] = kind
        events[place]["order_id"], events[place]["other_id"] = order_id, other_id
        events[place]["price"], events[place]["qty_lots"] = 100 + other_id, 1 + order_id
    assert_same(new_book(1, 7), new_book(1, 7), events)
