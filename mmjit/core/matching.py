"""Orders meeting orders: by price, then time.

A resting order trades at its own price. What an iceberg hides comes into the book when what it
shows is traded away, and stands at the tail of its level then. Orders of one account do not meet
each other unless they are asked to (SelfTrade).

Invariant: outside a command no bid is at or above an ask, unless the book was made so by other
means than a venue's.
"""

from typing import Final

import numpy as np

from mmjit.core.book import count_execution, note_trade, take
from mmjit.core.codes import NIL, Kind, SelfTrade
from mmjit.core.jit import helper, verb
from mmjit.core.ledger import open_more, row_of, take_fill
from mmjit.core.levels import (
    close_level,
    held,
    level_at,
    link,
    next_level,
    note_best,
    sentinel_of,
    unlink,
)
from mmjit.core.resting import (
    CHECK_REDUCING,
    ICEBERG,
    REDUCING,
    SPECIAL,
    forget,
    hidden_of,
    leave_details,
    leaves_of,
    note_moved,
    reducible,
    remove_order,
)


@verb
def reaches(side, price, worst):  # type: ignore[no-untyped-def]
    """Whether an order of a side that takes up to `worst` takes at a price."""
    if side == 0:
        return price <= worst
    return price >= worst


# ---- a trade --------------------------------------------------------------------------------


@verb
def trade(venue, command, slot, qty_lots):  # type: ignore[no-untyped-def]
    """Trade a quantity, at most what it shows, with a resting order."""
    book = venue.book
    order = book.orders[slot]
    level = held(book.nodes[slot]["level"])
    owner = held(book.levels[level]["owner"])
    price = book.levels[level]["price"]
    maker_id = order["order_id"]
    maker_owner = np.int64(order["owner"])
    write_trade(venue, command, maker_id, maker_owner, (owner, price, qty_lots))
    if maker_owner >= 0:
        fill_account(venue, (maker_owner, maker_id, owner, np.int64(1)), price, qty_lots)
    if command["owner"] >= 0:
        taker = (np.int64(command["owner"]), command["order_id"], owner ^ 1, np.int64(0))
        fill_account(venue, taker, price, qty_lots)
    use_up(venue, slot, qty_lots)


@helper
def trade_apart(venue, command, slot, qty_lots):  # type: ignore[no-untyped-def]
    """`trade` where it is not worth a place in its caller."""
    trade(venue, command, slot, qty_lots)


@verb
def write_trade(venue, command, maker_id, maker_owner, what):  # type: ignore[no-untyped-def]
    """Log a trade: `what` is 2 * symbol + side of the maker, price and lots."""
    owner, price, qty_lots = what
    control = venue.control[0]
    line = venue.trades[control["trade_head"] & (len(venue.trades) - 1)]
    control["trade_head"] += 1
    line["venue_ns"] = control["now_ns"]
    line["price"] = price
    line["qty_lots"] = qty_lots
    line["maker_id"] = maker_id
    line["taker_id"] = command["order_id"]
    line["number"] = control["trade_head"]
    line["symbol"] = owner >> 1
    line["maker_owner"] = maker_owner
    line["taker_owner"] = command["owner"]
    line["side"] = 1 - (owner & 1)
    line["pad"] = 0
    line["pad2"] = 0
    count_execution(venue.book, owner, qty_lots)
    note_trade(venue.book, owner >> 1, price, qty_lots, control["now_ns"])


@verb
def use_up(venue, slot, qty_lots):  # type: ignore[no-untyped-def]
    """Take a quantity off what a resting order shows; an iceberg shows more when all is gone."""
    book = venue.book
    node = book.nodes[slot]
    if node["qty_lots"] == qty_lots and book.orders[slot]["flags"] & SPECIAL:
        if hidden_of(venue, slot) > 0:
            _show_more(venue, slot)
            return
        leave_details(venue, slot)
    gone = take(book, slot, qty_lots)
    note_moved(venue)
    if gone:
        forget(venue, slot)


@helper
def _show_more(venue, slot):  # type: ignore[no-untyped-def]
    """All that an iceberg showed is gone: it shows the next part, at the tail of its level."""
    book = venue.book
    detail = venue.details[slot]
    node = book.nodes[slot]
    level = held(node["level"])
    part = min(detail["display_lots"], detail["hidden_lots"])
    detail["hidden_lots"] -= part
    book.levels[level]["qty_lots"] += part - node["qty_lots"]
    unlink(book, slot)
    node["qty_lots"] = part
    link(book, slot, level)
    note_best(book, held(book.levels[level]["owner"]), level)
    note_moved(venue)
    book.control[0]["sequence"] += 1
    book.orders[slot]["sequence"] = book.control[0]["sequence"]


