"""How recorded events meet our orders.

Order by order our place in the queue is known: an order of ours has the sequence number of its
arrival, and what came later at its price is behind it. So an execution of an order that is behind
ours, a trade through our price, and an opposite order that crosses ours each fill us, at our price,
for at most their own quantity, shared by price and time.

Of price levels the queue is a model's guess (`mmjit.core.queues`): a trade at our price first takes
what is before us. A trade through our price, and an opposite level that grows across ours, fill us
as above. Ours share the quantity of one event; nothing fills while a symbol does not trade, nor in
an auction.
"""

import numpy as np

from mmjit.core.account import funding_of
from mmjit.core.book import owner_of
from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Flag, Kind, TradingStatus
from mmjit.core.floor import end_day, fill, fill_before, take_from, tell
from mmjit.core.jit import helper, verb
from mmjit.core.levels import held, level_at
from mmjit.core.posting import mid_of, new_answer
from mmjit.core.queues import front_after, trade_at
from mmjit.core.replay import apply_dirty, place_for, slot_of
from mmjit.core.sighting import hit_side, is_still_in, note_front
from mmjit.core.working import LATEST, first_at, is_better, reaches, stands_at


@verb
def meet(model, bound, parts, event):  # type: ignore[no-untyped-def]
    """Apply an event to the venue's book and let it meet our orders; whether it was applied.

    Args:
        model: the queue model.
        bound: leads to the session.
        parts: the session, its floor and its track.
        event: EVENT, of a symbol that there is.
    """
    if parts[0].dues[event["symbol"]]["by_level"]:
        return _meet_by_level(model, bound, parts, event)
    return _meet_by_order(bound, parts, event)


# ---- order by order -----------------------------------------------------------------------------


@verb
def _meet_by_order(bound, parts, event):  # type: ignore[no-untyped-def]
    """`meet` where the tape shows orders."""
    session, floor, track = parts
    symbol = np.int64(event["symbol"])
    book, due = floor.book, session.dues[symbol]
    slot = slot_of(track.region, event)
    side, price, sequence, lots = 0, 0, 0, 0
    if due["live_count"] > 0:
        side, price, sequence, lots = _resting_mark(book, slot, event)
    level = np.int64(NIL)
    if session.run[0]["taken"] and slot != NIL:
        level = np.int64(book.nodes[slot]["level"])
    before = book.control[0]["sequence"]
    apply_dirty(book, track.region, event, floor.counts)
    if book.control[0]["sequence"] == before:
        return False  # refused: nothing happened
    if level != NIL:
        joined = np.int64(0)  # by an order that was replaced, which had left the level first
        if event["kind"] == Kind.REPLACE and book.nodes[slot]["level"] == level:
            joined = np.int64(book.nodes[slot]["qty_lots"])
        _cap_taken(session, level, joined)
    if lots > 0:
        if reaches(due, side, price) and _trades(due, event):
            fill_before(bound, 2 * symbol + side, (price, sequence, lots))
    elif _is_met(session, due, slot, event):
        respond(bound, slot, event)
    return True


@verb
def _trades(due, event):  # type: ignore[no-untyped-def]
    """Whether what an event says was traded could have been traded with us."""
    return due["is_still"] == 0 and event["flags"] & Flag.AUCTION == 0


@verb
def _resting_mark(book, slot, event):  # type: ignore[no-untyped-def]
    """Side, price, sequence and lots of the execution to be applied; 0 lots if it is none."""
    if event["kind"] != Kind.EXECUTE or slot == NIL or book.nodes[slot]["level"] == NIL:
        return 0, 0, 0, 0
    level = book.levels[book.nodes[slot]["level"]]
    lots = min(event["qty_lots"], book.nodes[slot]["qty_lots"])
    return level["owner"] & 1, level["price"], book.orders[slot]["sequence"], lots


