"""One command that runs: what goes in, what it is told, who listens to what comes out."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from . import children, pty
from .channel import Channel, Event
from .command import Command, Size
from .launch import Launched
from .wire import Problem

_LOOK_SECONDS = 1.0


class Process:
    """A started command. Safe to use from many threads.

    ``until`` is the moment (of the monotonic clock) at which it is killed, None for no limit.
    """

    def __init__(self, command: Command, launched: Launched, until: float | None) -> None:
        self.command = command
        self.launched = launched
        self.pid = launched.child.pid
        self.until = until
        self.ended_at: float | None = None
        self._lock = threading.Lock()
        self._listeners: list[Channel] = []
        self._exit: dict[str, Any] | None = None
        self._running = True
        self._input = launched.input
        self._writing = threading.Lock()
        if self._input is not None:
            os.set_blocking(self._input, False)

    @property
    def running(self) -> bool:
        """Whether its main program has not ended."""
        return self._running

    def listen(self) -> Channel:
        """What comes out from now on, up to the end."""
        channel = Channel()
        with self._lock:
            if self._exit is not None:
                channel.end(Event(self._exit, 0))
            else:
                self._listeners.append(channel)
        return channel

    def unlisten(self, channel: Channel) -> None:
        """A listener is gone."""
        channel.close()
        with self._lock, contextlib.suppress(ValueError):
            self._listeners.remove(channel)

    def listeners(self) -> list[Channel]:
        """Who listens now."""
        with self._lock:
            return list(self._listeners)

    def reap(self) -> int:
        """Wait for the main program, which has ended; its exit code, negative for a signal."""
        with self._lock:
            code = self.launched.child.wait()
            self._running = False
        children.forget(self.pid)
        return code

    def finish(self, code: int, failure: tuple[Channel, Problem] | None) -> None:
        """Tell all listeners the end; ``failure`` is what one of them is told instead."""
        message = _end(code)
        with self._lock:
            self._exit = message
            self.ended_at = time.monotonic()
            listeners, self._listeners = self._listeners, []
        for channel in listeners:
            if failure is not None and channel is failure[0]:
                channel.end(None, failure[1])
            else:
                channel.end(Event(_with_loss(message, channel.lost), 0))
        self._close_input()

    def write(self, kind: str, data: bytes, gone: Callable[[], bool]) -> None:
        """Give it input of a kind ("stdin" or "pty"), waiting as long as it does not read. Raises Problem."""
        if (kind == "pty") != (self.command.terminal is not None):
            raise Problem("failed_precondition", f"process {self.pid} takes no input of the kind '{kind}'")
        while not self._writing.acquire(timeout=_LOOK_SECONDS):
            self._check_waiting(gone)
        try:
            view = memoryview(data)
            while view:
                view = view[self._write_some(view, gone) :]
        finally:
            self._writing.release()

    def _write_some(self, data: memoryview, gone: Callable[[], bool]) -> int:
        if self._input is None:
            raise Problem("failed_precondition", f"the input of process {self.pid} is not open")
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            ready = select.poll()
            ready.register(self._input, select.POLLOUT | select.POLLERR)
            if not ready.poll(_LOOK_SECONDS * 1000):
                self._check_waiting(gone)
            return 0
        except OSError:
            raise Problem("failed_precondition", f"process {self.pid} has closed its input") from None

    def _check_waiting(self, gone: Callable[[], bool]) -> None:
        if not self._running:
            raise Problem("not_found", f"process with pid {self.pid} has ended")
        if gone():
            raise ConnectionError("the client has hung up")

    def close_stdin(self) -> None:
        """End its input; once more is no error. Raises Problem."""
        if self.command.terminal is not None:
            raise Problem("failed_precondition", "a terminal's input is ended by sending it the character 4")
        if not self.command.stdin:
            raise Problem("failed_precondition", f"process {self.pid} was started without input")
        self._close_input()

    def _close_input(self) -> None:
        # A write that waits holds the lock; it gives up within a moment of the process's end.
        with self._writing:
            if self._input is not None:
                os.close(self._input)
                self._input = None

    def resize(self, size: Size) -> None:
        """Change its terminal's size. Raises Problem."""
        if self.command.terminal is None or self._input is None:
            raise Problem("failed_precondition", f"process {self.pid} has no terminal")
        pty.resize(self._input, size)

    def signal(self, number: signal.Signals) -> bool:
        """Send it and its whole group a signal; False when it has ended."""
        with self._lock:
            if not self._running:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            if number == signal.SIGKILL:
                children.kill_session(self.pid)
            return True


def _end(code: int) -> dict[str, Any]:
    if code < 0:
        status = f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        return {"exitCode": -1, "exited": False, "status": status, "error": status}
    status = f"exit status {code}"
    end: dict[str, Any] = {"exitCode": code, "exited": True, "status": status}
    return {**end, "error": status} if code else end


def _with_loss(message: dict[str, Any], lost: int) -> dict[str, Any]:
    if not lost:
        return message
    words = f"{lost} bytes of output were dropped because they were not read"
    said = message.get("error")
    return {**message, "error": f"{said}; {words}" if said else words}
