"""The levels that a tape names for its prices are hints: right, missing or wrong, the book is the
same, and what they save is a search."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.levels import PAGE_LEVELS, RESERVED, reserve_pages
from mmjit.core.pool import reserve
from mmjit.core.records import EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.resolve import PRICE_MAX
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.feeds.importing import Resolving
from tests import builders as b
from tests.test_replay import LIMITS, SLOTS, SYMBOLS, Run, dirty_streams

BOOKS = 2  # symbols
OURS = 8  # orders by id beside the tape's
POOL = 128  # pages besides those of a region
INT32 = (-(1 << 31), (1 << 31) - 1)

# Prices that share pages, prices that do not, and prices on an increment of 100 until one is not.
NEAR = [10_000 + step for step in range(20)]
FAR = [10_000 + 977 * step for step in range(20)]
COARSE = [100, 200, 300, 900, 1000, 1100, 10_000]
SHRINKING = [*COARSE, 150, 250, 950, 151, 1049]

kinds = [*[Kind.ADD] * 6, Kind.REDUCE, *[Kind.DELETE] * 2, Kind.EXECUTE, *[Kind.REPLACE] * 3]
rows = st.tuples(
    st.sampled_from([*kinds * 3, Kind.LEVEL, Kind.LEVEL, Kind.CLEAR, Kind.TRADE]),
    st.integers(0, 19),  # order_id
    st.integers(0, 19),  # other_id
    st.integers(0, BOOKS - 1),
    st.integers(0, 1),  # side
    st.integers(0, len(NEAR) - 1),  # which price
    st.integers(-1, 6),  # qty_lots
)
NAMES = ("kind", "order_id", "other_id", "symbol", "side", "price", "qty_lots")


def events_of(drawn: list[tuple[int, ...]], prices: list[int]) -> Any:
    events = np.zeros(len(drawn), EVENT)
    for place, row in enumerate(drawn):
        for name, value in zip(NAMES, row, strict=True):
            events[place][name] = prices[value % len(prices)] if name == "price" else value
    events["flags"] = Flag.LAST
    return events


class Made:
    """A tape: resolved events, and what they need."""

    def __init__(self, events: Any, increment: int = 0) -> None:
        resolving = Resolving(BOOKS, increment)
        resolving(events)
        self.events = events
        self.slots = resolving.order_slots
        self.pages = resolving.level_pages

    def hinted(self, levels: Any) -> Any:
        """The events with other levels, where an event was not refused by the importer."""
        events = self.events.copy()
        free = (events["level"] >= NIL) | (events["handle"] >= 0)
        events["level"][free] = np.broadcast_to(np.asarray(levels, np.int32), len(events))[free]
        return events


class Played:
    """A book with a region of slots and pages, what stood there first, and what its replay left."""

    def __init__(
        self, made: Made, increment: int = 1, price_min: int = 0, pool: int = POOL
    ) -> None:
        self.book = memory_book(Counts(BOOKS, made.slots + OURS, pool + made.pages), 7)
        for symbol in range(BOOKS):
            assert configure_symbol(self.book, symbol, price_min, PRICE_MAX, increment) == 0
        slots = int(reserve(self.book.order_pool, made.slots))
        self.first = int(reserve_pages(self.book, made.pages))
        levels = PAGE_LEVELS * self.first, PAGE_LEVELS * made.pages
        self.region = Region(slots, made.slots, *levels)
        self.counts = np.zeros(STATUS_SPAN, np.int64)
        self.tally = np.zeros(1, TALLY)

    def play(self, events: Any, own: dict[int, Any] | None = None) -> "Played":
        """Replay, with events of our own by id before the event of a number."""
        own = own or {}
        cuts = sorted(own)
        for cut, piece in zip([None, *cuts], np.split(events, cuts), strict=True):
            if cut is not None:
                b.send(self.book, own[cut])
            replay(self.book, self.region, piece, self.counts, self.tally)
            b.assert_audited(self.book)
        return self

    def left(self) -> tuple[Any, ...]:
        return b.hash_of(self.book), self.counts.tobytes(), self.tally.tobytes()


garbage = st.one_of(st.integers(-3, 100), st.sampled_from(INT32), st.integers(*INT32))
own_events = st.dictionaries(
    st.integers(0, 60),
    st.tuples(st.integers(1, OURS), st.integers(0, 1), st.integers(0, 19), st.booleans()),
    max_size=OURS,
)


def ours(drawn: dict[int, Any], prices: list[int], count: int) -> dict[int, Any]:
    """Adds and deletes of our own; what cannot be done is refused, and refused again."""
    events = {}
    for place, (order_id, side, price, adds) in drawn.items():
        added = b.add(1000 + order_id, side, prices[price % len(prices)], 5)
        events[min(place, count)] = added if adds else b.delete(1000 + order_id)
    return events


@pytest.mark.parametrize(
    ("prices", "step", "increment"),
    [(NEAR, 0, 1), (NEAR, 1, 1), (FAR, 1, 1), (COARSE, 100, 100), (SHRINKING, 100, 1)],
    ids=["near", "on increment", "far", "coarse", "shrinking"],
)
@given(
    drawn=st.lists(rows, min_size=1, max_size=80),
    own=own_events,
    wrong=st.lists(garbage, min_size=80, max_size=80),
)
def test_right_missing_and_wrong_levels_leave_the_same_book(
    prices, step, increment, drawn, own, wrong
):
    made = Made(events_of(drawn, prices), step)
    between = ours(own, prices, len(drawn))

    right = Played(made, increment).play(made.events, between)
    missing = Played(made, increment).play(made.hinted(NIL), between)
    garbled = Played(made, increment).play(made.hinted(wrong[: len(drawn)]), between)

    assert right.left() == missing.left() == garbled.left()


@given(drawn=st.lists(rows, min_size=1, max_size=80), price_min=st.sampled_from([-5000, 3, 96]))
def test_levels_that_were_counted_from_other_bounds_do_no_harm(drawn, price_min):
    made = Made(events_of(drawn, SHRINKING))

    right = Played(made, price_min=price_min).play(made.events)
    missing = Played(made, price_min=price_min).play(made.hinted(NIL))

    assert right.left() == missing.left()


@given(events=dirty_streams, levels=st.lists(st.integers(-1, 40), min_size=60, max_size=60))
def test_a_region_of_pages_changes_nothing_that_a_dirty_stream_leaves(events, levels):
    events["level"][::2] = levels[: len(events)][::2]
    left = []
    for pages in (0, 4):
        book = memory_book(Counts(SYMBOLS, 16, 64 + pages, 1 << 12), 7)
        for symbol, limits in enumerate(LIMITS):
            configure_symbol(book, symbol, *limits)
        run = Run(book)
        start = PAGE_LEVELS * int(reserve_pages(book, pages))
        run.region = Region(run.region.start, SLOTS, start, PAGE_LEVELS * pages)
        run.replay(events)
        b.assert_audited(book)
        left.append((b.hash_of(book), run.counts.tobytes(), run.tally.tobytes()))

    assert left[0] == left[1]


@given(drawn=st.lists(rows, min_size=1, max_size=80))
def test_orders_on_the_expected_increment_stand_at_the_levels_that_are_named(drawn):
    drawn = [row for row in drawn if row[0] not in (Kind.LEVEL, Kind.TRADE)]
    made = Made(events_of(drawn, FAR), 1)

    played = Played(made).play(made.events)

    book, region = played.book, played.region
    for event in made.events:
        if event["level"] < 0:
            continue
        level = book.levels[region.level_start + event["level"]]
        assert (level["owner"], level["price"]) == (
            2 * event["symbol"] + event["side"],
            event["price"],
        )
    assert book.page_pool.meter[0]["fresh"] == played.first + made.pages  # none of the pool
    assert book.control[0]["page_count"] == 0


def test_pages_of_the_pool_are_made_over_beside_those_of_a_region():
    adds = [(Kind.ADD, k, 0, 0, k % 2, k, 2) for k in range(1, 20)]
    made = Made(events_of([*adds, *((Kind.DELETE, *row[1:]) for row in adds)], FAR), 1)
    own = {}
    for place in range(1, len(made.events)):
        side, price = place % 2, 500_000 + 800 * place
        own[place] = b.add(1000, side, price, 5) if place % 2 else b.delete(1000)

    scarce = Played(made, pool=1).play(made.events, own)

    assert scarce.counts.sum() == 0
    assert scarce.left() == Played(made).play(made.hinted(NIL), own).left()


# ---- the region -----------------------------------------------------------------------------


def test_pages_beyond_the_capacity_are_not_reserved():
    book = b.tiny_book(pages=6)
    assert reserve_pages(book, 2) == 0
    before = b.bytes_of(book)

    for page_count in (5, 1 << 40, -1, -(1 << 63)):
        assert reserve_pages(book, page_count) == NIL
    assert b.bytes_of(book) == before

    assert reserve_pages(book, 4) == 2
    assert reserve_pages(book, 0) == 6
    assert reserve_pages(book, 1) == NIL
    b.assert_audited(book)


def test_reserved_pages_are_no_room_for_other_prices():
    book = b.tiny_book(pages=3)
    reserve_pages(book, 2)
    b.rest(book, BID, t10=[1])

    assert b.send(book, b.add(2, BID, 100, 1)) == Status.LEVEL_POOL_EXHAUSTED
    assert b.send(book, b.add(2, BID, 11, 1)) >= 0  # in the page that there is
    assert b.send(book, b.replace(2, 2, 100, 1)) == Status.LEVEL_POOL_EXHAUSTED
    b.assert_audited(book)


def test_a_tape_whose_levels_have_pages_needs_none_of_the_pool():
    made = Made(events_of([(Kind.ADD, k, 0, 0, k % 2, k, 2) for k in range(1, 20)], FAR), 1)

    assert Played(made, pool=0).play(made.events).counts.sum() == 0


def test_pages_of_a_region_never_come_onto_the_stack():
    rest = [(Kind.ADD, k, 0, 0, k % 2, k, 2) for k in range(1, 20)]
    gone = [(Kind.DELETE, k, 0, 0, 0, 0, 0) for k in range(1, 20)]
    made = Made(events_of([*rest, *gone, *rest, (Kind.CLEAR, 0, 0, 0, 0, 0, 0)], FAR), 1)

    played = Played(made).play(made.events)

    assert played.counts.sum() == 0
    assert played.book.page_pool.meter[0]["depth"] == 0
    region = played.book.masks[played.first : played.first + made.pages]
    assert (region & RESERVED != 0).all()
    assert made.pages > 10


def test_a_regions_pages_serve_other_bounds_once_their_symbol_has_no_levels():
    events = events_of([(Kind.ADD, 1, 0, 0, 0, 3, 2), (Kind.DELETE, 1, 0, 0, 0, 0, 0)], NEAR)
    made = Made(events, 1)
    played = Played(made).play(made.events)

    for bounds in ((0, PRICE_MAX, 2), (1, PRICE_MAX, 1), (0, 20_000, 1)):
        assert configure_symbol(played.book, 0, *bounds) == Status.OK
        b.assert_audited(played.book)
        played.play(made.events)


def test_a_level_of_the_other_side_or_symbol_is_not_taken_for_a_prices():
    run = Run(b.tiny_book(symbols=2, pages=40))
    start = PAGE_LEVELS * int(reserve_pages(run.book, 4))
    run.region = Region(*run.region[:2], start, 4 * PAGE_LEVELS)
    price = 10_000

    run.replay(
        b.stream(
            b.add(1, BID, price, 1, handle=0, level=0),
            b.add(2, ASK, price, 2, handle=1, level=0),
            b.add(3, BID, price, 3, handle=2, level=0, symbol=1),
            b.add(4, BID, price + 1, 4, handle=3, level=0),
        )
    )

    assert b.queue_at(run.book, 0, price) == [(1, 1)]
    assert b.queue_at(run.book, 1, price) == [(2, 2)]
    assert b.queue_at(run.book, 2, price) == [(3, 3)]
    assert b.queue_at(run.book, 0, price + 1) == [(4, 4)]
    b.assert_audited(run.book)
