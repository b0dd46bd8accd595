"""Notebooks run from their first cell to their last, and are kept without outputs."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def cells_of(path):
    return json.loads(path.read_text())["cells"]


def test_there_is_a_notebook_to_begin_with():
    assert [path.name for path in NOTEBOOKS] == [
        *("avellaneda_stoikov.ipynb", "first_steps.ipynb", "from_hftbacktest.ipynb")
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_says_first_what_it_shows(path):
    cells = cells_of(path)

    assert cells[0]["cell_type"] == "markdown"
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.compiled
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(path, monkeypatch):
    monkeypatch.setenv("MMJIT_NOTEBOOK_PATHS", "2000")
    monkeypatch.setenv("MPLBACKEND", "agg")
    scope = {"__name__": "__main__"}

    for number, cell in enumerate(cells_of(path)):
        if cell["cell_type"] == "code":
            source = compile("".join(cell["source"]), f"<cell {number}>", "exec")
            exec(source, scope)

    if "result" in scope:
        assert scope["result"].summary()["orders"] > 0
    else:
        assert len(scope["table"]) == 6
