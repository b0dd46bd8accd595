"""The one decorator and the cache of what it compiles."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmjit
from mmjit.core.jit import COMPILED

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.skipif(not COMPILED, reason="nothing is compiled with the JIT off"),
]

PACKAGE = Path(mmjit.__file__).parent

# A small public kernel that leans on a leaf module: where entries go is decided by `wrapping.mix`.
SCRIPT = """
import json, sys
import numpy as np
from mmjit.core import cache
if len(sys.argv) > 1:
    cache.PATIENCE_S = float(sys.argv[1])
from mmjit.core.records import ENTRY
from mmjit.wire.itch50 import want

entries = np.zeros(64, ENTRY)
for word in (11, 22, 33, 44, 55):
    want(entries, word)
places = np.flatnonzero(entries["order_id"]).tolist()
folder = cache.cache_folder()
files = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
print(json.dumps({"places": places, "tally": cache.tally, "files": files, "folder": str(folder)}))
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package in a folder of its own."""
    shutil.copytree(PACKAGE, tmp_path / "mmjit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def start(copy: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    return launch(copy, "-c", SCRIPT, *arguments, **settings)


def launch(copy: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "MMJIT_"))}
    kept |= {"PYTHONPATH": str(copy), "MMJIT_CACHE_DIR": str(copy / "cache")} | settings
    return subprocess.Popen(
        [sys.executable, "-B", *arguments],
        env=kept,
        cwd=copy,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out) | {"stderr": err}


def run(copy: Path, *arguments: str, **settings: str) -> dict[str, Any]:
    return finish(start(copy, *arguments, **settings))


def edit(copy: Path, module: str, old: str, new: str) -> None:
    path = copy / "mmjit" / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---- the cache ------------------------------------------------------------------------------


def test_a_kernel_is_compiled_once_and_found_by_every_later_process(copy):
    first, second, third = run(copy), run(copy), run(copy)

    assert first["tally"] == {"hits": 0, "misses": 1}
    assert second["tally"] == third["tally"] == {"hits": 1, "misses": 0}
    assert first["files"] == second["files"] == third["files"]
    assert first["places"] == third["places"]


def test_an_edit_of_a_leaf_module_recompiles_the_kernels_that_lean_on_it(copy):
    before = run(copy)
    edit(copy, "core/wrapping.py", "0xFF51AFD7ED558CCD", "0xC2B2AE3D27D4EB4F")

    after = run(copy)

    assert after["tally"] == {"hits": 0, "misses": 1}
    assert after["places"] != before["places"]  # the new code runs
    assert run(copy)["tally"] == {"hits": 1, "misses": 0}


def test_equal_copies_of_the_package_share_their_kernels(copy, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(copy / "mmjit", other / "mmjit")
    run(copy)

    assert run(other, MMJIT_CACHE_DIR=str(copy / "cache"))["tally"] == {"hits": 1, "misses": 0}


def test_a_new_file_in_the_package_makes_every_kernel_stale(copy):
    run(copy)
    (copy / "mmjit" / "core" / "extra.py").write_text('"""Nothing."""\n')

    assert run(copy)["tally"]["misses"] == 1


def test_checked_and_unchecked_code_lie_in_folders_of_their_own(copy):
    plain = run(copy)
    checked = run(copy, MMJIT_CHECKED="1")

    assert checked["tally"]["misses"] == 1
    assert checked["folder"] != plain["folder"]
    assert run(copy, MMJIT_CHECKED="0")["tally"]["hits"] == 1
    assert run(copy, MMJIT_CHECKED="1")["tally"]["hits"] == 1


def test_a_setting_of_numba_that_shapes_code_has_a_folder_of_its_own(copy):
    assert run(copy)["folder"] != run(copy, NUMBA_OPT="1")["folder"]


def test_processes_that_compile_the_same_kernel_at_once_both_leave_it_whole(copy):
    together = [start(copy) for _ in range(3)]
    results = [finish(process) for process in together]

    assert len({tuple(result["places"]) for result in results}) == 1
    after = run(copy)
    assert after["tally"] == {"hits": 1, "misses": 0}
    assert len(after["files"]) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_file_costs_a_compilation_and_nothing_else(copy, damage):
    before = run(copy)
    path = Path(before["folder"]) / before["files"][0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-1], "flipped": content}[damage])

    after = run(copy)

    assert after["tally"] == {"hits": 0, "misses": 1}
    assert after["places"] == before["places"]
    assert run(copy)["tally"] == {"hits": 1, "misses": 0}


def test_a_kernel_runs_where_nothing_can_be_kept_and_says_so(copy):
    (copy / "cache").write_text("in the way")

    result = run(copy)

    assert result["tally"] == {"hits": 0, "misses": 1}
    assert result["stderr"].count("set MMJIT_CACHE_DIR") == 1


def test_a_first_compilation_that_takes_long_says_so_and_a_later_run_is_silent(copy):
    first = run(copy, "0.01")

    assert "compiling kernels for their first use (now: want)" in first["stderr"]
    assert run(copy, "0.01")["stderr"] == ""


def test_a_quick_first_compilation_is_silent(copy):
    assert run(copy, "1000")["stderr"] == ""


RULES = """
import json, sys
from mmjit.core import cache
from mmjit.core.jit import kernel

def factory(step):
    def rule(value):
        return value + step
    rule.__mmjit_stamp__ = sys.argv[1]
    return kernel(rule)

results = [factory(step)(1) for step in (10, 20)]
files = len(list(cache.cache_folder().iterdir()))
print(json.dumps({"results": results, "tally": cache.tally, "files": files}))
"""


def test_kernels_of_one_factory_are_kept_side_by_side(copy):
    script = copy / "rules.py"
    script.write_text(RULES)

    first, second = (finish(launch(copy, str(script), "stamp")) for _ in range(2))

    assert first["results"] == second["results"] == [11, 21]
    assert first["tally"] == {"hits": 0, "misses": 2}
    assert second["tally"] == {"hits": 2, "misses": 0}


def test_a_stamp_of_ones_own_makes_a_kernel_stale_and_versions_do_not_pile_up(copy):
    script = copy / "rules.py"
    script.write_text(RULES)
    edit(copy, "core/cache.py", "_VERSIONS_KEPT: Final = 16", "_VERSIONS_KEPT: Final = 3")

    results = [finish(launch(copy, str(script), f"stamp {k}")) for k in range(3)]

    assert [result["tally"]["misses"] for result in results] == [2, 2, 2]
    assert [result["files"] for result in results] == [2, 3, 3]


# ---- the decorator --------------------------------------------------------------------------


def refusal_of(function):
    from numba.core.errors import NumbaError

    with pytest.raises(NumbaError) as caught:
        function()
    return str(caught.value)


def test_a_kernel_that_allocates_does_not_compile():
    from mmjit.core.jit import kernel

    @kernel
    def allocates():
        return np.zeros(3, np.int64)[0]

    assert "zeros" in refusal_of(allocates)


def test_a_verb_that_allocates_does_not_compile():
    from mmjit.core.jit import kernel, verb

    @verb
    def listed():
        return [1, 2, 3]

    @kernel
    def calls():
        return len(listed())

    assert "NRT required" in refusal_of(calls)


def test_a_kernel_lets_other_threads_run():
    from mmjit.wire.itch50 import want

    assert want.targetoptions["nogil"] is True
