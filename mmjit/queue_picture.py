"""The errors of queue models as one picture: the queue ahead, fills in time, false fills."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mmjit.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, Any]

_SIZE_INCHES: Final = (12.0, 10.0)
_DOTS_PER_INCH: Final = 100
_BLACK: Final = "#1a1a1a"
_GREY: Final = "#8a8a8a"
_COLOURS: Final = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#7f6000", "#5b3a8c"),
)


class Curves(NamedTuple):
    """What is drawn of one model."""

    label: str
    share: Array  # mean share of the first queue that it sees, by twentieths of the true one
    age_s: Array  # of a probe,
    error: Array  # and the mean error then, as a share of the first queue
    filled: tuple[Array, int]  # seconds to each fill, sorted, and how many probes there were
    missed: float  # share of the true fills
    invented: float  # share of the model's fills


def draw_queue_errors(
    models: Sequence[Curves],
    path: str | os.PathLike[str],
    *,
    truth: tuple[Array, int],
    horizon_s: float,
    title: str,
) -> Path:
    """Draw models beside the truth as a PNG of 1200 by 1000.

    Args:
        models: one or more.
        path: the file to write.
        truth: seconds to each true fill, sorted, and how many probes there were.
        horizon_s: how long a probe lived.
        title: above the picture.

    Returns:
        the path.

    Raises:
        ArgumentError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ArgumentError(
            "picture: matplotlib is not installed; pip install 'mmjit[demo]'"
        ) from None
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a display
    (ahead, error), (fills, false) = figure.subplots(2, 2)
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(models))]
    _draw_ahead(ahead, models, colours)
    _draw_error(error, models, colours, horizon_s)
    _draw_fills(fills, models, colours, truth, horizon_s)
    _draw_false(false, models, colours)
    for axes in (ahead, error, fills, false):
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes, place in ((ahead, "upper left"), (fills, "lower right")):
        axes.legend(loc=place, frameon=False, fontsize=10)
    figure.suptitle(title, fontsize=14)
    figure.savefig(path)
    return Path(path)


def _draw_ahead(axes: "Axes", models: Sequence[Curves], colours: Sequence[str]) -> None:
    """What a model sees of the queue ahead, over what there is."""
    axes.plot([0, 100], [0, 100], color=_BLACK, linewidth=1.0, linestyle="--", label="truth")
    for one, colour in zip(models, colours, strict=True):
        middle = (np.arange(len(one.share)) + 0.5) * (100 / len(one.share))
        axes.plot(middle, 100 * one.share, color=colour, marker="o", markersize=3, label=one.label)
    axes.set(title="queue ahead", xlim=(0, 100), ylim=(0, 105))
    axes.set_xlabel("truly left of the first queue (%)")
    axes.set_ylabel("left by the model, mean (%)")


def _draw_error(
    axes: "Axes", models: Sequence[Curves], colours: Sequence[str], horizon_s: float
) -> None:
    """The mean error of the queue ahead as a probe grows older."""
    axes.axhline(0, color=_BLACK, linewidth=1.0, linestyle="--")
    for one, colour in zip(models, colours, strict=True):
        axes.plot(one.age_s, 100 * one.error, color=colour, linewidth=1.5)
    axes.set(title="error of the queue ahead, of probes not yet truly filled", xlim=(0, horizon_s))
    axes.set_xlabel("age of the probe (s)")
    axes.set_ylabel("model less truth, mean (% of the first queue)")


def _draw_fills(
    axes: "Axes",
    models: Sequence[Curves],
    colours: Sequence[str],
    truth: tuple[Array, int],
    horizon_s: float,
) -> None:
    """The share of probes that is filled after a time."""
    times = np.linspace(0, horizon_s, 600)
    lines = [(one.filled, one.label, 1.3) for one in models] + [(truth, "truth", 2.4)]
    for ((ages, count), label, width), colour in zip(lines, [*colours, _BLACK], strict=True):
        share = np.searchsorted(ages, times, side="right") * (100 / count)
        axes.plot(times, share, color=colour, linewidth=width, label=label)
    axes.set(title="probability of a fill", xlim=(0, horizon_s))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time since the probe was entered (s)")
    axes.set_ylabel("filled (% of probes)")


def _draw_false(axes: "Axes", models: Sequence[Curves], colours: Sequence[str]) -> None:
    """Fills that a model misses, to the left, and that it invents, to the right."""
    rows = np.arange(len(models))
    axes.barh(rows, [-100 * one.missed for one in models], color=colours, alpha=0.55)
    axes.barh(rows, [100 * one.invented for one in models], color=colours)
    axes.axvline(0, color=_GREY, linewidth=0.8)
    axes.set_yticks(rows, [one.label for one in models])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set_title("missed (% of true fills)  |  invented (% of the model's fills)")
