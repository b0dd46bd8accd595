"""What the venue does for accounts: fills, limits, reduce-only orders, latches, kill switches."""

import pytest

from mmjit.core.codes import (
    ASK,
    BID,
    Marking,
    Mode,
    SelfTrade,
    Status,
    Term,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.switches import disarm, pull_kill, resume
from mmjit.core.venue import kill
from tests import venues as v
from tests.builders import best_changed
from tests.venues import (
    amend,
    buy,
    cancel,
    cancel_all,
    depth,
    do,
    held,
    market,
    open_lots,
    queue,
    quote,
    rest,
    sell,
    submit,
    take,
    timer,
    traded,
)

IOC = TimeInForce.IOC
REDUCE = Term.REDUCE_ONLY


@pytest.fixture
def venue():
    return v.tiny_venue()


def holding(lots, owner=0, price=10, **sizes):
    """A venue in which an account holds so many lots, bought or sold from nobody."""
    venue = v.tiny_venue(**sizes)
    make, meet = (sell, buy) if lots > 0 else (buy, sell)
    do(venue, make(101, price, abs(lots)), meet(102, price, abs(lots), owner=owner))
    assert held(venue, owner) == lots
    v.drain(venue)
    return venue


# ---- fills and positions --------------------------------------------------------------------


def test_a_trade_moves_both_accounts_and_writes_a_fill_for_each(venue):
    v.set_terms(venue, 0, maker_fee=-2, taker_fee=3)
    do(venue, sell(1, 10, 5, owner=1, at=7), buy(2, 12, 3, owner=0, at=9))

    _, fills = v.drain(venue)

    same = {"venue_ns": 9, "price": 10, "qty_lots": 3, "event": 1, "symbol": 0}
    maker = {"order_id": 1, "fee_pico": -60, "position_lots": -3, "side": ASK, "maker": 1}
    taker = {"order_id": 2, "fee_pico": 90, "position_lots": 3, "side": BID, "maker": 0}
    assert fills == [same | maker | {"owner": 1}, same | taker | {"owner": 0}]
    assert (held(venue, 0), held(venue, 1)) == (3, -3)
    assert v.position_of(venue, 1)["rebates_pico"] == 60
    assert v.position_of(venue, 0)["fees_pico"] == 90


def test_each_fill_names_the_trade_that_brought_it(venue):
    do(venue, sell(1, 10, 1), sell(2, 10, 1, owner=1), sell(3, 11, 1), buy(4, 11, 3, owner=0))

    trades, fills = v.drain(venue)

    assert [t["number"] for t in trades] == [1, 2, 3]
    assert [(f["event"], f["owner"]) for f in fills] == [(1, 0), (2, 1), (2, 0), (3, 0)]


def test_an_order_that_meets_an_order_of_its_owner_fills_both(venue):
    do(venue, sell(1, 10, 2, owner=0), buy(2, 10, 2, owner=0))

    assert [(f["maker"], f["position_lots"]) for f in v.drain(venue)[1]] == [(1, -2), (0, 0)]
    assert held(venue) == 0


def test_what_is_open_is_counted_until_it_is_traded_or_cancelled(venue):
    do(venue, buy(1, 10, 9, display=2, owner=0), sell(2, 20, 4, owner=0))
    assert open_lots(venue) == (9, 4)
    do(venue, sell(3, 10, 3))
    assert open_lots(venue) == (6, 4)
    do(venue, cancel(1, 2, owner=0), amend(2, 20, 1, owner=0))
    assert open_lots(venue) == (4, 1)
    do(venue, amend(1, 9, 7, owner=0))
    assert open_lots(venue) == (7, 1)
    do(venue, buy(4, 20, 5, owner=0, tif=IOC, self_trade=SelfTrade.CANCEL_OLDEST))
    assert open_lots(venue) == (7, 0)
    do(venue, cancel_all(0))
    assert open_lots(venue) == (0, 0)
    assert v.position_of(venue)["order_count"] == 3
    assert v.position_of(venue)["open_count"] == venue.ledger.accounts[0]["open_count"] == 0


def test_what_expires_is_open_no_longer(venue):
    do(venue, buy(1, 10, 9, display=2, expiry=50, owner=0))

    do(venue, timer(50))

    assert open_lots(venue) == (0, 0)
    assert venue.ledger.accounts[0]["first_own"] == -1
    assert venue.ledger.accounts[0]["exposure_lots"] == 0


@pytest.mark.parametrize(
    ("marking", "expected"), [(Marking.MID, 23), (Marking.LAST, 20), (Marking.LIQUIDATION, 18)]
)
def test_a_position_is_marked_to_mid_last_or_the_side_that_closes_it(venue, marking, expected):
    v.set_terms(venue, 0, marking=marking)
    rest(venue, BID, t9=[5])
    rest(venue, ASK, t10=[2], t14=[5])

    do(venue, buy(9, 10, 2, owner=0))

    assert v.position_of(venue)["mark_twice"] == expected


def test_a_position_is_marked_when_somebody_else_moves_the_market():
    venue = holding(5)

    do(venue, buy(1, 12, 1), sell(2, 15, 1))
    assert v.position_of(venue)["mark_twice"] == 27
    assert v.total_of(venue)["equity_units"] == 17  # 2 * 5 * 3.5, in halves of a point
    assert v.total_of(venue)["equity_half_pico"] == 10**12
    do(venue, cancel(1))  # no mid any more
    assert v.position_of(venue)["mark_twice"] == 27


# ---- limits ---------------------------------------------------------------------------------


def test_an_amended_order_is_judged_without_its_own_lots(venue):
    v.set_limits(venue, 0, max_long=10, max_open_orders=1)
    do(venue, buy(1, 10, 8, owner=0))

    assert submit(venue, amend(1, 11, 11, owner=0)) == Status.MAX_LONG
    assert queue(venue, BID, 10) == [(1, 8)]
    assert open_lots(venue) == (8, 0)
    assert submit(venue, amend(1, 11, 10, owner=0)) == 0
    assert submit(venue, buy(2, 10, 1, owner=0)) == Status.MAX_OPEN_ORDERS
    assert venue.counts[-int(Status.MAX_LONG)] == 1


def test_a_replace_that_shrinks_in_place_asks_no_limit(venue):
    do(venue, buy(1, 10, 8, owner=0))
    v.set_limits(venue, 0, max_long=2, max_order_lots=1)

    assert submit(venue, amend(1, 10, 5, owner=0)) == 0
    assert submit(venue, amend(1, 11, 5, owner=0)) == Status.MAX_ORDER_QTY


@pytest.mark.parametrize(("lots", "expected"), [(9, 0), (10, 0), (11, Status.MAX_POSITION)])
def test_the_position_of_all_symbols_counts_what_is_open(venue, lots, expected):
    v.set_account(venue, 0, max_position=15)
    do(venue, sell(1, 10, 5, owner=0, symbol=1))

    assert submit(venue, buy(2, 10, lots, owner=0)) == expected


def test_a_market_order_trades_up_to_the_collar(venue):
    v.set_limits(venue, 0, collar_price=3)
    rest(venue, BID, t10=[1])
    rest(venue, ASK, t12=[1], t14=[1], t15=[1])

    assert submit(venue, market(9, BID, 5, owner=0)) == 2  # from a mid of 11 up to 14

    assert depth(venue, ASK) == [(15, 1)]


def test_a_market_order_with_a_collar_and_nothing_to_hold_it_to_is_refused(venue):
    v.set_limits(venue, 0, collar_bps=100)
    rest(venue, ASK, t12=[1])

    assert submit(venue, market(9, BID, 5, owner=0)) == Status.REFERENCE_MISSING
    assert submit(venue, market(9, BID, 1)) == 1  # nobody has no collar
    assert submit(venue, buy(9, 13, 1, owner=0)) == Status.PRICE_COLLAR
    assert submit(venue, buy(9, 12, 1, owner=0)) == 0


def test_a_take_is_held_to_the_limits(venue):
    v.set_limits(venue, 0, max_long=3)
    rest(venue, ASK, t10=[9])

    assert submit(venue, take(BID, 10, 4, owner=0)) == Status.MAX_LONG
    assert submit(venue, take(BID, 10, 3, owner=0)) == 3
    assert open_lots(venue) == (0, 0)
    assert v.position_of(venue)["order_count"] == 0


def test_fill_or_kill_with_a_collar_counts_only_what_the_collar_allows(venue):
    v.set_limits(venue, 0, collar_price=3)
    rest(venue, BID, t10=[1])
    rest(venue, ASK, t12=[1], t14=[1], t15=[1])

    fok = TimeInForce.FOK
    assert submit(venue, market(9, BID, 3, owner=0, tif=fok)) == Status.FILL_OR_KILL_UNFILLED
    assert submit(venue, market(9, BID, 2, owner=0, tif=fok)) == 2


# ---- reduce-only ----------------------------------------------------------------------------


def test_a_reduce_only_order_is_taken_up_to_what_is_left_to_close():
    for lots, expected in ((3, 0), (4, Status.REDUCE_ONLY)):
        venue = holding(5)
        do(venue, sell(1, 12, 2, owner=0))
        assert submit(venue, sell(2, 13, lots, owner=0, terms=REDUCE)) == expected
        assert submit(venue, buy(3, 9, 1, owner=0, terms=REDUCE)) == Status.REDUCE_ONLY


def test_a_reduce_only_order_leaves_the_book_when_the_position_is_closed():
    venue = holding(5)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE), sell(2, 13, 3, owner=0))

    do(venue, buy(8, 9, 5), sell(9, 9, 5, owner=0))

    assert held(venue) == 0
    assert depth(venue, ASK) == [(13, 3)]
    assert open_lots(venue) == (0, 3)
    assert v.position_of(venue)["reducing_count"] == 0


