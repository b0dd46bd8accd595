"""The loop of a backtest: events of a tape meet our orders, and a rule is asked what it wants.

There are two clocks. The venue's book (`floor`) lives at `venue_ns`. Our side sees the events when
its feed brings them: where that takes no time in the same book, else in a second one. Everything
that is due is done in the order of time:

- events of the venue before requests that arrive at the same instant, so that nobody is overtaken
  by us,
- events that our side sees before answers that it hears at the same instant,
- all of these before an instant of the rule's interval only if they are earlier.

The rule is a first-class function of one fixed signature, as is the queue model, so this loop is
compiled once, whatever they are, and its code is found on disk by every later run.
"""

from typing import Final

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Flag
from mmjit.core.desk import at_symbol, want_nothing
from mmjit.core.floor import arrive, expire
from mmjit.core.hearing import (
    FILLED,
    HEARD,
    HEEDS_AGE,
    HEEDS_PULSE,
    STRAY,
    hear,
    is_restless,
)
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.latency import Leg, feed_delay
from mmjit.core.meeting import meet
from mmjit.core.ordering import send_requests
from mmjit.core.posting import (
    next_answer_ns,
    next_request_ns,
    takes_no_time,
)
from mmjit.core.quoting import recall, settle
from mmjit.core.replay import apply_dirty, look_on
from mmjit.core.room import has_room_for
from mmjit.core.sighting import lots_seen, see_queue
from mmjit.core.watching import heed, note, pull_if_stale, pull_stale
from mmjit.core.working import LATEST

STOPPED: Final = 0  # what a run returns: it is where it was to stop,
FULL: Final = 1  # or a ring must be drained, or grown, first
_GOES_ON: Final = 2


def run_session(rule, model, bound, stop, params, memory):  # type: ignore[no-untyped-def]
    """Run a rule over a tape, up to an event.

    Args:
        rule: the compiled rule.
        model: the compiled queue model.
        bound: leads to the Session.
        stop: the event that the venue is not to see; the number of events: run to the end, where
            everything that is on its way arrives.
        params: uint8, the rule's parameters.
        memory: uint8[symbols, bytes], what the rule remembers of each symbol.

    Returns:
        STOPPED, or FULL where a ring must be drained or grown before it can go on.
    """
    session = bundle_of(bound)
    run = session.run[0]
    while True:
        done = _walk(rule, model, bound, stop, params, memory)
        if done != _GOES_ON:
            return done
        if run["two_clocks"]:
            done = _look(rule, model, bound, params, memory)
            if done != _GOES_ON:
                return done
            if run["view_ns"] <= run["due_ns"]:
                continue
        if _is_over(session):
            return STOPPED
        if _floor_ns(session) <= run["due_ns"]:
            continue  # the venue goes first
        if not _do_due(rule, bound, params, memory):
            return FULL


@verb
def _is_over(session):  # type: ignore[no-untyped-def]
    """Whether there is no event and no message left, or nothing before the run is to stop."""
    run = session.run[0]
    events_ns = min(_floor_ns(session), run["view_ns"])
    expires = run["until_ns"] < LATEST and run["expiry_ns"] <= run["until_ns"]
    waiting_ns = min(next_request_ns(session), next_answer_ns(session))
    if min(events_ns, waiting_ns) >= LATEST and not expires:
        return True
    return min(events_ns, _next_due(session)) > run["until_ns"]


# ---- the venue ----------------------------------------------------------------------------------


