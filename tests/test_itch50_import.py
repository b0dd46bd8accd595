"""The importer of TotalView-ITCH 5.0 files: what a tape holds, and what is refused."""

import gzip
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given

from mmjit.core.codes import NIL, Kind, Status
from mmjit.errors import ArgumentError, FeedError, TapeError
from mmjit.feeds import itch50
from mmjit.feeds.itch50 import day_of, import_itch50, midnight_ns
from tests import itch_messages as itch
from tests.itch_cases import MALFORMED, STOCKS, order_flow, rows_of
from tests.itch_messages import DAY, LENGTHS, MIDNIGHT_NS, framed


@pytest.fixture
def imported(tmp_path):
    """Import bytes as a file; keywords go to the importer."""

    def build(data, *, name="12302019.NASDAQ_ITCH50", out="tape", **options):
        source = tmp_path / name
        source.write_bytes(data)
        return import_itch50(source, tmp_path / out, **options)

    return build


def source_of(tape):
    return tape.meta["import"]


# ---- messages -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_by_name_and_leaves_no_tape(case, imported, tmp_path):
    data, _, says = MALFORMED[case]

    with pytest.raises(FeedError, match=says):
        imported(data)

    assert [path.name for path in tmp_path.iterdir()] == ["12302019.NASDAQ_ITCH50"]


@pytest.mark.parametrize("message", itch.ONE_OF_EACH, ids=lambda message: chr(message[0]))
@pytest.mark.parametrize("change", [-1, 1])
def test_the_length_of_every_type_is_checked(message, change, imported):
    wrong = message[:-1] if change < 0 else message + b"\0"
    kind, length = chr(message[0]), len(message)

    with pytest.raises(FeedError) as refused:
        imported(framed(itch.system()) + framed(wrong))

    said = f"type {kind!r} at byte 14 has length {length + change}, expected {length}"
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_types_are_passed_over_and_counted(imported):
    data = framed(itch.directory(), b"z", b"z" * 300, b"\x01\x02", itch.add())

    tape = imported(data)

    assert len(tape.events) == 1
    assert tape.meta["messages"] == 5
    assert source_of(tape)["skipped"]["unknown_type"] == {"z": 2, "0x01": 1}


def test_empty_frames_are_passed_over_and_counted(imported):
    tape = imported(b"\0\0" + framed(itch.add()) + b"\0\0\0\0" + framed(itch.delete()) + b"\0\0")

    assert tape.events["kind"].tolist() == [Kind.ADD, Kind.DELETE]
    assert tape.meta["messages"] == 2
    assert source_of(tape)["empty_frames"] == 4
    assert source_of(tape)["leftover_bytes"] == 0


def test_a_file_may_end_at_any_byte(imported):
    messages = [itch.add(), itch.execute(shares=40), b"unknown", itch.delete()]
    data = framed(*messages)
    ends = [len(framed(*messages[: k + 1])) for k in range(len(messages))]

    for size in range(ends[0], len(data)):
        tape = imported(data[:size], replace=True)

        whole = sum(end <= size for end in ends)
        assert tape.meta["messages"] == whole
        assert len(tape.events) == sum(m is not messages[2] for m in messages[:whole])
        assert source_of(tape)["leftover_bytes"] == size - ends[whole - 1]


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\0\0", framed(itch.add())[:20], b"PK\3\4" * 9, framed(b"zzz")]
)
def test_a_file_without_a_whole_message_is_refused(data, imported):
    with pytest.raises(FeedError, match=r"holds no whole ITCH 5\.0 message"):
        imported(data)


def test_odd_values_are_kept_and_counted(imported):
    data = framed(
        itch.directory(time_ns=5),
        itch.add(ref=1, price=0, time_ns=6),
        itch.add(ref=2, shares=0, time_ns=4),  # before its predecessor
        itch.add(ref=0, time_ns=6),
        itch.add(ref=1, time_ns=6),
        itch.delete(ref=99, time_ns=6),
        itch.execute(ref=1, shares=0, time_ns=6),
        itch.execute(ref=1, shares=101, time_ns=6),
        itch.replace(ref=8, new_ref=9, price=0, time_ns=6),
        itch.trading(state="?", time_ns=6),
        itch.trade(shares=0, price=0, time_ns=6),
        itch.directory(locate=2, stock="AAPL", time_ns=6),
    )

    tape = imported(data)

    assert source_of(tape)["anomalies"] == {
        "time_reversed": 1,
        "price_zero": 3,
        "state_unknown": 1,
        "name_repeated": 1,
        "qty_not_positive": 2,
        "order_id_zero": 1,
        "order_id_duplicate": 1,
        "order_id_unknown": 2,
        "over_execution": 1,
    }
    assert len(tape.events) == 10
    assert tape.events["handle"].tolist() == [0, NIL, NIL, NIL, NIL, NIL, 0, NIL, NIL, NIL]
    assert tape.events["level"][4] == Status.ORDER_ID_UNKNOWN


