"""Bundles as they come in: looked at before anything is expanded, never expanded beyond what is allowed, never held."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TypeVar

from chalicelib.bundles.errors import BadBundle, bad
from chalicelib.bundles.model import MIB, MOST_BYTES, MOST_ENTRIES
from chalicelib.core import zips

PIECE = 1 << 18
_AHEAD = 4 << 20
_MOST_DIRECTORY_BYTES = 32 * MIB
_MOST_RATIO, _FREE_BYTES = 200, 16 * MIB
_KINDS = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink"}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError)
T = TypeVar("T")


class RangeReader(io.RawIOBase):
    """A file of which pieces are fetched when they are read."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        """``fetch`` gives so many bytes (not 0) from an offset on."""
        self._size, self._fetch, self._at = size, fetch, 0

    def readable(self) -> bool:
        """It is for nothing else."""
        return True

    def seekable(self) -> bool:
        """Any place can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on elsewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, target: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill the target as far as there is something left."""
        wanted = min(len(target), self._size - self._at)
        if wanted <= 0:
            return 0
        piece = self._fetch(self._at, wanted)
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def ranged(size: int, fetch: Callable[[int, int], bytes]) -> IO[bytes]:
    """A file that is read in ranges of a good size."""
    return io.BufferedReader(RangeReader(size, fetch), _AHEAD)


class Archive:
    """The entries of an archive by name; every one is known to be within the limits."""

    def __init__(self, reader: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> None:
        self._reader = reader
        self._entries = entries

    @property
    def names(self) -> list[str]:
        """The names in their order."""
        return list(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def kind(self, name: str) -> str:
        """What an entry is: file, dir or symlink."""
        return _kind(self._entries[name]) or "file"

    def size(self, name: str) -> int:
        """The bytes an entry announces."""
        return self._entries[name].file_size

    def read(self, name: str, most: int) -> bytes:
        """A small entry. Raises BadBundle."""
        if name not in self._entries:
            raise bad(name, "is not in the bundle")
        if self.size(name) > most:
            raise bad(name, f"has more than {most} bytes")
        return b"".join(self.pieces(name))

    def pieces(self, name: str, size: int = PIECE) -> Iterator[bytes]:
        """An entry's content, not more than it announces. Raises BadBundle."""
        with self.opened(name) as file:
            while piece := _demand(name, lambda: file.read(size)):
                yield piece

    def lines(self, name: str, most: int) -> Iterator[bytes]:
        """The lines of an entry, each of at most so many bytes. Raises BadBundle."""
        with self.opened(name) as opened, io.BufferedReader(opened, PIECE) as file:  # type: ignore[type-var]
            while line := _demand(name, lambda: file.readline(most + 1)):
                if len(line) > most:
                    raise bad(name, f"has a line of more than {most} bytes")
                yield line

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """An entry as a file. Raises BadBundle."""
        entry = self._entries[name]
        with _demand(name, lambda: self._reader.open(entry)) as file:
            yield file


def _demand(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except _DAMAGED as error:
        raise bad(name, "is damaged") from error


@contextmanager
def opened(file: IO[bytes], most_bytes: int) -> Iterator[Archive]:
    """The archive in a file of at most so many bytes. Raises BadBundle."""
    size = file.seek(0, io.SEEK_END)
    if size > most_bytes:
        raise bad("", f"a bundle has at most {most_bytes} bytes")
    _check_directory(file)
    try:
        reader = zipfile.ZipFile(file)
    except _DAMAGED as error:
        raise bad("", "the archive cannot be read, or a name in it is not UTF-8") from error
    with reader:
        yield Archive(reader, _entries(reader, size))


def _check_directory(file: IO[bytes]) -> None:
    """Refuse by what the end of the archive announces: its directory is read as a whole. Raises BadBundle."""
    try:
        entries, size = zips.announced(file)
    except zips.NoZip:
        raise bad("", "is no zip file, or it was cut off") from None
    except zips.LargeForm:
        raise bad("", "has the form for very large archives, which is not read here") from None
    if entries > MOST_ENTRIES or size > _MOST_DIRECTORY_BYTES:
        raise _too_many()


def _too_many() -> BadBundle:
    return bad("", f"a bundle has at most {MOST_ENTRIES} entries")


def _entries(reader: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    infos = reader.infolist()
    if len(infos) > MOST_ENTRIES:
        raise _too_many()
    for entry in infos:
        _check(entry)
        if entry.orig_filename in found:
            raise bad(entry.orig_filename, "is there more than once")
        found[entry.orig_filename] = entry
    if sum(entry.file_size for entry in infos) > MOST_BYTES:
        raise bad("", f"the entries have more than {MOST_BYTES} bytes in all")
    if sum(entry.compress_size for entry in infos) > size:
        raise bad("", "the entries are said to have more bytes than the archive has")
    return found


def _check(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    if not name or name != entry.filename or not (name.isascii() or entry.flag_bits & zips.UTF8):
        raise bad(name, "the name is not plain UTF-8")
    if entry.flag_bits & zips.ENCRYPTED:
        raise bad(name, "is encrypted")
    if entry.compress_type not in zips.METHODS:
        raise bad(name, "is packed in a way that is not read here; use deflate")
    if (kind := _kind(entry)) is None or (kind == "dir") != name.endswith("/"):
        raise bad(name, "is neither a file, nor a folder, nor a link")
    if entry.file_size > max(_FREE_BYTES, entry.compress_size * _MOST_RATIO):
        raise bad(name, f"is packed more than {_MOST_RATIO} to one")


def _kind(entry: zipfile.ZipInfo) -> str | None:
    return _KINDS.get(stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == zips.UNIX else 0)
