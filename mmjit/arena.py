"""Where a state lives: a folder of plain .npy files, mapped into the process.

    DIR/header.npy     what it is: magic, version, layout, capacity, epoch, checksum
    DIR/LOCK           locked (flock) by the one process that may write
    DIR/nodes.npy ...  one file an array, as `mmjit.capacity` lists them

Each array opens with `np.load(DIR / "orders.npy", mmap_mode="r")`. `nodes.npy` holds the nodes of
the orders and behind them the levels: `nodes[len(orders):].view(LEVEL32)` (or LEVEL64).

A state is made in a hidden folder beside its place, really allocated, and renamed when it is whole.
Files are opened once, without following links, checked, and mapped from that very descriptor. Any
local file system will do; /dev/shm spares a trading process the writing back of pages.

Fork: the lock stays with the parent. In a child the parent's State refuses to work; the child opens
the folder for itself, read-only while the parent holds it.
"""

import errno
import mmap
import os
import shutil
import uuid
import weakref
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np

from mmjit.capacity import PAGE_BYTES, Capacity, Term, npy_head
from mmjit.core.book import Book
from mmjit.core.bound import Bound
from mmjit.core.codes import NIL
from mmjit.core.resting import Venue
from mmjit.core.state import format_venue, lay_out_venue
from mmjit.errors import StateError
from mmjit.statefile import (
    FLAGS,
    allocated_bytes,
    capacity_of,
    encode_header,
    file_name,
    new_header,
    open_file,
    open_folder,
    read_header,
    take_lock,
    write_header,
)

_PIECE: Final = 1 << 20

Array = np.ndarray[Any, Any]


class State:
    """An open state; made by `create_state` and `open_state`.

    A read-only one is mapped copy-on-write: what is written to it stays in this process, because a
    kernel that writes to a read-only map kills it. It sees what the writer does meanwhile.

    Attributes:
        path: its folder.
        capacity: how much it can hold.
        writable: whether what is written reaches the files.
        epoch: how often the state was opened for writing, this time included.
    """

    def __init__(
        self, path: Path, capacity: Capacity, maps: dict[str, mmap.mmap], lock: int, epoch: int
    ) -> None:
        self.path = path
        self.capacity = capacity
        self.writable = lock != NIL
        self.epoch = epoch
        self._maps = maps
        self._lock = lock
        self._pid = os.getpid()
        self._closed = False
        self._arrays = _arrays(capacity, maps)
        self._venue = lay_out_venue(capacity.counts, lambda name, dtype, length: self._arrays[name])
        self._bounds: list[Bound] = []
        _open_states.add(self)

    @property
    def book(self) -> Book:
        """The book; plain ndarrays, which must not be used after `close`."""
        return self.venue.book

    @property
    def venue(self) -> Venue:
        """The venue: the book, and the accounts of those who trade in it."""
        self.check_usable()
        return self._venue

    @property
    def arrays(self) -> dict[str, Array]:
        """Every array by the name of its file."""
        self.check_usable()
        return dict(self._arrays)

    def bind(self, bundle: Any) -> Bound:
        """A bundle of its arrays and of others, for single calls: until the state is closed."""
        self.check_usable()
        bound = Bound(bundle)
        self._bounds.append(bound)
        return bound

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def flush(self) -> None:
        """Wait until everything is on the disk; a killed process loses nothing without it."""
        self.check_usable()
        if self.writable:
            try:
                for each in self._maps.values():
                    each.flush()
            except OSError as error:
                raise StateError(
                    f"{self.path} could not be written back ({error}); see to the disk"
                ) from None

    def close(self) -> None:
        """Write everything back and let go of the lock; a second time does nothing."""
        if self._closed or self._pid != os.getpid():
            return
        try:
            self.flush()
        finally:
            self._let_go()

    def __enter__(self) -> "State":
        self.check_usable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        how = "closed" if self._closed else "writable" if self.writable else "read-only"
        return f"<State {self.path} {how}, epoch {self.epoch}>"

    def check_usable(self) -> None:
        """Raise StateError if it was closed, or opened before this process was forked off."""
        if self._pid != os.getpid():
            raise StateError(
                f"{self.path} was opened by process {self._pid}, not by this one, {os.getpid()}; "
                "open it again after the fork"
            )
        if self._closed:
            raise StateError(f"{self.path} is closed; open it again with open_state")

    def _let_go(self) -> None:
        """Drop maps and lock; a map that an array elsewhere needs lives until that array dies."""
        self._closed = True
        for bound in self._bounds:
            bound.let_go()
        del self._venue, self._arrays
        self._maps.clear()
        if self._lock != NIL:
            os.close(self._lock)


