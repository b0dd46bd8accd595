"""Handles given at import: a replay by handle is the replay by id, in as few slots as can be."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, Status
from mmjit.core.digest import state_hash
from mmjit.core.pool import reserve
from mmjit.core.records import BOUNDS, EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.resolve import PRICE_MAX, expect_increments
from mmjit.core.state import Counts, configure_symbol, memory_book
from mmjit.feeds import importing
from mmjit.feeds.importing import Resolving
from tests.builders import apply_one

KINDS = (Kind.ADD, Kind.ADD, Kind.ADD, Kind.REDUCE, Kind.DELETE, Kind.EXECUTE, Kind.REPLACE)
ADDED = (Kind.ADD, 1, 0, 0, 0, 1, 1)
RARE = (Kind.CLEAR, Kind.TRADE, Kind.STATUS, Kind.GAP)

event_rows = st.tuples(
    st.sampled_from(KINDS * 3 + RARE),
    st.integers(0, 9),  # order_id, 0 is illegal
    st.integers(0, 9),  # other_id
    st.integers(0, 1),  # symbol
    st.integers(0, 1),  # side
    st.integers(1, 4),  # price
    st.integers(-1, 6),  # qty_lots
)


def events_of(rows):
    events = np.zeros(len(rows), EVENT)
    for name, column in zip(
        ("kind", "order_id", "other_id", "symbol", "side", "price", "qty_lots"),
        zip(*rows, strict=True),
        strict=True,
    ):
        events[name] = column
    events["flags"] = Flag.LAST
    return events


def book():
    made = memory_book(Counts(symbols=2, orders=64, pages=64))
    for symbol in range(2):
        assert configure_symbol(made, symbol, 0, 100, 1) == Status.OK
    return made


def replayed(events, slots):
    made, counts = book(), np.zeros(STATUS_SPAN, np.int64)
    start = int(reserve(made.order_pool, slots))
    replay(made, Region(start, slots), events, counts, np.zeros(1, TALLY))
    return made, counts


def applied_by_id(events):
    """The same stream by id; what asks for more than is left takes what is left."""
    made, counts = book(), np.zeros(STATUS_SPAN, np.int64)
    for place in range(len(events)):
        status = int(apply_one(made, events, place))
        if status < 0:
            counts[-status] += 1
        if status in (Status.OVER_EXECUTION, Status.OVER_REDUCTION):
            again = events[place : place + 1].copy()
            slot = next(
                s
                for s in range(len(made.orders))
                if made.nodes[s]["level"] != NIL
                and made.orders[s]["order_id"] == again["order_id"][0]
            )
            again["qty_lots"] = made.nodes[slot]["qty_lots"]
            assert apply_one(made, again, 0) == 1
    return made, counts


@given(st.lists(event_rows, min_size=1, max_size=120))
def test_a_replay_by_handle_ends_as_the_stream_by_id(rows):
    events = events_of(rows)
    wanted, wanted_counts = applied_by_id(events)
    resolving = Resolving(2)

    resolving(events)
    made, counts = replayed(events, resolving.order_slots)

    assert state_hash(made) == state_hash(wanted)
    assert counts.sum() == wanted_counts.sum()
    assert int(counts[-Status.ORDER_ID_UNKNOWN]) == int(wanted_counts[-Status.ORDER_ID_UNKNOWN])


def test_a_cleared_symbol_gives_its_slots_and_ids_back():
    events = events_of([ADDED, (Kind.CLEAR, 0, 0, 0, 0, 0, 0), ADDED])
    resolving = Resolving(2)

    resolving(events)

    assert resolving.anomalies() == {}
    assert resolving.order_slots == 1
    assert events["handle"].tolist() == [0, NIL, 0]


@given(st.lists(event_rows, min_size=1, max_size=120), st.integers(1, 50))
def test_the_pieces_of_a_stream_do_not_matter(rows, length):
    whole, pieces = events_of(rows), events_of(rows)
    Resolving(2)(whole)
    resolving = Resolving(2)

    for start in range(0, len(pieces), length):
        resolving(pieces[start : start + length])

    assert whole.tobytes() == pieces.tobytes()


@given(st.lists(event_rows, min_size=1, max_size=120))
@example(
    rows=[
        (Kind.ADD, 1, 0, 0, 0, 1, 2),
        (Kind.REDUCE, 1, 0, 0, 0, 1, 1),
        (Kind.ADD, 2, 0, 0, 0, 1, 1),
    ]
)
def test_no_more_slots_are_used_than_orders_rest_at_once(rows):
    events = events_of(rows)
    resolving = Resolving(2)
    resolving(events)
    left, most = {}, 0  # lots by handle
    for event in events:
        handle, kind, qty_lots = int(event["handle"]), event["kind"], int(event["qty_lots"])
        if kind == Kind.CLEAR:
            break  # the rest is for the other tests
        if handle == NIL:
            continue
        assert (handle in left) != (kind == Kind.ADD)
        if kind in (Kind.ADD, Kind.REPLACE):
            left[handle] = qty_lots
            most = max(most, len(left))
        else:
            left[handle] -= left[handle] if kind == Kind.DELETE else qty_lots
            if left[handle] <= 0:
                del left[handle]
    else:
        assert resolving.order_slots == most


def test_events_that_name_an_order_get_its_side_price_and_what_a_delete_takes():
    events = events_of(
        [
            (Kind.ADD, 5, 0, 0, 1, 3, 6),
            (Kind.EXECUTE, 5, 0, 0, 0, 1, 2),
            (Kind.DELETE, 5, 0, 0, 0, 1, 0),
        ]
    )

    Resolving(2)(events)

    assert events["side"].tolist() == [1, 1, 1]
    assert events["price"].tolist() == [3, 3, 3]
    assert events["qty_lots"].tolist() == [6, 2, 4]
    assert events["handle"].tolist() == [0, 0, 0]


def test_an_execution_at_its_own_price_keeps_that_price():
    events = events_of([(Kind.ADD, 5, 0, 0, 1, 3, 6), (Kind.EXECUTE, 5, 0, 0, 0, 2, 6)])
    events[1]["flags"] |= Flag.OWN_PRICE

    Resolving(2)(events)

    assert events["price"].tolist() == [3, 2]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([(Kind.ADD, 0, 0, 0, 0, 1, 1)], Status.ORDER_ID_ZERO),
        ([(Kind.ADD, 1, 0, 0, 0, 1, 0)], Status.QTY_NOT_POSITIVE),
        ([ADDED] * 2, Status.ORDER_ID_DUPLICATE),
        ([(Kind.DELETE, 1, 0, 0, 0, 1, 1)], Status.ORDER_ID_UNKNOWN),
        (
            [(Kind.ADD, 1, 0, 0, 0, 1, 1), (Kind.DELETE, 1, 0, 1, 0, 1, 1)],
            Status.ORDER_OF_OTHER_SYMBOL,
        ),
        ([(Kind.ADD, 1, 0, 0, 0, 1, 1), (Kind.REPLACE, 1, 0, 0, 0, 1, 1)], Status.ORDER_ID_ZERO),
        ([(Kind.ADD, 1, 0, -1, 0, 1, 1)], Status.SYMBOL_UNKNOWN),
        ([ADDED, (Kind.EXECUTE, 1, 0, 0, 0, 1, 2)], Status.OVER_EXECUTION),
        ([ADDED, (Kind.REDUCE, 1, 0, 0, 0, 1, 2)], Status.OVER_REDUCTION),
    ],
)
def test_what_a_book_would_refuse_is_counted_and_said_on_the_event(rows, status):
    events = events_of(rows)
    resolving = Resolving(2)

    resolving(events)

    assert resolving.anomalies() == {status.name.lower(): 1}
    assert events[-1]["level"] == status
    over = status in (Status.OVER_EXECUTION, Status.OVER_REDUCTION)
    assert events[-1]["handle"] == (0 if over else NIL)


def test_a_resolver_grows_with_what_rests():
    count = 20_000
    events = np.zeros(count, EVENT)
    events["kind"] = Kind.ADD
    events["order_id"] = np.arange(1, count + 1)
    events["qty_lots"] = 1
    events["price"] = 5
    resolving = Resolving(1)

    for start in range(0, count, 1000):
        resolving(events[start : start + 1000])

    assert resolving.order_slots == count
    assert sorted(events["handle"]) == list(range(count))
    assert resolving.anomalies() == {}


def test_seats_and_entries_that_run_out_are_doubled_and_keep_what_rests(monkeypatch):
    monkeypatch.setattr(importing, "_SEATS", 4)
    monkeypatch.setattr(importing, "_INDEXED", 1)
    count = 500
    rows = [(Kind.ADD, k, 0, 0, 0, 5, k) for k in range(1, count + 1)]
    rows += [(Kind.DELETE, k, 0, 0, 0, 0, 0) for k in range(count, 0, -1)]
    events = events_of(rows)
    resolving = Resolving(1)

    for start in range(0, len(events), 7):
        resolving(events[start : start + 7])

    assert resolving.anomalies() == {}
    assert resolving.order_slots == count
    assert events["qty_lots"][count:].tolist() == list(range(count, 0, -1))
    assert events["handle"][count:].tolist() == events["handle"][:count][::-1].tolist()


def test_events_of_a_symbol_that_there_is_no_room_for_are_refused():
    events = events_of([ADDED, (Kind.ADD, 2, 0, 1, 0, 1, 1)])
    resolving = Resolving(1)

    resolving(events)

    assert events["handle"].tolist() == [0, NIL]
    assert resolving.anomalies() == {"symbol_unknown": 1}


def test_the_bounds_of_a_symbol_are_those_of_its_events():
    from mmjit import Instrument

    events = events_of([(Kind.ADD, k, 0, 0, 0, 1, 1) for k in (1, 2, 3)])
    events["price"] = [1200, -600, 3300]
    resolving = Resolving(1)
    resolving(events)

    known = resolving.bounded(0, Instrument(symbol="X", price_max=1000))

    assert known.increment == 300
    assert known.price_min == -600
    assert known.price_max == 3300


# ---- levels ---------------------------------------------------------------------------------


def levels_of(*prices, side=0, symbol=0, increments=0):
    """The levels that adds at some prices are given."""
    rows = [(Kind.ADD, k + 1, 0, symbol, side, price, 1) for k, price in enumerate(prices)]
    events = events_of(rows)
    resolving = Resolving(2, increments)
    resolving(events)
    return events["level"].tolist(), resolving.level_pages


@pytest.mark.parametrize("side", [0, 1])
def test_a_level_stands_for_a_symbol_a_side_and_a_price(side):
    prices = [8_000, 8_001, 8_007, 8_000, 9_000, 8_007]
    levels, pages = levels_of(*prices, side=side, increments=1)

    assert len(set(zip(prices, levels, strict=True))) == len(set(prices)) == len(set(levels))
    assert pages == 2
    assert max(levels) < 8 * pages
    assert min(levels) >= 0


@given(
    st.lists(st.tuples(*(st.integers(0, 1),) * 2, st.integers(0, 300)), min_size=1, max_size=60),
    st.sampled_from([1, 5, 100]),
)
def test_neighbours_share_a_page_and_the_better_of_them_is_the_higher(wanted, step):
    rows = [(Kind.ADD, k + 1, 0, *to[:2], to[2] * step, 1) for k, to in enumerate(wanted)]
    events = events_of(rows)
    resolving = Resolving(2, step)

    resolving(events)

    pages = {}  # by symbol, side, and number of eight prices from the worst on
    for event in events:
        symbol, side, price = (int(event[name]) for name in ("symbol", "side", "price"))
        rank = price // step if side == 0 else PRICE_MAX // step - price // step
        assert event["level"] % 8 == rank % 8
        assert pages.setdefault((symbol, side, rank // 8), event["level"] // 8) == (
            event["level"] // 8
        )
    assert sorted(pages.values()) == list(range(resolving.level_pages))


def test_a_replace_is_given_the_level_of_its_new_price_and_others_none():
    events = events_of(
        [
            (Kind.ADD, 1, 0, 0, 1, 30, 6),
            (Kind.REPLACE, 1, 2, 0, 0, 40, 6),
            (Kind.ADD, 3, 0, 0, 1, 40, 6),
            (Kind.EXECUTE, 3, 0, 0, 0, 0, 1),
            (Kind.REDUCE, 3, 0, 0, 0, 0, 1),
            (Kind.DELETE, 3, 0, 0, 0, 0, 0),
            (Kind.TRADE, 0, 0, 0, 0, 40, 6),
            (Kind.CLEAR, 0, 0, 0, 0, 0, 0),
        ]
    )

    Resolving(2, 1)(events)

    assert events["level"][1] == events["level"][2] != events["level"][0]
    assert events["level"][3:].tolist() == [NIL] * 5


def test_a_coarser_increment_puts_more_prices_into_a_page():
    prices = [100 * k for k in range(8)]

    assert levels_of(*prices, increments=100) == (list(range(8)), 1)
    assert levels_of(*prices, increments=1)[1] == 8
    assert levels_of(*prices, increments=np.array([100, 1]))[1] == 1
    assert levels_of(*prices, symbol=1, increments=np.array([100, 1]))[1] == 8


def test_a_price_off_the_increment_makes_it_finer_from_there_on():
    known = Resolving(1, 100)
    events = events_of(
        [(Kind.ADD, k, 0, 0, 0, p, 1) for k, p in enumerate((200, 300, 350, 351), 1)]
    )
    found = []
    for one in np.split(events, 4):
        known(one)
        found.append((int(known._resolver.bounds[0]["increment"]), int(one["level"][0]) % 8))

    assert found == [(100, 2), (100, 3), (50, 7), (1, 351 % 8)]


@pytest.mark.parametrize("price", [0, -600, PRICE_MAX, PRICE_MAX + 5, 1 << 61, -(1 << 61)])
@pytest.mark.parametrize("side", [0, 1])
def test_a_price_out_of_the_usual_bounds_has_a_level_all_the_same(price, side):
    levels, pages = levels_of(price, price, side=side)

    assert levels[0] == levels[1]
    assert 0 <= levels[0] < 8 * pages == 8


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=5))
def test_expected_increments_are_what_symbols_begin_with(steps):
    bounds = np.zeros(len(steps), BOUNDS)

    expect_increments(bounds, np.array(steps, np.int64))

    assert bounds["increment"].tolist() == steps
    for record, step in zip(bounds, [max(1, step) for step in steps], strict=True):
        odd = step >> int(record["twos"])
        assert odd % 2 == 1
        assert odd << int(record["twos"]) == step
        assert int(record["inverse"]) * odd % (1 << 64) == 1
        assert record["top"] == PRICE_MAX // step * step


def test_pages_that_run_out_are_doubled_and_keep_their_numbers(monkeypatch):
    monkeypatch.setattr(importing, "_INDEXED", 1)
    rows = [(Kind.ADD, k, 0, 0, k % 2, 8 * (k // 4), k) for k in range(1, 501)]
    events, whole = events_of(rows), events_of(rows)
    resolving = Resolving(1, 1)

    for start in range(0, len(events), 7):
        resolving(events[start : start + 7])

    monkeypatch.undo()
    Resolving(1, 1)(whole)
    assert events["level"].tolist() == whole["level"].tolist()
    assert resolving.level_pages == len(set(zip(events["side"], events["price"], strict=True)))
