"""`mmjit backtest`: a quoting rule on a tape, and what it earned."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, params_of, print_json, text, whole_number

_EPILOG = """\
rules that come with mmjit:
  pegged            one quote a side, offset_ticks behind the best       offset_ticks=0 qty_lots=100
  inventory-skewed  one quote a side around the mid, shifted against the position
                                       half_spread_ticks=1.0 skew_ticks=1.0 qty_lots=100
  adaptive-spread   further from the mid the more it moves
  mean-reversion    around where a mid that reverts to its mean is expected
  momentum          leaning with a mid that moves; pulls the side that is run over
  imbalance         leaning to where the book is thin, over one level or several
  micro-price       around the micro-price, from a table that can be fitted to a tape
  order-flow        leaning with the order flow at the best prices
  grid              several quotes a side at prices that stay where they are
  join-queue        at the best price while its queue is short; keeps its place
a rule of your own, in rule.py:
  from mmjit import ASK, BID, behind, is_two_sided, parameters, strategy, want

  @strategy(params=parameters(offset_ticks=1, qty_lots=100))
  def mine(desk, params, memory, quotes):
      if is_two_sided(desk):
          for side in (BID, ASK):
              want(quotes, side, 0, behind(desk, side, params["offset_ticks"]), params["qty_lots"])

  mmjit backtest TAPE --strategy rule.py:mine --param offset_ticks=2
several tapes in one run:
  mmjit backtest AMZN AAPL --max-position 500
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "backtest",
        help="run a quoting rule through a tape",
        description="Our orders rest in the true queues of a tape of orders; on a tape of price "
        "levels where a queue model takes them to be. Nothing is assumed to fill.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tapes",
        nargs="+",
        type=Path,
        metavar="TAPE",
        help="several, of different symbols, are merged by time and traded on one account",
    )
    parser.add_argument(
        "--strategy", default="pegged", metavar="NAME|FILE.py[:FUNC]", help="(default: %(default)s)"
    )
    add_run_options(parser)
    parser.add_argument(
        "--debug",
        action="store_true",
        help="run everything as plain Python, so that the rule may print and breakpoint() works in "
        "it: the same orders and fills, a hundred times as slow",
    )
    parser.add_argument("--out", type=Path, help="folder for fills.npy, orders.npy and run.json")
    parser.add_argument("--replace", action="store_true", help="replace a result that is there")
    add_common(parser)
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that shape a run."""
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the rule (may be repeated)",
    )
    parser.add_argument(
        "--every",
        default="change",
        metavar="100ms|change|fill|100ms+fill",
        help="when the rule is asked: at an interval, when a best or our position changes, or "
        "when we were filled; with + any of them together (default: %(default)s)",
    )
    parser.add_argument(
        "--maker-fee", default="0", help="fraction of notional of passive fills; < 0 is a rebate"
    )
    parser.add_argument("--taker-fee", default="0", help="fraction of notional of aggressive fills")
    parser.add_argument(
        "--max-position",
        type=whole_number,
        help="lots over all symbols, open orders counted (default: no limit)",
    )
    parser.add_argument("--max-long", type=whole_number, help="lots a symbol, open buys counted")
    parser.add_argument("--max-short", type=whole_number, help="lots a symbol, open sells counted")
    parser.add_argument(
        "--limits", type=Path, metavar="FILE", help="of every kind, TOML; see mmjit limits --help"
    )
    parser.add_argument(
        "--fees", type=Path, metavar="FILE", help="of every kind, TOML; see mmjit fees --help"
    )
    parser.add_argument("--seed", type=whole_number, default=0, help="kept in the log")
    add_venue_options(parser)


def add_venue_options(parser: argparse.ArgumentParser) -> None:
    """The options that shape the venue."""
    texts = "none, a time such as 250us, or with a jitter 1ms+lognormal(200us,0.5)"
    parser.add_argument(
        "--feed-latency", default="none", metavar="TEXT", help=f"{texts}; or recorded: as the tape"
    )
    parser.add_argument(
        "--entry-latency",
        default="none",
        metavar="TEXT",
        help="of our orders, to the venue; as above, or rows: as measured (--latency-rows)",
    )
    parser.add_argument(
        "--response-latency", default="none", metavar="TEXT", help="of its answers; as for orders"
    )
    parser.add_argument(
        "--cancel-latency", metavar="TEXT", help="of our cancels (default: as for orders)"
    )
    parser.add_argument(
        "--latency-rows",
        metavar="FILE",
        help="measured round trips, .npy, .npz or .csv: sent_ns, venue_ns, received_ns",
    )
    parser.add_argument(
        "--queue-model",
        default="risk_averse",
        metavar="NAME|FILE.py[:FUNC]",
        help="of a tape of price levels, such as power3:n=3; see mmjit queue-error --help "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--no-impact",
        action="store_true",
        help="what our aggressive orders take can be taken again (default: it is gone)",
    )


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `mmjit.backtest` that the options say."""
    from mmjit.fees import read_fees
    from mmjit.latency import Latency
    from mmjit.limits_file import read_limits

    limits = None if arguments.limits is None else read_limits(arguments.limits)
    latency = Latency(
        feed=arguments.feed_latency,
        entry=arguments.entry_latency,
        response=arguments.response_latency,
        cancel=arguments.cancel_latency,
        rows=arguments.latency_rows,
        seed=arguments.seed,
    )
    params = params_of(arguments.param, "qty_lots=100")
    names = ("every", "maker_fee", "taker_fee", "max_position", "max_long", "max_short", "seed")
    given = {name: getattr(arguments, name) for name in names}
    return {
        "params": params,
        "limits": limits,
        "fees": None if arguments.fees is None else read_fees(arguments.fees),
        "latency": latency,
        "queue_model": arguments.queue_model,
        "impact": not arguments.no_impact,
        **given,
    }