def test_a_reduce_only_order_trades_no_more_than_the_position():
    venue = holding(5)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE), sell(2, 13, 9), buy(8, 9, 3))
    do(venue, sell(9, 9, 3, owner=0))
    v.drain(venue)

    assert submit(venue, buy(10, 13, 6)) == 6

    assert traded(venue) == [(1, 12, 2), (2, 13, 4)]
    assert held(venue) == 0
    assert open_lots(venue) == (0, 0)


def test_a_reduce_only_order_is_cancelled_when_it_is_met_and_closes_nothing_any_more():
    """Another order of its owner's, ahead of it, closes the position in the same command."""
    venue = holding(5)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE), sell(2, 11, 5, owner=0), sell(3, 12, 4))
    v.drain(venue)

    assert submit(venue, buy(10, 12, 8)) == 8

    assert traded(venue) == [(2, 11, 5), (3, 12, 3)]
    assert depth(venue, ASK) == [(12, 1)]


def test_an_iceberg_that_may_only_reduce_stops_at_the_position():
    venue = holding(5)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE, display=2), buy(8, 9, 2))
    do(venue, sell(9, 9, 2, owner=0), buy(10, 12, 9))

    assert held(venue) == 0
    assert depth(venue, ASK) == []
    assert depth(venue, BID) == [(12, 6)]
    assert open_lots(venue) == (0, 0)


