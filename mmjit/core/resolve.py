"""Giving the orders of a tape their slots at import, so that a replay looks nothing up.

The resolver is what a book remembers of its orders and no more: which id holds which slot, and
what is left of it. A slot is given back when nothing is left, so handles stay as few as the orders
that rest at once. It also completes events that name an order by its id only (side, price, and the
quantity of a delete) and watches the bounds of each symbol.

Invariant: between calls `meter.depth + fresh slots in use` equals the entries of the index.
"""

from typing import Any, NamedTuple

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.index import erase, insert, lookup
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.pool import Pool, acquire, release


class Resolver(NamedTuple):
    """The orders that rest while a tape is being made."""

    seats: Any  # SEAT per slot
    entries: Any  # ENTRY, the id index
    pool: Pool
    bounds: Any  # BOUNDS per symbol


@kernel
def resolve(resolver, events, counts):  # type: ignore[no-untyped-def]
    """Fill in handle, side, price and quantity of a run of events.

    Args:
        resolver: has a free slot and two index entries for every event of the run.
        events: EVENT, in order; `handle` is written, and of events that name an order `side`,
            `price` (unless flagged OWN_PRICE) and, for a delete, `qty_lots`.
        counts: int64[STATUS_SPAN]; `counts[-status]` grows by one for each event that a book would
            refuse. Such an event keeps the handle NIL, and `refusal` says why; one that asks for
            more than is left of its order has a handle all the same.
    """
    for place in range(len(events)):
        event = events[place]
        event["handle"] = NIL
        status = _resolve_one(resolver, event)
        event["refusal"] = status
        if status < 0:
            counts[-status] += 1


@verb
def _resolve_one(resolver, event):  # type: ignore[no-untyped-def]
    """Resolve one event."""
    kind = event["kind"]
    if event["symbol"] < 0 or event["symbol"] >= len(resolver.bounds):
        return Status.SYMBOL_UNKNOWN
    if kind == Kind.ADD:
        return _seat(resolver, event)
    if kind == Kind.LEVEL:
        _watch(resolver, event)
        return Status.OK
    if kind == Kind.CLEAR:
        _unseat_symbol(resolver, event["symbol"])
    if kind > Kind.EXECUTE or kind <= 0:
        return Status.OK
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    slot = lookup(resolver.entries, 0, event["order_id"])
    if slot == NIL:
        return Status.ORDER_ID_UNKNOWN
    seat = resolver.seats[slot]
    if seat["symbol"] != event["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    if kind == Kind.REPLACE:
        return _reseat(resolver, seat, slot, event)
    return _shrink(resolver, seat, slot, event)


@verb
def _seat(resolver, event):  # type: ignore[no-untyped-def]
    """Give a new order a slot."""
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if lookup(resolver.entries, 0, event["order_id"]) != NIL:
        return Status.ORDER_ID_DUPLICATE

    slot = acquire(resolver.pool)
    insert(resolver.entries, 0, event["order_id"], slot)
    seat = resolver.seats[slot]
    seat["qty_lots"] = event["qty_lots"]
    seat["price"] = event["price"]
    seat["symbol"] = event["symbol"]
    seat["side"] = event["side"]
    seat["order_id"] = event["order_id"]
    event["handle"] = slot
    _watch(resolver, event)
    return Status.OK


@verb
def _reseat(resolver, seat, slot, event):  # type: ignore[no-untyped-def]
    """Give an order its new id, quantity and price; it keeps its slot."""
    event["side"] = seat["side"]
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if event["other_id"] == 0:
        return Status.ORDER_ID_ZERO
    if event["other_id"] != event["order_id"]:
        if lookup(resolver.entries, 0, event["other_id"]) != NIL:
            return Status.ORDER_ID_DUPLICATE

        erase(resolver.entries, 0, event["order_id"])
        insert(resolver.entries, 0, event["other_id"], slot)
        seat["order_id"] = event["other_id"]
    seat["qty_lots"] = event["qty_lots"]
    seat["price"] = event["price"]
    event["handle"] = slot
    _watch(resolver, event)
    return Status.OK


@verb
def _shrink(resolver, seat, slot, event):  # type: ignore[no-untyped-def]
    """Take what an event takes off an order; one that asks for more takes all and is counted."""
    event["side"] = seat["side"]
    if event["flags"] & Flag.OWN_PRICE == 0:
        event["price"] = seat["price"]
    if event["kind"] == Kind.DELETE:
        event["qty_lots"] = seat["qty_lots"]
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    event["handle"] = slot
    left = seat["qty_lots"] - event["qty_lots"]
    seat["qty_lots"] = max(0, left)
    if left <= 0:
        erase(resolver.entries, 0, event["order_id"])
        release(resolver.pool, slot)
    if left < 0:
        return Status.OVER_EXECUTION if event["kind"] == Kind.EXECUTE else Status.OVER_REDUCTION
    return Status.OK


@helper
def _unseat_symbol(resolver, symbol):  # type: ignore[no-untyped-def]
    """Give the slots of a symbol that is cleared back."""
    for slot in range(resolver.pool.meter[0]["fresh"]):
        seat = resolver.seats[slot]
        if seat["symbol"] == symbol and seat["qty_lots"] > 0:
            seat["qty_lots"] = 0
            erase(resolver.entries, 0, seat["order_id"])
            release(resolver.pool, slot)


@verb
def _watch(resolver, event):  # type: ignore[no-untyped-def]
    """Widen the bounds of a symbol by an event's price and quantity."""
    bounds = resolver.bounds[event["symbol"]]
    price = event["price"]
    if bounds["event_count"] == 0:
        bounds["price_min"] = price
        bounds["price_max"] = price
    bounds["event_count"] += 1
    bounds["price_min"] = min(bounds["price_min"], price)
    bounds["price_max"] = max(bounds["price_max"], price)
    bounds["qty_lots_max"] = max(bounds["qty_lots_max"], event["qty_lots"])
    step = bounds["increment"]
    if step == 0 or price % step != 0:
        bounds["increment"] = _common_divisor(step, abs(price))


@verb
def _common_divisor(left, right):  # type: ignore[no-untyped-def]
    while right != 0:
        left, right = right, left % right
    return left


@kernel
def rehash(old, new):  # type: ignore[no-untyped-def]
    """Enter everything of one index into a larger one, which is empty."""
    for place in range(len(old)):
        if old[place]["order_id"] != 0:
            insert(new, 0, old[place]["order_id"], old[place]["slot"])
