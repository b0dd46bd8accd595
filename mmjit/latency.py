"""How long a backtest's feed, requests and responses take, as a person says it.

Each of them is a text:

    none                      at once
    250us                     a constant; units are ns, us, ms, s, m and h
    recorded                  of the feed: what the tape recorded, local_ns - venue_ns
    rows                      of requests and responses: measured round trips, interpolated
    lognormal(200us,0.5)      random: lognormal with its median and sigma
    gamma(2,50us)             random: gamma with its shape and scale, of mean shape * scale
    1ms+lognormal(200us,0.5)  a constant, `recorded` or `rows` with a random delay on top

No constant, median or scale is longer than an hour. What is random comes from a counter-based
generator, the same on every machine.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.arguments import nanoseconds, whole
from mmjit.core.latency import DELAY_NS_MAX, LATENCY, ROUND_TRIP, Delay, Jitter, Leg
from mmjit.core.wrapping import plain_draw
from mmjit.errors import ArgumentError
from mmjit.round_trips import digest, reached_count, round_trips

Array = np.ndarray[Any, Any]

SIGMA_MAX: Final = 5.0  # one in a thousand is then five million times the median
SHAPE_MIN: Final = 0.01
SHAPE_MAX: Final = 1e6
_RANDOM: Final = re.compile(r"(?:(?P<base>.*)\+)?\s*(?P<name>\w+)\s*\((?P<values>[^()]*)\)\s*")
_TEXTS: Final = "none, a time such as 250us, {also}, or with a jitter 1ms+lognormal(200us,0.5)"
_JITTERS: Final = "lognormal(median,sigma) such as lognormal(200us,0.5) or gamma(shape,scale)"


class _Terms(NamedTuple):
    """What a text says, in the fields of LATENCY."""

    model: Delay
    base_ns: int
    jitter: Jitter = Jitter.NONE
    scale_ns: float = 0.0
    shape: float = 0.0


@dataclass(frozen=True)
class Latency:
    """How long the feed, each kind of request and the response take.

    Args:
        feed: from the venue to the desk; a text as above, `rows` excepted.
        entry: of a new order, from the desk to the venue; a text as above, `recorded` excepted.
        response: of what the venue says of an order, from there to the desk; likewise.
        cancel: of a cancel, to the venue; None is as `entry`.
        amend: of an amend, to the venue; None is as `entry`.
        rows: measured round trips, where a text is `rows`: the path of a .npy, .npz or .csv file,
            or an array of int64 with the columns sent_ns, venue_ns and received_ns, sorted by the
            first. A `venue_ns` of 0 or less is a request that was rejected on the way; between such
            a one and its neighbours every request is.
        seed: of what is random; the legs differ by themselves.

    Raises:
        ArgumentError: a text that says nothing, a value out of its bounds, rows that cannot be.

    Example:
        >>> Latency(feed="recorded", entry="1ms+gamma(2,50us)", response="500us", cancel="800us")
    """

    feed: str = "none"
    entry: str = "none"
    response: str = "none"
    cancel: str | None = None
    amend: str | None = None
    rows: Any = field(default=None, compare=False, repr=False)
    seed: int = 0
    _trips: Array = field(init=False, compare=False, repr=False)
    _rows_digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", whole("seed", self.seed))
        looked_up = [
            name for name, text in self._texts() if terms_of(name, text).model is Delay.ROWS
        ]
        if looked_up and self.rows is None:
            raise ArgumentError(
                f"{looked_up[0]}: 'rows' needs measured round trips; give their file as rows"
            )
        if not looked_up and self.rows is not None:
            raise ArgumentError("rows: no latency is looked up in them; give entry='rows'")
        trips = round_trips(self.rows) if looked_up else np.zeros(0, ROUND_TRIP)
        if "response" in looked_up and reached_count(trips) == 0:
            raise ArgumentError(
                "rows: none of them reached the venue; give response a time such as 1ms"
            )
        object.__setattr__(self, "_trips", trips)
        object.__setattr__(self, "_rows_digest", digest(trips) if looked_up else "")

    def as_arrays(self) -> tuple[Array, Array]:
        """LATENCY of each `Leg`, as if nothing had been sent yet, and ROUND_TRIP of the rows.

        Both are copies. Without rows the second is empty.
        """
        latencies = np.zeros(len(Leg), LATENCY)
        for leg, (name, text) in zip(Leg, self._texts(), strict=True):
            latency, terms = latencies[leg], terms_of(name, text)
            for term, value in terms._asdict().items():
                latency[term] = value
            latency["seed"] = plain_draw(self.seed, leg)
            if terms.model is Delay.ROWS:
                trips = self._trips
                latency["row_count"] = reached_count(trips) if leg is Leg.RESPONSE else len(trips)
        return latencies, self._trips.copy()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the log; of the rows how many they are, and the SHA-256 of them."""
        rows = {"count": len(self._trips), "sha256": self._rows_digest}
        return {
            **dict(self._texts()),
            "seed": self.seed,
            "rows": rows if len(self._trips) else None,
        }

    def _texts(self) -> list[tuple[str, str]]:
        """The text of each `Leg`, under the name of its argument."""
        return [
            ("feed", self.feed),
            ("entry", self.entry),
            ("cancel", self.entry if self.cancel is None else self.cancel),
            ("amend", self.entry if self.amend is None else self.amend),
            ("response", self.response),
        ]


