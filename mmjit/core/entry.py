"""Orders on their way in, changed and out: what a new one, an amend, a cancel and a take do.

A command is judged first: the first rule it breaks names its status, and everything stays as it
was. An amend that does not merely shrink is an order that leaves and one that comes, with the terms
of the old; so one path lets orders in, whatever they come from.
"""

import numpy as np

from mmjit.core.admission import (
    cancel_pace_status,
    crossing_status,
    form_status,
    halt_status,
    is_market,
    may_rest,
    note_entered,
    note_withdrawn,
    rest_status,
    rings_status,
    take_status,
    worst_price,
    would_trade,
)
from mmjit.core.alarms import set_alarm
from mmjit.core.book import INDEXED, bears, enter_id, erase_id, find_slot, qty_status, stand
from mmjit.core.codes import NIL, Flag, Kind, SelfTrade, Status, Term, TimeInForce
from mmjit.core.index import TAG_BITS, TAG_MASK, enter, find, slot_at, tag_of
from mmjit.core.intrinsics import rarely
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import count_open, open_more, row_of
from mmjit.core.levels import add_page, held, level_of, note_best, price_status
from mmjit.core.limits import RESTS, limit_status
from mmjit.core.matching import match
from mmjit.core.pool import acquire
from mmjit.core.resting import (
    EXPIRES,
    ICEBERG,
    OWNED,
    POSTED,
    REDUCING,
    hidden_of,
    join_own,
    leaves_of,
    note_moved,
    remove_tagged,
)

# ---- in, changed, out -----------------------------------------------------------------------


@verb
def change_orders(venue, command, note, display_lots, gtd_ns):  # type: ignore[no-untyped-def]
    """Do a NEW, TAKE, AMEND or CANCEL; returns the lots traded (cancelled), or a status.

    `note` is the tag of the command's order id, and above it a guess at the order's slot.
    """
    tag = note & TAG_MASK
    kind = command["kind"]
    order = command
    leaving, level, place = np.int64(NIL), np.int64(NIL), np.int64(0)
    expires_ns = np.int64(0)
    if kind == Kind.NEW:
        status, level, place, expires_ns = judge_new(venue, command, tag, display_lots, gtd_ns)
        if rarely(status < 0):
            return status
        display_lots = np.int64(0) if display_lots == command["qty_lots"] else display_lots
    elif kind == Kind.TAKE:
        status = np.int64(take_status(venue, command))
        if rarely(status < 0):
            return status
    else:
        leaving = find_order(venue, command, note)
        if rarely(leaving < 0):
            return leaving
        if kind == Kind.CANCEL:
            return _cancel_paced(venue, command, leaving, tag)
        status, level, in_place = judge_amend(venue, command, leaving)
        if in_place:
            note_withdrawn(venue, command)
        if status < 0 or in_place:
            return status
        order = venue.scratch[0]
        display_lots, expires_ns = inherited(venue, leaving)
    status, worst, meets = admit(venue, order, leaving, level)
    if rarely(status < 0):
        return status

    note_entered(venue, order)
    if leaving != NIL:
        remove_tagged(venue, leaving, tag)
        tag = tag_of(venue.book.control[0]["salt"], order["order_id"])
        place = find(venue.book.entries, venue.book.orders, tag, order["order_id"])
    elif order["owner"] >= 0 and kind == Kind.NEW:
        row = row_of(venue.ledger, order["owner"], order["symbol"])
        venue.ledger.positions[row]["order_count"] += 1
    return _let_in(venue, order, (tag, place, level), (worst, meets), (display_lots, expires_ns))


@verb
def admit(venue, order, leaving, level):  # type: ignore[no-untyped-def]
    """Whether an order that is one may come in once another (or NIL) has left.

    Returns a status, the worst price at which it may trade, and whether it meets something at once.
    `level` is that of its price, open or not, or NIL.
    """
    side = np.int64(order["side"])
    worst = np.int64(0)
    meets = False
    status = np.int64(Status.OK)
    if order["owner"] >= 0:
        status = _limits(venue, order, leaving)
    if status == 0:
        worst = worst_price(venue, order)
        meets = would_trade(venue, order, side, worst)
        status = np.int64(crossing_status(venue, order, side, worst, meets))
    if status == 0 and may_rest(order):
        status = np.int64(rest_status(venue, order, leaving, level))
    if rarely(status == 0 and meets):
        status = np.int64(rings_status(venue, order, side, worst))
    return status, worst, meets


