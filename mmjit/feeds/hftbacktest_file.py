"""The files of hftbacktest 2: .npz or .npy of 64-byte rows, and how prices become floats and back.

    ev u64 | exch_ts i64 | local_ts i64 | px f64 | qty f64 | order_id u64 | ival i64 | fval f64

`ev` says in its lowest byte what happened and in four high bits to whom: a row with EXCH is for the
exchange, at `exch_ts`, one with LOCAL for the desk, at `local_ts`. Where the two orders differ, an
event stands there twice, once for each.

What mmjit writes has in `ival` the id of a trade and in `fval` the flags of the EVENT, both unused
by hftbacktest, and beside `data` an array `mmjit`, the instrument as JSON: it is read back as the
same events. Kinds that hftbacktest does not know are OTHER plus the Kind, which it passes over.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from mmjit.core.records import record
from mmjit.errors import FeedError
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]

ROW: Final = record(
    64,
    ("ev", "u8"),
    ("exch_ts", "i8"),
    ("local_ts", "i8"),
    ("px", "f8"),
    ("qty", "f8"),
    ("order_id", "u8"),
    ("ival", "i8"),
    ("fval", "f8"),
)
EXCH: Final = 1 << 31
LOCAL: Final = 1 << 30
BUY: Final = 1 << 29  # of a trade: who takes; else the side of the book
SELL: Final = 1 << 28
KIND_MASK: Final = 0xFF

DEPTH: Final = 1
TRADE: Final = 2
DEPTH_CLEAR: Final = 3
DEPTH_SNAPSHOT: Final = 4
ADD_ORDER: Final = 10
CANCEL_ORDER: Final = 11
MODIFY_ORDER: Final = 12
FILL: Final = 13
OTHER: Final = 200

NAMES: Final = {
    DEPTH: "depth",
    TRADE: "trade",
    DEPTH_CLEAR: "depth_clear",
    DEPTH_SNAPSHOT: "depth_snapshot",
    5: "depth_bbo",
    ADD_ORDER: "add_order",
    CANCEL_ORDER: "cancel_order",
    MODIFY_ORDER: "modify_order",
    FILL: "fill",
}

COUNT_MAX: Final = 1 << 50  # up to here a float of so many ticks is nearer to one than to the next
_ZIP: Final = b"PK"
_EPSILON: Final = 4e-15  # of a count: what a float or two operations on it can be off
_DECIMALS_MAX: Final = 12


@dataclass(frozen=True)
class HftFile:
    """The rows of a file, and the instrument if mmjit wrote it."""

    path: Path
    rows: Array
    instrument: Instrument | None


def read_file(path: Path) -> HftFile:
    """Read a file; one that holds no such rows is a `FeedError`."""
    note = None
    try:
        with open(path, "rb") as file:
            if file.read(2) == _ZIP:
                file.seek(0)
                rows, note = _of_zip(file)
            else:
                rows = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # of a damaged head numpy and zipfile raise what they come upon
        what = " ".join(str(error).split()) or type(error).__name__
        raise FeedError(f"{path.name} cannot be read ({what[:200]}); give a .npz or .npy") from None
    return HftFile(path, _checked(path, rows), _instrument_of(path, note))


def _of_zip(file: IO[bytes]) -> tuple[Array, bytes | None]:
    """The rows of a .npz, and what mmjit wrote beside them."""
    with np.load(file, allow_pickle=False) as parts:
        names = [name for name in parts.files if name != "mmjit"]
        name = "data" if "data" in names or len(names) != 1 else names[0]
        note = parts["mmjit"].tobytes() if "mmjit" in parts.files else None
        return parts[name], note


def _instrument_of(path: Path, note: bytes | None) -> Instrument | None:
    if note is None:
        return None
    try:
        return Instrument.from_json(json.loads(note))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FeedError(f"{path.name}: the array mmjit is damaged ({error}); remove it") from None


def _checked(path: Path, rows: Array) -> Array:
    """Rows as ROW."""
    if rows.dtype.kind == "f" and rows.ndim == 2:
        raise FeedError(
            f"{path.name} is of hftbacktest 1; convert it with hftbacktest.data.utils.migration2"
        )
    if rows.ndim != 1 or _fields(rows.dtype) != _fields(ROW):
        raise FeedError(
            f"{path.name} holds {rows.ndim}-dimensional {rows.dtype.str}, not rows of "
            f"{', '.join(_fields(ROW))}; give a file of hftbacktest 2"
        )
    return rows if rows.dtype == ROW else rows.astype(ROW)


def _fields(dtype: np.dtype[Any]) -> dict[str, np.dtype[Any]]:
    return {name: field[0] for name, field in (dtype.fields or {}).items()}


# ---- floats and counts ----------------------------------------------------------------------


def counts_of(values: Array, step: Fraction) -> tuple[Array, Array]:
    """Floats as counts of a step, and which of them are none."""
    scaled = values * step.denominator / step.numerator
    with np.errstate(invalid="ignore"):
        whole = np.rint(scaled)
        off = ~(np.abs(scaled - whole) <= np.maximum(1e-6, _EPSILON * np.abs(scaled)))
        off |= ~(np.abs(whole) <= COUNT_MAX)
    return np.where(off, 0, whole).astype(np.int64), off


def floats_of(counts: Array, step: Fraction) -> Array:
    """Counts of a step as the floats nearest to them."""
    return counts * step.numerator / step.denominator


def common_step(values: Array) -> Fraction | None:
    """The largest decimal step that floats are multiples of: 0 of zeros, None if there is none."""
    values = np.abs(values[(values != 0) & np.isfinite(values)])
    if len(values) == 0:
        return Fraction(0)
    for decimals in range(_DECIMALS_MAX + 1):
        scaled = values * 10.0**decimals
        whole = np.rint(scaled)
        if scaled.max() > 1 / _EPSILON / 8:
            return None
        if (np.abs(scaled - whole) <= _EPSILON * scaled).all():
            return Fraction(int(np.gcd.reduce(whole.astype(np.int64))), 10**decimals)
    return None


def common(one: Fraction, other: Fraction) -> Fraction:
    """The largest step that two steps are multiples of."""
    below = lcm(one.denominator, other.denominator)
    return Fraction(gcd(int(one * below), int(other * below)), below)


def as_decimal(step: Fraction) -> str:
    """A step as a decimal text."""
    return f"{(Decimal(step.numerator) / Decimal(step.denominator)).normalize():f}"
