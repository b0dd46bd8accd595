"""Stand in the queue at the best price, where it is worth it: for names of a large tick."""

from mmjit.core.codes import ASK, BID
from mmjit.core.desk import (
    best,
    is_two_sided,
    own_lots,
    own_price,
    qty_at_best,
    queue_ahead,
    tick_at,
    want,
)
from mmjit.core.jit import verb
from mmjit.core.rules import parameters, strategy
from mmjit.strategies.parts import lots_within

JOINING = parameters(
    queue_max_lots=1000,  # a queue that is longer is not joined
    join_share=0.4,  # of the best quantities that its side must have to be joined,
    leave_share=0.2,  # and to be stayed in
    front_lots=100,  # with no more than this before it, an order stays all the same
    keep_ticks=1,  # an order stays in its queue while the best is no further in front of it
    position_max_lots=1000,  # a side that would go beyond it is pulled or shrunk; 0: no bound
    qty_lots=100,
)


@verb
def share_of_side(lots, other_lots):  # type: ignore[no-untyped-def]
    """The share of the best quantities that a side has: Q / (Q + Q of the other side)."""
    return lots / (lots + other_lots)


@verb
def stays(desk, params, side, share):  # type: ignore[no-untyped-def]
    """Whether our order at the first place of a side is to keep its place in its queue."""
    if own_lots(desk, side, 0) == 0:
        return False
    away = -1 if side == BID else 1
    behind = (own_price(desk, side, 0) - best(desk, side)) * away
    if behind < 0 or behind > params["keep_ticks"] * tick_at(desk, best(desk, side)):
        return False
    return share >= params["leave_share"] or queue_ahead(desk, side, 0) <= params["front_lots"]


@strategy(params=JOINING)
def joining(desk, params, memory, quotes):  # type: ignore[no-untyped-def]
    """Want one quote a side at the best price while its queue is short, and keep its place.

    A queue is joined where it has at most `queue_max_lots` and its side `join_share` or more of
    the best quantities: an order's place is worth the more the fewer are before it, and a thin side
    is about to be run over (Moallemi and Yuan 2016, A model for queue position valuation in a limit
    order book). Having joined, the order stays while the best is at most `keep_ticks` in front of
    it and its side has `leave_share` or more; near the front it stays for that fill. It leaves a
    price where nobody else is left. Quantities in lots. A quote never takes.
    """
    if not is_two_sided(desk):
        return
    for side in (BID, ASK):
        queue_lots = qty_at_best(desk, side)
        share = share_of_side(queue_lots, qty_at_best(desk, 1 - side))
        lots = lots_within(desk, side, params["qty_lots"], params["position_max_lots"])
        if stays(desk, params, side, share):
            want(quotes, side, 0, own_price(desk, side, 0), lots)
        elif queue_lots <= params["queue_max_lots"] and share >= params["join_share"]:
            want(quotes, side, 0, best(desk, side), lots)
