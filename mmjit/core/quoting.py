"""Turning what a rule wants into the fewest messages.

An order at the wanted price is kept, also after a partial fill: topping it up would cost its
place. It is shrunk in place when less is wanted than is left of it, and replaced when more is
wanted than was before. What is not wanted any more is cancelled, before anything new is sent, so
that we never meet ourselves. A cancel is not waited for: until it is heard of, what it cancels
counts as open.
"""

from typing import Final

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Kind, Status, Term, TimeInForce, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS, at_symbol, tick_at
from mmjit.core.floor import ANY_PRICE, arrive, is_outside_window
from mmjit.core.hearing import AMENDING, CANCELLING, LOST, OURS, RECALLED
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import ORDERS_OPEN, count_open, open_more, row_of
from mmjit.core.limits import (
    RESTS,
    cancel_status,
    limit_status,
    note_cancelled,
    note_sent,
)
from mmjit.core.logbook import write_step
from mmjit.core.posting import leg_of, mid_of, new_request, send_on, takes_no_time
from mmjit.core.sighting import sight_of
from mmjit.core.working import LATEST, is_of, own_at, take_slot

PLACES: Final = 2 * QUOTE_LEVELS  # of a symbol's quotes, the bids first


# ---- quotes -----------------------------------------------------------------------------------


@helper
def settle(bound, symbol):  # type: ignore[no-untyped-def]
    """Make our orders of a symbol what the quotes of the session want."""
    session = bundle_of(bound)
    desk, quotes = bundle_of(session.desk), session.quotes
    if quotes[0, QUOTE_LEVELS]["qty_lots"] != 0:
        session.refused[symbol, -Status.QUOTE_UNKNOWN] += 1
    sights = np.int64(0)
    for place in range(PLACES):
        side = place // QUOTE_LEVELS
        own = desk.own[symbol, side, place % QUOTE_LEVELS]
        if own["left_lots"] > 0:
            _adjust(bound, session, own, quotes[side, place % QUOTE_LEVELS])
            sights |= sight_of(own["price"])  # if it is cancelled, once more for nothing
    if session.run[0]["sees_queues"]:
        session.dues[symbol]["sights"] = sights
    for place in range(PLACES):
        side = place // QUOTE_LEVELS
        quote = quotes[side, place % QUOTE_LEVELS]
        if quote["qty_lots"] == 0:
            continue
        if desk.own[symbol, side, place % QUOTE_LEVELS]["left_lots"] > 0:
            continue
        ask = session.asks[0]
        ask["side"] = side
        ask["price"] = quote["price"]
        ask["qty_lots"] = quote["qty_lots"]
        ask["place"] = place
        ask["display_lots"] = 0  # an order that was sent by hand may stand there still
        ask["tif"] = TimeInForce.GTC
        ask["terms"] = 0
        ask["tag"] = 0
        send_new(bound, symbol, ask)


@verb
def _adjust(bound, session, own, quote):  # type: ignore[no-untyped-def]
    """Keep, shrink or cancel a live order."""
    lots = quote["qty_lots"]
    if lots <= 0 or quote["price"] != own["price"] or lots > own["wanted_lots"]:
        if may_cancel(session, np.int64(session.orders[own["slot"]]["symbol"])):
            send_cancel(bound, own["slot"])
        return
    if session.orders[own["slot"]]["leaving"] == AMENDING:
        return  # an amend is on its way already
    if lots < own["left_lots"]:
        send_amend(bound, own["slot"], own["price"], lots)
    own["wanted_lots"] = lots


# ---- what is sent -----------------------------------------------------------------------------


