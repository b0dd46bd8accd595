"""A backtest as one would write it with no thought for speed.

A queue is a list that holds the recorded orders and ours in the order in which they are served, so
who is before whom is a matter of looking. Everything is a Python integer or a Fraction; what is
open, what could become of it and what the book shows is counted anew each time it is asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mmjit.core.codes import Flag, Kind, Status, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS
from mmjit.core.hearing import ANYTHING, FILLED
from mmjit.core.ledger import UNLIMITED
from mmjit.instrument import Instrument
from tests.naive_account import NaivePosition, fee

Event = dict[str, int]
Wants = dict[tuple[int, int], tuple[int, int]]  # (side, level) -> price, quantity


@dataclass(eq=False)
class Order:
    """In a queue: recorded, or ours."""

    order_id: int
    side: int
    price: int
    left: int
    level: int = -1  # of our quotes
    wanted: int = 0

    @property
    def ours(self) -> bool:
        return self.level >= 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a run is told."""

    maker_fee: Fraction = Fraction(0)
    taker_fee: Fraction = Fraction(0)
    max_position: int = UNLIMITED
    max_long: int = UNLIMITED
    max_short: int = UNLIMITED
    max_order_lots: int = UNLIMITED
    max_order_points: int = UNLIMITED
    max_open_orders: int = UNLIMITED  # of a symbol
    max_all_orders: int = UNLIMITED
    collar_bps: int = UNLIMITED
    collar_price: int = UNLIMITED
    max_daily_loss: int | None = None  # in halves of 1e-12 of the currency
    max_drawdown: int | None = None
    every_ns: int = 0  # 0: at no instants
    wakes: int = ANYTHING  # what has the rule asked besides
    window_levels: int = 0


@dataclass
class NaiveMarket:
    """One symbol: its queues, and what we have in it."""

    number: int
    instrument: Instrument
    queues: dict[tuple[int, int], list[Order]] = field(default_factory=lambda: defaultdict(list))
    taken: Counter[tuple[int, int]] = field(default_factory=Counter)
    recorded: dict[int, Order] = field(default_factory=dict)
    position: NaivePosition = field(default_factory=NaivePosition)
    memory: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: Counter[Status] = field(default_factory=Counter)
    status: int = TradingStatus.UNKNOWN
    last_price: int | None = None
    next_ns: int = 0
    started: bool = False
    moved: bool = False
    filled: bool = False

    # ---- reads ------------------------------------------------------------------------------

    @property
    def is_still(self) -> bool:
        still = (TradingStatus.QUOTING, TradingStatus.PAUSED, TradingStatus.HALTED)
        return self.status in (*still, TradingStatus.CLOSED)

    def depth(self, side: int) -> list[tuple[int, int, int]]:
        """Price, recorded quantity and count of each recorded level, best first."""
        levels: dict[int, list[int]] = defaultdict(list)
        for order in self.recorded.values():
            if order.side == side:
                levels[order.price].append(order.left)
        prices = sorted(levels, reverse=side == 0)
        return [(price, sum(levels[price]), len(levels[price])) for price in prices]

    def best(self, side: int) -> int:
        depth = self.depth(side)
        return depth[0][0] if depth else 0

    def bests(self) -> list[Any]:
        return [self.depth(side)[:1] for side in (0, 1)]

    def is_two_sided(self) -> bool:
        bids, asks = self.depth(0), self.depth(1)
        return bool(bids and asks) and bids[0][0] < asks[0][0]

    def ours(self, side: int) -> Iterator[Order]:
        """Our orders of a side, in the order in which they are served."""
        prices = sorted((p for s, p in self.queues if s == side), reverse=side == 0)
        for price in prices:
            yield from [order for order in self.queues[side, price] if order.ours]

    def own(self, side: int, level: int) -> Order | None:
        return next((order for order in self.ours(side) if order.level == level), None)

    def ahead(self, order: Order) -> int:
        """The recorded lots before an order."""
        queue = self.queues[order.side, order.price]
        return sum(other.left for other in queue[: queue.index(order)] if not other.ours)

    def open_lots(self, side: int) -> int:
        return sum(order.left for order in self.ours(side))

    def exposure(self, buys: int = 0, sells: int = 0) -> int:
        """The largest position that our orders, and some more, could lead to."""
        held = self.position.position_lots
        longest = held + self.open_lots(0) + buys
        shortest = held - self.open_lots(1) - sells
        return max(abs(longest), abs(shortest))

    # ---- the queues -------------------------------------------------------------------------

    def join(self, order: Order) -> None:
        self.queues[order.side, order.price].append(order)
        if not order.ours:
            self.recorded[order.order_id] = order

    def leave(self, order: Order) -> None:
        place = (order.side, order.price)
        self.queues[place] = [other for other in self.queues[place] if other is not order]
        if not order.ours:
            del self.recorded[order.order_id]
            self.cap(place)

    def shrink(self, order: Order, lots: int) -> None:
        order.left -= lots
        if order.left == 0:
            self.leave(order)
        elif not order.ours:
            self.cap((order.side, order.price))

    def cap(self, place: tuple[int, int]) -> None:
        """No more of a level can be gone for us than is there."""
        there = sum(order.left for order in self.queues[place] if not order.ours)
        self.taken[place] = min(self.taken[place], there)


