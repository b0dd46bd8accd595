"""The house rules, on the syntax tree: what a reader may rely on in every file."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from mmjit.core import records, tables

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "mmjit"
FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 450
TEST_LINES_MAX = 900  # of a file of tests, which is not read from top to bottom
PARAMETERS_MAX = {"kernel": 6, "call": 6, "verb": 8, "helper": 8}

COMPILING = {"kernel", "call", "verb", "helper"}
STOREY_1 = ("core", "strategies", "models", "wire")

# What makes an array, a list or a string: none of it belongs in what compiles.
ALLOCATORS = {
    *("zeros", "empty", "ones", "full", "arange", "array", "copy", "concatenate", "zeros_like"),
    *("empty_like", "append", "list", "dict", "set", "sorted", "str", "repr", "format"),
}
LITERALS = (
    *(ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp),
    ast.JoinedStr,
)

# Which files may know how compiling works; everything else goes through `mmjit.core.jit`.
NUMBA_KNOWN = {
    *("core/jit.py", "core/cache.py", "core/intrinsics.py", "core/bound.py", "core/rules.py"),
    *("core/authored.py", "core/queues.py"),
}
NUMBA_NAMED = {"outcome.py"}  # says in run.json which version it ran with
UNSIGNED = {"uint64", "uint32", "uint16", "uint8"}

MODULES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = [
    *MODULES,
    *sorted((TOP / "tests").rglob("*.py")),
    *sorted(p for p in (TOP / "perf").rglob("*.py") if "yardstick" not in p.parts),
]


def name_of(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


def within(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function but for its docstring, which is read by itself."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function):
        text = function.body[0]
        lines -= (text.end_lineno or 0) - text.lineno + 1
    return lines


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def last_name(node: ast.expr) -> str:
    """`kernel` of `kernel`, `jit.kernel` and `kernel(...)`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def compiled(tree: ast.AST, only: set[str] = COMPILING) -> Iterator[ast.FunctionDef]:
    for function in functions(tree):
        if isinstance(function, ast.FunctionDef) and any(
            last_name(decorator) in only for decorator in function.decorator_list
        ):
            yield function


def offences_in_kernel(function: ast.FunctionDef) -> list[str]:
    """What a function that compiles may not hold."""
    found = []
    for node in ast.walk(function):
        where = f"{function.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Raise | ast.Try | ast.With):
            found.append(f"{where} {type(node).__name__.lower()}")
        if isinstance(node, LITERALS):
            found.append(f"{where} allocates ({type(node).__name__})")
        if isinstance(node, ast.Call) and last_name(node) in ALLOCATORS | {"print"}:
            found.append(f"{where} calls {last_name(node)}")
    return found


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Pairs of a module and a name that is imported from it ('' for the module itself)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


# ---- size -----------------------------------------------------------------------------------


def test_a_function_fits_on_a_screen():
    long = [
        f"{name_of(path)}:{function.lineno} {function.name} has {length(function)} lines"
        for path in SCRIPTS
        for function in functions(tree_of(path))
        if length(function) > FUNCTION_LINES_MAX
    ]

    assert long == []


def test_a_module_is_read_in_one_sitting():
    lines = {path: len(path.read_text().splitlines()) for path in SCRIPTS}
    long = {
        name_of(path): count
        for path, count in lines.items()
        if count > (TEST_LINES_MAX if path.is_relative_to(TOP / "tests") else MODULE_LINES_MAX)
    }

    assert long == {}


def test_a_kernel_takes_few_parameters():
    crowded = [
        f"{name_of(path)}: {function.name}"
        for path in MODULES
        for role, limit in PARAMETERS_MAX.items()
        for function in compiled(tree_of(path), {role})
        if len(function.args.args) + len(function.args.kwonlyargs) > limit
    ]

    assert crowded == []


# ---- what compiles --------------------------------------------------------------------------


def test_what_compiles_neither_raises_nor_prints_nor_allocates():
    offences = [
        f"{name_of(path)}: {offence}"
        for path in MODULES
        for function in compiled(tree_of(path))
        for offence in offences_in_kernel(function)
    ]

    assert offences == []


