"""The venue as one would write it with no thought for speed: a dict of orders in arrival order.

Everything is a Python integer. What is open, exposed or worth something is counted anew each time
it is asked for; whether an order could be filled is found out by filling it in a copy.
"""

import copy
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

from mmjit.core.codes import NIL, Flag, Kind, Mode, SelfTrade, Status, Term, TimeInForce
from tests.naive_account import fee_by
from tests.naive_book import LEVEL_QTY_MAX, Event
from tests.naive_risk import NaiveAccounts, VenueOrder

CLOSED = (3, 4, 5)  # trading statuses: paused, halted, closed
KINDS = {
    *(Kind.NEW, Kind.AMEND, Kind.CANCEL, Kind.CANCEL_ALL),
    *(Kind.QUOTE, Kind.TAKE, Kind.TIMER, Kind.STATUS),
}
PASSIVE = (TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD)


@dataclass
class Taker:
    """An order on its way through the other side."""

    order_id: int
    account: int
    symbol: int
    side: int
    left: int
    worst: int | None  # the worst price that it takes, None: any
    mode: int = SelfTrade.NONE
    only: bool = False  # at that price and at no other
    filled: int = 0
    prevented: int = 0


@dataclass
class Told:
    """What the venue tells of the last command that it accepted."""

    filled_lots: int = 0
    rested_lots: int = 0
    prevented_lots: int = 0


@dataclass
class Rings:
    """How many lines there is room for, and how many were drained."""

    trade_lines: int = 1 << 16
    fill_lines: int = 1 << 16
    trade_tail: int = 0
    fill_tail: int = 0


@dataclass
class Counters:
    time_reversed: int = 0
    expired: int = 0
    refused: dict[tuple[int, int], int] = field(default_factory=dict)  # (account, status)


