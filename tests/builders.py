"""What the tests of the book are drawn with: small books, events, and doors to verbs.

Verbs and helpers can only be called from compiled code, so the few that tests need get a kernel.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.core import index, ladder, pool
from mmjit.core.audit import Fault, audit
from mmjit.core.book import Book
from mmjit.core.cache import digest_of
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.digest import state_hash
from mmjit.core.jit import kernel
from mmjit.core.levels import held
from mmjit.core.pool import Pool
from mmjit.core.reads import depth_now, queue_of
from mmjit.core.records import ENTRY, EVENT, METER
from mmjit.core.replica import apply_by_id
from mmjit.core.state import Counts, configure_symbol, memory_book

PRICE_MIN, PRICE_MAX = 0, 1 << 31
QTY_MAX_32 = (1 << 31) - 1
QTY_MAX_64 = (1 << 62) - 1
LEVEL_QTY_MAX = (1 << 62) - 1
MASK = (1 << 64) - 1


def door(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel of a test file, compiled anew when that file has changed."""
    file = Path(function.__code__.co_filename)
    function.__mmjit_stamp__ = digest_of((file,))  # type: ignore[attr-defined]
    return kernel(function)


# ---- books ----------------------------------------------------------------------------------


def tiny_book(
    orders: int = 8,
    pages: int = 6,
    symbols: int = 1,
    wide: bool = False,
    rungs: int = NIL,
    salt: int = 7,
) -> Book:
    """An empty book whose symbols all take prices 0 to 2**31."""
    book = memory_book(Counts(symbols, orders, pages, rungs, wide), salt)
    for symbol in range(symbols):
        assert configure_symbol(book, symbol, PRICE_MIN, PRICE_MAX, 1) == Status.OK
    return book


def arrays_of(book: Book) -> dict[str, Any]:
    """Every array of a book by a name; `levels` is a view of the end of `nodes`."""
    flat = {name: value for name, value in book._asdict().items() if isinstance(value, np.ndarray)}
    for name in ("order_pool", "page_pool"):
        of = getattr(book, name)
        flat |= {f"{name}.free": of.free, f"{name}.meter": of.meter}
    return flat


def bytes_of(book: Book) -> dict[str, bytes]:
    """The bytes of every array."""
    return {name: array.tobytes() for name, array in arrays_of(book).items()}


def audit_of(book: Book) -> Fault:
    """What the audit finds first."""
    scratch = np.zeros(max(len(book.orders), len(book.masks)), np.int8)
    return Fault(audit(book, scratch))


def assert_audited(book: Book) -> None:
    """The audit finds nothing, and changes nothing."""
    before = bytes_of(book)
    assert audit_of(book) is Fault.NONE
    assert bytes_of(book) == before


def hash_of(book: Book) -> int:
    """The state hash."""
    return int(state_hash(book))


# ---- events ---------------------------------------------------------------------------------


def event(kind: int, **fields: int) -> Any:
    """One EVENT in an array of its own; fields that are not named are 0, the handle is NIL."""
    one = np.zeros(1, EVENT)
    one["handle"] = NIL
    one["kind"] = kind
    for name, value in fields.items():
        one[name] = value
    return one


def add(order_id: int, side: int, price: int, qty_lots: int, **more: int) -> Any:
    return event(Kind.ADD, order_id=order_id, side=side, price=price, qty_lots=qty_lots, **more)


def reduce(order_id: int, qty_lots: int, **more: int) -> Any:
    return event(Kind.REDUCE, order_id=order_id, qty_lots=qty_lots, **more)


def delete(order_id: int, **more: int) -> Any:
    return event(Kind.DELETE, order_id=order_id, **more)


def execute(order_id: int, qty_lots: int, **more: int) -> Any:
    return event(Kind.EXECUTE, order_id=order_id, qty_lots=qty_lots, **more)


def replace(order_id: int, new_id: int, price: int, qty_lots: int, **more: int) -> Any:
    named = {"order_id": order_id, "other_id": new_id, "price": price, "qty_lots": qty_lots}
    return event(Kind.REPLACE, **named, **more)


def level(side: int, price: int, qty_lots: int, **more: int) -> Any:
    return event(Kind.LEVEL, side=side, price=price, qty_lots=qty_lots, **more)


def clear(**more: int) -> Any:
    return event(Kind.CLEAR, **more)


def trade(price: int, qty_lots: int, **more: int) -> Any:
    return event(Kind.TRADE, price=price, qty_lots=qty_lots, **more)


def status(trading_status: int, **more: int) -> Any:
    return event(Kind.STATUS, qty_lots=trading_status, **more)


def stream(*events: Any) -> Any:
    """Events one after another."""
    return np.concatenate([np.zeros(0, EVENT), *events])


# ---- verbs on a book ------------------------------------------------------------------------


def send(book: Book, one: Any) -> int:
    """Apply an event by id and return what it returned."""
    return int(apply_one(book, one, 0))


