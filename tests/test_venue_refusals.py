"""Each rule of the venue, broken on purpose: its status comes back, and nothing has changed."""

import itertools

import numpy as np
import pytest

from mmjit.core import pacing
from mmjit.core.codes import (
    ASK,
    BID,
    NIL,
    Kind,
    Mode,
    Restriction,
    Status,
    Term,
    TimeInForce,
    TradingStatus,
)
from mmjit.core.levels import LEVEL_QTY_MAX
from mmjit.core.records import COMMAND
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from tests import builders as b
from tests import venues as v
from tests.naive_book import plain
from tests.venues import (
    amend,
    buy,
    cancel,
    cancel_all,
    command,
    do,
    market,
    quote,
    rest,
    sell,
    take,
)

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
INT32_MAX = (1 << 31) - 1
GTD, DAY, IOC, FOK = TimeInForce.GTD, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK
HIGH = v.PRICE_MAX
LOW, TOP, STEP = -100, 107, 5  # of symbol 1; its last price is 105
HALTED, UNCONFIGURED = 2, 3
REDUCE = Term.REDUCE_ONLY


def busy_venue(orders=8, pages=7, rungs=-1, wide=False, lines=64, fill_lines=64, alarms=-1):
    """Symbol 0 has a bid of account 0 at 10, asks at 20 and 21, and a set level at 30."""
    book = Counts(4, orders, pages, rungs, wide)
    venue = memory_venue(VenueCounts(book, 2, 1, lines, fill_lines, alarms), 7)
    assert configure_symbol(venue.book, 0, 0, HIGH, 1) == Status.OK
    assert configure_symbol(venue.book, 1, LOW, TOP, STEP) == Status.OK
    assert configure_symbol(venue.book, HALTED, 0, HIGH, 1) == Status.OK
    for symbol in range(4):
        v.set_terms(venue, symbol, **v.TERMS)
    do(venue, buy(1, 10, 5, owner=0), sell(2, 20, 9, display=2, owner=1), sell(3, 21, 3))
    assert b.send(venue.book, b.level(ASK, 30, 9)) == 0
    do(venue, buy(4, 5, 1, symbol=HALTED), v.status(TradingStatus.HALTED, HALTED))
    return venue


def holding(lots=5):
    """Account 0 has bought 5 lots, of which an order closes 2."""
    venue = busy_venue()
    do(venue, sell(5, 15, lots), buy(6, 15, lots, owner=0), sell(7, 40, 2, owner=0, terms=REDUCE))
    return venue


def limited(**limits):
    def venue_with_limits():
        venue = busy_venue()
        v.set_limits(venue, 0, **limits)
        return venue

    return venue_with_limits


def in_trouble(mode, cause, kill=0):
    def venue_with_an_account_in_trouble():
        venue = holding()
        v.set_account(venue, 0, mode=mode, cause=int(cause), kill=kill)
        v.set_account(venue, 0, kill_level=2 * (kill > 0), killed_level=2 * (kill > 0))
        return venue

    return venue_with_an_account_in_trouble


def full_of_orders():
    venue = busy_venue()
    rest(venue, BID, t10=[1] * 4)
    return venue


def full_of_pages():
    venue = busy_venue()
    rest(venue, ASK, t100=[1], t200=[1], t300=[1])
    return venue


def full_of_alarms():
    venue = busy_venue(alarms=1)
    do(venue, buy(5, 10, 1, expiry=9))
    return venue


def full_ladder():
    """Three lone prices leave fewer of the usable masks than the 8 that a fourth may need."""
    venue = memory_venue(VenueCounts(Counts(1, 8, 8, 32), 1, 1, 8, 8), 7)
    assert configure_symbol(venue.book, 0, 0, 1 << 40, 1) == Status.OK
    v.set_terms(venue, 0, **v.TERMS)
    rest(venue, BID, t1=[1], t549755813888=[1])
    rest(venue, ASK, t549755813889=[1])
    return venue


def full_level():
    """A level at ask 40 that shows as much as a level can."""
    venue = busy_venue(wide=True)
    rest(venue, ASK, t40=[LEVEL_QTY_MAX - 5, 3, 2])
    return venue


def small_rings():
    """Room for two trades, and for one fill of each."""
    return busy_venue(lines=2, fill_lines=64)


