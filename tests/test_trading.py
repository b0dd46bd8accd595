"""Our orders in a recorded market, one scene a test; the naive twin plays every scene along."""

from typing import Any

import numpy as np
import pytest

from mmjit.backtesting import backtest
from mmjit.core import limits
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS, want
from mmjit.core.rules import parameters, strategy
from mmjit.instrument import Instrument
from mmjit.sessions import session_of
from mmjit.terms import Settings
from tests import builders as b
from tests.backtests import lines_of, messages, refusals_of, tape_of
from tests.builders import door
from tests.scripted import played, script_of, scripted, wanted

SYNTHETIC = int(Flag.SYNTHETIC)


def quiet() -> list[Any]:
    """Ten lots bid at 99 (order 1) and ten offered at 101 (order 2): events 0 and 1."""
    return [b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10)]


def still(symbol: int = 0) -> Any:
    """A message that changes nothing, so that time goes by."""
    return b.trade(100, 0, symbol=symbol)


def filled(result: Any) -> list[tuple[int, int, str]]:
    """Price, lots and role of every fill."""
    roles = ("taker", "maker")
    return [(f["price"], f["qty_lots"], roles[f["maker"]]) for f in lines_of(result.fills)]


def steps(result: Any, kind: Kind | None = None) -> list[tuple[str, int, int, int]]:
    """Kind, price, lots and what is left, of the steps of a kind or of all."""
    return [
        (Kind(s["kind"]).name.lower(), s["price"], s["qty_lots"], s["left_lots"])
        for s in lines_of(result.steps)
        if kind is None or s["kind"] == kind
    ]


def ahead(result: Any) -> list[int]:
    """The lots ahead of each order when it was entered."""
    return [s["ahead_lots"] for s in lines_of(result.steps) if s["kind"] == Kind.NEW]


# ---- executions behind ours -----------------------------------------------------------------


def test_an_execution_of_an_order_ahead_of_ours_does_not_fill_ours():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.execute(1, 10))

    assert filled(result) == []
    assert ahead(result) == [10]


def test_an_execution_of_an_order_behind_ours_fills_ours():
    events = [*quiet(), b.add(3, BID, 99, 20), b.execute(3, 4)]

    assert filled(played([wanted(BID, 99, 5, after=1)], *events)) == [(99, 4, "maker")]
    assert filled(played([wanted(BID, 99, 5, after=2)], *events)) == []


def test_an_order_is_filled_in_parts_and_never_for_more_than_is_left_of_it():
    behind = [b.add(3, BID, 99, 20), b.execute(3, 2), b.execute(3, 2), b.execute(3, 2)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *behind)

    assert filled(result) == [(99, 2, "maker"), (99, 2, "maker"), (99, 1, "maker")]
    assert steps(result)[:2] == [("new", 99, 5, 5), ("fill", 99, 2, 3)]


def test_an_execution_is_shared_over_our_orders_by_price_and_then_by_arrival():
    lines = [
        wanted(BID, 99, 3, level=1),
        wanted(BID, 100, 4, level=2),
        wanted(BID, 99, 5, level=0, after=2),
    ]
    behind = [b.add(3, BID, 99, 30), b.execute(3, 9)]
    result = played(lines, *quiet(), still(), still(), *behind)

    assert filled(result) == [(100, 4, "maker"), (99, 3, "maker"), (99, 2, "maker")]


def test_a_recorded_order_between_two_of_ours_fills_the_earlier_one_only():
    lines = [wanted(BID, 99, 3), wanted(BID, 99, 5, level=1, after=3)]
    events = [still(), b.add(3, BID, 99, 8), still(), b.execute(3, 8)]
    result = played(lines, *quiet(), *events)

    assert filled(result) == [(99, 3, "maker")]
    assert ahead(result) == [10, 18]


def test_an_execution_at_a_worse_price_fills_ours_at_our_price():
    result = played([wanted(BID, 100, 5)], *quiet(), still(), b.execute(1, 3))

    assert filled(result) == [(100, 3, "maker")]


def test_an_execution_at_a_better_price_does_not_fill_ours():
    result = played([wanted(BID, 98, 5)], *quiet(), still(), b.execute(1, 3))

    assert filled(result) == []


def test_an_execution_on_the_other_side_does_not_fill_ours():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.execute(2, 3))

    assert filled(result) == []


def test_an_execution_of_more_than_is_left_fills_ours_for_what_was_left():
    behind = [b.add(3, BID, 99, 4), b.execute(3, 10)]
    result = played([wanted(BID, 99, 9)], *quiet(), still(), *behind)

    assert filled(result) == [(99, 4, "maker")]
    assert result.anomalies == {"over_executed": 1}


