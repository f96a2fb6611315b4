"""Memory stores of a self-hosted session: the official worker fetches them and stores what its tools changed, with no
more than its session token; other stores are out of its reach, and read-only ones are not written."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic, NotFoundError, PermissionDeniedError

from tests.e2e.anthropic_sdk.helpers import listed, make_agent, make_environment, make_session, of, rest, said, say
from tests.support.api import Api, wait_for
from tests.support.environment_worker import WorkerThread
from tests.support.server import Server

TOOLSET: Any = {"type": "agent_toolset_20260401"}
ROOT = Path("/mnt/memory")


@pytest.fixture
def place(client: Anthropic, server: Server, key: str) -> tuple[str, str]:
    """A self-hosted environment, and a key for its workers."""
    environment = make_environment(client, config={"type": "self_hosted"}).id
    api = Api(server.url, key)
    worker_key = str(api.post(f"/v1/environments/{environment}/keys", name="Worker")["key"])
    api.close()
    return environment, worker_key


def store_named(client: Anthropic, name: str, **contents: str) -> str:
    """A store with memories by path."""
    store = client.beta.memory_stores.create(name=name).id
    for path, content in contents.items():
        client.beta.memory_stores.memories.create(store, path=f"/{path}", content=content)
    return store


def attached(store: str, access: str = "read_write") -> Any:
    """A store as a resource."""
    return {"type": "memory_store", "memory_store_id": store, "access": access}


@pytest.mark.skipif(not os.access("/mnt", os.W_OK), reason="the worker cannot mount stores on this machine")
def test_the_worker_keeps_stores_in_step(
    client: Anthropic, server: Server, place: tuple[str, str], tmp_path: Path
) -> None:
    name = f"worker-{secrets.token_hex(6)}"
    store = store_named(client, name, kept="k", changed="old", dropped="d", **{f"many{n:02}": "" for n in range(25)})
    reading = store_named(client, f"{name}-read", fact="true")
    environment, worker_key = place
    agent = make_agent(client, tools=[TOOLSET])
    resources = [attached(store), attached(reading, "read_only")]
    session = str(make_session(client, agent, environment_id=environment, resources=resources).id)
    command = (
        f"cd {ROOT}/{name}; cat kept changed ../{name}-read/fact; ls | wc -l; "
        f"printf new > changed; printf more > made; rm dropped; printf false > ../{name}-read/fact"
    )
    say(client, session, f"tool:bash input:{json.dumps({'command': command})} tools:1")
    work = client.beta.environments.work
    with WorkerThread(server.url, environment, worker_key, tmp_path, 0.3):
        rest(client, session)
        wait_for(lambda: [item.state for item in work.list(environment)] == ["stopped"], "the worker to leave")
    assert said(of(listed(client, session), "user.tool_result")[0]) == "koldtrue28"
    memories = client.beta.memory_stores.memories
    held = {one.path: one.content for one in memories.list(store, view="full") if one.type == "memory" and one.content}
    assert held == {"/kept": "k", "/changed": "new", "/made": "more"}
    versions = client.beta.memory_stores.memory_versions
    mine = sorted((one.operation, one.path) for one in versions.list(store, session_id=session))
    assert mine == [("created", "/made"), ("deleted", "/dropped"), ("modified", "/changed")]
    assert [one.content for one in memories.list(reading, view="full") if one.type == "memory"] == ["true"]


def test_a_session_token_reaches_no_other_store(client: Anthropic, server: Server, place: tuple[str, str]) -> None:
    environment, worker_key = place
    own, reading, other = (store_named(client, name, a="x") for name in ("Own", "Reading", "Other"))
    agent = make_agent(client, tools=[TOOLSET])
    resources = [attached(own), attached(reading, "read_only")]
    session = str(make_session(client, agent, environment_id=environment, resources=resources).id)
    say(client, session, f"tool:bash input:{json.dumps({'command': 'true'})} tools:1")
    worker = Anthropic(base_url=server.url, auth_token=worker_key, api_key=None, max_retries=0)
    item: Any = wait_for(lambda: worker.beta.environments.work.poll(environment), "the work")
    token = json.loads(base64.urlsafe_b64decode(item.secret + "=="))["sessions_token"]
    with worker, Anthropic(base_url=server.url, auth_token=token, api_key=None, max_retries=0) as inside:
        stores = inside.beta.memory_stores
        made = stores.memories.create(own, path="/b", content="y")
        assert [one.path for one in stores.memories.list(reading)] == ["/a"]
        for refused in (
            lambda: stores.memories.create(reading, path="/b", content="y"),
            lambda: stores.memory_versions.list(own),
            lambda: stores.delete(own),
            lambda: worker.beta.memory_stores.memories.list(own),
        ):
            with pytest.raises(PermissionDeniedError):
                refused()
        for unknown in (
            lambda: stores.memories.list(other),
            lambda: stores.memories.update(made.id, memory_store_id=other, content="z"),
        ):
            with pytest.raises(NotFoundError):
                unknown()
    version: Any = client.beta.memory_stores.memory_versions.retrieve(made.memory_version_id, memory_store_id=own)
    assert (version.created_by.type, version.created_by.session_id) == ("session_actor", session)
