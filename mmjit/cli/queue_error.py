"""`mmjit queue-error`: how far queue models are from the true queues of a tape."""

import argparse
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text

_EPILOG = """\
At each instant an order of one lot, a probe, is thought to join the best bid, and one the best ask.
The tape knows the true queue before it, order by order; a queue model is shown the same events as a
price-level feed shows them, quantities and trades, and estimates it.

columns:
  truth, model, both   probes filled within the horizon: truly, by the model, by both
  missed, invented     true fills that the model does not have, in % of the true ones, and the other
                       way round, in % of the model's
  ahead, |ahead|       queue ahead by the model less the true one, mean in lots, and of its size, at
                       the instants until the true fill; % of the queue when the probe was entered
  late, |late|         the model's fill time less the true one, of those filled by both, in s:
                       quartiles, and the mean of its size

models, with their parameters (power3:n=2; log1 counts in units of unit_lots):
  risk_averse  power1 power2 power3 n=3.0  log1 log2 unit_lots=1.0
a model of your own, in mine.py:
  from mmjit import parameters, queue_model

  @queue_model(params=parameters(part=0.5))
  def patient(params, front_lots, traded_lots, before_lots, after_lots):
      cancelled = before_lots - after_lots - traded_lots
      return front_lots - params["part"] * max(cancelled, 0.0)   # kept within 0 and after_lots

  mmjit queue-error TAPE --models power3,mine.py:patient:part=0.3 --out queues.png
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "queue-error",
        help="measure queue models against the true queues of a tape",
        description="How far the queue models of price-level backtests are from the truth.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tape", type=Path, metavar="TAPE", help="order by order (L3)")
    parser.add_argument(
        "--models",
        metavar="NAME[:PARAM=VALUE],FILE.py:FUNC,...",
        help="(default: each that is shipped)",
    )
    parser.add_argument(
        "--every", default="1s", metavar="100ms", help="between instants (default: %(default)s)"
    )
    parser.add_argument(
        "--horizon", default="60s", metavar="10s", help="of a probe's life (default: %(default)s)"
    )
    parser.add_argument("--symbol", help="measure one symbol (default: all)")
    parser.add_argument("--out", type=Path, metavar="PICTURE.png", help="draw a picture, too")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from mmjit.models.queues import QUEUE_MODELS
    from mmjit.probing import queue_error

    named = arguments.models
    errors = queue_error(
        arguments.tape,
        models=tuple(QUEUE_MODELS) if named is None else [one.strip() for one in named.split(",")],
        every=arguments.every,
        horizon=arguments.horizon,
        symbol=arguments.symbol,
    )
    if arguments.out is not None:
        errors.picture(arguments.out)
    if arguments.json:
        print_json(errors.summary())
        return 0
    print(describe(errors.summary(), arguments.every, arguments.horizon))
    if arguments.out is not None:
        print(f"the picture is {arguments.out}")
    return 0


_HEAD = (
    *("model", "truth", "model", "both", "missed %", "invented %"),
    *("ahead", "|ahead|", "ahead %", "|ahead| %", "late 25%", "50%", "75%", "|late|"),
)


def describe(summary: dict[str, Any], every: str, horizon: str) -> str:
    """A summary for people."""
    rows = [_row(label, part) for label, part in summary["models"].items()]
    lines = [
        f"{summary['probes']:,} probes of one lot, entered each {every} behind "
        f"{summary['mean_first_lots']:,.1f} lots on average, for {horizon} each",
        text.table(rows, _HEAD),
        "ahead: the model's queue less the true one, in lots and % of the first queue; late: the "
        "model's fill less the true one, in s",
    ]
    if summary["cut"]:
        lines.append(
            f"{summary['cut']:,} probes ended early: their level was cleared, or left what the "
            "recording shows"
        )
    lines.append(f"{summary['seconds']:.3f} s")
    return "\n".join(lines)


def _row(label: str, part: dict[str, Any]) -> tuple[str, ...]:
    counts = ("filled_true", "filled_model", "filled_both")
    lots = ("ahead_error_lots", "ahead_error_lots_abs")
    shares = ("ahead_error_share", "ahead_error_share_abs")
    late = (*(part["fill_time_error_s"] or (None, None, None)), part["fill_time_error_s_abs"])
    return (
        label,
        *(text.count(part[name]) for name in counts),
        *(_percent(part[name]) for name in ("missed_share", "invented_share")),
        *(_number(part[name]) for name in lots),
        *(_percent(part[name]) for name in shares),
        *(_number(value) for value in late),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
