"""Limits of an account in one symbol: as people write them, and as LIMIT keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from mmjit.amounts import (
    Amount,
    Rate,
    Share,
    Within,
    age_of,
    bps_of,
    collar_of,
    count_of,
    money_of,
    parts_of,
    rate_of,
    share_of,
    span_text,
    within_of,
)
from mmjit.core.codes import Restriction
from mmjit.core.ledger import UNLIMITED
from mmjit.core.pacing import AGES, FILLS, PROTECTS, RATES, REPEATS, SHARES
from mmjit.core.tables import FILL_RING, SENT_RING
from mmjit.errors import ArgumentError
from mmjit.instrument import Instrument, Number
from mmjit.terms import exact, settlement

Given = Number | Amount | None
Count = int | str | None
Collar = str | Amount | Sequence[str | Amount] | None
COUNTS: Final = {
    "max_long": "lots",
    "max_short": "lots",
    "max_order_qty": "lots",
    "max_open_orders": "orders",
    "max_open_qty": "lots",
}
_SIDES: Final = ("both", "worse")


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
        price_collar_side: "worse": the collar bounds only what is dearer than the mid for its
            sender; "both", the default.
        max_open_orders: orders that rest.
        max_open_qty: lots of the orders of a side that rest.
        max_volume_share: of one order: "200 bps of 1_000_000 lots", a share of a day's volume.
        max_depth_share: of one order: "5_000 bps" of what the other side shows at its five best
            prices.
        margin: "1_000 bps" of its worth that what is held at worst takes up of the `credit`.
        restricted: "buy", "sell" and "short" (to sell more than is held), one or several.
        max_market_age: "500 ms": of what is known of the market, which must be whole too.
        order_rate: "100 per s, burst 20": messages in the long run, and at once.
        cancel_rate: the same of cancels, which do not count there.
        max_repeats: "1 in 5 ms": orders of the same side, price and quantity.
        max_fills: "10 in 1 s", of a side; one more disables the symbol until it is acknowledged.
        protection: "1_000 lots in 1 s": filled on both sides, from a first fill on; reached, it
            freezes the symbol and cancels its orders.
        protection_delta: "400 lots in 1 s": so much more on one side than on the other.
        protection_freeze: "5 s"; None: until it is acknowledged.
    """

    max_long: Count = None
    max_short: Count = None
    max_order_qty: Count = None
    max_order_notional: Given = None
    price_collar: Collar = None
    max_open_orders: Count = None
    price_collar_side: str | None = None
    max_open_qty: Count = None
    max_volume_share: str | Share | None = None
    max_depth_share: str | int | None = None
    margin: str | int | None = None
    restricted: str | Sequence[str] | None = None
    max_market_age: str | int | None = None
    order_rate: str | Rate | None = None
    cancel_rate: str | Rate | None = None
    max_repeats: str | Within | None = None
    max_fills: str | Within | None = None
    protection: str | Within | None = None
    protection_delta: str | Within | None = None
    protection_freeze: str | int | None = None

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, parsed(name, name, getattr(self, name)))
        spans = {w.span_ns for w in (self.protection, self.protection_delta) if w is not None}  # type: ignore[union-attr]
        if len(spans) > 1:
            raise ArgumentError("protection_delta: its time is another than protection's; give one")

    def texts(self) -> dict[str, str]:
        """Each limit as it is written in a file."""
        return {name: _text_of(name, getattr(self, name)) for name in self.__dataclass_fields__}

    # ---- as LIMIT keeps it --------------------------------------------------------------------

    def row(self, instrument: Instrument, at: str, paces: bool) -> dict[str, int]:
        """What LIMIT holds of a symbol.

        Args:
            instrument: the symbol.
            at: where the limits stand, for messages.
            paces: whether the account has rates too.
        """
        notional, points = self.max_order_notional, UNLIMITED
        if isinstance(notional, Amount):
            where = f"{at}.max_order_notional"
            money = in_currency(notional, settlement(instrument), instrument, where)
            points = min(int(money / exact(instrument, 1)), UNLIMITED)
        row = {
            "max_long": _or_none(self.max_long),
            "max_short": _or_none(self.max_short),
            "max_order_lots": _or_none(self.max_order_qty),
            "max_order_points": points,
            **self._collar(instrument, at),
            "max_open_orders": _or_none(self.max_open_orders),
            "max_open_lots": _or_none(self.max_open_qty),
            "restricted": sum(Restriction[name.upper()] for name in parts_of(self.restricted)),
            "margin_bps": 10_000 if self.margin is None else int(self.margin),
            **self._sizes(),
            **self._paces(),
        }
        return row | {"watches": self._watches(row, paces)}

    def _collar(self, instrument: Instrument, at: str) -> dict[str, int]:
        row = {"collar_bps": UNLIMITED, "collar_price": UNLIMITED}
        for part in parts_of(self.price_collar):
            if part.unit == "bps":
                row["collar_bps"] = int(part.value)
            else:
                row["collar_price"] = _price_of(part, instrument, f"{at}.price_collar")
        return row | {"collar_one_sided": int(self.price_collar_side == "worse")}

    def _sizes(self) -> dict[str, int]:
        share: Any = self.max_volume_share
        return {
            "max_volume_lots": UNLIMITED if share is None else share.bps * share.lots // 10_000,
            "max_depth_bps": _or_none(self.max_depth_share),
            "max_age_ns": _or_none(self.max_market_age),
        }

    def _paces(self) -> dict[str, int]:
        repeats, fills = _within(self.max_repeats), _within(self.max_fills)
        lots, delta = _within(self.protection), _within(self.protection_delta)
        freeze: Any = self.protection_freeze
        return {
            **rate_row("order", self.order_rate),
            **rate_row("cancel", self.cancel_rate),
            "max_repeats": repeats[0],
            "repeat_ns": repeats[1],
            "max_fills": fills[0],
            "fill_ns": fills[1],
            "protect_lots": lots[0],
            "protect_delta_lots": delta[0],
            "protect_ns": max(lots[1], delta[1]),
            "freeze_ns": 0 if freeze is None else freeze,
        }

    def _watches(self, row: dict[str, int], paces: bool) -> int:
        """Which limits of the row are to be looked at."""
        limited = {name: row[name] < UNLIMITED for name in row}
        rates = paces or limited["order_rate"] or limited["cancel_rate"]
        protects = limited["protect_lots"] or limited["protect_delta_lots"]
        return (
            RATES * rates
            | REPEATS * limited["max_repeats"]
            | FILLS * limited["max_fills"]
            | PROTECTS * protects
            | AGES * limited["max_age_ns"]
            | SHARES * (limited["max_volume_lots"] or limited["max_depth_bps"])
        )


