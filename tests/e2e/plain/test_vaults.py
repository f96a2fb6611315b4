"""Vaults for plain clients: a secret inside the vault's own body, flat OAuth fields, merged updates, plain names."""

import pytest

from tests.support.api import SDK_HEADERS, Api, Json

URL = "https://mcp.example.com"
BEARER: Json = {"type": "static_bearer", "mcp_server_url": URL, "token": "canary-token"}
FLAT: Json = {
    "type": "mcp_oauth",
    "mcp_server_url": URL,
    "access_token": "canary-access",
    "refresh_token": "canary-refresh",
    "token_endpoint": "https://auth.example.com/token",
    "client_id": "app",
    "client_secret": "canary-client",
    "authorization_server": "https://auth.example.com",
}
CLI: Json = {"type": "cap_cli", "cli_id": "gh", "token": "canary-token", "extras": {"HOST": "canary-extra"}}
VARIABLE: Json = {
    "type": "environment_variable",
    "secret_name": "API_KEY",
    "secret_value": "canary-value",
    "networking": {"type": "unrestricted"},
}


@pytest.fixture
def vault(api: Api) -> str:
    return str(api.post("/v1/vaults", name="Mine")["id"])


def credentials(api: Api, vault: str, **query: str) -> list[Json]:
    """A vault's credentials."""
    found: list[Json] = api.get(f"/v1/vaults/{vault}/credentials", **query)["data"]
    return found


def test_a_vault_has_one_name_under_two_names(api: Api) -> None:
    for made in (api.post("/v1/vaults", name="Mine"), api.post("/v1/vaults", display_name="Mine")):
        assert (made["type"], made["name"], made["display_name"]) == ("vault", "Mine", "Mine")
        assert (made["has_secret"], made["metadata"]) == (False, {})
    answer = api.call("POST", "/v1/vaults", {})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request")


@pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT"])
def test_an_update_is_partial_whatever_its_verb(api: Api, vault: str, verb: str) -> None:
    after = api.ok(verb, f"/v1/vaults/{vault}", {"metadata": {"a": "b"}})
    assert (after["name"], after["metadata"]) == ("Mine", {"a": "b"})
    after = api.ok(verb, f"/v1/vaults/{vault}", {"name": "Other", "metadata": {"a": ""}})
    assert (after["name"], after["metadata"]) == ("Other", {})


@pytest.mark.parametrize("binding", [{"host": "mcp.example.com"}, {"mcp_server_url": URL}, {}])
def test_a_secret_in_a_vaults_body_becomes_a_credential_and_is_replaced(api: Api, binding: Json) -> None:
    made = api.call("POST", "/v1/vaults", {"name": "Mine", "secret": "canary-one", **binding})
    assert made.status_code == 201
    assert made.json()["has_secret"] is True
    vault = made.json()["id"]
    (first,) = credentials(api, vault)
    assert first["display_name"] == "Mine"
    assert first["auth"] == {"type": "static_bearer", "mcp_server_url": URL if binding else ""}
    after = api.call("PATCH", f"/v1/vaults/{vault}", {"secret": "canary-two"})
    assert after.json()["has_secret"] is True
    (second,) = credentials(api, vault)
    assert second["id"] == first["id"]
    assert second["updated_at"] >= first["updated_at"]
    assert "canary" not in made.text + after.text + str(second)


@pytest.mark.parametrize("auth", [BEARER, FLAT, CLI, VARIABLE], ids=lambda auth: auth["type"])
def test_a_whole_credential_in_a_vaults_body(api: Api, auth: Json) -> None:
    made = api.call("POST", "/v1/vaults", {"name": "Mine", "secret": auth})
    assert made.json()["has_secret"] is True
    (only,) = credentials(api, made.json()["id"])
    assert only["auth"]["type"] == auth["type"]
    assert "canary" not in made.text + str(only)


@pytest.mark.parametrize("secret", ["", 5, [], {"type": "moon", "token": "canary"}, {"token": "canary"}, "a\nb"])
def test_a_secret_that_cannot_be_used_makes_no_vault(api: Api, secret: object) -> None:
    refused = api.call("POST", "/v1/vaults", {"name": "Mine", "secret": secret})
    assert refused.status_code == 400
    assert "canary" not in refused.text
    assert api.get("/v1/vaults")["data"] == []


def test_flat_oauth_fields_are_shown_flat_and_nested(api: Api, vault: str) -> None:
    shown = api.post(f"/v1/vaults/{vault}/credentials", display_name="Key", auth=FLAT)["auth"]
    assert shown["refresh"] == {
        "client_id": "app",
        "token_endpoint": FLAT["token_endpoint"],
        "token_endpoint_auth": {"type": "client_secret_post"},
        "scope": None,
        "resource": None,
    }
    flat = {name: shown[name] for name in ("client_id", "token_endpoint", "authorization_server")}
    assert flat == {name: FLAT[name] for name in flat}
    assert "canary" not in str(shown)


def test_a_programs_token_shows_the_names_of_its_extras(api: Api, vault: str) -> None:
    made = api.post(f"/v1/vaults/{vault}/credentials", display_name="gh", auth=CLI)
    assert made["auth"] == {"type": "cap_cli", "cli_id": "gh", "extras": {"HOST": None}}


def test_an_update_of_a_credential_is_merged(api: Api, vault: str) -> None:
    made = api.post(f"/v1/vaults/{vault}/credentials", display_name="Key", auth=BEARER)
    path = f"/v1/vaults/{vault}/credentials/{made['id']}"
    after = api.ok("POST", path, {"auth": {"token": "canary-new"}})
    assert (after["auth"], after["display_name"]) == (made["auth"], "Key")
    assert api.ok("PATCH", path, {"display_name": "Other"})["display_name"] == "Other"
    for auth in ({"mcp_server_url": "https://other.example.com"}, {"type": "cap_cli"}):
        assert api.call("PUT", path, {"auth": auth}).status_code == 400


