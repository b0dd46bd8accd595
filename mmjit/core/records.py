"""The layout of every record. Padding is named, no record straddles a cache line of 64 bytes.

A test pins each size and offset; a change here is a change of the state's format.
"""

from typing import Any, Final

import numpy as np

Dtype = np.dtype[np.void]


def record(size: int, *fields: tuple[str, Any]) -> Dtype:
    """An aligned record that must come out at `size` bytes."""
    dtype = np.dtype(list(fields), align=True)
    assert dtype.itemsize == size, f"{dtype} has {dtype.itemsize} bytes, not {size}"
    return dtype


# One thing that happens; the tape, the journal and the ring hold the same first 48 bytes.
#   0         8          16         24      32         40       44     45     46
#   | venue_ns | local_ns | order_id | price | qty_lots | symbol | kind | side | flags |
#   48       52        56
#   | handle | level | other_id |
EVENT: Final = record(
    64,
    ("venue_ns", "i8"),  # since 1970-01-01 UTC
    ("local_ns", "i8"),  # when it was received; venue_ns where the source does not say
    ("order_id", "i8"),  # a 64-bit pattern, 0 where no order is named
    ("price", "i8"),  # in price units
    ("qty_lots", "i8"),
    ("symbol", "i4"),  # index into the tape's instruments
    ("kind", "i1"),
    ("side", "i1"),  # of the resting order
    ("flags", "i2"),
    ("handle", "i4"),  # slot of the order within the tape's region, NIL where there is none
    ("level", "i4"),  # of its price within the tape's region, NIL; or the Status of one refused
    ("other_id", "i8"),  # the new id of a replace, the match number of an execution or trade
)

# What somebody asks of the venue. It begins as EVENT does; what does not fit follows in a second
# record of kind MORE, and then the first is without the flag LAST.
#   0       40       44     45     46      48      52    53           54      56         64
#   | ...    | symbol | kind | side | flags | owner | tif | self_trade | terms | other_id |
COMMAND: Final = record(
    64,
    ("venue_ns", "i8"),  # when it reaches the venue; of a MORE: when a GTD order expires
    ("local_ns", "i8"),  # when it was sent
    ("order_id", "i8"),
    ("price", "i8"),
    ("qty_lots", "i8"),  # of a MORE behind a NEW: what an iceberg displays, 0 for all
    ("symbol", "i4"),
    ("kind", "i1"),
    ("side", "i1"),  # of the order; of a TAKE: of who takes
    ("flags", "i2"),
    ("owner", "i4"),  # an account, NIL for the market at large
    ("tif", "i1"),  # a TimeInForce
    ("self_trade", "i1"),  # a SelfTrade
    ("terms", "i2"),  # bits of Term
    ("other_id", "i8"),  # the new id of an AMEND, 0 to keep the old one
)

# A resting order as every event touches it, and a price level as the sentinel of its queue. Both
# stand in one file, the slab, so that linking and unlinking never ask which of the two they touch.
#
# With 32-bit quantities a level takes two nodes:
#   NODE32   0          4       8      12     16
#            | qty_lots | level | prev | next |
#   LEVEL32  | order_count | owner | prev | next | qty_lots   | price      |
#            0             4       8      12     16           24           32
NODE32: Final = record(16, ("qty_lots", "i4"), ("level", "i4"), ("prev", "i4"), ("next", "i4"))
LEVEL32: Final = record(
    32,
    ("order_count", "i4"),
    ("owner", "i4"),  # 2 * symbol + side, NIL where the symbol has no such price
    ("prev", "i4"),  # tail of the queue
    ("next", "i4"),  # head of the queue
    ("qty_lots", "i8"),
    ("price", "i8"),
)
# With 64-bit quantities both take 32 bytes:
#   NODE64   0          8       12     16     20    24     32
#            | qty_lots | level | prev | next | pad | pad2 |
#   LEVEL64  | qty_lots | owner | prev | next | order_count | price |
NODE64: Final = record(
    32,
    ("qty_lots", "i8"),
    ("level", "i4"),
    ("prev", "i4"),
    ("next", "i4"),
    ("pad", "i4"),
    ("pad2", "i8"),
)
LEVEL64: Final = record(
    32,
    ("qty_lots", "i8"),
    ("owner", "i4"),
    ("prev", "i4"),
    ("next", "i4"),
    ("order_count", "i4"),
    ("price", "i8"),
)

