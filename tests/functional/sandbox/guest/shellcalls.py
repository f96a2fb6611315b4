"""A named shell of a guest, as tests use it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from tests.functional.sandbox.guest.conftest import Guest
from tests.support.patience import PATIENCE

End = dict[str, Any]


class Shell:
    """One shell that nobody else uses."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.path = f"/shells/test-{os.urandom(4).hex()}"

    def events(self, command: str, **more: Any) -> Iterator[dict[str, Any]]:
        return self.guest.events(f"{self.path}/run", {"command": command, "timeoutMs": 20_000, **more})

    def run(self, command: str, **more: Any) -> End:
        """How the command ended."""
        *_, last = self.events(command, **more)
        end: End = last["event"]["end"]
        return end

    def says(self, command: str, **more: Any) -> str:
        """The output of a command that succeeds."""
        end = self.run(command, **more)
        assert end["exitCode"] == 0, end
        return str(end["output"])

    def interrupt(self, call: str = "") -> None:
        self.guest.call(f"{self.path}/interrupt", {"call": call})

    def restart(self) -> None:
        self.guest.call(f"{self.path}/restart", {})


class Running:
    """A command that another thread waits for."""

    def __init__(self, shell: Shell, command: str, **more: Any) -> None:
        self.end: End = {}
        self.seconds = 0.0
        self._thread = Thread(target=self._run, args=(shell, command, more))
        self._thread.start()

    def _run(self, shell: Shell, command: str, more: dict[str, Any]) -> None:
        self.end = shell.run(command, **more)

    def wait(self) -> End:
        """How it ended."""
        began = time.monotonic()
        self._thread.join(PATIENCE)
        self.seconds = time.monotonic() - began
        assert self.end, "the command did not end"
        return self.end


def begun(shell: Shell, command: str, **more: Any) -> Running:
    """A command that the shell has begun to carry out."""
    mark = shell.guest.workspace / f"begun-{os.urandom(4).hex()}"
    running = Running(shell, f": > {mark}; {command}", **more)
    until(mark.exists)
    return running


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Tells the seconds since the block began."""
    began = time.monotonic()
    yield lambda: time.monotonic() - began


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for it. Fails when it does not come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def exists(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
