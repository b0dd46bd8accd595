"""The fills and the orders' lives of a run as rows for people and other programs.

Times stay nanoseconds; prices, quantities and money become exact decimals in units of the
instrument and of its currency.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import ASK, Kind, Status
from mmjit.core.floor import ANY_PRICE
from mmjit.instrument import Instrument
from mmjit.run_folder import RunFolder
from mmjit.terms import PICO, settlement

Array = np.ndarray[Any, Any]
Value = int | str | Decimal | None
_WIDE: Final = Context(prec=76)
_HALF: Final = Decimal("0.5")
_PIECE: Final = 1 << 14  # rows that are Python objects at once


class Column(NamedTuple):
    """A column of rows; of `kind` time (ns), count, text, price, half (of a price), qty or fee."""

    name: str
    kind: str


FILL_COLUMNS: Final = (
    Column("venue_time", "time"),
    Column("local_time", "time"),
    Column("symbol", "text"),
    Column("order_id", "count"),
    Column("side", "text"),
    Column("price", "price"),
    Column("qty", "qty"),
    Column("liquidity", "text"),
    Column("fee", "fee"),
    Column("currency", "text"),
    Column("position", "qty"),
    Column("entry_ahead", "qty"),
    Column("ahead", "qty"),
    Column("mid", "half"),
    Column("edge", "half"),
    Column("event", "count"),
)
ORDER_COLUMNS: Final = (
    Column("sent_time", "time"),
    Column("venue_time", "time"),
    Column("local_time", "time"),
    Column("symbol", "text"),
    Column("order_id", "count"),
    Column("step", "text"),
    Column("status", "text"),
    Column("side", "text"),
    Column("price", "price"),
    Column("qty", "qty"),
    Column("left", "qty"),
    Column("ahead", "qty"),
    Column("mid", "half"),
    Column("event", "count"),
)


class _Scale(NamedTuple):
    """An instrument as its lines need it."""

    symbol: str
    currency: str
    price: Decimal
    half: Decimal
    lot: Decimal


@dataclass(frozen=True)
class Rows:
    """Lines of a run, and how to show them."""

    run: RunFolder
    lines: Array  # FILL_LINE or STEP
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        """The rows, one value a column; what is not known is None."""
        scales = [_scale_of(instrument) for instrument in self.run.instruments]
        row_of = _fill_row if self.columns is FILL_COLUMNS else _order_row
        names = self.lines.dtype.names or ()
        for start in range(0, len(self.lines), _PIECE):
            for values in self.lines[start : start + _PIECE].tolist():
                line = dict(zip(names, values, strict=True))
                yield row_of(line, scales[line["symbol"]])

    def first(self, count: int) -> "Rows":
        """So many of them."""
        return replace(self, lines=self.lines[:count])

    def digits(self, kind: str) -> int:
        """How many decimals the values of a kind may have."""
        if kind == "fee":
            return 12
        units = [i.lot_size if kind == "qty" else i.price_unit for i in self.run.instruments]
        powers = [int(Decimal(unit).as_tuple().exponent) for unit in units]
        return max([0, *(-power for power in powers)]) + (kind == "half")


def fill_rows(run: RunFolder, symbol: str | None = None) -> Rows:
    """The fills of a run, of one symbol or of all."""
    return Rows(run, _of_symbol(run, run.fills, symbol), FILL_COLUMNS)


def order_rows(run: RunFolder, symbol: str | None = None) -> Rows:
    """The steps in the lives of its orders."""
    return Rows(run, _of_symbol(run, run.orders, symbol), ORDER_COLUMNS)


def fill_totals(rows: Rows) -> dict[str, dict[str, Any]]:
    """What fills come to, by the currency of their fees.

    `edge` is the mean of what each unit was bought below the mid or sold above it, over fills that
    have a mid; None if none has.
    """
    by_currency: dict[str, list[int]] = {}
    for number in np.unique(rows.lines["symbol"]).tolist():
        name = settlement(rows.run.instruments[number])
        by_currency.setdefault(name, []).append(number)
    return {name: _total(rows, numbers) for name, numbers in by_currency.items()}


def order_totals(rows: Rows) -> dict[str, int]:
    """How many steps there are of each kind."""
    kinds, counts = np.unique(rows.lines["kind"], return_counts=True)
    return {_kind(k): c for k, c in zip(kinds.tolist(), counts.tolist(), strict=True)}


def _total(rows: Rows, numbers: list[int]) -> dict[str, Any]:
    """The totals over symbols that settle in one currency; exact until the end."""
    fills = makers = fees = 0
    volume = marked = gain = Fraction(0)
    for number in numbers:
        lines = rows.lines[rows.lines["symbol"] == number]
        scale = _scale_of(rows.run.instruments[number])
        fills += len(lines)
        makers += int(np.count_nonzero(lines["maker"]))
        fees += sum(lines["fee_pico"].tolist())
        volume += sum(lines["qty_lots"].tolist()) * Fraction(scale.lot)
        seen = lines[lines["mid_twice"] != 0]
        marked += sum(seen["qty_lots"].tolist()) * Fraction(scale.lot)
        names = ("side", "price", "mid_twice", "qty_lots")
        columns = [seen[name].tolist() for name in names]
        twice = sum(
            qty * (2 * price - mid if side == ASK else mid - 2 * price)
            for side, price, mid, qty in zip(*columns, strict=True)
        )
        gain += twice * Fraction(scale.half) * Fraction(scale.lot)
    return {
        "fills": fills,
        "maker_share": makers / fills,
        "volume": float(volume),
        "fees": float(Fraction(fees, PICO)),
        "edge": float(gain / marked) if marked else None,
    }


def _of_symbol(run: RunFolder, lines: Array, symbol: str | None) -> Array:
    return lines if symbol is None else lines[lines["symbol"] == run.symbol(symbol)]


def _scale_of(instrument: Instrument) -> _Scale:
    price, lot = Decimal(instrument.price_unit), Decimal(instrument.lot_size)
    half = _WIDE.multiply(price, _HALF)
    return _Scale(instrument.symbol, settlement(instrument), price, half, lot)


def _times(count: int, unit: Decimal) -> Decimal:
    """Exact, whatever the decimal context of the caller."""
    return _WIDE.multiply(Decimal(count), unit)


def _fill_row(line: dict[str, int], scale: _Scale) -> tuple[Value, ...]:
    mid_twice, selling = line["mid_twice"], line["side"] == ASK
    edge_twice = (2 * line["price"] - mid_twice) * (1 if selling else -1)
    return (
        line["venue_ns"],
        line["local_ns"],
        scale.symbol,
        line["order_id"],
        "sell" if selling else "buy",
        _times(line["price"], scale.price),
        _times(line["qty_lots"], scale.lot),
        "maker" if line["maker"] else "taker",
        _WIDE.normalize(Decimal(line["fee_pico"]).scaleb(-12, _WIDE)),
        scale.currency,
        _times(line["position_lots"], scale.lot),
        _times(line["entry_ahead_lots"], scale.lot),
        _times(line["ahead_lots"], scale.lot),
        _times(mid_twice, scale.half) if mid_twice else None,
        _times(edge_twice, scale.half) if mid_twice else None,
        line["event"],
    )


def _order_row(line: dict[str, int], scale: _Scale) -> tuple[Value, ...]:
    return (
        line["sent_ns"],
        line["venue_ns"],
        line["local_ns"],
        scale.symbol,
        line["order_id"],
        _kind(line["kind"]),
        _status(line["status"]) if line["status"] else None,
        "sell" if line["side"] == ASK else "buy",
        _times(line["price"], scale.price) if abs(line["price"]) < ANY_PRICE else None,
        _times(line["qty_lots"], scale.lot),
        _times(line["left_lots"], scale.lot),
        _times(line["ahead_lots"], scale.lot) if line["kind"] == Kind.NEW else None,
        _times(line["mid_twice"], scale.half) if line["mid_twice"] else None,
        line["event"],
    )


def _kind(number: int) -> str:
    return Kind(number).name.lower()


def _status(number: int) -> str:
    return Status(number).name.lower()
