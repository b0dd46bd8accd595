"""Recordings to tapes on one core: ITCH 5.0 to 1 GB, LOBSTER messages, and the memory they take.

The ITCH file is the yardstick's w2_8k (8,000 symbols) again and again, in one stream: each copy
has new order references and later times, and the orders that a copy leaves stay. A recorded head of
a day is repeated alike, up to midnight. The LOBSTER file is w1, a symbol and no orderbook. Sources
and tapes lie in a memory file system. Each run is a process of its own, held to one core; its time
is the CPU time of the process with what the kernel does for it, wall time is printed beside it.
Kernels are warm. The tapes are checked: every message counted and none refused, the first copy
replayed and compared with the yardstick's naive simulator, the LOBSTER tape event by event with the
ITCH tape of the same stream.

    python perf/feeds.py                        # 3 GB in /dev/shm, some minutes
    python perf/feeds.py --head 12302019.NASDAQ_ITCH50.head.gz     # a recorded day's head beside it
    python perf/feeds.py --smoke
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyperf
import workload

from mmjit.core.codes import NIL, Kind
from mmjit.feeds.itch50 import import_itch50
from mmjit.feeds.lobster import import_lobster
from mmjit.feeds.unpack import Unpacked
from mmjit.tape import Tape, open_tape

SOURCE_BYTES = 10**9
ITCH_MB_S_MIN = 300.0
LOBSTER_ROWS_MIN = 1.0  # million a second
PEAK_MIB_MAX = 512.0
SMOKE_MESSAGES = 5_000
DAY = "2020-01-02"
LOBSTER_TYPE = {Kind.ADD: 1, Kind.REDUCE: 2, Kind.DELETE: 3, Kind.EXECUTE: 4}
REFERENCES = {b: (13, 21) if b == ord("U") else (13,) for b in b"AFECXDU"}  # where, in a frame
TIME_AT, DIRECTORY = 7, ord("R")
DAY_NS = 86_400 * 10**9


def main() -> int:
    """Measure each; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5, help="of each import (default 5)")
    parser.add_argument("--data", type=Path, default=workload.kept_in(), help="where workloads lie")
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"), help="a file system in it")
    parser.add_argument("--head", type=Path, help="a recorded ITCH 5.0 file, to be timed beside it")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once; no goal")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # in the process that is timed
    options = parser.parse_args()
    if options.one:
        return import_one(*options.one)
    memory = options.memory if options.memory.is_dir() and not options.smoke else None
    with tempfile.TemporaryDirectory(dir=memory) as room:
        if options.smoke:
            options.data, options.repetitions = Path(room), 1
        return run(options, Path(room))


def run(options: argparse.Namespace, room: Path) -> int:
    """Make the sources, time and check every import, print and store what came out."""
    messages = SMOKE_MESSAGES if options.smoke else None
    itch = workload.itch_of(workload.binary_of("w2_8k", options.data, messages))
    many = room / "many.itch"
    copies = repeat(itch, many, 3 * itch.stat().st_size if options.smoke else SOURCE_BYTES)
    rows = room / "X_2020-01-02_34200000_57600000_message_0.csv"
    flow = workload.make("w1", options.data, messages).tape
    write_lobster(flow, rows)

    jobs = {"ITCH": many, "LOBSTER": rows}
    if options.head:
        jobs["ITCH head"] = room / "head.itch"
        unpack(options.head, room / "unpacked")
        repeat(room / "unpacked", jobs["ITCH head"], SOURCE_BYTES)
    suite, failed = [], False
    for name, source in jobs.items():
        runs = [timed(source, room / "tape") for _ in range(options.repetitions)]
        tape = open_tape(room / "tape")
        if name == "ITCH":
            check_copies(tape, itch, copies)
        elif name == "LOBSTER":
            check_same(tape, flow)
        elif tape.meta["import"]["anomalies"]:
            sys.exit(f"the tape of the head is wrong: {tape.meta['import']['anomalies']}")
        failed |= not report(name, source, tape, runs)
        values = [one["cpu_s"] for one in runs]
        suite.append(pyperf.Benchmark([pyperf.Run(values, metadata={"name": name})]))
    if options.output:
        pyperf.BenchmarkSuite(suite).dump(str(options.output), replace=True)
    return int(failed and not options.smoke)


