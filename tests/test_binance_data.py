"""Recorded Binance streams: the book is what the venue itself says is best, after every diff."""

import gzip
import json
from decimal import Decimal

import numpy as np
import pytest

from mmjit.core.codes import Flag, Kind
from mmjit.feeds.binance import import_binance
from mmjit.replaying import depth, replay

pytestmark = [pytest.mark.data, pytest.mark.compiled]

FIELDS = (("bid_price", "bid_qty"), ("ask_price", "ask_qty"))
# Captures, and how many diffs there are behind the snapshot: every one has a ticker to be held to.
CAPTURES = [
    (("usdm_btcusdt_20240808",), 6547),
    (("usdm_ethusdt_20240808",), 6580),
    (("spot_btcusdt_20240808",), 3449),
    (("spot_btcusdt_20240808", "spot_btcusdt_20240809"), 6493),
]
# Two diffs of the second day of spot end within a match of which bookTicker tells the outcome only.
WITHIN_A_MATCH = {50093478174, 50093480542}


def paths_of(data, names):
    return [data / "crypto" / f"{name}.gz" for name in names]


def read(paths):
    """Update ids of the diffs behind the snapshot and the tickers by id, as plain as can be."""
    ends, tickers, included = [], {}, None
    for path in paths:
        for line in gzip.decompress(path.read_bytes()).splitlines():
            message = json.loads(line.split(b" ", 1)[1])
            if "lastUpdateId" in message:
                included = message["lastUpdateId"]
            elif "depth" in message["stream"]:
                ends.append(message["data"]["u"])
            elif "bookTicker" in message["stream"]:
                tickers[message["data"]["u"]] = [message["data"][name] for name in "bBaA"]
    return [end for end in ends if end > included], tickers


def best_rows(tape):
    """Best prices and quantities after every diff, as decimal numbers."""
    instrument = tape.instruments[0]
    units = [Decimal(instrument.price_unit), Decimal(instrument.lot_size)] * 2
    last = tape.events[tape.events["flags"] & Flag.LAST != 0]
    rows = depth(tape, levels=1, progress=False)[last["kind"] == Kind.LEVEL]
    columns = [rows[name][:, 0].tolist() for side in FIELDS for name in side]
    return [[n * u for n, u in zip(row, units, strict=True)] for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(("names", "count"), CAPTURES, ids=lambda value: str(value))
def test_best_prices_and_quantities_equal_the_ticker_after_every_diff(data, tmp_path, names, count):
    paths = paths_of(data, names)

    tape = import_binance(paths, tmp_path / "tape", progress=False)

    ends, tickers = read(paths)
    rows = best_rows(tape)
    assert len(rows) == len(ends) == count
    heard = np.array(list(tickers))
    places = np.searchsorted(heard, ends, side="right") - 1
    assert (places >= 0).all()
    wrong = {
        end
        for end, row, place in zip(ends, rows, places, strict=True)
        if row != [Decimal(text) for text in tickers[int(heard[place])]]
    }
    assert wrong == (WITHIN_A_MATCH if len(names) == 2 else set())
    said = tape.meta["import"]["book_ticker"]
    assert (said["compared"], said["equal"]) == (count, count - len(wrong))


@pytest.mark.parametrize(("names", "count"), CAPTURES, ids=lambda value: str(value))
def test_a_recorded_book_has_no_gap_and_is_never_crossed(data, tmp_path, names, count):
    tape = import_binance(paths_of(data, names), tmp_path / "tape", progress=False)

    source = tape.meta["import"]
    assert source["anomalies"].keys() <= {"ticker_differs"}
    assert source["skipped"].keys() == {"diffs_in_snapshot"}
    assert source["diffs"] == count
    replayed = replay(tape, progress=False)
    replayed.audit()
    assert replayed.anomalies == {}


def test_the_receive_times_are_those_of_the_recording(data, tmp_path):
    path = paths_of(data, ("spot_btcusdt_20240808",))[0]

    tape = import_binance(path, tmp_path / "tape", progress=False)

    clock = tape.meta["import"]["clock"]
    trades = tape.events[tape.events["kind"] == Kind.TRADE]
    received = {}
    for line in gzip.decompress(path.read_bytes()).splitlines():
        local_ns, text = line.split(b" ", 1)
        if b"@trade" in text:
            received[json.loads(text)["data"]["t"]] = int(local_ns)
    found = (trades["local_ns"] - clock["local_shift_ns"]).tolist()
    assert found == [received[number] for number in trades["other_id"].tolist()]
    assert clock["local_shift_ns"] > 1_000_000_000  # this recorder's clock was behind
    assert (tape.events["local_ns"] >= tape.events["venue_ns"]).all()
    assert 0 == clock["latency_min_ns"] < clock["latency_median_ns"] < 10_000_000
