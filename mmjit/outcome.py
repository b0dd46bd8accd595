"""What came of a backtest."""

import platform
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Final

import numba
import numpy as np

from mmjit.core.codes import Mode, Status
from mmjit.core.ledger import Ledger
from mmjit.core.rules import Rule, stamp_of
from mmjit.feeds.importing import anomaly_counts
from mmjit.instrument import Instrument
from mmjit.tape import Tape
from mmjit.terms import PICO, Settings, currencies_of, currency_of, exact, settlement
from mmjit.version import __version__

Array = np.ndarray[Any, Any]
MONEY: Final = (
    "pnl_net",
    "pnl_gross",
    "fees",
    "funding",
    "realised",
    "unrealised",
    "max_drawdown",
)


@dataclass(frozen=True)
class Backtest:
    """What a backtest brought.

    Attributes:
        tape: the market.
        rule: the rule.
        settings: how it was run.
        ledger: our account: its positions, limits and totals, and the terms of each symbol.
        fills: FILL_LINE, every fill of ours, in the order in which our side learnt of them.
        steps: STEP, every step in the life of every order of ours.
        refused: int64[symbols, STATUS_SPAN], orders refused by the rule they broke.
        run: RUN record: where the run stands.
        anomalies: what was wrong with the feed, by lower-case name.
        seconds: what the run took, without compiling.
    """

    tape: Tape
    rule: Rule
    settings: Settings
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
            "assumed": self._assumed(),
            "anomalies": self.anomalies,
            **self._standing(),
            "currencies": currencies,
            "symbols": symbols,
        }

    def _assumed(self) -> dict[str, Any]:
        """What a backtest has to assume: queues, latency, and whether what we take is gone."""
        model = self.settings.model().name
        queues = {model if one.by_level else "true" for one in self.tape.origins if one.symbols}
        return {
            "queue": " and ".join(sorted(queues, key=lambda name: name != "true")),
            "latency": self.settings.as_json()["latency"],
            "impact": "taken" if self.settings.impact else "none",
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
        paid = Fraction(int(position["fees_pico"]), PICO)
        funding = Fraction(int(position["funding_pico"]), PICO)
        return {
            "pnl_net": float(exact(instrument, gross_twice, 2) - paid),
            "pnl_gross": _money(instrument, gross_twice, 2),
            "fees": float(paid - funding),
            "funding": float(funding),
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


def run_json(result: Backtest, record: Array) -> dict[str, Any]:
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
            "origins": [asdict(origin) for origin in result.tape.origins],
        },
        "instruments": [instrument.as_json() for instrument in result.tape.instruments],
        "strategy": result.rule.name,
        "strategy_digest": stamp_of(result.rule.function),
        "params": {name: record[0][name].item() for name in names if name != "unused"},
        "settings": result.settings.as_json(),
        "result": summary,
    }


def cpu_name() -> str:
    """The name that the compiler has for this CPU."""
    from llvmlite import binding

    return f"{platform.machine()} {binding.get_host_cpu_name()}"