def test_an_execution_that_no_order_takes_fills_nothing():
    result = played([wanted(BID, 99, 9)], *quiet(), still(), b.execute(7, 10))

    assert filled(result) == []
    assert result.anomalies == {"order_id_unknown": 1}


def test_an_execution_at_a_price_of_its_own_counts_where_its_order_rests():
    one = b.execute(1, 3, price=50, flags=int(Flag.OWN_PRICE))
    result = played([wanted(BID, 98, 5, until=1)], *quiet(), one)

    assert filled(result) == []


@pytest.mark.parametrize("leaves", [b.delete(1), b.execute(1, 10), b.replace(1, 5, 98, 10)])
def test_when_the_orders_ahead_have_gone_ours_is_first(leaves):
    behind = [b.add(3, BID, 99, 20), leaves, b.execute(3, 4)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *behind)

    assert filled(result) == [(99, 4, "maker")]


def test_an_order_ahead_that_is_cancelled_in_part_stays_ahead():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.reduce(1, 4), b.execute(1, 6))

    assert filled(result) == []


def test_an_order_ahead_that_is_replaced_at_its_price_goes_behind_ours():
    moved = [b.replace(1, 4, 99, 10), b.execute(4, 6)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *moved)

    assert filled(result) == [(99, 5, "maker")]


# ---- trades through, orders that cross ------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "fills"),
    [
        (BID, 98, [(99, 3, "maker")]),
        (BID, 99, []),
        (BID, 100, []),
        (ASK, 102, [(101, 3, "maker")]),
        (ASK, 101, []),
        (ASK, 100, []),
    ],
)
def test_a_trade_fills_ours_when_it_is_strictly_through_our_price(side, price, fills):
    ours = wanted(side, 99 if side == BID else 101, 5)
    result = played([ours], *quiet(), still(), b.trade(price, 3))

    assert filled(result) == fills


def test_a_trade_through_several_of_our_prices_is_shared_from_the_best():
    lines = [wanted(ASK, 101, 2), wanted(ASK, 102, 2, level=1), wanted(ASK, 104, 2, level=2)]
    result = played(lines, *quiet(), still(), b.trade(103, 3))

    assert filled(result) == [(101, 2, "maker"), (102, 1, "maker")]


@pytest.mark.parametrize(("price", "lots"), [(98, 3), (99, 3), (100, 0)])
def test_an_opposite_order_that_crosses_ours_fills_ours_for_at_most_its_quantity(price, lots):
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.add(3, ASK, price, 3))

    assert filled(result) == ([(99, 3, "maker")] if lots else [])


def test_an_order_that_is_replaced_across_ours_fills_ours():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.replace(2, 3, 98, 7))

    assert filled(result) == [(99, 5, "maker")]


def test_an_inferred_order_that_crosses_ours_fills_nothing():
    crossing = b.add(3, ASK, 98, 3, flags=SYNTHETIC)
    result = played([wanted(BID, 99, 5)], *quiet(), still(), crossing)

    assert filled(result) == []


def test_a_recorded_order_of_our_own_side_fills_nothing():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), b.add(3, BID, 100, 3))

    assert filled(result) == []


def test_what_a_crossing_order_gave_us_is_not_there_a_second_time():
    lines = [wanted(BID, 100, 4), wanted(BID, 100, 9, level=1, after=3)]
    result = played(lines, *quiet(), still(), b.add(3, ASK, 100, 6), still())

    assert filled(result) == [(100, 4, "maker"), (100, 2, "taker")]


def test_what_joins_a_level_is_there_for_us_beside_what_is_gone():
    lines = [wanted(BID, 100, 4, until=3), wanted(BID, 100, 20, level=1, after=4)]
    joining = [b.add(3, ASK, 100, 6), b.add(4, ASK, 100, 5), still()]
    result = played(lines, *quiet(), still(), *joining)

    assert filled(result) == [(100, 4, "maker"), (100, 7, "taker")]


# ---- an inferred order at our price ---------------------------------------------------------


def test_an_inferred_order_at_our_price_is_before_ours():
    shown = [b.add(3, BID, 99, 6, flags=SYNTHETIC), b.execute(3, 2)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *shown)

    assert filled(result) == []
    assert result.summary()["requeued"] == 1


def test_an_inferred_order_is_before_ours_and_later_ones_are_behind():
    shown = [b.add(3, BID, 99, 6, flags=SYNTHETIC), b.add(4, BID, 99, 6), b.execute(4, 2)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *shown)

    assert filled(result) == [(99, 2, "maker")]


def test_orders_of_ours_keep_their_turns_behind_an_inferred_order():
    lines = [wanted(BID, 99, 2, level=1), wanted(BID, 99, 5, after=2)]
    shown = [b.add(3, BID, 99, 6, flags=SYNTHETIC), b.add(4, BID, 99, 6), b.execute(4, 3)]
    result = played(lines, *quiet(), still(), still(), *shown)

    assert [fill["order_id"] for fill in lines_of(result.fills)] == [1, 2]
    assert filled(result) == [(99, 2, "maker"), (99, 1, "maker")]


