"""Queue models: of what left a price other than by trades, how much stood before our order.

The six of hftbacktest (`hftbacktest/src/backtest/models/queue.rs`) under the names that are theirs.
With f lots before our order, b = before - f behind it, and c = before - after - traded cancelled
lots, a share p of c is taken to have stood behind:

    c < 0    what was added stands behind: f stays, at most what there is now
    c >= 0   f - (1 - p) c + min(b - p c, 0): what b does not have was before us, too

The models differ in p, which is the formula that each names. In an empty queue p is 0/0, and f
becomes what there is now; an infinite p counts as 1.
"""

import math
from typing import Final

from mmjit.core.authored import parameters
from mmjit.core.jit import verb
from mmjit.core.queues import QueueModel, queue_model

POWER: Final = parameters(
    n=3.0,  # above 0: the larger, the more of what leaves is taken from the larger part
)
LOG: Final = parameters(
    unit_lots=1.0,  # lots that count as 1; as hftbacktest counts: 1 / lot size
)


@verb
def share_of(part, whole):  # type: ignore[no-untyped-def]
    """Part of a whole; NaN where there is nothing."""
    return part / whole if whole != 0.0 else math.nan


@verb
def thinned(front, traded, before, after, behind_share):  # type: ignore[no-untyped-def]
    """The lots before our order, if such a share of the cancelled ones stood behind it."""
    cancelled = before - after - traded
    if cancelled < 0.0:
        return min(front, after)
    if behind_share != behind_share:
        return after
    share = 1.0 if math.isinf(behind_share) else behind_share
    beyond = min(before - front - share * cancelled, 0.0)
    return min(front - (1.0 - share) * cancelled + beyond, after)


@queue_model()
def risk_averse(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Only trades bring us forward: f = min(f, after) (RiskAdverseQueueModel)."""
    return min(front_lots, after_lots)


@queue_model(params=POWER)
def power1(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Behind us: b^n / (b^n + f^n) (PowerProbQueueFunc)."""
    behind = (before_lots - front_lots) ** params["n"]
    share = share_of(behind, behind + front_lots ** params["n"])
    return thinned(front_lots, traded_lots, before_lots, after_lots, share)


@queue_model(params=POWER)
def power2(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Behind us: b^n / (b + f)^n (PowerProbQueueFunc2)."""
    share = share_of((before_lots - front_lots) ** params["n"], before_lots ** params["n"])
    return thinned(front_lots, traded_lots, before_lots, after_lots, share)


@queue_model(params=POWER)
def power3(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Behind us: 1 - (f / (f + b))^n (PowerProbQueueFunc3)."""
    share = 1.0 - share_of(front_lots, before_lots) ** params["n"]
    return thinned(front_lots, traded_lots, before_lots, after_lots, share)


@queue_model(params=LOG)
def log1(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Behind us: ln(1 + b) / (ln(1 + b) + ln(1 + f)), in units of unit_lots (LogProbQueueFunc)."""
    behind = math.log(1.0 + (before_lots - front_lots) / params["unit_lots"])
    share = share_of(behind, behind + math.log(1.0 + front_lots / params["unit_lots"]))
    return thinned(front_lots, traded_lots, before_lots, after_lots, share)


@queue_model(params=LOG)
def log2(params, front_lots, traded_lots, before_lots, after_lots):  # type: ignore[no-untyped-def]
    """Behind us: ln(1 + b) / ln(1 + b + f), in units of unit_lots (LogProbQueueFunc2)."""
    behind = math.log(1.0 + (before_lots - front_lots) / params["unit_lots"])
    share = share_of(behind, math.log(1.0 + before_lots / params["unit_lots"]))
    return thinned(front_lots, traded_lots, before_lots, after_lots, share)


QUEUE_MODELS: Final[dict[str, QueueModel]] = {
    model.name: model for model in (risk_averse, power1, power2, power3, log1, log2)
}
