"""The Python face of the backtest: what it refuses, what it writes, and that it repeats itself."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmjit
from mmjit import backtesting, outcome, running, sessions
from mmjit.backtesting import backtest
from mmjit.core.codes import ASK, BID, Kind
from mmjit.core.hearing import ANYTHING, FILLED
from mmjit.core.jit import COMPILED
from mmjit.core.tables import FILL_LINE, STEP
from mmjit.errors import ArgumentError, StrategyError, TapeError
from mmjit.instrument import Instrument
from mmjit.simulating import simulate
from mmjit.tape import Tape, TapeWriter
from mmjit.terms import occasions, settlement
from tests import builders as b
from tests.backtests import messages, tape_of

MANY = 10_000 if COMPILED else 1_500
TOP = Path(__file__).resolve().parent.parent
NUMBERS = (
    *("pnl_net", "pnl_gross", "fees", "funding", "realised", "unrealised", "position", "fills"),
    *("filled_qty", "orders", "refused", "max_drawdown", "seconds", "ns_per_event"),
)
SETTINGS: dict[str, Any] = {
    "maker_fee": "-0.0002",
    "taker_fee": "0.0003",
    "max_position": 1000,
    "seed": 11,
    "params": {"qty_lots": 300},
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory):
    """A random market of two symbols with few orders, so that a lot happens at the best prices."""
    path = tmp_path_factory.mktemp("market") / "tape"
    params = {"order_lots": 250, "depth": 3, "alpha": 0.5, "mu": 1.0, "delta": 0.1}
    return simulate("santa-fe", path, symbols=2, events=MANY, seed=4, params=params, progress=False)


@pytest.fixture
def small():
    """A market of two orders."""
    return tape_of(*messages(b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10)))


def refusal(
    kind: type[Exception], function: Any, *arguments: Any, lines: int = 1, **named: Any
) -> str:
    """What a call is refused with: one line, or three where a line of the user's is shown."""
    with pytest.raises(kind) as caught:
        function(*arguments, **named)
    text = str(caught.value)
    assert text.strip() == text != ""
    assert text.count("\n") == lines - 1
    return text


# ---- bad arguments --------------------------------------------------------------------------

BAD_ARGUMENTS = [
    *(({name: fee}, name) for name in ("maker_fee", "taker_fee") for fee in (1.5, "1", -1, "30%")),
    *(({"taker_fee": fee}, "taker_fee") for fee in (float("nan"), "inf", "abc", None, [1], "")),
    ({"maker_fee": "0.12345678901234567890123"}, "decimals"),
    *(({name: -1}, name) for name in ("max_position", "max_long", "max_short")),
    *(({"max_long": limit}, "max_long") for limit in (1.5, "10", True, float("nan"), [])),
    *(({"every": every}, "every") for every in ("soon", "", "ms", "100", "0ms", "-1s", "1.5ns")),
    *(({"every": every}, "every") for every in (100, None, "1e999999s", "nans", "infs", "2e18ns")),
    *(({"seed": seed}, "seed") for seed in (1.5, "x", True, 1 << 63, None)),
]


@pytest.mark.parametrize(("named", "word"), BAD_ARGUMENTS, ids=str)
def test_a_bad_argument_is_refused_in_one_line_that_names_it(small, tmp_path, named, word):
    text = refusal(ArgumentError, backtest, small, out=tmp_path / "out", **named)

    assert word in text.partition(" is not")[0]
    assert not (tmp_path / "out").exists()


GOOD_FEES = [0, 0.0003, "0.0003", Decimal("0.0003"), np.float64(0.0003), -0.999999, "1e-12"]


@pytest.mark.parametrize("fee", GOOD_FEES, ids=repr)
def test_a_fee_may_be_any_kind_of_number(small, tmp_path, fee):
    backtest(small, maker_fee=fee, taker_fee=fee, out=tmp_path / "out")

    kept = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]
    assert Decimal(kept["maker_fee"]) == Decimal(str(fee))