def test_an_inferred_order_at_another_price_leaves_ours_where_it_is():
    shown = [b.add(3, BID, 98, 6, flags=SYNTHETIC), b.execute(3, 2)]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *shown)

    assert filled(result) == [(99, 2, "maker")]
    assert result.summary()["requeued"] == 0


# ---- orders that take -----------------------------------------------------------------------


def three_offers() -> list[Any]:
    """2 lots offered at 101, 3 at 102, 4 at 103; events 0 to 2."""
    return [b.add(1, ASK, 101, 2), b.add(2, ASK, 102, 3), b.add(3, ASK, 103, 4)]


SWEPT = [(101, 2, "taker"), (102, 3, "taker"), (103, 4, "taker")]


def test_an_order_takes_level_by_level_and_what_is_left_of_it_rests():
    lines = [wanted(BID, 103, 12, after=2)]
    result = played(lines, *three_offers(), still(), b.add(4, ASK, 103, 2))

    assert filled(result) == [*SWEPT, (103, 2, "maker")]
    assert steps(result) == [
        ("new", 103, 12, 12),  # every step names the price of the order
        ("fill", 103, 2, 10),
        ("fill", 103, 3, 7),
        ("fill", 103, 4, 3),
        ("fill", 103, 2, 1),
    ]


def test_an_order_takes_no_further_than_its_own_price():
    result = played([wanted(BID, 102, 12, after=2)], *three_offers(), still())

    assert filled(result) == SWEPT[:2]


def test_a_sale_takes_from_the_best_bid_down():
    bids = [b.add(1, BID, 99, 2), b.add(2, BID, 97, 3), b.add(3, BID, 98, 4)]
    result = played([wanted(ASK, 97, 8, after=2, until=3)], *bids, still())

    assert filled(result) == [(99, 2, "taker"), (98, 4, "taker"), (97, 2, "taker")]


def test_what_was_taken_is_gone_for_our_later_orders():
    lines = [
        wanted(BID, 102, 4, after=2, until=3),
        wanted(BID, 103, 9, after=3, level=1),
    ]
    result = played(lines, *three_offers(), still(), still())

    assert filled(result) == [
        (101, 2, "taker"),
        (102, 2, "taker"),
        (102, 1, "taker"),
        (103, 4, "taker"),
    ]


def test_what_was_taken_stays_gone_when_recorded_orders_leave_the_level():
    lines = [
        wanted(BID, 101, 6, after=1, until=2),
        wanted(BID, 101, 5, after=3, level=1),
    ]
    events = [still(), b.reduce(2, 7), still()]
    result = played(lines, *quiet(), *events)

    assert filled(result) == [(101, 6, "taker")]  # 3 of 10 are left, and 6 were ours


def test_a_recorded_order_that_joins_the_level_can_be_taken_and_no_more():
    lines = [
        wanted(BID, 101, 6, after=1, until=2),
        wanted(BID, 101, 20, after=3, level=1),
    ]
    events = [still(), b.add(3, ASK, 101, 1), still()]
    result = played(lines, *quiet(), *events)

    assert filled(result) == [(101, 6, "taker"), (101, 5, "taker")]


def test_a_recorded_order_at_another_price_refreshes_nothing():
    lines = [
        wanted(BID, 101, 6, after=1, until=2),
        wanted(BID, 101, 20, after=3, level=1),
    ]
    events = [still(), b.add(3, ASK, 102, 1), still()]
    result = played(lines, *quiet(), *events)

    assert filled(result) == [(101, 6, "taker"), (101, 4, "taker")]


def test_a_level_that_was_emptied_and_comes_back_is_there_in_full():
    lines = [
        wanted(BID, 101, 6, after=1, until=2),
        wanted(BID, 101, 20, after=4, level=1),
    ]
    events = [still(), b.delete(2), b.add(3, ASK, 101, 8), still()]
    result = played(lines, *quiet(), *events)

    assert filled(result) == [(101, 6, "taker"), (101, 8, "taker")]


def test_taking_from_one_symbol_leaves_the_other_alone():
    both = [b.add(k + 1, ASK, 101, 5, symbol=k) for k in (0, 1)]
    lines = [wanted(BID, 101, 5, symbol=k) for k in (0, 1)]
    result = played(lines, *both, still(), still(1))

    assert filled(result) == [(101, 5, "taker")] * 2


