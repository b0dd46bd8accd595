"""What our side learns of its orders, and what it makes of it: ledger, quotes, log.

The ledger counts an order as open from when it is sent until our side knows its end, and a fill
from when our side knows of it. So a limit holds whatever is still on its way.
"""

from typing import Final

import numpy as np

from mmjit.core.account import identity_holds
from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.jit import CHECKED, helper, verb
from mmjit.core.ledger import (
    count_open,
    mark_of,
    mark_position,
    open_more,
    take_fill,
    take_funding,
)
from mmjit.core.logbook import write_fill, write_step
from mmjit.core.sighting import sight
from mmjit.core.working import give_slot, is_of, own_at

OURS: Final = 0  # the account of the ledger
FILLED: Final = 1  # bits of DUE `changed`: an order of ours was filled,
MOVED: Final = 2  # a best price, quantity or count is another,
HEARD: Final = 4  # something else became of an order of ours
STRAY: Final = 8  # the cancel of a quote was lost: it is to be asked for again
ANYTHING: Final = FILLED | MOVED | HEARD | STRAY
CANCELLING: Final = 1  # WORKING `leaving`: the bit of a cancel that is on its way,
AMENDING: Final = 2  # an amend is,
RECALLED: Final = 3  # the cancel of a quote is,
LOST: Final = 4  # or was, and got lost
HEEDS_LOSS: Final = 1  # bits of RUN `heeds`: a loss limit is reached at a mark, and
HEEDS_AGE: Final = 2  # what is known of the market is too old, or has a gap;
HEEDS_PULSE: Final = 4  # at the run's interval this is looked at and no rule is asked
ASKED_MOST: Final = 1000  # times that answers of one instant have a rule asked


@helper
def hear(bound, number):  # type: ignore[no-untyped-def]
    """Take an answer in, `number` of the ring."""
    session = bundle_of(bound)
    message = bundle_of(session.wire).answers[number]
    run = session.run[0]
    run["now_ns"] = max(run["now_ns"], message["arrive_ns"])
    run["stirs"] += 1
    kind, slot = message["kind"], np.int64(message["slot"])
    due = session.dues[message["symbol"]]
    if kind == Kind.FUNDING:
        _pay(session, message)
    elif kind == Kind.REJECT and (
        message["of_kind"] != Kind.NEW or not is_of(session, slot, message["order_id"])
    ):
        _stay(session, slot, message)
    elif kind == Kind.ACK:
        _begin(session, slot, message)
    elif kind == Kind.FILL:
        due["changed"] = due["changed"] | FILLED
        _take(session, slot, message)
    elif kind == Kind.AMEND:
        _change(session, slot, message)
    else:
        _end(session, slot, message)


@verb
def is_restless(session, symbol):  # type: ignore[no-untyped-def]
    """Whether answers had the rule asked so often at this instant that it is left alone for now.

    Where messages take no time, a rule that changes its mind at every answer would never end.
    """
    due, now_ns = session.dues[symbol], session.run[0]["now_ns"]
    if due["asked_ns"] != now_ns:
        due["asked_ns"] = now_ns
        due["asked_count"] = 0
    if due["asked_count"] >= ASKED_MOST:
        session.refused[symbol, -Status.RULE_RESTLESS] += 1
        return True
    due["asked_count"] += 1
    return False


@verb
def _begin(session, slot, message):  # type: ignore[no-untyped-def]
    """The venue has an order."""
    order = session.orders[slot]
    order["known_sequence"] = order["sequence"]
    bundle_of(session.desk).ledger.positions[order["symbol"]]["order_count"] += 1
    if order["place"] != NIL:
        own = own_at(bundle_of(session.desk), order)
        own["sequence"] = order["sequence"]
        own["entered_ns"] = message["venue_ns"]
        if session.dues[order["symbol"]]["by_level"]:
            sight(session, order)
    write_step(bundle_of(session.logbook), session.run[0], message, Kind.NEW, message["qty_lots"])


@verb
def _take(session, slot, message):  # type: ignore[no-untyped-def]
    """An order was filled, in part or whole."""
    order = session.orders[slot]
    run, ledger = session.run[0], bundle_of(session.desk).ledger
    symbol, side, qty_lots = np.int64(order["symbol"]), order["side"], message["qty_lots"]
    order["open_lots"] -= qty_lots
    order["filled_lots"] += qty_lots
    price, maker = message["price"], message["maker"]
    now_ns = run["now_ns"]
    fee_pico = take_fill(ledger, OURS, symbol, side, price, qty_lots, maker, now_ns)
    if order["place"] != NIL:
        own = own_at(bundle_of(session.desk), order)
        own["left_lots"] = order["open_lots"]
        own["filled_lots"] = order["filled_lots"]
    limit_price = order["asked_price"]
    if order["open_lots"] == 0:
        count_open(ledger, OURS, symbol, -1)
        give_slot(session, slot)
    _revalue(bundle_of(session.desk), symbol)
    line = write_fill(bundle_of(session.logbook), run, message)
    line["fee_pico"] = fee_pico
    line["position_lots"] = ledger.positions[symbol]["position_lots"]
    line["entry_ahead_lots"] = message["entry_ahead_lots"]
    line = write_step(bundle_of(session.logbook), run, message, Kind.FILL, qty_lots)
    line["price"] = limit_price
    if CHECKED:
        assert identity_holds(ledger.positions[symbol])


