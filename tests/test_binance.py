"""The importer of Binance captures: what a tape holds, what is counted, and what is refused."""

import gzip
import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, Flag, Kind
from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, FeedError, TapeError
from mmjit.feeds import binance, binance_book, binance_capture
from mmjit.feeds.binance import import_binance
from mmjit.feeds.binance_book import Truth
from mmjit.feeds.binance_capture import Diff, Ticker, amount, epoch_ns
from mmjit.feeds.importing import in_time_order
from mmjit.replaying import depth, replay
from tests.binance_captures import (
    BEGUN,
    START_MS,
    diff,
    received_ns,
    snapshot,
    text_of,
    ticker,
    trade,
    write,
)

MS = 1_000_000


@pytest.fixture
def imported(tmp_path):
    """Import messages, or bytes, as files; keywords go to the importer."""

    def build(*parts, out="tape", name="capture", **options):
        received, paths = 0, []
        for number, part in enumerate(parts):
            data = part if isinstance(part, bytes) else text_of(part, received)
            received += data.count(b"\n")
            paths.append(write(tmp_path / f"{name}{number}", data))
        return import_binance(paths, tmp_path / out, **options)

    return build


def levels(events):
    """Side, price and quantity of each LEVEL."""
    set_levels = events[events["kind"] == Kind.LEVEL]
    return [(int(e["side"]), int(e["price"]), int(e["qty_lots"])) for e in set_levels]


def kinds(tape):
    return [Kind(kind).name for kind in tape.events["kind"]]


def source_of(tape):
    return tape.meta["import"]


# ---- what a tape holds ----------------------------------------------------------------------


def test_a_snapshot_and_a_diff_become_levels_with_both_times(imported):
    tape = imported(
        [
            snapshot(10, [("99.5", "1.5")], [("100.5", "2")]),
            diff(11, 12, [("99.5", "0"), ("99", "3.5")], [("101", "0.5")], at=7),
        ]
    )

    assert kinds(tape) == ["SNAPSHOT_BEGIN", "LEVEL", "LEVEL", "SNAPSHOT_END", *["LEVEL"] * 3]
    assert levels(tape.events) == [
        *((BID, 199, 3), (ASK, 201, 4)),
        *((BID, 199, 0), (BID, 198, 7), (ASK, 202, 1)),
    ]
    assert tape.instruments[0].price_unit == "0.5"
    assert tape.instruments[0].lot_size == "0.5"
    assert set(tape.events["venue_ns"].tolist()) == {(START_MS + 7) * MS}
    shift_ns = source_of(tape)["clock"]["local_shift_ns"]
    assert (tape.events["local_ns"][:4] - shift_ns).tolist() == [received_ns(0)] * 4
    assert (tape.events["local_ns"][4:] - shift_ns).tolist() == [received_ns(1)] * 3
    last = tape.events["flags"] & Flag.LAST != 0
    assert np.flatnonzero(last).tolist() == [3, 6]
    assert np.flatnonzero(tape.events["flags"] & Flag.SNAPSHOT).tolist() == [1, 2]


def test_a_trade_names_the_side_that_rested(imported):
    tape = imported(
        [*BEGUN, trade(7, "99.5", "1", maker_buys=True), trade(8, "100.5", "2", maker_buys=False)]
    )

    trades = tape.events[tape.events["kind"] == Kind.TRADE]
    assert trades["side"].tolist() == [BID, ASK]
    assert trades["other_id"].tolist() == [7, 8]
    assert trades["price"].tolist() == [199, 201]
    assert trades["qty_lots"].tolist() == [1, 2]
    assert (trades["flags"] == Flag.LAST).all()


def test_the_tape_is_in_the_order_of_the_venues_time(imported):
    tape = imported(
        [
            *BEGUN,
            diff(12, 12, [("98", "1")], at=3),
            trade(1, "99.5", "1", at=2),
            trade(2, "99.5", "1", at=4),
            diff(13, 13, [("97", "1")], at=4),
        ]
    )

    assert (np.diff(tape.events["venue_ns"]) >= 0).all()
    assert kinds(tape)[-4:] == ["TRADE", "LEVEL", "TRADE", "LEVEL"]
    assert (np.diff(tape.events["local_ns"][-4:]) > 0).tolist() == [False, True, True]


