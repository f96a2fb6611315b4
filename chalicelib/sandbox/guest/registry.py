"""The commands that run, and for a while those that did."""

import threading
import time

from .channel import Channel
from .command import Command
from .launch import launch
from .process import Process
from .pump import Pump
from .wire import Problem

_REMEMBERED_SECONDS = 30.0


class Registry:
    """All commands of the sandbox, by process id. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, Process] = {}

    def start(self, command: Command, seconds: float | None) -> tuple[Process, Channel]:
        """Start a command that lives that long at most; it and all it will put out. Raises Problem."""
        launched = launch(command)
        until = None if seconds is None else time.monotonic() + seconds
        process = Process(command, launched, until)
        channel = process.listen()
        with self._lock:
            self._forget_old()
            self._known[process.pid] = process
        pump = Pump(process, channel)
        try:
            threading.Thread(target=pump.run, daemon=True).start()
        except RuntimeError:
            self._abandon(process)
            raise Problem("resource_exhausted", "the sandbox has no room for another process") from None
        return process, channel

    def running(self) -> list[Process]:
        """Those that have not ended, oldest first."""
        with self._lock:
            return [process for process in self._known.values() if process.running]

    def find(self, selector: dict[str, object]) -> Process:
        """The command a caller names by ``pid`` or ``tag``, perhaps ended. Raises Problem."""
        with self._lock:
            self._forget_old()
            if "pid" in selector:
                found = self._known.get(_number(selector["pid"]))
            else:
                tagged = [
                    one for one in self._known.values() if one.command.tag and one.command.tag == selector.get("tag")
                ]
                found = next((one for one in tagged if one.running), tagged[-1] if tagged else None)
        if found is None:
            name = f"pid {selector['pid']}" if "pid" in selector else f"tag '{selector.get('tag', '')}'"
            raise Problem("not_found", f"process with {name} was not found")
        return found

    def find_running(self, selector: dict[str, object]) -> Process:
        """The same, but only while it runs. Raises Problem."""
        process = self.find(selector)
        if not process.running:
            raise Problem("not_found", f"process with pid {process.pid} has ended")
        return process

    def _forget_old(self) -> None:
        before = time.monotonic() - _REMEMBERED_SECONDS
        for pid, process in list(self._known.items()):
            if process.ended_at is not None and process.ended_at < before:
                del self._known[pid]

    def _abandon(self, process: Process) -> None:
        import os
        import signal

        process.signal(signal.SIGKILL)
        process.finish(process.reap(), None)
        for descriptor in process.launched.outputs:
            os.close(descriptor)
        with self._lock:
            self._known.pop(process.pid, None)


def _number(value: object) -> int:
    if isinstance(value, int) or (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12):
        return int(value)
    raise Problem("invalid_argument", "pid is not a number")
