"""mmjit: a market-making engine in Python that is as fast as native code.

    tape = mmjit.open_tape("day")             # made by `mmjit import`
    mmjit.replay(tape).facts()                # the books at its end
    mmjit.depth(tape, symbol="AAPL")          # the best levels after every message
    mmjit.backtest(tape, strategy="pegged")   # a rule in the true queues, and what it earned
    mmjit.queue_error(tape).summary()         # how far queue models are from those

Everything below is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from mmjit.version import __version__ as __version__

if TYPE_CHECKING:
    from mmjit.arena import State, create_state, open_state
    from mmjit.backtesting import Backtest, Run, backtest, resume_backtest, start_backtest
    from mmjit.capacity import Capacity
    from mmjit.core.codes import (
        ASK,
        BID,
        Flag,
        KillLevel,
        Kind,
        Marking,
        Mode,
        SelfTrade,
        Status,
        Term,
        TimeInForce,
        TradingStatus,
    )
    from mmjit.core.desk import (
        account_mode,
        behind,
        best,
        cancel,
        is_two_sided,
        last_trade,
        mid_twice,
        now_ns,
        on_tick,
        order_lots,
        own_lots,
        own_price,
        passive,
        position,
        qty_at_best,
        qty_at_levels,
        queue_ahead,
        replace,
        submit,
        tick_at,
        want,
    )
    from mmjit.core.jit import verb
    from mmjit.core.queues import QueueModel, queue_model
    from mmjit.core.records import COMMAND, EVENT, TRADE
    from mmjit.core.rules import Rule, parameters, strategy
    from mmjit.core.tables import FILL, FILL_LINE, STEP
    from mmjit.errors import (
        ArgumentError,
        CheckError,
        FeedError,
        InputError,
        MmjitError,
        RefusedError,
        RunError,
        StateError,
        StrategyError,
        TapeError,
    )
    from mmjit.feeds.binance import import_binance
    from mmjit.feeds.hftbacktest import import_hftbacktest
    from mmjit.feeds.hftbacktest_export import export_hftbacktest
    from mmjit.feeds.itch50 import import_itch50
    from mmjit.feeds.lobster import import_lobster
    from mmjit.fees import Fees, read_fees
    from mmjit.instrument import Instrument, Session
    from mmjit.joining import join_tapes
    from mmjit.latency import Latency
    from mmjit.limits_file import Limits, read_limits
    from mmjit.market import Market
    from mmjit.partitioning import partition
    from mmjit.playing import Played, play
    from mmjit.price_process import Paths, PriceProcess, run_paths
    from mmjit.probing import QueueErrors, queue_error
    from mmjit.replaying import Replay, depth, replay
    from mmjit.run_folder import RunFolder, read_run
    from mmjit.sharding import ShardedReplay, replay_shards
    from mmjit.simulating import simulate
    from mmjit.symbol_limits import SymbolLimits
    from mmjit.tape import Tape, open_tape
    from mmjit.tracker import Tracker
    from mmjit.venue import Venue
    from mmjit.venue_money import Done

_HOMES: Final = {
    "arena": ("State", "create_state", "open_state"),
    "backtesting": ("Backtest", "Run", "backtest", "resume_backtest", "start_backtest"),
    "capacity": ("Capacity",),
    "core.codes": (
        "ASK",
        "BID",
        "Flag",
        "KillLevel",
        "Kind",
        "Marking",
        "Mode",
        "SelfTrade",
        "Status",
        "Term",
        "TimeInForce",
        "TradingStatus",
    ),
    "core.desk": (
        "account_mode",
        "behind",
        "best",
        "cancel",
        "is_two_sided",
        "last_trade",
        "mid_twice",
        "now_ns",
        "on_tick",
        "order_lots",
        "own_lots",
        "own_price",
        "passive",
        "position",
        "qty_at_best",
        "qty_at_levels",
        "queue_ahead",
        "replace",
        "submit",
        "tick_at",
        "want",
    ),
    "core.jit": ("verb",),
    "core.queues": ("QueueModel", "queue_model"),
    "core.records": ("COMMAND", "EVENT", "TRADE"),
    "core.tables": ("FILL", "FILL_LINE", "STEP"),
    "core.rules": ("Rule", "parameters", "strategy"),
    "errors": (
        "ArgumentError",
        "CheckError",
        "FeedError",
        "InputError",
        "MmjitError",
        "RefusedError",
        "RunError",
        "StateError",
        "StrategyError",
        "TapeError",
    ),
    "feeds.binance": ("import_binance",),
    "feeds.hftbacktest": ("import_hftbacktest",),
    "feeds.hftbacktest_export": ("export_hftbacktest",),
    "feeds.itch50": ("import_itch50",),
    "feeds.lobster": ("import_lobster",),
    "fees": ("Fees", "read_fees"),
    "instrument": ("Instrument", "Session"),
    "joining": ("join_tapes",),
    "latency": ("Latency",),
    "limits_file": ("Limits", "read_limits"),
    "market": ("Market",),
    "partitioning": ("partition",),
    "playing": ("Played", "play"),
    "price_process": ("Paths", "PriceProcess", "run_paths"),
    "probing": ("QueueErrors", "queue_error"),
    "replaying": ("Replay", "depth", "replay"),
    "run_folder": ("RunFolder", "read_run"),
    "sharding": ("ShardedReplay", "replay_shards"),
    "simulating": ("simulate",),
    "symbol_limits": ("SymbolLimits",),
    "tape": ("Tape", "open_tape"),
    "tracker": ("Tracker",),
    "venue": ("Venue",),
    "venue_money": ("Done",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ASK",
    "BID",
    "COMMAND",
    "EVENT",
    "FILL",
    "FILL_LINE",
    "STEP",
    "TRADE",
    "ArgumentError",
    "Backtest",
    "Capacity",
    "CheckError",
    "Done",
    "FeedError",
    "Fees",
    "Flag",
    "InputError",
    "Instrument",
    "KillLevel",
    "Kind",
    "Latency",
    "Limits",
    "Market",
    "Marking",
    "MmjitError",
    "Mode",
    "Paths",
    "Played",
    "PriceProcess",
    "QueueErrors",
    "QueueModel",
    "RefusedError",
    "Replay",
    "Rule",
    "Run",
    "RunError",
    "RunFolder",
    "SelfTrade",
    "Session",
    "ShardedReplay",
    "State",
    "StateError",
    "Status",
    "StrategyError",
    "SymbolLimits",
    "Tape",
    "TapeError",
    "Term",
    "TimeInForce",
    "Tracker",
    "TradingStatus",
    "Venue",
    "account_mode",
    "backtest",
    "behind",
    "best",
    "cancel",
    "create_state",
    "depth",
    "export_hftbacktest",
    "import_binance",
    "import_hftbacktest",
    "import_itch50",
    "import_lobster",
    "is_two_sided",
    "join_tapes",
    "last_trade",
    "mid_twice",
    "now_ns",
    "on_tick",
    "open_state",
    "open_tape",
    "order_lots",
    "own_lots",
    "own_price",
    "parameters",
    "partition",
    "passive",
    "play",
    "position",
    "qty_at_best",
    "qty_at_levels",
    "queue_ahead",
    "queue_error",
    "queue_model",
    "read_fees",
    "read_limits",
    "read_run",
    "replace",
    "replay",
    "replay_shards",
    "resume_backtest",
    "run_paths",
    "simulate",
    "start_backtest",
    "strategy",
    "submit",
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
