"""What the tests of the order flow share: runs of it, and measurements on what it made."""

from typing import Any, NamedTuple

import numpy as np

from mmjit.core.records import EVENT
from mmjit.core.resting import Venue
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from mmjit.models.feed import runner
from mmjit.replaying import depth
from mmjit.simulating import Simulation, simulation

TIMES = ["venue_ns", "local_ns"]


def venue_for(made: Simulation, accounts: int = 1) -> Venue:
    """A venue that takes the orders of a flow, and some of others."""
    room = made.order_capacity + 16
    counts = Counts(symbols=len(made.instruments), orders=room, pages=room)
    venue = memory_venue(VenueCounts(book=counts, accounts=accounts, trades=1 << 12))
    for number, one in enumerate(made.instruments):
        status = configure_symbol(venue.book, number, one.price_min, one.price_max, one.increment)
        assert status == 0
    return venue


class Run(NamedTuple):
    """A flow that has run, where it traded, and what was seen of it."""

    simulation: Simulation
    venue: Venue
    events: Any

    def of_symbol(self, symbol: int) -> Any:
        return self.events[self.events["symbol"] == symbol]


def run(model: str, events: int, *, symbols: int = 1, seed: int = 1, **params: Any) -> Run:
    """So many events of a flow."""
    made = simulation(model, symbols=symbols, seed=seed, params=params)
    venue = venue_for(made)
    out = np.zeros(events, EVENT)
    assert runner(made.flow, venue)(out) == events
    return Run(made, venue, out)


def but_for(events: Any, *names: str) -> Any:
    """Events with some of their fields emptied."""
    copy = events.copy()
    for name in names:
        copy[name] = 0
    return copy


class Seen(NamedTuple):
    """Each event of a tape of one symbol beside the book just before it, once both sides exist."""

    kind: Any
    side: Any
    away: Any  # of the order, in ticks from the best price of the other side before the event
    seconds: Any  # that the book before the event stood
    bid: Any  # prices by level, in ticks; 0 where there is none
    ask: Any
    bid_qty: Any
    ask_qty: Any

    @property
    def mid(self) -> Any:
        return (self.bid[:, 0] + self.ask[:, 0]) / 2

    def profile(self, farthest: int) -> Any:
        """Mean orders of a side at 1, 2, ... ticks from the best price of the other side."""
        total = np.zeros(farthest + 2)
        sides = ((self.bid, self.bid_qty, self.ask, -1), (self.ask, self.ask_qty, self.bid, 1))
        for price, qty, other, sign in sides:
            away = np.clip(sign * (price - other[:, :1]), 0, farthest + 1)
            weights = qty * self.seconds[:, None]
            total += np.bincount(away.ravel(), weights.ravel(), farthest + 2)
        return total[1:-1] / 2 / self.seconds.sum()


def seen_on(tape: Any, *, levels: int, burn: int) -> Seen:
    """What a tape shows from event `burn` on."""
    rows = depth(tape, levels=levels, progress=False)
    tick = tape.instruments[0].increment
    before, events = rows[burn - 1 : -1], tape.events[burn:]
    both = (before["bid_qty"][:, 0] > 0) & (before["ask_qty"][:, 0] > 0)
    seconds = (events["venue_ns"] - before["time_ns"]) / 1e9
    before, events, seconds = before[both], events[both], seconds[both]
    bid, ask = before["bid_price"] // tick, before["ask_price"] // tick
    price = events["price"] // tick
    away = np.where(events["side"] == 0, ask[:, 0] - price, price - bid[:, 0])
    return Seen(
        events["kind"],
        events["side"],
        away,
        seconds,
        bid,
        ask,
        before["bid_qty"],
        before["ask_qty"],
    )
