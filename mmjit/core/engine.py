"""The loop of a backtest: events of a tape meet our orders, and a rule is asked what it wants.

The rule is a first-class function of one fixed signature, so this loop is compiled once, whatever
the rule, and its code is found on disk by every later run.
"""

from typing import Any, NamedTuple

import numpy as np

from mmjit.core.ahead import prefetch_neighbours, prefetch_order
from mmjit.core.book import owner_of
from mmjit.core.codes import Flag, Kind
from mmjit.core.desk import QUOTE_LEVELS, Desk, want_nothing
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import ORDERS_OPEN
from mmjit.core.logbook import Logbook, has_room
from mmjit.core.quoting import settle
from mmjit.core.replay import AHEAD, apply_dirty, slot_ahead, slot_of
from mmjit.core.trading import (
    FILLED,
    MOVED,
    OURS,
    cancel_all,
    fill_before,
    reaches,
    respond,
    resting_mark,
    revalue,
)


class Session(NamedTuple):
    """Everything that a run writes to besides the book."""

    desk: Desk
    dues: Any  # DUE per symbol
    taken: Any  # int64 per level: lots no longer there for us
    logbook: Logbook
    quotes: Any  # WANT[2, QUOTE_LEVELS + 1], of the decision being made
    counts: Any  # int64[STATUS_SPAN]: what was wrong with the feed
    refused: Any  # int64[symbols, STATUS_SPAN]: our orders that were refused


def run_events(rule, session, region, events, start, params, memory):  # type: ignore[no-untyped-def]
    """Run a rule over events from `start` on.

    Args:
        rule: the compiled rule.
        session: what the run writes to.
        region: of the tape.
        events: EVENT.
        start: the first to apply.
        params: uint8, the rule's parameters.
        memory: uint8[symbols, bytes], what the rule remembers of each symbol.

    Returns:
        The first event that was not applied: `len(events)`, or where a ring of the logbook must be
        drained first.
    """
    base = session.desk
    run = base.run[0]
    last = len(events) - 1
    for place in range(start, len(events)):
        far, near = events[min(place + 2 * AHEAD, last)], events[min(place + AHEAD, last)]
        prefetch_order(base.book, slot_ahead(region, far), far)
        prefetch_neighbours(base.book, slot_ahead(region, near), near)
        event = events[place]
        symbol = np.int64(event["symbol"])
        if symbol < 0 or symbol >= len(session.dues):
            apply_dirty(base.book, region, event, session.counts)
            continue
        is_time = run["every_ns"] > 0 and event["venue_ns"] >= run["next_ns"]
        if is_time and not _decide_on_time(rule, session, event["venue_ns"], params, memory):
            return place
        desk = at_symbol(base, symbol)
        due = session.dues[symbol]
        if not _has_room(session, symbol):
            return place
        run["now_ns"] = max(run["now_ns"], event["venue_ns"])
        run["event"] = run["event_base"] + place
        _take_in(session, desk, due, region, event)
        _heed(session)
        if event["flags"] & Flag.LAST and _is_due(run, due):
            due["started"] = 1
            _decide(rule, session, desk, due, params, memory[symbol])
    return len(events)


@verb
def at_symbol(desk, symbol):  # type: ignore[no-untyped-def]
    """The desk of another symbol."""
    return Desk(desk.book, desk.own, desk.ledger, desk.ticks, desk.run, symbol)


@verb
def levels_of(book, symbol):  # type: ignore[no-untyped-def]
    """How many price levels a symbol has."""
    return book.sides[2 * symbol]["level_count"] + book.sides[2 * symbol + 1]["level_count"]


@verb
def _has_room(session, symbol):  # type: ignore[no-untyped-def]
    """Whether the logbook can take whatever the next event or decision of a symbol brings."""
    desk = session.desk
    orders = 2 * QUOTE_LEVELS * len(session.dues)
    return has_room(session.logbook, desk.run[0], levels_of(desk.book, symbol), orders)


@verb
def _heed(session):  # type: ignore[no-untyped-def]
    """Cancel all our orders if the account asks for it."""
    if session.desk.ledger.accounts[OURS]["attention"] & ORDERS_OPEN:
        _pull_orders(session)


