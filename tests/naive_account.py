"""The account with no thought for speed or size: Python integers and Fractions."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import ClassVar

Terms = dict[str, int]
HALF = Fraction(1, 2)
TOTAL_MAX = (1 << 62) - 1  # what only grows stays there


def share(basis: int, qty_lots: int, position_lots: int) -> int:
    """round(basis * qty / position), halves upwards."""
    return floor(Fraction(basis * qty_lots, position_lots) + HALF)


def fee_on(points: int, rate_pico: Fraction) -> int:
    """The fee of a fill in 1e-12 of the currency, rounded up; the rate is 1e-12 for each point."""
    return ceil(abs(points) * rate_pico)


def fee(price: int, qty_lots: int, rate_pico: Fraction) -> int:
    """The fee of a fill of a linear contract."""
    return fee_on(price * qty_lots, rate_pico)


def fee_by(terms: Terms, tiers: list[Terms], turnover: int, fill: tuple[int, ...]) -> int:
    """The fee of a fill (side, points, lots, maker) by what TERMS and TIER say, rounded up once.

    Args:
        terms: TERMS of the symbol by name.
        tiers: TIER of it by name, those that count.
        turnover: of the position before the fill.
        fill: its points, of either sign, its lots, and whether it rested.
    """
    side, points, lots, maker = fill
    who = "maker" if maker else "taker"
    reached = [tier for tier in tiers if tier["turnover"] <= turnover]
    rate = (reached[-1] if reached else terms)[f"{who}_fee"]
    rate += terms["seller_fee" if side else "buyer_fee"]
    by_lots = lots * terms[f"{who}_per_lot"] + terms[f"{who}_per_fill"]
    return fee_on(points, Fraction(rate, terms["fee_scale"])) + by_lots


@dataclass
class NaivePosition:
    """What POSITION holds, but for its open orders."""

    inverse_pico: ClassVar[int] = 0  # of a lot at a price of 1; 0: a linear contract

    position_lots: int = 0
    basis: int = 0
    cash: int = 0
    realised: int = 0
    fees_pico: int = 0
    bought_lots: int = 0
    sold_lots: int = 0
    turnover: int = 0
    fill_count: int = 0
    order_count: int = 0
    mark_twice: int = 0
    marked: int = 0
    equity_twice: int = 0
    peak_twice: int = 0
    drawdown_twice: int = 0
    rebates_pico: int = 0
    worth_twice: int = 0
    gross_twice: int = 0

    def value(self, price: Fraction | int, lots: int) -> Fraction:
        """What so many lots are worth, in points."""
        if self.inverse_pico:
            return -Fraction(self.inverse_pico) * lots / price
        return Fraction(price) * lots

    def points(self, side: int, price: int, lots: int) -> int:
        """What is paid for lots, rounded up, or got for them, rounded down."""
        value = self.value(price, lots)
        return ceil(value) if side == 0 else floor(value)

    def fill(self, side: int, price: int, qty_lots: int, fee_pico: int) -> None:
        """Buy (side 0) or sell (side 1), first what closes the position, then what opens one."""
        sign = 1 if side == 0 else -1
        closing = min(qty_lots, max(0, -sign * self.position_lots))
        points, closing_points = (self.points(side, price, n) for n in (qty_lots, closing))
        if closing:
            # A short is a long seen in a mirror: what it cost is rounded as there.
            cost = -sign * share(-sign * self.basis, closing, abs(self.position_lots))
            self.realised += -sign * closing_points - cost
            self.basis -= cost
        self.basis += sign * (points - closing_points)
        self.position_lots += sign * qty_lots
        self.cash -= sign * points
        self.bought_lots = min(self.bought_lots + (qty_lots if side == 0 else 0), TOTAL_MAX)
        self.sold_lots = min(self.sold_lots + (qty_lots if side == 1 else 0), TOTAL_MAX)
        self.turnover = min(self.turnover + abs(points), TOTAL_MAX)
        self.fees_pico += fee_pico
        self.rebates_pico = min(self.rebates_pico + max(0, -fee_pico), TOTAL_MAX)
        self.fill_count += 1
        if not self.marked:
            self.marked, self.mark_twice = 1, 2 * price

    @property
    def held(self) -> Fraction:
        """What is held at the mark, in points; rounded down to a half for an inverse contract."""
        if not self.position_lots:
            return Fraction(0)
        return Fraction(floor(2 * self.value(Fraction(self.mark_twice, 2), self.position_lots)), 2)

    @property
    def unrealised(self) -> Fraction:
        """At the mark, in points."""
        return self.held - self.basis

    @property
    def worth(self) -> Fraction:
        """Cash and the position at its mark, in points."""
        return self.cash + self.held

    def mark(self, mark_twice: int, point_pico: int) -> int:
        """Mark to twice a price; returns what that changed of twice the gross P&L."""
        self.mark_twice, self.marked = mark_twice, 1
        before = self.gross_twice
        self.worth_twice = int(2 * self.held)
        self.gross_twice = int(2 * (self.realised + self.unrealised))
        self.equity_twice = int(2 * self.worth) - ceil(Fraction(2 * self.fees_pico, point_pico))
        self.peak_twice = max(self.peak_twice, self.equity_twice)
        self.drawdown_twice = max(self.drawdown_twice, self.peak_twice - self.equity_twice)
        return self.gross_twice - before
