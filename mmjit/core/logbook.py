"""Everything that happens to our orders, written to two rings that Python drains."""

from typing import Any, Final, NamedTuple

from mmjit.core.codes import Kind
from mmjit.core.jit import verb

SPARE: Final = 256  # lines that one event can write besides those that are counted


class Logbook(NamedTuple):
    """The rings; `run` counts what they hold."""

    fills: Any  # FILL_LINE
    steps: Any  # STEP


@verb
def has_room(logbook, run, line_count):  # type: ignore[no-untyped-def]
    """Whether so many lines fit each ring, and some to spare."""
    needed = line_count + SPARE
    return run["fill_count"] + needed <= len(logbook.fills) and run["step_count"] + needed <= len(
        logbook.steps
    )


@verb
def write_step(logbook, run, message, kind, qty_lots):  # type: ignore[no-untyped-def]
    """Log a step of an order, from the message that tells of it. Returns the line."""
    line = logbook.steps[run["step_count"]]
    run["step_count"] += 1
    line["venue_ns"] = message["venue_ns"]
    line["sent_ns"] = message["sent_ns"]
    line["local_ns"] = run["now_ns"]
    line["order_id"] = message["order_id"]
    line["price"] = message["price"]
    line["qty_lots"] = qty_lots
    line["left_lots"] = message["left_lots"]
    line["ahead_lots"] = message["ahead_lots"] if kind == Kind.NEW else 0
    line["mid_twice"] = message["mid_twice"]
    line["event"] = message["event"]
    line["symbol"] = message["symbol"]
    line["side"] = message["side"]
    line["kind"] = kind
    line["status"] = message["status"]
    return line


@verb
def write_fill(logbook, run, message):  # type: ignore[no-untyped-def]
    """Log a fill; the caller completes fee, position and queue. Returns the line."""
    line = logbook.fills[run["fill_count"]]
    run["fill_count"] += 1
    line["venue_ns"] = message["venue_ns"]
    line["local_ns"] = run["now_ns"]
    line["order_id"] = message["order_id"]
    line["price"] = message["price"]
    line["qty_lots"] = message["qty_lots"]
    line["mid_twice"] = message["mid_twice"]
    line["ahead_lots"] = message["ahead_lots"]
    line["event"] = message["event"]
    line["symbol"] = message["symbol"]
    line["side"] = message["side"]
    line["maker"] = message["maker"]
    line["owner"] = 0
    return line
