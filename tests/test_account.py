"""The account: worked sequences, and the naive twin at the extremes of what fits."""

from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core import account
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID
from mmjit.core.tables import POSITION, TERMS
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
def worth_of(terms, price, qty_lots, up):  # type: ignore[no-untyped-def]
    return account.worth_of(terms[0], price, qty_lots, up)


@door
def fill_one(positions, terms, fill):  # type: ignore[no-untyped-def]
    """Record a fill (side, price, lots, fee); returns whether the identity holds."""
    account.record_fill(positions[0], terms[0], fill[0], fill[1], fill[2], fill[3])
    return account.identity_holds(positions[0])


@door
def mark_one(positions, terms, mark_twice):  # type: ignore[no-untyped-def]
    return account.mark_to(positions[0], terms[0], mark_twice)


@door
def unrealised_twice(positions):  # type: ignore[no-untyped-def]
    return account.unrealised_twice(positions[0])


def terms_with(point_pico: int = 1, inverse_pico: int = 0) -> Any:
    terms = np.zeros(1, TERMS)
    terms["point_pico"], terms["inverse_pico"] = point_pico, inverse_pico
    return terms


LINEAR = terms_with()


def take_fill(positions: Any, *fill: int, terms: Any = LINEAR) -> bool:
    """Record a fill: side, price, lots and, if there is one, its fee."""
    return bool(fill_one(positions, terms, np.array([*fill, 0][:4], np.int64)))


