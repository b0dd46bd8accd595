"""Rows of hftbacktest that name orders, as events.

ADD                 ADD
CANCEL              DELETE
MODIFY              REDUCE where the order keeps its place (same price, less of it), nothing
                    where nothing changes, REPLACE else; ADD of an order that was filled whole
FILL                EXECUTE; the CANCEL or MODIFY that follows it has then been done
TRADE               what the fills of its message do not account for, as TRADE
DEPTH_CLEAR         CLEAR; of one side, a DELETE for each of its orders
"""

from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np

from mmjit.core.codes import BID, NIL, Flag, Kind
from mmjit.feeds import hftbacktest_file as hft

Array = np.ndarray[Any, Any]

# A row in whole numbers: its message, its kind, the side of the book (NIL where it is not said),
# order id, price, lots, trade id, flags. An event has its row's place instead of the message.
Row = tuple[int, int, int, int, int, int, int, int]
# As plain integers: of an enum each look-up costs more than all else that a row takes.
_ADD, _REDUCE, _DELETE = int(Kind.ADD), int(Kind.REDUCE), int(Kind.DELETE)
_REPLACE, _EXECUTE = int(Kind.REPLACE), int(Kind.EXECUTE)
_TRADE, _CLEAR = int(Kind.TRADE), int(Kind.CLEAR)
_OWN_PRICE, _SYNTHETIC = int(Flag.OWN_PRICE), int(Flag.SYNTHETIC)

FIELDS: Final = ("place", "kind", "side", "order_id", "price", "qty_lots", "other_id", "flags")


def as_columns(table: list[Row]) -> dict[str, Array]:
    """Rows or events as a column for each field."""
    flat = np.fromiter(chain.from_iterable(table), np.int64, len(FIELDS) * len(table))
    return dict(zip(FIELDS, flat.reshape(-1, len(FIELDS)).T, strict=True))


class Orders:
    """The orders that rest, as far as it takes to tell what a row does to them."""

    def __init__(self) -> None:
        self._orders: dict[int, list[int]] = {}  # id: side, price, lots left
        self._made: list[Row] = []
        self._trades: list[tuple[int, Row]] = []  # of the message: place and row
        self._filled: dict[int, int] = {}  # of the message: lots by price

    def events_of(self, columns: list[list[int]]) -> list[Row]:
        """The events of some rows, of whole messages."""
        self._made = []
        message = NIL
        for place, row in enumerate(zip(*columns, strict=True)):
            if row[0] != message:
                if self._trades or self._filled:
                    self._end_message()
                message = row[0]
            _VERBS[row[1]](self, place, row)
        self._end_message()
        self._made.sort(key=itemgetter(0))
        return self._made

    def _add(self, place: int, row: Row) -> None:
        _, _, side, name, price, lots, _, flags = row
        self._orders.setdefault(name, [side, price, lots])
        self._made.append((place, _ADD, side, name, price, lots, 0, flags))

    def _cancel(self, place: int, row: Row) -> None:
        _, _, side, name, price, lots, _, flags = row
        side, price, lots = self._orders.pop(name, (side, price, max(1, lots)))
        if lots > 0:
            self._made.append((place, _DELETE, side, name, price, lots, 0, flags))

    def _modify(self, place: int, row: Row) -> None:
        _, _, side, name, price, lots, _, flags = row
        order = self._orders.get(name)
        if order is None:
            self._made.append((place, _REPLACE, side, name, price, lots, name, flags))
            return
        side, old_price, left = order
        order[1:] = price, lots
        if left == 0:
            self._made.append((place, _ADD, side, name, price, lots, 0, flags))
        elif price != old_price or lots > left:
            self._made.append((place, _REPLACE, side, name, price, lots, name, flags))
        elif lots < left:
            self._made.append((place, _REDUCE, side, name, price, left - lots, 0, flags))

    def _fill(self, place: int, row: Row) -> None:
        _, _, side, name, price, lots, trade_id, flags = row
        self._filled[price] = self._filled.get(price, 0) + lots
        order = self._orders.get(name)
        if order is not None:
            side = order[0]
            order[2] = max(0, order[2] - lots)
            flags |= _OWN_PRICE if price != order[1] else 0
        self._made.append((place, _EXECUTE, side, name, price, lots, trade_id, flags))

    def _trade(self, place: int, row: Row) -> None:
        self._trades.append((place, row))

    def _clear(self, place: int, row: Row) -> None:
        side, flags = row[2], row[7]
        if side == NIL:
            self._orders.clear()
            self._made.append((place, _CLEAR, BID, 0, 0, 0, 0, flags))
            return
        gone = [(name, order) for name, order in self._orders.items() if order[0] == side]
        for name, (_, price, left) in gone:
            del self._orders[name]
            if left > 0:
                self._made.append((place, _DELETE, side, name, price, left, 0, _SYNTHETIC))

    def _end_message(self) -> None:
        """Make events of what was traded and is in no fill."""
        for place, (_, _, side, _, price, lots, trade_id, flags) in self._trades:
            covered = min(lots, self._filled.get(price, 0))
            if covered:
                self._filled[price] -= covered
            if lots > covered or lots == 0:
                hidden = (side, 0, price, lots - covered, trade_id, flags)
                self._made.append((place, _TRADE, *hidden))
        self._trades.clear()
        self._filled.clear()


_VERBS: Final = {
    hft.ADD_ORDER: Orders._add,
    hft.CANCEL_ORDER: Orders._cancel,
    hft.MODIFY_ORDER: Orders._modify,
    hft.FILL: Orders._fill,
    hft.TRADE: Orders._trade,
    hft.DEPTH_CLEAR: Orders._clear,
}