@helper
def _pull_orders(session):  # type: ignore[no-untyped-def]
    """Cancel all our orders, of every symbol."""
    account = session.desk.ledger.accounts[OURS]
    account["attention"] = account["attention"] & ~ORDERS_OPEN
    for symbol in range(len(session.dues)):
        if session.dues[symbol]["live_count"] > 0:
            desk = at_symbol(session.desk, symbol)
            cancel_all(desk, session.dues[symbol], session.logbook)


@verb
def _take_in(session, desk, due, region, event):  # type: ignore[no-untyped-def]
    """Apply an event to the book and let it meet our orders."""
    slot = slot_of(region, event)
    side, price, sequence, lots = 0, 0, 0, 0
    if due["live_count"] > 0:
        side, price, sequence, lots = resting_mark(desk, slot, event)
    before = desk.book.control[0]["sequence"]
    apply_dirty(desk.book, region, event, session.counts)
    if desk.book.control[0]["sequence"] == before:
        return  # refused: nothing happened
    if lots > 0:
        if reaches(due, side, price):
            fill_before(desk, due, session.logbook, side, (price, sequence, lots))
    elif is_met(desk, due, session.taken, slot, event):
        respond(desk, due, session.taken, session.logbook, slot, event)
    if desk.book.control[0]["best_changed"]:
        _note_change(desk, due)


@verb
def is_met(desk, due, taken, slot, event):  # type: ignore[no-untyped-def]
    """Whether an event that was applied meets orders that we have, or refreshes what we took."""
    kind = event["kind"]
    if kind == Kind.TRADE:
        return event["price"] < due["own_bid"] or event["price"] > due["own_ask"]
    if kind != Kind.ADD and kind != Kind.REPLACE:
        return False
    if desk.run[0]["taken"] != 0 and taken[desk.book.nodes[slot]["level"]] != 0:
        return True
    if due["live_count"] == 0:
        return False
    if event["flags"] & Flag.SYNTHETIC:
        return True
    return reaches(due, 1 - (owner_of(desk.book, slot) & 1), event["price"])


@verb
def _note_change(desk, due):  # type: ignore[no-untyped-def]
    """The best of a side has changed: the symbol is to be quoted anew, and what we hold marked."""
    due["changed"] = due["changed"] | MOVED
    if desk.ledger.positions[desk.symbol]["fill_count"] > 0:
        revalue(desk)


@verb
def _is_due(run, due):  # type: ignore[no-untyped-def]
    """Whether a symbol is to be quoted after this source message."""
    if due["started"] == 0:
        return due["changed"] != 0
    if run["every_ns"] == 0:
        return due["changed"] != 0
    if run["every_ns"] > 0:
        return False
    # without an order in the market no fill could ever come: ask as on change until there is one
    return due["changed"] & FILLED != 0 or (due["live_count"] == 0 and due["changed"] != 0)


@helper
def _decide_on_time(rule, session, venue_ns, params, memory):  # type: ignore[no-untyped-def]
    """Decide for every symbol at the first instant that was due before an event, and set the next.

    Returns whether the logbook had room; if not, what is left is done when it was drained.
    """
    run = session.desk.run[0]
    next_ns = (venue_ns // run["every_ns"] + 1) * run["every_ns"]
    for symbol in range(len(session.dues)):
        due = session.dues[symbol]
        if due["started"] == 0 or due["next_ns"] > venue_ns:
            continue
        if not _has_room(session, symbol):
            return False
        run["now_ns"] = max(run["now_ns"], due["next_ns"])
        _decide(rule, session, at_symbol(session.desk, symbol), due, params, memory[symbol])
        due["next_ns"] = next_ns
    run["next_ns"] = next_ns
    return True


@helper
def _decide(rule, session, desk, due, params, memory):  # type: ignore[no-untyped-def]
    """Ask the rule what it wants, and make it so."""
    quotes = session.quotes
    want_nothing(quotes)
    run = desk.run[0]
    due["changed"] = 0
    if run["every_ns"] > 0:
        due["next_ns"] = (run["now_ns"] // run["every_ns"] + 1) * run["every_ns"]
    run["decision_count"] += 1
    rule(desk, params, memory, quotes)
    settle(desk, due, session.taken, session.logbook, quotes, session.refused)
    _heed(session)
