"""Laying a book out in memory: how many of each record, and how they look when it is empty.

The arrays are given by whoever asks: fresh memory (`memory_book`) or mapped files (`mmjit.arena`).
Invariant: every array begins on a cache line, and so do the levels within the slab.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import Book
from mmjit.core.codes import NIL, STATUS_SPAN, Status
from mmjit.core.index import PER_SLOT
from mmjit.core.intrinsics import lowest_bit
from mmjit.core.jit import kernel
from mmjit.core.ladder import HEIGHTS, heights_for
from mmjit.core.ledger import Ledger, format_ledger
from mmjit.core.levels import PAGE_LEVELS, PRICE_MAX, RANK_BITS, forget_pages
from mmjit.core.pool import Pool
from mmjit.core.records import (
    ALARM,
    COMMAND,
    CONTROL,
    DETAIL,
    ENTRY,
    LEVEL32,
    LEVEL64,
    METER,
    NODE32,
    NODE64,
    ORDER,
    RUNG,
    SIDE,
    SYMBOL,
    TRADE,
    VENUE,
    Dtype,
)
from mmjit.core.resting import Venue
from mmjit.core.tables import (
    ACCOUNT,
    FILL,
    GUARD,
    LIMIT,
    POSITION,
    RECENT,
    RECENTS,
    TERMS,
    TIER,
    TIERS,
    TOTAL,
)
from mmjit.core.wrapping import inverse

Array = np.ndarray[Any, Any]
Allocate = Callable[[str, Any, int], Array]  # name, dtype, length -> zeroed array

SEMANTICS: Final = 3  # raised whenever a kernel changes what it does to a book
LINE_BYTES: Final = 64  # of a cache
_LINE_NODES: Final = LINE_BYTES // NODE32.itemsize
_RUNGS_MIN: Final = 1024
_ALARMS_MIN: Final = 1 << 16
_WORST: Final = 11  # 8 masks a page where no two share one, and a quarter of the table stays empty
_PAGES_MIN: Final = 1 << 17


class Counts(NamedTuple):
    """How much a book can hold."""

    symbols: int
    orders: int  # resting at once; rounded up to a whole cache line of nodes
    pages: int  # of eight neighbouring prices each, with an order at once: over all sides
    rungs: int = NIL  # masks of the ladder, a power of two; NIL: `rungs_for`
    wide: bool = False  # quantities of 64 bits in the slab


class VenueCounts(NamedTuple):
    """How much a venue can hold."""

    book: Counts
    accounts: int = 1
    currencies: int = 1  # that its instruments settle in
    trades: int = 1 << 16  # lines of the ring of trades between two drains, a power of two
    fills: int = 1 << 16  # and of the accounts' fills
    alarms: int = NIL  # orders that expire, at once; NIL: `alarms_for`


class ArraySpec(NamedTuple):
    """One array of a book."""

    name: str
    dtype: Any
    length: int


def power_of_two(at_least: int) -> int:
    """The smallest power of two that is not below a number."""
    return 1 << max(0, (at_least - 1).bit_length())


def pages_for(orders: int) -> int:
    """How many pages so many orders should have: one each, of very many a quarter.

    Orders cluster around the touch, eight prices to a page; those of 8,000 symbols take a page for
    every six or seven. More scattered ones meet LEVEL_POOL_EXHAUSTED before the orders run out.
    """
    return min(orders, max(_PAGES_MIN, orders >> 2))


def rungs_for(pages: int, symbols: int = 1) -> int:
    """How many masks the ladder of so many pages and symbols should have.

    Up to 64 neighbouring pages share a mask, so that four places a page (three of them usable) is
    ample for real prices; only prices scattered over billions of increments need up to eight masks
    each and then meet LADDER_EXHAUSTED before the pages run out. The first page of each side of a
    symbol, and up to 93 pages in all, are given room for the worst case.
    """
    lonely = max(_RUNGS_MIN, _WORST * 2 * symbols)
    return power_of_two(max(4 * pages, min(_WORST * pages, lonely), 2 * HEIGHTS))


def alarms_for(orders: int) -> int:
    """How many of so many orders may expire by the clock: all of them, of very many an eighth."""
    return min(orders, max(_ALARMS_MIN, orders >> 3))


def book_arrays(counts: Counts) -> tuple[ArraySpec, ...]:
    """The arrays of a book that holds so much, in the order in which they are allocated."""
    node, nodes_a_level = (NODE64, 1) if counts.wide else (NODE32, 2)
    orders = -(-max(1, counts.orders) // _LINE_NODES) * _LINE_NODES
    rungs = rungs_for(counts.pages, counts.symbols) if counts.rungs == NIL else counts.rungs
    return (
        ArraySpec("nodes", node, orders + counts.pages * PAGE_LEVELS * nodes_a_level),
        ArraySpec("orders", ORDER, orders),
        ArraySpec("order_free", np.dtype(np.int32), orders),
        ArraySpec("entries", ENTRY, power_of_two(PER_SLOT * orders)),
        ArraySpec("masks", np.dtype(np.int16), counts.pages),
        ArraySpec("page_free", np.dtype(np.int32), counts.pages),
        ArraySpec("places", ENTRY, power_of_two(2 * counts.pages)),
        ArraySpec("rungs", RUNG, rungs),
        ArraySpec("roots", np.dtype(np.int64), 2 * counts.symbols),
        ArraySpec("sides", SIDE, 2 * counts.symbols),
        ArraySpec("symbols", SYMBOL, counts.symbols),
        ArraySpec("order_meter", METER, 1),
        ArraySpec("page_meter", METER, 1),
        ArraySpec("control", CONTROL, 1),
    )


def venue_arrays(counts: VenueCounts) -> tuple[ArraySpec, ...]:
    """The arrays of a venue besides its book's, in the order in which they are allocated."""
    orders = book_arrays(counts.book)[1].length
    rows = counts.accounts * counts.book.symbols
    return (
        ArraySpec("details", DETAIL, orders),
        ArraySpec("alarms", ALARM, alarms_for(orders) if counts.alarms == NIL else counts.alarms),
        ArraySpec("trades", TRADE, counts.trades),
        ArraySpec("fills", FILL, counts.fills),
        ArraySpec("positions", POSITION, rows),
        ArraySpec("terms", TERMS, counts.book.symbols),
        ArraySpec("limits", LIMIT, rows),
        ArraySpec("totals", TOTAL, counts.accounts * counts.currencies),
        ArraySpec("accounts", ACCOUNT, counts.accounts),
        ArraySpec("tiers", TIER, counts.book.symbols * TIERS),
        ArraySpec("guards", GUARD, rows),
        ArraySpec("recents", RECENT, rows * RECENTS),
        ArraySpec("refusals", np.dtype(np.int64), (counts.accounts + 1) * STATUS_SPAN),
        ArraySpec("venue", VENUE, 1),
    )


