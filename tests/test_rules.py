"""Rules: what they are made of, what they may do, and when their compiled code is stale."""

import json
import linecache
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmjit.backtesting import backtest
from mmjit.core import desk as words
from mmjit.core.cache import cache_folder
from mmjit.core.codes import ASK, BID, Kind
from mmjit.core.desk import best, on_tick, qty_at_best, queue_ahead, tick_at, want
from mmjit.core.jit import COMPILED
from mmjit.core.rules import NOTHING, Rule, RuleError, parameters, stamp_of, strategy
from mmjit.errors import StrategyError
from mmjit.instrument import Instrument
from mmjit.rulebook import SHIPPED, find_rule, with_parameters
from mmjit.simulating import simulate
from tests import builders as b
from tests.backtests import lines_of, messages, tape_of

TOP = Path(__file__).resolve().parent.parent
compiled = [
    pytest.mark.compiled,
    pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off"),
]


def market(count: int = 4) -> Any:
    """A bid at 99 and an offer at 101, and as many changes of the bid as make up the count."""
    events = [b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10)]
    events += [b.add(3 + k, BID, 99, 1) for k in range(count - 2)]
    return tape_of(*messages(*events))


def wants(rule: Any, **more: Any) -> list[tuple[int, int]]:
    """Price and lots of every order that a rule enters on that market, or is refused."""
    steps = lines_of(backtest(market(), strategy=rule, **more).steps)
    return [(s["price"], s["qty_lots"]) for s in steps if s["kind"] in (Kind.NEW, Kind.REJECT)]


# ---- declaring ------------------------------------------------------------------------------


def test_parameters_take_their_types_from_their_defaults():
    record = parameters(ticks=3, spread=0.5)

    assert record.dtype == np.dtype([("ticks", "i8"), ("spread", "f8")])
    assert record[0].item() == (3, 0.5)


def test_a_rule_without_parameters_has_one_that_is_not_used():
    assert parameters().dtype == NOTHING


@pytest.mark.parametrize("value", ["1", None, True, [1], 1j], ids=repr)
def test_a_default_that_is_no_number_is_refused(value):
    with pytest.raises(RuleError, match="parameter level"):
        parameters(level=value)


@pytest.mark.parametrize("params", [{"a": 1}, 3, np.zeros(3), [1]], ids=repr)
def test_parameters_are_made_by_parameters(params):
    with pytest.raises(RuleError, match="made by parameters"):
        strategy(params=params)


def test_a_rule_knows_its_name_and_what_it_is_for():
    rule = find_rule("pegged")

    assert rule.name == "pegged"
    assert rule.doc == "Want one quote a side, `offset_ticks` behind the best, of `qty_lots`."


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rule_that_comes_with_mmjit_is_found_by_name_and_quotes(name):
    assert isinstance(find_rule(name), Rule)
    levels = 4 if name == "grid" else 1
    first = wants(name, params={"qty_lots": 3})[: 2 * levels]
    assert len(set(first)) == 2 * levels


@pytest.mark.parametrize(
    ("value", "kept"),
    [(7, 7), ("7", 7), (7.0, 7), (np.int64(7), 7), ("-3", -3), (1 << 61, 1 << 61)],
)
def test_a_whole_parameter_may_be_given_as_any_whole_number(value, kept):
    rule = find_rule("pegged")

    assert with_parameters(rule, {"qty_lots": value})[0]["qty_lots"] == kept
    assert rule.defaults[0]["qty_lots"] == 100


@pytest.mark.parametrize("value", [1.5, "1.5", 2, "2e-3", np.float32(0.5)])
def test_a_fraction_may_be_given_as_any_number(value):
    record = with_parameters(find_rule("skewed"), {"skew_ticks": value})

    assert record[0]["skew_ticks"] == float(value)


# ---- what a rule sees and keeps -------------------------------------------------------------


