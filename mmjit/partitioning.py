"""Sorting a tape by symbol: the events of each one together, in their order.

A book of thousands of symbols does not fit the cache, that of one symbol does: a tape by symbol is
replayed faster, and any cut between two symbols makes shards that do not know of each other.

What is refused stays refused, for handles are renumbered and ids are not looked up again: an
order's name is its symbol and the handle that it had. What is lost is the order of the events of
different symbols; how many were earlier than one before them is counted before they are sorted.
"""

import os
import tempfile
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.records import EVENT
from mmjit.errors import TapeError
from mmjit.feeds.importing import Resolving
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter, open_tape

Array = np.ndarray[Any, Any]
PIECE: Final = 1 << 20  # events in hand at once
_MENDED: Final = (Status.OVER_EXECUTION, Status.OVER_REDUCTION)


def partition(
    tape: Tape | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """A tape with the same events sorted by symbol, those of one symbol in their order.

    `replay` and `depth` find on it what they find on the tape itself, but for the folds of the best
    prices, which depend on the order of all events. A backtest needs the events in time order.

    Args:
        tape: an open tape, or its folder.
        out: the folder to make; without it the new tape is in memory. On the way there is a
            second copy of the events beside it, so that memory stays free.
        replace: whether a tape that is there already is replaced.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        TapeError: there is no tape, it is by symbol already, or `out` cannot be made.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    if tape.is_by_symbol:
        raise TapeError(f"{tape.path} is by symbol already; take it as it is")
    with Progress("partition", 3 * len(tape.events), progress) as bar:
        if out is None:
            events = np.empty(len(tape.events), EVENT)
            source = _sort(tape, events, bar)
            resolving = _renumber(tape, events, bar)
            needs = {"order_slots": resolving.order_slots, "level_pages": resolving.level_pages}
            meta = tape.meta | needs | {"import": source}
            return replaced(tape, events=events, meta=meta)
        with TapeWriter(out, replace=replace) as writer:
            with tempfile.TemporaryFile(dir=Path(out).parent) as file:
                file.truncate(max(1, tape.events.nbytes))
                events = np.memmap(file, EVENT, "r+", shape=len(tape.events)).view(np.ndarray)
                source = _sort(tape, events, bar)
                resolving = _renumber(tape, events, bar, writer)
                del events
            return writer.commit(
                list(tape.instruments),
                messages=tape.meta["messages"],
                order_slots=resolving.order_slots,
                level_pages=resolving.level_pages,
                qty_lots_max=tape.meta["qty_lots_max"],
                window_levels=tape.meta["window_levels"],
                source=source,
                span_ns=(tape.meta["first_time_ns"], tape.meta["last_time_ns"]),
            )


def symbol_counts(tape: Tape) -> Array:
    """Events of each symbol, int64[symbols + 1]; the last counts those whose symbol is unknown."""
    counts = np.zeros(len(tape.instruments) + 1, np.int64)
    for start in range(0, len(tape.events), PIECE):
        counts += np.bincount(
            _bins(tape, tape.events[start : start + PIECE]), minlength=len(counts)
        )
    return counts


def _bins(tape: Tape, events: Array) -> Array:
    """The symbol of each event, the number of symbols where it is none of them."""
    symbols = events["symbol"].astype(np.int64)
    none = len(tape.instruments)
    symbols[(symbols < 0) | (symbols > none)] = none
    return symbols


def _sort(tape: Tape, out: Array, bar: Progress) -> dict[str, Any]:
    """Put the events into their places; returns what the new tape says of where it came from."""
    counts = symbol_counts(tape)
    bar.advance(len(out))
    places = np.cumsum(counts) - counts  # of the next event of each symbol
    reversed_count, last_ns = 0, 0
    for start in range(0, len(tape.events), PIECE):
        piece = tape.events[start : start + PIECE]
        bins = _bins(tape, piece)
        found, last_ns = _time_reversed(piece, bins < len(tape.instruments), last_ns)
        reversed_count += found
        order = np.argsort(bins, kind="stable")
        here = np.bincount(bins, minlength=len(counts))
        firsts = np.cumsum(here) - here
        out[np.arange(len(piece)) + np.repeat(places - firsts, here)] = piece[order]
        places += here
        bar.advance(len(piece))
    origin = {"events_digest": tape.meta["events_digest"], "time_reversed": reversed_count}
    return dict(tape.meta["import"], by_symbol=origin)


def _time_reversed(events: Array, known: Array, last_ns: int) -> tuple[int, int]:
    """How many events are earlier than an accepted one before them, and the latest time of one."""
    times = events["venue_ns"]
    accepted = known & ((events["level"] >= NIL) | (events["handle"] != NIL))
    latest = np.maximum.accumulate(np.append(last_ns, np.where(accepted, times, last_ns)))
    return int(np.count_nonzero(times < latest[:-1])), int(latest[-1])


def _renumber(
    tape: Tape, events: Array, bar: Progress, writer: TapeWriter | None = None
) -> Resolving:
    """Give the orders handles that fit the new order of the events, and write these."""
    resolving = Resolving(
        max(1, len(tape.instruments)),
        np.array([instrument.increment for instrument in tape.instruments] or [0]),
    )
    for start in range(0, len(events), PIECE):
        piece = events[start : start + PIECE]
        known = _bins(tape, piece) < len(tape.instruments)
        holds = known & ((piece["handle"] != NIL) | (piece["kind"] == Kind.CLEAR))
        named = piece[holds]
        names = (named["symbol"].astype(np.int64) << 32) + named["handle"] + 1
        named["order_id"] = named["other_id"] = names
        resolving(named)
        piece["handle"][holds] = named["handle"]
        piece["level"][holds] = named["level"]
        _refuse_unknown(piece, ~known)
        if writer is not None:
            writer.append(piece)
        bar.advance(len(piece))
    if any(resolving.counts[-s] for s in Status if s < 0 and s not in _MENDED):
        raise TapeError(f"{tape.path}: handles do not fit the events; import it again")
    return resolving


def _refuse_unknown(events: Array, unknown: Array) -> None:
    """Take the handles from events of unknown symbols, which are refused for that all the same."""
    adds = unknown & (events["handle"] != NIL) & (events["kind"] == Kind.ADD)
    events["level"][adds] = Status.SYMBOL_UNKNOWN
    events["handle"][unknown] = NIL