def run(arguments: argparse.Namespace) -> int:
    """Run and print."""
    from mmjit.core.jit import COMPILED

    if arguments.debug and COMPILED:
        return _run_uncompiled()
    from mmjit.backtesting import backtest

    options = options_of(arguments)
    if options["limits"] is not None:
        table = options["limits"].table()
        print(f"limits in force, of {arguments.limits}:\n{table}\n", file=sys.stderr)
    result = backtest(
        arguments.tapes,
        strategy=arguments.strategy,
        out=arguments.out,
        replace=arguments.replace,
        **options,
    )
    summary = result.summary()
    if arguments.json:
        print_json(summary)
        return 0
    print(describe(summary, " and ".join(summary["currencies"])))
    if arguments.out is not None:
        print(f"fills.npy, orders.npy and run.json are in {arguments.out}")
    return 0


def _run_uncompiled() -> int:
    """The same command in a process that compiles nothing; its exit code."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "mmjit", *sys.argv[1:]]
    return subprocess.run(command, env=environment, check=False).returncode


_SHOWN = 20


def describe(summary: dict[str, Any], currency: str) -> str:
    """A summary for people."""
    busy = {name: part for name, part in summary["symbols"].items() if part["orders"]}
    rows = [_row(name, part) for name, part in list(busy.items())[:_SHOWN]]
    if len(busy) != 1:
        totals = summary["currencies"]
        several = len(totals) > 1
        rows += [_row(f"total {c}" if several else "total", part) for c, part in totals.items()]
    lines = [text.table(rows, _HEAD)]
    if len(busy) > _SHOWN:
        lines.append(f"... and {len(busy) - _SHOWN:,} more symbols; --json shows all")
    lines.append(f"money in {currency}; fees > 0 are cost; drawdown from the peak of net equity")
    if summary["refused"]:
        lines.append(f"refused orders: {text.counts(summary['refused'])}")
    if summary["window_levels"]:
        lines.append(
            f"a tape shows {summary['window_levels']} levels a side: orders behind them are "
            f"refused (outside_window); {summary['requeued']:,} went behind a level shown again"
        )
    lines.append(_assumed(summary["assumed"]))
    if summary["anomalies"]:
        lines.append(f"anomalies of the feed: {text.counts(summary['anomalies'])}")
    lines.append(
        f"{summary['decisions']:,} decisions in {summary['seconds']:.3f} s, "
        f"{summary['ns_per_event']:.0f} ns an event"
    )
    return "\n".join(lines)


def _assumed(assumed: dict[str, Any]) -> str:
    """What was assumed, in a line."""
    legs = {leg: assumed["latency"][leg] for leg in ("feed", "entry", "response")}
    said = ", ".join(f"{leg} {text}" for leg, text in legs.items() if text != "none")
    queue = "true queues" if assumed["queue"] == "true" else f"queues by {assumed['queue']}"
    queue = queue.replace("queues by true and", "true queues, of price levels by")
    gone = "what we take is gone" if assumed["impact"] == "taken" else "impact none"
    return f"{queue}; latency: {said or 'none'}; {gone}"


_HEAD = (
    "symbol",
    "net",
    "gross",
    "fees",
    "realised",
    "unrealised",
    "drawdown",
    "position",
    "fills",
    "filled",
    "orders",
)


def _row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    money = ("pnl_net", "pnl_gross", "fees", "realised", "unrealised", "max_drawdown")
    counts = ("position", "fills", "filled_qty", "orders")
    return (
        name,
        *(text.money(part[field]) for field in money),
        *(text.count(part[field]) for field in counts),
    )
