"""The markets of versus_hftbacktest.py: each as rows of hftbacktest and as a tape, the same events.

sim_l2, sim_l3      a generated flow by price level and by order; 4,000 orders rest
deep_l3             by order, with 40,000 at rest, at few prices
binance             a capture of USD-M futures, by price level with trades, from $MMJIT_DATA
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmjit import export_hftbacktest, import_binance, import_hftbacktest, open_tape
from mmjit.core.cache import package_digest
from mmjit.tape import Tape

GENERATOR = Path(__file__).resolve().parent / "yardstick" / "gen_hftbacktest.py"
FLOWS = {
    "sim": ("--spacing", "1000000", "--seed", "7"),
    "deep": ("--live", "40000", "--geo", "0.15", "--seed", "11"),
}
GENERATED = ("sim_l2", "sim_l3", "deep_l3")
CAPTURE = "crypto/usdm_btcusdt_20240808.gz"
BINANCE = "binance"
EVERY_NS = 100_000_000


class Market(NamedTuple):
    """The same events twice."""

    name: str
    file: Path  # for hftbacktest
    tape: Tape
    row_count: int
    by_order: bool
    generated_rows: int = 0

    @property
    def begin_ns(self) -> int:
        """The first instant at which the rule is asked."""
        return (int(self.tape.events["venue_ns"][0]) // EVERY_NS + 1) * EVERY_NS


def market(name: str, folder: Path, rows: int) -> Market | None:
    """A market, made unless it is there already; None where its capture is missing."""
    return captured(folder) if name == BINANCE else generated(name, folder, rows)


def generated(name: str, folder: Path, rows: int) -> Market:
    """A flow of so many rows."""
    folder.mkdir(parents=True, exist_ok=True)
    flow, _, depth = name.partition("_")
    made = folder / f"{flow}-{rows}"
    file = folder / f"{made.name}_{depth}.npy"
    if not file.exists():
        command = [sys.executable, str(GENERATOR), "--events", str(rows), "--out", str(made)]
        subprocess.run([*command, *FLOWS[flow]], check=True, stdout=subprocess.DEVNULL)
    path = tape_path(folder, f"{made.name}_{depth}")
    if not path.exists():
        steps = {"symbol": "SIM", "tick_size": "0.01", "lot_size": "0.001"}
        import_hftbacktest(file, path, progress=False, **steps)
    return Market(name, file, open_tape(path), rows, depth == "l3", rows)


def captured(folder: Path) -> Market | None:
    """A recorded day of Binance, as mmjit imports it, and as it exports that."""
    source = Path(os.environ.get("MMJIT_DATA", "")) / CAPTURE
    if "MMJIT_DATA" not in os.environ or not source.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = tape_path(folder, BINANCE)
    if not path.exists():
        import_binance(source, path, tick_size="0.1", lot_size="0.001", progress=False)
    file = folder / f"{path.name}.npy"
    if not file.exists():
        export_hftbacktest(path, file)
    return Market(BINANCE, file, open_tape(path), len(np.load(file, mmap_mode="r")), False)


def tape_path(folder: Path, name: str) -> Path:
    """Where the tape lies that this version of mmjit makes; those of others are removed."""
    path = folder / f"{name}.tape-{package_digest()[:12]}"
    for old in folder.glob(f"{name}.tape-*"):
        if not old.name.startswith(path.name):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    return path
