"""A many-symbol replay in one shard and in two, one thread each: does the second core help?

The tape is sorted by symbol beforehand and lies in memory; runs of one, two, ... shards alternate.
Each has new books, whose memory has been touched; every result has the hash and the counts of a
plain replay. Wall-clock time says what was gained while nothing else ran; the CPU time of the
longest thread says what there is to gain if something did. A replay of the tape in time order, in
one book, alternates with them.

    python perf/shards.py                       # w2_8k and w2_1k, 15 rounds each
    python perf/shards.py --smoke
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyperf
import workload
from replay import SMOKE_MESSAGES, spread

import mmjit
from mmjit import sharding
from mmjit.core.digest import extend_hash
from mmjit.progress import Progress

MASK = (1 << 64) - 1


class Load(NamedTuple):
    """A tape in time order and by symbol, in memory, and what a replay of it must leave."""

    name: str
    work: workload.Workload
    by_symbol: mmjit.Tape
    state_hash: str
    counts: Any


class Taken(NamedTuple):
    """Seconds a message."""

    wall: float
    cpu: float  # of the thread that took longest


def load_of(name: str, folder: Path, messages: int | None) -> Load:
    """A workload, sorted by symbol."""
    work = workload.make(name, folder, messages)
    done = mmjit.replay(work.tape, progress=False)
    by_symbol = mmjit.partition(work.tape, progress=False)
    return Load(name, work, by_symbol, done.state_hash, done.counts)


def time_shards(load: Load, shards: int) -> Taken:
    """One replay in so many shards, every result checked."""
    parts = sharding.shards_of(load.by_symbol, shards)
    for part in parts:
        workload.touch(part.book)
    with Progress("replay", len(load.by_symbol.events), False) as bar:
        began = time.perf_counter()
        cpu_seconds = sharding.run(parts, bar)
        took = time.perf_counter() - began
    word = 0
    for part in parts:
        word = extend_hash(part.book, part.first, part.stop, word)
    counts = sum(part.counts for part in parts)
    if f"{word & MASK:016x}" != load.state_hash or not np.array_equal(counts, load.counts):
        sys.exit(f"{load.name}: {shards} shards leave other books than one replay")
    messages = len(load.by_symbol.events)
    return Taken(took / messages, max(cpu_seconds) / messages)


def time_plain(load: Load) -> Taken:
    """One replay of the tape in time order in one book, every result checked."""
    outcome = workload.replay_once(load.work)
    wrong = workload.differences(load.work, outcome)
    if wrong:
        sys.exit(f"{load.name}: mmjit is wrong: {'; '.join(wrong)}")
    seconds = outcome.seconds / len(load.work.events)
    return Taken(seconds, seconds)


def measure(load: Load, shards: list[int], repetitions: int) -> list[pyperf.Benchmark]:
    """Alternate, print, and return the values."""
    rounds: list[dict[int, Taken]] = []  # 0 is the replay in time order
    for turn in range(repetitions + (repetitions > 1)):
        order = [0, *shards] if turn % 2 else [*reversed(shards), 0]
        rounds.append({n: time_shards(load, n) if n else time_plain(load) for n in order})
    rounds = rounds[-repetitions:]  # the first one warms up
    print(f"{load.name}  {len(load.by_symbol.events):,} messages, every result right")
    found = []
    for n in (0, *shards):
        name = f"by symbol, shards: {n}" if n else "in time order, one book"
        for kind in Taken._fields[n == 0 :]:
            values = [getattr(taken[n], kind) for taken in rounds]
            print(f"  {name:24} {kind:4} {spread([v * 1e9 for v in values])} ns a message")
            found.append(benchmark(f"{load.name} {name}, {kind}", values))
    for n in shards[1:]:
        for kind in Taken._fields:
            ratios = [getattr(t[shards[0]], kind) / getattr(t[n], kind) for t in rounds]
            print(f"  {n} shards over {shards[0]}          {kind:4} {spread(ratios)} times as fast")
        least = min(t[shards[0]].wall for t in rounds) / min(t[n].wall for t in rounds)
        print(f"  {n} shards over {shards[0]}, least of each  {least:6.2f} times as fast")
    ratios = [taken[0].cpu / taken[shards[0]].cpu for taken in rounds]
    print(f"  by symbol over time order     {spread(ratios)} times as fast, one thread")
    return found


def benchmark(name: str, seconds: list[float]) -> pyperf.Benchmark:
    """Values as pyperf keeps them."""
    metadata = {"name": name, "unit": "second", "description": "time a message"}
    return pyperf.Benchmark([pyperf.Run(seconds, metadata=metadata)])


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["w2_8k", "w2_1k"])
    parser.add_argument("--shards", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repetitions", type=int, default=15, help="rounds (default 15)")
    parser.add_argument("--data", type=Path, default=workload.kept_in(), help="where workloads lie")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder, messages = (Path(name), SMOKE_MESSAGES) if options.smoke else (options.data, None)
        for work in options.workloads[: 1 if options.smoke else None]:
            load = load_of(work, folder, messages)
            found += measure(load, options.shards, 1 if options.smoke else options.repetitions)
    if options.output:
        pyperf.BenchmarkSuite(found).dump(str(options.output), replace=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
