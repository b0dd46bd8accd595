"""Quotes in several symbols at once: what is held in one moves the quotes of those it moves with.

O. Gueant, Optimal market making, Applied Mathematical Finance 24(2), 2017, 112-154; P. Bergault, D.
Evangelista, O. Gueant, D. Vieira, Closed-form approximations in multi-asset market making, 2021.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmjit.errors import ArgumentError
from mmjit.estimators.checks import above_zero, numbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PortfolioQuotes:
    """Distances of quotes from the mids of some symbols.

    Attributes:
        half_spread: float64[symbols], a price, while nothing is held.
        skew: float64[symbols, symbols], a price for each unit that is held of the second symbol:
            by so much both quotes of the first move down.
    """

    half_spread: Array
    skew: Array

    def shift(self, held: Any) -> Array:
        """float64[symbols]: how far both quotes of each symbol move; `held` is in units."""
        found: Array = -self.skew @ numbers("held", held)
        return found


def portfolio_quotes(
    covariance: Any, rate: Any, decay: Any, size: Any, gamma: float, *, spread_aversion: bool = True
) -> PortfolioQuotes:
    """The closed form of the multi-asset problem.

    skew = sqrt(gamma) D**-1/2 (D**1/2 Sigma D**1/2)**1/2 D**-1/2 with D = diag(2 A C k size) and
    C = (1 + xi size / k)**-(1 + k / (xi size)); a half spread is ln(1 + xi size / k) / (xi size)
    and half of the own skew of one size. xi is gamma (model A), or 0: then C is 1 / e, and 1 / k.

    Args:
        covariance: float64[symbols, symbols] of price moves, price squared per time.
        rate: A of each symbol, fills per time at the mid.
        decay: k of each, 1 / price.
        size: of a quote in each, units.
        gamma: risk aversion, 1 / currency.
        spread_aversion: whether fills are averse to risk too: xi = gamma.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    symbols = len(matrix)
    if matrix.shape != (symbols, symbols) or not np.allclose(matrix, matrix.T):
        raise ArgumentError("covariance: give a square array that is symmetric")
    named = {"rate": rate, "decay": decay, "size": size}
    given = {name: numbers(name, value) for name, value in named.items()}
    for name, value in given.items():
        if len(value) != symbols or (value <= 0).any():
            raise ArgumentError(f"{name}: give {symbols} numbers above 0, one a symbol")
    gamma = above_zero("gamma", gamma)
    k, units = given["decay"], given["size"]
    part = gamma * units / k
    if spread_aversion:
        chance, premium = (1 + part) ** -(1 + 1 / part), np.log1p(part) / (gamma * units)
    else:
        chance, premium = np.full(symbols, np.exp(-1.0)), 1 / k
    roots = np.sqrt(2 * given["rate"] * chance * k * units)
    skew = np.sqrt(gamma) * _root(roots[:, None] * matrix * roots) / np.outer(roots, roots)
    return PortfolioQuotes(premium + units * np.diag(skew) / 2, skew)


def _root(matrix: Array) -> Array:
    """The symmetric root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-12 * values.max():
        raise ArgumentError("covariance: it has a negative eigenvalue; estimate it from one sample")
    found: Array = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return found
