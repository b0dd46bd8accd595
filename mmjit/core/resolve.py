"""Giving the orders of a tape their slots at import, so that a replay looks nothing up.

The resolver is what a book remembers of its orders and no more: which id holds which slot, and
what is left of it. A slot is given back when nothing is left, so handles stay as few as the orders
that rest at once. It also completes events that name an order by its id only (side, price, and the
quantity of a delete) and watches the bounds of each symbol.

Invariant: between calls `meter.depth + fresh slots in use` equals the entries that are not empty.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import NIL, Flag, Kind, Status
from mmjit.core.index import enter, erase_at, find, prefetch_entry, slot_at, slot_likely, tag_of
from mmjit.core.intrinsics import lowest_bit, prefetch, rarely
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.ladder import NUMBER_BITS
from mmjit.core.levels import PAGE_LEVELS
from mmjit.core.pool import Pool, acquire, release
from mmjit.core.wrapping import exact_quotient, inverse, mix

PRICE_MAX: Final = (1 << 31) - 1  # the highest price of an instrument unless its events exceed it
# So many events ask for memory one right after the other, so that their addresses are translated at
# once; they use it when the block behind them has asked.
_BLOCK: Final = 16


class Resolver(NamedTuple):
    """The orders that rest while a tape is being made."""

    seats: Any  # SEAT per slot
    entries: Any  # ENTRY, PER_SLOT or more per slot, a power of two
    pool: Pool
    bounds: Any  # BOUNDS per symbol
    pages: Any  # PAGE_ENTRY, PER_SLOT or more per page, a power of two
    page_meter: Any  # METER, one: `fresh` is how many pages there are


@kernel
def resolve(resolver, events, counts):  # type: ignore[no-untyped-def]
    """Fill in handle, side, price and quantity of a run of events.

    Args:
        resolver: has a free slot for every event of the run.
        events: EVENT, in order; `handle` is written, and of events that name an order `side`,
            `price` (unless flagged OWN_PRICE) and, for a delete, `qty_lots`; of one that comes to
            rest, or sets a level, `level`. Until an event is resolved its `handle` holds the tag
            of its id.
        counts: int64[STATUS_SPAN]; `counts[-status]` grows by one for each event that a book would
            refuse. Such an event keeps the handle NIL, and `level` says why; one that asks for
            more than is left of its order has a handle all the same.
    """
    for place in range(-2 * _BLOCK, len(events), _BLOCK):
        for second in _block(place + 2 * _BLOCK, events):
            _ask_for_entry(resolver, events[second])
        for first in _block(place + _BLOCK, events):
            _ask_for_seat(resolver, events[first])
        for now in _block(place, events):
            event = events[now]
            event["level"] = NIL
            status = _resolve_one(resolver, event)
            if rarely(status < 0):
                event["level"] = status
                counts[-status] += 1


@verb
def _block(first, events):  # type: ignore[no-untyped-def]
    """The places of a block of events, of those that there are."""
    return range(max(0, first), min(first + _BLOCK, len(events)))


@verb
def _ask_for_entry(resolver, event):  # type: ignore[no-untyped-def]
    """Ask for the entry of an event's id, and note the tag."""
    tag = tag_of(0, event["order_id"])
    event["handle"] = tag
    prefetch_entry(resolver.entries, tag)
    prefetch(resolver.bounds, event["symbol"])
    if event["kind"] == Kind.REPLACE:
        prefetch_entry(resolver.entries, tag_of(0, event["other_id"]))


