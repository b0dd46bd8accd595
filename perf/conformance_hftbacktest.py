"""A conformance case as hftbacktest plays it; run by conformance.py in an environment that has it.

The classes of its binding are called as they are, uncompiled: nothing here needs speed. An order is
looked at after every time at which something can have happened to it; what was filled is what its
own record says then.
"""

import ctypes
from typing import Any

import numpy as np
from hftbacktest import GTC, GTX, LIMIT, MARKET, BacktestAsset, binding, order, types
from hftbacktest import build_hashmap_backtest as build

from tests.conformance_format import Case, Row

# The classes are wrapped by a compiler; these are they, unwrapped.
Hft, Depth = binding.HashMapMarketDepthBacktest, binding.HashMapMarketDepth

START_NS = 1_000_000  # it takes a time of 0 for none
PAD = 1_000_000_000  # an order id that no case uses
PAD_PRICE = 1
PRICE_LAST = 1 << 40  # beyond: no price at all
SIDE_FLAG = {"bid": types.BUY_EVENT, "ask": types.SELL_EVENT}
WAY_FLAG = {"buy": types.BUY_EVENT, "sell": types.SELL_EVENT}
STATES = {
    order.NONE: "unanswered",
    order.NEW: "resting",
    order.EXPIRED: "expired",
    order.FILLED: "filled",
    order.CANCELED: "cancelled",
    order.PARTIALLY_FILLED: "resting",
    order.REJECTED: "rejected",
}
TIME_IN_FORCE = {"gtc": GTC, "ioc": order.IOC, "fok": order.FOK}


UNTRADED = (order.NONE, order.NEW, order.REJECTED, order.CANCELED)


class UnsupportedError(Exception):
    """hftbacktest has no word for what a case is about."""


def play(case: Case, model: str) -> Case:
    """Play a case; `model` is partial or no-partial.

    Raises:
        UnsupportedError: it cannot be said to hftbacktest.
    """
    refuse_what_it_cannot_say(case, model)
    rows = feed(case)
    run = Run(case, Hft(build([asset(case, model, rows)])), walks=model == "partial")
    for t_ns in run.times():
        if not run.go_to(t_ns):
            break
        run.look()
        for action in [row for row in case["actions"] if row["t_ns"] == t_ns]:
            run.send(action)
        if not run.go_to(t_ns):  # what needs no time is done
            break
        run.look()
    return run.result()


def refuse_what_it_cannot_say(case: Case, model: str) -> None:
    """Raise where a case needs what hftbacktest does not have."""
    if case["tape"] == "L3" and model == "partial":
        raise UnsupportedError("no partial fills on L3")
    kinds = {row["type"] for row in case["events"]}
    for kind, name in (("status", "trading status"), ("funding", "funding")):
        if kind in kinds:
            raise UnsupportedError(f"no {name}")
    if any(row.get("auction") for row in case["events"]):
        raise UnsupportedError("no auctions")
    if "price_min" in case["instrument"]:
        raise UnsupportedError("no range of prices")
    for row in case["actions"]:
        if row.get("reduce_only"):
            raise UnsupportedError("no reduce-only")
        if row.get("tif") == "day":
            raise UnsupportedError("no day orders")


# ---- the tape -----------------------------------------------------------------------------------


def asset(case: Case, model: str, rows: Any) -> Any:
    """What is traded, by which rules; `rows` must outlive the run, for only its address is kept."""
    latency = case["latency_ns"]
    one = BacktestAsset().data(rows).linear_asset(1.0).trading_value_fee_model(0.0, 0.0)
    one = one.constant_order_latency(latency["entry"], latency["response"])
    one = one.tick_size(1.0).lot_size(1.0)
    if case["tape"] == "L3":
        return one.l3_fifo_queue_model().no_partial_fill_exchange()
    one = one.risk_adverse_queue_model()
    return one.partial_fill_exchange() if model == "partial" else one.no_partial_fill_exchange()


