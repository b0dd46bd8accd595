"""Books that are given commands: one call, one command, in integers.

What `Venue` says in words goes to its kernel from here, and the rings that it fills are drained.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from mmjit.arena import State
from mmjit.arguments import ID_MAX, whole
from mmjit.books import Books
from mmjit.core.bound import LET_GO, Bound, door
from mmjit.core.calls import FULL, ODD, attend_call, command_call, drain_call, floor_of
from mmjit.core.codes import Kind, SelfTrade, Term, TimeInForce
from mmjit.core.records import TRADE
from mmjit.core.resting import Venue as Arrays
from mmjit.errors import check
from mmjit.growing import Log
from mmjit.instrument import Instrument
from mmjit.tracker import Tracker
from mmjit.venue_money import Done

Array = np.ndarray[Any, Any]

# As plain integers: a member of an enumeration is looked up and taken apart at every call.
NEW, AMEND, CANCEL, QUOTE, TAKE, CANCEL_ALL, TIMER, STATUS = (
    int(kind)
    for kind in (
        *(Kind.NEW, Kind.AMEND, Kind.CANCEL, Kind.QUOTE, Kind.TAKE),
        *(Kind.CANCEL_ALL, Kind.TIMER, Kind.STATUS),
    )
)
_NAMING: Final = (NEW, AMEND, CANCEL, QUOTE)  # the kinds that name an order
POST_ONLY, REDUCE_ONLY = int(Term.POST_ONLY), int(Term.REDUCE_ONLY)
MARKET, TAIL = int(Term.MARKET), int(Term.TAIL)
GTC, GTD, FOK = TimeInForce.GTC, TimeInForce.GTD, int(TimeInForce.FOK)
_NONE, _DECREMENT = SelfTrade.NONE, int(SelfTrade.DECREMENT)
NO_ORDER: Final = (0,) * 8
NO_MORE: Final = (0,) * 5
_new: Final = tuple.__new__  # spares a NamedTuple its own constructor, half of the time
_NO_TRADES: Final = np.zeros(0, TRADE)


class Commanded(Books):
    """The books of a venue, and its one way in.

    Args:
        instruments: by symbol number.
        state: where everything lives, or None.
        arrays: in memory, where there is no state.
    """

    tracker: Tracker

    def __init__(
        self, instruments: Sequence[Instrument], state: State | None, arrays: Arrays | None
    ) -> None:
        self._arrays = arrays
        super().__init__(instruments, state, arrays.book if arrays else None)
        self._trades = Log(TRADE, "mmjit.TRADE")

    @property
    def arrays(self) -> Arrays:
        """Every array, for kernels and for looking at them."""
        if self._state is not None:
            return self._state.venue
        return self._arrays  # type: ignore[return-value]  # one of the two there is

    @cached_property
    def _floor(self) -> Bound:
        return self._bind(floor_of(self.arrays, len(self.instruments)))

    @cached_property
    def _bounds(self) -> tuple[Bound, Bound, Bound]:
        return self._floor, self._trades.bound, self.tracker.log.bound

    @cached_property
    def _command_call(self) -> Any:
        self._writable()
        return door(command_call, *self._bounds, words=19, ids=(6, 7, 15))

    def _do(self, *command: Any) -> Done:
        """Do a command as `_run` takes it; returns what came of it."""
        _, _, filled, rested, prevented, traded, _ = self._run(*command)
        trades = self._trades.last(traded) if traded else _NO_TRADES
        return _new(Done, (filled, rested, prevented, trades))

    def _run(
        self,
        what: tuple[int, int],
        owner: int | None,
        time_ns: int | None,
        order: tuple[int, ...],
        more: tuple[int, ...] = NO_MORE,
    ) -> tuple[int, ...]:
        """Do a command, or raise for the rule that it breaks.

        Args:
            what: its kind and symbol.
            owner: as for `submit`.
            time_ns: as for `submit`.
            order: what `command_call` has behind the time, up to the terms.
            more: the rest of its words.
        """
        who = (1, 0) if owner is None else (0, owner)
        when = (0, 0) if time_ns is None else (1, time_ns)
        words: Any = (*what, *who, *when, *order, *more)
        bounds, traded = self._bounds, 0
        try:
            found: tuple[int, ...] = self._command_call(*bounds, words)
        except (TypeError, OverflowError):  # of a word that is no integer of 64 bits
            words = self._checked(words)
            found = self._command_call(*bounds, words)
        while found[0] == FULL:  # of a ring, which is drained now
            self.drain()
            found = self._command_call(*bounds, words)
        if found[6]:
            traded = self.drain()
        if found[0] < 0 and (what[0] != QUOTE or found[0] <= LET_GO):
            self._refuse(found[0], words)
        return found if not traded else (*found[:5], found[5] + traded, 0)

    def _refuse(self, result: int, words: Any) -> None:
        """Raise what is wrong with a command."""
        if result == LET_GO:
            self._usable()
        if result == ODD:
            self._checked(words)
        check(result)

    def _checked(self, words: Any) -> Any:
        """The words of a command, or an error that names the first that is no such integer."""
        kind, symbol, market, owner, timed, time_ns, order_id, other_id, side, price = words[:10]
        named, quoted = int(kind in _NAMING), kind == QUOTE
        accounts = len(self.arrays.ledger.accounts)
        return (
            kind,
            symbol if kind == CANCEL_ALL else self._symbol(symbol),
            market,
            whole("owner", owner, 0, accounts - 1),
            timed,
            whole("time_ns", time_ns),
            whole("order_id", order_id, named, ID_MAX),
            other_id,
            side if kind == CANCEL_ALL else whole("side", side, 0, 1),
            whole("price", price),
            whole("qty_lots", words[10]),
            *words[11:15],
            whole("order_id", words[15], int(quoted), ID_MAX),
            whole("price", words[16]),
            whole("qty_lots" if quoted else "display_lots", words[17]),
            whole("expires_ns", words[18]),
        )

    def drain(self) -> int:
        """Move what the rings hold into the histories; returns how many trades it moved."""
        before = len(self._trades)
        while (left := self._drain_call(*self._bounds, (0,))) > 0:
            self._trades.make_room(left)
            self.tracker.log.make_room(left)
        if left == LET_GO:
            self._usable()
        return len(self._trades) - before

    @cached_property
    def _drain_call(self) -> Any:
        return door(drain_call, *self._bounds, words=1)

    def attend(self) -> None:
        """Look after accounts whose marks, limits or switches were changed outside a command."""
        if self._attend_call(self._floor, (0,)) == LET_GO:
            self._usable()

    @cached_property
    def _attend_call(self) -> Any:
        return door(attend_call, self._floor, words=1)


def mode_of(self_trade: SelfTrade) -> int:
    """A self-trade mode as a plain integer."""
    return 0 if self_trade is _NONE else whole("self_trade", self_trade, 0, _DECREMENT)
