"""Where a path given by a caller leads, and what a place is called inside the sandbox."""

import os
from typing import NamedTuple

from .wire import Problem

WORKSPACE = "/workspace"
SESSION = "/mnt/session"
MEMORY = "/mnt/memory"
SKILLS = "/mnt/session/skills"
_HOME = "/home/user"
_MOVED = {WORKSPACE: WORKSPACE, SESSION: SESSION, MEMORY: MEMORY, _HOME: WORKSPACE}


class _Layout:
    """Without a file system of its own the sandbox's folders stand below ``root``."""

    root = ""


class Place(NamedTuple):
    """A path as the sandbox shows it, and the same without symbolic links as this process opens it."""

    shown: str
    real: str


def configure(root: str) -> None:
    """Put the sandbox's folders below a directory; they are made when they are not there. Raises OSError."""
    _Layout.root = os.path.realpath(root)
    for folder in (WORKSPACE, SESSION, MEMORY):
        os.makedirs(real(folder), exist_ok=True)


def real(path: str) -> str:
    """The same absolute path as this process opens it. Nothing is checked, no link is followed."""
    if _Layout.root:
        for prefix, target in _MOVED.items():
            if within(path, prefix):
                return f"{_Layout.root}{target}{path[len(prefix) :]}"
    return path


def shown(path: str) -> str:
    """What the sandbox calls a path of this process."""
    if _Layout.root and within(path, _Layout.root):
        return path[len(_Layout.root) :] or "/"
    return path


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it, going by the names alone."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def resolve(path: str, *, follow: bool = True) -> Place:
    """Where a caller's path leads; with ``follow`` unset its last part is taken as it is, even if it is a link.

    What begins in the workspace must stay there, or lead to the skills. Raises Problem.
    """
    given = _absolute(_checked(path))
    place = shown(_normal(given))
    begins_inside = within(_flat(shown(given)), WORKSPACE)
    opened = real(place)
    if follow or opened == "/":
        found = os.path.realpath(opened)
    else:
        found = os.path.join(os.path.realpath(os.path.dirname(opened)), os.path.basename(opened))
    stays = within(found, os.path.realpath(real(WORKSPACE))) or within(found, real(SKILLS))
    if begins_inside and not stays:
        raise Problem("permission_denied", f"path '{path}' leads out of {WORKSPACE}")
    return Place(place, found)


def _checked(path: str) -> str:
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        raise Problem("invalid_argument", "the path is not text") from None
    if b"\0" in raw:
        raise Problem("invalid_argument", "the path holds a zero byte")
    return path


def _absolute(path: str) -> str:
    if path == "~" or path.startswith("~/"):
        return WORKSPACE + path[1:]
    return path if path.startswith("/") else f"{WORKSPACE}/{path}"


def _flat(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _normal(path: str) -> str:
    return os.path.normpath(_flat(path))
