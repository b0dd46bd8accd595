"""hftbacktest's files: what a tape of them holds, what is refused, and the way back."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmjit
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind
from mmjit.core.records import EVENT
from mmjit.errors import ArgumentError, FeedError, TapeError
from mmjit.feeds import hftbacktest_file as hft
from mmjit.feeds.hftbacktest import import_hftbacktest
from mmjit.feeds.hftbacktest_export import export_hftbacktest
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.replaying import depth, replay
from mmjit.tape import TapeWriter
from tests.builders import add, clear, execute, level, queue_at, replace, status, stream, trade
from tests.naive_hftbacktest import NaiveLevels, NaiveQueues

BUYS, SELLS = hft.BUY, hft.SELL
START = 1_700_000_000_000_000_000
LATENCY = 1_000_000
LAST = int(Flag.LAST)
BOTH = hft.EXCH | hft.LOCAL


def row(kind, side=0, px=0.0, qty=0.0, *, at=0, order_id=0, to=BOTH, received=None, **more):
    """One row; `at` and `received` count ns from the start."""
    one = np.zeros(1, hft.ROW)
    one["ev"] = to | side | kind
    one["exch_ts"] = START + at
    one["local_ts"] = START + (at + LATENCY if received is None else received)
    one["px"], one["qty"], one["order_id"] = px, qty, order_id
    for name, value in more.items():
        one[name] = value
    return one


@pytest.fixture
def imported(tmp_path):
    """Import rows as files; keywords go to the importer."""

    def build(*files, out="tape", suffix=".npz", **options):
        paths = []
        for number, rows in enumerate(files):
            path = tmp_path / f"rows{number}{suffix}"
            rows = np.concatenate([np.zeros(0, hft.ROW), *rows])
            np.savez(path, data=rows) if suffix == ".npz" else np.save(path, rows)
            paths.append(path)
        return import_hftbacktest(paths, tmp_path / out, **options)

    return build


def shown(tape, *names):
    return [tuple(one) for one in tape.events[list(names)].tolist()]


def source_of(tape):
    return tape.meta["import"]


# ---- price levels ---------------------------------------------------------------------------

QUOTED = [
    row(hft.DEPTH, BUYS, 99.5, 0.25, at=1),
    row(hft.DEPTH, SELLS, 100.0, 0.75, at=1),
    row(hft.DEPTH_SNAPSHOT, SELLS, 100.5, 0.5, at=2),
]


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_depth_becomes_levels_with_both_times(imported, suffix):
    tape = imported(QUOTED, suffix=suffix)

    assert shown(tape, "kind", "side", "price", "qty_lots") == [
        (Kind.LEVEL, BID, 199, 1),
        (Kind.LEVEL, ASK, 200, 3),
        (Kind.LEVEL, ASK, 201, 2),
    ]
    assert tape.events["venue_ns"].tolist() == [START + 1, START + 1, START + 2]
    assert (tape.events["local_ns"] - tape.events["venue_ns"]).tolist() == [LATENCY] * 3
    assert tape.events["flags"].tolist() == [0, LAST, LAST | Flag.SNAPSHOT]
    assert tape.meta["messages"] == 2
    instrument = tape.instruments[0]
    assert (instrument.symbol, instrument.price_unit, instrument.lot_size) == (
        "rows0",
        "0.5",
        "0.25",
    )
    assert source_of(tape)["inferred"] == {"tick_size": "0.5", "lot_size": "0.25"}


def test_a_trade_is_on_the_side_that_rested(imported):
    taken = [row(hft.TRADE, side, 99.5, 0.25, at=n) for n, side in enumerate((BUYS, SELLS, 0))]

    tape = imported(taken)

    assert shown(tape, "kind", "side") == [(Kind.TRADE, ASK), (Kind.TRADE, BID), (Kind.TRADE, NIL)]


@pytest.mark.parametrize("no_limit", [np.nan, np.inf])
def test_clearing_a_side_sets_its_levels_up_to_the_price_to_zero(imported, no_limit):
    tape = imported(
        [
            *(row(hft.DEPTH, BUYS, px, 1.0, at=1) for px in (97.0, 98.0, 99.0)),
            *(row(hft.DEPTH, SELLS, px, 1.0, at=1) for px in (101.0, 102.0)),
            row(hft.DEPTH_CLEAR, BUYS, 98.0, at=2),
            row(hft.DEPTH, BUYS, 96.0, 1.0, at=2),
            row(hft.DEPTH_CLEAR, SELLS, no_limit, at=3),
            row(hft.DEPTH_CLEAR, at=4),
        ]
    )

    assert shown(tape, "kind", "side", "price", "qty_lots", "flags")[5:] == [
        *((Kind.LEVEL, BID, p, 0, Flag.SYNTHETIC) for p in (98, 99)),
        (Kind.LEVEL, BID, 96, 1, LAST),
        (Kind.LEVEL, ASK, 101, 0, Flag.SYNTHETIC),
        (Kind.LEVEL, ASK, 102, 0, Flag.SYNTHETIC | LAST),
        (Kind.CLEAR, 0, 0, 0, LAST),
    ]


TICKS = st.integers(1, 12)
SIDES = st.sampled_from([0, 1])
DEPTHS = st.tuples(
    st.sampled_from([hft.DEPTH, hft.DEPTH_SNAPSHOT]), SIDES, TICKS, st.integers(0, 3)
)
CLEARS = st.tuples(
    st.just(hft.DEPTH_CLEAR), st.sampled_from([0, 1, None]), st.none() | TICKS, st.just(0)
)


@given(st.lists(DEPTHS | DEPTHS | DEPTHS | CLEARS, min_size=1, max_size=40))
def test_the_book_is_that_of_hftbacktest_after_every_row(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("hft")
    side_bits = {0: BUYS, 1: SELLS, None: 0}
    rows = [row(hft.TRADE, BUYS, 0.1, 1.0)]  # so that there is an event even where all are clears
    naive, expected = NaiveLevels(), [((0, 0), (0, 0))]
    for at, (kind, side, price, qty) in enumerate(steps, 1):
        px = np.nan if price is None else price * 0.1
        cleared = kind == hft.DEPTH_CLEAR and side is not None
        before = sum(qty > 0 for one in naive.sides for qty in one.values())
        naive.apply(kind, side, price, qty)
        rows.append(row(kind, side_bits[side], px, float(qty), at=at))
        after = sum(qty > 0 for one in naive.sides for qty in one.values())
        if not cleared or before != after:  # else the row becomes no event
            expected.append((naive.best(0), naive.best(1)))
    np.save(folder / "rows.npy", np.concatenate(rows))

    sizes = {"tick_size": "0.1", "lot_size": "1"}
    tape = import_hftbacktest(folder / "rows.npy", folder / "tape", **sizes, progress=False)

    found = depth(tape, levels=1, progress=False)
    names = ("bid_price", "bid_qty", "ask_price", "ask_qty")
    values = zip(*(found[name][:, 0].tolist() for name in names), strict=True)
    assert [((bid, bids), (ask, asks)) for bid, bids, ask, asks in values] == expected


# ---- orders ---------------------------------------------------------------------------------


def orders(*rows):
    """Three buy orders of 5 at 100, and then rows; each row is a message."""
    begun = [row(hft.ADD_ORDER, BUYS, 100.0, 5.0, at=n, order_id=n) for n in (1, 2, 3)]
    return [*begun, *(one for more in rows for one in more)]


def at(time, *rows):
    """Rows of one message."""
    for one in rows:
        one["exch_ts"], one["local_ts"] = START + time, START + time + LATENCY
    return rows


def order(kind, qty, px=100.0, order_id=1, side=BUYS):
    return row(kind, side, px, float(qty), order_id=order_id)


CHANGES = {
    "cancel": ([order(hft.CANCEL_ORDER, 5)], [(Kind.DELETE, 1, 5, LAST)]),
    "less": ([order(hft.MODIFY_ORDER, 3)], [(Kind.REDUCE, 1, 2, LAST)]),
    "more": ([order(hft.MODIFY_ORDER, 6)], [(Kind.REPLACE, 1, 6, LAST)]),
    "another price": ([order(hft.MODIFY_ORDER, 3, 101.0)], [(Kind.REPLACE, 1, 3, LAST)]),
    "the same": ([order(hft.MODIFY_ORDER, 5)], []),
    "filled in part": (
        [
            row(hft.TRADE, SELLS, 100.0, 2.0),
            order(hft.FILL, 2),
            order(hft.MODIFY_ORDER, 3),
        ],
        [(Kind.EXECUTE, 1, 2, LAST)],
    ),
    "filled whole": (
        [
            row(hft.TRADE, SELLS, 100.0, 5.0),
            order(hft.FILL, 5),
            order(hft.CANCEL_ORDER, 5),
        ],
        [(Kind.EXECUTE, 1, 5, LAST)],
    ),
    "filled and cancelled": (
        [order(hft.FILL, 2), order(hft.CANCEL_ORDER, 3)],
        [(Kind.EXECUTE, 1, 2, 0), (Kind.DELETE, 1, 3, LAST)],
    ),
    "filled and refilled": (
        [order(hft.FILL, 5), order(hft.MODIFY_ORDER, 4)],
        [(Kind.EXECUTE, 1, 5, 0), (Kind.ADD, 1, 4, LAST)],
    ),
    "hidden too": (
        [row(hft.TRADE, SELLS, 100.0, 7.0), order(hft.FILL, 5), order(hft.CANCEL_ORDER, 5)],
        [(Kind.TRADE, 0, 2, 0), (Kind.EXECUTE, 1, 5, LAST)],
    ),
    "hidden": ([row(hft.TRADE, SELLS, 100.0, 7.0)], [(Kind.TRADE, 0, 7, LAST)]),
    "better than its price": (
        [order(hft.FILL, 5, 101.0)],
        [(Kind.EXECUTE, 1, 5, LAST | Flag.OWN_PRICE)],
    ),
    "bids cleared": (
        [row(hft.DEPTH_CLEAR, BUYS)],
        [
            *((Kind.DELETE, n, 5, Flag.SYNTHETIC) for n in (1, 2)),
            (Kind.DELETE, 3, 5, LAST | Flag.SYNTHETIC),
        ],
    ),
    "asks cleared": ([row(hft.DEPTH_CLEAR, SELLS)], []),
    "all cleared": ([row(hft.DEPTH_CLEAR)], [(Kind.CLEAR, 0, 0, LAST)]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_rows_of_orders_become_what_they_do(imported, case):
    rows, expected = CHANGES[case]

    sizes = {"tick_size": "1", "lot_size": "1"}
    tape = imported(orders(at(9, *(one.copy() for one in rows))), **sizes)

    assert shown(tape, "kind", "order_id", "qty_lots", "flags")[3:] == expected
    assert source_of(tape)["anomalies"] == {}
    assert source_of(tape)["depth"] == "by order"


@pytest.mark.parametrize("kind", [hft.CANCEL_ORDER, hft.MODIFY_ORDER, hft.FILL])
def test_rows_of_unknown_orders_are_kept_and_counted(imported, kind):
    tape = imported(orders(at(9, order(kind, 5, order_id=77))))

    assert source_of(tape)["anomalies"] == {"order_id_unknown": 1}


def test_ids_are_64_bit_patterns(imported):
    tape = imported([row(hft.ADD_ORDER, BUYS, 1.0, 1.0, order_id=(1 << 64) - 5)])

    assert tape.events["order_id"].tolist() == [-5]


@st.composite
def order_flows(draw):
    """Rows of a true exchange, and after each message its naive queues."""
    rows, naive, time = [], NaiveQueues(), 0
    for name in range(1, draw(st.integers(2, 25))):
        time += draw(st.integers(1, 3))
        live = [o["id"] for o in naive.orders]
        verb = draw(st.sampled_from(["add", "add", "cancel", "modify", "fill"])) if live else "add"
        made = []
        if verb == "add":
            side = draw(SIDES)
            price = draw(st.integers(1, 3)) + 3 * side
            made = [(hft.ADD_ORDER, side, name, price, draw(st.integers(1, 5)))]
        else:
            one = naive.find(draw(st.sampled_from(live)))
            side, left = one["side"], one["qty"]
            if verb == "cancel":
                made = [(hft.CANCEL_ORDER, side, one["id"], one["price"], left)]
            elif verb == "modify":
                price = draw(st.integers(1, 3)) + 3 * side
                made = [(hft.MODIFY_ORDER, side, one["id"], price, draw(st.integers(1, 5)))]
            else:
                taken = draw(st.integers(1, left))
                ends = (
                    (hft.CANCEL_ORDER, left) if taken == left else (hft.MODIFY_ORDER, left - taken)
                )
                made = [
                    (hft.TRADE, 1 - side, 0, one["price"], taken),
                    (hft.FILL, side, one["id"], one["price"], taken),
                    (ends[0], side, one["id"], one["price"], ends[1]),
                ]
        for kind, side, order_id, price, qty in made:
            bits = SELLS if side else BUYS
            rows.append(row(kind, bits, price * 0.25, qty * 0.1, at=time, order_id=order_id))
            naive.apply(kind, side, order_id, price, qty)
    return np.concatenate(rows), naive


SIZES = {"tick_size": "0.25", "lot_size": "0.1"}


@given(order_flows())
def test_the_queues_are_those_of_hftbacktest(tmp_path_factory, flow):
    rows, naive = flow
    folder = tmp_path_factory.mktemp("hft")
    np.save(folder / "rows.npy", rows)

    tape = import_hftbacktest(folder / "rows.npy", folder / "tape", **SIZES, progress=False)

    assert source_of(tape)["anomalies"] == {}
    replayed = replay(tape, progress=False)
    for side in (BID, ASK):
        for price in range(1, 7):
            assert queue_at(replayed.book, side, price) == naive.queue(side, price)
    filled = rows["ev"] & hft.KIND_MASK == hft.FILL
    assert replayed.facts()["executed_lots"] == round(float(rows["qty"][filled].sum()) / 0.1)


@given(order_flows())
def test_what_was_imported_by_order_comes_back_as_it_was(tmp_path_factory, flow):
    folder = tmp_path_factory.mktemp("hft")
    np.save(folder / "rows.npy", flow[0])
    tape = import_hftbacktest(folder / "rows.npy", folder / "tape", **SIZES, progress=False)

    export_hftbacktest(tape, folder / "back.npz")
    back = import_hftbacktest(folder / "back.npz", folder / "back", progress=False)

    assert np.array_equal(back.events, tape.events)
    assert back.instruments == tape.instruments


# ---- what is inferred, passed over, refused -------------------------------------------------


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=20),
    st.sampled_from(["0.01", "0.5", "0.25", "1", "5", "0.00001", "0.0000001"]),
)
def test_the_step_that_is_inferred_is_what_all_share(counts, text):
    step = Fraction(text)

    found = hft.common_step(hft.floats_of(np.array(counts), step))

    assert found == step * int(np.gcd.reduce(counts))


@given(st.integers(-(10**12), 10**12), st.sampled_from(["0.01", "0.25", "0.1", "0.00001", "3"]))
def test_counts_become_the_nearest_floats_and_counts_again(count, text):
    step = Fraction(text)
    counts = np.array([count])

    floats = hft.floats_of(counts, step)

    assert floats[0] == float(count * step)
    for value in (floats, counts * float(step)):  # rounded once, and as a product of floats
        back, off = hft.counts_of(value, step)
        assert (back.tolist(), off.tolist()) == ([count], [False])


def test_sizes_that_are_given_are_the_units(imported):
    tape = imported(QUOTED, tick_size="0.1", lot_size="0.05", symbol="BTC", currency="EUR")

    instrument = tape.instruments[0]
    assert (instrument.price_unit, instrument.lot_size) == ("0.1", "0.05")
    assert (instrument.symbol, instrument.currency) == ("BTC", "EUR")
    assert tape.events["price"].tolist() == [995, 1000, 1005]
    assert source_of(tape)["inferred"] == {}


def test_rows_that_are_on_no_tape_are_counted_by_why(imported):
    tape = imported(
        [
            *QUOTED[:2],
            row(hft.DEPTH, BUYS, 99.0, 1.0, at=3, to=hft.EXCH, received=9),
            row(hft.DEPTH, BUYS, 99.0, 1.0, at=3, to=hft.LOCAL, received=9),
            row(hft.DEPTH, BUYS, 98.0, 1.0, at=4, to=0),
            row(hft.DEPTH, 0, 98.0, 1.0, at=4),
            row(5, BUYS, 98.0, 1.0, at=4),
            row(102, 0, 0.0001, at=4),
            row(hft.DEPTH, BUYS, 97.0, 1.0, at=5, received=4),
        ]
    )

    assert tape.events["price"].tolist() == [199, 200, 198, 194]
    assert source_of(tape)["skipped"] == {
        "row_for_the_desk_only": 1,
        "row_for_nobody": 1,
        "side_missing": 1,
        "depth_bbo": 1,
        "kind_102": 1,
    }
    assert source_of(tape)["anomalies"] == {"received_before_sent": 1}


def test_files_that_continue_each_other_are_one_tape(imported):
    more = [row(hft.DEPTH_CLEAR, BUYS, 99.5, at=5)]

    tape = imported(QUOTED, more)

    assert shown(tape, "kind", "price", "qty_lots")[-1] == (Kind.LEVEL, 199, 0)
    assert len(source_of(tape)["files"]) == 2


REFUSED = {
    "off the tick": (
        [row(hft.DEPTH, BUYS, 99.3, 1.0)],
        "row 0 .* has px 99.3, which is no count of",
    ),
    "off the lot": ([row(hft.DEPTH, BUYS, 99.5, 0.3)], "has qty 0.3, .* another --lot-size"),
    "no price": ([row(hft.DEPTH, BUYS, np.nan, 1.0)], "has px nan"),
    "cleared off the tick": ([row(hft.DEPTH_CLEAR, BUYS, 99.3)], "row 0 .* has px 99.3"),
    "infinite": ([row(hft.TRADE, BUYS, np.inf, 1.0)], "has px inf"),
    "no quantity": ([row(hft.DEPTH, BUYS, 99.5, np.nan)], "has qty nan"),
    "below zero": ([row(hft.DEPTH, BUYS, 99.5, -1.0)], r"has qty -1\.0"),
    "too much": ([row(hft.DEPTH, BUYS, 99.5, 1e18)], r"has qty 1e\+18"),
    "back in time": ([*QUOTED, QUOTED[0]], "row 3 for the exchange is before the one ahead"),
    "nothing": ([row(5, BUYS, 99.5, 1.0)], "no row becomes an event"),
    "empty": ([], "no row becomes an event"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_cannot_be_used_are_refused_and_leave_nothing(imported, case, tmp_path):
    rows, says = REFUSED[case]

    with pytest.raises(FeedError, match=says) as refused:
        imported(rows, tick_size="0.5", lot_size="0.25")

    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["rows0.npz"]


@pytest.mark.parametrize("prices", [(np.pi, np.e), (0.1, 1e14)])
def test_prices_that_share_no_step_need_one_to_be_given(imported, prices):
    odd = [row(hft.DEPTH, BUYS, px, 1.0) for px in prices]

    with pytest.raises(FeedError, match="no step fits all px; give --tick-size"):
        imported(odd)


def test_files_in_the_wrong_order_are_refused(imported):
    with pytest.raises(FeedError, match=r"rows1\.npz: row 0 .* give files oldest first"):
        imported([row(hft.DEPTH, BUYS, 99.0, 1.0, at=5)], QUOTED)


@pytest.mark.parametrize(("name", "value"), [("tick_size", "0"), ("lot_size", "-1")])
def test_a_size_that_is_not_above_zero_is_refused(imported, name, value):
    with pytest.raises(ArgumentError, match=f"{name}: {value} is not above 0"):
        imported(QUOTED, **{name: value})
    with pytest.raises(ArgumentError, match=f"{name}: 'x' is not a decimal number"):
        imported(QUOTED, **{name: "x"})


def files(tmp_path):
    """Files that hold no rows, and what is said of each."""
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, data=np.concatenate(QUOTED))
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:-90])
    (tmp_path / "text.npz").write_text("no numbers")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "many.npz", one=np.zeros(1), two=np.zeros(1))
    np.save(tmp_path / "old.npy", np.zeros((3, 6)))
    np.save(tmp_path / "flat.npy", np.zeros(3))
    np.save(tmp_path / "fields.npy", np.zeros(3, EVENT))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    note = np.frombuffer(b"{}", np.uint8)
    np.savez(tmp_path / "note.npz", data=np.concatenate(QUOTED), mmjit=note)
    return {
        **dict.fromkeys(("nowhere.npz", "cut.npz", "text.npz", "empty.npy"), "cannot be read"),
        **dict.fromkeys(("many.npz", "objects.npy"), "cannot be read"),
        "old.npy": "is of hftbacktest 1; convert it with",
        **dict.fromkeys(("flat.npy", "fields.npy"), "not rows of ev, exch_ts, local_ts, px"),
        "note.npz": "the array mmjit is damaged",
    }


def test_files_that_hold_no_rows_are_refused_in_one_line(tmp_path):
    for name, says in files(tmp_path).items():
        with pytest.raises(FeedError, match=says) as refused:
            import_hftbacktest(tmp_path / name, tmp_path / "tape")
        assert "\n" not in str(refused.value)
        assert name in str(refused.value)
    with pytest.raises(ArgumentError, match="there is no file"):
        import_hftbacktest([], tmp_path / "tape")
    assert not (tmp_path / "tape").exists()


@given(st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_a_tape_or_refused_in_one_line(tmp_path_factory, damages):
    folder = tmp_path_factory.mktemp("hft")
    np.save(folder / "rows.npy", np.concatenate(orders(at(9, order(hft.FILL, 2)))))
    export_hftbacktest(tape_of(folder / "source", *LEVELS), folder / "rows.npz")
    for name in ("rows.npy", "rows.npz"):
        data = bytearray((folder / name).read_bytes())
        for place, byte in damages:
            data[place % len(data)] = byte
        (folder / name).write_bytes(data)

        try:
            tape = import_hftbacktest(folder / name, folder / "tape", replace=True, progress=False)
            replay(tape, progress=False).audit()
            said = ""
        except FeedError as error:
            said = str(error)
        assert "\n" not in said


# ---- the way back ---------------------------------------------------------------------------


def tape_of(folder, *parts, instrument=None, symbols=1):
    """A tape of events, each received 10 ns after it happened, if nothing else is said."""
    events = stream(*parts)
    events["venue_ns"] += START
    events["local_ns"] += events["venue_ns"] + 10
    events["level"] = NIL
    resolving = Resolving(symbols, 1)
    resolving(events)
    one = instrument or Instrument(symbol="S0", price_unit="0.01", lot_size="0.001")
    others = [Instrument(symbol=f"S{n}") for n in range(1, symbols)]
    with TapeWriter(folder) as writer:
        writer.append(events)
        return writer.commit(
            [one, *others],
            messages=writer.message_count,
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={"feed": "test"},
        )


def there_and_back(tape, folder, **options):
    facts = export_hftbacktest(tape, folder / "out.npz", **options)
    return facts, import_hftbacktest(folder / "out.npz", folder / "back", progress=False)


LEVELS = [
    status(1, venue_ns=1, flags=LAST),
    level(BID, 9_999, 5, venue_ns=2, flags=int(Flag.SNAPSHOT)),
    level(ASK, 10_001, 7, venue_ns=2, flags=int(Flag.SNAPSHOT) | LAST),
    trade(10_001, 2, venue_ns=3, side=ASK, other_id=88, flags=LAST),
    trade(10_001, 1, venue_ns=3, side=ASK, other_id=89, flags=LAST),
    level(ASK, 10_001, 4, venue_ns=4, flags=LAST),
    clear(venue_ns=5, flags=LAST | Flag.SYNTHETIC),
]


def test_a_tape_of_levels_comes_back_as_it_was(tmp_path):
    told = Instrument(symbol="X", venue="V", price_unit="0.05", lot_size="2", currency="EUR")
    tape = tape_of(tmp_path / "tape", *LEVELS, instrument=told)

    facts, back = there_and_back(tape, tmp_path)

    assert np.array_equal(back.events, tape.events)
    assert back.instruments == tape.instruments
    assert source_of(back)["inferred"] == {}
    assert facts["rows"] == facts["events"] == 7
    assert (facts["tick_size"], facts["lot_size"]) == ("0.05", "2")
    rows = np.load(tmp_path / "out.npz")["data"]
    assert rows["px"].tolist()[1:3] == [499.95, 500.05]
    assert rows["qty"].tolist()[1:3] == [10.0, 14.0]
    assert rows["ev"].tolist()[3] == BOTH | BUYS | hft.TRADE


def test_what_was_received_late_stands_there_for_each_of_both(tmp_path):
    late = [
        level(BID, 90 + n, 1, venue_ns=n, local_ns=w, flags=LAST) for n, w in enumerate((50, 0, 5))
    ]
    tape = tape_of(tmp_path / "tape", *late, level(BID, 99, 1, venue_ns=60, flags=LAST))

    _, back = there_and_back(tape, tmp_path)

    rows = np.load(tmp_path / "out.npz")["data"]
    to = [int(ev) >> 30 & 3 for ev in rows["ev"]]
    assert to == [1, 1, 3, 2, 2, 3]
    assert np.round(rows["px"] * 100).astype(int).tolist() == [91, 92, 90, 91, 92, 99]
    assert np.array_equal(back.events, tape.events)
    assert source_of(back)["skipped"] == {"row_for_the_desk_only": 2}


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30))
def test_both_orders_of_rows_are_those_of_the_clocks(tmp_path_factory, delays):
    folder = tmp_path_factory.mktemp("hft")
    events = [
        level(BID, 1 + n, 1, venue_ns=n, local_ns=d, flags=LAST) for n, d in enumerate(delays)
    ]
    tape = tape_of(folder / "tape", *events)

    export_hftbacktest(tape, folder / "out.npy")

    rows = np.load(folder / "out.npy")
    for bit, clock in ((hft.EXCH, "venue_ns"), (hft.LOCAL, "local_ns")):
        seen = rows[rows["ev"] & bit != 0]
        order = np.argsort(tape.events[clock], kind="stable")
        assert (
            np.round(seen["px"] * 100).astype(int).tolist() == tape.events["price"][order].tolist()
        )
        assert (np.diff(seen["exch_ts" if bit == hft.EXCH else "local_ts"]) >= 0).all()


def test_a_replace_that_changes_the_id_becomes_a_cancel_and_an_add(tmp_path):
    tape = tape_of(
        tmp_path / "tape",
        add(1, BID, 100, 5, venue_ns=1, flags=LAST),
        add(2, BID, 100, 5, venue_ns=2, flags=LAST),
        replace(1, 3, 100, 4, venue_ns=3, flags=LAST),
        replace(2, 2, 100, 3, venue_ns=4, flags=LAST),
        replace(2, 2, 100, 9, venue_ns=5, flags=LAST),
        execute(7, 1, venue_ns=6, flags=LAST),
        execute(3, 4, venue_ns=7, other_id=55, flags=LAST),
    )

    facts, back = there_and_back(tape, tmp_path)

    kinds = [Kind(kind).name for kind in back.events["kind"]]
    assert kinds == ["ADD", "ADD", *["DELETE", "ADD"] * 2, "REPLACE", "EXECUTE"]
    assert back.events["other_id"][-1] == 55
    assert facts["skipped"] == {"refused": 1}
    before, after = (replay(one, progress=False).book for one in (tape, back))
    assert queue_at(after, BID, 100) == queue_at(before, BID, 100) == [(2, 9)]
    rows = [depth(one, levels=3, progress=False) for one in (tape, back)]
    assert np.array_equal(rows[0][np.arange(len(rows[0])) != 5], rows[1])


def test_what_names_no_order_comes_back_between_orders(tmp_path):
    tape = tape_of(
        tmp_path / "tape",
        status(1, venue_ns=1, flags=LAST),
        add(1, BID, 100, 5, venue_ns=2, flags=LAST),
        trade(101, 3, venue_ns=3, side=ASK, other_id=9, flags=LAST),
        clear(venue_ns=4),
        add(1, ASK, 103, 2, venue_ns=4, flags=LAST),
    )

    _, back = there_and_back(tape, tmp_path)

    assert np.array_equal(back.events, tape.events)


def test_sizes_that_are_given_count_more_than_those_that_were_written(tmp_path):
    export_hftbacktest(tape_of(tmp_path / "tape", *LEVELS), tmp_path / "out.npz")

    back = import_hftbacktest(tmp_path / "out.npz", tmp_path / "back", tick_size="0.005")

    assert back.instruments[0].price_unit == "0.005"
    assert back.instruments[0].lot_size == "0.001"
    assert back.events["price"].max() == 2 * 10_001


@pytest.mark.compiled
def test_a_simulated_market_comes_back_as_it_was(tmp_path):
    tape = mmjit.simulate("cst", tmp_path / "tape", symbols=2, events=3000, progress=False)

    facts, back = there_and_back(tape, tmp_path, symbol="SIM1")

    chosen = tape.events[tape.events["symbol"] == 1]
    names = ["venue_ns", "local_ns", "order_id", "price", "qty_lots", "kind", "side", "flags"]
    assert np.array_equal(back.events[names], chosen[names])
    assert facts["skipped"] == {}
    assert replay(back).facts()["books"]["SIM1"] == replay(tape).facts()["books"]["SIM1"]


def test_an_export_that_cannot_be_made_says_why(tmp_path):
    tape = tape_of(tmp_path / "tape", *LEVELS, symbols=2)
    (tmp_path / "there.npz").write_text("")
    (tmp_path / "link.npz").symlink_to(tmp_path / "there.npz")
    wide = tape_of(tmp_path / "wide", level(BID, 1, 1 << 60, flags=LAST))

    for name, says in {
        "out.txt": "ends neither with .npz nor with .npy",
        "no/out.npz": "no is not a folder",
        "there.npz": "exists already",
        "link.npz": "exists already",
        "tape/out.npz": "inside a tape",
        "out.npz": "has 2 symbols; say which",
    }.items():
        with pytest.raises(ArgumentError, match=says):
            export_hftbacktest(tape, tmp_path / name)
    with pytest.raises(TapeError, match="symbol 'Y' is not on"):
        export_hftbacktest(tape, tmp_path / "out.npz", symbol="Y")
    with pytest.raises(TapeError, match="what a float tells"):
        export_hftbacktest(wide, tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
    export_hftbacktest(tape, tmp_path / "there.npz", symbol="S0", replace=True)


def test_a_tape_is_not_overwritten_by_its_own_export(tmp_path):
    tape = tape_of(tmp_path / "tape", *LEVELS)
    before = (tmp_path / "tape" / "events.npy").read_bytes()

    with pytest.raises(ArgumentError, match="inside a tape"):
        export_hftbacktest(tape, tmp_path / "tape" / "events.npy", replace=True)

    assert (tmp_path / "tape" / "events.npy").read_bytes() == before


def test_a_file_that_mmjit_wrote_takes_another_name_and_currency(tmp_path):
    tape = tape_of(tmp_path / "tape", *LEVELS)
    export_hftbacktest(tape, tmp_path / "rows.npz")
    written = tape.instruments[0]

    found = import_hftbacktest(tmp_path / "rows.npz", tmp_path / "a", symbol="NEW", currency="JPY")

    assert (found.instruments[0].symbol, found.instruments[0].currency) == ("NEW", "JPY")
    assert found.instruments[0].price_unit == written.price_unit
    again = import_hftbacktest(tmp_path / "rows.npz", tmp_path / "b")
    assert again.instruments[0] == written


def test_the_commands_go_both_ways(tmp_path, capsys):
    from mmjit.cli import main

    source, out, tape = (str(tmp_path / name) for name in ("rows.npz", "back.npz", "tape"))
    np.savez(source, data=np.concatenate(QUOTED))

    assert main(["import", "hftbacktest", source, "-o", tape]) == 0
    assert "inferred   tick_size 0.5, lot_size 0.25" in capsys.readouterr().out
    assert main(["export", "hftbacktest", tape, "-o", out]) == 0
    assert "3 events became 3 rows" in capsys.readouterr().out
    assert main(["export", "hftbacktest", tape, "-o", out, "--replace", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tick_size"] == "0.5"
    words = ["--tick-size", "0.1", "--lot-size", "0.05", "--symbol", "X", "--currency", "EUR"]
    assert main(["import", "hftbacktest", source, "-o", tape, "--replace", *words]) == 0
    assert "symbols    1: X" in capsys.readouterr().out