@helper
def fill_account(venue, who, price, qty_lots):  # type: ignore[no-untyped-def]
    """Take a trade into an account: `who` is owner, order id, 2 * symbol + side, and 1 of a maker.

    The side is that of the account's own order.
    """
    owner, order_id, place, maker = who
    symbol = place >> 1
    control = venue.control[0]
    position = venue.ledger.positions[row_of(venue.ledger, owner, symbol)]
    before = position["position_lots"]
    fee_pico = take_fill(
        venue.ledger, owner, symbol, place & 1, price, qty_lots, maker, control["now_ns"]
    )
    after = position["position_lots"]
    if position["reducing_count"] > 0 and (after == 0 or (after > 0) != (before > 0)):
        account = venue.ledger.accounts[owner]
        account["attention"] = account["attention"] | CHECK_REDUCING
        control["attention"] = 1
    line = venue.fills[control["fill_head"] & (len(venue.fills) - 1)]
    control["fill_head"] += 1
    line["venue_ns"] = control["now_ns"]
    line["order_id"] = order_id
    line["price"] = price
    line["qty_lots"] = qty_lots
    line["fee_pico"] = fee_pico
    line["position_lots"] = after
    line["event"] = control["trade_head"]
    line["symbol"] = symbol
    line["side"] = place & 1
    line["maker"] = maker
    line["owner"] = owner


# ---- meeting the other side -----------------------------------------------------------------


@verb
def match(venue, command, side, worst, qty_lots):  # type: ignore[no-untyped-def]
    """Let an order meet the other side while its price allows.

    Returns what is left, and whether that is to be cancelled (self-trade prevention).
    """
    book = venue.book
    left = qty_lots
    stopped = False
    level = first_to_meet(book, command, side)
    while level != NIL and reaches(side, book.levels[level]["price"], worst):
        left, stopped = meet(venue, command, level, side, left)
        if left == 0 or stopped:
            break
        level = first_to_meet(book, command, side)
    return left, stopped


@verb
def first_to_meet(book, command, side):  # type: ignore[no-untyped-def]
    """The level that an order meets first: the best of the other side, of a TAKE that at its price.

    NIL if there is none.
    """
    far = command["symbol"] * 2 + 1 - side
    if command["kind"] == Kind.TAKE:
        return _level_to_take(book, far, command["price"])
    return np.int64(book.sides[far]["best"])


@helper
def _level_to_take(book, owner, price):  # type: ignore[no-untyped-def]
    return np.int64(level_at(book, owner, price))


@verb
def meet(venue, command, level, side, left):  # type: ignore[no-untyped-def]
    """Let an order meet the head of a level; returns what is left, and whether it goes on."""
    book = venue.book
    if book.levels[level]["order_count"] == 0:
        return _meet_set_level(venue, command, level, left), False
    slot = np.int64(book.levels[level]["next"])
    if book.orders[slot]["owner"] >= 0:
        return _meet_owned(venue, command, slot, side, left)
    lots = min(left, np.int64(book.nodes[slot]["qty_lots"]))
    trade(venue, command, slot, lots)
    return left - lots, False


@helper
def _meet_set_level(venue, command, level, left):  # type: ignore[no-untyped-def]
    """Trade with a level that was set as a whole; returns what is left."""
    book = venue.book
    record = book.levels[level]
    owner = held(record["owner"])
    lots = min(left, record["qty_lots"])
    price = record["price"]
    write_trade(venue, command, np.int64(0), np.int64(NIL), (owner, price, lots))
    if command["owner"] >= 0:
        taker = (np.int64(command["owner"]), command["order_id"], owner ^ 1, np.int64(0))
        fill_account(venue, taker, price, lots)
    record["qty_lots"] -= lots
    note_best(book, owner, level)
    note_moved(venue)
    if record["qty_lots"] == 0:
        close_level(book, owner, level)
    return left - lots


