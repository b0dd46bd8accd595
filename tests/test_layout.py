"""The bytes of every record. A change here is a change of the format of states and tapes."""

import numpy as np
import pytest

from mmjit.core import codes, latency, records, tables

LINE_BYTES = 64

# name: size, then each field with its type and offset
LAYOUTS = {
    "EVENT": (
        64,
        "venue_ns:i8@0 local_ns:i8@8 order_id:i8@16 price:i8@24 qty_lots:i8@32 symbol:i4@40 "
        "kind:i1@44 side:i1@45 flags:i2@46 handle:i4@48 level:i4@52 other_id:i8@56",
    ),
    "COMMAND": (
        64,
        "venue_ns:i8@0 local_ns:i8@8 order_id:i8@16 price:i8@24 qty_lots:i8@32 symbol:i4@40 "
        "kind:i1@44 side:i1@45 flags:i2@46 owner:i4@48 tif:i1@52 self_trade:i1@53 terms:i2@54 "
        "other_id:i8@56",
    ),
    "NODE32": (16, "qty_lots:i4@0 level:i4@4 prev:i4@8 next:i4@12"),
    "LEVEL32": (32, "order_count:i4@0 owner:i4@4 prev:i4@8 next:i4@12 qty_lots:i8@16 price:i8@24"),
    "NODE64": (32, "qty_lots:i8@0 level:i4@8 prev:i4@12 next:i4@16 pad:i4@20 pad2:i8@24"),
    "LEVEL64": (32, "qty_lots:i8@0 owner:i4@8 prev:i4@12 next:i4@16 order_count:i4@20 price:i8@24"),
    "ORDER": (32, "order_id:i8@0 entered_ns:i8@8 sequence:i8@16 owner:i4@24 flags:i4@28"),
    "SIDE": (
        32,
        "best:i4@0 level_count:i4@4 order_count:i4@8 twos:i2@12 heights:i2@14 base:i8@16 "
        "inverse:i8@24",
    ),
    "SYMBOL": (
        128,
        "last_price:i8@0 last_qty_lots:i8@8 last_ns:i8@16 traded_lots:i8@24 "
        "bid_executed_lots:i8@32 ask_executed_lots:i8@40 increment:i8@48 status:i8@56 "
        "price_min:i8@64 price_max:i8@72 pad:i8@80 pad2:i8@88 pad3:i8@96 pad4:i8@104 "
        "pad5:i8@112 pad6:i8@120",
    ),
    "ENTRY": (8, "tag:i4@0 slot:i4@4"),
    "RUNG": (16, "key:i8@0 mask:i8@8"),
    "METER": (
        64,
        "depth:i8@0 fresh:i8@8 capacity:i8@16 pad:i8@24 pad2:i8@32 pad3:i8@40 pad4:i8@48 "
        "pad5:i8@56",
    ),
    "CONTROL": (
        64,
        "sequence:i8@0 salt:i8@8 best_changed:i8@16 rung_count:i8@24 last_ns:i8@32 "
        "page_count:i8@40 page_reserved:i8@48 pad:i8@56",
    ),
    "TALLY": (
        64,
        "event_count:i8@0 price_fold:i8@8 qty_fold:i8@16 crossed:i8@24 locked:i8@32 "
        "time_reversed:i8@40 pad:i8@48 pad2:i8@56",
    ),
    "PROBE": (
        64,
        "price:i8@0 sequence:i8@8 first_lots:i8@16 ahead_lots:i8@24 traded_lots:i8@32 "
        "true_ns:i8@40 model_ns:i8@48 pad:i8@56",
    ),
    "SURVEY": (
        64,
        "first_ns:i8@0 every_ns:i8@8 horizon_ns:i8@16 next_ns:i8@24 now_ns:i8@32 oldest:i8@40 "
        "newest:i8@48 pad:i8@56",
    ),
    "SEAT": (32, "qty_lots:i8@0 price:i8@8 symbol:i4@16 side:i4@20 order_id:i8@24"),
    "BOUNDS": (
        64,
        "event_count:i8@0 price_min:i8@8 price_max:i8@16 increment:i8@24 qty_lots_max:i8@32 "
        "twos:i8@40 inverse:i8@48 top:i8@56",
    ),
    "PAGE_ENTRY": (16, "key:i8@0 page:i8@8"),
    "DETAIL": (
        32,
        "hidden_lots:i8@0 display_lots:i8@8 prev_own:i4@16 next_own:i4@20 alarm:i4@24 pad:i4@28",
    ),
    "ALARM": (16, "time_ns:i8@0 slot:i4@8 pad:i4@12"),
    "TRADE": (
        64,
        "venue_ns:i8@0 price:i8@8 qty_lots:i8@16 maker_id:i8@24 taker_id:i8@32 number:i8@40 "
        "symbol:i4@48 maker_owner:i4@52 taker_owner:i4@56 side:i1@60 pad:i1@61 pad2:i2@62",
    ),
    "VENUE": (
        128,
        "now_ns:i8@0 trade_head:i8@8 trade_tail:i8@16 fill_head:i8@24 fill_tail:i8@32 "
        "alarm_count:i8@40 attention:i8@48 command_count:i8@56 time_reversed:i8@64 "
        "hidden_count:i8@72 filled_lots:i8@80 rested_lots:i8@88 prevented_lots:i8@96 "
        "expired_count:i8@104 first_touched:i8@112 best_moved:i8@120",
    ),
    "POSITION": (
        192,
        "position_lots:i8@0 basis:i8@8 cash:i8@16 realised:i8@24 fees_pico:i8@32 "
        "bought_lots:i8@40 sold_lots:i8@48 turnover:i8@56 fill_count:i8@64 order_count:i8@72 "
        "mark_twice:i8@80 marked:i4@88 weighs:i4@92 equity_twice:i8@96 peak_twice:i8@104 "
        "drawdown_twice:i8@112 open_buy_lots:i8@120 open_sell_lots:i8@128 open_count:i8@136 "
        "reducing_count:i8@144 rebates_pico:i8@152 worth_twice:i8@160 gross_twice:i8@168 "
        "day_start_twice:i8@176 funding_pico:i8@184",
    ),
    "TERMS": (
        192,
        "maker_fee:i8@0 taker_fee:i8@8 fee_scale:i8@16 point_pico:i8@24 qty_lots_max:i8@32 "
        "points_max:i8@40 inverse_pico:i8@48 currency:i8@56 marking:i8@64 session_end_ns:i8@72 "
        "touched:i8@80 next_touched:i8@88 traded:i8@96 scheduled:i8@104 lot_fee_pico:i8@112 "
        "fill_fee_pico:i8@120 tier_count:i8@128 maker_per_lot:i8@136 taker_per_lot:i8@144 "
        "maker_per_fill:i8@152 taker_per_fill:i8@160 buyer_fee:i8@168 seller_fee:i8@176 pad:i8@184",
    ),
    "TIER": (32, "turnover:i8@0 maker_fee:i8@8 taker_fee:i8@16 pad:i8@24"),
    "LIMIT": (
        256,
        "max_long:i8@0 max_short:i8@8 max_order_lots:i8@16 max_order_points:i8@24 "
        "collar_bps:i8@32 collar_price:i8@40 max_open_orders:i8@48 max_open_lots:i8@56 "
        "restricted:i8@64 collar_one_sided:i8@72 max_volume_lots:i8@80 max_depth_bps:i8@88 "
        "margin_bps:i8@96 max_age_ns:i8@104 order_rate:i8@112 order_burst:i8@120 "
        "cancel_rate:i8@128 cancel_burst:i8@136 repeat_ns:i8@144 max_repeats:i8@152 "
        "fill_ns:i8@160 max_fills:i8@168 protect_ns:i8@176 protect_lots:i8@184 "
        "protect_delta_lots:i8@192 freeze_ns:i8@200 watches:i8@208 pad:i8@216 pad2:i8@224 "
        "pad3:i8@232 pad4:i8@240 pad5:i8@248",
    ),
    "GUARD": (
        192,
        "spent:i8@0 spent_ns:i8@8 cancel_spent:i8@16 cancel_spent_ns:i8@24 sent_count:i8@32 "
        "buy_count:i8@40 sell_count:i8@48 protect_start_ns:i8@56 protect_lots:i8@64 "
        "protect_delta_lots:i8@72 frozen_until_ns:i8@80 disabled:i8@88 trip_count:i8@96 "
        "attention:i8@104 seen_ns:i8@112 has_gap:i8@120 reference_twice:i8@128 "
        "gross_units:i8@136 gross_half_pico:i8@144 margin_units:i8@152 "
        "margin_half_pico:i8@160 pad:i8@168 pad2:i8@176 pad3:i8@184",
    ),
    "RECENT": (
        16,
        "time_ns:i8@0 key:i8@8",
    ),
    "TOTAL": (
        192,
        "equity_units:i8@0 equity_half_pico:i8@8 peak_units:i8@16 peak_half_pico:i8@24 "
        "drawdown_units:i8@32 drawdown_half_pico:i8@40 day_start_units:i8@48 "
        "day_start_half_pico:i8@56 max_daily_loss_units:i8@64 max_daily_loss_half_pico:i8@72 "
        "max_drawdown_units:i8@80 max_drawdown_half_pico:i8@88 gross_units:i8@96 "
        "gross_half_pico:i8@104 max_gross_units:i8@112 max_gross_half_pico:i8@120 "
        "margin_units:i8@128 margin_half_pico:i8@136 credit_units:i8@144 "
        "credit_half_pico:i8@152 pad:i8@160 pad2:i8@168 pad3:i8@176 pad4:i8@184",
    ),
    "ACCOUNT": (
        192,
        "mode:i8@0 cause:i8@8 kill:i8@16 exposure_lots:i8@24 max_position:i8@32 "
        "open_count:i8@40 max_open_orders:i8@48 attention:i8@56 first_own:i8@64 "
        "last_own:i8@72 tripped_ns:i8@80 trip_count:i8@88 kill_level:i8@96 "
        "killed_level:i8@104 order_rate:i8@112 order_burst:i8@120 cancel_rate:i8@128 "
        "cancel_burst:i8@136 spent:i8@144 spent_ns:i8@152 cancel_spent:i8@160 "
        "cancel_spent_ns:i8@168 pad:i8@176 pad2:i8@184",
    ),
    "OWN": (
        64,
        "order_id:i8@0 price:i8@8 left_lots:i8@16 wanted_lots:i8@24 sequence:i8@32 "
        "entered_ns:i8@40 filled_lots:i8@48 slot:i8@56",
    ),
    "WANT": (16, "price:i8@0 qty_lots:i8@8"),
    "FILL": (
        64,
        "venue_ns:i8@0 order_id:i8@8 price:i8@16 qty_lots:i8@24 fee_pico:i8@32 "
        "position_lots:i8@40 event:i8@48 symbol:i4@56 side:i1@60 maker:i1@61 owner:i2@62",
    ),
    "STEP": (
        128,
        "venue_ns:i8@0 order_id:i8@8 price:i8@16 qty_lots:i8@24 left_lots:i8@32 "
        "ahead_lots:i8@40 event:i8@48 symbol:i4@56 side:i1@60 kind:i1@61 status:i2@62 "
        "sent_ns:i8@64 local_ns:i8@72 mid_twice:i8@80 pad:i8@88 pad2:i8@96 pad3:i8@104 "
        "pad4:i8@112 pad5:i8@120",
    ),
    "RUN": (
        256,
        "every_ns:i8@0 lots_max:i8@8 shares_book:i8@16 wakes:i8@24 impact:i8@32 "
        "two_clocks:i8@40 now_ns:i8@48 floor_ns:i8@56 event:i8@64 place:i8@72 view_place:i8@80 "
        "due_ns:i8@88 expiry_ns:i8@96 last_order_id:i8@104 fill_count:i8@112 step_count:i8@120 "
        "request_head:i8@128 request_tail:i8@136 answer_head:i8@144 answer_tail:i8@152 "
        "seed:i8@160 taken:i8@168 decision_count:i8@176 window_lost:i8@184 next_ns:i8@192 "
        "working_count:i8@200 view_ns:i8@208 until_ns:i8@216 heeds:i8@224 stirs:i8@232 "
        "answer_ns:i8@240 sees_queues:i8@248",
    ),
    "DUE": (
        128,
        "next_ns:i8@0 changed:i8@8 started:i4@16 asked_count:i4@20 live_count:i8@24 "
        "own_bid:i8@32 own_ask:i8@40 first_bid:i4@48 first_ask:i4@52 first_own:i4@56 "
        "reducing_count:i4@60 "
        "position_lots:i8@64 is_still:i8@72 last_own:i4@80 by_level:i4@84 room_stirs:i8@88 "
        "room_place:i8@96 sights:i8@104 window_levels:i8@112 asked_ns:i8@120",
    ),
    "WORKING": (
        256,
        "order_id:i8@0 price:i8@8 left_lots:i8@16 shown_lots:i8@24 display_lots:i8@32 "
        "sequence:i8@40 front_lots:f8@48 traded_lots:f8@56 entered_ns:i8@64 ahead_lots:i8@72 "
        "expires_ns:i8@80 next:i4@88 prev:i4@92 asked_price:i8@96 open_lots:i8@104 "
        "filled_lots:i8@112 asked_lots:i8@120 known_sequence:i8@128 known_front_lots:f8@136 "
        "sent_ns:i8@144 place:i8@152 leaving:i8@160 next_own:i4@168 prev_own:i4@172 "
        "symbol:i4@176 side:i1@180 tif:i1@181 terms:i2@182 known_traded_lots:f8@184 "
        "tag:i8@192 pad3:i8@200 pad4:i8@208 pad5:i8@216 pad6:i8@224 pad7:i8@232 "
        "done_lots:i8@240 pad8:i8@248",
    ),
    "ASK": (
        64,
        "price:i8@0 qty_lots:i8@8 display_lots:i8@16 expires_ns:i8@24 place:i8@32 side:i1@40 "
        "tif:i1@41 terms:i2@42 pad:i4@44 tag:i8@48 pad3:i8@56",
    ),
    "REQUEST": (
        64,
        "kind:i8@0 tag:i8@8 price:i8@16 qty_lots:i8@24 side:i1@32 tif:i1@33 terms:i2@34 "
        "pad:i4@36 pad2:i8@40 pad3:i8@48 pad4:i8@56",
    ),
    "MESSAGE": (
        128,
        "arrive_ns:i8@0 sent_ns:i8@8 venue_ns:i8@16 order_id:i8@24 price:i8@32 qty_lots:i8@40 "
        "left_lots:i8@48 ahead_lots:i8@56 mid_twice:i8@64 amount_pico:i8@72 event:i8@80 "
        "slot:i4@88 symbol:i4@92 status:i2@96 kind:i1@98 side:i1@99 maker:i1@100 of_kind:i1@101 "
        "pad:i2@102 entry_ahead_lots:i8@104 pad3:i8@112 pad4:i8@120",
    ),
    "FILL_LINE": (
        128,
        "venue_ns:i8@0 order_id:i8@8 price:i8@16 qty_lots:i8@24 fee_pico:i8@32 "
        "position_lots:i8@40 event:i8@48 symbol:i4@56 side:i1@60 maker:i1@61 owner:i2@62 "
        "local_ns:i8@64 mid_twice:i8@72 entry_ahead_lots:i8@80 ahead_lots:i8@88 pad:i8@96 "
        "pad2:i8@104 pad3:i8@112 pad4:i8@120",
    ),
    "LATENCY": (
        64,
        "base_ns:i8@0 seed:i8@8 draw_count:i8@16 scale_ns:f8@24 shape:f8@32 row_count:i8@40 "
        "row:i8@48 model:i4@56 jitter:i4@60",
    ),
    "ROUND_TRIP": (32, "sent_ns:i8@0 venue_ns:i8@8 received_ns:i8@16 by_venue:i8@24"),
}
FLOATS = {  # no whole numbers: of a distribution, and what a queue model takes to be before us
    *(("LATENCY", name) for name in ("scale_ns", "shape")),
    *(
        ("WORKING", name)
        for name in ("front_lots", "traded_lots", "known_front_lots", "known_traded_lots")
    ),
}

