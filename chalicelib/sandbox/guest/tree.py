"""The durable part of the file system as a stream of entries, both ways."""

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from typing import Any

from . import contents, metadata, paths, removing, scan
from .failures import told
from .paths import MEMORY, SKILLS, WORKSPACE
from .scan import Mark
from .wire import Json, Problem, Raw, Readable, Reply, Request, Routes, exactly

_PIECE = 1 << 18
_KEPT_SCANS = 16
_TOLD_AT_ONCE = 500
"""How many paths that are gone stand in one frame."""
_MOST_PROBLEMS = 20
RESTORABLE = ("/workspace", "/mnt/session", "/mnt/memory")
UPLOADS = "/mnt/session/uploads"
_LINKED_BELOW = "/workspace/"


class Baseline:
    """What the outside already has, and what recent scans found and the outside may confirm."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._committed = 0
        self._marks: dict[str, Mark] = {}
        self._scans: dict[int, tuple[dict[str, Mark], list[str]]] = {}
        # By the latest scan that sent them: the outside may have these as they were then, and did not say so.
        self._offered: dict[str, int] = {}

    def add(self, marks: dict[str, Mark]) -> None:
        """These entries came from the outside."""
        with self._lock:
            self._marks.update(marks)
            for path in marks:
                self._offered.pop(path, None)

    def begin(self) -> tuple[int, dict[str, Mark | None]]:
        """The number of a new scan, and what the outside has or may have; None where it is not known as what."""
        with self._lock:
            self._seq += 1
            return self._seq, {**self._marks, **dict.fromkeys(self._offered)}

    def found(self, seq: int, changed: dict[str, Mark], removed: list[str]) -> None:
        """Remember what a scan sent out."""
        with self._lock:
            self._scans[seq] = (changed, removed)
            self._offered.update(dict.fromkeys(changed, seq))
            for old in [number for number in self._scans if number <= seq - _KEPT_SCANS]:
                del self._scans[old]

    def commit(self, seq: int) -> None:
        """The outside has what that scan sent. A later scan's confirmation is not undone by an earlier one's."""
        with self._lock:
            known = self._scans.pop(seq, None)
            if known is None or seq < self._committed:
                return
            self._committed = seq
            changed, removed = known
            self._marks.update(changed)
            for path in removed:
                self._marks.pop(path, None)
            for path in (*changed, *removed):
                if self._offered.get(path, 0) <= seq:
                    self._offered.pop(path, None)


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
        if not keep and _is_outdated(header):
            content.pass_over()
            continue
        with _noting(problems, header["path"], keep):
            # A fresh computer holds no links but those that are put back, and nothing lies below these.
            _make(header, content, links_allowed=keep and request.query.get("links") != "0")
            made.append(header)
        content.pass_over()
    for path in removed:
        with _noting(problems, path, keep):
            _take_away(path)
    if any(header["path"].startswith(f"{SKILLS}/") for header in made):
        with _noting(problems, scan.SKILLS_LINK, keep):
            _link_skills()
    _set_closed(0o555, stores)
    marks = {header["path"]: _mark_at(header["path"]) for header in made if header["type"] != "dir"}
    # Deepest first: a directory that may not be entered must have its content by then, and nobody looks into it later.
    for header in reversed(made):
        if header["type"] == "dir":
            os.chmod(paths.real(header["path"]), header["mode"])
            marks[header["path"]] = _mark_at(header["path"])
    if keep:
        _BASE.add(marks)
    return Json({"entries": len(made), "problems": problems[:_MOST_PROBLEMS]})


def _mark_at(path: str) -> scan.Mark:
    return scan.mark_of(os.lstat(paths.real(path)))


def _is_outdated(header: dict[str, Any]) -> bool:
    """Whether somebody worked on what the host has once put into the workspace, which is theirs then."""
    if header["type"] != "file" or not paths.within(header["path"], WORKSPACE):
        return False
    with contextlib.suppress(OSError):
        info = os.lstat(paths.real(header["path"]))
        return stat.S_ISREG(info.st_mode) and 0 < int(header.get("mtime") or 0) < info.st_mtime_ns
    return False


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
    link, target = paths.real(scan.SKILLS_LINK), paths.real(SKILLS)
    if scan.is_skills_link(link):
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


def commit(request: Request) -> Reply:
    """POST /tree/commit: the outside has what the scan ``seq`` sent, and need not be told of it again."""
    _BASE.commit(int(request.json().get("seq", 0)))
    return Json({})


def _changes(roots: list[str]) -> Iterator[bytes]:
    seq, base = _BASE.begin()
    sent: dict[str, Mark] = {}
    seen: set[str] = set()
    first: dict[tuple[int, int], str] = {}
    unread: list[str] = []
    for shown, real, info in scan.walk(roots, unread):
        seen.add(shown)
        if base.get(shown) == scan.mark_of(info):
            continue
        if not _has_names(shown, info):
            yield from scan.entry(shown, real, info, sent)
        elif (name := first.get((info.st_dev, info.st_ino))) is not None:
            yield scan.frame(scan.header_of(shown, info) | {"type": "file", "link": name})
            sent[shown] = sent[name]
        else:
            yield from scan.entry(shown, real, info, sent)
            if shown in sent:
                first[info.st_dev, info.st_ino] = shown
    removed = [path for path in base if path not in seen and scan.under(path, roots) and not scan.under(path, unread)]
    _BASE.found(seq, sent, removed)
    for start in range(0, len(removed), _TOLD_AT_ONCE):
        yield scan.frame({"removed": removed[start : start + _TOLD_AT_ONCE]})
    yield scan.frame({"end": True, "removed": [], "seq": seq})


def _has_names(shown: str, info: os.stat_result) -> bool:
    """Whether the file may have other names; each of them counts as changed when one is made or taken away."""
    return info.st_nlink > 1 and stat.S_ISREG(info.st_mode) and shown.startswith(_LINKED_BELOW)


ROUTES: Routes = {
    ("PUT", "/tree"): restore,
    ("POST", "/tree/changes"): changes,
    ("POST", "/tree/commit"): commit,
}
