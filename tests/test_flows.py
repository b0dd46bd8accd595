"""The order flows: against a naive twin, in their symmetries, and in what was published of them."""

import hashlib
import math
from itertools import pairwise

import numpy as np
import pytest

from mmjit.core.bound import Bound
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, TimeInForce
from mmjit.core.jit import COMPILED
from mmjit.core.records import COMMAND, EVENT
from mmjit.core.venue import apply_command, submit_all
from mmjit.models import feed
from mmjit.models.feed import runner
from mmjit.models.flow import SPAN_NS, next_command, next_symbol
from mmjit.simulating import simulate, simulation
from tests.builders import assert_audited, door
from tests.flows import TIMES, but_for, run, seen_on, venue_for
from tests.naive_flow import NaiveFlow
from tests.naive_tape import naive_books

MODELS = ("cst", "santa-fe", "hawkes")
THIN = {"depth": 2, "alpha": 0.3, "delta": 0.05, "mu": 2.0}  # a Santa Fe whose sides run empty
FEW = 2000 if COMPILED else 300
ERRORS = 4  # standard errors that a measured mean may be off


@door
def command_now(flow, venue, commands):
    """One step of whichever symbol is next; -1 if nothing happens, else what the venue said."""
    symbol = next_symbol(flow)
    if next_command(flow, venue.book, symbol, commands[0]):
        return apply_command(venue, commands, 0)[0]
    return -1


# ---- the twin -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, -7])
@pytest.mark.parametrize(
    ("model", "params"), [(m, {}) for m in MODELS] + [("santa-fe", THIN)], ids=str
)
def test_the_flow_does_what_its_naive_twin_does(model, params, seed):
    done = run(model, FEW, seed=seed, **params)
    twin = NaiveFlow(done.simulation.plan, seed, int(done.simulation.flow.rates["start_ns"][0]))

    wanted = twin.events(FEW)

    fields = ["kind", "order_id", "side", "price", "qty_lots"]
    assert done.events[fields].tolist() == [tuple(map(int, seen)) for _, seen in wanted]
    times = np.array([now for now, _ in wanted])
    assert np.abs(done.events["venue_ns"] - times).max() <= 1  # ours is another logarithm
    assert done.simulation.flow.streams[0]["market_count"] == twin.market_count


def test_the_flow_remembers_no_more_orders_than_rest_and_were_lately_filled():
    done = run("cst", 5 * FEW)

    stream = done.simulation.flow.streams[0]
    resting = done.venue.book.sides["order_count"].sum()
    assert resting <= stream["live_count"] <= resting + 20
    assert stream["dropped_count"] == 0
    assert_audited(done.venue.book)


# ---- symmetries: these hold to the last byte ------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_makes_the_same_bytes_whatever_the_pieces(model):
    whole = run(model, 500, symbols=3, seed=8)
    made = simulation(model, symbols=3, seed=8)
    venue, pieces = venue_for(made), []
    for length in (1, 99, 0, 250, 150):
        pieces.append(np.zeros(length, EVENT))
        assert runner(made.flow, venue)(pieces[-1]) == length

    assert np.concatenate(pieces).tobytes() == whole.events.tobytes()


@pytest.mark.parametrize("model", MODELS)
def test_another_seed_makes_another_flow(model):
    assert run(model, 50, seed=1).events.tobytes() != run(model, 50, seed=2).events.tobytes()


