"""From an order id to its seat while a tape is being made: open addressing, eight bytes an entry.

A ticket holds half of the mixed id and the seat; the id itself stands in the seat, which whoever
asks will need anyway. So there can be four tickets a seat in the memory that an index of whole ids
takes for two, and few searches go past their first ticket: the branches mispredicted there took a
quarter of a resolver's time.

Invariant: between the home of an id's tag and its ticket no ticket is empty.
"""

from typing import Final

from mmjit.core.jit import kernel, verb
from mmjit.core.records import record
from mmjit.core.wrapping import mix

# seat 0 is an empty ticket, else the seat plus 1.
TICKET: Final = record(8, ("tag", "i4"), ("seat", "i4"))

PER_SEAT: Final = 4  # tickets, at least; a power of two
_TAG_BITS: Final = (1 << 31) - 1  # no sign, and more homes than there can be tickets


@verb
def tag_of(order_id):  # type: ignore[no-untyped-def]
    """What a ticket keeps of an id; its low bits are the home."""
    return mix(order_id) & _TAG_BITS


@verb
def find(tickets, seats, tag, order_id):  # type: ignore[no-untyped-def]
    """The place of an id's ticket, or of the empty one that it would get."""
    last = len(tickets) - 1
    place = tag & last
    while tickets[place]["seat"] != 0:
        ticket = tickets[place]
        if ticket["tag"] == tag and seats[ticket["seat"] - 1]["order_id"] == order_id:
            break
        place = (place + 1) & last
    return place


@verb
def write(ticket, tag, seat):  # type: ignore[no-untyped-def]
    """Fill in an empty ticket."""
    ticket["tag"] = tag
    ticket["seat"] = seat + 1


@verb
def erase(tickets, place):  # type: ignore[no-untyped-def]
    """Empty a ticket, moving later ones of its run up."""
    last = len(tickets) - 1
    hole = place
    place = (place + 1) & last
    while tickets[place]["seat"] != 0:
        home = tickets[place]["tag"] & last
        if ((place - home) & last) >= ((place - hole) & last):
            tickets[hole]["tag"] = tickets[place]["tag"]
            tickets[hole]["seat"] = tickets[place]["seat"]
            hole = place
        place = (place + 1) & last
    tickets[hole]["seat"] = 0


@kernel
def rewrite(old, new):  # type: ignore[no-untyped-def]
    """Copy every ticket to a longer array, which is empty."""
    last = len(new) - 1
    for ticket in old:
        if ticket["seat"] != 0:
            place = ticket["tag"] & last
            while new[place]["seat"] != 0:
                place = (place + 1) & last
            new[place]["tag"] = ticket["tag"]
            new[place]["seat"] = ticket["seat"]
