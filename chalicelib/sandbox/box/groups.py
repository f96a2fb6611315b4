"""The control groups of one box: limits, freezing and killing all at once. Only paths are needed, no open state."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.hosts.base import Limits

Groups = tuple[Path, ...]
_MIB = 1024 * 1024
_PERIOD_US = 100_000
_SPARE_PROCESSES = 4
"""What the box itself needs beside what its tenant starts."""
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.002


def make(tree: GroupTree, name: str, limits: Limits) -> Groups:
    """A group in every hierarchy there is, limits set. Raises OSError."""
    made = tuple(parent / name for parent in tree.parents)
    try:
        for group in made:
            _make(group, limits)
    except OSError:
        remove(made)
        raise
    return made


def join(groups: Groups, pid: int) -> None:
    """Put a process and all that it will start into them. Raises OSError."""
    for group in groups:
        (group / "cgroup.procs").write_text(str(pid))


def bounds_memory(groups: Groups) -> bool:
    """Whether memory is limited for the box as a whole."""
    return any((group / file).exists() for group in groups for file in ("memory.max", "memory.limit_in_bytes"))


def can_freeze(groups: Groups) -> bool:
    """Whether ``freeze`` will do anything."""
    return any(_switch(group) for group in groups)


def freeze(groups: Groups) -> None:
    """Stop every process in them; returns when all stand still or patience ends. Raises OSError."""
    _turn(groups, "1", "FROZEN")
    _until(lambda: is_frozen(groups))


def thaw(groups: Groups) -> None:
    """Let them go on. Raises OSError."""
    _turn(groups, "0", "THAWED")


def is_frozen(groups: Groups) -> bool:
    """Whether they stand still."""
    for group in groups:
        with contextlib.suppress(OSError):
            if (switch := _switch(group)) and switch.name == "freezer.state":
                return switch.read_text().strip() == "FROZEN"
            if switch:
                return "frozen 1" in (group / "cgroup.events").read_text()
    return False


def kill(groups: Groups) -> None:
    """Kill every process in them and wait until they are gone, as long as patience lasts."""
    for group in groups:
        with contextlib.suppress(OSError):
            (group / "cgroup.kill").write_text("1")
    _until(lambda: not _kill_members(groups))


def remove(groups: Groups) -> bool:
    """Take emptied groups away; whether all are gone."""
    left = list(groups)
    return _until(lambda: not _still_there(left))


def members(groups: Groups) -> set[int]:
    """The processes in them."""
    found: set[int] = set()
    for group in groups:
        with contextlib.suppress(OSError):
            found |= {int(line) for line in (group / "cgroup.procs").read_text().split()}
    return found - {0}


def named(tree: GroupTree) -> Iterable[str]:
    """The names of the boxes that have groups, also of other servers."""
    return {entry.name for parent in tree.parents for entry in parent.iterdir() if entry.is_dir()}


def _settings(limits: Limits) -> list[tuple[str, int | str]]:
    """Files live in memory and are charged to the box, so the two limits are one. The order matters to the kernel."""
    memory = (limits.memory_mib + limits.disk_mib) * _MIB
    processes = limits.processes + _SPARE_PROCESSES
    quota = max(1000, int(limits.cpus * _PERIOD_US))
    return [
        ("memory.max", memory),
        ("memory.swap.max", 0),
        ("memory.limit_in_bytes", memory),
        ("memory.memsw.limit_in_bytes", memory),
        ("pids.max", processes),
        ("cpu.max", f"{quota} {_PERIOD_US}"),
        ("cpu.cfs_period_us", _PERIOD_US),
        ("cpu.cfs_quota_us", quota),
    ]


def _make(group: Path, limits: Limits) -> None:
    group.mkdir()
    for file, value in _settings(limits):
        if (group / file).exists():
            (group / file).write_text(str(value))


def _switch(group: Path) -> Path | None:
    return next((file for name in ("cgroup.freeze", "freezer.state") if (file := group / name).exists()), None)


def _turn(groups: Groups, unified: str, divided: str) -> None:
    for group in groups:
        if switch := _switch(group):
            switch.write_text(divided if switch.name == "freezer.state" else unified)


def _kill_members(groups: Groups) -> set[int]:
    """One round of killing. Where freezing is of version 1 the frozen do not die, so they are thawed each time."""
    if found := members(groups):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            thaw(groups)
    return found


def _still_there(groups: list[Path]) -> list[Path]:
    groups[:] = [group for group in groups if not _removed(group)]
    return groups


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        # Where nothing may be written, what is not there cannot be removed either.
        return not group.exists()
    return True


def _until(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (over := done()) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
    return over
