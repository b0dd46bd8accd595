"""The zero-intelligence flow of the Santa Fe school.

What is exact in it follows from its dimensions: every rate times c makes the same events, c times
as fast; an order size times k makes the same events with k times the quantities. In the limit of
small ticks the spread is a function of delta / mu times mu / alpha.
"""

from typing import Final

import numpy as np

from mmjit.models.plans import Model, Parameter, Plan, Values, market_parameters, plan_of


def flat(rate: float, depth: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The same rate at each of the nearest prices."""
    return np.full(int(depth), rate)


def _plan(values: Values) -> Plan:
    """Arrivals at `depth` prices alike, one hazard for all."""
    return plan_of(
        values,
        1.0,
        arrivals=flat(values["alpha"], values["depth"]),
        hazards=flat(values["delta"], 1),
        market=values["mu"],
        jump=0.0,
        fade=0.0,
    )


SANTA_FE: Final = Model(
    name="santa-fe",
    aliases=(),
    summary="zero intelligence: every price alike, every order alike",
    source="Daniels, Farmer, Gillemot, Iori, Smith (2003), Physical Review Letters 90, 108102; "
    "rates chosen for delta / mu = 0.02 and mu / alpha = 10 ticks",
    parameters=(
        Parameter("mu", 1.0, "/s", "market orders of both sides together"),
        Parameter("alpha", 0.1, "/s", "limit orders of a side at each price", 1e-9),
        Parameter("delta", 0.02, "/s", "cancellations of an order", 1e-9),
        Parameter("depth", 50, "ticks", "prices from the other side's best that take them", 1, 1e4),
        *market_parameters(tick=1, start_price=10_000),
    ),
    plan=_plan,
    price_unit="0.01",
    currency="USD",
)
