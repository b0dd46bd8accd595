"""From the bytes of an ITCH 5.0 day to its books, beside itch-book (PyPI), alternating in one run.

Both are given the whole day in memory and the books of every symbol are kept, orders, queues and
all; neither writes a table or a tape. Everything from the bytes on is within the clock: the books
and the decoder are made there too, but nothing is compiled there. Time is CPU time of the thread.

mmjit decodes a chunk of messages and applies it to the live index, then the next. Every symbol
takes every price that ITCH can say. Its books are compared with a naive simulator's (levels,
quantities, queues); what itch-book counts, and its best prices, sizes and counts of every symbol,
are compared with mmjit's.

    python perf/parse_and_book.py                    # 15 pairs on each workload
    python perf/parse_and_book.py --smoke            # small, once: does it run, and is it right?
"""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyperf
import workload
from replay import SMOKE_MESSAGES, benchmark, folder_for, parser_for, spread
from yardstick import wl

from mmjit.core.book import Book
from mmjit.core.jit import kernel
from mmjit.core.records import EVENT
from mmjit.core.replica import apply_all
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.wire.itch50 import READ, decode, make_decoder

try:
    from itch_book import Session
except ModuleNotFoundError:
    Session = None

CHUNK = 1 << 12  # messages decoded at a time: 256 KiB of events stay in the cache
PRICE_MAX = (1 << 32) - 1
WORKLOADS = ["w1", "w1deep", "w2_1k", "w2_8k"]
INCREMENT = 1
BEST = ("px", "sz", "ct")
CLEAN = ("unknown", "malformed", "missing_ref", "dup_ref", "rejected", "clamped", "pending_bytes")
COUNTED = {"adds": b"AF", "executes": b"EC", "cancels": b"X", "deletes": b"D", "replaces": b"U"}


@dataclass(frozen=True)
class Day:
    """The bytes of a day, how much it holds, and what must come out."""

    name: str
    data: Any  # uint8
    messages: int
    counts: Counts
    expected: dict[str, int]


@dataclass(frozen=True)
class Outcome:
    """What one run of ours took, and what it left."""

    seconds: float  # a message
    book: Book
    read: Any  # int64[256], messages by type


def make(name: str, folder: Path, messages: int | None = None) -> Day:
    """A workload as ITCH, made unless it is there already."""
    binary = workload.binary_of(name, folder, messages)
    header = np.fromfile(binary, wl.HDR, 1)[0]
    symbols, orders = int(header["nsym"]), int(header["peak"]) + 1024
    counts, messages = Counts(symbols, orders, orders), int(header["n"]) + symbols
    data = np.fromfile(workload.itch_of(binary), np.uint8)
    return Day(name, data, messages, counts, workload.expected_of(binary))


# ---- mmjit ----------------------------------------------------------------------------------


@kernel
def open_symbols(book: Any, price_max: int) -> int:
    """Let every symbol take every price; returns how many would not."""
    refused = 0
    for symbol in range(len(book.symbols)):
        refused += configure_symbol(book, symbol, 0, price_max, INCREMENT) < 0
    return refused


@kernel
def parse_and_book(decoder: Any, data: Any, book: Any, events: Any, statuses: Any) -> int:
    """Decode a chunk, apply it, and so on to the end; returns how many events were refused."""
    at = 0
    refused = 0
    stream = decoder.stream[0]
    while decode(decoder, data[at:], events) == 0 and stream["at"] > 0:
        at += stream["at"]
        made = stream["event_count"]
        refused += apply_all(book, events[:made], statuses[:made])
    return refused


def our_run(day: Day, chunk: int = CHUNK) -> Outcome:
    """One run from the bytes on, the result checked."""
    began = time.thread_time_ns()
    decoder, book = make_decoder(0), memory_book(day.counts, salt=1)
    unopened = open_symbols(book, PRICE_MAX)
    events, statuses = np.zeros(chunk, EVENT), np.zeros(chunk, np.int64)
    refused = parse_and_book(decoder, day.data, book, events, statuses)
    took = time.thread_time_ns() - began
    found = {"unopened": unopened, "refused": refused, **workload.contents(book)}
    found["unread"] = len(day.data) - int(decoder.stream[0]["decoded_bytes"])
    found["messages"] = int(decoder.tallies[READ].sum())
    right = day.expected | {"unopened": 0, "refused": 0, "unread": 0, "messages": day.messages}
    stop_if_wrong(f"{day.name}: mmjit", found, right)
    return Outcome(took / 1e9 / day.messages, book, decoder.tallies[READ])


