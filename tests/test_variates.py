"""Random variates: their distributions, and that they are the same bits everywhere."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core.variates import (
    alias_place,
    below,
    exponential,
    faded,
    gamma,
    log,
    lognormal,
    minus_log,
    normal,
    uniform,
)
from mmjit.core.wrapping import plain_draw
from mmjit.models.flow import STREAM
from mmjit.models.plans import alias_table
from tests.builders import door

UNIT = 1 << 53


@door
def minus_log_now(count):
    return minus_log(count)


@door
def log_now(value):
    return log(value)


@door
def faded_now(age):
    return faded(age)


@door
def alias_place_now(shares, others, point):
    return alias_place(shares, others, point)


@door
def fill_uniforms(stream, out):
    for place in range(len(out)):
        out[place] = uniform(stream)


@door
def fill_exponentials(stream, out):
    for place in range(len(out)):
        out[place] = exponential(stream)


@door
def fill_normals(stream, out):
    for place in range(len(out)):
        out[place] = normal(stream)


@door
def fill_lognormals(stream, sigma, out):
    for place in range(len(out)):
        out[place] = lognormal(stream, sigma)


@door
def fill_gammas(stream, shape, out):
    for place in range(len(out)):
        out[place] = gamma(stream, shape)


@door
def fill_below(stream, count, out):
    for place in range(len(out)):
        out[place] = below(stream, count)


@door
def fill_places(stream, shares, others, out):
    for place in range(len(out)):
        out[place] = alias_place(shares, others, uniform(stream))


def stream(seed=3):
    made = np.zeros(1, STREAM)
    made["seed"] = seed
    return made


def filled(fill, count, *arguments):
    out = np.zeros(count)
    fill(stream()[0], *arguments, out)
    return out


def assert_mean(values, mean, deviation):
    """Within four standard errors."""
    assert abs(values.mean() - mean) < 4 * deviation / math.sqrt(len(values))


# ---- logarithm and exponential --------------------------------------------------------------


@given(st.integers(1, UNIT))
@example(1)
@example(UNIT)
@example(UNIT - 1)
@example(6369051672525772)  # about UNIT / sqrt(2), where the halves change
@example(6369051672525773)
def test_minus_log_is_the_logarithm_to_a_few_last_bits(count):
    exact = -math.log1p((count - UNIT) / UNIT) if count > UNIT // 2 else -math.log(count / UNIT)

    assert minus_log_now(np.int64(count)) == pytest.approx(exact, rel=5e-15, abs=0)


@given(st.floats(1e-9, 1e9))
@example(1.0)
@example(0.7071067811865476)
@example(1.4142135623730951)
@example(math.nextafter(1.0, 0))
def test_log_is_the_logarithm_to_a_few_last_bits(value):
    assert log_now(value) == pytest.approx(math.log(value), rel=5e-15, abs=0)


@given(st.floats(0, 42.9))
@example(0.0)
@example(0.34657359027997264)
@example(42.999)
def test_faded_is_the_exponential_to_a_few_last_bits(age):
    assert faded_now(age) == pytest.approx(math.exp(-age), rel=2e-14)


@pytest.mark.parametrize("age", [43.0, 1e6, 1e300])
def test_what_is_old_has_faded_to_nothing(age):
    assert faded_now(age) == 0.0


def test_logarithm_and_exponential_have_the_same_bits_on_every_machine():
    """These are of IEEE arithmetic without any library; a machine that differs is at fault."""
    counts = (1, 12_345, 1 << 40, UNIT // 3, UNIT - 7, UNIT)
    ages = (0.0, 0.1, 1.0, 7.25, 42.5)

    logs = [float(minus_log_now(np.int64(count))).hex() for count in counts]
    fades = [float(faded_now(age)).hex() for age in ages]

    assert logs == LOGS
    assert fades == FADES


LOGS = [
    *("0x1.25e4f7b2737fap+5", "0x1.b50d7e2f76380p+4", "0x1.205966f2b4f12p+3"),
    *("0x1.193ea7aad030cp+0", "0x1.c000000000004p-51", "0x0.0p+0"),
]
FADES = [
    *("0x1.0000000000000p+0", "0x1.cf46d99d52b3ap-1", "0x1.78b56362cef38p-2"),
    *("0x1.7455fe323fafep-11", "0x1.9bb4033caa3afp-62"),
]


# ---- distributions --------------------------------------------------------------------------


def test_a_stream_is_its_seed_and_how_far_it_is():
    made = stream(seed=9)
    out = np.zeros(5)
    fill_uniforms(made[0], out)
    fill_uniforms(made[0], out)

    words = [plain_draw(9, count) >> 11 & UNIT - 1 for count in range(5, 10)]
    assert out.tolist() == [word / UNIT for word in words]
    assert made[0]["draw_count"] == 10


@pytest.mark.compiled
def test_uniforms_have_the_moments_of_a_uniform_distribution():
    values = filled(fill_uniforms, 1_000_000)

    assert 0.0 <= values.min() < 1e-5
    assert 1 - 1e-5 < values.max() < 1.0
    for power in (1, 2, 3, 4):
        mean = 1 / (power + 1)
        assert_mean(values**power, mean, math.sqrt(1 / (2 * power + 1) - mean**2))
    assert_mean((values[:-1] - 0.5) * (values[1:] - 0.5), 0.0, 1 / 12)


@pytest.mark.compiled
def test_exponentials_have_the_moments_of_an_exponential_distribution():
    values = filled(fill_exponentials, 1_000_000)

    assert values.min() >= 0.0
    for power in (1, 2, 3):
        mean = math.factorial(power)
        assert_mean(values**power, mean, math.sqrt(math.factorial(2 * power) - mean**2))
    for age in (0.1, 1.0, 5.0):
        share = math.exp(-age)
        assert_mean(values > age, share, math.sqrt(share * (1 - share)))


def phi(z):
    """The share of a normal distribution below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


