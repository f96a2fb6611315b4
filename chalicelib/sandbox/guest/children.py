"""Starting processes, and burying those that lost their parent."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import proctable

if TYPE_CHECKING:
    import subprocess

_SET_CHILD_SUBREAPER = 36
_SOONER = "400"
"""When memory runs out the kernel ends commands before it ends the guest."""
_BREATH_SECONDS = 0.02
_KILL_SECONDS = 5.0
_own: set[int] = set()
_starting = threading.Lock()
_some = threading.Event()


def spawn(words: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    """Start a process; options as of Popen. Whoever starts one waits for it and then forgets it. Raises OSError."""
    import subprocess

    with _starting:
        child = subprocess.Popen(words, **options)
        _own.add(child.pid)
    _some.set()
    with contextlib.suppress(OSError), open(f"/proc/{child.pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write(_SOONER)
    return child


def forget(pid: int) -> None:
    """A process that was started here was waited for."""
    with _starting:
        _own.discard(pid)


def adopt() -> None:
    """From now on be the parent of what loses its own, and bury it when it ends."""
    import ctypes

    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_bury_for_ever, name="burying", daemon=True).start()


def _bury_for_ever() -> None:
    while True:
        _some.clear()
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            # Without children of its own no descendant can lose its parent either.
            _some.wait()
            continue
        if ended is not None and not _bury(ended.si_pid):
            # One of ours that is about to be waited for hides the others.
            for row in proctable.rows():
                if row.parent == os.getpid() and row.is_zombie:
                    _bury(row.pid)
            time.sleep(_BREATH_SECONDS)


def _bury(pid: int) -> bool:
    with _starting:
        if pid in _own:
            return False
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return True


def kill_session(leader: int) -> None:
    """End a process, its group and whatever else is in the session it leads."""
    _kill_group(leader)
    for row in proctable.rows():
        if row.session == leader:
            _kill(row.pid)


def kill_all() -> None:
    """End everything that descends from this process, within a few seconds."""
    until = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < until:
        living = [row.pid for row in proctable.descendants(os.getpid()) if not row.is_zombie]
        if not living:
            return
        for pid in living:
            _kill(pid)
        time.sleep(_BREATH_SECONDS / 4)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
