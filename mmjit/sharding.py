"""Replaying many symbols in shards: each a book of its own, on a thread of its own.

A shard is a run of neighbouring symbols, cut so that each has about as many events. Shards share
nothing, and kernels hold no lock of Python's while they run.
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mmjit.arguments import whole
from mmjit.core.book import Book
from mmjit.core.codes import STATUS_SPAN
from mmjit.core.records import TALLY
from mmjit.core.replay import Region
from mmjit.core.replay import replay as replay_events
from mmjit.partitioning import partition, symbol_counts
from mmjit.progress import Progress
from mmjit.replaying import PIECE, Outcome, Part, book_for, note_origin
from mmjit.tape import Tape, open_tape

Array = np.ndarray[Any, Any]
SHARDS_MAX: Final = 1024  # threads


@dataclass(frozen=True)
class Shard:
    """A run of symbols, their events, their book, and what its replay counted.

    Attributes:
        first: its first symbol.
        stop: the symbol behind its last.
        events: EVENT, those of its symbols; of the last shard, those of unknown symbols too.
        book: holds its symbols, under their numbers on the tape.
        region: of the tape's handles.
        counts: int64[STATUS_SPAN], events by the rule they broke.
        tally: TALLY, one. Its folds are over the events of the shard in their order.
    """

    first: int
    stop: int
    events: Array
    book: Book
    region: Region
    counts: Array
    tally: Array

    def pieces(self) -> Iterator[int]:
        """Replay piece by piece; yields how many events each had."""
        for start in range(0, len(self.events), PIECE):
            piece = self.events[start : start + PIECE]
            replay_events(self.book, self.region, piece, self.counts, self.tally)
            yield len(piece)


@dataclass(frozen=True, kw_only=True)
class ShardedReplay(Outcome):
    """What a replay in shards left: counts and tallies are the sums over them.

    The two folds of `tally` are 0: they depend on the order of all events. Those of each shard are
    in its own tally, and can be compared with a replay of the same cuts only.

    Attributes:
        shards: by symbol; those that would be empty are left out.
        cpu_seconds: that each of them took of its thread: the longest is what can be hoped for.
    """

    shards: tuple[Shard, ...]
    cpu_seconds: tuple[float, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The books, by symbol."""
        return tuple(Part(shard.book, shard.first, shard.stop) for shard in self.shards)

    def facts(self) -> dict[str, Any]:
        """As those of a replay in one book; `shards` says what each took on."""
        shards = [
            {"symbols": s.stop - s.first, "events": len(s.events), "cpu_seconds": cpu_seconds}
            for s, cpu_seconds in zip(self.shards, self.cpu_seconds, strict=True)
        ]
        return super().facts() | {"shards": shards}


def replay_shards(
    tape: Tape | str | os.PathLike[str], shards: int, *, progress: bool | None = None
) -> ShardedReplay:
    """Replay a tape into several new books in memory, one thread each.

    The books, their hash, the counts and the anomalies are those of `replay`.

    Args:
        tape: an open tape, or its folder. One that is not by symbol is first sorted in memory,
            64 bytes an event, which takes longer than a replay: `partition` does it once for all.
        shards: how many, 1 to 1,024; more than there are symbols are as many as there are.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        ArgumentError: `shards` is not such a number.
        TapeError: there is no tape.
    """
    wanted = whole("shards", shards, 1, SHARDS_MAX)
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    if not tape.is_by_symbol:
        tape = partition(tape, progress=progress)
    parts = shards_of(tape, wanted)
    began = time.perf_counter()
    with Progress("replay", len(tape.events), progress) as bar:
        cpu_seconds = run(parts, bar)
    seconds = time.perf_counter() - began
    counts = np.sum([shard.counts for shard in parts], axis=0)
    tally = _sum_of([shard.tally[0] for shard in parts])
    note_origin(tape, tally)
    return ShardedReplay(
        tape=tape,
        counts=counts,
        tally=tally,
        seconds=seconds,
        shards=parts,
        cpu_seconds=cpu_seconds,
    )


def shards_of(tape: Tape, wanted: int) -> tuple[Shard, ...]:
    """The shards of a tape by symbol, at most so many, with empty books and compiled kernels."""
    return tuple(_shard(tape, *cut) for cut in _cuts(tape, wanted))


def run(shards: tuple[Shard, ...], bar: Progress) -> tuple[float, ...]:
    """Replay every shard on a thread; returns what each took of it, in seconds of CPU time.

    When it is interrupted, the threads end after the piece in hand.
    """
    lock, stop = threading.Lock(), threading.Event()

    def work(shard: Shard) -> float:
        began = time.thread_time()
        for count in shard.pieces():
            with lock:
                bar.advance(count)
            if stop.is_set():
                break
        return time.thread_time() - began

    with ThreadPoolExecutor(len(shards)) as pool:
        try:
            return tuple(pool.map(work, shards))
        except BaseException:
            stop.set()
            raise


def _cuts(tape: Tape, wanted: int) -> Iterator[tuple[int, int, int, int]]:
    """First symbol and the one behind the last, first event and the one behind the last."""
    ends = np.cumsum(symbol_counts(tape))[:-1]  # of the events of each symbol
    shares = len(tape.events) * np.arange(1, wanted) / wanted
    nearest = [int(np.abs(np.append(0, ends) - share).argmin()) for share in shares]
    symbols = sorted({0, *nearest, len(ends)})
    events = [0, *(int(ends[symbol - 1]) for symbol in symbols[1:-1]), len(tape.events)]
    if len(symbols) == 1:  # a tape of no symbols
        symbols = [0, 0]
    yield from zip(symbols, symbols[1:], events, events[1:], strict=False)


def _shard(tape: Tape, first: int, stop: int, start: int, end: int) -> Shard:
    """A shard that has yet to be replayed, with its kernel compiled."""
    book, region = book_for(tape)
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    replay_events(book, region, tape.events[:0], counts, tally)
    return Shard(first, stop, tape.events[start:end], book, region, counts, tally)


def _sum_of(tallies: list[Any]) -> Any:
    """The tallies added up; folds have no sum."""
    total = np.zeros(1, TALLY)[0]
    for name in ("event_count", "crossed", "locked"):
        total[name] = sum(int(tally[name]) for tally in tallies)
    return total
