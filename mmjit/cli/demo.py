"""`mmjit demo`: a market out of nothing, a rule on it, and what the rule earned."""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mmjit.cli import add_common, print_json, text, whole_number
from mmjit.cli.backtest import add_run_options, describe, options_of


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="make a market, replay it, run the pegged rule on it",
        description="Makes a tape of a simple random order flow (a toy, not a model of a market), "
        "replays it, backtests a rule on it and prints what it earned.",
    )
    parser.add_argument("--symbols", type=whole_number, default=2, help="(default: %(default)s)")
    parser.add_argument(
        "--events", type=whole_number, default=1_000_000, help="in all (default: %(default)s)"
    )
    parser.add_argument("--strategy", default="pegged", help="(default: %(default)s)")
    parser.add_argument("-o", "--out", type=Path, help="keep the tape here; else it is removed")
    parser.add_argument("--replace", action="store_true", help="replace a tape that is there")
    add_run_options(parser)
    parser.set_defaults(seed=1)
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make, replay, backtest, print."""
    if arguments.out is not None:
        return _run_in(arguments.out, arguments)
    with tempfile.TemporaryDirectory(prefix="mmjit-demo-") as folder:
        return _run_in(Path(folder) / "tape", arguments)


def _run_in(place: Path, arguments: argparse.Namespace) -> int:
    from mmjit.backtesting import backtest
    from mmjit.generating import generate_tape
    from mmjit.replaying import replay

    tape = generate_tape(
        place,
        symbols=arguments.symbols,
        events=arguments.events,
        seed=arguments.seed,
        replace=arguments.replace,
    )
    replayed = replay(tape)
    replayed.audit()
    try:
        result = backtest(tape, strategy=arguments.strategy, **options_of(arguments))
    except Exception:
        shutil.rmtree(place)  # nothing half made is left
        raise
    summary = result.summary()
    facts = replayed.facts()
    if arguments.json:
        print_json({**summary, "replay": facts})
        return 0
    print(f"a random order flow: {text.counts(tape.meta['kinds'])}")
    print(
        f"replayed {facts['events']:,} events in {facts['seconds']:.3f} s, "
        f"{facts['ns_per_event']:.1f} ns an event; state hash {facts['state_hash']}; audit passed"
    )
    print(f"\n{result.rule.name}: {result.rule.doc}\n")
    print(describe(summary, tape.instruments[0].currency))
    if arguments.out is not None:
        print(f"the tape is in {place}")
    return 0