def test_all_fills_by_one_recorded_event_together_are_at_most_its_quantity():
    lines = [wanted(BID, 99 - k, 4, level=k) for k in range(4)]
    for one in (b.trade(90, 9), b.add(3, ASK, 90, 9), b.add(3, BID, 90, 9)):
        more = [b.execute(3, 9)] if one["side"] == BID and one["kind"] == Kind.ADD else []
        result = played(lines, *quiet(), still(), one, *more)

        assert sum(fill["qty_lots"] for fill in lines_of(result.fills)) == 9
        assert len({fill["event"] for fill in lines_of(result.fills)}) == 1


# ---- quoting --------------------------------------------------------------------------------


def test_an_order_at_the_wanted_price_is_kept_and_not_topped_up():
    behind = [b.add(3, BID, 99, 20), b.execute(3, 2), still(), still()]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *behind)

    assert steps(result) == [("new", 99, 5, 5), ("fill", 99, 2, 3)]


def test_an_order_that_was_filled_is_entered_anew():
    behind = [b.add(3, BID, 99, 20), b.execute(3, 5), still()]
    result = played([wanted(BID, 99, 5)], *quiet(), still(), *behind)

    assert steps(result) == [("new", 99, 5, 5), ("fill", 99, 5, 0), ("new", 99, 5, 5)]


def test_an_order_is_shrunk_in_place_when_less_is_wanted_than_is_left():
    lines = [wanted(BID, 99, 5, until=3), wanted(BID, 99, 2, after=3)]
    events = [still(), b.add(3, BID, 99, 9), still(), b.execute(3, 9)]
    result = played(lines, *quiet(), *events)

    assert steps(result)[:3] == [("new", 99, 5, 5), ("amend", 99, 3, 2), ("fill", 99, 2, 0)]


def test_an_order_is_replaced_when_more_is_wanted_than_before():
    lines = [wanted(BID, 99, 5, until=3), wanted(BID, 99, 6, after=3)]
    events = [still(), b.add(3, BID, 99, 9), still(), b.execute(3, 9)]
    result = played(lines, *quiet(), *events)

    assert steps(result) == [("new", 99, 5, 5), ("cancel", 99, 5, 0), ("new", 99, 6, 6)]
    assert ahead(result) == [10, 19]


def test_more_than_is_left_but_no_more_than_was_wanted_keeps_the_order():
    lines = [wanted(BID, 99, 5, until=5), wanted(BID, 99, 4, after=5)]
    events = [still(), b.add(3, BID, 99, 9), b.execute(3, 2), still(), still()]
    result = played(lines, *quiet(), *events)

    assert steps(result) == [("new", 99, 5, 5), ("fill", 99, 2, 3)]


def test_what_is_not_wanted_any_more_is_cancelled():
    result = played([wanted(BID, 99, 5, until=2)], *quiet(), still(), still())

    assert steps(result) == [("new", 99, 5, 5), ("cancel", 99, 5, 0)]


def test_everything_is_cancelled_before_anything_new_is_entered():
    lines = [
        wanted(BID, 99, 5, until=2),
        wanted(ASK, 101, 5, until=2),
        wanted(BID, 101, 1, after=2, until=3),
        wanted(ASK, 103, 1, after=2, until=3),
    ]
    result = played(lines, *quiet(), still(), still())

    assert [kind for kind, *_ in steps(result)][:5] == ["new", "new", "cancel", "cancel", "new"]
    assert refusals_of(result) == {}
    assert filled(result) == [(101, 1, "taker")]


def test_a_negative_quantity_cancels_what_rests_and_is_refused():
    lines = [wanted(BID, 99, 5, until=2), wanted(BID, 99, -3, after=2, until=3)]
    result = played(lines, *quiet(), still(), still())

    assert steps(result)[1:] == [("cancel", 99, 5, 0), ("reject", 99, -3, 0)]
    assert refusals_of(result) == {Status.QTY_NOT_POSITIVE: 1}


# ---- refusals -------------------------------------------------------------------------------


def refused(line: Any, *events: Any, **more: Any) -> dict[Status, int]:
    """How an order that is wanted once is refused."""
    events = (*quiet(), *(events or [still()]), still())
    line |= {"since": len(events) - 1, "until": len(events)}
    result = played([line, *more.pop("lines", [])], *events, **more)
    return refusals_of(result)


ONE = {"symbol": "ONE", "price_unit": "0.01"}


@pytest.mark.parametrize(("price", "status"), [(98, {}), (99, {Status.PRICE_OFF_TICK: 1})])
def test_a_price_off_the_tick_is_refused(price, status):
    instruments = [Instrument(**ONE, tick_table=((0, 2),))]

    assert refused(wanted(BID, price, 1), instruments=instruments) == status


@pytest.mark.parametrize(
    ("price", "status"),
    [(98, {}), (99, {}), (100, {}), (101, {Status.PRICE_OFF_TICK: 1}), (105, {})],
)
def test_the_tick_is_that_of_the_price(price, status):
    instruments = [Instrument(**ONE, tick_table=((0, 1), (100, 5)))]

    assert refused(wanted(ASK, price, 1), instruments=instruments) == status


