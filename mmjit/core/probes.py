"""Probes: orders that are only thought of, in true queues and in those of a model at once.

At regular instants a probe of one lot is put last in the queue of each best price. On an
order-by-order tape its true place is known: an order's sequence number says whether it stands
before it. The same events seen as a price-level feed shows them (the level's quantity before and
after, executions and trades at the price) move the front that a queue model estimates.

In truth a probe is filled by an execution of an order behind it, a trade or an execution through
its price, or an opposite order that reaches it: as an order of ours in a backtest. By the model it
is filled when a trade gets through its front, or by the last three. A probe whose level an importer
had to infer, or that was cleared, is cut: it ends there.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.ahead import prefetch_neighbours, prefetch_order
from mmjit.core.codes import NIL, Flag, Kind, TradingStatus
from mmjit.core.jit import helper, verb
from mmjit.core.levels import held, is_live
from mmjit.core.queues import front_after, trade_at
from mmjit.core.replay import AHEAD, apply_dirty, slot_ahead, slot_of

SHARES: Final = 20  # classes of how much of the first queue is left, in truth
_NOBODY: Final = 1 << 62  # a sequence after every other


class Watch(NamedTuple):
    """The probes of neighbouring symbols."""

    probes: Any  # PROBE per watched owner and instant
    fronts: Any  # float64 alike: lots before it, by the queue model
    survey: Any  # SURVEY, one
    first_owner: int  # of those that are watched


class Findings(NamedTuple):
    """What was seen of probes at the instants of their lives, until they were filled in truth."""

    # float64 per age in instants: looks, then sums of the model's queue ahead less the true one: of
    # it, of its size, of both as shares of the first queue
    by_age: Any
    by_share: Any  # float64 per class of the true share left: looks, sum of the model's share


def follow_probes(model, params, book, region, events, watched):  # type: ignore[no-untyped-def]
    """Follow probes over the next events of a tape.

    Args:
        model: `QueueModel.entry()`.
        params: uint8, its parameters.
        book: the book that the events change.
        region: of the tape.
        events: EVENT, in order.
        watched: Watch, Findings, and int64[STATUS_SPAN] of what was wrong with the feed.

    Returns:
        The events that were applied: all.
    """
    watch, findings, counts = watched
    survey = watch.survey[0]
    last = len(events) - 1
    for place in range(len(events)):
        far, near = events[min(place + 2 * AHEAD, last)], events[min(place + AHEAD, last)]
        prefetch_order(book, slot_ahead(region, far), far)
        prefetch_neighbours(book, slot_ahead(region, near), near)
        event = events[place]
        while event["venue_ns"] >= survey["next_ns"]:
            _look(book, watch, findings)
        survey["now_ns"] = max(survey["now_ns"], event["venue_ns"])
        _let_go(survey)
        row = 2 * np.int64(event["symbol"]) - watch.first_owner
        if row < 0 or row >= len(watch.probes):
            apply_dirty(book, region, event, counts)
        else:
            _take_in(model, params, book, region, event, watched)
    return len(events)


# ---- at an instant --------------------------------------------------------------------------


@helper
def _look(book, watch, findings):  # type: ignore[no-untyped-def]
    """At the next instant: see where every probe stands, and enter new ones."""
    survey = watch.survey[0]
    survey["now_ns"] = max(survey["now_ns"], survey["next_ns"])
    _let_go(survey)
    for row in range(len(watch.probes)):
        for instant in range(survey["oldest"], survey["newest"]):
            probe = watch.probes[row, instant]
            if probe["first_lots"] > 0 and probe["true_ns"] == 0:
                age_ns = survey["next_ns"] - survey["first_ns"] - instant * survey["every_ns"]
                front = 0.0 if probe["model_ns"] != 0 else max(watch.fronts[row, instant], 0.0)
                _note(findings, probe, front, age_ns // survey["every_ns"])
        if survey["newest"] < watch.probes.shape[1]:
            _enter(book, watch, row)
    survey["newest"] = min(survey["newest"] + 1, watch.probes.shape[1])
    survey["next_ns"] += survey["every_ns"]


@verb
def _note(findings, probe, front, age):  # type: ignore[no-untyped-def]
    """Add the error of a probe at an age to what was found."""
    first = np.float64(probe["first_lots"])
    error = front - probe["ahead_lots"]
    sums = findings.by_age[age]
    sums[0] += 1.0
    sums[1] += error
    sums[2] += abs(error)
    sums[3] += error / first
    sums[4] += abs(error) / first
    share = findings.by_share[min(SHARES - 1, SHARES * probe["ahead_lots"] // probe["first_lots"])]
    share[0] += 1.0
    share[1] += front / first


@verb
def _enter(book, watch, row):  # type: ignore[no-untyped-def]
    """Put a probe last in the queue of a side's best price, if it has one and is being traded."""
    owner, instant = watch.first_owner + row, watch.survey[0]["newest"]
    status = book.symbols[owner >> 1]["status"]
    level = np.int64(book.sides[owner]["best"])
    if level == NIL or (status != TradingStatus.UNKNOWN and status != TradingStatus.TRADING):
        return
    record = book.levels[held(level)]
    probe = watch.probes[row, instant]
    probe["price"] = record["price"]
    probe["sequence"] = book.control[0]["sequence"]
    probe["first_lots"] = record["qty_lots"]
    probe["ahead_lots"] = record["qty_lots"]
    watch.fronts[row, instant] = record["qty_lots"]


