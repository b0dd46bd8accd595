"""What the small verbs cost: a slot acquired and released, an id looked up, an order and its end.

Each benchmark ends in the state in which it began, and that is asserted outside the clock.

    python perf/kernels.py                      # about a minute
    python perf/kernels.py --smoke
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyperf

from mmjit.core.codes import BID, NIL, STATUS_SPAN, Flag, Kind
from mmjit.core.index import erase, insert, lookup
from mmjit.core.jit import kernel
from mmjit.core.records import ENTRY, EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.gauging import time_fills, time_pool

SLOTS = 1 << 16


@kernel
def cycle_index(entries: Any, times: int) -> int:
    """Enter an id, look it up and remove it, so often; returns how many were found."""
    found = 0
    for order_id in range(1, times + 1):
        insert(entries, 0, order_id, order_id)
        found += lookup(entries, 0, order_id) != NIL
        erase(entries, 0, order_id)
    return found


def time_index(times: int) -> float:
    """Seconds for an id entered, looked up and removed."""
    entries = np.zeros(2 * SLOTS, ENTRY)
    cycle_index(entries, 1)
    began = time.perf_counter()
    found = cycle_index(entries, times)
    took = time.perf_counter() - began
    assert found == times
    assert not entries["order_id"].any()
    return took / times


def time_order(times: int) -> float:
    """Seconds for an order that rests and is deleted; every second one opens and closes a level."""
    book = memory_book(Counts(symbols=1, orders=128, levels=128))
    assert configure_symbol(book, 0, 0, 1_000, 1) == 0
    batch = np.zeros(200, EVENT)
    count = np.arange(200)
    batch["order_id"] = batch["handle"] = count % 100
    batch["order_id"] += 1
    batch["price"] = 1 + count % 50
    batch["qty_lots"], batch["side"], batch["flags"] = 10, BID, Flag.LAST
    batch["kind"] = np.where(count < 100, Kind.ADD, Kind.DELETE)
    events = np.tile(batch, -(-times // 100))
    counts, tally, region = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY), Region(0, 128)
    replay(book, region, events[:200], counts, tally)
    began = time.perf_counter()
    replay(book, region, events, counts, tally)
    took = time.perf_counter() - began
    assert counts.sum() == 0
    assert book.sides["order_count"].sum() == 0
    return took / (len(events) // 2)


BENCHMARKS: dict[str, Callable[[int], float]] = {
    "pool: acquire, release": time_pool,
    "position: a fill": time_fills,
    "index: insert, lookup, erase": time_index,
    "book: add, delete": time_order,
}


def main() -> int:
    """Run every benchmark and print what it takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once")
    options = parser.parse_args()
    times, repetitions = (1_000, 1) if options.smoke else (1_000_000, options.repetitions)

    found = []
    for name, benchmark in BENCHMARKS.items():
        seconds = [benchmark(times) for _ in range(repetitions)]
        middle, least = statistics.median(seconds) * 1e9, min(seconds) * 1e9
        print(f"{name:32} {middle:7.2f} ns  (least {least:.2f})")
        found.append(pyperf.Benchmark([pyperf.Run(seconds, metadata={"name": name})]))
    if options.output:
        pyperf.BenchmarkSuite(found).dump(str(options.output), replace=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
