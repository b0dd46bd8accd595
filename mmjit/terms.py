"""What a backtest is asked for, turned into what the engine counts with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, lcm
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from mmjit.arguments import nanoseconds
from mmjit.core.account import MONEY_MAX, TOTAL_MAX
from mmjit.core.authored import stamp_of
from mmjit.core.codes import Marking
from mmjit.core.desk import TICK_STEPS
from mmjit.core.hearing import ANYTHING, FILLED
from mmjit.core.ledger import UNLIMITED, Ledger
from mmjit.core.money import HALF_PICOS
from mmjit.core.queues import QueueModel
from mmjit.core.tables import (
    TERMS,
    TIER,
    TIERS,
)
from mmjit.errors import ArgumentError, TapeError
from mmjit.fees import RATES, Fees, FeesGiven, fees_given, fees_json, fees_of
from mmjit.instrument import Instrument
from mmjit.latency import Latency
from mmjit.ledgers import empty_ledger
from mmjit.rulebook import find_queue_model
from mmjit.tape import Tape

Array = np.ndarray[Any, Any]
Number = int | float | str | Decimal
PICO: Final = 10**12
_WAKES: Final = {"change": ANYTHING, "fill": FILLED}
_UNITS_MAX: Final = 1 << 58  # of a currency in points_max, so that totals can be counted


class Limiting(Protocol):
    """Limits of an account that can be put in force, such as a `mmjit.Limits`."""

    def apply(self, ledger: Ledger, instruments: Sequence[Instrument]) -> None:
        """Write the limits of account 0."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the log."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a backtest is run.

    Args:
        maker_fee: of the notional of our passive fills, as a fraction; below 0 is a rebate.
        taker_fee: of the notional of our aggressive fills.
        max_position: lots, the sum over symbols of the largest position that open orders could
            lead to; None is no limit, 0 allows nothing.
        max_long: lots of each symbol, open buy orders counted.
        max_short: lots of each symbol, open sell orders counted.
        limits: a `mmjit.Limits`; those given by name besides it are in force instead of its own.
            When a loss limit is reached, all our orders are cancelled, and from then on only those
            that reduce a position are accepted.
        every: when the rule is asked: "change" of a best or of our position, "fill" of ours, an
            interval such as "100ms", or any of them together: "100ms+fill".
        seed: kept in the log.
        latency: of the feed, of our requests and of the venue's answers, a `mmjit.Latency`.
        queue_model: of a tape of price levels: a `mmjit.QueueModel`, or the name of one such as
            "power3:n=3"; a tape of orders knows its queues.
        impact: whether what our aggressive orders take is gone; False lets it be taken again.
    """

    maker_fee: Number = 0
    taker_fee: Number = 0
    fees: FeesGiven | None = None
    max_position: int | None = None
    max_long: int | None = None
    max_short: int | None = None
    limits: Limiting | None = None
    every: str = "change"
    seed: int = 0
    latency: Latency = field(default_factory=Latency)
    queue_model: QueueModel | str = "risk_averse"
    impact: bool = True

    def model(self) -> QueueModel:
        """The queue model."""
        if isinstance(self.queue_model, QueueModel):
            return self.queue_model
        return find_queue_model(self.queue_model)

    def as_json(self) -> dict[str, Any]:
        """Plain values; fees as decimal strings, so that nothing is lost."""
        limits = ("max_position", "max_long", "max_short")
        given = {name: getattr(self, name) for name in limits}
        fees: dict[str, Any] = (
            {"maker_fee": str(self.maker_fee), "taker_fee": str(self.taker_fee)}
            if self.fees is None
            else {"fees": fees_json(self.fees)}
        )
        return {
            **fees,
            **{name: None if lots is None else int(lots) for name, lots in given.items()},
            "every": self.every,
            "seed": int(self.seed),
            "latency": self.latency.as_json(),
            "queue_model": said_of(self.model()),
            "impact": bool(self.impact),
            **({} if self.limits is None else {"limits": self.limits.as_json()}),
        }


@dataclass(frozen=True, kw_only=True)
class KeptSettings(Settings):
    """Settings of a run that was saved: what they did is in its arrays, here is what they said.

    Args:
        said: what `as_json` said.
    """

    said: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """What was said."""
        return self.said


def said_of(model: QueueModel) -> dict[str, Any]:
    """A queue model as plain values."""
    names = [name for name in model.defaults.dtype.names or () if name != "unused"]
    params = {name: model.defaults[0][name].item() for name in names}
    return {"name": model.name, "params": params, "digest": stamp_of(model.function)}


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
    ledger = empty_ledger(1, symbols, totals)
    fees = fees_given(settings.maker_fee, settings.taker_fee, settings.fees)
    set_terms(ledger, tape.instruments, fees)
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


class Terms(NamedTuple):
    """What trading some instruments costs, as a ledger keeps it."""

    terms: Array  # TERMS per instrument
    tiers: Array  # TIER, TIERS per instrument


FEE_FIELDS: Final = (
    *("maker_fee", "taker_fee", "fee_scale", "points_max", "scheduled", "lot_fee_pico"),
    *(
        "fill_fee_pico",
        "tier_count",
        "maker_per_lot",
        "taker_per_lot",
        "maker_per_fill",
        "taker_per_fill",
    ),
    *("buyer_fee", "seller_fee"),
)


def set_terms(
    ledger: Ledger,
    instruments: Sequence[Instrument],
    fees: FeesGiven,
    marking: Marking = Marking.MID,
) -> None:
    """Write the terms of the first symbols of a ledger; the others stay as they are.

    Args:
        ledger: to be written; no account may hold anything yet.
        instruments: by symbol number.
        fees: one for all of them, or by symbol.
        marking: what positions are marked to.
    """
    terms, tiers = terms_of(instruments, fees)
    terms["marking"] = marking
    ledger.terms[: len(terms)] = terms
    ledger.tiers[: len(tiers)] = tiers


def terms_of(instruments: Sequence[Instrument], fees: FeesGiven) -> Terms:
    """TERMS and TIER of each instrument: what trading it costs, and how it is counted.

    Raises:
        TapeError: its money cannot be counted exactly.
        ArgumentError: a fee has too many decimals, is too large, or is of no such symbol.
    """
    terms = np.zeros(len(instruments), TERMS)
    tiers = np.zeros(len(instruments) * TIERS, TIER)
    currencies = currencies_of(instruments)
    by_number = fees_of(fees, [instrument.symbol for instrument in instruments])
    alike: dict[tuple[int, str, int], int] = {}  # thousands of instruments share a few
    for number, instrument in enumerate(instruments):
        row, own = terms[number], by_number[number]
        room = tiers[number * TIERS : (number + 1) * TIERS]
        point = _point_pico(instrument)
        like = alike.setdefault((point, instrument.lot_size, id(own)), number)
        if like == number:
            row["point_pico"] = point
            _write_fees(row, room, instrument, own)
        else:
            terms[number] = terms[like]
            room[:] = tiers[like * TIERS : (like + 1) * TIERS]
        row["inverse_pico"] = _inverse_pico(instrument)
        row["qty_lots_max"] = instrument.qty_lots_max
        row["currency"] = currencies.index(settlement(instrument))
    return Terms(terms, tiers)


def _write_fees(row: Any, tiers: Array, instrument: Instrument, fees: Fees) -> None:
    """The fees of an instrument, all over one scale, and what they allow to be counted."""
    point = int(row["point_pico"])
    rates = {f"{name}_fee": Fraction(getattr(fees, name)) * point for name in RATES}
    steps = [(Fraction(v), Fraction(m) * point, Fraction(t) * point) for v, m, t in fees.tiers]
    every = [*rates.values(), *(rate for _, *pair in steps for rate in pair)]
    scale = lcm(*(rate.denominator for rate in every))
    dearest: int = max(int(abs(rate) * point) for _, rate in fees.rates()) + 1
    if scale * dearest * scale > MONEY_MAX:
        raise ArgumentError(
            f"fees of {instrument.symbol}: more decimals than can be counted; use fewer"
        )
    for name, rate in rates.items():
        row[name] = int(rate * scale)
    row["fee_scale"] = scale
    row["tier_count"] = len(steps)
    for tier, (volume, maker, taker) in zip(tiers, steps, strict=False):
        tier["turnover"] = _turnover(volume, point, instrument)
        tier["maker_fee"], tier["taker_fee"] = int(maker * scale), int(taker * scale)
    lots = _write_lot_fees(row, instrument, fees)
    row["scheduled"] = bool(lots or steps or fees.buyer or fees.seller)
    shares = 2 if lots else 1  # of MONEY_MAX: what is by value, what is by lots
    row["points_max"] = min(MONEY_MAX // shares // dearest, _UNITS_MAX * PICO // point)


def _write_lot_fees(row: Any, instrument: Instrument, fees: Fees) -> bool:
    """The fees by lot and by fill, and what bounds them; whether there are any."""
    lot = Fraction(instrument.lot_size)
    bounds = []
    for per, name, factor in (("qty", "lot", lot * PICO), ("fill", "fill", Fraction(PICO))):
        values = []
        for who in ("maker", "taker"):
            pico = Fraction(getattr(fees, f"{who}_per_{per}")) * factor
            if pico.denominator != 1:
                raise ArgumentError(
                    f"fees of {instrument.symbol}: {who}_per_{per} is {float(pico)}e-12 a {name}, "
                    "not a whole number of 1e-12; round it"
                )
            values.append(int(pico))
        bounds.append(max(map(abs, values)))
        if bounds[-1] > MONEY_MAX // 4:
            raise ArgumentError(
                f"fees of {instrument.symbol}: {bounds[-1] / PICO:,.0f} a {name} is more than the "
                f"{MONEY_MAX // 4 // PICO:,} that can be counted; give less"
            )
        row[f"maker_per_{name}"], row[f"taker_per_{name}"] = values
    if any(bounds):
        row["lot_fee_pico"], row["fill_fee_pico"] = bounds
        row["fill_fee_pico"] += 1  # what is by value is rounded up
    return any(bounds)


def _turnover(volume: Fraction, point: int, instrument: Instrument) -> int:
    """A volume in points, rounded up: the least turnover that has reached it."""
    points = ceil(volume * PICO / point)
    if points > TOTAL_MAX:
        raise ArgumentError(
            f"fees of {instrument.symbol}: a tier from {float(volume):,.0f} on, more than "
            f"{float(Fraction(TOTAL_MAX * point, PICO)):,.0f} that is counted; leave it out"
        )
    return points


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


def occasions(text: str) -> tuple[int, int]:
    """When a rule is asked, as RUN keeps it: `every_ns` (0 at no instants) and `wakes`."""
    every_ns = wakes = 0
    for part in text.split("+") if isinstance(text, str) else (text,):
        if part in _WAKES:
            wakes |= _WAKES[part]
            continue
        span_ns = interval_ns("every", part, "change, fill or ")
        if every_ns:
            raise ArgumentError(f"every: {text!r} has two intervals; give one")
        every_ns = span_ns
    return every_ns, wakes


def interval_ns(name: str, text: str, others: str = "") -> int:
    """An interval such as 100ms in nanoseconds; an error names `others` that are taken too."""
    span = nanoseconds(text)
    if not span:
        raise ArgumentError(f"{name}: {text!r} is not {others}an interval such as 100ms or 1s")
    return span