@helper
def _limits(venue, order, leaving):  # type: ignore[no-untyped-def]
    """The limits of an account once an order (or NIL) has left; nothing is changed in the end."""
    ledger = venue.ledger
    owner, symbol = np.int64(order["owner"]), np.int64(order["symbol"])
    side, how = np.int64(order["side"]), np.int64(order["terms"])
    left = np.int64(0)
    if leaving != NIL:
        left = leaves_of(venue, leaving)
        open_more(ledger, owner, symbol, side, -left)
    elif may_rest(order):
        how |= RESTS
    price, qty_lots, now_ns = order["price"], order["qty_lots"], venue.control[0]["now_ns"]
    place = 2 * symbol + side
    status = limit_status(ledger, venue.book, owner, place, price, qty_lots, how, now_ns)
    open_more(ledger, owner, symbol, side, left)
    return np.int64(status)


@verb
def find_order(venue, command, note):  # type: ignore[no-untyped-def]
    """The slot of the order that a command names, or a status."""
    book = venue.book
    if rarely(command["symbol"] < 0 or command["symbol"] >= len(book.symbols)):
        return np.int64(Status.SYMBOL_UNKNOWN)
    if rarely(command["order_id"] == 0):
        return np.int64(Status.ORDER_ID_ZERO)
    slot = note >> TAG_BITS
    if rarely(not bears(book, slot, command["order_id"])):
        place = find(book.entries, book.orders, note & TAG_MASK, command["order_id"])
        slot = np.int64(slot_at(book.entries, place))
        if slot == NIL:
            return np.int64(Status.ORDER_ID_UNKNOWN)
    if rarely(book.levels[book.nodes[slot]["level"]]["owner"] >> 1 != command["symbol"]):
        return np.int64(Status.ORDER_OF_OTHER_SYMBOL)
    if rarely(book.orders[slot]["owner"] != command["owner"]):
        return np.int64(Status.ORDER_OF_OTHER_OWNER)
    return slot


# ---- new ------------------------------------------------------------------------------------


@verb
def judge_new(venue, command, tag, display_lots, gtd_ns):  # type: ignore[no-untyped-def]
    """Whether a new order is one.

    Returns a status, the level of its price or NIL, where its id would stand in the index, and when
    it expires (0: never).
    """
    book = venue.book
    expires_ns = np.int64(0)
    level = np.int64(NIL)
    status = np.int64(form_status(venue, command, display_lots))
    if status == 0:
        status, level = _price_of_new(book, command)
    if status == 0 and rarely(command["tif"] == TimeInForce.GTD):
        expires_ns = gtd_ns
        if gtd_ns <= venue.control[0]["now_ns"]:
            status = np.int64(Status.EXPIRY_PAST)
    elif status == 0 and rarely(command["tif"] == TimeInForce.DAY):
        expires_ns = venue.ledger.terms[command["symbol"]]["session_end_ns"]
        if expires_ns <= venue.control[0]["now_ns"]:
            status = np.int64(Status.SESSION_CLOSED)
    if rarely(status < 0):
        return status, level, np.int64(0), expires_ns
    place = find(book.entries, book.orders, tag, command["order_id"])
    if rarely(slot_at(book.entries, place) != NIL):
        status = np.int64(Status.ORDER_ID_DUPLICATE)
    return status, level, np.int64(place), expires_ns


@verb
def _price_of_new(book, command):  # type: ignore[no-untyped-def]
    """Whether a symbol can have the price of a new order; a status, and the price's level or NIL.

    A level that there is has a price that its symbol can have.
    """
    symbol, price = command["symbol"], command["price"]
    level = np.int64(NIL)
    if rarely(is_market(command)):  # any price will do, if there is one
        price = book.symbols[symbol]["price_min"]
    else:
        level = np.int64(level_of(book, held(symbol * 2 + command["side"]), price))
    if rarely(level == NIL):
        return np.int64(price_status(book, symbol, price)), level
    return np.int64(Status.OK), level


@verb
def _let_in(venue, command, where, worst, special):  # type: ignore[no-untyped-def]
    """Let an order in: it trades, and what is left rests or is cancelled; returns lots traded.

    Args:
        venue: the venue.
        command: the order.
        where: the tag of its id, the id's place in the index, and the level of its price or NIL.
        worst: the worst price at which it may trade, and whether it meets something at once.
        special: what it shows at a time (0: all), and when it expires (0: never).
    """
    owner = np.int64(command["owner"])
    control = venue.control[0]
    left, stopped, prevented_lots = command["qty_lots"], False, np.int64(0)
    if owner >= 0:
        open_more(venue.ledger, owner, np.int64(command["symbol"]), np.int64(command["side"]), left)
    if rarely(worst[1]):
        book = venue.book
        prevented_lots = control["prevented_lots"]
        left, stopped = match(venue, command, np.int64(command["side"]), worst[0], left)
        place = find(book.entries, book.orders, where[0], command["order_id"])
        where = where[0], np.int64(place), where[2]  # those whose orders are filled have left
        prevented_lots = control["prevented_lots"] - prevented_lots
    traded = command["qty_lots"] - left
    if rarely(command["self_trade"] == SelfTrade.DECREMENT):
        traded -= prevented_lots
    if left > 0 and may_rest(command) and not stopped:
        _rest(venue, command, left, where, special)
        control["rested_lots"] += left
    elif left > 0 and owner >= 0:
        symbol, side = np.int64(command["symbol"]), np.int64(command["side"])
        open_more(venue.ledger, owner, symbol, side, -left)
    control["filled_lots"] += traded
    return traded


