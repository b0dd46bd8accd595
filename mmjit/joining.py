"""Joining tapes: the events of several in one order of time, for a run over all their instruments.

Tapes are merged message by message, by the time of a message's first event; at the same time the
tape that was given first goes first. A tape keeps its own order even where its times step back: an
event is taken to be no earlier than any before it. A message of several times stays whole, so that
events of others between them come after it, and are counted as out of time. Handles, levels and
symbols are counted on from those of the tapes before, so nothing is looked up again and what is
refused stays refused.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.codes import NIL, Flag
from mmjit.core.levels import PAGE_LEVELS
from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, TapeError
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter, digest_of, open_tape

Array = np.ndarray[Any, Any]
Place = Tape | str | os.PathLike[str]
PIECE: Final = 1 << 20  # events in hand at once
_COUNT_MAX: Final = (1 << 31) - 1  # of handles and levels, and of symbols
_EARLIEST: Final = -(1 << 63)


def join_tapes(
    tapes: Iterable[Place],
    out: str | os.PathLike[str] | None = None,
    *,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """One tape with the events of several, each with instruments of its own.

        both = mmjit.join_tapes(["AMZN", "AAPL"])
        perp = mmjit.open_tape("perp").renamed({"BTCUSDT": "BTCUSDT-PERP"})
        pair = mmjit.join_tapes(["spot", perp])

    `backtest` takes several tapes and joins them itself. What is joined can be replayed, shown by
    `depth`, sorted by `partition` and joined again, as any tape. Tapes of orders and of price
    levels may be joined. Prices, lots and currencies remain those of each instrument.

    Args:
        tapes: open tapes, or their folders. Their symbols are numbered in this order.
        out: the folder to make; without it the new tape stays in memory, where it is made: 64 bytes
            an event, and on the way there some 28 more.
        replace: whether a tape that is there already is replaced.
        progress: whether to show a bar; None shows it on a terminal.

    Returns:
        The tape; a single one as it is, if there is no `out`.

    Raises:
        ArgumentError: there is none, or two have a symbol of the same name.
        TapeError: there is no such tape, one is sorted by symbol, or `out` cannot be made.
    """
    opened = [tape if isinstance(tape, Tape) else open_tape(tape) for tape in tapes]
    _refuse(opened)
    if len(opened) == 1 and out is None:
        return opened[0]
    if out is None:
        return _joined(opened, progress)
    with TapeWriter(out, replace=replace) as writer:
        tape = _joined(opened, progress)
        for start in range(0, len(tape.events), PIECE):
            writer.append(tape.events[start : start + PIECE])
        return writer.commit(
            list(tape.instruments),
            messages=tape.meta["messages"],
            order_slots=tape.order_slots,
            level_pages=tape.level_pages,
            qty_lots_max=tape.meta["qty_lots_max"],
            window_levels=tape.meta["window_levels"],
            source=tape.meta["import"],
        )


def opened_or_joined(tape: Place | Sequence[Place], progress: bool | None = None) -> Tape:
    """A tape that is open; several are joined."""
    if isinstance(tape, Tape):
        return tape
    if isinstance(tape, str | os.PathLike):
        return open_tape(tape)
    return join_tapes(tape, progress=progress)


def _refuse(tapes: list[Tape]) -> None:
    """Refuse tapes that cannot be joined."""
    if not tapes:
        raise ArgumentError("tapes: there is none; give one or more")
    for tape in tapes:
        if tape.is_by_symbol:
            raise TapeError(f"{tape.path} is sorted by symbol; use the tape that it was made from")
    homes: dict[str, Path] = {}
    for tape in tapes:
        for name in tape.symbols:
            if name in homes:
                raise ArgumentError(
                    f"symbol {name!r} is on {homes[name]} and on {tape.path}; give one of them "
                    f"another name with open_tape({str(tape.path)!r}).renamed"
                    f"({{{name!r}: {name + '-2'!r}}})"
                )
        homes |= dict.fromkeys(tape.symbols, tape.path)
    needs = [(tape.order_slots, tape.level_pages * PAGE_LEVELS) for tape in tapes]
    for count, what in zip(map(sum, zip(*needs, strict=True)), ("orders", "levels"), strict=True):
        if count > _COUNT_MAX:
            raise TapeError(
                f"{len(tapes)} tapes need room for {count:,} {what} at once, and a tape has at "
                f"most {_COUNT_MAX:,}; join fewer"
            )


def _joined(tapes: list[Tape], progress: bool | None) -> Tape:
    """The tapes as one, in memory."""
    events = np.empty(sum(len(tape.events) for tape in tapes), EVENT)
    with Progress("join", 3 * len(events), progress) as bar:
        places = _places(tapes, bar)
        bar.advance(len(events))
        for tape, ours, bases in zip(tapes, places, _bases(tapes), strict=True):
            for start in range(0, len(ours), PIECE):
                piece = tape.events[start : start + PIECE].copy()
                _renumber(tape, piece, bases)
                events[ours[start : start + PIECE]] = piece
                bar.advance(len(piece))
    instruments = tuple(instrument for tape in tapes for instrument in tape.instruments)
    path = Path(" + ".join(str(tape.path) for tape in tapes))
    return Tape(path, events, instruments, _meta(tapes, events))


def _places(tapes: list[Tape], bar: Progress) -> list[Array]:
    """Where the events of each tape stand among those of all, int64 per event."""
    ends = np.cumsum([len(tape.events) for tape in tapes])
    keys = np.empty(ends[-1], np.int64)
    for tape, end in zip(tapes, ends, strict=True):
        for start in range(0, len(tape.events), PIECE):
            part = keys[end - len(tape.events) + start :][: min(PIECE, len(tape.events) - start)]
            part[:] = tape.events["venue_ns"][start : start + PIECE]
            bar.advance(len(part))
        _take_together(tape, keys[end - len(tape.events) : end])
    order = np.argsort(keys, kind="stable")  # runs that are in order are merged, not sorted
    places = keys  # the same memory
    places[order] = np.arange(len(order))
    return np.split(places, ends[:-1])


def _take_together(tape: Tape, times: Array) -> None:
    """Turn times of events into the latest so far at the first event of each one's message."""
    np.maximum.accumulate(times, out=times)
    lasts = tape.events["flags"][:-1] & Flag.LAST != 0
    times[1:][~lasts] = _EARLIEST
    np.maximum.accumulate(times, out=times)


