"""The layout of what our side keeps: accounts and their limits, orders and fills of ours, a run.

`mmjit.core.records` has the rules that these follow too.
"""

from typing import Final

from mmjit.core.records import record

# What an account holds of one symbol, and what it cost. Money is exact, in points: price units
# times lots, or of an inverse contract 1e-12 of its currency. Fees are in 1e-12 of the currency.
POSITION: Final = record(
    192,
    ("position_lots", "i8"),
    ("basis", "i8"),  # what the open position cost, signed like it (inverse: unlike it); points
    ("cash", "i8"),  # points
    ("realised", "i8"),  # points, before fees
    ("fees_pico", "i8"),  # above 0 is cost
    ("bought_lots", "i8"),
    ("sold_lots", "i8"),
    ("turnover", "i8"),  # points
    ("fill_count", "i8"),
    ("order_count", "i8"),  # orders that were accepted
    ("mark_twice", "i8"),  # twice the mark, so that a mid is whole; price units
    ("marked", "i4"),  # 1 once there is a mark
    ("weighs", "i4"),  # 1 where its worth at worst counts in the total of its currency
    ("equity_twice", "i8"),  # net, at the mark; points
    ("peak_twice", "i8"),  # highest equity so far
    ("drawdown_twice", "i8"),  # deepest fall below the peak so far
    ("open_buy_lots", "i8"),
    ("open_sell_lots", "i8"),
    ("open_count", "i8"),  # orders that rest
    ("reducing_count", "i8"),  # of them reduce-only
    ("rebates_pico", "i8"),  # the part of the fees that was below 0, as a positive number
    ("worth_twice", "i8"),  # the position at its mark; points
    ("gross_twice", "i8"),  # realised and unrealised; points
    ("day_start_twice", "i8"),  # equity when the session began
    ("funding_pico", "i8"),  # the part of the fees that was funding; above 0 we paid
)

# What trading an instrument costs, and how it is counted.
TERMS: Final = record(
    192,
    ("maker_fee", "i8"),  # 1e-12 of the currency for each point, times `fee_scale`
    ("taker_fee", "i8"),
    ("fee_scale", "i8"),
    ("point_pico", "i8"),  # 1e-12 of the currency in one point
    ("qty_lots_max", "i8"),  # largest order
    ("points_max", "i8"),  # what a sum of points may reach, so that its fees fit too
    ("inverse_pico", "i8"),  # a lot at a price of 1, in 1e-12 of the currency; 0: a linear contract
    ("currency", "i8"),  # which of the currencies of the ledger it settles in
    ("marking", "i8"),  # a Marking
    ("session_end_ns", "i8"),  # when day orders expire; 0 while no session is open
    ("touched", "i8"),  # 1 while whoever holds it has yet to be marked
    ("next_touched", "i8"),  # the next such symbol, plus 1
    ("traded", "i8"),  # 1 once an account has traded it
    ("scheduled", "i8"),  # 1: fees are more than the two above, namely all that follows
    ("lot_fee_pico", "i8"),  # the most that is paid for a lot, either way, besides what is by value
    ("fill_fee_pico", "i8"),  # the most that is paid for a fill, rounding included; 0: none of both
    ("tier_count", "i8"),  # of its rows in TIER
    ("maker_per_lot", "i8"),  # 1e-12 of the currency
    ("taker_per_lot", "i8"),
    ("maker_per_fill", "i8"),
    ("taker_per_fill", "i8"),
    ("buyer_fee", "i8"),  # of a fill that buys, besides maker or taker; in their unit
    ("seller_fee", "i8"),
    ("pad", "i8"),
)

# From what turnover on an account pays other fees; TIERS rows a symbol, the first `tier_count` by
# rising turnover.
TIER: Final = record(
    32,
    ("turnover", "i8"),  # of the account in the symbol, before the fill; points
    ("maker_fee", "i8"),  # instead of those of TERMS, in their unit
    ("taker_fee", "i8"),
    ("pad", "i8"),
)
TIERS: Final = 16  # exchanges have about ten

