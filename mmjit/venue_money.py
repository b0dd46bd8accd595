"""What came of an order at a venue, and the venue's door for prices as people write them."""

from typing import Any, NamedTuple

import numpy as np

from mmjit.instrument import Instrument, Number

Array = np.ndarray[Any, Any]


class Done(NamedTuple):
    """What came of an order.

    Attributes:
        filled_lots: traded.
        rested_lots: in the book now, shown or hidden.
        prevented_lots: kept from trading with its owner's own (SelfTrade).
        trades: TRADE, one for each resting order it met.
    """

    filled_lots: int
    rested_lots: int
    prevented_lots: int
    trades: Array


class MoneyDoor:
    """The verbs of a venue with prices and quantities as people write them."""

    def __init__(self, venue: Any) -> None:
        self._venue = venue  # an mmjit.Venue, which is above this

    def submit(
        self,
        order_id: int,
        side: int,
        price: Number | None,
        qty: Number,
        *,
        symbol: int = 0,
        display_qty: Number = 0,
        **terms: Any,
    ) -> Done:
        """Enter an order; every other argument is as for `Venue.submit`."""
        unit = self._unit(symbol)
        units = None if price is None else unit.price(price)
        shown = unit.lots(display_qty)
        done: Done = self._venue.submit(
            order_id, side, units, unit.lots(qty), symbol=symbol, display_lots=shown, **terms
        )
        return done

    def amend(
        self, order_id: int, price: Number, qty: Number, *, symbol: int = 0, **terms: Any
    ) -> Done:
        """Give an order another price and quantity, as `Venue.amend`."""
        unit = self._unit(symbol)
        lots = unit.lots(qty)
        price = unit.price(price)
        done: Done = self._venue.amend(order_id, price, lots, symbol=symbol, **terms)
        return done

    def execute_at(
        self, price: Number, qty: Number, side: int, *, symbol: int = 0, **terms: Any
    ) -> Done:
        """Trade with what rests at exactly one price, as `Venue.execute_at`."""
        unit = self._unit(symbol)
        lots = unit.lots(qty)
        price = unit.price(price)
        done: Done = self._venue.execute_at(price, lots, side, symbol=symbol, **terms)
        return done

    def best(self, side: int, *, symbol: int = 0) -> tuple[float, float, int] | None:
        """Price and quantity of the best level of a side, and how many orders it has."""
        found: tuple[float, float, int] | None = self._venue.best_in_money(side, symbol=symbol)
        return found

    def _unit(self, symbol: int) -> Instrument:
        unit: Instrument = self._venue.instruments[self._venue._symbol(symbol)]
        return unit
