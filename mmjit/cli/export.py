"""`mmjit export`: a tape to the files of others."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text


def add_parser(commands: Any) -> None:
    """Add the command and its formats."""
    parser = commands.add_parser("export", help="write a tape as another program reads it")
    formats = parser.add_subparsers(dest="format", metavar="FORMAT", required=True)
    hftbacktest = formats.add_parser(
        "hftbacktest",
        help="a file of hftbacktest 2",
        description="Writes a symbol of TAPE as rows of hftbacktest. What ends with .npz can be "
        "imported again as the same events; .npy has no room for the instrument.",
    )
    hftbacktest.add_argument("tape", type=Path, metavar="TAPE")
    hftbacktest.add_argument("--symbol", help="may be left out when the tape has only one")
    hftbacktest.add_argument(
        "-o", "--out", type=Path, required=True, help="the file to make, .npz or .npy"
    )
    hftbacktest.add_argument("--replace", action="store_true", help="replace a file that is there")
    add_common(hftbacktest)
    hftbacktest.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file, and print what became of the events."""
    from mmjit.feeds.hftbacktest_export import export_hftbacktest

    facts = export_hftbacktest(
        arguments.tape, arguments.out, symbol=arguments.symbol, replace=arguments.replace
    )
    if arguments.json:
        print_json(facts)
        return 0
    print(f"{facts['file']}: {facts['events']:,} events became {facts['rows']:,} rows")
    print(f"skipped {text.counts(facts['skipped'])}")
    print(f"hftbacktest needs tick_size {facts['tick_size']}, lot_size {facts['lot_size']}")
    return 0
