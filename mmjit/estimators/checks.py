"""What estimators are given: one array of finite numbers, long enough."""

from typing import Any

import numpy as np

from mmjit.errors import ArgumentError

Array = np.ndarray[Any, Any]


def numbers(name: str, values: Any, at_least: int = 1) -> Array:
    """One dimension of finite float64, contiguous.

    Raises:
        ArgumentError: it is something else, or too short.
    """
    try:
        found = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name}: {values!r} are no numbers; give an array") from None
    if found.ndim != 1:
        raise ArgumentError(f"{name}: {found.ndim} dimensions given; give one")
    if len(found) < at_least:
        raise ArgumentError(f"{name}: {len(found)} values given; give at least {at_least}")
    if not np.isfinite(found).all():
        place = int(np.flatnonzero(~np.isfinite(found))[0])
        raise ArgumentError(f"{name}: value {place} is {found[place]}; leave it out")
    return found


def rising(name: str, values: Any) -> Array:
    """`numbers` each of which is above the one before."""
    found = numbers(name, values, 2)
    if not (np.diff(found) > 0).all():
        place = int(np.flatnonzero(np.diff(found) <= 0)[0]) + 1
        raise ArgumentError(f"{name}: value {place} is not above the one before; sort, keep one")
    return found


def above_zero(name: str, value: float) -> float:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ArgumentError(f"{name}: {value!r} is no number; give one above 0")
    if not 0 < float(value) < float("inf"):
        raise ArgumentError(f"{name}: {value!r} is not above 0 and finite; give such a number")
    return float(value)


def share(name: str, value: float) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ArgumentError(f"{name}: {value!r} is no number; give one from 0 to 1")
    if not 0 <= float(value) <= 1:
        raise ArgumentError(f"{name}: {value!r} is not from 0 to 1; give such a number")
    return float(value)
