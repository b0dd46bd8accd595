"""Everything that happens to our orders, written to two rings that Python drains."""

from typing import Any, Final, NamedTuple

from mmjit.core.jit import verb

SPARE: Final = 256  # lines that one event can write besides those of a sweep


class Logbook(NamedTuple):
    """The rings; `run` counts what they hold."""

    fills: Any  # FILL
    steps: Any  # STEP


@verb
def has_room(logbook, run, level_count, order_count):  # type: ignore[no-untyped-def]
    """Whether the worst case of one event fits.

    That is a sweep of so many levels, two lines for each, and then so many orders cancelled.
    """
    needed = 2 * level_count + order_count + SPARE
    return run["fill_count"] + needed <= len(logbook.fills) and run["step_count"] + needed <= len(
        logbook.steps
    )


@verb
def write_step(logbook, run, place, order, kind, qty_lots):  # type: ignore[no-untyped-def]
    """Log a step of an order; `place` is 2 * symbol + side. Returns the line."""
    line = logbook.steps[run["step_count"]]
    run["step_count"] += 1
    line["venue_ns"] = run["now_ns"]
    line["order_id"] = order["order_id"]
    line["price"] = order["price"]
    line["qty_lots"] = qty_lots
    line["left_lots"] = order["left_lots"]
    line["ahead_lots"] = 0
    line["event"] = run["event"]
    line["symbol"] = place >> 1
    line["side"] = place & 1
    line["kind"] = kind
    line["status"] = 0
    return line


@verb
def write_fill(logbook, run, place, order, price, qty_lots):  # type: ignore[no-untyped-def]
    """Log a fill; the caller completes fee, position and maker. Returns the line."""
    line = logbook.fills[run["fill_count"]]
    run["fill_count"] += 1
    line["venue_ns"] = run["now_ns"]
    line["order_id"] = order["order_id"]
    line["price"] = price
    line["qty_lots"] = qty_lots
    line["event"] = run["event"]
    line["symbol"] = place >> 1
    line["side"] = place & 1
    line["owner"] = 0
    return line
