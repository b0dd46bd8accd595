"""Raw captures of Binance streams: a receive time and a JSON message a line.

    1723161255088169167 {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate", ...}}
    1723161255319702566 {"lastUpdateId":5123107852948, ..., "bids":[...],"asks":[...]}

The second is the answer to a REST request, a snapshot of the book, which names no symbol: a capture
is of one symbol. Streams come wrapped, as here, or bare. Times count milliseconds, microseconds or
nanoseconds since 1970, as their size tells. Amounts are decimal texts and become whole counts of
1e-8, in which Binance itself counts; no float is ever made of one.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from mmjit.core.codes import ASK, BID, NIL
from mmjit.errors import FeedError
from mmjit.feeds.unpack import Unpacked

DECIMALS: Final = 8
AMOUNT_MAX: Final = 1 << 62
SPOT: Final = "spot"
USDM: Final = "usdm"  # futures margined in the quote currency

_PIECE_BYTES: Final = 1 << 20
_LINE_BYTES_MAX: Final = 1 << 24  # a snapshot of 5,000 levels a side takes a third of a MB
_SHOWN: Final = 80
_DIGITS_MAX: Final = 40
# What a time of so many digits counts, in ns: from 2001 to 2286 they do not overlap.
_UNITS_NS: Final = {13: 1_000_000, 16: 1_000, 19: 1}
_TIME_NS_MAX: Final = 9 * 10**18  # in 2255, with room for a clock to be corrected
_TICKER_FIELDS: Final = {"u", "s", "b", "B", "a", "A"}
_DECODE: Final = json.JSONDecoder(parse_float=str).decode

Levels = list[tuple[int, int]]  # price and quantity in 1e-8


class Diff(NamedTuple):
    """Levels that were set between two update ids, and to what."""

    first_id: int
    last_id: int
    previous_id: int  # the last id of the diff before; NIL on spot, which does not say
    venue_ns: int
    local_ns: int
    bids: Levels
    asks: Levels


class Snapshot(NamedTuple):
    """The book at an update id."""

    last_id: int
    venue_ns: int  # NIL on spot, which does not say
    local_ns: int
    bids: Levels
    asks: Levels


class Trade(NamedTuple):
    """A trade; the side is that of the resting order."""

    trade_id: int
    venue_ns: int
    local_ns: int
    side: int
    price: int
    qty: int


class Ticker(NamedTuple):
    """The best bid and ask at an update id."""

    update_id: int
    bid_price: int
    bid_qty: int
    ask_price: int
    ask_qty: int


Message = Diff | Snapshot | Trade | Ticker


class Captures:
    """The messages of files that continue each other, in the order they were received.

    Attributes:
        symbol: of the capture, "" before the first message that names one.
        market: SPOT or USDM, "" before the first diff.
        messages: lines read.
        skipped: lines that are not passed on, by reason and what they were.
        local_reversed: lines received before the one above them, as of which they are taken.
        leftover_bytes: of lines that were cut off at the end of a file.
        incomplete: whether a gzip file broke off.
        digests: of the files, as a tape keeps them.

    Args:
        paths: the files, plain or gzip, oldest first.
        advance: is told of the bytes read.
    """

    def __init__(self, paths: list[Path], advance: Callable[[int], None] | None = None) -> None:
        self.symbol = ""
        self.market = ""
        self.messages = 0
        self.skipped: dict[str, Counter[str]] = {}
        self.local_reversed = 0
        self.leftover_bytes = 0
        self.incomplete = False
        self.digests: list[dict[str, Any]] = []
        self._paths = paths
        self._advance = advance
        self._received_ns = self._local_ns = 0  # of the last line; the latest so far

    def __iter__(self) -> Iterator[Message]:
        for path in self._paths:
            with Unpacked(path, self._advance) as packed:
                before_ns = self._local_ns
                for number, (line, whole) in enumerate(_lines(packed), 1):
                    message = self._read_line(path, number, line, whole)
                    if number == 1:
                        _check_order(path, before_ns, self._received_ns)
                    if message is not None:
                        yield message
                self.incomplete |= packed.incomplete
                self.digests.append(packed.digest())

    def _read_line(self, path: Path, number: int, line: bytes, whole: bool) -> Message | None:
        """The message of a line; None for one that is skipped."""
        if not line.strip():
            return None
        try:
            return self._read(line)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if not whole:  # it was cut off
                self.leftover_bytes += len(line)
                return None
            what = f"there is no field {error}" if isinstance(error, KeyError) else str(error)
            shown = line[:_SHOWN].decode("utf-8", "replace").rstrip()
            raise FeedError(
                f"{path.name}, line {number}: {what}: {shown!r}; "
                "give captures of one symbol as they were recorded"
            ) from None

    def _read(self, line: bytes) -> Message | None:
        clock, _, text = line.partition(b" ")
        if not clock.isdigit():
            raise ValueError("the line does not begin with a receive time")
        received_ns = epoch_ns(int(clock[:_DIGITS_MAX]))
        kind, body = _kind_of(_DECODE(text.decode()))
        local_ns = max(received_ns, self._local_ns)
        message = self._message(kind, body, local_ns)
        self.messages += 1
        self.local_reversed += received_ns < self._local_ns
        self._received_ns, self._local_ns = received_ns, local_ns
        return message

    def _message(self, kind: str, body: dict[str, Any], local_ns: int) -> Message | None:
        if kind == "snapshot":
            return _snapshot(body, local_ns)
        if kind not in ("depth", "trade", "bookTicker"):
            self._skip("other_stream", kind)
            return None
        self._check_symbol(body)
        if kind == "depth":
            self._check_market(USDM if "pu" in body else SPOT)
            return _diff(body, local_ns)
        if kind == "bookTicker":
            return Ticker(_id(body, "u"), *(_amount(body[name]) for name in "bBaA"))
        if body.get("X", "MARKET") != "MARKET":  # liquidations and the like, beside the book
            self._skip("trade_off_book", str(body["X"]))
            return None
        return _trade(body, local_ns)

    def _skip(self, reason: str, what: str) -> None:
        self.skipped.setdefault(reason, Counter())[what[:_SHOWN]] += 1

    def _check_symbol(self, body: dict[str, Any]) -> None:
        symbol = body["s"]
        if not isinstance(symbol, str) or not symbol:
            raise ValueError(f"the symbol is {symbol!r}")
        if "ps" in body:
            raise ValueError(f"{symbol} is a COIN-M contract, which is not supported")
        self.symbol = self.symbol or symbol
        if symbol != self.symbol:
            raise ValueError(f"the symbol is {symbol}, that of the capture {self.symbol}")

    def _check_market(self, market: str) -> None:
        self.market = self.market or market
        if market != self.market:
            raise ValueError(f"the diff is of {market}, the capture of {self.market}")


def _check_order(path: Path, before_ns: int, first_ns: int) -> None:
    if first_ns < before_ns:
        raise FeedError(
            f"{path.name} begins before the file ahead of it ends ({first_ns}, {before_ns}); "
            "give the files oldest first"
        )


def _lines(packed: Unpacked) -> Iterator[tuple[bytes, bool]]:
    """The lines of a file, each with whether it has its end."""
    room = memoryview(bytearray(_PIECE_BYTES))
    rest = b""
    while count := packed.read_into(room):
        *lines, rest = (rest + room[:count]).split(b"\n")
        if len(rest) > _LINE_BYTES_MAX:
            raise FeedError(f"{packed.path.name} has a line without end; it is not a capture")
        for line in lines:
            yield line, True
    if rest:
        yield rest, False


def _kind_of(message: Any) -> tuple[str, dict[str, Any]]:
    """What a message is, by the name of its stream, and its body."""
    if not isinstance(message, dict):
        raise ValueError("the message is not a JSON object")
    if "stream" in message:
        if not isinstance(message["data"], dict):
            return "other", {}
        return str(message["stream"]).partition("@")[2].partition("@")[0], message["data"]
    if "lastUpdateId" in message:
        return "snapshot", message
    if "e" in message:
        return {"depthUpdate": "depth"}.get(str(message["e"]), str(message["e"])), message
    return "bookTicker" if message.keys() >= _TICKER_FIELDS else "other", message


def _snapshot(body: dict[str, Any], local_ns: int) -> Snapshot:
    venue_ns = epoch_ns(body["T"]) if "T" in body else NIL
    bids, asks = _levels(body["bids"]), _levels(body["asks"])
    return Snapshot(_id(body, "lastUpdateId"), venue_ns, local_ns, bids, asks)


def _diff(body: dict[str, Any], local_ns: int) -> Diff:
    first, last = _id(body, "U"), _id(body, "u")
    if last < first:
        raise ValueError(f"the diff ends at update {last}, before its begin {first}")
    previous = _id(body, "pu") if "pu" in body else NIL
    sides = _levels(body["b"]), _levels(body["a"])
    return Diff(first, last, previous, _venue_ns(body), local_ns, *sides)


def _trade(body: dict[str, Any], local_ns: int) -> Trade:
    if not isinstance(body["m"], bool):
        raise ValueError(f"m is {body['m']!r}, neither true nor false")
    side = BID if body["m"] else ASK  # whether the buyer is the maker
    price, qty = _price(body["p"]), _amount(body["q"])
    return Trade(_id(body, "t"), _venue_ns(body), local_ns, side, price, qty)


def _venue_ns(body: dict[str, Any]) -> int:
    """When it happened in the matching engine; diffs of spot say only when they were sent."""
    return epoch_ns(body["T"] if "T" in body else body["E"])


def _id(body: dict[str, Any], name: str) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ValueError(f"{name} is {value!r}, not an id")
    return value


def _levels(rows: Any) -> Levels:
    return [(_price(price), _amount(qty)) for price, qty in rows]


def _price(text: Any) -> int:
    price = _amount(text)
    if price == 0:
        raise ValueError("a price is zero")
    return price


def _amount(value: Any) -> int:
    """An amount, with its quotes or without."""
    if isinstance(value, str):
        return amount(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a decimal number")
    return amount(str(value))


@lru_cache(maxsize=1 << 16)
def amount(text: str) -> int:
    """A decimal text as a count of 1e-8; ValueError for what is none, or too large or too fine."""
    whole, _, part = text.partition(".")
    if not (text.isascii() and (whole + part).isdigit()):
        raise ValueError(f"{text[:_SHOWN]!r} is not a decimal number of at least 0")
    if part[DECIMALS:].strip("0"):
        raise ValueError(f"{text[:_SHOWN]} has more than {DECIMALS} decimals")
    value = AMOUNT_MAX
    if len(whole) < _DIGITS_MAX:
        value = int(whole + part[:DECIMALS].ljust(DECIMALS, "0"))
    if value >= AMOUNT_MAX:
        raise ValueError(f"{text[:_SHOWN]} is too large; at most 2**62 x 1e-8 is counted")
    return value


def epoch_ns(count: Any) -> int:
    """A time in ns since 1970, of one in ms, us or ns; ValueError for what is none."""
    unit_ns = None if isinstance(count, bool) else _UNITS_NS.get(len(str(count)))
    if unit_ns is None or not isinstance(count, int) or not 0 < count * unit_ns < _TIME_NS_MAX:
        raise ValueError(f"{str(count)[:_SHOWN]} is not a time in ms, us or ns since 1970")
    return count * unit_ns
