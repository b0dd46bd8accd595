"""What the smallest verbs cost, measured where they are: in a kernel, in a loop.

Each ends in the state in which it began. A slot that is released at once would be no work, LLVM
sees through it: so many are held before the first is given back.
"""

import numpy as np

from mmjit.core.jit import kernel
from mmjit.core.ledger import open_more, take_fill
from mmjit.core.pool import acquire, available, release


@kernel
def cycle_pool(pool, held, times):  # type: ignore[no-untyped-def]
    """Acquire as many slots as `held` (int64) has room for and release them, so often.

    Returns:
        How many slots are free then.
    """
    for _ in range(times):
        for place in range(len(held)):
            held[place] = acquire(pool)
        for place in range(len(held)):
            release(pool, held[place])
    return available(pool)


@kernel
def cycle_fills(ledger, price, times):  # type: ignore[no-untyped-def]
    """Take fills into the first position: one lot bought, two sold, one bought, and so on.

    Args:
        ledger: of at least one account and symbol.
        price: of every fill.
        times: how many fills; after a multiple of 4 the position is as before.

    Returns:
        The position's lots.
    """
    for number in range(times):
        side = (number + 1) >> 1 & 1
        open_more(ledger, 0, 0, side, np.int64(1))
        take_fill(ledger, 0, 0, side, np.int64(price), np.int64(1), 1, np.int64(0))
    return ledger.positions[0]["position_lots"]
