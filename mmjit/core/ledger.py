"""The accounts: what each holds, has made, may do and may lose.

Invariants: an account's exposure is the sum of `exposure` over its positions, its count of open
orders the sum of theirs; a total is, exactly, what the account's positions in that currency had
made at their last marks, less all fees so far. Peaks are taken and losses judged at marks.

An account is NORMAL until a loss limit is reached at a mark (REDUCE_ONLY, `cause` says which) or
the kill switch is pulled (FROZEN). Either is latched: it ends by `start_session`, `release` or, for
the kill switch, `disarm` and then `resume`. `attention` asks whoever holds the orders to cancel
them, and is cleared by whoever did.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.account import (
    MONEY_MAX,
    fee_of,
    fits,
    mark_to,
    record_fill,
    scheduled_fee,
    worth_of,
)
from mmjit.core.codes import NIL, Marking, Mode, Status
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.money import add, half_points, picos, reaches, subtract

UNLIMITED: Final = 1 << 62
FEES_MAX: Final = 1 << 61  # funding stops counting there, in 1e-12: 2.3 million of a currency
ORDERS_OPEN: Final = 1  # a bit of ACCOUNT `attention`


class Ledger(NamedTuple):
    """The accounts. A row of positions and limits is owner * symbols + symbol."""

    positions: Any  # POSITION per owner and symbol
    terms: Any  # TERMS per symbol
    limits: Any  # LIMIT per owner and symbol
    totals: Any  # TOTAL per owner and currency
    accounts: Any  # ACCOUNT per owner
    tiers: Any  # TIER, TIERS per symbol


@verb
def row_of(ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Where the position and the limits of an account in a symbol stand."""
    return np.int64(owner) * len(ledger.terms) + symbol  # `owner` may come from a narrow field


