"""How every kernel is compiled. Nobody else imports `njit`.

`kernel`  an entry point that Python calls: cached on disk, releases the GIL
`call`    the same for what takes a fraction of a microsecond: keeps the GIL
`verb`    a piece of a kernel, forced into its caller: a bundle of arrays costs seven words an array
          at every call that stays a call
`helper`  a piece that stays a call: the cold path of a hot verb, taking few arrays

All four run without Numba's runtime (`_nrt=False`, a private option whose effect a test guards):
no reference counts, and a kernel that allocates does not compile.

`MMJIT_CHECKED=1` compiles assertions and bounds checks in; `NUMBA_DISABLE_JIT=1` runs plain Python.
Each has its own code on disk, see `mmjit.core.cache`.
"""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import numba
from llvmlite.binding import Linkage
from numba import config, typeof, types
from numba.core.bytecode import FunctionIdentity
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj

from mmjit.core.cache import StampedCache

CHECKED: Final = os.environ.get("MMJIT_CHECKED", "0") not in ("", "0")
COMPILED: Final = not config.DISABLE_JIT

_EXTERNAL: Final = Linkage.external
_LINKED: Final = Linkage.linkonce_odr
KERNELS: Final[list[Any]] = []  # every entry point there is, so that a test can see it warmed

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {
    "_nrt": False,
    "boundscheck": CHECKED,
    "error_model": "numpy",  # a division by zero is a bug that CHECKED finds, not an exception
}


def _name_apart() -> None:
    """Have what this process compiles named as no other process names what it compiles.

    Numba numbers functions and record types from 1 in each process, and the names of compiled code
    are made of those numbers. Of two pieces from disk with one name the linker keeps the first:
    kernels of other layouts, compiled by two processes, then ran each other's helpers in a third.
    """
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(48) << 14)


_name_apart()
os.register_at_fork(after_in_child=_name_apart)


class _StaysACall(Lower):  # type: ignore[misc]
    """Keeps LLVM from inlining a helper: into its callers it would be compiled again and again."""

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        self.function.attributes.add("noinline")


def _leave_to_callers(library: Any) -> None:
    """Keep a library as it was written: what draws on it links and optimises it, once.

    Numba would link and optimise each function again within every function above it, and translate
    each; that was most of a cold compilation.
    """

    def finish() -> None:
        library._finalized = True

    def module_for_linking() -> Any:
        if library._shared_module is None:
            library._shared_module = _linked(library)
        return library._shared_module

    library.finalize = finish
    library._get_module_for_linking = module_for_linking
    library.is_left_to_callers = True


def _own_what_is_linked(library: Any) -> None:
    """Tell LLVM that nobody else calls the functions that an entry point was linked with.

    So it drops what they do not use of a bundle of arrays: seven words an array at every call. That
    is worth a sixth of a quote update. A replay, which hardly calls anything, became 4 % slower by
    it; so it is done where a bundle comes by its address, as to what makes one step of many.

    Private, not internal: the linker knows internal functions by name, and a kernel that is loaded
    later would call them, with the arguments that they have dropped.
    """
    optimise = library._optimize_final_module

    def own_and_optimise() -> None:
        for function in library._final_module.functions:
            if not function.is_declaration and function.linkage == _LINKED:
                function.linkage = "private"
        optimise()

    library._optimize_final_module = own_and_optimise


def _linked(library: Any) -> Any:
    """A library's code with all that it draws on, to be linked into an entry point."""
    module = library._final_module.clone()
    for part in _parts_of(library, {library}):
        left = hasattr(part, "is_left_to_callers")
        module.link_in(part._final_module if left else part._get_module_for_linking(), True)
    names = [f.name for f in module.functions if not f.is_declaration and f.linkage == _EXTERNAL]
    for name in names:
        module.get_function(name).linkage = "linkonce_odr"  # as Numba does: others may have it too
    return module


def _parts_of(library: Any, seen: set[Any]) -> Iterator[Any]:
    """Every library that one draws on, each once; those of Numba's own bring what they need."""
    for part in library._linking_libraries:
        if part not in seen:
            seen.add(part)
            yield part
            if hasattr(part, "is_left_to_callers"):
                yield from _parts_of(part, seen)


