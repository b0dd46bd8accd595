"""`mmjit create`: make a state folder, and say what each part of it costs."""

import argparse
import json
from pathlib import Path
from typing import Any

from mmjit.arena import create_state
from mmjit.capacity import Capacity, table, unit_bytes
from mmjit.cli import add_common

_OPTIONS = {
    "symbols": "instruments",
    "orders": "orders that rest at once, over all symbols",
    "pages": "groups of 8 neighbouring prices with an order at once (as many as orders, of very "
    "many a quarter)",
    "rungs": "masks of the ladder, a power of two (at least four a page)",
    "fills": "rows of the ring of fills and of that of trades, a power of two",
    "accounts": "whose orders and positions are kept",
    "currencies": "that the instruments settle in",
    "alarms": "resting orders that expire by the clock (all, but of very many an eighth)",
}


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `mmjit`."""
    parser = subparsers.add_parser(
        "create",
        help="make a state folder",
        description="Make an empty state: a folder of .npy files of a fixed capacity.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="DIR", type=Path, help="the folder to make")
    default = Capacity()
    for name, meaning in _OPTIONS.items():
        shown = f"; default {getattr(default, name):,}"
        parser.add_argument(f"--{name}", metavar="N", type=_count, help=meaning + shown)
    parser.add_argument(
        "--qty-bits",
        type=int,
        choices=(32, 64),
        help=f"of the quantity of a resting order, in lots; default {default.qty_bits}",
    )
    parser.add_argument("--replace", action="store_true", help="delete the state that is there")
    parser.add_argument("--dry-run", action="store_true", help="only print what it would cost")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the state that the arguments describe, and print its terms."""
    names = (*_OPTIONS, "qty_bits")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    capacity = Capacity(**given)
    if not args.dry_run:
        create_state(args.path, capacity, replace=args.replace).close()
    if args.json:
        print(json.dumps(_as_json(args.path, capacity, created=not args.dry_run)))
    else:
        print(table(capacity))
        print(f"{args.path} " + ("would be made" if args.dry_run else "is ready"))
    return 0


def _as_json(path: Path, capacity: Capacity, *, created: bool) -> dict[str, Any]:
    """What the command says to scripts."""
    return {
        "path": str(path),
        "created": created,
        "capacity": capacity.as_json(),
        "total_bytes": capacity.total_bytes,
        "terms": [
            {
                "file": term.name,
                "records": term.records,
                "record_bytes": term.record_bytes,
                "total_bytes": term.total_bytes,
                "grows_with": term.per,
                "reason": term.reason,
            }
            for term in capacity.terms()
        ],
    }


def _count(text: str) -> int:
    """A number that a person writes: 1000000, 1_000_000 or 1,000,000; at least 1."""
    try:
        value = int(text.replace(",", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number; give one") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1; give at least that")
    return value


def _epilog() -> str:
    """What everything costs, computed."""
    units = unit_bytes()
    market = Capacity(symbols=8_000, orders=1_000_000)
    return "\n".join(
        [
            "What one more of each costs, in bytes (hash tables are powers of two, so steps vary):",
            *(f"  {name[:-1]:8} {cost:6.0f}" for name, cost in units.items()),
            "",
            "What the default capacity costs:",
            table(Capacity()),
            "",
            f"{market.symbols:,} symbols and {market.orders:,} orders take "
            f"{market.total_bytes:,} bytes ({market.total_bytes / (1 << 20):,.1f} MiB).",
        ]
    )
