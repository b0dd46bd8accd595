"""What every importer shares: the resolver that grows, and the bounds that become instruments."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mmjit.core.codes import STATUS_SPAN, Status
from mmjit.core.pool import Pool
from mmjit.core.records import BOUNDS, METER, SEAT
from mmjit.core.resolve import Resolver, resolve
from mmjit.core.state import aligned_zeros, power_of_two
from mmjit.core.tickets import PER_SEAT, TICKET, rewrite
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]

_SEATS: Final = 1 << 22  # to begin with: memory that was never touched is none
_TICKETED: Final = 1 << 12  # seats that there are tickets for to begin with: those are scattered


class Resolving:
    """Gives a stream of events its handles, piece by piece, in memory bounded by what rests.

    Args:
        symbol_count: how many symbols the events may name; an event of another is refused.
    """

    def __init__(self, symbol_count: int = 1) -> None:
        self.counts = np.zeros(STATUS_SPAN, np.int64)
        meter = np.zeros(1, METER)
        meter["capacity"] = _SEATS
        self._resolver = Resolver(
            aligned_zeros("seats", SEAT, _SEATS),
            aligned_zeros("tickets", TICKET, PER_SEAT * _TICKETED),
            Pool(np.zeros(_SEATS, np.int32), meter),
            aligned_zeros("bounds", BOUNDS, symbol_count),
        )

    def __call__(self, events: Array) -> None:
        """Resolve a run of EVENT in place."""
        self._make_room(len(events))
        resolve(self._resolver, events, self.counts)

    def _make_room(self, event_count: int) -> None:
        """Make room for as many new orders as there are events."""
        old = self._resolver
        meter = old.pool.meter[0]
        wanted = int(meter["fresh"]) - int(meter["depth"]) + event_count
        if PER_SEAT * wanted > len(old.tickets):
            tickets = aligned_zeros("tickets", TICKET, PER_SEAT * power_of_two(wanted))
            rewrite(old.tickets, tickets)
            old = self._resolver = old._replace(tickets=tickets)
        if wanted > len(old.seats):
            slots = power_of_two(wanted)
            seats = aligned_zeros("seats", SEAT, slots)
            seats[: len(old.seats)] = old.seats
            free = np.zeros(slots, np.int32)
            free[: len(old.seats)] = old.pool.free
            meter["capacity"] = slots
            self._resolver = old._replace(seats=seats, pool=Pool(free, old.pool.meter))

    @property
    def order_slots(self) -> int:
        """How many slots the handles given so far need."""
        return int(self._resolver.pool.meter[0]["fresh"])

    @property
    def qty_lots_max(self) -> int:
        """The largest quantity that came to rest."""
        return int(self._resolver.bounds["qty_lots_max"].max(initial=0))

    def anomalies(self) -> dict[str, int]:
        """How many events a book would refuse, by the rule they break."""
        return anomaly_counts(self.counts)

    def bounded(self, symbol: int, instrument: Instrument) -> Instrument:
        """An instrument with the bounds and the increment that its events had."""
        bounds = self._resolver.bounds[symbol]
        if bounds["event_count"] == 0:
            return instrument
        increment = max(1, int(bounds["increment"]))
        low = int(bounds["price_min"])
        return replace(
            instrument,
            increment=increment,
            price_min=min(instrument.price_min, low) // increment * increment,
            price_max=max(instrument.price_max, int(bounds["price_max"])),
        )


def anomaly_counts(counts: Array) -> dict[str, int]:
    """The counts of a replay or a resolver that are not zero, by lower-case name."""
    return {s.name.lower(): int(counts[-s]) for s in Status if s < 0 and counts[-s]}


Advance = Callable[[int], None]
