"""`mmjit limits`: whether a file of limits can be used, and what then holds."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "limits",
        help="check a file of limits and show what holds",
        description="Checks a TOML file of limits and shows each limit that is in force. A value "
        'is a number and its unit ("1_000 lots", "20 orders", "50_000 USD", "200 bps") or '
        '"unlimited"; what is not mentioned is unlimited, 0 allows nothing. Tables: [account], '
        "[currency.USD], [symbols.default], [symbols.AAPL].",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--tape", type=Path, help="check symbols, currencies and price units against a tape's too"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the limits of a file."""
    from mmjit.limits_file import read_limits

    limits = read_limits(arguments.file)
    if arguments.tape is not None:
        from mmjit.tape import open_tape

        limits.check(open_tape(arguments.tape).instruments)
    if arguments.json:
        print_json({"file": str(arguments.file), **limits.as_json()})
    else:
        print(limits.table())
    return 0
