"""Single calls from Python: one event, one look, one fill; all that is passed are integers."""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import Book
from mmjit.core.bound import LET_GO, Bound, Compiled, bundle_of, is_open
from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.jit import call, verb
from mmjit.core.ledger import Ledger, line_status, mark_at, row_of, take_line, total_of
from mmjit.core.records import COMMAND
from mmjit.core.replica import apply_by_id
from mmjit.core.resting import Venue
from mmjit.core.venue import attender, submitter

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


class Floor(NamedTuple):
    """A venue that is given commands, one by one."""

    venue: Venue
    at: Bound  # what leads to the venue
    known: Any  # int64[1], how many of the book's symbols have an instrument
    alone: Any  # COMMAND[1], the command in hand
    pair: Any  # COMMAND[2], or this one with its second record
    statuses: Any  # int64[2]
    submit: Any  # `submit_all`
    attend: Any


def floor_of(venue: Venue, symbols: int) -> Floor:
    """A venue, of which so many symbols have an instrument, to be given commands."""
    at = Bound(venue)
    return Floor(
        venue=venue,
        at=at,
        known=np.array([symbols], np.int64),
        alone=np.zeros(1, COMMAND),
        pair=np.zeros(2, COMMAND),
        statuses=np.zeros(2, np.int64),
        submit=Compiled(*submitter(at)),
        attend=Compiled(*attender(at)),
    )


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
        As `apply_by_id`; LET_GO, or ODD.
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


# ---- commands -------------------------------------------------------------------------------


@call
def command_call(bound, trades, fills, words):  # type: ignore[no-untyped-def]
    """Do one command.

    Args:
        bound: of a Floor.
        trades: of a Room of TRADE, to which the ring of trades is drained.
        fills: of a Room of FILL, the same for the accounts' fills.
        words: kind, symbol, whether it is the market's, else owner, whether it is timed, else 0,
            time_ns, order_id, other_id, side, price, qty_lots, tif, self_trade and terms of the
            COMMAND, whether a MORE is behind it, and of that order_id, price, qty_lots, venue_ns.

    Returns:
        Two statuses as `submit_all` writes them; lots filled, rested and prevented; how many trades
        were drained; how many lines still have to be. The first is FULL where the rings had no room
        for the command, or LET_GO or ODD.
    """
    if not is_open(bound):
        return LET_GO, 0, 0, 0, 0, 0, 0
    floor = bundle_of(bound)
    if _is_odd(floor, words):
        return ODD, 0, 0, 0, 0, 0, 0
    control = floor.venue.control[0]
    commands = floor.pair if words[14] else floor.alone
    _write(commands[0], words, words[5] if words[4] else control["now_ns"])
    if words[14]:
        commands[0]["flags"] = 0
        _write_more(commands[1], words)
    done = floor.submit(floor.at, commands, 0, floor.statuses)
    first = floor.statuses[0] if done > 0 else FULL
    second = floor.statuses[1] if words[14] else 0
    filled, rested, prevented = _reported(control)
    tail = control["trade_tail"]
    left = _drain(floor.venue, bundle_of(trades), bundle_of(fills))
    return first, second, filled, rested, prevented, control["trade_tail"] - tail, left


@verb
def _reported(control):  # type: ignore[no-untyped-def]
    """What came of the last command."""
    return control["filled_lots"], control["rested_lots"], control["prevented_lots"]


@verb
def _drain(venue, trades, fills):  # type: ignore[no-untyped-def]
    """Move what the rings hold to where it is kept; returns how many lines found no room there."""
    control = venue.control[0]
    control["trade_tail"] = _move(
        venue.trades, control["trade_tail"], control["trade_head"], trades
    )
    control["fill_tail"] = _move(venue.fills, control["fill_tail"], control["fill_head"], fills)
    left = control["trade_head"] - control["trade_tail"]
    return left + control["fill_head"] - control["fill_tail"]


@verb
def _move(ring, tail, head, room):  # type: ignore[no-untyped-def]
    """Move lines of a ring as far as there is room; returns its new tail."""
    count = room.count[0]
    while tail < head and count < len(room.lines):
        room.lines[count] = ring[tail & (len(ring) - 1)]
        tail += 1
        count += 1
    room.count[0] = count
    return tail


@call
def drain_call(bound, trades, fills, words):  # type: ignore[no-untyped-def]
    """Drain the rings of a venue; returns how many lines found no room, or LET_GO.

    Args:
        bound: of a Floor.
        trades: of a Room of TRADE.
        fills: of a Room of FILL.
        words: one, of no meaning.
    """
    if not is_open(bound):
        return LET_GO
    return _drain(bundle_of(bound).venue, bundle_of(trades), bundle_of(fills))


@verb
def _is_odd(floor, words):  # type: ignore[no-untyped-def]
    """Whether a command names a symbol, a side, an account or an id that there is none of."""
    kind, symbol, market, owner, _, _, order_id, _, side = words[:9]
    all_of_them = kind == Kind.CANCEL_ALL
    least = NIL if all_of_them else 0
    if symbol < least or symbol >= floor.known[0] or side < least or side > 1:
        return True
    if not market and (owner < 0 or owner >= len(floor.venue.ledger.accounts)):
        return True
    if kind == Kind.QUOTE and words[15] == 0:
        return True
    names_one = kind == Kind.NEW or kind == Kind.AMEND or kind == Kind.CANCEL or kind == Kind.QUOTE
    return order_id == 0 and names_one


@verb
def _write(command, words, now_ns):  # type: ignore[no-untyped-def]
    """Write the first record of a command."""
    command["kind"] = words[0]
    command["symbol"] = words[1]
    command["flags"] = Flag.LAST
    command["owner"] = NIL if words[2] else words[3]
    command["venue_ns"] = now_ns
    command["local_ns"] = now_ns
    command["order_id"] = words[6]
    command["other_id"] = words[7]
    command["side"] = words[8]
    command["price"] = words[9]
    command["qty_lots"] = words[10]
    command["tif"] = words[11]
    command["self_trade"] = words[12]
    command["terms"] = words[13]


@verb
def _write_more(command, words):  # type: ignore[no-untyped-def]
    """Write the second; what it does not say is 0."""
    command["kind"] = Kind.MORE
    command["flags"] = Flag.LAST
    command["order_id"] = words[15]
    command["price"] = words[16]
    command["qty_lots"] = words[17]
    command["venue_ns"] = words[18]


@call
def attend_call(bound, words):  # type: ignore[no-untyped-def]
    """Look after accounts that were changed outside a command; returns 0, or LET_GO.

    Args:
        bound: of a Floor.
        words: one, of no meaning.
    """
    if not is_open(bound):
        return LET_GO
    floor = bundle_of(bound)
    return floor.attend(floor.at)
