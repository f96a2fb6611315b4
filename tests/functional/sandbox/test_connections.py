"""How often a guest is called up."""

import httpcore2
import pytest

from chalicelib.core.ids import new_id
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services


def test_commands_and_what_they_change_go_over_one_connection(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    connect = httpcore2.SyncBackend.connect_unix_socket

    def counted(backend: httpcore2.SyncBackend, path: str, *more: object, **named: object) -> object:
        made.append(path)
        return connect(backend, path, *more, **named)  # type: ignore[arg-type]

    space, sandboxes = Space(new_id()), services.sandboxes
    found = sandboxes.create(space, SandboxDraft("e2b"))
    try:
        live = sandboxes.live(space, found.id)
        sandboxes.sync_live(space, live)
        monkeypatch.setattr(httpcore2.SyncBackend, "connect_unix_socket", counted)
        for number in range(5):
            list(live.client.events("/shells/main/run", {"command": f"echo {number} > f"}))
            sandboxes.sync_live(space, live)
        assert made == []
    finally:
        sandboxes.kill(space, found.id)
        services.close()
