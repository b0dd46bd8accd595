"""What a user writes as a function and a kernel calls: quoting rules, queue models.

A kernel calls every one of a sort through one fixed signature. A wrapper of that signature is
written under the user's own file name, where it views bytes as the records that were declared; it
is compiled when a run first needs it, and found on disk by later processes. Its stamp covers the
function and every function and constant it draws on, in whatever module they stand.
"""

import hashlib
import types as python_types
from collections.abc import Callable
from typing import Any, ClassVar, Final

import numpy as np
from numba.core.dispatcher import Dispatcher

from mmjit.core.complaints import complaint_of, mistake_in
from mmjit.core.jit import COMPILED, eager, verb

Array = np.ndarray[Any, Any]
NOTHING: Final = np.dtype([("unused", "i8")])


class RuleError(Exception):
    """A rule or a model cannot be declared or compiled; the message says why."""


def parameters(**defaults: int | float) -> Array:
    """Declare parameters of a rule or a model: their names, defaults and, by those, their types.

    An int makes an int64, a float a float64. Returns one record holding the defaults.
    """
    kinds: list[tuple[str, str]] = []
    for name, value in defaults.items():
        if isinstance(value, int) and abs(value) >= 1 << 63:
            raise RuleError(f"parameter {name}: {value} does not fit 64 bits")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RuleError(f"parameter {name}: {value!r} is neither an int nor a float")
        kinds.append((name, "i8" if isinstance(value, int) else "f8"))
    record = np.zeros(1, np.dtype(kinds) if kinds else NOTHING)
    for name, value in defaults.items():
        record[name] = value
    return record


class Authored:
    """A function of a user's that a kernel calls.

    Attributes:
        name: of the function.
        function: as the user wrote it.
        defaults: one record of the parameters' defaults.
        doc: the first line of its docstring.
    """

    noun: ClassVar[str]  # what it is, in messages
    takes: ClassVar[tuple[str, ...]]  # what it is given
    wrapper: ClassVar[str]  # source of the function of the fixed signature, {name} to be filled in

    def __init__(self, function: Callable[..., Any], defaults: Array) -> None:
        self.name = function.__name__
        self.function = function
        self.defaults = defaults
        self.doc = (function.__doc__ or "").strip().partition("\n")[0]
        self._entries: dict[Any, Any] = {}

    def _records(self) -> dict[str, Any]:
        """What the bytes that the wrapper is given are viewed as, by name."""
        return {"params": self.defaults.dtype}

    def _entry_of(self, signature: Any) -> Any:
        """The function as the kernel calls it, compiled for a signature."""
        if not COMPILED:
            return self._wrapped(self.function)
        if signature not in self._entries:
            self._entries[signature] = self._compile(signature)
        return self._entries[signature]

    def _compile(self, signature: Any) -> Any:
        records = self._records()
        fields = {name: record.names for name, record in records.items()}
        mistake = mistake_in(self.function, self.noun, self.takes, fields)
        if mistake is not None:
            raise RuleError(f"{self.noun} {self.name} does not compile: {mistake}")
        wrapper = self._wrapped(verb(self.function))
        wrapper.__mmjit_stamp__ = stamp_of(self.function, *self._records().values())
        try:
            return eager(wrapper, signature)
        except Exception as error:  # some of Numba's errors are no NumbaError
            raise RuleError(
                f"{self.noun} {self.name} does not compile: {complaint_of(error, self.function)}"
            ) from error

    def _wrapped(self, function: Any) -> Any:
        """The function of the fixed signature, under the user's file name."""
        code = compile(
            self.wrapper.format(name=self.name), self.function.__code__.co_filename, "exec"
        )
        scope: dict[str, Any] = {
            "__name__": self.function.__module__,
            f"{self.name}__function": function,
            **{f"{self.name}__{name}": dtype for name, dtype in self._records().items()},
        }
        exec(code, scope)  # the text above, with nothing but the function's own name put in
        return scope[f"{self.name}__entry"]


