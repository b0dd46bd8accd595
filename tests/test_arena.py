"""A state is a folder that goes on exactly where it stopped, for one writer and its readers."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from mmjit.arena import create_state, open_state
from mmjit.capacity import HEADER, Capacity
from mmjit.core.audit import audit
from mmjit.core.digest import state_hash
from mmjit.core.state import LINE_BYTES, aligned_zeros, format_venue, lay_out_venue
from mmjit.errors import StateError
from mmjit.statefile import HEADER_BYTES
from tests.states import (
    FILES,
    SMALL,
    configured,
    contents,
    feed,
    in_a_child,
    open_descriptors,
    random_events,
)


@pytest.fixture
def folder(tmp_path):
    """A state that is closed."""
    place = tmp_path / "state"
    create_state(place, SMALL).close()
    return place


# ---- a state is a folder --------------------------------------------------------------------


def test_a_new_state_is_the_files_of_its_terms_and_nothing_else(folder):
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_every_byte_is_really_allocated(folder):
    assert all(p.stat().st_blocks * 512 >= p.stat().st_size for p in folder.iterdir())


def test_nobody_else_may_look_in_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        create_state(tmp_path / "state", SMALL).close()
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "state").iterdir()} == {0o600}


@pytest.mark.parametrize("qty_bits", [32, 64])
def test_every_array_opens_with_plain_numpy(tmp_path, qty_bits):
    capacity = Capacity(symbols=2, orders=32, pages=12, fills=4, qty_bits=qty_bits)
    with create_state(tmp_path / "state", capacity) as state:
        feed(state.book, configured(state.book), random_events(200, 32, 1))
        for name, array in state.arrays.items():
            plain = np.load(tmp_path / "state" / f"{name}.npy", mmap_mode="r")
            assert plain.dtype.fields == array.dtype.fields
            assert plain.tobytes() == array.tobytes()
        plain = np.load(tmp_path / "state" / "nodes.npy", mmap_mode="r")
        levels = plain[len(state.book.orders) :].view(state.book.levels.dtype)
        assert levels.tobytes() == state.book.levels.tobytes()
    assert np.load(tmp_path / "state" / "header.npy").dtype.fields == HEADER.fields


def test_the_book_is_made_of_plain_aligned_arrays(folder):
    with open_state(folder) as state:
        assert {type(array) for array in state.arrays.values()} == {np.ndarray}
        assert {a.ctypes.data % LINE_BYTES for a in state.arrays.values()} == {0}
        assert state.book.levels.ctypes.data % LINE_BYTES == 0


def test_two_states_have_different_salts(tmp_path):
    salts = set()
    for name in ("one", "two"):
        with create_state(tmp_path / name, SMALL) as state:
            salts.add(int(state.book.control[0]["salt"]))

    assert len(salts) == 2


def test_the_capacity_comes_back_with_the_folder(tmp_path):
    capacity = Capacity(symbols=3, orders=10, pages=7, rungs=32, fills=2, qty_bits=64)
    create_state(tmp_path / "state", capacity).close()

    with open_state(tmp_path / "state") as state:
        assert state.capacity == capacity


def test_the_epoch_counts_the_openings_for_writing(folder):
    epochs = []
    for writable in (True, False, True, False):
        with open_state(folder, writable=writable) as state:
            epochs.append(state.epoch)

    assert epochs == [2, 2, 3, 3]


@pytest.mark.parametrize("halfway", [0, 1, 150, 299])
def test_a_state_goes_on_exactly_where_it_stopped(folder, halfway):
    events = random_events(300, 32, 7)
    with open_state(folder) as state:
        salt = int(state.book.control[0]["salt"])
        region = configured(state.book)
        feed(state.book, region, events[:halfway])
    with open_state(folder) as state:
        feed(state.book, region, events[halfway:])
    held = {}

    def allocate(name, dtype, length):
        held[name] = aligned_zeros(name, dtype, length)
        return held[name]

    venue = lay_out_venue(SMALL.counts, allocate)
    format_venue(venue, salt)
    uninterrupted = venue.book
    feed(uninterrupted, configured(uninterrupted), events)

    with open_state(folder, writable=False) as state:
        assert {n: state.arrays[n].tobytes() for n in held} == {n: held[n].tobytes() for n in held}
        assert state_hash(state.book) == state_hash(uninterrupted)
        assert audit(state.book, np.zeros(32, np.int8)) == 0
        assert state.book.control[0]["sequence"] > 0


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs /dev/shm")
def test_a_state_may_live_in_shared_memory():
    place = Path("/dev/shm") / f"mmjit-test-{os.getpid()}"
    try:
        create_state(place, SMALL).close()
        with open_state(place) as state:
            assert state.epoch == 2
    finally:
        shutil.rmtree(place, ignore_errors=True)


# ---- reading beside a writer ----------------------------------------------------------------


def test_what_a_reader_writes_stays_with_the_reader(folder):
    before = contents(folder)

    with open_state(folder, writable=False) as state:
        feed(state.book, configured(state.book), random_events(100, 32, 3))
        assert state.book.control[0]["sequence"] > 0

    assert contents(folder) == before


def test_a_reader_sees_what_the_writer_does(folder):
    with open_state(folder) as writer, open_state(folder, writable=False) as reader:
        feed(writer.book, configured(writer.book), random_events(50, 32, 4))

        assert state_hash(reader.book) == state_hash(writer.book)
        assert not reader.writable


def test_a_reader_does_not_disturb_the_writer(folder):
    with open_state(folder) as writer:
        open_state(folder, writable=False).close()
        with pytest.raises(StateError, match="is open for writing"):
            open_state(folder)
        writer.book.control[0]["last_ns"] = 5

    with open_state(folder, writable=False) as state:
        assert state.book.control[0]["last_ns"] == 5


def test_a_reader_that_meets_a_half_written_epoch_looks_again(folder, monkeypatch):
    looks = []

    def pread(fd, size, offset, read=os.pread):
        data = read(fd, size, offset)
        if size != HEADER_BYTES:
            return data
        looks.append(size)
        return data[:-1] + bytes([data[-1] ^ 1]) if len(looks) == 1 else data

    monkeypatch.setattr(os, "pread", pread)
    open_state(folder, writable=False).close()

    assert len(looks) == 2


# ---- one writer -----------------------------------------------------------------------------


def test_a_second_writer_in_the_same_process_is_refused_at_once(folder):
    sentence = f"open for writing in this process, {os.getpid()};"
    with open_state(folder), pytest.raises(StateError, match=sentence):
        open_state(folder)
    open_state(folder).close()


def test_the_maker_of_a_state_is_its_first_writer(tmp_path):
    with create_state(tmp_path / "state", SMALL) as state:
        assert (state.writable, state.epoch) == (True, 1)
        with pytest.raises(StateError, match="is open for writing"):
            open_state(tmp_path / "state")


HOLDER = """
import sys, time
from mmjit.arena import open_state
state = open_state(sys.argv[1])
state.book.control[0]["last_ns"] = 77
print("ready", flush=True)
time.sleep(600)
"""


def test_a_killed_writer_is_named_while_it_lives_and_loses_nothing(folder):
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "ready\n"
            with pytest.raises(StateError, match=f"open for writing in process {holder.pid};"):
                open_state(folder)
            open_state(folder, writable=False).close()
        finally:
            holder.send_signal(signal.SIGKILL)

    with open_state(folder) as state:
        assert state.book.control[0]["last_ns"] == 77
        assert state.epoch == 3


def test_a_holder_that_has_not_said_who_it_is_is_another_process(folder):
    with open_state(folder):
        (folder / "LOCK").write_bytes(b"?".ljust(64))
        with pytest.raises(StateError, match="is open for writing in another process"):
            open_state(folder)


def test_a_child_cannot_use_the_state_of_its_parent(folder):
    def ask():
        try:
            return state.book
        except StateError as error:
            return error

    with open_state(folder) as state:
        said = in_a_child(ask)
        assert f"was opened by process {os.getpid()}, not by this one" in said
        assert said.endswith("open it again after the fork")


def test_the_lock_stays_with_the_parent_after_a_fork(folder):
    def try_to_write():
        state.close()
        try:
            return open_state(folder)
        except StateError as error:
            return error

    with open_state(folder) as state:
        assert f"is open for writing in process {os.getpid()};" in in_a_child(try_to_write)
        with pytest.raises(StateError, match="is open for writing"):
            open_state(folder)


def test_a_child_does_not_hold_the_lock_longer_than_its_parent(folder):
    to_parent, child_says = os.pipe()
    to_child, parent_says = os.pipe()
    state = open_state(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.write(child_says, b"!")
        os.read(to_child, 1)
        os._exit(0)
    try:
        os.read(to_parent, 1)
        state.close()

        open_state(folder).close()  # the child still runs
    finally:
        os.write(parent_says, b"!")
        os.waitpid(child, 0)
        for end in (to_parent, child_says, to_child, parent_says):
            os.close(end)


# ---- closing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use", [lambda s: s.book, lambda s: s.arrays, lambda s: s.flush(), lambda s: s.__enter__()]
)
@pytest.mark.parametrize("writable", [True, False])
def test_a_closed_state_says_so(folder, writable, use):
    state = open_state(folder, writable=writable)
    state.close()

    with pytest.raises(StateError, match=r"is closed; open it again with open_state$"):
        use(state)


def test_closing_twice_does_nothing(folder):
    state = open_state(folder)
    state.close()
    state.close()

    assert state.closed
    assert "closed" in repr(state)


def test_an_array_kept_beyond_the_close_can_still_be_read(folder):
    with open_state(folder) as state:
        kept = state.book.orders

    assert len(kept) == 32
    assert kept["order_id"].sum() == 0


def test_opening_and_closing_leaves_no_descriptor_open(folder):
    before = open_descriptors()
    for writable in (True, False):
        open_state(folder, writable=writable).close()

    assert open_descriptors() == before


def test_a_disk_that_fails_at_the_close_is_told_and_the_lock_let_go(folder, monkeypatch):
    class Broken:
        def flush(self):
            raise OSError(errno.EIO, "Input/output error")

    state = open_state(folder)
    monkeypatch.setitem(state._maps, "orders", Broken())

    with pytest.raises(StateError, match="could not be written back"):
        state.close()
    open_state(folder).close()