@verb
def _let_go(survey):  # type: ignore[no-untyped-def]
    """Leave the probes behind whose time is over."""
    born_ns = survey["now_ns"] - survey["horizon_ns"] - survey["first_ns"]
    while survey["oldest"] < survey["newest"] and survey["oldest"] * survey["every_ns"] <= born_ns:
        survey["oldest"] += 1


# ---- an event -------------------------------------------------------------------------------


@verb
def _take_in(model, params, book, region, event, watched):  # type: ignore[no-untyped-def]
    """Apply an event to the book and let it move the probes."""
    watch, _, counts = watched
    slot = slot_of(region, event)
    owner, price, sequence, left, shown = _mark_of(book, slot)
    accepted = book.control[0]["sequence"]
    apply_dirty(book, region, event, counts)
    if book.control[0]["sequence"] == accepted:
        return  # refused: nothing happened
    kind = event["kind"]
    if kind > 0 and kind <= Kind.EXECUTE and event["flags"] & Flag.SYNTHETIC:
        _cut_around(book, watch, slot, owner, price)
    if kind == Kind.ADD:
        _come(model, params, book, watch, slot, event)
    elif kind == Kind.REPLACE:
        _, new_price, _, qty_lots, _ = _mark_of(book, slot)
        mark = (owner, price, sequence, left)
        if new_price == price:
            _shift(model, params, watch, mark, (shown, shown - left + qty_lots), 0)
        else:
            _shift(model, params, watch, mark, (shown, shown - left), 0)
            _come(model, params, book, watch, slot, event)
    elif kind == Kind.TRADE:
        _trade(watch, event)
    elif kind == Kind.CLEAR:
        _cut(watch, 2 * np.int64(event["symbol"]), 0, 1)
        _cut(watch, 2 * np.int64(event["symbol"]) + 1, 0, 1)
    elif kind == Kind.REDUCE or kind == Kind.DELETE or kind == Kind.EXECUTE:
        lots = left if kind == Kind.DELETE else min(left, event["qty_lots"])
        traded = lots if kind == Kind.EXECUTE else 0
        _shift(model, params, watch, (owner, price, sequence, lots), (shown, shown - lots), traded)


@verb
def _cut_around(book, watch, slot, owner, price):  # type: ignore[no-untyped-def]
    """An importer inferred this event: the queues that it left and came to are no longer known."""
    if owner != NIL:
        _cut(watch, owner, price, 0)
    new_owner, new_price, _, _, _ = _mark_of(book, slot)
    if new_owner != NIL:
        _cut(watch, new_owner, new_price, 0)


@verb
def _mark_of(book, slot):  # type: ignore[no-untyped-def]
    """Owner, price, sequence and lots of a resting order, and what its level shows."""
    if slot == NIL or not is_live(book, slot):
        return np.int64(NIL), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    node = book.nodes[slot]
    level = book.levels[held(node["level"])]
    return (
        np.int64(level["owner"]),
        np.int64(level["price"]),
        np.int64(book.orders[slot]["sequence"]),
        np.int64(node["qty_lots"]),
        np.int64(level["qty_lots"]),
    )