def report(name: str, source: Path, tape: Tape, runs: list[dict[str, float]]) -> bool:
    """Print the rate, its spread and the peak of memory; whether the goals are met."""
    amount, unit, least = source.stat().st_size / 1e6, "MB/s", ITCH_MB_S_MIN
    if name == "LOBSTER":
        amount, unit, least = tape.meta["messages"] / 1e6, "million rows/s", LOBSTER_ROWS_MIN
    rates = sorted(amount / one["cpu_s"] for one in runs)
    walls = statistics.median(amount / one["wall_s"] for one in runs)
    kernel = statistics.median(one["kernel_s"] / one["cpu_s"] for one in runs)
    peak = max(one["peak_mib"] for one in runs)
    middle = statistics.median(rates)
    goal = "" if name == "ITCH head" else f"; goals: {least:g} {unit}, {PEAK_MIB_MAX:g} MiB"
    size = f"{source.stat().st_size:,} bytes, {tape.meta['messages']:,} messages"
    print(f"{name}  {size}, {len(tape.events):,} events, every check passed")
    print(f"  {middle:.2f} {unit} ({rates[0]:.2f} .. {rates[-1]:.2f}), by the wall {walls:.2f}")
    print(f"  {kernel:.0%} of it in the kernel; peak {peak:.0f} MiB of memory{goal}")
    return not goal or (middle >= least and peak < PEAK_MIB_MAX)


# ---- one import -----------------------------------------------------------------------------


def timed(source: Path, out: Path) -> dict[str, float]:
    """What one import takes, in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, __file__, "--one", str(source), str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        sys.exit(f"{source}: the import failed: {said.stderr}")
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return found


def warm_memory(path: Path, byte_count: int) -> None:
    """Write and remove so many bytes: a virtual machine gives memory back that is free for 2 s."""
    piece = bytes(1 << 22)
    with open(path, "wb", buffering=0) as file:
        for _ in range(byte_count >> 22):
            file.write(piece)
    path.unlink()


def import_one(source: str, out: str) -> int:
    """Import once for the kernels' sake and once by the clock, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    importer: Any = import_lobster if source.endswith(".csv") else import_itch50
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / Path(source).name
        head.write_bytes(whole_lines(Path(source)))
        importer(head, Path(folder) / "tape", date=DAY, progress=False)
    warm_memory(Path(out).with_suffix(".ballast"), 4 * Path(source).stat().st_size)
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    importer(Path(source), Path(out), date=DAY, progress=False)
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
    kernel = after.ru_stime - before.ru_stime
    took = {"wall_s": wall, "kernel_s": kernel, "cpu_s": after.ru_utime - before.ru_utime + kernel}
    print(json.dumps(took | {"peak_mib": peak_mib()}))
    return 0


def whole_lines(source: Path) -> bytes:
    """How a source begins: of text only whole lines."""
    with open(source, "rb") as file:
        head = file.read(1 << 16)
    return head[: head.rindex(b"\n") + 1] if source.suffix == ".csv" else head


