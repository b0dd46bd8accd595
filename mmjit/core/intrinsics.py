"""Machine instructions that Python has no word for, each with a plain twin.

An intrinsic cannot run with the JIT off; the twin does then.
"""

from typing import Any, Final

import numpy as np

from mmjit.core.jit import COMPILED, verb

_ONE: Final = np.int64(1)
_ONES: Final = np.int64(-1)


@verb
def bit(place):  # type: ignore[no-untyped-def]
    """The word with one bit set; bit 63 is the sign."""
    return _ONE << place


@verb
def bits_below(place):  # type: ignore[no-untyped-def]
    """The word with every bit below `place` set."""
    return ~(_ONES << place)


@verb
def if_zero(word, index):  # type: ignore[no-untyped-def]
    """`index` if a word, which is not negative, is 0, else 0: without a branch to guess wrongly."""
    return (np.int64(word) - 1) >> 63 & np.int64(index)


def plain_widen(slot: int) -> int:
    """Twin of `widen`."""
    return int(slot) & 0xFFFFFFFF


def plain_within(index: int, count: int) -> bool:
    """Twin of `within`."""
    return bool(0 <= index < count)


def plain_rarely(condition: bool) -> bool:
    """Twin of `rarely`."""
    return condition


def plain_highest_bit(word: int) -> int:
    """Twin of `highest_bit`."""
    return (int(word) & ((1 << 64) - 1)).bit_length() - 1


def plain_lowest_bit(word: int) -> int:
    """Twin of `lowest_bit`."""
    word = int(word) & ((1 << 64) - 1)
    return (word & -word).bit_length() - 1


def plain_record_bytes(array: Any) -> int:
    """Twin of `record_bytes`."""
    return int(array.itemsize)


def plain_equal_words(array: Any, index: int, word: int) -> int:
    """Twin of `equal_words`."""
    words = array[index:].view(np.int32)[:16]
    return sum(1 << k for k in range(16) if words[k] == word)


def plain_prefetch(array: Any, index: int) -> None:
    """Ask for the line of `array[index]`, to write to it; any index will do, nothing is read."""


def plain_prefetch_read(array: Any, index: int) -> None:
    """`prefetch` of what is not written, as the pages of a tape cannot be."""


def plain_big_endian_16(data: Any, at: int) -> int:
    """Twin of `big_endian_16`."""
    return int.from_bytes(data[at : at + 2].tobytes(), "big")


def plain_big_endian_32(data: Any, at: int) -> int:
    """Twin of `big_endian_32`."""
    return int.from_bytes(data[at : at + 4].tobytes(), "big")


def plain_big_endian_64(data: Any, at: int) -> int:
    """Twin of `big_endian_64`."""
    return int.from_bytes(data[at : at + 8].tobytes(), "big", signed=True)


