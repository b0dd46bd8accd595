"""Measured round trips: when a request was sent, when the venue had it, when the answer came.

They come as an array or from a file, three int64 columns in nanoseconds since 1970-01-01 UTC:

    sent_ns | venue_ns | received_ns

Where `venue_ns` is 0 or less the request was rejected on the way. hftbacktest's own files of order
latency (fields `req_ts`, `exch_ts`, `resp_ts`) are read as they are.
"""

import hashlib
import os
import warnings
import zlib
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.latency import DELAY_NS_MAX, ROUND_TRIP, TIME_NS_MAX
from mmjit.errors import ArgumentError

Array = np.ndarray[Any, Any]

ROWS_MAX: Final = 1 << 24  # one each millisecond for four hours and a half; 512 MiB
_COLUMNS: Final = ("sent_ns", "venue_ns", "received_ns")
_NAMES: Final = (_COLUMNS, ("req_ts", "exch_ts", "resp_ts"))
_UNREADABLE: Final = (
    *(OSError, EOFError, ValueError, KeyError, MemoryError, NotImplementedError),
    *(BadZipFile, zlib.error, Warning),
)


def round_trips(given: Any) -> Array:
    """ROUND_TRIP of what was measured, ready to be looked up.

    Args:
        given: the path of a .npy, .npz or .csv file, or an array: of integers with three columns,
            or structured with the fields above.

    Raises:
        ArgumentError: it cannot be read, is empty, not in the order of `sent_ns`, or holds a round
            trip that cannot be: one that ends before it began, or took longer than an hour.
    """
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        columns = _columns(f"rows: {path}", _read(path))
    else:
        columns = _columns("rows", given)
    return _laid_out(columns)


def digest(rows: Array) -> str:
    """The SHA-256 of what was measured: the three columns as little-endian int64, row by row."""
    columns = np.stack([rows[name] for name in _COLUMNS], axis=1)
    return hashlib.sha256(columns.astype("<i8").tobytes()).hexdigest()


def reached_count(rows: Array) -> int:
    """How many of them got to the venue."""
    return int(np.count_nonzero(rows["venue_ns"] > 0))


# ---- reading --------------------------------------------------------------------------------


def _read(path: Path) -> Array:
    """The array in a file."""
    readers = {".npy": _read_numpy, ".npz": _read_numpy, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ArgumentError(f"rows: {path} is no .npy, .npz or .csv file")
    if not path.is_file():
        raise ArgumentError(f"rows: there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns of an empty file and of a decimal point
            return reader(path)
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArgumentError(
            f"rows: {path} cannot be read ({reason}); it must hold {', '.join(_COLUMNS)} in whole "
            f"nanoseconds"
        ) from None


def _read_numpy(path: Path) -> Array:
    """The array of a .npy file, or of a .npz file that has one, or one named `data`."""
    with open(path, "rb") as file:  # numpy leaves one that it opened open where it is damaged
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        name = loaded.files[0] if len(loaded.files) == 1 else "data"
        return np.asarray(loaded[name])


def _read_csv(path: Path) -> Array:
    """Three columns, below a line of their names or without one."""
    with open(path, encoding="utf-8-sig") as file:
        names = tuple(name.strip() for name in file.readline(200).split(","))
    has_names = any(name[:1].isalpha() for name in names)
    if has_names and names not in _NAMES:
        raise ValueError(f"its columns are {', '.join(names)}")
    return np.loadtxt(
        path,
        np.int64,
        comments=None,
        delimiter=",",
        skiprows=int(has_names),
        ndmin=2,
        encoding="utf-8-sig",
        max_rows=ROWS_MAX + 1,
    )


def _columns(where: str, given: Any) -> Array:
    """Checked int64 (n, 3) of an array as it came."""
    try:
        array = np.asarray(given)
    except ValueError:  # lists of several lengths
        raise ArgumentError(f"{where}: this is no array of three columns") from None
    if array.dtype.names is not None and array.ndim == 1:
        names = next((names for names in _NAMES if set(names) <= set(array.dtype.names)), None)
        if names is None:
            fields = ", ".join(array.dtype.names)
            raise ArgumentError(f"{where}: the fields are {fields}, not {', '.join(_COLUMNS)}")
        array = np.stack([array[name] for name in names], axis=1)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.names is not None:
        raise ArgumentError(
            f"{where}: the shape is {array.shape}, not (n, 3); the columns are "
            f"{', '.join(_COLUMNS)}"
        )
    if not 1 <= len(array) <= ROWS_MAX:
        raise ArgumentError(f"{where}: {len(array):,} round trips; give from 1 to {ROWS_MAX:,}")
    if array.dtype.kind not in "iu":
        raise ArgumentError(
            f"{where}: the columns are of {array.dtype}; give nanoseconds as int64, which a float "
            f"of today's date cannot hold"
        )
    _check_times(where, array)
    array = array.astype(np.int64)
    _check_order(where, array)
    return array


# ---- checks ---------------------------------------------------------------------------------


def _check_times(where: str, array: Array) -> None:
    """Every time is one that differences can be taken of; that of a rejected one is not looked at.

    Asked before they become int64, which a uint64 may pass.
    """
    for column, name in enumerate(_COLUMNS):
        times = array[:, column]
        wrong = times > TIME_NS_MAX
        if name != "venue_ns":
            wrong |= times < 0
        if wrong.any():
            row = int(wrong.argmax())
            raise ArgumentError(
                f"{where}: row {row} has {name} {times[row]}; a time is from 0 to {TIME_NS_MAX}"
            )


def _check_order(where: str, array: Array) -> None:
    """They are sorted, and none ends before it began or takes longer than an hour."""
    sent, venue, received = array.T
    unsorted = np.zeros(len(array), bool)
    unsorted[1:] = sent[1:] < sent[:-1]
    reached = venue > 0
    at_venue = np.where(reached, venue, sent)  # of a rejected one all of the time is the answer's
    longest = np.maximum(at_venue - sent, received - at_venue)
    checks = (
        (unsorted, "was sent before the one above it; sort them by sent_ns"),
        (at_venue < sent, "reached the venue before it was sent; set the clocks right"),
        (received < at_venue, "was answered before it was received; set the clocks right"),
        (longest > DELAY_NS_MAX, "took longer than an hour one way; leave it out"),
    )
    for wrong, what in checks:
        if wrong.any():
            row = int(wrong.argmax())
            times = f"sent {sent[row]}, venue {venue[row]}, received {received[row]}"
            raise ArgumentError(f"{where}: row {row} ({times}) {what}")


def _laid_out(columns: Array) -> Array:
    """ROUND_TRIP of checked columns, with the order in which the venue had them."""
    rows = np.zeros(len(columns), ROUND_TRIP)
    for column, name in enumerate(_COLUMNS):
        rows[name] = columns[:, column]
    order = np.argsort(rows["venue_ns"], kind="stable")
    reached = order[rows["venue_ns"][order] > 0]
    rows["by_venue"] = NIL
    rows["by_venue"][: len(reached)] = reached
    return rows
