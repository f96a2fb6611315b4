"""Which server process a thing on disk belongs to, told by its name alone, so that what the dead left can be found."""

import os
import re
import secrets
from pathlib import Path

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-[0-9a-f]{8}")
_START_FIELD = 19
"""Of the fields of /proc/PID/stat behind the command, the time the process was started."""


def new_name() -> str:
    """A name for something of this process: its id, its start and its process namespace, then chance."""
    return f"{os.getpid()}-{started(os.getpid())}-{_namespace()}-{secrets.token_hex(4)}"


def is_name(text: str) -> bool:
    """Whether ``new_name`` could have made it; such a text is safe as a part of a path."""
    return _NAME.fullmatch(text) is not None


def is_abandoned(name: str) -> bool:
    """Whether the process that made the name is dead. What another process namespace made is not for us to judge."""
    if (parts := _NAME.fullmatch(name)) is None:
        return False
    pid, start, namespace = (int(part) for part in parts.groups())
    return namespace == _namespace() and not is_same(pid, start)


def started(pid: int) -> int:
    """When a process was started, in ticks since boot; 0 when there is none or the system does not tell."""
    return int(fields[_START_FIELD]) if (fields := stat(pid)) else 0


def is_same(pid: int, start: int) -> bool:
    """Whether the process of that id and start still runs (an unreaped one does not)."""
    if fields := stat(pid):
        return int(fields[_START_FIELD]) == start and fields[0] not in "ZX"
    return start == 0 and not Path("/proc/self/stat").exists() and _answers(pid)


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the command: state, parent, group, session …; empty when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
