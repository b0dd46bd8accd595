"""What our side takes to be before its quotes, on a tape of price levels.

Where our side sees what is, that is what the venue's queue model says. Where it sees the market
later, all that it sees at the price when it hears that the order stands there, and from then on
what the same model makes of what it sees.
"""

import numpy as np

from mmjit.core.book import best_of
from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Flag, Kind, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS, lots_at
from mmjit.core.jit import helper, verb
from mmjit.core.queues import front_after, trade_at


@verb
def is_still_in(status):  # type: ignore[no-untyped-def]
    """Whether nothing trades in a TradingStatus."""
    return (
        status == TradingStatus.QUOTING
        or status == TradingStatus.PAUSED
        or status == TradingStatus.HALTED
        or status == TradingStatus.CLOSED
    )


@verb
def hit_side(book, event):  # type: ignore[no-untyped-def]
    """The side of the resting orders of a trade; where the feed does not say, by the best bid."""
    side = np.int64(event["side"])
    if side == 0 or side == 1:
        return side
    bid, lots = best_of(book, 2 * np.int64(event["symbol"]))
    return np.int64(0) if lots > 0 and event["price"] <= bid else np.int64(1)


@verb
def sight_of(price):  # type: ignore[no-untyped-def]
    """A bit that stands for a price, and for others: where it is not set there is none of ours."""
    return 1 << ((price ^ price >> 2 ^ price >> 5) & 31)


@verb
def sight(session, order):  # type: ignore[no-untyped-def]
    """Our side hears that a quote has its place at a price."""
    desk, front_lots = bundle_of(session.desk), np.float64(order["front_lots"])
    if session.run[0]["two_clocks"]:
        owner = 2 * np.int64(order["symbol"]) + order["side"]
        front_lots = np.float64(lots_at(desk.book, owner, order["asked_price"]))
    order["known_front_lots"] = front_lots
    order["known_traded_lots"] = 0.0
    due = session.dues[order["symbol"]]
    if session.run[0]["sees_queues"]:
        due["sights"] = due["sights"] | sight_of(order["asked_price"])
    _show(desk, order, front_lots)


@verb
def note_front(session, order):  # type: ignore[no-untyped-def]
    """The venue's model has moved what is before an order: our side, if it sees what is, knows."""
    if order["place"] != NIL and session.run[0]["two_clocks"] == 0:
        desk = bundle_of(session.desk)
        if _shown(desk, order) >= 0:
            _show(desk, order, order["front_lots"])


@verb
def lots_seen(session, desk, event):  # type: ignore[no-untyped-def]
    """What our side sees at the price of an event before it; NIL where the event moves no queue."""
    due = session.dues[event["symbol"]]
    if due["sights"] & sight_of(event["price"]) == 0:
        return np.int64(NIL)
    slot = due["first_own"]
    if event["kind"] == Kind.TRADE:
        return np.int64(0)
    if event["kind"] != Kind.LEVEL:
        return np.int64(NIL)
    while slot != NIL and not _is_at(session.orders[slot], event["side"], event["price"]):
        slot = session.orders[slot]["next_own"]
    if slot == NIL:
        return np.int64(NIL)
    owner = 2 * np.int64(event["symbol"]) + event["side"]
    return lots_at(desk.book, owner, event["price"])


@helper
def see_queue(model, bound, event, before_lots):  # type: ignore[no-untyped-def]
    """Our side has seen a level or a trade, at the price of quotes of ours or at another.

    Args:
        model: the queue model.
        bound: leads to the session.
        event: EVENT, of a tape of price levels.
        before_lots: of a LEVEL, what our side saw at its price.
    """
    session = bundle_of(bound)
    desk, fronts = bundle_of(session.desk), bundle_of(session.floor).fronts
    symbol, side, is_trade = np.int64(event["symbol"]), event["side"], event["kind"] == Kind.TRADE
    if is_trade:
        if event["flags"] & Flag.AUCTION or is_still_in(desk.book.symbols[symbol]["status"]):
            return
        side = hit_side(desk.book, event)
    slot = np.int64(session.dues[symbol]["first_own"])
    while slot != NIL:
        order = session.orders[slot]
        slot = np.int64(order["next_own"])
        if not _is_at(order, side, event["price"]) or _shown(desk, order) < 0:
            continue
        front_lots, traded_lots = order["known_front_lots"], order["known_traded_lots"]
        if is_trade:
            front_lots = trade_at(front_lots, event["qty_lots"])[0]
            order["known_traded_lots"] = traded_lots + event["qty_lots"]
        else:
            after_lots = event["qty_lots"]
            front_lots = front_after(
                model, fronts, front_lots, traded_lots, before_lots, after_lots
            )
            order["known_traded_lots"] = 0.0
        order["known_front_lots"] = front_lots
        _show(desk, order, front_lots)


@verb
def _is_at(order, side, price):  # type: ignore[no-untyped-def]
    """Whether an order is a quote of ours at a price, for all our side knows."""
    return order["place"] != NIL and order["side"] == side and order["asked_price"] == price


@verb
def _shown(desk, order):  # type: ignore[no-untyped-def]
    """What a rule is told to be before a quote; below 0 while it is not known to stand."""
    place = order["place"]
    return desk.ahead[order["symbol"], place // QUOTE_LEVELS, place % QUOTE_LEVELS]


@verb
def _show(desk, order, front_lots):  # type: ignore[no-untyped-def]
    """Tell a rule what is before a quote, in whole lots, rounded down."""
    place = order["place"]
    desk.ahead[order["symbol"], place // QUOTE_LEVELS, place % QUOTE_LEVELS] = np.int64(front_lots)
