"""What every importer shares: the resolver that grows, and the bounds that become instruments."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mmjit.core.codes import STATUS_SPAN, Status
from mmjit.core.index import PER_SLOT, rewrite
from mmjit.core.pool import Pool
from mmjit.core.records import BOUNDS, ENTRY, METER, PAGE_ENTRY, SEAT
from mmjit.core.resolve import Resolver, expect_increments, resolve, rewrite_pages
from mmjit.core.state import aligned_zeros, power_of_two
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]

PIECE: Final = 1 << 18  # events that are put into order, resolved and written at once
_SEATS: Final = 1 << 22  # to begin with: memory that was never touched is none
_INDEXED: Final = 1 << 12  # seats that there are entries for to begin with: those are scattered
CENT: Final = 100  # in the price unit of US equity feeds, 0.0001 dollars


class Resolving:
    """Gives a stream of events its handles, piece by piece, in memory bounded by what rests.

    Args:
        symbol_count: how many symbols the events may name; an event of another is refused.
        increments: int64, what prices are usually multiples of, in price units: of every symbol
            the same, or one each. A symbol whose prices are not gets the greatest common divisor;
            0: that of its prices alone.
    """

    def __init__(self, symbol_count: int = 1, increments: int | Array = 0) -> None:
        self.counts = np.zeros(STATUS_SPAN, np.int64)
        meter = np.zeros(1, METER)
        meter["capacity"] = _SEATS
        self._resolver = Resolver(
            aligned_zeros("seats", SEAT, _SEATS),
            aligned_zeros("entries", ENTRY, PER_SLOT * _INDEXED),
            Pool(np.zeros(_SEATS, np.int32), meter),
            aligned_zeros("bounds", BOUNDS, symbol_count),
            aligned_zeros("pages", PAGE_ENTRY, PER_SLOT * _INDEXED),
            np.zeros(1, METER),
        )
        wanted = np.broadcast_to(np.asarray(increments, np.int64), symbol_count)
        expect_increments(self._resolver.bounds, np.ascontiguousarray(wanted))

    def __call__(self, events: Array) -> None:
        """Resolve a run of EVENT in place."""
        self._make_room(len(events))
        resolve(self._resolver, events, self.counts)

    def _make_room(self, event_count: int) -> None:
        """Make room for as many new orders, and new pages, as there are events."""
        self._make_room_for_pages(event_count)
        old = self._resolver
        meter = old.pool.meter[0]
        wanted = int(meter["fresh"]) - int(meter["depth"]) + event_count
        if PER_SLOT * wanted > len(old.entries):
            entries = aligned_zeros("entries", ENTRY, PER_SLOT * power_of_two(wanted))
            rewrite(old.entries, entries)
            old = self._resolver = old._replace(entries=entries)
        if wanted > len(old.seats):
            slots = power_of_two(wanted)
            seats = aligned_zeros("seats", SEAT, slots)
            seats[: len(old.seats)] = old.seats
            free = np.zeros(slots, np.int32)
            free[: len(old.seats)] = old.pool.free
            meter["capacity"] = slots
            self._resolver = old._replace(seats=seats, pool=Pool(free, old.pool.meter))

    def _make_room_for_pages(self, event_count: int) -> None:
        old = self._resolver.pages
        wanted = PER_SLOT * (self.level_pages + event_count)
        if wanted > len(old):
            pages = aligned_zeros("pages", PAGE_ENTRY, power_of_two(wanted))
            rewrite_pages(old, pages)
            self._resolver = self._resolver._replace(pages=pages)

    @property
    def level_pages(self) -> int:
        """How many pages the levels named so far need."""
        return int(self._resolver.page_meter[0]["fresh"])

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


def in_time_order(events: Array, piece: int = PIECE) -> Iterator[Array]:
    """Events that are nearly in order of `venue_ns`, in that order: equal times stay as they are.

    Memory is bounded by how far an event is from its place.

    Args:
        events: EVENT, may be mapped; stays as it is.
        piece: how many are taken up at once.
    """
    starts = range(0, len(events), piece)
    firsts = [int(events["venue_ns"][start : start + piece].min()) for start in starts]
    limits = np.minimum.accumulate(np.array(firsts[::-1], np.int64))[::-1]
    held = events[:0]
    for number, start in enumerate(starts):
        held = np.concatenate([held, events[start : start + piece]])
        held = held[np.argsort(held["venue_ns"], kind="stable")]
        ready = len(held)
        if number + 1 < len(limits):
            ready = int(np.searchsorted(held["venue_ns"], limits[number + 1]))
        yield held[:ready]
        held = held[ready:]
