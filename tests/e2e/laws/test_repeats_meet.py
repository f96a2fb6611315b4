"""A request repeated under its idempotency key is carried out once, on every POST.

The few that take no key are named here with the reason: they change nothing, hand the request on, come from outside,
or tell repeats apart in a way of their own.
"""

import json
import re
from collections.abc import Iterator

import httpx2
import pytest

from chalicelib.doors import all_doors
from chalicelib.http.route import Route
from tests.e2e.laws import test_tenants_are_apart as apart
from tests.support.api import Api, Json, message, wait_for
from tests.support.receiver import Receiver
from tests.support.server import Server

CHANGES_NOTHING = {
    "/v1/memory_stores/{memory_store_id}/search",
    "/v1/models/list",
    "/v1/integrations/{provider}/handoff-link",
    "/v1/integrations/{provider}/publications/{publication_id}/form-token",
}
"""Reads, asks elsewhere, or gives a link that is worth nothing until it is used."""
TAKES_BYTES = {
    "/v1/files",
    "/v1/sessions/import",
    "/v1/skills",
    "/v1/skills/upload",
    "/v1/skills/{skill_id}/versions",
    "/v1/skills/{skill_id}/versions/upload",
}
"""Take a key too, and compare what was uploaded; the tests of files, skills and bundles show it."""
STREAMS = {"/v1/sessions/{session_id}/messages"}
"""Takes a key too, and a repeat reads the same turn again; the tests of one-shot messages show it."""
PASSES_ON = {
    "/v1/mcp-proxy/{session_id}/{server_name}",
    "/",
    "/{path:path}",
    "/files",
    "/process.Process/{method}",
    "/process.Process/StreamInput",
    "/filesystem.Filesystem/{method}",
}
"""Hands the request to an MCP server or into a sandbox, whose protocols know no keys."""
FROM_OUTSIDE = {
    "/enroll/{token}",
    "/auth/sign-out",
    *(f"/{provider}/webhook/{kind}" for provider in ("linear", "github", "slack") for kind in ("app/{app_id}",)),
    *(f"/{provider}/webhook/pub/{{publication_id}}" for provider in ("linear", "github", "slack")),
    *(f"/{provider}/setup" for provider in ("linear", "github", "slack")),
}
"""Forms of people, and providers whose deliveries are told apart by ids of their own."""
EXCEPTIONS = CHANGES_NOTHING | TAKES_BYTES | STREAMS | PASSES_ON | FROM_OUTSIDE

NEEDS_MORE = {
    "/v1/agents/{agent_id}/canary/promote",
    "/v1/vaults/{vault_id}/credentials/{credential_id}/mcp_oauth_validate",
    "/v1/oauth/refresh",
    "/v1/integrations/{provider}/uninstall",
    "/v1/integrations/{provider}/publications",
    "/v1/integrations/{provider}/start-a1",
    "/v1/integrations/linear/publications/{publication_id}/dispatch-rules",
    "/v1/integrations/{provider}/credentials",
    "/v1/integrations/linear/personal-token",
    "/v1/me/cli-tokens",
    "/v1/tenants",
    "/v1/sessions/{session_id}/resources/{resource_id}",
    "/v1/sessions/{session_id}/threads/{thread_id}/archive",
    "/v1/model_cards/{card_id}",
    "/v1/dreams/{dream_id}/archive",
    "/v1/dreams/{dream_id}/cancel",
    "/admin/tenants/{tenant_id}/spending_limits/{limit_id}",
    "/sandboxes/{sandbox_id}/resume",
}
"""Need a canary, an authority, a provider, a signed-in person or a thing in another state behind them."""
POSTS = [route for door in all_doors() for route in door.routes if "POST" in route.methods]
KEYED = [route for route in POSTS if route.idempotent and route.path not in NEEDS_MORE]
_TALK = [{"role": "user", "content": "tokens:1"}]
_BODIES: dict[str, Json] = {
    "AgentCreate": {"name": "x", "model": "claude-test"},
    "EnvironmentCreate": {"name": "x"},
    "EnvironmentKeyCreate": {"name": "x"},
    "FileUploadCreate": {"filename": "a.txt", "size_bytes": 1},
    "SessionCreate": {"agent": "$agent_id", "environment_id": "$environment_id"},
    "NewResource": {"type": "file", "file_id": "$file_id", "mount_path": "repeated.txt"},
    "MemoryResource": {"memory_store_id": "$memory_store_id"},
    "DeploymentCreate": {
        "name": "x",
        "agent": "$agent_id",
        "environment_id": "$environment_id",
        "initial_events": [message("tokens:1")],
    },
    "VaultCreate": {"name": "x"},
    "StoreCreate": {"name": "x"},
    "CardCreate": {"model_id": "x", "provider": "oai", "api_key": "secret text", "base_url": "http://127.0.0.1:9"},
    "EndpointCreate": {"url": "http://127.0.0.1:9/", "events": ["vault.created"]},
    "ProfileCreate": {"name": "x"},
    "KeyCreate": {"name": "x"},
    "TenantCreate": {"name": "x"},
    "NewSandbox": {"templateID": "base"},
    "ChatCompletionCreate": {"model": "claude-test", "messages": _TALK},
    "NewAgent": {"model": "claude-test"},
    "NewSession": {"agent": {"model": "claude-test"}, "environment": {"type": "openai_hosted"}},
    "NewVault": {"name": "x"},
    "EvalCreate": {
        "agent_id": "$agent_id",
        "environment_id": "$environment_id",
        "tasks": [{"id": "one", "messages": ["tokens:1"]}],
    },
    "LimitCreate": {"scope": "end_user", "end_user": "Ada", "period": "day", "max_list_cost": {"amount": "900"}},
    "TenantStopBody": {"tenant_id": "$tenant_id"},
    "DreamCreate": {
        "model": "claude-test",
        "inputs": [
            {"type": "memory_store", "memory_store_id": "$memory_store_id"},
            {"type": "sessions", "session_ids": ["$session_id"]},
        ],
    },
    "MemberInvite": {"email": "ada@example.com"},
    "NewCredential": {
        "name": "x",
        "auth": {"type": "static_bearer", "mcp_server_url": "https://$mark.example.com", "token": "secret text"},
    },
    "CredentialCreate": {
        "auth": {"type": "static_bearer", "mcp_server_url": "https://$mark.example.com", "token": "secret text"}
    },
}

