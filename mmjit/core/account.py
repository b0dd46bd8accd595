"""Positions and P&L by average cost, in whole numbers.

A partial close takes round(basis * qty / position) out of the basis, halves upwards; what is left
stays. Hence, exactly and after every fill, cash = realised - basis, and so

    realised + unrealised = cash + position * mark      with unrealised = position * mark - basis

Unrealised is computed from the basis and not from cash, so the identity is a real check.
"""

from typing import Final

from mmjit.core.jit import verb

MONEY_MAX: Final = 1 << 60  # bound of every sum of points: twice it and a sum of two still fit
TOTAL_MAX: Final = (1 << 62) - 1  # what only grows (lots traded, turnover) stays here once there


@verb
def share_of(basis, qty_lots, position_lots):  # type: ignore[no-untyped-def]
    """round(basis * qty / position) for 0 < qty <= position, halves upwards, without overflow."""
    average = basis // position_lots
    rest = basis - average * position_lots
    if position_lots < 1 << 31:
        return average * qty_lots + (rest * qty_lots + position_lots // 2) // position_lots
    return average * qty_lots + _long_share(rest, qty_lots, position_lots)


@verb
def _long_share(rest, qty_lots, position_lots):  # type: ignore[no-untyped-def]
    """round(rest * qty / position) bit by bit, for products that do not fit 64 bits."""
    whole = 0
    left = 0
    for place in range(61, -1, -1):
        whole *= 2
        left *= 2
        if left >= position_lots:
            left -= position_lots
            whole += 1
        if qty_lots >> place & 1:
            left += rest
            if left >= position_lots:
                left -= position_lots
                whole += 1
    if left >= position_lots - position_lots // 2:
        whole += 1
    return whole


@verb
def fee_of(points, rate, scale):  # type: ignore[no-untyped-def]
    """The fee of a fill in 1e-12 of the currency, rounded up: against us, rebates too.

    Args:
        points: price times quantity, not negative.
        rate: 1e-12 of the currency for each point, times `scale`; below 0 is a rebate.
        scale: at least 1.
    """
    whole = points // scale * rate
    return whole - (-(points % scale * rate) // scale)


@verb
def record_fill(position, side, price, qty_lots, fee_pico):  # type: ignore[no-untyped-def]
    """Take a fill of ours into a position; the bounds were checked when the order was entered."""
    points = price * qty_lots
    held_lots = position["position_lots"]
    signed = qty_lots if side == 0 else -qty_lots
    closing = 0
    if held_lots * (1 if side == 0 else -1) < 0:
        closing = min(qty_lots, abs(held_lots))
    if closing > 0:
        _close(position, price, closing)
    opening = qty_lots - closing
    if side == 0:
        position["cash"] -= points
        position["basis"] += price * opening
        position["bought_lots"] = min(position["bought_lots"] + qty_lots, TOTAL_MAX)
    else:
        position["cash"] += points
        position["basis"] -= price * opening
        position["sold_lots"] = min(position["sold_lots"] + qty_lots, TOTAL_MAX)
    position["position_lots"] = held_lots + signed
    position["turnover"] = min(position["turnover"] + abs(points), TOTAL_MAX)
    position["fees_pico"] += fee_pico
    position["fill_count"] += 1
    if position["marked"] == 0:
        position["marked"] = 1
        position["mark_twice"] = 2 * price


@verb
def _close(position, price, qty_lots):  # type: ignore[no-untyped-def]
    """Realise part of a position, or all of it."""
    held_lots = position["position_lots"]
    if held_lots > 0:
        cost = share_of(position["basis"], qty_lots, held_lots)
        position["realised"] += price * qty_lots - cost
    else:
        cost = -share_of(-position["basis"], qty_lots, -held_lots)
        position["realised"] += -cost - price * qty_lots
    position["basis"] -= cost


@verb
def unrealised_twice(position):  # type: ignore[no-untyped-def]
    """Twice what the open position would bring at its mark, in points."""
    return position["position_lots"] * position["mark_twice"] - 2 * position["basis"]


@verb
def identity_holds(position):  # type: ignore[no-untyped-def]
    """Whether realised + unrealised = cash + position * mark."""
    worth = 2 * position["cash"] + position["position_lots"] * position["mark_twice"]
    return 2 * position["realised"] + unrealised_twice(position) == worth


@verb
def mark_to(position, mark_twice, point_pico):  # type: ignore[no-untyped-def]
    """Mark a position, follow the peak and the drawdown of its net equity; returns the change."""
    position["mark_twice"] = mark_twice
    position["marked"] = 1
    fees_twice = -(-2 * position["fees_pico"] // point_pico)
    equity = 2 * position["realised"] + unrealised_twice(position) - fees_twice
    change = equity - position["equity_twice"]
    position["equity_twice"] = equity
    follow(position, equity)
    return change


@verb
def follow(record, equity):  # type: ignore[no-untyped-def]
    """Follow the peak and the deepest fall below it of an equity that began at 0."""
    if equity > record["peak_twice"]:
        record["peak_twice"] = equity
    fall = record["peak_twice"] - equity
    if fall > record["drawdown_twice"]:
        record["drawdown_twice"] = fall
