"""A market with a full book, recorded as LOBSTER does: the best L levels and nothing else."""

import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID

MIDDLE = 1_000_000
TICK = 100
ABSENT = 9_999_999_999
VERBS = ("submit", "submit", "submit", "cancel", "delete", "sweep", "replace", "off_book")

command = st.tuples(
    st.sampled_from(VERBS),
    st.sampled_from((BID, ASK)),
    st.integers(1, 7),  # ticks from the middle
    st.integers(1, 9),  # size
    st.integers(0, 99),  # which order
)
# Hypothesis draws short lists by itself; most of what goes wrong takes a longer life.
commands = st.lists(command, max_size=8) | st.lists(command, min_size=40, max_size=120)


class Market:
    """Every order of a market, and what a recording of L levels shows of it."""

    def __init__(self, levels: int, *, recording: bool = True) -> None:
        self.levels = levels
        self.recording = recording
        self.sides: tuple[dict[int, dict[int, int]], ...] = ({}, {})  # price -> id -> size
        self.messages: list[str] = []
        self.books: list[list[int]] = []
        self.read: set[tuple[int, int]] = set()  # cells that an importer may read
        self._next_id = 100
        self._time_ns = 34_200 * 10**9

    def best(self, side: int) -> list[int]:
        """The prices inside the window, from the best."""
        return sorted(self.sides[side], reverse=side == BID)[: self.levels]

    def obey(self, verb: str, side: int, distance: int, size: int, pick: int) -> None:
        self._time_ns += pick * 1_000_003 if pick % 3 else 0
        if verb == "submit":
            self.submit(side, MIDDLE + (distance if side == ASK else -distance) * TICK, size)
        elif verb == "sweep":
            self._sweep(side, size)
        elif verb == "off_book":
            self._off_book(side, distance, size)
        elif orders := [(p, i) for p, level in self.sides[side].items() for i in level]:
            price, order_id = orders[pick % len(orders)]
            if verb == "cancel":
                left = self.sides[side][price][order_id]
                if left > 1:
                    self._lessen(2, side, price, order_id, min(size, left - 1))
            else:
                self._lessen(3, side, price, order_id, self.sides[side][price][order_id])
                if verb == "replace":
                    self.submit(side, price + (pick % 3 - 1) * TICK, size)

    def submit(self, side: int, price: int, size: int) -> None:
        self._next_id += 1
        order_id = self._next_id
        before = self.best(side)
        self.sides[side].setdefault(price, {})[order_id] = size
        self._record(1, order_id, size, price, side, before)

    def _sweep(self, side: int, size: int) -> None:
        while size and self.sides[side]:
            price = self.best(side)[0]
            order_id, left = next(iter(self.sides[side][price].items()))
            self._lessen(4, side, price, order_id, min(left, size))
            size -= min(left, size)

    def _lessen(self, kind: int, side: int, price: int, order_id: int, size: int) -> None:
        before = self.best(side)
        level = self.sides[side][price]
        level[order_id] -= size
        if not level[order_id]:
            del level[order_id]
        if not level:
            del self.sides[side][price]
        self._record(kind, order_id, size, price, side, before)

    def _off_book(self, side: int, distance: int, size: int) -> None:
        """A hidden execution, a cross trade or a halt."""
        direction = 1 if side == BID else -1
        if distance <= 3:
            self._write(5, 0, size, MIDDLE, direction)
        elif distance <= 5:
            self._write(6, -1, size, MIDDLE, -1)
        else:
            self._write(7, 0, 0, size % 3 - 1, -1)

    def _record(
        self, kind: int, order_id: int, size: int, price: int, side: int, before: list[int]
    ) -> None:
        """Write a row if the event touched the window."""
        after = self.best(side)
        if price not in before and price not in after:
            return
        self._write(kind, order_id, size, price, 1 if side == BID else -1)
        if len(before) == self.levels and price not in after:
            first = 4 * (self.levels - 1) + (0 if side == ASK else 2)
            self.read |= {(len(self.books) - 1, first), (len(self.books) - 1, first + 1)}

    def _write(self, kind: int, order_id: int, size: int, price: int, direction: int) -> None:
        if not self.recording:
            return
        seconds, rest = divmod(self._time_ns, 10**9)
        self.messages.append(f"{seconds}.{rest:09d},{kind},{order_id},{size},{price},{direction}")
        row = []
        asks, bids = (
            [(p, sum(self.sides[s][p].values())) for p in self.best(s)] for s in (ASK, BID)
        )
        for place in range(self.levels):
            row += asks[place] if place < len(asks) else (ABSENT, 0)
            row += bids[place] if place < len(bids) else (-ABSENT, 0)
        if not self.books:
            self.read |= {(0, column) for column in range(len(row))}
        self.books.append(row)

    def truth(self) -> Any:
        """int64[rows, levels, 4]: ask price, ask quantity, bid price, bid quantity; absent is 0."""
        table = np.array(self.books, np.int64).reshape(-1, self.levels, 4)
        return np.where(table[:, :, [1, 1, 3, 3]] == 0, 0, table)

    def book_lines(self, spoiler: random.Random | None = None) -> list[str]:
        """The lines of the orderbook file; with a spoiler, every cell that may not be read is."""
        if spoiler is None:
            return [",".join(map(str, row)) for row in self.books]
        spoilt = ("", "?", "-1", "0", str(MIDDLE), "9" * 30)
        return [
            ",".join(
                str(cell) if (place, column) in self.read else spoiler.choice(spoilt)
                for column, cell in enumerate(row)
            )
            for place, row in enumerate(self.books)
        ]


def recorded(levels: int, before: list[Any], during: list[Any]) -> Market:
    """A market that lived through some commands, the later ones recorded."""
    market = Market(levels, recording=False)
    for command in before:
        market.obey(*command)
    market.recording = True
    for command in during:
        market.obey(*command)
    return market


def title(word: str, levels: int, symbol: str = "TEST", date: str = "2012-06-21") -> str:
    """The name of a file as LOBSTER gives it."""
    return f"{symbol}_{date}_34200000_57600000_{word}_{levels}.csv"


def write_messages(folder: Path, lines: list[str], levels: int = 50, **named: str) -> Path:
    """A message file; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / title("message", levels, **named)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_pair(folder: Path, lines: list[str], books: list[str], levels: int, **named: str) -> Path:
    """A message file and its orderbook file; returns the path of the first."""
    path = write_messages(folder, lines, levels, **named)
    orderbook = folder / title("orderbook", levels, **named)
    orderbook.write_text("".join(f"{line}\n" for line in books))
    return path


def write_zip(path: Path, *members: Path) -> Path:
    """A zip of some files; returns its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.write(member, member.name)
    return path
