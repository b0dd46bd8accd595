"""What a backtest is asked for, turned into what the engine counts with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import lcm
from typing import Any, Final, Protocol

import numpy as np

from mmjit.arguments import nanoseconds
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import Marking
from mmjit.core.desk import TICK_STEPS
from mmjit.core.ledger import UNLIMITED, Ledger, format_ledger
from mmjit.core.money import HALF_PICOS
from mmjit.core.tables import ACCOUNT, LIMIT, POSITION, TERMS, TOTAL
from mmjit.errors import ArgumentError, TapeError
from mmjit.instrument import Instrument
from mmjit.tape import Tape

Array = np.ndarray[Any, Any]
Number = int | float | str | Decimal
PICO: Final = 10**12
_UNITS_MAX: Final = 1 << 58  # of a currency in points_max, so that totals can be counted


class Limiting(Protocol):
    """Limits of an account that can be put in force, such as a `mmjit.Limits`."""

    def apply(self, ledger: Ledger, instruments: Sequence[Instrument]) -> None:
        """Write the limits of account 0."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the log."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a backtest is run; see `backtest` for the meaning of each."""

    maker_fee: Number = 0
    taker_fee: Number = 0
    max_position: int | None = None
    max_long: int | None = None
    max_short: int | None = None
    limits: Limiting | None = None
    every: str = "change"
    seed: int = 0
    params: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values; fees as decimal strings, so that nothing is lost."""
        limits = ("max_position", "max_long", "max_short")
        given = {name: getattr(self, name) for name in limits}
        return {
            "maker_fee": str(self.maker_fee),
            "taker_fee": str(self.taker_fee),
            **{name: None if lots is None else int(lots) for name, lots in given.items()},
            "every": self.every,
            "seed": int(self.seed),
            **({} if self.limits is None else {"limits": self.limits.as_json()}),
        }


# ---- money ----------------------------------------------------------------------------------


def exact(instrument: Instrument, points: int, parts: int = 1) -> Fraction:
    """Points, or parts of them, as an exact amount of the currency that it settles in."""
    if instrument.contract == "inverse":
        return Fraction(points, parts * PICO)
    unit = Fraction(instrument.price_unit) * Fraction(instrument.lot_size)
    return Fraction(points, parts) * unit * Fraction(instrument.multiplier)


def currency_of(total: Any, name: str) -> Fraction:
    """An amount of a TOTAL, such as its "equity", in units of the currency."""
    return int(total[f"{name}_units"]) + Fraction(int(total[f"{name}_half_pico"]), HALF_PICOS)


def settlement(instrument: Instrument) -> str:
    """The currency that an instrument settles in.

    Of an inverse contract that is what its symbol names before the currency of its prices (BTC of
    BTCUSD, BTC-USD and BTCUSD_PERP), or else the symbol.
    """
    if instrument.contract != "inverse":
        return instrument.currency
    base = instrument.symbol.partition(instrument.currency)[0].rstrip("-_/:. ")
    return base or instrument.symbol


def currencies_of(instruments: Sequence[Instrument]) -> list[str]:
    """The currencies that instruments settle in, in the order in which they first do."""
    return list(dict.fromkeys(settlement(instrument) for instrument in instruments))


# ---- the ledger -----------------------------------------------------------------------------


def ledger_of(tape: Tape, settings: Settings) -> Ledger:
    """An account that has done nothing yet, under the limits that were asked for."""
    symbols = max(1, len(tape.instruments))
    totals = max(1, len(currencies_of(tape.instruments)))
    ledger = Ledger(
        np.zeros(symbols, POSITION),
        np.zeros(symbols, TERMS),
        np.zeros(symbols, LIMIT),
        np.zeros(totals, TOTAL),
        np.zeros(1, ACCOUNT),
    )
    format_ledger(ledger)
    set_terms(ledger, tape.instruments, settings.maker_fee, settings.taker_fee)
    if settings.limits is not None:
        settings.limits.apply(ledger, tape.instruments)
    given = (
        (ledger.limits, "max_long"),
        (ledger.limits, "max_short"),
        (ledger.accounts, "max_position"),
    )
    for records, name in given:
        if getattr(settings, name) is not None:
            records[name] = limit_of(name, getattr(settings, name))
    return ledger


def set_terms(
    ledger: Ledger,
    instruments: Sequence[Instrument],
    maker_fee: Number = 0,
    taker_fee: Number = 0,
    marking: Marking = Marking.MID,
) -> None:
    """Write the terms of the first symbols of a ledger; the others stay as they are.

    Args:
        ledger: to be written; no account may hold anything yet.
        instruments: by symbol number.
        maker_fee: of the notional of passive fills, as a fraction; below 0 is a rebate.
        taker_fee: of the notional of aggressive fills.
        marking: what positions are marked to.
    """
    terms = terms_of(instruments, maker_fee, taker_fee)
    terms["marking"] = marking
    ledger.terms[: len(instruments)] = terms


