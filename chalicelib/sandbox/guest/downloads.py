"""Reading a file: all of it or one range."""

import os
import re
import stat
from collections.abc import Iterator

from .entries import moment
from .failures import told
from .paths import Place
from .wire import Problem, Raw, Request

_PIECE = 256 << 10
_LONGEST_MADE_UP = 8 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def download(place: Place, request: Request) -> Raw:
    """The answer with a file's bytes. Raises Problem."""
    with told(place.shown):
        # Without the second flag opening a pipe waits for its other end.
        descriptor = os.open(place.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if stat.S_ISDIR(info.st_mode):
            raise Problem("invalid_argument", f"path '{place.shown}' is a directory")
        if not stat.S_ISREG(info.st_mode):
            raise Problem("invalid_argument", f"path '{place.shown}' is not a file")
        if info.st_size == 0:
            return _made_up(descriptor, place.shown, info)
        return _answer(descriptor, info, request.headers.get("range", ""))
    except BaseException:
        os.close(descriptor)
        raise


def _made_up(descriptor: int, shown: str, info: os.stat_result) -> Raw:
    """The answer for a file that tells no size: it is empty, or the kernel makes it up, perhaps without end."""
    held = bytearray()
    try:
        while piece := os.read(descriptor, _PIECE):
            held += piece
            if len(held) > _LONGEST_MADE_UP:
                raise Problem("failed_precondition", f"path '{shown}' has no end")
    except OSError:
        raise Problem("invalid_argument", f"path '{shown}' cannot be read") from None
    os.close(descriptor)
    return Raw((bytes(held),), length=len(held), headers=_headers(info))


def _headers(info: os.stat_result) -> dict[str, str]:
    return {"accept-ranges": "bytes", "x-modified-time": moment(info.st_mtime_ns)}


def _answer(descriptor: int, info: os.stat_result, wanted: str) -> Raw:
    headers, size = _headers(info), info.st_size
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or not any(match.groups()):
        return Raw(_Pieces(descriptor, 0, size), length=size, headers=headers)
    first, last = _span(match[1], match[2], size)
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    length = last - first + 1
    return Raw(_Pieces(descriptor, first, length), status=206, length=length, headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    begin, end = (int(first), int(last) if last else size - 1) if first else (max(0, size - int(last)), size - 1)
    if begin >= size or end < begin:
        raise Problem("invalid_argument", f"the file has only {size} bytes", 416)
    return begin, min(end, size - 1)


class _Pieces:
    """So many bytes of an open file, which is closed with this."""

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._start = start
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        while self._left and (piece := self._file.read(min(self._left, _PIECE))):
            self._left -= len(piece)
            yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