# What an account may do in one symbol. UNLIMITED is no limit, 0 allows nothing.
LIMIT: Final = record(
    256,
    ("max_long", "i8"),  # lots, open buy orders counted
    ("max_short", "i8"),
    ("max_order_lots", "i8"),
    ("max_order_points", "i8"),  # notional of one order
    ("collar_bps", "i8"),  # how far an order may be from the mid, in 1e-4 of it
    ("collar_price", "i8"),  # the same in price units
    ("max_open_orders", "i8"),
    ("max_open_lots", "i8"),  # of the orders of a side that rest
    ("restricted", "i8"),  # bits of Restriction; 0: none
    ("collar_one_sided", "i8"),  # 1: the collar bounds only how dear an order is to its sender
    ("max_volume_lots", "i8"),  # of an order: a share of what a day trades
    ("max_depth_bps", "i8"),  # of an order: 1e-4 of what the other side shows near its best
    ("margin_bps", "i8"),  # 1e-4 of its worth that a position takes up of the credit
    ("max_age_ns", "i8"),  # of what is known of the market
    ("order_rate", "i8"),  # messages a second, in the long run,
    ("order_burst", "i8"),  # and at once
    ("cancel_rate", "i8"),  # the reserve of cancels
    ("cancel_burst", "i8"),
    ("repeat_ns", "i8"),  # in which an order may be sent like another
    ("max_repeats", "i8"),  # so often
    ("fill_ns", "i8"),  # in which a side may be filled
    ("max_fills", "i8"),  # so often, before it is disabled
    ("protect_ns", "i8"),  # market maker protection: from a first fill on, in so much time,
    ("protect_lots", "i8"),  # so much filled on both sides, or
    ("protect_delta_lots", "i8"),  # so much more on one than on the other, freezes the symbol
    ("freeze_ns", "i8"),  # for so long; 0: until it is reset
    ("watches", "i8"),  # bits: which of these, from `max_volume_lots` on, are to be looked at
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
)

