"""Fees as people write them: in Python, in a file, for a venue, a run and a state."""

import json
from decimal import Decimal

import pytest

import mmjit
from mmjit import ArgumentError, Fees, Instrument, Tracker, read_fees
from mmjit.cli import main
from mmjit.core.codes import ASK, BID
from mmjit.fees import fees_from_toml
from mmjit.terms import Settings, ledger_of, terms_of

XYZ = Instrument(symbol="XYZ", price_unit="0.01", price_max=1_000_000)
VOD = Instrument(symbol="VOD", price_unit="0.01", price_max=1_000_000, currency="GBP")
FILE = """
[symbols.default]
maker = 0.0002
taker = 0.0005
tiers = [
    {volume = 15_000_000, maker = 0.00016, taker = 0.0004},
    {volume = "5e7", maker = "-0.00005", taker = 3e-4},
]

[symbols.VOD]
buyer = 0.005
taker_per_fill = 5

[symbols.XYZ]
maker = 0
maker_per_qty = -0.002
taker_per_qty = "0.003"
maker_per_fill = 1
seller = 0.0000278
tiers = []
"""
TIERS = [("15_000_000", "0.00016", "0.0004"), (50_000_000, "-0.00005", "0.0003")]
WRITTEN = {
    "default": Fees(maker="0.0002", taker="0.0005", tiers=TIERS),
    "VOD": Fees(maker="0.0002", taker="0.0005", buyer="0.005", taker_per_fill=5, tiers=TIERS),
    "XYZ": Fees(
        taker="0.0005",
        maker_per_qty="-0.002",
        taker_per_qty="0.003",
        maker_per_fill=1,
        seller="0.0000278",
    ),
}


@pytest.fixture
def file(tmp_path):
    """A file of fees."""
    path = tmp_path / "fees.toml"
    path.write_text(FILE)
    return path


# ---- what is refused ------------------------------------------------------------------------

BAD = [
    ({"maker": 1}, "maker: 1 is not between -1 and 1; give a fraction, not a percentage"),
    ({"taker": "x"}, "taker: 'x' is not a fraction such as 0.0003"),
    ({"buyer": float("nan")}, "buyer: nan is not a fraction"),
    ({"seller": None}, "seller: None is not a fraction"),
    ({"maker": True}, "maker: True is not a fraction"),
    ({"maker": "1e-1000000"}, "maker: 1e-1000000 has more decimals than can be counted"),
    ({"taker": "0.6", "buyer": "0.5"}, "taker + buyer: together 1.1, not between -1 and 1"),
    ({"buyer": "0.5", "tiers": [(1, 0, "0.5")]}, "tiers[0].taker + buyer: together 1.0"),
    ({"maker_per_qty": "a lot"}, "maker_per_qty: 'a lot' is not an amount such as 0.003"),
    ({"taker_per_fill": -2_000_000}, "taker_per_fill: -2000000 is more than 1,000,000; give"),
    ({"tiers": 5}, "tiers: 5 is no list of (volume, maker, taker)"),
    ({"tiers": [(1, 2)]}, "tiers[0]: (1, 2) is not (volume, maker, taker); give all three"),
    ({"tiers": [(0, 0, 0)]}, "tiers[0].volume: 0 is not above 0 and up to"),
    ({"tiers": [(5, 0, 0), (5, 0, 0)]}, "tiers[1].volume: 5 is not above 5"),
    ({"tiers": [(5, 0, "30%")]}, "tiers[0].taker: '30%' is not a fraction"),
    ({"tiers": [(n, 0, 0) for n in range(1, 18)]}, "tiers: 17 given, 16 are supported"),
]


@pytest.mark.parametrize(("values", "said"), BAD, ids=str)
def test_a_value_that_is_no_fee_is_refused_by_name(values, said):
    with pytest.raises(ArgumentError) as error:
        Fees(**values)

    assert str(error.value).startswith(said)


