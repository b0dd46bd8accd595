"""After `mmjit warm` nothing is left to be compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.compiled

TOP = Path(__file__).resolve().parent.parent

# Every kernel that there is, whether some command was thought of or not.
EVERY_KERNEL = """
import importlib, json, pkgutil
import mmjit
for module in pkgutil.walk_packages(mmjit.__path__, "mmjit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from numba.core.runtime import _nrt_python, rtsys
from mmjit.core.jit import KERNELS
from mmjit.warming import warm
_nrt_python.memsys_enable_stats()
before = rtsys.get_allocation_stats()
done = warm(progress=False)
after = rtsys.get_allocation_stats()
import numba, numpy
numba.njit(lambda: numpy.zeros(3).sum())()  # what an allocation would have looked like
control = rtsys.get_allocation_stats().alloc - after.alloc
cold = [k.py_func.__qualname__ for k in KERNELS if k._can_compile and not k.overloads]
print(json.dumps({"cold": cold, "kernels": done.compiled + done.cached,
                  "allocated": after.alloc - before.alloc, "control": control}))
"""

EVERY_COMMAND = """
import json, sys
from mmjit.cli import main
from mmjit.core.cache import tally
for command in json.loads(sys.argv[1]):
    assert main(command) == 0, command
print(json.dumps(tally))
"""

EVERY_DOOR = """
import json, sys
import numpy as np
import mmjit
from mmjit.core.cache import tally

instruments = [mmjit.Instrument(symbol="X")]
for bits in (32, 64):
    capacity = mmjit.Capacity(symbols=1, orders=64, qty_bits=bits)
    with mmjit.create_state(f"{sys.argv[1]}/{bits}", capacity) as state:
        for market in (mmjit.Market(instruments, state), mmjit.Market(instruments)):
            market.add(1, mmjit.BID, 100, 5)
            market.apply(np.zeros(2, mmjit.EVENT))
            market.execute(1, 2)
            market.clear()
    with mmjit.open_state(f"{sys.argv[1]}/{bits}") as state:
        for venue in (mmjit.Venue(instruments, state), mmjit.Venue(instruments, accounts=2)):
            venue.submit(1, mmjit.BID, 100, 5)
            venue.submit(2, mmjit.ASK, 100, 2, owner=None)
            venue.tracker.record(mmjit.BID, 100, 1)
            venue.tracker.check(mmjit.BID, 100, 1)
            venue.tracker.mark(100)
            venue.kill()
            venue.tracker.disarm()
            venue.tracker.resume()
            venue.start_session(1)
mmjit.play(events=10, strategy="pegged")
print(json.dumps(tally))
"""


def python(text, *arguments):
    search = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments],
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def warmed():
    """What a process saw that warmed every kernel."""
    return python(EVERY_KERNEL)


def test_warming_leaves_no_kernel_out(warmed):
    assert warmed["cold"] == []
    assert warmed["kernels"] > 30


def test_kernels_allocate_nothing(warmed):
    assert warmed["control"] > 0
    assert warmed["allocated"] == 0


def test_after_warming_no_command_compiles(warmed, tmp_path):
    tape, depth, run = str(tmp_path / "tape"), str(tmp_path / "depth.npy"), str(tmp_path / "run")
    commands = [
        ["demo", "--events", "2000", "--picture", str(tmp_path / "demo.png")],
        ["simulate", "cst", "--events", "2000", "-o", tape],
        ["info", tape],
        ["replay", tape, "--audit"],
        ["depth", tape, "--symbol", "SIM0", "--levels", "7", "-o", depth],
        ["backtest", tape, "--strategy", "pegged", "--out", run],
        ["backtest", tape, "--strategy", "skewed", "--every", "100ms", "--max-position", "500"],
        ["queue-error", tape, "--every", "100ms", "--horizon", "200ms"],
        ["create", str(tmp_path / "state"), "--orders", "100"],
    ]

    tally = python(EVERY_COMMAND, json.dumps(commands))

    assert tally["misses"] == 0
    assert tally["hits"] > 5


def test_after_warming_no_call_of_a_market_compiles(warmed, tmp_path):
    assert python(EVERY_DOOR, str(tmp_path))["misses"] == 0


def test_the_command_says_what_it_did(warmed, capsys):
    from mmjit.cli import main

    assert main(["warm", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert said["compiled"] == 0
    assert Path(said["folder"]).is_dir()