@verb
def _revalue(desk, symbol):  # type: ignore[no-untyped-def]
    """Mark a position to what our side sees of the book."""
    mark_twice = mark_of(desk.book, desk.ledger, OURS, symbol)
    mark_position(desk.ledger, OURS, symbol, mark_twice, desk.run[0]["now_ns"])


@verb
def _change(session, slot, message):  # type: ignore[no-untyped-def]
    """The venue has amended an order."""
    order = session.orders[slot]
    more = message["left_lots"] - order["open_lots"]
    open_more(bundle_of(session.desk).ledger, OURS, np.int64(order["symbol"]), order["side"], more)
    order["open_lots"] = message["left_lots"]
    moved = order["sequence"] != order["known_sequence"] or order["asked_price"] != message["price"]
    order["asked_price"] = message["price"]
    order["known_sequence"] = order["sequence"]
    if order["leaving"] == AMENDING:
        order["leaving"] = 0
    if order["place"] != NIL:
        own = own_at(bundle_of(session.desk), order)
        own["left_lots"] = order["open_lots"]
        own["price"] = message["price"]
        own["sequence"] = order["sequence"]
        if moved and session.dues[order["symbol"]]["by_level"]:
            sight(session, order)
    write_step(bundle_of(session.logbook), session.run[0], message, Kind.AMEND, message["qty_lots"])


@verb
def _end(session, slot, message):  # type: ignore[no-untyped-def]
    """An order is gone: cancelled, expired or, before it ever rested, rejected."""
    order = session.orders[slot]
    ledger = bundle_of(session.desk).ledger
    symbol = np.int64(order["symbol"])
    open_more(ledger, OURS, symbol, order["side"], -order["open_lots"])
    count_open(ledger, OURS, symbol, -1)
    if order["place"] != NIL:
        own_at(bundle_of(session.desk), order)["left_lots"] = 0
    message["left_lots"] = 0
    if message["kind"] == Kind.REJECT:
        session.refused[symbol, -message["status"]] += 1
    run = session.run[0]
    write_step(bundle_of(session.logbook), run, message, message["kind"], message["qty_lots"])
    give_slot(session, slot)


@verb
def _stay(session, slot, message):  # type: ignore[no-untyped-def]
    """A cancel or an amend was refused; the order is as it was, or gone already."""
    order = session.orders[slot]
    session.refused[message["symbol"], -message["status"]] += 1
    if is_of(session, slot, message["order_id"]):
        if message["of_kind"] == Kind.CANCEL:
            order["leaving"] = _left_behind(session, order, message["status"])
        elif order["leaving"] == AMENDING:
            order["leaving"] = 0
        if message["of_kind"] == Kind.AMEND:
            _take_back(session, slot, message["ahead_lots"])
    run = session.run[0]
    write_step(bundle_of(session.logbook), run, message, Kind.REJECT, message["qty_lots"])


@verb
def _take_back(session, slot, more):  # type: ignore[no-untyped-def]
    """What a refused amend asked for in more is not open; nothing is, where all else was filled."""
    order, ledger = session.orders[slot], bundle_of(session.desk).ledger
    symbol = np.int64(order["symbol"])
    open_more(ledger, OURS, symbol, order["side"], -more)
    order["open_lots"] -= more
    if order["place"] != NIL:
        own_at(bundle_of(session.desk), order)["left_lots"] = order["open_lots"]
    if order["open_lots"] == 0:
        count_open(ledger, OURS, symbol, -1)
        give_slot(session, slot)


@verb
def _left_behind(session, order, status):  # type: ignore[no-untyped-def]
    """What an order is whose cancel came to nothing: no quote is to rest unwanted for good.

    One that the venue does not know has not got there, and does not rest.
    """
    if order["leaving"] != RECALLED or status != Status.LOST_ON_THE_WAY:
        return 0
    due = session.dues[order["symbol"]]
    due["changed"] = due["changed"] | STRAY
    return LOST


@verb
def _pay(session, message):  # type: ignore[no-untyped-def]
    """Funding is due on what we held."""
    symbol = np.int64(message["symbol"])
    take_funding(bundle_of(session.desk).ledger, OURS, symbol, message["amount_pico"])
    _revalue(bundle_of(session.desk), symbol)