_OTHERWISE: dict[str, Json] = {
    "LimitCreate": {"period": "month"},
    "LimitUpdate": {"blocked": True},
    "StopBody": {"reason": "x"},
    "TenantStopBody": {"reason": "x"},
}
"""Changes of bodies that take no unknown fields."""


def _ends(route: Route) -> bool:
    return route.path.rpartition("/")[2] in ("ack", "archive", "cancel", "pause", "redact", "resume", "stop", "unpause")


def _name(route: Route) -> str:
    return f"{route.path}{' (shared base)' if route.when else ''}"


def test_every_post_takes_a_key_or_is_named_with_a_reason() -> None:
    without = {route.path for route in POSTS if not route.idempotent}
    assert sorted(without - EXCEPTIONS) == []
    assert sorted(EXCEPTIONS - without) == []


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[Api]:
    client = Api(server.url, server.tenant("Owner"))
    yield client
    client.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def things(server: Server, owner: Api, receiver: Receiver) -> dict[str, str]:
    """One thing of every kind, for the routes that leave them alive."""
    return things_of(server, owner, receiver)


def things_of(server: Server, owner: Api, receiver: Receiver) -> dict[str, str]:
    """One thing of every kind, with an endpoint that was reached and a file in the session's workspace."""
    ids = apart.things_of(owner)
    endpoint = owner.post("/v1/webhook_endpoints", url=receiver.url, events=["user_profile.*"])["id"]
    path = f"/v1/webhook_endpoints/{endpoint}"
    delivery = owner.post(f"{path}/test")["id"]
    wait_for(lambda: owner.get(f"{path}/deliveries/{delivery}")["status"] == "delivered", "the delivery")
    owner.post(f"/v1/sessions/{ids['session_id']}/exec", command="echo x > a")
    tenant = httpx2.get(f"{server.url}/v1/me", headers={"x-api-key": server.tenant("Other")}).json()["tenant"]["id"]
    return ids | {"endpoint_id": endpoint, "delivery_id": delivery, "tenant_id": tenant}


def _filled(route: Route, ids: dict[str, str]) -> tuple[str, Json]:
    ids = ids | {"mark": re.sub(r"\W+", "-", _name(route)).strip("-")}
    path = re.sub(r"\{(\w+)(?::path)?\}", lambda found: (apart._SHARED | ids)[found[1]], route.path)
    name = route.body.__name__ if route.body else ""
    raw = json.dumps(_BODIES.get(name) or apart._BODIES.get(name) or {})
    return path, json.loads(re.sub(r"\$(\w+)", lambda found: ids[found[1]], raw))


@pytest.mark.parametrize("route", [route for route in KEYED if not _ends(route)], ids=_name)
def test_a_repeat_meets_the_first_and_another_request_is_a_conflict(
    server: Server, owner: Api, things: dict[str, str], route: Route
) -> None:
    _meet(server, owner, things, route)


@pytest.mark.parametrize("route", [route for route in KEYED if _ends(route)], ids=_name)
def test_a_repeat_of_what_ends_something_meets_the_first(server: Server, receiver: Receiver, route: Route) -> None:
    api = Api(server.url, server.tenant("Ending"))
    _meet(server, api, things_of(server, api, receiver), route)
    api.close()


def _meet(server: Server, owner: Api, things: dict[str, str], route: Route) -> None:
    path, body = _filled(route, apart.fitting(route.path, things))
    headers = {"idempotency-key": _name(route).replace(" ", "-")} | ({"openai-beta": "agents=v1"} if route.when else {})
    if route.scope == "root":
        headers["x-api-key"] = server.root_key
    first, again = (owner.call("POST", path, body, headers=headers) for _ in range(2))
    assert first.status_code < 300, first.text
    assert "idempotent-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    changed = _OTHERWISE.get(route.body.__name__ if route.body else "", {"metadata": {"another": "request"}})
    other = owner.call("POST", path, body | changed, headers=headers)
    assert other.status_code == 409, other.text
    if route.path == "/v1/model_cards":
        # While there is one, agents may name models of cards alone.
        owner.ok("DELETE", f"{path}/{first.json()['id']}")
