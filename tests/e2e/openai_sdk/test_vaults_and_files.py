"""Vaults, credentials, environments with their files, templates and artifacts through the official client."""

import base64
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.api import Api, wait_for


def test_a_vault_lives_and_goes(client: OpenAI, api: Api) -> None:
    vaults = client.beta.agents.vaults
    made = vaults.create(name="Keys", metadata={"a": "b"})
    assert (made.object, made.name, made.metadata) == ("vault", "Keys", {"a": "b"})
    assert vaults.retrieve(made.id) == made
    assert api.get(f"/v1/vaults/vlt_{made.id.rpartition('_')[2]}")["name"] == "Keys"
    changed = vaults.update(made.id, name=None, metadata={"c": "d"})
    assert (changed.name, changed.metadata) == (None, {"c": "d"})
    other = vaults.create(name="More")
    assert [one.id for one in vaults.list(limit=1)] == [other.id, made.id]
    assert list(vaults.list(status="archived")) == []
    gone = vaults.delete(made.id)
    assert (gone.object, gone.deleted) == ("vault.deleted", True)
    with pytest.raises(openai.NotFoundError):
        vaults.retrieve(made.id)


def test_vaults_and_credentials_are_found_by_their_metadata(client: OpenAI) -> None:
    vaults = client.beta.agents.vaults
    made = [vaults.create(metadata={"team": str(number % 3), "é b": "1"}).id for number in range(6)]
    assert [one.id for one in vaults.list(metadata={"team": "1"}, limit=1)] == [made[4], made[1]]
    assert [one.id for one in vaults.list(metadata={"team": "1", "é b": "1"}, order="asc")] == [made[1], made[4]]
    assert list(vaults.list(metadata={"team": "1", "é b": "2"})) == []
    variables: list[Any] = [
        {
            "type": "environment_variable",
            "secret_name": name,
            "secret_value": "s",
            "networking": {"type": "unrestricted"},
        }
        for name in ("A", "B", "C")
    ]
    kept = [
        vaults.credentials.create(made[0], name="N", auth=auth, metadata={"for": auth["secret_name"]}).id
        for auth in variables
    ]
    assert [one.id for one in vaults.credentials.list(made[0], metadata={"for": "A"}, limit=1)] == [kept[0]]
    assert [one.id for one in vaults.credentials.list(made[0], limit=1)] == kept[::-1]


def test_kinds_of_credentials_this_family_does_not_know_hide_no_others(client: OpenAI, api: Api) -> None:
    vault = client.beta.agents.vaults.create().id
    path = f"/v1/vaults/vlt_{vault.rpartition('_')[2]}/credentials"
    bearer = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com/a", "token": "t"}
    api.post(path, auth=bearer, display_name="Known")
    for name in ("gh", "glab"):
        api.post(path, auth={"type": "cap_cli", "cli_id": name, "token": "t"})
    credentials = client.beta.agents.vaults.credentials
    assert [one.name for one in credentials.list(vault, limit=1)] == ["Known"]


def test_a_new_token_has_no_end_unless_told_and_null_ends_the_scope(client: OpenAI) -> None:
    vault = client.beta.agents.vaults.create().id
    credentials = client.beta.agents.vaults.credentials
    refresh: Any = {
        "client_id": "me",
        "refresh_token": "secret",
        "token_endpoint": "https://auth.example.com/token",
        "token_endpoint_auth": {"type": "none"},
        "scope": "read",
    }
    auth: Any = {
        "type": "mcp_oauth",
        "mcp_server_url": "https://mcp.example.com/a",
        "access_token": "secret",
        "expires_at": "2999-01-01T00:00:00Z",
        "refresh": refresh,
    }
    made = credentials.create(vault, name="Mine", auth=auth)

    def rotated(**change: Any) -> Any:
        changed: Any = {"type": "mcp_oauth", **change}
        return credentials.update(made.id, vault_id=vault, auth=changed).auth

    kept = rotated(refresh={"refresh_token": "other"})
    assert (kept.expires_at, kept.refresh.scope) == ("2999-01-01T00:00:00.000Z", "read")
    assert rotated(access_token="other").expires_at is None
    told = rotated(access_token="third", expires_at="2998-01-01T00:00:00Z", refresh={"scope": None})
    assert (told.expires_at, told.refresh.scope) == ("2998-01-01T00:00:00.000Z", None)


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com/a", "token": "very secret"},
        {
            "type": "mcp_oauth",
            "mcp_server_url": "https://mcp.example.com/b",
            "access_token": "very secret",
            "refresh": {
                "client_id": "me",
                "refresh_token": "very secret too",
                "token_endpoint": "https://auth.example.com/token",
                "token_endpoint_auth": {"type": "none"},
            },
        },
        {
            "type": "environment_variable",
            "secret_name": "API_KEY",
            "secret_value": "very secret",
            "networking": {"type": "limited", "allowed_hosts": ["example.com"]},
        },
    ],
    ids=lambda auth: auth["type"],
)
def test_a_credential_never_tells_its_secret(client: OpenAI, auth: Any) -> None:
    vault = client.beta.agents.vaults.create().id
    credentials = client.beta.agents.vaults.credentials
    made = credentials.create(vault, name="Mine", auth=auth)
    assert (made.object, made.name, made.auth.type, made.vault_id) == ("vault.credential", "Mine", auth["type"], vault)
    seen = credentials.with_raw_response.retrieve(made.id, vault_id=vault)
    assert "very secret" not in seen.text
    assert seen.parse() == made
    assert [one.id for one in credentials.list(vault)] == [made.id]
    assert credentials.update(made.id, vault_id=vault, metadata={"a": "b"}).metadata == {"a": "b"}
    assert credentials.delete(made.id, vault_id=vault).object == "vault.credential.deleted"
    with pytest.raises(openai.NotFoundError):
        credentials.retrieve(made.id, vault_id=vault)


