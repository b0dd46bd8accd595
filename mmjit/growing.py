"""Records that are kept in the order in which they came, in an array that grows."""

from typing import Any, Final

import numpy as np

from mmjit.core.bound import Bound
from mmjit.core.calls import Room
from mmjit.errors import ArgumentError

Array = np.ndarray[Any, Any]
_ROOM: Final = 256  # records at first; doubled whenever they are used up


class Log:
    """Records of one dtype.

    Args:
        dtype: of the records.
        name: what they are, for messages.

    Attributes:
        bound: to a `Room`, for kernels that append.
    """

    def __init__(self, dtype: Any, name: str) -> None:
        self._room = Room(_touched(_ROOM, dtype), np.zeros(1, np.int64))
        self._name = name
        self.bound = Bound(self._room)

    def __len__(self) -> int:
        return int(self._room.count[0])

    @property
    def lines(self) -> Array:
        """Every record, as a view that cannot be written."""
        return self.last(len(self))

    def last(self, count: int) -> Array:
        """The last so many records, as a view that cannot be written."""
        end = len(self)
        view: Array = self._room.lines[end - count : end]
        view.flags.writeable = False
        return view

    def append(self, lines: Array) -> None:
        """Take more records.

        Args:
            lines: of the log's dtype, one-dimensional; copied.
        """
        dtype = self._room.lines.dtype
        if not isinstance(lines, np.ndarray) or lines.dtype != dtype or lines.ndim != 1:
            raise ArgumentError(f"{self._name}: not a one-dimensional array of {self._name}")
        self.make_room(len(lines))
        count = len(self)
        self._room.lines[count : count + len(lines)] = lines
        self._room.count[0] += len(lines)

    def make_room(self, count: int) -> None:
        """Make sure that so many more records find a place."""
        known = self.lines
        if len(known) + count > len(self._room.lines):
            size = max(len(known) + count, 2 * len(self._room.lines))
            self._room = Room(_touched(size, known.dtype), self._room.count)
            self._room.lines[: len(known)] = known
            self.bound.aim(self._room)


def _touched(size: int, dtype: Any) -> Array:
    """Zeroed records whose memory is really there: to get it by the page costs an append 2 us."""
    lines = np.empty(size, dtype)
    lines.view(np.uint8).fill(0)
    return lines