def small_fills():
    return busy_venue(lines=64, fill_lines=2)


def no_points():
    venue = busy_venue()
    v.set_terms(venue, 0, points_max=20 * HIGH)
    return venue


def missing(one):
    """A command without its second record."""
    return one[:1]


def unfinished(kind):
    return command(kind, flags=0, order_id=1, price=10, qty_lots=1)


NEWS = [lambda **at: buy(9, 10, 1, **at), lambda **at: market(9, BID, 1, **at)]
NAMING = [lambda **at: amend(1, 10, 1, **at), lambda **at: cancel(1, **at)]
OPENING = [*NEWS, lambda **at: take(BID, 10, 1, **at)]
PRICED = [lambda p, **at: buy(9, p, 1, **at), lambda p, **at: take(BID, p, 1, **at)]

REFUSED = {
    Status.KIND_UNKNOWN: [
        *((busy_venue, command(kind)) for kind in (0, -128, 127, Kind.ADD, Kind.ACK, Kind.MORE)),
        *((busy_venue, v.status(status)) for status in (-1, 6, INT64_MIN, INT64_MAX)),
    ],
    Status.RECORD_MISSING: [
        (busy_venue, missing(quote((8, 10, 1), (9, 20, 1)))),
        (busy_venue, missing(buy(9, 10, 1, expiry=5))),
        (busy_venue, buy(9, 10, 1, tif=GTD)),
        (busy_venue, command(Kind.QUOTE, order_id=1)),
        *((busy_venue, unfinished(kind)) for kind in (Kind.NEW, Kind.CANCEL, Kind.TIMER)),
        (busy_venue, np.concatenate([unfinished(Kind.NEW), v.behind(flags=0)])),
        (busy_venue, np.concatenate([unfinished(Kind.NEW), buy(9, 10, 1)])),
    ],
    Status.SYMBOL_UNKNOWN: [
        *(
            (busy_venue, make(symbol=symbol))
            for symbol in (-1, 4, INT32_MAX, -INT32_MAX - 1)
            for make in (*OPENING, *NAMING)
        ),
        *((busy_venue, v.status(1, symbol)) for symbol in (-1, 4)),
        *((busy_venue, quote((8, 10, 1), (9, 20, 1), symbol=symbol)) for symbol in (-1, 4)),
        *((busy_venue, cancel_all(0, symbol)) for symbol in (-2, 4)),
        *((busy_venue, make(symbol=UNCONFIGURED)) for make in OPENING),
    ],
    Status.SIDE_UNKNOWN: [
        *(
            (busy_venue, make(side))
            for side in (2, -1, 127, -128)
            for make in (lambda side: v.new(9, side, 10, 1), lambda side: take(side, 10, 1))
        ),
        (busy_venue, cancel_all(0, 0, 2)),
        (busy_venue, cancel_all(0, 0, -2)),
    ],
    Status.ORDER_ID_ZERO: [
        (busy_venue, buy(0, 10, 1)),
        (busy_venue, market(0, BID, 1)),
        (busy_venue, amend(0, 10, 1)),
        (busy_venue, cancel(0)),
    ],
    Status.ACCOUNT_UNKNOWN: [
        *((busy_venue, make(owner=owner)) for owner in (-2, 2, INT32_MAX) for make in OPENING),
        *((busy_venue, cancel_all(owner)) for owner in (NIL, -2, 2)),
    ],
    Status.TIME_IN_FORCE_UNKNOWN: [(busy_venue, buy(9, 10, 1, tif=t)) for t in (5, -1, 127, -128)],
    Status.SELF_TRADE_UNKNOWN: [
        (busy_venue, make(self_trade=mode))
        for mode in (5, -1, 127, -128)
        for make in (*OPENING, lambda **at: amend(1, 10, 1, owner=0, **at))
    ],
    Status.TERMS_CONFLICT: [
        *((busy_venue, buy(9, 10, 1, terms=t)) for t in (Term.TAIL, 16, -1, -(1 << 15))),
        (busy_venue, market(9, BID, 1, terms=Term.POST_ONLY)),
        (busy_venue, market(9, BID, 1, tif=DAY)),
        (busy_venue, market(9, BID, 1, expiry=9)),
        *((busy_venue, buy(9, 10, 1, tif=t, terms=Term.POST_ONLY)) for t in (IOC, FOK)),
        (busy_venue, buy(9, 10, 1, terms=REDUCE)),
        *((busy_venue, buy(9, 10, 5, tif=t, display=2)) for t in (IOC, FOK)),
        (busy_venue, market(9, BID, 5, display=2)),
        *((busy_venue, amend(1, 10, 1, owner=0, terms=t)) for t in (1, 2, 4, 16, -1)),
        *((busy_venue, take(BID, 20, 1, terms=t)) for t in (1, 2, 4, 8, -1)),
        *((busy_venue, take(BID, 20, 1, tif=t)) for t in (DAY, GTD, FOK, 5, -1)),
        (busy_venue, quote((8, 10, 1), (9, 20, 1), tif=GTD)),
    ],
    Status.SYMBOL_HALTED: [
        *((busy_venue, make(symbol=HALTED)) for make in OPENING),
        (busy_venue, amend(4, 5, 1, symbol=HALTED)),
        (busy_venue, quote((8, 10, 1), (9, 20, 1), symbol=HALTED)),
    ],
    Status.QTY_NOT_POSITIVE: [
        *(
            (busy_venue, make(qty_lots))
            for qty_lots in (0, -1, INT64_MIN)
            for make in (
                lambda qty: buy(9, 10, qty),
                lambda qty: market(9, BID, qty),
                lambda qty: amend(1, 10, qty, owner=0),
                lambda qty: take(BID, 20, qty),
            )
        ),
        *((busy_venue, cancel(1, qty_lots, owner=0)) for qty_lots in (-1, INT64_MIN)),
        (busy_venue, quote((8, 10, -1), (9, 20, -1))),
    ],
    Status.QTY_TOO_LARGE: [
        *(
            (busy_venue, make(qty_lots))
            for qty_lots in (INT32_MAX + 1, INT64_MAX)
            for make in (
                lambda qty: buy(9, 10, qty),
                lambda qty: amend(1, 10, qty, owner=0),
                lambda qty: take(BID, 20, qty),
            )
        ),
        (lambda: busy_venue(wide=True), buy(9, 10, INT32_MAX + 1, owner=0)),  # of the account
        (lambda: busy_venue(wide=True), buy(9, 10, LEVEL_QTY_MAX + 1)),
    ],
    Status.DISPLAY_OUT_OF_RANGE: [
        (busy_venue, buy(9, 10, 5, display=shown)) for shown in (-1, 6, INT64_MIN, INT64_MAX)
    ],
    Status.PRICE_OUT_OF_RANGE: [
        *(
            (busy_venue, make(price))
            for price in (-1, HIGH + 1, INT64_MIN, INT64_MAX)
            for make in (*PRICED, lambda p: amend(1, p, 1, owner=0))
        ),
        *((busy_venue, buy(9, price, 1, symbol=1)) for price in (LOW - STEP, TOP)),
    ],
    Status.PRICE_OFF_INCREMENT: [
        (busy_venue, make(price, symbol=1)) for price in (LOW + 1, -1, 104) for make in PRICED
    ],
    Status.EXPIRY_PAST: [
        (busy_venue, command(Kind.NEW, v.behind(venue_ns=t), order_id=9, qty_lots=1, tif=GTD))
        for t in (0, -1, INT64_MIN)
    ],
    Status.SESSION_CLOSED: [(busy_venue, buy(9, 10, 1, tif=DAY))],
    Status.ORDER_ID_DUPLICATE: [
        (busy_venue, buy(1, 10, 1)),
        (busy_venue, market(2, BID, 1)),
        (busy_venue, buy(4, 10, 1, tif=IOC)),
        (busy_venue, amend(1, 10, 1, new_id=3, owner=0)),
        (busy_venue, quote((8, 10, 1), (8, 20, 1))),
        (busy_venue, quote((2, 10, 5), (9, 0, 0), owner=1)),  # the bid's id is that of an ask
    ],
    Status.ORDER_ID_UNKNOWN: [
        (busy_venue, make(order_id))
        for order_id in (77, -1, INT64_MIN, INT64_MAX)
        for make in (cancel, lambda i: amend(i, 10, 1))
    ],
    Status.ORDER_OF_OTHER_SYMBOL: [
        (busy_venue, make(symbol=symbol, owner=0)) for symbol in (1, HALTED) for make in NAMING
    ],
    Status.ORDER_OF_OTHER_OWNER: [
        *((busy_venue, make(owner=owner)) for owner in (NIL, 1, 2, -2) for make in NAMING),
        (busy_venue, cancel(3, owner=0)),
    ],
    Status.OVER_REDUCTION: [
        (busy_venue, cancel(1, 6, owner=0)),
        (busy_venue, cancel(2, 10, owner=1)),  # more than it shows and hides
        (busy_venue, cancel(1, INT64_MAX, owner=0)),
    ],
    Status.POST_ONLY_WOULD_TRADE: [
        (busy_venue, buy(9, price, 1, terms=Term.POST_ONLY)) for price in (20, 21, HIGH)
    ],
    Status.FILL_OR_KILL_UNFILLED: [
        (busy_venue, buy(9, 20, 10, tif=FOK)),
        (busy_venue, buy(9, 29, 13, tif=FOK)),
        (busy_venue, buy(9, HIGH, 22, tif=FOK)),
        (busy_venue, market(9, ASK, 6, tif=FOK)),
        (busy_venue, buy(9, 19, 1, tif=FOK)),
    ],
    Status.ORDER_POOL_EXHAUSTED: [
        (full_of_orders, buy(9, 10, 1)),
        (full_of_orders, buy(9, 20, 2)),  # though it would trade whole
    ],
    Status.ALARM_POOL_EXHAUSTED: [
        (full_of_alarms, buy(9, 10, 1, expiry=9)),
        (full_of_alarms, buy(9, 20, 1, expiry=9)),  # though it would trade whole
    ],
    Status.LEVEL_HAS_NO_ORDERS: [
        (busy_venue, sell(9, 30, 1)),
        (busy_venue, amend(3, 30, 3)),
    ],
    Status.LEVEL_QTY_TOO_LARGE: [
        (full_level, sell(9, 40, 1)),
        (full_level, sell(9, 40, 50, display=1)),
        (full_level, amend(3, 40, 1)),
        (full_level, amend(7, 40, 3)),
    ],
    Status.LEVEL_POOL_EXHAUSTED: [
        (full_of_pages, buy(9, 4, 1)),
        (full_of_pages, buy(9, 20, 2)),
        (full_of_pages, sell(9, 5, 1)),
    ],
    Status.LADDER_EXHAUSTED: [(full_ladder, buy(9, 20, 1))],
    Status.TRADE_RING_FULL: [
        (small_rings, buy(9, 20, 5)),  # three parts of an iceberg
        (small_rings, buy(9, 21, 8, tif=IOC)),
        (small_rings, market(9, BID, 9)),
        (small_rings, take(BID, 20, 9)),
        (small_rings, amend(1, 20, 5, owner=0)),
    ],
    Status.FILL_RING_FULL: [
        (small_fills, buy(9, 20, 3, owner=0)),
        (small_fills, take(BID, 20, 3, owner=0)),
        (small_fills, amend(1, 20, 5, owner=0)),
    ],
    Status.KILL_SWITCH: [
        *((in_trouble(Mode.FROZEN, Status.KILL_SWITCH, 1), make(owner=0)) for make in OPENING),
        (in_trouble(Mode.FROZEN, Status.KILL_SWITCH, 2), sell(9, 40, 1, owner=0)),
        (in_trouble(Mode.FROZEN, Status.KILL_SWITCH, 1), amend(1, 10, 6, owner=0)),
    ],
    Status.REDUCE_ONLY: [
        (holding, sell(9, 40, 4, owner=0, terms=REDUCE)),
        (holding, buy(9, 10, 1, owner=0, terms=REDUCE)),
        (holding, amend(7, 40, 6, owner=0)),
        (busy_venue, sell(9, 40, 1, owner=0, terms=REDUCE)),
    ],
    Status.MAX_DAILY_LOSS: [
        (in_trouble(Mode.REDUCE_ONLY, Status.MAX_DAILY_LOSS), sell(9, 40, 4, owner=0)),
        (in_trouble(Mode.REDUCE_ONLY, Status.MAX_DAILY_LOSS), buy(9, 10, 1, owner=0)),
    ],
    Status.MAX_DRAWDOWN: [
        (in_trouble(Mode.REDUCE_ONLY, Status.MAX_DRAWDOWN), take(BID, 20, 1, owner=0)),
        (in_trouble(Mode.REDUCE_ONLY, Status.MAX_DRAWDOWN), amend(1, 10, 6, owner=0)),
    ],
    Status.MAX_ORDER_QTY: [
        (limited(max_order_lots=4), buy(9, 10, 5, owner=0)),
        (limited(max_order_lots=0), market(9, BID, 1, owner=0)),
        (limited(max_order_lots=4), amend(1, 11, 5, owner=0)),
    ],
    Status.NOTIONAL_TOO_LARGE: [(no_points, buy(9, 10, 16, owner=0))],
    Status.MAX_ORDER_NOTIONAL: [
        (limited(max_order_points=49), buy(9, 10, 5, owner=0)),
        (limited(max_order_points=HIGH - 1), market(9, BID, 1, owner=0)),
    ],
    Status.PRICE_COLLAR: [
        (limited(collar_price=4), buy(9, 10, 1, owner=0)),  # the mid is 15
        (limited(collar_bps=3333), sell(9, 20, 1, owner=0)),
    ],
    Status.REFERENCE_MISSING: [
        (lambda: _collared_elsewhere(), buy(9, 10, 1, owner=0, symbol=1)),
        (lambda: _collared_elsewhere(), market(9, BID, 1, owner=0, symbol=1)),
    ],
    Status.MAX_OPEN_ORDERS: [
        (limited(max_open_orders=1), buy(9, 10, 1, owner=0)),
        (limited(max_open_orders=0), buy(9, 10, 1, owner=0)),
    ],
    Status.MAX_LONG: [
        (limited(max_long=9), buy(9, 10, 5, owner=0)),
        (limited(max_long=5), market(9, BID, 1, owner=0)),
        (limited(max_long=5), take(BID, 20, 1, owner=0)),
    ],
    Status.MAX_SHORT: [(limited(max_short=4), sell(9, 40, 5, owner=0))],
    Status.RESTRICTED: [
        (limited(restricted=Restriction.BUY), buy(9, 10, 1, owner=0)),
        (limited(restricted=Restriction.SELL), sell(9, 40, 1, owner=0)),
        (limited(restricted=Restriction.SHORT), sell(9, 40, 1, owner=0)),
    ],
    Status.MAX_VOLUME_SHARE: [
        (limited(watches=pacing.SHARES, max_volume_lots=4), buy(9, 10, 5, owner=0)),
        (limited(watches=pacing.SHARES, max_volume_lots=4), amend(1, 11, 5, owner=0)),
    ],
    Status.MAX_DEPTH_SHARE: [  # bid 5
        (limited(watches=pacing.SHARES, max_depth_bps=2_000), sell(9, 40, 2, owner=0)),
    ],
    Status.MAX_OPEN_QTY: [(limited(max_open_lots=6), buy(9, 10, 2, owner=0))],
    Status.MAX_GROSS: [(lambda: _weighed(max_gross_units=179), buy(9, 10, 7, owner=0))],
    Status.CREDIT: [(lambda: _weighed(credit_units=17), buy(9, 10, 7, owner=0))],
    Status.MESSAGE_RATE: [
        (limited(watches=pacing.RATES, order_rate=1, order_burst=0), buy(9, 10, 1, owner=0)),
        (limited(watches=pacing.RATES, order_rate=1, order_burst=0), amend(1, 11, 5, owner=0)),
        (limited(watches=pacing.RATES, cancel_rate=1, cancel_burst=0), cancel(1, owner=0)),
    ],
    Status.REPEATED_ORDER: [
        (limited(watches=pacing.REPEATS, repeat_ns=9, max_repeats=0), buy(9, 10, 1, owner=0)),
    ],
    Status.REPEATED_EXECUTION: [(lambda: _guarded(disabled=1), buy(9, 10, 1, owner=0))],
    Status.PROTECTION: [(lambda: _guarded(frozen_until_ns=1 << 62), buy(9, 10, 1, owner=0))],
    Status.MARKET_STALE: [
        (lambda: _guarded(seen_ns=pacing.NEVER), buy(9, 10, 1, owner=0)),
        (lambda: _guarded(has_gap=1), buy(9, 10, 1, owner=0)),
    ],
    Status.MAX_POSITION: [
        (lambda: _with_account(max_position=9), buy(9, 10, 5, owner=0)),
        (lambda: _with_account(max_position=9), buy(9, 10, 5, owner=0, symbol=1)),
    ],
}


