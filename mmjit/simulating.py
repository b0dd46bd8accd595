"""Markets out of a model: an order flow that trades at a venue, and the tape of what one sees."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import fsum
from typing import Any, Final

import numpy as np

from mmjit.arguments import whole
from mmjit.core.records import EVENT
from mmjit.core.resting import Venue
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue, pages_for
from mmjit.errors import ArgumentError, check
from mmjit.feeds.importing import Resolving
from mmjit.instrument import Instrument
from mmjit.models.catalogue import MODELS
from mmjit.models.feed import runner
from mmjit.models.flow import SPAN_NS, Flow, make_flow, room_for
from mmjit.models.plans import Model, Parameter, Plan, resting_mean
from mmjit.progress import Progress
from mmjit.tape import Tape, TapeWriter

EVENTS_MAX: Final = 10**9
SYMBOLS_MAX: Final = 1000
RESTING_MAX: Final = 1_000_000  # orders in the long run, over all symbols: some 600 MB
_PIECE: Final = 1 << 18
_START_NS: Final = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp()) * 10**9


@dataclass(frozen=True)
class Simulation:
    """An order flow at its beginning, and what it is to trade in.

    Attributes:
        model: which it is.
        values: its parameters, those left out included.
        plan: the rates that follow from them.
        flow: for kernels: `mmjit.models.flow.next_symbol` and `next_command`.
        instruments: by symbol number.
        order_capacity: how many of its orders rest at once, at most, over all symbols.
    """

    model: Model
    values: dict[str, float]
    plan: Plan
    flow: Flow
    instruments: tuple[Instrument, ...]
    order_capacity: int


def find_model(name: str) -> Model:
    """A model by its name or alias.

    Raises:
        ArgumentError: there is none of that name.
    """
    for model in MODELS:
        if name == model.name or name in model.aliases:
            return model
    known = ", ".join(" or ".join((model.name, *model.aliases)) for model in MODELS)
    raise ArgumentError(f"model: {name!r} is not known; give one of {known}")


def simulation(
    model: str, *, symbols: int = 1, seed: int = 1, params: Mapping[str, Any] | None = None
) -> Simulation:
    """An order flow that is ready to trade at a venue of one's own.

    Args:
        model: "cst" (Cont-Stoikov-Talreja), "santa-fe" or "hawkes".
        symbols: how many, named SIM0, SIM1, ...; each has its own clock and random numbers, so that
            one more changes nothing in the others.
        seed: the same seed makes the same flow.
        params: parameters of the model by name, numbers or text; `mmjit simulate --help` has them.

    Raises:
        ArgumentError: no such model or parameter, or a value outside its limits.
    """
    found = find_model(model)
    whole("symbols", symbols, 1, SYMBOLS_MAX)
    whole("seed", seed, -(1 << 63), (1 << 63) - 1)
    values = values_of(found, params or {})
    plan = found.plan(values)
    _refuse_unstable(plan, symbols)
    return Simulation(
        model=found,
        values=values,
        plan=plan,
        flow=make_flow(plan, symbols, seed=seed, start_ns=_START_NS),
        instruments=tuple(_instrument(found, plan, number) for number in range(symbols)),
        order_capacity=room_for(plan) * symbols,
    )


def simulate(
    model: str,
    out: str | os.PathLike[str],
    *,
    symbols: int = 1,
    events: int = 1_000_000,
    seed: int = 1,
    params: Mapping[str, Any] | None = None,
    replace: bool = False,
    progress: bool | None = None,
) -> Tape:
    """Let an order flow trade on the matching engine and write the tape of it.

    The market begins empty: what a model says of its long run holds after the first few times that
    a cancellation takes.

    Args:
        model: "cst" (Cont-Stoikov-Talreja), "santa-fe" or "hawkes".
        out: the folder to make.
        symbols: how many, named SIM0, SIM1, ...; each has its own clock and random numbers.
        events: how many in all.
        seed: the same seed makes the same tape, to the last byte.
        params: parameters of the model by name; `mmjit simulate --help` has them all.
        replace: whether a tape that is there already is replaced.
        progress: whether to show a bar; None shows it on a terminal.

    Raises:
        ArgumentError: an argument is outside its limits, or the flow dies out.
        TapeError: `out` exists already.
    """
    made = simulation(model, symbols=symbols, seed=seed, params=params)
    whole("events", events, 1, EVENTS_MAX)
    venue = _venue_for(made)
    resolving = Resolving(symbols)
    run = runner(made.flow, venue)
    with TapeWriter(out, replace=replace) as writer, Progress("simulate", events, progress) as bar:
        for start in range(0, events, _PIECE):
            piece = np.zeros(min(_PIECE, events - start), EVENT)
            written = run(piece)
            if written < len(piece):
                raise _ended(made, start + written)
            resolving(piece)
            writer.append(piece)
            bar.advance(len(piece))
        return writer.commit(
            list(made.instruments),
            messages=writer.message_count,
            order_slots=resolving.order_slots,
            level_pages=resolving.level_pages,
            qty_lots_max=resolving.qty_lots_max,
            window_levels=None,
            source={
                "feed": made.model.name,
                "seed": seed,
                "params": made.values,
                "dropped": int(made.flow.streams["dropped_count"].sum()),
                "files": [],
                "anomalies": resolving.anomalies(),
            },
        )


# ---- parameters -----------------------------------------------------------------------------


def values_of(model: Model, params: Mapping[str, Any]) -> dict[str, float]:
    """The parameters of a model: its defaults, but for the values given.

    Raises:
        ArgumentError: no such parameter, or a value that it does not take.
    """
    known = {parameter.name: parameter for parameter in model.parameters}
    for name in params:
        if name not in known:
            raise ArgumentError(
                f"params: {model.name} has no parameter {name!r}; it has: {', '.join(known)}"
            )
    return {
        name: _value(parameter, params.get(name, parameter.default))
        for name, parameter in known.items()
    }


def _value(parameter: Parameter, value: Any) -> float:
    """A value as its parameter's type and within its limits."""
    whole = isinstance(parameter.default, int)
    number: float | None = None
    try:
        if not isinstance(value, bool):
            number = int(value) if whole else float(value)
            if whole and not isinstance(value, str) and number != value:
                number = None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not parameter.least <= number <= parameter.most:
        kind = "a whole number" if whole else "a number"
        raise ArgumentError(
            f"params: {parameter.name} = {value!r} is not {kind} "
            f"from {parameter.least:,g} to {parameter.most:,g}"
        )
    return number


