"""The kernel's notices about files, by way of the C library."""

import contextlib
import errno
import os
import select
import struct
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ctypes

MODIFY = 0x2
ATTRIB = 0x4
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
IS_DIR = 0x40000000
_ONLY_DIR = 0x01000000
_DONT_FOLLOW = 0x02000000
_EXCL_UNLINK = 0x04000000
_ALL = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
_MASK = _ALL | _ONLY_DIR | _DONT_FOLLOW | _EXCL_UNLINK
_HEAD = struct.Struct("iIII")
_ROOM = 64 << 10


class Notice(NamedTuple):
    """One notice: which watch, what happened, the number that ties the two halves of a move, the name."""

    watch: int
    mask: int
    cookie: int
    name: str


class Inotify:
    """A queue of notices about directories."""

    def __init__(self) -> None:
        self.descriptor = _library().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise _failure()

    def add(self, path: str) -> int:
        """Watch a directory (a second time is no other watch); the number its notices carry. Raises OSError."""
        watch: int = _library().inotify_add_watch(self.descriptor, os.fsencode(path), _MASK)
        if watch < 0:
            raise _failure()
        return watch

    def remove(self, watch: int) -> None:
        """Watch a directory no longer; one that is gone is no error."""
        _library().inotify_rm_watch(self.descriptor, watch)

    def wait(self, seconds: float) -> bool:
        """Whether there are notices, after waiting for that long at most."""
        ready = select.poll()
        ready.register(self.descriptor, select.POLLIN)
        return bool(ready.poll(seconds * 1000))

    def read(self) -> list[Notice]:
        """The notices there are."""
        with contextlib.suppress(BlockingIOError):
            return list(_notices(os.read(self.descriptor, _ROOM)))
        return []

    def close(self) -> None:
        """Let go of all watches."""
        os.close(self.descriptor)


def _notices(raw: bytes) -> Iterator[Notice]:
    at = 0
    while at < len(raw):
        watch, mask, cookie, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        yield Notice(watch, mask, cookie, os.fsdecode(raw[at : at + length].rstrip(b"\0")))
        at += length


@cache
def _library() -> "ctypes.CDLL":
    """Loaded when first needed: most sandboxes watch nothing."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _failure() -> OSError:
    import ctypes

    number = ctypes.get_errno()
    if number == errno.ENOSPC:
        # Said of watches, not of the disk.
        number = errno.EMFILE
    return OSError(number, os.strerror(number))
