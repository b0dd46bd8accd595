"""How wrong a queue model is: probes in the true queues of a tape, and where the model puts them.

    errors = mmjit.queue_error("day", models=["risk_averse", "power3:n=2"])
    errors.summary()["models"]["power3:n=2"]["ahead_error_share"]
    errors.picture("queues.png")

See `mmjit.core.probes` for what is done with each event.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.authored import RuleError
from mmjit.core.codes import STATUS_SPAN, Kind
from mmjit.core.jit import loop_for
from mmjit.core.probes import SHARES, Findings, Watch, follow_probes
from mmjit.core.queues import QueueModel
from mmjit.core.records import PROBE, SURVEY
from mmjit.errors import ArgumentError, StrategyError, TapeError
from mmjit.models.queues import QUEUE_MODELS
from mmjit.progress import Progress
from mmjit.queue_picture import Curves, draw_queue_errors
from mmjit.replaying import PIECE, Array, book_for
from mmjit.rulebook import find_queue_model
from mmjit.tape import Tape, open_tape
from mmjit.terms import interval_ns

PROBES_MAX: Final = 1 << 22  # a PROBE each: 256 MiB
LIVE_MAX: Final = 1 << 12  # of a side at once; every event of the side looks at each

# A probe, and what came of it in truth.
PROBED: Final = np.dtype(
    [
        ("entered_ns", "i8"),
        ("filled_ns", "i8"),  # 0: not within the horizon, -1: it was cut
        ("price", "i8"),
        ("first_lots", "i8"),  # in the queue when it was entered, all before it
        ("symbol", "i4"),
        ("side", "i4"),
    ]
)


@dataclass(frozen=True)
class ModelError:
    """What one queue model made of the probes.

    Attributes:
        label: its name, with the parameters that were given.
        model: the model.
        filled_ns: int64 per probe: when the model filled it; 0 not within the horizon, -1 cut.
        by_age: float64[ages, 5]: looks at probes that lived, by their age in instants, and the sums
            of the model's queue ahead less the true one in lots, of its size, of both as shares of
            the first queue.
        by_share: float64[20, 2]: looks by the share of its first queue that was truly left, in
            twentieths, and the sum of the shares that the model saw.
    """

    label: str
    model: QueueModel
    filled_ns: Array
    by_age: Array
    by_share: Array

    def summary(self, probes: Array) -> dict[str, Any]:
        """The model beside the truth; shares are of 1, times in seconds.

        Args:
            probes: PROBED, the same for every model.
        """
        true, model = probes["filled_ns"] > 0, self.filled_ns > 0
        both = true & model
        missed, invented = int((true & ~model).sum()), int((model & ~true).sum())
        sums = self.by_age.sum(axis=0)
        means = [_ratio(total, sums[0]) for total in sums[1:]]
        late_s = (self.filled_ns[both] - probes["filled_ns"][both]) / 1e9
        quartiles = np.quantile(late_s, (0.25, 0.5, 0.75)).tolist() if len(late_s) else None
        return {
            "probes": len(probes),
            "filled_true": int(true.sum()),
            "filled_model": int(model.sum()),
            "filled_both": int(both.sum()),
            "missed": missed,
            "missed_share": _ratio(missed, int(true.sum())),
            "invented": invented,
            "invented_share": _ratio(invented, int(model.sum())),
            "looks": int(sums[0]),
            "ahead_error_lots": means[0],
            "ahead_error_lots_abs": means[1],
            "ahead_error_share": means[2],
            "ahead_error_share_abs": means[3],
            "fill_time_error_s": quartiles,
            "fill_time_error_s_abs": float(np.abs(late_s).mean()) if len(late_s) else None,
        }


@dataclass(frozen=True)
class QueueErrors:
    """What queue models made of probes whose true queue is known.

    Attributes:
        tape: the market.
        every_ns: from one instant to the next.
        horizon_ns: how long a probe lived.
        probes: PROBED, what happened in truth.
        models: of each model, in the order in which they were asked for.
        seconds: what following them took, without compiling.
    """

    tape: Tape
    every_ns: int
    horizon_ns: int
    probes: Array
    models: tuple[ModelError, ...]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """The result as plain numbers; `models` by label, see `ModelError.summary`."""
        return {
            "events": len(self.tape.events),
            "every_ns": self.every_ns,
            "horizon_ns": self.horizon_ns,
            "probes": len(self.probes),
            "filled_true": int((self.probes["filled_ns"] > 0).sum()),
            "cut": int((self.probes["filled_ns"] < 0).sum()),
            "mean_first_lots": float(self.probes["first_lots"].mean()),
            "seconds": self.seconds,
            "models": {one.label: one.summary(self.probes) for one in self.models},
        }

    def picture(self, path: str | os.PathLike[str]) -> Path:
        """Draw the errors as a PNG of 1200 by 1000.

        Raises:
            ArgumentError: matplotlib is not installed.
        """
        names = ", ".join(self.tape.symbols[:3]) + (", ..." if len(self.tape.symbols) > 3 else "")
        return draw_queue_errors(
            [self._curves(one) for one in self.models],
            path,
            truth=self._ages_of(self.probes["filled_ns"]),
            horizon_s=self.horizon_ns / 1e9,
            title=f"{names}: queue models beside the truth, {len(self.probes):,} probes",
        )

    def _curves(self, one: ModelError) -> Curves:
        summary = one.summary(self.probes)
        with np.errstate(invalid="ignore"):
            return Curves(
                one.label,
                one.by_share[:, 1] / one.by_share[:, 0],
                np.arange(len(one.by_age)) * (self.every_ns / 1e9),
                one.by_age[:, 3] / one.by_age[:, 0],
                self._ages_of(one.filled_ns),
                summary["missed_share"] or 0.0,
                summary["invented_share"] or 0.0,
            )

    def _ages_of(self, filled_ns: Array) -> tuple[Array, int]:
        """When probes were filled, in seconds after they were entered, and how many there were."""
        filled = filled_ns > 0
        ages = np.sort(filled_ns[filled] - self.probes["entered_ns"][filled]) / 1e9
        return ages, len(self.probes)


def queue_error(
    tape: Tape | str | os.PathLike[str],
    *,
    models: Sequence[str | QueueModel] = tuple(QUEUE_MODELS),
    every: str = "1s",
    horizon: str = "60s",
    symbol: str | None = None,
    progress: bool | None = None,
) -> QueueErrors:
    """Measure queue models against the true queues of an order-by-order tape.

    At regular instants a probe of one lot is put last in the queue of the best bid and of the best
    ask, and lives for a while. Its true queue is known order by order; each model is shown only
    what a price-level feed would show: quantities of levels, and trades.

    Args:
        tape: an open tape, or its folder.
        models: names ("power3", "power3:n=2", "FILE.py:FUNCTION") or models.
        every: from one instant to the next, such as "100ms".
        horizon: after which a probe is cancelled.
        symbol: None takes all of the tape.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        TapeError, StrategyError, ArgumentError: with the value, the limit and the remedy.
    """
    tape = tape if isinstance(tape, Tape) else open_tape(tape)
    _refuse_tape(tape)
    first, stop = 0, len(tape.instruments)
    if symbol is not None:
        first = tape.symbol(symbol)
        stop = first + 1
    survey, instants = _plan(tape, every, horizon, 2 * (stop - first))
    named = [_named(model) for model in models]
    if not named:
        raise ArgumentError(f"models: none given; there are {', '.join(QUEUE_MODELS)}")
    found: list[ModelError] = []
    probes, seconds = np.zeros((2 * (stop - first), instants), PROBE), 0.0
    with Progress("queue-error", len(named) * len(tape.events), progress) as bar:
        for label, model in named:
            probes[:] = np.zeros((), PROBE)
            watch = Watch(probes, np.zeros(probes.shape), survey.copy(), 2 * first)
            findings, spent = _follow(tape, model, watch, bar)
            seconds += spent
            filled_ns = probes["model_ns"][probes["first_lots"] > 0]
            found.append(ModelError(label, model, filled_ns, findings.by_age, findings.by_share))
    truth = _truth_of(probes, survey[0], first)
    if len(truth) == 0:
        raise ArgumentError(
            f"every: at no instant each {every} was there a best price of a symbol that is traded; "
            "lower it and the horizon"
        )
    every_ns, horizon_ns = int(survey[0]["every_ns"]), int(survey[0]["horizon_ns"])
    return QueueErrors(tape, every_ns, horizon_ns, truth, tuple(found), seconds)


def _refuse_tape(tape: Tape) -> None:
    """Only an order-by-order tape in time order knows the truth."""
    if "level" in tape.meta["kinds"]:
        raise TapeError(
            f"{tape.path} sets price levels (L2): the true queue is unknown; use an L3 tape"
        )
    if tape.is_by_symbol:
        raise TapeError(f"{tape.path} is sorted by symbol; use the tape that it was made from")
    if len(tape.events) == 0:
        raise TapeError(f"{tape.path} has no events; import a recording that has some")


def _plan(tape: Tape, every: str, horizon: str, sides: int) -> tuple[Array, int]:
    """SURVEY before the first event, and at how many instants probes are entered."""
    every_ns, horizon_ns = interval_ns("every", every), interval_ns("horizon", horizon)
    if horizon_ns < every_ns:
        raise ArgumentError(f"horizon: {horizon} is shorter than an interval of {every}")
    if horizon_ns > LIVE_MAX * every_ns:
        raise ArgumentError(
            f"horizon: {horizon} at an instant each {every} leaves more than {LIVE_MAX:,} probes a "
            "side alive; shorten it, or raise every"
        )
    began = int(np.argmax(tape.events["kind"] == Kind.ADD))  # before that there is no best price
    start_ns, end_ns = int(tape.events[began]["venue_ns"]), int(tape.events[-1]["venue_ns"])
    first_ns = (start_ns // every_ns + 1) * every_ns
    instants = (end_ns - horizon_ns - first_ns) // every_ns + 1
    if instants < 1:
        raise ArgumentError(
            f"horizon: no probe lives {horizon} on a tape of {(end_ns - start_ns) / 1e9:g} s of "
            "orders; shorten it and every"
        )
    if sides * instants > PROBES_MAX:
        raise ArgumentError(
            f"every: {sides:,} sides at {instants:,} instants are more than {PROBES_MAX:,} probes; "
            "raise it, or choose a symbol"
        )
    survey = np.zeros(1, SURVEY)
    survey["first_ns"] = survey["next_ns"] = first_ns
    survey["every_ns"], survey["horizon_ns"] = every_ns, horizon_ns
    survey["now_ns"] = np.iinfo(np.int64).min // 2
    return survey, instants


def _named(model: str | QueueModel) -> tuple[str, QueueModel]:
    """A model and what it is called in a table."""
    if isinstance(model, QueueModel):
        return model.name, model
    return str(model).rpartition(".py:")[2], find_queue_model(model)


def _follow(tape: Tape, model: QueueModel, watch: Watch, bar: Progress) -> tuple[Findings, float]:
    """Follow probes to the end of the tape; returns what was seen, and the seconds it took."""
    survey = watch.survey[0]
    ages = (int(survey["horizon_ns"]) - 1) // int(survey["every_ns"]) + 1
    findings = Findings(np.zeros((ages, 5)), np.zeros((SHARES, 2)))
    book, region = book_for(tape)
    params = model.defaults.view(np.uint8)
    watched = (watch, findings, np.zeros(STATUS_SPAN, np.int64))
    arguments = (params, book, region, tape.events[:0], watched)
    try:
        entry = model.entry()
    except RuleError as error:
        raise StrategyError(str(error)) from error
    loop = loop_for(follow_probes, [model.signature], arguments)
    began = time.perf_counter()
    for start in range(0, len(tape.events), PIECE):
        piece = tape.events[start : start + PIECE]
        try:
            loop(entry, params, book, region, piece, watched)
        except AssertionError:  # a checked run has found a mistake of ours
            raise
        except Exception as error:  # of the model: nothing else in the loop can raise
            raise StrategyError(
                f"queue model {model.name} raised {type(error).__name__}: {error}; a model "
                "returns, it does not raise"
            ) from error
        bar.advance(len(piece))
    return findings, time.perf_counter() - began


def _truth_of(probes: Array, survey: Any, first: int) -> Array:
    """The probes that were entered, by owner and instant."""
    rows, instants = np.nonzero(probes["first_lots"] > 0)
    there = probes[rows, instants]
    truth = np.zeros(len(there), PROBED)
    truth["entered_ns"] = survey["first_ns"] + instants * survey["every_ns"]
    truth["filled_ns"] = there["true_ns"]
    truth["price"], truth["first_lots"] = there["price"], there["first_lots"]
    truth["symbol"], truth["side"] = first + rows // 2, rows % 2
    return truth


def _ratio(part: float, whole: float) -> float | None:
    """A share; None of nothing."""
    return float(part) / float(whole) if whole else None
