"""hftbacktest's side of versus_hftbacktest.py, run in an environment that has it.

Serves over its pipes, one JSON object a line: what is said to `load` stays loaded and compiled, and
each `time` is one run of it from the start, of which the call of the strategy alone is timed.

The rule is stated as hftbacktest's README states one: let an interval elapse, clear what is over,
cancel, submit. Its clock stands one nanosecond before each multiple of the interval, so that it has
seen what came before that instant and nothing of it, as mmjit has; the nanosecond is in the entry
latency. An order's id says when and on which side it was sent.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
from hftbacktest import GTC, LIMIT, BacktestAsset, ROIVectorMarketDepthBacktest
from numba import njit

# What became of an order: its state (order.py), and its fill if it has one.
FATE = np.dtype(
    [
        *(("sent", "i8"), ("price", "i8"), ("status", "i8"), ("exec_price", "i8")),
        *(("exec_ns", "i8"), ("maker", "i8"), ("exec_qty", "f8")),
    ]
)
FAR = 1 << 50  # beyond every price: a side is empty
FIRST_ID = np.uint64(2)  # even to buy, odd to sell, and two more at each interval


@njit
def note(orders, fates):
    """Note where every order stands that is not cleared away yet."""
    values = orders.values()
    while values.has_next():
        order = values.get()
        fate = fates[order.order_id]
        fate["status"] = order.status
        fate["exec_price"] = order.exec_price_tick
        fate["exec_ns"] = order.exch_timestamp
        fate["maker"] = order.arr[0].maker
        fate["exec_qty"] = order.exec_qty


def rule(notes: bool) -> Any:
    """The rule, compiled; with `notes` it keeps what became of every order, else nothing."""

    @njit
    def quote(hbt, begin_ns, every_ns, qty, keeps, fates):
        """Bid and offer at the best: kept where the price is still the best, or always anew."""
        hbt.elapse(0)  # the clock begins with the first row
        if hbt.elapse(begin_ns - 1 - hbt.current_timestamp) != 0:
            return 0
        depth, orders = hbt.depth(0), hbt.orders(0)
        tick_size = depth.tick_size
        bid_tick, ask_tick = -FAR, FAR
        bid_id, ask_id, order_id = np.uint64(0), np.uint64(0), FIRST_ID
        steps = 0
        while True:
            if notes:
                note(orders, fates)
            hbt.clear_inactive_orders(0)
            new_bid_tick, new_ask_tick = depth.best_bid_tick, depth.best_ask_tick
            quotes = new_bid_tick > -FAR and new_ask_tick < FAR
            has_bid = bid_id != 0 and orders.get(bid_id) is not None
            has_ask = ask_id != 0 and orders.get(ask_id) is not None
            keeps_bid = has_bid and keeps and quotes and bid_tick == new_bid_tick
            keeps_ask = has_ask and keeps and quotes and ask_tick == new_ask_tick
            if has_bid and not keeps_bid:
                hbt.cancel(0, bid_id, False)
            if has_ask and not keeps_ask:
                hbt.cancel(0, ask_id, False)
            if quotes and not keeps_bid:
                bid_id, bid_tick = order_id, new_bid_tick
                hbt.submit_buy_order(0, bid_id, bid_tick * tick_size, qty, GTC, LIMIT, False)
                if notes:
                    fates[bid_id]["sent"], fates[bid_id]["price"] = 1, bid_tick
            if quotes and not keeps_ask:
                ask_id, ask_tick = order_id + np.uint64(1), new_ask_tick
                hbt.submit_sell_order(0, ask_id, ask_tick * tick_size, qty, GTC, LIMIT, False)
                if notes:
                    fates[ask_id]["sent"], fates[ask_id]["price"] = 1, ask_tick
            order_id += np.uint64(2)
            steps += 1
            if hbt.elapse(every_ns) != 0:
                if notes:
                    note(orders, fates)
                return steps

    return quote


class Side:
    """What is loaded, and how it is run."""

    def __init__(self, said: dict[str, Any]) -> None:
        rows = np.load(said["file"])
        self.rows = rows["data"] if hasattr(rows, "files") else rows
        self.said = said
        self.quote, self.quote_and_note = rule(False), rule(True)
        priced = self.rows["px"][self.rows["px"] > 0]
        self.range = float(priced.min()), float(priced.max())

    def build(self) -> Any:
        """A backtest that has not begun: their fastest of everything."""
        said = self.said
        one = BacktestAsset().data(self.rows).linear_asset(1.0).trading_value_fee_model(0.0, 0.0)
        one = one.constant_order_latency(said["entry_ns"] + 1, said["response_ns"])
        one = one.tick_size(said["tick_size"]).lot_size(said["lot_size"])
        one = one.roi_lb(self.range[0]).roi_ub(self.range[1]).no_partial_fill_exchange()
        if said["by_order"]:
            one = one.l3_fifo_queue_model()
        else:
            one = one.power_prob_queue_model3(said["power"])
        return ROIVectorMarketDepthBacktest([one])

    def terms(self) -> tuple[Any, ...]:
        """What the rule is told."""
        return tuple(self.said[name] for name in ("begin_ns", "every_ns", "qty", "keeps"))

    def time(self) -> dict[str, Any]:
        """One run; only the call of the strategy is timed."""
        hbt, nothing = self.build(), np.zeros(0, FATE)
        wall, cpu = time.perf_counter(), time.thread_time()
        steps = self.quote(hbt, *self.terms(), nothing)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        position = hbt.position(0)
        hbt.close()
        return {"cpu": cpu, "wall": wall, "steps": steps, "position": position}

    def note(self, out: str) -> dict[str, Any]:
        """One run that keeps what became of every order in a file."""
        said, hbt = self.said, self.build()
        span = int(self.rows["local_ts"].max() - said["begin_ns"])
        fates = np.zeros(2 * (span // said["every_ns"] + 4), FATE)
        steps = self.quote_and_note(hbt, *self.terms(), fates)
        position = hbt.position(0)
        hbt.close()
        np.save(out, fates)
        return {"steps": steps, "position": position}


def main() -> None:
    """Answer what is asked until there is nothing more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what it prints must not get in between
    side: Side | None = None
    for line in sys.stdin:
        said = json.loads(line)
        if said["do"] == "load":
            side = Side(said)
            low, high = side.range
            answer: dict[str, Any] = {"rows": len(side.rows), "low": low, "high": high}
        else:
            assert side is not None
            answer = side.time() if said["do"] == "time" else side.note(said["out"])
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
