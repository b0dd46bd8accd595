"""Nasdaq TotalView-ITCH 5.0 files become tapes.

Each message that says something of a book or of trading becomes one event:

    A F  ADD        E  EXECUTE        X  REDUCE    U  REPLACE   P  TRADE            B  BROKEN
                    C  with OWN_PRICE D  DELETE                 Q  TRADE | AUCTION  H  STATUS

All others are counted by type with the reason why they are not on the tape; system events are
listed.

Time. A message gives nanoseconds since midnight of the venue's day. They are added to the instant
of that midnight: these are the words of the specification, and with one offset for the whole day no
time is ambiguous and none runs backwards. It matters on no trading day: in New York clocks change
on Sundays at 02:00.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date as Date
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, FeedError
from mmjit.feeds.importing import CENT, Resolving
from mmjit.feeds.unpack import Unpacked
from mmjit.instrument import Instrument, Session
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter
from mmjit.wire.itch50 import (
    FRAME_BYTES_MAX,
    LAYOUT,
    LOCATES,
    NOTICES,
    OTHER_SYMBOL,
    READ,
    SHARES_MAX,
    UNDECLARED,
    Decoder,
    Fault,
    decode,
    make_decoder,
    name_of,
    word_of,
)

Array = np.ndarray[Any, Any]

# Half a MiB each, so that both stay in the cache until they are used.
_PIECE_BYTES: Final = 1 << 19  # decoded at a time, beside what is left of the piece before
_EVENTS: Final = 1 << 13  # resolved and written at a time
_FIRST_YEAR: Final = 1971  # epoch nanoseconds from here ...
_LAST_YEAR: Final = 2199  # ... to here fit int64 by far

_DIRECTORY: Final = "in_instruments"
_SYSTEM: Final = "in_system_events"
_BOOKLESS: Final = "changes_no_book"


def import_itch50(
    source: Path,
    out: Path,
    *,
    date: str | None = None,
    symbols: list[str] | None = None,
    timezone: str = "America/New_York",
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Make a tape of a TotalView-ITCH 5.0 file.

    Args:
        source: u16 length and message, repeated (BinaryFILE); plain or gzip, which may break off.
        out: the folder to make.
        date: the day as YYYY-MM-DD; None takes it from the file's name.
        symbols: which ones to import; None for all.
        timezone: where the venue's midnight is.
        replace: whether a tape that is there already is replaced.
        progress: whether to show progress; None does on a terminal.

    Raises:
        ArgumentError: the date, the time zone or the list of symbols cannot be used.
        FeedError: the file cannot be read, is malformed, or lacks a symbol that was asked for.
        TapeError: there is something at `out` already.
    """
    source = Path(source)
    wanted = None if symbols is None else _words(symbols)
    midnight = midnight_ns(day_of(source.name, date), timezone)
    decoder = make_decoder(midnight, wanted)
    resolving = Resolving(LOCATES, CENT)
    with TapeWriter(out, replace=replace) as writer:
        total = source.stat().st_size if source.is_file() else 0
        with (
            Progress(f"import {source.name}", total, progress) as bar,
            Unpacked(source, bar.advance) as packed,
        ):
            for events in _decoded(packed, decoder):
                resolving(events)
                writer.append(events)
        _check_whole(source, decoder, symbols)
        return writer.commit(
            [resolving.bounded(k, it) for k, it in enumerate(_instruments(decoder, timezone))],
            messages=int(decoder.tallies[READ].sum()),
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={
                "feed": "itch50",
                "files": [packed.digest()],
                **_account(decoder),
                "leftover_bytes": packed.unpacked_bytes - int(decoder.stream[0]["decoded_bytes"]),
                "gzip_incomplete": packed.incomplete,
                "trailing_bytes": packed.trailing_bytes,
                "anomalies": resolving.anomalies() | _oddities(decoder),
            },
        )


# ---- the day --------------------------------------------------------------------------------