def test_conflicts_and_limits(api: Api, vault: str) -> None:
    path = f"/v1/vaults/{vault}/credentials"
    first = api.post(path, display_name="a", auth=BEARER)
    taken = api.call("POST", path, {"display_name": "b", "auth": BEARER})
    assert (taken.status_code, taken.json()["error"]["type"]) == (409, "conflict")
    api.post(f"{path}/{first['id']}/archive")
    assert api.call("POST", path, {"display_name": "b", "auth": BEARER}).status_code == 201
    for number in range(19):
        api.post(path, auth=VARIABLE | {"secret_name": f"KEY_{number}"})
    full = api.call("POST", path, {"auth": VARIABLE | {"secret_name": "MORE"}})
    assert full.status_code == 400


def test_archiving_hides_and_cascades(api: Api, vault: str) -> None:
    made = api.post(f"/v1/vaults/{vault}/credentials", auth=BEARER)
    archived = api.post(f"/v1/vaults/{vault}/archive")
    assert archived["archived_at"]
    assert archived["has_secret"] is False
    assert api.post(f"/v1/vaults/{vault}/archive") == archived
    assert api.get("/v1/vaults")["data"] == []
    assert [one["id"] for one in api.get("/v1/vaults", status="any")["data"]] == [vault]
    assert [one["id"] for one in api.get("/v1/vaults", archived="true")["data"]] == [vault]
    assert credentials(api, vault) == []
    assert [one["id"] for one in credentials(api, vault, include_archived="true")] == [made["id"]]
    assert api.get(f"/v1/vaults/{vault}/credentials/{made['id']}")["archived_at"]


def test_deletes_are_named_for_the_reader(api: Api, sdk_api: Api, vault: str) -> None:
    for client, kind in ((api, "credential_deleted"), (sdk_api, "vault_credential_deleted")):
        made = client.post(f"/v1/vaults/{vault}/credentials", auth=BEARER)
        path = f"/v1/vaults/{vault}/credentials/{made['id']}"
        assert client.ok("DELETE", path) == {"id": made["id"], "type": kind}
        assert client.call("DELETE", path).status_code == 404
    assert api.ok("DELETE", f"/v1/vaults/{vault}") == {"id": vault, "type": "vault_deleted"}
    assert api.call("DELETE", f"/v1/vaults/{vault}").status_code == 404


def test_lists_are_paged_and_searched(api: Api) -> None:
    made = [api.post("/v1/vaults", name=f"Vault {number}")["id"] for number in range(5)]
    seen: list[str] = []
    page: Json = {"next_cursor": None, "has_more": True}
    while page["has_more"]:
        page = api.get("/v1/vaults", limit="2", **({"cursor": page["next_cursor"]} if page["next_cursor"] else {}))
        seen += [one["id"] for one in page["data"]]
    assert seen == made[::-1]
    assert page["next_cursor"] is page["next_page"] is None
    assert [one["id"] for one in api.get("/v1/vaults", q="ULT 3")["data"]] == [made[3]]
    assert api.call("GET", "/v1/vaults?status=lost").json()["error"]["code"] == "invalid_status"
    assert len(api.get("/v1/vaults", cursor="broken")["data"]) == 5
    assert api.call("GET", "/v1/vaults?page=broken", headers=SDK_HEADERS).status_code == 400


def test_a_cursor_of_one_vault_does_not_open_another(sdk_api: Api) -> None:
    vaults = [sdk_api.post("/v1/vaults", display_name=name)["id"] for name in ("a", "b")]
    for number in range(2):
        sdk_api.post(f"/v1/vaults/{vaults[0]}/credentials", auth=VARIABLE | {"secret_name": f"K{number}"})
    cursor = sdk_api.get(f"/v1/vaults/{vaults[0]}/credentials", limit="1")["next_page"]
    assert cursor
    assert sdk_api.call("GET", f"/v1/vaults/{vaults[1]}/credentials?page={cursor}").status_code == 400


def test_unknown_ids_are_not_found(api: Api, vault: str) -> None:
    for path in ("/v1/vaults/vlt_0", "/v1/vaults/vlt_0/credentials", f"/v1/vaults/{vault}/credentials/vcrd_0"):
        assert api.call("GET", path).status_code == 404, path
    assert api.call("POST", "/v1/vaults/vlt_0/credentials", {"auth": BEARER}).status_code == 404


def test_a_session_of_an_unknown_vault_is_not_made(api: Api, vault: str) -> None:
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"]}
    for given, place in ((["vlt_x"], "vault_ids.0"), ([vault, "vlt_" + "0" * 32], "vault_ids.1")):
        refused = api.call("POST", "/v1/sessions", body | {"vault_ids": given})
        assert refused.status_code == 404
        assert refused.json()["message"].startswith(f"{place}: ")
    assert api.get("/v1/sessions")["data"] == []
    made = api.post("/v1/sessions", **body, vault_ids=[vault])
    assert made["vault_ids"] == [vault]
    assert api.call("PATCH", f"/v1/sessions/{made['id']}", {"vault_ids": []}).status_code == 400


def test_reading_needs_read_and_changing_needs_write(api: Api, vault: str, server) -> None:  # type: ignore[no-untyped-def]
    reader = Api(server.url, api.post("/v1/api_keys", name="reader", scopes=["read"])["key"])
    assert reader.call("GET", f"/v1/vaults/{vault}").status_code == 200
    assert reader.call("POST", f"/v1/vaults/{vault}/credentials", {"auth": BEARER}).status_code == 403
    assert reader.call("DELETE", f"/v1/vaults/{vault}").status_code == 403
    reader.close()