GOLDEN = {
    "cst": "0dd07aab222d9598187136d50d3e440f",
    "santa-fe": "153b2bb7cab79e1b67301bc73bf2f2b2",
    "hawkes": "f2c179fcc1ae8384080d0cce50a6e8e4",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_flow_has_the_same_bytes_on_every_machine_compiled_or_not(model):
    """If this fails after a change of the flow, tapes of the same seed are no longer the same."""
    events = run(model, 600, symbols=3, seed=2026).events

    assert hashlib.blake2b(events.tobytes(), digest_size=16).hexdigest() == GOLDEN[model]


@pytest.mark.parametrize("model", MODELS)
def test_one_symbol_more_changes_nothing_in_the_others(model):
    two, three = run(model, 400, symbols=2), run(model, 1200, symbols=3)

    for symbol in (0, 1):
        few, many = (but_for(r.of_symbol(symbol), "other_id") for r in (two, three))
        length = min(len(few), len(many))
        assert length > 100
        assert np.array_equal(few[:length], many[:length])


def test_events_of_all_symbols_come_in_the_order_of_time():
    done = run("cst", FEW, symbols=13)

    assert np.all(np.diff(done.events["venue_ns"]) >= 0)
    assert set(done.events["symbol"]) == set(range(13))


@pytest.mark.parametrize(
    ("model", "rates"),
    [
        ("santa-fe", ("mu", "alpha", "delta")),
        ("hawkes", ("mu", "alpha", "beta", "limit_rate", "cancel_rate")),
        (
            "cst",
            ("mu", "tail", *(f"{name}{i}" for name in ("lambda", "theta") for i in range(1, 6))),
        ),
    ],
)
def test_every_rate_times_c_makes_the_same_events_c_times_as_fast(model, rates):
    plain = run(model, FEW)
    values = plain.simulation.values
    fast = run(model, FEW, **{name: 4.0 * values[name] for name in rates})
    speeded = run(model, FEW, speed=4.0)

    assert np.array_equal(but_for(fast.events, *TIMES), but_for(plain.events, *TIMES))
    start = int(plain.simulation.flow.rates["start_ns"][0])
    slow = plain.events["venue_ns"] - start
    for times in (fast.events["venue_ns"] - start, speeded.events["venue_ns"] - start):
        assert np.all((4 * times <= slow) & (slow < 4 * times + 4))  # but for what is below 1 ns


@pytest.mark.parametrize("model", MODELS)
def test_the_order_size_times_k_makes_the_same_events_with_k_times_the_lots(model):
    one, seven = run(model, FEW), run(model, FEW, order_lots=7)

    assert np.array_equal(7 * one.events["qty_lots"], seven.events["qty_lots"])
    assert np.array_equal(but_for(one.events, "qty_lots"), but_for(seven.events, "qty_lots"))


@pytest.mark.parametrize("model", MODELS)
def test_the_tick_times_k_makes_the_same_events_at_k_times_the_prices(model):
    one = run(model, FEW)
    values = one.simulation.values
    many = run(model, FEW, tick=25 * values["tick"], start_price=25 * values["start_price"])

    assert np.array_equal(25 * one.events["price"], many.events["price"])
    assert np.array_equal(but_for(one.events, "price"), but_for(many.events, "price"))


# ---- prices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("cst", {"start_price": 100}),
        ("santa-fe", {"start_price": 1}),
        ("santa-fe", {**THIN, "start_price": 1}),
        ("hawkes", {"start_price": 1, "alpha": 1.1}),
    ],
    ids=str,
)
def test_no_price_is_below_a_tick_and_no_book_is_crossed_or_locked(model, params):
    done = run(model, 2 * FEW, seed=4, **params)

    tick = done.simulation.plan.tick
    assert done.events["price"].min() == tick
    assert done.simulation.flow.streams[0]["dropped_count"] > 0
    book = naive_books(done.events[:0])[0]
    for event in done.events:
        book.apply(event)
        bids, asks = (book.best(side, 1) for side in (BID, ASK))
        assert not (bids and asks) or bids[0][0] < asks[0][0]
    assert not book.counts


def test_while_a_side_is_empty_its_last_best_price_stands_for_it():
    """At first that is the start price for bids, and a tick more for asks."""
    events = run("santa-fe", FEW, **THIN, start_price=50, seed=6).events
    book, last, checked = naive_books(events[:0])[0], [50, 51], 0
    for event in events:
        bests = [book.best(side, 1) for side in (BID, ASK)]
        last = [bests[side][0][0] if bests[side] else last[side] for side in (BID, ASK)]
        if event["kind"] == Kind.ADD:
            side, away = int(event["side"]), 2 * event["side"] - 1
            assert (event["price"] - last[1 - side]) * away in (1, 2)  # depth is 2
            checked += not bests[1 - side]
        book.apply(event)
    assert checked > FEW / 20


def test_no_price_is_above_the_highest_of_the_symbol():
    made = simulation("santa-fe", params={"start_price": 10, "depth": 30})
    venue = venue_for(made)
    venue.book.symbols["price_max"] = 20
    events = np.zeros(FEW, EVENT)

    assert runner(made.flow, venue)(events) == FEW
    assert events["price"].max() <= 20


def test_a_flow_without_room_for_an_order_goes_on_without_it():
    made = simulation("santa-fe")
    tight = made.flow._replace(live=np.zeros((1, 5), np.int64))
    venue, events = venue_for(made), np.zeros(FEW, EVENT)

    assert runner(tight, venue)(events) == FEW
    assert tight.streams[0]["dropped_count"] > 0
    assert venue.book.sides["order_count"].sum() <= 5


def test_a_flow_of_which_nothing_is_seen_is_given_up(monkeypatch):
    made = simulation("cst")
    made.flow.rates["arrival"] = 1e-300  # nothing but market orders from the second step on
    silence = 10_000_000 if COMPILED else 1000
    monkeypatch.setattr(feed, "SILENCE_MAX", silence)  # compiled code has its own

    assert runner(made.flow, venue_for(made))(np.zeros(3, EVENT)) == 0
    assert made.flow.streams[0]["market_count"] >= silence - 1


