"""Measures sandboxes over real computers of this machine, storage included."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.local.engine import Engine
from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.performance.figures import Figure

_TEMPLATE = Path(__file__).parents[2] / "infra" / "data.json"
_LARGE = 10 << 20
_FILES = 1000


def figures() -> dict[str, Figure]:
    """What is measured, in the order it is told."""
    made = [
        Figure("ready: cold, from nothing", "ms"),
        Figure("ready: cold, with 1,000 files put back", "ms"),
        Figure("ready: warm", "ms"),
        Figure("freeze", "ms"),
        Figure("ready: thawed", "ms"),
        Figure("command, there and back", "ms"),
        Figure("command, its changes stored", "ms"),
        Figure("10 MiB up", "ms"),
        Figure("10 MiB up, stored", "ms"),
        Figure("10 MiB down", "ms"),
        Figure("1,000 small files made and stored", "ms"),
        Figure("one change among 1,000 files stored", "ms"),
        Figure("fork of 1,000 files", "ms"),
    ]
    return {figure.name: figure for figure in made}


def measure(rounds: int) -> list[Figure]:
    """Everything, as often as asked."""
    engine = Engine.start(None)
    outputs = engine.deploy(json.loads(_TEMPLATE.read_text()), "lambent", {})
    settings = Settings(outputs["Table"], outputs["Bucket"], outputs["QueueUrl"], root_secret="for-measuring-only")
    services = Services(replace(settings, dead_letter_url=outputs["DlqUrl"]))
    found = figures()
    try:
        for _ in range(rounds):
            _Round(services, found).run()
    finally:
        services.close()
        engine.close()
    return list(found.values())


class _Round:
    def __init__(self, services: Services, found: dict[str, Figure]) -> None:
        self._sandboxes = services.sandboxes
        self._found = found
        self._space = Space(new_id())
        self._id = ""

    def run(self) -> None:
        """One sandbox through its life."""
        made = self._timed(
            "ready: cold, from nothing", lambda: self._sandboxes.create(self._space, SandboxDraft("e2b"))
        )
        self._id = made.id
        for _ in range(10):
            self._timed("ready: warm", self._client)
            self._timed("command, there and back", lambda: self._command("true"))
        for number in range(10):
            self._timed("command, its changes stored", lambda: self._stored(f"echo {number} > f"))  # noqa: B023
        self._large()
        self._many()
        self._timed("freeze", lambda: self._sandboxes.pause(self._space, self._id))
        self._timed("ready: thawed", lambda: self._sandboxes.resume(self._space, self._id, end_at=None))
        self._sandboxes.kill(self._space, self._id)

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        done = work()
        self._found[name].add((time.perf_counter() - begun) * 1000)
        return done

    def _client(self) -> GuestClient:
        return self._sandboxes.live(self._space, self._id).client

    def _command(self, command: str) -> None:
        wanted = {"command": command, "timeoutMs": 60_000}
        ends = [message for message in self._client().events("/shells/main/run", wanted) if "end" in message["event"]]
        assert ends[0]["event"]["end"]["exitCode"] == 0

    def _stored(self, command: str) -> None:
        self._command(command)
        self._sandboxes.sync(self._space, self._id)

    def _large(self) -> None:
        data = bytes(range(256)) * (_LARGE // 256)
        path = {"path": "/workspace/large"}

        def up() -> None:
            headers = {"content-type": "application/octet-stream"}
            with self._client().open("POST", "/files", params=path, content=data, headers=headers) as answer:
                answer.read()

        def down() -> None:
            with self._client().open("GET", "/files", params=path) as answer:
                assert len(answer.read()) == _LARGE

        begun = time.perf_counter()
        self._timed("10 MiB up", up)
        self._sandboxes.sync(self._space, self._id)
        self._found["10 MiB up, stored"].add((time.perf_counter() - begun) * 1000)
        self._timed("10 MiB down", down)

    def _many(self) -> None:
        script = f"rm large; mkdir -p many; for n in $(seq {_FILES}); do echo $n > many/$n; done"
        self._timed("1,000 small files made and stored", lambda: self._stored(script))
        self._timed("one change among 1,000 files stored", lambda: self._stored("echo more >> many/500"))
        fork = self._timed("fork of 1,000 files", lambda: self._forked())
        self._timed("ready: cold, with 1,000 files put back", lambda: self._sandboxes.live(self._space, fork))
        self._sandboxes.kill(self._space, fork)

    def _forked(self) -> str:
        snapshot = self._sandboxes.snapshot(self._space, self._id)
        return self._sandboxes.ensure(self._space, SandboxDraft("e2b", snapshot_id=snapshot.id)).id
