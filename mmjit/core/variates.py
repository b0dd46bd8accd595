"""Random variates from counter-based words, the same bits on every machine.

Only sums, products, quotients, square roots and shifts are used, which IEEE 754 fixes to the last
bit. A mathematics library is not: its logarithm may differ by a last bit between two processors.
"""

from math import sqrt
from typing import Final

from mmjit.core.intrinsics import bit, highest_bit
from mmjit.core.jit import verb
from mmjit.core.wrapping import draw

BITS: Final = 53  # of a fraction: what a float64 holds exactly
_MASK: Final = (1 << BITS) - 1
_UNIT: Final = 1.0 / (1 << BITS)
_LN2: Final = 0.6931471805599453
_ROOT2: Final = 1.4142135623730951
_FADED: Final = 43.0  # exp(-43) is below 2**-62: beside anything else, nothing


@verb
def fraction_bits(stream):  # type: ignore[no-untyped-def]
    """The next whole number from 0 to 2**53 - 1 of a stream (`seed`, `draw_count`)."""
    word = draw(stream["seed"], stream["draw_count"])
    stream["draw_count"] += 1
    return word >> 11 & _MASK


@verb
def uniform(stream):  # type: ignore[no-untyped-def]
    """The next random number from 0 up to, but not including, 1."""
    return fraction_bits(stream) * _UNIT


@verb
def below(stream, count):  # type: ignore[no-untyped-def]
    """The next random whole number from 0 to count - 1; none is favoured by more than 2**-53."""
    return int(uniform(stream) * count)


@verb
def exponential(stream):  # type: ignore[no-untyped-def]
    """The next exponential variate of mean 1: -log(1 - u)."""
    return minus_log((1 << BITS) - fraction_bits(stream))


@verb
def normal(stream):  # type: ignore[no-untyped-def]
    """The next normal variate of mean 0 and deviation 1, within 8.6 of 0.

    A point of the unit disc gives the direction (Marsaglia's polar method), an exponential variate
    the distance: its logarithm is of a whole number, and exact to the last bits near 0 too.
    """
    while True:
        x = 2.0 * uniform(stream) - 1.0
        y = 2.0 * uniform(stream) - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            return x * sqrt(2.0 * exponential(stream) / square)


@verb
def lognormal(stream, sigma):  # type: ignore[no-untyped-def]
    """The next lognormal variate of median 1: exp(sigma * normal), for a sigma from 0 to 5."""
    power = sigma * normal(stream)
    return 1.0 / faded(power) if power > 0.0 else faded(-power)


@verb
def gamma(stream, shape):  # type: ignore[no-untyped-def]
    """The next gamma variate of a shape above 0 and scale 1, so of mean `shape`.

    Marsaglia and Tsang 2000, without their squeeze. One of a shape below 1 is one of `shape + 1`
    times a power of a uniform variate.
    """
    part = faded(exponential(stream) / shape) if shape < 1.0 else 1.0
    centre = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
    width = 1.0 / sqrt(9.0 * centre)
    while True:
        x = normal(stream)
        root = 1.0 + width * x
        if root > 0.0:
            cube = root * root * root
            bound = 0.5 * x * x + centre * (1.0 - cube + 3.0 * log(root))
            if exponential(stream) + bound > 0.0:
                return part * centre * cube


@verb
def log(value):  # type: ignore[no-untyped-def]
    """The logarithm of a number above 0 that is not far from 1, a step for each power of two."""
    power = 0
    while value > _ROOT2:
        value *= 0.5
        power += 1
    while value < 0.5 * _ROOT2:
        value *= 2.0
        power -= 1
    return power * _LN2 + _log_near_one(value)


@verb
def minus_log(count):  # type: ignore[no-untyped-def]
    """-log(count / 2**53) for a whole number from 1 to 2**53, to about 1e-15 of it."""
    power = highest_bit(count)
    part = count / bit(power)  # from 1 up to 2
    if part > _ROOT2:
        part *= 0.5
        power += 1
    return (BITS - power) * _LN2 - _log_near_one(part)


@verb
def _log_near_one(part):  # type: ignore[no-untyped-def]
    """The logarithm of a number between the square roots of 1/2 and 2."""
    ratio = (part - 1.0) / (part + 1.0)
    square = ratio * ratio
    total = 1.0 / 19.0
    total = total * square + 1.0 / 17.0
    total = total * square + 1.0 / 15.0
    total = total * square + 1.0 / 13.0
    total = total * square + 1.0 / 11.0
    total = total * square + 1.0 / 9.0
    total = total * square + 1.0 / 7.0
    total = total * square + 1.0 / 5.0
    total = total * square + 1.0 / 3.0
    return 2.0 * ratio * (total * square + 1.0)


@verb
def faded(age):  # type: ignore[no-untyped-def]
    """exp(-age) for an age of 0 or more, to about 1e-15 of it; 0 from an age of 43 on."""
    if age >= _FADED:
        return 0.0
    halvings = int(age / _LN2 + 0.5)
    rest = halvings * _LN2 - age  # within log(2) / 2 of 0
    total = 1.0
    for term in range(13, 0, -1):
        total = total * rest / term + 1.0
    return total / bit(halvings)


@verb
def alias_place(shares, others, point):  # type: ignore[no-untyped-def]
    """A place of a discrete distribution by Walker's alias method (`alias_table`).

    Args:
        shares: float64 a place, how much of its column is its own.
        others: int64 a place, whose the rest of the column is.
        point: a random number from 0 up to, but not including, 1.
    """
    scaled = point * len(shares)
    place = min(int(scaled), len(shares) - 1)
    return place if scaled - place < shares[place] else others[place]
