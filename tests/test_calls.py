"""Single calls: the same as a batch, for integers only, and never to arrays that are gone."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmjit
from mmjit import ASK, BID, ArgumentError, Capacity, Instrument, Kind, RefusedError, StateError
from mmjit.core.bound import LET_GO, Bound, Compiled, bundle_of, door, is_open, plain_door
from mmjit.core.codes import NIL, Flag
from mmjit.core.jit import call, kernel, signature_of
from mmjit.core.ledger import mark_at
from mmjit.core.records import ORDER
from mmjit.core.tables import FILL
from tests.builders import bytes_of
from tests.ledgers import record_fills
from tests.states import in_a_child

XYZ = Instrument(symbol="XYZ", price_unit="0.01", price_max=1_000)
ABC = Instrument(symbol="ABC", price_unit="0.01", price_max=50, increment=5)
TWO_TO_64 = 1 << 64
NO_INTEGERS = [1.0, "7", None, True, False, np.float64(3), np.bool_(True), 1 + 0j, b"1"]
TOO_LARGE = [1 << 63, -(1 << 63) - 1, 1 << 64, 1 << 200]


# ---- what is bound --------------------------------------------------------------------------


class Inner(NamedTuple):
    orders: object
    words: object


class Outer(NamedTuple):
    inner: Inner
    bytes: object
    add: object


@kernel
def added(left, right):
    return left + right


@call
def look(bound, words):
    if not is_open(bound):
        return LET_GO
    outer = bundle_of(bound)
    outer.inner.words[1] += 1
    lengths = len(outer.inner.orders) * 100 + len(outer.inner.words) * 10 + len(outer.bytes)
    found = outer.inner.orders[2]["order_id"] + words[0] * words[1]
    return outer.add(np.int64(lengths), np.int64(found))


@call
def echo(bound, words):
    return words[0], words[1], words[2]


def outer_of(orders):
    added(np.int64(1), np.int64(1))
    compiled = Compiled(added, signature_of(np.int64(1), np.int64(1)))
    return Outer(Inner(orders, np.zeros(2, np.int64)), np.zeros(7, np.uint8), compiled)


def test_a_bundle_is_found_again_behind_its_address():
    orders = np.zeros(3, ORDER)
    orders["order_id"][2] = 5_000
    outer = outer_of(orders)
    bound = Bound(outer)

    result = door(look, bound, words=2)(bound, (1, 70_000))

    assert result == 327 + 5_000 + 70_000
    assert outer.inner.words.tolist() == [0, 1]


class Around(NamedTuple):
    number: int
    outer: object  # a Bound
    words: object


@call
def look_within(bound, words):
    around = bundle_of(bound)
    inner = bundle_of(around.outer).inner
    inner.words[0] += around.number
    return inner.orders[words[0]]["order_id"] + around.words[1]


def test_a_bundle_may_hold_numbers_and_the_address_of_another():
    outer = outer_of(np.arange(3).astype(ORDER))
    bound = Bound(Around(-9, Bound(outer), np.array([0, 40])))

    assert door(look_within, bound, words=1)(bound, (2,)) == int(outer.inner.orders[2][0]) + 40
    assert outer.inner.words.tolist() == [-9, 0]


def test_a_bound_that_is_aimed_elsewhere_leads_there():
    bound = Bound(outer_of(np.zeros(3, ORDER)))
    enter = door(look, bound, words=2)
    assert enter(bound, (1, 0)) == 327

    bound.aim(outer_of(np.ones(4, ORDER)))

    assert enter(bound, (1, 0)) == 427 + 1


def test_a_bound_that_was_let_go_leads_nowhere():
    bound = Bound(outer_of(np.zeros(3, ORDER)))
    enter = door(look, bound, words=2)

    bound.let_go()

    assert enter(bound, (1, 0)) == LET_GO
    assert bound.bundle is None


def test_arrays_live_as_long_as_what_is_bound_to_them():
    bound = Bound(outer_of(np.full(3, 9, np.int64).view(np.int64).astype(ORDER)))

    assert door(look, bound, words=2)(bound, (1, 0)) == 327 + 9


ANYTHING = st.one_of(
    st.integers(-(1 << 66), 1 << 66),
    st.sampled_from([0, -1, (1 << 63) - 1, 1 << 63, -(1 << 63), (1 << 64) - 1, 1 << 64]),
    st.sampled_from([*NO_INTEGERS, np.int64(3), Kind.ADD]),
)


@given(st.lists(ANYTHING, min_size=2, max_size=4).map(tuple))
def test_a_door_lets_in_what_its_twin_does(words):
    bound = Bound(outer_of(np.zeros(3, ORDER)))

    def came_of(made):
        try:
            return made(echo, bound, words=3, ids=(1,))(bound, words)
        except (TypeError, OverflowError) as error:
            return type(error)

    assert came_of(door) == came_of(plain_door)


# ---- the same as a batch --------------------------------------------------------------------


@st.composite
def events(draw):
    """One event as a feed may tell it, right or wrong."""
    kinds = [Kind.ADD] * 4 + [Kind.REDUCE, Kind.DELETE, Kind.REPLACE, Kind.EXECUTE]
    return {
        "kind": draw(st.sampled_from([*kinds, Kind.LEVEL, Kind.CLEAR])),
        "symbol": draw(st.integers(0, 1)),
        "side": draw(st.integers(0, 1)),
        "order_id": draw(st.sampled_from([0, 1, 2, 3, 4, 1 << 63, TWO_TO_64 - 1])),
        "other_id": draw(st.sampled_from([1, 2, 5, (1 << 63) + 1])),
        "price": draw(st.sampled_from([10, 15, 20, 11, -5, 1_001])),
        "qty_lots": draw(st.sampled_from([1, 2, 3, 0, -1, 1 << 31, 1 << 62])),
        "time": draw(st.integers(0, 1 << 62)),
        "own": draw(st.booleans()),
    }


def tell(market, event):
    """One event, by its verb; returns a status below 0, or that of an add."""
    order_id, price, qty_lots = event["order_id"], event["price"], event["qty_lots"]
    at = {"symbol": event["symbol"], "time_ns": event["time"]}
    try:
        match event["kind"]:
            case Kind.ADD:
                return market.add(order_id, event["side"], price, qty_lots, **at)
            case Kind.REDUCE:
                market.reduce(order_id, qty_lots, **at)
            case Kind.DELETE:
                market.delete(order_id, **at)
            case Kind.REPLACE:
                market.replace(order_id, event["other_id"], price, qty_lots, **at)
            case Kind.EXECUTE:
                own = price if event["own"] else None
                market.execute(order_id, qty_lots, price=own, **at)
            case Kind.LEVEL:
                market.set_level(event["side"], price, qty_lots, **at)
            case _:
                market.clear(**at)
    except RefusedError as refused:
        return int(refused.status)
    return 0


def record_of(event):
    """The same as an EVENT, with nothing in it that its verb does not say."""
    record, kind = np.zeros(1, mmjit.EVENT), event["kind"]
    record["kind"], record["symbol"] = kind, event["symbol"]
    record["venue_ns"] = record["local_ns"] = event["time"]
    if kind not in (Kind.LEVEL, Kind.CLEAR):
        record["order_id"] = np.uint64(event["order_id"]).astype(np.int64)
    if kind in (Kind.ADD, Kind.LEVEL):
        record["side"] = event["side"]
    if kind in (Kind.ADD, Kind.LEVEL, Kind.REPLACE) or (kind == Kind.EXECUTE and event["own"]):
        record["price"] = event["price"]
    if kind not in (Kind.DELETE, Kind.CLEAR):
        record["qty_lots"] = event["qty_lots"]
    if kind == Kind.REPLACE:
        record["other_id"] = np.uint64(event["other_id"]).astype(np.int64)
    if kind == Kind.EXECUTE and event["own"]:
        record["flags"] = Flag.OWN_PRICE
    return record


def content_of(book):
    """The bytes of every array."""
    return [*bytes_of(book).values()]


@given(st.lists(events(), max_size=40))
def test_events_told_one_by_one_do_what_they_do_in_a_batch(told):
    single, batch = (mmjit.Market([XYZ, ABC], orders=4) for _ in range(2))

    for event in told:
        status = tell(single, event)
        same = int(batch.apply(record_of(event))[0])
        assert status == same or (event["kind"] != Kind.ADD and status == 0 and same >= 0)

    assert content_of(single.book) == content_of(batch.book)
    for symbol, side in ((0, BID), (0, ASK), (1, BID), (1, ASK)):
        depth = single.depth(1, symbol=symbol)
        name = "ask" if side else "bid"
        row = tuple(depth[f"{name}_{part}"][:1].tolist() for part in ("price", "qty", "count"))
        best = single.best(side, symbol=symbol)
        assert row == (([], [], []) if best is None else tuple([part] for part in best))


FILLS = st.tuples(
    st.integers(0, 1),
    st.sampled_from([0, 1, 100, 101, -3, 1 << 40, -(1 << 40)]),
    st.sampled_from([1, 2, 500, 0, -1, 1 << 30]),
    st.booleans(),
    st.sampled_from([0, 7, TWO_TO_64 - 1]),
)


@given(st.lists(FILLS, max_size=30), st.integers(0, 1))
def test_fills_recorded_one_by_one_come_to_what_a_batch_does(fills, symbol):
    fees = {"maker_fee": "-0.0001", "taker_fee": "0.0003"}
    tracker, batch = (mmjit.Tracker([XYZ, ABC], accounts=2, **fees) for _ in range(2))
    account = tracker.account(1)
    for now, (side, price, qty, maker, order_id) in enumerate(fills):
        line = np.zeros(1, FILL)
        line["side"], line["price"], line["qty_lots"] = side, price, qty
        line["symbol"], line["owner"], line["maker"] = symbol, 1, maker
        row = len(batch.ledger.terms) + symbol
        before = [array.copy() for array in batch.ledger]
        taken = bool(record_fills(batch.ledger, line))
        mark = int(batch.ledger.positions[row]["mark_twice"])
        if taken and mark_at(batch.ledger, 1, symbol, mark, now) < 0:
            taken = False
            for array, known in zip(batch.ledger, before, strict=True):
                array[:] = known
        try:
            more = {"symbol": symbol, "maker": maker, "time_ns": now, "order_id": order_id}
            account.record(side, price, qty, **more)
        except RefusedError:
            assert not taken
        else:
            assert taken
            assert tracker.log.lines[-1]["position_lots"] == line[0]["position_lots"]
            assert account.fills(order_id=order_id)[-1]["fee_pico"] == line[0]["fee_pico"]

    for array, same in zip(tracker.ledger, batch.ledger, strict=True):
        assert array.tobytes() == same.tobytes()


@st.composite
def commands(draw):
    """One command as arguments of `submit` or `cancel`, right or wrong."""
    return {
        "kind": draw(st.sampled_from([Kind.NEW, Kind.NEW, Kind.NEW, Kind.CANCEL, Kind.AMEND])),
        "order_id": draw(st.sampled_from([1, 2, 3, 4, 5, 1 << 63])),
        "side": draw(st.integers(0, 1)),
        "price": draw(st.sampled_from([99, 100, 101, 102, -1])),
        "qty_lots": draw(st.sampled_from([1, 2, 5, 0, -1])),
        "owner": draw(st.sampled_from([0, 1, None])),
        "tif": draw(st.sampled_from(list(mmjit.TimeInForce)[:4])),
        "self_trade": draw(st.sampled_from(list(mmjit.SelfTrade))),
        "time_ns": draw(st.sampled_from([0, 5, 9])),
    }


def submit(venue, given):
    """A command by its verb; returns what `submit_all` does."""
    order_id, price, qty = given["order_id"], given["price"], given["qty_lots"]
    at = {"owner": given["owner"], "time_ns": given["time_ns"]}
    try:
        if given["kind"] == Kind.CANCEL:
            return venue.cancel(order_id, qty, **at)
        at["self_trade"] = given["self_trade"]
        if given["kind"] == Kind.AMEND:
            return venue.amend(order_id, price, qty, **at).filled_lots
        tif = given["tif"]
        if tif == mmjit.TimeInForce.GTD:
            at["expires_ns"] = 7
        done = venue.submit(order_id, given["side"], price, qty, tif=tif, **at)
        assert int(done.trades["qty_lots"].sum()) == done.filled_lots
        return done.filled_lots
    except RefusedError as refused:
        return int(refused.status)


def rows_of(given):
    """The same as COMMAND."""
    kind, rows = given["kind"], np.zeros(2, mmjit.COMMAND)
    head = rows[0]
    head["kind"], head["flags"] = kind, Flag.LAST
    head["order_id"] = np.uint64(given["order_id"]).astype(np.int64)
    head["owner"] = NIL if given["owner"] is None else given["owner"]
    head["qty_lots"], head["venue_ns"] = given["qty_lots"], given["time_ns"]
    head["local_ns"] = given["time_ns"]
    if kind == Kind.CANCEL:
        return rows[:1]
    head["price"], head["self_trade"] = given["price"], given["self_trade"]
    if kind == Kind.AMEND:
        return rows[:1]
    head["side"], head["tif"] = given["side"], given["tif"]
    if given["tif"] != mmjit.TimeInForce.GTD:
        return rows[:1]
    head["flags"] = 0
    rows[1]["kind"], rows[1]["flags"], rows[1]["venue_ns"] = Kind.MORE, Flag.LAST, 7
    return rows


@given(st.lists(commands(), max_size=25))
def test_commands_given_one_by_one_do_what_they_do_in_a_batch(given_ones):
    single, batch = (mmjit.Venue([XYZ], orders=8, accounts=2) for _ in range(2))

    for one in given_ones:
        assert submit(single, one) == int(batch.submit_all(rows_of(one))[0])

    assert content_of(single.book) == content_of(batch.book)
    assert single.trades().tobytes() == batch.trades().tobytes()
    assert single.tracker.log.lines.tobytes() == batch.tracker.log.lines.tobytes()
    for array, same in zip(single.arrays.ledger, batch.arrays.ledger, strict=True):
        assert array.tobytes() == same.tobytes()
    assert single.arrays.control.tobytes() == batch.arrays.control.tobytes()


# ---- what is let in -------------------------------------------------------------------------


def calls_of(market, tracker, venue, bad):
    """Every argument of every single call, wrong in turn, and what the error calls it."""
    return [
        ("order_id", lambda: market.add(bad, BID, 1, 1)),
        ("side", lambda: market.add(2, bad, 1, 1)),
        ("price", lambda: market.add(2, BID, bad, 1)),
        ("qty_lots", lambda: market.add(2, BID, 1, bad)),
        ("symbol", lambda: market.add(2, BID, 1, 1, symbol=bad)),
        ("time_ns", lambda: market.add(2, BID, 1, 1, time_ns=bad)),
        ("order_id", lambda: market.reduce(bad, 1)),
        ("qty_lots", lambda: market.reduce(1, bad)),
        ("order_id", lambda: market.delete(bad)),
        ("order_id", lambda: market.execute(bad, 1)),
        ("qty_lots", lambda: market.execute(1, bad)),
        ("order_id", lambda: market.replace(bad, 2, 1, 1)),
        ("new_id", lambda: market.replace(1, bad, 1, 1)),
        ("price", lambda: market.set_level(BID, bad, 1)),
        ("symbol", lambda: market.clear(symbol=bad)),
        ("side", lambda: market.best(bad)),
        ("symbol", lambda: market.best(BID, symbol=bad)),
        ("side", lambda: tracker.record(bad, 1, 1)),
        ("price", lambda: tracker.record(BID, bad, 1)),
        ("qty_lots", lambda: tracker.record(BID, 1, bad)),
        ("symbol", lambda: tracker.record(BID, 1, 1, symbol=bad)),
        ("time_ns", lambda: tracker.record(BID, 1, 1, time_ns=bad)),
        ("order_id", lambda: tracker.record(BID, 1, 1, order_id=bad)),
        ("order_id", lambda: venue.submit(bad, BID, 1, 1)),
        ("side", lambda: venue.submit(2, bad, 1, 1)),
        ("qty_lots", lambda: venue.submit(2, BID, 1, bad)),
        ("symbol", lambda: venue.submit(2, BID, 1, 1, symbol=bad)),
        ("order_id", lambda: venue.cancel(bad)),
        ("qty_lots", lambda: venue.cancel(1, bad)),
        ("order_id", lambda: venue.quote((bad, 1, 1), (3, 2, 1))),
        ("order_id", lambda: venue.quote((2, 1, 1), (bad, 2, 1))),
        ("price", lambda: venue.quote((2, 1, 1), (3, bad, 1))),
        ("qty_lots", lambda: venue.quote((2, 1, 1), (3, 2, bad))),
        ("price", lambda: venue.execute_at(bad, 1, ASK)),
    ]


@pytest.fixture(scope="module")
def three():
    """A market, a tracker and a venue, in each of which something is."""
    market, tracker = mmjit.Market([XYZ], orders=16), mmjit.Tracker([XYZ])
    venue = mmjit.Venue([XYZ], orders=16)
    market.add(1, BID, 10, 5)
    tracker.record(BID, 10, 5)
    venue.submit(1, BID, 10, 5)
    return market, tracker, venue


def traces(market, tracker, venue):
    found = [*content_of(market.book), *content_of(venue.book), len(tracker.log)]
    return [*found, *(a.tobytes() for a in (*tracker.ledger, *venue.arrays.ledger))]


@pytest.mark.parametrize("bad", [*NO_INTEGERS, *TOO_LARGE], ids=repr)
def test_what_is_no_integer_of_64_bits_is_refused_by_name_and_leaves_no_trace(three, bad):
    before = traces(*three)
    for name, call_wrongly in calls_of(*three, bad):
        if type(bad) is int and bad == 1 << 63 and name in ("order_id", "new_id"):
            continue  # the only one of them that an id may be
        with pytest.raises(ArgumentError, match=f"^{name}: "):
            call_wrongly()

    assert traces(*three) == before


@pytest.mark.parametrize("bad", [-1, 2], ids=repr)
def test_a_side_a_symbol_or_an_owner_that_there_is_none_of_is_refused(three, bad):
    market, tracker, venue = three
    before = traces(*three)

    for name, call_wrongly in (
        ("side", lambda: market.add(2, bad, 1, 1)),
        ("symbol", lambda: market.add(2, BID, 1, 1, symbol=bad)),
        ("side", lambda: market.best(bad)),
        ("symbol", lambda: market.best(BID, symbol=bad)),
        ("side", lambda: tracker.record(bad, 1, 1)),
        ("symbol", lambda: tracker.record(BID, 1, 1, symbol=bad)),
        ("side", lambda: venue.submit(2, bad, 1, 1)),
        ("symbol", lambda: venue.submit(2, BID, 1, 1, symbol=bad)),
        ("owner", lambda: venue.submit(2, BID, 1, 1, owner=bad)),
        ("owner", lambda: venue.cancel_all(owner=bad)),
        ("symbol", lambda: venue.cancel_all(symbol=bad)),
        ("side", lambda: venue.cancel_all(side=bad)),
    ):
        with pytest.raises(ArgumentError, match=f"^{name}: {bad} is not a whole number from 0"):
            call_wrongly()

    assert traces(*three) == before


def test_numpy_integers_are_taken_in_every_place():
    whole = mmjit.Market([XYZ]), mmjit.Tracker([XYZ]), mmjit.Venue([XYZ])
    numpy = mmjit.Market([XYZ]), mmjit.Tracker([XYZ]), mmjit.Venue([XYZ])
    highest = TWO_TO_64 - 1
    for (market, tracker, venue), of, big in (
        (whole, int, int),
        (numpy, np.int16, np.uint64),
    ):
        market.add(big(highest), of(0), of(5), of(7), symbol=of(0), time_ns=of(3))
        market.execute(big(highest), of(2), price=of(6))
        market.replace(big(highest), big(1 << 63), of(6), of(9))
        assert market.best(of(0), symbol=of(0)) == (6, 9, 1)
        tracker.record(of(1), of(5), of(7), time_ns=of(3), order_id=big(highest))
        venue.submit(big(highest), of(0), of(5), of(7), owner=of(0), time_ns=of(3))
        assert venue.cancel(big(highest), of(2)) == 2
        assert venue.quote((of(1), of(4), of(1)), (of(2), of(6), of(1))) == (0, 0)

    assert content_of(whole[0].book) == content_of(numpy[0].book)
    assert whole[1].log.lines.tobytes() == numpy[1].log.lines.tobytes()
    assert content_of(whole[2].book) == content_of(numpy[2].book)


# ---- states that are closed, and logs that grow ---------------------------------------------


@pytest.fixture
def state(tmp_path):
    with mmjit.create_state(tmp_path / "s", Capacity(symbols=1, orders=16, qty_bits=64)) as made:
        yield made


@pytest.mark.parametrize("called_before", [True, False])
def test_calls_to_a_state_that_was_closed_say_so(state, called_before):
    market, venue = mmjit.Market([XYZ], state), mmjit.Venue([XYZ], state)
    if called_before:
        market.add(1, BID, 5, 1 << 40)
        market.best(BID)
        market.clear()
        venue.submit(2, BID, 5, 1)
        venue.tracker.record(BID, 5, 1)
    state.close()

    for call_late in (
        lambda: market.add(3, BID, 5, 1),
        lambda: market.best(BID),
        lambda: venue.submit(3, BID, 5, 1),
        lambda: venue.tracker.record(BID, 5, 1),
        lambda: venue.tracker.mark(5),
        venue.drain,
    ):
        with pytest.raises(StateError, match="is closed; open it again"):
            call_late()


def test_a_state_that_was_reopened_is_seen_by_new_calls_only(state):
    old = mmjit.Market([XYZ], state)
    old.add(1, BID, 5, 1)
    state.close()

    with mmjit.open_state(state.path) as again:
        market = mmjit.Market([XYZ], again)
        market.reduce(1, 1)
        assert market.best(BID) is None
        with pytest.raises(StateError, match="is closed"):
            old.add(1, BID, 5, 1)
        assert market.best(BID) is None


def test_a_state_open_for_reading_is_looked_at_and_not_changed(state):
    mmjit.Market([XYZ], state).add(1, BID, 5, 1)
    state.close()

    with mmjit.open_state(state.path, writable=False) as reading:
        market = mmjit.Market([XYZ], reading)
        assert market.best(BID) == (5, 1, 1)
        for _ in range(2):
            with pytest.raises(StateError, match="is open read-only"):
                market.add(2, BID, 5, 1)
        assert market.best(BID) == (5, 1, 1)


def test_a_child_of_a_fork_finds_nothing_behind_a_call(state):
    market = mmjit.Market([XYZ], state)
    market.add(1, BID, 5, 1)

    def ask():
        try:
            return market.add(2, BID, 5, 1)
        except StateError as error:
            return error

    assert in_a_child(ask).endswith("open it again after the fork")
    assert market.best(BID) == (5, 1, 1)


def test_accounts_that_share_a_log_keep_their_fills_when_it_grows():
    first = mmjit.Tracker([XYZ], accounts=2)
    second = first.account(1)

    for number in range(1, 701):
        (first if number % 3 else second).record(BID, 5, 1, order_id=number)
        if number == 400:
            first.append_fills(np.zeros(300, FILL))

    ids = first.log.lines["order_id"]
    assert ids[ids > 0].tolist() == list(range(1, 701))
    assert len(second.fills()) == 233
    assert len(first.fills(order_id=0)) == 300


def test_a_venue_whose_rings_are_small_keeps_every_trade(tmp_path):
    capacity = Capacity(symbols=1, orders=64, fills=4)
    with mmjit.create_state(tmp_path / "s", capacity) as state:
        venue = mmjit.Venue([XYZ], state)
        for number in range(1, 400, 2):
            venue.submit(number, BID, 5, 2)
            done = venue.submit(number + 1, ASK, 5, 2, owner=None)
            assert done.trades["maker_id"].tolist() == [number]

        assert len(venue.trades()) == len(venue.tracker.fills()) == 200