@pytest.mark.compiled
def test_normals_have_the_moments_of_a_normal_distribution():
    values = filled(fill_normals, 1_000_000)

    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        square = (1, 1, 3, 15, 105)[power]
        assert_mean(values**power, moment, math.sqrt(square - moment**2))
    for z in (-3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 3.5):
        assert_mean(values < z, phi(z), math.sqrt(phi(z) * phi(-z)))
    assert_mean(values[:-1] * values[1:], 0.0, 1.0)


@pytest.mark.compiled
@pytest.mark.parametrize("sigma", [0.0, 0.25, 1.0, 5.0])
def test_lognormals_are_exponentials_of_normals(sigma):
    values = filled(fill_lognormals, 200_000, sigma)
    normals = filled(fill_normals, 200_000)

    assert np.allclose(values, np.exp(sigma * normals), rtol=4e-14, atol=0)


def gamma_share(shape, limit):
    """The share of a gamma distribution of scale 1 below a limit: the series of its integral."""
    term = total = 1 / shape
    for step in range(1, 2000):
        term *= limit / (shape + step)
        total += term
    return total * math.exp(shape * math.log(limit) - limit - math.lgamma(shape))


@pytest.mark.compiled
@pytest.mark.parametrize("shape", [0.05, 0.5, 0.999, 1.0, 2.0, 7.5, 400.0])
def test_gammas_have_the_moments_and_shares_of_a_gamma_distribution(shape):
    values = filled(fill_gammas, 400_000, shape)

    assert values.min() >= 0.0
    moment = [math.prod(shape + k for k in range(power)) for power in range(7)]
    for power in (1, 2, 3):
        assert_mean(values**power, moment[power], math.sqrt(moment[2 * power] - moment[power] ** 2))
    for part in (0.2, 0.7, 1.0, 1.3, 2.0):
        share = min(gamma_share(shape, part * shape), 1.0)
        assert_mean(values < part * shape, share, math.sqrt(share * (1 - share)) + 1e-12)


def test_normals_and_what_is_made_of_them_have_the_same_bits_on_every_machine():
    """With and without the compiler: the suite runs both ways."""
    cases = (
        (fill_normals,),
        (fill_lognormals, 0.5),
        (fill_lognormals, 5.0),
        (fill_gammas, 0.3),
        (fill_gammas, 2.0),
        (fill_gammas, 50.0),
    )
    made = [filled(fill, 500, *arguments) for fill, *arguments in cases]

    assert [float(values[0]).hex() for values in made] == VARIATES
    assert hashlib.sha256(np.concatenate(made).astype("<f8").tobytes()).hexdigest() == STREAMS


VARIATES = [
    *("0x1.a8ba3ffe5caffp-1", "0x1.839745fada220p+0", "0x1.fa523f99db4ccp+5"),
    *("0x1.1782e5330f5c8p-7", "0x1.7ddee7e7d0ad9p+1", "0x1.bdf6401651c39p+5"),
]
STREAMS = "e681335bfc974cb22eb266544710d9e6cc25ed851b4d375dab329f1bea8a41e7"


@pytest.mark.compiled
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_whole_numbers_below_a_count_are_equally_frequent(count):
    draws = 200_000
    values = filled(fill_below, draws, count)
    seen = np.bincount(values.astype(np.int64), minlength=count)

    assert len(seen) == count
    if count > 1:
        chi2 = ((seen - draws / count) ** 2).sum() * count / draws
        assert abs(chi2 - (count - 1)) < 4 * math.sqrt(2 * (count - 1))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda w: sum(w) > 1e-3))
@example([1.0])
@example([0.0, 1.0])
@example([1e-300, 1e6, 0.0])
def test_the_columns_of_an_alias_table_add_up_to_the_weights(weights):
    shares, others = alias_table(np.array(weights))

    assert np.all((shares >= 0) & (shares <= 1))
    total = shares.copy()
    np.add.at(total, others, 1 - shares)
    assert total == pytest.approx(np.array(weights) * len(weights) / math.fsum(weights), abs=1e-9)


def test_an_alias_table_is_read_by_columns():
    shares, others = np.array([0.25, 1.0]), np.array([1, 0])

    places = [alias_place_now(shares, others, point) for point in (0.0, 0.124, 0.125, 0.5, 0.99)]
    assert places == [0, 0, 1, 1, 1]
    assert alias_place_now(shares, others, 1.0) in (0, 1)  # a quotient may be rounded up to 1


@pytest.mark.compiled
def test_places_are_as_frequent_as_their_weights():
    weights = np.array([5.0, 0.0, 1.0, 3.0, 0.5])
    values = filled(fill_places, 400_000, *alias_table(weights))

    for place, weight in enumerate(weights / weights.sum()):
        assert_mean(values == place, weight, math.sqrt(weight * (1 - weight)) + 1e-12)
