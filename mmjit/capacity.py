"""How much a state can hold, chosen when it is created, and what each part of that costs.

Nothing grows later. The size of every file follows from the capacity, term by term (`terms`); it is
never given. A file is one page that says what the array is (a plain .npy head) and then the array.
"""

import operator
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core import records
from mmjit.core.codes import NIL
from mmjit.core.ladder import HEIGHTS, OWNERS_MAX
from mmjit.core.levels import PAGE_LEVELS
from mmjit.core.state import (
    Counts,
    VenueCounts,
    alarms_for,
    book_arrays,
    pages_for,
    power_of_two,
    rungs_for,
    venue_arrays,
)
from mmjit.errors import ArgumentError

PAGE_BYTES: Final = 4096
LOCK_BYTES: Final = 64
SEQUENCE_LINES: Final = 16
SLOTS_MAX: Final = (1 << 31) - 1  # nodes are numbered with 32 bits
FILLS_MAX: Final = 1 << 30
ACCOUNTS_MAX: Final = (1 << 15) - 1  # a fill names its account with 16 bits
SYMBOLS_MAX: Final = OWNERS_MAX // 2

# A counter that one side writes and another reads, alone on its cache line.
SEQUENCE: Final = records.record(
    64,
    ("sequence", "i8"),
    ("pad", "i8"),
    ("pad2", "i8"),
    ("pad3", "i8"),
    ("pad4", "i8"),
    ("pad5", "i8"),
    ("pad6", "i8"),
    ("pad7", "i8"),
)

# What a state folder says of itself; `checksum` covers all before it and the page before that.
#   0       8         12           16       48         64      72        80       88       96
#   | magic | version | endianness | layout | instance | epoch | symbols | orders | pages | rungs |
#   104     112        120         128           136        144          152
#   | fills | qty_bits | semantics | total_bytes | accounts | currencies |
#   152      160        480        512
#   | alarms | reserved | checksum |
HEADER: Final = records.record(
    512,
    ("magic", "S8"),
    ("version", "i4"),
    ("endianness", "i4"),
    ("layout", "V32"),  # BLAKE2b of names, dtypes, lengths, capacities and semantics
    ("instance", "V16"),  # drawn when the state is created
    ("epoch", "i8"),  # how often it was opened for writing
    ("symbols", "i8"),
    ("orders", "i8"),
    ("pages", "i8"),
    ("rungs", "i8"),
    ("fills", "i8"),
    ("qty_bits", "i8"),
    ("semantics", "i8"),
    ("total_bytes", "i8"),  # of all files
    ("accounts", "i8"),
    ("currencies", "i8"),
    ("alarms", "i8"),
    ("reserved", "V320"),  # for a journal: sequence numbers, boot, clean shutdown
    ("checksum", "V32"),
)

_REASONS: Final[dict[str, tuple[str, str]]] = {
    "header": ("state", "what the folder is, its capacity, its epoch"),
    "LOCK": ("state", "held by the one writer"),
    "nodes": ("order and page", "queues: what an event touches of an order and of its level"),
    "orders": ("order", "what is seldom asked of an order: its id, when it came, whose it is"),
    "order_free": ("order", "order slots that were given back"),
    "entries": ("order", "from an id to its order; at most a quarter full: a search is short"),
    "masks": ("page", "which of its eight levels are open"),
    "page_free": ("page", "pages that were given back"),
    "places": ("page", "from a price to its page; at most half full"),
    "rungs": ("page", "the order of the pages, 64 neighbours to a mask; at most 3/4 full"),
    "roots": ("symbol", "the topmost mask of bid and ask"),
    "sides": ("symbol", "bid and ask: best level and counts"),
    "symbols": ("symbol", "bounds and increment, status, last trade"),
    "details": ("order", "what only a venue knows: what it hides, when it expires, whose it is"),
    "alarms": ("order", "orders that expire, the earliest first"),
    "trades": ("fill", "ring of the venue's trades that were not yet drained"),
    "fills": ("fill", "ring of the accounts' fills that were not yet drained"),
    "positions": ("account and symbol", "position, cash, fees, P&L"),
    "terms": ("symbol", "what trading it costs, and how it is counted"),
    "limits": ("account and symbol", "what an account may do in it"),
    "totals": ("account and currency", "equity, peak, and what may be lost"),
    "accounts": ("account", "mode, kill switch, limits over all symbols"),
    "tiers": ("symbol", "other fees from a traded notional on"),
    "guards": ("account and symbol", "what limits hold to time, and to worth"),
    "recents": ("account and symbol", "orders and fills of late, for limits on repeats"),
    "refusals": ("account", "a count for each status"),
    "venue": ("state", "the clock and counters of the venue"),
    "sequences": ("state", "a line for every counter that a reader or a journal follows"),
    "order_meter": ("state", "how far the order slots were used"),
    "page_meter": ("state", "how far the pages were used"),
    "control": ("state", "counters of the book"),
}


