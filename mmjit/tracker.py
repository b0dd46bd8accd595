"""Positions, P&L and limits from a notebook: the account of somebody who trades elsewhere, or here.

    tracker = Tracker([XYZ], limits=Limits(max_position=10_000))
    tracker.money.record(BID, "100.00", 500)
    tracker.money.mark("100.05")
    tracker.position().net                     # Decimal('25.00')

There are two doors, as to a market: `Tracker` takes price units and lots, `Tracker.money` prices
and quantities as people write them. What a kernel refuses raises RefusedError, and nothing is
changed then.

A tracker counts in a ledger: one of its own, or the ledger of a venue, which then counts the fills
itself, and whose lines are handed over with `append_fills`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

import numpy as np

from mmjit.arena import State
from mmjit.arguments import ID_MAX, flag, whole
from mmjit.core import ledger as kernels
from mmjit.core import switches
from mmjit.core.book import Book
from mmjit.core.bound import LET_GO, Bound, door
from mmjit.core.calls import FULL, ODD, Accounts, record_call
from mmjit.core.codes import ASK, BID, KillLevel, Mode, Status, TimeInForce
from mmjit.core.ledger import Ledger
from mmjit.core.limits import check_order, note_order_at
from mmjit.core.pacing import NEVER
from mmjit.core.records import COMMAND, LEVEL32, SIDE
from mmjit.core.tables import (
    ACCOUNT,
    POSITION,
    TOTAL,
)
from mmjit.errors import ArgumentError, check
from mmjit.fees import FeesGiven, fees_given
from mmjit.fifo import Fifo, first_in_first_out
from mmjit.fills import FillLog
from mmjit.instrument import Instrument, Number
from mmjit.ledgers import empty_ledger, marking_of, stand_in
from mmjit.limits_file import Limits
from mmjit.positions import Position, Standing, Totals, position_of, standing_of, totals_of
from mmjit.terms import set_terms, settlement

Array = np.ndarray[Any, Any]
Words = tuple[int, int, int, int, int, int, int, int]  # of a fill, as `record_call` takes it


class Tracker:
    """The positions of an account in some instruments, and what it may do.

    Args:
        instruments: by symbol number.
        limits: put in force for this account; None leaves what is in force.
        maker_fee: of the notional, below 0 a rebate; with a ledger of its own only, so the next.
        taker_fee: of the notional.
        fees: fees of every kind instead of these two, for all instruments or by symbol.
        marking: what a venue marks positions to: "mid", "last" or "liquidation".
        accounts: how many the ledger has.
        ledger: of a venue, whose terms are set; None makes one.
        book: of the venue, whose prices `check` holds orders to; None holds them to the marks.
        log: the fills so far; None begins to keep them.
        attend: called when orders of the account may have to be cancelled: after a mark, a fill
            from elsewhere and a pull of the kill switch. Whoever holds the orders gives it.
        owner: the account.
        state: in which the ledger lives, if it does.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        limits: Limits | None = None,
        maker_fee: Number = 0,
        taker_fee: Number = 0,
        fees: FeesGiven | None = None,
        marking: str = "mid",
        accounts: int = 1,
        ledger: Ledger | None = None,
        book: Book | None = None,
        log: FillLog | None = None,
        attend: Callable[[], None] | None = None,
        owner: int = 0,
        state: State | None = None,
    ) -> None:
        if not instruments:
            raise ArgumentError("instruments: none given; a tracker has at least one")
        self.instruments = tuple(instruments)
        if ledger is None:
            ledger = _new_ledger(self.instruments, whole("accounts", accounts, 1, 1 << 15))
            given = fees_given(maker_fee, taker_fee, fees)
            set_terms(ledger, self.instruments, given, marking_of(marking))
        elif len(ledger.terms) < len(instruments):
            raise ArgumentError(
                f"instruments: {len(instruments)} given, the ledger has room for "
                f"{len(ledger.terms)}; make it with more"
            )
        self.ledger = ledger
        self.owner = whole("owner", owner, 0, len(ledger.accounts) - 1)
        self.log = FillLog() if log is None else log
        self._attend = attend
        self._state = state
        self._has_market = book is not None
        self._book = stand_in(self.instruments) if book is None else book
        self._order = np.zeros(1, COMMAND)
        self.money = MoneyDoor(self)
        if limits is not None:
            if not isinstance(limits, Limits):
                raise ArgumentError(f"limits: {limits!r} is no Limits; give Limits or read_limits")
            limits.apply(ledger, self.instruments, self.owner)

    def account(self, owner: int) -> "Tracker":
        """The same, of another account of the ledger."""
        return Tracker(
            self.instruments,
            ledger=self.ledger,
            book=self._book if self._has_market else None,
            log=self.log,
            attend=self._attend,
            owner=owner,
            state=self._state,
        )

    # ---- what happens -------------------------------------------------------------------------

    def record(
        self,
        side: int,
        price: int,
        qty_lots: int,
        *,
        symbol: int = 0,
        maker: bool = True,
        time_ns: int = 0,
        order_id: int = 0,
    ) -> None:
        """Take a fill that happened elsewhere, whatever the limits; the mark stays.

        A position that was never marked is marked at the price of its first fill.

        Args:
            side: 0 bought, 1 sold.
            price: in price units.
            qty_lots: at least 1.
            symbol: the symbol's number.
            maker: whether our order rested; decides the fee.
            time_ns: when it happened.
            order_id: of our order, 0 to 2**64 - 1.

        Raises:
            RefusedError: what the position could come to would not be counted exactly, or there is
                no such side or quantity.
        """
        rested = 1 if maker is True else 0 if maker is False else int(flag("maker", maker))
        words = (self.owner, symbol, side, price, qty_lots, rested, time_ns, order_id)
        log = self.log.bound
        try:
            status = self._record_call(self._accounts, log, words)
        except (TypeError, OverflowError):  # of a word that is no integer of 64 bits
            words = self._checked(words)
            status = self._record_call(self._accounts, log, words)
        if status == FULL:
            self.log.make_room(1)
            status = self._record_call(self._accounts, log, words)
        if status < 0:
            self._refuse(status, words)
        if self._attend is not None:
            self._attend()

    def mark(self, price: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Mark the position to a price in price units, and judge the losses of the account."""
        self.mark_twice(2 * whole("price", price), symbol=symbol, time_ns=time_ns)

    def mark_twice(self, price_twice: int, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Mark to twice a price, so that a mid between two price units is exact."""
        number, twice = self._symbol(symbol), whole("price_twice", price_twice)
        now_ns = whole("time_ns", time_ns)
        check(kernels.mark_at(self.ledger, self.owner, number, twice, now_ns))
        self._look_after(number)

    def append_fills(self, lines: Array) -> None:
        """Keep fills that the ledger has counted already.

        Args:
            lines: FILL, as drained from the ring of a venue; of all accounts.
        """
        self.log.append(lines)

    # ---- what there is ------------------------------------------------------------------------

    def position(self, symbol: int = 0) -> Position:
        """The account in a symbol, in currency and units."""
        number = self._symbol(symbol)
        row = self.owner * len(self.ledger.terms) + number
        return position_of(
            self.ledger.positions[row], self.ledger.terms[number], self.instruments[number]
        )

    def totals(self) -> dict[str, Totals]:
        """The account in each currency, by its name."""
        positions = [self.position(symbol) for symbol in range(len(self.instruments))]
        width = len(self.ledger.totals) // len(self.ledger.accounts)
        found = {}
        for number, instrument in enumerate(self.instruments):
            currency = settlement(instrument)
            if currency not in found:
                row = self.owner * width + int(self.ledger.terms[number]["currency"])
                held = [p for p in positions if p.currency == currency]
                found[currency] = totals_of(self.ledger.totals[row], currency, held)
        return found

    def fills(
        self,
        symbol: int | None = None,
        side: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        order_id: int | None = None,
    ) -> Array:
        """The trades history of the account, or the part of it of which all of this is true.

        Args:
            symbol: the symbol's number.
            side: 0 bought, 1 sold.
            since_ns: at this time or later.
            until_ns: before this time.
            order_id: of our order.

        Returns:
            FILL, a copy, in the order in which they happened.
        """
        return self.log.find(
            owner=self.owner,
            symbol=None if symbol is None else self._symbol(symbol),
            side=side,
            since_ns=since_ns,
            until_ns=until_ns,
            order_id=order_id,
        )

    def fifo(self, symbol: int = 0) -> Fifo:
        """Realised P&L by first in, first out, and the lots that are open."""
        number = self._symbol(symbol)
        return first_in_first_out(self.fills(number), self.instruments[number])

    # ---- what it may do -----------------------------------------------------------------------

    def check(
        self, side: int, price: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0
    ) -> Status:
        """Whether an order to rest would pass the limits: OK, or the rule that it breaks.

        Nothing is changed: of an order that is sent, tell `note_order`. Prices are held to the book
        of the venue, or else to the mark; `time_ns` is now, for limits that are about time.
        """
        self._order_of(side, price, qty_lots, symbol, time_ns)
        return Status(int(check_order(self.ledger, self._book, self._order, 0)))

    def note_order(
        self, side: int, price: int, qty_lots: int, *, symbol: int = 0, time_ns: int = 0
    ) -> None:
        """Count an order that passed `check` as sent elsewhere, for limits that are about time."""
        self._order_of(side, price, qty_lots, symbol, time_ns)
        note_order_at(self.ledger, self._book, self._order, 0)

    def _order_of(self, side: int, price: int, qty_lots: int, symbol: int, time_ns: int) -> None:
        """Write an order to rest into the record that is checked."""
        order = self._order[0]
        order["owner"], order["symbol"] = self.owner, self._symbol(symbol)
        order["side"] = whole("side", side, 0, 1)
        order["price"] = whole("price", price)
        order["qty_lots"] = whole("qty_lots", qty_lots)
        order["tif"] = TimeInForce.GTC
        order["venue_ns"] = whole("time_ns", time_ns)

    @property
    def standing(self) -> Standing:
        """What the account may do now."""
        return standing_of(self.ledger, self.owner)

    @property
    def mode(self) -> Mode:
        """NORMAL, REDUCE_ONLY after a loss limit was reached, FROZEN by the kill switch."""
        return self.standing.mode

    @property
    def cause(self) -> Status:
        """The rule that refused orders are told while the mode is not NORMAL."""
        return self.standing.cause

    def kill(self, level: KillLevel = KillLevel.CANCEL_ALL, *, time_ns: int = 0) -> None:
        """Pull the kill switch: it holds until `disarm` and then `resume`.

        Args:
            level: BLOCK_NEW: no order passes. CANCEL_ALL: and those that rest are cancelled, by
                whoever holds them. FLATTEN: and then orders pass that only reduce a position.
                A switch that is pulled can be pulled further, not less far.
            time_ns: when.
        """
        pulled = KillLevel(whole("level", level, KillLevel.BLOCK_NEW, KillLevel.FLATTEN))
        when_ns = whole("time_ns", time_ns)
        check(switches.pull_kill(self.ledger, self.owner, int(pulled), when_ns))
        if self._attend is not None:
            self._attend()

    def disarm(self) -> None:
        """The first step out of a pulled kill switch."""
        check(switches.disarm(self.ledger, self.owner))

    def resume(self) -> None:
        """The second step: orders pass again. Refused (KILL_SWITCH_ARMED) without the first."""
        check(switches.resume(self.ledger, self.owner))

    def release(self) -> None:
        """Let an account that reached a loss limit trade again; its next mark judges it anew."""
        check(switches.release(self.ledger, self.owner))

    def acknowledge(self, symbol: int = 0) -> None:
        """Let the account trade again in a symbol that a limit on fills has frozen or disabled."""
        check(switches.acknowledge(self.ledger, self.owner, self._symbol(symbol)))

    def start_session(self, reset_peak: bool = False) -> None:
        """Begin a day: its loss is counted from the equity now, if asked the drawdown too.

        An account that may only reduce because of a figure that begins anew may trade again.
        """
        check(switches.start_session(self.ledger, self.owner, flag("reset_peak", reset_peak)))

    # ---- conversions --------------------------------------------------------------------------

    def _refuse(self, status: int, words: Words) -> None:
        """Raise what is wrong with a fill."""
        if status == LET_GO and self._state is not None:
            self._state.check_usable()
        if status == ODD:
            self._checked(words)
        check(status)

    def _checked(self, words: Words) -> Words:
        """The words of a fill, or an error that names the first that is no such integer."""
        owner, symbol, side, price, qty_lots, maker, time_ns, order_id = words
        time_ns, order_id = whole("time_ns", time_ns), whole("order_id", order_id, 0, ID_MAX)
        price, qty_lots = whole("price", price), whole("qty_lots", qty_lots)
        symbol, side = self._symbol(symbol), whole("side", side, 0, 1)
        return owner, symbol, side, price, qty_lots, maker, time_ns, order_id

    @cached_property
    def _accounts(self) -> Bound:
        """The arrays of a fill, for as long as the state is open."""
        book = None if self._has_market else self._book
        accounts = Accounts(
            self.ledger,
            np.array([len(self.instruments)], np.int64),
            np.zeros(1, POSITION),
            np.zeros(1, TOTAL),
            np.zeros(1, ACCOUNT),
            np.zeros(0, SIDE) if book is None else book.sides,
            np.zeros(0, LEVEL32) if book is None else book.levels,
        )
        return Bound(accounts) if self._state is None else self._state.bind(accounts)

    @cached_property
    def _record_call(self) -> Any:
        return door(record_call, self._accounts, self.log.bound, words=8, ids=(7,))

    def _look_after(self, symbol: int) -> None:
        """Tell whoever holds the orders, and let the stand-in for a market show the mark."""
        if self._attend is not None:
            self._attend()
        if not self._has_market:
            self._show_mark(symbol)

    def _show_mark(self, symbol: int) -> None:
        """A bid and an ask around the mark."""
        row = self.owner * len(self.ledger.terms) + symbol
        mark_twice = int(self.ledger.positions[row]["mark_twice"])
        for side, price in ((BID, mark_twice // 2), (ASK, -(-mark_twice // 2))):
            level = 2 * symbol + side
            self._book.sides[level]["best"] = level
            self._book.levels[level]["price"] = price

    def _symbol(self, symbol: int) -> int:
        return whole("symbol", symbol, 0, len(self.instruments) - 1)


class MoneyDoor:
    """The verbs of a tracker with prices and quantities as people write them."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def record(
        self,
        side: int,
        price: Number,
        qty: Number,
        *,
        symbol: int = 0,
        maker: bool = True,
        time_ns: int = 0,
        order_id: int = 0,
    ) -> None:
        """Take a fill that happened elsewhere."""
        unit = self._unit(symbol)
        self._tracker.record(
            side,
            unit.price(price),
            unit.lots(qty),
            symbol=symbol,
            maker=maker,
            time_ns=time_ns,
            order_id=order_id,
        )

    def mark(self, price: Number, *, symbol: int = 0, time_ns: int = 0) -> None:
        """Mark to a price, which may lie in the middle between two price units."""
        unit = self._unit(symbol)
        try:
            twice = unit.price(2 * Decimal(repr(price) if isinstance(price, float) else price))
        except (InvalidOperation, TypeError, ValueError):
            raise ArgumentError(
                f"price of {unit.symbol}: {price!r} is no whole number of halves of "
                f"{unit.price_unit}; round it"
            ) from None
        self._tracker.mark_twice(twice, symbol=symbol, time_ns=time_ns)

    def check(self, side: int, price: Number, qty: Number, *, symbol: int = 0) -> Status:
        """Whether an order to rest would pass the limits."""
        unit = self._unit(symbol)
        return self._tracker.check(side, unit.price(price), unit.lots(qty), symbol=symbol)

    def _unit(self, symbol: int) -> Instrument:
        last = len(self._tracker.instruments) - 1
        return self._tracker.instruments[whole("symbol", symbol, 0, last)]


def _new_ledger(instruments: Sequence[Instrument], accounts: int) -> Ledger:
    """A ledger of an account that trades elsewhere: its marks say what is known of the market."""
    currencies = len({settlement(instrument) for instrument in instruments})
    ledger = empty_ledger(accounts, len(instruments), currencies)
    ledger.guards["seen_ns"] = NEVER
    return ledger
