"""Limits of single processes: the last line where control groups are missing, and bounds those do not have."""

import resource

from chalicelib.sandbox.hosts.base import Limits

_MIB = 1024 * 1024
_OPEN_FILES = 4096
_LEAST_DATA_MIB = 64
_SPARE_PROCESSES = 4
"""What the box itself needs beside what its tenant starts."""


def of(limits: Limits, *, memory: bool) -> dict[str, int]:
    """By ``prlimit`` option; sizes in bytes. ``memory`` bounds each process' own data as well."""
    found = {
        "core": 0,
        "nofile": min(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "nproc": limits.processes + _SPARE_PROCESSES,
        "fsize": (limits.disk_mib + 1) * _MIB,  # a full disk shall say so, which it cannot once this strikes
        "memlock": 0,
        "msgqueue": 0,
    }
    return found | ({"data": max(limits.memory_mib, _LEAST_DATA_MIB) * _MIB} if memory else {})


def command(prlimit: str, bounds: dict[str, int]) -> list[str]:
    """The words in front of a command that put the bounds on it."""
    return [prlimit, *(f"--{name}={value}:{value}" for name, value in bounds.items())]


def put_on(pid: int, bounds: dict[str, int]) -> None:
    """Bound another process of this user. Raises OSError."""
    for name, value in bounds.items():
        resource.prlimit(pid, getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