def test_a_session_shows_its_vaults(client: OpenAI) -> None:
    vault = client.beta.agents.vaults.create(name="Keys").id
    session = client.beta.agents.sessions.create(
        agent={"model": "claude-test"}, environment={"type": "openai_hosted"}, vault_ids=[vault]
    )
    assert session.vault_ids == [vault]
    with pytest.raises(openai.NotFoundError):
        client.beta.agents.sessions.create(
            agent={"model": "claude-test"}, environment={"type": "openai_hosted"}, vault_ids=["vault_" + "0" * 32]
        )


def test_an_environment_and_its_files(client: OpenAI) -> None:
    session = client.beta.agents.sessions.create(agent={"model": "claude-test"}, environment={"type": "openai_hosted"})
    assert session.environment.type == "openai_hosted"
    place, environments = session.environment.id, client.beta.agents.environments
    assert environments.retrieve(place).status == "ready"
    assert [one.id for one in environments.list()] == [place]
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        data = base64.b64encode(b"hello").decode()
        file: Any = {"type": "inline", "path": f"/workspace/{name}", "data": data}
        made = environments.files.create(place, **file)
        assert (made.path, made.size_bytes, made.environment_id) == (f"/workspace/{name}", 5, place)
    up = [one.path for one in environments.files.list(place, order="asc", limit=2)]
    assert up == ["/workspace/a.txt", "/workspace/b.txt", "/workspace/sub/c.txt"]
    assert [one.path for one in environments.files.list(place, limit=1)] == up[::-1]
    assert [one.path for one in environments.files.list(place, path="/workspace/sub")] == up[2:]
    assert environments.retrieve(place).status in ("connected", "suspended", "ready")
    with pytest.raises(openai.BadRequestError):
        environments.files.create(place, type="inline", path="/etc/passwd", data="")


def test_templates_are_the_environments_of_the_other_family(client: OpenAI, api: Api) -> None:
    made = api.environment(name="Shape", packages={"pip": ["six"]})
    listed = list(client.beta.agents.environments.templates.list())
    assert [one.name for one in listed] == ["Shape"]
    assert listed[0].packages.python == ["six"]
    assert listed[0].id.rpartition("_")[2] == made["id"].rpartition("_")[2]
    assert client.beta.agents.environments.templates.retrieve(listed[0].id) == listed[0]


def test_what_an_agent_leaves_is_an_artifact_of_its_turn(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = sessions.create(agent={"model": "claude-test"}, environment={"type": "openai_hosted"})
    command = "mkdir -p /mnt/session/outputs && printf result > /mnt/session/outputs/out.txt"
    with sessions.stream(session.id, input=f'tool:bash input:{{"command": "{command}"}}') as stream:
        stream.until_done()
    found = wait_for(lambda: list(sessions.artifacts.list(session.id)), "the artifact")[0]
    turn = next(iter(sessions.turns.list(session.id)))
    assert (found.path, found.size_bytes, found.turn_id) == ("/mnt/session/outputs/out.txt", 6, turn.id)
    assert sessions.artifacts.retrieve(found.id, session_id=session.id) == found
    content = sessions.artifacts.content(found.id, session_id=session.id)
    assert content.read() == b"result"
    assert content.response.headers["content-disposition"].startswith('attachment; filename="out.txt"')
    assert content.response.headers["content-security-policy"].startswith("sandbox;")
    assert sessions.artifacts.delete(found.id, session_id=session.id).object == "agent.session.artifact.deleted"
    with pytest.raises(openai.NotFoundError):
        sessions.artifacts.retrieve(found.id, session_id=session.id)