def test_fill_or_kill_does_not_count_on_reduce_only_orders():
    """What they trade depends on what is traded before."""
    venue = holding(5)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE), sell(2, 13, 4))

    fok = TimeInForce.FOK
    assert submit(venue, buy(9, 13, 5, tif=fok)) == Status.FILL_OR_KILL_UNFILLED
    assert submit(venue, buy(9, 13, 4, tif=fok)) == 4
    assert traded(venue) == [(1, 12, 4)]


@pytest.mark.parametrize(("lines", "expected"), [(2, Status.TRADE_RING_FULL), (8, 5)])
def test_a_reduce_only_order_that_meets_its_owner_needs_room_for_every_lot(lines, expected):
    """Where self-trades are allowed the position comes back after each, and it trades on."""
    venue = holding(5, lines=lines, fill_lines=64)
    do(venue, sell(1, 12, 5, owner=0, terms=REDUCE), buy(8, 9, 4), sell(9, 9, 4, owner=0))
    assert held(venue) == 1
    v.drain(venue)

    assert submit(venue, buy(10, 12, 5, owner=0)) == expected
    assert len(v.drain(venue)[0]) == max(0, expected)


def test_a_market_order_may_be_reduce_only():
    venue = holding(-4)
    rest(venue, ASK, t12=[9])

    assert submit(venue, market(50, BID, 5, owner=0, terms=REDUCE)) == Status.REDUCE_ONLY
    assert submit(venue, market(50, BID, 4, owner=0, terms=REDUCE)) == 4
    assert held(venue) == 0


