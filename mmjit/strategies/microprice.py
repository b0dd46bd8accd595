"""Quote around the micro-price: where the mid is expected after its next moves."""

from typing import Any

import numpy as np

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import (
    best,
    is_two_sided,
    mid_twice,
    passive,
    position,
    qty_at_best,
    tick_at,
    want,
)
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy

Array = np.ndarray[Any, Any]
BUCKETS = 10  # of the bid's share of the best quantities, each a tenth
SPREADS = 2  # one tick; two or more
HALF_MOVES = (-2, -1, 1, 2)  # of the mid, in half ticks
MOVES = 6  # of the mid that are looked ahead, by which it has converged

# `narrow0` is where the bid has less than a tenth of the best quantities, `narrow4` four tenths to
# a half where the spread is one tick, `wide` is where it is more; where the ask has less, the same
# with the sign changed. In ticks. What `fitted` finds in 500,000 events of the flow `cst`, seed 1.
MICROPRICE = parameters(
    narrow0=-0.4177,  # ticks from the mid at a bid's share of 0..10 %, spread of one tick
    narrow1=-0.4177,  # ticks from the mid at a bid's share of 10..20 %, spread of one tick
    narrow2=-0.3184,  # ticks from the mid at a bid's share of 20..30 %, spread of one tick
    narrow3=-0.1907,  # ticks from the mid at a bid's share of 30..40 %, spread of one tick
    narrow4=-0.0421,  # ticks from the mid at a bid's share of 40..50 %, spread of one tick
    wide0=-0.3370,  # ticks from the mid at a bid's share of 0..10 %, a wider spread
    wide1=-0.2977,  # ticks from the mid at a bid's share of 10..20 %, a wider spread
    wide2=-0.2326,  # ticks from the mid at a bid's share of 20..30 %, a wider spread
    wide3=-0.1387,  # ticks from the mid at a bid's share of 30..40 %, a wider spread
    wide4=-0.0285,  # ticks from the mid at a bid's share of 40..50 %, a wider spread
    half_spread_ticks=1.0,  # from the micro-price to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)


def adjustments(stay: Array, end: Array, move: Array, jumps: Array, moves: int = MOVES) -> Array:
    """What the mid is expected to move until it has moved so many times, by state.

    G1 = (1 - Q)**-1 R1 K, B = (1 - Q)**-1 R2, G = G1 + B G1 + ... + B**(moves - 1) G1 (Stoikov
    2018, The micro-price).

    Args:
        stay: Q, float64[states, states], from state to state without a move of the mid.
        end: R1, float64[states, moves], that the mid moves by each of `jumps`.
        move: R2, float64[states, states], from state to state with a move of the mid.
        jumps: K, float64[moves], in any unit: that of the result.
        moves: of the mid that are looked ahead.
    """
    rest = np.eye(len(stay)) - stay
    first = np.linalg.solve(rest, end @ jumps)
    onward = np.linalg.solve(rest, move)
    total = term = first
    for _ in range(moves - 1):
        term = onward @ term
        total = total + term
    return np.asarray(total)


def fitted(rows: Array, tick: int) -> dict[str, float]:
    """The parameters of the rule `microprice` for a recorded symbol.

        rule_params = fitted(mmjit.depth("TAPE", levels=1), tick=100)

    Rows that follow each other are transitions, each counted with its mirror image (bid and ask
    changed over), so that the micro-price of a balanced book is its mid. Moves of the mid by more
    than a tick are left out, and so are rows without two sides.

    Args:
        rows: of `mmjit.depth`.
        tick: price units.
    """
    bid, ask = rows["bid_price"][:, 0], rows["ask_price"][:, 0]
    bid_lots, ask_lots = rows["bid_qty"][:, 0], rows["ask_qty"][:, 0]
    sound = (bid_lots > 0) & (ask_lots > 0) & (bid < ask)
    bucket = np.minimum(BUCKETS * bid_lots // np.maximum(bid_lots + ask_lots, 1), BUCKETS - 1)
    spread = np.clip((ask - bid) // tick, 1, SPREADS) - 1
    half_move = np.diff(bid + ask) // tick
    counted = sound[:-1] & sound[1:] & (np.abs(half_move) <= 2)
    states = SPREADS * BUCKETS
    stay, move, end = (np.zeros((states, count)) for count in (states, states, len(HALF_MOVES)))
    for mirrored in (False, True):
        state = spread * BUCKETS + (BUCKETS - 1 - bucket if mirrored else bucket)
        before, after = state[:-1][counted], state[1:][counted]
        jump = half_move[counted] * (-1 if mirrored else 1)
        stays = jump == 0
        np.add.at(stay, (before[stays], after[stays]), 1)
        np.add.at(move, (before[~stays], after[~stays]), 1)
        np.add.at(end, (before[~stays], np.searchsorted(HALF_MOVES, jump[~stays])), 1)
    seen = np.maximum(stay.sum(axis=1) + move.sum(axis=1), 1)[:, None]
    found = adjustments(stay / seen, end / seen, move / seen, np.array(HALF_MOVES) / 2)
    return {
        f"{name}{n}": float(found[place * BUCKETS + n])
        for place, name in enumerate(("narrow", "wide"))
        for n in range(BUCKETS // 2)
    }


@verb
def adjustment_of(params, bid_lots, ask_lots, is_narrow):  # type: ignore[no-untyped-def]
    """What the rule's table adds to the mid, ticks; nothing where both sides have as much."""
    if bid_lots == ask_lots:
        return 0.0
    sign = 1.0 if bid_lots < ask_lots else -1.0
    bucket = BUCKETS * min(bid_lots, ask_lots) // (bid_lots + ask_lots)
    if bucket == 0:
        return sign * (params["narrow0"] if is_narrow else params["wide0"])
    if bucket == 1:
        return sign * (params["narrow1"] if is_narrow else params["wide1"])
    if bucket == 2:
        return sign * (params["narrow2"] if is_narrow else params["wide2"])
    if bucket == 3:
        return sign * (params["narrow3"] if is_narrow else params["wide3"])
    return sign * (params["narrow4"] if is_narrow else params["wide4"])


@strategy(params=MICROPRICE)
def microprice(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around the micro-price, the mid that is expected.

    fair = mid + G(I, S), by the bid's share I of the best quantities and the spread S (Stoikov
    2018, The micro-price, Quantitative Finance 18(12)). G in ticks is a table of parameters, which
    `fitted` estimates from a recorded tape; the defaults are of a simulated one. A quote never
    takes.
    """
    if not is_two_sided(desk):
        return
    bid, ask = best(desk, BID), best(desk, ASK)
    tick = tick_at(desk, bid)
    bid_lots, ask_lots = qty_at_best(desk, BID), qty_at_best(desk, ASK)
    move_ticks = adjustment_of(params, bid_lots, ask_lots, ask - bid < 2 * tick)
    shift = params["skew_ticks"] * position(desk) / params["qty_lots"]
    fair = mid_twice(desk) / 2 + (move_ticks - shift) * tick
    half = params["half_spread_ticks"] * tick
    want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
