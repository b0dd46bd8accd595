"""The files of a state folder: opening them so that nothing else can be meant, and the header.

A name is opened relative to the open folder and never followed if it is a link; what came of it is
checked on the descriptor itself (regular, ours, writable by nobody else, no second name, of exactly
the expected size, really allocated), and only that descriptor is used from then on.
"""

import errno
import fcntl
import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.capacity import HEADER, LOCK_BYTES, PAGE_BYTES, Capacity, npy_head
from mmjit.core.state import SEMANTICS
from mmjit.errors import ArgumentError, StateError

MAGIC: Final = b"MMJITST"
VERSION: Final = 1
ENDIANNESS: Final = 0x01020304  # reads 0x04030201 on a machine of the other kind
HEADER_BYTES: Final = PAGE_BYTES + HEADER.itemsize
FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # the last for a FIFO: never wait
_CHECKSUM_START: Final = HEADER_BYTES - 32
_BLOCK_BYTES: Final = 512  # what st_blocks counts
_TRIES: Final = 3  # of a reader that meets the writer in the middle of its new epoch

Array = np.ndarray[Any, Any]


def file_name(name: str) -> str:
    """The file of a term."""
    return name if name == "LOCK" else f"{name}.npy"


# ---- opening --------------------------------------------------------------------------------


def open_folder(folder: Path) -> int:
    """A descriptor of a state's folder."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise StateError(f"{folder} does not exist; make it with mmjit create") from None
    except OSError as error:
        if folder.is_symlink():
            raise StateError(f"{folder} is a symbolic link; give the folder itself") from None
        if error.errno == errno.ENOTDIR:
            raise StateError(f"{folder} is not a folder; a state is one") from None
        raise StateError(
            f"{folder} cannot be opened ({error.strerror}); see to its rights"
        ) from None
    try:
        _check_rights(str(folder), os.fstat(fd))
    except StateError:
        os.close(fd)
        raise
    return fd


def open_file(folder: Path, folder_fd: int, name: str, size: int, *, writable: bool) -> int:
    """A checked descriptor of a file of a state."""
    mode = os.O_RDWR if writable else os.O_RDONLY
    where = folder / file_name(name)
    try:
        fd = os.open(where.name, FLAGS | mode, dir_fd=folder_fd)
    except OSError as error:
        raise _cannot_open(folder, where, error) from None
    try:
        _check_file(str(where), os.fstat(fd), size)
    except StateError:
        os.close(fd)
        raise
    return fd


def _cannot_open(folder: Path, where: Path, error: OSError) -> StateError:
    """The sentence of a file that could not be opened."""
    if error.errno == errno.ENOENT:
        return StateError(f"{folder} is not a whole state: it has no {where.name}; create it again")
    if error.errno == errno.ELOOP:
        return StateError(f"{where} is a symbolic link; a state has none, create it again")
    if error.errno == errno.EROFS:
        return StateError(f"{where} is on a read-only file system; open it with writable=False")
    if error.errno in (errno.EISDIR, errno.ENXIO):
        return StateError(f"{where} is not a regular file; create the state again")
    return StateError(f"{where} cannot be opened ({error.strerror}); see to its rights")


def _check_rights(where: str, found: os.stat_result) -> None:
    """Refuse what another user owns or may write."""
    if found.st_uid != os.geteuid():
        raise StateError(
            f"{where} belongs to user {found.st_uid} and this process to user {os.geteuid()}; "
            "run as its owner or create a state of your own"
        )
    if found.st_mode & 0o022:
        raise StateError(
            f"{where} has mode {found.st_mode & 0o777:04o} and others may write it; chmod go-w"
        )


def _check_file(where: str, found: os.stat_result, size: int) -> None:
    """Refuse what is not the plain file of a state."""
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"{where} is not a regular file; create the state again")
    _check_rights(where, found)
    if found.st_nlink > 1:
        raise StateError(f"{where} has {found.st_nlink} hard links; a state's file has one name")
    if found.st_size != size:
        raise StateError(
            f"{where} has {found.st_size:,} bytes instead of {size:,}; create the state again"
        )
    if allocated_bytes(found) < size:
        raise StateError(
            f"{where} has holes: {allocated_bytes(found):,} of its {size:,} bytes are allocated; "
            "copy it with cp --sparse=never"
        )


def allocated_bytes(found: os.stat_result) -> int:
    """How much of a file has its place on the disk; a write to a hole of a full disk kills."""
    return found.st_blocks * _BLOCK_BYTES


def take_lock(folder: Path, folder_fd: int) -> int:
    """A descriptor that holds the writer's lock until it is closed or the process dies."""
    fd = open_file(folder, folder_fd, "LOCK", LOCK_BYTES, writable=True)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink == 0:
            raise StateError(f"{folder} was replaced in this moment; open it again")
        os.pwrite(fd, f"{os.getpid()}\n".encode().ljust(LOCK_BYTES), 0)
    except BlockingIOError:
        holder = _holder(fd)
        os.close(fd)
        raise StateError(
            f"{folder} is open for writing in {holder}; "
            "close it there or open it with writable=False"
        ) from None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _holder(fd: int) -> str:
    """Who holds the lock, in words."""
    text = os.pread(fd, LOCK_BYTES, 0).split()
    if not text or not text[0].isdigit():
        return "another process"
    pid = int(text[0])
    return f"this process, {pid}" if pid == os.getpid() else f"process {pid}"


