"""Files as they were sent, wherever their bytes lie."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

PIECE = 1 << 18
_IN_MEMORY = 1 << 20
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to become part of a skill: its bytes in pieces, none of them large.

    ``executable`` None: the way it came here does not tell.
    """

    path: str
    size: int
    pieces: Callable[[], Iterator[bytes]]
    executable: bool | None = None

    def head(self, size: int) -> bytes:
        """Its first bytes."""
        for piece in self.pieces():
            if piece:
                return piece[:size]
        return b""

    def looks_like_zip(self) -> bool:
        """Whether its content begins as an archive does."""
        return self.head(4) in _ZIP_MARKS


@dataclass(frozen=True, slots=True)
class SkillDraft:
    """A skill, or a version of one, as a client sends it; one archive stands for its content."""

    files: Sequence[Source]
    name: str = ""
    display_name: str = ""
    description: str = ""
    id: str = ""


def spool() -> IO[bytes]:
    """A place for bytes: in memory as long as they are few. It is gone when it is closed."""
    return SpooledTemporaryFile(max_size=_IN_MEMORY)


def of_bytes(path: str, data: bytes, *, executable: bool | None = None) -> Source:
    """A file that is at hand."""
    return Source(path, len(data), lambda: (data[at : at + PIECE] for at in range(0, len(data), PIECE)), executable)


def part_of(path: str, file: IO[bytes], offset: int, size: int) -> Source:
    """A file that is ``size`` bytes of another from ``offset`` on."""
    return Source(path, size, lambda: _slice(file, offset, size))


def _slice(file: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    while size:
        file.seek(offset)
        piece = file.read(min(size, PIECE))
        if not piece:
            return
        offset, size = offset + len(piece), size - len(piece)
        yield piece
