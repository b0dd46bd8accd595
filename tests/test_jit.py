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
from mmjit.wire.itch50 import ROUTE, want

directory = np.zeros(64, ROUTE)
for word in (11, 22, 33, 44, 55):
    want(directory, word)
places = np.flatnonzero(directory["name"]).tolist()
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


# A kernel and its helper, of records whose fields stand the one way or the other.
TWO_LAYOUTS = """
import json, os, sys
import numpy as np
from mmjit.core.jit import helper, kernel

@helper
def left_of(records):
    return records[0]["left"]

def left(records):
    return left_of(records)

left.__mmjit_stamp__ = "one"
left = kernel(left)

def take(layout):
    names = ("left", "right") if layout == "plain" else ("right", "left")
    records = np.zeros(1, [(name, "i8") for name in names])
    records["left"] = 7
    return int(left(records))

if sys.argv[1] == "fork":
    for layout in sys.argv[2:]:
        if not (child := os.fork()):
            take(layout)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    print(json.dumps({}))
else:
    print(json.dumps({"found": [take(layout) for layout in sys.argv[1:]]}))
"""


@pytest.mark.parametrize("compiling", [[["plain"], ["swapped"]], [["fork", "plain", "swapped"]]])
def test_kernels_compiled_by_two_processes_do_not_share_helpers_in_a_third(tmp_path, compiling):
    script = tmp_path / "two_layouts.py"
    script.write_text(TWO_LAYOUTS)

    def play(*layouts: str) -> dict[str, Any]:
        settings = {"MMJIT_CACHE_DIR": str(tmp_path / "cache")}
        return finish(launch(PACKAGE.parent, str(script), *layouts, **settings))

    for layouts in compiling:
        play(*layouts)
    both = play("plain", "swapped")

    assert both["found"] == [7, 7]
    assert "compiling" not in both["stderr"]


# A helper that reads one array of a bundle, called through an address and with the bundle.
TWO_WAYS = """
import json
from typing import Any, NamedTuple
import numpy as np
from mmjit.core.bound import Bound, bundle_of
from mmjit.core.jit import helper, kernel

class Bundle(NamedTuple):
    unread: Any
    also_unread: Any
    read: Any

@helper
def last_of(bundle):
    return bundle.read[len(bundle.read) - 1]

@kernel
def by_address(bound):
    return last_of(bundle_of(bound))

@kernel
def by_bundle(bundle):
    return last_of(bundle)

bundle = Bundle(np.zeros(1), np.zeros(1), np.arange(7))
print(json.dumps({"found": [int(by_address(Bound(bundle))), int(by_bundle(bundle))]}))
"""


def test_a_helper_that_lost_arguments_in_one_kernel_is_whole_in_the_next(tmp_path):
    script = tmp_path / "two_ways.py"
    script.write_text(TWO_WAYS)
    ran = launch(PACKAGE.parent, str(script), MMJIT_CACHE_DIR=str(tmp_path / "cache"))

    assert finish(ran)["found"] == [6, 6]


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


PARTS = """
import json, sys
from typing import Any, NamedTuple
import numpy as np
from mmjit.core.bound import Bound, bundle_of, door
from mmjit.core.jit import call, helper, kernel

class Pair(NamedTuple):
    near: Any
    far: Any

@helper
def last_of(pair, place):
    total = 0
    for number in range(place + 1):
        total += pair.far[number]
    return total

@kernel
def by_arrays(pair, place):
    return last_of(pair, place)

@call
def by_address(bound, words):
    pair = bundle_of(bound)
    return last_of(pair, words[0]) + 10 * last_of(pair, words[1])

pair = Pair(np.zeros(1, np.int64), np.array([1, 2, 3]))
bound = Bound(pair)
found = {}
for name in sys.argv[1:]:
    if name == "by_arrays":
        found[name] = int(by_arrays(pair, 2))
    else:
        found[name] = int(door(by_address, bound, words=2)(bound, (2, 0)))
print(json.dumps(found))
"""


def test_kernels_from_different_processes_keep_to_helpers_of_their_own(copy):
    # `by_address` drops `near` from its helper's arguments, `by_arrays` hands it over
    script = copy / "parts.py"
    script.write_text(PARTS)

    for order in (["by_arrays", "by_address"], ["by_address", "by_arrays"]):
        found = finish(launch(copy, str(script), *order))
        assert (found["by_arrays"], found["by_address"]) == (6, 16)


def test_a_stamp_of_ones_own_makes_a_kernel_stale_and_versions_do_not_pile_up(copy):
    script = copy / "rules.py"
    script.write_text(RULES)
    edit(copy, "core/cache.py", "_VERSIONS_KEPT: Final = 16", "_VERSIONS_KEPT: Final = 3")

    results = [finish(launch(copy, str(script), f"stamp {k}")) for k in range(3)]

    assert [result["tally"]["misses"] for result in results] == [2, 2, 2]
    assert [result["files"] for result in results] == [2, 3, 3]


# ---- indices --------------------------------------------------------------------------------

PROBE = """
from mmjit.core.jit import helper, kernel, verb

@verb
def verb_at(array, place):
    return array[place]

@helper
def helper_at(array, place):
    return array[place]["qty_lots"]

@kernel
def kernel_at(array, place):
    return array[place]

@kernel
def put_at(array, place):
    array[place] = 7
    return array[0]

@kernel
def at_of(array, place):
    return verb_at(array, place)

@kernel
def field_of(records, place):
    return helper_at(records, place)
"""

RULE = """
import json, sys
import numpy as np
from mmjit.core.jit import kernel
from mmjit.core.probe import at_of, field_of, kernel_at, put_at, verb_at
from mmjit.core.records import EVENT

@kernel
def own(array, place):
    array[place] += 1
    return array[place] * 10 + array[-1]

@kernel
def through(array, place):
    return verb_at(array, place) + array[-1]

def outcome(function, *arguments):
    try:
        return int(function(*arguments))
    except IndexError:
        return "IndexError"

place, own_place = np.int64(sys.argv[1]), np.int64(sys.argv[2])
array, records = np.arange(3), np.zeros(3, EVENT)
ours = [outcome(f, array, place) for f in (kernel_at, put_at, at_of)]
ours.append(outcome(field_of, records, place))
print(json.dumps({"ours": ours, "through": outcome(through, array, place),
                  "own": outcome(own, np.arange(3), own_place), "after": array.tolist()}))
"""


def indexed(copy: Path, place: int, own: int, checked: str) -> dict[str, Any]:
    """What an index does in the package, and another one in a rule."""
    (copy / "mmjit" / "core" / "probe.py").write_text(PROBE)
    (copy / "rule.py").write_text(RULE)
    words = str(copy / "rule.py"), str(place), str(own)
    return finish(launch(copy, *words, MMJIT_CHECKED=checked))


@pytest.mark.parametrize("place", [-1, -3])
def test_an_index_below_zero_is_an_error_in_the_package_where_indices_are_checked(copy, place):
    result = indexed(copy, place, place, "1")

    assert result["ours"] == ["IndexError"] * 4
    assert result["after"] == [0, 1, 2]  # nothing was written
    assert result["through"] == "IndexError"  # a verb of the package, in a rule's code
    assert result["own"] == {-1: 33, -3: 12}[place]


@pytest.mark.parametrize("checked", ["0", "1"])
def test_a_rule_may_count_from_the_end_and_other_indices_are_what_they_were(copy, checked):
    result = indexed(copy, 2, -1, checked)

    assert result["ours"] == [2, 0, 7, 0]
    assert result["through"] == 14
    assert result["own"] == 33


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
