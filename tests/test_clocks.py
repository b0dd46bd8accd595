"""A backtest where things take time: what our side can know, what is on its way, where it ends."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.backtesting import backtest, start_backtest
from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TimeInForce
from mmjit.core.desk import queue_ahead, want
from mmjit.core.ledger import ORDERS_OPEN
from mmjit.core.rules import parameters, strategy
from mmjit.core.switches import pull_kill
from mmjit.latency import Latency
from mmjit.limits_file import Limits
from tests import builders as b
from tests.backtests import messages, tape_of
from tests.test_backtest_machine import events_of, long_draws, scattered

pytestmark = pytest.mark.compiled  # whole days: minutes in an interpreter

SECOND = 10**9
AT_ONCE = Latency()
SLOW = Latency(feed="4ns", entry="5ns", cancel="9ns", response="3ns")
ONE_CLOCK = Latency(entry="5ns", response="3ns")
SHAKY = Latency(feed="1ns+gamma(2,3ns)", entry="gamma(1,9ns)", response="lognormal(4ns,1)")
RECORDED = Latency(feed="recorded", entry="2ns", response="2ns")
WAYS = [AT_ONCE, ONE_CLOCK, SLOW, SHAKY, RECORDED]
EVERY = ["change", "fill", "7ns"]
CHOSEN = {"hold": 2, "places": 2, "lots": 5}

# ---- tapes ----------------------------------------------------------------------------------


def by_order(seed: int, count: int = 120) -> list[Any]:
    """Events that name their orders, with local times up to 12 ns later."""
    dice = np.random.default_rng(seed)
    events = events_of(long_draws(seed, count), 1)
    late_ns = np.maximum.accumulate(
        [one["venue_ns"].item() + int(dice.integers(0, 13)) for one in events]
    )
    for one, local_ns in zip(events, late_ns, strict=True):
        one["local_ns"] = local_ns
    return events


def by_level(seed: int, count: int = 120) -> list[Any]:
    """Levels and trades, with local times that do not always rise."""
    dice = np.random.default_rng(seed)
    events, time_ns = [], 1000
    for _ in range(count):
        time_ns += int(dice.integers(0, 6))
        side = int(dice.integers(0, 2))
        fields = {"venue_ns": time_ns, "side": side, "flags": Flag.LAST}
        fields |= {"price": 100 - 3 * (1 - side) + int(dice.integers(0, 4))}
        fields |= {"local_ns": time_ns + int(dice.integers(-2, 13))}
        kind = Kind.TRADE if dice.random() < 0.3 else Kind.LEVEL
        events.append(b.event(kind, qty_lots=int(dice.integers(0, 6)), **fields))
    return events


def tape_by(makes: Any, seed: int) -> Any:
    return tape_of(*makes(seed))


def bytes_of(run: Any) -> list[bytes]:
    """Everything that a run says of itself."""
    result = run.finish()
    ledger = [np.asarray(part).tobytes() for part in result.ledger]
    record = run.session.run.copy()
    for name in ("due_ns", "until_ns"):  # where it was last told to stop
        record[name] = 0
    logs = [result.fills.tobytes(), result.steps.tobytes(), result.refused.tobytes()]
    return [*logs, *ledger, record.tobytes()]


def begun(tape: Any, way: Latency, every: str = "change", seed: int = 1, **more: Any) -> Any:
    params = CHOSEN | {"seed": seed}
    return start_backtest(tape, strategy=scattered, params=params, latency=way, every=every, **more)


# ---- what our side can know -----------------------------------------------------------------


@pytest.mark.parametrize("makes", [by_order, by_level])
@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("way", WAYS)
def test_what_comes_later_changes_nothing_before(makes, every, way):
    for seed in range(6):
        events = makes(seed)
        cut_ns = events[60]["venue_ns"].item()
        kept = [one for one in events if one["venue_ns"] <= cut_ns]
        later = {"venue_ns": cut_ns + 1, "local_ns": cut_ns + 1, "flags": Flag.LAST}
        poison = [
            b.event(Kind.LEVEL, side=0, price=104, qty_lots=99, **later)
            if makes is by_level
            else b.event(Kind.ADD, order_id=9999, side=0, price=104, qty_lots=99, **later),
            b.event(Kind.TRADE, price=90, qty_lots=99, **later),
        ]
        runs = [begun(tape_of(*of), way, every, seed) for of in (events, kept + poison)]
        for run in runs:
            run.advance(until_ns=cut_ns)

        one, other = (run.finish() for run in runs)
        assert one.steps.tobytes() == other.steps.tobytes()
        assert one.fills.tobytes() == other.fills.tobytes()
        assert one.run["decision_count"] == other.run["decision_count"]


@pytest.mark.parametrize("makes", [by_order, by_level])
@pytest.mark.parametrize("way", WAYS)
def test_answers_come_in_the_order_in_which_they_were_given(makes, way):
    for seed in range(6):
        steps = begun(tape_by(makes, seed), way, seed=seed).advance().finish().steps
        answers = steps[steps["status"] != Status.LOST_ON_THE_WAY]
        answers = answers[answers["order_id"] > 0]

        assert (np.diff(answers["local_ns"]) >= 0).all()
        assert (np.diff(answers["venue_ns"]) >= 0).all()
        assert (answers["venue_ns"] >= answers["sent_ns"]).all()
        assert (answers["local_ns"] >= answers["venue_ns"]).all()


# ---- runs that stop, go on and part -----------------------------------------------------------


@pytest.mark.parametrize("makes", [by_order, by_level])
@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_stops_and_goes_on_is_a_whole_run(makes, every, way):
    for seed in range(4):
        tape = tape_by(makes, seed)
        whole = bytes_of(begun(tape, way, every, seed).advance())
        by_event, by_time = (begun(tape, way, every, seed) for _ in range(2))
        for place in (1, 2, 30, 31, 77):
            by_event.advance(event=place)
            by_time.advance(until_ns=int(tape.events[place]["venue_ns"]) + place % 3)
        fork = by_event.fork()
        other = by_event.fork(params=CHOSEN | {"seed": seed + 1, "lots": 8}).advance()

        assert bytes_of(by_event.advance()) == whole
        if every != "7ns" or way in (AT_ONCE, ONE_CLOCK):  # else `event` of refusals differs
            assert bytes_of(by_time.advance()) == whole
        assert bytes_of(fork.advance()) == whole
        assert len(other.orders) > 0


# ---- what is on its way -----------------------------------------------------------------------


@strategy(params=parameters(), memory=[("asked", "i8")])
def restless(desk, params, memory, quotes):
    """Want another price each time."""
    memory["asked"] += 1
    want(quotes, 0, 0, 90 + memory["asked"] % 2, 1)


def quiet(count: int = 6, step_ns: int = 10) -> Any:
    """Bids at 100 and asks at 102."""
    events = [
        b.event(Kind.ADD, order_id=1 + n, side=n % 2, price=100 + n % 2 * 2, qty_lots=5)
        for n in range(count)
    ]
    return tape_of(*messages(*events, step_ns=step_ns))


@pytest.mark.parametrize("every", ["change", "5ns"])
@pytest.mark.parametrize("feed", ["none", "3ns"])
def test_a_rule_that_always_has_an_order_on_its_way_reaches_the_end(every, feed):
    way = Latency(feed=feed, entry="20ns", response="20ns")
    result = backtest(quiet(), strategy=restless, latency=way, every=every, progress=False)

    assert result.run["request_head"] == result.run["request_tail"]
    assert result.run["answer_head"] == result.run["answer_tail"]
    assert 0 < result.run["decision_count"] < 20


ROWS = [(0, 0, 400), (900, 910, 920), (1010, 1015, 1020), (1011, 0, 1071), (1030, 0, 1090)]
LOSING = [*ROWS, (1040, 1045, 1050), (9000, 9005, 9010)]


def losing(**more: Any) -> Latency:
    """Requests that are sent from 1011 to 1040 are lost."""
    return Latency(rows=np.array(LOSING, np.int64), **more)


def test_a_lost_order_is_answered_and_counts_as_open_until_then():
    run = start_backtest(quiet(20), latency=losing(entry="rows", response="2ns"))
    run.advance(until_ns=1020).submit(0, 90, 4)
    position = run.session.desk.bundle.ledger.positions[0]
    assert (position["open_buy_lots"], position["open_count"]) == (4, 1)

    steps = run.advance().orders

    assert steps["status"].tolist() == [Status.LOST_ON_THE_WAY]
    assert steps["kind"].tolist() == [Kind.REJECT]
    assert steps[0]["local_ns"] > 1071
    assert (position["open_buy_lots"], position["open_count"]) == (0, 0)


@strategy(params=parameters())
def leaver(desk, params, memory, quotes):
    """Want a bid until 1020."""
    if desk.run[0]["now_ns"] < 1020:
        want(quotes, 0, 0, 90, 4)


@strategy(params=parameters())
def late_leaver(desk, params, memory, quotes):
    """Want a bid from 1020 until 1040."""
    if 1020 <= desk.run[0]["now_ns"] < 1040:
        want(quotes, 0, 0, 90, 4)


def test_a_quote_whose_cancel_was_lost_is_cancelled_later():
    way = losing(entry="1ns", cancel="rows", response="1ns")
    result = backtest(quiet(20), strategy=leaver, latency=way, progress=False)

    steps = [(int(one["kind"]), int(one["status"])) for one in result.steps]
    lost = (Kind.REJECT, Status.LOST_ON_THE_WAY)
    assert steps == [(Kind.NEW, 0), lost, (Kind.CANCEL, 0)]
    assert result.positions[0]["open_buy_lots"] == 0


def test_what_the_venue_answers_is_heard_before_the_notice_of_a_request_that_was_lost():
    run = start_backtest(quiet(20), latency=losing(entry="rows", cancel="2ns", response="3ns"))
    order_id = run.advance(until_ns=1005).submit(0, 90, 4)
    run.advance(until_ns=1012).submit(0, 91, 4)  # is lost
    run.advance(until_ns=1020).cancel(order_id)
    result = run.advance().finish()

    assert result.steps["kind"].tolist() == [Kind.NEW, Kind.CANCEL, Kind.REJECT]
    assert result.steps["local_ns"][1] == 1020 + 2 + 3
    assert result.steps["status"][2] == Status.LOST_ON_THE_WAY
    assert (np.diff(result.steps["local_ns"]) >= 0).all()


def test_what_a_lost_amend_asked_for_in_more_is_not_open():
    run = start_backtest(quiet(20), latency=losing(entry="2ns", amend="rows", response="3ns"))
    order_id = run.advance(until_ns=1005).submit(0, 90, 4)
    run.advance(until_ns=1012).amend(order_id, 90, 9)
    position = run.session.desk.bundle.ledger.positions[0]
    assert position["open_buy_lots"] == 9

    run.advance()

    assert run.orders["status"].tolist() == [0, Status.LOST_ON_THE_WAY]
    assert position["open_buy_lots"] == 4


def test_a_quote_that_never_got_there_is_cancelled_once():
    way = losing(entry="rows", cancel="0ns", response="0ns")
    result = backtest(quiet(20), strategy=late_leaver, latency=way, progress=False)

    steps = [(int(one["kind"]), int(one["status"])) for one in result.steps]
    unknown, lost = Status.ORDER_ID_UNKNOWN, Status.LOST_ON_THE_WAY
    assert steps == [(Kind.REJECT, unknown), (Kind.REJECT, lost)]


def test_an_amend_that_is_heard_of_leaves_a_cancel_on_its_way():
    run = start_backtest(quiet(20), latency=Latency(entry="5ns", amend="5ns", response="5ns"))
    order_id = run.advance(until_ns=1000).submit(0, 90, 4)
    run.advance(until_ns=1020).amend(order_id, 90, 3)
    run.advance(until_ns=1027).cancel(order_id)
    run.advance(until_ns=1031).cancel(order_id)  # the amend was heard of at 1030

    kinds = run.advance().orders["kind"].tolist()

    assert kinds == [Kind.NEW, Kind.AMEND, Kind.CANCEL]


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("way", [ONE_CLOCK, SLOW, SHAKY])
@given(st.integers(0, 1 << 30), st.integers(0, 9))
def test_no_fill_on_its_way_leads_past_a_limit(every, way, seed, lots):
    for makes in (by_order, by_level):
        run = begun(tape_by(makes, seed), way, every, seed, max_long=lots, max_short=lots + 1)
        fills = run.advance().finish().fills
        held = np.cumsum(np.where(fills["side"] == 0, 1, -1) * fills["qty_lots"])
        at_venue = held  # both logs are in the order of the venue

        assert (at_venue <= lots).all()
        assert (at_venue >= -lots - 1).all()


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("way", WAYS)
def test_all_orders_are_cancelled_when_the_account_asks_for_it(every, way):
    run = begun(tape_by(by_order, 3), way, every).advance(event=60)
    account = run.session.desk.bundle.ledger.accounts[0]
    pull_kill(run.session.desk.bundle.ledger, 0, 0, run.now_ns)

    result = run.advance().finish()

    assert result.positions[0]["open_count"] == 0
    assert account["attention"] & ORDERS_OPEN == 0


def test_what_we_took_of_a_level_is_forgotten_once_the_book_was_cleared():
    tape = tape_of(
        b.level(ASK, 100, 3, venue_ns=1_000),
        b.clear(venue_ns=2_000),
        b.level(ASK, 100, 3, venue_ns=3_000),
        b.level(BID, 95, 1, venue_ns=4_000),
    )
    run = start_backtest(tape)
    for until_ns in (1_500, 3_500):
        run.advance(until_ns=until_ns)
        run.submit(BID, 100, 3, tif=TimeInForce.IOC)

    assert run.advance().finish().fills["qty_lots"].tolist() == [3, 3]


def test_an_order_that_fills_while_an_amend_to_more_is_on_its_way_is_over():
    tape = tape_of(
        b.level(BID, 90, 3, venue_ns=1_000),
        b.level(ASK, 110, 3, venue_ns=1_001),
        b.trade(99, 2, venue_ns=2_005, side=BID),
        b.level(BID, 90, 4, venue_ns=4_000),
    )
    run = start_backtest(tape, latency=Latency(entry="10ns"))
    run.advance(until_ns=1_500)
    order_id = run.submit(BID, 100, 2)
    run.advance(until_ns=2_000).amend(order_id, 100, 5)
    result = run.advance().finish()

    assert result.fills["qty_lots"].tolist() == [2]
    assert result.steps["kind"].tolist() == [Kind.NEW, Kind.FILL, Kind.REJECT]
    assert run.session.run[0]["working_count"] == 0
    assert result.positions["open_buy_lots"].tolist() == [0]


@pytest.mark.parametrize(("lots", "fills"), [(20, [5, 3, 1]), (7, [5, 2])])
def test_an_iceberg_that_takes_more_than_it_shows_rests_with_its_next_part_shown(lots, fills):
    tape = tape_of(
        b.level(ASK, 100, 5, venue_ns=1_000),
        b.level(BID, 90, 1, venue_ns=1_001),
        b.level(ASK, 100, 0, venue_ns=1_500),
        b.trade(99, 4, venue_ns=2_000, side=BID),
    )
    run = start_backtest(tape).advance(until_ns=1_200)
    run.submit(BID, 100, lots, display_lots=3)
    result = run.advance().finish()

    assert result.fills["qty_lots"].tolist() == fills


def test_a_fill_says_what_was_before_an_iceberg_before_its_next_part_came_to_rest():
    tape = tape_of(
        b.level(BID, 100, 3, venue_ns=1_000),
        b.level(ASK, 110, 3, venue_ns=1_001),
        b.level(BID, 100, 9, venue_ns=2_000),
        b.trade(100, 5, venue_ns=3_000, side=BID),
        b.level(BID, 100, 4, venue_ns=3_001),
    )
    run = start_backtest(tape, latency=Latency(response="100ns")).advance(until_ns=1_500)
    run.submit(BID, 100, 6, display_lots=2)
    fills = run.advance().finish().fills

    assert fills[["qty_lots", "entry_ahead_lots", "ahead_lots"]].tolist() == [(2, 3, 0)]


def test_a_reduce_only_order_that_a_trade_leaves_nothing_to_reduce_is_not_filled_by_it():
    tape = tape_of(
        b.level(BID, 90, 9, venue_ns=1_000),
        b.level(ASK, 100, 4, venue_ns=1_001),
        b.trade(105, 6, venue_ns=3_000, side=ASK),
        b.level(BID, 90, 8, venue_ns=4_000),
    )
    run = start_backtest(tape).advance(until_ns=1_500)
    run.submit(BID, 100, 4)
    reducing = run.submit(ASK, 106, 4, reduce_only=True)
    run.submit(ASK, 105, 2)
    run.amend(reducing, 105, 4)
    result = run.advance().finish()

    assert result.fills[["side", "qty_lots"]].tolist() == [(BID, 4), (ASK, 2)]
    assert result.steps["status"][-1] == Status.REDUCE_ONLY
    assert result.positions["position_lots"].tolist() == [2]


@pytest.mark.parametrize("way", [AT_ONCE, ONE_CLOCK, SLOW])
def test_an_order_whose_time_is_over_by_a_stop_is_gone_though_no_event_comes_by_then(way):
    run = start_backtest(quiet(6), latency=way).advance(until_ns=1_100)
    run.submit(BID, 90, 4, tif=TimeInForce.GTD, expires_ns=5_000)

    run.advance(until_ns=4_999)
    assert run.orders["kind"].tolist() == [Kind.NEW]

    run.advance(until_ns=5_100)
    assert run.orders["status"].tolist() == [Status.OK, Status.EXPIRY_PAST]
    assert run.orders["venue_ns"][1] == 5_000


def test_a_loss_limit_is_heeded_between_two_instants_of_an_interval():
    tape = tape_of(
        *messages(b.add(1, BID, 100, 5), b.add(2, BID, 80, 5), b.add(3, ASK, 102, 5)),
        b.delete(1, venue_ns=3_200, flags=Flag.LAST),
        b.trade(94, 1, venue_ns=3_300, flags=Flag.LAST),
        b.trade(94, 0, venue_ns=6_000, flags=Flag.LAST),
    )
    limits = Limits(max_daily_loss="0.05 USD")
    way = Latency(feed="50ns", entry="1ns", response="1ns")
    run = start_backtest(tape, latency=way, every="1us", limits=limits).advance(until_ns=2_000)
    run.submit(BID, 102, 1)
    run.submit(BID, 95, 1)
    result = run.advance().finish()

    assert result.fills["price"].tolist() == [102]
    assert result.steps[["kind", "sent_ns"]].tolist()[-1] == (Kind.CANCEL, 3_250)


@strategy(params=parameters())
def keen(desk, params, memory, quotes):
    """Want to buy a lot at once."""
    want(quotes, 0, 0, 102, 1)


@pytest.mark.parametrize("every", ["change", "fill"])
def test_where_only_entries_take_time_the_rule_is_asked_as_soon_as_its_order_filled(every):
    way = Latency(entry="3ns")
    run = start_backtest(quiet(6), strategy=keen, latency=way, every=every)
    entered = run.advance(until_ns=1_018).orders

    assert entered["sent_ns"][entered["kind"] == Kind.NEW].tolist() == [1_000, 1_010, 1_013]


def test_an_order_by_hand_is_sent_no_earlier_than_what_the_venue_has_done():
    tape = quiet(6)
    run = start_backtest(tape, latency=Latency(feed="500ns", entry="1ns")).advance(event=4)
    assert run.now_ns < tape.events["venue_ns"][3]
    run.submit(BID, 90, 1)

    assert run.advance().orders["sent_ns"].tolist() == [tape.events["venue_ns"][3]]


def test_events_of_orders_are_seen_in_their_order_whatever_local_times_say():
    events = messages(b.add(1, BID, 100, 5), b.add(2, ASK, 102, 5), b.trade(101, 0))
    events += messages(b.add(3, BID, 101, 5), b.delete(3), b.trade(101, 0))
    for place, late_ns in enumerate((5, 5, 5, 90, 5, 5)):
        events[place]["venue_ns"] = 1_000 + 10 * place
        events[place]["local_ns"] = 1_000 + 10 * place + late_ns
    tape = tape_of(*events)
    way = Latency(feed="recorded")
    run = start_backtest(tape, latency=way)

    assert run.advance(until_ns=1_119).finish().run["view_place"] == 3
    run.advance()
    book = run.session.desk.bundle.book
    assert b.best_of(book, BID)[0] == 100
    assert run.session.track.bundle.unseen.sum() == 0
    assert run.now_ns == 1_120


# ---- what is before our quotes, of price levels -----------------------------------------------


@pytest.mark.parametrize("way", [AT_ONCE, ONE_CLOCK])
@pytest.mark.parametrize("model", ["risk_averse", "power3:n=2", "log1"])
def test_a_rule_that_sees_what_is_knows_what_the_venue_takes_to_be_before_its_quotes(model, way):
    known = 0
    for seed in range(3):
        tape = tape_by(by_level, seed)
        told = {"latency": way, "queue_model": model}
        params = CHOSEN | {"seed": seed, "hold": 20}
        run = start_backtest(tape, strategy=scattered, params=params, **told)
        for event in range(10, len(tape.events), 3):
            desk = run.advance(event=event).session.desk.bundle
            stands = (desk.own["left_lots"] > 0) & (desk.ahead >= 0)
            slots = desk.own["slot"][stands]
            known += len(slots)
            fronts = run.session.orders["front_lots"][slots].astype(np.int64)
            assert desk.ahead[stands].tolist() == fronts.tolist()
    assert known > 20


@strategy(params=parameters(), memory=[("ahead", "i8", 16), ("asked", "i8")])
def counting(desk, params, memory, quotes):
    """Want one bid at 100; remember what is before it each time."""
    memory["ahead"][memory["asked"]] = queue_ahead(desk, 0, 0)
    memory["asked"] += 1
    want(quotes, 0, 0, 100, 2)


def test_a_rule_knows_of_its_place_what_it_has_seen_since_it_heard_of_it():
    at = {"flags": Flag.LAST}
    tape = tape_of(
        b.level(BID, 100, 6, venue_ns=1_000, **at),
        b.level(ASK, 110, 1, venue_ns=2_000, **at),
        b.level(BID, 100, 9, venue_ns=3_000, **at),
        b.trade(100, 4, venue_ns=4_000, side=BID, **at),
        b.level(BID, 100, 5, venue_ns=4_001),
        b.level(ASK, 110, 2, venue_ns=4_002, **at),
        b.level(BID, 100, 1, venue_ns=5_000),
        b.level(ASK, 110, 3, venue_ns=5_001, **at),
        b.level(ASK, 110, 4, venue_ns=9_000, **at),
    )
    way = Latency(feed="100ns", entry="100ns", response="2us")  # in the market from 1_200 on
    run = start_backtest(tape, strategy=counting, latency=way).advance()
    seen = run._memory.view(counting.memory)[0, 0]

    # at 1_100 none stands; until 3_200 all that is seen is taken to be before it; then what the
    # trade of 4 left of the 9, which stays 5, and at last no more than the level
    assert seen["ahead"][: seen["asked"]].tolist() == [0, 6, 9, 9, 5, 1, 1]
