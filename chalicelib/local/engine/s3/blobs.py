"""Object bytes as files that appear whole or not at all."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: its name, size in bytes, and MD5 as hex."""

    name: str
    size: int
    md5: str


class BlobStore:
    """Files under one directory, named at random. Callers may use it from any thread."""

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        self._directory = directory
        self._fsync = fsync
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name

    def write(self, body: Any) -> Blob:
        """Stores bytes, text, a file object or an iterable of bytes."""
        digest, size = hashlib.md5(usedforsecurity=False), 0
        name = uuid.uuid4().hex
        path = self._path(name)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        partial = path.with_suffix(".partial")
        try:
            with partial.open("wb", buffering=0) as file:
                for chunk in _chunks(body):
                    digest.update(chunk)
                    size += len(chunk)
                    _write_all(file, chunk)
                if self._fsync:
                    os.fsync(file.fileno())
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        return Blob(name, size, digest.hexdigest())

    def open(self, name: str) -> BufferedReader:
        """Opens a file for reading; it stays readable when it is deleted meanwhile."""
        return self._path(name).open("rb")

    def link(self, name: str) -> str:
        """A second name for the same bytes."""
        copy = uuid.uuid4().hex
        path = self._path(copy)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.hardlink_to(self._path(name))
        return copy

    def join(self, names: Iterable[str]) -> Blob:
        """A new file of several one after the other."""
        return self.write(chunk for name in names for chunk in self._read(name))

    def _read(self, name: str) -> Iterator[bytes]:
        with self.open(name) as file:
            yield from _chunks(file)

    def delete(self, name: str) -> None:
        """Deletes a file; does nothing when absent."""
        self._path(name).unlink(missing_ok=True)

    def keep_only(self, names: set[str]) -> None:
        """Deletes what a crash left behind: files that nothing refers to."""
        for path in self._directory.glob("*/*"):
            if path.name not in names:
                path.unlink()

    def destroy(self) -> None:
        """Deletes the directory."""
        shutil.rmtree(self._directory, ignore_errors=True)


def _write_all(file: Any, chunk: Any) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _chunks(body: Any) -> Iterator[Any]:
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        yield from (body,) if body else ()
    elif hasattr(body, "read"):
        while chunk := body.read(_CHUNK_BYTES):
            yield chunk.encode() if isinstance(chunk, str) else chunk
    else:
        yield from body
