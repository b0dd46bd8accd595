"""Worst cases: a deep book, far prices, ids that collide, long queues, long sweeps.

Each case and the ordinary stream (the yardstick's w1, for sweeps w3) run by turns. A mean is CPU
time of the thread over all operations; `x` is the median of the ratios of paired runs, which the
goal is for. The percentiles are of single operations, from a recorder whose own cost is stated and
is in them: an operation alone, with nothing of its neighbours overlapped. Of a sweep, an operation
is one order met, and the percentiles are of the whole sweep.

After every run the book is audited and held to what the events leave, added up apart.

    python perf/worst.py                        # minutes; 1 if a case is beyond the goal
    python perf/worst.py --smoke                # small, once: does it run, and is it right?
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matching
import numpy as np
import pyperf
import worst_sweeps
from recorder import (
    SUPPORTED,
    UNSUPPORTED,
    Recorder,
    Spread,
    make_recorder,
    note,
    say_own_cost,
    spread_of,
    stamp,
    tick_ns,
)
from replay import benchmark, folder_for
from workload import kept_in, touch
from worst_cases import CASES, SMALL, Case, Sizes, ordinary

from mmjit.core.audit import audit
from mmjit.core.book import Book
from mmjit.core.codes import STATUS_SPAN, Kind
from mmjit.core.jit import kernel
from mmjit.core.pool import reserve
from mmjit.core.records import TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.replica import apply_all, apply_by_id
from mmjit.core.state import configure_symbol, memory_book
from mmjit.feeds.importing import Resolving

RATIO_MAX = 10.0
HEAD = f"{'':60} {'mean ns':>8} {'x':>6}  {'p50':>8} {'p99':>8} {'p99.99':>9} {'most':>10}"
LINE = "-" * len(HEAD)


@dataclass(frozen=True)
class Row:
    """What one case came to."""

    name: str
    seconds: list[float]  # an operation, one value a run
    ratios: list[float]  # to the ordinary stream, paired; empty for that itself
    spread: Spread | None
    promised: bool = True

    def __str__(self) -> str:
        mean = statistics.median(self.seconds) * 1e9
        times = f"{statistics.median(self.ratios):6.2f}" if self.ratios else " " * 6
        return f"{self.name:60} {mean:8.1f} {times}  {self.spread or ''}".rstrip()

    @property
    def is_beyond(self) -> bool:
        """Whether the case misses the goal."""
        return self.promised and bool(self.ratios) and statistics.median(self.ratios) > RATIO_MAX


def main() -> int:
    """Run every case that was asked for; 1 if one is beyond the goal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5, help="runs a case (default 5)")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--data", type=Path, default=kept_in(), help="where workloads lie")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once; no goal")
    options = parser.parse_args()
    if not SUPPORTED:
        sys.exit(UNSUPPORTED)
    if options.smoke:
        with tempfile.TemporaryDirectory() as folder:
            rows = run(options, Path(folder), SMALL, 1)
    else:
        rows = run(options, folder_for(options.data), Sizes(), options.repetitions)
    if options.output:
        kept = [benchmark(row.name, row.seconds) for row in rows]
        pyperf.BenchmarkSuite(kept).dump(str(options.output), replace=True)
    beyond = [row.name for row in rows if row.is_beyond]
    if options.smoke:
        return 0
    print(f"\nbeyond {RATIO_MAX:g} times the ordinary: {'; '.join(beyond) or 'none'}")
    return 1 if beyond else 0


def run(options: argparse.Namespace, folder: Path, sizes: Sizes, repetitions: int) -> list[Row]:
    """Measure, and print each row as it comes."""
    tick = tick_ns()
    print(say_own_cost(tick, 10_000 if options.smoke else 1_000_000))
    rows = []
    for part in (book_rows, sweep_rows):
        for row in part(folder, sizes, repetitions, options.only, tick):
            print(row, flush=True)
            rows.append(row)
    return rows


# ---- books ----------------------------------------------------------------------------------


def book_rows(
    folder: Path, sizes: Sizes, repetitions: int, only: str, tick: float
) -> Iterator[Row]:
    """Every stream through the live index, and from a tape."""
    usual = ordinary(folder, sizes)
    print(f"\n{'one event by its id':60} {HEAD[61:]}\n{LINE}")
    spread = spread_of(recorded(usual), tick)
    yield Row(usual.name, [by_id(usual) for _ in range(repetitions)], [], spread)
    taped = with_handles(usual)
    on_tape = [from_tape(taped) for _ in range(repetitions)]
    yield Row(f"{usual.name}, from a tape", on_tape, [], None)
    for make in CASES:
        case = make(usual, sizes)
        if only not in case.name:
            continue
        spread = spread_of(recorded(case), tick)
        yield paired(case.name, case, usual, by_id, repetitions, spread)
        if not case.name.startswith("ids"):  # there are none on a tape
            name = f"{case.name}, from a tape"
            yield paired(name, with_handles(case), taped, from_tape, repetitions, None)


def paired(
    name: str,
    case: Case,
    usual: Case,
    door: Callable[[Case], float],
    repetitions: int,
    spread: Spread | None,
) -> Row:
    """One case beside the ordinary one, by turns."""
    pairs = [(door(usual), door(case)) for _ in range(repetitions)]
    ratios = [worst / common for common, worst in pairs]
    return Row(name, [worst for _, worst in pairs], ratios, spread, case.promised)


