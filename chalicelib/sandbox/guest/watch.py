"""filesystem.Filesystem: telling what happens in a directory, as a stream or to be asked for."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from . import paths, users
from .changes import CHANGED, CREATED, WRITTEN, Change, Changes
from .entries import entry, readable
from .failures import told
from .filesystem import directory, text
from .paths import Place
from .streaming import KEEPALIVE, Clock, Guarded
from .wire import Json, Problem, Reply, Request, Routes, Stream

_MOST_WATCHERS = 64
_MOST_EVENTS = 10_000
_LOOK_SECONDS = 1.0
_GATHER_SECONDS = 0.02
_DESCRIBED = (CREATED, WRITTEN, CHANGED)


class Watch:
    """One watched directory and how its events are told. Raises Problem."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._place = paths.resolve(text(body, "path"))
        directory(self._place)
        self._described = _flag(body, "includeEntry", "include_entry")
        with told(self._place.shown):
            self.changes = Changes(self._place.real, deep=_flag(body, "recursive", "recursive"))

    def events(self, seconds: float) -> list[dict[str, Any]]:
        """What happened since the last call, waiting at most that long for something."""
        return [self._event(change) for change in self.changes.take(seconds)]

    def _event(self, change: Change) -> dict[str, Any]:
        event: dict[str, Any] = {"name": readable(change.name), "type": change.kind}
        if self._described and change.kind in _DESCRIBED:
            try:
                path, real = (os.path.join(folder, change.name) for folder in self._place)
                event["entry"] = entry(Place(path, real))
            except OSError:
                # Gone since; the event that tells so follows.
                return event
        return event


class Watcher:
    """A watch whose events are kept until they are asked for; of too many the oldest go."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any]] = deque(maxlen=_MOST_EVENTS)
        self._closed = False
        threading.Thread(target=self._follow, daemon=True).start()

    def take(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        with self._lock:
            self._collect()
            found = list(self._events)
            self._events.clear()
            return found

    def close(self) -> None:
        """Keep no more events."""
        with self._lock:
            self._closed = True

    def _follow(self) -> None:
        while not self._closed:
            self._watch.changes.wait(_LOOK_SECONDS)
            # Much happens at once where anything happens; nobody waits for it to be collected.
            time.sleep(_GATHER_SECONDS)
            with self._lock:
                self._collect()
        self._watch.changes.close()

    def _collect(self) -> None:
        if not self._closed:
            self._events += self._watch.events(0)


_watchers: dict[str, Watcher] = {}


def _create(request: Request) -> Reply:
    users.check(request)
    if len(_watchers) >= _MOST_WATCHERS:
        raise Problem("resource_exhausted", f"there are {_MOST_WATCHERS} watchers already")
    watch = Watch(request.json())
    number = os.urandom(8).hex()
    try:
        _watchers[number] = Watcher(watch)
    except RuntimeError:
        watch.changes.close()
        raise Problem("resource_exhausted", "the sandbox has no room for another watcher") from None
    return Json({"watcherId": number})


def _events(request: Request) -> Reply:
    return Json({"events": _watcher(request)[1].take()})


def _remove(request: Request) -> Reply:
    number, watcher = _watcher(request)
    _watchers.pop(number, None)
    watcher.close()
    return Json({})


def _watcher(request: Request) -> tuple[str, Watcher]:
    users.check(request)
    body = request.json()
    number = text(body, "watcherId") or text(body, "watcher_id")
    watcher = _watchers.get(number)
    if watcher is None:
        raise Problem("not_found", f"watcher '{number}' was not found")
    return number, watcher


def _watch_dir(request: Request) -> Reply:
    users.check(request)
    clock = Clock(request, limited=True)
    watch = Watch(request.json())
    return Stream(Guarded(_told(watch, clock), watch.changes.close))


def _told(watch: Watch, clock: Clock) -> Iterator[dict[str, Any] | None]:
    yield {"start": {}}
    while True:
        events = watch.events(clock.wait())
        for event in events:
            clock.spoke()
            yield {"filesystem": event}
        if not events:
            yield KEEPALIVE if clock.silent() else None


def _flag(body: dict[str, Any], name: str, other: str) -> bool:
    return bool(body.get(name, body.get(other, False)))


_PREFIX = "/filesystem.Filesystem/"
ROUTES: Routes = {
    ("POST", f"{_PREFIX}CreateWatcher"): _create,
    ("POST", f"{_PREFIX}GetWatcherEvents"): _events,
    ("POST", f"{_PREFIX}RemoveWatcher"): _remove,
    ("POST", f"{_PREFIX}WatchDir"): _watch_dir,
}