def _refuse_unstable(plan: Plan, symbols: int) -> None:
    """Refuse a flow that would grow without end, or beyond what memory is meant for."""
    if plan.jump > 0 and plan.jump >= plan.fade:
        raise ArgumentError(
            f"params: alpha = {plan.jump:g} is not below beta = {plan.fade:g}, so that each market "
            "order would bring one more or more than one, without end; lower alpha"
        )
    if not fsum(plan.arrivals) > 0:
        raise ArgumentError("params: no limit order would ever come; raise one of their rates")
    orders = resting_mean(plan) * symbols
    if orders > RESTING_MAX:
        raise ArgumentError(
            f"params: about {orders:,.0f} orders would rest at once, more than {RESTING_MAX:,}; "
            "raise the rates of cancellation, or give fewer symbols"
        )


def _ended(made: Simulation, events: int) -> ArgumentError:
    """Why a flow did not go on."""
    if int(made.flow.streams["next_ns"].min()) >= _START_NS + SPAN_NS:
        return ArgumentError(
            f"params: event {events + 1:,} would be more than 126 years after the first; "
            "raise speed, or ask for fewer events"
        )
    return ArgumentError(
        f"params: after {events:,} events nothing more happens; raise the rates of limit orders"
    )


# ---- the market -----------------------------------------------------------------------------


def _instrument(model: Model, plan: Plan, number: int) -> Instrument:
    """An instrument whose prices end far above the first, but not so far that money is not counted.

    What an account may come to hold is judged at the highest price.
    """
    ticks_above = 1000 + 2 * len(plan.arrivals)
    return Instrument(
        symbol=f"SIM{number}",
        venue=model.name,
        price_unit=model.price_unit,
        currency=model.currency,
        tick_table=((0, plan.tick),),
        increment=plan.tick,
        price_max=10 * plan.start_price + ticks_above * plan.tick,
    )


def _venue_for(made: Simulation) -> Venue:
    """A venue in fresh memory for nobody but the flow."""
    room = made.order_capacity
    counts = Counts(symbols=len(made.instruments), orders=room, pages=pages_for(room))
    venue = memory_venue(VenueCounts(book=counts, accounts=1, currencies=1, trades=1024, fills=64))
    for number, instrument in enumerate(made.instruments):
        low, high, step = instrument.price_min, instrument.price_max, instrument.increment
        check(configure_symbol(venue.book, number, low, high, step))
    return venue
