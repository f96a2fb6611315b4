"""One command in a shell, from its text to its end."""

import os
import select
import signal
import threading
import time
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from . import descendants
from .capture import Capture, Outlet
from .shell import STOP, Shell

_PULSE_SECONDS = 0.5
_LOOK_MS = 25
_PRESS_SECONDS = 0.25
# By presses, not by the clock: on a busy machine what was asked needs longer to heed it, and whoever asks comes later.
_FIRM, _LAST = 3, 6

Why = Literal["timeout", "interrupt", "restart"]


class End(NamedTuple):
    """How it ended; ``code`` is None when it was stopped, ``folder`` None when the shell ended too."""

    code: int | None
    folder: str | None
    why: Why | None


class Command:
    """A command that runs in a shell nobody else uses meanwhile."""

    def __init__(self, shell: Shell, capture: Capture, seconds: float, spared: Collection[tuple[int, int]]) -> None:
        """``spared`` are processes that are left alone when the command is stopped."""
        self._shell = shell
        self._capture = capture
        self._deadline = time.monotonic() + seconds
        self._before = {process.mark for process in descendants.of_shell(shell.pid)} | set(spared)
        self._outlet = Outlet()
        self._poll = select.poll()
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()
        self._why: Why | None = None
        self._told: tuple[int, str] | None = None
        self._presses = 0
        self._press_at = 0.0
        self.end: End | None = None

    def stop(self, why: Why) -> None:
        """End it soon; from any thread."""
        with self._lock:
            if self.end is None and self._why is None:
                self._why = why
                os.write(self._wake_write, b"!")

    def run(self, text: str, env: dict[str, str]) -> Iterator[None]:
        """Run it; gives None now and then. Afterwards ``end`` tells how it ended."""
        shell = self._shell
        for descriptor in (self._outlet.reader, shell.reports, shell.ended, self._wake_read):
            self._poll.register(descriptor, select.POLLIN)
        shell.begin(text, self._outlet.path, env)
        try:
            yield from self._watch()
        finally:
            if self.end is None:
                # Whoever asked is gone, and nobody else will ever want the result.
                self.stop("interrupt")
                for _ in self._watch():
                    continue
            self._close()

    def _watch(self) -> Iterator[None]:
        pulse_at = time.monotonic() + _PULSE_SECONDS
        while self.end is None:
            now = time.monotonic()
            if now >= pulse_at:
                pulse_at = now + _PULSE_SECONDS
                yield
            if self._why is None and now >= self._deadline:
                self._why = "timeout"
            self._look(min(pulse_at, self._deadline) - now)

    def _look(self, seconds: float) -> None:
        busy = self._why is not None or bool(self._shell.waiting)
        if self._shell.waiting:
            self._shell.push()
        wait = _LOOK_MS if busy else int(max(seconds, 0) * 1000) + 1
        ready = {descriptor for descriptor, _ in self._poll.poll(wait)}
        if self._outlet.reader in ready:
            self._take()
        if self._wake_read in ready:
            os.read(self._wake_read, 16)
        if self._shell.ended in ready:
            self._finish(End(None if self._why else self._shell.status, None, self._why))
        elif self._shell.reports in ready:
            self._told = self._shell.told() or self._told
        if self.end is None and self._why is not None:
            self._press(self._why)
        elif self.end is None and self._told is not None:
            self._finish(End(*self._told, None))

    def _take(self) -> None:
        data = self._outlet.read()
        if data:
            self._capture.add(data)
        elif data is not None:
            self._poll.unregister(self._outlet.reader)

    def _press(self, why: Why) -> None:
        """Once more ask, then force, what runs to end."""
        now = time.monotonic()
        shell, left = self._shell, descendants.since(self._shell.pid, self._before)
        due = now >= self._press_at
        if why == "restart" or (due and self._presses == _LAST):
            descendants.send_to(shell.pid, signal.SIGKILL)
            descendants.send(left, signal.SIGKILL)
        elif self._told is not None and not left:
            self._finish(End(None, self._told[1], why))
        elif due:
            self._press_at = now + _PRESS_SECONDS
            if self._told is None:
                # First the shell: one that does not know of it goes on with its next command.
                descendants.send_to(shell.pid, STOP)
                if self._presses:
                    descendants.send_to(shell.pid, signal.SIGINT)
                    # It may have been reading the line that asks for its report just then.
                    shell.ask()
            descendants.send(left, _how(self._presses))
            self._presses += 1

    def _finish(self, end: End) -> None:
        if rest := self._outlet.rest():
            self._capture.add(rest)
        with self._lock:
            self.end = end

    def _close(self) -> None:
        self._outlet.release()
        self._capture.close()
        with self._lock:
            os.close(self._wake_read)
            os.close(self._wake_write)


def _how(presses: int) -> signal.Signals:
    """What asks after so many earlier ones."""
    if presses == 0:
        return signal.SIGINT
    return signal.SIGTERM if presses < _FIRM else signal.SIGKILL