@contextmanager
def _indices_as_given(modname: str) -> Iterator[None]:
    """Compile the functions of this package without Python's counting from the end.

    A negative index is a mistake here. Looking for one took three instructions of every access to
    an array, and hid it from the bounds checks of a checked build. Rules of a user's keep it.
    """
    before = arrayobj.fix_integer_index

    def as_given(context: Any, builder: Any, idxty: Any, idx: Any, size: Any) -> Any:
        return context.cast(builder, idx, idxty, types.intp if idxty.signed else types.uintp)

    if modname.partition(".")[0] == __name__.partition(".")[0]:
        arrayobj.fix_integer_index = as_given
    try:
        yield
    finally:
        arrayobj.fix_integer_index = before


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerKernel(NativeLowering):  # type: ignore[misc]
    """Lowers an entry point."""

    _name = "mmjit_lower_kernel"

    def run_pass(self, state: Any) -> bool:
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library.enable_object_caching()
        if any(hasattr(kind, "bundle") for kind in state.args):  # of a Bound
            _own_what_is_linked(state.library)
        with _indices_as_given(state.func_id.modname):
            return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerForCallers(NativeLowering):  # type: ignore[misc]
    """Lowers a function that only compiled code calls: no door for Python is built.

    The doors of some eighty verbs took half of the time of a cold compilation.
    """

    _name = "mmjit_lower_for_callers"
    _inlined = True

    @property
    def lowering_class(self) -> Any:
        return Lower if self._inlined else _StaysACall

    def run_pass(self, state: Any) -> bool:
        flags = state.flags
        self._inlined = flags.forceinline
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        with _indices_as_given(state.func_id.modname):
            super().run_pass(state)
        _leave_to_callers(state.library)
        door = object()  # stands for the entry point that there is none of
        state.targetctx.insert_user_function(door, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=door)
        return True


class _Kernel(Compiler):  # type: ignore[misc]
    """Numba's pipeline with the last step replaced."""

    _lowering: Any = _LowerKernel

    def define_pipelines(self) -> Any:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [
                (self._lowering, text) if step is NativeLowering else (step, text)
                for step, text in pipeline.passes
            ]
        return pipelines


class _CallersOnly(_Kernel):
    """The same for functions that only compiled code calls."""

    _lowering = _LowerForCallers


def _callers_only(function: F, **options: Any) -> F:
    dispatcher = numba.njit(pipeline_class=_CallersOnly, **options, **_OPTIONS)(function)

    def add_overload(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result

    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(f"{function.__name__} has no door for Python: call it from a kernel")

    dispatcher.add_overload = add_overload
    dispatcher._compile_for_args = refuse
    return dispatcher  # type: ignore[no-any-return]


def kernel(function: F) -> F:
    """Compile an entry point, keep its code on disk, release the GIL while it runs."""
    return _entry_point(function, releases_gil=True)


def call(function: F) -> F:
    """Compile an entry point that keeps the GIL: to hand it over takes 30 ns, twice a short call.

    So no other Python thread can come between, either.
    """
    return _entry_point(function, releases_gil=False)


def _entry_point(function: F, *, releases_gil: bool) -> F:
    if not COMPILED:
        return function
    dispatcher = numba.njit(nogil=releases_gil, pipeline_class=_Kernel, **_OPTIONS)(function)
    dispatcher._cache = StampedCache(function)
    KERNELS.append(dispatcher)
    return dispatcher  # type: ignore[no-any-return]


def verb(function: F) -> F:
    """Compile a function that is forced into its callers."""
    if not COMPILED:
        return function
    return _callers_only(function, forceinline=True)


def helper(function: F) -> F:
    """Compile a function that stays a call, also where a verb is the first to call it."""
    if not COMPILED:
        return function
    return _callers_only(function, forceinline=False)  # Numba would hand the verb's down to it


def eager(function: F, signature: Any) -> F:
    """Compile an entry point for one signature at once, and for no other; its code is kept on disk.

    Arguments that are not of the signature's types are converted where that is possible: a compiled
    function becomes a first-class one, which a lazily compiled kernel would specialise on.
    """
    dispatcher = kernel(function)
    dispatcher.compile(signature)  # type: ignore[attr-defined]
    dispatcher.disable_compile()  # type: ignore[attr-defined]
    return dispatcher


def loop_for(loop: F, signatures: Sequence[Any], arguments: Sequence[Any]) -> F:
    """A kernel that is given functions to call, compiled once for whatever functions they are.

    Args:
        loop: not compiled; its first arguments are the functions.
        signatures: of each function, as Numba has it (`signature_of`).
        arguments: the others, as they will be given.
    """
    if not COMPILED:
        return loop
    functions = [types.FunctionType(signature) for signature in signatures]
    key = (*functions, *(typeof(argument) for argument in arguments))
    if (loop, key) not in _loops:
        _loops[loop, key] = eager(loop, types.int64(*key))
    return _loops[loop, key]  # type: ignore[no-any-return]


def signature_of(*arguments: Any) -> Any:
    """The signature of a function that takes arguments like these and returns an int64."""
    return types.int64(*(typeof(argument) for argument in arguments)) if COMPILED else None


_loops: Final[dict[Any, Any]] = {}