def feed(case: Case) -> Any:
    """The events as rows of hftbacktest, with a row before and after that changes nothing."""
    last_ns = max([row["t_ns"] for row in [*case["events"], *case["actions"]]])
    lines = [pad(case, 0, -1)]
    known: dict[int, list[Any]] = {}
    for row in case["events"]:
        lines += [(row["t_ns"], *line) for line in translate(row, known)]
    lines.append(pad(case, 1, last_ns + 1_000_000))
    rows = np.zeros(len(lines), types.event_dtype)
    for place, (t_ns, flags, price, qty, order_id) in enumerate(lines):
        rows[place]["ev"] = flags | types.EXCH_EVENT | types.LOCAL_EVENT
        rows[place]["exch_ts"] = START_NS + t_ns
        rows[place]["local_ts"] = START_NS + t_ns + case["latency_ns"]["feed"] * (t_ns >= 0)
        rows[place]["px"], rows[place]["qty"], rows[place]["order_id"] = price, qty, order_id
    return rows


def pad(case: Case, number: int, t_ns: int) -> tuple[int, int, int, int, int]:
    """A row far from everything."""
    if case["tape"] == "L3":
        flags = types.ADD_ORDER_EVENT | types.BUY_EVENT
        return (t_ns, flags, PAD_PRICE, 1, PAD + number)
    return (t_ns, types.DEPTH_EVENT | types.BUY_EVENT, PAD_PRICE, number, 0)


def translate(row: Row, known: dict[int, list[Any]]) -> list[tuple[int, int, int, int]]:
    """Flags, price, quantity and order id of the rows that say an event."""
    if row["type"] == "level":
        return [(types.DEPTH_EVENT | SIDE_FLAG[row["side"]], row["price"], row["qty"], 0)]
    if row["type"] == "trade":
        return [(types.TRADE_EVENT | WAY_FLAG[row["aggressor"]], row["price"], row["qty"], 0)]
    if row["type"] == "add":
        known[row["id"]] = [SIDE_FLAG[row["side"]], row["price"], row["qty"]]
        side, price, qty = known[row["id"]]
        return [(types.ADD_ORDER_EVENT | side, price, qty, row["id"])]
    one = known[row["id"]]
    lines = []
    if row["type"] == "execute":  # the fill, and then what it leaves
        lines.append((types.FILL_EVENT | one[0], one[1], row["qty"], row["id"]))
    if row["type"] == "modify":
        one[1:] = row["price"], row["qty"]
    else:
        one[2] -= row.get("qty", one[2])
    kind = types.MODIFY_ORDER_EVENT if one[2] else types.CANCEL_ORDER_EVENT
    return [*lines, (kind | one[0], one[1], one[2], row["id"])]


# ---- the run ------------------------------------------------------------------------------------


