"""README.md tells the truth: its lists are those of the code, and its Python runs."""

import os
import re
from pathlib import Path

import pytest

import mmjit
from mmjit.core.codes import Status
from mmjit.errors import RULES

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def test_every_status_stands_in_the_readme_with_its_sentence():
    for status in Status:
        if status != Status.OK:
            assert f"| `{status.name.lower()}` | {RULES[status]} |" in README


@pytest.mark.compiled
def test_the_python_of_the_tour_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    rule = next(block for block in blocks if "def joiner" in block)
    (tmp_path / "rule.py").write_text(rule)
    scope: dict[str, object] = {}

    for block in blocks:
        if block is not rule:
            exec(block, scope)

    assert scope["market"].money.best(1) == (100.1, 200, 1)
    assert (scope["spread"] > 0).all()


def test_the_limits_of_the_tour_are_read(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / "limits.toml").write_text(block)

    assert "max_position" in mmjit.read_limits(tmp_path / "limits.toml").table()


@pytest.mark.compiled
def test_the_shell_of_the_tour_runs(tmp_path, monkeypatch, capsys):
    from mmjit.cli import main

    monkeypatch.chdir(tmp_path)
    rule = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "def joiner" in b)
    (tmp_path / "rule.py").write_text(rule)
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)).replace("\\\n", " ")
    ran = 0
    for line in shell.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] != ["mmjit"] or words[1] == "import":
            continue
        assert main(words[1:]) == 0, line
        ran += 1
    assert ran >= 6
    assert os.path.exists("run/run.json")