@verb
def _rest(venue, command, left, where, special):  # type: ignore[no-untyped-def]
    """Put what is left of an order into the book."""
    book = venue.book
    tag, place, level = where
    display_lots, expires_ns = special
    slot = held(acquire(book.order_pool))
    enter(book.entries, place, tag, slot)
    owner = held(command["symbol"] * 2 + command["side"])
    if rarely(level == NIL):
        level = add_page(book, owner, command["price"], NIL)
    order = book.orders[slot]
    order["order_id"] = command["order_id"]
    order["entered_ns"] = venue.control[0]["now_ns"]
    order["sequence"] = book.control[0]["sequence"]
    order["owner"] = command["owner"]
    order["flags"] = INDEXED | (POSTED if command["terms"] & Term.POST_ONLY else 0)
    shown = left if display_lots == 0 else min(left, display_lots)
    stand(book, slot, owner, held(level), shown)
    note_moved(venue)
    if rarely(command["owner"] >= 0 or display_lots != 0 or expires_ns != 0):
        _rest_specially(venue, command, slot, left - shown, display_lots, expires_ns)


@helper
def _rest_specially(venue, command, slot, hidden_lots, display_lots, expires_ns):  # type: ignore[no-untyped-def]
    """Whatever a resting order is beside its place in the book."""
    order = venue.book.orders[slot]
    detail = venue.details[slot]
    detail["hidden_lots"] = hidden_lots
    detail["display_lots"] = display_lots
    detail["prev_own"] = NIL
    detail["next_own"] = NIL
    detail["alarm"] = NIL
    detail["pad"] = 0
    flags = np.int64(order["flags"])
    if display_lots != 0:
        flags |= ICEBERG
        venue.control[0]["hidden_count"] += 1
    if expires_ns != 0:
        flags |= EXPIRES
        set_alarm(venue.alarms, venue.details, venue.control[0], slot, expires_ns)
    owner = np.int64(command["owner"])
    if owner >= 0:
        flags |= OWNED
        join_own(venue.details, venue.ledger.accounts[owner], slot)
        count_open(venue.ledger, owner, np.int64(command["symbol"]), np.int64(1))
        if command["terms"] & Term.REDUCE_ONLY:
            flags |= REDUCING
            row = row_of(venue.ledger, owner, np.int64(command["symbol"]))
            venue.ledger.positions[row]["reducing_count"] += 1
    order["flags"] = flags


# ---- cancelled and amended ------------------------------------------------------------------


@verb
def _cancel_paced(venue, command, slot, tag):  # type: ignore[no-untyped-def]
    """Cancel an order, unless its account cancels too often; the lots, or a status."""
    status = np.int64(cancel_pace_status(venue, command))
    if rarely(status < 0):
        return status
    status, whole = cancel(venue, command, slot)
    if whole:
        remove_tagged(venue, slot, tag)
    if status >= 0:
        note_withdrawn(venue, command)
    return status


@verb
def cancel(venue, command, slot):  # type: ignore[no-untyped-def]
    """Judge a cancel, and do it if it is of a part; the lots or a status, and if all is to go."""
    lots = command["qty_lots"]
    left = leaves_of(venue, slot)
    if rarely(lots < 0):
        return np.int64(Status.QTY_NOT_POSITIVE), False
    if rarely(lots > left):
        return np.int64(Status.OVER_REDUCTION), False
    if lots == 0 or lots == left:
        return left, True
    shrink_in_place(venue, slot, lots)
    return lots, False