class Term(NamedTuple):
    """One file of a state and what it costs."""

    name: str
    dtype: Any  # of its records
    records: int
    record_bytes: int
    total_bytes: int  # with the page before the records
    per: str  # what it grows with
    reason: str


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much a state can hold.

    Attributes:
        symbols: instruments, at most 65,536.
        orders: resting at once, over all symbols.
        pages: groups of eight neighbouring prices with an order at once, over all symbols and
            sides; as many as orders if not given, which no book can exceed, but of more than
            131,072 a quarter. LEVEL_POOL_EXHAUSTED is what orders at more places meet.
        rungs: masks of the ladder, a power of two; four a page if not given, which real prices do
            not use up. LADDER_EXHAUSTED is what prices scattered over billions of increments meet.
        fills: rows of the ring of fills and of that of trades, a power of two.
        accounts: whose orders and positions are kept, at most 32,767.
        currencies: that the instruments settle in.
        alarms: resting orders that expire by the clock; all of them if not given, but of more than
            65,536 an eighth.
        qty_bits: of the quantity of a resting order: 32 (up to 2**31 - 1 lots) or 64.

    Raises:
        ArgumentError: a value is no integer or outside its limit.
    """

    symbols: int = 64  # what one person trades; a whole market is 8,000 to 12,000
    orders: int = 1 << 17  # a busy Nasdaq name peaks near 100,000
    pages: int = NIL
    rungs: int = NIL
    fills: int = 1 << 16  # 4 MiB: a busy minute between two drains
    accounts: int = 1  # one firm; more where several makers share a venue
    currencies: int = 1
    alarms: int = NIL
    qty_bits: int = 32  # shares and contracts; coins counted in their smallest step need 64

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _whole(each.name, getattr(self, each.name)))
        _within("symbols", self.symbols, 1, SYMBOLS_MAX, "split the symbols over several states")
        _within("orders", self.orders, 1, SLOTS_MAX, "split the symbols over several states")
        if self.pages == NIL:
            object.__setattr__(self, "pages", pages_for(self.orders))
        _within("pages", self.pages, 1, SLOTS_MAX, "split the symbols over several states")
        nodes = book_arrays(self.counts.book._replace(rungs=2 * HEIGHTS))[0].length
        nodes = max(nodes, self.orders + 2 * PAGE_LEVELS * self.pages)
        remedy = "give fewer pages or split the symbols over several states"
        _within("orders + 16 * pages", nodes, 1, SLOTS_MAX, remedy)
        if self.rungs == NIL:
            object.__setattr__(self, "rungs", rungs_for(self.pages, self.symbols))
        _within("rungs", self.rungs, 2 * HEIGHTS, 1 << 31, "leave it out for four a page")
        _power_of_two("rungs", self.rungs)
        _within("fills", self.fills, 1, FILLS_MAX, "drain the ring more often")
        _power_of_two("fills", self.fills)
        _within("accounts", self.accounts, 1, ACCOUNTS_MAX, "use several states")
        rows = self.accounts * self.symbols
        _within("accounts * symbols", rows, 1, SLOTS_MAX, "use several states")
        if self.alarms == NIL:
            object.__setattr__(self, "alarms", alarms_for(self.orders))
        _within("alarms", self.alarms, 1, self.orders, "one for each order is most")
        _within("currencies", self.currencies, 1, self.symbols, "one for each symbol is most")
        if self.qty_bits not in (32, 64):
            raise ArgumentError(f"qty_bits: {self.qty_bits} is neither 32 nor 64; give one of them")

    @property
    def counts(self) -> VenueCounts:
        """The same for the core, which knows nothing of files."""
        book = Counts(self.symbols, self.orders, self.pages, self.rungs, self.qty_bits == 64)
        rings = (self.fills, self.fills)
        return VenueCounts(book, self.accounts, self.currencies, *rings, self.alarms)

    @property
    def total_bytes(self) -> int:
        """The sizes of all files together."""
        return sum(term.total_bytes for term in self.terms())

    def terms(self) -> tuple[Term, ...]:
        """Every file of the state, and what it costs."""
        arrays = (*book_arrays(self.counts.book), *venue_arrays(self.counts))
        specs = [(array.name, array.dtype, array.length) for array in arrays]
        specs.append(("sequences", SEQUENCE, SEQUENCE_LINES))
        specs.append(("header", HEADER, 1))
        terms = [_term(name, np.dtype(dtype), length) for name, dtype, length in specs]
        lock = Term("LOCK", np.dtype("u1"), LOCK_BYTES, 1, LOCK_BYTES, *_REASONS["LOCK"])
        return (*terms, lock)

    def as_json(self) -> dict[str, int]:
        """Plain values by name."""
        return {each.name: int(getattr(self, each.name)) for each in fields(self)}


def table(capacity: Capacity) -> str:
    """The terms of a capacity as text, one a line, and their sum."""
    lines = [
        f"{'file':12} {'records':>13} {'bytes each':>10} {'bytes':>15}  grows with       holds"
    ]
    for term in capacity.terms():
        lines.append(
            f"{term.name:12} {term.records:13,} {term.record_bytes:10} {term.total_bytes:15,}"
            f"  {term.per:16} {term.reason}"
        )
    total = capacity.total_bytes
    lines.append(f"{'total':12} {'':13} {'':10} {total:15,}  ({total / (1 << 20):,.1f} MiB)")
    return "\n".join(lines)


def unit_bytes() -> dict[str, float]:
    """What one more of each costs, in bytes; hash tables are rounded up to powers of two, too."""
    many = 1 << 16
    base = {"symbols": many >> 6, "orders": many, "pages": many, "fills": many}
    total = Capacity(**base).total_bytes
    return {
        name: (Capacity(**{**base, name: 2 * count}).total_bytes - total) / count
        for name, count in base.items()
    }


def npy_head(dtype: Any, length: int) -> bytes:
    """The first page of a file: a plain .npy head of a fixed size.

    It is written here and not by numpy so that its bytes stay the same from one numpy to the next.
    """
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    text = repr({"descr": descr, "fortran_order": False, "shape": (length,)})
    prefix = np.lib.format.magic(1, 0) + (PAGE_BYTES - 10).to_bytes(2, "little")
    head = prefix + text.encode("ascii").ljust(PAGE_BYTES - 11) + b"\n"
    assert len(head) == PAGE_BYTES, f"the head of {dtype} does not fit a page"
    return head


def _term(name: str, dtype: Any, length: int) -> Term:
    """The cost of one array."""
    size = int(dtype.itemsize)
    return Term(name, dtype, length, size, PAGE_BYTES + size * length, *_REASONS[name])


def _whole(name: str, value: Any) -> int:
    """An argument as an int; floats, text and bools are refused."""
    if isinstance(value, bool | np.bool_):
        raise ArgumentError(f"{name}: {value!r} is not a whole number; give an int")
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name}: {value!r} is not a whole number; give an int") from None


def _within(name: str, value: int, low: int, high: int, remedy: str) -> None:
    """Refuse a value outside its limits."""
    if value < low:
        raise ArgumentError(f"{name}: {value:,} is less than {low:,}; give at least that")
    if value > high:
        raise ArgumentError(f"{name}: {value:,} is more than {high:,}; {remedy}")


def _power_of_two(name: str, value: int) -> None:
    """Refuse what is not a power of two."""
    if value != power_of_two(value):
        raise ArgumentError(
            f"{name}: {value:,} is not a power of two; give {power_of_two(value):,}"
        )
