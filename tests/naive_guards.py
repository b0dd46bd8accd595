"""Limits that are about time and worth with no thought for speed: all that happened is kept."""

from dataclasses import dataclass, field
from fractions import Fraction

from mmjit.core.codes import Status


@dataclass
class Bucket:
    """Messages at a rate with a burst: what is spent leaks away."""

    rate: int
    burst: int
    spent: Fraction = Fraction(0)
    at_ns: int = 0

    def leaked(self, now_ns: int) -> Fraction:
        passed = Fraction(max(0, now_ns - self.at_ns), 10**9)
        return max(Fraction(0), self.spent - passed * self.rate)

    def has_room(self, now_ns: int) -> bool:
        return self.leaked(now_ns) + 1 <= self.burst

    def spend(self, now_ns: int) -> None:
        self.spent, self.at_ns = self.leaked(now_ns) + 1, max(self.at_ns, now_ns)


@dataclass
class NaivePace:
    """What an account did in one symbol, and whether it may go on."""

    rates: list[Bucket]  # of the symbol and of the account
    reserves: list[Bucket]
    repeats: tuple[int, int]  # so many, in ns
    fills: tuple[int, int]
    protection: tuple[int, int, int, int]  # lots, delta, ns, frozen ns
    ring: int  # orders that are kept of late
    sent: list[tuple[int, tuple[int, int, int]]] = field(default_factory=list)
    filled: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: []})
    window: list[tuple[int, int]] = field(default_factory=list)  # time, signed lots
    disabled: bool = False
    frozen_until: float = 0.0
    trips: int = 0

    def order(self, order: tuple[int, int, int], now_ns: int) -> Status:
        if self.disabled:
            return Status.REPEATED_EXECUTION
        if self.frozen_until > now_ns:
            return Status.PROTECTION
        most, span_ns = self.repeats
        late = [one for at_ns, one in self.sent[-self.ring :] if now_ns - at_ns < span_ns]
        if late.count(order) >= most or len(late) == self.ring:
            return Status.REPEATED_ORDER
        if not all(bucket.has_room(now_ns) for bucket in self.rates):
            return Status.MESSAGE_RATE
        for bucket in self.rates:
            bucket.spend(now_ns)
        self.sent.append((now_ns, order))
        return Status.OK

    def cancel(self, now_ns: int) -> Status:
        if not all(bucket.has_room(now_ns) for bucket in self.reserves):
            return Status.MESSAGE_RATE
        for bucket in self.reserves:
            bucket.spend(now_ns)
        return Status.OK

    def fill(self, side: int, lots: int, now_ns: int) -> None:
        times = self.filled[side]
        times.append(now_ns)
        most, span_ns = self.fills
        if len([at for at in times if now_ns - at < span_ns]) > most:
            self.disabled = True
            self.trips += 1
        much, delta, window_ns, frozen_ns = self.protection
        if self.window and now_ns - self.window[0][0] >= window_ns:
            self.window = []
        self.window.append((now_ns, lots if side == 0 else -lots))
        sums = sum(abs(one) for _, one in self.window), abs(sum(one for _, one in self.window))
        if sums[0] >= much or sums[1] >= delta:
            self.frozen_until = float("inf") if frozen_ns == 0 else now_ns + frozen_ns
            self.window = []
            self.trips += 1

    def acknowledge(self) -> None:
        self.disabled, self.frozen_until = False, 0
        self.filled = {0: [], 1: []}