@strategy(params=parameters(step=2), memory=[("calls", "i8"), ("small", "i1"), ("sum", "f8")])
def counting(desk, params, memory, quotes):
    """Remember in a record whose fields are not aligned."""
    memory["calls"] += params["step"]
    memory["small"] -= 1
    memory["sum"] += 0.5
    want(quotes, BID, 0, memory["calls"] - memory["small"], int(memory["sum"] * 2))


def test_a_rule_remembers_between_its_decisions():
    assert wants(counting, params={"step": 3}) == [(4, 1), (8, 2), (12, 3), (16, 4)]


def test_every_symbol_has_a_memory_of_its_own():
    events = [b.add(k + 1, BID, 99, 1, symbol=k % 2) for k in range(6)]
    steps = lines_of(backtest(tape_of(*messages(*events)), strategy=counting).steps)

    for symbol in (0, 1):
        prices = [s["price"] for s in steps if s["symbol"] == symbol and s["kind"] == Kind.NEW]
        assert prices == [3, 6, 9]


def test_a_run_begins_with_an_empty_memory():
    assert wants(counting) == wants(counting)


@strategy(params=parameters(price=0, side=0))
def rounding(desk, params, memory, quotes):
    """Want a price on the tick, and its tick as quantity."""
    price = on_tick(desk, params["side"], params["price"])
    want(quotes, params["side"], 0, price, tick_at(desk, params["price"]))


@pytest.mark.parametrize(
    ("side", "price", "rounded", "tick"),
    [
        (BID, 98, 98, 1),
        (BID, 100, 100, 5),
        (BID, 104, 100, 5),
        (ASK, 101, 105, 5),
        (ASK, 105, 105, 5),
        (ASK, 99, 99, 1),
        (BID, 219, 200, 20),
        (ASK, 201, 220, 20),
    ],
)
def test_a_price_is_rounded_away_from_the_market_to_the_tick_of_its_place(
    side, price, rounded, tick
):
    instruments = [Instrument(symbol="A", tick_table=((0, 1), (100, 5), (200, 20)))]
    tape = tape_of(*messages(b.add(1, 1 - side, 1 + 998 * side, 1)), instruments=instruments)
    tape.events["side"] = side  # nothing to meet on the other side

    params = {"side": side, "price": price}
    [step] = lines_of(backtest(tape, strategy=rounding, params=params).steps)

    assert (step["price"], step["qty_lots"]) == (rounded, tick)


@strategy()
def watching(desk, params, memory, quotes):
    """Rest one order, and want as many lots of another as are ahead of it."""
    want(quotes, BID, 0, 99, 5)
    want(quotes, BID, 1, 98, queue_ahead(desk, BID, 0))


def test_a_rule_sees_its_place_in_the_queue():
    events = [b.add(1, BID, 99, 10), b.add(2, ASK, 101, 10), b.add(3, BID, 99, 4), b.reduce(1, 3)]
    steps = lines_of(backtest(tape_of(*messages(*events)), strategy=watching).steps)

    assert [s["qty_lots"] for s in steps if s["price"] == 98] == [10, 3]  # and shrunk by 3


@strategy(params=parameters(side=0))
def empty_side(desk, params, memory, quotes):
    """Want the best price of a side, and what is at the best of the other."""
    want(quotes, BID, 0, best(desk, params["side"]), qty_at_best(desk, 1 - params["side"]))


def test_the_best_of_an_empty_side_is_zero():
    tape = tape_of(*messages(b.add(1, BID, 99, 10)))

    [step] = lines_of(backtest(tape, strategy=empty_side, params={"side": ASK}).steps)

    assert (step["price"], step["qty_lots"]) == (0, 10)


# ---- where rules come from ------------------------------------------------------------------

SOURCE = """
import mmjit

@mmjit.strategy(params=mmjit.parameters(lots=4))
def mine(desk, params, memory, quotes):
    '''Mine.'''
    mmjit.want(quotes, mmjit.BID, 0, {price}, params["lots"])
"""