def _with_account(**fields):
    venue = busy_venue()
    v.set_account(venue, 0, **fields)
    return venue


def _guarded(**fields):
    """Account 0 with what stands in the way of its orders in symbol 0."""
    venue = limited(watches=pacing.AGES | pacing.LATCHED, max_age_ns=9)()
    for name, value in fields.items():
        venue.ledger.guards[0][name] = value
    return venue


def _weighed(**units):
    """Account 0 under limits on worth, of which a tenth is margin; the mid is 15, 5 are open."""
    venue = limited(margin_bps=1_000)()
    venue.ledger.terms["point_pico"] = 10**12
    for name, value in units.items():
        venue.ledger.totals[0][name] = value
    venue.ledger.positions[0]["weighs"] = 1
    return venue


def _collared_elsewhere():
    venue = busy_venue()
    v.set_limits(venue, 0, 1, collar_bps=100)
    return venue


# What no command of a venue is answered with.
ELSEWHERE = {
    *(Status.OK, Status.SYMBOL_IN_USE, Status.PRICE_MAX_BELOW_MIN, Status.PRICE_SPAN_TOO_WIDE),
    *(Status.INCREMENT_NOT_POSITIVE, Status.QUOTE_UNKNOWN, Status.PRICE_OFF_TICK),
    *(
        Status.LOST_ON_THE_WAY,
        Status.OUTSIDE_WINDOW,
        Status.RULE_RESTLESS,
        Status.MARKET_CROSSED,
        Status.SELF_CROSS,
        Status.HANDLE_OUT_OF_RANGE,
        Status.HANDLE_TAKEN,
    ),
    *(Status.LEVEL_HAS_ORDERS, Status.OVER_EXECUTION, Status.KILL_SWITCH_ARMED),
}


