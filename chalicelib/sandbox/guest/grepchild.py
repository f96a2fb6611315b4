"""The process that searches texts: reads what is wanted, writes what it finds line by line."""

import io
import json
import os
import re
import resource
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from .globbing import Limits, Walk, matcher

HEAD_BYTES = 8192
"""A zero byte among so many at the beginning tells that a file is no text."""
_MOST_ENTRIES = 500_000
_LONGEST_LINE = 1 << 20
_SHOWN_CHARACTERS = 2000
_SMALL_FILE = 4 << 20
# Anything that looks at what stands around a match, or at the ends of the text, sees another text than a line.
_LOOKS_AROUND = re.compile(r"\\[AZ]|\(\?")


class _Full(Exception):
    """Enough was found."""


class Search:
    """One search. Raises ValueError when the pattern or the glob cannot be used."""

    def __init__(self, asked: dict[str, Any], write: Callable[[str], object]) -> None:
        self._asked = asked
        self._write = write
        self._room = int(asked["bytes"])
        self._why = ""
        self.matches = 0
        self.searched = 0
        flags = re.IGNORECASE if asked["ignoreCase"] else 0
        try:
            self._line = re.compile(asked["pattern"], flags)
            around = _LOOKS_AROUND.search(asked["pattern"])
            self._anywhere = None if around else re.compile(asked["pattern"], flags | re.MULTILINE)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the pattern is not a regular expression: {error}") from None
        self._fits = matcher(asked["glob"]) if asked["glob"] else None

    def run(self) -> dict[str, Any]:
        """Search everything; the summary."""
        try:
            for real, shown in self._files():
                self._file(real, shown)
        except _Full as full:
            self._why = str(full)
        return {"matches": self.matches, "searched": self.searched, "whole": not self._why, "why": self._why}

    def _files(self) -> Iterator[tuple[str, str]]:
        top, shown = self._asked["real"], self._asked["shown"].rstrip("/")
        if not os.path.isdir(top):
            yield top, shown
            return
        walk = Walk(top, Limits(_MOST_ENTRIES, lambda: False))
        start = len(top.rstrip("/")) + 1
        for entry in walk.files():
            path = entry.path[start:]
            if entry.is_file(follow_symlinks=False) and (self._fits is None or self._fits(path)):
                yield entry.path, f"{shown}/{path}"
        if not walk.whole:
            self._why = "there are too many files"

    def _file(self, real: str, shown: str) -> None:
        try:
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            # Closed to us or gone meanwhile: nothing in it can be shown.
            return
        with os.fdopen(descriptor, "rb") as file:
            if not self._may_match(file):
                return
            self.searched += 1
            name = os.fsencode(shown).decode("utf-8", "replace")
            if self._asked["filesOnly"]:
                self._count(file, name)
            else:
                self._show(file, name)

    def _may_match(self, file: BinaryIO) -> bool:
        """Whether it is a text in which the pattern occurs, as far as that is quickly known; reading starts anew."""
        try:
            head = file.read(HEAD_BYTES)
            if b"\0" in head:
                return False
            rest = file.read(_SMALL_FILE)
        except OSError:
            return False
        file.seek(0)
        if self._anywhere is None or len(rest) == _SMALL_FILE:
            return True
        if self._anywhere.search(_text(head + rest)) is not None:
            return True
        self.searched += 1
        return False

    def _count(self, file: BinaryIO, name: str) -> None:
        count = sum(1 for line in _lines(file) if self._line.search(line))
        if count:
            self._count_one()
            self._tell([name, count])

    def _show(self, file: BinaryIO, name: str) -> None:
        before: deque[tuple[int, str]] = deque(maxlen=self._asked["before"])
        after = 0
        for number, line in enumerate(_lines(file), 1):
            if self._line.search(line):
                self._count_one()
                for earlier in before:
                    self._tell([name, *earlier, False])
                before.clear()
                self._tell([name, number, _short(line), True])
                after = self._asked["after"]
            elif after:
                after -= 1
                self._tell([name, number, _short(line), False])
            else:
                before.append((number, _short(line)))

    def _count_one(self) -> None:
        if self.matches == self._asked["limit"]:
            raise _Full(f"there are more than {self.matches}")
        self.matches += 1

    def _tell(self, what: list[Any]) -> None:
        said = json.dumps(what) + "\n"
        self._room -= len(said)
        if self._room < 0:
            raise _Full("there is too much to show")
        self._write(said)


def _lines(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(_LONGEST_LINE):
        yield line.decode("utf-8", "replace").rstrip("\r\n")
        while line and not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            line = file.readline(_LONGEST_LINE)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _short(line: str) -> str:
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]} […]"


def main() -> None:
    """Search for what stands on standard input."""
    asked = json.loads(sys.stdin.buffer.read())
    bound = int(asked["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (bound, bound))
    # What was found before its time is over must not be lost.
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, "utf-8", line_buffering=True)
    write = sys.stdout.write
    try:
        end: dict[str, Any] = Search(asked, write).run()
    except ValueError as error:
        end = {"problem": str(error), "matches": 0, "searched": 0, "whole": False, "why": ""}
    write(json.dumps(end) + "\n")
