"""The formulas of the shipped rules: golden values, and what is true of them for any numbers."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.replaying import depth, depth_dtype
from mmjit.simulating import simulate
from mmjit.strategies import (
    adaptive,
    grid,
    imbalance,
    joining,
    microprice,
    orderflow,
    parts,
    reversion,
    skewed,
)
from tests.builders import door

finite = st.floats(-1e6, 1e6)
lots = st.integers(1, 1000)
LOG_PRICES = np.log([100, 100.1, 100.05, 100.2, 100.15, 100.3])


@door
def kept_after(elapsed_ns, half_life_s):
    return parts.kept_after(elapsed_ns, half_life_s)


@door
def ewma(average, value, kept):
    return parts.ewma(average, value, kept)


@door
def note_level(memory, value, time_ns, half_life_s):
    parts.note_level(memory[0], value, time_ns, half_life_s)
    return parts.deviation_of(memory[0], value)


@door
def note_mid(memory, params, mid_twice, time_ns):
    parts.note_mid(memory[0], params[0], mid_twice, time_ns)


@door
def half_spread_of(params, variance, spread, tick):
    return adaptive.half_spread_of(params[0], variance, spread, tick)


@door
def expected_return(gap, theta, horizon):
    return reversion.expected_return(gap, theta, horizon)


@door
def bid_flow(price, lots, next_price, next_lots):
    return orderflow.bid_flow(price, lots, next_price, next_lots)


@door
def imbalance_of(bid_lots, ask_lots):
    return imbalance.imbalance_of(bid_lots, ask_lots)


@door
def weighted_mid(bid, bid_lots, ask, ask_lots):
    return imbalance.weighted_mid(bid, bid_lots, ask, ask_lots)


@door
def adjustment_of(params, bid_lots, ask_lots, is_narrow):
    return microprice.adjustment_of(params[0], bid_lots, ask_lots, is_narrow)


@door
def grid_price(side, first, step, number):
    return grid.grid_price(side, first, step, number)


@door
def share_of_side(lots, other_lots):
    return joining.share_of_side(lots, other_lots)


@door
def skew_of(held, skew, skew_max):
    return skewed.skew_of(held, skew, skew_max)


# ---- averages that forget -----------------------------------------------------------------------


def test_an_ewma_of_squared_returns_has_the_golden_value():
    returns = np.diff(LOG_PRICES)
    variance = returns[0] ** 2
    for one in returns[1:]:
        variance = ewma(variance, one**2, 0.94)

    assert math.sqrt(variance) == pytest.approx(0.0010294866591, rel=1e-10)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0.01, 1e4))
def test_what_is_kept_after_two_times_is_what_is_kept_after_both(first, second, half_life_s):
    together = kept_after(first + second, half_life_s)

    assert together == pytest.approx(
        kept_after(first, half_life_s) * kept_after(second, half_life_s), abs=1e-12
    )


def test_after_a_half_life_half_is_kept():
    assert kept_after(3_000_000_000, 3.0) == 0.5
    assert kept_after(0, 3.0) == kept_after(0, 0.0) == 1.0
    assert kept_after(1, 0.0) == 0.0


@given(st.lists(st.tuples(finite, st.integers(1, 10**10)), min_size=1, max_size=20))
def test_mean_and_deviation_are_those_of_the_weighted_values(values):
    memory = np.zeros(1, np.dtype(reversion.MEMORY))
    time_ns, weights = 1000, [1.0]
    for place, (value, wait_ns) in enumerate(values):
        time_ns += wait_ns
        deviation = note_level(memory, value, time_ns, 5.0)
        if place:
            kept = 0.5 ** (wait_ns * 1e-9 / 5.0)
            weights = [kept * weight for weight in weights]
            weights = [*weights[:-1], weights[-1] + 1.0 - kept, 0.0]

    numbers = np.array([value for value, _ in values])
    mean = np.average(numbers, weights=weights)
    variance = np.average((numbers - mean) ** 2, weights=weights)
    scale = 1.0 + float(np.abs(numbers).max())
    assert memory[0]["mean"] == pytest.approx(mean, abs=1e-9 * scale)
    assert memory[0]["variance"] == pytest.approx(variance, abs=1e-9 * scale**2)
    if memory[0]["variance"] > 1e-6 * scale**2:
        assert deviation == pytest.approx((numbers[-1] - mean) / math.sqrt(variance), rel=1e-6)


# ---- adaptive spread ----------------------------------------------------------------------------


def adaptive_of(**values: float) -> Any:
    record = adaptive.ADAPTIVE.copy()
    for name, value in values.items():
        record[name] = value
    return record


@given(st.lists(st.tuples(st.integers(2, 10**6), st.integers(0, 10**9)), max_size=20))
def test_the_variance_is_that_of_moves_a_sample_or_more_apart(looks):
    params = adaptive_of(sample_s=0.3, half_life_s=2.0)
    memory = np.zeros(1, np.dtype(adaptive.MEMORY))
    time_ns, last, variance = 1000, None, None
    for mid_twice, wait_ns in looks:
        time_ns += wait_ns
        note_mid(memory, params, mid_twice, time_ns)
        if last is None:
            last = (mid_twice, time_ns)
        elapsed_s = (time_ns - last[1]) * 1e-9
        if elapsed_s >= 0.3:
            rate = ((mid_twice - last[0]) / 2) ** 2 / elapsed_s
            kept = 0.5 ** (elapsed_s / 2.0)
            variance = rate if variance is None else kept * variance + (1 - kept) * rate
            last = (mid_twice, time_ns)

    assert memory[0]["variance"] == pytest.approx(variance or 0.0, rel=1e-9)


def test_the_half_spread_is_the_sum_of_its_parts():
    params = adaptive_of(volatility_factor=1.5, horizon_s=4.0, spread_factor=0.25)

    assert half_spread_of(params, 9.0, 20.0, 1.0) == 1.5 * 3.0 * 2.0 + 0.25 * 20.0
    assert half_spread_of(params, 0.0, 0.0, 7.0) == 7.0  # half_min_ticks
    assert half_spread_of(params, 1e12, 0.0, 7.0) == 700.0  # half_max_ticks


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e3))
def test_more_volatility_never_makes_the_spread_narrower(one, other, spread):
    params = adaptive_of()

    narrow, wide = (half_spread_of(params, v, spread, 1.0) for v in sorted((one, other)))
    assert 1.0 <= narrow <= wide <= 100.0


# ---- mean reversion, skew -----------------------------------------------------------------------


def test_a_deviation_comes_back_as_an_ornstein_uhlenbeck_process_does():
    assert 1.0 + expected_return(1.0, 0.1, 1.0) == pytest.approx(0.9048374180359595, rel=1e-14)
    assert expected_return(-8.0, 0.1, 6.931471805599452) == pytest.approx(4.0, rel=1e-14)


@given(finite, st.floats(0, 10), st.floats(0, 100), st.floats(0, 100))
def test_coming_back_for_two_times_is_coming_back_for_both(gap, theta, first, second):
    once = gap + expected_return(gap, theta, first)

    twice = once + expected_return(once, theta, second)
    assert twice == pytest.approx(gap + expected_return(gap, theta, first + second), abs=1e-6)


@given(st.floats(-100, 100), st.floats(0, 10), st.floats(0.1, 10))
def test_a_bent_skew_is_a_line_near_zero_and_never_beyond_its_bound(held, skew, skew_max):
    assert skew_of(held, skew, 0.0) == skew * held
    bent = skew_of(held, skew, skew_max)
    most = min(abs(skew * held), skew_max)
    assert abs(bent) <= most * (1 + 1e-12) + 1e-300  # a product may be subnormal
    assert bent == -skew_of(-held, skew, skew_max)
    assert skew_of(1e-6, 1.0, skew_max) == pytest.approx(1e-6, rel=1e-6)


# ---- signals of the book ------------------------------------------------------------------------


def test_the_weighted_mid_has_the_golden_value():
    assert weighted_mid(100.0, 30, 100.1, 10) == pytest.approx(100.075, rel=1e-14)
    assert weighted_mid(100.0, 10, 100.1, 10) == pytest.approx(100.05, rel=1e-14)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_imbalance_is_between_its_ends_and_mirrors(bid_lots, ask_lots):
    found = imbalance_of(bid_lots, ask_lots)

    assert -1.0 <= found <= 1.0
    assert found == -imbalance_of(ask_lots, bid_lots)
    if bid_lots > 0:
        assert imbalance_of(bid_lots, 0) == 1.0
        assert share_of_side(bid_lots, ask_lots) == pytest.approx((found + 1.0) / 2.0)


GOLDEN_BOOKS = [
    *((200, 10, 202, 12), (200, 15, 202, 12), (200, 15, 202, 8), (201, 4, 202, 8)),
    *((200, 15, 202, 8), (200, 15, 203, 6), (200, 12, 202, 9)),
]  # prices in halves


def flow(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """The flow between two looks at the best prices, as the rule takes it."""
    bid, bid_lots, ask, ask_lots = before
    next_bid, next_bid_lots, next_ask, next_ask_lots = after
    came = bid_flow(bid, bid_lots, next_bid, next_bid_lots)
    return int(came - bid_flow(-ask, ask_lots, -next_ask, next_ask_lots))


def naive_flow(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Equation 10 of Cont, Kukanov and Stoikov, term by term."""
    (pb, qb, pa, qa), (pb2, qb2, pa2, qa2) = before, after
    return qb2 * (pb2 >= pb) - qb * (pb2 <= pb) - qa2 * (pa2 <= pa) + qa * (pa2 >= pa)


