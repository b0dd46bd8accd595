"""Limits on losses, the kill switch and the rest of the account, in a backtest and at a desk."""

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.backtesting import backtest
from mmjit.core import desk as words
from mmjit.core.codes import ASK, BID, Kind, Status
from mmjit.core.desk import QUOTE_LEVELS
from mmjit.core.switches import pull_kill
from mmjit.models.maker import see_others
from mmjit.sessions import session_of
from mmjit.terms import Settings
from tests import builders as b
from tests.backtests import Given, lines_of, messages, refusals_of, tape_of
from tests.builders import door
from tests.scripted import played, wanted


def steps(result: Any) -> list[tuple[str, int, int, int]]:
    """Kind, symbol, price and lots of every step of our orders."""
    return [
        (Kind(s["kind"]).name.lower(), s["symbol"], s["price"], s["qty_lots"])
        for s in lines_of(result.steps)
    ]


def still(symbol: int = 0) -> Any:
    return b.trade(100, 0, symbol=symbol)


def falling() -> list[Any]:
    """Two markets of 99 to 101; we buy 4 at 101 in the first, whose bid then falls, to 95."""
    both = [b.add(1 + 2 * k, BID, 99, 10, symbol=k) for k in (0, 1)]
    both += [b.add(2 + 2 * k, ASK, 101, 10, symbol=k) for k in (0, 1)]
    falls = [b.replace(1, 5, 97, 10), b.replace(5, 6, 95, 10), b.replace(6, 7, 99, 10)]
    return [*both, still(), *falls, still(), still(1)]


QUOTES = [
    wanted(BID, 101, 4, after=3, until=4),  # taken at once
    wanted(BID, 90, 3, level=1, after=3),
    wanted(ASK, 110, 3, level=1, after=3),
    wanted(ASK, 111, 2, level=2, after=3),
    wanted(BID, 90, 5, level=1, after=3, symbol=1),
    wanted(ASK, 110, 5, level=1, after=3, symbol=1),
]


@pytest.mark.parametrize("cause", ["max_daily_loss", "max_drawdown"])
def test_a_loss_that_reaches_its_limit_pulls_every_order_and_leaves_only_what_reduces(cause):
    limit = Given({cause: Fraction(8, 100)})  # when the mid is 99: bought 4 at 101
    result = played(QUOTES, *falling(), limits=limit)

    entered, after = steps(result)[:7], steps(result)[7:]
    assert {line[0] for line in entered} <= {"new", "fill"}
    assert after[:5] == [
        ("cancel", 0, 90, 3),
        ("cancel", 0, 110, 3),
        ("cancel", 0, 111, 2),
        ("cancel", 1, 90, 5),
        ("cancel", 1, 110, 5),
    ]
    again = [line for line in after[5:] if line[0] == "new"]
    assert again == [("new", 0, 110, 3)]  # of 4 that are held; 2 more would not only reduce
    assert refusals_of(result).keys() == refusals_of(result, 1).keys() == {Status[cause.upper()]}
    summary = result.summary()
    assert (summary["mode"], summary["tripped"]) == ("reduce_only", cause)
    assert summary["tripped_ns"] == 1055


def test_a_loss_that_stays_below_its_limit_changes_nothing():
    free = played(QUOTES, *falling())
    held = played(QUOTES, *falling(), limits=Given({"max_daily_loss": Fraction(1601, 10_000)}))

    assert held.steps.tobytes() == free.steps.tobytes()
    assert held.summary()["mode"] == "normal"
    assert held.summary()["tripped"] is held.summary()["tripped_ns"] is None


def test_a_limit_that_a_fill_of_ours_reaches_counts_within_the_same_decision():
    lines = [wanted(BID, 101, 4, after=2), wanted(BID, 90, 3, level=1, after=2)]
    lines += [wanted(ASK, 110, 3, level=1, after=2)]
    events = [b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10), still(), still()]
    result = played(lines, *events, limits=Given({"max_daily_loss": Fraction(4, 100)}))

    assert steps(result) == [
        *(("new", 0, 101, 4), ("fill", 0, 101, 4), ("reject", 0, 90, 3), ("new", 0, 110, 3)),
        ("cancel", 0, 110, 3),
    ]


