"""The venue's side of a naive backtest: the recorded market, and what stands there of ours.

The queues are those of `tests.naive_backtest`, lists in the order in which they are served; of
price levels there is one number a price, and each order of ours knows how many lots are before it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mmjit.core.codes import Flag, Kind, Status, TimeInForce, TradingStatus
from tests.naive_backtest import Event, NaiveMarket, Order, better

EVER = 1 << 62
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(eq=False, kw_only=True)
class Own(Order):
    """An order of ours: in the fields of `Order` as the venue has it, in these as our side does."""

    level: int = 0
    tif: int = TimeInForce.GTC
    market: bool = False
    post_only: bool = False
    reduce_only: bool = False
    display_lots: int = 0
    expires_ns: int = EVER
    shown: int = 0  # at the venue, with the next four
    done: int = 0  # filled
    came: int = 0  # how many events the venue had seen
    entry_ahead: int = 0
    front: int = 0  # lots before it, of price levels
    asked_price: int = 0
    open_lots: int = 0
    filled: int = 0
    known_came: int = 0
    known_front: int | None = None  # lots before it, of price levels; None: until it is known
    sent_ns: int = 0
    leaving: Kind | None = None  # the CANCEL or AMEND that is on its way
    place: tuple[int, int] | None = None  # among the quotes
    recalled: bool = False  # a quote whose cancel was sent,
    stray: bool = False  # and got lost


@dataclass
class LevelMarket(NaiveMarket):
    """A symbol of which price levels are recorded; only ours are in its queues."""

    shown: Counter[tuple[int, int]] = field(default_factory=Counter)

    def depth(self, side: int) -> list[tuple[int, int, int]]:
        rows = [(price, lots, 0) for (of, price), lots in self.shown.items() if of == side and lots]
        return sorted(rows, reverse=side == 0)

    def hit_side(self, side: int, price: int) -> int:
        """The side of the resting orders of a trade."""
        bids = self.depth(0)
        return side if side in (0, 1) else 0 if bids and price <= bids[0][0] else 1

    def cap(self, place: tuple[int, int]) -> None:
        self.taken[place] = min(self.taken[place], self.shown[place])


def record(market: Any, one: Event, place: int) -> bool:
    """Apply an event to the recorded side of a market; whether it could be."""
    kind, lots = one["kind"], one["qty_lots"]
    level = (one["side"], one["price"])
    order = market.recorded.get(one["order_id"])
    if kind == Kind.STATUS:
        market.status = lots
    elif kind == Kind.LEVEL:
        market.shown[level] = lots
        market.cap(level)
    elif kind == Kind.CLEAR:
        for one_order in list(market.recorded.values()):
            market.leave(one_order)
        for level in market.shown if isinstance(market, LevelMarket) else ():
            market.shown[level] = 0
            market.cap(level)
    elif kind == Kind.ADD:
        if one["order_id"] == 0 or lots <= 0 or order is not None:
            return False
        market.join(Own(one["order_id"], *level, lots, level=-1, came=place))
    elif kind in (Kind.REDUCE, Kind.DELETE, Kind.EXECUTE, Kind.REPLACE):
        if order is None or (kind != Kind.DELETE and lots <= 0):
            return False
        if kind != Kind.REPLACE:
            market.shrink(order, order.left if kind == Kind.DELETE else min(lots, order.left))
            return True
        new_id = one["other_id"]
        if new_id == 0 or (new_id != order.order_id and new_id in market.recorded):
            return False
        market.leave(order)
        market.join(Own(new_id, order.side, one["price"], lots, level=-1, came=place))
    return True


class NaiveFloor:
    """The venue. Who inherits it says how an `answer` is made and told.

    Args:
        market: as it is recorded, with ours in its queues.
        impact: whether what we take is gone.
    """

    def __init__(self, market: Any, impact: bool) -> None:
        self.floor, self.impact = market, impact
        self.by_level = isinstance(market, LevelMarket)
        self.floor_ns = self.event = self.place = self.held = 0

    def answer(self, own: Own, kind: Kind, **more: Any) -> dict[str, Any]:
        raise NotImplementedError

    def tell(self, answer: dict[str, Any]) -> None:
        raise NotImplementedError

    # ---- what was recorded meets ours -----------------------------------------------------------

    def resting(self) -> list[Own]:
        return [one for side in (0, 1) for one in self.floor.ours(side)]

    def trades(self, one: Event) -> bool:
        return self.trades_in(self.floor, one)

    def trades_in(self, market: Any, one: Event) -> bool:
        return not market.is_still and not one["flags"] & Flag.AUCTION

    def meet(self, one: Event) -> None:
        """An event of orders meets ours."""
        kind, hit = one["kind"], self.floor.recorded.get(one["order_id"])
        lots = min(one["qty_lots"], hit.left) if hit is not None else 0
        if not record(self.floor, one, self.event):
            return
        if kind == Kind.STATUS and one["qty_lots"] == TradingStatus.CLOSED:
            self.end_day()
        elif not self.trades(one):
            return
        elif kind == Kind.EXECUTE:
            self.share_out(hit.side, hit.price, hit.came, lots)
        elif kind == Kind.TRADE:
            for side in (0, 1):
                self.share_out(side, one["price"], -1, one["qty_lots"])
        elif kind in (Kind.ADD, Kind.REPLACE):
            side = one["side"] if kind == Kind.ADD else hit.side
            self.cross(side, one["price"], one["qty_lots"])

    def meet_by_level(self, one: Event) -> None:
        """An event of price levels meets ours."""
        side, price, lots = one["side"], one["price"], one["qty_lots"]
        before = self.floor.shown[side, price]
        record(self.floor, one, self.event)
        if one["kind"] == Kind.LEVEL:
            for own in self.floor.ours(side):
                if own.price == price:
                    own.front = min(own.front, before, lots)
            if lots > before and self.trades(one):
                self.cross(side, price, lots - before)
        elif one["kind"] == Kind.TRADE and self.trades(one):
            self.trade_at(side, price, lots)
        elif one["kind"] == Kind.STATUS and lots == TradingStatus.CLOSED:
            self.end_day()

    def trade_at(self, side: int, price: int, lots: int) -> None:
        """A trade: through ours at better prices, then with the queue at its own."""
        side = self.floor.hit_side(side, price)
        left = lots - self.share_out(side, price, -1, lots)
        for own in [own for own in self.floor.ours(side) if own.price == price]:
            if own.left == 0:
                continue  # cancelled meanwhile
            reached = max(0, lots - own.front)
            own.front = max(0, own.front - lots)
            now = min(reached, left, own.shown)
            left -= now
            if now:
                self.fill(own, price, now, maker=1)

    def cross(self, side: int, price: int, lots: int) -> None:
        """What is new at a price fills what of ours it crosses, and is gone for us by as much."""
        filled = self.share_out(1 - side, price, EVER, lots)
        if self.impact:
            self.floor.taken[side, price] += filled

    def share_out(self, side: int, price: int, came: int, lots: int) -> int:
        """Fill ours that are better, or at the price and there by then; returns how many lots."""
        left = lots
        while left > 0:
            own = next(self.floor.ours(side), None)
            if own is None or better(side, price, own.price):
                break
            if own.price == price and own.came > came:
                break
            now = min(left, own.shown)
            left -= now
            self.fill(own, own.price, now, maker=1)
        return lots - left

    def fill(self, own: Own, price: int, lots: int, maker: int) -> None:
        ahead = (own.front if self.by_level else self.floor.ahead(own)) if maker else 0
        own.left -= lots
        own.shown -= lots if maker else 0
        own.done += lots
        self.held += lots if own.side == 0 else -lots
        answer = self.answer(own, Kind.FILL, price=price, qty_lots=lots, ahead_lots=ahead)
        answer |= {"maker": maker, "entry_ahead_lots": own.entry_ahead}
        if maker and own.shown == 0:
            self.floor.leave(own)
            if own.left:  # the next part of an iceberg
                self.stand(own, own.left)
                self.floor.join(own)
        self.tell(answer)
        for side in (0, 1):
            self.trim(side)

    def trim(self, side: int) -> None:
        """Cancel the reduce-only orders of a side that could do more than close the position."""
        left = self.closable(side)
        for own in list(self.floor.ours(side)):
            if own.reduce_only and own.left > left:
                self.leave(own, own.sent_ns, Status.REDUCE_ONLY)
            elif own.reduce_only:
                left -= own.left

    def closable(self, side: int) -> int:
        return max(0, -self.held if side == 0 else self.held)

    def stand(self, own: Own, lots: int) -> None:
        """Give an order its place behind everything that is at its price now."""
        own.left, own.came = lots, self.place
        own.shown = min(own.display_lots or lots, lots)
        lots_there = {price: there for price, there, _ in self.floor.depth(own.side)}
        own.entry_ahead = own.front = lots_there.get(own.price, 0)

    def end_day(self) -> None:
        for own in self.resting():
            if own.tif == TimeInForce.DAY:
                self.leave(own, own.sent_ns, Status.SESSION_CLOSED)

    def expire(self) -> None:
        self.floor_ns = max(self.floor_ns, min(one.expires_ns for one in self.resting()))
        for own in self.resting():
            if own.expires_ns <= self.floor_ns:
                self.leave(own, own.sent_ns, Status.EXPIRY_PAST)

    def leave(self, own: Own, sent_ns: int, status: Status) -> None:
        self.floor.leave(own)
        own.sent_ns = sent_ns
        self.drop(own, status)

    def drop(self, own: Own, status: Status) -> None:
        lots, own.left = own.left, 0
        self.tell(self.answer(own, Kind.CANCEL, qty_lots=lots, status=status))

    # ---- what arrives ---------------------------------------------------------------------------

    def arrive(self, asked: dict[str, Any]) -> None:
        """A request has arrived."""
        own, kind = asked["own"], asked["kind"]
        if kind == Kind.NEW:
            self.enter(own, asked["qty_lots"])
        elif own.left == 0:
            self.refuse(asked, Status.ORDER_ID_UNKNOWN)
        elif kind == Kind.CANCEL:
            self.leave(own, asked["sent_ns"], Status.OK)
        else:
            self.amend(own, asked)

    def refuse(self, asked: dict[str, Any], status: Status) -> None:
        answer = self.answer(asked["own"], Kind.REJECT, of_kind=asked["kind"], status=status)
        self.tell(answer | {name: asked[name] for name in ("price", "qty_lots", "more", "sent_ns")})

    def enter(self, own: Own, lots: int) -> None:
        own.price = own.asked_price
        status = self.entry_status(own, own.price, lots)
        if status < 0:
            more = {"of_kind": Kind.NEW, "status": status, "qty_lots": lots}
            self.tell(self.answer(own, Kind.REJECT, **more))
            return
        self.stand(own, lots)
        self.tell(self.answer(own, Kind.ACK, qty_lots=lots, ahead_lots=own.entry_ahead))
        self.trade_and_rest(own)

    def amend(self, own: Own, asked: dict[str, Any]) -> None:
        price, left = asked["price"], asked["qty_lots"] - own.done
        if left <= 0:
            self.leave(own, asked["sent_ns"], Status.OK)
            return
        stays = price == own.price and left <= own.left
        status = Status.OK if stays else self.entry_status(own, price, left)
        if status < 0:
            self.refuse(asked, status)
            return
        change = abs(own.left - left)
        if stays:
            own.left, own.shown = left, min(own.shown, left)
        else:
            self.floor.leave(own)
            own.price = price
            self.stand(own, left)
        answer = self.answer(own, Kind.AMEND, qty_lots=change)
        self.tell(answer | {"sent_ns": asked["sent_ns"]})
        if not stays:
            self.trade_and_rest(own)

    def trade_and_rest(self, own: Own) -> None:
        """Take what is crossed; what is left rests, or is cancelled if it must not."""
        met = not self.floor.is_still and self.sweep(own)
        if own.left == 0:
            return
        if met or own.market or own.tif in IMMEDIATE:
            self.drop(own, Status.SELF_CROSS if met else Status.OK)
        else:
            own.shown = min(own.shown, own.left)
            self.floor.join(own)

    def sweep(self, own: Own) -> bool:
        """Take what rests at the price or better, nothing behind ours; whether ours is met."""
        far = 1 - own.side
        for price, lots, _ in self.floor.depth(far):
            if own.left == 0 or better(far, own.price, price) or self.is_ours_at(far, price):
                break
            now = min(own.left, lots - self.floor.taken[far, price])
            if now > 0:
                self.floor.taken[far, price] += now if self.impact else 0
                self.fill(own, price, now, maker=0)
        return own.left > 0 and self.is_ours_at(far, own.price)

    def is_ours_at(self, side: int, price: int) -> bool:
        """Whether an order of ours is at a price or better."""
        return any(not better(side, price, own.price) for own in self.floor.ours(side))

    def offered(self, own: Own, price: int) -> int:
        """The lots that could be taken at a price or better."""
        far = 1 - own.side
        rows = [row for row in self.floor.depth(far) if not better(far, price, row[0])]
        return sum(max(0, lots - self.floor.taken[far, at]) for at, lots, _ in rows)

    def entry_status(self, own: Own, price: int, lots: int) -> Status:
        """The first rule of the venue that an order breaks."""
        status = self.floor.status
        if status in (TradingStatus.HALTED, TradingStatus.PAUSED):
            return Status.SYMBOL_HALTED
        if status == TradingStatus.CLOSED:
            return Status.SESSION_CLOSED
        if own.expires_ns <= self.floor_ns:
            return Status.EXPIRY_PAST
        if own.reduce_only and lots > self.closable(own.side):
            return Status.REDUCE_ONLY
        if own.market:
            return Status.OK
        if self.is_ours_at(1 - own.side, price):
            return Status.SELF_CROSS
        if own.post_only and self.offered(own, price) > 0:
            return Status.POST_ONLY_WOULD_TRADE
        if own.tif == TimeInForce.FOK and self.offered(own, price) < lots:
            return Status.FILL_OR_KILL_UNFILLED
        return Status.OK
