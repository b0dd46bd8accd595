"""What the tests of the venue are drawn with: tiny venues, commands, and looks at what they did."""

from typing import Any

import numpy as np

from mmjit.core.bound import Bound
from mmjit.core.codes import ASK, BID, NIL, Flag, Kind, Status, Term, TimeInForce
from mmjit.core.records import COMMAND
from mmjit.core.state import Counts, VenueCounts, configure_symbol, memory_venue
from mmjit.core.tables import TIERS
from mmjit.core.venue import submit_all
from tests import builders as b
from tests.naive_book import Event, plain
from tests.naive_risk import MONEY_MAX
from tests.naive_venue import KINDS, NaiveVenue, Rings

PRICE_MAX = 1 << 20
TERMS = {
    "maker_fee": 0,
    "taker_fee": 0,
    "fee_scale": 1,
    "point_pico": 10**12,
    "qty_lots_max": (1 << 31) - 1,
    "points_max": MONEY_MAX,
}


# ---- venues ---------------------------------------------------------------------------------


def tiny_venue(
    orders: int = 8,
    pages: int = 6,
    symbols: int = 2,
    accounts: int = 2,
    currencies: int = 1,
    lines: int = 64,
    fill_lines: int = 0,
    wide: bool = False,
    rungs: int = NIL,
    salt: int = 7,
    alarms: int = NIL,
) -> Any:
    """An empty venue whose symbols all take prices 0 to 2**20, without fees and limits.

    `lines` of trades and, unless `fill_lines` says otherwise, of fills wait to be drained.
    """
    counts = Counts(symbols, orders, pages, rungs, wide)
    sizes = {"trades": lines, "fills": fill_lines or lines, "alarms": alarms}
    venue = memory_venue(VenueCounts(counts, accounts, currencies, **sizes), salt)
    for symbol in range(symbols):
        assert configure_symbol(venue.book, symbol, 0, PRICE_MAX, 1) == Status.OK
        set_terms(venue, symbol, **TERMS)
    return venue


def set_terms(venue: Any, symbol: int = 0, **fields: int) -> None:
    for name, value in fields.items():
        venue.ledger.terms[symbol][name] = value


def set_schedule(venue: Any, symbol: int = 0) -> None:
    """Fees of every kind besides maker and taker, in two tiers; the scale is not 1 at best."""
    lots = {"maker_per_lot": 4, "taker_per_lot": -9, "maker_per_fill": 11, "taker_per_fill": 25}
    by_side = {"buyer_fee": 6, "seller_fee": -1}
    set_terms(
        venue,
        symbol,
        scheduled=1,
        lot_fee_pico=9,
        fill_fee_pico=26,
        tier_count=2,
        **lots,
        **by_side,
    )
    for number, (turnover, maker, taker) in enumerate([(500, -3, 2), (2_000, 1, -5)]):
        tier = venue.ledger.tiers[symbol * TIERS + number]
        tier["turnover"], tier["maker_fee"], tier["taker_fee"] = turnover, maker, taker


def set_limits(venue: Any, owner: int = 0, symbol: int = 0, **fields: int) -> None:
    """Limits of an account in one symbol."""
    for name, value in fields.items():
        position_of(venue, owner, symbol)  # there is such a row
        venue.ledger.limits[owner * len(venue.book.symbols) + symbol][name] = value


def set_account(venue: Any, owner: int = 0, **fields: int) -> None:
    for name, value in fields.items():
        venue.ledger.accounts[owner][name] = value


def set_losses(venue: Any, owner: int = 0, currency: int = 0, **units: int) -> None:
    """Loss limits of an account, `max_daily_loss=5` for five units of the currency."""
    row = total_of(venue, owner, currency)
    for name, value in units.items():
        row[f"{name}_units"] = value
        row[f"{name}_half_pico"] = 0


def twin_of(venue: Any) -> NaiveVenue:
    """An empty naive venue that was set up as this one is."""
    book = venue.book
    rings = Rings(len(venue.trades), len(venue.fills))
    wide = book.nodes.itemsize == 32
    sizes = (len(book.symbols), len(book.orders), len(book.masks), len(book.rungs))
    naive = NaiveVenue(*sizes, wide, rings, len(venue.alarms))
    for symbol, record in enumerate(book.symbols):
        if record["price_max"] >= record["price_min"]:
            limits = (int(record[n]) for n in ("price_min", "price_max", "increment"))
            naive.configure(symbol, *limits)
    naive.adopt(venue.ledger)
    return naive


