"""Sandboxes as one process of an installation sees them, and the deaths of their computers."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.sandbox.client import GuestClient, GuestGone, GuestProblem
from chalicelib.sandbox.model import Sandbox, SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services


@dataclass
class Yard:
    """A tenant's sandboxes as one process of the installation sees them."""

    services: Services
    space: Space = field(default_factory=lambda: Space(new_id()))

    def create(self, **wanted: Any) -> Sandbox:
        return self.services.sandboxes.create(self.space, SandboxDraft("e2b", **wanted))

    def client(self, sandbox_id: str) -> GuestClient:
        return self.services.sandboxes.live(self.space, sandbox_id).client

    def run(self, sandbox_id: str, command: str) -> tuple[int, str]:
        end: dict[str, Any] = {}
        for message in self.client(sandbox_id).events("/shells/main/run", {"command": command, "timeoutMs": 20_000}):
            end = message["event"].get("end", end)
        return end["exitCode"], end["output"]

    def sync(self, sandbox_id: str) -> None:
        self.services.sandboxes.sync(self.space, sandbox_id)

    def read(self, sandbox_id: str, path: str) -> bytes:
        with self.client(sandbox_id).open("GET", "/files", params={"path": path}) as answer:
            return answer.read()


def kill_computer(yard: Yard, sandbox_id: str) -> None:
    """Kill the computer from outside, and wait until nobody answers."""
    live = yard.services.sandboxes.live(yard.space, sandbox_id)
    with suppress(GuestGone, GuestProblem):
        list(live.client.events("/shells/killer/run", {"command": "kill -9 -1", "timeoutMs": 5000}))
    computer = live.sandbox.computer
    assert computer is not None
    if "pid" in computer.data:
        with suppress(ProcessLookupError):
            os.kill(int(computer.data["pid"]), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with live.client.open("GET", "/health") as answer:
                answer.read()
        except GuestGone:
            yard.services.sandboxes.doubt(live)
            return
        time.sleep(0.05)
    raise AssertionError("the computer lives on")