def test_a_limit_may_be_a_whole_number_of_numpys_or_a_huge_one(small, tmp_path):
    result = backtest(small, max_long=np.int64(5), max_short=10**30, out=tmp_path / "out")

    assert result.summary()["refused"] == {"max_long": 1}
    kept = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]
    assert (kept["max_long"], kept["max_short"], kept["max_position"]) == (5, 10**30, None)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1ns", 1),
        ("100ms", 10**8),
        ("0.5us", 500),
        ("1s", 10**9),
        ("2m", 120 * 10**9),
        ("1.5h", 5400 * 10**9),
    ],
)
def test_an_interval_is_a_number_and_a_unit(text, span):
    assert occasions(text) == (span, 0)


def test_a_rule_is_asked_at_any_mix_of_occasions():
    assert occasions("change") == occasions("fill+change") == (0, ANYTHING)
    assert occasions("fill") == (0, FILLED)
    assert occasions("fill+10ns") == occasions("10ns+fill") == (10, FILLED)
    assert occasions("10ns+change") == (10, ANYTHING)


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("1s+2s", "'1s+2s' has two intervals"),
        ("1s+", "'' is not change, fill or an interval"),
        ("1s+often", "'often' is not change, fill or an interval"),
        (None, "None is not change, fill or an interval"),
    ],
)
def test_occasions_that_make_no_sense_are_named(small, every, words):
    assert words in refusal(ArgumentError, backtest, small, every=every)


BAD_PARAMETERS = [
    ({"speed": 1}, "no parameter 'speed'; it has: offset_ticks, qty_lots"),
    ({"qty_lots": "many"}, "'many' is not a whole number"),
    ({"qty_lots": 1.5}, "1.5 is not a whole number"),
    ({"qty_lots": "1.5"}, "'1.5' is not a whole number"),
    ({"qty_lots": True}, "True is not a whole number"),
    ({"qty_lots": None}, "None is not a whole number"),
    ({"qty_lots": 1 << 62}, "is not a whole number"),
    ({"qty_lots": float("inf")}, "is not a whole number"),
]


@pytest.mark.parametrize(("params", "words"), BAD_PARAMETERS, ids=str)
def test_a_bad_parameter_is_refused_in_one_line(small, params, words):
    assert words in refusal(StrategyError, backtest, small, params=params)


def test_a_fraction_as_parameter_must_be_a_number(small):
    for bad in ("x", float("nan"), "nan", None, "inf"):
        params = {"half_spread_ticks": bad}
        text = refusal(StrategyError, backtest, small, strategy="skewed", params=params)
        assert "half_spread_ticks" in text


@pytest.mark.parametrize(
    "strategy", ["nobody", "rule.txt:f", "missing.py:f", "missing.py", 3, None, len, ""], ids=repr
)
def test_a_strategy_that_is_not_there_is_refused_in_one_line(small, strategy):
    assert "strategy" in refusal(StrategyError, backtest, small, strategy=strategy)


FAILING = {
    "def f(:": "fails when imported: rule.py, line 1:",
    "import no_such_module": "fails when imported: ModuleNotFoundError",
    "import mmjit\nmmjit.parameters(a='x')": "parameter a: 'x' is neither an int nor a float",
    "import mmjit\nmmjit.strategy(params={'a': 1})": "params is made by parameters",
    "raise ValueError('one\\ntwo')": "fails when imported: ValueError: one two",
    "def mine(desk, params, memory, quotes):\n    pass": "has no rule 'mine' (it has: none)",
    (
        "import mmjit\n@mmjit.strategy()\ndef other(desk, params, memory, quotes):\n    pass"
    ): "has no rule 'mine' (it has: other)",
}


@pytest.mark.parametrize(("source", "words"), FAILING.items())
def test_a_file_without_a_rule_is_refused_with_why(small, tmp_path, source, words):
    (tmp_path / "rule.py").write_text(source)

    lines = 3 if "line 1:" in words else 1
    text = refusal(StrategyError, backtest, small, strategy=f"{tmp_path}/rule.py:mine", lines=lines)

    assert words in text


RULE = """
import mmjit
from mmjit import ASK, BID

@mmjit.strategy(params=mmjit.parameters(price=98, qty_lots=5))
def mine(desk, params, memory, quotes):
    {}
"""

UNCOMPILABLE = {
    "mmjit.want(quotes, BID, 0, params['price'] * 1.0, 5)": "is a float; wants are whole",
    "mmjit.want(quotes, BID, 0, 98, 0.5)": "is a float; wants are whole",
    "mmjit.want(quotes, BID, 0, no_such_name, 5)": "'no_such_name' is not defined",
    "mmjit.want(quotes, BID, 0, params['speed'], 5)": "params has no 'speed'; it has price",
    "mmjit.want(quotes, BID, 0, [1, 2][0], 5)": "it makes a list",
}