def cases(table):
    return [(rule, place) for rule, found in table.items() for place in range(len(found))]


def name_of(value):
    return getattr(value, "name", str(value))


def test_every_status_of_the_venue_is_provoked_here():
    assert set(REFUSED) | ELSEWHERE == set(Status)
    assert not set(REFUSED) & ELSEWHERE


@pytest.mark.parametrize(("rule", "place"), cases(REFUSED), ids=name_of)
def test_a_refused_command_leaves_no_trace(rule, place):
    situation, one = REFUSED[rule][place]
    venue = situation()
    before = v.bytes_of(venue)

    assert v.submit(venue, one) == rule

    assert v.bytes_of(venue) == before
    b.assert_audited(venue.book)
    twin = plain(one[0])
    row = twin["owner"] if twin["owner"] in (0, 1) else -1
    assert venue.counts.reshape(len(venue.ledger.accounts) + 1, -1)[row, -int(rule)] >= 1


@pytest.mark.parametrize(("rule", "place"), cases(REFUSED), ids=name_of)
def test_a_refused_command_in_a_batch_has_the_same_status(rule, place):
    situation, one = REFUSED[rule][place]
    venue = situation()
    v.drain(venue)
    before = v.bytes_of(venue)

    reached, statuses = v.submit_many(venue, one)

    if rule is not Status.RECORD_MISSING:
        assert reached == len(one)
        assert v.bytes_of(venue) == before
    assert statuses[0] == rule