@helper
def _walk(rule, model, bound, stop, params, memory):  # type: ignore[no-untyped-def]
    """Let the venue go on up to what is due, or to what our side sees and may act on."""
    session = bundle_of(bound)
    desk, floor, track = (
        bundle_of(session.desk),
        bundle_of(session.floor),
        bundle_of(session.track),
    )
    events, book, run = track.events, floor.book, session.run[0]
    two_clocks = run["two_clocks"] != 0
    for place in range(run["place"], stop):
        event = events[place]
        until_ns = run["due_ns"]
        if two_clocks and (run["wakes"] != 0 or run["heeds"] != 0):
            until_ns = min(until_ns, run["view_ns"])
        if event["venue_ns"] > until_ns:
            return _GOES_ON
        look_on(book, track.region, events, place)
        symbol = np.int64(event["symbol"])
        run["place"] = place + 1
        if symbol < 0 or symbol >= len(session.dues):
            apply_dirty(book, track.region, event, floor.counts)
            continue
        due = session.dues[symbol]
        if not has_room_for(session, symbol):
            run["place"] = place
            return FULL
        run["floor_ns"] = max(run["floor_ns"], event["venue_ns"])
        run["event"] = place
        if two_clocks:
            meet(model, bound, (session, floor, track), event)
            continue
        run["now_ns"] = max(run["now_ns"], event["venue_ns"])
        if meet(model, bound, (session, floor, track), event):
            note(bound, session, desk, event)
        heed(bound, session)
        if event["flags"] & Flag.LAST and _is_due(run, due):
            due["started"] = 1
            _decide(rule, bound, symbol, params, memory[symbol])
    if run["place"] >= stop and stop < len(events):
        return STOPPED
    return _GOES_ON


@verb
def _floor_ns(session):  # type: ignore[no-untyped-def]
    """When the venue's next event is; LATEST: there is none."""
    place = session.run[0]["place"]
    events = bundle_of(session.track).events
    return events[place]["venue_ns"] if place < len(events) else LATEST


# ---- what our side sees -------------------------------------------------------------------------


@helper
def _look(rule, model, bound, params, memory):  # type: ignore[no-untyped-def]
    """Let our side see what its feed brings up to what is due, or to the venue's next event."""
    session = bundle_of(bound)
    desk, track = bundle_of(session.desk), bundle_of(session.track)
    latencies = bundle_of(session.wire).latencies
    run = session.run[0]
    acts = run["wakes"] != 0 or run["heeds"] != 0
    while run["view_ns"] <= run["due_ns"]:
        if acts and run["view_ns"] >= _floor_ns(session):
            return _GOES_ON
        place = run["view_place"]
        event = track.events[_seen_place(track, place)]
        look_on(desk.book, track.region, track.events, place)
        symbol = np.int64(event["symbol"])
        if symbol < 0 or symbol >= len(session.dues):
            apply_dirty(desk.book, track.region, event, track.unseen)
            _aim_view(run, track, latencies, place + 1)
            continue
        due = session.dues[symbol]
        may_ask = acts or due["started"] == 0
        if may_ask and not has_room_for(session, symbol):
            return FULL
        run["now_ns"] = max(run["now_ns"], run["view_ns"])
        before, lots = desk.book.control[0]["sequence"], lots_seen(session, desk, event)
        apply_dirty(desk.book, track.region, event, track.unseen)
        if desk.book.control[0]["sequence"] != before:
            if lots != NIL:
                see_queue(model, bound, event, lots)
            note(bound, session, desk, event)
        _aim_view(run, track, latencies, place + 1)
        if may_ask:
            heed(bound, session)
            if event["flags"] & Flag.LAST and _is_due(run, due):
                due["started"] = 1
                _decide(rule, bound, symbol, params, memory[symbol])
    return _GOES_ON


@verb
def _seen_place(track, place):  # type: ignore[no-untyped-def]
    """Where on the tape the event stands that our side sees in a place of its order."""
    return track.seen[place] if len(track.seen) > 0 else place


@verb
def _aim_view(run, track, latencies, place):  # type: ignore[no-untyped-def]
    """Find out when our side sees its next event: never before the one before it."""
    run["view_place"] = place
    if place >= len(track.events):
        run["view_ns"] = LATEST
        return
    event = track.events[_seen_place(track, place)]
    run["view_ns"] = max(run["view_ns"], event["venue_ns"] + feed_delay(latencies, event))


# ---- what is due --------------------------------------------------------------------------------