def test_the_order_flow_has_the_golden_values():
    flows = [flow(*pair) for pair in itertools.pairwise(GOLDEN_BOOKS)]

    assert flows == [5, 4, 4, -4, 8, -12]


looks = st.tuples(st.integers(1, 4), lots, st.integers(5, 8), lots)


@given(looks, looks)
def test_the_order_flow_is_the_papers_equation(before, after):
    assert flow(before, after) == naive_flow(before, after)


@given(st.sampled_from([0, 1]), st.integers(-1000, 1000), st.integers(1, 50), st.integers(0, 8))
def test_a_grid_stands_on_multiples_of_its_step_and_not_in_front_of_its_first(
    side, first, step, number
):
    price = grid_price(side, first, step, number)

    behind = first - price if side == 0 else price - first
    assert price % step == 0
    assert number * step <= behind < (number + 1) * step


# ---- micro-price --------------------------------------------------------------------------------

STAY = np.array([[0.6, 0.2, 0.05], [0.15, 0.6, 0.15], [0.05, 0.2, 0.6]])
END = np.array([[0.02, 0.10, 0.03, 0], [0.01, 0.04, 0.04, 0.01], [0, 0.03, 0.10, 0.02]])
MOVE = np.array([[0.08, 0.05, 0.02], [0.03, 0.04, 0.03], [0.02, 0.05, 0.08]])
JUMPS = np.array([-0.01, -0.005, 0.005, 0.01])