def declared(function: Callable[..., Any], noun: str) -> Callable[..., Any]:
    """A function that may be declared to be something: it has a name."""
    if not function.__name__.isidentifier():
        raise RuleError(f"a {noun} is a function with a name, not {function.__name__}")
    return function


def record_of(params: Array | None) -> Array:
    """The record of the parameters that a decorator was given."""
    if params is None:
        return parameters()
    if not (isinstance(params, np.ndarray) and params.dtype.names):
        raise RuleError("params is made by parameters(name=default, ...)")
    return params


def stamp_of(function: Any, *extra: Any) -> str:
    """A digest of a function and of everything outside mmjit that its names lead to."""
    state = hashlib.blake2b(digest_size=16)
    _digest(function, state, set())
    for item in extra:
        state.update(repr(item).encode())
    return state.hexdigest()


def _digest(thing: Any, state: Any, seen: set[Any], names: tuple[str, ...] = ()) -> None:
    """Take a function, a compiled function, a module's member or a constant into a digest.

    `names` are those that the code in hand uses: of a module or a class only such members count.
    """
    if isinstance(thing, Dispatcher):
        thing = thing.py_func
    if isinstance(thing, Authored):
        thing = thing.function
    if isinstance(thing, python_types.FunctionType):
        if thing not in seen and not _is_covered(thing.__module__):
            seen.add(thing)
            _digest_function(thing, state, seen)
    elif isinstance(thing, python_types.ModuleType | type):
        home = thing.__module__ if isinstance(thing, type) else thing.__name__
        if (thing, names) not in seen and not _is_covered(home):
            seen.add((thing, names))
            for name in names:
                if hasattr(thing, name):
                    _digest(getattr(thing, name), state, seen, names)
    elif isinstance(thing, np.ndarray):
        state.update(repr((thing.dtype, thing.shape)).encode() + thing.tobytes())
    else:
        state.update(f"{thing!r}\0".encode())


def draws_on(function: Any, wanted: Any, member: str) -> bool:
    """Whether what a user wrote may call a verb, by whatever name, or read a member by its name."""
    seen: set[Any] = set()
    waiting = [function]
    while waiting:
        thing = waiting.pop()
        if thing is wanted:
            return True
        thing = getattr(thing, "py_func", thing)
        thing = thing.function if isinstance(thing, Authored) else thing
        if not isinstance(thing, python_types.FunctionType) or thing in seen:
            continue
        seen.add(thing)
        names = _digest_code(thing.__code__, hashlib.blake2b())
        ours = (thing.__module__ or "").startswith("mmjit.core.")
        if not ours and not {member, wanted.__name__}.isdisjoint(names):
            return True
        waiting += [thing.__globals__[name] for name in names if name in thing.__globals__]
        waiting += [cell.cell_contents for cell in thing.__closure__ or ()]
    return False


def _is_covered(module: str | None) -> bool:
    """Whether the package digest and the versions stand for what is in a module."""
    return (module or "").partition(".")[0] in ("mmjit", "numba", "numpy", "math", "builtins")


def _digest_function(function: Any, state: Any, seen: set[Any]) -> None:
    """Take a function into a digest, and whatever its names lead to."""
    names = tuple(_digest_code(function.__code__, state))
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    defaults = (function.__defaults__, function.__kwdefaults__)
    reached = [function.__globals__[name] for name in names if name in function.__globals__]
    for item in (*closure, defaults, *reached):
        _digest(item, state, seen, names)


def _digest_code(code: python_types.CodeType, state: Any) -> list[str]:
    """Take bytecode, names and constants into a digest; returns the names used, in order."""
    state.update(code.co_code)
    names = list(code.co_names)
    state.update(repr(names).encode())
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            names += _digest_code(constant, state)
        else:
            state.update(repr(constant).encode())
    return names
