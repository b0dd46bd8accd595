"""The venue against its naive twin, at capacities so tiny that edges happen all the time."""

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mmjit.core.codes import (
    ASK,
    BID,
    NIL,
    Flag,
    Kind,
    Marking,
    SelfTrade,
    Status,
    Term,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.jit import COMPILED
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from mmjit.core.switches import disarm, resume
from mmjit.core.venue import kill
from tests import builders as b
from tests import venues as v
from tests.naive_book import plain
from tests.naive_risk import UNLIMITED, VenueOrder
from tests.venue_twins import Twins

INT64 = (-(1 << 63), (1 << 63) - 1)
SYMBOLS, ACCOUNTS = 3, 2  # the third symbol is never configured
ORDERS, PAGES, ALARMS = 8, 6, 3
BOUNDS = ((0, v.PRICE_MAX, 1), (-103, 103, 5))  # price_min, price_max, increment
PRICES = ((100, 101, 102, 103, 104, 0, 63, 64, v.PRICE_MAX), (-13, -8, -3, 2, 7, -103, 102))
WRONG_PRICES = (-1, v.PRICE_MAX + 1, 3, -104, 103, 107, *INT64)
FEES = ((-2, 3, 7), (0, 5, 1))  # of the symbols: maker, taker, scale

ids = st.sampled_from([*range(1, 11), -1, *INT64])
sides = st.sampled_from([BID, ASK])
symbols = st.sampled_from([0, 0, 0, 1])
owners = st.sampled_from([NIL, 0, 0, 1])
modes = st.sampled_from(list(SelfTrade))
qtys = st.integers(1, 7)
PASSIVE = [TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD]

some_or_none = st.sampled_from([*[UNLIMITED] * 5, 0, 1, 5, 9])
LIMITS = {
    "max_long": some_or_none,
    "max_short": some_or_none,
    "max_order_lots": st.sampled_from([*[UNLIMITED] * 5, 3, 6]),
    "max_order_points": st.sampled_from([*[UNLIMITED] * 5, 500]),
    "collar_bps": st.sampled_from([*[UNLIMITED] * 5, 0, 150, 5000]),
    "collar_price": st.sampled_from([*[UNLIMITED] * 5, 1, 3]),
    "max_open_orders": st.sampled_from([*[UNLIMITED] * 5, 0, 2]),
}
ANYTHING = {
    "kind": st.sampled_from(list(Kind)) | st.sampled_from([0, -1, -128, 127]),
    "order_id": ids | st.just(0),
    "other_id": ids | st.just(0),
    "symbol": st.sampled_from([0, 1, 2, 3, -1, (1 << 31) - 1, -(1 << 31)]),
    "side": st.sampled_from([0, 1, 2, -1, 127, -128]),
    "owner": st.sampled_from([NIL, 0, 1, 2, -2, (1 << 31) - 1, -(1 << 31)]),
    "price": st.sampled_from(PRICES[0] + PRICES[1] + WRONG_PRICES),
    "qty_lots": qtys | st.sampled_from([0, -1, b.QTY_MAX_32, b.QTY_MAX_32 + 1, *INT64]),
    "tif": st.integers(-1, 6) | st.sampled_from([127, -128]),
    "self_trade": st.integers(-1, 6) | st.sampled_from([127, -128]),
    "terms": st.integers(-1, 17) | st.sampled_from([-(1 << 15), (1 << 15) - 1]),
    "venue_ns": st.sampled_from([0, -1, INT64[0]]),
    "flags": st.sampled_from([0, Flag.LAST, -1, -(1 << 15)]),
}


@st.composite
def places(draw: Any) -> dict[str, int]:
    """A symbol and a price that it takes, mostly one of five neighbours."""
    symbol = draw(symbols)
    near = st.sampled_from(PRICES[symbol][:5])
    return {"symbol": symbol, "price": draw(near | st.sampled_from(PRICES[symbol]))}


class VenueMachine(Twins, RuleBasedStateMachine):
    """Each rule is a command; each invariant is a sentence."""

    wide = False
    rungs = NIL

    @initialize(
        limits=st.lists(st.fixed_dictionaries(LIMITS), min_size=2, max_size=2),
        max_position=st.sampled_from([UNLIMITED, 6]),
        max_open_orders=st.sampled_from([UNLIMITED, 3]),
        losses=st.tuples(st.sampled_from([None, 0, 3, 40]), st.sampled_from([None, 0, 3, 40])),
        markings=st.tuples(*[st.sampled_from(list(Marking))] * 2),
        salt=st.sampled_from([0, 7, *INT64]),
    )
    def begin(self, limits: Any, losses: Any, markings: Any, salt: int, **account: int) -> None:
        counts = Counts(SYMBOLS, ORDERS, PAGES, self.rungs, self.wide)
        self.venue = memory_venue(VenueCounts(counts, ACCOUNTS, 2, 1 << 10, 1 << 11, ALARMS), salt)
        for symbol, bounds in enumerate(BOUNDS):
            assert configure_symbol(self.venue.book, symbol, *bounds) == Status.OK
            fees = dict(zip(("maker_fee", "taker_fee", "fee_scale"), FEES[symbol], strict=True))
            v.set_terms(self.venue, symbol, **v.TERMS | fees)
            if symbol == 0:
                v.set_schedule(self.venue, symbol)
            point_pico = (10**12, 10**4)[symbol]  # so that fees count for more, and for less
            v.set_terms(self.venue, symbol, currency=symbol, marking=markings[symbol])
            v.set_terms(self.venue, symbol, point_pico=point_pico)
            v.set_limits(self.venue, 0, symbol, **limits[symbol])
        v.set_account(self.venue, 0, **account)
        for name, units in zip(("max_daily_loss", "max_drawdown"), losses, strict=True):
            if units is not None:
                v.set_losses(self.venue, 0, **{name: units})
        self.naive = v.twin_of(self.venue)

    # ---- commands

    def some_order(self, data: Any) -> VenueOrder:
        """An order that rests."""
        order: VenueOrder = data.draw(st.sampled_from(list(self.naive.orders.values())))
        return order

    # ---- new orders

    @rule(
        at=places(),
        order_id=ids,
        side=sides,
        qty_lots=qtys,
        owner=owners,
        self_trade=modes,
        wait=st.integers(0, 2),
        batch=st.booleans(),
    )
    def enter(self, at: dict[str, int], wait: int, batch: bool, **fields: int) -> None:
        self.send(v.new(**at, **fields), wait, batch)

    @rule(
        at=places(),
        fields=st.fixed_dictionaries({"order_id": ids, "side": sides, "qty_lots": qtys}),
        owner=owners,
        self_trade=modes,
        tif=st.sampled_from(PASSIVE),
        life=st.integers(-1, 6),
        display=st.integers(0, 4),
        terms=st.sampled_from([0, 0, Term.POST_ONLY, Term.REDUCE_ONLY, 6]),
    )
    def enter_with_terms(
        self,
        at: dict[str, int],
        fields: dict[str, int],
        life: int,
        display: int,
        terms: int,
        **more: int,
    ) -> None:
        second = v.behind(qty_lots=display, venue_ns=self.naive.now + life)
        self.send(v.command(Kind.NEW, second, **at, **fields, **more, terms=terms))

    @rule(
        at=places(),
        order_id=ids,
        side=sides,
        qty_lots=st.integers(1, 16),
        owner=owners,
        self_trade=modes,
        tif=st.sampled_from([TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC]),
        terms=st.sampled_from([0, Term.MARKET, Term.MARKET | Term.REDUCE_ONLY, Term.REDUCE_ONLY]),
    )
    def enter_at_once(self, at: dict[str, int], **fields: int) -> None:
        self.send(v.new(**at, **fields))

    @rule(at=places(), order_id=ids, side=sides, data=st.data())
    def enter_any_quantity(self, at: dict[str, int], data: Any, **fields: int) -> None:
        largest = b.QTY_MAX_64 if self.wide else b.QTY_MAX_32
        edges = [0, -1, largest - 1, largest, largest + 1, *INT64]
        self.send(v.new(**at, **fields, qty_lots=data.draw(st.sampled_from(edges))))

    # ---- orders that rest

    @precondition(lambda self: self.naive.orders)
    @rule(
        data=st.data(),
        new_id=ids | st.just(0),
        qty_lots=st.integers(0, 9),
        self_trade=modes,
        terms=st.sampled_from([0, 0, Term.TAIL]),
        stays=st.booleans(),
        batch=st.booleans(),
    )
    def amend(self, data: Any, new_id: int, stays: bool, batch: bool, **fields: int) -> None:
        order = self.some_order(data)
        price = order.price if stays else data.draw(st.sampled_from(PRICES[order.symbol]))
        where = {"symbol": order.symbol, "owner": order.account}
        one = v.amend(order.order_id, price, new_id=new_id, **where, **fields)
        self.send(one, batch=batch)

    @precondition(lambda self: self.naive.orders)
    @rule(
        data=st.data(),
        self_trade=modes,
        owner=owners,
        qty_lots=qtys,
        order_id=ids,
        tif=st.sampled_from([TimeInForce.GTC, TimeInForce.IOC]),
    )
    def cross(self, data: Any, **fields: int) -> None:
        """Enter an order that meets one that rests."""
        order = self.some_order(data)
        at = {"symbol": order.symbol, "price": order.price, "side": 1 - order.side}
        self.send(v.new(**at, **fields))

    @precondition(lambda self: self.naive.orders)
    @rule(data=st.data(), qty_lots=st.integers(-1, 7), foreign=st.sampled_from([0, 0, 0, 1]))
    def cancel(self, data: Any, qty_lots: int, foreign: int) -> None:
        order = self.some_order(data)
        owner = order.account + foreign
        self.send(v.cancel(order.order_id, qty_lots, symbol=order.symbol, owner=owner))

    @rule(
        owner=st.integers(-1, 2),
        symbol=st.sampled_from([NIL, 0, 1, 2]),
        side=st.integers(-1, 1),
    )
    def cancel_all(self, **fields: int) -> None:
        self.send(v.cancel_all(**fields))

    @rule(
        at=places(),
        ask=st.sampled_from(PRICES[0][:5] + PRICES[1][:5]),
        names=st.tuples(ids, ids),
        lots=st.tuples(*[st.integers(0, 6)] * 2),
        owner=owners,
        self_trade=modes,
        tif=st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC, TimeInForce.DAY]),
        terms=st.sampled_from([0, 0, Term.POST_ONLY, Term.REDUCE_ONLY]),
        batch=st.booleans(),
    )
    def quote(
        self, at: dict[str, int], ask: int, names: Any, lots: Any, batch: bool, **fields: int
    ) -> None:
        bid = (names[0], at["price"], lots[0])
        one = v.quote(bid, (names[1], ask, lots[1]), symbol=at["symbol"], **fields)
        self.send(one, batch=batch)

    @precondition(lambda self: self.naive.orders)
    @rule(
        data=st.data(),
        order_id=ids | st.just(0),
        qty_lots=st.integers(1, 9),
        owner=owners,
        self_trade=modes,
        flip=st.sampled_from([0, 0, 0, 1]),
    )
    def take(self, data: Any, flip: int, **fields: int) -> None:
        order = self.some_order(data)
        side = 1 - order.side if not flip else order.side
        self.send(v.take(side, order.price, symbol=order.symbol, **fields))

    # ---- time, statuses, operators

    @rule(wait=st.integers(0, 4))
    def let_time_pass(self, wait: int) -> None:
        self.send(v.timer(0), wait)

    @rule(
        what=st.sampled_from(["session", "session", "status", "stop", "disarm", "resume"]),
        symbol=symbols,
        owner=st.sampled_from([0, 1]),
        wait=st.integers(0, 9),
        status=st.sampled_from([*TradingStatus, *[TradingStatus.TRADING] * 9]),
    )
    def operate(self, what: str, symbol: int, owner: int, wait: int, status: int) -> None:
        """Open a session, halt a symbol or let it trade, stop an account or let it trade."""
        if what == "session":
            v.set_terms(self.venue, symbol, session_end_ns=self.naive.now + wait)
            self.naive.terms[symbol]["session_end_ns"] = self.naive.now + wait
        elif what == "status":
            self.send(v.status(status, symbol))
        elif what == "stop":
            assert kill(self.venue, owner, 2) == Status.OK
            self.naive.kill(owner)
        elif what == "disarm":
            assert disarm(self.venue.ledger, owner) == Status.OK
            self.naive.disarm(owner)
        else:
            assert resume(self.venue.ledger, owner) == self.naive.resume(owner)

    @rule(at=places(), side=sides, qty_lots=st.integers(0, 9))
    def set_a_level(self, at: dict[str, int], side: int, qty_lots: int) -> None:
        """As an L2 feed does, where it does not cross the other side."""
        far = self.naive.best_price(at["symbol"], 1 - side)
        if far is None or (at["price"] < far if side == BID else at["price"] > far):
            one = b.level(side, at["price"], qty_lots, symbol=at["symbol"])
            assert b.send(self.venue.book, one) == self.naive.set_level(plain(one[0]))

    # ---- nonsense

    @rule(
        data=st.data(),
        at=places(),
        kind=st.sampled_from([Kind.NEW, Kind.AMEND, Kind.CANCEL, Kind.TAKE, Kind.CANCEL_ALL]),
        order_id=ids,
        side=sides,
        qty_lots=qtys,
        owner=owners,
    )
    def send_one_with_a_field_wrong(
        self, data: Any, at: dict[str, int], kind: int, **fields: int
    ) -> None:
        """Or with all of them wrong, now and then."""
        fields |= at
        if data.draw(st.integers(0, 4)) == 0:
            self.send_anything(data)
            return
        if self.naive.orders and data.draw(st.booleans()):
            order = self.some_order(data)
            fields |= {"order_id": order.order_id, "owner": order.account, "symbol": order.symbol}
        name = data.draw(st.sampled_from(sorted(set(ANYTHING) - {"kind"})))
        self.send(v.command(kind, **fields | {name: data.draw(ANYTHING[name])}))

    def send_anything(self, data: Any) -> None:
        fields, more = (data.draw(st.fixed_dictionaries(ANYTHING)) for _ in range(2))
        one = v.command(**fields)
        if not fields["flags"] & Flag.LAST and more["kind"] == Kind.MORE:
            one = np.concatenate([one, v.command(**more | {"flags": Flag.LAST})])
        self.send(one)

    # ---- what must always be true

    the_audit_passes = invariant()(Twins.the_audit_passes)
    every_queue_is_equal = invariant()(Twins.every_queue_is_equal)
    no_book_is_crossed = invariant()(Twins.no_book_is_crossed)
    every_order_is_found_by_its_id_with_what_it_hides = invariant()(
        Twins.every_order_is_found_by_its_id_with_what_it_hides
    )
    every_account_lists_its_own_orders = invariant()(Twins.every_account_lists_its_own_orders)
    every_alarm_stands_in_the_heap = invariant()(Twins.every_alarm_stands_in_the_heap)
    the_positions_are_equal = invariant()(Twins.the_positions_are_equal)
    what_is_open_is_what_rests = invariant()(Twins.what_is_open_is_what_rests)
    the_money_and_the_modes_are_equal = invariant()(Twins.the_money_and_the_modes_are_equal)
    the_counters_are_equal = invariant()(Twins.the_counters_are_equal)
    the_symbols_are_equal = invariant()(Twins.the_symbols_are_equal)


class WideVenueMachine(VenueMachine):
    wide = True


class CrampedVenueMachine(VenueMachine):
    """Scattered prices exhaust the ladder before the pages run out."""

    rungs = 16


LOOK = settings(
    max_examples=settings().max_examples if COMPILED else settings().max_examples // 2,
    stateful_step_count=50,
)
TestVenue = VenueMachine.TestCase
TestVenue.settings = LOOK
TestWideVenue = WideVenueMachine.TestCase
TestWideVenue.settings = LOOK
TestCrampedVenue = CrampedVenueMachine.TestCase
TestCrampedVenue.settings = LOOK