def rest(book: Book, side: int, symbol: int = 0, **prices: list[int]) -> list[int]:
    """Rest orders, `t12=[5, 3]` for two at price 12, and return their ids in that order.

    `m3=[7]` is one at -3. Ids go on from the largest there is.
    """
    ids = []
    for name, qtys in prices.items():
        price = int(name[1:]) * (-1 if name[0] == "m" else 1)
        for qty_lots in qtys:
            order_id = max(indexed_ids(book)) + 1
            assert send(book, add(order_id, side, price, qty_lots, symbol=symbol)) >= 0
            ids.append(order_id)
    return ids


def indexed_ids(book: Book) -> list[int]:
    """The ids in the index, which their orders bear, and a 0."""
    slots = book.entries["slot"]
    return [0, *(int(i) for i in book.orders["order_id"][slots[slots != 0] - 1])]


def depth_of(book: Book, owner: int, levels: int = 64) -> list[tuple[int, int, int]]:
    """Price, quantity and count of the levels of a side, best first."""
    rows = np.full((3, levels), 77, np.int64)
    found = depth_now(book, owner, rows[0], rows[1], rows[2])
    assert (rows[:, found:] == 0).all()
    return [(int(p), int(q), int(c)) for p, q, c in rows[:, :found].T]


def best_of(book: Book, owner: int) -> tuple[int, int, int] | None:
    """Price, quantity and count of the best level of a side, as the book keeps it."""
    place = int(book.sides[owner]["best"])
    if place == NIL:
        return None
    best = book.levels[place]
    return int(best["price"]), int(best["qty_lots"]), int(best["order_count"])


def executed_of(book: Book, owner: int) -> int:
    """The lots of a side's resting orders that were executed."""
    field = "ask_executed_lots" if owner % 2 else "bid_executed_lots"
    return int(book.symbols[owner // 2][field])


def queue_at(book: Book, owner: int, price: int) -> list[tuple[int, int]]:
    """Id and quantity of the orders at a price, first in the queue first."""
    slots = np.full(len(book.orders), NIL, np.int64)
    count = queue_of(book, owner, price, slots)
    return [
        (int(book.orders[s]["order_id"]), int(book.nodes[s]["qty_lots"])) for s in slots[:count]
    ]


def best_changed(book: Book) -> bool:
    """Whether the last event changed a best."""
    return bool(book.control[0]["best_changed"])


# ---- pool, index and ladder by themselves ---------------------------------------------------


def new_pool(capacity: int) -> Pool:
    meter = np.zeros(1, METER)
    meter["capacity"] = capacity
    return Pool(np.zeros(capacity, np.int32), meter)


def new_entries(length: int) -> Any:
    return np.zeros(length, ENTRY)


@door
def acquire_from(one_pool):  # type: ignore[no-untyped-def]
    return pool.acquire(one_pool)


@door
def release_to(one_pool, slot):  # type: ignore[no-untyped-def]
    pool.release(one_pool, slot)


@door
def available_in(one_pool):  # type: ignore[no-untyped-def]
    return pool.available(one_pool)


@door
def apply_one(book, events, place):  # type: ignore[no-untyped-def]
    """One event by its id."""
    return apply_by_id(book, events[place])


LOOKUP, INSERT, ERASE, TAG, LIKELY = range(5)


@door
def ask_index(entries, orders, salt, order_id, slot, verb):  # type: ignore[no-untyped-def]
    """Look an id up, enter it with a slot that will bear it, remove it, or ask for its tag."""
    tag = index.tag_of(salt, order_id)
    if verb == TAG:
        return np.int64(tag)
    if verb == LIKELY:
        index.prefetch_entry(entries, tag)
        return np.int64(index.slot_likely(entries, tag))
    if verb == INSERT:
        index.insert(entries, orders, salt, order_id, slot)
        orders[slot]["order_id"] = order_id
    elif verb == ERASE:
        index.erase(entries, orders, salt, order_id)
    return np.int64(index.lookup(entries, orders, salt, order_id))


MARK, UNMARK, BEST, NEXT = range(4)
SALT = 7


@door
def ask_masks(rungs, roots, owner, number, heights, verb):  # type: ignore[no-untyped-def]
    """Mark or unmark a page, or ask for the best or the one below."""
    if verb == MARK:
        return ladder.mark(rungs, roots, SALT, owner, number, heights)
    elif verb == UNMARK:
        return ladder.unmark(rungs, roots, SALT, owner, number, heights)
    elif verb == BEST:
        return ladder.best_page(rungs, roots, SALT, owner, heights)
    return ladder.next_page(rungs, roots, SALT, owner, number, heights)


@door
def ask_heights(number_max):  # type: ignore[no-untyped-def]
    return ladder.heights_for(number_max)


@door
def hold(slot):  # type: ignore[no-untyped-def]
    return held(slot)


def count_live(book: Any) -> int:
    """How many slots hold an order."""
    return int(np.count_nonzero(book.nodes["level"][: len(book.orders)] != NIL))
