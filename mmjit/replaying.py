"""Replaying a tape from Python: to its end, or level by level."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.audit import Fault, audit
from mmjit.core.book import Book
from mmjit.core.codes import NIL, STATUS_SPAN, Status
from mmjit.core.depth import View, record_depth
from mmjit.core.digest import extend_hash
from mmjit.core.ladder import HEIGHTS
from mmjit.core.levels import PAGE_LEVELS, reserve_pages
from mmjit.core.pool import reserve
from mmjit.core.records import TALLY
from mmjit.core.replay import Region
from mmjit.core.replay import replay as replay_events
from mmjit.core.state import Counts, configure_symbol, memory_book, power_of_two
from mmjit.errors import ArgumentError, CheckError, check
from mmjit.feeds.importing import anomaly_counts
from mmjit.instrument import Instrument
from mmjit.npy import NpyWriter
from mmjit.progress import Progress
from mmjit.tape import Tape, open_tape

Array = np.ndarray[Any, Any]
PIECE: Final = 1 << 20  # events between two looks at the clock
LEVELS_MAX: Final = 10_000
_BUFFER_BYTES: Final = 1 << 22  # of rows between two writes to a file


class Part(NamedTuple):
    """Some of the books of a replay: those of neighbouring symbols."""

    book: Book
    first: int  # symbol
    stop: int


@dataclass(frozen=True, kw_only=True)
class Outcome(ABC):
    """What there is to say of the books that a replay left, wherever they stand.

    Attributes:
        tape: what was replayed.
        counts: int64[STATUS_SPAN], events by the rule they broke (`counts[-status]`).
        tally: TALLY record.
        seconds: what the replay itself took; compiling and opening files are not counted.
    """

    tape: Tape
    counts: Array
    tally: Any
    seconds: float

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """The books, by symbol."""

    @property
    def unknown_ids(self) -> int:
        """Events that named an order that does not rest."""
        return int(self.counts[-Status.ORDER_ID_UNKNOWN])

    @property
    def anomalies(self) -> dict[str, int]:
        """What was wrong with the feed, by lower-case name; over-executions were mended."""
        found = mended_counts(self.counts)
        for name in ("crossed", "locked", "time_reversed"):
            if self.tally[name]:
                found[name] = int(self.tally[name])
        return found

    @property
    def state_hash(self) -> str:
        """The hash of the meaning of every book, as 16 hexadecimal digits."""
        word = 0
        for part in self.parts:
            word = extend_hash(part.book, part.first, part.stop, word)
        return f"{word & (1 << 64) - 1:016x}"

    def facts(self) -> dict[str, Any]:
        """The result in currency and units; `books` holds every symbol."""
        events = len(self.tape.events)
        sides = [part.book.sides for part in self.parts]
        symbols = [part.book.symbols for part in self.parts]
        return {
            "events": events,
            "messages": int(self.tape.meta["messages"]),
            "seconds": self.seconds,
            "ns_per_event": self.seconds * 1e9 / max(1, events),
            "unknown_ids": self.unknown_ids,
            "anomalies": self.anomalies,
            "resting_orders": sum(int(one["order_count"].sum()) for one in sides),
            "executed_lots": sum(
                int(one["bid_executed_lots"].sum() + one["ask_executed_lots"].sum())
                for one in symbols
            ),
            "state_hash": self.state_hash,
            "books": {
                self.tape.instruments[number].symbol: _book_facts(
                    part.book, number, self.tape.instruments[number]
                )
                for part in self.parts
                for number in range(part.first, part.stop)
            },
        }

    def audit(self) -> None:
        """Scan every book; raises CheckError if something does not hold."""
        for part in self.parts:
            audit_book(part.book)


@dataclass(frozen=True, kw_only=True)
class Replay(Outcome):
    """What a replay left.

    Attributes:
        book: as it is at the end.
    """

    book: Book

    @property
    def parts(self) -> tuple[Part, ...]:
        """The one book there is."""
        return (Part(self.book, 0, len(self.tape.instruments)),)


def _book_facts(book: Book, number: int, instrument: Instrument) -> dict[str, Any]:
    """The best prices of a symbol, and how much rests."""
    facts: dict[str, Any] = {}
    for name, side in (("bid", book.sides[2 * number]), ("ask", book.sides[2 * number + 1])):
        level = int(side["best"])
        best = None if level == NIL else book.levels[level]
        facts[f"{name}_price"] = None if best is None else instrument.money(best["price"])
        facts[f"{name}_qty"] = None if best is None else instrument.qty(best["qty_lots"])
        facts[f"{name}_levels"] = int(side["level_count"])
    facts["orders"] = int(book.sides["order_count"][2 * number : 2 * number + 2].sum())
    return facts


def mended_counts(counts: Array) -> dict[str, int]:
    """What was wrong with a feed, by name; what asked for too much was mended, not refused."""
    renamed = {"over_execution": "over_executed", "over_reduction": "over_reduced"}
    return {renamed.get(name, name): count for name, count in anomaly_counts(counts).items()}


def audit_book(book: Book) -> None:
    """Scan a book.

    Raises:
        CheckError: something does not hold; the message names it.
    """
    scratch = np.zeros(max(len(book.orders), len(book.masks)), np.int8)
    fault = Fault(audit(book, scratch))
    if fault != Fault.NONE:
        raise CheckError(f"audit: {fault.name.lower()}; the book is damaged, please report this")


def book_for(tape: Tape, *, extra_orders: int = 0) -> tuple[Book, Region]:
    """An empty book in memory that can take a tape, and the region of the tape's handles."""
    slots = tape.order_slots
    pages, rungs = _prices_of(tape, max(64, slots + extra_orders + tape.level_prices))
    counts = Counts(
        symbols=max(1, len(tape.instruments)),
        orders=max(64, slots + extra_orders),
        pages=pages + tape.level_pages,
        rungs=rungs,
        wide=tape.wide,
    )
    book = memory_book(counts)
    for symbol, instrument in enumerate(tape.instruments):
        low, high = instrument.price_min, instrument.price_max
        check(configure_symbol(book, symbol, low, high, instrument.increment))
    start = int(reserve(book.order_pool, slots))
    if tape.level_pages == 0:  # of a book without levels named, any level may be looked at
        return book, Region(start, slots)
    level_start = PAGE_LEVELS * int(reserve_pages(book, tape.level_pages))
    return book, Region(start, slots, level_start, PAGE_LEVELS * tape.level_pages)


