"""A flow at a venue, written down as the events that the venue's feed would show.

An order that comes to rest is an ADD, a cancelled one a DELETE, each trade an EXECUTE of the order
that rested; the last event of a command is flagged LAST. What nobody sees is not written: a market
order that found nothing, or an order that the venue refused.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mmjit.core.bound import Bound, bundle_of
from mmjit.core.codes import NIL, Flag, Kind
from mmjit.core.jit import loop_for, verb
from mmjit.core.records import COMMAND, EVENT
from mmjit.core.venue import submitter
from mmjit.models.flow import is_over, next_command, next_symbol

SILENCE_MAX: Final = 10_000_000  # steps without an event after which a flow is said to be dead


def runner(flow: Any, venue: Any) -> Callable[[Any], int]:
    """`run_flow` for a flow and a venue: takes EVENT to write and returns how many it wrote."""
    bound = Bound(venue)
    submit, taken = submitter(bound)
    work = np.zeros(1, COMMAND), np.zeros(1, np.int64)
    loop = loop_for(run_flow, [taken], (flow, bound, work, np.zeros(0, EVENT)))
    return lambda events: int(loop(submit, flow, bound, work, events))


def run_flow(submit, flow, bound, work, events):  # type: ignore[no-untyped-def]
    """Let a flow trade at a venue until so many events were seen.

    Args:
        submit: of the venue (`mmjit.core.venue.submitter`).
        flow: of as many symbols as the venue has.
        bound: leads to the venue where it trades; trades are drained into the events, and those
            that do not fit into this run begin the next one.
        work: COMMAND and int64, one each, to work in.
        events: EVENT, written.

    Returns:
        How many events were written: all, unless nothing happened for SILENCE_MAX steps or the
        end of time was reached.
    """
    venue = bundle_of(bound)
    commands, statuses = work
    place = 0
    silence = 0
    control = venue.control[0]
    while place < len(events) and silence < SILENCE_MAX:
        silence += 1
        if control["trade_tail"] < control["trade_head"]:
            _write_trade(venue, events[place])
            place += 1
            silence = 0
            continue
        symbol = next_symbol(flow)
        if is_over(flow, symbol):
            return place
        if next_command(flow, venue.book, symbol, commands[0]):
            submit(bound, commands, 0, statuses)
            done = statuses[0]
            if done >= 0 and commands[0]["terms"] == 0:
                _write_order(commands[0], done, events[place])
                place += 1
                silence = 0
    return place


@verb
def _write_order(command, done, event):  # type: ignore[no-untyped-def]
    """An order that came to rest, or one that was cancelled with `done` lots left."""
    cancels = command["kind"] == Kind.CANCEL
    event["venue_ns"] = command["venue_ns"]
    event["local_ns"] = command["local_ns"]
    event["order_id"] = command["order_id"]
    event["price"] = command["price"]
    event["qty_lots"] = done if cancels else command["qty_lots"]
    event["symbol"] = command["symbol"]
    event["kind"] = Kind.DELETE if cancels else Kind.ADD
    event["side"] = command["side"]
    event["flags"] = Flag.LAST
    event["handle"] = NIL
    event["level"] = NIL
    event["other_id"] = 0


@verb
def _write_trade(venue, event):  # type: ignore[no-untyped-def]
    """The oldest trade that was not drained, which it then is."""
    control = venue.control[0]
    line = venue.trades[control["trade_tail"] & (len(venue.trades) - 1)]
    control["trade_tail"] += 1
    event["venue_ns"] = line["venue_ns"]
    event["local_ns"] = line["venue_ns"]
    event["order_id"] = line["maker_id"]
    event["price"] = line["price"]
    event["qty_lots"] = line["qty_lots"]
    event["symbol"] = line["symbol"]
    event["kind"] = Kind.EXECUTE
    event["side"] = 1 - line["side"]
    event["flags"] = Flag.LAST if control["trade_tail"] == control["trade_head"] else 0
    event["handle"] = NIL
    event["level"] = NIL
    event["other_id"] = line["number"]
