"""Budgets through the official client."""

from typing import Any

import pytest
from anthropic import Anthropic, BadRequestError

from tests.e2e.anthropic_sdk.helpers import listed, make_agent, make_environment, rest, say, send
from tests.fakes.model_server import FakeModel
from tests.support.api import message

PRICED = "claude-3-haiku"
TOOL = {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object"}}
LIMIT = {"type": "limit", "max_list_cost": {"amount": "100", "currency": "USD"}}


def test_the_cap_is_reached_told_and_raised(client: Anthropic, model: FakeModel) -> None:
    use = {"type": "tool_use", "id": "a", "name": "ask", "input": {}}
    usage = {"input_tokens": 4_000_000, "output_tokens": 1}
    model.script({"blocks": [use], "stop_reason": "tool_use", "usage": usage, "match": "spend it"})
    agent = make_agent(client, model=PRICED, tools=[TOOL])
    session = client.beta.sessions.create(agent=agent.id, environment_id=make_environment(client).id, budget=LIMIT)
    assert session.budget is not None
    assert session.budget.max_list_cost.amount == "100"
    say(client, session.id, "spend it")
    rest(client, session.id)
    asked = next(one for one in listed(client, session.id) if one.type == "agent.custom_tool_use")
    answer = [{"type": "text", "text": "ok"}]
    send(client, session.id, {"type": "user.custom_tool_result", "custom_tool_use_id": asked.id, "content": answer})
    rest(client, session.id)
    events = listed(client, session.id)
    assert [one.type for one in events[-3:]] == [
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
    assert events[-1].stop_reason.type == "budget_reached"
    with pytest.raises(BadRequestError):
        say(client, session.id, "more")
    for lower in ("1", "100"):
        with pytest.raises(BadRequestError, match="above"):
            client.beta.sessions.update(
                session.id, budget={"type": "limit", "max_list_cost": {"amount": lower, "currency": "USD"}}
            )
    raised = client.beta.sessions.update(
        session.id, budget={"type": "limit", "max_list_cost": {"amount": "900", "currency": "USD"}}
    )
    assert raised.status == "running"
    rest(client, session.id)
    assert listed(client, session.id)[-1].stop_reason.type == "end_turn"


def test_a_budget_cannot_be_added_later(client: Anthropic) -> None:
    session = client.beta.sessions.create(agent=make_agent(client).id, environment_id=make_environment(client).id)
    with pytest.raises(BadRequestError, match="created with a budget"):
        client.beta.sessions.update(session.id, budget=LIMIT)


def _unpriced_teams(client: Anthropic) -> list[Any]:
    """Ways in which an agent with a price may use a model without one."""
    worker = make_agent(client, model="nobody-knows")
    subagents = {"type": "enabled", "predefined_agents": [worker.id]}
    return [
        {"type": "coordinator", "agents": [worker.id]},
        {"type": "coordinator", "agents": [{"type": "self"}, {"type": "advisor", "model": "nobody-knows"}]},
        {"type": "multiagent_20261001", "subagents": subagents},
        {"type": "multiagent_20261001", "advisor": {"type": "enabled", "model": "nobody-knows"}},
    ]


def test_every_model_a_session_may_use_needs_a_price(client: Anthropic) -> None:
    place = make_environment(client).id
    priced = make_agent(client, model=PRICED)
    for team in _unpriced_teams(client):
        lead = make_agent(client, model=PRICED, multiagent=team)
        with pytest.raises(BadRequestError, match="price of the model 'nobody-knows'"):
            client.beta.sessions.create(agent=lead.id, environment_id=place, budget=LIMIT)
        with pytest.raises(BadRequestError, match="price of the model 'nobody-knows'"):
            client.beta.deployments.create(
                name="Daily", agent=lead.id, environment_id=place, budget=LIMIT, initial_events=[message("hi")]
            )
        assert client.beta.sessions.create(agent=lead.id, environment_id=place).budget is None
    members: Any = [priced.id, {"type": "self"}, {"type": "advisor", "model": PRICED}]
    lead = make_agent(client, model=PRICED, multiagent={"type": "coordinator", "agents": members})
    assert client.beta.sessions.create(agent=lead.id, environment_id=place, budget=LIMIT).budget is not None
