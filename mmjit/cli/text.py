"""How numbers and tables look on a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def table(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """Rows as columns, text to the left and numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(head)]
    numeric = [all(_is_number(row[i]) for row in cells) and bool(cells) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        shown = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ]
        return "  ".join(shown).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(head), rule, *(line(row) for row in cells)])


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.replace(",", "").replace(".", "", 1).lstrip("-+").isdigit()


def count(value: int | float) -> str:
    """A count or quantity with thousands apart."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.8g}"


def money(value: float) -> str:
    """An amount of currency."""
    return f"{value:,.2f}"


def instant(time_ns: int | None) -> str:
    """A time in UTC, to the nanosecond."""
    if time_ns is None:
        return "-"
    whole = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{whole:%Y-%m-%d %H:%M:%S}.{time_ns % 10**9:09d} UTC"


def counts(values: dict[str, int]) -> str:
    """An object of counts in one line."""
    return ", ".join(f"{name} {number:,}" for name, number in values.items()) or "none"
