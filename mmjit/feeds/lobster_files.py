"""The files of a LOBSTER recording: which they are, what their names say, and reading them in runs.

    TICKER_2012-06-21_34200000_57600000_message_5.csv     one line a message
    TICKER_2012-06-21_34200000_57600000_orderbook_5.csv   the book after it; may be missing

They lie side by side or in a zip. What is wrong with a file becomes a `FeedError` here.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Final

import numpy as np

from mmjit.errors import FeedError
from mmjit.wire.lobster import CURSOR, MESSAGE, Fault, read_messages, text_of

Array = np.ndarray[Any, Any]

RUN_ROWS: Final = 1 << 14  # read and handed on at once; a run of 50-level book lines takes 25 MB
_PIECE_BYTES: Final = 1 << 20
_LINE_BYTES_MAX: Final = 1 << 16  # a book line of 1,000 levels takes 48 KB

_RULES: Final[dict[Fault, str]] = {
    Fault.TIME: "the time is not decimal seconds after midnight, below 90000",
    Fault.TYPE: "the type is not one of 1 to 7",
    Fault.ORDER_ID: "the order id is not an integer from 0 to 2^63 - 10",
    Fault.SIZE: "the size is not an integer from 1 (of a trade without order: 0) to 10^12",
    Fault.PRICE: "the price is not an integer from 1 (of a trade without order: 0) to 10^12",
    Fault.DIRECTION: "the direction is not 1 or -1 at the end of the line",
    Fault.TIME_BACKWARDS: "the time is before that of the line above",
    Fault.HALT: "the price of a trading halt is not -1, 0 or 1",
}


@dataclass(frozen=True)
class Title:
    """What the name of a file says; None where it does not."""

    symbol: str | None = None
    date: str | None = None
    start: str | None = None  # milliseconds after midnight
    end: str | None = None
    levels: int | None = None

    @classmethod
    def of(cls, name: str) -> "Title":
        """Read a name; one that follows the rule in part is read in part."""
        day = re.search(r"(?:^|(.+?)_)(\d{4}-\d{2}-\d{2})(?:_(\d+)_(\d+))?", name)
        tail = re.search(r"_(?:message|orderbook)_(\d+)\.csv$", name)
        symbol, date, start, end = day.groups() if day else (None,) * 4
        return cls(symbol, date, start, end, int(tail[1]) if tail else None)


@dataclass(frozen=True)
class Part:
    """One CSV: a file, or the member of a zip."""

    path: Path
    member: str | None
    byte_count: int

    @property
    def name(self) -> str:
        """Its name without folders."""
        return PurePosixPath(self.member).name if self.member else self.path.name


@dataclass(frozen=True)
class Recording:
    """The parts of one recording."""

    message: Part
    orderbook: Part | None

    @property
    def title(self) -> Title:
        """What the names say."""
        return Title.of(self.message.name)

    @property
    def paths(self) -> list[Path]:
        """The files that hold the parts."""
        parts = [self.message] if self.orderbook is None else [self.message, self.orderbook]
        return list(dict.fromkeys(part.path for part in parts))


def find_recording(source: Path | list[Path]) -> Recording:
    """Find the parts of a recording.

    Args:
        source: a zip of both parts, or one CSV (the other is looked for beside it), or both.

    Raises:
        FeedError: there is no such file, it is not what it should be, or the two do not belong
            together.
    """
    paths = [Path(path) for path in (source if isinstance(source, list | tuple) else [source])]
    if not 1 <= len(paths) <= 2:
        raise FeedError(f"{len(paths)} files given; give a zip, or a message and an orderbook file")
    for path in paths:
        if not path.is_file():
            raise FeedError(f"{path} is not a file; give a LOBSTER zip or message file")
    if paths[0].suffix.lower() == ".zip":
        if len(paths) == 2:
            raise FeedError(f"{paths[1].name} given beside a zip; import one recording at a time")
        return _checked(_zip_parts(paths[0]))
    return _checked([Part(path, None, path.stat().st_size) for path in _pair(paths)])


def _pair(paths: list[Path]) -> list[Path]:
    """The message file, and the orderbook file if there is one."""
    if len(paths) == 2:
        return paths[::-1] if "orderbook" in paths[0].name else paths
    path = paths[0]
    if "orderbook" in path.name:
        message = path.with_name(path.name.replace("orderbook", "message"))
        if not message.is_file():
            raise FeedError(f"{path.name} has no {message.name} beside it; give its message file")
        return [message, path]
    orderbook = path.with_name(path.name.replace("message", "orderbook"))
    return [path, orderbook] if orderbook != path and orderbook.is_file() else [path]


def _zip_parts(path: Path) -> list[Part]:
    """The message member, and the orderbook member if there is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".csv")]
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise FeedError(f"{path.name} is not a whole zip ({error}); fetch it again") from None
    found: dict[str, list[zipfile.ZipInfo]] = {"message": [], "orderbook": []}
    for info in infos:
        name = PurePosixPath(info.filename).name
        if "__MACOSX" not in info.filename:
            for word, members in found.items():
                if f"_{word}_" in name:
                    members.append(info)
    if len(found["message"]) != 1 or len(found["orderbook"]) > 1:
        counts = " and ".join(f"{len(members)} {word}" for word, members in found.items())
        raise FeedError(f"{path.name} holds {counts} files; it must hold one recording, unpack it")
    chosen = found["message"] + found["orderbook"]
    if any(info.flag_bits & 1 for info in chosen):
        raise FeedError(f"{path.name} is encrypted; unpack it and import the files")
    return [Part(path, info.filename, info.file_size) for info in chosen]


