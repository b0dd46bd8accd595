"""A bundle of arrays as one integer, for calls that are over before a bundle would be handed over.

Python hands a kernel a bundle by taking each array of it apart, which costs a book one to three
microseconds; a kernel that hands a venue to another pushes some 250 words, which costs 200 ns. A
`Bound` is the address of a table of where the arrays are, and `bundle_of` makes the bundle of it
again within the kernel, by a few loads:

    0         8               16               24              32
    | is open | data, array 0 | shape, array 0 | data, array 1 | ...

Invariant: while the first word is 1 the arrays live, because the Bound holds them. `let_go` drops
them and writes 0, which every kernel asks for first (`is_open`).

The rest of such a call is a tuple of words. Its `door` takes nothing for a word but an integer of
64 bits: a float, a bool or None raises TypeError, a number that is too large OverflowError. An id,
from 0 to 2**64 - 1, arrives as the pattern that is stored.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from mmjit.core.jit import COMPILED

Array = np.ndarray[Any, Any]

LET_GO: Final = -(1 << 62)  # what a kernel returns whose bundle is gone; below every Status
_HALF: Final = 1 << 63


class Compiled:
    """A kernel as a part of a bundle, so that what calls it need not be compiled with it.

    Args:
        function: the kernel, compiled.
        signature: for which arguments, as `signature_of` has it.
    """

    def __init__(self, function: Any, signature: Any) -> None:
        self._function = function
        self.signature = signature

    def __call__(self, *arguments: Any) -> Any:
        """Call it, with the JIT off."""
        return self._function(*arguments)

    @property
    def address(self) -> int:
        """Where its machine code begins."""
        found = self._function.get_compile_result(self.signature)
        address: int = found.library.get_pointer_to_function(found.fndesc.llvm_func_name)
        return address


class Bound(int):
    """The address of a table of arrays, which it keeps alive.

    Attributes:
        bundle: a NamedTuple of contiguous arrays, integers, `Compiled` kernels, other Bounds and
            such NamedTuples; None once it was let go.
    """

    bundle: Any
    _table: Array
    _kind: Any  # what Numba calls the bundle's type

    def __new__(cls, bundle: Any) -> "Bound":
        """Bind a bundle."""
        table = np.zeros(1 + len(_words_of(bundle)), np.int64)
        bound = super().__new__(cls, table.ctypes.data)
        bound._table = table
        bound._kind = _kind_of(bundle) if COMPILED else None
        bound.aim(bundle)
        return bound

    @property
    def is_open(self) -> bool:
        """Whether it leads anywhere."""
        return bool(self._table[0])

    def aim(self, bundle: Any) -> None:
        """Lead to other arrays of the same types, as when one had to grow."""
        self._table[1:] = _words_of(bundle)
        self.bundle = bundle
        self._table[0] = 1

    def let_go(self) -> None:
        """Lead nowhere from now on; calls return LET_GO."""
        self._table[0] = 0
        self.bundle = None


def _words_of(part: Any) -> list[int]:
    """Where the parts of a bundle are, and of what shape, in order."""
    if isinstance(part, tuple):
        return [word for each in part for word in _words_of(each)]
    if isinstance(part, Compiled):
        return [part.address if COMPILED else 0]
    if isinstance(part, int):
        return [int(part)]
    assert part.flags.c_contiguous
    return [part.ctypes.data, *part.shape]


def plain_door(
    function: Any, *bounds: Bound, words: int, ids: tuple[int, ...] = ()
) -> Callable[..., Any]:
    """Twin of `door`."""

    def enter(*arguments: Any) -> Any:
        given = list(arguments[-1])
        if len(given) != words or any(type(word) is not int for word in given):
            raise TypeError(f"not {words} plain integers")
        for place in ids:
            if not 0 <= given[place] < 2 * _HALF:
                raise OverflowError("an id is below 0 or has more than 64 bits")
            given[place] -= 2 * _HALF if given[place] >= _HALF else 0
        if any(not -_HALF <= word < _HALF for word in given):
            raise OverflowError("an integer has more than 64 bits")
        return function(*arguments[:-1], tuple(given))

    return enter


def plain_is_open(bound: Bound) -> bool:
    """Twin of `is_open`."""
    return bound.is_open


def plain_bundle_of(bound: Bound) -> Any:
    """Twin of `bundle_of`."""
    return bound.bundle


if COMPILED:
    from llvmlite import ir
    from numba import typeof, types
    from numba.core import cgutils
    from numba.core.datamodel import models
    from numba.extending import NativeValue, intrinsic, register_model, typeof_impl, unbox
    from numba.np.arrayobj import make_array, populate_array

    _WORD: Final = ir.IntType(64)
    _ONE: Final = ir.Constant(_WORD, 1)

    class BoundType(types.Type):  # type: ignore[misc]
        """The type of a Bound: that of its bundle decides."""

        def __init__(self, bundle: Any) -> None:
            self.bundle = bundle
            super().__init__(f"Bound({bundle})")

    @register_model(BoundType)
    class _BoundModel(models.PrimitiveModel):  # type: ignore[misc]
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, _WORD)

    @typeof_impl.register(Bound)  # type: ignore[untyped-decorator]
    def _typeof_bound(bound: Bound, context: Any) -> Any:
        return BoundType(bound._kind)

    def _kind_of(part: Any) -> Any:
        """The type of a bundle or of a part of it."""
        if isinstance(part, Compiled):
            return types.FunctionType(part.signature)
        if isinstance(part, tuple):
            return types.BaseTuple.from_types([_kind_of(each) for each in part], type(part))
        return typeof(part)

    @unbox(BoundType)  # type: ignore[untyped-decorator]
    def _unbox_bound(kind: Any, bound: Any, context: Any) -> Any:
        return NativeValue(context.pyapi.long_as_longlong(bound))

    class WordsType(types.UniTuple):  # type: ignore[misc]
        """The type of a tuple of words from Python: plain integers, of which some are ids."""

        def __init__(self, count: int, ids: tuple[int, ...]) -> None:
            super().__init__(types.int64, count)
            self.ids = ids
            self.name = f"Words({count}, ids={ids})"

        @property
        def key(self) -> Any:
            """What makes two of them the same."""
            return self.count, self.ids

        def __unliteral__(self) -> Any:
            return self

    register_model(WordsType)(models.UniTupleModel)

    @unbox(WordsType)  # type: ignore[untyped-decorator]
    def _unbox_words(kind: Any, given: Any, context: Any) -> Any:
        builder, pyapi = context.builder, context.pyapi
        words = cgutils.alloca_once(builder, context.context.get_value_type(kind))
        failed = cgutils.alloca_once_value(builder, cgutils.true_bit)
        right = builder.icmp_signed("==", pyapi.tuple_size(given), ir.Constant(_WORD, kind.count))
        with builder.if_then(right):
            parts = [pyapi.tuple_getitem(given, place) for place in range(kind.count)]
            plain = [_is_plain(context, part) for part in parts]
            with builder.if_then(functools.reduce(builder.and_, plain)):
                for place, part in enumerate(parts):
                    is_id = place in kind.ids
                    word = (pyapi.long_as_ulonglong if is_id else pyapi.long_as_longlong)(part)
                    builder.store(word, cgutils.gep_inbounds(builder, words, 0, place))
                builder.store(pyapi.c_api_error(), failed)
        with builder.if_then(builder.and_(builder.load(failed), builder.not_(pyapi.c_api_error()))):
            pyapi.err_set_string("PyExc_TypeError", f"not {kind.count} plain integers")
        return NativeValue(builder.load(words), is_error=builder.load(failed))

    def _is_plain(context: Any, part: Any) -> Any:
        """Whether an object is an int, and of no class below that.

        CPython keeps the class of an object in its second word, behind the count of its uses.
        """
        builder = context.builder
        address = cgutils.voidptr_t
        kind = builder.load(builder.gep(builder.bitcast(part, address.as_pointer()), [_ONE]))
        plain = context.context.get_c_value(builder, address.pointee, "PyLong_Type", dllimport=True)
        return builder.icmp_unsigned("==", kind, plain)

    def door(
        function: Any, *bounds: Bound, words: int, ids: tuple[int, ...] = ()
    ) -> Callable[..., Any]:
        """The way into a call for bundles like these and so many words; `ids` says which are ids.

        It goes past the dispatcher, which looks at the type of each argument anew.
        """
        kinds = *(typeof(bound) for bound in bounds), WordsType(words, ids)
        way: Callable[..., Any] = function.compile(kinds)
        return way

    def _word(builder: Any, table: Any, place: int) -> Any:
        """A word of a table."""
        pointer = builder.inttoptr(table, _WORD.as_pointer())
        return builder.load(builder.gep(pointer, [ir.Constant(_WORD, place)]))

    def _rebuilt(context: Any, builder: Any, kind: Any, words: Iterator[Any]) -> Any:
        """A bundle, or an array of it, made of the next words of its table."""
        if isinstance(kind, types.BaseTuple):
            parts = [_rebuilt(context, builder, part, words) for part in kind.types]
            return context.make_tuple(builder, kind, parts)
        if isinstance(kind, types.FunctionType):
            function = cgutils.create_struct_proxy(kind)(context, builder)
            function.c_addr = function.py_addr = ir.Constant(cgutils.voidptr_t, None)
            function.jit_addr = builder.inttoptr(next(words), cgutils.voidptr_t)
            return function._getvalue()
        if isinstance(kind, BoundType | types.Integer):
            return next(words)
        array = make_array(kind)(context, builder)
        size = ir.Constant(_WORD, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        data = builder.inttoptr(next(words), array.data.type)
        shape = [next(words) for _ in range(kind.ndim)]
        strides = [size]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(length, strides[0]))
        populate_array(array, data, shape, strides, size, meminfo=None)
        return array._getvalue()

    @intrinsic  # type: ignore[untyped-decorator]
    def is_open(typingctx: Any, bound: Any) -> Any:
        """Whether a Bound leads anywhere."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.icmp_signed("!=", _word(builder, args[0], 0), ir.Constant(_WORD, 0))

        return types.boolean(bound), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def bundle_of(typingctx: Any, bound: Any) -> Any:
        """The bundle to which a Bound leads, which must be open."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            words = (_word(builder, args[0], place) for place in itertools.count(1))
            return _rebuilt(context, builder, signature.return_type, words)

        return bound.bundle(bound), codegen

else:
    door = plain_door
    is_open = plain_is_open
    bundle_of = plain_bundle_of