@helper
def _meet_owned(venue, command, slot, side, left):  # type: ignore[no-untyped-def]
    """Let an order meet one of an account; returns what is left, and whether it stops there."""
    book = venue.book
    order = book.orders[slot]
    shown = np.int64(book.nodes[slot]["qty_lots"])
    if order["owner"] == command["owner"] and command["self_trade"] != SelfTrade.NONE:
        return _prevent(venue, command, slot, side, left)
    lots = min(left, shown)
    if order["flags"] & REDUCING:
        owner, symbol = np.int64(order["owner"]), np.int64(command["symbol"])
        lots = min(lots, reducible(venue.ledger, owner, symbol, 1 - side))
        if lots == 0:
            remove_order(venue, slot)
            return left, False
    trade_apart(venue, command, slot, lots)
    return left - lots, False


@verb
def _prevent(venue, command, slot, side, left):  # type: ignore[no-untyped-def]
    """Keep an order from trading with its owner's own; returns what is left, and if it stops."""
    control = venue.control[0]
    mode = command["self_trade"]
    if mode == SelfTrade.DECREMENT:
        lots = min(left, np.int64(venue.book.nodes[slot]["qty_lots"]))
        open_more(
            venue.ledger, np.int64(command["owner"]), np.int64(command["symbol"]), side, -lots
        )
        open_more(
            venue.ledger, np.int64(command["owner"]), np.int64(command["symbol"]), 1 - side, -lots
        )
        use_up(venue, slot, lots)
        control["prevented_lots"] += lots
        return left - lots, False
    if mode == SelfTrade.CANCEL_OLDEST:
        control["prevented_lots"] += leaves_of(venue, slot)
    else:
        control["prevented_lots"] += left
    if mode != SelfTrade.CANCEL_NEWEST:
        remove_order(venue, slot)
    return left, mode != SelfTrade.CANCEL_OLDEST


# ---- looking ahead --------------------------------------------------------------------------

UNCERTAIN: Final = -1  # beside the values of SelfTrade, where trades are counted: see below


@helper
def measure(venue, command, side, worst, qty_lots, self_trade):  # type: ignore[no-untyped-def]
    """What an order would trade, up to its quantity, and in how many trades at most.

    `self_trade` says what to think of orders of the same owner.
    """
    book = venue.book
    lots = np.int64(0)
    trades = 0
    level = first_to_meet(book, command, side)
    while level != NIL and lots < qty_lots and reaches(side, book.levels[level]["price"], worst):
        wanted = qty_lots - lots
        more, count, stops = _measure_level(venue, command, level, wanted, self_trade)
        lots += more
        trades += count
        if stops or command["kind"] == Kind.TAKE:
            break
        level = np.int64(next_level(book, level))
    return min(lots, qty_lots), trades


@verb
def _measure_level(venue, command, level, wanted, self_trade):  # type: ignore[no-untyped-def]
    """Lots, trades, and whether an order of the same owner ends it there.

    What icebergs hide comes after all that is shown at the level. Reduce-only orders are not
    counted on: what they trade depends on what is traded before. Nor, where that is UNCERTAIN, are
    those of the same owner: they may trade, or be gone by then.
    """
    book = venue.book
    if book.levels[level]["order_count"] == 0:
        return book.levels[level]["qty_lots"], 1, False
    lots = np.int64(0)
    hidden = np.int64(0)
    trades = 0
    refills = 0
    sentinel = sentinel_of(book, level)
    slot = np.int64(book.levels[level]["next"])
    while slot != sentinel and lots < wanted:
        order = book.orders[slot]
        own = order["owner"] >= 0 and order["owner"] == command["owner"]
        if own and self_trade > SelfTrade.NONE and self_trade != SelfTrade.CANCEL_OLDEST:
            return lots, trades, True
        if not own or self_trade != SelfTrade.CANCEL_OLDEST:
            trades += 1
            if order["flags"] & REDUCING == 0 and not (own and self_trade == UNCERTAIN):
                lots += book.nodes[slot]["qty_lots"]
                hidden += hidden_of(venue, slot)
            elif order["owner"] == command["owner"]:
                trades += leaves_of(venue, slot)  # each leaves the position as it was
            if order["flags"] & ICEBERG:
                detail = venue.details[slot]
                refills += -(-detail["hidden_lots"] // detail["display_lots"])
        slot = np.int64(book.nodes[slot]["next"])
    if lots >= wanted:
        return lots, trades, False
    return lots + hidden, trades + refills, False
