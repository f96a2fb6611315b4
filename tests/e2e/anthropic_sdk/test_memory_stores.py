"""Memory stores through the official client: names, prefixes and folders, preconditions, renames, history, redaction,
archived stores, and stores of sessions."""

import hashlib
from typing import Any

import pytest
from anthropic import Anthropic, BadRequestError, ConflictError, NotFoundError

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, make_session
from tests.support.api import Api, Json

HASH = {"type": "content_sha256"}


@pytest.fixture
def store(client: Anthropic) -> str:
    return str(client.beta.memory_stores.create(name="Preferences", description="What users like").id)


def write(client: Anthropic, store: str, path: str, content: str, **more: Any) -> Any:
    """A new memory."""
    return client.beta.memory_stores.memories.create(store, path=path, content=content, **more)


def kind_of(refused: pytest.ExceptionInfo[Any]) -> str:
    """The type in an error's body."""
    body: Json = refused.value.body
    return str(body["error"]["type"])


def test_stores_are_made_changed_listed_archived_and_deleted(client: Anthropic) -> None:
    stores = client.beta.memory_stores
    made = stores.create(name="One", metadata={"a": "b"})
    assert (made.type, made.description, made.metadata, made.archived_at) == ("memory_store", "", {"a": "b"}, None)
    other = stores.create(name="Two")
    assert [one.id for one in stores.list(limit=1)] == [other.id, made.id]
    changed = stores.update(made.id, description="text", metadata={"a": None, "c": ""})
    assert (changed.name, changed.description, changed.metadata) == ("One", "text", {"c": ""})
    assert stores.update(made.id, description="").description == ""
    archived = stores.archive(made.id)
    assert stores.archive(made.id).archived_at == archived.archived_at
    assert [one.id for one in stores.list()] == [other.id]
    assert {one.id for one in stores.list(include_archived=True)} == {made.id, other.id}
    assert stores.delete(made.id).type == "memory_store_deleted"
    with pytest.raises(NotFoundError):
        stores.retrieve(made.id)
    for name in ("", "x" * 256, "a\nb"):
        with pytest.raises(BadRequestError):
            stores.create(name=name)


def test_contents_are_shown_by_the_view(client: Anthropic, store: str) -> None:
    memories = client.beta.memory_stores.memories
    made = write(client, store, "/a.md", "text")
    assert (made.content, made.content_size_bytes) == (None, 4)
    assert made.content_sha256 == hashlib.sha256(b"text").hexdigest()
    assert write(client, store, "/b.md", "more", view="full").content == "more"
    assert memories.retrieve(made.id, memory_store_id=store).content == "text"
    assert memories.retrieve(made.id, memory_store_id=store, view="basic").content is None
    assert [one.type == "memory" and one.content for one in memories.list(store)] == [None, None]
    assert [one.type == "memory" and one.content for one in memories.list(store, view="full")] == ["text", "more"]
    for number in range(21):
        write(client, store, f"/many/{number}", "")
    assert len(memories.list(store, view="full", limit=100).data) == 20


def test_lists_go_by_path_with_folders_counting_toward_the_limit(client: Anthropic, store: str) -> None:
    memories = client.beta.memory_stores.memories
    for path in ("/b/x", "/a", "/b/y/z", "/b-side/x", "/c"):
        write(client, store, path, path)
    assert [one.path for one in memories.list(store)] == ["/a", "/b-side/x", "/b/x", "/b/y/z", "/c"]
    flat = list(memories.list(store, depth=1, limit=1))
    assert [(one.type, one.path) for one in flat] == [
        ("memory", "/a"),
        ("memory_prefix", "/b-side/"),
        ("memory_prefix", "/b/"),
        ("memory", "/c"),
    ]
    assert [one.path for one in memories.list(store, path_prefix="/b/", depth=1)] == ["/b/x", "/b/y/"]
    assert [one.path for one in memories.list(store, path_prefix="/b/", limit=1)] == ["/b/x", "/b/y/z"]
    for prefix in ("/b", "b/"):
        with pytest.raises(BadRequestError):
            memories.list(store, path_prefix=prefix)
    with pytest.raises(BadRequestError):
        write(client, store, "no-slash", "x")


def test_a_hash_that_does_not_fit_changes_nothing(client: Anthropic, store: str) -> None:
    memories = client.beta.memory_stores.memories
    made = write(client, store, "/a", "one")
    wrong: Any = HASH | {"content_sha256": "0" * 64}
    with pytest.raises(ConflictError) as refused:
        memories.update(made.id, memory_store_id=store, content="two", precondition=wrong)
    assert kind_of(refused) == "memory_precondition_failed_error"
    assert refused.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(ConflictError) as refused:
        memories.delete(made.id, memory_store_id=store, expected_content_sha256="0" * 64)
    assert kind_of(refused) == "memory_precondition_failed_error"
    fits: Any = HASH | {"content_sha256": made.content_sha256}
    changed = memories.update(made.id, memory_store_id=store, content="two", precondition=fits)
    gone = memories.delete(made.id, memory_store_id=store, expected_content_sha256=changed.content_sha256)
    assert (gone.id, gone.type) == (made.id, "memory_deleted")
    with pytest.raises(NotFoundError):
        memories.retrieve(made.id, memory_store_id=store)


