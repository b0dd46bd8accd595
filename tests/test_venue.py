"""The corner rules of matching, each by itself."""

import numpy as np
import pytest

from mmjit.core.codes import ASK, BID, NIL, SelfTrade, Status, Term, TimeInForce
from mmjit.core.state import configure_symbol
from tests import builders as b
from tests import venues as v
from tests.venues import (
    amend,
    buy,
    cancel,
    cancel_all,
    depth,
    do,
    market,
    new,
    queue,
    quote,
    rest,
    sell,
    submit,
    take,
    timer,
    told,
    traded,
)

IOC, FOK, DAY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY
MODES = list(SelfTrade)


@pytest.fixture
def venue():
    return v.tiny_venue()


# ---- price, then time -----------------------------------------------------------------------


def test_an_order_meets_the_best_price_first_and_there_the_oldest_first(venue):
    rest(venue, ASK, t11=[2], t10=[3, 4], t12=[9])

    assert submit(venue, buy(9, 11, 8)) == 8

    assert traded(venue) == [(2, 10, 3), (3, 10, 4), (1, 11, 1)]
    assert depth(venue, ASK) == [(11, 1), (12, 9)]


def test_a_seller_meets_the_highest_bid_first_and_trades_at_its_price(venue):
    rest(venue, BID, t11=[2], t12=[3], t10=[4])

    assert submit(venue, sell(9, 11, 4)) == 4

    assert traded(venue) == [(2, 12, 3), (1, 11, 1)]
    assert depth(venue, BID) == [(11, 1), (10, 4)]


def test_what_is_left_of_a_limit_order_rests_at_its_price(venue):
    rest(venue, ASK, t10=[3], t11=[5])

    assert submit(venue, buy(9, 10, 5)) == 3

    assert told(venue) == (3, 2, 0)
    assert depth(venue, BID) == [(10, 2)]
    assert depth(venue, ASK) == [(11, 5)]


def test_an_order_that_meets_nothing_rests_at_the_tail(venue):
    rest(venue, BID, t10=[3])

    assert submit(venue, buy(9, 10, 5)) == 0

    assert queue(venue, BID, 10) == [(1, 3), (9, 5)]
    assert told(venue) == (0, 5, 0)


def test_an_order_of_one_symbol_meets_none_of_another(venue):
    rest(venue, ASK, symbol=1, t10=[3])

    assert submit(venue, buy(9, 10, 5)) == 0

    assert traded(venue) == []


def test_a_price_may_be_negative(venue):
    venue = v.tiny_venue(symbols=1)
    assert configure_symbol(venue.book, 0, -50, 50, 1) == Status.OK
    do(venue, sell(1, -7, 3))

    assert submit(venue, buy(2, -7, 1)) == 1
    assert submit(venue, buy(3, -8, 1)) == 0
    assert traded(venue) == [(1, -7, 1)]


# ---- market, IOC, FOK, post-only ------------------------------------------------------------


@pytest.mark.parametrize("tif", [TimeInForce.GTC, IOC])
def test_what_is_left_of_a_market_order_is_cancelled(venue, tif):
    rest(venue, ASK, t10=[3], t900=[2])

    assert submit(venue, market(9, BID, 8, tif=tif)) == 5

    assert traded(venue) == [(1, 10, 3), (2, 900, 2)]
    assert depth(venue, BID) == []
    assert told(venue) == (5, 0, 0)


def test_a_market_order_that_meets_nothing_is_cancelled_and_accepted(venue):
    assert submit(venue, market(9, BID, 8)) == 0
    assert submit(venue, buy(9, 10, 1)) == 0  # its id is free


def test_the_price_of_a_market_order_is_not_read(venue):
    rest(venue, ASK, t10=[3])

    assert submit(venue, new(9, BID, -(1 << 63), 3, terms=Term.MARKET)) == 3


def test_what_is_left_of_an_order_that_is_immediate_or_cancelled_does_not_rest(venue):
    rest(venue, ASK, t10=[3], t11=[5])

    assert submit(venue, buy(9, 10, 5, tif=IOC)) == 3

    assert told(venue) == (3, 0, 0)
    assert depth(venue, BID) == []


def test_fill_or_kill_trades_whole_or_not_at_all(venue):
    rest(venue, ASK, t10=[3], t11=[5])
    before = v.bytes_of(venue)

    assert submit(venue, buy(9, 11, 9, tif=FOK)) == Status.FILL_OR_KILL_UNFILLED
    assert submit(venue, buy(9, 10, 4, tif=FOK)) == Status.FILL_OR_KILL_UNFILLED
    assert v.bytes_of(venue) == before
    assert submit(venue, buy(9, 11, 8, tif=FOK)) == 8
    assert depth(venue, ASK) == []


