"""Ten million random commands against a book of plain arrays that is scanned from end to end.

Both are driven inside one kernel: after every command the statuses, the best prices and quantities
and the flag of a changed best must agree, every so often the whole state. The first command after
which they do not is named, so that it can be looked at: commands are a function of their number.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from mmjit.core.audit import audit
from mmjit.core.book import best_of, find_slot, qty_lots_max
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.jit import CHECKED, COMPILED, helper, verb
from mmjit.core.levels import LEVEL_QTY_MAX, level_at, sentinel_of
from mmjit.core.records import EVENT
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.core.wrapping import draw
from tests.builders import apply_one, door

SYMBOLS, ORDERS, PAGES, PLACES, NAMES = 2, 64, 28, 32, 96
COMMANDS = 10_000_000 if COMPILED and not CHECKED else 1_000_000 if COMPILED else 3_000
FULL_EVERY = 4096 if COMPILED else 256
LIMITS = ((0, 1 << 47, 1), (-(1 << 40), 1 << 40, 5))
AGREED = -1


class Naive(NamedTuple):
    """A book as plain arrays: orders in no order, levels by the place of their price in a table."""

    ids: Any  # int64 per order, 0 where there is none
    owners: Any
    places: Any
    qtys: Any
    arrivals: Any
    totals: Any  # int64[owner, place]: quantity at a price
    counts: Any  # int64[owner, place]: orders there
    prices: Any  # int64[symbol, place], ascending
    pages: Any  # int64[owner, place]: eight neighbouring prices have the same
    limits: Any  # int64[symbol, 3]: price_min, price_max, increment
    names: Any  # int64: the ids that are used
    best: Any  # int64[owner, 3]: price, quantity and count before the last command
    clock: Any  # int64[1]: arrivals so far


# ---- commands -------------------------------------------------------------------------------


@helper
def write_command(event, naive, seed, number):  # type: ignore[no-untyped-def]
    """Make an event the command of a number; one in sixteen has a field that is wrong."""
    word = draw(seed, 2 * number)
    more = draw(seed, 2 * number + 1)
    kind = word & 31
    event["kind"] = Kind.ADD
    if kind >= 12:
        event["kind"] = Kind.REDUCE + (kind & 3) if kind < 28 else Kind.EXECUTE
    if kind >= 30:
        event["kind"] = Kind.LEVEL if kind == 30 else Kind.TRADE
    if more & 8191 == 0:
        event["kind"] = Kind.CLEAR
    event["symbol"] = word >> 5 & 1
    event["side"] = word >> 6 & 1
    event["price"] = naive.prices[event["symbol"], word >> 7 & (PLACES - 1)]
    event["order_id"] = naive.names[(word >> 12 & 1023) % NAMES]
    event["other_id"] = naive.names[(word >> 22 & 1023) % NAMES]
    event["qty_lots"] = 1 + (word >> 32 & 7)
    event["venue_ns"] = number
    if more >> 13 & 15 == 0:
        spoil(event, naive, more >> 17 & 15)


@helper
def spoil(event, naive, how):  # type: ignore[no-untyped-def]
    """Make one field of a command wrong, or extreme."""
    limits = naive.limits[event["symbol"]]
    if how == 0:
        event["symbol"] = SYMBOLS
    elif how == 1:
        event["symbol"] = -1
    elif how == 2:
        event["side"] = 2
    elif how == 3:
        event["price"] = limits[0] - 1
    elif how == 4:
        event["price"] = limits[1] + 1
    elif how == 5:
        event["price"] = limits[0] + 1 if limits[2] > 1 else limits[0] - 1
    elif how == 6:
        event["order_id"] = 0
    elif how == 7:
        event["other_id"] = 0
    elif how == 8:
        event["kind"] = 0
    elif how == 9:
        event["kind"] = Kind.NEW
    elif how == 10:
        event["flags"] = -1
    elif how == 11:
        event["qty_lots"] = LEVEL_QTY_MAX + (event["venue_ns"] & 1)
    elif how == 12:
        event["qty_lots"] = (1 << 31) - 1
    elif how == 13:
        event["qty_lots"] = 1 << 31
    elif how == 14:
        event["qty_lots"] = -1
    else:
        event["qty_lots"] = 0


# ---- the naive book -------------------------------------------------------------------------


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


@verb
def is_used(naive, owner, place):  # type: ignore[no-untyped-def]
    return naive.totals[owner, place] > 0


@verb
def qty_rule(qty_lots, largest):  # type: ignore[no-untyped-def]
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > largest:
        return Status.QTY_TOO_LARGE
    return Status.OK


@helper
def new_level_rule(naive, symbol, place, price):  # type: ignore[no-untyped-def]
    limits = naive.limits[symbol]
    if price < limits[0] or price > limits[1]:
        return Status.PRICE_OUT_OF_RANGE
    if (price - limits[0]) % limits[2] != 0:
        return Status.PRICE_OFF_INCREMENT
    return Status.OK


@helper
def room_rule(naive, new_owner, new_place):  # type: ignore[no-untyped-def]
    used = 0
    for owner in range(2 * SYMBOLS):
        before = NIL
        for place in range(PLACES):
            page = naive.pages[owner, place]
            if page != before and is_used(naive, owner, place):
                if owner == new_owner and page == naive.pages[owner, new_place]:
                    return Status.OK
                used += 1
                before = page
    return Status.LEVEL_POOL_EXHAUSTED if used >= PAGES else Status.OK


@helper
def rest_rule(naive, owner, price, qty_lots, less):  # type: ignore[no-untyped-def]
    """Whether a quantity can rest at a price from which `less` goes away."""
    place = place_of(naive, owner >> 1, price)
    if place == NIL or not is_used(naive, owner, place):
        rule = new_level_rule(naive, owner >> 1, place, price)
        return rule if rule < 0 else room_rule(naive, owner, place)
    if naive.counts[owner, place] == 0:
        return Status.LEVEL_HAS_NO_ORDERS
    if naive.totals[owner, place] - less > LEVEL_QTY_MAX - qty_lots:
        return Status.LEVEL_QTY_TOO_LARGE
    return Status.OK


@helper
def put(naive, order, order_id, owner, price, qty_lots):  # type: ignore[no-untyped-def]
    place = place_of(naive, owner >> 1, price)
    naive.ids[order] = order_id
    naive.owners[order] = owner
    naive.places[order] = place
    naive.qtys[order] = qty_lots
    naive.arrivals[order] = naive.clock[0]
    naive.clock[0] += 1
    naive.totals[owner, place] += qty_lots
    naive.counts[owner, place] += 1


@helper
def drop(naive, order, qty_lots):  # type: ignore[no-untyped-def]
    """Take a quantity off an order; 1 if it is gone."""
    owner = naive.owners[order]
    place = naive.places[order]
    naive.qtys[order] -= qty_lots
    naive.totals[owner, place] -= qty_lots
    if naive.qtys[order] > 0:
        return 0
    naive.ids[order] = 0
    naive.counts[owner, place] -= 1
    return 1


@helper
def naive_add(naive, event, largest):  # type: ignore[no-untyped-def]
    if event["side"] != 0 and event["side"] != 1:
        return Status.SIDE_UNKNOWN
    rule = qty_rule(event["qty_lots"], largest)
    if rule < 0:
        return rule
    owner = 2 * event["symbol"] + event["side"]
    rule = rest_rule(naive, owner, event["price"], event["qty_lots"], 0)
    if rule < 0:
        return rule
    if find(naive, event["order_id"]) != NIL:
        return Status.ORDER_ID_DUPLICATE
    order = find(naive, 0)
    if order == NIL:
        return Status.ORDER_POOL_EXHAUSTED
    put(naive, order, event["order_id"], owner, event["price"], event["qty_lots"])
    return Status.OK


@helper
def naive_replace(naive, order, event, largest):  # type: ignore[no-untyped-def]
    new_id = event["other_id"]
    if new_id == 0:
        return Status.ORDER_ID_ZERO
    if new_id != event["order_id"] and find(naive, new_id) != NIL:
        return Status.ORDER_ID_DUPLICATE
    rule = qty_rule(event["qty_lots"], largest)
    if rule < 0:
        return rule
    owner = naive.owners[order]
    stays = naive.prices[owner >> 1, naive.places[order]] == event["price"]
    less = naive.qtys[order] if stays else 0
    rule = rest_rule(naive, owner, event["price"], event["qty_lots"], less)
    if rule < 0:
        return rule
    drop(naive, order, naive.qtys[order])
    put(naive, order, new_id, owner, event["price"], event["qty_lots"])
    return Status.OK


@helper
def naive_change(naive, event, largest):  # type: ignore[no-untyped-def]
    order = find(naive, event["order_id"])
    if order == NIL:
        return Status.ORDER_ID_UNKNOWN
    if naive.owners[order] >> 1 != event["symbol"]:
        return Status.ORDER_OF_OTHER_SYMBOL
    kind = event["kind"]
    if kind == Kind.REPLACE:
        return naive_replace(naive, order, event, largest)
    if kind == Kind.DELETE:
        return drop(naive, order, naive.qtys[order])
    if event["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    if event["qty_lots"] > naive.qtys[order]:
        return Status.OVER_EXECUTION if kind == Kind.EXECUTE else Status.OVER_REDUCTION
    return drop(naive, order, event["qty_lots"])


@helper
def naive_set_level(naive, event):  # type: ignore[no-untyped-def]
    if event["side"] != 0 and event["side"] != 1:
        return Status.SIDE_UNKNOWN
    qty_lots = event["qty_lots"]
    if qty_lots != 0:
        rule = qty_rule(qty_lots, LEVEL_QTY_MAX)
        if rule < 0:
            return rule
    owner = 2 * event["symbol"] + event["side"]
    place = place_of(naive, event["symbol"], event["price"])
    if place == NIL or not is_used(naive, owner, place):
        rule = new_level_rule(naive, event["symbol"], place, event["price"])
        if rule < 0 or qty_lots == 0:
            return rule
        rule = room_rule(naive, owner, place)
        if rule < 0:
            return rule
    elif naive.counts[owner, place] > 0:
        return Status.LEVEL_HAS_ORDERS
    naive.totals[owner, place] = qty_lots
    return Status.OK


@helper
def naive_clear(naive, symbol):  # type: ignore[no-untyped-def]
    for order in range(ORDERS):
        if naive.ids[order] != 0 and naive.owners[order] >> 1 == symbol:
            drop(naive, order, naive.qtys[order])
    for owner in range(2 * symbol, 2 * symbol + 2):
        for place in range(PLACES):
            naive.totals[owner, place] = 0
    return Status.OK


@helper
def naive_apply(naive, event, largest):  # type: ignore[no-untyped-def]
    """Apply a command: 0, 1 if an order is gone, or a status."""
    kind = event["kind"]
    if event["symbol"] < 0 or event["symbol"] >= SYMBOLS:
        return Status.SYMBOL_UNKNOWN
    if kind == Kind.LEVEL:
        return naive_set_level(naive, event)
    if kind == Kind.CLEAR:
        return naive_clear(naive, event["symbol"])
    if kind == Kind.TRADE:
        return Status.OK if event["qty_lots"] == 0 else qty_rule(event["qty_lots"], LEVEL_QTY_MAX)
    if kind < Kind.ADD or kind > Kind.EXECUTE:
        return Status.KIND_UNKNOWN
    if event["order_id"] == 0:
        return Status.ORDER_ID_ZERO
    if kind == Kind.ADD:
        return naive_add(naive, event, largest)
    return naive_change(naive, event, largest)


@helper
def take_best(naive, owner):  # type: ignore[no-untyped-def]
    """Find the best of a side and keep it; returns whether it is another than it was."""
    found = NIL
    for step in range(PLACES):
        place = PLACES - 1 - step if owner & 1 == 0 else step
        if is_used(naive, owner, place):
            found = place
            break
    price = 0 if found == NIL else naive.prices[owner >> 1, found]
    qty_lots = 0 if found == NIL else naive.totals[owner, found]
    count = 0 if found == NIL else naive.counts[owner, found]
    best = naive.best[owner]
    changed = best[0] != price or best[1] != qty_lots or best[2] != count
    best[0] = price
    best[1] = qty_lots
    best[2] = count
    return changed


# ---- both -----------------------------------------------------------------------------------


@helper
def same_queue(book, naive, level, owner, place):  # type: ignore[no-untyped-def]
    """Whether a level has the naive book's orders, by arrival."""
    sentinel = sentinel_of(book, level)
    slot = book.levels[level]["next"]
    arrival = -1
    count = 0
    while slot != sentinel:
        order = find(naive, book.orders[slot]["order_id"])
        if order == NIL or naive.owners[order] != owner or naive.places[order] != place:
            return False
        if naive.arrivals[order] <= arrival or naive.qtys[order] != book.nodes[slot]["qty_lots"]:
            return False
        if find_slot(book, naive.ids[order]) != slot:
            return False
        arrival = naive.arrivals[order]
        count += 1
        slot = book.nodes[slot]["next"]
    return count == naive.counts[owner, place]


