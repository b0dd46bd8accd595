"""Binance captures become price-level tapes, with both times.

    diff         a LEVEL for each level that it sets, the last flagged LAST
    snapshot     SNAPSHOT_BEGIN, a LEVEL each flagged SNAPSHOT, SNAPSHOT_END
    trade        TRADE, with its id as `other_id`
    bookTicker   nothing: the book is held to it after every diff (`binance_book`)
    lost diffs   GAP, and CLEAR until there is a snapshot again

`venue_ns` is the time of the matching engine where a message says it (T), else when it was sent
(E), and the order of the tape. `local_ns` is when the message was received; of a diff that had to
wait for a snapshot, when that was, since before it nobody could know the book. A clock that runs
behind the venue's would receive what has not been sent yet: then all of `local_ns` is put later by
one amount, which the tape names.
"""

import tempfile
from array import array
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from math import gcd
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.arguments import whole
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind
from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, FeedError
from mmjit.feeds.binance_book import Chain, Gap, Step, Truth
from mmjit.feeds.binance_capture import (
    DECIMALS,
    USDM,
    Captures,
    Diff,
    Message,
    Snapshot,
    Ticker,
    Trade,
    amount,
)
from mmjit.feeds.importing import Resolving, in_time_order
from mmjit.instrument import Instrument
from mmjit.npy import NpyWriter
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter

Array = np.ndarray[Any, Any]

_SKEW_NS_MAX: Final = 86_400 * 10**9  # by which a receive clock may be behind
_BUFFERED: Final = 1 << 14  # events between two writes
# What a symbol may end with, and so is priced in; no name here is the end of another's.
_CURRENCIES: Final = (
    *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD1", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL"),
    *("JPY", "ARS", "MXN", "PLN", "UAH", "ZAR", "IDR", "COP", "CZK", "RON", "DAI"),
)


def import_binance(
    sources: Sequence[Path] | Path,
    out: Path,
    *,
    tick_size: str | None = None,
    lot_size: str | None = None,
    currency: str | None = None,
    base_latency_ns: int | None = None,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Make a tape of captures that continue each other.

    Args:
        sources: files of a receive time and a JSON message a line, plain or gzip, oldest first.
        out: the folder to make.
        tick_size: the price increment as a decimal string, which becomes the price unit; None takes
            the greatest common divisor of the prices.
        lot_size: of quantities, likewise.
        currency: what prices are quoted in; None takes it from the end of the symbol.
        base_latency_ns: what the quickest message took, to which `local_ns` is moved; None moves it
            only if that was less than nothing, and then to nothing.
        replace: whether a tape that is there already is replaced.
        progress: whether a bar is shown; None shows it on a terminal.

    Raises:
        ArgumentError: a size is not a decimal number above 0, or no currency is known.
        FeedError: the files are not what they should be.
        TapeError: the tape is there already.
    """
    paths = [Path(sources)] if isinstance(sources, str | Path) else [Path(path) for path in sources]
    if not paths:
        raise ArgumentError("there is no file to import; name one")
    steps = [_size("tick_size", tick_size), _size("lot_size", lot_size)]
    if base_latency_ns is not None:
        whole("base_latency_ns", base_latency_ns, 0, _SKEW_NS_MAX)
    with TapeWriter(out, replace=replace) as writer, _scratch(Path(out)) as folder:
        scratch = Path(folder) / "raw.npy"
        captures, recorder = _record(paths, scratch, steps, progress)
        instrument = _instrument(captures, recorder.units, currency)
        shift_ns = _shift_ns(recorder.latency_min_ns, base_latency_ns)
        resolving = Resolving(1, 1)
        raw = np.asarray(np.load(scratch, mmap_mode="r")).view(EVENT)  # aligned, as kernels know it
        for events in in_time_order(raw):
            _to_units(events, recorder.units, shift_ns)
            resolving(events)
            writer.append(events)
        return writer.commit(
            [resolving.bounded(0, instrument)],
            messages=captures.messages,
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source=_source(captures, recorder, shift_ns, steps),
        )


def _size(name: str, text: str | None) -> int:
    """A size as a count of 1e-8; 0 where it is to be inferred."""
    if text is None:
        return 0
    try:
        step = amount(str(text))
    except ValueError as error:
        raise ArgumentError(f"{name}: {error}") from None
    if step == 0:
        raise ArgumentError(f"{name}: {text} is not above 0")
    return step


def _scratch(out: Path) -> "tempfile.TemporaryDirectory[str]":
    """A folder for the events before their units and the receive clock are known."""
    return tempfile.TemporaryDirectory(prefix=f".{out.name}.raw-", dir=out.parent)


def _record(
    paths: list[Path], scratch: Path, steps: list[int], progress: bool | None
) -> tuple[Captures, "_Recorder"]:
    """Read the captures to their end, and write their events with amounts in 1e-8."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    with (
        closing(NpyWriter(scratch, EVENT)) as writer,
        Progress(f"import {paths[0].name}", total, progress) as bar,
    ):
        captures = Captures(paths, bar.advance)
        recorder = _Recorder(writer, *steps)
        for message in captures:
            recorder.take(message)
        recorder.finish()
    _check_whole(paths, recorder)
    return captures, recorder


