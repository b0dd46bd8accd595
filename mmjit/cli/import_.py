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
        feed.add_argument("--date", help="trading day YYYY-MM-DD, if the file name does not say it")
        feed.add_argument(
            "--timezone", default="America/New_York", help="of the venue (default: %(default)s)"
        )
    for feed in (lobster, itch, _add_binance(feeds), _add_hftbacktest(feeds)):
        feed.add_argument(
            "-o", "--out", type=Path, required=True, help="the tape to make, a folder"
        )
        feed.add_argument("--replace", action="store_true", help="replace a tape that is there")
        add_common(feed)


def _add_binance(feeds: Any) -> Any:
    feed = feeds.add_parser(
        "binance",
        help="raw captures of Binance streams, spot and USD-M futures",
        description="SOURCE is a file of a receive time and a JSON message a line, raw or gzip; "
        "several that continue each other, oldest first, become one tape.",
    )
    feed.add_argument("source", nargs="+", type=Path, metavar="SOURCE")
    _add_sizes(feed)
    feed.add_argument("--currency", help="of prices, if the symbol does not end with it")
    feed.add_argument(
        "--base-latency-ns",
        type=whole_number,
        metavar="NS",
        help="move the receive clock so that the quickest message took NS (without it, to 0 if it "
        "took less than nothing)",
    )
    feed.set_defaults(run=_binance)
    return feed


def _add_hftbacktest(feeds: Any) -> Any:
    feed = feeds.add_parser(
        "hftbacktest",
        help="files of hftbacktest 2, by price level or by order",
        description="SOURCE is a .npz or .npy of one asset; several that continue each other, "
        "oldest first, become one tape.",
    )
    feed.add_argument("source", nargs="+", type=Path, metavar="SOURCE")
    _add_sizes(feed)
    feed.add_argument("--symbol", help="its name (without it, that of the file)")
    feed.add_argument("--currency", help="of prices (without it, USD)")
    feed.set_defaults(run=_hftbacktest)
    return feed


def _add_sizes(feed: Any) -> None:
    feed.add_argument("--tick-size", metavar="SIZE", help="without it, what all prices share")
    feed.add_argument("--lot-size", metavar="SIZE", help="without it, what all quantities share")


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


def _binance(arguments: argparse.Namespace) -> int:
    from mmjit.feeds.binance import import_binance

    tape = import_binance(
        arguments.source,
        arguments.out,
        tick_size=arguments.tick_size,
        lot_size=arguments.lot_size,
        currency=arguments.currency,
        base_latency_ns=arguments.base_latency_ns,
        replace=arguments.replace,
    )
    return _report(tape, arguments)


def _hftbacktest(arguments: argparse.Namespace) -> int:
    from mmjit.feeds.hftbacktest import import_hftbacktest

    tape = import_hftbacktest(
        arguments.source,
        arguments.out,
        tick_size=arguments.tick_size,
        lot_size=arguments.lot_size,
        symbol=arguments.symbol,
        currency=arguments.currency,
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
