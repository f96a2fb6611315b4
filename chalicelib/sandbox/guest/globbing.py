"""Patterns of file names, and walking through folders."""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_SPECIAL = re.compile(r"[*?\[{]")
_PASSED_BY = frozenset(("/proc", "/sys", "/dev"))
_MOST_CHOICES = 1000
_Name = Callable[[str], object]


class Limits(NamedTuple):
    """How far a walk may go."""

    entries: int
    over: Callable[[], bool]


class Walk:
    """The files below a folder; folders that are links are not entered. ``whole`` is False if it had to stop early."""

    def __init__(self, top: str, limits: Limits) -> None:
        self._top = top
        self._limits = limits
        self.whole = True

    def files(self) -> Iterator["os.DirEntry[str]"]:
        """Everything that is not a folder, hidden or not, each folder's entries by name."""
        waiting, seen = [self._top], 0
        while waiting:
            inside, below = self._entries(waiting.pop())
            waiting += reversed(below)
            yield from inside
            seen += len(inside) + len(below)
            if seen > self._limits.entries or self._limits.over():
                self.whole = False
                return

    def _entries(self, folder: str) -> tuple[list["os.DirEntry[str]"], list[str]]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            # Closed to us or gone meanwhile: nothing in it can be shown.
            return [], []
        below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        inside = [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]
        return inside, [path for path in below if path not in _PASSED_BY]


def matcher(pattern: str) -> Callable[[str], bool]:
    """Tells whether a path, relative to the folder searched, is meant by the pattern.

    ``*`` and ``?`` stay within a name, ``**`` spans folders, ``[…]`` and ``{…,…}`` are choices. A pattern without a
    slash means names in any folder. The time it takes does not explode with the pattern. Raises ValueError.
    """
    bare = pattern.removeprefix("./").lstrip("/")
    if "/" not in pattern:
        bare = f"**/{bare}"
    choices = [_parts(choice) for choice in _choices(bare)]
    return lambda path: any(_fits(path.split("/"), parts) for parts in choices)


def fixed_part(pattern: str) -> tuple[str, str]:
    """The folder a pattern names before its first special character, and the pattern below it."""
    match = _SPECIAL.search(pattern)
    cut = pattern.rfind("/", 0, match.start() if match else len(pattern)) + 1
    return pattern[:cut], pattern[cut:]


def _choices(pattern: str) -> list[str]:
    """The pattern with its outermost braces written out, then those within them."""
    start = pattern.find("{")
    end = _closing(pattern, start)
    if start < 0 or end < 0:
        return [pattern]
    written = [pattern[:start] + option + pattern[end + 1 :] for option in _split(pattern[start + 1 : end])]
    found = [choice for one in written for choice in _choices(one)]
    if len(found) > _MOST_CHOICES:
        raise ValueError("it has too many choices")
    return found


def _closing(pattern: str, start: int) -> int:
    depth = 0
    for at in range(max(start, 0), len(pattern)):
        depth += (pattern[at] == "{") - (pattern[at] == "}")
        if not depth:
            return at
    return -1


def _split(inner: str) -> list[str]:
    parts, depth = [""], 0
    for character in inner:
        depth += (character == "{") - (character == "}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _parts(pattern: str) -> list[_Name | None]:
    """What each name on the way has to be; None is any number of folders."""
    names = [part for part in pattern.split("/") if part not in ("", ".")]
    # At the end the file itself is one of what is spanned.
    names += ["*"] if names[-1:] == ["**"] else []
    return [None if name == "**" else re.compile(fnmatch.translate(name)).match for name in names]


def _fits(names: list[str], parts: list[_Name | None]) -> bool:
    at, here, back_at, back_here = 0, 0, -1, -1
    while at < len(names):
        part = parts[here] if here < len(parts) else _nothing
        if part is None:
            back_at, back_here = at, here
            here += 1
        elif part(names[at]):
            at, here = at + 1, here + 1
        elif back_here >= 0:
            back_at += 1
            at, here = back_at, back_here + 1
        else:
            return False
    return here == len(parts)


def _nothing(_: str) -> object:
    return None
