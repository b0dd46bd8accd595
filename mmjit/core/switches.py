"""What ends and begins the states of an account: sessions, releases, the kill switch.

A kill switch is a word in memory that other processes may share; whoever holds the account's
orders acts on it (`is_pulled`, `pull_kill`). It goes up by itself and comes down in two steps,
`disarm` and then `resume`.
"""

import numpy as np

from mmjit.core.codes import KillLevel, Mode, Status
from mmjit.core.jit import kernel, verb
from mmjit.core.ledger import ORDERS_OPEN, has_account, place_status, raise_mode, row_of
from mmjit.core.pacing import LATCHED


@kernel
def start_session(ledger, owner, reset_peak):  # type: ignore[no-untyped-def]
    """Count the day's figures of an account from its equity as last marked. Returns a status.

    Args:
        ledger: the accounts.
        owner: the account.
        reset_peak: whether the drawdown is counted from there too.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    for symbol in range(len(ledger.terms)):
        position = ledger.positions[row_of(ledger, owner, symbol)]
        position["day_start_twice"] = position["equity_twice"]
        if reset_peak:
            position["peak_twice"] = position["equity_twice"]
            position["drawdown_twice"] = 0
    currencies = len(ledger.totals) // len(ledger.accounts)
    for row in range(owner * currencies, (owner + 1) * currencies):
        _start_total(ledger.totals[row], reset_peak)
    account = ledger.accounts[owner]
    over = account["cause"] == Status.MAX_DAILY_LOSS
    if reset_peak and account["cause"] == Status.MAX_DRAWDOWN:
        over = True
    if account["mode"] == Mode.REDUCE_ONLY and over:
        _lower_mode(account)
    return Status.OK


@verb
def _start_total(total, reset_peak):  # type: ignore[no-untyped-def]
    """Count a total's day, and its drawdown if asked, from its equity."""
    total["day_start_units"] = total["equity_units"]
    total["day_start_half_pico"] = total["equity_half_pico"]
    if reset_peak:
        total["peak_units"] = total["equity_units"]
        total["peak_half_pico"] = total["equity_half_pico"]
        total["drawdown_units"] = 0
        total["drawdown_half_pico"] = 0


@verb
def _lower_mode(account):  # type: ignore[no-untyped-def]
    """Let an account trade again; its limits are judged anew at the next mark."""
    account["mode"] = Mode.NORMAL
    account["cause"] = Status.OK


@kernel
def release(ledger, owner):  # type: ignore[no-untyped-def]
    """Let an account that reached a loss limit trade again. Returns a status.

    Its limits are judged anew at the next mark: raise them, or it trips again.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["mode"] == Mode.REDUCE_ONLY and account["cause"] != Status.KILL_SWITCH:
        _lower_mode(account)
    return Status.OK


@kernel
def acknowledge(ledger, owner, symbol):  # type: ignore[no-untyped-def]
    """Let an account trade again in a symbol that was frozen or disabled. Returns a status."""
    status = place_status(ledger, owner, symbol)
    if status < 0:
        return status
    row = row_of(ledger, owner, symbol)
    guard = ledger.guards[row]
    guard["disabled"] = 0
    guard["frozen_until_ns"] = 0
    guard["buy_count"] = 0
    guard["sell_count"] = 0
    ledger.limits[row]["watches"] &= ~LATCHED
    return Status.OK


# ---- the kill switch ------------------------------------------------------------------------


@verb
def level_of_kill(account):  # type: ignore[no-untyped-def]
    """What a pulled kill switch is to do: a KillLevel; 0 while it is not pulled."""
    if account["kill"] == 0:
        return np.int64(0)
    level = account["kill_level"]
    if level < KillLevel.BLOCK_NEW or level > KillLevel.FLATTEN:
        return np.int64(KillLevel.CANCEL_ALL)  # who pulled it said nothing of the kind
    return np.int64(level)


@verb
def is_pulled(account):  # type: ignore[no-untyped-def]
    """Whether a kill switch was pulled, or further, and nobody has acted on it so far."""
    return level_of_kill(account) > account["killed_level"]


@kernel
def pull_kill(ledger, owner, level, now_ns):  # type: ignore[no-untyped-def]
    """Pull the kill switch of an account, or act on one that was pulled. Returns a status.

    Args:
        ledger: the accounts.
        owner: the account.
        level: a KillLevel; 0: the one that stands there. A lower one than it has leaves it there.
        now_ns: the time.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    level = max(level_of_kill(account), level)
    if level == 0:
        level = np.int64(KillLevel.CANCEL_ALL)
    account["kill_level"] = level
    account["kill"] = 1
    if level > account["killed_level"]:
        account["killed_level"] = level
        mode = np.int64(Mode.FROZEN)
        if level == KillLevel.BLOCK_NEW:
            mode = np.int64(Mode.CANCEL_ONLY)
        elif level == KillLevel.FLATTEN:
            mode = np.int64(Mode.REDUCE_ONLY)
        raise_mode(account, mode, Status.KILL_SWITCH, now_ns)
    if level > KillLevel.BLOCK_NEW:
        account["attention"] |= ORDERS_OPEN
    return Status.OK


@kernel
def disarm(ledger, owner):  # type: ignore[no-untyped-def]
    """The first step out of a pulled kill switch: ask for its reset. Returns a status."""
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["kill"] == 1:
        account["kill"] = 2
    return Status.OK


@kernel
def resume(ledger, owner):  # type: ignore[no-untyped-def]
    """The second step: let the account trade again. Returns a status, KILL_SWITCH_ARMED if first.

    Loss limits are judged anew at the next mark.
    """
    if not has_account(ledger, owner):
        return Status.ACCOUNT_UNKNOWN
    account = ledger.accounts[owner]
    if account["kill"] == 1:
        return Status.KILL_SWITCH_ARMED
    if account["kill"] == 2:
        account["kill"] = 0
        account["kill_level"] = 0
        account["killed_level"] = 0
        _lower_mode(account)
    return Status.OK
