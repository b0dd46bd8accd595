"""The command line as scripts use it: keys, exit codes, one-line errors."""

import gc
import json
import shutil
import sys

import numpy as np
import pytest

import mmjit
from mmjit.__main__ import command
from mmjit.cli import main
from mmjit.core.jit import COMPILED

FIGURES = {
    *("pnl_net", "pnl_gross", "fees", "realised", "unrealised", "max_drawdown"),
    *("position", "fills", "filled_qty", "orders"),
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "tape"
    return str(mmjit.simulate("cst", path, symbols=2, events=3000, progress=False).path)


def run_json(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails(capsys, *words):
    """The one line that a command that cannot be done leaves on standard error."""
    try:
        code = main(list(words))
    except SystemExit as stop:  # of the parser
        code = stop.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_a_command_ends_without_looking_for_garbage(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mmjit", "--version"])
    threshold = gc.get_threshold()
    try:
        with pytest.raises(SystemExit):
            command()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
    assert capsys.readouterr().out == f"mmjit {mmjit.__version__}\n"


def test_info_has_the_keys_that_scripts_rely_on(capsys, tape):
    facts = run_json(capsys, "info", tape)

    assert facts["events"] == facts["messages"] == 3000
    assert facts["symbols"] == ["SIM0", "SIM1"]
    assert 0 < facts["first_time_ns"] <= facts["last_time_ns"]
    assert sum(facts["kinds"].values()) == 3000
    assert set(facts["kinds"]) <= {"add", "reduce", "delete", "execute"}


def test_replay_has_the_keys_that_scripts_rely_on(capsys, tape):
    facts = run_json(capsys, "replay", tape, "--audit")

    assert facts["events"] == facts["messages"] == 3000
    assert facts["unknown_ids"] == 0
    assert facts["anomalies"] == {}
    assert facts["resting_orders"] == sum(book["orders"] for book in facts["books"].values())
    assert facts["executed_lots"] > 0
    assert len(facts["state_hash"]) == 16
    assert facts["seconds"] > 0
    assert facts["ns_per_event"] > 0
    book = facts["books"]["SIM0"]
    assert book["bid_price"] < book["ask_price"]
    assert {"bid_qty", "ask_qty", "bid_levels", "ask_levels"} <= set(book)


def test_depth_says_rows_and_units(capsys, tape, tmp_path):
    out = tmp_path / "d.npy"
    facts = run_json(capsys, "depth", tape, "--symbol", "SIM1", "--levels", "3", "-o", str(out))

    rows = np.load(out)
    assert facts["rows"] == len(rows) > 0
    assert facts["price_unit"] == 1.0
    assert facts["lot_size"] == 1
    assert rows["bid_price"].shape == (len(rows), 3)


def test_backtest_has_the_keys_that_scripts_rely_on(capsys, tape, tmp_path):
    keys = {*FIGURES, "refused", "seconds", "ns_per_event"}
    out = str(tmp_path / "run")
    facts = run_json(
        capsys, "backtest", tape, "--max-long", "100", "--taker-fee", "0.001", "--out", out
    )

    for values in (facts, *facts["symbols"].values()):
        assert keys <= set(values)
        assert values["max_drawdown"] >= 0
        assert values["pnl_net"] == pytest.approx(values["pnl_gross"] - values["fees"])
        assert all(isinstance(count, int) for count in values["refused"].values())
    assert set(facts["symbols"]) == {"SIM0", "SIM1"}
    total = sum(part["refused"].get("max_long", 0) for part in facts["symbols"].values())
    assert facts["refused"].get("max_long", 0) == total


def test_a_books_missing_best_is_null(capsys, tmp_path):
    path = str(mmjit.simulate("cst", tmp_path / "t", events=1, progress=False).path)

    book = run_json(capsys, "replay", path)["books"]["SIM0"]

    assert [book["bid_price"], book["ask_price"]].count(None) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "nowhere"], "nowhere is not a tape"),
        (["replay", "nowhere"], "make one with mmjit import"),
        (["frob"], "invalid choice"),
        (["backtest"], "required: TAPE"),
        (["demo", "--events", "x"], "'x' is not a whole number"),
        (["import", "lobster", "nowhere.zip", "-o", "x"], "nowhere.zip"),
        (["import", "binance", "nowhere.gz", "-o", "x"], "nowhere.gz cannot be read"),
        (["import", "hftbacktest", "nowhere.npz", "-o", "x"], "nowhere.npz cannot be read"),
        (["export", "hftbacktest", "nowhere", "-o", "x.npz"], "nowhere is not a tape"),
        (["import", "itch50", "nowhere.gz", "-o", "x", "--date", "2020-01-02"], "nowhere.gz"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(capsys, words, said):
    assert said in fails(capsys, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", "nope"], "'nope' is neither one of pegged"),
        (["--param", "qty"], "'qty' is not NAME=VALUE"),
        (["--param", "size=1"], "has no parameter 'size'; it has: offset_ticks, qty_lots"),
        (["--param", "qty_lots=1.5"], "'1.5' is not a whole number"),
        (["--every", "often"], "'often' is not change, fill or an interval"),
        (["--maker-fee", "nan"], "maker_fee"),
        (["--taker-fee", "3"], "not between -1 and 1"),
        (["--max-position", "-1"], "max_position: -1"),
        (["--out", "."], "exists already"),
    ],
)
def test_a_backtest_that_cannot_be_run_says_why(capsys, tape, words, said):
    assert said in fails(capsys, "backtest", tape, *words)


def test_tables_are_for_people(capsys, tape):
    for words in (
        ["info", tape],
        ["replay", tape],
        ["backtest", tape],
        *([demo()] if COMPILED else []),  # what it costs is measured in many rounds
    ):
        assert main(words) == 0
        shown = capsys.readouterr().out
        assert "SIM0" in shown
        assert max(len(line) for line in shown.splitlines()) < 140


@pytest.mark.parametrize(
    "command",
    [
        *("", "create", "demo", "import", "import lobster", "import itch50", "info", "replay"),
        *("import binance", "import hftbacktest", "export", "export hftbacktest", "partition"),
        *("simulate", "limits", "fees", "backtest", "depth", "warm"),
    ],
)
def test_help_is_there_for_every_command(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])

    assert stop.value.code == 0
    assert "usage: mmjit" in capsys.readouterr().out


