"""A market that is a price alone: the tables of Avellaneda and Stoikov 2008, by shipped rules."""

import math
from typing import Any

import numpy as np
import pytest

import mmjit
from mmjit import PriceProcess, run_paths
from mmjit.core.codes import ASK, BID
from mmjit.core.desk import mid_twice, want
from mmjit.core.rules import parameters, strategy

MARKET = PriceProcess()
UNIT = 1e6  # ticks in a price of 1
# By gamma: the spread; mean and deviation of the profit, deviation of the last position, each with
# the deviation of an estimate from 1,000 paths (exact recursions).
EXACT = {
    0.1: (1.491770, (64.8925, 0.215, 6.5432, 0.145, 2.9268, 0.064)),
    0.01: (1.349009, (68.3996, 0.282, 8.9606, 0.237, 5.2125, 0.126)),
    1.0: (3.031651, (31.4545, 0.157, 4.8379, 0.108, 1.6414, 0.034)),
}
SYMMETRIC = {
    0.1: (68.2228, 0.426, 13.4558, 0.467, 8.3994, 0.209),
    0.01: (68.6661, 0.448, 13.6775, 0.477, 8.7117, 0.211),
    1.0: (43.6853, 0.311, 10.7332, 0.296, 5.1714, 0.113),
}


def inventory(gamma: float) -> dict[str, Any]:
    """The parameters of the rule, a tick being a millionth."""
    given = {"gamma": gamma / UNIT, "fill_decay": 1.5 / UNIT, "sigma_ticks": 2.0 * UNIT}
    return {**given, "horizon_s": 1.0, "qty_lots": 1}


def assert_near(found: Any, exact: tuple[float, ...]) -> None:
    """Within four deviations of an estimate from so many paths."""
    mean, mean_sd, deviation, deviation_sd, position, position_sd = exact
    few = math.sqrt(1_000 / len(found.profit))
    assert abs(found.profit.mean() - mean) < 4 * mean_sd * few
    assert abs(found.profit.std() - deviation) < 4 * deviation_sd * few
    assert abs(found.position.std() - position) < 4 * position_sd * few


@pytest.mark.compiled
@pytest.mark.parametrize("gamma", EXACT)
def test_the_inventory_strategy_has_the_figures_of_the_paper(gamma):
    spread, exact = EXACT[gamma]

    found = run_paths("avellaneda-stoikov", params=inventory(gamma), paths=5_000, progress=False)

    assert found.spread == pytest.approx(spread, abs=4e-6)
    assert_near(found, exact)


@pytest.mark.compiled
@pytest.mark.parametrize("gamma", SYMMETRIC)
def test_the_symmetric_strategy_has_the_figures_of_the_paper(gamma):
    half = EXACT[gamma][0] / 2 * UNIT
    params = {"half_spread_ticks": half, "skew_ticks": 0.0, "qty_lots": 1}

    found = run_paths("skewed", params=params, paths=5_000, progress=False)

    assert_near(found, SYMMETRIC[gamma])


@strategy(params=parameters(half=1_000_000, qty_lots=2))
def around(desk, params, memory, quotes):
    """Quote at a distance."""
    mid = mid_twice(desk) // 2
    want(quotes, BID, 0, mid - params["half"], params["qty_lots"])
    want(quotes, ASK, 0, mid + params["half"], params["qty_lots"])


def test_fills_come_at_their_rate_and_prices_go_as_far_as_they_should():
    process = PriceProcess(sigma=3.0, decay=0.5, rate=20.0, step_s=0.01)

    found = run_paths(around, process, paths=200, progress=False)

    chance = 20.0 * 0.01 * math.exp(-0.5)
    fills = found.lines["buy_count"]
    error = math.sqrt(chance * (1 - chance) / (100 * 200))
    assert abs(fills.mean() / 100 - chance) < 4 * error
    moves = (found.lines["mid"] - 100 * UNIT) / UNIT
    assert abs(moves.std() / 3.0 - 1) < 4 / math.sqrt(2 * 200)
    assert set(np.diff(np.unique(found.lines["mid"] % 600_000))) <= {0}
    assert found.spread == pytest.approx(2.0)
    cash = -fills * 2 + found.lines["sell_count"] * 2
    assert (found.position == -cash).all()


def test_a_path_is_the_same_however_many_there_are():
    few = run_paths(around, MARKET, paths=3, progress=False)
    many = run_paths(around, MARKET, paths=9, progress=False)
    others = run_paths(around, MARKET, paths=3, seed=2, progress=False)

    assert few.lines.tobytes() == many.lines[:3].tobytes()
    assert few.lines.tobytes() != others.lines.tobytes()


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        ({"sigma": 0}, "sigma"),
        ({"rate": -1.0}, "rate"),
        ({"step_s": 1e-12}, "step_s"),
        ({"price_unit": 1e-18}, "price_unit"),
        ({"decay": "x"}, "decay"),
    ],
)
def test_a_process_that_is_none_is_refused(bad, names):
    with pytest.raises(mmjit.ArgumentError, match=names):
        PriceProcess(**bad)


def test_paths_that_are_none_are_refused():
    with pytest.raises(mmjit.ArgumentError, match="paths"):
        run_paths(around, paths=0)
