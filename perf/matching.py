"""Orders matching orders in a venue, all checks on, beside the yardstick, alternating in one run.

Every order is a command to the venue: new orders that may cross, cancels, amends that always lose
their place. The best bid and offer are folded in after every command. The trades (who, whom, price,
quantity, in order), the levels, the queues and the fold are compared with those of a naive
simulator. Time is CPU time of the thread, on both sides.

    python perf/matching.py                     # w3 and w3_1k, 15 pairs each
    python perf/matching.py --smoke             # small, once: does it run, and is it right?
"""

import dataclasses
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import replay
import workload
from yardstick import wl

from mmjit.core.book import best_of
from mmjit.core.codes import NIL, Flag, Kind, Term
from mmjit.core.jit import kernel
from mmjit.core.records import COMMAND, TALLY
from mmjit.core.resting import Venue
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue, power_of_two
from mmjit.core.venue import apply_noted_command, look_ahead_of, tag_first_commands
from mmjit.core.wrapping import fold, weigh

MASK = (1 << 64) - 1
KINDS = {0: Kind.NEW, 1: Kind.CANCEL, 4: Kind.AMEND}


@kernel
def submit_folding(venue: Any, commands: Any, notes: Any, tally: Any) -> int:
    """Do commands of one record each, and fold the best in after each; returns how many failed."""
    total = tally[0]
    price_fold = total["price_fold"]
    qty_fold = total["qty_fold"]
    refused = 0
    book = venue.book
    tag_first_commands(venue, commands, notes, 0)
    for place in range(len(commands)):
        note = look_ahead_of(venue, commands, notes, place)
        status, _, _ = apply_noted_command(venue, commands, place, note)
        refused += status < 0
        owner = commands[place]["symbol"] * 2
        bid, bid_qty = best_of(book, owner)
        ask, ask_qty = best_of(book, owner + 1)
        price_fold = fold(price_fold, weigh(bid, 1, ask, 7))
        qty_fold = fold(qty_fold, weigh(bid_qty, 13, ask_qty, 17))
    total["price_fold"] = price_fold
    total["qty_fold"] = qty_fold
    return refused


@dataclass(frozen=True)
class Matching:
    """A stream of commands: as the yardstick reads it, as ours, and what must come out."""

    name: str
    binary: Path
    events: Any  # COMMAND, in memory and touched
    symbols: int
    peak: int
    price_max: int
    expected: dict[str, int]
    wide: bool = False  # quantities of 64 bits

    def widened(self) -> "Matching":
        """The same with quantities of 64 bits."""
        return dataclasses.replace(self, wide=True)


def make(name: str, folder: Path, messages: int | None = None) -> Matching:
    """A workload, made unless it is there already."""
    binary = workload.binary_of(name, folder, messages)
    header, records, expected = wl.load(str(binary))
    commands = np.zeros(len(records), COMMAND)
    for op, kind in KINDS.items():
        commands["kind"][records["op"] == op] = kind
    commands["order_id"], commands["price"] = records["oid"], records["price"]
    commands["side"], commands["symbol"] = records["side"], records["sym"]
    commands["qty_lots"] = np.where(records["op"] == 1, 0, records["qty"])
    commands["terms"] = np.where(records["op"] == 4, Term.TAIL, 0)
    commands["venue_ns"] = records["ts"].astype(np.int64) * 1000
    commands["flags"], commands["owner"] = Flag.LAST, NIL
    symbols, peak, top = int(header["nsym"]), int(header["peak"]), int(header["pmax"])
    return Matching(name, binary, commands, symbols, peak, 2 * top, expected)


def run_once(load: Matching) -> tuple[float, Venue, Any, int]:
    """Submit the whole workload to a new venue, whose memory has been touched."""
    orders = load.peak + 1024
    trades = power_of_two(max(1024, load.expected["trades"] + load.peak))
    counts = VenueCounts(
        Counts(load.symbols, orders, orders, wide=load.wide), trades=trades, fills=2 * trades
    )
    venue = memory_venue(counts, salt=1)
    for symbol in range(load.symbols):
        assert configure_symbol(venue.book, symbol, 0, load.price_max, 1) == 0
    workload.touch(venue)
    tally = np.zeros(1, TALLY)
    notes = np.ones(len(load.events), np.int64)
    submit_folding(venue, load.events[:0], notes[:0], tally)  # compiled before the clock starts
    began = time.thread_time_ns()
    refused = submit_folding(venue, load.events, notes, tally)
    took = time.thread_time_ns() - began
    return took / 1e9, venue, tally[0], int(refused)


def differences(load: Matching, venue: Venue, tally: Any, refused: int) -> list[str]:
    """Where an outcome is not what the yardstick's naive simulator says; empty if it is right."""
    trades = venue.trades[: int(venue.control[0]["trade_head"])]
    prices, quantities = int(tally["price_fold"]), int(tally["qty_fold"])
    found = {
        "refused": refused,
        "bbo_acc": (prices + quantities) & MASK,
        "trades": len(trades),
        "traded_qty": int(trades["qty_lots"].sum()),
        "traded_notional": int((trades["qty_lots"] * trades["price"]).sum()),
        "trade_hash": trade_hash(trades),
        **workload.contents(venue.book, tick=1),
    }
    right = load.expected | {"refused": 0}
    return [f"{k} is {v}, not {right[k]}" for k, v in found.items() if v != right[k]]


def trade_hash(trades: Any) -> int:
    """The hash of every trade in order, as ref.py makes it."""
    word = 0
    columns = (trades[name].tolist() for name in ("maker_id", "taker_id", "price", "qty_lots"))
    for maker, taker, price, qty in zip(*columns, strict=True):
        word = (word * 6364136223846793005 + maker * 31 + taker * 17 + price * 7 + qty) & MASK
    return word


def our_run(load: Matching, limit: Path | None) -> float:
    """Seconds a command of one run."""
    del limit
    seconds, venue, tally, refused = run_once(load)
    wrong = differences(load, venue, tally, refused)
    if wrong:
        sys.exit(f"{load.name}: mmjit is wrong: {'; '.join(wrong)}")
    return seconds / len(load.events)


if __name__ == "__main__":
    sys.exit(replay.main(__doc__ or "", ["w3", "w3_1k"], make, our_run, {"w3": 1.9, "w3_1k": 1.9}))
