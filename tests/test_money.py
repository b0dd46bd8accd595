"""Amounts of currency: exact at every size, and in the order of what they are worth."""

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core import money
from mmjit.core.money import HALF_PICOS, UNITS_MAX
from tests.builders import door

PICO = 10**12


@door
def half_points(out, count, point_pico):  # type: ignore[no-untyped-def]
    out[0], out[1] = money.half_points(count, point_pico)


@door
def picos(out, count):  # type: ignore[no-untyped-def]
    out[0], out[1] = money.picos(count)


@door
def add(out, amounts):  # type: ignore[no-untyped-def]
    out[0], out[1] = money.add(amounts[0], amounts[1], amounts[2], amounts[3])


@door
def subtract(out, amounts):  # type: ignore[no-untyped-def]
    out[0], out[1] = money.subtract(amounts[0], amounts[1], amounts[2], amounts[3])


@door
def reaches(amounts):  # type: ignore[no-untyped-def]
    return money.reaches(amounts[0], amounts[1], amounts[2], amounts[3])


def told(function, *arguments):
    """What a verb says, as a Fraction of a unit."""
    out = np.zeros(2, np.int64)
    function(out, *arguments)
    units, half_pico = out.tolist()
    assert 0 <= half_pico < HALF_PICOS
    return units + Fraction(half_pico, HALF_PICOS)


def pair(left, right):
    return np.array([*left, *right], np.int64)


def value(amount):
    return amount[0] + Fraction(amount[1], HALF_PICOS)


@st.composite
def products(draw):
    """Half points and the worth of a point, as large as fits."""
    point_pico = draw(st.sampled_from([1, 10**6 - 1, 10**6, PICO, (1 << 60) - 1]))
    point_pico = draw(st.just(point_pico) | st.integers(1, (1 << 60) - 1))
    most = min(1 << 62, (1 << 62) * PICO // point_pico - 1)
    count = draw(st.integers(-most, most) | st.integers(-9, 9) | st.sampled_from([-most, most]))
    return count, point_pico


@given(products())
@example((1 << 62, 1))
@example((-(1 << 62), PICO - 1))
@example((1, 1))
@example((-1, 1))
def test_half_points_are_counted_exactly(product):
    count, point_pico = product

    assert told(half_points, count, point_pico) == Fraction(count * point_pico, 2 * PICO)


@given(st.integers(-(1 << 62), 1 << 62) | st.integers(-9, 9))
def test_fees_are_counted_exactly(count):
    assert told(picos, count) == Fraction(count, PICO)


halves = st.integers(0, HALF_PICOS - 1) | st.sampled_from([0, 1, HALF_PICOS - 1])
amounts = st.tuples(st.integers(1 - (1 << 60), (1 << 60) - 1) | st.integers(-2, 2), halves)


@given(amounts, amounts)
@example((0, HALF_PICOS - 1), (0, 1))
@example((-1, HALF_PICOS - 1), (0, 1))
def test_a_sum_and_a_difference_are_exact(left, right):
    assert told(add, pair(left, right)) == value(left) + value(right)
    assert told(subtract, pair(left, right)) == value(left) - value(right)


@given(amounts, amounts)
@example((1, 0), (0, HALF_PICOS - 1))
@example((-1, 5), (-1, 5))
def test_amounts_are_in_the_order_of_what_they_are_worth(left, right):
    assert reaches(pair(left, right)) == (value(left) >= value(right))


def test_a_sum_stays_at_the_largest_amount_once_there():
    most, more = (UNITS_MAX, HALF_PICOS - 1), (1 << 60, 1)

    assert told(add, pair(most, more)) == UNITS_MAX
    assert told(add, pair((-UNITS_MAX, 0), (-(1 << 60), 0))) == -UNITS_MAX
