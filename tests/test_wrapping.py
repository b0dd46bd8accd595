"""Each function that wraps against its plain twin, which masks Python integers."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmjit.core import wrapping
from mmjit.core.jit import kernel
from mmjit.core.wrapping import (
    absorb,
    draw,
    exact_quotient,
    fold,
    inverse,
    mix,
    mix_pair,
    plain_absorb,
    plain_draw,
    plain_exact_quotient,
    plain_fold,
    plain_inverse,
    plain_mix,
    plain_mix_pair,
    plain_weigh,
    weigh,
)

WORD = st.integers(-(1 << 63), (1 << 63) - 1)
EDGES = [0, 1, -1, (1 << 63) - 1, -(1 << 63), 0x5555555555555555]


# A verb has no door for Python: each is called from a kernel.
@kernel
def mix_now(word):
    return mix(word)


@kernel
def mix_pair_now(high, low):
    return mix_pair(high, low)


@kernel
def fold_now(total, word):
    return fold(total, word)


@kernel
def absorb_now(total, word):
    return absorb(total, word)


@kernel
def weigh_now(left, left_weight, right, right_weight):
    return weigh(left, left_weight, right, right_weight)


@kernel
def draw_now(seed, counter):
    return draw(seed, counter)


@kernel
def inverse_now(odd):
    return inverse(odd)


@kernel
def exact_quotient_now(price, base, odd_inverse, twos):
    return exact_quotient(price, base, odd_inverse, twos)


def int64s(*values):
    return [np.int64(v) for v in values]


@given(WORD)
def test_mix_equals_its_twin(word):
    assert mix_now(np.int64(word)) == plain_mix(word)


@given(WORD, WORD)
def test_mix_pair_equals_its_twin(high, low):
    assert mix_pair_now(*int64s(high, low)) == plain_mix_pair(high, low)


@given(WORD, WORD)
def test_fold_equals_its_twin(total, word):
    assert fold_now(*int64s(total, word)) == plain_fold(total, word)


@given(WORD, WORD)
def test_absorb_equals_its_twin(total, word):
    assert absorb_now(*int64s(total, word)) == plain_absorb(total, word)


def test_absorb_is_the_round_of_xxhash64():
    word = 0xC2B2AE3D27D4EB4F  # of one, before it is turned and multiplied
    turned = (word << 31 | word >> 33) & (1 << 64) - 1

    assert plain_absorb(0, 1) % (1 << 64) == turned * 0x9E3779B185EBCA87 % (1 << 64)


@given(WORD, WORD, WORD, WORD)
def test_weigh_equals_its_twin(left, left_weight, right, right_weight):
    values = (left, left_weight, right, right_weight)

    assert weigh_now(*int64s(*values)) == plain_weigh(*values)


@given(WORD, WORD)
def test_draw_equals_its_twin(seed, counter):
    assert draw_now(*int64s(seed, counter)) == plain_draw(seed, counter)


@given(WORD)
def test_inverse_equals_its_twin_and_times_the_odd_word_it_is_one(word):
    odd = word | 1

    found = inverse_now(np.int64(odd))

    assert found == plain_inverse(odd)
    assert int(found) * odd % (1 << 64) == 1


@given(WORD, WORD, WORD, st.integers(0, 63))
def test_exact_quotient_equals_its_twin(price, base, odd, twos):
    values = int64s(price, base, odd | 1, twos)

    assert exact_quotient_now(*values) == plain_exact_quotient(*values)


@st.composite
def spans(draw_of):
    """A lowest price, an increment and how many increments the highest is above the lowest."""
    price_max = (1 << 62) - 1
    increment = draw_of(
        st.sampled_from([1, 2, 3, 100, 10_000, 1 << 20, 7 << 33, 1 << 62, (1 << 63) - 1])
        | st.integers(1, (1 << 63) - 1)
    )
    steps = draw_of(st.integers(0, min((1 << 48) - 1, 2 * price_max // increment)))
    base = draw_of(st.integers(-price_max, price_max - steps * increment))
    return base, increment, steps


def quotient_of(price, base, increment):
    """By `exact_quotient`; a negative increment is counted downwards."""
    twos = (increment & -increment).bit_length() - 1
    values = (price, base, plain_inverse(increment >> twos), twos)
    return int(exact_quotient_now(*int64s(*values)))


@given(spans(), st.data())
def test_where_it_divides_the_exact_quotient_is_the_quotient(span, data):
    base, increment, steps = span
    rank = data.draw(st.sampled_from([0, steps]) | st.integers(0, steps))

    assert quotient_of(base + rank * increment, base, increment) == rank
    top = base + steps * increment
    assert quotient_of(top - rank * increment, top, -increment) == rank


@given(spans(), st.data())
def test_of_any_other_price_the_exact_quotient_is_none_that_the_span_has(span, data):
    base, increment, steps = span
    top = base + steps * increment
    near = st.integers(-2, 2).map(lambda step: step + data.draw(st.sampled_from([base, top])))
    price = data.draw(WORD | near | st.integers(base, top))
    assume(-(1 << 63) <= price < 1 << 63)
    assume(not (base <= price <= top and (price - base) % increment == 0))

    assert not 0 <= quotient_of(price, base, increment) <= steps
    assert not 0 <= quotient_of(price, top, -increment) <= steps


@pytest.mark.parametrize("word", EDGES)
def test_a_result_is_a_signed_word(word):
    for result in (plain_mix(word), plain_mix_pair(word, word), plain_fold(word, word)):
        assert -(1 << 63) <= result < 1 << 63


def test_mix_is_murmurs_finaliser():
    assert plain_mix(1) == 0xB456BCFC34C2CB2C - (1 << 64)


@given(WORD, WORD)
def test_mix_gives_different_words_different_places(one, other):
    assert (plain_mix(one) == plain_mix(other)) == (one == other)


def test_draws_of_a_seed_do_not_repeat_and_those_of_another_differ():
    one = {plain_draw(7, counter) for counter in range(1000)}
    other = {plain_draw(8, counter) for counter in range(1000)}

    assert len(one) == len(other) == 1000
    assert one & other == set()


def test_every_function_that_wraps_has_a_twin_and_a_test():
    names = {name for name in vars(wrapping) if name.startswith("plain_")}

    assert names == {
        *("plain_mix", "plain_mix_pair", "plain_inverse", "plain_exact_quotient"),
        *("plain_fold", "plain_absorb", "plain_weigh", "plain_draw"),
    }
