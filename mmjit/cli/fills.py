"""`mmjit fills`: every fill of a backtest, or every step of its orders."""

import argparse
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text, whole_number

_EPILOG = """\
columns of fills:
  venue_time, local_time   when it happened, and when our side learnt of it; UTC
  side, price, qty         of our order; in currency and in units of the instrument
  liquidity                maker: our order rested; taker: it came to what rested
  fee, currency            above 0 is cost
  position                 after it
  entry_ahead, ahead       queue before our order when it came to rest, and still before it then
  mid                      of the venue then; empty while a side was missing
  edge                     how far below the mid we bought, or above it sold; below 0 we crossed it
  event                    its place on the tape
columns of orders besides: sent_time of what the step answers; step is new, amend, fill, cancel or
reject; status is the rule that was broken; qty of the step and what is left after it; ahead of
a new order.

  mmjit backtest TAPE --out run
  mmjit fills run --symbol AAPL --limit 50
  mmjit fills run --csv - | head
  mmjit fills run --orders --parquet orders.parquet      # pip install mmjit[parquet]
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "fills",
        help="print or export the fills of a backtest",
        description="Shows what mmjit backtest --out RUN has written; files get every row, exact.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN")
    parser.add_argument("--symbol", help="of this one only")
    parser.add_argument("--orders", action="store_true", help="the steps of our orders' lives")
    parser.add_argument("--csv", type=Path, metavar="FILE|-", help="write CSV; - prints it")
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="write Parquet (pyarrow)")
    parser.add_argument("--replace", action="store_true", help="replace a file that is there")
    parser.add_argument(
        "--limit",
        type=whole_number,
        default=20,
        help="rows to print, 0 for all (default: %(default)s)",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the rows."""
    from mmjit import run_files, run_rows
    from mmjit.errors import ArgumentError
    from mmjit.run_folder import read_run

    if arguments.limit < 0:
        raise ArgumentError(f"--limit {arguments.limit} is below 0; give 0 for all rows")
    printing = arguments.csv == Path("-")
    if printing and arguments.json:
        raise ArgumentError("--csv - and --json both print; give one of them")
    choose = run_rows.order_rows if arguments.orders else run_rows.fill_rows
    rows = choose(read_run(arguments.folder), arguments.symbol)
    written = []
    if arguments.parquet is not None:
        run_files.save_parquet(rows, arguments.parquet, replace=arguments.replace)
        written.append(str(arguments.parquet))
    if printing:
        run_files.write_csv(rows, sys.stdout)
        return 0
    if arguments.csv is not None:
        run_files.save_csv(rows, arguments.csv, replace=arguments.replace)
        written.append(str(arguments.csv))
    totals: Any = run_rows.order_totals(rows) if arguments.orders else run_rows.fill_totals(rows)
    shown = rows.first(arguments.limit or len(rows.lines))
    if arguments.json:
        print_json(_facts(rows, shown, totals, written))
        return 0
    print(_table(rows, shown))
    for line in (_order_totals if arguments.orders else _fill_totals)(totals):
        print(line)
    for name in written:
        print(f"{len(rows.lines):,} rows are in {name}")
    return 0


def _facts(rows: Any, shown: Any, totals: dict[str, Any], written: list[str]) -> dict[str, Any]:
    """The same for scripts; decimals are texts, times nanoseconds."""
    names = [column.name for column in rows.columns]
    texts = (
        (f"{value:f}" if isinstance(value, Decimal) else value for value in row) for row in shown
    )
    return {
        "run": str(rows.run.path),
        "count": len(rows.lines),
        "rows": [dict(zip(names, row, strict=True)) for row in texts],
        "totals": totals,
        "files": written,
    }


def _table(rows: Any, shown: Any) -> str:
    cells = [list(map(_cell, row, rows.columns)) for row in shown]
    table = text.table(cells, [column.name for column in rows.columns])
    left = len(rows.lines) - len(shown.lines)
    more = f"\n... and {left:,} more; --limit 0 shows all" if left else ""
    return f"{table}{more}\ntimes in UTC; quantities in units of the instrument"


def _cell(value: Any, column: Any) -> str:
    if value is None:
        return "-"
    if column.kind == "time":
        return text.instant(value).removesuffix(" UTC")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _fill_totals(totals: dict[str, Any]) -> list[str]:
    lines = []
    for currency, part in totals.items():
        edge = "-" if part["edge"] is None else f"{part['edge']:,.8g}"
        lines.append(
            f"{part['fills']:,} fills, {part['maker_share']:.1%} maker, "
            f"volume {part['volume']:,.8g}, fees {part['fees']:,.8g} {currency}, "
            f"mean edge to mid {edge} a unit"
        )
    return lines or ["0 fills"]


def _order_totals(totals: dict[str, int]) -> list[str]:
    return [f"{sum(totals.values()):,} steps: {text.counts(totals)}"]
