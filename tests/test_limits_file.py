"""Limits as people write them: what a file may say, what it may not, and what the ledger gets."""

from decimal import Decimal

import numpy as np
import pytest

from mmjit import ArgumentError, Instrument, Limits, SymbolLimits, Tracker, read_limits
from mmjit.amounts import Amount
from mmjit.cli import main
from mmjit.core.ledger import UNLIMITED

FULL = """
[account]
max_position = "10_000 lots"
max_open_orders = "200 orders"

[currency.USD]
max_daily_loss = "50_000 USD"
max_drawdown = "30_000.25 USD"

[symbols.default]
max_long = "1_000 lots"
max_short = "900 lots"
max_order_qty = "1 lot"
max_order_notional = "100_000 USD"
price_collar = ["200 bps", "0.50 USD"]
max_open_orders = "20 orders"

[symbols.AAPL]
max_long = "unlimited"
max_short = "0 lots"
price_collar = "100 bps"
"""
AAPL = Instrument(symbol="AAPL", price_unit="0.01")
XYZ = Instrument(symbol="XYZ", price_unit="0.01", lot_size="10")
PERP = Instrument(symbol="BTCUSD", price_unit="0.5", contract="inverse")


@pytest.fixture
def write(tmp_path):
    def writer(text):
        path = tmp_path / "limits.toml"
        path.write_text(text)
        return path

    return writer


def refused(write, text):
    """The one line that a file is refused with."""
    with pytest.raises(ArgumentError) as error:
        read_limits(write(text))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_is_read_with_its_units(write):
    limits = read_limits(write(FULL))

    assert (limits.max_position, limits.max_open_orders) == (10_000, 200)
    assert limits.max_daily_loss == {"USD": Amount(Decimal(50_000), "USD")}
    assert limits.max_drawdown == {"USD": Amount(Decimal("30000.25"), "USD")}
    assert (limits.max_long, limits.max_short, limits.max_order_qty) == (1_000, 900, 1)
    assert limits.max_symbol_orders == 20
    assert limits.price_collar == (Amount(Decimal(200), "bps"), Amount(Decimal("0.50"), "USD"))


def test_a_symbol_says_what_is_different_and_takes_the_rest_from_the_default(write):
    own = read_limits(write(FULL)).symbols["AAPL"]

    assert (own.max_long, own.max_short, own.max_order_qty) == (None, 0, 1)
    assert own.price_collar == (Amount(Decimal(100), "bps"),)
    assert own.max_open_orders == 20


def test_what_is_not_mentioned_is_unlimited(write):
    limits = read_limits(write(""))

    assert limits == Limits()
    for scope in limits.as_json().values():
        rows = scope.values() if "default" in scope else [scope]
        assert all(value == "unlimited" for row in rows for value in row.values())


