"""What stands between whoever sends an order and the market: it is refused if it breaks a limit.

Limits count what is open as if it were filled, and pass at the limit itself. The order of the
checks is part of the contract: the first that fails names the refusal. First what the account may
do at all, then the size of the order, the market and the pace (`mmjit.core.pacing`), the price, the
orders that are open, and last what it could come to hold. An order that reduces a position (no more
than is held and not yet being closed) passes the last of these and REDUCE_ONLY, nothing else.
"""

from typing import Final

import numpy as np

from mmjit.core.account import MONEY_MAX, fits, portion, worth_of
from mmjit.core.codes import NIL, KillLevel, Mode, Restriction, Status, Term, TimeInForce
from mmjit.core.jit import kernel, verb
from mmjit.core.ledger import UNLIMITED as UNLIMITED  # for whoever sets limits
from mmjit.core.ledger import (
    exposure,
    has_last,
    place_status,
    recents_of,
    row_of,
    total_of,
    worth_at_worst,
)
from mmjit.core.levels import LEVEL_QTY_MAX, next_level
from mmjit.core.money import add, reaches, subtract
from mmjit.core.pacing import (
    AGES,
    RATES,
    REPEATS,
    SHARES,
    cancel_paced_status,
    note_cancel,
    note_order,
    paced_status,
)

RESTS: Final = 1 << 8  # beside the bits of Term: the order may come to rest
_WIDEST: Final = 1 << 62  # twice the width of a collar that holds every price
DEPTH_LEVELS: Final = 5  # of the other side, that the size of an order is held to
_TEN_THOUSAND: Final = 10**4
_SMALL: Final = 1 << 48  # times 2**14 that fits


@verb
def limit_status(ledger, book, owner, place, price, qty_lots, how, now_ns):  # type: ignore[no-untyped-def]
    """Whether an account may enter an order; the lots of one that it replaces are not open.

    Args:
        ledger: the accounts.
        book: of the market.
        owner: the account, not NIL.
        place: 2 * symbol + side, of a symbol that the book knows.
        price: within the bounds of the symbol; not read of a MARKET order.
        qty_lots: above 0.
        how: bits of Term, and RESTS.
        now_ns: the time.
    """
    symbol, side = place >> 1, place & 1
    account = ledger.accounts[owner]
    row = row_of(ledger, owner, symbol)
    position = ledger.positions[row]
    limit = ledger.limits[row]
    reduces = qty_lots <= closable(position, side)
    status = _state_status(account, limit, position, side, qty_lots, how, reduces)
    if status < 0:
        return status
    status = _size_status(ledger, book, owner, place, price, qty_lots, how)
    if status < 0:
        return status
    if limit["watches"]:
        status = _watched_status(ledger, book, owner, place, price, qty_lots, now_ns)
        if status < 0:
            return status
    if has_collar(limit):
        status = _collar_status(book, limit, place, price, how)
        if status < 0:
            return status
    if how & RESTS:
        if position["open_count"] >= limit["max_open_orders"]:
            return Status.MAX_OPEN_ORDERS
        if account["open_count"] >= account["max_open_orders"]:
            return Status.MAX_OPEN_ORDERS
        open_lots = position["open_buy_lots"] if side == 0 else position["open_sell_lots"]
        if open_lots + qty_lots > limit["max_open_lots"]:
            return Status.MAX_OPEN_QTY
    if reduces:
        return Status.OK
    status = _position_status(account, position, limit, side, qty_lots)
    if status == Status.OK and position["weighs"]:
        return _worth_status(ledger, book, owner, place, qty_lots)
    return status


@verb
def _state_status(account, limit, position, side, qty_lots, how, reduces):  # type: ignore[no-untyped-def]
    """Whether the account may do such a thing at all now, and in this symbol."""
    if account["kill"] != 0 and account["killed_level"] != KillLevel.FLATTEN:
        return Status.KILL_SWITCH  # also before anybody has acted on it
    if account["mode"] > Mode.REDUCE_ONLY:
        return Status.KILL_SWITCH
    if limit["restricted"]:
        if side == 0 and limit["restricted"] & Restriction.BUY:
            return Status.RESTRICTED
        if side == 1 and limit["restricted"] & Restriction.SELL:
            return Status.RESTRICTED
        held = max(0, position["position_lots"] - position["open_sell_lots"])
        if side == 1 and limit["restricted"] & Restriction.SHORT and qty_lots > held:
            return Status.RESTRICTED
    if how & Term.REDUCE_ONLY and not reduces:
        return Status.REDUCE_ONLY
    if account["mode"] == Mode.REDUCE_ONLY and not reduces:
        return account["cause"]
    return Status.OK


