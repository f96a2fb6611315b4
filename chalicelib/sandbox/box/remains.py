"""What any server of the machine can do with a box by its record: see, freeze, thaw and end it."""

import contextlib
import os
import signal
import time

from chalicelib.sandbox.box import groups, owners, processes
from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.box.record import Record, read
from chalicelib.sandbox.box.scratch import Scratch
from chalicelib.sandbox.hosts.base import Condition

_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.002


def condition(record: Record) -> Condition:
    """How a box is now."""
    if not record.lives():
        return "gone"
    frozen = groups.is_frozen(record.paths) if groups.can_freeze(record.paths) else processes.is_stopped(record.pid)
    return "frozen" if frozen else "running"


def freeze(record: Record) -> None:
    """Stop everything in it where it stands. Raises OSError."""
    if groups.can_freeze(record.paths):
        groups.freeze(record.paths)
    else:
        processes.stop(record.pid)


def thaw(record: Record) -> None:
    """Let it go on. Raises OSError."""
    if groups.can_freeze(record.paths):
        groups.thaw(record.paths)
    else:
        processes.resume(record.pid)


def end(scratch: Scratch, record: Record) -> None:
    """Kill everything in it and take its traces away; what is gone already is no error."""
    if record.tier == "unsafe-process":
        processes.kill(record.pid, record.start)
    else:
        _kill_root(record)
    groups.kill(record.paths)
    _await_end(record)
    groups.remove(record.paths)
    scratch.remove(record.name)


def sweep(scratch: Scratch, tree: GroupTree) -> int:
    """End what dead servers left, and nothing of living ones; how many traces there were."""
    found = 0
    for name in list(scratch.abandoned()):
        found += 1
        if record := read(scratch, name):
            end(scratch, record)
        scratch.remove(name)
    for name in filter(owners.is_abandoned, groups.named(tree)):
        found += 1
        left = tuple(parent / name for parent in tree.parents)
        groups.kill(left)
        groups.remove(left)
    return found


def _kill_root(record: Record) -> None:
    """The first process of a namespace takes all others with it. The handle makes sure that it is still that one."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(record.pid)
        try:
            if record.lives():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _await_end(record: Record) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while record.lives() and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
