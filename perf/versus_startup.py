"""What it takes a strategy to run in a new process: import, compile, and play a small tape.

A strategy is new if nobody ever compiled its text, and known the next time. mmjit's engine is
compiled once a machine (`mmjit warm`, or the first run) and is so here; hftbacktest keeps nothing
of what it compiles, so that each of its strategies is new.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from replay import spread
from versus_log import at
from versus_markets import EVERY_NS, generated
from versus_runs import LATENCY_NS, POWER, Ours, Terms, told_theirs

HERE = Path(__file__).resolve().parent
ROWS = 20_000
SECONDS_MAX = {"a new strategy": 2.0, "a known strategy": 1.0}
LINE = 'if params["keeps"] == 0:'  # of versus_rule.py, in which a strategy becomes a new one
OURS = f"""
import sys, mmjit
latency = mmjit.Latency(feed="recorded", entry="{LATENCY_NS}ns", response="{LATENCY_NS}ns")
result = mmjit.backtest(sys.argv[1], strategy=sys.argv[2], every="{EVERY_NS}ns", latency=latency,
                        queue_model="power3:n={POWER}", progress=False)
assert len(result.fills) > 0
"""
THEIRS = """
import json, sys, versus_side
assert versus_side.Side(json.loads(sys.argv[1])).time()["steps"] > 0
"""


def startup(options: argparse.Namespace, scratch: Path, found: dict[str, list[float]]) -> bool:
    """Print the seconds of processes that start; whether the goals are met."""
    one = generated("sim_l2", options.data, ROWS)
    Ours(one, Terms(keeps=False)).run()  # the engine is there
    text = (HERE / "versus_rule.py").read_text()
    assert LINE in text
    took: dict[str, list[float]] = {name: [] for name in (*SECONDS_MAX, "hftbacktest")}
    for number in range(options.processes + 1):
        rule = scratch / f"rule_{number}.py"
        fresh = f'if params["keeps"] == 0 or now_ns(desk) == {time.time_ns()}:'
        rule.write_text(text.replace(LINE, fresh))
        for name in SECONDS_MAX:
            took[name].append(
                seconds_of(sys.executable, OURS, str(one.tape.path), f"{rule}:at_best")
            )
        if options.hftbacktest:
            said = json.dumps(told_theirs(one, Terms(keeps=False)))
            took["hftbacktest"].append(seconds_of(options.hftbacktest, THEIRS, said))
    kept = True
    for name, seconds in took.items():
        if not seconds:
            continue
        found[name] = seconds[1:]  # the first of each reads the disk
        goal = SECONDS_MAX.get(name)
        said = "any strategy, new or known" if goal is None else f"goal: {goal:g}"
        print(f"{name:17} {spread(seconds[1:])} s from start to end; {said}")
        kept &= goal is None or statistics.median(seconds[1:]) <= goal
    return kept


def seconds_of(python: str, program: str, *arguments: str) -> float:
    """How long a process takes, from its start to its end."""
    began = time.perf_counter()
    subprocess.run([python, "-c", program, *arguments], check=True, **at())
    return time.perf_counter() - began
