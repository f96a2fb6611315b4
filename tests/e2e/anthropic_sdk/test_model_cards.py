"""Model cards under the official client: its agents name them, its sessions are served by them."""

import pytest
from anthropic import Anthropic, BadRequestError

from tests.e2e.anthropic_sdk.helpers import make_agent, make_session, of, said, turn
from tests.fakes.model_server import FakeModel
from tests.support.api import Api


def add(sdk_api: Api, provider: FakeModel, model_id: str = "mine", **fields: object) -> str:
    """A new card; its id."""
    usual = {"provider": "ant-compatible", "api_key": "sk-0123456789", "base_url": provider.url, "model": "real"}
    return str(sdk_api.post("/v1/model_cards", **(usual | {"model_id": model_id} | fields))["id"])


def test_an_agent_of_the_client_is_served_by_a_card(
    client: Anthropic, sdk_api: Api, model: FakeModel, provider: FakeModel
) -> None:
    add(sdk_api, provider, prices={"input": "1000", "output": "2000"})
    session = make_session(client, make_agent(client, model="mine"))
    events = turn(client, session.id, "tokens:3 card")
    assert said(of(events, "agent.message")[0]) == "hi word word"
    (seen,) = provider.requests_of("card")
    assert (seen["body"]["model"], seen["headers"]["x-api-key"]) == ("real", "sk-0123456789")
    assert model.requests == []
    (usage,) = of(events, "session.usage")
    assert usage.usage.list_cost.amount == "2"


def test_the_client_is_refused_a_model_no_card_is_for(client: Anthropic, sdk_api: Api, provider: FakeModel) -> None:
    card = add(sdk_api, provider)
    with pytest.raises(BadRequestError) as refused:
        make_agent(client, model="other")
    assert "model" in str(refused.value)
    agent = make_agent(client, model="mine")
    with pytest.raises(BadRequestError):
        client.beta.agents.update(agent.id, version=agent.version, model="other")
    sdk_api.ok("DELETE", f"/v1/model_cards/{card}")
    assert make_agent(client, model="other").model.id == "other"


def test_the_client_sees_the_models_of_cards(client: Anthropic, sdk_api: Api, provider: FakeModel) -> None:
    add(sdk_api, provider, "team/mine")
    assert "team/mine" in [one.id for one in client.models.list()]
    assert client.models.retrieve("team/mine").display_name == "team/mine"


def test_a_chain_of_models_reads_well_under_the_client(
    client: Anthropic, sdk_api: Api, model: FakeModel, provider: FakeModel
) -> None:
    add(sdk_api, provider, fallbacks=["claude-server"])
    provider.script(*[{"error": {"status": 529}, "match": "chain"}] * 4)
    events = turn(client, make_session(client, make_agent(client, model="mine")).id, "tokens:2 chain")
    assert said(of(events, "agent.message")[0]) == "hi word"
    assert of(events, "session.error") == []
    assert len(of(events, "span.model_request_end")) == 5
    assert len(model.requests_of("chain")) == 1
