"""Memory stores in a real computer: what a process that died left untold becomes versions through the next one, a small
change moves little, and a session without stores asks for nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.events.log import SessionRef
from chalicelib.memory.draft import StoreCreate
from chalicelib.memory.memories import Place
from chalicelib.memory.model import Actor
from chalicelib.memory.versions import VersionFilter
from chalicelib.sandbox.sessions import memory
from chalicelib.sandbox.sessions.access import SessionSandbox
from chalicelib.sandbox.sessions.bench import execute
from chalicelib.sessions.resource_drafts import MemoryResource
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.keys import Space
from chalicelib.storage.table import Table
from chalicelib.wiring import Services

MOUNT = "/mnt/memory/notes"
ELSE = Actor("api_key", "somebody")


class Den:
    """A session with a store, as processes see it."""

    def __init__(self, services: Services, *, attached: bool = True) -> None:
        self.services = services
        self.ref = SessionRef(Space(new_id()), new_id())
        self.store = services.memory_stores.create(self.ref.space, StoreCreate(name="Notes")).id
        model = {"id": "claude-test", "speed": "standard", "effort": None, "inference_geo": None}
        agent: dict[str, Any] = {"id": new_id(), "version": 1, "name": "A", "origin": "sdk", "model": model}
        wanted = MemoryResource(memory_store_id=self.store)
        resources = [services.attaching.attach(self.ref, wanted, "x")] if attached else []
        draft = SessionDraft(agent | {"system": "", "tools": []}, new_id(), resources=resources)
        services.sessions.create(self.ref.space, draft, self.ref.id)

    def user(self, services: Services | None = None, run: str = "run") -> SessionSandbox:
        """Somebody who works with its computer, in some process; a client for no ``run``."""
        known = services or self.services
        made = known.sandbox_of(self.ref, known.sessions.get(self.ref).spec, run)
        assert made is not None
        return made

    def write(self, path: str, text: str) -> None:
        """Somebody else writes."""
        self.services.memories.create(self.ref.space, self.store, Place(path), text, ELSE)

    def held(self) -> dict[str, str]:
        """Contents by path."""
        memories = self.services.memories.all(self.ref.space, self.store)
        contents = self.services.memories.contents(self.ref.space, memories)
        return {one.path: contents[one.id] for one in memories}

    def versions(self) -> int:
        """How many there are."""
        page = self.services.memory_versions.page(self.ref.space, self.store, 100, None, VersionFilter(), full=False)
        return len(page.items)


@pytest.fixture
def den(services: Services) -> Iterator[Den]:
    yield Den(services)
    services.close()


class Died(Exception):
    """The process is gone."""


def test_what_a_dead_process_left_untold_becomes_versions_through_the_next(
    den: Den, other_process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    den.write("/kept", "kept")
    user = den.user()
    user.client()

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(memory.MemoryMounts, "store", die)
        with pytest.raises(Died):
            execute(user, f"cd {MOUNT}; printf a > made; printf b > /workspace/beside", 10_000)
    assert den.held() == {"/kept": "kept"}
    den.write("/later", "later")
    second = den.user(other_process)
    said = execute(second, f"cat {MOUNT}/later {MOUNT}/made /workspace/beside", 10_000)
    assert said.output == "laterab"
    assert den.held() == {"/kept": "kept", "/later": "later", "/made": "a"}
    assert den.versions() == 3
    assert second.notice() is None
    other_process.close()


def test_a_dead_process_that_made_the_versions_but_did_not_say_so_leaves_no_doubles(
    den: Den, other_process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = den.user()
    user.client()

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(memory.MountRows, "save", die)
        with pytest.raises(Died):
            execute(user, f"cd {MOUNT}; printf a > made", 10_000)
    assert den.versions() == 1
    second = den.user(other_process)
    execute(second, f"printf b >> {MOUNT}/made", 10_000)
    assert den.held() == {"/made": "ab"}
    assert den.versions() == 2
    assert second.warnings() == []
    other_process.close()


@pytest.mark.parametrize("renewed", [False, True], ids=["the same computer", "a new computer"])
def test_what_the_agent_has_to_know_waits_for_its_next_run(den: Den, other_process: Services, *, renewed: bool) -> None:
    den.user().client()
    den.write("/a", "theirs")
    client = den.user(run="")
    execute(client, f"printf mine > {MOUNT}/a", 10_000)
    assert (client.notice(), client.warnings()) == (None, [])
    if renewed:
        den.services.sandboxes.pause(den.ref.space, den.ref.id, memory=False)
    agent = den.user(other_process)
    execute(agent, f"cat {MOUNT}/a", 10_000)
    (told,) = [text for text in agent.warnings() if "memory" in text]
    assert "changed by somebody else meanwhile" in told
    assert told in str(agent.notice())
    execute(agent, "true", 10_000)
    assert agent.warnings() == []
    other_process.close()


def test_a_small_change_moves_little(den: Den, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        den.write(f"/folder/{number}", str(number))
    sent: list[int] = []
    send = memory.send_tree

    def counted(client: Any, body: Any, **options: Any) -> list[str]:
        pieces = list(body)
        sent.append(sum(map(len, pieces)))
        return send(client, iter(pieces), **options)

    monkeypatch.setattr(memory, "send_tree", counted)
    assert execute(den.user(), f"ls {MOUNT}/folder | wc -l", 10_000).output == "40\n"
    den.write("/folder/7", "changed")
    assert execute(den.user(), f"cat {MOUNT}/folder/7", 10_000).output == "changed"
    assert execute(den.user(), "true", 10_000).exit_code == 0
    assert len(sent) == 2
    assert sent[1] < sent[0] / 5


def test_a_session_without_stores_asks_for_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    den = Den(services, attached=False)
    asked: list[str] = []
    query = Table.query

    def noted(table: Table, pk: str, **options: Any) -> Any:
        asked.append(pk)
        return query(table, pk, **options)

    monkeypatch.setattr(Table, "query", noted)
    user = den.user()
    user.client()
    execute(user, f"mkdir -p {MOUNT}; printf x > {MOUNT}/a", 10_000)
    assert [pk for pk in asked if "memory" in pk] == []
    assert den.held() == {}
    services.close()
