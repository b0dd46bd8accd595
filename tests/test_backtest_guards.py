"""Limits on pace, fills and the market's age: what becomes of orders in a backtest and a venue."""

from typing import Any

import pytest

import mmjit
from mmjit import Capacity, Instrument, Limits, SymbolLimits
from mmjit.backtesting import backtest
from mmjit.cli import main
from mmjit.core.codes import ASK, BID, Kind, Status
from tests import builders as b
from tests.backtests import messages, refusals_of, tape_of
from tests.scripted import script_of, scripted, wanted

XYZ = Instrument(symbol="XYZ", price_unit="0.01")
STEP_NS = 10  # between events, the first of which is at 1,000


def played(lines: list[Any], *events: Any, every: str = "10ns", **limits: Any) -> Any:
    """A script on a market, under limits of its one symbol."""
    tape = tape_of(*messages(*events), instruments=[XYZ])
    given = Limits(symbols={"default": SymbolLimits(**limits)})
    return backtest(tape, strategy=scripted, params=script_of(lines), every=every, limits=given)


def steps(result: Any) -> list[tuple[str, int, int, int]]:
    """Kind, time, price and lots of every step of our orders."""
    return [
        (Kind(s["kind"]).name.lower(), int(s["venue_ns"]), int(s["price"]), int(s["qty_lots"]))
        for s in result.steps
    ]


def market() -> list[Any]:
    return [b.add(1, BID, 90, 10), b.add(2, ASK, 110, 10)]


def still() -> Any:
    return b.trade(100, 0)


def sold(lots: int, order_id: int) -> list[Any]:
    """Somebody sells to us at 100, and what is left rests for a moment."""
    return [b.add(order_id, ASK, 100, lots), b.delete(order_id)]


QUOTES = [wanted(BID, 100, 5, after=2), wanted(ASK, 105, 5, after=2)]


def test_protection_pulls_the_quotes_of_a_symbol_and_lets_it_rest():
    events = [*market(), still(), *sold(3, 3), still(), still(), still(), still()]
    limits = {"protection": "3 lots in 1 s", "protection_freeze": "20 ns"}

    found = steps(played(QUOTES, *events, **limits))

    filled = next(line for line in found if line[0] == "fill")
    assert filled[2:] == (100, 3)
    cancelled = [line for line in found if line[0] == "cancel"]
    assert [(at, *rest) for _, at, *rest in cancelled] == [
        (filled[1], 100, 2),
        (filled[1], 105, 5),
    ]
    again = [line for line in found if line[0] == "new"][2:]
    assert {at for _, at, *_ in again} == {min(at for _, at, *_ in again)}
    assert again[0][1] >= filled[1] + 20


def test_a_side_that_is_filled_too_often_has_the_symbol_disabled_for_good():
    events = [*market(), still(), *sold(1, 3), *sold(1, 4), still(), still(), still()]

    result = played(QUOTES, *events, max_fills="1 in 1 s")

    found = steps(result)
    assert [line[0] for line in found].count("fill") == 2
    assert [line[0] for line in found].count("new") == 2
    assert found[-1][0] == "reject" or refusals_of(result)[Status.REPEATED_EXECUTION] > 0
    assert {line[0] for line in found if line[1] > 1_050} <= {"reject", "cancel"}


@pytest.mark.parametrize("every", ["10ns", "change"])
def test_quotes_leave_a_market_of_which_nothing_is_heard(every):
    events = messages(*market(), b.add(3, BID, 91, 1), b.add(4, BID, 92, 1))
    late = messages(b.add(5, BID, 93, 1), b.add(6, BID, 94, 1))
    for number, one in enumerate(late):
        one["venue_ns"] = one["local_ns"] = 2_000 + STEP_NS * number
    tape = tape_of(*events, *late, instruments=[XYZ])
    given = Limits(symbols={"default": SymbolLimits(max_market_age="80 ns")})

    result = backtest(tape, strategy=scripted, params=script_of(QUOTES), every=every, limits=given)

    found = steps(result)
    assert [line[0] for line in found] == ["new", "new", "cancel", "cancel", "new", "new"]
    assert found[2][1] == found[3][1]
    assert 1_030 + 80 < found[2][1] <= 1_030 + 80 + 21  # at the next instant that is looked at
    assert found[4][1] >= 2_000