@pytest.mark.parametrize(("price", "ok"), [(89, False), (90, True), (110, True), (111, False)])
def test_a_price_outside_the_bounds_of_the_instrument_is_refused(price, ok):
    side = BID if price < 100 else ASK
    instruments = [Instrument(**ONE, price_min=90, price_max=110)]
    expected = {} if ok else {Status.PRICE_OUT_OF_RANGE: 1}

    assert refused(wanted(side, price, 1), instruments=instruments) == expected


@pytest.mark.parametrize(("lots", "ok"), [(6, True), (7, True), (8, False)])
def test_an_order_larger_than_the_instrument_takes_is_refused(lots, ok):
    instruments = [Instrument(**ONE, qty_lots_max=7)]
    expected = {} if ok else {Status.QTY_TOO_LARGE: 1}

    assert refused(wanted(BID, 99, lots), instruments=instruments) == expected


@pytest.mark.parametrize(
    ("trading_status", "ok"),
    [
        (TradingStatus.TRADING, True),
        (TradingStatus.QUOTING, True),
        (TradingStatus.PAUSED, False),
        (TradingStatus.HALTED, False),
    ],
)
def test_a_halted_or_paused_symbol_takes_no_orders(trading_status, ok):
    expected = {} if ok else {Status.SYMBOL_HALTED: 1}

    assert refused(wanted(BID, 99, 5), b.status(trading_status)) == expected


def test_an_order_that_rests_when_its_symbol_is_halted_can_be_cancelled():
    halt = b.status(TradingStatus.HALTED)
    result = played([wanted(BID, 99, 5, until=3)], *quiet(), still(), halt, still())

    assert steps(result) == [("new", 99, 5, 5), ("cancel", 99, 5, 0)]


@pytest.mark.parametrize(
    ("side", "price", "ok"),
    [(BID, 98, True), (BID, 97, True), (BID, 96, False), (ASK, 102, True), (ASK, 104, True)],
)
def test_on_a_level_limited_tape_only_the_levels_that_it_shows_take_orders(side, price, ok):
    more = [b.add(3, BID, 97, 1), b.add(4, ASK, 103, 1)]
    more += [b.add(5, BID, 100, 1), b.delete(4)]  # three bids, one offer: that side is not full
    expected = {} if ok else {Status.OUTSIDE_WINDOW: 1}

    assert refused(wanted(side, price, 1), *more, window_levels=3) == expected


@pytest.mark.parametrize(
    ("side", "price", "ok"),
    [(BID, 97, True), (BID, 96, False), (BID, 1, False), (ASK, 103, True), (ASK, 104, False)],
)
def test_levels_that_a_window_left_behind_do_not_make_it_wider(side, price, ok):
    more = [b.add(10 + k, BID, 98 - k, 1) for k in range(5)]
    more += [b.add(20 + k, ASK, 102 + k, 1) for k in range(5)]
    expected = {} if ok else {Status.OUTSIDE_WINDOW: 1}

    assert refused(wanted(side, price, 1), *more, window_levels=3) == expected


@pytest.mark.parametrize(("price", "ok"), [(99, True), (100, False), (101, False)])
def test_an_order_that_would_meet_one_of_ours_is_refused(price, ok):
    lines = [wanted(ASK, 100, 5)]
    expected = {} if ok else {Status.SELF_CROSS: 1}

    assert refused(wanted(BID, price, 1), still(), still(), lines=lines) == expected


@pytest.mark.parametrize(("more", "ok"), [(0, True), (1, False)])
def test_a_position_that_could_not_be_counted_exactly_is_refused(more, ok):
    instruments = [Instrument(**ONE, price_max=1 << 31)]
    tape = played([], *quiet(), still(), instruments=instruments).tape
    lines = [wanted(BID, 99, 1 << 28), wanted(BID, 98, (1 << 28) + more, level=1)]

    result = backtest(tape, strategy=scripted, params=script_of(lines), every="10ns")

    worst = (1 << 29) * (1 << 31)  # all of it, at the highest price there could be
    assert worst == MONEY_MAX
    assert refusals_of(result) == ({} if ok else {Status.NOTIONAL_TOO_LARGE: 1})


@door
def fits_account(desk, qty_lots):  # type: ignore[no-untyped-def]
    return limits.fits_account(desk.ledger, desk.book.symbols[0], 0, 0, qty_lots)


@pytest.mark.parametrize(
    ("name", "most"), [("fees_pico", 2 * MONEY_MAX), ("cash", MONEY_MAX), ("realised", MONEY_MAX)]
)
def test_fees_and_money_that_could_pass_what_is_counted_exactly_stop_new_orders(name, most):
    tape = played([], *quiet()).tape
    desk = session_of(tape, Settings()).desk.bundle
    price_max = (1 << 31) - 1
    for sign in (1, -1):
        desk.ledger.positions[name] = sign * (most - (0 if name == "fees_pico" else price_max))
        assert fits_account(desk, 1)
        desk.ledger.positions[name] += sign
        assert not fits_account(desk, 1)