# ---- commands -------------------------------------------------------------------------------


def command(kind: int, *more: Any, **fields: int) -> Any:
    """A COMMAND in an array, and what follows it; `at` is its time, nobody its owner."""
    one = np.zeros(1, COMMAND)
    one["kind"] = kind
    one["owner"] = NIL
    one["flags"] = 0 if more else Flag.LAST
    if "at" in fields:
        fields["venue_ns"] = fields.pop("at")
    for name, value in fields.items():
        one[name] = value
    return np.concatenate([one, *more])


def behind(**fields: int) -> Any:
    """The second record of a command."""
    return command(Kind.MORE, **fields)


def new(
    order_id: int,
    side: int,
    price: int,
    qty_lots: int,
    display: int = 0,
    expiry: int = 0,
    **more: int,
) -> Any:
    """An order; one that is an iceberg or expires has a second record."""
    named = {"order_id": order_id, "side": side, "price": price, "qty_lots": qty_lots}
    if expiry:
        more["tif"] = TimeInForce.GTD
    if display or expiry:
        return command(Kind.NEW, behind(qty_lots=display, venue_ns=expiry), **named, **more)
    return command(Kind.NEW, **named, **more)


def buy(order_id: int, price: int, qty_lots: int, **more: int) -> Any:
    return new(order_id, BID, price, qty_lots, **more)


def sell(order_id: int, price: int, qty_lots: int, **more: int) -> Any:
    return new(order_id, ASK, price, qty_lots, **more)


def market(order_id: int, side: int, qty_lots: int, **more: int) -> Any:
    terms = more.pop("terms", 0) | Term.MARKET
    return new(order_id, side, 0, qty_lots, terms=terms, **more)


def amend(order_id: int, price: int, qty_lots: int, new_id: int = 0, **more: int) -> Any:
    named = {"order_id": order_id, "other_id": new_id, "price": price, "qty_lots": qty_lots}
    return command(Kind.AMEND, **named, **more)


def cancel(order_id: int, qty_lots: int = 0, **more: int) -> Any:
    return command(Kind.CANCEL, order_id=order_id, qty_lots=qty_lots, **more)


def cancel_all(owner: int, symbol: int = NIL, side: int = NIL, **more: int) -> Any:
    return command(Kind.CANCEL_ALL, owner=owner, symbol=symbol, side=side, **more)


def quote(bid: tuple[int, int, int], ask: tuple[int, int, int], **more: int) -> Any:
    """A bid and an ask: id, price, quantity."""
    names = ("order_id", "price", "qty_lots")
    second = behind(**dict(zip(names, ask, strict=True)))
    return command(Kind.QUOTE, second, **dict(zip(names, bid, strict=True)), **more)


def take(side: int, price: int, qty_lots: int, order_id: int = 0, **more: int) -> Any:
    named = {"order_id": order_id, "side": side, "price": price, "qty_lots": qty_lots}
    return command(Kind.TAKE, **named, **more)


def timer(at: int) -> Any:
    return command(Kind.TIMER, at=at)


def status(trading_status: int, symbol: int = 0, **more: int) -> Any:
    return command(Kind.STATUS, qty_lots=trading_status, symbol=symbol, **more)


def stream(*commands: Any) -> Any:
    """Commands one after another."""
    return np.concatenate([np.zeros(0, COMMAND), *commands])


# ---- doing them -----------------------------------------------------------------------------


def size_of(one: Any) -> int:
    """Of how many records the first command is; one that is none counts as one."""
    head = one[0]
    if head["kind"] not in KINDS or head["flags"] & Flag.LAST or len(one) < 2:
        return 1
    return 2 if one[1]["kind"] == Kind.MORE and one[1]["flags"] & Flag.LAST else 1


def submit(venue: Any, one: Any) -> int:
    """Do the first command; of a quote, the first status below 0 or the sum."""
    statuses = np.zeros(size_of(one), np.int64)
    submit_all(Bound(venue), one[: len(statuses)], 0, statuses)
    if one[0]["kind"] == Kind.QUOTE and statuses[0] >= 0:
        return int(min(statuses) if min(statuses) < 0 else statuses.sum())
    return int(statuses[0])


