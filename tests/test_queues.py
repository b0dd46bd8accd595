"""Queue models: the six that are shipped, those of users, and the two verbs around them."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core.authored import RuleError, parameters
from mmjit.core.jit import COMPILED, loop_for
from mmjit.core.queues import QueueModel, front_after, queue_model, trade_at
from mmjit.errors import StrategyError
from mmjit.models.queues import QUEUE_MODELS
from mmjit.rulebook import find_queue_model, with_parameters
from tests.naive_queues import NaiveQueue, shares

TOP = Path(__file__).resolve().parent.parent
TRADE, DEPTH = 0, 1


def follow(model, params, events, start_lots, fronts, reached):  # type: ignore[no-untyped-def]
    """The front after every trade and every change of what is shown, and the lots that got to us.

    Args:
        model: `QueueModel.entry()`.
        params: uint8.
        events: int64[events, 2], TRADE or DEPTH and lots.
        start_lots: shown when we join.
        fronts: float64 per event, written.
        reached: int64 per event, written.
    """
    front = np.float64(start_lots)
    shown, traded = start_lots, 0
    for place in range(len(events)):
        lots = events[place, 1]
        if events[place, 0] == TRADE:
            front, reached[place] = trade_at(front, lots)
            traded += lots
        else:
            front = front_after(model, params, front, traded, shown, lots)
            shown, traded = lots, 0
        fronts[place] = front
    return 0


def followed(model: QueueModel, events: Any, start_lots: int) -> tuple[list[float], list[int]]:
    """The fronts and what got to us."""
    rows = np.array(events, np.int64).reshape(-1, 2)
    fronts, reached = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
    arguments = (model.defaults.view(np.uint8), rows, start_lots, fronts, reached)
    loop = loop_for(follow, [model.signature], arguments)
    assert loop(model.entry(), *arguments) == 0
    return fronts.tolist(), reached.tolist()


def naively(share: Any, events: Any, start_lots: int) -> tuple[list[float], list[int]]:
    """The same by the naive twin."""
    queue = NaiveQueue(share, start_lots)
    fronts, reached = [], []
    for kind, lots in events:
        reached.append(queue.trade(lots) if kind == TRADE else 0)
        if kind == DEPTH:
            queue.depth(lots)
        fronts.append(queue.front)
    return fronts, reached


# ---- the worked sequence --------------------------------------------------------------------

# A level of 10 that we join with 1, counted in lots of 0.001; n is 2. The first fills are those of
# hftbacktest 2.4.4 itself.
SEQUENCE = [
    *((DEPTH, 16000), (DEPTH, 12000), (TRADE, 2000), (DEPTH, 10000), (DEPTH, 6000), (TRADE, 1000)),
    *((DEPTH, 5000), (TRADE, 1000), (DEPTH, 4000), (TRADE, 1500), (TRADE, 1000), (TRADE, 1000)),
    (TRADE, 2000),
]
WORKED = {  # the fronts before the first fill, in units, and its lots
    "risk_averse": ("10 10 8 8 6 5 5 4 4 2.5 1.5 .5", 1500),
    "power1": ("10 7.058824 5.058824 5.058824 3.011771 2.011771 2.011771 1.011771 1.011771", 488),
    "power2": ("10 6.5625 4.5625 4.5625 1.745156 .745156 .745156", 255),
    "power3": (
        "10 8.4375 6.4375 6.4375 4.779844 3.779844 3.779844 2.779844 2.779844 1.279844 .279844",
        720,
    ),
    "log1": (
        "10 7.791894 5.791894 5.791894 3.642978 2.642978 2.642978 1.642978 1.642978 .142978",
        857,
    ),
    "log2": (
        "10 8.747284 6.747284 6.747284 5.161998 4.161998 4.161998 3.161998 3.161998 1.661998 "
        ".661998",
        338,
    ),
}


def named(name: str, n: float = 2.0, unit: float = 1000.0) -> QueueModel:
    """A shipped model with parameters."""
    model = QUEUE_MODELS[name]
    given_ = {"n": n, "unit_lots": unit}
    names = model.defaults.dtype.names or ()
    return model.given(with_parameters(model, {k: v for k, v in given_.items() if k in names}))


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_sequence_moves_the_front_as_it_should(name):
    text, filled_lots = WORKED[name]
    expected = [float(front) for front in text.split()]

    fronts, reached = followed(named(name), SEQUENCE, 10_000)

    first = next(place for place, lots in enumerate(reached) if lots)
    assert [front / 1000 for front in fronts[:first]] == pytest.approx(expected, abs=6e-7)
    assert reached[first] == filled_lots


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_sequence_is_that_of_the_naive_twin(name):
    fronts, reached = followed(named(name), SEQUENCE, 10_000)
    expected = naively(shares(n=2.0, unit=1000.0)[name], SEQUENCE, 10_000)

    assert fronts == pytest.approx(expected[0])
    assert reached == expected[1]


# ---- against the naive twin -----------------------------------------------------------------

LOTS = st.integers(0, 40)
EVENTS = st.lists(st.tuples(st.sampled_from([TRADE, DEPTH, DEPTH]), LOTS), max_size=25)


@pytest.mark.parametrize("name", QUEUE_MODELS)
@given(events=EVENTS, start=st.integers(1, 40), n=st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.5]))
@example(events=[(DEPTH, 0), (DEPTH, 0), (DEPTH, 5), (TRADE, 1)], start=3, n=2.0)  # 0/0
@example(events=[(TRADE, 3), (DEPTH, 0), (TRADE, 1)], start=3, n=2.0)
def test_every_model_follows_its_twin_and_stays_within_what_is_shown(name, events, start, n):
    fronts, reached = followed(named(name, n, unit=2.0), events, start)
    expected, expected_reached = naively(shares(n, 2.0)[name], events, start)

    for place, (kind, lots) in enumerate(events):
        if math.isclose(expected[place] % 1, 0.5, abs_tol=1e-9):
            return  # which lot it is hangs on the last bit
        assert fronts[place] == pytest.approx(expected[place], abs=1e-9)
        assert reached[place] == expected_reached[place] <= lots
        if kind == DEPTH:
            assert 0 <= fronts[place] <= lots


@pytest.mark.parametrize("name", QUEUE_MODELS)
def test_an_addition_never_moves_an_order(name):
    assert followed(named(name), [(DEPTH, 70), (DEPTH, 90)], 50)[0] == [50, 50]


@pytest.mark.parametrize("name", QUEUE_MODELS)
def test_a_level_that_is_emptied_leaves_nothing_in_front(name):
    assert followed(named(name), [(DEPTH, 0), (DEPTH, 50)], 50)[0] == [0, 0]


@pytest.mark.parametrize("name", QUEUE_MODELS)
def test_what_traded_is_not_taken_off_a_second_time(name):
    fronts, _ = followed(named(name), [(DEPTH, 60), (TRADE, 10), (DEPTH, 50)], 50)

    assert fronts == [50, 40, 40]


# ---- trades ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trades", "reached"),
    [([4], [0]), ([5], [0]), ([5, 1], [0, 1]), ([7], [2]), ([5, 3, 2], [0, 3, 2])],
)
def test_a_trade_reaches_us_by_what_it_takes_beyond_the_front(trades, reached):
    assert followed(named("risk_averse"), [(TRADE, lots) for lots in trades], 5)[1] == reached


@pytest.mark.parametrize(
    ("front", "reached", "left"), [(0.5, 1, 0.0), (0.5001, 0, -0.4999), (0.0, 1, 0.0), (1.0, 0, 0)]
)
def test_half_a_lot_beyond_the_front_is_a_lot(front, reached, left):
    @queue_model(params=parameters(front=front))
    def at(params, front_lots, traded_lots, before_lots, after_lots):
        return params["front"]

    fronts, lots = followed(at, [(DEPTH, 9), (TRADE, 1)], 9)

    assert lots == [0, reached]
    assert fronts[1] == pytest.approx(left)


# ---- a model of one's own -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"), [(math.nan, 7.0), (-3.0, 0.0), (8.0, 7.0), (math.inf, 7.0), (6.5, 6.5)]
)
def test_whatever_a_model_says_the_front_stays_within_what_is_shown(said, kept):
    @queue_model(params=parameters(said=said))
    def saying(params, front_lots, traded_lots, before_lots, after_lots):
        return params["said"]

    assert followed(saying, [(DEPTH, 7)], 9)[0] == [kept]


def test_a_model_is_given_floats_within_what_was_shown():
    @queue_model()
    def checking(params, front_lots, traded_lots, before_lots, after_lots):
        is_right = front_lots >= 0 and front_lots <= before_lots and traded_lots == 2.0
        return before_lots / 4 + after_lots / 8 if is_right else 0

    assert followed(checking, [(TRADE, 2), (DEPTH, 7)], 9)[0] == [7.0, 9 / 4 + 7 / 8]


def test_a_model_is_told_of_no_front_below_nothing():
    @queue_model()
    def carrying(params, front_lots, traded_lots, before_lots, after_lots):
        return 0.7 if after_lots == 9 else front_lots + 2

    assert followed(carrying, [(DEPTH, 9), (TRADE, 1), (DEPTH, 8)], 9)[0] == [
        0.7,
        pytest.approx(-0.3),
        2.0,
    ]


SOURCE = """
import mmjit

