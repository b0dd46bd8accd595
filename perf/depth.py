"""Ten levels a side after every message: beyond the bare replay, and beside writing the same bytes.

Into memory: the rows go into an array that is already touched, alternating with a bare replay of
the same events; CPU time of the thread. To a file: `mmjit.depth(out=...)` to a new file, replay and
all, alternating with plain writes of the same bytes to the same file system, both made durable;
wall-clock time, and CPU time of the process, which others that are busy disturb less. Rows of every
run are compared with a walk of the ladder of a book of its own.

    python perf/depth.py                        # w1 and w1deep, 15 pairs each
    python perf/depth.py --files /dev/shm /tmp  # and to new files in these folders
    python perf/depth.py --tapes day            # and of tapes of your own, their busiest symbol
    python perf/depth.py --smoke
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyperf
import workload
from replay import SMOKE_MESSAGES, benchmark, spread

import mmjit
from mmjit.core.codes import STATUS_SPAN, Flag
from mmjit.core.depth import View, record_depth
from mmjit.core.reads import depth_now
from mmjit.core.records import TALLY
from mmjit.core.replay import replay
from mmjit.replaying import book_for, depth_dtype

LEVELS = 10
COLUMNS = 1 + 4 * LEVELS
SAMPLES = 50
ROW_NS_MAX = 60.0
FILE_RATIO_MAX = 1.5
CHUNK_BYTES = 1 << 22  # of a plain write


class Job(NamedTuple):
    """The events of one symbol, how many rows they make, and some of the rows as they must be."""

    name: str
    tape: mmjit.Tape
    symbol: int
    events: Any  # EVENT of the symbol in memory, touched
    rows: Any  # int64[rows, COLUMNS], touched
    places: Any  # of the rows looked at
    wanted: Any  # and what they must be


class Seconds(NamedTuple):
    """By the clock on the wall, and of CPU time of this process."""

    wall: float
    cpu: float


def clocks() -> Seconds:
    """What both clocks say."""
    return Seconds(time.perf_counter(), time.process_time())


def since(began: Seconds) -> Seconds:
    """What has passed since then."""
    now = clocks()
    return Seconds(now.wall - began.wall, now.cpu - began.cpu)


def job_of(name: str, tape: mmjit.Tape) -> Job:
    """What there is to do on the busiest symbol of a tape."""
    symbol = int(np.bincount(tape.events["symbol"]).argmax())
    events = np.array(tape.events[tape.events["symbol"] == symbol])
    ends = np.flatnonzero(events["flags"] & Flag.LAST)
    places = np.unique(np.linspace(0, len(ends) - 1, SAMPLES).astype(np.int64))
    wanted = np.zeros((len(places), COLUMNS), np.int64)
    book, region = book_for(tape)
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    done, orders = 0, np.zeros(LEVELS, np.int64)
    for place, row in zip(places, wanted, strict=True):
        end = int(ends[place]) + 1
        replay(book, region, events[done:end], counts, tally)
        row[0] = events[end - 1]["venue_ns"]
        sides = row[1:].reshape(2, 2, LEVELS)
        for side in range(2):
            depth_now(book, 2 * symbol + side, sides[side, 0], sides[side, 1], orders)
        done = end
    rows = np.empty((len(ends), COLUMNS), np.int64)
    rows[:] = -1
    return Job(name, tape, symbol, events, rows, places, wanted)


def check(job: Job, rows: Any, count: int) -> None:
    """Exit if rows are not what a walk of the ladder finds."""
    if count != len(job.rows) or not np.array_equal(rows[job.places], job.wanted):
        sys.exit(f"{job.name}: the rows are wrong")


def time_bare(job: Job) -> float:
    """Seconds of a replay and nothing else."""
    book, region = book_for(job.tape)
    workload.touch(book)
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    replay(book, region, job.events[:0], counts, tally)
    began = time.thread_time_ns()
    replay(book, region, job.events, counts, tally)
    return (time.thread_time_ns() - began) / 1e9


def time_rows(job: Job) -> float:
    """Seconds of a replay that writes every row into memory."""
    book, region = book_for(job.tape)
    workload.touch(book)
    counts = np.zeros(STATUS_SPAN, np.int64)
    view = View(job.symbol, np.zeros(COLUMNS, np.int64))
    job.rows[job.places] = -1
    record_depth(book, region, job.events[:0], view, job.rows, counts)
    began = time.thread_time_ns()
    count = record_depth(book, region, job.events, view, job.rows, counts)
    took = time.thread_time_ns() - began
    check(job, job.rows, count)
    return took / 1e9


def time_file(job: Job, folder: Path) -> Seconds:
    """`mmjit.depth` to a new file."""
    out = folder / "depth.npy"
    symbol = job.tape.symbols[job.symbol]
    mmjit.depth(job.tape, symbol=symbol, levels=LEVELS, out=out, progress=False)
    out.unlink()
    os.sync()
    began = clocks()
    mmjit.depth(job.tape, symbol=symbol, levels=LEVELS, out=out, progress=False)
    took = since(began)
    rows = np.load(out, mmap_mode="r")
    assert rows.dtype == depth_dtype(LEVELS)
    check(job, np.asarray(rows).view(np.int64).reshape(-1, COLUMNS), len(rows))
    out.unlink()
    return took


def time_writes(job: Job, folder: Path) -> Seconds:
    """Writing as many bytes to a new file, piece by piece, and making it durable."""
    out = folder / "bytes"
    data = job.rows.reshape(-1).view(np.uint8).data
    os.sync()
    began = clocks()
    with open(out, "wb", buffering=0) as file:
        for start in range(0, len(data), CHUNK_BYTES):
            file.write(data[start : start + CHUNK_BYTES])
        os.fsync(file.fileno())
    took = since(began)
    out.unlink()
    return took


def alternate(first: Any, second: Any, repetitions: int) -> tuple[list[Any], list[Any]]:
    """Seconds of two ways to do a thing, in pairs whose order changes; the first pair warms up."""
    pairs = []
    for turn in range(repetitions + (repetitions > 1)):
        if turn % 2:
            one = first()
            pairs.append((one, second()))
        else:
            other = second()
            pairs.append((first(), other))
    ours, theirs = zip(*pairs[-repetitions:], strict=True)
    return list(ours), list(theirs)


def measure_memory(job: Job, repetitions: int) -> tuple[list[pyperf.Benchmark], bool]:
    """Print and return what rows in memory cost; and whether the goal is met."""
    ours, bare = alternate(lambda: time_rows(job), lambda: time_bare(job), repetitions)
    count = len(job.rows)
    over = [(a - b) * 1e9 / count for a, b in zip(ours, bare, strict=True)]
    print(f"{job.name}  {len(job.events):,} events, {count:,} rows, sampled rows right")
    print(f"  bare replay {spread([v * 1e9 / len(job.events) for v in bare])} ns an event")
    print(f"  rows        {spread(over)} ns a row beyond it; goal: a median of {ROW_NS_MAX}")
    found = [
        benchmark(f"{job.name} bare replay, an event", [v / len(job.events) for v in bare]),
        benchmark(f"{job.name} replay and rows in memory, a row", [v / count for v in ours]),
    ]
    return found, statistics.median(over) <= ROW_NS_MAX


def measure_file(job: Job, folder: Path, repetitions: int) -> tuple[list[pyperf.Benchmark], bool]:
    """Print and return what rows in a new file cost; and whether the goal is met."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        inside = Path(name)
        time_rows(job)  # so that the plain writes write the same bytes
        ours, plain = alternate(
            lambda: time_file(job, inside), lambda: time_writes(job, inside), repetitions
        )
    count = len(job.rows)
    print(f"{job.name}  {count:,} rows, {job.rows.nbytes / 1e6:,.0f} MB, to a new file in {folder}")
    found, medians = [], []
    for kind in Seconds._fields:
        ourselves = [getattr(took, kind) / count for took in ours]
        others = [getattr(took, kind) / count for took in plain]
        ratios = [a / b for a, b in zip(ourselves, others, strict=True)]
        print(f"  mmjit depth {kind:4} {spread([v * 1e9 for v in ourselves])} ns a row")
        print(f"  plain write {kind:4} {spread([v * 1e9 for v in others])} ns a row")
        print(f"  ratio       {kind:4} {spread(ratios)} of paired runs; goal: {FILE_RATIO_MAX}")
        found.append(benchmark(f"{job.name} depth to a file in {folder}, {kind}", ourselves))
        found.append(benchmark(f"{job.name} plain write in {folder}, {kind}", others))
        medians.append(statistics.median(ratios))
    return found, medians[0] <= FILE_RATIO_MAX


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", nargs="*", default=["w1", "w1deep"])
    parser.add_argument("--tapes", nargs="*", type=Path, default=[], help="tapes of your own")
    parser.add_argument("--files", nargs="*", type=Path, default=[], help="folders for new files")
    parser.add_argument("--repetitions", type=int, default=15, help="pairs of runs (default 15)")
    parser.add_argument("--data", type=Path, default=workload.kept_in(), help="where workloads lie")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once; no goal")
    return parser.parse_args()


def run(options: argparse.Namespace, folder: Path, messages: int | None) -> int:
    """Measure everything asked for; 1 if a goal is missed."""
    repetitions = 1 if options.smoke else options.repetitions
    tapes = [(name, workload.make(name, folder, messages).tape) for name in options.workloads]
    tapes += [(path.name, mmjit.open_tape(path)) for path in options.tapes]
    found, met = [], True
    for name, tape in tapes:
        job = job_of(name, tape)
        results = [measure_memory(job, repetitions)]
        results += [measure_file(job, place, repetitions) for place in options.files]
        for benchmarks, good in results:
            found += benchmarks
            met &= good
    if options.output:
        pyperf.BenchmarkSuite(found).dump(str(options.output), replace=True)
    return 0 if met or options.smoke else 1


def main() -> int:
    """Run what was asked for."""
    options = parse()
    if not options.smoke:
        return run(options, options.data, None)
    with tempfile.TemporaryDirectory() as name:
        options.files = options.files or [Path(name)]
        return run(options, Path(name), SMOKE_MESSAGES)


if __name__ == "__main__":
    sys.exit(main())