def test_a_locate_that_nothing_names_is_skipped_and_counted(imported):
    unnamed = (itch.execute, itch.execute_at, itch.cancel, itch.delete, itch.replace, itch.broken)
    data = framed(*(make(locate=9) for make in unnamed), itch.add(locate=1))

    tape = imported(data)

    assert tape.events["kind"].tolist() == [Kind.ADD]
    expected = dict.fromkeys("BCDEUX", 1)
    assert source_of(tape)["skipped"]["undeclared_locate"] == expected
    assert tape.symbols == ["AAPL"]


@given(flow=order_flow())
def test_random_order_flow_becomes_the_tape_that_a_naive_reader_makes(flow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("itch")
    (folder / "in").write_bytes(framed(*flow.messages))

    tape = import_itch50(folder / "in", folder / "tape", date=DAY)

    assert rows_of(tape.events) == flow.rows
    assert (tape.events["local_ns"] == tape.events["venue_ns"]).all()
    assert tape.symbols == list(STOCKS.values())
    assert tape.meta["messages"] == len(flow.messages)
    assert source_of(tape)["anomalies"] == {}
    assert (tape.events["level"] >= NIL).all()
    assert len(flow.live) <= tape.order_slots <= max(1, np.count_nonzero(tape.events["kind"] == 1))
    named = tape.events["kind"] <= Kind.EXECUTE
    assert (tape.events["handle"][named] >= 0).all()


def test_a_file_larger_than_a_piece_is_read_to_its_end(imported, monkeypatch):
    monkeypatch.setattr(itch50, "_PIECE_BYTES", 100)
    monkeypatch.setattr(itch50, "_EVENTS", 3)
    long = b"?" * 0xFFFF  # the longest frame there can be
    refs = range(1, 40)
    data = framed(*(itch.add(ref=ref) for ref in refs), long, *(itch.delete(ref=r) for r in refs))

    tape = imported(data)

    assert tape.events["order_id"].tolist() == [*refs, *refs]
    assert source_of(tape)["leftover_bytes"] == 0


# ---- symbols --------------------------------------------------------------------------------

MANY = framed(
    itch.directory(10, "MSFT", round_lot=100),
    itch.directory(20, "AAPL", round_lot=10),
    itch.directory(30, "ZVZZT", round_lot=1),
    itch.add(30, ref=1, stock="ZVZZT", price=25_000_000),
    itch.add(10, ref=2, stock="MSFT"),
    itch.add(20, ref=3, stock="AAPL", price=12_300),
    itch.delete(10, ref=2),
    itch.execute(20, ref=3, shares=1),
    itch.broken(10),
    itch.trade(10, stock="MSFT"),
)


def test_symbols_are_numbered_as_they_are_declared(imported):
    tape = imported(MANY)

    assert tape.symbols == ["MSFT", "AAPL", "ZVZZT"]
    assert tape.events["symbol"].tolist() == [2, 0, 1, 0, 1, 0, 0]
    assert [instrument.round_lot for instrument in tape.instruments] == [100, 10, 1]


def test_a_selection_has_only_its_symbols_and_their_events(imported):
    tape = imported(MANY, symbols=["ZVZZT", "AAPL", "AAPL"])

    assert tape.symbols == ["AAPL", "ZVZZT"]
    assert tape.events["symbol"].tolist() == [1, 0, 0]
    assert tape.events["order_id"].tolist() == [1, 3, 3]
    assert tape.meta["messages"] == 10
    assert source_of(tape)["skipped"]["other_symbol"] == {"A": 1, "B": 1, "D": 1, "P": 1}


def test_symbols_that_are_not_in_the_file_are_named_and_no_tape_is_left(imported, tmp_path):
    with pytest.raises(FeedError, match=r"no symbol GOOG, aapl among its 3"):
        imported(MANY, symbols=["AAPL", "GOOG", "aapl"])

    assert [path.name for path in tmp_path.iterdir()] == ["12302019.NASDAQ_ITCH50"]


@pytest.mark.parametrize("symbols", [[], [""], ["TOOLONGNAME"], ["AAPL "], ["Ä"]])
def test_a_selection_that_no_file_can_meet_is_refused_at_once(symbols, imported):
    with pytest.raises(ArgumentError):
        imported(MANY, symbols=symbols)


def test_an_instrument_says_what_the_venue_trades(imported):
    aapl = imported(MANY, symbols=["AAPL"]).instruments[0]

    assert (aapl.symbol, aapl.venue, aapl.price_unit, aapl.lot_size) == (
        "AAPL",
        "NASDAQ",
        "0.0001",
        "1",
    )
    assert (aapl.tick(9_999), aapl.tick(10_000)) == (1, 100)
    assert (aapl.increment, aapl.currency) == (100, "USD")
    assert aapl.session.timezone == "America/New_York"


def test_a_symbol_without_a_directory_message_has_round_lots_of_one(imported):
    assert imported(framed(itch.add())).instruments[0].round_lot == 1


def test_prices_and_quantities_beyond_31_bits_are_kept(imported):
    tape = imported(framed(itch.add(shares=2**32 - 1, price=2**32 - 1)))

    assert tape.events[0]["price"] == tape.events[0]["qty_lots"] == 2**32 - 1
    assert tape.wide
    assert tape.instruments[0].price_max == 2**32 - 1


# ---- the day --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("12302019.NASDAQ_ITCH50.head.gz", "2019-12-30"),
        ("01302020.NASDAQ_ITCH50", "2020-01-30"),
        ("S030220-v50.txt.gz", "2020-03-02"),
        ("S081321-v50-bx.txt.gz", "2021-08-13"),
        ("20191230.itch", "2019-12-30"),
        ("ex20101224.TEST_ITCH_50", "2010-12-24"),
        ("itch-2019-12-30.bin", "2019-12-30"),
        ("2019-12-30_20191230.bin", "2019-12-30"),
        ("20200819.BX_ITCH_50", "2020-08-19"),
        ("12212019.itch", "2019-12-21"),
    ],
)
def test_the_day_comes_from_the_file_name(name, day):
    assert str(day_of(name, None)) == day
    assert str(day_of(name, "2001-02-03")) == "2001-02-03"


