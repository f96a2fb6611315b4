"""The append-only record of what was committed, in numbered files, and the snapshots that replace old ones.

`snapshot-N.log` holds the state before `journal-N.log`. Both are lines of `crc32 json`. A snapshot gets its
name only when it is whole, so recovery reads the newest snapshot and every journal from its number on.
"""

import fcntl
import json
import logging
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from chalicelib.local.engine.errors import JournalDamaged, StateDirectoryInUse

Record = dict[str, Any]
logger = logging.getLogger(__name__)

_JOURNAL, _SNAPSHOT = "journal", "snapshot"
_FLUSH_BYTES = 1 << 20
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def frame(record: Record) -> bytes:
    """One line of a journal."""
    payload = _encode(record).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


class Journal:
    """Keeps nothing: the journal of an ephemeral engine. `outgrown` is called when a checkpoint is due."""

    outgrown: Callable[[], None] | None = None

    def append(self, record: Record) -> None:
        """Makes a record durable before it returns."""

    def records(self) -> Iterator[Record]:
        """What was kept, in order."""
        yield from ()

    def checkpoint(self, freeze: Callable[[Callable[[], None]], Iterable[Record]]) -> None:
        """Replaces what was appended by the state it led to. `freeze` keeps every writer out, calls the
        function it is given, and takes the state at that moment."""

    @property
    def oversized(self) -> bool:
        """Whether the journal is much larger than the state was at the last checkpoint."""
        return False

    def close(self) -> None:
        """Gives the files and the directory up."""


class FileJournal(Journal):
    """A journal in a directory of its own. Raises StateDirectoryInUse when another process has it."""

    def __init__(self, directory: Path, *, fsync: bool = False, slack_bytes: int = 32 << 20) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._fsync = fsync
        self._slack_bytes = slack_bytes
        self._lock = threading.Lock()
        self._checkpointing = threading.Lock()
        self._held = _hold(directory / "lock")
        numbers = self._numbers(_JOURNAL)
        self._first = max(self._numbers(_SNAPSHOT), default=min(numbers, default=1))
        self._number = max([self._first, *numbers])
        self._discard_before(self._first)
        self._descriptor = self._open(self._number)
        self._base_bytes = self._size(_SNAPSHOT, self._first)

    def _path(self, kind: str, number: int) -> Path:
        return self._directory / f"{kind}-{number:06d}.log"

    def _numbers(self, kind: str) -> list[int]:
        return [int(path.stem.rpartition("-")[2]) for path in self._directory.glob(f"{kind}-*.log")]

    def _size(self, kind: str, number: int) -> int:
        path = self._path(kind, number)
        return path.stat().st_size if path.exists() else 0

    def _open(self, number: int) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path(_JOURNAL, number), flags, 0o600)
        self._written = os.fstat(descriptor).st_size
        return descriptor

    def _discard_before(self, number: int) -> None:
        for kind in (_JOURNAL, _SNAPSHOT):
            for old in self._numbers(kind):
                if old < number:
                    self._path(kind, old).unlink()
        for leftover in self._directory.glob("*.partial"):
            leftover.unlink()

    def append(self, record: Record) -> None:
        line = frame(record)
        with self._lock:
            done = 0
            try:
                while done < len(line):
                    done += os.write(self._descriptor, line[done:])
                if self._fsync:
                    os.fsync(self._descriptor)
            except OSError:
                # Half a record must not stand before the next one.
                os.ftruncate(self._descriptor, self._written)
                raise
            self._written += len(line)
        if self.outgrown is not None and self.oversized:
            self.outgrown()

    def records(self) -> Iterator[Record]:
        if self._path(_SNAPSHOT, self._first).exists():
            yield from _read(self._path(_SNAPSHOT, self._first), torn=None)
        for number in range(self._first, self._number + 1):
            if self._path(_JOURNAL, number).exists():
                last = number == self._number
                yield from _read(self._path(_JOURNAL, number), torn=self._cut if last else None)

    def _cut(self, length: int) -> None:
        logger.warning("the journal's last record was torn and is cut off at byte %d", length)
        os.ftruncate(self._descriptor, length)
        self._written = length

    @property
    def oversized(self) -> bool:
        return self._written > self._slack_bytes + 2 * self._base_bytes

    def checkpoint(self, freeze: Callable[[Callable[[], None]], Iterable[Record]]) -> None:
        with self._checkpointing:
            partial = self._directory / "snapshot.partial"
            with partial.open("wb", buffering=_FLUSH_BYTES) as file:
                partial.chmod(0o600)
                file.writelines(frame(record) for record in freeze(self._rotate))
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._path(_SNAPSHOT, self._number))
            _sync_directory(self._directory)
            self._first = self._number
            self._base_bytes = self._size(_SNAPSHOT, self._number)
            self._discard_before(self._number)

    def _rotate(self) -> None:
        with self._lock:
            os.close(self._descriptor)
            self._number += 1
            self._descriptor = self._open(self._number)

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                os.close(self._held)
            self._descriptor = -1


def _hold(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        told = f"{path.parent} is in use by another process: stop that server, or name another directory with --state"
        raise StateDirectoryInUse(told) from None
    return descriptor


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, torn: Callable[[int], None] | None) -> Iterator[Record]:
    """The records of a file. `torn` is told where a half-written last record begins."""
    place = 0
    with path.open("rb", buffering=_FLUSH_BYTES) as file:
        for line in file:
            record = _parse(line)
            if record is None:
                if file.read(1) or torn is None:
                    raise JournalDamaged(f"{path.name} cannot be read at byte {place}")
                torn(place)
                return
            yield record
            place += len(line)


def _parse(line: bytes) -> Record | None:
    if len(line) < 10 or not line.endswith(b"\n"):
        return None
    payload = line[9:-1]
    if line[:8] != b"%08x" % zlib.crc32(payload):
        return None
    record: Record = json.loads(payload)
    return record
