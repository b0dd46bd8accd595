"""A symbol of a tape as a file of hftbacktest 2.

    LEVEL     DEPTH, or DEPTH_SNAPSHOT      ADD       ADD
    TRADE     TRADE                         DELETE    CANCEL
    CLEAR     DEPTH_CLEAR                   REDUCE    MODIFY to what is left, or CANCEL
                                            EXECUTE   TRADE, FILL and MODIFY or CANCEL
                                            REPLACE   MODIFY where that goes to the tail as well and
                                                      the id stays, else CANCEL and ADD

The first order of rows is by the venue's time. An event that was received before one ahead of it
stands there for the exchange, and once more, further up, for the desk.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.codes import BID, NIL, Flag, Kind
from mmjit.errors import ArgumentError, TapeError
from mmjit.feeds import hftbacktest_file as hft
from mmjit.feeds.hftbacktest_orders import Row, as_columns
from mmjit.feeds.importing import PIECE
from mmjit.instrument import Instrument
from mmjit.tape import Tape, open_tape

Array = np.ndarray[Any, Any]

# As plain integers: of an enum each look-up costs more than all else that an event takes.
_ADD, _DELETE, _CLEAR = int(Kind.ADD), int(Kind.DELETE), int(Kind.CLEAR)
_REPLACE, _EXECUTE = int(Kind.REPLACE), int(Kind.EXECUTE)
_OF_ORDERS: Final = (_ADD, int(Kind.REDUCE), _DELETE, _REPLACE, _EXECUTE)
_LAST: Final = int(Flag.LAST)


def export_hftbacktest(
    tape: Tape | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    symbol: str | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Write a symbol of a tape as rows of hftbacktest.

    Args:
        tape: an open tape, or its folder.
        out: the file to make; .npz holds the instrument too, .npy only the rows.
        symbol: its name; may be left out when the tape has only one.
        replace: whether a file that is there already is replaced.

    Returns:
        How many `events` became how many `rows`, what was `skipped` and why, and the sizes that
        hftbacktest has to be told: `tick_size`, `lot_size`.

    Raises:
        ArgumentError: the file cannot be made, or the symbol must be said.
        TapeError: the tape has no such symbol, or an amount is beyond what a float tells.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    path = _place_for(Path(out), replace)
    if symbol is None and len(tape.instruments) != 1:
        raise ArgumentError(f"{tape.path} has {len(tape.instruments)} symbols; say which")
    number = 0 if symbol is None else tape.symbol(symbol)
    instrument = tape.instruments[number]
    exporter = _Exporter(instrument)
    parts = [exporter(events) for events in _events_of(tape, number)]
    rows = _for_both(np.concatenate([np.zeros(0, hft.ROW), *parts]))
    _save(path, rows, instrument)
    return {
        "file": str(path),
        "events": exporter.event_count,
        "rows": len(rows),
        "skipped": dict(exporter.skipped),
        "tick_size": instrument.price_unit,
        "lot_size": instrument.lot_size,
    }


def _place_for(out: Path, replace: bool) -> Path:
    if out.suffix not in (".npz", ".npy"):
        raise ArgumentError(f"{out} ends neither with .npz nor with .npy; choose another name")
    if not out.parent.is_dir():
        raise ArgumentError(f"{out.parent} is not a folder; make it first")
    if out.is_symlink() or (out.exists() and not (replace and out.is_file())):
        raise ArgumentError(f"{out} exists already; remove it, or pass --replace for a plain file")
    if (out.parent / "tape.json").exists():
        raise ArgumentError(f"{out} would stand inside a tape; choose another folder")
    return out


def _events_of(tape: Tape, number: int) -> Iterator[Array]:
    for start in range(0, len(tape.events), PIECE):
        piece = tape.events[start : start + PIECE]
        yield piece[piece["symbol"] == number]


class _Exporter:
    """Makes rows of the events of a symbol.

    Attributes:
        event_count: how many events there were.
        skipped: those that are in no row, by why.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.event_count = 0
        self.skipped: Counter[str] = Counter()
        self._steps = [Fraction(instrument.price_unit), Fraction(instrument.lot_size)]
        self._orders: dict[int, list[int]] = {}  # by handle: id, price, lots left
        self._made: list[Row] = []

    def __call__(self, events: Array) -> Array:
        """The rows of the next events."""
        self.event_count += len(events)
        if not np.isin(events["kind"], _OF_ORDERS).any():
            if (events["kind"] == Kind.CLEAR).any():
                self._orders.clear()
            return self._rows(events, np.arange(len(events)), _kinds_of(events), events)
        self._made = []
        names = ("kind", "handle", "flags", "side", "order_id", "price", "qty_lots", "other_id")
        columns = (events[name].tolist() for name in names)
        others = _kinds_of(events).tolist()
        for place, (kind, handle, flags, *rest) in enumerate(zip(*columns, strict=True)):
            if kind in _OF_ORDERS:
                self._take(place, kind, handle, flags, rest)
                continue
            if kind == _CLEAR:
                self._orders.clear()
            side, name, price, lots, other = rest
            self._made.append((place, others[place], side, name, price, lots, other, flags))
        made = as_columns(self._made)
        return self._rows(events, made["place"], made["kind"], made)

    def _rows(self, events: Array, place: Array, kind: Array, columns: Any) -> Array:
        """Rows of columns in whole numbers; times are those of the events."""
        rows = np.zeros(len(place), hft.ROW)
        side = columns["side"].astype(np.int64)
        buys = np.where(kind == hft.TRADE, side != BID, side == BID)  # of a trade: who took
        told = (side != NIL) & (kind != hft.DEPTH_CLEAR)
        which = np.where(told, np.where(buys, hft.BUY, hft.SELL), 0)
        rows["ev"] = hft.EXCH | hft.LOCAL | which | kind
        rows["exch_ts"], rows["local_ts"] = events["venue_ns"][place], events["local_ns"][place]
        names = (("px", "price"), ("qty", "qty_lots"))
        for (target, name), step in zip(names, self._steps, strict=True):
            counts = columns[name]
            most = int(np.abs(counts).max(initial=0))
            if most > hft.COUNT_MAX:
                raise TapeError(f"a {name} of {most} passes {hft.COUNT_MAX}, what a float tells")
            rows[target] = hft.floats_of(counts, step)
        rows["order_id"] = columns["order_id"].astype(np.int64).view(np.uint64)
        rows["ival"], rows["fval"] = columns["other_id"], columns["flags"]
        return rows

    def _take(self, place: int, kind: int, handle: int, flags: int, rest: list[int]) -> None:
        """Make the rows of an event that names an order."""
        side, name, price, lots, _ = rest
        if handle == NIL or (kind != _ADD and handle not in self._orders):
            self.skipped["refused"] += 1
        elif kind == _ADD:
            self._orders[handle] = [name, price, lots]
            self._made.append((place, hft.ADD_ORDER, side, name, price, lots, 0, flags))
        elif kind == _REPLACE:
            self._replace(place, self._orders[handle], rest, flags)
        else:
            self._shrink(place, kind, handle, rest, flags)

    def _replace(self, place: int, order: list[int], rest: list[int], flags: int) -> None:
        side, _, price, lots, new = rest
        name, old_price, left = order
        order[:] = new, price, lots
        if new == name and (price != old_price or lots > left):
            self._made.append((place, hft.MODIFY_ORDER, side, name, price, lots, 0, flags))
            return
        within = flags & ~_LAST
        self._made.append((place, hft.CANCEL_ORDER, side, name, old_price, left, 0, within))
        self._made.append((place, hft.ADD_ORDER, side, new, price, lots, 0, flags))

    def _shrink(self, place: int, kind: int, handle: int, rest: list[int], flags: int) -> None:
        side, _, price, lots, other = rest
        name, own_price, left = self._orders[handle]
        if kind == _EXECUTE:
            within = flags & ~_LAST
            self._made.append((place, hft.TRADE, side, 0, price, lots, other, within))
            self._made.append((place, hft.FILL, side, name, price, lots, other, within))
        now = 0 if kind == _DELETE else max(0, left - lots)
        if now > 0:
            self._orders[handle][2] = now
            what, shown = hft.MODIFY_ORDER, now
        else:
            del self._orders[handle]
            what, shown = hft.CANCEL_ORDER, min(left, lots)
        self._made.append((place, what, side, name, own_price, shown, 0, flags))


