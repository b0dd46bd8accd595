"""Reading big-endian unsigned integers out of bytes, at any alignment.

Each takes a uint8 array and the place of the first byte; the caller has checked that all are there.
The results are int64: at least 0, but for `u64`, which is a 64-bit pattern.
"""

import numpy as np

from mmjit.core.jit import verb


@verb
def u16(data, at):  # type: ignore[no-untyped-def]
    """The integer in 2 bytes."""
    return np.int64(data[at]) << 8 | np.int64(data[at + 1])


@verb
def u32(data, at):  # type: ignore[no-untyped-def]
    """The integer in 4 bytes."""
    return u16(data, at) << 16 | u16(data, at + 2)


@verb
def u48(data, at):  # type: ignore[no-untyped-def]
    """The integer in 6 bytes."""
    return u16(data, at) << 32 | u32(data, at + 2)


@verb
def u64(data, at):  # type: ignore[no-untyped-def]
    """The integer in 8 bytes, as a 64-bit pattern."""
    return u32(data, at) << 32 | u32(data, at + 4)
