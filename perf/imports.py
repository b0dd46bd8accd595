"""What starting costs: `import mmjit` beyond numba, and a warm `mmjit replay` beyond the work.

Each figure is the median of fresh processes, run in turn; what pyperf calls a command benchmark.

    python perf/imports.py
    python perf/imports.py --smoke
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyperf
import workload

IMPORT_S_MAX = 0.2
REPLAY_S_MAX = 1.0
SMOKE_MESSAGES = 2_000
REPLAY_MESSAGES = 500_000


def main() -> int:
    """Measure both; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--processes", type=int, default=15, help="of each kind (default 15)")
    parser.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    parser.add_argument("--smoke", action="store_true", help="small and once; no goal")
    options = parser.parse_args()
    processes = 1 if options.smoke else options.processes

    found = imports(processes)
    with tempfile.TemporaryDirectory() as folder:
        messages = SMOKE_MESSAGES if options.smoke else REPLAY_MESSAGES
        found |= startup(Path(folder), processes, messages)
    for name, seconds in found.items():
        print(f"{name:28} {statistics.median(seconds):6.3f} s  (least {min(seconds):.3f})")
    beyond = difference(found["import mmjit"], found["import numba"])
    whole = difference(found["from mmjit import *"], found["import numba"])
    waiting = statistics.median(found["mmjit replay beyond the work"])
    print(f"import mmjit is {beyond:.3f} s beyond import numba; goal: at most {IMPORT_S_MAX}")
    print(f"every public name of mmjit is {whole:.3f} s beyond import numba")
    print(f"mmjit replay is {waiting:.3f} s beyond the work; goal: at most {REPLAY_S_MAX}")
    if options.output:
        runs = {name: [pyperf.Run(v, metadata={"name": name})] for name, v in found.items()}
        pyperf.BenchmarkSuite([pyperf.Benchmark(r) for r in runs.values()]).dump(
            str(options.output), replace=True
        )
    return int(not options.smoke and (beyond > IMPORT_S_MAX or waiting > REPLAY_S_MAX))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of what one of each pair takes longer than the other."""
    return statistics.median(a - b for a, b in zip(ours, theirs, strict=True))


def imports(processes: int) -> dict[str, list[float]]:
    """Seconds of a fresh interpreter that imports, one kind after the other."""
    statements = (
        "import numba",
        "import mmjit",
        "from mmjit import *",
    )  # the last loads every name
    found: dict[str, list[float]] = {statement: [] for statement in statements}
    for turn in range(processes + 1):
        for name, seconds in found.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", name], check=True)
            if turn > 0:  # the first of each reads the disk
                seconds.append(time.perf_counter() - began)
    return found


def startup(folder: Path, processes: int, messages: int) -> dict[str, list[float]]:
    """Seconds of `mmjit replay --json`, in all and beyond the replay itself, everything cached."""
    tape = workload.make("w1", folder, messages).tape
    found: dict[str, list[float]] = {"mmjit replay": [], "mmjit replay beyond the work": []}
    for turn in range(processes + 1):
        began = time.perf_counter()
        command = [sys.executable, "-m", "mmjit", "replay", str(tape.path), "--json"]
        said = subprocess.run(command, check=False, capture_output=True, text=True)
        took = time.perf_counter() - began
        if said.returncode != 0:
            sys.exit(f"mmjit replay failed: {said.stderr}")
        result = json.loads(said.stdout)
        if result["events"] != messages or result["unknown_ids"]:
            sys.exit(f"mmjit replay is wrong: {result}")
        if turn > 0:  # the first compiles
            found["mmjit replay"].append(took)
            found["mmjit replay beyond the work"].append(took - result["seconds"])
    return found


if __name__ == "__main__":
    sys.exit(main())