@verb
def _size_status(ledger, book, owner, place, price, qty_lots, how):  # type: ignore[no-untyped-def]
    """The limits on the size of one order."""
    symbol = place >> 1
    limit = ledger.limits[row_of(ledger, owner, symbol)]
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
    return Status.OK


@verb
def _watched_status(ledger, book, owner, place, price, qty_lots, now_ns):  # type: ignore[no-untyped-def]
    """The limits that are held to the market or to time."""
    symbol = place >> 1
    row = row_of(ledger, owner, symbol)
    limit, guard = ledger.limits[row], ledger.guards[row]
    if limit["watches"] & SHARES:
        if qty_lots > limit["max_volume_lots"]:
            return np.int64(Status.MAX_VOLUME_SHARE)
        bps = limit["max_depth_bps"]
        if bps < UNLIMITED and not _shows_enough(book, place ^ 1, bps, qty_lots):
            return np.int64(Status.MAX_DEPTH_SHARE)
    if limit["watches"] & AGES and is_crossed(book, symbol):
        return np.int64(Status.MARKET_CROSSED)
    ring, order = recents_of(ledger, row), (place & 1, price, qty_lots)
    return np.int64(paced_status(ledger.accounts[owner], limit, guard, ring, order, now_ns))


@verb
def _shows_enough(book, place, bps, qty_lots):  # type: ignore[no-untyped-def]
    """Whether a share of what a side shows at its DEPTH_LEVELS best prices is so many lots."""
    level = np.int64(book.sides[place]["best"])
    lots = np.int64(0)
    for _ in range(DEPTH_LEVELS):
        if level == NIL:
            return False
        lots = min(lots + book.levels[level]["qty_lots"], np.int64(LEVEL_QTY_MAX))
        if is_within(qty_lots, lots, bps):
            return True
        level = np.int64(next_level(book, level))
    return False


@verb
def is_within(part, whole, bps):  # type: ignore[no-untyped-def]
    """Whether a part is at most so many 1e-4 of a whole, none of them negative."""
    if part < _SMALL and whole < _SMALL and bps < _SMALL >> 34:
        return part * _TEN_THOUSAND <= whole * bps
    return part <= portion(whole, bps, np.int64(_TEN_THOUSAND))[0]


@verb
def is_crossed(book, symbol):  # type: ignore[no-untyped-def]
    """Whether the best bid is above the best ask."""
    bid, ask = book.sides[2 * symbol]["best"], book.sides[2 * symbol + 1]["best"]
    if bid == NIL or ask == NIL:
        return False
    return book.levels[bid]["price"] > book.levels[ask]["price"]


@verb
def note_sent(ledger, book, owner, place, price, qty_lots, now_ns):  # type: ignore[no-untyped-def]
    """An order that passed `limit_status` is sent: it counts from now on; before it is opened."""
    row = row_of(ledger, owner, place >> 1)
    limit = ledger.limits[row]
    if limit["watches"] & (RATES | REPEATS):
        account, guard, ring = ledger.accounts[owner], ledger.guards[row], recents_of(ledger, row)
        note_order(account, limit, guard, ring, (place & 1, price, qty_lots), now_ns)
    if ledger.positions[row]["weighs"]:
        known, reference_twice = reference_of(book, place >> 1)
        if known:
            ledger.guards[row]["reference_twice"] = reference_twice


@verb
def cancel_status(ledger, owner, symbol, now_ns):  # type: ignore[no-untyped-def]
    """Whether an account may send a cancel."""
    row = row_of(ledger, owner, symbol)
    limit, guard = ledger.limits[row], ledger.guards[row]
    return cancel_paced_status(ledger.accounts[owner], limit, guard, now_ns)


@verb
def note_cancelled(ledger, owner, symbol, now_ns):  # type: ignore[no-untyped-def]
    """A cancel is sent, or an amend that only shrinks an order."""
    row = row_of(ledger, owner, symbol)
    note_cancel(ledger.accounts[owner], ledger.limits[row], ledger.guards[row], now_ns)


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


