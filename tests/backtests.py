"""What tests of the backtest are drawn with: tapes in memory, a run beside its naive twin."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.backtesting import Backtest, backtest
from mmjit.core.codes import Flag, Kind, Mode, Status
from mmjit.core.ledger import UNLIMITED, Ledger
from mmjit.core.money import HALF_PICOS
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.tape import Tape
from mmjit.terms import occasions
from tests import builders as b
from tests.naive_backtest import NaiveBacktest, Rules
from tests.naive_book import plain

NOT_TWINNED = ("local_ns", "sent_ns", "mid_twice", "entry_ahead_lots")
NAMES = ("ONE", "TWO", "THREE")


def tape_of(
    *events: Any,
    instruments: Iterable[Instrument] | None = None,
    window_levels: int | None = None,
) -> Tape:
    """A tape in memory; each event is a source message of its own unless it has flags."""
    stream = b.stream(*events)
    symbols = int(stream["symbol"].max(initial=0)) + 1
    if instruments is None:
        instruments = [Instrument(symbol=name, price_unit="0.01") for name in NAMES[:symbols]]
    instruments = list(instruments)
    resolving = Resolving(len(instruments))
    resolving(stream)
    kinds = {Kind(kind).name.lower(): 1 for kind in set(stream["kind"].tolist())}
    meta = {
        "kinds": kinds,
        "order_slots": resolving.order_slots,
        "level_pages": resolving.level_pages,
        "qty_lots_max": resolving.qty_lots_max,
        "window_levels": window_levels,
        "messages": len(stream),
        "events_digest": "in memory",
    }
    bounded = tuple(resolving.bounded(number, one) for number, one in enumerate(instruments))
    return Tape(Path("tape"), stream, bounded, meta)


def messages(*events: Any, step_ns: int = 10) -> list[Any]:
    """Events as source messages of their own, so many nanoseconds apart from 1,000 on."""
    for place, one in enumerate(events):
        one["venue_ns"] = one["local_ns"] = 1000 + step_ns * place
        one["flags"] |= Flag.LAST
    return list(events)


@dataclass(frozen=True)
class Given:
    """Limits as LIMIT, ACCOUNT and TOTAL name them; losses in units of the currency."""

    fields: dict[str, Any]

    def apply(self, ledger: Ledger, instruments: Iterable[Instrument]) -> None:
        assert len(list(instruments)) == len(ledger.limits)
        for name, value in self.fields.items():
            if name in ("max_daily_loss", "max_drawdown"):
                halves = Fraction(value) * HALF_PICOS
                ledger.totals[f"{name}_units"] = halves // HALF_PICOS
                ledger.totals[f"{name}_half_pico"] = halves % HALF_PICOS
            elif name == "max_all_orders":
                ledger.accounts["max_open_orders"] = value
            else:
                ledger.limits[name] = value

    def as_json(self) -> dict[str, Any]:
        return {name: str(value) for name, value in self.fields.items()}

    def for_twin(self) -> dict[str, int]:
        losses = ("max_daily_loss", "max_drawdown")
        return {n: int(v * (HALF_PICOS if n in losses else 1)) for n, v in self.fields.items()}


def naive_of(tape: Tape, rule: Any, **settings: Any) -> NaiveBacktest:
    """The naive twin after the tape."""

    def limit(name: str) -> int:
        value = settings.get(name)
        return UNLIMITED if value is None else int(value)

    rules = Rules(
        maker_fee=Fraction(Decimal(str(settings.get("maker_fee", 0)))),
        taker_fee=Fraction(Decimal(str(settings.get("taker_fee", 0)))),
        max_position=limit("max_position"),
        max_long=limit("max_long"),
        max_short=limit("max_short"),
        **dict(zip(("every_ns", "wakes"), occasions(settings.get("every", "change")), strict=True)),
        window_levels=tape.window_levels,
        **(settings["limits"].for_twin() if settings.get("limits") else {}),
    )
    naive = NaiveBacktest(list(tape.instruments), rule, rules)
    naive.run([plain(one) for one in tape.events])
    return naive


def lines_of(log: Any) -> list[dict[str, int]]:
    """The lines of a log as Python integers."""
    lines = [plain(one) for one in log]
    for line in lines:
        for name in (*NOT_TWINNED, *(name for name in line if name.startswith("pad"))):
            line.pop(name, None)
        if "maker" in line:
            del line["ahead_lots"]
    return lines


def first_other(lines: list[Any], twins: list[Any]) -> Any:
    """The first line that is not its twin, and its place."""
    pairs = zip_longest(lines, twins)
    return next(((n, *pair) for n, pair in enumerate(pairs) if pair[0] != pair[1]), None)


def refusals_of(result: Backtest, symbol: int = 0) -> dict[Status, int]:
    row = result.refused[symbol]
    return {Status(-int(code)): int(row[code]) for code in np.flatnonzero(row)}


def assert_same(result: Backtest, naive: NaiveBacktest) -> None:
    """Every fill, step, refusal and position is equal, and so is what the run counts."""
    assert first_other(lines_of(result.steps), naive.steps) is None
    assert first_other(lines_of(result.fills), naive.fills) is None
    for market in naive.markets:
        assert refusals_of(result, market.number) == dict(market.refused)
        position = plain(result.positions[market.number])
        expected = vars(market.position)
        assert {name: position[name] for name in expected} == expected
        assert position["open_buy_lots"] == market.open_lots(0)
        assert position["open_sell_lots"] == market.open_lots(1)
        assert position["open_count"] == len([*market.ours(0), *market.ours(1)])
    run = plain(result.run)
    assert run["now_ns"] == naive.now_ns
    assert run["last_order_id"] == naive.last_order_id
    assert run["decision_count"] == naive.decisions
    assert run["window_lost"] == naive.requeued
    account = plain(result.ledger.accounts[0])
    assert account["exposure_lots"] == naive.exposure()
    assert account["open_count"] == sum(result.positions["open_count"])
    assert account["cause"] == (naive.cause or 0)
    assert account["tripped_ns"] == naive.tripped_ns
    assert account["mode"] == (Mode.NORMAL if naive.cause is None else Mode.REDUCE_ONLY)
    for name in ("equity", "peak", "drawdown"):
        assert halves_of(result.ledger.totals[0], name) == getattr(naive, name)


def halves_of(total: Any, name: str) -> int:
    """An amount of a TOTAL in halves of 1e-12 of the currency."""
    return int(total[f"{name}_units"]) * HALF_PICOS + int(total[f"{name}_half_pico"])


def run_both(tape: Tape, rule: Any, twin: Any, **settings: Any) -> tuple[Backtest, NaiveBacktest]:
    """A backtest and its twin, which must agree."""
    result = backtest(tape, strategy=rule, progress=False, **settings)
    naive = naive_of(tape, twin, **settings)
    assert_same(result, naive)
    return result, naive
