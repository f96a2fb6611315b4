"""The place of a shell: who waits for it, what runs in it, what became of the last one."""

import collections
import signal
import threading
from collections.abc import Iterator

from . import descendants, environment, paths
from .shell import Shell
from .shellcall import Command

_PULSE_SECONDS = 0.5


class Slot:
    """The place of one shell, and those who wait for it in the order they came."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._line: collections.deque[object] = collections.deque()
        self._cancelled: collections.deque[str] = collections.deque(maxlen=64)
        self.shell: Shell | None = None
        self.command: Command | None = None
        self.call = ""
        self.lost = False
        """Whether the last shell ended without anybody asking for it."""
        self._wanted_anew = False
        self.detached: set[tuple[int, int]] = set()

    @property
    def is_empty(self) -> bool:
        """Whether there is no shell and nobody waits for one."""
        return self.shell is None and not self._line

    def wait(self, ticket: object) -> Iterator[None]:
        """Come to the head of the line; gives None now and then."""
        with self._turn:
            self._line.append(ticket)
        while True:
            with self._turn:
                if self._line[0] is ticket or self._turn.wait_for(lambda: self._line[0] is ticket, _PULSE_SECONDS):
                    return
            yield

    def leave(self, ticket: object) -> None:
        """Let the next one come."""
        with self._turn:
            self._line.remove(ticket)
            self._turn.notify_all()

    def ready(self) -> tuple[Shell, bool, bool]:
        """A living shell, whether it is new, and whether its forerunner was lost unasked."""
        if self._wanted_anew:
            self._wipe()
        if self.shell is not None and not self.shell.lives:
            self.drop()
            self.lost = True
        if self.shell is not None:
            return self.shell, False, False
        lost, self.lost = self.lost, False
        self.shell = Shell(environment.build(), paths.real(paths.WORKSPACE))
        return self.shell, True, lost

    def drop(self) -> None:
        """Have no shell any more; its jobs stay."""
        if self.shell is not None:
            self.shell.close()
            self.shell = None

    def begin(self, command: Command, call: str) -> None:
        """A command starts; it is stopped at once if its call was stopped while it waited."""
        with self._turn:
            self.command, self.call = command, call
            if call and call in self._cancelled:
                command.stop("interrupt")

    def over(self) -> None:
        """The command has ended."""
        with self._turn:
            self.command, self.call = None, ""

    def interrupt(self, call: str) -> None:
        """Stop what runs; with ``call`` that one alone, even if it has not come yet."""
        with self._turn:
            if call:
                self._cancelled.append(call)
            if self.command is not None and call in ("", self.call):
                self.command.stop("interrupt")

    def restart(self) -> None:
        """End the shell, what it runs and its jobs, except those that were to outlive it."""
        with self._turn:
            self._wanted_anew = True
            if self.command is not None:
                self.command.stop("restart")
            elif not self._line:
                self._wipe()

    def _wipe(self) -> None:
        if self.shell is not None:
            descendants.send(descendants.since(self.shell.pid, self.detached), signal.SIGKILL)
        self.drop()
        self.lost = self._wanted_anew = False
