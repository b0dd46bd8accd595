"""Backtesting a quoting rule on a tape: our orders in the true queues of a recorded market."""

import json
import os
import platform
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np

from mmjit import __version__
from mmjit.core.book import Book
from mmjit.core.codes import STATUS_SPAN, Mode, Status
from mmjit.core.desk import QUOTE_LEVELS, Desk
from mmjit.core.engine import Session, run_events
from mmjit.core.jit import loop_for
from mmjit.core.ledger import Ledger
from mmjit.core.logbook import SPARE, Logbook
from mmjit.core.replay import Region
from mmjit.core.rules import Rule, RuleError, rule_signature, stamp_of
from mmjit.core.tables import DUE, FILL, OWN, RUN, STEP, WANT
from mmjit.core.trading import LATEST
from mmjit.errors import StrategyError, TapeError
from mmjit.feeds.importing import anomaly_counts
from mmjit.instrument import Instrument
from mmjit.progress import Progress
from mmjit.replaying import PIECE, Array, book_for, mended_counts
from mmjit.rulebook import find_rule, with_parameters
from mmjit.runlog import RunLog, run_log
from mmjit.tape import Tape, open_tape
from mmjit.terms import (
    PICO,
    Limiting,
    Number,
    Settings,
    currencies_of,
    currency_of,
    every_ns,
    exact,
    ledger_of,
    seed_of,
    settlement,
    ticks_of,
)

RING: Final = 1 << 16  # lines between two drains, besides a sweep's worst case
MONEY: Final = ("pnl_net", "pnl_gross", "fees", "realised", "unrealised", "max_drawdown")


@dataclass(frozen=True)
class Backtest:
    """What a backtest brought.

    Attributes:
        tape: the market.
        rule: the rule.
        ledger: our account: its positions, limits and totals, and the terms of each symbol.
        fills: FILL, every fill of ours.
        steps: STEP, every step in the life of every order of ours.
        refused: int64[symbols, STATUS_SPAN], orders refused by the rule they broke.
        run: RUN record: where the run stands.
        anomalies: what was wrong with the feed, by lower-case name.
        seconds: what the run took, without compiling.
    """

    tape: Tape
    rule: Rule
    ledger: Ledger
    fills: Array
    steps: Array
    refused: Array
    run: Any
    anomalies: dict[str, int]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """The result in currency and units: totals, and the same by `currencies` and `symbols`.

        Money of several currencies has no total; it is None then.
        """
        symbols = {
            instrument.symbol: self._of_symbol(number, instrument)
            for number, instrument in enumerate(self.tape.instruments)
        }
        currencies = {
            name: self._of_currency(number, name, symbols)
            for number, name in enumerate(currencies_of(self.tape.instruments))
        }
        total = _sum_up(list(symbols.values()))
        for name in MONEY:
            sums = [part[name] for part in currencies.values()]
            total[name] = sums[0] if len(sums) == 1 else None
        total["seconds"] = self.seconds
        total["ns_per_event"] = self.seconds * 1e9 / max(1, len(self.tape.events))
        for values in symbols.values():
            values["seconds"] = total["seconds"]
            values["ns_per_event"] = total["ns_per_event"]
        return {
            **total,
            "decisions": int(self.run["decision_count"]),
            "window_levels": self.tape.window_levels or None,
            "requeued": int(self.run["window_lost"]),
            "anomalies": self.anomalies,
            **self._standing(),
            "currencies": currencies,
            "symbols": symbols,
        }

    @property
    def positions(self) -> Array:
        """POSITION per symbol, in price units, lots and points (price unit times lot)."""
        positions: Array = self.ledger.positions[: len(self.tape.instruments)]
        return positions

    def _standing(self) -> dict[str, Any]:
        """Whether a limit on losses or the kill switch stopped us, and which, and when first."""
        account = self.ledger.accounts[0]
        mode, cause = Mode(int(account["mode"])), Status(int(account["cause"]))
        tripped = mode is not Mode.NORMAL
        return {
            "mode": mode.name.lower(),
            "tripped": cause.name.lower() if tripped else None,
            "tripped_ns": int(account["tripped_ns"]) if tripped else None,
        }

    def _of_currency(self, number: int, name: str, symbols: dict[str, Any]) -> dict[str, Any]:
        """The totals over the symbols that settle in a currency."""
        settled = [i.symbol for i in self.tape.instruments if settlement(i) == name]
        total = _sum_up([symbols[symbol] for symbol in settled])
        total["max_drawdown"] = float(currency_of(self.ledger.totals[number], "drawdown"))
        return total

    def _of_symbol(self, number: int, instrument: Instrument) -> dict[str, Any]:
        position = self.positions[number]
        gross_twice = int(position["gross_twice"])
        gain_twice = gross_twice - 2 * int(position["realised"])
        fees = Fraction(int(position["fees_pico"]), PICO)
        return {
            "pnl_net": float(exact(instrument, gross_twice, 2) - fees),
            "pnl_gross": _money(instrument, gross_twice, 2),
            "fees": float(fees),
            "realised": _money(instrument, int(position["realised"])),
            "unrealised": _money(instrument, gain_twice, 2),
            "position": instrument.qty(int(position["position_lots"])),
            "fills": int(position["fill_count"]),
            "filled_qty": instrument.qty(int(position["bought_lots"] + position["sold_lots"])),
            "orders": int(position["order_count"]),
            "refused": anomaly_counts(self.refused[number]),
            "max_drawdown": _money(instrument, int(position["drawdown_twice"]), 2),
        }