@verb
def _come(model, params, book, watch, slot, event):  # type: ignore[no-untyped-def]
    """An order has come to rest: it is behind the probes of its price, and may reach others."""
    owner, price, _, lots, shown = _mark_of(book, slot)
    _shift(model, params, watch, (owner, price, _NOBODY, 0), (shown - lots, shown), 0)
    if event["flags"] & Flag.SYNTHETIC == 0:
        _fill_through(watch, owner ^ 1, price, 1)


@helper
def _shift(model, params, watch, mark, shown, traded_lots):  # type: ignore[no-untyped-def]
    """A level has changed: move the probes in its queue.

    Args:
        model: of the queue.
        params: of the model.
        watch: the probes.
        mark: owner, price, and of an order that left it, whole or in part, sequence and lots.
        shown: what the level showed before and shows now.
        traded_lots: those lots, if they were executed; else 0.
    """
    owner, price, sequence, lots = mark
    before, after = shown
    survey = watch.survey[0]
    now_ns = survey["now_ns"]
    row = owner - watch.first_owner
    for instant in range(survey["oldest"], survey["newest"]):
        probe = watch.probes[row, instant]
        if probe["price"] != price or probe["first_lots"] == 0:
            continue
        if probe["true_ns"] == 0:
            if sequence < probe["sequence"]:
                probe["ahead_lots"] -= lots
            elif traded_lots > 0:
                probe["true_ns"] = now_ns
        if probe["model_ns"] == 0:
            _hear(watch, row, instant, traded_lots)
        if probe["model_ns"] == 0 and before != after:
            front, traded = watch.fronts[row, instant], probe["traded_lots"]
            watch.fronts[row, instant] = front_after(model, params, front, traded, before, after)
            probe["traded_lots"] = 0
    if traded_lots > 0:
        _fill_through(watch, owner, price, 0)


@verb
def _hear(watch, row, instant, qty_lots):  # type: ignore[no-untyped-def]
    """A trade at the price of a probe takes from the model's front."""
    probe = watch.probes[row, instant]
    front, reached = trade_at(watch.fronts[row, instant], qty_lots)
    watch.fronts[row, instant] = front
    probe["traded_lots"] += qty_lots
    if reached > 0:
        probe["model_ns"] = watch.survey[0]["now_ns"]


@verb
def _trade(watch, event):  # type: ignore[no-untyped-def]
    """A trade with an order that was not displayed: the model takes it for one of the queue's."""
    if event["flags"] & (Flag.AUCTION | Flag.UNPRINTED) or event["qty_lots"] == 0:
        return
    survey = watch.survey[0]
    for side in range(2):
        owner = 2 * np.int64(event["symbol"]) + side
        row = owner - watch.first_owner
        for instant in range(survey["oldest"], survey["newest"]):
            probe = watch.probes[row, instant]
            is_there = probe["first_lots"] > 0 and probe["price"] == event["price"]
            if is_there and probe["model_ns"] == 0:
                _hear(watch, row, instant, event["qty_lots"])
        _fill_through(watch, owner, event["price"], 0)


@helper
def _fill_through(watch, owner, price, at):  # type: ignore[no-untyped-def]
    """Fill the probes of a side whose price is better than one; `at` 1: or the same."""
    survey = watch.survey[0]
    sign = 1 if owner & 1 == 0 else -1
    for instant in range(survey["oldest"], survey["newest"]):
        probe = watch.probes[owner - watch.first_owner, instant]
        if probe["first_lots"] > 0 and sign * (probe["price"] - price) + at > 0:
            _end(probe, survey["now_ns"])


@helper
def _cut(watch, owner, price, every):  # type: ignore[no-untyped-def]
    """End the probes of a side at a price; `every` 1: all of them."""
    survey = watch.survey[0]
    for instant in range(survey["oldest"], survey["newest"]):
        probe = watch.probes[owner - watch.first_owner, instant]
        if probe["first_lots"] > 0 and (every == 1 or probe["price"] == price):
            _end(probe, NIL)


@verb
def _end(probe, when_ns):  # type: ignore[no-untyped-def]
    """Say of a probe when it was filled, in truth and by the model, where that is open."""
    if probe["true_ns"] == 0:
        probe["true_ns"] = when_ns
    if probe["model_ns"] == 0:
        probe["model_ns"] = when_ns
