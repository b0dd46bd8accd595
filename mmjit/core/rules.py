"""Quoting rules: from a user's function to something the engine can call.

    @strategy(params=parameters(offset_ticks=1, qty_lots=100))
    def mine(desk, params, memory, quotes):
        ...

The engine calls every rule through one fixed signature, `(desk, uint8 params, uint8 memory,
quotes)`; how a function comes to it is in `mmjit.core.authored`.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

import numpy as np
from numba import typeof, types

from mmjit.core.authored import (
    NOTHING,
    Authored,
    RuleError,
    declared,
    draws_on,
    parameters,
    record_of,
    stamp_of,
)
from mmjit.core.desk import queue_ahead, submit
from mmjit.core.jit import COMPILED

__all__ = ["NOTHING", "Rule", "RuleError", "parameters", "rule_signature", "stamp_of", "strategy"]

Array = np.ndarray[Any, Any]
_BYTES: Final = types.uint8[::1]


class Rule(Authored):
    """A quoting rule.

    Attributes:
        name: of the function.
        function: as the user wrote it.
        defaults: one record of the parameters' defaults.
        memory: dtype of what the rule remembers of each symbol between decisions, zero at first.
    """

    noun = "rule"
    takes = ("desk", "params", "memory", "quotes")
    wrapper = """
def {name}__entry(desk, params, memory, quotes):
    {name}__function(desk, params.view({name}__params)[0], memory.view({name}__memory)[0], quotes)
"""

    def __init__(self, function: Callable[..., None], defaults: Array, memory: Any) -> None:
        super().__init__(function, defaults)
        self.memory = np.dtype(memory)

    @cached_property
    def asks_queues(self) -> bool:
        """Whether it may ask what is before its orders: only for such a rule is that followed."""
        return draws_on(self.function, queue_ahead, "ahead")

    @cached_property
    def asks_orders(self) -> bool:
        """Whether it may ask for orders by themselves, which only a backtest takes."""
        return draws_on(self.function, submit, "requests")

    def _records(self) -> dict[str, Any]:
        return {**super()._records(), "memory": self.memory}

    def entry(self, desk: Any, quotes: Array) -> Any:
        """The rule as the engine calls it, compiled for a desk."""
        return self._entry_of(rule_signature(desk, quotes))


def strategy(
    *, params: Array | None = None, memory: Any = NOTHING
) -> Callable[[Callable[..., None]], Rule]:
    """Declare a function to be a quoting rule.

    Args:
        params: from `parameters(...)`; None for a rule without any.
        memory: dtype, or list of (name, type), of what the rule remembers of each symbol.
    """
    record = record_of(params)

    def declare(function: Callable[..., None]) -> Rule:
        return Rule(declared(function, "rule"), record, memory)

    return declare


def rule_signature(desk: Any, quotes: Array) -> Any:
    """The one signature that every rule has, whatever it is."""
    if not COMPILED:
        return None
    return types.void(typeof(desk), _BYTES, _BYTES, typeof(quotes))
