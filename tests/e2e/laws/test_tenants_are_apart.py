"""A tenant sees only its own: another tenant's ids are answered exactly as unknown ones, on every route there is."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from chalicelib.doors import all_doors
from chalicelib.http.route import Route
from tests.support.api import SDK_HEADERS, Api, Json, message
from tests.support.server import Server

_SHARED = {"server_name": "site", "thread_id": "sthr_primary", "version": "1", "filename": "a.txt"}
_SHARED |= {"provider": "github"}
_BODIES: dict[str, Json] = {
    "AgentUpdate": {"version": 1, "name": "x"},
    "CanaryInput": {"version": 2, "percent": 50},
    "SessionFork": {},
    "EnvironmentUpdate": {"name": "x"},
    "SessionUpdate": {"title": "x"},
    "AgentChange": {"name": "x"},
    "SendInputs": {"events": [{"type": "agent.session.input.cancel"}]},
    "SessionChange": {"metadata": {}},
    "VaultChange": {"name": "x"},
    "NewCredential": {
        "name": "x",
        "auth": {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "secret text"},
    },
    "CredentialChange": {"metadata": {}},
    "NewFile": {"type": "inline", "path": "/workspace/a", "data": ""},
    "SendEvents": {"events": [message("hello")]},
    "SendMessage": {"content": "hello"},
    "VaultUpdate": {"name": "x"},
    "EndpointUpdate": {"description": "x"},
    "Redrive": {"since": "2026-01-01T00:00:00Z"},
    "ProfileUpdate": {"name": "x"},
    "ActionUrlCreate": {"action": {"type": "enroll_end_user"}},
    "CardUpdate": {"model": "x"},
    "StoreUpdate": {"name": "x"},
    "SearchInput": {"query": "x"},
    "MemoryCreate": {"path": "/x", "content": "x"},
    "MemoryUpdate": {"content": "x"},
    "CredentialCreate": {
        "auth": {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "secret text"}
    },
    "CredentialUpdate": {"auth": {"token": "x"}},
    "TimeoutBody": {"timeout": 60},
    "Command": {"command": "true"},
    "Publication": {"path": "a"},
    "SkillInput": {"files": [{"filename": "SKILL.md", "content": "---\nname: folding\n---\nsecret text"}]},
    "UpdateWork": {"metadata": {"a": "b"}},
    "ResourceUpdate": {"authorization_token": "x", "value": "x"},
    "DeploymentUpdate": {"name": "x"},
    "LimitUpdate": {"blocked": False},
    "PublicationUpdate": {"capabilities": []},
    "AppCredentials": {"client_id": "x", "client_secret": "x", "webhook_secret": "x"},
    "RuleCreate": {"label": "x"},
    "RuleUpdate": {"label": "x"},
}
_NO_TENANTS = ("model_id", "tenant_id")


def parameters(path: str) -> list[str]:
    return re.findall(r"\{(\w+)(?::path)?\}", path)


def addressed() -> list[tuple[str, Route]]:
    """Every route that names a thing of a tenant, with each of its methods."""
    return [
        (method, route)
        for door in all_doors()
        for route in door.routes
        for method in route.methods
        if set(parameters(route.path)) - set(_NO_TENANTS) - set(_SHARED) and route.scope not in (None, "root")
    ]


ADDRESSED = addressed()


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[Api]:
    client = Api(server.url, server.tenant("Owner"))
    yield client
    client.close()


@pytest.fixture(scope="module")
def stranger(server: Server) -> Iterator[Api]:
    client = Api(server.url, server.tenant("Stranger"))
    yield client
    client.close()


def things_of(api: Api) -> dict[str, str]:
    """One thing of every kind, by the name its parameter has."""
    uploaded = api.post("/v1/files", filename="a.txt", content="secret text", media_type="text/plain")
    agent, environment = api.agent(), api.environment()
    resource = {"type": "file", "file_id": uploaded["id"]}
    session = api.session(agent, environment_id=environment["id"], resources=[resource])
    api.turn(session, "tokens:2")
    attached = api.get(f"/v1/sessions/{session}/resources")["data"]
    vault = api.post("/v1/vaults", name="Keys")["id"]
    sandbox = api.post("/v2/sandboxes", templateID="base")["sandboxID"]
    return (
        _told_of(api)
        | _queue_of(api)
        | {
            "agent_id": agent["id"],
            "environment_id": environment["id"],
            "session_id": session,
            "resource_id": attached[0]["id"],
            "file_id": uploaded["id"],
            "upload_id": _upload_of(api),
            "key_id": api.post("/v1/api_keys", name="second")["id"],
            "sandbox_id": sandbox,
            "snapshot_id": api.post(f"/sandboxes/{sandbox}/snapshots")["snapshotID"],
            **_deployed(api, agent, environment),
            **_published(api, agent, environment),
            "vault_id": vault,
            "skill_id": api.post("/v1/skills", **_BODIES["SkillInput"])["id"],
            "credential_id": api.post(f"/v1/vaults/{vault}/credentials", **_BODIES["CredentialCreate"])["id"],
            **_turn_of(api, session),
            "card_id": _card_of(api),
            "limit_id": api.post("/v1/spending_limits", scope="agent", blocked=False)["id"],
            **_memory_of(api),
            **_jobs_of(api, agent, environment, session),
        }
    )


def _upload_of(api: Api) -> str:
    """A file whose content is there, and which is not completed."""
    upload = api.post("/v1/files/uploads", filename="a.txt", size_bytes=11)
    target = upload["upload"]
    assert api.client.put(target["url"], content=b"secret text", headers=target["headers"]).status_code == 200
    return str(upload["id"])


def _turn_of(api: Api, session: str) -> dict[str, str]:
    """A turn, an environment and an artifact as OpenAI clients name them; of subagents there are none."""
    turns = api.get(f"/openai/v1/agents/sessions/{session}/turns")["data"]
    bare = session.rpartition("_")[2]
    return {
        "turn_id": turns[0]["id"],
        "subagent_id": f"subagent_{bare}",
        "artifact_id": f"artifact_{bare}",
    }


def _memory_of(api: Api) -> dict[str, str]:
    """A memory store with a memory that has a past."""
    store = api.post("/v1/memory_stores", name="Notes")["id"]
    place = f"/v1/memory_stores/{store}/memories"
    memory = api.ok("POST", place, {"path": "/a", "content": "one"})
    api.ok("POST", place, {"path": "/a", "content": "two"})
    return {
        "memory_store_id": store,
        "memory_id": memory["id"],
        "memory_version_id": memory["memory_version_id"],
    }


def _jobs_of(api: Api, agent: Json, environment: Json, session: str) -> dict[str, str]:
    """An eval run and a dream."""
    named = {"agent_id": agent["id"], "environment_id": environment["id"]}
    inputs = [
        {"type": "memory_store", "memory_store_id": api.post("/v1/memory_stores", name="Dreamt of")["id"]},
        {"type": "sessions", "session_ids": [session]},
    ]
    return {
        "eval_id": api.post("/v1/evals", tasks=[{"id": "a", "messages": ["tokens:1"]}], **named)["id"],
        "dream_id": api.post("/v1/dreams", inputs=inputs, model="claude-test")["id"],
    }


def _card_of(api: Api) -> str:
    """A model card; archived, so that agents may still name any model."""
    fields = {"model_id": "mine", "provider": "oai", "api_key": "secret text", "base_url": "http://127.0.0.1:9"}
    card = api.post("/v1/model_cards", **fields)["id"]
    api.post(f"/v1/model_cards/{card}/archive")
    return str(card)


def _told_of(api: Api) -> dict[str, str]:
    """An endpoint for webhooks with a delivery, and a profile."""
    endpoint = api.post("/v1/webhook_endpoints", url="http://127.0.0.1:9/", events=["user_profile.*"])["id"]
    return {
        "endpoint_id": endpoint,
        "delivery_id": api.post(f"/v1/webhook_endpoints/{endpoint}/test")["id"],
        "user_profile_id": api.post("/v1/user_profiles", name="Ada", external_id="ada")["id"],
    }


def _deployed(api: Api, agent: Json, environment: Json) -> dict[str, str]:
    """A deployment and a run of it."""
    named = {"agent": agent["id"], "environment_id": environment["id"]}
    made = api.post("/v1/deployments", name="Mine", initial_events=[message("tokens:1")], **named)["id"]
    return {"deployment_id": made, "run_id": api.post(f"/v1/deployments/{made}/run")["id"]}


def _published(api: Api, agent: Json, environment: Json) -> dict[str, str]:
    """An installation, and publications at two providers."""
    with httpx2.Client(follow_redirects=True, verify=False) as person:
        assert person.get(api.get("/v1/integrations/github/install")["redirect_url"]).status_code == 200
    named = {"agent_id": agent["id"], "environment_id": environment["id"]}
    made = api.post("/v1/integrations/github/publications", **named)
    linear = api.post("/v1/integrations/linear/publications", **named)["id"]
    rules = f"/v1/integrations/linear/publications/{linear}/dispatch-rules"
    return {
        "publication_id": made["id"],
        "installation_id": made["installation_id"],
        "linear_id": linear,
        "rule_id": api.post(rules, label="x")["id"],
    }


def _queue_of(api: Api) -> dict[str, str]:
    """An environment with workers of its own, a key for them and something to do."""
    hosted = api.environment(config={"type": "self_hosted"})["id"]
    agent = api.agent(tools=[{"type": "agent_toolset_20260401"}])
    api.turn(api.session(agent, environment_id=hosted), 'tool:bash input:{"command": "true"}')
    return {
        "hosted_id": hosted,
        "work_id": api.get(f"/v1/environments/{hosted}/work")["data"][0]["id"],
        "worker_key_id": api.post(f"/v1/environments/{hosted}/keys", name="worker")["id"],
    }


def fitting(path: str, ids: dict[str, str]) -> dict[str, str]:
    """The ids for a route: some nouns stand for several kinds of things."""
    if "/agents/environments/" in path:
        bare = ids["session_id"].rpartition("_")[2]
        return ids | {"environment_id": f"env_{bare}", "template_id": ids["environment_id"]}
    if re.match(r"/v1/environments/\{\w+\}/(work|keys)", path):
        return ids | {"environment_id": ids["hosted_id"], "key_id": ids["worker_key_id"]}
    if path.startswith("/v1/integrations/linear/"):
        return ids | {"publication_id": ids["linear_id"]}
    return ids


@pytest.fixture(scope="module")
def foreign(owner: Api) -> dict[str, str]:
    return things_of(owner)


@pytest.fixture(scope="module")
def own(stranger: Api) -> dict[str, str]:
    return things_of(stranger)


@pytest.fixture(scope="module")
def unknown(foreign: dict[str, str]) -> dict[str, str]:
    """Ids of the same form that belong to nobody."""
    return {name: _like(text) for name, text in foreign.items()}


def _like(text: str) -> str:
    prefix = text.rpartition("_")[0]
    return f"{prefix}_{uuid.uuid4().hex}" if prefix else str(uuid.uuid4())


def shown(answer: httpx2.Response, *ids: str) -> tuple[int, str, str]:
    """What of an answer must be the same for any id."""
    text = answer.text
    for one in ids:
        text = text.replace(one, "ID")
    text = re.sub(r'"request_id":"[^"]*"', "", text)
    return answer.status_code, answer.headers["content-type"], text


@pytest.mark.parametrize("headers", [{}, SDK_HEADERS], ids=["plain", "sdk"])
@pytest.mark.parametrize(("method", "route"), ADDRESSED, ids=[f"{method} {route.path}" for method, route in ADDRESSED])
def test_a_foreign_id_is_answered_as_an_unknown_one(
    stranger: Api,
    own: dict[str, str],
    foreign: dict[str, str],
    unknown: dict[str, str],
    method: str,
    route: Route,
    headers: dict[str, str],
) -> None:
    own, foreign, unknown = (fitting(route.path, ids) for ids in (own, foreign, unknown))

    def ask(ids: dict[str, str]) -> tuple[int, str, str]:
        body: Any = _BODIES.get(route.body.__name__) if route.body else None
        if route.body and route.body.__name__ == "NewResource":
            body = {"type": "file", "file_id": own["file_id"]}
        if route.body and route.body.__name__ == "MemoryResource":
            body = {"memory_store_id": own["memory_store_id"]}
        path = re.sub(r"\{(\w+)(?::path)?\}", lambda found: (_SHARED | ids)[found[1]], route.path)
        return shown(stranger.call(method, path, body, headers=headers), *ids.values())

    asked = [(foreign, unknown)]
    if len(set(parameters(route.path)) - set(_SHARED)) > 1:
        last = parameters(route.path)[-1]
        asked.append((own | {last: foreign[last]}, own | {last: unknown[last]}))
    for theirs, nobodys in asked:
        answer = ask(theirs)
        assert answer == ask(nobodys)
        assert answer[0] == 404, answer


_DEPLOYMENT: Json = {
    "name": "x",
    "agent": "$own",
    "environment_id": "$own",
    "initial_events": [message("hello")],
}
_EVAL: Json = {"agent_id": "$own", "environment_id": "$own", "tasks": [{"id": "a", "messages": ["tokens:1"]}]}
_DREAM: Json = {
    "model": "claude-test",
    "inputs": [
        {"type": "memory_store", "memory_store_id": "$memory_store_id"},
        {"type": "sessions", "session_ids": ["$session_id"]},
    ],
}
REFERENCES: list[tuple[str, str, Json]] = [
    ("POST", "/v1/sessions", {"agent": "$agent_id", "environment_id": "$own"}),
    ("POST", "/v1/sessions", {"agent": "$own", "environment_id": "$environment_id"}),
    (
        "POST",
        "/v1/sessions",
        {"agent": "$own", "environment_id": "$own", "resources": [{"type": "file", "file_id": "$file_id"}]},
    ),
    ("POST", "/v1/sessions", {"agent": "$own", "environment_id": "$own", "vault_ids": ["$vault_id"]}),
    ("POST", "/v1/evals", _EVAL | {"agent_id": "$agent_id"}),
    ("POST", "/v1/evals", _EVAL | {"environment_id": "$environment_id"}),
    ("GET", "/v1/evals?agent_id=$agent_id", {}),
    ("POST", "/v1/dreams", _DREAM),
    ("POST", "/v1/deployments", _DEPLOYMENT | {"agent": "$agent_id"}),
    ("POST", "/v1/deployments", _DEPLOYMENT | {"environment_id": "$environment_id"}),
    ("POST", "/v1/deployments", _DEPLOYMENT | {"vault_ids": ["$vault_id"]}),
    ("POST", "/v1/deployments", _DEPLOYMENT | {"resources": [{"type": "file", "file_id": "$file_id"}]}),
    ("GET", "/v1/deployment_runs?deployment_id=$deployment_id", {}),
    ("GET", "/v1/sessions?deployment_id=$deployment_id", {}),
    ("POST", "/v1/sessions/$own/resources", {"type": "file", "file_id": "$file_id"}),
    ("POST", "/v1/sessions/$own/memory_stores", {"memory_store_id": "$memory_store_id"}),
    ("GET", "/v1/sessions?memory_store_id=$memory_store_id", {}),
    ("POST", "/v1/agents", {"name": "x", "model": "m", "environment_id": "$environment_id"}),
    ("POST", "/v1/agents", {"name": "x", "model": "m", "callable_agents": [{"type": "agent", "id": "$agent_id"}]}),
    ("POST", "/v1/files", {"filename": "a", "content": "x", "scope_id": "$session_id"}),
    ("POST", "/v1/files/uploads", {"filename": "a", "size_bytes": 1, "scope_id": "$session_id"}),
    ("GET", "/v1/files?scope_id=$session_id", {}),
    ("GET", "/v1/skills?after_id=$skill_id&source=custom", {}),
    ("GET", "/v1/files?ids=$file_id", {}),
    ("POST", "/v1/skills", {"file_id": "$file_id"}),
    ("POST", "/v1/sessions/import", {"file_id": "$file_id"}),
    ("POST", "/v1/sessions/import", {"file_id": "$bundle", "agent": "$agent_id"}),
    ("POST", "/v1/sessions/import", {"file_id": "$bundle", "environment_id": "$environment_id"}),
    ("POST", "/v1/sessions/import", {"file_id": "$bundle", "vault_ids": ["$vault_id"]}),
    ("GET", "/v1/sessions?agent_id=$agent_id", {}),
    ("POST", "/v1/integrations/github/publications", {"agent_id": "$agent_id", "environment_id": "$own"}),
    ("POST", "/v1/integrations/github/handoff-link", {"publication_id": "$publication_id"}),
    ("POST", "/v1/integrations/linear/personal-token", {"publication_id": "$linear_id", "token": "x"}),
    (
        "POST",
        "/v1/integrations/github/credentials",
        {"publication_id": "$publication_id", "client_id": "x", "client_secret": "x", "webhook_secret": "x"},
    ),
    ("POST", "/v1/oauth/refresh", {"vault_id": "$vault_id", "credential_id": "$credential_id"}),
    ("GET", "/v1/oauth/authorize?mcp_server_url=https://mcp.example.com&vault_id=$vault_id", {}),
]


@pytest.fixture(scope="module")
def bundle(stranger: Api, own: dict[str, str]) -> str:
    """A bundle of the stranger's own session, uploaded."""
    content = stranger.call("GET", f"/v1/sessions/{own['session_id']}/export").content
    sent = stranger.client.post("/v1/files", files={"file": ("bundle.zip", content, "application/zip")})
    return str(sent.json()["id"])


