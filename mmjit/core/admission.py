"""What an order must be to be let in: its form, its limits, and room for whatever it may do."""

from typing import Final

import numpy as np

from mmjit.core.book import joining_status, qty_status
from mmjit.core.codes import (
    NIL,
    Kind,
    SelfTrade,
    Status,
    Term,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.intrinsics import rarely
from mmjit.core.jit import verb
from mmjit.core.levels import price_status, room_for_level
from mmjit.core.limits import cancel_status, collar_price_of, note_cancelled, note_sent
from mmjit.core.matching import first_to_meet, measure, reaches
from mmjit.core.pool import available

FAR: Final = (1 << 63) - 1  # beyond every price
_NEW_TERMS: Final = Term.MARKET | Term.POST_ONLY | Term.REDUCE_ONLY


@verb
def owner_status(venue, owner):  # type: ignore[no-untyped-def]
    """Whether somebody may act: an account, or the market at large."""
    if rarely(owner < NIL or owner >= len(venue.ledger.accounts)):
        return Status.ACCOUNT_UNKNOWN
    return Status.OK


@verb
def halt_status(book, symbol):  # type: ignore[no-untyped-def]
    """Whether a symbol takes orders."""
    status = book.symbols[symbol]["status"]
    if rarely(status >= TradingStatus.PAUSED and status <= TradingStatus.CLOSED):
        return Status.SYMBOL_HALTED
    return Status.OK


@verb
def is_market(command):  # type: ignore[no-untyped-def]
    """Whether an order names no price."""
    return command["terms"] & Term.MARKET != 0


@verb
def may_rest(command):  # type: ignore[no-untyped-def]
    """Whether what is left of an order stays."""
    if command["kind"] == Kind.TAKE:
        return False
    return command["tif"] <= TimeInForce.GTD and not is_market(command)


@verb
def form_status(venue, command, display_lots):  # type: ignore[no-untyped-def]
    """Whether a new order is one: its names, its terms, its quantities."""
    if rarely(command["symbol"] < 0 or command["symbol"] >= len(venue.book.symbols)):
        return Status.SYMBOL_UNKNOWN
    if rarely(command["side"] != 0 and command["side"] != 1):
        return Status.SIDE_UNKNOWN
    if rarely(command["order_id"] == 0):
        return Status.ORDER_ID_ZERO
    if rarely(owner_status(venue, command["owner"]) < 0):
        return Status.ACCOUNT_UNKNOWN
    if rarely(command["tif"] < 0 or command["tif"] > TimeInForce.FOK):
        return Status.TIME_IN_FORCE_UNKNOWN
    if rarely(command["self_trade"] < 0 or command["self_trade"] > SelfTrade.DECREMENT):
        return Status.SELF_TRADE_UNKNOWN
    if rarely(
        (command["terms"] != 0 or display_lots != 0) and _terms_conflict(command, display_lots)
    ):
        return Status.TERMS_CONFLICT
    status = halt_status(venue.book, command["symbol"])
    if rarely(status < 0):
        return status
    status = qty_status(venue.book, command["qty_lots"])
    if rarely(status < 0):
        return status
    if rarely(display_lots < 0 or display_lots > command["qty_lots"]):
        return Status.DISPLAY_OUT_OF_RANGE
    return Status.OK


@verb
def _terms_conflict(command, display_lots):  # type: ignore[no-untyped-def]
    """Whether the terms of a new order exclude each other."""
    terms = command["terms"]
    tif = command["tif"]
    at_once = tif == TimeInForce.IOC or tif == TimeInForce.FOK
    if terms & ~_NEW_TERMS != 0:
        return True
    if terms & Term.MARKET and (
        terms & Term.POST_ONLY or tif == TimeInForce.DAY or tif == TimeInForce.GTD
    ):
        return True
    if at_once and terms & Term.POST_ONLY:
        return True
    if terms & Term.REDUCE_ONLY and command["owner"] < 0:
        return True
    return display_lots != 0 and (at_once or terms & Term.MARKET != 0)


@verb
def rest_status(venue, command, leaving, level):  # type: ignore[no-untyped-def]
    """Whether there is room for what is left of an order once another (or NIL) has left.

    `level` is that of its price, open or not, or NIL.
    """
    book = venue.book
    if leaving == NIL:
        if rarely(available(book.order_pool) == 0):
            return Status.ORDER_POOL_EXHAUSTED
        expires = command["tif"] == TimeInForce.DAY or command["tif"] == TimeInForce.GTD
        if rarely(expires and venue.control[0]["alarm_count"] == len(venue.alarms)):
            return Status.ALARM_POOL_EXHAUSTED
    if rarely(level == NIL):
        return room_for_level(book, NIL, NIL)
    leaves = np.int64(0)
    if leaving != NIL and book.nodes[leaving]["level"] == level:
        leaves = np.int64(book.nodes[leaving]["qty_lots"])
    return joining_status(book, level, command["qty_lots"], leaves)


@verb
def rings_status(venue, command, side, worst):  # type: ignore[no-untyped-def]
    """Whether the rings have room for whatever an order may trade."""
    control = venue.control[0]
    qty_lots = command["qty_lots"]
    far = venue.book.sides[command["symbol"] * 2 + 1 - side]
    most = min(qty_lots, np.int64(far["order_count"]) + far["level_count"])
    # An iceberg may trade more often than once, and so may an account's own reduce-only order.
    if control["hidden_count"] == 0 and command["owner"] < 0 and rings_take(venue, most) == 0:
        return np.int64(Status.OK)
    _, count = measure(venue, command, side, worst, qty_lots, counting_mode(command))
    return rings_take(venue, min(count, qty_lots))


@verb
def counting_mode(command):  # type: ignore[no-untyped-def]
    """As what orders of the same owner count where trades are counted: at most too many."""
    if command["self_trade"] == SelfTrade.CANCEL_OLDEST:
        return np.int64(SelfTrade.CANCEL_OLDEST)
    return np.int64(SelfTrade.NONE)


@verb
def rings_take(venue, trade_count):  # type: ignore[no-untyped-def]
    """Whether the rings have room for so many trades, and two fills for each."""
    control = venue.control[0]
    if rarely(trade_count > len(venue.trades) - (control["trade_head"] - control["trade_tail"])):
        return np.int64(Status.TRADE_RING_FULL)
    if rarely(2 * trade_count > len(venue.fills) - (control["fill_head"] - control["fill_tail"])):
        return np.int64(Status.FILL_RING_FULL)
    return np.int64(Status.OK)


@verb
def worst_price(venue, command):  # type: ignore[no-untyped-def]
    """The worst price at which an order may trade."""
    if not is_market(command):
        return command["price"]
    side = np.int64(command["side"])
    if command["owner"] >= 0:
        owner, symbol = np.int64(command["owner"]), np.int64(command["symbol"])
        return collar_price_of(venue.ledger, venue.book, owner, symbol, side)
    return np.int64(FAR) if side == 0 else np.int64(-FAR)


@verb
def would_trade(venue, command, side, worst):  # type: ignore[no-untyped-def]
    """Whether an order meets something at once."""
    level = first_to_meet(venue.book, command, side)
    return level != NIL and reaches(side, venue.book.levels[level]["price"], worst)


@verb
def crossing_status(venue, command, side, worst, meets):  # type: ignore[no-untyped-def]
    """The rules of an order that may trade at once."""
    if not meets:
        if rarely(command["tif"] == TimeInForce.FOK):
            return Status.FILL_OR_KILL_UNFILLED
        return Status.OK
    if command["terms"] & Term.POST_ONLY:
        return Status.POST_ONLY_WOULD_TRADE
    if command["tif"] == TimeInForce.FOK:
        self_trade = np.int64(command["self_trade"])
        lots, _ = measure(venue, command, side, worst, command["qty_lots"], self_trade)
        if rarely(lots < command["qty_lots"]):
            return Status.FILL_OR_KILL_UNFILLED
    return Status.OK


@verb
def take_status(venue, command):  # type: ignore[no-untyped-def]
    """The rules of a take."""
    book = venue.book
    if rarely(command["symbol"] < 0 or command["symbol"] >= len(book.symbols)):
        return Status.SYMBOL_UNKNOWN
    if rarely(command["side"] != 0 and command["side"] != 1):
        return Status.SIDE_UNKNOWN
    if rarely(owner_status(venue, command["owner"]) < 0):
        return Status.ACCOUNT_UNKNOWN
    if rarely(command["self_trade"] < 0 or command["self_trade"] > SelfTrade.DECREMENT):
        return Status.SELF_TRADE_UNKNOWN
    at_once = command["tif"] == TimeInForce.GTC or command["tif"] == TimeInForce.IOC
    if rarely(command["terms"] != 0 or not at_once):
        return Status.TERMS_CONFLICT
    status = halt_status(book, command["symbol"])
    if rarely(status < 0):
        return status
    status = qty_status(book, command["qty_lots"])
    if rarely(status < 0):
        return status
    return price_status(book, command["symbol"], command["price"])


# ---- what is sent, for limits that are about time -----------------------------------------------


@verb
def note_entered(venue, order):  # type: ignore[no-untyped-def]
    """An order that is let in was sent now."""
    owner = np.int64(order["owner"])
    if owner >= 0:
        place, now_ns = 2 * np.int64(order["symbol"]) + order["side"], venue.control[0]["now_ns"]
        note_sent(venue.ledger, venue.book, owner, place, order["price"], order["qty_lots"], now_ns)


@verb
def cancel_pace_status(venue, command):  # type: ignore[no-untyped-def]
    """Whether an account cancels no more often than it may."""
    owner, symbol = np.int64(command["owner"]), np.int64(command["symbol"])
    if owner < 0:
        return np.int64(Status.OK)
    return np.int64(cancel_status(venue.ledger, owner, symbol, venue.control[0]["now_ns"]))


@verb
def note_withdrawn(venue, command):  # type: ignore[no-untyped-def]
    """A cancel is done now, or an amend that only shrinks an order."""
    owner, symbol = np.int64(command["owner"]), np.int64(command["symbol"])
    if owner >= 0:
        note_cancelled(venue.ledger, owner, symbol, venue.control[0]["now_ns"])
