"""The book against its naive twin, by id, at capacities so tiny that edges happen all the time."""

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.jit import COMPILED
from mmjit.core.reads import qty_ahead, slot_by_id, slots_of_side
from mmjit.core.state import Counts, configure_symbol, memory_book
from tests import builders as b
from tests.naive_book import NaiveBook, plain

INT64 = (-(1 << 63), (1 << 63) - 1)
SYMBOLS = 3  # the third is never configured
ORDERS, PAGES = 8, 5
LIMITS = ((0, 1 << 46, 1), (-1_000_003, 1_000_003, 5))  # price_min, price_max, increment

# Five neighbours on each symbol, and some far off: stub quotes, the bounds, the masks' edges.
PRICES = (
    (100, 101, 102, 103, 104, 0, 63, 64, 1 << 40, 1 << 46),
    (-13, -8, -3, 2, 7, -1_000_003, 999_997, 1_000_002),
)
WRONG_PRICES = (-1, (1 << 46) + 1, 3, -1_000_004, 1_000_003, 1_000_007, *INT64)

ids = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1, *INT64])
sides = st.sampled_from([0, 1])
symbols = st.sampled_from([0, 1])
small_qtys = st.integers(1, 5)
flags = st.sampled_from([0, Flag.LAST, Flag.OWN_PRICE, Flag.LAST | Flag.OWN_PRICE])
times = st.integers(0, 1 << 60)


@st.composite
def places(draw: Any) -> dict[str, int]:
    """A symbol and a price that it takes."""
    symbol = draw(symbols)
    return {"symbol": symbol, "price": draw(st.sampled_from(PRICES[symbol]))}


def any_qty(wide: bool) -> Any:
    largest = b.QTY_MAX_64 if wide else b.QTY_MAX_32
    edges = [0, -1, largest - 1, largest, largest + 1, b.LEVEL_QTY_MAX, b.LEVEL_QTY_MAX + 1]
    return small_qtys | st.sampled_from([*edges, *INT64])


def fields_of_any_kind(wide: bool) -> dict[str, Any]:
    """What an event may hold when its source is broken."""
    return {
        "kind": st.sampled_from(list(Kind)) | st.sampled_from([0, -1, -128, 127, 15]),
        "order_id": ids | st.just(0),
        "other_id": ids | st.just(0),
        "symbol": st.sampled_from([0, 1, 2, 3, -1, (1 << 31) - 1, -(1 << 31)]),
        "side": st.sampled_from([0, 1, 2, -1, 127, -128]),
        "price": st.sampled_from(PRICES[0] + PRICES[1] + WRONG_PRICES),
        "qty_lots": any_qty(wide),
        "flags": st.integers(-(1 << 15), (1 << 15) - 1),
        "venue_ns": st.sampled_from([0, *INT64]),
    }


