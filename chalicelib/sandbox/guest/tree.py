"""The durable part of the file system as a stream of entries, both ways."""

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import contents, metadata, paths, removing
from .entries import LATEST_NS
from .failures import told
from .paths import MEMORY, SKILLS
from .walking import SKILLS_LINK, is_skills_link, walk
from .wire import Json, Problem, Raw, Readable, Reply, Request, Routes, exactly

_PIECE = 1 << 18
_SMALL = 1 << 20
_KEPT_SCANS = 16
_TOLD_AT_ONCE = 500
"""How many paths that are gone stand in one frame."""
_MOST_PROBLEMS = 20
RESTORABLE = ("/workspace", "/mnt/session", "/mnt/memory")
UPLOADS = "/mnt/session/uploads"
_LINKED_BELOW = "/workspace/"


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
    """PUT /tree: make what the frames describe, and tell what could not be made for something that is in its way."""
    keep = request.query.get("baseline") == "1"
    made: list[dict[str, Any]] = []
    removed: list[str] = []
    problems: list[str] = []
    stores = _closed_stores()
    _set_closed(0o755, stores)
    for header in _headers(request.body, removed):
        content = _Content(request.body, int(header["size"]) if header["type"] == "file" else 0)
        with _noting(problems, header["path"], keep):
            # A fresh computer holds no links but those that are put back, and nothing lies below these.
            _make(header, content, links_allowed=keep and request.query.get("links") != "0")
            made.append(header)
        content.pass_over()
    for path in removed:
        with _noting(problems, path, keep):
            _take_away(path)
    if any(header["path"].startswith(f"{SKILLS}/") for header in made):
        with _noting(problems, SKILLS_LINK, keep):
            _link_skills()
    _set_closed(0o555, stores)
    marks = {header["path"]: _mark(os.lstat(paths.real(header["path"]))) for header in made if header["type"] != "dir"}
    # Deepest first: a directory that may not be entered must have its content by then, and nobody looks into it later.
    for header in reversed(made):
        if header["type"] == "dir":
            os.chmod(paths.real(header["path"]), header["mode"])
            marks[header["path"]] = _mark(os.lstat(paths.real(header["path"])))
    if keep:
        _BASE.add(marks)
    return Json({"entries": len(made), "problems": problems[:_MOST_PROBLEMS]})


@contextlib.contextmanager
def _noting(problems: list[str], path: str, keep: bool) -> Iterator[None]:
    """Go on with the other entries where one cannot be made; when the room is used up only with those kept outside."""
    try:
        with told(path):
            yield
    except Problem as problem:
        if problem.code == "resource_exhausted" and not keep:
            raise
        problems.append(f"{path}: {problem.message}")


class _Content:
    """What the stream holds of one entry."""

    def __init__(self, body: Readable, size: int) -> None:
        self._body = body
        self._left = size

    def pieces(self) -> Iterator[bytes]:
        """The bytes that were not taken yet. Raises Problem."""
        while self._left:
            piece = exactly(self._body, min(self._left, _PIECE))
            self._left -= len(piece)
            yield piece

    def pass_over(self) -> None:
        """Leave the stream at the next entry."""
        for _ in self.pieces():
            continue


def _link_skills() -> None:
    """Let the home folder lead to the skills, unless somebody keeps something of their own there."""
    link, target = paths.real(SKILLS_LINK), paths.real(SKILLS)
    if is_skills_link(link):
        return
    if os.path.lexists(link):
        raise Problem("failed_precondition", f"something else stands there; the skills are in {SKILLS}")
    os.symlink(target, link)


def _closed_stores() -> list[str]:
    """The folders of memory stores that are for reading only."""
    with contextlib.suppress(OSError), os.scandir(paths.real(MEMORY)) as stores:
        return [one.path for one in stores if _is_closed(one)]
    return []


def _is_closed(one: os.DirEntry[str]) -> bool:
    return one.is_dir(follow_symlinks=False) and not one.stat(follow_symlinks=False).st_mode & stat.S_IWUSR


def _set_closed(mode: int, stores: list[str]) -> None:
    """Open or close the folders of what the host puts there for reading only."""
    waiting = [paths.real(UPLOADS), paths.real(SKILLS), *stores]
    while waiting:
        folder = waiting.pop()
        # Commands run as the same user: what they put there may have no such rights and no such end.
        with contextlib.suppress(OSError):
            if os.path.islink(folder):
                continue
            os.chmod(folder, mode)
            with os.scandir(folder) as entries:
                waiting += [one.path for one in entries if one.is_dir(follow_symlinks=False)]


