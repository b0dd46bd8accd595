"""The conformance cases are well formed, agree with themselves and ask for nothing impossible."""

import copy

import pytest

from tests import naive_conformance
from tests.conformance_bounds import excesses, prints_without_effect
from tests.conformance_format import FOLDER, differences, inconsistencies, load_cases, problems

CASES = load_cases()
BY_NAME = {case["name"]: case for case in CASES}

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@pytest.fixture
def case():
    return copy.deepcopy(BY_NAME["bid-behind-five-l2"])


@every_case
def test_a_case_has_the_documented_form(case):
    assert problems(case) == []


@every_case
def test_fills_orders_and_position_of_a_case_agree(case):
    assert inconsistencies(case) == []


@every_case
def test_nothing_is_filled_that_did_not_trade_or_was_not_shown(case):
    assert excesses(case) == []


@every_case
def test_the_levels_show_what_traded(case):
    if case["tape"] == "L2":
        assert prints_without_effect(case) == []


def test_every_case_is_in_a_file_of_its_name():
    names = [path.stem for path in sorted(FOLDER.glob("*.json"))]

    assert names == sorted(BY_NAME)
    assert len(names) >= 40
    assert all(case["name"].endswith("-" + case["tape"].lower()) for case in CASES)


def test_the_page_lists_every_case_and_no_other():
    _, cases = (FOLDER / "README.md").read_text().split("## The cases")
    rows = [line.split("|") for line in cases.splitlines() if line.startswith("| `")]

    listed = {
        f"{row[1].strip().strip('`')}-{tape.lower()}"
        for row in rows
        for tape in row[2].replace(",", " ").split()
        if tape in ("L2", "L3")
    }

    assert listed == set(BY_NAME)


def test_twins_on_both_kinds_of_tape_expect_the_same():
    stems = {name.removesuffix("-l2") for name in BY_NAME if name.endswith("-l2")}
    twins = [stem for stem in stems if f"{stem}-l3" in BY_NAME]
    differing = {"limit-order-takes-then-rests"}  # what follows on the L3 tape has no L2 twin

    for stem in set(twins) - differing:
        by_level, by_order = BY_NAME[f"{stem}-l2"], BY_NAME[f"{stem}-l3"]
        assert differences(by_level, by_order) == [], stem
        assert by_level["actions"] == by_order["actions"], stem


# ---- the rules, written down twice --------------------------------------------------------------


@every_case
def test_the_rules_written_naively_fill_as_a_case_says(case):
    assert differences(case, naive_conformance.play(case)) == []


def caught_by(monkeypatch, name, broken):
    """The cases that a naive venue with one broken rule fails."""
    monkeypatch.setattr(naive_conformance.Venue, name, broken)
    return {case["name"] for case in CASES if differences(case, naive_conformance.play(case))}


def test_a_venue_that_fills_every_order_for_the_whole_trade_is_caught(monkeypatch):
    def share_out(self, orders, lots):
        for order in orders:
            self.fill(order, order.price, min(order.left, lots), "maker")
        return lots

    caught = caught_by(monkeypatch, "share_out", share_out)

    assert {"two-own-bids-one-lot-l3", "own-asks-at-two-prices-share-a-trade-l2"} <= caught


def test_a_venue_that_fills_whole_orders_is_caught(monkeypatch):
    def share_out(self, orders, lots):
        for order in orders if lots else []:
            self.fill(order, order.price, order.left, "maker")
        return lots

    caught = caught_by(monkeypatch, "share_out", share_out)

    assert {"one-lot-behind-a-hundred-l3", "sell-order-crosses-our-bid-l3"} <= caught


def test_a_venue_that_forgets_what_was_taken_is_caught(monkeypatch):
    def offered(self, order):
        self.taken.clear()
        return kept(self, order)

    kept = naive_conformance.Venue.offered
    caught = caught_by(monkeypatch, "offered", offered)

    assert {"what-was-taken-is-gone-l2", "what-is-left-of-a-level-l3"} <= caught


def test_a_venue_that_trades_in_halts_and_auctions_is_caught(monkeypatch):
    caught = caught_by(monkeypatch, "is_off", lambda self, row: False)

    assert {"no-fills-while-halted-l2", "auction-print-is-not-ours-l3"} <= caught


def test_a_venue_that_puts_us_in_front_is_caught(monkeypatch):
    def on_trade(self, row):
        for order in self.resting():
            order.before = 0
        kept(self, row)

    kept = naive_conformance.Venue.on_trade
    caught = caught_by(monkeypatch, "on_trade", on_trade)

    assert {"bid-behind-five-l2", "cancels-do-not-move-us-up-l2"} <= caught


def test_a_venue_that_refuses_nothing_but_nonsense_is_caught(monkeypatch):
    def is_refused(self, order, row):
        numbers = (order.price, order.left)
        return any(isinstance(value, float | str) for value in numbers) or order.left <= 0

    caught = caught_by(monkeypatch, "is_refused", is_refused)

    assert {"own-bid-and-own-ask-l2", "post-only-that-would-take-l3"} <= caught
    assert {"reduce-only-cannot-open-l2", "price-above-the-range-l2"} <= caught


