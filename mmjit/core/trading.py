"""Our orders in a recorded market: entered, filled, cancelled, and every step logged.

A recorded order goes on as recorded. Ours stand in the true queue beside it: an order of ours has
the sequence number of its arrival, and what came later at its price is behind it.

- An execution of an order that is behind ours, a trade through our price, and an opposite order
  that crosses ours each fill us, at our price, for at most their own quantity, shared by price
  and time.
- An order of ours that crosses on arrival takes what rests, level by level. `taken` remembers,
  per level, what is no longer there for us, until a recorded order joins that level.
"""

from typing import Final

from mmjit.core.account import identity_holds
from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.desk import QUOTE_LEVELS, lots_before
from mmjit.core.jit import CHECKED, helper, verb
from mmjit.core.ledger import count_open, mark_of, mark_position, open_more, take_fill
from mmjit.core.levels import next_level
from mmjit.core.logbook import write_fill, write_step

OURS: Final = 0  # the account of the ledger
LATEST: Final = 1 << 62  # after every sequence number
FILLED: Final = 1  # bits of DUE `changed`: an order of ours was filled,
MOVED: Final = 2  # a best price, quantity or count is another


@helper
def enter(desk, due, taken, logbook, place, price, qty_lots):  # type: ignore[no-untyped-def]
    """Enter an order that passed every check; `place` is side * QUOTE_LEVELS + level."""
    run = desk.run[0]
    side = place // QUOTE_LEVELS
    order = desk.own[desk.symbol, side, place % QUOTE_LEVELS]
    owner = 2 * desk.symbol + side
    run["last_order_id"] += 1
    order["order_id"] = run["last_order_id"]
    order["price"] = price
    order["left_lots"] = qty_lots
    order["wanted_lots"] = qty_lots
    order["sequence"] = desk.book.control[0]["sequence"]
    order["entered_ns"] = run["now_ns"]
    order["filled_lots"] = 0
    desk.ledger.positions[desk.symbol]["order_count"] += 1
    due["live_count"] += 1
    open_more(desk.ledger, OURS, desk.symbol, side, qty_lots)
    count_open(desk.ledger, OURS, desk.symbol, 1)
    line = write_step(logbook, run, owner, order, Kind.NEW, qty_lots)
    line["ahead_lots"] = lots_before(desk.book, owner, price, order["sequence"])
    note_own(desk, due)
    _sweep(desk, due, taken, logbook, order, side)


@verb
def _sweep(desk, due, taken, logbook, order, side):  # type: ignore[no-untyped-def]
    """Take what rests on the other side at our price or better."""
    far = 2 * desk.symbol + 1 - side
    level = desk.book.sides[far]["best"]
    while level != NIL and order["left_lots"] > 0:
        record = desk.book.levels[level]
        if is_better(1 - side, order["price"], record["price"]):
            return
        there = record["qty_lots"] - taken[level]
        if there > 0:
            qty_lots = min(there, order["left_lots"])
            taken[level] += qty_lots
            desk.run[0]["taken"] = 1
            fill(desk, due, logbook, order, side, record["price"], qty_lots, 0)
        level = next_level(desk.book, level)


@verb
def note_own(desk, due):  # type: ignore[no-untyped-def]
    """Find the best prices of our orders anew, after one of them came or went."""
    bid = -LATEST
    ask = LATEST
    for level in range(QUOTE_LEVELS):
        order = desk.own[desk.symbol, 0, level]
        if order["left_lots"] > 0:
            bid = max(bid, order["price"])
        order = desk.own[desk.symbol, 1, level]
        if order["left_lots"] > 0:
            ask = min(ask, order["price"])
    due["own_bid"] = bid
    due["own_ask"] = ask


@verb
def reaches(due, side, price):  # type: ignore[no-untyped-def]
    """Whether an order of ours on a side is at a price or better."""
    if side == 0:
        return due["own_bid"] >= price
    return due["own_ask"] <= price


@verb
def is_better(side, left, right):  # type: ignore[no-untyped-def]
    """Whether one price of a side is strictly better than another."""
    if side == 0:
        return left > right
    return left < right


@helper
def fill(desk, due, logbook, order, side, price, qty_lots, maker):  # type: ignore[no-untyped-def]
    """Fill part of an order of ours, or all of it."""
    run = desk.run[0]
    position = desk.ledger.positions[desk.symbol]
    order["left_lots"] -= qty_lots
    order["filled_lots"] += qty_lots
    fee_pico = take_fill(desk.ledger, OURS, desk.symbol, side, price, qty_lots, maker)
    if order["left_lots"] == 0:
        due["live_count"] -= 1
        count_open(desk.ledger, OURS, desk.symbol, -1)
        note_own(desk, due)
    due["changed"] = due["changed"] | FILLED
    revalue(desk)
    owner = 2 * desk.symbol + side
    line = write_fill(logbook, run, owner, order, price, qty_lots)
    line["fee_pico"] = fee_pico
    line["position_lots"] = position["position_lots"]
    line["maker"] = maker
    write_step(logbook, run, owner, order, Kind.FILL, qty_lots)
    if CHECKED:
        assert identity_holds(position)


@verb
def revalue(desk):  # type: ignore[no-untyped-def]
    """Mark the position to what the book shows now."""
    mark_twice = mark_of(desk.book, desk.ledger, OURS, desk.symbol)
    mark_position(desk.ledger, OURS, desk.symbol, mark_twice, desk.run[0]["now_ns"])


