"""Forks and canaries as the official client reaches them: its generic calls, its types, its errors."""

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.support.api import Api, message


def test_the_official_client_forks_and_goes_on(sdk_api: Api, model: object) -> None:
    session = sdk_api.session()
    sdk_api.send(session, message("tokens:2"))
    sdk_api.wait_idle(session)
    client = Anthropic(base_url=sdk_api.url, api_key=sdk_api.key, max_retries=0)
    made: dict[str, Any] = client.post(f"/v1/sessions/{session}/fork", body={}, cast_to=dict[str, Any])
    shown = client.beta.sessions.retrieve(made["id"])
    assert shown.id == made["id"] != session
    before = [event.id for event in client.beta.sessions.events.list(session)]
    assert [event.id for event in client.beta.sessions.events.list(made["id"])] == before
    sdk_api.send(made["id"], message("tokens:2"))
    assert sdk_api.wait_idle(made["id"])["stop_reason"]["type"] == "end_turn"
    assert [event.id for event in client.beta.sessions.events.list(session)] == before
    with pytest.raises(anthropic.NotFoundError):
        client.post("/v1/sessions/sesn_unknown/fork", body={}, cast_to=dict[str, Any])


def test_sessions_of_the_official_client_take_part_in_a_canary(sdk_api: Api) -> None:
    agent = sdk_api.agent(system="one")
    sdk_api.post(f"/v1/agents/{agent['id']}/canary", version=2, percent=99)
    sdk_api.post(f"/v1/agents/{agent['id']}", version=1, system="two")
    environment = sdk_api.environment()["id"]
    client = Anthropic(base_url=sdk_api.url, api_key=sdk_api.key, max_retries=0)
    got = {client.beta.sessions.create(agent=agent["id"], environment_id=environment).agent.version for _ in range(6)}
    assert 2 in got
    assert sdk_api.get(f"/v1/agents/{agent['id']}/canary")["versions"][0]["sessions"] > 0