def test_what_a_snapshot_includes_is_dropped_and_what_came_before_it_is_applied(imported):
    tape = imported(
        [
            diff(1, 9, [("90", "9")], at=0),
            diff(10, 11, [("91", "9")], at=1),
            diff(12, 12, [("92", "9")], at=2),
            snapshot(10, [("99", "1")]),
            diff(13, 13, [("93", "9")], at=4),
        ]
    )

    assert [price for _, price, _ in levels(tape.events)] == [99, 91, 92, 93]
    assert source_of(tape)["skipped"] == {"diffs_in_snapshot": 1}
    known_ns = tape.events["local_ns"] - source_of(tape)["clock"]["local_shift_ns"]
    assert known_ns.tolist() == [received_ns(3)] * 5 + [received_ns(4)]


def test_a_snapshot_that_says_when_it_was_made_stands_there(imported):
    tape = imported(
        [
            diff(5, 9, previous=4, at=0),
            diff(10, 12, [("92", "9")], previous=9, at=8),
            snapshot(9, [("99", "1")], T=START_MS + 6, E=START_MS + 7),
        ]
    )

    assert tape.events["venue_ns"].tolist() == [(START_MS + 6) * MS] * 3 + [(START_MS + 8) * MS]


def test_futures_count_on_by_the_id_before(imported):
    tape = imported(
        [
            snapshot(100, [("99", "1")], T=START_MS),
            diff(90, 150, [("98", "1")], previous=80, at=1),
            diff(170, 180, [("97", "1")], previous=150, at=2),
            diff(182, 190, [("96", "1")], previous=180, at=3),
        ]
    )

    assert len(levels(tape.events)) == 4
    assert source_of(tape)["market"] == "usdm"
    assert tape.instruments[0].venue == "BINANCE-USDM"
    assert source_of(tape)["anomalies"] == {}


@pytest.mark.parametrize("previous", [None, 12], ids=["spot", "futures"])
def test_after_a_gap_there_is_no_book_until_a_snapshot_fits(imported, previous):
    first = None if previous is None else 10
    tape = imported(
        [
            snapshot(10, [("99", "1")], [("101", "1")]),
            diff(11, 11, [("98", "1")], previous=first, at=1),
            diff(13, 13, [("97", "1")], previous=previous, at=2),
            diff(14, 14, [("96", "1")], previous=previous and 13, at=3),
            snapshot(12, [("99", "2")]),
            snapshot(13, [("99", "3")]),
            diff(15, 15, [("95", "1")], previous=previous and 14, at=6),
        ]
    )

    assert kinds(tape) == [
        *("SNAPSHOT_BEGIN", "LEVEL", "LEVEL", "SNAPSHOT_END", "LEVEL", "GAP", "CLEAR"),
        *("SNAPSHOT_BEGIN", "LEVEL", "SNAPSHOT_END", "LEVEL", "LEVEL", "LEVEL"),
    ]
    assert levels(tape.events)[3:] == [(BID, 99, 2), (BID, 97, 1), (BID, 96, 1), (BID, 95, 1)]
    assert source_of(tape)["anomalies"] == {"gaps": 1}
    assert source_of(tape)["skipped"] == {"snapshots_not_needed": 1}
    assert replay(tape, progress=False).facts()["books"]["BTCUSDT"]["ask_levels"] == 0


def test_a_snapshot_that_came_before_its_gap_was_seen_is_used(imported):
    tape = imported(
        [
            *BEGUN,
            snapshot(20, [("98", "7")]),
            diff(21, 21, [("97", "1")], at=3),
        ]
    )

    assert levels(tape.events)[-2:] == [(BID, 196, 7), (BID, 194, 1)]
    assert source_of(tape)["anomalies"] == {"gaps": 1}


def test_a_snapshot_older_than_what_is_held_is_counted_and_another_awaited(imported):
    tape = imported(
        [
            diff(15, 15, [("90", "1")]),
            snapshot(10, [("99", "1")]),
            diff(16, 16, [("91", "1")], at=2),
            snapshot(15, [("99", "2")]),
        ]
    )

    assert levels(tape.events) == [(BID, 99, 2), (BID, 91, 1)]
    assert source_of(tape)["anomalies"] == {"snapshots_too_old": 1}


