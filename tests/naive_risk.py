"""Accounts and their limits with no thought for speed: what is open is counted anew each time."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any

from mmjit.core.codes import NIL, Marking, Mode, Status, Term
from mmjit.core.tables import TIERS
from tests.naive_account import NaivePosition
from tests.naive_book import Event, NaiveBook, Order

UNLIMITED = 1 << 62
MONEY_MAX = 1 << 60
HALF_PICO = 2 * 10**12  # in one unit of a currency


@dataclass
class VenueOrder(Order):
    """An order that rests; `qty_lots` is what the book shows of it."""

    hidden: int = 0
    display: int = 0  # what it shows at a time; 0: all of it
    account: int = NIL
    expiry: int | None = None
    terms: int = 0

    @property
    def open_lots(self) -> int:
        return self.qty_lots + self.hidden

    def show(self, open_lots: int) -> None:
        """Show what it may of so much."""
        self.qty_lots = min(open_lots, self.display) if self.display else open_lots
        self.hidden = open_lots - self.qty_lots


@dataclass
class Total:
    """The money of an account in one currency, in halves of 1e-12 of it."""

    equity: int = 0
    peak: int = 0
    drawdown: int = 0
    day_start: int = 0
    max_daily_loss: int | None = None
    max_drawdown: int | None = None


@dataclass
class Account:
    """What an owner holds, and what it may do."""

    positions: list[NaivePosition]
    limits: list[dict[str, int]]
    totals: list[Total]
    max_position: int = UNLIMITED
    max_open_orders: int = UNLIMITED
    mode: int = Mode.NORMAL
    cause: int = 0
    kill: int = 0
    attention: int = 0
    tripped_ns: int = 0
    trip_count: int = 0


class NaiveAccounts(NaiveBook):
    """A book whose orders have owners, and what those hold and may do."""

    def __init__(self, symbols: int, orders: int, pages: int, rungs: int, wide: bool) -> None:
        super().__init__(symbols, orders, pages, rungs, wide)
        self.orders: dict[int, VenueOrder] = {}  # type: ignore[assignment]
        self.accounts: list[Account] = []
        self.terms: list[dict[str, int]] = []
        self.tiers: list[list[dict[str, int]]] = []  # of each symbol, those that count
        self.now = 0

    def adopt(self, ledger: Any) -> None:
        """Take over what was set up: terms of the symbols and limits of the accounts."""
        names = ledger.terms.dtype.names
        self.terms = [{n: int(one[n]) for n in names} for one in ledger.terms]
        self.tiers = [
            [{n: int(tier[n]) for n in tier.dtype.names} for tier in tiers[: terms["tier_count"]]]
            for tiers, terms in zip(ledger.tiers.reshape(-1, TIERS), self.terms, strict=True)
        ]
        if not self.accounts:
            self.accounts = [
                self._nobody(len(ledger.totals) // len(ledger.accounts)) for _ in ledger.accounts
            ]
        for number, account in enumerate(self.accounts):
            row = ledger.accounts[number]
            account.max_position = int(row["max_position"])
            account.max_open_orders = int(row["max_open_orders"])
            for symbol in range(self.symbol_count):
                limit = ledger.limits[number * self.symbol_count + symbol]
                account.limits[symbol] = {n: int(limit[n]) for n in limit.dtype.names}
            for currency, total in enumerate(account.totals):
                row = ledger.totals[number * len(account.totals) + currency]
                total.max_daily_loss = _amount(row, "max_daily_loss")
                total.max_drawdown = _amount(row, "max_drawdown")

    def _nobody(self, currencies: int) -> Account:
        symbols = range(self.symbol_count)
        return Account(
            [NaivePosition() for _ in symbols],
            [{} for _ in symbols],
            [Total() for _ in range(currencies)],
        )

    # ---- reads ------------------------------------------------------------------------------

    def orders_of(self, account: int, symbol: int = NIL, side: int = NIL) -> list[VenueOrder]:
        """The orders of an account, of all symbols or sides where they are NIL."""
        return [
            o
            for o in self.orders.values()
            if o.account == account and symbol in (NIL, o.symbol) and side in (NIL, o.side)
        ]

    def open_of(self, account: int, symbol: int, side: int, but: int = 0) -> int:
        """The lots that are open, without those of one order."""
        orders = self.orders_of(account, symbol, side)
        return sum(o.open_lots for o in orders if o.order_id != but)

    def exposure(self, account: int, symbol: int, but: int = 0) -> int:
        """The largest position, either way, that the open orders could lead to."""
        held = self.accounts[account].positions[symbol].position_lots
        buys, sells = (self.open_of(account, symbol, side, but) for side in (0, 1))
        return max(abs(held + buys), abs(sells - held))

    def closes(self, account: int, symbol: int, side: int) -> bool:
        """Whether an order of a side brings the position nearer to zero."""
        held = self.accounts[account].positions[symbol].position_lots
        return held < 0 if side == 0 else held > 0

    def best_price(self, symbol: int, side: int) -> int | None:
        best = self.best(2 * symbol + side)
        return best[0] if best else None

    # ---- limits -----------------------------------------------------------------------------

    def _limit_rule(self, one: Event, how: dict[str, int]) -> int:
        """Whether an account may enter an order.

        `how` has `rests`, whether it may come to rest, `terms`, its bits of Term, and `but`, the id
        of the order that it replaces: what is open of that does not count.
        """
        if one["owner"] == NIL:
            return Status.OK
        account = self.accounts[one["owner"]]
        held = account.positions[one["symbol"]].position_lots
        place, but = (one["owner"], one["symbol"], one["side"]), how["but"]
        closable = max(0, abs(held) - self.open_of(*place, but)) if self.closes(*place) else 0
        reduces = one["qty_lots"] <= closable
        if account.kill or account.mode == Mode.FROZEN:
            return Status.KILL_SWITCH
        if how["terms"] & Term.REDUCE_ONLY and not reduces:
            return Status.REDUCE_ONLY
        if account.mode == Mode.REDUCE_ONLY and not reduces:
            return account.cause
        status = self._size_rule(account, one, how)
        if status < 0:
            return status
        limit = account.limits[one["symbol"]]
        resting = [o for o in self.orders_of(one["owner"]) if o.order_id != but]
        here = sum(o.symbol == one["symbol"] for o in resting)
        if how["rests"] and (
            here >= limit["max_open_orders"] or len(resting) >= account.max_open_orders
        ):
            return Status.MAX_OPEN_ORDERS
        return Status.OK if reduces else self._position_rule(account, one, but)

    def _size_rule(self, account: Account, one: Event, how: dict[str, int]) -> int:
        symbol, qty_lots, terms = one["symbol"], one["qty_lots"], how["terms"]
        limit = account.limits[symbol]
        if qty_lots > self.terms[symbol]["qty_lots_max"]:
            return Status.QTY_TOO_LARGE
        if qty_lots > limit["max_order_lots"]:
            return Status.MAX_ORDER_QTY
        if not self._fits(account, one, how["but"]):
            return Status.NOTIONAL_TOO_LARGE
        prices = [one["price"]]
        if terms & Term.MARKET:
            market = self.markets[symbol]
            ends = [self._collar_of(one["owner"], symbol, side) for side in (1, 0)]
            prices = [market.price_min if ends[0] is None else max(ends[0], market.price_min)]
            prices.append(market.price_max if ends[1] is None else min(ends[1], market.price_max))
        if max(abs(price * qty_lots) for price in prices) > limit["max_order_points"]:
            return Status.MAX_ORDER_NOTIONAL
        if not self._is_collared(limit):
            return Status.OK
        reference = self._reference_twice(symbol)
        if reference is None:
            return Status.REFERENCE_MISSING
        away = 0 if terms & Term.MARKET else abs(2 * one["price"] - reference)
        return Status.PRICE_COLLAR if away > self._tolerance(limit, reference) else Status.OK

    def _fits(self, account: Account, one: Event, but: int) -> bool:
        """Whether every sum of money fits if all that is open is filled at the worst price."""
        market, position = self.markets[one["symbol"]], account.positions[one["symbol"]]
        terms = self.terms[one["symbol"]]
        price = max(abs(market.price_min), abs(market.price_max), 1)
        opens = sum(self.open_of(one["owner"], one["symbol"], side, but) for side in (0, 1))
        lots = abs(position.position_lots) + opens + one["qty_lots"]
        if lots > MONEY_MAX // price or abs(position.fees_pico) > 2 * MONEY_MAX:
            return False
        if abs(position.fees_pico) // terms["point_pico"] > MONEY_MAX - lots * price:
            return False
        more = opens + one["qty_lots"]
        by_lots, by_fills = (more * terms[f"{per}_fee_pico"] for per in ("lot", "fill"))
        paid = (abs(position.fees_pico) + by_lots + by_fills) // terms["point_pico"]
        if max(by_lots, by_fills) > MONEY_MAX // 2 or paid > MONEY_MAX - lots * price:
            return False
        return lots * price <= terms["points_max"] - max(abs(position.cash), abs(position.realised))

    def _position_rule(self, account: Account, one: Event, but: int) -> int:
        who, symbol, side, qty_lots = (one[f] for f in ("owner", "symbol", "side", "qty_lots"))
        held = account.positions[symbol].position_lots
        buys = self.open_of(who, symbol, 0, but) + (qty_lots if side == 0 else 0)
        sells = self.open_of(who, symbol, 1, but) + (qty_lots if side == 1 else 0)
        if side == 0 and held + buys > account.limits[symbol]["max_long"]:
            return Status.MAX_LONG
        if side == 1 and sells - held > account.limits[symbol]["max_short"]:
            return Status.MAX_SHORT
        exposures = [self.exposure(who, s, but) for s in range(self.symbol_count)]
        grown = max(abs(held + buys), abs(sells - held))
        if grown <= exposures[symbol]:
            return Status.OK
        total = sum(exposures) - exposures[symbol] + grown
        return Status.MAX_POSITION if total > account.max_position else Status.OK

    def _is_collared(self, limit: dict[str, int]) -> bool:
        return min(limit["collar_bps"], limit["collar_price"]) < UNLIMITED

    def _reference_twice(self, symbol: int) -> int | None:
        """Twice the mid, or twice the last price while a side is empty."""
        bid, ask = (self.best_price(symbol, side) for side in (0, 1))
        if bid is not None and ask is not None:
            return bid + ask
        market = self.markets[symbol]
        return 2 * market.last_price if market.last_qty_lots else None

    def _tolerance(self, limit: dict[str, int], reference: int) -> int:
        """How far twice a price may be from a reference."""
        found = []
        if limit["collar_bps"] < UNLIMITED:
            found.append(floor(Fraction(abs(reference) * limit["collar_bps"], 10**4)))
        if limit["collar_price"] < UNLIMITED:
            found.append(2 * limit["collar_price"])
        return min(found)

    def _collar_of(self, owner: int, symbol: int, side: int) -> int | None:
        """The worst price that a market order of an account may trade at, None: any."""
        if owner < 0 or not self._is_collared(self.accounts[owner].limits[symbol]):
            return None
        reference = self._reference_twice(symbol)
        if reference is None:
            return None
        tolerance = self._tolerance(self.accounts[owner].limits[symbol], reference)
        if side == 0:
            return floor(Fraction(reference + tolerance, 2))
        return ceil(Fraction(reference - tolerance, 2))

    # ---- money ------------------------------------------------------------------------------

    def _mark_of(self, position: NaivePosition, symbol: int) -> int:
        """Twice the price that a position is marked to."""
        bid, ask = (self.best_price(symbol, side) for side in (0, 1))
        marking = self.terms[symbol]["marking"]
        market = self.markets[symbol]
        if marking == Marking.MID and bid is not None and ask is not None and bid < ask:
            return bid + ask
        if marking == Marking.LAST and market.last_qty_lots > 0:
            return 2 * market.last_price
        if marking == Marking.LIQUIDATION:
            price = bid if position.position_lots > 0 else ask
            if position.position_lots != 0 and price is not None:
                return 2 * price
        return position.mark_twice

    def _mark(self, account: Account, symbol: int) -> None:
        """Mark a position, follow the money of its currency, and latch its loss limits."""
        terms = self.terms[symbol]
        position = account.positions[symbol]
        position.mark(self._mark_of(position, symbol), terms["point_pico"])
        total = account.totals[terms["currency"]]
        total.equity = sum(
            p.gross_twice * self.terms[s]["point_pico"] - 2 * p.fees_pico
            for s, p in enumerate(account.positions)
            if self.terms[s]["currency"] == terms["currency"]
        )
        total.peak = max(total.peak, total.equity)
        fall = total.peak - total.equity
        total.drawdown = max(total.drawdown, fall)
        lost = total.day_start - total.equity
        if total.max_daily_loss is not None and lost >= total.max_daily_loss:
            self._trip(account, Status.MAX_DAILY_LOSS)
        elif total.max_drawdown is not None and fall >= total.max_drawdown:
            self._trip(account, Status.MAX_DRAWDOWN)

    def _trip(self, account: Account, cause: int) -> None:
        if account.mode == Mode.NORMAL:
            account.mode, account.cause = Mode.REDUCE_ONLY, cause
            account.tripped_ns = self.now
            account.trip_count += 1
            account.attention |= 1


def _amount(row: Any, name: str) -> int | None:
    """An amount of a TOTAL in halves of 1e-12, None where it is unlimited."""
    units = int(row[f"{name}_units"])
    if units >= UNLIMITED:
        return None
    return units * HALF_PICO + int(row[f"{name}_half_pico"])
