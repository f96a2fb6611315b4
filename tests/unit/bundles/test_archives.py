"""Archives read in ranges, where they lie."""

import io
import zipfile

import pytest

from chalicelib.bundles import archives
from chalicelib.bundles.errors import BadBundle

CONTENT = bytes(range(256)) * 64


def archive() -> bytes:
    """A small archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as writer:
        writer.writestr("a.bin", CONTENT)
        writer.writestr("lines", b"one\ntwo\n" + b"x" * 100)
    return target.getvalue()


def test_an_archive_is_read_in_ranges() -> None:
    raw, asked = archive(), list[tuple[int, int]]()

    def fetch(at: int, size: int) -> bytes:
        asked.append((at, size))
        return raw[at : at + size]

    with archives.ranged(len(raw), fetch) as file, archives.opened(file, len(raw)) as found:
        assert found.names == ["a.bin", "lines"]
        assert b"".join(found.pieces("a.bin")) == CONTENT
    assert asked
    assert all(0 <= at < at + size <= len(raw) for at, size in asked)


def test_reads_stop_at_the_end_and_seeks_go_anywhere() -> None:
    file = archives.ranged(len(CONTENT), lambda at, size: CONTENT[at : at + size])
    assert file.seek(-4, io.SEEK_END) == len(CONTENT) - 4
    assert file.read(100) == CONTENT[-4:]
    assert file.read(1) == b""
    assert (file.seek(256), file.read(2)) == (256, b"\x00\x01")


def test_lines_and_entries_are_bounded() -> None:
    with archives.opened(io.BytesIO(archive()), 1 << 20) as found:
        assert [len(line) for line in found.lines("lines", 100)] == [4, 4, 100]
        with pytest.raises(BadBundle, match="lines: has a line of more than 50 bytes"):
            list(found.lines("lines", 50))
        with pytest.raises(BadBundle, match=r"a\.bin: has more than 10 bytes"):
            found.read("a.bin", 10)
        with pytest.raises(BadBundle, match="b: is not in the bundle"):
            found.read("b", 10)


def test_a_large_archive_is_not_even_looked_at() -> None:
    raw = archive()
    with pytest.raises(BadBundle, match="at most"), archives.opened(io.BytesIO(raw), len(raw) - 1):
        pass
