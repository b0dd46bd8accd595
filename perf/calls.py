"""What single calls from Python cost, as a notebook makes them: add, cancel, execute, best, a fill.

mmjit with integers (in memory, in a state folder, with ids above 2**63) and with money (Decimal,
strings), beside books that are driven the same way: `order-book` and `sortedcontainers` from PyPI,
and dictionaries. `order-book` keeps quantities by price, so its orders are kept in a dictionary
beside it. Of a position those know nothing; a fill is counted by a few lines of Python there.

The engines alternate in one run and see the same orders; what they show after every stage must be
the same. A recorder around each call gives p50 and p99; what it costs itself was measured in the
same way and is subtracted. The mean is of a tight loop without it. Wall-clock time.

    python perf/calls.py                        # about a minute
    python perf/calls.py --smoke
"""

import argparse
import importlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyperf

from mmjit import ASK, BID, Capacity, Instrument, Market, Tracker, Venue, create_state

UNIT = Decimal("0.01")
LOTS = 10  # of every order
LEVELS = 100  # a side
STOCK = Instrument(symbol="XYZ", price_unit=str(UNIT))

Prices = Callable[[int], Any]
Seen = list[tuple[Any, ...]]


# ---- engines --------------------------------------------------------------------------------


class Ours:
    """mmjit, by one of its doors."""

    def __init__(self, market: Market, *, money: bool = False, first_id: int = 1) -> None:
        self.market, self.tracker = market, Tracker([STOCK])
        door: Any = market.money if money else market
        self.add, self.cancel, self.execute = door.add, market.delete, door.execute
        self.best: Any = market.best
        self.fill: Any = self.tracker.money.record if money else self.tracker.record
        self.first_id, self.realised = first_id, 0

    def levels(self) -> dict[int, int]:
        """Lots by price, asks below 0."""
        depth = self.market.depth(4 * LEVELS)
        bids = zip(depth["bid_price"].tolist(), depth["bid_qty"].tolist(), strict=True)
        asks = zip((-depth["ask_price"]).tolist(), depth["ask_qty"].tolist(), strict=True)
        return dict(bids) | dict(asks)

    def held(self) -> tuple[int, int]:
        """Lots, and what was realised since the last look, in price units times lots."""
        position = self.tracker.ledger.positions[0]
        lots, realised = int(position["position_lots"]), int(position["realised"])
        self.realised, before = realised, self.realised
        return lots, realised - before


class Position:
    """A position by average cost, in plain Python."""

    def __init__(self) -> None:
        self.lots = self.basis = self.realised = 0

    def fill(self, side: int, price: int, qty: int) -> None:
        """Count a fill."""
        signed = -qty if side else qty
        if self.lots * signed >= 0:
            self.basis += price * signed
        else:
            closing = min(abs(self.lots), qty)
            cost = self.basis * closing // abs(self.lots)
            gone = closing if self.lots > 0 else -closing
            self.realised += price * gone - cost
            self.basis -= cost
            if closing < qty:
                self.basis += price * (signed + gone)
        self.lots += signed


class Dicts:
    """Orders by id and lots by price, in dictionaries: a book as one would write it."""

    first_id = 1

    def __init__(self) -> None:
        self.orders: dict[int, list[int]] = {}
        self.sides: Any = ({}, {})
        self.position = Position()
        self.fill = self.position.fill

    def add(self, order_id: int, side: int, price: int, qty: int) -> None:
        """Rest an order."""
        if order_id in self.orders:
            raise KeyError(order_id)
        self.orders[order_id] = [side, price, qty]
        levels = self.sides[side]
        levels[price] = levels[price] + qty if price in levels else qty

    def cancel(self, order_id: int) -> None:
        """Take an order away."""
        self.execute(order_id, self.orders[order_id][2])

    def execute(self, order_id: int, qty: int) -> None:
        """Trade a part of an order, or all of it."""
        order = self.orders[order_id]
        side, price, left = order
        levels = self.sides[side]
        if qty < left:
            order[2] = left - qty
        else:
            del self.orders[order_id]
        lots = levels[price] - qty
        if lots:
            levels[price] = lots
        else:
            del levels[price]

    def best(self, side: int) -> tuple[int, int]:
        """Price and lots of the best level."""
        levels = self.sides[side]
        price = min(levels) if side else max(levels)
        return price, levels[price]

    def levels(self) -> dict[int, int]:
        """Lots by price, asks below 0."""
        bids, asks = ({price: levels[price] for price in levels} for levels in self.items())
        return bids | {-price: lots for price, lots in asks.items()}

    def items(self) -> Any:
        """Both sides as mappings."""
        return self.sides

    def held(self) -> tuple[int, int]:
        """Lots, and what was realised since the last look."""
        realised, self.position.realised = self.position.realised, 0
        return self.position.lots, realised