def test_a_flow_stops_at_the_end_of_time():
    made = simulation("cst", params={"speed": 1e-6})
    made.flow.streams["time"] = 1.0
    venue, events = venue_for(made), np.zeros(100_000, EVENT)

    written = runner(made.flow, venue)(events)

    start = int(made.flow.rates["start_ns"][0])
    assert 0 < written < len(events)
    assert events["venue_ns"].max() < start + SPAN_NS
    assert made.flow.streams[0]["next_ns"] == start + SPAN_NS


# ---- other traders in the same book ---------------------------------------------------------


def maker_order(venue, order_id, side, price, now_ns):
    """An order of account 0."""
    command = np.zeros(1, COMMAND)
    command["kind"], command["flags"], command["tif"] = Kind.NEW, Flag.LAST, TimeInForce.GTC
    command["order_id"], command["side"], command["price"] = order_id, side, price
    command["qty_lots"], command["venue_ns"] = 1, now_ns
    statuses = np.zeros(1, np.int64)
    assert submit_all(Bound(venue), command, 0, statuses) == 1
    return statuses[0]


def test_the_flow_trades_with_others_and_cancels_only_what_is_its_own():
    made = simulation("hawkes", params={"depth": 5})
    venue, commands = venue_for(made), np.zeros(1, COMMAND)
    venue.ledger.terms["qty_lots_max"] = venue.ledger.terms["points_max"] = 1 << 40
    mine, own_id = set(), 1 << 50
    for _ in range(4 * FEW):
        before = int(venue.control[0]["trade_head"])
        if command_now(made.flow, venue, commands) >= 0:
            assert commands[0]["owner"] == NIL
            if commands[0]["kind"] == Kind.CANCEL:
                assert int(commands[0]["order_id"]) not in mine
        traded = int(venue.control[0]["trade_head"]) > before
        venue.control["trade_tail"] = venue.control["trade_head"]
        venue.control["fill_tail"] = venue.control["fill_head"]
        best = [made.flow.streams[0][f"reference_{side}"] for side in ("bid", "ask")]
        if traded and best[ASK] - best[BID] > 1:
            own_id += 1
            mine.add(own_id)
            side = own_id & 1
            maker_order(venue, own_id, side, best[side] + (1 - 2 * side), commands[0]["venue_ns"])

    assert venue.ledger.positions["fill_count"][0] > 10
    assert_audited(venue.book)


# ---- published moments ----------------------------------------------------------------------

