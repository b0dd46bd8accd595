"""LOBSTER recordings become tapes."""

import json
import random
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TradingStatus
from mmjit.feeds import lobster, lobster_files
from mmjit.feeds.lobster import import_lobster
from tests.lobster_market import commands, recorded, write_messages, write_pair, write_zip
from tests.naive_tape import naive_books, naive_table

MIDNIGHT_NS = 1_340_251_200 * 10**9  # 2012-06-21 in New York, four hours behind
ABSENT_LEVEL = "9999999999,0,-9999999999,0"
SYNTHETIC, LAST = int(Flag.SYNTHETIC), int(Flag.LAST)

levels_shown = st.integers(1, 5)


def told(tape: Any) -> list[tuple[Any, ...]]:
    """Kind, id, side, price, quantity and flags of every event."""
    names = ("kind", "order_id", "side", "price", "qty_lots", "flags")
    return [(Kind(e["kind"]), *(int(e[n]) for n in names[1:])) for e in tape.events]


def one(tape: Any) -> Any:
    """The only event of a tape."""
    assert len(tape.events) == 1
    return tape.events[0]


def source_of(tape: Any) -> dict[str, Any]:
    return tape.meta["import"]


# ---- inside a window ------------------------------------------------------------------------


@given(levels_shown, commands, commands)
def test_every_row_of_a_window_is_reproduced(tmp_path_factory, levels, before, during):
    market = recorded(levels, before, during)
    assume(market.messages)
    folder = tmp_path_factory.mktemp("lobster")
    pair = write_pair(folder, market.messages, market.book_lines(), levels)

    tape = import_lobster(pair, folder / "tape")

    assert np.array_equal(naive_table(tape.events, 0, levels), market.truth())
    assert tape.meta["messages"] == source_of(tape)["rows"] == len(market.messages)
    assert source_of(tape)["anomalies"] == {}
    assert naive_books(tape.events)[0].counts == {}
    inferred = np.count_nonzero(tape.events["flags"] & Flag.SYNTHETIC)
    assert sum(source_of(tape)["synthetic"].values()) == inferred


@given(levels_shown, commands, commands, st.integers())
def test_no_cell_but_the_first_row_and_revealed_levels_has_an_influence(
    tmp_path_factory, levels, before, during, seed
):
    market = recorded(levels, before, during)
    assume(market.messages)
    folder = tmp_path_factory.mktemp("lobster")
    spoilt = market.book_lines(random.Random(seed))
    true_pair = write_pair(folder / "true", market.messages, market.book_lines(), levels)
    spoilt_pair = write_pair(folder / "spoilt", market.messages, spoilt, levels)

    contents = []
    for pair in (true_pair, spoilt_pair):
        tape = import_lobster(pair, pair.parent / "tape")
        del tape.meta["import"]["files"]
        contents.append(((tape.path / "events.npy").read_bytes(), json.dumps(tape.meta)))

    assert contents[0] == contents[1]


def test_the_first_row_without_the_first_message_rests_before_it(tmp_path):
    pair = write_pair(tmp_path, ["34200,1,7,5,1000,1"], ["1100,3,1000,9"], 1)

    tape = import_lobster(pair, tmp_path / "tape")

    assert told(tape) == [
        (Kind.ADD, -1, BID, 1000, 4, SYNTHETIC),
        (Kind.ADD, -2, ASK, 1100, 3, SYNTHETIC),
        (Kind.ADD, 7, BID, 1000, 5, LAST),
    ]
    assert set(tape.events["venue_ns"]) == {MIDNIGHT_NS + 34_200 * 10**9}


