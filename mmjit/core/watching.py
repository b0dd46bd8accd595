"""What our side does about an event that it sees, and about an account in trouble.

Where a limit is about the age of what is known of a market, a symbol of which too little is known
loses its quotes: at once where a gap is told of, else at the next decision or, where a rule is not
asked at intervals, within a quarter of the age.
"""

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.desk import want_nothing
from mmjit.core.hearing import HEEDS_AGE, MOVED, OURS
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import mark_of, mark_position, row_of
from mmjit.core.limits import is_crossed
from mmjit.core.pacing import AGES, is_stale
from mmjit.core.quoting import pull_attended, pull_orders
from mmjit.core.replay import slot_of
from mmjit.core.working import own_at


@helper
def _step_back(bound, event):  # type: ignore[no-untyped-def]
    """A level that was out of sight is shown again: our side takes its orders there for last."""
    session = bundle_of(bound)
    desk = bundle_of(session.desk)
    shown = slot_of(bundle_of(session.track).region, event)
    if event["kind"] != Kind.ADD and event["kind"] != Kind.REPLACE:
        return
    if shown == NIL or desk.book.nodes[shown]["level"] == NIL:
        return
    level = desk.book.levels[desk.book.nodes[shown]["level"]]
    slot = session.dues[event["symbol"]]["first_own"]
    while slot != NIL:
        order = session.orders[slot]
        if order["side"] == level["owner"] & 1 and order["asked_price"] == level["price"]:
            order["known_sequence"] = desk.book.control[0]["sequence"]
            if order["place"] != NIL:
                own_at(desk, order)["sequence"] = order["known_sequence"]
        slot = order["next_own"]


@verb
def note(bound, session, desk, event):  # type: ignore[no-untyped-def]
    """Our side sees an event: where a best changes, quotes are due and what we hold is marked."""
    symbol = np.int64(event["symbol"])
    if session.run[0]["heeds"] & HEEDS_AGE:
        follow_age(bound, event)
    due = session.dues[symbol]
    if event["flags"] & Flag.SYNTHETIC and due["first_own"] != NIL:
        _step_back(bound, event)
    if desk.book.control[0]["best_changed"]:
        due["changed"] = due["changed"] | MOVED
        position = desk.ledger.positions[symbol]
        if position["fill_count"] > 0:
            mark_twice = mark_of(desk.book, desk.ledger, OURS, symbol)
            if mark_twice != position["mark_twice"]:  # else it is marked so since its last fill
                mark_position(desk.ledger, OURS, symbol, mark_twice, desk.run[0]["now_ns"])


@verb
def heed(bound, session):  # type: ignore[no-untyped-def]
    """Cancel all our orders if the account asks for it."""
    account = bundle_of(session.desk).ledger.accounts[OURS]
    if account["attention"]:
        pull_attended(bound, account)


# ---- how old the market is ----------------------------------------------------------------------


@helper
def follow_age(bound, event):  # type: ignore[no-untyped-def]
    """Our side has seen an event: what it knows of the symbol is as old as that.

    A gap has the quotes pulled at once; what is known counts again once a snapshot has ended.
    """
    session = bundle_of(bound)
    ledger, symbol = bundle_of(session.desk).ledger, np.int64(event["symbol"])
    guard = ledger.guards[row_of(ledger, OURS, symbol)]
    guard["seen_ns"] = event["venue_ns"]
    if event["kind"] == Kind.GAP:
        guard["has_gap"] = 1
        pull_orders(bound, symbol)
    elif event["kind"] == Kind.SNAPSHOT_END:
        guard["has_gap"] = 0


@helper
def pull_if_stale(session, symbol):  # type: ignore[no-untyped-def]
    """Have a rule want nothing in a market of which our side knows too little."""
    if _knows_too_little(session, symbol):
        want_nothing(session.quotes)


@helper
def pull_stale(bound, symbol):  # type: ignore[no-untyped-def]
    """Ask for all orders in a market to be cancelled of which our side knows too little."""
    if _knows_too_little(bundle_of(bound), symbol):
        pull_orders(bound, symbol)


@verb
def _knows_too_little(session, symbol):  # type: ignore[no-untyped-def]
    """Whether what our side knows of a market is too old, has a gap or is crossed."""
    desk = bundle_of(session.desk)
    row = row_of(desk.ledger, OURS, symbol)
    limit, guard = desk.ledger.limits[row], desk.ledger.guards[row]
    if limit["watches"] & AGES == 0:
        return False
    return is_stale(limit, guard, session.run[0]["now_ns"]) or is_crossed(desk.book, symbol)
