"""mmjit: a market-making engine in Python that is as fast as native code.

    tape = mmjit.open_tape("day")             # made by `mmjit import`
    mmjit.replay(tape).facts()                # the books at its end
    mmjit.depth(tape, symbol="AAPL")          # the best levels after every message
    mmjit.backtest(tape, strategy="pegged")   # a rule in the true queues, and what it earned

Everything below is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mmjit.arena import State, create_state, open_state
    from mmjit.backtesting import Backtest, backtest
    from mmjit.capacity import Capacity
    from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TradingStatus
    from mmjit.core.desk import (
        behind,
        best,
        is_two_sided,
        mid_twice,
        now_ns,
        on_tick,
        position,
        qty_at_best,
        queue_ahead,
        tick_at,
        want,
    )
    from mmjit.core.jit import verb
    from mmjit.core.records import EVENT
    from mmjit.core.rules import Rule, parameters, strategy
    from mmjit.errors import (
        ArgumentError,
        CheckError,
        FeedError,
        InputError,
        MmjitError,
        RefusedError,
        StateError,
        StrategyError,
        TapeError,
    )
    from mmjit.feeds.itch50 import import_itch50
    from mmjit.feeds.lobster import import_lobster
    from mmjit.generating import generate_tape
    from mmjit.instrument import Instrument, Session
    from mmjit.market import Market
    from mmjit.replaying import Replay, depth, replay
    from mmjit.tape import Tape, open_tape

_HOMES: Final = {
    "arena": ("State", "create_state", "open_state"),
    "backtesting": ("Backtest", "backtest"),
    "capacity": ("Capacity",),
    "core.codes": ("ASK", "BID", "Flag", "Kind", "Status", "TradingStatus"),
    "core.desk": (
        "behind",
        "best",
        "is_two_sided",
        "mid_twice",
        "now_ns",
        "on_tick",
        "position",
        "qty_at_best",
        "queue_ahead",
        "tick_at",
        "want",
    ),
    "core.jit": ("verb",),
    "core.records": ("EVENT",),
    "core.rules": ("Rule", "parameters", "strategy"),
    "errors": (
        "ArgumentError",
        "CheckError",
        "FeedError",
        "InputError",
        "MmjitError",
        "RefusedError",
        "StateError",
        "StrategyError",
        "TapeError",
    ),
    "feeds.itch50": ("import_itch50",),
    "feeds.lobster": ("import_lobster",),
    "generating": ("generate_tape",),
    "instrument": ("Instrument", "Session"),
    "market": ("Market",),
    "replaying": ("Replay", "depth", "replay"),
    "tape": ("Tape", "open_tape"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ASK",
    "BID",
    "EVENT",
    "ArgumentError",
    "Backtest",
    "Capacity",
    "CheckError",
    "FeedError",
    "Flag",
    "InputError",
    "Instrument",
    "Kind",
    "Market",
    "MmjitError",
    "RefusedError",
    "Replay",
    "Rule",
    "Session",
    "State",
    "StateError",
    "Status",
    "StrategyError",
    "Tape",
    "TapeError",
    "TradingStatus",
    "backtest",
    "behind",
    "best",
    "create_state",
    "depth",
    "generate_tape",
    "import_itch50",
    "import_lobster",
    "is_two_sided",
    "mid_twice",
    "now_ns",
    "on_tick",
    "open_state",
    "open_tape",
    "parameters",
    "position",
    "qty_at_best",
    "queue_ahead",
    "replay",
    "strategy",
    "tick_at",
    "verb",
    "want",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'mmjit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mmjit.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
