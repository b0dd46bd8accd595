"""Shipped rules in markets made for them: each does what its theory says."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmjit
from mmjit.backtesting import backtest, start_backtest
from mmjit.core.codes import ASK, BID, Flag, Kind
from mmjit.core.desk import best, is_two_sided, passive, qty_at_best, qty_at_levels, want
from mmjit.core.rules import parameters, strategy
from mmjit.feeds.lobster import import_lobster
from mmjit.rulebook import SHIPPED
from tests import builders as b
from tests.backtests import lines_of, messages, tape_of

SECOND = 1_000_000_000
Quotes = dict[int, dict[int, int]]


def open_quotes(rule: Any, events: list[Any], **params: Any) -> Quotes:
    """Price and lots of our orders of each side after a tape."""
    run = start_backtest(tape_of(*events), strategy=rule, params=params).advance()
    quotes: Quotes = {BID: {}, ASK: {}}
    for side in (BID, ASK):
        for order in run.session.desk.bundle.own[0, side]:
            if order["left_lots"] > 0:
                quotes[side][int(order["price"])] = int(order["left_lots"])
    return quotes


def prices(quotes: Quotes) -> tuple[int, int]:
    """The one bid and the one offer."""
    (bid,), (ask,) = quotes[BID], quotes[ASK]
    return bid, ask


def walk(mids: list[int], half: int = 20, step_s: float = 1.0, lots: int = 10) -> list[Any]:
    """A market of one order a side around mids, both moved in one message, a step apart."""
    pair = [b.add(1, BID, mids[0] - half, lots), b.add(2, ASK, mids[0] + half, lots)]
    events = [pair]
    for place, (before, mid) in enumerate(pairwise(mids)):
        first = 2 * place + 1
        bid = b.replace(first, first + 2, mid - half, lots)
        ask = b.replace(first + 1, first + 3, mid + half, lots)
        events.append([ask, bid] if mid > before else [bid, ask])
    for place, pair in enumerate(events):
        for one in pair:
            one["venue_ns"] = one["local_ns"] = SECOND + int(place * step_s * SECOND)
        pair[1]["flags"] |= Flag.LAST
    return [one for pair in events for one in pair]


def then(events: list[Any], *more: Any) -> list[Any]:
    """More messages, a nanosecond apart, at the end."""
    last = int(events[-1]["venue_ns"][0])
    for place, one in enumerate(more):
        one["venue_ns"] = one["local_ns"] = last + 1 + place
        one["flags"] |= Flag.LAST
    return [*events, *more]


def book(*events: Any) -> list[Any]:
    return messages(*events)


ROUND_A_MID = [
    *("skewed", "adaptive-spread", "mean-reversion", "momentum"),
    *("imbalance", "micro-price", "order-flow", "grid"),
]
SKEWS = {name: {"skew_ticks": 2.0} for name in ROUND_A_MID} | {
    "adaptive-spread": {"position_full_lots": 5, "half_min_ticks": 5.0}
}


# ---- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROUND_A_MID)
def test_a_rule_round_a_mid_skews_against_what_it_holds(name):
    flat, still = walk([1000, 1000]), b.trade(1000, 0)
    given = SKEWS[name] | {"qty_lots": 5}
    before = open_quotes(name, flat, **given)

    long = open_quotes(name, then(flat, b.trade(900, 5), still), **given)
    short = open_quotes(name, then(walk([1000, 1000]), b.trade(1100, 5), b.trade(1000, 0)), **given)

    for side in (BID, ASK):
        assert max(long[side]) < max(before[side]) < max(short[side])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rule_wants_nothing_of_a_market_with_one_side(name):
    one_sided = open_quotes(name, book(b.add(1, BID, 99, 10)))
    emptied = book(b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10), b.delete(2), b.trade(99, 0))

    assert one_sided == {BID: {}, ASK: {}}
    assert open_quotes(name, emptied) == {BID: {}, ASK: {}}


LITERATURE = ("avellaneda-stoikov", "avellaneda-stoikov-infinite", "glft", "cartea-jaimungal")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rule_never_takes(name, flow_tape):
    given = {"qty_lots": 2}
    if name == "adaptive-spread":
        given |= {"half_max_ticks": 1}  # the flow begins with a book that is nearly empty
    if name in LITERATURE:
        given |= {"fill_decay": 30.0}
    if name == "avellaneda-stoikov":
        given |= {"gamma": 1e-9}
    if name == "avellaneda-stoikov-infinite":
        given |= {"gamma": 100.0}
    result = backtest(flow_tape, strategy=name, params=given, progress=False)

    assert len(result.fills) >= 5
    assert np.all(result.fills["maker"] == 1)
    assert result.summary()["refused"].keys() <= {"price_out_of_range"}


@pytest.fixture(scope="module")
def flow_tape(tmp_path_factory):
    out = tmp_path_factory.mktemp("flow") / "tape"
    return mmjit.simulate("cst", out, events=8000, seed=5, progress=False)


# ---- adaptive spread ----------------------------------------------------------------------------


def test_the_adaptive_spread_widens_with_volatility_and_narrows_again():
    def spread(mids: list[int]) -> int:
        bid, ask = prices(open_quotes("adaptive-spread", walk(mids), spread_factor=0.1))
        return ask - bid

    quiet, lively, wild = ([1000, 1000 + k] * 10 for k in (0, 4, 16))

    assert spread(quiet) == 8  # a tenth of the market's on either side
    assert spread(quiet) < spread(lively) < spread(wild)
    assert spread(wild + [1016] * 600 + [1017]) < spread(lively)


def test_the_adaptive_spread_widens_with_that_of_the_market():
    for half in (2, 20, 50):
        flat = walk([1000, 1000], half=half)
        assert prices(open_quotes("adaptive-spread", flat)) == (1000 - half, 1000 + half)


# ---- mean reversion and momentum ----------------------------------------------------------------

RISEN = [999, 1001] * 30 + [1008, 1009] * 2 + [1008]
FALLEN = [1007, 1009] * 30 + [1000, 999] * 2 + [1000]
CALM = {"deviation_stop": 99.0, "half_spread_ticks": 2.0}


def test_mean_reversion_leans_back_to_the_mean():
    bid, ask = prices(open_quotes("mean-reversion", walk(RISEN), **CALM))
    assert (bid + ask) / 2 < 1008
    bid, ask = prices(open_quotes("mean-reversion", walk(FALLEN), **CALM))
    assert (bid + ask) / 2 > 1000


def test_mean_reversion_leaves_a_small_deviation_alone():
    quotes = open_quotes("mean-reversion", walk(RISEN), **CALM | {"deviation_min": 98.0})

    assert prices(quotes) == (1006, 1010)


@pytest.mark.parametrize("name", ["mean-reversion", "momentum"])
def test_the_side_that_is_run_over_is_pulled(name):
    up = open_quotes(name, walk([999, 1001] * 30 + [1010, 1020, 1030]))
    down = open_quotes(name, walk([1019, 1021] * 30 + [1010, 1000, 990]))

    assert len(up[BID]) == len(down[ASK]) == 1
    assert up[ASK] == down[BID] == {}


def test_momentum_leans_with_the_move():
    lively = {"threshold_ticks": 99.0, "weight": 1.0, "half_spread_ticks": 2.0}

    bid, ask = prices(open_quotes("momentum", walk(RISEN), **lively))
    assert (bid + ask) / 2 > 1008
    bid, ask = prices(open_quotes("momentum", walk(FALLEN), **lively))
    assert (bid + ask) / 2 < 1000


def test_momentum_stays_away_until_it_has_cooled_down():
    mids = [1000, 1001] * 5 + [1010, 1011] * 6
    slow, last, back, expected = 1000.0, 1000, 0, []
    for second, mid in enumerate(mids):
        slow = (slow + last) / 2
        if mid - slow > 2:
            back = second + 3
        expected.append(int(second >= back))
        last = mid
    given = {"fast_half_life_s": 0.0, "slow_half_life_s": 1.0, "cool_down_s": 3.0}

    seconds = range(8, len(mids))
    offers = [len(open_quotes("momentum", walk(mids[: n + 1]), **given)[ASK]) for n in seconds]
    assert offers == expected[8:]
    assert 4 <= offers.count(0) < len(offers) - 4


# ---- signals of the book ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["imbalance", "micro-price"])
def test_quotes_lean_to_where_the_book_is_thin(name):
    def middle(bid_lots: int, ask_lots: int) -> float:
        events = book(b.add(1, BID, 1000, bid_lots), b.add(2, ASK, 1020, ask_lots))
        more = {"signal_ticks": 6.0} if name == "imbalance" else {"wide1": -4.0}
        return sum(prices(open_quotes(name, events, **more))) / 2

    assert middle(10, 90) < middle(50, 50) == 1010 < middle(90, 10)


def test_imbalance_counts_as_many_levels_as_it_is_told():
    events = book(
        *(b.add(1, BID, 1000, 50), b.add(2, BID, 999, 900)),
        *(b.add(3, ASK, 1020, 50), b.add(4, ASK, 1030, 100)),
    )

    def middle(levels: int) -> float:
        return sum(prices(open_quotes("imbalance", events, signal_ticks=5.0, levels=levels))) / 2

    assert middle(1) == 1010
    assert middle(2) > 1010


def test_a_standardised_imbalance_is_one_against_what_it_was():
    always = [b.add(1, BID, 1000, 90), b.add(2, ASK, 1020, 10)]
    steady = book(*always, *(b.trade(1010, 0) for _ in range(5)))
    signal = {"signal_ticks": 5.0, "half_life_s": 1e-7}

    assert sum(prices(open_quotes("imbalance", steady, **signal))) / 2 == 1010
    more = book(*always, b.add(3, BID, 1000, 50), b.reduce(3, 20), b.add(4, ASK, 1020, 900))
    assert max(open_quotes("imbalance", more, **signal)[BID]) < 1009


@pytest.mark.parametrize(
    ("one", "sign"),
    [
        *((b.add(3, BID, 1000, 20), 1), (b.reduce(1, 8), -1), (b.add(3, BID, 1001, 20), 1)),
        *((b.add(3, ASK, 1020, 20), -1), (b.reduce(2, 8), 1), (b.add(3, ASK, 1019, 20), -1)),
    ],
)
def test_quotes_lean_with_the_order_flow(one, sign):
    events = book(b.add(1, BID, 1000, 10), b.add(2, ASK, 1020, 10), one)
    quotes = open_quotes("order-flow", events, impact=8.0, half_spread_ticks=5.0)

    middle = (max(quotes[BID]) + min(quotes[ASK])) / 2
    assert (middle - 1010) * sign > 1


def test_order_flow_is_forgotten():
    events = walk([1000] * 40)
    grown = [events[0], b.add(99, BID, 980, 20), *events[1:]]
    grown[1]["venue_ns"] = grown[1]["local_ns"] = SECOND
    quotes = open_quotes("order-flow", grown, flow_half_life_s=1.0)

    assert prices(quotes) == (999, 1001)


# ---- grid, skew, queue --------------------------------------------------------------------------


def test_a_grid_has_its_levels_on_multiples_of_its_step():
    events = walk([1000, 1000])
    quotes = open_quotes("grid", events, levels=3, step_ticks=4, half_spread_ticks=2.0)

    assert sorted(quotes[BID]) == [988, 992, 996]
    assert sorted(quotes[ASK]) == [1004, 1008, 1012]


def test_when_the_mid_moves_by_a_step_one_order_a_side_leaves_and_one_comes():
    given = {"levels": 8, "step_ticks": 4, "half_spread_ticks": 2.0}
    run = start_backtest(tape_of(*walk([1000, 1004])), strategy="grid", params=given).advance()
    kinds = [step["kind"] for step in lines_of(run.orders)]

    assert kinds.count(Kind.NEW) == 16 + 2
    assert kinds.count(Kind.CANCEL) == 2


@pytest.mark.parametrize("name", ["grid", "skewed", "join-queue"])
def test_the_side_that_adds_is_cut_at_the_bound_of_the_position(name):
    given = {"qty_lots": 5, "position_max_lots": 7}
    flat = walk([1000, 1000], half=1)
    more = {"half_spread_ticks": 1.0} if name != "join-queue" else {}
    quotes = open_quotes(name, then(flat, b.trade(900, 5), b.trade(1000, 0)), **given, **more)

    assert set(quotes[BID].values()) == {2}
    assert set(quotes[ASK].values()) == {5}


def test_a_skew_is_bent_towards_its_bound():
    held = then(walk([1000, 1000]), b.trade(900, 5), b.trade(1000, 0))
    given = {"qty_lots": 5, "skew_ticks": 15.0}

    assert prices(open_quotes("skewed", held, **given)) == (984, 986)
    assert prices(open_quotes("skewed", held, **given, skew_max_ticks=3.0)) == (996, 999)


def touch(bid_lots: int = 50, ask_lots: int = 50) -> list[Any]:
    return [b.add(1, BID, 99, bid_lots), b.add(2, ASK, 100, ask_lots)]


def joined(*events: Any, **params: Any) -> tuple[set[int], set[int]]:
    """The prices at which join-queue stands."""
    given = {"queue_max_lots": 60, "front_lots": 5, "qty_lots": 10} | params
    quotes = open_quotes("join-queue", book(*events), **given)
    return set(quotes[BID]), set(quotes[ASK])


def test_short_queues_are_joined_and_long_ones_are_not():
    assert joined(*touch(50, 50)) == ({99}, {100})
    assert joined(*touch(50, 61)) == ({99}, set())


def test_a_thin_side_is_not_joined():
    assert joined(*touch(20, 50)) == (set(), {100})


def test_an_order_keeps_its_place_when_its_queue_grows():
    assert joined(*touch(), b.add(3, BID, 99, 500)) == ({99}, {100} - {100})
    assert joined(*touch(), b.add(3, BID, 99, 40)) == ({99}, {100})


def test_an_order_keeps_its_place_while_the_best_is_near():
    near = [*touch()[:1], b.add(2, ASK, 105, 50), b.add(3, BID, 100, 50)]
    far = [*touch()[:1], b.add(2, ASK, 105, 50), b.add(3, BID, 101, 50)]

    assert joined(*near)[0] == {99}
    assert joined(*far)[0] == {101}


def test_an_order_leaves_a_thin_side_but_for_one_near_the_front():
    thinned = [*touch(), b.reduce(1, 42)]  # 8 of 58

    assert joined(*thinned)[0] == set()
    assert joined(*thinned, front_lots=8)[0] == {99}


def test_an_order_leaves_a_price_where_nobody_else_is_left():
    assert joined(*touch(), b.add(3, BID, 98, 50), b.delete(1))[0] == {98}


# ---- the words they are written in --------------------------------------------------------------


@strategy(params=parameters(levels=1, side=0))
def measuring(desk, params, memory, quotes):
    """Want as many lots as the best levels hold."""
    want(quotes, BID, 0, 1, qty_at_levels(desk, params["side"], params["levels"]))


@given(
    st.dictionaries(st.integers(50, 60), st.integers(1, 99), min_size=1),
    st.sampled_from([BID, ASK]),
    st.integers(1, 12),
)
def test_the_lots_of_the_best_levels_are_summed(depth, side, levels):
    events = [b.add(n, side, price, lots) for n, (price, lots) in enumerate(depth.items(), 1)]
    for one in events[:-1]:
        one["flags"] = 0
    events[-1]["flags"] = int(Flag.LAST)
    steps = backtest(
        tape_of(*events), strategy=measuring, params={"levels": levels, "side": side}
    ).steps

    ranked = sorted(depth, reverse=side == BID)[:levels]
    assert steps["qty_lots"].tolist() == [sum(depth[price] for price in ranked)]


@strategy(params=parameters(qty_lots=3))
def comparing(desk, params, memory, quotes):
    """Stand at the best; ask for a level that there is none of where our own lots are counted."""
    if not is_two_sided(desk):
        return
    for side in (BID, ASK):
        want(quotes, side, 0, best(desk, side), params["qty_lots"])
        if qty_at_levels(desk, side, 1) != qty_at_best(desk, side):
            want(quotes, side, 99, 1, 1)


def test_in_a_book_that_we_share_our_own_lots_are_not_counted():
    played = mmjit.play("cst", strategy=comparing, events=2000, seed=1)

    summary = played.summary()
    assert summary["fills"] > 10
    assert "quote_unknown" not in summary["refused"]


@strategy(params=parameters(bid=1.0, ask=1.0))
def placing(desk, params, memory, quotes):
    """Want one lot a side at floats."""
    if is_two_sided(desk):
        want(quotes, BID, 0, passive(desk, BID, params["bid"]), 1)
        want(quotes, ASK, 0, passive(desk, ASK, params["ask"]), 1)


@given(st.floats(900, 1100), st.floats(0, 50), st.integers(1, 7))
def test_a_passive_price_is_on_the_tick_behind_its_float_and_takes_nothing(middle, half, tick):
    one = mmjit.Instrument(symbol="ONE", price_unit="0.01", tick_table=[(0, tick)], increment=1)
    events = book(b.add(1, BID, 990, 5), b.add(2, ASK, 1010, 5))
    for event in events[:1]:
        event["flags"] = 0
    given = {"bid": middle - half - 8, "ask": middle + half + 8}
    result = backtest(tape_of(*events, instruments=[one]), strategy=placing, params=given)

    bid, ask = (int(step["price"]) for step in result.steps)
    assert result.refused.sum() == 0
    assert bid % tick == ask % tick == 0
    assert bid == min(given["bid"], 1009) // tick * tick
    assert ask == -(-max(given["ask"], 991) // tick) * tick


@pytest.mark.parametrize("value", [4e18, -4e18])
def test_a_price_that_nothing_can_have_is_refused(value):
    events = book(b.add(1, BID, 990, 5), b.add(2, ASK, 1010, 5))
    result = backtest(tape_of(*events), strategy=placing, params={"bid": value, "ask": value})

    assert result.summary()["refused"].keys() == {"price_out_of_range"}
    assert len(result.fills) == 0


# ---- on a recorded day --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def amazon(data, tmp_path_factory):
    source = data / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    return import_lobster(source, tmp_path_factory.mktemp("recorded") / "tape")


@pytest.mark.data
@pytest.mark.compiled
@pytest.mark.parametrize("name", SHIPPED)
def test_a_rule_makes_and_never_takes_on_a_recorded_day(amazon, name):
    result = backtest(amazon, strategy=name, every="100ms", progress=False, max_position=1000)

    fills = result.fills
    assert len(fills) > 50
    assert np.all(fills["maker"] == 1)
    assert np.abs(fills["position_lots"]).max() <= 1000
    assert set(fills["side"].tolist()) == {BID, ASK}


# ---- in markets that respond --------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("model", ["cst", "santa-fe", "hawkes"])
def test_leaning_against_the_inventory_keeps_it_small_in_every_flow(model):
    """The deviation of the last position is smaller by more than two of its standard errors."""

    def deviation(strategy: str, **params: Any) -> tuple[float, float]:
        held = []
        for seed in range(1, 25):
            played = mmjit.play(
                model,
                strategy=strategy,
                params={"qty_lots": 1, **params},
                events=6_000,
                seed=seed,
                samples=1,
                progress=False,
            )
            held.append(float(played.tracker.position().qty))
        found = float(np.std(held, ddof=1))
        return found, found / np.sqrt(2 * (len(held) - 1))

    symmetric, error = deviation("skewed", skew_ticks=0.0)
    market = {"gamma": 0.05, "fill_decay": 1.0, "fill_rate": 1.0}
    for leaning, leaning_error in (
        deviation("skewed", skew_ticks=0.3),
        deviation("glft", **market),
    ):
        assert symmetric - leaning > 2 * np.hypot(error, leaning_error)
