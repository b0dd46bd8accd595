"""`mmjit replay`: a tape to its end, and the books as they are then."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text, whole_number

_SHOWN = 20


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("replay", help="replay a tape and show the books at its end")
    parser.add_argument("tape", type=Path, metavar="TAPE")
    parser.add_argument("--audit", action="store_true", help="scan every book at the end")
    parser.add_argument(
        "--show", type=whole_number, default=_SHOWN, help="books to print (default: %(default)s)"
    )
    parser.add_argument(
        "--shards",
        type=whole_number,
        metavar="N",
        help="replay in N shards of symbols, one thread each; a tape that is not by symbol "
        "(mmjit partition) is first sorted in memory",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Replay and print."""
    done = _replayed(arguments)
    if arguments.audit:
        done.audit()
    facts = done.facts()
    if arguments.json:
        print_json(facts)
        return 0
    print(
        f"{facts['events']:,} events of {facts['messages']:,} messages in "
        f"{facts['seconds']:.3f} s: {facts['ns_per_event']:.1f} ns an event"
        + (f", in {len(facts['shards'])} shards" if "shards" in facts else "")
    )
    print(f"{facts['resting_orders']:,} orders rest, {facts['executed_lots']:,} lots were executed")
    print(f"unknown ids {facts['unknown_ids']:,}; anomalies: {text.counts(facts['anomalies'])}")
    print(f"state hash {facts['state_hash']}" + ("; audit passed" if arguments.audit else ""))
    books = [(name, book) for name, book in facts["books"].items() if book["orders"]]
    if books and arguments.show > 0:
        print()
        print(text.table([_row(name, book) for name, book in books[: arguments.show]], _HEAD))
        if len(books) > arguments.show:
            print(
                f"... and {len(books) - arguments.show:,} more books; --show N, or --json for all"
            )
    return 0


def _replayed(arguments: argparse.Namespace) -> Any:
    if arguments.shards is None:
        from mmjit.replaying import replay

        return replay(arguments.tape)
    from mmjit.sharding import replay_shards

    return replay_shards(arguments.tape, arguments.shards)


_HEAD = ("symbol", "bid qty", "bid", "ask", "ask qty", "levels", "orders")


def _row(name: str, book: dict[str, Any]) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:,.10g}"

    return (
        name,
        shown(book["bid_qty"]),
        shown(book["bid_price"]),
        shown(book["ask_price"]),
        shown(book["ask_qty"]),
        f"{book['bid_levels']} x {book['ask_levels']}",
        text.count(book["orders"]),
    )
