"""The best levels of one symbol after every source message: what people train models on.

A row is not read off the book again for every message: an event changes one level of a side, a
replace two, so the row shown last is mended there, and the ladder is asked only for the level that
comes into view at the far end.

Invariant: between events a view's row holds what a full walk of its two sides would find.
"""

from typing import Any, NamedTuple

from mmjit.core.ahead import prefetch_neighbours, prefetch_order
from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.intrinsics import within
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.levels import level_at, next_level
from mmjit.core.reads import fill_depth
from mmjit.core.replay import AHEAD, apply_dirty, slot_ahead, slot_of


class View(NamedTuple):
    """The best levels of one symbol as they are now."""

    symbol: int
    row: Any  # int64[1 + 4 * levels], as it is written; of a book without levels all 0


@kernel
def record_depth(book, region, events, view, rows, counts):  # type: ignore[no-untyped-def]
    """Replay the events of a symbol and write a row after the last event of each source message.

    Args:
        book: its book; events of other symbols are passed over.
        region: of the tape.
        events: EVENT.
        view: of the symbol, as the run of events before these left it.
        rows: int64[messages, 1 + 4 * levels]: time, bid prices, bid quantities, ask prices, ask
            quantities; a level that is missing is 0.
        counts: int64[STATUS_SPAN], as in `replay`.

    Returns:
        How many rows were written.
    """
    written = 0
    last = len(events) - 1
    for place in range(len(events)):
        soon = events[min(place + AHEAD, last)]
        later = events[min(place + 2 * AHEAD, last)]
        prefetch_order(book, slot_ahead(region, later), later)
        prefetch_neighbours(book, slot_ahead(region, soon), soon)
        event = events[place]
        if event["symbol"] != view.symbol:
            continue
        _follow(book, region, event, view, counts)
        if event["flags"] & Flag.LAST:
            view.row[0] = event["venue_ns"]
            row = rows[written]
            for column in range(len(row)):  # a copy of slices would need room of its own
                row[column] = view.row[column]
            written += 1
    return written


@verb
def _follow(book, region, event, view, counts):  # type: ignore[no-untyped-def]
    """Apply an event and mend the view at the prices where it may have changed something."""
    before = _level_named(book, region, event)
    owner = NIL
    price = 0
    if before != NIL:  # it may close, and is then nobody's
        owner = book.levels[before]["owner"]
        price = book.levels[before]["price"]
    apply_dirty(book, region, event, counts)
    after = _level_named(book, region, event)
    if before != NIL:
        _mend(book, view, owner, price, before)
    if after != NIL and after != before:
        _mend(book, view, book.levels[after]["owner"], book.levels[after]["price"], after)
    if event["kind"] == Kind.LEVEL:
        _mend_level(book, view, event)
    elif event["kind"] == Kind.CLEAR:
        _look_again(book, view)


@verb
def _level_named(book, region, event):  # type: ignore[no-untyped-def]
    """The level where the order that an event names rests now, or NIL."""
    if event["kind"] <= 0 or event["kind"] > Kind.EXECUTE:
        return NIL
    slot = slot_of(region, event)
    if slot == NIL:
        return NIL
    return book.nodes[slot]["level"]


@helper
def _mend_level(book, view, event):  # type: ignore[no-untyped-def]
    """Bring the price of an L2 event up to date, also if the event was refused."""
    if not within(event["side"], 2):
        return
    owner = 2 * view.symbol + event["side"]
    _mend(book, view, owner, event["price"], level_at(book, owner, event["price"]))


@helper
def _look_again(book, view):  # type: ignore[no-untyped-def]
    """Read both sides off the book."""
    for side in range(2):
        prices, qtys = _side_of(view, side)
        fill_depth(book, 2 * view.symbol + side, prices, qtys)


@verb
def _side_of(view, side):  # type: ignore[no-untyped-def]
    """The prices and the quantities that a view shows of a side."""
    levels = len(view.row) // 4
    start = 1 + 2 * side * levels
    return view.row[start : start + levels], view.row[start + levels : start + 2 * levels]


@verb
def _mend(book, view, owner, price, level):  # type: ignore[no-untyped-def]
    """Bring what is shown of a price up to date; NIL, or the level that stands or stood there."""
    if owner >> 1 != view.symbol:
        return
    prices, qtys = _side_of(view, owner & 1)
    place = _place_of(prices, qtys, price, 1 - 2 * (owner & 1))
    if place == len(prices):
        return  # behind all that is shown
    qty_lots = _qty_at(book, level, owner, price)
    shown = qtys[place] != 0 and prices[place] == price
    if qty_lots == 0:
        if shown:
            _close(book, owner, prices, qtys, place)
        return
    if not shown:
        _open(prices, qtys, place)
        prices[place] = price
    qtys[place] = qty_lots


@verb
def _qty_at(book, level, owner, price):  # type: ignore[no-untyped-def]
    """The quantity at a price; 0 if the level that stood there is closed, or another's by now."""
    if level == NIL:
        return 0
    record = book.levels[level]
    if record["owner"] != owner or record["price"] != price:
        return 0
    return record["qty_lots"]


@verb
def _place_of(prices, qtys, price, towards):  # type: ignore[no-untyped-def]
    """How many of the levels shown are better than a price; counted, as a search would branch."""
    better = 0
    for place in range(len(prices)):
        better += (qtys[place] != 0) & ((prices[place] - price) * towards > 0)
    return better


@verb
def _open(prices, qtys, place):  # type: ignore[no-untyped-def]
    """Make room for a level at a place; the last one leaves the view."""
    for behind in range(len(prices) - 1, place, -1):
        prices[behind] = prices[behind - 1]
        qtys[behind] = qtys[behind - 1]


@verb
def _close(book, owner, prices, qtys, place):  # type: ignore[no-untyped-def]
    """Take the level at a place out of the view; the one behind the last comes into it."""
    last = len(prices) - 1
    was_full = qtys[last] != 0
    for ahead in range(place, last):
        prices[ahead] = prices[ahead + 1]
        qtys[ahead] = qtys[ahead + 1]
    prices[last] = 0
    qtys[last] = 0
    if not was_full:
        return
    level = book.sides[owner]["best"]
    if last > 0:
        level = next_level(book, level_at(book, owner, prices[last - 1]))
    if level != NIL:
        prices[last] = book.levels[level]["price"]
        qtys[last] = book.levels[level]["qty_lots"]
