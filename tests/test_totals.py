"""What a tape says of its events as a whole, against the plain sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import Flag, Kind
from mmjit.core.records import EVENT
from mmjit.core.totals import LANES, add_up, no_totals
from mmjit.core.wrapping import plain_absorb, plain_mix
from mmjit.instrument import Instrument
from mmjit.tape import TapeWriter, open_tape

BYTES = st.binary(min_size=64, max_size=64)


def events_of(records: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(records), EVENT).copy()


def words_of(events: np.ndarray) -> np.ndarray:
    return events.view(np.int64).reshape(-1, LANES)


def added_up(*runs: np.ndarray):
    totals = no_totals()
    for events in runs:
        add_up(totals, events, words_of(events))
    return totals


def some_events(count: int = 5) -> np.ndarray:
    events = np.zeros(count, EVENT)
    events["order_id"] = np.arange(count) + 1
    events["kind"] = [Kind.ADD, Kind.EXECUTE, Kind.ADD, Kind.TRADE, Kind.ADD][:count]
    events["flags"] = [Flag.LAST, 0, Flag.LAST | Flag.AUCTION, Flag.AUCTION, Flag.LAST][:count]
    return events


@given(st.lists(BYTES, min_size=1, max_size=8))
def test_a_lane_takes_in_its_word_of_every_event(records):
    events = events_of(records)
    lanes = [plain_mix(lane + 1) for lane in range(LANES)]
    for words in words_of(events).tolist():
        lanes = [plain_absorb(lane, word) for lane, word in zip(lanes, words, strict=True)]

    assert added_up(events).lanes.tolist() == lanes


@given(st.lists(BYTES, min_size=2, max_size=8), st.integers(0, 8))
def test_the_pieces_of_a_stream_do_not_matter(records, cut):
    events = events_of(records)

    whole, pieces = added_up(events), added_up(events[:cut], events[cut:])

    assert all((a == b).all() for a, b in zip(whole, pieces, strict=True))


@given(st.integers(0, 5 * 512 - 1))
def test_a_bit_that_differs_changes_the_checksum(place):
    events = some_events()
    other = events.copy()
    other.view(np.uint8)[place // 8] ^= 1 << place % 8

    assert (added_up(events).lanes != added_up(other).lanes).any()


def test_the_order_of_events_changes_the_checksum():
    events = some_events()

    assert (added_up(events).lanes != added_up(events[[1, 0, 2, 3, 4]]).lanes).any()


def test_kinds_and_messages_are_counted():
    totals = added_up(some_events())

    assert dict(enumerate(totals.kinds[totals.kinds > 0])) == {0: 3, 1: 1, 2: 1}
    assert [int(totals.kinds[k]) for k in (Kind.ADD, Kind.EXECUTE, Kind.TRADE)] == [3, 1, 1]
    assert totals.messages[0] == 3


def write(path, events):
    with TapeWriter(path) as writer:
        writer.append(events[:2])
        writer.append(events[2:])
        return writer.commit(
            [Instrument(symbol="A", tick_table=((0, 1), (10, 5))), Instrument(symbol="B")],
            messages=writer.message_count,
            order_slots=0,
            qty_lots_max=0,
            window_levels=None,
            source={"feed": "test"},
        )


def test_what_commit_gives_is_what_opening_finds(tmp_path):
    made = write(tmp_path / "tape", some_events())

    found = open_tape(tmp_path / "tape")

    assert found.meta == made.meta
    assert found.instruments == made.instruments
    assert (found.events == made.events).all()
    assert found.meta["messages"] == 3


@pytest.mark.parametrize("name", ["order_id", "venue_ns", "handle"])
def test_tapes_of_other_events_have_another_digest(tmp_path, name):
    events = some_events()
    one = write(tmp_path / "one", events)
    same = write(tmp_path / "same", events)
    events[name][3] += 1
    other = write(tmp_path / "other", events)

    digests = [tape.meta["events_digest"] for tape in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]
    assert all(len(digest) == 32 for digest in digests)