class _Recorder:
    """Makes events of messages, with prices and quantities in 1e-8 and times as recorded.

    Args:
        scratch: takes the events.
        tick: what prices must be multiples of, in 1e-8; 0 takes any.
        lot: what quantities must be multiples of.
    """

    def __init__(self, scratch: NpyWriter, tick: int, lot: int) -> None:
        self.chain = Chain()
        self.truth = Truth()
        self.diff_count = self.time_reversed = 0
        self.latencies_ns = array("q")  # of diffs and trades
        self._scratch = scratch
        self._room = np.zeros(_BUFFERED, EVENT)
        self._held = 0
        self._given = (tick, lot)
        self._common = [0, 0]  # greatest common divisors
        self._venue_ns = self._local_ns = 0  # of the book, which do not run backwards

    @property
    def units(self) -> tuple[int, int]:
        """Tick and lot in 1e-8: as given, else what all prices and quantities share."""
        tick, lot = (
            given or common for given, common in zip(self._given, self._common, strict=True)
        )
        return tick or 1, lot or 1

    @property
    def latency_min_ns(self) -> int:
        """The least time between an event and its receipt, by two clocks."""
        return min(self.latencies_ns, default=0)

    def take(self, message: Message) -> None:
        """Take the next message."""
        if isinstance(message, Ticker):
            self.truth.hear(message)
        elif isinstance(message, Trade):
            self._trade(message)
        else:
            if isinstance(message, Diff):
                self.latencies_ns.append(message.local_ns - message.venue_ns)
                steps = self.chain.take_diff(message)
            else:
                steps = self.chain.take_snapshot(message)
            for step in steps:
                self._step(step)

    def finish(self) -> None:
        """Write what is left."""
        self.truth.finish()
        self._flush()
        self._scratch.finish()

    def _trade(self, trade: Trade) -> None:
        self.latencies_ns.append(trade.local_ns - trade.venue_ns)
        event = self._events(1, Kind.TRADE, trade.venue_ns, trade.local_ns)
        event["side"], event["other_id"] = trade.side, trade.trade_id
        self._set_amounts(event, [(trade.price, trade.qty)])
        event["flags"] = Flag.LAST

    def _step(self, step: Step) -> None:
        """Apply what the chain has found to be next."""
        message = step.diff if isinstance(step, Gap) else step
        self.time_reversed += isinstance(step, Diff) and step.venue_ns < self._venue_ns
        self._venue_ns = max(message.venue_ns, self._venue_ns)
        self._local_ns = max(message.local_ns, self._local_ns)
        if isinstance(step, Gap):
            self.truth.forget()
            self._mark(Kind.GAP)
            self._mark(Kind.CLEAR, Flag.SYNTHETIC | Flag.LAST)
            return
        self.truth.follow(step)
        if isinstance(step, Snapshot):
            self._mark(Kind.SNAPSHOT_BEGIN)
            self._levels(step, Flag.SNAPSHOT)
            self._mark(Kind.SNAPSHOT_END, Flag.LAST)
            return
        self.diff_count += 1
        events = self._levels(step, 0)
        events["flags"][-1:] = Flag.LAST

    def _levels(self, step: Diff | Snapshot, flags: int) -> Array:
        levels = step.bids + step.asks
        events = self._events(len(levels), Kind.LEVEL, self._venue_ns, self._local_ns)
        events["side"][: len(step.bids)] = BID
        events["side"][len(step.bids) :] = ASK
        self._set_amounts(events, levels)
        events["flags"] = flags
        return events

    def _mark(self, kind: Kind, flags: int = 0) -> None:
        """An event that has no price."""
        self._events(1, kind, self._venue_ns, self._local_ns)["flags"] = flags

    def _set_amounts(self, events: Array, levels: list[tuple[int, int]]) -> None:
        table = np.array(levels, np.int64).reshape(-1, 2)
        for place, (field, what) in enumerate((("price", "price"), ("qty_lots", "quantity"))):
            column = table[:, place]
            step = self._given[place]
            if step and (column % step).any():
                wrong = plain(int(column[column % step != 0][0]))
                raise FeedError(
                    f"the {what} {wrong} is no multiple of {plain(step)}; give another "
                    f"{'--lot-size' if place else '--tick-size'}, or leave it out"
                )
            self._common[place] = gcd(self._common[place], int(np.gcd.reduce(column, initial=0)))
            events[field] = column

    def _events(self, count: int, kind: Kind, venue_ns: int, local_ns: int) -> Array:
        """Room for the next events, with what they share written."""
        if self._held + count > len(self._room):
            self._flush()
            if count > len(self._room):
                self._room = np.zeros(count, EVENT)
        events = self._room[self._held : self._held + count]
        self._held += count
        events[:] = np.zeros(1, EVENT)
        events["kind"], events["handle"], events["level"] = kind, NIL, NIL
        events["venue_ns"], events["local_ns"] = venue_ns, local_ns
        return events

    def _flush(self) -> None:
        self._scratch.append(self._room[: self._held])
        self._held = 0


