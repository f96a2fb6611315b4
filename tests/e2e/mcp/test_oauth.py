"""A person authorizes an MCP server: discovery, registration, a state that works once, tokens in the vault."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.e2e.mcp.conftest import agent_for, bearer, oauth, result_text, vault_with
from tests.support.api import Api, Json
from tests.support.mcp_server import McpSite
from tests.support.server import Server


def begin(api: Api, site: McpSite, vault: str, **more: Any) -> httpx2.Response:
    """Ask where a person has to go."""
    query = {"mcp_server_url": site.url, "vault_id": vault} | more
    return api.call("GET", "/v1/oauth/authorize", params=query)


def walk(api: Api, site: McpSite, vault: str, **more: Any) -> httpx2.Response:
    """Go all the way as a person who agrees; the last answer."""
    answer = begin(api, site, vault, **more)
    assert answer.status_code == 302, answer.text
    back = httpx2.get(answer.headers["location"])
    assert back.status_code == 307, back.text
    return httpx2.get(back.headers["location"])


def stored(api: Api, vault: str) -> list[Json]:
    """The credentials of a vault."""
    found: list[Json] = api.get(f"/v1/vaults/{vault}/credentials")["data"]
    return found


def closed(site: McpSite) -> None:
    """Let nobody in without a token."""
    site.tokens = set()


def test_an_authorization_ends_with_a_credential_that_works(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api)
    page = walk(api, site, vault)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "access-token" not in page.text
    made = stored(api, vault)[0]["auth"]
    assert (made["type"], made["mcp_server_url"]) == ("mcp_oauth", site.url)
    assert (made["authorization_server"], made["token_endpoint"]) == (site.oauth.url, f"{site.oauth.url}/token")
    assert made["expires_at"] is not None
    session = api.session(agent_for(api, site.url), vault_ids=[vault])
    assert result_text(api.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}')) == "echo: hi"
    site.oauth.access.clear()
    assert result_text(api.turn(session, 'tool:mcp__site__echo input:{"text": "ho"}')) == "echo: ho"


def test_the_person_is_sent_with_pkce_state_and_resource(api: Api, site: McpSite) -> None:
    closed(site)
    location = begin(api, site, vault_with(api)).headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert location.startswith(f"{site.oauth.url}/authorize?")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{api.url}/v1/oauth/callback"
    assert (asked["resource"], asked["scope"]) == (site.url, "tools")
    assert len(asked["state"]) >= 40


def test_the_person_is_sent_on_when_the_client_says_where(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api)
    answer = walk(api, site, vault, redirect_uri="https://console.example/done?tab=1#x")
    credential = stored(api, vault)[0]["id"]
    assert answer.status_code == 302
    assert (
        answer.headers["location"] == f"https://console.example/done?tab=1&status=connected&credential_id={credential}"
    )


def test_a_client_registered_by_hand_needs_no_registration(api: Api, site: McpSite) -> None:
    closed(site)
    site.oauth.registers = False
    vault = vault_with(api)
    assert begin(api, site, vault).status_code == 501
    site.oauth.client("mine", "secret of mine", "client_secret_post")
    assert walk(api, site, vault, client_id="mine", client_secret="secret of mine").status_code == 200
    assert stored(api, vault)[0]["auth"]["refresh"]["token_endpoint_auth"] == {"type": "client_secret_post"}


def test_another_authorization_renews_the_credential_of_the_server(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api, oauth(site))
    before = stored(api, vault)[0]
    assert walk(api, site, vault).status_code == 200
    after = stored(api, vault)
    assert [one["id"] for one in after] == [before["id"]]
    assert after[0]["auth"]["client_id"] != before["auth"]["client_id"]
    assert walk(api, site, vault, credential_id=before["id"]).status_code == 200


def test_an_unknown_state_is_refused(api: Api) -> None:
    for query in (
        {"state": "made-up", "code": "x"},
        {"state": "made-up"},
        {"code": "x"},
        {},
        {"state": "", "code": "x"},
    ):
        assert httpx2.get(f"{api.url}/v1/oauth/callback", params=query).status_code == 400


def test_a_state_works_once(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api)
    back = httpx2.get(begin(api, site, vault).headers["location"]).headers["location"]
    assert httpx2.get(back).status_code == 200
    assert httpx2.get(back).status_code == 400
    assert len(stored(api, vault)) == 1


def test_a_refusal_uses_the_state_up_and_stores_nothing(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api)
    location = begin(api, site, vault).headers["location"]
    state = parse_qs(urlsplit(location).query)["state"][0]
    refused = httpx2.get(f"{api.url}/v1/oauth/callback", params={"state": state, "error": "access_denied<b>"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/json"
    assert httpx2.get(f"{api.url}/v1/oauth/callback", params={"state": state, "code": "code-1"}).status_code == 400
    assert stored(api, vault) == []


@pytest.mark.parametrize("change", [{"code": "another"}, {"iss": "https://evil.example"}])
def test_an_answer_that_does_not_fit_is_refused(api: Api, site: McpSite, change: Json) -> None:
    closed(site)
    vault = vault_with(api)
    back = httpx2.get(begin(api, site, vault).headers["location"]).headers["location"]
    told = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | change
    assert httpx2.get(f"{api.url}/v1/oauth/callback", params=told).status_code == 400
    assert stored(api, vault) == []


def test_wrong_parameters_are_refused(api: Api, stranger_vault: str, site: McpSite) -> None:
    vault = vault_with(api, bearer("https://elsewhere.example/mcp", "other-token"))
    static = stored(api, vault)[0]["id"]
    assert api.call("GET", "/v1/oauth/authorize").status_code == 400
    assert begin(api, site, vault, mcp_server_url="ftp://x").status_code == 400
    assert begin(api, site, vault, redirect_uri="javascript:alert(1)").status_code == 400
    assert begin(api, site, vault, credential_id=static).status_code == 400
    assert begin(api, site, vault, credential_id=f"vcrd_{'0' * 32}").status_code == 404
    assert begin(api, site, f"vlt_{'0' * 32}").status_code == 404
    assert begin(api, site, stranger_vault).status_code == 404
    api.ok("POST", f"/v1/vaults/{vault}/archive")
    assert begin(api, site, vault).status_code == 400


def test_a_clients_secret_stays_out_of_answers_and_logs(api: Api, site: McpSite, server: Server) -> None:
    vault, secret = vault_with(api), "client-secret-of-a-query"
    sent = begin(api, site, vault, client_id="by-hand", client_secret=secret)
    assert sent.status_code == 302
    assert (sent.headers["cache-control"], sent.headers["referrer-policy"]) == ("no-store", "no-referrer")
    site.oauth.metadata = {"issuer": "https://evil.example"}
    refused = [
        begin(api, site, vault, client_id="by-hand", client_secret=secret),
        begin(api, site, vault, mcp_server_url="ftp://x", client_secret=secret),
        begin(api, site, f"vlt_{'0' * 32}", client_secret=secret),
        begin(api, site, vault, client_secret=secret * 200),
        httpx2.get(f"{api.url}/v1/oauth/authorize", params={"client_secret": secret}),
    ]
    for answer in (sent, *refused):
        assert secret not in answer.text + str(answer.headers)
    assert secret not in server.log()


def test_it_needs_a_key(api: Api, site: McpSite) -> None:
    query = {"mcp_server_url": site.url, "vault_id": vault_with(api)}
    assert httpx2.get(f"{api.url}/v1/oauth/authorize", params=query).status_code == 401


def test_a_server_without_an_authority_is_a_bad_gateway(api: Api, site: McpSite) -> None:
    closed(site)
    vault = vault_with(api)
    for change in (
        {"code_challenge_methods_supported": ["plain"]},
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://93.184.216.34/token"},
        {"registration_endpoint": "http://93.184.216.34/register"},
    ):
        site.oauth.metadata = change
        assert begin(api, site, vault).status_code == 502, change
    site.oauth.metadata = {}
    site.protected = {"resource": "https://evil.example/mcp"}
    assert begin(api, site, vault).status_code == 502
    assert begin(api, site, vault, mcp_server_url="http://127.0.0.1:9/mcp").status_code == 502


@pytest.fixture
def stranger_vault(server: Any) -> Any:
    client = Api(server.url, server.tenant("Stranger"))
    yield vault_with(client)
    client.close()