@helper
def _do_due(rule, bound, params, memory):  # type: ignore[no-untyped-def]
    """Do what is due first, and all messages of its instant; whether there was room for it.

    What is next is known then. Neither the venue nor our side has an event up to that instant.
    """
    session = bundle_of(bound)
    run = session.run[0]
    due_ns = run["due_ns"]
    while True:
        if not _do_first(rule, bound, session, params, memory):
            return False
        set_due(session)
        if min(next_request_ns(session), next_answer_ns(session)) != due_ns:
            return True


@verb
def _do_first(rule, bound, session, params, memory):  # type: ignore[no-untyped-def]
    """Do the first thing that is due; whether there was room for it."""
    run, wire = session.run[0], bundle_of(session.wire)
    due_ns = run["due_ns"]
    if next_request_ns(session) <= due_ns:
        number = run["request_tail"] % len(wire.requests)
        message = wire.requests[number]
        if not has_room_for(session, np.int64(message["symbol"])):
            return False
        run["floor_ns"] = max(run["floor_ns"], message["arrive_ns"])
        run["request_tail"] += 1
        symbol = np.int64(message["symbol"])
        arrive(bound, number)
        if run["two_clocks"] == 0 and takes_no_time(wire.latencies, Leg.RESPONSE):
            run["now_ns"] = max(run["now_ns"], run["floor_ns"])
            _act_on(rule, bound, symbol, params, memory)
        return True
    if next_answer_ns(session) <= due_ns:
        number = run["answer_tail"] % len(wire.answers)
        symbol = np.int64(wire.answers[number]["symbol"])
        if not has_room_for(session, symbol):
            return False
        run["answer_tail"] += 1
        hear(bound, number)
        _act_on(rule, bound, symbol, params, memory)
        return True
    if run["expiry_ns"] - 1 <= due_ns:
        if not has_room_for(session, np.int64(0)):
            return False
        run["floor_ns"] = max(run["floor_ns"], run["expiry_ns"])
        expire(bound)
        return True
    return _decide_on_time(rule, bound, params, memory)


@verb
def set_due(session):  # type: ignore[no-untyped-def]
    """Find out up to when events come before whatever else is due, or the run is to stop."""
    run = session.run[0]
    run["due_ns"] = min(_next_due(session), run["until_ns"])


@verb
def _next_due(session):  # type: ignore[no-untyped-def]
    """Up to when events come before whatever else is due; LATEST: nothing is, by when it stops."""
    run = session.run[0]
    due_ns = min(next_request_ns(session), next_answer_ns(session))
    if run["expiry_ns"] <= run["until_ns"]:
        due_ns = min(due_ns, run["expiry_ns"] - 1)
    if run["every_ns"] > 0 and run["next_ns"] <= run["until_ns"]:
        due_ns = min(due_ns, run["next_ns"] - 1)
    return due_ns


@verb
def _act_on(rule, bound, symbol, params, memory):  # type: ignore[no-untyped-def]
    """Our side has heard something of a symbol: the rule is asked if that is what it waits for."""
    session = bundle_of(bound)
    due = session.dues[symbol]
    due["changed"] = due["changed"] | HEARD
    heed(bound, session)
    if due["started"] == 0 or _is_market_over(session) or _hears_more(session, symbol):
        return
    if _is_due(session.run[0], due) and not is_restless(session, symbol):
        _decide(rule, bound, symbol, params, memory[symbol])


@verb
def _is_market_over(session):  # type: ignore[no-untyped-def]
    """Whether our side has seen the last event: what is on its way arrives, the rule is done."""
    return min(_floor_ns(session), session.run[0]["view_ns"]) >= LATEST


@verb
def _hears_more(session, symbol):  # type: ignore[no-untyped-def]
    """Whether the next answer, too, is there now and about a symbol: one decision is for both."""
    run, answers = session.run[0], bundle_of(session.wire).answers
    if next_answer_ns(session) > run["now_ns"]:
        return False
    return answers[run["answer_tail"] % len(answers)]["symbol"] == symbol


