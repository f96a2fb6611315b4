"""What is in a directory, sent while it is read: a directory may hold any number of files."""

import json
import os
from collections.abc import Iterator
from typing import Any

from .entries import entry
from .paths import Place
from .uploads import is_temporary
from .wire import Raw

_BATCH = 200


def listing(place: Place, depth: int) -> Raw:
    """The answer that lists a directory that many levels deep; the directory itself is left out."""
    return Raw(_rendered(_below(place, depth)), media_type="application/json")


def _below(place: Place, depth: int) -> Iterator[dict[str, Any]]:
    """Entries in the order of their names, each directory before what is in it. No link is followed."""
    waiting = [(one, depth) for one in _children(place)]
    while waiting:
        (child, is_folder), left = waiting.pop()
        try:
            found = entry(child)
        except OSError:
            # Removed while the directory was read.
            continue
        if "type" in found:
            yield found
        if is_folder and left > 1:
            waiting += [(one, left - 1) for one in _children(child)]


def _children(place: Place) -> list[tuple[Place, bool]]:
    """What is in a directory, last name first, and whether each is a directory that can be gone into."""
    try:
        with os.scandir(place.real) as entries:
            found = sorted((one for one in entries if not is_temporary(one.name)), key=_name, reverse=True)
    except OSError:
        # Closed to its own user, or gone meanwhile: there is nothing to show of it.
        return []
    folder = place.shown.rstrip("/")
    return [(Place(f"{folder}/{one.name}", one.path), one.is_dir(follow_symlinks=False)) for one in found]


def _name(one: os.DirEntry[str]) -> str:
    return one.name


def _rendered(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    held = ['{"entries":[']
    comma = ""
    for number, one in enumerate(entries, 1):
        held.append(comma + json.dumps(one, separators=(",", ":")))
        comma = ","
        if number % _BATCH == 0:
            yield "".join(held).encode()
            held = []
    yield "".join([*held, "]}"]).encode()
