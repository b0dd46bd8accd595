"""A price that returns to its mean: dx = theta (mu - x) dt + sigma dW."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmjit.errors import ArgumentError
from mmjit.estimators.checks import above_zero, numbers


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """Its parameters, in the unit of the price and of the time.

    Attributes:
        theta: the speed of the return, 1 / time.
        mu: the mean.
        sigma: price per square root of time.
    """

    theta: float
    mu: float
    sigma: float

    @property
    def half_life(self) -> float:
        """Ln 2 / theta: in which half of a deviation is gone, on average."""
        return math.log(2.0) / self.theta

    @property
    def stationary_deviation(self) -> float:
        """The standard deviation in the long run: sigma / sqrt(2 theta)."""
        return self.sigma / math.sqrt(2.0 * self.theta)

    def kept(self, step: float) -> float:
        """The share of a deviation that is left after a time: e**(-theta step)."""
        return math.exp(-self.theta * step)

    def deviation_after(self, step: float) -> float:
        """The standard deviation of the price a time ahead, given the one now."""
        return self.stationary_deviation * math.sqrt(-math.expm1(-2.0 * self.theta * step))


def fit_ornstein_uhlenbeck(prices: Any, step: float = 1.0) -> OrnsteinUhlenbeck:
    """By least squares of each price over the one before, which is exact for any step.

    Args:
        prices: at even steps, at least three.
        step: between two, in the unit of time.

    Raises:
        ArgumentError: the prices do not return to any mean: the slope is not between 0 and 1.
    """
    given, span = numbers("prices", prices, 3), above_zero("step", step)
    if np.ptp(given[:-1]) == 0:
        raise ArgumentError("prices: they do not move; give others")
    slope, height = np.polyfit(given[:-1], given[1:], 1)
    if not 0.0 < slope < 1.0:
        raise ArgumentError(
            f"prices: the slope over the one before is {slope:.6g}, and only one between 0 and 1 "
            "returns to a mean; give a longer sample"
        )
    left = given[1:] - (height + slope * given[:-1])
    theta = -math.log(slope) / span
    sigma = math.sqrt(float((left**2).mean()) * 2.0 * theta / (1.0 - slope * slope))
    return OrnsteinUhlenbeck(theta, float(height) / (1.0 - float(slope)), sigma)
