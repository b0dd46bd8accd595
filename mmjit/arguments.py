"""What a call takes for an integer, an id or a yes: nothing else passes for one."""

import operator
from typing import Any, Final

import numpy as np

from mmjit.errors import ArgumentError

INT64_MAX: Final = (1 << 63) - 1
ID_MAX: Final = (1 << 64) - 1
_BOOLS: Final = (bool, np.bool_)


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