# What is seldom asked of an order.
ORDER: Final = record(
    32,
    ("order_id", "i8"),
    ("entered_ns", "i8"),
    ("sequence", "i8"),  # number of the event that gave it its place in the queue
    ("owner", "i4"),
    ("flags", "i4"),
)

# One side of one symbol; the two of a symbol share a cache line, which is all that most events
# touch of it. The rank of a price, in increments from the worst one on, is `price - base` divided
# by the increment, for asks by its negative: exactly, which takes no division (`exact_quotient`).
SIDE: Final = record(
    32,
    ("best", "i4"),  # level, NIL when the side is empty
    ("level_count", "i4"),
    ("order_count", "i4"),
    ("twos", "i2"),  # how often the increment divides by two
    ("heights", "i2"),  # of the ladder, as many as the symbol's prices need
    ("base", "i8"),  # of bids price_min, of asks price_max
    ("inverse", "i8"),  # of the increment's odd part modulo 2**64, of asks negated
)

# What the book must know of an instrument and what happened to it last, then its bounds.
SYMBOL: Final = record(
    128,
    ("last_price", "i8"),
    ("last_qty_lots", "i8"),
    ("last_ns", "i8"),
    ("traded_lots", "i8"),  # executions and trades
    ("bid_executed_lots", "i8"),  # against resting orders of the side
    ("ask_executed_lots", "i8"),
    ("increment", "i8"),  # every price is price_min plus a multiple of it
    ("status", "i8"),  # a TradingStatus
    ("price_min", "i8"),
    ("price_max", "i8"),  # below price_min while the symbol is not in use
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
)

# An entry of the id index, or of the map from prices to their page: slot 0 is an empty one, else it
# is the slot, or the page, plus 1.
ENTRY: Final = record(8, ("tag", "i4"), ("slot", "i4"))

# A node of the ladder: which of 64 neighbours below it are in use; mask 0 is an empty one.
RUNG: Final = record(16, ("key", "i8"), ("mask", "i8"))