RECORDS = {
    name: dtype
    for module in (records, tables, latency)
    for name, dtype in vars(module).items()
    if isinstance(dtype, np.dtype)
}
each_record = pytest.mark.parametrize("name", RECORDS)


def drawn(dtype):
    """The fields of a record as the table above draws them."""
    places = ((name, *dtype.fields[name][:2]) for name in dtype.names)
    return " ".join(f"{name}:{kind.str[1:]}@{offset}" for name, kind, offset in places)


def test_the_table_has_every_record():
    assert set(LAYOUTS) == set(RECORDS)


@each_record
def test_a_record_has_its_pinned_layout(name):
    assert (RECORDS[name].itemsize, drawn(RECORDS[name])) == LAYOUTS[name]


@each_record
def test_a_record_has_no_nameless_padding(name):
    dtype = RECORDS[name]

    assert sum(dtype[field].itemsize for field in dtype.names) == dtype.itemsize


@each_record
def test_a_record_is_aligned(name):
    dtype = RECORDS[name]

    assert dtype.isalignedstruct
    assert all(dtype.fields[f][1] % dtype[f].alignment == 0 for f in dtype.names)


@each_record
def test_a_record_in_an_aligned_array_straddles_no_cache_line(name):
    size = RECORDS[name].itemsize

    assert LINE_BYTES % size == 0 or size % LINE_BYTES == 0


