"""What is traded: units, increments, bounds, and the way between people's numbers and ours.

A price is an integer count of `price_unit`, a quantity an integer count of `lot_size`. Only exact
conversions are made: what is not a whole number of units is refused, never rounded.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from datetime import time as clock
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from mmjit.errors import ArgumentError

Number = Decimal | int | str | float
_KINDS: Final = (int, float, str, Decimal)
_DIGITS_MAX: Final = 40  # before the point; of an amount with more not even the count is worked out


@dataclass(frozen=True, kw_only=True)
class Session:
    """When an instrument trades; times of day as HH:MM[:SS] in `timezone`."""

    timezone: str = "UTC"
    open: str = "00:00"
    close: str = "24:00"
    daily_reset: str = "00:00"

    def next_close_ns(self, time_ns: int) -> int:
        """The first close after a time, both in nanoseconds since 1970 UTC."""
        zone = ZoneInfo(self.timezone)
        day = datetime.fromtimestamp(time_ns // 10**9, zone).date()
        hours, minutes, seconds = (*(int(part) for part in self.close.split(":")), 0)[:3]
        while True:
            # 24:00 is the midnight that ends the day, on days of 23 and 25 hours too
            at = day + timedelta(days=hours // 24)
            local = datetime.combine(at, clock(hours % 24, minutes, seconds), zone)
            close_ns = int(local.timestamp()) * 10**9
            if close_ns > time_ns:
                return close_ns
            day += timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One thing that is traded.

    Attributes:
        symbol: its name at the venue.
        venue: where it trades.
        price_unit: the currency value of a price of 1, as a decimal string.
        lot_size: the quantity of one lot in units of the instrument, as a decimal string.
        tick_table: pairs (from this price on, increment) in price units; bounds our orders.
        increment: what every price is a multiple of, counted from `price_min`, in price units.
        price_min: lowest price the book takes, in price units.
        price_max: highest price the book takes, in price units.
        qty_lots_max: largest order, in lots.
        round_lot: size of a round lot in lots (metadata).
        multiplier: units of the underlying per unit of the instrument, as a decimal string.
        contract: "linear" or "inverse".
        currency: what prices are quoted in and, for a linear contract, settled in.
        expiry: ISO date, or None.
        session: when it trades.
    """

    symbol: str
    venue: str = ""
    price_unit: str = "0.0001"
    lot_size: str = "1"
    tick_table: tuple[tuple[int, int], ...] = ((0, 1),)
    increment: int = 1
    price_min: int = 0
    price_max: int = (1 << 31) - 1
    qty_lots_max: int = (1 << 31) - 1
    round_lot: int = 1
    multiplier: str = "1"
    contract: str = "linear"
    currency: str = "USD"
    expiry: str | None = None
    session: Session = field(default_factory=Session)

    def price(self, value: Number) -> int:
        """A price in currency as a count of price units; refused if it is not a whole one."""
        return _whole(value, self._price_ratio, self, "price")

    def lots(self, value: Number) -> int:
        """A quantity in units of the instrument as lots; refused if it is not a whole number."""
        return _whole(value, self._lot_ratio, self, "quantity")

    @cached_property
    def _price_ratio(self) -> tuple[int, int]:
        return Decimal(self.price_unit).as_integer_ratio()

    @cached_property
    def _lot_ratio(self) -> tuple[int, int]:
        return Decimal(self.lot_size).as_integer_ratio()

    def money(self, price: int) -> float:
        """A price in price units as a number of currency."""
        return float(int(price) * Decimal(self.price_unit))

    def qty(self, lots: int) -> float:
        """A quantity in lots as units of the instrument; a whole one is an int."""
        value = int(lots) * Decimal(self.lot_size)
        return int(value) if value == value.to_integral_value() else float(value)

    def tick(self, price: int) -> int:
        """The increment of our orders at a price, in price units."""
        increment = self.tick_table[0][1]
        for start, step in self.tick_table:
            if price >= start:
                increment = step
        return increment

    def as_json(self) -> dict[str, Any]:
        """Plain values, as stored in a tape."""
        steps = [list(step) for step in self.tick_table]
        values = {name: getattr(self, name) for name in _NAMES}  # and none that is cached
        return values | {"tick_table": steps, "session": dict(vars(self.session))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Instrument":
        """The instrument that `as_json` wrote; names it does not know are ignored."""
        kept = {name: value for name, value in values.items() if name in _NAMES}
        kept["tick_table"] = tuple((int(a), int(b)) for a, b in kept["tick_table"])
        kept["session"] = Session(**kept["session"])
        return cls(**kept)


_NAMES: Final = tuple(f.name for f in fields(Instrument))


def _whole(value: Number, unit: tuple[int, int], instrument: Instrument, what: str) -> int:
    """A decimal value as a count of units, which are given as a fraction."""
    if type(value) is int:
        above, below = value, 1
    else:
        exact = value if type(value) is Decimal else _decimal(value, instrument, what)
        if exact.adjusted() > _DIGITS_MAX:
            raise _not_whole(value, unit, instrument, what)
        try:
            above, below = exact.as_integer_ratio()
        except (OverflowError, ValueError):  # infinite, or not a number
            raise _not_whole(value, unit, instrument, what) from None
    count, rest = divmod(above * unit[1], below * unit[0])
    if rest:
        raise _not_whole(value, unit, instrument, what)
    return count  # exact, whatever the decimal context


def _decimal(value: Number, instrument: Instrument, what: str) -> Decimal:
    """The decimal number that somebody wrote."""
    if type(value) is not str and (isinstance(value, bool) or not isinstance(value, _KINDS)):
        raise ArgumentError(
            f"{what} of {instrument.symbol}: {value!r} is not a number; "
            "give a Decimal, an int or a string"
        )
    try:
        if isinstance(value, float):
            return Decimal(repr(float(value)))
        return Decimal(value)
    except InvalidOperation:
        raise ArgumentError(
            f"{what} of {instrument.symbol}: {value!r} is not a number; give a decimal number"
        ) from None


def _not_whole(
    value: Number, unit: tuple[int, int], instrument: Instrument, what: str
) -> ArgumentError:
    size = Decimal(unit[0]) / Decimal(unit[1])
    return ArgumentError(
        f"{what} of {instrument.symbol}: {value} is not a multiple of {size}; round it first"
    )
