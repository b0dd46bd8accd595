"""Amounts as people write them: a number and its unit, or "unlimited"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np

from mmjit.arguments import nanoseconds
from mmjit.core.ledger import UNLIMITED
from mmjit.core.money import HALF_PICOS
from mmjit.errors import ArgumentError

BPS_MAX: Final = 10_000  # of the mid: all of it
_AMOUNT: Final = re.compile(r"([+-]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*(\S*)")


@dataclass(frozen=True)
class Amount:
    """A number and what it counts.

    Attributes:
        value: exact, not negative.
        unit: "bps" or a currency; "" is the currency of whatever is bounded.
    """

    value: Decimal
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.value:,f} {self.unit}".replace(",", "_").rstrip()


def count_of(where: str, value: Any, unit: str) -> int | None:
    """A number of lots or orders."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | np.integer | str):
        raise ArgumentError(
            f"{where}: {value!r} is not a number of {unit}; give a whole number from 0 on"
        )
    text = value if isinstance(value, str) else f"{int(value)} {unit}"
    split = _split(where, text, unit)
    if split is None:
        return None
    number, given = split
    if given not in (unit, unit.removesuffix("s")):
        raise ArgumentError(f'{where}: {text!r} is not in {unit}; write "{number} {unit}"')
    if number != int(number):
        raise ArgumentError(f"{where}: {text!r} is not a whole number of {unit}; round it")
    return int(number)


def money_of(where: str, value: Any) -> Amount | None:
    """An amount of money, in steps of 5e-13."""
    if value is None or isinstance(value, Amount):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ArgumentError(f'{where}: {value!r} is not an amount; write it as "50_000 USD"')
    bare = not isinstance(value, str)
    exactly = Decimal(repr(value)) if isinstance(value, float) else value
    if isinstance(exactly, Decimal) and not exactly.is_finite():
        raise ArgumentError(f"{where}: {value!r} is not an amount; give a number, or None")
    split = _split(where, f"{exactly:f}" if isinstance(exactly, Decimal) else str(exactly), "USD")
    if split is None:
        return None
    number, unit = split
    if not bare and not unit:
        raise ArgumentError(f'{where}: {value!r} has no currency; write it as "{number} USD"')
    if unit in ("lot", "lots", "order", "orders", "bps"):
        raise ArgumentError(f'{where}: {value!r} is no money; write it as "{number} USD"')
    if Fraction(number) * HALF_PICOS % 1:
        raise ArgumentError(f"{where}: {value!r} is finer than 5e-13; round it")
    return Amount(number, unit)


def collar_of(where: str, value: Any) -> tuple[Amount, ...]:
    """A collar in bps, in money, or both; empty is unlimited."""
    parts = []
    for part in parts_of(value):
        if isinstance(part, Amount):
            parts.append(part)
            continue
        if not isinstance(part, str):
            raise ArgumentError(
                f'{where}: {part!r} is no collar; write it as "200 bps" or "0.50 USD"'
            )
        split = _split(where, part, "bps")
        if split is not None and split[1] == "bps":
            if split[0] != int(split[0]) or split[0] > BPS_MAX:
                raise ArgumentError(
                    f"{where}: {part!r} is not a whole number of bps up to {BPS_MAX:,}; give one"
                )
            parts.append(Amount(split[0], "bps"))
        elif split is not None:
            money = money_of(where, part)
            assert money is not None
            parts.append(money)
    if len({part.unit == "bps" for part in parts}) < len(parts):
        raise ArgumentError(
            f"{where}: {value!r} says the same twice; give one in bps, one in money"
        )
    return tuple(parts)


def by_currency(where: str, value: Any) -> dict[str, Amount | None]:
    """What may be lost, by currency; "" stands for each that is not named, None is unlimited."""
    if isinstance(value, Mapping):
        found = {str(name): money_of(f"{where}.{name}", given) for name, given in value.items()}
    else:
        amount = money_of(where, value)
        found = {} if amount is None else {amount.unit: amount}
    for name, given in found.items():
        if given is not None and given.unit not in ("", name):
            raise ArgumentError(f"{where}.{name}: {given} is not in {name}; give it in that")
    return {n: None if given is None else Amount(given.value, n) for n, given in found.items()}


