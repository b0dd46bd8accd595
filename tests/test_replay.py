"""Replay by handle against the naive book, on streams as dirty as feeds are, and dirtier."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.pool import reserve
from mmjit.core.records import EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.builders import add, clear, delete, execute, level, reduce, stream, trade
from tests.naive_book import NaiveBook, NaiveTally, plain

SYMBOLS, ORDERS, PAGES, SLOTS = 3, 16, 6, 6
LIMITS = ((0, 1 << 46, 1), (-1_000_000, 1_000_000, 5))  # the third symbol is never configured
INT32 = (-(1 << 31), (1 << 31) - 1)
INT64 = (-(1 << 63), (1 << 63) - 1)


def new_book(wide: bool = False) -> Any:
    book = memory_book(Counts(SYMBOLS, ORDERS, PAGES, wide=wide), 7)
    for symbol, limits in enumerate(LIMITS):
        configure_symbol(book, symbol, *limits)
    return book


def new_naive(book: Any, wide: bool = False) -> NaiveBook:
    naive = NaiveBook(SYMBOLS, ORDERS, PAGES, len(book.rungs), wide)
    for symbol, limits in enumerate(LIMITS):
        naive.configure(symbol, *limits)
    return naive


class Run:
    """A book, one region of it, and what its replays count."""

    def __init__(self, book: Any = None, slot_count: int = SLOTS) -> None:
        self.book = new_book() if book is None else book
        self.region = Region(int(reserve(self.book.order_pool, slot_count)), slot_count)
        self.counts = np.zeros(STATUS_SPAN, np.int64)
        self.tally = np.zeros(1, TALLY)

    def replay(self, events: Any) -> None:
        replay(self.book, self.region, events, self.counts, self.tally)

    def counted(self) -> dict[Status, int]:
        return {Status(-int(c)): int(self.counts[c]) for c in np.flatnonzero(self.counts)}


# ---- streams --------------------------------------------------------------------------------

prices = st.sampled_from([100, 101, 102, 103, 105, 0, 1 << 40, -5, 1 << 47])
usual = {
    "kind": st.sampled_from([1, 1, 1, 2, 3, 4, 5, 5, 6, 8, 9, 12]),
    "order_id": st.integers(1, 9),
    "other_id": st.integers(1, 9),
    "symbol": st.sampled_from([0, 0, 0, 1]),
    "side": st.integers(0, 1),
    "price": prices,
    "qty_lots": st.integers(1, 6),
    "flags": st.sampled_from([0, 1, 1, 17]),
    "handle": st.integers(0, SLOTS - 1),
    "venue_ns": st.integers(0, 99),
}
odd = {
    "kind": st.integers(-128, 127),
    "order_id": st.sampled_from([0, *INT64]),
    "other_id": st.sampled_from([0, *INT64]),
    "symbol": st.sampled_from([2, 3, -1, *INT32]),
    "side": st.sampled_from([2, -1, 127, -128]),
    "price": st.sampled_from([-1, 3, *INT64]),
    "qty_lots": st.sampled_from([0, -1, (1 << 31) - 1, 1 << 31, (1 << 62) - 1, 1 << 62, *INT64]),
    "flags": st.integers(-(1 << 15), (1 << 15) - 1),
    "handle": st.sampled_from([-1, SLOTS, SLOTS + 1, *INT32]),
    "level": st.sampled_from([-139, -140, -170, -171, -255, -256, 1, *INT32]),
    "venue_ns": st.sampled_from(INT64),
}


@st.composite
def dirty_events(draw: Any) -> dict[str, int]:
    """A usual event of which up to two fields are odd."""
    fields: dict[str, int] = draw(st.fixed_dictionaries(usual))
    for name in draw(st.lists(st.sampled_from(sorted(odd)), max_size=2)):
        fields[name] = draw(odd[name])
    return fields


def records(events: list[dict[str, int]]) -> Any:
    return stream(*(b.event(**fields) for fields in events))


dirty_streams = st.lists(dirty_events(), max_size=60).map(records)


def assert_equal(book: Any, naive: NaiveBook) -> None:
    for owner in range(2 * SYMBOLS):
        assert b.depth_of(book, owner) == naive.depth(owner)
        for price in naive.prices(owner):
            queue = [(o.order_id, o.qty_lots) for o in naive.queue(owner, price)]
            assert b.queue_at(book, owner, price) == queue
    for symbol in range(SYMBOLS):
        record, market = plain(book.symbols[symbol]), vars(naive.markets[symbol])
        assert {name: record[name] for name in market} == market
    for owner in range(2 * SYMBOLS):
        assert b.executed_of(book, owner) == naive.executed.get(owner, 0)
    assert book.control[0]["sequence"] == naive.sequence
    assert b.best_changed(book) == naive.best_changed
    b.assert_audited(book)


def assert_tallied(tally: Any, naive: NaiveTally) -> None:
    assert {name: int(tally[0][name]) for name in vars(naive)} == vars(naive)


@pytest.mark.parametrize("wide", [False, True], ids=["qty32", "qty64"])
@given(events=dirty_streams)
def test_a_dirty_stream_leaves_what_it_leaves_in_the_naive_book(wide, events):
    run = Run(new_book(wide))
    naive, tally = new_naive(run.book, wide), NaiveTally()
    before = events.tobytes()

    run.replay(events)

    counted = naive.replay(events, SLOTS, tally)
    assert {-int(c): int(run.counts[c]) for c in np.flatnonzero(run.counts)} == counted
    assert_equal(run.book, naive)
    assert_tallied(run.tally, tally)
    assert events.tobytes() == before


@given(dirty_streams, st.integers(0, 60))
def test_a_replay_in_two_halves_is_one_replay(events, cut):
    whole, halves = Run(), Run()

    whole.replay(events)
    halves.replay(events[:cut])
    halves.replay(events[cut:])

    assert b.bytes_of(halves.book) == b.bytes_of(whole.book)
    assert (halves.counts == whole.counts).all()
    assert halves.tally.tobytes() == whole.tally.tobytes()


@given(st.lists(st.tuples(st.booleans(), dirty_events()), max_size=40))
def test_two_regions_of_one_book_do_not_touch_each_others_orders(events):
    book = new_book()
    naive, tally = new_naive(book), NaiveTally()
    runs = (Run(book), Run(book))
    for second, fields in events:
        one = b.event(**fields)
        runs[second].replay(one)
        naive.replay(one, SLOTS, tally, region=int(second))

    assert_equal(book, naive)


# ---- what is mended -------------------------------------------------------------------------


def test_an_over_execution_executes_what_is_left_and_is_counted():
    run = Run()
    run.replay(stream(add(1, BID, 12, 5, handle=2), add(2, BID, 12, 4, handle=0)))

    run.replay(execute(1, 9, handle=2, venue_ns=3))

    assert run.counted() == {Status.OVER_EXECUTION: 1}
    assert b.queue_at(run.book, 0, 12) == [(2, 4)]
    assert b.executed_of(run.book, 0) == run.book.symbols[0]["traded_lots"] == 5
    assert run.book.control[0]["sequence"] == 3
    b.assert_audited(run.book)


def test_an_over_reduction_cancels_what_is_left_and_is_no_trade():
    run = Run()
    run.replay(stream(add(1, BID, 12, 5, handle=2), reduce(1, 6, handle=2)))

    assert run.counted() == {Status.OVER_REDUCTION: 1}
    assert b.depth_of(run.book, 0) == []
    assert run.book.symbols[0]["traded_lots"] == 0


def test_a_handle_is_free_again_once_its_order_is_gone():
    run = Run()
    run.replay(stream(add(1, BID, 12, 5, handle=2), add(2, BID, 12, 5, handle=2)))
    assert run.counted() == {Status.HANDLE_TAKEN: 1}

    run.replay(stream(delete(1, handle=2), add(3, ASK, 13, 5, handle=2)))

    assert run.counted() == {Status.HANDLE_TAKEN: 1}
    assert b.depth_of(run.book, 1) == [(13, 5, 1)]


def test_the_importers_reason_is_counted_where_an_event_has_no_handle():
    run = Run()

    run.replay(
        stream(
            add(1, BID, 12, 5, level=Status.ORDER_ID_DUPLICATE),
            delete(1, level=Status.ORDER_OF_OTHER_SYMBOL),
            delete(1),
            add(1, BID, 12, 5),
        )
    )

    assert run.counted() == {
        Status.ORDER_ID_DUPLICATE: 1,
        Status.ORDER_OF_OTHER_SYMBOL: 1,
        Status.ORDER_ID_UNKNOWN: 1,
        Status.HANDLE_OUT_OF_RANGE: 1,
    }


def test_orders_by_handle_and_by_id_rest_in_one_book():
    run = Run()
    run.replay(add(1, BID, 12, 5, handle=0))
    assert b.send(run.book, add(1, BID, 12, 3)) >= SLOTS  # another order with the same id

    run.replay(execute(1, 5, handle=0))

    assert b.queue_at(run.book, 0, 12) == [(1, 3)]
    b.assert_audited(run.book)
    run.replay(clear())
    assert b.depth_of(run.book, 0) == []
    b.assert_audited(run.book)


# ---- the tally ------------------------------------------------------------------------------


def test_locked_and_crossed_books_are_counted_at_the_last_event_of_a_message_only():
    run = Run()
    last = {"flags": Flag.LAST}
    run.replay(
        stream(
            add(1, BID, 12, 5, handle=0, **last),
            add(2, ASK, 12, 5, handle=1),  # more of this message is to come
            add(3, ASK, 12, 5, handle=2, **last),  # locked
            add(4, BID, 13, 5, handle=3, **last),  # crossed
            trade(9, 1, **last),  # still crossed
            trade(9, 1, symbol=1, **last),  # the other symbol is not
            delete(4, handle=3, **last),  # locked
        )
    )

    assert (run.tally[0]["locked"], run.tally[0]["crossed"]) == (2, 2)


def test_a_best_of_negative_price_against_an_empty_side_is_no_crossing():
    run = Run()
    run.replay(
        stream(
            add(1, ASK, -5, 5, symbol=1, handle=0, flags=Flag.LAST),
            add(2, BID, 5, 5, handle=1, flags=Flag.LAST),
        )
    )

    assert (run.tally[0]["locked"], run.tally[0]["crossed"]) == (0, 0)


def test_the_folds_take_in_the_best_of_both_sides_after_every_event():
    run = Run()
    run.replay(stream(add(1, BID, 12, 5, handle=0), level(ASK, 15, 7), delete(1, handle=0)))

    prices = [12, 12 + 7 * 15, 7 * 15]
    qtys = [13 * 5, 13 * 5 + 17 * 7, 17 * 7]
    assert run.tally[0]["price_fold"] == prices[0] * 9 + prices[1] * 3 + prices[2]
    assert run.tally[0]["qty_fold"] == qtys[0] * 9 + qtys[1] * 3 + qtys[2]
    assert run.tally[0]["event_count"] == 3


def test_no_events_change_nothing():
    run = Run()
    before = b.bytes_of(run.book)

    run.replay(np.zeros(0, EVENT))

    assert b.bytes_of(run.book) == before
    assert run.tally.tobytes() == bytes(TALLY.itemsize)


@pytest.mark.parametrize("handle", [SLOTS, ORDERS, 1 << 20, *INT32])
def test_a_handle_far_out_of_its_region_is_not_even_looked_at(handle):
    run = Run()
    events = stream(*(add(1, BID, 12, 5, handle=handle) for _ in range(40)))

    run.replay(events)

    assert run.counted() == {Status.HANDLE_OUT_OF_RANGE: 40}


def test_a_region_of_no_slots_takes_levels_and_no_orders():
    run = Run(slot_count=0)

    run.replay(stream(add(1, BID, 12, 5, handle=0), level(BID, 12, 5)))

    assert run.counted() == {Status.HANDLE_OUT_OF_RANGE: 1}
    assert b.depth_of(run.book, 0) == [(12, 5, 0)]


# ---- by id and by handle --------------------------------------------------------------------


def flow(seed: int, count: int) -> Any:
    """A random stream by id, unknown and duplicate ids among them."""
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["kind"] = rng.choice(
        [1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 9], count, p=[0.11] * 9 + [0.005] * 2
    )
    events["order_id"] = rng.integers(1, 60, count)
    events["other_id"] = rng.integers(1, 60, count)
    events["symbol"] = 0
    events["side"] = rng.integers(0, 2, count)
    events["price"] = 100 + events["side"] + rng.integers(-4, 5, count)
    events["qty_lots"] = rng.integers(1, 9, count)
    events["flags"] = Flag.LAST
    events["venue_ns"] = np.arange(count)
    return events


class Importer:
    """Gives an order a handle while it rests, and shortens what asks for more than is left."""

    def __init__(self) -> None:
        self.resting: dict[int, list[int]] = {}  # id -> handle, quantity left
        self.free = list(range(999, -1, -1))

    def resolve(self, event: Any) -> None:
        order_id, kind = int(event["order_id"]), int(event["kind"])
        seat = self.resting.get(order_id)
        event["handle"] = NIL
        if kind == Kind.CLEAR:
            self.free += [handle for handle, _ in self.resting.values()]
            self.resting.clear()
        elif kind == Kind.ADD and seat is None:
            event["handle"] = self.free.pop()
            self.resting[order_id] = [int(event["handle"]), int(event["qty_lots"])]
        elif kind in (Kind.REDUCE, Kind.DELETE, Kind.EXECUTE) and seat:
            self.shrink(event, order_id, seat)
        elif kind == Kind.REPLACE and seat:
            new_id = int(event["other_id"])
            if new_id == order_id or new_id not in self.resting:
                event["handle"] = seat[0]
                del self.resting[order_id]
                self.resting[new_id] = [seat[0], int(event["qty_lots"])]

    def shrink(self, event: Any, order_id: int, seat: list[int]) -> None:
        event["handle"] = seat[0]
        whole = event["kind"] == Kind.DELETE
        event["qty_lots"] = seat[1] if whole else min(int(event["qty_lots"]), seat[1])
        seat[1] -= int(event["qty_lots"])
        if seat[1] == 0:
            self.free.append(seat[0])
            del self.resting[order_id]


def imported(seed: int, count: int) -> Any:
    events, importer = flow(seed, count), Importer()
    for place in range(count):
        importer.resolve(events[place])
    return events


def large_book() -> Any:
    book = memory_book(Counts(1, 256, 64), 7)
    assert configure_symbol(book, 0, 0, 1000, 1) == 0
    return book


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_by_id_and_by_handle_ends_in_the_same_state(seed):
    events = imported(seed, 2000)
    by_id, by_handle = large_book(), Run(large_book(), slot_count=100)

    apply_all(by_id, events, np.zeros(len(events), np.int64))
    by_handle.replay(events)

    assert set(by_handle.counted()) == {Status.ORDER_ID_UNKNOWN, Status.HANDLE_OUT_OF_RANGE}
    assert b.hash_of(by_id) == b.hash_of(by_handle.book) != 0
    assert by_id.symbols.tobytes() == by_handle.book.symbols.tobytes()
    b.assert_audited(by_id)
    b.assert_audited(by_handle.book)


# ---- golden ---------------------------------------------------------------------------------

GOLDEN = {
    "state_hash": 6873645968227253448,
    "price_fold": -7055787263929150682,
    "qty_fold": -3272796536411559701,
    "crossed": 486,
    "locked": 80,
}


def golden_flow() -> Any:
    """A stream from a formula of its own, so that no library can change it."""
    events = np.zeros(600, EVENT)
    word = 1
    importer = Importer()
    for place in range(len(events)):
        word = (word * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        draw = [word >> shift & 255 for shift in (56, 48, 40, 32)]
        one = events[place]
        one["kind"] = (1, 1, 1, 5, 2, 1, 3, 4)[draw[0] % 8]
        one["order_id"], one["other_id"] = 1 + draw[1] % 50, 1 + draw[2] % 50
        one["side"] = draw[3] % 2
        one["price"] = 100 + 6 * one["side"] + draw[3] // 2 % 7
        one["qty_lots"], one["flags"], one["venue_ns"] = 1 + draw[2] % 9, Flag.LAST, place
        importer.resolve(one)
    return events


def golden_figures(run: Run) -> dict[str, int]:
    figures = {name: int(run.tally[0][name]) for name in GOLDEN if name != "state_hash"}
    return {"state_hash": b.hash_of(run.book)} | figures


@pytest.mark.parametrize("cuts", [[], [1], [300], [13, 14, 599]])
def test_the_golden_stream_ends_where_it_always_did(cuts):
    events = golden_flow()
    for _ in range(2):
        run = Run(large_book(), slot_count=100)
        for piece in np.split(events, cuts):
            run.replay(piece)

        assert golden_figures(run) == GOLDEN
        b.assert_audited(run.book)