def test_a_failed_check_is_exit_code_1(capsys, tape, monkeypatch):
    from mmjit import replaying

    monkeypatch.setattr(replaying, "audit", lambda book, scratch: 2)

    assert main(["replay", tape, "--audit"]) == 1
    assert "audit: level_qty_wrong" in capsys.readouterr().err


def test_traceback_shows_where_an_error_came_from(tape):
    with pytest.raises(mmjit.StrategyError):
        main(["backtest", tape, "--strategy", "nope", "--traceback"])


def test_an_exponent_is_a_number_also_below_zero(capsys, tape):
    facts = run_json(capsys, "backtest", tape, "--maker-fee", "-2e-5")

    assert facts["fees"] <= 0


def test_depth_writes_no_device_no_link_and_nothing_into_a_tape(capsys, tape, tmp_path):
    link = tmp_path / "link.npy"
    link.symlink_to(tmp_path / "target.npy")

    for out in (str(link), str(tmp_path), f"{tape}/events.npy"):
        said = fails(capsys, "depth", tape, "--symbol", "SIM0", "-o", out)
        assert "choose another" in said
    assert link.is_symlink()
    assert run_json(capsys, "info", tape)["events"] == 3000


def demo(*words):
    return ["demo", "--events", "3000", "--no-picture", *words]


@pytest.mark.compiled
def test_demo_has_the_keys_that_scripts_rely_on(capsys):
    shown = run_json(capsys, *demo("--symbols", "2", "--maker-fee", "-0.0001"))

    parts = (*shown["symbols"].values(), *shown["currencies"].values())
    for values in (shown, *parts):
        assert set(values) >= FIGURES | {"trades"}
        assert values["pnl_net"] == pytest.approx(values["pnl_gross"] - values["fees"])
    assert set(shown["symbols"]) == {"SIM0", "SIM1"}
    assert shown["fills"] == sum(part["fills"] for part in shown["symbols"].values()) > 0
    assert shown["fees"] < 0
    assert shown["commands"] >= 2000
    assert len(shown["figures"]) == 4
    assert all(value > 0 for value in shown["figures"].values())


