"""Orders that rest at a venue: what they are besides their place in the book, and how they leave.

An order of an account (`owner` 0 or more) stands in a list of that account, oldest first, and
counts as open in the ledger; one that expires stands among the alarms; an iceberg keeps a part of
itself out of the book. ORDER `flags` says which, DETAIL holds the rest.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.alarms import drop_alarm
from mmjit.core.book import INDEXED, Book, take
from mmjit.core.codes import NIL
from mmjit.core.index import erase_at, place_of, tag_of
from mmjit.core.intrinsics import rarely
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import Ledger, count_open, open_more, row_of
from mmjit.core.levels import held
from mmjit.core.pool import release

# Bits of ORDER `flags`, above what an event can set. Any but INDEXED means that DETAIL is in use.
ICEBERG: Final = 1 << 17
EXPIRES: Final = 1 << 18
OWNED: Final = 1 << 19
POSTED: Final = 1 << 20  # entered post-only
REDUCING: Final = 1 << 21  # entered reduce-only
SPECIAL: Final = ICEBERG | EXPIRES | OWNED
assert INDEXED < ICEBERG

CHECK_REDUCING: Final = 2  # a bit of ACCOUNT `attention`, beside ORDERS_OPEN


class Venue(NamedTuple):
    """A book in which orders trade with each other, and the accounts of those who trade."""

    book: Book
    details: Any  # DETAIL per order slot
    alarms: Any  # ALARM per order slot
    trades: Any  # TRADE, a ring
    fills: Any  # FILL, a ring: what the trades were to the accounts
    ledger: Ledger
    counts: Any  # int64[(accounts + 1) * STATUS_SPAN]: refusals by owner, the market's last
    control: Any  # VENUE, one
    scratch: Any  # COMMAND[2]: a command being worked out


# ---- reads ----------------------------------------------------------------------------------


@verb
def hidden_of(venue, slot):  # type: ignore[no-untyped-def]
    """What a resting order keeps out of the book."""
    if venue.book.orders[slot]["flags"] & ICEBERG:
        return venue.details[slot]["hidden_lots"]
    return 0


@verb
def leaves_of(venue, slot):  # type: ignore[no-untyped-def]
    """What is open of a resting order, shown or hidden."""
    return np.int64(venue.book.nodes[slot]["qty_lots"]) + hidden_of(venue, slot)


@verb
def reducible(ledger, owner, symbol, side):  # type: ignore[no-untyped-def]
    """How much an order of a side can trade and still bring the position nearer to zero."""
    lots = ledger.positions[row_of(ledger, owner, symbol)]["position_lots"]
    return max(0, -lots if side == 0 else lots)


# ---- the orders of an account ---------------------------------------------------------------


@helper
def join_own(details, account, slot):  # type: ignore[no-untyped-def]
    """Put an order at the end of its account's list."""
    last = account["last_own"]
    details[slot]["prev_own"] = last
    details[slot]["next_own"] = NIL
    if last == NIL:
        account["first_own"] = slot
    else:
        details[last]["next_own"] = slot
    account["last_own"] = slot


@helper
def leave_own(details, account, slot):  # type: ignore[no-untyped-def]
    """Take an order out of its account's list."""
    before = np.int64(details[slot]["prev_own"])
    after = np.int64(details[slot]["next_own"])
    if before == NIL:
        account["first_own"] = after
    else:
        details[before]["next_own"] = after
    if after == NIL:
        account["last_own"] = before
    else:
        details[after]["prev_own"] = before


# ---- an order that leaves -------------------------------------------------------------------


@verb
def remove(venue, slot):  # type: ignore[no-untyped-def]
    """Take a resting order away, all that is open of it."""
    remove_tagged(venue, slot, _tag_at(venue.book, slot))


@verb
def remove_tagged(venue, slot, tag):  # type: ignore[no-untyped-def]
    """`remove` where the tag of the order's id is known."""
    book = venue.book
    if rarely(book.orders[slot]["flags"] & SPECIAL):
        _let_go(venue, slot)
    take(book, slot, np.int64(book.nodes[slot]["qty_lots"]))
    note_moved(venue)
    erase_at(book.entries, place_of(book.entries, tag, slot))
    release(book.order_pool, slot)


@verb
def forget(venue, slot):  # type: ignore[no-untyped-def]
    """Free the slot and the id of an order that has left the book."""
    book = venue.book
    erase_at(book.entries, place_of(book.entries, _tag_at(book, slot), slot))
    release(book.order_pool, slot)


@verb
def _tag_at(book, slot):  # type: ignore[no-untyped-def]
    """The tag of the id of a resting order."""
    return tag_of(book.control[0]["salt"], book.orders[slot]["order_id"])


@verb
def note_moved(venue):  # type: ignore[no-untyped-def]
    """Remember whether what the book has just done changed a best level."""
    control = venue.control[0]
    control["best_moved"] = control["best_moved"] | venue.book.control[0]["best_changed"]


@helper
def _let_go(venue, slot):  # type: ignore[no-untyped-def]
    """What is open of an order that still stands in the book is open no longer."""
    book = venue.book
    order = book.orders[slot]
    if order["flags"] & OWNED:
        owner = held(book.levels[held(book.nodes[slot]["level"])]["owner"])
        left = leaves_of(venue, slot)
        open_more(venue.ledger, np.int64(order["owner"]), owner >> 1, owner & 1, -left)
    leave_details(venue, slot)


@helper
def leave_details(venue, slot):  # type: ignore[no-untyped-def]
    """Take an order that still stands in the book off every list but the book's."""
    book = venue.book
    order = book.orders[slot]
    flags = order["flags"]
    if flags & EXPIRES:
        drop_alarm(venue.alarms, venue.details, venue.control[0], slot)
    if flags & OWNED:
        symbol = held(book.levels[held(book.nodes[slot]["level"])]["owner"]) >> 1
        leave_own(venue.details, venue.ledger.accounts[order["owner"]], slot)
        count_open(venue.ledger, np.int64(order["owner"]), symbol, np.int64(-1))
        if flags & REDUCING:
            row = row_of(venue.ledger, order["owner"], symbol)
            venue.ledger.positions[row]["reducing_count"] -= 1
    if flags & ICEBERG:
        venue.control[0]["hidden_count"] -= 1


@helper
def remove_order(venue, slot):  # type: ignore[no-untyped-def]
    """`remove` where it is not worth a place in its caller."""
    remove(venue, slot)