# ---- latches and the kill switch ------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "cause"),
    [("max_daily_loss", Status.MAX_DAILY_LOSS), ("max_drawdown", Status.MAX_DRAWDOWN)],
)
def test_a_loss_limit_cancels_everything_and_lets_only_what_reduces_in(limit, cause):
    venue = holding(10)
    v.set_losses(venue, 0, **{limit: 20})
    do(venue, buy(1, 4, 3, owner=0, symbol=1), sell(2, 30, 3, owner=0, symbol=1))
    do(venue, buy(3, 9, 2, at=5))

    do(venue, sell(4, 9, 2, at=6), buy(5, 6, 9, at=7), sell(6, 11, 9, at=8))  # mid of 8.5
    assert venue.ledger.accounts[0]["mode"] == Mode.NORMAL
    do(venue, sell(7, 10, 1, at=9))  # mid of 8: 20 lost

    account = venue.ledger.accounts[0]
    assert (account["mode"], account["cause"]) == (Mode.REDUCE_ONLY, cause)
    assert (account["tripped_ns"], account["trip_count"], account["attention"]) == (9, 1, 0)
    assert account["open_count"] == 0
    assert depth(venue, BID, symbol=1) == []
    assert submit(venue, buy(8, 5, 1, owner=0)) == cause
    assert submit(venue, sell(8, 12, 11, owner=0)) == cause
    assert submit(venue, sell(8, 12, 10, owner=0)) == 0
    assert submit(venue, sell(9, 12, 1, owner=0)) == cause
    assert submit(venue, buy(10, 5, 1, owner=1)) == 0


def test_a_loss_limit_that_is_not_reached_stops_nothing():
    venue = holding(10)
    v.set_losses(venue, 0, max_daily_loss=21, max_drawdown=21)

    do(venue, buy(5, 6, 9), sell(6, 10, 9))

    assert v.total_of(venue)["equity_units"] == -20
    assert venue.ledger.accounts[0]["mode"] == Mode.NORMAL


def on_two_levels(expiry):
    """Account 0 is long 10 lots at 10, in a market of 9 to 11 before one of 5 to 15."""
    venue = holding(10)
    do(venue, buy(3, 9, 1, owner=0, expiry=expiry), sell(4, 11, 1, owner=0, expiry=expiry))
    do(venue, buy(1, 5, 1), sell(2, 15, 1))
    v.set_losses(venue, 0, max_daily_loss=1, max_drawdown=1)
    return venue


@pytest.mark.parametrize(
    "ending",
    [timer(50), cancel_all(0), quote((3, 0, 0), (4, 0, 0), owner=0)],
    ids=["expired", "all cancelled", "withdrawn"],
)
def test_what_stands_only_between_two_steps_of_a_command_marks_nobody(ending):
    venue = on_two_levels(50)

    submit(venue, ending)

    assert depth(venue, BID) + depth(venue, ASK) == [(5, 1), (15, 1)]
    assert v.position_of(venue)["mark_twice"] == 20
    assert venue.ledger.accounts[0]["mode"] == Mode.NORMAL
    assert v.total_of(venue)["drawdown_units"] == 0


def test_a_pulled_kill_switch_cancels_everything_and_blocks_until_it_is_reset_twice(venue):
    do(venue, buy(1, 10, 3, owner=0), sell(2, 20, 9, display=2, owner=0, symbol=1))
    do(venue, buy(3, 10, 1, owner=1))

    assert kill(venue, 0, 2) == Status.OK

    assert depth(venue, BID) == [(10, 1)]
    assert depth(venue, ASK, symbol=1) == []
    assert open_lots(venue) == (0, 0)
    for one in (buy(4, 10, 1, owner=0), take(ASK, 10, 1, owner=0)):
        assert submit(venue, one) == Status.KILL_SWITCH
    assert submit(venue, cancel_all(0)) == 0
    assert resume(venue.ledger, 0) == Status.KILL_SWITCH_ARMED
    assert disarm(venue.ledger, 0) == Status.OK
    assert submit(venue, buy(4, 10, 1, owner=0)) == Status.KILL_SWITCH
    assert resume(venue.ledger, 0) == Status.OK
    assert submit(venue, buy(4, 10, 1, owner=0)) == 0


