"""What two runs of one rule filled differently, and why: each difference has a name.

An order is known by when and on which side it was sent, which is once at most. Its fill is the same
if time, price, lots at that instant, lots in all, and maker or taker are. An order that only one
side sent is a consequence of a difference before it, where orders are kept.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from versus_markets import Market

from mmjit import Kind

THROUGH = "a trade through our price: filled here; there later, if at all"
WHOLE = "there filled whole by less than its quantity"
TAKEN = "there a taker is filled whole by less than is offered"
AGAIN = "what our orders have taken already is taken again there"
CONSEQUENCE = "an order follows on another that was filled differently"
UNNAMED = "unnamed"
RECENT = 10_000  # events, in which a level that was just taken has been shown


class Comparison(NamedTuple):
    """How alike two runs are."""

    orders: int  # sent by either
    fills: int  # filled by either
    same: int  # of those
    named: Counter[str]  # orders that are not alike, by why
    unnamed: list[str]  # the first of those that have no name

    def __str__(self) -> str:
        """How many are the same, then each difference."""
        lines = [f"{self.orders:,} orders; {self.same:,} of {self.fills:,} fills are the same"]
        lines += [f"{count:,} {name}" for name, count in self.named.most_common()]
        return "\n".join([*lines, *self.unnamed])


def compare(market: Market, ours: Any, theirs: Any, fills: Any) -> Comparison:
    """Name every difference between FATEs of two runs; `fills` are all of ours."""
    told = ("fill_ns", "fill_price", "maker", "first_lots", "lots")
    alike = (ours["sent"] == theirs["sent"]) & (ours["price"] == theirs["price"])
    for name in told:
        alike &= ours[name] == theirs[name]
    filled = (ours["lots"] > 0) | (theirs["lots"] > 0)
    named: Counter[str] = Counter()
    unnamed: list[str] = []
    strayed = [False, False]  # of each side
    for place in np.flatnonzero(~alike).tolist():
        side = place % 2
        why = CONSEQUENCE
        if not strayed[side] or are_one_order(ours[place], theirs[place]):
            why = reason(market, ours[place], theirs[place], side, fills)
        strayed[side] = True
        named[why] += 1
        if why == UNNAMED and len(unnamed) < 5:
            unnamed.append(f"  order {place}: {ours[place]} here, {theirs[place]} there")
    sent = (ours["sent"] | theirs["sent"]).sum()
    return Comparison(int(sent), int(filled.sum()), int((filled & alike).sum()), named, unnamed)


def are_one_order(ours: Any, theirs: Any) -> bool:
    """Whether both sides sent it, at one price."""
    return bool(ours["sent"] == theirs["sent"] and ours["price"] == theirs["price"])


def reason(market: Market, ours: Any, theirs: Any, side: int, fills: Any) -> str:
    """Why an order fared differently.

    Args:
        market: on which both ran.
        ours, theirs: FATE.
        side: of the order.
        fills: all of ours.
    """
    if not are_one_order(ours, theirs):
        return UNNAMED
    later = theirs["lots"] == 0 or theirs["fill_ns"] > ours["fill_ns"]
    if market.by_order and ours["lots"] > 0 and later:
        event = market.tape.events[ours["event"]]
        beyond = event["price"] < ours["price"] if side == 0 else event["price"] > ours["price"]
        if event["kind"] == Kind.EXECUTE and event["side"] == side and beyond:
            return THROUGH
    at_once = theirs["fill_ns"] == ours["fill_ns"] and theirs["fill_price"] == ours["fill_price"]
    if at_once and theirs["lots"] > ours["first_lots"] > 0:
        return WHOLE if ours["maker"] else TAKEN
    takes = theirs["lots"] > 0 and not theirs["maker"]
    if takes and (ours["lots"] == 0 or ours["maker"]) and is_gone(market, theirs, side, fills):
        return AGAIN
    return UNNAMED


def is_gone(market: Market, theirs: Any, side: int, fills: Any) -> bool:
    """Whether what they took had met an order of ours when it came, and did not change since."""
    events = market.tape.events
    end = int(np.searchsorted(events["venue_ns"], theirs["fill_ns"], side="right"))
    start = max(0, end - RECENT)
    there = events[start:end]
    shown = (there["price"] == theirs["fill_price"]) & (there["side"] == 1 - side)
    places = start + np.flatnonzero(shown)
    return len(places) > 0 and bool((fills["event"] == places[-1]).any())