@each_record
def test_a_record_is_of_signed_integers_in_the_order_of_this_machine(name):
    dtype = RECORDS[name]

    assert {dtype[f].kind for f in dtype.names if (name, f) not in FLOATS} == {"i"}
    assert all(dtype[field].isnative for field in dtype.names)


@pytest.mark.parametrize(("node", "level"), [("NODE32", "LEVEL32"), ("NODE64", "LEVEL64")])
def test_a_level_is_a_whole_number_of_nodes_whose_first_links_like_one(node, level):
    node, level = RECORDS[node], RECORDS[level]

    assert level.itemsize % node.itemsize == 0
    for link in ("prev", "next"):
        assert node.fields[link] == level.fields[link]
        assert node.fields[link][1] + 4 <= node.itemsize


@pytest.mark.parametrize(("node", "level"), [("NODE32", "LEVEL32"), ("NODE64", "LEVEL64")])
def test_a_sentinel_seen_as_an_order_is_never_taken_for_a_free_slot(node, level):
    """`is_live` reads a node's `level`: over a level record it must fall on `owner`."""
    assert RECORDS[node].fields["level"] == RECORDS[level].fields["owner"]


def test_the_two_sides_of_a_symbol_share_a_cache_line():
    assert 2 * RECORDS["SIDE"].itemsize == LINE_BYTES


