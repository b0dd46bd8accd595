"""Reading files that may be packed."""

import gzip

import pytest

from mmjit.feeds import unpack
from mmjit.feeds.unpack import Unpacked
from tests.itch_messages import ONE_OF_EACH, framed

PLAIN = framed(*ONE_OF_EACH)


def unpacked(path, size=1000):
    """All bytes that come out of a file, and its reader."""
    room = memoryview(bytearray(size))
    out = b""
    with Unpacked(path) as packed:
        while count := packed.read_into(room):
            out += bytes(room[:count])
    return out, packed


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_gzip_file_may_break_off_at_any_byte(size, tmp_path):
    whole = gzip.compress(PLAIN[:200]) + gzip.compress(PLAIN[200:])
    first = len(gzip.compress(PLAIN[:200]))
    path = tmp_path / "cut"
    longest = 0
    for end in range(2, len(whole)):
        path.write_bytes(whole[:end])

        out, packed = unpacked(path, size)

        assert PLAIN.startswith(out)
        assert len(out) >= longest
        longest = len(out)
        between = end == first or end == first + 1  # one byte of a magic is no member yet
        assert packed.incomplete != between
        assert packed.trailing_bytes == (end == first + 1)


@pytest.mark.parametrize("at_a_time", [2, 3, 7, 1 << 18])
@pytest.mark.parametrize(
    ("packed", "trailing_bytes"),
    [
        (gzip.compress(PLAIN), 0),
        (gzip.compress(PLAIN[:9]) + gzip.compress(b"") + gzip.compress(PLAIN[9:]), 0),
        (gzip.compress(PLAIN[:9]) + b"\0" * 5 + gzip.compress(PLAIN[9:]) + b"\0" * 5, 0),
        (gzip.compress(PLAIN) + b"\0\0sig\0", 4),
        (gzip.compress(PLAIN) + b"\x1f", 1),
        (PLAIN, 0),
    ],
    ids=["one member", "three", "padded", "signed", "half a magic", "plain"],
)
def test_it_does_not_matter_how_much_is_read_at_a_time(
    packed, trailing_bytes, at_a_time, tmp_path, monkeypatch
):
    path = tmp_path / "file"
    path.write_bytes(packed)
    monkeypatch.setattr(unpack, "_PACKED_BYTES", at_a_time)

    out, reader = unpacked(path)

    assert out == PLAIN
    assert not reader.incomplete
    assert reader.unpacked_bytes == len(PLAIN)
    assert reader.digest()["bytes"] == len(packed)
    assert reader.trailing_bytes == trailing_bytes
