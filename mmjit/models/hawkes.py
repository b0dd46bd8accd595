"""Market orders that excite each other, on a zero-intelligence book.

The market orders are a Hawkes process with an exponential kernel: their rate is mu plus, a time s
after each of them, alpha * exp(-beta * s). It is stationary for n = alpha / beta below 1, with a
mean rate of mu / (1 - n). With k = beta - alpha, rate L and C = L alpha (2 beta - alpha) / (2 k)
the count over a time T has the variance L T + 2 C (T / k - (1 - exp(-k T)) / k**2); over its mean
that goes to 1 / (1 - n)**2. With the defaults: rate 1.5 a second, 8.8 over 100 s, in the limit 9.

Limit orders come at a total rate of 2 * 20 * 0.5 = 20 a second, so that what market orders take in
a burst is soon there again.
"""

from typing import Final

from mmjit.models.plans import Model, Parameter, Plan, Values, market_parameters, plan_of
from mmjit.models.santa_fe import flat


def _plan(values: Values) -> Plan:
    """A flat book, and market orders that excite each other."""
    return plan_of(
        values,
        1.0,
        arrivals=flat(values["limit_rate"], values["depth"]),
        hazards=flat(values["cancel_rate"], 1),
        market=values["mu"],
        jump=values["alpha"],
        fade=values["beta"],
    )


HAWKES: Final = Model(
    name="hawkes",
    aliases=(),
    summary="market orders that excite each other, on a zero-intelligence book",
    source="Hawkes (1971), Biometrika 58(1), 83-90; thinning: Ogata (1981), IEEE Transactions on "
    "Information Theory 27(1), 23-31; rates are ours",
    parameters=(
        Parameter("mu", 0.5, "/s", "market orders that no other brought, both sides together"),
        Parameter("alpha", 0.8, "/s", "what each market order adds to that rate"),
        Parameter("beta", 1.2, "/s", "how fast that fades; above alpha", 1e-9),
        Parameter("limit_rate", 0.5, "/s", "limit orders of a side at each price", 1e-9),
        Parameter("cancel_rate", 0.1, "/s", "cancellations of an order", 1e-9),
        Parameter("depth", 20, "ticks", "prices from the other side's best that take them", 1, 1e4),
        *market_parameters(tick=1, start_price=10_000),
    ),
    plan=_plan,
    price_unit="0.01",
    currency="USD",
)
