"""Ten million random commands against a venue of plain arrays that is scanned from end to end.

Both are driven inside one kernel: after every command the status, every trade and the positions
must agree, every so often all queues. The first command after which they do not is named, so that
it can be looked at: commands are a function of their number.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from mmjit.core.audit import audit
from mmjit.core.book import find_slot
from mmjit.core.codes import NIL, Flag, Kind, SelfTrade, Status, Term, TimeInForce
from mmjit.core.jit import CHECKED, COMPILED, helper, verb
from mmjit.core.levels import LEVEL_QTY_MAX, level_at, sentinel_of
from mmjit.core.records import COMMAND
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from mmjit.core.venue import apply_command
from mmjit.core.wrapping import draw
from tests import venues as v
from tests.builders import door

SYMBOLS, ACCOUNTS, ORDERS, PAGES, PLACES, NAMES = 2, 2, 32, 14, 32, 96
TRADES = 4096  # of one command, at most
COMMANDS = 10_000_000 if COMPILED and not CHECKED else 500_000 if COMPILED else 2_000
FULL_EVERY = 4096 if COMPILED else 256
LIMITS = ((0, 1 << 30, 1), (-(1 << 29), 1 << 29, 5))
QTY_MAX = {False: (1 << 31) - 1, True: LEVEL_QTY_MAX}
AGREED = -1


class Naive(NamedTuple):
    """A venue as plain arrays: orders in no order, prices by their place in a table."""

    ids: Any  # int64 per order, 0 where there is none
    sides: Any  # 2 * symbol + side
    places: Any
    shown: Any
    hidden: Any
    display: Any  # how much is shown at a time, 0: all
    owners: Any
    posted: Any  # 1 if it was entered post-only
    arrivals: Any
    held: Any  # int64[account, symbol]: positions
    log: Any  # int64[trade, 5] of a command: maker, maker's owner, price, lots, taker
    clock: Any  # int64[2]: arrivals so far, trades of the last command
    prices: Any  # int64[symbol, place], ascending
    pages: Any  # int64[owner, place]: eight neighbouring prices have the same
    limits: Any  # int64[symbol, 3]: price_min, price_max, increment
    names: Any  # int64: the ids that are used


class Taker(NamedTuple):
    """An order on its way through the other side."""

    order_id: int
    side: int  # 2 * symbol + side
    owner: int
    qty_lots: int
    worst: int  # place of the worst price that it takes
    mode: int


# ---- commands -------------------------------------------------------------------------------


@helper
def write_command(commands, naive, seed, number):  # type: ignore[no-untyped-def]
    """Make two records the command of a number; one in sixteen has a field that is wrong."""
    word = draw(seed, 2 * number)
    more = draw(seed, 2 * number + 1)
    head = commands[0]
    kind = word & 15
    head["kind"] = Kind.NEW if kind < 8 else Kind.AMEND if kind < 13 else Kind.CANCEL
    head["symbol"] = word >> 4 & 1
    head["side"] = word >> 5 & 1
    head["price"] = naive.prices[head["symbol"], word >> 6 & (PLACES - 1)]
    head["order_id"] = naive.names[(word >> 11 & 1023) % NAMES]
    head["qty_lots"] = 1 + (word >> 21 & 7) + (16 if word >> 24 & 7 == 0 else 0)
    head["owner"] = (word >> 27 & 3) - 1 if word >> 27 & 3 != 3 else 0
    head["self_trade"] = (word >> 29 & 7) % 5
    head["other_id"] = naive.names[(word >> 32 & 1023) % NAMES] if word >> 42 & 3 == 0 else 0
    head["terms"] = 0
    head["tif"] = TimeInForce.GTC
    head["flags"] = Flag.LAST
    head["venue_ns"] = number
    commands[1]["qty_lots"] = 0
    if head["kind"] == Kind.NEW:
        write_terms(commands, more)
    else:
        aim(head, naive, more)
    if more >> 20 & 15 == 0:
        spoil(head, naive, more >> 24 & 15)


@helper
def write_terms(commands, more):  # type: ignore[no-untyped-def]
    """What a new order is: half of them rest, the others are of all kinds."""
    head = commands[0]
    what = more & 15
    if what == 8 or what == 9:
        head["terms"] = Term.POST_ONLY
    elif what == 10:
        head["terms"] = Term.MARKET
    elif what == 11:
        head["tif"] = TimeInForce.IOC
    elif what == 12 or what == 13:
        head["tif"] = TimeInForce.FOK
    elif what > 13:
        head["flags"] = 0
        commands[1]["qty_lots"] = more >> 4 & 7
    if what == 12:
        head["terms"] = Term.MARKET


@helper
def aim(head, naive, more):  # type: ignore[no-untyped-def]
    """Let most amends and cancels name an order that is there, as its owner would."""
    order = more >> 4 & (ORDERS - 1)
    while order > 0 and naive.ids[order] == 0:
        order -= 1
    if naive.ids[order] == 0 or more & 7 == 0:
        return
    head["order_id"] = naive.ids[order]
    head["symbol"] = naive.sides[order] >> 1
    head["owner"] = naive.owners[order]
    place = naive.places[order] if more >> 3 & 1 else more >> 10 & (PLACES - 1)
    head["price"] = naive.prices[naive.sides[order] >> 1, place]
    if head["kind"] == Kind.AMEND:
        head["terms"] = Term.TAIL if more >> 15 & 3 == 0 else 0
    elif more >> 15 & 1:
        head["qty_lots"] = 0


@helper
def spoil(head, naive, how):  # type: ignore[no-untyped-def]
    """Make one field of a command wrong, or extreme."""
    limits = naive.limits[head["symbol"]]
    if how == 0:
        head["symbol"] = SYMBOLS
    elif how == 1:
        head["symbol"] = -1
    elif how == 2:
        head["side"] = 2
    elif how == 3:
        head["price"] = limits[0] - 1
    elif how == 4:
        head["price"] = limits[1] + 1
    elif how == 5:
        head["price"] = limits[0] + 1 if limits[2] > 1 else limits[0] - 1
    elif how == 6:
        head["order_id"] = 0
    elif how == 7:
        head["owner"] = ACCOUNTS
    elif how == 8:
        head["tif"] = 5
    elif how == 9:
        head["self_trade"] = -1
    elif how == 10:
        head["terms"] = 16
    elif how == 11:
        head["kind"] = Kind.ADD
    elif how == 12:
        head["qty_lots"] = -1
    elif how == 13:
        head["qty_lots"] = 0
    elif head["kind"] == Kind.NEW:  # huge: of nobody, whose money always reaches, and no iceberg
        head["owner"] = -1
        head["flags"] = Flag.LAST
        largest = (1 << 31) - 1 if how == 14 else LEVEL_QTY_MAX
        head["qty_lots"] = largest + (head["venue_ns"] & 1)
    else:
        head["qty_lots"] = LEVEL_QTY_MAX + 1


# ---- the naive venue ------------------------------------------------------------------------


@verb
def find(naive, order_id):  # type: ignore[no-untyped-def]
    """Where an id (0: an empty place) stands, or NIL."""
    for order in range(ORDERS):
        if naive.ids[order] == order_id:
            return order
    return NIL


@verb
def place_of(naive, symbol, price):  # type: ignore[no-untyped-def]
    for place in range(PLACES):
        if naive.prices[symbol, place] == price:
            return place
    return NIL


@helper
def total(naive, side, place):  # type: ignore[no-untyped-def]
    """What is shown at a place, 0 where there is no level."""
    lots = 0
    for order in range(ORDERS):
        if naive.ids[order] != 0 and naive.sides[order] == side and naive.places[order] == place:
            lots += naive.shown[order]
    return lots


@helper
def best_place(naive, side):  # type: ignore[no-untyped-def]
    """The best place of a side, or NIL."""
    best = NIL
    for order in range(ORDERS):
        if naive.ids[order] != 0 and naive.sides[order] == side:
            place = naive.places[order]
            if best == NIL or (place > best if side & 1 == 0 else place < best):
                best = place
    return best


@helper
def head_of(naive, side, place):  # type: ignore[no-untyped-def]
    """The order at a place that has been there longest."""
    first = NIL
    for order in range(ORDERS):
        if naive.ids[order] == 0 or naive.sides[order] != side or naive.places[order] != place:
            continue
        if first == NIL or naive.arrivals[order] < naive.arrivals[first]:
            first = order
    return first


@verb
def takes(taker, place):  # type: ignore[no-untyped-def]
    """Whether an order takes at a place of the other side."""
    if place == NIL:
        return False
    return place <= taker.worst if taker.side & 1 == 0 else place >= taker.worst


@verb
def arrive(naive, order):  # type: ignore[no-untyped-def]
    """Put an order behind all others."""
    naive.arrivals[order] = naive.clock[0]
    naive.clock[0] += 1


@helper
def use_up(naive, order, lots):  # type: ignore[no-untyped-def]
    """Take lots off what an order shows; an iceberg shows more of itself."""
    naive.shown[order] -= lots
    if naive.shown[order] > 0:
        return
    if naive.hidden[order] == 0:
        naive.ids[order] = 0
        return
    naive.shown[order] = min(naive.hidden[order], naive.display[order])
    naive.hidden[order] -= naive.shown[order]
    arrive(naive, order)


@helper
def match(naive, taker):  # type: ignore[no-untyped-def]
    """Let an order meet the other side; returns what is left, what traded, and if it ends there."""
    left = taker.qty_lots
    traded = 0
    place = best_place(naive, taker.side ^ 1)
    while left > 0 and takes(taker, place):
        order = head_of(naive, taker.side ^ 1, place)
        lots = min(left, naive.shown[order])
        own = taker.owner >= 0 and naive.owners[order] == taker.owner
        if own and taker.mode == SelfTrade.DECREMENT:
            use_up(naive, order, lots)
            left -= lots
        elif own and taker.mode == SelfTrade.CANCEL_OLDEST:
            naive.ids[order] = 0
        elif own and taker.mode != SelfTrade.NONE:
            if taker.mode == SelfTrade.CANCEL_BOTH:
                naive.ids[order] = 0
            return left, traded, True
        else:
            note_trade(naive, taker, order, lots)
            use_up(naive, order, lots)
            left -= lots
            traded += lots
        place = best_place(naive, taker.side ^ 1)
    return left, traded, False


@helper
def note_trade(naive, taker, order, lots):  # type: ignore[no-untyped-def]
    line = naive.log[naive.clock[1]]
    naive.clock[1] += 1
    symbol = taker.side >> 1
    line[0] = naive.ids[order]
    line[1] = naive.owners[order]
    line[2] = naive.prices[symbol, naive.places[order]]
    line[3] = lots
    line[4] = taker.order_id
    bought = lots if taker.side & 1 == 0 else -lots
    if taker.owner >= 0:
        naive.held[taker.owner, symbol] += bought
    if naive.owners[order] >= 0:
        naive.held[naive.owners[order], symbol] -= bought


@helper
def would_fill(naive, other, taker):  # type: ignore[no-untyped-def]
    """Try it in another venue."""
    for order in range(ORDERS):
        other.ids[order] = naive.ids[order]
        other.sides[order] = naive.sides[order]
        other.places[order] = naive.places[order]
        other.shown[order] = naive.shown[order]
        other.hidden[order] = naive.hidden[order]
        other.display[order] = naive.display[order]
        other.owners[order] = naive.owners[order]
        other.arrivals[order] = naive.arrivals[order]
    other.clock[0] = naive.clock[0]
    other.clock[1] = 0
    _, traded, _ = match(other, taker)
    return traded == taker.qty_lots


@helper
def price_rule(naive, symbol, price):  # type: ignore[no-untyped-def]
    limits = naive.limits[symbol]
    if price < limits[0] or price > limits[1]:
        return Status.PRICE_OUT_OF_RANGE
    if (price - limits[0]) % limits[2] != 0:
        return Status.PRICE_OFF_INCREMENT
    return Status.OK


@helper
def page_count(naive):  # type: ignore[no-untyped-def]
    """The orders that share their page with none before them in the table."""
    count = 0
    for order in range(ORDERS):
        if naive.ids[order] == 0:
            continue
        count += 1
        for other in range(order):
            same = naive.sides[other] == naive.sides[order]
            if naive.ids[other] != 0 and same and page_of(naive, other) == page_of(naive, order):
                count -= 1
                break
    return count


@verb
def page_of(naive, order):  # type: ignore[no-untyped-def]
    return naive.pages[naive.sides[order], naive.places[order]]


@helper
def room_rule(naive, taker, place, leaving):  # type: ignore[no-untyped-def]
    """Whether an order could rest at a place once another (or NIL) has left."""
    if leaving == NIL and find(naive, 0) == NIL:
        return Status.ORDER_POOL_EXHAUSTED
    lots = total(naive, taker.side, place)
    if lots > 0:
        if leaving != NIL and naive.places[leaving] == place:
            lots -= naive.shown[leaving]
        if lots > LEVEL_QTY_MAX - taker.qty_lots:
            return Status.LEVEL_QTY_TOO_LARGE
        return Status.OK
    page = naive.pages[taker.side, place]
    for order in range(ORDERS):
        used = naive.ids[order] != 0 and naive.sides[order] == taker.side
        if used and page_of(naive, order) == page:
            return Status.OK
    return Status.LEVEL_POOL_EXHAUSTED if page_count(naive) >= PAGES else Status.OK


@helper
def word_rule(head, display, largest):  # type: ignore[no-untyped-def]
    """The rules of a new order that ask nothing of the book."""
    if head["side"] != 0 and head["side"] != 1:
        return Status.SIDE_UNKNOWN
    if head["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    if head["owner"] < -1 or head["owner"] >= ACCOUNTS:
        return Status.ACCOUNT_UNKNOWN
    if head["tif"] < 0 or head["tif"] > TimeInForce.FOK:
        return Status.TIME_IN_FORCE_UNKNOWN
    if head["self_trade"] < 0 or head["self_trade"] > SelfTrade.DECREMENT:
        return Status.SELF_TRADE_UNKNOWN
    passive = head["tif"] == TimeInForce.GTC and head["terms"] & Term.MARKET == 0
    if head["terms"] & 16 or (display > 0 and not passive):
        return Status.TERMS_CONFLICT
    if head["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if head["qty_lots"] > largest:
        return Status.QTY_TOO_LARGE
    return Status.DISPLAY_OUT_OF_RANGE if display > head["qty_lots"] else Status.OK


@helper
def naive_new(naive, other, commands, largest):  # type: ignore[no-untyped-def]
    head = commands[0]
    display = commands[1]["qty_lots"] if head["flags"] & Flag.LAST == 0 else 0
    status = word_rule(head, display, largest)
    if status < 0:
        return status
    side = np.int64(head["symbol"] * 2 + head["side"])
    is_market = head["terms"] & Term.MARKET != 0
    if not is_market:
        status = price_rule(naive, side >> 1, head["price"])
        if status < 0:
            return status
    if find(naive, head["order_id"]) != NIL:
        return Status.ORDER_ID_DUPLICATE
    place = place_of(naive, side >> 1, head["price"])
    worst = (PLACES if side & 1 == 0 else -1) if is_market else place
    qty_lots, mode = np.int64(head["qty_lots"]), np.int64(head["self_trade"])
    taker = Taker(head["order_id"], side, np.int64(head["owner"]), qty_lots, worst, mode)
    if head["terms"] & Term.POST_ONLY and takes(taker, best_place(naive, side ^ 1)):
        return Status.POST_ONLY_WOULD_TRADE
    if head["tif"] == TimeInForce.FOK and not would_fill(naive, other, taker):
        return Status.FILL_OR_KILL_UNFILLED
    rests = head["tif"] == TimeInForce.GTC and not is_market
    if rests:
        status = room_rule(naive, taker, place, NIL)
        if status < 0:
            return status
    posted = 1 if head["terms"] & Term.POST_ONLY else 0
    display = 0 if display == qty_lots else display
    return let_in(naive, taker, place, display, posted if rests else NIL)


@helper
def let_in(naive, taker, place, display, posted):  # type: ignore[no-untyped-def]
    """An order trades, and what is left rests (`posted` 0 or 1); returns what was traded."""
    left, traded, ends = match(naive, taker)
    if left > 0 and posted != NIL and not ends:
        order = find(naive, 0)
        naive.ids[order] = taker.order_id
        naive.sides[order] = taker.side
        naive.places[order] = place
        naive.shown[order] = left if display == 0 else min(left, display)
        naive.hidden[order] = left - naive.shown[order]
        naive.display[order] = display
        naive.owners[order] = taker.owner
        naive.posted[order] = posted
        arrive(naive, order)
    return traded


@helper
def shrink(naive, order, lots):  # type: ignore[no-untyped-def]
    """Cancel so much, the hidden part first."""
    hidden = min(lots, naive.hidden[order])
    naive.hidden[order] -= hidden
    naive.shown[order] -= lots - hidden
    if naive.shown[order] == 0:
        naive.ids[order] = 0


@helper
def naive_amend(naive, order, head, largest):  # type: ignore[no-untyped-def]
    if head["self_trade"] < 0 or head["self_trade"] > SelfTrade.DECREMENT:
        return Status.SELF_TRADE_UNKNOWN
    if head["terms"] & ~Term.TAIL:
        return Status.TERMS_CONFLICT
    if head["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if head["qty_lots"] > largest:
        return Status.QTY_TOO_LARGE
    side = naive.sides[order]
    status = price_rule(naive, side >> 1, head["price"])
    if status < 0:
        return status
    new_id = head["order_id"] if head["other_id"] == 0 else head["other_id"]
    if new_id != head["order_id"] and find(naive, new_id) != NIL:
        return Status.ORDER_ID_DUPLICATE
    place = place_of(naive, side >> 1, head["price"])
    left = naive.shown[order] + naive.hidden[order]
    if place == naive.places[order] and head["qty_lots"] <= left and head["terms"] == 0:
        shrink(naive, order, left - head["qty_lots"])
        naive.ids[order] = new_id
        return 0
    qty_lots, mode = np.int64(head["qty_lots"]), np.int64(head["self_trade"])
    taker = Taker(new_id, side, naive.owners[order], qty_lots, place, mode)
    if naive.posted[order] and takes(taker, best_place(naive, side ^ 1)):
        return Status.POST_ONLY_WOULD_TRADE
    status = room_rule(naive, taker, place, order)
    if status < 0:
        return status
    naive.ids[order] = 0
    return let_in(naive, taker, place, naive.display[order], naive.posted[order])


@helper
def naive_apply(naive, other, commands, largest):  # type: ignore[no-untyped-def]
    """Do a command: lots traded or cancelled, or a status."""
    head = commands[0]
    naive.clock[1] = 0
    if head["kind"] == Kind.ADD:
        return Status.KIND_UNKNOWN
    if head["symbol"] < 0 or head["symbol"] >= SYMBOLS:
        return Status.SYMBOL_UNKNOWN
    if head["kind"] == Kind.NEW:
        return naive_new(naive, other, commands, largest)
    if head["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    order = find(naive, head["order_id"])
    if order == NIL:
        return Status.ORDER_ID_UNKNOWN
    if naive.sides[order] >> 1 != head["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    if naive.owners[order] != head["owner"]:
        return Status.ORDER_OF_OTHER_OWNER
    if head["kind"] == Kind.AMEND:
        return naive_amend(naive, order, head, largest)
    left = naive.shown[order] + naive.hidden[order]
    if head["qty_lots"] < 0:
        return Status.QTY_NOT_POSITIVE
    if head["qty_lots"] > left:
        return Status.OVER_REDUCTION
    lots = left if head["qty_lots"] == 0 else head["qty_lots"]
    shrink(naive, order, lots)
    return lots


# ---- both -----------------------------------------------------------------------------------


@helper
def same_trades(venue, naive):  # type: ignore[no-untyped-def]
    """Whether the last command did the same trades; the rings are drained."""
    control = venue.control[0]
    count = control["trade_head"] - control["trade_tail"]
    if count != naive.clock[1]:
        return False
    for trade in range(count):
        line = venue.trades[(control["trade_tail"] + trade) & (len(venue.trades) - 1)]
        other = naive.log[trade]
        if line["maker_id"] != other[0] or line["maker_owner"] != other[1]:
            return False
        if line["price"] != other[2] or line["qty_lots"] != other[3]:
            return False
        if line["taker_id"] != other[4] or line["number"] != control["trade_tail"] + trade + 1:
            return False
    control["trade_tail"] = control["trade_head"]
    control["fill_tail"] = control["fill_head"]
    return True


@helper
def same_positions(venue, naive):  # type: ignore[no-untyped-def]
    for account in range(ACCOUNTS):
        for symbol in range(SYMBOLS):
            row = venue.ledger.positions[account * SYMBOLS + symbol]
            if row["position_lots"] != naive.held[account, symbol]:
                return False
    return True


@helper
def same_open(venue, naive):  # type: ignore[no-untyped-def]
    """Whether what is counted as open is what rests."""
    for account in range(ACCOUNTS):
        for symbol in range(SYMBOLS):
            row = venue.ledger.positions[account * SYMBOLS + symbol]
            buys = row["open_buy_lots"]
            sells = row["open_sell_lots"]
            for order in range(ORDERS):
                if naive.ids[order] == 0 or naive.owners[order] != account:
                    continue
                if naive.sides[order] == 2 * symbol:
                    buys -= naive.shown[order] + naive.hidden[order]
                elif naive.sides[order] == 2 * symbol + 1:
                    sells -= naive.shown[order] + naive.hidden[order]
            if buys != 0 or sells != 0:
                return False
    return True


@helper
def same_queue(book, naive, side, place):  # type: ignore[no-untyped-def]
    """Whether a level has the naive venue's orders, by arrival."""
    lots = total(naive, side, place)
    level = level_at(book, side, naive.prices[side >> 1, place])
    if level == NIL:
        return lots == 0
    if book.levels[level]["qty_lots"] != lots:
        return False
    sentinel = sentinel_of(book, level)
    slot = book.levels[level]["next"]
    arrival = -1
    while slot != sentinel:
        order = find(naive, book.orders[slot]["order_id"])
        if order == NIL or naive.sides[order] != side or naive.places[order] != place:
            return False
        if naive.arrivals[order] <= arrival or naive.shown[order] != book.nodes[slot]["qty_lots"]:
            return False
        if find_slot(book, naive.ids[order]) != slot:
            return False
        arrival = naive.arrivals[order]
        slot = book.nodes[slot]["next"]
    return True


