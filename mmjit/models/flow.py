"""The order flow of a plan (`mmjit.models.plans`), decided event by event against a venue's book.

Each symbol has a clock and a stream of random numbers of its own, so that one symbol more changes
nothing in another. What comes next is found by thinning: from the present state follows a bound on
the rate of all that can happen until then; at a time drawn from it something happens with the
probability true rate / bound, else nothing does. So each step costs the same however many orders
rest, cancellations at rates that depend on the distance and self-exciting arrivals are exact, and
so they are when others trade in the same book: that can only take orders of the flow away.

The flow knows its own orders by id. One that was filled stays on its list until it is picked to be
cancelled, and is then struck off: nobody has to tell the flow of trades.

Prices: a limit order stands i = 1, 2, ... ticks behind the best price of the other side, so that it
never crosses. While that side is empty its last best price stands for it (at first: the start
price and one tick more). An order whose price would be below one tick, or above the highest of its
symbol, does not come; a market order that finds nothing is void.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import find_slot
from mmjit.core.codes import BID, NIL, Flag, Kind, Term, TimeInForce
from mmjit.core.jit import kernel, verb
from mmjit.core.levels import held
from mmjit.core.records import record
from mmjit.core.state import power_of_two
from mmjit.core.variates import alias_place, exponential, faded, uniform
from mmjit.core.wrapping import draw
from mmjit.models.plans import Plan, alias_table, resting_mean

ID_BITS: Final = 40  # the orders of symbol s have the ids from (s << 40) + 1 on
SPAN_NS: Final = 4 * 10**18  # from the start to the end of time, 126 years

# The rates of a flow, per unit of time.
RATES: Final = record(
    64,
    ("arrival", "f8"),  # limit orders of one side
    ("hazard", "f8"),  # cancellations of one order, where they are most frequent
    ("market", "f8"),  # market orders of both sides, when none came lately
    ("jump", "f8"),
    ("fade", "f8"),
    ("unit_ns", "f8"),
    ("start_ns", "i8"),
    ("order_lots", "i8"),
)

# Where the flow of one symbol stands.
STREAM: Final = record(
    128,
    ("seed", "i8"),
    ("draw_count", "i8"),
    ("next_ns", "i8"),  # when something may happen next
    ("time", "f8"),  # the same in units since the start
    ("bound", "f8"),  # on the rate of all that can happen until then
    ("excess", "f8"),  # of the rate of market orders, by those that came; as of then
    ("live_count", "i8"),  # of the list, filled orders included that are not yet struck off
    ("last_id", "i8"),
    ("reference_bid", "i8"),  # the last best prices
    ("reference_ask", "i8"),
    ("market_count", "i8"),  # market orders so far
    ("dropped_count", "i8"),  # limit orders that had no price or no room
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
)


class Flow(NamedTuple):
    """The arrays of a flow."""

    rates: Any  # RATES, one
    shares: Any  # float64 a tick of distance, of the alias table of arrivals
    others: Any  # int64, likewise
    hazards: Any  # float64 a tick of distance: rate of cancellation / the largest
    streams: Any  # STREAM a symbol
    live: Any  # int64 by symbol: ids of orders of the flow
    winners: Any  # int64: a tournament of the symbols, the earliest one in place 1


# ---- laying it out --------------------------------------------------------------------------


def room_for(plan: Plan) -> int:
    """How many orders of a symbol there must be room for: more than ever rest at once."""
    mean = resting_mean(plan)
    return int(2.0 * mean + 6.0 * math.sqrt(mean)) + 64


def make_flow(plan: Plan, symbols: int, *, seed: int, start_ns: int) -> Flow:
    """A flow at its beginning, with an empty list of orders.

    Args:
        plan: the rates.
        symbols: how many.
        seed: any 64-bit pattern as int64; symbol s draws from the stream of `draw(seed, s)`.
        start_ns: when it begins.
    """
    rates = np.zeros(1, RATES)
    rates["arrival"] = math.fsum(plan.arrivals)
    rates["hazard"] = plan.hazards.max()
    rates["market"], rates["jump"], rates["fade"] = plan.market, plan.jump, plan.fade
    rates["unit_ns"], rates["start_ns"] = plan.unit_ns, start_ns
    rates["order_lots"] = plan.order_lots
    shares, others = alias_table(plan.arrivals)
    streams = np.zeros(symbols, STREAM)
    streams["reference_bid"] = plan.start_price
    streams["reference_ask"] = plan.start_price + plan.tick
    flow = Flow(
        rates=rates,
        shares=shares,
        others=others,
        hazards=plan.hazards / plan.hazards.max(),
        streams=streams,
        live=np.zeros((symbols, room_for(plan)), np.int64),
        winners=np.full(2 * power_of_two(symbols), NIL),
    )
    start_flow(flow, seed)
    return flow


@kernel
def start_flow(flow, seed):  # type: ignore[no-untyped-def]
    """Seed the streams of a flow and find when each begins."""
    for symbol in range(len(flow.streams)):
        flow.streams[symbol]["seed"] = draw(seed, symbol)
        _schedule(flow, symbol)
        _seat(flow, symbol)


# ---- which symbol is next -------------------------------------------------------------------


@verb
def next_symbol(flow):  # type: ignore[no-untyped-def]
    """The symbol in which something may happen first; of two at the same time the lower number.

    Its time is `flow.streams[symbol]["next_ns"]`.
    """
    return flow.winners[1]


@verb
def is_over(flow, symbol):  # type: ignore[no-untyped-def]
    """Whether a symbol has come to the end of time, which its clock does not pass."""
    return flow.streams[symbol]["next_ns"] >= flow.rates[0]["start_ns"] + SPAN_NS


@verb
def _seat(flow, symbol):  # type: ignore[no-untyped-def]
    """Play the rounds of the tournament that a symbol's new time changes."""
    place = (len(flow.winners) >> 1) + symbol
    flow.winners[place] = symbol
    while place > 1:
        left = flow.winners[place & ~1]
        right = flow.winners[place | 1]
        place >>= 1
        if right == NIL or (
            left != NIL and flow.streams[left]["next_ns"] <= flow.streams[right]["next_ns"]
        ):
            flow.winners[place] = left
        else:
            flow.winners[place] = right


