"""Fees of every kind: schedules worked by hand, the naive twin, and what can be counted."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit import Fees, Instrument, RefusedError, Tracker
from mmjit.core import account
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID, Status
from mmjit.core.ledger import take_line
from mmjit.core.tables import TIERS
from mmjit.terms import terms_of
from tests import ledgers as led
from tests.builders import door
from tests.naive_account import NaivePosition, fee_by

PICO = 10**12
PERP = Instrument(symbol="BTCUSDT", price_unit="0.1", lot_size="0.001", currency="USDT")
COIN = Instrument(symbol="BTCUSD", price_unit="1", multiplier="100", contract="inverse")
SHARE = Instrument(symbol="XYZ", price_unit="0.01")
LONDON = Instrument(symbol="VOD", price_unit="0.01", currency="GBP")
THIRD = Instrument(symbol="XYZ", price_unit="0.000001", lot_size="0.000001")
FUTURE = Instrument(symbol="ES", price_unit="0.25", multiplier="50")

USD_M = Fees(maker="0.0002", taker="0.0005")
COIN_M = Fees(maker="-0.00005", taker="0.0005")
STAMPED = Fees(buyer="0.005", maker_per_fill=5, taker_per_fill=5)
BY_SHARE = Fees(maker_per_qty="0.003", taker_per_qty="0.003", seller="0.0000278")
MAKER_TAKER = Fees(maker_per_qty="-0.0020", taker_per_qty="0.0030")
BY_CONTRACT = Fees(maker_per_qty="1.25", taker_per_qty="1.40")


@door
def holds(ledger):  # type: ignore[no-untyped-def]
    """Whether the identity of the first position holds."""
    return account.identity_holds(ledger.positions[0])


@door
def fits(ledger, price, qty_lots):  # type: ignore[no-untyped-def]
    return account.fits(ledger.positions[0], ledger.terms[0], price, qty_lots, qty_lots)


@door
def take_lines(ledger, fills):  # type: ignore[no-untyped-def]
    """Take fills whose bounds were checked before the first of them."""
    for place in range(len(fills)):
        take_line(ledger, fills[place])


# ---- by hand --------------------------------------------------------------------------------

WORKED = [
    # 0.5 BTC at 40,000.0 are 20,000 USDT: 0.05 % are 10; at 40,100.0 0.02 % of 20,050 are 4.01
    (PERP, USD_M, BID, "40000.0", "0.5", False, "10"),
    (PERP, USD_M, ASK, "40100.0", "0.5", True, "4.01"),
    # 10 contracts of 100 USD at 40,000 are 0.025 BTC: a rebate of 0.005 %, a fee of 0.05 %
    (COIN, COIN_M, BID, 40_000, 10, True, "-0.00000125"),
    (COIN, COIN_M, ASK, 40_000, 10, False, "0.0000125"),
    # at 30,000 they are 0.0333... BTC, which is counted as 0.033333333333 bought and ...334 sold
    (COIN, COIN_M, BID, 30_000, 10, False, "0.000016666667"),
    (COIN, COIN_M, ASK, 30_000, 10, True, "-0.000001666666"),
    # 1,000 shares at 5.00 pounds: a duty of 0.5 % is 25 for who buys, and 5 for the broker
    (LONDON, STAMPED, BID, "5.00", 1_000, False, "30"),
    (LONDON, STAMPED, ASK, "5.00", 1_000, False, "5"),
    (LONDON, STAMPED, BID, "5.00", 1, True, "5.025"),
    # 1,000 shares at 50 dollars: 3 by share; who sells pays 27.80 a million, 1.39, too
    (SHARE, BY_SHARE, BID, 50, 1_000, False, "3"),
    (SHARE, BY_SHARE, ASK, 50, 1_000, True, "4.39"),
    (SHARE, MAKER_TAKER, BID, 50, 700, True, "-1.4"),
    (SHARE, MAKER_TAKER, ASK, 50, 700, False, "2.1"),
    # three contracts, whatever they are worth
    (FUTURE, BY_CONTRACT, BID, "4500.25", 3, False, "4.20"),
    (FUTURE, BY_CONTRACT, ASK, "4500.25", 3, True, "3.75"),
    # a lot is not a unit: 0.25 coins at 2 a coin
    (PERP, Fees(taker_per_qty=2), BID, "40000.0", "0.25", False, "0.5"),
    # a share of nothing is nothing, a fee by fill is not
    (SHARE, Fees(taker="0.1", taker_per_fill="0.35"), BID, 0, 10, False, "0.35"),
    # 1e-12 is what there is: a fill of a third of it pays all of it, or gets none of it
    (
        THIRD,
        Fees(taker="0.333", taker_per_qty="0.000001"),
        BID,
        "0.000001",
        "0.000001",
        False,
        "2e-12",
    ),
    (
        THIRD,
        Fees(taker="-0.333", taker_per_qty="0.000001"),
        BID,
        "0.000001",
        "0.000001",
        False,
        "1e-12",
    ),
]


@pytest.mark.parametrize(("instrument", "fees", "side", "price", "qty", "maker", "fee"), WORKED)
def test_a_fill_costs_what_comes_out_by_hand(instrument, fees, side, price, qty, maker, fee):
    tracker = Tracker([instrument], fees=fees)

    tracker.money.record(side, price, qty, maker=maker)

    assert tracker.position().fees == Decimal(fee)
    assert tracker.fills()["fee_pico"].tolist() == [int(Decimal(fee) * PICO)]


def test_every_fill_pays_the_fee_by_fill_and_what_is_left_of_an_order_pays_it_again():
    tracker = Tracker([LONDON], fees=STAMPED)

    for qty in (400, 600):
        tracker.money.record(BID, "5.00", qty)

    assert tracker.position().fees == 35  # 25 of 5,000 pounds, and twice 5


def test_a_tier_holds_from_its_volume_on_and_not_for_the_fill_that_reaches_it():
    tiers = [(1_000_000, "0.00016", "0.0004"), (2_000_000, "-0.00005", "0.0003")]
    tracker = Tracker([SHARE], fees=Fees(maker="0.0002", taker="0.0005", tiers=tiers))

    for qty in (19_999, 2, 19_999, 1):  # at 50: 999,950, 1,000,050, 2,000,000, 2,000,050
        tracker.money.record(BID, 50, qty, maker=False)
        tracker.money.record(BID, 0, 1, maker=False)

    paid = [Fraction(int(fee), PICO) for fee in tracker.fills()["fee_pico"]]
    assert paid[1::2] == [0] * 4
    rates = [Fraction(rate) for rate in ("0.0005", "0.0005", "0.0004", "0.0003")]
    worth = [50 * qty for qty in (19_999, 2, 19_999, 1)]
    assert paid[::2] == [rate * notional for rate, notional in zip(rates, worth, strict=True)]


def test_a_tier_is_reached_by_each_account_in_each_symbol_by_itself():
    fees = Fees(taker="0.001", tiers=[(100, 0, "0.0001")])
    tracker = Tracker([SHARE, LONDON], fees=fees, accounts=2)
    other = tracker.account(1)

    tracker.money.record(BID, 100, 1, maker=False)
    for one, symbol in ((tracker, 0), (tracker, 1), (other, 0)):
        one.money.record(BID, 100, 1, symbol=symbol, maker=False)

    assert [tracker.position(n).fees for n in (0, 1)] == [Decimal("0.11"), Decimal("0.1")]
    assert other.position().fees == Decimal("0.1")


def test_each_instrument_pays_its_own_fees():
    tracker = Tracker([SHARE, LONDON], fees={"VOD": STAMPED, "default": BY_SHARE})

    for symbol in (0, 1):
        tracker.money.record(BID, 5, 1_000, symbol=symbol)

    assert [tracker.position(n).fees for n in (0, 1)] == [3, 30]


def test_each_instrument_has_its_own_tiers():
    fees = {
        "XYZ": Fees(taker="0.001", tiers=[(100, 0, "0.0005")]),
        "VOD": Fees(taker="0.002", tiers=[(200, 0, "0.0001")]),
    }
    tracker = Tracker([SHARE, LONDON], fees=fees)

    for symbol in (0, 1, 0, 1, 0, 1):
        tracker.money.record(BID, 100, 1, symbol=symbol, maker=False)

    assert tracker.position(0).fees == Decimal("0.1") + 2 * Decimal("0.05")
    assert tracker.position(1).fees == 2 * Decimal("0.2") + Decimal("0.01")


# ---- the naive twin -------------------------------------------------------------------------

RATES = ["0", "0.0005", "-0.00005", "0.005", "0.333", "-0.25"]
AMOUNTS = ["0", "0.003", "-0.002", "1.25", "-0.75", "0.000001", "1000"]
rates, amounts = st.sampled_from(RATES), st.sampled_from(AMOUNTS)


@st.composite
def schedules(draw: Any) -> Fees:
    """Fees of some kinds."""
    volumes = sorted(
        draw(st.sets(st.sampled_from([1, 40, 1_000, 10**6, "0.1"]), max_size=3)), key=Decimal
    )
    return Fees(
        **{name: draw(rates) for name in ("maker", "taker", "buyer", "seller")},
        **{f"{who}_per_{n}": draw(amounts) for who in ("maker", "taker") for n in ("qty", "fill")},
        tiers=[(volume, draw(rates), draw(rates)) for volume in volumes],
    )


def due(fees: Fees, instrument: Instrument, turnover: int, fill: tuple[int, ...]) -> int:
    """The fee of a fill (side, points, lots, maker) in 1e-12 of the currency, as a sum of money."""
    side, points, lots, maker = fill
    money = Fraction(1, PICO)
    if instrument.contract == "linear":
        money = Fraction(instrument.price_unit) * Fraction(instrument.lot_size)
        money *= Fraction(instrument.multiplier)
    reached = [tier for tier in fees.tiers if turnover * money >= Fraction(tier[0])]
    maker_rate, taker_rate = reached[-1][1:] if reached else (fees.maker, fees.taker)
    rate = Fraction(maker_rate if maker else taker_rate)
    rate += Fraction(fees.seller if side else fees.buyer)
    by_qty = Fraction(fees.maker_per_qty if maker else fees.taker_per_qty)
    by_fill = Fraction(fees.maker_per_fill if maker else fees.taker_per_fill)
    qty = lots * Fraction(instrument.lot_size)
    return ceil((abs(points) * money * rate + qty * by_qty + by_fill) * PICO)


fills = st.tuples(
    st.sampled_from([BID, ASK]),
    st.sampled_from([1, 7, 9_999, 40_000]) | st.integers(1, 50_000),
    st.integers(1, 9) | st.integers(1, 20_000),
    st.booleans(),
)


def naive_of(ledger: Any) -> NaivePosition:
    """A twin of the first position of a ledger that has done nothing yet."""
    inverse_pico = int(ledger.terms[0]["inverse_pico"])
    twin: NaivePosition = type("Twin", (NaivePosition,), {"inverse_pico": inverse_pico})()
    return twin


def fields(ledger: Any, naive: NaivePosition) -> dict[str, int]:
    """What the twin has, of the first position."""
    return {name: int(ledger.positions[0][name]) for name in vars(naive)}


@given(schedules(), st.sampled_from([PERP, COIN, SHARE, FUTURE]), st.lists(fills, max_size=8))
def test_an_account_under_a_schedule_is_what_the_naive_twin_says(fees, instrument, done):
    ledger = Tracker([instrument], fees=fees).ledger
    naive = naive_of(ledger)
    point_pico = int(ledger.terms[0]["point_pico"])

    for side, price, lots, maker in done:
        if led.fill_status(ledger, led.filled(side, price, lots, maker=maker), 0) != Status.OK:
            continue  # 577 lots at 1,000 each, say
        points = naive.points(side, price, lots)
        fee_pico = due(fees, instrument, naive.turnover, (side, points, lots, maker))
        naive.fill(side, price, lots, fee_pico)
        line = led.record(ledger, side, price, lots, maker=maker)
        assert line["fee_pico"] == fee_pico
        assert fields(ledger, naive) == vars(naive)
        if not fits(ledger, price, 0):
            continue
        naive.mark(2 * price, point_pico)
        led.mark(ledger, price)
        assert holds(ledger)
        assert fields(ledger, naive) == vars(naive)
        equity = naive.worth * Fraction(point_pico, PICO) - Fraction(naive.fees_pico, PICO)
        assert led.money(ledger, "equity") == equity


def test_fees_by_value_alone_are_no_schedule():
    terms, tiers = terms_of([SHARE], USD_M)

    assert (terms["scheduled"], terms["fill_fee_pico"]) == (0, 0)
    assert len(tiers) == TIERS
    assert not tiers["turnover"].any()


# ---- what can be counted --------------------------------------------------------------------


def ledger_under(instrument: Instrument, fees: Fees) -> Any:
    """An empty ledger of one instrument."""
    return Tracker([instrument], fees=fees).ledger


def most(ledger: Any, price: int) -> int:
    """The most lots that fit at a price."""
    low, high = 0, MONEY_MAX
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(ledger, price, middle) else (low, middle - 1)
    return low


LARGE = [
    Fees(taker_per_fill=200_000),
    Fees(taker_per_fill=-200_000),
    Fees(taker_per_qty="123456.789", buyer="0.9"),
    Fees(taker="0.99", buyer="-0.5", taker_per_fill=1, taker_per_qty="0.1"),
    Fees(taker="-0.5", tiers=[(1, "0.2", "0.999"), (10**6, 0, "-0.999")]),
    Fees(seller="0.33", taker_per_qty="-0.000000333"),
    Fees(taker_per_fill="0.000001"),
]
prices = st.sampled_from([0, 1, 100, 40_000, 1 << 31])


@given(
    st.sampled_from(LARGE) | schedules(),
    st.sampled_from([PERP, COIN, SHARE, FUTURE]),
    prices,
    st.sampled_from([BID, ASK]),
    st.integers(0, 3),
)
def test_whatever_fits_is_counted_exactly(fees, instrument, price, side, splits):
    price = max(price, 1) if instrument.contract == "inverse" else price
    ledger = ledger_under(instrument, fees)
    naive = naive_of(ledger)
    for _ in range(6):  # until so much was paid that nothing fits any more
        room = most(ledger, price)
        if room == 0:
            break
        assert not fits(ledger, price, room + 1)
        parts = [1] * min(splits, room - 1)
        for lots in (*parts, room - len(parts)):
            points = naive.points(side, price, lots)
            fee_pico = due(fees, instrument, naive.turnover, (side, points, lots, 0))
            naive.fill(side, price, lots, fee_pico)
            line = led.filled(side, price, lots)
            take_lines(ledger, line)
            assert line[0]["fee_pico"] == fee_pico
        if fits(ledger, price, 0):
            naive.mark(2 * price, int(ledger.terms[0]["point_pico"]))
            led.mark(ledger, price)
        assert fields(ledger, naive) == vars(naive)
        side = 1 - side


def test_a_fee_by_fill_is_bounded_as_if_every_lot_were_a_fill_of_its_own():
    ledger = ledger_under(SHARE, Fees(taker_per_fill=1_000))
    room = MONEY_MAX // 2 // (1_000 * PICO + 1)  # 576: half of what is counted

    assert [fits(ledger, 0, lots) for lots in (room, room + 1)] == [True, False]
    take_lines(ledger, np.concatenate([led.filled(BID, 0, 1)] * room))
    assert ledger.positions[0]["fees_pico"] == 1_000 * PICO * room
    assert fits(ledger, 0, room)  # what is held has paid
    assert led.fill_status(ledger, led.filled(BID, 0, 10_000), 0) == Status.OK  # one fill


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_what_rests_already_counts_as_if_it_paid(side):
    ledger = ledger_under(SHARE, Fees(taker_per_fill=1_000, maker_per_qty=2_000))
    room = MONEY_MAX // 2 // (2_000 * PICO)

    ledger.positions[0][f"open_{side}_lots"] = room - 5

    assert [fits(ledger, 0, lots) for lots in (5, 6)] == [True, False]
    ledger.terms["lot_fee_pico"] = 0
    assert fits(ledger, 0, 6)
    ledger.positions[0][f"open_{side}_lots"] = MONEY_MAX // 2 // (1_000 * PICO + 1) - 5
    assert [fits(ledger, 0, lots) for lots in (5, 6)] == [True, False]


def test_fees_by_value_leave_room_for_those_by_lot():
    alone, _ = terms_of([SHARE], Fees(taker="0.5"))
    beside, _ = terms_of([SHARE], Fees(taker="0.5", taker_per_qty="0.1"))

    assert alone["points_max"] // 2 == beside["points_max"]


def test_an_order_whose_fees_could_not_be_counted_is_refused():
    tracker = Tracker([SHARE], fees=Fees(taker_per_fill=200_000))

    assert tracker.check(BID, 100, 2) == Status.OK
    assert tracker.check(BID, 100, 3) == Status.NOTIONAL_TOO_LARGE
    for _ in range(11):  # 2.3 million are counted
        tracker.record(BID, 100, 1, maker=False)
    with pytest.raises(RefusedError, match="notional_too_large"):
        tracker.record(BID, 100, 1, maker=False)
    assert tracker.position().fees == 2_200_000


def test_the_fee_of_the_twin_of_a_venue_is_the_sum_of_money_too():
    instrument, fees = FUTURE, Fees(**dict.fromkeys(("maker", "buyer", "maker_per_qty"), "0.1"))
    terms, _ = terms_of([instrument], fees)
    row = {name: int(terms[0][name]) for name in terms.dtype.names}

    fill = (BID, 700, 7, 1)
    assert fee_by(row, [], 0, fill) == due(fees, instrument, 0, fill)
