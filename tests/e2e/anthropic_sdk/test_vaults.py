"""Vaults and credentials with the official client: every kind goes in, no secret comes out; keys are unique and fixed,
archives free them, twenty fit; sessions name vaults at creation and keep their order."""

import datetime
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, make_session, turn

URL = "https://mcp.example.com/mcp"
REFRESH = {
    "client_id": "app",
    "refresh_token": "canary-refresh",
    "token_endpoint": "https://auth.example.com/token",
    "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "canary-client"},
    "scope": "read",
}
BEARER = {"type": "static_bearer", "mcp_server_url": URL, "token": "canary-token"}
OAUTH = {
    "type": "mcp_oauth",
    "mcp_server_url": URL,
    "access_token": "canary-access",
    "expires_at": "2999-01-01T00:00:00Z",
    "refresh": REFRESH,
}
VARIABLE = {
    "type": "environment_variable",
    "secret_name": "API_KEY",
    "secret_value": "canary-value",
    "networking": {"type": "limited", "allowed_hosts": ["api.example.com", "*.example.org"]},
}


@pytest.fixture
def vault(client: Anthropic) -> Any:
    return client.beta.vaults.create(display_name="Alice")


def add(client: Anthropic, vault: Any, auth: dict[str, Any], **more: Any) -> Any:
    """A new credential."""
    return client.beta.vaults.credentials.create(vault.id, auth=auth, **more)  # type: ignore[arg-type]


def rotate(client: Anthropic, credential: Any, **auth: Any) -> Any:
    """Change a credential's auth."""
    auth = {"type": credential.auth.type, **auth}
    return client.beta.vaults.credentials.update(credential.id, vault_id=credential.vault_id, auth=auth)  # type: ignore[arg-type]


def variable(name: str, **more: Any) -> dict[str, Any]:
    """A variable of another name."""
    return VARIABLE | {"secret_name": name} | more


def test_a_vault_is_made_read_and_changed(either: Anthropic) -> None:
    made = either.beta.vaults.create(display_name="Alice", metadata={"user": "1", "team": "a"})
    assert (made.type, made.display_name, made.metadata) == ("vault", "Alice", {"user": "1", "team": "a"})
    assert made.archived_at is None
    assert either.beta.vaults.retrieve(made.id) == made
    renamed = either.beta.vaults.update(made.id, display_name="Bob")
    assert (renamed.display_name, renamed.metadata) == ("Bob", made.metadata)
    patched = either.beta.vaults.update(made.id, metadata={"user": None, "role": "x"})
    assert (patched.display_name, patched.metadata) == ("Bob", {"team": "a", "role": "x"})


@pytest.mark.parametrize("fields", [{"display_name": ""}, {"display_name": "x" * 256}, {}])
def test_a_vault_has_a_name(client: Anthropic, fields: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError, match="display_name"):
        client.post("/v1/vaults", body=fields, cast_to=object)


def test_names_have_up_to_255_characters(client: Anthropic) -> None:
    longest = "n" * 255
    vault = client.beta.vaults.create(display_name=longest)
    credential = add(client, vault, BEARER, display_name=longest)
    assert (vault.display_name, credential.display_name) == (longest, longest)
    with pytest.raises(anthropic.BadRequestError, match="display_name"):
        add(client, vault, VARIABLE, display_name=longest + "n")
    with pytest.raises(anthropic.BadRequestError, match="display_name"):
        client.beta.vaults.credentials.update(credential.id, vault_id=vault.id, display_name=longest + "n")


def test_lists_are_walked_newest_first_without_what_is_archived(client: Anthropic) -> None:
    made = [client.beta.vaults.create(display_name=f"Vault {number}").id for number in range(5)]
    client.beta.vaults.archive(made[1])
    assert [one.id for one in client.beta.vaults.list(limit=2)] == [*made[:1:-1], made[0]]
    assert [one.id for one in client.beta.vaults.list(limit=2, include_archived=True)] == made[::-1]


