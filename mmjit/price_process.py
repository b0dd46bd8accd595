"""Rules in a market that is a price alone, as papers on market making have it.

    process = mmjit.PriceProcess(sigma=2, decay=1.5, rate=140)
    paths = mmjit.run_paths("avellaneda-stoikov", process, params={...}, paths=1_000)
    paths.profit.mean(), paths.profit.std(), paths.spread

`mmjit.models.price_process` says what that market is. What rules call a tick is a price unit here,
1e-6 unless it is said otherwise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mmjit.arguments import whole
from mmjit.core.bound import Bound
from mmjit.core.codes import NIL
from mmjit.core.desk import QUOTE_LEVELS, TICK_STEPS, Desk
from mmjit.core.jit import loop_for
from mmjit.core.rules import Rule, RuleError, rule_signature
from mmjit.core.tables import OWN, RUN, WANT
from mmjit.errors import ArgumentError, StrategyError
from mmjit.instrument import Instrument
from mmjit.ledgers import empty_ledger, no_orders, stand_in
from mmjit.models.price_process import PATH, PROCESS, Market
from mmjit.models.price_process import run_paths as loop
from mmjit.progress import Progress
from mmjit.rulebook import find_rule, refuse_orders, with_parameters

Array = np.ndarray[Any, Any]
PATHS_MAX: Final = 10**8
_FAR: Final = 1 << 40  # price units from the mid to the best bid and ask
_PIECE: Final = 1000  # paths between two looks at the bar


@dataclass(frozen=True, kw_only=True)
class PriceProcess:
    """What the price and the fills follow.

    Attributes:
        start: the mid at first, a price.
        sigma: price per square root of a second.
        decay: k, 1 / price: a quote at a distance d is filled at the rate A e**(-k d).
        rate: A, fills a second.
        horizon_s: how long a path is, seconds.
        step_s: dt, seconds.
        price_unit: what prices are whole multiples of.
    """

    start: float = 100.0
    sigma: float = 2.0
    decay: float = 1.5
    rate: float = 140.0
    horizon_s: float = 1.0
    step_s: float = 0.005
    price_unit: float = 1e-6

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ArgumentError(f"{name}: {value!r} is no number above 0; give one")
        if self.steps > 10**9 or self.steps < 1:
            raise ArgumentError(f"step_s: {self.steps:,} steps a path; give 1 to 1,000,000,000")
        if self.units(self.start) >= _FAR or self.units(self.sigma) >= _FAR:
            raise ArgumentError(f"price_unit: {self.price_unit} is too fine; give a larger one")

    @property
    def steps(self) -> int:
        """How many steps a path has."""
        return round(self.horizon_s / self.step_s)

    def units(self, price: float) -> int:
        """A price in price units."""
        return round(price / self.price_unit)


@dataclass(frozen=True)
class Paths:
    """What came of a rule on each path.

    Attributes:
        process: what the price and the fills followed.
        rule: the rule.
        lines: PATH, one a path.
    """

    process: PriceProcess
    rule: Rule
    lines: Array

    @property
    def profit(self) -> Array:
        """float64: cash and the position at the last mid, in price."""
        worth = self.lines["cash"] + self.lines["position_lots"] * self.lines["mid"]
        found: Array = worth * self.process.price_unit
        return found

    @property
    def position(self) -> Array:
        """int64: the last position."""
        found: Array = self.lines["position_lots"]
        return found

    @property
    def spread(self) -> float:
        """The mean distance between both quotes, in price; NaN where there were never two."""
        count = int(self.lines["two_sided"].sum())
        total = float(self.lines["spread_sum"].astype(float).sum())
        return total * self.process.price_unit / count if count else math.nan


def run_paths(
    strategy: Rule | str,
    process: PriceProcess | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    paths: int = 1_000,
    seed: int = 1,
    progress: bool | None = None,
) -> Paths:
    """Run a rule over paths of a price process.

    Args:
        strategy: a rule, the name of one that comes with mmjit, or "FILE.py:FUNCTION".
        process: what the price and the fills follow; None: that of Avellaneda and Stoikov 2008.
        params: parameters of the rule that are not to be its defaults; a tick is a price unit.
        paths: how many; the n-th is the same for every number of paths.
        seed: the same seed makes the same paths.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        ArgumentError, StrategyError: with the value, the limit and the remedy.
    """
    process = PriceProcess() if process is None else process
    paths, seed = whole("paths", paths, 1, PATHS_MAX), whole("seed", seed, 0, 1 << 30)
    rule = strategy if isinstance(strategy, Rule) else find_rule(strategy)
    try:
        refuse_orders(rule)
        record = with_parameters(rule, dict(params or {}))
        market = _market(process, paths, seed)
        bound, memory = Bound(market), np.zeros((1, rule.memory.itemsize), np.uint8)
        arguments = bound, 0, 0, record.view(np.uint8), memory
        entry = rule.entry(market.desk, market.quotes)
        kernel = loop_for(loop, [rule_signature(market.desk, market.quotes)], arguments)
    except RuleError as error:
        raise StrategyError(str(error)) from error
    with Progress("paths", paths, progress) as bar:
        for start in range(0, paths, _PIECE):
            stop = min(paths, start + _PIECE)
            kernel(entry, bound, start, stop, *arguments[3:])
            bar.advance(stop - start)
    return Paths(process, rule, market.paths)


def _market(process: PriceProcess, paths: int, seed: int) -> Market:
    """A desk in such a market, and room for what comes of it."""
    instrument = Instrument(symbol="PRICE", price_unit=f"{process.price_unit:.18f}".rstrip("0"))
    book = stand_in([instrument])
    for side in range(2):
        book.sides[side]["best"] = side
        book.levels[side]["qty_lots"] = 1
    run = np.zeros(1, RUN)
    own = np.zeros((1, 2, QUOTE_LEVELS), OWN)
    ticks = np.ones((1, TICK_STEPS, 2), np.int64)
    ahead, others = np.full(own.shape, NIL, np.int64), np.zeros((0, 2, 2), np.int64)
    desk = Desk(book, own, ahead, empty_ledger(1, 1, 1), ticks, run, others, *no_orders(), 0)
    line = np.zeros(1, PROCESS)
    line["start"], line["far"] = process.units(process.start), _FAR
    line["step"] = round(process.sigma * math.sqrt(process.step_s) / process.price_unit)
    line["decay"] = process.decay * process.price_unit
    line["chance"] = process.rate * process.step_s
    line["step_ns"], line["step_count"] = round(process.step_s * 1e9), process.steps
    line["first_seed"] = seed << 32
    return Market(desk, np.zeros((2, QUOTE_LEVELS + 1), WANT), line, np.zeros(paths, PATH))