@pytest.mark.compiled
@pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off")
@pytest.mark.parametrize(("line", "words"), UNCOMPILABLE.items())
def test_a_rule_that_does_not_compile_is_refused_with_its_line_and_why(
    small, tmp_path, line, words
):
    (tmp_path / "rule.py").write_text(RULE.format(line))

    text = refusal(StrategyError, backtest, small, strategy=f"{tmp_path}/rule.py:mine", lines=3)

    assert "rule mine does not compile: rule.py, line 7:" in text
    assert line in text
    assert words in text


def sold_above_the_mid(**others: Any) -> Any:
    """Four lots offered a tick above the mid are bought from us, in a market of each instrument."""
    instruments = [Instrument(symbol="A", price_unit="0.01")]
    instruments += [Instrument(**{"symbol": "B", "price_unit": "0.01"} | others)]
    events = messages(
        *(b.add(1 + k, BID, 99, 8, symbol=k) for k in (0, 1)),
        *(b.add(3 + k, ASK, 101, 8, symbol=k) for k in (0, 1)),
        *(b.trade(102, 4, symbol=k) for k in (0, 1)),
    )
    return backtest(tape_of(*events, instruments=instruments), params={"qty_lots": 4}).summary()


@pytest.mark.parametrize(
    ("others", "earned"), [({"price_unit": "0.0001"}, 0.0004), ({"multiplier": "50"}, 2.0)], ids=str
)
def test_instruments_of_other_units_in_one_currency_have_one_total(others, earned):
    summary = sold_above_the_mid(**others)

    assert summary["symbols"]["A"]["pnl_net"] == 0.04
    assert summary["symbols"]["B"]["pnl_net"] == earned
    assert list(summary["currencies"]) == ["USD"]
    assert summary["pnl_net"] == summary["currencies"]["USD"]["pnl_net"] == 0.04 + earned


def test_each_currency_has_a_total_of_its_own_and_there_is_none_over_all():
    summary = sold_above_the_mid(currency="EUR", multiplier="50")

    totals = {name: part["pnl_net"] for name, part in summary["currencies"].items()}
    assert totals == {"USD": 0.04, "EUR": 2.0}
    assert {summary[name] for name in outcome.MONEY} == {None}
    assert (summary["fills"], summary["currencies"]["EUR"]["fills"]) == (2, 1)


def inverse(**others: Any) -> Instrument:
    """A contract of a hundred dollars that settles in bitcoin, in half dollars."""
    fields = {"symbol": "BTCUSD", "price_unit": "0.5", "lot_size": "1", "multiplier": "100"}
    return Instrument(**fields | {"contract": "inverse", "price_min": 2000} | others)


def test_an_inverse_contract_earns_what_it_settles_in():
    events = messages(
        b.add(1, BID, 39_999, 9), b.add(2, ASK, 40_001, 9), b.trade(39_998, 9), b.trade(40_002, 9)
    )
    tape = tape_of(*events, instruments=[inverse()])

    result = backtest(tape, params={"qty_lots": 9}, maker_fee="-0.001")

    summary = result.summary()
    bought, sold = -900 / 19_999.5, -900 / 20_000.5  # of bitcoin, at prices of half dollars
    assert list(summary["currencies"]) == ["BTC"]
    assert summary["position"] == 0
    assert summary["pnl_gross"] == pytest.approx(sold - bought, abs=2e-12)
    assert summary["fees"] == pytest.approx(0.001 * (bought + sold), abs=2e-12)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_unit": "0.3"}, "not a whole number of 1e-12; P&L"),
        ({"multiplier": "5000000"}, "not a whole number of 1e-12; P&L"),
        ({"contract": "quanto"}, "not linear or inverse"),
    ],
    ids=str,
)
def test_a_contract_that_cannot_be_counted_is_refused(fields, words):
    tape = tape_of(*messages(b.add(1, BID, 39_999, 9)), instruments=[inverse(**fields)])

    assert words in refusal(TapeError, backtest, tape)