def lay_out(counts: Counts, allocate: Allocate) -> Book:
    """Bundle arrays into a book; `format_book` then makes zeroed ones an empty book.

    Args:
        counts: how much the book can hold.
        allocate: gives a contiguous array of a name, a dtype and a length, which begins on a cache
            line and is zeroed or holds what an earlier book of the same counts left there.
    """
    given = {a.name: allocate(a.name, a.dtype, a.length) for a in book_arrays(counts)}
    level: Dtype = LEVEL64 if counts.wide else LEVEL32
    return Book(
        nodes=given["nodes"],
        levels=levels_over(given["nodes"], given["orders"], level),
        masks=given["masks"],
        orders=given["orders"],
        sides=given["sides"],
        symbols=given["symbols"],
        places=given["places"],
        rungs=given["rungs"],
        roots=given["roots"],
        entries=given["entries"],
        order_pool=Pool(given["order_free"], given["order_meter"]),
        page_pool=Pool(given["page_free"], given["page_meter"]),
        control=given["control"],
    )


def levels_over(nodes: Array, orders: Array, level: Dtype) -> Array:
    """The levels of a book: the part of its slab behind the orders' nodes, read as records."""
    levels: Array = nodes[len(orders) :].view(level)
    return levels


def lay_out_venue(counts: VenueCounts, allocate: Allocate) -> Venue:
    """Bundle arrays into a venue; `format_venue` then makes zeroed ones an empty one.

    Args:
        counts: how much it can hold.
        allocate: as for `lay_out`.
    """
    book = lay_out(counts.book, allocate)
    given = {a.name: allocate(a.name, a.dtype, a.length) for a in venue_arrays(counts)}
    ledger = Ledger(*(given[name] for name in Ledger._fields))
    return Venue(
        book=book,
        details=given["details"],
        alarms=given["alarms"],
        trades=given["trades"],
        fills=given["fills"],
        ledger=ledger,
        counts=given["refusals"],
        control=given["venue"],
        scratch=aligned_zeros("scratch", COMMAND, 2),
    )


