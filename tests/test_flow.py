"""The random order flow: reproducible, clean, never locked, and never out of room."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmjit import generating
from mmjit.core.codes import ASK, BID, STATUS_SPAN, Flag, Kind
from mmjit.core.jit import COMPILED
from mmjit.core.records import EVENT, FLOW
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.errors import ArgumentError, TapeError
from mmjit.generating import generate_tape
from mmjit.models.flow import generate
from mmjit.replaying import audit_book, replay
from tests.builders import assert_audited
from tests.naive_tape import naive_books

MANY = 60_000 if COMPILED else 8_000
TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """Two symbols."""
    path = tmp_path_factory.mktemp("flow") / "tape"
    return generate_tape(path, symbols=2, events=MANY, seed=3, progress=False)


def made(
    events: int, *, seed: int = 1, target: int = 40, symbols: int = 1, start: int = 1000
) -> Any:
    """Events of a small flow, and its book."""
    room = 4 * target * symbols + 64
    book = memory_book(Counts(symbols=symbols, orders=room, levels=room))
    for symbol in range(symbols):
        assert configure_symbol(book, symbol, 0, 1 << 40, 10) == 0
    flow = np.zeros(1, FLOW)
    flow["gap_ns"], flow["target"] = 1000, target * symbols
    flow["start_price"], flow["tick"] = start * 10, 10
    out = np.zeros(events, EVENT)
    generate(book, flow, np.zeros(symbols, np.int64), np.zeros(room, np.int64), out, seed)
    return out, book, flow[0]


# ---- the tape -------------------------------------------------------------------------------


def test_a_tape_says_what_it_is(tape):
    assert tape.symbols == ["SIM0", "SIM1"]
    assert len(tape.events) == tape.meta["messages"] == MANY
    assert tape.meta["import"]["feed"] == "random flow"
    assert tape.meta["import"]["seed"] == 3
    assert tape.window_levels == 0
    assert set(tape.meta["kinds"]) == {"add", "reduce", "delete", "execute"}


def test_a_tape_replays_without_a_flaw(tape):
    result = replay(tape)

    assert result.anomalies == {}
    assert result.tape.meta["import"]["anomalies"] == {}
    audit_book(result.book)


def test_every_event_is_a_message_of_its_own_later_than_the_one_before(tape):
    assert np.all(tape.events["flags"] == Flag.LAST)
    assert np.all(np.diff(tape.events["venue_ns"]) > 0)


def test_every_price_is_on_the_tick_and_every_quantity_is_one(tape):
    assert np.all(tape.events["price"] % 100 == 0)
    assert np.all(tape.events["price"] > 0)
    assert np.all(tape.events["qty_lots"] > 0)


def test_an_execution_is_against_the_oldest_order_at_the_best_price(tape):
    books = naive_books(tape.events[:0])
    for event in tape.events[:3000]:
        book = books[int(event["symbol"])]
        if event["kind"] == Kind.EXECUTE:
            side = int(event["side"])
            best = book.best(side, 1)[0][0]
            queue = [
                name for name, (s, price, _) in book.orders.items() if (s, price) == (side, best)
            ]
            assert queue[0] == event["order_id"]
        book.apply(event)


def test_both_symbols_and_both_sides_trade(tape):
    trades = tape.events[tape.events["kind"] == Kind.EXECUTE]

    assert {(s, side) for s, side in zip(trades["symbol"], trades["side"], strict=True)} == {
        (symbol, side) for symbol in (0, 1) for side in (BID, ASK)
    }


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (7, 7, 8), strict=True):
        generate_tape(path, events=500, seed=seed, progress=False)

    for name in ("events.npy", "tape.json"):
        first, second, third = ((path / name).read_bytes() for path in paths)
        assert first == second != third


def test_a_tape_made_in_pieces_is_that_made_at_once(tmp_path, monkeypatch):
    whole = generate_tape(tmp_path / "whole", events=500, progress=False)
    monkeypatch.setattr(generating, "_PIECE", 99)
    pieces = generate_tape(tmp_path / "pieces", events=500, progress=False)

    assert np.array_equal(whole.events, pieces.events)


@pytest.mark.compiled
@pytest.mark.skipif(not COMPILED, reason="the other process is the one with the JIT off")
def test_a_tape_is_the_same_with_the_jit_off(tmp_path):
    here = generate_tape(tmp_path / "here", events=2000, symbols=3, seed=5, progress=False)
    code = (
        "import sys; from mmjit.generating import generate_tape; "
        "generate_tape(sys.argv[1], events=2000, symbols=3, seed=5, progress=False)"
    )
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(TOP)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], env=env, check=True)

    assert (tmp_path / "there" / "events.npy").read_bytes() == (
        here.path / "events.npy"
    ).read_bytes()


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

    with pytest.raises(ArgumentError, match=rf"^{name}: .* is not a whole number from"):
        generate_tape(tmp_path / "tape", **bad)
    assert not (tmp_path / "tape").exists()


def test_a_tape_that_is_there_is_replaced_only_when_asked(tmp_path):
    generate_tape(tmp_path / "tape", events=20, progress=False)

    with pytest.raises(TapeError, match="exists already"):
        generate_tape(tmp_path / "tape", events=20)
    assert len(generate_tape(tmp_path / "tape", events=30, replace=True).events) == 30


# ---- the flow -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("symbols", [1, 3])
def test_about_as_many_orders_rest_as_were_aimed_at(seed, symbols):
    events, book, flow = made(6000 if COMPILED else 1500, seed=seed, symbols=symbols)

    live = int(book.sides["order_count"].sum())
    assert live == flow["live_count"]
    assert 16 <= live < 2.5 * 40 * symbols
    assert len(events) == flow["last_id"] + int((events["kind"] != Kind.ADD).sum())
    assert_audited(book)


@pytest.mark.parametrize("start", [1, 3, 1000])
def test_a_book_is_never_locked_or_crossed(start):
    events, _, _ = made(4000 if COMPILED else 1000, start=start, seed=9)

    books = naive_books(events[:0])
    for event in events:
        books[int(event["symbol"])].apply(event)
        bids, asks = (books[int(event["symbol"])].best(side, 1) for side in (BID, ASK))
        assert not (bids and asks) or bids[0][0] < asks[0][0]


def test_no_event_is_refused_by_its_own_book():
    events, _, _ = made(3000 if COMPILED else 800, symbols=2)

    counts = np.zeros(STATUS_SPAN, np.int64)
    for book in naive_books(events).values():
        for status, count in book.counts.items():
            counts[-status] += count
    assert not counts.any()


def test_the_mean_time_between_events_is_about_what_was_asked():
    events, _, _ = made(4000 if COMPILED else 1000)

    gaps = np.diff(events["venue_ns"])
    assert gaps.min() >= 1
    assert 900 < gaps.mean() < 1100
