"""Queue positions on price-level tapes: where an order of ours stands is estimated.

    @queue_model(params=parameters(n=2.0))
    def mine(params, front_lots, traded_lots, before_lots, after_lots):
        ...
        return new_front_lots

A price-level (L2) tape says how much rests at a price and what trades there, not which orders left.
When ours joins a price, everything that is displayed there is in front of it. A trade takes from
the front (`trade_at`). What else leaves may have stood in front or behind: a queue model says how
much is in front afterwards (`front_after`).

Every model has one compiled signature, `float64 (uint8 params, float64, float64, float64,
float64)`, so that an engine is compiled once, whatever the model.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import types

from mmjit.core.authored import Authored, declared, record_of
from mmjit.core.jit import COMPILED, verb

Array = np.ndarray[Any, Any]
_SIGNATURE: Final = types.float64(
    types.uint8[::1], types.float64, types.float64, types.float64, types.float64
)


class QueueModel(Authored):
    """A queue model.

    Attributes:
        name: of the function.
        function: as the user wrote it.
        defaults: one record of the parameters, as the model will be given them.
        signature: of what `entry` returns, as Numba has it; None where nothing is compiled.
    """

    noun = "queue model"
    takes = ("params", "front_lots", "traded_lots", "before_lots", "after_lots")
    wrapper = """
def {name}__entry(params, front_lots, traded_lots, before_lots, after_lots):
    record = params.view({name}__params)[0]
    return {name}__function(record, front_lots, traded_lots, before_lots, after_lots)
"""
    signature: Any = _SIGNATURE if COMPILED else None

    def entry(self) -> Any:
        """The model as an engine calls it: its parameters as bytes, then four float64."""
        return self._entry_of(self.signature)

    def given(self, record: Array) -> "QueueModel":
        """The same model with other parameters: one record of the type of `defaults`."""
        model = QueueModel(self.function, record)
        model._entries = self._entries  # the code is that of the record's type
        return model


def queue_model(*, params: Array | None = None) -> Callable[[Callable[..., float]], QueueModel]:
    """Declare a function to be a queue model.

    It is called when the displayed quantity at the price of an order of ours changes, with

    - params: the record of its parameters,
    - front_lots: what is estimated to stand before our order, from 0 to `before_lots`; trades have
      been taken off it already,
    - traded_lots: what traded at the price since it was last called, part of the change,
    - before_lots, after_lots: the displayed quantity before and after,

    all but the first float64, and returns the new `front_lots`. An engine keeps that within 0 and
    `after_lots`, and takes `after_lots` for a NaN.

    Args:
        params: from `parameters(...)`; None for a model without any.
    """
    record = record_of(params)

    def declare(function: Callable[..., float]) -> QueueModel:
        return QueueModel(declared(function, "queue model"), record)

    return declare


@verb
def trade_at(front_lots, qty_lots):  # type: ignore[no-untyped-def]
    """Take a trade at our price off the front.

    Args:
        front_lots: float64, estimated lots before our order.
        qty_lots: what traded.

    Returns:
        The new front, and how many lots of the trade reached us (int64): what it took beyond the
        front, to the nearest lot, halves up. Once there are some, nothing is before us.
    """
    left_lots = np.float64(front_lots) - qty_lots
    if left_lots > -0.5:
        return left_lots, np.int64(0)
    return np.float64(0.0), np.int64(0.5 - left_lots)


@verb
def front_after(model, params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """The lots before our order once the displayed quantity at its price has changed.

    Args:
        model: `QueueModel.entry()`.
        params: uint8, the bytes of its parameters.
        front_lots: float64, estimated lots before our order.
        traded_lots: traded at the price since the last change, and taken off the front already.
        before_lots: displayed before the change.
        after_lots: and after.

    Returns:
        float64, from 0 to `after_lots`; that where the model has no number.
    """
    before = np.float64(before_lots)
    after = np.float64(after_lots)
    front = min(max(np.float64(front_lots), 0.0), before)
    found = np.float64(model(params, front, np.float64(traded_lots), before, after))
    if not found <= after:  # or it is NaN
        return after
    return max(found, 0.0)