def _prices_of(tape: Tape, orders: int) -> tuple[int, int]:
    """How many pages and masks are enough for any orders, so many, at prices of the tape's bounds.

    Tables that are no larger than they must be share fewer cache lines with nothing.
    """
    pages, masks, heights = 0, 0, 1
    for instrument in tape.instruments:
        steps = (instrument.price_max - instrument.price_min) // instrument.increment
        number_max = steps // PAGE_LEVELS
        pages += 2 * (number_max + 1)
        needed = max(1, -(-number_max.bit_length() // 6))  # a mask of each height has 64 below it
        masks += sum(2 * ((number_max >> 6 * height + 6) + 1) for height in range(needed))
        heights = max(heights, needed)
    pages = max(1, min(pages, orders))
    masks = min(masks, heights * (pages + tape.level_pages))
    return pages, power_of_two(masks + HEIGHTS + (masks + HEIGHTS) // 3 + 1)


def replay(tape: Tape | str | os.PathLike[str], *, progress: bool | None = None) -> Replay:
    """Replay a tape into a new book in memory.

    Args:
        tape: an open tape, or its folder.
        progress: whether to show a bar; None shows it on a terminal.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    book, region = book_for(tape)
    counts = np.zeros(STATUS_SPAN, np.int64)
    tally = np.zeros(1, TALLY)
    replay_events(book, region, tape.events[:0], counts, tally)
    began = time.perf_counter()
    with Progress("replay", len(tape.events), progress) as bar:
        for start in range(0, len(tape.events), PIECE):
            piece = tape.events[start : start + PIECE]
            replay_events(book, region, piece, counts, tally)
            bar.advance(len(piece))
    seconds = time.perf_counter() - began
    note_origin(tape, tally[0])
    return Replay(tape=tape, book=book, counts=counts, tally=tally[0], seconds=seconds)


def note_origin(tape: Tape, tally: Any) -> None:
    """Of a tape by symbol, take the events that were out of time from before it was sorted."""
    if tape.is_by_symbol:
        tally["time_reversed"] = tape.meta["import"]["by_symbol"]["time_reversed"]


def depth_dtype(levels: int) -> np.dtype[np.void]:
    """The record of one row of `depth`."""
    wide = ("bid_price", "bid_qty", "ask_price", "ask_qty")
    return np.dtype([("time_ns", "i8"), *((name, "i8", (levels,)) for name in wide)])


def depth(
    tape: Tape | str | os.PathLike[str],
    *,
    symbol: str | None = None,
    levels: int = 10,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Array:
    """The best levels of a symbol after every source message that has an event on the tape.

    Args:
        tape: an open tape, or its folder.
        symbol: its name; may be left out when the tape has only one.
        levels: how many a side.
        out: a .npy file to write; without it the rows are in memory.
        progress: whether to show a bar; None shows it on a terminal.

    Returns:
        A structured array: `time_ns` and, of shape (levels,), `bid_price`, `bid_qty`, `ask_price`,
        `ask_qty`, all int64, in price units and lots. A level that is missing has 0 for both. Of a
        file it is a mapping, copy-on-write.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    if isinstance(levels, bool) or not isinstance(levels, int) or not 1 <= levels <= LEVELS_MAX:
        raise ArgumentError(f"levels: {levels!r} is not a whole number from 1 to {LEVELS_MAX:,}")
    if symbol is None and len(tape.instruments) != 1:
        raise ArgumentError(
            f"{tape.path} has {len(tape.instruments)} symbols; say which with symbol"
        )
    number = 0 if symbol is None else tape.symbol(symbol)
    record = _Recorder(tape, number, depth_dtype(levels))
    if out is not None:
        return _to_file(record, Path(out), progress)
    rows = np.zeros(_row_count(tape, number), record.dtype)
    written = 0
    for piece in _pieces(tape, PIECE, progress):
        written += record(piece, rows[written:])
    if written != len(rows):
        raise CheckError(f"depth: {written} rows were written, not {len(rows)}; please report this")
    return rows


def _to_file(record: "_Recorder", out: Path, progress: bool | None) -> Array:
    """Write the rows to a file that appears when it is whole.

    A buffer that stays in the cache goes from one piece to the next, so that writing costs what the
    bytes cost; through a mapping of the file each page would have to be faulted in first.
    """
    if not out.parent.is_dir():
        raise ArgumentError(f"{out.parent} is not a folder; make it first")
    if out.is_symlink() or (out.exists() and not out.is_file()):
        raise ArgumentError(f"{out} is there and is not a plain file; choose another name")
    if (out.parent / "tape.json").exists():
        raise ArgumentError(f"{out} would stand inside a tape; choose another folder")
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    rows = np.zeros(max(1, _BUFFER_BYTES // record.dtype.itemsize), record.dtype)
    try:
        with closing(NpyWriter(partial, record.dtype)) as writer:
            for piece in _pieces(record.tape, len(rows), progress):
                writer.append(rows[: record(piece, rows)])
            writer.finish()
        os.rename(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return np.asarray(np.load(out, mmap_mode="c"))


class _Recorder:
    """Replays a tape piece by piece and writes the rows of one symbol."""

    def __init__(self, tape: Tape, symbol: int, dtype: np.dtype[np.void]) -> None:
        self.tape = tape
        self.dtype = dtype
        self._book, self._region = book_for(tape)
        self._view = View(symbol, np.zeros(dtype.itemsize // 8, np.int64))
        self._counts = np.zeros(STATUS_SPAN, np.int64)

    def __call__(self, events: Array, rows: Array) -> int:
        """Replay the next events into rows, of which there are enough; returns how many it took."""
        table = rows.view(np.int64).reshape(len(rows), self.dtype.itemsize // 8)
        return int(record_depth(self._book, self._region, events, self._view, table, self._counts))


def _row_count(tape: Tape, symbol: int) -> int:
    """How many source messages have their last event in a symbol."""
    count = 0
    for start in range(0, len(tape.events), PIECE):
        piece = tape.events[start : start + PIECE]
        count += int(np.count_nonzero((piece["symbol"] == symbol) & (piece["flags"] & 1 == 1)))
    return count


def _pieces(tape: Tape, length: int, progress: bool | None) -> Iterator[Array]:
    """The events of a tape in runs of a length, with a bar."""
    with Progress("depth", len(tape.events), progress) as bar:
        for start in range(0, len(tape.events), length):
            piece = tape.events[start : start + length]
            yield piece
            bar.advance(len(piece))
