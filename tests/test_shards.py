"""Tapes sorted by symbol, and replays in shards, against the replay of the tape as it is."""

import time

import numpy as np
import pytest

import mmjit
from mmjit import partitioning, sharding
from mmjit.core.codes import Flag, Kind, Status
from mmjit.core.records import EVENT
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.tape import TapeWriter
from tests import builders as b
from tests.builders import add, delete, event, execute, stream

SYMBOLS = 7
LEVELS_ONLY = 6  # the symbol of an L2 feed among the others

KINDS = [Kind.ADD, Kind.REDUCE, Kind.DELETE, Kind.REPLACE, Kind.EXECUTE, Kind.TRADE, Kind.CLEAR]
USUAL = [0.45, 0.1, 0.15, 0.1, 0.17, 0.02, 0.01]


def tape_of(path, events, symbols=SYMBOLS):
    """The tape that an importer makes of events."""
    resolving = Resolving(symbols)
    with TapeWriter(path) as writer:
        for start in range(0, len(events), 700):
            piece = events[start : start + 700].copy()
            resolving(piece)
            writer.append(piece)
        return writer.commit(
            [resolving.bounded(n, Instrument(symbol=f"S{n}")) for n in range(symbols)],
            messages=len(events),
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={"feed": "test"},
        )


def dirty_events(seed, count=3_000):
    """Few ids for many symbols, so that they are duplicate, unknown and of others all the time."""
    random = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["kind"] = random.choice(KINDS, count, p=USUAL)
    events["symbol"] = random.choice(LEVELS_ONLY, count, p=[0.5, 0.2, 0.1, 0.1, 0.1, 0])
    events["order_id"] = random.integers(0, 250, count)
    events["other_id"] = random.integers(0, 250, count)
    events["side"] = random.integers(0, 2, count)
    events["price"] = 100 + random.integers(-8, 9, count)
    events["qty_lots"] = random.integers(0, 9, count)
    events["flags"] = random.choice([0, Flag.LAST, Flag.LAST, Flag.LAST | Flag.OWN_PRICE], count)
    events["venue_ns"] = np.arange(count) * 10 + random.integers(-20, 20, count)
    of_levels = random.random(count) < 0.1
    events["kind"][of_levels] = Kind.LEVEL
    events["symbol"][of_levels] = LEVELS_ONLY
    events["price"][of_levels] %= 2  # few, as room for levels is made for orders only
    events["symbol"][random.random(count) < 0.02] = SYMBOLS + 2
    events["symbol"][random.random(count) < 0.02] = -3
    return events


@pytest.fixture(scope="module", params=range(3))
def tape(request, tmp_path_factory):
    return tape_of(tmp_path_factory.mktemp("shards") / "tape", dirty_events(request.param))


def assert_same(done, whole):
    """All that does not depend on the order of the events of different symbols."""
    assert done.state_hash == whole.state_hash
    assert np.array_equal(done.counts, whole.counts)
    assert done.anomalies == whole.anomalies
    assert done.tally["event_count"] == whole.tally["event_count"]
    changing = {"seconds", "ns_per_event", "shards"}
    facts, wanted = done.facts(), whole.facts()
    assert {k: v for k, v in facts.items() if k not in changing} == {
        k: v for k, v in wanted.items() if k not in changing
    }
    assert list(facts["books"]) == list(wanted["books"])
    sides = [done_side(done, number) for number in range(2 * len(done.tape.instruments))]
    assert sides == [done_side(whole, number) for number in range(2 * len(done.tape.instruments))]


