"""How every kernel is compiled. Nobody else imports `njit`.

`kernel`  an entry point that Python calls: cached on disk, releases the GIL
`verb`    a piece of a kernel, forced into its caller: a bundle of arrays costs seven words an array
          at every call that stays a call
`helper`  a piece that stays a call: the cold path of a hot verb, taking few arrays

All three run without Numba's runtime (`_nrt=False`, a private option whose effect a test guards):
no reference counts, and a kernel that allocates does not compile.

`MMJIT_CHECKED=1` compiles assertions and bounds checks in; `NUMBA_DISABLE_JIT=1` runs plain Python.
Each has its own code on disk, see `mmjit.core.cache`.
"""

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numba
from numba import config
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

from mmjit.core.cache import StampedCache

CHECKED: Final = os.environ.get("MMJIT_CHECKED", "0") not in ("", "0")
COMPILED: Final = not config.DISABLE_JIT

KERNELS: Final[list[Any]] = []  # every entry point there is, so that a test can see it warmed

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {
    "_nrt": False,
    "boundscheck": CHECKED,
    "error_model": "numpy",  # a division by zero is a bug that CHECKED finds, not an exception
}


class _StaysACall(Lower):  # type: ignore[misc]
    """Keeps LLVM from inlining a helper: into its callers it would be compiled again and again."""

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        self.function.attributes.add("noinline")


def _leave_to_callers(library: Any) -> None:
    """Let a library be linked as it is: its callers optimise it, once and in their own place.

    Numba would optimise each function again within every function above it, and translate each.
    """

    def finish() -> None:
        library._finalize_dynamic_globals()
        library._finalized = True

    library._optimize_final_module = lambda: None
    library._finalize_final_module = finish


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
        super().run_pass(state)
        _leave_to_callers(state.library)
        door = object()  # stands for the entry point that there is none of
        state.targetctx.insert_user_function(door, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=door)
        return True


class _CallersOnly(Compiler):  # type: ignore[misc]
    """Numba's pipeline with the last step replaced."""

    def define_pipelines(self) -> Any:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [
                (_LowerForCallers, text) if step is NativeLowering else (step, text)
                for step, text in pipeline.passes
            ]
        return pipelines


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
    if not COMPILED:
        return function
    dispatcher = numba.njit(nogil=True, **_OPTIONS)(function)
    dispatcher._cache = StampedCache(function)
    KERNELS.append(dispatcher)
    return dispatcher  # type: ignore[no-any-return]


def verb(function: F) -> F:
    """Compile a function that is forced into its callers."""
    if not COMPILED:
        return function
    return _callers_only(function, forceinline=True)


def helper(function: F) -> F:
    """Compile a function that stays a call."""
    if not COMPILED:
        return function
    return _callers_only(function)


def eager(function: F, signature: Any) -> F:
    """Compile an entry point for one signature at once, and for no other; its code is kept on disk.

    Arguments that are not of the signature's types are converted where that is possible: a compiled
    function becomes a first-class one, which a lazily compiled kernel would specialise on.
    """
    dispatcher = kernel(function)
    dispatcher.compile(signature)  # type: ignore[attr-defined]
    dispatcher.disable_compile()  # type: ignore[attr-defined]
    return dispatcher