@pytest.mark.parametrize(
    "name",
    [
        *("market.itch", "S333333-v50", "99999999.itch", "123020199.itch", "00000000", "13452019"),
        *("NASDAQ030220-v50", "12302019-12312019.itch", "02302020.itch", "12301066.itch"),
    ],
)
def test_a_name_without_one_clear_day_is_refused(name, imported):
    with pytest.raises(FeedError, match="pass --date"):
        imported(framed(itch.add()), name=name)


@pytest.mark.parametrize(
    "date", ["", "30/12/2019", "2019-13-01", "2019-1-1", "1066-01-01", "٢٠١٩-12-30"]
)
def test_a_date_that_is_none_is_refused(date, imported):
    with pytest.raises(ArgumentError, match="YYYY-MM-DD"):
        imported(framed(itch.add()), date=date)


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        ("2019-12-30", "2019-12-30T14:30"),  # winter
        ("2020-07-01", "2020-07-01T13:30"),  # summer
        ("2020-03-06", "2020-03-06T14:30"),  # the last trading day before clocks change, and ...
        ("2020-03-09", "2020-03-09T13:30"),  # ... the first after
        ("2020-10-30", "2020-10-30T13:30"),
        ("2020-11-02", "2020-11-02T14:30"),
        ("2020-03-08", "2020-03-08T14:30"),  # a Sunday of 23 hours: 9.5 hours after midnight
        ("2020-11-01", "2020-11-01T13:30"),  # and one of 25
    ],
)
def test_half_past_nine_is_at_its_instant_all_year(day, utc, imported):
    tape = imported(framed(itch.add(time_ns=34_200 * 10**9 + 7)), date=day)

    assert tape.events[0]["venue_ns"] == np.datetime64(utc, "ns").astype(np.int64) + 7