UNCOUNTED = [
    (Fees(maker="0.12345678901234567890123"), "fees of XYZ: more decimals than can be counted"),
    (Fees(maker_per_qty="1e-13"), "fees of XYZ: maker_per_qty is 0.1e-12 a lot, not a whole"),
    (Fees(taker_per_fill="0.3e-12"), "fees of XYZ: taker_per_fill is 0.3e-12 a fill"),
    (Fees(taker_per_fill=300_000), "fees of XYZ: 300,000 a fill is more than the 288,230"),
    (Fees(tiers=[(10**17, 0, 0)]), "fees of XYZ: a tier from 100,000,000,000,000,000 on"),
    ({"VOD": Fees(), "VO": Fees()}, "fees: there is no symbol VO; did you mean VOD?"),
    ({"VOD": Fees()}, "fees: none for XYZ; name it, or give 'default'"),
    ({"XYZ": Fees(), "VOD": "0.1"}, "fees: VOD is given '0.1'; give it Fees(...)"),
    ("0.1", "fees: '0.1' is no Fees; give Fees(...), or one for each symbol"),
]


@pytest.mark.parametrize(("fees", "said"), UNCOUNTED, ids=str)
def test_fees_that_do_not_fit_the_instruments_are_refused(fees, said):
    with pytest.raises(ArgumentError) as error:
        Tracker([XYZ, VOD], fees=fees)

    assert str(error.value).startswith(said)


@pytest.mark.parametrize("name", ["maker", "taker"])
def test_a_shortcut_besides_fees_is_refused(name):
    said = f"^{name}_fee: 0.1 is given besides fees; put it there: Fees\\({name}=...\\)"
    for make in (Tracker, mmjit.Venue):
        with pytest.raises(ArgumentError, match=said):
            make([XYZ], fees=Fees(), **{f"{name}_fee": "0.1"})


# ---- one form and another -------------------------------------------------------------------


def test_the_shortcuts_are_fees_by_value():
    short = Tracker([XYZ, VOD], maker_fee="-0.0001", taker_fee=0.0003).ledger
    full = Tracker([XYZ, VOD], fees=Fees(maker=-0.0001, taker="0.0003")).ledger

    assert short.terms.tobytes() == full.terms.tobytes()
    assert not full.tiers["turnover"].any()


def test_a_number_is_kept_as_it_was_written():
    fees = Fees(maker=0.1, taker="-1e-7", maker_per_fill=3, tiers=[["1_000", 0, "0.5"]])

    assert fees == Fees(
        maker="0.10", taker=Decimal("-0.0000001"), maker_per_fill="3", tiers=((1000, 0, 0.5),)
    )
    assert fees.as_json() == {
        "maker": "0.1",
        "taker": "-0.0000001",
        "maker_per_fill": "3",
        "tiers": [["1000", "0", "0.5"]],
    }


def test_like_instruments_are_given_the_same_and_others_their_own():
    wide = Instrument(symbol="W", price_unit="0.1", lot_size="10")
    fees = Fees(taker="0.001", taker_per_qty="0.01", tiers=[(1_000, 0, "0.0005")])
    together = terms_of([XYZ, VOD, wide, XYZ], fees)

    for number, instrument in enumerate((XYZ, VOD, wide, XYZ)):
        alone = terms_of([instrument], fees)
        alone.terms["currency"] = together.terms[number]["currency"]
        assert together.terms[number] == alone.terms[0]
        assert (together.tiers[16 * number : 16 * number + 16] == alone.tiers).all()
    assert together.terms["taker_per_lot"].tolist() == [10**10, 10**10, 10**11, 10**10]
    assert together.tiers["turnover"][::16].tolist() == [10**5, 10**5, 10**3, 10**5]


# ---- the file -------------------------------------------------------------------------------


def test_a_file_says_the_same_as_python(file):
    assert read_fees(file) == WRITTEN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[symbols.A", "not TOML: "),
        ("maker = 0.1", "maker is no fee; there are symbols"),
        ("symbols = 1", "symbols: 1 is no table; write [symbols] above it"),
        ("[symbols]\nA = 1", "symbols.A: 1 is no table; write [symbols.A] above it"),
        ("[symbols.A]\nmakr = 1", "symbols.A.makr is no fee; did you mean maker?"),
        ("[symbols.A]\nmaker = 5", "symbols.A.maker: 5 is not between -1 and 1"),
        ("[symbols.A]\nmaker = nan", "symbols.A.maker: "),
        ("[symbols.A]\ntiers = [1]", "symbols.A.tiers: [1] is no list of tables; write"),
        ("[symbols.A]\ntiers = [{volume = 1}]", "symbols.A.tiers[0]: no maker; a tier has all"),
        ("[symbols.A]\ntiers = [{size = 1}]", "symbols.A.tiers[0].size is no fee; there are"),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_its_place(text, said):
    with pytest.raises(ArgumentError) as error:
        fees_from_toml(text)

    assert str(error.value).startswith(said)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="there is no file"):
        read_fees(tmp_path / "none.toml")
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_fees(tmp_path)
    (tmp_path / "odd.toml").write_text("[symbols.A]\nmaker = 7\n")
    with pytest.raises(ArgumentError, match=r"^odd\.toml: symbols\.A\.maker: 7"):
        read_fees(tmp_path / "odd.toml")


