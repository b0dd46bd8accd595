"""The yardstick's workloads: made once, kept in a folder, imported into tapes, and checked."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.core.book import Book
from mmjit.core.cache import package_digest
from mmjit.core.codes import STATUS_SPAN
from mmjit.core.records import TALLY
from mmjit.core.replay import replay
from mmjit.core.wrapping import plain_mix
from mmjit.feeds.itch50 import import_itch50
from mmjit.replaying import book_for
from mmjit.tape import Tape, open_tape

YARDSTICK = Path(__file__).resolve().parent / "yardstick"
TICK = 100  # price units a tick of the workload: what gen.py multiplies prices by
MASK = (1 << 64) - 1
BY_SYMBOL = "_by_symbol"  # behind a workload's name: the same, partitioned by symbol first
# A message as gen.py writes it:
#   0    1      2        4       8     12        16         24
#   | op | side | symbol | price | qty | time_us | order_id |
MESSAGE = np.dtype("u1, u1, <u2, <i4, <u4, <u4, <u8")
MESSAGE.names = ("op", "side", "symbol", "price", "qty", "time_us", "order_id")


def kept_in() -> Path:
    """Where workloads are kept between runs, unless --data names another folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmjit-perf"


@dataclass(frozen=True)
class Workload:
    """One stream of messages: as the yardstick reads it, as a tape, and what must come out."""

    name: str
    binary: Path
    tape: Tape
    events: Any  # EVENT in memory, touched
    expected: dict[str, int]

    def widened(self) -> "Workload":
        """The same with a tape whose quantities need 64 bits."""
        meta = self.tape.meta | {"qty_lots_max": 1 << 40}
        return replace(self, tape=replace(self.tape, meta=meta))


def binary_of(name: str, folder: Path, messages: int | None) -> Path:
    """A workload as the yardstick reads it, with what must come out beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / f"{name}.bin"
    size = ["-n", str(messages)] if messages else []
    if not binary.exists() and name.endswith(BY_SYMBOL):
        _sort_by_symbol(binary_of(name.removesuffix(BY_SYMBOL), folder, messages), binary)
    elif not binary.exists():
        _run("gen.py", name, "-d", str(folder), *size)
    if not binary.with_suffix(".exp").exists():
        _run("ref.py", str(binary))
    return binary


def expected_of(binary: Path) -> dict[str, int]:
    """What must come out of a workload, by the naive simulator."""
    lines = binary.with_suffix(".exp").read_text().split()
    return {key: int(value) for key, value in (line.split("=") for line in lines)}


def itch_of(binary: Path) -> Path:
    """A workload as a Nasdaq ITCH 5.0 file, which stands beside it."""
    itch = binary.with_suffix(".itch")
    if not itch.exists():
        _run("gen.py", "itch", str(binary), str(itch))
    return itch


def _sort_by_symbol(source: Path, binary: Path) -> None:
    """The same stream partitioned by symbol, with ids dense in the order of their adds once more.

    The times stay where they are, so that the stream is one that could have been recorded.
    """
    head, messages = source.read_bytes()[:64], np.fromfile(source, MESSAGE, offset=64)
    times = messages["time_us"].copy()
    messages = messages[np.argsort(messages["symbol"], kind="stable")]
    messages["time_us"] = times
    added = messages["order_id"][messages["op"] == 0]
    numbers = np.zeros(int(added.max(initial=0)) + 1, np.uint64)
    numbers[added] = np.arange(1, len(added) + 1)
    messages["order_id"] = numbers[messages["order_id"]]
    binary.write_bytes(head + messages.tobytes())


def make(name: str, folder: Path, messages: int | None = None) -> Workload:
    """A workload, made unless it is there already."""
    binary = binary_of(name, folder, messages)
    itch_of(binary)
    tape = _tape(name, folder)
    events = np.array(tape.events)
    return Workload(name, binary, tape, events, expected_of(binary))


def _run(script: str, *arguments: str) -> None:
    command = [sys.executable, str(YARDSTICK / script), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _tape(name: str, folder: Path) -> Tape:
    """The tape that this version of mmjit makes of the workload."""
    path = folder / f"{name}.tape-{package_digest()[:12]}"
    if not path.exists():
        for old in folder.glob(f"{name}.tape-*"):
            shutil.rmtree(old)
        import_itch50(folder / f"{name}.itch", path, date="2020-01-02", progress=False)
    return open_tape(path)


# ---- one run --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What one replay took, and what it left."""

    seconds: float  # of CPU time of this thread, which is what the yardstick measures
    book: Book
    counts: Any
    tally: Any


def replay_once(workload: Workload) -> Outcome:
    """Replay the whole workload into a new book, whose memory has been touched."""
    book, region = book_for(workload.tape)
    touch(book)
    counts = np.zeros(STATUS_SPAN, np.int64)
    tally = np.zeros(1, TALLY)
    replay(book, region, workload.events[:0], counts, tally)  # compiled before the clock starts
    began = time.thread_time_ns()
    replay(book, region, workload.events, counts, tally)
    took = time.thread_time_ns() - began
    return Outcome(took / 1e9, book, counts, tally[0])


def touch(bundle: Any) -> None:
    """Write to every page of a bundle of arrays without changing it."""
    for part in bundle:
        if isinstance(part, tuple):
            touch(part)
        else:
            part.view(np.uint8).reshape(-1)[::4096] |= 0


# ---- what must come out ---------------------------------------------------------------------


def differences(workload: Workload, outcome: Outcome) -> list[str]:
    """Where an outcome is not what the yardstick's naive simulator says; empty if it is right."""
    wanted = workload.expected
    prices, quantities = int(outcome.tally["price_fold"]), int(outcome.tally["qty_fold"])
    found = {
        "refused": int(outcome.counts.sum()),
        "n": int(outcome.tally["event_count"]),
        "bbo_acc": (prices + TICK * quantities) & MASK,
        **contents(outcome.book),
    }
    # The tape's prices are 100 times the workload's, and so is their part of the fold.
    right = wanted | {"refused": 0, "bbo_acc": TICK * wanted["bbo_acc"] & MASK}
    return [f"{k} is {v}, not {right[k]}" for k, v in found.items() if v != right[k]]


def contents(book: Book, tick: int = TICK) -> dict[str, int]:
    """What rests in a book, as ref.py sums it up: in plain Python, by walking every queue."""
    following = book.nodes["next"].tolist()
    quantities = book.nodes["qty_lots"].tolist()
    ids = book.orders["order_id"].tolist()
    found = {"live": 0, "levels": 0, "total_qty": 0, "book_hash": 0, "fifo_hash": 0}
    for level in book.levels:
        if level["qty_lots"] == 0:
            continue  # not open
        owner, price = int(level["owner"]), int(level["price"]) // tick
        place = _mix((owner >> 1) << 40 | (owner & 1) << 39 | price)
        total, queue = 0, 0
        slot = int(level["next"])
        while slot < len(ids):
            queue = (queue * 6364136223846793005 + ids[slot] * 31 + quantities[slot]) & MASK
            total += quantities[slot]
            found["live"] += 1
            slot = following[slot]
        found["levels"] += 1
        found["total_qty"] += total
        found["book_hash"] = (found["book_hash"] + _mix(place + total * 1000003)) & MASK
        found["fifo_hash"] = (found["fifo_hash"] + _mix(queue + place)) & MASK
    best = [int(book.levels["price"][k]) // tick if k >= 0 else 0 for k in book.sides["best"][:2]]
    return found | {"best_bid0": best[0], "best_ask0": best[1]}


def _mix(word: int) -> int:
    return plain_mix(word) & MASK
