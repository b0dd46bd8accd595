"""Giving the orders of a tape their slots at import, so that a replay looks nothing up.

The resolver is what a book remembers of its orders and no more: which id holds which slot, and
what is left of it. A slot is given back when nothing is left, so handles stay as few as the orders
that rest at once. It also completes events that name an order by its id only (side, price, and the
quantity of a delete) and watches the bounds of each symbol.

Invariant: between calls `meter.depth + fresh slots in use` equals the tickets that are not empty.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.intrinsics import prefetch
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.pool import Pool, acquire, release
from mmjit.core.tickets import erase, find, tag_of, write

# Between asking for memory and using it lie so many events: about half a microsecond.
_TICKET_AHEAD: Final = 24  # for the ticket of an event's id
_SEAT_AHEAD: Final = 12  # for the seat that the ticket names; the ticket has come by then
_PAST_TICKET: Final = 2  # a ticket so near to the end of its line that the next is needed too


class Resolver(NamedTuple):
    """The orders that rest while a tape is being made."""

    seats: Any  # SEAT per slot
    tickets: Any  # TICKET, PER_SEAT or more per slot, a power of two
    pool: Pool
    bounds: Any  # BOUNDS per symbol


@kernel
def resolve(resolver, events, counts):  # type: ignore[no-untyped-def]
    """Fill in handle, side, price and quantity of a run of events.

    Args:
        resolver: has a free slot for every event of the run.
        events: EVENT, in order; `handle` is written, and of events that name an order `side`,
            `price` (unless flagged OWN_PRICE) and, for a delete, `qty_lots`. Until an event is
            resolved its `handle` holds the tag of its id.
        counts: int64[STATUS_SPAN]; `counts[-status]` grows by one for each event that a book would
            refuse. Such an event keeps the handle NIL, and `refusal` says why; one that asks for
            more than is left of its order has a handle all the same.
    """
    last = len(events) - 1
    for place in range(min(_TICKET_AHEAD, len(events))):
        _ask_for_ticket(resolver.tickets, events[place])
    for place in range(len(events)):
        _ask_for_ticket(resolver.tickets, events[min(place + _TICKET_AHEAD, last)])
        _ask_for_seat(resolver, events[min(place + _SEAT_AHEAD, last)])
        event = events[place]
        status = _resolve_one(resolver, event)
        event["refusal"] = status
        if status < 0:
            counts[-status] += 1


@verb
def _ask_for_ticket(tickets, event):  # type: ignore[no-untyped-def]
    """Ask for the ticket of an event's id, and note the tag."""
    last = len(tickets) - 1
    tag = tag_of(event["order_id"])
    event["handle"] = tag
    prefetch(tickets, tag & last)
    prefetch(tickets, (tag & last) + _PAST_TICKET)
    if event["kind"] == Kind.REPLACE:
        prefetch(tickets, tag_of(event["other_id"]) & last)


@verb
def _ask_for_seat(resolver, event):  # type: ignore[no-untyped-def]
    """Ask for the seat that an event's ticket names, and for the bounds of its symbol."""
    ticket = resolver.tickets[event["handle"] & (len(resolver.tickets) - 1)]
    prefetch(resolver.seats, ticket["seat"] - 1)
    prefetch(resolver.bounds, event["symbol"])


@verb
def _resolve_one(resolver, event):  # type: ignore[no-untyped-def]
    """Resolve one event."""
    kind = event["kind"]
    tag = np.int64(event["handle"])
    event["handle"] = NIL
    if event["symbol"] < 0 or event["symbol"] >= len(resolver.bounds):
        return Status.SYMBOL_UNKNOWN
    if kind == Kind.ADD:
        return _seat(resolver, tag, event)
    if kind == Kind.LEVEL:
        _watch(resolver, event)
        return Status.OK
    if kind == Kind.CLEAR:
        _unseat_symbol(resolver, event["symbol"])
    if kind > Kind.EXECUTE or kind <= 0:
        return Status.OK
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    place = find(resolver.tickets, resolver.seats, tag, event["order_id"])
    slot = np.int64(resolver.tickets[place]["seat"]) - 1
    if slot == NIL:
        return Status.ORDER_ID_UNKNOWN
    if resolver.seats[slot]["symbol"] != event["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    if kind == Kind.REPLACE:
        return _reseat(resolver, place, slot, event)
    return _shrink(resolver, place, slot, event)


@verb
def _seat(resolver, tag, event):  # type: ignore[no-untyped-def]
    """Give a new order a slot."""
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    ticket = resolver.tickets[find(resolver.tickets, resolver.seats, tag, event["order_id"])]
    if ticket["seat"] != 0:
        return Status.ORDER_ID_DUPLICATE

    slot = acquire(resolver.pool)
    write(ticket, tag, slot)
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
def _reseat(resolver, place, slot, event):  # type: ignore[no-untyped-def]
    """Give an order its new id, quantity and price; it keeps its slot."""
    seat = resolver.seats[slot]
    event["side"] = seat["side"]
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if event["other_id"] == 0:
        return Status.ORDER_ID_ZERO
    if event["other_id"] != event["order_id"]:
        tag = tag_of(event["other_id"])
        other = find(resolver.tickets, resolver.seats, tag, event["other_id"])
        if resolver.tickets[other]["seat"] != 0:
            return Status.ORDER_ID_DUPLICATE

        erase(resolver.tickets, place)
        other = find(resolver.tickets, resolver.seats, tag, event["other_id"])
        write(resolver.tickets[other], tag, slot)
        seat["order_id"] = event["other_id"]
    seat["qty_lots"] = event["qty_lots"]
    seat["price"] = event["price"]
    event["handle"] = slot
    _watch(resolver, event)
    return Status.OK


@verb
def _shrink(resolver, place, slot, event):  # type: ignore[no-untyped-def]
    """Take what an event takes off an order; one that asks for more takes all and is counted."""
    seat = resolver.seats[slot]
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
        erase(resolver.tickets, place)
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
            tag = tag_of(seat["order_id"])
            place = find(resolver.tickets, resolver.seats, tag, seat["order_id"])
            erase(resolver.tickets, place)
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


@helper
def _common_divisor(left, right):  # type: ignore[no-untyped-def]
    while right != 0:
        left, right = right, left % right
    return left
