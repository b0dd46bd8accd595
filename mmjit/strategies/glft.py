"""Gueant, Lehalle and Fernandez-Tapia 2013: optimal quotes under a bound on the inventory.

Sources: O. Gueant, C.-A. Lehalle, J. Fernandez-Tapia, Dealing with the inventory risk, Mathematics
and Financial Economics 7, 2013, 477-507 (arXiv 1105.3115). The market is that of Avellaneda and
Stoikov 2008 with fills at the rate A e**(-k d), and the horizon is far.
"""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.avellaneda_stoikov import fill_premium
from mmjit.strategies.inventory_tables import HELD_MAX, TABLE, log_step, set_leading_vector
from mmjit.strategies.parts import lots_within, note_mid, sigma_of

GLFT = parameters(
    gamma=0.01,  # risk aversion, per tick and `qty_lots`
    fill_decay=0.3,  # k, per tick
    fill_rate=0.9,  # A, fills a second of a quote at the mid
    sigma_ticks=0.0,  # ticks per square root of a second; 0: measured
    sample_s=0.1,  # where it is measured: the mid is looked at no more often
    half_life_s=30.0,  # and this is how long a move counts
    drift_ticks=0.0,  # mu, of the mid, ticks a second
    impact_ticks=0.0,  # xi, by which a fill moves the mid against us
    position_max=10,  # Q, in `qty_lots`: at it the side that adds is pulled; of `exact` at most 32
    exact=0,  # 1: by the eigenvector, 0: by the closed form, which is near it
    qty_lots=100,
)
MEMORY = [
    *(("variance", "f8"), ("sampled_ns", "i8"), ("mid_twice", "i8"), ("sample_count", "i8")),
    *TABLE,
]
_DRIFT = 0.02  # of sigma, from which on a table is worked out anew


@verb
def skew_root(gamma, fill_decay, fill_rate, sigma):  # type: ignore[no-untyped-def]
    """How much an order held moves both quotes, a price.

    sqrt(sigma**2 gamma / (2 k A) (1 + gamma / k)**(1 + k / gamma)); of gamma 0 nothing.
    """
    if gamma <= 0.0:
        return 0.0
    power = math.exp((1.0 + fill_decay / gamma) * math.log1p(gamma / fill_decay))
    return math.sqrt(sigma * sigma * gamma / (2.0 * fill_decay * fill_rate) * power)


@verb
def closed_depth(side, held, terms, drift, impact):  # type: ignore[no-untyped-def]
    """The distance of a quote from the mid by the closed form, a price.

    ln(1 + gamma / k) / gamma + ((2 q + 1) / 2 - mu / (gamma sigma**2)) root for the bid, with
    -(2 q - 1) / 2 and + for the ask; an impact xi adds xi / 2, and e**(k xi / 4) times the root.

    Args:
        side: 0 bid, 1 ask.
        held: q, in orders.
        terms: gamma, k, A and sigma: 1 / (price order), 1 / price, fills a second, price / sqrt(s).
        drift: mu, price a second.
        impact: xi, a price.
    """
    gamma, fill_decay, fill_rate, sigma = terms
    root = skew_root(gamma, fill_decay, fill_rate, sigma) * math.exp(fill_decay * impact / 4.0)
    lean = held + 0.5 if side == 0 else 0.5 - held
    if drift != 0.0:
        lean += (-drift if side == 0 else drift) / (gamma * sigma * sigma)
    return fill_premium(gamma, fill_decay) + lean * root + impact / 2.0


@verb
def make_table(table, held_max, terms, impact):  # type: ignore[no-untyped-def]
    """Work out the vector f0 for a gamma, k, A and sigma, unless it is there.

    It belongs to the smallest eigenvalue of the matrix of alpha q**2 and, beside it, -eta: alpha =
    k gamma sigma**2 / 2, eta = A (1 + gamma / k)**-(1 + k / gamma) e**(-k xi / 2).
    """
    gamma, fill_decay, fill_rate, sigma = terms
    if table["is_made"] and abs(sigma - table["made_of"]) <= _DRIFT * table["made_of"]:
        return
    alpha = fill_decay * gamma * sigma * sigma / 2.0
    eta = math.exp(-(1.0 + fill_decay / gamma) * math.log1p(gamma / fill_decay))
    eta *= fill_rate * math.exp(-fill_decay * impact / 2.0)
    set_leading_vector(table, held_max, alpha, eta, eta)
    table["made_of"] = sigma
    table["is_made"] = 1


@verb
def exact_depth(table, held_max, side, held, terms, impact):  # type: ignore[no-untyped-def]
    """The distance of a quote from the mid by the eigenvector, a price.

    ln(f(q) / f(q + 1)) / k + ln(1 + gamma / k) / gamma for the bid, q - 1 for the ask.
    """
    gamma, fill_decay = terms[0], terms[1]
    step = log_step(table, held_max, held, 1 if side == 0 else -1)
    return step / fill_decay + fill_premium(gamma, fill_decay) + impact / 2.0


@strategy(params=GLFT, memory=MEMORY)
def glft(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side, as far from the mid as is best with what is held (GLFT 2013).

    By the closed form, or `exact` by the eigenvector of the system (without a drift); far from the
    end of trading either stands still. q counts orders of `qty_lots`; at Q the side that adds is
    pulled. Distances are in ticks and times in seconds. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    if params["sigma_ticks"] <= 0.0:
        note_mid(memory, params, mid_twice(desk), now_ns(desk))
    sigma = sigma_of(memory, params, tick)
    terms = params["gamma"], params["fill_decay"], params["fill_rate"], sigma
    impact, most = params["impact_ticks"], min(params["position_max"], HELD_MAX)
    exact = params["exact"] != 0 and most > 0
    if exact:
        make_table(memory, most, terms, impact)
    held = position(desk) / params["qty_lots"]
    mid = mid_twice(desk) / 2
    for side in (BID, ASK):
        depth = closed_depth(side, held, terms, params["drift_ticks"], impact)
        if exact:
            depth = exact_depth(memory, most, side, held, terms, impact)
        price = mid + tick * (-depth if side == BID else depth)
        most_lots = params["position_max"] * params["qty_lots"]
        lots = lots_within(desk, side, params["qty_lots"], most_lots)
        want(quotes, side, 0, passive(desk, side, price), lots)