def test_a_refusal_is_logged_with_what_was_wanted_and_why():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), max_long=4)

    [line] = lines_of(result.steps)
    assert (line["kind"], line["status"]) == (Kind.REJECT, Status.MAX_LONG)
    assert (line["order_id"], line["price"], line["qty_lots"]) == (0, 99, 5)
    assert result.summary()["refused"] == {"max_long": 1}
    assert result.summary()["orders"] == 0


# ---- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "ok"), [(4, False), (5, True), (6, True), (0, False)])
@pytest.mark.parametrize("name", ["max_long", "max_short", "max_position"])
def test_an_order_passes_at_the_limit_and_not_above_it(name, limit, ok):
    side = ASK if name == "max_short" else BID
    price = 101 if side == ASK else 99
    expected = {} if ok else {Status[name.upper()]: 1}

    assert refused(wanted(side, price, 5), **{name: limit}) == expected


@pytest.mark.parametrize("name", ["max_long", "max_short"])
def test_a_limit_of_one_side_leaves_the_other_alone(name):
    side = BID if name == "max_short" else ASK

    assert refused(wanted(side, 99 if side == BID else 101, 5), **{name: 0}) == {}


@pytest.mark.parametrize(("lots", "ok"), [(2, True), (3, True), (4, False)])
@pytest.mark.parametrize(("side", "name"), [(BID, "max_long"), (ASK, "max_short")])
def test_open_orders_count_towards_a_limit(side, name, lots, ok):
    price = 99 if side == BID else 101
    lines = [wanted(side, price, 7)]
    events = [still(), still()]
    expected = {} if ok else {Status[name.upper()]: 1}

    line = wanted(side, price, lots, level=1)
    assert refused(line, *events, lines=lines, **{name: 10}) == expected


@pytest.mark.parametrize(("lots", "ok"), [(5, True), (6, True), (7, False)])
@pytest.mark.parametrize(("side", "name"), [(BID, "max_long"), (ASK, "max_short")])
def test_what_is_held_counts_towards_a_limit(side, name, lots, ok):
    price, far = (99, 101) if side == BID else (101, 99)
    lines = [wanted(side, far, 4, until=2)]  # taken at once
    expected = {} if ok else {Status[name.upper()]: 1}

    line = wanted(side, price, lots, level=1)
    assert refused(line, still(), lines=lines, **{name: 10}) == expected


@pytest.mark.parametrize(("lots", "ok"), [(13, True), (14, True), (15, False)])
def test_a_position_the_other_way_leaves_more_room(lots, ok):
    lines = [wanted(ASK, 99, 4, until=2)]
    expected = {} if ok else {Status.MAX_LONG: 1}

    line = wanted(BID, 98, lots, level=1)
    assert refused(line, still(), lines=lines, max_long=10) == expected


@pytest.mark.parametrize(("lots", "ok"), [(2, True), (3, True), (4, False)])
def test_max_position_is_the_sum_over_symbols_of_the_worst_that_open_orders_lead_to(lots, ok):
    books = [b.add(1, BID, 99, 9), b.add(2, BID, 99, 9, symbol=1)]
    lines = [
        wanted(BID, 98, 4, symbol=0),
        wanted(ASK, 105, 7, symbol=0),
        wanted(BID, 98, lots, symbol=1, after=2, until=3),
    ]
    times = [still(), still(1), still(), still(1)]
    result = played(lines, *books, *times, max_position=10)

    assert refusals_of(result, 0) == {}
    assert refusals_of(result, 1) == ({} if ok else {Status.MAX_POSITION: 1})


def test_an_order_that_adds_nothing_to_its_symbols_worst_passes_above_the_limit():
    lines = [
        wanted(BID, 98, 10, level=0),
        wanted(BID, 97, 1, level=1),
        wanted(ASK, 105, 10),
        wanted(ASK, 106, 1, level=1),
    ]
    result = played(lines, *quiet(), still(), max_position=10)

    assert steps(result) == [
        ("new", 98, 10, 10),
        ("reject", 97, 1, 0),
        ("new", 105, 10, 10),
        ("reject", 106, 1, 0),
    ]
    assert refusals_of(result) == {Status.MAX_POSITION: 2}


def test_a_cancelled_order_gives_its_room_back():
    lines = [wanted(BID, 99, 5, until=2), wanted(BID, 98, 5, level=1, after=2)]
    result = played(lines, *quiet(), still(), still(), max_long=5, max_position=5)

    assert refusals_of(result) == {}
    assert result.ledger.accounts[0]["exposure_lots"] == 5