@pytest.mark.parametrize(
    ("symbol", "settles_in"),
    [("BTCUSD", "BTC"), ("XBT-USD", "XBT"), ("BTCUSD_PERP", "BTC"), ("PERP", "PERP")],
)
def test_an_inverse_contract_settles_in_what_its_symbol_names_first(symbol, settles_in):
    assert settlement(inverse(symbol=symbol)) == settles_in
    assert settlement(Instrument(symbol=symbol, currency="EUR")) == "EUR"


def test_a_point_too_small_to_count_fees_in_is_refused():
    events = messages(b.add(1, BID, 99, 10))
    instruments = [Instrument(symbol="A", price_unit="0.0001", lot_size="0.000000001")]

    assert "1e-12" in refusal(TapeError, backtest, tape_of(*events, instruments=instruments))


def test_a_longer_tick_table_than_fits_is_refused():
    table = tuple((100 * k, k + 1) for k in range(9))
    instruments = [Instrument(symbol="A", price_unit="0.01", tick_table=table)]

    text = refusal(
        TapeError, backtest, tape_of(*messages(b.add(1, 0, 9, 1)), instruments=instruments)
    )

    assert "9 steps" in text


def test_a_tape_that_is_not_there_is_refused(tmp_path):
    assert "not a tape" in refusal(TapeError, backtest, tmp_path)


# ---- the folder of a result -----------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_logs_open_with_plain_numpy_and_are_those_in_memory(tape, tmp_path):
    inside = backtest(tape, progress=False, **SETTINGS)
    result = backtest(tape, out=tmp_path / "out", progress=False, **SETTINGS)

    fills, orders = (np.load(tmp_path / "out" / f"{name}.npy") for name in ("fills", "orders"))
    assert fills.dtype.names == FILL_LINE.names
    assert orders.dtype.names == STEP.names
    assert len(fills) > 10
    assert fills.tobytes() == result.fills.tobytes() == inside.fills.tobytes()
    assert orders.tobytes() == result.steps.tobytes() == inside.steps.tobytes()
    assert set(contents(tmp_path / "out")) == {"fills.npy", "orders.npy", "run.json"}


def test_a_result_without_a_fill_has_empty_logs(small, tmp_path):
    result = backtest(small, params={"qty_lots": 0}, out=tmp_path / "out")

    assert len(np.load(tmp_path / "out" / "fills.npy")) == len(result.fills) == 0
    assert len(np.load(tmp_path / "out" / "orders.npy")) == 0


def test_the_result_says_what_was_run(tape, tmp_path):
    result = backtest(tape, out=tmp_path / "out", progress=False, **SETTINGS)

    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert set(run["versions"]) == {"mmjit", "python", "numba", "numpy"}
    assert run["versions"]["numpy"] == np.__version__
    assert run["cpu"]
    assert run["tape"]["events"] == len(tape.events)
    assert run["tape"]["events_digest"] == tape.meta["events_digest"]
    assert run["tape"]["symbols"] == ["SIM0", "SIM1"]
    assert run["strategy"] == "pegged"
    assert run["params"] == {"offset_ticks": 0, "qty_lots": 300}
    assert run["settings"] == {
        "maker_fee": "-0.0002",
        "taker_fee": "0.0003",
        "max_position": 1000,
        "max_long": None,
        "max_short": None,
        "every": "change",
        "seed": 11,
        "latency": mmjit.Latency().as_json(),
        "queue_model": run["settings"]["queue_model"],
        "impact": True,
    }
    assert run["settings"]["queue_model"]["name"] == "risk_averse"
    untimed = {k: v for k, v in result.summary().items() if k not in ("seconds", "ns_per_event")}
    assert {k: v for k, v in run["result"].items() if k != "symbols"} == {
        k: v for k, v in untimed.items() if k != "symbols"
    }