def test_diffs_wait_for_a_snapshot_in_bounded_memory(imported, monkeypatch):
    monkeypatch.setattr(binance_book, "WAITING_MAX", 2)
    waiting = [diff(n, n, [(str(n), "1")], at=n) for n in (1, 2, 3, 4)]

    tape = imported([*waiting, snapshot(2, [("9", "1")]), diff(5, 5, at=6)])

    assert [price for _, price, _ in levels(tape.events)] == [9, 3, 4]
    assert source_of(tape)["skipped"] == {"diffs_without_snapshot": 2}


def test_a_diff_that_was_recorded_twice_is_applied_once(imported):
    tape = imported([*BEGUN, BEGUN[1], diff(12, 12, [("98", "1")], at=2)])

    assert len(levels(tape.events)) == 4
    assert source_of(tape)["skipped"] == {"diffs_repeated": 1}


def test_files_that_continue_each_other_are_one_tape(imported):
    rest = [diff(12, 12, [("98", "1")], at=3), trade(1, "98", "1", at=4)]

    tape = imported(BEGUN, rest)
    whole = imported([*BEGUN, *rest], out="whole")

    assert np.array_equal(tape.events, whole.events)
    assert [file["name"] for file in source_of(tape)["files"]] == ["capture0", "capture1"]


def test_a_tape_that_sets_levels_says_how_many_prices_it_names(imported):
    tape = imported(
        [*BEGUN, diff(12, 12, [("98", "1")], [("98", "1")]), diff(13, 13, [("98", "2")])]
    )

    assert tape.level_prices == tape.meta["level_prices"] == 5
    replay(tape, progress=False).audit()


PRICES = st.integers(95, 105).map(lambda price: f"{price / 10:.1f}")
ROWS = st.lists(st.tuples(PRICES, st.sampled_from(["0", "0.25", "1", "2.5"])), max_size=4)


@given(st.lists(st.tuples(ROWS, ROWS), min_size=1, max_size=12))
def test_the_book_after_every_diff_is_that_of_a_dict(tmp_path_factory, sides):
    folder = tmp_path_factory.mktemp("binance")
    sides = [(dict(bids), dict(asks)) for bids, asks in sides]  # a diff names a price once
    messages = [snapshot(0, [("9.5", "1.25")], [("10.5", "1")])]
    messages += [
        diff(n, n, list(bids.items()), list(asks.items()), at=n)
        for n, (bids, asks) in enumerate(sides, 1)
    ]
    path = write(folder / "capture.gz", text_of(messages))

    tape = import_binance(path, folder / "tape", tick_size="0.1", lot_size="0.25", progress=False)

    books, expected = ({"9.5": "1.25"}, {"10.5": "1"}), []
    for bids, asks in ({}, {}), *sides:
        books[0].update(bids)
        books[1].update(asks)
        if bids or asks or not expected:
            expected.append([best_of(books[0], max), best_of(books[1], min)])
    rows = depth(tape, levels=1, progress=False)
    names = (("bid_price", "bid_qty"), ("ask_price", "ask_qty"))
    found = [[tuple(int(row[n][0]) for n in side) for side in names] for row in rows]
    assert found == expected


def best_of(book, better):
    there = {Decimal(price): Decimal(qty) for price, qty in book.items() if Decimal(qty)}
    if not there:
        return (0, 0)
    price = better(there)
    return int(price / Decimal("0.1")), int(there[price] / Decimal("0.25"))


# ---- clocks ---------------------------------------------------------------------------------


def clock_of(tape):
    clock = source_of(tape)["clock"]
    return clock["local_shift_ns"], clock["latency_min_ns"]


def test_a_receive_clock_that_could_be_right_is_left_alone(imported):
    tape = imported(BEGUN)

    assert clock_of(tape) == (0, 6 * MS)
    assert tape.events["local_ns"][-1] == received_ns(1)


def test_a_receive_clock_that_is_behind_is_moved_by_one_amount_which_is_named(imported):
    tape = imported([*BEGUN, diff(12, 12, [("98", "1")], at=1000)])

    assert clock_of(tape) == (993 * MS, 0)
    assert tape.events["local_ns"][-1] == tape.events["venue_ns"][-1]


