"""Accounts: fills, marks and what they come to, losses that latch, and the kill switch."""

from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core import ledger as kernels
from mmjit.core import switches
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID, NIL, Marking, Mode, Status
from mmjit.core.ledger import UNLIMITED
from tests import builders as b
from tests import ledgers as led
from tests.builders import door
from tests.ledgers import PICO, earn, ledger_with, limit_losses, mark, money, record, standing
from tests.naive_account import NaivePosition, fee_on

NORMAL = (Mode.NORMAL, Status.OK)
LOST = (Mode.REDUCE_ONLY, Status.MAX_DAILY_LOSS)
FALLEN = (Mode.REDUCE_ONLY, Status.MAX_DRAWDOWN)
FROZEN = (Mode.FROZEN, Status.KILL_SWITCH)


@door
def open_more(ledger, place, qty_lots):  # type: ignore[no-untyped-def]
    """Open lots at owner, symbol and side."""
    kernels.open_more(ledger, place[0], place[1], place[2], qty_lots)


@door
def count_open(ledger, owner, symbol, change):  # type: ignore[no-untyped-def]
    kernels.count_open(ledger, owner, symbol, change)


@door
def take_fill(ledger, place, price, qty_lots, maker):  # type: ignore[no-untyped-def]
    return kernels.take_fill(ledger, place[0], place[1], place[2], price, qty_lots, maker, 0)


@door
def mark_of(book, ledger, owner, symbol):  # type: ignore[no-untyped-def]
    return kernels.mark_of(book, ledger, owner, symbol)


def place(owner: int, symbol: int, side: int) -> Any:
    return np.array([owner, symbol, side], np.int64)


# ---- an empty ledger ------------------------------------------------------------------------


# Of a limit that is not set: what goes with it, and bits of which none is there.
ZERO_AT_FIRST = (
    *("restricted", "collar_one_sided", "margin_bps", "watches"),
    *("order_burst", "cancel_burst", "repeat_ns", "fill_ns", "protect_ns", "freeze_ns"),
    *("pad", "pad2", "pad3", "pad4", "pad5"),
)


def test_a_new_ledger_limits_nothing_and_holds_nothing():
    ledger = ledger_with(accounts=2, symbols=2, currencies=2)

    for name in ledger.limits.dtype.names:
        assert set(ledger.limits[name]) == ({0} if name in ZERO_AT_FIRST else {UNLIMITED})
    for name in led.LOSSES:
        assert set(ledger.totals[f"{name}_units"]) == {UNLIMITED}
    assert set(ledger.accounts["max_position"]) == {UNLIMITED}
    assert set(ledger.accounts["max_open_orders"]) == {UNLIMITED}
    assert set(ledger.accounts["first_own"]) == set(ledger.accounts["last_own"]) == {NIL}
    assert standing(ledger, 1) == NORMAL


# ---- orders and fills -----------------------------------------------------------------------


def test_open_lots_count_for_their_position_and_in_the_exposure_of_the_account():
    ledger = ledger_with(accounts=2, symbols=2)

    open_more(ledger, place(1, 0, BID), 5)
    open_more(ledger, place(1, 0, ASK), 8)
    open_more(ledger, place(1, 1, BID), 3)
    open_more(ledger, place(1, 0, ASK), -2)

    assert ledger.positions["open_buy_lots"].tolist() == [0, 0, 5, 3]
    assert ledger.positions["open_sell_lots"].tolist() == [0, 0, 6, 0]
    assert ledger.accounts["exposure_lots"].tolist() == [0, 6 + 3]


def test_orders_that_rest_are_counted_by_symbol_and_by_account():
    ledger = ledger_with(accounts=2, symbols=2)

    count_open(ledger, 1, 0, 1)
    count_open(ledger, 1, 1, 2)
    count_open(ledger, 1, 0, -1)

    assert ledger.positions["open_count"].tolist() == [0, 0, 0, 2]
    assert ledger.accounts["open_count"].tolist() == [0, 2]