@pytest.mark.parametrize("auth", [BEARER, OAUTH, VARIABLE], ids=lambda auth: auth["type"])
def test_a_credential_of_any_kind_shows_all_but_its_secrets(either: Anthropic, auth: dict[str, Any]) -> None:
    vault = either.beta.vaults.create(display_name="Alice")
    raw = either.beta.vaults.credentials.with_raw_response
    answers = [raw.create(vault.id, auth=auth, display_name="Key", metadata={"a": "b"})]  # type: ignore[arg-type]
    made = answers[0].parse()
    answers.append(raw.retrieve(made.id, vault_id=vault.id))
    answers.append(raw.list(vault.id))
    answers.append(raw.update(made.id, vault_id=vault.id, display_name="Other"))
    answers.append(raw.archive(made.id, vault_id=vault.id))
    assert not [answer.text() for answer in answers if "canary" in answer.text()]
    assert (made.type, made.vault_id, made.display_name) == ("vault_credential", vault.id, "Key")
    assert made.metadata == {"a": "b"}
    assert answers[1].parse() == made
    shown = made.auth.to_dict()
    open_fields = {"mcp_server_url", "secret_name", "networking"} & auth.keys()
    assert {name: shown[name] for name in open_fields} == {name: auth[name] for name in open_fields}


def test_how_a_token_is_renewed_is_shown_without_secrets(client: Anthropic, vault: Any) -> None:
    auth = add(client, vault, OAUTH).auth
    assert auth.expires_at == datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)
    assert (auth.refresh.client_id, auth.refresh.token_endpoint) == ("app", REFRESH["token_endpoint"])
    assert (auth.refresh.token_endpoint_auth.type, auth.refresh.scope) == ("client_secret_basic", "read")
    assert auth.refresh.resource is None
    rotated = rotate(
        client,
        add(client, vault, OAUTH | {"mcp_server_url": URL + "/two"}),
        access_token="canary-2",
        expires_at=None,
        refresh={"refresh_token": "canary-3", "scope": ""},
    ).auth
    assert (rotated.expires_at, rotated.refresh.scope) == (None, None)


def test_a_new_client_secret_is_sent_as_the_one_before(client: Anthropic, vault: Any) -> None:
    made = add(client, vault, OAUTH)
    other = {"type": "client_secret_post", "client_secret": "canary-4"}
    rotated = rotate(client, made, refresh={"token_endpoint_auth": other})
    assert rotated.auth == made.auth
    assert rotated.updated_at > made.updated_at
    public = OAUTH | {"mcp_server_url": URL + "/public", "refresh": REFRESH | {"token_endpoint_auth": {"type": "none"}}}
    with pytest.raises(anthropic.BadRequestError, match="token_endpoint_auth"):
        rotate(client, add(client, vault, public), refresh={"token_endpoint_auth": other})


def test_a_token_without_a_way_to_renew_it_shows_none(client: Anthropic, vault: Any) -> None:
    auth = add(client, vault, {"type": "mcp_oauth", "mcp_server_url": URL, "access_token": "canary"}).auth
    assert (auth.refresh, auth.expires_at) == (None, None)


def test_a_variable_goes_into_headers_and_body_unless_told(client: Anthropic, vault: Any) -> None:
    def places(auth: Any) -> tuple[bool, bool]:
        return auth.injection_location.header, auth.injection_location.body

    made = add(client, vault, VARIABLE)
    assert places(made.auth) == (True, True)
    assert places(rotate(client, made, injection_location={"body": False}).auth) == (True, False)
    other = add(client, vault, variable("OTHER", injection_location={"body": True}))
    assert places(other.auth) == (False, True)
    with pytest.raises(anthropic.BadRequestError, match="injection_location"):
        add(client, vault, variable("THIRD", injection_location={}))
    with pytest.raises(anthropic.BadRequestError, match="injection_location"):
        rotate(client, other, injection_location={"body": False})
    replaced = rotate(client, made, networking={"type": "unrestricted"})
    assert replaced.auth.networking.type == "unrestricted"


