"""A tape: a recorded market as a folder of `events.npy` and `tape.json`.

`events.npy` is a plain numpy file of EVENT records (`mmjit.core.records`), `tape.json` says what
the instruments are and where the events came from. Its `events_digest` is the checksum of
`mmjit.core.totals`: tapes of the same events have the same, others another. Of a source it keeps
the SHA-256. A tape is written to a hidden folder beside its place and renamed when it is whole: a
broken import leaves nothing.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np

from mmjit.core.codes import Kind
from mmjit.core.records import EVENT
from mmjit.core.totals import LANES, Totals, add_up, no_totals
from mmjit.errors import TapeError
from mmjit.instrument import Instrument
from mmjit.npy import NpyWriter

VERSION: Final = 1
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a recording shows; several of them may be joined in one tape.

    Attributes:
        symbols: how many it has.
        events: how many it has.
        events_digest: their checksum.
        by_level: whether it shows price levels, not orders.
        window_levels: how many levels a side it shows; 0 when it shows all.
    """

    symbols: int
    events: int
    events_digest: str
    by_level: bool
    window_levels: int


@dataclass(frozen=True)
class Tape:
    """A tape that is open for reading.

    Attributes:
        path: its folder.
        events: EVENT, a plain ndarray mapped copy-on-write: the file cannot be changed through it.
        instruments: by symbol number.
        meta: the whole of `tape.json`.
    """

    path: Path
    events: Array
    instruments: tuple[Instrument, ...]
    meta: dict[str, Any]

    @property
    def symbols(self) -> list[str]:
        """The names of the instruments, by symbol number."""
        return [instrument.symbol for instrument in self.instruments]

    @property
    def order_slots(self) -> int:
        """How many slots the handles of the tape need."""
        return int(self.meta["order_slots"])

    @property
    def level_pages(self) -> int:
        """How many pages the levels of the tape need."""
        return int(self.meta.get("level_pages", 0))  # older tapes name no levels

    @property
    def level_prices(self) -> int:
        """How many prices, of a side each, are set as levels; more than can be in use at once."""
        return int(self.meta.get("level_prices", self.meta["kinds"].get("level", 0)))

    @property
    def wide(self) -> bool:
        """Whether quantities need 64 bits in the slab."""
        return int(self.meta["qty_lots_max"]) > (1 << 31) - 1

    @property
    def window_levels(self) -> int:
        """How many levels a side the recording shows; 0 when it shows all."""
        return int(self.meta["window_levels"] or 0)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The recordings of which it was joined, in the order of their symbols; or itself."""
        if joined := self.meta.get("import", {}).get("joined"):
            return tuple(Origin(**one) for one in joined)
        itself = Origin(
            symbols=len(self.instruments),
            events=len(self.events),
            events_digest=self.meta["events_digest"],
            by_level="level" in self.meta["kinds"],
            window_levels=self.window_levels,
        )
        return (itself,)

    @property
    def spans(self) -> Iterator[tuple[int, int, Origin]]:
        """First symbol, the one behind the last, and the recording that has them."""
        first = 0
        for origin in self.origins:
            yield first, first + origin.symbols, origin
            first += origin.symbols

    def renamed(self, names: Mapping[str, str]) -> "Tape":
        """The same tape, some of whose symbols have other names; nothing is copied or written.

            spot.renamed({"BTCUSDT": "BTCUSDT-SPOT"})

        Args:
            names: the new name by the old one.

        Raises:
            TapeError: the tape has no such symbol, or two would have one name.
        """
        for name in names:
            self.symbol(name)
        instruments = tuple(
            replaced(instrument, symbol=names.get(instrument.symbol, instrument.symbol))
            for instrument in self.instruments
        )
        symbols = [instrument.symbol for instrument in instruments]
        if len(set(symbols)) < len(symbols):
            twice = next(name for name in symbols if symbols.count(name) > 1)
            raise TapeError(f"{self.path} would have two symbols {twice!r}; choose other names")
        return replaced(self, instruments=instruments, meta=self.meta | {"symbols": symbols})

    @property
    def is_by_symbol(self) -> bool:
        """Whether the events are sorted by symbol, and so are in time order only within one."""
        return "by_symbol" in self.meta.get("import", ())

    def symbol(self, name: str) -> int:
        """The number of a symbol."""
        try:
            return self.symbols.index(name)
        except ValueError:
            some = ", ".join(self.symbols[:8]) + (", ..." if len(self.symbols) > 8 else "")
            raise TapeError(f"symbol {name!r} is not on {self.path}; it has: {some}") from None


def open_tape(path: str | os.PathLike[str]) -> Tape:
    """Open a tape for reading.

    Raises:
        TapeError: there is no tape, or it is damaged or of another version.
    """
    folder = Path(path)
    try:
        meta = json.loads((folder / "tape.json").read_text())
    except FileNotFoundError:
        raise TapeError(
            f"{folder} is not a tape: it has no tape.json; make one with mmjit import"
        ) from None
    except (OSError, ValueError) as error:
        raise TapeError(f"{folder}/tape.json cannot be read ({error}); import it again") from None
    if not isinstance(meta, dict) or meta.get("format") != "mmjit-tape":
        raise TapeError(f"{folder}/tape.json does not describe a tape; import it again")
    if meta.get("version") != VERSION:
        raise TapeError(
            f"{folder} is a tape of version {meta.get('version')}, not {VERSION}; import it again"
        )
    try:
        _refuse_nonsense(meta)
        instruments = tuple(Instrument.from_json(values) for values in meta["instruments"])
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        what = " ".join(f"{type(error).__name__} {error}".split())[:120]
        raise TapeError(f"{folder}/tape.json is damaged ({what}); import it again") from None
    return Tape(folder, _map_events(folder, meta["events"]), instruments, meta)


_COUNTS: Final = {
    "events": 1 << 50,
    "messages": 1 << 50,
    "order_slots": (1 << 31) - 1,
    "qty_lots_max": (1 << 63) - 1,
}


def _refuse_nonsense(meta: dict[str, Any]) -> None:
    """Raise ValueError or KeyError for a tape.json that no import can have written."""
    for name, most in _COUNTS.items():
        _whole(name, meta[name], 0, most)
    if meta["window_levels"] is not None:
        _whole("window_levels", meta["window_levels"], 0, 1 << 20)
    if "level_prices" in meta:
        _whole("level_prices", meta["level_prices"], 0, 1 << 50)
    for name in ("first_time_ns", "last_time_ns"):
        if meta[name] is not None:
            _whole(name, meta[name], -(1 << 63), (1 << 63) - 1)
    for name, kind in (("kinds", dict), ("import", dict), ("instruments", list)):
        if not isinstance(meta[name], kind):
            raise ValueError(f"{name}: {meta[name]!r}")
    if meta["symbols"] != [values["symbol"] for values in meta["instruments"]]:
        raise ValueError("symbols and instruments disagree")
    if meta["events"] and not meta["instruments"]:
        raise ValueError("there is no instrument")
    meta["events_digest"].encode()
    meta["import"]["feed"].encode()
    if "by_symbol" in meta["import"]:
        _whole("time_reversed", meta["import"]["by_symbol"]["time_reversed"], 0, 1 << 50)
    if "joined" in meta["import"]:
        _refuse_origins(meta, [Origin(**one) for one in meta["import"]["joined"]])
    for values in meta["instruments"]:
        for name in ("price_unit", "lot_size", "multiplier"):
            if not 0 < Decimal(values[name]) < 1 << 62:
                raise ValueError(f"{name}: {values[name]!r}")
        _whole("increment", values["increment"], 1, 1 << 62)
        steps = values["tick_table"]
        if not steps or any(_whole("tick", step, 1, 1 << 62) < 1 for _, step in steps):
            raise ValueError(f"tick_table: {steps!r}")


def _refuse_origins(meta: dict[str, Any], origins: list[Origin]) -> None:
    """Raise ValueError for recordings of which a tape cannot have been joined."""
    if sum(_whole("symbols", one.symbols, 0, 1 << 31) for one in origins) != len(meta["symbols"]):
        raise ValueError("joined and instruments disagree")
    if sum(_whole("events", one.events, 0, 1 << 50) for one in origins) != meta["events"]:
        raise ValueError("joined and events disagree")
    for one in origins:
        _whole("window_levels", one.window_levels, 0, 1 << 20)
        one.events_digest.encode()
        if not isinstance(one.by_level, bool):
            raise ValueError(f"by_level: {one.by_level!r}")


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r}")
    return value


def _map_events(folder: Path, count: int) -> Array:
    try:
        mapped = np.load(folder / "events.npy", mmap_mode="c")
    except Exception as error:  # of a damaged head numpy raises what its parser comes upon
        raise TapeError(f"{folder}/events.npy cannot be read ({error}); import it again") from None
    whole = mapped.offset + mapped.nbytes == (folder / "events.npy").stat().st_size
    if mapped.dtype != EVENT or mapped.ndim != 1 or len(mapped) != count or not whole:
        raise TapeError(
            f"{folder}/events.npy has {mapped.shape}, not {count} events; import it again"
        )
    return np.asarray(mapped).view(EVENT)  # a .npy file does not keep that the dtype is aligned


class TapeWriter:
    """Writes a tape piece by piece; nothing is there until `commit`.

    Use as a context manager: leaving it without `commit` removes what was written.

    Args:
        path: the folder to make.
        replace: whether a tape that is there already is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        self.path = Path(path)
        if self.path.exists() and not replace:
            raise TapeError(f"{self.path} exists already; remove it or pass --replace")
        if self.path.exists() and not (self.path / "tape.json").exists():
            raise TapeError(f"{self.path} exists and is not a tape; choose another place")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = self.path.parent / f".{self.path.name}.partial-{os.getpid()}"
        self._totals = no_totals()
        self._level_prices: dict[int, set[int]] = {}  # by symbol, sides of a price told apart
        self.event_count = 0
        self._first_ns = 0
        self._last_ns = 0
        self._file: NpyWriter | None = None

    def __enter__(self) -> "TapeWriter":
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir()
        self._file = NpyWriter(self._partial / "events.npy", EVENT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def append(self, events: Array) -> None:
        """Write EVENT records, with their handles resolved."""
        if len(events) == 0:
            return
        assert self._file is not None
        assert events.dtype == EVENT
        if self.event_count == 0:
            self._first_ns = int(events[0]["venue_ns"])
        self._last_ns = int(events[-1]["venue_ns"])
        data = np.ascontiguousarray(events)
        self._file.append(data)
        levels_before = self._totals.kinds[Kind.LEVEL]
        add_up(self._totals, data, data.view(np.int64).reshape(-1, LANES))
        if self._totals.kinds[Kind.LEVEL] > levels_before:
            self._note_levels(data[data["kind"] == Kind.LEVEL])
        self.event_count += len(events)

    def _note_levels(self, events: Array) -> None:
        """Note the prices that are set as levels: a replay needs no room for others."""
        for symbol in np.unique(events["symbol"]).tolist():
            named = events[events["symbol"] == symbol]
            places = np.unique(named["price"] * 2 + named["side"])  # no two alike, wrapped or not
            self._level_prices.setdefault(symbol, set()).update(places.tolist())

    @property
    def message_count(self) -> int:
        """How many events so far are the last of their message."""
        return int(self._totals.messages[0])

    def commit(
        self,
        instruments: list[Instrument],
        *,
        messages: int,
        order_slots: int,
        level_pages: int = 0,
        qty_lots_max: int,
        window_levels: int | None,
        source: dict[str, Any],
        span_ns: tuple[int | None, int | None] | None = None,
    ) -> Tape:
        """Finish the tape and put it in its place.

        Args:
            instruments: by symbol number.
            messages: how many messages of the source were read, skipped ones included.
            order_slots: how many slots the handles need.
            level_pages: how many pages the levels need that its events name.
            qty_lots_max: the largest quantity on the tape.
            window_levels: how many levels a side the source shows; None when it shows all.
            source: of the import: feed, files with digests, counts, what was skipped and why.
            span_ns: first and last time; None takes those of the first and the last event.
        """
        assert self._file is not None
        self._file.finish()
        if span_ns is None:
            span_ns = (self._first_ns, self._last_ns) if self.event_count else (None, None)
        kinds = self._totals.kinds
        meta = {
            "format": "mmjit-tape",
            "version": VERSION,
            "events": self.event_count,
            "messages": messages,
            "symbols": [instrument.symbol for instrument in instruments],
            "first_time_ns": span_ns[0],
            "last_time_ns": span_ns[1],
            "kinds": {k.name.lower(): int(kinds[k]) for k in Kind if kinds[k]},
            "order_slots": order_slots,
            "level_pages": level_pages,
            "level_prices": sum(len(prices) for prices in self._level_prices.values()),
            "qty_lots_max": qty_lots_max,
            "window_levels": window_levels,
            "events_digest": _digest(self._totals),
            "import": source,
            "instruments": [instrument.as_json() for instrument in instruments],
        }
        (self._partial / "tape.json").write_text(_as_text(meta))
        old = self.path.parent / f".{self.path.name}.old-{os.getpid()}"
        if self.path.exists():
            os.rename(self.path, old)
        os.rename(self._partial, self.path)
        shutil.rmtree(old, ignore_errors=True)
        events = _map_events(self.path, self.event_count)
        return Tape(self.path, events, tuple(instruments), meta)


def digest_of(events: Array) -> str:
    """The checksum that a tape of these events has; EVENT, in one run of memory."""
    totals = no_totals()
    add_up(totals, events, events.view(np.int64).reshape(-1, LANES))
    return _digest(totals)


def _digest(totals: Totals) -> str:
    """The checksum of all events and their count, as 32 hexadecimal digits."""
    count = int(totals.kinds.sum())
    return hashlib.blake2b(totals.lanes.tobytes() + count.to_bytes(8), digest_size=16).hexdigest()


def _as_text(meta: dict[str, Any]) -> str:
    """The text of tape.json, an instrument a line: indented, 8,000 of them take a second."""
    others = {name: value for name, value in meta.items() if name != "instruments"}
    head = json.dumps(others, indent=1).removesuffix("\n}")
    lines = ",\n  ".join(json.dumps(instrument) for instrument in meta["instruments"])
    return f'{head},\n "instruments": [\n  {lines}\n ]\n}}\n'


def file_digest(path: Path, advance: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Name, size and digest of a source file, as a tape keeps them and as `sha256sum` says."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
            if advance is not None:
                advance(len(piece))
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}
