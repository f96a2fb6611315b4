"""One MCP server for each test process, and sessions of agents that use it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.api import Api, Json
from tests.support.mcp_server import McpSite

ALLOW = {"permission_policy": {"type": "always_allow"}}


@pytest.fixture(scope="session")
def shared_site() -> Iterator[McpSite]:
    """The MCP server."""
    with McpSite() as running:
        yield running


@pytest.fixture
def site(shared_site: McpSite) -> McpSite:
    """The MCP server, forgetful of earlier tests."""
    shared_site.reset()
    return shared_site


def agent_for(api: Api, *urls: str, configs: Any = (), default: Json | None = None, **fields: Any) -> Json:
    """An agent with servers named ``site``, ``site2`` …, all of whose tools are allowed unless said otherwise."""
    names = [f"site{place or ''}" for place in (0, *range(2, len(urls) + 1))][: len(urls)]
    toolset = {"type": "mcp_toolset", "default_config": ALLOW if default is None else default}
    tools = [toolset | {"mcp_server_name": name, "configs": list(configs)} for name in names]
    servers = [{"type": "url", "name": name, "url": url} for name, url in zip(names, urls, strict=True)]
    return api.agent(tools=[*fields.pop("tools", []), *tools], mcp_servers=servers, **fields)


def vault_with(api: Api, *auths: Json) -> str:
    """A vault that holds these."""
    vault: str = api.post("/v1/vaults", name="Keys")["id"]
    for auth in auths:
        api.post(f"/v1/vaults/{vault}/credentials", display_name="key", auth=auth)
    return vault


def bearer(url: str, token: str) -> Json:
    """A static token for a server."""
    return {"type": "static_bearer", "mcp_server_url": url, "token": token}


def oauth(site: McpSite, url: str | None = None, auth: str = "none", **fields: Any) -> Json:
    """A credential that the site's authorization server gave, with what renews it."""
    secret = None if auth == "none" else "client secret & more"
    client = site.oauth.client(f"client-{auth}", secret, auth)
    access, refresh = site.oauth.grant(client)
    way = {"type": auth} | ({"client_secret": secret} if secret else {})
    renewal = {
        "client_id": client,
        "refresh_token": refresh,
        "token_endpoint": f"{site.oauth.url}/token",
        "token_endpoint_auth": way,
    }
    made = {"type": "mcp_oauth", "mcp_server_url": url or site.url, "access_token": access, "refresh": renewal}
    return made | fields


def of_type(log: list[Json], kind: str) -> list[Json]:
    """The events of a type."""
    return [event for event in log if event["type"] == kind]


def result_text(log: list[Json]) -> str:
    """The text of the last result of an MCP tool."""
    blocks = of_type(log, "agent.mcp_tool_result")[-1]["content"]
    return "".join(block.get("text", "") for block in blocks)


@pytest.fixture
def ask(api: Api) -> Callable[..., list[Json]]:
    """Let the agent of a new session use a tool; the log."""

    def run(agent: Json, tool: str = "mcp__site__echo", text: str = "hi", **fields: Any) -> list[Json]:
        session = api.session(agent, **fields)
        return api.turn(session, f'tool:{tool} input:{{"text": "{text}"}}')

    return run
