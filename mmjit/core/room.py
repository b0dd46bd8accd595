"""Whether the rings can take what one more event, message or decision brings.

The worst that one can bring is seldom counted: while no message is begun or heard no ring gets
fuller, and an event opens one level at most. An order fills once a level, and at most once a lot.
"""

from typing import Final

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.desk import QUOTE_LEVELS, REQUESTS
from mmjit.core.jit import helper, verb
from mmjit.core.latency import Leg
from mmjit.core.logbook import has_room
from mmjit.core.posting import has_answer_room, takes_no_time

PLACES: Final = 2 * QUOTE_LEVELS + REQUESTS  # orders that a decision may send
_SOME: Final = 64  # events for which it is counted at once


@verb
def has_room_for(session, symbol):  # type: ignore[no-untyped-def]
    """Whether the rings can take whatever the next event or decision of a symbol brings."""
    run, due = session.run[0], session.dues[symbol]
    if due["room_stirs"] == run["stirs"] and run["place"] < due["room_place"]:
        return True
    return _has_counted_room(session, symbol)


@helper
def _has_counted_room(session, symbol):  # type: ignore[no-untyped-def]
    """`has_room_for`, counted; for some events to come too, each of which may open a level."""
    run, due = session.run[0], session.dues[symbol]
    sides = bundle_of(session.floor).book.sides
    levels = np.int64(sides[2 * symbol]["level_count"]) + sides[2 * symbol + 1]["level_count"]
    levels += _SOME
    if run["impact"] == 0:  # each order may take every level
        levels *= PLACES
    latencies = bundle_of(session.wire).latencies
    if not (takes_no_time(latencies, Leg.NEW) or takes_no_time(latencies, Leg.AMEND)):
        levels = min(levels, PLACES * run["lots_max"] + _SOME)  # what arrives was asked for before
    count = 2 * levels + 2 * run["working_count"] + 4 * QUOTE_LEVELS + 2 * REQUESTS
    if not (has_room(bundle_of(session.logbook), run, count) and has_answer_room(session, count)):
        return False
    due["room_stirs"] = run["stirs"]
    due["room_place"] = run["place"] + _SOME
    return True
