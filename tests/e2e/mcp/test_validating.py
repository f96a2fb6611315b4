"""Checking and renewing OAuth credentials on demand, for both kinds of clients."""

from typing import Any

import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import official
from tests.e2e.mcp.conftest import bearer, oauth, vault_with
from tests.support.api import Api, Json
from tests.support.mcp_server import McpSite


def check(api: Api, vault: str) -> Any:
    """Check the one credential of a vault."""
    return api.call("POST", f"{credential_of(api, vault)}/mcp_oauth_validate")


def credential_of(api: Api, vault: str) -> str:
    """The path of the one credential of a vault."""
    found: Json = api.get(f"/v1/vaults/{vault}/credentials", include_archived=True)["data"][0]
    return f"/v1/vaults/{vault}/credentials/{found['id']}"


def ids(path: str) -> Json:
    """The ids in a credential's path."""
    _, _, _, vault, _, credential = path.split("/")
    return {"vault_id": vault, "credential_id": credential}


def lost(site: McpSite) -> Json:
    """A credential whose access token the server refuses."""
    site.tokens = set()
    auth = oauth(site)
    site.oauth.access.clear()
    return auth


@pytest.fixture
def client(sdk_api: Api) -> Any:
    with official(sdk_api.url, sdk_api.key) as made:
        yield made


def test_the_official_client_reads_a_verdict(client: Anthropic, sdk_api: Api, site: McpSite) -> None:
    site.tokens = set()
    path = ids(credential_of(sdk_api, vault_with(sdk_api, oauth(site))))
    verdict = client.beta.vaults.credentials.mcp_oauth_validate(path["credential_id"], vault_id=path["vault_id"])
    assert (verdict.status, verdict.type) == ("valid", "vault_credential_validation")
    assert (verdict.mcp_probe, verdict.refresh, verdict.has_refresh_token) == (None, None, True)
    assert (verdict.credential_id, verdict.vault_id) == (path["credential_id"], path["vault_id"])
    assert site.oauth.requests == []


def test_a_refused_token_is_renewed_and_then_valid(sdk_api: Api, site: McpSite) -> None:
    answer = check(sdk_api, vault_with(sdk_api, lost(site))).json()
    assert (answer["status"], answer["refresh"]) == ("valid", {"status": "succeeded", "http_response": None})
    assert (answer["mcp_probe"], answer["validated"]) == (None, True)
    assert 3500 < answer["expires_in"] <= 3600


def test_a_refused_renewal_is_an_invalid_credential_for_an_sdk(sdk_api: Api, site: McpSite) -> None:
    auth = lost(site)
    site.oauth.refuses = 400
    answer = check(sdk_api, vault_with(sdk_api, auth))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["refresh"]["status"]) == ("invalid", "failed")
    assert told["refresh"]["http_response"]["status_code"] == 400
    assert "temporarily_unavailable" in told["refresh"]["http_response"]["body"]
    assert told["mcp_probe"]["method"] == "initialize"
    assert told["mcp_probe"]["http_response"]["status_code"] == 401
    assert auth["access_token"] not in answer.text
    assert auth["refresh"]["refresh_token"] not in answer.text


def test_a_refused_renewal_is_a_bad_gateway_for_a_plain_client(api: Api, site: McpSite) -> None:
    auth = lost(site)
    site.oauth.refuses = 400
    answer = check(api, vault_with(api, auth))
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "internal_error")


def test_a_plain_client_gets_a_new_token_with_its_check(api: Api, site: McpSite) -> None:
    answer = check(api, vault_with(api, lost(site))).json()
    assert (answer["type"], answer["validated"], answer["status"]) == ("mcp_oauth_validation", True, "valid")
    assert 3500 < answer["expires_in"] <= 3600
    assert len(site.oauth.requests) == 1