@helper
def same_state(book, naive):  # type: ignore[no-untyped-def]
    """Whether every level and queue is the same."""
    for owner in range(2 * SYMBOLS):
        for place in range(PLACES):
            level = level_at(book, owner, naive.prices[owner >> 1, place])
            if (level != NIL) != is_used(naive, owner, place):
                return False
            if level == NIL:
                continue
            record = book.levels[level]
            if record["qty_lots"] != naive.totals[owner, place]:
                return False
            if record["order_count"] != naive.counts[owner, place]:
                return False
            if record["order_count"] != 0 and not same_queue(book, naive, level, owner, place):
                return False
    return True


@helper
def same_best(book, naive, symbol, accepted):  # type: ignore[no-untyped-def]
    """Whether both sides of a symbol have the same best, and the flag says whether they changed."""
    changed = False
    for owner in range(2 * symbol, 2 * symbol + 2):
        if take_best(naive, owner):
            changed = True
        best = naive.best[owner]
        if best_of(book, owner) != (best[0], best[1]):
            return False
    return not accepted or (book.control[0]["best_changed"] != 0) == changed


@door
def run_both(book, naive, event, scratch, seed_and_span, counts):  # type: ignore[no-untyped-def]
    """Apply commands to both until they disagree; returns the command after which, or AGREED.

    Args:
        book: the book.
        naive: the naive one.
        event: EVENT, one: where each command is written.
        scratch: of the audit.
        seed_and_span: int64[3]: the seed, how many commands, how often to compare everything.
        counts: int64 per status, written: how often it arose.
    """
    largest = qty_lots_max(book)
    for number in range(seed_and_span[1]):
        command = event[0]
        command["flags"] = 0
        write_command(command, naive, seed_and_span[0], number)
        expected = naive_apply(naive, command, largest)
        status = apply_one(book, event, 0)
        if expected < 0:
            counts[-expected] += 1
        if min(status, 0) != min(expected, 0) or (expected == 1 and status != 1):
            return number
        symbol = command["symbol"]
        known = symbol >= 0 and symbol < SYMBOLS
        if known and not same_best(book, naive, symbol, status >= 0):
            return number
        if (number + 1) % seed_and_span[2] == 0 and not (
            same_state(book, naive) and audit(book, scratch) == 0
        ):
            return number
    return np.int64(AGREED)