def test_a_first_message_that_emptied_a_level_finds_it_there(tmp_path):
    pair = write_pair(tmp_path, ["34200,3,7,5,1000,1"], ["9999999999,0,900,2"], 1)

    tape = import_lobster(pair, tmp_path / "tape")

    assert told(tape) == [
        (Kind.ADD, -1, BID, 1000, 5, SYNTHETIC),
        (Kind.DELETE, -1, BID, 1000, 5, 0),
        (Kind.ADD, -2, BID, 900, 2, SYNTHETIC | LAST),
    ]
    assert tape.events["other_id"].tolist() == [0, 7, 0]
    assert source_of(tape)["synthetic"] == {"seeds": 1, "revealed": 1, "dropped": 0}


def test_a_new_level_pushes_out_every_order_of_the_one_after_the_last(tmp_path):
    lines = ["34200,1,7,5,1000,1", "34201,1,8,6,1000,1", "34202,1,9,1,1100,1"]
    books = ["9999999999,0,1000,5", "9999999999,0,1000,11", "9999999999,0,1100,1"]

    tape = import_lobster(write_pair(tmp_path, lines, books, 1), tmp_path / "tape")

    assert told(tape)[2:] == [
        (Kind.ADD, 9, BID, 1100, 1, 0),
        (Kind.DELETE, 7, BID, 1000, 5, SYNTHETIC),
        (Kind.DELETE, 8, BID, 1000, 6, SYNTHETIC | LAST),
    ]
    assert source_of(tape)["synthetic"] == {"seeds": 0, "revealed": 0, "dropped": 2}


def test_an_order_from_outside_the_window_is_taken_off_the_order_of_its_level(tmp_path):
    rows = ("1,99,4", "2,7,2", "4,8,1", "3,7,3", "3,9,3")
    lines = [f"34200,{row},1000,1" for row in rows]
    books = ["1100,1,1000,13", *["?,?,?,?"] * 4]

    tape = import_lobster(write_pair(tmp_path, lines, books, 1), tmp_path / "tape")

    assert told(tape)[3:] == [
        (Kind.REDUCE, -1, BID, 1000, 2, LAST),
        (Kind.EXECUTE, -1, BID, 1000, 1, LAST),
        (Kind.REDUCE, -1, BID, 1000, 3, LAST),
        (Kind.DELETE, -1, BID, 1000, 3, LAST),
    ]
    assert tape.events["other_id"][3:].tolist() == [7, 8, 7, 9]
    assert source_of(tape)["anomalies"] == {}


def test_an_order_that_was_pushed_out_is_forgotten(tmp_path):
    rows = ("1,7,5,1000", "1,8,6,1100", "3,7,5,1000", "1,7,5,1100")
    lines = [f"34200,{row},1" for row in rows]
    books = ["9999999999,0,1000,5", *["?,?,?,?"] * 3]

    tape = import_lobster(write_pair(tmp_path, lines, books, 1), tmp_path / "tape")

    assert source_of(tape)["anomalies"] == {"level_unknown": 1, "order_id_unknown": 1}
    assert naive_books(tape.events)[0].best(BID, 9) == [(1100, 11)]


def test_nothing_is_revealed_on_a_side_that_was_not_full(tmp_path):
    lines = ["34200,1,7,5,1000,1", "34201,3,7,5,1000,1"]
    books = [f"9999999999,0,1000,5,{ABSENT_LEVEL}", "?,?,?,?,?,?,?,?"]

    tape = import_lobster(write_pair(tmp_path, lines, books, 2), tmp_path / "tape")

    assert told(tape) == [
        (Kind.ADD, 7, BID, 1000, 5, LAST),
        (Kind.DELETE, 7, BID, 1000, 5, LAST),
    ]


