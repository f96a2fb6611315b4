"""The one box of a MicroVM: made once, on demand."""

import logging
import threading
from pathlib import Path

from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Host, Network, SandboxUnavailable

_log = logging.getLogger(__name__)


class AnotherBox(Exception):
    """This machine is taken by a box of another name."""


class OneBox:
    """Holds the box, which ``host`` makes as it does on any machine. Safe to use from many threads."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._name: tuple[str, str] | None = None
        self._handle: Handle | None = None
        self._socket: Path | None = None

    def start(self, spec: BoxSpec) -> None:
        """Make it; the second time for the same name nothing happens.

        Raises AnotherBox, SandboxUnavailable, SandboxRefused.
        """
        name = (spec.tenant, spec.sandbox_id)
        with self._lock:
            if self._name not in (None, name):
                raise AnotherBox("this machine has another box")
            if self._handle is None:
                handle = self._host.start(spec)
                self._socket = Path(self._host.link(handle).uds or "")
                self._name, self._handle = name, handle
                _log.info("the box runs")

    def state(self) -> str:
        """``empty``, ``running`` or ``dead``."""
        if self._handle is None:
            return "empty"
        return "dead" if self._host.condition(self._handle) == "gone" else "running"

    def socket(self) -> Path | None:
        """The guest's socket, None before the start."""
        return self._socket

    def rewire(self, network: Network) -> bool:
        """Let other rules hold for what the box reaches; false when that takes another one."""
        with self._lock:
            return self._handle is not None and self._host.rewire(self._handle, network)

    def stop(self) -> None:
        """End the box, if there is one."""
        with self._lock:
            if self._handle is not None:
                self._host.stop(self._handle)

    def rehearse(self, spec: BoxSpec) -> None:
        """Make a box and end it again. Raises SandboxUnavailable, SandboxRefused when this machine cannot."""
        handle = self._host.start(spec)
        try:
            if self._host.condition(handle) != "running":
                raise SandboxUnavailable("the box ended by itself")
        finally:
            self._host.stop(handle)