class NaiveVenue(NaiveAccounts):
    """The same commands, statuses, trades, fills and accounts as the venue's.

    Args:
        symbols, orders, pages, rungs, wide: of the book, see `NaiveBook`.
        rings: how many trades and fills wait to be drained.
        alarms: how many orders that expire can rest.
    """

    def __init__(
        self,
        symbols: int,
        orders: int,
        pages: int,
        rungs: int = 1 << 20,
        wide: bool = False,
        rings: Rings | None = None,
        alarms: int = 1 << 16,
    ) -> None:
        super().__init__(symbols, orders, pages, rungs, wide)
        self.rings = rings or Rings()
        self.alarm_capacity = alarms
        self.trades: list[Event] = []
        self.fills: list[Event] = []
        self.told = Told()
        self.counters = Counters()
        self.statuses: list[int] = []  # of the records of the last command
        self.bests: list[Any] = [None] * (2 * symbols)  # when accounts were last marked

    # ---- one command ------------------------------------------------------------------------

    def apply(self, records: list[Event]) -> int:
        """Do a command of one or two records; returns what `submit_one` returns."""
        head, more = records[0], records[1] if len(records) == 2 else None
        self.statuses = [0] * len(records)
        self.told = Told()
        broken = self._record_rule(head, more)
        if broken < 0:
            return self._refuse(head, broken)
        self._tick(head["venue_ns"])
        verbs = {
            Kind.NEW: self._new,
            Kind.AMEND: self._amend,
            Kind.CANCEL: self._cancel,
            Kind.CANCEL_ALL: self._cancel_all,
            Kind.QUOTE: self._quote,
            Kind.TAKE: self._take_at,
            Kind.STATUS: self._set_status,
            Kind.TIMER: self._timer,
        }
        result: int = verbs[Kind(head["kind"])](head, more)
        if head["kind"] != Kind.QUOTE:
            self.statuses[0] = result
            if result < 0:
                self._refuse(head, result)
        done = max(self.statuses) >= 0 if head["kind"] == Kind.QUOTE else result >= 0
        if not done:
            self.told = Told()
        self._settle({head["symbol"]} & set(range(self.symbol_count)) if done else set())
        return result

    def _record_rule(self, head: Event, more: Event | None) -> int:
        if head["kind"] not in KINDS:
            return Status.KIND_UNKNOWN
        if not head["flags"] & Flag.LAST and more is None:
            return Status.RECORD_MISSING
        expires = head["kind"] == Kind.NEW and head["tif"] == TimeInForce.GTD
        if more is None and (head["kind"] == Kind.QUOTE or expires):
            return Status.RECORD_MISSING
        return Status.OK

    def _refuse(self, head: Event, status: int, place: int = 0) -> int:
        known = 0 <= head["owner"] < len(self.accounts)
        who = (head["owner"] if known else len(self.accounts), status)
        self.counters.refused[who] = self.counters.refused.get(who, 0) + 1
        self.statuses[place] = status
        return status

    def _tick(self, venue_ns: int) -> None:
        """The clock goes on, and what has expired is cancelled."""
        if venue_ns < self.now:
            self.counters.time_reversed += 1
        self.now = max(self.now, venue_ns)
        for order in list(self.orders.values()):
            if order.expiry is not None and order.expiry <= self.now:
                del self.orders[order.order_id]
                self.counters.expired += 1
        self._settle(set())

    def _settle(self, symbols: set[int]) -> None:
        """Mark who holds these symbols, or any whose best has changed, and look after accounts.

        Reduce-only orders that can close nothing leave first. What an account in trouble must have
        cancelled may change the market, and bring others into trouble.
        """
        while True:
            for order in list(self.orders.values()):
                closes = self.closes if order.terms & Term.REDUCE_ONLY else None
                if closes and not closes(order.account, order.symbol, order.side):
                    del self.orders[order.order_id]
            bests = [self.best(owner) for owner in range(2 * self.symbol_count)]
            symbols |= {k // 2 for k, best in enumerate(bests) if best != self.bests[k]}
            self.bests = bests
            for symbol in sorted(symbols):
                for account in self.accounts:
                    if account.positions[symbol].fill_count > 0:
                        self._mark(account, symbol)
            symbols = set()
            if not any(account.attention for account in self.accounts):
                return
            for number, account in enumerate(self.accounts):
                if account.attention:
                    account.attention = 0
                    self._cancel_orders(self.orders_of(number))

    def _cancel_orders(self, orders: list[VenueOrder]) -> int:
        for order in orders:
            del self.orders[order.order_id]
        return len(orders)

    # ---- new --------------------------------------------------------------------------------

    def _new(self, one: Event, more: Event | None) -> int:
        one = dict(one, display=more["qty_lots"] if more else 0)
        if one["tif"] == TimeInForce.GTD and more:
            one["expiry"] = more["venue_ns"]
        status = self._new_words_rule(one) or self._new_figures_rule(one)
        if status < 0:
            return status
        taker = self._taker_of(one)
        rests = one["tif"] in PASSIVE and not one["terms"] & Term.MARKET
        how = {"rests": rests, "terms": one["terms"], "but": 0}
        status = self._limit_rule(one, how) or self._entry_rule(one, taker, rests)
        if status < 0:
            return status
        if one["owner"] >= 0:
            self.accounts[one["owner"]].positions[one["symbol"]].order_count += 1
        self._match(taker)
        rested = taker.left if rests else 0
        if rested:
            fields = (one[f] for f in ("order_id", "symbol", "side", "price"))
            order = VenueOrder(*fields, 0, 0, one["display"], one["owner"])
            order.display = 0 if one["display"] == one["qty_lots"] else one["display"]
            order.expiry, order.terms = self._expiry_of(one), one["terms"]
            order.show(rested)
            self.orders[order.order_id] = order
        self.told = Told(taker.filled, rested, taker.prevented)
        return taker.filled

    def _expiry_of(self, one: Event) -> int | None:
        if one["tif"] == TimeInForce.DAY:
            return self.terms[one["symbol"]]["session_end_ns"]
        return one["expiry"] if one["tif"] == TimeInForce.GTD else None

    def _new_words_rule(self, one: Event) -> int:
        """Whether every word of the command is known, and they go together."""
        terms, tif = one["terms"], one["tif"]
        if not 0 <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if one["side"] not in (0, 1):
            return Status.SIDE_UNKNOWN
        if one["order_id"] == 0:
            return Status.ORDER_ID_ZERO
        if not NIL <= one["owner"] < len(self.accounts):
            return Status.ACCOUNT_UNKNOWN
        if tif not in list(TimeInForce):
            return Status.TIME_IN_FORCE_UNKNOWN
        if one["self_trade"] not in list(SelfTrade):
            return Status.SELF_TRADE_UNKNOWN
        market, post_only = terms & Term.MARKET, terms & Term.POST_ONLY
        conflicts = (
            terms & ~(Term.MARKET | Term.POST_ONLY | Term.REDUCE_ONLY),
            market and post_only,
            market and tif in (TimeInForce.DAY, TimeInForce.GTD),
            post_only and tif not in PASSIVE,
            terms & Term.REDUCE_ONLY and one["owner"] == NIL,
            one["display"] and (market or tif not in PASSIVE),
        )
        return Status.TERMS_CONFLICT if any(conflicts) else Status.OK

    def _new_figures_rule(self, one: Event) -> int:
        """Whether the symbol trades, and takes quantity, price, time and name."""
        if self.markets[one["symbol"]].status in CLOSED:
            return Status.SYMBOL_HALTED
        status = self.qty_rule(one["qty_lots"])
        if status < 0:
            return status
        if not 0 <= one["display"] <= one["qty_lots"]:
            return Status.DISPLAY_OUT_OF_RANGE
        status = self._price_rule(one["symbol"], one["price"], one["terms"] & Term.MARKET)
        if status < 0:
            return status
        if one["tif"] == TimeInForce.GTD and one["expiry"] <= self.now:
            return Status.EXPIRY_PAST
        if one["tif"] == TimeInForce.DAY and self._expiry_of(one) <= self.now:
            return Status.SESSION_CLOSED
        return Status.ORDER_ID_DUPLICATE if one["order_id"] in self.orders else Status.OK

    def _price_rule(self, symbol: int, price: int, market: int = 0) -> int:
        if not market:
            return self.new_level_rule(symbol, price)
        known = self.markets[symbol].price_max >= self.markets[symbol].price_min
        return Status.OK if known else Status.SYMBOL_UNKNOWN

    def _taker_of(self, one: Event) -> Taker:
        worst: int | None = one["price"]
        if one["terms"] & Term.MARKET:
            worst = self._collar_of(one["owner"], one["symbol"], one["side"])
        who = (one["order_id"], one["owner"], one["symbol"], one["side"])
        return Taker(*who, one["qty_lots"], worst, one["self_trade"])

    def _entry_rule(
        self, one: Event, taker: Taker, rests: bool, leaving: VenueOrder | None = None
    ) -> int:
        """What the book says to an order that its account may enter, once another one leaves."""
        if one["terms"] & Term.POST_ONLY and self._level_for(taker) is not None:
            return Status.POST_ONLY_WOULD_TRADE
        if one["tif"] == TimeInForce.FOK and not self._would_fill(taker):
            return Status.FILL_OR_KILL_UNFILLED
        if rests:
            if leaving is None and len(self.orders) >= self.order_capacity:
                return Status.ORDER_POOL_EXHAUSTED
            alarms = sum(o.expiry is not None for o in self.orders.values())
            expires = one["tif"] in (TimeInForce.DAY, TimeInForce.GTD)
            if leaving is None and expires and alarms >= self.alarm_capacity:
                return Status.ALARM_POOL_EXHAUSTED
            same = leaving is not None and leaving.price == one["price"]
            less = leaving.qty_lots if leaving and same else 0
            place = (one["symbol"], one["side"], one["price"], one["qty_lots"])
            status = self.place_rule(*place, less)
            if status < 0:
                return status
        return self._ring_rule(taker)

    def _would_fill(self, taker: Taker) -> bool:
        """Try it in another world, in which nobody's reduce-only orders can be counted on."""
        twin = copy.copy(self)
        stops = taker.mode not in (SelfTrade.NONE, SelfTrade.CANCEL_OLDEST)
        kept = {
            order_id: order
            for order_id, order in self.orders.items()
            if not order.terms & Term.REDUCE_ONLY or (stops and order.account == taker.account)
        }
        twin.orders = copy.deepcopy(kept)
        twin.set_levels, twin.executed = dict(self.set_levels), dict(self.executed)
        twin.markets, twin.accounts = copy.deepcopy((self.markets, self.accounts))
        twin.trades, twin.fills = [], []
        trial = copy.copy(taker)
        twin._match(trial)
        return trial.filled == taker.left

    def _ring_rule(self, taker: Taker) -> int:
        worst = min(self._most_trades(taker), taker.left)
        if worst > self.rings.trade_lines - len(self.trades) + self.rings.trade_tail:
            return Status.TRADE_RING_FULL
        if 2 * worst > self.rings.fill_lines - len(self.fills) + self.rings.fill_tail:
            return Status.FILL_RING_FULL
        return Status.OK

    def _most_trades(self, taker: Taker) -> int:
        """A trade for each order, refill or set level that it could meet."""
        far = 2 * taker.symbol + 1 - taker.side
        count = 0
        for price in self.prices(far):
            if self._allows(taker, price):
                count += (far, price) in self.set_levels
                for order in self.queue(far, price):
                    count += 1 + ceil(Fraction(order.hidden, order.display or 1))
        return count

    # ---- matching ---------------------------------------------------------------------------

    def _allows(self, taker: Taker, price: int) -> bool:
        if taker.worst is None:
            return True
        if taker.only:
            return price == taker.worst
        return price <= taker.worst if taker.side == 0 else price >= taker.worst

    def _level_for(self, taker: Taker) -> int | None:
        """The best price of the other side that it takes."""
        prices = self.prices(2 * taker.symbol + 1 - taker.side)
        return next((price for price in prices if self._allows(taker, price)), None)

    def _match(self, taker: Taker) -> None:
        """Meet the other side, best price first and oldest first, as long as something is left."""
        while taker.left > 0 and (price := self._level_for(taker)) is not None:
            far = 2 * taker.symbol + 1 - taker.side
            queue = self.queue(far, price)
            if not queue:
                self._take_level(taker, far, price)
                continue
            maker = queue[0]
            if maker.terms & Term.REDUCE_ONLY and not self.closes(
                maker.account, maker.symbol, maker.side
            ):
                del self.orders[maker.order_id]
            elif maker.account == taker.account != NIL and taker.mode != SelfTrade.NONE:
                self._prevent(taker, maker)
            else:
                self._trade(taker, maker)

    def _prevent(self, taker: Taker, maker: VenueOrder) -> None:
        """What two orders of one owner do instead of trading."""
        if taker.mode == SelfTrade.DECREMENT:
            qty_lots = min(taker.left, maker.qty_lots)
            taker.prevented += qty_lots
            taker.left -= qty_lots
            self._shrink_maker(maker, qty_lots)
            return
        if taker.mode == SelfTrade.CANCEL_OLDEST:
            taker.prevented += maker.open_lots
        else:
            taker.prevented += taker.left
            taker.left = 0
        if taker.mode != SelfTrade.CANCEL_NEWEST:
            del self.orders[maker.order_id]

    def _shrink_maker(self, maker: VenueOrder, qty_lots: int) -> None:
        """Take so much off what is shown; an iceberg shows more of itself at the tail."""
        maker.qty_lots -= qty_lots
        if maker.qty_lots == 0:
            del self.orders[maker.order_id]
            if maker.hidden:
                maker.show(maker.hidden)
                self.orders[maker.order_id] = maker

    def _trade(self, taker: Taker, maker: VenueOrder) -> None:
        qty_lots = min(taker.left, maker.qty_lots)
        if maker.terms & Term.REDUCE_ONLY:
            held = self.accounts[maker.account].positions[maker.symbol].position_lots
            qty_lots = min(qty_lots, abs(held))
        self._note(taker, maker.owner, maker.price, qty_lots, (maker.order_id, maker.account))
        self._shrink_maker(maker, qty_lots)
        if maker.account >= 0:
            self._fill(maker.account, maker.order_id, maker.side, maker=True)
        if taker.account >= 0:
            self._fill(taker.account, taker.order_id, taker.side, maker=False)

    def _take_level(self, taker: Taker, owner: int, price: int) -> None:
        """Trade with a level that was set as a whole."""
        qty_lots = min(taker.left, self.set_levels[owner, price])
        self._note(taker, owner, price, qty_lots, (0, NIL))
        self.set_levels[owner, price] -= qty_lots
        if self.set_levels[owner, price] == 0:
            del self.set_levels[owner, price]
        if taker.account >= 0:
            self._fill(taker.account, taker.order_id, taker.side, maker=False)

    def _note(
        self, taker: Taker, owner: int, price: int, qty_lots: int, maker: tuple[int, int]
    ) -> None:
        """Write a trade down."""
        taker.left -= qty_lots
        taker.filled += qty_lots
        self._note_trade(taker.symbol, price, qty_lots, self.now)
        self.executed[owner] = min(self.executed.get(owner, 0) + qty_lots, LEVEL_QTY_MAX)
        self.trades.append(
            {
                "venue_ns": self.now,
                "price": price,
                "qty_lots": qty_lots,
                "maker_id": maker[0],
                "taker_id": taker.order_id,
                "number": self._number() + 1,
                "symbol": taker.symbol,
                "maker_owner": maker[1],
                "taker_owner": taker.account,
                "side": taker.side,
            }
        )

    def _number(self) -> int:
        return self.trades[-1]["number"] if self.trades else 0

    def _fill(self, number: int, order_id: int, side: int, maker: bool) -> None:
        """Take the last trade into an account."""
        trade = self.trades[-1]
        symbol, price, qty_lots = trade["symbol"], trade["price"], trade["qty_lots"]
        account, terms = self.accounts[number], self.terms[symbol]
        position = account.positions[symbol]
        fill = (side, price * qty_lots, qty_lots, int(maker))
        fee_pico = fee_by(terms, self.tiers[symbol], position.turnover, fill)
        position.fill(side, price, qty_lots, fee_pico)
        self.fills.append(
            {
                "venue_ns": self.now,
                "order_id": order_id,
                "price": price,
                "qty_lots": qty_lots,
                "fee_pico": fee_pico,
                "position_lots": position.position_lots,
                "event": trade["number"],
                "symbol": symbol,
                "side": side,
                "maker": int(maker),
                "owner": number,
            }
        )

    # ---- the other verbs --------------------------------------------------------------------

    def _order_rule(self, one: Event) -> int:
        """Whether the order that a command names is there, and its owner's."""
        if not 0 <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if one["order_id"] == 0:
            return Status.ORDER_ID_ZERO
        if one["order_id"] not in self.orders:
            return Status.ORDER_ID_UNKNOWN
        order = self.orders[one["order_id"]]
        if order.symbol != one["symbol"]:
            return Status.ORDER_OF_OTHER_SYMBOL
        return Status.OK if order.account == one["owner"] else Status.ORDER_OF_OTHER_OWNER

    def _amend(self, one: Event, more: Event | None) -> int:
        status = self._order_rule(one) or self._amend_rule(one)
        if status < 0:
            return status
        order = self.orders[one["order_id"]]
        new_id = one["other_id"] or one["order_id"]
        same_price = one["price"] == order.price
        if same_price and one["qty_lots"] <= order.open_lots and not one["terms"] & Term.TAIL:
            self._shrink_order(order, order.open_lots - one["qty_lots"])
            self._rename(order, new_id)
            self.told = Told(0, order.open_lots, 0)
            return 0
        return self._reenter(order, dict(one, order_id=new_id, side=order.side, tif=0))

    def _amend_rule(self, one: Event) -> int:
        if one["self_trade"] not in list(SelfTrade):
            return Status.SELF_TRADE_UNKNOWN
        if one["terms"] & ~Term.TAIL:
            return Status.TERMS_CONFLICT
        if self.markets[one["symbol"]].status in CLOSED:
            return Status.SYMBOL_HALTED
        status = self.qty_rule(one["qty_lots"]) or self._price_rule(one["symbol"], one["price"])
        if status < 0:
            return status
        taken = one["other_id"] not in (0, one["order_id"]) and one["other_id"] in self.orders
        return Status.ORDER_ID_DUPLICATE if taken else Status.OK

    def _shrink_order(self, order: VenueOrder, qty_lots: int) -> None:
        """Cancel so much of an order, the hidden part first; it keeps its place."""
        hidden = min(order.hidden, qty_lots)
        order.hidden -= hidden
        order.qty_lots -= qty_lots - hidden

    def _rename(self, order: VenueOrder, new_id: int) -> None:
        order.order_id = new_id
        self.orders = {o.order_id: o for o in self.orders.values()}

    def _reenter(self, order: VenueOrder, one: Event) -> int:
        """Judge an order as a new one, and if it may come in, pull it and let it in."""
        one["terms"], one["display"] = order.terms, order.display
        taker = self._taker_of(one)
        how = {"rests": True, "terms": order.terms, "but": order.order_id}
        status = self._limit_rule(one, how) or self._entry_rule(one, taker, True, order)
        if status < 0:
            return status
        del self.orders[order.order_id]
        self._match(taker)
        if taker.left:
            order.order_id, order.price = one["order_id"], one["price"]
            order.show(taker.left)
            self.orders[order.order_id] = order
        self.told = Told(taker.filled, taker.left, taker.prevented)
        return taker.filled

    def _cancel(self, one: Event, more: Event | None) -> int:
        status = self._order_rule(one)
        if status < 0:
            return status
        order = self.orders[one["order_id"]]
        if one["qty_lots"] < 0:
            return Status.QTY_NOT_POSITIVE
        if one["qty_lots"] > order.open_lots:
            return Status.OVER_REDUCTION
        qty_lots = one["qty_lots"] or order.open_lots
        self._shrink_order(order, qty_lots)
        if order.open_lots == 0:
            del self.orders[order.order_id]
        return qty_lots

    def _cancel_all(self, one: Event, more: Event | None) -> int:
        if not 0 <= one["owner"] < len(self.accounts):
            return Status.ACCOUNT_UNKNOWN
        if not NIL <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if one["side"] not in (NIL, 0, 1):
            return Status.SIDE_UNKNOWN
        return self._cancel_orders(self.orders_of(one["owner"], one["symbol"], one["side"]))

    def _quote(self, head: Event, more: Event | None) -> int:
        assert more is not None
        status = self._quote_rule(head, more)
        if status < 0:
            self._refuse(head, status, 1)
            return self._refuse(head, status)
        named = ("order_id", "price", "qty_lots")
        bid = dict(head, side=0)
        ask = dict(head, side=1) | {name: more[name] for name in named}
        resting = self.orders.get(ask["order_id"])
        ask_first = resting is not None and bid["qty_lots"] and bid["price"] >= resting.price
        told, results = Told(), [0, 0]
        for side in (1, 0) if ask_first else (0, 1):
            one = ask if side else bid
            self.told = Told()
            results[side] = self._quote_one(one)
            told.filled_lots += self.told.filled_lots
            told.rested_lots += self.told.rested_lots
            told.prevented_lots += self.told.prevented_lots
            if results[side] < 0:
                self._refuse(head, results[side], side)
        self.told = told
        self.statuses = results
        refused = [status for status in results if status < 0]
        return refused[0] if refused else sum(results)

    def _quote_rule(self, head: Event, more: Event) -> int:
        """Whether a quote as a whole is one."""
        if not 0 <= head["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if not NIL <= head["owner"] < len(self.accounts):
            return Status.ACCOUNT_UNKNOWN
        if 0 in (head["order_id"], more["order_id"]):
            return Status.ORDER_ID_ZERO
        if head["order_id"] == more["order_id"]:
            return Status.ORDER_ID_DUPLICATE
        return Status.TERMS_CONFLICT if head["tif"] == TimeInForce.GTD else Status.OK

    def _quote_one(self, one: Event) -> int:
        order = self.orders.get(one["order_id"])
        lives = order is not None and order.side == one["side"]
        if one["qty_lots"] == 0:
            return self._cancel(one, None) if lives else 0
        if lives:
            return self._amend(dict(one, terms=0, other_id=0), None)
        return self._new(one, None)

    def _take_at(self, one: Event, more: Event | None) -> int:
        """Take what rests at one price."""
        status = self._take_rule(one)
        if status < 0:
            return status
        taker = self._taker_of(one)
        taker.only = True
        how = {"rests": False, "terms": 0, "but": 0}
        status = self._limit_rule(one, how) or self._ring_rule(taker)
        if status < 0:
            return status
        self._match(taker)
        self.told = Told(taker.filled, 0, taker.prevented)
        return taker.filled

    def _take_rule(self, one: Event) -> int:
        if not 0 <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if one["side"] not in (0, 1):
            return Status.SIDE_UNKNOWN
        if not NIL <= one["owner"] < len(self.accounts):
            return Status.ACCOUNT_UNKNOWN
        if one["self_trade"] not in list(SelfTrade):
            return Status.SELF_TRADE_UNKNOWN
        if one["terms"] or one["tif"] not in (TimeInForce.GTC, TimeInForce.IOC):
            return Status.TERMS_CONFLICT
        if self.markets[one["symbol"]].status in CLOSED:
            return Status.SYMBOL_HALTED
        return self.qty_rule(one["qty_lots"]) or self._price_rule(one["symbol"], one["price"])

    def _set_status(self, one: Event, more: Event | None) -> int:
        if not 0 <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if not 0 <= one["qty_lots"] <= 5:
            return Status.KIND_UNKNOWN
        self.markets[one["symbol"]].status = one["qty_lots"]
        return 0

    def _timer(self, one: Event, more: Event | None) -> int:
        return 0

    # ---- the operator -----------------------------------------------------------------------

    def kill(self, number: int) -> None:
        """Pull a kill switch."""
        account = self.accounts[number]
        account.kill = 1
        if account.mode != Mode.FROZEN:
            account.mode, account.cause = Mode.FROZEN, Status.KILL_SWITCH
            account.tripped_ns = self.now
            account.trip_count += 1
        account.attention = 1
        self._settle(set())

    def disarm(self, number: int) -> None:
        account = self.accounts[number]
        account.kill = 2 if account.kill == 1 else account.kill

    def resume(self, number: int) -> int:
        account = self.accounts[number]
        if account.kill == 1:
            return Status.KILL_SWITCH_ARMED
        if account.kill == 2:
            account.kill, account.mode, account.cause = 0, Mode.NORMAL, Status.OK
        return Status.OK

    def release(self, number: int) -> None:
        account = self.accounts[number]
        if account.mode == Mode.REDUCE_ONLY:
            account.mode, account.cause = Mode.NORMAL, Status.OK

    def start_session(self, number: int, reset_peak: bool) -> None:
        account = self.accounts[number]
        for position in account.positions:
            if reset_peak:
                position.peak_twice, position.drawdown_twice = position.equity_twice, 0
        for total in account.totals:
            total.day_start = total.equity
            if reset_peak:
                total.peak, total.drawdown = total.equity, 0
        ended = (
            (Status.MAX_DAILY_LOSS, Status.MAX_DRAWDOWN) if reset_peak else (Status.MAX_DAILY_LOSS,)
        )
        if account.cause in ended:
            self.release(number)

    def set_level(self, one: Event) -> int:
        """What an event LEVEL does to the book; it marks nobody."""
        status = self._set_level(one)
        self.bests = [self.best(owner) for owner in range(2 * self.symbol_count)]
        return status

    def drain(self) -> None:
        """Somebody read the rings."""
        self.rings.trade_tail, self.rings.fill_tail = len(self.trades), len(self.fills)
