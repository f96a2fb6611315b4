"""Content on its way into the bucket: one object for all that one scan brings, its index at the end."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from chalicelib.storage.objects import ObjectWriter
from chalicelib.workspaces.index import encode
from chalicelib.workspaces.model import Entry, Index, Layer

_WHOLE = 1 << 20
_PIECE = 1 << 18


Stored = tuple[int, str, str, int]
"""Where content lies: size, digest, object, offset."""


class Incoming(Protocol):
    """One entry that comes in; ``pieces`` yields a file's content and is read before the next entry."""

    @property
    def path(self) -> str: ...
    @property
    def header(self) -> Mapping[str, Any]: ...
    def pieces(self, size: int = _PIECE) -> Iterator[bytes]: ...


@dataclass(slots=True)
class Packer:
    """Writes content and knows where it lies. ``twin`` finds an entry with the same content by its digest."""

    id: str
    writer: ObjectWriter
    twin: Callable[[str], Entry | None]
    remove: Callable[[], None]
    kept: bool = False
    _closed: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing behind that nobody will refer to."""
        if self.kept:
            return
        if self._closed:
            self.remove()
        else:
            self.writer.abort()

    def add(self, incoming: Incoming) -> Entry:
        """The entry for what comes in; content that is there already is not stored again."""
        header = incoming.header
        if header["type"] == "dir":
            return Entry("dir", header["mode"], header["mtime"])
        if header["type"] == "symlink":
            return Entry("symlink", header["mode"], header["mtime"], target=header["target"])
        small = header["size"] <= _WHOLE
        stored = self._small(b"".join(incoming.pieces())) if small else self._large(incoming.pieces())
        return Entry("file", header["mode"], header["mtime"], *stored, labels=header.get("labels"))

    def _small(self, data: bytes) -> Stored:
        digest = hashlib.sha256(data).hexdigest()
        twin = self.twin(digest)
        if twin is not None or not data:
            pack, offset = (twin.pack, twin.offset) if twin else ("", 0)
            return len(data), digest, pack, offset
        offset = self.writer.size
        self.writer.write(data)
        return len(data), digest, self.id, offset

    def _large(self, pieces: Iterator[bytes]) -> Stored:
        digest, offset = hashlib.sha256(), self.writer.size
        for piece in pieces:
            digest.update(piece)
            self.writer.write(piece)
        size = self.writer.size - offset
        return size, digest.hexdigest(), self.id, offset

    def close(self, index: Index) -> Layer:
        """Put the index behind the content and make the object visible."""
        data, offset = encode(index), self.writer.size
        self.writer.write(data)
        self.writer.close()
        self._closed = True
        return Layer(self.id, len(index.changes), offset, len(data))

    @property
    def has_content(self) -> bool:
        """Whether any content was stored."""
        return self.writer.size > 0