# ---- when the rule is asked -----------------------------------------------------------------


def asked(every: str, *events: Any, lines: Any = ()) -> int:
    return int(played(list(lines), *events, every=every).run["decision_count"])


def test_on_change_the_rule_is_asked_after_each_message_that_changed_a_best():
    deeper = [b.add(3, BID, 98, 1), b.add(4, BID, 99, 1), b.trade(99, 5), b.delete(3)]

    assert asked("change", *quiet(), *deeper) == 3


def test_a_change_of_the_count_at_the_best_alone_is_a_change():
    swapped = [b.replace(1, 3, 98, 4), b.add(4, BID, 99, 6), b.replace(3, 5, 99, 4)]

    assert asked("change", b.add(1, BID, 99, 10), *swapped) == 4


def test_a_fill_of_ours_that_leaves_the_bests_alone_is_a_change():
    lines = [wanted(BID, 99, 5, after=0)]

    assert asked("change", *quiet(), b.trade(98, 2), b.trade(98, 2), lines=lines) == 4


def test_a_message_of_several_events_is_one_change():
    events = [b.add(1, BID, 99, 1), b.add(2, BID, 98, 1), b.add(3, ASK, 101, 1)]
    for place, one in enumerate(events):
        one["venue_ns"] = 1000
        one["flags"] = Flag.LAST if place == 2 else 0

    result = backtest(tape_of(*events), strategy=scripted, every="change")

    assert result.run["decision_count"] == 1


def test_on_fills_the_rule_is_asked_once_to_begin_with_and_then_after_fills():
    lines = [wanted(BID, 99, 5, after=-1)]
    events = [b.trade(98, 2), b.add(3, BID, 100, 1), b.trade(98, 1), b.trade(99, 1)]

    assert asked("fill", *quiet(), *events, lines=lines) == 3


def test_at_an_interval_the_clock_is_the_instant_and_the_book_is_that_before_it():
    lines = [wanted(BID, 99, 5, after=1)]
    result = played(lines, *quiet(), still())

    [line] = lines_of(result.steps)
    assert line["venue_ns"] == 1020
    assert line["event"] == 1


def test_an_event_at_the_very_instant_comes_after_the_decision():
    events = [b.add(1, BID, 99, 10), b.add(2, BID, 100, 5)]
    for one, venue_ns in zip(events, (1004, 1010), strict=True):
        one["venue_ns"], one["flags"] = venue_ns, Flag.LAST
    params = script_of([wanted(BID, 99, 5, after=0)])

    result = backtest(tape_of(*events), strategy=scripted, every="10ns", params=params)

    assert [(s["venue_ns"], s["ahead_lots"]) for s in lines_of(result.steps)] == [(1010, 10)]


def test_after_a_long_silence_the_rule_is_asked_once_at_the_first_instant_that_was_due():
    events = [b.add(1, BID, 99, 10), b.add(2, BID, 98, 5), b.add(3, BID, 97, 5)]
    for one, venue_ns in zip(events, (1004, 1975, 1984), strict=True):
        one["venue_ns"], one["flags"] = venue_ns, Flag.LAST
    lines = [wanted(BID, 99, 5, after=0, until=1), wanted(BID, 98, 5, after=96)]

    tape = tape_of(*events)
    result = backtest(tape, strategy=scripted, every="10ns", params=script_of(lines))

    assert result.run["decision_count"] == 3
    assert [s["venue_ns"] for s in lines_of(result.steps)] == [1010, 1980, 1980]


def test_every_symbol_is_asked_at_an_instant_whichever_the_next_event_is_of():
    books = [b.add(1, BID, 99, 9), b.add(2, BID, 99, 9, symbol=1)]
    lines = [wanted(BID, 98, 5, symbol=k, after=3) for k in (0, 1)]
    result = played(lines, *books, still(1), still(1), still(1))

    told = [(s["venue_ns"], s["symbol"], s["event"]) for s in lines_of(result.steps)]
    assert told == [(1040, 0, 3), (1040, 1, 3)]
    assert result.run["decision_count"] == 2 + 1 + 2 + 2 + 2


def test_nothing_is_asked_before_there_is_a_book():
    result = played([wanted(BID, 99, 5, after=-1)], b.trade(100, 5), b.status(1), b.trade(100, 5))

    assert result.run["decision_count"] == 0


# ---- money ----------------------------------------------------------------------------------


