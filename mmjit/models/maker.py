"""A quoting rule in a simulated market: our orders and the flow's meet at one venue.

The rule is asked whenever a best price, quantity or count of a symbol has changed, and what it
wants is made so with the fewest commands: an order at the wanted price is kept, shrunk in place
when less is wanted, else cancelled, before anything new is entered. We are account 0. What the
venue refuses it counts.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.book import find_slot
from mmjit.core.codes import NIL, STATUS_SPAN, Flag, Kind, SelfTrade, Status, TimeInForce
from mmjit.core.desk import QUOTE_LEVELS, Desk, tick_at, want_nothing
from mmjit.core.engine import at_symbol
from mmjit.core.jit import helper, verb
from mmjit.core.resting import Venue, leaves_of
from mmjit.models.flow import Flow, is_over, next_command, next_symbol

OURS: Final = 0  # the account
OUR_IDS: Final = 1 << 62  # our orders have the ids above, the flow's are below
RINGS_SPARE: Final = 4096  # lines of the rings that one step never fills


class Play(NamedTuple):
    """Everything that a maker in a simulated market writes to."""

    venue: Venue
    flow: Flow
    desk: Desk  # its book and ledger are the venue's
    quotes: Any  # WANT[2, QUOTE_LEVELS + 1], of the decision being made
    commands: Any  # COMMAND, one, to work in
    statuses: Any  # int64, one: what the venue said to it


def run_play(rule, submit, play, step_count, params, memory):  # type: ignore[no-untyped-def]
    """Let the flow go on for so many steps, and the maker respond.

    Args:
        rule: the compiled rule.
        submit: of the venue (`mmjit.core.venue.submitter`).
        play: the market.
        step_count: how many commands of the flow, those that come to nothing included.
        params: uint8, the rule's parameters.
        memory: uint8[symbols, bytes], what the rule remembers of each symbol.

    Returns:
        How many steps were done: fewer where the rings have to be drained, or time has ended.
    """
    venue = play.venue
    control = venue.control[0]
    for step in range(step_count):
        if control["trade_head"] - control["trade_tail"] + RINGS_SPARE > len(venue.trades):
            return step
        if control["fill_head"] - control["fill_tail"] + RINGS_SPARE > len(venue.fills):
            return step
        symbol = next_symbol(play.flow)
        if is_over(play.flow, symbol):
            return step
        if next_command(play.flow, venue.book, symbol, play.commands[0]) == 0:
            continue
        submit(venue, play.commands, 0, play.statuses)
        if venue.book.control[0]["best_changed"]:
            desk = at_symbol(play.desk, symbol)
            _decide(rule, submit, play, desk, params, memory[symbol])
    return step_count


@helper
def _decide(rule, submit, play, desk, params, memory):  # type: ignore[no-untyped-def]
    """Ask the rule what it wants, and make it so."""
    quotes = play.quotes
    want_nothing(quotes)
    run = desk.run[0]
    run["now_ns"] = play.venue.control[0]["now_ns"]
    run["decision_count"] += 1
    _refresh(play.venue, desk)
    rule(desk, params, memory, quotes)
    _settle(submit, play, desk)


@verb
def _refresh(venue, desk):  # type: ignore[no-untyped-def]
    """See what is left of our orders of a symbol."""
    book = venue.book
    for place in range(2 * QUOTE_LEVELS):
        order = desk.own[desk.symbol, place // QUOTE_LEVELS, place % QUOTE_LEVELS]
        if order["left_lots"] > 0:
            slot = np.int64(find_slot(book, order["order_id"]))
            left = np.int64(0) if slot == NIL else leaves_of(venue, slot)
            order["filled_lots"] += order["left_lots"] - left
            order["left_lots"] = left


@verb
def _settle(submit, play, desk):  # type: ignore[no-untyped-def]
    """Make our orders of a symbol what the quotes want."""
    counts = play.venue.counts
    if play.quotes[0, QUOTE_LEVELS]["qty_lots"] != 0:
        counts[OURS * STATUS_SPAN - Status.QUOTE_UNKNOWN] += 1
    for turn in range(4 * QUOTE_LEVELS):  # what is to go first, then what is to come
        place = turn % (2 * QUOTE_LEVELS)
        side = place // QUOTE_LEVELS
        quote = play.quotes[side, place % QUOTE_LEVELS]
        order = desk.own[desk.symbol, side, place % QUOTE_LEVELS]
        left = order["left_lots"]
        if turn < 2 * QUOTE_LEVELS:
            if left == 0 or not _write_less(play, desk, order, quote):
                continue
        elif quote["qty_lots"] == 0 or left > 0:
            continue
        elif quote["price"] % tick_at(desk, quote["price"]) != 0:
            counts[OURS * STATUS_SPAN - Status.PRICE_OFF_TICK] += 1
            continue
        else:
            _write_new(play, desk, order, quote, side)
        submit(play.venue, play.commands, 0, play.statuses)
        _note(play.venue, order)


@verb
def _write_head(play, desk, order, kind):  # type: ignore[no-untyped-def]
    """What our commands have in common."""
    command = play.commands[0]
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
def _write_less(play, desk, order, quote):  # type: ignore[no-untyped-def]
    """The command that takes a live order away or part of it; whether there is one."""
    lots = quote["qty_lots"]
    left = order["left_lots"]
    gone = lots <= 0 or quote["price"] != order["price"] or lots > order["wanted_lots"]
    if not gone and lots >= left:
        order["wanted_lots"] = lots
        return False
    command = _write_head(play, desk, order, Kind.CANCEL)
    command["qty_lots"] = 0 if gone else left - lots
    order["wanted_lots"] = lots
    return True


@verb
def _write_new(play, desk, order, quote, side):  # type: ignore[no-untyped-def]
    """The command that enters an order."""
    run = desk.run[0]
    run["last_order_id"] += 1
    order["order_id"] = OUR_IDS + run["last_order_id"]
    order["price"] = quote["price"]
    order["left_lots"] = quote["qty_lots"]
    order["wanted_lots"] = quote["qty_lots"]
    order["entered_ns"] = run["now_ns"]
    order["filled_lots"] = 0
    command = _write_head(play, desk, order, Kind.NEW)
    command["side"] = side
    command["price"] = quote["price"]
    command["qty_lots"] = quote["qty_lots"]


@verb
def _note(venue, order):  # type: ignore[no-untyped-def]
    """See what the venue made of a command about an order of ours."""
    book = venue.book
    slot = np.int64(find_slot(book, order["order_id"]))
    order["left_lots"] = np.int64(0) if slot == NIL else leaves_of(venue, slot)
