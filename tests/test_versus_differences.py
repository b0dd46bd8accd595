"""Every difference between two engines is found, and none that has no reason gets a name."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mmjit
from mmjit import ASK, BID, Kind

TOP = Path(__file__).resolve().parent.parent

ROWS = 20_000

pytestmark = pytest.mark.compiled


@pytest.fixture
def versus(monkeypatch):
    """The benchmark's modules, which are no part of the package."""
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import versus_differences
    import versus_runs

    return versus_differences, versus_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("markets")


@pytest.fixture
def one(versus, folder):
    """A small market by order, made as the benchmark makes it."""
    import versus_markets

    return versus_markets.generated("sim_l3", folder, ROWS)


def fate(runs, **fields):
    """One order that was sent and rests at 100, or what is said of it."""
    row = np.zeros(1, runs.FATE)
    for name, value in ({"sent": 1, "price": 100} | fields).items():
        row[name] = value
    return row


def filled(runs, at, lots=1, **fields):
    given = {"fill_ns": at, "fill_price": 100, "maker": 1, "first_lots": lots, "lots": lots}
    return fate(runs, **(given | fields))


def through(one, side):
    """An execution on a side of the tape: its place, and a price of ours that it goes through."""
    events = one.tape.events
    place = np.flatnonzero((events["kind"] == Kind.EXECUTE) & (events["side"] == side))[0]
    price = int(events["price"][place])
    return {"event": place, "price": price + 1 if side == BID else price - 1}


def names(versus, market, ours, theirs, *, filling=()):
    """The names of the differences of one order, a bid; `filling` are events that filled ours."""
    fills = np.array([(event,) for event in filling], [("event", "i8")])
    return dict(versus[0].compare(market, ours, theirs, fills).named)


def test_orders_that_fare_alike_are_no_difference(versus, one):
    _, runs = versus
    same = filled(runs, at=5)

    found = versus[0].compare(one, same, same.copy(), [])

    assert (found.orders, found.fills, found.same, found.named) == (1, 1, 1, {})


@pytest.mark.parametrize(
    "change", [{"fill_ns": 6}, {"fill_price": 101}, {"maker": 0}, {"lots": 0}, {"sent": 0}]
)
def test_whatever_differs_without_a_reason_has_no_name_and_is_shown(versus, one, change):
    differences, runs = versus
    ours, theirs = filled(runs, at=5), filled(runs, at=5, **change)

    found = differences.compare(one, ours, theirs, np.zeros(0, [("event", "i8")]))

    assert dict(found.named) == {differences.UNNAMED: 1}
    assert "order 0" in str(found)


@pytest.mark.parametrize("side", [BID, ASK])
@pytest.mark.parametrize("later", [True, False])
def test_a_trade_through_our_price_that_the_other_passes_over_is_named(versus, one, side, later):
    differences, runs = versus
    mark = through(one, side)
    ours, theirs = filled(runs, at=5, **mark), fate(runs, price=mark["price"])
    if later:
        theirs = filled(runs, at=9, price=mark["price"])
    nothing = np.zeros(side, runs.FATE)  # of the other side at the same instant

    said = names(versus, one, np.append(nothing, ours), np.append(nothing, theirs))

    assert said == {differences.THROUGH: 1}


def test_a_trade_at_our_price_is_no_trade_through_it(versus, one):
    differences, runs = versus
    mark = through(one, BID)
    mark["price"] -= 1

    said = names(versus, one, filled(runs, at=5, **mark), fate(runs, price=mark["price"]))

    assert said == {differences.UNNAMED: 1}


@pytest.mark.parametrize("maker", [1, 0])
def test_a_fill_of_more_than_was_there_is_named(versus, one, maker):
    differences, runs = versus
    ours = filled(runs, at=5, lots=2, maker=maker)

    said = names(versus, one, ours, filled(runs, at=5, lots=9, maker=maker))

    assert said == {differences.WHOLE if maker else differences.TAKEN: 1}


def test_what_is_taken_again_is_named_only_if_an_order_of_ours_had_met_it(versus, one):
    differences, runs = versus
    events = one.tape.events
    asks = (events["side"] == ASK) & (events["kind"] == Kind.ADD)
    place = int(np.flatnonzero(asks)[-1])
    then, price = int(events["venue_ns"][place]), int(events["price"][place])
    taker = {"maker": 0, "fill_price": price}
    rests, takes = fate(runs), filled(runs, at=then, lots=2, **taker)

    assert names(versus, one, rests, takes, filling=[place]) == {differences.AGAIN: 1}
    assert names(versus, one, rests, takes, filling=[place - 1]) == {differences.UNNAMED: 1}
    maker = filled(runs, at=then, lots=2, fill_price=price)
    assert names(versus, one, rests, maker, filling=[place]) == {differences.UNNAMED: 1}


def test_an_order_that_one_side_sent_is_a_consequence_only_after_a_difference(versus, one):
    differences, runs = versus
    unlike = filled(runs, at=5, lots=2), filled(runs, at=5, lots=9)
    other_side = fate(runs, sent=0)
    alone = fate(runs), fate(runs, sent=0)

    ours, theirs = (
        np.concatenate([first, other_side, after])
        for first, after in zip(unlike, alone, strict=True)
    )

    expected = {differences.WHOLE: 1, differences.CONSEQUENCE: 1}
    assert names(versus, one, ours, theirs) == expected
    assert names(versus, one, ours[2:], theirs[2:]) == {differences.UNNAMED: 1}


def test_our_fates_are_the_fills_of_the_run(versus, one):
    _, runs = versus
    _, result = runs.Ours(one, runs.Terms(keeps=False, lots=30)).run()

    fates = runs.our_fates(one, result, 2 * result.summary()["decisions"])

    assert fates["lots"].sum() == result.fills["qty_lots"].sum() > 0
    assert (fates["first_lots"] < fates["lots"]).any()
    bids = fates["lots"][::2].sum()
    assert bids == result.fills["qty_lots"][result.fills["side"] == BID].sum()
    new = result.steps[result.steps["kind"] == Kind.NEW]
    assert fates["sent"].sum() == len(new)
    assert sorted(fates["price"][fates["sent"] == 1]) == sorted(new["price"])


def test_the_rule_sends_everything_anew_or_keeps_what_is_still_at_the_best(versus, one):
    _, runs = versus

    sent = [
        int((runs.Ours(one, runs.Terms(keeps)).run()[1].steps["kind"] == Kind.NEW).sum())
        for keeps in (False, True)
    ]

    instants = (one.tape.events["venue_ns"][-1] - one.begin_ns) // 100_000_000
    assert sent[0] == pytest.approx(2 * instants, abs=4)
    assert 0 < sent[1] < 0.9 * sent[0]


def test_a_market_is_the_same_rows_twice(versus, folder, tmp_path):
    import versus_markets

    one = versus_markets.generated("sim_l2", folder, ROWS)
    again = mmjit.export_hftbacktest(one.tape, tmp_path / "again.npy")

    rows, exported = np.load(one.file), np.load(again["file"])
    assert len(rows) == one.row_count == len(exported)
    for name in ("exch_ts", "local_ts", "px", "qty"):
        assert np.allclose(rows[name], exported[name], rtol=1e-12, atol=0)


def test_without_hftbacktest_mmjit_is_measured_alone_and_that_is_said(tmp_path):
    script = TOP / "perf" / "versus_hftbacktest.py"
    arguments = ["--smoke", "--parts", "speed", "--workloads", "sim_l2"]
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=os.environ | {"PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "no hftbacktest here" in done.stdout
    assert "mmjit" in done.stdout