def test_the_quickest_message_takes_the_base_latency_that_is_given(imported):
    tape = imported(BEGUN, base_latency_ns=250)

    assert clock_of(tape) == (250 - 6 * MS, 250)


def test_a_clock_that_is_out_by_more_than_a_day_is_no_clock(imported):
    with pytest.raises(FeedError, match="received 90,000 s before it was sent"):
        imported([*BEGUN, diff(12, 12, at=90_000_007)])


@pytest.mark.parametrize("base_latency_ns", [-1, 10**15, 1.5])
def test_a_base_latency_is_a_whole_number_of_at_most_a_day(imported, base_latency_ns):
    with pytest.raises(ArgumentError, match="base_latency_ns"):
        imported(BEGUN, base_latency_ns=base_latency_ns)


@pytest.mark.parametrize("unit_ns", [1, 1_000, 1_000_000])
def test_times_count_ms_us_or_ns_as_their_size_tells(unit_ns):
    assert epoch_ns(START_MS * MS // unit_ns) == START_MS * MS


@pytest.mark.parametrize(
    "count", [0, -1, 5, 10**14, 9 * 10**18, 10**19, True, "1723161255000", None, 1.7e12]
)
def test_what_is_no_time_is_refused(count):
    with pytest.raises(ValueError, match="not a time"):
        epoch_ns(count)


def test_times_that_run_backwards_are_taken_as_the_latest_and_counted(imported):
    lines = text_of([*BEGUN, diff(12, 12, [("98", "1")], at=9), diff(13, 13, [("97", "1")], at=8)])
    late, early = str(received_ns(3)).encode(), str(received_ns(0)).encode()

    tape = imported(lines.replace(late, early))

    assert tape.events["venue_ns"][-1] == (START_MS + 9) * MS
    assert tape.events["local_ns"][-1] == tape.events["local_ns"][-2]
    assert source_of(tape)["anomalies"] == {"time_reversed": 1, "local_time_reversed": 1}


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9))
def test_events_are_sorted_in_pieces_as_they_would_be_at_once(times, piece):
    events = np.zeros(len(times), EVENT)
    events["venue_ns"], events["order_id"] = times, range(len(times))

    found = [one for run in in_time_order(events, piece) for one in run["order_id"].tolist()]

    assert found == np.argsort(np.array(times, np.int64), kind="stable").tolist()


# ---- amounts --------------------------------------------------------------------------------


@given(st.decimals(min_value=0, max_value=10**9, places=8))
def test_an_amount_is_exact(number):
    assert amount(f"{number:f}") == int(number * 10**8)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a decimal number"),
        ("-1", "not a decimal number of at least 0"),
        ("1e5", "not a decimal number"),
        ("NaN", "not a decimal number"),
        ("1.2.3", "not a decimal number"),
        ("\u0661", "not a decimal number"),
        ("0.123456789", "more than 8 decimals"),
        ("46116860184.27387904", "is too large"),
        ("9" * 5000, "is too large"),
    ],
)
def test_what_is_no_amount_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        amount(text)


def test_the_largest_amount_and_zeros_behind_the_eighth_decimal_pass():
    assert amount("46116860184.27387903") == (1 << 62) - 1
    assert amount("0.1234567800000") == 12_345_678
    assert amount(".5") == amount("0.5") == 50_000_000


def test_sizes_that_are_given_are_the_units(imported):
    tape = imported(BEGUN, tick_size="0.01", lot_size="0.001")

    instrument = tape.instruments[0]
    assert (instrument.price_unit, instrument.lot_size) == ("0.01", "0.001")
    assert (instrument.increment, instrument.tick_table) == (1, ((0, 1),))
    assert levels(tape.events)[0] == (BID, 9950, 1000)
    assert source_of(tape)["inferred"] == {}


