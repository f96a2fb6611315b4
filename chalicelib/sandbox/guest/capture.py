"""What a command writes: the beginning kept, the rest in a file, never more in memory than was asked for."""

import codecs
import contextlib
import fcntl
import os
import select
import struct
import termios
import threading
import time

from . import paths

_PIECE = 1 << 16
TAIL_BYTES = 8192
_PAUSE_SECONDS = 0.01


class Capture:
    """The output of one command. ``spill`` is where all of it goes once it is longer than ``keep`` bytes."""

    def __init__(self, keep: int, spill: str | None, spill_limit: int) -> None:
        self._keep = keep
        self._spill = spill
        self._limit = spill_limit
        self._head = bytearray()
        self._tail = bytearray()
        self._file: int | None = None
        self.total = 0
        self.written = 0
        self.problem: str | None = None

    def add(self, data: bytes) -> None:
        """The next bytes."""
        self.total += len(data)
        room = self._keep - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        if self.total > self._keep and self._spill is not None and self.problem is None:
            self._write(data if self.written else bytes(self._head) + data[max(room, 0) :])

    def _write(self, data: bytes) -> None:
        wanted = data[: self._limit - self.written]
        try:
            if self._file is None:
                self._file = _opened(self._spill or "")
            while wanted:
                size = os.write(self._file, wanted)
                self.written += size
                wanted = wanted[size:]
        except OSError as error:
            self.problem = error.strerror or "the file cannot be written"

    @property
    def is_whole(self) -> bool:
        """Whether ``text`` is all there was."""
        return self.total <= self._keep

    @property
    def spilled(self) -> bool:
        """Whether the file holds something."""
        return self.written > 0

    @property
    def dropped(self) -> int:
        """How many bytes are neither in the text nor in the file."""
        return self.total - max(self.written, len(self._head))

    def text(self) -> str:
        """The beginning, bytes that are not text replaced, no character cut in two."""
        return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self._head), final=self.is_whole)

    def tail(self) -> str:
        """The end of an output that was not kept whole; empty otherwise."""
        if self.is_whole:
            return ""
        start = next((at for at in range(4) if self._tail[at : at + 1] and self._tail[at] & 0xC0 != 0x80), 0)
        return bytes(self._tail[start:]).decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _opened(path: str) -> int:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)


class Outlet:
    """A named pipe that a shell opens for the output of one command; only its reading end is held here."""

    _folder = ""
    _lock = threading.Lock()
    _made = 0

    def __init__(self) -> None:
        self.path = self._make()
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    @classmethod
    def _make(cls) -> str:
        with cls._lock:
            # Commands may have cleared the place for temporary files.
            if not os.path.isdir(cls._folder):
                cls._folder = f"{_place()}/.shell-{os.urandom(6).hex()}"
                os.mkdir(cls._folder, 0o700)
            cls._made += 1
            path = f"{cls._folder}/{cls._made}"
            os.mkfifo(path, 0o600)
            return path

    def read(self) -> bytes | None:
        """What can be had now; None when there is nothing yet, empty when nobody can write any more."""
        try:
            return os.read(self.reader, _PIECE)
        except BlockingIOError:
            return None

    def rest(self) -> bytes:
        """What was written up to now."""
        size = struct.unpack("i", fcntl.ioctl(self.reader, termios.FIONREAD, b"\0\0\0\0"))[0]
        return os.read(self.reader, size) if size else b""

    def release(self) -> None:
        """The command is over. What background jobs still write is read and forgotten, so that they live on."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        _DRAIN.take(self.reader)


def _place() -> str:
    """Where files of no further interest are put: with the sandbox's own, or where all temporary ones are."""
    beside = os.path.dirname(paths.real(paths.WORKSPACE))
    return beside if beside != "/" else "/tmp"  # noqa: S108 - a sandbox's own


class _Drain:
    """One thread that reads what nobody wants to know."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._poll = select.epoll()
        self._readers: set[int] = set()
        self._runs = False

    def take(self, reader: int) -> None:
        """Read until nobody writes any more, then close."""
        if not _goes_on(reader):
            os.close(reader)
            return
        with self._lock:
            self._readers.add(reader)
            self._poll.register(reader, select.EPOLLIN)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="drain", daemon=True).start()

    def _run(self) -> None:
        while True:
            ready = [reader for reader, _ in self._poll.poll(1)]
            with self._lock:
                for reader in ready:
                    if not _goes_on(reader):
                        self._poll.unregister(reader)
                        self._readers.remove(reader)
                        os.close(reader)
                if not self._readers:
                    self._runs = False
                    return
            # Also holds back a job that would write without end.
            time.sleep(_PAUSE_SECONDS if ready else 0)


def _goes_on(reader: int) -> bool:
    """Read what is there; whether there may be more some day."""
    try:
        return bool(os.read(reader, _PIECE))
    except BlockingIOError:
        return True


_DRAIN = _Drain()
