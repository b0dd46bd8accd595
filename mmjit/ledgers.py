"""Ledgers in memory, and what shows their limits a market where there is none."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmjit.core.book import Book
from mmjit.core.codes import Marking
from mmjit.core.desk import REQUESTS
from mmjit.core.ledger import Ledger, format_ledger
from mmjit.core.state import Counts, aligned_zeros, configure_symbol, memory_book
from mmjit.core.tables import (
    ACCOUNT,
    DUE,
    GUARD,
    LIMIT,
    POSITION,
    RECENT,
    RECENTS,
    REQUEST,
    TERMS,
    TIER,
    TIERS,
    TOTAL,
    WORKING,
)
from mmjit.errors import ArgumentError, check
from mmjit.instrument import Instrument


def empty_ledger(accounts: int, symbols: int, currencies: int) -> Ledger:
    """Accounts without limits, in symbols without fees."""
    rows = accounts * symbols
    lengths = {
        "positions": (POSITION, rows),
        "terms": (TERMS, symbols),
        "limits": (LIMIT, rows),
        "totals": (TOTAL, accounts * currencies),
        "accounts": (ACCOUNT, accounts),
        "tiers": (TIER, symbols * TIERS),
        "guards": (GUARD, rows),
        "recents": (RECENT, rows * RECENTS),
    }
    arrays = {name: aligned_zeros(name, *of) for name, of in lengths.items()}
    ledger = Ledger(**arrays)
    format_ledger(ledger)
    return ledger


def no_orders() -> tuple[Any, Any, Any]:
    """What a desk has of orders in a market that takes quotes alone: requests, orders, dues."""
    return np.zeros(REQUESTS, REQUEST), np.zeros(0, WORKING), np.zeros(0, DUE)


def stand_in(instruments: Sequence[Instrument]) -> Book:
    """What a tracker without a venue shows the limits for a market: bounds, and later its marks.

    Only what the limits read of a book is kept up: two levels a symbol, without orders.
    """
    book = memory_book(Counts(len(instruments), 1, 2 * len(instruments)))
    for number, instrument in enumerate(instruments):
        bounds = instrument.price_min, instrument.price_max, instrument.increment
        check(configure_symbol(book, number, *bounds))
    return book


def marking_of(name: str) -> Marking:
    """What positions are marked to, by its name."""
    try:
        return Marking[name.upper()]
    except (KeyError, AttributeError):
        names = ", ".join(marking.name.lower() for marking in Marking)
        raise ArgumentError(f"marking: {name!r} is none of {names}; give one") from None
