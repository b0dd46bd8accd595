"""A venue to trade at: orders meet by price and time, and every account is counted.

    venue = Venue([XYZ], limits=Limits(max_position=10_000))
    venue.money.submit(1, BID, "100.00", 1_000)
    venue.money.execute_at("100.00", 500, ASK, owner=None)   # somebody sells 500 to it

`owner` is an account: 0, ours, unless another is named; None is the market at large, which has no
account. There are two doors, as to a market: `Venue` takes price units and lots, `Venue.money`
prices and quantities as people write them. A refused call raises RefusedError and changes nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmjit.arena import State
from mmjit.arguments import ID_MAX, whole
from mmjit.commanding import (
    AMEND,
    CANCEL,
    CANCEL_ALL,
    FOK,
    GTC,
    GTD,
    MARKET,
    NEW,
    NO_ORDER,
    POST_ONLY,
    QUOTE,
    REDUCE_ONLY,
    STATUS,
    TAIL,
    TAKE,
    TIMER,
    Commanded,
    mode_of,
)
from mmjit.core import venue as kernels
from mmjit.core.codes import (
    NIL,
    STATUS_SPAN,
    KillLevel,
    SelfTrade,
    Status,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.ledger import Ledger
from mmjit.core.records import COMMAND
from mmjit.core.state import Counts, VenueCounts, memory_venue, pages_for
from mmjit.core.switches import start_session
from mmjit.errors import ArgumentError, StateError, check
from mmjit.fees import FeesGiven, fees_given
from mmjit.instrument import Instrument, Number
from mmjit.ledgers import marking_of
from mmjit.limits_file import Limits
from mmjit.terms import FEE_FIELDS, Terms, currencies_of, terms_of
from mmjit.tracker import Tracker
from mmjit.venue_money import Done, MoneyDoor

Array = np.ndarray[Any, Any]


class Venue(Commanded):
    """The books of some instruments, in which orders trade with each other.

    Args:
        instruments: by symbol number.
        state: where everything lives; without it, in memory.
        orders: room for resting orders, of a venue in memory.
        accounts: how many, of a venue in memory.
        limits: put in force for account 0; None leaves what is in force.
        maker_fee: of the notional of fills of resting orders, as a fraction; below 0 is a rebate.
        taker_fee: of the notional of fills of incoming orders.
        fees: fees of every kind instead of these two, for all instruments or by symbol. Without
            any of the three, a state keeps its own.
        marking: what positions are marked to: "mid" (at first), "last" or "liquidation".

    Attributes:
        tracker: positions, P&L, limits, trades history and kill switch of account 0; those of
            another are `tracker.account(n)`.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        state: State | None = None,
        *,
        orders: int = 1 << 16,
        accounts: int = 1,
        limits: Limits | None = None,
        maker_fee: Number | None = None,
        taker_fee: Number | None = None,
        fees: FeesGiven | None = None,
        marking: str | None = None,
    ) -> None:
        currencies = len(currencies_of(instruments))
        arrays = None
        if state is None:
            room = whole("orders", orders, 1, 1 << 30)
            book = Counts(max(1, len(instruments)), room, pages_for(room))
            number = whole("accounts", accounts, 1, (1 << 15) - 1)
            arrays = memory_venue(VenueCounts(book, number, max(1, currencies)))
        super().__init__(instruments, state, arrays)
        given = fees_given(maker_fee or 0, taker_fee or 0, fees)
        wanted = terms_of(instruments, given)
        if maker_fee is None and taker_fee is None and fees is None:
            wanted = _with_fees(wanted, self.arrays.ledger)
        self._set_terms(wanted, marking, currencies)
        self.tracker = Tracker(
            instruments,
            limits=limits,
            ledger=self.arrays.ledger,
            book=self.book,
            attend=self.attend,
            state=state,
        )
        self.money = MoneyDoor(self)

    def _set_terms(self, given: Terms, marking: str | None, currencies: int) -> None:
        """Say what trading costs; what positions are counted in cannot change any more."""
        ledger, wanted = self.arrays.ledger, given.terms
        if currencies * len(ledger.accounts) > len(ledger.totals):
            room = len(ledger.totals) // len(ledger.accounts)
            raise ArgumentError(
                f"instruments: {currencies} currencies, the state has room for {room}; "
                "create it with more --currencies"
            )
        if self._state is not None and not self._state.writable:
            return
        known = ledger.terms[: len(wanted)]
        traded = ledger.positions["fill_count"].reshape(len(ledger.accounts), -1).sum(axis=0)
        for number, instrument in enumerate(self.instruments):
            for name in ("point_pico", "inverse_pico", "currency"):
                if traded[number] > 0 and known[number][name] != wanted[number][name]:
                    raise StateError(
                        f"{instrument.symbol}: its positions are counted with {name} "
                        f"{known[number][name]}, not {wanted[number][name]}; give the instrument "
                        "as it was"
                    )
        wanted["marking"] = known["marking"] if marking is None else marking_of(marking)
        wanted["session_end_ns"] = known["session_end_ns"]
        wanted["traded"] = traded[: len(wanted)] > 0
        known[:] = wanted
        ledger.tiers[: len(given.tiers)] = given.tiers

    @property
    def now_ns(self) -> int:
        """The clock: the latest time of a command."""
        return int(self.arrays.control[0]["now_ns"])

    # ---- orders -------------------------------------------------------------------------------

    def submit(
        self,
        order_id: int,
        side: int,
        price: int | None,
        qty_lots: int,
        *,
        symbol: int = 0,
        owner: int | None = 0,
        tif: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
        display_lots: int = 0,
        expires_ns: int | None = None,
        self_trade: SelfTrade = SelfTrade.NONE,
        time_ns: int | None = None,
    ) -> Done:
        """Enter an order: it trades as far as its price allows, and what is left rests.

        Args:
            order_id: 1 to 2**64 - 1; no live order has it.
            side: 0 bid, 1 ask.
            price: in price units; None is a market order, whose rest is cancelled.
            qty_lots: at least 1.
            symbol: its number.
            owner: the account; None is the market at large.
            tif: GTC, DAY (to the end of the session), GTD (to `expires_ns`), IOC or FOK.
            post_only: refuse it if it would trade at once.
            reduce_only: refuse it unless it brings the position nearer to zero.
            display_lots: what an iceberg shows at a time; 0 shows all.
            expires_ns: of a GTD order, which giving it makes it.
            self_trade: what happens where it would trade with its owner's own.
            time_ns: when it arrives; None is now, by the venue's clock.

        Raises:
            RefusedError: it breaks a rule; see `mmjit.Status`.
        """
        terms = (POST_ONLY if post_only else 0) | (REDUCE_ONLY if reduce_only else 0)
        if price is None:
            terms |= MARKET
        if expires_ns is not None and tif == GTC:
            tif = TimeInForce.GTD
        has_more = display_lots != 0 or tif == GTD
        if expires_ns is None and tif == GTD:
            raise ArgumentError("expires_ns: a GTD order needs the time at which it expires")
        in_force = 0 if tif is GTC else whole("tif", tif, 0, FOK)
        units = 0 if price is None else price
        order = order_id, 0, side, units, qty_lots, in_force, mode_of(self_trade), terms
        if not has_more:
            return self._do((NEW, symbol), owner, time_ns, order)
        more = 1, 0, 0, display_lots, 0 if expires_ns is None else expires_ns
        return self._do((NEW, symbol), owner, time_ns, order, more)

    def amend(
        self,
        order_id: int,
        price: int,
        qty_lots: int,
        *,
        new_id: int | None = None,
        symbol: int = 0,
        owner: int | None = 0,
        keep_place: bool = True,
        self_trade: SelfTrade = SelfTrade.NONE,
        time_ns: int | None = None,
    ) -> Done:
        """Give an order another price and quantity.

        A smaller quantity at the same price keeps its place in the queue; anything else is as good
        as a new order with the terms of the old, and may trade.

        Args:
            order_id, price: of the order, in price units.
            qty_lots: what is to be open of it, shown or hidden.
            new_id: of the order from then on.
            keep_place: False: it goes to the tail in any case.
            symbol, owner, self_trade, time_ns: as for `submit`.
        """
        named = 0 if new_id is None else whole("new_id", new_id, 1, ID_MAX)
        terms = 0 if keep_place else TAIL
        order = order_id, named, 0, price, qty_lots, 0, mode_of(self_trade), terms
        return self._do((AMEND, symbol), owner, time_ns, order)

    def cancel(
        self,
        order_id: int,
        qty_lots: int = 0,
        *,
        symbol: int = 0,
        owner: int | None = 0,
        time_ns: int | None = None,
    ) -> int:
        """Cancel an order, or only `qty_lots` of it, which keeps its place; returns the lots."""
        order = order_id, 0, 0, 0, qty_lots, 0, 0, 0
        return self._run((CANCEL, symbol), owner, time_ns, order)[0]

    def cancel_all(
        self,
        *,
        symbol: int | None = None,
        side: int | None = None,
        owner: int = 0,
        time_ns: int | None = None,
    ) -> int:
        """Cancel every order of an account, or those of a symbol or side; returns how many."""
        number = NIL if symbol is None else self._symbol(symbol)
        order = 0, 0, NIL if side is None else whole("side", side, 0, 1), 0, 0, 0, 0, 0
        account = whole("owner", owner, 0)  # the market at large has no orders to be named by
        return self._run((CANCEL_ALL, number), account, time_ns, order)[0]

    def quote(
        self,
        bid: tuple[int, int, int],
        ask: tuple[int, int, int],
        *,
        symbol: int = 0,
        owner: int | None = 0,
        post_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_OLDEST,
        time_ns: int | None = None,
    ) -> tuple[Status, Status]:
        """Make a bid and an ask what they are to be, in one command.

        Args:
            bid: order id, price, lots (0 cancels it). It is entered, or amended if it lives.
            ask: the same.
            post_only: of orders that are entered.
            symbol, owner, self_trade, time_ns: as for `submit`.

        Returns:
            A status for each side; where one breaks a rule, the other is done all the same.
        """
        mode, terms = mode_of(self_trade), POST_ONLY if post_only else 0
        order = bid[0], 0, 0, bid[1], bid[2], 0, mode, terms
        more = 1, ask[0], ask[1], ask[2], 0
        first, second = self._run((QUOTE, symbol), owner, time_ns, order, more)[:2]
        return Status(min(0, first)), Status(min(0, second))

    def execute_at(
        self,
        price: int,
        qty_lots: int,
        side: int,
        *,
        symbol: int = 0,
        owner: int | None = None,
        order_id: int = 0,
        self_trade: SelfTrade = SelfTrade.NONE,
        time_ns: int | None = None,
    ) -> Done:
        """Trade with what rests at exactly one price, in queue order, at most what is there.

        Args:
            price, qty_lots: in price units; at most so many.
            side: of who comes: 0 buys from the asks, 1 sells to the bids.
            owner: the account of who comes; None is the market at large.
            order_id: under which its trades are logged.
            symbol, self_trade, time_ns: as for `submit`.
        """
        order = order_id, 0, side, price, qty_lots, 0, mode_of(self_trade), 0
        return self._do((TAKE, symbol), owner, time_ns, order)

    def submit_all(self, commands: Array) -> Array:
        """Do many commands.

        Args:
            commands: COMMAND; one record each, or a MORE behind one that is not flagged LAST.

        Returns:
            int64 per record: lots traded (of a CANCEL cancelled, of a CANCEL_ALL orders), or below
            0 the `Status` for which it was refused.
        """
        if not isinstance(commands, np.ndarray) or commands.dtype != COMMAND or commands.ndim != 1:
            raise ArgumentError("commands: not a one-dimensional array of mmjit.COMMAND")
        statuses = np.zeros(len(commands), np.int64)
        commands = np.require(commands, requirements=["C", "A"]).view(COMMAND)
        self._writable()
        done = 0
        while done < len(commands):  # the rings are drained as often as they are full
            done = int(kernels.submit_all(self._floor.bundle.at, commands, done, statuses))
            self.drain()
        return statuses

    # ---- the clock and the switches -----------------------------------------------------------

    def advance(self, time_ns: int) -> None:
        """Let the clock go on: what has expired by then is cancelled."""
        self._do((TIMER, 0), None, whole("time_ns", time_ns), NO_ORDER)

    def start_session(self, time_ns: int, *, reset_peak: bool = False) -> None:
        """Begin a trading day: day orders last to each instrument's next close from then.

        Daily figures begin anew; an account that had reached its daily loss may trade again.
        """
        self.advance(time_ns)
        ledger = self.arrays.ledger
        for number, instrument in enumerate(self.instruments):
            ledger.terms[number]["session_end_ns"] = instrument.session.next_close_ns(time_ns)
        for owner in range(len(ledger.accounts)):
            check(int(start_session(ledger, owner, reset_peak)))

    def set_status(
        self, status: TradingStatus, *, symbol: int = 0, time_ns: int | None = None
    ) -> None:
        """Halt a symbol, or let it trade again; orders can be cancelled all the while."""
        number = whole("status", status, 0, TradingStatus.CLOSED)
        self._do((STATUS, symbol), None, time_ns, (0, 0, 0, 0, number, 0, 0, 0))

    def kill(self, level: KillLevel = KillLevel.CANCEL_ALL, *, owner: int = 0) -> None:
        """Pull an account's kill switch: all its orders are cancelled, and none gets in.

        `tracker.disarm()` and then `tracker.resume()` let it trade again; `Tracker.kill` has what
        the levels do.
        """
        self._writable()
        number = whole("owner", owner, 0, len(self.arrays.ledger.accounts) - 1)
        pulled = whole("level", level, KillLevel.BLOCK_NEW, KillLevel.FLATTEN)
        check(int(kernels.kill(self.arrays, number, pulled)))

    # ---- what happened ------------------------------------------------------------------------

    def trades(self, symbol: int | None = None) -> Array:
        """Every trade of this object's time, TRADE, or those of a symbol."""
        lines: Array = self._trades.lines
        return lines if symbol is None else lines[lines["symbol"] == self._symbol(symbol)]

    def refusals(self, owner: int | None = 0) -> dict[str, int]:
        """How often orders were refused, by lower-case status; of None, the market at large's."""
        counts = self.arrays.counts.reshape(-1, STATUS_SPAN)
        number = len(counts) - 1 if owner is None else whole("owner", owner, 0, len(counts) - 2)
        return {
            Status(-int(code)).name.lower(): int(counts[number, code])
            for code in np.flatnonzero(counts[number])
        }


def _with_fees(wanted: Terms, ledger: Ledger) -> Terms:
    """Terms with the fees that a ledger has."""
    known = ledger.terms[: len(wanted.terms)]
    for name in FEE_FIELDS:
        wanted.terms[name] = known[name]
    return wanted._replace(tiers=ledger.tiers[: len(wanted.tiers)].copy())