def day_of(name: str, date: str | None) -> Date:
    """The day that a file is of: as given, else as its name says.

    A name says it as MMDDYYYY (12302019.NASDAQ_ITCH50.gz), SMMDDYY (S030220-v50.txt.gz), YYYYMMDD
    or YYYY-MM-DD.
    """
    if date is not None:
        given = list(_calendar(date[:4], date[5:7], date[8:])) if _is_iso(date) else []
        if not given:
            raise ArgumentError(
                f"date {date!r} is not a day from {_FIRST_YEAR} to {_LAST_YEAR}; "
                "give it as YYYY-MM-DD"
            )
        return given[0]
    found = sorted(set(_days_in(name)))
    if len(found) == 1:
        return found[0]
    what = "no date" if not found else "several dates: " + ", ".join(map(str, found))
    raise FeedError(
        f"the file name {name} has {what}, and ITCH gives only the time of day; "
        "pass --date YYYY-MM-DD"
    )


def _is_iso(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None


def _days_in(name: str) -> Iterator[Date]:
    """Every day that a file name can be read to say; no month begins with 19, 20 or 21."""
    for run in _dates(r"(\d{8})", name):
        yield from _calendar(run[4:], run[:2], run[2:4])
        yield from _calendar(run[:4], run[4:6], run[6:])
    for run in _dates(r"(\d{4}-\d\d-\d\d)", name):
        yield from _calendar(run[:4], run[5:7], run[8:])
    for run in _dates(r"(?<![A-Za-z])S(\d{6})", name):
        yield from _calendar("20" + run[4:], run[:2], run[2:4])


def _dates(pattern: str, name: str) -> list[str]:
    return re.findall(rf"(?<!\d){pattern}(?!\d)", name, re.ASCII)


def _calendar(year: str, month: str, day: str) -> Iterator[Date]:
    """The day of these digits, if there is one."""
    try:
        found = Date(int(year), int(month), int(day))
    except ValueError:
        return
    if _FIRST_YEAR <= found.year <= _LAST_YEAR:
        yield found


def midnight_ns(day: Date, timezone: str) -> int:
    """The instant at which a day begins in a time zone, since the epoch."""
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ArgumentError(
            f"time zone {timezone!r} is not known here; give one such as America/New_York, "
            "or install tzdata"
        ) from None
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000_000


# ---- reading --------------------------------------------------------------------------------


def _decoded(packed: Unpacked, decoder: Decoder) -> Iterator[Array]:
    """The events of a file in runs, each good until the next is asked for."""
    data = np.zeros(_PIECE_BYTES + FRAME_BYTES_MAX, np.uint8)
    room = data.data
    events = np.zeros(_EVENTS, EVENT)
    held = 0
    while count := packed.read_into(room[held : held + _PIECE_BYTES]):
        held += count
        at = 0
        made = _EVENTS
        while made == _EVENTS:
            status = decode(decoder, data[at:held], events)
            made = int(decoder.stream[0]["event_count"])
            at += int(decoder.stream[0]["at"])
            if status < 0:
                raise FeedError(_complaint(packed.path, decoder, Fault(status), data[at:held]))
            if made > 0:
                yield events[:made]
        held -= at
        data[:held] = data[at : at + held].copy()


def _complaint(path: Path, decoder: Decoder, fault: Fault, frame: Array) -> str:
    """What is wrong with a frame: the value, the limit, the remedy."""
    message = frame[2 : 2 + _number(frame[:2])]
    kind = chr(message[0])
    length, name_at, _ = LAYOUT[kind]
    if fault == Fault.LENGTH_WRONG:
        what = f"has length {_number(frame[:2])}, expected {length}"
    elif fault == Fault.SIDE_UNKNOWN:
        what = f"has side {_shown(message[19:20])}, expected 'B' or 'S'"
    elif fault == Fault.PRINTABLE_UNKNOWN:
        what = f"has printable {_shown(message[31:32])}, expected 'Y' or 'N'"
    elif fault == Fault.SHARES_TOO_LARGE:
        what = f"has {_number(message[11:19])} shares, at most {SHARES_MAX} are possible"
    elif fault == Fault.NAME_MALFORMED:
        what = f"has stock {_shown(message[name_at : name_at + 8])}, expected printable ASCII"
    else:
        locate = _number(message[1:3])
        first = name_of(decoder.routes[locate]["name"])
        what = f"has stock {_shown(message[name_at : name_at + 8])}, but locate {locate} is {first}"
    at = int(decoder.stream[0]["decoded_bytes"])
    return (
        f"{path}: the message of type {kind!r} at byte {at} {what}; "
        "give one whole day of ITCH 5.0 as Nasdaq publishes it"
    )


def _number(raw: Array) -> int:
    return int.from_bytes(raw.tobytes(), "big")


def _shown(raw: Array) -> str:
    return repr(raw.tobytes())[1:]


def _check_whole(source: Path, decoder: Decoder, symbols: Sequence[str] | None) -> None:
    """Refuse a file that is no ITCH, or that lacks a symbol which was asked for."""
    if not any(decoder.tallies[READ, ord(kind)] for kind in LAYOUT):
        raise FeedError(
            f"{source} holds no whole ITCH 5.0 message; it must be a u16 length and a message, "
            "repeated, plain or gzip"
        )
    missing = sorted(set(symbols or ()) - {name for name, _ in _listed(decoder)})
    if missing:
        names = np.count_nonzero(decoder.routes["name"])
        raise FeedError(
            f"{source} has no symbol {', '.join(missing)} among its {names}; check the spelling"
        )


# ---- what the tape says ---------------------------------------------------------------------


def _words(symbols: list[str]) -> list[int]:
    """The names that are wanted, as on the wire; one that cannot be on the wire cannot be found."""
    if not symbols:
        raise ArgumentError("the list of symbols is empty; name one, or leave it out for all")
    for name in symbols:
        if not (
            name.isascii() and name.isprintable() and name == name.strip() and 0 < len(name) < 9
        ):
            raise ArgumentError(f"symbol {name!r} is not one to eight ASCII characters; correct it")
    return [word_of(name) for name in symbols]


def _listed(decoder: Decoder) -> Iterator[tuple[str, int]]:
    """Name and round lot of each symbol, by number; 0 where no R said."""
    for listing in decoder.listings[: int(decoder.stream[0]["symbol_count"])]:
        yield name_of(listing["name"]), int(listing["round_lot"])


def _instruments(decoder: Decoder, timezone: str) -> Iterator[Instrument]:
    session = Session(timezone=timezone, open="04:00", close="20:00")
    for name, round_lot in _listed(decoder):
        yield Instrument(
            symbol=name,
            venue="NASDAQ",
            price_unit="0.0001",
            lot_size="1",
            tick_table=((0, 1), (10_000, 100)),
            round_lot=round_lot or 1,
            currency="USD",
            session=session,
        )


def _account(decoder: Decoder) -> dict[str, Any]:
    """What was read, and what of it is not on the tape, with the reason."""
    read = _by_type(decoder.tallies[READ])
    bookless = {kind for kind, (_, _, event) in LAYOUT.items() if not event} - {"R", "S"}
    skipped = {
        _SYSTEM: {kind: count for kind, count in read.items() if kind == "S"},
        _DIRECTORY: {kind: count for kind, count in read.items() if kind == "R"},
        _BOOKLESS: {kind: count for kind, count in read.items() if kind in bookless},
        "unknown_type": {kind: count for kind, count in read.items() if kind not in LAYOUT},
        "other_symbol": _by_type(decoder.tallies[OTHER_SYMBOL]),
        "undeclared_locate": _by_type(decoder.tallies[UNDECLARED]),
    }
    kept = decoder.notices[: min(NOTICES, int(decoder.stream[0]["notice_count"]))]
    return {
        "messages_by_type": read,
        "skipped": {reason: counts for reason, counts in skipped.items() if counts},
        "empty_frames": int(decoder.stream[0]["empty_frames"]),
        "system_events": [{"code": chr(c), "time_ns": int(time_ns)} for c, time_ns in kept],
    }


def _by_type(tally: Array) -> dict[str, int]:
    """The counts that are not zero, by type; a type that is no character as its hex code."""
    counts = {int(kind): int(tally[kind]) for kind in np.flatnonzero(tally)}
    return {chr(k) if 0x20 < k < 0x7F else f"0x{k:02x}": n for k, n in counts.items()}


def _oddities(decoder: Decoder) -> dict[str, int]:
    """What was odd and kept, where there was any."""
    names = ("time_reversed", "price_zero", "state_unknown", "name_repeated")
    return {name: int(decoder.stream[0][name]) for name in names if decoder.stream[0][name]}
