"""The order flow as one would write it with no thought for speed: dicts, lists and `math.log`.

It draws the same random words as the kernels and takes the same decisions from them; what rests is
a dict in the order of arrival, and a market order is a search through it.
"""

import math
from typing import Any, NamedTuple

from mmjit.core.codes import ASK, BID, Kind
from mmjit.core.wrapping import plain_draw
from mmjit.models.plans import Plan


class Seen(NamedTuple):
    """An event as the feed shows it, but for its time."""

    kind: int
    order_id: int
    side: int
    price: int
    qty_lots: int


class NaiveFlow:
    """The flow of one symbol, and the book it trades in."""

    def __init__(self, plan: Plan, seed: int, start_ns: int = 0) -> None:
        self.plan, self.start_ns = plan, start_ns
        self.seed = plain_draw(seed, 0)
        self.draws = 0
        self.orders: dict[int, tuple[int, int]] = {}  # id -> side, price; oldest first
        self.live: list[int] = []
        self.reference = {BID: plan.start_price, ASK: plan.start_price + plan.tick}
        self.time = self.excess = 0.0
        self.last_id = self.market_count = 0
        self.cut, self.others = plan_table(plan)
        self.schedule()

    def word(self) -> int:
        """53 random bits."""
        self.draws += 1
        return plain_draw(self.seed, self.draws - 1) >> 11 & (1 << 53) - 1

    def uniform(self) -> float:
        return self.word() / 2**53

    def schedule(self) -> None:
        """Draw when something may happen next."""
        plan = self.plan
        limits = 2 * math.fsum(plan.arrivals)
        cancels = float(plan.hazards.max()) * len(self.live)
        self.bound = limits + cancels + plan.market + self.excess
        gap = -math.log(1 - self.uniform()) / self.bound
        self.time += gap
        self.excess *= math.exp(-plan.fade * gap)

    @property
    def next_ns(self) -> int:
        return self.start_ns + int(self.time * self.plan.unit_ns)

    def best(self, side: int) -> int | None:
        prices = [price for s, price in self.orders.values() if s == side]
        if not prices:
            return None
        return max(prices) if side == BID else min(prices)

    def step(self) -> tuple[int, Seen | None]:
        """What happens at the next time: the time, and the event if there is one."""
        now = self.next_ns
        for side in (BID, ASK):
            best = self.best(side)
            self.reference[side] = self.reference[side] if best is None else best
        point = self.uniform() * self.bound
        one_side = math.fsum(self.plan.arrivals)
        hazard = float(self.plan.hazards.max())
        if point < 2 * one_side:
            seen = self.limit(point / one_side)
        elif point < 2 * one_side + hazard * len(self.live):
            seen = self.cancel(int((point - 2 * one_side) / hazard))
        else:
            seen = self.market(point - 2 * one_side - hazard * len(self.live))
        self.schedule()
        return now, seen

    def limit(self, point: float) -> Seen | None:
        side = int(point)
        scaled = (point - side) * len(self.cut)
        place = int(scaled)
        distance = 1 + (place if scaled - place < self.cut[place] else int(self.others[place]))
        away = distance * self.plan.tick
        price = self.reference[ASK] - away if side == BID else self.reference[BID] + away
        if price < self.plan.tick:
            return None
        self.last_id += 1
        self.orders[self.last_id] = (side, price)
        self.live.append(self.last_id)
        return Seen(Kind.ADD, self.last_id, side, price, self.plan.order_lots)

    def cancel(self, place: int) -> Seen | None:
        order_id = self.live[place]
        seen = None
        if order_id in self.orders:
            side, price = self.orders[order_id]
            distance = abs(self.reference[1 - side] - price) // self.plan.tick
            hazards = self.plan.hazards / self.plan.hazards.max()
            if self.uniform() >= hazards[min(max(distance, 1), len(hazards)) - 1]:
                return None
            del self.orders[order_id]
            seen = Seen(Kind.DELETE, order_id, side, price, self.plan.order_lots)
        self.live[place] = self.live[-1]
        self.live.pop()
        return seen

    def market(self, point: float) -> Seen | None:
        rate = self.plan.market + self.excess
        if point >= rate:
            return None
        self.excess += self.plan.jump
        self.last_id += 1
        self.market_count += 1
        resting = ASK if 2 * point < rate else BID
        best = self.best(resting)
        for order_id, (side, price) in self.orders.items():
            if (side, price) == (resting, best):
                del self.orders[order_id]
                return Seen(Kind.EXECUTE, order_id, side, price, self.plan.order_lots)
        return None

    def events(self, count: int) -> list[tuple[int, Seen]]:
        """So many events, each with its time."""
        found: list[tuple[int, Seen]] = []
        while len(found) < count:
            now, seen = self.step()
            if seen is not None:
                found.append((now, seen))
        return found


def plan_table(plan: Plan) -> tuple[Any, Any]:
    """The alias table; that it is right is another test's business."""
    from mmjit.models.plans import alias_table

    return alias_table(plan.arrivals)
