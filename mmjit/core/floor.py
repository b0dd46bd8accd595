"""What the venue does with our orders: beside the recorded ones, which go on as recorded.

An order of ours that crosses on arrival takes what rests, level by level, at each level's price.
`taken` remembers, per level, what is no longer there for us: what joins a level later is there, and
what was taken is forgotten as the recorded lots leave. What is left of an order comes to rest
behind everything that is at its price. A fill is announced at once; our side hears of it when its
answer arrives.
"""

from typing import Final

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Kind, Status, Term, TimeInForce, TradingStatus
from mmjit.core.desk import lots_at, lots_before
from mmjit.core.hearing import hear
from mmjit.core.jit import helper, verb
from mmjit.core.levels import next_level
from mmjit.core.posting import answer_on, new_answer
from mmjit.core.working import (
    LATEST,
    come_away,
    come_to_rest,
    first_at,
    is_better,
    is_of,
    reaches,
)

ANY_PRICE: Final = 1 << 62  # of a market order: beyond every price, of either sign


@verb
def tell(bound, session, message):  # type: ignore[no-untyped-def]
    """Send an answer on its way; it is heard at once where that takes no time."""
    if answer_on(session, message):
        hear(bound, session.run[0]["answer_head"] % len(bundle_of(session.wire).answers))


# ---- requests ---------------------------------------------------------------------------------


@helper
def arrive(bound, number):  # type: ignore[no-untyped-def]
    """A request has arrived, `number` of the ring."""
    session = bundle_of(bound)
    message = bundle_of(session.wire).requests[number]
    slot = np.int64(message["slot"])
    order = session.orders[slot]
    if message["kind"] == Kind.NEW:
        _enter(bound, session, slot, order["asked_price"], order["asked_lots"])
        return
    if not is_of(session, slot, message["order_id"]) or order["left_lots"] == 0:
        _refuse(bound, session, message, Status.ORDER_ID_UNKNOWN)
    elif message["kind"] == Kind.CANCEL:
        leave(bound, slot, message["sent_ns"], Status.OK)
    else:
        _amend(bound, session, slot, message)


@verb
def _refuse(bound, session, message, status):  # type: ignore[no-untyped-def]
    """Refuse a cancel or an amend."""
    answer = new_answer(session, message["slot"], Kind.REJECT)
    answer["of_kind"] = message["kind"]
    answer["order_id"] = message["order_id"]
    answer["symbol"] = message["symbol"]
    answer["side"] = message["side"]
    answer["price"] = message["price"]
    answer["qty_lots"] = message["qty_lots"]
    answer["ahead_lots"] = message["ahead_lots"]
    answer["sent_ns"] = message["sent_ns"]
    answer["status"] = status
    tell(bound, session, answer)


@verb
def _enter(bound, session, slot, price, qty_lots):  # type: ignore[no-untyped-def]
    """A NEW has arrived."""
    order = session.orders[slot]
    status = entry_status(bound, slot, price, qty_lots)
    order["price"] = price
    order["left_lots"] = 0
    order["done_lots"] = 0
    if status < 0:
        answer = new_answer(session, slot, Kind.REJECT)
        answer["of_kind"] = Kind.NEW
        answer["status"] = status
        answer["qty_lots"] = qty_lots
        tell(bound, session, answer)
        return
    order["entered_ns"] = session.run[0]["floor_ns"]
    _stand(session, order, qty_lots)
    answer = new_answer(session, slot, Kind.ACK)
    answer["qty_lots"] = qty_lots
    answer["ahead_lots"] = order["ahead_lots"]
    tell(bound, session, answer)
    _trade_and_rest(bound, slot)


@verb
def _stand(session, order, qty_lots):  # type: ignore[no-untyped-def]
    """Give an order its place behind everything that is at its price now."""
    owner, book = 2 * np.int64(order["symbol"]) + order["side"], bundle_of(session.floor).book
    order["left_lots"] = qty_lots
    display_lots = order["display_lots"]
    order["shown_lots"] = qty_lots if display_lots == 0 else min(display_lots, qty_lots)
    order["sequence"] = book.control[0]["sequence"]
    order["ahead_lots"] = 0
    if order["terms"] & Term.MARKET == 0:
        order["ahead_lots"] = lots_at(book, owner, order["price"])  # all came before
    order["front_lots"] = order["ahead_lots"]
    order["traded_lots"] = 0


