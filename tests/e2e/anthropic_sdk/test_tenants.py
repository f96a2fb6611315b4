"""What one tenant has, another can neither read nor change nor find: it is answered as unknown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, make_session, official, say, turn
from tests.support.server import Server


@dataclass
class Things:
    """One of each, of the first tenant."""

    agent: Any
    environment: Any
    session: Any
    file: Any
    resource: Any


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[Anthropic]:
    """A client of the first tenant."""
    with official(server.url, server.tenant("Owner")) as made:
        yield made


@pytest.fixture(scope="module")
def things(owner: Anthropic) -> Things:
    """What the first tenant has."""
    agent, environment = make_agent(owner), make_environment(owner)
    file = owner.files.upload(file=("private.txt", b"private"))
    resources = [{"type": "file", "file_id": file.id}]
    session = make_session(owner, agent, environment_id=environment.id, resources=resources)
    turn(owner, session.id, "between us")
    return Things(agent, environment, session, file, session.resources[0])


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Anthropic]:
    """A client of another tenant."""
    with official(server.url, server.tenant("Other")) as made:
        yield made


@pytest.fixture
def stranger(server: Server) -> Iterator[Anthropic]:
    """A client of a tenant that has nothing yet."""
    with official(server.url, server.tenant("Stranger")) as made:
        yield made


_REACHES: list[tuple[str, Callable[[Anthropic, Things], Any]]] = [
    ("agent", lambda c, t: c.beta.agents.retrieve(t.agent.id)),
    ("agent update", lambda c, t: c.beta.agents.update(t.agent.id, name="mine")),
    ("agent archive", lambda c, t: c.beta.agents.archive(t.agent.id)),
    ("agent versions", lambda c, t: c.beta.agents.versions.list(t.agent.id)),
    ("environment", lambda c, t: c.beta.environments.retrieve(t.environment.id)),
    ("environment update", lambda c, t: c.beta.environments.update(t.environment.id, name="mine")),
    ("environment archive", lambda c, t: c.beta.environments.archive(t.environment.id)),
    ("environment delete", lambda c, t: c.beta.environments.delete(t.environment.id)),
    ("session", lambda c, t: c.beta.sessions.retrieve(t.session.id)),
    ("session update", lambda c, t: c.beta.sessions.update(t.session.id, title="mine")),
    ("session archive", lambda c, t: c.beta.sessions.archive(t.session.id)),
    ("session delete", lambda c, t: c.beta.sessions.delete(t.session.id)),
    ("session with the agent", lambda c, t: make_session(c, t.agent)),
    ("session in the environment", lambda c, t: make_session(c, environment_id=t.environment.id)),
    ("session with the file", lambda c, t: make_session(c, resources=[{"type": "file", "file_id": t.file.id}])),
    ("file attached", lambda c, t: c.beta.sessions.resources.add(make_session(c).id, type="file", file_id=t.file.id)),
    ("event", lambda c, t: say(c, t.session.id, "hello?")),
    ("events", lambda c, t: c.beta.sessions.events.list(t.session.id)),
    ("stream", lambda c, t: c.beta.sessions.events.stream(t.session.id)),
    ("threads", lambda c, t: c.beta.sessions.threads.list(t.session.id)),
    ("thread's stream", lambda c, t: c.beta.sessions.threads.events.stream("sthr_primary", session_id=t.session.id)),
    ("resources", lambda c, t: c.beta.sessions.resources.list(t.session.id)),
    ("resource", lambda c, t: c.beta.sessions.resources.retrieve(t.resource.id, session_id=t.session.id)),
    ("resource delete", lambda c, t: c.beta.sessions.resources.delete(t.resource.id, session_id=t.session.id)),
    ("file", lambda c, t: c.files.retrieve_metadata(t.file.id)),
    ("file content", lambda c, t: c.files.download(t.file.id)),
    ("file delete", lambda c, t: c.files.delete(t.file.id)),
    ("copy's content", lambda c, t: c.files.download(t.resource.file_id)),
]


@pytest.mark.parametrize("reach", [pytest.param(reach, id=what) for what, reach in _REACHES])
def test_it_is_not_found_and_stays_as_it_is(
    owner: Anthropic, other: Anthropic, things: Things, reach: Callable[[Anthropic, Things], Any]
) -> None:
    with pytest.raises(anthropic.NotFoundError):
        reach(other, things)
    assert owner.beta.agents.retrieve(things.agent.id).to_dict() == things.agent.to_dict()
    assert owner.beta.environments.retrieve(things.environment.id).to_dict() == things.environment.to_dict()
    assert owner.files.download(things.file.id).read() == b"private"
    session = owner.beta.sessions.retrieve(things.session.id)
    assert (session.status, session.title, len(session.resources)) == ("idle", None, 1)


def test_it_is_in_no_list(stranger: Anthropic, things: Things) -> None:
    assert stranger.beta.agents.list(include_archived=True).data == []
    assert stranger.beta.environments.list(include_archived=True).data == []
    assert stranger.beta.sessions.list(include_archived=True).data == []
    assert stranger.beta.sessions.list(agent_id=things.agent.id).data == []
    assert stranger.files.list().data == []
    assert stranger.files.list(ids=[things.file.id]).data == []
    assert stranger.beta.files.list(scope_id=things.session.id).data == []


def test_the_answer_is_that_of_an_id_nobody_has(other: Anthropic, things: Things) -> None:
    messages = []
    for session_id in (things.session.id, things.session.id[:-4] + "0000"):
        with pytest.raises(anthropic.NotFoundError) as caught:
            other.beta.sessions.retrieve(session_id)
        messages.append(caught.value.body["error"])  # type: ignore[index]
    assert messages[0] == messages[1]


def test_cursors_do_not_carry_over(client: Anthropic, stranger: Anthropic) -> None:
    for _ in range(3):
        make_agent(client)
    cursor = client.beta.agents.list(limit=1).next_page or ""
    with pytest.raises(anthropic.BadRequestError, match="page"):
        stranger.beta.agents.list(page=cursor)


def test_both_may_use_the_same_names_and_idempotency_keys(client: Anthropic, stranger: Anthropic) -> None:
    made = [
        make_environment(side, name="Same", extra_headers={"Idempotency-Key": "same"}) for side in (client, stranger)
    ]
    assert made[0].id != made[1].id
