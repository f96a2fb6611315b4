"""Removing folders of any depth: deeper than a path can be long, and than functions can call each other."""

import os
import stat
from typing import NamedTuple

from .wire import Problem

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Above(NamedTuple):
    """A folder on the way down: which one it is, the name below it that was entered, the folders yet to be entered."""

    identity: tuple[int, int]
    entered: str
    left: list[str]


def remove(path: str) -> None:
    """Remove whatever stands at a path; nothing there is no error. No link is followed. Raises OSError, Problem."""
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            _empty(path)
            os.rmdir(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        return


def _empty(path: str) -> None:
    above: list[_Above] = []
    here = os.open(path, _FOLDER)
    try:
        folders = _without_files(here)
        while folders or above:
            if folders:
                name = folders.pop()
                above.append(_Above(_identity(here), name, folders))
                here = _into(here, name)
                folders = _without_files(here)
                continue
            identity, name, folders = above.pop()
            here = _into(here, "..")
            if _identity(here) != identity:
                raise Problem("failed_precondition", "the directory was moved while it was removed")
            os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)


def _into(here: int, name: str) -> int:
    there = os.open(name, _FOLDER, dir_fd=here)
    os.close(here)
    return there


def _without_files(here: int) -> list[str]:
    """Remove what is no folder; the folders that are left."""
    with os.scandir(here) as entries:
        found = [(one.name, one.is_dir(follow_symlinks=False)) for one in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=here)
    return [name for name, is_folder in found if is_folder]


def _identity(folder: int) -> tuple[int, int]:
    info = os.fstat(folder)
    return info.st_dev, info.st_ino