# ---- the header -----------------------------------------------------------------------------


def new_header(capacity: Capacity, instance: bytes) -> Array:
    """HEADER of a state that was never opened."""
    header = np.zeros(1, HEADER)
    header["magic"] = MAGIC
    header["version"] = VERSION
    header["endianness"] = ENDIANNESS
    header["layout"] = np.void(layout_of(capacity))
    header["instance"] = np.void(instance)
    for name, value in capacity.as_json().items():
        header[name] = value
    header["semantics"] = SEMANTICS
    header["total_bytes"] = capacity.total_bytes
    return header


def layout_of(capacity: Capacity) -> bytes:
    """A digest of everything that the bytes of the arrays mean."""
    arrays = [
        (term.name, np.lib.format.dtype_to_descr(term.dtype), term.records)
        for term in capacity.terms()
    ]
    meaning = repr((arrays, sorted(capacity.as_json().items()), SEMANTICS))
    return hashlib.blake2b(meaning.encode(), digest_size=32).digest()


def encode_header(header: Array) -> bytes:
    """The bytes of `header.npy`, checksum included."""
    data = npy_head(HEADER, 1) + header.tobytes()
    return data[:_CHECKSUM_START] + _digest(data)


def decode_header(where: str, data: bytes) -> Array:
    """HEADER of the bytes of `header.npy`.

    Raises:
        StateError: they are none, of another machine, another version, or damaged.
    """
    header = np.frombuffer(data, HEADER, 1, PAGE_BYTES).copy()
    if header[0]["magic"] != MAGIC:
        raise StateError(f"{where} is not the header of a state; make one with mmjit create")
    if header[0]["endianness"] != ENDIANNESS:
        tag = int(header[0]["endianness"]) & 0xFFFFFFFF
        raise StateError(
            f"{where} has byte order {tag:#010x} instead of {ENDIANNESS:#010x}; "
            "use it on a machine of the kind that made it"
        )
    if header[0]["version"] != VERSION:
        raise StateError(
            f"{where} has version {header[0]['version']} and this mmjit reads {VERSION}; "
            "create it again or use the mmjit that made it"
        )
    if data[_CHECKSUM_START:] != _digest(data):
        raise StateError(f"{where} is damaged, its checksum is wrong; create the state again")
    return header


def read_header(folder: Path, folder_fd: int) -> Array:
    """HEADER of a folder."""
    fd = open_file(folder, folder_fd, "header", HEADER_BYTES, writable=False)
    where = str(folder / file_name("header"))
    try:
        for _ in range(_TRIES - 1):
            with suppress(StateError):
                return decode_header(where, os.pread(fd, HEADER_BYTES, 0))
            time.sleep(0.001)
        return decode_header(where, os.pread(fd, HEADER_BYTES, 0))
    finally:
        os.close(fd)


def write_header(folder: Path, folder_fd: int, header: Array) -> None:
    """Put a changed header in its place.

    It is written where it stands, which needs no room on a full disk, and is one sector, which a
    disk writes whole or not at all.
    """
    fd = open_file(folder, folder_fd, "header", HEADER_BYTES, writable=True)
    try:
        os.pwrite(fd, encode_header(header)[PAGE_BYTES:], PAGE_BYTES)
        os.fdatasync(fd)
    finally:
        os.close(fd)


def capacity_of(where: str, header: Array) -> Capacity:
    """The capacity that a header tells, if it means the same to this mmjit."""
    fields = (
        *("symbols", "orders", "pages", "rungs", "fills"),
        *("accounts", "currencies", "alarms", "qty_bits"),
    )
    try:
        capacity = Capacity(**{name: int(header[0][name]) for name in fields})
    except ArgumentError as error:
        raise StateError(f"{where} has an impossible capacity ({error}); create it again") from None
    if header[0]["layout"].tobytes() != layout_of(capacity):
        raise StateError(
            f"{where} has layout {header[0]['layout'].tobytes()[:4].hex()} and this mmjit has "
            f"{layout_of(capacity)[:4].hex()}; create it again or use the mmjit that made it"
        )
    return capacity


def _digest(data: bytes) -> bytes:
    """The checksum of a header."""
    return hashlib.blake2b(data[:_CHECKSUM_START], digest_size=32).digest()
