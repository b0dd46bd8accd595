"""`mmjit demo`: simulated markets on the real matching engine, a maker in them, and a picture."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmjit.cli import add_common, params_of, print_json, text, whole_number

if TYPE_CHECKING:
    from mmjit.gauging import Promise
    from mmjit.playing import Played

_EPILOG = """\
The market is simulated, and what is earned in it says nothing about a real one. What is real
is the engine: every order of the flow and of the rule goes through the same venue, queues, limits
and accounts that `mmjit.Venue` gives you.
"""
_PICTURE = Path("mmjit-demo.png")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="a maker in simulated markets, what it earned, and a picture",
        description="Lets an inventory-skewed maker trade under limits against simulated order "
        "flows in several symbols, and prints and draws what came of it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", default="cst", help="of the flow: cst, santa-fe or hawkes (default: %(default)s)"
    )
    parser.add_argument("--symbols", type=whole_number, default=3, help="(default: %(default)s)")
    parser.add_argument(
        "--events",
        type=whole_number,
        default=1_000_000,
        help="commands of the flow, over all symbols (default: %(default)s)",
    )
    parser.add_argument("--strategy", default="inventory-skewed", help="(default: %(default)s)")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the rule (may be repeated; default: qty_lots=1 skew_ticks=0.25)",
    )
    parser.add_argument(
        "--limits", type=Path, metavar="FILE", help="of the maker, TOML (default: 10 lots a symbol)"
    )
    parser.add_argument("--maker-fee", default="0", help="fraction of notional; < 0 is a rebate")
    parser.add_argument("--taker-fee", default="0", help="fraction of notional")
    parser.add_argument(
        "--fees", type=Path, metavar="FILE", help="of every kind, TOML; see mmjit fees --help"
    )
    parser.add_argument("--seed", type=whole_number, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--picture", type=Path, default=_PICTURE, metavar="PNG", help="(default: %(default)s)"
    )
    parser.add_argument("--no-picture", action="store_true", help="draw none")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run, print, draw."""
    from mmjit.fees import read_fees
    from mmjit.gauging import promises
    from mmjit.limits_file import Limits, read_limits
    from mmjit.playing import play
    from mmjit.warming import helped

    params: dict[str, Any] = dict(params_of(arguments.param, "qty_lots=1"))
    if arguments.strategy == "inventory-skewed":
        params = {"qty_lots": 1, "skew_ticks": 0.25, **params}
    if arguments.limits is None:
        limits = Limits(max_long=10, max_short=10, max_order_qty=10)
    else:
        limits = read_limits(arguments.limits)
    with helped():
        result = play(
            arguments.model,
            strategy=arguments.strategy,
            params=params,
            symbols=arguments.symbols,
            events=arguments.events,
            seed=arguments.seed,
            limits=limits,
            maker_fee=arguments.maker_fee,
            taker_fee=arguments.taker_fee,
            fees=None if arguments.fees is None else read_fees(arguments.fees),
        )
        figures = promises(1e9 * result.seconds / result.command_count)
    drawn = None if arguments.no_picture else _draw(result, arguments.picture)
    if arguments.json:
        figured = {figure.name: figure.measured for figure in figures}
        print_json({**result.summary(), "figures": figured})
        return 0
    print(describe(result))
    print()
    print(_speeds(figures))
    if drawn is not None:
        print(f"\n{drawn}")
    return 0


def _draw(result: "Played", path: Path) -> str:
    """Draw the first symbol; without matplotlib, say how to get it."""
    from mmjit.errors import ArgumentError

    try:
        return f"picture: {result.picture(path).resolve()}"
    except ArgumentError as error:
        if "matplotlib" not in str(error):
            raise
        return f"no {error}"
    except OSError as error:
        raise ArgumentError(
            f"--picture: {path} cannot be written ({error.strerror}); name another place"
        ) from None


_HEAD = (
    *("symbol", "net", "gross", "fees", "realised", "unrealised", "drawdown"),
    *("position", "fills", "orders", "trades"),
)


def describe(result: "Played") -> str:
    """What happened, for people."""
    summary = result.summary()
    rows = [_row(name, part) for name, part in summary["symbols"].items()]
    rows += [_row(f"total {name}", part) for name, part in summary["currencies"].items()]
    refused = text.counts(summary["refused"]) if summary["refused"] else "none"
    return "\n".join(
        [
            f"{result.rule.name}: {result.rule.doc}",
            f"in {len(summary['symbols'])} markets of {result.made.model.name}: "
            f"{summary['commands']:,} commands, {summary['decisions']:,} decisions, "
            f"{summary['hours']:,.1f} simulated hours in {summary['seconds']:.2f} s",
            "",
            text.table(rows, _HEAD),
            f"refused by limits: {refused}; account {summary['mode']}",
        ]
    )


def _row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    money = ("pnl_net", "pnl_gross", "fees", "realised", "unrealised", "max_drawdown")
    counts = ("position", "fills", "orders", "trades")
    return (
        name,
        *(text.money(part[field]) for field in money),
        *(text.count(part[field]) for field in counts),
    )


def _speeds(figures: "list[Promise]") -> str:
    """The figures beside what was promised."""
    rows = [
        (
            figure.name,
            _figure(figure.measured, figure.unit),
            _figure(figure.promised, figure.unit),
            "kept" if figure.kept else "missed",
        )
        for figure in figures
    ]
    return text.table(rows, ("what it takes", "measured", "promised", ""))


def _figure(value: float, unit: str) -> str:
    return f"{value / 1e6:.2f} million" if unit == "a second" else f"{value:,.1f} {unit}"