@helper
def same_state(venue, naive):  # type: ignore[no-untyped-def]
    """Whether every level and queue is the same."""
    for side in range(2 * SYMBOLS):
        for place in range(PLACES):
            if not same_queue(venue.book, naive, side, place):
                return False
    return same_open(venue, naive)


@door
def run_both(venue, naive, other, commands, scratch, span):  # type: ignore[no-untyped-def]
    """Do commands to both until they disagree; returns the command after which, or AGREED.

    Args:
        venue: the venue.
        naive: the naive one.
        other: another, to try orders in.
        commands: COMMAND[2]: where each command is written.
        scratch: of the audit.
        span: int64[4 + 256]: the seed, how many commands, how often to compare everything, the
            largest quantity; then, written, how often each status arose.
    """
    for number in range(span[1]):
        write_command(commands, naive, span[0], number)
        expected = naive_apply(naive, other, commands, span[3])
        status, _, _ = apply_command(venue, commands, 0)
        if expected < 0:
            span[4 - expected] += 1
        if status != expected:
            return number
        if not same_trades(venue, naive) or not same_positions(venue, naive):
            return number
        if (number + 1) % span[2] == 0 and not (
            same_state(venue, naive) and audit(venue.book, scratch) == 0
        ):
            return number
    return np.int64(AGREED)


