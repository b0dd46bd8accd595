"""How much to quote or to hold. The verbs are for rules; all sizes are whole lots, rounded down."""

import math
from typing import Any

import numpy as np

from mmjit.core.jit import verb
from mmjit.errors import ArgumentError
from mmjit.estimators.checks import numbers

Array = np.ndarray[Any, Any]
_TURNS = 1000
_FAR = 1e15


@verb
def whole_lots(size, most_lots):  # type: ignore[no-untyped-def]
    """A size as whole lots from 0 to `most_lots`; what is no number is none."""
    if not size >= 1.0:
        return np.int64(0)
    return min(np.int64(min(size, _FAR)), np.int64(most_lots))


@verb
def lots_for_risk(target, sigma, worth_of_lot, most_lots):  # type: ignore[no-untyped-def]
    """Volatility target: the lots whose worth moves by `target`: target / (sigma worth).

    Args:
        target: currency per period, one standard deviation.
        sigma: of returns, per period.
        worth_of_lot: currency of a lot.
        most_lots: at most so many; without volatility as many.
    """
    if not sigma * worth_of_lot > 0.0:
        return np.int64(most_lots)
    return whole_lots(target / (sigma * worth_of_lot), most_lots)


@verb
def lots_by_inventory(side, held_lots, decay, most_lots):  # type: ignore[no-untyped-def]
    """Inventory decay: all of it where it reduces, most e**(-decay |held|) where it adds.

    Fushimi, Gonzalez Rojas and Herman 2018. `held_lots` below 0 is short; side 0 bids.
    """
    adds = held_lots > 0 if side == 0 else held_lots < 0
    if not adds:
        return np.int64(most_lots)
    return whole_lots(most_lots * math.exp(-decay * abs(held_lots)), most_lots)


@verb
def kelly_share(drift, variance, fraction):  # type: ignore[no-untyped-def]
    """Fractional Kelly: the share of the capital to hold, fraction * drift / variance; signed.

    Kelly 1956, of a normal return per period; without variance none.
    """
    if not variance > 0.0:
        return 0.0
    return fraction * drift / variance


def risk_budget(covariance: Any, budget: Any = None) -> Array:
    """float64[symbols]: weights that sum to 1, each bringing its share of the risk.

    w(i) (covariance w)(i) is as `budget` (i) over its sum; equal shares without one. By cyclical
    coordinate descent (Griveau-Billion, Richard and Roncalli 2013).

    Args:
        covariance: float64[symbols, symbols], symmetric, positive on its diagonal.
        budget: above 0, of each symbol.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ArgumentError("covariance: give a square array of finite numbers")
    if not np.allclose(matrix, matrix.T) or (np.linalg.eigvalsh(matrix) <= 0).any():
        raise ArgumentError("covariance: give one that is symmetric and positive definite")
    symbols = len(matrix)
    shares = np.full(symbols, 1.0) if budget is None else numbers("budget", budget)
    if len(shares) != symbols or (shares <= 0).any():
        raise ArgumentError(f"budget: give {symbols} numbers above 0")
    shares = shares / shares.sum()
    weights = 1.0 / np.sqrt(np.diag(matrix))
    for _ in range(_TURNS):
        before = weights.copy()
        for i in range(symbols):
            others = float(matrix[i] @ weights) - matrix[i, i] * weights[i]
            root = math.sqrt(others * others + 4.0 * matrix[i, i] * shares[i])
            weights[i] = (root - others) / (2.0 * matrix[i, i])
        if np.abs(weights - before).max() <= 1e-14 * np.abs(weights).max():
            break
    found: Array = weights / weights.sum()
    return found