def done_side(done, owner):
    """What is counted of one side, and the last trade of its symbol."""
    part = next(p for p in done.parts if p.first <= owner // 2 < p.stop)
    side, symbol = part.book.sides[owner], part.book.symbols[owner // 2]
    names = ("last_price", "last_qty_lots", "last_ns", "traded_lots")
    executed = b.executed_of(part.book, owner)
    return (executed, int(side["order_count"]), *(int(symbol[name]) for name in names))


def test_the_streams_here_are_dirty(tape):
    whole = mmjit.replay(tape, progress=False)

    for status in (
        *(Status.ORDER_ID_DUPLICATE, Status.ORDER_ID_UNKNOWN, Status.ORDER_OF_OTHER_SYMBOL),
        *(Status.SYMBOL_UNKNOWN, Status.OVER_EXECUTION, Status.OVER_REDUCTION),
    ):
        assert whole.counts[-status] > 0, status
    assert whole.tally["time_reversed"] > 0
    assert whole.tally["crossed"] > 0
    assert whole.book.sides["level_count"][2 * LEVELS_ONLY] > 0


@pytest.mark.parametrize("shards", [1, 2, 3, SYMBOLS, 50])
def test_shards_leave_the_same_books_and_count_the_same_as_one_replay(tape, shards):
    done = mmjit.replay_shards(tape, shards, progress=False)

    assert_same(done, mmjit.replay(tape, progress=False))
    assert 1 <= len(done.shards) <= min(shards, SYMBOLS)
    assert sum(shard["events"] for shard in done.facts()["shards"]) == len(tape.events)
    done.audit()


def test_a_tape_by_symbol_is_replayed_to_the_same_books(tape):
    by_symbol = mmjit.partition(tape, progress=False)

    assert_same(mmjit.replay(by_symbol, progress=False), mmjit.replay(tape, progress=False))


def test_a_tape_by_symbol_has_the_same_depth(tape):
    by_symbol = mmjit.partition(tape, progress=False)

    for symbol in tape.symbols:
        wanted = mmjit.depth(tape, symbol=symbol, levels=3, progress=False)
        assert np.array_equal(
            mmjit.depth(by_symbol, symbol=symbol, levels=3, progress=False), wanted
        )


def test_events_are_sorted_by_symbol_and_change_nothing_but_their_handles(tape):
    events = mmjit.partition(tape, progress=False).events

    known = (tape.events["symbol"] >= 0) & (tape.events["symbol"] < SYMBOLS)
    order = np.argsort(np.where(known, tape.events["symbol"], SYMBOLS), kind="stable")
    for name in set(EVENT.names) - {"handle", "level"}:
        assert np.array_equal(events[name], tape.events[name][order])
    known = known[order]
    levels, before = events["level"][known], tape.events["level"][order][known]
    assert np.array_equal(levels[before < 0], before[before < 0])
    assert (levels[before >= 0] >= 0).all()
    assert np.array_equal(events["handle"][known] < 0, tape.events["handle"][order][known] < 0)
    assert (events["handle"][~known] < 0).all()


@pytest.mark.parametrize("piece", [1, 64, 1 << 20])
def test_a_tape_by_symbol_is_the_same_in_memory_and_in_a_folder(tape, tmp_path, monkeypatch, piece):
    inside = mmjit.partition(tape, progress=False)
    monkeypatch.setattr(partitioning, "PIECE", piece)
    if piece == 1:
        tape = tape_of(tmp_path / "short", tape.events[:200])
        inside = mmjit.partition(tape, progress=False)

    folder = mmjit.partition(tape.path, tmp_path / "out", progress=False)

    assert np.array_equal(folder.events, inside.events)
    for name in ("order_slots", "first_time_ns", "last_time_ns", "import", "instruments"):
        assert folder.meta[name] == inside.meta[name]
    assert folder.is_by_symbol
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "short") == ["out"]
    assert_same(
        mmjit.replay_shards(tmp_path / "out", 2, progress=False), mmjit.replay(tape, progress=False)
    )


def test_an_order_that_is_gone_gives_its_slot_to_the_next_symbol(tmp_path):
    events = []
    for symbol in range(4):
        events += [add(symbol + 1, 0, 10, 5, symbol=symbol)]
    for symbol in range(4):
        events += [execute(symbol + 1, 5, symbol=symbol)]
    tape = tape_of(tmp_path / "tape", stream(*events), 4)
    assert tape.order_slots == 4

    assert mmjit.partition(tape, progress=False).order_slots == 1


def test_an_id_that_two_symbols_used_one_after_the_other_names_both_their_orders(tmp_path):
    events = stream(add(5, 0, 10, 1, symbol=1), delete(5, symbol=1), add(5, 0, 11, 2, symbol=0))
    tape = tape_of(tmp_path / "tape", events, 2)

    done = mmjit.replay_shards(tape, 2, progress=False)

    assert done.facts()["anomalies"] == {}
    assert_same(done, mmjit.replay(tape, progress=False))


def test_events_of_unknown_symbols_are_refused_once(tmp_path):
    events = stream(
        *(add(n, 0, 10, 1, symbol=0) for n in range(11, 15)),
        add(2, 0, 10, 1, symbol=9),
        event(Kind.TRADE, qty_lots=1, symbol=-1),
        event(Kind.CLEAR, symbol=2),
        *(add(n, 0, 10, 1, symbol=1) for n in range(3, 7)),
    )
    tape = tape_of(tmp_path / "tape", events, 2)

    done = mmjit.replay_shards(tape, 2, progress=False)

    assert done.counts[-Status.SYMBOL_UNKNOWN] == 3
    assert [len(shard.events) for shard in done.shards] == [4, 7]
    assert_same(done, mmjit.replay(tape, progress=False))


def test_events_out_of_time_are_counted_as_they_stood_before_they_were_sorted(tmp_path):
    events = stream(*(add(n + 1, 0, 10, 1, symbol=n % 2) for n in range(6)))
    events["venue_ns"] = [10, 20, 15, 30, 5, 30]
    tape = tape_of(tmp_path / "tape", events, 2)

    assert mmjit.replay(tape, progress=False).anomalies == {"time_reversed": 2}
    assert mmjit.replay_shards(tape, 2, progress=False).anomalies == {"time_reversed": 2}
    by_symbol = mmjit.partition(tape, tmp_path / "out", progress=False)
    assert mmjit.replay(by_symbol, progress=False).anomalies == {"time_reversed": 2}


def test_shards_are_cut_where_they_have_about_as_many_events(tmp_path):
    counts = [5, 1, 1, 1, 40, 10, 22]
    symbols = np.repeat(np.arange(7), counts)
    events = stream(*(add(n + 1, 0, 10, 1, symbol=int(s)) for n, s in enumerate(symbols)))
    tape = mmjit.partition(tape_of(tmp_path / "tape", events), progress=False)

    def taken(shards):
        return [(s.first, s.stop, len(s.events)) for s in cut(tape, shards)]

    assert taken(1) == [(0, 7, 80)]
    assert taken(2) == [(0, 5, 48), (5, 7, 32)]
    assert taken(3) == [(0, 4, 8), (4, 6, 50), (6, 7, 22)]
    assert sum(n for _, _, n in taken(7)) == 80
    assert len(taken(1000)) <= 7


def cut(tape, shards):
    return mmjit.replay_shards(tape, shards, progress=False).shards


def test_a_tape_without_events_has_one_shard(tmp_path):
    for symbols in (0, 2):
        tape = tape_of(tmp_path / f"tape{symbols}", np.zeros(0, EVENT), symbols)

        done = mmjit.replay_shards(tape, 3, progress=False)

        assert len(done.shards) == 1
        assert_same(done, mmjit.replay(tape, progress=False))
        out = mmjit.partition(tape, tmp_path / f"out{symbols}", progress=False)
        assert len(out.events) == 0


def test_folds_are_left_to_the_shards(tape):
    by_symbol = mmjit.partition(tape, progress=False)

    done = mmjit.replay_shards(by_symbol, 2, progress=False)

    assert done.tally["price_fold"] == done.tally["qty_fold"] == 0
    one = mmjit.replay_shards(by_symbol, 1, progress=False).shards[0].tally[0]
    whole = mmjit.replay(by_symbol, progress=False).tally
    assert one["price_fold"] == whole["price_fold"] != 0
    assert one["qty_fold"] == whole["qty_fold"]


@pytest.mark.parametrize("shards", [0, -1, 1025, 1.5, "2", True, None])
def test_a_number_of_shards_that_is_none_is_refused(tape, shards):
    with pytest.raises(mmjit.ArgumentError, match="shards: "):
        mmjit.replay_shards(tape, shards)


def test_what_is_by_symbol_is_not_sorted_again_and_not_backtested(tape, tmp_path):
    by_symbol = mmjit.partition(tape_of(tmp_path / "t", dirty_events(9)[:0]), tmp_path / "out")

    with pytest.raises(mmjit.TapeError, match="by symbol already"):
        mmjit.partition(by_symbol)
    with pytest.raises(mmjit.TapeError, match="sorted by symbol; use the tape"):
        mmjit.backtest(by_symbol, strategy="pegged", params={"qty_lots": 1})
    with pytest.raises(mmjit.TapeError, match="exists already"):
        mmjit.partition(tape, tmp_path / "out")
    assert mmjit.partition(tape, tmp_path / "out", replace=True).is_by_symbol


def test_handles_that_do_not_fit_their_events_are_refused(tmp_path):
    tape = tape_of(tmp_path / "tape", stream(add(1, 0, 10, 1), add(2, 0, 10, 1)), 1)
    tape.events["handle"] = 0

    with pytest.raises(mmjit.TapeError, match="handles do not fit the events"):
        mmjit.partition(tape)


def test_an_error_in_a_shard_is_the_callers_and_stops_the_others(tape, monkeypatch):
    by_symbol = mmjit.partition(tape, progress=False)
    replayed = []

    def broken(book, region, events, counts, tally):
        if len(events) and events["symbol"][0] == 0:
            raise KeyboardInterrupt
        replayed.append(len(events))
        time.sleep(0.001)

    monkeypatch.setattr(sharding, "PIECE", 1)
    monkeypatch.setattr(sharding, "replay_events", broken)

    with pytest.raises(KeyboardInterrupt):
        mmjit.replay_shards(by_symbol, 2)

    assert sum(replayed) < len(by_symbol.events[by_symbol.events["symbol"] > 0])


def test_the_commands_sort_and_replay_in_shards(tape, tmp_path, capsys):
    import json

    from mmjit.cli import main

    assert main(["partition", str(tape.path), "-o", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["import"]["by_symbol"]["time_reversed"] > 0
    assert main(["info", str(tmp_path / "out")]) == 0
    assert "by symbol, and by time within each" in capsys.readouterr().out
    said = []
    for arguments in ([str(tape.path)], [str(tape.path), "--shards", "2"], ["--shards", "3"]):
        target = arguments if str(tape.path) in arguments else [str(tmp_path / "out"), *arguments]
        assert main(["replay", *target, "--audit", "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["state_hash"] == said[1]["state_hash"] == said[2]["state_hash"]
    assert len(said[1]["shards"]) == 2
    assert main(["replay", str(tape.path), "--shards", "2", "--show", "1"]) == 0
    assert "in 2 shards" in capsys.readouterr().out
    assert main(["replay", str(tape.path), "--shards", "0"]) == 2
    assert "shards: 0 is not a whole number from 1" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.compiled
def test_a_recorded_market_of_many_symbols_has_the_same_books_in_shards(data, tmp_path):
    source = data / "itch" / "12302019.NASDAQ_ITCH50.head.gz"
    tape = mmjit.import_itch50(source, tmp_path / "tape", progress=False)
    whole = mmjit.replay(tape, progress=False)
    assert len(tape.symbols) > 1000

    for shards in (1, 2, 5):
        assert_same(mmjit.replay_shards(tape, shards, progress=False), whole)
