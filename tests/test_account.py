"""The account: worked sequences, and the naive twin at the extremes of what fits."""

from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core import account
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID
from mmjit.core.records import POSITION
from tests.builders import door
from tests.naive_account import NaivePosition, fee, share
from tests.naive_book import plain

LOTS_MAX = 1 << 61


@door
def share_of(basis, qty_lots, position_lots):  # type: ignore[no-untyped-def]
    return account.share_of(basis, qty_lots, position_lots)


@door
def fee_of(points, rate, scale):  # type: ignore[no-untyped-def]
    return account.fee_of(points, rate, scale)


@door
def take_fill(positions, side, price, qty_lots, fee_pico):  # type: ignore[no-untyped-def]
    """Record a fill; returns whether the identity holds."""
    account.record_fill(positions[0], side, price, qty_lots, fee_pico)
    return account.identity_holds(positions[0])


@door
def take_mark(positions, mark_twice, point_pico):  # type: ignore[no-untyped-def]
    return account.mark_to(positions[0], mark_twice, point_pico)


@door
def unrealised_twice(positions):  # type: ignore[no-untyped-def]
    return account.unrealised_twice(positions[0])


def fields(positions: Any) -> dict[str, int]:
    """A position but for its open orders."""
    return {name: plain(positions[0])[name] for name in vars(NaivePosition())}


def bought(price: int, lots: int, fee_pico: int = 0) -> tuple[int, int, int, int]:
    return BID, price, lots, fee_pico


def sold(price: int, lots: int, fee_pico: int = 0) -> tuple[int, int, int, int]:
    return ASK, price, lots, fee_pico


# ---- worked sequences -----------------------------------------------------------------------
#
# After each fill: position, basis, realised. Then a mark, and what is unrealised at it. Prices are
# in the unit that makes them whole.

WORKED = {
    "two buys at different prices and two sales": (
        [bought(1000, 100), bought(1030, 200), sold(1050, 150), sold(990, 150)],
        [(100, 100_000, 0), (300, 306_000, 0), (150, 153_000, 4_500), (0, 0, 0)],
        (990, 0),
    ),
    "a sale through zero opens a short at its own price": (
        [bought(1000, 100), sold(1040, 150), bought(1010, 50)],
        [(100, 100_000, 0), (-50, -52_000, 4_000), (0, 0, 5_500)],
        (1010, 0),
    ),
    "a short that is bought back in part": (
        [sold(50, 100), sold(52, 100), bought(49, 50)],
        [(-100, -5_000, 0), (-200, -10_200, 0), (-150, -7_650, 100)],
        (51, 0),
    ),
    "a future of fifty a point": (
        [bought(500_000, 2), sold(500_125, 1)],
        [(2, 1_000_000, 0), (1, 500_000, 125)],
        (499_950, -50),
    ),
    "halves are rounded up": (
        [bought(1, 1), bought(2, 1), sold(2, 1), sold(2, 1)],
        [(1, 1, 0), (2, 3, 0), (1, 1, 0), (0, 0, 1)],
        (9, 0),
    ),
    "a negative price": (
        [bought(-40, 3), sold(-37, 2), sold(10, 2)],
        [(3, -120, 0), (1, -40, 6), (-1, -10, 56)],
        (-10, 20),
    ),
}


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_sequence_comes_out_as_by_hand(name):
    fills, expected, (mark, unrealised) = WORKED[name]
    positions = np.zeros(1, POSITION)

    seen = []
    for fill in fills:
        assert take_fill(positions, *fill)
        one = plain(positions[0])
        seen.append((one["position_lots"], one["basis"], one["realised"]))
    take_mark(positions, 2 * mark, 1)

    assert seen == expected
    assert unrealised_twice(positions) == 2 * unrealised


def test_unrealised_and_total_after_a_short_was_opened_through_zero():
    positions = np.zeros(1, POSITION)
    take_fill(positions, *bought(1000, 100))
    take_fill(positions, *sold(1040, 150))

    equity_twice = take_mark(positions, 2 * 1010, 1)

    assert unrealised_twice(positions) == 2 * 1_500
    assert equity_twice == 2 * 5_500


