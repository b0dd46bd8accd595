"""The arrays of a backtest: made for a tape and its settings, grown, copied, written and read."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mmjit.core.book import Book
from mmjit.core.bound import Bound
from mmjit.core.codes import NIL, STATUS_SPAN
from mmjit.core.desk import QUOTE_LEVELS, REQUESTS, Desk
from mmjit.core.hearing import HEEDS_AGE, HEEDS_LOSS, HEEDS_PULSE
from mmjit.core.latency import Delay, Jitter, Leg
from mmjit.core.ledger import UNLIMITED
from mmjit.core.logbook import SPARE, Logbook
from mmjit.core.pacing import AGES, NEVER
from mmjit.core.pool import Pool
from mmjit.core.records import EVENT, METER
from mmjit.core.state import aligned_zeros, levels_over
from mmjit.core.tables import ASK, DUE, FILL_LINE, MESSAGE, OWN, REQUEST, RUN, STEP, WANT, WORKING
from mmjit.core.working import Floor, Session, Track, Wire
from mmjit.replaying import book_for
from mmjit.tape import Tape
from mmjit.terms import Settings, ledger_of, occasions, seed_of, ticks_of

Array = np.ndarray[Any, Any]
# Rings are small, so that they stay in the cache; they grow where one event may bring more.
RING: Final = 1 << 10  # messages on their way
LINES: Final = 1 << 13  # of the log, between two drains
WORKING_MAX: Final = 1 << 16  # orders of ours, on their way and at the venue


def session_of(tape: Tape, settings: Settings) -> Session:
    """Everything that a run reads and writes, as it is before the first event."""
    symbols = max(1, len(tape.instruments))
    latencies, trips = settings.latency.as_arrays()
    feed = latencies[Leg.FEED]
    book, region = book_for(tape)
    run = np.zeros(1, RUN)
    run["every_ns"], run["wakes"] = occasions(settings.every)
    run["seed"] = seed_of(settings.seed)
    run["impact"] = settings.impact
    run["two_clocks"] = feed["model"] != Delay.NONE or feed["jitter"] != Jitter.NONE
    seen = seen_of(tape) if feed["model"] == Delay.RECORDED else np.zeros(0, np.int64)
    view = book_for(tape)[0] if run["two_clocks"][0] else book
    own = np.zeros((symbols, 2, QUOTE_LEVELS), OWN)
    ledger = ledger_of(tape, settings)
    loses = (ledger.totals["max_daily_loss_units"] < UNLIMITED) | (
        ledger.totals["max_drawdown_units"] < UNLIMITED
    )
    ages = ledger.limits["watches"] & AGES != 0
    run["heeds"] = HEEDS_LOSS * loses.any() | HEEDS_AGE * ages.any()
    if ages.any() and run["every_ns"][0] == 0:
        run["heeds"] |= HEEDS_PULSE
        run["every_ns"] = max(1, int(ledger.limits["max_age_ns"].min()) // 4)
    ledger.guards["seen_ns"] = NEVER  # until the feed brings something
    ahead = np.full(own.shape, NIL, np.int64)
    others = np.zeros((0, 2, 2), np.int64)  # our orders stand apart
    requests, orders = np.zeros(REQUESTS, REQUEST), np.zeros(WORKING_MAX, WORKING)
    dues, ticks = _dues_of(tape), ticks_of(tape.instruments)
    desk = Desk(view, own, ahead, ledger, ticks, run, others, requests, orders, dues, 0)
    fronts = settings.model().defaults.view(np.uint8).copy()
    unasked = np.zeros(STATUS_SPAN, np.int64)
    floor = Floor(book, np.zeros(len(book.levels), np.int64), unasked, fronts)
    wire = Wire(np.zeros(RING, MESSAGE), np.zeros(RING, MESSAGE), latencies, trips)
    logbook = Logbook(np.zeros(LINES + SPARE, FILL_LINE), np.zeros(LINES + SPARE, STEP))
    events = np.ascontiguousarray(tape.events).view(EVENT)
    return Session(
        run=run,
        dues=dues,
        orders=orders,
        pool=Bound(_pool()),
        desk=Bound(desk),
        floor=Bound(floor),
        wire=Bound(wire),
        logbook=Bound(logbook),
        track=Bound(Track(events, seen, np.zeros(STATUS_SPAN, np.int64), region)),
        quotes=np.zeros((2, QUOTE_LEVELS + 1), WANT),
        asks=np.zeros(1, ASK),
        refused=np.zeros((symbols, STATUS_SPAN), np.int64),
    )


def _pool() -> Pool:
    """The slots of our orders, none of them held."""
    meter = np.zeros(1, METER)
    meter["capacity"] = WORKING_MAX
    return Pool(np.zeros(WORKING_MAX, np.int32), meter)


def _dues_of(tape: Tape) -> Array:
    """DUE per symbol, with what its tape shows."""
    dues = np.zeros(max(1, len(tape.instruments)), DUE)
    for first, stop, origin in tape.spans:
        dues["by_level"][first:stop] = origin.by_level
        dues["window_levels"][first:stop] = origin.window_levels
    return dues


def seen_of(tape: Tape) -> Array:
    """The order in which our side sees the events, empty where it is the tape's own.

    Price levels come in streams of their own and may overtake each other. Orders of a tape come in
    one, in which none overtakes another: what came earlier on it is seen no later. Tapes that are
    joined overtake each other as they did.
    """
    if len(tape.origins) == 1 and not tape.origins[0].by_level:
        return np.zeros(0, np.int64)
    symbols = tape.events["symbol"]
    local_ns = np.maximum(tape.events["local_ns"], tape.events["venue_ns"])  # no event before it is
    for first, stop, origin in tape.spans:
        if not origin.by_level:
            own = (symbols >= first) & (symbols < stop)
            local_ns[own] = np.maximum.accumulate(local_ns[own])
    if (local_ns[1:] >= local_ns[:-1]).all():
        return np.zeros(0, np.int64)
    return np.argsort(local_ns, kind="stable")


# ---- copies -------------------------------------------------------------------------------------

OF_THE_TAPE: Final = ("events", "seen")  # never written, and as large as it


def copy_of(session: Session) -> Session:
    """The same state in arrays of its own; a book that serves both sides serves both again."""
    copies: dict[int, Array] = {}

    def copied(name: str, array: Array) -> Array:
        if name in OF_THE_TAPE:
            return array
        if id(array) not in copies:
            copies[id(array)] = like(array)
            copies[id(array)][...] = array
        return copies[id(array)]

    made: Session = rebuilt(session, copied)
    return made


def like(array: Array) -> Array:
    """A zeroed array of the same shape, which begins on a cache line."""
    return aligned_zeros("", array.dtype, array.size).reshape(array.shape)


def rebuilt(part: Any, each: Callable[[str, Array], Array], name: str = "") -> Any:
    """A bundle of the same shape, in which another array stands for each, given its name."""
    if isinstance(part, Bound):
        return Bound(rebuilt(part.bundle, each, name))
    if isinstance(part, tuple):
        names = getattr(part, "_fields", [""] * len(part))
        split: Any = part._replace(levels=None) if isinstance(part, Book) else part
        parts = [rebuilt(one, each, n) for n, one in zip(names, split, strict=True)]
        made: Any = type(part)(*parts)
        if isinstance(part, Book):  # the levels are part of the slab that begins with the nodes
            return made._replace(levels=levels_over(made.nodes, made.orders, part.levels.dtype))
        return made
    return each(name, part) if isinstance(part, np.ndarray) else part


def parts_of(session: Session) -> list[tuple[str, Array]]:
    """Every array of a session, with its name, in the order in which `rebuilt` meets them."""
    parts: list[tuple[str, Array]] = []

    def noted(name: str, array: Array) -> Array:
        parts.append((name, array))
        return array

    rebuilt(session, noted)
    return parts


def grow(session: Session) -> None:
    """Give a session longer rings; its log has been drained, and grows when messages outgrow it."""
    run, wire, logbook = session.run[0], session.wire.bundle, session.logbook.bundle
    assert run["fill_count"] == run["step_count"] == 0
    requests = _longer(wire.requests, int(run["request_tail"]), int(run["request_head"]))
    answers = _longer(wire.answers, int(run["answer_tail"]), int(run["answer_head"]))
    session.wire.aim(wire._replace(requests=requests, answers=answers))
    if len(requests) > len(logbook.fills):
        session.logbook.aim(Logbook(*(np.zeros(2 * len(ring), ring.dtype) for ring in logbook)))


def _longer(ring: Array, tail: int, head: int) -> Array:
    """A ring of twice the size, in which what is between tail and head stands where it should."""
    longer = np.zeros(2 * len(ring), ring.dtype)
    numbers = np.arange(tail, head)
    _lines(longer)[numbers % len(longer)] = _lines(ring)[numbers % len(ring)]
    return longer


def _lines(ring: Array) -> Array:
    """The bytes of a ring, a row each: numpy copies records field by field."""
    return ring.view(np.uint8).reshape(len(ring), -1)
