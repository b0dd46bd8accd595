"""Records that are kept in the order in which they came, in an array that grows."""

from typing import Any, Final

import numpy as np

from mmjit.errors import ArgumentError

Array = np.ndarray[Any, Any]
_ROOM: Final = 256  # records at first; doubled whenever they are used up


class Log:
    """Records of one dtype.

    Args:
        dtype: of the records.
        name: what they are, for messages.
    """

    def __init__(self, dtype: Any, name: str) -> None:
        self._room = np.zeros(_ROOM, dtype)
        self._name = name
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def lines(self) -> Array:
        """Every record, as a view that cannot be written."""
        view = self._room[: self._count]
        view.flags.writeable = False
        return view

    def append(self, lines: Array) -> None:
        """Take more records.

        Args:
            lines: of the log's dtype, one-dimensional; copied.
        """
        dtype = self._room.dtype
        if not isinstance(lines, np.ndarray) or lines.dtype != dtype or lines.ndim != 1:
            raise ArgumentError(f"{self._name}: not a one-dimensional array of {self._name}")
        count = self._count + len(lines)
        if count > len(self._room):
            room = np.zeros(max(count, 2 * len(self._room)), dtype)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : count] = lines
        self._count = count
