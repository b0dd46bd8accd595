"""Recorded LOBSTER days: every row of their orderbook files is reproduced."""

import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmjit.feeds.lobster import import_lobster
from mmjit.replaying import depth
from mmjit.replaying import replay as replay_tape
from tests.naive_tape import naive_table

pytestmark = [pytest.mark.data, pytest.mark.compiled]

DAYS = [("AMZN", 5, 155_935), ("AMZN", 1, 57_515), ("AAPL", 1, 118_497)]
FIELDS = ("ask_price", "ask_qty", "bid_price", "bid_qty")


def archive_of(data: Path, symbol: str, levels: int) -> Path:
    return data / "lobster" / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip"


@cache
def member(archive: Path, word: str) -> tuple[str, bytes]:
    """Name and bytes of a part of a recording."""
    with zipfile.ZipFile(archive) as opened:
        name = next(name for name in opened.namelist() if f"_{word}_" in name)
        return name, opened.read(name)


def book_rows(archive: Path, levels: int) -> Any:
    """int64[rows, levels, 4] of an orderbook file; absent levels are 0."""
    text = io.BytesIO(member(archive, "orderbook")[1])
    table = np.loadtxt(text, np.int64, delimiter=",").reshape(-1, levels, 4)
    return np.where(table[:, :, [1, 1, 3, 3]] == 0, 0, table)


def depth_rows(tape: Any, levels: int) -> Any:
    """`depth` in the order of an orderbook file."""
    rows = depth(tape, levels=levels)
    return np.stack([rows[name] for name in FIELDS], axis=2)


@pytest.mark.parametrize(("symbol", "levels", "row_count"), DAYS)
def test_every_row_of_a_recorded_day_is_reproduced(data, tmp_path, symbol, levels, row_count):
    archive = archive_of(data, symbol, levels)

    tape = import_lobster(archive, tmp_path / "tape")

    rows = depth_rows(tape, levels)
    assert len(rows) == tape.meta["messages"] == row_count
    assert np.array_equal(rows, book_rows(archive, levels))
    assert tape.window_levels == levels
    assert tape.meta["import"]["anomalies"] == {}
    replayed = replay_tape(tape)
    replayed.audit()
    assert replayed.unknown_ids == 0


def test_the_naive_replay_agrees_with_a_recorded_day(data, tmp_path):
    archive = archive_of(data, "AMZN", 1)

    tape = import_lobster(archive, tmp_path / "tape")

    assert np.array_equal(naive_table(tape.events, 0, 1), book_rows(archive, 1))


def test_messages_within_50_levels_give_the_best_of_the_same_hour(data, tmp_path):
    archive = archive_of(data, "AAPL", 1)
    hour = data / "lobster" / "AAPL_2012-06-21_34200000_37800000_message_50.csv"

    tape = import_lobster(hour, tmp_path / "tape")

    # The lines of the narrower file are among those of the wider one, in the same order.
    best_lines = [
        line
        for line in member(archive, "message")[1].splitlines()
        if float(line.split(b",")[0]) < 37_800
    ]
    upcoming = enumerate(hour.read_bytes().splitlines())
    places = [next(k for k, other in upcoming if other == line) for line in best_lines]
    equal = (depth_rows(tape, 1)[places] == book_rows(archive, 1)[: len(places)]).all(axis=(1, 2))
    assert len(equal) == 25_641
    assert np.count_nonzero(equal) >= 25_623
    source = tape.meta["import"]
    assert source["synthetic"] == {"seeds": 36, "revealed": 0, "dropped": 0}
    assert source["anomalies"] == {"order_id_unknown": 44}
    replay_tape(tape).audit()


def test_no_cell_of_a_recorded_book_but_those_that_may_be_read_has_an_influence(data, tmp_path):
    symbol, levels, _ = DAYS[0]
    archive = archive_of(data, symbol, levels)
    message_name, messages = member(archive, "message")
    book_name, _ = member(archive, "orderbook")
    contents = []
    for word, book in (("true", None), ("spoilt", _spoilt_book(archive, levels))):
        (tmp_path / word).mkdir()
        (tmp_path / word / message_name).write_bytes(messages)
        plain = member(archive, "orderbook")[1]
        (tmp_path / word / book_name).write_bytes(plain if book is None else book)
        tape = import_lobster(tmp_path / word / message_name, tmp_path / word / "tape")
        del tape.meta["import"]["files"]
        contents.append(((tape.path / "events.npy").read_bytes(), json.dumps(tape.meta)))

    assert contents[0] == contents[1]


def _spoilt_book(archive: Path, levels: int) -> bytes:
    """The orderbook file with every cell replaced that an importer may not read."""
    columns = np.loadtxt(io.BytesIO(member(archive, "message")[1]), delimiter=",")
    table = np.loadtxt(io.BytesIO(member(archive, "orderbook")[1]), np.int64, delimiter=",")
    may_read = np.zeros(table.shape, bool)
    may_read[0] = True
    for direction, column in ((-1, 0), (1, 2)):
        prices = table[:, column::4]
        gone = ~(prices == columns[:, 4, None]).any(axis=1)
        takes = (columns[:, 1] <= 4) & (columns[:, 1] >= 2) & (columns[:, 5] == direction)
        first = 4 * (levels - 1) + column
        may_read[gone & takes, first : first + 2] = True
    assert 0.005 < may_read.mean() < 0.05
    noise = np.random.default_rng(1).integers(1, 3_000_000, table.shape)
    spoilt = io.BytesIO()
    np.savetxt(spoilt, np.where(may_read, table, noise), "%d", ",")
    return spoilt.getvalue()
