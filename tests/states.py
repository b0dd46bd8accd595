"""What the tests of state folders share: a small state, and events that fill and empty its book."""

import os
import warnings

import numpy as np
import pytest

from mmjit import statefile
from mmjit.capacity import Capacity
from mmjit.core.codes import STATUS_SPAN, Kind
from mmjit.core.pool import reserve
from mmjit.core.records import EVENT, TALLY
from mmjit.core.replay import Region, replay
from mmjit.core.state import configure_symbol

SMALL = Capacity(symbols=2, orders=32, pages=12, fills=4)
FILES = {statefile.file_name(term.name): term.total_bytes for term in SMALL.terms()}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to mount or to give away")


def random_events(count, slots, seed):
    """Events of two symbols that fill and empty a small book, some of them wrong."""
    draw = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    kinds = (Kind.ADD, Kind.ADD, Kind.ADD, Kind.REDUCE, Kind.DELETE, Kind.REPLACE, Kind.EXECUTE)
    events["kind"] = draw.choice(kinds, count)
    events["handle"] = draw.integers(0, slots, count)
    events["symbol"] = events["handle"] % 2
    events["side"] = draw.integers(0, 2, count)
    events["price"] = draw.integers(100, 106, count)
    events["qty_lots"] = draw.integers(1, 4, count)
    events["order_id"] = draw.integers(1, 1 << 60, count)
    events["other_id"] = draw.integers(1, 1 << 60, count)
    events["venue_ns"] = np.arange(count)
    return events


def configured(book):
    """Two symbols and a region for every slot."""
    for symbol in range(2):
        configure_symbol(book, symbol, 0, 1000, 1)
    return Region(int(reserve(book.order_pool, len(book.orders))), len(book.orders))


def feed(book, region, events):
    replay(book, region, events, np.zeros(STATUS_SPAN, np.int64), np.zeros(1, TALLY))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def in_a_child(ask):
    """What a function says after a fork, in the child."""
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        child = os.fork()
    if child == 0:
        try:
            os.write(write_end, str(ask()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        return pipe.read()


def fail_at(monkeypatch, name, call_number, error):
    """Make a function of os fail at its n-th call."""
    calls = []
    real = getattr(os, name)

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == call_number:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, failing)
