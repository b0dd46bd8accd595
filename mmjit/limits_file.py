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

from mmjit.amounts import Amount, by_currency, collar_of, count_of, money_of, parts_of
from mmjit.core.ledger import UNLIMITED
from mmjit.core.money import HALF_PICOS
from mmjit.errors import ArgumentError
from mmjit.instrument import Instrument, Number
from mmjit.terms import exact, settlement

if TYPE_CHECKING:
    from mmjit.core.ledger import Ledger

Given = Number | Amount | None
Count = int | str | None
Collar = str | Amount | Sequence[str | Amount] | None
_COUNTS: Final = {
    "max_position": "lots",
    "max_open_orders": "orders",
    "max_long": "lots",
    "max_short": "lots",
    "max_order_qty": "lots",
    "max_symbol_orders": "orders",
}


@dataclass(frozen=True, kw_only=True)
class SymbolLimits:
    """What an account may do in one symbol. None is unlimited, 0 allows nothing.

    Attributes:
        max_long: lots, open buy orders counted.
        max_short: lots, open sell orders counted.
        max_order_qty: lots of one order.
        max_order_notional: what one order may be worth, in the currency the symbol settles in.
        price_collar: how far the price of an order may be from the mid: "200 bps", "0.50 USD", or
            both in a list.
        max_open_orders: orders that rest.
    """

    max_long: Count = None
    max_short: Count = None
    max_order_qty: Count = None
    max_order_notional: Given = None
    price_collar: Collar = None
    max_open_orders: Count = None

    def __post_init__(self) -> None:
        for name in ("max_long", "max_short", "max_order_qty", "max_open_orders"):
            _put(self, name, count_of(name, getattr(self, name), _COUNTS[name]))
        notional = money_of("max_order_notional", self.max_order_notional)
        _put(self, "max_order_notional", notional)
        _put(self, "price_collar", collar_of("price_collar", self.price_collar))

    def texts(self) -> dict[str, str]:
        """Each limit as it is written in a file."""
        collar = ", ".join(str(part) for part in parts_of(self.price_collar))
        return {
            "max_long": _shown(self.max_long, "lots"),
            "max_short": _shown(self.max_short, "lots"),
            "max_order_qty": _shown(self.max_order_qty, "lots"),
            "max_order_notional": _shown(self.max_order_notional),
            "price_collar": collar or "unlimited",
            "max_open_orders": _shown(self.max_open_orders, "orders"),
        }


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
        max_long: see `SymbolLimits`; of every symbol that is not in `symbols`, as are the next.
        max_short: see `SymbolLimits`.
        max_order_qty: see `SymbolLimits`.
        max_order_notional: see `SymbolLimits`.
        price_collar: see `SymbolLimits`.
        max_symbol_orders: `max_open_orders` of `SymbolLimits`.
        symbols: by symbol, what holds there instead.
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
    symbols: Mapping[str, SymbolLimits] = field(default_factory=dict)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, unit in _COUNTS.items():
            _put(self, name, count_of(name, getattr(self, name), unit))
        for name in ("max_daily_loss", "max_drawdown"):
            _put(self, name, by_currency(name, getattr(self, name)))
        _put(self, "max_order_notional", money_of("max_order_notional", self.max_order_notional))
        _put(self, "price_collar", collar_of("price_collar", self.price_collar))
        for symbol, own in self.symbols.items():
            if not isinstance(own, SymbolLimits):
                raise ArgumentError(f"symbols: {symbol} is given {own!r}; give it SymbolLimits")

    @property
    def default(self) -> SymbolLimits:
        """What holds of a symbol that is not in `symbols`."""
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
        width = len(ledger.totals) // len(ledger.accounts)
        for number, (instrument, row) in enumerate(zip(known, rows, strict=True)):
            limit = ledger.limits[owner * len(ledger.terms) + number]
            for name, value in row.items():
                limit[name] = value
            total = ledger.totals[owner * width + int(ledger.terms[number]["currency"])]
            for name, value in losses[settlement(instrument)].items():
                total[name] = value

    def check(self, instruments: Iterable[Instrument]) -> None:
        """See whether the limits can be put in force; raises ArgumentError if not."""
        known = list(instruments)
        for kind, names, there in (
            ("symbol", self.symbols, [i.symbol for i in known]),
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
        notional, points = limits.max_order_notional, UNLIMITED
        if isinstance(notional, Amount):
            money = _in(notional, settlement(instrument), instrument, f"{at}.max_order_notional")
            points = min(int(money / exact(instrument, 1)), UNLIMITED)
        row = {
            "max_long": _lots(limits.max_long),
            "max_short": _lots(limits.max_short),
            "max_order_lots": _lots(limits.max_order_qty),
            "max_order_points": points,
            "collar_bps": UNLIMITED,
            "collar_price": UNLIMITED,
            "max_open_orders": _lots(limits.max_open_orders),
        }
        for part in parts_of(limits.price_collar):
            if part.unit == "bps":
                row["collar_bps"] = int(part.value)
            else:
                row["collar_price"] = _price_of(part, instrument, f"{at}.price_collar")
        return row

    def _losses(self, currency: str) -> dict[str, int]:
        """What TOTAL holds of a currency."""
        row = {}
        for name in ("max_daily_loss", "max_drawdown"):
            units, half_pico = UNLIMITED, 0
            amount = _of(getattr(self, name), currency)
            if amount is not None:
                units = int(amount.value)
                half_pico = int(Fraction(amount.value) % 1 * HALF_PICOS)
            row[f"{name}_units"], row[f"{name}_half_pico"] = units, half_pico
        return row

    def _currencies(self) -> list[str]:
        """The currencies that are named."""
        return [c for given in (self.max_daily_loss, self.max_drawdown) for c in _named(given)]

    def _at(self) -> str:
        return f"{self.source}: " if self.source else ""

    # ---- looking at it ------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Every limit by its scope, as text with its unit."""
        currencies = sorted(set(self._currencies()))
        unnamed = {n: _of(getattr(self, n), "") for n in ("max_daily_loss", "max_drawdown")}
        if not currencies or any(unnamed.values()):
            currencies.append("")
        return {
            "account": {
                "max_position": _shown(self.max_position, "lots"),
                "max_open_orders": _shown(self.max_open_orders, "orders"),
            },
            "currency": {
                name or "default": {n: _shown(_of(getattr(self, n), name)) for n in unnamed}
                for name in currencies
            },
            "symbols": {
                "default": self.default.texts(),
                **{symbol: own.texts() for symbol, own in self.symbols.items()},
            },
        }

    def table(self) -> str:
        """Every limit that is in force, for people."""
        parts = []
        for scope, rows in self.as_json().items():
            rows = {"": rows} if scope == "account" else rows
            names = list(next(iter(rows.values())))
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
    _known(account, ("max_position", "max_open_orders"), "account.", "is no limit")
    values: dict[str, Any] = {
        name: count_of(f"account.{name}", _text(f"account.{name}", value), _COUNTS[name])
        for name, value in account.items()
    }
    values["max_daily_loss"], values["max_drawdown"] = {}, {}
    currencies = _table(given, "currency", "")
    for currency in currencies:
        table = _table(currencies, currency, "currency.")
        _known(table, ("max_daily_loss", "max_drawdown"), f"currency.{currency}.", "is no limit")
        for name, value in table.items():
            where = f"currency.{currency}.{name}"
            amount = money_of(where, _text(where, value))
            if amount is not None and amount.unit != currency:
                raise ArgumentError(f"{where}: {value!r} is not in {currency}; give it in that")
            values[name][currency] = amount
    symbols = _table(given, "symbols", "")
    default = _of_symbol(symbols, "default", {}) if "default" in symbols else {}
    for name, value in default.items():
        values["max_symbol_orders" if name == "max_open_orders" else name] = value
    own = {s: SymbolLimits(**_of_symbol(symbols, s, default)) for s in symbols if s != "default"}
    return Limits(**values, symbols=own, source=source)


def _of_symbol(symbols: dict[str, Any], symbol: str, default: dict[str, Any]) -> dict[str, Any]:
    """The limits of one symbol: what it says, and for the rest the default."""
    table = _table(symbols, symbol, "symbols.")
    _known(table, [f.name for f in fields(SymbolLimits)], f"symbols.{symbol}.", "is no limit")
    values = dict(default)
    for name, value in table.items():
        where = f"symbols.{symbol}.{name}"
        if name == "price_collar":
            texts = value if isinstance(value, list) else [value]
            values[name] = collar_of(where, [_text(where, text) for text in texts])
        elif name == "max_order_notional":
            values[name] = money_of(where, _text(where, value))
        else:
            values[name] = count_of(where, _text(where, value), _COUNTS[name])
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
    return str(value) if isinstance(value, Amount) else f"{value:_} {unit}"


def _in(amount: Amount, currency: str, instrument: Instrument, where: str) -> Fraction:
    """An amount that must be of a currency."""
    if amount.unit not in ("", currency):
        raise ArgumentError(
            f"{where}: {amount}, but {instrument.symbol} counts in {currency}; give "
            f"[symbols.{instrument.symbol}] its own"
        )
    return Fraction(amount.value)


def _price_of(amount: Amount, instrument: Instrument, where: str) -> int:
    """An amount as a whole number of price units."""
    money = _in(amount, instrument.currency, instrument, where)
    price = money / Fraction(instrument.price_unit)
    if price.denominator != 1:
        raise ArgumentError(
            f"{where}: {amount} is not a multiple of {instrument.price_unit}, the price unit of "
            f"{instrument.symbol}; round it"
        )
    return min(int(price), UNLIMITED)