# ---- which rule comes first -----------------------------------------------------------------


# Ways to break a NEW, in the order in which they are looked for: status and what is wrong.
NEW_RULES = [
    (Status.SYMBOL_UNKNOWN, {"symbol": 9}),
    (Status.SIDE_UNKNOWN, {"side": 3}),
    (Status.ORDER_ID_ZERO, {"order_id": 0}),
    (Status.ACCOUNT_UNKNOWN, {"owner": 5}),
    (Status.TIME_IN_FORCE_UNKNOWN, {"tif": 7}),
    (Status.SELF_TRADE_UNKNOWN, {"self_trade": 7}),
    (Status.TERMS_CONFLICT, {"terms": 64}),
    (Status.SYMBOL_HALTED, {"symbol": HALTED}),
    (Status.QTY_NOT_POSITIVE, {"qty_lots": 0}),
    (Status.PRICE_OUT_OF_RANGE, {"price": HIGH + 1}),
    (Status.SESSION_CLOSED, {"tif": DAY}),
    (Status.ORDER_ID_DUPLICATE, {"order_id": 2}),
    (Status.MAX_ORDER_QTY, {"owner": 0}),
    (Status.POST_ONLY_WOULD_TRADE, {"terms": Term.POST_ONLY}),
]
TAKE_RULES = [
    (Status.SYMBOL_UNKNOWN, {"symbol": 9}),
    (Status.SIDE_UNKNOWN, {"side": 3}),
    (Status.ACCOUNT_UNKNOWN, {"owner": 5}),
    (Status.SELF_TRADE_UNKNOWN, {"self_trade": 7}),
    (Status.TERMS_CONFLICT, {"terms": 1}),
    (Status.SYMBOL_HALTED, {"symbol": HALTED}),
    (Status.QTY_NOT_POSITIVE, {"qty_lots": 0}),
    (Status.PRICE_OUT_OF_RANGE, {"price": HIGH + 1}),
    (Status.MAX_ORDER_QTY, {"owner": 0}),
]
AMEND_RULES = [
    (Status.SYMBOL_UNKNOWN, {"symbol": 9}),
    (Status.ORDER_ID_ZERO, {"order_id": 0}),
    (Status.ORDER_ID_UNKNOWN, {"order_id": 77}),
    (Status.ORDER_OF_OTHER_SYMBOL, {"symbol": 1}),
    (Status.ORDER_OF_OTHER_OWNER, {"owner": 1}),
    (Status.SELF_TRADE_UNKNOWN, {"self_trade": 7}),
    (Status.TERMS_CONFLICT, {"terms": 64}),
    (Status.QTY_NOT_POSITIVE, {"qty_lots": 0}),
    (Status.PRICE_OUT_OF_RANGE, {"price": HIGH + 1}),
    (Status.ORDER_ID_DUPLICATE, {"other_id": 3}),
    (Status.MAX_ORDER_QTY, {}),
]


