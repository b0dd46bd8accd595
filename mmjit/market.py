"""Books driven as a feed drives them: one call, one event, in integers or in money.

There are two doors. `Market` itself takes integers: price units and lots. `Market.money` takes
prices and quantities as people write them ("100.10", Decimal, int) and refuses what is not a whole
number of units. Both raise RefusedError for a call that breaks a rule, and nothing is changed
then. What happens, happens as it is told: orders do not meet each other here (`mmjit.Venue`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from mmjit.arena import State
from mmjit.arguments import ID_MAX, whole
from mmjit.books import Books
from mmjit.core.bound import LET_GO, door
from mmjit.core.calls import ODD, apply_call
from mmjit.core.codes import Flag, Kind
from mmjit.core.records import EVENT
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, memory_book, pages_for
from mmjit.errors import ArgumentError, check
from mmjit.instrument import Instrument, Number

Array = np.ndarray[Any, Any]
Words = tuple[int, int, int, int, int, int, int, int, int]  # of an event, as `apply_call` takes it
_IDS: Final = (5, 6)  # which of them are ids

# As plain integers: a member of an enumeration is looked up and taken apart at every call.
_ADD: Final = int(Kind.ADD)
_REDUCE: Final = int(Kind.REDUCE)
_DELETE: Final = int(Kind.DELETE)
_REPLACE: Final = int(Kind.REPLACE)
_EXECUTE: Final = int(Kind.EXECUTE)
_LEVEL: Final = int(Kind.LEVEL)
_CLEAR: Final = int(Kind.CLEAR)
_OWN_PRICE: Final = int(Flag.OWN_PRICE)


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
            book = memory_book(Counts(max(1, len(instruments)), orders, pages_for(orders)))
        super().__init__(instruments, state, book)
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
        return self._apply((_ADD, symbol, side, 0, time_ns, order_id, 0, price, qty_lots))

    def reduce(self, order_id: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel part of an order; it keeps its place. All that is left of it deletes it."""
        self._apply((_REDUCE, symbol, 0, 0, time_ns, order_id, 0, 0, qty_lots))

    def delete(self, order_id: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel all that is left of an order."""
        self._apply((_DELETE, symbol, 0, 0, time_ns, order_id, 0, 0, 0))

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
        new_id = whole("new_id", new_id, 1, ID_MAX)
        self._apply((_REPLACE, symbol, 0, 0, time_ns, order_id, new_id, price, qty_lots))

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
        own, flags = (0, 0) if price is None else (price, _OWN_PRICE)
        self._apply((_EXECUTE, symbol, 0, flags, time_ns, order_id, 0, own, qty_lots))

    def set_level(
        self, side: int, price: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0
    ) -> None:
        """Set the quantity at a price that has no orders of its own (L2); 0 removes it."""
        self._apply((_LEVEL, symbol, side, 0, time_ns, 0, 0, price, qty_lots))

    def clear(self, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Take every order and level of a symbol away."""
        self._apply((_CLEAR, symbol, 0, 0, time_ns, 0, 0, 0, 0))

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

    def _apply(self, words: Words) -> int:
        """Tell one event, as plain integers if that is what they are; returns what its verb did."""
        try:
            result: int = self._apply_call(self._feed, words)
        except (TypeError, OverflowError):  # of a word that is no integer of 64 bits
            result = self._apply_call(self._feed, self._checked(words))
        if result < 0:
            self._refuse(result, words)
        return result

    def _refuse(self, result: int, words: Words) -> None:
        """Raise what is wrong with an event."""
        if result == LET_GO:
            self._usable()
        if result == ODD:
            self._checked(words)
        check(result)

    def _checked(self, words: Words) -> Words:
        """The words of an event, or an error that names the first that is no such integer."""
        kind, symbol, side, flags, time_ns, order_id, other_id, price, qty_lots = words
        return (
            kind,
            self._symbol(symbol),
            whole("side", side, 0, 1),
            flags,
            whole("time_ns", time_ns),
            whole("order_id", order_id, int(order_id != 0), ID_MAX),  # the kernel refuses 0
            other_id,
            whole("price", price),
            whole("qty_lots", qty_lots),
        )

    @cached_property
    def _apply_call(self) -> Any:
        self._writable()
        return door(apply_call, self._feed, words=9, ids=_IDS)


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
        unit = self._market.unit(symbol)
        return self._market.add(
            order_id, side, unit.price(price), unit.lots(qty), symbol=symbol, time_ns=time_ns
        )

    def reduce(self, order_id: int, qty: Number, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Cancel part of an order."""
        lots = self._market.unit(symbol).lots(qty)
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
        unit = self._market.unit(symbol)
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
        unit = self._market.unit(symbol)
        own = None if price is None else unit.price(price)
        self._market.execute(order_id, unit.lots(qty), price=own, symbol=symbol, time_ns=time_ns)

    def set_level(
        self, side: int, price: Number, qty: Number, *, symbol: int = 0, time_ns: int = 0
    ) -> None:
        """Set the quantity at a price that has no orders of its own (L2)."""
        unit = self._market.unit(symbol)
        self._market.set_level(
            side, unit.price(price), unit.lots(qty), symbol=symbol, time_ns=time_ns
        )

    def best(self, side: int, *, symbol: int = 0) -> tuple[float, float, int] | None:
        """Price and quantity of the best level of a side, and how many orders it has."""
        return self._market.best_in_money(side, symbol=symbol)
