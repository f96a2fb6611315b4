"""The labels an uploader puts on a file: extended attributes, or memory where the file system takes none."""

import json
import os
import threading
from collections.abc import Mapping

from .wire import Problem

PREFIX = "x-metadata-"
_ATTRIBUTE = "user.lambent.metadata"
_LARGEST = 4096
_MOST_REMEMBERED = 4096
_lock = threading.Lock()
_remembered: dict[tuple[int, int, int], dict[str, str]] = {}


def from_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The labels in a request's headers. Raises Problem."""
    found = {name[len(PREFIX) :]: value for name, value in headers.items() if name.startswith(PREFIX)}
    if not all(key and value.isascii() and value.isprintable() for key, value in found.items()):
        raise Problem("invalid_argument", "metadata is printable ASCII")
    if sum(len(key) + len(value) for key, value in found.items()) > _LARGEST:
        raise Problem("invalid_argument", f"metadata is longer than {_LARGEST} bytes")
    return found


def put(descriptor: int, labels: Mapping[str, str]) -> None:
    """Label an open file that carries no labels yet."""
    if not labels:
        return
    try:
        os.setxattr(descriptor, _ATTRIBUTE, json.dumps(labels).encode())
    except OSError:
        # The file system takes no attributes, or none this long.
        with _lock:
            while len(_remembered) >= _MOST_REMEMBERED:
                del _remembered[next(iter(_remembered))]
            _remembered[_identity(os.fstat(descriptor))] = dict(labels)


def of(path: str, info: os.stat_result) -> dict[str, str]:
    """The labels of the file a path leads to, whose status is ``info``."""
    with _lock:
        if known := _remembered.get(_identity(info)):
            return known
    try:
        found = json.loads(os.getxattr(path, _ATTRIBUTE))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    # Commands can write what they like there.
    labels = {str(key): str(value) for key, value in found.items()}
    text = "".join((*labels, *labels.values()))
    return labels if text.isascii() and len(text) <= _LARGEST else {}


def _identity(info: os.stat_result) -> tuple[int, int, int]:
    # The time of change tells a file from a later one that got the same number.
    return info.st_dev, info.st_ino, info.st_mtime_ns