@pytest.mark.parametrize(
    ("moves", "golden"), [(1, 0.001222222), (2, 0.001385185), (6, 0.001410248)]
)
def test_the_adjustments_have_the_golden_values(moves, golden):
    found = microprice.adjustments(STAY, END, MOVE, JUMPS, moves)

    assert found == pytest.approx([-golden, 0.0, golden], abs=6e-10)


def naive_fit(rows: Any, tick: int) -> dict[str, float]:
    """The same, by counting transitions one by one and following the chain move by move."""
    counts = np.zeros((2, 20, 20))
    jumps = np.zeros(20)
    for before, after in itertools.pairwise(rows):
        states = []
        for row in (before, after):
            b, a = int(row["bid_qty"][0]), int(row["ask_qty"][0])
            gap = int(row["ask_price"][0] - row["bid_price"][0])
            if b == 0 or a == 0 or gap <= 0:
                break
            bucket = 10 * b // (a + b)
            wide = 10 if gap >= 2 * tick else 0
            states.append((wide + bucket, wide + 9 - bucket))
        moved = sum(int(after[n][0]) - int(before[n][0]) for n in ("bid_price", "ask_price"))
        if len(states) < 2 or abs(moved) > 2 * tick:
            continue
        for mirror, sign in ((0, 1), (1, -1)):
            source, target = states[0][mirror], states[1][mirror]
            counts[int(moved != 0), source, target] += 1
            jumps[source] += sign * moved / tick / 2
    total = np.maximum(counts.sum(axis=(0, 2)), 1)
    arriving, sums = jumps, np.zeros(20)
    for _ in range(6):  # what is expected of one more move, then of the next
        term = np.zeros(20)
        for _ in range(5000):
            term = (counts[0] @ term + arriving) / total
        arriving, sums = counts[1] @ term, sums + term
    names = [f"{name}{n}" for name in ("narrow", "wide") for n in range(5)]
    return dict(zip(names, [sums[k // 5 * 10 + k % 5] for k in range(10)], strict=True))


@pytest.fixture(scope="module")
def simulated_rows(tmp_path_factory):
    tape = simulate(
        "cst", tmp_path_factory.mktemp("fit") / "tape", events=6000, seed=3, progress=False
    )
    return depth(tape, levels=1, progress=False)


def test_a_fit_is_what_counting_one_by_one_finds(simulated_rows):
    found, naive = microprice.fitted(simulated_rows, 100), naive_fit(simulated_rows, 100)

    assert found == pytest.approx(naive, abs=1e-9)
    assert found.keys() <= set(microprice.MICROPRICE.dtype.names)
    assert found["narrow2"] < found["narrow4"] <= 0.0


def test_a_fit_of_rows_without_two_sides_is_nothing():
    rows = np.zeros(5, depth_dtype(1))

    assert set(microprice.fitted(rows, 1).values()) == {0.0}


@given(lots, lots, st.booleans())
def test_the_table_mirrors_and_leans_to_the_side_that_has_less(bid_lots, ask_lots, is_narrow):
    params = microprice.MICROPRICE
    found = adjustment_of(params, bid_lots, ask_lots, is_narrow)

    assert found == -adjustment_of(params, ask_lots, bid_lots, is_narrow)
    assert np.sign(found) == np.sign(bid_lots - ask_lots)
    if bid_lots < ask_lots:
        name = f"{'narrow' if is_narrow else 'wide'}{10 * bid_lots // (bid_lots + ask_lots)}"
        assert found == params[name][0]
