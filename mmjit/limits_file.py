"""Limits of an account, as people write them, and as the ledger keeps them.

    [account]
    max_position = "10_000 lots"        # over all symbols, what is open counted as filled
    max_open_orders = "200 orders"

    [currency.USD]
    max_daily_loss = "50_000 USD"       # reached: only orders that reduce a position
    max_drawdown = "30_000 USD"

    [symbols.default]                   # of every symbol that does not say otherwise
    max_long = "1_000 lots"
    max_short = "1_000 lots"
    max_order_qty = "500 lots"
    max_order_notional = "100_000 USD"
    price_collar = ["200 bps", "0.50 USD"]  # from the mid; one, or both
    max_open_orders = "20 orders"

    [symbols.AAPL]
    max_long = "unlimited"

A value is a number and its unit, or "unlimited". What is not mentioned is unlimited; 0 allows
nothing. Whatever else stands in a file is refused, with its name.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mmjit.amounts import Amount, Rate, by_currency, count_of, money_of, rate_of
from mmjit.core.ledger import UNLIMITED, weigh_all
from mmjit.core.money import HALF_PICOS
from mmjit.core.pacing import LATCHED
from mmjit.errors import ArgumentError
from mmjit.instrument import Instrument
from mmjit.symbol_limits import (
    COUNTS,
    Collar,
    Count,
    Given,
    SymbolLimits,
    parsed,
    rate_row,
)
from mmjit.terms import settlement

if TYPE_CHECKING:
    from mmjit.core.ledger import Ledger

_COUNTS: Final = {**COUNTS, "max_position": "lots", "max_symbol_orders": "orders"}
_MONEY: Final = ("max_daily_loss", "max_drawdown", "max_gross", "credit")
_RATES: Final = ("order_rate", "cancel_rate")
_ALWAYS_SHOWN: Final = ("max_position", "max_open_orders", *_MONEY[:2], *COUNTS)
# What may be given of every symbol without more ado; `max_open_orders` there has another name.
_SHORTCUTS: Final = (
    *("max_long", "max_short", "max_order_qty", "max_order_notional", "price_collar"),
    "max_open_orders",
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an account may do and lose. None is unlimited, 0 allows nothing.

    Amounts are whole numbers of lots or orders, or text with the unit as in a file; money may be a
    number too, and is then in the currency of whatever it bounds.

    Attributes:
        max_position: lots over all symbols, what is open counted as filled.
        max_open_orders: orders that rest, over all symbols.
        max_daily_loss: loss of a session, fees and open positions counted, at which only orders
            that reduce a position pass: for each currency, or by currency.
        max_drawdown: the same from the highest equity so far.
        max_gross: what all positions may be worth, open orders counted and signs not: for each
            currency, or by currency.
        credit: the same of the margin that they take up, `margin` of `SymbolLimits`.
        order_rate: "1_000 per s, burst 50": messages over all symbols, in the long run and at once.
        cancel_rate: the same of cancels, which do not count there.
        max_long: see `SymbolLimits`; of every symbol that is not in `symbols`, as are the next.
        max_short: see `SymbolLimits`.
        max_order_qty: see `SymbolLimits`.
        max_order_notional: see `SymbolLimits`.
        price_collar: see `SymbolLimits`.
        max_symbol_orders: `max_open_orders` of `SymbolLimits`.
        symbols: by symbol, what holds there instead; "default": of every symbol that is not there,
            and then no limit of a symbol is given besides.
        source: the file it was read from, for messages.
    """

    max_position: Count = None
    max_open_orders: Count = None
    max_daily_loss: Given | Mapping[str, Given] = None
    max_drawdown: Given | Mapping[str, Given] = None
    max_long: Count = None
    max_short: Count = None
    max_order_qty: Count = None
    max_order_notional: Given = None
    price_collar: Collar = None
    max_symbol_orders: Count = None
    max_gross: Given | Mapping[str, Given] = None
    credit: Given | Mapping[str, Given] = None
    order_rate: str | Rate | None = None
    cancel_rate: str | Rate | None = None
    symbols: Mapping[str, SymbolLimits] = field(default_factory=dict)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, unit in _COUNTS.items():
            if name != "max_open_qty":
                _put(self, name, count_of(name, getattr(self, name), unit))
        for name in _MONEY:
            _put(self, name, by_currency(name, getattr(self, name)))
        for name in _RATES:
            _put(self, name, rate_of(name, getattr(self, name)))
        _put(self, "max_order_notional", money_of("max_order_notional", self.max_order_notional))
        _put(self, "price_collar", parsed("price_collar", "price_collar", self.price_collar))
        for symbol, own in self.symbols.items():
            if not isinstance(own, SymbolLimits):
                raise ArgumentError(f"symbols: {symbol} is given {own!r}; give it SymbolLimits")
        if "default" in self.symbols and self._shortcuts() != SymbolLimits():
            raise ArgumentError("symbols: default is given beside limits of every symbol; give one")

    @property
    def default(self) -> SymbolLimits:
        """What holds of a symbol that is not in `symbols`."""
        return self.symbols.get("default", self._shortcuts())

    def _shortcuts(self) -> SymbolLimits:
        """What was given of every symbol by name."""
        return SymbolLimits(
            max_long=self.max_long,
            max_short=self.max_short,
            max_order_qty=self.max_order_qty,
            max_order_notional=self.max_order_notional,
            price_collar=self.price_collar,
            max_open_orders=self.max_symbol_orders,
        )

    # ---- what is in force ---------------------------------------------------------------------

    def apply(self, ledger: "Ledger", instruments: Iterable[Instrument], owner: int = 0) -> None:
        """Put the limits of an account in force; nothing is written if one of them is refused.

        Args:
            ledger: whose LIMIT, TOTAL and ACCOUNT records of the account are written, and whose
                TERMS say in which currency each symbol settles.
            instruments: by symbol number.
            owner: the account.
        """
        known = list(instruments)
        if not 0 <= owner < len(ledger.accounts):
            raise ArgumentError(
                f"owner: there is no account {owner}; the ledger has {len(ledger.accounts)}"
            )
        if len(known) > len(ledger.terms):
            raise ArgumentError(
                f"instruments: {len(known)} given, the ledger has room for {len(ledger.terms)}"
            )
        self.check(known)
        rows = [self._row(instrument) for instrument in known]
        losses = {settlement(i): self._losses(settlement(i)) for i in known}

        account = ledger.accounts[owner]
        account["max_position"] = _lots(self.max_position)
        account["max_open_orders"] = _lots(self.max_open_orders)
        for rate in _RATES:
            for name, value in rate_row(rate.removesuffix("_rate"), getattr(self, rate)).items():
                account[name] = value
        width = len(ledger.totals) // len(ledger.accounts)
        for number, (instrument, row) in enumerate(zip(known, rows, strict=True)):
            place = owner * len(ledger.terms) + number
            limit, guard = ledger.limits[place], ledger.guards[place]
            for name, value in row.items():
                limit[name] = value
            if guard["disabled"] or guard["frozen_until_ns"]:
                limit["watches"] |= LATCHED
            total = ledger.totals[owner * width + int(ledger.terms[number]["currency"])]
            for name, value in losses[settlement(instrument)].items():
                total[name] = value
            weighs = min(total["max_gross_units"], total["credit_units"]) < UNLIMITED
            ledger.positions[place]["weighs"] = weighs
        weigh_all(ledger, owner)

    def check(self, instruments: Iterable[Instrument]) -> None:
        """See whether the limits can be put in force; raises ArgumentError if not."""
        known = list(instruments)
        for kind, names, there in (
            ("symbol", self.symbols, [*(i.symbol for i in known), "default"]),
            ("currency", self._currencies(), [settlement(i) for i in known]),
        ):
            for name in names:
                if name not in there:
                    plural = "currencies" if kind == "currency" else "symbols"
                    remedy = _suggestion(name, there, f"the {plural} are")
                    raise ArgumentError(f"{self._at()}there is no {kind} {name}; {remedy}")
        for instrument in known:
            self._row(instrument)

    def _row(self, instrument: Instrument) -> dict[str, int]:
        """What LIMIT holds of a symbol."""
        own = self.symbols.get(instrument.symbol)
        limits = self.default if own is None else own
        at = f"{self._at()}symbols.{'default' if own is None else instrument.symbol}"
        return limits.row(instrument, at, any(getattr(self, name) for name in _RATES))

    def _losses(self, currency: str) -> dict[str, int]:
        """What TOTAL holds of a currency."""
        row = {}
        for name in _MONEY:
            units, half_pico = UNLIMITED, 0
            amount = _of(getattr(self, name), currency)
            if amount is not None:
                units = int(amount.value)
                half_pico = int(Fraction(amount.value) % 1 * HALF_PICOS)
            row[f"{name}_units"], row[f"{name}_half_pico"] = units, half_pico
        return row

    def _currencies(self) -> list[str]:
        """The currencies that are named."""
        return [c for name in _MONEY for c in _named(getattr(self, name))]

    def _at(self) -> str:
        return f"{self.source}: " if self.source else ""

    # ---- looking at it ------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Every limit by its scope, as text with its unit."""
        currencies = sorted(set(self._currencies()))
        unnamed = {n: _of(getattr(self, n), "") for n in _MONEY}
        if not currencies or any(unnamed.values()):
            currencies.append("")
        return {
            "account": {
                "max_position": _shown(self.max_position, "lots"),
                "max_open_orders": _shown(self.max_open_orders, "orders"),
                **{name: _shown(getattr(self, name)) for name in _RATES},
            },
            "currency": {
                name or "default": {n: _shown(_of(getattr(self, n), name)) for n in unnamed}
                for name in currencies
            },
            "symbols": {
                "default": self.default.texts(),
                **{s: own.texts() for s, own in self.symbols.items() if s != "default"},
            },
        }

    def table(self) -> str:
        """Every limit that is in force, for people; the rarer ones only where one is."""
        parts = []
        for scope, rows in self.as_json().items():
            rows = {"": rows} if scope == "account" else rows
            names = [
                name
                for name in next(iter(rows.values()))
                if name in _ALWAYS_SHOWN or any(row[name] != "unlimited" for row in rows.values())
            ]
            rows = {of: {name: row[name] for name in names} for of, row in rows.items()}
            lines = [[scope, *names], *([name, *row.values()] for name, row in rows.items())]
            widths = [max(len(line[i]) for line in lines) for i in range(len(names) + 1)]
            for line in lines:
                padded = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
                parts.append("  ".join(padded).rstrip())
            parts.append("")
        return "\n".join(parts[:-1])