def _money(instrument: Instrument, points: int, parts: int = 1) -> float:
    """Points (or halves of them) as a number of currency."""
    return float(exact(instrument, points, parts))


def _sum_up(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The totals over symbols."""
    total: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if isinstance(value, dict):
                counts = total.setdefault(name, {})
                for reason, count in value.items():
                    counts[reason] = counts.get(reason, 0) + count
            else:
                total[name] = total.get(name, 0) + value
    return total


def backtest(
    tape: Tape | str | os.PathLike[str],
    *,
    strategy: Rule | str = "pegged",
    params: dict[str, Any] | None = None,
    maker_fee: Number = 0,
    taker_fee: Number = 0,
    max_position: int | None = None,
    max_long: int | None = None,
    max_short: int | None = None,
    limits: Limiting | None = None,
    every: str = "change",
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    replace: bool = False,
    progress: bool | None = None,
) -> Backtest:
    """Run a quoting rule through a tape.

    Args:
        tape: an open tape, or its folder.
        strategy: a rule, the name of one that comes with mmjit, or "FILE.py:FUNCTION".
        params: parameters of the rule that are not to be its defaults.
        maker_fee: of the notional of our passive fills, as a fraction; below 0 is a rebate.
        taker_fee: of the notional of our aggressive fills.
        max_position: lots, the sum over symbols of the largest position that open orders could
            lead to; None is no limit, 0 allows nothing.
        max_long: lots of each symbol, open buy orders counted.
        max_short: lots of each symbol, open sell orders counted.
        limits: a `mmjit.Limits`; those given by name besides it are in force instead of its own.
            When a loss limit is reached, all our orders are cancelled, and from then on only those
            that reduce a position are accepted.
        every: when the rule is asked: "change" of a best or of our position, "fill" of ours, or an
            interval such as "100ms".
        seed: kept in the log.
        out: a folder to write fills.npy, orders.npy and run.json to.
        replace: whether an earlier result in `out` is replaced.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        TapeError, StrategyError, ArgumentError: with the value, the limit and the remedy.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    settings = Settings(
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        max_position=max_position,
        max_long=max_long,
        max_short=max_short,
        limits=limits,
        every=every,
        seed=seed,
        params=params or {},
    )
    try:
        rule = strategy if isinstance(strategy, Rule) else find_rule(strategy)
        record = with_parameters(rule, settings.params)
        _refuse_tape(tape)
        book, region = book_for(tape)
        session = _session(tape, book, settings)
        with run_log(Path(out) if out is not None else None, replace) as logs:
            seconds = _run(tape, rule, record, session, region, logs, progress)
            return _finish(tape, rule, record, settings, session, seconds, logs)
    except RuleError as error:
        raise StrategyError(str(error)) from error


def _refuse_tape(tape: Tape) -> None:
    """Only order-by-order tapes of some instrument know a queue; they must be in time order."""
    if not tape.instruments:
        raise TapeError(f"{tape.path} has no instrument; import a recording that has one")
    if "level" in tape.meta["kinds"]:
        raise TapeError(
            f"{tape.path} sets price levels (L2): its queues are unknown; use an L3 tape"
        )
    if tape.is_by_symbol:
        raise TapeError(f"{tape.path} is sorted by symbol; use the tape that it was made from")


def _session(tape: Tape, book: Book, settings: Settings) -> Session:
    """Everything that a run writes to, empty."""
    symbols = max(1, len(tape.instruments))
    run = np.zeros(1, RUN)
    run["every_ns"] = every_ns(settings.every)
    run["window_levels"] = tape.window_levels
    run["seed"] = seed_of(settings.seed)
    own = np.zeros((symbols, 2, QUOTE_LEVELS), OWN)
    desk = Desk(book, own, ledger_of(tape, settings), ticks_of(tape.instruments), run, 0)
    ring = RING + SPARE + 2 * len(book.orders) + 2 * QUOTE_LEVELS * symbols
    return Session(
        desk,
        _dues(symbols),
        np.zeros(len(book.levels), np.int64),
        Logbook(np.zeros(ring, FILL), np.zeros(ring, STEP)),
        np.zeros((2, QUOTE_LEVELS + 1), WANT),
        np.zeros(STATUS_SPAN, np.int64),
        np.zeros((symbols, STATUS_SPAN), np.int64),
    )


def _dues(symbols: int) -> Array:
    """Nothing is due yet, and no order of ours anywhere."""
    dues = np.zeros(symbols, DUE)
    dues["own_bid"], dues["own_ask"] = -LATEST, LATEST
    return dues


def _run(
    tape: Tape,
    rule: Rule,
    record: Array,
    session: Session,
    region: Region,
    logs: RunLog,
    progress: bool | None,
) -> float:
    """Run to the end of the tape; returns the seconds it took."""
    params = record.view(np.uint8)
    memory = np.zeros((len(session.dues), rule.memory.itemsize), np.uint8)
    entry = rule.entry(session.desk, session.quotes)
    arguments = (session, region, tape.events[:0], 0, params, memory)
    asked = rule_signature(session.desk, session.quotes)
    loop = loop_for(run_events, [asked], arguments)
    run = session.desk.run[0]
    began = time.perf_counter()
    with Progress("backtest", len(tape.events), progress) as bar:
        for start in range(0, len(tape.events), PIECE):
            piece = tape.events[start : start + PIECE]
            done = 0
            while done < len(piece):
                try:
                    stopped = int(loop(entry, session, region, piece, done, params, memory))
                except AssertionError:  # a checked run has found a mistake of ours
                    raise
                except Exception as error:  # of the rule: nothing else in the loop can raise
                    raise StrategyError(
                        f"rule {rule.name} raised {type(error).__name__}: {error}; a rule returns, "
                        "it does not raise"
                    ) from error
                bar.advance(stopped - done)
                done = stopped
                logs.drain(session)
            run["event_base"] += len(piece)
    return time.perf_counter() - began


def _finish(
    tape: Tape,
    rule: Rule,
    record: Array,
    settings: Settings,
    session: Session,
    seconds: float,
    logs: RunLog,
) -> Backtest:
    """Close the books."""
    result = Backtest(
        tape,
        rule,
        session.desk.ledger,
        logs.collected("fills", FILL),
        logs.collected("orders", STEP),
        session.refused[: len(tape.instruments)],
        session.desk.run[0],
        mended_counts(session.counts),
        seconds,
    )
    if logs.folder is not None:
        text = json.dumps(_run_json(result, record, settings), indent=1)
        (logs.folder / "run.json").write_text(text + "\n")
    return result


def _run_json(result: Backtest, record: Array, settings: Settings) -> dict[str, Any]:
    """What was run and what came of it; nothing in it depends on how fast the machine was."""
    summary = result.summary()
    for part in (summary, *summary["symbols"].values()):
        del part["seconds"], part["ns_per_event"]
    names = record.dtype.names or ()
    return {
        "format": "mmjit-backtest",
        "version": 1,
        "versions": {
            "mmjit": __version__,
            "python": platform.python_version(),
            "numba": numba.__version__,
            "numpy": np.__version__,
        },
        "cpu": cpu_name(),
        "tape": {
            "events": len(result.tape.events),
            "events_digest": result.tape.meta["events_digest"],
            "symbols": result.tape.symbols,
        },
        "strategy": result.rule.name,
        "strategy_digest": stamp_of(result.rule.function),
        "params": {name: record[0][name].item() for name in names if name != "unused"},
        "settings": settings.as_json(),
        "result": summary,
    }


def cpu_name() -> str:
    """The name that the compiler has for this CPU."""
    from llvmlite import binding

    return f"{platform.machine()} {binding.get_host_cpu_name()}"