def test_fill_or_kill_at_any_price_counts_every_price(venue):
    rest(venue, ASK, t10=[3], t900=[5])

    assert submit(venue, market(9, BID, 9, tif=FOK)) == Status.FILL_OR_KILL_UNFILLED
    assert submit(venue, market(9, BID, 8, tif=FOK)) == 8


def test_fill_or_kill_counts_what_an_iceberg_hides(venue):
    do(venue, sell(1, 10, 20, display=3))

    assert submit(venue, buy(9, 10, 21, tif=FOK)) == Status.FILL_OR_KILL_UNFILLED
    assert submit(venue, buy(9, 10, 20, tif=FOK)) == 20


@pytest.mark.parametrize(
    ("mode", "fits"),
    [
        (SelfTrade.NONE, 10),
        (SelfTrade.CANCEL_NEWEST, 3),
        (SelfTrade.CANCEL_OLDEST, 6),
        (SelfTrade.CANCEL_BOTH, 3),
        (SelfTrade.DECREMENT, 3),
    ],
)
def test_fill_or_kill_ignores_what_self_trade_prevention_would_remove(mode, fits):
    for qty_lots in (fits + 1, fits):
        venue = v.tiny_venue()
        do(venue, sell(1, 10, 3), sell(2, 10, 4, owner=0), sell(3, 11, 3, owner=1))
        before = v.bytes_of(venue)
        result = submit(venue, buy(9, 11, qty_lots, tif=FOK, owner=0, self_trade=mode))
        assert result == (fits if qty_lots == fits else Status.FILL_OR_KILL_UNFILLED)
        assert (v.bytes_of(venue) == before) == (qty_lots > fits)


def test_what_an_iceberg_hides_is_behind_an_own_order_that_follows_it():
    """Its refills come after the own order at which the incoming one would end."""
    for qty_lots, expected in ((3, Status.FILL_OR_KILL_UNFILLED), (2, 2)):
        venue = v.tiny_venue()
        do(venue, sell(1, 10, 20, display=2), sell(2, 10, 5, owner=0))
        mode = SelfTrade.CANCEL_NEWEST
        result = submit(venue, buy(9, 10, qty_lots, tif=FOK, owner=0, self_trade=mode))
        assert result == expected


@pytest.mark.parametrize("price", [10, 11])
def test_a_post_only_order_that_would_trade_is_refused(venue, price):
    rest(venue, ASK, t10=[3])

    result = submit(venue, buy(9, price, 5, terms=Term.POST_ONLY))

    assert result == Status.POST_ONLY_WOULD_TRADE
    assert depth(venue, BID) == []


def test_a_post_only_order_that_would_not_trade_rests(venue):
    rest(venue, ASK, t10=[3])

    assert submit(venue, buy(9, 9, 5, terms=Term.POST_ONLY)) == 0
    assert depth(venue, BID) == [(9, 5)]


@pytest.mark.parametrize("owner", [NIL, 0])
def test_a_post_only_order_stays_one_when_it_is_amended(venue, owner):
    rest(venue, ASK, t10=[3])
    do(venue, buy(9, 9, 5, terms=Term.POST_ONLY, owner=owner))

    assert submit(venue, amend(9, 10, 5, owner=owner)) == Status.POST_ONLY_WOULD_TRADE
    assert queue(venue, BID, 9) == [(9, 5)]
    assert submit(venue, amend(9, 8, 5, owner=owner)) == 0


# ---- icebergs -------------------------------------------------------------------------------


def test_an_iceberg_shows_a_part_and_its_refill_goes_to_the_tail(venue):
    do(venue, sell(1, 10, 10, display=4), sell(2, 10, 3))

    assert queue(venue, ASK, 10) == [(1, 4), (2, 3)]
    assert submit(venue, buy(8, 10, 4)) == 4
    assert queue(venue, ASK, 10) == [(2, 3), (1, 4)]
    assert submit(venue, buy(9, 10, 8)) == 8
    assert traded(venue) == [(1, 10, 4), (2, 10, 3), (1, 10, 4), (1, 10, 1)]
    assert queue(venue, ASK, 10) == [(1, 1)]
    b.assert_audited(venue.book)


def test_an_iceberg_that_is_not_traded_away_whole_keeps_its_place(venue):
    do(venue, sell(1, 10, 10, display=4), sell(2, 10, 3))

    do(venue, buy(8, 10, 3))

    assert queue(venue, ASK, 10) == [(1, 1), (2, 3)]


def test_the_quantity_of_a_level_is_what_it_shows(venue):
    do(venue, sell(1, 10, 1000, display=4), sell(2, 10, 3))

    assert depth(venue, ASK) == [(10, 7)]


def test_an_iceberg_alone_is_traded_through_refill_by_refill(venue):
    do(venue, sell(1, 10, 10, display=4))

    assert submit(venue, buy(9, 10, 12)) == 10

    assert traded(venue) == [(1, 10, 4), (1, 10, 4), (1, 10, 2)]
    assert depth(venue, BID) == [(10, 2)]
    assert venue.control[0]["hidden_count"] == 0


