"""`mmjit fees`: whether a file of fees can be used, and what a fill then costs."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text

_EPILOG = """\
a file, with a value of each kind; what is not mentioned is 0, below 0 is a rebate:

  [symbols.default]                # of every symbol that does not say otherwise
  maker = 0.0002                   # of the notional of a fill of a resting order, a fraction
  taker = 0.0005                   # of an incoming order
  tiers = [                        # once so much of the instrument was traded, at most 16
      {volume = 15_000_000, maker = 0.00016, taker = 0.0004},
  ]

  [symbols.AAPL]                   # the default, but for what it says
  maker = 0
  taker = 0
  maker_per_qty = 0.003            # currency for each share, contract or coin
  taker_per_qty = 0.003
  maker_per_fill = 0.01            # currency for each fill
  taker_per_fill = 0.01
  buyer = 0.005                    # of the notional of what is bought: a stamp duty
  seller = 0.0000278               # of what is sold
  tiers = []

The fee of a fill is the sum, rounded up to 1e-12 of the currency that the instrument settles in.
A fill that reaches a tier's volume still pays the rates of before.
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "fees",
        help="check a file of fees and show what holds",
        description="Checks a TOML file of fees and shows each that is not 0.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--tape", type=Path, help="check against a tape's symbols and price units too"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the fees of a file."""
    from mmjit.fees import fees_json, read_fees

    fees = read_fees(arguments.file)
    if arguments.tape is not None:
        from mmjit.tape import open_tape
        from mmjit.terms import terms_of

        terms_of(open_tape(arguments.tape).instruments, fees)
    shown = fees_json(fees)
    if arguments.json:
        print_json({"file": str(arguments.file), "symbols": shown})
        return 0
    rows = [
        (symbol, name, f"from {value[0]}: {value[1]} {value[2]}" if name == "tiers" else value)
        for symbol, own in shown.items()
        for name, values in (own or {"maker": "0"}).items()
        for value in (values if name == "tiers" else [values])
    ]
    print(text.table(rows, ("symbol", "fee", "")))
    return 0
