"""What a call takes for an integer, an id, a yes or a time: nothing else passes for one."""

import operator
from decimal import Decimal
from typing import Any, Final

import numpy as np

from mmjit.errors import ArgumentError

INT64_MAX: Final = (1 << 63) - 1
ID_MAX: Final = (1 << 64) - 1
_BOOLS: Final = (bool, np.bool_)
_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_NS_MAX: Final = 10**18  # 31 years


def whole(name: str, value: Any, low: int = -INT64_MAX - 1, high: int = INT64_MAX) -> int:
    """An integer argument within its bounds, as a Python int."""
    if type(value) is int and low <= value <= high:
        return value
    if isinstance(value, _BOOLS):
        raise ArgumentError(f"{name}: {value!r} is a bool; give a whole number")
    try:
        number = operator.index(value)
    except TypeError:
        door = "; `.money` takes decimals" if name.startswith(("price", "qty", "display")) else ""
        raise ArgumentError(f"{name}: {value!r} is not a whole number{door}") from None
    if not low <= number <= high:
        raise ArgumentError(f"{name}: {number} is not a whole number from {low:,} to {high:,}")
    return number


def pattern(name: str, value: Any, low: int = 0) -> int:
    """An id up to 2**64 - 1 as the 64-bit pattern that is stored."""
    plain = type(value) is int and low <= value <= ID_MAX
    number: int = value if plain else whole(name, value, low, ID_MAX)
    return number - (1 << 64) if number > INT64_MAX else number


def flag(name: str, value: Any) -> bool:
    """A yes or no; nothing else passes for one."""
    if isinstance(value, _BOOLS):
        return bool(value)
    raise ArgumentError(f"{name}: {value!r} is neither True nor False; give one of them")


def nanoseconds(text: Any) -> int | None:
    """The time that a number and a unit name, such as 250us or 1.5h; None if it is no such text.

    None too if it is below 0, beyond 31 years or no whole number of nanoseconds.
    """
    if not isinstance(text, str):
        return None
    number = text.rstrip("nusmh")
    try:
        span = Decimal(number) * _UNITS_NS[text[len(number) :]]
    except (ArithmeticError, KeyError):  # no number, one out of all bounds, or no unit
        return None
    if not span.is_finite() or not 0 <= span <= _NS_MAX or span != int(span):
        return None
    return int(span)
