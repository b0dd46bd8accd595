"""`mmjit partition`: a tape sorted by symbol."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, info, print_json


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "partition",
        help="sort a tape by symbol, so that it is replayed faster and in shards",
        description="Makes a tape with the same events, those of each symbol together. replay and "
        "depth find on it what they find on TAPE, faster when there are many symbols, and "
        "replay --shards need not sort. A backtest needs TAPE itself.",
    )
    parser.add_argument("tape", type=Path, metavar="TAPE")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the tape to make, a folder")
    parser.add_argument("--replace", action="store_true", help="replace a tape that is there")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sort, and print the facts of the new tape."""
    from mmjit.partitioning import partition

    tape = partition(arguments.tape, arguments.out, replace=arguments.replace)
    if arguments.json:
        print_json(info.facts(tape))
    else:
        print(info.describe(tape))
    return 0
