"""Making a tape out of a random order flow, for runs without recorded data."""

import os
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from mmjit.core.records import EVENT, FLOW
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.errors import ArgumentError, check
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.models.flow import generate
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter

EVENTS_MAX: Final = 10**9
SYMBOLS_MAX: Final = 1000
_PIECE: Final = 1 << 18
_TARGET: Final = 1000  # orders that rest in a symbol, about
_TICK: Final = 100
_START_PRICE: Final = 1_000_000
_START_NS: Final = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp()) * 10**9


def generate_tape(
    out: str | os.PathLike[str],
    *,
    symbols: int = 1,
    events: int = 1_000_000,
    seed: int = 1,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Write a tape of a simple random order flow (`mmjit.models.flow`).

    Args:
        out: the folder to make.
        symbols: how many, named SIM0, SIM1, ...
        events: how many in all.
        seed: the same seed makes the same tape.
        replace: whether a tape that is there already is replaced.
        progress: whether to show a bar; None shows it on a terminal.
    """
    _whole("symbols", symbols, 1, SYMBOLS_MAX)
    _whole("events", events, 1, EVENTS_MAX)
    _whole("seed", seed, -(1 << 63), (1 << 63) - 1)
    room = 4 * _TARGET * symbols + 64
    book = memory_book(Counts(symbols=symbols, orders=room, levels=room))
    instruments = [_instrument(number) for number in range(symbols)]
    for number, instrument in enumerate(instruments):
        low, high, step = instrument.price_min, instrument.price_max, instrument.increment
        check(configure_symbol(book, number, low, high, step))
    flow = np.zeros(1, FLOW)
    flow["now_ns"] = _START_NS
    flow["gap_ns"] = 1_000_000 // symbols
    flow["target"] = _TARGET * symbols
    flow["start_price"] = _START_PRICE
    flow["tick"] = _TICK
    drifts, slots = np.zeros(symbols, np.int64), np.zeros(room, np.int64)
    resolving = Resolving(symbols)
    with TapeWriter(out, replace=replace) as writer, Progress("generate", events, progress) as bar:
        for start in range(0, events, _PIECE):
            piece = np.zeros(min(_PIECE, events - start), EVENT)
            generate(book, flow, drifts, slots, piece, seed)
            resolving(piece)
            writer.append(piece)
            bar.advance(len(piece))
        source: dict[str, Any] = {"feed": "random flow", "seed": seed, "files": []}
        return writer.commit(
            instruments,
            messages=events,
            order_slots=resolving.order_slots,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={**source, "anomalies": resolving.anomalies()},
        )


def _instrument(number: int) -> Instrument:
    return Instrument(
        symbol=f"SIM{number}",
        venue="random flow",
        tick_table=((0, _TICK),),
        increment=_TICK,
        price_max=10 * _START_PRICE,
    )


def _whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ArgumentError(f"{name}: {value!r} is not a whole number from {low:,} to {high:,}")
