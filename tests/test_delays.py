"""How long what is sent takes to arrive: constants, recorded times, round trips, jitter."""

import hashlib
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core.latency import (
    DELAY_NS_MAX,
    LATENCY,
    ROUND_TRIP,
    TIME_NS_MAX,
    Delay,
    Jitter,
    Leg,
    between,
    feed_delay,
    request_delay,
    response_delay,
)
from mmjit.core.records import EVENT
from tests.builders import door

REQUESTS = (Leg.NEW, Leg.CANCEL, Leg.AMEND)
HOUR = 3600 * 10**9


@door
def feed_now(latencies, events, out):
    for place in range(len(events)):
        out[place] = feed_delay(latencies, events[place])


@door
def requests_now(latencies, rows, leg, times, out):
    for place in range(len(times)):
        out[place] = request_delay(latencies, rows, leg, times[place])


@door
def responses_now(latencies, rows, times, out):
    for place in range(len(times)):
        out[place] = response_delay(latencies, rows, times[place])


@door
def between_now(first, second, part, whole):
    return between(first, second, part, whole)


# ---- builders -------------------------------------------------------------------------------


def legs(model=Delay.NONE, base_ns=0, jitter=Jitter.NONE, scale_ns=0.0, shape=0.0):
    """Five legs alike, each with a stream of its own."""
    latencies = np.zeros(len(Leg), LATENCY)
    latencies["model"], latencies["base_ns"] = model, base_ns
    latencies["jitter"], latencies["scale_ns"], latencies["shape"] = jitter, scale_ns, shape
    latencies["seed"] = 11 + np.arange(len(Leg))
    return latencies


def round_trips(*triples):
    """ROUND_TRIP of (sent, venue, received), sorted by when they were sent."""
    rows = np.zeros(len(triples), ROUND_TRIP)
    for row, triple in zip(rows, triples, strict=True):
        row["sent_ns"], row["venue_ns"], row["received_ns"] = triple
    reached = [k for k in range(len(rows)) if rows[k]["venue_ns"] > 0]
    reached.sort(key=lambda k: int(rows[k]["venue_ns"]))
    rows["by_venue"] = reached + [-1] * (len(rows) - len(reached))
    return rows


def measured(rows):
    """Five legs that are looked up in round trips."""
    latencies = legs(Delay.ROWS)
    latencies["row_count"] = len(rows)
    latencies[Leg.RESPONSE]["row_count"] = np.count_nonzero(rows["venue_ns"] > 0)
    return latencies


def asked(times):
    return np.array(times, np.int64), np.zeros(len(times), np.int64)


def requests(rows, *times, leg=Leg.NEW, latencies=None):
    times, out = asked(times)
    requests_now(measured(rows) if latencies is None else latencies, rows, int(leg), times, out)
    return out.tolist()


def responses(rows, *times, latencies=None):
    times, out = asked(times)
    responses_now(measured(rows) if latencies is None else latencies, rows, times, out)
    return out.tolist()


def feeds(latencies, *pairs):
    """The delays of events that happened and were received at these times."""
    events, out = np.zeros(len(pairs), EVENT), np.zeros(len(pairs), np.int64)
    for event, pair in zip(events, pairs, strict=True):
        event["venue_ns"], event["local_ns"] = pair
    feed_now(latencies, events, out)
    return out.tolist()


NO_ROWS = round_trips()


# ---- without rows ---------------------------------------------------------------------------


def test_without_a_model_everything_arrives_at_once():
    assert feeds(legs(), (5, 9)) == [0]
    assert responses(NO_ROWS, 7, latencies=legs()) == [0]
    for leg in REQUESTS:
        assert requests(NO_ROWS, 7, leg=leg, latencies=legs()) == [0]


def test_each_leg_has_its_own_constant():
    latencies = legs(Delay.CONSTANT)
    latencies["base_ns"] = [1, 20, 300, 4000, 50_000]

    assert feeds(latencies, (5, 9), (6, 6)) == [1, 1]
    assert [requests(NO_ROWS, 7, leg=leg, latencies=latencies) for leg in REQUESTS] == [
        [20],
        [300],
        [4000],
    ]
    assert responses(NO_ROWS, 7, latencies=latencies) == [50_000]