@mmjit.queue_model(params=mmjit.parameters(part=0.5, floor=1))
def patient(params, front_lots, traded_lots, before_lots, after_lots):
    '''Half of what leaves was before us.'''
    left = before_lots - after_lots - traded_lots
    return max(front_lots - params["part"] * max(left, 0.0), params["floor"])
"""


def test_a_model_of_a_file_is_found_and_followed(tmp_path):
    (tmp_path / "own_queue.py").write_text(SOURCE)
    events = [(DEPTH, 30), (DEPTH, 26), (DEPTH, 0), (DEPTH, 9)]

    model = find_queue_model(f"{tmp_path}/own_queue.py:patient")
    other = find_queue_model(f"{tmp_path}/own_queue.py:patient:part=1:floor=2")

    assert model.doc == "Half of what leaves was before us."
    assert followed(model, events, 10)[0] == [10, 8, 0, 1]
    assert followed(other, events, 10)[0] == [10, 6, 0, 2]


def test_a_name_may_bring_parameters():
    assert find_queue_model("power3").defaults[0]["n"] == 3.0
    assert find_queue_model("power3:n=2").defaults[0]["n"] == 2.0
    assert QUEUE_MODELS["power3"].defaults[0]["n"] == 3.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("power4", "neither one of risk_averse, power1"),
        ("power3:m=2", "queue model power3 has no parameter 'm'; it has: n"),
        ("power3:n=two", "parameter n of queue model power3: 'two' is not a number"),
        ("nowhere.py:mine", "queue model: there is no file nowhere.py"),
        (None, "neither a name nor a model"),
        ("", "neither one of"),
        ("n=2", "neither one of"),
    ],
)
def test_a_model_that_is_not_there_is_named(text, message):
    with pytest.raises(StrategyError, match=message):
        find_queue_model(text)


def test_a_file_without_such_a_model_says_what_it_has(tmp_path):
    (tmp_path / "other_queue.py").write_text(SOURCE)

    with pytest.raises(StrategyError, match=r"no queue model 'mine' \(it has: patient\)"):
        find_queue_model(f"{tmp_path}/other_queue.py:mine")


def test_parameters_of_a_model_are_made_by_parameters():
    with pytest.raises(RuleError, match="made by parameters"):
        queue_model(params={"n": 2})
    with pytest.raises(RuleError, match="a queue model is a function with a name"):
        queue_model()(lambda *_: 0.0)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off")
def test_a_model_that_cannot_be_compiled_says_so():
    @queue_model()
    def printing(params, front_lots, traded_lots, before_lots, after_lots):
        print(front_lots)
        return front_lots

    @queue_model()
    def lost(params, front_lots, traded_lots, before_lots, after_lots):
        return no_such_name  # noqa: F821

    @queue_model()
    def silent(params, front_lots, traded_lots, before_lots, after_lots):
        front_lots -= traded_lots

    with pytest.raises(RuleError, match=r"queue model printing does not compile(.|\n)*calls print"):
        printing.entry()
    with pytest.raises(RuleError, match=r"queue model lost does not compile(.|\n)*'no_such_name'"):
        lost.entry()
    with pytest.raises(RuleError, match=r"silent does not compile(.|\n)*it can end without"):
        silent.entry()


PROCESS = """
import json, sys
from mmjit.core.cache import tally
from mmjit.rulebook import find_queue_model
entries = [find_queue_model(text).entry() for text in sys.argv[1:]]
print(json.dumps(tally))
"""


@pytest.mark.compiled
@pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off")
def test_a_users_model_is_compiled_once_whatever_its_parameters(tmp_path):
    def in_process(*models: str) -> dict[str, int]:
        words = [sys.executable, "-B", "-c", PROCESS, *models]
        env = os.environ | {"PYTHONPATH": str(TOP)}
        done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
        tally: dict[str, int] = json.loads(done.stdout)
        return tally

    file = tmp_path / f"queue_{abs(hash(str(tmp_path))) % 10**12}.py"
    file.write_text(SOURCE)

    first, second = in_process(f"{file}:patient"), in_process(f"{file}:patient:part=0.1")

    assert first["misses"] == 1
    assert second["misses"] == 0
    assert second["hits"] == 1
