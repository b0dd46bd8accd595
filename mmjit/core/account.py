"""Positions and P&L by average cost, in whole numbers.

Money is in points. Of a linear contract a point is a price unit times a lot, and a lot is worth its
price. Of an inverse contract a point is 1e-12 of the currency it settles in, and a lot at a price p
is worth -inverse_pico / p: below zero, but rising in p, so that everything else is the same. Where
that is no whole number it is rounded against us: what we buy costs more, what we sell brings less.

A partial close takes round(basis * qty / position) out of the basis, halves upwards; what is left
stays. A fill that crosses zero closes with its share of its points and opens with the rest. Hence,
exactly and after every fill, cash = realised - basis, and so

    realised + unrealised = cash + worth      with unrealised = worth - basis

Unrealised is computed from the basis and not from cash, so the identity is a real check.

Invariant (`fits` holds before every order): all that is held and open, at the dearest price of the
symbol, and what was made before, are within MONEY_MAX points; so no sum below can overflow. A fee
of so much for each fill is bounded as if every lot were a fill of its own, for none has less.
"""

from typing import Final

from mmjit.core.jit import helper, verb
from mmjit.core.tables import TIERS

PICO: Final = 10**12
MONEY_MAX: Final = 1 << 60  # bound of every sum of points: twice it and a sum of two still fit
_SMALL: Final = 1 << 30  # a product of two such is within MONEY_MAX
TOTAL_MAX: Final = (1 << 62) - 1  # what only grows (lots traded, turnover) stays here once there


# ---- shares, worths and fees ----------------------------------------------------------------


@verb
def portion(amount, factor, divisor):  # type: ignore[no-untyped-def]
    """Amount * factor / divisor without overflow: the whole part, rounded down, and the remainder.

    Args:
        amount: of either sign.
        factor: 0 to 2**62.
        divisor: 1 to 2**62.

    Returns:
        The whole part, which must fit, and the remainder, 0 to divisor - 1.
    """
    part = amount // divisor
    rest = amount - part * divisor
    if divisor < 1 << 31 and factor < 1 << 32:
        product = rest * factor
        whole = product // divisor
        return part * factor + whole, product - whole * divisor
    whole, left = _long_portion(rest, factor, divisor)
    return part * factor + whole, left


@helper
def _long_portion(rest, factor, divisor):  # type: ignore[no-untyped-def]
    """Rest * factor / divisor bit by bit, for products that do not fit 64 bits; rest < divisor."""
    whole = 0
    left = 0
    for place in range(62, -1, -1):
        whole *= 2
        left *= 2
        if left >= divisor:
            left -= divisor
            whole += 1
        if factor >> place & 1:
            left += rest
            if left >= divisor:
                left -= divisor
                whole += 1
    return whole, left


@verb
def share_of(basis, qty_lots, position_lots):  # type: ignore[no-untyped-def]
    """round(basis * qty / position) for 0 < qty <= position, halves upwards, without overflow."""
    whole, left = portion(basis, qty_lots, position_lots)
    if left >= position_lots - position_lots // 2:
        return whole + 1
    return whole


@verb
def worth_of(terms, price, qty_lots, up):  # type: ignore[no-untyped-def]
    """What so many lots are worth at a price, in points.

    Args:
        terms: TERMS of the symbol.
        price: in price units; of an inverse contract one below 1 counts as 1.
        qty_lots: not negative.
        up: how an inverse contract is rounded: towards higher (1: what is paid) or lower (0).
    """
    if terms["inverse_pico"] == 0:
        return price * qty_lots
    whole, left = portion(terms["inverse_pico"], qty_lots, max(price, 1))
    if up == 1 or left == 0:
        return -whole
    return -whole - 1


@verb
def held_twice(terms, position_lots, mark_twice):  # type: ignore[no-untyped-def]
    """Twice what a position is worth at a mark (given twice), in points, rounded down once."""
    if terms["inverse_pico"] == 0:
        return position_lots * mark_twice
    whole, left = portion(terms["inverse_pico"], 4 * abs(position_lots), max(mark_twice, 2))
    if position_lots < 0:
        return whole
    if left > 0:
        return -whole - 1
    return -whole


