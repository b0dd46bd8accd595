"""What an account may enter: each limit just inside, at it and just outside, and their order."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core import ledger as kernels
from mmjit.core import limits, switches
from mmjit.core.account import MONEY_MAX
from mmjit.core.codes import ASK, BID, Status, Term, TimeInForce
from mmjit.core.ledger import UNLIMITED
from mmjit.core.limits import RESTS, check_order
from mmjit.core.records import COMMAND
from mmjit.core.state import configure_symbol
from tests import builders as b
from tests import ledgers as led
from tests.builders import door
from tests.ledgers import ledger_with, record

MARKET, REDUCE_ONLY = int(Term.MARKET), int(Term.REDUCE_ONLY)
PASSES = Status.OK


@door
def limit_status(ledger, book, order):  # type: ignore[no-untyped-def]
    """Of owner, symbol, side, price, lots, how and the time."""
    place = 2 * order[1] + order[2]
    return limits.limit_status(
        ledger, book, order[0], place, order[3], order[4], order[5], order[6]
    )


@door
def collar_price_of(ledger, book, side):  # type: ignore[no-untyped-def]
    return limits.collar_price_of(ledger, book, 0, 0, side)


@door
def collar_twice(ledger, reference_twice):  # type: ignore[no-untyped-def]
    return limits.collar_twice(ledger.limits[0], reference_twice)


@door
def open_lots(ledger, owner, symbol, lots):  # type: ignore[no-untyped-def]
    """Open lots to buy and to sell, each an order that rests."""
    for side in range(2):
        if lots[side] > 0:
            kernels.open_more(ledger, owner, symbol, side, lots[side])
            kernels.count_open(ledger, owner, symbol, 1)


class Scene:
    """A market of 99 to 101 in two symbols, and two accounts that hold and have open what is said.

    `held` is in lots of symbol 0, short below 0; `buys` and `sells` are open there.
    """

    def __init__(
        self,
        held: int = 0,
        buys: int = 0,
        sells: int = 0,
        market: bool = True,
        prices: tuple[int, int] = (0, 1000),
        **terms: int,
    ) -> None:
        self.ledger = ledger_with(accounts=2, symbols=2, **terms)
        self.book = b.memory_book(b.Counts(2, 8, 6), 7)
        for symbol in (0, 1):
            assert configure_symbol(self.book, symbol, *prices, 1) == Status.OK
        if market:
            b.rest(self.book, BID, t99=[5])
            b.rest(self.book, ASK, t101=[5])
        if held:
            record(self.ledger, BID if held > 0 else ASK, 100, abs(held))
        self.open(buys, sells)

    def open(self, buys: int, sells: int, owner: int = 0, symbol: int = 0) -> None:
        open_lots(self.ledger, owner, symbol, np.array([buys, sells], np.int64))

    def limit(self, **fields: int) -> "Scene":
        """Limits of account 0, in symbol 0 or over all."""
        for name, value in fields.items():
            of_symbol = name in self.ledger.limits.dtype.names and not name.startswith("all_")
            row = self.ledger.limits[0] if of_symbol else self.ledger.accounts[0]
            row[name.removeprefix("all_")] = value
        return self

    def asks(
        self,
        side: int,
        lots: int,
        price: int = 100,
        how: int = RESTS,
        owner: int = 0,
        symbol: int = 0,
        now_ns: int = 0,
    ) -> Status:
        """What an order of the account meets; nothing is written."""
        before = [array.tobytes() for array in self.ledger]
        order = np.array([owner, symbol, side, price, lots, how, now_ns], np.int64)
        status = Status(int(limit_status(self.ledger, self.book, order)))
        assert [array.tobytes() for array in self.ledger] == before
        return status


def around(limit: int, broken: Status) -> list[tuple[int, Status]]:
    """Just inside, at and just outside a limit that passes when it is met."""
    return [(limit - 1, PASSES), (limit, PASSES), (limit + 1, broken)]


def test_an_account_without_limits_may_enter_anything_that_can_be_counted():
    assert Scene().asks(BID, 1 << 31) == PASSES


# ---- one limit at a time --------------------------------------------------------------------


@pytest.mark.parametrize(("lots", "status"), around(7, Status.MAX_ORDER_QTY))
@pytest.mark.parametrize("side", [BID, ASK])
def test_the_quantity_of_an_order(side, lots, status):
    assert Scene().limit(max_order_lots=7).asks(side, lots) == status


@pytest.mark.parametrize(("lots", "status"), around(7, Status.QTY_TOO_LARGE))
def test_the_largest_order_of_the_instrument(lots, status):
    assert Scene(qty_lots_max=7).asks(BID, lots) == status


@pytest.mark.parametrize(("price", "status"), around(100, Status.MAX_ORDER_NOTIONAL))
def test_the_notional_of_an_order(price, status):
    assert Scene().limit(max_order_points=700).asks(ASK, 7, price) == status


@pytest.mark.parametrize(("points", "status"), [(334, PASSES), (333, Status.MAX_ORDER_NOTIONAL)])
def test_the_notional_of_an_inverse_order_is_rounded_up(points, status):
    scene = Scene(inverse_pico=1000, point_pico=1, prices=(1, 1000))

    assert scene.limit(max_order_points=points).asks(BID, 1, 3) == status


@pytest.mark.parametrize(("lots", "status"), around(10, Status.MAX_ORDER_NOTIONAL))
@pytest.mark.parametrize("side", [BID, ASK])
def test_the_notional_of_a_market_order_is_at_the_far_end_of_the_collar(side, lots, status):
    scene = Scene().limit(max_order_points=1049, collar_price=4)

    assert scene.asks(side, lots, 0, MARKET) == status


def test_the_notional_of_a_market_order_without_a_collar_is_at_the_highest_price():
    scene = Scene().limit(max_order_points=3000)

    assert scene.asks(BID, 3, 0, MARKET) == PASSES
    assert scene.asks(BID, 4, 0, MARKET) == Status.MAX_ORDER_NOTIONAL


def test_the_notional_of_an_inverse_market_order_is_at_the_lowest_price():
    scene = Scene(inverse_pico=1000, point_pico=1, prices=(4, 1000)).limit(max_order_points=500)

    assert scene.asks(BID, 2, 0, MARKET) == PASSES
    assert scene.asks(BID, 3, 0, MARKET) == Status.MAX_ORDER_NOTIONAL


@pytest.mark.parametrize("side", [BID, ASK])
@pytest.mark.parametrize(
    ("price", "status"),
    [
        (97, Status.PRICE_COLLAR),
        (98, PASSES),
        (100, PASSES),
        (102, PASSES),
        (103, Status.PRICE_COLLAR),
    ],
)
@pytest.mark.parametrize("collar", [{"collar_bps": 200}, {"collar_price": 2}], ids=str)
def test_the_distance_from_the_mid(side, price, status, collar):
    assert Scene().limit(**collar).asks(side, 1, price) == status


@pytest.mark.parametrize(
    ("collar", "price", "status"),
    [
        ({"collar_bps": 248}, 98, Status.PRICE_COLLAR),  # 2.5 from a mid of 100.5
        ({"collar_bps": 248}, 103, Status.PRICE_COLLAR),
        ({"collar_bps": 249}, 98, PASSES),
        ({"collar_bps": 249}, 103, PASSES),
        ({"collar_bps": 500, "collar_price": 1}, 102, Status.PRICE_COLLAR),
        ({"collar_bps": 100, "collar_price": 9}, 102, Status.PRICE_COLLAR),
        ({"collar_bps": 0}, 100, Status.PRICE_COLLAR),
        ({"collar_price": 0}, 101, Status.PRICE_COLLAR),
    ],
    ids=str,
)
def test_the_narrower_collar_holds_and_a_mid_may_be_half_a_unit(collar, price, status):
    scene = Scene(market=False)
    b.rest(scene.book, BID, t100=[1])
    b.rest(scene.book, ASK, t101=[1])

    assert scene.limit(**collar).asks(BID, 1, price) == status


def test_a_collar_is_around_the_last_trade_while_a_side_is_empty():
    scene = Scene(market=False).limit(collar_price=2)
    b.rest(scene.book, BID, t99=[5])

    assert scene.asks(BID, 1, 99) == Status.REFERENCE_MISSING
    assert scene.asks(BID, 1, 99, MARKET) == Status.REFERENCE_MISSING
    b.send(scene.book, b.trade(120, 1))
    assert scene.asks(BID, 1, 118) == PASSES
    assert scene.asks(BID, 1, 117) == Status.PRICE_COLLAR
    b.send(scene.book, b.trade(1001, 1))  # at no price of the book
    assert scene.asks(BID, 1, 1000) == Status.REFERENCE_MISSING


def test_a_market_order_has_no_price_to_hold_to_the_collar():
    assert Scene().limit(collar_price=2).asks(BID, 1, 500, MARKET) == PASSES


@pytest.mark.parametrize(
    ("collar", "lowest", "highest"),
    [
        ({}, 0, 1000),
        ({"collar_bps": 200}, 98, 102),
        ({"collar_bps": 250}, 98, 102),
        ({"collar_price": 3}, 97, 103),
        ({"collar_bps": 100_000}, 0, 1000),
        ({"collar_bps": 0}, 100, 100),
    ],
    ids=str,
)
def test_the_worst_price_of_a_market_order_is_the_end_of_its_collar(collar, lowest, highest):
    scene = Scene().limit(**collar)

    assert collar_price_of(scene.ledger, scene.book, BID) == highest
    assert collar_price_of(scene.ledger, scene.book, ASK) == lowest


def test_a_market_order_with_nothing_to_hold_it_to_may_trade_at_no_price():
    scene = Scene(market=False).limit(collar_price=2)

    assert collar_price_of(scene.ledger, scene.book, BID) == 0
    assert collar_price_of(scene.ledger, scene.book, ASK) == 1000


@given(
    st.integers(-(1 << 61), 1 << 61) | st.integers(-99, 99),
    st.integers(0, UNLIMITED) | st.integers(0, 20_000),
    st.integers(0, UNLIMITED) | st.integers(0, 99) | st.just(UNLIMITED),
)
@example(1 << 61, UNLIMITED - 1, UNLIMITED)
@example(9_999, UNLIMITED - 1, UNLIMITED)
@example(1, UNLIMITED - 1, UNLIMITED)
@example(-(1 << 61), 20_000, UNLIMITED)
def test_the_width_of_a_collar_is_exact_as_far_as_prices_reach(reference_twice, bps, price):
    scene = Scene().limit(collar_bps=bps, collar_price=price)

    width = collar_twice(scene.ledger, reference_twice)

    exact = 2 * price
    if bps < UNLIMITED:
        exact = min(exact, floor(Fraction(abs(reference_twice) * bps, 10**4)))
    farthest = 1 << 62  # between the mid and a price, twice
    assert width == exact or (width == farthest and exact > 1 << 61)


@pytest.mark.parametrize(
    ("open_count", "status"),
    [(2, PASSES), (3, Status.MAX_OPEN_ORDERS), (4, Status.MAX_OPEN_ORDERS)],
)
@pytest.mark.parametrize("name", ["max_open_orders", "all_max_open_orders"])
def test_the_orders_that_rest(name, open_count, status):
    scene = Scene().limit(**{name: 3})
    for _ in range(open_count):
        scene.open(1, 0)

    assert scene.asks(BID, 1) == status
    assert scene.asks(BID, 1, how=0) == PASSES  # it never rests


def test_orders_in_another_symbol_count_for_the_account_alone():
    scene = Scene().limit(max_open_orders=1, all_max_open_orders=2)
    scene.open(1, 0, symbol=1)

    assert scene.asks(BID, 1) == PASSES
    scene.open(1, 0, symbol=1)
    assert scene.asks(BID, 1) == Status.MAX_OPEN_ORDERS


# ---- positions ------------------------------------------------------------------------------


@pytest.mark.parametrize(("lots", "status"), around(50, Status.MAX_LONG))
def test_the_longest_position_counts_what_is_held_and_open(lots, status):
    assert Scene(held=800, buys=150, sells=9).limit(max_long=1000).asks(BID, lots) == status


@pytest.mark.parametrize(("lots", "status"), around(50, Status.MAX_SHORT))
def test_the_shortest_position_counts_what_is_held_and_open(lots, status):
    assert Scene(held=-800, buys=9, sells=150).limit(max_short=1000).asks(ASK, lots) == status


@pytest.mark.parametrize(("lots", "status"), around(20, Status.MAX_POSITION))
@pytest.mark.parametrize("side", [BID, ASK])
def test_the_position_of_an_account_is_summed_over_its_symbols(side, lots, status):
    scene = Scene().limit(max_position=50)
    scene.open(30, 12, symbol=1)
    scene.open(900, 900, owner=1)

    assert scene.asks(side, lots) == status


@given(
    st.integers(-20, 20),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 40),
    st.sampled_from([BID, ASK]),
    st.integers(1, 40),
)
def test_what_is_accepted_keeps_every_outcome_within_max_position(
    held, buys, sells, limit, side, lots
):
    scene = Scene(held, buys, sells).limit(max_position=limit)
    outcomes = [held + n - m for n in (0, buys) for m in (0, sells)]
    more = [one + (lots if side == BID else -lots) for one in outcomes]
    worst, grown = max(map(abs, outcomes)), max(map(abs, outcomes + more))

    expected = PASSES if grown <= max(worst, limit) else Status.MAX_POSITION
    assert scene.asks(side, lots) == expected


# ---- what only reduces ----------------------------------------------------------------------

REDUCING = [
    # held, open on the order's side, side, lots, whether they only reduce
    (10, 0, ASK, 10, True),
    (10, 0, ASK, 11, False),
    (10, 4, ASK, 6, True),
    (10, 4, ASK, 7, False),
    (10, 10, ASK, 1, False),
    (10, 12, ASK, 1, False),
    (10, 0, BID, 1, False),
    (-10, 0, BID, 10, True),
    (-10, 3, BID, 8, False),
    (-10, 0, ASK, 1, False),
    (0, 0, BID, 1, False),
    (0, 0, ASK, 1, False),
]


def reducing(held: int, opened: int, side: int) -> Scene:
    return Scene(held, opened if side == BID else 0, opened if side == ASK else 0)


@pytest.mark.parametrize(("held", "opened", "side", "lots", "reduces"), REDUCING)
def test_a_reduce_only_order_may_close_what_is_held_and_not_yet_being_closed(
    held, opened, side, lots, reduces
):
    scene = reducing(held, opened, side)

    expected = PASSES if reduces else Status.REDUCE_ONLY
    assert scene.asks(side, lots, how=REDUCE_ONLY | RESTS) == expected


@pytest.mark.parametrize(("held", "opened", "side", "lots", "reduces"), REDUCING)
@pytest.mark.parametrize(
    ("name", "cause"),
    [("max_daily_loss", Status.MAX_DAILY_LOSS), ("max_drawdown", Status.MAX_DRAWDOWN)],
)
def test_an_account_that_lost_too_much_may_only_reduce(
    name, cause, held, opened, side, lots, reduces
):
    scene = reducing(held, opened, side)
    led.limit_losses(scene.ledger, **{name: 0})
    led.mark(scene.ledger, 100, symbol=1)

    assert scene.asks(side, lots) == (PASSES if reduces else cause)


def test_what_reduces_passes_limits_on_positions_and_no_others():
    scene = Scene(held=10).limit(max_long=0, max_short=0, max_position=0)

    assert scene.asks(ASK, 10) == PASSES
    assert scene.asks(ASK, 11) == Status.MAX_SHORT
    assert scene.limit(max_order_lots=9).asks(ASK, 10) == Status.MAX_ORDER_QTY
    assert scene.limit(max_order_lots=99, collar_price=0).asks(ASK, 10, 101) == Status.PRICE_COLLAR


# ---- the switch, and which limit is named ---------------------------------------------------


def test_a_pulled_switch_refuses_whatever_it_is_until_it_is_reset():
    scene = Scene(held=10)
    switches.pull_kill(scene.ledger, 0, 0, 1)

    assert scene.asks(ASK, 1, how=REDUCE_ONLY) == Status.KILL_SWITCH
    switches.disarm(scene.ledger, 0)
    assert scene.asks(ASK, 1) == Status.KILL_SWITCH
    assert scene.asks(ASK, 1, owner=1) == PASSES
    switches.resume(scene.ledger, 0)
    assert scene.asks(ASK, 1) == PASSES


def test_the_first_limit_that_is_broken_is_named():
    scene = Scene(held=10, buys=1, qty_lots_max=100).limit(
        max_long=0,
        max_position=0,
        max_order_lots=0,
        max_order_points=0,
        collar_price=0,
        max_open_orders=0,
    )
    led.limit_losses(scene.ledger, max_daily_loss=0)
    led.mark(scene.ledger, 100)
    switches.pull_kill(scene.ledger, 0, 0, 1)
    how, lots, price = REDUCE_ONLY | RESTS, 101, 500
    seen = []

    def ask() -> None:
        seen.append(scene.asks(BID, lots, price, how).name)

    ask()
    switches.disarm(scene.ledger, 0)
    switches.resume(scene.ledger, 0)
    led.mark(scene.ledger, 100)
    ask()
    how = RESTS
    ask()
    led.limit_losses(scene.ledger, max_daily_loss=9)
    switches.release(scene.ledger, 0)
    ask()
    lots = 100
    for name in ("max_order_lots", "max_order_points", "collar_price", "max_open_orders"):
        if name == "max_order_points":
            scene.ledger.positions[0]["cash"] = MONEY_MAX
            ask()
            scene.ledger.positions[0]["cash"] = 0
        ask()
        scene.limit(**{name: UNLIMITED})
    ask()
    scene.limit(max_long=UNLIMITED)
    ask()

    assert seen == [
        *("KILL_SWITCH", "REDUCE_ONLY", "MAX_DAILY_LOSS", "QTY_TOO_LARGE", "MAX_ORDER_QTY"),
        *("NOTIONAL_TOO_LARGE", "MAX_ORDER_NOTIONAL", "PRICE_COLLAR", "MAX_OPEN_ORDERS"),
        *("MAX_LONG", "MAX_POSITION"),
    ]


@pytest.mark.parametrize(
    ("prices", "inverse_pico", "lots"),
    [
        ((0, 1000), 0, MONEY_MAX // 1000),
        ((-2000, 1000), 0, MONEY_MAX // 2000),
        ((0, 0), 0, MONEY_MAX),
        ((10, 1000), 10**9, MONEY_MAX // (10**8 + 1)),
        ((0, 1000), 10**9, MONEY_MAX // (10**9 + 1)),
    ],
)
def test_what_could_not_be_counted_at_the_worst_price_is_refused(prices, inverse_pico, lots):
    scene = Scene(market=False, prices=prices, inverse_pico=inverse_pico, point_pico=1)

    assert scene.asks(BID, lots, prices[0]) == PASSES
    assert scene.asks(BID, lots + 1, prices[0]) == Status.NOTIONAL_TOO_LARGE


def test_prices_beyond_what_is_counted_are_refused():
    far = MONEY_MAX + 1

    assert Scene(market=False, prices=(far, far)).asks(BID, 1, far) == Status.NOTIONAL_TOO_LARGE
    terms = {"inverse_pico": 10, "point_pico": 1}
    scene = Scene(market=False, prices=(far, far), **terms)
    assert scene.asks(BID, 1, far) == Status.NOTIONAL_TOO_LARGE


@pytest.mark.parametrize("inverse_pico", [0, 10**6])
def test_fees_that_could_pass_what_is_counted_refuse_new_orders(inverse_pico):
    scene = Scene(market=False, prices=(1, 1), inverse_pico=inverse_pico, point_pico=1)
    unit = inverse_pico + 1 if inverse_pico else 1

    scene.ledger.positions[0]["fees_pico"] = -(MONEY_MAX - unit)
    assert scene.asks(BID, 1, 1) == PASSES
    assert scene.asks(BID, 2, 1) == Status.NOTIONAL_TOO_LARGE


# ---- the order as a command -----------------------------------------------------------------


def checked(scene: Scene, **fields: int) -> Status:
    order = np.zeros(1, COMMAND)
    for name, value in {"qty_lots": 1, "price": 100, **fields}.items():
        order[name] = value
    return Status(int(check_order(scene.ledger, scene.book, order, 0)))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, PASSES),
        ({"owner": 2}, Status.ACCOUNT_UNKNOWN),
        ({"owner": -1}, Status.ACCOUNT_UNKNOWN),
        ({"symbol": 2}, Status.SYMBOL_UNKNOWN),
        ({"qty_lots": 0}, Status.QTY_NOT_POSITIVE),
        ({"price": -1}, Status.PRICE_OUT_OF_RANGE),
        ({"price": 1001}, Status.PRICE_OUT_OF_RANGE),
        ({"price": -1, "terms": MARKET}, PASSES),
        ({"qty_lots": 11}, Status.MAX_LONG),
        ({"terms": REDUCE_ONLY}, Status.REDUCE_ONLY),
    ],
    ids=str,
)
def test_an_order_is_checked_as_it_would_be_sent(fields, status):
    assert checked(Scene().limit(max_long=10), **fields) == status


@pytest.mark.parametrize("tif", TimeInForce)
@pytest.mark.parametrize("terms", [0, MARKET])
def test_only_an_order_that_may_rest_is_held_to_the_orders_that_do(tif, terms):
    scene = Scene().limit(max_open_orders=0)

    rests = terms == 0 and tif not in (TimeInForce.IOC, TimeInForce.FOK)
    expected = Status.MAX_OPEN_ORDERS if rests else PASSES
    assert checked(scene, tif=tif, terms=terms) == expected


def test_the_ends_of_a_collar_are_the_last_prices_that_pass_it():
    for bid, ask, bps in [(99, 101, 133), (100, 101, 99), (7, 8, 5000), (333, 334, 20)]:
        scene = Scene(market=False).limit(collar_bps=bps)
        b.rest(scene.book, BID, **{f"t{bid}": [1]})
        b.rest(scene.book, ASK, **{f"t{ask}": [1]})
        width = Fraction(bid + ask, 2) * bps / 10**4
        middle = Fraction(bid + ask, 2)
        lowest, highest = ceil(middle - width), floor(middle + width)

        assert collar_price_of(scene.ledger, scene.book, ASK) == lowest
        assert collar_price_of(scene.ledger, scene.book, BID) == highest
        statuses = [scene.asks(BID, 1, p) for p in (lowest - 1, lowest, highest, highest + 1)]
        assert statuses == [Status.PRICE_COLLAR, PASSES, PASSES, Status.PRICE_COLLAR]