def test_a_fill_leaves_what_is_open_and_keeps_the_exposure_of_its_own_direction():
    ledger = ledger_with()
    open_more(ledger, place(0, 0, BID), 10)

    take_fill(ledger, place(0, 0, BID), 100, 4, 1)

    position = ledger.positions[0]
    assert (position["position_lots"], position["open_buy_lots"]) == (4, 6)
    assert ledger.accounts[0]["exposure_lots"] == 10
    open_more(ledger, place(0, 0, BID), -6)
    assert ledger.accounts[0]["exposure_lots"] == 4


@pytest.mark.parametrize(("maker", "fee_pico"), [(1, -20), (0, 610)])
def test_a_fill_pays_the_fee_of_its_role_at_once(maker, fee_pico):
    ledger = ledger_with(maker_fee=-2, taker_fee=61, fee_scale=20, point_pico=PICO)
    open_more(ledger, place(0, 0, ASK), 2)

    assert take_fill(ledger, place(0, 0, ASK), 100, 2, maker) == fee_pico
    assert ledger.positions[0]["fees_pico"] == fee_pico
    assert money(ledger, "equity") == Fraction(-fee_pico, PICO)


def test_a_fee_is_on_what_an_inverse_contract_is_worth():
    ledger = ledger_with(taker_fee=1, fee_scale=2000, inverse_pico=100 * PICO, point_pico=1)

    line = record(ledger, BID, 10_104, 10)

    notional = Fraction(1000, 10_104)  # 0.0989707 BTC
    assert line["fee_pico"] == ceil(int(notional * PICO) / 2000)


def test_a_position_is_marked_at_its_first_fill_but_nothing_is_earned_before_a_mark():
    ledger = ledger_with()

    record(ledger, BID, 100, 5)
    record(ledger, BID, 110, 5)

    assert ledger.positions[0]["mark_twice"] == 200
    assert money(ledger, "equity") == 0
    mark(ledger, 110)
    assert money(ledger, "equity") == 50


def test_each_account_symbol_and_currency_keeps_to_its_own_row():
    ledger = ledger_with(accounts=3, symbols=2, currencies=2)
    ledger.terms["currency"] = [1, 0]

    record(ledger, BID, 10, 1, owner=2, symbol=0)
    record(ledger, BID, 20, 1, owner=1, symbol=1)
    mark(ledger, 13, owner=2, symbol=0)
    mark(ledger, 25, owner=1, symbol=1)

    assert ledger.positions["position_lots"].tolist() == [0, 0, 0, 1, 1, 0]
    assert [money(ledger, "equity", row) for row in range(6)] == [0, 0, 5, 0, 0, 3]


def test_a_line_of_a_fill_is_completed_with_its_fee_and_the_position_after_it():
    ledger = ledger_with(maker_fee=3, taker_fee=7)
    lines = np.concatenate([led.filled(BID, 10, 5, maker=1), led.filled(ASK, 10, 7)])

    assert led.record_fills(ledger, lines) == 2

    assert lines["fee_pico"].tolist() == [150, 490]
    assert lines["position_lots"].tolist() == [5, -2]
    assert ledger.accounts[0]["exposure_lots"] == 2


