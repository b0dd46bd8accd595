"""What trading costs, as people write it.

    Fees(maker="0.0002", taker="0.0005")                     # of the notional
    Fees(maker_per_qty="0.003", taker_per_qty="0.003", seller="0.0000278")
    Fees(buyer="0.005", maker_per_fill=1, taker_per_fill=1)  # stamp duty, and 1 for each fill
    {"BTCUSDT": Fees(taker="0.0005"), "default": Fees(taker="0.001")}

A fee is the sum of all that applies to a fill, in the currency that the instrument settles in, and
is rounded up once, to 1e-12 of it. The same in a file, where a table has the default's values for
what it does not say:

    [symbols.default]
    maker = 0.0002
    taker = 0.0005
    tiers = [{volume = 15_000_000, maker = 0.00016, taker = 0.0004}]

    [symbols.VOD]
    buyer = 0.005
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from mmjit.core.tables import TIERS
from mmjit.errors import ArgumentError
from mmjit.instrument import Number

DEFAULT: Final = "default"  # stands for every symbol that is not named
_AMOUNT_MAX: Final = 10**6  # of a fee by quantity or fill, in units of the currency
_VOLUME_MAX: Final = 10**18
_EXPONENT_MIN: Final = -60  # of a decimal; finer ones are not even worked out
RATES: Final = ("maker", "taker", "buyer", "seller")
_TIER: Final = ("volume", "maker", "taker")
Tier = tuple[Number, Number, Number]


@dataclass(frozen=True, kw_only=True)
class Fees:
    """What a fill of an instrument costs; above 0 is cost, below 0 a rebate.

    Each is a number or a decimal text and is kept as a Decimal. Amounts are of the currency that
    the instrument settles in: of an inverse contract BTC, not USD.

    Attributes:
        maker: of the notional of a fill of a resting order, as a fraction.
        taker: of the notional of a fill of an incoming order.
        maker_per_qty: for each unit of quantity: a share, a contract, a coin.
        taker_per_qty: the same of an incoming order.
        maker_per_fill: for each fill, however large.
        taker_per_fill: the same of an incoming order.
        buyer: of the notional of a fill that buys, besides maker or taker: a stamp duty.
        seller: of the notional of a fill that sells, the same.
        tiers: (volume, maker, taker), by rising volume, at most 16: once the account has traded
            that notional of the instrument, those rates hold instead of `maker` and `taker`. The
            fill that gets it there still pays the rates of before.

    Raises:
        ArgumentError: a value is no number or beyond its bounds.
    """

    maker: Number = 0
    taker: Number = 0
    maker_per_qty: Number = 0
    taker_per_qty: Number = 0
    maker_per_fill: Number = 0
    taker_per_fill: Number = 0
    buyer: Number = 0
    seller: Number = 0
    tiers: Iterable[Tier] = ()

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in RATES:
                object.__setattr__(self, each.name, rate_of(each.name, value))
            elif each.name != "tiers":
                amount = _number(each.name, value, "an amount such as 0.003")
                if abs(amount) > _AMOUNT_MAX:
                    raise ArgumentError(
                        f"{each.name}: {value} is more than {_AMOUNT_MAX:,}; give units of the "
                        "currency"
                    )
                object.__setattr__(self, each.name, amount)
        object.__setattr__(self, "tiers", _tiers(self.tiers))
        for name, rate in self.rates():
            if not abs(rate) < 1:
                raise ArgumentError(
                    f"{name}: together {float(rate)}, not between -1 and 1; give fractions, not "
                    "percentages"
                )

    def rates(self) -> list[tuple[str, Fraction]]:
        """Every fraction that a fill can come to, and its name."""
        rows = [("", self.maker, self.taker)]
        rows += [(f"tiers[{n}].", *tier[1:]) for n, tier in enumerate(self.tiers)]
        found = []
        for where, *rates in rows:
            for name, rate in zip(RATES[:2], rates, strict=True):
                for more in RATES[2:]:
                    total = Fraction(rate) + Fraction(getattr(self, more))
                    found.append((f"{where}{name} + {more}", total))
        return found

    def as_json(self) -> dict[str, Any]:
        """Each that is not 0, as decimal text: nothing is lost."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        tiers = [[f"{value:f}" for value in tier] for tier in given.pop("tiers")]
        values = {name: f"{value:f}" for name, value in given.items() if value}
        return {**values, **({"tiers": tiers} if tiers else {})}


