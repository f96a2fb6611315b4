"""Entries of a tree on the wire to and from a guest."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.sandbox.client import MOST_BYTES, GuestGone
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry

_PIECE = 1 << 18
_LONGEST_PATH = 4096
_LATEST_NS = 253_402_300_799 * 1_000_000_000


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
    pipe, files = _Pipe(pieces), set[str]()
    while True:
        header = _header(pipe)
        if header.get("end"):
            finish.seq = int(header["seq"])
            finish.removed = [path for path in header["removed"] if _lies_below(path, roots)]
            return
        entry = IncomingEntry(header, pipe)
        if (link := header.get("link")) and link not in files:
            raise GuestGone("the sandbox does not speak as it should")
        if _lies_below(entry.path, roots):
            yield entry
            if header["type"] == "file" and not link:
                files.add(entry.path)
        for _ in entry.pieces():
            continue


def _header(pipe: _Pipe) -> dict[str, Any]:
    size = int.from_bytes(pipe.exactly(4), "big")
    if size > MOST_BYTES:
        raise GuestGone("the sandbox answers without end")
    try:
        header = json.loads(pipe.exactly(size))
        usual: dict[str, Any] = {"path": "", "type": "", "mode": 0, "mtime": 0, "size": 0, "target": ""} | header
    except (ValueError, TypeError):
        raise GuestGone("the sandbox does not speak as it should") from None
    well = all(isinstance(usual[name], int) and usual[name] >= 0 for name in ("mode", "mtime", "size"))
    well = well and usual["mtime"] <= _LATEST_NS and all(_is_text(usual[name]) for name in ("path", "type", "target"))
    well = well and _are_labels(usual.get("labels")) and _is_link(usual)
    if not well or (not header.get("end") and usual["type"] not in ("file", "dir", "symlink")):
        raise GuestGone("the sandbox does not speak as it should")
    return usual


def _is_text(value: Any) -> bool:
    """Whether it can be stored: half a surrogate pair is no text."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def _are_labels(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(_is_text(part) for pair in value.items() for part in pair)


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