class Sorted(Dicts):
    """The same with SortedDict of sortedcontainers."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.sides = (module.SortedDict(), module.SortedDict())

    def best(self, side: int) -> tuple[int, int]:
        """Price and lots of the best level."""
        found: tuple[int, int] = self.sides[side].peekitem(0 if side else -1)
        return found


class OrderBook(Dicts):
    """The same with the OrderBook of order-book."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        book = module.OrderBook()
        self.sides = (book.bids, book.asks)

    def best(self, side: int) -> tuple[int, int]:
        """Price and lots of the best level."""
        found: tuple[int, int] = self.sides[side].index(0)
        return found

    def items(self) -> Any:
        """Both sides as mappings."""
        return [side.to_dict() for side in self.sides]


def whole(price: int) -> int:
    """A price in price units."""
    return price


def decimal(price: int) -> Decimal:
    """A price as a Decimal."""
    return price * UNIT


def text(price: int) -> str:
    """A price as a string."""
    return str(price * UNIT)


def engines(stack: ExitStack) -> Iterator[tuple[str, Any, Prices]]:
    """Each engine, by name, and what it takes for a price; a book is empty after every round."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    state = stack.enter_context(create_state(folder / "s", Capacity(symbols=1, orders=1 << 14)))
    yield "mmjit", Ours(Market([STOCK])), whole
    yield "mmjit, in a state", Ours(Market([STOCK], state)), whole
    yield "mmjit, ids above 2**63", Ours(Market([STOCK]), first_id=1 << 63), whole
    yield "mmjit, Decimal", Ours(Market([STOCK]), money=True), decimal
    yield "mmjit, strings", Ours(Market([STOCK]), money=True), text
    for name, made in (("order_book", OrderBook), ("sortedcontainers", Sorted)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            print(f"{name.replace('_', '-')} is not installed, so it is left out")
            continue
        yield name.replace("_", "-"), made(module), whole
    yield "dictionaries", Dicts(), whole


# ---- a round --------------------------------------------------------------------------------


def orders_of(count: int) -> list[tuple[int, int, int]]:
    """Side, price and number of orders, shuffled; every level has some."""
    draw = np.random.default_rng(3)
    side = draw.integers(0, 2, count)
    away = draw.integers(0, LEVELS, count)
    price = np.where(side == BID, 10_000 - away, 10_001 + away)
    return list(zip(side.tolist(), price.tolist(), draw.permutation(count).tolist(), strict=True))


def timed(calls: list[tuple[Any, ...]], call: Any, *, each: bool) -> list[int]:
    """Nanoseconds of every call, or of all of them together."""
    clock = time.perf_counter_ns
    took: list[int] = [0] * len(calls)
    if not each:
        began = clock()
        for arguments in calls:
            call(*arguments)
        return [clock() - began]
    for place, arguments in enumerate(calls):
        began = clock()
        call(*arguments)
        took[place] = clock() - began
    return took


def nothing(*arguments: Any) -> None:
    """What the recorder costs: a call without a function to speak of."""


def round_of(
    engine: Any, prices: Prices, orders: list[tuple[int, int, int]], *, each: bool
) -> tuple[dict[str, list[int]], Seen]:
    """Times of every verb on an empty book, and what it showed after each stage."""
    count, first = len(orders), engine.first_id
    given = [(side, prices(price)) for side, price, _ in orders]
    shuffled = [first + place for _, _, place in orders]
    adds = [(first + n, side, price, LOTS) for n, (side, price) in enumerate(given)]
    took = {"add": timed(adds, engine.add, each=each)}
    seen: Seen = [(engine.levels(),)]
    took["execute"] = timed([(i, LOTS // 2) for i in shuffled], engine.execute, each=each)
    took["best"] = timed([(n % 2,) for n in range(count)], engine.best, each=each)
    seen.append((engine.levels(), tuple(engine.best(BID))[:2], tuple(engine.best(ASK))[:2]))
    took["cancel"] = timed([(i,) for i in shuffled], engine.cancel, each=each)
    seen.append((engine.levels(),))
    # a buy and a sale in turn, so that the position comes back to where it began
    fills = [(n % 2, prices(10_000 + n % 7), LOTS) for n in range(count // 2 * 2)]
    took["fill"] = timed(fills, engine.fill, each=each)
    seen.append(engine.held())
    return took, seen


def at_a_venue(orders: list[tuple[int, int, int]], *, each: bool) -> dict[str, list[int]]:
    """Times of orders at a venue: entered without trading, quoted anew, filled, cancelled."""
    venue, count = Venue([STOCK]), len(orders)
    venue.submit(count + 1, BID, 1, 1)  # compiled before the clock starts
    venue.cancel(count + 1)
    rows = enumerate(orders)
    given = [
        (n + 1, side, price - 1 if side == BID else price, LOTS) for n, (side, price, _) in rows
    ]
    took = {"submit": timed(given, venue.submit, each=each)}
    ids = (1 << 40, (1 << 40) + 1)
    quotes = [((ids[0], 9_990 - n % 2, 1), (ids[1], 10_010 + n % 2, 1)) for n in range(count)]
    took["quote"] = timed(quotes, venue.quote, each=each)
    assert venue.order(ids[0]).price == 9_990 - (count - 1) % 2
    for order_id in ids:
        venue.cancel(order_id)
    bids = sum(side == BID for side, _, _ in orders)
    met = [(10**6 + n, ASK, 1, LOTS) for n in range(bids // 2)]
    took["trade"] = timed(met, venue.submit, each=each)
    assert len(venue.trades()) == len(met)
    live = [order.order_id for order in venue.orders(BID)]
    took["cancel"] = timed([(order_id,) for order_id in live], venue.cancel, each=each)
    venue.cancel_all()
    venue.audit()
    assert venue.best(BID) is None
    return took


Values = dict[tuple[str, str], dict[str, list[float]]]


def measure(stack: ExitStack, count: int, repetitions: int) -> Values:
    """p50, p99 and mean in seconds by engine and verb, a value for each repetition."""
    orders = orders_of(count)
    chosen = list(engines(stack))
    found: Values = {}
    right: Seen | None = None
    for turn in range(repetitions + 1):
        first = max(0, turn - 1) % len(chosen)
        turned = chosen[first:] + chosen[:first]
        own = timed([(1, 2, 3, 4)] * count, nothing, each=True)
        bare = timed([(1, 2, 3, 4)] * count, nothing, each=False)[0] / count
        for name, engine, prices in turned:
            recorded, seen = round_of(engine, prices, orders, each=True)
            together, same = round_of(engine, prices, orders, each=False)
            right = right or seen
            if seen != right or same != right:
                sys.exit(f"{name} does not show what the others do")
            for verb, times in recorded.items():
                if turn == 0 and repetitions > 1:
                    continue  # the first round warms up
                note(found, (name, verb), times, statistics.median(own))
                note_mean(found[name, verb], together[verb][0] / len(times), bare)
        recorded, together = (at_a_venue(orders, each=each) for each in (True, False))
        for verb, times in recorded.items():
            if turn or repetitions == 1:
                note(found, ("mmjit.Venue", verb), times, statistics.median(own))
                note_mean(found["mmjit.Venue", verb], together[verb][0] / len(times), bare)
        if turn or repetitions == 1:
            note(found, ("recorder", "nothing"), own, 0.0)
            note_mean(found["recorder", "nothing"], bare, 0.0)
        if len(found["recorder", "nothing"]["p50"] if found else []) == repetitions:
            break
    return found


def note(found: Values, key: tuple[str, str], times: list[int], own_ns: float) -> None:
    """Keep the quantiles of a round, less what the recorder costs."""
    kept = found.setdefault(key, {"p50": [], "p99": [], "mean": []})
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        kept[name].append(max(1.0, float(np.quantile(times, part)) - own_ns) / 1e9)


def note_mean(kept: dict[str, list[float]], mean_ns: float, bare_ns: float) -> None:
    """Keep the mean of a round, less the loop's own."""
    kept["mean"].append(max(1.0, mean_ns - bare_ns) / 1e9)