def test_what_is_left_of_an_iceberg_that_traded_shows_its_part(venue):
    rest(venue, ASK, t10=[3])

    assert submit(venue, buy(9, 10, 10, display=4)) == 3

    assert queue(venue, BID, 10) == [(9, 4)]
    assert told(venue) == (3, 7, 0)


@pytest.mark.parametrize("display", [0, 10])
def test_an_order_that_displays_nothing_or_everything_is_shown_whole(venue, display):
    do(venue, v.command(v.Kind.NEW, v.behind(qty_lots=display), order_id=1, price=10, qty_lots=10))

    assert queue(venue, BID, 10) == [(1, 10)]
    assert venue.control[0]["hidden_count"] == 0


def test_the_hidden_part_is_cancelled_first_and_the_place_is_kept(venue):
    do(venue, sell(1, 10, 10, display=4), sell(2, 10, 3))

    assert submit(venue, cancel(1, 5)) == 5
    assert queue(venue, ASK, 10) == [(1, 4), (2, 3)]
    assert submit(venue, cancel(1, 2)) == 2
    assert queue(venue, ASK, 10) == [(1, 3), (2, 3)]
    assert submit(venue, cancel(1)) == 3
    assert queue(venue, ASK, 10) == [(2, 3)]


def test_a_replace_that_shrinks_an_iceberg_takes_off_its_hidden_part_first(venue):
    do(venue, sell(1, 10, 10, display=4), sell(2, 10, 3))

    assert submit(venue, amend(1, 10, 5)) == 0
    assert queue(venue, ASK, 10) == [(1, 4), (2, 3)]
    assert submit(venue, buy(9, 10, 4)) == 4
    assert queue(venue, ASK, 10) == [(2, 3), (1, 1)]
    assert submit(venue, amend(2, 10, 2)) == 0
    assert queue(venue, ASK, 10) == [(2, 2), (1, 1)]


def test_an_iceberg_displays_as_much_after_a_replace(venue):
    do(venue, sell(1, 10, 10, display=4))

    do(venue, amend(1, 11, 20))

    assert queue(venue, ASK, 11) == [(1, 4)]
    assert submit(venue, buy(9, 11, 21)) == 20


# ---- replace --------------------------------------------------------------------------------


@pytest.mark.parametrize("qty_lots", [1, 2, 3])
def test_a_replace_that_shrinks_at_its_price_keeps_its_place_under_its_new_id(venue, qty_lots):
    rest(venue, BID, t10=[3, 4])

    assert submit(venue, amend(1, 10, qty_lots, new_id=9)) == 0

    assert queue(venue, BID, 10) == [(9, qty_lots), (2, 4)]
    assert submit(venue, cancel(1)) == Status.ORDER_ID_UNKNOWN
    assert submit(venue, cancel(9)) == qty_lots
    b.assert_audited(venue.book)


def test_a_replace_that_grows_loses_its_place(venue):
    rest(venue, BID, t10=[3, 4])

    do(venue, amend(1, 10, 4))

    assert queue(venue, BID, 10) == [(2, 4), (1, 4)]


def test_a_replace_to_another_price_goes_to_the_tail_there(venue):
    rest(venue, BID, t10=[3, 4], t11=[5])

    do(venue, amend(1, 11, 2))

    assert queue(venue, BID, 10) == [(2, 4)]
    assert queue(venue, BID, 11) == [(3, 5), (1, 2)]


@pytest.mark.parametrize("qty_lots", [2, 3])
def test_a_replace_with_the_flag_tail_always_loses_its_place(venue, qty_lots):
    rest(venue, BID, t10=[3, 4])

    do(venue, amend(1, 10, qty_lots, terms=Term.TAIL))

    assert queue(venue, BID, 10) == [(2, 4), (1, qty_lots)]


def test_a_replace_that_crosses_matches_and_what_is_left_rests(venue):
    rest(venue, ASK, t12=[3])
    rest(venue, BID, t10=[5, 1])

    assert submit(venue, amend(2, 12, 5, new_id=9)) == 3

    trades, _ = v.drain(venue)
    assert [(t["maker_id"], t["taker_id"], t["qty_lots"]) for t in trades] == [(1, 9, 3)]
    assert depth(venue, BID) == [(12, 2), (10, 1)]
    assert told(venue) == (3, 2, 0)


def test_a_replace_that_is_filled_whole_is_gone(venue):
    rest(venue, ASK, t12=[3])
    rest(venue, BID, t10=[3])

    assert submit(venue, amend(2, 12, 3)) == 3

    assert depth(venue, BID) == depth(venue, ASK) == []
    assert submit(venue, cancel(2)) == Status.ORDER_ID_UNKNOWN