def parsed(name: str, where: str, value: Any) -> Any:
    """A limit of a symbol, by its name, from how it was written; None is unlimited.

    Raises:
        ArgumentError: it is no such limit; begins with `where`.
    """
    if name in COUNTS:
        return count_of(where, value, COUNTS[name])
    if name == "max_order_notional":
        return money_of(where, value)
    if name == "price_collar":
        return collar_of(where, value)
    if name == "price_collar_side":
        if value not in (None, "unlimited", *_SIDES):
            raise ArgumentError(f'{where}: {value!r} is no side; write "both" or "worse"')
        return None if value == "unlimited" else value
    if name == "restricted":
        return _restrictions(where, value)
    if name == "max_volume_share":
        return share_of(where, value)
    if name in ("max_depth_share", "margin"):
        return bps_of(where, value)
    if name in ("order_rate", "cancel_rate"):
        return rate_of(where, value)
    if name in ("max_market_age", "protection_freeze"):
        return age_of(where, value)
    if name == "max_repeats":
        return within_of(where, value, "", SENT_RING - 1)
    if name == "max_fills":
        return within_of(where, value, "", FILL_RING - 1)
    return within_of(where, value, "lots", UNLIMITED - 1)


def rate_row(name: str, rate: Any) -> dict[str, int]:
    """A rate as LIMIT and ACCOUNT keep one."""
    if rate is None:
        return {f"{name}_rate": UNLIMITED, f"{name}_burst": 0}
    return {f"{name}_rate": rate.per_s, f"{name}_burst": rate.burst}


def in_currency(amount: Amount, currency: str, instrument: Instrument, where: str) -> Fraction:
    """An amount that must be of a currency."""
    if amount.unit not in ("", currency):
        raise ArgumentError(
            f"{where}: {amount}, but {instrument.symbol} counts in {currency}; give "
            f"[symbols.{instrument.symbol}] its own"
        )
    return Fraction(amount.value)


def _price_of(amount: Amount, instrument: Instrument, where: str) -> int:
    """An amount as a whole number of price units."""
    money = in_currency(amount, instrument.currency, instrument, where)
    price = money / Fraction(instrument.price_unit)
    if price.denominator != 1:
        raise ArgumentError(
            f"{where}: {amount} is not a multiple of {instrument.price_unit}, the price unit of "
            f"{instrument.symbol}; round it"
        )
    return min(int(price), UNLIMITED)


def _restrictions(where: str, value: Any) -> tuple[str, ...]:
    names = tuple(part for part in parts_of(value) if part != "unlimited")
    for name in names:
        if not isinstance(name, str) or name.upper() not in Restriction.__members__:
            known = ", ".join(f'"{one.name.lower()}"' for one in Restriction)
            raise ArgumentError(f"{where}: {name!r} is no restriction; there are {known}")
    return names


def _within(value: Any) -> tuple[int, int]:
    return (UNLIMITED, 0) if value is None else (value.count, value.span_ns)


def _or_none(value: Any) -> int:
    return UNLIMITED if value is None else int(value)


def _text_of(name: str, value: Any) -> str:
    """A limit as it is written in a file."""
    if value is None or value == ():
        return "unlimited"
    if name in COUNTS:
        return f"{value:_} {COUNTS[name]}"
    if name in ("max_depth_share", "margin"):
        return f"{value:_} bps"
    if name in ("max_market_age", "protection_freeze"):
        return span_text(value)
    return ", ".join(str(part) for part in parts_of(value))
