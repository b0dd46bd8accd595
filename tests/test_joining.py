"""Several tapes in one run: merged by time, each with instruments of its own, on one account."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmjit
from mmjit import ASK, BID, Latency, best, is_two_sided, join_tapes, parameters, strategy, want
from mmjit.__main__ import main
from mmjit.core.codes import NIL, Flag
from mmjit.errors import ArgumentError, RunError, TapeError
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.partitioning import partition
from mmjit.replaying import replay
from mmjit.sessions import seen_of
from mmjit.simulating import simulate
from mmjit.tape import Tape, TapeWriter, digest_of
from tests import builders as b
from tests.backtests import messages, tape_of
from tests.naive_book import plain

SAME = ("venue_ns", "local_ns", "price", "qty_lots", "side", "maker", "position_lots", "fee_pico")


@strategy(params=parameters(qty_lots=1))
def at_best(desk, params, memory, quotes):
    """One lot at the best of each side."""
    if is_two_sided(desk):
        for side in (BID, ASK):
            want(quotes, side, 0, best(desk, side), params["qty_lots"])


def part_of(tape: Tape, symbol: int, folder: Path) -> Tape:
    """A tape of one symbol of a tape, as an importer would have made it."""
    events = tape.events[tape.events["symbol"] == symbol].copy()
    events["symbol"] = 0
    resolving = Resolving(1, tape.instruments[symbol].increment)
    resolving(events)
    with TapeWriter(folder) as writer:
        writer.append(events)
        return writer.commit(
            [tape.instruments[symbol]],
            messages=len(events),
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={"feed": "test"},
        )


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tape, list[Tape]]:
    """A tape of two symbols, and each of the two on a tape of its own."""
    folder = tmp_path_factory.mktemp("market")
    tape = simulate("santa-fe", folder / "whole", symbols=2, events=6000, seed=4, progress=False)
    return tape, [part_of(tape, symbol, folder / f"part{symbol}") for symbol in range(2)]


def run(tape: Any, **settings: Any) -> mmjit.Backtest:
    given = {"strategy": at_best, "progress": False, "every": "1ms"} | settings
    return mmjit.backtest(tape, **given)


def fills_of(result: mmjit.Backtest, symbol: int) -> dict[str, list[int]]:
    fills = result.fills[result.fills["symbol"] == symbol]
    return {name: fills[name].tolist() for name in SAME}


# ---- the merge ---------------------------------------------------------------------------------

events_drawn = st.lists(
    st.tuples(st.integers(0, 12), st.booleans()), max_size=12
)  # time, and whether it ends its message


def small_tape(rows: list[tuple[int, bool]], number: int) -> Tape:
    """A tape in memory, whose order ids say where each event stands."""
    events = [
        b.add(100 * number + place + 1, BID, 100 + place % 3, 1, venue_ns=ns, flags=int(last))
        for place, (ns, last) in enumerate(rows)
    ]
    made = tape_of(*(events or [b.trade(100, 1)]), instruments=[Instrument(symbol=f"S{number}")])
    made = replace(made, path=Path(f"tape{number}"))
    if not events:
        made = replace(made, events=made.events[:0], meta=made.meta | {"kinds": {}})
    return made


def merged(tapes: list[Tape]) -> list[int]:
    """The ids of the events in the order that a reader with a pencil would find."""
    keyed = []
    for number, tape in enumerate(tapes):
        latest, begins, key = -(1 << 63), True, 0
        for place, one in enumerate(tape.events):
            latest = max(latest, int(one["venue_ns"]))
            key = latest if begins else key
            begins = bool(one["flags"] & Flag.LAST)
            keyed.append((key, number, place, int(one["order_id"])))
    return [order_id for *_, order_id in sorted(keyed)]


@given(st.lists(events_drawn, min_size=1, max_size=4))
def test_tapes_are_merged_message_by_message_in_time(rows):
    tapes = [small_tape(one, number) for number, one in enumerate(rows)]

    joined = join_tapes(tapes, progress=False)

    assert joined.events["order_id"].tolist() == merged(tapes)
    assert joined.symbols == [tape.symbols[0] for tape in tapes]
    for number, tape in enumerate(tapes):
        ours = joined.events[joined.events["symbol"] == number]
        for name in ("venue_ns", "local_ns", "price", "qty_lots", "kind", "side", "flags"):
            assert ours[name].tolist() == tape.events[name].tolist()


def test_what_names_nothing_names_nothing_in_the_joined_tape_and_refusals_stay():
    known = small_tape([(1, True)], 0)
    odd = small_tape([(2, True), (3, True)], 1)
    odd.events["handle"][0] = 7  # out of range
    odd.events["level"][1] = -9  # a Status: why it was refused
    odd.events["symbol"][1] = 4

    events = join_tapes([known, odd], progress=False).events

    assert events["handle"].tolist()[1] == NIL
    assert events["level"].tolist()[2] == -9
    assert events["symbol"].tolist() == [0, 1, NIL]


def test_a_joined_tape_replays_as_its_parts_do(market):
    tape, parts = market

    joined = join_tapes(parts, progress=False)
    whole = replay(joined, progress=False)

    assert joined.meta["events_digest"] == digest_of(np.ascontiguousarray(joined.events))
    assert len(joined.events) == len(tape.events)
    assert not whole.counts.any()
    assert b.hash_of(whole.book) == b.hash_of(replay(tape, progress=False).book)
    for number, part in enumerate(parts):
        alone = replay(part, progress=False)
        both = whole.book.sides["order_count"][2 * number : 2 * number + 2]
        assert both.tolist() == alone.book.sides["order_count"].tolist()


def test_a_joined_tape_in_a_folder_is_as_that_in_memory(market, tmp_path):
    _, parts = market

    kept = join_tapes(parts, tmp_path / "both", progress=False)
    opened = mmjit.open_tape(tmp_path / "both")

    assert kept.events.tobytes() == join_tapes(parts, progress=False).events.tobytes()
    assert opened.origins == kept.origins
    assert [origin.symbols for origin in opened.origins] == [1, 1]
    assert opened.symbols == ["SIM0", "SIM1"]
    assert len(mmjit.depth(opened, symbol="SIM1", progress=False)) > 0
    assert partition(opened, tmp_path / "sorted", progress=False).is_by_symbol


# ---- runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", ["none", "200us"])
def test_a_run_on_two_tapes_is_the_run_on_the_tape_of_both(market, feed):
    tape, parts = market
    latency = Latency(feed=feed, entry="100us", response="100us")

    whole, joined = run(tape, latency=latency), run(parts, latency=latency)

    assert len(whole.fills) > 20
    for symbol in range(2):
        assert fills_of(joined, symbol) == fills_of(whole, symbol)
        assert plain(joined.positions[symbol]) == plain(whole.positions[symbol])


def test_each_tape_of_orders_is_seen_in_its_own_order_and_both_as_they_were_received():
    first, second = (
        tape_of(
            *messages(*(b.add(n + 1, BID, 100, 1) for n in range(4))),
            instruments=[Instrument(symbol=name)],
        )
        for name in "AB"
    )
    first.events["local_ns"] = [1500, 1005, 1010, 1600]  # it steps back: seen at 1500, too
    second.events["local_ns"] = [1001, 1400, 1550, 1551]

    joined = join_tapes([first, second], progress=False)
    seen = joined.events[seen_of(joined)]

    order = [("AB"[one["symbol"]], int(one["order_id"])) for one in seen]
    assert order == [
        *(("B", 1), ("B", 2), ("A", 1), ("A", 2), ("A", 3)),
        *(("B", 3), ("B", 4), ("A", 4)),
    ]


def test_orders_and_price_levels_in_one_run_fare_as_in_a_run_of_their_own():
    orders = tape_of(
        *messages(
            *(b.add(n + 1, n % 2, 99 + n % 2, 4) for n in range(6)),
            *(b.execute(n + 1, 4) for n in range(6)),
        ),
        instruments=[Instrument(symbol="ORDERS")],
    )
    levels = tape_of(
        *messages(
            b.level(BID, 50, 5), b.level(ASK, 51, 5),
            *(b.trade(50 + n % 2, 2, side=n % 2) for n in range(10)),
            b.level(BID, 50, 0), b.level(ASK, 51, 0), step_ns=7,
        ),
        instruments=[Instrument(symbol="LEVELS")],
    )  # fmt: skip

    joined = run([orders, levels], every="change", queue_model="risk_averse")

    for symbol, tape in enumerate((orders, levels)):
        alone = run(tape, every="change", queue_model="risk_averse")
        assert len(alone.fills) > 0
        assert fills_of(joined, symbol) == fills_of(alone, 0)
    assert joined.summary()["assumed"]["queue"] == "true and risk_averse"


@pytest.mark.compiled
def test_a_limit_of_the_account_holds_across_tapes(market):
    _, parts = market
    free = run(parts)
    bound = run(parts, limits=mmjit.Limits(max_open_orders=1))

    assert len(bound.fills) < len(free.fills)
    assert set(bound.summary()["refused"]) == {"max_open_orders"}


@pytest.mark.compiled
def test_a_run_on_two_tapes_is_saved_resumed_and_forked(market, tmp_path):
    _, parts = market
    whole = run(parts)
    first = mmjit.start_backtest(parts, strategy=at_best, every="1ms").advance(event=3000)

    first.save(tmp_path / "run.npz")
    resumed = mmjit.resume_backtest(tmp_path / "run.npz", parts, strategy=at_best)

    for other in (resumed, first.fork()):
        assert other.advance().finish().fills.tobytes() == whole.fills.tobytes()
    with pytest.raises((RunError, TapeError), match="another tape"):
        mmjit.resume_backtest(tmp_path / "run.npz", parts[::-1], strategy=at_best)


# ---- what is refused ---------------------------------------------------------------------------


def test_two_symbols_of_one_name_are_refused_until_one_is_renamed():
    one, two = small_tape([(1, True)], 0), small_tape([(2, True)], 0)
    two = replace(two, path=Path("other"))

    with pytest.raises(ArgumentError, match=r"'S0' is on tape0 and on other; .*renamed"):
        join_tapes([one, two])
    with pytest.raises(TapeError, match="symbol 'X' is not on"):
        two.renamed({"X": "Y"})
    assert join_tapes([one, two.renamed({"S0": "S9"})]).symbols == ["S0", "S9"]


def test_renaming_two_symbols_alike_is_refused(market):
    with pytest.raises(TapeError, match="two symbols 'SIM1'"):
        market[0].renamed({"SIM0": "SIM1"})


def test_no_tape_and_a_tape_by_symbol_are_refused(market, tmp_path):
    tape, _ = market
    by_symbol = partition(tape, tmp_path / "sorted", progress=False)

    with pytest.raises(ArgumentError, match="there is none"):
        join_tapes([])
    with pytest.raises(TapeError, match="sorted by symbol"):
        join_tapes([by_symbol])


@pytest.mark.parametrize(
    "damage",
    [
        {"by_level": 7},
        {"by_level": None},
        {"events": -1},
        {"events": "q"},
        {"events": 1},
        {"events_digest": 5},
        {"symbols": 2},
        {"window_levels": "x"},
        {"more": 1},
    ],
)
def test_a_damaged_word_of_what_was_joined_is_refused(market, tmp_path, damage):
    _, parts = market
    join_tapes(parts, tmp_path / "both", progress=False)
    place = tmp_path / "both" / "tape.json"
    meta = json.loads(place.read_text())
    meta["import"]["joined"][1] |= damage
    place.write_text(json.dumps(meta))

    with pytest.raises(TapeError, match=r"tape\.json is damaged"):
        mmjit.open_tape(tmp_path / "both")


def test_a_tape_that_cannot_be_opened_leaves_nothing(market, tmp_path):
    _, parts = market

    with pytest.raises(TapeError, match="is not a tape"):
        run([parts[0], tmp_path / "missing"], out=tmp_path / "out")
    with pytest.raises(TapeError, match="is not a tape"):
        join_tapes([parts[0], tmp_path / "missing"], tmp_path / "both")
    assert list(tmp_path.iterdir()) == []


def test_a_single_tape_is_joined_to_nothing(market):
    _, parts = market

    assert join_tapes(parts[:1]) is parts[0]
    assert run(parts[:1]).fills.tobytes() == run(parts[0]).fills.tobytes()


# ---- the command -------------------------------------------------------------------------------


def test_the_command_takes_several_tapes(market, tmp_path, capsys):
    _, parts = market
    places = [str(part.path) for part in parts]

    assert main(["backtest", *places, "--out", str(tmp_path / "out"), "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "out" / "run.json").read_text())
    assert list(said["symbols"]) == ["SIM0", "SIM1"]
    assert [one["events_digest"] for one in kept["tape"]["origins"]] == [
        part.meta["events_digest"] for part in parts
    ]
    assert main(["backtest", *places]) == 0
    assert "SIM1" in capsys.readouterr().out


# ---- recorded days -----------------------------------------------------------------------------


@pytest.mark.compiled
def test_two_recorded_days_in_one_run_fare_as_by_themselves(data, tmp_path):
    tapes = []
    for name in ("AMZN", "AAPL"):
        source = data / "lobster" / f"LOBSTER_SampleFile_{name}_2012-06-21_1.zip"
        tapes.append(mmjit.import_lobster([source], tmp_path / name, progress=False))

    joined = run(tapes, every="1s", strategy="pegged")

    assert np.all(np.diff(joined.tape.events["venue_ns"]) >= 0)
    for symbol, tape in enumerate(tapes):
        alone = run(tape, every="1s", strategy="pegged")
        assert len(alone.fills) > 100
        assert fills_of(joined, symbol) == fills_of(alone, 0)


@pytest.mark.compiled
def test_captured_markets_in_one_run_are_seen_as_they_were_received(data, tmp_path):
    tapes = []
    for name in ("btc", "eth"):
        source = data / "crypto" / f"usdm_{name}usdt_20240808.gz"
        tapes.append(mmjit.import_binance([source], tmp_path / name, progress=False))
    settings: dict[str, Any] = {
        "latency": Latency(feed="recorded", entry="5ms", response="5ms"),
        "queue_model": "power3",
        "every": "100ms",
    }

    joined = run(tapes, **settings)

    for symbol, tape in enumerate(tapes):
        alone = run(tape, **settings)
        assert len(alone.fills) > 10
        assert fills_of(joined, symbol) == fills_of(alone, 0)
