"""Where the lines of a run's rings go: to a folder that appears when it is whole, or to memory."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmjit.core.tables import FILL_LINE, STEP
from mmjit.core.working import Session
from mmjit.errors import ArgumentError
from mmjit.npy import NpyWriter

Array = np.ndarray[Any, Any]


class RunLog:
    """Takes the lines of the rings to files, or to memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._pieces: dict[str, list[Array]] = {"fills": [], "orders": []}
        self._files: dict[str, NpyWriter] = {}
        if folder is not None:
            self._files = {
                "fills": NpyWriter(folder / "fills.npy", FILL_LINE),
                "orders": NpyWriter(folder / "orders.npy", STEP),
            }

    def drain(self, session: Session) -> int:
        """Move what the rings hold, and empty them; returns how many lines there were."""
        run, logbook = session.run[0], session.logbook.bundle
        count = int(run["fill_count"] + run["step_count"])
        rings = (
            ("fills", logbook.fills, "fill_count"),
            ("orders", logbook.steps, "step_count"),
        )
        for name, ring, counter in rings:
            lines = ring[: int(run[counter])]
            if self._files:
                self._files[name].append(lines)
            else:
                self._pieces[name].append(lines.view(np.uint8).copy())  # as bytes: at once
            run[counter] = 0
        return count

    def copy(self) -> "RunLog":
        """The same lines in memory, to go on with."""
        return RunLog.of(self.collected("fills", FILL_LINE), self.collected("orders", STEP))

    @classmethod
    def of(cls, fills: Array, orders: Array) -> "RunLog":
        """Lines in memory, to go on with."""
        logs = cls(None)
        logs._pieces = {"fills": [fills.view(np.uint8)], "orders": [orders.view(np.uint8)]}
        return logs

    def collected(self, name: str, dtype: Any) -> Array:
        """Everything that was drained."""
        if self.folder is None:
            return np.concatenate([np.zeros(0, np.uint8), *self._pieces[name]]).view(dtype)
        self._files[name].finish()
        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="c")).view(dtype)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


@contextmanager
def run_log(out: Path | None, replace: bool) -> Iterator[RunLog]:
    """The logs of a run; a folder appears only when the run has come to its end."""
    if out is None:
        yield RunLog(None)
        return
    if out.exists() and not replace:
        raise ArgumentError(f"{out} exists already; remove it or pass --replace")
    if out.exists() and not (out / "run.json").exists():
        raise ArgumentError(f"{out} exists and holds no backtest; choose another place")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    logs = RunLog(partial)
    try:
        yield logs
        logs.close()
        if out.exists():
            shutil.rmtree(out)
        os.rename(partial, out)
    finally:
        logs.close()
        shutil.rmtree(partial, ignore_errors=True)