# ---- what happens next ----------------------------------------------------------------------


@verb
def next_command(flow, book, symbol, command):  # type: ignore[no-untyped-def]
    """What the flow of a symbol does at its `next_ns`; its next time is then drawn.

    Args:
        flow: the flow.
        book: of the venue that all symbols trade at, other traders' orders included.
        symbol: whose turn it is (`next_symbol`).
        command: COMMAND, written: NEW of a limit or market order, or CANCEL, of owner NIL.

    Returns:
        1 if there is a command to be submitted now, 0 if nothing happens at this time.
    """
    stream = flow.streams[symbol]
    rates = flow.rates[0]
    _note_best(book, symbol, stream)
    _write_head(stream, rates, symbol, command)
    point = uniform(stream) * stream["bound"]
    limits = 2.0 * rates["arrival"]
    cancels = rates["hazard"] * stream["live_count"]
    if point < limits:
        happens = _write_limit(flow, book, symbol, command, point / rates["arrival"])
    elif point < limits + cancels:
        place = min(int((point - limits) / rates["hazard"]), stream["live_count"] - 1)
        happens = _write_cancel(flow, book, symbol, command, place)
    else:
        happens = _write_market(stream, rates, command, point - limits - cancels)
    _schedule(flow, symbol)
    _seat(flow, symbol)
    return happens


