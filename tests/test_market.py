"""The Python face of the books: both doors, and what neither lets through."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from mmjit import ASK, BID, EVENT, ArgumentError, Instrument, Kind, Market, RefusedError, Status

XYZ = Instrument(symbol="XYZ", price_unit="0.01")


@pytest.fixture
def market():
    return Market([XYZ, Instrument(symbol="ABC", price_unit="0.01")], orders=64)


def test_an_order_added_in_money_is_seen_in_integers(market):
    market.money.add(1, BID, "100.00", 500)

    best = market.best(BID)

    assert (best.price, best.qty_lots, best.order_count) == (10_000, 500, 1)
    assert market.money.best(BID) == (100.0, 500, 1)


def test_prices_and_quantities_that_are_not_whole_units_are_refused_not_rounded(market):
    for price, qty in (("100.001", 1), (100.001, 1), ("x", 1), ("nan", 1), (True, 1), ("1", "0.5")):
        with pytest.raises(ArgumentError):
            market.money.add(1, BID, price, qty)
    assert market.best(BID) is None


def test_amounts_are_converted_exactly_or_not_at_all(market):
    with localcontext(prec=3):
        market.money.add(1, BID, "123456.78", 500)
        market.money.add(2, BID, Decimal("123456.79"), Decimal(500))
    assert [order.price for order in market.orders(BID)] == [12_345_679, 12_345_678]

    for price in ("1.0000000000000000000000000000000001", "1e-40", "Infinity", "-inf", "1e400"):
        for written in (price, Decimal(price)):
            with pytest.raises(ArgumentError, match="price of XYZ"):
                market.money.add(3, BID, written, 1)


def test_a_symbol_that_there_is_none_of_has_no_money_either(market):
    for bad in (2, -1, "0", None, True, 0.0):
        for call in (
            lambda bad=bad: market.money.add(1, BID, "1", 1, symbol=bad),
            lambda bad=bad: market.money.best(BID, symbol=bad),
        ):
            with pytest.raises(ArgumentError, match=r"^symbol: "):
                call()


@pytest.mark.parametrize("bad", [1.0, "7", None, True, np.float64(3), np.bool_(True)])
def test_the_integer_door_takes_integers_only(market, bad):
    before = [a.tobytes() for a in (market.book.nodes, market.book.control, market.book.entries)]

    for call in (
        lambda: market.add(bad, BID, 1, 1),
        lambda: market.add(1, bad, 1, 1),
        lambda: market.add(1, BID, bad, 1),
        lambda: market.add(1, BID, 1, bad),
        lambda: market.add(1, BID, 1, 1, symbol=bad),
    ):
        with pytest.raises(ArgumentError):
            call()

    after = [a.tobytes() for a in (market.book.nodes, market.book.control, market.book.entries)]
    assert before == after


def test_numpy_integers_and_ids_up_to_64_bits_are_taken(market):
    market.add(np.uint64(2**64 - 1), BID, np.int32(5), np.int64(7))

    assert market.order(2**64 - 1).order_id == 2**64 - 1
    with pytest.raises(ArgumentError, match="order_id: 18446744073709551616 is not a"):
        market.add(2**64, BID, 5, 1)
    with pytest.raises(RefusedError) as refused:
        market.add(0, BID, 5, 1)
    assert refused.value.status == Status.ORDER_ID_ZERO


def test_a_refusal_names_the_rule_that_was_broken(market):
    market.add(1, BID, 5, 1)

    with pytest.raises(RefusedError, match="order_id_duplicate: an order with this id rests") as e:
        market.add(1, BID, 5, 1)

    assert e.value.status == Status.ORDER_ID_DUPLICATE
    assert e.value.exit_code == 2


def test_orders_come_in_priority_with_what_is_ahead_of_them(market):
    market.add(1, BID, 10, 5, time_ns=7)
    market.add(2, BID, 11, 3)
    market.add(3, BID, 10, 4)

    ids = [(o.order_id, o.price, o.qty_lots, o.ahead_lots) for o in market.orders(BID)]

    assert ids == [(2, 11, 3, 0), (1, 10, 5, 0), (3, 10, 4, 5)]
    assert [order.order_id for order in market.queue(BID, 10)] == [1, 3]
    assert market.queue(BID, 9) == []
    assert market.qty_ahead(3) == 5
    assert market.order(1).entered_ns == 7


def test_every_verb_does_what_it_says(market):
    market.add(1, ASK, 20, 10)
    market.reduce(1, 3)
    market.execute(1, 2)
    market.execute(1, 1, price=19)
    assert market.best(ASK).qty_lots == 4
    assert market.book.symbols[0]["last_price"] == 19

    market.replace(1, 9, 21, 8)
    assert market.order(9).price == 21
    assert market.best_changed

    market.set_level(BID, 3, 100)
    assert market.best(BID).order_count == 0

    market.delete(9)
    assert market.best(ASK) is None
    market.clear()
    assert market.best(BID) is None
    market.audit()


def test_symbols_do_not_touch_each_other(market):
    market.add(1, BID, 10, 5)
    market.add(2, BID, 99, 5, symbol=1)

    assert market.best(BID).price == 10
    assert market.best(BID, symbol=1).price == 99
    with pytest.raises(RefusedError, match="order_of_other_symbol"):
        market.delete(2)


def test_depth_has_as_many_levels_as_there_are(market):
    for price in (5, 7, 6):
        market.add(price, BID, price, 10 * price)

    depth = market.depth(10)

    assert depth["bid_price"].tolist() == [7, 6, 5]
    assert depth["bid_qty"].tolist() == [70, 60, 50]
    assert depth["bid_count"].tolist() == [1, 1, 1]
    assert depth["ask_price"].tolist() == []
    with pytest.raises(ArgumentError, match="levels"):
        market.depth(0)


def test_many_events_at_once_give_a_status_each(market):
    events = np.zeros(3, EVENT)
    events["kind"] = Kind.ADD
    events["order_id"] = [1, 1, 2]
    events["price"] = 4
    events["qty_lots"] = [1, 1, 0]

    statuses = market.apply(events)

    assert statuses[0] >= 0
    assert statuses[1:].tolist() == [Status.ORDER_ID_DUPLICATE, Status.QTY_NOT_POSITIVE]
    with pytest.raises(ArgumentError, match="events"):
        market.apply(np.zeros(3))


def test_equal_books_have_equal_hashes_and_different_ones_not():
    def built(qty):
        market = Market([XYZ])
        market.add(1, BID, 5, qty)
        return market.state_hash

    assert built(3) == built(3)
    assert built(3) != built(4)


def test_a_market_has_instruments():
    with pytest.raises(ArgumentError, match="at least one"):
        Market([])