@pytest.mark.parametrize(("method", "path", "body"), REFERENCES)
def test_a_foreign_id_inside_a_request_is_answered_as_an_unknown_one(
    stranger: Api,
    own: dict[str, str],
    foreign: dict[str, str],
    unknown: dict[str, str],
    bundle: str,
    method: str,
    path: str,
    body: Json,
) -> None:
    def ask(ids: dict[str, str]) -> tuple[int, str, str]:
        text = path.replace("$own", own["session_id"])
        raw = json.dumps(body).replace("$bundle", bundle).replace('"agent": "$own"', f'"agent": "{own["agent_id"]}"')
        raw = raw.replace('"agent_id": "$own"', f'"agent_id": "{own["agent_id"]}"')
        raw = raw.replace('"environment_id": "$own"', f'"environment_id": "{own["environment_id"]}"')
        for name, one in ids.items():
            raw, text = raw.replace(f"${name}", one), text.replace(f"${name}", one)
        return shown(stranger.call(method, text, json.loads(raw) or None), *ids.values())

    answer = ask(foreign)
    assert answer == ask(unknown)
    if method == "POST":
        assert 400 <= answer[0] < 500, answer
    else:
        assert "ID" not in answer[2]


_NOUNS = ["agents", "environments", "sessions", "files", "api_keys", "vaults", "webhook_endpoints", "user_profiles"]