BAD_FILLS = [
    ({"owner": -1}, Status.ACCOUNT_UNKNOWN),
    ({"owner": 1}, Status.ACCOUNT_UNKNOWN),
    ({"symbol": -1}, Status.SYMBOL_UNKNOWN),
    ({"symbol": 1}, Status.SYMBOL_UNKNOWN),
    ({"side": 2}, Status.SIDE_UNKNOWN),
    ({"side": -1}, Status.SIDE_UNKNOWN),
    ({"qty_lots": 0}, Status.QTY_NOT_POSITIVE),
    ({"qty_lots": -1}, Status.QTY_NOT_POSITIVE),
    ({"price": MONEY_MAX // 5 + 1}, Status.NOTIONAL_TOO_LARGE),
    ({"price": -MONEY_MAX // 5 - 1}, Status.NOTIONAL_TOO_LARGE),
]


@pytest.mark.parametrize(("fields", "status"), BAD_FILLS, ids=str)
def test_a_fill_that_cannot_be_taken_is_named_and_leaves_no_trace(fields, status):
    ledger = ledger_with(point_pico=1)
    bad = led.filled(**{"side": BID, "price": 10, "qty_lots": 5} | fields)
    before = [array.tobytes() for array in ledger]

    assert led.fill_status(ledger, bad, 0) == status
    assert led.record_fills(ledger, bad) == 0
    assert [array.tobytes() for array in ledger] == before
    lines = np.concatenate([led.filled(BID, 10, 1), bad])
    assert led.record_fills(ledger, lines) == 1


def test_an_inverse_contract_has_no_price_below_one():
    ledger = ledger_with(inverse_pico=PICO, point_pico=1)

    assert led.fill_status(ledger, led.filled(BID, 0, 1), 0) == Status.PRICE_OUT_OF_RANGE
    assert led.fill_status(ledger, led.filled(BID, 1, 1), 0) == Status.OK
    assert kernels.mark_at(ledger, 0, 0, 1, 0) == Status.PRICE_OUT_OF_RANGE
    assert kernels.mark_at(ledger, 0, 0, 2, 0) == Status.OK


def test_a_mark_that_could_not_be_counted_exactly_is_refused():
    ledger = ledger_with(point_pico=1)
    record(ledger, BID, 0, 2)

    for twice, status in [(MONEY_MAX, Status.OK), (MONEY_MAX + 1, Status.NOTIONAL_TOO_LARGE)]:
        assert kernels.mark_at(ledger, 0, 0, twice, 0) == status
        assert kernels.mark_at(ledger, 0, 0, -twice, 0) == status


# ---- what it comes to -----------------------------------------------------------------------


@st.composite
def lives(draw: Any) -> Any:
    """Two symbols of one currency, and fills and marks as large as fits."""
    point_pico = draw(st.sampled_from([1, 7, 10**8, PICO, 10**15]))
    rate = draw(st.integers(-min(point_pico, 999), min(point_pico, 999)))
    most = min(MONEY_MAX // (abs(rate) + 1), (PICO << 58) // point_pico) // 3
    events, held, spent = [], [0, 0], [0, 0]
    for _ in range(draw(st.integers(1, 12))):
        symbol = draw(st.sampled_from([0, 1]))
        price = draw(st.sampled_from([1, 3, 10_000]))
        left = (most - spent[symbol]) // 10_000 - abs(held[symbol])
        lots = min(left, draw(st.integers(1, 3) | st.integers(1, max(1, left))))
        if lots > 0 and draw(st.booleans()):
            side = draw(st.sampled_from([BID, ASK]))
            held[symbol] += lots if side == BID else -lots
            spent[symbol] += price * lots
            events.append(("fill", symbol, side, price, lots))
        events.append(("mark", symbol, draw(st.integers(-20_000, 20_000))))
    return point_pico, rate, events


@given(lives())
@example((PICO, 0, [("fill", 0, 0, 1, 1), ("mark", 0, 1), ("fill", 1, 1, 1, 1), ("mark", 1, 5)]))
def test_a_total_is_exactly_what_its_positions_come_to(life):
    point_pico, rate, events = life
    ledger = ledger_with(symbols=2, taker_fee=rate, point_pico=point_pico)
    naive = [NaivePosition(), NaivePosition()]
    equity = peak = drawdown = Fraction(0)

    for what, symbol, *values in events:
        if what == "fill":
            record(ledger, *values, symbol=symbol)
            side, price, lots = values
            naive[symbol].fill(side, price, lots, fee_on(price * lots, Fraction(rate)))
            naive[symbol].mark(naive[symbol].mark_twice, point_pico)
            mark(ledger, Fraction(naive[symbol].mark_twice, 2), symbol=symbol)
        else:
            naive[symbol].mark(values[0], point_pico)
            mark(ledger, Fraction(values[0], 2), symbol=symbol)
        worth = sum(one.worth for one in naive)
        equity = worth * Fraction(point_pico, PICO) - Fraction(
            sum(one.fees_pico for one in naive), PICO
        )
        peak = max(peak, equity)
        drawdown = max(drawdown, peak - equity)
        seen = tuple(money(ledger, name) for name in ("equity", "peak", "drawdown"))
        assert seen == (equity, peak, drawdown)


# ---- marks ----------------------------------------------------------------------------------


def marked(marking: Marking, side: int = BID, **sides: Any) -> Fraction:
    """Where a book marks a position of one lot, opened at 50 after bids and asks came to rest."""
    book = b.tiny_book()
    b.rest(book, BID, **sides.get("bids", {}))
    b.rest(book, ASK, **sides.get("asks", {}))
    if "last" in sides:
        b.send(book, b.trade(sides["last"], 1))
    ledger = ledger_with(marking=marking)
    record(ledger, side, 50, 1)
    return Fraction(int(mark_of(book, ledger, 0, 0)), 2)


BOTH = {"bids": {"t99": [1]}, "asks": {"t102": [1]}}


def test_a_position_is_marked_to_the_mid_while_there_is_one():
    assert marked(Marking.MID, **BOTH) == Fraction(201, 2)
    assert marked(Marking.MID, bids=BOTH["bids"], last=7) == 50
    assert marked(Marking.MID, asks=BOTH["asks"], last=7) == 50
    for ask in ("t99", "t98"):
        assert marked(Marking.MID, bids=BOTH["bids"], asks={ask: [1]}) == 50


def test_a_position_is_marked_to_the_last_trade_once_there_was_one():
    assert marked(Marking.LAST, **BOTH) == 50
    assert marked(Marking.LAST, **BOTH, last=97) == 97
    assert marked(Marking.LAST, last=0) == 0
    assert marked(Marking.LAST, last=b.PRICE_MAX + 1) == 50  # at no price of the book


def test_a_position_is_marked_to_where_it_could_be_closed():
    assert marked(Marking.LIQUIDATION, BID, **BOTH) == 99
    assert marked(Marking.LIQUIDATION, ASK, **BOTH) == 102
    assert marked(Marking.LIQUIDATION, BID, asks=BOTH["asks"]) == 50
    assert marked(Marking.LIQUIDATION, ASK, bids=BOTH["bids"]) == 50


def test_nothing_held_keeps_its_mark_where_it_would_be_closed():
    ledger = ledger_with(marking=Marking.LIQUIDATION)
    book = b.tiny_book()
    b.rest(book, BID, t99=[1])
    record(ledger, BID, 50, 1)
    record(ledger, ASK, 60, 1)

    assert mark_of(book, ledger, 0, 0) == 100


# ---- losses ---------------------------------------------------------------------------------


def holding_one(**limits: Any) -> Any:
    """An account that holds one lot, bought at 0: its equity is its mark."""
    ledger = ledger_with()
    limit_losses(ledger, **limits)
    record(ledger, BID, 0, 1)
    return ledger


EPSILON = Fraction(1, 2 * PICO)  # the smallest amount there is


@pytest.mark.parametrize(
    ("limit", "state"), [(5 - EPSILON, LOST), (5, LOST), (5 + EPSILON, NORMAL), (0, LOST)]
)
def test_the_daily_loss_trips_when_it_is_reached(limit, state):
    ledger = holding_one(max_daily_loss=limit)

    earn(ledger, -5, now_ns=77)

    assert standing(ledger) == state
    account = ledger.accounts[0]
    tripped = state == LOST
    assert account["trip_count"] == account["attention"] == int(tripped)
    assert account["tripped_ns"] == (77 if tripped else 0)


@pytest.mark.parametrize(
    ("limit", "state"), [(5 - EPSILON, FALLEN), (5, FALLEN), (5 + EPSILON, NORMAL)]
)
def test_the_drawdown_trips_when_it_is_reached_from_the_peak(limit, state):
    ledger = holding_one(max_drawdown=limit)

    earn(ledger, 3)
    assert standing(ledger) == NORMAL
    earn(ledger, -2)

    assert standing(ledger) == state


@pytest.mark.parametrize("name", led.LOSSES)
def test_a_loss_limit_of_nothing_trips_at_the_first_mark_without_a_gain(name):
    ledger = holding_one(**{name: 0})

    if name == "max_daily_loss":
        earn(ledger, 1)
        assert standing(ledger) == NORMAL
    earn(ledger, 0)

    assert standing(ledger)[0] == Mode.REDUCE_ONLY


@given(
    st.lists(st.integers(-40, 40), min_size=1, max_size=12), st.integers(0, 30), st.integers(0, 30)
)
def test_the_first_loss_limit_that_is_reached_is_latched(equities, daily, drawdown):
    ledger = holding_one(max_daily_loss=Fraction(daily, 2), max_drawdown=Fraction(drawdown, 2))
    peak, expected = Fraction(0), NORMAL

    for now_ns, twice in enumerate(equities):
        equity = Fraction(twice, 2)
        earn(ledger, equity, now_ns)
        peak = max(peak, equity)
        if expected == NORMAL and -equity >= Fraction(daily, 2):
            expected, when = LOST, now_ns
        elif expected == NORMAL and peak - equity >= Fraction(drawdown, 2):
            expected, when = FALLEN, now_ns
        assert standing(ledger) == expected
        if expected != NORMAL:
            assert ledger.accounts[0]["tripped_ns"] == when
            assert ledger.accounts[0]["trip_count"] == 1


def test_the_worked_daily_loss_comes_out_as_by_hand():
    ledger = holding_one(max_daily_loss=1_000)
    earn(ledger, 100_000)
    switches.start_session(ledger, 0, True)

    for equity, state in [(100_500, NORMAL), (99_100, NORMAL), (98_990, LOST)]:
        earn(ledger, equity)
        assert standing(ledger) == state
    assert money(ledger, "equity") - money(ledger, "day_start") == -1_010
    assert money(ledger, "drawdown") == 1_510

    switches.start_session(ledger, 0, False)
    assert standing(ledger) == NORMAL
    assert money(ledger, "day_start") == 98_990
    assert money(ledger, "peak") == 100_500
    earn(ledger, 97_991)
    assert standing(ledger) == NORMAL
    earn(ledger, 97_990)
    assert standing(ledger) == LOST


@pytest.mark.parametrize("reset_peak", [False, True])
def test_a_new_session_counts_its_figures_from_the_equity_it_finds(reset_peak):
    ledger = holding_one()
    earn(ledger, 100)
    earn(ledger, 60)

    assert switches.start_session(ledger, 0, reset_peak) == Status.OK

    assert money(ledger, "day_start") == 60
    assert money(ledger, "peak") == (60 if reset_peak else 100)
    assert money(ledger, "drawdown") == (0 if reset_peak else 40)
    position = ledger.positions[0]
    assert position["day_start_twice"] == 120
    assert position["peak_twice"] == (120 if reset_peak else 200)
    assert position["drawdown_twice"] == (0 if reset_peak else 80)


@pytest.mark.parametrize(("reset_peak", "state"), [(False, FALLEN), (True, NORMAL)])
def test_a_drawdown_outlasts_a_session_whose_peak_is_not_reset(reset_peak, state):
    ledger = holding_one(max_drawdown=5)
    earn(ledger, -5)

    switches.start_session(ledger, 0, reset_peak)

    assert standing(ledger) == state


def test_a_session_begins_for_one_account_alone():
    ledger = ledger_with(accounts=2)
    for owner in (0, 1):
        record(ledger, BID, 0, 1, owner=owner)
        earn(ledger, 7, owner=owner)

    switches.start_session(ledger, 1, True)

    assert [money(ledger, "day_start", row) for row in (0, 1)] == [0, 7]


def test_a_released_account_is_judged_anew_at_its_next_mark():
    ledger = holding_one(max_daily_loss=5)
    earn(ledger, -5)

    assert switches.release(ledger, 0) == Status.OK
    assert standing(ledger) == NORMAL
    earn(ledger, -4)
    assert standing(ledger) == NORMAL
    earn(ledger, -5)

    assert standing(ledger) == LOST
    assert ledger.accounts[0]["trip_count"] == 2


def test_a_loss_in_any_currency_stops_the_whole_account():
    ledger = ledger_with(symbols=2, currencies=2)
    ledger.terms["currency"] = [0, 1]
    ledger.totals[1]["max_drawdown_units"] = 3
    for symbol in (0, 1):
        record(ledger, BID, 10, 1, symbol=symbol)

    mark(ledger, 0, symbol=0)
    assert standing(ledger) == NORMAL
    mark(ledger, 7, symbol=1)

    assert standing(ledger) == FALLEN


# ---- the kill switch ------------------------------------------------------------------------


def test_a_pulled_switch_freezes_until_it_is_disarmed_and_then_resumed():
    ledger = ledger_with(accounts=2)

    assert switches.pull_kill(ledger, 1, 0, 55) == Status.OK
    account = ledger.accounts[1]
    assert standing(ledger, 1) == FROZEN
    assert standing(ledger, 0) == NORMAL
    assert [account[n] for n in ("kill", "attention", "tripped_ns", "trip_count")] == [1, 1, 55, 1]
    assert switches.resume(ledger, 1) == Status.KILL_SWITCH_ARMED
    assert (standing(ledger, 1), account["kill"]) == (FROZEN, 1)
    assert switches.disarm(ledger, 1) == Status.OK
    assert (standing(ledger, 1), account["kill"]) == (FROZEN, 2)
    assert switches.resume(ledger, 1) == Status.OK
    assert (standing(ledger, 1), account["kill"]) == (NORMAL, 0)


def test_a_second_pull_takes_back_the_first_step():
    ledger = ledger_with()
    switches.pull_kill(ledger, 0, 0, 55)
    switches.disarm(ledger, 0)
    ledger.accounts["attention"] = 0

    switches.pull_kill(ledger, 0, 0, 66)

    assert switches.resume(ledger, 0) == Status.KILL_SWITCH_ARMED
    account = ledger.accounts[0]
    assert [account[n] for n in ("attention", "tripped_ns", "trip_count")] == [1, 55, 1]


def test_disarming_and_resuming_what_is_not_pulled_changes_nothing():
    ledger = holding_one(max_daily_loss=5)
    earn(ledger, -5)
    before = [array.tobytes() for array in ledger]

    assert switches.disarm(ledger, 0) == switches.resume(ledger, 0) == Status.OK

    assert [array.tobytes() for array in ledger] == before


def test_nothing_but_its_own_two_steps_ends_a_pulled_switch():
    ledger = holding_one(max_daily_loss=5)
    switches.pull_kill(ledger, 0, 0, 1)

    earn(ledger, -9)
    switches.release(ledger, 0)
    switches.start_session(ledger, 0, True)

    assert standing(ledger) == FROZEN


def test_a_loss_that_was_made_while_frozen_counts_after_it():
    ledger = holding_one(max_daily_loss=5)
    switches.pull_kill(ledger, 0, 0, 1)
    earn(ledger, -9)
    switches.disarm(ledger, 0)
    switches.resume(ledger, 0)

    earn(ledger, -9)

    assert standing(ledger) == LOST


def test_the_switch_replaces_the_mode_that_a_loss_had_brought():
    ledger = holding_one(max_daily_loss=5)
    earn(ledger, -5)

    switches.pull_kill(ledger, 0, 0, 9)

    assert standing(ledger) == FROZEN
    assert ledger.accounts[0]["trip_count"] == 2


@pytest.mark.parametrize("owner", [-1, 2])
def test_an_account_that_is_not_there_is_refused(owner):
    ledger = ledger_with(accounts=2)
    unknown = Status.ACCOUNT_UNKNOWN

    assert switches.pull_kill(ledger, owner, 0, 0) == unknown
    assert switches.disarm(ledger, owner) == switches.resume(ledger, owner) == unknown
    assert switches.release(ledger, owner) == switches.start_session(ledger, owner, True) == unknown
    assert kernels.mark_at(ledger, owner, 0, 0, 0) == unknown
    assert kernels.mark_at(ledger, 0, owner, 0, 0) == Status.SYMBOL_UNKNOWN
