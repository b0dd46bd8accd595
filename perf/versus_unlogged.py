"""Importing this makes mmjit keep no log: for versus_log.py alone, in a process of its own.

The lines are not written, and what is worked out for them alone is not worked out: the mid, and of
a tape of orders the lots before ours. Kernels must be kept apart from those that log
(MMJIT_CACHE_DIR), for the text of the package is the same.
"""

from mmjit.core import floor, hearing, posting, quoting
from mmjit.core.codes import NIL
from mmjit.core.jit import verb
from mmjit.core.levels import level_at


@verb
def no_step(logbook, run, message, kind, qty_lots):
    """No line; the caller may write what it likes to the first."""
    return logbook.steps[0]


@verb
def no_fill(logbook, run, message):
    """No line either."""
    return logbook.fills[0]


@verb
def no_mid(book, symbol):
    """Nothing in this flow but the log asks for it."""
    return 0


@verb
def no_lots_before(book, owner, price, sequence):
    """Of price levels the queue models need it, and it is at hand; of orders the log alone does."""
    level = level_at(book, owner, price)
    if level == NIL or book.levels[level]["order_count"] != 0:
        return 0
    return book.levels[level]["qty_lots"]


quoting.write_step = hearing.write_step = no_step
hearing.write_fill = no_fill
posting.mid_of = quoting.mid_of = no_mid
floor.lots_before = no_lots_before
