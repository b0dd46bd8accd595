"""Compiling every public kernel before it is needed.

Each public operation is run, end to end, on a market of a few orders in a folder that is then
removed: so what is compiled is what the commands use, and nothing has to be listed twice. A test
holds that no kernel is left out.
"""

import importlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from mmjit.arena import create_state
from mmjit.backtesting import backtest, start_backtest
from mmjit.capacity import Capacity
from mmjit.core.cache import cache_folder, tally
from mmjit.core.codes import ASK, BID, Flag, Kind
from mmjit.core.digest import state_hash
from mmjit.core.reads import depth_now, qty_ahead, queue_of, slot_by_id, slots_of_side
from mmjit.core.records import COMMAND, EVENT
from mmjit.core.replica import apply_all
from mmjit.estimators import covariance, intensity, volatility
from mmjit.feeds.importing import Resolving
from mmjit.feeds.itch50 import import_itch50
from mmjit.feeds.lobster import import_lobster
from mmjit.gauging import promises
from mmjit.instrument import Instrument
from mmjit.limits_file import Limits
from mmjit.market import Market
from mmjit.playing import compile_loop, play
from mmjit.probing import queue_error
from mmjit.progress import Progress
from mmjit.replaying import audit_book, depth, replay
from mmjit.rulebook import SHIPPED
from mmjit.simulating import simulate
from mmjit.tape import Tape, TapeWriter
from mmjit.venue import Venue

_ORDERS: Final = 5000  # more than a resolver begins with, so that it grows
_DAY: Final = "2020-01-02"


@dataclass(frozen=True)
class Warmed:
    """What warming did.

    Attributes:
        compiled: kernels compiled, one count for each signature.
        cached: kernels that were there already.
        seconds: what it took.
        folder: where they are kept.
    """

    compiled: int
    cached: int
    seconds: float
    folder: Path


def warm(*, progress: bool | None = None) -> Warmed:
    """Compile every public kernel, for quantities of 32 and of 64 bits, and keep the code on disk.

    Args:
        progress: whether to show a bar; None shows it on a terminal.
    """
    before = dict(tally)
    began = time.monotonic()
    steps = _steps()
    with (
        tempfile.TemporaryDirectory(prefix="mmjit-warm-") as name,
        Progress("compile", len(steps), progress) as bar,
    ):
        for step in steps:
            step(Path(name))
            bar.advance(1)
    return Warmed(
        compiled=tally["misses"] - before["misses"],
        cached=tally["hits"] - before["hits"],
        seconds=time.monotonic() - began,
        folder=cache_folder(),
    )


@contextmanager
def helped() -> Iterator[None]:
    """Let a second process compile half of what a first demo needs, while this one does the rest.

    Where the kernels are there already, or there is one core only, nothing is started.
    """
    if any(cache_folder().glob("maker.run_play*.mmk")) or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    work = "from mmjit.warming import warm_loop; warm_loop()"
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-c", work], stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.kill()  # done by now, or of no use any more
        process.wait()


def warm_loop() -> None:
    """Compile what `helped` has compiled beside, and let matplotlib look for its fonts."""
    compile_loop()
    promises(1.0, times=1_000)
    with suppress(ImportError):
        importlib.import_module("matplotlib.font_manager")


# ---- a market of a few orders ---------------------------------------------------------------


def _tape(folder: Path, *, wide: bool) -> Tape:
    """A tape of bids and asks around 100, whose first orders then trade."""
    events = np.zeros(_ORDERS + 2, EVENT)
    count = np.arange(len(events))
    events["venue_ns"] = events["local_ns"] = count * 1_000_000
    events["order_id"] = count + 1
    events["side"] = count % 2
    events["price"] = np.where(events["side"] == 0, 100 - count % 50, 101 + count % 50)
    events["qty_lots"] = 1 << 32 if wide else 10
    events["kind"] = Kind.ADD
    events["flags"] = Flag.LAST
    events["kind"][_ORDERS:] = Kind.EXECUTE
    events["order_id"][_ORDERS:] = [1, 2]
    resolving = Resolving()
    with TapeWriter(folder / ("wide" if wide else "narrow"), replace=True) as writer:
        resolving(events)
        writer.append(events)
        return writer.commit(
            [resolving.bounded(0, Instrument(symbol="WARM"))],
            messages=len(events),
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={"feed": "warm"},
        )


def _itch(folder: Path) -> Path:
    """An ITCH 5.0 file that declares a symbol and rests one order."""
    directory = b"R" + bytes(10) + b"WARM    " + b"QN" + struct.pack(">I", 100) + b"NCZ PN 1N"
    add = b"A" + struct.pack(">HHHIQ", 0, 0, 0, 1, 1) + b"B" + struct.pack(">I", 100)
    add += b"WARM    " + struct.pack(">I", 1_000_000)
    messages = [directory.ljust(39, b" "), add]
    path = folder / "warm.itch"
    path.write_bytes(b"".join(struct.pack(">H", len(m)) + m for m in messages))
    return path


