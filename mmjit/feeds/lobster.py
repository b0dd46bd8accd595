"""LOBSTER recordings -> tape.

With an orderbook file the recording shows the best L levels of a side, and the book is followed
inside that window (`lobster_window`). A message file alone is taken order by order as it is; what
rested before its first line is inferred from what is later taken off it.

Every line of the message file becomes one group of events, the last of them flagged LAST. Its time
counts from midnight in the venue's zone: one offset for the whole day, so none runs backwards.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, TradingStatus
from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, FeedError
from mmjit.feeds.importing import CENT, Resolving
from mmjit.feeds.lobster_files import RUN_ROWS, Reader, Recording, find_recording, message_runs
from mmjit.feeds.lobster_window import Changes, Extra, Retarget, Window
from mmjit.instrument import Instrument, Session
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter, file_digest
from mmjit.wire.lobster import Type

Array = np.ndarray[Any, Any]
Advance = Callable[[int], None]

_NS: Final = 1_000_000_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICKS: Final = ((0, 1), (10_000, 100))  # Nasdaq: 0.0001 below a dollar, 0.01 from there on

_KIND_OF_TYPE: Final = np.array(
    [0, Kind.ADD, Kind.REDUCE, Kind.DELETE, Kind.EXECUTE, Kind.TRADE, Kind.TRADE, Kind.STATUS],
    np.int8,
)
# By the price of a halt message plus one: -1 halted, 0 quoting, 1 trading.
_STATUS_OF_HALT: Final = np.array(
    [TradingStatus.HALTED, TradingStatus.QUOTING, TradingStatus.TRADING], np.int64
)


@dataclass
class Outcome:
    """What an import has met."""

    rows: int = 0
    seeds: int = 0
    revealed: int = 0
    dropped: int = 0
    anomalies: dict[str, int] = field(default_factory=dict)


def import_lobster(
    source: Path | list[Path],
    out: Path,
    *,
    date: str | None = None,
    levels: int | None = None,
    symbol: str | None = None,
    timezone: str = "America/New_York",
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Make a tape of one LOBSTER recording.

    Args:
        source: a zip of a message and an orderbook file, or one of the two (the other is looked for
            beside it), or both, or a message file alone.
        out: the folder to make.
        date: YYYY-MM-DD; None takes it from the file's name.
        levels: how many levels a side the recording shows; None takes it from the orderbook file,
            or else from the file's name.
        symbol: None takes it from the file's name.
        timezone: in which the times of day are told.
        replace: whether a tape that is there already is replaced.
        progress: whether a bar is shown; None shows it on a terminal.

    Raises:
        ArgumentError: the date or symbol is neither given nor named, or an argument is wrong.
        FeedError: the files are not what they should be.
        TapeError: the tape is there already.
    """
    recording = find_recording(source)
    title = recording.title
    named = symbol or title.symbol
    if not named:
        raise ArgumentError(f"{recording.message.name} names no symbol; give one with --symbol")
    day = date or title.date
    if not day:
        raise ArgumentError(f"{recording.message.name} names no date; give one with --date")
    midnight_ns = _midnight_ns(day, timezone)
    depth = _level_count(recording, levels)

    resolving = Resolving(1, CENT)
    work = recording.message.byte_count * (1 if recording.orderbook else 2)
    with TapeWriter(out, replace=replace) as writer, Progress(named, work, progress) as bar:
        outcome = Outcome()
        if recording.orderbook is None:
            runs = _message_events(recording, midnight_ns, outcome, bar.advance)
        else:
            assert depth is not None
            runs = _window_events(recording, depth, midnight_ns, outcome, bar.advance)
        for events in runs:
            resolving(events)
            writer.append(events)
        instrument = Instrument(
            symbol=named,
            venue="NASDAQ",
            tick_table=_TICKS,
            session=Session(timezone=timezone, open="09:30", close="16:00"),
        )
        return writer.commit(
            [resolving.bounded(0, instrument)],
            messages=outcome.rows,
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=depth,
            source=_source(recording, outcome, resolving),
        )


