"""Avellaneda and Stoikov 2008: quote around a reservation price that leans against the position.

Sources: M. Avellaneda, S. Stoikov, High-frequency trading in a limit order book, Quantitative
Finance 8(3), 2008, 217-224. The price is a Brownian motion of `sigma`; a quote at a distance d from
the mid is filled at a rate proportional to e**(-k d); utility is -e**(-gamma wealth).
"""

import math

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import best, is_two_sided, mid_twice, now_ns, passive, position, tick_at, want
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import lots_within, note_mid, sigma_of

FINITE = parameters(
    gamma=0.01,  # risk aversion, per tick and `qty_lots`
    fill_decay=0.3,  # k, per tick: how fast fills get rarer with the distance from the mid
    horizon_s=60.0,  # T: when it is over the next one begins
    sigma_ticks=0.0,  # ticks per square root of a second; 0: measured
    sample_s=0.1,  # where it is measured: the mid is looked at no more often
    half_life_s=30.0,  # and this is how long a move counts
    position_max_lots=0,  # a side that would go beyond it is pulled or shrunk; 0: no bound
    qty_lots=100,
)
FINITE_MEMORY = [
    ("start_ns", "i8"),  # first: a record that begins like another rule's is a subtype to Numba
    *(("sampled_ns", "i8"), ("mid_twice", "i8"), ("sample_count", "i8"), ("variance", "f8")),
]
INFINITE = parameters(
    gamma=0.01,  # risk aversion, per tick and `qty_lots`
    fill_decay=0.3,  # k, per tick: how fast fills get rarer with the distance from the mid
    position_max=5,  # in `qty_lots`: at it the side that adds is pulled
    qty_lots=100,
)


@verb
def fill_premium(gamma, fill_decay):  # type: ignore[no-untyped-def]
    """What a quote asks beyond its reservation price: ln(1 + gamma / k) / gamma; 1 / k at 0."""
    if gamma < 1e-12 * fill_decay:
        return 1.0 / fill_decay
    return math.log1p(gamma / fill_decay) / gamma


@verb
def reservation_shift(held, gamma, sigma, left_s):  # type: ignore[no-untyped-def]
    """How far the reservation price is from the mid: -q gamma sigma**2 (T - t).

    Args:
        held: q, in orders, short below 0.
        gamma: 1 / (price * order).
        sigma: price per square root of a second.
        left_s: T - t, seconds.
    """
    return -held * gamma * sigma * sigma * left_s


@verb
def spread_of(gamma, fill_decay, sigma, left_s):  # type: ignore[no-untyped-def]
    """The distance between both quotes: gamma sigma**2 (T - t) + 2 ln(1 + gamma / k) / gamma."""
    return gamma * sigma * sigma * left_s + 2.0 * fill_premium(gamma, fill_decay)


@verb
def stationary_shift(held, held_max, gamma, side):  # type: ignore[no-untyped-def]
    """How far a side's reservation price is from the mid without a horizon.

    ln(1 + (-1 - 2 q) / ((q_max + 1)**2 - q**2)) / gamma for the bid, 1 - 2 q for the ask: the form
    whose discount is gamma**2 sigma**2 (q_max + 1)**2 / 2, which leaves sigma out. At q_max the bid
    is -inf, at -q_max the ask +inf.

    Args:
        held: q, in orders.
        held_max: q_max, in orders; |held| is at most that.
        gamma: 1 / (price * order).
        side: 0 bid, 1 ask.
    """
    room = (held_max + 1.0 - held) * (held_max + 1.0 + held)
    part = (-1.0 - 2.0 * held) / room if side == 0 else (1.0 - 2.0 * held) / room
    if part <= -1.0:
        return -math.inf
    return math.log1p(part) / gamma


@verb
def _left_s(memory, params, time_ns):  # type: ignore[no-untyped-def]
    """The seconds that are left of the horizon; the next begins when it is over."""
    if memory["start_ns"] == 0:
        memory["start_ns"] = time_ns
    gone_s = (time_ns - memory["start_ns"]) * 1e-9
    if gone_s >= params["horizon_s"]:
        memory["start_ns"] = time_ns
        gone_s = 0.0
    return params["horizon_s"] - gone_s


@strategy(params=FINITE, memory=FINITE_MEMORY)
def avellaneda_stoikov(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around a reservation price, over a horizon (Avellaneda-Stoikov 2008).

    r = mid - q gamma sigma**2 (T - t); bid and ask are half a spread of gamma sigma**2 (T - t) +
    (2 / gamma) ln(1 + gamma / k) from it (equations 29 and 30). q counts orders of `qty_lots`,
    distances are in ticks and times in seconds. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    if params["sigma_ticks"] <= 0.0:
        note_mid(memory, params, mid_twice(desk), now_ns(desk))
    sigma = sigma_of(memory, params, tick)
    left_s = _left_s(memory, params, now_ns(desk))
    held = position(desk) / params["qty_lots"]
    shift = reservation_shift(held, params["gamma"], sigma, left_s)
    half = spread_of(params["gamma"], params["fill_decay"], sigma, left_s) / 2.0
    mid = mid_twice(desk) / 2
    for side in (BID, ASK):
        price = mid + tick * (shift - half if side == BID else shift + half)
        lots = lots_within(desk, side, params["qty_lots"], params["position_max_lots"])
        want(quotes, side, 0, passive(desk, side, price), lots)


@strategy(params=INFINITE)
def avellaneda_stoikov_infinite(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around the reservation prices of no horizon (Avellaneda-Stoikov 2008).

    Each side's reservation price is mid + ln(1 + (+-1 - 2 q) / ((q_max + 1)**2 - q**2)) / gamma,
    and its quote ln(1 + gamma / k) / gamma further out. q counts orders of `qty_lots`; at q_max
    the side that adds is pulled. Distances are in ticks. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    most = float(params["position_max"])
    held = max(-most, min(most, position(desk) / params["qty_lots"]))
    premium = fill_premium(params["gamma"], params["fill_decay"])
    mid = mid_twice(desk) / 2
    for side in (BID, ASK):
        shift = stationary_shift(held, most, params["gamma"], side)
        away = shift - premium if side == BID else shift + premium
        if abs(away) < math.inf:
            price = passive(desk, side, mid + tick * away)
            most_lots = params["position_max"] * params["qty_lots"]
            want(quotes, side, 0, price, lots_within(desk, side, params["qty_lots"], most_lots))
