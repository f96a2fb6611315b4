"""Archives that are written while they are sent."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator

from chalicelib.bundles.zipping import ZipStream

MIB = 1 << 20


def whole() -> tuple[bytes, list[int]]:
    """An archive with an entry of each kind, and the sizes of the pieces it came in."""
    stream, pieces = ZipStream(), list[bytes]()

    def large() -> Iterator[bytes]:
        for number in range(16):
            yield bytes([number]) * (MIB // 4)

    pieces += stream.file("a.txt", [b"one", b"two"])
    pieces += stream.file("large", large(), 4 * MIB, 0o600)
    pieces += stream.folder("d/", 0o750)
    pieces += stream.link("l", "a.txt")
    pieces += stream.end()
    return b"".join(pieces), [len(piece) for piece in pieces]


def test_any_reader_finds_the_entries_with_their_kinds_and_modes() -> None:
    with zipfile.ZipFile(io.BytesIO(whole()[0])) as archive:
        assert archive.testzip() is None
        assert archive.read("a.txt") == b"onetwo"
        assert len(archive.read("large")) == 4 * MIB
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        assert archive.getinfo("large").compress_type == zipfile.ZIP_STORED
    assert modes == {
        "a.txt": stat.S_IFREG | 0o644,
        "large": stat.S_IFREG | 0o600,
        "d/": stat.S_IFDIR | 0o750,
        "l": stat.S_IFLNK | 0o777,
    }


def test_nobody_holds_more_than_a_piece_and_the_same_entries_make_the_same_bytes() -> None:
    first, sizes = whole()
    assert max(sizes) <= MIB
    assert first == whole()[0]


def test_checksum_and_size_are_those_of_the_content() -> None:
    stream = ZipStream()
    for _ in stream.file("a", [b"one", b"two"]):
        continue
    assert (stream.sha256, stream.size) == (hashlib.sha256(b"onetwo").hexdigest(), 6)
