"""How symbols move together, also where their prices do not change at the same times."""

import math
from typing import Any

import numpy as np

from mmjit.core.jit import kernel
from mmjit.errors import ArgumentError
from mmjit.estimators.checks import numbers, rising, share

Array = np.ndarray[Any, Any]


@kernel
def sum_overlaps(times, values, other_times, others):  # type: ignore[no-untyped-def]
    """The sum of products of changes over intervals that overlap; one pass over both.

    An interval goes from one time up to, and with, the next.
    """
    total = 0.0
    first = 1
    for place in range(1, len(times)):
        start, stop = times[place - 1], times[place]
        while first < len(other_times) and other_times[first] <= start:
            first += 1
        other, change = first, 0.0
        while other < len(other_times) and other_times[other - 1] < stop:
            change += others[other] - others[other - 1]
            other += 1
        total += (values[place] - values[place - 1]) * change
    return total


@kernel
def ewma_matrices(returns, decay, matrix):  # type: ignore[no-untyped-def]
    """Let a covariance matrix follow rows of returns: m <- decay m + (1 - decay) r r'."""
    symbols = returns.shape[1]
    for row in range(len(returns)):
        kept = 0.0 if row == 0 else decay
        for a in range(symbols):
            for c in range(symbols):
                product = returns[row, a] * returns[row, c]
                matrix[a, c] = kept * matrix[a, c] + (1.0 - kept) * product


def hayashi_yoshida(times: Any, values: Any, other_times: Any, others: Any) -> float:
    """The covariance of two series over the whole sample, each at times of its own.

    The sum of products of changes whose intervals overlap (Hayashi and Yoshida 2005): without the
    bias towards 0 of prices that are looked at together.

    Args:
        times: rising.
        values: at those, log prices for one.
        other_times: of the other.
        others: of the other.
    """
    at, x = _series("times", times, values)
    other_at, y = _series("other_times", other_times, others)
    return float(sum_overlaps(at, x, other_at, y))


def hayashi_yoshida_correlation(times: Any, values: Any, other_times: Any, others: Any) -> float:
    """The covariance over the root of both realised variances; NaN where one does not move."""
    at, x = _series("times", times, values)
    other_at, y = _series("other_times", other_times, others)
    variances = float((np.diff(x) ** 2).sum()) * float((np.diff(y) ** 2).sum())
    if variances <= 0.0:
        return math.nan
    return float(sum_overlaps(at, x, other_at, y)) / math.sqrt(variances)


def ewma_covariance(returns: Any, decay: float = 0.94) -> Array:
    """float64[symbols, symbols]: the exponentially weighted covariance after the last row.

    Args:
        returns: float64[rows, symbols], with a mean of 0.
        decay: of a row; the first row is the seed.
    """
    given = np.ascontiguousarray(returns, dtype=np.float64)
    if given.ndim != 2 or 0 in given.shape or not np.isfinite(given).all():
        raise ArgumentError("returns: give rows of finite numbers, a column for each symbol")
    matrix = np.zeros((given.shape[1], given.shape[1]))
    ewma_matrices(given, share("decay", decay), matrix)
    return matrix


def ewma_correlation(returns: Any, decay: float = 0.94) -> Array:
    """The same as correlations; NaN where a symbol does not move."""
    matrix = ewma_covariance(returns, decay)
    roots = np.sqrt(np.diag(matrix))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = matrix / np.outer(roots, roots)
    return found


def _series(name: str, times: Any, values: Any) -> tuple[Array, Array]:
    at, found = rising(name, times), numbers("values", values, 2)
    if len(at) != len(found):
        raise ArgumentError(f"{name}: {len(at)} for {len(found)} values; give one each")
    return at, found
