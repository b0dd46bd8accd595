"""Latencies as a person says them: the texts, the rows of a file, and what is refused."""

import json

import numpy as np
import pytest

from mmjit.core.latency import LATENCY, ROUND_TRIP, Delay, Jitter, Leg
from mmjit.errors import ArgumentError
from mmjit.latency import Latency
from mmjit.round_trips import ROWS_MAX, round_trips
from tests.test_delays import feeds, requests, responses

HOUR = 3600 * 10**9
ROWS = np.array([(100, 110, 130), (200, 230, 240), (300, 0, 390), (400, 410, 420)])
HFTBACKTEST = np.dtype([(n, "<i8") for n in ("req_ts", "exch_ts", "resp_ts", "_padding")])


def drawn(latency):
    """model, base, jitter, scale and shape of each leg."""
    latencies, _ = latency.as_arrays()
    names = ("model", "base_ns", "jitter", "scale_ns", "shape")
    return {leg.name: tuple(latencies[leg][name].item() for name in names) for leg in Leg}


def constant(base_ns):
    return (Delay.CONSTANT, base_ns, Jitter.NONE, 0.0, 0.0)


NONE = (Delay.NONE, 0, Jitter.NONE, 0.0, 0.0)


# ---- texts ----------------------------------------------------------------------------------


def test_nothing_said_is_no_latency_at_all():
    latencies, rows = Latency().as_arrays()

    assert (latencies.dtype, len(latencies)) == (LATENCY, len(Leg))
    assert (rows.dtype, len(rows)) == (ROUND_TRIP, 0)
    assert set(drawn(Latency()).values()) == {NONE}


def test_cancels_and_amends_are_as_new_orders_unless_said_otherwise():
    assert drawn(Latency("1us", "2us", "3us")) == {
        "FEED": constant(1_000),
        "NEW": constant(2_000),
        "CANCEL": constant(2_000),
        "AMEND": constant(2_000),
        "RESPONSE": constant(3_000),
    }
    other = drawn(Latency(entry="2us", cancel="none", amend="4us"))
    assert (other["NEW"], other["CANCEL"], other["AMEND"]) == (
        constant(2_000),
        NONE,
        constant(4000),
    )


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("0ms", constant(0)),
        ("0.5us", constant(500)),
        ("1h", constant(HOUR)),
        (" 250us ", constant(250_000)),
        ("recorded", (Delay.RECORDED, 0, Jitter.NONE, 0.0, 0.0)),
        ("1ms+lognormal(200us,0.5)", (Delay.CONSTANT, 10**6, Jitter.LOGNORMAL, 2e5, 0.5)),
        ("1ms + gamma( 2 , 50us )", (Delay.CONSTANT, 10**6, Jitter.GAMMA, 5e4, 2.0)),
        ("lognormal(1ns,0)", (Delay.CONSTANT, 0, Jitter.LOGNORMAL, 1.0, 0.0)),
        ("1e+3us+gamma(1e+1,1us)", (Delay.CONSTANT, 10**6, Jitter.GAMMA, 1e3, 10.0)),
        ("recorded+gamma(0.01,1h)", (Delay.RECORDED, 0, Jitter.GAMMA, 3.6e12, 0.01)),
    ],
)
def test_a_text_is_a_base_a_jitter_or_both(text, terms):
    assert drawn(Latency(feed=text))["FEED"] == terms


