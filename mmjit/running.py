"""A backtest under way: it goes on when it is told to, is forked, and takes orders by hand."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.arguments import whole
from mmjit.core.bound import Bound
from mmjit.core.codes import NIL, Term, TimeInForce
from mmjit.core.engine import FULL, begin_session, run_session, run_until
from mmjit.core.hand import ask_amend, ask_cancel, ask_new, may_ask
from mmjit.core.jit import loop_for
from mmjit.core.queues import QueueModel
from mmjit.core.rules import Rule, RuleError, parameters, rule_signature, strategy
from mmjit.core.tables import FILL_LINE, STEP
from mmjit.core.working import LATEST
from mmjit.errors import StrategyError, TapeError, check
from mmjit.outcome import Backtest, run_json
from mmjit.progress import Progress
from mmjit.replaying import PIECE, mended_counts
from mmjit.rulebook import with_parameters
from mmjit.runlog import RunLog
from mmjit.saving import Saved, write_run
from mmjit.sessions import copy_of, grow, session_of
from mmjit.tape import Tape
from mmjit.terms import KeptSettings, Settings

Array = np.ndarray[Any, Any]


@strategy(params=parameters())
def idle(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want nothing: all orders come by hand."""


class Run:
    """A backtest under way.

    Attributes:
        tape: the market.
        rule: the rule.
        settings: how it is run.
        session: the arrays; see `mmjit.core.working.Session`.
        seconds: what it took so far, without compiling.
    """

    def __init__(
        self,
        tape: Tape,
        rule: Rule,
        params: Mapping[str, Any] | None,
        settings: Settings,
        logs: RunLog | None = None,
    ) -> None:
        refuse_tape(tape)
        self.tape = tape
        self.settings = settings
        self.seconds = 0.0
        self._logs = RunLog(None) if logs is None else logs
        self.session = session_of(tape, settings)
        self._bound = Bound(self.session)
        self._give(rule, params)
        begin_session(self._bound)

    def _give(self, rule: Rule, params: Mapping[str, Any] | None) -> None:
        """Let a rule decide from now on, with nothing in its memory."""
        self.rule = rule
        run = self.session.run[0]
        if rule.asks_queues and not run["sees_queues"]:
            run["sees_queues"] = 1
            self.session.desk.bundle.ahead[:] = NIL  # nobody has followed them so far
        self._record = with_parameters(rule, dict(params or {}))
        self._memory = np.zeros((len(self.session.dues), rule.memory.itemsize), np.uint8)

    # ---- going on -------------------------------------------------------------------------------

    @property
    def event(self) -> int:
        """How many events of the tape the venue has seen."""
        return int(self.session.run[0]["place"])

    @property
    def now_ns(self) -> int:
        """The clock of our side, in ns since 1970 UTC; 0 before the first event."""
        return int(self.session.run[0]["now_ns"])

    def advance(
        self,
        *,
        until_ns: int | None = None,
        event: int | None = None,
        progress: bool | None = False,
    ) -> "Run":
        """Go on, to the end of the tape and until everything on its way has arrived, or so far.

        Args:
            until_ns: everything up to this time is done, and nothing after it.
            event: the first event of the tape that the venue is not to see.
            progress: whether to show a bar; None shows it on a terminal.
        """
        stop = len(self.tape.events) if event is None else min(event, len(self.tape.events))
        entries = self._entries()
        loop = self._loop()
        run_until(self._bound, LATEST if until_ns is None else int(until_ns))
        began = time.perf_counter()
        with Progress("backtest", max(0, stop - self.event), progress) as bar:
            while True:
                before = self.event
                piece = min(stop, before + PIECE)
                self._play(loop, entries, piece)
                bar.advance(self.event - before)
                if self.event < piece or piece == stop:
                    break
        self.seconds += time.perf_counter() - began
        return self

    def _entries(self) -> tuple[Any, Any]:
        """The rule and the queue model, compiled."""
        try:
            rule = self.rule.entry(self.session.desk.bundle, self.session.quotes)
            return rule, self.settings.model().entry()
        except RuleError as error:
            raise StrategyError(str(error)) from error

    def _arguments(self, stop: int) -> tuple[Any, ...]:
        return self._bound, stop, self._record.view(np.uint8), self._memory

    def _loop(self) -> Any:
        """The engine, compiled."""
        asked = rule_signature(self.session.desk.bundle, self.session.quotes)
        return loop_for(run_session, [asked, self.settings.model().signature], self._arguments(0))

    def _play(self, loop: Any, entries: tuple[Any, Any], stop: int) -> None:
        """Go on up to an event, making room as it is needed."""
        while True:
            try:
                done = int(loop(*entries, *self._arguments(stop)))
            except AssertionError:  # a checked run has found a mistake of ours
                raise
            except Exception as error:  # of the rule: nothing else in the loop can raise
                raise StrategyError(
                    f"rule {self.rule.name} raised {type(error).__name__}: {error}; a rule "
                    "returns, it does not raise"
                ) from error
            drained = self._logs.drain(self.session)
            if done != FULL:
                return
            if drained == 0:
                grow(self.session)

    # ---- orders by hand -------------------------------------------------------------------------

    def submit(
        self,
        side: int,
        price: int | None,
        qty_lots: int,
        *,
        symbol: int = 0,
        tif: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        reduce_only: bool = False,
        display_lots: int = 0,
        expires_ns: int = 0,
    ) -> int:
        """Send an order at the time to which the run has gone; returns its id.

        Args:
            side: BID or ASK.
            price: in price units, a multiple of the tick; None is a market order.
            qty_lots: above 0.
            symbol: number of the instrument.
            tif: how long it rests.
            post_only: rejected if it would trade at once.
            reduce_only: rejected if it could do more than close the position.
            display_lots: what an iceberg shows at once; 0 shows all.
            expires_ns: when a GTD order expires.

        Raises:
            RefusedError: our side refuses it; what the venue refuses is in the log.
            ArgumentError: a value is no whole number, or there is no such symbol, side or tif.
        """
        ask = self.session.asks[0]
        ask["side"] = whole("side", side, 0, 1)
        ask["price"] = 0 if price is None else whole("price", price)
        ask["qty_lots"] = whole("qty_lots", qty_lots)
        ask["display_lots"] = whole("display_lots", display_lots)
        ask["expires_ns"] = whole("expires_ns", expires_ns)
        ask["tif"] = TimeInForce(tif)
        market = Term.MARKET if price is None else 0
        reduces = Term.REDUCE_ONLY if reduce_only else 0
        ask["terms"] = market | reduces | (Term.POST_ONLY if post_only else 0)
        ask["place"] = NIL
        return self._asked(ask_new(self._bound, self._ready(symbol)))

    def cancel(self, order_id: int, *, symbol: int = 0) -> None:
        """Ask for an order to be cancelled.

        Raises:
            RefusedError: our side knows of no such order that is open.
        """
        order_id = whole("order_id", order_id)
        self._asked(ask_cancel(self._bound, self._ready(symbol), order_id))

    def amend(self, order_id: int, price: int, left_lots: int, *, symbol: int = 0) -> None:
        """Ask for an order to have another price, and so many lots left to be filled.

        A smaller quantity at its price keeps its place in the queue.

        Raises:
            RefusedError: no such order is open, or our side refuses the change.
        """
        order_id = whole("order_id", order_id)
        price, left_lots = whole("price", price), whole("left_lots", left_lots)
        self._asked(ask_amend(self._bound, self._ready(symbol), order_id, price, left_lots))

    def _ready(self, symbol: int) -> int:
        """The number of a symbol, whose rings have room for an order by hand."""
        number = whole("symbol", symbol, 0, len(self.session.dues) - 1)
        while not may_ask(self._bound, number):
            if self._logs.drain(self.session) == 0:
                grow(self.session)
        return number

    def _asked(self, status: int) -> int:
        """An id, or the exception for a status; the log is drained."""
        self._logs.drain(self.session)
        return check(int(status))

    # ---- copies and the end ---------------------------------------------------------------------

    def fork(
        self, *, params: Mapping[str, Any] | None = None, strategy: Rule | None = None
    ) -> "Run":
        """Another run that goes on from here, without touching this one.

        Args:
            params: parameters of the rule that are not to be its defaults; None: as they are.
            strategy: another rule, which begins with nothing in its memory; None: the same.
        """
        other = object.__new__(Run)
        other.tape, other.settings, other.seconds = self.tape, self.settings, self.seconds
        other._logs = self._logs.copy()
        other.session = copy_of(self.session)
        other._bound = Bound(other.session)
        if strategy is not None:
            other._give(strategy, params)
            return other
        other.rule, other._memory = self.rule, self._memory.copy()
        other._record = self._record.copy()
        if params is not None:
            other._record = with_parameters(self.rule, dict(params))
        return other

    def save(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Write all of it to one file, from which `resume_backtest` goes on; the tape excepted.

        Args:
            path: of the file, which is there whole or not at all.
            replace: whether a run that was saved there is replaced.

        Raises:
            ArgumentError: the file exists.
        """
        head = {
            "settings": self.settings.as_json(),
            "impact": bool(self.settings.impact),
            "seconds": self.seconds,
        }
        params = self._record.view(np.uint8)
        saved = Saved(head, self.session, params, self._memory, self.fills, self.orders)
        write_run(Path(path), self.tape, self.rule, saved, replace=replace)

    @classmethod
    def resumed(cls, tape: Tape, rule: Rule, model: QueueModel, saved: Saved) -> "Run":
        """A run that was saved, to go on with."""
        run = object.__new__(cls)
        run.tape, run.rule, run.seconds = tape, rule, float(saved.head["seconds"])
        said, impact = saved.head["settings"], bool(saved.head["impact"])
        run.settings = KeptSettings(said=said, queue_model=model, impact=impact)
        run._logs = RunLog.of(saved.fills, saved.orders)
        run.session = saved.session
        run._bound = Bound(run.session)
        run._record = saved.params.view(rule.defaults.dtype)
        run._memory = saved.memory
        return run

    @property
    def fills(self) -> Array:
        """FILL_LINE, every fill so far."""
        return self._logs.collected("fills", FILL_LINE)

    @property
    def orders(self) -> Array:
        """STEP, every step in the life of every order so far."""
        return self._logs.collected("orders", STEP)

    def finish(self) -> Backtest:
        """What came of it so far."""
        result = Backtest(
            self.tape,
            self.rule,
            self.settings,
            self.session.desk.bundle.ledger,
            self.fills,
            self.orders,
            self.session.refused[: len(self.tape.instruments)],
            self.session.run[0],
            mended_counts(self.session.floor.bundle.counts),
            self.seconds,
        )
        if self._logs.folder is not None:
            text = json.dumps(run_json(result, self._record), indent=1)
            (self._logs.folder / "run.json").write_text(text + "\n")
        return result


def refuse_tape(tape: Tape) -> None:
    """A tape must be of some instrument, and in time order."""
    if not tape.instruments:
        raise TapeError(f"{tape.path} has no instrument; import a recording that has one")
    if tape.is_by_symbol:
        raise TapeError(f"{tape.path} is sorted by symbol; use the tape that it was made from")
