"""The accounts: what each holds, has made, may do and may lose.

Invariants: an account's exposure is the sum of `exposure` over its positions, its count of open
orders the sum of theirs; a total is, exactly, what the account's positions in that currency had
made at their last marks, less all fees so far. Peaks are taken and losses judged at marks.

An account is NORMAL until a loss limit is reached at a mark (REDUCE_ONLY, `cause` says which) or
the kill switch is pulled. Either is latched; `mmjit.core.switches` has what ends it. `attention`
asks whoever holds the orders to cancel them, and is cleared by whoever did.

Where a limit is about worth (POSITION `weighs`), what each position could come to is worth at its
last mark, or at the market when its last order was sent, counts in the total of its currency.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.account import (
    MONEY_MAX,
    fee_of,
    fits,
    mark_to,
    portion,
    record_fill,
    scheduled_fee,
    worth_of,
)
from mmjit.core.codes import NIL, Marking, Mode, Status
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.money import add, half_points, picos, reaches, subtract
from mmjit.core.pacing import ALWAYS, FILLS, PROTECTS, note_paced_fill
from mmjit.core.tables import RECENTS

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
    guards: Any  # GUARD per owner and symbol
    recents: Any  # RECENT, RECENTS per owner and symbol


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
    if position["weighs"]:
        weigh(ledger, owner, symbol)


@verb
def recents_of(ledger, row):  # type: ignore[no-untyped-def]
    """The rings of an account in a symbol: the array, and where they begin."""
    return ledger.recents, row * RECENTS


@verb
def count_open(ledger, owner, symbol, change):  # type: ignore[no-untyped-def]
    """Count orders that rest (fewer below 0)."""
    ledger.positions[row_of(ledger, owner, symbol)]["open_count"] += change
    ledger.accounts[owner]["open_count"] += change


@verb
def take_fill(ledger, owner, symbol, side, price, qty_lots, maker, now_ns):  # type: ignore[no-untyped-def]
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
    if position["weighs"]:
        weigh(ledger, owner, symbol)
    row = row_of(ledger, owner, symbol)
    limit = ledger.limits[row]
    if limit["watches"] & (FILLS | PROTECTS):
        account, guard, ring = ledger.accounts[owner], ledger.guards[row], recents_of(ledger, row)
        note_paced_fill(account, limit, guard, ring, side, qty_lots, now_ns)
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


# ---- worth ----------------------------------------------------------------------------------


@verb
def worth_at_worst(ledger, owner, symbol, lots, reference_twice):  # type: ignore[no-untyped-def]
    """What so many lots are worth at a price given twice, and their margin: units, half_pico each.

    An inverse contract is worth the more the lower the price, and is taken at the next below.
    """
    terms = ledger.terms[symbol]
    if terms["inverse_pico"] == 0:
        twice = lots * abs(reference_twice)
    else:
        twice = 2 * abs(worth_of(terms, reference_twice // 2, lots, 0))
    units, half_pico = half_points(twice, terms["point_pico"])
    share = ledger.limits[row_of(ledger, owner, symbol)]["margin_bps"]
    whole, rest = portion(twice, share, np.int64(10**4))
    margin, half_margin = half_points(whole + (1 if rest > 0 else 0), terms["point_pico"])
    return units, half_pico, margin, half_margin


@helper
def weigh(ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Count what a position could come to anew into the total of its currency, if it weighs."""
    row = row_of(ledger, owner, symbol)
    guard, total = ledger.guards[row], ledger.totals[total_of(ledger, owner, symbol)]
    position = ledger.positions[row]
    lots = exposure(position) if position["weighs"] else np.int64(0)
    reference_twice = guard["reference_twice"]
    if reference_twice == 0:  # no order of ours was sent there: fills came from elsewhere
        reference_twice = position["mark_twice"]
    worth = worth_at_worst(ledger, owner, symbol, lots, reference_twice)
    less = subtract(worth[0], worth[1], guard["gross_units"], guard["gross_half_pico"])
    gross = add(total["gross_units"], total["gross_half_pico"], less[0], less[1])
    total["gross_units"], total["gross_half_pico"] = gross[0], gross[1]
    less = subtract(worth[2], worth[3], guard["margin_units"], guard["margin_half_pico"])
    margin = add(total["margin_units"], total["margin_half_pico"], less[0], less[1])
    total["margin_units"], total["margin_half_pico"] = margin[0], margin[1]
    guard["gross_units"], guard["gross_half_pico"] = worth[0], worth[1]
    guard["margin_units"], guard["margin_half_pico"] = worth[2], worth[3]


