"""A state is made whole or not at all, and takes nobody else's place."""

import errno
import os
import shutil
import subprocess

import pytest

from mmjit import arena
from mmjit.arena import create_state, open_state
from mmjit.capacity import Capacity
from mmjit.errors import StateError
from tests.states import (
    FILES,
    SMALL,
    configured,
    contents,
    fail_at,
    feed,
    needs_root,
    open_descriptors,
    random_events,
)


@pytest.fixture
def folder(tmp_path):
    """A state that is closed."""
    place = tmp_path / "state"
    create_state(place, SMALL).close()
    return place


def test_what_is_there_is_not_overwritten(folder):
    before = contents(folder)

    with pytest.raises(StateError, match="exists; choose another place or replace it"):
        create_state(folder, SMALL)
    assert contents(folder) == before


def test_a_state_can_be_replaced(folder):
    create_state(folder, Capacity(symbols=1, orders=8, fills=2), replace=True).close()

    with open_state(folder) as state:
        assert (state.capacity.orders, state.epoch) == (8, 2)
    assert list(folder.parent.iterdir()) == [folder]


def test_an_empty_folder_can_be_replaced(tmp_path):
    (tmp_path / "state").mkdir()

    create_state(tmp_path / "state", SMALL, replace=True).close()

    open_state(tmp_path / "state").close()


def test_a_state_in_use_is_not_replaced(folder):
    with open_state(folder), pytest.raises(StateError, match="is open for writing"):
        create_state(folder, SMALL, replace=True)
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_of_other_things_is_not_replaced(folder):
    (folder / "thesis.tex").write_text("irreplaceable")

    with pytest.raises(StateError, match=r"holds 'thesis.tex', which is not of a state"):
        create_state(folder, SMALL, replace=True)
    assert (folder / "thesis.tex").read_text() == "irreplaceable"


def test_a_link_is_not_replaced(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)

    with pytest.raises(StateError, match="is a symbolic link"):
        create_state(tmp_path / "link", SMALL, replace=True)
    open_state(folder).close()


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_place_in_no_folder_is_refused(tmp_path, parent):
    (tmp_path / "file").touch()

    with pytest.raises(StateError, match=f"{parent} is not a folder; make it first"):
        create_state(tmp_path / parent / "state", SMALL)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("call_number", [1, 5, len(FILES)])
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, call_number, replace):
    place = tmp_path / "state"
    if replace:
        create_state(place, SMALL).close()
    before = contents(place) if replace else {}
    no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fail_at(monkeypatch, "posix_fallocate", call_number, no_room)
    descriptors = open_descriptors()

    sentence = f"state needs {SMALL.total_bytes:,} bytes and [0-9,]+ are free; make room"
    with pytest.raises(StateError, match=sentence):
        create_state(place, SMALL, replace=replace)
    assert list(tmp_path.iterdir()) == ([place] if replace else [])
    assert not replace or contents(place) == {**before, "LOCK": contents(place)["LOCK"]}
    no_room.__traceback__ = None
    assert open_descriptors() == descriptors


@pytest.mark.parametrize("step", ["mkdir", "fchmod", "fsync", "pwrite"])
def test_any_other_failure_leaves_nothing_behind_either(tmp_path, monkeypatch, step):
    fail_at(monkeypatch, step, 1, OSError(errno.EIO, "Input/output error"))

    with pytest.raises(StateError, match=r"state cannot be created \(Input/output error\)"):
        create_state(tmp_path / "state", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_does_not_really_allocate_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arena, "allocated_bytes", lambda found: 512)

    with pytest.raises(
        StateError, match=r"^nodes\.npy of [0-9,]+ bytes is not really allocated here"
    ):
        create_state(tmp_path / "state", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    fail_at(monkeypatch, "posix_fallocate", 3, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        create_state(tmp_path / "state", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_old_state_comes_back_if_the_new_one_cannot_take_its_place(folder, monkeypatch):
    fail_at(monkeypatch, "rename", 2, OSError(errno.EIO, "Input/output error"))

    with pytest.raises(StateError, match="cannot be created"):
        create_state(folder, SMALL, replace=True)
    assert list(folder.parent.iterdir()) == [folder]
    open_state(folder).close()


def test_another_who_was_faster_is_not_overwritten(tmp_path, monkeypatch):
    real = arena._build

    def build(partial, capacity):
        real(partial, capacity)
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "theirs").touch()

    monkeypatch.setattr(arena, "_build", build)

    with pytest.raises(StateError, match="exists; choose another place"):
        create_state(tmp_path / "state", SMALL)
    assert [p.name for p in tmp_path.rglob("*")] == ["state", "theirs"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@needs_root
@pytest.mark.parametrize("told", [True, False])
def test_a_state_larger_than_the_disk_is_refused(small_disk, monkeypatch, told):
    if not told:  # as when somebody else fills the disk meanwhile
        monkeypatch.setattr(arena, "_free_bytes", lambda folder: 1 << 40)
    capacity = Capacity(symbols=2, orders=4096)

    with pytest.raises(StateError, match=f"needs {capacity.total_bytes:,} bytes and"):
        create_state(small_disk / "state", capacity)
    assert list(small_disk.iterdir()) == []
    create_state(small_disk / "state", SMALL).close()


@needs_root
def test_a_state_can_be_opened_for_writing_on_a_full_disk(small_disk):
    create_state(small_disk / "state", SMALL).close()
    with open(small_disk / "ballast", "wb") as file, pytest.raises(OSError, match="No space"):
        os.posix_fallocate(file.fileno(), 0, 1 << 20)

    with open_state(small_disk / "state") as state:
        feed(state.book, configured(state.book), random_events(300, 32, 9))
        assert state.epoch == 2