if COMPILED:
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    def _bit_count(name: str) -> Any:
        def build(typingctx: Any, word: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                i64 = ir.IntType(64)
                fnty = ir.FunctionType(i64, [i64, ir.IntType(1)])
                count = builder.module.declare_intrinsic(f"llvm.{name}", [i64], fnty)
                zeros = builder.call(count, [args[0], ir.Constant(ir.IntType(1), 0)])
                if name == "cttz":
                    return zeros
                return builder.sub(ir.Constant(i64, 63), zeros)

            return types.int64(types.int64), codegen

        return build

    highest_bit = intrinsic(_bit_count("ctlz"))
    lowest_bit = intrinsic(_bit_count("cttz"))

    @intrinsic  # type: ignore[untyped-decorator]
    def widen(typingctx: Any, slot: Any) -> Any:
        """The 32 bits of a slot as a number that is not negative; NIL is larger than any slot."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.zext(builder.trunc(args[0], ir.IntType(32)), ir.IntType(64))

        return types.int64(types.int64), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def within(typingctx: Any, index: Any, count: Any) -> Any:
        """Whether an index is one of `count`: a single comparison."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.icmp_unsigned("<", args[0], args[1])

        return types.boolean(types.int64, types.int64), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def rarely(typingctx: Any, condition: Any) -> Any:
        """A condition that seldom holds: the code for it is put out of the way."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            i1 = ir.IntType(1)
            fnty = ir.FunctionType(i1, [i1, i1])
            expect = builder.module.declare_intrinsic("llvm.expect", [i1], fnty)
            return builder.call(expect, [args[0], ir.Constant(i1, 0)])

        return types.boolean(types.boolean), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def record_bytes(typingctx: Any, array: Any) -> Any:
        """The size of an array's records: a constant, as `itemsize` is not to the compiler."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return ir.Constant(ir.IntType(64), array.dtype.size)

        return types.int64(array), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def equal_words(typingctx: Any, array: Any, index: Any, word: Any) -> Any:
        """Which of the sixteen int32 from `array[index]` on equal a word, as bits: all at once."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            ary = context.make_array(signature.args[0])(context, builder, args[0])
            i32 = ir.IntType(32)
            line = ir.VectorType(i32, 16)
            pointer = builder.bitcast(builder.gep(ary.data, [args[1]]), line.as_pointer())
            words = builder.load(pointer, align=4)
            first = builder.insert_element(
                ir.Constant(line, ir.Undefined), builder.trunc(args[2], i32), ir.Constant(i32, 0)
            )
            everywhere = ir.Constant(ir.VectorType(i32, 16), [0] * 16)
            wanted = builder.shuffle_vector(first, ir.Constant(line, ir.Undefined), everywhere)
            equal = builder.bitcast(builder.icmp_signed("==", words, wanted), ir.IntType(16))
            return builder.zext(equal, ir.IntType(64))

        return types.int64(array, types.int64, types.int64), codegen

    def _prefetch(writes: int) -> Any:
        def build(typingctx: Any, array: Any, index: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                ary = context.make_array(signature.args[0])(context, builder, args[0])
                pointer = builder.gep(ary.data, [args[1]])
                i8p, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
                fnty = ir.FunctionType(ir.VoidType(), [i8p, i32, i32, i32])
                call = builder.module.declare_intrinsic("llvm.prefetch", [i8p], fnty)
                flags = [ir.Constant(i32, v) for v in (writes, 3, 1)]  # keep, data
                builder.call(call, [builder.bitcast(pointer, i8p), *flags])
                return context.get_dummy_value()

            return types.void(array, types.int64), codegen

        return build

    def _big_endian(bit_count: int) -> Any:
        def build(typingctx: Any, data: Any, at: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                ary = context.make_array(signature.args[0])(context, builder, args[0])
                word, i64 = ir.IntType(bit_count), ir.IntType(64)
                pointer = builder.bitcast(builder.gep(ary.data, [args[1]]), word.as_pointer())
                swap = builder.module.declare_intrinsic("llvm.bswap", [word])
                value = builder.call(swap, [builder.load(pointer, align=1)])
                return value if bit_count == 64 else builder.zext(value, i64)

            return types.int64(data, types.int64), codegen

        return build

    prefetch = intrinsic(_prefetch(1))
    prefetch_read = intrinsic(_prefetch(0))

    # One load each, which LLVM does not always make of single bytes.
    big_endian_16 = intrinsic(_big_endian(16))
    big_endian_32 = intrinsic(_big_endian(32))
    big_endian_64 = intrinsic(_big_endian(64))

else:
    widen = plain_widen
    within = plain_within
    big_endian_16 = plain_big_endian_16
    big_endian_32 = plain_big_endian_32
    big_endian_64 = plain_big_endian_64
    highest_bit = plain_highest_bit
    lowest_bit = plain_lowest_bit
    rarely = plain_rarely
    record_bytes = plain_record_bytes
    equal_words = plain_equal_words
    prefetch = plain_prefetch
    prefetch_read = plain_prefetch_read
