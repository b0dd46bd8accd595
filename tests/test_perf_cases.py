"""The cases of the benchmarks are what they say, and a wrong result is seen."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmjit.core.ladder import rung_home
from mmjit.core.levels import PAGE_LEVELS, home_of, rank_of
from mmjit.core.wrapping import plain_mix, plain_mix_pair
from tests.builders import door

TOP = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.compiled, pytest.mark.scripts]


@pytest.fixture
def perf(monkeypatch):
    """The benchmarks, which are no part of the package."""
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import worst
    import worst_cases
    import worst_sweeps

    return worst, worst_cases, worst_sweeps


def test_every_case_leaves_a_book_as_deep_as_it_found_it(perf):
    worst, cases, _ = perf
    usual = cases.rolling("usual", np.arange(1, 600), np.arange(1, 600) & 1, np.arange(100))

    for make in cases.CASES:
        case = make(usual, cases.SMALL)
        before = worst.left_by(case.before)
        after = worst.left_by(np.concatenate([case.before, case.events]))

        assert after["orders"] == before["orders"] > 0, case.name
        assert len(case.events) > 0, case.name


def test_a_book_that_is_not_what_the_events_leave_is_seen(perf):
    worst, cases, _ = perf
    case = cases.lonely(None, cases.SMALL)
    assert worst.by_id(case) > 0

    book = worst.book_for(case)
    worst.apply_all(book, case.before, np.zeros(len(case.before), np.int64))
    with pytest.raises(AssertionError, match="one order at every level"):
        worst.check(replace(case, before=case.before[:-1], events=case.before[:0]), book, 0)


def test_what_events_leave_is_added_up(perf):
    worst, cases, _ = perf
    kinds = cases.Kind
    events = np.concatenate(
        [
            cases.events_of(kinds.ADD, [1, 2, 3, 4], [10, 10, 12, 20], [0, 0, 0, 1], 5),
            cases.events_of(kinds.DELETE, [3]),
            cases.events_of([kinds.EXECUTE, kinds.REDUCE], [1, 2], qty_lots=[5, 3]),
        ]
    )

    assert worst.left_by(events) == {
        "refused": 0,
        "orders": 2,
        "levels": 2,
        "qty_lots": 7,
        "best": [10, 20],
    }


def test_what_was_found_to_collide_does(perf):
    _, cases, _ = perf
    last, salt = (1 << 10) - 1, 77
    ids, prices, masks = (np.zeros(50, np.int64) for _ in range(3))

    assert cases.find_ids(np.zeros(last + 1, cases.ENTRY), salt, ids) == 50
    assert cases.find_prices(prices, salt, last, 9) == 50
    assert cases.find_masks(masks, salt, last, 2) == 50

    assert {plain_mix(int(word) ^ salt) & last for word in ids} == {0}
    eights = [int(word) - 1 >> 6 for word in prices]
    assert {(plain_mix_pair(0, word ^ salt) >> 32) & last & ~7 for word in eights} == {0, 8}
    prefixes = [int(word) - 1 >> 9 for word in masks]
    assert {plain_mix_pair(word, word ^ salt) & last for word in prefixes} == {0, 1}
    assert all(len(np.unique(found)) == 50 for found in (ids, eights, prefixes))


@door
def homes_of(book, price):  # type: ignore[no-untyped-def]
    number = rank_of(book, 0, price) // PAGE_LEVELS
    return home_of(book, 0, price), rung_home(book.rungs, book.control[0]["salt"], 0, number)


def test_the_prices_that_crowd_do_so_in_the_tables_of_their_book(perf):
    worst, cases, _ = perf
    for make, table in ((cases.crowding_levels, 0), (cases.crowding_masks, 1)):
        case = make(None, cases.SMALL)
        book = worst.book_for(case)
        prices = np.unique(case.before["price"])

        homes = {homes_of(book, price)[table] for price in prices}

        assert len(prices) == cases.SMALL.colliding
        assert homes == {0}


def test_a_sweep_meets_all_that_rests(perf):
    _, cases, sweeps = perf
    recorder = sweeps.make_recorder()

    for sweep in sweeps.sweeps(cases.SMALL):
        assert sweeps.run_sweeps(sweep, recorder) > 0

    short = replace(sweep, sweeping=sweep.sweeping.copy())
    short.sweeping["qty_lots"] -= cases.QTY_LOTS
    with pytest.raises(AssertionError):
        sweeps.run_sweeps(short, recorder)


def test_a_case_beyond_the_goal_is_named_unless_it_was_not_promised(perf):
    worst, _, _ = perf
    slow = worst.Row("slow", [1.0], [11.0, 10.5, 2.0], None)

    assert slow.is_beyond
    assert not replace(slow, promised=False).is_beyond
    assert not replace(slow, ratios=[11.0, 9.0, 2.0]).is_beyond
    assert not replace(slow, ratios=[]).is_beyond


def test_parse_and_book_does_without_itch_book_and_says_so(tmp_path):
    (tmp_path / "itch_book.py").write_text("raise ModuleNotFoundError('itch_book')")
    script = TOP / "perf" / "parse_and_book.py"

    result = subprocess.run(
        [sys.executable, str(script), "--smoke", "--workloads", "w1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(TOP)])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "itch-book is not installed" in result.stdout
    assert "every result right" in result.stdout


def test_parse_and_book_sees_a_wrong_result(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOP / "perf"))
    import parse_and_book

    day = parse_and_book.make("w2_1k", tmp_path, 2_000)
    ours = parse_and_book.our_run(day)
    assert ours.seconds > 0

    wrong = replace(day, expected=day.expected | {"fifo_hash": 1})
    with pytest.raises(SystemExit, match="mmjit is wrong: fifo_hash"):
        parse_and_book.our_run(wrong)

    pytest.importorskip("itch_book")
    parse_and_book.compare_bests(day, ours.book)
    level = ours.book.sides["best"][ours.book.sides["best"] >= 0][0]
    ours.book.levels["qty_lots"][level] += 1
    with pytest.raises(SystemExit, match="the best of"):
        parse_and_book.compare_bests(day, ours.book)
