"""Orders that a rule asks for one by one: the same as a person's, sent at the same time.

That is between two events: at the instant of one, a rule is asked before it and a person after.
"""

from typing import Any

import numpy as np
import pytest

import mmjit
from mmjit import RefusedError, Term, TimeInForce
from mmjit.backtesting import start_backtest
from mmjit.core.codes import ASK, BID, Status
from mmjit.core.desk import (
    REQUESTS,
    account_mode,
    best,
    cancel,
    is_two_sided,
    last_trade,
    now_ns,
    order_lots,
    replace,
    submit,
    want,
)
from mmjit.core.rules import parameters, strategy
from mmjit.errors import StrategyError
from tests import builders as b
from tests.backtests import messages, refusals_of, tape_of

GTC, IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
MARKET, POST_ONLY = int(Term.MARKET), int(Term.POST_ONLY)
PARAMS = parameters(
    sent_ns=0, cancelled_ns=0, changed_ns=0, side=0, price=0, lots=0, new_price=0, new_lots=0,
    tif=0, terms=0, quotes=0,
)  # fmt: skip


@strategy(params=PARAMS, memory=[("seen_lots", "i8")])
def ordering(desk, params, memory, quotes):
    """Send one order, change it and cancel it, each at a time; quote besides if so asked."""
    if now_ns(desk) == params["sent_ns"]:
        tif, terms = params["tif"], params["terms"]
        submit(desk, 7, params["side"], params["price"], params["lots"], tif, terms)
    if now_ns(desk) == params["changed_ns"]:
        replace(desk, 7, params["new_price"], params["new_lots"])
    if now_ns(desk) == params["cancelled_ns"]:
        cancel(desk, 7)
    memory["seen_lots"] = order_lots(desk, 7)
    if params["quotes"] and is_two_sided(desk):
        want(quotes, BID, 0, best(desk, BID) - 1, 2)


@strategy()
def idle(desk, params, memory, quotes):
    """Nothing."""


def market() -> Any:
    """From 1,000 ns on, every 10 ns: 90 to 110, sales at 100, a sweep to 95."""
    events = [b.add(1, BID, 90, 10), b.add(2, ASK, 110, 10), b.trade(100, 0)]
    for number in range(3, 9):
        events += [b.add(number, ASK, 100, 1), b.delete(number)]
    events += [b.add(20, ASK, 95, 5), b.trade(100, 0), b.trade(100, 0)]
    return tape_of(*messages(*events))


def alike(latency: Any, **given: int) -> Any:
    """The rule's run is that of a person who does the same; returns it."""
    named = {name: given.get(name, 0) for name in PARAMS.dtype.names}
    more = {"every": "5ns", "latency": latency}
    ruled = start_backtest(market(), strategy=ordering, params=given, **more).advance()
    hand = start_backtest(market(), strategy=idle, **more)
    order = None
    for when, what in sorted((named[f"{w}_ns"], w) for w in ("sent", "changed", "cancelled")):
        if when == 0:
            continue
        hand.advance(until_ns=when)
        try:
            if what == "sent":
                price = None if named["terms"] & MARKET else named["price"]
                order = hand.submit(
                    named["side"],
                    price,
                    named["lots"],
                    tif=TimeInForce(named["tif"]),
                    post_only=bool(named["terms"] & POST_ONLY),
                )
            elif order is not None:
                change = (named["new_price"], named["new_lots"])
                hand.cancel(order) if what == "cancelled" else hand.amend(order, *change)
        except RefusedError:
            pass
    hand.advance()
    assert ruled.orders.tobytes() == hand.orders.tobytes()
    assert ruled.fills.tobytes() == hand.fills.tobytes()
    return ruled


AT_ONCE, LATE = mmjit.Latency(), mmjit.Latency(entry="15ns", response="7ns")


@pytest.mark.parametrize("latency", [AT_ONCE, LATE], ids=["at once", "later"])
@pytest.mark.parametrize(
    "given",
    [
        {"sent_ns": 1_035, "side": BID, "price": 100, "lots": 3},
        {"sent_ns": 1_035, "side": BID, "price": 100, "lots": 3, "cancelled_ns": 1_065},
        {"sent_ns": 1_035, "side": BID, "price": 95, "lots": 3, "cancelled_ns": 1_045},
        {"sent_ns": 1_035, "side": BID, "price": 99, "lots": 9, "changed_ns": 1_055,
         "new_price": 99, "new_lots": 4},
        {"sent_ns": 1_035, "side": BID, "price": 91, "lots": 3, "changed_ns": 1_055,
         "new_price": 100, "new_lots": 6, "cancelled_ns": 1_095},
        {"sent_ns": 1_035, "side": BID, "price": 110, "lots": 12, "tif": IOC},
        {"sent_ns": 1_035, "side": ASK, "lots": 4, "terms": MARKET, "tif": IOC},
        {"sent_ns": 1_035, "side": BID, "price": 110, "lots": 1, "terms": POST_ONLY},
        {"sent_ns": 1_035, "side": BID, "price": 100, "lots": -1},
    ],
    ids=["rests", "cancelled", "cancelled at once", "shrinks", "moves", "takes", "at any price",
         "would trade", "refused"],
)  # fmt: skip
def test_an_order_of_a_rule_fares_as_that_of_a_person(given, latency):
    alike(latency, **given)