@verb
def total_of(ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Where the total of an account in the currency of a symbol stands."""
    currencies = len(ledger.totals) // len(ledger.accounts)
    return np.int64(owner) * currencies + ledger.terms[symbol]["currency"]


# ---- orders and fills -----------------------------------------------------------------------


@verb
def exposure(position):  # type: ignore[no-untyped-def]
    """The largest position, either way, that our open orders could lead to."""
    longest = position["position_lots"] + position["open_buy_lots"]
    shortest = position["open_sell_lots"] - position["position_lots"]
    return max(abs(longest), abs(shortest))


@verb
def open_more(ledger, owner, symbol, side, qty_lots):  # type: ignore[no-untyped-def]
    """Count lots as open on a side (fewer below 0), here and in the exposure of the account."""
    position = ledger.positions[row_of(ledger, owner, symbol)]
    before = exposure(position)
    if side == 0:
        position["open_buy_lots"] += qty_lots
    else:
        position["open_sell_lots"] += qty_lots
    ledger.accounts[owner]["exposure_lots"] += exposure(position) - before


@verb
def count_open(ledger, owner, symbol, change):  # type: ignore[no-untyped-def]
    """Count orders that rest (fewer below 0)."""
    ledger.positions[row_of(ledger, owner, symbol)]["open_count"] += change
    ledger.accounts[owner]["open_count"] += change


@verb
def take_fill(ledger, owner, symbol, side, price, qty_lots, maker):  # type: ignore[no-untyped-def]
    """Take a fill of an order whose lots are counted as open; returns its fee in 1e-12.

    The position is not marked by it; one that never was is given the fill's price as its mark.
    """
    position = ledger.positions[row_of(ledger, owner, symbol)]
    terms = ledger.terms[symbol]
    before = exposure(position)
    if side == 0:
        position["open_buy_lots"] -= qty_lots
    else:
        position["open_sell_lots"] -= qty_lots
    points = abs(worth_of(terms, price, qty_lots, 1 if side == 0 else 0))
    if terms["scheduled"] == 0:
        rate = terms["maker_fee"] if maker else terms["taker_fee"]
        fee_pico = fee_of(points, rate, terms["fee_scale"])
    else:
        tiers = ledger.tiers
        fee_pico = scheduled_fee(position, terms, tiers, symbol, side, points, qty_lots, maker)
    record_fill(position, terms, side, price, qty_lots, fee_pico)
    terms["traded"] = 1
    ledger.accounts[owner]["exposure_lots"] += exposure(position) - before
    units, half_pico = picos(-fee_pico)
    _earn(ledger.totals[total_of(ledger, owner, symbol)], units, half_pico)
    return fee_pico


@verb
def take_funding(ledger, owner, symbol, amount_pico):  # type: ignore[no-untyped-def]
    """Take a payment of funding (above 0: we pay) into the fees, of which it is a part."""
    position = ledger.positions[row_of(ledger, owner, symbol)]
    fees_pico = max(-FEES_MAX, min(FEES_MAX, position["fees_pico"] + amount_pico))
    amount_pico = fees_pico - position["fees_pico"]
    position["fees_pico"] = fees_pico
    position["funding_pico"] += amount_pico
    units, half_pico = picos(-amount_pico)
    _earn(ledger.totals[total_of(ledger, owner, symbol)], units, half_pico)


# ---- marks and latches ----------------------------------------------------------------------


@verb
def mark_of(book, ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Twice the price to which a position is to be marked now, by its instrument's marking."""
    position = ledger.positions[row_of(ledger, owner, symbol)]
    marking = ledger.terms[symbol]["marking"]
    if marking == Marking.LAST:
        return _last_twice(book.symbols[symbol], position["mark_twice"])
    bid = book.sides[2 * symbol]["best"]
    ask = book.sides[2 * symbol + 1]["best"]
    if marking == Marking.LIQUIDATION:
        level = bid if position["position_lots"] > 0 else ask
        if level == NIL or position["position_lots"] == 0:
            return position["mark_twice"]
        return 2 * book.levels[level]["price"]
    if bid == NIL or ask == NIL or book.levels[bid]["price"] >= book.levels[ask]["price"]:
        return position["mark_twice"]
    return book.levels[bid]["price"] + book.levels[ask]["price"]


@verb
def has_last(record):  # type: ignore[no-untyped-def]
    """Whether a symbol has a last trade, at a price that its book would take."""
    price = record["last_price"]
    within = price >= record["price_min"] and price <= record["price_max"]
    return record["last_qty_lots"] > 0 and within


@verb
def _last_twice(record, otherwise):  # type: ignore[no-untyped-def]
    """Twice the price of the last trade of a symbol."""
    if has_last(record):
        return 2 * record["last_price"]
    return otherwise


@verb
def mark_position(ledger, owner, symbol, mark_twice, now_ns):  # type: ignore[no-untyped-def]
    """Mark a position to a price (given twice), and judge the losses of its account."""
    terms = ledger.terms[symbol]
    total = ledger.totals[total_of(ledger, owner, symbol)]
    change = mark_to(ledger.positions[row_of(ledger, owner, symbol)], terms, mark_twice)
    units, half_pico = half_points(change, terms["point_pico"])
    _earn(total, units, half_pico)
    _follow(total)
    _judge(ledger.accounts[owner], total, now_ns)


@verb
def _earn(total, units, half_pico):  # type: ignore[no-untyped-def]
    """Count an amount into the equity."""
    units, half_pico = add(total["equity_units"], total["equity_half_pico"], units, half_pico)
    total["equity_units"] = units
    total["equity_half_pico"] = half_pico


@verb
def _follow(total):  # type: ignore[no-untyped-def]
    """Follow the peak and the deepest fall below it of an equity that began at 0."""
    units, half_pico = total["equity_units"], total["equity_half_pico"]
    if not reaches(total["peak_units"], total["peak_half_pico"], units, half_pico):
        total["peak_units"] = units
        total["peak_half_pico"] = half_pico
    units, half_pico = subtract(total["peak_units"], total["peak_half_pico"], units, half_pico)
    if not reaches(total["drawdown_units"], total["drawdown_half_pico"], units, half_pico):
        total["drawdown_units"] = units
        total["drawdown_half_pico"] = half_pico


@verb
def _judge(account, total, now_ns):  # type: ignore[no-untyped-def]
    """Let an account only reduce once it has lost what it may lose."""
    if account["mode"] != Mode.NORMAL:
        return
    if total["max_daily_loss_units"] >= UNLIMITED and total["max_drawdown_units"] >= UNLIMITED:
        return
    equity = total["equity_units"], total["equity_half_pico"]
    loss = subtract(total["day_start_units"], total["day_start_half_pico"], equity[0], equity[1])
    fall = subtract(total["peak_units"], total["peak_half_pico"], equity[0], equity[1])
    if _is_reached(loss, total["max_daily_loss_units"], total["max_daily_loss_half_pico"]):
        _raise_mode(account, Mode.REDUCE_ONLY, Status.MAX_DAILY_LOSS, now_ns)
    elif _is_reached(fall, total["max_drawdown_units"], total["max_drawdown_half_pico"]):
        _raise_mode(account, Mode.REDUCE_ONLY, Status.MAX_DRAWDOWN, now_ns)


@verb
def _is_reached(amount, units, half_pico):  # type: ignore[no-untyped-def]
    """Whether an amount has reached a limit that there is."""
    return units < UNLIMITED and reaches(amount[0], amount[1], units, half_pico)


@verb
def _raise_mode(account, mode, cause, now_ns):  # type: ignore[no-untyped-def]
    """Latch a mode, and ask for the account's orders to be cancelled."""
    account["mode"] = mode
    account["cause"] = cause
    account["tripped_ns"] = now_ns
    account["trip_count"] += 1
    account["attention"] = account["attention"] | ORDERS_OPEN


@verb
def _lower_mode(account):  # type: ignore[no-untyped-def]
    """Let an account trade again; its limits are judged anew at the next mark."""
    account["mode"] = Mode.NORMAL
    account["cause"] = Status.OK


# ---- entry points ---------------------------------------------------------------------------


@kernel
def format_ledger(ledger):  # type: ignore[no-untyped-def]
    """Make zeroed arrays a ledger of accounts without limits, in symbols without fees.

    Until its terms are set, a point is 1e-12 of a currency.
    """
    for symbol in range(len(ledger.terms)):
        terms = ledger.terms[symbol]
        terms["fee_scale"] = 1
        terms["point_pico"] = 1
        terms["qty_lots_max"] = UNLIMITED
        terms["points_max"] = MONEY_MAX
    for row in range(len(ledger.limits)):
        limit = ledger.limits[row]
        limit["max_long"] = UNLIMITED
        limit["max_short"] = UNLIMITED
        limit["max_order_lots"] = UNLIMITED
        limit["max_order_points"] = UNLIMITED
        limit["collar_bps"] = UNLIMITED
        limit["collar_price"] = UNLIMITED
        limit["max_open_orders"] = UNLIMITED
    for row in range(len(ledger.totals)):
        ledger.totals[row]["max_daily_loss_units"] = UNLIMITED
        ledger.totals[row]["max_drawdown_units"] = UNLIMITED
    for owner in range(len(ledger.accounts)):
        account = ledger.accounts[owner]
        account["max_position"] = UNLIMITED
        account["max_open_orders"] = UNLIMITED
        account["first_own"] = NIL
        account["last_own"] = NIL


@verb
def has_account(ledger, owner):  # type: ignore[no-untyped-def]
    """Whether there is such an account."""
    return owner >= 0 and owner < len(ledger.accounts)


@verb
def place_status(ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Whether there is such an account and such a symbol."""
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    if symbol < 0 or symbol >= len(ledger.terms):
        return Status.SYMBOL_UNKNOWN
    return Status.OK


@verb
def take_line(ledger, fill):  # type: ignore[no-untyped-def]
    """Take a fill from elsewhere that `line_status` has nothing against, and complete its FILL."""
    owner, symbol, side = np.int64(fill["owner"]), np.int64(fill["symbol"]), fill["side"]
    open_more(ledger, owner, symbol, side, fill["qty_lots"])
    fill["fee_pico"] = take_fill(
        ledger, owner, symbol, side, fill["price"], fill["qty_lots"], fill["maker"]
    )
    row = row_of(ledger, owner, symbol)
    fill["position_lots"] = ledger.positions[row]["position_lots"]


@helper
def line_status(ledger, fill):  # type: ignore[no-untyped-def]
    """Whether a fill names an account, a symbol and a side, and what it brings can be counted."""
    owner, symbol, side = np.int64(fill["owner"]), np.int64(fill["symbol"]), fill["side"]
    status = place_status(ledger, owner, symbol)
    if status < 0:
        return status
    if side != 0 and side != 1:
        return Status.SIDE_UNKNOWN
    if fill["qty_lots"] <= 0:
        return Status.QTY_NOT_POSITIVE
    price = fill["price"]
    terms = ledger.terms[symbol]
    if terms["inverse_pico"] != 0 and price < 1:
        return Status.PRICE_OUT_OF_RANGE
    position = ledger.positions[row_of(ledger, owner, symbol)]
    if not fits(position, terms, abs(price), fill["qty_lots"], 1):
        return Status.NOTIONAL_TOO_LARGE
    return Status.OK


@kernel
def mark_at(ledger, owner, symbol, mark_twice, now_ns):  # type: ignore[no-untyped-def]
    """Mark a position to twice a price, in price units; judges losses. Returns a status."""
    status = place_status(ledger, owner, symbol)
    if status < 0:
        return status
    terms = ledger.terms[symbol]
    if terms["inverse_pico"] != 0 and mark_twice < 2:
        return Status.PRICE_OUT_OF_RANGE
    position = ledger.positions[row_of(ledger, owner, symbol)]
    dearest = mark_twice // 2 if terms["inverse_pico"] != 0 else (abs(mark_twice) + 1) // 2
    if not fits(position, terms, dearest, 0, 0):
        return Status.NOTIONAL_TOO_LARGE
    mark_position(ledger, owner, symbol, mark_twice, now_ns)
    return Status.OK


@kernel
def start_session(ledger, owner, reset_peak):  # type: ignore[no-untyped-def]
    """Count the day's figures of an account from its equity as last marked. Returns a status.

    Args:
        ledger: the accounts.
        owner: the account.
        reset_peak: whether the drawdown is counted from there too.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    for symbol in range(len(ledger.terms)):
        position = ledger.positions[row_of(ledger, owner, symbol)]
        position["day_start_twice"] = position["equity_twice"]
        if reset_peak:
            position["peak_twice"] = position["equity_twice"]
            position["drawdown_twice"] = 0
    currencies = len(ledger.totals) // len(ledger.accounts)
    for row in range(owner * currencies, (owner + 1) * currencies):
        _start_total(ledger.totals[row], reset_peak)
    account = ledger.accounts[owner]
    over = account["cause"] == Status.MAX_DAILY_LOSS
    if reset_peak and account["cause"] == Status.MAX_DRAWDOWN:
        over = True
    if account["mode"] == Mode.REDUCE_ONLY and over:
        _lower_mode(account)
    return Status.OK


@verb
def _start_total(total, reset_peak):  # type: ignore[no-untyped-def]
    """Count a total's day, and its drawdown if asked, from its equity."""
    total["day_start_units"] = total["equity_units"]
    total["day_start_half_pico"] = total["equity_half_pico"]
    if reset_peak:
        total["peak_units"] = total["equity_units"]
        total["peak_half_pico"] = total["equity_half_pico"]
        total["drawdown_units"] = 0
        total["drawdown_half_pico"] = 0


@kernel
def release(ledger, owner):  # type: ignore[no-untyped-def]
    """Let an account that reached a loss limit trade again. Returns a status.

    Its limits are judged anew at the next mark: raise them, or it trips again.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["mode"] == Mode.REDUCE_ONLY:
        _lower_mode(account)
    return Status.OK


@kernel
def pull_kill(ledger, owner, now_ns):  # type: ignore[no-untyped-def]
    """Freeze an account and ask for all its orders to be cancelled. Returns a status."""
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    account["kill"] = 1
    if account["mode"] != Mode.FROZEN:
        _raise_mode(account, Mode.FROZEN, Status.KILL_SWITCH, now_ns)
    account["attention"] = account["attention"] | ORDERS_OPEN
    return Status.OK


@kernel
def disarm(ledger, owner):  # type: ignore[no-untyped-def]
    """The first step out of a pulled kill switch: ask for its reset. Returns a status."""
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["kill"] == 1:
        account["kill"] = 2
    return Status.OK


@kernel
def resume(ledger, owner):  # type: ignore[no-untyped-def]
    """The second step: let the account trade again. Returns a status, KILL_SWITCH_ARMED if first.

    Loss limits are judged anew at the next mark.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["kill"] == 1:
        return Status.KILL_SWITCH_ARMED
    if account["kill"] == 2:
        account["kill"] = 0
        _lower_mode(account)
    return Status.OK
