"""Volatility, intensity, covariance, sizes: golden values, and naive references."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit import ArgumentError
from mmjit.core.codes import ASK, BID
from mmjit.estimators.covariance import (
    ewma_correlation,
    ewma_covariance,
    hayashi_yoshida,
    hayashi_yoshida_correlation,
)
from mmjit.estimators.intensity import deepest_distances, fit_intensity, rates_beyond
from mmjit.estimators.ornstein_uhlenbeck import OrnsteinUhlenbeck, fit_ornstein_uhlenbeck
from mmjit.estimators.portfolio import portfolio_quotes
from mmjit.estimators.sizing import (
    kelly_share,
    lots_by_inventory,
    lots_for_risk,
    risk_budget,
    whole_lots,
)
from mmjit.estimators.volatility import (
    bipower_volatility,
    ewma_volatility,
    garman_klass_volatility,
    log_returns,
    parkinson_volatility,
    realised_volatility,
    rogers_satchell_volatility,
)
from tests.builders import door

PRICES = [100, 100.1, 100.05, 100.2, 100.15, 100.3]
OPEN, HIGH = [100, 100.5, 101], [101, 102, 101.5]
LOW, CLOSE = [99, 100, 100.2], [100.5, 101, 100.8]
some = st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=30)


# ---- volatility -----------------------------------------------------------------------------


def test_the_golden_volatilities():
    returns = log_returns(PRICES)

    assert ewma_volatility(returns, 0.94)[-1] == pytest.approx(0.0010294866591, rel=1e-10)
    assert realised_volatility(returns) == pytest.approx(0.0024458229544, rel=1e-10)
    assert bipower_volatility(returns) == pytest.approx(0.0020756042027, rel=1e-10)
    corrected = bipower_volatility(returns, corrected=True)
    assert corrected == pytest.approx(0.0023205960458, rel=1e-10)
    assert parkinson_volatility(HIGH, LOW) == pytest.approx(0.0107338648553, rel=1e-10)
    klass = garman_klass_volatility(OPEN, HIGH, LOW, CLOSE)
    assert klass == pytest.approx(0.0123629566196, rel=1e-10)
    satchell = rogers_satchell_volatility(OPEN, HIGH, LOW, CLOSE)
    assert satchell == pytest.approx(0.0126195515264, rel=1e-10)


@given(some, st.floats(0.0, 1.0))
def test_the_exponential_volatility_is_what_it_says(returns, decay):
    variance = returns[0] ** 2
    naive = [variance]
    for value in returns[1:]:
        variance = decay * variance + (1 - decay) * value**2
        naive.append(variance)

    assert ewma_volatility(returns, decay) == pytest.approx(np.sqrt(naive), rel=1e-12, abs=1e-300)


@given(some, st.floats(0.01, 100.0))
def test_volatilities_scale_with_returns(returns, factor):
    scaled = factor * np.array(returns)

    for measure in (realised_volatility, bipower_volatility):
        assert measure(scaled) == pytest.approx(factor * measure(returns), rel=1e-9, abs=1e-150)


def test_a_jump_moves_the_bipower_volatility_less():
    calm = np.resize([0.001, -0.001], 1000)
    jumpy = calm.copy()
    jumpy[500] = 0.1

    assert bipower_volatility(jumpy) < 1.2 * bipower_volatility(calm)
    assert realised_volatility(jumpy) > 3 * realised_volatility(calm)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: realised_volatility([]), "returns: 0 values"),
        (lambda: realised_volatility([1.0, math.nan]), "returns: value 1"),
        (lambda: realised_volatility("x"), "returns"),
        (lambda: realised_volatility([[1.0]]), "returns: 2 dimensions"),
        (lambda: log_returns([1.0, 0.0]), "prices"),
        (lambda: ewma_volatility([1.0], 1.5), "decay"),
        (lambda: ewma_volatility([1.0], True), "decay"),
        (lambda: parkinson_volatility([1.0], [2.0]), "high"),
        (lambda: parkinson_volatility([1.0, 2.0], [1.0]), "high"),
        (lambda: garman_klass_volatility([5], [4], [1], [2]), "high"),
        (lambda: hayashi_yoshida([0, 0], [1, 2], [0, 1], [1, 2]), "times: value 1"),
        (lambda: hayashi_yoshida([0, 1, 2], [1, 2], [0, 1], [1, 2]), "times"),
        (lambda: ewma_covariance([1.0, 2.0]), "returns"),
        (lambda: fit_intensity([1.0, 2.0], [0.0, 1.0]), "rates"),
        (lambda: fit_intensity([1.0, 2.0, 3.0], [0.0, 1.0]), "rates"),
        (lambda: deepest_distances([1.0], [1.0], [0.0], [1.0], 0), "step_s"),
        (lambda: deepest_distances([1.0, 0.0], [1.0, 1.0], [0.0], [1.0]), "prices"),
        (lambda: deepest_distances([1e12], [1.0], [0.0], [1.0], 1e-3), "step_s"),
        (lambda: risk_budget([[1.0, 2.0], [2.0, 1.0]]), "covariance"),
        (lambda: risk_budget([[1.0]], [0.0]), "budget"),
        (lambda: fit_ornstein_uhlenbeck([1.0, 2.0, 4.0, 8.0]), "slope"),
        (lambda: fit_ornstein_uhlenbeck([1.0, 1.0, 1.0]), "prices"),
        (lambda: portfolio_quotes([[1.0]], [1.0], [0.0], [1.0], 0.1), "decay"),
        (lambda: portfolio_quotes([[1.0, 2], [2, 1.0]], [1, 1], [1, 1], [1, 1], 0.1), "covariance"),
    ],
)
def test_what_cannot_be_estimated_is_refused_by_name(call, names):
    with pytest.raises(ArgumentError, match=names):
        call()


# ---- intensity ------------------------------------------------------------------------------


def test_an_intensity_is_recovered_exactly():
    distances = np.arange(0.5, 5.0)

    found = fit_intensity(distances, 2.0 * np.exp(-0.3 * distances))

    assert found.rate == pytest.approx(2.0, rel=1e-12)
    assert found.decay == pytest.approx(0.3, rel=1e-12)
    assert found.r_squared == pytest.approx(1.0)


def test_an_intensity_is_recovered_from_constructed_trades():
    """Steps of which the deepest trade is beyond d as often as A e**(-k d) dt says."""
    step_s, rate, decay = 0.1, 2.0, 0.3
    chances = (np.arange(200_000) + 0.5) / 200_000
    deepest = np.where(
        chances < rate * step_s, -np.log(np.maximum(chances, 1e-12) / (rate * step_s)) / decay, -1.0
    )

    distances = np.arange(0.5, 10.0)
    found = fit_intensity(distances, rates_beyond(deepest, distances, step_s))

    assert found.rate == pytest.approx(rate, rel=1e-3)
    assert found.decay == pytest.approx(decay, rel=1e-3)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(90, 110)), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 90), st.integers(95, 105)), min_size=1, max_size=10),
)
def test_the_deepest_trade_of_a_step_is_counted_from_the_mid_before(trades, mids):
    trades, mids = sorted(trades), sorted(mids)
    times, prices = zip(*trades, strict=True)
    mid_times, middles = zip(*mids, strict=True)

    found = deepest_distances(times, prices, mid_times, middles, 10.0)

    for number, value in enumerate(found):
        start = mid_times[0] + 10 * number
        mid = [m for at, m in mids if at <= start][-1]
        inside = [abs(p - mid) for at, p in trades if start <= at < start + 10]
        assert value == max(inside, default=-1)


# ---- covariance -----------------------------------------------------------------------------

TX, X = [0, 1, 3, 5], [0, 0.01, 0.03, 0.02]
TY, Y = [0, 2, 4, 5], [0, 0.02, 0.01, 0.03]


def naive_overlaps(tx: Any, x: Any, ty: Any, y: Any) -> float:
    total = 0.0
    for i in range(1, len(tx)):
        for j in range(1, len(ty)):
            if max(tx[i - 1], ty[j - 1]) < min(tx[i], ty[j]):
                total += (x[i] - x[i - 1]) * (y[j] - y[j - 1])
    return total


def test_the_golden_covariance_of_two_clocks():
    assert hayashi_yoshida(TX, X, TY, Y) == pytest.approx(3.0e-4, rel=1e-12)
    found = hayashi_yoshida_correlation(TX, X, TY, Y)
    assert found == pytest.approx(0.40824829046386324, rel=1e-12)


ticks = st.lists(st.tuples(st.integers(0, 60), st.floats(-1, 1)), min_size=2, max_size=25)


@given(ticks, ticks)
def test_the_covariance_of_two_clocks_is_the_sum_over_overlaps(first, second):
    first, second = dict(first), dict(second)
    if len(first) < 2 or len(second) < 2:
        return
    tx, ty = sorted(first), sorted(second)
    x, y = [first[t] for t in tx], [second[t] for t in ty]

    found = hayashi_yoshida(tx, x, ty, y)
    assert found == pytest.approx(naive_overlaps(tx, x, ty, y), abs=1e-9)
    assert found == pytest.approx(hayashi_yoshida(ty, y, tx, x), abs=1e-9)
    assert hayashi_yoshida(tx, x, tx, x) == pytest.approx((np.diff(x) ** 2).sum(), abs=1e-9)


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=20), st.floats(0, 1))
def test_the_exponential_covariance_is_what_it_says(rows, decay):
    naive = np.outer(rows[0], rows[0])
    for row in rows[1:]:
        naive = decay * naive + (1 - decay) * np.outer(row, row)

    found = ewma_covariance(rows, decay)
    assert found == pytest.approx(naive, abs=1e-12)
    assert (found == found.T).all()


def test_a_correlation_is_one_with_itself_and_none_of_what_stands_still():
    rows = [(0.1, 0.2, 0.0), (-0.3, -0.6, 0.0), (0.2, 0.4, 0.0)]

    found = ewma_correlation(rows)
    assert found[:2, :2] == pytest.approx(1.0)
    assert np.isnan(found[2]).all()
    assert math.isnan(hayashi_yoshida_correlation([0, 1], [1, 1], [0, 1], [1, 2]))


# ---- sizes ----------------------------------------------------------------------------------


@door
def sizes(target, sigma, worth, most):
    return whole_lots(target, most), lots_for_risk(target, sigma, worth, most)


@door
def by_inventory(side, held, decay, most):
    return lots_by_inventory(side, held, decay, most)


@door
def kelly(drift, variance, fraction):
    return kelly_share(drift, variance, fraction)


@pytest.mark.parametrize(
    ("target", "sigma", "worth", "whole", "lots"),
    [
        (1_000.0, 0.01, 500.0, 50, 50),  # 200 lots, at most 50
        (100.0, 0.02, 500.0, 50, 10),
        (4.9, 0.01, 500.0, 4, 0),
        (math.nan, 0.01, 500.0, 0, 0),
        (-3.0, 0.01, 500.0, 0, 0),
        (10.0, 0.0, 500.0, 10, 50),
        (1e300, 1e-3, 1.0, 50, 50),
    ],
)
def test_sizes_are_whole_lots_and_bounded(target, sigma, worth, whole, lots):
    assert sizes(target, sigma, worth, 50) == (whole, lots)


def test_the_golden_size_of_an_inventory():
    assert by_inventory(BID, 10, 0.005, 100) == math.floor(95.1229424500714)
    assert by_inventory(ASK, -10, 0.005, 100) == 95
    assert by_inventory(ASK, 10, 0.005, 100) == by_inventory(BID, -10, 0.005, 100) == 100
    assert by_inventory(BID, 10, 0.005, 100_000_000_000_000) == 95_122_942_450_071


def test_kelly_holds_a_share_of_drift_over_variance():
    assert kelly(0.01, 0.04, 0.5) == 0.125
    assert kelly(-0.01, 0.04, 1.0) == -0.25
    assert kelly(0.01, 0.0, 1.0) == 0.0


@given(st.lists(st.floats(0.1, 5.0), min_size=1, max_size=5), st.floats(-0.2, 0.9))
def test_each_symbol_brings_its_share_of_the_risk(deviations, correlation):
    symbols = len(deviations)
    matrix = np.full((symbols, symbols), max(correlation, 0.0))
    np.fill_diagonal(matrix, 1.0)
    matrix *= np.outer(deviations, deviations)
    budget = np.arange(1.0, symbols + 1)

    weights = risk_budget(matrix, budget)

    brought = weights * (matrix @ weights)
    assert brought / brought.sum() == pytest.approx(budget / budget.sum(), rel=1e-6)
    assert weights.sum() == pytest.approx(1.0)


def test_without_correlation_equal_risk_is_weight_by_one_over_volatility():
    weights = risk_budget(np.diag([1.0, 4.0]))

    assert weights == pytest.approx([2 / 3, 1 / 3], rel=1e-12)


# ---- a mean ---------------------------------------------------------------------------------


def test_the_golden_figures_of_an_ornstein_uhlenbeck_process():
    process = OrnsteinUhlenbeck(0.1, 100.0, 0.5)

    assert process.kept(1.0) == pytest.approx(0.9048374180359595, rel=1e-15)
    assert process.half_life == pytest.approx(6.931471805599452, rel=1e-15)
    assert process.stationary_deviation == pytest.approx(1.118033988749895, rel=1e-15)
    assert process.deviation_after(1.0) == pytest.approx(0.47601109089234767, rel=1e-14)


def test_a_process_without_noise_is_recovered_exactly():
    prices = 100.0 + 7.0 * np.exp(-0.1 * 0.5 * np.arange(50))

    found = fit_ornstein_uhlenbeck(prices, 0.5)

    assert found.theta == pytest.approx(0.1, rel=1e-9)
    assert found.mu == pytest.approx(100.0, rel=1e-9)
    assert found.sigma == pytest.approx(0.0, abs=1e-7)


def test_a_process_with_noise_is_recovered_within_its_error():
    random = np.random.default_rng(5)
    process, prices = OrnsteinUhlenbeck(0.1, 100.0, 0.5), [100.0]
    for _ in range(50_000):
        noise = process.deviation_after(1.0) * random.standard_normal()
        prices.append(100.0 + (prices[-1] - 100.0) * process.kept(1.0) + noise)

    found = fit_ornstein_uhlenbeck(prices)
    assert found.theta == pytest.approx(0.1, rel=0.1)
    assert found.mu == pytest.approx(100.0, abs=0.1)
    assert found.sigma == pytest.approx(0.5, rel=0.02)


# ---- several symbols ------------------------------------------------------------------------

SIGMA, RATE = np.array([5.83e-6, 2.15e-5]), [9.1e-4, 1.06e-3]
DECAY, SIZE, GAMMA = [1.79e4, 5.47e3], [50e6, 10e6], 6e-5


def credit(correlation: float, **more: Any) -> Any:
    """The two credit indices of Gueant 2017, section 6."""
    matrix = np.outer(SIGMA, SIGMA) * np.array([[1, correlation], [correlation, 1]])
    return portfolio_quotes(matrix, RATE, DECAY, SIZE, GAMMA, **more)


@pytest.mark.parametrize(
    ("averse", "halves", "skews"),
    [
        (True, (9.963849e-5, 3.043746e-4), (9.597803e-5, 2.618159e-4)),
        (False, (1.019854e-4, 3.103035e-4), (9.223892e-5, 2.549763e-4)),
    ],
)
def test_without_correlation_each_symbol_is_quoted_as_if_alone(averse, halves, skews):
    found = credit(0.0, spread_aversion=averse)

    assert found.half_spread == pytest.approx(halves, rel=1e-6)
    assert np.diag(found.skew) * SIZE == pytest.approx(skews, rel=1e-6)
    assert found.skew[0, 1] == pytest.approx(0.0, abs=1e-25)


def test_the_golden_skews_of_two_symbols_that_move_together():
    per_lot = credit(0.9).skew * SIZE

    golden = [[8.136986e-5, 3.765002e-5], [1.882501e-4, 2.217149e-4]]
    assert per_lot == pytest.approx(np.array(golden), rel=1e-6)
    shift = credit(0.9).shift([50e6, 0.0])
    assert shift == pytest.approx([-8.136986e-5, -1.882501e-4], rel=1e-6)
