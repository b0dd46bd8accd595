"""Runs that are forked go on as if each had been alone from the start."""

import numpy as np
import pytest

import mmjit
from mmjit.core.codes import BID
from mmjit.sessions import OF_THE_TAPE, parts_of
from mmjit.strategies.pegged import pegged
from tests.test_saving import CASES, pacing, settings_of, tapes  # noqa: F401

WIDE = {"offset_ticks": 3}


def lines(result):
    return result.fills.tobytes(), result.steps.tobytes(), result.positions.tobytes()


@pytest.mark.parametrize("case", CASES)
def test_a_fork_ends_as_its_origin_does_and_touches_nothing_of_it(tapes, case):  # noqa: F811
    name, given = CASES[case]
    settings = settings_of(given)
    whole = mmjit.start_backtest(tapes / name, strategy=pacing, **settings).advance().finish()
    run = mmjit.start_backtest(tapes / name, strategy=pacing, **settings).advance(event=301)

    forked = run.fork().advance().finish()
    other = run.fork(params={"qty_lots": 1}).advance().finish()

    assert len(whole.fills) > 10
    assert lines(forked) == lines(whole)
    assert lines(other) != lines(whole)
    assert lines(run.advance().finish()) == lines(whole)


def test_another_rule_from_a_warm_state_is_as_if_by_hand_from_there(tapes):  # noqa: F811
    run = mmjit.start_backtest(tapes / "orders", latency=mmjit.Latency(feed="1ms", entry="1ms"))
    run.advance(event=301)
    results = [
        run.fork(strategy=pegged, params=params).advance().finish() for params in ({}, WIDE, {})
    ]

    assert lines(results[0]) == lines(results[2]) != lines(results[1])
    assert results[0].steps["event"].min() >= 300


def test_orders_in_the_market_and_on_their_way_are_in_the_fork_too(tapes):  # noqa: F811
    latency = mmjit.Latency(entry="10s", response="10s")
    run = mmjit.start_backtest(tapes / "orders", latency=latency).advance(event=301)
    price = int(run.session.desk.bundle.book.symbols[0]["price_min"])
    order_id = run.submit(BID, price, 2)
    forked = run.fork()
    forked.cancel(order_id)

    assert "CANCEL" in [mmjit.Kind(kind).name for kind in forked.advance().finish().steps["kind"]]
    assert "CANCEL" not in [mmjit.Kind(kind).name for kind in run.advance().finish().steps["kind"]]


def test_a_fork_shares_with_its_origin_only_the_tape(tapes):  # noqa: F811
    run = mmjit.start_backtest(tapes / "orders", strategy=pacing).advance(event=301)
    ours, theirs = parts_of(run.session), parts_of(run.fork().session)

    for (name, array), (_, copy) in zip(ours, theirs, strict=True):
        of_the_tape = name in OF_THE_TAPE and array.size > 0
        assert np.shares_memory(array, copy) == of_the_tape
        assert of_the_tape or copy.ctypes.data % 64 == 0 or copy.size == 0
