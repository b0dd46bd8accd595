"""How long what is sent takes to arrive: the feed, each kind of request, and the response.

Owns a row of LATENCY a leg. What it answers depends on that row, on the measured round trips and,
with a jitter, on how often it was asked (`draw_count`): the same asked in the same order is
answered the same, on every machine. A constant and a jitter are each at most an hour.

Delays are each by itself: with a jitter, or a measured delay that falls faster than time passes, a
later message may be given the earlier arrival. Who needs them in order keeps the latest arrival.
"""

from enum import IntEnum
from typing import Final

from mmjit.core.codes import NIL
from mmjit.core.intrinsics import bit, highest_bit
from mmjit.core.jit import helper, verb
from mmjit.core.records import record
from mmjit.core.variates import gamma, lognormal

DELAY_NS_MAX: Final = 3600 * 10**9  # of a constant, of a jitter, and of each part of a round trip
TIME_NS_MAX: Final = (1 << 62) - 1  # of a round trip, so that differences can be doubled


class Leg(IntEnum):
    """What is on its way: the row of LATENCY that says how long it takes."""

    FEED = 0  # an event, from the venue to the desk
    NEW = 1  # from the desk to the venue
    CANCEL = 2
    AMEND = 3
    RESPONSE = 4  # from the venue to the desk


class Delay(IntEnum):
    """Where the delay of a leg comes from, before jitter."""

    NONE = 0
    CONSTANT = 1
    RECORDED = 2  # of the feed: between the two times of an event
    ROWS = 3  # measured round trips, interpolated


class Jitter(IntEnum):
    """How what is added to the delay is distributed."""

    NONE = 0
    LOGNORMAL = 1
    GAMMA = 2


# How long one leg takes. `seed` and `draw_count` are the stream that its jitter is drawn from.
#   0         8      16           24         32      40          48    56      60       64
#   | base_ns | seed | draw_count | scale_ns | shape | row_count | row | model | jitter |
LATENCY: Final = record(
    64,
    ("base_ns", "i8"),
    ("seed", "i8"),
    ("draw_count", "i8"),
    ("scale_ns", "f8"),  # of a lognormal jitter the median, of a gamma jitter the scale
    ("shape", "f8"),  # of a lognormal jitter sigma, of a gamma jitter its shape
    ("row_count", "i8"),  # round trips to look in: all, for responses those that got there
    ("row", "i8"),  # where the last search ended: only where the next one begins
    ("model", "i4"),  # a Delay
    ("jitter", "i4"),  # a Jitter
)

# A measured round trip; they are in the order in which they were sent.
#   0         8          16            24         32
#   | sent_ns | venue_ns | received_ns | by_venue |
ROUND_TRIP: Final = record(
    32,
    ("sent_ns", "i8"),
    ("venue_ns", "i8"),  # when the venue had it; 0 or less: it was rejected on the way
    ("received_ns", "i8"),  # when the response, or the rejection, was received
    ("by_venue", "i8"),  # of row k: the row that the venue had k-th; NIL behind the last of them
)


# ---- the delays -----------------------------------------------------------------------------


@verb
def feed_delay(latencies, event):  # type: ignore[no-untyped-def]
    """How many ns after `venue_ns` the desk sees an event."""
    latency = latencies[Leg.FEED]
    delay_ns = latency["base_ns"]
    if latency["model"] == Delay.RECORDED:
        delay_ns = max(event["local_ns"] - event["venue_ns"], 0)
    if latency["jitter"] != Jitter.NONE:
        delay_ns += jitter_ns(latencies, Leg.FEED)
    return delay_ns


@verb
def request_delay(latencies, rows, leg, now_ns):  # type: ignore[no-untyped-def]
    """How many ns a request that is sent now takes to the venue.

    Below 0 it never gets there, and the desk learns of that after so many ns; so it is where one of
    the two measured round trips around now was rejected.

    Args:
        latencies: LATENCY a leg; the row of this leg is advanced.
        rows: ROUND_TRIP, at least one where the model is ROWS.
        leg: NEW, CANCEL or AMEND.
        now_ns: when it is sent.
    """
    latency = latencies[leg]
    delay_ns = latency["base_ns"]
    if latency["model"] == Delay.ROWS:
        delay_ns = measured_request(latencies, rows, leg, now_ns)
    if delay_ns >= 0 and latency["jitter"] != Jitter.NONE:
        delay_ns += jitter_ns(latencies, leg)
    return delay_ns


