"""What is to happen at a time: a binary heap of orders that expire, the earliest on top.

Invariant: no entry is later than the two below it, and each order in the heap knows its place
there (DETAIL `alarm`), so that one that leaves early can be taken out.
"""

import numpy as np

from mmjit.core.codes import NIL
from mmjit.core.jit import CHECKED, helper, verb


@helper
def set_alarm(alarms, details, control, slot, time_ns):  # type: ignore[no-untyped-def]
    """Enter an order that is not in the heap; there is a place for each order."""
    place = control["alarm_count"]
    control["alarm_count"] += 1
    _rise(alarms, details, place, slot, time_ns)


@helper
def drop_alarm(alarms, details, control, slot):  # type: ignore[no-untyped-def]
    """Take an order out of the heap."""
    place = details[slot]["alarm"]
    if CHECKED:
        assert place >= 0
        assert alarms[place]["slot"] == slot
    details[slot]["alarm"] = NIL
    control["alarm_count"] -= 1
    last = alarms[control["alarm_count"]]
    if last["slot"] == slot:
        return
    if place > 0 and alarms[(place - 1) >> 1]["time_ns"] > last["time_ns"]:
        _rise(alarms, details, place, last["slot"], last["time_ns"])
    else:
        _sink(alarms, details, place, control["alarm_count"])


@verb
def due_slot(alarms, control, now_ns):  # type: ignore[no-untyped-def]
    """An order whose time has come, or NIL."""
    if control["alarm_count"] == 0 or alarms[0]["time_ns"] > now_ns:
        return NIL
    return np.int64(alarms[0]["slot"])


@verb
def _put(alarms, details, place, slot, time_ns):  # type: ignore[no-untyped-def]
    alarms[place]["time_ns"] = time_ns
    alarms[place]["slot"] = slot
    details[slot]["alarm"] = place


@verb
def _rise(alarms, details, place, slot, time_ns):  # type: ignore[no-untyped-def]
    """Put an entry at a place, or above, where nothing above it is later."""
    while place > 0:
        parent = (place - 1) >> 1
        if alarms[parent]["time_ns"] <= time_ns:
            break
        _put(alarms, details, place, alarms[parent]["slot"], alarms[parent]["time_ns"])
        place = parent
    _put(alarms, details, place, slot, time_ns)


@verb
def _sink(alarms, details, place, count):  # type: ignore[no-untyped-def]
    """Put the entry behind the last at a place, or below, where nothing below it is earlier."""
    slot = alarms[count]["slot"]
    time_ns = alarms[count]["time_ns"]
    child = 2 * place + 1
    while child < count:
        if child + 1 < count and alarms[child + 1]["time_ns"] < alarms[child]["time_ns"]:
            child += 1
        if alarms[child]["time_ns"] >= time_ns:
            break
        _put(alarms, details, place, alarms[child]["slot"], alarms[child]["time_ns"])
        place = child
        child = 2 * place + 1
    _put(alarms, details, place, slot, time_ns)