def _check_whole(paths: list[Path], recorder: _Recorder) -> None:
    """Refuse a capture that no book can be made of."""
    if recorder.diff_count:
        return
    names = ", ".join(path.name for path in paths)
    waiting = recorder.chain.waiting_count + recorder.chain.counts["diffs_without_snapshot"]
    if waiting:
        raise FeedError(
            f"{names}: no snapshot fits the {waiting:,} diffs; "
            "give the file with the snapshot first, and those that continue it"
        )
    raise FeedError(f"{names}: there is no diff of a book; give a capture of a @depth stream")


def plain(count: int) -> str:
    """A count of 1e-8 as a decimal text, without zeros at its end."""
    return f"{Decimal(count).scaleb(-DECIMALS).normalize():f}"


def _instrument(captures: Captures, units: tuple[int, int], currency: str | None) -> Instrument:
    symbol = captures.symbol
    if currency is None:
        named = [name for name in _CURRENCIES if symbol.endswith(name) and symbol != name]
        if not named:
            raise ArgumentError(f"{symbol} does not end with a known currency; give --currency")
        currency = named[0]
    return Instrument(
        symbol=symbol,
        venue="BINANCE-USDM" if captures.market == USDM else "BINANCE",
        price_unit=plain(units[0]),
        lot_size=plain(units[1]),
        currency=currency,
    )


def _shift_ns(latency_min_ns: int, base_latency_ns: int | None) -> int:
    """What is added to the receive times."""
    if -latency_min_ns > _SKEW_NS_MAX:
        raise FeedError(
            f"a message was received {-latency_min_ns / 1e9:,.0f} s before it was sent, which no "
            f"clock explains (at most {_SKEW_NS_MAX // 10**9:,} s); correct the receive times"
        )
    if base_latency_ns is None:
        return max(0, -latency_min_ns)
    return base_latency_ns - latency_min_ns


def _to_units(events: Array, units: tuple[int, int], shift_ns: int) -> None:
    events["price"] //= units[0]
    events["qty_lots"] //= units[1]
    events["local_ns"] += shift_ns


def _source(
    captures: Captures, recorder: _Recorder, shift_ns: int, given: list[int]
) -> dict[str, Any]:
    """What the tape says of its import."""
    truth, chain = recorder.truth, recorder.chain
    latencies_ns = np.frombuffer(recorder.latencies_ns, np.int64) + shift_ns
    unused = {
        "diffs_in_snapshot": chain.counts.pop("diffs_in_snapshot", 0),
        "diffs_repeated": chain.counts.pop("diffs_repeated", 0),
        "diffs_without_snapshot": chain.counts.pop("diffs_without_snapshot", 0)
        + chain.waiting_count,
        "snapshots_not_needed": chain.counts.pop("snapshots_not_needed", 0),
    }
    units = zip(("tick_size", "lot_size"), recorder.units, given, strict=True)
    odd = {
        "time_reversed": recorder.time_reversed,
        "local_time_reversed": captures.local_reversed,
        "crossed": truth.crossed,
        "ticker_differs": truth.compared - truth.equal,
    }
    return {
        "feed": "binance",
        "market": captures.market,
        "files": captures.digests,
        "skipped": {reason: dict(counts) for reason, counts in captures.skipped.items()}
        | {name: count for name, count in unused.items() if count},
        "inferred": {name: plain(unit) for name, unit, wanted in units if not wanted},
        "clock": {
            "local_shift_ns": shift_ns,
            "latency_min_ns": int(latencies_ns.min()),
            "latency_median_ns": int(np.median(latencies_ns)),
            "latency_max_ns": int(latencies_ns.max()),
        },
        "diffs": recorder.diff_count,
        "book_ticker": {
            "tickers": truth.tickers,
            "compared": truth.compared,
            "equal": truth.equal,
        },
        "leftover_bytes": captures.leftover_bytes,
        "gzip_incomplete": captures.incomplete,
        "anomalies": dict(chain.counts) | {name: count for name, count in odd.items() if count},
    }
