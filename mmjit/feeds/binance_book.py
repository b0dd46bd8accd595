"""Which diffs of a Binance capture build on what, and what the venue itself says of the book.

A book begins with a snapshot. Diffs are kept until one has come; then those that it includes are
dropped and the others are applied, also those that were received before it. From there on every
diff must begin where the last one ended, or before: on futures `pu` names that id, on spot `U` is
the next. Where one does not, messages are missing, the book is unknown, and all begins anew.
"""

from collections import Counter, deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from mmjit.core.codes import NIL
from mmjit.feeds.binance_capture import Diff, Snapshot, Ticker

WAITING_MAX: Final = 1 << 13  # diffs kept for a snapshot: 13 minutes of ten a second
HEARD_MAX: Final = 1 << 16  # tickers kept for a diff, and books for a ticker


@dataclass(frozen=True)
class Gap:
    """Messages are missing before this diff."""

    diff: Diff


Step = Diff | Snapshot | Gap


class Chain:
    """Puts snapshots and diffs into the order in which a book takes them.

    Attributes:
        counts: what was not as in an unbroken capture, by name.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._last_id = NIL  # of the book; NIL while it is unknown
        self._waiting: deque[Diff] = deque()
        self._spare: Snapshot | None = None

    @property
    def waiting_count(self) -> int:
        """How many diffs wait for a snapshot."""
        return len(self._waiting)

    def take_diff(self, diff: Diff) -> list[Step]:
        """What can be applied, now that a diff has come."""
        if self._last_id == NIL:
            self._waiting.append(diff)
            if len(self._waiting) > WAITING_MAX:
                self._waiting.popleft()
                self.counts["diffs_without_snapshot"] += 1
            return self._begin()
        if diff.last_id <= self._last_id:
            self.counts["diffs_repeated"] += 1
            return []
        if _follows(diff, self._last_id):
            self._last_id = diff.last_id
            return [diff]
        self.counts["gaps"] += 1
        self._last_id = NIL
        self._waiting.append(diff)
        return [Gap(diff), *self._begin()]

    def take_snapshot(self, snapshot: Snapshot) -> list[Step]:
        """What can be applied, now that a snapshot has come; one that is not needed is kept."""
        self._spare = snapshot
        if self._last_id != NIL:
            self.counts["snapshots_not_needed"] += 1
            return []
        return self._begin()

    def _begin(self) -> list[Step]:
        """Begin anew from the snapshot that is there, if it and the diffs fit together."""
        snapshot = self._spare
        if snapshot is None or not self._waiting:
            return []
        rest = [diff for diff in self._waiting if diff.last_id > snapshot.last_id]
        if rest and not _follows(rest[0], snapshot.last_id):
            self.counts["snapshots_too_old"] += 1
            self._spare = None
            return []
        self.counts["diffs_in_snapshot"] += len(self._waiting) - len(rest)
        now_ns = (rest or self._waiting)[0 if rest else -1].venue_ns
        begun_ns = now_ns if snapshot.venue_ns == NIL else min(snapshot.venue_ns, now_ns)
        self._last_id = snapshot.last_id
        self._waiting.clear()
        self._spare = None
        steps: list[Step] = [snapshot._replace(venue_ns=begun_ns)]
        for diff in rest:
            steps += self.take_diff(diff)
        return steps


def _follows(diff: Diff, last_id: int) -> bool:
    """Whether no update is missing between an id and a diff that ends after it."""
    if diff.previous_id == NIL:
        return diff.first_id <= last_id + 1
    return diff.previous_id <= last_id


class Side:
    """The levels of one side and the best of them.

    Args:
        sign: 1 where the lowest price is best, -1 where the highest is.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._qty_at: dict[int, int] = {}
        self._heap: list[int] = []  # of signed prices, also of some that are gone

    def set_level(self, price: int, qty: int) -> None:
        """Set a level to a quantity; 0 takes it away."""
        if qty == 0:
            self._qty_at.pop(price, None)
            return
        if price not in self._qty_at:
            heappush(self._heap, self._sign * price)
        self._qty_at[price] = qty

    def best(self) -> tuple[int, int]:
        """Price and quantity of the best level, zeros where there is none."""
        while self._heap:
            price = self._sign * self._heap[0]
            if price in self._qty_at:
                return price, self._qty_at[price]
            heappop(self._heap)
        return 0, 0


class Truth:
    """Follows the book and holds it to the tickers.

    After a diff its best levels are those of the last ticker at or before the diff's last update,
    which may be received later.

    Attributes:
        tickers: how many there were.
        compared: books after a diff that there was a ticker for.
        equal: those of which both best prices and quantities were equal.
        crossed: books after a diff whose best bid was not below the best ask.
    """

    def __init__(self) -> None:
        self.tickers = self.compared = self.equal = self.crossed = 0
        self.forget()

    def forget(self) -> None:
        """The book is unknown from here on."""
        self._bids, self._asks = Side(-1), Side(1)
        self._books: deque[Ticker] = deque(
            maxlen=HEARD_MAX
        )  # as the ticker would be that says the same
        self._heard: deque[Ticker] = deque(maxlen=HEARD_MAX)  # the first may be of an earlier book

    def follow(self, step: Diff | Snapshot) -> None:
        """Apply a diff or a snapshot."""
        for side, levels in ((self._bids, step.bids), (self._asks, step.asks)):
            for price, qty in levels:
                side.set_level(price, qty)
        if isinstance(step, Diff):
            bid, ask = self._bids.best(), self._asks.best()
            self.crossed += bid[0] >= ask[0] > 0
            self._books.append(Ticker(step.last_id, *bid, *ask))
            self._settle()

    def hear(self, ticker: Ticker) -> None:
        """Note what the venue says, and compare the books that waited for it."""
        self.tickers += 1
        if not self._heard or ticker.update_id >= self._heard[-1].update_id:
            self._heard.append(ticker)
            self._settle()

    def finish(self) -> None:
        """Compare the books after which no ticker came."""
        self._settle(ended=True)

    def _settle(self, *, ended: bool = False) -> None:
        """Compare the books of which it is known that no ticker at or before them is to come."""
        heard = self._heard
        while self._books and heard and (ended or heard[-1].update_id > self._books[0].update_id):
            book = self._books.popleft()
            while len(heard) > 1 and heard[1].update_id <= book.update_id:
                heard.popleft()
            if heard[0].update_id <= book.update_id:
                self.compared += 1
                self.equal += book[1:] == heard[0][1:]
