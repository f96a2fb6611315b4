"""What of the durable part of the file system can be kept, whatever stands there and whoever may look into it."""

import contextlib
import os
import stat
from collections.abc import Iterator

from . import paths, uploads
from .paths import SKILLS

SKILLS_LINK = "/workspace/.skills"


def walk(roots: list[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """(path as seen, real path, status) of everything below the roots that can be kept, parents first."""
    waiting = [(root, paths.real(root), 0o700) for root in roots]
    closed: list[tuple[str, int]] = []
    try:
        while waiting:
            shown, real, mode = waiting.pop()
            if mode & 0o500 != 0o500 and _open_up(real, mode):
                closed.append((real, mode))
            for below, path, info in _children(shown, real):
                if stat.S_ISDIR(info.st_mode):
                    waiting.append((below, path, stat.S_IMODE(info.st_mode)))
                yield below, path, info
    finally:
        # The innermost first: the outer ones lead to them.
        for real, mode in reversed(closed):
            with contextlib.suppress(OSError):
                os.chmod(real, mode)


def _open_up(folder: str, mode: int) -> bool:
    """Have a folder that is closed to its own user be read for a moment; whether that could be done."""
    try:
        os.chmod(folder, mode | 0o500)
    except OSError:
        return False
    return True


def _children(shown: str, real: str) -> Iterator[tuple[str, str, os.stat_result]]:
    """What of a folder's content can be kept; nothing when it is gone meanwhile."""
    with contextlib.suppress(OSError), os.scandir(real) as scan:
        for entry in sorted(scan, key=lambda entry: entry.name):
            if uploads.is_temporary(entry.name):
                continue
            if entry.name == ".skills" and f"{shown}/{entry.name}" == SKILLS_LINK and is_skills_link(entry.path):
                continue
            try:
                info = entry.stat(follow_symlinks=False)
                entry.name.encode()
            except (OSError, UnicodeEncodeError):
                continue
            if stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                yield f"{shown}/{entry.name}", entry.path, info


def is_skills_link(real: str) -> bool:
    """Whether it is the link that the home folder got to the skills, which is no file of anybody's."""
    return os.path.islink(real) and os.readlink(real) == paths.real(SKILLS)