def test_sizes_that_are_inferred_are_said(imported):
    assert source_of(imported(BEGUN))["inferred"] == {"tick_size": "0.5", "lot_size": "1"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tick_size": "0.2"}, r"the price 99\.5 is no multiple of 0\.2; give another --tick-size"),
        ({"lot_size": "2"}, r"the quantity 1 is no multiple of 2; give another --lot-size"),
    ],
)
def test_a_price_off_the_increment_is_refused(imported, options, says):
    with pytest.raises(FeedError, match=says):
        imported(BEGUN, **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tick_size": "0"}, "tick_size: 0 is not above 0"),
        ({"lot_size": "x"}, "lot_size: 'x' is not a decimal number"),
    ],
)
def test_a_size_that_is_none_is_refused(imported, options, says):
    with pytest.raises(ArgumentError, match=says):
        imported(BEGUN, **options)


def test_a_currency_that_the_symbol_does_not_tell_must_be_given(imported):
    odd = [BEGUN[0], diff(11, 11, [("99", "3")], symbol="ABCXYZ")]

    with pytest.raises(ArgumentError, match="ABCXYZ does not end with a known currency"):
        imported(odd)
    assert imported(odd, currency="XYZ").instruments[0].currency == "XYZ"
    assert imported(BEGUN, out="other").instruments[0].currency == "USDT"


# ---- bookTicker -----------------------------------------------------------------------------


def test_the_book_is_held_to_the_last_ticker_at_or_before_it(imported):
    tape = imported(
        [
            *BEGUN,
            ticker(11, ("99.5", "1"), ("100.5", "2")),
            ticker(13, ("99.5", "1"), ("100.5", "1")),
            diff(12, 12, [("98", "1")], at=1),
            diff(13, 14, [], [("100.5", "1")], at=2),
            diff(15, 15, [("99.5", "2")], at=3),
        ]
    )

    assert source_of(tape)["book_ticker"] == {"tickers": 2, "compared": 4, "equal": 3}
    assert source_of(tape)["anomalies"] == {"ticker_differs": 1}


def test_a_crossed_book_is_counted(imported):
    tape = imported([*BEGUN, diff(12, 12, [("100.5", "1")], at=1), diff(13, 13, at=2)])

    assert source_of(tape)["anomalies"] == {"crossed": 2}


@given(st.data())
def test_books_are_compared_alike_however_late_their_tickers_come(data):
    count = data.draw(st.integers(1, 8))
    prices = data.draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    tickers = sorted(data.draw(st.sets(st.integers(0, count * 2))))
    said = [Ticker(u, data.draw(st.integers(1, 3)), 1, 0, 0) for u in tickers]
    books = [Diff(0, 2 * n + 1, 0, 0, 0, [(p, 1)], []) for n, p in enumerate(prices)]
    stream = data.draw(st.permutations([True] * len(books) + [False] * len(said)))

    truth, late, left = Truth(), iter(said), iter(books)
    for is_book in stream:
        truth.follow(next(left)) if is_book else truth.hear(next(late))
    truth.finish()

    before = [[t for t in said if t.update_id <= book.last_id] for book in books]
    best = [max(prices[: n + 1]) for n in range(count)]
    assert truth.compared == sum(bool(heard) for heard in before)
    assert truth.equal == sum(
        bool(heard) and heard[-1].bid_price == price
        for heard, price in zip(before, best, strict=True)
    )


# ---- what is passed over --------------------------------------------------------------------


def test_other_streams_are_passed_over_and_counted_by_name(imported):
    levels_of_20 = diff(99, 99, [("1", "1")])
    levels_of_20["stream"] = "btcusdt@depth20@100ms"
    others = [{"stream": "btcusdt@aggTrade", "data": {"e": "aggTrade"}}, {"result": None, "id": 1}]
    others += [{"stream": "!ticker@arr", "data": []}, {"stream": "x", "data": {}}]

    tape = imported([levels_of_20, *others, *BEGUN])

    assert len(levels(tape.events)) == 3
    assert source_of(tape)["skipped"] == {
        "other_stream": {"depth20": 1, "aggTrade": 1, "other": 2, "": 1},
    }
    assert tape.meta["messages"] == 7


def test_trades_beside_the_book_are_passed_over_and_counted(imported):
    beside = [trade(1, "0", "0", X="NA"), trade(2, "99", "1", X="INSURANCE_FUND")]

    tape = imported([*BEGUN, *beside, trade(3, "99", "1", X="MARKET")])

    assert tape.events["other_id"].tolist()[-1:] == [3]
    assert source_of(tape)["skipped"] == {"trade_off_book": {"NA": 1, "INSURANCE_FUND": 1}}


