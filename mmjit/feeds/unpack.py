"""Reading a file that may be packed: plain bytes or gzip, told apart by how the file begins."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from mmjit.errors import FeedError

_MAGIC: Final = b"\x1f\x8b"
_PACKED_BYTES: Final = 1 << 18  # read at a time when packed
_GZIP: Final = 31  # zlib's window bits that mean a gzip member


class Unpacked:
    """The bytes of a file, unpacked if it is gzip, in memory bounded by what is asked for.

    A gzip file may have several members and may break off at any byte; what follows its last member
    and is no member is counted, not read. Use as a context manager.

    Attributes:
        unpacked_bytes: what `read_into` has given so far.
        incomplete: whether a gzip member broke off.
        trailing_bytes: what followed the last member and its padding of zeros.

    Args:
        path: the file.
        advance: told how many bytes of the file were read.
    """

    def __init__(self, path: Path, advance: Callable[[int], None] | None = None) -> None:
        self.path = path
        self.unpacked_bytes = 0
        self.incomplete = False
        self.trailing_bytes = 0
        self._advance = advance
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._packed = b""  # read and not unpacked yet
        self._member: Any = None  # the decompressor of the member that is being read
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115
            self._packed = self._read()
        except OSError as error:
            raise FeedError(f"{path} cannot be read ({error.strerror}); check the path") from None
        self._gzip = self._packed.startswith(_MAGIC)

    def __enter__(self) -> "Unpacked":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def digest(self) -> dict[str, Any]:
        """Name, size and digest of what was read, as a tape keeps them and as `sha256sum` says."""
        return {"name": self.path.name, "bytes": self._bytes, "sha256": self._digest.hexdigest()}

    def read_into(self, room: memoryview) -> int:
        """Fill some of the room, which is not empty, and return how many bytes; 0 at the end."""
        if self._gzip:
            piece = self._unpack(len(room))
        elif self._packed:
            piece, self._packed = self._packed[: len(room)], self._packed[len(room) :]
        else:
            count = self._file.readinto(room) or 0
            self._note(room[:count])
            self.unpacked_bytes += count
            return count
        room[: len(piece)] = piece
        self.unpacked_bytes += len(piece)
        return len(piece)

    def _unpack(self, room: int) -> bytes:
        """At most so many bytes out of gzip; none at the end."""
        while self._member is not None or self._open_member():
            if not self._packed:
                self._packed = self._read()
                if not self._packed:
                    self.incomplete = True
                    self._member = None
                    return b""
            piece = self._inflate(room)
            if self._member.eof:
                self._packed = self._member.unused_data
                self._member = None
            else:
                self._packed = self._member.unconsumed_tail
            if piece:
                return piece
        return b""

    def _inflate(self, room: int) -> bytes:
        try:
            return bytes(self._member.decompress(self._packed, room))
        except zlib.error as error:
            raise FeedError(
                f"{self.path} is damaged near byte {self._bytes - len(self._packed)} ({error}); "
                "fetch it again"
            ) from None

    def _open_member(self) -> bool:
        """Begin the next member, if there is one; zeros before it are padding."""
        self._packed = self._packed.lstrip(b"\0")
        while len(self._packed) < len(_MAGIC) and (more := self._read()):
            self._packed = (self._packed + more).lstrip(b"\0")
        if self._packed.startswith(_MAGIC):
            self._member = zlib.decompressobj(_GZIP)
            return True
        while self._packed:
            self.trailing_bytes += len(self._packed)
            self._packed = self._read()
        return False

    def _read(self) -> bytes:
        packed = self._file.read(_PACKED_BYTES) or b""
        self._note(packed)
        return packed

    def _note(self, packed: bytes | memoryview) -> None:
        self._digest.update(packed)
        self._bytes += len(packed)
        if self._advance is not None:
            self._advance(len(packed))