# ---- the checker sees what is wrong -------------------------------------------------------------


def test_a_missing_field_is_named(case):
    del case["events"][2]["price"]

    assert problems(case) == ["events[2]: price is missing"]


def test_a_field_too_many_is_named(case):
    case["actions"][0]["colour"] = "red"

    assert problems(case) == ["actions[0]: colour is not a field"]


def test_an_event_of_the_other_kind_of_tape_is_named(case):
    case["events"][0] = {"t_ns": 0, "type": "add", "id": 1, "side": "bid", "price": 100, "qty": 5}

    assert problems(case) == ["events[0]: type 'add' is not one of funding, level, status, trade"]


def test_a_value_of_another_kind_is_named(case):
    case["fills"][0]["qty"] = "4"
    case["orders"]["A"]["state"] = "gone"

    assert problems(case) == [
        "fills[0]: qty is '4', not positive",
        "orders[A]: state is 'gone', not one of cancelled, expired, filled, rejected, resting",
    ]


def test_time_that_runs_backwards_is_named(case):
    case["events"][0]["t_ns"] = 25

    assert problems(case) == ["events: t_ns runs backwards"]


def test_an_id_that_nobody_added_is_named():
    case = copy.deepcopy(BY_NAME["bid-behind-five-l3"])
    case["events"][2]["id"] = 7

    assert problems(case) == ["events[2]: id 7 was never added"]


def test_fills_that_do_not_add_up_are_named(case):
    case["fills"].pop()

    assert inconsistencies(case) == [
        "orders[A]: filled is 10, its fills add up to 8",
        "orders[A]: is filled, but with 8 of [10]",
        "position: 10, the fills add up to 8",
    ]


def test_a_maker_that_has_more_than_what_traded_is_named(case):
    case["fills"] = [case["fills"][0] | {"qty": 6}]

    assert excesses(case) == ["at 40: makers have 6 at 100 or worse, 5 traded"]


def test_a_taker_that_has_more_than_what_was_left_is_named():
    case = copy.deepcopy(BY_NAME["what-was-taken-is-gone-l2"])
    case["fills"].append(case["fills"][0] | {"id": "B", "t_ns": 20, "qty": 1})

    assert excesses(case) == ["at 20: B took 1 of 0"]


def test_a_fill_before_the_order_is_there_is_named():
    case = copy.deepcopy(BY_NAME["order-arrives-after-the-trade-l3"])
    case["fills"][0]["t_ns"] = 15

    assert excesses(case) == ["at 15: A does not rest"]


def test_a_fill_in_a_halt_is_named():
    case = copy.deepcopy(BY_NAME["no-fills-while-halted-l3"])
    case["fills"][0]["t_ns"] = 40

    assert excesses(case) == [
        "at 40: a fill while halted",
        "at 40: makers have 1 at 100 or worse, 0 traded",
    ]


def test_a_price_beyond_the_limit_is_named():
    case = copy.deepcopy(BY_NAME["ioc-stops-at-its-limit-l3"])
    case["fills"].append(case["fills"][0] | {"price": 103})

    assert excesses(case) == ["at 10: A trades at 103, beyond 102"]


def test_a_trade_that_the_level_does_not_show_is_named(case):
    case["events"][3]["qty"] = 35

    assert prints_without_effect(case) == ["at 30: ('bid', 100) shows 35, not 31"]


def test_an_engine_that_does_as_the_case_says_has_no_differences(case):
    assert differences(case, case) == []


def test_what_an_engine_does_instead_is_said(case):
    result = copy.deepcopy(case)
    result["fills"][0]["qty"] = 10
    result["fills"] = result["fills"][:1]
    result["orders"]["A"]["state"] = "resting"
    result["position"] = 11

    assert differences(case, result) == [
        "A gets 10 at 100 as maker (t 40), "
        "not 4 at 100 as maker (t 40) + 4 at 100 as maker (t 50) + 2 at 100 as maker (t 60)",
        "A is resting, not filled",
        "position 11, not 10",
    ]


def test_a_price_that_an_engine_does_not_tell_is_not_held_against_it():
    case = BY_NAME["market-order-walks-the-levels-l2"]
    result = copy.deepcopy(case)
    result["fills"] = [result["fills"][0] | {"price": None, "qty": 10}]

    assert differences(case, result) == []
    result["fills"][0]["qty"] = 9
    assert len(differences(case, result)) == 1


def test_what_the_desk_saw_is_compared():
    case = BY_NAME["the-desk-hears-of-its-fill-late-l3"]
    result = copy.deepcopy(case)
    result["seen"][2]["position"] = 5

    assert differences(case, result) == [
        "the desk saw {'t_ns': 34, 'position': 5}, not {'t_ns': 34, 'position': 0}"
    ]
    del result["seen"]
    assert differences(case, result) == ["what the desk saw is not told"]
