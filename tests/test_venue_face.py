"""The venue as Python sees it: both doors, accounts, the clock, and a state that is reopened."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

import mmjit
from mmjit import ASK, BID, Mode, SelfTrade, Status, TimeInForce, TradingStatus
from mmjit.core.bound import Bound
from mmjit.core.codes import Flag, Kind
from mmjit.core.venue import submit_all

XYZ = mmjit.Instrument(symbol="XYZ", price_unit="0.01")
OPEN = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp()) * 10**9


def new_venue(**more):
    return mmjit.Venue([XYZ], orders=64, **more)


def commands(*rows):
    made = np.zeros(len(rows), mmjit.COMMAND)
    made["flags"], made["owner"] = Flag.LAST, -1
    for one, row in zip(made, rows, strict=True):
        for name, value in row.items():
            one[name] = value
    return made


# ---- the usage example that this project was born from ---------------------------------------


def test_the_usage_example_of_the_design_comes_out_as_it_says():
    """A book and a tracker, 1,000 bid at 100.00 and offered at 100.10; somebody sells 500."""
    venue = mmjit.Venue([XYZ], limits=mmjit.Limits(max_position=10_000))
    venue.money.submit(1, BID, "100.00", 1_000)
    venue.money.submit(2, ASK, "100.10", 1_000)

    done = venue.money.execute_at("100.00", 500, ASK, owner=None)

    assert [int(trade["qty_lots"]) for trade in done.trades] == [500]
    assert venue.money.best(BID) == (100.0, 500, 1)
    assert venue.money.best(ASK) == (100.1, 1_000, 1)
    assert venue.tracker.position().net == Decimal("25.00")
    assert venue.tracker.totals()["USD"].net == Decimal("25.00")


def test_the_same_with_a_book_and_a_tracker_apart():
    venue = mmjit.Venue([XYZ])
    tracker = mmjit.Tracker([XYZ], limits=mmjit.Limits(max_position=10_000))
    venue.money.submit(1, BID, "100.00", 1_000, owner=None)
    venue.money.submit(2, ASK, "100.10", 1_000, owner=None)
    venue.money.execute_at("100.00", 500, ASK, owner=None)

    tracker.money.record(BID, "100.00", 500)
    tracker.money.mark("100.05")

    assert tracker.position().net == Decimal("25.00")
    assert venue.tracker.position().net == 0


# ---- orders ----------------------------------------------------------------------------------


def test_what_came_of_an_order_is_told():
    venue = new_venue()
    venue.submit(1, ASK, 101, 5, owner=None)
    venue.submit(2, ASK, 102, 5, owner=None)

    done = venue.submit(3, BID, 102, 8)

    assert (done.filled_lots, done.rested_lots, done.prevented_lots) == (8, 0, 0)
    assert done.trades["maker_id"].tolist() == [1, 2]
    assert done.trades["price"].tolist() == [101, 102]


def test_a_market_order_has_no_price_and_leaves_nothing_behind():
    venue = new_venue()
    venue.submit(1, ASK, 101, 5, owner=None)

    done = venue.submit(2, BID, None, 8, owner=None)

    assert (done.filled_lots, done.rested_lots) == (5, 0)
    assert venue.best(BID) is None


def test_an_iceberg_shows_its_part():
    venue = new_venue()

    venue.money.submit(1, BID, "1.00", 100, display_qty=10)

    assert venue.best(BID).qty_lots == 10
    assert venue.submit(2, ASK, 100, 25, owner=None).filled_lots == 25


def test_an_order_to_a_time_expires_by_the_clock():
    venue = new_venue()
    venue.submit(1, BID, 100, 5, expires_ns=1_000)

    venue.advance(999)
    assert venue.best(BID) is not None
    venue.advance(1_000)
    assert venue.best(BID) is None


def test_a_gtd_order_without_a_time_is_an_error_in_the_call():
    with pytest.raises(mmjit.ArgumentError, match="expires_ns"):
        new_venue().submit(1, BID, 100, 5, tif=TimeInForce.GTD)


def test_a_day_order_needs_a_session_and_ends_with_it():
    venue = mmjit.Venue(
        [
            mmjit.Instrument(
                symbol="ABC", session=mmjit.Session(timezone="America/New_York", close="16:00")
            )
        ]
    )
    with pytest.raises(mmjit.RefusedError, match="session_closed"):
        venue.submit(1, BID, 100, 5, tif=TimeInForce.DAY)

    venue.start_session(OPEN)
    venue.submit(1, BID, 100, 5, tif=TimeInForce.DAY)

    close = int(datetime(2026, 1, 5, 21, tzinfo=UTC).timestamp()) * 10**9  # 16:00 in New York
    venue.advance(close - 1)
    assert venue.best(BID) is not None
    venue.advance(close)
    assert venue.best(BID) is None


def test_a_quote_has_a_status_for_each_side():
    venue = new_venue(limits=mmjit.Limits(max_long=10))

    assert venue.quote((1, 99, 10), (2, 101, 10)) == (Status.OK, Status.OK)
    assert venue.quote((1, 98, 11), (2, 102, 5)) == (Status.MAX_LONG, Status.OK)

    assert venue.order(1).price == 99
    assert venue.order(2).qty_lots == 5


def test_a_quote_of_nothing_cancels_a_side():
    venue = new_venue()
    venue.quote((1, 99, 10), (2, 101, 10))

    venue.quote((1, 99, 0), (2, 101, 10))

    assert venue.best(BID) is None
    assert venue.best(ASK).price == 101


def test_orders_are_cancelled_by_symbol_and_side():
    venue = mmjit.Venue([XYZ, mmjit.Instrument(symbol="ABC")])
    venue.submit(1, BID, 100, 5)
    venue.submit(2, ASK, 200, 5)
    venue.submit(3, BID, 100, 5, symbol=1)

    assert venue.cancel_all(symbol=0, side=BID) == 1
    assert venue.cancel_all() == 2
    assert venue.cancel_all() == 0


def test_part_of_an_order_can_be_cancelled():
    venue = new_venue()
    venue.submit(1, BID, 100, 5)

    assert venue.cancel(1, 2) == 2
    assert venue.order(1).qty_lots == 3
    assert venue.cancel(1) == 3


def test_an_amend_that_shrinks_keeps_its_place_unless_it_is_told_not_to():
    venue = new_venue()
    for order_id in (1, 2):
        venue.submit(order_id, BID, 100, 5)

    venue.amend(1, 100, 4)
    assert venue.qty_ahead(1) == 0
    venue.amend(1, 100, 3, keep_place=False, new_id=7)
    assert venue.qty_ahead(7) == 5


def test_what_would_trade_with_itself_is_prevented_and_told():
    venue = new_venue()
    venue.submit(1, ASK, 100, 300)

    done = venue.submit(2, BID, 100, 500, self_trade=SelfTrade.DECREMENT)

    assert (done.filled_lots, done.rested_lots, done.prevented_lots) == (0, 200, 300)


def test_a_halted_symbol_takes_no_orders_but_cancels():
    venue = new_venue()
    venue.submit(1, BID, 100, 5)
    venue.set_status(TradingStatus.HALTED)

    with pytest.raises(mmjit.RefusedError, match="symbol_halted"):
        venue.submit(2, BID, 100, 5)
    assert venue.cancel(1) == 5

    venue.set_status(TradingStatus.TRADING)
    venue.submit(2, BID, 100, 5)


@pytest.mark.compiled
def test_a_batch_has_a_status_for_each_record_and_drains_the_rings_as_it_goes():
    venue = mmjit.Venue([XYZ], orders=1 << 17)
    count = 70_000  # more trades than a ring has lines
    asks = np.zeros(count, mmjit.COMMAND)
    asks["kind"], asks["flags"], asks["owner"] = Kind.NEW, Flag.LAST, -1
    asks["order_id"], asks["side"] = np.arange(count) + 1, ASK
    asks["price"], asks["qty_lots"] = 100, 1
    bids = asks.copy()
    bids["order_id"] += count
    bids["side"] = BID
    bids["owner"] = 0

    assert (venue.submit_all(asks) == 0).all()
    assert (venue.submit_all(bids) == 1).all()

    assert len(venue.trades()) == len(venue.tracker.fills()) == count
    assert venue.trades()["number"].tolist() == list(range(1, count + 1))
    assert venue.tracker.position().qty == count


def test_a_refusal_in_a_batch_is_a_status_and_is_counted():
    venue = new_venue()
    rows = commands(
        {"kind": Kind.NEW, "order_id": 1, "price": 100, "qty_lots": 5},
        {"kind": Kind.NEW, "order_id": 1, "price": 100, "qty_lots": 5},
        {"kind": Kind.CANCEL, "order_id": 9},
        {"kind": Kind.CANCEL, "order_id": 1},
    )

    statuses = venue.submit_all(rows)

    assert statuses.tolist() == [0, Status.ORDER_ID_DUPLICATE, Status.ORDER_ID_UNKNOWN, 5]
    assert venue.refusals(None) == {"order_id_duplicate": 1, "order_id_unknown": 1}
    assert venue.refusals() == {}


# ---- bad arguments ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda v: v.submit(0, BID, 100, 5), "order_id"),
        (lambda v: v.submit(1 << 64, BID, 100, 5), "order_id"),
        (lambda v: v.submit(1, 2, 100, 5), "side"),
        (lambda v: v.submit(1, BID, 1.5, 5), "price"),
        (lambda v: v.submit(1, BID, "1", 5), "money"),
        (lambda v: v.submit(1, BID, 100, True), "qty_lots"),
        (lambda v: v.submit(1, BID, 100, None), "qty_lots"),
        (lambda v: v.submit(1, BID, 100, 5, symbol=1), "symbol"),
        (lambda v: v.submit(1, BID, 100, 5, owner=1), "owner"),
        (lambda v: v.submit(1, BID, 100, 5, tif=5), "tif"),
        (lambda v: v.submit(1, BID, 100, 5, self_trade=5), "self_trade"),
        (lambda v: v.money.submit(1, BID, "1.005", 5), "not a multiple"),
        (lambda v: v.money.submit(1, BID, float("nan"), 5), "price of XYZ"),
        (lambda v: v.submit_all(np.zeros(3)), "COMMAND"),
        (lambda v: v.submit_all([]), "COMMAND"),
        (lambda v: v.set_status(9), "status"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused_by_name(call, match):
    venue = new_venue()

    with pytest.raises(mmjit.ArgumentError, match=match):
        call(venue)

    assert venue.now_ns == 0
    assert venue.best(BID) is None


def test_a_refused_order_raises_with_its_status_and_leaves_nothing():
    venue = new_venue(limits=mmjit.Limits(max_order_qty=4))

    with pytest.raises(mmjit.RefusedError, match="max_order_qty") as refused:
        venue.submit(1, BID, 100, 5)

    assert refused.value.status == Status.MAX_ORDER_QTY
    assert venue.best(BID) is None
    assert venue.refusals() == {"max_order_qty": 1}


# ---- accounts --------------------------------------------------------------------------------


def test_the_kill_switch_cancels_everything_and_is_reset_in_two_steps():
    venue = new_venue()
    venue.quote((1, 99, 10), (2, 101, 10))

    venue.kill()

    assert venue.best(BID) is None
    assert venue.best(ASK) is None
    assert venue.tracker.mode is Mode.FROZEN
    with pytest.raises(mmjit.RefusedError, match="kill_switch"):
        venue.submit(3, BID, 99, 1)
    with pytest.raises(mmjit.RefusedError, match="kill_switch_armed"):
        venue.tracker.resume()
    venue.tracker.disarm()
    with pytest.raises(mmjit.RefusedError, match="kill_switch"):
        venue.submit(3, BID, 99, 1)
    venue.tracker.resume()
    venue.submit(3, BID, 99, 1)


def test_the_switch_of_the_tracker_works_at_once_too():
    venue = new_venue()
    venue.submit(1, BID, 99, 10)

    venue.tracker.kill()

    assert venue.best(BID) is None


def test_two_accounts_trade_with_each_other_and_each_is_counted():
    venue = new_venue(accounts=2, maker_fee="-0.0001", taker_fee="0.0003")
    venue.submit(1, BID, 10_000, 10, owner=0)

    venue.submit(2, ASK, 10_000, 4, owner=1)

    ours, theirs = venue.tracker.position(), venue.tracker.account(1).position()
    assert (ours.qty, theirs.qty) == (4, -4)
    assert (ours.fees, theirs.fees) == (Decimal("-0.04"), Decimal("0.12"))
    assert ours.rebates == Decimal("0.04")
    assert len(venue.tracker.fills()) == len(venue.tracker.account(1).fills()) == 1


def test_a_daily_loss_lets_only_reducing_orders_in_until_the_next_session():
    venue = new_venue(limits=mmjit.Limits(max_daily_loss=10))
    venue.submit(1, BID, 10_000, 100)
    venue.submit(2, ASK, 10_000, 100, owner=None)  # long 100 at 100.00
    venue.submit(3, BID, 9_000, 1)
    venue.submit(4, BID, 9_980, 50, owner=None)
    venue.submit(5, ASK, 10_000, 50, owner=None)  # the mid is 99.90: 10 lost

    assert venue.tracker.mode is Mode.REDUCE_ONLY
    assert venue.tracker.cause is Status.MAX_DAILY_LOSS
    with pytest.raises(mmjit.RefusedError, match="order_id_unknown"):
        venue.order(3)  # cancelled
    with pytest.raises(mmjit.RefusedError, match="max_daily_loss"):
        venue.submit(6, BID, 9_000, 1)
    venue.submit(6, ASK, 11_000, 100)

    venue.start_session(OPEN)

    assert venue.tracker.mode is Mode.NORMAL
    venue.submit(7, BID, 9_000, 1)


# ---- a state ---------------------------------------------------------------------------------


def make_state(path):
    return mmjit.create_state(path, mmjit.Capacity(symbols=1, orders=64, fills=64))


def test_everything_is_as_it_was_after_reopening(tmp_path):
    with make_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state, limits=mmjit.Limits(max_drawdown=5, max_long=200))
        venue.submit(1, BID, 10_000, 100, display_lots=10, time_ns=5)
        venue.submit(2, ASK, 10_000, 60, owner=None)
        venue.submit(3, BID, 9_000, 1, owner=None)
        before = venue.tracker.position()
        marks = venue.state_hash

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        assert venue.state_hash == marks
        assert venue.tracker.position() == before
        assert venue.now_ns == 5
        assert venue.tracker.ledger.limits[0]["max_long"] == 200
        assert venue.submit(4, ASK, 10_000, 25, owner=None).filled_lots == 25  # it hid more


def test_a_latch_and_a_kill_switch_survive_reopening(tmp_path):
    with make_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state, limits=mmjit.Limits(max_drawdown=10))
        venue.submit(1, BID, 10_000, 100)
        venue.submit(2, ASK, 10_000, 100, owner=None)
        venue.submit(4, BID, 9_980, 50, owner=None)
        venue.submit(5, ASK, 10_000, 50, owner=None)
        assert venue.tracker.cause is Status.MAX_DRAWDOWN

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        with pytest.raises(mmjit.RefusedError, match="max_drawdown"):
            venue.submit(6, BID, 9_000, 1)
        venue.kill()

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        with pytest.raises(mmjit.RefusedError, match="kill_switch"):
            venue.submit(6, ASK, 11_000, 1)


def test_fees_and_marking_stay_as_they_were_unless_they_are_given(tmp_path):
    with make_state(tmp_path / "s") as state:
        mmjit.Venue([XYZ], state, maker_fee="-0.0001", taker_fee="0.0003", marking="last")

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.submit(1, BID, 10_000, 10)
        venue.submit(2, ASK, 10_000, 10, owner=None)
        venue.submit(3, ASK, 10_002, 10, owner=None)
        venue.submit(4, BID, 10_002, 10, owner=None)
        assert venue.tracker.position().fees == Decimal("-0.10")
        assert venue.tracker.position().mark == Decimal("100.02")

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state, taker_fee=0)
        assert venue.arrays.ledger.terms[0]["maker_fee"] == 0


def test_a_position_is_marked_by_the_market_after_reopening(tmp_path):
    with make_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.submit(1, BID, 10_000, 5)
        venue.submit(2, ASK, 10_000, 5, owner=None)

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.submit(3, BID, 9_000, 5, owner=None)
        venue.submit(4, ASK, 9_002, 5, owner=None)
        assert venue.tracker.position().mark == Decimal("90.01")


def test_fills_that_nobody_drained_are_there_after_reopening(tmp_path):
    with make_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.submit(1, BID, 100, 5)
        sale = commands({"kind": Kind.NEW, "order_id": 2, "side": ASK, "price": 100, "qty_lots": 5})
        submit_all(Bound(venue.arrays), sale, 0, np.zeros(1, np.int64))

    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.drain()
        assert venue.tracker.fills()["qty_lots"].tolist() == [5]
        assert venue.trades()["taker_id"].tolist() == [2]


def test_a_state_open_for_reading_takes_no_orders(tmp_path):
    make_state(tmp_path / "s").close()
    with mmjit.open_state(tmp_path / "s") as state:
        mmjit.Venue([XYZ], state).submit(1, BID, 100, 5)

    with mmjit.open_state(tmp_path / "s", writable=False) as state:
        venue = mmjit.Venue([XYZ], state)
        assert venue.best(BID).qty_lots == 5
        with pytest.raises(mmjit.StateError, match="read-only"):
            venue.submit(2, BID, 100, 5)


def test_an_instrument_that_would_count_what_was_traded_otherwise_is_refused(tmp_path):
    make_state(tmp_path / "s").close()
    with mmjit.open_state(tmp_path / "s") as state:
        venue = mmjit.Venue([XYZ], state)
        venue.submit(1, BID, 100, 5)
        venue.submit(2, ASK, 100, 5, owner=None)

    with mmjit.open_state(tmp_path / "s") as state:
        finer = mmjit.Instrument(symbol="XYZ", price_unit="0.0001")
        with pytest.raises(mmjit.StateError, match="point_pico"):
            mmjit.Venue([finer], state)


def test_instruments_of_more_currencies_than_a_state_has_room_for_are_refused(tmp_path):
    euro = mmjit.Instrument(symbol="EUR", currency="EUR")
    capacity = mmjit.Capacity(symbols=2, orders=64, fills=64)
    with (
        mmjit.create_state(tmp_path / "s", capacity) as state,
        pytest.raises(mmjit.ArgumentError, match="currenc"),
    ):
        mmjit.Venue([XYZ, euro], state)


def test_more_instruments_than_a_state_has_room_for_are_refused(tmp_path):
    with make_state(tmp_path / "s") as state, pytest.raises(mmjit.ArgumentError, match="symbols"):
        mmjit.Venue([XYZ, mmjit.Instrument(symbol="ABC")], state)