def test_a_recorded_feed_takes_what_its_events_took_and_never_less_than_nothing():
    pairs = ((5, 9), (5, 5), (9, 5), (0, HOUR * 9))

    assert feeds(legs(Delay.RECORDED), *pairs) == [4, 0, 0, HOUR * 9]


# ---- measured round trips -------------------------------------------------------------------


THREE = round_trips((100, 110, 130), (200, 230, 240), (300, 310, 350))


def test_a_request_takes_what_lies_between_the_two_around_it():
    assert requests(THREE, 100, 150, 199, 200, 225, 300) == [10, 20, 29, 30, 25, 10]


def test_a_response_takes_what_lies_between_the_two_around_it_in_time_of_the_venue():
    assert responses(THREE, 110, 170, 230, 270, 310) == [20, 15, 10, 25, 40]


def test_before_the_first_and_after_the_last_it_is_theirs():
    assert requests(THREE, -5, 0, 99, 301, 10**18) == [10] * 5
    assert responses(THREE, -5, 0, 109) == [20] * 3
    assert responses(THREE, 311, 10**18) == [40] * 2


def test_one_round_trip_is_enough():
    rows = round_trips((100, 110, 130))

    assert requests(rows, 0, 100, 101) == [10] * 3
    assert responses(rows, 0, 110, 111) == [20] * 3


def test_beside_a_rejected_round_trip_a_request_is_rejected_after_what_those_took_in_all():
    rows = round_trips((100, 110, 130), (200, 0, 260), (300, 310, 320), (400, 410, 440))

    assert requests(rows, 99, 100, 150, 200, 250, 300, 350) == [10, -30, -45, -60, -40, 10, 10]


def test_a_rejected_round_trip_at_either_end_rejects_what_is_outside():
    rows = round_trips((100, -7, 130), (200, 230, 240), (300, 0, 300))

    assert requests(rows, 0, 100, 300, 999) == [-30, -30, -1, -1]  # never 0, which is at once


def test_responses_pass_over_what_was_rejected():
    rows = round_trips((100, 110, 130), (200, 0, 900), (300, 310, 350))

    assert responses(rows, 110, 210, 310) == [20, 30, 40]


def test_round_trips_that_overtook_each_other_answer_in_order_of_the_venue():
    rows = round_trips((100, 400, 410), (200, 220, 250), (300, 310, 350))

    assert responses(rows, 0, 220, 265, 310, 355, 400, 999) == [30, 30, 35, 40, 25, 10, 10]


def test_of_several_at_one_time_the_last_decides():
    rows = round_trips((100, 110, 130), (100, 120, 130), (100, 140, 150), (200, 240, 260))

    assert requests(rows, 99, 100, 150) == [10, 40, 40]


times_ns = st.one_of(st.integers(0, 60), st.integers(0, TIME_NS_MAX - 3 * HOUR))
spans_ns = st.one_of(st.integers(0, 9), st.integers(0, HOUR))


@st.composite
def some_round_trips(draw):
    triples = []
    for sent in sorted(draw(st.lists(times_ns, min_size=1, max_size=12))):
        venue = sent + draw(spans_ns)
        rejected = draw(st.integers(0, 3)) == 0 or venue == 0
        triples.append((sent, 0 if rejected else venue, venue + draw(spans_ns)))
    return triples


def naive_delay(points, now_ns):
    """Of pairs of a time and a value: interpolated, the change rounded towards 0."""
    before = [point for point in points if point[0] <= now_ns]
    after = [point for point in points if point[0] > now_ns]
    if not before or not after:
        return (before[-1] if before else after[0])[1]
    (since, first), (until, second) = before[-1], after[0]
    return first + int(Fraction((second - first) * (now_ns - since), until - since))


