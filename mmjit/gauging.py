"""The four figures that the design of this project promised, measured.

An order within a microsecond, a position update within a microsecond, a pool operation within 100
nanoseconds, a million operations a second.
"""

import time
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.gauges import cycle_fills, cycle_pool
from mmjit.core.ledger import Ledger
from mmjit.core.pool import Pool
from mmjit.core.records import METER
from mmjit.instrument import Instrument
from mmjit.tracker import Tracker

_HELD: Final = 1_000  # slots at once
_PRICE: Final = 10_000
_ROUNDS: Final = 5  # of which the middle one counts


class Promise(NamedTuple):
    """One figure: what it is, what it came to, what was promised, both in its unit."""

    name: str
    measured: float
    promised: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether it is at least as good as was promised."""
        if self.unit == "a second":
            return self.measured >= self.promised
        return self.measured <= self.promised


def promises(order_ns: float, *, times: int = 400_000) -> list[Promise]:
    """The four figures.

    Args:
        order_ns: what an order took, by whoever ran a market.
        times: how often the small verbs are done in a round.
    """
    return [
        Promise("an order, all told", order_ns, 1_000.0, "ns"),
        Promise("a position update", _middle(lambda: time_fills(times)), 1_000.0, "ns"),
        Promise("a pool operation", _middle(lambda: time_pool(times)) / 2, 100.0, "ns"),
        Promise("operations a second", 1e9 / order_ns, 1e6, "a second"),
    ]


def _middle(measure: Any) -> float:
    """The median of some rounds, in nanoseconds."""
    return float(np.median([measure() for _ in range(_ROUNDS)])) * 1e9


def pool_of(slots: int) -> Pool:
    """A pool whose slots are all free."""
    meter = np.zeros(1, METER)
    meter["capacity"] = slots
    return Pool(np.zeros(slots, np.int32), meter)


def time_pool(times: int) -> float:
    """Seconds for a slot acquired and released, 1,000 at a time."""
    pool, held = pool_of(1 << 16), np.zeros(_HELD, np.int64)
    cycle_pool(pool, held, 1)
    began = time.perf_counter()
    free = cycle_pool(pool, held, max(1, times // _HELD))
    took = time.perf_counter() - began
    assert free == 1 << 16
    return took / max(_HELD, times // _HELD * _HELD)


def time_fills(times: int) -> float:
    """Seconds for a fill taken into a position, with its fee, exposure and average cost."""
    ledger: Ledger = Tracker([Instrument(symbol="GAUGE")], maker_fee="0.0001").ledger
    times = max(4, times // 4 * 4)
    cycle_fills(ledger, _PRICE, 4)
    began = time.perf_counter()
    left = cycle_fills(ledger, _PRICE, times)
    took = time.perf_counter() - began
    assert left == 0
    return took / times