compiled = pytest.mark.compiled


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A long run of the model of Cont, Stoikov and Talreja, after its beginning."""
    if not COMPILED:
        pytest.skip("two million events are too many with the JIT off")
    path = tmp_path_factory.mktemp("cst") / "tape"
    return seen_on(simulate("cst", path, events=2_000_000, progress=False), levels=12, burn=2000)


@compiled
def test_realised_volatility_over_370_trades_is_as_published(published):
    """Square root of the sum of squared log-returns of the mid, all its changes counted.

    A run is 370 trades, taken as though it began at the paper's price of 74,300 (743 ticks).
    """
    mid = published.mid
    trades = np.cumsum(published.kind == Kind.EXECUTE)
    edges = np.searchsorted(trades, np.arange(0, trades[-1], 370))
    runs = [mid[a : b + 1] - mid[a] + 743 for a, b in pairwise(edges)]
    measured = np.array([math.sqrt((np.diff(np.log(one)) ** 2).sum()) for one in runs])

    error = measured.std(ddof=1) / math.sqrt(len(measured))
    assert len(measured) > 150
    assert error < 0.0002
    assert abs(measured.mean() - 0.0228) < ERRORS * math.hypot(error, 0.0003)  # the paper's model
    assert abs(measured.mean() - 0.0223) < ERRORS * math.hypot(error, 0.0002)  # another simulator
    assert abs(measured.std(ddof=1) - 0.0017) < ERRORS * 0.0017 / math.sqrt(2 * len(measured))


@compiled
def test_the_book_is_deepest_two_ticks_from_the_other_sides_best(published):
    profile = published.profile(12)

    assert np.argmax(profile) == 1
    assert profile[1] > 1.02 * max(profile[0], profile[2])
    assert np.all(np.diff(profile[5:]) < 0)


@compiled
def test_the_mean_spread_is_about_1_35_ticks(published):
    spread = published.ask[:, 0] - published.bid[:, 0]
    blocks = [
        np.average(s, weights=w)
        for s, w in zip(
            np.array_split(spread, 50), np.array_split(published.seconds, 50), strict=True
        )
    ]

    error = np.std(blocks, ddof=1) / math.sqrt(50)
    assert error < 0.004
    assert abs(np.mean(blocks) - 1.35) < 0.005 + ERRORS * error  # published to two decimals


@compiled
def test_arrivals_come_at_the_published_rate_of_their_distance(published):
    minutes = published.seconds.sum() / 60
    rates = [1.85, 1.51, 1.09, 0.88, 0.77, *(1.92 / i**0.52 for i in range(6, 21))]
    for distance, rate in enumerate(rates, 1):
        count = np.count_nonzero((published.kind == Kind.ADD) & (published.away == distance))
        assert abs(count - 2 * rate * minutes) < ERRORS * math.sqrt(2 * rate * minutes)


@compiled
def test_orders_are_cancelled_at_the_published_rate_of_their_distance(published):
    minutes = published.seconds.sum() / 60
    resting = 2 * published.profile(10) * minutes  # minutes of orders
    rates = [0.71, 0.81, 0.68, 0.56, *[0.47] * 6]
    for distance, rate in enumerate(rates, 1):
        count = np.count_nonzero((published.kind == Kind.DELETE) & (published.away == distance))
        wanted = rate * resting[distance - 1]
        assert abs(count - wanted) < ERRORS * math.sqrt(wanted)


@compiled
def test_market_orders_come_at_the_published_rate_of_each_side(published):
    minutes = published.seconds.sum() / 60
    for side in (BID, ASK):
        count = np.count_nonzero((published.kind == Kind.EXECUTE) & (published.side == side))
        assert abs(count - 0.94 * minutes) < ERRORS * math.sqrt(0.94 * minutes)


@compiled
def test_orders_of_the_zero_intelligence_book_come_and_go_at_its_rates():
    events = run("santa-fe", 1_000_000).events
    change = np.where(events["kind"] == Kind.ADD, 1, -1)
    resting = np.cumsum(change)[50_000:-1]
    seconds = np.diff(events["venue_ns"][50_000:]) / 1e9
    kinds, total = events["kind"][50_001:], seconds.sum()

    cancels = 0.02 * np.average(resting, weights=seconds)
    for kind, rate in ((Kind.ADD, 10.0), (Kind.EXECUTE, 1.0), (Kind.DELETE, cancels)):
        count = np.count_nonzero(kinds == kind)
        assert abs(count - rate * total) < ERRORS * math.sqrt(rate * total)


def hawkes_variance(mu, alpha, beta, seconds):
    """Of the count of a stationary Hawkes process over a time."""
    rate, kappa = mu / (1 - alpha / beta), beta - alpha
    c = rate * alpha * (2 * beta - alpha) / (2 * kappa)
    return rate * seconds + 2 * c * (seconds / kappa - (1 - math.exp(-kappa * seconds)) / kappa**2)


@compiled
def test_self_exciting_market_orders_have_the_rate_and_the_fano_factor_of_the_formula():
    seconds, rate = 100, 1.5
    fano = hawkes_variance(0.5, 0.8, 1.2, seconds) / (rate * seconds)
    assert round(fano, 1) == 8.8

    events = run("hawkes", 4_000_000, limit_rate=0.25, seed=5).events
    times = (events["venue_ns"][events["kind"] == Kind.EXECUTE] - events["venue_ns"][0]) // 10**9
    counts = np.bincount(times[times >= 1000] // seconds)[10:-1]
    squares = (counts - rate * seconds) ** 2 / (rate * seconds)

    assert len(counts) > 1500
    rate_error = math.sqrt(fano * rate / seconds / len(counts))
    assert abs(counts.mean() / seconds - rate) < ERRORS * rate_error
    blocks = [block.mean() for block in np.array_split(squares, 30)]
    error = np.std(blocks, ddof=1) / math.sqrt(30)
    assert error < 0.5
    assert abs(squares.mean() - fano) < ERRORS * error


@compiled
def test_market_orders_of_the_zero_intelligence_book_do_not_excite_each_other():
    """The control of the test above: a Fano factor of 1."""
    events = run("hawkes", 1_000_000, limit_rate=0.25, mu=1.5, alpha=0, seed=5).events
    times = (events["venue_ns"][events["kind"] == Kind.EXECUTE] - events["venue_ns"][0]) // 10**9
    counts = np.bincount(times // 100)[:-1]

    squares = (counts - 150) ** 2 / 150
    assert abs(squares.mean() - 1) < ERRORS * math.sqrt(2 / len(counts)) + 0.01