# ---- what is said ---------------------------------------------------------------------------


def show(found: Values) -> None:
    """Print the medians over the repetitions, and how far p50 and p99 spread."""
    own = {name: statistics.median(v) * 1e9 for name, v in found["recorder", "nothing"].items()}
    print(f"recorder: {own['p50']:.0f} ns a call at p50, {own['p99']:.0f} at p99; p50 subtracted")
    print(f"{'':24} {'':8} {'p50':>6} {'(least .. most)':>18} {'p99':>6} {'':18} {'mean':>6}  ns")
    for (name, verb), values in found.items():
        if name == "recorder":
            continue
        cells = []
        for part in ("p50", "p99"):
            ns = [value * 1e9 for value in values[part]]
            cells.append(f"{statistics.median(ns):6.0f} {f'({min(ns):.0f} .. {max(ns):.0f})':>18}")
        mean = statistics.median(values["mean"]) * 1e9
        print(f"{name:24} {verb:8} {cells[0]} {cells[1]} {mean:6.0f}")


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--orders", type=int, default=5_000, help="resting at once, in a round")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once")
    options = parser.parse_args()
    count, repetitions = (500, 1) if options.smoke else (options.orders, options.repetitions)
    with ExitStack() as stack:
        found = measure(stack, count, repetitions)
    print(f"{count:,} orders, {repetitions} rounds, every result the same")
    show(found)
    if options.output:
        suite = [
            pyperf.Benchmark([pyperf.Run(v, metadata={"name": f"{name} {verb} {part}"})])
            for (name, verb), values in found.items()
            for part, v in values.items()
        ]
        pyperf.BenchmarkSuite(suite).dump(str(options.output), replace=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
