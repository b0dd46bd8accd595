"""Taking everything of one symbol away."""

from mmjit.core.book import INDEXED, erase_id, take
from mmjit.core.codes import NIL, Status
from mmjit.core.jit import helper
from mmjit.core.levels import close_level, held
from mmjit.core.pool import release


@helper
def clear_symbol(book, symbol):  # type: ignore[no-untyped-def]
    """Remove every order and level of a symbol, which exists."""
    held_levels = 0
    for owner in range(2 * symbol, 2 * symbol + 2):
        held_levels += book.sides[owner]["level_count"]
        while book.sides[owner]["best"] != NIL:
            _clear_level(book, owner, held(book.sides[owner]["best"]))
    book.control[0]["best_changed"] = held_levels > 0
    return Status.OK


@helper
def _clear_level(book, owner, level):  # type: ignore[no-untyped-def]
    """Remove a level and its orders."""
    left = book.levels[level]["order_count"]
    if left == 0:
        book.levels[level]["qty_lots"] = 0
        close_level(book, owner, level)
    while left > 0:
        slot = held(book.levels[level]["next"])
        order = book.orders[slot]
        if order["flags"] & INDEXED:
            erase_id(book, order["order_id"])
            release(book.order_pool, slot)
        left -= 1
        take(book, slot, book.nodes[slot]["qty_lots"])