def test_a_replace_that_is_refused_leaves_the_order_where_it_was(venue):
    rest(venue, BID, t10=[3, 4])
    before = v.bytes_of(venue)

    for one in (amend(1, v.PRICE_MAX + 1, 1), amend(1, 10, 0), amend(1, 11, 3, new_id=2)):
        assert submit(venue, one) < 0
        assert v.bytes_of(venue) == before


def test_a_replace_needs_no_other_slot_when_every_slot_is_taken():
    venue = v.tiny_venue(orders=8)
    rest(venue, BID, t10=[1] * 8)

    assert submit(venue, buy(99, 10, 1)) == Status.ORDER_POOL_EXHAUSTED
    assert submit(venue, amend(1, 10, 5)) == 0
    assert queue(venue, BID, 10)[-1] == (1, 5)


# ---- self-trade prevention ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "result", "asks", "bids", "figures"),
    [
        (SelfTrade.NONE, 300, [], [(10, 200)], (300, 200, 0)),
        (SelfTrade.CANCEL_NEWEST, 0, [(10, 300)], [], (0, 0, 500)),
        (SelfTrade.CANCEL_OLDEST, 0, [], [(10, 500)], (0, 500, 300)),
        (SelfTrade.CANCEL_BOTH, 0, [], [], (0, 0, 500)),
        (SelfTrade.DECREMENT, 0, [], [(10, 200)], (0, 200, 300)),
    ],
)
def test_orders_of_one_owner_meet_as_in_the_worked_example(
    venue, mode, result, asks, bids, figures
):
    """300 rest to be sold at 10, and 500 of the same owner are to be bought."""
    do(venue, sell(1, 10, 300, owner=0))

    assert submit(venue, buy(2, 10, 500, owner=0, self_trade=mode)) == result

    assert depth(venue, ASK) == asks
    assert depth(venue, BID) == bids
    assert told(venue) == figures
    assert v.open_lots(venue) == (sum(q for _, q in bids), sum(q for _, q in asks))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("owners", [(NIL, NIL), (0, 1), (0, NIL), (NIL, 0)])
def test_orders_of_two_owners_trade_and_so_do_those_of_nobody(venue, mode, owners):
    do(venue, sell(1, 10, 3, owner=owners[0]))

    assert submit(venue, buy(2, 10, 3, owner=owners[1], self_trade=mode)) == 3


def test_the_mode_is_that_of_the_incoming_order(venue):
    do(venue, sell(1, 10, 3, owner=0, self_trade=SelfTrade.CANCEL_BOTH))

    assert submit(venue, buy(2, 10, 3, owner=0, self_trade=SelfTrade.NONE)) == 3


def test_what_traded_before_an_own_order_was_met_stays_traded(venue):
    do(venue, sell(1, 10, 3), sell(2, 10, 4, owner=0), sell(3, 10, 5))

    mode = SelfTrade.CANCEL_NEWEST
    assert submit(venue, buy(9, 10, 10, owner=0, self_trade=mode)) == 3

    assert queue(venue, ASK, 10) == [(2, 4), (3, 5)]
    assert told(venue) == (3, 0, 7)


def test_cancelling_the_oldest_goes_on_behind_it(venue):
    do(venue, sell(1, 10, 9, owner=0, display=2), sell(2, 10, 5), sell(3, 11, 1, owner=0))

    mode = SelfTrade.CANCEL_OLDEST
    assert submit(venue, buy(9, 11, 6, owner=0, self_trade=mode)) == 5

    assert depth(venue, ASK) == []
    assert told(venue) == (5, 1, 10)  # an iceberg is cancelled with what it hides
    assert v.open_lots(venue) == (1, 0)


@pytest.mark.parametrize(
    ("resting", "incoming", "asks", "bids"),
    [(5, 5, [], []), (7, 5, [(10, 2)], []), (5, 7, [], [(10, 2)])],
)
def test_a_decrement_cancels_the_smaller_or_both(venue, resting, incoming, asks, bids):
    do(venue, sell(1, 10, resting, owner=0))

    mode = SelfTrade.DECREMENT
    assert submit(venue, buy(2, 10, incoming, owner=0, self_trade=mode)) == 0

    assert depth(venue, ASK) == asks
    assert depth(venue, BID) == bids
    assert told(venue)[2] == min(resting, incoming)


def test_a_decremented_iceberg_is_refilled_at_the_tail(venue):
    do(venue, sell(1, 10, 10, display=4, owner=0), sell(2, 10, 3))

    mode = SelfTrade.DECREMENT
    assert submit(venue, buy(9, 10, 6, owner=0, self_trade=mode)) == 2

    assert queue(venue, ASK, 10) == [(2, 1), (1, 4)]
    assert told(venue) == (2, 0, 4)
    assert v.open_lots(venue) == (0, 6)


# ---- the clock ------------------------------------------------------------------------------


