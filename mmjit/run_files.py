"""Rows of a run as CSV and as Parquet: exact decimals, and times in UTC to the nanosecond."""

import csv
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from mmjit.errors import ArgumentError
from mmjit.run_folder import FILES
from mmjit.run_rows import Column, Rows, Value


def write_csv(rows: Rows, file: IO[str]) -> None:
    """Write a head and the rows; what is not known is empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in rows.columns])
    for row in rows:
        writer.writerow(map(_as_text, row, rows.columns))


def save_csv(rows: Rows, out: Path, *, replace: bool = False) -> None:
    """Write a CSV file that appears when it is whole.

    Raises:
        ArgumentError: the file cannot be made there.
    """

    def write(partial: Path) -> None:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            write_csv(rows, file)

    _save(rows, out, replace, write)


def save_parquet(rows: Rows, out: Path, *, replace: bool = False) -> None:
    """Write a Parquet file that appears when it is whole.

    Raises:
        ArgumentError: pyarrow is not installed, or the file cannot be made there.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ArgumentError(
            "Parquet needs pyarrow, which is not installed; pip install mmjit[parquet]"
        ) from None
    values: list[tuple[Value, ...]] = list(zip(*rows, strict=True)) or [()] * len(rows.columns)
    arrays = [
        pyarrow.array(column_values, _parquet_type(pyarrow, rows, column))
        for column_values, column in zip(values, rows.columns, strict=True)
    ]
    table = pyarrow.table(arrays, names=[column.name for column in rows.columns])
    _save(rows, out, replace, lambda partial: parquet.write_table(table, partial))


def _parquet_type(pyarrow: Any, rows: Rows, column: Column) -> Any:
    """What a column is there; a count of 64 bits has up to 19 digits, a half one more."""
    plain = {
        "time": pyarrow.timestamp("ns", "UTC"),
        "count": pyarrow.int64(),
        "text": pyarrow.string(),
    }
    if column.kind in plain:
        return plain[column.kind]
    digits = rows.digits(column.kind)
    return pyarrow.decimal128(38, digits) if digits <= 16 else pyarrow.decimal256(76, digits)


def _as_text(value: Value, column: Column) -> str:
    if value is None:
        return ""
    if column.kind == "time":
        assert isinstance(value, int)
        whole = datetime.fromtimestamp(value // 10**9, UTC)
        return f"{whole:%Y-%m-%dT%H:%M:%S}.{value % 10**9:09d}Z"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _save(rows: Rows, out: Path, replace: bool, write: Callable[[Path], None]) -> None:
    if not out.parent.is_dir():
        raise ArgumentError(f"{out.parent} is not a folder; make it first")
    if out.name in FILES and out.parent.resolve() == rows.run.path.resolve():
        raise ArgumentError(f"{out} is part of the run; choose another name")
    if out.is_symlink() or (out.exists() and not (replace and out.is_file())):
        raise ArgumentError(f"{out} exists already; remove it, or pass --replace for a plain file")
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        write(partial)
        os.rename(partial, out)
    finally:
        partial.unlink(missing_ok=True)