# ---- the file -------------------------------------------------------------------------------


def read_limits(path: str | os.PathLike[str]) -> Limits:
    """The limits in a TOML file; the module's first lines show one.

    Raises:
        ArgumentError: it is missing, no TOML, or says something that is no limit.
    """
    file = Path(path)
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArgumentError(f"limits: there is no file {file}; give the path of one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{file}: not TOML: {error}; see mmjit.limits_file") from None
    try:
        return _limits_of(given, file.name)
    except ArgumentError as error:
        raise ArgumentError(f"{file.name}: {error}") from None


def _limits_of(given: dict[str, Any], source: str) -> Limits:
    """The limits in the tables of a file."""
    _known(given, ("account", "currency", "symbols"), "", "is no table of limits")
    account = _table(given, "account", "")
    _known(account, ("max_position", "max_open_orders", *_RATES), "account.", "is no limit")
    values: dict[str, Any] = {name: {} for name in _MONEY}
    for name, value in account.items():
        where, text = f"account.{name}", _text(f"account.{name}", value)
        rate = name in _RATES
        values[name] = rate_of(where, text) if rate else count_of(where, text, _COUNTS[name])
    currencies = _table(given, "currency", "")
    for currency in currencies:
        table = _table(currencies, currency, "currency.")
        _known(table, _MONEY, f"currency.{currency}.", "is no limit")
        for name, value in table.items():
            where = f"currency.{currency}.{name}"
            amount = money_of(where, _text(where, value))
            if amount is not None and amount.unit != currency:
                raise ArgumentError(f"{where}: {value!r} is not in {currency}; give it in that")
            if amount is not None:
                values[name][currency] = amount
    symbols = _table(given, "symbols", "")
    default = _of_symbol(symbols, "default", {}) if "default" in symbols else {}
    own = {s: SymbolLimits(**_of_symbol(symbols, s, default)) for s in symbols if s != "default"}
    given_of_all = {name: value for name, value in default.items() if value not in (None, ())}
    if set(given_of_all) <= set(_SHORTCUTS):
        for name, value in given_of_all.items():
            values["max_symbol_orders" if name == "max_open_orders" else name] = value
    else:
        own["default"] = SymbolLimits(**default)
    return Limits(**values, symbols=own, source=source)


