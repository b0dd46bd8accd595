"""Orders that sweep through everything that rests: what `worst.py` drives a venue with.

A round fills one side of an empty book outside the clock; the one order that is measured meets all
of it, and the book is empty again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matching import Matching, differences, run_once, submit_folding
from recorder import Recorder, make_recorder, note, stamp
from worst_cases import FAR, QTY_LOTS, Sizes

from mmjit.core.audit import audit
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, TimeInForce
from mmjit.core.jit import kernel
from mmjit.core.records import COMMAND, TALLY
from mmjit.core.resting import Venue
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue, power_of_two
from mmjit.core.venue import apply_command

Array = np.ndarray[Any, Any]
SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class Sweep:
    """What rests, and the order that meets it."""

    name: str
    resting: Any  # COMMAND
    sweeping: Any  # COMMAND, one
    levels: int
    rounds: int


def sweeps(sizes: Sizes) -> Iterator[Sweep]:
    """Every case."""
    count = sizes.swept
    near = 1 + np.arange(count)
    far = near * (FAR // count)
    yield sweep_of(f"{count:,} levels, side by side", near, sizes)
    yield sweep_of(f"{count:,} levels, far apart", far, sizes)
    yield sweep_of(f"{count:,} levels of an account", near, sizes, owner=0)
    yield sweep_of(f"{count:,} levels, fill or kill", near, sizes, tif=TimeInForce.FOK)
    yield sweep_of(f"{count:,} levels of 10 orders", np.tile(near, 10), sizes)
    yield sweep_of(f"{count:,} orders at one price", near * 0 + 1, sizes)


def sweep_of(
    name: str,
    price: Array,
    sizes: Sizes,
    owner: int = NIL,
    tif: TimeInForce = TimeInForce.GTC,
) -> Sweep:
    """Asks at prices, and a bid for all of them."""
    commands = np.zeros(len(price) + 1, COMMAND)
    commands["kind"], commands["flags"] = Kind.NEW, Flag.LAST
    commands["order_id"] = 1 + np.arange(len(commands))
    commands["side"], commands["owner"] = ASK, owner
    commands["price"][:-1], commands["qty_lots"] = price, QTY_LOTS
    last = commands[-1:]
    last["side"], last["owner"], last["tif"] = BID, NIL, tif
    last["price"], last["qty_lots"] = price.max(), QTY_LOTS * len(price)
    return Sweep(name, commands[:-1], last, len(np.unique(price)), sizes.sweeps)


@kernel
def record_commands(venue: Any, commands: Any, recorder: Any) -> int:
    """Do commands of one record each and record how long each takes; returns how many failed."""
    refused = 0
    for place in range(len(commands)):
        began = stamp()
        status, _, _ = apply_command(venue, commands, place)
        note(recorder, began, stamp())
        refused += status < 0
    return refused


def run_sweeps(sweep: Sweep, recorder: Recorder) -> float:
    """Seconds for each resting order that was met; the whole sweeps are recorded.

    A round is done twice: once beside a clock, once beside the recorder.
    """
    met = len(sweep.resting)
    venue = venue_for(sweep)
    tally = np.zeros(1, TALLY)
    notes = np.zeros(max(len(sweep.resting), len(sweep.sweeping)), np.int64)
    refused = submit_folding(venue, sweep.resting[:0], notes, tally)
    refused += record_commands(venue, sweep.resting[:0], recorder)
    took = 0
    for _ in range(sweep.rounds):
        refused += submit_folding(venue, sweep.resting, notes, tally)
        began = time.thread_time_ns()
        refused += submit_folding(venue, sweep.sweeping, notes, tally)
        took += time.thread_time_ns() - began
        assert drain(venue) == met, sweep.name
        refused += submit_folding(venue, sweep.resting, notes, tally)
        refused += record_commands(venue, sweep.sweeping, recorder)
        assert drain(venue) == met, sweep.name
    assert refused == 0, sweep.name
    assert not venue.book.sides["order_count"].any(), sweep.name
    assert audit(venue.book, np.zeros(len(venue.book.orders), np.int8)) == 0, sweep.name
    return took / 1e9 / sweep.rounds / met


def venue_for(sweep: Sweep) -> Venue:
    """An empty venue that takes the orders of a sweep."""
    orders, ring = len(sweep.resting) + 64, power_of_two(2 * len(sweep.resting))
    book = Counts(1, orders, sweep.levels + 64, rungs=power_of_two(11 * (sweep.levels + 64)))
    venue = memory_venue(VenueCounts(book, trades=ring, fills=ring), salt=1)
    assert configure_symbol(venue.book, 0, 1, max(2, int(sweep.resting["price"].max())), 1) == 0
    return venue


def drain(venue: Venue) -> int:
    """Empty the rings; returns how many trades there were, each of them whole."""
    control = venue.control[0]
    head, tail = int(control["trade_head"]), int(control["trade_tail"])
    lines = venue.trades[np.arange(tail, head) & (len(venue.trades) - 1)]
    assert (lines["qty_lots"] == QTY_LOTS).all()
    assert (np.diff(lines["price"]) >= 0).all()
    control["trade_tail"], control["fill_tail"] = head, control["fill_head"]
    return head - tail


# ---- ordinary -------------------------------------------------------------------------------


def run_ordinary(load: Matching) -> float:
    """Seconds for each command of the yardstick's w3, the result checked."""
    seconds, venue, tally, refused = run_once(load)
    wrong = differences(load, venue, tally, refused)
    assert not wrong, "; ".join(wrong)
    return seconds / len(load.events)


def record_ordinary(load: Matching) -> Recorder:
    """How long each command takes."""
    recorder = make_recorder()
    orders, ring = load.peak + 1024, power_of_two(max(1024, load.expected["trades"] + load.peak))
    counts = VenueCounts(Counts(load.symbols, orders, orders), trades=ring, fills=2 * ring)
    venue = memory_venue(counts, salt=1)
    assert configure_symbol(venue.book, 0, 0, load.price_max, 1) == 0
    refused = record_commands(venue, load.events, recorder)
    assert refused == 0
    assert int(venue.control[0]["trade_head"]) == load.expected["trades"]
    return recorder
