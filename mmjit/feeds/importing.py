"""What every importer shares: the resolver that grows, and the bounds that become instruments."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mmjit.core.codes import STATUS_SPAN, Status
from mmjit.core.pool import Pool
from mmjit.core.records import BOUNDS, ENTRY, METER, SEAT
from mmjit.core.resolve import Resolver, rehash, resolve
from mmjit.core.state import power_of_two
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]


class Resolving:
    """Gives a stream of events its handles, piece by piece, in memory bounded by what rests.

    Args:
        symbol_count: how many symbols the events may name.
    """

    def __init__(self, symbol_count: int = 1) -> None:
        self.counts = np.zeros(STATUS_SPAN, np.int64)
        slots = 1 << 12
        self._resolver = Resolver(
            np.zeros(slots, SEAT),
            np.zeros(2 * slots, ENTRY),
            Pool(np.zeros(slots, np.int32), _meter(slots)),
            np.zeros(symbol_count, BOUNDS),
        )

    def __call__(self, events: Array) -> None:
        """Resolve a run of EVENT in place."""
        self._grow(len(events), int(events["symbol"].max(initial=0)) + 1)
        resolve(self._resolver, events, self.counts)

    def _grow(self, event_count: int, symbol_count: int) -> None:
        """Make room for as many new orders as there are events."""
        old = self._resolver
        meter = old.pool.meter[0]
        wanted = int(meter["fresh"]) - int(meter["depth"]) + event_count
        slots = len(old.seats)
        if wanted > slots:
            slots = power_of_two(wanted)
            entries = np.zeros(2 * slots, ENTRY)
            rehash(old.entries, entries)
            meter["capacity"] = slots
            pool = Pool(_longer(old.pool.free, slots), old.pool.meter)
            old = old._replace(seats=_longer(old.seats, slots), entries=entries, pool=pool)
        if symbol_count > len(old.bounds):
            old = old._replace(bounds=_longer(old.bounds, power_of_two(symbol_count)))
        self._resolver = old

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
        if symbol >= len(self._resolver.bounds):
            return instrument
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


def _meter(capacity: int) -> Array:
    meter = np.zeros(1, METER)
    meter["capacity"] = capacity
    return meter


def _longer(old: Array, length: int) -> Array:
    new = np.zeros(length, old.dtype)
    new[: len(old)] = old
    return new


Advance = Callable[[int], None]