# Statuses that these commands must have provoked, each many times.
PROVOKED = {
    *(Status.KIND_UNKNOWN, Status.SYMBOL_UNKNOWN, Status.SIDE_UNKNOWN, Status.QTY_NOT_POSITIVE),
    *(Status.QTY_TOO_LARGE, Status.PRICE_OUT_OF_RANGE, Status.PRICE_OFF_INCREMENT),
    *(Status.ORDER_ID_ZERO, Status.ORDER_ID_DUPLICATE, Status.ORDER_ID_UNKNOWN),
    *(Status.ORDER_OF_OTHER_SYMBOL, Status.ORDER_POOL_EXHAUSTED, Status.LEVEL_POOL_EXHAUSTED),
    *(Status.LEVEL_HAS_ORDERS, Status.LEVEL_HAS_NO_ORDERS),
    *(Status.OVER_EXECUTION, Status.OVER_REDUCTION),
}


def naive_book() -> Naive:
    """An empty one, whose prices are neighbours for the most part and far apart for the rest."""
    near = np.arange(24)
    far = np.array([1 << 12, 1 << 20, 1 << 30, 1 << 33, 1 << 36, 1 << 38, (1 << 40) - 5, 1 << 40])
    prices = np.zeros((SYMBOLS, PLACES), np.int64)
    prices[0] = np.concatenate([1000 + near, far << 7])
    prices[1] = np.concatenate([-far[::-1], -60 + 5 * near])
    prices[1] -= (prices[1] - LIMITS[1][0]) % 5  # onto the increment
    names = np.random.default_rng(5).integers(-(1 << 63), 1 << 63, NAMES)
    orders = [np.zeros(ORDERS, np.int64) for _ in range(5)]
    tables = [np.zeros((2 * SYMBOLS, PLACES), np.int64) for _ in range(2)]
    limits = np.array(LIMITS)
    best, clock = np.zeros((2 * SYMBOLS, 3), np.int64), np.zeros(1, np.int64)
    pages = np.zeros((2 * SYMBOLS, PLACES), np.int64)
    for symbol, (low, high, increment) in enumerate(LIMITS):
        pages[2 * symbol] = (prices[symbol] - low) // increment // 8
        pages[2 * symbol + 1] = (
            (high - low) // increment - (prices[symbol] - low) // increment
        ) // 8
    return Naive(*orders, *tables, prices, pages, limits, names, best, clock)


@pytest.mark.parametrize("wide", [False, True], ids=["qty32", "qty64"])
def test_millions_of_random_commands_agree_with_a_book_that_is_scanned(wide):
    book = memory_book(Counts(SYMBOLS, ORDERS, PAGES, wide=wide), 11)
    naive = naive_book()
    for symbol, (low, high, increment) in enumerate(LIMITS):
        assert configure_symbol(book, symbol, low, high, increment) == 0
        naive.limits[symbol, 1] = book.symbols[symbol]["price_max"]
    event, counts = np.zeros(1, EVENT), np.zeros(256, np.int64)
    span = np.array([int(wide), COMMANDS // 2, FULL_EVERY])

    stopped = run_both(book, naive, event, np.zeros(ORDERS, np.int8), span, counts)

    assert stopped == AGREED, f"command {stopped}: {event[0]}"
    if COMPILED:  # uncompiled, there are too few commands to meet the rare ones
        assert {Status(-int(code)) for code in np.flatnonzero(counts)} >= PROVOKED