# Statuses that these commands must have provoked, each many times.
PROVOKED = {
    *(Status.KIND_UNKNOWN, Status.SYMBOL_UNKNOWN, Status.SIDE_UNKNOWN, Status.ACCOUNT_UNKNOWN),
    *(Status.TIME_IN_FORCE_UNKNOWN, Status.SELF_TRADE_UNKNOWN, Status.TERMS_CONFLICT),
    *(Status.QTY_NOT_POSITIVE, Status.QTY_TOO_LARGE, Status.DISPLAY_OUT_OF_RANGE),
    *(Status.PRICE_OUT_OF_RANGE, Status.PRICE_OFF_INCREMENT, Status.ORDER_ID_ZERO),
    *(Status.ORDER_ID_DUPLICATE, Status.ORDER_ID_UNKNOWN, Status.ORDER_OF_OTHER_SYMBOL),
    *(Status.ORDER_OF_OTHER_OWNER, Status.OVER_REDUCTION, Status.ORDER_POOL_EXHAUSTED),
    *(Status.LEVEL_POOL_EXHAUSTED, Status.POST_ONLY_WOULD_TRADE, Status.FILL_OR_KILL_UNFILLED),
}
RARE = {Status.ORDER_POOL_EXHAUSTED}  # once in some hundred thousand commands


