"""Limits that are about the pace of an account, about worth and about the market."""

from fractions import Fraction
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit import (
    Capacity,
    Instrument,
    KillLevel,
    Limits,
    SymbolLimits,
    Tracker,
    Venue,
    create_state,
)
from mmjit.core import ledger as kernels
from mmjit.core import limits, pacing, switches
from mmjit.core.codes import ASK, BID, Mode, Status
from mmjit.core.jit import kernel
from mmjit.core.limits import RESTS
from mmjit.core.state import configure_symbol
from mmjit.core.tables import SENT_RING
from mmjit.core.wrapping import mix_pair
from tests import builders as b
from tests.builders import door
from tests.ledgers import ledger_with, mark, record
from tests.naive_guards import Bucket, NaivePace

SECOND = 10**9
PICO = 10**12
OK = Status.OK


@door
def send(ledger, book, order, now_ns):  # type: ignore[no-untyped-def]
    """Judge an order to rest (symbol, side, price, lots) of account 0; what passes is open then."""
    place = 2 * order[0] + order[1]
    status = limits.limit_status(ledger, book, 0, place, order[2], order[3], RESTS, now_ns)
    if status == Status.OK:
        limits.note_sent(ledger, book, 0, place, order[2], order[3], now_ns)
        kernels.open_more(ledger, 0, order[0], order[1], order[3])
        kernels.count_open(ledger, 0, order[0], 1)
    return np.int64(status)


@door
def withdraw(ledger, order, now_ns):  # type: ignore[no-untyped-def]
    """Judge the cancel of an order, and do it."""
    status = np.int64(limits.cancel_status(ledger, 0, order[0], now_ns))
    if status == Status.OK:
        limits.note_cancelled(ledger, 0, order[0], now_ns)
        kernels.open_more(ledger, 0, order[0], order[1], -order[3])
        kernels.count_open(ledger, 0, order[0], -1)
    return status


@door
def fill(ledger, order, now_ns):  # type: ignore[no-untyped-def]
    """Fill what is open of an order."""
    kernels.take_fill(ledger, 0, order[0], order[1], order[2], order[3], 1, now_ns)
    kernels.count_open(ledger, 0, order[0], -1)


class Scene:
    """A market of 99 to 101 in two symbols and an account under limits; a point is a unit."""

    def __init__(self, market: bool = True, margin_bps: int = 10_000, **fields: int) -> None:
        self.ledger = ledger_with(accounts=1, symbols=2)
        self.book = b.memory_book(b.Counts(2, 8, 6), 7)
        for symbol in (0, 1):
            assert configure_symbol(self.book, symbol, 0, 1000, 1) == OK
        if market:
            b.rest(self.book, BID, t99=[5], t98=[4])
            b.rest(self.book, ASK, t101=[5])
        self.ledger.limits["margin_bps"] = margin_bps
        for name, value in fields.items():
            array = next(a for a in self.ledger if name in (a.dtype.names or ()))
            array[name] = value
        kernels.weigh_all(self.ledger, 0)

    def send(self, side: int, lots: int, price: int = 100, now_ns: int = 0, symbol: int = 0) -> Any:
        order = np.array([symbol, side, price, lots], np.int64)
        return Status(int(send(self.ledger, self.book, order, now_ns)))

    def cancel(self, side: int, lots: int, now_ns: int = 0, symbol: int = 0) -> Any:
        order = np.array([symbol, side, 100, lots], np.int64)
        return Status(int(withdraw(self.ledger, order, now_ns)))

    def fill(self, side: int, lots: int, price: int = 100, now_ns: int = 0) -> None:
        fill(self.ledger, np.array([0, side, price, lots], np.int64), now_ns)

    @property
    def guard(self) -> Any:
        return self.ledger.guards[0]


# ---- rates ----------------------------------------------------------------------------------


def symbol_rates(**fields: int) -> Scene:
    """Rates of the symbols alone."""
    scene = Scene()
    for name, value in {"watches": pacing.RATES, **fields}.items():
        scene.ledger.limits[name] = value
    return scene


