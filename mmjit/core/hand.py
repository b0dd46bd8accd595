"""Orders that a person sends, at the time to which a run has gone; `may_ask` is asked before."""

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Status
from mmjit.core.hearing import CANCELLING
from mmjit.core.jit import kernel, verb
from mmjit.core.quoting import (
    amend_status,
    may_cancel,
    send_amend,
    send_cancel,
    send_new,
    slot_of_order,
)
from mmjit.core.room import has_room_for
from mmjit.core.working import LATEST


@kernel
def may_ask(bound, symbol):  # type: ignore[no-untyped-def]
    """Whether the rings have room for an order of a symbol, and for what comes of it at once."""
    return has_room_for(bundle_of(bound), symbol)


@kernel
def ask_new(bound, symbol):  # type: ignore[no-untyped-def]
    """Send the order that stands first in `asks`; returns its id, or a status."""
    session = bundle_of(bound)
    _wake(session)
    return send_new(bound, symbol, session.asks[0])


@kernel
def ask_cancel(bound, symbol, order_id):  # type: ignore[no-untyped-def]
    """Ask for an order to be cancelled; returns a status."""
    session = bundle_of(bound)
    slot = slot_of_order(session, symbol, order_id)
    if slot == NIL:
        return np.int64(Status.ORDER_ID_UNKNOWN)
    _wake(session)
    if session.orders[slot]["leaving"] & CANCELLING == 0 and not may_cancel(session, symbol):
        return np.int64(Status.MESSAGE_RATE)
    send_cancel(bound, slot)
    return np.int64(Status.OK)


@kernel
def ask_amend(bound, symbol, order_id, price, left_lots):  # type: ignore[no-untyped-def]
    """Ask for an order to have another price, and so many lots left; returns a status."""
    session = bundle_of(bound)
    slot = slot_of_order(session, symbol, order_id)
    if slot == NIL or session.orders[slot]["leaving"] != 0:
        return np.int64(Status.ORDER_ID_UNKNOWN)
    _wake(session)
    status = amend_status(bound, slot, price, left_lots)
    if status == Status.OK:
        send_amend(bound, slot, price, left_lots)
    return np.int64(status)


@verb
def _wake(session):  # type: ignore[no-untyped-def]
    """It is as late as the run was to stop at, and no earlier than what the venue has done."""
    run = session.run[0]
    run["now_ns"] = max(run["now_ns"], run["floor_ns"])
    if run["until_ns"] < LATEST:
        run["now_ns"] = max(run["now_ns"], run["until_ns"])