def stop_if_wrong(whose: str, found: dict[str, Any], right: dict[str, Any]) -> None:
    """Say where an outcome is not what it must be, and stop there."""
    wrong = [f"{k} is {v}, not {right[k]}" for k, v in found.items() if v != right[k]]
    if wrong:
        sys.exit(f"{whose} is wrong: {'; '.join(wrong)}")


# ---- itch-book ------------------------------------------------------------------------------


def their_run(day: Day, ours: Outcome) -> float:
    """Seconds a message of one run, whose counts are compared with those of one of ours."""
    began = time.thread_time_ns()
    session = Session([], 0, [])
    session.feed(day.data)
    took = time.thread_time_ns() - began
    right = {name: int(ours.read[list(types)].sum()) for name, types in COUNTED.items()}
    right |= {"messages": day.messages, "live_orders": day.expected["live"]}
    right |= dict.fromkeys(CLEAN, 0)
    stats = session.stats()
    stop_if_wrong(f"{day.name}: itch-book", {name: stats[name] for name in right}, right)
    return took / 1e9 / day.messages


def compare_bests(day: Day, book: Book) -> None:
    """Stop if the two disagree on the best price, size or count of a symbol (outside the clock)."""
    session = Session(["bbo"], 0, [])
    session.feed(day.data)
    rows = session.take_bbo()
    locates, from_end = np.unique(rows["locate"][::-1], return_index=True)
    last = len(rows["locate"]) - 1 - from_end  # the last row of each symbol
    theirs = {
        2 * (int(locate) - 1) + side: tuple(int(rows[f"{name}_{what}"][row]) for what in BEST)
        for locate, row in zip(locates, last, strict=True)
        for side, name in enumerate(("bid", "ask"))
    }
    for owner, level in enumerate(book.sides["best"]):
        best = (0, 0, 0)
        if level >= 0:
            record = book.levels[level]
            best = tuple(int(record[name]) for name in ("price", "qty_lots", "order_count"))
        if theirs.get(owner, (0, 0, 0)) != best:
            sys.exit(f"{day.name}: the best of {owner} is {best}, of itch-book {theirs[owner]}")


# ---- both -----------------------------------------------------------------------------------


def main() -> int:
    """Measure each workload, print what came out and store it; 1 if itch-book was faster."""
    options = parser_for(__doc__ or "", WORKLOADS).parse_args()
    if Session is None:
        print("itch-book is not installed (pip install itch-book): only mmjit is measured")
    if options.smoke:
        with tempfile.TemporaryDirectory() as folder:
            return run(options, Path(folder), 1, SMOKE_MESSAGES)
    return run(options, folder_for(options.data), options.repetitions, None)


def run(options: Any, folder: Path, repetitions: int, messages: int | None) -> int:
    """Measure each workload."""
    benchmarks, slower = [], False
    for name in options.workloads:
        day = make(name, folder, messages)
        ours, theirs = measure(day, repetitions)
        print(f"{name}  {day.messages:,} messages, {len(day.data) >> 20} MiB, every result right")
        print(f"  mmjit      {spread([v * 1e9 for v in ours])} ns a message")
        benchmarks.append(benchmark(f"{name} mmjit", ours))
        if theirs:
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            print(f"  itch-book  {spread([v * 1e9 for v in theirs])} ns a message")
            print(f"  ratio      {spread(ratios)} of paired runs; goal: below 1")
            benchmarks.append(benchmark(f"{name} itch-book", theirs))
            slower |= statistics.median(ratios) >= 1
    if options.output:
        pyperf.BenchmarkSuite(benchmarks).dump(str(options.output), replace=True)
    return 1 if slower and not options.smoke else 0


def measure(day: Day, repetitions: int) -> tuple[list[float], list[float]]:
    """Seconds a message of both, one run after the other; each goes first every second time."""
    first = our_run(day)  # compiled, and the caches warm
    if Session is None:
        return [our_run(day).seconds for _ in range(repetitions)], []
    compare_bests(day, first.book)
    ours, theirs = [], []
    for turn in range(repetitions):
        if turn % 2:
            theirs.append(their_run(day, first))
        ours.append(our_run(day).seconds)
        if not turn % 2:
            theirs.append(their_run(day, first))
    return ours, theirs


if __name__ == "__main__":
    sys.exit(main())
