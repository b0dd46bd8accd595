"""Every exception of mmjit, and the sentence of every broken rule.

    MmjitError
    ├── InputError            what was given cannot be used           exit code 2
    │   ├── ArgumentError     an argument of a call or of a command
    │   ├── TapeError         a tape folder
    │   ├── FeedError         a foreign file
    │   ├── StateError        a state folder
    │   ├── RunError          a folder that a backtest wrote, or a saved run
    │   ├── StrategyError     a quoting rule or a queue model
    │   └── RefusedError      a call that broke a rule; `status` says which
    └── CheckError            something does not hold that must       exit code 1

A message is one line: the value, the limit, the remedy.
"""

from typing import Final

from mmjit.core.codes import Status


class MmjitError(Exception):
    """The root of them all."""

    exit_code = 1


class InputError(MmjitError):
    """What was given cannot be used."""

    exit_code = 2


class ArgumentError(InputError, ValueError):
    """An argument of a call or of a command is wrong."""


class TapeError(InputError):
    """A tape folder is missing, incomplete or not a tape."""


class FeedError(InputError):
    """A foreign file cannot be read as what it was said to be."""


class StateError(InputError):
    """A state folder is missing, in use, damaged or of another layout."""


class RunError(InputError):
    """The folder of a backtest, or a saved run, is missing, damaged or of another version."""


class StrategyError(InputError):
    """A quoting rule or a queue model cannot be found, compiled or given these parameters."""


class RefusedError(InputError):
    """A call that broke a rule; nothing was changed."""

    def __init__(self, status: Status, detail: str = "") -> None:
        self.status = status
        super().__init__(f"{status.name.lower()}: {detail or RULES[status]}")


class CheckError(MmjitError):
    """Something does not hold that must always hold."""


