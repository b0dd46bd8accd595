"""Applying recorded events to a book: the one function that knows the kinds of event.

`apply` takes an event whose slot is known (a tape's handle plus the start of its region), `replay`
a run of them. What a feed gets wrong is counted by status and never stops a replay: an execution
of more than is left executes what is left, and the order is gone.
"""

from typing import NamedTuple

import numpy as np

from mmjit.core.book import (
    add_at,
    best_price,
    best_qty,
    note_execution,
    note_trade,
    owner_of,
    prefetch_neighbours,
    prefetch_order,
    replace_at,
    set_level,
    shrink,
    take,
)
from mmjit.core.clear import clear_symbol
from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.levels import LEVEL_QTY_MAX, is_live
from mmjit.core.wrapping import fold, weigh

AHEAD = 12


class Region(NamedTuple):
    """The run of slots that a tape's handles count in."""

    start: int
    slot_count: int


@verb
def slot_of(region, event):  # type: ignore[no-untyped-def]
    """The slot that an event names, or NIL."""
    handle = event["handle"]
    if handle < 0 or handle >= region.slot_count:
        return NIL
    return region.start + handle


@verb
def refusal_of(event, otherwise):  # type: ignore[no-untyped-def]
    """Why an event has no handle: what the importer noted, if it is a status that has no handle."""
    refusal = np.int64(event["refusal"])  # as wide as the other return
    if refusal >= 0 or refusal <= -STATUS_SPAN:
        return otherwise
    if refusal == Status.OVER_EXECUTION or refusal == Status.OVER_REDUCTION:
        return otherwise
    return refusal


@verb
def apply(book, region, event):  # type: ignore[no-untyped-def]
    """Apply one recorded event; returns a status."""
    kind = event["kind"]
    if kind == Kind.ADD:
        status = _add(book, region, event)
    elif kind <= Kind.EXECUTE and kind > 0:
        status = _change(book, region, event)
    else:
        status = apply_bookwide(book, event)
    if status >= 0:
        note_accepted(book, event)
    return status


@verb
def note_accepted(book, event):  # type: ignore[no-untyped-def]
    """Count an event that was applied."""
    control = book.control[0]
    control["sequence"] += 1
    control["last_ns"] = max(control["last_ns"], event["venue_ns"])


@verb
def _add(book, region, event):  # type: ignore[no-untyped-def]
    """Rest an order in the slot that its tape gave it."""
    slot = slot_of(region, event)
    if slot == NIL:
        return refusal_of(event, Status.HANDLE_OUT_OF_RANGE)
    return add_at(book, slot, event)


@verb
def _change(book, region, event):  # type: ignore[no-untyped-def]
    """Apply an event that names a resting order."""
    slot = slot_of(region, event)
    if slot == NIL:
        return refusal_of(event, Status.ORDER_ID_UNKNOWN)
    if not is_live(book, slot):
        return Status.ORDER_ID_UNKNOWN
    if owner_of(book, slot) >> 1 != event["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    if event["kind"] == Kind.REPLACE:
        return replace_at(book, slot, event)
    return shrink(book, slot, event)


@verb
def apply_bookwide(book, event):  # type: ignore[no-untyped-def]
    """Apply an event that names no resting order."""
    kind = event["kind"]
    if kind == Kind.LEVEL:
        return set_level(book, event)
    if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if kind == Kind.CLEAR:
        return clear_symbol(book, event["symbol"])
    if kind == Kind.TRADE:
        if event["qty_lots"] < 0:
            return Status.QTY_NOT_POSITIVE
        if event["qty_lots"] > LEVEL_QTY_MAX:
            return Status.QTY_TOO_LARGE
        if event["qty_lots"] > 0:
            note_trade(book, event["symbol"], event["price"], event["qty_lots"], event["venue_ns"])
    elif kind == Kind.STATUS:
        book.symbols[event["symbol"]]["status"] = event["qty_lots"]
    elif not is_bookless(kind):
        return Status.KIND_UNKNOWN
    book.control[0]["best_changed"] = 0
    return Status.OK


@verb
def is_bookless(kind):  # type: ignore[no-untyped-def]
    """Whether a kind of event leaves every book as it is."""
    return (
        kind == Kind.BROKEN
        or kind == Kind.GAP
        or kind == Kind.SNAPSHOT_BEGIN
        or kind == Kind.SNAPSHOT_END
        or kind == Kind.FUNDING
    )


@verb
def apply_dirty(book, region, event, counts):  # type: ignore[no-untyped-def]
    """Apply one recorded event; what is wrong with it is counted and, where it can be, mended."""
    status = apply(book, region, event)
    if status < 0:
        counts[-status] += 1
        if status == Status.OVER_EXECUTION or status == Status.OVER_REDUCTION:
            _exhaust(book, region.start + event["handle"], event)
            note_accepted(book, event)
    return status


@helper
def _exhaust(book, slot, event):  # type: ignore[no-untyped-def]
    """Execute or cancel what is left of an order whose event asks for more."""
    left = book.nodes[slot]["qty_lots"]
    if event["kind"] == Kind.EXECUTE:
        note_execution(book, slot, event, left)
    take(book, slot, left)


@kernel
def replay(book, region, events, counts, tally):  # type: ignore[no-untyped-def]
    """Apply a run of recorded events.

    Args:
        book: the book they change.
        region: where in the slab the tape's handles start, and how many there are.
        events: EVENT, in order.
        counts: int64[STATUS_SPAN]; `counts[-status]` grows by one for each event so refused.
        tally: TALLY, one; grows by what happened. Its two folds take in the best bid and offer of
            the event's symbol after every event, unless there is no such symbol.
    """
    total = tally[0]
    price_fold = total["price_fold"]
    qty_fold = total["qty_fold"]
    last = len(events) - 1
    for place in range(len(events)):
        prefetch_order(book, slot_ahead(book, region, events[min(place + 2 * AHEAD, last)]))
        prefetch_neighbours(book, slot_ahead(book, region, events[min(place + AHEAD, last)]))
        event = events[place]
        if event["venue_ns"] < book.control[0]["last_ns"]:
            total["time_reversed"] += 1
        apply_dirty(book, region, event, counts)
        if event["symbol"] < 0 or event["symbol"] >= len(book.symbols):
            continue  # it was refused, and has no best to take in
        owner = event["symbol"] * 2
        bid = best_price(book, owner)
        ask = best_price(book, owner + 1)
        bid_qty = best_qty(book, owner)
        ask_qty = best_qty(book, owner + 1)
        price_fold = fold(price_fold, weigh(bid, 1, ask, 7))
        qty_fold = fold(qty_fold, weigh(bid_qty, 13, ask_qty, 17))
        if bid >= ask and bid_qty > 0 and ask_qty > 0 and event["flags"] & Flag.LAST:
            _note_crossing(total, bid, ask)
    total["event_count"] += len(events)
    total["price_fold"] = price_fold
    total["qty_fold"] = qty_fold


@verb
def slot_ahead(book, region, event):  # type: ignore[no-untyped-def]
    """A slot that may be read, whatever the handle of an event to come."""
    return min(max(0, region.start + np.int64(event["handle"])), len(book.orders) - 1)


@verb
def _note_crossing(total, bid, ask):  # type: ignore[no-untyped-def]
    """Count a source message that left its book locked or crossed."""
    if bid > ask:
        total["crossed"] += 1
    else:
        total["locked"] += 1
