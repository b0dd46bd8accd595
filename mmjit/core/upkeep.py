"""Keeping a venue: its clock, what expires, and the accounts that its changes concern.

Accounts are marked once everything is done, never at what stands only in between. An account that
has reached a loss limit, or whose kill switch was pulled, loses its orders then; reduce-only orders
that can reduce nothing any more go first.
"""

import numpy as np

from mmjit.core.alarms import due_slot
from mmjit.core.codes import NIL
from mmjit.core.intrinsics import rarely
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import ORDERS_OPEN, mark_of, mark_position, row_of
from mmjit.core.pacing import SYMBOLS_OPEN
from mmjit.core.resting import CHECK_REDUCING, REDUCING, reducible, remove_order
from mmjit.core.switches import is_pulled, pull_kill


@verb
def advance(venue, time_ns):  # type: ignore[no-untyped-def]
    """Let the clock go on; it does not go back."""
    control = venue.control[0]
    if time_ns < control["now_ns"]:
        control["time_reversed"] += 1
        return
    control["now_ns"] = time_ns
    if due_slot(venue.alarms, control, time_ns) != NIL:
        _expire(venue)


@helper
def _expire(venue):  # type: ignore[no-untyped-def]
    """Cancel what has expired."""
    control = venue.control[0]
    slot = due_slot(venue.alarms, control, control["now_ns"])
    while slot != NIL:
        touch(venue, symbol_of(venue.book, slot))
        remove_order(venue, slot)
        control["expired_count"] += 1
        slot = due_slot(venue.alarms, control, control["now_ns"])
    look_after(venue)


@verb
def symbol_of(book, slot):  # type: ignore[no-untyped-def]
    """The symbol of a resting order."""
    return np.int64(book.levels[book.nodes[slot]["level"]]["owner"]) >> 1


@verb
def touch(venue, symbol):  # type: ignore[no-untyped-def]
    """Note that the market of a symbol has changed, if an account has ever traded in it.

    Accounts are marked once everything is done, never at what stands only in between.
    """
    terms = venue.ledger.terms[symbol]
    if terms["traded"] != 0 and terms["touched"] == 0:
        terms["touched"] = 1
        terms["next_touched"] = venue.control[0]["first_touched"]
        venue.control[0]["first_touched"] = symbol + 1


@helper
def _mark_touched(venue):  # type: ignore[no-untyped-def]
    """Mark every account that holds a symbol whose market has changed."""
    ledger = venue.ledger
    control = venue.control[0]
    while control["first_touched"] != 0:
        symbol = control["first_touched"] - 1
        control["first_touched"] = ledger.terms[symbol]["next_touched"]
        ledger.terms[symbol]["touched"] = 0
        ledger.terms[symbol]["next_touched"] = 0
        for owner in range(len(ledger.accounts)):
            if ledger.positions[row_of(ledger, owner, symbol)]["fill_count"] > 0:
                mark_twice = mark_of(venue.book, ledger, owner, symbol)
                mark_position(ledger, owner, symbol, mark_twice, control["now_ns"])
                control["attention"] |= ledger.accounts[owner]["attention"]


@verb
def settle(venue):  # type: ignore[no-untyped-def]
    """Mark what has changed, and look after accounts: in trouble by it, or told to by others.

    A kill switch is a word in memory that other processes share.
    """
    control = venue.control[0]
    accounts = venue.ledger.accounts
    calls = control["attention"] | control["first_touched"]
    owner = 0
    while owner < len(accounts) and calls == 0:
        calls = accounts[owner]["attention"] | is_pulled(accounts[owner])
        owner += 1
    if rarely(calls != 0):
        look_after(venue)
        if control["best_moved"] != 0:
            venue.book.control[0]["best_changed"] = 1


@helper
def look_after(venue):  # type: ignore[no-untyped-def]
    """Pull kill switches, mark, and cancel what accounts may have no longer.

    That may bring others into trouble.
    """
    control = venue.control[0]
    accounts = venue.ledger.accounts
    for owner in range(len(accounts)):
        if is_pulled(accounts[owner]):
            pull_kill(venue.ledger, owner, np.int64(0), control["now_ns"])
        control["attention"] |= accounts[owner]["attention"]
    while control["attention"] != 0 or control["first_touched"] != 0:
        control["attention"] = 0
        for owner in range(len(accounts)):
            if accounts[owner]["attention"] & CHECK_REDUCING:
                accounts[owner]["attention"] = accounts[owner]["attention"] & ~CHECK_REDUCING
                cancel_own(venue, owner, np.int64(NIL), np.int64(NIL), np.int64(1))
        _mark_touched(venue)
        for owner in range(len(accounts)):
            if accounts[owner]["attention"] & ORDERS_OPEN:
                accounts[owner]["attention"] = accounts[owner]["attention"] & ~ORDERS_OPEN
                cancel_own(venue, owner, np.int64(NIL), np.int64(NIL), np.int64(0))
            if accounts[owner]["attention"] & SYMBOLS_OPEN:
                accounts[owner]["attention"] = accounts[owner]["attention"] & ~SYMBOLS_OPEN
                _cancel_guarded(venue, owner)
        for owner in range(len(accounts)):
            control["attention"] |= accounts[owner]["attention"]


@verb
def _cancel_guarded(venue, owner):  # type: ignore[no-untyped-def]
    """Cancel an account's orders in the symbols that were frozen or disabled."""
    for symbol in range(len(venue.ledger.terms)):
        guard = venue.ledger.guards[row_of(venue.ledger, owner, symbol)]
        if guard["attention"] != 0:
            guard["attention"] = 0
            cancel_own(venue, owner, np.int64(symbol), np.int64(NIL), np.int64(0))


@helper
def cancel_own(venue, owner, symbol, side, only_idle):  # type: ignore[no-untyped-def]
    """Cancel an account's orders, of a symbol and side or (NIL) of all; returns how many.

    `only_idle` 1: only reduce-only orders that can no longer reduce anything.
    """
    book = venue.book
    count = 0
    slot = np.int64(venue.ledger.accounts[owner]["first_own"])
    while slot != NIL:
        after = np.int64(venue.details[slot]["next_own"])
        place = np.int64(book.levels[book.nodes[slot]["level"]]["owner"])
        wanted = (symbol == NIL or place >> 1 == symbol) and (side == NIL or place & 1 == side)
        if only_idle != 0 and wanted:
            reducing = book.orders[slot]["flags"] & REDUCING != 0
            wanted = reducing and reducible(venue.ledger, owner, place >> 1, place & 1) == 0
        if wanted:
            touch(venue, place >> 1)
            remove_order(venue, slot)
            count += 1
        slot = after
    return count
