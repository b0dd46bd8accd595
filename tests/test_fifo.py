"""First in, first out from the log of fills, beside the average cost of the account."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit import ArgumentError, Instrument
from mmjit.core.tables import FILL
from mmjit.fifo import first_in_first_out

STOCK = Instrument(symbol="XYZ", price_unit="0.01")
FUTURE = Instrument(symbol="ES", price_unit="0.25", multiplier="50")
INVERSE = Instrument(symbol="XBTUSD", price_unit="0.5", contract="inverse")
BUY, SELL = 0, 1

# The worked sequences: fills, what is realised after each, then after how many of them the position
# is marked where, and what is unrealised there. Prices in currency.
WORKED = {
    "A": (
        ["B100@10", "B200@10.30", "S150@10.50", "S150@9.90"],
        ["0", "0", "60", "0"],
        (3, "9.90", "-60"),
    ),
    "B": (["B100@10", "S150@10.40", "B50@10.10"], ["0", "40", "55"], (2, "10.10", "15")),
    "C": (["S100@50", "S100@52", "B50@49"], ["0", "0", "50"], (3, "51", "50")),
}


def log(instrument, texts):
    """FILL out of texts such as B100@10.30."""
    lines = np.zeros(len(texts), FILL)
    for number, text in enumerate(texts):
        qty, price = text[1:].split("@")
        lines[number]["side"] = BUY if text[0] == "B" else SELL
        lines[number]["qty_lots"] = int(qty)
        lines[number]["price"] = instrument.price(price)
        lines[number]["venue_ns"] = lines[number]["order_id"] = number + 1
    return lines


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_sequences_realise_what_they_should(name):
    texts, realised, (count, mark, unrealised) = WORKED[name]
    lines = log(STOCK, texts)

    found = [first_in_first_out(lines[: n + 1], STOCK).realised for n in range(len(texts))]
    marked = first_in_first_out(lines[:count], STOCK)

    assert found == [Fraction(value) for value in realised]
    assert marked.unrealised(STOCK.price(mark)) == Fraction(unrealised)


def test_a_multiplier_multiplies():
    fifo = first_in_first_out(log(FUTURE, ["B2@5000", "S1@5001.25"]), FUTURE)

    assert fifo.realised == Fraction("62.5")
    assert fifo.unrealised(FUTURE.price("4999.50")) == -25


def test_an_inverse_contract_is_worth_more_of_its_currency_when_the_price_rises():
    fifo = first_in_first_out(log(INVERSE, ["B10000@10000", "S5000@11000"]), INVERSE)

    assert fifo.realised == Fraction(5000, 10000) - Fraction(5000, 11000)
    assert fifo.unrealised(INVERSE.price("12000")) == Fraction(5000, 10000) - Fraction(5000, 12000)


def test_two_inverse_purchases_are_each_worth_what_they_cost():
    fifo = first_in_first_out(log(INVERSE, ["B10000@10000", "B10000@12500"]), INVERSE)

    assert fifo.realised == 0
    assert fifo.unrealised(INVERSE.price("12500")) == Fraction("0.2")


def test_the_open_lots_are_what_is_left_oldest_first():
    fifo = first_in_first_out(log(STOCK, ["B100@10", "B200@10.30", "S150@10.50"]), STOCK)

    assert [(lot.price, lot.qty_lots, lot.order_id) for lot in fifo.lots] == [(1030, 150, 2)]

    fifo = first_in_first_out(log(STOCK, ["B100@10", "B200@10.30", "S30@10.50"]), STOCK)

    assert [(lot.price, lot.qty_lots) for lot in fifo.lots] == [(1000, 70), (1030, 200)]
    assert fifo.position_lots == 270


def test_a_fill_that_crosses_zero_opens_what_is_left_of_it():
    fifo = first_in_first_out(log(STOCK, ["B100@10", "S150@10.40"]), STOCK)

    assert [(lot.price, lot.qty_lots) for lot in fifo.lots] == [(1040, -50)]


def test_a_log_without_fills_is_flat():
    fifo = first_in_first_out(np.zeros(0, FILL), STOCK)

    assert (fifo.realised, fifo.lots, fifo.unrealised(1)) == (0, (), 0)


@pytest.mark.parametrize("field", ["symbol", "owner"])
def test_a_log_of_several_is_refused(field):
    lines = log(STOCK, ["B1@1", "B1@1"])
    lines[1][field] = 1

    with pytest.raises(ArgumentError, match=f"more than one {field}"):
        first_in_first_out(lines, STOCK)


def test_what_is_no_log_is_refused():
    for bad in ([1], np.zeros(3), np.zeros((1, 1), FILL)):
        with pytest.raises(ArgumentError, match="fills"):
            first_in_first_out(bad, STOCK)


def naive(lines):
    """First in, first out, lot by lot, in points."""
    queue, realised = [], 0
    for line in lines:
        sign = 1 if line["side"] == BUY else -1
        for _ in range(int(line["qty_lots"])):
            if queue and queue[0][0] != sign:
                held, price = queue.pop(0)
                realised += held * (int(line["price"]) - price)
            else:
                queue.append((sign, int(line["price"])))
    return realised, queue


fills = st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 9), st.integers(-20, 20))


@given(st.lists(fills, max_size=20))
def test_lots_closed_in_runs_are_lots_closed_one_by_one(given_fills):
    lines = np.zeros(len(given_fills), FILL)
    for number, (side, qty, price) in enumerate(given_fills):
        lines[number]["side"], lines[number]["qty_lots"], lines[number]["price"] = side, qty, price

    fifo = first_in_first_out(lines, STOCK)
    realised, queue = naive(lines)

    assert fifo.realised == Fraction(realised, 100)
    assert [(1 if lot.qty_lots > 0 else -1, lot.price) for lot in fifo.lots for _ in
            range(abs(lot.qty_lots))] == queue  # fmt: skip


@given(st.lists(fills, max_size=20), st.integers(-20, 20))
def test_what_is_realised_and_unrealised_is_cash_and_the_position_at_its_mark(given_fills, mark):
    lines = np.zeros(len(given_fills), FILL)
    for number, (side, qty, price) in enumerate(given_fills):
        lines[number]["side"], lines[number]["qty_lots"], lines[number]["price"] = side, qty, price

    fifo = first_in_first_out(lines, STOCK)

    signed = np.where(lines["side"] == BUY, 1, -1) * lines["qty_lots"]
    worth = int(np.sum(signed * (mark - lines["price"])))
    assert fifo.realised + fifo.unrealised(mark) == Fraction(worth, 100)
