"""What stands between a rule and the venue: an order that breaks a limit is refused, and why.

Limits count what is open as if it were filled, and pass at the limit itself. The order of the
checks is part of the contract: the first that fails names the refusal.
"""

from typing import Final

from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import Status, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS, tick_at
from mmjit.core.jit import verb
from mmjit.core.reads import next_level

UNLIMITED: Final = 1 << 62


@verb
def order_status(desk, side, price, qty_lots):  # type: ignore[no-untyped-def]
    """Whether an order of ours may be entered; the order that it replaces is gone already."""
    symbol = desk.book.symbols[desk.symbol]
    terms = desk.terms[desk.symbol]
    if symbol["status"] == TradingStatus.HALTED or symbol["status"] == TradingStatus.PAUSED:
        return Status.SYMBOL_HALTED
    if qty_lots <= 0:
        return Status.QTY_NOT_POSITIVE
    if qty_lots > terms["qty_lots_max"]:
        return Status.QTY_TOO_LARGE
    if price < symbol["price_min"] or price > symbol["price_max"]:
        return Status.PRICE_OUT_OF_RANGE
    if price % tick_at(desk, price) != 0:
        return Status.PRICE_OFF_TICK
    if not fits_account(desk, symbol, qty_lots):
        return Status.NOTIONAL_TOO_LARGE
    if is_outside_window(desk, side, price):
        return Status.OUTSIDE_WINDOW
    if crosses_own(desk, side, price):
        return Status.SELF_CROSS
    return _position_status(desk, side, qty_lots)


@verb
def _position_status(desk, side, qty_lots):  # type: ignore[no-untyped-def]
    """The limits on positions."""
    position = desk.positions[desk.symbol]
    terms = desk.terms[desk.symbol]
    run = desk.run[0]
    buys = position["open_buy_lots"] + (qty_lots if side == 0 else 0)
    sells = position["open_sell_lots"] + (0 if side == 0 else qty_lots)
    longest = position["position_lots"] + buys
    shortest = sells - position["position_lots"]
    if side == 0 and longest > terms["max_long"]:
        return Status.MAX_LONG
    if side == 1 and shortest > terms["max_short"]:
        return Status.MAX_SHORT
    others = run["exposure_lots"] - exposure(position)
    grown = max(abs(longest), abs(shortest))
    if grown > exposure(position) and others + grown > run["max_position"]:
        return Status.MAX_POSITION
    return Status.OK


@verb
def exposure(position):  # type: ignore[no-untyped-def]
    """The largest position, either way, that our open orders could lead to."""
    longest = position["position_lots"] + position["open_buy_lots"]
    shortest = position["open_sell_lots"] - position["position_lots"]
    return max(abs(longest), abs(shortest))


@verb
def open_more(desk, side, qty_lots):  # type: ignore[no-untyped-def]
    """Count lots as open on a side (fewer below 0), here and in the sum over symbols."""
    position = desk.positions[desk.symbol]
    before = exposure(position)
    if side == 0:
        position["open_buy_lots"] += qty_lots
    else:
        position["open_sell_lots"] += qty_lots
    desk.run[0]["exposure_lots"] += exposure(position) - before


@verb
def fits_account(desk, symbol, qty_lots):  # type: ignore[no-untyped-def]
    """Whether every sum of money stays exact if all that is open is filled at the worst price."""
    position = desk.positions[desk.symbol]
    price = max(abs(symbol["price_min"]), abs(symbol["price_max"]), 1)
    lots = abs(position["position_lots"]) + position["open_buy_lots"] + position["open_sell_lots"]
    if qty_lots > MONEY_MAX // price - lots:
        return False
    if abs(position["fees_pico"]) > 2 * MONEY_MAX:
        return False
    worth = (lots + qty_lots) * price
    most = desk.terms[desk.symbol]["points_max"]
    return worth <= most - max(abs(position["cash"]), abs(position["realised"]))


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