RULES: Final[dict[Status, str]] = {
    Status.OK: "nothing is wrong",
    Status.KIND_UNKNOWN: "the kind of event is not one the book knows; see mmjit.Kind",
    Status.TIME_IN_FORCE_UNKNOWN: "a time in force is one of mmjit.TimeInForce",
    Status.SELF_TRADE_UNKNOWN: "self-trade prevention is one of mmjit.SelfTrade",
    Status.TERMS_CONFLICT: "terms of the order exclude each other, or are not for this command",
    Status.RECORD_MISSING: "the command needs a second record, of kind MORE and flagged LAST",
    Status.SYMBOL_UNKNOWN: "no instrument has this symbol number; configure it first",
    Status.SYMBOL_IN_USE: "the symbol has price levels; clear it before it is configured again",
    Status.SYMBOL_HALTED: "the symbol is halted or paused; it takes no new orders",
    Status.SIDE_UNKNOWN: "a side is 0 (bid) or 1 (ask)",
    Status.QUOTE_UNKNOWN: "a quote has side 0 or 1 and level 0 to 7",
    Status.SESSION_CLOSED: "a day order needs an open session; begin one with start_session",
    Status.QTY_NOT_POSITIVE: "a quantity is at least 1 lot (0 only to remove an L2 level)",
    Status.QTY_TOO_LARGE: "more than the slab holds; create the state with --qty-bits 64",
    Status.LEVEL_QTY_TOO_LARGE: "the quantities at one price would pass 2**62 - 1 lots",
    Status.DISPLAY_OUT_OF_RANGE: "an iceberg shows from 1 lot to all of its quantity",
    Status.EXPIRY_PAST: "the order would expire before it arrives; give a later time",
    Status.PRICE_OUT_OF_RANGE: "the price is outside price_min..price_max; configure it wider",
    Status.PRICE_OFF_INCREMENT: "the price is not on the increment; configure a smaller one",
    Status.PRICE_MAX_BELOW_MIN: "price_max is below price_min; exchange them",
    Status.PRICE_SPAN_TOO_WIDE: (
        "price_min..price_max passes 2**62 - 1 or 2**48 increments; narrow it"
    ),
    Status.INCREMENT_NOT_POSITIVE: "an increment is at least 1 price unit",
    Status.PRICE_OFF_TICK: "the price is not on the instrument's tick; round it with `behind`",
    Status.NOTIONAL_TOO_LARGE: "the position could pass what the account counts exactly (2**60)",
    Status.OUTSIDE_WINDOW: "the price is outside the levels that the tape shows; quote closer",
    Status.RULE_RESTLESS: "asked 1,000 times at one instant; keep quotes, or give requests time",
    Status.ORDER_ID_ZERO: "an order id is any 64-bit pattern but 0",
    Status.ORDER_ID_DUPLICATE: "an order with this id rests already; delete or replace it",
    Status.ORDER_ID_UNKNOWN: "no order with this id rests here",
    Status.ORDER_OF_OTHER_SYMBOL: "the order with this id rests in another symbol's book",
    Status.HANDLE_OUT_OF_RANGE: "the handle is outside the region reserved for the tape",
    Status.HANDLE_TAKEN: "an order rests already in the slot of this handle",
    Status.ORDER_OF_OTHER_OWNER: "the order with this id belongs to another owner",
    Status.ACCOUNT_UNKNOWN: "there is no such account; create the venue with more accounts",
    Status.ORDER_POOL_EXHAUSTED: "every order slot is taken; create the state with more --orders",
    Status.LEVEL_POOL_EXHAUSTED: "every page of prices is taken; create it with more --pages",
    Status.ALARM_POOL_EXHAUSTED: "no more orders can expire by the clock; give more --alarms",
    Status.LADDER_EXHAUSTED: "the ladder has no room for a price; create it with more --pages",
    Status.TRADE_RING_FULL: "the ring of trades may not hold what could trade; drain it",
    Status.FILL_RING_FULL: "the ring of fills may not hold what could trade; drain it",
    Status.LEVEL_HAS_ORDERS: "the level is made of orders and cannot be set as a whole",
    Status.LEVEL_HAS_NO_ORDERS: "the level was set as a whole and cannot take an order",
    Status.POST_ONLY_WOULD_TRADE: "a post-only order would trade at once; price it further away",
    Status.SELF_CROSS: "the order would meet an order of our own",
    Status.FILL_OR_KILL_UNFILLED: "the whole quantity cannot trade at once",
    Status.LOST_ON_THE_WAY: "the request never reached the venue; send it again",
    Status.OVER_EXECUTION: "more than is left of the order was to be executed",
    Status.OVER_REDUCTION: "more than is left of the order was to be cancelled",
    Status.KILL_SWITCH: "the kill switch of the account was pulled; disarm it, then resume",
    Status.KILL_SWITCH_ARMED: "a pulled kill switch is reset in two steps; disarm it first",
    Status.MAX_ORDER_QTY: "the order is larger than max_order_qty allows",
    Status.MAX_ORDER_NOTIONAL: "price times quantity would pass max_order_notional",
    Status.PRICE_COLLAR: "the price is further from the market than the collar allows",
    Status.REFERENCE_MISSING: "a collar needs a market: both sides, or a last trade",
    Status.MAX_POSITION: "position and open orders of all symbols would pass max_position",
    Status.MAX_LONG: "position and open buy orders would pass max_long",
    Status.MAX_SHORT: "position and open sell orders would pass max_short",
    Status.MAX_OPEN_ORDERS: "as many orders are open as max_open_orders allows",
    Status.REDUCE_ONLY: "a reduce-only order must bring the position nearer to zero",
    Status.RESTRICTED: "the account may not do this in the symbol; see `restricted` of its limits",
    Status.MAX_VOLUME_SHARE: "the order is larger than its share of a day's volume may be",
    Status.MAX_DEPTH_SHARE: "the order is larger than its share of what the other side shows",
    Status.MAX_OPEN_QTY: "the open orders of the side would pass max_open_qty",
    Status.MAX_GROSS: "positions and open orders would be worth more than max_gross",
    Status.CREDIT: "the margin of positions and open orders would pass the credit",
    Status.MESSAGE_RATE: "messages are sent faster than order_rate or cancel_rate; wait",
    Status.REPEATED_ORDER: "too many orders like this one were sent of late; see max_repeats",
    Status.REPEATED_EXECUTION: "the symbol was filled too often and is disabled; acknowledge it",
    Status.PROTECTION: "market maker protection has frozen the symbol; wait, or acknowledge it",
    Status.MARKET_STALE: "what is known of the market is older than max_market_age, or has a gap",
    Status.MARKET_CROSSED: "the best bid is above the best ask; wait for a valid market",
    Status.MAX_DAILY_LOSS: "max_daily_loss was reached; only orders that reduce are let in",
    Status.MAX_DRAWDOWN: "max_drawdown was reached; only orders that reduce are let in",
}


def check(result: int) -> int:
    """Return what a kernel returned, or raise the exception of the rule it names."""
    if result < 0:
        raise RefusedError(Status(result))
    return result
