"""How much a price moves: of all returns, of some window, or of highs and lows.

Returns are differences of logarithms (`log_returns`) or of prices, and the volatility is in their
unit: per period for the exponential average and the ranges, over the whole sample for the realised
ones. The verbs are for rules, which keep what they know in their memory.
"""

import math
from typing import Any, Final

import numpy as np

from mmjit.core.jit import kernel, verb
from mmjit.errors import ArgumentError
from mmjit.estimators.checks import numbers, share

Array = np.ndarray[Any, Any]
_LN2: Final = math.log(2.0)


@verb
def ewma_variance(variance, value, decay):  # type: ignore[no-untyped-def]
    """The variance after one more return: decay v + (1 - decay) r**2 (RiskMetrics 1996)."""
    return decay * variance + (1.0 - decay) * value * value


@verb
def bipower_term(value, before):  # type: ignore[no-untyped-def]
    """What two returns in a row bring to the bipower variation: pi / 2 |r| |r before|."""
    return math.pi / 2.0 * abs(value) * abs(before)


@verb
def parkinson_term(high, low):  # type: ignore[no-untyped-def]
    """What a period's range brings: ln(H / L)**2 / (4 ln 2)."""
    width = math.log(high / low)
    return width * width / (4.0 * _LN2)


@verb
def garman_klass_term(first, high, low, last):  # type: ignore[no-untyped-def]
    """What a period brings: ln(H / L)**2 / 2 - (2 ln 2 - 1) ln(C / O)**2."""
    width, move = math.log(high / low), math.log(last / first)
    return 0.5 * width * width - (2.0 * _LN2 - 1.0) * move * move


@verb
def rogers_satchell_term(first, high, low, last):  # type: ignore[no-untyped-def]
    """What a period brings whatever its drift: ln(H/C) ln(H/O) + ln(L/C) ln(L/O)."""
    up = math.log(high / last) * math.log(high / first)
    return up + math.log(low / last) * math.log(low / first)


@kernel
def ewma_variances(returns, decay, out):  # type: ignore[no-untyped-def]
    """The variance after each return into `out`, seeded with the first one's square."""
    variance = returns[0] * returns[0]
    out[0] = variance
    for place in range(1, len(returns)):
        variance = ewma_variance(variance, returns[place], decay)
        out[place] = variance


@kernel
def sum_variation(returns, bipower):  # type: ignore[no-untyped-def]
    """The realised variance of returns, or their bipower variation."""
    total = 0.0
    for place in range(bipower, len(returns)):
        value = returns[place]
        total += bipower_term(value, returns[place - 1]) if bipower == 1 else value * value
    return total


@kernel
def sum_ranges(first, high, low, last, which):  # type: ignore[no-untyped-def]
    """Sums over periods: 0 Parkinson, 1 Garman-Klass, 2 Rogers-Satchell."""
    total = 0.0
    for n in range(len(high)):
        if which == 0:
            total += parkinson_term(high[n], low[n])
        elif which == 1:
            total += garman_klass_term(first[n], high[n], low[n], last[n])
        else:
            total += rogers_satchell_term(first[n], high[n], low[n], last[n])
    return total


# ---- for notebooks --------------------------------------------------------------------------


def log_returns(prices: Any) -> Array:
    """float64[n - 1]: ln of each price over the one before; prices are above 0."""
    found: Array = np.diff(np.log(_prices("prices", prices, 2)))
    return found


def ewma_volatility(returns: Any, decay: float = 0.94) -> Array:
    """float64[n]: the exponentially weighted volatility after each return, per period.

    v <- decay v + (1 - decay) r**2 from v = r**2 of the first (RiskMetrics 1996).
    """
    given = numbers("returns", returns)
    out = np.zeros(len(given))
    ewma_variances(given, share("decay", decay), out)
    return np.sqrt(out)


def realised_volatility(returns: Any) -> float:
    """The root of the sum of squared returns: over the whole sample."""
    return math.sqrt(float(sum_variation(numbers("returns", returns), 0)))


def bipower_volatility(returns: Any, *, corrected: bool = False) -> float:
    """The root of pi / 2 times the sum of |r| |r before|, which jumps hardly move.

    Barndorff-Nielsen and Shephard 2004. `corrected`: times n / (n - 1), for the one product less.
    """
    given = numbers("returns", returns, 2)
    factor = len(given) / (len(given) - 1) if corrected else 1.0
    return math.sqrt(factor * float(sum_variation(given, 1)))


def parkinson_volatility(high: Any, low: Any) -> float:
    """The root of the mean of ln(H / L)**2 / (4 ln 2): per period (Parkinson 1980)."""
    highs, lows = _prices("high", high), _prices("low", low)
    return _of_ranges(lows, highs, lows, highs, 0)


def garman_klass_volatility(first: Any, high: Any, low: Any, last: Any) -> float:
    """Per period, of open, high, low and close (Garman and Klass 1980); no drift."""
    return _of_ranges(*_bars(first, high, low, last), 1)


def rogers_satchell_volatility(first: Any, high: Any, low: Any, last: Any) -> float:
    """Per period, of open, high, low and close, whatever the drift (Rogers, Satchell 1991)."""
    return _of_ranges(*_bars(first, high, low, last), 2)


def _bars(first: Any, high: Any, low: Any, last: Any) -> tuple[Array, Array, Array, Array]:
    names = ("first", "high", "low", "last")
    given = [_prices(n, x) for n, x in zip(names, (first, high, low, last), strict=True)]
    return given[0], given[1], given[2], given[3]


def _of_ranges(first: Array, high: Array, low: Array, last: Array, which: int) -> float:
    """The root of a mean over periods, whose highs and lows are what they say."""
    if len({len(part) for part in (first, high, low, last)}) > 1:
        raise ArgumentError("high: the arrays are of several lengths; give one price a period each")
    if (high < np.maximum(first, last)).any() or (low > np.minimum(first, last)).any():
        raise ArgumentError("high: a high is below, or a low above, another price of its period")
    if (high < low).any():
        raise ArgumentError("high: a high is below the low of its period; swap them")
    return math.sqrt(max(0.0, float(sum_ranges(first, high, low, last, which)) / len(high)))


def _prices(name: str, prices: Any, at_least: int = 1) -> Array:
    given = numbers(name, prices, at_least)
    if not (given > 0).all():
        raise ArgumentError(f"{name}: {given.min()} is no price with a logarithm; give prices > 0")
    return given
