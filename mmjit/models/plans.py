"""What a model of an order flow is made of: its parameters, and the rates that follow from them.

Every model here is one flow with other rates, per unit of time and side:

- limit orders of one size arrive at distance i = 1, 2, ... ticks from the best price of the other
  side, at a rate of `arrivals[i - 1]`;
- each resting order of the flow is cancelled, whole, at a rate of `hazards[i - 1]` at its distance
  of that moment (behind the last entry: the last one);
- market orders of that size arrive, of both sides together, at a rate of `market` plus, a time s
  after each of them, `jump * exp(-fade * s)`; each buys or sells with probability 1/2.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Values = Mapping[str, float]


class Parameter(NamedTuple):
    """One number of a model. An int as default takes whole numbers only."""

    name: str
    default: float
    unit: str
    meaning: str
    least: float = 0.0
    most: float = 1e9


class Plan(NamedTuple):
    """The rates of a flow, per `unit_ns` of time."""

    arrivals: Array  # float64 a tick of distance: limit orders of one side
    hazards: Array  # float64 a tick of distance: cancellations of one order
    market: float  # market orders of both sides
    jump: float  # what each of them adds to that rate,
    fade: float  # and how fast that fades
    unit_ns: float
    tick: int  # price units
    start_price: int
    order_lots: int


class Model(NamedTuple):
    """A model by its name."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    source: str
    parameters: tuple[Parameter, ...]
    plan: Callable[[Values], Plan]
    price_unit: str  # currency in a price of 1
    currency: str


SPEED: Final = Parameter("speed", 1.0, "", "every rate is multiplied by it", 1e-6, 1e9)


def market_parameters(tick: int, start_price: int) -> tuple[Parameter, ...]:
    """The parameters that every model has beside its rates."""
    return (
        Parameter("order_lots", 1, "lots", "size of every order", 1, 1e9),
        Parameter("tick", tick, "price units", "between neighbouring prices", 1, 1e6),
        Parameter(
            "start_price", start_price, "price units", "best bid at first, down to a tick", 1, 1e9
        ),
        SPEED,
    )


def plan_of(values: Values, unit_s: float, **rates: Any) -> Plan:
    """A plan out of a model's rates and the parameters that every model has."""
    tick = int(values["tick"])
    return Plan(
        **rates,
        unit_ns=unit_s * 1e9 / values["speed"],
        tick=tick,
        start_price=max(1, int(values["start_price"]) // tick) * tick,
        order_lots=int(values["order_lots"]),
    )


def resting_mean(plan: Plan) -> float:
    """How many orders of a symbol rest in the long run, at most."""
    return 2.0 * math.fsum(plan.arrivals) / float(plan.hazards.min())


def alias_table(weights: Array) -> tuple[Array, Array]:
    """Walker's table of a discrete distribution: each place's share of its column, and the other.

    Args:
        weights: float64, none below 0, not all of them 0.
    """
    count = len(weights)
    shares = weights * (count / math.fsum(weights))  # fsum: the same in whatever order
    others = np.arange(count)
    poor = [place for place in range(count) if shares[place] < 1.0]
    rich = [place for place in range(count) if shares[place] >= 1.0]
    while poor and rich:
        place, giver = poor.pop(), rich[-1]
        others[place] = giver
        shares[giver] -= 1.0 - shares[place]
        if shares[giver] < 1.0:
            poor.append(rich.pop())
    shares[poor + rich] = 1.0  # what rounding left
    return shares, others