@helper
def send_new(bound, symbol, ask):  # type: ignore[no-untyped-def]
    """Send an order, if nothing that our side knows is against it.

    Args:
        bound: leads to the session.
        symbol: of the order.
        ask: ASK; read.

    Returns:
        The id of the order, or a status.
    """
    session = bundle_of(bound)
    run = session.run[0]
    status = order_status(session, symbol, ask)
    slot = np.int64(NIL)
    if status == Status.OK:
        slot = np.int64(take_slot(session, symbol))
        if slot == NIL:
            status = Status.ORDER_POOL_EXHAUSTED
    if status < 0:
        session.refused[symbol, -status] += 1
        _log_refusal(session, symbol, ask, status)
        return np.int64(status)
    order = session.orders[slot]
    run["lots_max"] = max(run["lots_max"], ask["qty_lots"])
    run["last_order_id"] += 1
    order["order_id"] = run["last_order_id"]
    _fill_in(order, symbol, ask, run["now_ns"])
    if ask["place"] != NIL:
        _take_place(bundle_of(session.desk), order, slot)
    _note_order(session, symbol, ask["side"], order["asked_price"], ask["qty_lots"])
    open_more(bundle_of(session.desk).ledger, OURS, symbol, ask["side"], ask["qty_lots"])
    count_open(bundle_of(session.desk).ledger, OURS, symbol, 1)
    message = new_request(session, Kind.NEW, slot)
    message["price"] = order["asked_price"]
    message["qty_lots"] = ask["qty_lots"]
    _dispatch(bound, session, message)
    return np.int64(run["last_order_id"])


@verb
def _fill_in(order, symbol, ask, now_ns):  # type: ignore[no-untyped-def]
    """Write an order's record, as it is sent."""
    order["symbol"] = symbol
    order["side"] = ask["side"]
    order["tif"] = ask["tif"]
    order["terms"] = ask["terms"]
    order["asked_price"] = ask["price"]
    if ask["terms"] & Term.MARKET:
        order["asked_price"] = ANY_PRICE if ask["side"] == 0 else -ANY_PRICE
    order["price"] = order["asked_price"]
    order["asked_lots"] = ask["qty_lots"]
    order["open_lots"] = ask["qty_lots"]
    order["display_lots"] = ask["display_lots"]
    order["expires_ns"] = LATEST
    if ask["tif"] == TimeInForce.GTD:
        order["expires_ns"] = ask["expires_ns"]
    order["left_lots"] = 0
    order["filled_lots"] = 0
    order["done_lots"] = 0
    order["ahead_lots"] = 0
    order["sent_ns"] = now_ns
    order["leaving"] = 0
    order["place"] = ask["place"]
    order["tag"] = ask["tag"]