def peak_mib() -> float:
    """The most memory that this process had; files that lie in memory are not part of it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


# ---- sources --------------------------------------------------------------------------------


def unpack(source: Path, out: Path) -> None:
    """Write the whole messages of a file that may be packed and may break off."""
    room = bytearray(1 << 20)
    with Unpacked(source) as packed, open(out, "wb") as file:
        while count := packed.read_into(memoryview(room)):
            file.write(memoryview(room)[:count])
    data = out.read_bytes()
    *_, last = frames_of(data)
    os.truncate(out, last + 2 + int.from_bytes(data[last : last + 2]))


def repeat(source: Path, out: Path, byte_count: int) -> int:
    """Write copies of an ITCH file as one stream of so many bytes or a day; returns how many."""
    data = np.fromfile(source, np.uint8)
    frames = np.fromiter(frames_of(data.tobytes()), np.int64)
    types = data[frames + 2]
    times = frames + TIME_AT
    references = np.concatenate(
        [frames[types == kind] + at for kind, where in REFERENCES.items() for at in where]
    )
    begin = int(frames[np.argmax(types != DIRECTORY)])  # the directory comes first, and once
    moved = times >= begin
    first, last = read_number(data, times[moved][[0, -1]], 6)
    step = int(read_number(data, references, 8).max())
    span_ns = int(last - first) + 1000
    copies_max = (DAY_NS - int(first)) // span_ns
    copies = 0
    with open(out, "wb") as file:
        file.write(data[:begin].tobytes())
        while copies == 0 or (file.tell() < byte_count and copies < copies_max):
            copies += 1
            file.write(data[begin:].tobytes())
            add_to(data, times[moved], 6, span_ns)
            add_to(data, references, 8, step)
    return copies


def frames_of(data: bytes) -> Iterator[int]:
    """Where each whole frame begins."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + (data[at] << 8 | data[at + 1])
        if end > len(data):
            return
        yield at
        at = end


def read_number(data: Any, places: Any, size: int) -> Any:
    """The big-endian integers at some places."""
    value = np.zeros(len(places), np.int64)
    for k in range(size):
        value = value << 8 | data[places + k]
    return value


def add_to(data: Any, places: Any, size: int, amount: int) -> None:
    """Add to the big-endian integers at some places."""
    value = read_number(data, places, size) + amount
    for k in range(size):
        data[places + k] = value >> 8 * (size - 1 - k) & 0xFF


def write_lobster(tape: Tape, out: Path) -> None:
    """Write a tape of one symbol as a LOBSTER message file."""
    midnight_ns = int(tape.events[0]["venue_ns"]) // DAY_NS * DAY_NS
    with open(out, "w") as file:
        for start in range(0, len(tape.events), 100_000):
            part = tape.events[start : start + 100_000]
            kinds = [LOBSTER_TYPE[Kind(k)] for k in part["kind"].tolist()]
            names = ("order_id", "qty_lots", "price", "side")
            columns = [part[name].tolist() for name in names]
            since = (part["venue_ns"] - midnight_ns).tolist()
            for ns, kind, order_id, qty, price, side in zip(since, kinds, *columns, strict=True):
                seconds, rest = divmod(ns, 10**9)
                file.write(f"{seconds}.{rest:09},{kind},{order_id},{qty},{price},{1 - 2 * side}\n")


# ---- checks ---------------------------------------------------------------------------------


def check_copies(tape: Tape, itch: Path, copies: int) -> None:
    """Refuse a tape that is not so many copies of the workload, or whose first is not the first."""
    data = itch.read_bytes()
    types = [data[at + 2] for at in frames_of(data)]
    kinds = {"add": "A", "reduce": "X", "delete": "D", "execute": "E"}
    wanted = {kind: copies * types.count(ord(letter)) for kind, letter in kinds.items()}
    found = tape.meta["kinds"], tape.meta["import"]["anomalies"], int(tape.events["level"].min())
    if found != (wanted, {}, NIL):
        sys.exit(f"the ITCH tape is wrong: {found}, not {wanted}")
    first = np.array(tape.events[: len(tape.events) // copies])
    binary = itch.with_suffix(".bin")
    load = workload.Workload("w2_8k", binary, tape, first, workload.expected_of(binary))
    wrong = workload.differences(load, workload.replay_once(load))
    if wrong:
        sys.exit(f"the ITCH tape is wrong: {'; '.join(wrong)}")


def check_same(tape: Tape, flow: Tape) -> None:
    """Refuse a LOBSTER tape that is not the stream that its file was made of."""
    for name in ("kind", "order_id", "price", "qty_lots", "side", "handle", "level"):
        if not np.array_equal(tape.events[name], flow.events[name]):
            sys.exit(f"the LOBSTER tape is wrong: {name} differs")


if __name__ == "__main__":
    sys.exit(main())
