"""`mmjit.simulate` and `mmjit simulate`: what they write, what they say, what they refuse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mmjit
from mmjit import simulating
from mmjit.cli import main
from mmjit.core.codes import ASK, BID, Flag, Kind
from mmjit.core.jit import COMPILED
from mmjit.errors import ArgumentError, TapeError
from mmjit.models.catalogue import MODELS
from mmjit.models.plans import resting_mean
from mmjit.replaying import audit_book, replay
from mmjit.simulating import find_model, simulate, simulation, values_of
from tests.naive_tape import naive_books

MANY = 60_000 if COMPILED else 6_000
TOP = Path(__file__).resolve().parent.parent
NAMES = [name for model in MODELS for name in (model.name, *model.aliases)]


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """Two symbols."""
    path = tmp_path_factory.mktemp("market") / "tape"
    return simulate("cst", path, symbols=2, events=MANY, seed=3, progress=False)


def refusal(kind, function, *arguments, **named):
    """The one line that a call is refused with."""
    with pytest.raises(kind) as caught:
        function(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- the tape -------------------------------------------------------------------------------


def test_a_tape_says_what_it_is(tape):
    source = tape.meta["import"]

    assert tape.symbols == ["SIM0", "SIM1"]
    assert len(tape.events) == tape.meta["messages"] == MANY
    assert source["feed"] == "cont-stoikov-talreja"
    assert source["seed"] == 3
    assert source["params"]["mu"] == 0.94
    assert source["params"]["theta5"] == 0.47
    assert source["dropped"] == 0
    assert tape.window_levels == 0
    assert set(tape.meta["kinds"]) == {"add", "delete", "execute"}
    assert tape.instruments[0].currency == "JPY"
    assert tape.instruments[0].tick(74_300) == 100


def test_a_tape_replays_without_a_flaw(tape):
    result = replay(tape)

    assert result.anomalies == {}
    assert result.tape.meta["import"]["anomalies"] == {}
    audit_book(result.book)


def test_every_event_is_a_message_of_its_own_not_earlier_than_the_one_before(tape):
    assert np.all(tape.events["flags"] == Flag.LAST)
    assert np.all(np.diff(tape.events["venue_ns"]) >= 0)


def test_every_price_is_on_the_tick_and_every_order_of_one_size(tape):
    assert np.all(tape.events["price"] % 100 == 0)
    assert np.all(tape.events["price"] > 0)
    assert np.all(tape.events["qty_lots"] == 1)


def test_an_execution_is_against_the_oldest_order_at_the_best_price(tape):
    books = naive_books(tape.events[:0])
    executions = 0
    for event in tape.events[:5000]:
        book = books[int(event["symbol"])]
        if event["kind"] == Kind.EXECUTE:
            side = int(event["side"])
            best = book.best(side, 1)[0][0]
            queue = [
                name for name, (s, price, _) in book.orders.items() if (s, price) == (side, best)
            ]
            assert queue[0] == event["order_id"]
            executions += 1
        book.apply(event)
    assert executions > 50


def test_both_symbols_and_both_sides_trade_and_trades_are_numbered(tape):
    trades = tape.events[tape.events["kind"] == Kind.EXECUTE]

    assert {(s, side) for s, side in zip(trades["symbol"], trades["side"], strict=True)} == {
        (symbol, side) for symbol in (0, 1) for side in (BID, ASK)
    }
    assert np.array_equal(trades["other_id"], np.arange(1, len(trades) + 1))


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (7, 7, 8), strict=True):
        simulate("hawkes", path, events=500, seed=seed, progress=False)

    for name in ("events.npy", "tape.json"):
        first, second, third = ((path / name).read_bytes() for path in paths)
        assert first == second != third


def test_a_tape_made_in_pieces_is_that_made_at_once(tmp_path, monkeypatch):
    whole = simulate("santa-fe", tmp_path / "whole", events=500, progress=False)
    monkeypatch.setattr(simulating, "_PIECE", 99)
    pieces = simulate("santa-fe", tmp_path / "pieces", events=500, progress=False)

    assert np.array_equal(whole.events, pieces.events)


@pytest.mark.compiled
@pytest.mark.skipif(not COMPILED, reason="the other process is the one with the JIT off")
def test_a_tape_is_the_same_with_the_jit_off(tmp_path):
    here = simulate("hawkes", tmp_path / "here", events=2000, symbols=3, seed=5, progress=False)
    code = (
        "import sys; from mmjit.simulating import simulate; "
        "simulate('hawkes', sys.argv[1], events=2000, symbols=3, seed=5, progress=False)"
    )
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(TOP)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], env=env, check=True)

    for name in ("events.npy", "tape.json"):
        assert (tmp_path / "there" / name).read_bytes() == (here.path / name).read_bytes()


def test_a_tape_that_is_there_is_replaced_only_when_asked(tmp_path):
    simulate("cst", tmp_path / "tape", events=20, progress=False)

    with pytest.raises(TapeError, match="exists already"):
        simulate("cst", tmp_path / "tape", events=20)
    tape = simulate("cst", tmp_path / "tape", events=30, replace=True, progress=False)
    assert len(tape.events) == 30


# ---- the models -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_found_by_each_of_its_names(name):
    assert name in (find_model(name).name, *find_model(name).aliases)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_takes_its_own_defaults_and_describes_each(model):
    values = values_of(model, {p.name: str(p.default) for p in model.parameters})

    assert values == values_of(model, {}) == {p.name: p.default for p in model.parameters}
    assert all(p.least <= p.default <= p.most and p.meaning for p in model.parameters)
    assert model.plan(values).tick > 0


def test_the_plan_of_cst_is_what_was_published():
    made = simulation("cst", params={"depth": 7})

    tail = [1.92 / 6**0.52, 1.92 / 7**0.52]
    assert made.plan.arrivals == pytest.approx([1.85, 1.51, 1.09, 0.88, 0.77, *tail], rel=1e-12)
    assert made.plan.hazards.tolist() == [0.71, 0.81, 0.68, 0.56, 0.47]
    assert made.plan.market == 2 * 0.94
    assert made.plan.unit_ns == 60e9
    assert (made.plan.start_price, made.plan.tick) == (74_300, 100)
    assert simulation("cst", params={"depth": 2}).plan.arrivals.tolist() == [1.85, 1.51]


def test_there_is_room_for_more_orders_than_rest_in_the_long_run():
    made = simulation("cst", symbols=3)

    assert made.order_capacity > 3 * 2 * resting_mean(made.plan)


def test_a_start_price_is_brought_down_to_a_tick():
    assert simulation("cst", params={"start_price": 74_399}).plan.start_price == 74_300
    assert simulation("cst", params={"start_price": 99}).plan.start_price == 100


# ---- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        {"symbols": 0},
        {"symbols": 1001},
        {"events": 0},
        {"events": 10**9 + 1},
        {"events": 1.5},
        {"seed": 1 << 63},
        {"seed": True},
        {"symbols": "2"},
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_by_name(tmp_path, bad):
    [name] = bad

    with pytest.raises(ArgumentError, match=rf"^{name}: .* a whole number"):
        simulate("cst", tmp_path / "tape", **bad)
    assert not (tmp_path / "tape").exists()


def test_an_unknown_model_is_refused_with_those_that_are_known():
    said = refusal(ArgumentError, simulation, "poisson")

    assert said == (
        "model: 'poisson' is not known; give one of cont-stoikov-talreja or cst, santa-fe, hawkes"
    )


def test_an_unknown_parameter_is_refused_with_those_that_are_known():
    said = refusal(ArgumentError, simulation, "santa-fe", params={"sigma": 1})

    assert said == (
        "params: santa-fe has no parameter 'sigma'; it has: mu, alpha, delta, depth, order_lots, "
        "tick, start_price, speed"
    )


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"depth": 0}, "params: depth = 0 is not a whole number from 1 to 10,000"),
        ({"depth": 10.5}, "params: depth = 10.5 is not a whole number from 1 to 10,000"),
        ({"depth": "10.0"}, "params: depth = '10.0' is not a whole number from 1 to 10,000"),
        ({"mu": -0.1}, "params: mu = -0.1 is not a number from 0 to 1e+09"),
        ({"mu": "nan"}, "params: mu = 'nan' is not a number from 0 to 1e+09"),
        ({"mu": True}, "params: mu = True is not a number from 0 to 1e+09"),
        ({"mu": None}, "params: mu = None is not a number from 0 to 1e+09"),
        ({"delta": 0}, "params: delta = 0 is not a number from 1e-09 to 1e+09"),
    ],
    ids=str,
)
def test_a_value_that_a_parameter_does_not_take_is_refused(params, said):
    assert refusal(ArgumentError, simulation, "santa-fe", params=params) == said


@pytest.mark.parametrize("alpha", [1.2, 5])
def test_market_orders_that_would_excite_each_other_without_end_are_refused(alpha):
    said = refusal(ArgumentError, simulation, "hawkes", params={"alpha": alpha})

    assert said.startswith(f"params: alpha = {alpha:g} is not below beta = 1.2, so that")
    assert said.endswith("lower alpha")
    assert simulation("hawkes", params={"alpha": 1.1999}).plan.jump == 1.1999


def test_more_orders_than_memory_is_meant_for_are_refused():
    said = refusal(ArgumentError, simulation, "santa-fe", params={"delta": 1e-6})

    assert said.startswith(
        "params: about 10,000,000 orders would rest at once, more than 1,000,000"
    )


def test_a_flow_without_limit_orders_is_refused():
    params = {"tail": 0, **{f"lambda{place}": 0 for place in range(1, 6)}}

    assert "no limit order would ever come" in refusal(
        ArgumentError, simulation, "cst", params=params
    )


def test_events_beyond_the_end_of_time_are_refused_and_leave_nothing(tmp_path):
    said = refusal(
        ArgumentError,
        simulate,
        "cst",
        tmp_path / "t",
        events=50_000,
        params={"speed": 1e-6},
        progress=False,
    )

    assert "more than 126 years after the first; raise speed" in said
    assert list(tmp_path.iterdir()) == []


# ---- the command ----------------------------------------------------------------------------


def test_the_command_makes_the_tape_that_the_call_makes(tmp_path, capsys):
    path = tmp_path / "tape"
    words = ["simulate", "cst", "--symbols", "2", "--events", "400", "--seed", "9"]

    assert main([*words, "--param", "mu=2.5", "--param", "depth=9", "-o", str(path), "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    other = simulate(
        "cst",
        tmp_path / "other",
        symbols=2,
        events=400,
        seed=9,
        params={"mu": 2.5, "depth": 9},
        progress=False,
    )
    assert (path / "events.npy").read_bytes() == (other.path / "events.npy").read_bytes()
    assert said["events"] == 400
    assert said["symbols"] == ["SIM0", "SIM1"]
    assert said["import"]["params"]["mu"] == 2.5


def test_the_command_says_what_is_on_the_tape(tmp_path, capsys):
    assert main(["simulate", "santa-fe", "--events", "1e2", "-o", str(tmp_path / "t")]) == 0

    said = capsys.readouterr().out
    assert "events     100 of 100 messages (santa-fe)" in said
    assert "orders     at most" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["poisson"], "mmjit: model: 'poisson' is not known"),
        (["cst", "--param", "mu"], "mmjit: --param 'mu' is not NAME=VALUE, such as speed=60"),
        (["cst", "--param", "=1"], "mmjit: --param '=1' is not NAME=VALUE"),
        (["hawkes", "--param", "alpha=2"], "mmjit: params: alpha = 2 is not below beta = 1.2"),
        (["cst", "--symbols", "0"], "mmjit: symbols: 0 is not a whole number from 1 to 1,000"),
    ],
    ids=str,
)
def test_the_command_refuses_in_one_line(tmp_path, capsys, words, said):
    assert main(["simulate", *words, "-o", str(tmp_path / "t")]) == 2

    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_the_help_teaches_every_parameter_of_every_model(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])

    said = capsys.readouterr().out
    for model in MODELS:
        assert model.name in said
        for parameter in model.parameters:
            assert f"  {parameter.name:12}" in said
    assert max(len(line) for line in said.splitlines()) <= 100


def test_the_names_are_public():
    assert mmjit.simulate is simulate
    assert not hasattr(mmjit, "generate_tape")
