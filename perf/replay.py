"""Replay from a tape with all checks on, beside the yardstick, alternating in one run.

The best bid and offer are folded in after every message, and every result is compared with that of
a naive simulator: the fold, the levels, the quantities, the queues. The tape is in memory and
touched, and so is the book. Time is CPU time of the thread, on both sides.

    python perf/replay.py                       # six workloads, 15 pairs each
    python perf/replay.py --wide                # the same with resting quantities of 64 bits
    python perf/replay.py --smoke               # small, once: does it run, and is it right?
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyperf
import workload
from yardstick.build import build

Run = Callable[[Any, Path | None], float | None]
RATIO_MAX = {
    "w1": 1.2,
    "w1deep": 1.1,
    "w2_1k": 1.2,
    "w2_8k": 1.2,
    "w2_1k_by_symbol": 1.0,
    "w2_8k_by_symbol": 1.0,
}
SMOKE_MESSAGES = 20_000


class Pair(NamedTuple):
    """Two ways to run the same workloads, one beside the other."""

    make: Callable[..., Any]  # a workload of a name, in a folder, of so many messages
    runs: tuple[Run, Run]  # seconds a message, every result checked; None where one cannot run
    names: tuple[str, str] = ("mmjit", "yardstick")
    ratio_max: Mapping[str, float] = {}  # by workload, goal of the median of paired ratios


def main(
    text: str,
    workloads: list[str],
    make: Callable[..., Any],
    our_run: Run,
    ratio_max: Mapping[str, float] | None = None,
) -> int:
    """Run what was asked for; 1 if a result is wrong or the goal is missed.

    Args:
        text: what the benchmark is, its first line for --help.
        workloads: of the yardstick, which to run if none are named.
        make: a workload of a name, in a folder, of so many messages.
        our_run: seconds a message of one run of ours, every result checked.
        ratio_max: by workload, goal of the median of paired ratios, where there is one.
    """
    options = parser_for(text, workloads).parse_args()
    return compare(options, Pair(make, (our_run, their_run), ratio_max=ratio_max or {}))


def compare(options: argparse.Namespace, pair: Pair) -> int:
    """Run a pair as the command line says; 1 if a result is wrong or the goal is missed."""
    if options.smoke:
        with tempfile.TemporaryDirectory() as folder:
            return run(options, pair, Path(folder), 1, SMOKE_MESSAGES)
    return run(options, pair, options.data, options.repetitions, None)


def parser_for(text: str, workloads: list[str]) -> argparse.ArgumentParser:
    """What reads the command line."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=workloads)
    parser.add_argument("--repetitions", type=int, default=15, help="pairs of runs (default 15)")
    parser.add_argument("--data", type=Path, default=workload.kept_in(), help="where workloads lie")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--wide", action="store_true", help="resting quantities of 64 bits")
    parser.add_argument("--smoke", action="store_true", help="small and once; no goal")
    return parser


def run(
    options: argparse.Namespace, pair: Pair, folder: Path, repetitions: int, messages: int | None
) -> int:
    """Measure each workload, print what came out and store it."""
    limit = build(folder_for(folder))
    benchmarks, failed = [], False
    for name in options.workloads:
        load = pair.make(name, folder, messages)
        load = load.widened() if options.wide else load
        ours, theirs = measure(load, limit, repetitions, pair.runs)
        print(f"{name}  {len(load.events):,} messages, every result right")
        benchmarks.append(benchmark(f"{name} {pair.names[0]}", ours))
        print(f"  {pair.names[0]:10} {spread([v * 1e9 for v in ours])} ns a message")
        if theirs:
            benchmarks.append(benchmark(f"{name} {pair.names[1]}", theirs))
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            print(f"  {pair.names[1]:10} {spread([v * 1e9 for v in theirs])} ns a message")
            goal = pair.ratio_max.get(name)
            said = f"; goal: a median of {goal}" if goal else ""
            print(f"  ratio      {spread(ratios)} of paired runs{said}")
            failed |= not options.smoke and goal is not None and statistics.median(ratios) > goal
    if options.output:
        pyperf.BenchmarkSuite(benchmarks).dump(str(options.output), replace=True)
    return 1 if failed else 0


def folder_for(folder: Path) -> Path:
    """The folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measure(
    load: Any, limit: Path | None, repetitions: int, runs: tuple[Run, Run]
) -> tuple[list[float], list[float]]:
    """Seconds a message of both engines, one pair of runs after the other, every result checked."""
    ours, theirs = [], []
    for turn in range(repetitions + 1):
        order = runs if turn % 2 else runs[::-1]
        pair = {engine: engine(load, limit) for engine in order}
        if turn == 0 and repetitions > 1:
            continue  # the first pair warms up
        ours.append(pair[runs[0]] or 0.0)
        theirs.append(pair[runs[1]] or 0.0)
        if len(ours) == repetitions:
            break
    return ours, theirs if all(theirs) else []


def our_run(load: workload.Workload, limit: Path | None) -> float:
    """Seconds a message of one replay."""
    del limit
    outcome = workload.replay_once(load)
    wrong = workload.differences(load, outcome)
    if wrong:
        sys.exit(f"{load.name}: mmjit is wrong: {'; '.join(wrong)}")
    return outcome.seconds / len(load.events)


def their_run(load: Any, limit: Path | None) -> float | None:
    """Seconds a message of one run of the yardstick, which checks its own results."""
    if limit is None:
        return None
    command = [str(limit), str(load.binary), "1", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"med=\s*([0-9.]+) ns/msg\s+OK", said.stdout)
    if said.returncode != 0 or not found:
        sys.exit(f"{load.name}: the yardstick is wrong: {said.stdout}{said.stderr}")
    return float(found[1]) / 1e9


def spread(values: Sequence[float]) -> str:
    """Median, then least, quartiles and most."""
    low, high = values[0], values[0]
    if len(values) > 1:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    middle = statistics.median(values)
    return f"{middle:6.2f} ({min(values):.2f} | {low:.2f} .. {high:.2f} | {max(values):.2f})"


def benchmark(name: str, seconds: list[float]) -> pyperf.Benchmark:
    """Values as pyperf keeps them, with what it knows of the machine."""
    metadata = {"name": name, "unit": "second", "description": "CPU time a message"}
    return pyperf.Benchmark([pyperf.Run(seconds, metadata=metadata)])


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", list(RATIO_MAX), workload.make, our_run, RATIO_MAX))
