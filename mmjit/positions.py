"""What an account holds and has made, in currency and units: exact, by symbol and by currency.

The ledger counts in points and lots; here every number of it is turned into the Decimal it stands
for, and none is rounded but `average_cost`, which says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any, Final

from mmjit.core.codes import Mode, Status
from mmjit.core.ledger import UNLIMITED, Ledger
from mmjit.instrument import Instrument
from mmjit.terms import PICO, currency_of, exact, settlement

_DIGITS: Final = 120  # more than any number of a ledger has
_AVERAGE_STEP: Final = Decimal("1e-12")


@dataclass(frozen=True)
class Position:
    """An account in one symbol. Money is in the currency it settles in, prices as quoted.

    Attributes:
        symbol: its name.
        currency: in which money is.
        qty: net, in units; below 0 is short.
        average_cost: of what is open (of an inverse contract the harmonic mean), rounded to 1e-12;
            None while nothing is.
        average_exact: the same, not rounded.
        mark: the price it was last marked to; None while it never was.
        value: what it is worth at the mark; of a short below 0 (of inverse contracts the reverse).
        cash: what sales brought less what purchases cost.
        realised: by average cost, before fees.
        unrealised: at the mark, before fees.
        gross: realised and unrealised.
        fees: net of rebates; above 0 is cost.
        rebates: the part of the fees that was paid to us.
        net: gross less fees.
        equity: net as the limits count it: rounded down to half a point.
        peak: the highest equity so far.
        drawdown: how far equity is below the peak.
        deepest_drawdown: how far it ever was.
        day_net: equity since the session began.
        turnover: what was bought and sold, both counted.
        bought_qty: bought so far, in units.
        sold_qty: sold so far, in units.
        open_buy_qty: in orders that are open.
        open_sell_qty: in orders that are open.
        open_orders: orders that rest.
        fill_count: fills so far.
        order_count: orders that were accepted so far.
    """

    symbol: str
    currency: str
    qty: Decimal
    average_cost: Decimal | None
    average_exact: Fraction | None
    mark: Decimal | None
    value: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    gross: Decimal
    fees: Decimal
    rebates: Decimal
    net: Decimal
    equity: Decimal
    peak: Decimal
    drawdown: Decimal
    deepest_drawdown: Decimal
    day_net: Decimal
    turnover: Decimal
    bought_qty: Decimal
    sold_qty: Decimal
    open_buy_qty: Decimal
    open_sell_qty: Decimal
    open_orders: int
    fill_count: int
    order_count: int

    @property
    def long_qty(self) -> Decimal:
        """What is held, in units; 0 of a short."""
        return max(self.qty, Decimal(0))

    @property
    def short_qty(self) -> Decimal:
        """What is owed, in units; 0 of a long."""
        return max(-self.qty, Decimal(0))


@dataclass(frozen=True)
class Totals:
    """An account in one currency: the sums over its symbols, and what it may lose.

    Attributes:
        currency: its name.
        long_value: what the long positions are worth at their marks.
        short_value: the same of the short ones; not negative either.
        cash: the sum of theirs, as are the next.
        realised: before fees.
        unrealised: before fees.
        gross: realised and unrealised.
        fees: net of rebates.
        rebates: paid to us.
        net: gross less fees.
        turnover: bought and sold.
        equity: net as the limits count it: rounded down to half a point in each symbol.
        peak: the highest equity so far.
        drawdown: how far equity is below the peak.
        deepest_drawdown: how far it ever was.
        day_net: equity since the session began.
        day_loss: what of that is a loss, as a positive number.
        max_daily_loss: the limit; None is unlimited.
        max_drawdown: the limit; None is unlimited.
    """

    currency: str
    long_value: Decimal
    short_value: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    gross: Decimal
    fees: Decimal
    rebates: Decimal
    net: Decimal
    turnover: Decimal
    equity: Decimal
    peak: Decimal
    drawdown: Decimal
    deepest_drawdown: Decimal
    day_net: Decimal
    day_loss: Decimal
    max_daily_loss: Decimal | None
    max_drawdown: Decimal | None


@dataclass(frozen=True)
class Standing:
    """What an account may do.

    Attributes:
        mode: what it may do at all.
        cause: the rule that refused orders are told while the mode is not NORMAL, else OK.
        kill: 0 the kill switch is off, 1 pulled, 2 pulled and its reset was asked for.
        exposure_lots: what `max_position` bounds.
        max_position: in lots; None is unlimited.
        open_orders: orders that rest.
        max_open_orders: None is unlimited.
        tripped_ns: when the mode was last raised.
        trip_count: how often it was.
    """

    mode: Mode
    cause: Status
    kill: int
    exposure_lots: int
    max_position: int | None
    open_orders: int
    max_open_orders: int | None
    tripped_ns: int
    trip_count: int


def decimal_of(value: Fraction) -> Decimal:
    """A fraction that ends as a decimal, exactly."""
    with localcontext(prec=_DIGITS):
        return Decimal(value.numerator) / Decimal(value.denominator)


def position_of(record: Any, terms: Any, instrument: Instrument) -> Position:
    """A POSITION in currency and units."""
    held = {name: int(record[name]) for name in record.dtype.names}
    point, lot = exact(instrument, 1), Fraction(instrument.lot_size)
    fees = Fraction(held["fees_pico"], PICO)
    average = _average(held, int(terms["inverse_pico"]), instrument)

    def points(name: str) -> Decimal:
        return decimal_of(held[name] * point)

    def half_points(count: int) -> Decimal:
        return decimal_of(count * point / 2)

    def units(lots: int) -> Decimal:
        return decimal_of(lots * lot)

    return Position(
        symbol=instrument.symbol,
        currency=settlement(instrument),
        qty=units(held["position_lots"]),
        average_cost=None if average is None else _rounded(average),
        average_exact=average,
        mark=_mark(held, instrument),
        value=half_points(held["worth_twice"]),
        cash=points("cash"),
        realised=points("realised"),
        unrealised=half_points(held["gross_twice"] - 2 * held["realised"]),
        gross=half_points(held["gross_twice"]),
        fees=decimal_of(fees),
        rebates=decimal_of(Fraction(held["rebates_pico"], PICO)),
        net=decimal_of(held["gross_twice"] * point / 2 - fees),
        equity=half_points(held["equity_twice"]),
        peak=half_points(held["peak_twice"]),
        drawdown=half_points(held["peak_twice"] - held["equity_twice"]),
        deepest_drawdown=half_points(held["drawdown_twice"]),
        day_net=half_points(held["equity_twice"] - held["day_start_twice"]),
        turnover=points("turnover"),
        bought_qty=units(held["bought_lots"]),
        sold_qty=units(held["sold_lots"]),
        open_buy_qty=units(held["open_buy_lots"]),
        open_sell_qty=units(held["open_sell_lots"]),
        open_orders=held["open_count"],
        fill_count=held["fill_count"],
        order_count=held["order_count"],
    )


def totals_of(record: Any, currency: str, positions: Sequence[Position]) -> Totals:
    """A TOTAL and the positions in its currency."""

    def amount(name: str) -> Fraction:
        return currency_of(record, name)

    def limit(name: str) -> Decimal | None:
        unlimited = int(record[f"{name}_units"]) >= UNLIMITED
        return None if unlimited else decimal_of(amount(name))

    def add_up(name: str) -> Decimal:
        return _sum(getattr(position, name) for position in positions)

    day_net = amount("equity") - amount("day_start")
    return Totals(
        currency=currency,
        long_value=_sum(abs(p.value) for p in positions if p.qty > 0),
        short_value=_sum(abs(p.value) for p in positions if p.qty < 0),
        cash=add_up("cash"),
        realised=add_up("realised"),
        unrealised=add_up("unrealised"),
        gross=add_up("gross"),
        fees=add_up("fees"),
        rebates=add_up("rebates"),
        net=add_up("net"),
        turnover=add_up("turnover"),
        equity=decimal_of(amount("equity")),
        peak=decimal_of(amount("peak")),
        drawdown=decimal_of(amount("peak") - amount("equity")),
        deepest_drawdown=decimal_of(amount("drawdown")),
        day_net=decimal_of(day_net),
        day_loss=decimal_of(max(-day_net, Fraction(0))),
        max_daily_loss=limit("max_daily_loss"),
        max_drawdown=limit("max_drawdown"),
    )


def standing_of(ledger: Ledger, owner: int) -> Standing:
    """What an account may do."""
    account = ledger.accounts[owner]

    def limit(name: str) -> int | None:
        value = int(account[name])
        return None if value >= UNLIMITED else value

    return Standing(
        mode=Mode(int(account["mode"])),
        cause=Status(int(account["cause"])),
        kill=int(account["kill"]),
        exposure_lots=int(account["exposure_lots"]),
        max_position=limit("max_position"),
        open_orders=int(account["open_count"]),
        max_open_orders=limit("max_open_orders"),
        tripped_ns=int(account["tripped_ns"]),
        trip_count=int(account["trip_count"]),
    )


def _average(held: dict[str, int], inverse_pico: int, instrument: Instrument) -> Fraction | None:
    """What the open position cost a unit, as a price."""
    lots, basis = held["position_lots"], held["basis"]
    if lots == 0 or (inverse_pico and basis == 0):
        return None
    price = Fraction(-lots * inverse_pico, basis) if inverse_pico else Fraction(basis, lots)
    return price * Fraction(instrument.price_unit)


def _mark(held: dict[str, int], instrument: Instrument) -> Decimal | None:
    if not held["marked"]:
        return None
    return decimal_of(held["mark_twice"] * Fraction(instrument.price_unit) / 2)


def _rounded(value: Fraction) -> Decimal:
    """A fraction as a decimal, to the nearest 1e-12."""
    with localcontext(prec=_DIGITS):
        price = decimal_of(value).quantize(_AVERAGE_STEP, ROUND_HALF_EVEN).normalize()
        return price if price.as_tuple().exponent <= 0 else price.quantize(Decimal(1))  # type: ignore[operator]


def _sum(values: Any) -> Decimal:
    with localcontext(prec=_DIGITS):
        return sum(values, Decimal(0))