def test_the_same_limits_can_be_written_in_python(write):
    assert read_limits(write(FULL)) == Limits(
        max_position=10_000,
        max_open_orders=200,
        max_daily_loss={"USD": 50_000},
        max_drawdown="30_000.25 USD",
        max_long=1_000,
        max_short=900,
        max_order_qty=1,
        max_order_notional="100_000 USD",
        price_collar=["200 bps", "0.50 USD"],
        max_symbol_orders=20,
        symbols={
            "AAPL": SymbolLimits(
                max_short=0,
                max_order_qty=1,
                max_order_notional="100_000 USD",
                price_collar="100 bps",
                max_open_orders=20,
            )
        },
    )


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("[account]\nmax_position = 10", "account.max_position", "10 has no unit"),
        ("[account]\nmax_position = '10'", "account.max_position", "'10' is not in lots"),
        ("[account]\nmax_position = '10 shares'", "account.max_position", "is not in lots"),
        ("[account]\nmax_position = '-1 lots'", "account.max_position", "is below 0"),
        ("[account]\nmax_position = '1.5 lots'", "account.max_position", "not a whole number"),
        ("[account]\nmax_position = 'none'", "account.max_position", "not a number and its unit"),
        ("[account]\nmax_position = '1e6 lots'", "account.max_position", "not a number and its"),
        ("[account]\nmax_position = '5_000_000_000_000_000_000 lots'", "max_position", "2**62"),
        ("[account]\nmax_positon = '1 lots'", "account.max_positon", "did you mean max_position?"),
        ("[acount]\nmax_position = '1 lots'", "acount", "did you mean account?"),
        ("[colours]\nred = 1", "colours", "there are account, currency, symbols"),
        ("account = 3", "account", "is no table"),
        ("[symbols]\nAAPL = '3 lots'", "symbols.AAPL", "is no table"),
        ("[currency.USD]\nmax_drawdown = '1 EUR'", "currency.USD.max_drawdown", "is not in USD"),
        ("[currency.USD]\nmax_drawdown = '1'", "currency.USD.max_drawdown", "has no currency"),
        ("[currency.USD]\nmax_drawdown = '3 lots'", "currency.USD.max_drawdown", "is no money"),
        ("[currency.USD]\nmax_drawdown = '1e-3 USD'", "currency.USD.max_drawdown", "not a number"),
        ("[currency.USD]\nmax_drawdown='0.00000000000001 USD'", "max_drawdown", "than 5e-13"),
        ("[currency.USD]\nmax_dradown = '1 USD'", "currency.USD.max_dradown", "max_drawdown?"),
        ("[symbols.A]\nprice_collar = '10_001 bps'", "symbols.A.price_collar", "up to 10,000"),
        ("[symbols.A]\nprice_collar = '1.5 bps'", "symbols.A.price_collar", "whole number of bps"),
        ("[symbols.A]\nprice_collar = ['1 bps', '2 bps']", "symbols.A.price_collar", "twice"),
        ("[symbols.A]\nprice_collar = [5]", "symbols.A.price_collar", "has no unit"),
        ("[symbols.A]\nmax_open_orders = '3 lots'", "symbols.A.max_open_orders", "in orders"),
        ("[symbols.A]\nmax_order_notional = true", "symbols.A.max_order_notional", "no unit"),
        ("[symbols.A]\nmax_position = '1 lots'", "symbols.A.max_position", "is no limit"),
        ("[account\n", "limits.toml", "not TOML"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_place_and_the_remedy(write, text, where, why):
    message = refused(write, text)

    assert "limits.toml" in message
    assert where in message
    assert why in message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="there is no file"):
        read_limits(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "bad",
    [
        {"max_position": -1},
        {"max_position": 1.0},
        {"max_position": True},
        {"max_long": "3"},
        {"max_daily_loss": "many"},
        {"max_daily_loss": True},
        {"max_daily_loss": [5]},
        {"max_drawdown": "5"},
        {"max_daily_loss": float("nan")},
        {"max_daily_loss": Decimal("-0.01")},
        {"max_daily_loss": {"USD": "5 EUR"}},
        {"price_collar": 200},
        {"price_collar": "200"},
        {"symbols": {"AAPL": {"max_long": 3}}},
    ],
)
def test_python_is_refused_what_a_file_is(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        Limits(**bad)


# ---- in force -------------------------------------------------------------------------------


def ledger_of(limits, instruments=(AAPL, XYZ), **more):
    return Tracker(instruments, limits=limits, **more).ledger


def test_the_ledger_gets_every_limit_in_its_own_units(write):
    ledger = ledger_of(read_limits(write(FULL)))

    account, total = ledger.accounts[0], ledger.totals[0]
    assert (account["max_position"], account["max_open_orders"]) == (10_000, 200)
    assert (total["max_daily_loss_units"], total["max_daily_loss_half_pico"]) == (50_000, 0)
    assert total["max_drawdown_units"] == 30_000
    assert total["max_drawdown_half_pico"] == 5 * 10**11
    assert [int(x) for x in ledger.limits[0]][:7] == [
        *(UNLIMITED, 0, 1, 10_000_000, 100, UNLIMITED, 20)
    ]
    assert [int(x) for x in ledger.limits[1]][:7] == [*(1_000, 900, 1, 1_000_000, 200, 50, 20)]


def test_a_notional_between_two_points_is_rounded_down():
    ledger = ledger_of(Limits(max_order_notional="100.19 USD"))

    assert ledger.limits[1]["max_order_points"] == 1001  # of 10 cents


def test_a_ledger_without_limits_is_unlimited_and_one_that_had_them_gets_all_anew():
    ledger = ledger_of(Limits(max_long=5, max_position=7, max_daily_loss=3))

    Limits().apply(ledger, [AAPL, XYZ])

    assert ledger.limits[0]["max_long"] == UNLIMITED
    assert ledger.accounts[0]["max_position"] == UNLIMITED
    assert ledger.totals[0]["max_daily_loss_units"] == UNLIMITED


def test_the_limits_of_one_account_leave_the_others_alone():
    ledger = ledger_of(None, accounts=2)

    Limits(max_long=5, max_position=7, max_daily_loss="0.5 USD").apply(ledger, [AAPL, XYZ], owner=1)

    assert ledger.limits["max_long"].tolist() == [UNLIMITED, UNLIMITED, 5, 5]
    assert ledger.accounts["max_position"].tolist() == [UNLIMITED, 7]
    assert ledger.totals["max_daily_loss_units"].tolist() == [UNLIMITED, 0]
    assert ledger.totals["max_daily_loss_half_pico"].tolist() == [0, 10**12]


def test_money_without_a_currency_is_in_that_of_whatever_it_bounds():
    limits = Limits(max_daily_loss=7, max_order_notional=2, max_drawdown={"BTC": 1})
    ledger = ledger_of(limits, (AAPL, PERP))

    assert ledger.totals["max_daily_loss_units"].tolist() == [7, 7]
    assert ledger.totals["max_drawdown_units"].tolist() == [UNLIMITED, 1]
    assert ledger.limits["max_order_points"].tolist() == [200, 2 * 10**12]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[symbols.APPL]", "there is no symbol APPL; did you mean AAPL?"),
        ("[symbols.GOOG]", "there is no symbol GOOG; the symbols are AAPL, XYZ"),
        ("[currency.USE]\nmax_drawdown = '1 USE'", "no currency USE; did you mean USD?"),
        ("[symbols.default]\nmax_order_notional = '1 EUR'", "AAPL counts in USD"),
        ("[symbols.XYZ]\nprice_collar = '0.005 USD'", "not a multiple of 0.01"),
        ("[symbols.XYZ]\nprice_collar = '1 EUR'", "symbols.XYZ.price_collar: 1 EUR, but XYZ"),
    ],
)
def test_limits_that_do_not_fit_the_instruments_are_refused_and_leave_no_trace(write, text, why):
    ledger = ledger_of(None)
    before = [array.tobytes() for array in ledger]

    with pytest.raises(ArgumentError) as error:
        read_limits(write(text)).apply(ledger, [AAPL, XYZ])

    assert str(error.value).startswith("limits.toml: ")
    assert why in str(error.value)
    assert [array.tobytes() for array in ledger] == before


