"""hftbacktest itself reads what is exported: what its desk sees is the tape, at every step.

Run where both are installed; hftbacktest is not among the dependencies of the tests.
"""

import numpy as np
import pytest

from mmjit.core.codes import Kind
from mmjit.feeds.binance import import_binance
from mmjit.feeds.hftbacktest import import_hftbacktest
from mmjit.feeds.hftbacktest_export import export_hftbacktest
from mmjit.replaying import depth
from mmjit.simulating import simulate

hftbacktest = pytest.importorskip("hftbacktest", reason="needs hftbacktest beside mmjit")
validation = pytest.importorskip("hftbacktest.data.validation")

pytestmark = pytest.mark.compiled
STEPS = 2000


def look_at(hbt, step_ns, rows):
    """Note time, best ticks and best quantities after every step; returns how many there were."""
    count = 0
    while count < len(rows) and hbt.elapse(step_ns) == 0:
        book = hbt.depth(0)
        rows[count, 0] = hbt.current_timestamp
        rows[count, 1] = book.best_bid_tick
        rows[count, 2] = book.best_ask_tick
        rows[count, 3] = round(book.best_bid_qty / book.lot_size)
        rows[count, 4] = round(book.best_ask_qty / book.lot_size)
        count += 1
    return count


def seen_by_hftbacktest(path, tape, *, by_order):
    """What a desk of hftbacktest sees where both sides are there: int64[steps, 5]."""
    from numba import njit

    rows = np.load(path)["data"]
    validation.validate_event_order(rows)
    instrument = tape.instruments[0]
    asset = hftbacktest.BacktestAsset().data([str(path)]).linear_asset(1.0)
    asset = asset.constant_order_latency(0, 0).no_partial_fill_exchange()
    asset = asset.l3_fifo_queue_model() if by_order else asset.risk_adverse_queue_model()
    asset = asset.trading_value_fee_model(0, 0)
    asset = asset.tick_size(float(instrument.price_unit)).lot_size(float(instrument.lot_size))
    table = np.zeros((STEPS, 5), np.int64)
    hbt = hftbacktest.HashMapMarketDepthBacktest([asset])
    span_ns = int(rows["local_ts"].max() - rows["exch_ts"].min())
    count = njit(look_at)(hbt, span_ns // STEPS, table)
    hbt.close()
    table = table[:count]
    return table[(table[:, 3] > 0) & (table[:, 4] > 0)]


def on_tape(tape, times):
    """The same from the tape: the best levels of what was received by then."""
    received = tape.events[np.argsort(tape.events["local_ns"], kind="stable")]
    books, rows, place = ({}, {}), [], 0
    for time in times.tolist():
        while place < len(received) and received["local_ns"][place] <= time:
            event = received[place]
            if event["kind"] == Kind.LEVEL:
                books[event["side"]][int(event["price"])] = int(event["qty_lots"])
            place += 1
        sides = [{price: lots for price, lots in book.items() if lots} for book in books]
        best = max(sides[0]), min(sides[1])
        rows.append([time, *best, *(side[price] for side, price in zip(sides, best, strict=True))])
    return rows


@pytest.mark.data
@pytest.mark.parametrize("name", ["usdm_btcusdt_20240808", "spot_btcusdt_20240808"])
def test_a_desk_of_hftbacktest_sees_a_recorded_book_as_it_was_received(data, tmp_path, name):
    tape = import_binance(data / "crypto" / f"{name}.gz", tmp_path / "tape", progress=False)
    assert (np.diff(tape.events["local_ns"]) < 0).any()  # so that some rows stand there twice

    export_hftbacktest(tape, tmp_path / "out.npz")

    seen = seen_by_hftbacktest(tmp_path / "out.npz", tape, by_order=False)
    assert len(seen) > STEPS * 9 // 10
    assert seen.tolist() == on_tape(tape, seen[:, 0])


def test_an_exchange_of_hftbacktest_has_the_orders_of_the_tape(tmp_path):
    made = simulate("cst", tmp_path / "made", events=20_000, progress=False)
    export_hftbacktest(made, tmp_path / "out.npz")
    tape = import_hftbacktest(tmp_path / "out.npz", tmp_path / "tape", progress=False)

    seen = seen_by_hftbacktest(tmp_path / "out.npz", tape, by_order=True)

    rows = depth(made, levels=1, progress=False)
    at = np.searchsorted(rows["time_ns"], seen[:, 0], side="right") - 1
    names = ("bid_price", "ask_price", "bid_qty", "ask_qty")
    assert len(seen) > STEPS // 2
    for column, name in enumerate(names, 1):
        assert np.array_equal(seen[:, column], rows[name][at, 0])
