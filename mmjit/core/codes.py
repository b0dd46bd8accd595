"""The closed vocabularies: sides, kinds of event, flags and statuses.

Kernels return a status: zero or more is success (often a slot), less than zero the rule that was
broken. `mmjit.errors` gives each broken rule its sentence.
"""

from enum import IntEnum
from typing import Final

NIL: Final = -1  # the one word for nothing: no slot, no level, no handle
BID: Final = 0
ASK: Final = 1


class Kind(IntEnum):
    """What an EVENT says happened."""

    ADD = 1  # an order rests
    REDUCE = 2  # part of an order is cancelled
    DELETE = 3  # all that is left of an order is cancelled
    REPLACE = 4  # an order gets a new id, price and quantity and goes to the tail
    EXECUTE = 5  # a resting order trades, at its own price or (flag OWN_PRICE) another
    TRADE = 6  # a trade against no displayed order: the book does not change
    BROKEN = 7  # an earlier trade, named by its match number, was broken
    LEVEL = 8  # a price level is set to an absolute quantity (L2)
    CLEAR = 9  # every order and level of a symbol is gone
    SNAPSHOT_BEGIN = 10
    SNAPSHOT_END = 11
    STATUS = 12  # trading status of a symbol; `qty_lots` holds a `TradingStatus`
    FUNDING = 13
    GAP = 14  # messages of the source are missing here
    NEW = 32  # ours, from here on
    CANCEL = 33
    AMEND = 34
    ACK = 35
    REJECT = 36
    FILL = 37
    TIMER = 38


class Flag(IntEnum):
    """Bits of EVENT `flags`."""

    LAST = 1  # last event of its source message: books are compared only here
    SNAPSHOT = 2
    SYNTHETIC = 4  # inferred by the importer, in no message of the source
    OURS = 8
    OWN_PRICE = 16  # an execution at another price than the resting order's
    AUCTION = 32  # a cross trade
    UNPRINTED = 64  # not to be counted in the volume


class TradingStatus(IntEnum):
    """The trading status of a symbol."""

    UNKNOWN = 0
    TRADING = 1
    QUOTING = 2
    PAUSED = 3
    HALTED = 4
    CLOSED = 5


class Status(IntEnum):
    """The rule that a refused call broke."""

    OK = 0
    KIND_UNKNOWN = -101
    SYMBOL_UNKNOWN = -110
    SYMBOL_HALTED = -111
    SIDE_UNKNOWN = -112
    SYMBOL_IN_USE = -113
    QUOTE_UNKNOWN = -114
    QTY_NOT_POSITIVE = -120
    QTY_TOO_LARGE = -121
    LEVEL_QTY_TOO_LARGE = -122
    PRICE_OUT_OF_RANGE = -130
    PRICE_OFF_INCREMENT = -131
    PRICE_MAX_BELOW_MIN = -132
    PRICE_SPAN_TOO_WIDE = -133
    INCREMENT_NOT_POSITIVE = -134
    PRICE_OFF_TICK = -135
    NOTIONAL_TOO_LARGE = -136
    OUTSIDE_WINDOW = -137
    ORDER_ID_ZERO = -139
    ORDER_ID_DUPLICATE = -140
    ORDER_ID_UNKNOWN = -141
    ORDER_OF_OTHER_SYMBOL = -142
    HANDLE_OUT_OF_RANGE = -143
    HANDLE_TAKEN = -144
    ORDER_POOL_EXHAUSTED = -150
    LEVEL_POOL_EXHAUSTED = -151
    LADDER_EXHAUSTED = -152
    LEVEL_HAS_ORDERS = -155
    LEVEL_HAS_NO_ORDERS = -156
    SELF_CROSS = -161
    OVER_EXECUTION = -170
    OVER_REDUCTION = -171
    MAX_POSITION = -220
    MAX_LONG = -221
    MAX_SHORT = -222


STATUS_SPAN: Final = 256  # -status is below this: room for a count of each
