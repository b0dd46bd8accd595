"""Applying recorded events to a book: the one function that knows the kinds of event.

`apply` takes an event whose slot is known (a tape's handle plus the start of its region), `replay`
a run of them. What a feed gets wrong is counted by status and never stops a replay: an execution
of more than is left executes what is left, and the order is gone.
"""

from typing import NamedTuple

import numpy as np

from mmjit.core.ahead import (
    prefetch_best,
    prefetch_level,
    prefetch_neighbours,
    prefetch_order,
    prefetch_place,
    prefetch_side,
)
from mmjit.core.book import (
    best_of,
    note_execution,
    note_trade,
    owner_named,
    owner_of,
    replace_at,
    rest,
    rest_status,
    set_level,
    shrink,
    take,
)
from mmjit.core.clear import clear_symbol
from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.intrinsics import prefetch_read, rarely, widen, within
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.levels import LEVEL_QTY_MAX, held, is_live, level_of, reserved_page
from mmjit.core.wrapping import fold, weigh

AHEAD = 16  # events; two and three times as far for what leads to it


class Region(NamedTuple):
    """The runs of slots and of levels that the handles and levels of a tape's events count in."""

    start: int
    slot_count: int
    level_start: int = 0
    level_count: int = 0


@verb
def slot_of(region, event):  # type: ignore[no-untyped-def]
    """The slot that an event names, or NIL."""
    if rarely(not within(event["handle"], region.slot_count)):
        return NIL
    return held(region.start + event["handle"])


@verb
def refusal_of(event, otherwise):  # type: ignore[no-untyped-def]
    """Why an event has no handle: what the importer noted, if it is a status that has no handle."""
    refusal = np.int64(event["level"])  # as wide as the other return
    if refusal >= NIL or refusal <= -STATUS_SPAN:
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
    elif kind == Kind.LEVEL:
        status = _set_level(book, region, event)
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
    if rarely(slot == NIL):
        return refusal_of(event, Status.HANDLE_OUT_OF_RANGE)
    if rarely(not within(event["symbol"], len(book.symbols))):
        return Status.SYMBOL_UNKNOWN
    if rarely(is_live(book, slot)):
        return Status.HANDLE_TAKEN
    if rarely(not within(event["side"], 2)):
        return Status.SIDE_UNKNOWN
    level, page = place_for(book, region, event, held(event["symbol"] * 2 + event["side"]))
    status = rest_status(book, event, level, page)
    if rarely(status < 0):
        return status

    rest(book, slot, event, level, page, 0)
    return slot


@verb
def place_for(book, region, event, owner):  # type: ignore[no-untyped-def]
    """The level of an event's price; where there is none, NIL and the page that it would have."""
    hint = np.int64(event["level"])
    level = held(region.level_start + max(0, min(hint, region.level_count - 1)))
    record = book.levels[level]
    if rarely(
        not within(hint, region.level_count)
        or record["price"] != event["price"]
        or record["owner"] != owner
    ):
        return _place_elsewhere(book, region, event, owner)
    return level, np.int64(NIL)


@verb
def _place_elsewhere(book, region, event, owner):  # type: ignore[no-untyped-def]
    """`place_for` where the tape does not name the level, or it was not used yet."""
    level = np.int64(level_of(book, owner, event["price"]))
    hint = np.int64(event["level"])
    page = np.int64(NIL)
    if level == NIL and within(hint, region.level_count):
        page = np.int64(reserved_page(book, region.level_start + hint, owner, event["price"]))
    return level, page


@verb
def _change(book, region, event):  # type: ignore[no-untyped-def]
    """Apply an event that names a resting order."""
    slot = slot_of(region, event)
    if rarely(slot == NIL):
        return refusal_of(event, Status.ORDER_ID_UNKNOWN)
    if rarely(not is_live(book, slot)):
        return Status.ORDER_ID_UNKNOWN
    if rarely(owner_of(book, slot) >> 1 != event["symbol"]):
        return Status.ORDER_OF_OTHER_SYMBOL
    if rarely(event["kind"] == Kind.REPLACE):
        level, page = place_for(book, region, event, owner_of(book, slot))
        return replace_at(book, slot, event, level, page)
    return shrink(book, slot, event)