@helper
def _trade_and_rest(bound, slot):  # type: ignore[no-untyped-def]
    """Let an order take what it crosses; what is left rests, or is cancelled if it must not."""
    session = bundle_of(bound)
    order = session.orders[slot]
    due = session.dues[order["symbol"]]
    barred = NIL
    if due["is_still"] == 0:
        barred = _sweep(bound, session, slot)
    if order["left_lots"] == 0:
        return
    tif = order["tif"]
    immediate = tif == TimeInForce.IOC or tif == TimeInForce.FOK
    if barred != NIL or immediate or order["terms"] & Term.MARKET:
        _drop(bound, session, slot, Status.SELF_CROSS if barred != NIL else Status.OK)
        return
    order["shown_lots"] = min(order["shown_lots"], order["left_lots"])
    come_to_rest(session, slot)
    run = session.run[0]
    run["expiry_ns"] = min(run["expiry_ns"], order["expires_ns"])
    run["due_ns"] = min(run["due_ns"], order["expires_ns"] - 1)


@verb
def _sweep(bound, session, slot):  # type: ignore[no-untyped-def]
    """Take what rests on the other side, at our price or better, but nothing behind ours.

    Returns NIL, or the order of ours that is in the way.
    """
    order = session.orders[slot]
    side, symbol = order["side"], np.int64(order["symbol"])
    due, floor = session.dues[symbol], bundle_of(session.floor)
    level = floor.book.sides[2 * symbol + 1 - side]["best"]
    while level != NIL and order["left_lots"] > 0:
        price = floor.book.levels[level]["price"]
        if is_better(1 - side, order["price"], price):
            break
        if reaches(due, 1 - side, price):
            break
        there = floor.book.levels[level]["qty_lots"] - floor.taken[level]
        if there > 0:
            qty_lots = min(there, order["left_lots"])
            take_from(session, level, qty_lots)
            fill(bound, slot, price, qty_lots, 0)
        level = next_level(floor.book, level)
    if order["left_lots"] > 0 and reaches(due, 1 - side, order["price"]):
        return first_at(due, 1 - side)
    return NIL


@verb
def take_from(session, level, qty_lots):  # type: ignore[no-untyped-def]
    """Lots of a recorded level are gone for us."""
    run = session.run[0]
    if run["impact"] and qty_lots > 0:
        taken = bundle_of(session.floor).taken
        if taken[level] == 0:
            run["taken"] += 1
        taken[level] += qty_lots


@verb
def _amend(bound, session, slot, message):  # type: ignore[no-untyped-def]
    """Change a resting order; it keeps its place where it only shrinks."""
    order = session.orders[slot]
    price, left_lots = message["price"], message["qty_lots"] - order["done_lots"]
    if left_lots <= 0:  # as much was filled meanwhile
        leave(bound, slot, message["sent_ns"], Status.OK)
        return
    stays = price == order["price"] and left_lots <= order["left_lots"]
    status = np.int64(Status.OK)
    if not stays:
        status = entry_status(bound, slot, price, left_lots)
    if status < 0:
        _refuse(bound, session, message, status)
        return
    qty_lots = abs(order["left_lots"] - left_lots)
    if stays:
        order["left_lots"] = left_lots
        order["shown_lots"] = min(order["shown_lots"], left_lots)
    else:
        come_away(session, slot)
        order["price"] = price
        _stand(session, order, left_lots)
    answer = new_answer(session, slot, Kind.AMEND)
    answer["sent_ns"] = message["sent_ns"]
    answer["qty_lots"] = qty_lots
    answer["ahead_lots"] = order["ahead_lots"]
    tell(bound, session, answer)
    if not stays:
        _trade_and_rest(bound, slot)


