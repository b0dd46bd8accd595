"""The command line: `mmjit COMMAND ...`, one module a command.

What a command prints for people goes to standard output, as one JSON object with `--json`; errors
go to standard error, one line that names the value, the limit and the remedy. Exit codes: 0 all is
well, 1 a check failed, 2 the input cannot be used.
"""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from mmjit import __version__

COMMANDS: Final = (
    "create",
    "demo",
    "import_",
    "export",
    "info",
    "partition",
    "replay",
    "depth",
    "simulate",
    "backtest",
    "strategies",
    "new_strategy",
    "fills",
    "queue_error",
    "limits",
    "fees",
    "warm",
)
_EPILOG: Final = """\
a first walk:
  mmjit demo                                    a market, a rule and what it earned
  mmjit import itch50 12302019.NASDAQ_ITCH50.gz -o day
  mmjit info day
  mmjit replay day
  mmjit depth day --symbol AAPL --levels 10 -o depth.npy
  mmjit backtest day --strategy pegged --param qty_lots=100 --out run
  mmjit fills run
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and takes -2e-5 for a number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._negative_number_matcher = re.compile(r"^-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        sys.exit(2)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = _Parser(
        prog="mmjit",
        description="Replay recorded markets and backtest quoting rules at native speed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmjit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"mmjit.cli.{name}").add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("mmjit: interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except Exception as error:
        if getattr(arguments, "traceback", False):
            raise
        return _report(error)


def _report(error: Exception) -> int:
    """Say what went wrong, in one line unless it shows one of a strategy; returns the exit code."""
    from mmjit.errors import MmjitError, StrategyError

    text = " ".join(str(error).split())
    if isinstance(error, StrategyError):  # which may show a line of the user's
        sys.stderr.write(f"mmjit: {str(error).strip()}\n")
        return error.exit_code
    if isinstance(error, MmjitError):
        sys.stderr.write(f"mmjit: {text}\n")
        return error.exit_code
    if isinstance(error, OSError):
        sys.stderr.write(f"mmjit: {text}\n")
        return 2
    sys.stderr.write(
        f"mmjit: {type(error).__name__}: {text[:400]}; this is a bug, run again with --traceback\n"
    )
    return 1


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every command."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")


def whole_number(text: str) -> int:
    """An integer argument; 1_000_000 and 1e6 are taken too."""
    try:
        value = float(text) if "e" in text.lower() else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


def params_of(pairs: Sequence[str], example: str) -> dict[str, str]:
    """The values of every --param NAME=VALUE, by name."""
    from mmjit.errors import ArgumentError

    params: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ArgumentError(f"--param {pair!r} is not NAME=VALUE, such as {example}")
        params[name.strip()] = value.strip()
    return params


def print_json(values: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    import json

    sys.stdout.write(json.dumps(values) + "\n")
