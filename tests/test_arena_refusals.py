"""What is no state, or not a sound one of ours, is refused with its own sentence and no trace."""

import errno
import os
import shutil

import numpy as np
import pytest

from mmjit import statefile
from mmjit.arena import create_state, open_state
from mmjit.capacity import HEADER, PAGE_BYTES
from mmjit.core.codes import NIL
from mmjit.errors import StateError
from mmjit.statefile import HEADER_BYTES, decode_header, encode_header
from tests.states import (
    FILES,
    SMALL,
    fail_at,
    needs_root,
    open_descriptors,
)


@pytest.fixture
def folder(tmp_path):
    """A state that is closed."""
    place = tmp_path / "state"
    create_state(place, SMALL).close()
    return place


def both_ways(folder, sentence):
    """Refused for reading and for writing, without a trace and without a leak."""
    for writable in (False, True):
        descriptors = open_descriptors()
        with pytest.raises(StateError, match=sentence):
            open_state(folder, writable=writable)
        assert open_descriptors() == descriptors


def rewrite(folder, **values):
    """Give header fields other values and the header a right checksum."""
    path = folder / "header.npy"
    header = np.frombuffer(path.read_bytes(), HEADER, 1, PAGE_BYTES).copy()
    for name, value in values.items():
        header[name] = value
    path.write_bytes(encode_header(header))


def test_a_missing_folder_is_no_state(tmp_path):
    both_ways(tmp_path / "state", "state does not exist; make it with mmjit create$")


def test_a_file_is_no_state(tmp_path):
    (tmp_path / "state").touch()

    both_ways(tmp_path / "state", "state is not a folder; a state is one$")


def test_an_empty_folder_is_no_state(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)

    both_ways(tmp_path / "state", r"is not a whole state: it has no header\.npy; create it again$")


def test_a_folder_is_not_followed_through_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)

    both_ways(tmp_path / "link", "link is a symbolic link; give the folder itself$")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    missing = f"is not a whole state: it has no {name}; create it again$"

    if name == "LOCK":  # a reader needs none
        open_state(folder, writable=False).close()
        with pytest.raises(StateError, match=missing):
            open_state(folder)
    else:
        both_ways(folder, missing)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"magic": b"NUMPYXX"}, "is not the header of a state"),
        ({"version": 2}, "has version 2 and this mmjit reads 1;"),
        ({"endianness": 0x04030201}, "has byte order 0x04030201 instead of 0x01020304;"),
        ({"endianness": -1}, "has byte order 0xffffffff instead"),
        ({"layout": np.void(bytes(32))}, "has layout 00000000 and this mmjit has [0-9a-f]{8};"),
        ({"orders": 36}, "has layout [0-9a-f]{8} and this mmjit has"),
        ({"orders": 0}, r"has an impossible capacity \(orders: 0 is less than 1;"),
        ({"qty_bits": 8}, "has an impossible capacity"),
        ({"pages": NIL}, "has layout"),
    ],
)
def test_a_header_of_another_kind_is_refused_by_name(folder, values, sentence):
    rewrite(folder, **values)

    both_ways(folder, f"header.npy {sentence}")


def test_other_semantics_are_another_layout(folder, monkeypatch):
    monkeypatch.setattr(statefile, "SEMANTICS", statefile.SEMANTICS + 1)

    both_ways(folder, "has layout")


@pytest.mark.parametrize("place", [0, 9, 100, PAGE_BYTES - 1, PAGE_BYTES + 70, HEADER_BYTES - 1])
def test_a_flipped_bit_in_the_header_is_found(folder, place):
    data = bytearray((folder / "header.npy").read_bytes())
    data[place] ^= 0x10
    (folder / "header.npy").write_bytes(data)

    both_ways(folder, "header.npy is damaged, its checksum is wrong; create the state again$")


def test_every_bit_of_the_header_counts(folder):
    data = (folder / "header.npy").read_bytes()
    decode_header("whole", data)

    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place >> 3] ^= 1 << (place & 7)
        with pytest.raises(StateError):
            decode_header("flipped", bytes(flipped))


