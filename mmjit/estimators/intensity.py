"""How often a quote is filled, by its distance from the mid: A e**(-k d) a second.

The trades of each step of time are summed up in the deepest of them: every quote closer to the mid
of the step before would have been filled. Rates over distances then lie on a line in logarithms,
near the mid, whose slope is -k and whose height at 0 is ln A.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmjit.core.jit import kernel
from mmjit.errors import ArgumentError
from mmjit.estimators.checks import above_zero, numbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Intensity:
    """Fills a second at a distance d: rate e**(-decay d).

    Attributes:
        rate: A, fills a second at the mid.
        decay: k, 1 / the unit of the distances.
        r_squared: how much of the logarithms' variance the line explains; 1: all.
    """

    rate: float
    decay: float
    r_squared: float


@kernel
def note_deepest(trades, mids, begin, step, out):  # type: ignore[no-untyped-def]
    """The deepest distance of a trade in each step from the mid at the step's begin, into `out`.

    Args:
        trades: times and prices, float64 each, the times rising.
        mids: the same of mids, each of which holds from its time on.
        begin: of the first step.
        step: how long one is.
        out: float64 a step; -1 where there was no trade or no mid.
    """
    times, prices = trades
    mid_times, middles = mids
    trade, mid = 0, -1
    for number in range(len(out)):
        start = begin + number * step
        while mid + 1 < len(mid_times) and mid_times[mid + 1] <= start:
            mid += 1
        out[number] = -1.0
        while trade < len(times) and times[trade] < start:
            trade += 1
        while trade < len(times) and times[trade] < start + step:
            if mid >= 0:
                out[number] = max(out[number], abs(prices[trade] - middles[mid]))
            trade += 1


def deepest_distances(
    times_s: Any, prices: Any, mid_times_s: Any, mids: Any, step_s: float = 0.1
) -> Array:
    """float64 a step: the deepest distance of a trade from the mid when the step began, -1: none.

    Args:
        times_s: of each trade, seconds, in order.
        prices: of each trade.
        mid_times_s: of each mid, seconds, in order; the first step begins with the first.
        mids: in the unit of the prices.
        step_s: how long a step is, seconds.
    """
    at, paid = numbers("times_s", times_s), numbers("prices", prices)
    mid_at, middle = numbers("mid_times_s", mid_times_s), numbers("mids", mids)
    for name, a, c in (("prices", at, paid), ("mids", mid_at, middle)):
        if len(a) != len(c):
            raise ArgumentError(f"{name}: {len(c)} for {len(a)} times; give one each")
        if (np.diff(a) < 0).any():
            raise ArgumentError(f"{name}: their times go back; sort them")
    step = above_zero("step_s", step_s)
    end = max(at[-1], mid_at[-1])
    steps = (end - mid_at[0]) / step + 1
    if steps > 1e9:
        raise ArgumentError(f"step_s: {steps:.3g} steps; give a longer one")
    out = np.zeros(int(steps))
    note_deepest((at, paid), (mid_at, middle), mid_at[0], step, out)
    return out


def rates_beyond(deepest: Any, distances: Any, step_s: float) -> Array:
    """float64 a distance: how often a second a step's deepest trade was beyond it."""
    found = numbers("deepest", deepest)
    beyond = (found[None, :] > numbers("distances", distances)[:, None]).sum(axis=1)
    rates: Array = beyond / (len(found) * above_zero("step_s", step_s))
    return rates


def fit_intensity(distances: Any, rates: Any) -> Intensity:
    """A and k by least squares of ln(rate) over the distance, where there is a rate.

    Args:
        distances: near the mid: far away the line bends.
        rates: fills a second at each.

    Raises:
        ArgumentError: fewer than two distances have a rate.
    """
    away, often = numbers("distances", distances, 2), numbers("rates", rates, 2)
    if len(away) != len(often):
        raise ArgumentError(f"rates: {len(often)} for {len(away)} distances; give one each")
    away, often = away[often > 0], often[often > 0]
    if len(np.unique(away)) < 2:
        raise ArgumentError("rates: fewer than two distances have one; give a longer sample")
    logs = np.log(often)
    slope, height = np.polyfit(away, logs, 1)
    left = logs - (height + slope * away)
    spread = float(((logs - logs.mean()) ** 2).sum())
    explained = 1.0 - float((left**2).sum()) / spread if spread > 0 else 1.0
    return Intensity(rate=math.exp(height), decay=-float(slope), r_squared=explained)
