"""Mistakes in a strategy file: the user's line, and what to write instead."""

import subprocess
import sys
from typing import Any

import pytest

import mmjit
from mmjit.cli import main
from mmjit.core.jit import COMPILED
from mmjit.errors import StrategyError
from mmjit.rule_pages import page_of
from mmjit.rulebook import SHIPPED, find_rule

HEAD = """import numpy as np
from mmjit import ASK, BID, best, is_two_sided, mid_twice, parameters, strategy, verb, want

@verb
def deep(desk):
    return {verb}

@strategy(params=parameters(offset=1, qty_lots=10))
def mine({given}):
    if is_two_sided(desk):
        {line}
"""
GIVEN = "desk, params, memory, quotes"
CASES = {
    "want(quotes, BID, 0, mid_twice(desk) / 2, 1)": "is a float; wants are whole price units",
    'want(quotes, BID, 0, 5, params["quantity"])': "params has no 'quantity'; it has offset, qty_",
    'want(quotes, BID, 0, 5, params["qty_lot"])': "did you mean 'qty_lots'?",
    'memory["seen"] = 1': 'none is declared; declare it: memory=[("seen", "i8")]',
    "x = besst(desk, BID)": "the name 'besst' is not defined; did you mean 'best'?",
    "want(quotes, BID, 5, 1)": "want takes (quotes, side, level, price, qty_lots)",
    "want(quotes, BID, 0, desk.bid, 1)": "Desk has no 'bid'; a desk is asked with best(desk, BID)",
    "x = [1, 2]": "it makes a list, an array or a string",
    "x = {}": "it makes a dictionary; keep what it knows in the fields of its memory",
    "x = np.zeros(5)": "it makes a list, an array or a string",
    "x = 1 + 'a'": "there is no such operation on these types",
    "yield 1": "it yields; it is called once a decision",
    'print("hello")': "it calls print, which a compiled rule cannot",
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    out = tmp_path_factory.mktemp("flow") / "tape"
    return str(mmjit.simulate("cst", out, events=300, progress=False).path)


def told(tmp_path: Any, tape: str, **parts: str) -> str:
    """What is said of a rule with a mistake."""
    text = HEAD.format(**{"verb": 1, "given": GIVEN, "line": "pass", **parts})
    (tmp_path / "rule.py").write_text(text)
    with pytest.raises(StrategyError) as error:
        mmjit.backtest(tape, strategy=f"{tmp_path}/rule.py:mine", progress=False)
    return str(error.value)


compiled_only = pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off")


@compiled_only
@pytest.mark.compiled
@pytest.mark.parametrize("line", CASES)
def test_a_mistake_is_told_with_its_line_and_what_to_write(tmp_path, tape, line):
    text = told(tmp_path, tape, line=line)

    assert "rule mine does not compile: rule.py, line 11:\n" in text
    assert f"\n    {line}\n" in text
    assert CASES[line] in text
    assert text.count("\n") <= 2


@compiled_only
@pytest.mark.compiled
def test_a_mistake_in_a_verb_of_a_rule_is_told_where_it_stands(tmp_path, tape):
    text = told(tmp_path, tape, verb="desk.nothing + 1", line="x = deep(desk)")

    assert "rule.py, line 6:\n    return desk.nothing + 1\nDesk has no 'nothing'" in text


@compiled_only
@pytest.mark.compiled
def test_a_rule_of_another_signature_is_told_the_one_it_should_have(tmp_path, tape):
    text = told(tmp_path, tape, given="desk, params, quotes")

    assert "line 9:\n    def mine(desk, params, quotes):\nit takes (desk, params, quotes)" in text
    assert "a rule takes (desk, params, memory, quotes)" in text


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path, tape):
    text = told(tmp_path, tape, line="x = = 1")

    assert "rule.py, line 11:\n    x = = 1\ninvalid syntax" in text


@compiled_only
@pytest.mark.compiled
def test_the_command_shows_the_line_too(tmp_path, tape, capsys):
    line = "x = besst(desk, BID)"
    (tmp_path / "rule.py").write_text(HEAD.format(verb=1, given=GIVEN, line=line))

    assert main(["backtest", tape, "--strategy", f"{tmp_path}/rule.py:mine"]) == 2

    shown = capsys.readouterr().err
    assert f"\n    {line}\n" in shown
    assert shown.count("\n") == 3


# ---- the commands -----------------------------------------------------------------------------


def test_every_rule_is_listed_with_what_it_wants(capsys):
    assert main(["strategies"]) == 0

    lines = capsys.readouterr().out.splitlines()
    for name in SHIPPED:
        assert any(line.startswith(f"{name} ") and "Want" in line for line in lines)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_parameter_of_a_rule_that_comes_with_mmjit_says_what_it_is(name):
    page = page_of(find_rule(name))

    assert page.text
    for one in page.parameters:
        assert one.meaning or one.name in ("qty_lots", "position_full_lots"), one


def test_a_rule_is_explained_with_its_parameters(capsys):
    assert main(["strategies", "glft"]) == 0

    shown = capsys.readouterr().out
    assert "(GLFT 2013)" in shown
    assert "risk aversion, per tick and `qty_lots`" in shown
    (line,) = [one for one in shown.splitlines() if one.startswith("fill_rate")]
    assert line.split()[1] == "0.9"


def test_a_new_strategy_runs_as_it_is_and_replaces_nothing(tmp_path, tape, capsys):
    file = tmp_path / "maker.py"

    assert main(["new-strategy", str(file)]) == 0
    assert main(["backtest", tape, "--strategy", f"{file}:maker", "--every", "1s"]) == 0
    assert main(["strategies", f"{file}:maker"]) == 0
    assert "of each quote, lots" in capsys.readouterr().out
    assert main(["new-strategy", str(file)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["new-strategy", str(tmp_path / "no-name.py")]) == 2


def test_the_only_rule_of_a_file_needs_no_name(tmp_path, capsys):
    assert main(["new-strategy", str(tmp_path / "maker.py")]) == 0
    assert find_rule(str(tmp_path / "maker.py")).name == "maker"
    two = (tmp_path / "maker.py").read_text().replace("def maker(", "def other(")
    (tmp_path / "maker.py").write_text((tmp_path / "maker.py").read_text() + two)

    with pytest.raises(StrategyError, match=r"several or none \(maker, other\); give FILE.py:FUNC"):
        find_rule(str(tmp_path / "maker.py"))


PRINTING = """
from mmjit import BID, best, is_two_sided, strategy, want

@strategy()
def mine(desk, params, memory, quotes):
    if is_two_sided(desk):
        {print}
        want(quotes, BID, 0, best(desk, BID), 1)
"""


@pytest.mark.compiled
def test_a_rule_runs_uncompiled_with_prints_and_the_same_fills(tmp_path, tape):
    runs = {}
    for name, line in (("plain", "print('seen', best(desk, BID))"), ("compiled", "pass")):
        (tmp_path / f"{name}.py").write_text(PRINTING.format(print=line))
        out = tmp_path / name
        command = ["backtest", tape, "--strategy", f"{tmp_path}/{name}.py:mine", "--out", str(out)]
        command += ["--debug"] if name == "plain" else []
        done = subprocess.run(
            [sys.executable, "-m", "mmjit", *command], capture_output=True, text=True, check=True
        )
        runs[name] = done.stdout, (out / "orders.npy").read_bytes()

    assert runs["plain"][0].count("seen ") > 10
    assert "seen" not in runs["compiled"][0]
    assert runs["plain"][1] == runs["compiled"][1]