def take_mark(positions: Any, mark_twice: int, point_pico: int = 1, inverse_pico: int = 0) -> int:
    return int(mark_one(positions, terms_with(point_pico, inverse_pico), mark_twice))


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
    "a sale at a price that was paid later": (
        [sold(50, 2), bought(40, 1), bought(70, 3)],
        [(-2, -100, 0), (-1, -50, 10), (2, 140, -10)],
        (75, 10),
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

    take_mark(positions, 2 * 1010)

    assert unrealised_twice(positions) == 2 * 1_500
    assert positions[0]["equity_twice"] == positions[0]["gross_twice"] == 2 * 5_500


def test_fees_stand_apart_from_what_is_realised():
    positions = np.zeros(1, POSITION)  # in 0.0001 of a currency, lots of a tenth
    points_a_unit, pico_a_point = 100_000, 10**7
    fees = [-1_000_000_000_000, -400_200_000_000, 8_402_100_000_000]
    for fill in ((BID, 20_000_0000, 10), (ASK, 20_010_0000, 4), (ASK, 20_005_0000, 6)):
        take_fill(positions, *fill, fees.pop(0))

    take_mark(positions, 2 * 20_005_0000, pico_a_point)

    assert positions[0]["realised"] == 7 * points_a_unit
    assert positions[0]["fees_pico"] == 7_001_900_000_000
    assert positions[0]["rebates_pico"] == 1_400_200_000_000
    assert positions[0]["equity_twice"] == 2 * -190  # -0.0019


# ---- inverse contracts ----------------------------------------------------------------------

BTC = 10**12  # in 1e-12 of it
DOLLAR = terms_with(inverse_pico=BTC)  # a lot of one dollar, prices in dollars


def after(*fills: Any) -> Any:
    positions = np.zeros(1, POSITION)
    for fill in fills:
        assert take_fill(positions, *fill, terms=DOLLAR)
    return positions


def average(positions: Any) -> Fraction:
    """The price at which what is held was opened."""
    return Fraction(-BTC * int(positions[0]["position_lots"]), int(positions[0]["basis"]))


def test_an_inverse_contract_realises_the_difference_of_the_reciprocals():
    positions = after(bought(10_000, 10_000), sold(11_000, 5_000))

    assert average(positions) == 10_000
    assert positions[0]["realised"] == 45_454_545_454  # 5000 / 10000 - 5000 / 11000, rounded down
    mark_one(positions, DOLLAR, 2 * 12_000)
    assert unrealised_twice(positions) == 2 * BTC * 5_000 // 60_000  # 5000 / 10000 - 5000 / 12000
    assert positions[0]["gross_twice"] // 2 == 128_787_878_787  # 0.12878787...


def test_the_average_of_an_inverse_contract_is_the_harmonic_one():
    positions = after(bought(10_000, 10_000), bought(12_500, 10_000))

    mark_one(positions, DOLLAR, 2 * 12_500)

    assert f"{float(average(positions)):.4f}" == "11111.1111"
    assert unrealised_twice(positions) == positions[0]["gross_twice"] == 2 * BTC // 5  # 0.2


def test_an_inverse_position_that_is_crossed_through_zero_opens_at_the_fills_price():
    positions = after(bought(10_000, 10_000), sold(12_500, 15_000))

    assert average(positions) == 12_500
    assert positions[0]["position_lots"] == -5_000
    assert positions[0]["realised"] == BTC // 5
    mark_one(positions, DOLLAR, 2 * 10_000)  # a short gains when the price falls
    assert unrealised_twice(positions) == 2 * BTC // 10


def test_inverse_lots_are_rounded_against_us_either_way():
    three = terms_with(inverse_pico=10)

    assert [worth_of(three, 3, 1, up) for up in (0, 1)] == [-4, -3]  # -3.33
    assert [worth_of(three, 5, 1, up) for up in (0, 1)] == [-2, -2]
    assert worth_of(three, 0, 1, 0) == worth_of(three, 1, 1, 0) == -10


@given(
    st.integers(1, 1 << 62) | st.just(1 << 62),
    st.integers(1, 1 << 31) | st.just(1 << 31),
    st.integers(1, 1 << 40) | st.integers(1, 100) | st.just(1 << 40),
    st.sampled_from([0, 1]),
)
def test_the_worth_of_inverse_lots_is_exact_and_rounded_once(inverse_pico, lots, price, up):
    exact = -Fraction(inverse_pico * lots, price)
    if exact < -MONEY_MAX:
        lots = max(1, MONEY_MAX * price // inverse_pico)
        exact = -Fraction(inverse_pico * lots, price)
    if exact >= -(1 << 62):
        expected = ceil(exact) if up else floor(exact)
        assert worth_of(terms_with(inverse_pico=inverse_pico), price, lots, up) == expected


@st.composite
def inverse_histories(draw: Any) -> Any:
    """A contract, and fills and marks that fit its account, large and small."""
    inverse_pico = draw(
        st.sampled_from([1, 7, BTC, 10**17, (1 << 62) - 1]) | st.integers(1, 1 << 62)
    )
    lowest = draw(st.sampled_from([1, 9_999, 1 << 31, (1 << 40) - 9]))
    room = min(MONEY_MAX // (inverse_pico // lowest + 1), 1 << 31)
    prices = st.integers(lowest, lowest + 8) | st.integers(lowest, max(lowest, 1 << 40))
    naive = type("Naive", (NaivePosition,), {"inverse_pico": inverse_pico})()
    events = []
    for _ in range(draw(st.integers(1, 20)) if room else 0):
        price, side = draw(prices), draw(st.sampled_from([BID, ASK]))
        unit = inverse_pico // lowest + 1
        left = (MONEY_MAX - max(abs(naive.cash), abs(naive.realised))) // unit
        left = min(left, 1 << 31) - abs(naive.position_lots)
        lots = min(left, draw(st.integers(1, 5) | st.integers(1, max(1, left)) | st.just(left)))
        if lots > 0:
            naive.fill(side, price, lots, 0)
            events.append(("fill", side, price, lots))
        if draw(st.booleans()):
            events.append(("mark", draw(st.integers(2 * lowest, 2 * lowest + 9) | prices)))
            events[-1] = ("mark", max(events[-1][1], 2 * lowest))
    return inverse_pico, events


@given(inverse_histories())
def test_an_inverse_position_is_what_the_naive_twin_says(history):
    inverse_pico, events = history
    terms = terms_with(inverse_pico=inverse_pico)
    naive = type("Naive", (NaivePosition,), {"inverse_pico": inverse_pico})()
    positions = np.zeros(1, POSITION)

    for what, *values in events:
        if what == "fill":
            assert take_fill(positions, *values, terms=terms)
            naive.fill(*values, 0)
        else:
            assert mark_one(positions, terms, values[0]) == naive.mark(values[0], 1)
        assert fields(positions) == vars(naive)
        assert positions[0]["realised"] - positions[0]["basis"] == positions[0]["cash"]


@given(inverse_histories())
def test_what_an_inverse_contract_loses_by_rounding_is_less_than_a_point_a_fill(history):
    inverse_pico, events = history
    terms = terms_with(inverse_pico=inverse_pico)
    positions, exact = np.zeros(1, POSITION), Fraction(0)
    fills = [values for what, *values in events if what == "fill"]

    for side, price, lots in fills:
        take_fill(positions, side, price, lots, terms=terms)
        exact += Fraction(inverse_pico * lots, price) * (1 if side == BID else -1)

    assert exact - len(fills) <= int(positions[0]["cash"]) <= exact


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
        if what == "mark":
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


@given(histories(), st.integers(-1000, 1000))
def test_what_mirrors_sides_and_prices_realises_the_same(events, centre):
    fills = [values for what, *values in events if what == "fill"]
    here, there = np.zeros(1, POSITION), np.zeros(1, POSITION)
    largest = max([abs(price) for _, price, _, _ in fills], default=0)
    if (2 * abs(centre) + largest) * sum(lots for _, _, lots, _ in fills) > MONEY_MAX:
        return

    closing = 0
    for side, price, lots, _ in fills:
        closing += here[0]["position_lots"] != 0
        take_fill(here, side, price, lots, 0)
        take_fill(there, 1 - side, 2 * centre - price, lots, 0)

    assert here[0]["position_lots"] == -there[0]["position_lots"]
    assert abs(here[0]["realised"] - there[0]["realised"]) <= closing  # halves go opposite ways


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