def test_a_rule_of_a_file_is_run(tmp_path):
    (tmp_path / "own_rule.py").write_text(SOURCE.format(price=97))

    assert wants(f"{tmp_path}/own_rule.py:mine") == [(97, 4)]
    assert wants(f"{tmp_path}/own_rule.py:mine", params={"lots": "6"}) == [(97, 6)]


def test_a_rule_of_a_file_may_import_its_neighbours_and_leaves_no_path_behind(tmp_path):
    (tmp_path / "the_neighbour.py").write_text("PRICE = 95\n")
    source = "import the_neighbour\n" + SOURCE.format(price="the_neighbour.PRICE")
    (tmp_path / "importing_rule.py").write_text(source)
    path, loaded = list(sys.path), sys.modules.get("json")

    assert wants(f"{tmp_path}/importing_rule.py:mine") == [(95, 4)]
    assert sys.path == path
    assert sys.modules.get("json") is loaded


def test_a_file_named_like_a_module_does_not_take_its_place(tmp_path):
    (tmp_path / "json.py").write_text(SOURCE.format(price=96))

    assert wants(f"{tmp_path}/json.py:mine") == [(96, 4)]
    assert sys.modules["json"] is json


@pytest.mark.parametrize("scope", [{"__name__": "__main__"}, {}], ids=["notebook", "bare"])
def test_a_rule_of_a_notebook_is_run_and_may_be_written_anew(scope):
    def cell(number: int, price: int) -> Any:
        name = f"<input-{number}>"
        source = SOURCE.format(price=price)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), scope)
        return scope["mine"]

    first, second = cell(1, 98), cell(2, 97)

    assert wants(first) == [(98, 4)]
    assert wants(second) == [(97, 4)]
    assert wants(first) == [(98, 4)]


def test_rules_that_one_factory_makes_are_told_apart():
    def factory(price: int) -> Rule:
        @strategy()
        def made(desk, params, memory, quotes):
            want(quotes, BID, 0, price, 2)

        return made

    rules = [factory(price) for price in (97, 98)]

    assert [wants(rule) for rule in rules] == [[(97, 2)], [(98, 2)]]


def test_a_rule_that_raises_when_its_file_is_imported_is_an_error_of_the_strategy(tmp_path):
    (tmp_path / "bad_rule.py").write_text("1 / 0")

    with pytest.raises(StrategyError, match="ZeroDivisionError"):
        backtest(market(), strategy=f"{tmp_path}/bad_rule.py:mine")
    assert "bad_rule" not in sys.modules


# ---- stamps ---------------------------------------------------------------------------------

LEAN = {
    "a function of a module": ("import {helper}", "{helper}.shift(3)"),
    "a function by its name": ("from {helper} import shift", "shift(3)"),
    "a function by another name": ("from {helper} import shift as s", "s(3)"),
    "a module of a package": ("import {package}.inner", "{package}.inner.shift(3)"),
    "a function's function": ("from {helper} import outer", "outer(3)"),
    "a default": ("from {helper} import defaulted", "defaulted(3)"),
    "a constant": ("from {helper} import STEP", "STEP"),
    "a constant of a module": ("import {helper}", "{helper}.STEP"),
    "an array": ("from {helper} import TABLE", "TABLE[0]"),
    "a member of a class": ("from {helper} import Mode", "Mode.FAST"),
    "a member of a module's class": ("import {helper}", "{helper}.Mode.FAST"),
}
HELPER = """
import enum
import numpy as np
STEP = {number}
TABLE = np.array([{number}, 5])
class Mode(enum.IntEnum):
    FAST = {number}
def shift(price):
    return price + {number}
def outer(price):
    return shift(price)
def defaulted(price, by={number}):
    return price + by
"""


