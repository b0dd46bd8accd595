"""`mmjit fills`: what a run wrote, read back, printed and exported."""

import csv
import io
import json
import shutil
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

import mmjit
from mmjit import run_rows
from mmjit.cli import main
from mmjit.core.tables import FILL_LINE, STEP

ROW_NAMES = [column.name for column in run_rows.ORDER_COLUMNS]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run in a folder, and the same result in memory."""
    top = tmp_path_factory.mktemp("fills")
    tape = mmjit.simulate("cst", top / "tape", symbols=2, events=20_000, progress=False)
    given = {"params": {"qty_lots": 1}, "every": "1s", "maker_fee": "-0.00002"}
    return top / "run", mmjit.backtest(tape, out=top / "run", progress=False, **given)


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "run")


def printed(capsys, *words):
    assert main(["fills", *map(str, words)]) == 0
    return capsys.readouterr().out


def refused(capsys, *words):
    assert main(["fills", *map(str, words)]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    return shown.err


def ns_of(text):
    seconds, fraction = text.removesuffix("Z").split(".")
    return int(datetime.fromisoformat(seconds + "+00:00").timestamp()) * 10**9 + int(fraction)


def test_a_run_that_is_read_back_is_what_the_backtest_returned(made):
    folder, result = made
    run = mmjit.read_run(folder)

    assert (run.fills.dtype, run.orders.dtype) == (FILL_LINE, STEP)
    assert run.fills.tobytes() == result.fills.tobytes()
    assert run.orders.tobytes() == result.steps.tobytes()
    assert run.instruments == tuple(result.tape.instruments)
    assert run.info["strategy"] == "pegged"


def test_the_csv_of_fills_read_back_equals_the_array(capsys, made):
    run = mmjit.read_run(made[0])
    rows = list(csv.DictReader(io.StringIO(printed(capsys, made[0], "--csv", "-"))))

    assert len(rows) == len(run.fills) > 50
    for row, line in zip(rows, run.fills, strict=True):
        instrument = run.instruments[line["symbol"]]
        assert row["symbol"] == instrument.symbol
        assert ns_of(row["venue_time"]) == line["venue_ns"]
        assert ns_of(row["local_time"]) == line["local_ns"]
        assert instrument.price(row["price"]) == line["price"]
        for name, field in (
            ("qty", "qty_lots"),
            ("position", "position_lots"),
            ("entry_ahead", "entry_ahead_lots"),
            ("ahead", "ahead_lots"),
        ):
            assert instrument.lots(row[name]) == line[field]
        assert Decimal(row["fee"]) * 10**12 == int(line["fee_pico"])
        assert (row["side"], row["liquidity"]) == (
            ("buy", "sell")[line["side"]],
            ("taker", "maker")[line["maker"]],
        )
        assert (int(row["order_id"]), int(row["event"])) == (line["order_id"], line["event"])
        mid = Decimal(row["mid"] or 0)
        assert mid * 2 / Decimal(instrument.price_unit) == int(line["mid_twice"])
        if row["mid"]:
            better = mid - Decimal(row["price"])
            assert Decimal(row["edge"]) == (better if row["side"] == "buy" else -better)


def test_the_csv_of_orders_read_back_equals_the_array(capsys, made, tmp_path):
    run = mmjit.read_run(made[0])
    printed(capsys, made[0], "--orders", "--csv", tmp_path / "o.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text())))

    assert len(rows) == len(run.orders)
    for row, line in zip(rows, run.orders, strict=True):
        instrument = run.instruments[line["symbol"]]
        for name in ("sent", "venue", "local"):
            assert ns_of(row[f"{name}_time"]) == line[f"{name}_ns"]
        assert mmjit.Kind[row["step"].upper()] == line["kind"]
        assert (mmjit.Status[row["status"].upper()] if row["status"] else 0) == line["status"]
        assert instrument.price(row["price"]) == line["price"]
        assert instrument.lots(row["qty"]) == line["qty_lots"]
        assert instrument.lots(row["left"]) == line["left_lots"]
        assert instrument.lots(row["ahead"] or 0) == line["ahead_lots"]


def test_the_totals_are_those_of_the_backtest(capsys, made):
    summary = made[1].summary()
    shown = json.loads(printed(capsys, made[0], "--json", "--limit", "3"))
    ((currency, total),) = shown["totals"].items()

    assert shown["count"] == total["fills"] == summary["fills"]
    assert len(shown["rows"]) == 3
    assert total["volume"] == summary["filled_qty"]
    assert total["fees"] == pytest.approx(summary["fees"])
    assert currency in summary["currencies"]
    fills = made[1].fills
    edge = (fills["mid_twice"] / 2 - fills["price"]) * np.where(fills["side"] == 0, 1, -1)
    seen = fills["mid_twice"] != 0
    unit = float(made[1].tape.instruments[0].price_unit)
    expected = np.average(edge[seen], weights=fills["qty_lots"][seen]) * unit
    assert total["edge"] == pytest.approx(expected)


def test_a_table_has_its_rows_and_says_how_many_more_there_are(capsys, made):
    text = printed(capsys, made[0], "--symbol", "SIM1", "--limit", "2")

    count = int(np.count_nonzero(made[1].fills["symbol"] == 1))
    assert f"... and {count - 2:,} more" in text
    assert f"{count:,} fills, 100.0% maker" in text
    assert "SIM0" not in text


def test_parquet_holds_the_same_values(capsys, made, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: mmjit[parquet]")
    printed(capsys, made[0], "--parquet", tmp_path / "f.parquet")
    table = parquet.read_table(tmp_path / "f.parquet")

    fills = made[1].fills
    assert table.column("venue_time").cast("int64").to_pylist() == fills["venue_ns"].tolist()
    fees = [int(fee * 10**12) for fee in table.column("fee").to_pylist()]
    assert fees == fills["fee_pico"].tolist()


def test_without_pyarrow_parquet_is_refused_by_name(capsys, made, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    said = refused(capsys, made[0], "--parquet", tmp_path / "f.parquet")

    assert "pip install mmjit[parquet]" in said


def test_a_file_that_is_there_is_kept_without_replace(capsys, made, tmp_path):
    out = tmp_path / "f.csv"
    out.write_text("mine")

    assert "--replace" in refused(capsys, made[0], "--csv", out)
    assert out.read_text() == "mine"
    printed(capsys, made[0], "--csv", out, "--replace")
    assert out.read_text().startswith("venue_time,")


def test_no_file_of_the_run_is_ever_replaced(capsys, copy):
    said = refused(capsys, copy, "--csv", copy / "fills.npy", "--replace")

    assert "part of the run" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", None, "is not a run"),
        ("run.json", b"{", "cannot be read"),
        ("run.json", b"{}", "does not describe a backtest"),
        ("run.json", b'{"format": "mmjit-backtest", "version": 1}', "lacks 'instruments'"),
        ("run.json", b'{"format": "mmjit-backtest", "version": 9}', "version 9"),
        ("fills.npy", None, "fills.npy is missing"),
        ("orders.npy", b"not numpy", "orders.npy cannot be read"),
    ],
)
def test_a_damaged_run_is_refused_by_name(capsys, copy, name, content, said):
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)

    assert said in refused(capsys, copy)


def test_foreign_records_and_unknown_names_are_refused(capsys, copy):
    assert "has no symbol 'X'; it has: SIM0, SIM1" in refused(capsys, copy, "--symbol", "X")
    assert "is not a run" in refused(capsys, copy / "nowhere")
    assert "--limit -1" in refused(capsys, copy, "--limit", "-1")
    np.save(copy / "fills.npy", np.zeros(3))
    assert "holds no records" in refused(capsys, copy)


@pytest.mark.parametrize("name", ["kind", "status"])
def test_a_step_of_no_known_kind_is_refused(capsys, copy, name):
    lines = np.load(copy / "orders.npy")
    lines[name][3] = 99
    np.save(copy / "orders.npy", lines)

    assert f"a {name} that is none" in refused(capsys, copy)


def test_a_market_order_has_no_price_and_a_refused_one_its_status(made):
    tape = mmjit.open_tape(made[0].parent / "tape")
    run = mmjit.start_backtest(tape, latency=mmjit.Latency(feed="1ms", entry="2ms", response="3ms"))
    run.advance(event=500).submit(mmjit.BID, None, 2)
    with pytest.raises(mmjit.RefusedError):
        run.submit(mmjit.BID, -5, 1)
    result = run.advance().finish()
    folder = mmjit.RunFolder(made[0], result.fills, result.steps, {}, tape.instruments)

    rows = [dict(zip(ROW_NAMES, row, strict=True)) for row in run_rows.order_rows(folder)]

    assert [row["step"] for row in rows][:3] == ["reject", "new", "fill"]
    assert rows[0]["status"] == "price_out_of_range"
    assert rows[1]["price"] is None
    assert rows[1]["venue_time"] - rows[1]["sent_time"] == 2_000_000
    assert rows[1]["local_time"] - rows[1]["venue_time"] == 3_000_000
