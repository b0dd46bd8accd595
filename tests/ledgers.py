"""What tests of accounts are drawn with: small ledgers, fills and marks."""

from fractions import Fraction
from typing import Any

import numpy as np

from mmjit.core import ledger as kernels
from mmjit.core.codes import Mode, Status
from mmjit.core.ledger import Ledger, line_status, take_line
from mmjit.core.money import HALF_PICOS
from mmjit.core.tables import (
    FILL,
)
from mmjit.ledgers import empty_ledger
from tests.builders import door

PICO = 10**12
LOSSES = ("max_daily_loss", "max_drawdown")


def ledger_with(accounts: int = 1, symbols: int = 1, currencies: int = 1, **terms: int) -> Ledger:
    """An empty ledger; a point is a unit of currency unless the terms say otherwise."""
    ledger = empty_ledger(accounts, symbols, currencies)
    for name, value in ({"point_pico": PICO} | terms).items():
        ledger.terms[name] = value
    return ledger


def limit_losses(ledger: Ledger, **amounts: Any) -> None:
    """Set `max_daily_loss` or `max_drawdown` of every total, in units of currency."""
    for name, amount in amounts.items():
        halves = Fraction(amount) * HALF_PICOS
        assert halves.denominator == 1
        ledger.totals[f"{name}_units"] = int(halves) // HALF_PICOS
        ledger.totals[f"{name}_half_pico"] = int(halves) % HALF_PICOS


def filled(side: int, price: int, qty_lots: int, **more: int) -> Any:
    """A FILL in an array of its own."""
    line = np.zeros(1, FILL)
    for name, value in {"side": side, "price": price, "qty_lots": qty_lots, **more}.items():
        line[name] = value
    return line


def record(ledger: Ledger, side: int, price: int, qty_lots: int, **more: int) -> Any:
    """Take a fill; returns its line."""
    line = filled(side, price, qty_lots, **more)
    assert record_fills(ledger, line) == 1
    return line[0]


def mark(ledger: Ledger, price: Any, now_ns: int = 0, owner: int = 0, symbol: int = 0) -> None:
    """Mark to a price, which may be a half."""
    twice = 2 * Fraction(price)
    assert twice.denominator == 1
    assert kernels.mark_at(ledger, owner, symbol, int(twice), now_ns) == Status.OK


def earn(ledger: Ledger, equity: Any, now_ns: int = 0, **where: int) -> None:
    """Bring the equity of an account that holds one lot, bought at 0, to an amount."""
    mark(ledger, equity, now_ns, **where)


def money(ledger: Ledger, name: str, row: int = 0) -> Fraction:
    """An amount of a TOTAL in units of the currency."""
    total = ledger.totals[row]
    assert 0 <= total[f"{name}_half_pico"] < HALF_PICOS
    return int(total[f"{name}_units"]) + Fraction(int(total[f"{name}_half_pico"]), HALF_PICOS)


def standing(ledger: Ledger, owner: int = 0) -> tuple[Mode, Status]:
    """Mode and cause of an account."""
    account = ledger.accounts[owner]
    return Mode(int(account["mode"])), Status(int(account["cause"]))


@door
def record_fills(ledger, fills):  # type: ignore[no-untyped-def]
    """Take fills from elsewhere, up to the first that is refused; returns how many."""
    for place in range(len(fills)):
        fill = fills[place]
        if line_status(ledger, fill) < 0:
            return place
        take_line(ledger, fill)
    return len(fills)


@door
def fill_status(ledger, fills, place):  # type: ignore[no-untyped-def]
    """Whether `record_fills` would take a fill, or the rule that it breaks."""
    return line_status(ledger, fills[place])
