"""Writing a .npy file piece by piece, when its length is known only at the end."""

import os
from pathlib import Path
from typing import Any

import numpy as np


class NpyWriter:
    """A one-dimensional .npy file that grows.

    Args:
        path: the file to make.
        dtype: of its records.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.length = 0
        self._file = open(path, "w+b")  # noqa: SIM115
        self._write_header()

    def append(self, records: np.ndarray[Any, Any]) -> None:
        """Write records at the end."""
        assert records.dtype == self.dtype
        self._file.write(np.ascontiguousarray(records).view(np.uint8).data)
        self.length += len(records)

    def finish(self) -> None:
        """Write the length, make the file durable and close it."""
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Close the file, whole or not."""
        self._file.close()

    def _write_header(self) -> None:
        """Write the head; numpy leaves room in it for the length to grow."""
        self._file.seek(0)
        head = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (self.length,),
        }
        np.lib.format.write_array_header_1_0(self._file, head)
        self._file.seek(0, os.SEEK_END)