@verb
def funding_of(terms, position_lots, mark_twice, rate_pico):  # type: ignore[no-untyped-def]
    """What a position pays of funding, in 1e-12 of its currency, rounded up; below 0 it receives.

    Args:
        terms: TERMS of the symbol.
        position_lots: a long position pays a rate above 0, a short one receives it.
        mark_twice: twice the price that it is counted at.
        rate_pico: the rate, in 1e-12 of what the position is worth.
    """
    lots = -position_lots if rate_pico < 0 else position_lots
    rate = abs(rate_pico)
    points_twice = held_twice(terms, lots, mark_twice)
    if terms["inverse_pico"] != 0:  # whose worth is below 0
        points_twice = -points_twice
    whole, left = portion(terms["point_pico"], rate, PICO)
    if abs(points_twice) > MONEY_MAX // (whole + 1):
        return MONEY_MAX if points_twice > 0 else -MONEY_MAX
    rest, over = portion(points_twice, left, PICO)
    amount_twice = points_twice * whole + rest
    return -((-amount_twice - (1 if over > 0 else 0)) // 2)


@verb
def dearest_lot(terms, price):  # type: ignore[no-untyped-def]
    """A bound of what a lot is worth, either way, at a price that is not negative; points."""
    if terms["inverse_pico"] == 0:
        return max(price, 1)
    return terms["inverse_pico"] // max(price, 1) + 1


@verb
def fits(position, terms, price, qty_lots, fill_count):  # type: ignore[no-untyped-def]
    """Whether every sum of money stays exact if all that is open, and more, is filled at a price.

    Args:
        position: POSITION of the symbol.
        terms: TERMS of the symbol.
        price: the dearest, not negative; of an inverse contract that is the lowest.
        qty_lots: how many lots more.
        fill_count: in how many fills they may come; each of an order that was entered has a lot.
    """
    unit = dearest_lot(terms, price)
    # A quotient takes as long as all else here: where a bound of it tells, it is not formed.
    lots = abs(position["position_lots"]) + position["open_buy_lots"] + position["open_sell_lots"]
    small = unit < _SMALL and qty_lots < _SMALL - lots
    if not small and qty_lots > MONEY_MAX // unit - lots:
        return False
    fees_pico = abs(position["fees_pico"])
    worth = (lots + qty_lots) * unit
    if fees_pico > 2 * MONEY_MAX:
        return False
    if fees_pico > MONEY_MAX - worth and fees_pico // terms["point_pico"] > MONEY_MAX - worth:
        return False
    more = terms["fill_fee_pico"] != 0  # than what is by value
    if more and not _lot_fees_fit(position, terms, worth, qty_lots, fill_count):
        return False
    return worth <= terms["points_max"] - max(abs(position["cash"]), abs(position["realised"]))


@helper
def _lot_fees_fit(position, terms, worth, qty_lots, fill_count):  # type: ignore[no-untyped-def]
    """Whether fees by lot and by fill can be counted if all that is open is filled lot by lot."""
    lots = position["open_buy_lots"] + position["open_sell_lots"]
    fills = lots + fill_count
    lots += qty_lots
    if fills > MONEY_MAX // 2 // terms["fill_fee_pico"]:
        return False
    if lots > MONEY_MAX // 2 // max(terms["lot_fee_pico"], 1):
        return False
    fees_pico = lots * terms["lot_fee_pico"] + fills * terms["fill_fee_pico"]
    fees_pico += abs(position["fees_pico"])
    return fees_pico // terms["point_pico"] <= MONEY_MAX - worth


@verb
def fee_of(points, rate, scale):  # type: ignore[no-untyped-def]
    """The fee of a fill in 1e-12 of the currency, rounded up: against us, rebates too.

    Args:
        points: what was traded, not negative.
        rate: 1e-12 of the currency for each point, times `scale`; below 0 is a rebate.
        scale: at least 1.
    """
    whole = points // scale * rate
    return whole - (-(points % scale * rate) // scale)


@helper
def scheduled_fee(position, terms, tiers, symbol, side, points, qty_lots, maker):  # type: ignore[no-untyped-def]
    """The fee of a fill where there is more to it than a rate: the sum, rounded up.

    Args:
        position: POSITION before the fill; its turnover decides the tier, also of a fill that
            crosses into the next.
        terms: TERMS of the symbol.
        tiers: TIER, TIERS rows a symbol.
        symbol: its number.
        side: 0 bought, 1 sold.
        points: what was traded, not negative.
        qty_lots: of the fill.
        maker: whether our order rested.
    """
    rate = terms["maker_fee"] if maker else terms["taker_fee"]
    first = symbol * TIERS
    for row in range(first, first + terms["tier_count"]):
        if position["turnover"] < tiers[row]["turnover"]:
            break
        rate = tiers[row]["maker_fee"] if maker else tiers[row]["taker_fee"]
    rate += terms["buyer_fee"] if side == 0 else terms["seller_fee"]
    per_lot = terms["maker_per_lot"] if maker else terms["taker_per_lot"]
    per_fill = terms["maker_per_fill"] if maker else terms["taker_per_fill"]
    return fee_of(points, rate, terms["fee_scale"]) + qty_lots * per_lot + per_fill


# ---- a position -----------------------------------------------------------------------------


@verb
def record_fill(position, terms, side, price, qty_lots, fee_pico):  # type: ignore[no-untyped-def]
    """Take a fill of ours into a position; the bounds were checked when the order was entered."""
    up = 1 if side == 0 else 0
    points = worth_of(terms, price, qty_lots, up)
    held_lots = position["position_lots"]
    closing = 0
    if (held_lots < 0 and side == 0) or (held_lots > 0 and side == 1):
        closing = min(qty_lots, abs(held_lots))
    opening_points = points
    if closing > 0:
        closing_points = worth_of(terms, price, closing, up)
        opening_points = points - closing_points
        _close(position, closing_points, closing)
    if side == 0:
        position["cash"] -= points
        position["basis"] += opening_points
        position["bought_lots"] = min(position["bought_lots"] + qty_lots, TOTAL_MAX)
        position["position_lots"] = held_lots + qty_lots
    else:
        position["cash"] += points
        position["basis"] -= opening_points
        position["sold_lots"] = min(position["sold_lots"] + qty_lots, TOTAL_MAX)
        position["position_lots"] = held_lots - qty_lots
    position["turnover"] = min(position["turnover"] + abs(points), TOTAL_MAX)
    position["fees_pico"] += fee_pico
    if fee_pico < 0:
        position["rebates_pico"] = min(position["rebates_pico"] - fee_pico, TOTAL_MAX)
    position["fill_count"] += 1
    if position["marked"] == 0:
        position["marked"] = 1
        position["mark_twice"] = 2 * price


@verb
def _close(position, points, qty_lots):  # type: ignore[no-untyped-def]
    """Realise part of a position, or all of it, for so many points."""
    held_lots = position["position_lots"]
    if held_lots > 0:
        cost = share_of(position["basis"], qty_lots, held_lots)
        position["realised"] += points - cost
    else:
        cost = -share_of(-position["basis"], qty_lots, -held_lots)
        position["realised"] += -cost - points
    position["basis"] -= cost


@verb
def unrealised_twice(position):  # type: ignore[no-untyped-def]
    """Twice what closing the position at its mark would realise, in points; as of that mark."""
    return position["worth_twice"] - 2 * position["basis"]


@verb
def identity_holds(position):  # type: ignore[no-untyped-def]
    """Whether realised + unrealised = cash + worth."""
    worth = 2 * position["cash"] + position["worth_twice"]
    return 2 * position["realised"] + unrealised_twice(position) == worth


@verb
def mark_to(position, terms, mark_twice):  # type: ignore[no-untyped-def]
    """Mark a position, and follow the peak and the drawdown of its net equity.

    Returns:
        By how much the position's realised and unrealised have changed since its last mark, in half
        points. The equity of the position itself is net, its fees rounded up to half a point.
    """
    position["mark_twice"] = mark_twice
    position["marked"] = 1
    position["worth_twice"] = held_twice(terms, position["position_lots"], mark_twice)
    gross = 2 * position["realised"] + unrealised_twice(position)
    change = gross - position["gross_twice"]
    position["gross_twice"] = gross
    fees_twice = -(-2 * position["fees_pico"] // terms["point_pico"])  # rounded up
    equity = gross - fees_twice
    position["equity_twice"] = equity
    if equity > position["peak_twice"]:
        position["peak_twice"] = equity
    fall = position["peak_twice"] - equity
    if fall > position["drawdown_twice"]:
        position["drawdown_twice"] = fall
    return change