@pytest.mark.compiled
def test_the_same_seed_makes_the_same_demo(capsys):
    runs = [run_json(capsys, *demo("--seed", seed)) for seed in ("5", "5", "6")]
    for shown in runs:
        for name in ("seconds", "ns_per_command", "figures"):
            del shown[name]

    assert runs[0] == runs[1] != runs[2]


@pytest.mark.compiled
def test_demo_draws_a_picture_and_says_where(capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib: mmjit[demo]")
    path = tmp_path / "demo.png"

    assert main(["demo", "--events", "3000", "--picture", str(path)]) == 0

    assert f"picture: {path}" in capsys.readouterr().out
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.compiled
def test_demo_says_what_an_operation_costs_beside_what_was_promised(capsys):
    assert main(demo()) == 0

    shown = capsys.readouterr().out
    for name in ("an order", "a position update", "a pool operation", "operations a second"):
        assert name in shown
    assert "1.00 million" in shown


@pytest.mark.compiled
def test_demo_takes_limits_from_a_file(capsys, tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text('[symbols.default]\nmax_long = "1 lots"\nmax_short = "1 lots"\n')

    shown = run_json(capsys, *demo("--limits", str(file), "--param", "qty_lots=2"))

    assert shown["fills"] == 0
    assert {"max_long", "max_short"} == set(shown["refused"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "heston"], "'heston' is not known"),
        (["--symbols", "0"], "symbols"),
        (["--events", "0"], "events: 0 is not a whole number from 1"),
        (["--strategy", "none"], "none"),
        (["--param", "qty_lots"], "NAME=VALUE"),
        (["--param", "lots=1"], "lots"),
        (["--maker-fee", "x"], "maker_fee: 'x'"),
        (["--limits", "nowhere.toml"], "nowhere.toml"),
        (["--fees", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_demo_that_cannot_be_run_says_why(capsys, words, said):
    assert said in fails(capsys, "demo", "--no-picture", *words)


@pytest.mark.compiled
def test_a_picture_that_cannot_be_written_says_why(capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib: mmjit[demo]")
    nowhere = str(tmp_path / "none" / "demo.png")

    assert "--picture" in fails(capsys, "demo", "--events", "500", "--picture", nowhere)


@pytest.mark.parametrize(
    "damage",
    [
        {"events": "x"},
        {"order_slots": 10**15},
        {"window_levels": 10**30},
        {"first_time_ns": 10**30},
        {"instruments": []},
        {"kinds": None},
        {"import": None},
        {"events_digest": None},
        {"symbols": ["A"]},
    ],
)
@pytest.mark.parametrize("command", ["info", "replay", "backtest"])
def test_a_damaged_tape_json_is_refused_in_one_line(capsys, tape, tmp_path, command, damage):
    folder = tmp_path / "damaged"
    shutil.copytree(tape, folder)
    meta = json.loads((folder / "tape.json").read_text())
    (folder / "tape.json").write_text(json.dumps({**meta, **damage}))

    assert "tape.json is damaged" in fails(capsys, command, str(folder))


@pytest.mark.parametrize("key", ["price_unit", "lot_size", "multiplier", "increment", "tick_table"])
def test_a_damaged_instrument_is_refused_in_one_line(capsys, tape, tmp_path, key):
    folder = tmp_path / "damaged"
    shutil.copytree(tape, folder)
    meta = json.loads((folder / "tape.json").read_text())
    meta["instruments"][0][key] = "nan" if key != "tick_table" else []
    (folder / "tape.json").write_text(json.dumps(meta))

    assert "tape.json is damaged" in fails(capsys, "replay", str(folder))


@pytest.mark.parametrize("length", [0, 10, 200, 5000])
def test_truncated_events_are_refused_in_one_line(capsys, tape, tmp_path, length):
    folder = tmp_path / "short"
    shutil.copytree(tape, folder)
    data = (folder / "events.npy").read_bytes()
    (folder / "events.npy").write_bytes(data[:length])

    assert "import it again" in fails(capsys, "replay", str(folder))


@pytest.mark.parametrize("place", [4, 8, 9, 20, 60])
def test_events_with_a_damaged_head_are_refused_in_one_line(capsys, tape, tmp_path, place):
    folder = tmp_path / "damaged"
    shutil.copytree(tape, folder)
    data = bytearray((folder / "events.npy").read_bytes())
    data[place] = ord("(")
    (folder / "events.npy").write_bytes(data)

    assert "import it again" in fails(capsys, "replay", str(folder))
