"""The durable part of the file system as a stream of entries, both ways."""

import json
import os
import stat
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import metadata, paths, uploads
from .wire import Json, Problem, Raw, Readable, Reply, Request, Routes

_PIECE = 1 << 18
_SMALL = 1 << 20
_KEPT_SCANS = 16
RESTORABLE = ("/workspace", "/mnt/session")
UPLOADS = "/mnt/session/uploads"


class Mark(NamedTuple):
    """What tells that a file is not the one it was."""

    mode: int
    size: int
    mtime: int
    ctime: int
    inode: int


class Baseline:
    """What the outside already has, and what recent scans found and the outside may confirm."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._committed = 0
        self.marks: dict[str, Mark] = {}
        self._scans: dict[int, tuple[dict[str, Mark], list[str]]] = {}

    def add(self, marks: dict[str, Mark]) -> None:
        """These entries came from the outside."""
        with self._lock:
            self.marks.update(marks)

    def begin(self) -> int:
        """The number of a new scan."""
        with self._lock:
            self._seq += 1
            return self._seq

    def found(self, seq: int, changed: dict[str, Mark], removed: list[str]) -> None:
        """Remember what a scan sent out."""
        with self._lock:
            self._scans[seq] = (changed, removed)
            for old in [number for number in self._scans if number <= seq - _KEPT_SCANS]:
                del self._scans[old]

    def commit(self, seq: int) -> None:
        """The outside has what that scan sent. A later scan's confirmation is not undone by an earlier one's."""
        with self._lock:
            scan = self._scans.pop(seq, None)
            if scan is None or seq < self._committed:
                return
            self._committed = seq
            changed, removed = scan
            self.marks.update(changed)
            for path in removed:
                self.marks.pop(path, None)


_BASE = Baseline()


def restore(request: Request) -> Reply:
    """PUT /tree: make what the frames describe."""
    keep = request.query.get("baseline") == "1"
    made: list[dict[str, Any]] = []
    removed: list[str] = []
    _set_uploads(0o755)
    for header in _headers(request.body, removed):
        _make(header, request.body)
        made.append(header)
    for path in removed:
        _clear(paths.real(path))
    _set_uploads(0o555)
    # Deepest first: a directory that may not be written must have its content by then.
    for header in reversed(made):
        if header["type"] == "dir":
            os.chmod(paths.real(header["path"]), header["mode"])
    if keep:
        _BASE.add({header["path"]: _mark(os.lstat(paths.real(header["path"]))) for header in made})
    return Json({"entries": len(made)})


def _set_uploads(mode: int) -> None:
    """Open or close the folders of what the host puts there for reading only."""
    for folder, _, _ in os.walk(paths.real(UPLOADS), topdown=True):
        os.chmod(folder, mode)


def _headers(body: Readable, removed: list[str]) -> Iterator[dict[str, Any]]:
    while size := body_read(body, 4, end_allowed=True):
        header: dict[str, Any] = json.loads(body_read(body, int.from_bytes(size, "big")))
        if header.get("end"):
            removed += [_checked(str(path)) for path in header.get("removed", ())]
            return
        _checked(str(header.get("path", "")))
        yield header


def _checked(path: str) -> str:
    if not path.startswith(tuple(f"{root}/" for root in RESTORABLE)) and path not in RESTORABLE:
        raise Problem("permission_denied", "only durable folders can be restored")
    if ".." in path.split("/"):
        raise Problem("invalid_argument", "a path may not climb")
    return path


def body_read(body: Readable, size: int, *, end_allowed: bool = False) -> bytes:
    """Exactly that many bytes; nothing where the end is allowed. Raises Problem."""
    held = b""
    while len(held) < size:
        piece = body.read(size - len(held))
        if not piece:
            if end_allowed and not held:
                return b""
            raise Problem("invalid_argument", "the stream of entries ends too soon")
        held += piece
    return held


def _make(header: dict[str, Any], body: Readable) -> None:
    path = paths.real(header["path"])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    kind = header["type"]
    if kind == "dir":
        os.makedirs(path, exist_ok=True)
        return
    _clear(path)
    if kind == "symlink":
        os.symlink(header["target"], path)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        left = int(header["size"])
        while left:
            piece = body_read(body, min(left, _PIECE))
            file.write(piece)
            left -= len(piece)
        metadata.put(descriptor, header.get("labels") or {})
        os.fchmod(descriptor, header["mode"])
    if mtime := header.get("mtime"):
        os.utime(path, ns=(mtime, mtime))


def _clear(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise Problem("failed_precondition", "a folder stands where a file should") from None


def changes(request: Request) -> Reply:
    """POST /tree/changes: everything that differs from what the outside has, ``stored`` being the last scan it took."""
    asked = request.json()
    _BASE.commit(int(asked.get("stored", 0)))
    return Raw(_changes([str(root) for root in asked.get("roots", ())]))


def _changes(roots: list[str]) -> Iterator[bytes]:
    seq = _BASE.begin()
    base = dict(_BASE.marks)
    sent: dict[str, Mark] = {}
    seen: set[str] = set()
    for shown, real, info in _walk(roots):
        seen.add(shown)
        mark = _mark(info)
        if base.get(shown) == mark:
            continue
        yield from _entry(shown, real, info, sent)
    removed = [path for path in base if path not in seen and _under(path, roots)]
    _BASE.found(seq, sent, removed)
    yield _frame({"end": True, "removed": removed, "seq": seq})


def _under(path: str, roots: list[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _walk(roots: list[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """(path as seen, real path, status) of everything below the roots that can be kept, parents first."""
    waiting = [(root, paths.real(root)) for root in roots]
    while waiting:
        shown, real = waiting.pop()
        try:
            entries = sorted(os.scandir(real), key=lambda entry: entry.name)
        except OSError:
            # Gone meanwhile, or closed to its own owner: there is nothing in it that could be read.
            continue
        for entry in entries:
            if uploads.is_temporary(entry.name):
                continue
            try:
                info = entry.stat(follow_symlinks=False)
                entry.name.encode()
            except (OSError, UnicodeEncodeError):
                continue
            below = f"{shown}/{entry.name}"
            if stat.S_ISDIR(info.st_mode):
                waiting.append((below, entry.path))
            elif not stat.S_ISREG(info.st_mode) and not stat.S_ISLNK(info.st_mode):
                continue
            yield below, entry.path, info


def _entry(shown: str, real: str, info: os.stat_result, sent: dict[str, Mark]) -> Iterator[bytes]:
    header: dict[str, Any] = {"path": shown, "mode": stat.S_IMODE(info.st_mode), "size": 0, "mtime": info.st_mtime_ns}
    try:
        if stat.S_ISDIR(info.st_mode):
            yield _frame({**header, "type": "dir"})
        elif stat.S_ISLNK(info.st_mode):
            yield _frame({**header, "type": "symlink", "target": os.readlink(real)})
        else:
            labels = metadata.of(real, info)
            yield from _content({**header, "labels": labels} if labels else header, real, info.st_size)
    except OSError:
        # It went away between the look and the reading; the next scan tells.
        return
    sent[shown] = _mark(info)


def _content(header: dict[str, Any], real: str, size: int) -> Iterator[bytes]:
    descriptor = _opened(real)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if size <= _SMALL:
            data = file.read(size) if size else b""
            yield _frame({**header, "type": "file", "size": len(data)}) + data
            return
        yield _frame({**header, "type": "file", "size": size})
        left = size
        while left:
            # A file that shrinks meanwhile is filled up: its change is found again by the next scan.
            piece = file.read(min(left, _PIECE)) or b"\0" * min(left, _PIECE)
            yield piece
            left -= len(piece)


def _opened(real: str) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(real, flags)
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(real).st_mode)
        os.chmod(real, mode | stat.S_IRUSR)
        try:
            return os.open(real, flags)
        finally:
            os.chmod(real, mode)


def _mark(info: os.stat_result) -> Mark:
    # A folder's size and times change with what is in it, which is told by itself.
    if stat.S_ISDIR(info.st_mode):
        return Mark(info.st_mode, 0, 0, 0, 0)
    return Mark(info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def _frame(header: dict[str, Any]) -> bytes:
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(4, "big") + raw


ROUTES: Routes = {
    ("PUT", "/tree"): restore,
    ("POST", "/tree/changes"): changes,
}