@verb
def _is_met(session, due, slot, event):  # type: ignore[no-untyped-def]
    """Whether an event that was applied meets orders that we have, or says something of us."""
    kind = event["kind"]
    if kind == Kind.TRADE:
        return event["price"] < due["own_bid"] or event["price"] > due["own_ask"]
    if kind == Kind.STATUS or kind == Kind.FUNDING or kind == Kind.CLEAR:
        return True
    if due["live_count"] == 0 or (kind != Kind.ADD and kind != Kind.REPLACE):
        return False
    if event["flags"] & Flag.SYNTHETIC:
        return True
    book = bundle_of(session.floor).book
    return reaches(due, 1 - (owner_of(book, slot) & 1), event["price"])


@helper
def respond(bound, slot, event):  # type: ignore[no-untyped-def]
    """Let an event that was applied meet our orders; executions are met by `fill_before` alone."""
    session = bundle_of(bound)
    kind = event["kind"]
    due = session.dues[event["symbol"]]
    if kind == Kind.STATUS:
        _note_status(bound, session, due, event)
    elif kind == Kind.FUNDING:
        _fund(bound, session, due, event)
    elif kind == Kind.CLEAR:
        for level in range(len(bundle_of(session.floor).taken)):
            _cap_taken(session, level, np.int64(0))
    elif kind == Kind.TRADE:
        if _trades(due, event):
            mark = (event["price"], -1, event["qty_lots"])
            for side in range(2):
                fill_before(bound, 2 * np.int64(event["symbol"]) + side, mark)
    elif kind == Kind.ADD or kind == Kind.REPLACE:
        _meet_newcomer(bound, session, due, slot, event)


@verb
def _meet_newcomer(bound, session, due, slot, event):  # type: ignore[no-untyped-def]
    """An order has come to rest, and may cross orders of ours; what did is gone for us."""
    book = bundle_of(session.floor).book
    level = book.nodes[slot]["level"]
    price, owner = book.levels[level]["price"], book.levels[level]["owner"]
    if event["flags"] & Flag.SYNTHETIC:
        _stand_back(session, due, owner & 1, price)
    elif _trades(due, event):
        filled = fill_before(bound, np.int64(owner) ^ 1, (price, LATEST, event["qty_lots"]))
        take_from(session, level, filled)


@verb
def _cap_taken(session, level, joined):  # type: ignore[no-untyped-def]
    """No more of a level can be gone for us than is there, but for lots that have just joined."""
    floor = bundle_of(session.floor)
    taken = floor.taken[level]
    if taken == 0:
        return
    left = min(taken, floor.book.levels[level]["qty_lots"] - joined)
    floor.taken[level] = left
    if left == 0:
        session.run[0]["taken"] -= 1


@verb
def _stand_back(session, due, side, price):  # type: ignore[no-untyped-def]
    """A level that was out of sight is shown again: what rests there now is before our orders."""
    slot = first_at(due, side)
    while slot != NIL:
        order = session.orders[slot]
        if order["price"] == price:
            order["sequence"] = bundle_of(session.floor).book.control[0]["sequence"]
            session.run[0]["window_lost"] += 1
        slot = order["next"]


@verb
def _note_status(bound, session, due, event):  # type: ignore[no-untyped-def]
    """A symbol begins or ends to trade; at its close the day orders are over."""
    status = event["qty_lots"]
    due["is_still"] = is_still_in(status)
    if status == TradingStatus.CLOSED:
        end_day(bound, np.int64(event["symbol"]))


@verb
def _fund(bound, session, due, event):  # type: ignore[no-untyped-def]
    """Funding falls due on what we hold, at the mark of the event or else the mid."""
    symbol = np.int64(event["symbol"])
    mark_twice = 2 * event["price"]
    if mark_twice == 0:
        mark_twice = mid_of(bundle_of(session.floor).book, symbol)
    if mark_twice == 0 or due["position_lots"] == 0:
        return
    terms = bundle_of(session.desk).ledger.terms[symbol]
    answer = new_answer(session, np.int64(0), Kind.FUNDING)
    answer["symbol"] = symbol
    answer["order_id"] = 0
    answer["amount_pico"] = funding_of(terms, due["position_lots"], mark_twice, event["qty_lots"])
    tell(bound, session, answer)


# ---- by price level -----------------------------------------------------------------------------


