"""The queue models as hftbacktest's queue.rs has them, in plain Python, and a position in a queue.

What its Rust computes as NaN or an infinity is computed so here too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Share = Callable[[float, float], float]  # of front and back: how much of what leaves is behind


def divided(part: float, whole: float) -> float:
    """As floats divide: by 0 too."""
    if whole == 0:
        return math.nan if part == 0 or math.isnan(part) else math.copysign(math.inf, part)
    return part / whole


def shares(n: float = 3.0, unit: float = 1.0) -> dict[str, Share | None]:
    """The probability of each model, None for the one that has none."""

    def log(lots: float) -> float:
        return math.log(1 + lots / unit)

    return {
        "risk_averse": None,
        "power1": lambda f, b: divided(b**n, b**n + f**n),
        "power2": lambda f, b: divided(b**n, (b + f) ** n),
        "power3": lambda f, b: 1 - divided(f, f + b) ** n,
        "log1": lambda f, b: divided(log(b), log(b) + log(f)),
        "log2": lambda f, b: divided(log(b), log(b + f)),
    }


def least(one: float, other: float) -> float:
    """The smaller number, as Rust's `f64::min`: a NaN is none."""
    numbers = [x for x in (one, other) if not math.isnan(x)]
    return min(numbers) if numbers else math.nan


@dataclass
class NaiveQueue:
    """An order behind what a price level shows."""

    share: Share | None
    shown: float
    front: float = 0.0
    traded: float = 0.0

    def __post_init__(self) -> None:
        self.front = float(self.shown)

    def trade(self, lots: float) -> int:
        """The lots of a trade that reach the order."""
        self.front -= lots
        self.traded += lots
        reached = math.floor(-self.front + 0.5)
        if reached <= 0:
            return 0
        self.front = 0.0
        return reached

    def depth(self, shown: float) -> None:
        """The level shows another quantity."""
        change, before = self.shown - shown - self.traded, self.shown
        self.shown, self.traded = shown, 0.0
        self.front = max(self.front, 0.0)
        if change < 0 or self.share is None:
            self.front = least(self.front, shown)
            return
        back = before - self.front
        share = self.share(self.front, back)
        if math.isinf(share):
            share = 1.0
        front = self.front - (1 - share) * change + least(back - share * change, 0.0)
        self.front = max(least(front, shown), 0.0)
