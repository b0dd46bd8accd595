"""What limits hold to time: how often orders are sent, sent again and filled, how old a market is.

Whether an order passes is judged first (`paced_status`), and what passed is noted (`note_order`),
so that a refusal leaves no trace. A rate is a bucket that empties at so many messages a second and
holds a burst; it is kept as what is spent of it, so that zeroed words are a full allowance. Times
do not go back: an earlier one counts as the last.

Invariant: a count in GUARD is how many went into its ring ever, and the ring holds the last ones.
"""

from typing import Final

import numpy as np

from mmjit.core.codes import Status
from mmjit.core.jit import helper, verb
from mmjit.core.tables import FILL_RING, SENT_RING
from mmjit.core.wrapping import mix_pair

NO_LIMIT: Final = 1 << 62
RATES: Final = 1  # bits of LIMIT `watches`: messages a second, of the symbol or of the account,
REPEATS: Final = 2  # orders like one before,
FILLS: Final = 4  # fills of a side,
PROTECTS: Final = 8  # market maker protection,
AGES: Final = 16  # the age of the market,
SHARES: Final = 32  # the size of the market,
WORTH: Final = 64  # worth at worst, and
LATCHED: Final = 128  # a symbol that was frozen or disabled under limits that are gone
SYMBOLS_OPEN: Final = 4  # a bit of ACCOUNT `attention`: see GUARD `attention` of its symbols
FOREVER: Final = 1 << 62
ALWAYS: Final = 1 << 62  # GUARD `seen_ns` where the book is the market itself,
NEVER: Final = -(1 << 62)  # and where nothing of it is known
_NANO: Final = 10**9
_ELAPSED_MAX: Final = 1 << 42  # ns: more fills every burst that a limit may have


# ---- rates --------------------------------------------------------------------------------------


@verb
def spent_at(spent, spent_ns, rate, now_ns):  # type: ignore[no-untyped-def]
    """What is spent of a burst, in 1e-9 of a message, after time has gone on.

    Args:
        spent: as of `spent_ns`.
        spent_ns: the time.
        rate: messages a second, at most 1e6.
        now_ns: the time.
    """
    elapsed_ns = max(np.int64(0), min(now_ns - spent_ns, np.int64(_ELAPSED_MAX)))
    return max(np.int64(0), spent - elapsed_ns * rate)


@verb
def _has_room(spent, spent_ns, rate, burst, now_ns):  # type: ignore[no-untyped-def]
    """Whether one more message fits a burst; a rate that is NO_LIMIT holds nobody."""
    if rate >= NO_LIMIT or spent + _NANO <= burst * _NANO:
        return True
    return spent_at(spent, spent_ns, rate, now_ns) + _NANO <= burst * _NANO


@verb
def _has_order_room(account, limit, guard, now_ns):  # type: ignore[no-untyped-def]
    """Whether one more order fits the rates of its symbol and of its account."""
    here = _has_room(
        guard["spent"], guard["spent_ns"], limit["order_rate"], limit["order_burst"], now_ns
    )
    rate, burst = account["order_rate"], account["order_burst"]
    return here and _has_room(account["spent"], account["spent_ns"], rate, burst, now_ns)


@verb
def _has_cancel_room(account, limit, guard, now_ns):  # type: ignore[no-untyped-def]
    """Whether one more cancel fits the reserves of its symbol and of its account."""
    spent, spent_ns = guard["cancel_spent"], guard["cancel_spent_ns"]
    here = _has_room(spent, spent_ns, limit["cancel_rate"], limit["cancel_burst"], now_ns)
    spent, spent_ns = account["cancel_spent"], account["cancel_spent_ns"]
    rate, burst = account["cancel_rate"], account["cancel_burst"]
    return here and _has_room(spent, spent_ns, rate, burst, now_ns)


@verb
def _spend_order(record, rate, now_ns):  # type: ignore[no-untyped-def]
    """Spend one message of a symbol's or an account's orders."""
    if rate < NO_LIMIT:
        record["spent"] = spent_at(record["spent"], record["spent_ns"], rate, now_ns) + _NANO
        record["spent_ns"] = max(record["spent_ns"], now_ns)


@verb
def _spend_cancel(record, rate, now_ns):  # type: ignore[no-untyped-def]
    """Spend one message of a reserve of cancels."""
    if rate < NO_LIMIT:
        spent = spent_at(record["cancel_spent"], record["cancel_spent_ns"], rate, now_ns)
        record["cancel_spent"] = spent + _NANO
        record["cancel_spent_ns"] = max(record["cancel_spent_ns"], now_ns)


# ---- orders -------------------------------------------------------------------------------------


@verb
def paced_status(account, limit, guard, ring, order, now_ns):  # type: ignore[no-untyped-def]
    """Whether an order passes what is held to time.

    Args:
        account: ACCOUNT.
        limit: LIMIT of the account in the symbol.
        guard: GUARD of the same.
        ring: RECENT, and where those of the same begin.
        order: side, price and lots.
        now_ns: the time.
    """
    watches = limit["watches"]
    if guard["disabled"] != 0:
        return Status.REPEATED_EXECUTION
    if guard["frozen_until_ns"] > now_ns:
        return Status.PROTECTION
    if watches & AGES and is_stale(limit, guard, now_ns):
        return Status.MARKET_STALE
    if watches & REPEATS and _is_repeated(limit, guard, ring, order, now_ns):
        return Status.REPEATED_ORDER
    if watches & RATES and not _has_order_room(account, limit, guard, now_ns):
        return Status.MESSAGE_RATE
    return Status.OK