@verb
def _meet_by_level(model, bound, parts, event):  # type: ignore[no-untyped-def]
    """`meet` where the tape shows price levels."""
    session, floor, track = parts
    symbol = np.int64(event["symbol"])
    book, due = floor.book, session.dues[symbol]
    is_level, side = event["kind"] == Kind.LEVEL, np.int64(event["side"]) & 1
    takes = session.run[0]["taken"] != 0
    is_near = is_level and (
        stands_at(session, due, side, event["price"]) or reaches(due, 1 - side, event["price"])
    )
    level, lots = np.int64(NIL), np.int64(0)
    if is_near or (takes and is_level):
        level = np.int64(place_for(book, track.region, event, held(2 * symbol + side))[0])
    if level != NIL:
        lots = np.int64(book.levels[level]["qty_lots"])
    before = book.control[0]["sequence"]
    apply_dirty(book, track.region, event, floor.counts)
    if book.control[0]["sequence"] == before:
        return False
    if takes and level != NIL:
        _cap_taken(session, level, np.int64(0))
    if is_near or not is_level:
        meet_change(model, bound, event, lots)
    return True


@helper
def meet_change(model, bound, event, before_lots):  # type: ignore[no-untyped-def]
    """Let an event of a tape of price levels, which was applied, meet our orders.

    Args:
        model: the queue model.
        bound: leads to the session.
        event: EVENT.
        before_lots: of a LEVEL, what was at its price.
    """
    session = bundle_of(bound)
    due = session.dues[event["symbol"]]
    kind = event["kind"]
    if kind == Kind.LEVEL:
        _move_fronts(model, session, due, event, before_lots)
        if event["qty_lots"] > before_lots:
            _meet_growth(bound, session, due, event, event["qty_lots"] - before_lots)
    elif kind == Kind.TRADE:
        if _trades(due, event) and due["live_count"] > 0:
            _meet_trade(bound, session, due, event)
    else:
        respond(bound, np.int64(NIL), event)


@verb
def _move_fronts(model, session, due, event, before_lots):  # type: ignore[no-untyped-def]
    """The quantity at a price is another: a model says what of it was before our orders there."""
    side, price = event["side"], event["price"]
    slot = first_at(due, side)
    while slot != NIL and not is_better(side, price, session.orders[slot]["price"]):
        order = session.orders[slot]
        if order["price"] == price:
            fronts, after = bundle_of(session.floor).fronts, event["qty_lots"]
            order["front_lots"] = front_after(
                model, fronts, order["front_lots"], order["traded_lots"], before_lots, after
            )
            order["traded_lots"] = 0
            note_front(session, order)
        slot = order["next"]


@verb
def _meet_growth(bound, session, due, event, lots):  # type: ignore[no-untyped-def]
    """A level has grown by some lots, which may cross orders of ours."""
    side, price = event["side"], event["price"]
    if not reaches(due, 1 - side, price) or not _trades(due, event):
        return
    owner = 2 * np.int64(event["symbol"]) + side
    filled = fill_before(bound, owner ^ 1, (price, LATEST, lots))
    take_from(session, level_at(bundle_of(session.floor).book, owner, price), filled)


@verb
def _meet_trade(bound, session, due, event):  # type: ignore[no-untyped-def]
    """A trade with resting orders of a side: through some of ours, then at the price of others."""
    side, price = hit_side(bundle_of(session.floor).book, event), event["price"]
    owner = 2 * np.int64(event["symbol"]) + side
    traded = event["qty_lots"]
    left = traded - fill_before(bound, owner, (price, -1, traded))
    slot = np.int64(first_at(due, side))
    while slot != NIL and session.orders[slot]["price"] == price:
        order = session.orders[slot]
        after = np.int64(order["next"])
        front_lots, lots = trade_at(order["front_lots"], traded)
        order["front_lots"] = front_lots
        order["traded_lots"] += traded
        note_front(session, order)
        lots = min(lots, min(left, order["shown_lots"]))
        if lots > 0 and order["left_lots"] > 0:  # a fill may have had this one cancelled
            left -= lots
            fill(bound, slot, order["price"], lots, 1)
        slot = after
