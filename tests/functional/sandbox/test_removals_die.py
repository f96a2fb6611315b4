"""Sandboxes whose removal is broken off: nobody finds them any more, and the clock takes away what is left."""

from itertools import count

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.sandbox.computers import Computers, Live
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.hosts.base import SandboxUnavailable
from chalicelib.sandbox.model import Sandbox, SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services
from tests.support.mortal import Died, dying

LATER_MS = 300_000


def made(services: Services, space: Space) -> str:
    """A sandbox with a file in its workspace and without a computer."""
    found = services.sandboxes.ensure(space, SandboxDraft("e2b", sandbox_id=new_id(), end_at=now_ms() + 60_000))
    services.workspaces.ensure(space, found.id)
    services.objects.put(space.object_key("workspaces", found.id, "pack"), b"bytes", "text/plain")
    return found.id


def left_of(services: Services, space: Space, sandbox_id: str) -> list[str]:
    """Rows that name a sandbox, and its objects."""
    rows = services.table._client.scan(TableName=services.table.name)["Items"]
    found = [row["pk"]["S"] for row in rows if sandbox_id in row["pk"]["S"]]
    return found + services.objects.keys(space.object_key("workspaces", sandbox_id, ""), 10**15)


def tick_later(services: Services, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the clock looks after when it comes a while later."""
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.sandbox.service.now_ms", lambda: now_ms() + LATER_MS)
        return services.sandboxes.sweep()


def test_wherever_a_removal_dies_the_clock_ends_it(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in count():
        space = Space(new_id())
        sandbox_id = made(services, space)
        try:
            dying(settings, writes).sandboxes.kill(space, sandbox_id)
        except Died:
            if writes == 0:
                assert services.sandboxes.get(space, sandbox_id).state == "running"
                continue
            assert not services.sandboxes.kill(space, sandbox_id)
            assert services.sandboxes.page(space, Window(10), lambda _: True).items == []
            with pytest.raises(SandboxNotFound):
                services.sandboxes.get(space, sandbox_id)
            tick_later(services, monkeypatch)
            assert left_of(services, space, sandbox_id) == []
            continue
        assert left_of(services, space, sandbox_id) == []
        break
    assert writes > 3


def test_an_id_is_not_given_again_before_nothing_is_left_of_it(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space(new_id())
    sandbox_id = made(services, space)
    with pytest.raises(Died):
        dying(settings, 1).sandboxes.kill(space, sandbox_id)
    draft = SandboxDraft("e2b", sandbox_id=sandbox_id)
    with pytest.raises(SandboxUnavailable):
        services.sandboxes.ensure(space, draft)
    tick_later(services, monkeypatch)
    assert services.sandboxes.ensure(space, draft).boots == 0


def test_a_sandbox_that_is_killed_while_it_starts_leaves_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, killed, begun = Space(new_id()), list[str](), Computers._start

    def killed_first(self: Computers, where: Space, sandbox: Sandbox, boot: str, hold_ms: int) -> Live:
        killed.append(sandbox.id)
        assert services.sandboxes.kill(where, sandbox.id)
        return begun(self, where, sandbox, boot, hold_ms)

    monkeypatch.setattr(Computers, "_start", killed_first)
    with pytest.raises(SandboxNotFound):
        services.sandboxes.create(space, SandboxDraft("e2b", end_at=now_ms() + 60_000))
    assert tick_later(services, monkeypatch) == 1
    assert left_of(services, space, killed[0]) == []
    services.close()