@helper
def shrink_in_place(venue, slot, qty_lots):  # type: ignore[no-untyped-def]
    """Cancel part of an order, what it hides first; it keeps its place."""
    book = venue.book
    order = book.orders[slot]
    node = book.nodes[slot]
    level = book.levels[node["level"]]
    place = np.int64(level["owner"])
    hidden = min(qty_lots, hidden_of(venue, slot))
    if hidden > 0:
        venue.details[slot]["hidden_lots"] -= hidden
    node["qty_lots"] -= qty_lots - hidden
    level["qty_lots"] -= qty_lots - hidden
    if qty_lots > hidden:
        note_best(book, place, held(node["level"]))
        note_moved(venue)
    if order["owner"] >= 0:
        open_more(venue.ledger, np.int64(order["owner"]), place >> 1, place & 1, -qty_lots)


@verb
def judge_amend(venue, command, slot):  # type: ignore[no-untyped-def]
    """Judge an amend, and do it if the order keeps its place.

    Returns a status, the level of its new price or NIL, and whether the order keeps its place.
    Otherwise the order as it is to be stands in the venue's first scratch record.
    """
    book = venue.book
    status, level = _amend_status(venue, command, slot)
    if rarely(status < 0):
        return status, level, False
    left = leaves_of(venue, slot)
    same_price = level == book.nodes[slot]["level"]
    if not same_price or command["qty_lots"] > left or command["terms"] & Term.TAIL:
        _merge(venue, command, slot)
        return status, level, False
    if command["qty_lots"] < left:
        shrink_in_place(venue, slot, left - command["qty_lots"])
    _rename(venue, command, slot)
    venue.control[0]["rested_lots"] += command["qty_lots"]
    return status, level, True


@verb
def _amend_status(venue, command, slot):  # type: ignore[no-untyped-def]
    """The form of an amend; a status, and the level of its new price or NIL."""
    book = venue.book
    level = np.int64(book.nodes[slot]["level"])
    if rarely(command["self_trade"] < 0 or command["self_trade"] > SelfTrade.DECREMENT):
        return np.int64(Status.SELF_TRADE_UNKNOWN), level
    if rarely(command["terms"] & ~Term.TAIL != 0):
        return np.int64(Status.TERMS_CONFLICT), level
    status = halt_status(book, command["symbol"])
    if rarely(status < 0):
        return np.int64(status), level
    status = qty_status(book, command["qty_lots"])
    if rarely(status < 0):
        return np.int64(status), level
    if book.levels[level]["price"] != command["price"]:
        level = np.int64(level_of(book, held(book.levels[level]["owner"]), command["price"]))
        if rarely(level == NIL):
            status = price_status(book, command["symbol"], command["price"])
            if status < 0:
                return np.int64(status), level
    new_id = command["other_id"]
    if rarely(new_id != 0 and new_id != command["order_id"] and find_slot(book, new_id) != NIL):
        return np.int64(Status.ORDER_ID_DUPLICATE), level
    return np.int64(Status.OK), level


@verb
def _rename(venue, command, slot):  # type: ignore[no-untyped-def]
    """Give an order that stays where it is its new id."""
    book = venue.book
    if command["other_id"] != 0 and command["other_id"] != command["order_id"]:
        erase_id(book, command["order_id"])
        enter_id(book, command["other_id"], slot)
        book.orders[slot]["order_id"] = command["other_id"]


@verb
def _merge(venue, command, slot):  # type: ignore[no-untyped-def]
    """The order as it is to be, in the venue's scratch record."""
    book = venue.book
    merged = venue.scratch[0]
    flags = book.orders[slot]["flags"]
    merged["kind"] = Kind.NEW
    merged["venue_ns"] = command["venue_ns"]
    merged["local_ns"] = command["local_ns"]
    merged["order_id"] = command["other_id"] if command["other_id"] != 0 else command["order_id"]
    merged["price"] = command["price"]
    merged["qty_lots"] = command["qty_lots"]
    merged["symbol"] = command["symbol"]
    merged["side"] = book.levels[book.nodes[slot]["level"]]["owner"] & 1
    merged["flags"] = Flag.LAST
    merged["owner"] = command["owner"]
    merged["tif"] = TimeInForce.GTD if flags & EXPIRES else TimeInForce.GTC
    merged["self_trade"] = command["self_trade"]
    merged["terms"] = (Term.POST_ONLY if flags & POSTED else 0) | (
        Term.REDUCE_ONLY if flags & REDUCING else 0
    )
    merged["other_id"] = 0


@verb
def inherited(venue, slot):  # type: ignore[no-untyped-def]
    """What an order shows at a time (0: all of it), and when it expires (0: never)."""
    flags = venue.book.orders[slot]["flags"]
    display_lots = np.int64(0)
    expires_ns = np.int64(0)
    if flags & ICEBERG:
        display_lots = venue.details[slot]["display_lots"]
    if flags & EXPIRES:
        expires_ns = venue.alarms[venue.details[slot]["alarm"]]["time_ns"]
    return display_lots, expires_ns
