"""A venue: what a command does, from the clock to the accounts it moved.

The clock goes on first, and what has expired by then leaves. Then the command is judged and done
(`mmjit.core.entry`), and the accounts that this concerns are marked and looked after.

A command is one COMMAND flagged LAST, or one that is not and the MORE behind it.
"""

from typing import Any

import numpy as np

from mmjit.core.admission import owner_status, rings_take
from mmjit.core.ahead import prefetch_market, prefetch_neighbours
from mmjit.core.book import find_slot, note_by_id
from mmjit.core.bound import Bound, bundle_of
from mmjit.core.codes import (
    NIL,
    STATUS_SPAN,
    Flag,
    Kind,
    SelfTrade,
    Status,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.entry import change_orders
from mmjit.core.index import TAG_BITS, TAG_MASK, note_of, prefetch_entry, tag_of
from mmjit.core.intrinsics import prefetch, rarely, within
from mmjit.core.jit import helper, kernel, signature_of, verb
from mmjit.core.levels import LEVEL_QTY_MAX
from mmjit.core.matching import UNCERTAIN, measure
from mmjit.core.records import COMMAND
from mmjit.core.replay import AHEAD
from mmjit.core.switches import pull_kill
from mmjit.core.upkeep import advance, cancel_own, settle, touch

# ---- commands -------------------------------------------------------------------------------


@verb
def is_order_kind(kind):  # type: ignore[no-untyped-def]
    """Whether a command is about one order."""
    return kind == Kind.NEW or kind == Kind.CANCEL or kind == Kind.AMEND or kind == Kind.TAKE


@verb
def is_other_kind(kind):  # type: ignore[no-untyped-def]
    """Whether a command is about several orders, or about none."""
    return (
        kind == Kind.QUOTE or kind == Kind.CANCEL_ALL or kind == Kind.TIMER or kind == Kind.STATUS
    )


@verb
def form_of(commands, place):  # type: ignore[no-untyped-def]
    """Of how many records a command is, or a status."""
    command = commands[place]
    kind = command["kind"]
    if rarely(not is_order_kind(kind) and not is_other_kind(kind)):
        return np.int64(Status.KIND_UNKNOWN)
    if command["flags"] & Flag.LAST:
        if rarely(kind == Kind.QUOTE or (kind == Kind.NEW and command["tif"] == TimeInForce.GTD)):
            return np.int64(Status.RECORD_MISSING)
        return np.int64(1)
    if rarely(place + 1 >= len(commands) or commands[place + 1]["kind"] != Kind.MORE):
        return np.int64(Status.RECORD_MISSING)
    if rarely(commands[place + 1]["flags"] & Flag.LAST == 0):
        return np.int64(Status.RECORD_MISSING)
    return np.int64(2)


@verb
def apply_command(venue, commands, place):  # type: ignore[no-untyped-def]
    """Do one command; returns its status, that of its second record, and how many it has."""
    return apply_noted_command(
        venue, commands, place, note_by_id(venue.book, commands[place]["order_id"])
    )


@verb
def apply_noted_command(venue, commands, place, note):  # type: ignore[no-untyped-def]
    """`apply_command` with the tag of the order's id known, and above it a guess at its slot."""
    command = commands[place]
    control = venue.control[0]
    _report_nothing(control)
    size = form_of(commands, place)
    if rarely(size < 0):
        return _refused(venue, command, size), np.int64(0), np.int64(1)
    control["command_count"] += 1
    advance(venue, command["venue_ns"])
    order, display_lots, gtd_ns = command, np.int64(0), np.int64(0)
    first, second = np.int64(0), np.int64(0)
    is_quote, turn = False, 1
    if rarely(size == 2):
        more = commands[place + 1]
        display_lots, gtd_ns = more["qty_lots"], more["venue_ns"]
        if command["kind"] == Kind.QUOTE:  # the second record is its ask
            first = second = _quote_status(venue, command, more)
            is_quote, turn = True, 0 if first == 0 else 2
    while turn < 2:
        if rarely(is_quote):
            order = _side_of_quote(venue, command, commands[place + 1], turn)
            display_lots = np.int64(0)
            note = note_by_id(venue.book, order["order_id"])
        status = _do(venue, order, note, display_lots, gtd_ns)
        if rarely(status < 0):
            _refused(venue, command, status)
        if rarely(is_quote and order["side"] == 1):
            second = status
        else:
            first = status
        turn += 1
    _note_done(venue, command, first >= 0 or (is_quote and second >= 0))
    settle(venue)
    return first, second, size


@verb
def _report_nothing(control):  # type: ignore[no-untyped-def]
    """Set what is told of the last command, before it is done."""
    control["filled_lots"] = 0
    control["rested_lots"] = 0
    control["prevented_lots"] = 0
    control["best_moved"] = 0


@verb
def _refused(venue, command, status):  # type: ignore[no-untyped-def]
    """Count a refusal, for the account or the market at large; returns the status."""
    venue.counts[_counts_of(venue, command) - status] += 1
    return status


@verb
def _counts_of(venue, command):  # type: ignore[no-untyped-def]
    """Where the counts of an owner begin; those of nobody, and of who is unknown, are the last."""
    accounts = len(venue.ledger.accounts)
    owner = np.int64(command["owner"])
    return (owner if owner >= 0 and owner < accounts else accounts) * STATUS_SPAN


@verb
def _note_done(venue, command, done):  # type: ignore[no-untyped-def]
    """Number a command if it was done, and mark who holds its symbol."""
    book = venue.book
    control = book.control[0]
    if done:
        control["sequence"] += 1
        control["last_ns"] = max(control["last_ns"], command["venue_ns"])
        control["best_changed"] = venue.control[0]["best_moved"]
        if within(command["symbol"], len(book.symbols)):
            touch(venue, np.int64(command["symbol"]))
    elif venue.control[0]["best_moved"]:  # by an order that has expired
        control["best_changed"] = 1


@verb
def _do(venue, command, note, display_lots, gtd_ns):  # type: ignore[no-untyped-def]
    """Judge a command, and do it; returns its status."""
    kind = command["kind"]
    if kind == Kind.NEW or kind == Kind.CANCEL or kind == Kind.AMEND or kind == Kind.TAKE:
        return change_orders(venue, command, note, display_lots, gtd_ns)
    elif kind == Kind.CANCEL_ALL:
        return _cancel_all(venue, command)
    elif kind == Kind.STATUS:
        return _set_status(venue, command)
    return np.int64(0)


@verb
def _cancel_all(venue, command):  # type: ignore[no-untyped-def]
    """Cancel an account's orders; returns how many."""
    if rarely(command["owner"] < 0 or command["owner"] >= len(venue.ledger.accounts)):
        return np.int64(Status.ACCOUNT_UNKNOWN)
    if rarely(command["symbol"] < NIL or command["symbol"] >= len(venue.book.symbols)):
        return np.int64(Status.SYMBOL_UNKNOWN)
    if rarely(command["side"] < NIL or command["side"] > 1):
        return np.int64(Status.SIDE_UNKNOWN)
    owner, symbol = np.int64(command["owner"]), np.int64(command["symbol"])
    return np.int64(cancel_own(venue, owner, symbol, np.int64(command["side"]), np.int64(0)))


@verb
def _set_status(venue, command):  # type: ignore[no-untyped-def]
    """Set the trading status of a symbol."""
    if rarely(command["symbol"] < 0 or command["symbol"] >= len(venue.book.symbols)):
        return np.int64(Status.SYMBOL_UNKNOWN)
    if rarely(command["qty_lots"] < 0 or command["qty_lots"] > TradingStatus.CLOSED):
        return np.int64(Status.KIND_UNKNOWN)
    venue.book.symbols[command["symbol"]]["status"] = command["qty_lots"]
    return np.int64(0)


# ---- two-sided quotes -----------------------------------------------------------------------


@helper
def _quote_status(venue, head, more):  # type: ignore[no-untyped-def]
    """What is wrong with a quote as a whole, counted for both of its sides; 0 for nothing."""
    status = np.int64(Status.OK)
    if head["symbol"] < 0 or head["symbol"] >= len(venue.book.symbols):
        status = np.int64(Status.SYMBOL_UNKNOWN)
    elif owner_status(venue, head["owner"]) < 0:
        status = np.int64(Status.ACCOUNT_UNKNOWN)
    elif head["order_id"] == 0 or more["order_id"] == 0:
        status = np.int64(Status.ORDER_ID_ZERO)
    elif head["order_id"] == more["order_id"]:
        status = np.int64(Status.ORDER_ID_DUPLICATE)
    elif head["tif"] == TimeInForce.GTD:
        status = np.int64(Status.TERMS_CONFLICT)
    else:
        status = _quote_rings(venue, head, more)
    if rarely(status < 0):
        _refused(venue, head, status)
        _refused(venue, head, status)
    return np.int64(status)


@verb
def _quote_rings(venue, head, more):  # type: ignore[no-untyped-def]
    """Whether the rings have room for both sides, so that a quote is never done by half.

    The one side may withdraw an order that the other would have met.
    """
    mode = np.int64(UNCERTAIN)
    if head["self_trade"] == SelfTrade.CANCEL_OLDEST:
        mode = np.int64(SelfTrade.CANCEL_OLDEST)
    bid = measure(venue, head, np.int64(0), head["price"], max(0, head["qty_lots"]), mode)
    ask = measure(venue, head, np.int64(1), more["price"], max(0, more["qty_lots"]), mode)
    count = bid[1] + ask[1]
    if mode == UNCERTAIN and head["price"] >= more["price"]:  # the one may meet the other
        bids = min(max(0, head["qty_lots"]), LEVEL_QTY_MAX)  # not judged yet: it may be anything
        asks = min(max(0, more["qty_lots"]), LEVEL_QTY_MAX)
        count = min(count + min(bids, asks), bids + asks)
    return rings_take(venue, count)


@helper
def _side_of_quote(venue, head, more, turn):  # type: ignore[no-untyped-def]
    """The command that makes one side of a quote so, in the venue's scratch record.

    Where the new bid would meet the old ask, the ask goes first.
    """
    book = venue.book
    command = venue.scratch[1]
    asks = slot_of(book, more["order_id"])
    if turn == 0:
        ask_first = asks != NIL and head["price"] >= price_at(book, asks) and head["qty_lots"] > 0
        command["side"] = 1 if ask_first else 0
    else:
        command["side"] = 1 - command["side"]
    of = head if command["side"] == 0 else more
    slot = slot_of(book, of["order_id"])
    command["order_id"] = of["order_id"]
    command["price"] = of["price"]
    command["qty_lots"] = of["qty_lots"]
    command["venue_ns"] = head["venue_ns"]
    command["local_ns"] = head["local_ns"]
    command["symbol"] = head["symbol"]
    command["owner"] = head["owner"]
    command["tif"] = head["tif"]
    command["self_trade"] = head["self_trade"]
    command["terms"] = head["terms"]
    command["flags"] = Flag.LAST
    command["other_id"] = 0
    lives = slot != NIL and side_of(book, slot) == command["side"]
    if of["qty_lots"] == 0:
        command["kind"] = Kind.CANCEL if lives else Kind.TIMER
    elif lives:
        command["kind"] = Kind.AMEND
        command["terms"] = 0  # the order has its own
    else:
        command["kind"] = Kind.NEW  # the id of an order on the other side is a duplicate then
    return command


@verb
def slot_of(book, order_id):  # type: ignore[no-untyped-def]
    """The slot of a live order, or NIL."""
    return np.int64(find_slot(book, order_id))


@verb
def side_of(book, slot):  # type: ignore[no-untyped-def]
    """The side of a resting order."""
    return np.int64(book.levels[book.nodes[slot]["level"]]["owner"]) & 1


@verb
def price_at(book, slot):  # type: ignore[no-untyped-def]
    """The price of a resting order."""
    return book.levels[book.nodes[slot]["level"]]["price"]


# ---- for Python -----------------------------------------------------------------------------


@verb
def tag_first_commands(venue, commands, notes, start):  # type: ignore[no-untyped-def]
    """Note the tags of the commands that `look_ahead_of` will not come by first."""
    salt = venue.book.control[0]["salt"]
    for place in range(start, min(start + 3 * AHEAD, len(commands))):
        notes[place] = tag_of(salt, commands[place]["order_id"])


@verb
def look_ahead_of(venue, commands, notes, place):  # type: ignore[no-untyped-def]
    """Ask for the memory of commands to come; a second record asks for nothing that harms.

    Returns what is noted of the command at `place`; `notes` are as in `look_ahead_by_id`.
    """
    book = venue.book
    end = len(commands) - 1
    last = min(place + 3 * AHEAD, end)
    later = min(place + 2 * AHEAD, end)
    soon = min(place + AHEAD, end)
    tag = tag_of(book.control[0]["salt"], commands[last]["order_id"])
    notes[last] = tag
    prefetch_entry(book.entries, tag)
    notes[later] = note_of(book.entries, notes[later] & TAG_MASK)
    slot = notes[later] >> TAG_BITS
    prefetch(book.nodes, slot)
    prefetch(book.orders, slot)
    prefetch_neighbours(book, notes[soon] >> TAG_BITS, commands[soon])
    if commands[soon]["symbol"] != commands[place]["symbol"]:
        prefetch_market(book, commands[soon], commands[later], commands[last])
    return notes[place]


@kernel
def submit_all(bound, commands, start, statuses):  # type: ignore[no-untyped-def]
    """Do a run of commands.

    Args:
        bound: leads to the venue.
        commands: COMMAND.
        start: the first record to do.
        statuses: int64 per record, written: lots traded (CANCEL: cancelled; CANCEL_ALL: orders
            cancelled), or a Status below 0. Of a second record that of a quote's ask, else 0.

    Returns:
        The first record that was not done: `len(commands)`, or where a ring has no room until it
        is drained.
    """
    venue = bundle_of(bound)
    place = start
    control = venue.control[0]
    tag_first_commands(venue, commands, statuses, start)
    while place < len(commands):
        note = look_ahead_of(venue, commands, statuses, place)
        first, second, size = apply_noted_command(venue, commands, place, note)
        statuses[place] = first
        if size == 2:
            statuses[place + 1] = second
        if is_ring_status(first) or is_ring_status(second):
            held_back = control["trade_head"] > control["trade_tail"]
            if held_back or control["fill_head"] > control["fill_tail"]:
                _uncount(venue, commands[place], first, second)
                return place
        place += size
    return place


def submitter(bound: Bound) -> tuple[Any, Any]:
    """`submit_all` as a function that other kernels are given, compiled, and its signature.

    So the venue is compiled once, and not again within every kernel that trades at one.
    """
    commands, statuses = np.zeros(0, COMMAND), np.zeros(0, np.int64)
    submit_all(bound, commands, 0, statuses)
    return submit_all, signature_of(bound, commands, 0, statuses)


@verb
def is_ring_status(status):  # type: ignore[no-untyped-def]
    """Whether a ring was too full."""
    return status == Status.TRADE_RING_FULL or status == Status.FILL_RING_FULL


@helper
def _uncount(venue, command, first, second):  # type: ignore[no-untyped-def]
    """A command is not refused after all: it will be done once the rings are drained."""
    start = _counts_of(venue, command)
    venue.counts[start - first] -= is_ring_status(first)
    venue.counts[start - second] -= is_ring_status(second)
    venue.control[0]["command_count"] -= 1


@kernel
def kill(venue, owner, level):  # type: ignore[no-untyped-def]
    """Pull an account's kill switch to a KillLevel, and do what it asks; returns a status."""
    status = pull_kill(venue.ledger, owner, level, venue.control[0]["now_ns"])
    settle(venue)
    return status


@kernel
def attend(bound):  # type: ignore[no-untyped-def]
    """Look after accounts whose marks, limits or switches were changed outside a command."""
    settle(bundle_of(bound))
    return np.int64(0)


def attender(bound: Bound) -> tuple[Any, Any]:
    """`attend`, as `submitter` has `submit_all`."""
    return attend, signature_of(bound)