def test_an_account_or_symbols_that_the_ledger_does_not_have_are_refused():
    ledger = ledger_of(None)

    with pytest.raises(ArgumentError, match="there is no account 1"):
        Limits().apply(ledger, [AAPL], owner=1)
    with pytest.raises(ArgumentError, match="3 given, the ledger has room for 2"):
        Limits().apply(ledger, [AAPL, XYZ, PERP])


# ---- the command ----------------------------------------------------------------------------


def test_the_command_shows_what_holds(write, capsys):
    assert main(["limits", str(write(FULL))]) == 0

    shown = capsys.readouterr().out
    assert "10_000 lots" in shown
    line = next(line for line in shown.splitlines() if line.startswith("AAPL"))
    assert line.split("  ")[0] == "AAPL"
    assert "unlimited" in line
    assert "100 bps" in line


def test_what_the_command_shows_can_be_written_in_a_file_again(write, capsys):
    import json

    assert main(["limits", str(write(FULL)), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)

    again = []
    for scope in ("account", "currency", "symbols"):
        tables = {"": facts[scope]} if scope == "account" else facts[scope]
        for name, row in tables.items():
            again.append(f"[{scope}.{name}]" if name else f"[{scope}]")
            for limit, value in row.items():
                parts = value.split(", ")
                again.append(f"{limit} = {parts if len(parts) > 1 else parts[0]!r}")
    assert read_limits(write("\n".join(again))) == read_limits(write(FULL))


def test_the_command_fails_in_one_line(write, capsys):
    assert main(["limits", str(write("[account]\nmax_position = 1"))]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1


def test_the_command_checks_against_a_tape(write, capsys, tmp_path):
    import mmjit

    tape = mmjit.simulate("cst", tmp_path / "tape", events=50, progress=False).path
    known, unknown = "[symbols.SIM0]\nmax_long = '1 lot'", "[symbols.SIM1]\nmax_long = '1 lot'"

    assert main(["limits", str(write(known)), "--tape", str(tape)]) == 0
    assert main(["limits", str(write(unknown)), "--tape", str(tape)]) == 2
    assert "did you mean SIM0?" in capsys.readouterr().err


def test_numpy_counts_are_taken():
    assert Limits(max_long=np.int64(5)).max_long == 5


@pytest.mark.parametrize(
    "given",
    [
        {"max_long": "unlimited", "price_collar": "unlimited", "max_order_notional": "unlimited"},
        {"max_daily_loss": "unlimited", "price_collar": ["unlimited"], "max_position": None},
    ],
)
def test_unlimited_can_be_written_out_in_python_too(given):
    assert Limits(**given) == Limits()
