"""The rows of `record_depth`, mended event by event, against a walk of the book for every row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.depth import View, record_depth
from mmjit.core.pool import reserve
from mmjit.core.reads import depth_now
from mmjit.core.records import EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests.builders import add, clear, delete, execute, level, reduce, replace, stream, trade

SLOTS = 8
LOW, HIGH = -5, 5  # prices: 0 and those below it are no special ones
SYMBOL = 1  # of two


def small_book(levels=2 * SLOTS):
    """A book of two symbols, and a region of a tape, whose last slot the other symbol has."""
    book = memory_book(Counts(2, SLOTS, levels))
    for symbol in range(2):
        assert configure_symbol(book, symbol, LOW, HIGH, 1) == 0
    region = Region(int(reserve(book.order_pool, SLOTS)), SLOTS)
    other = add(99, BID, 2, 10, handle=SLOTS - 1)
    replay(book, region, other, np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY))
    return book, region


def walked_rows(events, levels, room):
    """The naive twin: every row from a walk of both sides."""
    book, region = small_book(room)
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    rows, orders = [], np.zeros(levels, np.int64)
    for place in np.flatnonzero(events["symbol"] == SYMBOL):
        one = events[place : place + 1]
        replay(book, region, one, counts, tally)
        if one["flags"][0] & Flag.LAST:
            row = np.zeros(1 + 4 * levels, np.int64)
            row[0] = one["venue_ns"][0]
            for side, shown in enumerate(row[1:].reshape(2, 2, levels)):
                depth_now(book, 2 * SYMBOL + side, shown[0], shown[1], orders)
            rows.append(row)
    return np.array(rows, np.int64).reshape(-1, 1 + 4 * levels), counts


def mended_rows(events, levels, room, cut=0):
    """The rows as they are recorded, in two runs of events."""
    book, region = small_book(room)
    counts = np.zeros(STATUS_SPAN, np.int64)
    rows = np.full((len(events), 1 + 4 * levels), 77, np.int64)
    view = View(SYMBOL, np.zeros(1 + 4 * levels, np.int64))
    written = record_depth(book, region, events[:cut], view, rows, counts)
    written += record_depth(book, region, events[cut:], view, rows[written:], counts)
    assert (rows[written:] == 77).all()
    return rows[:written], counts


def assert_same(events, levels, room=2 * SLOTS, cut=0):
    wanted, wanted_counts = walked_rows(events, levels, room)
    rows, counts = mended_rows(events, levels, room, cut)
    assert np.array_equal(rows, wanted)
    assert np.array_equal(counts, wanted_counts)


def timed(events):
    """Events at times 1, 2, 3, ..., each the last of its message and of the symbol looked at."""
    events = stream(*events)
    events["venue_ns"] = np.arange(1, len(events) + 1)
    events["flags"] |= Flag.LAST
    events["symbol"] = SYMBOL
    return events


def resting(side, prices, first=0):
    """Orders of 10 lots at prices, in the slots from `first` on."""
    return [add(first + k + 1, side, price, 10, handle=first + k) for k, price in enumerate(prices)]


FOUR_BIDS = resting(BID, [3, 2, 1, 0])
STEPS = {
    "the best goes": [delete(1, handle=0)],
    "the last that is shown goes": [delete(3, handle=2)],
    "the one behind the view goes": [delete(4, handle=3)],
    "all go, best first": [delete(k + 1, handle=k) for k in range(4)],
    "all go, worst first": [delete(k + 1, handle=k) for k in (3, 2, 1, 0)],
    "a better one comes": [add(9, BID, 4, 1, handle=4)],
    "one comes behind the view": [add(9, BID, -1, 1, handle=4)],
    "one comes at a level": [add(9, BID, 2, 1, handle=4)],
    "one comes on the other side": [add(9, ASK, 4, 1, handle=4)],
    "the best moves behind the view": [replace(1, 9, -3, 5, handle=0)],
    "the best moves within the view": [replace(1, 9, 1, 5, handle=0)],
    "one moves into the view": [replace(4, 9, 5, 5, handle=3)],
    "one moves to its own price": [replace(2, 9, 2, 5, handle=1)],
    "the last that is shown moves up": [replace(3, 9, 4, 5, handle=2)],
    "more is executed than there is": [execute(1, 99, handle=0)],
    "more is reduced than there is": [reduce(2, 99, handle=1)],
    "a part is executed at another price": [
        execute(1, 3, handle=0, price=-5, flags=Flag.OWN_PRICE)
    ],
    "a slot is taken": [add(9, BID, 4, 1, handle=0)],
    "a handle is out of range": [delete(9, handle=SLOTS), delete(9, handle=-1)],
    "a trade": [trade(3, 5)],
    "the book is cleared, and filled again": [clear(), add(9, ASK, 1, 1, handle=0)],
    "a level is set, changed and removed": [level(BID, 4, 7), level(BID, 4, 8), level(BID, 4, 0)],
    "a level of orders cannot be set": [level(BID, 3, 7), level(BID, 3, 0)],
    "a level of no side": [level(3, 3, 7), level(-1, 3, 7)],
}


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("what", STEPS)
def test_a_row_is_mended_when(what, levels):
    assert_same(timed([*FOUR_BIDS, *resting(ASK, [4, 5], 6), *STEPS[what]]), levels)


def test_a_row_shows_the_level_that_comes_into_view():
    rows, _ = mended_rows(timed([*FOUR_BIDS, delete(1, handle=0)]), 2, 2 * SLOTS)

    assert rows[-2].tolist() == [4, 3, 2, 10, 10, 0, 0, 0, 0]
    assert rows[-1].tolist() == [5, 2, 1, 10, 10, 0, 0, 0, 0]


def test_only_the_last_event_of_a_message_makes_a_row_and_it_shows_them_all():
    events = timed([*FOUR_BIDS, replace(1, 9, -3, 5, handle=0), delete(2, handle=1)])
    events["flags"][[0, 2, 4]] = 0

    rows, _ = mended_rows(events, 3, 2 * SLOTS)

    assert rows[:, 0].tolist() == [2, 4, 6]
    assert_same(events, 3)


def test_what_names_an_order_of_another_symbol_changes_nothing():
    other = SLOTS - 1
    events = timed([*FOUR_BIDS, delete(99, handle=other), replace(99, 9, 3, 5, handle=other)])

    rows, counts = mended_rows(events, 4, 2 * SLOTS)

    assert counts[-Status.ORDER_OF_OTHER_SYMBOL] == 2
    assert (rows[-1, 1:] == rows[3, 1:]).all()
    assert_same(events, 4)


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from([*[Kind.ADD] * 6, *[Kind.REPLACE] * 3, *list(Kind)]),
            "handle": st.integers(-1, SLOTS),
            "side": st.sampled_from([BID, ASK, BID, ASK, 2, -1]),
            "price": st.integers(LOW - 1, HIGH + 1),
            "qty_lots": st.integers(-1, 6),
            "symbol": st.sampled_from([SYMBOL, SYMBOL, SYMBOL, 0, 2]),
            "flags": st.sampled_from([Flag.LAST, Flag.LAST, 0, Flag.LAST | Flag.OWN_PRICE]),
            "order_id": st.integers(0, 4),
            "other_id": st.integers(0, 4),
        }
    ),
    max_size=80,
)


@given(drawn=EVENTS, levels=st.integers(1, 6), room=st.integers(3, 16), cut=st.integers(0, 80))
def test_whatever_is_sent_every_row_is_what_a_walk_finds(drawn, levels, room, cut):
    events = np.zeros(len(drawn), EVENT)
    for place, fields in enumerate(drawn):
        for name, value in fields.items():
            events[name][place] = value
    events["venue_ns"] = np.arange(len(drawn))

    assert_same(events, levels, room, cut)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_stream_that_opens_and_closes_levels_all_the_time_keeps_its_rows_right(seed):
    random = np.random.default_rng(seed)
    count = 4_000
    events = np.zeros(count, EVENT)
    kinds = [Kind.ADD, Kind.DELETE, Kind.REPLACE, Kind.REDUCE, Kind.EXECUTE, Kind.LEVEL, Kind.CLEAR]
    events["kind"] = random.choice(kinds, count, p=[0.4, 0.2, 0.2, 0.07, 0.07, 0.05, 0.01])
    events["handle"] = random.integers(0, SLOTS, count)
    events["side"] = random.integers(0, 2, count)
    events["price"] = random.integers(LOW, HIGH + 1, count)
    events["qty_lots"] = random.integers(0, 4, count)
    events["symbol"] = np.where(random.random(count) < 0.9, SYMBOL, 0)
    events["flags"] = random.random(count) < 0.7
    events["order_id"] = events["other_id"] = np.arange(1, count + 1)

    assert_same(events, 1 + seed, cut=count // 2)