def stamp_with(folder: Path, lines: tuple[str, str], number: int, unused: int = 0) -> str:
    """The stamp of a function, taken in a folder whose helpers hold a number."""
    names = {"helper": "lean_helper", "package": "lean_package"}
    helper = HELPER.format(number=number) + f"def unused():\n    return {unused}\n"
    (folder / "lean_helper.py").write_text(helper)
    (folder / "lean_package").mkdir(exist_ok=True)
    (folder / "lean_package" / "__init__.py").write_text("")
    (folder / "lean_package" / "inner.py").write_text(helper)
    for name in ("lean_helper", "lean_package", "lean_package.inner"):
        sys.modules.pop(name, None)
    source = f"{lines[0]}\ndef rule():\n    return {lines[1]}\n".format(**names)
    scope: dict[str, Any] = {"__name__": "lean_rule"}
    cached, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        exec(source, scope)
        return stamp_of(scope["rule"])
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = cached


@pytest.mark.parametrize("lines", LEAN.values(), ids=LEAN)
def test_a_stamp_covers_whatever_a_rule_leans_on(tmp_path, lines):
    assert stamp_with(tmp_path, lines, 1) == stamp_with(tmp_path, lines, 1)
    assert stamp_with(tmp_path, lines, 1) != stamp_with(tmp_path, lines, 2)


@pytest.mark.parametrize("lines", LEAN.values(), ids=LEAN)
def test_a_stamp_does_not_cover_what_a_rule_does_not_use(tmp_path, lines):
    assert stamp_with(tmp_path, lines, 1, unused=1) == stamp_with(tmp_path, lines, 1, unused=2)


