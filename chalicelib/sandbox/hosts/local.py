"""Computers on this very machine: boxes."""

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalicelib.sandbox.box import owners, record, remains
from chalicelib.sandbox.box.errors import BoxError, NoIsolation
from chalicelib.sandbox.box.ground import boxes, survey
from chalicelib.sandbox.box.launch import Box, Boxes, Wanted
from chalicelib.sandbox.box.outward import Outward
from chalicelib.sandbox.box.record import Record
from chalicelib.sandbox.box.scratch import Scratch
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.base import (
    BoxSpec,
    Condition,
    Handle,
    Launched,
    Link,
    Network,
    SandboxRefused,
    SandboxUnavailable,
)

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_ENDERS = 8
_SHOWN = 2000
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True)
class _Held:
    """A box this process started, and for what. ``until`` is on the monotonic clock."""

    box: Box
    spec: BoxSpec
    until: float
    outward: Outward | None

    def over(self) -> str:
        """Why it has to go, in words; empty while it may stay."""
        if (code := self.box.process.poll()) is not None:
            return f"a sandbox's computer ended by itself ({code})"
        return "a sandbox's computer came to the end of its longest life" if time.monotonic() > self.until else ""


class LocalHost:
    """Boxes of this machine. Any process on it can use a handle; what a process started ends with it."""

    name = "local"
    outlives = False

    def __init__(self, settings: BoxSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._boxes: Boxes | None = None
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="box-watcher", daemon=True)

    def start(
        self,
        spec: BoxSpec,
        launched: Launched | None = None,  # noqa: ARG002 - no box outlives its server
    ) -> Handle:
        """A box whose guest answers, with an empty ``/workspace``. Raises SandboxUnavailable, SandboxRefused."""
        starter = self._starter()
        try:
            wanted, outward = self._wanted(spec)
            box = starter.start(wanted)
        except BoxError as error:
            _log.warning("a sandbox could not be started: %s", error, extra=_ids(spec))
            raise SandboxUnavailable("no sandbox could be started") from error
        self._keep(box, spec, outward)
        return Handle(self.name, {"box": box.record.name, "boot": _boot()})

    def link(self, handle: Handle) -> Link:
        """The way to the guest. Raises SandboxUnavailable when the box is gone."""
        found = self._found(handle)
        if found is None:
            raise SandboxUnavailable("the sandbox is gone")
        return Link("http://sandbox", uds=str(record.socket_of(self._scratch(), found.name)))

    def condition(self, handle: Handle) -> Condition:
        """How the box is now."""
        found = self._found(handle)
        return remains.condition(found) if found else "gone"

    def freeze(self, handle: Handle) -> None:
        """Stop everything in it where it stands. A frozen or gone one is no error."""
        if found := self._found(handle):
            with contextlib.suppress(FileNotFoundError):
                remains.freeze(found)

    def thaw(self, handle: Handle) -> None:
        """Let it go on. Raises SandboxUnavailable when it is gone."""
        if (found := self._found(handle)) is None or not found.lives():
            raise SandboxUnavailable("the sandbox is gone")
        remains.thaw(found)

    def rewire(self, handle: Handle, network: Network) -> bool:
        """Only what this process started, with a way out, can be given other rules for it."""
        with self._lock:
            held = self._held.get(handle.data.get("box", ""))
        return held is not None and held.outward is not None and held.outward.change(network)

    def stop(self, handle: Handle) -> None:
        """End it and leave nothing of it behind; a gone one is no error."""
        if (found := self._found(handle)) and not self._end(found.name):
            remains.end(self._scratch(), found)

    def close(self) -> None:
        """End every box this process started."""
        self._closed.set()
        with ThreadPoolExecutor(_ENDERS) as pool:
            list(pool.map(self._end, list(self._held)))
        if self._boxes:
            self._boxes.close()

    def _starter(self) -> Boxes:
        """What starts boxes; the first time, what dead servers left is taken away. Raises SandboxRefused."""
        ground = survey(self._settings)
        with self._lock:
            if self._closed.is_set():
                raise SandboxUnavailable("this process is ending")
            if self._boxes is None:
                try:
                    self._boxes = boxes(ground, self._settings)
                except NoIsolation as error:
                    raise SandboxRefused(f"this installation runs no commands: {error}") from error
                if left := remains.sweep(self._scratch(), ground.tree):
                    _log.info("removed what %d sandboxes of ended servers had left", left)
                self._watcher.start()
            return self._boxes

    def _wanted(self, spec: BoxSpec) -> tuple[Wanted, Outward | None]:
        if survey(self._settings).tier == "unsafe-process":
            if spec.network.internet != "all" or spec.network.denied or spec.network.injections:
                raise SandboxRefused(
                    "a plain process cannot be kept from the network, nor can secrets be put in for it"
                )
            return Wanted(spec.limits, spec.env), None
        if spec.network.internet == "none":
            return Wanted(spec.limits, spec.env), None
        outward = Outward(spec.network, self._settings.outbound_allow)
        return Wanted(spec.limits, outward.environment() | dict(spec.env), outward), outward

    def _keep(self, box: Box, spec: BoxSpec, outward: Outward | None) -> None:
        with self._lock:
            self._held[box.record.name] = _Held(box, spec, time.monotonic() + spec.seconds, outward)
        if self._closed.is_set():
            self._end(box.record.name)
            raise SandboxUnavailable("this process is ending")

    def _end(self, name: str) -> bool:
        """End a box of this process; whether there was one."""
        with self._lock:
            held = self._held.pop(name, None)
        if held:
            held.box.close()
        return held is not None

    def _watch(self) -> None:
        """Let no box outlive its time, forget those that ended, and keep what they say from blocking them."""
        while not self._closed.wait(_LOOK_SECONDS):
            with self._lock:
                held = dict(self._held)
            for name, one in held.items():
                if said := one.box.complaints():
                    _log.debug("box %s: %s", name, said[:_SHOWN].decode(errors="replace"))
                if (why := one.over()) and self._end(name):
                    _log.info("%s", why, extra=_ids(one.spec))

    def _found(self, handle: Handle) -> Record | None:
        """What is written down of a handle's box; None when it is of another machine, or gone."""
        name = handle.data.get("box", "")
        if handle.host != self.name or handle.data.get("boot") != _boot() or not owners.is_name(name):
            return None
        scratch = survey(self._settings).scratch
        return record.read(scratch, name) if scratch else None

    def _scratch(self) -> Scratch:
        if (scratch := survey(self._settings).scratch) is None:
            raise SandboxRefused(f"this installation runs no commands: {survey(self._settings).why}")
        return scratch


def _ids(spec: BoxSpec) -> dict[str, str]:
    """What log lines carry."""
    return {"tenant": spec.tenant, "sandbox": spec.sandbox_id}


@cache
def _boot() -> str:
    """Handles of before a restart mean nothing after it, though the numbers in them may come again."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
