"""How long single operations take inside compiled code: a stamp before, a stamp after, a histogram.

A stamp is the processor's time stamp counter between two fences: an operation begins after its
first stamp and is over at its second, so nothing of it overlaps with its neighbours. That makes it
slower than it is among others, where the processor works ahead: a mean comes from a clock around
many, what the recorder is for is how they are spread.

What the stamps cost is in every value and is taken off none; `own_cost` is what they measure around
nothing. A value lands in one of 64 buckets for each power of two (exactly below 128 ticks) and is
read as the upper edge of its bucket: at most 1.6 % too much, never too little.

    python perf/recorder.py                     # what the recorder itself costs on this machine
"""

import platform
import sys
import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.intrinsics import highest_bit
from mmjit.core.jit import COMPILED, kernel, verb

SUPPORTED: Final = platform.machine().lower() in ("x86_64", "amd64")
UNSUPPORTED: Final = "the recorder reads the time stamp counter of x86-64 processors; this is none"

_SUB_BITS: Final = 6
_EXACT: Final = 2 << _SUB_BITS  # values below it have a bucket each
BUCKETS: Final = ((62 - _SUB_BITS) << _SUB_BITS) + _EXACT  # every int64 from 0 on
_SUM, _MOST = range(2)  # of `totals`


class Recorder(NamedTuple):
    """What was recorded, in ticks."""

    buckets: Any  # int64 per bucket: how many values landed there
    totals: Any  # int64: the sum of the values, and the greatest


def make_recorder() -> Recorder:
    """An empty recorder, its memory touched."""
    recorder = Recorder(np.zeros(BUCKETS, np.int64), np.zeros(2, np.int64))
    recorder.buckets.fill(0)
    return recorder


# ---- what compiles --------------------------------------------------------------------------


if COMPILED and SUPPORTED:
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic
    def stamp(typingctx: Any) -> Any:
        """The time stamp counter; what stands before is done, what stands behind has not begun."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            nothing = ir.FunctionType(ir.VoidType(), [])
            fence = builder.module.declare_intrinsic("llvm.x86.sse2.lfence", fnty=nothing)
            count = ir.FunctionType(ir.IntType(64), [])
            counter = builder.module.declare_intrinsic("llvm.readcyclecounter", fnty=count)
            builder.call(fence, [])
            ticks = builder.call(counter, [])
            builder.call(fence, [])
            return ticks

        return types.int64(), codegen

else:
    stamp = time.perf_counter_ns


@verb
def bucket_of(ticks):  # type: ignore[no-untyped-def]
    """The bucket of a value of 0 or more."""
    shift = max(0, highest_bit(ticks) - _SUB_BITS)
    return (shift << _SUB_BITS) + (ticks >> shift)


@verb
def note(recorder, began, ended):  # type: ignore[no-untyped-def]
    """Take in an operation between two stamps; a counter that went back counts as none."""
    ticks = max(0, ended - began)
    recorder.buckets[bucket_of(ticks)] += 1
    recorder.totals[_SUM] += ticks
    recorder.totals[_MOST] = max(recorder.totals[_MOST], ticks)


@kernel
def note_all(recorder, values):  # type: ignore[no-untyped-def]
    """Take in values as if they had been measured: int64, in ticks."""
    for place in range(len(values)):
        note(recorder, np.int64(0), values[place])


@kernel
def record_nothing(recorder, times):  # type: ignore[no-untyped-def]
    """Measure nothing, so often."""
    for _ in range(times):
        began = stamp()
        note(recorder, began, stamp())


@kernel
def read_stamp():  # type: ignore[no-untyped-def]
    """The counter as it is now."""
    return stamp()


# ---- what was recorded ----------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """How recorded values are spread, in ns, the cost of the stamps included."""

    count: int
    mean: float
    p50: float
    p99: float
    p99_99: float
    most: float

    def __str__(self) -> str:
        return f"{self.p50:8.0f} {self.p99:8.0f} {self.p99_99:9.0f} {self.most:10.0f}"


def spread_of(recorder: Recorder, tick_ns: float) -> Spread:
    """What a recorder holds.

    Args:
        recorder: with at least one value.
        tick_ns: length of a tick, from `tick_ns`.
    """
    count = int(recorder.buckets.sum())
    p50, p99, p99_99 = (percentile(recorder, share) * tick_ns for share in (0.5, 0.99, 0.9999))
    total, most = (int(word) * tick_ns for word in recorder.totals)
    return Spread(count, total / count, p50, p99, p99_99, most)


def percentile(recorder: Recorder, share: float) -> int:
    """The value in ticks that a share of all values does not exceed: its bucket's upper edge."""
    reached = np.cumsum(recorder.buckets)
    rank = max(1, int(np.ceil(share * reached[-1])))
    edge = upper_edge(int(np.searchsorted(reached, rank)))
    return min(edge, int(recorder.totals[_MOST]))


def upper_edge(bucket: int) -> int:
    """The greatest value in ticks that lands in a bucket."""
    if bucket < _EXACT:
        return bucket
    shift = (bucket >> _SUB_BITS) - 1
    return ((bucket - (shift << _SUB_BITS) + 1) << shift) - 1


def tick_ns(over_seconds: float = 0.1) -> float:
    """The length of a tick in ns, held against the clock over a time."""
    first_ns, first = _both_clocks()
    time.sleep(over_seconds)
    last_ns, last = _both_clocks()
    return (last_ns - first_ns) / (last - first)


def _both_clocks() -> tuple[float, int]:
    """The clock in ns and the counter at the same time: the closest of some readings."""
    readings = []
    for _ in range(100):
        before = time.perf_counter_ns()
        ticks = int(read_stamp())
        after = time.perf_counter_ns()
        readings.append((after - before, (before + after) / 2, ticks))
    _, middle, ticks = min(readings)
    return middle, ticks


def own_cost(tick_length_ns: float, times: int = 1_000_000) -> Spread:
    """What the recorder measures where nothing is done: its share of every value."""
    recorder = make_recorder()
    record_nothing(recorder, 1_000)  # compiled, and in the cache
    recorder = make_recorder()
    record_nothing(recorder, times)
    return spread_of(recorder, tick_length_ns)


def say_own_cost(tick_length_ns: float, times: int = 1_000_000) -> str:
    """One line that states it."""
    own = own_cost(tick_length_ns, times)
    return (
        f"recorder: a tick is {tick_length_ns:.4f} ns; around nothing it measures "
        f"{own.p50:.1f} ns (p50), {own.p99:.1f} (p99), {own.p99_99:.0f} (p99.99), "
        f"{own.most:.0f} (most), which is in every value below"
    )


if __name__ == "__main__":
    sys.exit(UNSUPPORTED if not SUPPORTED else print(say_own_cost(tick_ns())))
