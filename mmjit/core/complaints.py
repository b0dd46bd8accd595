"""What is wrong with a function that a user wrote, in his own line and in words to mend it by.

What can be seen in the source is looked for first (`mistake_in`); what only the compiler finds is
told from its error (`complaint_of`), of which the whole text stays the exception's cause.
"""

import ast
import builtins
import difflib
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_NUMBERS_ONLY: Final = (
    "it makes a list, an array or a string; it may use numbers and the records it is given only"
)
_MAKES: Final = {
    ast.List: _NUMBERS_ONLY,
    ast.ListComp: _NUMBERS_ONLY,
    ast.Dict: "it makes a dictionary; keep what it knows in the fields of its memory",
    ast.DictComp: "it makes a dictionary; keep what it knows in the fields of its memory",
    ast.Set: _NUMBERS_ONLY,
    ast.SetComp: _NUMBERS_ONLY,
    ast.JoinedStr: _NUMBERS_ONLY,
    ast.Yield: "it yields; it is called once a decision and keeps what it knows in its memory",
}


def mistake_in(
    function: Callable[..., Any], noun: str, names: tuple[str, ...], fields: Mapping[str, Any]
) -> str | None:
    """The first mistake that the source of a function shows, with its line; None: none.

    Args:
        function: as its author wrote it.
        noun: what it is.
        names: what its parameters stand for.
        fields: by the names of parameters, the fields that each has.
    """
    given = list(inspect.signature(function).parameters)
    if len(given) != len(names):
        line = function.__code__.co_firstlineno
        said = f"it takes ({', '.join(given)}); a {noun} takes ({', '.join(names)})"
        return located(function, _line_of_def(function, line), said)
    stands_for = dict(zip(given, names, strict=True))
    found = sorted(_mistakes(function, noun, stands_for, fields))
    return located(function, *found[0]) if found else None


def _mistakes(
    function: Callable[..., Any], noun: str, stands_for: dict[str, str], fields: Mapping[str, Any]
) -> Iterator[tuple[int, str]]:
    """Every mistake that the source shows, with its line."""
    for node in _nodes_of(function):
        if type(node) in _MAKES:
            yield node.lineno, _MAKES[type(node)]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield (
                node.lineno,
                f"it calls print, which a compiled {noun} cannot; leave it out, or run it with "
                "--debug (NUMBA_DISABLE_JIT=1)",
            )
        if isinstance(node, ast.Name) and _is_unknown(node.id, function):
            near = difflib.get_close_matches(node.id, function.__globals__, 1)
            remedy = f"did you mean {near[0]!r}?" if near else "import it, or define it above"
            yield node.lineno, f"the name {node.id!r} is not defined; {remedy}"
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            continue
        known = fields.get(stands_for.get(node.value.id, ""))
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if known is not None and isinstance(key, str) and key not in known:
            yield node.lineno, _missing(node.value.id, key, tuple(known))


def _is_unknown(name: str, function: Callable[..., Any]) -> bool:
    """Whether a name is nothing that a function can see."""
    code = function.__code__
    own = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    return name not in own and name not in function.__globals__ and not hasattr(builtins, name)


def _missing(name: str, key: str, known: tuple[str, ...]) -> str:
    """What to say of a field that there is not."""
    if known == ("unused",):
        return f'{name} has no {key!r}, and none is declared; declare it: {name}=[("{key}", "i8")]'
    near = difflib.get_close_matches(key, known, 1)
    remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
    return f"{name} has no {key!r}; {remedy}"


def _nodes_of(function: Callable[..., Any]) -> Iterator[Any]:
    """The syntax of a function's body, numbered as its file is; nothing without a source."""
    try:
        lines, start = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return
    ast.increment_lineno(tree, start - 1)
    for statement in tree.body[0].body if tree.body else ():  # type: ignore[attr-defined]
        yield from ast.walk(statement)


def _line_of_def(function: Callable[..., Any], first: int) -> int:
    """The line of `def`, below decorators."""
    file = function.__code__.co_filename
    for line in range(first, first + 20):
        if linecache.getline(file, line).lstrip().startswith("def "):
            return line
    return first


def located(function: Callable[..., Any], line: int, said: str) -> str:
    """What is said, under the place and the text of a line of the function's file."""
    file = function.__code__.co_filename
    text = linecache.getline(file, line).strip()
    return f"{Path(file).name}, line {line}:\n    {text}\n{said}" if text else said


# ---- what the compiler says -----------------------------------------------------------------


def complaint_of(error: BaseException, function: Callable[..., Any]) -> str:
    """What a compiler's error means for the author of a function, with his line if it names one."""
    text = str(error)
    said = explain(text)
    file = Path(function.__code__.co_filename)
    for name, line in re.findall(r'File "([^"]+)", line (\d+)', text):
        if Path(name).name == file.name and _is_of(function, int(line)):
            return located(function, int(line), said)
    return said


def _is_of(function: Callable[..., Any], line: int) -> bool:
    """Whether a line is one of a file that has such a line, and not of what stands before it."""
    text = linecache.getline(function.__code__.co_filename, line)
    return text.startswith((" ", "\t"))  # in the body of a function: a wrapper has none there


def explain(text: str) -> str:
    """What a compiler's error means, in one line."""
    if "built-in function or_" in text and "float64" in text:
        return (
            "a price or quantity given to `want` is a float; wants are whole price units and lots: "
            "use on_tick, behind or //"
        )
    if "No conversion from none to float64" in text:
        return "it can end without returning a number; return the new front_lots"
    taken = re.search(r"to signature '(\(.*?\))' due to", text)
    if taken is not None:
        callee = re.search(r"<function (\w+) at", text)
        return f"{callee[1] if callee else 'the function'} takes {taken[1]}"
    name = re.search(r"Untyped global name '(\w+)'|name '(\w+)' is not defined", text)
    if name is not None:
        return f"the name {name[1] or name[2]!r} is not defined or not usable in a kernel"
    missing = re.search(r"Unknown attribute '(\w+)' of type (\w+)", text)
    if missing is not None:
        hint = "; a desk is asked with best(desk, BID), position(desk), ..., as in mmjit.core.desk"
        return f"{missing[2]} has no {missing[1]!r}{hint if missing[2] == 'Desk' else ''}"
    if "NRT required" in text or "Only accept returning of array passed" in text:
        return _NUMBERS_ONLY
    kinds = re.search(r"Function\(<built-in function \w+>\) found for signature:\s+>>> (.*)", text)
    if kinds is not None:
        return f"{kinds[1].strip()}: there is no such operation on these types"
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line and not line.startswith("Failed in nopython mode")]
    return " ".join(telling[:2])[:300]