def test_the_midnight_is_that_of_the_time_zone(imported):
    day = day_of("x", "2020-07-01")

    assert midnight_ns(day, "Europe/Stockholm") == 1_593_554_400 * 10**9
    with pytest.raises(ArgumentError, match="Mars/Olympus"):
        imported(framed(itch.add()), timezone="Mars/Olympus")
    with pytest.raises(ArgumentError, match="not known"):
        midnight_ns(day, "../secrets")


# ---- files ----------------------------------------------------------------------------------

PLAIN = framed(*itch.ONE_OF_EACH)


@pytest.mark.parametrize(
    "packed",
    [
        PLAIN,
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:99]) + gzip.compress(PLAIN[99:]),
        b"".join(gzip.compress(PLAIN[k : k + 1]) for k in range(len(PLAIN))),
        gzip.compress(PLAIN) + gzip.compress(b"") + b"\0" * 1000,
    ],
    ids=["plain", "gzip", "two members", "many members", "padded"],
)
def test_a_file_is_read_alike_however_it_is_packed(packed, imported):
    tape = imported(packed, name="12302019.whatever")

    assert tape.meta["messages"] == len(itch.ONE_OF_EACH)
    twos, ones = ("add", "execute", "trade"), ("reduce", "delete", "replace", "broken", "status")
    assert tape.meta["kinds"] == dict.fromkeys(twos, 2) | dict.fromkeys(ones, 1)
    source = source_of(tape)
    assert source["files"][0]["name"] == "12302019.whatever"
    assert source["files"][0]["bytes"] == len(packed)
    assert source["files"][0]["sha256"] == hashlib.sha256(packed).hexdigest()
    assert not source["gzip_incomplete"]
    assert source["leftover_bytes"] == source["trailing_bytes"] == 0


def test_what_follows_the_last_gzip_member_is_counted(imported):
    tape = imported(gzip.compress(PLAIN) + b"\0\0" + b"signature")

    assert source_of(tape)["trailing_bytes"] == len("signature")
    assert tape.meta["messages"] == len(itch.ONE_OF_EACH)


@pytest.mark.parametrize("place", [12, -6])
def test_damaged_gzip_is_refused(place, imported, tmp_path):
    packed = bytearray(gzip.compress(PLAIN))
    packed[place] ^= 0xFF

    with pytest.raises(FeedError, match="is damaged near byte"):
        imported(bytes(packed))

    assert [path.name for path in tmp_path.iterdir()] == ["12302019.NASDAQ_ITCH50"]


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FeedError, match="No such file"):
        import_itch50(tmp_path / "12302019", tmp_path / "tape")
    with pytest.raises(FeedError, match="directory"):
        import_itch50(tmp_path, tmp_path / "tape", date=DAY)

    assert list(tmp_path.iterdir()) == []


def test_a_tape_that_is_there_stays_unless_it_is_to_be_replaced(imported):
    old = imported(framed(itch.add()))
    with pytest.raises(TapeError, match="exists already"):
        imported(framed(itch.add(), itch.delete()))
    with pytest.raises(FeedError):
        imported(framed(itch.add(side="?")), replace=True)
    assert json.loads((old.path / "tape.json").read_text())["events"] == 1

    assert len(imported(framed(itch.add(), itch.delete()), replace=True).events) == 2


def test_the_tape_says_what_was_read_and_what_was_left_out(imported):
    extra = framed(itch.system("C", time_ns=5))

    source = source_of(imported(PLAIN + extra + b"\0\x24A"))

    assert source["feed"] == "itch50"
    assert source["messages_by_type"] == dict.fromkeys(LENGTHS, 1) | {"S": 2}
    assert source["skipped"] == {
        "in_system_events": {"S": 2},
        "in_instruments": {"R": 1},
        "changes_no_book": dict.fromkeys(sorted("YLVWKJhINO"), 1),
    }
    assert source["system_events"] == [
        {"code": "O", "time_ns": MIDNIGHT_NS},
        {"code": "C", "time_ns": MIDNIGHT_NS + 5},
    ]
    assert source["leftover_bytes"] == 3


def test_progress_counts_the_bytes_of_the_file(imported, monkeypatch):
    counted = []
    monkeypatch.setattr(itch50.Progress, "advance", lambda self, amount: counted.append(amount))
    packed = gzip.compress(PLAIN)

    imported(packed)

    assert sum(counted) == len(packed)