def test_fees_stand_apart_from_what_is_realised():
    positions = np.zeros(1, POSITION)  # in 0.0001 of a currency, lots of a tenth
    points_a_unit, pico_a_point = 100_000, 10**7
    fees = [-1_000_000_000_000, -400_200_000_000, 8_402_100_000_000]
    for fill in ((BID, 20_000_0000, 10), (ASK, 20_010_0000, 4), (ASK, 20_005_0000, 6)):
        take_fill(positions, *fill, fees.pop(0))

    equity_twice = take_mark(positions, 2 * 20_005_0000, pico_a_point)

    assert positions[0]["realised"] == 7 * points_a_unit
    assert positions[0]["fees_pico"] == 7_001_900_000_000
    assert equity_twice == 2 * -190  # -0.0019


# ---- the naive twin -------------------------------------------------------------------------


@st.composite
def histories(draw: Any) -> Any:
    """Fills and marks of one instrument, as large as fits its account."""
    bound = draw(st.sampled_from([0, 1, 3, 10_000, (1 << 31) - 1, 1 << 46]))
    room = LOTS_MAX if bound == 0 else MONEY_MAX // bound
    naive, events = NaivePosition(), []
    for _ in range(draw(st.integers(1, 20))):
        price = draw(st.sampled_from([-bound, bound, 0]) | st.integers(-bound, bound))
        spent = max(abs(naive.cash), abs(naive.realised))
        left = (MONEY_MAX - spent) // bound if bound else room
        left -= abs(naive.position_lots)
        side = draw(st.sampled_from([BID, ASK]))
        if naive.position_lots * (1 if side == BID else -1) < 0:
            left = max(left, abs(naive.position_lots))  # closing always fits
        lots = min(left, draw(st.integers(1, 5) | st.integers(1, max(1, left)) | st.just(left)))
        if lots > 0:
            fee_pico = draw(st.integers(-(10**6), 10**6))
            naive.fill(side, price, lots, fee_pico)
            events.append(("fill", side, price, lots, fee_pico))
        if draw(st.booleans()):
            mark_twice = draw(st.integers(-2 * bound, 2 * bound))
            point_pico = draw(st.sampled_from([1, 7, 10**8]))
            naive.mark(mark_twice, point_pico)
            events.append(("mark", mark_twice, point_pico))
    return events


@given(histories())
def test_every_field_of_a_position_is_what_the_naive_twin_says(events):
    positions, naive = np.zeros(1, POSITION), NaivePosition()

    for what, *values in events:
        if what == "fill":
            assert take_fill(positions, *values)
            naive.fill(*values)
        else:
            assert take_mark(positions, *values) == naive.mark(*values)

        assert fields(positions) == vars(naive)
        assert naive.realised + naive.unrealised == naive.worth
        assert unrealised_twice(positions) == 2 * naive.unrealised


@given(histories())
def test_what_mirrors_every_side_mirrors_all_money(events):
    fills = [values for what, *values in events if what == "fill"]
    here, there = np.zeros(1, POSITION), np.zeros(1, POSITION)

    for side, price, lots, _ in fills:
        take_fill(here, side, price, lots, 0)
        take_fill(there, 1 - side, price, lots, 0)

    for name in ("position_lots", "basis", "cash", "realised"):
        assert here[0][name] == -there[0][name]
    assert here[0]["turnover"] == there[0]["turnover"]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30))
def test_the_drawdown_is_the_deepest_fall_below_the_highest_equity_so_far(equities):
    positions = np.zeros(1, POSITION)
    take_fill(positions, *bought(0, 1))

    for equity in equities:
        take_mark(positions, 2 * equity, 1)

    seen = [0, *equities]
    deepest = max(max(seen[: k + 1]) - equity for k, equity in enumerate(seen))
    assert positions[0]["drawdown_twice"] == 2 * deepest
    assert positions[0]["peak_twice"] == 2 * max(seen)


