"""Queue models measured against the truth: beside a naive twin, by hand, and from the outside."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.cli import main
from mmjit.core.codes import ASK, BID, Flag, Kind, TradingStatus
from mmjit.core.jit import COMPILED
from mmjit.core.queues import queue_model
from mmjit.errors import ArgumentError, StrategyError, TapeError
from mmjit.instrument import Instrument
from mmjit.models.queues import QUEUE_MODELS
from mmjit.probing import ModelError, QueueErrors, queue_error
from mmjit.simulating import simulate
from tests import builders as b
from tests.backtests import tape_of
from tests.naive_probes import NaiveProbes
from tests.naive_queues import shares
from tests.test_backtest_machine import draws, long_draws, markets

# ---- beside the naive twin ------------------------------------------------------------------


def assert_as_naive(tape: Any, name: str, every_ns: int, horizon_ns: int) -> None:
    """Every probe, fill and sum of errors is that of the twin."""
    naive = NaiveProbes(tape, shares()[name], every_ns, horizon_ns)
    settings: dict[str, Any] = {"every": f"{every_ns}ns", "horizon": f"{horizon_ns}ns"}
    if not naive.probes:
        with pytest.raises(ArgumentError, match=r"no probe lives|a best price"):
            queue_error(tape, models=[name], **settings)
        return

    errors = queue_error(tape, models=[name], **settings)

    rows = zip(errors.probes.tolist(), errors.models[0].filled_ns.tolist(), strict=True)
    found = {
        (2 * symbol + side, entered_ns): (price, first, true_ns, model_ns)
        for (entered_ns, true_ns, price, first, symbol, side), model_ns in rows
    }
    assert found == {
        (p.owner, p.entered_ns): (p.price, p.first_lots, p.true_ns, p.model_ns)
        for p in naive.probes
    }
    assert_sums(errors.models[0], naive.looks)


def assert_sums(one: ModelError, looks: list[tuple[int, int, float, int]]) -> None:
    """What was seen adds up to the same."""
    by_age, by_share = np.zeros_like(one.by_age), np.zeros_like(one.by_share)
    for age, ahead, front, first in looks:
        error = front - ahead
        by_age[age] += [1, error, abs(error), error / first, abs(error) / first]
        by_share[min(19, 20 * ahead // first)] += [1, front / first]
    np.testing.assert_allclose(one.by_age, by_age, atol=1e-9)
    np.testing.assert_allclose(one.by_share, by_share, atol=1e-9)


NAMES = st.sampled_from(list(QUEUE_MODELS))
EVERY = st.sampled_from([1, 7, 20, 60])
LIVES = st.integers(1, 12)
short = markets(st.lists(draws, min_size=1, max_size=60))
long = markets(st.integers(0, 1 << 32).map(lambda seed: long_draws(seed, 200)))


@given(short, NAMES, EVERY, LIVES)
def test_probes_go_as_their_naive_twins(tape, name, every_ns, lives):
    assert_as_naive(tape, name, every_ns, lives * every_ns + lives % 3)


@given(long, NAMES, EVERY, LIVES)
def test_probes_of_longer_tapes_go_as_their_naive_twins(tape, name, every_ns, lives):
    assert_as_naive(tape, name, every_ns, lives * every_ns)


@given(long, EVERY, LIVES)
def test_the_risk_averse_model_is_never_before_the_truth(tape, every_ns, lives):
    tape.events["kind"][tape.events["kind"] == Kind.TRADE] = Kind.GAP  # of orders nobody sees
    try:
        errors = queue_error(
            tape, models=["risk_averse"], every=f"{every_ns}ns", horizon=f"{lives * every_ns}ns"
        )
    except ArgumentError:
        return  # nothing was entered

    true, model = errors.probes["filled_ns"], errors.models[0].filled_ns
    filled = model > 0
    assert (true[filled] > 0).all()
    assert (true[filled] <= model[filled]).all()
    assert (errors.models[0].by_age[:, 1] >= 0).all()


# ---- by hand --------------------------------------------------------------------------------


def played(*events: Any, model: Any = "risk_averse", horizon: str = "1000ns") -> QueueErrors:
    """Follow probes that are entered at 1,100, 1,200, ... ns, an event each 10 ns from 1,000 on.

    Two orders of 5 rest on either side when the first is entered, at 99 and 101.
    """
    begin = [b.add(1, BID, 99, 5), b.add(2, ASK, 101, 5), b.add(3, BID, 99, 5)]
    begin += [b.add(4, ASK, 101, 5)]
    for place, one in enumerate([*begin, *events]):
        when_ns = 1000 + 10 * place + (100 if place >= len(begin) else 0)
        one["venue_ns"], one["flags"] = when_ns, one["flags"] | Flag.LAST
    end = b.event(Kind.GAP, venue_ns=1200 + int(horizon[:-2]) - 1, flags=Flag.LAST)
    tape = tape_of(*begin, *events, end)
    return queue_error(tape, models=[model], every="100ns", horizon=horizon)


def bid_of(errors: QueueErrors) -> tuple[int, int]:
    """When the first probe among the bids was filled, in truth and by the model."""
    assert errors.probes[0]["side"] == BID
    assert (errors.probes[0]["price"], errors.probes[0]["first_lots"]) == (99, 10)
    return int(errors.probes[0]["filled_ns"]), int(errors.models[0].filled_ns[0])


FILLS = {
    "the queue is executed, then one behind": (
        [b.execute(1, 5), b.add(5, BID, 99, 2), b.execute(3, 5), b.execute(5, 1)],
        (1170, 1170),
    ),
    "only the queue is executed": ([b.execute(1, 5), b.execute(3, 5)], (0, 0)),
    "what was before it is cancelled": (
        [b.add(5, BID, 99, 9), b.delete(1), b.execute(3, 5), b.execute(5, 1), b.execute(5, 6)],
        (1170, 1180),
    ),
    "an order before it goes to the tail": (
        [b.replace(1, 9, 99, 5), b.execute(3, 5), b.execute(9, 1), b.execute(9, 4)],
        (1160, 0),
    ),
    "a bid below it trades": ([b.add(5, BID, 98, 2), b.execute(5, 1)], (1150, 1150)),
    "an offer reaches it": (
        [b.delete(1), b.delete(3), b.add(5, ASK, 99, 1)],
        (1160, 1160),
    ),
    "a hidden trade goes through it": ([b.trade(98, 1)], (1140, 1140)),
    "a hidden trade at its price is taken for one of the queue": ([b.trade(99, 11)], (0, 1140)),
    "an auction trades elsewhere": ([b.trade(98, 50, flags=Flag.AUCTION)], (0, 0)),
    "the book is cleared": ([b.clear()], (-1, -1)),
    "an importer infers an order there": ([b.add(5, BID, 99, 2, flags=Flag.SYNTHETIC)], (-1, -1)),
    "an importer infers an order elsewhere": (
        [b.add(5, BID, 98, 2, flags=Flag.SYNTHETIC)],
        (0, 0),
    ),
}


@pytest.mark.parametrize(("events", "filled"), FILLS.values(), ids=FILLS)
def test_a_probe_is_filled_when(events, filled):
    assert bid_of(played(*[one.copy() for one in events])) == filled


def test_nothing_fills_a_probe_after_its_horizon():
    def through() -> list[Any]:
        """At 1,210 ns."""
        return [*(b.event(Kind.GAP) for _ in range(7)), b.trade(98, 1)]

    assert bid_of(played(*through(), horizon="111ns")) == (1210, 1210)
    assert bid_of(played(*through(), horizon="110ns")) == (0, 0)


def test_no_probe_is_entered_while_the_symbol_is_halted():
    begin = [b.add(1, BID, 99, 5), b.status(TradingStatus.HALTED), b.event(Kind.GAP)]
    times = (1000, 1010, 1190)
    for one, when_ns in zip(begin, times, strict=True):
        one["venue_ns"] = when_ns

    with pytest.raises(ArgumentError, match="a best price"):
        queue_error(tape_of(*begin), every="50ns", horizon="50ns")


def test_the_errors_of_a_model_are_summed_up():
    errors = played(b.delete(3), horizon="250ns")

    summary = errors.summary()["models"]["risk_averse"]

    # of two sides, two looks each: the bid's true queue is 5 while the level shows 5, too
    assert summary["probes"] == 2
    assert summary["looks"] == 4
    assert summary["ahead_error_lots"] == 0
    assert summary["fill_time_error_s"] is None
    assert summary["missed_share"] is None
    json.dumps(errors.summary())


def test_a_model_that_is_late_misses_and_one_that_is_early_invents():
    @queue_model()
    def eager_model(params, front_lots, traded_lots, before_lots, after_lots):
        return 0

    late = [b.add(5, BID, 99, 9), b.delete(1), b.execute(3, 5), b.execute(5, 1)]
    early = [b.add(5, BID, 99, 9), b.execute(1, 1)]

    missed = played(*late).summary()["models"]["risk_averse"]
    invented = played(*early, model=eager_model).summary()["models"]["eager_model"]

    assert (missed["missed"], missed["missed_share"], missed["invented"]) == (1, 1.0, 0)
    assert (invented["missed"], invented["invented"], invented["invented_share"]) == (0, 1, 1.0)


# ---- what cannot be measured ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"every": "often"}, ArgumentError, "every: 'often' is not an interval"),
        ({"horizon": "0s"}, ArgumentError, "horizon: '0s' is not an interval"),
        ({"every": "2s", "horizon": "1s"}, ArgumentError, "horizon: 1s is shorter"),
        ({"every": "1ns", "horizon": "1h"}, ArgumentError, "leaves more than 4,096 probes"),
        ({"every": "1s", "horizon": "1h"}, ArgumentError, "no probe lives 1h on a tape of 1e-07 s"),
        ({"models": []}, ArgumentError, "models: none given"),
        ({"models": ["power9"]}, StrategyError, "queue model 'power9'"),
        ({"symbol": "NONE"}, TapeError, "symbol 'NONE' is not on"),
    ],
)
def test_what_cannot_be_asked_is_named(settings, error, message):
    tape = tape_of(b.add(1, BID, 99, 5, venue_ns=1000), b.event(Kind.GAP, venue_ns=1100))
    settings = {"every": "10ns", "horizon": "50ns"} | settings

    with pytest.raises(error, match=message):
        queue_error(tape, **settings)


def test_more_probes_than_there_is_room_for_are_refused():
    tape = tape_of(b.add(1, BID, 99, 5), b.event(Kind.GAP, venue_ns=1 << 40))

    with pytest.raises(ArgumentError, match="raise it, or choose a symbol"):
        queue_error(tape, every="1us", horizon="1ms")


def test_a_tape_that_sets_levels_is_refused():
    with pytest.raises(TapeError, match=r"sets price levels \(L2\)"):
        queue_error(tape_of(b.level(BID, 99, 5)))


def test_a_tape_of_nothing_is_refused():
    with pytest.raises(TapeError, match="has no events"):
        queue_error(tape_of(instruments=[Instrument(symbol="NONE")]))


def test_a_model_that_raises_is_named_in_the_error():
    @queue_model()
    def raising(params, front_lots, traded_lots, before_lots, after_lots):
        if after_lots < before_lots:
            raise ValueError("no")
        return front_lots

    with pytest.raises(StrategyError, match="queue model raising raised ValueError"):
        played(b.delete(1), model=raising)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off")
def test_a_model_that_does_not_compile_is_an_error_of_the_strategy():
    @queue_model()
    def lost(params, front_lots, traded_lots, before_lots, after_lots):
        return no_such_name  # noqa: F821

    with pytest.raises(StrategyError, match="queue model lost does not compile"):
        played(b.delete(1), model=lost)


# ---- from the outside -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return simulate("cst", tmp_path_factory.mktemp("probing") / "t", events=4000, progress=False)


def test_one_symbol_of_several_is_measured_by_itself(tmp_path):
    both = simulate("cst", tmp_path / "two", symbols=2, events=4000, progress=False)
    settings = {"models": ["power3"], "every": "1s", "horizon": "5s"}

    whole, part = queue_error(both, **settings), queue_error(both, symbol="SIM1", **settings)

    mine = whole.probes["symbol"] == 1
    assert (part.probes == whole.probes[mine]).all()
    assert (part.models[0].filled_ns == whole.models[0].filled_ns[mine]).all()


@pytest.mark.compiled  # uncompiled it takes half a minute
def test_every_model_is_measured_on_the_same_probes(tape):
    errors = queue_error(tape, every="1s", horizon="10s")
    summary = errors.summary()

    assert list(summary["models"]) == list(QUEUE_MODELS)
    assert {one["probes"] for one in summary["models"].values()} == {len(errors.probes)}
    assert {one["filled_true"] for one in summary["models"].values()} == {summary["filled_true"]}
    assert summary["filled_true"] > 0
    for one in summary["models"].values():
        assert one["filled_both"] + one["missed"] == one["filled_true"]
        assert one["filled_both"] + one["invented"] == one["filled_model"]


def test_the_command_prints_a_table_and_draws_a_picture(tape, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'mmjit[demo]'")
    from matplotlib.image import imread

    picture = tmp_path / "queues.png"
    words = ["queue-error", str(tape.path), "--models", "risk_averse,power3:n=2"]
    words += ["--every", "1s", "--horizon", "10s", "--out", str(picture)]

    assert main(words) == 0

    said = capsys.readouterr().out
    assert "power3:n=2" in said
    assert str(picture) in said
    image = imread(picture)[:, :, :3]
    assert image.shape[:2] == (1000, 1200)
    for rows in ((40, 480), (520, 960)):
        for columns in ((60, 560), (680, 1180)):
            panel = image[slice(*rows), slice(*columns)].reshape(-1, 3)
            assert 0.005 < np.any(panel < 0.85, axis=1).mean() < 0.9


@pytest.mark.compiled  # uncompiled it takes half a minute
def test_the_command_says_the_same_as_json(tape, capsys):
    assert main(["queue-error", str(tape.path), "--horizon", "10s", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    expected = queue_error(tape, horizon="10s").summary()
    assert said | {"seconds": 0} == expected | {"seconds": 0}


def test_the_command_refuses_in_one_line(tape, capsys):
    assert main(["queue-error", str(tape.path), "--models", "power9"]) == 2

    assert capsys.readouterr().err.startswith("mmjit: queue model 'power9' is neither one of")
