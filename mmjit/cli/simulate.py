"""`mmjit simulate`: a market out of a model, as a tape."""

import argparse
import textwrap
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, params_of, print_json, whole_number
from mmjit.models.catalogue import MODELS
from mmjit.models.plans import Parameter

_COMMON = ("order_lots", "tick", "start_price", "speed")
_DESCRIPTION = """\
Limit orders, cancellations and market orders come at random, at the rates of a model, and trade on
the matching engine by price and time. The tape is what the feed of that venue shows. The same
model, seed and parameters make the same bytes on every machine; a symbol more changes nothing in
the others."""
_EXAMPLES = """

The market begins empty and fills within the first minutes. A limit order stands 1, 2, ... ticks
behind the best price of the other side; while that side is empty, behind its last best price. An
order that would have a price below one tick, or far above ten times the first, does not come; a
market order that finds nothing is void. Each event is one command, and each price is above 0.

examples:
  mmjit simulate cst -o tape                                 a million events of the published model
  mmjit simulate cst --symbols 10 --param speed=60 -o tape   ten symbols, minutes become seconds
  mmjit simulate hawkes --param alpha=1.1 -o tape            market orders in longer bursts
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "simulate",
        help="make a tape out of a model of an order flow",
        description=_DESCRIPTION,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="cst, santa-fe or hawkes, see below")
    parser.add_argument("--symbols", type=whole_number, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--events", type=whole_number, default=1_000_000, help="in all (default: %(default)s)"
    )
    parser.add_argument("--seed", type=whole_number, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the model (may be repeated)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="TAPE", help="the tape to make, a folder"
    )
    parser.add_argument("--replace", action="store_true", help="replace a tape that is there")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and say what is on the tape."""
    from mmjit.cli.info import describe, facts
    from mmjit.simulating import simulate

    tape = simulate(
        arguments.model,
        arguments.out,
        symbols=arguments.symbols,
        events=arguments.events,
        seed=arguments.seed,
        params=params_of(arguments.param, "speed=60"),
        replace=arguments.replace,
    )
    if arguments.json:
        print_json(facts(tape))
    else:
        print(describe(tape))
    return 0


def _epilog() -> str:
    """Every model with its parameters, and where they come from."""
    lines = []
    for model in MODELS:
        names = " or ".join((model.name, *model.aliases))
        lines += [f"{names}: {model.summary}", *_wrapped(f"source: {model.source}", "  ")]
        for parameter in model.parameters:
            if parameter.name not in _COMMON:
                lines += _row(parameter)
        lines.append("")
    lines.append("every model (cst, or the others; prices in yen, or in cents):")
    for name in _COMMON:
        defaults = [p for model in MODELS for p in model.parameters if p.name == name]
        shown = " or ".join(dict.fromkeys(f"{parameter.default:g}" for parameter in defaults))
        lines += _row(defaults[0]._replace(unit=""), shown)
    return "\n".join(lines) + _EXAMPLES


def _row(parameter: Parameter, default: str = "") -> list[str]:
    """A parameter: name, default with unit, meaning."""
    shown = default or f"{parameter.default:g}"
    head = f"  {parameter.name:12}{shown + ' ' + parameter.unit:15}"
    return _wrapped(head + parameter.meaning, " " * len(head))


def _wrapped(line: str, indent: str) -> list[str]:
    """A line broken where it is too long, with what follows indented."""
    if not line.startswith(" "):
        line = indent + line
    return textwrap.wrap(line, 100, subsequent_indent=indent, break_on_hyphens=False)
