"""Turning what a rule wants into the fewest messages.

An order at the wanted price is kept, also after a partial fill: topping it up would cost its
place. It is shrunk in place when less is wanted than is left of it, and replaced when more is
wanted than was before. What is not wanted any more is cancelled, before anything new is entered,
so that we never meet ourselves.
"""

from mmjit.core.codes import Kind, Status, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS, tick_at
from mmjit.core.jit import helper, verb
from mmjit.core.levels import next_level
from mmjit.core.limits import RESTS, limit_status
from mmjit.core.logbook import write_step
from mmjit.core.trading import OURS, cancel, enter, shrink_own


@helper
def settle(desk, due, taken, logbook, quotes, refused):  # type: ignore[no-untyped-def]
    """Make our orders what the quotes want.

    Args:
        desk: of the symbol.
        due: of the symbol.
        taken: int64 per level, lots no longer there for us.
        logbook: to write to.
        quotes: WANT[2, QUOTE_LEVELS + 1]; the last column holds what there is no place for.
        refused: int64[symbols, STATUS_SPAN]; grows by one, at the rule, for each order refused.
    """
    if quotes[0, QUOTE_LEVELS]["qty_lots"] != 0:
        refused[desk.symbol, -Status.QUOTE_UNKNOWN] += 1
    for place in range(2 * QUOTE_LEVELS):
        side = place // QUOTE_LEVELS
        order = desk.own[desk.symbol, side, place % QUOTE_LEVELS]
        if order["left_lots"] > 0:
            _adjust(desk, due, logbook, order, quotes[side, place % QUOTE_LEVELS], side)
    for place in range(2 * QUOTE_LEVELS):
        side = place // QUOTE_LEVELS
        quote = quotes[side, place % QUOTE_LEVELS]
        if quote["qty_lots"] == 0:
            continue
        if desk.own[desk.symbol, side, place % QUOTE_LEVELS]["left_lots"] > 0:
            continue
        status = order_status(desk, side, quote["price"], quote["qty_lots"])
        if status < 0:
            refused[desk.symbol, -status] += 1
            _log_refusal(desk, logbook, place, quote, status)
        else:
            enter(desk, due, taken, logbook, place, quote["price"], quote["qty_lots"])


@verb
def _adjust(desk, due, logbook, order, quote, side):  # type: ignore[no-untyped-def]
    """Keep, shrink or cancel a live order."""
    lots = quote["qty_lots"]
    if lots <= 0 or quote["price"] != order["price"] or lots > order["wanted_lots"]:
        cancel(desk, due, logbook, order, side)
        return
    if lots < order["left_lots"]:
        shrink_own(desk, logbook, order, side, lots)
    order["wanted_lots"] = lots


@verb
def _log_refusal(desk, logbook, place, quote, status):  # type: ignore[no-untyped-def]
    """Log an order that was refused; it never had an id."""
    side = place // QUOTE_LEVELS
    order = desk.own[desk.symbol, side, place % QUOTE_LEVELS]
    order["order_id"] = 0
    order["price"] = quote["price"]
    line = write_step(
        logbook, desk.run[0], 2 * desk.symbol + side, order, Kind.REJECT, quote["qty_lots"]
    )
    line["status"] = status


# ---- what is refused ------------------------------------------------------------------------


@verb
def order_status(desk, side, price, qty_lots):  # type: ignore[no-untyped-def]
    """Whether an order of ours may be entered; the order that it replaces is gone already."""
    symbol = desk.book.symbols[desk.symbol]
    if symbol["status"] == TradingStatus.HALTED or symbol["status"] == TradingStatus.PAUSED:
        return Status.SYMBOL_HALTED
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > desk.ledger.terms[desk.symbol]["qty_lots_max"]:
        return Status.QTY_TOO_LARGE
    if price < symbol["price_min"] or price > symbol["price_max"]:
        return Status.PRICE_OUT_OF_RANGE
    if price % tick_at(desk, price) != 0:
        return Status.PRICE_OFF_TICK
    if is_outside_window(desk, side, price):
        return Status.OUTSIDE_WINDOW
    if crosses_own(desk, side, price):
        return Status.SELF_CROSS
    return limit_status(desk.ledger, desk.book, OURS, desk.symbol, side, price, qty_lots, RESTS)


@verb
def is_outside_window(desk, side, price):  # type: ignore[no-untyped-def]
    """Whether the tape does not show the queue at a price: as many levels as it shows are better.

    The book can have more levels, where what left the window was not taken out of it.
    """
    shown = desk.run[0]["window_levels"]
    owner = 2 * desk.symbol + side
    if shown == 0 or desk.book.sides[owner]["level_count"] < shown:
        return False
    level = desk.book.sides[owner]["best"]
    for _ in range(shown):
        edge = desk.book.levels[level]["price"]
        if (side == 0 and edge <= price) or (side == 1 and edge >= price):
            return False
        level = next_level(desk.book, level)
    return True


@verb
def crosses_own(desk, side, price):  # type: ignore[no-untyped-def]
    """Whether an order would meet one of ours on the other side."""
    for level in range(QUOTE_LEVELS):
        order = desk.own[desk.symbol, 1 - side, level]
        if order["left_lots"] > 0:
            if side == 0 and order["price"] <= price:
                return True
            if side == 1 and order["price"] >= price:
                return True
    return False
