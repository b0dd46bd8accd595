"""The picture of a run: that there is one, with content, and where its P&L comes from."""

import struct
import sys

import numpy as np
import pytest

from mmjit import ArgumentError, Instrument
from mmjit.core.tables import FILL
from mmjit.picture import SAMPLE, captures_twice, draw, split

XYZ = Instrument(symbol="XYZ", price_unit="0.01")
BUY, SELL = 0, 1


def run_of(count=200):
    """A market that rises by a tick each second, a purchase and a sale in turn."""
    series = np.zeros(count, SAMPLE)
    series["time_ns"] = np.arange(count) * 10**9
    series["mid_twice"] = 20_000 + 2 * np.arange(count)
    for name, away in (("bid", -2), ("ask", 2)):
        series[name] = series["mid_twice"] // 2 + away
        series[f"{name}_lots"] = 100
    series["bid_lots"][50:60] = 0
    fills = np.zeros(count // 10, FILL)
    fills["venue_ns"] = 5 * 10**9 + 10**10 * np.arange(len(fills))
    fills["side"] = np.arange(len(fills)) % 2
    fills["qty_lots"] = 100
    fills["price"] = 10_000 + fills["venue_ns"] // 10**9 + np.where(fills["side"] == BUY, -3, 1)
    done = np.searchsorted(fills["venue_ns"], series["time_ns"], side="right")
    series["position_lots"] = 100 * (done % 2)
    series["fees_pico"] = done * 10**11
    series["gross_twice"] = 800 * done
    return series, fills


def png_size(path):
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


def test_a_run_is_drawn_as_a_png_that_shows_something(tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'mmjit[demo]'")
    from matplotlib.image import imread

    series, fills = run_of()
    split(series, fills, XYZ)
    path = draw(
        series, tmp_path / "run.png", instrument=XYZ, fills=fills, max_long=500, max_short=500
    )

    assert path == tmp_path / "run.png"
    assert png_size(path) == (1200, 1000)
    image = imread(path)[:, :, :3]
    for top, bottom in ((40, 480), (500, 670), (700, 950)):  # prices, position, P&L
        panel = image[top:bottom, 100:1000].reshape(-1, 3)
        inked = np.any(panel < 0.85, axis=1)  # neither paper nor grid
        assert 0.005 < inked.mean() < 0.5


def test_a_run_without_fills_and_limits_is_drawn_too(tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'mmjit[demo]'")
    series, _ = run_of(1)

    path = draw(series, str(tmp_path / "one.png"), instrument=XYZ, fills=np.zeros(0, FILL))

    assert png_size(path) == (1200, 1000)


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    series, fills = run_of()

    with pytest.raises(ArgumentError, match=r"pip install 'mmjit\[demo\]'"):
        draw(series, tmp_path / "run.png", instrument=XYZ, fills=fills)
    assert not (tmp_path / "run.png").exists()


def test_a_purchase_below_the_mid_and_a_sale_above_it_capture_the_spread():
    fills = np.zeros(3, FILL)
    fills["side"], fills["price"], fills["qty_lots"] = (BUY, SELL, SELL), (99, 102, 99), (10, 5, 1)

    captured = captures_twice(fills, np.array([200, 201, 200]), XYZ)

    assert captured.tolist() == [2 * 10, 3 * 5, -2]


def test_an_inverse_contract_captures_its_spread_in_its_own_currency():
    inverse = Instrument(symbol="XBT", price_unit="0.5", contract="inverse", currency="USD")
    fills = np.zeros(2, FILL)
    fills["side"], fills["price"], fills["qty_lots"] = (BUY, SELL), (20_000, 25_000), 10_000

    captured = captures_twice(fills, np.array([40_002, 49_998]), inverse)

    for found, near, far in zip(captured, (10_000, 12_499.5), (10_000.5, 12_500), strict=True):
        assert found == pytest.approx(2e12 * 10_000 * (1 / near - 1 / far), abs=2)


def test_what_is_captured_is_judged_by_the_mid_before_the_fill():
    series, fills = run_of()
    split(series, fills, XYZ)

    # The row before a fill is a tick lower than the one that stands at its time.
    each = np.where(fills["side"] == BUY, 2 * (-1 + 3), 2 * (1 + 1)) * 100
    assert series["capture_twice"][4] == 0
    assert series["capture_twice"][5] == each[0]
    assert series["capture_twice"][-1] == each.sum()
    assert np.all(np.diff(series["capture_twice"]) >= 0)


def test_what_cannot_be_drawn_is_refused_with_the_reason(tmp_path):
    series, fills = run_of()
    backwards = series[::-1].copy()

    for bad, why in (
        (series[:0], "no rows"),
        (backwards, "back in time"),
        (np.zeros(3), "not a one-dimensional array"),
    ):
        with pytest.raises(ArgumentError, match=why):
            draw(bad, tmp_path / "x.png", instrument=XYZ, fills=fills)
        with pytest.raises(ArgumentError, match=why):
            split(bad, fills, XYZ)
    with pytest.raises(ArgumentError, match="fills: rows go back"):
        split(series, fills[::-1].copy(), XYZ)
