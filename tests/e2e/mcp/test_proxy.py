"""A client of its own speaks with the MCP servers of a session through the server, with the vault's credential."""

import asyncio
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.mcp.conftest import agent_for, bearer, oauth, vault_with
from tests.support.api import Api
from tests.support.mcp_server import McpSite
from tests.support.server import Server


def proxied(api: Api, session: str, server: str = "site") -> str:
    """Where a server of a session is reached."""
    return f"{api.url}/v1/mcp-proxy/{session}/{server}"


async def _spoken(url: str, key: str, tool: str = "echo") -> tuple[list[str], Any]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        tools = (await client.list_tools()).tools
        return [tool.name for tool in tools], await client.call_tool(tool, {"text": "hi"})


def test_the_official_client_speaks_through_it(api: Api, site: McpSite) -> None:
    site.tokens = {"vault-token-1"}
    vault = vault_with(api, bearer(site.url, "vault-token-1"))
    session = api.session(agent_for(api, site.url), vault_ids=[vault])
    names, result = asyncio.run(_spoken(proxied(api, session), api.key))
    assert "echo" in names
    assert result.content[0].text == "echo: hi"
    assert set(site.bearers()) == {"Bearer vault-token-1"}
    assert all("x-api-key" not in one.headers and api.key not in str(one.headers) for one in site.seen)


def test_a_refused_token_is_renewed_on_the_way(api: Api, site: McpSite) -> None:
    site.tokens = set()
    vault = vault_with(api, oauth(site))
    site.oauth.access.clear()
    session = api.session(agent_for(api, site.url), vault_ids=[vault])
    _, result = asyncio.run(_spoken(proxied(api, session), api.key))
    assert result.content[0].text == "echo: hi"
    assert len(site.oauth.requests) == 1


def test_the_status_is_that_of_the_server(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url))
    for status in (401, 418, 503):
        site.broken = status
        answer = api.call("POST", f"/v1/mcp-proxy/{session}/site", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert (answer.status_code, answer.text) == (status, "broken")
    site.broken, site.redirect = None, "http://127.0.0.2:1/"
    assert api.call("GET", f"/v1/mcp-proxy/{session}/site").status_code == 307


def test_only_the_tenants_own_sessions_and_servers_are_reached(api: Api, server: Server, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url))
    assert httpx2.post(proxied(api, session), json={}).status_code == 401
    assert httpx2.post(proxied(api, session), json={}, headers={"authorization": "Bearer x"}).status_code == 401
    assert api.call("POST", f"/v1/mcp-proxy/{session}/other", {}).status_code == 404
    assert api.call("POST", f"/v1/mcp-proxy/sesn_{'0' * 32}/site", {}).status_code == 404
    other = {"authorization": f"Bearer {server.tenant('Other')}"}
    assert httpx2.post(proxied(api, session), json={}, headers=other).status_code == 404
    assert site.seen == []


def test_an_inner_address_is_a_bad_gateway(api: Api) -> None:
    session = api.session(agent_for(api, "http://127.0.0.2:1/mcp", "http://127.0.0.1:9/mcp"))
    for name in ("site", "site2"):
        assert api.call("POST", f"/v1/mcp-proxy/{session}/{name}", {}).status_code == 502


def test_no_answer_of_a_server_is_a_page_of_this_one(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url))
    site.broken = 400
    answer = api.call("GET", f"/v1/mcp-proxy/{session}/site")
    assert answer.text == "broken"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_credential_that_the_server_repeats_is_hidden(api: Api, site: McpSite) -> None:
    token = "vault/token-that-is-not-shown"
    session = api.session(agent_for(api, site.url), vault_ids=[vault_with(api, bearer(site.url, token))])
    _, result = asyncio.run(_spoken(proxied(api, session), api.key, "leak"))
    assert result.content[0].text == "you sent Bearer [hidden]"
    site.tokens, site.denial = set(), 418
    answer = api.call("POST", f"/v1/mcp-proxy/{session}/site", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.json()["sent"]) == (418, "[hidden]")
    site.challenge = f"http://127.0.0.1/{token}"
    told = api.call("POST", f"/v1/mcp-proxy/{session}/site", {}).headers["www-authenticate"]
    assert "/[hidden]" in told
    assert token not in told