@helper
def leave(bound, slot, sent_ns, status):  # type: ignore[no-untyped-def]
    """Cancel what is left of a resting order; `status` says why, OK: it was asked for."""
    session = bundle_of(bound)
    come_away(session, slot)
    session.orders[slot]["sent_ns"] = sent_ns
    _drop(bound, session, slot, status)


@verb
def _drop(bound, session, slot, status):  # type: ignore[no-untyped-def]
    """Cancel what is left of an order that does not rest."""
    order = session.orders[slot]
    qty_lots = order["left_lots"]
    order["left_lots"] = 0
    answer = new_answer(session, slot, Kind.CANCEL)
    answer["qty_lots"] = qty_lots
    answer["status"] = status
    tell(bound, session, answer)


# ---- what is refused --------------------------------------------------------------------------


@helper
def entry_status(bound, slot, price, qty_lots):  # type: ignore[no-untyped-def]
    """Whether the venue takes an order with a price and a quantity."""
    session = bundle_of(bound)
    order = session.orders[slot]
    symbol, side = np.int64(order["symbol"]), order["side"]
    book, due = bundle_of(session.floor).book, session.dues[symbol]
    trading = book.symbols[symbol]["status"]
    if trading == TradingStatus.HALTED or trading == TradingStatus.PAUSED:
        return Status.SYMBOL_HALTED
    if trading == TradingStatus.CLOSED:
        return Status.SESSION_CLOSED
    if order["expires_ns"] <= session.run[0]["floor_ns"]:
        return Status.EXPIRY_PAST
    terms, tif = order["terms"], order["tif"]
    if terms & Term.REDUCE_ONLY and qty_lots > _closable(due, side):
        return Status.REDUCE_ONLY
    if terms & Term.MARKET:
        return Status.OK
    if is_outside_window(book, due["window_levels"], 2 * symbol + side, price):
        return Status.OUTSIDE_WINDOW
    if reaches(due, 1 - side, price):
        return Status.SELF_CROSS
    if terms & Term.POST_ONLY and offered(session, symbol, side, price, 1) > 0:
        return Status.POST_ONLY_WOULD_TRADE
    if tif == TimeInForce.FOK and offered(session, symbol, side, price, qty_lots) < qty_lots:
        return Status.FILL_OR_KILL_UNFILLED
    return Status.OK


@verb
def is_outside_window(book, shown, owner, price):  # type: ignore[no-untyped-def]
    """Whether the tape does not show the queue at a price: as many levels as it shows are better.

    The book can have more levels, where what left the window was not taken out of it.
    """
    if shown == 0 or book.sides[owner]["level_count"] < shown:
        return False
    level = book.sides[owner]["best"]
    for _ in range(shown):
        edge = book.levels[level]["price"]
        if not is_better(owner & 1, edge, price):
            return False
        level = next_level(book, level)
    return True


@verb
def _closable(due, side):  # type: ignore[no-untyped-def]
    """The lots that an order of a side may have to only reduce our position at the venue."""
    return max(np.int64(0), -due["position_lots"] if side == 0 else due["position_lots"])


@verb
def offered(session, symbol, side, price, enough):  # type: ignore[no-untyped-def]
    """The lots that an order could take at a price or better, counted until they are enough."""
    floor = bundle_of(session.floor)
    lots = np.int64(0)
    level = floor.book.sides[2 * symbol + 1 - side]["best"]
    while level != NIL and lots < enough:
        record = floor.book.levels[level]
        if is_better(1 - side, price, record["price"]):
            break
        lots += max(np.int64(0), record["qty_lots"] - floor.taken[level])
        level = next_level(floor.book, level)
    return lots


# ---- fills --------------------------------------------------------------------------------------


