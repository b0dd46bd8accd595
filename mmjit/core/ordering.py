"""Orders that a rule asks for one by one, by the names it gives them, besides its quotes."""

import numpy as np

from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, Kind, Status
from mmjit.core.desk import REQUESTS, at_symbol, slot_of_tag
from mmjit.core.jit import helper, verb
from mmjit.core.quoting import amend_status, may_cancel, send_amend, send_cancel, send_new


@helper
def send_requests(bound, symbol):  # type: ignore[no-untyped-def]
    """Send what a rule has asked for, after its quotes and in order; what is refused is counted."""
    session = bundle_of(bound)
    requests = bundle_of(session.desk).requests
    for place in range(REQUESTS):
        request = requests[place]
        if request["kind"] == 0:
            return
        status = np.int64(Status.OK)
        slot = slot_of_tag(at_symbol(bundle_of(session.desk), symbol), request["tag"])
        if request["kind"] == Kind.NEW:
            _send_new(bound, session, symbol, slot, request)
        elif slot == NIL or session.orders[slot]["leaving"] != 0:
            status = np.int64(Status.ORDER_ID_UNKNOWN)
        elif request["kind"] == Kind.CANCEL:
            if may_cancel(session, symbol):
                send_cancel(bound, slot)
        else:
            status = _change(bound, slot, request)
        if status < 0:
            session.refused[symbol, -status] += 1
        request["kind"] = 0


@verb
def _send_new(bound, session, symbol, slot, request):  # type: ignore[no-untyped-def]
    """Send an order by itself, whose name is not that of one that is open."""
    if request["tag"] <= 0 or slot != NIL:
        status = Status.ORDER_ID_ZERO if request["tag"] <= 0 else Status.ORDER_ID_DUPLICATE
        session.refused[symbol, -status] += 1
        return
    side = request["side"]
    if side != 0 and side != 1:
        session.refused[symbol, -Status.SIDE_UNKNOWN] += 1
        return
    ask = session.asks[0]
    ask["side"] = side
    ask["price"] = request["price"]
    ask["qty_lots"] = request["qty_lots"]
    ask["display_lots"] = 0
    ask["expires_ns"] = 0
    ask["tif"] = request["tif"]
    ask["terms"] = request["terms"]
    ask["place"] = NIL
    ask["tag"] = request["tag"]
    send_new(bound, symbol, ask)
    ask["tag"] = 0


@verb
def _change(bound, slot, request):  # type: ignore[no-untyped-def]
    """Ask for another price and quantity; a status."""
    status = np.int64(amend_status(bound, slot, request["price"], request["qty_lots"]))
    if status == Status.OK:
        send_amend(bound, slot, request["price"], request["qty_lots"])
    return status