@pytest.mark.parametrize(
    ("first", "second"),
    [(BEARER, OAUTH | {"mcp_server_url": "HTTPS://MCP.example.com:443/mcp/"}), (VARIABLE, VARIABLE)],
    ids=["server", "variable"],
)
def test_a_key_stands_once_and_an_archive_frees_it(
    client: Anthropic, vault: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    made = add(client, vault, first)
    with pytest.raises(anthropic.ConflictError) as refused:
        add(client, vault, second)
    assert refused.value.response.headers["x-should-retry"] == "false"
    archived = client.beta.vaults.credentials.archive(made.id, vault_id=vault.id)
    assert archived.archived_at is not None
    again = client.beta.vaults.credentials.archive(made.id, vault_id=vault.id)
    assert again.archived_at == archived.archived_at
    fresh = add(client, vault, second)
    assert [one.id for one in client.beta.vaults.credentials.list(vault.id)] == [fresh.id]
    both = client.beta.vaults.credentials.list(vault.id, include_archived=True, limit=1)
    assert [one.id for one in both] == [fresh.id, made.id]
    with pytest.raises(anthropic.BadRequestError):
        rotate(client, archived, token="canary")


@pytest.mark.parametrize(
    ("auth", "change"),
    [
        (BEARER, {"mcp_server_url": "https://other.example.com"}),
        (BEARER, {"type": "mcp_oauth"}),
        (VARIABLE, {"secret_name": "OTHER"}),
        (OAUTH, {"refresh": {"client_id": "other"}}),
        (OAUTH, {"refresh": {"token_endpoint": "https://other.example.com"}}),
    ],
)
def test_what_a_credential_is_for_cannot_change(
    client: Anthropic, vault: Any, auth: dict[str, Any], change: dict[str, Any]
) -> None:
    made = add(client, vault, auth)
    with pytest.raises(anthropic.BadRequestError):
        rotate(client, made, **change)
    assert client.beta.vaults.credentials.retrieve(made.id, vault_id=vault.id) == made


def test_a_vault_holds_twenty_credentials(client: Anthropic, vault: Any) -> None:
    made = [add(client, vault, variable(f"KEY_{number}")) for number in range(20)]
    with pytest.raises(anthropic.BadRequestError, match="20"):
        add(client, vault, variable("ONE_MORE"))
    client.beta.vaults.credentials.delete(made[0].id, vault_id=vault.id)
    add(client, vault, variable("ONE_MORE"))
    assert len(list(client.beta.vaults.credentials.list(vault.id, limit=7))) == 20


def test_archiving_a_vault_archives_its_credentials(client: Anthropic, vault: Any) -> None:
    made = add(client, vault, BEARER)
    archived = client.beta.vaults.archive(vault.id)
    assert archived.archived_at is not None
    assert client.beta.vaults.archive(vault.id).archived_at == archived.archived_at
    assert client.beta.vaults.retrieve(vault.id).archived_at == archived.archived_at
    assert client.beta.vaults.credentials.retrieve(made.id, vault_id=vault.id).archived_at is not None
    for refused in (
        lambda: add(client, vault, VARIABLE),
        lambda: client.beta.vaults.update(vault.id, display_name="x"),
        lambda: make_session(client, vault_ids=[vault.id]),
    ):
        with pytest.raises(anthropic.BadRequestError, match="archived"):
            refused()


def test_what_is_deleted_is_gone(either: Anthropic) -> None:
    vault = either.beta.vaults.create(display_name="Alice")
    made = add(either, vault, BEARER)
    gone = either.beta.vaults.credentials.delete(made.id, vault_id=vault.id)
    assert (gone.id, gone.type) == (made.id, "vault_credential_deleted")
    for again in (either.beta.vaults.credentials.delete, either.beta.vaults.credentials.retrieve):
        with pytest.raises(anthropic.NotFoundError):
            again(made.id, vault_id=vault.id)
    kept = add(either, vault, BEARER)
    deleted = either.beta.vaults.delete(vault.id)
    assert (deleted.id, deleted.type) == (vault.id, "vault_deleted")
    with pytest.raises(anthropic.NotFoundError):
        either.beta.vaults.retrieve(vault.id)
    with pytest.raises(anthropic.NotFoundError):
        either.beta.vaults.credentials.retrieve(kept.id, vault_id=vault.id)
    with pytest.raises(anthropic.NotFoundError, match=r"vault_ids\.0"):
        make_session(either, vault_ids=[vault.id])


def test_a_credential_is_found_in_its_own_vault_alone(client: Anthropic, vault: Any) -> None:
    other = client.beta.vaults.create(display_name="Other")
    made = add(client, vault, BEARER)
    with pytest.raises(anthropic.NotFoundError):
        client.beta.vaults.credentials.retrieve(made.id, vault_id=other.id)
    assert list(client.beta.vaults.credentials.list(other.id)) == []


def test_a_repeated_create_makes_one(client: Anthropic, vault: Any) -> None:
    keyed = {"extra_headers": {"Idempotency-Key": "k-1"}}
    first = add(client, vault, BEARER, **keyed)
    assert add(client, vault, BEARER, **keyed) == first
    with pytest.raises(anthropic.ConflictError):
        add(client, vault, BEARER | {"token": "another"}, **keyed)


def test_a_session_keeps_its_vaults_in_order(either: Anthropic) -> None:
    ids = [either.beta.vaults.create(display_name=name).id for name in ("a", "b", "c")]
    order = [ids[2], ids[0], ids[1]]
    session = make_session(either, vault_ids=order)
    assert session.vault_ids == order
    assert either.beta.sessions.retrieve(session.id).vault_ids == order
    assert next(iter(either.beta.sessions.list())).vault_ids == order
    with pytest.raises(anthropic.BadRequestError, match="vault_ids"):
        either.beta.sessions.update(session.id, vault_ids=ids)
    with pytest.raises(anthropic.BadRequestError, match="vault_ids"):
        make_session(either, vault_ids=ids * 17)


def test_a_session_lives_on_when_its_vault_goes(client: Anthropic, vault: Any) -> None:
    add(client, vault, VARIABLE)
    session = make_session(client, vault_ids=[vault.id])
    client.beta.vaults.delete(vault.id)
    events = turn(client, session.id, "hello")
    assert events[-1].type == "session.status_idle"
    assert client.beta.sessions.retrieve(session.id).vault_ids == [vault.id]


def test_a_repository_is_attached_and_its_token_only_replaced(either: Anthropic) -> None:
    wanted = {
        "type": "github_repository",
        "url": "https://github.com/acme/tools",
        "authorization_token": "canary-token",
        "checkout": {"type": "branch", "name": "main"},
    }
    session = make_session(either, make_agent(either), environment_id=make_environment(either).id, resources=[wanted])
    (made,) = session.resources
    assert (made.type, made.url, made.mount_path) == ("github_repository", wanted["url"], "/workspace/tools")
    assert (made.checkout.type, made.checkout.name) == ("branch", "main")
    raw = either.beta.sessions.resources.with_raw_response
    rotated = raw.update(made.id, session_id=session.id, authorization_token="canary-new")
    read = raw.retrieve(made.id, session_id=session.id)
    assert read.parse() == rotated.parse()
    assert rotated.parse().updated_at >= made.updated_at
    assert "canary" not in rotated.text() + read.text() + session.to_json()
    gone = either.beta.sessions.resources.delete(made.id, session_id=session.id)
    assert gone.type == "session_resource_deleted"
    assert list(either.beta.sessions.resources.list(session.id)) == []


def test_a_commit_is_checked_out_by_its_hash(client: Anthropic) -> None:
    wanted = {"type": "github_repository", "url": "https://github.com/acme/tools", "mount_path": "/workspace/a/./b/"}
    session = make_session(client, resources=[wanted | {"checkout": {"type": "commit", "sha": "a" * 40}}])
    (made,) = session.resources
    assert (made.checkout.type, made.checkout.sha, made.mount_path) == ("commit", "a" * 40, "/workspace/a/b")