_open_states: Final["weakref.WeakSet[State]"] = weakref.WeakSet()


def _after_fork() -> None:
    """Keep a child from holding the lock longer than its parent."""
    for state in list(_open_states):
        if not state._closed:
            state._let_go()


os.register_at_fork(after_in_child=_after_fork)


# ---- creating -------------------------------------------------------------------------------


def create_state(
    path: str | os.PathLike[str], capacity: Capacity, *, replace: bool = False
) -> State:
    """Make an empty state and open it for writing.

    Args:
        path: the folder to make; its parent exists.
        capacity: how much it can hold.
        replace: whether a state that is there already may be deleted.

    Raises:
        StateError: something else is there, the state there is in use, or there is no room; then
            nothing was changed and nothing is left behind.
    """
    folder = Path(os.path.abspath(path))
    tag = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    partial = folder.parent / f".{folder.name}.partial-{tag}"
    old = folder.parent / f".{folder.name}.old-{tag}"
    with ExitStack() as stack:
        replaced = os.path.lexists(folder)
        if replaced:
            _claim(folder, replace, stack)
        stack.callback(shutil.rmtree, partial, ignore_errors=True)
        try:
            _build(partial, capacity)
            folder_fd = open_folder(partial)
            stack.callback(os.close, folder_fd)
            lock = take_lock(partial, folder_fd)
            stack.callback(os.close, lock)
            _put_in_place(partial, folder, old if replaced else None)
        except OSError as error:
            raise _cannot_create(folder, capacity, error) from None
        shutil.rmtree(old, ignore_errors=True)
        return _open(folder, folder_fd, lock)


def _claim(folder: Path, replace: bool, stack: ExitStack) -> None:
    """Make sure that what is there may be deleted, and that nobody begins to use it."""
    if not replace:
        raise StateError(f"{folder} exists; choose another place or replace it (--replace)")
    fd = open_folder(folder)
    stack.callback(os.close, fd)
    known = {file_name(term.name) for term in Capacity().terms()}
    foreign = sorted(set(os.listdir(fd)) - known)
    if foreign:
        raise StateError(
            f"{folder} holds {foreign[0]!r}, which is not of a state; choose another place"
        )
    if "LOCK" in os.listdir(fd):
        stack.callback(os.close, take_lock(folder, fd))


def _build(partial: Path, capacity: Capacity) -> None:
    """Make every file of an empty state."""
    if _free_bytes(partial.parent) < capacity.total_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.mkdir(partial, 0o700)
    instance = uuid.uuid4().bytes
    maps = {}
    with ExitStack() as stack:
        folder_fd = open_folder(partial)
        stack.callback(os.close, folder_fd)
        for term in capacity.terms():
            fd = _make_file(folder_fd, term)
            stack.callback(os.close, fd)
            if term.name == "header":
                os.pwrite(fd, encode_header(new_header(capacity, instance)), 0)
                os.fsync(fd)
            elif term.name != "LOCK":
                maps[term.name] = mmap.mmap(fd, term.total_bytes)
        arrays = _arrays(capacity, maps)
        venue = lay_out_venue(capacity.counts, lambda name, dtype, length: arrays[name])
        format_venue(venue, int.from_bytes(instance[:8], "little", signed=True))
        for each in maps.values():
            each.flush()
        os.fsync(folder_fd)