def test_the_rule_for_kernels_sees_each_offence():
    source = """
@jit.verb
def bad(book):
    raise ValueError
    print(book)
    a = np.zeros(3)
    b = [1]
    c = f"{a}"
    d = {k: 1 for k in b}

def good(book):
    return [print(book)]
"""
    offences = [o for f in compiled(ast.parse(source)) for o in offences_in_kernel(f)]

    assert len(offences) == 6


def test_numba_is_known_in_few_files():
    knowing = {
        within(path)
        for path in MODULES
        for module, _ in imported(tree_of(path))
        if module.split(".")[0] in ("numba", "llvmlite")
    }

    assert knowing - NUMBA_KNOWN - NUMBA_NAMED == set()


ABOUT_SOURCE = {"core/complaints.py"}  # nothing in it compiles: it reads what a user wrote


def test_what_compiles_knows_nothing_but_numpy_and_its_own_vocabulary():
    known = {"numpy", "mmjit", "typing", "enum", "collections", "dataclasses", "math"}
    strange = [
        f"{within(path)}: {module}"
        for path in MODULES
        if within(path).split("/")[0] in STOREY_1
        and within(path) not in {*NUMBA_KNOWN, *ABOUT_SOURCE}
        for module, _ in imported(tree_of(path))
        if module.split(".")[0] not in known
    ]

    assert strange == []


def test_njit_is_used_in_one_file_only():
    using = set()
    for path in MODULES:
        tree = tree_of(path)
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        named |= {name for _, name in imported(tree)}
        if named & {"njit", "vectorize", "guvectorize", "cfunc"}:
            using.add(within(path))

    assert using == {"core/jit.py"}


def test_wrapping_arithmetic_lives_in_one_file():
    using = {
        within(path)
        for path in MODULES
        for function in compiled(tree_of(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr in UNSIGNED
    }

    assert using == {"core/wrapping.py"}


def test_a_record_is_read_by_subscript_in_what_compiles():
    """`record.field` fails with the JIT off; `record["field"]` works in both."""
    known = (*vars(records).values(), *vars(tables).values())
    dtypes = [d for d in known if isinstance(d, np.dtype)]
    fields = {name for dtype in dtypes for name in dtype.names or ()}
    nouns = {"event", "order", "record", "node", "level", "side", "meter", "seat", "entry"}
    nouns |= {"position", "terms", "limit", "total", "account", "command", "fill", "detail"}
    offences = [
        f"{name_of(path)}:{node.lineno} {last_name(node.value)}.{node.attr}"
        for path in MODULES
        for function in compiled(tree_of(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        if node.attr in fields and last_name(node.value) in nouns
    ]

    assert offences == []


def test_every_public_name_says_what_it_is():
    silent = []
    for path in MODULES:
        tree = tree_of(path)
        if tree.body and not ast.get_docstring(tree):
            silent.append(name_of(path))
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                silent += [] if ast.get_docstring(node) else [f"{name_of(path)}: {node.name}"]

    assert silent == []


# ---- what is left lying about ---------------------------------------------------------------


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=TOP,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return [p for p in SCRIPTS if p.is_file()]  # an unpacked archive
    return [TOP / name for name in listed.split("\0") if name and (TOP / name).is_file()]


def lines_with(pattern: str, *, but: tuple[str, ...] = ()) -> list[str]:
    sought = re.compile(pattern)
    found = []
    for path in tracked_files():
        if name_of(path) in but:
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}:{k}" for k, line in enumerate(lines, 1) if sought.search(line)]
    return found


def test_nothing_is_left_to_be_done():
    assert lines_with(r"\b(TODO|" + r"FIXME|XXX)\b", but=("tests/test_tidy.py",)) == []


def test_no_file_names_a_place_on_somebodys_machine():
    roots = "work|root|home|Users|farm"

    assert (
        lines_with(rf"(^|[^A-Za-z0-9_.\-])/({roots})/[A-Za-z0-9]", but=("tests/test_tidy.py",))
        == []
    )


def test_recorded_markets_are_named_by_their_variable_alone():
    """Where the data lies is known to the CI script only."""
    assert lines_with(r"\.\./" + "shared", but=("tests/test_tidy.py", ".ci/run")) == []


def test_no_file_is_large():
    large = [name_of(p) for p in tracked_files() if p.stat().st_size > 512 << 10]

    assert large == []
