"""LOBSTER files that are not what they should be are refused by name, line and reason."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.errors import ArgumentError, FeedError, TapeError
from mmjit.feeds import lobster_files
from mmjit.feeds.lobster import import_lobster
from mmjit.wire.lobster import CURSOR, MESSAGE, Fault, read_messages, text_of
from tests.lobster_market import title, write_messages, write_pair, write_zip

GOOD = "34200,1,7,5,1000,1"
BOOK = "9999999999,0,1000,5"


def refuse(source: object, reason: str, **arguments: object) -> None:
    """Import something that must be refused in one line, and leave nothing behind."""
    first = Path(source[0] if isinstance(source, list) else source)  # type: ignore[arg-type]
    folder = first.parent
    present = sorted(folder.iterdir()) if folder.exists() else []

    with pytest.raises((FeedError, ArgumentError, TapeError), match=reason) as caught:
        import_lobster(source, folder / "tape", **arguments)  # type: ignore[arg-type]

    assert "\n" not in str(caught.value)
    assert (sorted(folder.iterdir()) if folder.exists() else []) == present


# ---- lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "the time"),
        ("Time,Type,OrderID,Size,Price,Direction", "the time"),
        (";", "the time"),
        ("-1,1,7,5,1000,1", "the time"),
        ("34200.,1,7,5,1000,1", "the time"),
        (".5,1,7,5,1000,1", "the time"),
        ("3.42e4,1,7,5,1000,1", "the time"),
        ("90000,1,7,5,1000,1", "the time"),
        ("99999999999999999999999,1,7,5,1000,1", "the time"),
        ("34200", "the time"),
        ("34199,1,7,5,1000,1", "before that of the line above"),
        ("34200.0,0,7,5,1000,1", "the type"),
        ("34200.0,8,7,5,1000,1", "the type"),
        ("34200.0,x,7,5,1000,1", "the type"),
        ("34200.0,1,,5,1000,1", "the order id"),
        ("34200.0,1,-7,5,1000,1", "the order id"),
        ("34200.0,1,99999999999999999999,5,1000,1", "the order id"),
        ("34200.0,1,7,0,1000,1", "the size"),
        ("34200.0,4,7,-5,1000,1", "the size"),
        ("34200.0,5,0,-1,1000,1", "the size"),
        ("34200.0,1,7,1000000000001,1000,1", "the size"),
        ("34200.0,1,7,5.0,1000,1", "the size"),
        ("34200.0,1,7,5,0,1", "the price"),
        ("34200.0,3,7,5,-9999999999,1", "the price"),
        ("34200.0,1,7,5,1e6,1", "the price"),
        ("34200.0,1,7,5,1000,2", "the direction"),
        ("34200.0,1,7,5,1000,0", "the direction"),
        ("34200.0,1,7,5,1000,", "the direction"),
        ("34200.0,1,7,5,1000", "the price"),
        ("34200.0,1,7,5,1000,1,", "the direction"),
        ("34200.0,1,7,5,1000,1 ", "the direction"),
        ("34200.0,7,0,0,2,-1", "halt"),
    ],
)
def test_a_line_that_is_no_message_is_refused_by_number(tmp_path, line, reason):
    path = write_messages(tmp_path, [GOOD, line, GOOD])

    refuse(path, rf"^{path.name}, line 2: .*{reason}.*")


def test_the_line_is_shown_and_counted_however_much_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lobster_files, "RUN_ROWS", 3)
    monkeypatch.setattr(lobster_files, "_PIECE_BYTES", 50)
    path = write_messages(tmp_path, [GOOD] * 10 + ["34200,9,7,5,1000,1"] + [GOOD] * 10)

    refuse(path, "line 11: the type .*'34200,9,7,5,1000,1'")


def test_a_last_line_that_is_cut_short_is_refused_wherever_it_is_cut(tmp_path):
    last = "34201.25,1,8,5,1000,-1"
    for kept in range(1, len(last)):
        path = write_messages(tmp_path, [GOOD])
        path.write_text(path.read_text() + last[:kept])

        refuse(path, "line 2: .*the last line is cut short")


@given(st.binary(max_size=60))
def test_no_bytes_surprise_the_reader(data):
    rows = np.zeros(4, MESSAGE)
    cursor = np.zeros(1, CURSOR)

    count = int(read_messages(text_of(data + b"\n"), rows, cursor))

    assert count in {*range(5), *Fault}


def test_every_fault_has_its_sentence():
    assert set(lobster_files._RULES) == set(Fault)


def test_a_file_without_lines_is_refused(tmp_path):
    refuse(write_messages(tmp_path, []), "is empty")

    path = tmp_path / title("message", 10)
    path.write_bytes(b"\0" * 200_000)
    refuse(path, "line without end")


# ---- the orderbook file ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("books", "reason"),
    [
        ([], "orderbook_1.csv is empty"),
        ([BOOK + ",1", BOOK], "5 columns, not a multiple of 4"),
        ([f"{BOOK},{BOOK}", BOOK], "2 levels, not the 1 of its name"),
        ([BOOK], "2 rows, .* has 1;"),
        ([BOOK] * 5, "2 rows, .* has 5;"),
        ([BOOK, "1,1,1"], "line 2: 3 columns, not 4 for each of 1 levels"),
        (["9999999999,0,x,5", BOOK], "line 1, column 3: 'x' is not a price and size"),
        (["9999999999,0,1000,", BOOK], "line 1, column 3: '' is not"),
        (["9999999999,0,1000,0", BOOK], "line 1, column 3: no level has price 1000 and size 0"),
        (["9999999999,3,1000,5", BOOK], "line 1, column 1: no level has price 9999999999"),
        (["9999999999,0,-5,5", BOOK], "line 1, column 3: no level has price -5"),
        ([BOOK, "9999999999,0,900,1e2"], "line 2, column 3: '1e2' is not"),
    ],
)
def test_an_orderbook_file_that_does_not_fit_is_refused(tmp_path, books, reason):
    refuse(write_pair(tmp_path, [GOOD, "34200,3,7,5,1000,1"], books, 1), reason)


def test_a_first_row_out_of_order_is_refused(tmp_path):
    books = ["1100,5,900,5,1050,5,800,5"]

    refuse(write_pair(tmp_path, ["34200,5,0,1,1000,1"], books, 2), "line 1: the prices of a side")


def test_an_orderbook_file_that_ends_within_a_line_is_refused(tmp_path):
    path = write_pair(tmp_path, [GOOD, "34200,5,0,1,1000,1"], [BOOK], 1)
    orderbook = tmp_path / title("orderbook", 1)
    orderbook.write_text(f"{BOOK}\n9999999999,0,10")

    refuse(path, "orderbook_1.csv, line 2: the line is cut short")


def test_rows_are_counted_beyond_the_run_where_one_file_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(lobster_files, "RUN_ROWS", 3)
    path = write_pair(tmp_path, ["34200,5,0,1,1000,1"] * 11, [BOOK] * 4, 1)

    refuse(path, "11 rows, .* has 4;")


# ---- names, zips, arguments -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (title("orderbook", 5), "levels"),
        (title("orderbook", 1, symbol="OTHER"), "symbol"),
        (title("orderbook", 1, date="2012-06-22"), "date"),
        (title("orderbook", 1).replace("57600000", "37800000"), "end"),
    ],
)
def test_two_files_whose_names_disagree_are_refused(tmp_path, name, field):
    message = write_messages(tmp_path, [GOOD], 1)
    (tmp_path / name).write_text(f"{BOOK}\n")

    refuse([message, tmp_path / name], f"disagree on the {field}")


def test_what_is_not_a_file_is_refused(tmp_path):
    refuse(tmp_path / "nothing.zip", "is not a file")
    refuse(tmp_path, "is not a file")
    (tmp_path / title("orderbook", 1)).write_text(f"{BOOK}\n")
    refuse(tmp_path / title("orderbook", 1), "has no .* beside it")
    path = write_messages(tmp_path, [GOOD], 1)
    refuse([path, path, path], "3 files given")
    refuse([write_zip(tmp_path / "a.zip", path), path], "given beside a zip")


def test_a_zip_that_holds_no_recording_or_several_is_refused(tmp_path):
    message = write_messages(tmp_path, [GOOD], 1)
    other = write_messages(tmp_path, [GOOD], 1, symbol="OTHER")
    book = tmp_path / title("orderbook", 1)
    book.write_text(f"{BOOK}\n")

    refuse(write_zip(tmp_path / "two.zip", message, other, book), "2 message and 1 orderbook")
    refuse(write_zip(tmp_path / "book.zip", book), "0 message and 1 orderbook")
    refuse(write_zip(tmp_path / "none.zip"), "0 message and 0 orderbook")


def test_a_damaged_zip_is_refused_wherever_it_is_damaged(tmp_path):
    lines = [f"{34200 + k}.5,5,0,1,{1000 + k * k % 77},1" for k in range(500)]
    whole = write_zip(tmp_path / "day.zip", write_messages(tmp_path, lines, 1)).read_bytes()
    path = tmp_path / "broken.zip"

    path.write_bytes(b"not a zip")
    refuse(path, "not a whole zip")
    for kept in (len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:kept])
        refuse(path, "not a whole zip")
    for place in (200, len(whole) // 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        refuse(path, "cannot be read|line")


def test_a_zip_that_is_encrypted_is_refused(tmp_path):
    path = write_zip(tmp_path / "day.zip", write_messages(tmp_path, [GOOD], 1))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    refuse(path, "is encrypted")


def test_a_zip_packed_in_an_unknown_way_is_refused(tmp_path):
    path = write_zip(tmp_path / "day.zip", write_messages(tmp_path, [GOOD], 1))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].compress_type == 99

    refuse(path, "cannot be read")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"symbol": "TEST"}, "names no date; give one with --date"),
        ({"date": "2012-06-21"}, "names no symbol; give one with --symbol"),
        ({"symbol": "TEST", "date": "21.6.2012"}, "'21.6.2012' is not a date"),
        ({"symbol": "TEST", "date": "2012-06-31"}, "'2012-06-31' is not a date"),
        ({"symbol": "TEST", "date": "2012-06-21", "timezone": "Mars/Olympus"}, "no time zone"),
        ({"symbol": "TEST", "date": "2012-06-21", "timezone": "../x"}, "no time zone"),
        ({"symbol": "TEST", "date": "2012-06-21", "levels": 0}, "levels: 0 is not"),
        ({"symbol": "TEST", "date": "2012-06-21", "levels": "5"}, "levels: '5' is not"),
    ],
)
def test_what_neither_name_nor_argument_says_is_refused(tmp_path, arguments, reason):
    path = tmp_path / "rows.csv"
    path.write_text(f"{GOOD}\n")

    refuse(path, reason, **arguments)


def test_levels_that_contradict_the_orderbook_file_are_refused(tmp_path):
    refuse(write_pair(tmp_path, [GOOD], [BOOK], 1), "2 levels given, but .* has 1", levels=2)


def test_a_tape_that_is_there_already_is_kept(tmp_path):
    path = write_messages(tmp_path, [GOOD], 1)
    tape = import_lobster(path, tmp_path / "tape")

    refuse(path, "exists already")
    write_messages(tmp_path, [GOOD, "x"], 1)
    refuse(path, "line 2", replace=True)

    assert (tape.path / "events.npy").stat().st_size > 0
