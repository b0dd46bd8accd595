"""Backtesting a rule on a tape: our orders in a recorded market."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmjit.core.queues import QueueModel
from mmjit.core.rules import Rule
from mmjit.joining import Place, opened_or_joined
from mmjit.outcome import Backtest as Backtest
from mmjit.rulebook import find_rule, with_parameters
from mmjit.runlog import run_log
from mmjit.running import Run as Run
from mmjit.running import idle
from mmjit.saving import model_of, read_head, read_run, rule_of
from mmjit.terms import Settings


def backtest(
    tape: Place | Sequence[Place],
    *,
    strategy: Rule | str = "pegged",
    params: dict[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    replace: bool = False,
    progress: bool | None = None,
    **settings: Any,
) -> Backtest:
    """Run a quoting rule through a tape.

    Args:
        tape: an open tape, or its folder; several, as a list, are joined (`join_tapes`) and traded
            on one account.
        strategy: a rule, the name of one that comes with mmjit, or "FILE.py:FUNCTION".
        params: parameters of the rule that are not to be its defaults.
        out: a folder to write fills.npy, orders.npy and run.json to.
        replace: whether an earlier result in `out` is replaced.
        progress: whether to show a bar; None shows it on a terminal.
        settings: of the venue, the account and the clock; see `mmjit.terms.Settings`.

    Raises:
        TapeError, StrategyError, ArgumentError: with the value, the limit and the remedy.
    """
    opened, rule = opened_or_joined(tape, progress), _rule_of(strategy)
    with_parameters(rule, params or {})  # refused before a folder is made
    given = Settings(**settings)
    with run_log(Path(out) if out is not None else None, replace) as logs:
        return Run(opened, rule, params, given, logs).advance(progress=progress).finish()


def start_backtest(
    tape: Place | Sequence[Place],
    *,
    strategy: Rule | str | None = None,
    params: dict[str, Any] | None = None,
    **settings: Any,
) -> "Run":
    """A backtest that goes on when it is told to, can be forked, and takes orders by hand.

        run = mmjit.start_backtest("TAPE", latency=mmjit.Latency(entry="1ms"))
        run.advance(until_ns=...)
        order_id = run.submit(mmjit.BID, price=10_000, qty_lots=5)
        result = run.advance().finish()

    Args:
        tape: an open tape, or its folder; several, as a list, are joined (`join_tapes`) and traded
            on one account.
        strategy: as for `backtest`; None: no rule, all orders come by hand.
        params: parameters of the rule that are not to be its defaults.
        settings: of the venue, the account and the clock; see `mmjit.terms.Settings`.

    Raises:
        TapeError, StrategyError, ArgumentError: with the value, the limit and the remedy.
    """
    rule = idle if strategy is None else _rule_of(strategy)
    return Run(opened_or_joined(tape), rule, params, Settings(**settings))


def resume_backtest(
    path: str | os.PathLike[str],
    tape: Place | Sequence[Place],
    *,
    strategy: Rule | str | None = None,
    queue_model: QueueModel | str | None = None,
) -> "Run":
    """Go on with a run that `Run.save` wrote, bit for bit as if it had never stopped.

        run = mmjit.start_backtest("TAPE").advance(event=1_000)
        run.save("RUN.npz")
        result = mmjit.resume_backtest("RUN.npz", "TAPE").advance().finish()

    Args:
        path: of the file.
        tape: on which it ran, an open one or its folder; several, in the order that they had.
        strategy: the rule it ran with; None: found by its name, if it comes with mmjit.
        queue_model: likewise the queue model.

    Raises:
        RunError: the file is missing, damaged, or of another version or layout.
        TapeError, StrategyError: the tape, the rule or the queue model is another one.
    """
    where, opened = Path(path), opened_or_joined(tape)
    head = read_head(where)
    rule = rule_of(where, head, None if strategy is None else _rule_of(strategy))
    model = model_of(where, head, queue_model)
    return Run.resumed(opened, rule, model, read_run(where, opened, rule, head))


def _rule_of(strategy: Rule | str) -> Rule:
    """A rule, found if it is only named."""
    return strategy if isinstance(strategy, Rule) else find_rule(strategy)