def test_the_first_message_after_a_burst_waits_for_its_rate():
    scene = symbol_rates(order_rate=1_000, order_burst=50)

    assert [scene.send(BID, 1, 10 + n) for n in range(50)] == [OK] * 50
    assert scene.send(BID, 1, 9) == Status.MESSAGE_RATE
    assert scene.send(BID, 1, 9, now_ns=999_999) == Status.MESSAGE_RATE
    assert scene.send(BID, 1, 9, now_ns=1_000_000) == OK
    assert scene.send(BID, 1, 9, now_ns=1_000_000) == Status.MESSAGE_RATE


def test_a_cancel_has_a_reserve_of_its_own():
    scene = symbol_rates(order_rate=1, order_burst=1, cancel_rate=1, cancel_burst=2)

    assert scene.send(BID, 5) == OK
    assert scene.send(BID, 5) == Status.MESSAGE_RATE
    assert [scene.cancel(BID, 1) for _ in range(3)] == [OK, OK, Status.MESSAGE_RATE]
    assert scene.cancel(BID, 1, now_ns=SECOND) == OK


def test_an_account_has_a_rate_over_all_symbols():
    scene = symbol_rates()
    scene.ledger.accounts["order_rate"] = 1
    scene.ledger.accounts["order_burst"] = 2

    assert [scene.send(BID, 1, symbol=s) for s in (0, 1, 0)] == [OK, OK, Status.MESSAGE_RATE]


def test_a_clock_that_goes_back_gives_nothing_back():
    scene = symbol_rates(order_rate=1, order_burst=1)

    assert scene.send(BID, 1, now_ns=5 * SECOND) == OK
    assert scene.send(BID, 1, now_ns=4 * SECOND) == Status.MESSAGE_RATE
    assert scene.send(BID, 1, now_ns=6 * SECOND) == OK


# ---- repeats --------------------------------------------------------------------------------


def test_an_order_like_one_before_is_refused_while_that_is_fresh():
    scene = symbol_rates(watches=pacing.REPEATS, repeat_ns=5, max_repeats=1)

    assert scene.send(BID, 1) == OK
    assert scene.send(BID, 1, now_ns=4) == Status.REPEATED_ORDER
    assert scene.send(ASK, 1, now_ns=4) == OK
    assert scene.send(BID, 2, now_ns=4) == OK
    assert scene.send(BID, 1, price=99, now_ns=4) == OK
    assert scene.send(BID, 1, now_ns=5) == OK


def test_more_orders_than_are_kept_count_as_repeats():
    scene = symbol_rates(watches=pacing.REPEATS, repeat_ns=5, max_repeats=1)

    assert {scene.send(BID, 1 + n) for n in range(SENT_RING)} == {OK}
    assert scene.send(BID, 500) == Status.REPEATED_ORDER
    assert scene.send(BID, 500, now_ns=5) == OK


# ---- fills ----------------------------------------------------------------------------------


def test_a_side_that_is_filled_too_often_is_disabled_until_that_is_acknowledged():
    scene = symbol_rates(watches=pacing.FILLS, fill_ns=SECOND, max_fills=3)
    scene.send(BID, 100)
    for now_ns in (0, 1, 2):
        scene.fill(BID, 1, now_ns=now_ns)
    scene.fill(ASK, 1, now_ns=3)
    assert scene.send(BID, 1, now_ns=3) == OK

    scene.fill(BID, 1, now_ns=SECOND - 1)

    assert scene.ledger.accounts[0]["attention"] == pacing.SYMBOLS_OPEN
    assert scene.guard["attention"] == 1
    assert scene.send(ASK, 1, now_ns=9 * SECOND) == Status.REPEATED_EXECUTION
    assert scene.send(BID, 1, now_ns=9 * SECOND, symbol=1) == OK
    assert switches.acknowledge(scene.ledger, 0, 0) == OK
    assert scene.send(ASK, 1, now_ns=9 * SECOND) == OK