def _kinds_of(events: Array) -> Array:
    """What events that name no order are called there."""
    kind = events["kind"].astype(np.int64)
    sets = np.where(events["flags"] & Flag.SNAPSHOT != 0, hft.DEPTH_SNAPSHOT, hft.DEPTH)
    return np.select(
        [kind == Kind.LEVEL, kind == Kind.TRADE, kind == Kind.CLEAR],
        [sets, hft.TRADE, hft.DEPTH_CLEAR],
        kind + hft.OTHER,
    )


def _for_both(rows: Array) -> Array:
    """Rows in the order of both clocks: one that is late for the desk stands there twice."""
    received = rows["local_ts"]
    latest = np.maximum.accumulate(received) if len(rows) else received
    late = received < latest
    if not late.any():
        return rows
    twins = rows[late]
    twins = twins[np.argsort(twins["local_ts"], kind="stable")]
    twins["ev"] &= np.uint64(0xFFFFFFFF ^ hft.EXCH)
    rows = rows.copy()
    rows["ev"][late] &= np.uint64(0xFFFFFFFF ^ hft.LOCAL)
    on_time = np.flatnonzero(~late)
    behind = np.searchsorted(received[on_time], twins["local_ts"], side="right")
    both: Array = np.insert(rows, on_time[behind], twins)
    return both


def _save(path: Path, rows: Array, instrument: Instrument) -> None:
    """Write a file that appears when it is whole."""
    partial = path.parent / f".{path.name}.partial-{os.getpid()}"
    try:
        with open(partial, "wb") as file:
            if path.suffix == ".npy":
                np.save(file, rows)
            else:
                note = json.dumps(instrument.as_json()).encode()
                np.savez_compressed(file, data=rows, mmjit=np.frombuffer(note, np.uint8))
        os.rename(partial, path)
    finally:
        partial.unlink(missing_ok=True)
