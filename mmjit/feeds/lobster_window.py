"""The book inside the window of a level-limited LOBSTER recording.

The recording shows the best L price levels of a side and no event outside them. Of the orderbook
file the window reads what no message can tell and nothing else: its first line, and the L-th level
of a line whose message has just emptied a level of a full side. Orders known by such a level only
are inferred: one stands for the level, under an id that counts down from -1.

Invariant: a side holds at most L levels, and every level holds an order.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import ASK, BID, Kind
from mmjit.errors import FeedError
from mmjit.wire.lobster import Type

Array = np.ndarray[Any, Any]

_ABSENT: Final = 9_999_999_999  # the price of a level that is not there, of either sign
_DIGITS_MAX: Final = 12
_KINDS: Final[dict[int, int]] = {
    Type.CANCELLATION: Kind.REDUCE,
    Type.DELETION: Kind.DELETE,
    Type.EXECUTION: Kind.EXECUTE,
}


class Retarget(NamedTuple):
    """The event of a row, where it is not what the row says."""

    row: int
    kind: int
    order_id: int
    other_id: int
    qty_lots: int


class Extra(NamedTuple):
    """An event after that of a row, inferred."""

    row: int
    kind: int
    order_id: int
    price: int
    qty_lots: int
    side: int


@dataclass
class Changes:
    """How the events of a run of rows differ from the rows."""

    retargets: list[Retarget] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)


class Level:
    """What rests at one price: quantities by order id, in order of arrival."""

    __slots__ = ("inferred", "orders", "price", "side")

    def __init__(self, side: int, price: int) -> None:
        self.side = side
        self.price = price
        self.orders: dict[int, int] = {}
        self.inferred: dict[int, int] = {}


def book_line(line: bytes, levels: int, where: str) -> list[bytes]:
    """The cells of a line of the orderbook file: ask price, ask size, bid price, bid size, ...

    Raises:
        FeedError: there are not four cells a level.
    """
    cells = line.rstrip(b"\r\n").split(b",")
    if len(cells) != 4 * levels:
        raise FeedError(f"{where}: {len(cells)} columns, not 4 for each of {levels} levels")
    return cells


def book_level(cells: list[bytes], side: int, place: int, where: str) -> tuple[int, int] | None:
    """Price and size of a level, counted from 0; None where there is no such level.

    Raises:
        FeedError: it is neither a price with a size nor absent.
    """
    first = 4 * place + (0 if side == ASK else 2)
    numbers = []
    for cell in cells[first : first + 2]:
        if not cell.removeprefix(b"-").isdigit() or len(cell) > _DIGITS_MAX:
            shown = cell[:40].decode("ascii", "replace")
            raise FeedError(f"{where}, column {first + 1}: {shown!r} is not a price and size")
        numbers.append(int(cell))
    price, size = numbers
    if abs(price) == _ABSENT and size == 0:
        return None
    if price <= 0 or size <= 0 or price == _ABSENT:
        raise FeedError(f"{where}, column {first + 1}: no level has price {price} and size {size}")
    return price, size


class Window:
    """The book of a level-limited recording, as its rows go by.

    Args:
        levels: how many a side the recording shows.
        name: of the orderbook file, for errors.
    """

    def __init__(self, levels: int, name: str) -> None:
        self.seeds = 0
        self.revealed = 0
        self.dropped = 0
        self.anomalies: dict[str, int] = {}
        self._levels = levels
        self._name = name
        self._sides: tuple[dict[int, Level], dict[int, Level]] = ({}, {})  # by price
        self._home: dict[int, Level] = {}  # by recorded order id
        self._next_id = -1
        self._line = 0  # of the row at hand
        self._row = 0
        self._lines: list[bytes] = []
        self._changes = Changes()

    def seed(self, line: bytes, message: Any) -> list[Extra]:
        """Build the book before the first message from the line after it.

        Args:
            line: the first of the orderbook file.
            message: MESSAGE, the first.
        """
        where = f"{self._name}, line 1"
        cells = book_line(line, self._levels, where)
        sides = [self._first_levels(cells, side, where) for side in (BID, ASK)]
        self._undo(sides, message)
        for side in (BID, ASK):
            for price in sorted(sides[side], reverse=side == BID)[: self._levels]:
                self._infer(side, price, sides[side][price])
                self.seeds += 1
        return self.take_changes().extras

    def _first_levels(self, cells: list[bytes], side: int, where: str) -> dict[int, int]:
        """One side of the first line, by price."""
        shown = [book_level(cells, side, place, where) for place in range(self._levels)]
        present = [level for level in shown if level is not None]
        prices = [price for price, _ in present]
        if prices != sorted(set(prices), reverse=side == BID):
            raise FeedError(f"{where}: the prices of a side are not ordered from the best")
        return dict(present)

    def _undo(self, sides: list[dict[int, int]], message: Any) -> None:
        """Take the first message back."""
        kind, size, price = (int(message[name]) for name in ("type", "size", "price"))
        if kind > Type.EXECUTION:
            return
        side = sides[BID if message["direction"] == 1 else ASK]
        left = side.get(price, 0) + (-size if kind == Type.SUBMISSION else size)
        if left > 0:
            side[price] = left
        else:
            side.pop(price, None)
        if left < 0:
            self._count("first_line_without_message")

    def apply(self, rows: Array, sides: Array, lines: list[bytes], line: int) -> Changes:
        """Follow a run of messages.

        Args:
            rows: MESSAGE.
            sides: of the resting order, per row.
            lines: of the orderbook file, per row.
            line: the number of the first.
        """
        self._lines = lines
        self._line = line
        names = ("type", "order_id", "size", "price")
        columns = [rows[name].tolist() for name in names]
        every = zip(*columns, sides.tolist(), strict=True)
        for row, (kind, order_id, size, price, side) in enumerate(every):
            self._row = row
            if kind == Type.SUBMISSION:
                self._submit(order_id, size, price, side)
            elif kind <= Type.EXECUTION:
                self._shrink(kind, order_id, size, price, side)
        return self.take_changes()

    def take_changes(self) -> Changes:
        """What has changed since this was last asked for."""
        changes, self._changes = self._changes, Changes()
        return changes

    def _submit(self, order_id: int, size: int, price: int, side: int) -> None:
        """Rest an order; a new level pushes out the one after the L-th."""
        level = self._sides[side].get(price)
        if level is None:
            level = self._open(side, price)
        if order_id in self._home or order_id == 0:
            self._count("order_id_duplicate")
            inferred_id = self._new_id()
            level.inferred[inferred_id] = size
            self._retarget(Kind.ADD, inferred_id, order_id, size)
        else:
            level.orders[order_id] = size
            self._home[order_id] = level
        if len(self._sides[side]) > self._levels:
            self._push_out(side)

    def _shrink(self, kind: int, order_id: int, size: int, price: int, side: int) -> None:
        """Take the size of a message off its level."""
        level = self._sides[side].get(price)
        if level is None:
            level = self._home.get(order_id)
            self._count("level_unknown" if level is None else "price_differs")
            if level is None:
                return
        left = level.orders.get(order_id)
        if left is None:
            self._take(level, kind, order_id, size)
        elif left == size:
            self._forget(level, order_id)
        elif left > size and kind != Type.DELETION:
            level.orders[order_id] = left - size
        else:
            self._shrink_unevenly(level, kind, order_id, size)
        if not level.orders and not level.inferred:
            self._close(level)

    def _shrink_unevenly(self, level: Level, kind: int, order_id: int, size: int) -> None:
        """Shrink a level by a size that its order does not have, or does not have left."""
        left = level.orders[order_id]
        self._forget(level, order_id)
        self._retarget(_KINDS[kind], order_id, 0, left)
        if left > size:
            self._count("size_below_order")
            self._infer(level.side, level.price, left - size)
        else:
            self._count("size_beyond_order")
            self._take_more(level, kind, size - left)

    def _take(self, level: Level, kind: int, order_id: int, size: int) -> None:
        """Take an order that entered outside the window off the inferred ones of its level."""
        target, left = self._oldest(level)
        taken = min(left, size)
        self._retarget(self._lessen(level, kind, target, taken), target, order_id, taken)
        if taken < size:
            self._count("size_beyond_inferred")
            self._take_more(level, kind, size - taken)

    def _take_more(self, level: Level, kind: int, size: int) -> None:
        """Take what is left of a message off whatever rests at its level."""
        while size > 0 and (level.inferred or level.orders):
            target, left = self._oldest(level)
            taken = min(left, size)
            done = self._lessen(level, kind, target, taken)
            self._extra(done, target, level.price, taken, level.side)
            size -= taken
        if size > 0:
            self._count("size_beyond_level")

    def _oldest(self, level: Level) -> tuple[int, int]:
        """The first inferred order of a level, else the first of all, and what is left of it."""
        return next(iter((level.inferred or level.orders).items()))

    def _lessen(self, level: Level, kind: int, order_id: int, size: int) -> int:
        """Take some off an order; returns the kind of event that does so."""
        orders = level.inferred if order_id in level.inferred else level.orders
        orders[order_id] -= size
        if orders[order_id] > 0:
            return Kind.EXECUTE if kind == Type.EXECUTION else Kind.REDUCE
        self._forget(level, order_id)
        return _KINDS[kind]

    def _forget(self, level: Level, order_id: int) -> None:
        """Remove an order from its level."""
        if level.inferred.pop(order_id, None) is None:
            del level.orders[order_id]
            del self._home[order_id]

    def _open(self, side: int, price: int) -> Level:
        level = self._sides[side][price] = Level(side, price)
        return level

    def _close(self, level: Level) -> None:
        """Remove an empty level; where the side was full, the next one comes into sight."""
        levels = self._sides[level.side]
        was_full = len(levels) == self._levels
        del levels[level.price]
        if not was_full:
            return
        where = f"{self._name}, line {self._line + self._row}"
        cells = book_line(self._lines[self._row], self._levels, where)
        shown = book_level(cells, level.side, self._levels - 1, where)
        if shown is None:
            return
        price, size = shown
        if any(price <= other if level.side == ASK else price >= other for other in levels):
            self._count("revealed_out_of_place")
        if price in levels:
            return
        self._infer(level.side, price, size)
        self.revealed += 1

    def _push_out(self, side: int) -> None:
        """Delete the orders of the worst level of a side."""
        levels = self._sides[side]
        price = max(levels) if side == ASK else min(levels)
        level = levels.pop(price)
        for order_id, left in (*level.inferred.items(), *level.orders.items()):
            self._extra(Kind.DELETE, order_id, price, left, side)
            self.dropped += 1
        for order_id in level.orders:
            del self._home[order_id]

    def _infer(self, side: int, price: int, size: int) -> None:
        """Rest an order that stands for what is known of a level."""
        level = self._sides[side].get(price)
        if level is None:
            level = self._open(side, price)
        order_id = self._new_id()
        level.inferred[order_id] = size
        self._extra(Kind.ADD, order_id, price, size, side)

    def _new_id(self) -> int:
        """An id that no recorded order has: those are positive."""
        self._next_id -= 1
        return self._next_id + 1

    def _retarget(self, kind: int, order_id: int, other_id: int, qty_lots: int) -> None:
        self._changes.retargets.append(Retarget(self._row, kind, order_id, other_id, qty_lots))

    def _extra(self, kind: int, order_id: int, price: int, qty_lots: int, side: int) -> None:
        self._changes.extras.append(Extra(self._row, kind, order_id, price, qty_lots, side))

    def _count(self, anomaly: str) -> None:
        self.anomalies[anomaly] = self.anomalies.get(anomaly, 0) + 1
