"""Our orders in a backtest: one record each, from when it is sent to when our side knows its end.

Invariants: a slot of `orders` is held exactly while our side holds the order for open, and then the
order is in a list of its symbol, `first_own` to `last_own`, oldest first. While it rests at the
venue (`left_lots` above 0) it is in the list of its side too, best price first, oldest first at a
price; `own_bid` and `own_ask` are the prices at the heads of those.
"""

from typing import Any, Final, NamedTuple

from mmjit.core.book import Book
from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Term
from mmjit.core.desk import QUOTE_LEVELS
from mmjit.core.jit import verb
from mmjit.core.pool import acquire, release
from mmjit.core.replay import Region

LATEST: Final = 1 << 62  # after every sequence number and every time


class Floor(NamedTuple):
    """The venue: the market as it is, and what stands there of ours."""

    book: Book  # that of the desk too where our side sees what is
    taken: Any  # int64 per level: lots no longer there for us
    counts: Any  # int64[STATUS_SPAN]: what was wrong with the feed
    fronts: Any  # uint8, the parameters of the queue model


class Wire(NamedTuple):
    """What is on its way; `run` counts what the rings hold."""

    requests: Any  # MESSAGE
    answers: Any  # MESSAGE
    latencies: Any  # LATENCY a Leg
    trips: Any  # ROUND_TRIP: measured


class Track(NamedTuple):
    """The tape, and how our side sees it."""

    events: Any  # EVENT
    seen: Any  # int64: the order in which our side sees them; empty: as they stand
    unseen: Any  # int64[STATUS_SPAN]: what was wrong with the feed, as our side saw it
    region: Region


class Session(NamedTuple):
    """Everything that a run reads and writes.

    Most of it stands behind addresses: the bundle is handed to every function of the engine, and a
    compiler is slow at what is wide.
    """

    run: Any  # RUN, one; also of the desk
    dues: Any  # DUE per symbol
    orders: Any  # WORKING
    pool: Any  # Bound: the Pool of their slots
    desk: Any  # Bound: the Desk
    floor: Any  # Bound: the Floor
    wire: Any  # Bound: the Wire
    logbook: Any  # Bound: the Logbook
    track: Any  # Bound: the Track
    quotes: Any  # WANT[2, QUOTE_LEVELS + 1], of the decision being made
    asks: Any  # ASK, to work in
    refused: Any  # int64[symbols, STATUS_SPAN]: our orders that were refused


# ---- as our side knows them -------------------------------------------------------------------


@verb
def take_slot(session, symbol):  # type: ignore[no-untyped-def]
    """A slot for an order to be sent, or NIL when all are held."""
    slot = acquire(bundle_of(session.pool))
    if slot == NIL:
        return slot
    due = session.dues[symbol]
    order = session.orders[slot]
    order["prev_own"] = due["last_own"]
    order["next_own"] = NIL
    if due["last_own"] == NIL:
        due["first_own"] = slot
    else:
        session.orders[due["last_own"]]["next_own"] = slot
    due["last_own"] = slot
    session.run[0]["working_count"] += 1
    return slot


@verb
def give_slot(session, slot):  # type: ignore[no-untyped-def]
    """Our side knows that an order is gone."""
    order = session.orders[slot]
    due = session.dues[order["symbol"]]
    if order["prev_own"] == NIL:
        due["first_own"] = order["next_own"]
    else:
        session.orders[order["prev_own"]]["next_own"] = order["next_own"]
    if order["next_own"] == NIL:
        due["last_own"] = order["prev_own"]
    else:
        session.orders[order["next_own"]]["prev_own"] = order["prev_own"]
    order["order_id"] = 0
    session.run[0]["working_count"] -= 1
    release(bundle_of(session.pool), slot)


@verb
def is_of(session, slot, order_id):  # type: ignore[no-untyped-def]
    """Whether a slot still holds the order that a message names."""
    return session.orders[slot]["order_id"] == order_id


@verb
def own_at(desk, order):  # type: ignore[no-untyped-def]
    """Where our quotes keep an order that has a place among them."""
    place = order["place"]
    return desk.own[order["symbol"], place // QUOTE_LEVELS, place % QUOTE_LEVELS]


# ---- at the venue -----------------------------------------------------------------------------


@verb
def first_at(due, side):  # type: ignore[no-untyped-def]
    """The first of our orders that rest on a side, or NIL."""
    return due["first_bid"] if side == 0 else due["first_ask"]


@verb
def is_better(side, left, right):  # type: ignore[no-untyped-def]
    """Whether one price of a side is strictly better than another."""
    if side == 0:
        return left > right
    return left < right


@verb
def reaches(due, side, price):  # type: ignore[no-untyped-def]
    """Whether an order of ours on a side is at a price or better."""
    if side == 0:
        return due["own_bid"] >= price
    return due["own_ask"] <= price


@verb
def stands_at(session, due, side, price):  # type: ignore[no-untyped-def]
    """Whether an order of ours rests on a side at a price."""
    if not reaches(due, side, price):
        return False
    slot = first_at(due, side)
    while slot != NIL and is_better(side, session.orders[slot]["price"], price):
        slot = session.orders[slot]["next"]
    return slot != NIL and session.orders[slot]["price"] == price


@verb
def come_to_rest(session, slot):  # type: ignore[no-untyped-def]
    """Put an order behind those of ours that are as good or better."""
    order = session.orders[slot]
    due = session.dues[order["symbol"]]
    side = order["side"]
    before = NIL
    after = first_at(due, side)
    while after != NIL and not is_better(side, order["price"], session.orders[after]["price"]):
        before = after
        after = session.orders[after]["next"]
    order["prev"] = before
    order["next"] = after
    if after != NIL:
        session.orders[after]["prev"] = slot
    if before != NIL:
        session.orders[before]["next"] = slot
    else:
        _lead(session, due, side, slot)
    due["live_count"] += 1
    if order["terms"] & Term.REDUCE_ONLY:
        due["reducing_count"] += 1


@verb
def come_away(session, slot):  # type: ignore[no-untyped-def]
    """Take an order from among those that rest."""
    order = session.orders[slot]
    due = session.dues[order["symbol"]]
    if order["next"] != NIL:
        session.orders[order["next"]]["prev"] = order["prev"]
    if order["prev"] != NIL:
        session.orders[order["prev"]]["next"] = order["next"]
    else:
        _lead(session, due, order["side"], order["next"])
    due["live_count"] -= 1
    if order["terms"] & Term.REDUCE_ONLY:
        due["reducing_count"] -= 1


@verb
def _lead(session, due, side, slot):  # type: ignore[no-untyped-def]
    """Make an order, or NIL, the first of a side."""
    if side == 0:
        due["first_bid"] = slot
        due["own_bid"] = -LATEST if slot == NIL else session.orders[slot]["price"]
    else:
        due["first_ask"] = slot
        due["own_ask"] = LATEST if slot == NIL else session.orders[slot]["price"]
