"""Files, directories and links as callers are told of them."""

import os
import stat
import time
from functools import lru_cache
from typing import Any

from . import metadata, paths
from .paths import Place

FILE, DIRECTORY, SYMLINK = "FILE_TYPE_FILE", "FILE_TYPE_DIRECTORY", "FILE_TYPE_SYMLINK"
_PERMISSIONS = 0o777
_EARLIEST_NS = -62_135_596_800 * 1_000_000_000
LATEST_NS = 253_402_300_799 * 1_000_000_000
"""The end of the year 9999, in nanoseconds since 1970."""


def entry(place: Place) -> dict[str, Any]:
    """What stands at a place; a link as what it leads to. Raises OSError when nothing does."""
    info = os.lstat(place.real)
    found: dict[str, Any] = {"name": readable(os.path.basename(place.shown)), "path": readable(place.shown)}
    if stat.S_ISLNK(info.st_mode):
        target, info = _followed(place.real, info)
        found["symlinkTarget"] = readable(target)
    if kind := _kind(info.st_mode):
        found["type"] = kind
    found |= {
        "size": str(info.st_size),
        "mode": info.st_mode & _PERMISSIONS,
        "permissions": stat.filemode(info.st_mode),
        "owner": _user(info.st_uid),
        "group": _group(info.st_gid),
        "modifiedTime": moment(info.st_mtime_ns),
    }
    if kind == FILE and (labels := metadata.of(place.real, info)):
        found["metadata"] = labels
    return found


def moment(nanoseconds: int) -> str:
    """A time since 1970 as RFC 3339; one outside the years 1 to 9999 is the nearest that can be told."""
    seconds, rest = divmod(min(max(nanoseconds, _EARLIEST_NS), LATEST_NS), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def readable(text: str) -> str:
    """A name as text that every reader of JSON takes; bytes that are no UTF-8 are lost."""
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")


def _followed(path: str, link: os.stat_result) -> tuple[str, os.stat_result]:
    """(where a link leads, what is there); a link that leads nowhere stands for itself."""
    try:
        return paths.shown(os.path.realpath(path)), os.stat(path)
    except OSError:
        return os.readlink(path), link


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return FILE
    if stat.S_ISDIR(mode):
        return DIRECTORY
    return SYMLINK if stat.S_ISLNK(mode) else ""


@lru_cache(maxsize=64)
def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@lru_cache(maxsize=64)
def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