def parts_of(value: Any) -> tuple[Any, ...]:
    """What a field that holds none, one or several holds."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _split(where: str, text: str, unit: str) -> tuple[Decimal, str] | None:
    """A number and its unit; None is unlimited."""
    if text.strip() == "unlimited":
        return None
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ArgumentError(
            f'{where}: {text!r} is not a number and its unit; write "1_000 {unit}" or "unlimited"'
        )
    number = Decimal(found[1].replace("_", ""))
    if number < 0:
        raise ArgumentError(f'{where}: {text!r} is below 0; give 0 or more, or "unlimited"')
    if number >= UNLIMITED:
        raise ArgumentError(f'{where}: {text!r} passes 2**62 - 1; write "unlimited"')
    return number, found[2]


# ---- limits that are about time or size ---------------------------------------------------------

RATE_MAX: Final = 10**6  # messages a second
BURST_SECONDS: Final = 3_600  # of the rate, that a burst may be
_RATE: Final = re.compile(r"([0-9][0-9_]*)\s*(?:per|/)\s*s(?:,?\s*burst\s*([0-9][0-9_]*))?")
_WITHIN: Final = re.compile(r"([0-9][0-9_]*)\s*(\S*)\s+in\s+(.+)")
_SHARE: Final = re.compile(r"([0-9][0-9_]*)\s*bps\s+of\s+([0-9][0-9_]*)\s*lots?")
_SPANS: Final = (("h", 3_600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 1000))


@dataclass(frozen=True)
class Rate:
    """Messages a second in the long run, and how many at once."""

    per_s: int
    burst: int

    def __str__(self) -> str:
        return f"{self.per_s:_} per s burst {self.burst:_}"


@dataclass(frozen=True)
class Within:
    """So many of something within a time."""

    count: int
    unit: str
    span_ns: int

    def __str__(self) -> str:
        return f"{f'{self.count:_} {self.unit}'.rstrip()} in {span_text(self.span_ns)}"


@dataclass(frozen=True)
class Share:
    """A share, in 1e-4, of a day's volume."""

    bps: int
    lots: int

    def __str__(self) -> str:
        return f"{self.bps:_} bps of {self.lots:_} lots"


def span_text(span_ns: int) -> str:
    """A time with the largest unit in which it is whole."""
    for unit, unit_ns in _SPANS:
        if span_ns and span_ns % unit_ns == 0:
            return f"{span_ns // unit_ns} {unit}"
    return f"{span_ns} ns"


def rate_of(where: str, value: Any) -> Rate | None:
    """A rate of messages; without a burst that of one second."""
    found = _given(where, value, Rate, _RATE, "100 per s, burst 20")
    if found is None or isinstance(found, Rate):
        return found
    per_s = int(found[1])
    burst = per_s if found[2] is None else int(found[2])
    if per_s > RATE_MAX:
        raise ArgumentError(f'{where}: {value!r} passes {RATE_MAX:,} per s; write "unlimited"')
    if burst > BURST_SECONDS * per_s and per_s > 0:
        raise ArgumentError(f"{where}: a burst of {value!r} passes an hour of its rate; lower it")
    return Rate(per_s, burst)


def within_of(where: str, value: Any, unit: str, most: int) -> Within | None:
    """So many within a time, at most `most`."""
    example = f"10 {unit} in 1 s".replace("  ", " ")
    found = _given(where, value, Within, _WITHIN, example)
    if found is None or isinstance(found, Within):
        return found
    span_ns = nanoseconds(found[3].replace(" ", ""))
    if found[2] not in (unit, unit.removesuffix("s")) or not span_ns:
        raise ArgumentError(f'{where}: {value!r} is no such limit; write it as "{example}"')
    if int(found[1]) > most:
        raise ArgumentError(f"{where}: {value!r} passes {most:,}, the most that is kept; lower it")
    return Within(int(found[1]), unit, span_ns)


def share_of(where: str, value: Any) -> Share | None:
    """A share of a volume."""
    found = _given(where, value, Share, _SHARE, "200 bps of 1_000_000 lots")
    if found is None or isinstance(found, Share):
        return found
    bps, lots = int(found[1]), int(found[2])
    if bps > BPS_MAX or lots >= 1 << 48:
        raise ArgumentError(f"{where}: {value!r} passes {BPS_MAX:,} bps or 2**48 lots; lower it")
    return Share(bps, lots)


def bps_of(where: str, value: Any) -> int | None:
    """A whole number of bps."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value} bps"
    split = None if value is None else _split(where, str(value), "bps")
    if split is None:
        return None
    if split[1] != "bps" or split[0] != int(split[0]) or split[0] > BPS_MAX:
        raise ArgumentError(
            f"{where}: {value!r} is not a whole number of bps up to {BPS_MAX:,}; give one"
        )
    return int(split[0])


def age_of(where: str, value: Any) -> int | None:
    """A time, in ns."""
    if value is None or value == "unlimited":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < UNLIMITED:
        return value
    span_ns = nanoseconds(value.replace(" ", "")) if isinstance(value, str) else None
    if span_ns is None:
        raise ArgumentError(f'{where}: {value!r} is no time; write it as "500 ms"')
    return span_ns


def _given(where: str, value: Any, kind: type, pattern: re.Pattern[str], example: str) -> Any:
    """What was given if it is of its kind already, None if it is unlimited, else its match."""
    if value is None or isinstance(value, kind) or value == "unlimited":
        return None if value == "unlimited" else value
    found = pattern.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ArgumentError(f'{where}: {value!r} is no such limit; write it as "{example}"')
    return found
