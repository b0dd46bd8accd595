"""Probes followed with no thought for speed: each keeps the very orders that stand before it."""

from dataclasses import dataclass
from typing import Any

from mmjit.core.codes import Flag, Kind, TradingStatus
from mmjit.tape import Tape
from tests.naive_book import NaiveBook, NaiveTally, Order, plain
from tests.naive_queues import NaiveQueue, Share

CUT = -1
BY_ID = (Kind.ADD, Kind.REDUCE, Kind.DELETE, Kind.REPLACE, Kind.EXECUTE)


@dataclass
class Probe:
    entered_ns: int
    owner: int
    price: int
    before: list[Order]  # it, when it was entered
    queue: NaiveQueue
    first_lots: int
    true_ns: int = 0
    model_ns: int = 0

    def ahead(self, book: NaiveBook) -> int:
        there = book.queue(self.owner, self.price)
        return sum(o.qty_lots for o in there if any(o is one for one in self.before))

    def is_better_than(self, price: int) -> bool:
        return self.price > price if self.owner % 2 == 0 else self.price < price

    def end(self, when_ns: int) -> None:
        self.true_ns = self.true_ns or when_ns
        self.model_ns = self.model_ns or when_ns

    def trade(self, lots: int, now_ns: int) -> None:
        if self.model_ns == 0 and self.queue.trade(lots) > 0:
            self.model_ns = now_ns


class NaiveProbes:
    """All that is known of the probes of a tape.

    Args:
        tape: in memory.
        share: of the queue model, as `NaiveQueue` takes it.
        every_ns: between instants.
        horizon_ns: of a probe's life.
    """

    def __init__(self, tape: Tape, share: Share | None, every_ns: int, horizon_ns: int) -> None:
        symbols = len(tape.instruments)
        self.book = NaiveBook(symbols, 1 << 20, 1 << 20, 1 << 20, tape.wide)
        for number, one in enumerate(tape.instruments):
            self.book.configure(number, one.price_min, one.price_max, one.increment)
        self.share, self.every_ns, self.horizon_ns = share, every_ns, horizon_ns
        self.probes: list[Probe] = []
        self.looks: list[tuple[int, int, float, int]] = []  # age, ahead, front, first queue
        events = tape.events
        self.now_ns = -(1 << 62)
        first = next((one for one in events if one["kind"] == Kind.ADD), events[0])
        next_ns = (int(first["venue_ns"]) // every_ns + 1) * every_ns
        last_ns = int(events[-1]["venue_ns"]) - horizon_ns
        for place in range(len(events)):
            while next_ns <= int(events[place]["venue_ns"]):
                self.now_ns = max(self.now_ns, next_ns)
                self.look(next_ns)
                if next_ns <= last_ns:
                    self.enter(next_ns)
                next_ns += every_ns
            self.apply(events[place : place + 1], tape.order_slots)

    def alive(self) -> list[Probe]:
        return [p for p in self.probes if self.now_ns < p.entered_ns + self.horizon_ns]

    def look(self, when_ns: int) -> None:
        for probe in self.alive():
            if probe.true_ns == 0:
                front = 0.0 if probe.model_ns else max(probe.queue.front, 0.0)
                age = (when_ns - probe.entered_ns) // self.every_ns
                self.looks.append((age, probe.ahead(self.book), front, probe.first_lots))

    def enter(self, when_ns: int) -> None:
        for owner in range(2 * self.book.symbol_count):
            best = self.book.best(owner)
            status = self.book.markets[owner // 2].status
            if best and status in (TradingStatus.UNKNOWN, TradingStatus.TRADING):
                price, lots, _ = best
                before = list(self.book.queue(owner, price))
                queue = NaiveQueue(self.share, lots)
                self.probes.append(Probe(when_ns, owner, price, before, queue, lots))

    def apply(self, record: Any, slot_count: int) -> None:
        one = plain(record[0])
        self.now_ns = max(self.now_ns, one["venue_ns"])
        name = (0, one["handle"])
        order = self.book.orders.get(name)
        left = order.qty_lots if order else 0
        alive = self.alive()
        shown = {(p.owner, p.price): self.book.qty_at(p.owner, p.price) for p in alive}
        accepted = self.book.sequence
        self.book.replay(record, slot_count, NaiveTally())
        if self.book.sequence == accepted:
            return
        newer = self.book.orders.get(name)
        if one["flags"] & Flag.SYNTHETIC and one["kind"] in BY_ID:
            touched = [(o.owner, o.price) for o in (order, newer) if o]
            for probe in [p for p in alive if (p.owner, p.price) in touched]:
                probe.end(CUT)
        if one["kind"] == Kind.EXECUTE and order:
            self.execute(alive, order, left - order.qty_lots)
        elif one["kind"] == Kind.TRADE:
            self.trade(alive, one)
        elif one["kind"] == Kind.CLEAR:
            for probe in [p for p in alive if p.owner // 2 == one["symbol"]]:
                probe.end(CUT)
        for probe in alive:
            now = self.book.qty_at(probe.owner, probe.price)
            if probe.model_ns == 0 and now != shown[probe.owner, probe.price]:
                probe.queue.depth(now)
        comes = newer and (order is None or newer.price != order.price)
        if newer and comes and not one["flags"] & Flag.SYNTHETIC:
            self.cross(alive, newer)

    def execute(self, alive: list[Probe], order: Order, lots: int) -> None:
        for probe in [p for p in alive if p.owner == order.owner]:
            if probe.is_better_than(order.price):
                probe.end(self.now_ns)
            elif probe.price == order.price:
                if probe.true_ns == 0 and not any(order is one for one in probe.before):
                    probe.true_ns = self.now_ns
                probe.trade(lots, self.now_ns)

    def trade(self, alive: list[Probe], one: dict[str, int]) -> None:
        if one["flags"] & (Flag.AUCTION | Flag.UNPRINTED) or one["qty_lots"] == 0:
            return
        for probe in [p for p in alive if p.owner // 2 == one["symbol"]]:
            if probe.price == one["price"]:
                probe.trade(one["qty_lots"], self.now_ns)
            elif probe.is_better_than(one["price"]):
                probe.end(self.now_ns)

    def cross(self, alive: list[Probe], newer: Order) -> None:
        for probe in [p for p in alive if p.owner == newer.owner ^ 1]:
            if probe.price == newer.price or probe.is_better_than(newer.price):
                probe.end(self.now_ns)
