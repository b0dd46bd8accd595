"""Quote a fixed distance from the best of each side."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import behind, is_two_sided, want
from mmjit.core.rules import parameters, strategy

PEGGED = parameters(
    offset_ticks=0,  # behind the best; below 0 in front of it
    qty_lots=100,
)


@strategy(params=PEGGED)
def pegged(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side, `offset_ticks` behind the best, of `qty_lots`."""
    if not is_two_sided(desk):
        return
    for side in (BID, ASK):
        want(quotes, side, 0, behind(desk, side, params["offset_ticks"]), params["qty_lots"])
