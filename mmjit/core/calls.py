"""Single calls from Python: one event, one look, one fill; all that is passed are integers."""

from typing import Any, Final, NamedTuple

from mmjit.core.book import Book
from mmjit.core.bound import LET_GO, bundle_of, is_open
from mmjit.core.codes import NIL
from mmjit.core.jit import call, verb
from mmjit.core.replica import apply_by_id

ODD: Final = LET_GO - 1  # what a call returns for a symbol or side there is none of


class Feed(NamedTuple):
    """A book to be looked at and told of events, one by one."""

    book: Book
    known: Any  # int64[1], how many of its symbols have an instrument
    event: Any  # EVENT[1], the event in hand


@verb
def has_side(feed, symbol, side):  # type: ignore[no-untyped-def]
    """Whether there is an instrument of a number, and such a side."""
    return symbol >= 0 and symbol < feed.known[0] and side >= 0 and side <= 1


@call
def apply_call(bound, words):  # type: ignore[no-untyped-def]
    """Apply one event by id.

    Args:
        bound: of a Feed.
        words: kind, symbol, side, flags, time_ns, order_id, other_id, price, qty_lots of the event.

    Returns:
        As `apply_one`; LET_GO, or ODD.
    """
    if not is_open(bound):
        return LET_GO
    feed = bundle_of(bound)
    kind, symbol, side, flags, time_ns, order_id, other_id, price, qty_lots = words
    if not has_side(feed, symbol, side):
        return ODD
    event = feed.event[0]
    event["kind"] = kind
    event["symbol"] = symbol
    event["side"] = side
    event["flags"] = flags
    event["venue_ns"] = time_ns
    event["local_ns"] = time_ns
    event["order_id"] = order_id
    event["other_id"] = other_id
    event["price"] = price
    event["qty_lots"] = qty_lots
    return apply_by_id(feed.book, event)


@call
def best_call(bound, words):  # type: ignore[no-untyped-def]
    """Look at the best level of a side.

    Args:
        bound: of a Feed.
        words: symbol and side.

    Returns:
        Price, quantity and order count. The count of an empty side is NIL; it is LET_GO, or ODD.
    """
    if not is_open(bound):
        return 0, 0, LET_GO
    feed = bundle_of(bound)
    symbol, side = words
    if not has_side(feed, symbol, side):
        return 0, 0, ODD
    level = feed.book.sides[2 * symbol + side]["best"]
    if level == NIL:
        return 0, 0, NIL
    record = feed.book.levels[level]
    return record["price"], record["qty_lots"], record["order_count"]
