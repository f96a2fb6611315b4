"""What of the file system can be kept, as entries on the wire."""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import metadata, paths, uploads
from .entries import LATEST_NS
from .failures import problem_of
from .paths import SKILLS, WORKSPACE

SKILLS_LINK = "/workspace/.skills"
_PIECE = 1 << 18
_SMALL = 1 << 20
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


class Mark(NamedTuple):
    """What tells that a file is not the one it was."""

    mode: int
    size: int
    mtime: int
    ctime: int
    inode: int


def under(path: str, roots: list[str]) -> bool:
    """Whether a path is one of the roots or lies below one."""
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def walk(roots: list[str], unread: list[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """(path as seen, real path, status) of everything below the roots that can be kept, parents first.

    ``unread`` gets what is there and cannot be looked at. Raises Problem when memory or descriptors are too
    short for looking at anything.
    """
    waiting = [(root, paths.real(root), 0o700) for root in roots if _is_own(paths.real(root))]
    closed: list[tuple[str, int]] = []
    try:
        while waiting:
            shown, real, mode = waiting.pop()
            if mode & 0o500 != 0o500 and _open_up(real, mode):
                closed.append((real, mode))
            for below, path, info in _children(shown, real, unread):
                if stat.S_ISDIR(info.st_mode):
                    waiting.append((below, path, stat.S_IMODE(info.st_mode)))
                yield below, path, info
    finally:
        # The innermost first: the outer ones lead to them.
        for real, mode in reversed(closed):
            with contextlib.suppress(OSError):
                os.chmod(real, mode)


def _is_own(root: str) -> bool:
    """Whether a root is in its place, or a link that stays in the workspace: not a way to keep the system's files."""
    return not os.path.islink(root) or paths.within(os.path.realpath(root), os.path.realpath(paths.real(WORKSPACE)))


def _open_up(folder: str, mode: int) -> bool:
    """Have a folder that is closed to its own user be read for a moment; whether that could be done."""
    try:
        os.chmod(folder, mode | 0o500)
    except OSError:
        return False
    return True


def _children(shown: str, real: str, unread: list[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """What of a folder's content can be kept; nothing when it is gone meanwhile."""
    try:
        with os.scandir(real) as scan:
            entries = sorted(scan, key=lambda one: one.name)
    except OSError as error:
        _note(error, shown, unread)
        return
    for one in entries:
        if uploads.is_temporary(one.name):
            continue
        if one.name == ".skills" and f"{shown}/{one.name}" == SKILLS_LINK and is_skills_link(one.path):
            continue
        try:
            one.name.encode()
            info = one.stat(follow_symlinks=False)
        except UnicodeEncodeError:
            continue
        except OSError as error:
            _note(error, f"{shown}/{one.name}", unread)
            continue
        if stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
            yield f"{shown}/{one.name}", one.path, info


def _note(error: OSError, shown: str, unread: list[str]) -> None:
    """What cannot be looked at is not gone for that."""
    if error.errno in _SHORT:
        raise problem_of(error, shown)
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        unread.append(shown)


def entry(shown: str, real: str, info: os.stat_result, sent: dict[str, Mark]) -> Iterator[bytes]:
    """One entry with its content; ``sent`` gets its mark, unless it went away meanwhile. Raises Problem as ``walk``."""
    header = header_of(shown, info)
    try:
        if stat.S_ISDIR(info.st_mode):
            yield frame({**header, "type": "dir"})
        elif stat.S_ISLNK(info.st_mode):
            target = os.readlink(real)
            target.encode()
            yield frame({**header, "type": "symlink", "target": target})
        else:
            labels = metadata.of(real, info)
            yield from _content({**header, "labels": labels} if labels else header, real, info.st_size)
    except UnicodeEncodeError:
        # It leads to what is no text.
        return
    except OSError as error:
        # It went away between the look and the reading, and the next scan tells.
        if error.errno in _SHORT:
            raise problem_of(error, shown) from error
        return
    sent[shown] = mark_of(info)


def header_of(shown: str, info: os.stat_result) -> dict[str, Any]:
    """What entries of every kind have in common."""
    mtime = min(max(info.st_mtime_ns, 1), LATEST_NS)
    return {"path": shown, "mode": stat.S_IMODE(info.st_mode), "size": 0, "mtime": mtime}


def _content(header: dict[str, Any], real: str, size: int) -> Iterator[bytes]:
    descriptor = _opened(real)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if size <= _SMALL:
            data = (file.read(size) if size else b"") or b""
            yield frame({**header, "type": "file", "size": len(data)}) + data
            return
        yield frame({**header, "type": "file", "size": size})
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


def mark_of(info: os.stat_result) -> Mark:
    """The mark of a status."""
    # A folder's size and times change with what is in it, which is told by itself.
    if stat.S_ISDIR(info.st_mode):
        return Mark(info.st_mode, 0, 0, 0, 0)
    return Mark(info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def frame(header: dict[str, Any]) -> bytes:
    """A header with its length in front."""
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(4, "big") + raw


def is_skills_link(real: str) -> bool:
    """Whether what stands there is the link that the host put there."""
    return os.path.islink(real) and os.readlink(real) == paths.real(SKILLS)
