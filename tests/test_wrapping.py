"""Each function that wraps against its plain twin, which masks Python integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core import wrapping
from mmjit.core.jit import kernel
from mmjit.core.wrapping import (
    absorb,
    draw,
    fold,
    mix,
    mix_pair,
    plain_absorb,
    plain_draw,
    plain_fold,
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
        "plain_mix",
        "plain_mix_pair",
        "plain_fold",
        "plain_absorb",
        "plain_weigh",
        "plain_draw",
    }
