"""Single calls from Python: one event, one look, one fill; all that is passed are integers."""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import Book
from mmjit.core.bound import LET_GO, bundle_of, is_open
from mmjit.core.codes import NIL
from mmjit.core.jit import call, verb
from mmjit.core.ledger import Ledger, line_status, mark_at, row_of, take_line, total_of
from mmjit.core.replica import apply_by_id

ODD: Final = LET_GO - 1  # what a call returns for a symbol or side there is none of
FULL: Final = LET_GO - 2  # or where what it would write has no room


class Feed(NamedTuple):
    """A book to be looked at and told of events, one by one."""

    book: Book
    known: Any  # int64[1], how many of its symbols have an instrument
    event: Any  # EVENT[1], the event in hand


class Room(NamedTuple):
    """Where lines are kept, one behind the other."""

    lines: Any  # FILL
    count: Any  # int64[1], how many there are


class Accounts(NamedTuple):
    """Accounts that fills are told to, one by one."""

    ledger: Ledger
    known: Any  # int64[1], how many of the ledger's symbols have an instrument
    positions: Any  # POSITION[1], what it was before the fill in hand
    totals: Any  # TOTAL[1], the same
    accounts: Any  # ACCOUNT[1], the same
    sides: Any  # SIDE of the stand-in for a market that shows the marks; none where there is one
    levels: Any  # LEVEL32, its levels


@verb
def has_side(known, symbol, side):  # type: ignore[no-untyped-def]
    """Whether there is an instrument of a number, and such a side."""
    return symbol >= 0 and symbol < known[0] and side >= 0 and side <= 1


@call
def apply_call(bound, words):  # type: ignore[no-untyped-def]
    """Apply one event by id.

    Args:
        bound: of a Feed.
        words: kind, symbol, side, flags, time_ns, order_id, other_id, price, qty_lots of the event.

    Returns:
        As `apply_one`; LET_GO, or ODD.
    """
    if not is_open(bound):
        return LET_GO
    feed = bundle_of(bound)
    kind, symbol, side, flags, time_ns, order_id, other_id, price, qty_lots = words
    if not has_side(feed.known, symbol, side):
        return ODD
    event = feed.event[0]
    event["kind"] = kind
    event["symbol"] = symbol
    event["side"] = side
    event["flags"] = flags
    event["venue_ns"] = time_ns
    event["local_ns"] = time_ns
    event["order_id"] = order_id
    event["other_id"] = other_id
    event["price"] = price
    event["qty_lots"] = qty_lots
    return apply_by_id(feed.book, event)


@call
def best_call(bound, words):  # type: ignore[no-untyped-def]
    """Look at the best level of a side.

    Args:
        bound: of a Feed.
        words: symbol and side.

    Returns:
        Price, quantity and order count. The count of an empty side is NIL; it is LET_GO, or ODD.
    """
    if not is_open(bound):
        return 0, 0, LET_GO
    feed = bundle_of(bound)
    symbol, side = words
    if not has_side(feed.known, symbol, side):
        return 0, 0, ODD
    level = feed.book.sides[2 * symbol + side]["best"]
    if level == NIL:
        return 0, 0, NIL
    record = feed.book.levels[level]
    return record["price"], record["qty_lots"], record["order_count"]


@call
def record_call(bound, room, words):  # type: ignore[no-untyped-def]
    """Take a fill from elsewhere, keep its line, and mark the position where it was marked.

    Args:
        bound: of Accounts.
        room: of a Room of FILL.
        words: owner, symbol, side, price, qty_lots, maker, time_ns and order_id of the fill.

    Returns:
        A status, before which nothing was changed; LET_GO, ODD or FULL.
    """
    if not is_open(bound):
        return LET_GO
    of = bundle_of(bound)
    kept = bundle_of(room)
    owner, symbol, side, price, qty_lots, maker, time_ns, order_id = words
    if not has_side(of.known, symbol, side):
        return ODD
    if kept.count[0] == len(kept.lines):
        return FULL
    fill = kept.lines[kept.count[0]]
    fill["venue_ns"] = time_ns
    fill["order_id"] = order_id
    fill["price"] = price
    fill["qty_lots"] = qty_lots
    fill["event"] = NIL
    fill["symbol"] = symbol
    fill["side"] = side
    fill["maker"] = maker
    fill["owner"] = owner
    status = _take(of, fill)
    if status >= 0:
        kept.count[0] += 1
        if len(of.levels) > 0:
            position = of.ledger.positions[row_of(of.ledger, owner, symbol)]
            _show_mark(of.sides, of.levels, symbol, position)
    return status


@verb
def _take(of, fill):  # type: ignore[no-untyped-def]
    """Count a fill and mark its position again, or leave everything as it was."""
    ledger = of.ledger
    status = line_status(ledger, fill)
    if status < 0:
        return status
    owner, symbol = np.int64(fill["owner"]), np.int64(fill["symbol"])
    row, total = row_of(ledger, owner, symbol), total_of(ledger, owner, symbol)
    of.positions[0] = ledger.positions[row]
    of.totals[0] = ledger.totals[total]
    of.accounts[0] = ledger.accounts[owner]
    take_line(ledger, fill)
    mark_twice = ledger.positions[row]["mark_twice"]
    status = mark_at(ledger, owner, symbol, mark_twice, fill["venue_ns"])
    if status < 0:  # it is counted exactly at its price, but would not be at the mark
        ledger.positions[row] = of.positions[0]
        ledger.totals[total] = of.totals[0]
        ledger.accounts[owner] = of.accounts[0]
    return status


@verb
def _show_mark(sides, levels, symbol, position):  # type: ignore[no-untyped-def]
    """Let the stand-in for a market show a bid and an ask around a mark."""
    for side in range(2):
        level = 2 * symbol + side
        sides[level]["best"] = level
        # the halves of twice the mark, rounded down and up
        levels[level]["price"] = (position["mark_twice"] + side) // 2
