"""Books to look at: bests, depth, queues, orders. What `Market` and `Venue` have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.arena import State
from mmjit.arguments import pattern, whole
from mmjit.core import reads
from mmjit.core.book import Book
from mmjit.core.bound import Bound, door
from mmjit.core.calls import Feed, best_call
from mmjit.core.codes import ASK, BID, NIL
from mmjit.core.digest import state_hash
from mmjit.core.records import EVENT
from mmjit.core.state import configure_symbol
from mmjit.errors import ArgumentError, StateError, check
from mmjit.instrument import Instrument
from mmjit.replaying import audit_book

Array = np.ndarray[Any, Any]
_new: Final = tuple.__new__  # spares a NamedTuple its own constructor, half of the time


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


class Best(NamedTuple):
    """The best level of a side, in integers; None stands for an empty side."""

    price: int
    qty_lots: int
    order_count: int


class Books:
    """The books of some instruments, in memory or in a state.

    Args:
        instruments: by symbol number.
        state: where the books live, or None.
        book: in memory, where there is no state.
    """

    def __init__(
        self, instruments: Sequence[Instrument], state: State | None, book: Book | None
    ) -> None:
        if not instruments:
            raise ArgumentError("instruments: none given; a market has at least one")
        self.instruments = tuple(instruments)
        self._state = state
        self._memory = book
        self._feed = self._bind(self._feed_of())
        if len(self.book.symbols) < len(instruments):
            raise ArgumentError(
                f"instruments: {len(instruments)} given, the state has room for "
                f"{len(self.book.symbols)}; create it with more --symbols"
            )
        for number, instrument in enumerate(instruments):
            self._configure(number, instrument)

    def _configure(self, number: int, instrument: Instrument) -> None:
        """Tell the book an instrument's bounds; one that is in use must have them already."""
        record = self.book.symbols[number]
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
        check(configure_symbol(self.book, number, *wanted))

    @property
    def book(self) -> Book:
        """The arrays, for kernels and for looking at them."""
        if self._state is not None:
            return self._state.book
        assert self._memory is not None
        return self._memory

    # ---- reads --------------------------------------------------------------------------------

    def best(self, side: int, *, symbol: int = 0) -> Best | None:
        """The best level of a side, or None when it is empty."""
        try:
            found = self._best_call(self._feed, (symbol, side))
        except (TypeError, OverflowError):
            found = self._best_call(self._feed, divmod(self._owner(symbol, side), 2))
        if found[2] >= 0:
            return _new(Best, found)
        if found[2] < NIL:
            self._usable()
            self._owner(symbol, side)
        return None

    def best_in_money(self, side: int, *, symbol: int = 0) -> tuple[float, float, int] | None:
        """Price and quantity of the best level of a side in currency and units, and its orders."""
        found = self.best(side, symbol=symbol)
        if found is None:
            return None
        unit = self.unit(symbol)
        return unit.money(found.price), unit.qty(found.qty_lots), found.order_count

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
        return self._order_in(check(reads.slot_by_id(self.book, pattern("order_id", order_id, 1))))

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
        count = int(reads.queue_of(self.book, owner, whole("price", price), slots))
        return [self._order_in(int(slot)) for slot in slots[:count]]

    def qty_ahead(self, order_id: int) -> int:
        """The lots before an order at its price."""
        return check(reads.qty_ahead(self.book, pattern("order_id", order_id, 1)))

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

    # ---- single calls -------------------------------------------------------------------------

    def _bind(self, bundle: Any) -> Bound:
        """A bundle for single calls, for as long as the state is open."""
        return Bound(bundle) if self._state is None else self._state.bind(bundle)

    def _feed_of(self) -> Feed:
        """The books and what a single call needs beside them."""
        known = np.array([len(self.instruments)], np.int64)
        return Feed(self.book, known, np.zeros(1, EVENT))

    @cached_property
    def _best_call(self) -> Any:
        return door(best_call, self._feed, words=2)

    def _usable(self) -> None:
        """Raise what is wrong with a state that is closed, or was opened before a fork."""
        if self._state is not None:
            self._state.check_usable()

    # ---- conversions --------------------------------------------------------------------------

    def _writable(self) -> None:
        """Refuse to change a state that is closed, or open for reading."""
        self._usable()
        if self._state is not None and not self._state.writable:
            raise StateError(f"{self._state.path} is open read-only; open it with writable=True")

    def unit(self, symbol: int) -> Instrument:
        """The instrument of a symbol number."""
        if type(symbol) is int and 0 <= symbol < len(self.instruments):
            return self.instruments[symbol]
        return self.instruments[self._symbol(symbol)]

    def _symbol(self, symbol: int) -> int:
        return whole("symbol", symbol, 0, len(self.instruments) - 1)

    def _owner(self, symbol: int, side: int) -> int:
        return 2 * self._symbol(symbol) + whole("side", side, 0, 1)

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
