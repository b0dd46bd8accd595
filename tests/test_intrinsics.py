"""Each machine instruction against its plain twin."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmjit.core import intrinsics
from mmjit.core.intrinsics import (
    big_endian_16,
    big_endian_32,
    big_endian_64,
    bit,
    bits_below,
    highest_bit,
    lowest_bit,
    plain_big_endian_16,
    plain_big_endian_32,
    plain_big_endian_64,
    plain_highest_bit,
    plain_lowest_bit,
    prefetch,
)
from mmjit.core.jit import kernel
from mmjit.core.records import NODE32

WORD = st.integers(-(1 << 63), (1 << 63) - 1)
PLACE = st.integers(0, 63)


# Neither an intrinsic nor a verb has a door for Python: each is called from a kernel.
@kernel
def highest_now(word):
    return highest_bit(word)


@kernel
def lowest_now(word):
    return lowest_bit(word)


@kernel
def bit_now(place):
    return bit(place)


@kernel
def bits_below_now(place):
    return bits_below(place)


@kernel
def big_endian_now(data, at):
    return big_endian_16(data, at), big_endian_32(data, at), big_endian_64(data, at)


@kernel
def prefetch_now(records, place):
    prefetch(records, place)
    return records[0]["qty_lots"]


def signed(word):
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


@given(WORD)
def test_the_highest_bit_equals_its_twin(word):
    assume(word != 0)

    assert highest_now(np.int64(word)) == plain_highest_bit(word)


@given(WORD)
def test_the_lowest_bit_equals_its_twin(word):
    assume(word != 0)

    assert lowest_now(np.int64(word)) == plain_lowest_bit(word)


@pytest.mark.parametrize("place", range(64))
def test_a_word_of_one_bit_has_it_highest_and_lowest(place):
    word = bit_now(np.int64(place))

    assert int(word) == signed(1 << place)
    assert highest_now(np.int64(word)) == lowest_now(np.int64(word)) == place


@given(PLACE)
def test_the_bits_below_a_place_are_all_set(place):
    assert int(bits_below_now(np.int64(place))) == (1 << place) - 1


@pytest.mark.parametrize("place", [0, 3, -1, 4, 1 << 40, -(1 << 40)])
def test_prefetching_any_place_at_all_changes_nothing(place):
    records = np.zeros(4, NODE32)
    records["qty_lots"] = [7, 8, 9, 10]

    assert prefetch_now(records, np.int64(place)) == 7
    assert records["qty_lots"].tolist() == [7, 8, 9, 10]


def test_every_intrinsic_has_a_twin():
    twins = {n.removeprefix("plain_") for n in vars(intrinsics) if n.startswith("plain_")}

    reads = {"big_endian_16", "big_endian_32", "big_endian_64"}
    assert twins == {"highest_bit", "lowest_bit", "prefetch"} | reads


@given(st.binary(min_size=8, max_size=24), st.integers(0, 16))
def test_big_endian_integers_equal_their_twins_at_any_alignment(content, at):
    assume(at + 8 <= len(content))
    data = np.frombuffer(content, np.uint8)
    twins = (plain_big_endian_16, plain_big_endian_32, plain_big_endian_64)

    found = big_endian_now(data, at)

    assert found == tuple(twin(data, at) for twin in twins)
    assert found[0] == content[at] << 8 | content[at + 1]
