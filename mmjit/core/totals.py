"""What a tape says of its events as a whole: a checksum, how many of each kind, how many messages.

The checksum tells tapes apart and finds damage. It is no seal: whoever wants to can make two tapes
of one checksum. It takes a tenth of the time of a cryptographic digest.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.codes import Flag
from mmjit.core.jit import kernel
from mmjit.core.wrapping import absorb, plain_mix

LANES: Final = 8  # words of an EVENT, each of which goes into a lane of its own


class Totals(NamedTuple):
    """What the events so far add up to."""

    lanes: Any  # int64[LANES], the checksum
    kinds: Any  # int64[256], events by kind
    messages: Any  # int64[1], events flagged LAST


def no_totals() -> Totals:
    """The totals of no events."""
    lanes = np.array([plain_mix(lane + 1) for lane in range(LANES)])
    return Totals(lanes, np.zeros(256, np.int64), np.zeros(1, np.int64))


@kernel
def add_up(totals, events, words):  # type: ignore[no-untyped-def]
    """Take a run of events into the totals.

    Args:
        totals: Totals.
        events: EVENT.
        words: int64[n, LANES], the same memory.
    """
    for place in range(len(events)):
        for lane in range(LANES):
            totals.lanes[lane] = absorb(totals.lanes[lane], words[place, lane])
        totals.kinds[np.int64(events[place]["kind"]) & 0xFF] += 1
        totals.messages[0] += events[place]["flags"] & Flag.LAST
