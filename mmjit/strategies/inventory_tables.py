"""What quotes are worth at each inventory: vectors that a rule works out in its own memory.

Optimal market making with a bounded inventory leads to a linear system of one equation for each
inventory, from -q_max to q_max, whose matrix has entries on three diagonals only. Its long-run
solution is the eigenvector of the largest eigenvalue; all of its entries are positive, and quotes
depend on ratios of neighbours alone. Entry n of a vector is that of the inventory n - q_max.
"""

import math
from typing import Any, Final

import numpy as np

from mmjit.core.jit import verb

HELD_MAX: Final = 32  # the largest q_max
ENTRIES: Final = 2 * HELD_MAX + 1
TURNS: Final = 400  # of the inverse iteration, at most
TABLE: Final[list[Any]] = [
    ("values", "f8", (ENTRIES,)),  # the vector
    ("work", "f8", (ENTRIES,)),
    ("work2", "f8", (ENTRIES,)),
    ("made_of", "f8"),  # what the vector was worked out for
    ("is_made", "i8"),
]


@verb
def set_leading_vector(table, held_max, curvature, up, down):  # type: ignore[no-untyped-def]
    """Write the eigenvector of the largest eigenvalue: -curvature q**2 on the diagonal, up, down.

    By inverse iteration from a bound of that eigenvalue (Gershgorin), until it stands.

    Args:
        table: TABLE; `values` is written, 1 in the middle.
        held_max: q_max, from 1 to HELD_MAX.
        curvature: of the diagonal -curvature q**2, not negative.
        up: the entry of row q for q + 1, positive.
        down: for q - 1, positive.
    """
    values, work, count = table["values"], table["work"], 2 * held_max + 1
    for place in range(count):
        values[place] = 1.0
    for _ in range(TURNS):
        _solve(table, held_max, curvature, up, down)
        moved = 0.0
        middle = work[held_max]
        for place in range(count):
            value = work[place] / middle
            moved = max(moved, abs(value - values[place]) / value)
            values[place] = value
        if moved < 1e-15:
            return


@verb
def _solve(table, held_max, curvature, up, down):  # type: ignore[no-untyped-def]
    """Solve (up + down + c q**2) x(q) - up x(q + 1) - down x(q - 1) = values, into `work`."""
    values, work, ratios = table["values"], table["work"], table["work2"]
    count = 2 * held_max + 1
    for place in range(count):  # forward elimination (Thomas)
        held = place - held_max
        pivot = up + down + curvature * held * held
        right = values[place]
        if place > 0:
            pivot -= down * ratios[place - 1]
            right += down * work[place - 1]
        ratios[place] = up / pivot
        work[place] = right / pivot
    for back in range(1, count):
        place = count - 1 - back
        work[place] += ratios[place] * work[place + 1]


@verb
def grow(table, held_max, curvature, up, down, span):  # type: ignore[no-untyped-def]
    """Let `values` grow as x' = A x for a time, A as in `set_leading_vector`; they are scaled.

    Steps of half the matrix' size, each a Taylor series of 13 terms: within 1e-13 of itself.
    """
    values, term, sums = table["values"], table["work"], table["work2"]
    count = 2 * held_max + 1
    size = curvature * held_max * held_max + up + down
    steps = int(max(1.0, math.ceil(2.0 * size * span)))
    for _ in range(steps):
        for place in range(count):
            term[place] = values[place]
            sums[place] = values[place]
        for order in range(1, 14):
            _apply(term, held_max, curvature, up, down, span / steps / order)
            for place in range(count):
                sums[place] += term[place]
        for place in range(count):
            values[place] = sums[place] / sums[held_max]


@verb
def _apply(term, held_max, curvature, up, down, factor):  # type: ignore[no-untyped-def]
    """Replace a vector x by factor A x."""
    before = 0.0
    for place in range(2 * held_max + 1):
        held = place - held_max
        here = term[place]
        value = -curvature * held * held * here + down * before
        if place < 2 * held_max:
            value += up * term[place + 1]
        term[place] = value * factor
        before = here


@verb
def log_step(table, held_max, held, step):  # type: ignore[no-untyped-def]
    """The logarithm of the value at an inventory over that a step on; between two, on a line."""
    whole = np.int64(math.floor(held))
    part = held - whole
    found = _log_step_at(table, held_max, whole, step)
    if part > 0.0:
        found += part * (_log_step_at(table, held_max, whole + 1, step) - found)
    return found


@verb
def _log_step_at(table, held_max, held, step):  # type: ignore[no-untyped-def]
    """`log_step` at a whole inventory; the last step that there is stands for those beyond."""
    held = max(-held_max + max(0, -step), min(held_max - max(0, step), held))
    values = table["values"]
    return math.log(values[held + held_max] / values[held + step + held_max])
