"""A run as `mmjit backtest --out` left it: a folder of fills.npy, orders.npy and run.json."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.codes import Kind, Status
from mmjit.core.tables import FILL_LINE, STEP
from mmjit.errors import ArgumentError, RunError
from mmjit.instrument import Instrument

Array = np.ndarray[Any, Any]
FILES: Final = ("fills.npy", "orders.npy", "run.json")


@dataclass(frozen=True)
class RunFolder:
    """What a backtest wrote.

    Attributes:
        path: the folder.
        fills: FILL_LINE, every fill of ours, in the order in which our side learnt of them.
        orders: STEP, every step in the life of every order of ours, in that order too.
        info: run.json: versions, tape, strategy, settings and result.
        instruments: by symbol number; they say what a price unit and a lot are.
    """

    path: Path
    fills: Array
    orders: Array
    info: dict[str, Any]
    instruments: tuple[Instrument, ...]

    def symbol(self, name: str) -> int:
        """The number of a symbol.

        Raises:
            ArgumentError: the run has no such symbol.
        """
        names = [instrument.symbol for instrument in self.instruments]
        if name not in names:
            some = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            raise ArgumentError(f"{self.path} has no symbol {name!r}; it has: {some}")
        return names.index(name)


def read_run(path: str | os.PathLike[str]) -> RunFolder:
    """Open what `mmjit backtest --out` or `mmjit.backtest(..., out=)` wrote; nothing is copied.

    The arrays are mapped copy-on-write: what is written to them stays in memory.

    Raises:
        RunError: there is no run, or it is damaged or of another version.
    """
    folder = Path(path)
    info = _read_json(folder)
    try:
        instruments = tuple(Instrument.from_json(values) for values in info["instruments"])
    except KeyError as error:
        raise RunError(
            f"{folder}/run.json lacks {error}; an earlier mmjit wrote it: run it again"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{folder}/run.json is damaged ({error}); run it again") from None
    fills = _map(folder / "fills.npy", FILL_LINE, len(instruments))
    orders = _map(folder / "orders.npy", STEP, len(instruments))
    for name, codes in (("kind", Kind), ("status", Status)):
        if not np.isin(orders[name], list(codes)).all():
            raise RunError(f"{folder}/orders.npy has a {name} that is none; run it again")
    return RunFolder(folder, fills, orders, info, instruments)


def _read_json(folder: Path) -> dict[str, Any]:
    try:
        info = json.loads((folder / "run.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"{folder} is not a run: it has no run.json; make one with mmjit backtest --out"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{folder}/run.json cannot be read ({error}); run it again") from None
    if not isinstance(info, dict) or info.get("format") != "mmjit-backtest":
        raise RunError(f"{folder}/run.json does not describe a backtest; choose another folder")
    if info.get("version") != 1:
        raise RunError(f"{folder} is a run of version {info.get('version')}, not 1; run it again")
    return info


def _map(path: Path, dtype: np.dtype[Any], symbols: int) -> Array:
    """The records of a file; a .npy file does not keep that the dtype is aligned."""
    try:
        mapped = np.load(path, mmap_mode="c")
    except FileNotFoundError:
        raise RunError(f"{path} is missing; run the backtest again") from None
    except Exception as error:  # of a damaged head numpy raises what its parser comes upon
        raise RunError(f"{path} cannot be read ({error}); run the backtest again") from None
    if mapped.dtype != dtype or mapped.ndim != 1:
        raise RunError(f"{path} holds no records of this mmjit; run the backtest again")
    lines = np.asarray(mapped).view(dtype)
    if len(lines) and not (lines["symbol"].min() >= 0 and lines["symbol"].max() < symbols):
        raise RunError(f"{path} names symbols that run.json lacks; run the backtest again")
    return lines