@verb
def _worth_status(ledger, book, owner, place, qty_lots):  # type: ignore[no-untyped-def]
    """The limits on what all positions of a currency could come to, at the market."""
    symbol, side = place >> 1, place & 1
    row = row_of(ledger, owner, symbol)
    position, guard = ledger.positions[row], ledger.guards[row]
    longest = position["position_lots"] + position["open_buy_lots"]
    shortest = position["open_sell_lots"] - position["position_lots"]
    longest += qty_lots if side == 0 else 0
    shortest += 0 if side == 0 else qty_lots
    grown = max(abs(longest), abs(shortest))
    if grown <= exposure(position):
        return np.int64(Status.OK)
    known, reference_twice = reference_of(book, symbol)
    if not known:
        return np.int64(Status.REFERENCE_MISSING)
    total = ledger.totals[total_of(ledger, owner, symbol)]
    if _is_far_within(ledger, owner, symbol, grown, reference_twice):
        return np.int64(Status.OK)
    worth = worth_at_worst(ledger, owner, symbol, grown, reference_twice)
    gross = subtract(worth[0], worth[1], guard["gross_units"], guard["gross_half_pico"])
    gross = add(gross[0], gross[1], total["gross_units"], total["gross_half_pico"])
    if _passes(gross, total["max_gross_units"], total["max_gross_half_pico"]):
        return np.int64(Status.MAX_GROSS)
    margin = subtract(worth[2], worth[3], guard["margin_units"], guard["margin_half_pico"])
    margin = add(margin[0], margin[1], total["margin_units"], total["margin_half_pico"])
    if _passes(margin, total["credit_units"], total["credit_half_pico"]):
        return np.int64(Status.CREDIT)
    return np.int64(Status.OK)


@verb
def _is_far_within(ledger, owner, symbol, lots, reference_twice):  # type: ignore[no-untyped-def]
    """Whether lots are so far within the limits on worth that whole units of an estimate tell.

    Exact amounts take twice as long. The estimate of a linear contract is off by less than 1e-15 of
    itself, which a unit for every 1e9 of them covers; sums of units are short by less than 4.
    """
    row, terms = row_of(ledger, owner, symbol), ledger.terms[symbol]
    if terms["inverse_pico"] != 0:
        return False
    guard, total = ledger.guards[row], ledger.totals[total_of(ledger, owner, symbol)]
    worth = lots * abs(reference_twice) * (terms["point_pico"] * 5e-13)
    if worth > 1e15:
        return False
    units = np.int64(worth * (1.0 + 1e-9)) + 4
    margin_units = np.int64(worth * (1.0 + 1e-9) * (ledger.limits[row]["margin_bps"] * 1e-4)) + 4
    gross_left = total["max_gross_units"] - (total["gross_units"] - guard["gross_units"])
    credit_left = total["credit_units"] - (total["margin_units"] - guard["margin_units"])
    return units < gross_left and margin_units < credit_left


@verb
def _passes(amount, units, half_pico):  # type: ignore[no-untyped-def]
    """Whether an amount is beyond a limit that there is."""
    return units < UNLIMITED and not reaches(units, half_pico, amount[0], amount[1])


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
def _collar_status(book, limit, place, price, how):  # type: ignore[no-untyped-def]
    """Whether a price is near enough to the market; a MARKET order needs only that there is one."""
    known, reference_twice = reference_of(book, place >> 1)
    if not known:
        return Status.REFERENCE_MISSING
    if how & Term.MARKET:
        return Status.OK
    away = 2 * price - reference_twice
    if limit["collar_one_sided"]:
        away = max(np.int64(0), away if place & 1 == 0 else -away)
    return Status.OK if _is_near(limit, abs(away), reference_twice) else Status.PRICE_COLLAR


@verb
def _is_near(limit, away_twice, reference_twice):  # type: ignore[no-untyped-def]
    """Whether a price that is so far (twice) from the reference is within the collar."""
    if away_twice > 2 * min(limit["collar_price"], _WIDEST // 2):
        return False
    bps = limit["collar_bps"]
    return bps >= UNLIMITED or is_within(away_twice, abs(reference_twice), bps)


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
def note_order_at(ledger, book, commands, place):  # type: ignore[no-untyped-def]
    """Count an order that `check_order` let pass as sent, for limits that are about time."""
    command = commands[place]
    owner, sent = np.int64(command["owner"]), 2 * np.int64(command["symbol"]) + command["side"]
    price, qty_lots, now_ns = command["price"], command["qty_lots"], command["venue_ns"]
    note_sent(ledger, book, owner, sent, price, qty_lots, now_ns)


@kernel
def check_order(ledger, book, commands, place):  # type: ignore[no-untyped-def]
    """Whether the limits of an account let a NEW pass, or the first that it breaks.

    Args:
        ledger: the accounts.
        book: of the market, which has the symbols of the ledger.
        commands: COMMAND; owner, symbol, side, price, qty_lots, tif, terms and venue_ns are read.
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
    sent, price, qty_lots = 2 * symbol + command["side"], command["price"], command["qty_lots"]
    return limit_status(ledger, book, owner, sent, price, qty_lots, how, command["venue_ns"])
