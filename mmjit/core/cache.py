"""Where compiled kernels are kept, and when they are stale.

Numba's own cache judges a kernel by the file it stands in: an edit in an imported module would run
stale code, and checked code would be served to an unchecked run. Here a kernel's stamp is a digest
of everything that compiles (and, for a user's rule, of what it draws on), and the folder is named
after the settings that shape the code.

Invariant: a file holds one kernel for one signature and says so inside (digest, stamp, key), and it
is put in its place whole. So processes that compile the same kernels at once, or are killed while
they write, can cost a compilation and never serve the code of another.

A first compilation that takes longer than two seconds says so while it happens.
"""

import gc
import hashlib
import os
import pickle
import platform
import sys
import threading
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import llvmlite
import numba
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.serialize import dumps

PATIENCE_S: Final = 2.0
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_COMPILED_STOREYS: Final = ("core", "models", "strategies", "wire")
_DIGEST_BYTES: Final = 16
_VERSIONS_KEPT: Final = 16  # of one function: signatures, installed versions, rules of one factory
_NOT_SHAPING: Final = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_DEBUG_CACHE")


def cache_folder() -> Path:
    """Where this process keeps compiled kernels: MMJIT_CACHE_DIR, or the user's cache folder."""
    root = os.environ.get("MMJIT_CACHE_DIR")
    if root is None:
        root = str(Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmjit")
    return Path(root) / settings_tag()


@cache
def settings_tag() -> str:
    """Everything outside the source that shapes machine code, in one folder name."""
    shaping = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name not in _NOT_SHAPING
    )
    shaping.append(f"llvmlite={llvmlite.__version__}")
    checked = os.environ.get("MMJIT_CHECKED", "0") not in ("", "0")
    digest = _hex("\n".join(shaping).encode(), 4)
    mode = "checked" if checked else "plain"
    return f"numba{numba.__version__}-py{platform.python_version()}-{mode}-{digest}"


@cache
def package_digest() -> str:
    """A digest of every source file that compiled code can draw on.

    Nothing below the upper storeys imports from them (a contract that CI checks), so an edit there
    leaves compiled code as good as it was.
    """
    files = [path for storey in _COMPILED_STOREYS for path in (_PACKAGE / storey).rglob("*.py")]
    return digest_of(tuple(sorted(files)))


def digest_of(paths: tuple[Path, ...]) -> str:
    """A digest of the names and bytes of files."""
    state = hashlib.blake2b(digest_size=16)
    for path in paths:
        content = path.read_bytes()
        state.update(f"{path.name}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()


def _hex(content: bytes, size: int) -> str:
    return hashlib.blake2b(content, digest_size=size).hexdigest()


tally: Final = {"hits": 0, "misses": 0}  # kernels found on disk and compiled, in this process


class _Packing(CompileResultCacheImpl):  # type: ignore[misc]
    """Numba's own way of turning a compiled kernel into bytes and back."""

    def __init__(self, function: Any) -> None:
        # What its warnings point at; the rest of its constructor looks for a folder, which we have.
        self._lineno = function.__code__.co_firstlineno
        self._locator = SimpleNamespace(_py_file=function.__code__.co_filename)


class StampedCache(_Cache):  # type: ignore[misc]
    """The kernels of one function on disk, one file a signature.

    Args:
        function: what is compiled; its `__mmjit_stamp__`, if it has one, joins the stamp.
    """

    def __init__(self, function: Any) -> None:
        code = function.__code__
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        # Read now, so that an edit after this import cannot pass for what is running.
        self._stamp = package_digest() + getattr(function, "__mmjit_stamp__", "")
        self._identity = (code.co_firstlineno, _hex(code.co_code, 16), _hex(dumps(cells), 16))
        name = function.__qualname__.replace("<", "").replace(">", "")
        self._family = f"{Path(code.co_filename).stem}.{name}-{_place_of(code.co_filename)}"
        self._packing = _Packing(function)
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder, for Numba's statistics."""
        return str(cache_folder())

    def enable(self) -> None:
        """Use the disk again."""
        self._enabled = True

    def disable(self) -> None:
        """Neither read nor write the disk."""
        self._enabled = False

    def flush(self) -> None:
        """Forget every kernel of this function."""
        for path in cache_folder().glob(f"{self._family}.*"):
            path.unlink(missing_ok=True)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel of a signature, or None."""
        target_context.refresh()
        if not self._enabled:
            return None
        key = self._key(sig, target_context.codegen())
        packed = _read(self._path(key), key)
        if packed is None:
            return None
        tally["hits"] += 1
        return self._packing.rebuild(target_context, packed)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel that has just been compiled."""
        tally["misses"] += 1
        if not self._enabled or not self._packing.check_cachable(data):
            return
        key = self._key(sig, data.codegen)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, dumps((key, self._packing.reduce(data))))
            self._sweep()
        except OSError as error:
            _complain(error)

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        """Everything that must be equal for code to be the same."""
        return (self._stamp, self._identity, sig, codegen.magic_tuple())

    def _path(self, key: tuple[Any, ...]) -> Path:
        entry = _hex(repr(key).encode(), 8)
        return cache_folder() / f"{self._family}.{entry}.mmk"

    def _sweep(self) -> None:
        """Remove the oldest of many versions, which edits of the sources leave behind."""
        with suppress(OSError):  # another process sweeps, too
            found = list(cache_folder().glob(f"{self._family}.*.mmk"))
            found.sort(key=lambda path: path.stat().st_mtime_ns)
            for path in found[:-_VERSIONS_KEPT]:
                path.unlink(missing_ok=True)