@verb
def _take_place(desk, order, slot):  # type: ignore[no-untyped-def]
    """Let an order stand at its place among our quotes."""
    own = own_at(desk, order)
    own["slot"] = slot
    own["order_id"] = order["order_id"]
    own["price"] = order["asked_price"]
    own["left_lots"] = order["open_lots"]
    own["wanted_lots"] = order["open_lots"]
    own["sequence"] = desk.book.control[0]["sequence"]
    own["entered_ns"] = order["sent_ns"]
    own["filled_lots"] = 0
    place = order["place"]
    desk.ahead[order["symbol"], place // QUOTE_LEVELS, place % QUOTE_LEVELS] = NIL


@verb
def _note_order(session, symbol, side, price, qty_lots):  # type: ignore[no-untyped-def]
    """An order that passed is sent now."""
    desk, place = bundle_of(session.desk), 2 * symbol + side
    now_ns = session.run[0]["now_ns"]
    note_sent(desk.ledger, desk.book, OURS, place, price, qty_lots, now_ns)


@verb
def may_cancel(session, symbol):  # type: ignore[no-untyped-def]
    """Whether a cancel that a rule or a user asks for may be sent now, which then counts."""
    ledger, now_ns = bundle_of(session.desk).ledger, session.run[0]["now_ns"]
    status = cancel_status(ledger, OURS, symbol, now_ns)
    if status < 0:
        session.refused[symbol, -status] += 1
        return False
    note_cancelled(ledger, OURS, symbol, now_ns)
    return True


@verb
def _dispatch(bound, session, message):  # type: ignore[no-untyped-def]
    """Let a request arrive, at once or when it does."""
    run = session.run[0]
    if run["request_head"] == run["request_tail"] and takes_no_time(
        bundle_of(session.wire).latencies, leg_of(message["kind"])
    ):
        run["floor_ns"] = max(run["floor_ns"], run["now_ns"])
        arrive(bound, run["request_head"] % len(bundle_of(session.wire).requests))
    else:
        send_on(session, message)


@helper
def send_cancel(bound, slot):  # type: ignore[no-untyped-def]
    """Ask for an order to be cancelled; its place among the quotes is free from now on."""
    session = bundle_of(bound)
    order = session.orders[slot]
    if order["leaving"] & CANCELLING:
        return
    order["leaving"] = RECALLED if order["leaving"] == LOST else CANCELLING
    if order["place"] != NIL:
        order["leaving"] = RECALLED
        own_at(bundle_of(session.desk), order)["left_lots"] = 0
        order["place"] = NIL
    message = new_request(session, Kind.CANCEL, slot)
    message["price"] = order["asked_price"]
    message["qty_lots"] = 0
    _dispatch(bound, session, message)


@helper
def recall(bound, symbol):  # type: ignore[no-untyped-def]
    """Ask again for quotes to be cancelled whose cancel got lost."""
    session = bundle_of(bound)
    slot = np.int64(session.dues[symbol]["first_own"])
    while slot != NIL:
        after = np.int64(session.orders[slot]["next_own"])
        if session.orders[slot]["leaving"] == LOST:
            send_cancel(bound, slot)
        slot = after


@helper
def send_amend(bound, slot, price, left_lots):  # type: ignore[no-untyped-def]
    """Ask for what is left of an order to be another quantity, or at another price.

    What it asks for in more counts as open from now on. The venue is told the quantity with all
    that our side knows to be filled: what was filled unknown to us is not entered again.
    """
    session = bundle_of(bound)
    order = session.orders[slot]
    more = max(np.int64(0), left_lots - order["open_lots"])
    session.run[0]["lots_max"] = max(session.run[0]["lots_max"], order["filled_lots"] + left_lots)
    symbol = np.int64(order["symbol"])
    ledger, now_ns = bundle_of(session.desk).ledger, session.run[0]["now_ns"]
    if price == order["asked_price"] and more == 0:
        note_cancelled(ledger, OURS, symbol, now_ns)
    else:
        _note_order(session, symbol, order["side"], price, left_lots)
    open_more(ledger, OURS, symbol, order["side"], more)
    order["open_lots"] += more
    order["leaving"] = AMENDING
    message = new_request(session, Kind.AMEND, slot)
    message["price"] = price
    message["qty_lots"] = order["filled_lots"] + left_lots
    message["ahead_lots"] = more
    _dispatch(bound, session, message)


@verb
def _log_refusal(session, symbol, ask, status):  # type: ignore[no-untyped-def]
    """Log an order that was never sent; it has no id."""
    run = session.run[0]
    requests = bundle_of(session.wire).requests
    message = requests[run["request_head"] % len(requests)]
    message["order_id"] = 0
    message["symbol"] = symbol
    message["side"] = ask["side"]
    message["price"] = ask["price"]
    message["left_lots"] = 0
    message["ahead_lots"] = 0
    message["status"] = status
    message["event"] = run["event"]
    message["sent_ns"] = run["now_ns"]
    message["venue_ns"] = run["now_ns"]
    message["mid_twice"] = mid_of(bundle_of(session.desk).book, symbol)
    write_step(bundle_of(session.logbook), run, message, Kind.REJECT, ask["qty_lots"])


@helper
def pull_orders(bound, symbol):  # type: ignore[no-untyped-def]
    """Ask for all our orders in a symbol to be cancelled."""
    session = bundle_of(bound)
    slot = np.int64(session.dues[symbol]["first_own"])
    while slot != NIL:
        after = np.int64(session.orders[slot]["next_own"])
        send_cancel(bound, slot)
        slot = after


@helper
def pull_attended(bound, account):  # type: ignore[no-untyped-def]
    """Ask for the orders to be cancelled that the account's limits want gone."""
    session = bundle_of(bound)
    attention = account["attention"]
    account["attention"] = 0
    ledger = bundle_of(session.desk).ledger
    for symbol in range(len(session.dues)):
        guard = ledger.guards[row_of(ledger, OURS, symbol)]
        if attention & ORDERS_OPEN or guard["attention"] != 0:
            guard["attention"] = 0
            pull_orders(bound, symbol)


# ---- what is refused ----------------------------------------------------------------------------


@verb
def order_status(session, symbol, ask):  # type: ignore[no-untyped-def]
    """Whether our side may send an order, for all it knows; what it replaces is on its way out."""
    desk = bundle_of(session.desk)
    side, price, qty_lots = ask["side"], ask["price"], ask["qty_lots"]
    record = desk.book.symbols[symbol]
    if record["status"] == TradingStatus.HALTED or record["status"] == TradingStatus.PAUSED:
        return Status.SYMBOL_HALTED
    if record["status"] == TradingStatus.CLOSED:
        return Status.SESSION_CLOSED
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > desk.ledger.terms[symbol]["qty_lots_max"]:
        return Status.QTY_TOO_LARGE
    how, tif = np.int64(ask["terms"]), ask["tif"]
    rests = how & Term.MARKET == 0 and tif != TimeInForce.IOC and tif != TimeInForce.FOK
    if how & Term.POST_ONLY and not rests:
        return Status.TERMS_CONFLICT
    if ask["display_lots"] < 0 or ask["display_lots"] > qty_lots:
        return Status.DISPLAY_OUT_OF_RANGE
    if tif == TimeInForce.GTD and ask["expires_ns"] <= session.run[0]["now_ns"]:
        return Status.EXPIRY_PAST
    if how & Term.MARKET == 0:
        if price < record["price_min"] or price > record["price_max"]:
            return Status.PRICE_OUT_OF_RANGE
        if price % tick_at(at_symbol(desk, symbol), price) != 0:
            return Status.PRICE_OFF_TICK
        shown = session.dues[symbol]["window_levels"]
        if is_outside_window(desk.book, shown, 2 * symbol + side, price):
            return Status.OUTSIDE_WINDOW
        if _crosses_own(session, symbol, side, price):
            return Status.SELF_CROSS
    if rests:
        how |= RESTS
    place, now_ns = 2 * symbol + side, session.run[0]["now_ns"]
    return limit_status(desk.ledger, desk.book, OURS, place, price, qty_lots, how, now_ns)


@helper
def amend_status(bound, slot, price, left_lots):  # type: ignore[no-untyped-def]
    """Whether our side may ask for an order to have another price, and so many lots left."""
    session = bundle_of(bound)
    order = session.orders[slot]
    symbol, side, open_lots = np.int64(order["symbol"]), order["side"], order["open_lots"]
    ask = session.asks[0]
    ask["side"] = side
    ask["price"] = price
    ask["qty_lots"] = left_lots
    ask["display_lots"] = 0
    ask["tif"] = TimeInForce.IOC  # which rests already, and so counts as no other order
    ask["terms"] = 0
    ledger = bundle_of(session.desk).ledger
    open_more(ledger, OURS, symbol, side, -open_lots)
    status = order_status(session, symbol, ask)
    open_more(ledger, OURS, symbol, side, open_lots)
    return status


@verb
def _crosses_own(session, symbol, side, price):  # type: ignore[no-untyped-def]
    """Whether an order would meet one of ours on the other side that is not on its way out."""
    slot = session.dues[symbol]["first_own"]
    while slot != NIL:
        order = session.orders[slot]
        is_going = order["leaving"] & CANCELLING or order["terms"] & Term.MARKET
        if order["side"] != side and not is_going:
            if side == 0 and order["asked_price"] <= price:
                return True
            if side == 1 and order["asked_price"] >= price:
                return True
        slot = order["next_own"]
    return False


@verb
def slot_of_order(session, symbol, order_id):  # type: ignore[no-untyped-def]
    """The slot of an order of ours that our side holds for open, or NIL."""
    slot = np.int64(session.dues[symbol]["first_own"])
    while slot != NIL and not is_of(session, slot, order_id):
        slot = np.int64(session.orders[slot]["next_own"])
    return slot