class Run:
    """One run, and what was seen of it so far."""

    def __init__(self, case: Case, hft: Any, walks: bool) -> None:
        self.case, self.hft, self.walks = case, hft, walks
        names = dict.fromkeys(row["id"] for row in case["actions"])
        self.ids = {name: place + 1 for place, name in enumerate(names)}
        self.filled = dict.fromkeys(case["orders"], 0)
        self.told: dict[str, tuple[Any, ...]] = {}
        submits = [row for row in case["actions"] if row["do"] == "submit"]
        self.left = {row["id"]: number(row["qty"]) for row in submits}
        self.states = dict.fromkeys(case["orders"], "unanswered")
        self.fills: list[Row] = []
        self.seen: list[Row] = []
        self.stopped = ""
        self.hft.elapse_bt(0)  # its clock begins with the first row

    def times(self) -> list[int]:
        """Every time at which something happens, or is heard of."""
        latency = self.case["latency_ns"]
        at = {row["t_ns"] for row in [*self.case["events"], *self.case["actions"]]}
        at |= {row["t_ns"] + latency["entry"] for row in self.case["actions"]}
        at |= {t_ns + latency[way] for t_ns in at for way in ("response", "feed")}
        at |= {row["t_ns"] for row in self.case.get("seen", [])}
        return sorted(at | {max(at) + 1})

    def go_to(self, t_ns: int) -> bool:
        """Let time go on; False if hftbacktest stopped."""
        code = self.hft.elapse_bt(START_NS + t_ns - self.hft.current_timestamp)
        if code != 0:
            self.stopped = f"stopped with code {code} at {t_ns}"
            return False
        for row in self.case.get("seen", [])[len(self.seen) :]:
            if row["t_ns"] != t_ns:
                break
            seen = {"t_ns": t_ns, "position": number(self.hft.position(0))} | self.bests()
            self.seen.append({name: seen[name] for name in row})
        return True

    def bests(self) -> dict[str, list[int] | None]:
        """What the desk takes for the best levels."""
        depth = Depth(binding.hashmapbt_depth(self.hft.ptr, 0))
        found: dict[str, list[int] | None] = {}
        for side, price, qty in (
            ("bid", depth.best_bid_tick, depth.best_bid_qty),
            ("ask", depth.best_ask_tick, depth.best_ask_qty),
        ):
            there = PAD_PRICE < price < PRICE_LAST and qty > 0
            found[side] = [int(price), int(qty)] if there else None
        return found

    def send(self, row: Row) -> None:
        """Send what the desk does."""
        order_id = self.ids[row["id"]]
        if row["do"] == "cancel":
            self.hft.cancel(0, order_id, False)  # what it says of an unknown one is its affair
        elif row["do"] == "amend":
            if self.hft.modify(0, order_id, row["price"], row["qty"], False) == 0:
                self.left[row["id"]] = row["qty"]
        else:
            submit = self.hft.submit_buy_order
            if row["side"] == "sell":
                submit = self.hft.submit_sell_order
            kind = MARKET if row["price"] is None else LIMIT
            price = 0.0 if row["price"] is None else float(row["price"])
            terms = GTX if row.get("post_only") else TIME_IN_FORCE[row["tif"]]
            if submit(0, order_id, price, float(row["qty"]), terms, kind, False) != 0:
                self.states[row["id"]] = "rejected"

    def look(self) -> None:
        """See what became of our orders."""
        orders = binding.hashmapbt_orders(self.hft.ptr, 0)
        for name in self.case["orders"]:
            address = binding.orders_get(orders, self.ids[name])
            if address is None:
                continue
            one = record(address, types.order_dtype)
            self.states[name] = self.state(name, int(one["status"]))
            told = (int(one["exch_timestamp"]), number(one["leaves_qty"]))
            if one["status"] in UNTRADED or not one["exec_qty"] or told == self.told.get(name):
                continue
            last = lots = number(one["exec_qty"])
            if self.walks and not one["maker"]:  # of a fill at each level only the last is told
                lots = self.left[name] - told[1]
            self.told[name] = told
            self.left[name] -= lots
            self.filled[name] += lots
            self.note(name, one, int(one["exec_price_tick"]), last)
            self.note(name, one, None, lots - last)

    def note(self, name: str, one: Any, price: int | None, lots: int) -> None:
        if lots:
            self.fills.append(
                {
                    "t_ns": int(one["exch_timestamp"]) - START_NS,
                    "id": name,
                    "price": price,
                    "qty": lots,
                    "liquidity": "maker" if one["maker"] else "taker",
                }
            )

    def state(self, name: str, status: int) -> str:
        """The word for a state; it has one for all that ends unasked, which is taken for ours."""
        expected = self.case["orders"][name]["state"]
        if status == order.EXPIRED and expected in ("cancelled", "rejected", "expired"):
            return str(expected)
        return STATES.get(status, "unknown")

    def result(self) -> Case:
        """What it did, in the form of a case."""
        return {
            "fills": self.fills,
            "orders": {
                name: {"state": self.states[name], "filled": self.filled[name]}
                for name in self.case["orders"]
            },
            "position": number(self.hft.position(0)),
            "seen": self.seen,
            "stopped": self.stopped,
        }


def number(value: Any) -> Any:
    """A whole number as an int."""
    value = float(value)
    return int(value) if value.is_integer() else value


def record(address: int, dtype: Any) -> Any:
    """A copy of a record of hftbacktest's memory."""
    return np.frombuffer(ctypes.string_at(address, dtype.itemsize), dtype)[0]