def test_without_a_refresh_token_there_is_nothing_to_renew(api: Api, sdk_api: Api, site: McpSite) -> None:
    auth = lost(site)
    del auth["refresh"]
    vault = vault_with(api, auth)
    assert check(api, vault).status_code == 400
    told = check(sdk_api, vault).json()
    assert (told["status"], told["refresh"]["status"], told["has_refresh_token"]) == (
        "invalid",
        "no_refresh_token",
        False,
    )


def test_a_token_endpoint_that_is_not_there_leaves_it_open(sdk_api: Api, site: McpSite) -> None:
    auth = lost(site)
    auth["refresh"]["token_endpoint"] = "http://127.0.0.1:9/token"
    told = check(sdk_api, vault_with(sdk_api, auth)).json()
    assert (told["status"], told["refresh"]) == ("unknown", {"status": "connect_error", "http_response": None})


def test_a_server_that_is_not_there_leaves_it_open(sdk_api: Api, site: McpSite) -> None:
    told = check(sdk_api, vault_with(sdk_api, oauth(site, url="http://127.0.0.1:9/mcp"))).json()
    assert (told["status"], told["mcp_probe"], told["refresh"]) == (
        "unknown",
        {"method": "initialize", "http_response": None},
        None,
    )


def test_only_active_oauth_credentials_are_checked(api: Api, sdk_api: Api, site: McpSite) -> None:
    static = vault_with(api, bearer(site.url, "static-token"))
    assert [check(one, static).status_code for one in (api, sdk_api)] == [400, 400]
    vault = vault_with(api, oauth(site))
    path = credential_of(api, vault)
    api.ok("POST", f"{path}/archive")
    assert [one.call("POST", f"{path}/mcp_oauth_validate").status_code for one in (api, sdk_api)] == [400, 400]
    unknown = f"/v1/vaults/{vault}/credentials/vcrd_{'0' * 32}/mcp_oauth_validate"
    assert api.call("POST", unknown).status_code == 404


def test_a_credential_is_renewed_on_demand(api: Api, site: McpSite) -> None:
    path = credential_of(api, vault_with(api, oauth(site)))
    told = api.ok("POST", "/v1/oauth/refresh", ids(path))
    assert (told["credential_id"], told["vault_id"]) == (ids(path)["credential_id"], ids(path)["vault_id"])
    assert 3500 < told["expires_in"] <= 3600
    assert len(site.oauth.requests) == 1


def test_what_cannot_be_renewed_on_demand_is_refused(api: Api, site: McpSite) -> None:
    good, static = oauth(site), vault_with(api, bearer(site.url, "static-token"))
    assert api.call("POST", "/v1/oauth/refresh", ids(credential_of(api, static))).status_code == 400
    assert api.call("POST", "/v1/oauth/refresh", {"vault_id": static}).status_code == 400
    missing = {"vault_id": static, "credential_id": f"vcrd_{'0' * 32}"}
    assert api.call("POST", "/v1/oauth/refresh", missing).status_code == 404
    assert api.call("POST", "/v1/oauth/refresh", missing | {"vault_id": "nonsense"}).status_code == 404
    path = credential_of(api, vault_with(api, good))
    site.oauth.refuses = 500
    assert api.call("POST", "/v1/oauth/refresh", ids(path)).status_code == 502


def test_a_repeat_under_one_key_renews_nothing_again(api: Api, site: McpSite) -> None:
    path = credential_of(api, vault_with(api, oauth(site)))
    asked: list[tuple[str, Json]] = [("/v1/oauth/refresh", ids(path)), (f"{path}/mcp_oauth_validate", {})]
    for place, body in asked:
        site.oauth.access.clear()
        before = len(site.oauth.requests)
        first, again = (api.call("POST", place, body, headers={"idempotency-key": "once"}) for _ in range(2))
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert first.status_code == 200
        assert again.headers["idempotent-replayed"] == "true"
        assert len(site.oauth.requests) == before + 1
        other = api.call("POST", place, body | {"more": 1}, headers={"idempotency-key": "once"})
        assert other.status_code == 409
