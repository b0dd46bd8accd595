"""Books driven as a feed drives them: one call, one event, in integers or in money.

There are two doors. `Market` itself takes integers: price units and lots. `Market.money` takes
prices and quantities as people write them ("100.10", Decimal, int) and refuses what is not a whole
number of units. Both raise RefusedError for a call that breaks a rule, and nothing is changed
then. What happens, happens as it is told: orders do not meet each other here (`mmjit.Venue`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmjit.arena import State
from mmjit.arguments import pattern, whole
from mmjit.books import Books
from mmjit.core.codes import Flag, Kind
from mmjit.core.records import EVENT
from mmjit.core.replica import apply_all, apply_one
from mmjit.core.state import Counts, memory_book
from mmjit.errors import ArgumentError, check
from mmjit.instrument import Instrument, Number

Array = np.ndarray[Any, Any]


class Market(Books):
    """The books of some instruments, driven by order ids as a feed drives them.

    Args:
        instruments: by symbol number.
        state: where the books live; without it, in memory, with room for `orders`.
        orders: room for resting orders, of a market in memory.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        state: State | None = None,
        *,
        orders: int = 1 << 16,
    ) -> None:
        book = None
        if state is None:
            book = memory_book(Counts(max(1, len(instruments)), orders, orders))
        super().__init__(instruments, state, book)
        self._event = np.zeros(1, EVENT)
        self.money = MoneyDoor(self)

    # ---- verbs --------------------------------------------------------------------------------

    def add(
        self,
        order_id: int,
        side: int,
        price: int,
        qty_lots: int,
        *,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> int:
        """Rest an order at the tail of its price; returns its slot."""
        return self._apply(Kind.ADD, symbol, time_ns, order_id, side, price, qty_lots)

    def reduce(self, order_id: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel part of an order; it keeps its place. All that is left of it deletes it."""
        self._apply(Kind.REDUCE, symbol, time_ns, order_id, 0, 0, qty_lots)

    def delete(self, order_id: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel all that is left of an order."""
        self._apply(Kind.DELETE, symbol, time_ns, order_id)

    def replace(
        self,
        order_id: int,
        new_id: int,
        price: int,
        qty_lots: int,
        *,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> None:
        """Give an order a new id, price and quantity; it goes to the tail."""
        self._event["other_id"] = pattern("new_id", new_id, 1)
        self._apply(Kind.REPLACE, symbol, time_ns, order_id, 0, price, qty_lots)

    def execute(
        self,
        order_id: int,
        qty_lots: int,
        *,
        price: int | None = None,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> None:
        """Trade part or all of a resting order, at its own price or at another."""
        own = 0 if price is None else price
        flags = 0 if price is None else Flag.OWN_PRICE
        self._apply(
            Kind.EXECUTE,
            symbol,
            time_ns,
            order_id,
            0,
            own,
            qty_lots,
            flags,
        )

    def set_level(
        self, side: int, price: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0
    ) -> None:
        """Set the quantity at a price that has no orders of its own (L2); 0 removes it."""
        self._apply(Kind.LEVEL, symbol, time_ns, 0, side, price, qty_lots)

    def clear(self, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Take every order and level of a symbol away."""
        self._apply(Kind.CLEAR, symbol, time_ns)

    def apply(self, events: Array) -> Array:
        """Apply many events by id.

        Args:
            events: EVENT, one-dimensional, contiguous.

        Returns:
            int64 per event: what its verb returned, below 0 the `Status` for which it was refused.
        """
        if not isinstance(events, np.ndarray) or events.dtype != EVENT or events.ndim != 1:
            raise ArgumentError("events: not a one-dimensional array of mmjit.EVENT")
        statuses = np.zeros(len(events), np.int64)
        events = np.require(events, requirements=["C", "A"]).view(EVENT)
        self._writable()
        apply_all(self.book, events, statuses)
        return statuses

    # ---- conversions --------------------------------------------------------------------------

    def _apply(
        self,
        kind: int,
        symbol: int,
        time_ns: int,
        order_id: int = 0,
        side: int = 0,
        price: int = 0,
        qty_lots: int = 0,
        flags: int = 0,
    ) -> int:
        event = self._event[0]
        event["kind"] = kind
        event["symbol"] = self._symbol(symbol)
        event["venue_ns"] = event["local_ns"] = whole("time_ns", time_ns)
        event["order_id"] = pattern("order_id", order_id, 1) if order_id != 0 else 0
        event["side"] = whole("side", side, 0, 1)
        event["price"] = whole("price", price)
        event["qty_lots"] = whole("qty_lots", qty_lots)
        event["flags"] = flags
        self._writable()
        return check(int(apply_one(self.book, self._event, 0)))


class MoneyDoor:
    """The verbs of a market with prices and quantities as people write them."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def add(
        self,
        order_id: int,
        side: int,
        price: Number,
        qty: Number,
        *,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> int:
        """Rest an order; returns its slot."""
        unit = self._market.instruments[symbol]
        return self._market.add(
            order_id, side, unit.price(price), unit.lots(qty), symbol=symbol, time_ns=time_ns
        )

    def reduce(self, order_id: int, qty: Number, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel part of an order."""
        lots = self._market.instruments[symbol].lots(qty)
        self._market.reduce(order_id, lots, symbol=symbol, time_ns=time_ns)

    def replace(
        self,
        order_id: int,
        new_id: int,
        price: Number,
        qty: Number,
        *,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> None:
        """Give an order a new id, price and quantity; it goes to the tail."""
        unit = self._market.instruments[symbol]
        self._market.replace(
            order_id, new_id, unit.price(price), unit.lots(qty), symbol=symbol, time_ns=time_ns
        )

    def execute(
        self,
        order_id: int,
        qty: Number,
        *,
        price: Number | None = None,
        symbol: int = 0,
        time_ns: int = 0,
    ) -> None:
        """Trade part or all of a resting order."""
        unit = self._market.instruments[symbol]
        own = None if price is None else unit.price(price)
        self._market.execute(order_id, unit.lots(qty), price=own, symbol=symbol, time_ns=time_ns)

    def set_level(
        self, side: int, price: Number, qty: Number, *, symbol: int = 0, time_ns: int = 0
    ) -> None:
        """Set the quantity at a price that has no orders of its own (L2)."""
        unit = self._market.instruments[symbol]
        self._market.set_level(
            side, unit.price(price), unit.lots(qty), symbol=symbol, time_ns=time_ns
        )

    def best(self, side: int, *, symbol: int = 0) -> tuple[float, float, int] | None:
        """Price and quantity of the best level of a side, and how many orders it has."""
        return self._market.best_in_money(side, symbol=symbol)
