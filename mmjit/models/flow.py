"""A simple random order flow: enough of a market to try things on, and no more.

A hidden value does a random walk by whole ticks. Orders rest on both sides of it, most of them
near; they are cancelled at random, so that about `target` of them rest; an aggressive order comes
now and then, from the side that the hidden value favours, and executes against the head of the
best queue. This is nobody's published model, and no figure from it says anything about a real
market.
"""

import math

from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.index import lookup
from mmjit.core.jit import kernel, verb
from mmjit.core.levels import is_live
from mmjit.core.replica import apply_by_id
from mmjit.core.wrapping import draw


@verb
def uniform(flow, seed):  # type: ignore[no-untyped-def]
    """The next random number from 0 up to, but not including, 1."""
    word = draw(seed, flow["draw_count"])
    flow["draw_count"] += 1
    return (word >> 11 & ((1 << 53) - 1)) / 9007199254740992.0


@verb
def below(flow, seed, count):  # type: ignore[no-untyped-def]
    """The next random whole number from 0 to count - 1."""
    return int(uniform(flow, seed) * count)


@verb
def geometric(flow, seed, mean):  # type: ignore[no-untyped-def]
    """The next random whole number of a geometric distribution from 0 on."""
    return int(math.log(1.0 - uniform(flow, seed)) / math.log(mean / (mean + 1.0)))


@kernel
def generate(book, flow_rows, drifts, slots, events, seed):  # type: ignore[no-untyped-def]
    """Make the next events of a market, of all its symbols in turn at random.

    Args:
        book: where the orders rest; it takes every event.
        flow_rows: FLOW, one: parameters, and where the flow stands.
        drifts: int64 per symbol, ticks of its hidden value from the start.
        slots: int64, slots of the orders that rest, the first `live_count` of them in use.
        events: EVENT, written.
        seed: of the random numbers.
    """
    flow = flow_rows[0]
    symbols = len(book.symbols)
    for place in range(len(events)):
        event = events[place]
        flow["now_ns"] += 1 + geometric(flow, seed, flow["gap_ns"])
        symbol = below(flow, seed, symbols)
        event["venue_ns"] = flow["now_ns"]
        event["local_ns"] = flow["now_ns"]
        event["symbol"] = symbol
        event["flags"] = Flag.LAST
        event["other_id"] = 0
        if uniform(flow, seed) < 0.02:
            drifts[symbol] += 1 if uniform(flow, seed) < 0.5 else -1
        short_of = 1.0 - flow["live_count"] / flow["target"]
        choice = uniform(flow, seed)
        if flow["live_count"] < 16 or choice < 0.47 + 0.4 * short_of:
            _write_add(book, flow, drifts[symbol], seed, event)
        elif choice < 0.93 or not _write_execution(book, flow, drifts[symbol], seed, event):
            _write_removal(book, flow, seed, slots, event)
        _apply(book, flow, slots, event)


@verb
def _write_add(book, flow, drift, seed, event):  # type: ignore[no-untyped-def]
    """An order that comes to rest behind the best of the other side."""
    symbol = event["symbol"]
    side = below(flow, seed, 2)
    ticks = geometric(flow, seed, 2.0 if uniform(flow, seed) < 0.7 else 12.0)
    value = flow["start_price"] // flow["tick"] + drift
    level = book.sides[2 * symbol + 1 - side]["best"]
    if side == 0:
        price = value - 1 - ticks
        if level != NIL:
            price = min(price, book.levels[level]["price"] // flow["tick"] - 1)
    else:
        price = value + ticks
        if level != NIL:
            price = max(price, book.levels[level]["price"] // flow["tick"] + 1)
    flow["last_id"] += 1
    event["kind"] = Kind.ADD
    event["side"] = side
    event["price"] = max(1, price) * flow["tick"]
    event["qty_lots"] = 100 * (1 + geometric(flow, seed, 1.0))
    event["order_id"] = flow["last_id"]


@verb
def _write_execution(book, flow, drift, seed, event):  # type: ignore[no-untyped-def]
    """An aggressive order that meets the oldest order at the best price, if there is one."""
    symbol = event["symbol"]
    value = flow["start_price"] // flow["tick"] + drift
    bid = book.sides[2 * symbol]["best"]
    ask = book.sides[2 * symbol + 1]["best"]
    side = below(flow, seed, 2)
    if ask != NIL and book.levels[ask]["price"] // flow["tick"] <= value:
        side = 1
    elif bid != NIL and book.levels[bid]["price"] // flow["tick"] > value:
        side = 0
    level = ask if side == 1 else bid
    if level == NIL:
        return False
    slot = book.levels[level]["next"]
    left = book.nodes[slot]["qty_lots"]
    event["kind"] = Kind.EXECUTE
    event["side"] = side
    event["price"] = book.levels[level]["price"]
    event["qty_lots"] = left if uniform(flow, seed) < 0.6 else 1 + below(flow, seed, left)
    event["order_id"] = book.orders[slot]["order_id"]
    return True


@verb
def _write_removal(book, flow, seed, slots, event):  # type: ignore[no-untyped-def]
    """A cancellation, mostly whole, of an order at random, of whatever symbol."""
    slot = slots[below(flow, seed, flow["live_count"])]
    level = book.levels[book.nodes[slot]["level"]]
    left = book.nodes[slot]["qty_lots"]
    event["symbol"] = level["owner"] >> 1
    event["side"] = level["owner"] & 1
    event["price"] = level["price"]
    event["order_id"] = book.orders[slot]["order_id"]
    event["kind"] = Kind.DELETE
    event["qty_lots"] = left
    if left > 1 and uniform(flow, seed) < 0.15:
        event["kind"] = Kind.REDUCE
        event["qty_lots"] = 1 + below(flow, seed, left - 1)


@verb
def _apply(book, flow, slots, event):  # type: ignore[no-untyped-def]
    """Let the book take an event and keep the list of live slots; `owner` is the place in it."""
    slot = lookup(book.entries, book.control[0]["salt"], event["order_id"])
    status = apply_by_id(book, event)
    if slot == NIL:
        slots[flow["live_count"]] = status
        book.orders[status]["owner"] = flow["live_count"]
        flow["live_count"] += 1
    elif not is_live(book, slot):
        flow["live_count"] -= 1
        moved = slots[flow["live_count"]]
        place = book.orders[slot]["owner"]
        slots[place] = moved
        book.orders[moved]["owner"] = place