@helper
def fill(bound, slot, price, qty_lots, maker):  # type: ignore[no-untyped-def]
    """Fill part of an order, or all of it; a maker rests, a taker does not."""
    session = bundle_of(bound)
    order = session.orders[slot]
    due = session.dues[order["symbol"]]
    side = order["side"]
    order["left_lots"] -= qty_lots
    order["done_lots"] += qty_lots
    due["position_lots"] += qty_lots if side == 0 else -qty_lots
    answer = new_answer(session, slot, Kind.FILL)
    answer["price"] = price
    answer["qty_lots"] = qty_lots
    answer["maker"] = maker
    answer["entry_ahead_lots"] = order["ahead_lots"]
    if maker:
        answer["ahead_lots"] = lots_ahead(session, order)
        order["shown_lots"] -= qty_lots
        if order["left_lots"] == 0:
            come_away(session, slot)
        elif order["shown_lots"] == 0:  # the next part of an iceberg goes to the tail
            come_away(session, slot)
            _stand(session, order, order["left_lots"])
            come_to_rest(session, slot)
    tell(bound, session, answer)
    if due["reducing_count"] > 0:
        _trim(bound, session, due, np.int64(0))
        _trim(bound, session, due, np.int64(1))


@verb
def lots_ahead(session, order):  # type: ignore[no-untyped-def]
    """The recorded lots that are before an order, or that a model takes to be."""
    if session.dues[order["symbol"]]["by_level"]:
        return np.int64(order["front_lots"])
    owner = 2 * np.int64(order["symbol"]) + order["side"]
    return lots_before(bundle_of(session.floor).book, owner, order["price"], order["sequence"])


@verb
def _trim(bound, session, due, side):  # type: ignore[no-untyped-def]
    """Cancel the reduce-only orders of a side that could do more than close the position."""
    left = _closable(due, side)
    slot = np.int64(first_at(due, side))
    while slot != NIL:
        order = session.orders[slot]
        after = np.int64(order["next"])
        if order["terms"] & Term.REDUCE_ONLY:
            left -= order["left_lots"]
            if left < 0:
                left += order["left_lots"]
                leave(bound, slot, order["sent_ns"], Status.REDUCE_ONLY)
        slot = after


@helper
def fill_before(bound, owner, mark):  # type: ignore[no-untyped-def]
    """Fill our orders of a side that come before a place in the queue, best first.

    Args:
        bound: leads to the session.
        owner: 2 * symbol + side, of our orders.
        mark: price, sequence and lots: ours are filled, for the lots in all, where their price is
            better, or the same and they came no later than the sequence.

    Returns:
        The lots that were filled.
    """
    session = bundle_of(bound)
    price, sequence, qty_lots = mark
    due, side = session.dues[owner >> 1], owner & 1
    left = qty_lots
    while left > 0:
        slot = np.int64(first_at(due, side))
        if slot == NIL:
            break
        order = session.orders[slot]
        if not is_better(side, order["price"], price) and (
            order["price"] != price or order["sequence"] > sequence
        ):
            break
        lots = min(left, order["shown_lots"])
        left -= lots
        fill(bound, slot, order["price"], lots, 1)
    return qty_lots - left


@helper
def expire(bound):  # type: ignore[no-untyped-def]
    """Cancel the orders whose time is over, and find out when the next one's is."""
    session = bundle_of(bound)
    run = session.run[0]
    run["expiry_ns"] = LATEST
    for symbol in range(len(session.dues)):
        for side in range(2):
            slot = np.int64(first_at(session.dues[symbol], side))
            while slot != NIL:
                order = session.orders[slot]
                after = np.int64(order["next"])
                if order["expires_ns"] <= run["floor_ns"]:
                    leave(bound, slot, order["sent_ns"], Status.EXPIRY_PAST)
                else:
                    run["expiry_ns"] = min(run["expiry_ns"], order["expires_ns"])
                slot = after


@helper
def end_day(bound, symbol):  # type: ignore[no-untyped-def]
    """Cancel the day orders of a symbol: its session has closed."""
    session = bundle_of(bound)
    for side in range(2):
        slot = np.int64(first_at(session.dues[symbol], side))
        while slot != NIL:
            order = session.orders[slot]
            after = np.int64(order["next"])
            if order["tif"] == TimeInForce.DAY:
                leave(bound, slot, order["sent_ns"], Status.SESSION_CLOSED)
            slot = after
