"""The flow of Cont, Stoikov and Talreja, with what they measured of Sky Perfect Communications.

Time is in minutes, the size of an order is the mean size of a limit order. Distances are counted
from the best price of the other side. Over 370 trades of the model the mid has, in the paper, a
realised volatility of .0228 +- .0003 (square root of the sum of its squared log-returns, each
change of the mid counted); the book is deepest two ticks from the best price of the other side.
"""

from typing import Final

import numpy as np

from mmjit.models.plans import Array, Model, Parameter, Plan, Values, market_parameters, plan_of

_ARRIVALS: Final = (1.85, 1.51, 1.09, 0.88, 0.77)
_HAZARDS: Final = (0.71, 0.81, 0.68, 0.56, 0.47)
_NEAR: Final = len(_ARRIVALS)
_PER_MINUTE: Final = "/min"
_CUT: Final = 1 << 40


def _plan(values: Values) -> Plan:
    """The published rates near the best price, and the published power law behind them."""
    distances = np.arange(1.0, values["depth"] + 1)
    arrivals = _cut(values["tail"] / distances ** values["tail_power"])
    near = min(_NEAR, len(arrivals))
    arrivals[:near] = [values[f"lambda{place + 1}"] for place in range(near)]
    hazards = [values[f"theta{place + 1}"] for place in range(_NEAR)]
    return plan_of(
        values,
        60.0,
        arrivals=arrivals,
        hazards=np.array(hazards),
        market=2.0 * values["mu"],
        jump=0.0,
        fade=0.0,
    )


def _cut(numbers: Array) -> Array:
    """The first 40 bits of each number: of a power, the last may differ between two machines."""
    parts, powers = np.frexp(numbers)
    return np.ldexp(np.round(parts * _CUT) / _CUT, powers)


CST: Final = Model(
    name="cont-stoikov-talreja",
    aliases=("cst",),
    summary="rates by the distance i from the other side's best, measured in Tokyo",
    source="Cont, Stoikov, Talreja (2010), Operations Research 58(3), 549-563",
    parameters=(
        *(
            Parameter(f"lambda{place}", rate, _PER_MINUTE, f"limit orders of a side, i = {place}")
            for place, rate in enumerate(_ARRIVALS, 1)
        ),
        Parameter("tail", 1.92, _PER_MINUTE, "and tail / i**tail_power, i = 6 .. depth"),
        Parameter("tail_power", 0.52, "", "see tail", -10, 10),
        Parameter("depth", 20, "ticks", "the largest i", 1, 10_000),
        *(
            Parameter(
                f"theta{place}",
                rate,
                _PER_MINUTE,
                f"cancellations of an order, i = {place}" + (" and more" if place == _NEAR else ""),
                1e-6,
            )
            for place, rate in enumerate(_HAZARDS, 1)
        ),
        Parameter("mu", 0.94, _PER_MINUTE, "market orders of a side"),
        *market_parameters(tick=100, start_price=74_300),
    ),
    plan=_plan,
    price_unit="1",
    currency="JPY",
)
