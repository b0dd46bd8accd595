"""`depth` against a naive book, its shape, and its refusals."""

import numpy as np
import pytest

import mmjit
from mmjit import replaying
from mmjit.replaying import depth_dtype


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    return mmjit.simulate(
        "cst", tmp_path_factory.mktemp("depth") / "tape", symbols=2, events=4000, progress=False
    )


def naive_rows(tape, symbol, levels):
    """Every row, from a dict of orders."""
    orders, rows = {}, []
    for event in tape.events:
        if event["symbol"] != symbol:
            continue
        kind, key, qty = event["kind"], int(event["order_id"]), int(event["qty_lots"])
        if kind == mmjit.Kind.ADD:
            orders[key] = [int(event["side"]), int(event["price"]), qty]
        elif kind == mmjit.Kind.DELETE:
            del orders[key]
        else:
            orders[key][2] -= qty
            if orders[key][2] == 0:
                del orders[key]
        row = [int(event["venue_ns"])]
        for side in (0, 1):
            sums = {}
            for order_side, price, left in orders.values():
                if order_side == side:
                    sums[price] = sums.get(price, 0) + left
            best = sorted(sums, reverse=side == 0)[:levels]
            row += best + [0] * (levels - len(best))
            row += [sums[price] for price in best] + [0] * (levels - len(best))
        rows.append(row)
    return np.array(rows, np.int64)


@pytest.mark.parametrize("levels", [1, 3, 40])
def test_every_row_is_what_a_naive_book_shows(tape, levels):
    for number, name in enumerate(tape.symbols):
        rows = mmjit.depth(tape, symbol=name, levels=levels, progress=False)

        assert rows.dtype == depth_dtype(levels)
        assert np.array_equal(
            rows.view(np.int64).reshape(len(rows), -1), naive_rows(tape, number, levels)
        )


def test_a_file_holds_the_same_rows_and_opens_with_plain_numpy(tape, tmp_path):
    inside = mmjit.depth(tape, symbol="SIM1", levels=2, progress=False)

    mmjit.depth(tape.path, symbol="SIM1", levels=2, out=tmp_path / "d.npy", progress=False)

    assert np.array_equal(np.load(tmp_path / "d.npy"), inside)
    assert [p.name for p in tmp_path.iterdir()] == ["d.npy"]


def test_the_pieces_in_which_it_is_done_are_not_seen(tape, tmp_path, monkeypatch):
    whole = mmjit.depth(tape, symbol="SIM0", levels=4, progress=False)
    monkeypatch.setattr(replaying, "PIECE", 100)
    monkeypatch.setattr(replaying, "_BUFFER_BYTES", 1000)

    inside = mmjit.depth(tape, symbol="SIM0", levels=4, progress=False)
    from_file = mmjit.depth(tape, symbol="SIM0", levels=4, out=tmp_path / "d.npy", progress=False)

    assert np.array_equal(inside, whole)
    assert np.array_equal(from_file, whole)


def test_what_is_changed_in_a_mapped_file_stays_in_memory(tape, tmp_path):
    out = tmp_path / "d.npy"
    rows = mmjit.depth(tape, symbol="SIM0", levels=1, out=out, progress=False)
    before = out.read_bytes()

    rows["time_ns"] = 0

    assert out.read_bytes() == before


def test_a_symbol_without_events_makes_a_file_without_rows(tmp_path):
    tape = mmjit.simulate("cst", tmp_path / "tape", symbols=50, events=3, progress=False)
    name = tape.symbols[int(np.setdiff1d(np.arange(50), tape.events["symbol"])[0])]

    rows = mmjit.depth(tape, symbol=name, out=tmp_path / "d.npy", progress=False)

    assert rows.shape == np.load(tmp_path / "d.npy").shape == (0,)
    assert rows.dtype == depth_dtype(10)


def test_what_cannot_be_asked_for_is_refused_by_name(tape, tmp_path):
    with pytest.raises(mmjit.ArgumentError, match="has 2 symbols; say which"):
        mmjit.depth(tape, levels=2)
    with pytest.raises(mmjit.TapeError, match="symbol 'NOPE' is not on"):
        mmjit.depth(tape, symbol="NOPE", levels=2)
    for levels in (0, -1, 10_001, True, 1.5, "3"):
        with pytest.raises(mmjit.ArgumentError, match="levels"):
            mmjit.depth(tape, symbol="SIM0", levels=levels)
    with pytest.raises(mmjit.ArgumentError, match="is not a folder"):
        mmjit.depth(tape, symbol="SIM0", out=tmp_path / "no" / "d.npy")


@pytest.mark.data
@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "levels", "count"),
    [
        ("AMZN_2012-06-21_5", 5, 155_935),
        ("AMZN_2012-06-21_1", 1, 57_515),
        ("AAPL_2012-06-21_1", 1, 118_497),
    ],
)
def test_every_row_of_a_recorded_orderbook_file_is_reproduced(data, tmp_path, name, levels, count):
    import zipfile

    source = data / "lobster" / f"LOBSTER_SampleFile_{name}.zip"
    tape = mmjit.import_lobster(source, tmp_path / "tape", progress=False)

    rows = mmjit.depth(tape, levels=levels, progress=False)

    with zipfile.ZipFile(source) as archive:
        member = next(m for m in archive.namelist() if "_orderbook_" in m)
        with archive.open(member) as file:
            book = np.loadtxt(file, np.int64, delimiter=",", ndmin=2).reshape(-1, levels, 4)
    shown = ("ask_price", "ask_qty", "bid_price", "bid_qty")
    assert len(rows) == count
    for column, field in enumerate(shown):
        assert np.array_equal(rows[field], book[:, :, column])
    done = mmjit.replay(tape, progress=False)
    done.audit()
    assert done.anomalies == {}