def test_amounts_without_quotes_are_as_exact(imported):
    bare = json.loads(json.dumps(BEGUN).replace('"99"', "99").replace('"99.5"', "99.5"))

    assert np.array_equal(imported(bare).events, imported(BEGUN, out="quoted").events)


def test_bare_streams_are_taken_as_wrapped_ones(imported):
    wrapped = [*BEGUN, trade(1, "99", "1"), ticker(11, ("99.5", "1"), ("100.5", "2"))]
    bare = [message.get("data", message) for message in wrapped]

    tape = imported(bare)

    assert np.array_equal(tape.events, imported(wrapped, out="wrapped").events)
    assert source_of(tape)["book_ticker"]["equal"] == 1


def test_a_line_that_is_cut_off_at_the_end_is_counted(imported):
    data = text_of(BEGUN)

    tape = imported(data + data.splitlines()[1][:90])

    assert source_of(tape)["leftover_bytes"] == 90
    assert tape.meta["messages"] == 2


def test_empty_lines_are_passed_over(imported):
    tape = imported(b"\n" + text_of(BEGUN) + b"\r\n\n")

    assert tape.meta["messages"] == 2


def test_a_line_without_end_is_refused(imported, monkeypatch):
    monkeypatch.setattr(binance_capture, "_LINE_BYTES_MAX", 1000)

    with pytest.raises(FeedError, match="capture0 has a line without end"):
        imported(b"1" * 2000)


def test_events_are_written_as_their_buffer_fills(imported, monkeypatch):
    rest = [diff(n, n, [(str(n), "1"), ("99", str(n))], at=n) for n in range(12, 20)]
    whole = imported([*BEGUN, *rest])
    monkeypatch.setattr(binance, "_BUFFERED", 1)

    assert np.array_equal(imported([*BEGUN, *rest], out="pieces").events, whole.events)


def test_a_last_line_without_its_end_is_read_if_it_is_whole(imported):
    tape = imported(text_of(BEGUN)[:-1])

    assert source_of(tape)["leftover_bytes"] == 0
    assert len(levels(tape.events)) == 3