@pytest.mark.parametrize("strategy", ["pegged", "skewed"])
def test_the_same_inputs_give_the_same_bytes(tape, tmp_path, strategy):
    for name in ("one", "two"):
        backtest(tape, strategy=strategy, out=tmp_path / name, progress=False, **SETTINGS)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_process_gives_the_same_bytes(tape, tmp_path):
    backtest(tape, out=tmp_path / "here", progress=False, **SETTINGS)
    code = (
        "import json, sys; from mmjit import backtest; "
        "backtest(sys.argv[1], out=sys.argv[2], progress=False, **json.loads(sys.argv[3]))"
    )
    words = [str(tape.path), str(tmp_path / "there"), json.dumps(SETTINGS)]
    env = os.environ | {"PYTHONPATH": str(TOP)}
    subprocess.run([sys.executable, "-c", code, *words], env=env, check=True)

    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_a_folder_that_is_there_is_replaced_only_when_asked(small, tmp_path):
    out = tmp_path / "deep" / "out"
    backtest(small, out=out)
    before = contents(out)

    text = refusal(ArgumentError, backtest, small, out=out)
    assert str(out) in text
    assert contents(out) == before

    backtest(small, out=out, replace=True, seed=5)
    assert json.loads((out / "run.json").read_text())["settings"]["seed"] == 5


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_that_holds_something_else_is_never_touched(small, tmp_path, replace):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary").write_text("mine")

    refusal(ArgumentError, backtest, small, out=tmp_path / "out", replace=replace)

    assert contents(tmp_path / "out") == {"diary": b"mine"}