def _midnight_ns(day: str, timezone: str) -> int:
    """The start of a day in a time zone, in ns since the epoch."""
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ArgumentError(
            f"no time zone {timezone!r}; use a name like America/New_York"
        ) from None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) or not "1971" <= day[:4] <= "2199":
            raise ValueError
        midnight = dt.datetime.combine(dt.date.fromisoformat(day), dt.time.min, zone)
    except ValueError:
        raise ArgumentError(f"{day!r} is not a date from 1971 to 2199; give YYYY-MM-DD") from None
    return (midnight - _EPOCH) // dt.timedelta(seconds=1) * _NS


def _level_count(recording: Recording, levels: int | None) -> int | None:
    """How many levels a side the recording shows; None if nothing says so."""
    if levels is not None and (not isinstance(levels, int) or levels < 1):
        raise ArgumentError(f"levels: {levels!r} is not a whole number from 1 on; leave it out")
    named = recording.title.levels
    if recording.orderbook is None:
        return levels or named or None
    name = recording.orderbook.name
    with Reader(recording.orderbook) as reader:
        first = reader.lines(1)
    if not first:
        raise FeedError(f"{name} is empty; import the message file alone")
    columns = first[0].count(b",") + 1
    if columns % 4:
        raise FeedError(
            f"{name} has {columns} columns, not a multiple of 4; it is not an orderbook"
        )
    if levels is not None and levels != columns // 4:
        raise ArgumentError(f"{levels} levels given, but {name} has {columns // 4}; leave it out")
    if named is not None and named != columns // 4:
        raise FeedError(f"{name} has {columns // 4} levels, not the {named} of its name")
    return columns // 4


def _window_events(
    recording: Recording, levels: int, midnight_ns: int, outcome: Outcome, advance: Advance
) -> Iterator[Array]:
    """The events of a level-limited recording, run by run."""
    assert recording.orderbook is not None
    name = recording.orderbook.name
    window = Window(levels, name)
    with Reader(recording.orderbook) as reader:
        line_count = 0
        for rows in message_runs(recording.message, advance):
            lines = reader.lines(len(rows))
            line_count += len(lines)
            _refuse_cut_line(name, lines, line_count, levels)
            outcome.rows += len(rows)
            if line_count < outcome.rows:
                continue  # only to say how many rows there are
            base = _row_events(rows, midnight_ns)
            if line_count == len(rows):
                yield _extra_events(window.seed(lines[0], rows[0]), base)
            changes = window.apply(rows, base["side"], lines, line_count - len(rows) + 1)
            yield _merged(base, changes)
        while lines := reader.lines(RUN_ROWS):
            line_count += len(lines)
    if line_count != outcome.rows:
        raise FeedError(
            f"{recording.message.name} has {outcome.rows} rows, {name} has {line_count};"
            " give two files of one recording"
        )
    outcome.seeds = window.seeds
    outcome.revealed = window.revealed
    outcome.dropped = window.dropped
    outcome.anomalies = window.anomalies


def _refuse_cut_line(name: str, lines: list[bytes], line_count: int, levels: int) -> None:
    """Refuse an orderbook file that ends within a line."""
    if lines and not lines[-1].endswith(b"\n") and lines[-1].count(b",") + 1 != 4 * levels:
        raise FeedError(f"{name}, line {line_count}: the line is cut short; fetch the file again")


def _message_events(
    recording: Recording, midnight_ns: int, outcome: Outcome, advance: Advance
) -> Iterator[Array]:
    """The events of a message file alone, run by run."""
    seeds = _earlier_orders(message_runs(recording.message, advance))
    outcome.seeds = len(seeds)
    for rows in message_runs(recording.message, advance):
        base = _row_events(rows, midnight_ns)
        if outcome.rows == 0:
            yield _extra_events(seeds, base)
        outcome.rows += len(rows)
        yield _merged(base, Changes())


