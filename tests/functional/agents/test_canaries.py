"""Ends of canaries that meet, and those of agents that are archived."""

from typing import Any

import pytest

from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.errors import AgentArchived
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import SDK
from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services


@pytest.fixture
def space() -> Space:
    return Space(new_id())


def tried(services: Services, space: Space) -> AgentVersion:
    """An agent whose second version is tried."""
    made = services.agents.create(space, AgentCreate.model_validate({"name": "a", "model": "m"}), SDK)
    services.agents.update(space, made.id, AgentUpdate.model_validate({"system": "two"}), SDK)
    services.canaries.begin(space, made.id, 2, 50, None)
    return services.agents.get(space, made.id)


@pytest.mark.parametrize("later", [("promoted", None), ("rolled_back", 1)])
def test_an_end_that_was_told_is_not_taken_back_by_another_at_the_same_time(
    services: Services, other_process: Services, space: Space, later: tuple[Any, int | None]
) -> None:
    seen = tried(services, space)
    assert seen.canary is not None
    services.canaries.promote(space, seen.id)
    state, version = later
    assert not other_process.agents.set_canary(space, seen, seen.canary.ended(state, 1), version)
    report = services.canaries.report(space, seen.id)
    assert (report.canary.state, report.agent.version, report.agent.system) == ("promoted", 2, "two")


def test_the_canary_of_an_archived_agent_cannot_be_ended(services: Services, space: Space) -> None:
    agent = tried(services, space)
    services.agents.archive(space, agent.id)
    for end in (services.canaries.promote, services.canaries.roll_back):
        with pytest.raises(AgentArchived):
            end(space, agent.id)
    assert services.canaries.report(space, agent.id).canary.state == "running"