def test_a_run_that_fails_leaves_nothing_behind(small, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "run_json", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        backtest(small, out=tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


# ---- rings and pieces -----------------------------------------------------------------------


def test_an_order_by_hand_finds_room_however_small_the_rings_are(tape, monkeypatch):
    monkeypatch.setattr(sessions, "RING", 8)
    monkeypatch.setattr(sessions, "LINES", 8)
    run = backtesting.start_backtest(tape, impact=False).advance(event=len(tape.events) // 2)

    ids = [run.submit(BID, run.tape.instruments[0].price_min, 1) for _ in range(300)]
    for order_id in ids:
        run.cancel(order_id)

    assert len(run.advance().finish().steps) == 600


@pytest.mark.parametrize("every", ["change", "20us"])
def test_logs_are_the_same_however_often_the_rings_are_drained(tape, monkeypatch, every):
    run = {"params": {"offset_ticks": -1}, "every": every}
    whole = backtest(tape, progress=False, **run)
    drains = []
    drain = running.RunLog.drain
    monkeypatch.setattr(sessions, "RING", 1 << 9)
    monkeypatch.setattr(sessions, "LINES", 1 << 9)
    monkeypatch.setattr(
        running.RunLog, "drain", lambda logs, session: (drains.append(1), drain(logs, session))
    )

    often = backtest(tape, progress=False, **run)

    assert len(drains) > 2
    assert often.steps.tobytes() == whole.steps.tobytes()
    assert often.fills.tobytes() == whole.fills.tobytes()
    assert often.positions.tobytes() == whole.positions.tobytes()


@pytest.mark.parametrize("every", ["change", "300us"])
def test_logs_are_the_same_however_the_tape_is_cut_into_pieces(tape, monkeypatch, every):
    few = Tape(tape.path, tape.events[:1000], tape.instruments, tape.meta)
    whole = backtest(few, every=every, progress=False, **SETTINGS)
    monkeypatch.setattr(running, "PIECE", 77)

    pieces = backtest(few, every=every, progress=False, **SETTINGS)

    assert len(whole.steps) > 100
    assert pieces.steps.tobytes() == whole.steps.tobytes()
    assert pieces.fills.tobytes() == whole.fills.tobytes()
    assert pieces.positions.tobytes() == whole.positions.tobytes()


# ---- the summary ----------------------------------------------------------------------------


def test_the_summary_has_every_number_in_total_and_by_symbol(tape):
    summary = backtest(tape, progress=False, **SETTINGS).summary()

    assert set(NUMBERS) <= set(summary)
    assert set(summary["symbols"]) == {"SIM0", "SIM1"}
    assert summary["currencies"]["USD"] == {
        name: summary[name] for name in NUMBERS if name not in ("seconds", "ns_per_event")
    }
    for part in summary["symbols"].values():
        assert set(part) == set(NUMBERS)
    assert json.loads(json.dumps(summary)) == summary


def test_totals_are_sums_over_the_symbols(tape):
    summary = backtest(tape, progress=False, **SETTINGS).summary()

    parts = list(summary["symbols"].values())
    for name in ("fills", "orders", "filled_qty", "position"):
        assert summary[name] == sum(part[name] for part in parts)
    for name in ("pnl_net", "pnl_gross", "fees", "realised", "unrealised"):
        assert summary[name] == pytest.approx(sum(part[name] for part in parts), rel=1e-12)
    assert summary["refused"]["max_position"] == sum(
        part["refused"].get("max_position", 0) for part in parts
    )
    assert summary["pnl_net"] == pytest.approx(summary["pnl_gross"] - summary["fees"])
    falls = sum(part["max_drawdown"] for part in parts)  # each rounded to half a point
    assert 0 <= summary["max_drawdown"] <= falls + 0.0001 * len(parts)


def test_money_is_in_currency_and_quantities_in_units():
    instruments = [
        Instrument(symbol="ES", price_unit="0.25", lot_size="0.5", multiplier="50", currency="USD")
    ]
    events = messages(
        b.add(1, BID, 20000, 8), b.add(2, ASK, 20002, 8), b.trade(20003, 4), b.trade(20001, 1)
    )
    result = backtest(tape_of(*events, instruments=instruments), params={"qty_lots": 4})

    part = result.summary()["symbols"]["ES"]
    assert part["position"] == -2
    assert part["filled_qty"] == 2
    assert (
        part["pnl_gross"] == part["unrealised"] == 0.25 * 0.5 * 50 * 4
    )  # sold a tick above the mid
    assert part["realised"] == 0


def test_a_tape_without_events_comes_to_nothing():
    empty = tape_of(instruments=[Instrument(symbol="A")])
    for every in ("change", "fill", "1s"):
        summary = backtest(empty, every=every).summary()

        assert summary["pnl_net"] == summary["fills"] == summary["decisions"] == 0


def test_every_order_can_be_followed_from_its_entry_to_its_end(tape):
    result = backtest(tape, progress=False, **SETTINGS)

    left: dict[int, int] = {}
    for step in result.steps[["kind", "order_id", "qty_lots", "left_lots"]].tolist():
        kind, order_id, lots, left_lots = step
        if kind == Kind.NEW:
            assert order_id == len(left) + 1
            left[order_id] = lots
        elif kind != Kind.REJECT:
            left[order_id] -= lots
        assert left.get(order_id, 0) == left_lots
    assert len(left) == result.summary()["orders"]
    positions = result.positions
    open_lots = positions["open_buy_lots"].sum() + positions["open_sell_lots"].sum()
    assert sum(left.values()) == open_lots
    assert result.fills["qty_lots"].sum() == sum(
        step["qty_lots"] for step in result.steps if step["kind"] == Kind.FILL
    )


@pytest.mark.parametrize("strategy", ["pegged", "skewed"])
def test_what_one_event_fills_is_at_most_its_quantity(tape, strategy):
    fills = backtest(tape, strategy=strategy, progress=False, **SETTINGS).fills

    passive = fills[fills["maker"] == 1]
    filled = np.zeros(len(tape.events), np.int64)
    np.add.at(filled, passive["event"], passive["qty_lots"])
    assert filled.sum() > 0
    assert np.all(filled <= np.where(filled > 0, tape.events["qty_lots"], 0))


def test_limits_hold_after_every_fill(tape):
    result = backtest(tape, max_long=400, max_short=300, progress=False, params={"qty_lots": 300})

    positions = result.fills["position_lots"]
    assert 0 < positions.max() <= 400
    assert -300 <= positions.min() < 0
    assert result.summary()["refused"].keys() & {"max_long", "max_short"}


def test_the_names_of_mmjit_lead_here():
    assert mmjit.backtest is backtest
    assert mmjit.Backtest is backtesting.Backtest


def test_on_fill_a_rule_without_orders_is_asked_as_on_change():
    tape = tape_of(*messages(b.add(1, BID, 90, 5), b.add(2, ASK, 110, 5), b.add(3, BID, 91, 5)))

    result = backtest(tape, strategy="pegged", every="fill")

    entered = result.steps[result.steps["kind"] == Kind.NEW]
    assert entered["price"].tolist() == [90, 110]


def test_a_tape_without_an_instrument_is_refused(tmp_path):
    with TapeWriter(tmp_path / "none") as writer:
        tape = writer.commit(
            [],
            messages=0,
            order_slots=0,
            qty_lots_max=0,
            window_levels=None,
            source={"feed": "none", "files": []},
        )

    with pytest.raises(TapeError, match="has no instrument"):
        backtest(tape)
