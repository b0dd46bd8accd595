"""A quoting rule in a simulated market: our orders and the flow's meet at one venue.

The rule is asked whenever a best price, quantity or count of a symbol has changed, and what it
wants is made so with the fewest commands: an order at the wanted price is kept, shrunk in place
when less is wanted, else cancelled, before anything new is entered. We are account 0. What the
venue refuses it counts.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import find_slot
from mmjit.core.bound import bundle_of
from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, SelfTrade, Status, TimeInForce
from mmjit.core.desk import QUOTE_LEVELS, Desk, at_symbol, tick_at, want_nothing
from mmjit.core.jit import helper, verb
from mmjit.core.levels import next_level
from mmjit.core.records import COMMAND
from mmjit.core.resting import Venue, leaves_of
from mmjit.models.flow import Flow, is_over, next_command, next_symbol

OURS: Final = 0  # the account
OUR_IDS: Final = 1 << 62  # our orders have the ids above, the flow's are below
PLACES: Final = 2 * QUOTE_LEVELS  # of a symbol's quotes, the bids first
RINGS_SPARE: Final = 4096  # lines of the rings that one step never fills


class Play(NamedTuple):
    """Everything that a maker in a simulated market writes to."""

    venue: Venue
    at: Any  # the Bound that leads to the venue
    flow: Flow
    desk: Desk  # its book and ledger are the venue's
    quotes: Any  # WANT[2, QUOTE_LEVELS + 1], of the decision being made
    commands: Any  # COMMAND[PLACES], to work in
    statuses: Any  # int64[PLACES]: what the venue said to them
    places: Any  # int64[PLACES]: where in our quotes their orders are


def work_arrays() -> tuple[Any, Any, Any]:
    """The last three arrays of a `Play`."""
    return np.zeros(PLACES, COMMAND), np.zeros(PLACES, np.int64), np.zeros(PLACES, np.int64)


def run_play(rule, submit, bound, step_count, params, memory):  # type: ignore[no-untyped-def]
    """Let the flow go on for so many steps, and the maker respond.

    Args:
        rule: the compiled rule.
        submit: of the venue (`mmjit.core.venue.submitter`).
        bound: leads to the Play.
        step_count: how many commands of the flow, those that come to nothing included.
        params: uint8, the rule's parameters.
        memory: uint8[symbols, bytes], what the rule remembers of each symbol.

    Returns:
        How many steps were done: fewer where the rings have to be drained, or time has ended.
    """
    play = bundle_of(bound)
    venue = play.venue
    control = venue.control[0]
    alone = play.commands[:1]
    for step in range(step_count):
        if control["trade_head"] - control["trade_tail"] + RINGS_SPARE > len(venue.trades):
            return step
        if control["fill_head"] - control["fill_tail"] + RINGS_SPARE > len(venue.fills):
            return step
        symbol = next_symbol(play.flow)
        if is_over(play.flow, symbol):
            return step
        if next_command(play.flow, venue.book, symbol, alone[0]) == 0:
            continue
        submit(play.at, alone, 0, play.statuses)
        if venue.book.control[0]["best_changed"]:
            desk = at_symbol(play.desk, symbol)
            _decide(rule, submit, play, desk, params, memory[symbol])
        elif len(memory) > 1:  # a rule of another symbol may look at this one
            see_ours(play.venue, at_symbol(play.desk, symbol))
    return step_count


@helper
def _decide(rule, submit, play, desk, params, memory):  # type: ignore[no-untyped-def]
    """Ask the rule what it wants, and make it so."""
    quotes = play.quotes
    want_nothing(quotes)
    run = desk.run[0]
    run["now_ns"] = play.venue.control[0]["now_ns"]
    run["decision_count"] += 1
    see_ours(play.venue, desk)
    rule(desk, params, memory, quotes)
    _settle(submit, play, desk)


@verb
def _order_at(desk, place):  # type: ignore[no-untyped-def]
    return desk.own[desk.symbol, place // QUOTE_LEVELS, place % QUOTE_LEVELS]


@helper
def see_ours(venue, desk):  # type: ignore[no-untyped-def]
    """See what is left of our orders of a symbol, and what its best prices are without them."""
    for place in range(PLACES):
        order = _order_at(desk, place)
        if order["left_lots"] > 0:
            left = _left_of(venue, order)
            order["filled_lots"] += order["left_lots"] - left
            order["left_lots"] = left
    see_others(desk)


@verb
def see_others(desk):  # type: ignore[no-untyped-def]
    """Note the best price of either side of a symbol, and the lots there, without our orders."""
    for side in range(2):
        price, lots = _best_of_others(desk.book, desk.own, desk.symbol, side)
        desk.others[desk.symbol, side, 0] = price
        desk.others[desk.symbol, side, 1] = lots


@verb
def _best_of_others(book, own, symbol, side):  # type: ignore[no-untyped-def]
    """Price and lots of the first level that is not ours alone; zeros where there is none."""
    level = np.int64(book.sides[2 * symbol + side]["best"])
    while level != NIL:
        price = book.levels[level]["price"]
        lots = np.int64(book.levels[level]["qty_lots"])
        for place in range(QUOTE_LEVELS):
            order = own[symbol, side, place]
            if order["left_lots"] > 0 and order["price"] == price:
                lots -= order["left_lots"]
        if lots > 0:
            return price, lots
        level = np.int64(next_level(book, level))
    return np.int64(0), np.int64(0)


@verb
def _left_of(venue, order):  # type: ignore[no-untyped-def]
    """What is open of an order of ours."""
    slot = np.int64(find_slot(venue.book, order["order_id"]))
    return np.int64(0) if slot == NIL else leaves_of(venue, slot)


@verb
def _settle(submit, play, desk):  # type: ignore[no-untyped-def]
    """Make our orders of a symbol what the quotes want."""
    if play.quotes[0, QUOTE_LEVELS]["qty_lots"] != 0:
        play.venue.counts[OURS * STATUS_SPAN - Status.QUOTE_UNKNOWN] += 1
    for is_coming in range(2):  # what is to go first, then what is to come
        count = 0
        for place in range(PLACES):
            left = _order_at(desk, place)["left_lots"]
            if is_coming == 0:
                writes = left > 0 and _write_less(play, desk, place, count)
            else:
                writes = left == 0 and _write_new(play, desk, place, count)
            if writes:
                play.places[count] = place
                count += 1
        if count > 0:
            submit(play.at, play.commands[:count], 0, play.statuses)
        for number in range(count):  # what the venue made of it
            order = _order_at(desk, play.places[number])
            order["left_lots"] = _left_of(play.venue, order)


@verb
def _write_head(play, desk, order, kind, number):  # type: ignore[no-untyped-def]
    """What our commands have in common."""
    command = play.commands[number]
    command["venue_ns"] = desk.run[0]["now_ns"]
    command["local_ns"] = desk.run[0]["now_ns"]
    command["order_id"] = order["order_id"]
    command["symbol"] = desk.symbol
    command["kind"] = kind
    command["flags"] = Flag.LAST
    command["owner"] = OURS
    command["tif"] = TimeInForce.GTC
    command["self_trade"] = SelfTrade.CANCEL_NEWEST
    command["terms"] = 0
    command["other_id"] = 0
    return command


@verb
def _write_less(play, desk, place, number):  # type: ignore[no-untyped-def]
    """The command that takes a live order away or part of it; whether there is one."""
    order = _order_at(desk, place)
    quote = play.quotes[place // QUOTE_LEVELS, place % QUOTE_LEVELS]
    lots = quote["qty_lots"]
    left = order["left_lots"]
    gone = lots <= 0 or quote["price"] != order["price"] or lots > order["wanted_lots"]
    if not gone and lots >= left:
        order["wanted_lots"] = lots
        return False
    command = _write_head(play, desk, order, Kind.CANCEL, number)
    command["qty_lots"] = 0 if gone else left - lots
    order["wanted_lots"] = lots
    return True


@verb
def _write_new(play, desk, place, number):  # type: ignore[no-untyped-def]
    """The command that enters an order; whether there is one."""
    order = _order_at(desk, place)
    quote = play.quotes[place // QUOTE_LEVELS, place % QUOTE_LEVELS]
    if quote["qty_lots"] == 0:
        return False
    if quote["price"] % tick_at(desk, quote["price"]) != 0:
        play.venue.counts[OURS * STATUS_SPAN - Status.PRICE_OFF_TICK] += 1
        return False
    run = desk.run[0]
    run["last_order_id"] += 1
    order["order_id"] = OUR_IDS + run["last_order_id"]
    order["price"] = quote["price"]
    order["left_lots"] = quote["qty_lots"]
    order["wanted_lots"] = quote["qty_lots"]
    order["entered_ns"] = run["now_ns"]
    order["filled_lots"] = 0
    command = _write_head(play, desk, order, Kind.NEW, number)
    command["side"] = place // QUOTE_LEVELS
    command["price"] = quote["price"]
    command["qty_lots"] = quote["qty_lots"]
    return True
