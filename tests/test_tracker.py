"""The tracker: positions, P&L, history and limits of an account, through both of its doors."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit import ASK, BID, ArgumentError, Instrument, Limits, RefusedError, Status, Tracker
from mmjit.core.codes import Marking, Mode
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.core.tables import FILL
from mmjit.fifo import value_of

STOCK = Instrument(symbol="XYZ", price_unit="0.01")
OTHER = Instrument(symbol="ABC", price_unit="0.01", currency="EUR", lot_size="0.1")
FUTURE = Instrument(symbol="ES", price_unit="0.25", multiplier="50")
COIN = Instrument(symbol="BTC", price_unit="0.01", lot_size="0.1")
INVERSE = Instrument(symbol="XBTUSD", price_unit="0.5", contract="inverse")


def record(tracker, *texts, symbol=0, maker=True):
    """Fills out of texts such as B100@10.30."""
    for text in texts:
        qty, price = text[1:].split("@")
        tracker.money.record(BID if text[0] == "B" else ASK, price, qty, symbol=symbol, maker=maker)


def bytes_of(tracker):
    return [array.tobytes() for array in tracker.ledger]


@pytest.fixture
def tracker():
    return Tracker([STOCK])


# ---- the example this project was born from -------------------------------------------------


def test_buying_500_at_100_00_is_worth_25_at_a_mid_of_100_05():
    tracker = Tracker([STOCK], limits=Limits(max_position=10_000))

    tracker.money.record(BID, "100.00", 500)
    tracker.money.mark("100.05")

    position = tracker.position()
    assert position.net == position.unrealised == Decimal("25.00")
    assert (position.long_qty, position.average_cost) == (500, Decimal("100.00"))
    assert tracker.totals()["USD"].equity == Decimal("25.00")


# ---- the worked sequences -------------------------------------------------------------------

# Fills, then (position, average cost, realised) after each, then after how many of them the
# position is marked where, and what is unrealised and in total there.
WORKED = {
    "A": (
        STOCK,
        ["B100@10", "B200@10.30", "S150@10.50", "S150@9.90"],
        [(100, "10", "0"), (300, "10.20", "0"), (150, "10.20", "45"), (0, None, "0")],
        (3, "9.90", "-45", "0"),
    ),
    "B": (
        STOCK,
        ["B100@10", "S150@10.40", "B50@10.10"],
        [(100, "10", "0"), (-50, "10.40", "40"), (0, None, "55")],
        (2, "10.10", "15", "55"),
    ),
    "C": (
        STOCK,
        ["S100@50", "S100@52", "B50@49"],
        [(-100, "50", "0"), (-200, "51", "0"), (-150, "51", "100")],
        (3, "51", "0", "100"),
    ),
    "F": (
        FUTURE,
        ["B2@5000", "S1@5001.25"],
        [(2, "5000", "0"), (1, "5000", "62.5")],
        (2, "4999.50", "-25", "37.5"),
    ),
}


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_sequences_come_out_by_average_cost(name):
    instrument, texts, after, (count, mark, unrealised, total) = WORKED[name]
    tracker = Tracker([instrument])

    for number, (text, (qty, average, realised)) in enumerate(zip(texts, after, strict=True)):
        record(tracker, text)
        position = tracker.position()
        assert position.qty == qty
        assert position.average_cost == (None if average is None else Decimal(average))
        assert position.realised == Decimal(realised)
        if number + 1 == count:
            tracker.money.mark(mark)
            position = tracker.position()
            assert (position.unrealised, position.net) == (Decimal(unrealised), Decimal(total))


def test_fees_are_kept_apart_from_what_is_realised():
    tracker = Tracker([COIN], maker_fee="-0.00005", taker_fee="0.0007")
    seen = []

    for text, maker in (("B1@20000", True), ("S0.4@20010", True), ("S0.6@20005", False)):
        record(tracker, text, maker=maker)
        seen.append((tracker.position().realised, tracker.position().fees))

    assert seen == [
        *((0, Decimal("-1")), (4, Decimal("-1.4002"))),
        (7, Decimal("7.0019")),
    ]
    assert tracker.position().net == Decimal("-0.0019")
    assert tracker.position().rebates == Decimal("1.4002")
    assert tracker.totals()["USD"].fees == Decimal("7.0019")


def test_an_inverse_contract_realises_in_the_currency_it_settles_in():
    tracker = Tracker([INVERSE])

    record(tracker, "B10000@10000", "S5000@11000")
    tracker.money.mark("12000")

    position = tracker.position()
    assert position.currency == "XBT"
    assert position.average_cost == 10_000
    near = pytest.approx
    assert float(position.realised) == near(1 / 22, abs=2e-12)
    assert float(position.unrealised) == near(1 / 12, abs=2e-12)
    assert float(position.net) == near(1 / 22 + 1 / 12, abs=3e-12)


def test_the_average_of_an_inverse_contract_is_the_harmonic_mean():
    tracker = Tracker([INVERSE])

    record(tracker, "B10000@10000", "B10000@12500")
    tracker.money.mark("12500")

    position = tracker.position()
    assert position.average_exact == Fraction(100_000, 9)
    assert position.average_cost == Decimal("11111.111111111111")
    assert position.net == Decimal("0.2")


def test_first_in_first_out_differs_where_the_oldest_lots_cost_less(tracker):
    record(tracker, "B100@10", "B200@10.30", "S150@10.50")

    assert tracker.position().realised == 45
    assert tracker.fifo().realised == 60
    assert tracker.fifo().unrealised(STOCK.price("9.90")) == -60
    assert [(lot.price, lot.qty_lots) for lot in tracker.fifo().lots] == [(1030, 150)]


# ---- doors and refusals ---------------------------------------------------------------------


def test_both_doors_lead_to_the_same_ledger():
    money, whole = Tracker([OTHER]), Tracker([OTHER])

    money.money.record(ASK, "7.25", "1.3", time_ns=5, order_id=2**64 - 1)
    money.money.mark("7.255", time_ns=6)
    whole.record(ASK, 725, 13, time_ns=5, order_id=2**64 - 1)
    whole.mark_twice(1451, time_ns=6)

    assert bytes_of(money) == bytes_of(whole)
    assert money.fills().tobytes() == whole.fills().tobytes()
    assert money.position().mark == Decimal("7.255")
    assert money.money.check(BID, "7.25", "1.3") == whole.check(BID, 725, 13) == Status.OK


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.record(2, 1, 1),
        lambda t: t.record(BID, 1.0, 1),
        lambda t: t.record(BID, 1, "1"),
        lambda t: t.record(BID, True, 1),
        lambda t: t.record(BID, 1, 1, symbol=1),
        lambda t: t.record(BID, 1, 1, order_id=-1),
        lambda t: t.record(BID, 1, 1, order_id=1 << 64),
        lambda t: t.record(BID, 1, 1, time_ns=1 << 63),
        lambda t: t.money.record(BID, "1.001", 1),
        lambda t: t.money.record(BID, 1, "0.5"),
        lambda t: t.record(BID, 1, 1, maker="no"),
        lambda t: t.start_session(reset_peak=1),
        lambda t: t.mark(1.5),
        lambda t: t.mark(1, symbol=-1),
        lambda t: t.money.mark("1.0025"),
        lambda t: t.money.mark("x"),
        lambda t: t.money.mark(None),
        lambda t: t.position(1),
        lambda t: t.check(2, 1, 1),
        lambda t: t.fills(symbol=7),
        lambda t: t.fills(order_id=-1),
        lambda t: t.fills(since_ns=0.5),
        lambda t: t.append_fills(np.zeros(3)),
        lambda t: t.account(1),
    ],
)
def test_an_argument_that_is_none_is_refused_and_leaves_no_trace(tracker, call):
    record(tracker, "B1@1")
    before = bytes_of(tracker)

    with pytest.raises(ArgumentError):
        call(tracker)

    assert bytes_of(tracker) == before
    assert len(tracker.fills()) == 1


@pytest.mark.parametrize("qty", [0, -1])
def test_a_fill_of_nothing_is_refused(tracker, qty):
    with pytest.raises(RefusedError) as refused:
        tracker.record(BID, 100, qty)

    assert refused.value.status == Status.QTY_NOT_POSITIVE
    assert len(tracker.fills()) == 0


def test_a_fill_that_could_not_be_counted_exactly_is_refused_and_leaves_no_trace(tracker):
    tracker.record(BID, 100, 5)
    before = bytes_of(tracker)

    for price, qty in ((1 << 40, 1 << 21), (1, 1 << 61), (-(1 << 62), 1)):
        with pytest.raises(RefusedError) as refused:
            tracker.record(BID, price, qty)
        assert refused.value.status == Status.NOTIONAL_TOO_LARGE
        assert bytes_of(tracker) == before
    assert len(tracker.fills()) == 1


def test_a_fill_that_could_not_be_marked_exactly_is_refused_and_leaves_no_trace(tracker):
    tracker.record(BID, 1, 1)
    tracker.mark(1 << 58)
    before = bytes_of(tracker)

    with pytest.raises(RefusedError) as refused:
        tracker.record(BID, 1, 100)

    assert refused.value.status == Status.NOTIONAL_TOO_LARGE
    assert bytes_of(tracker) == before
    assert len(tracker.fills()) == 1


def test_a_fill_that_could_not_be_marked_exactly_costs_no_fee():
    tracker = Tracker([STOCK], maker_fee="0.0001")
    tracker.record(BID, 1, 1)
    tracker.mark(1 << 36)
    before = bytes_of(tracker)

    with pytest.raises(RefusedError):
        tracker.record(BID, 1, 1 << 12)

    assert bytes_of(tracker) == before


def test_a_mark_at_which_the_position_is_not_counted_exactly_is_refused(tracker):
    tracker.record(BID, 1, 100)
    before = bytes_of(tracker)

    with pytest.raises(RefusedError) as refused:
        tracker.mark(1 << 58)

    assert refused.value.status == Status.NOTIONAL_TOO_LARGE
    assert bytes_of(tracker) == before


def test_what_a_tracker_is_made_of_is_checked():
    with pytest.raises(ArgumentError, match="none given"):
        Tracker([])
    with pytest.raises(ArgumentError, match="marking: 'micro' is none of mid, last, liquidation"):
        Tracker([STOCK], marking="micro")
    with pytest.raises(ArgumentError, match="is no Limits"):
        Tracker([STOCK], limits={"max_long": 3})
    with pytest.raises(ArgumentError, match="accounts"):
        Tracker([STOCK], accounts=0)
    with pytest.raises(ArgumentError, match="2 given, the ledger has room for 1"):
        Tracker([STOCK, OTHER], ledger=Tracker([STOCK]).ledger)


def test_the_marking_stands_in_the_terms():
    assert Tracker([STOCK], marking="last").ledger.terms[0]["marking"] == Marking.LAST


# ---- marks and totals -----------------------------------------------------------------------


def test_a_position_is_marked_at_its_first_fill_until_it_is_told_better(tracker):
    assert tracker.position().mark is None

    record(tracker, "B100@10", "B100@11")

    assert tracker.position().mark == 10
    assert tracker.position().unrealised == -100


def test_marks_before_the_first_fill_are_kept(tracker):
    tracker.money.mark("12")

    record(tracker, "B100@10")

    assert tracker.position().net == 200


def test_a_mid_between_two_price_units_is_exact(tracker):
    record(tracker, "B3@1.00")

    tracker.money.mark("1.005")

    assert tracker.position().net == Decimal("0.015")
    assert tracker.position().equity == Decimal("0.015")


def test_totals_are_the_sums_over_the_symbols_of_a_currency():
    tracker = Tracker([STOCK, OTHER, FUTURE, INVERSE], taker_fee="0.001")
    record(tracker, "B100@10", "S50@11", maker=False)
    record(tracker, "S2@7.00", symbol=1)
    record(tracker, "S1@5000", symbol=2)
    record(tracker, "B10000@10000", symbol=3)
    tracker.money.mark("12", symbol=0)
    tracker.money.mark("5002", symbol=2)

    totals = tracker.totals()

    assert list(totals) == ["USD", "EUR", "XBT"]
    dollars = totals["USD"]
    assert (dollars.realised, dollars.unrealised, dollars.gross) == (50, 0, 50)
    assert dollars.fees == Decimal("1.55")
    assert dollars.net == dollars.equity == Decimal("48.45")
    assert (dollars.long_value, dollars.short_value) == (600, 250_100)
    assert dollars.cash == -1000 + 550 + 250_000
    assert dollars.turnover == 1000 + 550 + 250_000
    assert (totals["EUR"].short_value, totals["EUR"].net) == (14, 0)
    assert totals["XBT"].long_value == 1


def test_peak_and_drawdown_follow_the_net_equity(tracker):
    record(tracker, "B100@10")
    for mark in ("12", "11", "11.50"):
        tracker.money.mark(mark)

    for figures in (tracker.position(), tracker.totals()["USD"]):
        assert (figures.equity, figures.peak) == (150, 200)
        assert (figures.drawdown, figures.deepest_drawdown) == (50, 100)


fills = st.tuples(st.sampled_from([BID, ASK]), st.integers(1, 10**6), st.integers(1, 10**5))


@given(st.lists(fills, min_size=1, max_size=12), st.integers(2, 2 * 10**6), st.booleans())
def test_realised_and_unrealised_are_cash_and_the_position_at_its_mark(given_fills, mark, inverse):
    instrument = INVERSE if inverse else STOCK
    tracker = Tracker([instrument])
    for side, price, qty in given_fills:
        tracker.record(side, price, qty)
    tracker.mark_twice(mark)

    position = tracker.position()
    worth = sum(
        value_of(instrument, Fraction(mark, 2), qty if side == BID else -qty)
        - value_of(instrument, price, qty if side == BID else -qty)
        for side, price, qty in given_fills
    )
    lost = worth - Fraction(position.gross)  # by rounding against us, 1e-12 a fill and one a mark

    assert position.realised + position.unrealised == position.cash + position.value
    assert 0 <= lost <= (Fraction(len(given_fills) + 1, 10**12) if inverse else 0)
    signed = sum(qty if side == BID else -qty for side, _, qty in given_fills)
    assert position.qty == position.long_qty - position.short_qty == signed
    assert tracker.fifo().position_lots == signed
    if not inverse:
        first = tracker.fifo()
        assert first.realised + first.unrealised(Fraction(mark, 2)) == worth


amounts = st.integers(-(1 << 60), 1 << 60)


@given(amounts, amounts, st.integers(0, 1 << 61), st.integers(-(1 << 61), 1 << 61))
def test_the_largest_amounts_are_exact_in_currency(cash, realised, fees_pico, gross_twice):
    tiny = Instrument(symbol="T", price_unit="0.000001", lot_size="0.000001")
    tracker = Tracker([tiny])
    held = tracker.ledger.positions[0]
    held["cash"], held["realised"], held["fees_pico"] = cash, realised, fees_pico
    held["gross_twice"] = gross_twice

    position = tracker.position()

    assert Fraction(position.cash) == Fraction(cash, 10**12)
    assert Fraction(position.fees) == Fraction(fees_pico, 10**12)
    assert Fraction(position.unrealised) == Fraction(gross_twice - 2 * realised, 2 * 10**12)
    assert Fraction(position.net) == Fraction(gross_twice - 2 * fees_pico, 2 * 10**12)


# ---- limits ---------------------------------------------------------------------------------


def test_a_check_says_what_an_order_would_be_told_and_changes_nothing():
    tracker = Tracker([STOCK], limits=Limits(max_long=1_000, max_order_qty=600))
    record(tracker, "B500@10")
    before = bytes_of(tracker)

    assert tracker.check(BID, 1000, 500) == Status.OK
    assert tracker.check(BID, 1000, 501) == Status.MAX_LONG
    assert tracker.check(BID, 1000, 601) == Status.MAX_ORDER_QTY
    assert tracker.check(ASK, 1000, 600) == Status.OK
    assert tracker.check(BID, 1000, 0) == Status.QTY_NOT_POSITIVE
    assert tracker.check(BID, -1, 1) == Status.PRICE_OUT_OF_RANGE
    assert bytes_of(tracker) == before


def test_prices_are_held_to_the_mark_where_there_is_no_market():
    tracker = Tracker([STOCK], limits=Limits(price_collar="0.50 USD"))

    assert tracker.check(BID, 10_000, 1) == Status.REFERENCE_MISSING

    tracker.money.mark("100.005")

    asked = {price: tracker.check(BID, price, 1) for price in (9_950, 9_951, 10_050, 10_051)}
    assert asked == {
        9_950: Status.PRICE_COLLAR,
        9_951: Status.OK,
        10_050: Status.OK,
        10_051: Status.PRICE_COLLAR,
    }


def test_prices_are_held_to_the_market_where_there_is_one():
    book = memory_book(Counts(1, 4, 4))
    configure_symbol(book, 0, STOCK.price_min, STOCK.price_max, 1)
    book.symbols[0]["last_price"], book.symbols[0]["last_qty_lots"] = 10_000, 1
    tracker = Tracker([STOCK], limits=Limits(price_collar="100 bps"), book=book)
    tracker.money.mark("500")

    assert tracker.check(ASK, 10_100, 1) == Status.OK
    assert tracker.check(ASK, 10_101, 1) == Status.PRICE_COLLAR


def test_a_fill_from_elsewhere_is_counted_whatever_the_limits():
    tracker = Tracker([STOCK], limits=Limits(max_position=0))

    record(tracker, "B500@10")

    assert tracker.position().qty == 500
    assert tracker.standing.exposure_lots == 500
    assert tracker.check(BID, 1000, 1) == Status.MAX_POSITION
    assert tracker.check(ASK, 1000, 500) == Status.OK


def test_a_daily_loss_is_counted_from_the_start_of_the_session_and_a_drawdown_from_the_peak():
    tracker = Tracker([STOCK], limits=Limits(max_daily_loss=1_000))
    record(tracker, "B1000@10")
    tracker.money.mark("110")  # an equity of 100 000
    tracker.start_session(reset_peak=True)
    seen = []

    for mark in ("110.50", "109.10", "108.99"):
        tracker.money.mark(mark, time_ns=7)
        seen.append((tracker.totals()["USD"].day_net, tracker.mode))

    assert seen == [(500, Mode.NORMAL), (-900, Mode.NORMAL), (-1_010, Mode.REDUCE_ONLY)]
    assert tracker.cause == Status.MAX_DAILY_LOSS
    assert tracker.totals()["USD"].drawdown == 1_510
    assert tracker.totals()["USD"].day_loss == 1_010
    assert (tracker.standing.tripped_ns, tracker.standing.trip_count) == (7, 1)
    assert tracker.check(BID, 1000, 1) == Status.MAX_DAILY_LOSS
    assert tracker.check(ASK, 1000, 1_000) == Status.OK

    tracker.start_session()

    assert tracker.mode == Mode.NORMAL
    assert (tracker.totals()["USD"].day_loss, tracker.totals()["USD"].peak) == (0, 100_500)
    assert tracker.check(BID, 1000, 1) == Status.OK


@pytest.mark.parametrize(("mark", "mode"), [("9.01", Mode.NORMAL), ("9.00", Mode.REDUCE_ONLY)])
def test_a_loss_limit_trips_when_it_is_reached(mark, mode):
    for limits in (Limits(max_daily_loss="100 USD"), Limits(max_drawdown="100 USD")):
        tracker = Tracker([STOCK], limits=limits)
        record(tracker, "B100@10")

        tracker.money.mark(mark)

        assert tracker.mode == mode


def test_fees_count_as_losses():
    tracker = Tracker([STOCK], limits=Limits(max_daily_loss=1), taker_fee="0.001")

    record(tracker, "B100@10", maker=False)

    assert tracker.cause == Status.MAX_DAILY_LOSS


def test_a_released_account_trips_again_unless_its_limits_are_raised():
    tracker = Tracker([STOCK], limits=Limits(max_drawdown=100))
    record(tracker, "B100@10")
    tracker.money.mark("9")

    tracker.release()
    assert tracker.mode == Mode.NORMAL
    tracker.money.mark("9")
    assert tracker.cause == Status.MAX_DRAWDOWN

    Limits(max_drawdown=101).apply(tracker.ledger, tracker.instruments)
    tracker.release()
    tracker.money.mark("9")
    assert tracker.mode == Mode.NORMAL


def test_a_kill_switch_takes_two_steps_to_reset(tracker):
    tracker.kill(time_ns=9)

    assert (tracker.mode, tracker.cause) == (Mode.FROZEN, Status.KILL_SWITCH)
    assert tracker.check(BID, 1, 1) == Status.KILL_SWITCH
    with pytest.raises(RefusedError) as refused:
        tracker.resume()
    assert refused.value.status == Status.KILL_SWITCH_ARMED

    tracker.disarm()
    assert tracker.check(BID, 1, 1) == Status.KILL_SWITCH
    tracker.resume()

    assert (tracker.mode, tracker.check(BID, 1, 1)) == (Mode.NORMAL, Status.OK)


def test_whoever_holds_the_orders_is_told_when_some_may_have_to_be_cancelled():
    told = []
    tracker = Tracker([STOCK], attend=lambda: told.append(tracker.ledger.accounts[0]["attention"]))

    record(tracker, "B100@10")
    Limits(max_drawdown=50).apply(tracker.ledger, tracker.instruments)
    tracker.money.mark("9")
    tracker.kill()

    assert [int(attention) for attention in told] == [0, 1, 1]


# ---- history and accounts -------------------------------------------------------------------


def test_the_history_is_asked_by_symbol_side_time_and_order():
    tracker = Tracker([STOCK, OTHER])
    for number in range(300):  # more than it has room for at first
        tracker.record(
            number % 2, 100, 1, symbol=number % 3 % 2, time_ns=number, order_id=number // 10
        )

    every = tracker.fills()

    assert every.dtype == FILL
    assert every["venue_ns"].tolist() == list(range(300))
    assert (tracker.fills(symbol=1)["symbol"] == 1).all()
    assert len(tracker.fills(symbol=1)) == 100
    assert tracker.fills(side=ASK)["venue_ns"].tolist() == list(range(1, 300, 2))
    assert tracker.fills(since_ns=297)["venue_ns"].tolist() == [297, 298, 299]
    assert tracker.fills(since_ns=10, until_ns=12)["venue_ns"].tolist() == [10, 11]
    assert tracker.fills(order_id=7, side=BID)["venue_ns"].tolist() == [70, 72, 74, 76, 78]


def test_a_fill_of_the_history_says_fee_and_position_after_it():
    tracker = Tracker([STOCK], maker_fee="-0.001")
    record(tracker, "B100@10", "S30@10")

    lines = tracker.fills()

    assert lines["position_lots"].tolist() == [100, 70]
    assert lines["fee_pico"].tolist() == [-(10**12), -3 * 10**11]
    assert lines["maker"].tolist() == [1, 1]
    assert lines["event"].tolist() == [-1, -1]


def test_what_is_read_of_the_history_cannot_change_it(tracker):
    record(tracker, "B1@1")

    tracker.fills()["price"] = 7

    assert tracker.fills()["price"].tolist() == [100]
    with pytest.raises(ValueError, match="read-only"):
        tracker.log.lines["price"] = 7


def test_fills_that_a_venue_counted_are_only_kept(tracker):
    lines = np.zeros(2, FILL)
    lines["qty_lots"], lines["price"], lines["owner"] = 5, 100, (0, 1)
    before = bytes_of(tracker)

    tracker.append_fills(lines)

    assert bytes_of(tracker) == before
    assert len(tracker.fills()) == 1  # the other is of another account
    assert tracker.fifo().position_lots == 5


def test_accounts_of_a_ledger_are_apart():
    first = Tracker([STOCK], accounts=2, limits=Limits(max_long=10))
    second = first.account(1)

    record(first, "B7@1")
    record(second, "S5@1")
    second.kill()

    assert (first.position().qty, second.position().qty) == (7, -5)
    assert (first.mode, second.mode) == (Mode.NORMAL, Mode.FROZEN)
    assert first.check(BID, 100, 4) == Status.MAX_LONG
    assert [len(first.fills()), len(second.fills()), len(first.log)] == [1, 1, 2]
    assert first.totals()["USD"].long_value == 7
    assert second.totals()["USD"].short_value == 5
