"""Texts by their lines: looking at a part of one, and replacing a passage."""

import contextlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from . import metadata, paths, uploads
from .failures import told
from .paths import Place
from .wire import Json, Problem, Reply, Request, Routes

_PIECE = 1 << 18
_USUAL_BYTES = 100_000
_MOST_BYTES = 4_000_000
_HEAD_BYTES = 8192
_LARGEST_EDIT = 64 << 20
_AROUND = 3
_LONGEST_SNIPPET = 4000
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_edits = threading.Lock()


class _Part(NamedTuple):
    """Some lines of a file: the bytes, the number of the last line, and whether that line was cut."""

    data: bytes
    last: int
    cut: bool


def view(request: Request) -> Reply:
    """POST /text/view: the lines ``first`` to ``last`` (from 1; no last, or one below 1, means to the end), as many as
    fit into ``maxBytes``, and how many lines there are in all."""
    body = request.json()
    place = _place(body)
    first, last = _line(body, "first", 1), _line(body, "last", 0)
    most = min(_line(body, "maxBytes", _USUAL_BYTES), _MOST_BYTES)
    with told(place.shown), _opened(place) as file:
        head = file.read(_HEAD_BYTES)
        info: dict[str, Any] = {"path": place.shown, "size": os.fstat(file.fileno()).st_size, "mediaType": _kind(head)}
        if info["mediaType"] or b"\0" in head:
            return Json({**info, "binary": True})
        file.seek(0)
        part, total = _lines(file, max(first, 1), last if last > 0 else None, max(most, 1))
    text = part.data.decode("utf-8", "replace")
    shown = {"text": text, "first": max(first, 1), "last": part.last, "cut": part.cut, "totalLines": total}
    return Json({**info, "binary": False, **shown})


def _place(body: dict[str, Any]) -> Place:
    path = body.get("path")
    if not isinstance(path, str) or not path:
        raise Problem("invalid_argument", "a path is needed")
    return paths.resolve(path)


def _line(body: dict[str, Any], name: str, usual: int) -> int:
    value = body.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int):
        raise Problem("invalid_argument", f"{name} has to be a whole number")
    return value


@contextlib.contextmanager
def _opened(place: Place) -> Iterator[BinaryIO]:
    # Without the second flag opening a pipe waits for its other end.
    descriptor = os.open(place.real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise Problem("invalid_argument", f"path '{place.shown}' is a directory")
        if not stat.S_ISREG(mode):
            raise Problem("invalid_argument", f"path '{place.shown}' is not a file")
        yield file


def _kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _MAGIC if head.startswith(start)), None)


def _lines(file: BinaryIO, first: int, last: int | None, most: int) -> tuple[_Part, int]:
    """The lines wanted and how many there are, with one piece of the file at a time in memory."""
    kept, number, over, end = bytearray(), 1, False, b"\n"
    while piece := file.read(_PIECE):
        ends = piece.count(b"\n")
        if not over and number + ends >= first and (last is None or number <= last):
            stop = len(piece) if last is None else _start_of(piece, last + 1 - number)
            wanted = piece[_start_of(piece, first - number) : stop]
            over = len(kept) + len(wanted) > most
            kept += wanted[: most - len(kept)]
        number += ends
        end = piece[-1:]
    return _part(bytes(kept), first, over), number - (end == b"\n")


def _start_of(piece: bytes, skip: int) -> int:
    """Where the line after ``skip`` more line ends begins in the piece; its end when that is not within it."""
    at = 0
    for _ in range(skip):
        at = piece.find(b"\n", at) + 1
        if not at:
            return len(piece)
    return at


def _part(data: bytes, first: int, over: bool) -> _Part:
    """What was read; when there was more, without the line that does not fit, unless it is the only one."""
    if over and b"\n" in data:
        data = data[: data.rindex(b"\n") + 1]
        over = False
    lines = data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
    return _Part(data, first + lines - 1, over)


def edit(request: Request) -> Reply:
    """POST /text/edit: put ``new`` in the place of ``old``, which has to occur once, or wherever it occurs with
    ``all``. Answers how often that was, and the lines around the first place."""
    body = request.json()
    place, everywhere = _place(body), body.get("all") is True
    old, new = _bytes(body, "old"), _bytes(body, "new")
    if not old:
        raise Problem("invalid_argument", "old is empty")
    if old == new:
        raise Problem("invalid_argument", "old and new are the same")
    with _edits, told(place.shown):
        data = _whole(place)
        old, new = _fitted(data, old, new)
        count = data.count(old)
        if not count:
            raise Problem("failed_precondition", f"the text to replace does not occur in '{place.shown}'")
        if count > 1 and not everywhere:
            raise Problem("failed_precondition", f"the text to replace occurs {count} times in '{place.shown}'")
        at = data.index(old)
        changed = data.replace(old, new)
        uploads.upload(place.shown, io.BytesIO(changed), metadata.of(place.real, os.stat(place.real)))
    return Json({"path": place.shown, "replaced": count, **_snippet(changed, at, len(new))})


def _bytes(body: dict[str, Any], name: str) -> bytes:
    value = body.get(name)
    if not isinstance(value, str):
        raise Problem("invalid_argument", f"{name} has to be a text")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise Problem("invalid_argument", f"{name} is not valid Unicode") from None


def _whole(place: Place) -> bytes:
    with _opened(place) as file:
        if os.fstat(file.fileno()).st_size > _LARGEST_EDIT:
            raise Problem("failed_precondition", f"'{place.shown}' is too large to be edited in place")
        data = bytearray()
        while piece := file.read(_PIECE):
            data += piece
            # Files the kernel makes up tell no size.
            if len(data) > _LARGEST_EDIT:
                raise Problem("failed_precondition", f"'{place.shown}' is too large to be edited in place")
        return bytes(data)


def _fitted(data: bytes, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The same texts with the file's line ends, where only these keep ``old`` from being found, or ``new`` from being
    like the lines around it."""
    if b"\r\n" not in data:
        return old, new
    if b"\n" not in old:
        return old, _with_returns(new) if data.count(b"\n") == data.count(b"\r\n") else new
    return (old, new) if old in data else (_with_returns(old), _with_returns(new))


def _with_returns(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _snippet(data: bytes, at: int, size: int) -> dict[str, Any]:
    start, stop = at, min(at + size, len(data))
    for _ in range(_AROUND + 1):
        start = data.rfind(b"\n", 0, start) if start > 0 else -1
    for _ in range(_AROUND + 1):
        stop = data.find(b"\n", stop) + 1 or len(data)
    shown = data[start + 1 : stop][:_LONGEST_SNIPPET]
    return {"snippet": shown.decode("utf-8", "replace"), "firstLine": data.count(b"\n", 0, start + 1) + 1}


ROUTES: Routes = {("POST", "/text/view"): view, ("POST", "/text/edit"): edit}