def do(venue: Any, *commands: Any) -> list[int]:
    """Do commands that must all be accepted; returns what each of them returned."""
    results = [submit(venue, one) for one in commands]
    assert min(results, default=0) >= 0, results
    return results


def submit_many(venue: Any, commands: Any, start: int = 0) -> tuple[int, list[int]]:
    """Do many at once; returns how far it came and the status of each record (77: none)."""
    statuses = np.full(len(commands), 77, np.int64)
    reached = int(submit_all(Bound(venue), commands, start, statuses))
    return reached, statuses.tolist()


def rest(
    venue: Any, side: int, owner: int = NIL, symbol: int = 0, **prices: list[int]
) -> list[int]:
    """Rest orders, `t12=[5, 3]` for two at price 12, and return their ids in that order."""
    ids = []
    for name, qtys in prices.items():
        for qty_lots in qtys:
            order_id = max(b.indexed_ids(venue.book)) + 1
            one = new(order_id, side, int(name[1:]), qty_lots, owner=owner, symbol=symbol)
            assert submit(venue, one) == 0
            ids.append(order_id)
    return ids


# ---- what came of it ------------------------------------------------------------------------


def queue(venue: Any, side: int, price: int, symbol: int = 0) -> list[tuple[int, int]]:
    """Id and shown quantity of the orders at a price, first in the queue first."""
    return b.queue_at(venue.book, 2 * symbol + side, price)


def depth(venue: Any, side: int, symbol: int = 0) -> list[tuple[int, int]]:
    """Price and quantity of the levels of a side, best first."""
    return [(price, qty_lots) for price, qty_lots, _ in b.depth_of(venue.book, 2 * symbol + side)]


def told(venue: Any) -> tuple[int, int, int]:
    """What was filled, rests and was prevented, of the last order that was accepted."""
    control = venue.control[0]
    return tuple(int(control[f"{name}_lots"]) for name in ("filled", "rested", "prevented"))  # type: ignore[return-value]


def lines(ring: Any, tail: int, head: int) -> list[Event]:
    return [plain(ring[number & (len(ring) - 1)]) for number in range(int(tail), int(head))]


def drain(venue: Any) -> tuple[list[Event], list[Event]]:
    """The trades and the fills since the last time."""
    control = venue.control[0]
    trades = lines(venue.trades, control["trade_tail"], control["trade_head"])
    fills = lines(venue.fills, control["fill_tail"], control["fill_head"])
    control["trade_tail"], control["fill_tail"] = control["trade_head"], control["fill_head"]
    for line in trades:
        assert line.pop("pad") == line.pop("pad2") == 0
    return trades, fills


def traded(venue: Any) -> list[tuple[int, int, int]]:
    """Maker, price and quantity of the trades since the last time."""
    return [(t["maker_id"], t["price"], t["qty_lots"]) for t in drain(venue)[0]]


def position_of(venue: Any, owner: int = 0, symbol: int = 0) -> Any:
    symbols = len(venue.book.symbols)
    assert 0 <= symbol < symbols
    return venue.ledger.positions[owner * symbols + symbol]


def held(venue: Any, owner: int = 0, symbol: int = 0) -> int:
    return int(position_of(venue, owner, symbol)["position_lots"])


def open_lots(venue: Any, owner: int = 0, symbol: int = 0) -> tuple[int, int]:
    """Lots of an account that are open to buy and to sell."""
    position = position_of(venue, owner, symbol)
    return int(position["open_buy_lots"]), int(position["open_sell_lots"])


def total_of(venue: Any, owner: int = 0, currency: int = 0) -> Any:
    currencies = len(venue.ledger.totals) // len(venue.ledger.accounts)
    return venue.ledger.totals[owner * currencies + currency]


def bytes_of(venue: Any) -> dict[str, bytes]:
    """The bytes of every array but for counts of commands, refusals, and the last report."""
    flat = b.bytes_of(venue.book)
    for name in ("details", "alarms", "trades", "fills"):
        flat[name] = getattr(venue, name).tobytes()
    control = venue.control.copy()
    for name in ("command_count", "filled_lots", "rested_lots", "prevented_lots", "best_moved"):
        control[name] = 0
    flat["control"] = control.tobytes()
    for name, array in venue.ledger._asdict().items():
        flat[f"ledger.{name}"] = array.tobytes()
    return flat