def test_the_command_shows_what_holds(file, capsys):
    assert main(["fees", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["symbols"]
    assert shown == {symbol: fees.as_json() for symbol, fees in WRITTEN.items()}

    assert main(["fees", str(file)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["default", "tiers", "from", "15000000:", "0.00016", "0.0004"] in lines
    assert ["XYZ", "maker_per_qty", "-0.002"] in lines


def test_the_command_checks_against_a_tape(file, capsys, tmp_path):
    tape = mmjit.simulate("cst", tmp_path / "tape", events=50, progress=False).path

    assert main(["fees", str(file), "--tape", str(tape)]) == 2
    assert "there is no symbol VOD" in capsys.readouterr().err


# ---- where fills are taken ------------------------------------------------------------------


def test_a_run_counts_by_the_fees_of_its_settings_and_its_log_has_them(tmp_path):
    tape = mmjit.simulate("cst", tmp_path / "tape", events=50, progress=False)
    fees = Fees(taker="0.0005", maker_per_fill="0.25", tiers=TIERS)
    settings = Settings(fees=fees)

    ledger, wanted = ledger_of(tape, settings), terms_of(tape.instruments, fees)

    assert ledger.terms.tobytes() == wanted.terms.tobytes()
    assert ledger.tiers.tobytes() == wanted.tiers.tobytes()
    logged = settings.as_json()
    assert logged["fees"] == {"default": fees.as_json()}
    assert "maker_fee" not in logged
    assert Settings(fees={"A": fees}).as_json()["fees"] == {"A": fees.as_json()}
    assert "fees" not in Settings().as_json()


@pytest.mark.compiled
def test_a_simulated_market_takes_fees_of_every_kind():
    fees = Fees(maker_per_fill="0.5", taker_per_fill=2)
    played = mmjit.play("cst", events=3_000, fees=fees, progress=False)

    fills = played.tracker.fills()
    makers = int(fills["maker"].sum())
    assert len(fills) > 0
    assert played.tracker.position().fees == Decimal(makers) / 2 + 2 * (len(fills) - makers)


@pytest.mark.compiled
def test_both_sides_of_a_trade_pay_their_own_fees_in_a_venue():
    fees = Fees(maker="-0.0001", taker="0.0003", buyer="0.005", taker_per_qty="0.01")
    venue = mmjit.Venue([XYZ], accounts=2, fees=fees)

    venue.submit(1, BID, 10_000, 100, owner=0)
    venue.submit(2, ASK, 10_000, 100, owner=1)

    assert venue.tracker.position().fees == 49  # 0.49 % of 10,000
    assert venue.tracker.account(1).position().fees == 4  # 3, and 1 for 100 shares


@pytest.mark.compiled
def test_a_state_keeps_fees_of_every_kind_unless_others_are_given(tmp_path):
    capacity = mmjit.Capacity(symbols=2, orders=64)
    fees = Fees(taker="0.001", taker_per_fill=1, tiers=[(1_000, 0, "0.0005")])
    with mmjit.create_state(tmp_path / "s", capacity) as state:
        mmjit.Venue([XYZ], state, fees=fees).tracker.money.record(BID, 10, 100, maker=False)

    with mmjit.open_state(tmp_path / "s") as state:
        tracker = mmjit.Venue([XYZ], state).tracker
        tracker.money.record(ASK, 10, 100, maker=False)
        assert tracker.position().fees == Decimal("2") + Decimal("1.5")

    with mmjit.open_state(tmp_path / "s") as state:
        tracker = mmjit.Venue([XYZ], state, maker_fee=0).tracker
        tracker.money.record(ASK, 10, 100, maker=False)
        assert tracker.position().fees == Decimal("3.5")
        assert not tracker.ledger.tiers["turnover"].any()