def test_quotes_leave_an_order_of_its_own_alone():
    given = {"sent_ns": 1_035, "side": BID, "price": 100, "lots": 50, "quotes": 1}

    run = start_backtest(market(), strategy=ordering, params=given, every="5ns").advance()

    orders = run.orders
    assert set(orders["price"][orders["kind"] == mmjit.Kind.NEW].tolist()) == {100, 89}
    ours = orders[orders["price"] == 100]
    assert (ours["kind"] != mmjit.Kind.CANCEL).all()
    assert run._memory.view(np.int64)[0, 0] == 50 - 6 - 5


@strategy(params=parameters(tag=0, side=0))
def odd(desk, params, memory, quotes):
    """Submit the same order each time, by one name."""
    submit(desk, params["tag"], params["side"], 80, 1, 0, 0)


@strategy(params=parameters(kind=0))
def lost(desk, params, memory, quotes):
    """Change, or cancel, what is not there."""
    if params["kind"] == 0:
        cancel(desk, 5)
    else:
        replace(desk, 5, 80, 1)


@pytest.mark.parametrize(
    ("rule", "params", "status"),
    [
        (odd, {"tag": 1}, Status.ORDER_ID_DUPLICATE),
        (odd, {"tag": 0}, Status.ORDER_ID_ZERO),
        (odd, {"tag": -1}, Status.ORDER_ID_ZERO),
        (odd, {"tag": 1, "side": 2}, Status.SIDE_UNKNOWN),
        (lost, {"kind": 0}, Status.ORDER_ID_UNKNOWN),
        (lost, {"kind": 1}, Status.ORDER_ID_UNKNOWN),
    ],
)
def test_what_cannot_be_done_is_refused_and_counted(rule, params, status):
    result = start_backtest(market(), strategy=rule, params=params, every="10ns").advance().finish()

    assert refusals_of(result).keys() == {status}
    assert len(result.steps) == (1 if status == Status.ORDER_ID_DUPLICATE else 0)


@strategy(params=parameters(count=0), memory=[("room", "i8")])
def many(desk, params, memory, quotes):
    """Submit many orders at once, and count for how many there was room."""
    if memory["room"] == 0:
        for number in range(params["count"]):
            memory["room"] += submit(desk, number + 1, BID, 80 - number, 1, 0, 0)


@pytest.mark.parametrize("count", [REQUESTS, REQUESTS + 5])
def test_a_decision_has_room_for_so_many_and_says_so(count):
    run = start_backtest(market(), strategy=many, params={"count": count}, every="10ns").advance()

    assert run._memory.view(np.int64)[0, 0] == REQUESTS
    assert (run.orders["kind"] == mmjit.Kind.NEW).sum() == REQUESTS


def test_a_run_is_saved_and_forked_with_the_orders_of_its_rule(tmp_path):
    given = {"sent_ns": 1_035, "side": BID, "price": 100, "lots": 3, "cancelled_ns": 1_105}
    tape = market()
    whole = start_backtest(tape, strategy=ordering, params=given, every="5ns").advance()
    run = start_backtest(tape, strategy=ordering, params=given, every="5ns")
    run.advance(event=6)

    fork = run.fork().advance()

    assert fork.orders.tobytes() == whole.orders.tobytes()
    assert run.advance().orders.tobytes() == whole.orders.tobytes()


def test_a_market_that_takes_quotes_alone_refuses_such_a_rule():
    with pytest.raises(StrategyError, match="submits orders by itself"):
        mmjit.play("cst", strategy=odd, events=10, progress=False)
    with pytest.raises(StrategyError, match="submits orders by itself"):
        mmjit.run_paths(odd, paths=1, progress=False)


@strategy(memory=[("price", "i8"), ("lots", "i8"), ("time_ns", "i8"), ("mode", "i8")])
def looking(desk, params, memory, quotes):
    """Remember the last trade and the mode of the account."""
    memory["price"], memory["lots"], memory["time_ns"] = last_trade(desk)
    memory["mode"] = account_mode(desk)


def test_a_rule_sees_the_last_trade_and_what_its_account_may_do():
    events = messages(b.add(1, BID, 90, 10), b.add(2, ASK, 110, 10), b.trade(101, 3), b.trade(9, 0))
    run = start_backtest(tape_of(*events), strategy=looking, every="5ns")
    run.session.desk.bundle.ledger.accounts["mode"] = mmjit.Mode.REDUCE_ONLY

    run.advance()

    assert run._memory.view(np.int64)[0].tolist() == [101, 3, 1_020, mmjit.Mode.REDUCE_ONLY]