@verb
def _decide_on_time(rule, bound, params, memory):  # type: ignore[no-untyped-def]
    """Ask the rule, for every symbol that has started, at an instant; then set the next.

    Instants before which nothing happens are left out: nothing could be decided otherwise. Returns
    whether the rings had room; if not, what is left is done when they were drained.
    """
    session = bundle_of(bound)
    run = session.run[0]
    now_ns, every_ns = run["next_ns"], run["every_ns"]
    if _is_market_over(session):
        run["next_ns"] = LATEST
        return True
    run["now_ns"] = max(run["now_ns"], now_ns)
    for symbol in range(len(session.dues)):
        due = session.dues[symbol]
        if due["started"] == 0 or due["next_ns"] > now_ns:
            continue
        if not has_room_for(session, symbol):
            return False
        if run["heeds"] & HEEDS_PULSE:
            pull_stale(bound, symbol)
        else:
            _decide(rule, bound, symbol, params, memory[symbol])
        due["next_ns"] = now_ns + 1
    stirs_ns = min(_floor_ns(session), run["view_ns"])
    stirs_ns = min(stirs_ns, min(next_request_ns(session), next_answer_ns(session)))
    if run["heeds"] & HEEDS_AGE and run["working_count"] > 0:
        stirs_ns = min(stirs_ns, now_ns + 1)  # that nothing happens is what makes a market stale
    run["next_ns"] = LATEST
    if stirs_ns < LATEST:
        run["next_ns"] = max(now_ns // every_ns + 1, stirs_ns // every_ns + 1) * every_ns
    return True


@verb
def _is_due(run, due):  # type: ignore[no-untyped-def]
    """Whether a symbol is to be quoted after this source message, or what was heard."""
    changed = due["changed"]
    if due["started"] == 0 or changed & run["wakes"]:
        return changed != 0
    # asked on fills alone, and without an order in the market none could ever come: as on change
    never = run["wakes"] == FILLED and (run["every_ns"] == 0 or run["heeds"] & HEEDS_PULSE)
    return never and changed and due["first_own"] == NIL


@helper
def _decide(rule, bound, symbol, params, memory):  # type: ignore[no-untyped-def]
    """Ask the rule what it wants, and make it so."""
    session = bundle_of(bound)
    want_nothing(session.quotes)
    if session.dues[symbol]["changed"] & STRAY:
        recall(bound, symbol)
    session.dues[symbol]["changed"] = 0
    session.run[0]["decision_count"] += 1
    rule(at_symbol(bundle_of(session.desk), symbol), params, memory, session.quotes)
    if session.run[0]["heeds"] & HEEDS_AGE:
        pull_if_stale(session, symbol)
    settle(bound, symbol)
    if bundle_of(session.desk).requests[0]["kind"] != 0:
        send_requests(bound, symbol)
    heed(bound, session)


# ---- entry points -------------------------------------------------------------------------------


@kernel
def begin_session(bound):  # type: ignore[no-untyped-def]
    """Begin a run whose arrays are zero but for what was asked."""
    session = bundle_of(bound)
    run = session.run[0]
    run["expiry_ns"] = LATEST
    run["view_ns"] = LATEST
    run["until_ns"] = LATEST
    for symbol in range(len(session.dues)):
        due = session.dues[symbol]
        due["own_bid"] = -LATEST
        due["own_ask"] = LATEST
        due["first_bid"] = NIL
        due["first_ask"] = NIL
        due["first_own"] = NIL
        due["last_own"] = NIL
    if run["two_clocks"]:
        run["view_ns"] = -LATEST
        track, wire = bundle_of(session.track), bundle_of(session.wire)
        _aim_view(run, track, wire.latencies, 0)
    set_due(session)


@kernel
def run_until(bound, until_ns):  # type: ignore[no-untyped-def]
    """Have the run stop once everything up to a time is done."""
    session = bundle_of(bound)
    session.run[0]["until_ns"] = until_ns
    set_due(session)