@verb
def is_stale(limit, guard, now_ns):  # type: ignore[no-untyped-def]
    """Whether what is known of a market is too old, or something of it is missing."""
    return guard["has_gap"] != 0 or now_ns - guard["seen_ns"] > limit["max_age_ns"]


@verb
def key_of(order):  # type: ignore[no-untyped-def]
    """Side, price and lots in one word: orders that differ share one once in 2**64."""
    return mix_pair(order[1], order[2] << 1 | order[0])


@verb
def _is_repeated(limit, guard, ring, order, now_ns):  # type: ignore[no-untyped-def]
    """Whether as many orders like one were sent of late as may be.

    Orders that fill the whole ring within that time are too many to tell: then it counts as one.
    """
    key, alike = key_of(order), 0
    last = guard["sent_count"]
    for back in range(1, min(last, np.int64(SENT_RING)) + 1):
        sent = ring[0][ring[1] + (last - back) % SENT_RING]
        if now_ns - sent["time_ns"] >= limit["repeat_ns"]:
            return limit["max_repeats"] == 0
        alike += sent["key"] == key
        if alike >= limit["max_repeats"]:
            return True
    return last >= SENT_RING or limit["max_repeats"] == 0


@verb
def note_order(account, limit, guard, ring, order, now_ns):  # type: ignore[no-untyped-def]
    """An order that passed was sent."""
    watches = limit["watches"]
    if watches & RATES:
        _spend_order(guard, limit["order_rate"], now_ns)
        _spend_order(account, account["order_rate"], now_ns)
    if watches & REPEATS:
        sent = ring[0][ring[1] + guard["sent_count"] % SENT_RING]
        sent["time_ns"] = now_ns
        sent["key"] = key_of(order)
        guard["sent_count"] += 1


@verb
def cancel_paced_status(account, limit, guard, now_ns):  # type: ignore[no-untyped-def]
    """Whether a cancel passes: it has a reserve of its own, and nothing else holds it."""
    if limit["watches"] & RATES and not _has_cancel_room(account, limit, guard, now_ns):
        return Status.MESSAGE_RATE
    return Status.OK


@verb
def note_cancel(account, limit, guard, now_ns):  # type: ignore[no-untyped-def]
    """A cancel that passed was sent, or an amend that only shrinks an order."""
    if limit["watches"] & RATES:
        _spend_cancel(guard, limit["cancel_rate"], now_ns)
        _spend_cancel(account, account["cancel_rate"], now_ns)


# ---- fills --------------------------------------------------------------------------------------


@helper
def note_paced_fill(account, limit, guard, ring, side, qty_lots, now_ns):  # type: ignore[no-untyped-def]
    """Count a fill; too many, or too much of them, freezes or disables the symbol."""
    if limit["watches"] & FILLS and _fills_too_often(limit, guard, ring, side, now_ns):
        guard["disabled"] = 1
        _trip(account, limit, guard)
    if limit["watches"] & PROTECTS and _fills_too_much(limit, guard, side, qty_lots, now_ns):
        freeze_ns = limit["freeze_ns"]
        guard["frozen_until_ns"] = FOREVER if freeze_ns == 0 else now_ns + freeze_ns
        guard["protect_lots"] = 0
        guard["protect_delta_lots"] = 0
        guard["protect_start_ns"] = NEVER
        _trip(account, limit, guard)


@verb
def _trip(account, limit, guard):  # type: ignore[no-untyped-def]
    """Latch, and ask for the orders of the symbol to be cancelled."""
    limit["watches"] |= LATCHED
    guard["trip_count"] += 1
    guard["attention"] = 1
    account["attention"] |= SYMBOLS_OPEN


@verb
def _fills_too_often(limit, guard, ring, side, now_ns):  # type: ignore[no-untyped-def]
    """Take a fill into the ring of its side; whether it is one more than may be."""
    number = guard["buy_count"] if side == 0 else guard["sell_count"]
    recents, start = ring[0], ring[1] + SENT_RING + side * FILL_RING
    recents[start + number % FILL_RING]["time_ns"] = now_ns
    if side == 0:
        guard["buy_count"] += 1
    else:
        guard["sell_count"] += 1
    if number < limit["max_fills"]:
        return False
    first_ns = recents[start + (number - limit["max_fills"]) % FILL_RING]["time_ns"]
    return now_ns - first_ns < limit["fill_ns"]


@verb
def _fills_too_much(limit, guard, side, qty_lots, now_ns):  # type: ignore[no-untyped-def]
    """Take a fill into the window that began with the first one; whether a sum reached its limit.

    The next window begins with the first fill after it (Deribit's market maker protection).
    """
    if now_ns - guard["protect_start_ns"] >= limit["protect_ns"]:
        guard["protect_start_ns"] = now_ns
        guard["protect_lots"] = 0
        guard["protect_delta_lots"] = 0
    guard["protect_lots"] += qty_lots
    guard["protect_delta_lots"] += qty_lots if side == 0 else -qty_lots
    much = guard["protect_lots"] >= limit["protect_lots"]
    return much or abs(guard["protect_delta_lots"]) >= limit["protect_delta_lots"]