@kernel
def weigh_all(ledger, owner):  # type: ignore[no-untyped-def]
    """Count every position of an account anew, after its limits were set."""
    for symbol in range(len(ledger.terms)):
        weigh(ledger, owner, symbol)


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
    position = ledger.positions[row_of(ledger, owner, symbol)]
    if position["weighs"] and mark_twice != 0:
        ledger.guards[row_of(ledger, owner, symbol)]["reference_twice"] = mark_twice
        weigh(ledger, owner, symbol)
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
        raise_mode(account, Mode.REDUCE_ONLY, Status.MAX_DAILY_LOSS, now_ns)
    elif _is_reached(fall, total["max_drawdown_units"], total["max_drawdown_half_pico"]):
        raise_mode(account, Mode.REDUCE_ONLY, Status.MAX_DRAWDOWN, now_ns)


@verb
def _is_reached(amount, units, half_pico):  # type: ignore[no-untyped-def]
    """Whether an amount has reached a limit that there is."""
    return units < UNLIMITED and reaches(amount[0], amount[1], units, half_pico)


@verb
def raise_mode(account, mode, cause, now_ns):  # type: ignore[no-untyped-def]
    """Latch a mode, and unless what rests may stay ask for the account's orders to be cancelled."""
    account["mode"] = mode
    account["cause"] = cause
    account["tripped_ns"] = now_ns
    account["trip_count"] += 1
    if mode != Mode.CANCEL_ONLY:
        account["attention"] = account["attention"] | ORDERS_OPEN


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
        limit["max_open_lots"] = UNLIMITED
        limit["max_volume_lots"] = UNLIMITED
        limit["max_depth_bps"] = UNLIMITED
        limit["max_age_ns"] = UNLIMITED
        limit["order_rate"] = UNLIMITED
        limit["cancel_rate"] = UNLIMITED
        limit["max_repeats"] = UNLIMITED
        limit["max_fills"] = UNLIMITED
        limit["protect_lots"] = UNLIMITED
        limit["protect_delta_lots"] = UNLIMITED
        ledger.guards[row]["seen_ns"] = ALWAYS
    for row in range(len(ledger.totals)):
        ledger.totals[row]["max_daily_loss_units"] = UNLIMITED
        ledger.totals[row]["max_drawdown_units"] = UNLIMITED
        ledger.totals[row]["max_gross_units"] = UNLIMITED
        ledger.totals[row]["credit_units"] = UNLIMITED
    for owner in range(len(ledger.accounts)):
        account = ledger.accounts[owner]
        account["max_position"] = UNLIMITED
        account["max_open_orders"] = UNLIMITED
        account["order_rate"] = UNLIMITED
        account["cancel_rate"] = UNLIMITED
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
    price, qty_lots, now_ns = fill["price"], fill["qty_lots"], fill["venue_ns"]
    open_more(ledger, owner, symbol, side, qty_lots)
    fee_pico = take_fill(ledger, owner, symbol, side, price, qty_lots, fill["maker"], now_ns)
    fill["fee_pico"] = fee_pico
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
    guard = ledger.guards[row_of(ledger, owner, symbol)]
    if guard["seen_ns"] != ALWAYS:
        guard["seen_ns"] = now_ns
    mark_position(ledger, owner, symbol, mark_twice, now_ns)
    return Status.OK