# What an account has done of late in one symbol, for limits that are about time; and what its
# position is worth at worst.
GUARD: Final = record(
    192,
    ("spent", "i8"),  # of the burst of orders, 1e-9 of a message
    ("spent_ns", "i8"),  # as of then
    ("cancel_spent", "i8"),
    ("cancel_spent_ns", "i8"),
    ("sent_count", "i8"),  # orders in RECENT, ever
    ("buy_count", "i8"),  # fills there
    ("sell_count", "i8"),
    ("protect_start_ns", "i8"),  # of the window of market maker protection
    ("protect_lots", "i8"),  # filled in it
    ("protect_delta_lots", "i8"),
    ("frozen_until_ns", "i8"),  # no order passes before
    ("disabled", "i8"),  # 1 once it was filled too often, until that is acknowledged
    ("trip_count", "i8"),  # how often it was frozen or disabled
    ("attention", "i8"),  # 1 while its orders have yet to be cancelled
    ("seen_ns", "i8"),  # how old what is known of the market is
    ("has_gap", "i8"),  # 1 from a gap in the feed until a snapshot has ended
    ("reference_twice", "i8"),  # twice the price at which the position is weighed
    ("gross_units", "i8"),  # its worth at worst, as it counts in the total
    ("gross_half_pico", "i8"),
    ("margin_units", "i8"),
    ("margin_half_pico", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
)

# An order of late, or a fill: RECENTS of them for an account and symbol, in three rings.
RECENT: Final = record(
    16,
    ("time_ns", "i8"),
    ("key", "i8"),  # of an order: side, price and quantity in one word
)
SENT_RING: Final = 32
FILL_RING: Final = 16  # a side
RECENTS: Final = SENT_RING + 2 * FILL_RING

# What an account has made in one currency, net and at the marks, and what it may lose. Money is in
# whole units of the currency and in halves of 1e-12 of it, from 0 up to 2e12: exact, and wide.
TOTAL: Final = record(
    192,
    ("equity_units", "i8"),
    ("equity_half_pico", "i8"),
    ("peak_units", "i8"),  # highest equity so far
    ("peak_half_pico", "i8"),
    ("drawdown_units", "i8"),  # deepest fall below the peak
    ("drawdown_half_pico", "i8"),
    ("day_start_units", "i8"),  # equity when the session began
    ("day_start_half_pico", "i8"),
    ("max_daily_loss_units", "i8"),  # UNLIMITED: none
    ("max_daily_loss_half_pico", "i8"),
    ("max_drawdown_units", "i8"),
    ("max_drawdown_half_pico", "i8"),
    ("gross_units", "i8"),  # what is held and open is worth at worst, summed over symbols
    ("gross_half_pico", "i8"),
    ("max_gross_units", "i8"),  # UNLIMITED: none
    ("max_gross_half_pico", "i8"),
    ("margin_units", "i8"),  # the part of it that counts against the credit
    ("margin_half_pico", "i8"),
    ("credit_units", "i8"),  # UNLIMITED: none
    ("credit_half_pico", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
)

# An account: what it may do over all symbols, and whether it may do anything.
ACCOUNT: Final = record(
    192,
    ("mode", "i8"),  # a Mode
    ("cause", "i8"),  # the Status that a refused order gets while the mode is not NORMAL
    ("kill", "i8"),  # 0: off, 1: pulled, 2: pulled, and its reset was asked for
    ("exposure_lots", "i8"),  # the sum that max_position bounds
    ("max_position", "i8"),  # lots, the sum over symbols, open orders counted
    ("open_count", "i8"),  # orders that rest
    ("max_open_orders", "i8"),
    ("attention", "i8"),  # bits: which of its orders have yet to be cancelled
    ("first_own", "i8"),  # its oldest order, NIL for none
    ("last_own", "i8"),  # its newest
    ("tripped_ns", "i8"),  # when the mode was last raised
    ("trip_count", "i8"),
    ("kill_level", "i8"),  # a KillLevel: what the kill switch does when it is pulled; 0: CANCEL_ALL
    ("killed_level", "i8"),  # what it has done
    ("order_rate", "i8"),  # as in LIMIT, over all symbols
    ("order_burst", "i8"),
    ("cancel_rate", "i8"),
    ("cancel_burst", "i8"),
    ("spent", "i8"),  # as in GUARD
    ("spent_ns", "i8"),
    ("cancel_spent", "i8"),
    ("cancel_spent_ns", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
)

# What our side knows of the order at one place of its quotes: symbol, side, level.
OWN: Final = record(
    64,
    ("order_id", "i8"),
    ("price", "i8"),
    ("left_lots", "i8"),  # 0 while there is no order
    ("wanted_lots", "i8"),  # what the rule asked for
    ("sequence", "i8"),  # recorded orders of this sequence and later are behind it
    ("entered_ns", "i8"),
    ("filled_lots", "i8"),
    ("slot", "i8"),  # of its WORKING
)

# An order of ours on its way, at the venue and back: first what stands there, then what our side
# knows, which latency keeps apart.
WORKING: Final = record(
    256,
    ("order_id", "i8"),
    ("price", "i8"),
    ("left_lots", "i8"),  # open at the venue; 0 while it does not rest there
    ("shown_lots", "i8"),  # of them displayed
    ("display_lots", "i8"),  # what an iceberg displays at once, 0 for all
    ("sequence", "i8"),  # recorded orders of this sequence and later are behind it
    ("front_lots", "f8"),  # of a tape of price levels: what a model takes to be before it
    ("traded_lots", "f8"),  # there, at its price, since the level was last set
    ("entered_ns", "i8"),
    ("ahead_lots", "i8"),  # recorded lots before it when it came to rest
    ("expires_ns", "i8"),  # LATEST: never
    ("next", "i4"),  # of ours that rest on its side, best first and oldest first; NIL: none
    ("prev", "i4"),
    ("asked_price", "i8"),  # from here on: as our side knows it
    ("open_lots", "i8"),  # as the ledger counts it
    ("filled_lots", "i8"),
    ("asked_lots", "i8"),  # by the last NEW or AMEND
    ("known_sequence", "i8"),
    ("known_front_lots", "f8"),
    ("sent_ns", "i8"),
    ("place", "i8"),  # of our quotes, 2 * QUOTE_LEVELS a symbol; NIL: an order by itself
    ("leaving", "i8"),  # whether a cancel or an amend is on its way; see `mmjit.core.hearing`
    ("next_own", "i4"),  # of ours in the symbol that our side holds for open; NIL: none
    ("prev_own", "i4"),
    ("symbol", "i4"),
    ("side", "i1"),
    ("tif", "i1"),  # a TimeInForce
    ("terms", "i2"),  # bits of Term
    ("known_traded_lots", "f8"),
    ("tag", "i8"),  # what a rule calls it; 0: nothing
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
    ("pad7", "i8"),
    ("done_lots", "i8"),  # filled, as the venue knows it
    ("pad8", "i8"),
)

# An order that is asked for.
ASK: Final = record(
    64,
    ("price", "i8"),
    ("qty_lots", "i8"),
    ("display_lots", "i8"),  # of an iceberg, 0 for all
    ("expires_ns", "i8"),  # of a GTD order
    ("place", "i8"),  # of our quotes, NIL: an order by itself
    ("side", "i1"),
    ("tif", "i1"),  # a TimeInForce
    ("terms", "i2"),  # bits of Term
    ("pad", "i4"),
    ("tag", "i8"),  # what a rule calls it; 0: nothing
    ("pad3", "i8"),
)

# What a rule asks for besides its quotes: an order by itself, its cancel or its change.
REQUEST: Final = record(
    64,
    ("kind", "i8"),  # NEW, CANCEL or AMEND; 0 behind the last
    ("tag", "i8"),  # what the rule calls the order
    ("price", "i8"),
    ("qty_lots", "i8"),
    ("side", "i1"),
    ("tif", "i1"),  # a TimeInForce
    ("terms", "i2"),  # bits of Term
    ("pad", "i4"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
)

# A message between our side and the venue.
MESSAGE: Final = record(
    128,
    ("arrive_ns", "i8"),
    ("sent_ns", "i8"),  # by our side: of an answer, when what it answers was sent
    ("venue_ns", "i8"),  # of an answer: when it happened
    ("order_id", "i8"),
    ("price", "i8"),
    ("qty_lots", "i8"),
    ("left_lots", "i8"),
    ("ahead_lots", "i8"),  # of an AMEND and its REJECT: how many lots more it asks for
    ("mid_twice", "i8"),
    ("amount_pico", "i8"),  # of a FUNDING: what we pay
    ("event", "i8"),
    ("slot", "i4"),
    ("symbol", "i4"),
    ("status", "i2"),
    ("kind", "i1"),  # NEW, CANCEL or AMEND; ACK, FILL, CANCEL, AMEND, REJECT or FUNDING
    ("side", "i1"),
    ("maker", "i1"),
    ("of_kind", "i1"),  # of a REJECT: what was refused
    ("pad", "i2"),
    ("entry_ahead_lots", "i8"),  # of a FILL: before the order when it came to rest
    ("pad3", "i8"),
    ("pad4", "i8"),
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
    ("owner", "i2"),  # the account
)

# A fill in a backtest: a FILL, and what only a backtest knows.
FILL_LINE: Final = record(
    128,
    *((name, FILL[name].str.lstrip("<|")) for name in FILL.names or ()),
    ("local_ns", "i8"),  # when our side learnt of it
    ("mid_twice", "i8"),  # best bid plus best ask of the venue then; 0 while one was missing
    ("entry_ahead_lots", "i8"),  # before our order when it came to rest
    ("ahead_lots", "i8"),  # still before it then
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
)

# A step in the life of an order of ours.
STEP: Final = record(
    128,
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
    ("status", "i2"),  # of a REJECT, or of a CANCEL that nobody asked for
    ("sent_ns", "i8"),  # when our side sent what this answers
    ("local_ns", "i8"),  # when our side learnt of it
    ("mid_twice", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
)

# How a run goes: what was asked, and where it stands.
RUN: Final = record(
    256,
    ("every_ns", "i8"),  # between instants at which rules are asked; 0: there are none
    ("lots_max", "i8"),  # ever asked for by one order of ours
    ("shares_book", "i8"),  # 1 where our orders stand in the book themselves
    ("wakes", "i8"),  # bits of DUE `changed` for which a rule is asked besides
    ("impact", "i8"),  # 1 where what we take is gone
    ("two_clocks", "i8"),  # 1 where our side sees the market later than it is
    ("now_ns", "i8"),  # of our side
    ("floor_ns", "i8"),  # of the venue
    ("event", "i8"),  # place on the tape
    ("place", "i8"),  # of the next event of the venue
    ("view_place", "i8"),  # of the next that our side sees
    ("due_ns", "i8"),  # events up to here come before whatever else is due
    ("expiry_ns", "i8"),  # no order of ours expires before
    ("last_order_id", "i8"),
    ("fill_count", "i8"),  # in the ring, not yet drained
    ("step_count", "i8"),
    ("request_head", "i8"),  # ever sent; what is in the ring is between tail and head
    ("request_tail", "i8"),
    ("answer_head", "i8"),
    ("answer_tail", "i8"),
    ("seed", "i8"),
    ("taken", "i8"),  # levels of which orders of ours have taken something that is not there for us
    ("decision_count", "i8"),
    ("window_lost", "i8"),  # orders of ours put behind a level that was revealed again
    ("next_ns", "i8"),  # when symbols are next to be quoted, at an interval
    ("working_count", "i8"),  # orders of ours that our side holds for open
    ("view_ns", "i8"),  # when our side sees the next event; LATEST: there is none
    ("until_ns", "i8"),  # when the run is to stop; LATEST: at its end
    ("heeds", "i8"),  # bits: why orders may have to be cancelled between two decisions
    ("stirs", "i8"),  # messages begun or heard: while it stays no ring gets fuller
    ("answer_ns", "i8"),  # when the last answer that the venue gave arrives
    ("sees_queues", "i8"),  # 1 where a rule may ask what is before its quotes, on price levels
)

# When a symbol is to be quoted next, and where our orders in it begin.
DUE: Final = record(
    128,
    ("next_ns", "i8"),
    ("changed", "i8"),  # since the last decision
    ("started", "i4"),
    ("asked_count", "i4"),  # how often an answer had the rule asked
    ("live_count", "i8"),  # orders of ours at the venue
    ("own_bid", "i8"),  # the best price of our orders, beyond every price while there is none
    ("own_ask", "i8"),
    ("first_bid", "i4"),  # of our orders that rest at the venue; NIL: none
    ("first_ask", "i4"),
    ("first_own", "i4"),  # the oldest of those that our side holds for open
    ("reducing_count", "i4"),  # of ours at the venue, reduce-only
    ("position_lots", "i8"),  # as the venue knows it
    ("is_still", "i8"),  # 1 while nothing trades: a halt, a pause, the close
    ("last_own", "i4"),  # the newest of those that our side holds for open
    ("by_level", "i4"),  # 1 where its tape shows price levels, not orders
    ("room_stirs", "i8"),  # RUN `stirs` when the rings had room,
    ("room_place", "i8"),  # which holds before this place on the tape
    ("sights", "i8"),  # bits of the prices at which our side may have quotes, on price levels
    ("window_levels", "i8"),  # levels a side that its tape shows, 0 for all
    ("asked_ns", "i8"),  # at this instant, the last
)
