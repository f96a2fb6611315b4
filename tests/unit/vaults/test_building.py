"""Credentials made of what clients send: which part is readable and which secret, what may change, what is refused."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.vaults import building
from chalicelib.vaults.draft import AuthChange, AuthInput, CredentialCreate
from chalicelib.vaults.errors import CredentialKeyFixed
from chalicelib.vaults.model import Auth, Secrets, server_key

URL = "https://mcp.example.com/mcp"
SENT: dict[str, dict[str, Any]] = {
    "static_bearer": {"mcp_server_url": URL, "token": "canary-1"},
    "mcp_oauth": {
        "mcp_server_url": URL,
        "access_token": "canary-1",
        "refresh": {
            "client_id": "app",
            "refresh_token": "canary-2",
            "token_endpoint": "https://auth.example.com/token",
            "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "canary-3"},
            "scope": "read",
        },
    },
    "cap_cli": {"cli_id": "gh", "token": "canary-1", "extras": {"REGION": "canary-2"}},
    "environment_variable": {
        "secret_name": "API_KEY",
        "secret_value": "canary-1",
        "networking": {"type": "limited", "allowed_hosts": ["api.example.com"]},
    },
}


def made(kind: str, **more: Any) -> tuple[Auth, Secrets]:
    """The parts of a new credential."""
    sent: AuthInput = TypeAdapter(AuthInput).validate_python({"type": kind, **SENT[kind], **more})
    return building.made(sent)


def changed(before: Auth, **fields: Any) -> tuple[Auth, Secrets]:
    """The parts after an update."""
    return building.changed(before, AuthChange.model_validate(fields))


@pytest.mark.parametrize("kind", SENT)
def test_secrets_are_in_the_secret_part_alone(kind: str) -> None:
    auth, secrets = made(kind)
    sent = json.dumps(SENT[kind])
    assert "canary" not in auth.model_dump_json()
    assert sorted(secrets.values()) == [f"canary-{number}" for number in (1, 2, 3) if f"canary-{number}" in sent]


@pytest.mark.parametrize("kind", SENT)
def test_what_was_sent_does_not_show_its_secrets_as_text(kind: str) -> None:
    sent = CredentialCreate.model_validate({"auth": {"type": kind, **SENT[kind]}})
    assert "canary" not in repr(sent) + str(sent)


@pytest.mark.parametrize("kind", SENT)
def test_an_update_with_the_same_key_and_no_secret_changes_nothing(kind: str) -> None:
    auth, _ = made(kind)
    kept = {name: SENT[kind][name] for name in ("mcp_server_url", "cli_id", "secret_name") if name in SENT[kind]}
    assert changed(auth, type=kind, **kept) == (auth, {})
    assert changed(auth) == (auth, {})


@pytest.mark.parametrize(
    ("kind", "fields", "place"),
    [
        ("static_bearer", {"type": "mcp_oauth"}, "auth.type"),
        ("static_bearer", {"mcp_server_url": "https://other.example.com"}, "auth.mcp_server_url"),
        ("static_bearer", {"mcp_server_url": "no URL"}, "auth.mcp_server_url"),
        ("mcp_oauth", {"mcp_server_url": URL + "/other"}, "auth.mcp_server_url"),
        ("mcp_oauth", {"refresh": {"client_id": "other"}}, "auth.refresh.client_id"),
        ("mcp_oauth", {"client_id": "other"}, "auth.refresh.client_id"),
        ("mcp_oauth", {"refresh": {"token_endpoint": "https://x.example"}}, "auth.refresh.token_endpoint"),
        ("mcp_oauth", {"refresh": {"resource": "other"}}, "auth.refresh.resource"),
        (
            "mcp_oauth",
            {"refresh": {"token_endpoint_auth": {"type": "client_secret_post"}}},
            "auth.refresh.token_endpoint_auth.type",
        ),
        ("cap_cli", {"cli_id": "aws"}, "auth.cli_id"),
        ("environment_variable", {"secret_name": "OTHER"}, "auth.secret_name"),
    ],
)
def test_what_a_credential_is_for_stays(kind: str, fields: dict[str, Any], place: str) -> None:
    with pytest.raises(CredentialKeyFixed) as refused:
        changed(made(kind)[0], **fields)
    assert refused.value.field == place


def test_another_spelling_of_the_same_address_is_no_change() -> None:
    auth, _ = made("static_bearer")
    assert changed(auth, mcp_server_url="HTTPS://MCP.Example.com:443/mcp/")[0] == auth


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/mcp", "https://A.Example:443/mcp/", True),
        ("http://a.example:80", "http://a.example/", True),
        ("https://a.example/mcp", "https://a.example/MCP", False),
        ("https://a.example/mcp", "http://a.example/mcp", False),
        ("https://a.example/mcp", "https://a.example:8443/mcp", False),
    ],
)
def test_addresses_are_compared_by_what_they_mean(one: str, other: str, same: bool) -> None:
    assert (server_key(one) == server_key(other)) is same


def test_new_secrets_alone_are_handed_on() -> None:
    auth, _ = made("mcp_oauth")
    after, fresh = changed(
        auth,
        access_token="canary-4",
        refresh={"token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "canary-5"}},
    )
    assert fresh == {"access_token": "canary-4", "client_secret": "canary-5"}
    assert after == auth


def test_a_scope_is_cleared_by_an_empty_one_and_an_expiry_by_null() -> None:
    auth, _ = made("mcp_oauth", expires_at="2999-01-01T00:00:00")
    assert auth.model_dump()["expires_at"] == 32_472_144_000_000
    after = changed(auth, expires_at=None, refresh={"scope": ""})[0].model_dump()
    assert (after["expires_at"], after["scope"]) == (None, None)


def test_an_expiry_lies_in_the_future() -> None:
    with pytest.raises(InvalidRequest, match=r"auth\.expires_at"):
        made("mcp_oauth", expires_at=(now_ms() - 1000) / 1000)


def test_flat_fields_say_the_same_as_nested_ones() -> None:
    flat = {
        "refresh": None,
        "refresh_token": "canary-2",
        "token_endpoint": "https://auth.example.com/token",
        "client_id": "app",
        "client_secret": "canary-3",
    }
    auth, secrets = made("mcp_oauth", **flat)
    assert secrets == {"access_token": "canary-1", "refresh_token": "canary-2", "client_secret": "canary-3"}
    shown = auth.model_dump()
    assert (shown["client_id"], shown["client_auth"], shown["refreshable"]) == ("app", "client_secret_post", True)


def test_a_client_that_needs_no_secret_is_given_none() -> None:
    refresh = SENT["mcp_oauth"]["refresh"] | {"token_endpoint_auth": {"type": "none"}}
    auth, secrets = made("mcp_oauth", refresh=refresh)
    assert "client_secret" not in secrets
    with pytest.raises(CredentialKeyFixed, match="takes no client secret"):
        changed(auth, client_secret="canary-9")


def test_both_places_are_on_unless_one_is_named() -> None:
    def places(**given: Any) -> dict[str, bool]:
        shown: dict[str, bool] = made("environment_variable", **given)[0].model_dump()["injection_location"]
        return shown

    assert places() == {"header": True, "body": True}
    assert places(injection_location={"header": True}) == {"header": True, "body": False}
    assert places(injection_location={"body": True}) == {"header": False, "body": True}


@pytest.mark.parametrize("places", [{}, {"header": False}, {"header": False, "body": False}])
def test_a_variable_without_any_place_is_refused(places: dict[str, bool]) -> None:
    with pytest.raises(InvalidRequest, match=r"auth\.injection_location"):
        made("environment_variable", injection_location=places)


def test_places_change_one_by_one_but_one_stays() -> None:
    auth, _ = made("environment_variable")
    auth, _ = changed(auth, injection_location={"body": False})
    assert auth.model_dump()["injection_location"] == {"header": True, "body": False}
    with pytest.raises(InvalidRequest, match=r"auth\.injection_location"):
        changed(auth, injection_location={"header": False})


def test_networking_changes_as_a_whole() -> None:
    auth, _ = made("environment_variable")
    assert changed(auth, networking={"type": "unrestricted"})[0].model_dump()["networking"] == {"type": "unrestricted"}
    assert changed(auth, networking=None)[0] == auth


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("static_bearer", {"token": ""}),
        ("static_bearer", {"token": "two\nlines"}),
        ("static_bearer", {"token": None}),
        ("static_bearer", {"mcp_server_url": "https://user:pass@example.com"}),
        ("static_bearer", {"mcp_server_url": "ftp://example.com"}),
        ("static_bearer", {"mcp_server_url": None}),
        ("environment_variable", {"secret_name": "1X"}),
        ("environment_variable", {"secret_name": "A B"}),
        ("environment_variable", {"secret_value": "a\r\nx-header: b"}),
        ("environment_variable", {"injection_location": None}),
        ("environment_variable", {"networking": {"type": "limited"}}),
        ("environment_variable", {"networking": {"type": "limited", "allowed_hosts": ["https://a.example"]}}),
        ("environment_variable", {"networking": {"type": "limited", "allowed_hosts": ["a.example:80"]}}),
        ("environment_variable", {"networking": {"type": "limited", "allowed_hosts": ["a.example"] * 17}}),
        ("mcp_oauth", {"refresh": {"client_id": "x"}}),
        (
            "mcp_oauth",
            {"refresh": SENT["mcp_oauth"]["refresh"] | {"token_endpoint_auth": {"type": "client_secret_post"}}},
        ),
        ("cap_cli", {"cli_id": "../gh"}),
    ],
)
def test_what_cannot_be_used_is_refused(kind: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(kind, **more)


def test_extras_are_added_and_replaced() -> None:
    auth, _ = made("cap_cli")
    after, fresh = changed(auth, extras={"REGION": "new", "ZONE": "more"})
    assert after.model_dump()["extras"] == ["REGION", "ZONE"]
    assert fresh == {"extras.REGION": "new", "extras.ZONE": "more"}