def naive_request(triples, now_ns):
    before = [k for k, triple in enumerate(triples) if triple[0] <= now_ns]
    last = before[-1] if before else -1
    around = {max(last, 0), min(last + 1, len(triples) - 1)}
    if any(triples[k][1] <= 0 for k in around):
        points = [(sent, received - sent) for sent, _, received in triples]
        return -max(naive_delay(points, now_ns), 1)
    return naive_delay([(sent, venue - sent) for sent, venue, _ in triples], now_ns)


def naive_response(triples, venue_ns):
    reached = [(venue, received - venue) for _, venue, received in triples if venue > 0]
    return naive_delay(sorted(reached, key=lambda point: point[0]), venue_ns)


@given(some_round_trips(), st.data())
def test_round_trips_answer_as_fractions_would(triples, data):
    near = st.sampled_from(sorted({t for triple in triples for t in triple}))
    shifted = st.builds(lambda t, by: min(max(t + by, 0), TIME_NS_MAX), near, st.integers(-9, 9))
    times = data.draw(st.lists(st.one_of(times_ns, near, shifted), min_size=1, max_size=20))
    rows = round_trips(*triples)

    for leg in REQUESTS:
        assert requests(rows, *times, leg=leg) == [naive_request(triples, t) for t in times]
    if any(venue > 0 for _, venue, _ in triples):
        assert responses(rows, *times) == [naive_response(triples, t) for t in times]


def test_where_the_last_search_ended_changes_no_answer():
    rng = np.random.default_rng(4)
    sent = np.cumsum(rng.integers(0, 50, 700))
    entry, response = rng.integers(0, 90, (2, 700))
    rows = round_trips(*zip(sent, sent + 1 + entry, sent + 1 + entry + response, strict=True))
    rising = np.arange(-5, int(sent[-1]) + 200, 37)

    for times in (rising, rising[::-1], rng.permutation(rising)):
        assert requests(rows, *times) == [requests(rows, t)[0] for t in times]
        assert responses(rows, *times) == [responses(rows, t)[0] for t in times]


@given(
    st.integers(0, 1 << 61),
    st.integers(0, 1 << 61),
    st.integers(0, TIME_NS_MAX - 1),
    st.integers(1, TIME_NS_MAX),
)
@example(0, 1 << 61, TIME_NS_MAX - 1, TIME_NS_MAX)
@example(1 << 61, 0, TIME_NS_MAX - 1, TIME_NS_MAX)
@example(0, 1 << 31, 1 << 30, (1 << 30) + 1)
@example(7, 7, 3, 5)
def test_what_lies_between_is_exact_beyond_64_bits(first, second, part, whole):
    part %= whole
    exact = first + int(Fraction((second - first) * part, whole))

    arguments = [np.int64(value) for value in (first, second, part, whole)]
    assert between_now(*arguments) == exact


# ---- jitter ---------------------------------------------------------------------------------


def jittered(jitter, scale_ns, shape, model=Delay.CONSTANT, base_ns=1_000_000):
    return legs(model, base_ns, jitter, scale_ns, shape)


def every_leg(latencies, count):
    """The delays of each leg, asked so often."""
    times = [0] * count
    return [
        feeds(latencies, *((0, 0) for _ in times)),
        *(requests(NO_ROWS, *times, leg=leg, latencies=latencies) for leg in REQUESTS),
        responses(NO_ROWS, *times, latencies=latencies),
    ]


@pytest.mark.compiled
def test_a_lognormal_jitter_is_added_with_its_median_and_sigma_on_every_leg():
    count, sigma = 40_000, 0.5

    for delays in every_leg(jittered(Jitter.LOGNORMAL, 200_000.0, sigma), count):
        logs = np.log(np.array(delays) - 1_000_000) - math.log(200_000)
        assert abs(logs.mean()) < 4 * sigma / math.sqrt(count)
        assert abs(logs.std() - sigma) < 4 * sigma / math.sqrt(2 * count)
        for z, share in ((-1.0, 0.158655), (0.0, 0.5), (2.0, 0.977250)):
            deviation = math.sqrt(share * (1 - share) / count)
            assert abs(np.mean(logs < z * sigma) - share) < 4 * deviation


