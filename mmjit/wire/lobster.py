"""LOBSTER message lines -> records: bytes in, integers out.

    34200.017459617,1,11885113,21,2238100,1
    seconds after midnight, type, order id, size, price x 10 000, direction of the resting order

Everything is read with integers: a time has nanoseconds and is exact.
"""

from enum import IntEnum
from typing import Any, Final

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.jit import kernel, verb
from mmjit.core.records import record

# One line. It lives for one run only, so it need not fill a cache line.
#   0         8          16     24      32     36          40
#   | time_ns | order_id | size | price | type | direction |
MESSAGE: Final = record(
    40,
    ("time_ns", "i8"),  # after midnight
    ("order_id", "i8"),
    ("size", "i8"),
    ("price", "i8"),
    ("type", "i4"),
    ("direction", "i4"),
)

# Where the reading of a file stands.
CURSOR: Final = record(
    32,
    ("offset", "i8"),  # in the text at hand
    ("line", "i8"),  # lines read so far; after a fault, the number of the faulty line
    ("time_ns", "i8"),  # of the last line
    ("pad", "i8"),
)


class Type(IntEnum):
    """What a message says happened."""

    SUBMISSION = 1
    CANCELLATION = 2  # of a part
    DELETION = 3
    EXECUTION = 4
    HIDDEN_EXECUTION = 5
    CROSS = 6
    HALT = 7


class Fault(IntEnum):
    """What is wrong with a line."""

    TIME = -1
    TYPE = -2
    ORDER_ID = -3
    SIZE = -4
    PRICE = -5
    DIRECTION = -6
    TIME_BACKWARDS = -7
    HALT = -8


_COMMA: Final = 44
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = 48
_NEWLINE: Final = 10
_RETURN: Final = 13
_WHOLE_MAX: Final = ((1 << 63) - 1) // 10 - 1  # one more digit still fits
_DECIMALS: Final = 9  # of a second: nanoseconds
_TENTH_NS: Final = 100_000_000
_VALUE_MAX: Final = 10**12  # of a price or size: sums of millions of them fit
_SECONDS_MAX: Final = 90_000  # a day has 25 hours when the clocks go back


@kernel
def read_messages(text, rows, cursor):  # type: ignore[no-untyped-def]
    """Read lines until the text ends or the rows are full.

    Args:
        text: int8[n], whole lines: empty, or its last byte is a newline.
        rows: MESSAGE, to be filled from the first on.
        cursor: CURSOR, one; says where to begin and is moved on.

    Returns:
        How many rows were filled, or a `Fault`; then `cursor` tells the line.
    """
    state = cursor[0]
    offset = state["offset"]
    time_ns = state["time_ns"]
    count = 0
    while offset < len(text) and count < len(rows):
        row = rows[count]
        state["line"] += 1
        offset = _read_row(text, offset, row)
        if offset >= 0:
            fault = _fault_of(row, time_ns)
            if fault < 0:
                return fault
        else:
            return offset
        time_ns = row["time_ns"]
        count += 1
    state["offset"] = offset
    state["time_ns"] = time_ns
    return count


@verb
def _read_row(text, offset, row):  # type: ignore[no-untyped-def]
    """Read one line; returns where the next begins, or a fault."""
    time_ns, offset = _read_time(text, offset)
    if offset == NIL:
        return Fault.TIME
    kind, offset = _read_integer(text, offset)
    if offset == NIL or kind < Type.SUBMISSION or kind > Type.HALT:
        return Fault.TYPE
    order_id, offset = _read_integer(text, offset)
    if offset == NIL:
        return Fault.ORDER_ID
    size, offset = _read_integer(text, offset)
    if offset == NIL:
        return Fault.SIZE
    price, offset = _read_integer(text, offset)
    if offset == NIL:
        return Fault.PRICE
    direction, offset = _read_direction(text, offset)
    if offset == NIL:
        return Fault.DIRECTION
    row["time_ns"] = time_ns
    row["type"] = kind
    row["order_id"] = order_id
    row["size"] = size
    row["price"] = price
    row["direction"] = direction
    return offset


@verb
def _fault_of(row, time_ns):  # type: ignore[no-untyped-def]
    """What the fields of a line cannot be, each by itself well formed; 0 if nothing."""
    if row["time_ns"] < time_ns:
        return Fault.TIME_BACKWARDS
    if row["type"] == Type.HALT:
        return Fault.HALT if abs(row["price"]) > 1 else 0
    if row["type"] <= Type.EXECUTION and row["order_id"] < 0:
        return Fault.ORDER_ID
    if row["type"] != Type.CROSS and row["direction"] == 0:
        return Fault.DIRECTION
    at_least = 1 if row["type"] <= Type.EXECUTION else 0
    if row["size"] < at_least or row["size"] > _VALUE_MAX:
        return Fault.SIZE
    if row["price"] < at_least or row["price"] > _VALUE_MAX:
        return Fault.PRICE
    return 0


@verb
def _read_time(text, offset):  # type: ignore[no-untyped-def]
    """Read decimal seconds and the comma; returns nanoseconds and what follows, or NIL.

    What passed through a float on its way has digits beyond the ninth: they are rounded off.
    """
    seconds, after = _read_digits(text, offset)
    if after == offset or seconds >= _SECONDS_MAX:
        return np.int64(0), NIL
    time_ns = seconds * 1_000_000_000
    if text[after] == _POINT:
        first = after + 1
        after = first
        unit = np.int64(_TENTH_NS)
        while _is_digit(text[after]):
            digit = text[after] - _ZERO
            time_ns += unit * digit
            if after == first + _DECIMALS and digit >= 5:
                time_ns += 1
            unit //= 10
            after += 1
        if after == first:
            return np.int64(0), NIL
    if text[after] != _COMMA:
        return np.int64(0), NIL
    return time_ns, after + 1


@verb
def _read_integer(text, offset):  # type: ignore[no-untyped-def]
    """Read an integer and the comma; returns it and what follows, or NIL."""
    negative = text[offset] == _MINUS
    first = offset + 1 if negative else offset
    value, after = _read_digits(text, first)
    if after == first or text[after] != _COMMA:
        return np.int64(0), NIL
    return -value if negative else value, after + 1


@verb
def _read_direction(text, offset):  # type: ignore[no-untyped-def]
    """Read 1, 0 or -1 and the end of the line; returns it and what follows, or NIL."""
    negative = text[offset] == _MINUS
    first = offset + 1 if negative else offset
    value, after = _read_digits(text, first)
    if after != first + 1 or value > 1:
        return np.int64(0), NIL
    if text[after] == _RETURN:
        after += 1
    if text[after] != _NEWLINE:
        return np.int64(0), NIL
    return -value if negative else value, after + 1


@verb
def _read_digits(text, offset):  # type: ignore[no-untyped-def]
    """Read as many digits as fit; the newline at the end of the text stops every search."""
    value = np.int64(0)
    while _is_digit(text[offset]) and value <= _WHOLE_MAX:
        value = value * 10 + (text[offset] - _ZERO)
        offset += 1
    return value, offset


@verb
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return byte >= _ZERO and byte <= _ZERO + 9


def text_of(data: bytes) -> Any:
    """Bytes as `read_messages` wants them: signed, so that no arithmetic is unsigned."""
    return np.frombuffer(data, np.int8)
