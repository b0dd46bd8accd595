"""The recorder of single operations, held to sorted lists."""

from pathlib import Path

import numpy as np
import pytest

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture
def perf(monkeypatch):
    """The recorder, which is no part of the package."""
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import recorder

    return recorder


def recorded(perf, values):
    recorder = perf.make_recorder()
    perf.note_all(recorder, np.array(values, np.int64))
    return recorder


def values_of_every_size(seed=1):
    rng = np.random.default_rng(seed)
    return (2.0 ** rng.uniform(0, 40, 3_000)).astype(np.int64)


def test_a_value_lands_in_the_first_bucket_whose_edge_it_does_not_exceed(perf):
    values = np.concatenate([values_of_every_size(), np.arange(300), [(1 << 62), (1 << 63) - 1]])
    edges = np.array([perf.upper_edge(bucket) for bucket in range(perf.BUCKETS)])
    assert (np.diff(edges) > 0).all()

    for value in values:
        bucket = int(np.flatnonzero(recorded(perf, [value]).buckets)[0])

        assert bucket == np.searchsorted(edges, value)


def test_a_percentile_is_never_too_little_and_at_most_a_64th_too_much(perf):
    values = np.sort(values_of_every_size())
    recorder = recorded(perf, values)

    for share in (0.001, 0.5, 0.9, 0.99, 0.9999, 1.0):
        right = int(values[int(np.ceil(share * len(values))) - 1])
        found = perf.percentile(recorder, share)

        assert right <= found <= right + right // 64


def test_the_sum_and_the_most_are_exact(perf):
    values = values_of_every_size()

    spread = perf.spread_of(recorded(perf, values), 2.0)

    assert spread.count == len(values)
    assert spread.most == 2.0 * values.max()
    assert spread.mean == pytest.approx(2.0 * values.mean())


def test_small_values_are_exact(perf):
    assert perf.percentile(recorded(perf, [3, 5, 90, 90, 127]), 0.5) == 90
    assert perf.percentile(recorded(perf, [0, 0, 7]), 0.5) == 0


def test_a_counter_that_went_back_counts_as_no_time(perf):
    recorder = recorded(perf, [-5, 4])

    assert recorder.buckets[0] == 1
    assert int(recorder.totals.sum()) == 8  # the sum, and the most


def test_the_counter_goes_on_and_the_recorder_states_what_it_costs(perf):
    before = perf.read_stamp()
    own = perf.own_cost(perf.tick_ns(0.01), 1_000)

    assert perf.read_stamp() > before
    assert own.count == 1_000
    assert 0 < own.p50 <= own.p99 <= own.p99_99 <= own.most