@helper
def cancel(desk, due, logbook, order, side):  # type: ignore[no-untyped-def]
    """Cancel what is left of an order of ours."""
    left = order["left_lots"]
    open_more(desk.ledger, OURS, desk.symbol, side, -left)
    count_open(desk.ledger, OURS, desk.symbol, -1)
    order["left_lots"] = 0
    due["live_count"] -= 1
    note_own(desk, due)
    write_step(logbook, desk.run[0], 2 * desk.symbol + side, order, Kind.CANCEL, left)


@helper
def cancel_all(desk, due, logbook):  # type: ignore[no-untyped-def]
    """Cancel all our orders in a symbol."""
    for place in range(2 * QUOTE_LEVELS):
        side = place // QUOTE_LEVELS
        order = desk.own[desk.symbol, side, place % QUOTE_LEVELS]
        if order["left_lots"] > 0:
            cancel(desk, due, logbook, order, side)


@helper
def shrink_own(desk, logbook, order, side, left_lots):  # type: ignore[no-untyped-def]
    """Cancel part of an order of ours, which keeps its place."""
    less = order["left_lots"] - left_lots
    open_more(desk.ledger, OURS, desk.symbol, side, -less)
    order["left_lots"] = left_lots
    write_step(logbook, desk.run[0], 2 * desk.symbol + side, order, Kind.AMEND, less)


@helper
def fill_before(desk, due, logbook, side, mark):  # type: ignore[no-untyped-def]
    """Fill our orders of a side that come before a place in the queue, best first.

    Args:
        desk: of the symbol.
        due: of the symbol.
        logbook: to write to.
        side: of our orders.
        mark: price, sequence and lots: ours are filled, for the lots in all, where their price is
            better, or the same and they came no later than the sequence.

    Returns:
        The lots that were filled.
    """
    price, sequence, qty_lots = mark
    left = qty_lots
    while left > 0:
        level = _first_before(desk, side, price, sequence)
        if level == NIL:
            break
        order = desk.own[desk.symbol, side, level]
        lots = min(left, order["left_lots"])
        left -= lots
        fill(desk, due, logbook, order, side, order["price"], lots, 1)
    return qty_lots - left


@verb
def _first_before(desk, side, price, sequence):  # type: ignore[no-untyped-def]
    """Which of our orders of a side is first, if it comes before a place in the queue; or NIL."""
    first = NIL
    for level in range(QUOTE_LEVELS):
        order = desk.own[desk.symbol, side, level]
        if order["left_lots"] == 0:
            continue
        if not is_better(side, order["price"], price) and (
            order["price"] != price or order["sequence"] > sequence
        ):
            continue
        if first == NIL or _is_earlier(desk, side, order, first):
            first = level
    return first


@verb
def _is_earlier(desk, side, order, level):  # type: ignore[no-untyped-def]
    """Whether an order of ours comes before that of a level."""
    other = desk.own[desk.symbol, side, level]
    if order["price"] != other["price"]:
        return is_better(side, order["price"], other["price"])
    return order["order_id"] < other["order_id"]


@verb
def resting_mark(desk, slot, event):  # type: ignore[no-untyped-def]
    """Side, price, sequence and lots of the execution to be applied; 0 lots if it is none."""
    book = desk.book
    if event["kind"] != Kind.EXECUTE or slot == NIL or book.nodes[slot]["level"] == NIL:
        return 0, 0, 0, 0
    level = book.levels[book.nodes[slot]["level"]]
    lots = min(event["qty_lots"], book.nodes[slot]["qty_lots"])
    return level["owner"] & 1, level["price"], book.orders[slot]["sequence"], lots


@helper
def respond(desk, due, taken, logbook, slot, event):  # type: ignore[no-untyped-def]
    """Let an event that was applied meet our orders; executions are met by `fill_before` alone."""
    kind = event["kind"]
    if kind == Kind.TRADE:
        mark = (event["price"], -1, event["qty_lots"])
        for side in range(2):
            fill_before(desk, due, logbook, side, mark)
    elif kind == Kind.ADD or kind == Kind.REPLACE:
        _meet_newcomer(desk, due, taken, logbook, slot, event)


@verb
def _meet_newcomer(desk, due, taken, logbook, slot, event):  # type: ignore[no-untyped-def]
    """An order has come to rest: it refreshes its level, and may cross orders of ours."""
    book = desk.book
    level = book.nodes[slot]["level"]
    price = book.levels[level]["price"]
    side = book.levels[level]["owner"] & 1
    filled = 0
    if event["flags"] & Flag.SYNTHETIC:
        _stand_back(desk, side, price)
    else:
        mark = (price, LATEST, event["qty_lots"])
        filled = fill_before(desk, due, logbook, 1 - side, mark)
    taken[level] = filled
    if filled > 0:
        desk.run[0]["taken"] = 1


@verb
def _stand_back(desk, side, price):  # type: ignore[no-untyped-def]
    """A level that was out of sight is shown again: what rests there now is before our orders."""
    for level in range(QUOTE_LEVELS):
        order = desk.own[desk.symbol, side, level]
        if order["left_lots"] > 0 and order["price"] == price:
            order["sequence"] = desk.book.control[0]["sequence"]
            desk.run[0]["window_lost"] += 1