# ---- texts ----------------------------------------------------------------------------------


def terms_of(name: str, text: str) -> _Terms:
    """What the text of an argument says.

    Raises:
        ArgumentError: nothing, or a value out of its bounds.
    """
    if not isinstance(text, str):
        raise _unknown(name, text)
    random = _RANDOM.fullmatch(text)
    if random is None:
        return _base_of(name, text, text)
    base = random["base"]
    plain = _Terms(Delay.CONSTANT, 0) if base is None else _base_of(name, text, base)
    if plain.model is Delay.NONE:
        raise ArgumentError(f"{name}: {text!r} adds to none; give {text.partition('+')[2]} alone")
    values = [value.strip() for value in random["values"].split(",")]
    jitters = {"lognormal": _lognormal, "gamma": _gamma}
    if random["name"] not in jitters or len(values) != 2:
        raise ArgumentError(f"{name}: {text!r} has no jitter that is known: {_JITTERS}")
    return jitters[random["name"]](name, plain, values)


def _base_of(name: str, text: str, base: str) -> _Terms:
    """What stands before the jitter."""
    base = base.strip()
    if base == "none":
        return _Terms(Delay.NONE, 0)
    if base == "recorded" and name == "feed":
        return _Terms(Delay.RECORDED, 0)
    if base == "rows" and name != "feed":
        return _Terms(Delay.ROWS, 0)
    if nanoseconds(base) is None:
        raise _unknown(name, text)
    return _Terms(Delay.CONSTANT, _span(name, base, 0))


def _lognormal(name: str, plain: _Terms, values: list[str]) -> _Terms:
    median_ns = _span(f"{name}: the median of a lognormal jitter", values[0], 1)
    sigma = _number(f"{name}: the sigma of a lognormal jitter", values[1], 0.0, SIGMA_MAX)
    return _Terms(plain.model, plain.base_ns, Jitter.LOGNORMAL, float(median_ns), sigma)


def _gamma(name: str, plain: _Terms, values: list[str]) -> _Terms:
    shape = _number(f"{name}: the shape of a gamma jitter", values[0], SHAPE_MIN, SHAPE_MAX)
    scale_ns = _span(f"{name}: the scale of a gamma jitter", values[1], 1)
    if shape * scale_ns > DELAY_NS_MAX:
        raise ArgumentError(
            f"{name}: a gamma jitter of shape {shape:g} and scale {values[1]} has a mean above 1h; "
            f"give a smaller one"
        )
    return _Terms(plain.model, plain.base_ns, Jitter.GAMMA, float(scale_ns), shape)


def _span(name: str, text: str, low: int) -> int:
    span = nanoseconds(text)
    if span is None or not low <= span <= DELAY_NS_MAX:
        raise ArgumentError(f"{name}: {text!r} is no time from {low}ns to 1h, such as 250us")
    return span


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise ArgumentError(f"{name}: {text!r} is not a number from {low:g} to {high:g}")
    return number


def _unknown(name: str, text: Any) -> ArgumentError:
    also = "recorded" if name == "feed" else "rows"
    return ArgumentError(f"{name}: {text!r} is not {_TEXTS.format(also=also)}")
