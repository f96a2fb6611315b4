"""Copies of a sandbox that is ended meanwhile: there is no copy of what was being taken away."""

from collections.abc import Callable

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services


def fork(sandboxes: SandboxService, space: Space, sandbox_id: str) -> None:
    sandboxes.fork(space, sandbox_id, now_ms() + 60_000)


def snapshot(sandboxes: SandboxService, space: Space, sandbox_id: str) -> None:
    sandboxes.snapshot(space, sandbox_id)


@pytest.mark.parametrize("copied", [snapshot, fork])
def test_a_copy_of_what_ends_meanwhile_is_none(
    services: Services, monkeypatch: pytest.MonkeyPatch, copied: Callable[[SandboxService, Space, str], None]
) -> None:
    space, sandboxes = Space(new_id()), services.sandboxes
    made = sandboxes.ensure(space, SandboxDraft("e2b", end_at=now_ms() + 60_000))
    services.workspaces.ensure(space, made.id)
    monkeypatch.setattr(sandboxes, "_stored_whole", lambda *_: sandboxes.kill(space, made.id))
    with pytest.raises(SandboxNotFound):
        copied(sandboxes, space, made.id)
    rows = services.table._client.scan(TableName=services.table.name)["Items"]
    assert [row["pk"]["S"] for row in rows if space.tenant in row["pk"]["S"]] == []