class NaiveBacktest:
    """Runs a rule over events that name their orders by id.

    Args:
        instruments: by symbol number.
        rule: called with the run and the market to be quoted; returns what it wants.
        rules: fees, limits and when the rule is asked.
    """

    def __init__(
        self,
        instruments: list[Instrument],
        rule: Callable[["NaiveBacktest", NaiveMarket], Wants],
        rules: Rules,
    ) -> None:
        self.markets = [NaiveMarket(number, one) for number, one in enumerate(instruments)]
        self.rule = rule
        self.rules = rules
        self.fills: list[dict[str, int]] = []
        self.steps: list[dict[str, int]] = []
        self.now_ns = self.event = self.last_order_id = self.decisions = self.requeued = 0
        self.equity = self.peak = self.drawdown = 0  # in halves of 1e-12 of the currency
        self.cause: Status | None = None  # the limit on losses that was reached
        self.tripped_ns = 0
        self.heeded = False

    def run(self, events: list[Event]) -> None:
        for place, one in enumerate(events):
            market = self.markets[one["symbol"]]
            every_ns = self.rules.every_ns
            for other in self.markets if every_ns > 0 else []:
                if other.started and one["venue_ns"] >= other.next_ns:
                    self.now_ns = max(self.now_ns, other.next_ns)
                    self.decide(other)
                    other.next_ns = (one["venue_ns"] // every_ns + 1) * every_ns
            self.now_ns = max(self.now_ns, one["venue_ns"])
            self.event = place
            bests = market.bests()
            self.apply(market, one)
            if market.bests() != bests:
                market.moved = True
                if market.position.fill_count:
                    self.mark(market)
            self.heed()
            if one["flags"] & Flag.LAST and self.is_due(market):
                market.started = True
                self.decide(market)

    def is_due(self, market: NaiveMarket) -> bool:
        if not market.started or self.rules.wakes == ANYTHING:
            return market.moved or market.filled
        if self.rules.wakes == 0 or self.rules.every_ns > 0:
            return self.rules.wakes == FILLED and market.filled
        has_orders = any(
            market.own(side, level) for side in (0, 1) for level in range(QUOTE_LEVELS)
        )
        return market.filled or (market.moved and not has_orders)

    # ---- what was recorded ------------------------------------------------------------------

    def apply(self, market: NaiveMarket, one: Event) -> None:
        kind, qty_lots = one["kind"], one["qty_lots"]
        self.in_auction = bool(one["flags"] & Flag.AUCTION)
        if kind == Kind.ADD:
            order = Order(one["order_id"], one["side"], one["price"], qty_lots)
            if order.order_id != 0 and qty_lots > 0 and not self.knows(order.order_id):
                self.newcomer(market, order, one["flags"])
        elif kind == Kind.TRADE:
            market.last_price = one["price"] if qty_lots > 0 else market.last_price
            for side in (0, 1):
                better = self.before(market, side, one["price"])
                self.share_out(market, [o for o in better if o.price != one["price"]], qty_lots)
        elif kind == Kind.CLEAR:
            for order in list(market.recorded.values()):
                market.leave(order)
        elif kind == Kind.STATUS:
            market.status = qty_lots
        elif one["order_id"] in market.recorded:
            self.change(market, market.recorded[one["order_id"]], one)

    def knows(self, order_id: int) -> bool:
        return any(order_id in market.recorded for market in self.markets)

    def change(self, market: NaiveMarket, order: Order, one: Event) -> None:
        kind, qty_lots = one["kind"], one["qty_lots"]
        if kind == Kind.DELETE:
            market.leave(order)
        elif qty_lots <= 0:
            return
        elif kind == Kind.REPLACE:
            new_id = one["other_id"]
            if new_id != 0 and (new_id == order.order_id or not self.knows(new_id)):
                market.leave(order)
                newer = Order(new_id, order.side, one["price"], qty_lots)
                self.newcomer(market, newer, one["flags"])
        elif kind == Kind.EXECUTE:
            lots = min(qty_lots, order.left)
            queue = market.queues[order.side, order.price]
            before = [o for o in self.before(market, order.side, order.price) if o not in queue]
            before += [o for o in queue[: queue.index(order)] if o.ours]
            own_price = one["flags"] & Flag.OWN_PRICE
            market.last_price = one["price"] if own_price else order.price
            market.shrink(order, lots)
            self.share_out(market, before, lots)
        elif kind == Kind.REDUCE:
            market.shrink(order, min(qty_lots, order.left))

    def before(self, market: NaiveMarket, side: int, price: int) -> list[Order]:
        """Our orders of a side at a price or better."""
        return [o for o in market.ours(side) if o.price == price or better(side, o.price, price)]

    def newcomer(self, market: NaiveMarket, order: Order, flags: int) -> None:
        """A recorded order comes to rest; whatever of ours it crosses it fills."""
        market.join(order)
        if flags & Flag.SYNTHETIC:
            for one in [o for o in market.ours(order.side) if o.price == order.price]:
                market.leave(one)
                market.join(one)
                self.requeued += 1
            return
        crossed = self.before(market, 1 - order.side, order.price)
        filled = self.share_out(market, crossed, order.left)
        market.taken[order.side, order.price] += filled

    def share_out(self, market: NaiveMarket, orders: list[Order], qty_lots: int) -> int:
        """Fill orders of ours in turn, for so many lots in all; returns how many it were."""
        left = qty_lots
        if market.is_still or self.in_auction:
            return 0
        for order in orders:
            lots = min(left, order.left)
            if lots > 0:
                left -= lots
                self.fill(market, order, order.price, lots, maker=1)
        return qty_lots - left

    # ---- ours -------------------------------------------------------------------------------

    def fill(self, market: NaiveMarket, order: Order, price: int, lots: int, maker: int) -> None:
        market.shrink(order, lots)
        rate = self.rules.maker_fee if maker else self.rules.taker_fee
        fee_pico = fee(price, lots, rate * self.point_pico(market))
        market.position.fill(order.side, price, lots, fee_pico)
        market.filled = True
        self.mark(market)
        assert market.position.realised + market.position.unrealised == market.position.worth
        self.fills.append(
            {
                "venue_ns": self.now_ns,
                "order_id": order.order_id,
                "price": price,
                "qty_lots": lots,
                "fee_pico": fee_pico,
                "position_lots": market.position.position_lots,
                "event": self.event,
                "symbol": market.number,
                "side": order.side,
                "maker": maker,
                "owner": 0,
            }
        )
        self.log(market, order, Kind.FILL, lots)

    def point_pico(self, market: NaiveMarket) -> int:
        one = market.instrument
        value = Fraction(one.price_unit) * Fraction(one.lot_size) * Fraction(one.multiplier)
        return int(value * 10**12)

    def mark(self, market: NaiveMarket) -> None:
        mark_twice = market.position.mark_twice
        if market.is_two_sided():
            mark_twice = market.best(0) + market.best(1)
        market.position.mark(mark_twice, self.point_pico(market))
        self.equity = sum(
            int(2 * one.position.worth) * self.point_pico(one) - 2 * one.position.fees_pico
            for one in self.markets
        )
        self.peak = max(self.peak, self.equity)
        self.drawdown = max(self.drawdown, self.peak - self.equity)
        if self.cause is None:
            self.judge()

    def judge(self) -> None:
        """See whether more was lost than may be."""
        rules, fall = self.rules, self.peak - self.equity
        if rules.max_daily_loss is not None and -self.equity >= rules.max_daily_loss:
            self.cause, self.tripped_ns = Status.MAX_DAILY_LOSS, self.now_ns
        elif rules.max_drawdown is not None and fall >= rules.max_drawdown:
            self.cause, self.tripped_ns = Status.MAX_DRAWDOWN, self.now_ns

    def heed(self) -> None:
        """Cancel everything once, after too much was lost."""
        if self.cause is None or self.heeded:
            return
        self.heeded = True
        for market in self.markets:
            ours = [*market.ours(0), *market.ours(1)]
            for order in sorted(ours, key=lambda order: order.order_id):
                self.adjust(market, order, 0, 0)

    def log(self, market: NaiveMarket, order: Order, kind: Kind, lots: int, **more: int) -> None:
        self.steps.append(
            {
                "venue_ns": self.now_ns,
                "order_id": order.order_id,
                "price": order.price,
                "qty_lots": lots,
                "left_lots": order.left,
                "ahead_lots": 0,
                "event": self.event,
                "symbol": market.number,
                "side": order.side,
                "kind": kind,
                "status": 0,
                **more,
            }
        )

    def decide(self, market: NaiveMarket) -> None:
        """Ask the rule what it wants; cancel what is not wanted, then enter what is missing."""
        market.moved = market.filled = False
        if self.rules.every_ns > 0:
            market.next_ns = (self.now_ns // self.rules.every_ns + 1) * self.rules.every_ns
        self.decisions += 1
        wants = self.rule(self, market)
        places = [(side, level) for side in (0, 1) for level in range(QUOTE_LEVELS)]
        for place in places:
            order = market.own(*place)
            if order is not None:
                self.adjust(market, order, *wants.get(place, (0, 0)))
        for side, level in places:
            price, lots = wants.get((side, level), (0, 0))
            if lots != 0 and market.own(side, level) is None:
                self.enter(market, Order(0, side, price, 0, level, lots))
        self.heed()

    def adjust(self, market: NaiveMarket, order: Order, price: int, lots: int) -> None:
        if lots <= 0 or price != order.price or lots > order.wanted:
            left, order.left = order.left, 0
            market.leave(order)
            self.log(market, order, Kind.CANCEL, left)
            return
        if lots < order.left:
            less, order.left = order.left - lots, lots
            self.log(market, order, Kind.AMEND, less)
        order.wanted = lots

    def enter(self, market: NaiveMarket, order: Order) -> None:
        status = self.order_status(market, order.side, order.price, order.wanted)
        if status < 0:
            market.refused[status] += 1
            self.log(market, order, Kind.REJECT, order.wanted, status=status)
            return
        self.last_order_id += 1
        order.order_id, order.left = self.last_order_id, order.wanted
        market.position.order_count += 1
        market.join(order)
        ahead_lots = market.ahead(order)
        self.log(market, order, Kind.NEW, order.left, ahead_lots=ahead_lots)
        for price, there, _ in [] if market.is_still else market.depth(1 - order.side):
            place = (1 - order.side, price)
            lots = min(order.left, there - market.taken[place])
            if lots > 0 and (price == order.price or better(1 - order.side, price, order.price)):
                market.taken[place] += lots
                self.fill(market, order, price, lots, maker=0)

    def order_status(self, market: NaiveMarket, side: int, price: int, lots: int) -> Status:
        """The first rule that an order breaks."""
        one, shown = market.instrument, self.rules.window_levels
        depth = market.depth(side)
        opposite = [order.price for order in market.ours(1 - side)]
        if market.status in (TradingStatus.HALTED, TradingStatus.PAUSED):
            return Status.SYMBOL_HALTED
        if market.status == TradingStatus.CLOSED:
            return Status.SESSION_CLOSED
        if lots <= 0:
            return Status.QTY_NOT_POSITIVE
        if lots > one.qty_lots_max:
            return Status.QTY_TOO_LARGE
        last = one.price_max - (one.price_max - one.price_min) % one.increment
        if not one.price_min <= price <= last:  # as far as the book's own prices reach
            return Status.PRICE_OUT_OF_RANGE
        if price % one.tick(price):
            return Status.PRICE_OFF_TICK
        if shown and len(depth) >= shown and better(side, depth[shown - 1][0], price):
            return Status.OUTSIDE_WINDOW
        if any(p == price or better(1 - side, p, price) for p in opposite):
            return Status.SELF_CROSS
        return self.limit_status(market, side, price, lots)

    def limit_status(self, market: NaiveMarket, side: int, price: int, lots: int) -> Status:
        """The first limit that an order breaks."""
        rules, held = self.rules, market.position.position_lots
        closing = (held < 0) if side == 0 else (held > 0)
        reduces = closing and lots <= abs(held) - market.open_lots(side)
        if self.cause is not None and not reduces:
            return self.cause
        if lots > rules.max_order_lots:
            return Status.MAX_ORDER_QTY
        if abs(price * lots) > rules.max_order_points:
            return Status.MAX_ORDER_NOTIONAL
        if min(rules.collar_bps, rules.collar_price) < UNLIMITED:
            reference = self.reference(market)
            if reference is None:
                return Status.REFERENCE_MISSING
            away = abs(price - reference)
            by_bps = rules.collar_bps < UNLIMITED and away * 10**4 > reference * rules.collar_bps
            if by_bps or away > rules.collar_price:
                return Status.PRICE_COLLAR
        opened = [len([*one.ours(0), *one.ours(1)]) for one in self.markets]
        if opened[market.number] >= rules.max_open_orders or sum(opened) >= rules.max_all_orders:
            return Status.MAX_OPEN_ORDERS
        return Status.OK if reduces else self.position_status(market, side, lots)

    def reference(self, market: NaiveMarket) -> Fraction | None:
        """The mid, or the last trade while a side is empty."""
        if market.depth(0) and market.depth(1):
            return Fraction(market.best(0) + market.best(1), 2)
        one, price = market.instrument, market.last_price
        last = one.price_max - (one.price_max - one.price_min) % one.increment
        if price is None or not one.price_min <= price <= last:
            return None
        return Fraction(price)

    def position_status(self, market: NaiveMarket, side: int, lots: int) -> Status:
        held = market.position.position_lots
        if side == 0 and held + market.open_lots(0) + lots > self.rules.max_long:
            return Status.MAX_LONG
        if side == 1 and market.open_lots(1) + lots - held > self.rules.max_short:
            return Status.MAX_SHORT
        grown = market.exposure(lots, 0) if side == 0 else market.exposure(0, lots)
        others = self.exposure() - market.exposure()
        if grown > market.exposure() and others + grown > self.rules.max_position:
            return Status.MAX_POSITION
        return Status.OK

    def exposure(self) -> int:
        return sum(market.exposure() for market in self.markets)


def better(side: int, left: int, right: int) -> bool:
    """Whether one price of a side is strictly better than another."""
    return left > right if side == 0 else left < right
