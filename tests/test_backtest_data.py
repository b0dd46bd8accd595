"""Backtests on recorded days: they run, their money adds up, and no fill is made twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmjit.backtesting import Backtest, backtest
from mmjit.core.codes import Kind
from mmjit.feeds.lobster import import_lobster

pytestmark = [pytest.mark.data, pytest.mark.compiled]

FEES = {"maker_fee": "-0.00002", "taker_fee": "0.00003"}
DAYS = ("AMZN 5", "AMZN 1", "AAPL 1", "AAPL 50")


@pytest.fixture(scope="module")
def tapes(data, tmp_path_factory):
    """Each recording as a tape."""
    out = tmp_path_factory.mktemp("tapes")

    def source(day: str) -> Path:
        symbol, levels = day.split()
        if levels == "50":
            return data / "lobster" / f"{symbol}_2012-06-21_34200000_37800000_message_50.csv"
        return data / "lobster" / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip"

    return {day: import_lobster(source(day), out / day.replace(" ", "_")) for day in DAYS}


def run(tape: Any, strategy: str = "pegged", **more: Any) -> Backtest:
    return backtest(tape, strategy=strategy, progress=False, **FEES, **more)


@pytest.mark.parametrize("strategy", ["pegged", "skewed"])
@pytest.mark.parametrize("day", DAYS)
def test_the_money_of_a_recorded_day_adds_up(tapes, day, strategy):
    result = run(tapes[day], strategy)

    fills, position = result.fills, result.positions[0]
    signs = 1 - 2 * fills["side"].astype(np.int64)
    lots = np.cumsum(signs * fills["qty_lots"])
    cash = -int((signs * fills["qty_lots"] * fills["price"]).sum())
    assert len(fills) > 100
    assert np.array_equal(lots, fills["position_lots"])
    assert position["position_lots"] == lots[-1]
    assert position["cash"] == cash
    assert position["fees_pico"] == fills["fee_pico"].sum()
    worth_twice = 2 * cash + int(lots[-1]) * int(position["mark_twice"])
    unrealised_twice = int(lots[-1]) * int(position["mark_twice"]) - 2 * int(position["basis"])
    assert 2 * int(position["realised"]) + unrealised_twice == worth_twice
    summary = result.summary()
    assert summary["pnl_gross"] == worth_twice / 2 / 10_000
    unknown = {"order_id_unknown": 44}  # of orders that a message file alone does not show
    assert summary["anomalies"] == (unknown if day == "AAPL 50" else {})


@pytest.mark.parametrize("strategy", ["pegged", "skewed"])
@pytest.mark.parametrize("day", DAYS)
def test_no_recorded_event_fills_more_than_its_quantity(tapes, day, strategy):
    tape = tapes[day]
    fills = run(tape, strategy, params={"qty_lots": 300}).fills

    passive = fills[fills["maker"] == 1]
    filled = np.zeros(len(tape.events), np.int64)
    np.add.at(filled, passive["event"], passive["qty_lots"])
    assert np.all(filled <= np.where(filled > 0, tape.events["qty_lots"], 0))
    kinds = set(tape.events["kind"][filled > 0].tolist())
    assert kinds <= {Kind.EXECUTE, Kind.TRADE, Kind.ADD, Kind.REPLACE}
    assert Kind.EXECUTE in kinds


@pytest.mark.parametrize("day", DAYS)
def test_an_order_at_the_touch_makes_and_never_takes(tapes, day):
    fills = run(tapes[day]).fills

    assert np.all(fills["maker"] == 1)
    assert np.all(fills["fee_pico"] < 0)


def test_at_the_touch_one_level_and_five_levels_of_a_day_give_the_same_fills(tapes):
    one, five = (run(tapes[day]).fills for day in ("AMZN 1", "AMZN 5"))

    for name in ("venue_ns", "price", "qty_lots", "position_lots", "side", "maker", "fee_pico"):
        assert np.array_equal(one[name], five[name]), name


def test_a_tape_of_a_window_refuses_orders_behind_it_and_says_so(tapes):
    result = run(tapes["AMZN 1"], params={"offset_ticks": 1})

    assert result.summary()["window_levels"] == 1
    assert result.summary()["refused"].keys() == {"outside_window"}
    assert result.summary()["orders"] == 0
    assert run(tapes["AMZN 5"], params={"offset_ticks": 1}).summary()["orders"] > 0
    assert run(tapes["AAPL 50"]).summary()["window_levels"] == 50


@pytest.mark.parametrize("every", ["fill", "100ms", "1s"])
def test_a_recorded_day_runs_whenever_the_rule_is_asked(tapes, every):
    result = run(tapes["AMZN 5"], every=every)

    assert result.summary()["decisions"] > 0
    assert result.summary()["fills"] > 0
