"""TotalView-ITCH 5.0 as recorded: the head of a day, and captures of single messages."""

import gzip
import struct
import zlib

import numpy as np
import pytest

from mmjit.core.codes import Kind, Status
from mmjit.core.records import EVENT
from mmjit.feeds.itch50 import import_itch50
from mmjit.replaying import replay as replay_tape
from mmjit.wire.itch50 import LAYOUT, READ, decode, make_decoder

pytestmark = [pytest.mark.data, pytest.mark.compiled]

BOOK_UPDATES = ("add", "reduce", "delete", "replace", "execute")


@pytest.fixture(scope="module")
def head_file(data):
    return data / "itch" / "12302019.NASDAQ_ITCH50.head.gz"


@pytest.fixture(scope="module")
def head(head_file, tmp_path_factory):
    """The tape of the head of a day, every symbol."""
    return import_itch50(head_file, tmp_path_factory.mktemp("head") / "tape")


def test_the_head_of_a_day_is_read_to_its_last_whole_message(head):
    source = head.meta["import"]

    assert head.meta["messages"] == 251_837
    assert len(head.symbols) == len(set(head.symbols)) == 8_906
    assert sum(head.meta["kinds"].get(kind, 0) for kind in BOOK_UPDATES) == 10_100
    assert source["leftover_bytes"] == 35
    assert source["gzip_incomplete"]
    assert source["anomalies"] == {}
    assert "unknown_type" not in source["skipped"]
    assert "undeclared_locate" not in source["skipped"]
    assert sum(source["messages_by_type"].values()) == 251_837
    skipped = sum(sum(counts.values()) for counts in source["skipped"].values())
    assert skipped + len(head.events) == 251_837


def test_the_head_of_a_day_is_of_its_hour(head):
    times = head.events["venue_ns"].view("M8[ns]")

    assert times[0] > np.datetime64("2019-12-30T08:04:32")  # 03:04:32 in New York
    assert times[-1] < np.datetime64("2019-12-30T09:00:20")
    assert (np.diff(head.events["venue_ns"]) >= 0).all()
    messages, hours = head.meta["import"]["system_events"]
    assert (messages["code"], hours["code"]) == ("O", "S")
    start = np.datetime64(hours["time_ns"], "ns").astype("M8[s]")
    assert start == np.datetime64("2019-12-30T09:00:00")  # 04:00


def test_the_head_of_a_day_ends_with_its_resting_orders(head):
    done = replay_tape(head)

    done.audit()
    assert done.counts[-Status.ORDER_ID_UNKNOWN] == 0
    assert done.anomalies.keys() <= {"locked"}
    assert done.book.sides["order_count"].sum() == 2_982
    assert sum(done.book.symbols[f"{side}_executed_lots"].sum() for side in ("bid", "ask")) == 5_516


def test_one_symbol_of_the_head_is_what_it_is_among_all(head, head_file, tmp_path):
    counts = np.bincount(head.events["symbol"][head.events["kind"] < Kind.TRADE])
    number = int(counts.argmax())
    name = head.symbols[number]

    alone = import_itch50(head_file, tmp_path / "tape", symbols=[name])

    assert alone.symbols == [name]
    assert alone.meta["messages"] == 251_837
    assert alone.instruments[0] == head.instruments[number]
    among = head.events[head.events["symbol"] == number]
    same = [field for field in EVENT.names if field not in ("symbol", "handle", "level")]
    assert (alone.events[same] == among[same]).all()
    assert alone.order_slots < head.order_slots


def test_the_head_of_a_day_is_the_same_unpacked(head, head_file, tmp_path):
    unpacked = tmp_path / "12302019.itch"
    unpacked.write_bytes(zlib.decompressobj(31).decompress(head_file.read_bytes()))

    tape = import_itch50(unpacked, tmp_path / "tape")
    again = gzip.compress(unpacked.read_bytes(), 1)
    unpacked.write_bytes(again[: len(again) // 2] + again[len(again) // 2 :])
    packed = import_itch50(unpacked, tmp_path / "packed")

    assert tape.meta["events_digest"] == head.meta["events_digest"]
    assert packed.meta["events_digest"] == head.meta["events_digest"]
    assert not packed.meta["import"]["gzip_incomplete"]


# ---- single captures ------------------------------------------------------------------------


def packets(capture):
    """The bytes of each packet of a capture file, from the Ethernet header on."""
    order = "<" if capture[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at < len(capture):
        (size,) = struct.unpack_from(order + "I", capture, at + 8)
        yield capture[at + 16 : at + 16 + size]
        at += 16 + size


def datagram(packet):
    """What a UDP datagram carries."""
    at = 12
    while packet[at : at + 2] == b"\x81\x00":  # VLAN
        at += 4
    assert packet[at : at + 2] == b"\x08\x00"  # IPv4
    at += 2
    assert packet[at + 9] == 17  # UDP
    at += 4 * (packet[at] & 15)
    (size,) = struct.unpack_from(">H", packet, at + 4)
    return packet[at + 8 : at + size]


def test_captured_messages_all_decode(data):
    captures = sorted(data.glob("omi/Nasdaq/*Itch*/*.pcap"))
    assert captures
    read, events = {}, 0
    for capture in captures:
        for packet in packets(capture.read_bytes()):
            mold = datagram(packet)
            (count,) = struct.unpack_from(">H", mold, 18)
            decoder = make_decoder(0)
            room = np.zeros(64, EVENT)

            status = decode(decoder, np.frombuffer(mold, np.uint8)[20:], room)

            assert status == 0, capture
            assert decoder.stream[0]["decoded_bytes"] == len(mold) - 20
            assert decoder.tallies[READ].sum() == count
            for kind in np.flatnonzero(decoder.tallies[READ]):
                read[chr(kind)] = read.get(chr(kind), 0) + int(decoder.tallies[READ, kind])
            events += int(decoder.stream[0]["event_count"])
    assert sum(read.values()) == 227
    assert read.keys() <= LAYOUT.keys()
    assert events > 0