@pytest.mark.parametrize(
    ("row", "book_after", "anomaly"),
    [
        ("34202,4,7,8,1000,1", [(1000, 6)], "size_beyond_order"),
        ("34202,2,7,20,1000,1", [(900, 2)], "size_beyond_level"),
        ("34202,3,7,3,1000,1", [(1000, 11)], "size_below_order"),
        ("34202,3,99,12,1000,1", [(1000, 2)], "size_beyond_inferred"),
        ("34202,3,7,5,1100,1", [(1000, 9)], "price_differs"),
        ("34202,3,99,5,1100,1", [(1000, 14)], "level_unknown"),
        ("34202,1,7,5,1000,1", [(1000, 19)], "order_id_duplicate"),
        ("34202,1,0,5,1000,1", [(1000, 19)], "order_id_duplicate"),
    ],
)
def test_a_level_shrinks_and_grows_by_what_a_row_says_whatever_its_order(
    tmp_path, row, book_after, anomaly
):
    lines = ["34200,5,0,1,1000,1", "34201,1,7,5,1000,1", row]
    books = ["9999999999,0,1000,9", "9999999999,0,1000,14", "9999999999,0,900,2"]

    tape = import_lobster(write_pair(tmp_path, lines, books, 1), tmp_path / "tape")

    book = naive_books(tape.events)[0]
    assert book.best(BID, 9) == book_after
    assert source_of(tape)["anomalies"][anomaly] == 1
    assert np.count_nonzero(tape.events["flags"] & Flag.LAST) == 3
    unknown = int(anomaly == "level_unknown")
    assert book.counts[Status.ORDER_ID_UNKNOWN] == unknown


def test_a_first_row_that_cannot_follow_the_first_message_is_counted(tmp_path):
    pair = write_pair(tmp_path, ["34200,1,7,5,1000,1"], ["1100,3,1000,2"], 1)

    tape = import_lobster(pair, tmp_path / "tape")

    assert source_of(tape)["anomalies"] == {"first_line_without_message": 1}


@pytest.mark.parametrize("price", [1000, 1050])
def test_a_revealed_level_that_is_no_further_out_is_counted(tmp_path, price):
    lines = ["34200,5,0,1,1000,1", "34201,3,7,4,900,1"]
    books = [
        "9999999999,0,1000,9,9999999999,0,900,4",
        f"9999999999,0,1000,9,9999999999,0,{price},1",
    ]

    tape = import_lobster(write_pair(tmp_path, lines, books, 2), tmp_path / "tape")

    assert source_of(tape)["anomalies"] == {"revealed_out_of_place": 1}
    assert (1000, 9) in naive_books(tape.events)[0].best(BID, 2)


# ---- a message file alone -------------------------------------------------------------------


@pytest.mark.parametrize("rows_at_once", [1, 1 << 14])
def test_orders_from_before_the_file_rest_before_its_first_message(
    tmp_path, monkeypatch, rows_at_once
):
    monkeypatch.setattr(lobster_files, "RUN_ROWS", rows_at_once)
    lines = [
        "34200,4,40,3,1000,1",  # rested before
        "34200,2,60,1,1000,1",  # entered outside the levels
        "34200,1,50,5,1000,1",  # the first submitted id
        "34201,3,30,7,1100,-1",  # rested before
        "34202,3,40,4,1000,1",
        "34203,2,60,1,1000,1",
        "34204,1,20,1,1000,1",  # submitted late
        "34205,3,20,1,1000,1",
    ]

    tape = import_lobster(write_messages(tmp_path, lines), tmp_path / "tape")

    assert told(tape)[:3] == [
        (Kind.ADD, 30, ASK, 1100, 7, SYNTHETIC),
        (Kind.ADD, 40, BID, 1000, 7, SYNTHETIC),
        (Kind.EXECUTE, 40, BID, 1000, 3, LAST),
    ]
    assert set(tape.events["venue_ns"][:3]) == {MIDNIGHT_NS + 34_200 * 10**9}
    assert source_of(tape)["synthetic"] == {"seeds": 2, "revealed": 0, "dropped": 0}
    assert source_of(tape)["anomalies"] == {"order_id_unknown": 2}
    assert naive_books(tape.events)[0].counts == {Status.ORDER_ID_UNKNOWN: 2}
    assert naive_books(tape.events)[0].best(BID, 9) == [(1000, 5)]
    assert tape.meta["messages"] == len(lines)