def pairs(rules):
    """Pairs of rules that one command can break at once."""
    return [
        (first, second)
        for first, second in itertools.combinations(rules, 2)
        if not set(first[1]) & set(second[1])
    ]


def broken(sound, *rules):
    one = sound.copy()
    for _, fields in rules:
        for name, value in fields.items():
            one[name] = value
    return one


@pytest.mark.parametrize(
    ("sound", "rules"),
    [
        (buy(9, 20, 1, owner=1), NEW_RULES),
        (take(BID, 20, 1, owner=1), TAKE_RULES),
        (amend(1, 20, 1, owner=0), AMEND_RULES),
    ],
    ids=["new", "take", "amend"],
)
def test_of_two_broken_rules_the_first_names_the_refusal(sound, rules):
    venue = limited(max_order_lots=0)()
    for rule in rules:
        assert v.submit(venue, broken(sound, rule)) == rule[0]
    for first, second in pairs(rules):
        assert v.submit(venue, broken(sound, first, second)) == first[0], (first, second)
    assert v.submit(busy_venue(), sound) > 0


def test_a_record_that_follows_nothing_is_refused_by_itself():
    venue = busy_venue()
    commands = v.stream(
        v.behind(),
        missing(buy(9, 10, 1, expiry=5)),
        buy(8, 10, 1),
        missing(quote((6, 1, 1), (7, 2, 1))),
    )

    reached, statuses = v.submit_many(venue, commands)

    assert (reached, statuses) == (
        4,
        [Status.KIND_UNKNOWN, Status.RECORD_MISSING, 0, Status.RECORD_MISSING],
    )


def test_commands_are_as_wide_as_the_wrong_values_here():
    assert COMMAND["symbol"].itemsize == COMMAND["owner"].itemsize == 4
    assert COMMAND["tif"].itemsize == COMMAND["self_trade"].itemsize == 1
    assert COMMAND["terms"].itemsize == 2
