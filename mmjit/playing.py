"""A quoting rule in a simulated market, where what it does is part of the market.

    result = mmjit.play("cst", symbols=3, limits=mmjit.Limits(max_long=20, max_short=20))
    result.tracker.totals()
    result.picture("run.png", symbol=0)

The flow of a model and the rule's orders meet at one venue, under limits. Nothing is assumed here,
as it must be in a backtest: an order of ours that rests changes what comes after it.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.arguments import whole
from mmjit.core.bound import Bound
from mmjit.core.codes import NIL
from mmjit.core.desk import QUOTE_LEVELS, Desk
from mmjit.core.jit import loop_for, signature_of
from mmjit.core.rules import Rule, RuleError, rule_signature
from mmjit.core.tables import OWN, RUN, WANT
from mmjit.core.venue import submitter
from mmjit.errors import ArgumentError, StrategyError
from mmjit.fees import FeesGiven, fees_given
from mmjit.instrument import Number
from mmjit.ledgers import no_orders
from mmjit.limits_file import Limits
from mmjit.models.maker import Play, run_play, work_arrays
from mmjit.picture import SAMPLE, draw, split
from mmjit.positions import Position, Totals
from mmjit.progress import Progress
from mmjit.rulebook import find_rule, refuse_orders, with_parameters
from mmjit.simulating import Simulation, simulation
from mmjit.terms import ticks_of
from mmjit.tracker import Tracker
from mmjit.venue import Venue

Array = np.ndarray[Any, Any]
EVENTS_MAX: Final = 10**9
SAMPLES_MAX: Final = 10**6
_SPARE_ORDERS: Final = 2 * QUOTE_LEVELS + 2  # of ours, a symbol


@dataclass(frozen=True)
class Played:
    """What came of a rule in a simulated market.

    Attributes:
        made: the order flow, and its instruments.
        rule: the rule.
        venue: as it was at the end: books, trades, refusals.
        samples: SAMPLE[symbols, samples]: how each symbol stood, from time to time.
        run: RUN record: decisions, clock.
        seconds: what the run took, without compiling.
    """

    made: Simulation
    rule: Rule
    venue: Venue
    samples: Array
    run: Any
    seconds: float

    @property
    def tracker(self) -> Tracker:
        """Positions, P&L, limits and fills of the rule."""
        return self.venue.tracker

    @property
    def command_count(self) -> int:
        """Commands that the venue took, of the flow and of the rule."""
        return int(self.venue.arrays.control[0]["command_count"])

    def summary(self) -> dict[str, Any]:
        """What came of it, in currency and units: totals, and by `currencies` and `symbols`.

        The keys are those of a backtest's summary.
        """
        trades = np.bincount(self.venue.trades()["symbol"], minlength=len(self.made.instruments))
        symbols = {
            instrument.symbol: _figures(self.tracker.position(number), int(trades[number]))
            for number, instrument in enumerate(self.made.instruments)
        }
        sums: dict[str, Any] = {
            name: sum(part[name] for part in symbols.values())
            for name in ("position", "fills", "filled_qty", "orders", "trades")
        }
        currencies = {
            name: {**_money_of(total), **sums} for name, total in self.tracker.totals().items()
        }
        first = next(iter(currencies.values()))  # a model's symbols settle in one currency
        span_ns = int(self.samples["time_ns"].max() - self.samples["time_ns"].min())
        return {
            "model": self.made.model.name,
            "strategy": self.rule.name,
            **first,
            "refused": self.venue.refusals(0),
            "mode": self.tracker.mode.name.lower(),
            "commands": self.command_count,
            "decisions": int(self.run["decision_count"]),
            "hours": span_ns / 3.6e12,
            "seconds": self.seconds,
            "ns_per_command": 1e9 * self.seconds / max(1, self.command_count),
            "currencies": currencies,
            "symbols": symbols,
        }

    def picture(self, path: str | os.PathLike[str], symbol: int = 0) -> Path:
        """Draw a symbol: price with our quotes and fills, position, P&L split; a PNG.

        Raises:
            ArgumentError: no such symbol, or matplotlib is not installed.
        """
        fills = self.tracker.fills(symbol)
        instrument = self.made.instruments[symbol]
        limit = self.tracker.ledger.limits[symbol]
        longest, shortest = int(limit["max_long"]), int(limit["max_short"])
        split(self.samples[symbol], fills, instrument)
        return draw(
            self.samples[symbol],
            path,
            instrument=instrument,
            fills=fills,
            max_long=longest if longest < 1 << 40 else None,
            max_short=shortest if shortest < 1 << 40 else None,
            title=f"{self.rule.name} in a simulated market ({self.made.model.name}), "
            f"{instrument.symbol}: {len(fills):,} fills",
        )


def play(
    model: str = "cst",
    *,
    strategy: Rule | str = "inventory-skewed",
    params: Mapping[str, Any] | None = None,
    symbols: int = 1,
    events: int = 100_000,
    seed: int = 1,
    flow_params: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    maker_fee: Number = 0,
    taker_fee: Number = 0,
    fees: FeesGiven | None = None,
    samples: int = 400,
    progress: bool | None = None,
) -> Played:
    """Run a quoting rule against an order flow, both in one venue.

    Args:
        model: "cst" (Cont-Stoikov-Talreja), "santa-fe" or "hawkes".
        strategy: a rule, the name of one that comes with mmjit, or "FILE.py:FUNCTION".
        params: parameters of the rule that are not to be its defaults.
        symbols: how many.
        events: commands of the flow, over all symbols.
        seed: the same seed makes the same run.
        flow_params: parameters of the model.
        limits: of the rule's account.
        maker_fee: of the notional of our passive fills, as a fraction; below 0 is a rebate.
        taker_fee: of the notional of our aggressive fills.
        fees: fees of every kind instead of these two, for all symbols or by symbol.
        samples: how often each symbol is looked at for the picture.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        ArgumentError, StrategyError: with the value, the limit and the remedy.
    """
    events = whole("events", events, 1, EVENTS_MAX)
    samples = min(whole("samples", samples, 1, SAMPLES_MAX), events)
    made = simulation(model, symbols=symbols, seed=seed, params=flow_params)
    room = made.order_capacity + symbols * _SPARE_ORDERS
    given = fees_given(maker_fee, taker_fee, fees)
    venue = Venue(made.instruments, orders=room, limits=limits, fees=given)
    try:
        rule = strategy if isinstance(strategy, Rule) else find_rule(strategy)
        refuse_orders(rule)
        record = with_parameters(rule, dict(params or {}))
        table = _table(made, venue)
        rows = np.zeros((symbols, samples), SAMPLE)
        seconds = _run(rule, record, table, venue, rows, events, progress)
    except RuleError as error:
        raise StrategyError(str(error)) from error
    return Played(made, rule, venue, rows, table.desk.run[0], seconds)


def _figures(position: Position, trades: int) -> dict[str, Any]:
    """One symbol of the summary; a whole quantity is an int."""
    return {
        **_money_of(position),
        "position": _number(position.qty),
        "fills": position.fill_count,
        "filled_qty": _number(position.bought_qty + position.sold_qty),
        "orders": position.order_count,
        "trades": trades,
    }


def _money_of(part: Position | Totals) -> dict[str, float]:
    """The amounts of a symbol or of a currency."""
    return {
        "pnl_net": float(part.net),
        "pnl_gross": float(part.gross),
        "fees": float(part.fees),
        "realised": float(part.realised),
        "unrealised": float(part.unrealised),
        "max_drawdown": float(part.deepest_drawdown),
    }


def _number(qty: Decimal) -> int | float:
    return int(qty) if qty == qty.to_integral_value() else float(qty)


def compile_loop(strategy: str = "inventory-skewed") -> None:
    """Compile what a run needs but the venue itself, which takes as long again."""
    made = simulation("cst")
    table = _table(made, Venue(made.instruments, orders=made.order_capacity))
    rule = find_rule(strategy)
    params, memory = _bytes_of(rule, with_parameters(rule, {}), 1)
    _loop(table, params, memory)
    rule.entry(table.desk, table.quotes)


def _table(made: Simulation, venue: Venue) -> Play:
    """Everything that the run writes to."""
    symbols = len(made.instruments)
    run = np.zeros(1, RUN)
    run["shares_book"] = 1
    arrays = venue.arrays
    own = np.zeros((symbols, 2, QUOTE_LEVELS), OWN)
    ahead = np.full(own.shape, NIL, np.int64)
    others = np.zeros((symbols, 2, 2), np.int64)
    ticks = ticks_of(made.instruments)
    desk = Desk(arrays.book, own, ahead, arrays.ledger, ticks, run, others, *no_orders(), 0)
    quotes = np.zeros((2, QUOTE_LEVELS + 1), WANT)
    return Play(arrays, Bound(arrays), made.flow, desk, quotes, *work_arrays())


def _bytes_of(rule: Rule, record: Array, symbols: int) -> tuple[Array, Array]:
    """Parameters and memory of a rule as the loop takes them."""
    return record.view(np.uint8), np.zeros((symbols, rule.memory.itemsize), np.uint8)


def _loop(table: Play, params: Array, memory: Array) -> Any:
    """The loop, compiled."""
    asked = rule_signature(table.desk, table.quotes)
    taken = signature_of(table.at, table.commands, 0, table.statuses)
    return loop_for(run_play, [asked, taken], (Bound(table), 0, params, memory))


def _run(
    rule: Rule,
    record: Array,
    table: Play,
    venue: Venue,
    rows: Array,
    events: int,
    progress: bool | None,
) -> float:
    """Run to the end, looking at every symbol from time to time; returns the seconds it took."""
    submit, _ = submitter(table.at)
    params, memory = _bytes_of(rule, record, len(rows))
    loop = _loop(table, params, memory)
    entry, bound = rule.entry(table.desk, table.quotes), Bound(table)
    loop(entry, submit, bound, 0, params, memory)  # loaded before the clock starts
    venue.drain()  # so is this
    seconds, done, samples = 0.0, 0, rows.shape[1]
    with Progress("trade", events, progress) as bar:
        for number in range(samples):
            goal = events * (number + 1) // samples
            began = time.perf_counter()
            while done < goal:
                steps = int(loop(entry, submit, bound, goal - done, params, memory))
                venue.drain()
                if steps == 0:
                    raise ArgumentError(f"events: the market ended after {done:,}; ask for fewer")
                done += steps
                bar.advance(steps)
            seconds += time.perf_counter() - began
            for symbol in range(len(rows)):
                _look(rows[symbol, number], table, symbol)
    return seconds


def _look(row: Any, table: Play, symbol: int) -> None:
    """Write down how a symbol stands."""
    book, ledger = table.desk.book, table.desk.ledger
    position = ledger.positions[symbol]
    row["time_ns"] = table.venue.control[0]["now_ns"]
    bests = [int(level) for level in book.sides["best"][2 * symbol : 2 * symbol + 2]]
    if NIL in bests:
        row["mid_twice"] = position["mark_twice"]
    else:
        row["mid_twice"] = sum(int(book.levels[level]["price"]) for level in bests)
    for side, name in enumerate(("bid", "ask")):
        live = [order for order in table.desk.own[symbol, side] if order["left_lots"] > 0]
        if live:
            best = max if side == 0 else min
            order = best(live, key=lambda order: int(order["price"]))
            row[name], row[f"{name}_lots"] = order["price"], order["left_lots"]
    row["position_lots"] = position["position_lots"]
    row["gross_twice"] = position["gross_twice"]
    row["fees_pico"] = position["fees_pico"]
