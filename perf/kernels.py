"""What the small verbs cost: a slot acquired and released, an id looked up, an order and its end.

Each benchmark ends in the state in which it began, and that is asserted outside the clock.

A whole quote update is timed one by one, for its p99: a rule is asked, and both of our orders are
cancelled and entered anew elsewhere in a venue, which checks the limits. What the recorder costs, a
call that does nothing, is subtracted.

    python perf/kernels.py                      # about a minute
    python perf/kernels.py --smoke
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyperf

import mmjit
from mmjit.core.bound import Bound, Compiled, bundle_of, door
from mmjit.core.codes import ASK, BID, NIL, STATUS_SPAN, Flag, Kind
from mmjit.core.desk import QUOTE_LEVELS, Desk
from mmjit.core.index import PER_SLOT, erase, insert, lookup
from mmjit.core.jit import call, kernel
from mmjit.core.limits import RESTS, limit_status, note_sent
from mmjit.core.records import ENTRY, EVENT, ORDER, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.rules import rule_signature
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.core.tables import OWN, RUN, WANT
from mmjit.core.venue import submitter
from mmjit.gauging import time_fills, time_pool
from mmjit.ledgers import no_orders
from mmjit.models.maker import Play, _decide, work_arrays
from mmjit.rulebook import find_rule, with_parameters
from mmjit.terms import ticks_of

SLOTS = 1 << 16


@kernel
def cycle_index(entries: Any, orders: Any, times: int) -> int:
    """Enter an id, look it up and remove it, so often; returns how many were found."""
    found = 0
    for order_id in range(1, times + 1):
        slot = order_id & len(orders) - 1
        orders[slot]["order_id"] = order_id
        insert(entries, orders, 0, order_id, slot)
        found += lookup(entries, orders, 0, order_id) != NIL
        erase(entries, orders, 0, order_id)
    return found


def time_index(times: int) -> float:
    """Seconds for an id entered, looked up and removed."""
    entries, orders = np.zeros(PER_SLOT * SLOTS, ENTRY), np.zeros(SLOTS, ORDER)
    cycle_index(entries, orders, 1)
    began = time.perf_counter()
    found = cycle_index(entries, orders, times)
    took = time.perf_counter() - began
    assert found == times
    assert not entries["slot"].any()
    return took / times


def time_order(times: int) -> float:
    """Seconds for an order that rests and is deleted; every second one opens and closes a level."""
    book = memory_book(Counts(symbols=1, orders=128, pages=128))
    assert configure_symbol(book, 0, 0, 1_000, 1) == 0
    batch = np.zeros(200, EVENT)
    count = np.arange(200)
    batch["order_id"] = batch["handle"] = count % 100
    batch["order_id"] += 1
    batch["price"] = 1 + count % 50
    batch["qty_lots"], batch["side"], batch["flags"] = 10, BID, Flag.LAST
    batch["kind"] = np.where(count < 100, Kind.ADD, Kind.DELETE)
    events = np.tile(batch, -(-times // 100))
    counts, tally, region = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY), Region(0, 128)
    replay(book, region, events[:200], counts, tally)
    began = time.perf_counter()
    replay(book, region, events, counts, tally)
    took = time.perf_counter() - began
    assert counts.sum() == 0
    assert book.sides["order_count"].sum() == 0
    return took / (len(events) // 2)


@kernel
def judge_orders(ledger, book, orders, times, notes):  # type: ignore[no-untyped-def]
    """Judge so many orders, of either side in turn, and note them if so; returns how many pass."""
    passed = 0
    for number in range(times):
        place, now_ns = number & 1, np.int64(number) * 1_000_000
        order = orders[number & len(orders) - 1]
        price, lots = order["price"], order["qty_lots"]
        status = limit_status(ledger, book, 0, place, price, lots, RESTS, now_ns)
        passed += status == 0
        if notes:
            note_sent(ledger, book, 0, place, price, lots, now_ns)
    return passed


@kernel
def pass_orders(ledger, book, orders, times, notes):  # type: ignore[no-untyped-def]
    """What `judge_orders` does besides: the loop and the reading of the order."""
    passed = 0
    for number in range(times):
        order = orders[number & len(orders) - 1]
        passed += order["price"] + order["qty_lots"] + (number & 1) > 0
    return passed


def time_limits(times: int, notes: bool = False) -> float:
    """Seconds for an order to be judged by every limit that there is, and noted as sent.

    All limits are set and none is reached: position, size, worth, credit, collar, market, pace.
    """
    book = memory_book(Counts(symbols=1, orders=128, pages=128))
    assert configure_symbol(book, 0, 0, 1_000, 1) == 0
    rest = np.zeros(12, EVENT)
    rest["order_id"], rest["handle"] = 1 + np.arange(12), np.arange(12)
    rest["side"], rest["kind"], rest["qty_lots"] = np.arange(12) % 2, Kind.ADD, 1_000
    rest["price"] = np.where(rest["side"] == 0, 500 - np.arange(12), 500 + np.arange(12))
    counts, tally = np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY)
    replay(book, Region(0, 128), rest, counts, tally)
    every = mmjit.SymbolLimits(
        **dict.fromkeys(("max_long", "max_short", "max_order_qty", "max_open_qty"), 10**6),
        max_order_notional=10**9,
        price_collar=["500 bps", "0.90 USD"],
        max_open_orders=100,
        max_volume_share="200 bps of 10_000_000 lots",
        max_depth_share="9_000 bps",
        margin="1_000 bps",
        restricted="short",
        max_market_age="1 h",
        order_rate="10_000 per s",
        cancel_rate="10_000 per s",
        max_repeats="2 in 5 ms",
        max_fills="10 in 1 s",
        protection="100_000 lots in 1 s",
    )
    money = dict.fromkeys(("max_daily_loss", "max_drawdown", "max_gross", "credit"), 10**9)
    account = {"max_position": 10**6, "max_open_orders": 10**3, "order_rate": "10_000 per s"}
    limits = mmjit.Limits(symbols={"XYZ": every}, **account, **money)
    tracker = mmjit.Tracker([mmjit.Instrument(symbol="XYZ", price_unit="0.01")], limits=limits)
    tracker.record(BID, 500, 100_000)  # so that either side reduces or adds
    ledger = tracker.ledger
    ledger.guards["seen_ns"] = 0
    ledger.guards["frozen_until_ns"] = ledger.guards["disabled"] = 0
    orders = np.zeros(64, EVENT)
    orders["price"], orders["qty_lots"] = 499 + np.arange(64) % 3, 1 + np.arange(64)
    took = []
    for judge in (judge_orders, pass_orders):
        judge(ledger, book, orders, 1, True)  # compiled, and something to compare with
        began = time.perf_counter()
        passed = judge(ledger, book, orders, times, notes)
        took.append(time.perf_counter() - began)
        assert passed == times
    return (took[0] - took[1]) / times


class Maker(NamedTuple):
    """A rule at a venue, and two sets of parameters, between which every update changes."""

    venue: Any
    at: Any
    desk: Any
    quotes: Any
    commands: Any
    statuses: Any
    places: Any
    near: Any
    far: Any
    memory: Any
    rule: Any
    submit: Any


@call
def requote(bound: Any, words: Any) -> int:
    """Quote near or far; returns where the bid is then."""
    of = bundle_of(bound)
    play = Play(of.venue, of.at, 0, of.desk, of.quotes, of.commands, of.statuses, of.places)
    _decide(of.rule, of.submit, play, of.desk, of.near if words[0] else of.far, of.memory[0])
    return of.desk.own[0, 0, 0]["price"]


@call
def do_nothing(bound: Any, words: Any) -> int:
    """What the recorder and the way in cost."""
    return words[0]


def maker() -> Maker:
    """A pegged maker, with limits, in a book of 100 levels a side."""
    stock = mmjit.Instrument(symbol="XYZ", price_max=10_000)
    limits = mmjit.Limits(max_position=10_000, max_order_qty=1_000, max_open_orders=10)
    venue = mmjit.Venue([stock], limits=limits)
    for number in range(100):
        venue.submit(2 * number + 1, BID, 5_000 - number, 100, owner=None)
        venue.submit(2 * number + 2, ASK, 5_001 + number, 100, owner=None)
    rule, arrays = find_rule("pegged"), venue.arrays
    own, run = np.zeros((1, 2, QUOTE_LEVELS), OWN), np.zeros(1, RUN)
    run["shares_book"] = 1
    quotes = np.zeros((2, QUOTE_LEVELS + 1), WANT)
    ahead, others = np.full(own.shape, NIL, np.int64), np.zeros((1, 2, 2), np.int64)
    desk = Desk(
        arrays.book, own, ahead, arrays.ledger, ticks_of([stock]), run, others, *no_orders(), 0
    )
    near, far = (with_parameters(rule, {"offset_ticks": n}).view(np.uint8) for n in (1, 2))
    asked = Compiled(rule.entry(desk, quotes), rule_signature(desk, quotes))
    memory = np.zeros((1, rule.memory.itemsize), np.uint8)
    at = Bound(arrays)
    submit = Compiled(*submitter(at))
    made = (arrays, at, desk, quotes, *work_arrays(), near, far, memory)
    return Maker(*made, asked, submit)


def time_quotes(times: int) -> tuple[float, float]:
    """Seconds of a quote update, p50 and p99."""
    made = maker()
    bound, clock = Bound(made), time.perf_counter_ns
    took = {}
    for entry in (do_nothing, requote):
        enter, spent = door(entry, bound, words=1), np.zeros(times, np.int64)
        at = [(place % 2,) for place in range(times)]
        for place, words in enumerate(at):
            began = clock()
            found = enter(bound, words)
            spent[place] = clock() - began
            assert entry is do_nothing or found == 4_998 + words[0]
        took[entry] = spent
    held = made.venue.ledger.positions[0]
    assert held["open_count"] == 2
    assert held["order_count"] == 2 * times
    own = float(np.median(took[do_nothing]))
    p50, p99 = (float(np.quantile(took[requote], part)) - own for part in (0.5, 0.99))
    return p50 / 1e9, p99 / 1e9


BENCHMARKS: dict[str, Callable[[int], float]] = {
    "pool: acquire, release": time_pool,
    "position: a fill": time_fills,
    "index: insert, lookup, erase": time_index,
    "book: add, delete": time_order,
    "limits: all, an order judged": time_limits,
    "limits: all, judged and noted": partial(time_limits, notes=True),
}


def main() -> int:
    """Run every benchmark and print what it takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once")
    options = parser.parse_args()
    times, repetitions = (1_000, 1) if options.smoke else (1_000_000, options.repetitions)

    found = []
    for name, benchmark in BENCHMARKS.items():
        seconds = [benchmark(times) for _ in range(repetitions)]
        middle, least = statistics.median(seconds) * 1e9, min(seconds) * 1e9
        print(f"{name:32} {middle:7.2f} ns  (least {least:.2f})")
        found.append(pyperf.Benchmark([pyperf.Run(seconds, metadata={"name": name})]))
    pairs = [time_quotes(max(100, times // 50)) for _ in range(repetitions)]
    for part, values in (("p50", [a for a, _ in pairs]), ("p99", [b for _, b in pairs])):
        name = f"a two-sided quote update, {part}"
        middle, least = statistics.median(values) * 1e9, min(values) * 1e9
        print(f"{name:32} {middle:7.0f} ns  (least {least:.0f})")
        found.append(pyperf.Benchmark([pyperf.Run(values, metadata={"name": name})]))
    if options.output:
        pyperf.BenchmarkSuite(found).dump(str(options.output), replace=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
