"""Long runs of random commands of every kind, with accounts, limits and clocks, in both venues.

The state machine looks for the shortest way to an edge; these runs go far, in tiny venues too. A
run is a function of its seed, and the command that fails is named by its number.
"""

import random
from typing import Any

import pytest

from mmjit.core.codes import (
    NIL,
    Marking,
    SelfTrade,
    Status,
    Term,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.jit import COMPILED
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from mmjit.core.switches import disarm, release, resume, start_session
from mmjit.core.venue import kill
from tests import venues as v
from tests.naive_book import plain
from tests.naive_risk import UNLIMITED
from tests.venue_twins import Twins

SYMBOLS, ACCOUNTS = 2, 3
BOUNDS = ((0, v.PRICE_MAX, 1), (-103, 103, 5))
PRICES = (range(96, 106), range(-28, 22, 5))
FEES = ((-2, 3, 7), (0, 5, 1))
COMMANDS = 6_000 if COMPILED else 1_200
CHECK_EVERY = 3

LIMITS = {
    "max_long": (4, 12, 30),
    "max_short": (4, 12, 30),
    "max_order_lots": (3, 6),
    "max_order_points": (300, 900),
    "collar_bps": (0, 150, 5000),
    "collar_price": (1, 4),
    "max_open_orders": (1, 3),
}


class Run(Twins):
    """A pair of venues and a source of commands."""

    def __init__(
        self, seed: int, orders: int, pages: int, rungs: int = NIL, lines: int = 1 << 10
    ) -> None:
        self.draw = draw = random.Random(seed)
        counts = Counts(SYMBOLS, orders, pages, rungs, seed % 2 == 1)
        sizes = VenueCounts(counts, ACCOUNTS, 2, lines, 2 * lines, alarms=orders // 3)
        self.venue = memory_venue(sizes, seed)
        for symbol, bounds in enumerate(BOUNDS):
            assert configure_symbol(self.venue.book, symbol, *bounds) == Status.OK
            fees = dict(zip(("maker_fee", "taker_fee", "fee_scale"), FEES[symbol], strict=True))
            v.set_terms(self.venue, symbol, **v.TERMS | fees)
            if symbol == 0:
                v.set_schedule(self.venue, symbol)
            v.set_terms(self.venue, symbol, currency=symbol, marking=draw.choice(list(Marking)))
            v.set_terms(self.venue, symbol, point_pico=(10**12, 10**4)[symbol])
            for owner in range(ACCOUNTS):
                some = {n: draw.choice(x) for n, x in LIMITS.items() if draw.random() < 0.1}
                v.set_limits(self.venue, owner, symbol, **some)
        for owner in range(1, ACCOUNTS):
            v.set_account(self.venue, owner, max_position=draw.choice((UNLIMITED, 20)))
            v.set_account(self.venue, owner, max_open_orders=draw.choice((UNLIMITED, 5)))
            v.set_losses(self.venue, owner, draw.randrange(2), max_daily_loss=10**6)
            v.set_losses(self.venue, owner, draw.randrange(2), max_drawdown=draw.choice((50, 400)))
        self.naive = v.twin_of(self.venue)

    # ---- commands ---------------------------------------------------------------------------

    def place(self) -> dict[str, int]:
        symbol = self.draw.choice((0, 0, 1))
        return {"symbol": symbol, "price": self.draw.choice(PRICES[symbol])}

    def lots(self) -> int:
        return self.draw.choice((1, 2, 3, 4, 5, 6, 9, 14))

    def who(self) -> dict[str, int]:
        mode = self.draw.choice(list(SelfTrade))
        return {"owner": self.draw.choice((NIL, *range(ACCOUNTS))), "self_trade": mode}

    def order(self) -> Any:
        """An order that rests, or None."""
        orders = list(self.naive.orders.values())
        return self.draw.choice(orders) if orders else None

    def new(self) -> Any:
        draw = self.draw
        tif = draw.choice([*TimeInForce, TimeInForce.GTC, TimeInForce.GTC])
        terms = 0
        for term in (Term.POST_ONLY, Term.REDUCE_ONLY, Term.MARKET):
            terms |= term if draw.random() < 0.12 else 0
        fields = {"order_id": draw.randrange(1, 60), "side": draw.randrange(2)}
        fields |= {"qty_lots": self.lots(), "tif": tif, "terms": terms}
        if tif != TimeInForce.GTD and draw.random() < 0.7:
            return v.command(v.Kind.NEW, **self.place(), **self.who(), **fields)
        passive = tif <= TimeInForce.GTD and not terms & Term.MARKET
        shown = draw.randrange(fields["qty_lots"] + 1) if passive else 0
        second = v.behind(qty_lots=shown, venue_ns=self.naive.now + draw.randrange(12))
        return v.command(v.Kind.NEW, second, **self.place(), **self.who(), **fields)

    def amend(self) -> Any:
        order = self.order()
        if order is None:
            return self.new()
        draw = self.draw
        price = order.price if draw.random() < 0.4 else draw.choice(PRICES[order.symbol])
        return v.amend(
            order.order_id,
            price,
            draw.choice((self.lots(), max(1, order.open_lots - 1), order.open_lots)),
            draw.choice((0, 0, order.order_id, draw.randrange(1, 60))),
            symbol=order.symbol,
            terms=draw.choice((0, 0, 0, Term.TAIL)),
            **self.who() | {"owner": order.account},
        )

    def cancel(self) -> Any:
        order = self.order()
        if order is None:
            return self.new()
        lots = self.draw.choice((0, 1, 2, order.open_lots))
        return v.cancel(order.order_id, lots, symbol=order.symbol, owner=order.account)

    def quote(self) -> Any:
        draw, where = self.draw, self.place()
        ask = where["price"] + draw.randrange(-1, 4) * (1 if where["symbol"] == 0 else 5)
        owner = draw.randrange(ACCOUNTS)
        bid = (100 + 2 * owner, where["price"], draw.choice((0, 3, 5)))
        names = 101 + 2 * owner if draw.random() < 0.9 else draw.randrange(1, 60)
        terms = draw.choice((0, 0, Term.POST_ONLY, Term.REDUCE_ONLY))
        more = self.who() | {"owner": owner, "symbol": where["symbol"], "terms": terms}
        return v.quote(bid, (names, ask, draw.choice((0, 2, 6))), **more)

    def take(self) -> Any:
        order = self.order()
        if order is None:
            return self.new()
        name = self.draw.randrange(60)
        where = {"symbol": order.symbol, **self.who()}
        return v.take(1 - order.side, order.price, self.lots(), name, **where)

    def rare(self) -> Any:
        """What happens seldom: to whole accounts and symbols."""
        draw, what = self.draw, self.draw.randrange(6)
        owner, symbol = draw.randrange(ACCOUNTS), draw.randrange(SYMBOLS)
        if what == 0:
            return v.cancel_all(owner, draw.choice((NIL, symbol)), draw.choice((NIL, 0, 1)))
        if what == 1:
            return v.status(draw.choice((0, 1, 1, 2, 4)), draw.choice((0, 1)))
        if what == 2:
            self.naive.terms[symbol]["session_end_ns"] = self.naive.now + draw.randrange(40)
            end = self.naive.terms[symbol]["session_end_ns"]
            v.set_terms(self.venue, symbol, session_end_ns=end)
            return v.timer(draw.randrange(3))
        self.operate(owner)
        return v.status(TradingStatus.TRADING, symbol)

    def operate(self, owner: int) -> None:
        """An operator stops an account, or lets it trade again."""
        ledger, what = self.venue.ledger, self.draw.randrange(8)
        if what == 0:
            assert kill(self.venue, owner, 2) == Status.OK
            self.naive.kill(owner)
        elif what == 1:
            reset = self.draw.randrange(2)
            assert start_session(ledger, owner, reset) == Status.OK
            self.naive.start_session(owner, bool(reset))
        elif what < 4:
            assert release(ledger, owner) == Status.OK
            self.naive.release(owner)
        else:
            for number in range(ACCOUNTS):
                assert disarm(ledger, number) == Status.OK
                self.naive.disarm(number)
                assert resume(ledger, number) == self.naive.resume(number)

    def one(self) -> Any:
        kinds = (self.new, self.amend, self.cancel, self.quote, self.take, self.rare)
        return self.draw.choices(kinds, (12, 4, 3, 3, 2, 1))[0]()


@pytest.mark.parametrize(
    ("seed", "orders", "pages", "rungs"),
    [(1, 8, 4, NIL), (2, 40, 5, NIL), (3, 40, 24, NIL), (4, 12, 8, 16), (5, 200, 80, NIL)],
)
def test_thousands_of_random_commands_do_the_same_to_both(seed, orders, pages, rungs):
    run = Run(seed, orders, pages, rungs)
    met: set[int] = set()

    for number in range(COMMANDS):
        try:
            met.add(min(0, run.send(run.one(), run.draw.choice((0, 0, 1)), number % 2 == 0)))
            if number % CHECK_EVERY == 0:
                run.check()
        except AssertionError as error:
            error.add_note(f"command {number} of seed {seed}")
            raise

    trades = len(run.naive.trades)
    assert trades > COMMANDS / 20
    assert run.naive.counters.expired > 0
    if COMPILED:
        assert len(met) > 10


@pytest.mark.parametrize(("seed", "lines"), [(11, 2), (12, 2), (13, 4), (14, 4)])
def test_no_command_writes_more_lines_than_there_is_room_for(seed, lines):
    """What is refused for want of room is not done at all, and done once there is room."""
    run = Run(seed, 16, 12, lines=lines)
    run.naive.rings.trade_lines = run.naive.rings.fill_lines = 1 << 40
    control = run.venue.control[0]
    full = 0

    for _ in range(COMMANDS):
        one = run.one()
        one["venue_ns"][0] += run.naive.now
        before = v.bytes_of(run.venue)
        reached, statuses = v.submit_many(run.venue, one)
        waits = {Status.TRADE_RING_FULL, Status.FILL_RING_FULL} & set(statuses)
        if waits:
            full += 1
            assert v.bytes_of(run.venue) == before
        else:
            assert reached == len(one)
            run.naive.apply([plain(record) for record in one])
            assert statuses[: len(run.naive.statuses)] == run.naive.statuses
            assert control["trade_head"] - control["trade_tail"] <= lines
            assert control["fill_head"] - control["fill_tail"] <= 2 * lines
        if waits or run.draw.random() < 0.3:
            run.drain()
    rows = run.venue.counts.reshape(ACCOUNTS + 1, -1)
    rows[:, [-int(Status.TRADE_RING_FULL), -int(Status.FILL_RING_FULL)]] = 0
    run.check()

    assert full > 0
