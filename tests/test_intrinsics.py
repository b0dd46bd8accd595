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
    equal_words,
    highest_bit,
    if_zero,
    lowest_bit,
    plain_big_endian_16,
    plain_big_endian_32,
    plain_big_endian_64,
    plain_equal_words,
    plain_highest_bit,
    plain_lowest_bit,
    plain_rarely,
    plain_record_bytes,
    plain_widen,
    plain_within,
    prefetch,
    prefetch_read,
    rarely,
    record_bytes,
    widen,
    within,
)
from mmjit.core.jit import kernel
from mmjit.core.records import ENTRY, LEVEL32, NODE32, NODE64, SYMBOL

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
def equal_now(array, index, word):
    return equal_words(array, index, word)


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
    prefetch_read(records, place)
    return records[0]["qty_lots"]


@kernel
def if_zero_now(word, index):
    return if_zero(word, index)


@kernel
def widen_now(slot):
    return widen(slot)


@kernel
def within_now(index, count):
    return within(index, count)


@kernel
def rarely_now(number, limit):
    if rarely(number > limit):
        return 1
    return 0


@kernel
def record_bytes_now(records):
    return record_bytes(records)


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


@given(st.integers(0, (1 << 63) - 1) | st.integers(0, 2), WORD)
def test_an_index_is_kept_where_the_word_is_zero_and_0_elsewhere(word, index):
    assert if_zero_now(np.int64(word), np.int64(index)) == (index if word == 0 else 0)


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_stored_slot_is_widened_as_its_twin_does_and_never_negative(slot):
    for stored in (np.int32(slot), np.int64(slot)):
        assert widen_now(stored) == plain_widen(stored) >= 0
    if slot >= 0:
        assert widen_now(np.int32(slot)) == slot


@given(st.lists(st.integers(-2, 2), min_size=32, max_size=32), st.integers(0, 8))
def test_the_words_that_equal_one_are_those_of_its_twin(words, index):
    entries = np.array(words, np.int32).view(ENTRY)

    for word in range(-3, 3):
        found = equal_now(entries, np.int64(index), np.int64(word))
        assert found == plain_equal_words(entries, index, word)
        assert bin(found).count("1") == words[2 * index :][:16].count(word)


@given(WORD, st.integers(0, (1 << 63) - 1))
def test_within_equals_its_twin(index, count):
    assert within_now(np.int64(index), np.int64(count)) == plain_within(index, count)


@pytest.mark.parametrize("count", [0, 1, 5, (1 << 63) - 1])
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_an_index_of_any_width_is_within_from_0_to_below_the_count(count, dtype):
    for index in (-128, -1, 0, 1, 4, 5, 127):
        assert within_now(dtype(index), np.int64(count)) == (0 <= index < count)


@given(WORD, WORD)
def test_what_is_rare_is_as_true_as_what_is_not(number, limit):
    assert rarely_now(np.int64(number), np.int64(limit)) == plain_rarely(number > limit)


@pytest.mark.parametrize("dtype", [NODE32, NODE64, LEVEL32, SYMBOL])
def test_the_bytes_of_a_record_are_those_of_its_dtype(dtype):
    records = np.zeros(3, dtype)

    assert record_bytes_now(records) == plain_record_bytes(records) == dtype.itemsize


def test_every_intrinsic_has_a_twin():
    twins = {n.removeprefix("plain_") for n in vars(intrinsics) if n.startswith("plain_")}

    reads = {"big_endian_16", "big_endian_32", "big_endian_64"}
    assert (
        twins
        == {
            *("highest_bit", "lowest_bit", "prefetch", "prefetch_read"),
            *("widen", "within", "rarely", "record_bytes", "equal_words"),
        }
        | reads
    )


@given(st.binary(min_size=8, max_size=24), st.integers(0, 16))
def test_big_endian_integers_equal_their_twins_at_any_alignment(content, at):
    assume(at + 8 <= len(content))
    data = np.frombuffer(content, np.uint8)
    twins = (plain_big_endian_16, plain_big_endian_32, plain_big_endian_64)

    found = big_endian_now(data, at)

    assert found == tuple(twin(data, at) for twin in twins)
    assert found[0] == content[at] << 8 | content[at + 1]
