"""MCP servers as the official client sees them: every event and error fits its types."""

from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import official
from tests.support.api import Api, wait_for
from tests.support.mcp_server import McpSite


@pytest.fixture
def client(sdk_api: Api) -> Iterator[Anthropic]:
    with official(sdk_api.url, sdk_api.key) as made:
        yield made


def session_of(client: Anthropic, url: str, policy: str, **fields: Any) -> str:
    """A session of an agent with one server."""
    toolset: Any = {
        "type": "mcp_toolset",
        "mcp_server_name": "site",
        "default_config": {"permission_policy": {"type": policy}},
    }
    agent = client.beta.agents.create(
        name="Agent",
        model="claude-test",
        tools=[toolset],
        mcp_servers=[{"type": "url", "name": "site", "url": url}],
    )
    environment = client.beta.environments.create(name=f"for {agent.id}")
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id, **fields).id


def send(client: Anthropic, session: str, *events: Any) -> list[Any]:
    """Send events; all events once the session rests."""
    client.beta.sessions.events.send(session, events=list(events))
    wait_for(lambda: client.beta.sessions.retrieve(session).status == "idle", "the session to rest")
    return list(client.beta.sessions.events.list(session))


def said(text: str) -> Any:
    """A message."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def test_a_tool_is_asked_about_allowed_and_used(client: Anthropic, site: McpSite) -> None:
    session = session_of(client, site.url, "always_ask")
    events = send(client, session, said('tool:mcp__site__echo input:{"text": "hi"}'))
    [use] = [event for event in events if event.type == "agent.mcp_tool_use"]
    assert (use.mcp_server_name, use.name, use.input, use.evaluated_permission) == (
        "site",
        "echo",
        {"text": "hi"},
        "ask",
    )
    assert events[-1].stop_reason.event_ids == [use.id]
    answer = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
    events = send(client, session, answer)
    [result] = [event for event in events if event.type == "agent.mcp_tool_result"]
    assert (result.mcp_tool_use_id, result.is_error, result.content[0].text) == (use.id, False, "echo: hi")
    assert events[-1].stop_reason.type == "end_turn"


def test_a_credential_of_a_vault_reaches_the_server(client: Anthropic, site: McpSite) -> None:
    site.tokens = {"vault-token-2"}
    vault = client.beta.vaults.create(display_name="Alice")
    auth: Any = {"type": "static_bearer", "mcp_server_url": site.url, "token": "vault-token-2"}
    client.beta.vaults.credentials.create(vault.id, auth=auth)
    session = session_of(client, site.url, "always_allow", vault_ids=[vault.id])
    events = send(client, session, said("tool:mcp__site__picture"))
    [result] = [event for event in events if event.type == "agent.mcp_tool_result"]
    assert result.content[0].source.media_type == "image/png"


def test_the_two_errors_have_their_types(client: Anthropic, site: McpSite) -> None:
    site.tokens = set()
    events = send(client, session_of(client, site.url, "always_allow"), said("hello"))
    [refused] = [event.error for event in events if event.type == "session.error"]
    events = send(client, session_of(client, "http://127.0.0.1:9/mcp", "always_allow"), said("hello"))
    [gone] = [event.error for event in events if event.type == "session.error"]
    told = [(one.type, one.mcp_server_name, one.retry_status.type) for one in (refused, gone)]
    assert told == [
        ("mcp_authentication_failed_error", "site", "retrying"),
        ("mcp_connection_failed_error", "site", "retrying"),
    ]