def test_a_gap_in_the_feed_pulls_the_quotes_until_a_snapshot_has_ended():
    gap, begun = b.event(Kind.GAP), b.event(Kind.SNAPSHOT_BEGIN)
    ended = b.event(Kind.SNAPSHOT_END)
    events = [*market(), still(), still(), gap, still(), begun, ended, still()]

    result = played(QUOTES, *events, max_market_age="1 s")

    found = steps(result)
    assert [line[0] for line in found] == ["new", "new", "cancel", "cancel", "new", "new"]
    assert {line[1] for line in found[2:4]} == {1_040}
    assert found[4][1] >= 1_070


def test_a_rate_refuses_the_orders_beyond_it_and_counts_them():
    lines = [wanted(BID, 95, 1, after=2, level=n) for n in range(3)]
    lines += [wanted(BID, 94, 1, after=3, level=n) for n in range(3)]
    rest = [b.add(3 + n, BID, 80 + n, 1) for n in range(5)]

    result = played(lines, *market(), *rest, order_rate="1 per s, burst 4")

    assert [line[0] for line in steps(result)].count("new") == 4
    assert refusals_of(result)[Status.MESSAGE_RATE] > 0


def test_a_cancel_beyond_its_reserve_is_asked_for_again_later():
    lines = [wanted(BID, 95, 1, after=2, until=3, level=n) for n in range(2)]
    rest = [still() for _ in range(10)]

    result = played(
        lines, *market(), *rest, order_rate="10 per s", cancel_rate="50_000 per s, burst 1"
    )

    found = steps(result)
    cancelled = [line for line in found if line[0] == "cancel"]
    assert len(cancelled) == 1  # 20 us would have to pass for the second
    assert refusals_of(result)[Status.MESSAGE_RATE] > 0


def test_market_maker_protection_cancels_at_a_venue_within_the_command():
    limits = Limits(symbols={"XYZ": SymbolLimits(protection="10 lots in 1 s")})
    venue = mmjit.Venue([XYZ, Instrument(symbol="ABC", price_unit="0.01")], limits=limits)
    for number in range(1, 4):
        venue.submit(number, BID, 100 - number, 5)
    venue.submit(9, BID, 100, 5, symbol=1)

    venue.submit(20, ASK, 98, 10, owner=None)

    open_orders = venue.arrays.ledger.positions["open_count"].tolist()
    assert open_orders == [0, 1]
    with pytest.raises(mmjit.RefusedError, match="protection"):
        venue.submit(30, BID, 90, 1)
    venue.tracker.acknowledge()
    venue.submit(30, BID, 90, 1)


def test_what_is_frozen_stays_so_when_a_state_is_reopened_under_other_limits(tmp_path):
    limits = Limits(symbols={"XYZ": SymbolLimits(max_fills="1 in 1 s")})
    room = Capacity(symbols=1, orders=64, pages=64, fills=64)
    with mmjit.create_state(tmp_path / "s", room) as state:
        venue = mmjit.Venue([XYZ], state, limits=limits)
        venue.submit(1, BID, 100, 5)
        venue.submit(2, ASK, 100, 1, owner=None)
        venue.submit(3, ASK, 100, 1, owner=None)

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state, limits=Limits())
        with pytest.raises(mmjit.RefusedError, match="repeated_execution"):
            venue.submit(6, BID, 90, 1)
        venue.tracker.acknowledge()
        venue.submit(6, BID, 90, 1)


def test_the_limits_in_force_are_shown_at_the_start_and_kept_with_the_run(tmp_path, capsys):
    tape = mmjit.simulate("cst", tmp_path / "tape", events=500, progress=False).path
    file = tmp_path / "limits.toml"
    file.write_text('[symbols.default]\nmax_long = "7 lots"\norder_rate = "9 per s, burst 3"\n')

    told = ["backtest", str(tape), "--limits", str(file), "--out", str(tmp_path / "out")]
    assert main(told) == 0

    shown = capsys.readouterr()
    assert "9 per s burst 3" in shown.err + shown.out
    kept = mmjit.read_run(tmp_path / "out").info["settings"]["limits"]["symbols"]["default"]
    assert (kept["max_long"], kept["order_rate"]) == ("7 lots", "9 per s burst 3")
