"""Books to talk to from a notebook: one call, one event, in integers or in money.

There are two doors. `Market` itself takes integers: price units and lots. `Market.money` takes
prices and quantities as people write them ("100.10", Decimal, int) and refuses what is not a whole
number of units. Both raise RefusedError for a call that breaks a rule, and nothing is changed
then.
"""

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmjit.arena import State
from mmjit.core import reads
from mmjit.core.book import Book
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind
from mmjit.core.digest import state_hash
from mmjit.core.records import EVENT
from mmjit.core.replica import apply_all, apply_one
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.errors import ArgumentError, StateError, check
from mmjit.instrument import Instrument, Number
from mmjit.replaying import audit_book

Array = np.ndarray[Any, Any]
_INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True)
class Order:
    """A resting order, in integers.

    Attributes:
        order_id: from 1 to 2**64 - 1.
        symbol: its number.
        side: 0 bid, 1 ask.
        price: in price units.
        qty_lots: what is left of it.
        ahead_lots: what is before it at its price.
        entered_ns: the time of the event that entered it.
    """

    order_id: int
    symbol: int
    side: int
    price: int
    qty_lots: int
    ahead_lots: int
    entered_ns: int


@dataclass(frozen=True)
class Best:
    """The best level of a side, in integers; None stands for an empty side."""

    price: int
    qty_lots: int
    order_count: int


