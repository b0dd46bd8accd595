"""What our side and the venue send each other, and when it arrives.

Either way messages arrive in the order in which they were sent, as over one connection: one that
would overtake another arrives with it. Where nothing takes time a message is taken in at once, in
the place of the ring where it would have waited. That a request was lost nobody says: our side
finds out for itself after a wait, and what the venue answers meanwhile comes before it.

Invariant: either ring is in the order of arrival.
"""

import numpy as np

from mmjit.core.book import best_of
from mmjit.core.bound import bundle_of
from mmjit.core.codes import Kind, Status
from mmjit.core.jit import verb
from mmjit.core.latency import Delay, Jitter, Leg, request_delay, response_delay
from mmjit.core.working import LATEST


@verb
def takes_no_time(latencies, leg):  # type: ignore[no-untyped-def]
    """Whether what is sent arrives at once."""
    latency = latencies[leg]
    return latency["model"] == Delay.NONE and latency["jitter"] == Jitter.NONE


@verb
def has_answer_room(session, count):  # type: ignore[no-untyped-def]
    """Whether so many more messages fit each ring, and one beside the answers to move them by."""
    run = session.run[0]
    wire = bundle_of(session.wire)
    waiting = run["answer_head"] - run["answer_tail"] + count
    asked = run["request_head"] - run["request_tail"] + count
    return waiting < len(wire.answers) and asked <= len(wire.requests)


@verb
def leg_of(kind):  # type: ignore[no-untyped-def]
    """The leg of a request."""
    if kind == Kind.CANCEL:
        return Leg.CANCEL
    return Leg.AMEND if kind == Kind.AMEND else Leg.NEW


@verb
def new_request(session, kind, slot):  # type: ignore[no-untyped-def]
    """Begin the next request, in its place of the ring."""
    run = session.run[0]
    run["stirs"] += 1
    requests = bundle_of(session.wire).requests
    message = requests[run["request_head"] % len(requests)]
    order = session.orders[slot]
    message["kind"] = kind
    message["slot"] = slot
    message["symbol"] = order["symbol"]
    message["side"] = order["side"]
    message["order_id"] = order["order_id"]
    message["sent_ns"] = run["now_ns"]
    message["ahead_lots"] = 0
    return message


@verb
def send_on(session, message):  # type: ignore[no-untyped-def]
    """Put a request, whose leg takes time, on its way; or, if it is lost, the answer saying so."""
    run = session.run[0]
    wire = bundle_of(session.wire)
    leg = leg_of(message["kind"])
    delay_ns = request_delay(wire.latencies, wire.trips, leg, run["now_ns"])
    if delay_ns < 0:
        lost = new_answer(session, message["slot"], Kind.REJECT)
        lost["of_kind"] = message["kind"]
        lost["status"] = Status.LOST_ON_THE_WAY
        lost["sent_ns"] = message["sent_ns"]
        lost["price"] = message["price"]
        lost["qty_lots"] = message["qty_lots"]
        lost["ahead_lots"] = message["ahead_lots"]
        lost["venue_ns"] = run["now_ns"]
        _wait_for(session, lost, run["now_ns"] - delay_ns)
        return
    head, tail = run["request_head"], run["request_tail"]
    arrive_ns = run["now_ns"] + delay_ns
    if head != tail:
        arrive_ns = max(arrive_ns, wire.requests[(head - 1) % len(wire.requests)]["arrive_ns"])
    message["arrive_ns"] = arrive_ns
    run["request_head"] = head + 1
    run["due_ns"] = min(run["due_ns"], arrive_ns)


@verb
def new_answer(session, slot, kind):  # type: ignore[no-untyped-def]
    """Begin the next answer, from the order that it is about, in its place of the ring."""
    run = session.run[0]
    run["stirs"] += 1
    answers = bundle_of(session.wire).answers
    message = answers[run["answer_head"] % len(answers)]
    order = session.orders[slot]
    message["kind"] = kind
    message["slot"] = slot
    message["symbol"] = order["symbol"]
    message["side"] = order["side"]
    message["order_id"] = order["order_id"]
    message["price"] = order["price"]
    message["left_lots"] = order["left_lots"]
    message["qty_lots"] = 0
    message["ahead_lots"] = 0
    message["status"] = Status.OK
    message["of_kind"] = 0
    message["maker"] = 0
    message["sent_ns"] = order["sent_ns"]
    message["venue_ns"] = run["floor_ns"]
    message["event"] = run["event"]
    message["mid_twice"] = mid_of(bundle_of(session.floor).book, np.int64(order["symbol"]))
    return message


@verb
def answer_on(session, message):  # type: ignore[no-untyped-def]
    """Put an answer on its way; whether it is there already."""
    run = session.run[0]
    wire = bundle_of(session.wire)
    at_once = run["two_clocks"] == 0 and takes_no_time(wire.latencies, Leg.RESPONSE)
    if at_once and next_answer_ns(session) > run["floor_ns"]:
        message["arrive_ns"] = run["floor_ns"]
        return True
    delay_ns = response_delay(wire.latencies, wire.trips, run["floor_ns"])
    run["answer_ns"] = max(run["answer_ns"], run["floor_ns"] + delay_ns)
    _wait_for(session, message, run["answer_ns"])
    return False


@verb
def _wait_for(session, message, arrive_ns):  # type: ignore[no-untyped-def]
    """Keep an answer, which stands last in its ring, until it arrives: after those before it."""
    run = session.run[0]
    answers = bundle_of(session.wire).answers
    message["arrive_ns"] = arrive_ns
    head, tail, count = run["answer_head"], run["answer_tail"], len(answers)
    place = head
    while place > tail and answers[(place - 1) % count]["arrive_ns"] > arrive_ns:
        place -= 1
    if place < head:
        answers[(head + 1) % count] = message
        for behind in range(head, place, -1):
            answers[behind % count] = answers[(behind - 1) % count]
        answers[place % count] = answers[(head + 1) % count]
    run["answer_head"] = head + 1
    run["due_ns"] = min(run["due_ns"], arrive_ns)


@verb
def next_request_ns(session):  # type: ignore[no-untyped-def]
    """When the next request arrives; LATEST: none is on its way."""
    run = session.run[0]
    if run["request_head"] == run["request_tail"]:
        return LATEST
    requests = bundle_of(session.wire).requests
    return requests[run["request_tail"] % len(requests)]["arrive_ns"]


@verb
def next_answer_ns(session):  # type: ignore[no-untyped-def]
    """When the next answer arrives; LATEST: none is on its way."""
    run = session.run[0]
    if run["answer_head"] == run["answer_tail"]:
        return LATEST
    answers = bundle_of(session.wire).answers
    return answers[run["answer_tail"] % len(answers)]["arrive_ns"]


@verb
def mid_of(book, symbol):  # type: ignore[no-untyped-def]
    """Best bid plus best ask; 0 while a side is empty."""
    bid, bid_lots = best_of(book, 2 * symbol)
    ask, ask_lots = best_of(book, 2 * symbol + 1)
    return bid + ask if bid_lots > 0 and ask_lots > 0 else np.int64(0)