def test_fills_that_are_spread_out_disable_nothing():
    scene = symbol_rates(watches=pacing.FILLS, fill_ns=SECOND, max_fills=3)
    scene.send(BID, 1000)

    for number in range(100):
        scene.fill(BID, 1, now_ns=number * SECOND // 3)
        assert scene.guard["disabled"] == 0
    scene.fill(BID, 1, now_ns=99 * SECOND // 3 + 1)
    assert scene.guard["disabled"] == 1


@pytest.mark.parametrize(
    ("fills", "frozen"),
    [
        ([(0, BID, 500), (SECOND, BID, 600)], False),  # the next window begins with the second
        ([(0, BID, 600), (SECOND - 1, BID, 500)], True),
        ([(0, BID, 500), (5, ASK, 499)], False),
        ([(0, BID, 500), (5, ASK, 500)], True),  # both sides add up, and the limit trips as reached
        ([(0, BID, 999)], False),
        ([(0, BID, 1000)], True),
    ],
)
def test_market_maker_protection_adds_up_a_window_from_its_first_fill(fills, frozen):
    scene = symbol_rates(
        watches=pacing.PROTECTS, protect_ns=SECOND, protect_lots=1_000, freeze_ns=SECOND
    )
    scene.send(BID, 5_000)
    scene.send(ASK, 5_000)

    for now_ns, side, lots in fills:
        scene.fill(side, lots, now_ns=now_ns)
    now_ns = fills[-1][0]

    assert scene.send(BID, 1, now_ns=now_ns) == (Status.PROTECTION if frozen else OK)
    assert scene.send(BID, 1, now_ns=now_ns + SECOND) == OK


def test_protection_of_the_delta_lets_both_sides_trade():
    scene = symbol_rates(watches=pacing.PROTECTS, protect_ns=SECOND, protect_delta_lots=100)
    scene.send(BID, 5_000)
    scene.send(ASK, 5_000)

    for _ in range(20):
        scene.fill(BID, 99)
        scene.fill(ASK, 99)
    assert scene.send(BID, 1) == OK
    scene.fill(ASK, 100)

    assert scene.send(BID, 1, now_ns=10**18) == Status.PROTECTION  # until it is acknowledged
    assert switches.acknowledge(scene.ledger, 0, 0) == OK
    assert scene.send(BID, 1) == OK


@given(st.data())
def test_the_pace_is_kept_as_its_twin_keeps_it(data):
    draw = data.draw
    some = st.integers(1, 4)
    fields = {
        name: draw(st.integers(0, 5))
        for name in ("order_rate", "order_burst", "cancel_rate", "cancel_burst", "max_repeats")
    }
    fields |= {name: draw(st.integers(1, 9)) * SECOND // 4 for name in ("repeat_ns", "fill_ns")}
    fields |= {"max_fills": draw(st.integers(0, 15)), "protect_ns": draw(some) * SECOND}
    fields |= {"protect_lots": draw(st.integers(1, 30)), "protect_delta_lots": draw(some) * 5}
    fields |= {"freeze_ns": draw(st.integers(0, 2)) * SECOND}
    watches = pacing.RATES | pacing.REPEATS | pacing.FILLS | pacing.PROTECTS
    scene = symbol_rates(**{**fields, "watches": watches})
    account = {"order_rate": 3, "order_burst": 4, "cancel_rate": 2, "cancel_burst": 3}
    for name, value in account.items():
        scene.ledger.accounts[name] = value
    twin = NaivePace(
        [Bucket(fields["order_rate"], fields["order_burst"]), Bucket(3, 4)],
        [Bucket(fields["cancel_rate"], fields["cancel_burst"]), Bucket(2, 3)],
        (fields["max_repeats"], fields["repeat_ns"]),
        (fields["max_fills"], fields["fill_ns"]),
        tuple(fields[n] for n in ("protect_lots", "protect_delta_lots", "protect_ns", "freeze_ns")),
        SENT_RING,
    )
    now_ns = 10**18
    for _ in range(draw(st.integers(1, 60))):
        now_ns += draw(st.sampled_from([0, 0, 1, SECOND // 4 - 1, SECOND // 4, SECOND]))
        what, side = draw(st.integers(0, 9)), draw(st.integers(0, 1))
        lots, price = draw(st.integers(1, 2)), draw(st.integers(99, 100))
        if what < 5:
            assert scene.send(side, lots, price, now_ns) == twin.order((side, price, lots), now_ns)
        elif what < 7:
            assert scene.cancel(side, lots, now_ns) == twin.cancel(now_ns)
        elif what < 9:
            scene.fill(side, 5 * lots, now_ns=now_ns)
            twin.fill(side, 5 * lots, now_ns)
        else:
            assert switches.acknowledge(scene.ledger, 0, 0) == OK
            twin.acknowledge()
        assert (scene.guard["disabled"], scene.guard["trip_count"]) == (twin.disabled, twin.trips)
        assert (scene.guard["frozen_until_ns"] > now_ns) == (twin.frozen_until > now_ns)


# ---- the market -----------------------------------------------------------------------------


@pytest.mark.parametrize(("lots", "status"), [(4, OK), (5, Status.MAX_DEPTH_SHARE)])
def test_an_order_is_held_to_what_the_other_side_shows(lots, status):
    scene = symbol_rates(watches=pacing.SHARES, max_depth_bps=5_000)  # of 5 and 4 lots bid

    assert scene.send(ASK, lots) == status


@pytest.mark.parametrize(("lots", "status"), [(20, OK), (21, Status.MAX_VOLUME_SHARE)])
def test_an_order_is_held_to_a_share_of_a_days_volume(lots, status):
    given = SymbolLimits(max_volume_share="200 bps of 1_000 lots")
    tracker = Tracker([XYZ], limits=Limits(symbols={"XYZ": given}))

    assert tracker.check(BID, 100, lots) == status


def test_orders_wait_for_a_market_that_is_known_of_late_and_whole():
    scene = symbol_rates(watches=pacing.AGES, max_age_ns=500)

    scene.ledger.guards["seen_ns"] = 1_000
    assert scene.send(BID, 1, now_ns=1_500) == OK
    assert scene.send(BID, 1, now_ns=1_501) == Status.MARKET_STALE
    scene.ledger.guards["has_gap"] = 1
    assert scene.send(BID, 1, now_ns=1_500) == Status.MARKET_STALE


def test_orders_wait_for_a_market_that_is_not_crossed():
    scene = symbol_rates(watches=pacing.AGES, max_age_ns=500)
    b.rest(scene.book, BID, t101=[1])
    assert scene.send(BID, 1) == OK  # locked
    b.rest(scene.book, BID, t102=[1])

    assert scene.send(BID, 1) == Status.MARKET_CROSSED


@pytest.mark.parametrize(
    ("side", "price", "status"),
    [
        (BID, 102, OK),
        (BID, 103, Status.PRICE_COLLAR),
        (BID, 1, OK),
        (ASK, 98, OK),
        (ASK, 97, Status.PRICE_COLLAR),
        (ASK, 999, OK),
    ],
)
def test_a_collar_of_the_worse_side_bounds_how_dear_an_order_is(side, price, status):
    scene = Scene(collar_price=2, collar_one_sided=1)

    assert scene.send(side, 1, price) == status


# ---- what may not be done, and what is open ---------------------------------------------------


@pytest.mark.parametrize(
    ("restricted", "refused"),
    [("buy", {BID}), ("sell", {ASK}), (["buy", "sell"], {BID, ASK}), ("short", {ASK})],
)
def test_a_restricted_side_takes_no_order(restricted, refused):
    tracker = Tracker([XYZ], limits=Limits(symbols={"XYZ": SymbolLimits(restricted=restricted)}))

    for side in (BID, ASK):
        assert tracker.check(side, 100, 1) == (Status.RESTRICTED if side in refused else OK)


def test_what_is_held_and_not_yet_being_sold_may_be_sold_without_being_short():
    tracker = Tracker([XYZ], limits=Limits(symbols={"XYZ": SymbolLimits(restricted="short")}))
    tracker.record(BID, 100, 5)

    assert tracker.check(ASK, 100, 5) == OK
    assert tracker.check(ASK, 100, 6) == Status.RESTRICTED


def test_the_lots_that_rest_on_a_side_are_bounded():
    scene = Scene(max_open_lots=10)

    assert scene.send(BID, 6) == OK
    assert scene.send(BID, 5) == Status.MAX_OPEN_QTY
    assert scene.send(ASK, 10) == OK
    assert scene.send(BID, 4) == OK


# ---- worth ----------------------------------------------------------------------------------


def weighed(**units: int) -> Scene:
    return Scene(weighs=1, **units)


def test_the_worth_of_all_that_is_held_and_open_is_bounded():
    scene = weighed(max_gross_units=1_000)  # the mid is 100

    assert scene.send(BID, 6) == OK
    assert scene.send(ASK, 6) == OK  # either the one or the other
    assert scene.send(BID, 5) == Status.MAX_GROSS
    assert scene.send(BID, 4) == OK
    assert scene.send(BID, 1) == Status.MAX_GROSS
    assert scene.cancel(BID, 4) == OK
    assert scene.send(BID, 4) == OK


def test_the_margin_of_what_is_held_is_bounded_by_the_credit():
    scene = weighed(credit_units=100, margin_bps=1_000)

    assert scene.send(BID, 10) == OK
    assert scene.send(BID, 1) == Status.CREDIT
    scene.fill(BID, 10)
    assert scene.send(ASK, 20) == OK
    assert scene.send(ASK, 1) == Status.CREDIT


def test_worth_follows_the_marks():
    scene = weighed(max_gross_units=1_000)
    assert scene.send(BID, 5) == OK
    scene.fill(BID, 5)

    mark(scene.ledger, 150)

    assert scene.ledger.totals[0]["gross_units"] == 750
    assert scene.send(BID, 6) == Status.MAX_GROSS  # at the market: 1,100
    assert scene.send(BID, 5) == OK


def test_what_reduces_passes_limits_on_worth():
    scene = weighed(max_gross_units=1_000)
    assert scene.send(BID, 10) == OK
    scene.fill(BID, 10)
    mark(scene.ledger, 900)

    assert scene.send(BID, 1) == Status.MAX_GROSS
    assert scene.send(ASK, 10) == OK


def test_worth_needs_a_market():
    scene = Scene(market=False, weighs=1, max_gross_units=1_000)

    assert scene.send(BID, 1) == Status.REFERENCE_MISSING


XYZ = Instrument(symbol="XYZ", price_unit="0.01")
ABC = Instrument(symbol="ABC", price_unit="0.01")
EUR = Instrument(symbol="EUR", price_unit="0.01", currency="EUR")


def test_limits_on_worth_are_of_a_currency():
    tracker = Tracker([XYZ, ABC, EUR], limits=Limits(max_gross={"USD": "100 USD"}))
    for symbol in range(3):
        tracker.mark(1_000, symbol=symbol)
    tracker.record(BID, 1_000, 6, symbol=0)  # 60 USD

    assert tracker.check(BID, 1_000, 4, symbol=1) == OK
    assert tracker.check(BID, 1_000, 5, symbol=1) == Status.MAX_GROSS
    assert tracker.check(BID, 1_000, 500, symbol=2) == OK


def test_worth_counts_where_a_ledger_has_room_for_more_symbols_and_not_once_its_limit_is_gone():
    room = Capacity(symbols=4, orders=64, pages=64, fills=64)
    with TemporaryDirectory() as folder, create_state(f"{folder}/s", room) as state:
        venue = Venue([XYZ], state, limits=Limits(max_gross=100))
        venue.submit(1, ASK, 1_100, 1, owner=None)
        venue.submit(2, BID, 900, 1, owner=None)
        venue.submit(3, BID, 900, 5)

        Limits(max_gross=100).apply(venue.tracker.ledger, [XYZ])
        assert venue.tracker.ledger.totals[0]["gross_units"] == 50
        Limits().apply(venue.tracker.ledger, [XYZ])
        assert venue.tracker.ledger.totals[0]["gross_units"] == 0
        venue.submit(4, BID, 900, 500)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 1), st.integers(1, 5)),
        max_size=60,
    ),
    st.integers(0, 3_000),
    st.integers(0, 300),
)
def test_worth_is_what_it_comes_to_anew_and_no_order_passes_its_limits(steps, gross, credit):
    scene = Scene(weighs=1, max_gross_units=gross, credit_units=credit, margin_bps=1_250)
    b.rest(scene.book, BID, symbol=1, t49=[5])
    b.rest(scene.book, ASK, symbol=1, t52=[5])
    open_lots = np.zeros((2, 2), int)
    references = [Fraction(0), Fraction(0)]
    mids = [Fraction(100), Fraction(101, 2)]

    for what, symbol, side, lots in steps:
        before = int(scene.ledger.totals[0]["gross_units"])
        if what < 2 and scene.send(side, lots, symbol=symbol) == OK:
            open_lots[symbol, side] += lots
            references[symbol] = mids[symbol]
            total = scene.ledger.totals[0]
            assert total["gross_units"] <= max(before, gross)
        elif what == 2 and open_lots[symbol, side] >= lots:
            assert scene.cancel(side, lots, symbol=symbol) == OK
            open_lots[symbol, side] -= lots
        elif what == 3 and open_lots[symbol, side] >= lots:
            fill(scene.ledger, np.array([symbol, side, 100, lots], np.int64), 0)
            open_lots[symbol, side] -= lots
            references[symbol] = references[symbol] or Fraction(100)
        elif what == 4:
            mark(scene.ledger, 90 + lots, symbol=symbol)
            references[symbol] = Fraction(90 + lots)
        worths = []
        for number, reference in enumerate(references):
            held = int(scene.ledger.positions[number]["position_lots"])
            buys, sells = (int(n) for n in open_lots[number])
            worths.append(max(abs(held + buys), abs(sells - held)) * reference)
        total = scene.ledger.totals[0]
        assert money_of(total, "gross") == sum(worths)
        margins = [-(-2 * worth * 1_250 // 10_000) / Fraction(2) for worth in worths]
        assert money_of(total, "margin") == sum(margins)


def money_of(total: Any, name: str) -> Fraction:
    return int(total[f"{name}_units"]) + Fraction(int(total[f"{name}_half_pico"]), 2 * PICO)


# ---- the kill switch ------------------------------------------------------------------------


def test_a_switch_that_blocks_what_is_new_leaves_what_rests():
    scene = Scene()
    scene.send(BID, 5)

    assert switches.pull_kill(scene.ledger, 0, int(KillLevel.BLOCK_NEW), 3) == OK

    account = scene.ledger.accounts[0]
    assert (account["mode"], account["attention"]) == (Mode.CANCEL_ONLY, 0)
    assert scene.send(BID, 1) == Status.KILL_SWITCH
    assert scene.cancel(BID, 5) == OK


def test_a_switch_that_flattens_lets_only_what_reduces_pass():
    scene = Scene()
    scene.send(BID, 5)
    scene.fill(BID, 5)

    assert switches.pull_kill(scene.ledger, 0, int(KillLevel.FLATTEN), 3) == OK

    assert scene.ledger.accounts[0]["attention"] == kernels.ORDERS_OPEN
    assert scene.send(BID, 1) == Status.KILL_SWITCH
    assert scene.send(ASK, 6) == Status.KILL_SWITCH
    assert scene.send(ASK, 5) == OK
    assert switches.release(scene.ledger, 0) == OK  # which is for loss limits
    assert scene.send(BID, 1) == Status.KILL_SWITCH


def test_a_switch_is_pulled_further_and_not_less_far():
    scene = Scene()
    account = scene.ledger.accounts[0]
    modes = []
    for level in (KillLevel.BLOCK_NEW, KillLevel.CANCEL_ALL, KillLevel.BLOCK_NEW):
        switches.pull_kill(scene.ledger, 0, int(level), 3)
        modes.append(int(account["mode"]))

    assert modes == [Mode.CANCEL_ONLY, Mode.FROZEN, Mode.FROZEN]
    assert account["trip_count"] == 2
    switches.disarm(scene.ledger, 0)
    assert switches.resume(scene.ledger, 0) == OK
    assert scene.send(BID, 1) == OK


# ---- many random commands ---------------------------------------------------------------------


@kernel
def wander(ledger, book, steps, seed, worst):  # type: ignore[no-untyped-def]
    """Random orders, cancels and fills; the step after which a limit was passed, or -1.

    `worst` gets the largest of what each limit bounds: long, short, all symbols, open lots, gross.
    """
    for step in range(steps):
        word = mix_pair(seed, step)
        what, symbol, side = word & 3, word >> 2 & 1, word >> 3 & 1
        lots, now_ns = (word >> 4 & 31) + 1, np.int64(step) * 1_000
        position = ledger.positions[symbol]
        opened = position["open_buy_lots"] if side == 0 else position["open_sell_lots"]
        place = 2 * symbol + side
        if what < 2:
            status = limits.limit_status(ledger, book, 0, place, 100, lots, RESTS, now_ns)
            if status == Status.OK:
                limits.note_sent(ledger, book, 0, place, 100, lots, now_ns)
                kernels.open_more(ledger, 0, symbol, side, lots)
        elif what == 2:
            kernels.open_more(ledger, 0, symbol, side, -min(lots, opened))
        elif opened > 0:
            kernels.take_fill(ledger, 0, symbol, side, 100, min(lots, opened), 1, now_ns)
        held = position["position_lots"]
        worst[0] = max(worst[0], held + position["open_buy_lots"])
        worst[1] = max(worst[1], position["open_sell_lots"] - held)
        worst[2] = max(worst[2], ledger.accounts[0]["exposure_lots"])
        worst[3] = max(worst[3], max(position["open_buy_lots"], position["open_sell_lots"]))
        worst[4] = max(worst[4], ledger.totals[0]["gross_units"])
    return 0


@pytest.mark.compiled
def test_ten_million_random_commands_reach_every_limit_and_pass_none():
    scene = Scene(weighs=1, max_gross_units=22_000, max_long=200, max_short=190, max_position=230)
    scene.ledger.limits["max_open_lots"] = 150
    b.rest(scene.book, BID, symbol=1, t99=[5])
    b.rest(scene.book, ASK, symbol=1, t101=[5])
    worst = np.zeros(5, np.int64)

    assert wander(scene.ledger, scene.book, 10_000_000, 7, worst) == 0

    assert worst.tolist() == [200, 190, 220, 150, 22_000]
    positions = scene.ledger.positions
    longest = np.abs(positions["position_lots"] + positions["open_buy_lots"])
    shortest = np.abs(positions["open_sell_lots"] - positions["position_lots"])
    exposure = np.maximum(longest, shortest).sum()
    assert exposure == scene.ledger.accounts[0]["exposure_lots"]
    assert 100 * exposure == scene.ledger.totals[0]["gross_units"]


def test_a_fill_from_elsewhere_counts_for_the_pace_of_fills():
    scene = symbol_rates(watches=pacing.FILLS, fill_ns=SECOND, max_fills=1)

    record(scene.ledger, BID, 100, 1, venue_ns=5)
    record(scene.ledger, BID, 100, 1, venue_ns=6)

    assert scene.guard["disabled"] == 1