FeesGiven = Fees | Mapping[str, Fees]


def rate_of(name: str, value: Any) -> Decimal:
    """A fraction of the notional."""
    rate = _number(name, value, "a fraction such as 0.0003")
    if not abs(rate) < 1:
        raise ArgumentError(
            f"{name}: {value} is not between -1 and 1; give a fraction, not a percentage"
        )
    return rate


def fees_given(maker_fee: Number, taker_fee: Number, fees: FeesGiven | None) -> FeesGiven:
    """What was asked for, either by its shortcuts or by `fees`.

    Raises:
        ArgumentError: by both, or by what is neither.
    """
    shortcuts = {"maker": rate_of("maker_fee", maker_fee), "taker": rate_of("taker_fee", taker_fee)}
    if fees is None:
        return Fees(maker=shortcuts["maker"], taker=shortcuts["taker"])
    for name, rate in shortcuts.items():
        if rate:
            raise ArgumentError(
                f"{name}_fee: {rate} is given besides fees; put it there: Fees({name}=...)"
            )
    if isinstance(fees, Fees):
        return fees
    if not isinstance(fees, Mapping):
        raise ArgumentError(f"fees: {fees!r} is no Fees; give Fees(...), or one for each symbol")
    for symbol, own in fees.items():
        if not isinstance(own, Fees):
            raise ArgumentError(f"fees: {symbol} is given {own!r}; give it Fees(...)")
    return dict(fees)


def fees_of(fees: FeesGiven, symbols: Sequence[str]) -> list[Fees]:
    """The fees of each symbol.

    Raises:
        ArgumentError: there is no such symbol, or one has no fees.
    """
    if isinstance(fees, Fees):
        return [fees] * len(symbols)
    for name in fees:
        if name != DEFAULT and name not in symbols:
            remedy = _suggestion(str(name), [*symbols, DEFAULT], "the symbols are")
            raise ArgumentError(f"fees: there is no symbol {name}; {remedy}")
    found = [fees.get(symbol, fees.get(DEFAULT)) for symbol in symbols]
    for symbol, own in zip(symbols, found, strict=True):
        if own is None:
            raise ArgumentError(f"fees: none for {symbol}; name it, or give {DEFAULT!r}")
    return [own for own in found if own is not None]


def fees_json(fees: FeesGiven) -> dict[str, Any]:
    """Plain values by symbol, for a log."""
    by_symbol = {DEFAULT: fees} if isinstance(fees, Fees) else fees
    return {symbol: own.as_json() for symbol, own in by_symbol.items()}


# ---- the file -------------------------------------------------------------------------------