def _bases(tapes: list[Tape]) -> Iterator[tuple[int, int, int]]:
    """Symbols, handles and levels of the tapes before each one."""
    symbols = handles = levels = 0
    for tape in tapes:
        yield symbols, handles, levels
        symbols += len(tape.instruments)
        handles += tape.order_slots
        levels += tape.level_pages * PAGE_LEVELS


def _renumber(tape: Tape, events: Array, bases: tuple[int, int, int]) -> None:
    """Count symbols, handles and levels of some events on; what is out of range names nothing."""
    limits = (len(tape.instruments), tape.order_slots, tape.level_pages * PAGE_LEVELS)
    for name, base, limit in zip(("symbol", "handle", "level"), bases, limits, strict=True):
        numbers = events[name]
        within = (numbers >= 0) & (numbers < limit)
        refused = (name == "level") & (numbers < NIL)  # a Status, why an event has no handle
        numbers[~within & ~refused] = NIL
        numbers[within] += base


def _meta(tapes: list[Tape], events: Array) -> dict[str, Any]:
    """What a joined tape says of itself."""
    kinds: dict[str, int] = {}
    for tape in tapes:
        for name, count in tape.meta["kinds"].items():
            kinds[name] = kinds.get(name, 0) + count
    origins = [origin for tape in tapes for origin in tape.origins]
    shown = [origin.window_levels for origin in origins if origin.window_levels]
    feeds = dict.fromkeys(tape.meta.get("import", {}).get("feed", "memory") for tape in tapes)
    meta = tapes[0].meta | {
        "events": len(events),
        "messages": sum(tape.meta["messages"] for tape in tapes),
        "symbols": [name for tape in tapes for name in tape.symbols],
        "first_time_ns": int(events["venue_ns"][0]) if len(events) else None,
        "last_time_ns": int(events["venue_ns"][-1]) if len(events) else None,
        "kinds": kinds,
        "order_slots": sum(tape.order_slots for tape in tapes),
        "level_pages": sum(tape.level_pages for tape in tapes),
        "level_prices": sum(tape.level_prices for tape in tapes),
        "qty_lots_max": max(tape.meta["qty_lots_max"] for tape in tapes),
        "window_levels": min(shown, default=None),  # the fewest
        "events_digest": digest_of(events),
        "import": {
            "feed": " + ".join(feeds),
            "joined": [asdict(origin) for origin in origins],
            "sources": [tape.meta.get("import", {}) for tape in tapes],
        },
    }
    meta["instruments"] = [one.as_json() for tape in tapes for one in tape.instruments]
    return meta