def test_an_order_rests_until_its_time_and_no_longer(venue):
    do(venue, buy(1, 10, 3, expiry=100), buy(2, 10, 4))

    do(venue, timer(99))
    assert queue(venue, BID, 10) == [(1, 3), (2, 4)]
    do(venue, timer(100))
    assert queue(venue, BID, 10) == [(2, 4)]
    assert venue.control[0]["expired_count"] == 1
    assert venue.control[0]["alarm_count"] == 0


def test_orders_expire_before_the_command_that_brings_the_time_is_judged(venue):
    do(venue, sell(1, 10, 3, expiry=100))

    assert submit(venue, buy(1, 10, 5, at=100)) == 0  # even its id is free

    assert depth(venue, ASK) == []
    assert depth(venue, BID) == [(10, 5)]


def test_the_clock_goes_on_with_a_command_that_is_refused(venue):
    do(venue, sell(1, 10, 3, expiry=100))

    assert submit(venue, cancel(77, at=100)) == Status.ORDER_ID_UNKNOWN

    assert depth(venue, ASK) == []
    assert venue.control[0]["now_ns"] == 100


def test_the_clock_never_goes_back(venue):
    do(venue, timer(100), timer(40), sell(1, 10, 3, at=50), buy(2, 10, 1, at=60))

    assert venue.control[0]["now_ns"] == 100
    assert venue.control[0]["time_reversed"] == 3
    assert v.drain(venue)[0][0]["venue_ns"] == 100
    assert submit(venue, buy(3, 9, 1, expiry=100, at=70)) == Status.EXPIRY_PAST


def test_orders_expire_in_any_order_of_their_times():
    venue = v.tiny_venue(orders=64, pages=8)
    times = np.random.default_rng(3).permutation(60).tolist()
    do(venue, *(buy(1 + k, 10, 1, expiry=10 + time) for k, time in enumerate(times)))
    do(venue, *(cancel(1 + k) for k in range(0, 60, 7)))

    for now in range(10, 71):
        do(venue, timer(now))
        left = [k for k, time in enumerate(times) if k % 7 and 10 + time > now]
        assert [order_id for order_id, _ in queue(venue, BID, 10)] == [1 + k for k in left]


def test_an_order_of_the_day_rests_to_the_end_of_the_session(venue):
    v.set_terms(venue, 0, session_end_ns=100)

    do(venue, buy(1, 10, 3, tif=DAY))
    v.set_terms(venue, 0, session_end_ns=200)  # the next one is none of its business

    do(venue, timer(99))
    assert depth(venue, BID) == [(10, 3)]
    do(venue, timer(100))
    assert depth(venue, BID) == []
    assert submit(venue, buy(2, 10, 3, tif=DAY, at=200)) == Status.SESSION_CLOSED


def test_an_order_expires_after_a_replace_as_it_would_have_before(venue):
    do(venue, buy(1, 10, 3, expiry=100))

    do(venue, amend(1, 11, 5, new_id=2), timer(99))
    assert queue(venue, BID, 11) == [(2, 5)]
    do(venue, timer(100))
    assert depth(venue, BID) == []


def test_an_order_that_is_gone_does_not_expire(venue):
    do(venue, buy(1, 10, 3, expiry=100), sell(2, 10, 3), buy(3, 10, 1, expiry=100), cancel(3))
    do(venue, buy(4, 10, 2), buy(5, 10, 2))  # in their slots

    do(venue, timer(100))

    assert queue(venue, BID, 10) == [(4, 2), (5, 2)]
    assert venue.control[0]["expired_count"] == 0


def test_there_is_room_for_so_many_orders_that_expire_and_not_one_more():
    venue = v.tiny_venue(alarms=2)
    v.set_terms(venue, 0, session_end_ns=100)

    do(venue, buy(1, 10, 3, expiry=50), buy(2, 10, 3, tif=DAY), buy(3, 10, 3))

    for one in (buy(4, 10, 3, expiry=50), buy(4, 10, 3, tif=DAY)):
        assert submit(venue, one) == Status.ALARM_POOL_EXHAUSTED
    do(venue, amend(1, 11, 4), cancel(2), buy(4, 10, 3, expiry=60), timer(60))
    assert depth(venue, BID) == [(10, 3)]


# ---- cancel, cancel all ---------------------------------------------------------------------


def test_a_partial_cancel_keeps_its_place_and_says_how_much(venue):
    rest(venue, BID, t10=[3, 4])

    assert submit(venue, cancel(1, 2)) == 2
    assert queue(venue, BID, 10) == [(1, 1), (2, 4)]
    assert submit(venue, cancel(1, 1)) == 1
    assert queue(venue, BID, 10) == [(2, 4)]


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({}, {1}),
        ({"symbol": 0}, {1, 4}),
        ({"side": ASK}, {1, 2, 4}),
        ({"symbol": 0, "side": BID}, {1, 3, 4}),
        ({"symbol": 1, "side": ASK}, {1, 2, 3, 4}),
    ],
)
def test_cancel_all_cancels_what_an_account_has_of_a_symbol_and_a_side(venue, where, left):
    do(
        venue,
        *(buy(1, 10, 1, owner=1), buy(2, 10, 1, owner=0)),
        *(sell(3, 11, 1, owner=0), buy(4, 10, 9, display=2, owner=0, symbol=1)),
    )

    assert submit(venue, cancel_all(0, **where)) == 4 - len(left)

    assert set(b.indexed_ids(venue.book)) == left | {0}
    assert venue.ledger.accounts[0]["open_count"] == len(left) - 1