@pytest.mark.compiled
@pytest.mark.parametrize("shape", [0.4, 2.0])
def test_a_gamma_jitter_is_added_with_its_mean_and_variance_on_every_leg(shape):
    count, scale_ns = 40_000, 50_000.0
    variance = shape * scale_ns**2

    for delays in every_leg(jittered(Jitter.GAMMA, scale_ns, shape), count):
        extra = np.array(delays) - 1_000_000.0
        assert extra.min() >= 0
        assert abs(extra.mean() - shape * scale_ns) < 4 * math.sqrt(variance / count)
        kurtosis = 3 + 6 / shape
        assert abs(extra.var() / variance - 1) < 4 * math.sqrt((kurtosis - 1) / count)


def test_the_legs_have_streams_of_their_own_and_are_the_same_every_time():
    one = every_leg(jittered(Jitter.GAMMA, 50_000.0, 2.0), 20)
    again = every_leg(jittered(Jitter.GAMMA, 50_000.0, 2.0), 20)
    other = jittered(Jitter.GAMMA, 50_000.0, 2.0)
    other["seed"] += 100

    assert one == again
    assert len({tuple(delays) for delays in one + every_leg(other, 20)}) == 10


def test_a_stream_goes_on_where_it_was():
    whole, parted = jittered(Jitter.LOGNORMAL, 9e5, 1.0), jittered(Jitter.LOGNORMAL, 9e5, 1.0)

    first = requests(NO_ROWS, *[0] * 3, latencies=parted)
    kept = parted.copy()
    rest = requests(NO_ROWS, *[0] * 4, latencies=kept)
    assert first + rest == requests(NO_ROWS, *[0] * 7, latencies=whole)


def test_jitter_is_added_to_what_was_recorded_or_measured_but_not_to_a_rejection():
    recorded = jittered(Jitter.GAMMA, 50_000.0, 2.0, Delay.RECORDED)
    alone = feeds(jittered(Jitter.GAMMA, 50_000.0, 2.0, base_ns=0), (0, 0), (0, 0))
    assert feeds(recorded, (10, 17), (10, 30)) == [alone[0] + 7, alone[1] + 20]

    rows = round_trips((100, 110, 130), (200, 220, 250), (300, 0, 370))
    latencies = measured(rows)
    for name in ("jitter", "scale_ns", "shape", "seed"):
        latencies[name] = recorded[name]
    extra = requests(NO_ROWS, 0, 0, latencies=jittered(Jitter.GAMMA, 50_000.0, 2.0, base_ns=0))
    assert requests(rows, 100, 250, 150, latencies=latencies) == [10 + extra[0], -60, 15 + extra[1]]


def test_a_jitter_is_cut_at_an_hour():
    delays = requests(NO_ROWS, *[0] * 200, latencies=jittered(Jitter.LOGNORMAL, 3.6e12, 5.0))

    assert max(delays) == DELAY_NS_MAX + 1_000_000
    assert min(delays) >= 1_000_000


def test_jittered_delays_are_the_same_on_every_machine():
    """With and without the compiler: the suite runs both ways."""
    made = []
    for jitter, scale_ns, shape in (
        (Jitter.LOGNORMAL, 200_000.0, 0.5),
        (Jitter.GAMMA, 50_000.0, 2.0),
        (Jitter.GAMMA, 50_000.0, 0.3),
    ):
        made += every_leg(jittered(jitter, scale_ns, shape), 200)

    assert [delays[0] for delays in made] == GOLDEN
    assert hashlib.sha256(np.array(made, "<i8").tobytes()).hexdigest() == GOLDEN_DIGEST


GOLDEN = [
    *(1221874, 1086770, 1292536, 1204416, 1221723),
    *(1097464, 1076320, 1142698, 1086185, 1097366),
    *(1000035, 1030834, 1000638, 1117185, 1001995),
]
GOLDEN_DIGEST = "e55ec3527be4e5da76922b64d3c7015da96743d71af65c0470bd238e215e2d91"
