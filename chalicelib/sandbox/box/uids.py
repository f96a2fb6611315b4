"""User ids that no other live box of this machine has, so that what the kernel counts per user counts per box."""

import fcntl
import os
import secrets
import struct
from pathlib import Path

from chalicelib.sandbox.box.errors import StartFailed

_TRIES = 64


class Uid:
    """One id, ours until ``release`` or until this process dies: the lock goes with it."""

    def __init__(self, number: int, lock: int) -> None:
        self.number = number
        self._lock = lock

    def release(self) -> None:
        """Give it back; doing so twice is no error."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


class UidPool:
    """``count`` ids from ``first`` on. One file serves all servers: its nth byte, locked, is the id n in use."""

    def __init__(self, file: Path, first: int, count: int) -> None:
        self._file = file
        self._range = range(first, first + count)

    def take(self) -> Uid:
        """An id nobody else has. Raises StartFailed when none is found."""
        lock = os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for _ in range(_TRIES):
            number = secrets.choice(self._range)
            if _locked(lock, number):
                return Uid(number, lock)
        os.close(lock)
        raise StartFailed("no free user id was found")


def usable(first: int, count: int) -> bool:
    """Whether the ids exist here: within a user namespace only some do."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return True
    spans = [[int(word) for word in line.split()] for line in lines]
    return any(start <= first and first + count <= start + length for start, _, length in spans)


def _locked(lock: int, number: int) -> bool:
    """Lock one byte for this open file, not for the process: two boxes of one server must not meet either."""
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
    try:
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, wanted)
    except (BlockingIOError, PermissionError):
        return False
    return True