def test_cancel_all_again_cancels_nothing(venue):
    do(venue, buy(1, 10, 1, owner=0))

    assert do(venue, cancel_all(0), cancel_all(0)) == [1, 0]


# ---- quotes ---------------------------------------------------------------------------------


def test_a_quote_enters_moves_and_withdraws_both_orders(venue):
    assert submit(venue, quote((1, 10, 5), (2, 12, 6), owner=0)) == 0
    assert depth(venue, BID) + depth(venue, ASK) == [(10, 5), (12, 6)]

    assert submit(venue, quote((1, 9, 5), (2, 13, 4), owner=0)) == 0
    assert depth(venue, BID) + depth(venue, ASK) == [(9, 5), (13, 4)]

    submit(venue, quote((1, 0, 0), (2, 13, 3), owner=0))
    assert depth(venue, BID) + depth(venue, ASK) == [(13, 3)]

    submit(venue, quote((1, 0, 0), (2, 0, 0), owner=0))
    assert depth(venue, BID) + depth(venue, ASK) == []


@pytest.mark.parametrize(("bid", "ask"), [(14, 16), (12, 13), (2, 4), (9, 10), (7, 9)])
def test_a_quote_that_moves_past_itself_does_not_meet_itself(venue, bid, ask):
    do(venue, quote((1, 10, 5), (2, 12, 6), owner=0))

    assert submit(venue, quote((1, bid, 5), (2, ask, 6), owner=0)) == 0

    assert traded(venue) == []
    assert depth(venue, BID) + depth(venue, ASK) == [(bid, 5), (ask, 6)]


def test_a_quote_tells_the_sum_of_what_both_orders_did(venue):
    do(venue, sell(7, 10, 2), buy(8, 9, 3))

    assert submit(venue, quote((1, 10, 5), (2, 9, 1), owner=0, self_trade=2)) == 3

    assert traded(venue) == [(7, 10, 2), (8, 9, 1)]
    assert told(venue) == (3, 3, 3)  # the bid's three that rested, the ask cancelled
    assert v.held(venue) == 1


def test_a_side_of_a_quote_never_touches_an_order_of_the_other_side(venue):
    do(venue, buy(1, 9, 3, owner=0), sell(2, 12, 3, owner=0))

    swapped = v.submit_many(venue, quote((2, 8, 4), (1, 13, 4), owner=0))
    withdrawn = v.submit_many(venue, quote((2, 0, 0), (1, 0, 0), owner=0))

    assert swapped == (2, [Status.ORDER_ID_DUPLICATE] * 2)
    assert withdrawn == (2, [0, 0])
    assert depth(venue, BID) + depth(venue, ASK) == [(9, 3), (12, 3)]
    b.assert_audited(venue.book)


def test_each_order_of_a_quote_has_its_own_status(venue):
    both = quote((1, 10, 5), (2, v.PRICE_MAX + 1, 6), owner=0)

    assert v.submit_many(venue, both) == (2, [0, Status.PRICE_OUT_OF_RANGE])
    assert depth(venue, BID) == [(10, 5)]

    both = quote((3, -1, 5), (4, 12, 6), owner=0)
    assert v.submit_many(venue, both) == (2, [Status.PRICE_OUT_OF_RANGE, 0])
    assert depth(venue, ASK) == [(12, 6)]
    assert submit(venue, quote((3, -1, 5), (4, 13, 6), owner=0)) == Status.PRICE_OUT_OF_RANGE
    assert depth(venue, ASK) == [(13, 6)]


def test_a_post_only_quote_is_refused_side_by_side(venue):
    rest(venue, ASK, t10=[3])

    both = quote((8, 10, 5), (9, 12, 6), owner=0, terms=Term.POST_ONLY)
    assert v.submit_many(venue, both) == (2, [Status.POST_ONLY_WOULD_TRADE, 0])
    assert depth(venue, ASK) == [(10, 3), (12, 6)]


# ---- taking from one price ------------------------------------------------------------------


def test_a_take_trades_in_queue_order_with_one_price_only(venue):
    do(venue, buy(1, 10, 3), buy(2, 11, 4), buy(3, 10, 9, display=2), buy(4, 10, 5))

    assert submit(venue, take(ASK, 10, 7, order_id=99)) == 7

    assert traded(venue) == [(1, 10, 3), (3, 10, 2), (4, 10, 2)]
    assert depth(venue, BID) == [(11, 4), (10, 5)]
    assert queue(venue, BID, 10) == [(4, 3), (3, 2)]


