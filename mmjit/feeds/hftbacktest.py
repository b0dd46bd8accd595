"""hftbacktest's files become tapes: price levels (L2) or orders (L3, `hftbacktest_orders`).

    DEPTH, DEPTH_SNAPSHOT   LEVEL; the second flagged SNAPSHOT
    TRADE                   TRADE, on the side that rested
    DEPTH_CLEAR             CLEAR; of one side up to a price, a LEVEL of 0 for each level there

Rows for the exchange are the tape, in the order they stand in; `local_ns` is when each was
received. Rows for the desk only are the same events again and are passed over. Rows that share both
times are one message, and so are compared only at their end.
"""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.errors import ArgumentError, FeedError
from mmjit.feeds import hftbacktest_file as hft
from mmjit.feeds.hftbacktest_rows import BY_ORDER, PRICED, Translator, exchange_rows
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter, file_digest

Array = np.ndarray[Any, Any]


def import_hftbacktest(
    sources: Sequence[Path] | Path,
    out: Path,
    *,
    tick_size: str | None = None,
    lot_size: str | None = None,
    symbol: str | None = None,
    currency: str | None = None,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Make a tape of files of one asset that continue each other.

    Args:
        sources: .npz or .npy of hftbacktest 2, oldest first.
        out: the folder to make.
        tick_size: the price increment as a decimal string, which becomes the price unit; None takes
            what mmjit wrote into the file, else the largest that all prices are multiples of.
        lot_size: of quantities, likewise.
        symbol: its name; None takes that of the file.
        currency: what prices are quoted in; None is that of a file that mmjit wrote, else USD.
        replace: whether a tape that is there already is replaced.
        progress: whether a bar is shown; None shows it on a terminal.

    Raises:
        ArgumentError: a size is not a decimal number above 0.
        FeedError: the files are not what they should be, or no step fits their prices.
        TapeError: the tape is there already.
    """
    paths = [Path(sources)] if isinstance(sources, str | Path) else [Path(path) for path in sources]
    if not paths:
        raise ArgumentError("there is no file to import; name one")
    scan = _Scan(_size("tick_size", tick_size), _size("lot_size", lot_size))
    with TapeWriter(out, replace=replace) as writer:
        for path in paths:
            scan.look(hft.read_file(path))
        instrument = scan.instrument(symbol, currency, paths[0])
        translator = Translator(scan.units, by_order=scan.by_order, told=scan.told)
        resolving = Resolving(1, 1)
        with Progress(f"import {paths[0].name}", scan.row_count, progress) as bar:
            for path in paths:
                for events in translator(hft.read_file(path)):
                    resolving(events)
                    writer.append(events)
                    bar.advance(len(events))
        if writer.event_count == 0:
            raise FeedError(f"{paths[0].name}: no row becomes an event; give a recorded market")
        return writer.commit(
            [resolving.bounded(0, instrument)],
            messages=writer.message_count,
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={
                "feed": "hftbacktest",
                "files": [file_digest(path) for path in paths],
                "rows": scan.row_count,
                "depth": "by order" if scan.by_order else "by price",
                "inferred": scan.inferred,
                "skipped": dict(translator.skipped),
                "anomalies": dict(+translator.oddities) | resolving.anomalies(),
            },
        )


def _size(name: str, text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        size = Fraction(Decimal(str(text)))
    except (InvalidOperation, ValueError, OverflowError):
        raise ArgumentError(f"{name}: {text!r} is not a decimal number") from None
    if not 0 < size < 1 << 62 or size.denominator > 10**18:
        raise ArgumentError(f"{name}: {text} is not above 0, with up to 18 decimals")
    return size


class _Scan:
    """What must be known of all files before one is translated.

    Attributes:
        row_count: rows of the files.
        by_order: whether some row names an order.
        told: whether mmjit wrote the files, so that flags and trade ids are in them.
        inferred: the sizes that nobody gave, as decimal texts.
    """

    def __init__(self, tick: Fraction | None, lot: Fraction | None) -> None:
        self.row_count = 0
        self.by_order = False
        self.told = True
        self.inferred: dict[str, str] = {}
        self._given = (tick, lot)
        self._common = [Fraction(0), Fraction(0)]
        self._written: Instrument | None = None

    def look(self, file: hft.HftFile) -> None:
        """Look at a file."""
        rows = exchange_rows(file.rows)
        self.row_count += len(file.rows)
        kinds = rows["ev"] & hft.KIND_MASK
        self.by_order |= bool(np.isin(kinds, BY_ORDER).any())
        self.told &= file.instrument is not None
        self._written = self._written or file.instrument
        priced = np.isin(kinds, PRICED)
        for place, name in enumerate(("px", "qty")):
            if self._given[place] is None and file.instrument is None:
                step = hft.common_step(rows[name][priced])
                if step is None:
                    option = ("--tick-size", "--lot-size")[place]
                    raise FeedError(f"{file.path.name}: no step fits all {name}; give {option}")
                self._common[place] = hft.common(self._common[place], step)

    @property
    def units(self) -> tuple[Fraction, Fraction]:
        """Tick and lot."""
        written = self._written if self.told else None
        texts = (None, None) if written is None else (written.price_unit, written.lot_size)
        tick, lot = (
            given or (Fraction(Decimal(text)) if text else common) or Fraction(1)
            for given, text, common in zip(self._given, texts, self._common, strict=True)
        )
        return tick, lot

    def instrument(self, symbol: str | None, currency: str | None, path: Path) -> Instrument:
        """The instrument, as mmjit wrote it or as it was said."""
        if self._written is not None and self.told and self._given == (None, None):
            return dataclasses.replace(
                self._written,
                symbol=symbol or self._written.symbol,
                currency=currency or self._written.currency,
            )
        tick, lot = (hft.as_decimal(unit) for unit in self.units)
        if not self.told:
            sizes = zip(("tick_size", "lot_size"), (tick, lot), self._given, strict=True)
            self.inferred = {name: size for name, size, given in sizes if given is None}
        name = symbol or path.name.partition(".")[0]
        return Instrument(symbol=name, price_unit=tick, lot_size=lot, currency=currency or "USD")