def _earlier_orders(runs: Iterator[Array]) -> list[Extra]:
    """The orders that rested before a message file began, as it tells by what it takes off them.

    Ids grow with time: an id below the first submitted one that is named but never submitted was
    there before. Any other id that is never submitted entered outside the recorded levels.
    """
    first_id: int | None = None
    submitted: set[int] = set()
    found: dict[int, Extra] = {}
    for rows in runs:
        if first_id is None:
            submissions = rows[rows["type"] == Type.SUBMISSION]
            first_id = int(submissions[0]["order_id"]) if len(submissions) else None
        early = rows[(rows["type"] <= Type.EXECUTION) & (rows["order_id"] > 0)]
        if first_id is not None:
            early = early[early["order_id"] < first_id]
        for row in early:
            order_id, size = int(row["order_id"]), int(row["size"])
            if row["type"] == Type.SUBMISSION:
                submitted.add(order_id)
            elif order_id in found:
                earlier = found[order_id]
                found[order_id] = earlier._replace(qty_lots=earlier.qty_lots + size)
            else:
                side = BID if row["direction"] == 1 else ASK
                found[order_id] = Extra(0, Kind.ADD, order_id, int(row["price"]), size, side)
    if first_id is None:
        return []
    return [found[i] for i in sorted(found) if i < first_id and i not in submitted]


def _row_events(rows: Array, midnight_ns: int) -> Array:
    """One EVENT a row, as the row says."""
    events = np.zeros(len(rows), EVENT)
    kind = rows["type"]
    bookless = kind > Type.EXECUTION
    events["venue_ns"] = rows["time_ns"] + midnight_ns
    events["local_ns"] = events["venue_ns"]
    events["order_id"] = np.where(bookless, np.maximum(rows["order_id"], 0), rows["order_id"])
    events["price"] = rows["price"]
    events["qty_lots"] = rows["size"]
    events["kind"] = _KIND_OF_TYPE[kind]
    events["side"] = np.where(rows["direction"] == -1, ASK, BID)
    events["flags"] = np.where(kind == Type.CROSS, Flag.AUCTION, 0)
    events["handle"] = NIL
    halts = np.flatnonzero(kind == Type.HALT)
    events["qty_lots"][halts] = _STATUS_OF_HALT[rows["price"][halts] + 1]
    for name in ("order_id", "price", "side"):
        events[name][halts] = 0
    return events


def _extra_events(extras: list[Extra], base: Array) -> Array:
    """Inferred events, at the times of their rows."""
    events = np.zeros(len(extras), EVENT)
    columns = np.array(extras, np.int64).reshape(-1, len(Extra._fields)).T
    for name, column in zip(Extra._fields[1:], columns[1:], strict=True):
        events[name] = column
    events["venue_ns"] = base["venue_ns"][columns[0]]
    events["local_ns"] = events["venue_ns"]
    events["flags"] = Flag.SYNTHETIC
    events["handle"] = NIL
    return events


def _merged(base: Array, changes: Changes) -> Array:
    """The events of rows with what differs from the rows, and LAST on the last of each row."""
    if changes.retargets:
        columns = np.array(changes.retargets, np.int64).T
        for name, column in zip(Retarget._fields[1:], columns[1:], strict=True):
            base[name][columns[0]] = column
    if not changes.extras:
        base["flags"] |= Flag.LAST
        return base
    rows = np.array([extra.row for extra in changes.extras], np.int64)
    events: Array = np.insert(base, rows + 1, _extra_events(changes.extras, base))
    every = np.arange(len(base))
    events["flags"][every + np.searchsorted(rows, every, side="right")] |= Flag.LAST
    return events


def _source(recording: Recording, outcome: Outcome, resolving: Resolving) -> dict[str, Any]:
    """What the tape says of its import."""
    return {
        "feed": "lobster",
        "mode": "window" if recording.orderbook else "messages",
        "files": [file_digest(path) for path in recording.paths],
        "rows": outcome.rows,
        "skipped": {},
        "synthetic": {
            "seeds": outcome.seeds,
            "revealed": outcome.revealed,
            "dropped": outcome.dropped,
        },
        "anomalies": outcome.anomalies | resolving.anomalies(),
    }
