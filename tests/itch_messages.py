"""TotalView-ITCH 5.0 messages from their fields, as plain as the specification's tables.

Every function returns the bytes of one message; `framed` puts the length before each.
"""

import struct

DAY = "2019-12-30"
MIDNIGHT_NS = 1_577_682_000_000_000_000  # of that day in New York, 05:00 UTC

# Bytes of each type, as the specification has them; O was added later.
LENGTHS = {
    "S": 12,
    "R": 39,
    "H": 25,
    "Y": 20,
    "L": 26,
    "V": 35,
    "W": 12,
    "K": 28,
    "J": 35,
    "h": 21,
    "A": 36,
    "F": 40,
    "E": 31,
    "C": 36,
    "X": 23,
    "D": 19,
    "U": 35,
    "P": 44,
    "Q": 40,
    "B": 19,
    "I": 50,
    "N": 20,
    "O": 48,
}


def framed(*messages: bytes) -> bytes:
    """The messages as a BinaryFILE."""
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


def head(kind: str, locate: int, time_ns: int) -> bytes:
    return struct.pack(">cHH", kind.encode(), locate, 0) + time_ns.to_bytes(6, "big")


def name(stock: str) -> bytes:
    return stock.encode().ljust(8)


def system(code="O", time_ns=0):
    return head("S", 0, time_ns) + code.encode()


def directory(locate=1, stock="AAPL", round_lot=100, time_ns=0):
    tail = b"N" + b"C" + b"Z " + b"P" + b"N" + b"N" + b"1" + b"N" + struct.pack(">I", 0) + b"N"
    return (
        head("R", locate, time_ns) + name(stock) + b"Q" + b"N" + struct.pack(">I", round_lot) + tail
    )


def trading(locate=1, stock="AAPL", state="T", time_ns=0):
    return head("H", locate, time_ns) + name(stock) + state.encode() + b" " + b"    "


def short_sale(locate=1, stock="AAPL", time_ns=0):
    return head("Y", locate, time_ns) + name(stock) + b"0"


def participant(locate=1, stock="AAPL", time_ns=0):
    return head("L", locate, time_ns) + b"MPID" + name(stock) + b"Y" + b"N" + b"A"


def breaker_levels(time_ns=0):
    return head("V", 0, time_ns) + struct.pack(">QQQ", 3, 2, 1)


def breaker_status(time_ns=0):
    return head("W", 0, time_ns) + b"1"


def ipo(locate=1, stock="AAPL", time_ns=0):
    return head("K", locate, time_ns) + name(stock) + struct.pack(">IcI", 36_000, b"A", 100_000)


def collar(locate=1, stock="AAPL", time_ns=0):
    return head("J", locate, time_ns) + name(stock) + struct.pack(">IIII", 10_000, 11_000, 9_000, 0)


def operational_halt(locate=1, stock="AAPL", time_ns=0):
    return head("h", locate, time_ns) + name(stock) + b"Q" + b"H"


def add(locate=1, ref=1, side="B", shares=100, stock="AAPL", price=10_000, time_ns=0, mpid=""):
    body = struct.pack(">QcI", ref, side.encode("latin1"), shares)
    body += name(stock) + struct.pack(">I", price)
    return head("F" if mpid else "A", locate, time_ns) + body + mpid.encode()


def execute(locate=1, ref=1, shares=100, match=1, time_ns=0):
    return head("E", locate, time_ns) + struct.pack(">QIQ", ref, shares, match)


def execute_at(locate=1, ref=1, shares=100, match=1, printable="Y", price=10_000, time_ns=0):
    body = struct.pack(">QIQcI", ref, shares, match, printable.encode(), price)
    return head("C", locate, time_ns) + body


def cancel(locate=1, ref=1, shares=100, time_ns=0):
    return head("X", locate, time_ns) + struct.pack(">QI", ref, shares)


def delete(locate=1, ref=1, time_ns=0):
    return head("D", locate, time_ns) + struct.pack(">Q", ref)


def replace(locate=1, ref=1, new_ref=2, shares=100, price=10_000, time_ns=0):
    return head("U", locate, time_ns) + struct.pack(">QQII", ref, new_ref, shares, price)


def trade(locate=1, ref=0, side="B", shares=100, stock="AAPL", price=10_000, match=1, time_ns=0):
    body = struct.pack(">QcI", ref, side.encode(), shares) + name(stock)
    return head("P", locate, time_ns) + body + struct.pack(">IQ", price, match)


def cross(locate=1, shares=100, stock="AAPL", price=10_000, match=1, kind="O", time_ns=0):
    body = struct.pack(">Q", shares) + name(stock) + struct.pack(">IQ", price, match)
    return head("Q", locate, time_ns) + body + kind.encode()


def broken(locate=1, match=1, time_ns=0):
    return head("B", locate, time_ns) + struct.pack(">Q", match)


def imbalance(locate=1, stock="AAPL", time_ns=0):
    body = struct.pack(">QQc", 1, 2, b"B") + name(stock) + struct.pack(">III", 1, 2, 3)
    return head("I", locate, time_ns) + body + b"O" + b"1"


def retail(locate=1, stock="AAPL", time_ns=0):
    return head("N", locate, time_ns) + name(stock) + b"B"


def direct_listing(locate=1, stock="AAPL", time_ns=0):
    body = name(stock) + b"Y" + struct.pack(">IIIQII", 1, 2, 3, 4, 5, 6)
    return head("O", locate, time_ns) + body


ONE_OF_EACH = (
    *(system(), directory(), trading(), short_sale(), participant(), breaker_levels()),
    *(breaker_status(), ipo(), collar(), operational_halt(), add(ref=1), add(ref=2, mpid="MMKR")),
    *(execute(ref=1, shares=10), execute_at(ref=1, shares=10), cancel(ref=1, shares=10)),
    *(replace(ref=1, new_ref=3), delete(ref=2), trade(), cross(), broken(), imbalance()),
    *(retail(), direct_listing()),
)
