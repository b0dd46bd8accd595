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
    TIMER = 38  # the clock of the venue goes on
    QUOTE = 39  # a bid and, in the MORE that follows, an ask
    CANCEL_ALL = 40  # of an account; symbol or side NIL: of all of them
    TAKE = 41  # what rests at one price, in queue order
    MORE = 42  # the second record of a command


class Flag(IntEnum):
    """Bits of EVENT `flags`."""

    LAST = 1  # last event of its source message: books are compared only here
    SNAPSHOT = 2
    SYNTHETIC = 4  # inferred by the importer, in no message of the source
    OURS = 8
    OWN_PRICE = 16  # an execution at another price than the resting order's
    AUCTION = 32  # a cross trade
    UNPRINTED = 64  # not to be counted in the volume


class TimeInForce(IntEnum):
    """How long an order rests."""

    GTC = 0  # until it is cancelled
    DAY = 1  # to the end of the session
    GTD = 2  # to the time in its second record
    IOC = 3  # what does not trade at once is cancelled
    FOK = 4  # it trades at once and whole, or not at all


class Term(IntEnum):
    """Bits of COMMAND `terms`."""

    MARKET = 1  # at any price; what is left is cancelled
    POST_ONLY = 2  # refused if it would trade at once
    REDUCE_ONLY = 4  # only what brings the position nearer to zero
    TAIL = 8  # an amend that shrinks at its price loses its place too


class SelfTrade(IntEnum):
    """What an incoming order does with a resting one of the same owner that it would meet."""

    NONE = 0  # they trade
    CANCEL_NEWEST = 1  # what is left of the incoming order is cancelled
    CANCEL_OLDEST = 2  # the resting order is cancelled, and the incoming one goes on
    CANCEL_BOTH = 3
    DECREMENT = 4  # both lose the smaller quantity of the two


class Mode(IntEnum):
    """What an account may do."""

    NORMAL = 0
    REDUCE_ONLY = 1  # a loss limit was reached: only orders that bring a position nearer to zero
    FROZEN = 2  # the kill switch was pulled: nothing
    CANCEL_ONLY = 3  # the kill switch blocks what is new; what rests may stay, or be cancelled


class KillLevel(IntEnum):
    """What a kill switch does when it is pulled. It goes up by itself, and down by its reset."""

    BLOCK_NEW = 1  # no order passes; those that rest stay
    CANCEL_ALL = 2  # and they are cancelled
    FLATTEN = 3  # they are cancelled, and then orders pass that only reduce a position


class Restriction(IntEnum):
    """Bits of LIMIT `restricted`: what an account may not do in a symbol."""

    BUY = 1
    SELL = 2
    SHORT = 4  # sell more than is held and not yet being sold


class Marking(IntEnum):
    """What a position is marked to."""

    MID = 0  # of best bid and ask; while one is missing the mark stays
    LAST = 1  # the last trade
    LIQUIDATION = 2  # the best price at which it could be closed: bid of a long, ask of a short


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
    TIME_IN_FORCE_UNKNOWN = -102
    SELF_TRADE_UNKNOWN = -103
    TERMS_CONFLICT = -104
    RECORD_MISSING = -105
    SYMBOL_UNKNOWN = -110
    SYMBOL_HALTED = -111
    SIDE_UNKNOWN = -112
    SYMBOL_IN_USE = -113
    QUOTE_UNKNOWN = -114
    SESSION_CLOSED = -115
    QTY_NOT_POSITIVE = -120
    QTY_TOO_LARGE = -121
    LEVEL_QTY_TOO_LARGE = -122
    DISPLAY_OUT_OF_RANGE = -123
    EXPIRY_PAST = -124
    PRICE_OUT_OF_RANGE = -130
    PRICE_OFF_INCREMENT = -131
    PRICE_MAX_BELOW_MIN = -132
    PRICE_SPAN_TOO_WIDE = -133
    INCREMENT_NOT_POSITIVE = -134
    PRICE_OFF_TICK = -135
    NOTIONAL_TOO_LARGE = -136
    OUTSIDE_WINDOW = -137
    RULE_RESTLESS = -138
    ORDER_ID_ZERO = -139
    ORDER_ID_DUPLICATE = -140
    ORDER_ID_UNKNOWN = -141
    ORDER_OF_OTHER_SYMBOL = -142
    HANDLE_OUT_OF_RANGE = -143
    HANDLE_TAKEN = -144
    ORDER_OF_OTHER_OWNER = -145
    ACCOUNT_UNKNOWN = -146
    ORDER_POOL_EXHAUSTED = -150
    LEVEL_POOL_EXHAUSTED = -151
    LADDER_EXHAUSTED = -152
    TRADE_RING_FULL = -153
    FILL_RING_FULL = -154
    LEVEL_HAS_ORDERS = -155
    LEVEL_HAS_NO_ORDERS = -156
    ALARM_POOL_EXHAUSTED = -157
    POST_ONLY_WOULD_TRADE = -160
    SELF_CROSS = -161
    FILL_OR_KILL_UNFILLED = -162
    LOST_ON_THE_WAY = -163
    OVER_EXECUTION = -170
    OVER_REDUCTION = -171
    KILL_SWITCH = -201
    KILL_SWITCH_ARMED = -202
    MAX_ORDER_QTY = -210
    MAX_ORDER_NOTIONAL = -211
    PRICE_COLLAR = -212
    REFERENCE_MISSING = -213
    RESTRICTED = -214
    MAX_VOLUME_SHARE = -215
    MAX_DEPTH_SHARE = -216
    MAX_POSITION = -220
    MAX_LONG = -221
    MAX_SHORT = -222
    MAX_OPEN_ORDERS = -223
    REDUCE_ONLY = -224
    MAX_GROSS = -225
    CREDIT = -226
    MAX_DAILY_LOSS = -227
    MAX_DRAWDOWN = -228
    MAX_OPEN_QTY = -229
    MESSAGE_RATE = -230
    REPEATED_EXECUTION = -231
    REPEATED_ORDER = -232
    MARKET_STALE = -240
    MARKET_CROSSED = -241
    PROTECTION = -250


STATUS_SPAN: Final = 256  # -status is below this: room for a count of each
