"""Entries of a tree on the wire to and from a guest."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.sandbox.client import GuestGone, told
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry

_PIECE = 1 << 18
_LONGEST_PATH = 4096
_LONGEST_HEADER = 4 << 20
_MOST_OF_HEADERS = 192 << 20
"""So many bytes the headers of a scan may have in all: what they tell is held in memory."""
_LONGEST_LABELS = 64 << 10
_KINDS = ("file", "dir", "symlink")
_MODES = 0o7777
_LATEST_NS = 253_402_300_799 * 1_000_000_000
_LATEST_SCAN = 1 << 53


class _Pipe:
    """Bytes out of an iterator, as many as asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0

    def exactly(self, size: int) -> bytes:
        """That many bytes. Raises GuestGone when there are not so many."""
        parts, left = [], size
        while left:
            parts.append(self.some(left))
            left -= len(parts[-1])
        return b"".join(parts)

    def some(self, most: int) -> bytes:
        """At least one byte. Raises GuestGone at the end."""
        while self._at == len(self._held):
            piece = next(self._pieces, None)
            if piece is None:
                raise GuestGone("the sandbox broke off its answer")
            self._held, self._at = piece, 0
        taken = self._held[self._at : self._at + most]
        self._at += len(taken)
        return taken


class IncomingEntry:
    """An entry that is being received."""

    def __init__(self, header: Mapping[str, Any], pipe: _Pipe) -> None:
        self.header = header
        self.path = str(header["path"])
        self._pipe = pipe
        self._left = int(header["size"]) if header["type"] == "file" else 0

    def pieces(self, size: int = _PIECE) -> Iterator[bytes]:
        """What is left of the content."""
        while self._left:
            piece = self._pipe.some(min(self._left, size))
            self._left -= len(piece)
            yield piece


def received(pieces: Iterator[bytes], finish: Finish, roots: Sequence[str]) -> Iterator[IncomingEntry]:
    """The entries of a scan below the roots; at its end ``finish`` is filled in.

    Raises GuestGone when it breaks off or is not what a guest would send.
    """
    headers, removed, files = _Headers(_Pipe(pieces)), list[str](), set[str]()
    for header in headers:
        removed += [path for path in _paths(header) if _lies_below(path, roots)]
        if header.get("end"):
            finish.seq, finish.removed = _number(header, "seq", _LATEST_SCAN), removed
            return
        if "path" not in header:
            continue
        entry = IncomingEntry(_described(header), headers.pipe)
        if (link := entry.header.get("link")) and link not in files:
            raise _nonsense()
        if _lies_below(entry.path, roots):
            yield entry
            if entry.header["type"] == "file" and not link:
                files.add(entry.path)
        for _ in entry.pieces():
            continue


class _Headers:
    """What is read of a pipe between contents. Raises GuestGone."""

    def __init__(self, pipe: _Pipe) -> None:
        self.pipe = pipe
        self._left = _MOST_OF_HEADERS

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            size = int.from_bytes(self.pipe.exactly(4), "big")
            self._left -= size
            if size > _LONGEST_HEADER or self._left < 0:
                raise GuestGone("the sandbox answers without end")
            yield told(self.pipe.exactly(size))


def _described(header: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's header with all of its fields."""
    full: dict[str, Any] = {"path": "", "type": "", "target": ""} | dict(header)
    numbers = {"mode": _MODES, "size": _LATEST_SCAN, "mtime": _LATEST_NS}
    full |= {name: _number(header, name, most) for name, most in numbers.items()}
    well = all(_is_text(full[name]) for name in ("path", "type", "target")) and _are_labels(full.get("labels"))
    if not well or not _is_link(full) or full["type"] not in _KINDS or len(full["target"]) > _LONGEST_PATH:
        raise _nonsense()
    return full


def _number(header: Mapping[str, Any], name: str, most: int) -> int:
    value = header.get(name, 0)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise _nonsense()
    return value


def _paths(header: Mapping[str, Any]) -> list[Any]:
    """The paths that are gone, as far as a header tells."""
    found = header.get("removed", [])
    if not isinstance(found, list):
        raise _nonsense()
    return found


def _nonsense() -> GuestGone:
    return GuestGone("the sandbox does not speak as it should")


def _is_text(value: Any) -> bool:
    """Whether it can be stored: half a surrogate pair is no text."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def _are_labels(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not all(_is_text(part) for pair in value.items() for part in pair):
        return False
    return sum(len(name) + len(text) for name, text in value.items()) <= _LONGEST_LABELS


def _is_link(header: Mapping[str, Any]) -> bool:
    """Whether what is said to be another name of a file can be one."""
    link = header.get("link")
    return not link or (_is_text(link) and header["type"] == "file" and header["size"] == 0)


def _lies_below(path: Any, roots: Sequence[str]) -> bool:
    """Whether a path is one that can be put back: nothing else is kept, whatever a guest says."""
    if not _is_text(path) or len(path) > _LONGEST_PATH or "\0" in path:
        return False
    return path.startswith(tuple(f"{root}/" for root in roots)) and not {"..", ".", ""} & set(path[1:].split("/"))


def sent(entries: Iterable[tuple[str, Entry, Iterable[bytes]]], removed: Sequence[str] = ()) -> Iterator[bytes]:
    """Entries with their content, and paths to remove, as a guest takes them; small ones travel together."""
    held = bytearray()
    for path, entry, pieces in entries:
        header: dict[str, Any] = {
            "path": path,
            "type": entry.kind,
            "mode": entry.mode,
            "mtime": entry.mtime,
            "size": entry.size,
        }
        if entry.kind == "symlink":
            header["target"] = entry.target
        if entry.link and not entry.pack:
            header |= {"size": 0, "link": entry.link}
        if entry.labels:
            header["labels"] = dict(entry.labels)
        held += framed(header)
        for piece in pieces:
            held += piece
            if len(held) >= _PIECE:
                yield bytes(held)
                held.clear()
    yield bytes(held + framed({"end": True, "removed": list(removed)}))


def framed(header: Mapping[str, Any]) -> bytes:
    """A header with its length in front."""
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(4, "big") + raw