def _make_file(folder_fd: int, term: Term) -> int:
    """Make one file of its final size, all of it allocated and zeroed."""
    flags = FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL
    fd = os.open(file_name(term.name), flags, 0o600, dir_fd=folder_fd)
    try:
        os.fchmod(fd, 0o600)
        os.posix_fallocate(fd, 0, term.total_bytes)
        # Space that is only reserved costs its first writer a trip to the file system.
        for start in range(0, term.total_bytes, _PIECE):
            os.pwrite(fd, bytes(min(_PIECE, term.total_bytes - start)), start)
        if term.name != "LOCK":
            os.pwrite(fd, npy_head(term.dtype, term.records), 0)
        os.fsync(fd)
        if allocated_bytes(os.fstat(fd)) < term.total_bytes:
            raise StateError(
                f"{file_name(term.name)} of {term.total_bytes:,} bytes is not really allocated "
                "here, as on file systems that compress; choose another place, such as /dev/shm"
            )
    except BaseException:
        os.close(fd)
        raise
    return fd


def _put_in_place(partial: Path, folder: Path, old: Path | None) -> None:
    """Rename a whole state to its place; what was there comes back if that fails."""
    if old is not None:
        os.rename(folder, old)
    try:
        os.rename(partial, folder)
    except BaseException:
        if old is not None:
            os.rename(old, folder)
        raise
    parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _cannot_create(folder: Path, capacity: Capacity, error: OSError) -> StateError:
    """The sentence of a creation that failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StateError(
            f"{folder} needs {capacity.total_bytes:,} bytes and {_free_bytes(folder.parent):,} "
            "are free; make room or create it with a smaller capacity"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return StateError(f"{folder.parent} is not a folder; make it first")
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        return StateError(f"{folder} exists; choose another place or replace it (--replace)")
    return StateError(f"{folder} cannot be created ({error.strerror}); choose another place")


def _free_bytes(folder: Path) -> int:
    """How much may still be written where a folder is."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


# ---- opening --------------------------------------------------------------------------------


def open_state(path: str | os.PathLike[str], *, writable: bool = True) -> State:
    """Open a state, exactly as it was left.

    Args:
        path: its folder.
        writable: False maps it copy-on-write and needs no lock, so that a writer is not disturbed.

    Raises:
        StateError: it is no state, of another version or layout, damaged, not safely ours, or (for
            writing) in use by the process that the message names.
    """
    folder = Path(os.path.abspath(path))
    with ExitStack() as stack:
        folder_fd = open_folder(folder)
        stack.callback(os.close, folder_fd)
        lock = NIL
        if writable:
            read_header(folder, folder_fd)  # before the lock: is it a state at all
            lock = take_lock(folder, folder_fd)
            stack.callback(os.close, lock)
        return _open(folder, folder_fd, lock)


def _open(folder: Path, folder_fd: int, lock: int) -> State:
    """Check and map every file of an open folder."""
    writable = lock != NIL
    header = read_header(folder, folder_fd)
    capacity = capacity_of(str(folder / file_name("header")), header)
    try:
        maps = {
            term.name: _map(folder, folder_fd, term, writable=writable)
            for term in capacity.terms()
            if term.name not in ("header", "LOCK")
        }
        if writable:
            header["epoch"] += 1
            write_header(folder, folder_fd, header)
    except OSError as error:
        raise StateError(f"{folder} cannot be mapped ({error.strerror}); see to the disk") from None
    # A second descriptor of the same lock: it is held until that one is closed too.
    held = os.dup(lock) if writable else NIL
    return State(folder, capacity, maps, held, int(header[0]["epoch"]))


def _map(folder: Path, folder_fd: int, term: Term, *, writable: bool) -> mmap.mmap:
    """Map one array, once it is what it should be."""
    fd = open_file(folder, folder_fd, term.name, term.total_bytes, writable=writable)
    try:
        if os.pread(fd, PAGE_BYTES, 0) != npy_head(term.dtype, term.records):
            raise StateError(
                f"{folder / file_name(term.name)} does not say that it holds {term.records:,} "
                f"{term.name}, its head is damaged; create the state again"
            )
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_COPY
        return mmap.mmap(fd, term.total_bytes, access=access)
    finally:
        os.close(fd)


def _arrays(capacity: Capacity, maps: dict[str, mmap.mmap]) -> dict[str, Array]:
    """Plain arrays over maps."""
    return {
        term.name: np.ndarray(term.records, term.dtype, maps[term.name], PAGE_BYTES)
        for term in capacity.terms()
        if term.name in maps
    }
