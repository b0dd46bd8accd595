"""`mmjit info`: what is on a tape."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text
from mmjit.tape import Tape, open_tape


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("info", help="say what is on a tape")
    parser.add_argument("tape", type=Path, metavar="TAPE")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts of a tape."""
    tape = open_tape(arguments.tape)
    if arguments.json:
        print_json(facts(tape))
    else:
        print(describe(tape))
    return 0


def facts(tape: Tape) -> dict[str, Any]:
    """What a tape says of itself."""
    names = (
        "events",
        "messages",
        "symbols",
        "first_time_ns",
        "last_time_ns",
        "kinds",
        "order_slots",
        "qty_lots_max",
        "window_levels",
        "events_digest",
        "import",
    )
    return {"tape": str(tape.path), **{name: tape.meta[name] for name in names}}


def describe(tape: Tape) -> str:
    """The same for people."""
    meta = tape.meta
    source = meta["import"]
    some = ", ".join(tape.symbols[:10]) + (", ..." if len(tape.symbols) > 10 else "")
    lines = [
        f"tape       {tape.path}",
        f"symbols    {len(tape.symbols):,}: {some}",
        f"events     {meta['events']:,} of {meta['messages']:,} messages ({source['feed']})",
        f"kinds      {text.counts(meta['kinds'])}",
        f"first      {text.instant(meta['first_time_ns'])}",
        f"last       {text.instant(meta['last_time_ns'])}",
        f"orders     at most {meta['order_slots']:,} at once",
    ]
    for first, stop, origin in tape.spans:
        if origin.window_levels:
            whose = "" if len(tape.origins) == 1 else f" of {', '.join(tape.symbols[first:stop])}"
            shown = f"{origin.window_levels} levels a side{whose}"
            lines.append(f"window     {shown}; what is behind is not known")
    if tape.is_by_symbol:
        lines.append("order      by symbol, and by time within each")
    lines += _remarks(source)
    if source.get("leftover_bytes"):
        lines.append(f"cut off    {source['leftover_bytes']:,} bytes of an incomplete last message")
    return "\n".join(lines)


def _remarks(source: dict[str, Any]) -> list[str]:
    """What an import has inferred, left out, corrected and checked."""
    lines = [
        f"{name:<10} {_flat(source[name])}"
        for name in ("inferred", "synthetic", "skipped", "anomalies")
        if source.get(name)
    ]
    if clock := source.get("clock"):
        times = [clock[f"latency_{name}_ns"] / 1e6 for name in ("min", "median", "max")]
        lines.append(
            "received   after {:,.3f} ms at the least, {:,.3f} median, {:,.3f} at the most".format(
                *times
            )
        )
        if clock["local_shift_ns"]:
            lines.append(f"clock      of receipt moved by {clock['local_shift_ns']:,} ns")
    if truth := source.get("book_ticker"):
        lines.append(
            f"truth      {truth['equal']:,} of {truth['compared']:,} books equal bookTicker"
        )
    return lines


def _flat(values: dict[str, Any]) -> str:
    """Counts in one line, also of reasons within reasons."""
    parts = []
    for name, value in values.items():
        inner = _flat(value) if isinstance(value, dict) else None
        shown = f"{value:,}" if isinstance(value, int) else value
        parts.append(f"{name} ({inner})" if inner is not None else f"{name} {shown}")
    return ", ".join(parts)