class Pulled:
    """Limits of an account whose kill switch is pulled."""

    def apply(self, ledger: Any, instruments: Any) -> None:
        assert pull_kill(ledger, 0, 0, 7) == Status.OK

    def as_json(self) -> dict[str, Any]:
        return {"kill": "pulled"}


def test_an_account_whose_switch_is_pulled_enters_nothing(tmp_path):
    tape = tape_of(*messages(b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10)))

    result = backtest(tape, limits=Pulled(), out=tmp_path / "out")

    assert result.summary()["orders"] == 0
    assert result.summary()["refused"] == {"kill_switch": 2}
    assert (result.summary()["mode"], result.summary()["tripped"]) == ("frozen", "kill_switch")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["settings"]["limits"] == {"kill": "pulled"}


@pytest.mark.parametrize("name", ["max_long", "max_short", "max_position"])
def test_a_limit_given_by_name_is_in_force_instead_of_its_own(name):
    class Both:
        def apply(self, ledger: Any, instruments: Any) -> None:
            for limit in ("max_long", "max_short"):
                ledger.limits[limit] = 3
            ledger.accounts["max_position"] = 4

        def as_json(self) -> dict[str, Any]:
            return {}

    tape = tape_of(*messages(b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10)))
    ledger = backtest(tape, limits=Both(), **{name: 7}).ledger

    seen = {n: int(ledger.limits[0][n]) for n in ("max_long", "max_short")}
    seen["max_position"] = int(ledger.accounts[0]["max_position"])
    assert seen == {"max_long": 3, "max_short": 3, "max_position": 4} | {name: 7}


# ---- a desk whose orders stand in the book --------------------------------------------------


@door
def see_others_of(desk):  # type: ignore[no-untyped-def]
    see_others(desk)


@door
def seen_by(desk, out):  # type: ignore[no-untyped-def]
    """What a rule sees: best prices, lots there, whether there are two sides."""
    for side in range(2):
        out[side] = words.best(desk, side)
        out[2 + side] = words.qty_at_best(desk, side)
    out[4] = words.is_two_sided(desk)


def desk_with(others: list[Any], ours: list[tuple[int, int, int]], shares: bool) -> Any:
    """A desk over a book that holds orders of others and, if it shares it, ours."""
    mine = [b.add(100 + n, side, p, lots) for n, (side, p, lots) in enumerate(ours)]
    tape = tape_of(*messages(*others, *mine))
    desk = session_of(tape, Settings()).desk.bundle
    book = desk.book
    for one in [*others, *(mine if shares else [])]:
        assert b.send(book, one) >= 0
    levels = [0, 0]
    for side, price, lots in ours:
        order = desk.own[0, side, levels[side]]
        order["price"], order["left_lots"] = price, lots
        levels[side] += 1
    desk.run["shares_book"] = int(shares)
    desk = desk._replace(others=np.zeros((1, 2, 2), np.int64))
    see_others_of(desk)
    return desk


def looked_at(desk: Any) -> list[int]:
    out = np.zeros(5, np.int64)
    seen_by(desk, out)
    return [int(n) for n in out]


own_orders = st.lists(
    st.tuples(st.sampled_from([BID, ASK]), st.integers(1, 6), st.integers(1, 3)), max_size=8
)


@given(own_orders, own_orders)
def test_a_rule_sees_the_market_without_our_own_orders(others, ours):
    recorded = [b.add(1 + n, side, p, lots) for n, (side, p, lots) in enumerate(others)]

    apart = looked_at(desk_with(recorded, ours, shares=False))
    shared = looked_at(desk_with(recorded, ours, shares=True))

    assert shared == apart
    assert len(ours) <= QUOTE_LEVELS