def test_a_gzip_file_that_breaks_off_is_read_as_far_as_it_goes(imported):
    more = [diff(n, n, [(str(n), str(n * 7919 % 997))], at=n) for n in range(12, 400)]
    packed = gzip.compress(text_of([*BEGUN, *more]))

    tape = imported(packed[: len(packed) * 2 // 3])

    assert source_of(tape)["gzip_incomplete"]
    assert source_of(tape)["leftover_bytes"] > 0
    assert 10 < len(levels(tape.events)) < 390


# ---- what is refused ------------------------------------------------------------------------


def changed(message, **fields):
    return {"stream": message["stream"], "data": message["data"] | fields}


DIFF = diff(12, 12, [("98", "1")])
REFUSED = {
    "broken json": (b'1723161255000000000 {"stream":\n', "line 3: Expecting value"),
    "no object": (b"1723161255000000000 [1]\n", "line 3: the message is not a JSON object"),
    "no time": (b'{"stream":"x"}\n', "does not begin with a receive time"),
    "bad time": (b"17 {}\n", "17 is not a time in ms, us or ns"),
    "not text": (b"1723161255000000000 \xff\xfe\n", "line 3: 'utf-8' codec"),
    "deep": (b"1723161255000000000 " + b"[" * 100_000 + b"\n", "line 3: maximum recursion depth"),
    "other symbol": (diff(12, 12, symbol="ETHUSDT"), "the symbol is ETHUSDT, that of the capture"),
    "other market": (diff(12, 12, previous=11), "the diff is of usdm, the capture of spot"),
    "coin": (changed(DIFF, ps="BTCUSD"), "COIN-M contract, which is not supported"),
    "no symbol": (changed(DIFF, s=None), "the symbol is None"),
    "no field": ({"stream": "a@depth", "data": {"s": "BTCUSDT", "U": 1}}, "no field 'u'"),
    "backwards": (diff(13, 12), "the diff ends at update 12, before its begin 13"),
    "id a text": (changed(DIFF, u="12"), "u is '12', not an id"),
    "id below 0": (changed(DIFF, U=-1), "U is -1, not an id"),
    "event time": (changed(DIFF, E=12), "12 is not a time"),
    "no number": (changed(DIFF, b=[[None, "1"]]), "None is not a decimal number"),
    "price 0": (diff(12, 12, [("0", "1")]), "a price is zero"),
    "price below 0": (diff(12, 12, [("-1", "1")]), "'-1' is not a decimal number of at least 0"),
    "quantity": (diff(12, 12, [("98", "x")]), "'x' is not a decimal number"),
    "too large": (diff(12, 12, [("98", "9" * 30)]), "is too large"),
    "too fine": (diff(12, 12, [("98", "0.000000001")]), "has more than 8 decimals"),
    "no pair": (changed(DIFF, b=[["98"]]), "not enough values"),
    "no rows": (changed(DIFF, b=7), "not iterable"),
    "maker": (trade(1, "98", "1", m="yes"), "m is 'yes', neither true nor false"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_line_is_refused_by_name_and_leaves_nothing(case, imported, tmp_path):
    line, says = REFUSED[case]
    data = line if isinstance(line, bytes) else text_of([line], 2)

    with pytest.raises(FeedError, match=says) as refused:
        imported(text_of(BEGUN) + data)

    assert "capture0, line 3" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["capture0"]


@given(st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_capture_is_a_tape_or_refused_in_one_line(tmp_path_factory, damages):
    folder = tmp_path_factory.mktemp("binance")
    whole = text_of([*BEGUN, ticker(11, ("99.5", "1"), ("100.5", "2")), trade(1, "99", "1"), DIFF])
    for name, data in (("plain", whole), ("packed", gzip.compress(whole))):
        damaged = bytearray(data)
        for place, byte in damages:
            damaged[place % len(damaged)] = byte
        (folder / name).write_bytes(damaged)

        try:
            tape = import_binance(folder / name, folder / "tape", replace=True, progress=False)
            replay(tape, progress=False).audit()
            said = ""
        except (FeedError, ArgumentError) as error:
            said = str(error)
        assert "\n" not in said


def test_a_capture_without_a_snapshot_that_fits_is_refused(imported):
    with pytest.raises(FeedError, match="no snapshot fits the 2 diffs; give the file with the"):
        imported([diff(11, 11), snapshot(5), diff(12, 12)])


@pytest.mark.parametrize("messages", [[], [BEGUN[0]], [trade(1, "98", "1")]])
def test_a_capture_without_diffs_is_refused(imported, messages):
    with pytest.raises(FeedError, match="there is no diff of a book"):
        imported(messages)


def test_files_in_the_wrong_order_are_refused(imported):
    with pytest.raises(FeedError, match="capture1 begins before the file ahead of it ends"):
        imported(text_of([diff(12, 12)], 5), text_of(BEGUN))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FeedError, match="nowhere"):
        import_binance(tmp_path / "nowhere", tmp_path / "tape")
    with pytest.raises(ArgumentError, match="there is no file"):
        import_binance([], tmp_path / "tape")


def test_a_tape_that_is_there_stays_unless_it_is_to_be_replaced(imported):
    imported(BEGUN)

    with pytest.raises(TapeError, match="exists already"):
        imported(BEGUN)
    assert imported(BEGUN, replace=True).meta["events"] == 5


def test_the_command_says_what_was_inferred_and_checked(imported, tmp_path, capsys):
    from mmjit.cli import main

    source = write(tmp_path / "c.gz", text_of([*BEGUN, ticker(11, ("99.5", "1"), ("100.5", "2"))]))

    assert main(["import", "binance", str(source), "-o", str(tmp_path / "t")]) == 0
    shown = capsys.readouterr().out
    assert "inferred   tick_size 0.5, lot_size 1" in shown
    assert "truth      1 of 1 books equal bookTicker" in shown
    words = ["--tick-size", "0.1", "--lot-size", "1", "--currency", "USD", "--base-latency-ns", "5"]
    assert (
        main(["import", "binance", str(source), "-o", str(tmp_path / "u"), *words, "--json"]) == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert facts["import"]["clock"]["latency_min_ns"] == 5
