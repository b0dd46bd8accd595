"""Events by arbitrary ids, through the live index, with all checks on, beside the yardstick.

The same streams as `replay.py`, but nothing is known of them beforehand: slots come from the pool
and ids from the index. `--mixed` puts every id through a bijection of 64-bit words, beside the
plain ids in the same run. The best bid and offer are folded in after every event and every result
is checked. Time is CPU time of the thread, on both sides.

    python perf/live.py                         # w1, w1deep, w2_1k and w2_8k, 15 pairs each
    python perf/live.py --mixed                 # mixed ids against unmixed ones
    python perf/live.py --smoke                 # small, once: does it run, and is it right?
"""

import sys
import time
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import numpy as np
import replay
import workload

from mmjit.core.book import best_of
from mmjit.core.codes import NIL, STATUS_SPAN
from mmjit.core.jit import kernel
from mmjit.core.records import TALLY
from mmjit.core.replay import AHEAD
from mmjit.core.replica import apply_noted, look_ahead_by_id, tag_first
from mmjit.core.wrapping import fold, mix, weigh
from mmjit.replaying import book_for

RATIO_MAX = {"w1": 1.9, "w1deep": 1.7, "w2_1k": 1.9, "w2_8k": 1.9}
MIXED_MAX = 1.5


@kernel
def apply_folding(book: Any, events: Any, notes: Any, counts: Any, tally: Any) -> None:
    """`apply_all`, and the best of the event's symbol folded in after each."""
    total = tally[0]
    price_fold = total["price_fold"]
    qty_fold = total["qty_fold"]
    tag_first(book, events, notes)
    start, stop, ahead = 0, max(0, len(events) - 3 * AHEAD), AHEAD
    for _ in range(2):
        for place in range(start, stop):
            look_ahead_by_id(book, events, notes, place, ahead)
            event = events[place]
            status = apply_noted(book, event, notes[place])
            if status < 0:
                counts[-status] += 1
            bid, bid_qty = best_of(book, event["symbol"] * 2)
            ask, ask_qty = best_of(book, event["symbol"] * 2 + 1)
            price_fold = fold(price_fold, weigh(bid, 1, ask, 7))
            qty_fold = fold(qty_fold, weigh(bid_qty, 13, ask_qty, 17))
        start, stop, ahead = stop, len(events), 0
    total["event_count"] += len(events)
    total["price_fold"] = price_fold
    total["qty_fold"] = qty_fold


@kernel
def mix_ids(events: Any) -> None:
    """Put every id through a bijection."""
    for place in range(len(events)):
        events[place]["order_id"] = mix(events[place]["order_id"])


@dataclass(frozen=True)
class Mixed:
    """A workload, the same one with mixed ids, and what those were."""

    plain: workload.Workload
    mixed: workload.Workload
    ids: Any  # the mixed ids, ascending
    plain_ids: Any  # of each

    @property
    def name(self) -> str:
        """The workload's."""
        return self.plain.name

    @property
    def events(self) -> Any:
        """Of which there are as many as messages."""
        return self.plain.events


def make_mixed(name: str, folder: Path, messages: int | None) -> Mixed:
    """A workload beside the same one with mixed ids."""
    plain = workload.make(name, folder, messages)
    events = plain.events.copy()
    mix_ids(events)
    ids, places = np.unique(events["order_id"], return_index=True)
    mixed = replaced(plain, events=events)
    return Mixed(plain, mixed, ids, plain.events["order_id"][places])


def apply_once(load: workload.Workload) -> workload.Outcome:
    """Apply the whole workload to a new book, whose memory has been touched."""
    book, _ = book_for(load.tape)
    book.order_pool.meter["fresh"] = 0  # the tape's region is free for the live index
    workload.touch(book)
    notes = np.ones(len(load.events), np.int64)
    counts = np.zeros(STATUS_SPAN, np.int64)
    tally = np.zeros(1, TALLY)
    apply_folding(book, load.events[:0], notes[:0], counts, tally)  # compiled before the clock
    began = time.thread_time_ns()
    apply_folding(book, load.events, notes, counts, tally)
    took = time.thread_time_ns() - began
    return workload.Outcome(took / 1e9, book, counts, tally[0])


def our_run(load: workload.Workload, limit: Path | None) -> float:
    """Seconds a message of one run."""
    del limit
    return checked(load, apply_once(load))


def checked(load: workload.Workload, outcome: workload.Outcome) -> float:
    """The seconds a message of an outcome that is right."""
    wrong = workload.differences(load, outcome)
    if wrong:
        sys.exit(f"{load.name}: mmjit is wrong: {'; '.join(wrong)}")
    return outcome.seconds / len(load.events)


def plain_run(load: Mixed, limit: Path | None) -> float:
    """Seconds a message of one run with the ids as they are."""
    return our_run(load.plain, limit)


def mixed_run(load: Mixed, limit: Path | None) -> float:
    """Seconds a message of one run with mixed ids; the check is of the ids that those were."""
    del limit
    outcome = apply_once(load.mixed)
    orders = outcome.book.orders
    live = np.flatnonzero(outcome.book.nodes["level"][: len(orders)] != NIL)
    held = orders["order_id"][live]
    places = np.minimum(np.searchsorted(load.ids, held), len(load.ids) - 1)
    known = load.ids[places] == held
    orders["order_id"][live] = np.where(known, load.plain_ids[places], 0)
    return checked(load.plain, outcome)


def main() -> int:
    """Run what was asked for; 1 if a result is wrong or a goal is missed."""
    parser = replay.parser_for(__doc__ or "", list(RATIO_MAX))
    parser.add_argument("--mixed", action="store_true", help="mixed ids against plain ones")
    options = parser.parse_args()
    if options.mixed:
        runs, goals = (mixed_run, plain_run), dict.fromkeys(options.workloads, MIXED_MAX)
        pair = replay.Pair(make_mixed, runs, ("mixed ids", "plain ids"), goals)
    else:
        pair = replay.Pair(workload.make, (our_run, replay.their_run), ratio_max=RATIO_MAX)
    return replay.compare(options, pair)


if __name__ == "__main__":
    sys.exit(main())
