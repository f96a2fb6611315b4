"""Paths of memories, and the folder that stands for a store in a sandbox."""

import re
import unicodedata

from chalicelib.core.errors import InvalidRequest

MOST_BYTES = 1024
MOST_SEGMENTS = 20
MOUNT = "/mnt/memory"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 64


def problem(path: str) -> str | None:
    """Why a path with its slash in front names no memory; None when it can."""
    segments = path[1:].split("/")
    if not path.startswith("/"):
        return "must start with /"
    if any(unicodedata.category(letter) in _UNSEEN for letter in path):
        return "control and format characters are not possible"
    if len(path.encode()) > MOST_BYTES:
        return f"at most {MOST_BYTES} bytes of UTF-8"
    if len(segments) > MOST_SEGMENTS:
        return f"at most {MOST_SEGMENTS} segments"
    if {"", ".", ".."} & set(segments):
        return "no segment may be empty, . or .."
    if not unicodedata.is_normalized("NFC", path):
        return "must be in Unicode normalization form C"
    return None


def checked(path: str, *, strict: bool) -> str:
    """A path as it is kept; unless ``strict`` the slash in front may be missing. Raises InvalidRequest."""
    whole = path if strict or path.startswith("/") else f"/{path}"
    if reason := problem(whole):
        raise InvalidRequest(f"path: {reason}", field="path")
    return whole


def checked_prefix(prefix: str | None, *, strict: bool) -> str:
    """A prefix of kept paths; a ``strict`` one names whole segments. Raises InvalidRequest."""
    if not prefix:
        return "/"
    if strict and not (prefix.startswith("/") and prefix.endswith("/")):
        raise InvalidRequest("path_prefix: must start and end with /", field="path_prefix")
    return prefix if prefix.startswith("/") else f"/{prefix}"


def slug(name: str) -> str:
    """A store's name as a folder: lower case, a hyphen for every run of what is neither letter nor digit of ASCII."""
    return _NO_SLUG.sub("-", name.lower()).strip("-")[:_LONGEST_SLUG].strip("-") or "memory"
