"""Moving what a command puts out to those who listen, from its start to its end."""

import binascii
import os
import select
import signal
import time

from .channel import Channel, Event
from .process import Process
from .wire import Problem

_PIPE_BYTES = 32 << 10
_TERMINAL_BYTES = 16 << 10
_SLICE_SECONDS = 0.25
_IDLE_SECONDS = 0.5
"""How long a command's pipes are listened to after its end when others hold them open and say nothing …"""
_LONGEST_SECONDS = 10.0
"""… and when they go on talking."""
_LOOK_SECONDS = 0.1
_READ = select.POLLIN | select.POLLHUP | select.POLLERR


class Pump:
    """The life of one command, for a thread of its own. ``first`` listens on behalf of the one who started it."""

    def __init__(self, process: Process, first: Channel) -> None:
        self._process = process
        self._first = first
        self._open = dict(process.launched.outputs)
        self._poll = select.poll()
        self._code: int | None = None
        self._heard_at = 0.0
        self._exited_at = 0.0
        self._overdue = False
        self._exit_fd = _exit_descriptor(process.pid)

    def run(self) -> None:
        """Until the command has ended and all have been told; then until nobody holds its pipes."""
        for descriptor in self._open:
            self._poll.register(descriptor, _READ)
        if self._exit_fd is not None:
            self._poll.register(self._exit_fd, select.POLLIN)
        while not self._is_over():
            self._step()
        failure = Problem("deadline_exceeded", "the time for the command is over") if self._overdue else None
        self._process.finish(self._code or 0, (self._first, failure) if failure else None)
        self._drain()

    def _step(self) -> None:
        ready = [descriptor for descriptor, _ in self._poll.poll(self._patience() * 1000)]
        self._watch_clock()
        for descriptor in ready:
            if descriptor in self._open:
                self._move(descriptor)
        if self._code is None and (self._exit_fd in ready or self._exit_fd is None):
            self._look_for_end()

    def _patience(self) -> float:
        if self._code is not None:
            return _LOOK_SECONDS
        wait = 3600.0 if self._exit_fd is not None else _LOOK_SECONDS
        if self._process.until is not None and not self._overdue:
            wait = min(wait, max(0.0, self._process.until - time.monotonic()))
        return wait

    def _watch_clock(self) -> None:
        until = self._process.until
        if until is not None and not self._overdue and self._code is None and time.monotonic() >= until:
            self._overdue = True
            self._process.signal(signal.SIGKILL)

    def _look_for_end(self) -> None:
        look = os.WEXITED | os.WNOWAIT | os.WNOHANG
        if os.waitid(os.P_PID, self._process.pid, look) is None:
            return
        self._code = self._process.reap()
        self._exited_at = self._heard_at = time.monotonic()
        if self._exit_fd is not None:
            self._poll.unregister(self._exit_fd)
            os.close(self._exit_fd)

    def _is_over(self) -> bool:
        if self._code is None:
            return False
        now = time.monotonic()
        idle = now - self._heard_at >= _IDLE_SECONDS
        return not self._open or idle or now - self._exited_at >= _LONGEST_SECONDS

    def _move(self, descriptor: int) -> None:
        kind = self._open[descriptor]
        data = self._read(descriptor, _TERMINAL_BYTES if kind == "pty" else _PIPE_BYTES)
        if not data:
            self._close(descriptor)
            return
        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        event = Event({"data": {kind: encoded}}, len(data))
        for channel in self._process.listeners():
            while not channel.offer(event, _SLICE_SECONDS):
                self._watch_clock()
        self._heard_at = time.monotonic()

    def _read(self, descriptor: int, size: int) -> bytes:
        try:
            return os.read(descriptor, size)
        except OSError:
            # The way a terminal says that nobody has its other end.
            return b""

    def _close(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._open[descriptor]
        os.close(descriptor)

    def _drain(self) -> None:
        """What runs on after the command, a server say, must neither stop at a full pipe nor die of a closed one."""
        for descriptor, kind in list(self._open.items()):
            if kind == "pty":
                self._close(descriptor)
        while self._open:
            for descriptor, _ in self._poll.poll():
                if not self._read(descriptor, _PIPE_BYTES):
                    self._close(descriptor)


def _exit_descriptor(pid: int) -> int | None:
    """Something that gets readable when a process ends; None where the kernel has no such thing."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
