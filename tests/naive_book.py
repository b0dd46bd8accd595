"""The book as one would write it with no thought for speed: a dict of orders in arrival order.

Everything is a Python integer. A level is whatever orders there are at a price; the best is a
maximum over all of them; the masks of the ladder are counted anew each time.
"""

from dataclasses import dataclass
from typing import Any

from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, Status

QTY_MAX = {False: (1 << 31) - 1, True: (1 << 62) - 1}
LEVEL_QTY_MAX = (1 << 62) - 1
BOOKLESS = (Kind.BROKEN, Kind.GAP, Kind.SNAPSHOT_BEGIN, Kind.SNAPSHOT_END, Kind.FUNDING)
MASK = (1 << 64) - 1

Event = dict[str, int]
Best = tuple[int, int, int] | None  # price, quantity, count
Name = Any  # what an order is called: its id, or its region and handle


def plain(one: Any) -> Event:
    """A record as Python integers."""
    return {name: int(one[name]) for name in one.dtype.names}


def signed(word: int) -> int:
    """A word of 64 bits as an int64."""
    word &= MASK
    return word - (1 << 64) if word >> 63 else word


@dataclass
class Order:
    order_id: int
    symbol: int
    side: int
    price: int
    qty_lots: int

    @property
    def owner(self) -> int:
        return 2 * self.symbol + self.side


@dataclass
class Market:
    """One symbol: what it takes, and what last happened."""

    price_min: int
    price_max: int
    increment: int
    status: int = 0
    last_price: int = 0
    last_qty_lots: int = 0
    last_ns: int = 0
    traded_lots: int = 0

    @property
    def heights(self) -> int:
        """Of the ladder: each of its masks holds 64 of what is below it."""
        pages, heights = (self.price_max - self.price_min) // self.increment // 8 + 1, 1
        while 64**heights < pages:
            heights += 1
        return heights