PAIRS = [
    ("return quotes.own", "return quotes.positions"),
    ("return 1", "return 2"),
    ("return 1.0", "return 1"),
    ("return quotes['a']", "return quotes['b']"),
    ("return abs(quotes)", "return min(quotes)"),
    ("return [k for k in (1, 2)]", "return [k for k in (1, 3)]"),
    ("return A + B + C", "return A + B + D"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_functions_that_differ_have_stamps_that_differ(one, other):
    def stamp(line: str) -> str:
        scope: dict[str, Any] = {"A": 1, "B": 2, "C": 1, "D": 2}
        exec(f"def rule(quotes):\n    {line}\n", scope)
        return stamp_of(scope["rule"])

    assert stamp(one) != stamp(other)
    assert stamp(one) == stamp(one)


def test_a_stamp_ends_where_functions_lean_on_each_other():
    scope: dict[str, Any] = {}
    exec("def one():\n    return two()\ndef two():\n    return one()\n", scope)

    assert stamp_of(scope["one"]) == stamp_of(scope["one"])


# ---- over processes -------------------------------------------------------------------------

PROCESS = """
import json, sys
from mmjit.core import cache
from mmjit.backtesting import backtest
result = backtest(sys.argv[1], strategy=sys.argv[2], progress=False)
steps = result.steps
print(json.dumps({
    "misses": cache.tally["misses"],
    "hits": cache.tally["hits"],
    "prices": sorted(set(steps["price"].tolist())),
}))
"""


def in_process(tape: Path, rule: str) -> dict[str, Any]:
    """Run a backtest in a process of its own, with the kernels of this one's cache."""
    words = [sys.executable, "-B", "-c", PROCESS, str(tape), rule]
    env = os.environ | {"PYTHONPATH": str(TOP)}
    done = subprocess.run(words, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class OverProcesses:
    """A user's rule and its helper, named as nobody else's, and the files that they cost."""

    def __init__(self, folder: Path) -> None:
        self.tape = folder / "tape"
        simulate("cst", self.tape, events=300, progress=False)
        tag = f"t{abs(hash(str(folder))) % 10**12}"
        self.rule, self.helper = folder / f"rule_{tag}.py", folder / f"helper_{tag}.py"
        self.rule.write_text(
            textwrap.dedent(
                f"""
                import mmjit
                import helper_{tag}

                @mmjit.strategy()
                def mine(desk, params, memory, quotes):
                    mmjit.want(quotes, mmjit.BID, 0, helper_{tag}.price(), 5)
                """
            )
        )
        self.quote_at(980_000)

    def quote_at(self, price: int) -> None:
        source = f"import mmjit\n\n@mmjit.verb\ndef price():\n    return {price}\n"
        self.helper.write_text(source)

    def run(self) -> dict[str, Any]:
        return in_process(self.tape, f"{self.rule}:mine")

    def files(self) -> list[str]:
        return sorted(path.name for path in cache_folder().glob(f"{self.rule.stem}.*"))


@pytest.fixture
def processes(tmp_path):
    return OverProcesses(tmp_path)


class TestOverProcesses:
    pytestmark = compiled

    def test_a_users_rule_is_compiled_once_and_the_engine_not_again(self, processes):
        backtest(processes.tape, progress=False)  # the engine is compiled by now

        first = processes.run()
        files = processes.files()
        second, third = processes.run(), processes.run()

        assert first["misses"] == 1
        assert len(files) == 1
        assert second["misses"] == third["misses"] == 0
        assert second["hits"] == third["hits"] > 0
        assert processes.files() == files
        assert first["prices"] == second["prices"] == third["prices"] == [980_000]

    def test_an_edit_of_a_helper_compiles_the_rule_anew_and_takes_effect(self, processes):
        processes.run()
        processes.quote_at(970_000)

        edited, again = processes.run(), processes.run()

        assert edited["prices"] == again["prices"] == [970_000]
        assert again["misses"] == 0

    def test_a_comment_in_the_file_compiles_nothing(self, processes):
        processes.run()
        with processes.helper.open("a") as file:
            file.write("# why\n")

        assert processes.run()["misses"] == 0

    def test_a_rule_that_comes_with_mmjit_is_compiled_once(self, processes):
        in_process(processes.tape, "pegged")

        assert in_process(processes.tape, "pegged")["misses"] == 0


def test_a_rule_that_prints_is_refused_when_compiled():
    @strategy()
    def prints(desk, params, memory, quotes):
        print("hello")

    tape = tape_of(*messages(b.add(1, BID, 90, 5)))
    if not COMPILED:
        return
    with pytest.raises(StrategyError, match="calls print"):
        backtest(tape, strategy=prints)


def test_a_rule_that_raises_is_named_in_the_error():
    @strategy()
    def raises(desk, params, memory, quotes):
        raise ValueError("no")

    tape = tape_of(*messages(b.add(1, BID, 90, 5)))
    with pytest.raises(StrategyError, match="rule raises raised ValueError"):
        backtest(tape, strategy=raises)


# ---- what a rule draws on -----------------------------------------------------------------------

place = queue_ahead  # by another name


def _asks(desk):
    return place(desk, BID, 0)


@strategy()
def asks_by_another_name(desk, params, memory, quotes):
    want(quotes, BID, 0, 98, _asks(desk))


@strategy()
def asks_a_module(desk, params, memory, quotes):
    want(quotes, BID, 0, 98, words.queue_ahead(desk, BID, 0))


@strategy()
def reads_the_array(desk, params, memory, quotes):
    want(quotes, BID, 0, 98, desk.ahead[0, BID, 0])


@strategy()
def asks_nothing(desk, params, memory, quotes):
    if words.is_two_sided(words.at_symbol(desk, 0)):
        want(quotes, BID, 0, best(desk, BID), 1)


@pytest.mark.parametrize("rule", [asks_by_another_name, asks_a_module, reads_the_array])
def test_queues_are_followed_for_a_rule_that_may_ask_for_them(rule):
    assert rule.asks_queues


def test_queues_are_not_followed_for_a_rule_that_cannot_ask_for_them():
    assert not asks_nothing.asks_queues
    assert [name for name in SHIPPED if find_rule(name).asks_queues] == ["join-queue"]
