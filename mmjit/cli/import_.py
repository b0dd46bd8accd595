"""`mmjit import`: foreign files to a tape."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, whole_number


def add_parser(commands: Any) -> None:
    """Add the command and its feeds."""
    parser = commands.add_parser("import", help="turn recorded files into a tape")
    feeds = parser.add_subparsers(dest="feed", metavar="FEED", required=True)
    lobster = feeds.add_parser(
        "lobster",
        help="LOBSTER message and orderbook files",
        description="SOURCE is a zip with a message and an orderbook file; or a message CSV, whose "
        "orderbook file is taken if it is given too or stands beside it; or a message CSV alone.",
    )
    lobster.add_argument("source", nargs="+", type=Path, metavar="SOURCE")
    lobster.add_argument("--symbol", help="its name, if the file name does not say it")
    lobster.add_argument(
        "--levels", type=whole_number, help="levels a side, if the file name does not say it"
    )
    lobster.set_defaults(run=_lobster)
    itch = feeds.add_parser(
        "itch50",
        help="Nasdaq TotalView-ITCH 5.0",
        description="SOURCE is a file of length-prefixed messages, raw or gzip, whole or cut off.",
    )
    itch.add_argument("source", type=Path, metavar="SOURCE")
    itch.add_argument(
        "--symbol",
        "--symbols",
        dest="symbols",
        action="append",
        metavar="NAME[,NAME...]",
        help="only these (may be repeated); without it, all",
    )
    itch.set_defaults(run=_itch50)
    for feed in (lobster, itch):
        feed.add_argument(
            "-o", "--out", type=Path, required=True, help="the tape to make, a folder"
        )
        feed.add_argument("--date", help="trading day YYYY-MM-DD, if the file name does not say it")
        feed.add_argument(
            "--timezone", default="America/New_York", help="of the venue (default: %(default)s)"
        )
        feed.add_argument("--replace", action="store_true", help="replace a tape that is there")
        add_common(feed)


def _lobster(arguments: argparse.Namespace) -> int:
    from mmjit.feeds.lobster import import_lobster

    tape = import_lobster(
        arguments.source if len(arguments.source) > 1 else arguments.source[0],
        arguments.out,
        date=arguments.date,
        levels=arguments.levels,
        symbol=arguments.symbol,
        timezone=arguments.timezone,
        replace=arguments.replace,
    )
    return _report(tape, arguments)


def _itch50(arguments: argparse.Namespace) -> int:
    from mmjit.feeds.itch50 import import_itch50

    names = [name.strip() for text in arguments.symbols or () for name in text.split(",")]
    tape = import_itch50(
        arguments.source,
        arguments.out,
        date=arguments.date,
        symbols=[name for name in names if name] or None,
        timezone=arguments.timezone,
        replace=arguments.replace,
    )
    return _report(tape, arguments)


def _report(tape: Any, arguments: argparse.Namespace) -> int:
    from mmjit.cli.info import describe, facts

    if arguments.json:
        print_json(facts(tape))
    else:
        print(describe(tape))
    return 0
