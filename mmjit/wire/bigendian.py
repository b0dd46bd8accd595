"""Reading big-endian unsigned integers out of bytes, at any alignment.

Each takes a uint8 array and the place of the first byte; the caller has checked that all are there.
The results are int64: at least 0, but for `u64`, which is a 64-bit pattern.
"""

from mmjit.core.intrinsics import big_endian_16, big_endian_32, big_endian_64
from mmjit.core.jit import CHECKED, verb


@verb
def u16(data, at):  # type: ignore[no-untyped-def]
    """The integer in 2 bytes."""
    if CHECKED:
        assert 0 <= at <= len(data) - 2
    return big_endian_16(data, at)


@verb
def u32(data, at):  # type: ignore[no-untyped-def]
    """The integer in 4 bytes."""
    if CHECKED:
        assert 0 <= at <= len(data) - 4
    return big_endian_32(data, at)


@verb
def u48(data, at):  # type: ignore[no-untyped-def]
    """The integer in 6 bytes."""
    return u16(data, at) << 32 | u32(data, at + 2)


@verb
def u64(data, at):  # type: ignore[no-untyped-def]
    """The integer in 8 bytes, as a 64-bit pattern."""
    if CHECKED:
        assert 0 <= at <= len(data) - 8
    return big_endian_64(data, at)