def test_a_kill_switch_that_another_process_pulls_is_seen_within_one_command(venue):
    do(venue, buy(1, 10, 3, owner=0), buy(2, 9, 3, owner=1))
    venue.ledger.accounts[0]["kill"] = 1

    do(venue, timer(5))

    assert depth(venue, BID) == [(9, 3)]
    assert venue.ledger.accounts[0]["mode"] == Mode.FROZEN


def test_a_best_level_that_a_pulled_kill_switch_takes_away_is_told_of(venue):
    do(venue, buy(1, 10, 5, owner=0), buy(2, 9, 5))
    venue.ledger.accounts[0]["kill"] = 1

    submit(venue, buy(3, 8, 1))

    assert depth(venue, BID)[0][0] == 9
    assert best_changed(venue.book)


def test_a_kill_switch_pulled_in_the_ledger_is_seen_within_one_command(venue):
    do(venue, buy(1, 10, 3, owner=0), buy(2, 9, 3, owner=1))
    assert pull_kill(venue.ledger, 0, 0, 3) == Status.OK

    do(venue, timer(5))

    assert depth(venue, BID) == [(9, 3)]


def test_orders_of_a_frozen_account_can_be_neither_entered_nor_moved():
    """A latched account: what it has left can only be cancelled."""
    venue = holding(5)
    do(venue, sell(1, 12, 2, owner=0))
    venue.ledger.accounts[0]["kill"] = 2
    venue.ledger.accounts[0]["killed_level"] = 2
    venue.ledger.accounts[0]["mode"] = Mode.FROZEN  # without attention: the order stays

    assert submit(venue, amend(1, 13, 2, owner=0)) == Status.KILL_SWITCH
    assert submit(venue, sell(2, 12, 2, owner=0, terms=REDUCE)) == Status.KILL_SWITCH
    assert submit(venue, quote((3, 9, 1), (4, 13, 1), owner=0)) == Status.KILL_SWITCH
    assert submit(venue, cancel(1, owner=0)) == 2


# ---- trading statuses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "halted", [TradingStatus.PAUSED, TradingStatus.HALTED, TradingStatus.CLOSED]
)
def test_a_symbol_that_does_not_trade_takes_cancels_and_nothing_else(venue, halted):
    do(venue, buy(1, 10, 3, owner=0), buy(2, 9, 3), v.status(halted))

    refused = [buy(3, 10, 1), amend(2, 9, 1), take(ASK, 10, 1), market(3, ASK, 1)]
    assert {submit(venue, one) for one in refused} == {Status.SYMBOL_HALTED}
    assert submit(venue, quote((3, 8, 1), (4, 12, 1))) == Status.SYMBOL_HALTED
    assert submit(venue, buy(3, 10, 1, symbol=1)) == 0
    assert submit(venue, cancel(2)) == 3
    assert submit(venue, cancel_all(0)) == 1
    do(venue, v.status(TradingStatus.TRADING))
    assert submit(venue, buy(4, 10, 1)) == 0


@pytest.mark.parametrize(
    "open_status", [TradingStatus.UNKNOWN, TradingStatus.TRADING, TradingStatus.QUOTING]
)
def test_a_symbol_trades_in_any_other_status(venue, open_status):
    do(venue, v.status(open_status), sell(1, 10, 3))

    assert submit(venue, buy(2, 10, 3)) == 3


def test_orders_expire_while_a_symbol_is_halted(venue):
    do(venue, buy(1, 10, 3, expiry=50), v.status(TradingStatus.HALTED), timer(50))

    assert depth(venue, BID) == []


# ---- refusals are counted -------------------------------------------------------------------


def test_refusals_are_counted_for_each_account_and_for_nobody(venue):
    submit(venue, buy(0, 10, 1, owner=1))
    submit(venue, buy(0, 10, 1, owner=1))
    submit(venue, buy(0, 10, 1))
    submit(venue, buy(1, 10, 1, owner=7))

    table = venue.counts.reshape(3, -1)
    assert table[:, -int(Status.ORDER_ID_ZERO)].tolist() == [0, 2, 1]
    assert table[:, -int(Status.ACCOUNT_UNKNOWN)].tolist() == [0, 0, 1]
    assert table.sum() == 4