def test_a_take_gets_what_is_there_hidden_included_and_rests_nothing(venue):
    do(venue, buy(1, 10, 9, display=2))

    assert submit(venue, take(ASK, 10, 20)) == 9
    assert submit(venue, take(ASK, 10, 20)) == 0
    assert depth(venue, ASK) == depth(venue, BID) == []
    assert told(venue) == (0, 0, 0)


def test_a_take_prevents_self_trades_too(venue):
    do(venue, buy(1, 10, 3, owner=0), buy(2, 10, 4))

    assert submit(venue, take(ASK, 10, 5, owner=0, self_trade=SelfTrade.CANCEL_OLDEST)) == 4
    assert told(venue) == (4, 0, 3)
    assert v.open_lots(venue) == (0, 0)


# ---- the rings ------------------------------------------------------------------------------


def test_there_must_be_room_for_every_trade_before_the_first():
    venue = v.tiny_venue(lines=2, fill_lines=64)
    rest(venue, ASK, t10=[3, 4], t11=[5])
    before = v.bytes_of(venue)

    assert submit(venue, buy(9, 11, 12)) == Status.TRADE_RING_FULL
    assert v.bytes_of(venue) == before
    assert submit(venue, buy(9, 10, 12, tif=IOC)) == 7
    assert submit(venue, buy(9, 11, 1)) == Status.TRADE_RING_FULL
    assert submit(venue, buy(9, 9, 1)) == 0  # trades nothing
    assert len(v.drain(venue)[0]) == 2
    assert submit(venue, buy(10, 11, 1)) == 1


def test_each_refill_of_an_iceberg_needs_room_for_a_trade():
    for display, expected in ((3, Status.TRADE_RING_FULL), (5, 9)):
        venue = v.tiny_venue(lines=2, fill_lines=64)
        do(venue, sell(1, 10, 9, display=display))
        assert submit(venue, buy(9, 10, 9)) == expected


def test_there_are_no_more_trades_than_lots():
    venue = v.tiny_venue(lines=2, fill_lines=64)
    rest(venue, ASK, t10=[3, 4, 5])

    assert submit(venue, buy(9, 10, 2)) == 2


def test_an_own_order_that_is_only_cancelled_uses_nothing_up():
    """The oldest is cancelled, and five others are met behind it."""
    venue = v.tiny_venue(lines=4, fill_lines=64)
    do(venue, sell(1, 10, 5, owner=0), *(sell(k, 11, 1) for k in range(2, 7)))
    before = v.bytes_of(venue)

    one = buy(9, 11, 5, owner=0, self_trade=SelfTrade.CANCEL_OLDEST)

    assert submit(venue, one) == Status.TRADE_RING_FULL
    assert v.bytes_of(venue) == before


def test_a_take_needs_room_for_the_trades_at_its_price_only():
    venue = v.tiny_venue(lines=4, fill_lines=64, orders=12)
    do(venue, sell(1, 10, 5), *(sell(k, 11, 1) for k in range(2, 7)), sell(8, 12, 5))

    assert submit(venue, take(BID, 11, 5)) == Status.TRADE_RING_FULL
    assert submit(venue, take(BID, 12, 5)) == 5
    assert traded(venue) == [(8, 12, 5)]


def test_there_must_be_room_for_two_fills_of_every_trade():
    venue = v.tiny_venue(lines=64, fill_lines=4)
    do(venue, *(sell(k, 10, 3, owner=1) for k in (1, 2, 3)))
    before = v.bytes_of(venue)

    assert submit(venue, buy(9, 10, 9, owner=0)) == Status.FILL_RING_FULL
    assert v.bytes_of(venue) == before
    do(venue, cancel(3, owner=1))
    assert submit(venue, buy(9, 10, 9, owner=0, tif=IOC)) == 6
    assert len(v.drain(venue)[1]) == 4


def test_a_batch_stops_before_the_command_for_which_there_is_no_room():
    venue = v.tiny_venue(lines=2, fill_lines=64)
    rest(venue, ASK, t10=[1] * 5)
    commands = v.stream(buy(11, 10, 1), buy(12, 9, 1), buy(13, 10, 2), buy(14, 10, 1))

    for start, stop, expected in ((0, 2, [1, 0]), (2, 3, [2]), (3, 4, [1])):
        reached, statuses = v.submit_many(venue, commands, start)
        assert reached == stop
        assert statuses[start:stop] == expected
        assert v.submit_many(venue, commands, stop)[0] == stop  # as long as nobody drains
        v.drain(venue)