def test_a_file_that_submits_nothing_tells_of_no_earlier_orders(tmp_path):
    tape = import_lobster(write_messages(tmp_path, ["34200,3,7,5,1000,1"]), tmp_path / "tape")

    assert told(tape) == [(Kind.DELETE, 7, BID, 1000, 5, LAST)]


@pytest.mark.parametrize(
    ("row", "event"),
    [
        ("34200,1,7,5,1000,-1", (Kind.ADD, 7, ASK, 1000, 5, LAST)),
        ("34200,2,7,5,1000,1", (Kind.REDUCE, 7, BID, 1000, 5, LAST)),
        ("34200,3,7,5,1000,1", (Kind.DELETE, 7, BID, 1000, 5, LAST)),
        ("34200,4,7,5,1000,1", (Kind.EXECUTE, 7, BID, 1000, 5, LAST)),
        ("34200,5,0,5,1000,1", (Kind.TRADE, 0, BID, 1000, 5, LAST)),
        ("34200,6,-1,5,1000,-1", (Kind.TRADE, 0, ASK, 1000, 5, LAST | int(Flag.AUCTION))),
        ("34200,7,0,0,-1,-1", (Kind.STATUS, 0, 0, 0, TradingStatus.HALTED, LAST)),
        ("34200,7,0,0,0,-1", (Kind.STATUS, 0, 0, 0, TradingStatus.QUOTING, LAST)),
        ("34200,7,0,0,1,-1", (Kind.STATUS, 0, 0, 0, TradingStatus.TRADING, LAST)),
    ],
)
def test_every_type_has_its_kind(tmp_path, row, event):
    tape = import_lobster(write_messages(tmp_path, [row]), tmp_path / "tape")

    assert told(tape) == [event]


# ---- times ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "34200",
        "0.5",
        "34200.017459617",
        "35821.088778456004",
        "1.9999999996",
        "0.0000000015",
        "0.00000000149",
        "89999.0",
    ],
)
def test_a_time_is_exact_to_the_nanosecond(tmp_path, text):
    tape = import_lobster(write_messages(tmp_path, [f"{text},5,0,1,1000,1"]), tmp_path / "tape")

    ns = int((Decimal(text) * 10**9).to_integral_value())
    assert int(one(tape)["venue_ns"]) == int(one(tape)["local_ns"]) == MIDNIGHT_NS + ns


@pytest.mark.parametrize(
    ("date", "timezone", "utc"),
    [
        ("2012-06-21", "America/New_York", "2012-06-21T13:30:00"),
        ("2012-01-20", "America/New_York", "2012-01-20T14:30:00"),
        ("2012-03-09", "America/New_York", "2012-03-09T14:30:00"),
        ("2012-03-12", "America/New_York", "2012-03-12T13:30:00"),
        ("2012-06-21", "Europe/Berlin", "2012-06-21T07:30:00"),
        ("2012-06-21", "UTC", "2012-06-21T09:30:00"),
    ],
)
def test_times_of_day_are_those_of_the_venue_in_summer_and_winter(tmp_path, date, timezone, utc):
    path = write_messages(tmp_path, ["34200.0,5,0,1,1000,1"], date=date)

    tape = import_lobster(path, tmp_path / "tape", timezone=timezone)

    assert int(one(tape)["venue_ns"]) == np.datetime64(utc, "ns").astype(np.int64)
    assert tape.instruments[0].session.timezone == timezone


# ---- files and names ------------------------------------------------------------------------


def two_rows(folder: Path, **named: str) -> Path:
    lines = ["34200,1,7,5,10000,1", "34201,1,8,6,20000,-1"]
    books = ["9999999999,0,10000,5", "20000,6,10000,5"]
    return write_pair(folder, lines, books, 1, **named)