def _of_symbol(symbols: dict[str, Any], symbol: str, default: dict[str, Any]) -> dict[str, Any]:
    """The limits of one symbol: what it says, and for the rest the default."""
    table = _table(symbols, symbol, "symbols.")
    _known(table, [f.name for f in fields(SymbolLimits)], f"symbols.{symbol}.", "is no limit")
    values = dict(default)
    for name, value in table.items():
        where = f"symbols.{symbol}.{name}"
        several = isinstance(value, list) and name in ("price_collar", "restricted")
        texts = [_text(where, text) for text in (value if several else [value])]
        values[name] = parsed(name, where, texts if several else texts[0])
    return values


def _table(given: dict[str, Any], name: str, above: str) -> dict[str, Any]:
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise ArgumentError(f"{above}{name}: {table!r} is no table; write [{above}{name}] above it")
    return table


def _known(given: dict[str, Any], names: Sequence[str], above: str, problem: str) -> None:
    for name in given:
        if name not in names:
            remedy = _suggestion(name, names, "there are")
            raise ArgumentError(f"{above}{name} {problem}; {remedy}")


def _suggestion(name: str, names: Sequence[str], all_of_them: str) -> str:
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], 1)
    if near:
        return f"did you mean {next(n for n in names if n.lower() == near[0])}?"
    some = sorted(set(names))
    return f"{all_of_them} {', '.join(some[:10])}{', ...' if len(some) > 10 else ''}"


def _text(where: str, value: Any) -> str:
    """A value of a file, which is text: a number without its unit is refused."""
    if isinstance(value, str):
        return value
    raise ArgumentError(f'{where}: {value!r} has no unit; write it as "10 lots", in quotes')


# ---- from one form to another ---------------------------------------------------------------


def _put(record: Any, name: str, value: Any) -> None:
    """Settle a field of a frozen record while it is made."""
    object.__setattr__(record, name, value)


def _named(given: Any) -> list[str]:
    return [name for name in given if name]


def _of(given: Any, currency: str) -> Amount | None:
    """What may be lost in a currency."""
    found: Amount | None = given.get(currency, given.get(""))
    return found


def _lots(value: Any) -> int:
    return UNLIMITED if value is None else int(value)


def _shown(value: Any, unit: str = "") -> str:
    if value is None:
        return "unlimited"
    return f"{value:_} {unit}" if isinstance(value, int) else str(value)
