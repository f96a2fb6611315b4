"""What happens in a directory, as callers are told: each thing once."""

import contextlib
import os
import time
from typing import NamedTuple

from . import inotify
from .inotify import Inotify, Notice
from .uploads import is_temporary, makes_new

CREATED, WRITTEN = "EVENT_TYPE_CREATE", "EVENT_TYPE_WRITE"
REMOVED, RENAMED, CHANGED = "EVENT_TYPE_REMOVE", "EVENT_TYPE_RENAME", "EVENT_TYPE_CHMOD"
_SETTLE_SECONDS = 0.2
"""A file that is being written is told of when it is closed, or after this long while it stays open."""
_TOGETHER_SECONDS = 0.1
"""The two halves of a move come one right after the other."""


class Change(NamedTuple):
    """What happened to a name, which is relative to the watched directory."""

    name: str
    kind: str


class Changes:
    """Watches one directory, with ``deep`` all below it too. Not safe for several threads at once.

    Raises OSError when it cannot be watched.
    """

    def __init__(self, folder: str, *, deep: bool) -> None:
        self._folder = folder
        self._deep = deep
        self._inotify = Inotify()
        self._names: dict[int, str] = {}
        self._found: list[Change] = []
        self._dirty: dict[str, float] = {}
        self._fresh: set[str] = set()
        self._left: dict[int, tuple[str, float]] = {}
        try:
            self._names[self._inotify.add(folder)] = ""
            self._add_below("", told=False)
        except BaseException:
            self._inotify.close()
            raise

    def close(self) -> None:
        """Watch no longer."""
        self._inotify.close()

    def wait(self, seconds: float) -> None:
        """Return when there may be something to take, after that long at most."""
        self._inotify.wait(min(seconds, self._settles_in()))

    def take(self, seconds: float) -> list[Change]:
        """What happened since the last call, waiting at most that long for something."""
        until = time.monotonic() + seconds
        while True:
            self._collect()
            wait = until - time.monotonic()
            if self._found or wait <= 0:
                found, self._found = self._found, []
                return found
            self.wait(wait)

    def _collect(self) -> None:
        while notices := self._inotify.read():
            for notice in notices:
                self._notice(notice)
        self._forget_moved_away()
        self._fresh.clear()
        now = time.monotonic()
        for name in [name for name, since in self._dirty.items() if now - since >= _SETTLE_SECONDS]:
            self._settle(name)

    def _settles_in(self) -> float:
        if not self._dirty:
            return 60.0
        return max(0.0, min(self._dirty.values()) + _SETTLE_SECONDS - time.monotonic()) + 0.001

    def _notice(self, notice: Notice) -> None:
        if notice.mask & inotify.OVERFLOW:
            # What was told is lost, but directories made meanwhile must not stay unwatched.
            self._add_below("", told=False)
            return
        if notice.mask & inotify.IGNORED:
            self._names.pop(notice.watch, None)
            return
        folder = self._names.get(notice.watch)
        if folder is None:
            return
        if notice.name:
            name = f"{folder}/{notice.name}" if folder else notice.name
            self._named(notice, name)
        elif not folder and notice.mask & (inotify.DELETE_SELF | inotify.MOVE_SELF):
            self._tell(".", REMOVED if notice.mask & inotify.DELETE_SELF else RENAMED)

    def _named(self, notice: Notice, name: str) -> None:
        mask = notice.mask
        if is_temporary(notice.name):
            if mask & inotify.MOVED_FROM:
                self._left[notice.cookie] = (name, time.monotonic())
        elif mask & inotify.CREATE:
            self._created(name, is_folder=bool(mask & inotify.IS_DIR))
        elif mask & inotify.MODIFY:
            self._dirty.setdefault(name, time.monotonic())
        elif mask & inotify.CLOSE_WRITE:
            self._settle(name)
        elif mask & inotify.MOVED_FROM:
            self._left[notice.cookie] = (name, time.monotonic())
            self._gone(name, RENAMED)
        elif mask & inotify.MOVED_TO:
            self._arrived(name, self._left.pop(notice.cookie, (None, 0.0))[0], is_folder=bool(mask & inotify.IS_DIR))
        elif mask & inotify.DELETE:
            self._dirty.pop(name, None)
            self._gone(name, REMOVED)
        elif mask & inotify.ATTRIB:
            self._settle(name)
            self._tell(name, CHANGED)

    def _created(self, name: str, *, is_folder: bool) -> None:
        self._tell_new(name)
        if is_folder and self._deep:
            self._add(name)
            self._add_below(name, told=True)

    def _arrived(self, name: str, old: str | None, *, is_folder: bool) -> None:
        if old is not None and is_temporary(os.path.basename(old)):
            # An upload: the file under its own name is what the caller knows of.
            if makes_new(os.path.basename(old)):
                self._tell(name, CREATED)
            self._tell(name, WRITTEN)
            return
        self._tell(name, CREATED)
        if is_folder and self._deep:
            self._rename_below(old, name)
            self._add(name)
            self._add_below(name, told=False)

    def _rename_below(self, old: str | None, new: str) -> None:
        """A watch stays with its directory when that is moved; its notices come under the new name."""
        if old is None:
            return
        for watch, name in self._names.items():
            if name == old or name.startswith(f"{old}/"):
                self._names[watch] = new + name[len(old) :]

    def _forget_moved_away(self) -> None:
        """What left and did not arrive is outside now."""
        before = time.monotonic() - _TOGETHER_SECONDS
        for cookie, (old, since) in list(self._left.items()):
            if since > before:
                continue
            del self._left[cookie]
            for watch, name in list(self._names.items()):
                if name == old or name.startswith(f"{old}/"):
                    self._inotify.remove(watch)
                    del self._names[watch]

    def _settle(self, name: str) -> None:
        if self._dirty.pop(name, None) is not None:
            self._tell(name, WRITTEN)

    def _tell(self, name: str, kind: str) -> None:
        if kind != WRITTEN:
            self._settle(name)
        change = Change(name, kind)
        if not (self._found and self._found[-1] == change):
            self._found.append(change)

    def _tell_new(self, name: str) -> None:
        """Seen by a look into its directory and told by the kernel is still one thing."""
        if name not in self._fresh:
            self._fresh.add(name)
            self._tell(name, CREATED)

    def _gone(self, name: str, kind: str) -> None:
        self._fresh.discard(name)
        self._tell(name, kind)

    def _add(self, name: str) -> None:
        # It may be gone already, or be closed to its own user.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            self._names[self._inotify.add(os.path.join(self._folder, name))] = name

    def _add_below(self, top: str, *, told: bool) -> None:
        """Watch what is below a directory; with ``told`` it came into being before its directory was watched."""
        waiting = [top] if self._deep else []
        while waiting:
            folder = waiting.pop()
            for name, is_folder, is_filled in _inside(self._folder, folder):
                if told and not is_temporary(os.path.basename(name)):
                    self._tell_new(name)
                    if is_filled:
                        self._dirty.setdefault(name, time.monotonic())
                if is_folder:
                    self._add(name)
                    waiting.append(name)


def _inside(root: str, folder: str) -> list[tuple[str, bool, bool]]:
    """(relative name, whether a directory, whether a file with content) of what is directly in a directory."""
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            return [
                (os.path.join(folder, one.name), one.is_dir(follow_symlinks=False), _filled(one)) for one in entries
            ]
    except OSError:
        # Gone or closed; then nothing can be watched in it.
        return []


def _filled(one: os.DirEntry[str]) -> bool:
    return one.is_file(follow_symlinks=False) and one.stat(follow_symlinks=False).st_size > 0
