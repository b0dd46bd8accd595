"""A run as one picture: prices with our quotes and fills, the position, and where P&L came from.

    series = np.zeros(samples, SAMPLE)          # a row each time somebody looked
    split(series, fills, instrument)            # what of the P&L was spread
    draw(series, "run.png", instrument=instrument, fills=fills, max_long=1000, max_short=1000)

Gross P&L is split in two. A fill captures what the mid was away from its price at that moment (a
purchase below the mid and a sale above it count for us); inventory is the rest: what the mid did
while something was held.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mmjit.core.ledger import UNLIMITED
from mmjit.core.tables import FILL
from mmjit.errors import ArgumentError
from mmjit.fifo import value_of
from mmjit.instrument import Instrument
from mmjit.terms import PICO, exact, settlement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, Any]

# How one symbol stood when somebody looked. P&L is counted from the start of the run.
SAMPLE: Final = np.dtype(
    [
        ("time_ns", "i8"),  # never earlier than the row before
        ("mid_twice", "i8"),  # twice the mid, or the mark that stands for it; price units
        ("bid", "i8"),  # the best of our own, in price units
        ("bid_lots", "i8"),  # 0 while there is none
        ("ask", "i8"),
        ("ask_lots", "i8"),
        ("position_lots", "i8"),
        ("capture_twice", "i8"),  # spread captured so far, points; `split` fills it in
        ("gross_twice", "i8"),  # realised and unrealised, points
        ("fees_pico", "i8"),  # 1e-12 of the currency, above 0 is cost
    ]
)

_SIZE_INCHES: Final = (12.0, 10.0)
_DOTS_PER_INCH: Final = 100
_GREY, _BLUE, _ORANGE, _GREEN, _RED, _BLACK = (
    *("#8a8a8a", "#0072b2", "#e69f00", "#009e73", "#d55e00", "#1a1a1a"),
)
_SPANS: Final = ((2 * 3600.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def split(series: Array, fills: Array, instrument: Instrument) -> None:
    """Fill in `capture_twice`: what the fills up to each row captured of the spread.

    The mid at a fill is the one of the last row before it, so that what the fill itself did to the
    market does not count.

    Args:
        series: SAMPLE, written.
        fills: FILL of the same symbol, in order.
        instrument: what was traded.
    """
    _check(series, fills)
    before = np.searchsorted(series["time_ns"], fills["venue_ns"], side="left") - 1
    captured = captures_twice(fills, series["mid_twice"][np.maximum(before, 0)], instrument)
    so_far = np.concatenate([np.zeros(1, np.int64), np.cumsum(captured)])
    count = np.searchsorted(fills["venue_ns"], series["time_ns"], side="right")
    series["capture_twice"] = so_far[count]


def captures_twice(fills: Array, mids_twice: Array, instrument: Instrument) -> Array:
    """Twice what each fill captured of the spread, in points.

    Args:
        fills: FILL of one symbol.
        mids_twice: int64, twice the mid at each fill.
        instrument: what was traded.
    """
    if instrument.contract != "inverse":
        away = np.where(fills["side"] == 0, 1, -1)
        return np.asarray(away * (mids_twice - 2 * fills["price"]) * fills["qty_lots"])
    point = exact(instrument, 1)
    found = np.zeros(len(fills), np.int64)
    for row, (fill, mid_twice) in enumerate(zip(fills, mids_twice.tolist(), strict=True)):
        lots = int(fill["qty_lots"]) * (1 if fill["side"] == 0 else -1)
        worth_twice = value_of(instrument, 1, lots) * 4 / mid_twice  # at half of mid_twice
        found[row] = round(
            (worth_twice - 2 * value_of(instrument, int(fill["price"]), lots)) / point
        )
    return found


def draw(
    series: Array,
    path: str | os.PathLike[str],
    *,
    instrument: Instrument,
    fills: Array,
    max_long: int | None = None,
    max_short: int | None = None,
    title: str | None = None,
) -> Path:
    """Draw a run of one symbol as a PNG of 1200 by 1000.

    Args:
        series: SAMPLE, in order; rows enough for the eye, some thousands.
        path: the file to write.
        instrument: what was traded.
        fills: FILL of the symbol, in order.
        max_long: the limit in lots; None draws none.
        max_short: the same below zero.
        title: above the picture; the symbol where it is not given.

    Returns:
        the path.

    Raises:
        ArgumentError: nothing to draw, or matplotlib is not installed.
    """
    _check(series, fills)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ArgumentError(
            "picture: matplotlib is not installed; pip install 'mmjit[demo]'"
        ) from None
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a display
    prices, position, pnl = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [5, 2, 3]}
    )
    start_ns = int(series["time_ns"][0])
    span, unit = _span(series)
    times = (series["time_ns"] - start_ns) / 1e9 / span
    fill_times = (fills["venue_ns"] - start_ns) / 1e9 / span
    _draw_prices(prices, times, series, fill_times, fills, instrument)
    _draw_position(position, times, series["position_lots"], instrument, (max_long, max_short))
    _draw_pnl(pnl, times, series, instrument)
    pnl.set_xlabel(f"{unit} since {_instant(start_ns)}")
    pnl.set_xlim(times[0], max(times[-1], times[0] + 1e-9))
    figure.suptitle(title or f"{instrument.symbol}: {len(fills):,} fills", fontsize=14)
    prices.ticklabel_format(axis="y", useOffset=False)
    position.yaxis.set_major_formatter(_thousands)
    pnl.yaxis.set_major_formatter(_thousands)
    for axes in (prices, position, pnl):
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=10)
    figure.align_ylabels()
    figure.savefig(path)
    return Path(path)


def _draw_prices(
    axes: "Axes",
    times: Array,
    series: Array,
    fill_times: Array,
    fills: Array,
    instrument: Instrument,
) -> None:
    """The mid, our quotes as steps, our fills as triangles."""
    unit = float(instrument.price_unit)
    axes.plot(times, series["mid_twice"] * (unit / 2), color=_GREY, linewidth=1.0, label="mid")
    for side, color, label in (("bid", _BLUE, "our bid"), ("ask", _ORANGE, "our ask")):
        price = np.where(series[f"{side}_lots"] > 0, series[side] * unit, np.nan)
        axes.step(times, price, where="post", color=color, linewidth=0.9, alpha=0.85, label=label)
    size = float(np.clip(20_000 / max(1, len(fills)), 12, 50))
    for number, marker, color, label in ((0, "^", _GREEN, "bought"), (1, "v", _RED, "sold")):
        which = fills["side"] == number
        axes.scatter(
            fill_times[which],
            fills["price"][which] * unit,
            s=size,
            marker=marker,
            color=color,
            edgecolors="white",
            linewidths=0.3,
            zorder=3,
            label=f"{label} ({int(which.sum()):,})",
        )
    axes.set_ylabel(f"price ({instrument.currency})")


def _draw_position(
    axes: "Axes",
    times: Array,
    lots: Array,
    instrument: Instrument,
    limits: tuple[int | None, int | None],
) -> None:
    """The position as steps, its limits dashed."""
    unit = float(instrument.lot_size)
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.step(times, lots * unit, where="post", color=_BLACK, linewidth=1.1, label="position")
    for limit, sign, label in zip(limits, (1, -1), ("max long", "max short"), strict=True):
        if limit is not None and limit < UNLIMITED:
            color = _BLUE if sign > 0 else _ORANGE
            axes.axhline(sign * limit * unit, color=color, linestyle="--", label=label)
    axes.set_ylabel("position (units)" if unit != 1 else "position (lots)")


def _draw_pnl(axes: "Axes", times: Array, series: Array, instrument: Instrument) -> None:
    """P&L and the parts that it is made of."""
    half = float(exact(instrument, 1, 2))
    capture = series["capture_twice"] * half
    gross = series["gross_twice"] * half
    fees = series["fees_pico"] / PICO
    axes.axhline(0, color=_GREY, linewidth=0.8)
    for values, color, label in (
        (capture, _GREEN, "spread captured"),
        (gross - capture, _RED, "inventory"),
        (-fees, _ORANGE, "fees" if np.all(fees >= 0) else "fees and rebates"),
    ):
        axes.plot(times, values, color=color, linewidth=1.2, label=label)
    axes.plot(times, gross - fees, color=_BLACK, linewidth=2.0, label="net")
    axes.set_ylabel(f"P&L ({settlement(instrument)})")


def _check(series: Array, fills: Array) -> None:
    for name, array, dtype in (("series", series, SAMPLE), ("fills", fills, FILL)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            raise ArgumentError(f"{name}: not a one-dimensional array of its record")
    if len(series) == 0:
        raise ArgumentError("series: no rows; give at least one")
    for name, times in (("series", series["time_ns"]), ("fills", fills["venue_ns"])):
        if np.any(np.diff(times) < 0):
            raise ArgumentError(f"{name}: rows go back in time; sort them")


def _span(series: Array) -> tuple[float, str]:
    """The unit of the time axis, in seconds, and its name."""
    seconds = int(series["time_ns"][-1] - series["time_ns"][0]) / 1e9
    return next((unit, name) for least, unit, name in _SPANS if seconds >= least)


def _instant(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _thousands(value: float, _: int | None = None) -> str:
    """A number on an axis, with thousands apart and no digits that say nothing."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