def _headers(body: Readable, removed: list[str]) -> Iterator[dict[str, Any]]:
    while size := exactly(body, 4, may_end=True):
        header: dict[str, Any] = json.loads(exactly(body, int.from_bytes(size, "big")))
        if header.get("end"):
            removed += [_checked(str(path)) for path in header.get("removed", ())]
            return
        _checked(str(header.get("path", "")))
        if link := header.get("link"):
            _checked(str(link))
        yield header


def _checked(path: str) -> str:
    if not path.startswith(tuple(f"{root}/" for root in RESTORABLE)) and path not in RESTORABLE:
        raise Problem("permission_denied", "only durable folders can be restored")
    if ".." in path.split("/"):
        raise Problem("invalid_argument", "a path may not climb")
    return path


def _make(header: dict[str, Any], content: _Content, *, links_allowed: bool) -> None:
    path = paths.real(header["path"])
    folder = os.path.dirname(path)
    if not links_allowed and os.path.realpath(folder) != folder:
        raise Problem("failed_precondition", "a link leads away from there")
    os.makedirs(folder, exist_ok=True)
    kind = header["type"]
    if kind == "dir":
        os.makedirs(path, exist_ok=True)
        return
    _clear(path)
    if kind == "symlink":
        os.symlink(header["target"], path)
    elif link := header.get("link"):
        os.link(paths.real(str(link)), path, follow_symlinks=False)
    else:
        _make_file(path, header, content)


def _make_file(path: str, header: dict[str, Any], content: _Content) -> None:
    """The whole file or none: half of one would be taken for what a command left there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb"):
            contents.put(descriptor, content.pieces())
            metadata.put(descriptor, header.get("labels") or {})
            os.fchmod(descriptor, header["mode"])
        if mtime := header.get("mtime"):
            os.utime(path, ns=(mtime, mtime))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _take_away(path: str) -> None:
    """What the host put there and takes back: a file, or the folder of a skill."""
    if path.startswith(f"{SKILLS}/"):
        removing.remove(paths.real(path))
    else:
        _clear(paths.real(path))


def _clear(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        _clear_folder(path)


def _clear_folder(path: str) -> None:
    """A folder stands in the way; memories have no folders of their own, so that an empty one gives way to them."""
    with contextlib.suppress(OSError):
        if paths.within(paths.shown(path), MEMORY):
            os.rmdir(path)
            return
    raise Problem("failed_precondition", "a folder stands where a file should")


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
    first: dict[tuple[int, int], str] = {}
    for shown, real, info in walk(roots):
        seen.add(shown)
        if base.get(shown) == _mark(info):
            continue
        if not _has_names(shown, info):
            yield from _entry(shown, real, info, sent)
        elif (name := first.get((info.st_dev, info.st_ino))) is not None:
            yield _frame(_header(shown, info) | {"type": "file", "link": name})
            sent[shown] = sent[name]
        else:
            yield from _entry(shown, real, info, sent)
            if shown in sent:
                first[info.st_dev, info.st_ino] = shown
    removed = [path for path in base if path not in seen and _under(path, roots)]
    _BASE.found(seq, sent, removed)
    for start in range(0, len(removed), _TOLD_AT_ONCE):
        yield _frame({"removed": removed[start : start + _TOLD_AT_ONCE]})
    yield _frame({"end": True, "removed": [], "seq": seq})


def _has_names(shown: str, info: os.stat_result) -> bool:
    """Whether the file may have other names; each of them counts as changed when one is made or taken away."""
    return info.st_nlink > 1 and stat.S_ISREG(info.st_mode) and shown.startswith(_LINKED_BELOW)


def _under(path: str, roots: list[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _entry(shown: str, real: str, info: os.stat_result, sent: dict[str, Mark]) -> Iterator[bytes]:
    header = _header(shown, info)
    try:
        if stat.S_ISDIR(info.st_mode):
            yield _frame({**header, "type": "dir"})
        elif stat.S_ISLNK(info.st_mode):
            target = os.readlink(real)
            target.encode()
            yield _frame({**header, "type": "symlink", "target": target})
        else:
            labels = metadata.of(real, info)
            yield from _content({**header, "labels": labels} if labels else header, real, info.st_size)
    except (OSError, UnicodeEncodeError):
        # It went away between the look and the reading, and the next scan tells; or it leads to what is no text.
        return
    sent[shown] = _mark(info)


def _header(shown: str, info: os.stat_result) -> dict[str, Any]:
    mtime = min(max(info.st_mtime_ns, 1), LATEST_NS)
    return {"path": shown, "mode": stat.S_IMODE(info.st_mode), "size": 0, "mtime": mtime}


def _content(header: dict[str, Any], real: str, size: int) -> Iterator[bytes]:
    descriptor = _opened(real)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if size <= _SMALL:
            data = (file.read(size) if size else b"") or b""
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
