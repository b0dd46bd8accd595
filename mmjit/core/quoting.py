"""Turning what a rule wants into the fewest messages.

An order at the wanted price is kept, also after a partial fill: topping it up would cost its
place. It is shrunk in place when less is wanted than is left of it, and replaced when more is
wanted than was before. What is not wanted any more is cancelled, before anything new is entered,
so that we never meet ourselves.
"""

from mmjit.core.codes import Kind, Status
from mmjit.core.desk import QUOTE_LEVELS
from mmjit.core.jit import helper, verb
from mmjit.core.limits import order_status
from mmjit.core.logbook import write_step
from mmjit.core.trading import cancel, enter, shrink_own


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
