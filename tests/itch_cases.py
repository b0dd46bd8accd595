"""What the tests of ITCH share: malformed bytes with what is wrong with them, and random order flow
with the rows of the tape that a naive reader makes of it.
"""

from hypothesis import strategies as st

from mmjit.core.codes import Flag, Kind, TradingStatus
from mmjit.wire.itch50 import SHARES_MAX, Fault
from tests import itch_messages as itch
from tests.itch_messages import MIDNIGHT_NS, framed

LAST = int(Flag.LAST)

# case: bytes, fault, a pattern of what the importer says
MALFORMED = {
    "a longer message": (framed(itch.add() + b"\0"), Fault.LENGTH_WRONG, "length 37, expected 36"),
    "a shorter one": (framed(itch.add()[:-1]), Fault.LENGTH_WRONG, "length 35, expected 36"),
    "an unknown side": (framed(itch.add(side="X")), Fault.SIDE_UNKNOWN, "has side 'X'"),
    "a side of a trade": (framed(itch.trade(side="b")), Fault.SIDE_UNKNOWN, "has side 'b'"),
    "a side above ASCII": (framed(itch.add(side="\xff")), Fault.SIDE_UNKNOWN, r"side '\\xff'"),
    "an unknown printable": (
        framed(itch.directory(), itch.execute_at(printable="?")),
        Fault.PRINTABLE_UNKNOWN,
        "has printable '\\?'",
    ),
    "more shares than exist": (
        framed(itch.cross(shares=SHARES_MAX + 1)),
        Fault.SHARES_TOO_LARGE,
        str(SHARES_MAX + 1),
    ),
    "more than int64 holds": (
        framed(itch.cross(shares=2**64 - 1)),
        Fault.SHARES_TOO_LARGE,
        str(2**64 - 1),
    ),
    "a blank name": (framed(itch.add(stock="")), Fault.NAME_MALFORMED, "has stock '        '"),
    "a name of zeros": (
        framed(itch.directory(stock="\0" * 8)),
        Fault.NAME_MALFORMED,
        "expected printable ASCII",
    ),
    "a name above ASCII": (
        framed(itch.add().replace(b"AAPL", b"AAP\xcc")),
        Fault.NAME_MALFORMED,
        r"AAP\\xcc",
    ),
    "a name with a control": (
        framed(itch.trading(stock="AAPL\x7f")),
        Fault.NAME_MALFORMED,
        r"AAPL\\x7f",
    ),
    "another name of a locate": (
        framed(itch.directory(7, "AAPL"), itch.directory(7, "MSFT")),
        Fault.LOCATE_RENAMED,
        "'MSFT    ', but locate 7 is AAPL",
    ),
    "another name in an order": (
        framed(itch.directory(7, "AAPL"), itch.add(7, stock="MSFT")),
        Fault.LOCATE_RENAMED,
        "locate 7 is AAPL",
    ),
}

STOCKS = {3: "AAA", 9: "B", 500: "LONGNAME"}
ROW = (
    *("venue_ns", "symbol", "kind", "side", "flags", "order_id", "price", "qty_lots"),
    "other_id",
)


def rows_of(events):
    """The events as plain integers in the order of ROW, the second id as on the wire."""
    columns = [events[name].tolist() for name in ROW]
    columns[-1] = [other_id % 2**64 for other_id in columns[-1]]
    return list(zip(*columns, strict=True))


