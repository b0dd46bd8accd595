"""The streams that `worst.py` drives a book with: ordinary ones, and what should hurt and must not.

Each is a run of EVENT that fills a book outside the clock and a run that is measured: adds, deletes
and executions in turn, so that the book stays as deep as it was. An order whose time has come
leaves, the next one comes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import workload
from yardstick import wl

from mmjit.core.codes import BID, NIL, Flag, Kind
from mmjit.core.index import PER_SLOT, tag_of
from mmjit.core.jit import kernel
from mmjit.core.levels import PAGE_LEVELS
from mmjit.core.records import ENTRY, EVENT
from mmjit.core.state import Counts, power_of_two
from mmjit.core.wrapping import mix_pair

Array = np.ndarray[Any, Any]

PRICE_MIN: Final = 1
FAR: Final = 1_000_000_000  # the price that prices jump to
FARTHEST: Final = (1 << 47) - 1
SALT: Final = 0x5DEECE66D1234567  # as good as any other
QTY_LOTS: Final = 10
KINDS: Final = {0: Kind.ADD, 1: Kind.DELETE, 2: Kind.REDUCE, 3: Kind.EXECUTE}


@dataclass(frozen=True)
class Sizes:
    """How large the cases are."""

    levels: int = 100_000  # a side
    orders: int = 1_000_000  # at one price
    scattered: int = 20_000  # orders far from each other, as many as rest in w1
    colliding: int = 4_096  # entries of one table that were chosen to crowd
    operations: int = 400_000
    swept: int = 10_000  # levels, or orders, that one order meets
    sweeps: int = 20
    messages: int | None = None  # of the yardstick's workloads, None for as they are


SMALL: Final = Sizes(
    levels=200,
    orders=2_000,
    scattered=200,
    colliding=64,
    operations=400,
    swept=50,
    sweeps=2,
    messages=20_000,
)


@dataclass(frozen=True)
class Case:
    """One stream, and the book that it needs."""

    name: str
    counts: Counts
    price_max: int
    before: Any  # EVENT
    events: Any  # EVENT, measured
    salt: int = SALT
    promised: bool = True  # whether it must stay within the goal


def events_of(kind: Any, ids: Any, price: Any = 0, side: Any = BID, qty_lots: Any = 0) -> Array:
    """EVENT of these kinds for these ids, each one message."""
    events = np.zeros(len(ids), EVENT)
    events["kind"], events["order_id"], events["price"] = kind, ids, price
    events["side"], events["qty_lots"] = side, qty_lots
    events["flags"], events["handle"] = Flag.LAST, NIL
    return events


def case_of(name: str, events: Array, measured_from: int, **more: Any) -> Case:
    """A case whose book has room for what the events need, and little more."""
    adds = events["kind"] == Kind.ADD
    symbols = int(events["symbol"].max()) + 1
    change = np.where(adds, 1, 0)
    change[(events["kind"] == Kind.DELETE) | (events["kind"] == Kind.EXECUTE)] = -1
    orders = int(np.maximum.accumulate(change.cumsum()).max()) + 1024
    top = more.pop("price_max", int(events["price"].max()))
    price = events["price"][adds]
    numbers = (price - PRICE_MIN, top - price)  # of bids and of asks, from the worst on
    pages = symbols * sum(len(np.unique(number // PAGE_LEVELS)) for number in numbers)
    counts = Counts(symbols, more.pop("orders", orders), min(pages, orders) + 64)
    if top > 64 * PAGE_LEVELS * pages:  # each may need masks of its own at every height
        counts = counts._replace(rungs=power_of_two(11 * counts.pages))
    before, measured = np.split(events, [measured_from])
    return Case(name, counts, top, before, measured, **more)


def rolling(
    name: str, price: Array, side: Array, leaving: Array, kind: Kind = Kind.DELETE, **more: Any
) -> Case:
    """Orders come by and by; from when the book is full on, one leaves before the next comes.

    Args:
        name: of the case.
        price: of each order; the ids count from 1.
        side: of each order.
        leaving: which orders leave, by their place.
        kind: how they leave.
        more: fields of the Case.
    """
    ids = np.arange(1, len(price) + 1)
    adds = events_of(Kind.ADD, ids, price, side, QTY_LOTS)
    gone = events_of(kind, ids[leaving], qty_lots=QTY_LOTS if kind == Kind.EXECUTE else 0)
    full = len(adds) - len(gone)
    turns = np.empty(2 * len(gone), EVENT)
    turns[0::2], turns[1::2] = gone, adds[full:]
    return case_of(name, np.concatenate([adds[:full], turns]), full, **more)


# ---- ordinary -------------------------------------------------------------------------------


def ordinary(folder: Path, sizes: Sizes) -> Case:
    """The yardstick's w1, once its 20,000 orders are there."""
    binary = workload.binary_of("w1", folder, sizes.messages)
    _, records, _ = wl.load(str(binary))
    filled = min(1_000_000, len(records) // 2)
    records = records[: filled + max(sizes.operations, len(records) // 5)]
    events = events_of(0, records["oid"], records["price"], records["side"], records["qty"])
    for op, kind in KINDS.items():
        events["kind"][records["op"] == op] = kind
    events["qty_lots"][events["kind"] == Kind.DELETE] = 0
    live = 1 << 15  # as of a book in use, neither full nor far too large
    return case_of("ordinary: w1", events, filled, orders=live)


def renamed(usual: Case, name: str, ids: Callable[[Array], Array], **more: Any) -> Case:
    """An ordinary stream whose orders have other ids."""
    before, events = usual.before.copy(), usual.events.copy()
    for part in (before, events):
        part["order_id"] = ids(part["order_id"])
    return replace(usual, name=name, before=before, events=events, **more)


# ---- worst ----------------------------------------------------------------------------------


def multiples(usual: Case, sizes: Sizes) -> Case:
    table = power_of_two(PER_SLOT * usual.counts.orders)
    return renamed(usual, "ids: multiples of the table's size", lambda ids: ids * table)


def descending(usual: Case, sizes: Sizes) -> Case:
    return renamed(usual, "ids: descending", lambda ids: (1 << 62) - ids)


def random_ids(usual: Case, sizes: Sizes) -> Case:
    rng = np.random.default_rng(2)
    drawn = rng.integers(1, 1 << 63, int(usual.events["order_id"].max()) + 1)
    assert len(np.unique(drawn)) == len(drawn)
    return renamed(usual, "ids: random", lambda ids: drawn[ids])


def known_salt(usual: Case, sizes: Sizes) -> Case:
    """Ids of one home, whose salt leaked: what the salt is there for."""
    ids = np.zeros(2 * sizes.colliding, np.int64)
    live = sizes.colliding
    entries = np.zeros(power_of_two(PER_SLOT * (2 * live + 1024)), ENTRY)
    find_ids(entries, SALT, ids)
    price, side = 1 + np.arange(len(ids)) % 100, np.arange(len(ids)) & 1
    case = rolling("ids: one home, by a leaked salt", price, side, np.arange(live), promised=False)
    assert power_of_two(PER_SLOT * case.counts.orders) <= len(entries)
    for part in (case.before, case.events):
        part["order_id"] = ids[part["order_id"] - 1]
    return case


def deep(usual: Case, sizes: Sizes) -> Case:
    """Two orders a level; the second ones come and go, so that every level stays."""
    rng = np.random.default_rng(3)
    count = 2 * sizes.levels
    level = np.concatenate([np.arange(count), rng.permutation(count)])
    turns = min(sizes.operations // 2, count)
    level = np.concatenate([level, rng.integers(0, count, turns)])
    leaving = count + np.arange(turns)
    return rolling(f"{sizes.levels:,} levels a side", 1 + level, level >= sizes.levels, leaving)


def lonely(usual: Case, sizes: Sizes) -> Case:
    """One order a level: every operation closes a level or opens one."""
    rng = np.random.default_rng(4)
    count = 2 * sizes.levels
    turns = min(sizes.operations // 2, count)
    leaving = rng.permutation(count)[:turns]
    level = np.concatenate([np.arange(count), leaving])
    return rolling("one order at every level", 1 + level, level >= sizes.levels, leaving)


def scattered(sizes: Sizes, name: str, top: int) -> Case:
    """Prices all over a span, each with a level of its own."""
    rng = np.random.default_rng(5)
    count = sizes.scattered + sizes.operations // 2
    price = rng.integers(1, top + 1, count)
    side = rng.integers(0, 2, count)
    return rolling(name, price, side, np.arange(sizes.operations // 2), price_max=top)


def jumping(usual: Case, sizes: Sizes) -> Case:
    return scattered(sizes, "prices: any of 1 to 10^9", FAR)


def jumping_farther(usual: Case, sizes: Sizes) -> Case:
    return scattered(sizes, "prices: any of 1 to 2^47", FARTHEST)


def swinging(usual: Case, sizes: Sizes) -> Case:
    """Behind a deep book, the best bid is 10^9, then far below it, and so on."""
    turns = sizes.operations // 2
    price = np.concatenate([1 + np.arange(sizes.scattered), np.full(1 + turns, FAR)])
    price[sizes.scattered + 1 :: 2] = FAR // 2
    leaving = sizes.scattered + np.arange(turns)
    return rolling("prices: the best jumps far away", price, price * 0, leaving)


def flickering(usual: Case, sizes: Sizes) -> Case:
    """Above a deep book, the best level opens and closes."""
    turns = sizes.operations // 2
    price = np.concatenate([1 + np.arange(sizes.levels), np.full(1 + turns, sizes.levels + 1)])
    leaving = sizes.levels + np.arange(turns)
    return rolling("the best level opens and closes", price, price * 0, leaving)


def rising(usual: Case, sizes: Sizes) -> Case:
    """A bid above the best comes, the worst goes."""
    price = 1 + np.arange(sizes.levels + sizes.operations // 2)
    return rolling(
        "levels: up, closed at the worst", price, price * 0, np.arange(sizes.operations // 2)
    )


def falling(usual: Case, sizes: Sizes) -> Case:
    """A bid below the worst comes, the best goes."""
    price = sizes.levels + sizes.operations // 2 - np.arange(sizes.levels + sizes.operations // 2)
    return rolling(
        "levels: down, closed at the best", price, price * 0, np.arange(sizes.operations // 2)
    )


def one_price(usual: Case, sizes: Sizes) -> Case:
    """Orders leave from anywhere in a long queue."""
    rng = np.random.default_rng(6)
    turns = min(sizes.operations // 2, sizes.orders)
    price = np.full(sizes.orders + turns, 100)
    leaving = rng.permutation(sizes.orders)[:turns]
    name = f"{sizes.orders:,} orders at one price, any leaves"
    return rolling(name, price, price * 0, leaving, price_max=200)


def one_price_head(usual: Case, sizes: Sizes) -> Case:
    """A long queue is executed from its head."""
    turns = min(sizes.operations // 2, sizes.orders)
    price = np.full(sizes.orders + turns, 100)
    name = f"{sizes.orders:,} orders at one price, the head trades"
    return rolling(name, price, price * 0, np.arange(turns), Kind.EXECUTE, price_max=200)


def crowded(sizes: Sizes, name: str, find: Callable[[Array, int], None]) -> Case:
    """Pages whose entries crowd in a table: random ones of them close, and open again."""
    found = np.zeros(sizes.colliding, np.int64)
    pages = power_of_two(4 * sizes.colliding)
    find(found, pages)
    rng = np.random.default_rng(7)
    count, turns = len(found), sizes.operations // 20
    again = np.resize(rng.permutation(count), turns)
    level = np.concatenate([np.arange(count), again])
    # first those that were there at the start, then those that came back in their place
    leaving = np.where(np.arange(turns) < count, again, np.arange(turns))
    case = rolling(name, found[level], level * 0, leaving, price_max=max(FAR, int(found.max())))
    rungs = power_of_two(4 * pages)
    counts = case.counts._replace(pages=pages, rungs=rungs)
    return replace(case, counts=counts, promised=False)  # the salt is there to prevent it


def crowding_levels(usual: Case, sizes: Sizes) -> Case:
    """Prices whose pages the map puts next to each other."""

    def find(found: Array, pages: int) -> None:
        find_prices(found, SALT, power_of_two(2 * pages) - 1, sizes.colliding // 256 or 1)

    return crowded(sizes, "prices: crowded in the map, by a leaked salt", find)


def crowding_masks(usual: Case, sizes: Sizes) -> Case:
    """Prices whose masks the ladder's table puts next to each other."""

    def find(found: Array, pages: int) -> None:
        find_masks(found, SALT, power_of_two(4 * pages) - 1, sizes.colliding // 64 or 1)

    return crowded(sizes, "prices: crowded in the ladder, by a leaked salt", find)


CASES: Final[list[Callable[[Case, Sizes], Case]]] = [
    *(multiples, descending, random_ids, known_salt),
    *(deep, lonely, one_price, one_price_head),
    *(jumping, jumping_farther, swinging, flickering, rising, falling),
    *(crowding_levels, crowding_masks),
]


# ---- what an adversary would look for -------------------------------------------------------


@kernel
def find_ids(entries: Any, salt: int, found: Any) -> int:
    """Ids whose search begins at the first entry; returns how many there are."""
    count = 0
    order_id = 1
    while count < len(found):
        if tag_of(salt, order_id) & len(entries) - 1 == 0:
            found[count] = order_id
            count += 1
        order_id += 1
    return count


@kernel
def find_prices(found: Any, salt: int, last: int, homes: int) -> int:
    """Bids, each with a page of its own, whose places in the map are the first few; how many.

    Eight neighbouring pages stand side by side, and the first of each eight is taken.
    """
    count = 0
    eight = 0
    while count < len(found) and eight < FAR:
        if (mix_pair(0, eight ^ salt) >> 32) & last & ~7 < homes:
            found[count] = PRICE_MIN + eight * 8 * PAGE_LEVELS
            count += 1
        eight += 1
    return count


@kernel
def find_masks(found: Any, salt: int, last: int, homes: int) -> int:
    """Bids, each with a mask of its own, whose places in the ladder are the first few; how many."""
    count = 0
    prefix = 0
    while count < len(found) and prefix < FAR:
        if mix_pair(prefix, prefix ^ salt) & last < homes:
            found[count] = PRICE_MIN + prefix * 64 * PAGE_LEVELS
            count += 1
        prefix += 1
    return count
