"""Dreams through the official client."""

from typing import Any

import pytest
from anthropic import Anthropic, BadRequestError, ConflictError, NotFoundError

from tests.e2e.anthropic_sdk.helpers import make_session
from tests.fakes.model_server import FakeModel
from tests.support.api import wait_for


@pytest.fixture
def inputs(client: Anthropic) -> list[Any]:
    """A store with a memory, and a session."""
    store = client.beta.memory_stores.create(name="Notes").id
    client.beta.memory_stores.memories.create(store, path="/tea.md", content="They drink tea.")
    return [
        {"type": "memory_store", "memory_store_id": store},
        {"type": "sessions", "session_ids": [make_session(client).id]},
    ]


def ended(client: Anthropic, dream_id: str) -> Any:
    """The dream, once it has ended."""

    def look() -> Any:
        found = client.beta.dreams.retrieve(dream_id)
        return found if found.status not in ("pending", "running") else None

    return wait_for(look, "the dream to end")


def test_a_dream_is_made_followed_and_archived(client: Anthropic, model: FakeModel, inputs: list[Any]) -> None:
    keep = {"type": "tool_use", "name": "keep_memory", "input": {"path": "/tea.md"}}
    model.script({"blocks": [keep], "match": "sdk-dream"})
    made = client.beta.dreams.create(inputs=inputs, model={"id": "claude-test"}, instructions="sdk-dream")
    assert (made.type, made.status, made.outputs, made.session_id) == ("dream", "pending", [], None)
    assert made.model.speed == "standard"
    assert [one.type for one in made.inputs] == ["memory_store", "sessions"]
    done = ended(client, made.id)
    assert (done.status, done.error) == ("completed", None)
    assert done.usage.input_tokens == 20
    output = done.outputs[0].memory_store_id
    kept = client.beta.memory_stores.memories.list(output)
    assert [one.path for one in kept] == ["/tea.md"]
    session = client.beta.sessions.retrieve(done.session_id)
    assert session.agent.name == "Dreamer"
    assert "agent.tool_use" in [event.type for event in client.beta.sessions.events.list(session.id)]
    assert [one.id for one in client.beta.dreams.list(statuses=["completed"])] == [made.id]
    assert list(client.beta.dreams.list(statuses=["failed", "canceled"])) == []
    assert list(client.beta.dreams.list(created_at_lt=made.created_at)) == []
    assert client.beta.dreams.archive(made.id).archived_at is not None
    assert list(client.beta.dreams.list()) == []
    assert [one.id for one in client.beta.dreams.list(include_archived=True)] == [made.id]


def test_a_store_is_dreamt_into_by_one_at_a_time(client: Anthropic, model: FakeModel, inputs: list[Any]) -> None:
    model.hold(at="arrival", match="sdk-one")
    behavior: Any = {"type": "update_existing", "memory_store_id": inputs[0]["memory_store_id"]}
    wanted: Any = {"inputs": inputs, "model": "claude-test", "output_behavior": behavior, "instructions": "sdk-one"}
    first = client.beta.dreams.create(**wanted)
    with pytest.raises(ConflictError):
        client.beta.dreams.create(**wanted)
    with pytest.raises(BadRequestError):
        client.beta.memory_stores.archive(inputs[0]["memory_store_id"])
    with pytest.raises(BadRequestError):
        client.beta.dreams.archive(first.id)
    assert client.beta.dreams.cancel(first.id).status == "canceled"
    second = client.beta.dreams.create(**wanted)
    model.release()
    assert ended(client, second.id).status == "completed"
    with pytest.raises(BadRequestError):
        client.beta.dreams.cancel(second.id)


def test_an_unknown_dream_is_not_found(client: Anthropic) -> None:
    for unknown in ("drm_x", f"drm_{'0' * 32}"):
        with pytest.raises(NotFoundError):
            client.beta.dreams.retrieve(unknown)