class Flow:
    """Order flow in the making: each verb draws its fields, appends a message and its row."""

    def __init__(self, draw):
        self.draw = draw
        self.messages = [itch.directory(locate, stock) for locate, stock in STOCKS.items()]
        self.rows = []
        self.live = {}  # reference: locate, side, shares left, price
        self.fresh = 1
        self.now = 0

    def number(self, high=2**32 - 1):
        return self.draw(st.integers(1, high))

    def locate(self):
        return self.draw(st.sampled_from(sorted(STOCKS)))

    def side(self):
        return self.draw(st.sampled_from("BS"))

    def put(self, message, locate, kind, side, *rest):
        symbol = sorted(STOCKS).index(locate)
        self.messages.append(message)
        self.rows.append((MIDNIGHT_NS + self.now, symbol, kind, "BS".index(side), *rest))

    def step(self):
        self.now += self.draw(st.integers(0, 10**9))
        verbs = [self.add, self.add, self.trade, self.cross, self.broken, self.halt]
        if self.live:
            verbs += [self.add, self.execute, self.execute_at, self.cancel, self.delete]
            verbs += [self.replace]
        self.draw(st.sampled_from(verbs))()

    def add(self):
        locate, side, shares, price = self.locate(), self.side(), self.number(), self.number()
        ref, mpid = self.fresh, self.draw(st.sampled_from(["", "MMKR"]))
        message = itch.add(locate, ref, side, shares, STOCKS[locate], price, self.now, mpid)
        self.live[ref] = (locate, side, shares, price)
        self.fresh += 1
        self.put(message, locate, Kind.ADD, side, LAST, ref, price, shares, 0)

    def taken(self):
        """Reference, locate, side, shares and price of a part that is taken off an order."""
        ref = self.draw(st.sampled_from(sorted(self.live)))
        locate, side, left, price = self.live.pop(ref)
        shares = self.number(left)
        if shares < left:
            self.live[ref] = (locate, side, left - shares, price)
        return ref, locate, side, shares, price

    def execute(self):
        ref, locate, side, shares, price = self.taken()
        match = self.number(2**64 - 1)
        message = itch.execute(locate, ref, shares, match, self.now)
        self.put(message, locate, Kind.EXECUTE, side, LAST, ref, price, shares, match)

    def execute_at(self):
        ref, locate, side, shares, _ = self.taken()
        match, price = self.number(2**64 - 1), self.number()
        message = itch.execute_at(locate, ref, shares, match, "Y", price, self.now)
        flags = LAST | Flag.OWN_PRICE
        self.put(message, locate, Kind.EXECUTE, side, flags, ref, price, shares, match)

    def cancel(self):
        ref, locate, side, shares, price = self.taken()
        message = itch.cancel(locate, ref, shares, self.now)
        self.put(message, locate, Kind.REDUCE, side, LAST, ref, price, shares, 0)

    def delete(self):
        ref = self.draw(st.sampled_from(sorted(self.live)))
        locate, side, left, price = self.live.pop(ref)
        message = itch.delete(locate, ref, self.now)
        self.put(message, locate, Kind.DELETE, side, LAST, ref, price, left, 0)

    def replace(self):
        ref = self.draw(st.sampled_from(sorted(self.live)))
        locate, side, _, _ = self.live.pop(ref)
        new, shares, price = self.fresh, self.number(), self.number()
        message = itch.replace(locate, ref, new, shares, price, self.now)
        self.live[new] = (locate, side, shares, price)
        self.fresh += 1
        self.put(message, locate, Kind.REPLACE, side, LAST, ref, price, shares, new)

    def trade(self):
        locate, side, shares, price = self.locate(), self.side(), self.number(), self.number()
        match = self.number(2**64 - 1)
        message = itch.trade(locate, 0, side, shares, STOCKS[locate], price, match, self.now)
        self.put(message, locate, Kind.TRADE, side, LAST, 0, price, shares, match)

    def cross(self):
        locate, shares, price = self.locate(), self.number(SHARES_MAX), self.number()
        match = self.number(2**64 - 1)
        message = itch.cross(locate, shares, STOCKS[locate], price, match, "O", self.now)
        self.put(message, locate, Kind.TRADE, "B", LAST | Flag.AUCTION, 0, price, shares, match)

    def broken(self):
        locate, match = self.locate(), self.number(2**64 - 1)
        message = itch.broken(locate, match, self.now)
        self.put(message, locate, Kind.BROKEN, "B", LAST, 0, 0, 0, match)

    def halt(self):
        locate = self.locate()
        message = itch.trading(locate, STOCKS[locate], "H", self.now)
        self.put(message, locate, Kind.STATUS, "B", LAST, 0, 0, TradingStatus.HALTED, 0)


@st.composite
def order_flow(draw):
    """A Flow of up to 30 steps."""
    flow = Flow(draw)
    for _ in range(draw(st.integers(0, 30))):
        flow.step()
    return flow