def test_makers_and_takers_pay_their_own_fees_rounded_up_for_each_fill():
    lines = [wanted(BID, 101, 5, until=2), wanted(ASK, 102, 4, after=2, until=3)]
    fees = {"maker_fee": "-0.0001", "taker_fee": "0.0003"}
    result = played(lines, *quiet(), still(), b.trade(103, 3), **fees)

    assert filled(result) == [(101, 5, "taker"), (102, 3, "maker")]
    pico = 10**12
    bought, sold = 5 * 101 * pico // 100, 3 * 102 * pico // 100
    assert result.fills["fee_pico"].tolist() == [bought * 3 // 10**4, -sold // 10**4]


def test_a_fee_that_is_no_whole_number_is_rounded_against_us():
    instruments = [Instrument(symbol="ONE", price_unit="0.000000000001")]
    lines = [wanted(BID, 101, 5, until=2)]
    result = played(lines, *quiet(), still(), taker_fee="0.5", instruments=instruments)

    assert result.fills["fee_pico"].tolist() == [253]  # 252.5


def test_a_position_is_marked_to_the_mid_and_its_drawdown_followed():
    lines = [wanted(BID, 101, 5, until=2)]
    moves = [b.add(3, BID, 100, 1), b.delete(3), b.delete(2), b.add(4, ASK, 102, 1)]
    result = played(lines, *quiet(), still(), *moves)

    position = result.positions[0]
    assert position["mark_twice"] == 99 + 102
    assert position["equity_twice"] == 5 * (201 - 202)
    assert position["drawdown_twice"] == 5 * 2  # at a mid of 100
    assert result.summary()["max_drawdown"] == 0.05


def test_while_there_is_no_mid_the_last_mark_stands():
    lines = [wanted(BID, 101, 5, until=2)]
    result = played(lines, *quiet(), still(), b.delete(1), b.delete(2))

    assert result.positions[0]["mark_twice"] == 200


def test_the_first_fill_without_a_mid_is_marked_at_its_price():
    lines = [wanted(BID, 101, 5, after=0, until=1)]
    result = played(lines, b.add(2, ASK, 101, 10), still())

    assert result.positions[0]["mark_twice"] == 202
    assert result.summary()["pnl_net"] == 0


def test_a_cleared_book_leaves_our_orders_and_what_we_hold():
    lines = [wanted(BID, 101, 12)]
    result = played(lines, *quiet(), still(), b.clear(), b.add(3, ASK, 101, 3))

    assert filled(result) == [(101, 10, "taker"), (101, 2, "maker")]
    assert result.positions[0]["position_lots"] == 12


# ---- dirt -----------------------------------------------------------------------------------


@pytest.mark.parametrize("handle", [-1, 2, 1 << 20, (1 << 31) - 1, -(1 << 31)])
def test_a_handle_outside_the_tapes_region_is_counted_and_nothing_else(handle):
    tape = played([], *quiet(), *(b.reduce(2, 0) for _ in range(40))).tape
    assert set(tape.events["level"][2:]) == {Status.QTY_NOT_POSITIVE}
    tape.events["level"][30] = 0
    tape.events["handle"][30] = handle

    result = backtest(tape, strategy=scripted)

    assert result.anomalies == {"qty_not_positive": 39, "order_id_unknown": 1}


@pytest.mark.parametrize("symbol", [-1, 1, 1 << 20])
def test_an_event_of_no_symbol_of_the_tape_is_counted_and_nothing_else(symbol):
    tape = played([], *quiet(), still()).tape
    tape.events["symbol"][2] = symbol

    result = backtest(tape, strategy=scripted)

    assert result.anomalies == {"symbol_unknown": 1}


def test_a_clock_that_goes_back_does_not_take_us_back():
    result = played([wanted(BID, 99, 5)], *quiet(), still(), still())
    late = result.tape.events.copy()
    late["venue_ns"][3] = 7
    object.__setattr__(result.tape, "events", late)

    again = backtest(result.tape, strategy=scripted, every="10ns")

    assert again.run["now_ns"] == 1025
    assert np.all(np.diff(again.steps["venue_ns"]) >= 0)


@strategy(params=parameters(side=0, level=0))
def misplaced(desk, params, memory, quotes):
    """Want an order at a place of the test's choice, and one at a place that there is."""
    want(quotes, params["side"], params["level"], 100, 1)
    want(quotes, ASK, QUOTE_LEVELS - 1, 300, 2)


@pytest.mark.parametrize(
    ("side", "level", "known"),
    [(0, 7, True), (1, 0, True), (0, 8, False), (0, -1, False), (2, 0, False), (-1, 3, False)],
)
def test_a_quote_that_there_is_no_place_for_is_refused_and_touches_nothing(side, level, known):
    tape = tape_of(*messages(b.add(1, BID, 90, 5), b.add(2, ASK, 400, 5)))

    result = backtest(tape, strategy=misplaced, params={"side": side, "level": level})

    entered = result.steps[result.steps["kind"] == Kind.NEW]
    refused = {} if known else {Status.QUOTE_UNKNOWN: 2}
    assert refusals_of(result) == refused
    assert sorted(entered["price"].tolist()) == ([100, 300] if known else [300])