def memory_venue(counts: VenueCounts, salt: int = 0) -> Venue:
    """An empty venue in fresh memory.

    Args:
        counts: how much it can hold.
        salt: of the id index, any 64-bit pattern as int64.
    """
    venue = lay_out_venue(counts, aligned_zeros)
    format_venue(venue, salt)
    return venue


def format_venue(venue: Venue, salt: int) -> None:
    """Make zeroed arrays an empty venue, whose accounts have no limits."""
    format_book(venue.book, salt)
    format_ledger(venue.ledger)


def aligned_zeros(name: str, dtype: Any, length: int) -> Array:
    """A zeroed array that begins on a cache line, which numpy alone does not promise."""
    del name
    size = np.dtype(dtype).itemsize * length
    room = np.zeros(size + LINE_BYTES, np.uint8)
    skip = -room.ctypes.data % LINE_BYTES
    return room[skip : skip + size].view(dtype)


def memory_book(counts: Counts, salt: int = 0) -> Book:
    """An empty book in fresh memory.

    Args:
        counts: how much it can hold.
        salt: of the id index, any 64-bit pattern as int64.
    """
    book = lay_out(counts, aligned_zeros)
    format_book(book, salt)
    return book


@kernel
def format_book(book, salt):  # type: ignore[no-untyped-def]
    """Make zeroed arrays an empty book."""
    for slot in range(len(book.orders)):
        book.nodes[slot]["level"] = NIL
    for owner in range(len(book.sides)):
        book.sides[owner]["best"] = NIL
        book.sides[owner]["base"] = -(owner & 1)
        book.sides[owner]["heights"] = 1
    for symbol in range(len(book.symbols)):
        book.symbols[symbol]["price_max"] = -1
        book.symbols[symbol]["increment"] = 1
    book.order_pool.meter[0]["capacity"] = len(book.orders)
    book.page_pool.meter[0]["capacity"] = len(book.masks)
    book.control[0]["salt"] = salt


@kernel
def configure_symbol(book, symbol, price_min, price_max, increment):  # type: ignore[no-untyped-def]
    """Say which prices a symbol without levels takes; returns a status.

    Args:
        book: the book.
        symbol: its number.
        price_min: lowest price, in price units.
        price_max: highest price; lowered to the last one that is on the increment.
        increment: every price is `price_min` plus a multiple of it.
    """
    if symbol < 0 or symbol >= len(book.symbols):
        return Status.SYMBOL_UNKNOWN
    if increment < 1:
        return Status.INCREMENT_NOT_POSITIVE
    if price_max < price_min:
        return Status.PRICE_MAX_BELOW_MIN
    if price_min < -PRICE_MAX or price_max > PRICE_MAX:
        return Status.PRICE_SPAN_TOO_WIDE
    steps = (price_max - price_min) // increment
    if steps >= 1 << RANK_BITS:
        return Status.PRICE_SPAN_TOO_WIDE
    if book.sides[2 * symbol]["level_count"] > 0 or book.sides[2 * symbol + 1]["level_count"] > 0:
        return Status.SYMBOL_IN_USE

    record = book.symbols[symbol]
    if record["price_max"] >= record["price_min"]:
        forget_pages(book, symbol)
    record["price_min"] = price_min
    record["price_max"] = price_min + steps * increment
    record["increment"] = increment
    twos = lowest_bit(increment)
    odd = increment >> twos
    for side in range(2):
        half = book.sides[2 * symbol + side]
        half["twos"] = twos
        half["base"] = record["price_min"] if side == 0 else record["price_max"]
        half["inverse"] = inverse(odd if side == 0 else -odd)
        half["heights"] = heights_for(steps // PAGE_LEVELS)
    return Status.OK