def by_id(case: Case) -> float:
    """Seconds an event of one run through the live index."""
    book = book_for(case)
    statuses = np.zeros(max(len(case.before), len(case.events)), np.int64)
    refused = apply_all(book, case.before, statuses)
    began = time.thread_time_ns()
    refused += apply_all(book, case.events, statuses)
    took = time.thread_time_ns() - began
    check(case, book, refused)
    return took / 1e9 / len(case.events)


def from_tape(case: Case) -> float:
    """Seconds an event of one replay; the events have handles."""
    book = book_for(case)
    slots = 1 + int(max(case.before["handle"].max(), case.events["handle"].max()))
    region = Region(reserve(book.order_pool, slots), slots)
    assert region.start == 0
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    replay(book, region, case.before, counts, tally)
    began = time.thread_time_ns()
    replay(book, region, case.events, counts, tally)
    took = time.thread_time_ns() - began
    check(case, book, int(counts.sum()))
    return took / 1e9 / len(case.events)


def with_handles(case: Case) -> Case:
    """A case as a tape has it."""
    events = np.concatenate([case.before, case.events])
    resolving = Resolving(case.counts.symbols)
    resolving(events)
    assert resolving.counts.sum() == 0, case.name
    before, events = np.split(events, [len(case.before)])
    return Case(case.name, case.counts, case.price_max, before, events, case.salt, case.promised)


def recorded(case: Case) -> Recorder:
    """How long each event takes through the live index."""
    book, recorder = book_for(case), make_recorder()
    record_by_id(book, case.events[:0], recorder)  # compiled before anything is measured
    refused = apply_all(book, case.before, np.zeros(len(case.before), np.int64))
    refused += record_by_id(book, case.events, recorder)
    check(case, book, refused)
    return recorder


@kernel
def record_by_id(book: Any, events: Any, recorder: Any) -> int:
    """Apply events by their ids and record how long each takes; returns how many were refused."""
    refused = 0
    for place in range(len(events)):
        began = stamp()
        status = apply_by_id(book, events[place])
        note(recorder, began, stamp())
        refused += status < 0
    return refused


def book_for(case: Case) -> Book:
    """An empty book that takes the events of a case, its memory touched."""
    book = memory_book(case.counts, case.salt)
    assert configure_symbol(book, 0, 1, case.price_max, 1) == 0
    touch(book)
    return book


# ---- what must come out ---------------------------------------------------------------------


def check(case: Case, book: Book, refused: int) -> None:
    """Stop if a book is not sound, or not what the events leave."""
    scratch = np.zeros(max(len(book.orders), len(book.levels)), np.int8)
    assert audit(book, scratch) == 0, case.name
    level = book.levels[book.levels["owner"] >= 0]
    price, tops = book.levels["price"], book.sides["best"]
    best = [int(price[top]) if top >= 0 else 0 for top in tops]
    found = {
        "refused": refused,
        "orders": int(book.sides["order_count"].sum()),
        "levels": int(book.sides["level_count"].sum()),
        "qty_lots": int(level["qty_lots"].sum()),
        "best": best,
    }
    wanted = left_by(np.concatenate([case.before, case.events]))
    assert found == wanted, f"{case.name}: {found}, not {wanted}"


def left_by(events: Any) -> dict[str, Any]:
    """What events leave, added up by order, with no book."""
    ids, which = np.unique(events["order_id"], return_inverse=True)
    adds = np.flatnonzero(events["kind"] == Kind.ADD)
    price, side = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    price[which[adds]], side[which[adds]] = events["price"][adds], events["side"][adds]
    sign = np.where(events["kind"] == Kind.ADD, 1, -1)
    left = np.bincount(which, sign * events["qty_lots"]).astype(np.int64)
    left[which[events["kind"] == Kind.DELETE]] = 0
    live = left > 0
    bids, asks = price[live & (side == 0)], price[live & (side == 1)]
    return {
        "refused": 0,
        "orders": int(live.sum()),
        "levels": len(np.unique(bids)) + len(np.unique(asks)),
        "qty_lots": int(left.sum()),
        "best": [int(bids.max(initial=0)), int(asks.min()) if len(asks) else 0],
    }


# ---- sweeps ---------------------------------------------------------------------------------


def sweep_rows(
    folder: Path, sizes: Sizes, repetitions: int, only: str, tick: float
) -> Iterator[Row]:
    """One order through everything that rests, beside ordinary commands."""
    sweeps = [sweep for sweep in worst_sweeps.sweeps(sizes) if only in sweep.name]
    if not sweeps:
        return
    load = matching.make("w3", folder, sizes.messages)
    print(f"\n{'one command; one order met':60} {HEAD[61:]}\n{LINE}")
    recorders = [make_recorder() for _ in sweeps]
    usual, met = [], []
    for _ in range(repetitions):
        usual.append(worst_sweeps.run_ordinary(load))
        met.append([worst_sweeps.run_sweeps(s, r) for s, r in zip(sweeps, recorders, strict=True)])
    yield Row("ordinary: w3", usual, [], spread_of(worst_sweeps.record_ordinary(load), tick))
    columns = zip(*met, strict=True)
    for sweep, recorder, column in zip(sweeps, recorders, columns, strict=True):
        ratios = [one / command for one, command in zip(column, usual, strict=True)]
        yield Row(sweep.name, list(column), ratios, spread_of(recorder, tick))


if __name__ == "__main__":
    sys.exit(main())
