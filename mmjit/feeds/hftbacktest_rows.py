"""Rows of hftbacktest, as events: those of price levels here, those of orders next door.

A row of one side's DEPTH_CLEAR names many levels, so the levels that are set are kept; all else is
translated a column at a time.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.codes import ASK, BID, NIL, Flag, Kind
from mmjit.core.records import EVENT
from mmjit.errors import FeedError
from mmjit.feeds import hftbacktest_file as hft
from mmjit.feeds.hftbacktest_orders import FIELDS, Orders, as_columns
from mmjit.feeds.importing import PIECE

Array = np.ndarray[Any, Any]

BY_ORDER: Final = (hft.ADD_ORDER, hft.CANCEL_ORDER, hft.MODIFY_ORDER, hft.FILL)
# Rows whose price and quantity count.
PRICED: Final = (
    *(hft.DEPTH, hft.TRADE, hft.DEPTH_SNAPSHOT),
    *(hft.ADD_ORDER, hft.MODIFY_ORDER, hft.FILL),
)
_L2: Final = (hft.DEPTH, hft.TRADE, hft.DEPTH_CLEAR, hft.DEPTH_SNAPSHOT)
_L3: Final = (hft.TRADE, hft.DEPTH_CLEAR, *BY_ORDER)
_SIDED: Final = (hft.DEPTH, hft.DEPTH_SNAPSHOT, hft.ADD_ORDER)
_PASSED_ON: Final = tuple(hft.OTHER + kind for kind in Kind)
_NO_PRICE: Final = -(1 << 62)


def exchange_rows(rows: Array) -> Array:
    """The rows that are for the exchange."""
    chosen: Array = rows[rows["ev"] & hft.EXCH != 0]
    return chosen


@dataclass
class _Columns:
    """Rows in whole numbers, a column each."""

    kind: Array
    side: Array
    price: Array
    qty_lots: Array
    other_id: Array
    flags: Array
    group: Array


class _Depth:
    """The levels that are set, as far as it takes to clear some of them."""

    def __init__(self) -> None:
        self._levels: tuple[dict[int, int], dict[int, int]] = ({}, {})  # lots by price, of a side

    def note(self, columns: _Columns, part: slice) -> None:
        """Note the levels that rows set."""
        for side in (BID, ASK):
            kind = columns.kind[part]
            sets = np.isin(kind, (hft.DEPTH, hft.DEPTH_SNAPSHOT)) & (columns.side[part] == side)
            prices, lots = (c[part][sets].tolist() for c in (columns.price, columns.qty_lots))
            self._levels[side].update(zip(prices, lots, strict=True))

    def clear(self, side: int, limit: int | None) -> list[int]:
        """Clear a side from its best price up to a limit, or to its end; returns the prices."""
        levels = self._levels[side]
        sign = -1 if side == BID else 1
        gone = [p for p in levels if limit is None or sign * p <= sign * limit]
        shown = [price for price in gone if levels[price] > 0]
        for price in gone:
            del levels[price]
        return sorted(shown)


class Translator:
    """Makes events of rows, file after file.

    Attributes:
        skipped: rows that are on no tape, by why.
        oddities: what was odd and kept, by name.

    Args:
        units: tick and lot.
        by_order: whether rows that name orders are taken, or those that set levels.
        told: whether flags and trade ids are in `fval` and `ival`, as mmjit writes them.
    """

    def __init__(self, units: tuple[Fraction, Fraction], *, by_order: bool, told: bool) -> None:
        self.skipped: Counter[str] = Counter()
        self.oddities: Counter[str] = Counter()
        self._tick, self._lot = units
        self._told = told
        self._kinds = (_L3 if by_order else _L2) + (_PASSED_ON if told else ())
        self._orders = Orders() if by_order else None
        self._depth = _Depth()
        self._last_ns = -(1 << 63)
        self._groups = 0

    def __call__(self, file: hft.HftFile) -> Iterator[Array]:
        """The events of a file, in runs of whole messages."""
        rows = exchange_rows(file.rows)
        for_desk = file.rows["ev"] & (hft.EXCH | hft.LOCAL)
        self._skip("row_for_the_desk_only", int(np.count_nonzero(for_desk == hft.LOCAL)))
        self._skip("row_for_nobody", int(np.count_nonzero(for_desk == 0)))
        self._check_order(file.path, rows)
        group = self._group_rows(rows)
        ends = np.append(np.flatnonzero(np.diff(group)) + 1, len(rows))
        start = 0
        while start < len(rows):
            full = int(np.searchsorted(ends, start + PIECE))
            stop = int(ends[min(full, len(ends) - 1)])
            yield self._piece(file.path, rows[start:stop], group[start:stop], start)
            start = stop

    def _skip(self, why: str, count: int) -> None:
        if count:
            self.skipped[why] += count

    def _check_order(self, path: Path, rows: Array) -> None:
        times = np.append(self._last_ns, rows["exch_ts"])
        back = np.flatnonzero(times[1:] < times[:-1])
        if len(back):
            raise FeedError(
                f"{path.name}: row {int(back[0])} for the exchange is before the one ahead of it; "
                "give files oldest first, in the order that hftbacktest's correct_event_order makes"
            )
        self._last_ns = int(times[-1])

    def _group_rows(self, rows: Array) -> Array:
        """A number for each message: rows up to a flag LAST, or that share both times."""
        ends = np.zeros(len(rows), np.int64)
        if self._told:
            ends[1:] = rows["fval"][:-1].astype(np.int64) & Flag.LAST
        else:
            for name in ("exch_ts", "local_ts"):
                ends[1:] |= np.diff(rows[name]) != 0
        group = self._groups + np.cumsum(ends)
        self._groups = int(group[-1]) + 1 if len(group) else self._groups
        return group

    def _piece(self, path: Path, rows: Array, group: Array, start: int) -> Array:
        """The events of some rows."""
        kind = (rows["ev"] & hft.KIND_MASK).astype(np.int64)
        sideless = np.isin(kind, _SIDED) & (rows["ev"] & (hft.BUY | hft.SELL) == 0)
        known = np.isin(kind, self._kinds)
        for number, count in zip(*np.unique(kind[~known], return_counts=True), strict=True):
            self._skip(hft.NAMES.get(int(number), f"kind_{number}"), int(count))
        self._skip("side_missing", int(np.count_nonzero(sideless & known)))
        taken = np.flatnonzero(known & ~sideless)
        rows, kind, group = rows[taken], kind[taken], group[taken]
        columns = self._columns(path, rows, kind, group, start + taken)
        self.oddities["received_before_sent"] += int(
            np.count_nonzero(rows["local_ts"] < rows["exch_ts"])
        )
        if self._orders is None:
            place, events = self._level_events(columns)
        else:
            place, events = self._order_events(columns, rows, self._orders)
        events["venue_ns"], events["local_ns"] = rows["exch_ts"][place], rows["local_ts"][place]
        events["handle"] = events["level"] = NIL
        last = np.append(np.diff(columns.group[place]) != 0, True)[: len(events)]
        events["flags"][last] |= Flag.LAST
        return events

    def _columns(
        self, path: Path, rows: Array, kind: Array, group: Array, numbers: Array
    ) -> _Columns:
        """Rows in whole numbers; a price or a quantity that is none is refused."""
        price, price_off = hft.counts_of(rows["px"], self._tick)
        lots, lots_off = hft.counts_of(rows["qty"], self._lot)
        needed = np.isin(kind, PRICED)
        limits = (kind == hft.DEPTH_CLEAR) & np.isfinite(rows["px"]) & (self._orders is None)
        for name, off, step, option in (
            ("px", price_off & (needed | limits), self._tick, "--tick-size"),
            ("qty", (lots_off | (lots < 0)) & needed, self._lot, "--lot-size"),
        ):
            wrong = np.flatnonzero(off)
            if len(wrong):
                raise FeedError(
                    f"{path.name}: row {int(numbers[wrong[0]])} for the exchange has {name} "
                    f"{rows[name][wrong[0]]}, which is no count of {hft.as_decimal(step)}; "
                    f"correct it, or give another {option}"
                )
        price[~np.isfinite(rows["px"])] = _NO_PRICE
        ev = rows["ev"]
        side = np.where(ev & hft.BUY != 0, BID, np.where(ev & hft.SELL != 0, ASK, NIL))
        takes = (kind == hft.TRADE) & (side != NIL)
        side[takes] = BID + ASK - side[takes]  # of the order that rested
        nothing = np.zeros(len(rows), np.int64)
        return _Columns(
            kind,
            side,
            price,
            lots,
            rows["ival"] if self._told else nothing,
            rows["fval"].astype(np.int64) & ~int(Flag.LAST) if self._told else nothing,
            group,
        )

    def _level_events(self, columns: _Columns) -> tuple[Array, Array]:
        """Which row each event is of, and the events, of rows that set levels."""
        events = _plain_events(columns)
        stops = np.flatnonzero(columns.kind == hft.DEPTH_CLEAR).tolist()
        places, parts, start = [], [], 0
        for stop in stops:
            self._depth.note(columns, slice(start, stop))
            cleared = self._clear(int(columns.side[stop]), int(columns.price[stop]))
            parts += [events[start:stop], events[stop : stop + 1] if cleared is None else cleared]
            places += [np.arange(start, stop), np.full(len(parts[-1]), stop)]
            start = stop + 1
        self._depth.note(columns, slice(start, None))
        parts.append(events[start:])
        places.append(np.arange(start, len(events)))
        return np.concatenate(places), np.concatenate(parts)

    def _clear(self, side: int, price: int) -> Array | None:
        """Levels of 0 for those that are cleared; None where both sides are."""
        if side == NIL:
            for both in (BID, ASK):
                self._depth.clear(both, None)
            return None
        prices = self._depth.clear(side, None if price == _NO_PRICE else price)
        events = np.zeros(len(prices), EVENT)
        events["kind"], events["side"], events["price"] = Kind.LEVEL, side, prices
        events["flags"] = Flag.SYNTHETIC
        return events

    def _order_events(self, columns: _Columns, rows: Array, orders: Orders) -> tuple[Array, Array]:
        """Which row each event is of, and the events, of rows that name orders."""
        by_order = columns.kind < hft.OTHER
        places = np.flatnonzero(by_order)
        fields = (
            *(columns.group, columns.kind, columns.side, rows["order_id"].view(np.int64)),
            *(columns.price, columns.qty_lots, columns.other_id, columns.flags),
        )
        made = as_columns(orders.events_of([column[by_order].tolist() for column in fields]))
        events = np.zeros(len(made["place"]), EVENT)
        for name in FIELDS[1:]:
            events[name] = made[name]
        others = np.flatnonzero(~by_order)
        place = np.concatenate([places[made["place"]], others])
        order = np.argsort(place, kind="stable")
        return place[order], np.concatenate([events, _plain_events(columns)[others]])[order]


def _plain_events(columns: _Columns) -> Array:
    """An event for each row that sets a level, trades, clears or is of another kind."""
    events = np.zeros(len(columns.kind), EVENT)
    kind = columns.kind
    events["kind"] = np.select(
        [kind == hft.TRADE, kind == hft.DEPTH_CLEAR, kind >= hft.OTHER],
        [Kind.TRADE, Kind.CLEAR, kind - hft.OTHER],
        Kind.LEVEL,
    )
    events["side"], events["price"] = columns.side, columns.price
    events["qty_lots"], events["other_id"] = columns.qty_lots, columns.other_id
    events["flags"] = columns.flags
    events["flags"][kind == hft.DEPTH_SNAPSHOT] |= Flag.SNAPSHOT
    for name in ("side", "price", "qty_lots"):
        events[name][kind == hft.DEPTH_CLEAR] = 0
    return events
