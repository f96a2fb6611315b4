"""Signals to a process and all that descends from it, where no control group does it at once."""

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterable

from chalicelib.sandbox.box import owners

_ROUNDS = 20
_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.002
_STATE, _PARENT, _SESSION = 0, 1, 3


def descendants(root: int) -> set[int]:
    """A process, what descends from it and the sessions those lead: what one look finds."""
    children: dict[int, set[int]] = defaultdict(set)
    for pid, fields in _all():
        children[int(fields[_PARENT])].add(pid)
        children[int(fields[_SESSION])].add(pid)
    found: set[int] = set()
    left = [root]
    while left:
        if (pid := left.pop()) not in found:
            found.add(pid)
            left += children[pid]
    return found


def stop(root: int) -> None:
    """Make all stand still; returns when they do or patience ends.

    Parents are stopped before another look, so nothing new appears in the end.
    """
    known: set[int] = set()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for _ in range(_ROUNDS):
        if not (new := descendants(root) - known):
            return
        _send(new, signal.SIGSTOP)
        while any(_runs(pid) for pid in new) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        known |= new


def resume(root: int) -> None:
    """Let all go on."""
    _send(descendants(root), signal.SIGCONT)


def kill(root: int, start: int) -> None:
    """End all of them, if the root is still the process that was started then."""
    if not owners.is_same(root, start):
        return
    stop(root)
    _send(descendants(root) - {root}, signal.SIGKILL)
    _send({root}, signal.SIGKILL)


def is_stopped(pid: int) -> bool:
    """Whether a process was made to stand still."""
    fields = owners.stat(pid)
    return bool(fields) and fields[_STATE] in "Tt"


def _runs(pid: int) -> bool:
    """Whether a signal to stand still has yet to arrive."""
    fields = owners.stat(pid)
    return bool(fields) and fields[_STATE] in "RS"


def _all() -> Iterable[tuple[int, list[str]]]:
    try:
        entries = os.listdir("/proc")
    except OSError:
        return
    for name in entries:
        if name.isdigit() and (fields := owners.stat(int(name))):
            yield int(name), fields


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