def naive_venue() -> Naive:
    """An empty one, whose prices are neighbours for the most part and far apart for the rest."""
    near = np.arange(24)
    far = np.array([1 << 12, 1 << 15, 1 << 18, 1 << 20, 1 << 22, 1 << 25, (1 << 28) - 5, 1 << 28])
    prices = np.zeros((SYMBOLS, PLACES), np.int64)
    prices[0] = np.concatenate([1000 + near, far << 1])
    prices[1] = np.concatenate([-far[::-1], -60 + 5 * near])
    prices[1] -= (prices[1] - LIMITS[1][0]) % 5  # onto the increment
    names = np.random.default_rng(5).integers(-(1 << 63), 1 << 63, NAMES)
    orders = [np.zeros(ORDERS, np.int64) for _ in range(9)]
    held, log = np.zeros((ACCOUNTS, SYMBOLS), np.int64), np.zeros((TRADES, 5), np.int64)
    pages = np.zeros((2 * SYMBOLS, PLACES), np.int64)
    for symbol, (low, high, increment) in enumerate(LIMITS):
        pages[2 * symbol] = (prices[symbol] - low) // increment // 8
        pages[2 * symbol + 1] = (
            (high - low) // increment - (prices[symbol] - low) // increment
        ) // 8
    clock = np.zeros(2, np.int64)
    return Naive(*orders, held, log, clock, prices, pages, np.array(LIMITS), names)


