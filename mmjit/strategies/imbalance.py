"""Lean towards the side of the book that has less."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import (
    best,
    is_two_sided,
    mid_twice,
    now_ns,
    passive,
    position,
    qty_at_levels,
    tick_at,
    want,
)
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import deviation_of, note_level

IMBALANCE = parameters(
    signal_ticks=0.5,  # the fair price is so far from the mid where the signal is 1
    levels=1,  # best prices of each side that are counted
    half_life_s=0.0,  # above 0 the signal is standardised over a window of this half-life
    half_spread_ticks=1.0,  # from the fair price to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)
MEMORY = [("seen_ns", "i8"), ("last", "f8"), ("mean", "f8"), ("variance", "f8")]


@verb
def imbalance_of(bid_lots, ask_lots):  # type: ignore[no-untyped-def]
    """(Qb - Qa) / (Qb + Qa), from -1 (only offers) to 1 (only bids); 0 of an empty book."""
    if bid_lots + ask_lots <= 0:
        return 0.0
    return (bid_lots - ask_lots) / (bid_lots + ask_lots)


@verb
def weighted_mid(bid, bid_lots, ask, ask_lots):  # type: ignore[no-untyped-def]
    """The mid weighted by the sizes across, price units: Pa I + Pb (1 - I), I = Qb / (Qb + Qa)."""
    return (bid + ask) / 2 + imbalance_of(bid_lots, ask_lots) * (ask - bid) / 2


@strategy(params=IMBALANCE, memory=MEMORY)
def imbalance(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around a mid that leans to where the book is thin.

    fair = mid + c x, x = (Qb - Qa) / (Qb + Qa) over the best `levels` prices of each side without
    ours (Cartea, Donnelly and Jaimungal 2018), or with a half-life (x - mean) / sd, as the example
    obi_mm of hftbacktest has it. c in ticks, prices in price units. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    tick = tick_at(desk, best(desk, BID))
    bid_lots = qty_at_levels(desk, BID, params["levels"])
    signal = imbalance_of(bid_lots, qty_at_levels(desk, ASK, params["levels"]))
    if params["half_life_s"] > 0.0:
        note_level(memory, signal, now_ns(desk), params["half_life_s"])
        signal = deviation_of(memory, signal)
    shift = params["skew_ticks"] * tick * position(desk) / params["qty_lots"]
    fair = mid_twice(desk) / 2 + params["signal_ticks"] * tick * signal - shift
    half = params["half_spread_ticks"] * tick
    want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