def test_a_pair_is_found_by_either_file_by_both_and_in_a_zip(tmp_path):
    message = two_rows(tmp_path)
    orderbook = message.with_name(message.name.replace("message", "orderbook"))
    archive = write_zip(tmp_path / "day.zip", orderbook, message)
    sources = [message, orderbook, [message, orderbook], [orderbook, message], [message, orderbook]]

    tapes = [
        import_lobster(source, tmp_path / f"tape{place}")
        for place, source in enumerate([*sources, archive])
    ]

    assert {tape.meta["events_digest"] for tape in tapes} == {tapes[0].meta["events_digest"]}
    assert {source_of(tape)["mode"] for tape in tapes} == {"window"}
    names = [[file["name"] for file in source_of(tape)["files"]] for tape in tapes]
    assert names == [[message.name, orderbook.name]] * 5 + [["day.zip"]]
    digests = [file["sha256"] for file in source_of(tapes[0])["files"]]
    assert digests == [sha256(path.read_bytes()).hexdigest() for path in (message, orderbook)]


def test_a_zip_may_hold_a_message_file_alone(tmp_path):
    archive = write_zip(tmp_path / "day.zip", write_messages(tmp_path, ["34200,5,0,1,1000,1"]))

    assert source_of(import_lobster(archive, tmp_path / "tape"))["mode"] == "messages"


def test_the_name_says_symbol_day_and_levels(tmp_path):
    tape = import_lobster(two_rows(tmp_path, symbol="BRK.B"), tmp_path / "tape")

    instrument = tape.instruments[0]
    assert (tape.symbols, tape.window_levels) == (["BRK.B"], 1)
    assert (instrument.venue, instrument.price_unit, instrument.lot_size) == (
        "NASDAQ",
        "0.0001",
        "1",
    )
    assert instrument.tick_table == ((0, 1), (10_000, 100))
    assert instrument.increment == 100
    assert (instrument.session.open, instrument.session.close) == ("09:30", "16:00")


def test_a_name_that_says_little_is_helped_by_arguments(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("34200,5,0,1,1000,1")  # complete, though its end of line is missing

    tape = import_lobster(path, tmp_path / "tape", date="2012-06-21", symbol="TEST", levels=10)

    assert (tape.symbols, tape.window_levels) == (["TEST"], 10)
    assert int(one(tape)["venue_ns"]) == MIDNIGHT_NS + 34_200 * 10**9
    assert (
        import_lobster(
            path, tmp_path / "tape", date="2012-06-21", symbol="TEST", replace=True
        ).meta["window_levels"]
        is None
    )


def test_lines_may_end_as_they_do_on_windows(tmp_path):
    path = two_rows(tmp_path)
    plain = import_lobster(path, tmp_path / "plain")
    for file in tmp_path.glob("*.csv"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    tape = import_lobster(path, tmp_path / "tape")

    assert tape.meta["events_digest"] == plain.meta["events_digest"]


@settings(max_examples=10)
@given(commands.filter(bool))
def test_a_tape_does_not_depend_on_how_much_is_read_at_once(tmp_path_factory, during):
    market = recorded(2, [], during)
    assume(market.messages)
    folder = tmp_path_factory.mktemp("lobster")
    digests = set()
    for word, books in (("window", market.book_lines()), ("messages", None)):
        path = write_messages(folder / word, market.messages, 2)
        if books:
            write_pair(folder / word, market.messages, books, 2)
        digests.clear()
        for rows, piece_bytes in ((1 << 14, 1 << 20), (3, 11)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lobster, "RUN_ROWS", rows)
                patch.setattr(lobster_files, "RUN_ROWS", rows)
                patch.setattr(lobster_files, "_PIECE_BYTES", piece_bytes)
                tape = import_lobster(path, folder / "tape", replace=True)
            digests.add(tape.meta["events_digest"])
        assert len(digests) == 1