# How far a pool of slots has been used.
METER: Final = record(
    64,
    ("depth", "i8"),  # slots on the free stack
    ("fresh", "i8"),  # slots at or above this were never used
    ("capacity", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
)

# The counters of a book.
CONTROL: Final = record(
    64,
    ("sequence", "i8"),  # events accepted so far
    ("salt", "i8"),  # of the id index, so that no feed can aim at it
    ("best_changed", "i8"),  # 1 if the last event changed a best price, quantity or count
    ("rung_count", "i8"),
    ("last_ns", "i8"),  # the latest time of an event
    ("page_count", "i8"),  # with an open level, but for those of a region
    ("page_reserved", "i8"),  # in regions of tapes
    ("pad", "i8"),
)

# What a replay adds up.
TALLY: Final = record(
    64,
    ("event_count", "i8"),
    ("price_fold", "i8"),  # checksum of the best prices after every event
    ("qty_fold", "i8"),  # and of the quantities there
    ("crossed", "i8"),  # source messages that left bid > ask
    ("locked", "i8"),  # source messages that left bid = ask
    ("time_reversed", "i8"),  # events that are earlier than one before them
    ("pad", "i8"),
    ("pad2", "i8"),
)

# What is left of an order while its tape is being made.
SEAT: Final = record(
    32,
    ("qty_lots", "i8"),
    ("price", "i8"),
    ("symbol", "i4"),
    ("side", "i4"),
    ("order_id", "i8"),
)

# What the events of a symbol span.
BOUNDS: Final = record(
    64,
    ("event_count", "i8"),  # adds, replaces and levels
    ("price_min", "i8"),
    ("price_max", "i8"),
    ("increment", "i8"),  # greatest common divisor of the prices, 0 while there are none
    ("qty_lots_max", "i8"),
    ("twos", "i8"),  # as in SIDE, of the increment so far
    ("inverse", "i8"),
    ("top", "i8"),  # the highest price on the increment that instruments take
)

# A page while a tape is being made: symbol, side and number in one word, and its own number plus 1;
# 0 is an empty one.
PAGE_ENTRY: Final = record(16, ("key", "i8"), ("page", "i8"))


# What only a venue knows of a resting order; in use where ORDER `flags` says so.
DETAIL: Final = record(
    32,
    ("hidden_lots", "i8"),  # of an iceberg, behind what the book shows
    ("display_lots", "i8"),  # what it shows at a time
    ("prev_own", "i4"),  # the orders of an account, oldest first
    ("next_own", "i4"),
    ("alarm", "i4"),  # its place among the alarms, NIL if it does not expire
    ("pad", "i4"),
)

# An entry of the heap of what is to happen at a time.
ALARM: Final = record(16, ("time_ns", "i8"), ("slot", "i4"), ("pad", "i4"))

# A trade at the venue.
TRADE: Final = record(
    64,
    ("venue_ns", "i8"),
    ("price", "i8"),
    ("qty_lots", "i8"),
    ("maker_id", "i8"),  # 0 where a level was set as a whole
    ("taker_id", "i8"),
    ("number", "i8"),  # of the trade, from 1 on
    ("symbol", "i4"),
    ("maker_owner", "i4"),
    ("taker_owner", "i4"),
    ("side", "i1"),  # of the taker
    ("pad", "i1"),
    ("pad2", "i2"),
)

# What a venue counts. A ring holds the lines from its tail to its head, by their number.
VENUE: Final = record(
    128,
    ("now_ns", "i8"),  # the engine's clock: the latest time of a command
    ("trade_head", "i8"),  # trades so far
    ("trade_tail", "i8"),  # and how many of them were drained
    ("fill_head", "i8"),
    ("fill_tail", "i8"),
    ("alarm_count", "i8"),
    ("attention", "i8"),  # 1 while an account has to be looked after
    ("command_count", "i8"),
    ("time_reversed", "i8"),  # commands earlier than one before them: taken as of the clock
    ("hidden_count", "i8"),  # icebergs that rest
    ("filled_lots", "i8"),  # of the last command, zeros if it was refused: traded,
    ("rested_lots", "i8"),  # left in the book, shown or hidden,
    ("prevented_lots", "i8"),  # and not traded because it would have been with itself
    ("expired_count", "i8"),
    ("first_touched", "i8"),  # the first symbol whose holders have yet to be marked, plus 1
    ("best_moved", "i8"),  # 1 once the command being done has changed a best level
)

# A probe: an order of one lot that is only thought of, last in a queue as it came. Its owner and
# its instant are its place in the table; one without `first_lots` was never entered.
PROBE: Final = record(
    64,
    ("price", "i8"),
    ("sequence", "i8"),  # orders of this sequence and later are behind it
    ("first_lots", "i8"),  # ahead of it when it was entered
    ("ahead_lots", "i8"),  # ahead of it in truth
    ("traded_lots", "i8"),  # at its price since the level last changed
    ("true_ns", "i8"),  # when it was filled in truth, 0 before that, NIL if it never can be
    ("model_ns", "i8"),  # and by the queue model
    ("pad", "i8"),
)

# How probes are entered and looked at.
SURVEY: Final = record(
    64,
    ("first_ns", "i8"),  # the first instant
    ("every_ns", "i8"),  # from one to the next
    ("horizon_ns", "i8"),  # how long a probe lives
    ("next_ns", "i8"),  # the next instant
    ("now_ns", "i8"),  # the latest time of an event
    ("oldest", "i8"),  # the first instant whose probes live,
    ("newest", "i8"),  # and the one after the last
    ("pad", "i8"),
)
