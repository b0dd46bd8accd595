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
#   | handle | refusal | other_id |
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
    ("refusal", "i4"),  # the Status for which the importer gave it no handle, else 0
    ("other_id", "i8"),  # the new id of a replace, the match number of an execution or trade
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
    ("owner", "i4"),  # 2 * symbol + side, NIL while free
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

# One side of one symbol; the two of a symbol share a cache line.
SIDE: Final = record(
    32,
    ("best", "i4"),  # level, NIL when the side is empty
    ("level_count", "i4"),
    ("order_count", "i4"),
    ("pad", "i4"),
    ("executed_lots", "i8"),  # against resting orders
    ("pad2", "i8"),
)

# What the book must know of an instrument, and what last happened to it.
SYMBOL: Final = record(
    64,
    ("price_min", "i8"),
    ("price_max", "i8"),  # below price_min while the symbol is not in use
    ("increment", "i8"),  # every price is price_min plus a multiple of it
    ("status", "i8"),  # a TradingStatus
    ("last_price", "i8"),
    ("last_qty_lots", "i8"),
    ("last_ns", "i8"),
    ("traded_lots", "i8"),  # executions and trades
)

# An entry of the id index; order_id 0 is an empty one.
ENTRY: Final = record(16, ("order_id", "i8"), ("slot", "i4"), ("pad", "i4"))

# An entry of the map from a price to its level; level 0 is an empty one, else the level plus 1.
PLACE: Final = record(8, ("tag", "i4"), ("level", "i4"))

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
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
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
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
)

# What we hold of one symbol, and what it cost. Money is exact, in price units times lots
# ("points"); fees alone are in 1e-12 of the currency.
POSITION: Final = record(
    192,
    ("position_lots", "i8"),
    ("basis", "i8"),  # what the open position cost, signed like it; points
    ("cash", "i8"),  # points
    ("realised", "i8"),  # points, before fees
    ("fees_pico", "i8"),  # above 0 is cost
    ("bought_lots", "i8"),
    ("sold_lots", "i8"),
    ("turnover", "i8"),  # points
    ("fill_count", "i8"),
    ("order_count", "i8"),  # orders that were accepted
    ("mark_twice", "i8"),  # twice the mark, so that a mid is whole; price units
    ("marked", "i8"),  # 1 once there is a mark
    ("equity_twice", "i8"),  # net, at the mark; points
    ("peak_twice", "i8"),  # highest equity so far
    ("drawdown_twice", "i8"),  # deepest fall below the peak so far
    ("open_buy_lots", "i8"),
    ("open_sell_lots", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
    ("pad7", "i8"),
)

# What an instrument costs us and allows us.
TERMS: Final = record(
    64,
    ("maker_fee", "i8"),  # 1e-12 of the currency for each point, times `fee_scale`
    ("taker_fee", "i8"),
    ("fee_scale", "i8"),
    ("point_pico", "i8"),  # 1e-12 of the currency in one point
    ("max_long", "i8"),  # lots, open buy orders counted
    ("max_short", "i8"),
    ("qty_lots_max", "i8"),
    ("points_max", "i8"),  # what a sum of points may reach, so that its fees fit too
)

# An order of ours; its slot is its place in the quotes: symbol, side, level.
OWN: Final = record(
    64,
    ("order_id", "i8"),
    ("price", "i8"),
    ("left_lots", "i8"),  # 0 while there is no order
    ("wanted_lots", "i8"),  # what the rule asked for
    ("sequence", "i8"),  # recorded orders of this sequence and later are behind it
    ("entered_ns", "i8"),
    ("filled_lots", "i8"),
    ("pad", "i8"),
)

# What a rule wants at one place of its quotes; quantity 0 is nothing.
WANT: Final = record(16, ("price", "i8"), ("qty_lots", "i8"))

# A fill of ours.
FILL: Final = record(
    64,
    ("venue_ns", "i8"),
    ("order_id", "i8"),
    ("price", "i8"),
    ("qty_lots", "i8"),
    ("fee_pico", "i8"),  # above 0 is cost
    ("position_lots", "i8"),  # after it
    ("event", "i8"),  # place on the tape of the event that brought it
    ("symbol", "i4"),
    ("side", "i1"),  # of our order
    ("maker", "i1"),
    ("pad", "i2"),
)

# A step in the life of an order of ours.
STEP: Final = record(
    64,
    ("venue_ns", "i8"),
    ("order_id", "i8"),
    ("price", "i8"),
    ("qty_lots", "i8"),  # entered, cancelled or filled by this step
    ("left_lots", "i8"),  # after it
    ("ahead_lots", "i8"),  # recorded lots before it in its queue, of a NEW
    ("event", "i8"),
    ("symbol", "i4"),
    ("side", "i1"),
    ("kind", "i1"),  # NEW, AMEND, CANCEL, FILL or REJECT
    ("status", "i2"),  # of a REJECT
)

# How a run goes: what was asked, and where it stands.
RUN: Final = record(
    192,
    ("every_ns", "i8"),  # between decisions; 0: on change, -1: on fills only
    ("window_levels", "i8"),  # levels a side that the tape shows, 0 for all
    ("max_position", "i8"),  # lots, the sum over symbols, open orders counted
    ("exposure_lots", "i8"),  # the sum that max_position bounds
    ("now_ns", "i8"),
    ("event", "i8"),  # place on the tape
    ("event_base", "i8"),  # of the piece of the tape that is being run
    ("last_order_id", "i8"),
    ("fill_count", "i8"),  # in the ring, not yet drained
    ("step_count", "i8"),
    ("seed", "i8"),
    ("taken", "i8"),  # 1 once an order of ours has taken from a level
    ("decision_count", "i8"),
    ("window_lost", "i8"),  # orders of ours put behind a level that was revealed again
    ("equity_twice", "i8"),  # net, of all symbols, at their marks; points
    ("peak_twice", "i8"),
    ("drawdown_twice", "i8"),
    ("next_ns", "i8"),  # when symbols are next to be quoted, at an interval
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
    ("pad7", "i8"),
)

# When a symbol is to be quoted next, and where our orders in it begin.
DUE: Final = record(
    64,
    ("next_ns", "i8"),
    ("changed", "i8"),  # since the last decision
    ("started", "i8"),
    ("live_count", "i8"),  # orders of ours in its book
    ("own_bid", "i8"),  # the best price of our orders, beyond every price while there is none
    ("own_ask", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
)

# A random order flow: its parameters, and where it stands.
FLOW: Final = record(
    64,
    ("draw_count", "i8"),
    ("live_count", "i8"),
    ("last_id", "i8"),
    ("now_ns", "i8"),
    ("gap_ns", "i8"),  # mean time between two events
    ("target", "i8"),  # orders that rest, about
    ("start_price", "i8"),
    ("tick", "i8"),
)