@verb
def _set_level(book, region, event):  # type: ignore[no-untyped-def]
    """Set the quantity of the level at an event's price."""
    owner = owner_named(book, event)
    if rarely(owner < 0):
        return owner
    level, page = place_for(book, region, event, held(owner))
    return set_level(book, event, level, page)


@verb
def apply_bookwide(book, event):  # type: ignore[no-untyped-def]
    """Apply an event that names neither a resting order nor a level."""
    kind = event["kind"]
    if not within(event["symbol"], len(book.symbols)):
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
    if rarely(status < 0):
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
    start, stop, ahead = 0, max(0, len(events) - 3 * AHEAD), AHEAD
    for _ in range(2):  # all but the last events, then those, which have none to look ahead at
        now, soon = events[start:stop], events[start + ahead :]
        later, last = events[start + 2 * ahead :], events[start + 3 * ahead :]
        for place in range(len(now)):
            prefetch_read(now, place + 8 * AHEAD)
            event = now[place]
            look_ahead(book, region, event, soon[place], later[place], last[place])
            if rarely(event["venue_ns"] < book.control[0]["last_ns"]):
                total["time_reversed"] += 1
            apply_dirty(book, region, event, counts)
            if rarely(not within(event["symbol"], len(book.symbols))):
                continue  # it was refused, and has no best to take in
            bid, bid_qty = best_of(book, held(event["symbol"] * 2))
            ask, ask_qty = best_of(book, held(event["symbol"] * 2 + 1))
            price_fold = fold(price_fold, weigh(bid, 1, ask, 7))
            qty_fold = fold(qty_fold, weigh(bid_qty, 13, ask_qty, 17))
            if rarely(bid >= ask and bid_qty > 0 and ask_qty > 0):
                _note_crossing(total, event, bid, ask)
        start, stop, ahead = stop, len(events), 0
    total["event_count"] += len(events)
    total["price_fold"] = price_fold
    total["qty_fold"] = qty_fold


@verb
def look_ahead(book, region, event, soon, later, last):  # type: ignore[no-untyped-def]
    """Ask for the memory of three events to come, as far as each one's addresses are known by then.

    Args:
        book: the book.
        region: of the tape.
        event: EVENT, the one that is due. What its symbol has is here while that stays the same.
        soon: the next of the three, for which this is the last step.
        later: for which it is the second step.
        last: and the first.
    """
    prefetch_order(book, slot_ahead(region, later), later)
    prefetch_neighbours(book, slot_ahead(region, soon), soon)
    if soon["symbol"] != event["symbol"]:
        prefetch_side(book, last)
        prefetch_place(book, region.level_start, region.level_count, soon)
        prefetch_best(book, soon)


@verb
def look_on(book, region, events, place):  # type: ignore[no-untyped-def]
    """Ask for what the events behind a place will touch, where between two of them more is done."""
    prefetch_read(events, place + 8 * AHEAD)
    near = events[min(place + AHEAD, len(events) - 1)]
    if region.slot_count == 0:
        prefetch_level(book, region.level_start, region.level_count, near)
        return
    far = events[min(place + 2 * AHEAD, len(events) - 1)]
    prefetch_order(book, slot_ahead(region, far), far)
    prefetch_neighbours(book, slot_ahead(region, near), near)


@verb
def slot_ahead(region, event):  # type: ignore[no-untyped-def]
    """A slot that may be read, whatever the handle of an event to come."""
    return held(region.start + min(widen(event["handle"]), max(0, region.slot_count - 1)))


@verb
def _note_crossing(total, event, bid, ask):  # type: ignore[no-untyped-def]
    """Count a source message that left its book locked or crossed, at its last event."""
    if event["flags"] & Flag.LAST == 0:
        return
    if bid > ask:
        total["crossed"] += 1
    else:
        total["locked"] += 1