@pytest.mark.parametrize("place", [0, 8, 20, PAGE_BYTES - 1])
def test_a_flipped_bit_in_the_head_of_an_array_is_found(folder, place):
    with open(folder / "orders.npy", "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))

    both_ways(folder, r"orders\.npy does not say that it holds 32 orders, its head is damaged")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_short_or_long_file_is_refused_and_left_as_it_is(folder, name):
    size = FILES[name]
    data = (folder / name).read_bytes()
    for length in sorted({0, 1, size // 2, size - 64, size - 1, size + 1, size + 4096} - {size}):
        (folder / name).write_bytes(data[:length].ljust(length, b"\0"))
        sentence = f"{name} has {length:,} bytes instead of {size:,}; create the state again$"
        with pytest.raises(StateError, match=sentence):
            open_state(folder)
        if name != "LOCK":
            with pytest.raises(StateError, match=sentence):
                open_state(folder, writable=False)
        assert (folder / name).stat().st_size == length


def test_a_file_with_holes_is_refused(folder):
    os.truncate(folder / "orders.npy", 0)
    os.truncate(folder / "orders.npy", FILES["orders.npy"])

    both_ways(folder, r"orders\.npy has holes: 0 of its [0-9,]+ bytes are allocated; copy it with")


@pytest.mark.parametrize("name", ["header.npy", "orders.npy"])
def test_a_link_among_the_files_is_refused_and_its_target_untouched(folder, tmp_path, name):
    shutil.move(folder / name, tmp_path / "target")
    before = (tmp_path / "target").read_bytes()
    (folder / name).symlink_to(tmp_path / "target")

    both_ways(folder, f"{name} is a symbolic link; a state has none")
    assert (tmp_path / "target").read_bytes() == before


@pytest.mark.parametrize("name", ["header.npy", "orders.npy"])
def test_a_second_name_of_a_file_is_refused(folder, tmp_path, name):
    os.link(folder / name, tmp_path / "second")

    both_ways(folder, f"{name} has 2 hard links; a state's file has one name")


@pytest.mark.parametrize("name", ["header.npy", "orders.npy"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["FIFO", "folder"])
def test_what_is_not_a_regular_file_is_refused_without_waiting(folder, name, make):
    (folder / name).unlink()
    make(folder / name, 0o600)

    both_ways(folder, f"{name} is not a regular file; create the state again")


def test_a_lock_that_is_a_fifo_is_refused_without_waiting(folder):
    (folder / "LOCK").unlink()
    os.mkfifo(folder / "LOCK", 0o600)

    with pytest.raises(StateError, match="LOCK is not a regular file"):
        open_state(folder)


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
@pytest.mark.parametrize("name", ["header.npy", "orders.npy", "."])
def test_what_others_may_write_is_refused(folder, name, mode):
    (folder / name).chmod(mode | (0o100 if name == "." else 0))

    both_ways(folder, "and others may write it; chmod go-w$")


def test_what_another_user_owns_is_refused(folder, monkeypatch):
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    both_ways(folder, f"state belongs to user {user} and this process to user {user + 1};")


@needs_root
@pytest.mark.parametrize("name", ["header.npy", "orders.npy"])
def test_a_file_that_another_user_owns_is_refused(folder, name):
    os.chown(folder / name, 12345, -1)

    both_ways(folder, f"{name} belongs to user 12345 and this process to user {os.geteuid()};")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, r"cannot be opened \(Permission denied\); see to its rights"),
        (errno.EROFS, "is on a read-only file system; open it with writable=False"),
    ],
)
def test_what_may_not_be_opened_says_why(folder, monkeypatch, number, sentence):
    real = os.open

    def refuse(path, flags, *args, **kwargs):
        if path == "LOCK":
            raise OSError(number, os.strerror(number))
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(StateError, match=f"LOCK {sentence}"):
        open_state(folder)
    open_state(folder, writable=False).close()


def test_a_folder_that_may_not_be_opened_says_why(folder, monkeypatch):
    fail_at(monkeypatch, "open", 1, OSError(errno.EACCES, os.strerror(errno.EACCES)))

    with pytest.raises(
        StateError, match=r"state cannot be opened \(Permission denied\); see to its"
    ):
        open_state(folder)


def test_a_state_that_was_replaced_while_it_was_opened_is_refused(folder, monkeypatch):
    real = statefile.fcntl.flock

    def replace_meanwhile(fd, how):
        (folder / "LOCK").unlink()
        real(fd, how)

    monkeypatch.setattr(statefile.fcntl, "flock", replace_meanwhile)

    with pytest.raises(StateError, match="was replaced in this moment; open it again"):
        open_state(folder)


def test_a_disk_that_fails_at_the_opening_is_told(folder, monkeypatch):
    fail_at(monkeypatch, "fdatasync", 1, OSError(errno.EIO, "Input/output error"))

    with pytest.raises(
        StateError, match=r"cannot be mapped \(Input/output error\); see to the disk"
    ):
        open_state(folder)
    open_state(folder).close()
