"""The script that plays the conformance cases: what it says of engines that fail, hang and die."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import naive_conformance
from tests.conformance_format import load_cases

TOP = Path(__file__).resolve().parent.parent
SCRIPT = TOP / "perf" / "conformance.py"
CASE = load_cases()[0]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    monkeypatch.setattr(sys, "path", list(sys.path))  # it adds to the path
    return importlib.import_module("conformance")


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_a_case_that_is_played_right_passes(script):
    result = script.in_a_child(naive_conformance.play, CASE)

    assert script.verdict(CASE, result) == "pass"


def test_an_engine_that_dies_is_survived(script):
    result = script.in_a_child(lambda case: os._exit(3), CASE)

    assert script.verdict(CASE, result) == "the process dies (exit code 3)"


def test_an_engine_that_hangs_is_stopped(script, monkeypatch):
    monkeypatch.setattr(script, "SECONDS_MAX", 0.2)

    result = script.in_a_child(lambda case: time.sleep(60), CASE)

    assert script.verdict(CASE, result) == "hangs for more than 0.2 s"


def test_an_engine_that_raises_is_quoted(script):
    result = script.in_a_child(lambda case: {}[case["name"]], CASE)

    assert script.verdict(CASE, result) == f"KeyError: '{CASE['name']}'"


def test_what_an_engine_cannot_say_is_no_failure(script):
    verdicts = {"partial": {CASE["name"]: script.verdict(CASE, {"not supported": "no auctions"})}}

    table = script.table([CASE], verdicts)

    assert f"| `{CASE['name']}` | not supported: no auctions |" in table
    assert "| 1 cases | 0 pass, 0 fail, 1 not supported |" in table


def test_the_table_says_the_first_difference_and_counts(script):
    wrong = naive_conformance.play(CASE)
    wrong["fills"], wrong["position"] = [], 7
    verdicts = {"mmjit": {CASE["name"]: script.verdict(CASE, wrong)}}

    table = script.table([CASE], verdicts)

    assert "gets nothing, not" in table
    assert "position" not in table
    assert table.endswith("| 1 cases | 0 pass, 1 fail, 0 not supported |")


def test_mmjit_stands_beside_hftbacktest_where_both_are_asked_for(script):
    assert script.engines(None) == ["no-partial", "partial"]
    assert script.engines(["mmjit"]) == ["mmjit"]
    assert script.engines(["hftbacktest", "mmjit"]) == ["mmjit", "no-partial", "partial"]


def test_without_hftbacktest_it_says_how_to_get_it():
    result = run("--hftbacktest", sys.executable)

    if "| case |" in result.stdout:
        pytest.skip("hftbacktest is installed here")
    assert result.returncode == 1
    assert "No module named 'hftbacktest'" in result.stderr
    assert "pip install hftbacktest==2.4.4" in result.stderr


def test_a_name_that_no_case_has_is_refused():
    result = run("--case", "no-such-case")

    assert result.returncode == 1
    assert "no case is named no-such-case" in result.stderr


@pytest.mark.skipif("MMJIT_HFTBACKTEST" not in os.environ, reason="names a Python that has it")
def test_hftbacktest_gets_the_first_case_of_all_wrong():
    name = "bid-behind-five-l2"
    python = os.environ["MMJIT_HFTBACKTEST"]

    result = run("--hftbacktest", python, "--case", name, "--json")

    verdicts = json.loads(result.stdout)
    assert verdicts["no-partial"][name].startswith("A gets 10 at 100 as maker (t 40)")
    assert verdicts["partial"][name] == "position 2, not 10"