class Market:
    """The books of some instruments, driven by order ids as a feed drives them.

    Args:
        instruments: by symbol number.
        state: where the books live; without it, in memory, with room for `orders`.
        orders: room for resting orders, of a market in memory.
    """

    def __init__(
        self, instruments: list[Instrument], state: State | None = None, *, orders: int = 1 << 16
    ) -> None:
        if not instruments:
            raise ArgumentError("instruments: none given; a market has at least one")
        self.instruments = tuple(instruments)
        self._state = state
        if state is None:
            self._book = memory_book(Counts(len(instruments), orders, orders))
        else:
            self._book = state.book
        if len(self._book.symbols) < len(instruments):
            raise ArgumentError(
                f"instruments: {len(instruments)} given, the state has room for "
                f"{len(self._book.symbols)}; create it with more --symbols"
            )
        for number, instrument in enumerate(instruments):
            self._configure(number, instrument)
        self._event = np.zeros(1, EVENT)
        self.money = MoneyDoor(self)

    def _configure(self, number: int, instrument: Instrument) -> None:
        """Tell the book an instrument's bounds; one that is in use must have them already."""
        record = self._book.symbols[number]
        wanted = (instrument.price_min, instrument.price_max, instrument.increment)
        if int(record["price_max"]) >= int(record["price_min"]):
            steps = (wanted[1] - wanted[0]) // wanted[2]
            known = (wanted[0], wanted[0] + steps * wanted[2], wanted[2])
            if tuple(int(record[f]) for f in ("price_min", "price_max", "increment")) == known:
                return
        if self._state is not None and not self._state.writable:
            raise StateError(
                f"{instrument.symbol}: the state is open read-only and has other bounds"
            )
        check(configure_symbol(self._book, number, *wanted))

    @property
    def book(self) -> Book:
        """The arrays, for kernels and for looking at them."""
        if self._state is not None:
            return self._state.book
        return self._book

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
        self._event["other_id"] = self._id(new_id)
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
        apply_all(self._writable(), events, statuses)
        return statuses

    # ---- reads --------------------------------------------------------------------------------

    def best(self, side: int, *, symbol: int = 0) -> Best | None:
        """The best level of a side, or None when it is empty."""
        level = int(self.book.sides[self._owner(symbol, side)]["best"])
        if level == NIL:
            return None
        record = self.book.levels[level]
        return Best(int(record["price"]), int(record["qty_lots"]), int(record["order_count"]))

    def depth(self, levels: int, *, symbol: int = 0) -> dict[str, Array]:
        """The best levels now: int64 `bid_price`, `bid_qty`, `bid_count`, `ask_price`, ..."""
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise ArgumentError(f"levels: {levels!r} is not a whole number from 1 on")
        found: dict[str, Array] = {}
        for name, side in (("bid", BID), ("ask", ASK)):
            prices, qtys, counts = (np.zeros(levels, np.int64) for _ in range(3))
            count = reads.depth_now(self.book, self._owner(symbol, side), prices, qtys, counts)
            found[f"{name}_price"] = prices[:count]
            found[f"{name}_qty"] = qtys[:count]
            found[f"{name}_count"] = counts[:count]
        return found

    def order(self, order_id: int) -> Order:
        """A resting order by its id."""
        return self._order_in(check(reads.slot_by_id(self.book, self._id(order_id))))

    def orders(self, side: int, *, symbol: int = 0) -> list[Order]:
        """The orders of a side in priority: best price first, then oldest first."""
        owner = self._owner(symbol, side)
        slots = np.zeros(int(self.book.sides[owner]["order_count"]), np.int64)
        reads.slots_of_side(self.book, owner, slots)
        return [self._order_in(int(slot)) for slot in slots]

    def queue(self, side: int, price: int, *, symbol: int = 0) -> list[Order]:
        """The orders at a price, oldest first."""
        owner = self._owner(symbol, side)
        slots = np.zeros(int(self.book.sides[owner]["order_count"]), np.int64)
        count = int(reads.queue_of(self.book, owner, self._whole("price", price), slots))
        return [self._order_in(int(slot)) for slot in slots[:count]]

    def qty_ahead(self, order_id: int) -> int:
        """The lots before an order at its price."""
        return check(reads.qty_ahead(self.book, self._id(order_id)))

    @property
    def best_changed(self) -> bool:
        """Whether the last event changed the price, quantity or count of a best level."""
        return bool(self.book.control[0]["best_changed"])

    @property
    def state_hash(self) -> str:
        """The hash of the meaning of every book, as 16 hexadecimal digits."""
        return f"{state_hash(self.book) & (1 << 64) - 1:016x}"

    def audit(self) -> None:
        """Scan every book; raises CheckError if something does not hold."""
        audit_book(self.book)

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
        event["symbol"] = self._whole("symbol", symbol, 0, len(self.instruments) - 1)
        event["venue_ns"] = event["local_ns"] = self._whole("time_ns", time_ns)
        event["order_id"] = self._id(order_id) if order_id != 0 else 0
        event["side"] = self._whole("side", side, 0, 1)
        event["price"] = self._whole("price", price)
        event["qty_lots"] = self._whole("qty_lots", qty_lots)
        event["flags"] = flags
        return check(int(apply_one(self._writable(), self._event, 0)))

    def _writable(self) -> Book:
        if self._state is not None and not self._state.writable:
            raise StateError(f"{self._state.path} is open read-only; open it with writable=True")
        return self.book

    def _owner(self, symbol: int, side: int) -> int:
        number = self._whole("symbol", symbol, 0, len(self.instruments) - 1)
        return 2 * number + self._whole("side", side, 0, 1)

    def _order_in(self, slot: int) -> Order:
        order, node = self.book.orders[slot], self.book.nodes[slot]
        level = self.book.levels[int(node["level"])]
        return Order(
            int(order["order_id"]) & (1 << 64) - 1,
            int(level["owner"]) >> 1,
            int(level["owner"]) & 1,
            int(level["price"]),
            int(node["qty_lots"]),
            self._ahead(slot),
            int(order["entered_ns"]),
        )

    def _ahead(self, slot: int) -> int:
        lots, before = 0, int(self.book.nodes[slot]["prev"])
        while before < len(self.book.orders):
            lots += int(self.book.nodes[before]["qty_lots"])
            before = int(self.book.nodes[before]["prev"])
        return lots

    @staticmethod
    def _whole(name: str, value: Any, low: int = -_INT64_MAX - 1, high: int = _INT64_MAX) -> int:
        """An integer argument: no float, bool or text passes for one."""
        if isinstance(value, bool | np.bool_):
            raise ArgumentError(f"{name}: {value!r} is a bool; give a whole number")
        try:
            number = operator.index(value)
        except TypeError:
            raise ArgumentError(
                f"{name}: {value!r} is not a whole number; use Market.money for prices as text"
            ) from None
        if not low <= number <= high:
            raise ArgumentError(f"{name}: {number} is not from {low} to {high}")
        return number

    def _id(self, order_id: int) -> int:
        """An id from 1 to 2**64 - 1 as the 64-bit pattern that is stored."""
        number = self._whole("order_id", order_id, 1, (1 << 64) - 1)
        return number - (1 << 64) if number > _INT64_MAX else number


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
        found = self._market.best(side, symbol=symbol)
        if found is None:
            return None
        unit = self._market.instruments[symbol]
        return unit.money(found.price), unit.qty(found.qty_lots), found.order_count