def terms_of(
    instruments: Sequence[Instrument], maker_fee: Number = 0, taker_fee: Number = 0
) -> Array:
    """TERMS of each instrument: what trading it costs, and how it is counted.

    Raises:
        TapeError: its money cannot be counted exactly.
        ArgumentError: a fee is no fraction, or has too many decimals.
    """
    terms = np.zeros(len(instruments), TERMS)
    fees = _fee("maker_fee", maker_fee), _fee("taker_fee", taker_fee)
    currencies = currencies_of(instruments)
    for number, instrument in enumerate(instruments):
        row = terms[number]
        point = _point_pico(instrument)
        maker, taker = (rate * point for rate in fees)
        scale = lcm(maker.denominator, taker.denominator)
        dearest = int(max(abs(maker), abs(taker)) + 1)
        if scale * dearest * scale > MONEY_MAX:
            raise ArgumentError(
                "maker_fee, taker_fee: more decimals than can be counted; use fewer"
            )
        row["maker_fee"] = int(maker * scale)
        row["taker_fee"] = int(taker * scale)
        row["fee_scale"] = scale
        row["point_pico"] = point
        row["inverse_pico"] = _inverse_pico(instrument)
        row["points_max"] = min(MONEY_MAX // dearest, _UNITS_MAX * PICO // point)
        row["qty_lots_max"] = instrument.qty_lots_max
        row["currency"] = currencies.index(settlement(instrument))
    return terms


def _point_pico(instrument: Instrument) -> int:
    """1e-12 of the currency in one point."""
    if instrument.contract not in ("linear", "inverse"):
        raise TapeError(
            f"{instrument.symbol}: its contract is {instrument.contract!r}, not linear or inverse"
        )
    point = exact(instrument, PICO)
    if point.denominator != 1 or not 0 < point < 1 << 60:
        raise TapeError(
            f"{instrument.symbol}: a price unit of one lot is worth {float(point / PICO)}, not "
            f"a whole number of 1e-12; fees cannot be counted exactly"
        )
    return int(point)


def _inverse_pico(instrument: Instrument) -> int:
    """1e-12 of the currency that a lot of an inverse contract is worth at a price of 1, else 0."""
    if instrument.contract != "inverse":
        return 0
    size = Fraction(instrument.multiplier) * Fraction(instrument.lot_size)
    lot = size * PICO / Fraction(instrument.price_unit)
    if lot.denominator != 1 or not 0 < lot < 1 << 62:
        raise TapeError(
            f"{instrument.symbol}: a lot is worth {float(lot / PICO)} at a price of one unit, not "
            f"a whole number of 1e-12; P&L cannot be counted exactly"
        )
    return int(lot)


def _fee(name: str, value: Number) -> Fraction:
    """A fee as an exact fraction of the notional."""
    try:
        rate = Fraction(Decimal(repr(float(value)) if isinstance(value, float) else value))
    except (InvalidOperation, ValueError, OverflowError, TypeError):
        raise ArgumentError(f"{name}: {value!r} is not a fraction such as 0.0003") from None
    if not abs(rate) < 1:
        raise ArgumentError(
            f"{name}: {value} is not between -1 and 1; give a fraction, not a percentage"
        )
    return rate


def limit_of(name: str, value: int | None) -> int:
    """A limit in lots; None is none."""
    if value is None:
        return UNLIMITED
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ArgumentError(
            f"{name}: {value!r} is not a number of lots; give 0 or more, or leave it out"
        )
    return min(int(value), UNLIMITED)


def seed_of(value: int) -> int:
    """A seed, as it is kept in the log."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or abs(value) >= 1 << 63:
        raise ArgumentError(f"seed: {value!r} is not a whole number of 64 bits")
    return int(value)


# ---- everything else ------------------------------------------------------------------------


def ticks_of(instruments: Sequence[Instrument]) -> Array:
    """The tick tables, each filled up with steps that are never reached."""
    ticks = np.zeros((max(1, len(instruments)), TICK_STEPS, 2), np.int64)
    ticks[:, :, 0] = UNLIMITED
    ticks[:, :, 1] = 1
    for number, instrument in enumerate(instruments):
        if len(instrument.tick_table) > TICK_STEPS:
            raise TapeError(
                f"{instrument.symbol}: {len(instrument.tick_table)} steps in its tick table, of "
                f"{TICK_STEPS} that are supported"
            )
        ticks[number, : len(instrument.tick_table)] = instrument.tick_table
    return ticks


def every_ns(text: str) -> int:
    """When a rule is asked, as RUN keeps it: nanoseconds, 0 on change, -1 on fills."""
    if text in ("change", "fill"):
        return 0 if text == "change" else -1
    span = nanoseconds(text)
    if not span:
        raise ArgumentError(
            f"every: {text!r} is not change, fill or an interval such as 100ms or 1s"
        )
    return span