@pytest.mark.parametrize("wide", [False, True], ids=["qty32", "qty64"])
def test_millions_of_random_commands_agree_with_a_venue_that_is_scanned(wide):
    counts = VenueCounts(Counts(SYMBOLS, ORDERS, PAGES, wide=wide), ACCOUNTS, 1, TRADES, 2 * TRADES)
    venue = memory_venue(counts, 11)
    naive, other = naive_venue(), naive_venue()
    for symbol, (low, high, increment) in enumerate(LIMITS):
        assert configure_symbol(venue.book, symbol, low, high, increment) == 0
        v.set_terms(venue, symbol, **v.TERMS | {"qty_lots_max": LEVEL_QTY_MAX})
        naive.limits[symbol, 1] = venue.book.symbols[symbol]["price_max"]
    commands, span = np.zeros(2, COMMAND), np.zeros(4 + 256, np.int64)
    commands[1]["kind"], commands[1]["flags"] = Kind.MORE, Flag.LAST
    span[:4] = int(wide), COMMANDS // 2, FULL_EVERY, QTY_MAX[wide]

    stopped = run_both(venue, naive, other, commands, np.zeros(ORDERS, np.int8), span)

    assert stopped == AGREED, f"command {stopped}: {commands}"
    assert venue.control[0]["trade_head"] > COMMANDS // 100
    met = {Status(-int(code)) for code in np.flatnonzero(span[4:])}
    if COMPILED:  # uncompiled, there are too few commands to meet the rare ones
        assert met >= PROVOKED - RARE
    if COMPILED and not CHECKED:
        assert met >= PROVOKED