def test_a_record_of_another_size_than_stated_is_refused():
    with pytest.raises(AssertionError, match="not 16"):
        records.record(16, ("price", "i8"))


# ---- the vocabularies that are stored in records ---------------------------------------------


def test_kinds_fit_their_byte_and_flags_their_word():
    assert all(0 < kind < 128 for kind in codes.Kind)
    assert all(0 < flag < 1 << 15 and flag & (flag - 1) == 0 for flag in codes.Flag)


def test_a_status_below_zero_has_room_in_the_counts():
    assert all(-codes.STATUS_SPAN < status <= 0 for status in codes.Status)


def test_stored_numbers_do_not_change_their_meaning():
    kinds = "ADD REDUCE DELETE REPLACE EXECUTE TRADE BROKEN LEVEL CLEAR SNAPSHOT_BEGIN"
    kinds += " SNAPSHOT_END STATUS FUNDING GAP"
    ours = "NEW CANCEL AMEND ACK REJECT FILL TIMER QUOTE CANCEL_ALL TAKE MORE"
    flags = "LAST SNAPSHOT SYNTHETIC OURS OWN_PRICE AUCTION UNPRINTED"

    assert [codes.Kind[name] for name in kinds.split()] == list(range(1, 15))
    assert [codes.Kind[name] for name in ours.split()] == list(range(32, 43))
    assert [codes.Flag[name] for name in flags.split()] == [1 << k for k in range(7)]
    assert [s.value for s in codes.TradingStatus] == [0, 1, 2, 3, 4, 5]
    stored = {
        codes.TimeInForce: ("GTC DAY GTD IOC FOK", [0, 1, 2, 3, 4]),
        codes.Term: ("MARKET POST_ONLY REDUCE_ONLY TAIL", [1, 2, 4, 8]),
        codes.SelfTrade: (
            "NONE CANCEL_NEWEST CANCEL_OLDEST CANCEL_BOTH DECREMENT",
            [0, 1, 2, 3, 4],
        ),
        codes.Mode: ("NORMAL REDUCE_ONLY FROZEN CANCEL_ONLY", [0, 1, 2, 3]),
        codes.KillLevel: ("BLOCK_NEW CANCEL_ALL FLATTEN", [1, 2, 3]),
        codes.Restriction: ("BUY SELL SHORT", [1, 2, 4]),
        codes.Marking: ("MID LAST LIQUIDATION", [0, 1, 2]),
        latency.Leg: ("FEED NEW CANCEL AMEND RESPONSE", [0, 1, 2, 3, 4]),
        latency.Delay: ("NONE CONSTANT RECORDED ROWS", [0, 1, 2, 3]),
        latency.Jitter: ("NONE LOGNORMAL GAMMA", [0, 1, 2]),
    }
    for vocabulary, (names, values) in stored.items():
        assert {one.name: one.value for one in vocabulary} == dict(
            zip(names.split(), values, strict=True)
        )
    assert (codes.NIL, codes.BID, codes.ASK) == (-1, 0, 1)


def test_a_command_begins_as_an_event_does():
    names = RECORDS["EVENT"].names[: RECORDS["EVENT"].names.index("handle")]

    assert RECORDS["COMMAND"].names[: len(names)] == names
    for name in names:
        assert RECORDS["COMMAND"].fields[name] == RECORDS["EVENT"].fields[name]
