"""Our side of a market: what a quoting rule sees, and the words it is written in.

A rule gets a `Desk` and says what it wants with `want`. Prices come from `best`, `behind` and
`on_tick`, which round away from the market, so that a wanted price is never more aggressive than it
was computed.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import Book, best_of
from mmjit.core.codes import NIL, Kind
from mmjit.core.jit import verb
from mmjit.core.ledger import Ledger
from mmjit.core.levels import level_at, next_level, sentinel_of

QUOTE_LEVELS: Final = 8  # a side
REQUESTS: Final = 16  # of a decision, besides quotes
TICK_STEPS: Final = 8  # of an instrument's tick table
_FAR: Final = 1 << 60  # no instrument has such a price, so that an order at it is refused


class Desk(NamedTuple):
    """What a rule may look at. `symbol` is the one to be quoted now.

    Everything is an array that a rule can read; it writes only its memory and, through `want`, its
    quotes.
    """

    book: Book
    own: Any  # OWN[symbols, 2, QUOTE_LEVELS], our orders
    ahead: Any  # int64 of each: lots before it on a tape of price levels; NIL: it is not known
    ledger: Ledger  # of one account, ours
    ticks: Any  # int64[symbols, TICK_STEPS, 2]: from this price on, this increment
    run: Any  # RUN, one
    others: Any  # int64[symbols, 2, 2]: best price and lots without ours, where those share a book
    requests: Any  # REQUEST[REQUESTS], what a rule asks for besides quotes
    orders: Any  # WORKING, all our orders; of a market that takes quotes alone none
    dues: Any  # DUE per symbol: where our orders in it begin
    symbol: int


@verb
def at_symbol(desk, symbol):  # type: ignore[no-untyped-def]
    """The desk of another symbol."""
    parts = desk.book, desk.own, desk.ahead, desk.ledger, desk.ticks, desk.run, desk.others
    return Desk(*parts, desk.requests, desk.orders, desk.dues, symbol)


@verb
def now_ns(desk):  # type: ignore[no-untyped-def]
    """The time of the venue, in nanoseconds since 1970 UTC."""
    return desk.run[0]["now_ns"]


@verb
def best_without_ours(desk, side):  # type: ignore[no-untyped-def]
    """The best price of a side without our own orders, and the lots there; zeros if it is empty."""
    if desk.run[0]["shares_book"] == 0:
        return best_of(desk.book, 2 * desk.symbol + side)
    others = desk.others[desk.symbol, side]
    return others[0], others[1]


@verb
def best(desk, side):  # type: ignore[no-untyped-def]
    """The best price of a side without our own orders, in price units; 0 when it is empty."""
    return best_without_ours(desk, side)[0]


@verb
def qty_at_best(desk, side):  # type: ignore[no-untyped-def]
    """The lots at the best price of a side without our own; 0 when it is empty."""
    return best_without_ours(desk, side)[1]


@verb
def qty_at_levels(desk, side, levels):  # type: ignore[no-untyped-def]
    """The lots at so many best prices of a side without our own; a side that has fewer gives all.

    Prices where nobody but us stands do not count.
    """
    level = np.int64(desk.book.sides[2 * desk.symbol + side]["best"])
    lots = np.int64(0)
    while level != NIL and levels > 0:
        others = _lots_of_others(desk, side, level)
        if others > 0:
            lots += others
            levels -= 1
        level = np.int64(next_level(desk.book, level))
    return lots


@verb
def _lots_of_others(desk, side, level):  # type: ignore[no-untyped-def]
    """The lots of a level without our own, where those stand in the book."""
    lots = np.int64(desk.book.levels[level]["qty_lots"])
    if desk.run[0]["shares_book"] == 0:
        return lots
    price = desk.book.levels[level]["price"]
    for place in range(QUOTE_LEVELS):
        order = desk.own[desk.symbol, side, place]
        if order["left_lots"] > 0 and order["price"] == price:
            lots -= order["left_lots"]
    return lots


@verb
def is_two_sided(desk):  # type: ignore[no-untyped-def]
    """Whether both sides have a price, and the best bid is below the best ask."""
    bid, bid_lots = best_without_ours(desk, 0)
    ask, ask_lots = best_without_ours(desk, 1)
    return bid_lots > 0 and ask_lots > 0 and bid < ask


@verb
def mid_twice(desk):  # type: ignore[no-untyped-def]
    """Best bid plus best ask: twice the mid, so that it is whole; price units."""
    return best(desk, 0) + best(desk, 1)


@verb
def position(desk):  # type: ignore[no-untyped-def]
    """The lots that we are long (short below 0)."""
    return desk.ledger.positions[desk.symbol]["position_lots"]


@verb
def last_trade(desk):  # type: ignore[no-untyped-def]
    """Price, lots and time (ns) of the last trade that our side has seen; zeros before one."""
    record = desk.book.symbols[desk.symbol]
    return record["last_price"], record["last_qty_lots"], record["last_ns"]


@verb
def account_mode(desk):  # type: ignore[no-untyped-def]
    """What our account may do now: a Mode."""
    return desk.ledger.accounts[0]["mode"]


@verb
def tick_at(desk, price):  # type: ignore[no-untyped-def]
    """The increment of our orders at a price, in price units."""
    steps = desk.ticks[desk.symbol]
    tick = steps[0, 1]
    for place in range(1, TICK_STEPS):
        if price >= steps[place, 0]:
            tick = steps[place, 1]
    return tick


@verb
def on_tick(desk, side, price):  # type: ignore[no-untyped-def]
    """The nearest price on the tick that is not better than `price` for a taker of our order.

    A bid is rounded down and an ask up.
    """
    tick = tick_at(desk, price)
    lower = price // tick * tick
    if side == 0 or lower == price:
        return lower
    return lower + tick


@verb
def behind(desk, side, ticks):  # type: ignore[no-untyped-def]
    """The price so many ticks behind the best of a side (in front of it below 0)."""
    price = best(desk, side)
    tick = tick_at(desk, price)
    if side == 0:
        return on_tick(desk, 0, price - ticks * tick)
    return on_tick(desk, 1, price + ticks * tick)


@verb
def passive(desk, side, price):  # type: ignore[no-untyped-def]
    """The nearest price on the tick that is not better than `price` and takes nothing.

    Args:
        desk: of a symbol that is two-sided.
        side: 0 bid, 1 ask.
        price: in price units, a float; one that is not finite gives a price that is refused.
    """
    if not abs(price) < _FAR:
        return np.int64(-_FAR if side == 0 else _FAR)
    price = on_tick(desk, side, math.floor(price) if side == 0 else math.ceil(price))
    nearest = on_tick(desk, side, best(desk, 1 - side) + (1 if side == 1 else -1))
    return nearest if (nearest < price) == (side == 0) else price


@verb
def place_of(side, level):  # type: ignore[no-untyped-def]
    """Where a quote stands; one that there is no place for goes to a last column of its own."""
    if (side == 0 or side == 1) and level >= 0 and level < QUOTE_LEVELS:
        return side, level
    return 0, QUOTE_LEVELS


@verb
def want_nothing(quotes):  # type: ignore[no-untyped-def]
    """Empty the quotes, before a rule is asked."""
    for side in range(2):
        for level in range(quotes.shape[1]):
            quotes[side, level]["price"] = 0
            quotes[side, level]["qty_lots"] = 0


@verb
def want(quotes, side, level, price, qty_lots):  # type: ignore[no-untyped-def]
    """Want an order; quantity 0 wants none. A place that is not mentioned wants none either.

    Args:
        quotes: of the rule.
        side: 0 bid, 1 ask.
        level: 0 to QUOTE_LEVELS - 1; any other is refused (quote_unknown).
        price: in price units, a whole number: a float does not compile.
        qty_lots: a whole number of lots.
    """
    row, column = place_of(side, level)
    quote = quotes[row, column]
    quote["price"] = price | 0  # refuses a float: 7.9 would be cut to 7, NaN to -2**63
    quote["qty_lots"] = qty_lots | 0


@verb
def submit(desk, tag, side, price, qty_lots, tif, terms):  # type: ignore[no-untyped-def]
    """Ask for an order by itself, which rests, or not, until it is cancelled, whatever is quoted.

    Args:
        desk: of the rule.
        tag: what the rule calls the order, above 0; one that is open cannot be used again.
        side: 0 bid, 1 ask.
        price: in price units, a whole number; not read of a MARKET order.
        qty_lots: a whole number of lots.
        tif: a TimeInForce.
        terms: bits of Term, 0 for none.

    Returns:
        Whether there was room: a decision may ask for REQUESTS such things.
    """
    place = _next_request(desk)
    if place == REQUESTS:
        return False
    request = desk.requests[place]
    request["tag"] = tag
    request["side"] = side
    request["price"] = price | 0  # refuses a float
    request["qty_lots"] = qty_lots | 0
    request["tif"] = tif
    request["terms"] = terms
    request["kind"] = Kind.NEW
    return True


@verb
def cancel(desk, tag):  # type: ignore[no-untyped-def]
    """Ask for an order to be cancelled that `submit` has sent; whether there was room."""
    place = _next_request(desk)
    if place == REQUESTS:
        return False
    desk.requests[place]["tag"] = tag
    desk.requests[place]["kind"] = Kind.CANCEL
    return True


@verb
def replace(desk, tag, price, left_lots):  # type: ignore[no-untyped-def]
    """Ask for an order to have another price, and so many lots left; whether there was room.

    A smaller quantity at its price keeps its place in the queue.
    """
    place = _next_request(desk)
    if place == REQUESTS:
        return False
    request = desk.requests[place]
    request["tag"] = tag
    request["price"] = price | 0
    request["qty_lots"] = left_lots | 0
    request["kind"] = Kind.AMEND
    return True


@verb
def _next_request(desk):  # type: ignore[no-untyped-def]
    """The first place of the requests that is free, or REQUESTS."""
    place = 0
    while place < REQUESTS and desk.requests[place]["kind"] != 0:
        place += 1
    return place


@verb
def slot_of_tag(desk, tag):  # type: ignore[no-untyped-def]
    """The slot of an order that a rule has submitted and our side holds for open, or NIL."""
    slot = np.int64(desk.dues[desk.symbol]["first_own"]) if len(desk.dues) > 0 else np.int64(NIL)
    while slot != NIL and (tag == 0 or desk.orders[slot]["tag"] != tag):
        slot = np.int64(desk.orders[slot]["next_own"])
    return slot


@verb
def order_lots(desk, tag):  # type: ignore[no-untyped-def]
    """The lots that are open of an order that a rule has submitted; 0 once it is gone."""
    slot = slot_of_tag(desk, tag)
    return np.int64(0) if slot == NIL else np.int64(desk.orders[slot]["open_lots"])


@verb
def own_lots(desk, side, level):  # type: ignore[no-untyped-def]
    """The lots that are open of our order at a place of the quotes; 0 where we have none."""
    if place_of(side, level)[1] == QUOTE_LEVELS:
        return np.int64(0)
    return np.int64(desk.own[desk.symbol, side, level]["left_lots"])


@verb
def own_price(desk, side, level):  # type: ignore[no-untyped-def]
    """The price of our order at a place of the quotes; 0 where we have none."""
    if own_lots(desk, side, level) == 0:
        return np.int64(0)
    return np.int64(desk.own[desk.symbol, side, level]["price"])


@verb
def queue_ahead(desk, side, level):  # type: ignore[no-untyped-def]
    """The recorded lots that are before our order in its queue; 0 where we have none.

    On a tape of price levels, what the queue model makes of what our side sees: all at the price
    until it hears that the order stands there.
    """
    if (
        place_of(side, level)[1] == QUOTE_LEVELS
        or desk.own[desk.symbol, side, level]["left_lots"] == 0
    ):
        return 0
    order, ahead = desk.own[desk.symbol, side, level], desk.ahead[desk.symbol, side, level]
    if ahead >= 0:
        return ahead
    return lots_before(desk.book, 2 * desk.symbol + side, order["price"], order["sequence"])


@verb
def lots_at(book, owner, price):  # type: ignore[no-untyped-def]
    """The lots at a price, of whomever."""
    level = level_at(book, owner, price)
    return np.int64(0) if level == NIL else np.int64(book.levels[level]["qty_lots"])


@verb
def lots_before(book, owner, price, sequence):  # type: ignore[no-untyped-def]
    """The lots at a price that came before a sequence number."""
    level = level_at(book, owner, price)
    if level == NIL:
        return 0
    if book.levels[level]["order_count"] == 0:
        return book.levels[level]["qty_lots"]
    sentinel = sentinel_of(book, level)
    lots = 0
    slot = book.levels[level]["next"]
    while slot != sentinel and book.orders[slot]["sequence"] < sequence:
        lots += book.nodes[slot]["qty_lots"]
        slot = book.nodes[slot]["next"]
    return lots
