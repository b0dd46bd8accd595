"""Realised P&L by first in, first out, from the log of fills.

The account counts by average cost, in a record of fixed size; which lots are open and what each of
them cost needs no bound and no kernel: it is a question to the log, answered exactly.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mmjit.core.tables import FILL
from mmjit.errors import ArgumentError
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class OpenLot:
    """What is left of a fill that opened or added to a position.

    Attributes:
        price: in price units.
        qty_lots: above 0 bought, below 0 sold short.
        time_ns: of the fill.
        order_id: from 0 to 2**64 - 1.
    """

    price: int
    qty_lots: int
    time_ns: int
    order_id: int


@dataclass(frozen=True)
class Fifo:
    """Where a log of fills leads when the oldest lots are closed first.

    Attributes:
        instrument: what was traded.
        realised: exact, in the currency it settles in, before fees.
        lots: what is open, oldest first; all of one sign.
    """

    instrument: Instrument
    realised: Fraction
    lots: tuple[OpenLot, ...]

    @property
    def position_lots(self) -> int:
        """The open position, below 0 short."""
        return sum(lot.qty_lots for lot in self.lots)

    def unrealised(self, mark: int | Fraction) -> Fraction:
        """What the open lots would bring at a mark in price units, exact, before fees."""
        paid = sum((value_of(self.instrument, lot.price, lot.qty_lots) for lot in self.lots), _ZERO)
        return value_of(self.instrument, mark, self.position_lots) - paid


def value_of(instrument: Instrument, price: int | Fraction, qty_lots: int) -> Fraction:
    """What so many lots are worth at a price: it rises with the price, of inverse contracts too."""
    if qty_lots == 0:
        return _ZERO
    qty = qty_lots * Fraction(instrument.lot_size) * Fraction(instrument.multiplier)
    money = Fraction(price) * Fraction(instrument.price_unit)
    return -qty / money if instrument.contract == "inverse" else qty * money


def first_in_first_out(fills: Array, instrument: Instrument) -> Fifo:
    """Close the oldest lots first.

    Args:
        fills: FILL of one symbol and one account, in the order in which they happened.
        instrument: what was traded.
    """
    if not isinstance(fills, np.ndarray) or fills.dtype != FILL or fills.ndim != 1:
        raise ArgumentError("fills: not a one-dimensional array of mmjit.FILL")
    for name in ("symbol", "owner"):
        if len(np.unique(fills[name])) > 1:
            raise ArgumentError(
                f"fills: of more than one {name}; first in, first out is counted for each apart"
            )
    open_lots: deque[OpenLot] = deque()
    closed: dict[int, int] = {}  # by price: lots sold there less lots bought there, of what closed
    for lot in _as_lots(fills):
        _meet(open_lots, closed, lot)
    realised = sum((value_of(instrument, p, lots) for p, lots in closed.items()), _ZERO)
    return Fifo(instrument, realised, tuple(open_lots))


def _as_lots(fills: Array) -> Iterable[OpenLot]:
    """Each fill as the lot that it would open."""
    names = ("side", "price", "qty_lots", "venue_ns", "order_id")
    for side, price, qty, time_ns, order_id in zip(
        *(fills[name].tolist() for name in names), strict=True
    ):
        yield OpenLot(price, qty if side == 0 else -qty, time_ns, order_id & (1 << 64) - 1)


def _meet(open_lots: deque[OpenLot], closed: dict[int, int], lot: OpenLot) -> None:
    """Close the oldest lots of the other sign with this one; what is left of it opens."""
    left = lot.qty_lots
    while left and open_lots and (open_lots[0].qty_lots > 0) != (left > 0):
        oldest = open_lots.popleft()
        sign = 1 if left > 0 else -1
        qty = sign * min(abs(left), abs(oldest.qty_lots))  # signed like what closes
        closed[lot.price] = closed.get(lot.price, 0) - qty
        closed[oldest.price] = closed.get(oldest.price, 0) + qty
        left -= qty
        if oldest.qty_lots + qty:
            rest = oldest.qty_lots + qty
            open_lots.appendleft(OpenLot(oldest.price, rest, oldest.time_ns, oldest.order_id))
    if left:
        open_lots.append(OpenLot(lot.price, left, lot.time_ns, lot.order_id))


_ZERO = Fraction(0)
