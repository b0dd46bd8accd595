"""Both sides of versus_hftbacktest.py as things that run: ours here, any other behind a pipe."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from versus_markets import EVERY_NS, Market
from versus_rule import at_best

from mmjit import Kind, Latency, start_backtest
from mmjit.outcome import Backtest

LATENCY_NS = 1_000_000  # of a request, and of an answer
POWER = 3.0  # of the queue model on price levels

# What became of an order, in whole numbers; the sides fill in the same.
FATE = np.dtype(
    [
        *(("sent", "i8"), ("price", "i8"), ("fill_ns", "i8"), ("fill_price", "i8")),
        *(("maker", "i8"), ("first_lots", "i8"), ("lots", "i8"), ("event", "i8")),
    ]
)


class Terms(NamedTuple):
    """What the rule is told."""

    keeps: bool  # an order whose price is still the best; else every order is sent anew
    lots: int = 1


class Took(NamedTuple):
    """What one run took, in seconds."""

    cpu: float  # of the thread
    wall: float


class Worker:
    """A process that answers a line of JSON with a line of JSON."""

    def __init__(self, command: list[str], **environment: Any) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **environment)

    def ask(self, **said: Any) -> dict[str, Any]:
        """Say something, and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} died, with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def time(self) -> Took:
        """One run of what is loaded."""
        answer = self.ask(do="time")
        return Took(answer["cpu"], answer["wall"])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def told_theirs(market: Market, terms: Terms) -> dict[str, Any]:
    """What hftbacktest is told, to play a market."""
    instrument = market.tape.instruments[0]
    tick_size, lot_size = float(instrument.price_unit), float(instrument.lot_size)
    return {
        "do": "load",
        "file": str(market.file.resolve()),
        "tick_size": tick_size,
        "lot_size": lot_size,
        "by_order": market.by_order,
        "begin_ns": market.begin_ns,
        "every_ns": EVERY_NS,
        "entry_ns": LATENCY_NS,
        "response_ns": LATENCY_NS,
        "power": POWER,
        "qty": terms.lots * lot_size,
        "keeps": terms.keeps,
    }


class Ours:
    """mmjit on a market, compiled when it first runs."""

    def __init__(self, market: Market, terms: Terms) -> None:
        self.market, self.terms = market, terms

    def run(self) -> tuple[Took, Backtest]:
        """One run; what is timed is the engine with its log, as it is of the other side."""
        market, terms = self.market, self.terms
        latency = f"{LATENCY_NS}ns"
        params = {"every_ns": EVERY_NS, "keeps": int(terms.keeps), "qty_lots": terms.lots}
        run = start_backtest(
            market.tape,
            strategy=at_best,
            params=params,
            every=f"{EVERY_NS}ns",
            latency=Latency(feed="recorded", entry=latency, response=latency),
            queue_model=f"power3:n={POWER}",
        )
        wall, cpu = time.perf_counter(), time.thread_time()
        run.advance()
        took = Took(time.thread_time() - cpu, time.perf_counter() - wall)
        return took, run.finish()

    def time(self) -> Took:
        """One run."""
        return self.run()[0]


# ---- what became of every order -----------------------------------------------------------------


def our_fates(market: Market, result: Backtest, count: int) -> Any:
    """FATE of our orders, by instant and side."""
    steps, fills = result.steps, result.fills
    new = steps[steps["kind"] == Kind.NEW]
    numbers = np.zeros(int(new["order_id"].max(initial=0)) + 1, np.int64)
    numbers[new["order_id"]] = 2 * ((new["sent_ns"] - market.begin_ns) // EVERY_NS) + new["side"]
    fates = np.zeros(count, FATE)
    places = numbers[new["order_id"]]
    fates["sent"][places], fates["price"][places] = 1, new["price"]
    places = numbers[fills["order_id"]]
    np.add.at(fates["lots"], places, fills["qty_lots"])
    first = np.unique(places, return_index=True)
    for name, column in (
        ("fill_ns", "venue_ns"),
        ("fill_price", "price"),
        ("maker", "maker"),
        ("event", "event"),
    ):
        fates[name][first[0]] = fills[column][first[1]]
    at_once = fills["venue_ns"] == fates["fill_ns"][places]
    np.add.at(fates["first_lots"], places[at_once], fills["qty_lots"][at_once])
    return fates


def their_fates(market: Market, worker: Worker, file: Path) -> tuple[Any, int]:
    """FATE of their orders, by instant and side, and their position in lots."""
    answer = worker.ask(do="note", out=str(file))
    noted = np.load(file)[2:]  # ids begin with 2
    filled = noted["status"] == 3
    lot_size = float(market.tape.instruments[0].lot_size)
    fates = np.zeros(len(noted), FATE)
    fates["sent"], fates["price"] = noted["sent"], noted["price"]
    for name, column in (
        ("fill_ns", "exec_ns"),
        ("fill_price", "exec_price"),
        ("maker", "maker"),
    ):
        fates[name][filled] = noted[column][filled]
    lots = np.round(noted["exec_qty"] / lot_size).astype(np.int64)
    fates["lots"] = fates["first_lots"] = np.where(filled, lots, 0)
    return fates, round(answer["position"] / lot_size)