REFUSED_TEXTS = [
    ("feed", 5, "feed: 5 is not none, a time such as 250us, recorded,"),
    ("feed", "", "feed: '' is not none"),
    ("feed", "250", "feed: '250' is not none"),
    ("feed", "-1us", "'-1us' is not none"),
    ("feed", "0.5ns", "'0.5ns' is not none"),
    ("feed", "nanus", "'nanus' is not none"),
    ("feed", "inf s", "'inf s' is not none"),
    ("feed", "rows", "feed: 'rows' is not none, a time such as 250us, recorded,"),
    ("entry", "recorded", "entry: 'recorded' is not none, a time such as 250us, rows,"),
    ("response", "recorded", "response: 'recorded' is not none"),
    ("cancel", "soon", "cancel: 'soon' is not none"),
    ("amend", "1ms+", "amend: '1ms\\+' is not none"),
    ("entry", "2h", "entry: '2h' is no time from 0ns to 1h"),
    ("entry", "1ms+gauss(1us,2)", "has no jitter that is known: lognormal"),
    ("entry", "1ms+gamma(2)", "has no jitter that is known: lognormal"),
    ("entry", "1ms+gamma(2,1us,3)", "has no jitter that is known"),
    ("entry", "none+gamma(2,1us)", "adds to none; give gamma\\(2,1us\\) alone"),
    ("entry", "soon+gamma(2,1us)", "'soon\\+gamma\\(2,1us\\)' is not none"),
    ("entry", "gamma(2,1us)+1ms", "is not none, a time"),
    ("entry", "lognormal(0us,1)", "the median of a lognormal jitter: '0us' is no time from 1ns"),
    (
        "entry",
        "lognormal(2h,1)",
        "the median of a lognormal jitter: '2h' is no time from 1ns to 1h",
    ),
    ("entry", "lognormal(1us,-0.1)", "the sigma of a lognormal jitter: '-0.1' is not a number"),
    ("entry", "lognormal(1us,5.01)", "'5.01' is not a number from 0 to 5"),
    ("entry", "lognormal(1us,nan)", "'nan' is not a number from 0 to 5"),
    ("entry", "lognormal(1us,inf)", "'inf' is not a number from 0 to 5"),
    ("entry", "lognormal(1us,x)", "'x' is not a number from 0 to 5"),
    ("entry", "gamma(0,1us)", "the shape of a gamma jitter: '0' is not a number from 0.01 to 1e"),
    ("entry", "gamma(1e7,1us)", "the shape of a gamma jitter: '1e7' is not a number"),
    ("entry", "gamma(2,50)", "the scale of a gamma jitter: '50' is no time from 1ns to 1h"),
    ("entry", "gamma(3,0.5h)", "shape 3 and scale 0.5h has a mean above 1h"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED_TEXTS)
def test_a_text_that_says_nothing_is_refused_with_what_it_may_say(name, text, message):
    with pytest.raises(ArgumentError, match=message) as refusal:
        Latency(**{name: text})

    assert str(refusal.value).startswith(name)


@pytest.mark.parametrize("seed", [True, 1.5, "1", 1 << 63])
def test_a_seed_is_a_whole_number_of_64_bits(seed):
    with pytest.raises(ArgumentError, match=r"^seed: "):
        Latency(seed=seed)


# ---- what the kernels make of it --------------------------------------------------------------


def test_a_seed_gives_each_leg_a_stream_of_its_own():
    def seeds(seed):
        return Latency(feed="gamma(2,1us)", seed=seed).as_arrays()[0]["seed"].tolist()

    assert len(set(seeds(0) + seeds(1) + seeds(-5))) == 15
    assert seeds(7) == seeds(np.int64(7))


def test_a_latency_is_what_its_text_says():
    latencies, rows = Latency("recorded", "5us", "1us+lognormal(1ms,0)").as_arrays()

    assert feeds(latencies, (10, 17)) == [7]
    assert requests(rows, 0, leg=Leg.CANCEL, latencies=latencies) == [5_000]
    assert responses(rows, 0, 0, latencies=latencies) == [1_001_000] * 2


def test_each_run_begins_with_the_same_streams():
    latency = Latency(entry="gamma(2,50us)")
    first = latency.as_arrays()

    delays = requests(first[1], *[0] * 5, latencies=first[0])
    assert len(set(delays)) == 5
    again = latency.as_arrays()
    assert requests(again[1], *[0] * 5, latencies=again[0]) == delays


def test_requests_and_responses_are_looked_up_in_the_rows():
    latencies, rows = Latency(entry="rows", response="rows", rows=ROWS).as_arrays()

    assert requests(rows, 0, 150, 250, 999, latencies=latencies) == [10, 20, -65, 10]
    assert responses(rows, 0, 170, 320, 999, latencies=latencies) == [20, 15, 10, 10]


def test_responses_alone_are_looked_up_in_the_rows():
    latencies, rows = Latency(entry="1us", response="rows", rows=ROWS).as_arrays()

    assert requests(rows, 250, latencies=latencies) == [1_000]
    assert responses(rows, 170, latencies=latencies) == [15]


# ---- rows -----------------------------------------------------------------------------------


def named(dtype):
    rows = np.zeros(len(ROWS), dtype)
    for name, column in zip(dtype.names, ROWS.T, strict=False):
        rows[name] = column
    return rows


def save_csv(path, text):
    path.write_text(text)
    return path


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def saved_one(path, array):
    np.save(path, array)
    return path


CSV = "\n".join(",".join(map(str, row)) for row in ROWS.tolist()) + "\n"
SOURCES = {
    "array": lambda _: ROWS,
    "lists": lambda _: ROWS.tolist(),
    "unsigned": lambda _: ROWS.astype(np.uint64),
    "short": lambda _: ROWS.astype(np.int16),
    "ours": lambda _: named(ROUND_TRIP),
    "theirs": lambda _: named(HFTBACKTEST),
    "npy": lambda place: saved_one(place / "rows.npy", ROWS),
    "npz": lambda place: saved(place / "rows.npz", measured=ROWS),
    "their npz": lambda place: saved(place / "rows.npz", data=named(HFTBACKTEST), more=ROWS),
    "csv": lambda place: save_csv(place / "rows.csv", CSV),
    "csv as text": lambda place: str(save_csv(place / "rows.CSV", CSV)),
    "csv with names": lambda place: save_csv(
        place / "rows.csv", "sent_ns, venue_ns, received_ns\n" + CSV
    ),
    "their csv": lambda place: save_csv(
        place / "rows.csv", "\ufeffreq_ts,exch_ts,resp_ts\r\n" + CSV
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_rows_are_the_same_from_wherever_they_come(source, tmp_path):
    latency = Latency(entry="rows", rows=SOURCES[source](tmp_path))

    _, rows = latency.as_arrays()
    assert [rows[name].tolist() for name in ROUND_TRIP.names[:3]] == ROWS.T.tolist()
    assert rows["by_venue"].tolist() == [0, 1, 3, -1]
    assert latency == Latency(entry="rows", rows=ROWS)


def test_what_becomes_of_an_array_later_changes_no_latency():
    given = ROWS.copy()
    latency = Latency(entry="rows", rows=given)
    given += 1
    latency.as_arrays()[1]["sent_ns"] = 0

    assert latency.as_arrays()[1]["sent_ns"].tolist() == ROWS[:, 0].tolist()


REFUSED_ROWS = [
    (np.zeros((0, 3), np.int64), "rows: 0 round trips; give from 1 to"),
    (np.broadcast_to(np.int64(0), (ROWS_MAX + 1, 3)), "16,777,217 round trips; give from 1 to"),
    (ROWS.astype(float), "of float64; give nanoseconds as int64"),
    (np.full((2, 3), np.nan), "of float64; give nanoseconds as int64"),
    (ROWS.astype(bool), "of bool; give nanoseconds as int64"),
    (ROWS[:, :2], "shape is \\(4, 2\\), not \\(n, 3\\)"),
    (ROWS[0], "shape is \\(3,\\), not"),
    (7, "shape is \\(\\), not"),
    (named(ROUND_TRIP).reshape(2, 2), "shape is \\(2, 2\\), not"),
    ([(1, 2, 3), (4, 5)], "no array of three columns"),
    (np.zeros(3, [("a", "i8"), ("b", "i8")]), "the fields are a, b, not sent_ns"),
    (ROWS[::-1], "row 1 .sent 300, venue 0, received 390. was sent before the one above it"),
    ([(100, 99, 130)], "row 0 .* reached the venue before it was sent; set the clocks right"),
    ([(100, 110, 130), (100, 110, 109)], "row 1 .* was answered before it was received"),
    ([(100, 0, 99)], "row 0 .* was answered before it was received"),
    ([(0, HOUR + 1, HOUR + 1)], "row 0 .* took longer than an hour one way"),
    ([(0, 1, HOUR + 2)], "row 0 .* took longer than an hour one way"),
    ([(0, 0, HOUR + 1)], "row 0 .* took longer than an hour one way"),
    ([(-1, 0, 5)], "row 0 has sent_ns -1; a time is from 0"),
    ([(1, 0, -5)], "row 0 has received_ns -5; a time is from 0"),
    ([(1, 1 << 62, 1 << 62)], "row 0 has venue_ns 4611686018427387904; a time is from 0"),
    (np.full((1, 3), 1 << 63, np.uint64), "row 0 has sent_ns 9223372036854775808; a time is"),
]


@pytest.mark.parametrize(("rows", "message"), REFUSED_ROWS)
def test_rows_that_cannot_be_are_refused_by_their_first_mistake(rows, message):
    with pytest.raises(ArgumentError, match=f"^rows: .*{message}|^{message}"):
        Latency(entry="rows", rows=rows)


def test_the_longest_round_trips_are_taken():
    rows = [(0, HOUR, 2 * HOUR), ((1 << 62) - 1 - HOUR, 0, (1 << 62) - 1)]

    assert len(round_trips(rows)) == 2
    latencies, trips = Latency(entry="rows", rows=rows).as_arrays()
    assert requests(trips, 0, 1 << 61, latencies=latencies)[0] == -2 * HOUR


FILES = [
    ("rows.txt", b"1,2,3", "is no .npy, .npz or .csv file"),
    ("rows.csv", b"", "cannot be read \\(.*no data"),
    ("rows.csv", b"sent_ns,venue_ns,received_ns\n", "cannot be read \\(.*no data"),
    ("rows.csv", b"venue_ns,sent_ns,received_ns\n1,2,3\n", "its columns are venue_ns, sent_ns"),
    ("rows.csv", b"1,2\n3,4\n", "shape is \\(2, 2\\)"),
    ("rows.csv", b"1,2,3\n3,4\n", "cannot be read"),
    ("rows.csv", b"1,2,3\n1,x,3\n", "cannot be read"),
    ("rows.csv", b"1.5,2,3\n", "cannot be read"),
    ("rows.csv", b"1,2,99999999999999999999\n", "cannot be read"),
    ("rows.csv", b"\xff\xfe\x00", "cannot be read"),
    ("rows.npy", b"", "cannot be read"),
    ("rows.npy", b"no array", "cannot be read"),
    ("rows.npz", b"PK\x03\x04 damaged", "cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "message"), FILES)
def test_a_file_that_cannot_be_read_is_refused_by_its_name(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(ArgumentError, match=message) as refusal:
        Latency(entry="rows", rows=path)
    assert str(refusal.value).startswith(f"rows: {path}")
    assert "\n" not in str(refusal.value)


def test_a_file_of_objects_of_other_arrays_or_cut_short_is_refused(tmp_path):
    objects = saved_one(tmp_path / "objects.npy", np.array([[1, 2, None]], object))
    many = saved(tmp_path / "many.npz", one=ROWS, two=ROWS)
    short = saved_one(tmp_path / "short.npy", ROWS)
    short.write_bytes(short.read_bytes()[:-8])

    for path in (objects, many, short, tmp_path / "none.npy", tmp_path):
        with pytest.raises(ArgumentError, match=f"^rows: .*{path}"):
            Latency(entry="rows", rows=path)


def test_rows_and_what_looks_them_up_are_given_together():
    with pytest.raises(ArgumentError, match=r"^cancel: 'rows' needs measured round trips"):
        Latency(cancel="rows")
    with pytest.raises(ArgumentError, match=r"^rows: no latency is looked up in them"):
        Latency(entry="1ms", rows=ROWS)


def test_responses_need_a_row_that_reached_the_venue():
    rejected = [(100, 0, 130)]

    with pytest.raises(ArgumentError, match="none of them reached the venue"):
        Latency(entry="rows", response="rows", rows=rejected)
    latencies, rows = Latency(entry="rows", response="1ms", rows=rejected).as_arrays()
    assert requests(rows, 7, latencies=latencies) == [-30]


# ---- the log --------------------------------------------------------------------------------


def test_the_log_has_every_leg_and_the_digest_of_the_rows():
    kept = Latency(entry="rows", cancel="1ms", rows=ROWS, seed=3).as_json()

    assert json.loads(json.dumps(kept)) == {
        "feed": "none",
        "entry": "rows",
        "cancel": "1ms",
        "amend": "rows",
        "response": "none",
        "seed": 3,
        "rows": {"count": 4, "sha256": SHA256},
    }
    assert Latency(feed="recorded").as_json()["rows"] is None


SHA256 = "08899ae76d052042ee9245529ac704e6f2092198b06fefb5479eede9c200108a"


def test_latencies_are_equal_when_they_say_the_same():
    assert Latency(entry="1ms") == Latency(entry="1ms")
    assert Latency(entry="1ms") != Latency(entry="1ms", seed=1)
    assert Latency(entry="rows", rows=ROWS) != Latency(
        entry="rows", rows=ROWS + np.array([0, 0, 1])
    )
    assert hash(Latency(entry="rows", rows=ROWS)) == hash(Latency(entry="rows", rows=ROWS.tolist()))
    assert repr(Latency(entry="rows", rows=ROWS)) == (
        "Latency(feed='none', entry='rows', response='none', cancel=None, amend=None, seed=0)"
    )
