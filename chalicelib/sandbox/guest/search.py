"""Finding files by name and lines by pattern."""

import heapq
import os
import time
from typing import Any

from . import paths
from .entries import readable
from .failures import told
from .globbing import Limits, Walk, fixed_part, matcher
from .grepping import grep
from .wire import Json, Problem, Reply, Request, Routes

_MOST_ENTRIES = 500_000
_SECONDS = 20.0
_USUAL_LIMIT = 100
_MOST_LIMIT = 10_000
_LONGEST_PATTERN = 4096


def glob(request: Request) -> Reply:
    """POST /search/glob: the files below ``path`` whose names fit ``pattern``, those changed last first, at most
    ``limit`` of them; ``total`` is how many fit, ``whole`` whether everything was looked at."""
    body = request.json()
    pattern, limit = body.get("pattern"), body.get("limit", _USUAL_LIMIT)
    if not isinstance(pattern, str) or not 0 < len(pattern) <= _LONGEST_PATTERN:
        raise Problem("invalid_argument", f"pattern has to be a text of 1 to {_LONGEST_PATTERN} characters")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_LIMIT:
        raise Problem("invalid_argument", f"limit has to be a whole number from 1 to {_MOST_LIMIT}")
    folder, rest = _split(str(body.get("path") or ""), pattern)
    return Json(_found(folder, rest, limit))


def _split(path: str, pattern: str) -> tuple[paths.Place, str]:
    if pattern.startswith(("/", "~/")):
        path, below = fixed_part(pattern)
        pattern = f"./{below}"
    place = paths.resolve(path)
    if not os.path.lexists(place.real):
        raise Problem("not_found", f"path '{place.shown}' does not exist")
    if not os.path.isdir(place.real):
        raise Problem("invalid_argument", f"path '{place.shown}' is not a directory")
    with told(place.shown):
        os.scandir(place.real).close()
    return place, pattern


def _found(folder: paths.Place, pattern: str, limit: int) -> dict[str, Any]:
    try:
        fits = matcher(pattern)
    except ValueError as error:
        raise Problem("invalid_argument", f"the pattern cannot be used: {error}") from None
    until = time.monotonic() + _SECONDS
    walk = Walk(folder.real, Limits(_MOST_ENTRIES, lambda: time.monotonic() > until))
    start = len(folder.real.rstrip("/")) + 1
    hits = [(_changed(entry), entry.path[start:]) for entry in walk.files() if fits(entry.path[start:])]
    newest = heapq.nsmallest(limit, hits, key=lambda hit: (-hit[0], hit[1]))
    shown = [readable(f"{folder.shown.rstrip('/')}/{path}") for _, path in newest]
    return {"path": folder.shown, "paths": shown, "total": len(hits), "whole": walk.whole}


def _changed(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        # Gone since the folder was read; the oldest of all.
        return 0


ROUTES: Routes = {("POST", "/search/glob"): glob, ("POST", "/search/grep"): grep}