@verb
def _ask_for_seat(resolver, event):  # type: ignore[no-untyped-def]
    """Ask for the seat that an event's entry names, and for the bounds of its symbol."""
    prefetch(resolver.seats, slot_likely(resolver.entries, event["handle"]))
    symbol = min(max(0, np.int64(event["symbol"])), len(resolver.bounds) - 1)
    rank = _rank_of(resolver.bounds[symbol], event)
    prefetch(resolver.pages, _home_of(resolver.pages, _key_of(event, rank)))


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
    place = find(resolver.entries, resolver.seats, tag, event["order_id"])
    slot = np.int64(slot_at(resolver.entries, place))
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
    place = find(resolver.entries, resolver.seats, tag, event["order_id"])
    if slot_at(resolver.entries, place) != NIL:
        return Status.ORDER_ID_DUPLICATE

    slot = acquire(resolver.pool)
    enter(resolver.entries, place, tag, slot)
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
        tag = tag_of(0, event["other_id"])
        other = find(resolver.entries, resolver.seats, tag, event["other_id"])
        if slot_at(resolver.entries, other) != NIL:
            return Status.ORDER_ID_DUPLICATE

        erase_at(resolver.entries, place)
        other = find(resolver.entries, resolver.seats, tag, event["other_id"])
        enter(resolver.entries, other, tag, slot)
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
        erase_at(resolver.entries, place)
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
            tag = tag_of(0, seat["order_id"])
            place = find(resolver.entries, resolver.seats, tag, seat["order_id"])
            erase_at(resolver.entries, place)
            release(resolver.pool, slot)


@verb
def _watch(resolver, event):  # type: ignore[no-untyped-def]
    """Widen the bounds of a symbol by an event's price and quantity, and name the price's level."""
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
    if rarely(step == 0 or price % step != 0):
        _count_in(bounds, _common_divisor(step, abs(price)))
    event["level"] = _level_of(resolver, event)


@helper
def _count_in(bounds, step):  # type: ignore[no-untyped-def]
    """Count the prices of a symbol in an increment; levels named so far do no harm, and no good."""
    bounds["increment"] = step
    step = max(1, step)
    bounds["twos"] = lowest_bit(step)
    bounds["inverse"] = inverse(step >> lowest_bit(step))
    bounds["top"] = PRICE_MAX // step * step


@kernel
def expect_increments(bounds, steps):  # type: ignore[no-untyped-def]
    """Count the prices of each symbol in its increment (0: none) until one is no multiple of it."""
    for symbol in range(len(bounds)):
        _count_in(bounds[symbol], steps[symbol])


@verb
def _rank_of(bounds, event):  # type: ignore[no-untyped-def]
    """The rank of an event's price, as its book will count it if its bounds are the usual ones."""
    if event["side"] == 0:
        return exact_quotient(event["price"], 0, bounds["inverse"], bounds["twos"])
    return exact_quotient(bounds["top"], event["price"], bounds["inverse"], bounds["twos"])


@verb
def _key_of(event, rank):  # type: ignore[no-untyped-def]
    """The key of the page of a price."""
    owner = np.int64(event["symbol"]) * 2 + (event["side"] & 1)
    return owner << NUMBER_BITS | rank // PAGE_LEVELS & (1 << NUMBER_BITS) - 1


@verb
def _level_of(resolver, event):  # type: ignore[no-untyped-def]
    """The level of an event's price within the region that a replay will set apart."""
    rank = _rank_of(resolver.bounds[event["symbol"]], event)
    key = _key_of(event, rank)
    place = _place_of(resolver.pages, key)
    entry = resolver.pages[place]
    if rarely(entry["page"] == 0):
        meter = resolver.page_meter[0]
        meter["fresh"] += 1
        entry["key"] = key
        entry["page"] = meter["fresh"]
    return (entry["page"] - 1) * PAGE_LEVELS + (rank & PAGE_LEVELS - 1)


@verb
def _place_of(pages, key):  # type: ignore[no-untyped-def]
    """The place of a page's entry, or of the empty one that it would get."""
    place = _home_of(pages, key)
    while pages[place]["page"] != 0 and pages[place]["key"] != key:
        place = (place + 1) & len(pages) - 1
    return place


@verb
def _home_of(pages, key):  # type: ignore[no-untyped-def]
    """Where the search for a page begins."""
    return mix(key) & len(pages) - 1


@kernel
def rewrite_pages(old, new):  # type: ignore[no-untyped-def]
    """Copy every entry of a page to a longer array, which is empty."""
    for entry in old:
        if entry["page"] != 0:
            other = new[_place_of(new, entry["key"])]
            other["key"] = entry["key"]
            other["page"] = entry["page"]


@helper
def _common_divisor(left, right):  # type: ignore[no-untyped-def]
    while right != 0:
        left, right = right, left % right
    return left
