"""TotalView-ITCH 5.0: what the decoder makes of bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, TradingStatus
from mmjit.core.records import EVENT
from mmjit.wire.itch50 import (
    LISTING,
    NOTICES,
    ROUTE,
    SHARES_MAX,
    STREAM,
    Fault,
    decode,
    make_decoder,
    name_of,
    word_of,
)
from tests import itch_messages as itch
from tests.itch_cases import LAST, MALFORMED, order_flow
from tests.itch_messages import LENGTHS, MIDNIGHT_NS, framed


def decoded(data, *, piece=1 << 20, room=64, base_ns=0, wanted=None):
    """Events, the decoder and the status after feeding bytes in pieces, as an importer does."""
    decoder = make_decoder(base_ns, None if wanted is None else [word_of(name) for name in wanted])
    events = np.zeros(room, EVENT)
    parts, held, status = [events[:0].copy()], b"", 0
    for start in range(0, max(1, len(data)), piece):
        held += data[start : start + piece]
        made = room
        while made == room and status == 0:
            status = decode(decoder, np.frombuffer(held, np.uint8), events)
            made = int(decoder.stream[0]["event_count"])
            held = held[int(decoder.stream[0]["at"]) :]
            parts.append(events[:made].copy())
    return np.concatenate(parts), decoder, status


def the_event(message):
    """The one event of a message of locate 1, which is declared before."""
    events, _, status = decoded(framed(itch.directory(), message))
    assert status == 0
    assert len(events) == 1
    assert events[0]["handle"] == NIL
    assert events[0]["level"] == NIL
    assert events[0]["symbol"] == 0
    return events[0]


def fields(event):
    """What differs from kind to kind."""
    names = ("kind", "side", "flags", "order_id", "price", "qty_lots", "other_id")
    return tuple(int(event[name]) for name in names)


# ---- one message of each type ---------------------------------------------------------------


def test_the_encoder_makes_every_type_at_its_length():
    made = {chr(message[0]): len(message) for message in itch.ONE_OF_EACH}

    assert made == LENGTHS


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            "41 0001 0000 1f1ace d85ad8 0000000001668bd6 42 00000064 4141504c20202020 002c5a4c",
            (Kind.ADD, BID, LAST, 0x1668BD6, 2_906_700, 100, 0),
        ),
        (
            "55 0001 0000 1f1ace d85ad8 0000000000000007 0000000000000009 ffffffff 77359400",
            (Kind.REPLACE, BID, LAST, 7, 2_000_000_000, 4_294_967_295, 9),
        ),
        (
            "43 0001 0000 1f1ace d85ad8 8000000000000007 0000000a 00000000000000ff 4e 00002710",
            (
                Kind.EXECUTE,
                BID,
                LAST | Flag.OWN_PRICE | Flag.UNPRINTED,
                -(2**63) + 7,
                10_000,
                10,
                255,
            ),
        ),
        (
            "51 0001 0000 1f1ace d85ad8 000000000001e240 4141504c20202020 00002710"
            "ffffffffffffffff 4f",
            (Kind.TRADE, BID, LAST | Flag.AUCTION, 0, 10_000, 123_456, -1),
        ),
    ],
)
def test_literal_bytes_become_their_event(raw, expected):
    event = the_event(bytes.fromhex(raw))

    assert fields(event) == expected
    assert event["venue_ns"] == event["local_ns"] == 0x1F1ACED85AD8


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (itch.add(ref=5, side="S", shares=7, price=9), (Kind.ADD, ASK, LAST, 5, 9, 7, 0)),
        (itch.add(ref=5, price=9, mpid="MMKR"), (Kind.ADD, BID, LAST, 5, 9, 100, 0)),
        (itch.execute(ref=5, shares=7, match=8), (Kind.EXECUTE, BID, LAST, 5, 0, 7, 8)),
        (
            itch.execute_at(ref=5, shares=7, match=8, price=9),
            (Kind.EXECUTE, BID, LAST | Flag.OWN_PRICE, 5, 9, 7, 8),
        ),
        (itch.cancel(ref=5, shares=7), (Kind.REDUCE, BID, LAST, 5, 0, 7, 0)),
        (itch.delete(ref=5), (Kind.DELETE, BID, LAST, 5, 0, 0, 0)),
        (
            itch.replace(ref=5, new_ref=6, shares=7, price=9),
            (Kind.REPLACE, BID, LAST, 5, 9, 7, 6),
        ),
        (
            itch.trade(side="S", shares=7, price=9, match=8),
            (Kind.TRADE, ASK, LAST, 0, 9, 7, 8),
        ),
        (itch.trade(ref=4, match=8), (Kind.TRADE, BID, LAST, 4, 10_000, 100, 8)),
        (itch.cross(shares=0, price=0), (Kind.TRADE, BID, LAST | Flag.AUCTION, 0, 0, 0, 1)),
        (itch.broken(match=8), (Kind.BROKEN, BID, LAST, 0, 0, 0, 8)),
    ],
)
def test_each_type_becomes_its_event(message, expected):
    assert fields(the_event(message)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("T", TradingStatus.TRADING),
        ("Q", TradingStatus.QUOTING),
        ("P", TradingStatus.PAUSED),
        ("H", TradingStatus.HALTED),
        ("?", TradingStatus.UNKNOWN),
    ],
)
def test_a_trading_action_becomes_the_status(state, expected):
    assert fields(the_event(itch.trading(state=state))) == (Kind.STATUS, 0, LAST, 0, 0, expected, 0)


@pytest.mark.parametrize("kind", sorted(set("SRYLVWKJhINO")))
def test_what_says_nothing_of_a_book_makes_no_event(kind):
    (message,) = [m for m in itch.ONE_OF_EACH if chr(m[0]) == kind]

    events, decoder, status = decoded(framed(message))

    assert (len(events), status) == (0, 0)
    assert decoder.tallies[0, ord(kind)] == 1


def test_every_field_of_a_used_record_is_written():
    decoder = make_decoder(5)
    data = np.frombuffer(framed(itch.directory(), itch.delete(ref=9, time_ns=2)), np.uint8)
    dirty = np.frombuffer(b"\xee" * EVENT.itemsize, EVENT).copy()

    assert decode(decoder, data, dirty) == 0

    assert dirty[0].tolist() == (7, 7, 9, 0, 0, 0, Kind.DELETE, BID, LAST, NIL, NIL, 0)


def test_the_records_are_as_drawn():
    drawn = {
        ROUTE: "name:<i8@0 symbol:<i4@8 pad:<i4@12",
        LISTING: "name:<i8@0 round_lot:<i8@8",
        STREAM: " ".join(
            f"{name}:<i8@{8 * place}"
            for place, name in enumerate(
                (
                    *("base_ns", "selecting", "at", "event_count", "decoded_bytes"),
                    *("symbol_count", "notice_count", "last_ns", "empty_frames"),
                    *("time_reversed", "price_zero", "state_unknown", "name_repeated"),
                    *("pad", "pad2", "pad3"),
                )
            )
        ),
    }
    for dtype, text in drawn.items():
        offsets = {name: (d.str, at) for name, (d, at) in dtype.fields.items()}
        assert " ".join(f"{n}:{d}@{at}" for n, (d, at) in offsets.items()) == text


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8))
def test_a_name_comes_back_from_its_word(name):
    assert name_of(word_of(name)) == name


# ---- malformed and odd bytes -----------------------------------------------------------------


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_ends_the_decoding(case):
    data, fault, _ = MALFORMED[case]

    events, decoder, status = decoded(framed(itch.system()) + data)

    assert status == fault
    assert len(events) == 0
    assert decoder.stream[0]["decoded_bytes"] < len(data) + 14


def test_every_fault_is_provoked():
    assert {fault for _, fault, _ in MALFORMED.values()} == set(Fault)


def test_a_wrong_length_is_seen_before_the_message_is_whole():
    assert decoded(struct.pack(">H", 40) + b"A")[2] == Fault.LENGTH_WRONG


@pytest.mark.parametrize(
    "naming",
    [
        *(itch.trading, itch.short_sale, itch.participant, itch.ipo, itch.collar),
        *(itch.operational_halt, itch.add, itch.trade, itch.cross, itch.imbalance),
        *(itch.retail, itch.direct_listing, itch.directory),
    ],
)
def test_the_first_message_with_a_name_declares_its_locate(naming):
    events, decoder, _ = decoded(framed(naming(locate=65_535, stock="BRK.A"), itch.delete(65_535)))

    assert events[-1]["kind"] == Kind.DELETE
    assert events[-1]["symbol"] == 0
    assert name_of(decoder.listings[0]["name"]) == "BRK.A"


@pytest.mark.parametrize("wanted", [None, ["AAPL"]])
def test_two_locates_of_one_name_share_its_symbol(wanted):
    data = framed(itch.directory(1), itch.directory(2), itch.add(1, ref=1), itch.delete(2, ref=1))

    events, decoder, _ = decoded(data, wanted=wanted)

    assert events["symbol"].tolist() == [0, 0]
    assert decoder.stream[0]["symbol_count"] == 1
    assert decoder.stream[0]["name_repeated"] == 1


def test_a_cross_may_be_as_large_as_can_be():
    assert the_event(itch.cross(shares=SHARES_MAX))["qty_lots"] == SHARES_MAX


def test_no_more_system_events_are_kept_than_there_is_room_for():
    _, decoder, status = decoded(framed(*[itch.system("O", time_ns=k) for k in range(NOTICES + 9)]))

    assert status == 0
    assert decoder.stream[0]["notice_count"] == NOTICES + 9
    assert decoder.notices[:, 1].tolist() == list(range(NOTICES))


@given(data=st.binary(max_size=300))
def test_no_bytes_crash_the_decoder(data):
    events, decoder, status = decoded(data)

    assert status == 0 or Fault(status)
    assert decoder.stream[0]["decoded_bytes"] <= len(data)
    assert len(events) <= len(data) // 21


@given(place=st.integers(0, len(framed(*itch.ONE_OF_EACH)) - 1), value=st.integers(0, 255))
def test_no_flipped_byte_crashes_the_decoder(place, value):
    data = bytearray(framed(*itch.ONE_OF_EACH))
    data[place] = value

    _, decoder, status = decoded(bytes(data))

    assert status == 0 or Fault(status)
    assert decoder.stream[0]["decoded_bytes"] <= len(data)


# ---- pieces ---------------------------------------------------------------------------------


@given(flow=order_flow(), piece=st.integers(1, 200), room=st.integers(1, 9))
def test_the_events_do_not_depend_on_where_the_bytes_are_cut(flow, piece, room):
    data = framed(*flow.messages)

    whole, one, _ = decoded(data, base_ns=MIDNIGHT_NS)
    parts, many, _ = decoded(data, base_ns=MIDNIGHT_NS, piece=piece, room=room)

    assert whole.tobytes() == parts.tobytes()
    assert len(whole) == len(flow.rows)
    assert (one.tallies == many.tallies).all()
    assert one.stream[0]["decoded_bytes"] == many.stream[0]["decoded_bytes"] == len(data)