class NaiveBook:
    """The same verbs, statuses and reads as the book's.

    Args:
        symbols: how many there can be; `configure` says what each takes.
        orders: how many can rest by id.
        pages: how many groups of eight neighbouring prices there can be with something at them.
        rungs: length of the ladder's table.
        wide: quantities of 64 bits.
    """

    def __init__(self, symbols: int, orders: int, pages: int, rungs: int, wide: bool) -> None:
        self.symbol_count = symbols
        self.order_capacity = orders
        self.page_capacity = pages
        self.rung_limit = rungs - rungs // 4
        self.qty_max = QTY_MAX[wide]
        self.markets = [Market(0, -1, 1) for _ in range(symbols)]
        self.orders: dict[Name, Order] = {}
        self.set_levels: dict[tuple[int, int], int] = {}  # (owner, price) -> quantity
        self.executed: dict[int, int] = {}  # per owner
        self.sequence = self.last_ns = 0
        self.best_changed = False

    def configure(self, symbol: int, price_min: int, price_max: int, increment: int) -> None:
        last = price_min + (price_max - price_min) // increment * increment
        self.markets[symbol] = Market(price_min, last, increment)

    # ---- reads ------------------------------------------------------------------------------

    def queue(self, owner: int, price: int) -> list[Order]:
        return [o for o in self.orders.values() if (o.owner, o.price) == (owner, price)]

    def qty_at(self, owner: int, price: int) -> int:
        resting = sum(o.qty_lots for o in self.queue(owner, price))
        return resting + self.set_levels.get((owner, price), 0)

    def prices(self, owner: int) -> list[int]:
        """Best first."""
        found = {o.price for o in self.orders.values() if o.owner == owner}
        found |= {price for who, price in self.set_levels if who == owner}
        return sorted(found, reverse=owner % 2 == 0)

    def depth(self, owner: int) -> list[tuple[int, int, int]]:
        return [(p, self.qty_at(owner, p), len(self.queue(owner, p))) for p in self.prices(owner)]

    def best(self, owner: int) -> Best:
        depth = self.depth(owner)
        return depth[0] if depth else None

    def side(self, owner: int) -> list[Order]:
        """In priority order."""
        return [o for price in self.prices(owner) for o in self.queue(owner, price)]

    def ahead(self, name: Name) -> int:
        order = self.orders[name]
        queue = self.queue(order.owner, order.price)
        return sum(o.qty_lots for o in queue[: queue.index(order)])

    def page_of(self, owner: int, price: int) -> int:
        """The number of a price's page; a higher one is a better one."""
        market = self.markets[owner // 2]
        away = price - market.price_min if owner % 2 == 0 else market.price_max - price
        return away // market.increment // 8

    def pages(self) -> set[tuple[int, int]]:
        """The pages with something in them, of every side."""
        owners = range(2 * self.symbol_count)
        return {(owner, self.page_of(owner, p)) for owner in owners for p in self.prices(owner)}

    def rung_count(self) -> int:
        """Masks that the ladder needs: each page has an ancestor at each height below the root."""
        masks = set()
        for owner, page in self.pages():
            heights = self.markets[owner // 2].heights
            masks |= {(owner, height, page >> (6 * height + 6)) for height in range(heights - 1)}
        return len(masks)

    # ---- rules ------------------------------------------------------------------------------

    def qty_rule(self, qty_lots: int) -> int:
        if qty_lots <= 0:
            return Status.QTY_NOT_POSITIVE
        return Status.QTY_TOO_LARGE if qty_lots > self.qty_max else Status.OK

    def new_level_rule(self, symbol: int, price: int) -> int:
        market = self.markets[symbol]
        if market.price_max < market.price_min:  # never configured
            return Status.SYMBOL_UNKNOWN
        if not market.price_min <= price <= market.price_max:
            return Status.PRICE_OUT_OF_RANGE
        if (price - market.price_min) % market.increment:
            return Status.PRICE_OFF_INCREMENT
        return Status.OK

    def room_rule(self, owner: int, price: int) -> int:
        pages = self.pages()
        if (owner, self.page_of(owner, price)) in pages:
            return Status.OK
        if len(pages) >= self.page_capacity:
            return Status.LEVEL_POOL_EXHAUSTED
        return Status.LADDER_EXHAUSTED if self.rung_count() + 8 > self.rung_limit else Status.OK

    def place_rule(self, symbol: int, side: int, price: int, qty_lots: int, less: int = 0) -> int:
        """Whether a quantity can rest at a price, where `less` goes away."""
        owner = 2 * symbol + side
        if price not in self.prices(owner):
            return self.new_level_rule(symbol, price) or self.room_rule(owner, price)
        if (owner, price) in self.set_levels:
            return Status.LEVEL_HAS_NO_ORDERS
        total = self.qty_at(owner, price) - less + qty_lots
        return Status.LEVEL_QTY_TOO_LARGE if total > LEVEL_QTY_MAX else Status.OK

    # ---- by id ------------------------------------------------------------------------------

    def apply(self, one: Event) -> int:
        """Apply an event by id: 0, 1 if an order is gone, or a status."""
        return self._applied(one, self._by_id)

    def _applied(self, one: Event, verb: Any) -> int:
        owners = (2 * one["symbol"], 2 * one["symbol"] + 1)
        before = [self.best(owner) for owner in owners]
        result: int = verb(one)
        if result >= 0:
            self.sequence += 1
            self.last_ns = max(self.last_ns, one["venue_ns"])
            self.best_changed = [self.best(owner) for owner in owners] != before
        return result

    def _by_id(self, one: Event) -> int:
        kind, name = one["kind"], one["order_id"]
        if not 1 <= kind <= Kind.EXECUTE:
            return self._bookwide(one)
        if not 0 <= one["symbol"] < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if name == 0:
            return Status.ORDER_ID_ZERO
        if kind == Kind.ADD:
            return self._add_by_id(name, one)
        if name not in self.orders:
            return Status.ORDER_ID_UNKNOWN
        if self.orders[name].symbol != one["symbol"]:
            return Status.ORDER_OF_OTHER_SYMBOL
        if kind == Kind.REPLACE:
            if one["other_id"] == 0:
                return Status.ORDER_ID_ZERO
            if one["other_id"] != name and one["other_id"] in self.orders:
                return Status.ORDER_ID_DUPLICATE
            return self._replace(name, one["other_id"], one)
        return self._shrink(name, one)

    def _add_by_id(self, name: Name, one: Event) -> int:
        rule = self._add_rule(one)
        if rule < 0:
            return rule
        if name in self.orders:
            return Status.ORDER_ID_DUPLICATE
        if len(self.orders) >= self.order_capacity:
            return Status.ORDER_POOL_EXHAUSTED
        return self._rest(name, one)

    def _add_rule(self, one: Event) -> int:
        if one["side"] not in (0, 1):
            return Status.SIDE_UNKNOWN
        place = (one["symbol"], one["side"], one["price"], one["qty_lots"])
        return self.qty_rule(one["qty_lots"]) or self.place_rule(*place)

    def _rest(self, name: Name, one: Event) -> int:
        fields = (one[f] for f in ("order_id", "symbol", "side", "price", "qty_lots"))
        self.orders[name] = Order(*fields)
        return 0

    def _replace(self, name: Name, new_name: Name, one: Event) -> int:
        order = self.orders[name]
        less = order.qty_lots if one["price"] == order.price else 0
        place = (order.symbol, order.side, one["price"], one["qty_lots"], less)
        rule = self.qty_rule(one["qty_lots"]) or self.place_rule(*place)
        if rule < 0:
            return rule
        del self.orders[name]  # and to the tail
        now = (order.symbol, order.side, one["price"], one["qty_lots"])
        self.orders[new_name] = Order(one["other_id"], *now)
        return 0

    def _shrink(self, name: Name, one: Event) -> int:
        left = self.orders[name].qty_lots
        qty_lots = left if one["kind"] == Kind.DELETE else one["qty_lots"]
        if qty_lots <= 0:
            return Status.QTY_NOT_POSITIVE
        if qty_lots > left:
            executes = one["kind"] == Kind.EXECUTE
            return Status.OVER_EXECUTION if executes else Status.OVER_REDUCTION
        return self._take(name, one, qty_lots)

    def _take(self, name: Name, one: Event, qty_lots: int) -> int:
        order = self.orders[name]
        if one["kind"] == Kind.EXECUTE:
            done = self.executed.get(order.owner, 0) + qty_lots
            self.executed[order.owner] = min(done, LEVEL_QTY_MAX)
            price = one["price"] if one["flags"] & Flag.OWN_PRICE else order.price
            self._note_trade(order.symbol, price, qty_lots, one["venue_ns"])
        order.qty_lots -= qty_lots
        if order.qty_lots == 0:
            del self.orders[name]
            return 1
        return 0

    def _note_trade(self, symbol: int, price: int, qty_lots: int, venue_ns: int) -> None:
        market = self.markets[symbol]
        market.last_price, market.last_qty_lots, market.last_ns = price, qty_lots, venue_ns
        market.traded_lots = min(market.traded_lots + qty_lots, LEVEL_QTY_MAX)

    # ---- levels and symbols -----------------------------------------------------------------

    def _bookwide(self, one: Event) -> int:
        kind, symbol, qty_lots = one["kind"], one["symbol"], one["qty_lots"]
        if not 0 <= symbol < self.symbol_count:
            return Status.SYMBOL_UNKNOWN
        if kind == Kind.LEVEL:
            return self._set_level(one)
        if kind == Kind.CLEAR:
            self.orders = {n: o for n, o in self.orders.items() if o.symbol != symbol}
            kept = self.set_levels.items()
            self.set_levels = {at: qty for at, qty in kept if at[0] // 2 != symbol}
        elif kind == Kind.TRADE:
            if qty_lots < 0:
                return Status.QTY_NOT_POSITIVE
            if qty_lots > LEVEL_QTY_MAX:
                return Status.QTY_TOO_LARGE
            if qty_lots > 0:
                self._note_trade(symbol, one["price"], qty_lots, one["venue_ns"])
        elif kind == Kind.STATUS:
            self.markets[symbol].status = qty_lots
        elif kind not in BOOKLESS:
            return Status.KIND_UNKNOWN
        return Status.OK

    def _set_level(self, one: Event) -> int:
        side, price, qty_lots = one["side"], one["price"], one["qty_lots"]
        if side not in (0, 1):
            return Status.SIDE_UNKNOWN
        if qty_lots < 0:
            return Status.QTY_NOT_POSITIVE
        if qty_lots > LEVEL_QTY_MAX:
            return Status.QTY_TOO_LARGE
        owner = 2 * one["symbol"] + side
        if self.queue(owner, price):
            return Status.LEVEL_HAS_ORDERS
        if (owner, price) not in self.set_levels:
            rule = self.new_level_rule(one["symbol"], price)
            if rule < 0 or qty_lots == 0:
                return rule
            rule = self.room_rule(owner, price)
            if rule < 0:
                return rule
        if qty_lots == 0:
            del self.set_levels[owner, price]
        else:
            self.set_levels[owner, price] = qty_lots
        return Status.OK

    # ---- by handle --------------------------------------------------------------------------

    def replay(self, events: Any, slot_count: int, tally: Any, region: int = 0) -> dict[int, int]:
        """Apply records by handle; returns how often each status arose and adds to a tally."""
        counts: dict[int, int] = {}
        for record in events:
            one = plain(record)
            result = self._applied(one, lambda e: self._by_handle(e, slot_count, region))
            if result < 0:
                counts[result] = counts.get(result, 0) + 1
            if result in (Status.OVER_EXECUTION, Status.OVER_REDUCTION):
                self._applied(one, lambda e: self._take_all((region, e["handle"]), e))
            tally.note(self, one)
        return counts

    def _take_all(self, name: Name, one: Event) -> int:
        return self._take(name, one, self.orders[name].qty_lots)

    def _by_handle(self, one: Event, slot_count: int, region: int) -> int:
        kind, name = one["kind"], (region, one["handle"])
        if not 1 <= kind <= Kind.EXECUTE:
            return self._bookwide(one)
        adds = kind == Kind.ADD
        if not 0 <= one["handle"] < slot_count:
            over = (Status.OVER_EXECUTION, Status.OVER_REDUCTION)
            if -STATUS_SPAN < one["level"] < NIL and one["level"] not in over:
                return one["level"]
            return Status.HANDLE_OUT_OF_RANGE if adds else Status.ORDER_ID_UNKNOWN
        if adds:
            if not 0 <= one["symbol"] < self.symbol_count:
                return Status.SYMBOL_UNKNOWN
            if name in self.orders:
                return Status.HANDLE_TAKEN
            rule = self._add_rule(one)
            return rule if rule < 0 else self._rest(name, one)
        if name not in self.orders:
            return Status.ORDER_ID_UNKNOWN
        if self.orders[name].symbol != one["symbol"]:
            return Status.ORDER_OF_OTHER_SYMBOL
        return self._replace(name, name, one) if kind == Kind.REPLACE else self._shrink(name, one)


class NaiveTally:
    """What a replay adds up, one event after another."""

    def __init__(self) -> None:
        self.event_count = self.price_fold = self.qty_fold = self.crossed = self.locked = 0

    def note(self, book: NaiveBook, one: Event) -> None:
        self.event_count += 1
        if not 0 <= one["symbol"] < book.symbol_count:
            return
        bid, ask = (book.best(2 * one["symbol"] + side) for side in (0, 1))
        (bid_price, bid_qty), (ask_price, ask_qty) = ((b or (0, 0, 0))[:2] for b in (bid, ask))
        self.price_fold = signed(3 * self.price_fold + bid_price + 7 * ask_price)
        self.qty_fold = signed(3 * self.qty_fold + 13 * bid_qty + 17 * ask_qty)
        if bid and ask and one["flags"] & Flag.LAST:
            self.crossed += bid_price > ask_price
            self.locked += bid_price == ask_price
