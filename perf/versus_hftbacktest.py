"""mmjit beside hftbacktest: the same rule, latency and queue model, alternating in one run.

Both play the same rows (versus_markets.py) by the same rule (versus_rule.py, versus_side.py): every
100 ms a bid and an offer of one lot at the best prices, always cancelled and sent anew, or with
`--rule keep` kept where the price is still the best, as in hftbacktest's README. Requests and
answers take 1 ms each, the feed what was recorded; queues are known, or `power3` with n = 3.
hftbacktest runs in its fastest configuration: rows in memory, ROI depth, no partial fills, nothing
recorded. mmjit runs as it is, with its log. Only the run is timed, and nothing of it compiles.

    python -m venv hft && hft/bin/pip install hftbacktest==2.4.4
    python perf/versus_hftbacktest.py --hftbacktest hft/bin/python
    python perf/versus_hftbacktest.py --parts log          # what the log takes of a run
    python perf/versus_hftbacktest.py --smoke              # small, once
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyperf
import workload
from replay import spread
from versus_differences import UNNAMED, Comparison, compare
from versus_log import log_shares
from versus_markets import BINANCE, GENERATED, Market, market
from versus_runs import Ours, Terms, Took, Worker, our_fates, their_fates, told_theirs
from versus_startup import startup

from mmjit import BID

HERE = Path(__file__).resolve().parent
# How many times as long hftbacktest is to take, by workload.
FACTOR_MIN = {"sim_l2": 3.0, "sim_l3": 5.0, "deep_l3": 15.0, BINANCE: 3.0}
SMOKE_ROWS = 20_000
PARTS = ("speed", "startup", "log")
Values = dict[str, list[float]]  # seconds, by what took them


def main() -> int:
    """Measure what was asked for; 1 if a goal is missed or a difference has no name."""
    options = parser().parse_args()
    if options.smoke:
        options.pairs, options.processes = 1, 1
        options.rows = options.deep_rows = SMOKE_ROWS
        options.workloads = options.workloads or ["sim_l2", "sim_l3"]
        options.parts = options.parts or PARTS[:2]  # the log's would compile the engine once more
    options.parts = options.parts or PARTS
    with tempfile.TemporaryDirectory() as folder:
        options.data = Path(folder) if options.smoke else options.data
        found, kept = measure(options, Path(folder))
    if options.output:
        runs = {name: [pyperf.Run(v, metadata={"name": name})] for name, v in found.items()}
        suite = pyperf.BenchmarkSuite([pyperf.Benchmark(r) for r in runs.values()])
        suite.dump(str(options.output), replace=True)
    return 0 if kept else 1


def parser() -> argparse.ArgumentParser:
    """What reads the command line."""
    one = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = sys.executable if importlib.util.find_spec("hftbacktest") else None
    one.add_argument(
        "--hftbacktest",
        metavar="PYTHON",
        default=here,
        help="the Python of the environment that has hftbacktest (default: this one, if it does)",
    )
    markets = [*GENERATED, BINANCE]
    one.add_argument("--workloads", nargs="+", choices=markets, metavar="NAME")
    one.add_argument("--rule", choices=("anew", "keep"), default="anew", help="(default anew)")
    one.add_argument("--lots", type=int, default=1, help="of each quote (default 1)")
    one.add_argument("--rows", type=int, default=3_000_000, help="(default 3,000,000)")
    one.add_argument("--deep-rows", type=int, default=1_000_000, help="(default 1,000,000)")
    one.add_argument("--pairs", type=int, default=15, help="of runs (default 15)")
    one.add_argument("--processes", type=int, default=5, help="that start, a kind (default 5)")
    one.add_argument("--parts", nargs="+", choices=PARTS, help="(default all)")
    one.add_argument("--data", type=Path, default=workload.kept_in(), help="where workloads lie")
    one.add_argument("--output", type=Path, help="write the values as pyperf JSON")
    one.add_argument("--smoke", action="store_true", help="small and once; no goal")
    return one


def measure(options: argparse.Namespace, scratch: Path) -> tuple[Values, bool]:
    """Every figure, printed and kept, and whether all is as it should be."""
    found: Values = {}
    kept = True
    if options.hftbacktest is None:
        print("no hftbacktest here (--hftbacktest PYTHON says where it is): mmjit alone")
    for name in options.workloads or (*GENERATED, BINANCE):
        rows = options.deep_rows if name.startswith("deep") else options.rows
        one = market(name, options.data, rows)
        if one is None:
            print(f"{name}  no capture: MMJIT_DATA names no folder that has it")
            continue
        if "speed" in options.parts:
            kept &= versus(one, options, scratch, found)
        if "log" in options.parts:
            kept &= log_shares(one, options, found)
    if "startup" in options.parts:
        kept &= startup(options, scratch, found)
    return found, kept or options.smoke


def versus(one: Market, options: argparse.Namespace, scratch: Path, found: Values) -> bool:
    """One market on both sides; whether the goal is met and every difference has a name."""
    terms = Terms(options.rule == "keep", options.lots)
    ours, theirs = Ours(one, terms), None
    print(f"{one.name}  {one.row_count:,} rows, rule {options.rule}, quotes of {terms.lots}")
    if options.hftbacktest:
        theirs = Worker([options.hftbacktest, str(HERE / "versus_side.py")])
        theirs.ask(**told_theirs(one, terms))
    good = state_result(one, ours, theirs, scratch)
    pairs = alternate(ours, theirs, options.pairs)
    if theirs:
        theirs.close()
    for kind in Took._fields:
        mine = [getattr(pair[0], kind) for pair in pairs]
        other = [getattr(pair[1], kind) for pair in pairs if pair[1]]
        for name, seconds in (("mmjit", mine), ("hftbacktest", other)):
            if seconds:
                found[f"{one.name} {name} {kind}"] = seconds
                said = spread([value / one.row_count * 1e9 for value in seconds])
                print(f"  {name:12} {kind:4} {said} ns a row")
        if other:
            factors = [b / a for a, b in zip(mine, other, strict=True)]
            goal = FACTOR_MIN[one.name]
            print(f"  {'times':12} {kind:4} {spread(factors)} of paired runs; goal: {goal:g}")
            good &= kind != "cpu" or options.smoke or statistics.median(factors) >= goal
    return good


def state_result(one: Market, ours: Ours, theirs: Worker | None, scratch: Path) -> bool:
    """Print what both filled, and whether every difference has a name; ours alone must be whole."""
    _, result = ours.run()
    summary = result.summary()
    signed = np.where(result.fills["side"] == BID, 1, -1) * result.fills["qty_lots"]
    print(f"  mmjit: {summary['fills']:,} fills, position {signed.sum()} lots")
    if summary["anomalies"]:
        sys.exit(f"{one.name}: mmjit found {summary['anomalies']}")
    if theirs is None:
        return True
    fates, position = their_fates(one, theirs, scratch / "fates.npy")
    print(f"  hftbacktest: {int((fates['lots'] > 0).sum()):,} fills, position {position} lots")
    compared: Comparison = compare(one, our_fates(one, result, len(fates)), fates, result.fills)
    print("  " + str(compared).replace("\n", "\n  "))
    return compared.named[UNNAMED] == 0


def alternate(ours: Ours, theirs: Worker | None, pairs: int) -> list[tuple[Took, Took | None]]:
    """Runs of both, one after the other, the first to go changing; one pair more warms up."""
    found: list[tuple[Took, Took | None]] = []
    for turn in range(pairs + 1):
        if turn % 2:
            mine, other = ours.time(), theirs.time() if theirs else None
        else:
            other, mine = theirs.time() if theirs else None, ours.time()
        found.append((mine, other))
    return found[1:]


if __name__ == "__main__":
    sys.exit(main())
