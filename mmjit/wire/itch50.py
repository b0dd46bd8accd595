"""Nasdaq TotalView-ITCH 5.0, from bytes to EVENT records: no socket, no file.

A stream is a run of frames: a big-endian u16 length and a message of that many bytes. So come
recorded files (BinaryFILE), and so comes what follows the header of a MoldUDP64 packet.

    0      2      3        5          7           13
    | size | type | locate | tracking | timestamp | body ...     frame
           0      1        3          5           11             message

Each message is routed by its locate, the venue's number of a stock for one day. A locate gets its
name from the first message that carries one, usually an R, and keeps it.

Invariant: a locate whose `symbol` is not NIL has a name; symbol numbers count names in the order in
which they were first seen, and two locates of one name share its number.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, TradingStatus
from mmjit.core.jit import helper, kernel, verb
from mmjit.core.records import record
from mmjit.core.state import power_of_two
from mmjit.core.wrapping import mix
from mmjit.wire.bigendian import u16, u32, u48, u64

LOCATES: Final = 1 << 16  # every value of the field
NOTICES: Final = 256  # system events that are kept; a day has six
SHARES_MAX: Final = (1 << 48) - 1  # of a cross: more than exist, and a day of them fits int64
UNWANTED: Final = -2  # symbol of a locate that was not asked for
WANTED: Final = -3  # symbol of a name that was asked for and has not been seen
FRAME_BYTES_MAX: Final = 2 + 0xFFFF

# type: (bytes, where the name stands, whether it makes an event)
LAYOUT: Final[dict[str, tuple[int, int, bool]]] = {
    "S": (12, 0, False),  # system event
    "R": (39, 11, False),  # stock directory
    "H": (25, 11, True),  # trading action
    "Y": (20, 11, False),  # short sale restriction
    "L": (26, 15, False),  # market participant position
    "V": (35, 0, False),  # market-wide circuit breaker levels
    "W": (12, 0, False),  # market-wide circuit breaker status
    "K": (28, 11, False),  # IPO quoting period
    "J": (35, 11, False),  # auction collar
    "h": (21, 11, False),  # operational halt
    "A": (36, 24, True),  # add order
    "F": (40, 24, True),  # add order with attribution
    "E": (31, 0, True),  # order executed
    "C": (36, 0, True),  # order executed with price
    "X": (23, 0, True),  # order cancel
    "D": (19, 0, True),  # order delete
    "U": (35, 0, True),  # order replace
    "P": (44, 24, True),  # trade, not of a cross
    "Q": (40, 19, True),  # cross trade
    "B": (19, 0, True),  # broken trade
    "I": (50, 28, False),  # net order imbalance
    "N": (20, 11, False),  # retail interest
    "O": (48, 11, False),  # direct listing with capital raise
}


def _by_type(column: int) -> Any:
    """A column of LAYOUT as an array over every type byte; 0 where the type is not known."""
    table = np.zeros(256, np.int64)
    for name, row in LAYOUT.items():
        table[ord(name)] = row[column]
    return table


_BYTES: Final = _by_type(0)
_NAME_AT: Final = _by_type(1)
_MAKES_EVENT: Final = _by_type(2)

(_A, _B, _C, _D, _E, _F, _H, _N, _P, _Q, _R, _S, _T, _U, _X, _Y) = b"ABCDEFHNPQRSTUXY"
_LAST: Final = int(Flag.LAST)
_CROSS: Final = int(Flag.LAST | Flag.AUCTION)
_PRICED: Final = int(Flag.LAST | Flag.OWN_PRICE)
_UNPRINTED: Final = int(Flag.LAST | Flag.OWN_PRICE | Flag.UNPRINTED)

READ, OTHER_SYMBOL, UNDECLARED = range(3)  # rows of `tallies`


class Fault(IntEnum):
    """Why a stream cannot be decoded any further."""

    LENGTH_WRONG = -1  # not the length of this type
    SIDE_UNKNOWN = -2  # neither B nor S
    PRINTABLE_UNKNOWN = -3  # neither Y nor N
    SHARES_TOO_LARGE = -4  # above SHARES_MAX
    NAME_MALFORMED = -5  # not printable ASCII, or blank
    LOCATE_RENAMED = -6  # the locate has another name already


# What a locate stands for.
ROUTE: Final = record(16, ("name", "i8"), ("symbol", "i4"), ("pad", "i4"))

# What is known of a symbol: its name as the eight bytes of the wire, 0 round lots until an R says.
LISTING: Final = record(16, ("name", "i8"), ("round_lot", "i8"))

# Where a stream stands, and what is odd about it but can be kept.
STREAM: Final = record(
    128,
    ("base_ns", "i8"),  # added to every timestamp
    ("selecting", "i8"),  # 1 if only wanted names get a number
    ("at", "i8"),  # bytes that the last call decoded
    ("event_count", "i8"),  # events that the last call made
    ("decoded_bytes", "i8"),  # by all calls
    ("symbol_count", "i8"),
    ("notice_count", "i8"),
    ("last_ns", "i8"),  # timestamp of the last message
    ("empty_frames", "i8"),
    ("time_reversed", "i8"),  # messages with a timestamp before that of their predecessor
    ("price_zero", "i8"),
    ("state_unknown", "i8"),  # trading states other than H, P, Q, T
    ("name_repeated", "i8"),  # locates whose name belongs to another locate too
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
)


class Decoder(NamedTuple):
    """What must be remembered between two pieces of a stream."""

    routes: Any  # ROUTE per locate
    listings: Any  # LISTING per symbol number
    directory: Any  # ROUTE by the hash of its name, half full at most; name 0 is empty
    tallies: Any  # int64 (3, 256), by type: messages READ, of OTHER_SYMBOLs, of UNDECLARED locates
    notices: Any  # int64 (NOTICES, 2): code and time of the first system events
    stream: Any  # STREAM, one


def make_decoder(base_ns: int, wanted: Sequence[int] | None = None) -> Decoder:
    """A decoder at the start of a day.

    Args:
        base_ns: what the timestamps count from, since the epoch.
        wanted: names, by `word_of`, that get a number; None for all.
    """
    wishes = () if wanted is None else wanted
    decoder = Decoder(
        np.zeros(LOCATES, ROUTE),
        np.zeros(LOCATES, LISTING),
        np.zeros(2 * power_of_two(max(LOCATES, len(wishes))), ROUTE),
        np.zeros((3, 256), np.int64),
        np.zeros((NOTICES, 2), np.int64),
        np.zeros(1, STREAM),
    )
    decoder.routes["symbol"] = NIL
    decoder.stream["base_ns"] = base_ns
    decoder.stream["selecting"] = wanted is not None
    for name in wishes:
        want(decoder.directory, name)
    return decoder


def word_of(name: str) -> int:
    """A name of at most eight ASCII characters as its padded bytes, in an int64."""
    return int.from_bytes(name.encode("ascii").ljust(8), "big", signed=True)


def name_of(word: int) -> str:
    """The name that `word_of` packed."""
    return int(word).to_bytes(8, "big", signed=True).decode("ascii").rstrip(" ")


@kernel
def want(directory, name):  # type: ignore[no-untyped-def]
    """Ask for a name."""
    entry = _entry_of(directory, name)
    entry["name"] = name
    entry["symbol"] = WANTED


@verb
def _entry_of(directory, name):  # type: ignore[no-untyped-def]
    """The entry of a name, or the empty one that it would get."""
    last = len(directory) - 1
    place = mix(name) & last
    while directory[place]["name"] != 0 and directory[place]["name"] != name:
        place = (place + 1) & last
    return directory[place]


# ---- decoding -------------------------------------------------------------------------------


@kernel
def decode(decoder, data, events):  # type: ignore[no-untyped-def]
    """Decode frames until one is not whole or faulty, or the room for events is used up.

    Args:
        decoder: a Decoder; `stream.at` says how many bytes were decoded and `stream.event_count`
            how many events they made. Whoever calls keeps the rest and puts more behind it.
        data: uint8, from the first byte of a frame.
        events: EVENT; room for what is made. Every field is written; handles are NIL, and what a
            message does not say of its order (side, price, the quantity of a delete) is 0.

    Returns:
        0, or a Fault of the frame at `stream.at`.
    """
    stream = decoder.stream[0]
    at = 0
    made = 0
    status = 0
    while made < len(events):
        size = _frame_bytes(stream, data, at)
        if size <= 0:
            status = size
            break
        if size > 2:
            status = _decode_message(decoder, data, at + 2, events[made])
            if status < 0:
                break
            made += status
        at += size
    stream["at"] = at
    stream["decoded_bytes"] += at
    stream["event_count"] = made
    return min(status, 0)


@verb
def _frame_bytes(stream, data, at):  # type: ignore[no-untyped-def]
    """The bytes of a frame, 0 while it is not whole, or LENGTH_WRONG.

    An empty frame is counted and passed over: it ends a file by the specification, but some writers
    use it as padding, and nothing follows where it is the end.
    """
    left = len(data) - at
    if left < 2:
        return 0
    length = u16(data, at)
    if length == 0:
        stream["empty_frames"] += 1
        return 2
    if left < 3:
        return 0
    expected = _BYTES[data[at + 2]]
    if expected != length and expected != 0:
        return Fault.LENGTH_WRONG
    if left < 2 + length:
        return 0
    return 2 + length


@verb
def _decode_message(decoder, data, at, event):  # type: ignore[no-untyped-def]
    """Decode one whole message; 1 if it made the event, 0 if it makes none, or a Fault."""
    kind = np.int64(data[at])
    decoder.tallies[READ, kind] += 1
    if _BYTES[kind] == 0:
        return 0
    stream = decoder.stream[0]
    time_ns = u48(data, at + 5)
    if time_ns < stream["last_ns"]:
        stream["time_reversed"] += 1
    stream["last_ns"] = time_ns
    route = decoder.routes[u16(data, at + 1)]
    if _NAME_AT[kind] != 0:
        name = u64(data, at + _NAME_AT[kind])
        if name != route["name"] or route["symbol"] == NIL:
            status = _declare(route, name, decoder.listings, decoder.directory, stream)
            if status < 0:
                return status
    if _MAKES_EVENT[kind] == 0:
        _take_note(decoder, data, at, route["symbol"])
        return 0
    if route["symbol"] < 0:
        row = UNDECLARED if route["symbol"] == NIL else OTHER_SYMBOL
        decoder.tallies[row, kind] += 1
        return 0
    _begin(event, route["symbol"], stream["base_ns"] + time_ns)
    return _fill(stream, data, at, event)


@helper
def _declare(route, name, listings, directory, stream):  # type: ignore[no-untyped-def]
    """Give a locate its name, and a symbol number if the name is wanted; 0 or a Fault."""
    if not _is_name(name):
        return Fault.NAME_MALFORMED
    if route["name"] != 0:
        return Fault.LOCATE_RENAMED

    route["name"] = name
    entry = _entry_of(directory, name)
    symbol = np.int64(entry["symbol"])
    if entry["name"] != 0 and symbol >= 0:
        stream["name_repeated"] += 1
    elif entry["name"] == 0 and stream["selecting"] != 0:
        symbol = np.int64(UNWANTED)
    else:
        symbol = stream["symbol_count"]
        stream["symbol_count"] += 1
        entry["name"] = name
        entry["symbol"] = symbol
        listings[symbol]["name"] = name
    route["symbol"] = symbol
    return 0


@verb
def _is_name(word):  # type: ignore[no-untyped-def]
    """Whether a word is eight printable ASCII characters, the first of them no space."""
    for place in range(8):
        byte = word >> 8 * place & 0xFF
        if byte < 0x20 or byte > 0x7E:
            return False
    return word >> 56 != 0x20


@verb
def _take_note(decoder, data, at, symbol):  # type: ignore[no-untyped-def]
    """Remember what a message without an event says of the day or of a symbol."""
    if data[at] == _R and symbol >= 0:
        decoder.listings[symbol]["round_lot"] = u32(data, at + 21)
    elif data[at] == _S:
        stream = decoder.stream[0]
        place = stream["notice_count"]
        if place < NOTICES:
            decoder.notices[place, 0] = data[at + 11]
            decoder.notices[place, 1] = stream["base_ns"] + stream["last_ns"]
        stream["notice_count"] = place + 1


@verb
def _begin(event, symbol, venue_ns):  # type: ignore[no-untyped-def]
    """Write what every event has, and nothing into the rest of the fields."""
    event["venue_ns"] = venue_ns
    event["local_ns"] = venue_ns
    event["order_id"] = 0
    event["price"] = 0
    event["qty_lots"] = 0
    event["symbol"] = symbol
    event["side"] = BID
    event["flags"] = _LAST
    event["handle"] = NIL
    event["level"] = NIL
    event["other_id"] = 0


@verb
def _fill(stream, data, at, event):  # type: ignore[no-untyped-def]
    """Write what a message says; 1 or a Fault."""
    kind = data[at]
    if kind == _A or kind == _F:
        event["kind"] = Kind.ADD
        return _fill_order(stream, data, at, event)
    if kind == _D:
        event["kind"] = Kind.DELETE
        event["order_id"] = u64(data, at + 11)
        return 1
    if kind == _X:
        event["kind"] = Kind.REDUCE
        event["order_id"] = u64(data, at + 11)
        event["qty_lots"] = u32(data, at + 19)
        return 1
    if kind == _E or kind == _C:
        event["kind"] = Kind.EXECUTE
        event["order_id"] = u64(data, at + 11)
        event["qty_lots"] = u32(data, at + 19)
        event["other_id"] = u64(data, at + 23)
        return _fill_own_price(stream, data, at, event) if kind == _C else 1
    if kind == _U:
        event["kind"] = Kind.REPLACE
        event["order_id"] = u64(data, at + 11)
        event["other_id"] = u64(data, at + 19)
        event["qty_lots"] = u32(data, at + 27)
        event["price"] = _price(stream, data, at + 31)
        return 1
    return _fill_rare(stream, data, at, event)


@verb
def _fill_order(stream, data, at, event):  # type: ignore[no-untyped-def]
    """Write the order of an add or a trade: reference, side, shares, price."""
    side = data[at + 19]
    if side != _B and side != _S:
        return Fault.SIDE_UNKNOWN
    event["order_id"] = u64(data, at + 11)
    event["side"] = BID if side == _B else ASK
    event["qty_lots"] = u32(data, at + 20)
    event["price"] = _price(stream, data, at + 32)
    return 1


@verb
def _fill_own_price(stream, data, at, event):  # type: ignore[no-untyped-def]
    """Write the price of an execution that has one, and whether it prints."""
    printable = data[at + 31]
    if printable != _Y and printable != _N:
        return Fault.PRINTABLE_UNKNOWN
    event["flags"] = _PRICED if printable == _Y else _UNPRINTED
    event["price"] = _price(stream, data, at + 32)
    return 1


@verb
def _fill_rare(stream, data, at, event):  # type: ignore[no-untyped-def]
    """Write a message that changes no book."""
    kind = data[at]
    if kind == _P:
        event["kind"] = Kind.TRADE
        event["other_id"] = u64(data, at + 36)
        return _fill_order(stream, data, at, event)
    if kind == _Q:
        shares = u64(data, at + 11)
        if shares < 0 or shares > SHARES_MAX:
            return Fault.SHARES_TOO_LARGE
        event["kind"] = Kind.TRADE
        event["flags"] = _CROSS
        event["qty_lots"] = shares
        event["price"] = u32(data, at + 27)  # 0 in a cross of nothing
        event["other_id"] = u64(data, at + 31)
    elif kind == _B:
        event["kind"] = Kind.BROKEN
        event["other_id"] = u64(data, at + 11)
    else:
        event["kind"] = Kind.STATUS
        event["qty_lots"] = _trading_status(stream, data[at + 19])
    return 1


@verb
def _price(stream, data, at):  # type: ignore[no-untyped-def]
    """A price; 0 is kept and counted."""
    price = u32(data, at)
    if price == 0:
        stream["price_zero"] += 1
    return price


@verb
def _trading_status(stream, state):  # type: ignore[no-untyped-def]
    """The TradingStatus of a trading state; one that is not known is kept so and counted."""
    if state == _T:
        return TradingStatus.TRADING
    if state == _Q:
        return TradingStatus.QUOTING
    if state == _P:
        return TradingStatus.PAUSED
    if state == _H:
        return TradingStatus.HALTED
    stream["state_unknown"] += 1
    return TradingStatus.UNKNOWN