def _lobster(folder: Path) -> Path:
    """A LOBSTER message file, with an orderbook file of one level beside it."""
    message = folder / f"WARM_{_DAY}_34200000_57600000_message_1.csv"
    message.write_text("34200.1,1,7,10,1000000,1\n34200.2,4,7,10,1000000,1\n")
    book = folder / f"WARM_{_DAY}_34200000_57600000_orderbook_1.csv"
    book.write_text("1010000,5,1000000,10\n1010000,5,990000,10\n")
    return message


# ---- the operations -------------------------------------------------------------------------


def _import(folder: Path) -> None:
    """The importers."""
    import_itch50(_itch(folder), folder / "itch", date=_DAY, symbols=["WARM"], progress=False)
    import_lobster(_lobster(folder), folder / "lobster", progress=False)


def _simulate(folder: Path) -> None:
    """An order flow; its model is no other code."""
    simulate("cst", folder / "flow", events=100, progress=False)


def _play(folder: Path) -> None:
    """A maker in a simulated market, with each rule that is shipped, and the demo's figures."""
    del folder
    for name in dict.fromkeys(SHIPPED.values()):
        play("cst", strategy=_named(name), events=100, progress=False)
    promises(1.0, times=1_000)


def _named(home: str) -> str:
    """The name of a shipped rule."""
    return next(name for name, known in SHIPPED.items() if known == home)


def _replay(folder: Path, *, wide: bool) -> None:
    """Replay, audit, hash and depth; shards take no other code."""
    tape = _tape(folder, wide=wide)
    done = replay(tape, progress=False)
    done.audit()
    done.facts()
    depth(tape, levels=5, progress=False)


def _backtest(folder: Path, *, wide: bool) -> None:
    """The engine, and each rule and queue model that is shipped."""
    tape = _tape(folder, wide=wide)
    for name in SHIPPED:
        backtest(tape, strategy=name, progress=False)
    run = start_backtest(tape).advance(event=1)
    order_id = run.submit(BID, 1, 1)
    run.amend(order_id, 2, 1)
    run.cancel(order_id)
    queue_error(tape, progress=False, horizon="1s")


def _state(folder: Path, *, wide: bool) -> None:
    """A venue and its accounts, the verbs by id and the reads, on a state folder."""
    capacity = Capacity(symbols=1, orders=64, pages=64, fills=64, qty_bits=64 if wide else 32)
    with create_state(folder / f"state{capacity.qty_bits}", capacity) as state:
        book = state.book
        instruments = [Instrument(symbol="WARM", price_max=1000)]
        market = Market(instruments, state)
        market.add(9, BID, 90, 1)
        market.best(BID)
        market.clear()
        venue = Venue(instruments, state)
        venue.submit(1, BID, 100, 1)
        venue.submit(2, ASK, 100, 1, owner=None)
        venue.submit_all(np.zeros(1, COMMAND))
        venue.kill()
        venue.tracker.check(BID, 100, 1)
        venue.tracker.note_order(BID, 100, 1)
        venue.tracker.acknowledge()
        Limits().apply(venue.arrays.ledger, instruments)
        venue.tracker.mark(100)
        venue.tracker.disarm()
        venue.tracker.resume()
        venue.start_session(1)
        venue.tracker.release()
        venue.tracker.record(BID, 100, 1)
        venue.tracker.kill()
        events = np.zeros(2, EVENT)
        events["order_id"], events["price"] = [3, 4], 100
        events["kind"], events["qty_lots"] = Kind.ADD, 1
        apply_all(book, events, np.zeros(2, np.int64))
        out = np.zeros((3, 4), np.int64)
        depth_now(book, 0, out[0], out[1], out[2])
        queue_of(book, 0, 100, out[0])
        slots_of_side(book, 0, out[0])
        qty_ahead(book, 4)
        slot_by_id(book, 4)
        state_hash(book)
        audit_book(book)


def _estimate(_: Path) -> None:
    """What notebooks measure prices with."""
    times, prices = [0.0, 1.0, 2.0], [100.0, 101.0, 100.0]
    returns = volatility.log_returns(prices)
    volatility.ewma_volatility(returns)
    volatility.realised_volatility(returns)
    volatility.parkinson_volatility(prices, prices)
    covariance.hayashi_yoshida(times, prices, times, prices)
    covariance.ewma_covariance([returns, returns])
    intensity.deepest_distances(times, prices, times, prices, 1.0)


def _steps() -> list[Callable[[Path], None]]:
    """What is run, each in the same folder, in the order in which it is waited for."""
    steps: list[Callable[[Path], None]] = [_play, _import, _simulate, _estimate]
    for wide in (False, True):
        steps += [
            partial(_replay, wide=wide),
            partial(_backtest, wide=wide),
            partial(_state, wide=wide),
        ]
    return steps
