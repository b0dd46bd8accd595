"""All arithmetic that is meant to wrap at 64 bits: hashes, folds, counter-based random numbers.

Everywhere else an overflow is a bug. Each function has a plain twin, which masks Python integers;
the twin runs when the JIT is off, and the suite holds both to the same result.
"""

from typing import Final

import numpy as np

from mmjit.core.jit import COMPILED, verb

MASK: Final = (1 << 64) - 1
_A: Final = 0xFF51AFD7ED558CCD  # murmur3's finaliser
_B: Final = 0xC4CEB9FE1A85EC53
_GOLDEN: Final = 0x9E3779B97F4A7C15
_XX_1: Final = 0x9E3779B185EBCA87  # xxHash64's round
_XX_2: Final = 0xC2B2AE3D27D4EB4F


def _signed(word: int) -> int:
    word &= MASK
    return word - (1 << 64) if word >> 63 else word


def plain_mix(word: int) -> int:
    """Twin of `mix`."""
    word = int(word) & MASK
    word ^= word >> 33
    word = word * _A & MASK
    word ^= word >> 33
    word = word * _B & MASK
    word ^= word >> 33
    return _signed(word)


def plain_mix_pair(high: int, low: int) -> int:
    """Twin of `mix_pair`."""
    word = (int(high) * _GOLDEN ^ int(low)) & MASK
    word ^= word >> 32
    word = word * _A & MASK
    word ^= word >> 32
    return _signed(word)


def plain_inverse(odd: int) -> int:
    """Twin of `inverse`."""
    return _signed(pow(int(odd) & MASK, -1, 1 << 64))


def plain_exact_quotient(price: int, base: int, inverse: int, twos: int) -> int:
    """Twin of `exact_quotient`."""
    word = (int(price) - int(base)) * int(inverse) & MASK
    return _signed(word >> int(twos) | word << (64 - int(twos)))


def plain_fold(total: int, word: int) -> int:
    """Twin of `fold`."""
    return _signed(int(total) * 3 + int(word))


def plain_absorb(total: int, word: int) -> int:
    """Twin of `absorb`."""
    state = (int(total) + int(word) * _XX_2) & MASK
    state = (state << 31 | state >> 33) & MASK
    return _signed(state * _XX_1)


def plain_weigh(left: int, left_weight: int, right: int, right_weight: int) -> int:
    """Twin of `weigh`."""
    return _signed(int(left) * int(left_weight) + int(right) * int(right_weight))


def plain_draw(seed: int, counter: int) -> int:
    """Twin of `draw`."""
    return plain_mix(plain_mix((int(seed) + _GOLDEN) & MASK) ^ (int(counter) * _GOLDEN & MASK))


if COMPILED:

    @verb
    def mix(word):  # type: ignore[no-untyped-def]
        """A bijection of 64-bit words that scatters every bit."""
        word = np.uint64(word)
        word ^= word >> np.uint64(33)
        word *= np.uint64(_A)
        word ^= word >> np.uint64(33)
        word *= np.uint64(_B)
        word ^= word >> np.uint64(33)
        return np.int64(word)

    @verb
    def mix_pair(high, low):  # type: ignore[no-untyped-def]
        """One scattered word of two."""
        word = np.uint64(high) * np.uint64(_GOLDEN) ^ np.uint64(low)
        word ^= word >> np.uint64(32)
        word *= np.uint64(_A)
        word ^= word >> np.uint64(32)
        return np.int64(word)

    @verb
    def inverse(odd):  # type: ignore[no-untyped-def]
        """The word that an odd one must be multiplied by to give 1."""
        odd = np.uint64(odd)
        word = odd  # right in its last three bits, and in twice as many after each step
        for _ in range(5):
            word *= np.uint64(2) - odd * word
        return np.int64(word)

    @verb
    def exact_quotient(price, base, inverse, twos):  # type: ignore[no-untyped-def]
        """`price - base` divided by what `inverse` and `twos` stand for: odd part, powers of two.

        Where it does not divide, or comes out negative, the word is below 0 or larger than any
        quotient of two words.
        """
        word = (np.uint64(price) - np.uint64(base)) * np.uint64(inverse)
        return np.int64(word >> np.uint64(twos) | word << (np.uint64(64 - twos) & np.uint64(63)))

    @verb
    def fold(total, word):  # type: ignore[no-untyped-def]
        """Take a word into a running checksum that depends on the order."""
        return np.int64(np.uint64(total) * np.uint64(3) + np.uint64(word))

    @verb
    def absorb(total, word):  # type: ignore[no-untyped-def]
        """Take a word into a running checksum of which every bit soon hangs on it: xxHash64's."""
        state = np.uint64(total) + np.uint64(word) * np.uint64(_XX_2)
        state = state << np.uint64(31) | state >> np.uint64(33)
        return np.int64(state * np.uint64(_XX_1))

    @verb
    def weigh(left, left_weight, right, right_weight):  # type: ignore[no-untyped-def]
        """A weighted sum of two words."""
        return np.int64(
            np.uint64(left) * np.uint64(left_weight) + np.uint64(right) * np.uint64(right_weight)
        )

    @verb
    def draw(seed, counter):  # type: ignore[no-untyped-def]
        """The random word of a seed at a place: reproducible, in any order."""
        start = mix(np.int64(np.uint64(seed) + np.uint64(_GOLDEN)))
        return mix(np.int64(np.uint64(start) ^ np.uint64(counter) * np.uint64(_GOLDEN)))

else:
    mix = plain_mix
    mix_pair = plain_mix_pair
    inverse = plain_inverse
    exact_quotient = plain_exact_quotient
    fold = plain_fold
    absorb = plain_absorb
    weigh = plain_weigh
    draw = plain_draw
