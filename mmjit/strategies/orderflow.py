"""Lean with the order flow at the best prices."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import (
    best,
    is_two_sided,
    mid_twice,
    now_ns,
    passive,
    position,
    qty_at_best,
    tick_at,
    want,
)
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import ewma, kept_after

ORDERFLOW = parameters(
    impact=0.5,  # c: a flow of one depth moves the price so many ticks; 0.5 in a stylised book
    depth_power=1.0,  # lambda: how much less it does in a deeper book
    flow_half_life_s=5.0,  # of the flow that is remembered
    depth_half_life_s=60.0,  # of the depth, which is the mean of both best quantities
    half_spread_ticks=1.0,  # from the fair price to each quote
    skew_ticks=1.0,  # both quotes move this far against us for each `qty_lots` that we hold
    qty_lots=100,
)
MEMORY = [
    *(("seen_ns", "i8"), ("flow", "f8"), ("depth", "f8")),
    *(("bid", "i8"), ("bid_lots", "i8"), ("ask", "i8"), ("ask_lots", "i8")),
]


@verb
def bid_flow(price, lots, next_price, next_lots):  # type: ignore[no-untyped-def]
    """What came to the best bid between two looks at it, lots; below 0 what left it.

    Both comparisons include equality: at one price it is the change of the quantity. Of the best
    ask, give prices with their signs changed.
    """
    came = next_lots if next_price >= price else 0
    left = lots if next_price <= price else 0
    return came - left


@verb
def note_flow(desk, params, memory):  # type: ignore[no-untyped-def]
    """Take the best prices into the flow, lots, and the depth, lots."""
    now, bid, ask = now_ns(desk), best(desk, BID), best(desk, ASK)
    bid_lots, ask_lots = qty_at_best(desk, BID), qty_at_best(desk, ASK)
    if memory["seen_ns"] == 0:
        memory["depth"] = (bid_lots + ask_lots) / 2
    else:
        came = bid_flow(memory["bid"], memory["bid_lots"], bid, bid_lots)
        came -= bid_flow(-memory["ask"], memory["ask_lots"], -ask, ask_lots)
        elapsed_ns = now - memory["seen_ns"]
        memory["flow"] = memory["flow"] * kept_after(elapsed_ns, params["flow_half_life_s"]) + came
        kept = kept_after(elapsed_ns, params["depth_half_life_s"])
        depth = (memory["bid_lots"] + memory["ask_lots"]) / 2  # that held until now
        memory["depth"] = ewma(memory["depth"], depth, kept)
    memory["seen_ns"] = now
    memory["bid"] = bid
    memory["bid_lots"] = bid_lots
    memory["ask"] = ask
    memory["ask_lots"] = ask_lots


@strategy(params=ORDERFLOW, memory=MEMORY)
def orderflow(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side around a mid that is expected to follow the order flow.

    fair = mid + beta OFI, in ticks, beta = c / D**lambda (Cont, Kukanov and Stoikov 2014, equations
    10 and following). OFI is the sum over looks at the best prices of
    e = qb' 1{Pb' >= Pb} - qb 1{Pb' <= Pb} - qa' 1{Pa' <= Pa} + qa 1{Pa' >= Pa}, lots, of which half
    is forgotten every `flow_half_life_s`; D is the mean quantity at the best, lots. A quote never
    takes.
    """
    if not is_two_sided(desk):
        return
    note_flow(desk, params, memory)
    tick = tick_at(desk, best(desk, BID))
    move_ticks = params["impact"] * memory["flow"] / memory["depth"] ** params["depth_power"]
    shift = params["skew_ticks"] * position(desk) / params["qty_lots"]
    fair = mid_twice(desk) / 2 + (move_ticks - shift) * tick
    half = params["half_spread_ticks"] * tick
    want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