def test_a_drawdown_is_seen_from_zero_when_there_was_no_gain():
    positions = np.zeros(1, POSITION)
    take_fill(positions, *bought(10, 3))

    take_mark(positions, 2 * 8, 1)

    assert positions[0]["peak_twice"] == 0
    assert positions[0]["drawdown_twice"] == 2 * 6


def test_a_worked_drawdown_comes_out_as_by_hand():
    positions = np.zeros(1, POSITION)
    take_fill(positions, *bought(100, 1))

    for equity in (0, 5, 3, 8, 4, 6, 2, 9, 9, 7):
        take_mark(positions, 2 * (100 + equity), 1)

    assert positions[0]["drawdown_twice"] == 2 * 6


def test_fees_count_against_the_equity_rounded_up_to_half_a_point():
    positions = np.zeros(1, POSITION)
    take_fill(positions, BID, 10, 1, 1)

    take_mark(positions, 2 * 10, 10**8)

    assert positions[0]["equity_twice"] == -1


# ---- shares and fees ------------------------------------------------------------------------

positions_small = st.integers(1, 10) | st.integers(1, (1 << 31) - 1)
positions_large = st.sampled_from([1 << 31, (1 << 31) + 1, LOTS_MAX - 1, LOTS_MAX])
positions_large |= st.integers(1 << 31, LOTS_MAX)


@st.composite
def shares(draw: Any, position_lots: Any) -> tuple[int, int, int]:
    held = draw(position_lots)
    qty_lots = draw(st.sampled_from([1, held]) | st.integers(1, held))
    basis = draw(st.integers(-MONEY_MAX, MONEY_MAX) | st.integers(-20, 20))
    return basis, qty_lots, held


@given(shares(positions_small))
@example((1, 1, 2))
@example((-1, 1, 2))
@example((-3, 1, 2))
def test_a_share_of_a_small_position_is_rounded_halves_upwards(numbers):
    assert share_of(*numbers) == share(*numbers)


@given(shares(positions_large))
@example((LOTS_MAX // 2, 1, LOTS_MAX))
@example((LOTS_MAX // 2 - 1, 1, LOTS_MAX))
@example((MONEY_MAX, LOTS_MAX - 1, LOTS_MAX))
@example((-MONEY_MAX, (1 << 31) + 1, 1 << 32))
def test_a_share_of_a_large_position_is_rounded_halves_upwards(numbers):
    assert share_of(*numbers) == share(*numbers)


@given(st.integers(1, LOTS_MAX), st.integers(-MONEY_MAX, MONEY_MAX))
def test_the_share_of_a_whole_position_is_its_whole_basis(position_lots, basis):
    assert share_of(basis, position_lots, position_lots) == basis


@st.composite
def charges(draw: Any) -> tuple[int, Fraction]:
    """Points and a rate in pico a point, as far as a run admits them."""
    scale = draw(st.sampled_from([1, 2, 1000, 10**6]))
    most = min(10**9, MONEY_MAX // scale // scale - 1)
    rate = Fraction(draw(st.integers(-most * scale, most * scale)), scale)
    points = draw(st.integers(0, MONEY_MAX // int(abs(rate) + 1)) | st.integers(0, 100))
    return points, rate


@given(charges(), st.sampled_from([1, 3]))
def test_a_fee_is_exact_and_rounded_up_once(charge, wider):
    points, rate = charge
    scale = rate.denominator

    assert fee_of(points, rate.numerator, scale) == ceil(points * rate)


def test_a_fee_is_rounded_against_us_also_when_it_is_a_rebate():
    assert fee_of(7, 1, 2) == 4  # 3.5
    assert fee_of(7, -1, 2) == -3  # -3.5
    assert fee_of(0, -1, 2) == 0
    assert fee(10, 3, Fraction(1, 7)) == 5