@verb
def response_delay(latencies, rows, venue_ns):  # type: ignore[no-untyped-def]
    """How many ns the desk waits for what the venue says at a time: 0 or more.

    Args:
        latencies: LATENCY a leg; the row of RESPONSE is advanced.
        rows: ROUND_TRIP, at least one that reached the venue where the model is ROWS.
        venue_ns: when the venue sends it.
    """
    latency = latencies[Leg.RESPONSE]
    delay_ns = latency["base_ns"]
    if latency["model"] == Delay.ROWS:
        delay_ns = measured_response(latencies, rows, venue_ns)
    if latency["jitter"] != Jitter.NONE:
        delay_ns += jitter_ns(latencies, Leg.RESPONSE)
    return delay_ns


@helper
def jitter_ns(latencies, leg):  # type: ignore[no-untyped-def]
    """The next jitter of a leg that has one: 0 or more, at most an hour."""
    latency = latencies[leg]
    if latency["jitter"] == Jitter.LOGNORMAL:
        factor = lognormal(latency, latency["shape"])
    else:
        factor = gamma(latency, latency["shape"])
    return int(min(latency["scale_ns"] * factor + 0.5, float(DELAY_NS_MAX)))


# ---- measured round trips -------------------------------------------------------------------


@helper
def measured_request(latencies, rows, leg, now_ns):  # type: ignore[no-untyped-def]
    """What `request_delay` is without jitter, from measured round trips."""
    place = search(latencies, rows, leg, now_ns)
    last = rows[max(place, 0)]
    following = rows[min(place + 1, latencies[leg]["row_count"] - 1)]
    since_ns, until_ns = last["sent_ns"], following["sent_ns"]
    if last["venue_ns"] > 0 and following["venue_ns"] > 0:
        last_ns, following_ns = last["venue_ns"] - since_ns, following["venue_ns"] - until_ns
        return between(last_ns, following_ns, now_ns - since_ns, until_ns - since_ns)
    last_ns, following_ns = last["received_ns"] - since_ns, following["received_ns"] - until_ns
    return -max(between(last_ns, following_ns, now_ns - since_ns, until_ns - since_ns), 1)


@helper
def measured_response(latencies, rows, venue_ns):  # type: ignore[no-untyped-def]
    """What `response_delay` is without jitter, from the round trips that got to the venue."""
    place = search(latencies, rows, Leg.RESPONSE, venue_ns)
    count = latencies[Leg.RESPONSE]["row_count"]
    last = rows[rows[max(place, 0)]["by_venue"]]
    following = rows[rows[min(place + 1, count - 1)]["by_venue"]]
    since_ns, until_ns = last["venue_ns"], following["venue_ns"]
    last_ns, following_ns = last["received_ns"] - since_ns, following["received_ns"] - until_ns
    return between(last_ns, following_ns, venue_ns - since_ns, until_ns - since_ns)


@verb
def search(latencies, rows, leg, time_ns):  # type: ignore[no-untyped-def]
    """The place of the last round trip at a time or before it, NIL before the first.

    From where the last search ended in steps that double, then by halves.
    """
    count, place = latencies[leg]["row_count"], latencies[leg]["row"]
    low, high = NIL, place  # the place sought is `low` or above, and below `high`
    if time_at(rows, leg, place) <= time_ns:
        low, high, step = place, place + 1, 1
        while high < count and time_at(rows, leg, high) <= time_ns:
            low, high, step = high, high + 2 * step, 2 * step
        high = min(high, count)
    while high - low > 1:
        middle = (low + high) >> 1
        if time_at(rows, leg, middle) <= time_ns:
            low = middle
        else:
            high = middle
    latencies[leg]["row"] = max(low, 0)
    return low


@verb
def time_at(rows, leg, place):  # type: ignore[no-untyped-def]
    """The time that a leg's round trips are in the order of."""
    if leg == Leg.RESPONSE:
        return rows[rows[place]["by_venue"]]["venue_ns"]
    return rows[place]["sent_ns"]


@verb
def between(first, second, part, whole):  # type: ignore[no-untyped-def]
    """`first + (second - first) * part / whole`, the change rounded towards 0; `first` of no whole.

    Exact and without overflow for 0 <= part < whole < 2**62 and values from 0 to 2**61.
    """
    if whole <= 0:
        return first
    change = abs(second - first)
    if highest_bit(change) + highest_bit(part) < 61:
        quotient = change * part // whole
    else:
        quotient = long_quotient(change, part, whole)
    return first + quotient if second >= first else first - quotient


@helper
def long_quotient(count, part, whole):  # type: ignore[no-untyped-def]
    """`count * part // whole` where the product may pass 64 bits: bit by bit, as on paper."""
    quotient = rest = 0  # of the bits so far; the rest is below `whole`
    for place in range(highest_bit(count), -1, -1):
        quotient, rest = 2 * quotient, 2 * rest
        if rest >= whole:
            quotient, rest = quotient + 1, rest - whole
        if count & bit(place):
            rest += part
            if rest >= whole:
                quotient, rest = quotient + 1, rest - whole
    return quotient
