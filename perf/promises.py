"""What the C++ design of this project promised: an order, a position, a pool operation, a second.

An order is a command of a simulated market: decided by the flow, judged, matched, marked, and the
rule asked where a best price has changed; everything that `mmjit demo` does but drawing.

    python perf/promises.py                     # about ten seconds
    python perf/promises.py --smoke
"""

import argparse
import statistics
import sys
from pathlib import Path

import pyperf

from mmjit.gauging import time_fills, time_pool
from mmjit.limits_file import Limits
from mmjit.playing import play

PROMISED_NS = {"an order": 1_000.0, "a position update": 1_000.0, "a pool operation": 100.0}


def time_order(events: int) -> float:
    """Seconds a command of a run of the demo."""
    params = {"qty_lots": 1, "skew_ticks": 0.25}
    limits = Limits(max_long=10, max_short=10, max_order_qty=10)
    done = play(symbols=3, events=events, params=params, limits=limits, progress=False)
    assert done.command_count >= events // 2
    assert len(done.tracker.fills()) > 0
    done.venue.audit()
    return done.seconds / done.command_count


def main() -> int:
    """Measure each, beside what was promised; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once")
    options = parser.parse_args()
    events, times, repetitions = 500_000, 1_000_000, options.repetitions
    if options.smoke:
        events, times, repetitions = 5_000, 10_000, 1

    measured = {
        "an order": [time_order(events) for _ in range(repetitions)],
        "a position update": [time_fills(times) for _ in range(repetitions)],
        "a pool operation": [time_pool(times) / 2 for _ in range(repetitions)],
    }
    kept = True
    for name, seconds in measured.items():
        middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
        promised = PROMISED_NS[name]
        kept &= middle * 1e9 <= promised
        print(
            f"{name:20} {middle * 1e9:8.2f} ns ({least * 1e9:.2f} .. {most * 1e9:.2f}), "
            f"promised {promised:,.0f} ns"
        )
    rate = 1 / statistics.median(measured["an order"])
    kept &= rate >= 1e6
    print(f"operations a second  {rate / 1e6:8.2f} million, promised 1.00 million")
    if options.output:
        suite = [
            pyperf.Benchmark([pyperf.Run(seconds, metadata={"name": name})])
            for name, seconds in measured.items()
        ]
        pyperf.BenchmarkSuite(suite).dump(str(options.output), replace=True)
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
