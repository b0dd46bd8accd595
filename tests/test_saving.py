"""A run that was saved goes on, in another process too, as if it had never stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmjit
from mmjit.backtesting import resume_backtest, start_backtest
from mmjit.core.codes import ASK, BID
from mmjit.core.desk import mid_twice, now_ns, on_tick, want
from mmjit.core.queues import queue_model
from mmjit.core.rules import parameters, strategy
from mmjit.errors import ArgumentError, RunError, StrategyError, TapeError
from mmjit.feeds.importing import Resolving
from mmjit.outcome import Backtest
from mmjit.sessions import parts_of
from mmjit.tape import TapeWriter
from tests import builders as b
from tests.backtests import messages

EVENTS = 1500
JITTER = {"feed": "20us+gamma(2,10us)", "entry": "50us+lognormal(40us,0.5)", "response": "30us"}
ROOT = Path(__file__).resolve().parent.parent


@strategy(params=parameters(qty_lots=3), memory=[("seen", "i8"), ("moves", "i8")])
def pacing(desk, params, memory, quotes):
    """Want two quotes around a price that depends on how often the mid has moved."""
    if mid_twice(desk) != memory["seen"]:
        memory["seen"] = mid_twice(desk)
        memory["moves"] += 1
    price = 10_000 + memory["moves"] % 7
    want(quotes, BID, 0, on_tick(desk, BID, price - 3), params["qty_lots"])
    want(quotes, ASK, 0, on_tick(desk, ASK, price + 3), params["qty_lots"])


def level_tape(folder: Path) -> Any:
    """A market of price levels: quantities change at every event, and something trades."""
    rng = np.random.default_rng(5)
    events = []
    for number in range(600):
        depth = int(rng.integers(1, 8))
        lots = int(rng.integers(1, 30))
        side = number % 2
        price = 10_000 - depth if side == BID else 10_000 + depth
        events.append(b.level(side, price, lots))
        if number % 5 == 0:
            events.append(b.trade(price, int(rng.integers(1, 6)), side=side))
    stream = b.stream(*messages(*events, step_ns=1000))
    resolving = Resolving(1)
    resolving(stream)
    one = resolving.bounded(0, mmjit.Instrument(symbol="L2", price_unit="0.01"))
    with TapeWriter(folder) as writer:
        writer.append(stream)
        return writer.commit(
            [one],
            messages=len(stream),
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={"feed": "test"},
        )


@pytest.fixture(scope="module")
def tapes(tmp_path_factory):
    """A tape of orders and a tape of levels, as folders."""
    folder = tmp_path_factory.mktemp("tapes")
    mmjit.simulate("santa-fe", folder / "orders", events=EVENTS, symbols=2, seed=3)
    level_tape(folder / "levels")
    return folder


CASES = {
    "one clock": ("orders", {}),
    "one clock, an interval": ("orders", {"every": "100ms", "maker_fee": "-0.0001"}),
    "two clocks with jitter": ("orders", {"latency": JITTER}),
    "levels": ("levels", {"queue_model": "power3:n=2"}),
    "levels, two clocks": ("levels", {"latency": JITTER, "queue_model": "log1"}),
}


def settings_of(given: dict[str, Any]) -> dict[str, Any]:
    latency = {"latency": mmjit.Latency(**given["latency"])} if "latency" in given else {}
    return {**given, **latency}


def same_bytes(result: Backtest, folder: Path) -> None:
    """The result is, byte for byte, the one that a folder holds."""
    assert np.load(folder / "fills.npy").tobytes() == result.fills.tobytes()
    assert np.load(folder / "orders.npy").tobytes() == result.steps.tobytes()
    assert (folder / "positions").read_bytes() == result.positions.tobytes()
    said = json.loads((folder / "summary.json").read_text())
    ours = json.loads(json.dumps(without_clock(result.summary()), default=str))
    assert said == ours


def without_clock(summary: dict[str, Any]) -> dict[str, Any]:
    for part in (summary, *summary["symbols"].values()):
        del part["seconds"], part["ns_per_event"]
    return summary


RESUME = """
import json, sys
from pathlib import Path
import numpy as np
from mmjit.backtesting import resume_backtest
from tests.test_saving import pacing, without_clock
path, tape, out = map(Path, sys.argv[1:])
result = resume_backtest(path, tape, strategy=pacing).advance().finish()
np.save(out / "fills.npy", result.fills)
np.save(out / "orders.npy", result.steps)
(out / "positions").write_bytes(result.positions.tobytes())
(out / "summary.json").write_text(json.dumps(without_clock(result.summary()), default=str))
"""


@pytest.mark.compiled
@pytest.mark.parametrize("case", CASES)
def test_another_process_goes_on_to_the_same_bytes(tapes, tmp_path, case):
    name, given = CASES[case]
    settings = settings_of(given)
    whole = start_backtest(tapes / name, strategy=pacing, **settings).advance().finish()
    run = start_backtest(tapes / name, strategy=pacing, **settings).advance(event=333)
    run.save(tmp_path / "run.npz")

    words = [sys.executable, "-c", RESUME, tmp_path / "run.npz", tapes / name, tmp_path]
    subprocess.run(words, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    assert len(whole.fills) > 10
    same_bytes(whole, tmp_path)
    later = run.advance().finish()  # what was saved was not touched
    same_bytes(later, tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_every_array_and_every_sharing_comes_back(tapes, tmp_path, case):
    name, given = CASES[case]
    run = start_backtest(tapes / name, strategy=pacing, **settings_of(given)).advance(event=200)
    run.save(tmp_path / "run.npz")
    back = resume_backtest(tmp_path / "run.npz", tapes / name, strategy=pacing)

    ours, theirs = parts_of(run.session), parts_of(back.session)
    assert [one[0] for one in ours] == [one[0] for one in theirs]
    for (_, kept), (_, found) in zip(ours, theirs, strict=True):
        assert kept.dtype == found.dtype
        assert kept.dtype.isalignedstruct == found.dtype.isalignedstruct
        assert kept.shape == found.shape
        assert kept.tobytes() == found.tobytes()
        assert found.flags.writeable
    shared = [[id(x) == id(y) for _, x in parts] for parts in (ours, theirs) for _, y in parts]
    assert shared[: len(ours)] == shared[len(ours) :]
    assert back.settings.as_json() == run.settings.as_json()


def test_a_run_is_saved_and_resumed_again_and_again(tapes, tmp_path):
    whole = start_backtest(tapes / "orders", strategy="pegged").advance().finish()
    run = start_backtest(tapes / "orders", strategy="pegged")
    for event in range(100, EVENTS, 400):
        run.advance(event=event).save(tmp_path / "run.npz", replace=True)
        run = resume_backtest(tmp_path / "run.npz", tapes / "orders")
        assert run.event == event
    result = run.advance().finish()

    assert result.fills.tobytes() == whole.fills.tobytes()
    assert result.steps.tobytes() == whole.steps.tobytes()
    assert [one.name for one in tmp_path.iterdir()] == ["run.npz"]


def test_orders_by_hand_go_on(tapes, tmp_path):
    run = start_backtest(tapes / "orders").advance(event=300)
    order_id = run.submit(BID, 1, 5)
    run.save(tmp_path / "run.npz")
    back = resume_backtest(tmp_path / "run.npz", tapes / "orders")
    back.advance(event=400).cancel(order_id)

    assert back.now_ns >= run.now_ns


# ---- refusals -------------------------------------------------------------------------------


@strategy(params=parameters(qty_lots=3), memory=[("asked", "i8")])
def resting(desk, params, memory, quotes):
    """Another rule."""
    want(quotes, BID, 0, 1 + now_ns(desk) * 0, params["qty_lots"])


@queue_model()
def stubborn(params, front_lots, traded_lots, before_lots, after_lots):
    """Nothing but trades."""
    return front_lots


@pytest.fixture(scope="module")
def saved(tapes, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run.npz"
    start_backtest(tapes / "orders", strategy=pacing).advance(event=50).save(path)
    return path


def test_a_run_that_is_there_is_replaced_only_when_asked(tapes, saved):
    run = start_backtest(tapes / "orders", strategy=pacing)
    before = saved.read_bytes()

    with pytest.raises(ArgumentError, match=r"run\.npz exists already; .*replace=True"):
        run.save(saved)
    assert saved.read_bytes() == before


def test_a_file_that_is_no_run_is_never_replaced(tapes, tmp_path):
    (tmp_path / "mine.npz").write_text("mine")

    with pytest.raises(ArgumentError, match="is no saved run; choose another place"):
        start_backtest(tapes / "orders").save(tmp_path / "mine.npz", replace=True)
    assert (tmp_path / "mine.npz").read_text() == "mine"


def test_a_write_that_is_cut_leaves_nothing(tapes, tmp_path, monkeypatch):
    def cut(file: Any, **arrays: Any) -> None:
        file.write(b"begun")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", cut)
    with pytest.raises(OSError, match="no space left"):
        start_backtest(tapes / "orders").save(tmp_path / "run.npz")
    assert list(tmp_path.iterdir()) == []


def test_another_tape_is_refused(tapes, saved):
    with pytest.raises(TapeError, match=r"was saved on another tape: events 1500, .* has 720"):
        resume_backtest(saved, tapes / "levels", strategy=pacing)


def test_another_rule_is_refused_by_name(tapes, saved):
    with pytest.raises(StrategyError, match=r"saved with rule pacing of .*, and resting of"):
        resume_backtest(saved, tapes / "orders", strategy=resting)


def test_a_rule_of_ones_own_has_to_be_given(tapes, saved):
    with pytest.raises(StrategyError, match=r"saved with rule pacing of .*; give it as strategy"):
        resume_backtest(saved, tapes / "orders")


def test_a_rule_that_was_changed_is_refused_by_digest(tapes, saved, monkeypatch):
    monkeypatch.setattr(pacing, "function", renamed(resting.function, "pacing"))

    with pytest.raises(StrategyError, match=r"rule pacing of .*, digest \w{8}, and pacing"):
        resume_backtest(saved, tapes / "orders", strategy=pacing)


def renamed(function: Any, name: str) -> Any:
    kind = type(function)
    return kind(function.__code__, function.__globals__, name)


def test_another_queue_model_is_refused(tapes, tmp_path):
    run = start_backtest(tapes / "levels", strategy=pacing, queue_model=stubborn)
    run.save(tmp_path / "run.npz")

    with pytest.raises(StrategyError, match=r"queue model stubborn; give it as queue_model"):
        resume_backtest(tmp_path / "run.npz", tapes / "levels", strategy=pacing)
    with pytest.raises(StrategyError, match=r"saved with queue model stubborn .* and log1"):
        resume_backtest(tmp_path / "run.npz", tapes / "levels", strategy=pacing, queue_model="log1")
    resume_backtest(tmp_path / "run.npz", tapes / "levels", strategy=pacing, queue_model=stubborn)


def with_head(path: Path, out: Path, **changed: Any) -> Path:
    """The same file with something else in its head."""
    with np.load(path) as file:
        arrays = dict(file)
    head = json.loads(arrays["head"].tobytes()) | changed
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    np.savez(out, **arrays)
    return out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": 2}, "has version 2 and this one is 1"),
        ({"mmjit": "0.0.9"}, "has mmjit '0.0.9' and this one is"),
        ({"layout": "0123456789"}, "has layout 01234567 and this mmjit has"),
        ({"format": "other"}, "is no saved run"),
        ({"places": []}, "is damaged"),
        ({"shapes": []}, "is damaged"),
        ({"settings": {}}, "is damaged"),
    ],
)
def test_another_version_and_another_layout_are_refused(tapes, saved, tmp_path, changed, words):
    path = with_head(saved, tmp_path / "other.npz", **changed)

    with pytest.raises(RunError, match=words):
        resume_backtest(path, tapes / "orders", strategy=pacing)


def test_a_missing_a_cut_and_a_foreign_file_are_refused(tapes, saved, tmp_path):
    whole = saved.read_bytes()
    np.savez(tmp_path / "foreign.npz", rows=np.arange(3))
    (tmp_path / "text.npz").write_text("not a run")
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "end.npz").write_bytes(whole[:-1])
    middle = len(whole) // 2
    (tmp_path / "flipped.npz").write_bytes(
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    )

    for name in ("missing", "foreign", "text", "cut", "end", "flipped"):
        with pytest.raises(RunError, match=f"{name}.npz"):
            resume_backtest(tmp_path / f"{name}.npz", tapes / "orders", strategy=pacing)