def _checked(parts: list[Part]) -> Recording:
    """A recording whose parts do not contradict each other."""
    if len(parts) == 1:
        return Recording(parts[0], None)
    message, orderbook = (Title.of(part.name) for part in parts)
    for field in fields(Title):
        one, other = getattr(message, field.name), getattr(orderbook, field.name)
        if one != other and one is not None and other is not None:
            raise FeedError(
                f"{parts[0].name} and {parts[1].name} disagree on the {field.name}"
                f" ({one}, {other}); give two files of one recording"
            )
    return Recording(*parts)


class Reader:
    """A part that is open for reading; what a disk or an archive gets wrong is a `FeedError`."""

    def __init__(self, part: Part) -> None:
        self.name = part.name
        self._part = part
        self._archive: zipfile.ZipFile | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "Reader":
        self._file = self._guarded(self._open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for opened in (self._file, self._archive):
            if opened is not None:
                opened.close()

    def _open(self) -> IO[bytes]:
        if self._part.member is None:
            return open(self._part.path, "rb", buffering=_PIECE_BYTES)
        self._archive = zipfile.ZipFile(self._part.path)
        member: Any = self._archive.open(self._part.member)
        return io.BufferedReader(member, _PIECE_BYTES)

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise FeedError(f"{self.name} cannot be read ({error}); fetch it again") from None

    def read(self, byte_count: int) -> bytes:
        """The next bytes, fewer at the end."""
        assert self._file is not None
        data: bytes = self._guarded(partial(self._file.read, byte_count))
        return data

    def lines(self, count: int) -> list[bytes]:
        """The next lines, ends of line included, fewer at the end of the file."""
        assert self._file is not None
        each = iter(partial(self._file.readline, _LINE_BYTES_MAX), b"")
        lines: list[bytes] = self._guarded(lambda: list(islice(each, count)))
        return lines


def message_runs(part: Part, advance: Callable[[int], None]) -> Iterator[Array]:
    """Read a message file in runs of at most `RUN_ROWS` MESSAGE, each valid until the next.

    Args:
        part: the message file.
        advance: is told of the bytes read.

    Raises:
        FeedError: the file is empty, or a line of it is not a message.
    """
    cursor = np.zeros(1, CURSOR)
    rest = b""
    with Reader(part) as reader:
        while piece := reader.read(_PIECE_BYTES):
            text = rest + piece
            whole = text.rfind(b"\n") + 1
            rest = text[whole:]
            if len(rest) > _LINE_BYTES_MAX:
                raise FeedError(f"{part.name} has a line without end; it is not a message file")
            yield from _text_runs(part.name, text[:whole], cursor)
            advance(len(piece))
    # A line that was cut short cannot pass: the direction comes last.
    if rest:
        yield from _text_runs(part.name, rest + b"\n", cursor, cut=True)
    if cursor[0]["line"] == 0:
        raise FeedError(f"{part.name} is empty; there is nothing to import")


def _text_runs(name: str, data: bytes, cursor: Array, *, cut: bool = False) -> Iterator[Array]:
    """Read whole lines in runs."""
    text = text_of(data)
    cursor[0]["offset"] = 0
    first = int(cursor[0]["line"])
    while cursor[0]["offset"] < len(text):
        rows = np.zeros(RUN_ROWS, MESSAGE)
        count = int(read_messages(text, rows, cursor))
        if count < 0:
            line = int(cursor[0]["line"])
            shown = data.split(b"\n")[line - first - 1][:80].decode("ascii", "replace")
            how = " (the last line is cut short)" if cut else ""
            raise FeedError(f"{name}, line {line}: {_RULES[Fault(count)]}{how}: {shown!r}")
        yield rows[:count]
