"""What a backtest is asked for, turned into what the engine counts with."""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import lcm
from typing import Any, Final

import numpy as np

from mmjit.core.account import MONEY_MAX
from mmjit.core.desk import TICK_STEPS
from mmjit.core.limits import UNLIMITED
from mmjit.core.records import TERMS
from mmjit.errors import ArgumentError, TapeError
from mmjit.instrument import Instrument
from mmjit.tape import Tape

Array = np.ndarray[Any, Any]
Number = int | float | str | Decimal
PICO: Final = 10**12


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a backtest is run; see `backtest` for the meaning of each."""

    maker_fee: Number = 0
    taker_fee: Number = 0
    max_position: int | None = None
    max_long: int | None = None
    max_short: int | None = None
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
        }


def exact(instrument: Instrument, points: int, parts: int = 1) -> Fraction:
    """Points (price units times lots), or parts of them, as an exact amount of currency."""
    unit = Fraction(instrument.price_unit) * Fraction(instrument.lot_size)
    return Fraction(points, parts) * unit * Fraction(instrument.multiplier)


def terms_of(tape: Tape, settings: Settings) -> Array:
    """What each instrument costs us and allows us."""
    terms = np.zeros(max(1, len(tape.instruments)), TERMS)
    for number, instrument in enumerate(tape.instruments):
        point = exact(instrument, PICO)
        if point.denominator != 1 or not 0 < point < 1 << 60:
            raise TapeError(
                f"{instrument.symbol}: a price unit of one lot is worth {float(point / PICO)}, not "
                f"a whole number of 1e-12; fees cannot be counted exactly"
            )
        maker = _fee("maker_fee", settings.maker_fee) * point
        taker = _fee("taker_fee", settings.taker_fee) * point
        scale = lcm(maker.denominator, taker.denominator)
        dearest = int(max(abs(maker), abs(taker)) + 1)
        if scale * dearest * scale > MONEY_MAX:
            raise ArgumentError(
                "maker_fee, taker_fee: more decimals than can be counted; use fewer"
            )
        terms[number]["maker_fee"] = int(maker * scale)
        terms[number]["taker_fee"] = int(taker * scale)
        terms[number]["fee_scale"] = scale
        terms[number]["point_pico"] = int(point)
        terms[number]["points_max"] = MONEY_MAX // dearest
        terms[number]["max_long"] = limit_of("max_long", settings.max_long)
        terms[number]["max_short"] = limit_of("max_short", settings.max_short)
        terms[number]["qty_lots_max"] = instrument.qty_lots_max
    return terms


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


def ticks_of(tape: Tape) -> Array:
    """The tick tables, each filled up with steps that are never reached."""
    ticks = np.zeros((max(1, len(tape.instruments)), TICK_STEPS, 2), np.int64)
    ticks[:, :, 0] = UNLIMITED
    ticks[:, :, 1] = 1
    for number, instrument in enumerate(tape.instruments):
        if len(instrument.tick_table) > TICK_STEPS:
            raise TapeError(
                f"{instrument.symbol}: {len(instrument.tick_table)} steps in its tick table, of "
                f"{TICK_STEPS} that are supported"
            )
        ticks[number, : len(instrument.tick_table)] = instrument.tick_table
    return ticks


_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def every_ns(text: str) -> int:
    """When a rule is asked, as RUN keeps it: nanoseconds, 0 on change, -1 on fills."""
    if text in ("change", "fill"):
        return 0 if text == "change" else -1
    number = text.rstrip("nusmh") if isinstance(text, str) else ""
    unit = text[len(number) :] if isinstance(text, str) else ""
    try:
        span = Decimal(number) * _UNITS_NS[unit]
    except (ArithmeticError, KeyError):  # no number, one out of all bounds, or no unit
        span = Decimal(0)
    if not span.is_finite() or not 1 <= span <= 10**18 or span != int(span):
        raise ArgumentError(
            f"every: {text!r} is not change, fill or an interval such as 100ms or 1s"
        )
    return int(span)
