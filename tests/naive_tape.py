"""A tape replayed as one would write it with no thought for speed: the oracle of the importers.

It goes by order ids, not by handles, and refuses what a book refuses, counting it by rule.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmjit.core.codes import ASK, BID, Flag, Kind, Status

Rows = list[tuple[int, int]]  # price and quantity, from the best


class NaiveBook:
    """The resting orders of one symbol."""

    def __init__(self) -> None:
        self.orders: dict[int, list[int]] = {}  # id -> side, price, quantity; in order of arrival
        self.levels: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
        self.counts: Counter[Status] = Counter()
        self.executed_lots = 0

    def apply(self, event: Any) -> None:
        kind = Kind(event["kind"])
        if kind == Kind.ADD:
            self._add(
                int(event["order_id"]), *(int(event[n]) for n in ("side", "price", "qty_lots"))
            )
        elif kind in (Kind.REDUCE, Kind.DELETE, Kind.EXECUTE, Kind.REPLACE):
            self._change(kind, event)
        elif kind == Kind.CLEAR:
            self.orders.clear()
            for level in self.levels:
                level.clear()

    def _add(self, order_id: int, side: int, price: int, qty_lots: int) -> None:
        if order_id == 0:
            self.counts[Status.ORDER_ID_ZERO] += 1
        elif qty_lots <= 0:
            self.counts[Status.QTY_NOT_POSITIVE] += 1
        elif order_id in self.orders:
            self.counts[Status.ORDER_ID_DUPLICATE] += 1
        else:
            self.orders[order_id] = [side, price, 0]
            self._grow(order_id, qty_lots)

    def _change(self, kind: Kind, event: Any) -> None:
        order_id, qty_lots = int(event["order_id"]), int(event["qty_lots"])
        if order_id not in self.orders:
            self.counts[Status.ORDER_ID_UNKNOWN] += 1
            return
        side, _, left = self.orders[order_id]
        if kind == Kind.REPLACE:
            self._grow(order_id, -left)
            self._add(int(event["other_id"]), side, int(event["price"]), qty_lots)
            return
        taken = left if kind == Kind.DELETE else min(left, qty_lots)
        if kind == Kind.EXECUTE:
            self.executed_lots += taken
        if kind != Kind.DELETE and qty_lots > left:
            executes = kind == Kind.EXECUTE
            self.counts[Status.OVER_EXECUTION if executes else Status.OVER_REDUCTION] += 1
        self._grow(order_id, -taken)

    def _grow(self, order_id: int, qty_lots: int) -> None:
        order = self.orders[order_id]
        side, price, _ = order
        order[2] += qty_lots
        self.levels[side][price] += qty_lots
        if order[2] == 0:
            del self.orders[order_id]
        if self.levels[side][price] == 0:
            del self.levels[side][price]

    def best(self, side: int, levels: int) -> Rows:
        """The best levels of a side, from the best."""
        prices = sorted(self.levels[side], reverse=side == BID)[:levels]
        return [(price, self.levels[side][price]) for price in prices]


def naive_books(events: Any) -> dict[int, NaiveBook]:
    """The books after a run of events, by symbol."""
    books: dict[int, NaiveBook] = defaultdict(NaiveBook)
    for event in events:
        books[int(event["symbol"])].apply(event)
    return books


def naive_depth(events: Any, symbol: int, levels: int) -> Iterator[tuple[int, Rows, Rows]]:
    """Time, bids and asks of a symbol after the last event of each source message."""
    book = NaiveBook()
    for event in events[events["symbol"] == symbol]:
        book.apply(event)
        if event["flags"] & Flag.LAST:
            yield int(event["venue_ns"]), book.best(BID, levels), book.best(ASK, levels)


def naive_table(events: Any, symbol: int, levels: int) -> Any:
    """`naive_depth` as int64[rows, levels, 4]: ask price, ask quantity, bid price, bid quantity."""
    rows = []
    for _, bids, asks in naive_depth(events, symbol, levels):
        row = np.zeros((levels, 4), np.int64)
        row[: len(asks), :2] = np.array(asks, np.int64).reshape(-1, 2)
        row[: len(bids), 2:] = np.array(bids, np.int64).reshape(-1, 2)
        rows.append(row)
    return np.array(rows, np.int64).reshape(-1, levels, 4)