def read_fees(path: str | os.PathLike[str]) -> dict[str, Fees]:
    """The fees in a TOML file, by symbol; the module's first lines show one.

    Raises:
        ArgumentError: it is missing, no TOML, or says something that is no fee.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ArgumentError(f"fees: there is no file {file}; give the path of one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"fees: {file} cannot be read ({error}); give a TOML file") from None
    try:
        return fees_from_toml(text)
    except ArgumentError as error:
        raise ArgumentError(f"{file.name}: {error}") from None


def fees_from_toml(text: str) -> dict[str, Fees]:
    """The fees that a TOML text says, by symbol; numbers are taken as they are written."""
    try:
        given = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, InvalidOperation) as error:
        raise ArgumentError(f"not TOML: {error}; see mmjit fees --help") from None
    _known(given, ("symbols",), "")
    symbols = _table(given, "symbols", "")
    tables = {name: _table(symbols, name, "symbols.") for name in symbols}
    found = {}
    for symbol, own in tables.items():
        where = f"symbols.{symbol}."
        _known(own, [each.name for each in fields(Fees)], where)
        values = tables.get(DEFAULT, {}) | own
        if "tiers" in own:
            values["tiers"] = _tiers_of(own["tiers"], where)
        elif "tiers" in values:
            values["tiers"] = _tiers_of(values["tiers"], f"symbols.{DEFAULT}.")
        try:
            found[symbol] = Fees(**values)
        except ArgumentError as error:
            raise ArgumentError(f"{where}{error}") from None
    return found


def _tiers_of(given: Any, where: str) -> list[Tier]:
    """Tiers as a file writes them, each a table of three."""
    if not isinstance(given, list) or not all(isinstance(tier, dict) for tier in given):
        raise ArgumentError(
            f"{where}tiers: {given!r} is no list of tables; write "
            "[{volume = 1_000_000, maker = 0.0001, taker = 0.0003}]"
        )
    for number, tier in enumerate(given):
        _known(tier, _TIER, f"{where}tiers[{number}].")
        for name in _TIER:
            if name not in tier:
                raise ArgumentError(f"{where}tiers[{number}]: no {name}; a tier has all three")
    return [(tier["volume"], tier["maker"], tier["taker"]) for tier in given]


def _table(given: dict[str, Any], name: str, above: str) -> dict[str, Any]:
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise ArgumentError(f"{above}{name}: {table!r} is no table; write [{above}{name}] above it")
    return table


def _known(given: dict[str, Any], names: Sequence[str], above: str) -> None:
    for name in given:
        if name not in names:
            raise ArgumentError(f"{above}{name} is no fee; {_suggestion(name, names, 'there are')}")


def _suggestion(name: str, names: Sequence[str], all_of_them: str) -> str:
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"{all_of_them} {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"


# ---- numbers --------------------------------------------------------------------------------


def _number(name: str, value: Any, what: str) -> Decimal:
    """A number exactly as it is written."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = Decimal(repr(float(value)) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError, TypeError):
        raise ArgumentError(f"{name}: {value!r} is not {what}") from None
    if not number.is_finite():
        raise ArgumentError(f"{name}: {value!r} is not {what}")
    exponent = number.as_tuple().exponent
    if number and isinstance(exponent, int) and not _EXPONENT_MIN <= exponent <= -_EXPONENT_MIN:
        raise ArgumentError(f"{name}: {value} has more decimals than can be counted; use fewer")
    return number


def _tiers(given: Iterable[Tier]) -> tuple[tuple[Decimal, Decimal, Decimal], ...]:
    """Tiers as they are kept."""
    try:
        rows = [tuple(tier) for tier in given]
    except TypeError:
        raise ArgumentError(f"tiers: {given!r} is no list of (volume, maker, taker)") from None
    if len(rows) > TIERS:
        raise ArgumentError(f"tiers: {len(rows)} given, {TIERS} are supported; give fewer")
    found: list[tuple[Decimal, Decimal, Decimal]] = []
    for number, row in enumerate(rows):
        where = f"tiers[{number}]"
        if len(row) != len(_TIER):
            raise ArgumentError(f"{where}: {row!r} is not (volume, maker, taker); give all three")
        volume = _number(f"{where}.volume", row[0], "an amount such as 1_000_000")
        least = found[-1][0] if found else Decimal(0)
        if not least < volume <= _VOLUME_MAX:
            raise ArgumentError(
                f"{where}.volume: {row[0]} is not above {least:,f} and up to {_VOLUME_MAX:,}; give "
                "tiers by rising volume"
            )
        found.append((volume, rate_of(f"{where}.maker", row[1]), rate_of(f"{where}.taker", row[2])))
    return tuple(found)
