"""The rules of the conformance cases as one would write them with no thought for speed.

A queue is a list of those who wait at a price, recorded and ours, in the order in which they are
served. On price levels nobody is known by name: an order of ours knows how many lots are before it.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.conformance_format import Case, Row

FAR = {"bid": "ask", "ask": "bid"}
OWN = {"buy": "bid", "sell": "ask"}
HITS = {"sell": "bid", "buy": "ask"}  # which side an aggressor trades with


@dataclass(eq=False)
class Order:
    """Ours, or a recorded one."""

    name: str
    side: str
    price: int
    left: int
    ours: bool = True
    tif: str = "gtc"
    before: int = 0  # lots of others, on price levels
    filled: int = 0
    state: str = "resting"


def reaches(side: str, price: int, other: int) -> bool:
    """Whether an order of a side at a price trades with one of the other side at another."""
    return price >= other if side == "bid" else price <= other


@dataclass
class Venue:
    """A recorded market, and our orders in it."""

    case: Case
    levels: Counter = field(default_factory=Counter)  # (side, price) -> lots shown
    taken: Counter = field(default_factory=Counter)  # likewise, what we took of them
    queues: dict = field(default_factory=lambda: defaultdict(list))
    recorded: dict[int, Order] = field(default_factory=dict)
    own: dict[str, Order] = field(default_factory=dict)
    fills: list[Row] = field(default_factory=list)
    position: int = 0
    status: str = "trading"
    now_ns: int = 0

    # ---- what was recorded ----------------------------------------------------------------------

    def apply(self, row: Row) -> None:
        self.now_ns = row["t_ns"]
        getattr(self, f"on_{row['type']}")(row)

    def on_status(self, row: Row) -> None:
        self.status = row["status"]
        for order in self.resting():
            if self.status == "closed" and order.tif == "day":
                self.leave(order, "expired")

    def on_funding(self, row: Row) -> None:
        del row  # cash only

    def on_level(self, row: Row) -> None:
        self.show(row["side"], row["price"], row["qty"])
        for order in self.resting(row["side"]):
            if order.price == row["price"]:
                order.before = min(order.before, row["qty"])

    def on_trade(self, row: Row) -> None:
        side, price = HITS[row["aggressor"]], row["price"]
        if self.is_off(row):
            return
        ours = self.resting(side)
        given = self.share_out([one for one in ours if self.is_better(one, price)], row["qty"])
        for order in [one for one in ours if self.case["tape"] == "L2" and one.price == price]:
            reached = max(row["qty"] - order.before, 0)
            order.before -= min(order.before, row["qty"])
            given += self.share_out([order], reached - given)

    def on_add(self, row: Row) -> None:
        order = Order(row["id"], row["side"], row["price"], row["qty"], ours=False)
        self.recorded[row["id"]] = order
        self.queues[order.side, order.price].append(order)
        self.show(order.side, order.price, self.levels[order.side, order.price] + order.left)

    def on_execute(self, row: Row) -> None:
        order = self.recorded[row["id"]]
        queue = self.queues[order.side, order.price]
        before = [one for one in self.resting(order.side) if self.is_better(one, order.price)]
        before += [one for one in queue[: queue.index(order)] if one.ours]
        if not self.is_off(row):
            self.share_out(before, row["qty"])
        self.shrink(order, row["qty"])

    def on_cancel(self, row: Row) -> None:
        order = self.recorded[row["id"]]
        self.shrink(order, row.get("qty", order.left))

    def on_modify(self, row: Row) -> None:
        order = self.recorded[row["id"]]
        if row["price"] == order.price and row["qty"] < order.left:
            self.shrink(order, order.left - row["qty"])
        else:
            self.shrink(order, order.left)
            self.on_add(row | {"side": order.side})

    def shrink(self, order: Order, lots: int) -> None:
        order.left -= lots
        self.levels[order.side, order.price] -= lots
        if order.left == 0:
            self.queues[order.side, order.price].remove(order)

    def show(self, side: str, price: int, lots: int) -> None:
        """Set a level; what is new on it can be taken, and meets what of ours it crosses."""
        more = lots - self.levels[side, price]
        self.levels[side, price] = lots
        if more > 0:
            self.taken[side, price] = 0
            crossed = [o for o in self.resting(FAR[side]) if reaches(side, price, o.price)]
            if not self.is_off({}):
                self.share_out(crossed, more)

    def is_off(self, row: Row) -> bool:
        return self.status != "trading" or bool(row.get("auction"))

    # ---- ours -----------------------------------------------------------------------------------

    def resting(self, *sides: str) -> list[Order]:
        """Our orders, by price and then time."""
        sides = sides or ("bid", "ask")
        ours = [o for o in self.own.values() if o.state == "resting" and o.side in sides]
        return sorted(ours, key=lambda o: -o.price if o.side == "bid" else o.price)

    def is_better(self, order: Order, price: int) -> bool:
        return order.price != price and reaches(order.side, order.price, price)

    def share_out(self, orders: list[Order], lots: int) -> int:
        given = 0
        for order in orders:
            now = max(min(order.left, lots - given), 0)
            given += now
            self.fill(order, order.price, now, "maker")
        return given

    def fill(self, order: Order, price: int, lots: int, liquidity: str) -> None:
        if lots == 0:
            return
        order.left -= lots
        order.filled += lots
        self.position += lots if order.side == "bid" else -lots
        row = {"t_ns": self.now_ns, "id": order.name, "price": price, "qty": lots}
        self.fills.append(row | {"liquidity": liquidity})
        if order.left == 0:
            self.leave(order, "filled")

    def leave(self, order: Order, state: str) -> None:
        order.state = state
        if order in self.queues[order.side, order.price]:
            self.queues[order.side, order.price].remove(order)

    def act(self, row: Row) -> None:
        self.now_ns = row["t_ns"]
        order = self.own.get(row["id"])
        if row["do"] == "submit":
            self.submit(row)
        elif order is not None and order.state == "resting":
            if row["do"] == "amend" and row["price"] == order.price and row["qty"] <= order.left:
                order.left = row["qty"]
                return
            self.leave(order, "cancelled")
            if row["do"] == "amend":
                order.price, order.left, order.state = row["price"], row["qty"], "resting"
                self.own[order.name] = self.own.pop(order.name)  # the last to come
                self.enter(order)

    def submit(self, row: Row) -> None:
        side = OWN[row["side"]]
        order = Order(row["id"], side, row["price"], row["qty"], tif=row["tif"])
        if row["price"] is None:
            order.price, order.tif = (1 << 60 if side == "bid" else -(1 << 60)), "ioc"
        refused = self.is_refused(order, row)
        self.own[order.name] = order
        if refused:
            order.state = "rejected"
        else:
            self.enter(order)

    def is_refused(self, order: Order, row: Row) -> bool:
        one = self.case["instrument"]
        low, high = one.get("price_min", -(1 << 60)), one.get("price_max", 1 << 60)
        if any(isinstance(value, float | str) for value in (order.price, order.left)):
            return True  # with a fraction, or NaN
        if order.left <= 0 or not low <= order.price <= high or self.status != "trading":
            return True
        opposite = self.resting(FAR[order.side])
        if any(reaches(order.side, order.price, other.price) for other in opposite):
            return True
        closable = -self.position if order.side == "bid" else self.position
        if row.get("reduce_only") and order.left > closable:
            return True
        return bool(row.get("post_only") and self.offered(order))

    def offered(self, order: Order) -> list[tuple[int, int]]:
        """Price and quantity of what an order could take, best first."""
        far = FAR[order.side]
        prices = [price for side, price in self.levels if side == far]
        within = [price for price in prices if reaches(order.side, order.price, price)]
        there = [(p, self.levels[far, p] - self.taken[far, p]) for p in sorted(within)]
        return [one for one in there[:: 1 if far == "ask" else -1] if one[1] > 0]

    def enter(self, order: Order) -> None:
        """Take what can be taken; what is left rests or ends."""
        offered = self.offered(order)
        if order.tif == "fok" and sum(lots for _, lots in offered) < order.left:
            offered = []
        for price, there in offered:
            lots = min(there, order.left)
            self.taken[FAR[order.side], price] += lots if self.case["impact"] else 0
            self.fill(order, price, lots, "taker")
        if order.left and order.tif in ("ioc", "fok"):
            order.state = "cancelled"
        elif order.left:
            order.before = self.levels[order.side, order.price]
            self.queues[order.side, order.price].append(order)


def play(case: Case) -> Case:
    """What becomes of a case by the rules."""
    venue = Venue(case)
    latency = case["latency_ns"]
    steps = [(row["t_ns"], 0, row) for row in case["events"]]
    actions = [row | {"t_ns": row["t_ns"] + latency["entry"]} for row in case["actions"]]
    steps += [(row["t_ns"], 1, row) for row in actions]
    for _, is_ours, row in sorted(steps, key=lambda step: step[:2]):
        (venue.act if is_ours else venue.apply)(row)
    orders = {name: {"state": o.state, "filled": o.filled} for name, o in venue.own.items()}
    seen = [seen_at(case, venue, row) for row in case.get("seen", [])]
    return {"fills": venue.fills, "orders": orders, "position": venue.position, "seen": seen}


def seen_at(case: Case, venue: Venue, asked: Row) -> Row:
    """What the desk knows at a time: the events and the fills that have reached it."""
    latency, known = case["latency_ns"], Venue(case)
    for row in case["events"]:
        if row["t_ns"] + latency["feed"] <= asked["t_ns"]:
            known.apply(row)
    fills = [row for row in venue.fills if row["t_ns"] + latency["response"] <= asked["t_ns"]]
    told = {"t_ns": asked["t_ns"], "position": 0, "bid": None, "ask": None}
    for row in fills:
        told["position"] += row["qty"] if venue.own[row["id"]].side == "bid" else -row["qty"]
    for (side, price), lots in sorted(known.levels.items()):
        is_better = told[side] is None or side == "bid"  # by rising price
        if lots and is_better:
            told[side] = [price, lots]
    return {name: told[name] for name in asked}