@verb
def _schedule(flow, symbol):  # type: ignore[no-untyped-def]
    """Draw the time at which something may happen next."""
    stream = flow.streams[symbol]
    rates = flow.rates[0]
    stream["bound"] = (
        2.0 * rates["arrival"]
        + rates["hazard"] * stream["live_count"]
        + rates["market"]
        + stream["excess"]
    )
    gap = exponential(stream) / stream["bound"]
    if stream["excess"] > 0.0:
        stream["excess"] *= faded(rates["fade"] * gap)
    stream["time"] += gap
    span_ns = min(stream["time"] * rates["unit_ns"], float(SPAN_NS))
    stream["next_ns"] = rates["start_ns"] + int(span_ns)


@verb
def _note_best(book, symbol, stream):  # type: ignore[no-untyped-def]
    """Remember the best prices, for when a side is empty."""
    bid = book.sides[2 * symbol]["best"]
    ask = book.sides[2 * symbol + 1]["best"]
    if bid != NIL:
        stream["reference_bid"] = book.levels[bid]["price"]
    if ask != NIL:
        stream["reference_ask"] = book.levels[ask]["price"]


@verb
def _write_head(stream, rates, symbol, command):  # type: ignore[no-untyped-def]
    """What the three commands have in common."""
    command["venue_ns"] = stream["next_ns"]
    command["local_ns"] = stream["next_ns"]
    command["symbol"] = symbol
    command["flags"] = Flag.LAST
    command["owner"] = NIL
    command["self_trade"] = 0
    command["other_id"] = 0
    command["kind"] = Kind.NEW
    command["order_id"] = (np.int64(symbol) << ID_BITS) + stream["last_id"] + 1
    command["qty_lots"] = rates["order_lots"]
    command["tif"] = TimeInForce.GTC
    command["terms"] = 0


@verb
def _write_limit(flow, book, symbol, command, point):  # type: ignore[no-untyped-def]
    """A limit order; `point` is from 0 up to 1 for a buy, up to 2 for a sell."""
    stream = flow.streams[symbol]
    limits = book.symbols[symbol]
    side = 0 if point < 1.0 else 1
    distance = alias_place(flow.shares, flow.others, min(point - side, 1.0)) + 1
    if side == BID:
        price = stream["reference_ask"] - distance * limits["increment"]
    else:
        price = stream["reference_bid"] + distance * limits["increment"]
    fits = limits["increment"] <= price and price <= limits["price_max"]
    if not fits or stream["live_count"] == flow.live.shape[1]:
        stream["dropped_count"] += 1
        return 0

    command["side"] = side
    command["price"] = price
    flow.live[symbol, stream["live_count"]] = command["order_id"]
    stream["live_count"] += 1
    stream["last_id"] += 1
    return 1


@verb
def _write_cancel(flow, book, symbol, command, place):  # type: ignore[no-untyped-def]
    """A cancellation of the order at a place of the list, if its distance asks for it."""
    stream = flow.streams[symbol]
    order_id = flow.live[symbol, place]
    slot = find_slot(book, order_id)
    if slot != NIL:
        level = book.levels[held(book.nodes[slot]["level"])]
        price = level["price"]
        side = level["owner"] & 1
        away = stream["reference_ask"] - price if side == BID else price - stream["reference_bid"]
        distance = max(away // book.symbols[symbol]["increment"], 1)
        if uniform(stream) >= flow.hazards[min(distance, len(flow.hazards)) - 1]:
            return 0
        command["kind"] = Kind.CANCEL
        command["order_id"] = order_id
        command["side"] = side
        command["price"] = price
        command["qty_lots"] = 0

    stream["live_count"] -= 1
    flow.live[symbol, place] = flow.live[symbol, stream["live_count"]]
    return 0 if slot == NIL else 1


@verb
def _write_market(stream, rates, command, point):  # type: ignore[no-untyped-def]
    """A market order, if the rate of now reaches up to `point`; the lower half of it buys."""
    rate = rates["market"] + stream["excess"]
    if point >= rate:
        return 0

    stream["excess"] += rates["jump"]
    stream["market_count"] += 1
    stream["last_id"] += 1
    command["side"] = 0 if point + point < rate else 1
    command["price"] = 0
    command["tif"] = TimeInForce.IOC
    command["terms"] = Term.MARKET
    return 1
