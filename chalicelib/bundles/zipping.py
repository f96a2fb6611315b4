"""An archive that is written while it is sent: nobody ever holds more of it than a piece."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

from chalicelib.core import zips

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_PIECE = 1 << 18
_PACKED_BYTES = 1 << 20
"""Larger contents are stored as they are: they leave faster, and no content is packed suspiciously well."""


class _Sink(io.RawIOBase):
    """What a zip writer writes to; it cannot go back."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes."""
        self.held += data
        return len(data)

    def take(self) -> bytes:
        """What came since the last time."""
        taken = bytes(self.held)
        self.held.clear()
        return taken


class ZipStream:
    """Writes entries one after the other; what they make of the archive is yielded. The same entries make the same
    bytes."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w", zipfile.ZIP_DEFLATED)
        self.sha256, self.size = "", 0

    def file(self, name: str, pieces: Iterable[bytes], size: int | None = None, mode: int = 0o644) -> Iterator[bytes]:
        """A file; ``size`` None is not known yet. Afterwards ``sha256`` and ``size`` tell of its content."""
        entry = _entry(name, stat.S_IFREG | mode)
        if size is not None and size > _PACKED_BYTES:
            entry.compress_type = zipfile.ZIP_STORED
        entry.file_size = size or 0
        return self._written(entry, pieces, unknown=size is None)

    def link(self, name: str, target: str) -> Iterator[bytes]:
        """A symbolic link."""
        return self._written(_entry(name, stat.S_IFLNK | 0o777), [target.encode()])

    def folder(self, name: str, mode: int) -> Iterator[bytes]:
        """A folder; the name ends with a slash."""
        return self._written(_entry(name, stat.S_IFDIR | mode), ())

    def end(self) -> Iterator[bytes]:
        """The directory of the archive."""
        self._zip.close()
        yield self._sink.take()

    def _written(self, entry: zipfile.ZipInfo, pieces: Iterable[bytes], *, unknown: bool = False) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=unknown) as target:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                target.write(piece)
                if len(self._sink.held) >= _PIECE:
                    yield self._sink.take()
        self.sha256, self.size = digest.hexdigest(), size
        if self._sink.held:
            yield self._sink.take()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.create_system = zips.UNIX
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
