"""`mmjit depth`: the best levels of a symbol after every message, as a .npy file."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, whole_number


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "depth",
        help="write the best levels of a symbol after every message",
        description="Writes a structured .npy: time_ns and, a level each, bid_price, bid_qty, "
        "ask_price, ask_qty (price units and lots; a level that is missing is 0). One row for each "
        "source message of the symbol that has an event on the tape, after its last event.",
    )
    parser.add_argument("tape", type=Path, metavar="TAPE")
    parser.add_argument("--symbol", help="may be left out when the tape has only one")
    parser.add_argument(
        "--levels", type=whole_number, default=10, help="a side (default: %(default)s)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="the .npy file to write")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the rows."""
    from mmjit.replaying import depth
    from mmjit.tape import open_tape

    tape = open_tape(arguments.tape)
    rows = depth(tape, symbol=arguments.symbol, levels=arguments.levels, out=arguments.out)
    number = 0 if arguments.symbol is None else tape.symbol(arguments.symbol)
    instrument = tape.instruments[number]
    facts = {
        "rows": len(rows),
        "levels": arguments.levels,
        "symbol": instrument.symbol,
        "price_unit": float(instrument.price_unit),
        "lot_size": instrument.qty(1),
        "out": str(arguments.out),
    }
    if arguments.json:
        print_json(facts)
    else:
        print(
            f"{facts['rows']:,} rows of {facts['levels']} levels of {facts['symbol']} in "
            f"{facts['out']}; prices count {instrument.price_unit}, quantities "
            f"{instrument.lot_size}"
        )
    return 0
