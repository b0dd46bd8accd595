"""Small Binance captures, built line by line."""

import gzip
import json
from pathlib import Path
from typing import Any

START_MS = 1_723_161_255_000  # of the venue
Rows = list[tuple[str, str]]


def diff(
    first: int,
    last: int,
    bids: Rows = [],  # noqa: B006
    asks: Rows = [],  # noqa: B006
    *,
    at: int = 0,
    previous: int | None = None,
    symbol: str = "BTCUSDT",
    **more: Any,
) -> dict[str, Any]:
    """A diff; with `previous` one of futures. `at` counts ms from the start."""
    body = {"e": "depthUpdate", "E": START_MS + at, "s": symbol, "U": first, "u": last}
    if previous is not None:
        body |= {"T": START_MS + at, "E": START_MS + at + 1, "pu": previous}
    body |= {"b": [list(row) for row in bids], "a": [list(row) for row in asks]} | more
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": body}


def snapshot(last: int, bids: Rows = [], asks: Rows = [], **more: Any) -> dict[str, Any]:  # noqa: B006
    """The answer to a REST request; `T` is in it on futures."""
    sides = {"bids": [list(row) for row in bids], "asks": [list(row) for row in asks]}
    return {"lastUpdateId": last, **more, **sides}


def trade(
    number: int, price: str, qty: str, *, at: int = 0, maker_buys: bool = True, **more: Any
) -> dict[str, Any]:
    body = {"e": "trade", "E": START_MS + at + 1, "s": "BTCUSDT", "t": number, "p": price, "q": qty}
    body |= {"T": START_MS + at, "m": maker_buys} | more
    return {"stream": "btcusdt@trade", "data": body}


def ticker(last: int, bid: tuple[str, str], ask: tuple[str, str]) -> dict[str, Any]:
    body = {"u": last, "s": "BTCUSDT", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return {"stream": "btcusdt@bookTicker", "data": body}


def received_ns(number: int) -> int:
    """When line `number`, from 0, was received: 5 ms after the start and one more each."""
    return (START_MS + 5 + number) * 1_000_000


def text_of(messages: list[dict[str, Any]], first: int = 0) -> bytes:
    """A capture, each line received a ms after the one above it."""
    lines = [f"{received_ns(first + n)} {json.dumps(one)}\n" for n, one in enumerate(messages)]
    return "".join(lines).encode()


def write(path: Path, data: bytes) -> Path:
    """A file of these bytes, packed if its name says so."""
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


# A book of one bid and one ask, and what begins every capture that has one.
BEGUN = [snapshot(10, [("99.5", "1")], [("100.5", "2")]), diff(11, 11, [("99", "3")])]
