"""What stands between whoever sends an order and the market: it is refused if it breaks a limit.

Limits count what is open as if it were filled, and pass at the limit itself. The order of the
checks is part of the contract: the first that fails names the refusal. An order that reduces a
position (no more than is held and not yet being closed) passes position limits and REDUCE_ONLY,
but neither size nor collar.
"""

from typing import Final

import numpy as np

from mmjit.core.account import MONEY_MAX, fits, portion, worth_of
from mmjit.core.codes import NIL, Mode, Status, Term, TimeInForce
from mmjit.core.jit import kernel, verb
from mmjit.core.ledger import UNLIMITED as UNLIMITED  # for whoever sets limits
from mmjit.core.ledger import exposure, has_last, place_status, row_of

RESTS: Final = 1 << 8  # beside the bits of Term: the order may come to rest
_WIDEST: Final = 1 << 62  # twice the width of a collar that holds every price
_TEN_THOUSAND: Final = 10**4


@verb
def limit_status(ledger, book, owner, symbol, side, price, qty_lots, how):  # type: ignore[no-untyped-def]
    """Whether an account may enter an order; the lots of one that it replaces are not open.

    Args:
        ledger: the accounts.
        book: of the market.
        owner: the account, not NIL.
        symbol: a symbol that the book knows.
        side: 0 bid, 1 ask.
        price: within the bounds of the symbol; not read of a MARKET order.
        qty_lots: above 0.
        how: bits of Term, and RESTS.
    """
    account = ledger.accounts[owner]
    row = row_of(ledger, owner, symbol)
    position = ledger.positions[row]
    limit = ledger.limits[row]
    if account["kill"] != 0 or account["mode"] == Mode.FROZEN:
        return Status.KILL_SWITCH
    reduces = qty_lots <= closable(position, side)
    if how & Term.REDUCE_ONLY and not reduces:
        return Status.REDUCE_ONLY
    if account["mode"] == Mode.REDUCE_ONLY and not reduces:
        return account["cause"]
    if qty_lots > ledger.terms[symbol]["qty_lots_max"]:
        return Status.QTY_TOO_LARGE
    if qty_lots > limit["max_order_lots"]:
        return Status.MAX_ORDER_QTY
    if not fits_account(ledger, book.symbols[symbol], owner, symbol, qty_lots):
        return Status.NOTIONAL_TOO_LARGE
    if limit["max_order_points"] < UNLIMITED:
        points = order_points(ledger, book, owner, symbol, price, qty_lots, how)
        if points > limit["max_order_points"]:
            return Status.MAX_ORDER_NOTIONAL
    if has_collar(limit):
        status = _collar_status(book, limit, symbol, price, how)
        if status < 0:
            return status
    if how & RESTS:
        if position["open_count"] >= limit["max_open_orders"]:
            return Status.MAX_OPEN_ORDERS
        if account["open_count"] >= account["max_open_orders"]:
            return Status.MAX_OPEN_ORDERS
    if reduces:
        return Status.OK
    return _position_status(account, position, limit, side, qty_lots)


@verb
def closable(position, side):  # type: ignore[no-untyped-def]
    """The lots that an order of a side may have to only reduce a position."""
    held_lots = position["position_lots"]
    if side == 0:
        return max(0, -held_lots - position["open_buy_lots"])
    return max(0, held_lots - position["open_sell_lots"])


@verb
def fits_account(ledger, record, owner, symbol, qty_lots):  # type: ignore[no-untyped-def]
    """Whether every sum of money stays exact if all that is open is filled at the worst price.

    Args:
        ledger: the accounts.
        record: SYMBOL of the symbol.
        owner: the account.
        symbol: the symbol.
        qty_lots: of the order.
    """
    terms = ledger.terms[symbol]
    dearest = max(abs(record["price_min"]), abs(record["price_max"]))
    if dearest > MONEY_MAX:
        return False
    if terms["inverse_pico"] != 0:
        dearest = max(record["price_min"], 1)
    position = ledger.positions[row_of(ledger, owner, symbol)]
    return fits(position, terms, dearest, qty_lots, qty_lots)


@verb
def _position_status(account, position, limit, side, qty_lots):  # type: ignore[no-untyped-def]
    """The limits on positions."""
    buys = position["open_buy_lots"] + (qty_lots if side == 0 else 0)
    sells = position["open_sell_lots"] + (0 if side == 0 else qty_lots)
    longest = position["position_lots"] + buys
    shortest = sells - position["position_lots"]
    if side == 0 and longest > limit["max_long"]:
        return Status.MAX_LONG
    if side == 1 and shortest > limit["max_short"]:
        return Status.MAX_SHORT
    others = account["exposure_lots"] - exposure(position)
    grown = max(abs(longest), abs(shortest))
    if grown > exposure(position) and others + grown > account["max_position"]:
        return Status.MAX_POSITION
    return Status.OK


