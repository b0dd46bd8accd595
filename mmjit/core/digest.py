"""The state hash: of what the books mean, not of how they are stored.

Two states have the same hash when every symbol has the same orders (id and quantity) at the same
prices in the same time priority, and the same quantities where an L2 feed set a level, whatever
slots, regions and capacities they use.
"""

from mmjit.core.codes import NIL
from mmjit.core.jit import kernel, verb
from mmjit.core.levels import next_level, sentinel_of
from mmjit.core.wrapping import mix, mix_pair


@kernel
def state_hash(book):  # type: ignore[no-untyped-def]
    """A 64-bit hash (as int64) of every book."""
    return _take_sides(book, 0, len(book.sides), 0)


@kernel
def extend_hash(book, first, stop, word):  # type: ignore[no-untyped-def]
    """The hash of books of which some stand here: from 0 on, every symbol once and in order.

    Args:
        book: holds these symbols.
        first: the first of them.
        stop: the one behind the last.
        word: the hash of the symbols before them.
    """
    return _take_sides(book, 2 * first, 2 * stop, word)


@verb
def _take_sides(book, first, stop, word):  # type: ignore[no-untyped-def]
    """Take sides, their levels and their queues into the hash."""
    for owner in range(first, stop):
        level = book.sides[owner]["best"]
        if level != NIL:
            word = mix_pair(word, mix(owner + 1))
        while level != NIL:
            word = _take_level(book, level, word)
            level = next_level(book, level)
    return word


@verb
def _take_level(book, level, word):  # type: ignore[no-untyped-def]
    """Take a level and its queue into the hash."""
    record = book.levels[level]
    word = mix_pair(word, record["price"])
    word = mix_pair(word, record["qty_lots"])
    word = mix_pair(word, record["order_count"])  # tells an order's id from the next level's price
    if record["order_count"] == 0:
        return word
    sentinel = sentinel_of(book, level)
    slot = record["next"]
    while slot != sentinel:
        word = mix_pair(word, book.orders[slot]["order_id"])
        word = mix_pair(word, book.nodes[slot]["qty_lots"])
        slot = book.nodes[slot]["next"]
    return word