def _place_of(file: str) -> str:
    """Which file a function stands in, in few letters; the same for equal copies of the package."""
    path = Path(file).resolve()
    if path.is_relative_to(_PACKAGE):
        return _hex(path.relative_to(_PACKAGE).as_posix().encode(), 6)
    return _hex(str(path).encode(), 6)


def _read(path: Path, key: tuple[Any, ...]) -> Any:
    """What is packed in a file, or None if it is not there, damaged or of another key."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    body = content[_DIGEST_BYTES:]
    if hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != content[:_DIGEST_BYTES]:
        return None
    try:
        found, packed = pickle.loads(body)
    except Exception:  # a name it refers to is gone: compiling again is the remedy
        return None
    return packed if found == key else None


def _write(path: Path, body: bytes) -> None:
    """Put a file in its place whole."""
    partial = path.with_name(f"{path.name}.partial-{uuid.uuid4().hex[:12]}")
    try:
        partial.write_bytes(hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() + body)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


@cache  # once a process
def _complain_once(reason: str) -> None:
    sys.stderr.write(
        f"mmjit: compiled kernels cannot be kept in {cache_folder()} ({reason}), so each process "
        "compiles them again; set MMJIT_CACHE_DIR to a folder that can be written\n"
    )


def _complain(error: OSError) -> None:
    _complain_once(error.strerror or type(error).__name__)


class _Patience(event.Listener):  # type: ignore[misc]
    """Says on standard error, once a process, that kernels are being compiled.

    Meanwhile the garbage collector rests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._spent_s = 0.0
        self._began_s = 0.0
        self._said = False
        self._depth = 0  # kernels being compiled, each within another or in threads of their own
        self._resumes = False  # whether the garbage collector was on before

    def on_start(self, event: Any) -> None:
        """Wait for what is left of the patience while a kernel of ours compiles."""
        dispatcher = event.data["dispatcher"]
        if not isinstance(dispatcher._cache, StampedCache):
            return
        with self._lock:
            self._depth += 1
            if self._depth == 1 and gc.isenabled():
                gc.disable()  # a compiler makes millions of objects and few cycles: a tenth of it
                self._resumes = True
            if self._timer is not None or self._said:
                return
            self._began_s = time.monotonic()
            wait_s = max(0.0, PATIENCE_S - self._spent_s)
            self._timer = threading.Timer(wait_s, self._say, (dispatcher.py_func.__name__,))
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event: Any) -> None:
        """The kernel is there, or was not to be."""
        if not isinstance(event.data["dispatcher"]._cache, StampedCache):
            return
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._resumes:
                gc.enable()
                self._resumes = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
                self._spent_s += time.monotonic() - self._began_s

    def _say(self, name: str) -> None:
        self._said = True
        sys.stderr.write(
            f"mmjit: compiling kernels for their first use (now: {name}); "
            f"kept in {cache_folder()} for the next run\n"
        )
        sys.stderr.flush()


event.register("numba:compile", _Patience())
