"""Every benchmark runs, at a size that costs little; what it measures is not looked at."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
SCRIPTS = [p for p in sorted((TOP / "perf").glob("*.py")) if "--smoke" in p.read_text()]

pytestmark = [pytest.mark.compiled, pytest.mark.scripts]


def run(script, *arguments):
    search = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_benchmark_runs_at_its_smoke_size_and_keeps_its_values(script, tmp_path):
    import pyperf

    result = run(script, "--smoke", "--output", str(tmp_path / "values.json"))

    assert result.returncode == 0, result.stdout + result.stderr
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "values.json"))
    assert all(value > 0 for benchmark in suite for value in benchmark.get_values())


def test_there_is_a_benchmark_to_run():
    assert "replay.py" in [script.name for script in SCRIPTS]


def test_the_replay_benchmark_does_without_a_compiler_and_says_so(tmp_path):
    env = os.environ | {
        "PATH": str(tmp_path),
        "CXX": str(tmp_path / "none"),
        "PYTHONPATH": str(TOP),
    }
    result = subprocess.run(
        [sys.executable, str(TOP / "perf" / "replay.py"), "--smoke", "--workloads", "w1"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "no C++ compiler" in result.stdout
    assert "every result right" in result.stdout


def test_the_live_index_is_measured_with_mixed_ids_beside_plain_ones(tmp_path):
    import pyperf

    values = tmp_path / "values.json"
    script = TOP / "perf" / "live.py"
    result = run(script, "--smoke", "--mixed", "--workloads", "w1", "--output", str(values))

    assert result.returncode == 0, result.stdout + result.stderr
    assert "every result right" in result.stdout
    assert "goal: a median of 1.5" in result.stdout
    names = pyperf.BenchmarkSuite.load(str(values)).get_benchmark_names()
    assert names == ["w1 mixed ids", "w1 plain ids"]


def test_mixed_ids_are_other_ids_and_a_book_that_holds_a_wrong_one_is_seen(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import live

    load = live.make_mixed("w1", tmp_path, 2_000)
    assert (load.mixed.events["order_id"] != load.plain.events["order_id"]).all()
    assert live.plain_run(load, None) > 0
    assert live.mixed_run(load, None) > 0

    wrong = replace(load, plain_ids=load.plain_ids[::-1])
    with pytest.raises(SystemExit, match="mmjit is wrong: fifo_hash"):
        live.mixed_run(wrong, None)


@pytest.mark.parametrize(("goal", "code"), [(1e9, 0), (1e-9, 1)])
def test_a_goal_that_is_missed_is_the_exit_code(tmp_path, monkeypatch, goal, code):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import live
    import replay

    options = replay.parser_for("", ["w1"]).parse_args(["--data", str(tmp_path)])
    runs = live.mixed_run, live.plain_run
    pair = replay.Pair(live.make_mixed, runs, ("mixed", "plain"), {"w1": goal})

    assert replay.run(options, pair, tmp_path, 2, 2_000) == code


def test_the_replay_benchmark_fails_on_a_wrong_result(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import workload

    made = workload.make("w1", tmp_path, 2_000)
    outcome = workload.replay_once(made)
    assert workload.differences(made, outcome) == []

    outcome.tally["qty_fold"] += 1
    assert "bbo_acc" in workload.differences(made, outcome)[0]

    outcome.tally["qty_fold"] -= 1
    slot = int(outcome.book.levels["next"][outcome.book.sides["best"][0]])
    outcome.book.nodes["qty_lots"][slot] += 1
    wrong = " ".join(workload.differences(made, outcome))
    assert "total_qty" in wrong
    assert "book_hash" in wrong
    assert "fifo_hash" in wrong


def test_a_workload_by_symbol_is_the_same_stream_sorted_and_every_result_is_right(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import workload

    plain = workload.make("w2_1k", tmp_path, 3_000)
    sorted_ = workload.make("w2_1k_by_symbol", tmp_path, 3_000)

    order = plain.events["symbol"].argsort(kind="stable")
    for name in ("symbol", "kind", "side", "price", "qty_lots"):
        assert (sorted_.events[name] == plain.events[name][order]).all()
    assert (sorted_.events["venue_ns"] == plain.events["venue_ns"]).all()
    assert sorted_.expected["book_hash"] == plain.expected["book_hash"]
    assert workload.differences(sorted_, workload.replay_once(sorted_)) == []