class ReplicaMachine(RuleBasedStateMachine):
    """Each rule is a verb; each invariant is a sentence."""

    wide = False
    rungs = NIL

    @initialize(salt=st.sampled_from([0, 7, *INT64]))
    def begin(self, salt: int) -> None:
        self.book = memory_book(Counts(SYMBOLS, ORDERS, PAGES, self.rungs, self.wide), salt)
        rungs = len(self.book.rungs)
        self.naive = NaiveBook(SYMBOLS, ORDERS, PAGES, rungs, self.wide)
        for symbol, limits in enumerate(LIMITS):
            assert configure_symbol(self.book, symbol, *limits) == Status.OK
            self.naive.configure(symbol, *limits)

    def send(self, kind: int, **fields: int) -> None:
        """Apply an event to both; a refused one leaves no trace."""
        one = b.event(kind, **fields)
        before = b.bytes_of(self.book)
        result = b.send(self.book, one)
        expected = self.naive.apply(plain(one[0]))
        if expected < 0:
            assert result == expected
            assert b.bytes_of(self.book) == before
        elif kind == Kind.ADD or kind == Kind.REPLACE:
            new_id = fields["order_id" if kind == Kind.ADD else "other_id"]
            assert result == slot_by_id(self.book, new_id)
        else:
            assert result == expected

    # ---- verbs

    @rule(at=places(), order_id=ids, side=sides, qty_lots=small_qtys, flags=flags, venue_ns=times)
    def add(self, at: dict[str, int], **fields: int) -> None:
        self.send(Kind.ADD, **at, **fields)

    @rule(at=places(), order_id=ids, side=sides, data=st.data())
    def add_any_quantity(self, at: dict[str, int], data: Any, **fields: int) -> None:
        self.send(Kind.ADD, **at, qty_lots=data.draw(any_qty(self.wide)), **fields)

    def some_order(self, data: Any) -> dict[str, int]:
        """An order that rests."""
        order = data.draw(st.sampled_from(list(self.naive.orders.values())))
        return {"order_id": order.order_id, "symbol": order.symbol}

    @precondition(lambda self: self.naive.orders)
    @rule(
        data=st.data(),
        kind=st.sampled_from([Kind.REDUCE, Kind.DELETE, Kind.EXECUTE]),
        qty_lots=st.integers(-1, 6),
        price=st.sampled_from([0, 99]),
        flags=flags,
        venue_ns=times,
    )
    def shrink(self, data: Any, kind: int, **fields: int) -> None:
        self.send(kind, **self.some_order(data), **fields)

    @precondition(lambda self: self.naive.orders)
    @rule(data=st.data(), new_id=ids, own=st.booleans(), venue_ns=times)
    def replace(self, data: Any, new_id: int, own: bool, venue_ns: int) -> None:
        order = self.some_order(data)
        resting = self.naive.orders[order["order_id"]]
        prices = st.sampled_from(PRICES[order["symbol"]]) | st.just(resting.price)
        fields = {
            "other_id": resting.order_id if own else new_id,
            "price": data.draw(prices),
            "qty_lots": data.draw(any_qty(self.wide) | st.just(resting.qty_lots)),
        }
        self.send(Kind.REPLACE, **order, **fields, venue_ns=venue_ns)

    @rule(at=places(), side=sides, data=st.data())
    def set_level(self, at: dict[str, int], side: int, data: Any) -> None:
        qty_lots = data.draw(st.integers(0, 3) | any_qty(self.wide))
        self.send(Kind.LEVEL, **at, side=side, qty_lots=qty_lots)

    @rule(symbol=st.sampled_from([0, 1, 2]))
    def clear(self, symbol: int) -> None:
        self.send(Kind.CLEAR, symbol=symbol)

    @rule(at=places(), qty_lots=st.integers(-1, 3), venue_ns=times)
    def trade(self, at: dict[str, int], qty_lots: int, venue_ns: int) -> None:
        self.send(Kind.TRADE, **at, qty_lots=qty_lots, venue_ns=venue_ns)

    @rule(data=st.data())
    def apply_anything(self, data: Any) -> None:
        self.send(**data.draw(st.fixed_dictionaries(fields_of_any_kind(self.wide))))

    @rule(data=st.data(), at=places(), order_id=ids, other_id=ids, side=sides, qty_lots=small_qtys)
    def apply_with_one_field_wrong(self, data: Any, at: dict[str, int], **fields: int) -> None:
        fields |= at | {"kind": data.draw(st.sampled_from(list(Kind)[:12]))}
        if self.naive.orders and data.draw(st.booleans()):
            fields |= self.some_order(data)
        wrong = fields_of_any_kind(self.wide)
        name = data.draw(st.sampled_from(sorted(wrong)))
        self.send(**fields | {name: data.draw(wrong[name])})

    # ---- what must always be true

    @invariant()
    def the_audit_passes(self) -> None:
        b.assert_audited(self.book)

    @invariant()
    def every_order_slot_is_held_or_free(self) -> None:
        meter = self.book.order_pool.meter[0]
        assert b.count_live(self.book) == len(self.naive.orders)
        assert meter["fresh"] - meter["depth"] == len(self.naive.orders)

    @invariant()
    def the_levels_are_equal(self) -> None:
        for owner in range(2 * SYMBOLS):
            depth = self.naive.depth(owner)
            assert b.depth_of(self.book, owner) == depth
            assert b.best_of(self.book, owner) == (depth[0] if depth else None)
            assert self.book.sides[owner]["level_count"] == len(depth)
            assert b.executed_of(self.book, owner) == self.naive.executed.get(owner, 0)

    @invariant()
    def the_orders_are_equal_in_priority(self) -> None:
        slots = np.full(ORDERS, NIL, np.int64)
        for owner in range(2 * SYMBOLS):
            expected = self.naive.side(owner)
            count = slots_of_side(self.book, owner, slots)
            found = self.book.orders["order_id"][slots[:count]]
            assert found.tolist() == [order.order_id for order in expected]
            for price in self.naive.prices(owner):
                queue = [(o.order_id, o.qty_lots) for o in self.naive.queue(owner, price)]
                assert b.queue_at(self.book, owner, price) == queue

    @invariant()
    def every_order_is_found_by_its_id(self) -> None:
        for order_id, order in self.naive.orders.items():
            slot = slot_by_id(self.book, order_id)
            assert self.book.orders[slot]["order_id"] == order_id
            assert self.book.nodes[slot]["qty_lots"] == order.qty_lots
            assert qty_ahead(self.book, order_id) == self.naive.ahead(order_id)

    @invariant()
    def the_counters_are_equal(self) -> None:
        control = self.book.control[0]
        assert b.best_changed(self.book) == self.naive.best_changed
        assert control["sequence"] == self.naive.sequence
        assert control["last_ns"] == self.naive.last_ns
        assert control["rung_count"] == self.naive.rung_count()
        assert control["page_count"] == len(self.naive.pages())

    @invariant()
    def the_symbols_are_equal(self) -> None:
        for symbol in range(SYMBOLS):
            record, market = plain(self.book.symbols[symbol]), vars(self.naive.markets[symbol])
            assert {name: record[name] for name in market} == market

    @rule()
    def the_hash_is_that_of_a_fresh_book_with_the_same_orders(self) -> None:
        fresh = memory_book(Counts(SYMBOLS, 3 * ORDERS, 2 * PAGES, NIL, True), 1)
        for symbol, limits in enumerate(LIMITS):
            configure_symbol(fresh, symbol, *limits)
        for owner in range(2 * SYMBOLS - 1, -1, -1):
            at = {"symbol": owner // 2, "side": owner % 2}
            for price in reversed(self.naive.prices(owner)):
                for o in self.naive.queue(owner, price):
                    fields = {"order_id": o.order_id, "price": price, "qty_lots": o.qty_lots}
                    assert b.send(fresh, b.event(Kind.ADD, **at, **fields)) >= 0
                if (owner, price) in self.naive.set_levels:
                    qty_lots = self.naive.qty_at(owner, price)
                    event = b.event(Kind.LEVEL, **at, price=price, qty_lots=qty_lots)
                    assert b.send(fresh, event) == 0
        assert b.hash_of(self.book) == b.hash_of(fresh)


class WideReplicaMachine(ReplicaMachine):
    wide = True


class CrampedReplicaMachine(ReplicaMachine):
    """Scattered prices exhaust the ladder before the pages run out."""

    rungs = 32


LOOK = settings(
    max_examples=settings().max_examples if COMPILED else settings().max_examples // 2,
    stateful_step_count=50,
)
TestReplica = ReplicaMachine.TestCase
TestReplica.settings = LOOK
TestWideReplica = WideReplicaMachine.TestCase
TestWideReplica.settings = LOOK
TestCrampedReplica = CrampedReplicaMachine.TestCase
TestCrampedReplica.settings = LOOK
