"""Credentials of vaults on the way to MCP servers: the right one goes along and is shown nowhere, a rotation reaches
running sessions, OAuth tokens are renewed once, and what cannot be renewed is told of."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.mcp.conftest import agent_for, bearer, oauth, of_type, result_text, vault_with
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for
from tests.support.mcp_server import McpSite
from tests.support.server import Server

Ask = Callable[..., list[Json]]


def session_with(api: Api, site: McpSite, *auths: Json, url: str | None = None) -> tuple[str, str]:
    """A session with one vault; session and vault."""
    vault = vault_with(api, *auths)
    return api.session(agent_for(api, url or site.url), vault_ids=[vault]), vault


def use(api: Api, session: str, tool: str = "echo") -> list[Json]:
    """Let the agent use a tool; what that turn added to the log."""
    before = len(api.log(session))
    return api.turn(session, f'tool:mcp__site__{tool} input:{{"text": "hi"}} {uuid.uuid4().hex}')[before:]


def only_credential(api: Api, vault: str) -> Json:
    """The one credential of a vault."""
    found: Json = api.get(f"/v1/vaults/{vault}/credentials")["data"][0]
    return found


def test_a_static_token_goes_along(api: Api, site: McpSite) -> None:
    site.tokens = {"static-token-1"}
    session, _ = session_with(api, site, bearer(site.url, "static-token-1"))
    assert result_text(use(api, session)) == "echo: hi"
    assert set(site.bearers()) == {"Bearer static-token-1"}


def test_a_credential_is_found_by_the_normalised_address(api: Api, site: McpSite) -> None:
    site.tokens = {"static-token-1"}
    shouted = site.url.replace("http://", "HTTP://") + "/"
    session, _ = session_with(api, site, bearer(shouted, "static-token-1"))
    assert result_text(use(api, session)) == "echo: hi"


def test_a_credential_for_the_whole_host_goes_along_unless_there_is_one_for_the_address(
    api: Api, site: McpSite
) -> None:
    site.tokens = {"token-of-the-host", "token-of-the-address"}
    vault = api.post("/v1/vaults", name="Keys", secret="token-of-the-host", mcp_server_url=site.url[: -len("/mcp")])
    session = api.session(agent_for(api, site.url), vault_ids=[vault["id"]])
    assert result_text(use(api, session)) == "echo: hi"
    assert set(site.bearers()) == {"Bearer token-of-the-host"}
    api.post(f"/v1/vaults/{vault['id']}/credentials", auth=bearer(site.url, "token-of-the-address"))
    use(api, session)
    assert site.bearers()[-1] == "Bearer token-of-the-address"


def test_the_first_vault_that_has_one_counts(api: Api, site: McpSite) -> None:
    site.tokens = {"first-token", "second-token"}
    empty = vault_with(api, bearer("https://elsewhere.example/mcp", "other-token"))
    first, second = vault_with(api, bearer(site.url, "first-token")), vault_with(api, bearer(site.url, "second-token"))
    session = api.session(agent_for(api, site.url), vault_ids=[empty, first, second])
    use(api, session)
    assert set(site.bearers()) == {"Bearer first-token"}
    api.ok("POST", f"/v1/vaults/{first}/archive")
    use(api, session)
    assert site.bearers()[-1] == "Bearer second-token"


def test_without_a_credential_nothing_goes_along(api: Api, site: McpSite) -> None:
    session, _ = session_with(api, site, bearer("https://elsewhere.example/mcp", "other-token"))
    use(api, session)
    assert set(site.bearers()) == {None}


def test_a_rotation_reaches_a_running_session(api: Api, site: McpSite) -> None:
    site.tokens = {"token-before"}
    session, vault = session_with(api, site, bearer(site.url, "token-before"))
    use(api, session)
    site.tokens = {"token-after"}
    credential = only_credential(api, vault)["id"]
    api.post(f"/v1/vaults/{vault}/credentials/{credential}", auth={"token": "token-after"})
    assert result_text(use(api, session)) == "echo: hi"


def test_a_wrong_token_is_an_authentication_failure(api: Api, site: McpSite) -> None:
    site.tokens = {"good-token"}
    session, _ = session_with(api, site, bearer(site.url, "wrong-token-1"))
    log = api.turn(session, "hello")
    assert [one["error"]["type"] for one in of_type(log, "session.error")] == ["mcp_authentication_failed_error"]
    assert "wrong-token-1" not in str(log)


def test_a_token_that_the_server_repeats_is_hidden(api: Api, site: McpSite, model: FakeModel, server: Server) -> None:
    session, _ = session_with(api, site, bearer(site.url, "canary-token-7"))
    log = use(api, session, "leak")
    assert result_text(log) == "you sent Bearer [hidden]"
    assert "canary-token-7" not in str(log) + str(model.requests) + server.log()


@pytest.mark.parametrize("auth", ["none", "client_secret_basic", "client_secret_post"])
def test_a_refused_token_is_renewed_once_and_stored(api: Api, site: McpSite, auth: str) -> None:
    site.tokens = set()
    session, vault = session_with(api, site, oauth(site, auth=auth))
    site.oauth.access.clear()
    log = use(api, session)
    assert result_text(log) == "echo: hi"
    assert not of_type(log, "session.error")
    assert [one["grant_type"] for one in site.oauth.requests] == ["refresh_token"]
    assert only_credential(api, vault)["auth"]["expires_at"] is not None
    use(api, session)
    assert len(site.oauth.requests) == 1


def test_scope_and_resource_are_sent_when_renewing(api: Api, site: McpSite) -> None:
    site.tokens = set()
    auth = oauth(site)
    auth["refresh"] |= {"scope": "tools more", "resource": site.url}
    session, _ = session_with(api, site, auth)
    site.oauth.access.clear()
    use(api, session)
    assert (site.oauth.requests[0]["scope"], site.oauth.requests[0]["resource"]) == ("tools more", site.url)


def test_every_renewal_uses_the_newest_refresh_token(api: Api, site: McpSite) -> None:
    site.tokens = set()
    session, _ = session_with(api, site, oauth(site))
    for turn in range(1, 4):
        site.oauth.access.clear()
        assert result_text(use(api, session)) == "echo: hi"
        assert len(site.oauth.requests) == turn
    assert len({one["refresh_token"] for one in site.oauth.requests}) == 3


def test_an_expired_token_is_renewed_before_it_is_used(api: Api, site: McpSite) -> None:
    site.tokens = set()
    site.oauth.expires_in = 0
    session, _ = session_with(api, site, oauth(site))
    site.oauth.access.clear()
    use(api, session)
    site.oauth.expires_in = 3600
    site.seen.clear()
    assert result_text(use(api, session)) == "echo: hi"
    assert set(site.bearers()) == {f"Bearer access-token-{site.oauth.issued}"}


def test_a_renewal_that_fails_passes_the_refusal_on_with_a_warning(api: Api, site: McpSite) -> None:
    site.tokens = set()
    session, _ = session_with(api, site, oauth(site))
    site.oauth.access.clear()
    site.oauth.refuses = 400
    log = use(api, session)
    assert [one["error"]["type"] for one in of_type(log, "session.error")] == ["mcp_authentication_failed_error"]
    assert any("could not be renewed" in one["message"] for one in of_type(log, "session.warning"))
    assert len(site.oauth.requests) == 1
    assert "refresh-token" not in str(log)
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_renewed_token_that_is_refused_too_is_not_renewed_again(api: Api, site: McpSite) -> None:
    site.tokens = set()
    session, _ = session_with(api, site, oauth(site))
    site.oauth.access.clear()
    site.oauth.worthless = True
    log = use(api, session)
    assert [one["error"]["type"] for one in of_type(log, "session.error")] == ["mcp_authentication_failed_error"]
    assert len(site.oauth.requests) == 1


def test_a_token_is_renewed_in_the_middle_of_a_run(api: Api, site: McpSite) -> None:
    site.tokens = set()
    session, _ = session_with(api, site, oauth(site))
    api.say(session, 'tool:mcp__site__slow input:{"text": "hi"} tools:2')
    wait_for(lambda: site.calls, "the first call")
    site.oauth.access.clear()
    site.let_go.set()
    api.wait_idle(session)
    results: list[Any] = of_type(api.log(session), "agent.mcp_tool_result")
    assert [one["is_error"] for one in results] == [False, False]
    assert len(site.oauth.requests) == 1