# ---- prices ---------------------------------------------------------------------------------


@verb
def order_points(ledger, book, owner, symbol, price, qty_lots, how):  # type: ignore[no-untyped-def]
    """What an order is worth, in points, rounded up; a MARKET order at its dearest price."""
    terms = ledger.terms[symbol]
    if not how & Term.MARKET:
        return abs(worth_of(terms, price, qty_lots, 0))
    lowest = collar_price_of(ledger, book, owner, symbol, np.int64(1))
    highest = collar_price_of(ledger, book, owner, symbol, np.int64(0))
    return max(
        abs(worth_of(terms, lowest, qty_lots, 0)), abs(worth_of(terms, highest, qty_lots, 0))
    )


@verb
def has_collar(limit):  # type: ignore[no-untyped-def]
    """Whether prices are held to a collar."""
    return limit["collar_bps"] < UNLIMITED or limit["collar_price"] < UNLIMITED


@verb
def _collar_status(book, limit, symbol, price, how):  # type: ignore[no-untyped-def]
    """Whether a price is near enough to the market; a MARKET order needs only that there is one."""
    known, reference_twice = reference_of(book, symbol)
    if not known:
        return Status.REFERENCE_MISSING
    if how & Term.MARKET:
        return Status.OK
    if abs(2 * price - reference_twice) > collar_twice(limit, reference_twice):
        return Status.PRICE_COLLAR
    return Status.OK


@verb
def reference_of(book, symbol):  # type: ignore[no-untyped-def]
    """Whether there is a price to hold orders to, and twice it: the mid, else the last trade."""
    bid = book.sides[2 * symbol]["best"]
    ask = book.sides[2 * symbol + 1]["best"]
    if bid != NIL and ask != NIL:
        return True, book.levels[bid]["price"] + book.levels[ask]["price"]
    record = book.symbols[symbol]
    if has_last(record):
        return True, 2 * record["last_price"]
    return False, 0


@verb
def collar_twice(limit, reference_twice):  # type: ignore[no-untyped-def]
    """Twice how far a price may be from the reference, in price units, rounded down."""
    width = 2 * min(limit["collar_price"], _WIDEST // 2)
    bps = limit["collar_bps"]
    reference = abs(reference_twice)
    if bps >= UNLIMITED or (bps > 0 and reference // _TEN_THOUSAND > _WIDEST // 2 // bps):
        return width
    return min(width, portion(reference, bps, _TEN_THOUSAND)[0])


@verb
def collar_price_of(ledger, book, owner, symbol, side):  # type: ignore[no-untyped-def]
    """The worst price at which a MARKET order of an account may trade.

    Without a collar that is the end of the symbol's prices; with one but nothing to hold it to, the
    other end, at which nothing is traded.
    """
    limit = ledger.limits[row_of(ledger, owner, symbol)]
    record = book.symbols[symbol]
    lowest, highest = record["price_min"], record["price_max"]
    if not has_collar(limit):
        return highest if side == 0 else lowest
    known, reference_twice = reference_of(book, symbol)
    if not known:
        return lowest if side == 0 else highest
    width = collar_twice(limit, reference_twice)
    if side == 0:
        return max(lowest, min(highest, (reference_twice + width) // 2))
    return min(highest, max(lowest, -((width - reference_twice) // 2)))


# ---- entry points ---------------------------------------------------------------------------


@kernel
def check_order(ledger, book, commands, place):  # type: ignore[no-untyped-def]
    """Whether the limits of an account let a NEW pass, or the first that it breaks.

    Args:
        ledger: the accounts.
        book: of the market, which has the symbols of the ledger.
        commands: COMMAND; owner, symbol, side, price, qty_lots, tif and terms are read.
        place: which of them.
    """
    command = commands[place]
    owner, symbol = np.int64(command["owner"]), np.int64(command["symbol"])
    status = place_status(ledger, owner, symbol)
    if status < 0:
        return status
    if command["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    record = book.symbols[symbol]
    how = np.int64(command["terms"])
    if how & Term.MARKET == 0:
        if command["price"] < record["price_min"] or command["price"] > record["price_max"]:
            return Status.PRICE_OUT_OF_RANGE
        if command["tif"] != TimeInForce.IOC and command["tif"] != TimeInForce.FOK:
            how |= RESTS
    side, price, qty_lots = command["side"], command["price"], command["qty_lots"]
    return limit_status(ledger, book, owner, symbol, side, price, qty_lots, how)