@pytest.mark.parametrize("noun", [*_NOUNS, "skills", "deployments", "deployment_runs", "evals", "dreams"])
def test_lists_hold_only_ones_own(stranger: Api, own: dict[str, str], foreign: dict[str, str], noun: str) -> None:
    text = stranger.call("GET", f"/v1/{noun}").text
    assert any(one in text for one in own.values())
    assert not any(one in text for one in foreign.values())


def test_nothing_a_stranger_did_is_seen_by_the_owner(
    owner: Api, stranger: Api, own: dict[str, str], foreign: dict[str, str]
) -> None:
    session = owner.get(f"/v1/sessions/{foreign['session_id']}")
    assert (session["status"], session["title"]) == ("idle", None)
    log = owner.log(foreign["session_id"])
    assert [event["type"] for event in log].count("user.message") == 1
    assert owner.get(f"/v1/agents/{foreign['agent_id']}")["version"] == 1
    assert owner.call("GET", f"/v1/files/{foreign['file_id']}/content").status_code == 200


@pytest.mark.parametrize(
    "route",
    [route for door in all_doors() for route in door.routes if route.scope == "root"],
    ids=lambda route: f"{route.methods[0]} {route.path}",
)
def test_the_operators_routes_are_closed_to_tenants(stranger: Api, foreign: dict[str, str], route: Route) -> None:
    path = re.sub(r"\{(\w+)\}", lambda found: str(uuid.uuid4()), route.path)
    answers = {stranger.call(method, path, {"name": "x"}).status_code for method in route.methods}
    assert answers <= {401, 403}