def test_a_rename_keeps_the_id_and_a_taken_path_is_refused(client: Anthropic, store: str) -> None:
    memories = client.beta.memory_stores.memories
    made, other = write(client, store, "/a", "one"), write(client, store, "/b", "two")
    moved = memories.update(made.id, memory_store_id=store, path="/deep/c", view="full")
    assert (moved.id, moved.path, moved.content) == (made.id, "/deep/c", "one")
    with pytest.raises(ConflictError) as refused:
        memories.update(made.id, memory_store_id=store, path="/b")
    assert kind_of(refused) == "memory_path_conflict_error"
    with pytest.raises(ConflictError) as refused:
        write(client, store, "/b", "three")
    assert kind_of(refused) == "memory_path_conflict_error"
    assert write(client, store, "/a", "free again").id not in (made.id, other.id)
    assert memories.retrieve(other.id, memory_store_id=store).content == "two"


def test_every_change_is_a_version_that_can_be_redacted_unless_it_is_current(client: Anthropic, store: str) -> None:
    memories, versions = client.beta.memory_stores.memories, client.beta.memory_stores.memory_versions
    made = write(client, store, "/a", "one")
    memories.update(made.id, memory_store_id=store, content="two")
    memories.update(made.id, memory_store_id=store, path="/b")
    write(client, store, "/other", "x")
    found = list(versions.list(store, memory_id=made.id, view="full", limit=1))
    assert [(one.operation, one.path, one.content) for one in found] == [
        ("modified", "/b", "two"),
        ("modified", "/a", "two"),
        ("created", "/a", "one"),
    ]
    head, _, first = found
    assert memories.retrieve(made.id, memory_store_id=store).memory_version_id == head.id
    actor: Any = first.created_by
    assert actor.type == "api_actor"
    assert [one.id for one in versions.list(store, operation="created")][-1] == first.id
    assert len(list(versions.list(store, api_key_id=actor.api_key_id))) == 4
    assert list(versions.list(store, api_key_id="ak_" + "0" * 32)) == []
    assert list(versions.list(store, created_at_gte="2100-01-01T00:00:00Z")) == []
    blank = versions.redact(first.id, memory_store_id=store)
    assert (blank.content, blank.path, blank.content_sha256, blank.content_size_bytes) == (None,) * 4
    assert (blank.redacted_by, blank.created_by) == (actor, actor)
    assert blank.redacted_at is not None
    with pytest.raises(BadRequestError):
        versions.redact(head.id, memory_store_id=store)
    memories.delete(made.id, memory_store_id=store)
    last = versions.list(store, memory_id=made.id).data[0]
    assert (last.operation, last.path, last.content_sha256) == ("deleted", "/b", None)
    assert versions.redact(head.id, memory_store_id=store).redacted_at is not None


def test_an_archived_store_can_only_be_read_cleaned_and_redacted(client: Anthropic, store: str) -> None:
    memories, versions = client.beta.memory_stores.memories, client.beta.memory_stores.memory_versions
    made = write(client, store, "/a", "one")
    memories.update(made.id, memory_store_id=store, content="two")
    client.beta.memory_stores.archive(store)
    for change in (
        lambda: write(client, store, "/b", "x"),
        lambda: memories.update(made.id, memory_store_id=store, content="x"),
        lambda: client.beta.memory_stores.update(store, name="x"),
        lambda: make_session(client, resources=[{"type": "memory_store", "memory_store_id": store}]),
    ):
        with pytest.raises(BadRequestError):
            change()
    assert memories.retrieve(made.id, memory_store_id=store).content == "two"
    versions.redact(list(versions.list(store))[-1].id, memory_store_id=store)
    memories.delete(made.id, memory_store_id=store)


def test_sessions_name_their_stores(client: Anthropic, store: str) -> None:
    wanted: Any = {"type": "memory_store", "memory_store_id": store, "access": "read_only", "instructions": "Look."}
    session = make_session(client, resources=[wanted])
    (shown,) = client.beta.sessions.retrieve(session.id).resources
    assert shown.type == "memory_store"
    assert (shown.memory_store_id, shown.access, shown.instructions) == (store, "read_only", "Look.")
    assert (shown.name, shown.description) == ("Preferences", "What users like")
    assert shown.mount_path == "/mnt/memory/preferences"
    make_session(client)
    assert [one.id for one in client.beta.sessions.list(memory_store_id=store)] == [session.id]
    assert list(client.beta.sessions.list(memory_store_id="memstore_" + "0" * 32)) == []
    with pytest.raises(NotFoundError):
        make_session(client, resources=[wanted | {"memory_store_id": "memstore_" + "0" * 32}])


def test_a_self_hosted_session_takes_stores(client: Anthropic, store: str, sdk_api: Api) -> None:
    place = make_environment(client, config={"type": "self_hosted"}).id
    wanted: Any = {"type": "memory_store", "memory_store_id": store}
    session = make_session(client, make_agent(client), environment_id=place, resources=[wanted])
    assert sdk_api.get(f"/v1/sessions/{session.id}/resources")["data"][0]["memory_store_id"] == store
