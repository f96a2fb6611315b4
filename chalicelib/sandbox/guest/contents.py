"""Content on its way into a file: what is nothing but zeros takes no room."""

import os
from collections.abc import Iterable, Iterator

_PAGE = 4096
_ZEROS = bytes(_PAGE)


def put(descriptor: int, pieces: Iterable[bytes]) -> None:
    """Fill an empty file. Raises OSError."""
    size = 0
    for piece in pieces:
        for at, filled in _filled(piece):
            _write(descriptor, filled, size + at)
        size += len(piece)
    os.ftruncate(descriptor, size)


def _filled(piece: bytes) -> Iterator[tuple[int, bytes]]:
    """Stretches of a piece without empty pages, by their place in it."""
    begin = 0
    for at in range(0, len(piece), _PAGE):
        if piece[at : at + _PAGE] == _ZEROS[: len(piece) - at]:
            if begin < at:
                yield begin, piece[begin:at]
            begin = at + _PAGE
    if begin < len(piece):
        yield begin, piece[begin:]


def _write(descriptor: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written