def test_a_command_that_no_empty_ring_has_room_for_is_refused_and_the_batch_goes_on():
    venue = v.tiny_venue(lines=2, fill_lines=64)
    rest(venue, ASK, t10=[1] * 3)

    commands = v.stream(buy(11, 10, 3), buy(12, 10, 2))

    assert v.submit_many(venue, commands) == (2, [Status.TRADE_RING_FULL, 2])


@pytest.mark.parametrize("lines", [2, 4])
def test_a_quote_waits_whole_for_room(lines):
    venue = v.tiny_venue(lines=lines, fill_lines=64)
    rest(venue, ASK, t10=[1, 1])
    rest(venue, BID, t8=[1, 1])
    before = v.bytes_of(venue)

    _, statuses = v.submit_many(venue, quote((11, 10, 2), (12, 8, 2), owner=0))

    if lines == 4:
        assert statuses == [2, 2]
    else:
        assert statuses == [Status.TRADE_RING_FULL] * 2
        assert v.bytes_of(venue) == before


@pytest.mark.parametrize("free", [2, 3, 4, 8])
def test_a_quote_that_meets_itself_is_done_once_or_not_at_all(free):
    """The bid trades two lots and rests with three, which the ask meets before two others."""
    venue = v.tiny_venue(lines=8, fill_lines=64)
    do(venue, *(one for _ in range(8 - free) for one in (sell(1, 3, 1), buy(2, 3, 1))))
    do(venue, sell(3, 12, 2), buy(4, 11, 1), buy(5, 11, 1))
    before = v.bytes_of(venue)

    reached, statuses = v.submit_many(venue, quote((50, 12, 5), (51, 10, 5), owner=0))

    if reached == 0:
        assert v.bytes_of(venue) == before
    else:
        assert statuses == [2, 5]
        assert v.drain(venue)[0][-4:][0]["maker_id"] == 3
    assert (reached == 0) == (free < 8)


# ---- what is written down -------------------------------------------------------------------


def test_a_trade_is_written_down_with_both_orders_and_owners(venue):
    do(venue, sell(1, 10, 3, owner=1, at=5), buy(2, 12, 2, owner=0, at=7), sell(3, 9, 1, at=8))
    do(venue, buy(4, 9, 1, at=9))

    trades, _ = v.drain(venue)

    first = {"venue_ns": 7, "price": 10, "qty_lots": 2, "maker_id": 1, "taker_id": 2}
    first |= {"number": 1, "symbol": 0, "maker_owner": 1, "taker_owner": 0, "side": BID}
    assert trades[0] == first
    assert [(t["number"], t["maker_owner"], t["taker_owner"]) for t in trades] == [
        (1, 1, 0),
        (2, NIL, NIL),
    ]


def test_the_book_remembers_its_last_trade_and_what_was_executed(venue):
    do(venue, sell(1, 10, 3), sell(2, 11, 4), buy(3, 11, 5, at=7))

    symbol = venue.book.symbols[0]
    assert [int(symbol[f"last_{name}"]) for name in ("price", "qty_lots", "ns")] == [11, 2, 7]
    assert symbol["traded_lots"] == symbol["ask_executed_lots"] == 5
    assert symbol["bid_executed_lots"] == 0


def test_a_level_that_was_set_as_a_whole_trades_without_a_name(venue):
    assert b.send(venue.book, b.level(ASK, 10, 5)) == 0
    rest(venue, ASK, t11=[4])

    assert submit(venue, buy(9, 11, 3)) == 3
    assert submit(venue, buy(9, 11, 3, owner=0)) == 3
    trades, fills = v.drain(venue)

    assert [(t["maker_id"], t["maker_owner"], t["qty_lots"]) for t in trades] == [
        (0, NIL, 3),
        (0, NIL, 2),
        (1, NIL, 1),
    ]
    assert len(fills) == 2
    b.assert_audited(venue.book)


BESTS = {
    "joins": (buy(9, 10, 1), 1),
    "is worse": (buy(9, 8, 1), 0),
    "is better": (buy(9, 11, 1), 1),
    "trades": (buy(9, 20, 1), 1),
    "takes behind the best": (take(BID, 21, 1), 0),
    "goes": (cancel(1), 1),
    "goes from behind": (cancel(2), 0),
    "shrinks": (amend(1, 10, 3), 1),
    "shrinks behind": (amend(2, 9, 3), 0),
    "moves away": (amend(1, 8, 5), 1),
    "is refused": (cancel(77), 0),
    "only time": (timer(5), 0),
    "its first side is worse, its second better": (quote((8, 8, 1), (9, 19, 1), owner=0), 1),
}


@pytest.mark.parametrize("why", BESTS)
def test_a_venue_tells_whether_its_last_command_changed_a_best_level(venue, why):
    rest(venue, BID, t10=[5], t9=[5])
    rest(venue, ASK, t20=[5], t21=[5])
    do(venue, timer(1))
    one, changed = BESTS[why]

    submit(venue, one)

    assert b.best_changed(venue.book) == bool(changed)
