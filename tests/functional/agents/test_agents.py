from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.errors import (
    AgentArchived,
    AgentNotFound,
    AgentVersionNotFound,
    BadRoster,
    StaleVersion,
    UnknownSkill,
)
from chalicelib.agents.policy import PLAIN, SDK
from chalicelib.agents.roster import AgentRef, Coordinator, Self, Spawning, Team
from chalicelib.agents.service import AgentFilter
from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import dress, new_id
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.service import PLAIN as PLAIN_ENVIRONMENTS
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services


@pytest.fixture
def space() -> Space:
    return Space(new_id())


def draft(**fields: Any) -> AgentCreate:
    return AgentCreate.model_validate({"name": "a", "model": "m"} | fields)


def change(**fields: Any) -> AgentUpdate:
    return AgentUpdate.model_validate(fields)


def test_a_new_agent_is_read_back_as_it_was_made(services: Services, other_process: Services, space: Space) -> None:
    made = services.agents.create(space, draft(system="s", metadata={"a": "1"}), PLAIN)
    assert (made.version, made.name, made.model.id, made.system) == (1, "a", "m", "s")
    assert other_process.agents.get(space, made.id) == made
    assert other_process.agents.get(space, made.id, 1) == made


def test_without_tools_plain_clients_get_the_built_in_set_and_sdks_none(services: Services, space: Space) -> None:
    plain = services.agents.create(space, draft(), PLAIN)
    assert [tool.type for tool in plain.tools] == ["agent_toolset_20260401"]
    assert services.agents.create(space, draft(tools=[]), PLAIN).tools == []
    assert services.agents.create(space, draft(), SDK).tools == []
    assert (plain.origin, services.agents.create(space, draft(), SDK).origin) == ("plain", "sdk")


def test_another_tenants_agent_does_not_exist(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)
    other = Space(new_id())
    with pytest.raises(AgentNotFound):
        services.agents.get(other, made.id)
    with pytest.raises(AgentNotFound):
        services.agents.update(other, made.id, change(name="b"), SDK)
    with pytest.raises(AgentNotFound):
        services.agents.archive(other, made.id)
    assert services.agents.page(other, Window(10), AgentFilter()).items == []


def test_each_effective_change_makes_a_version_and_others_none(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(system="one"), SDK)
    second = services.agents.update(space, made.id, change(system="two"), SDK)
    again = services.agents.update(space, made.id, change(system="two", name="a", model={"id": "m"}, tools=[]), SDK)
    assert (second.version, again.version) == (2, 2)
    assert services.agents.get(space, made.id, 1).system == "one"
    assert services.agents.get(space, made.id).system == "two"
    with pytest.raises(AgentVersionNotFound):
        services.agents.get(space, made.id, 3)


def test_absent_fields_stay_and_null_clears(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(system="s", description="d", metadata={"a": "1", "b": "2"}), SDK)
    changed = services.agents.update(space, made.id, change(system=None, metadata={"a": None, "c": ""}), SDK)
    assert (changed.system, changed.description, changed.metadata) == (None, "d", {"b": "2", "c": ""})
    plain = services.agents.update(space, made.id, change(metadata={"b": ""}), PLAIN)
    assert plain.metadata == {"c": ""}
    for field in ("name", "model"):
        with pytest.raises(InvalidRequest, match="cannot be cleared"):
            services.agents.update(space, made.id, change(**{field: None}), SDK)


def test_a_stale_version_changes_nothing(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)
    services.agents.update(space, made.id, change(name="b", version=1), SDK)
    with pytest.raises(StaleVersion):
        services.agents.update(space, made.id, change(name="c", version=1), SDK)
    assert services.agents.get(space, made.id).name == "b"


def test_concurrent_changes_all_become_versions(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: services.agents.update(space, made.id, change(name=f"n{n}"), SDK), range(8)))
    page = services.agents.versions(space, made.id)
    assert [agent.version for agent in page.items] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert {agent.name for agent in page.items} == {"a", *(f"n{n}" for n in range(8))}


def test_of_concurrent_changes_expecting_one_version_one_wins(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)

    def attempt(number: int) -> bool:
        try:
            services.agents.update(space, made.id, change(name=f"n{number}", version=1), SDK)
        except StaleVersion:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert services.agents.get(space, made.id).version == 2


def test_the_same_id_is_not_made_twice(services: Services, space: Space) -> None:
    agent_id = new_id()
    first = services.agents.create(space, draft(name="first"), SDK, agent_id)
    assert services.agents.create(space, draft(name="second"), SDK, agent_id) == first


def test_versions_come_in_pages(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)
    for number in range(4):
        services.agents.update(space, made.id, change(name=f"n{number}"), SDK)
    first = services.agents.versions(space, made.id, limit=2)
    assert first.next is not None
    second = services.agents.versions(space, made.id, before=int(first.next), limit=2)
    assert second.next is not None
    third = services.agents.versions(space, made.id, before=int(second.next), limit=2)
    numbers = [agent.version for page in (first, second, third) for agent in page.items]
    assert (numbers, third.next) == ([5, 4, 3, 2, 1], None)
    assert services.agents.versions(space, made.id, before=1).items == []


def test_an_archived_agent_is_read_and_not_changed(services: Services, space: Space) -> None:
    made = services.agents.create(space, draft(), SDK)
    services.agents.update(space, made.id, change(name="b"), SDK)
    archived = services.agents.archive(space, made.id)
    assert archived.archived_at is not None
    assert services.agents.archive(space, made.id).archived_at == archived.archived_at
    assert services.agents.get(space, made.id, 1).archived_at == archived.archived_at
    with pytest.raises(AgentArchived):
        services.agents.update(space, made.id, change(name="c"), SDK)


def test_lists_tell_active_from_archived_in_order_of_creation(
    services: Services, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(7):
        monkeypatch.setattr("chalicelib.agents.service.now_ms", lambda number=number: 1_700_000_000_000 + number)
        made.append(services.agents.create(space, draft(name=f"Agent {number}"), SDK))
    for agent in made[::3]:
        services.agents.archive(space, agent.id)

    def names(wanted: AgentFilter, *, ascending: bool = False) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            page = services.agents.page(space, Window(2, after, ascending=ascending), wanted)
            found += [agent.name[-1] for agent in page.items]
            after = page.next
            if after is None:
                return found

    assert names(AgentFilter()) == list("6543210")
    assert names(AgentFilter(), ascending=True) == list("0123456")
    assert names(AgentFilter(archived=False)) == list("5421")
    assert names(AgentFilter(active=False)) == list("630")
    assert names(AgentFilter(name_part="AGENT 4")) == ["4"]
    dated = Window(10, created_from=1_700_000_000_002, created_to=1_700_000_000_004)
    assert [agent.name[-1] for agent in services.agents.page(space, dated, AgentFilter()).items] == list("432")


def test_a_large_agent_is_kept_whole(services: Services, space: Space) -> None:
    import random

    system = "".join(random.choices("abcdefghijklmnopqrstuvwxyz \n", k=90_000))
    tools = [
        {
            "type": "custom",
            "name": f"tool_{number}",
            "description": "".join(random.choices("abcdefghij klmnop", k=4000)),
            "input_schema": {"type": "object", "properties": {"x": {"type": "string", "default": None}}},
        }
        for number in range(255)
    ]
    made = services.agents.create(space, draft(system=system, tools=tools), SDK)
    smaller = services.agents.update(space, made.id, change(tools=[]), SDK)
    assert services.agents.get(space, made.id) == smaller
    assert services.agents.get(space, made.id, 1) == made
    assert services.agents.get(space, made.id, 1).tools[7].model_dump()["input_schema"]["properties"] == {
        "x": {"type": "string", "default": None}
    }


def test_the_default_environment_must_exist_and_is_held(services: Services, space: Space) -> None:
    environment = services.environments.create(space, EnvironmentCreate(name="e"), PLAIN_ENVIRONMENTS)
    with pytest.raises(NotFound, match="environment_id"):
        services.agents.create(space, draft(environment_id=dress("env", new_id())), SDK)
    with pytest.raises(NotFound, match="environment_id"):
        services.agents.create(space, draft(environment_id="nonsense"), SDK)
    made = services.agents.create(space, draft(environment_id=dress("env", environment.id)), SDK)
    assert made.environment_id == environment.id
    assert services.agents.update(space, made.id, change(name="b"), SDK).environment_id == environment.id
    with pytest.raises(NotFound, match="environment_id"):
        services.agents.update(space, made.id, change(environment_id=dress("env", new_id())), SDK)
    assert services.agents.get(space, made.id).version == 2


def test_skills_nobody_knows_are_refused_to_sdks_and_kept_for_others(services: Services, space: Space) -> None:
    skills = [{"type": "custom", "skill_id": "skill_1"}]
    with pytest.raises(UnknownSkill):
        services.agents.create(space, draft(skills=skills), SDK)
    with pytest.raises(InvalidRequest):
        services.agents.create(space, draft(skills=["skill_1"]), SDK)
    made = services.agents.create(space, draft(skills=["skill_1", "skill_2", *skills]), PLAIN)
    assert [(skill.skill_id, skill.type, skill.version) for skill in made.skills] == [
        ("skill_1", "custom", "latest"),
        ("skill_2", "custom", "latest"),
    ]


def test_a_roster_is_pinned_and_read_in_both_ways(services: Services, space: Space) -> None:
    helper = services.agents.create(space, draft(name="helper"), SDK)
    services.agents.update(space, helper.id, change(system="v2"), SDK)
    helper_id = dress("agent", helper.id)
    roster = {"type": "coordinator", "agents": [helper_id, {"type": "self"}, {"type": "advisor", "model": "m"}]}
    made = services.agents.create(space, draft(multiagent=roster), SDK)
    assert isinstance(made.multiagent, Coordinator)
    assert made.multiagent.agents[:2] == [AgentRef(id=helper.id, version=2), Self()]
    listed = [{"type": "agent", "id": helper_id, "version": 1}]
    plain = services.agents.create(space, draft(callable_agents=listed), PLAIN)
    assert plain.multiagent == Coordinator(agents=[AgentRef(id=helper.id, version=1)])
    assert services.agents.update(space, plain.id, change(callable_agents=[]), PLAIN).multiagent is None


@pytest.mark.parametrize(
    "roster",
    [
        "x",
        {"type": "swarm", "agents": []},
        {"type": "coordinator"},
        {"type": "coordinator", "agents": "x"},
        {"type": "coordinator", "agents": []},
        {"type": "coordinator", "agents": [{}]},
        {"type": "coordinator", "agents": [7]},
        {"type": "coordinator", "agents": ["agent_unknown"]},
        {"type": "coordinator", "agents": [dress("agent", new_id())]},
        {"type": "coordinator", "agents": [{"type": "self"}, {"type": "self"}]},
        {"type": "coordinator", "agents": [{"type": "advisor"}]},
        {"type": "coordinator", "agents": [{"type": "advisor", "model": "m"}] * 2},
        {"type": "coordinator", "agents": [{"type": "agent", "id": dress("agent", new_id()), "version": "1"}]},
        {"type": "multiagent_20261001", "advisor": {"type": "enabled"}},
        {"type": "multiagent_20261001", "subagents": {"type": "maybe"}},
        {"type": "multiagent_20261001", "subagents": {"type": "enabled", "inline_agents": {"type": "disabled"}}},
        {"type": "multiagent_20261001", "workflows": {"type": "enabled", "predefined_agents": {}}},
    ],
)
def test_a_roster_that_cannot_be_used_is_refused(services: Services, space: Space, roster: Any) -> None:
    with pytest.raises(BadRoster):
        services.agents.create(space, draft(multiagent=roster), SDK)


def test_agents_with_a_roster_of_their_own_and_archived_ones_cannot_be_members(
    services: Services, space: Space
) -> None:
    helper = services.agents.create(space, draft(), SDK)
    coordinator = services.agents.create(space, draft(callable_agents=[dress("agent", helper.id)]), SDK)
    with pytest.raises(BadRoster, match="one level"):
        services.agents.create(space, draft(callable_agents=[dress("agent", coordinator.id)]), SDK)
    services.agents.archive(space, helper.id)
    with pytest.raises(BadRoster, match="archived"):
        services.agents.create(space, draft(callable_agents=[dress("agent", helper.id)]), SDK)


def test_a_team_is_filled_in_and_merged_level_by_level(services: Services, space: Space) -> None:
    helper = services.agents.create(space, draft(), SDK)
    made = services.agents.create(space, draft(multiagent={"type": "multiagent_20261001"}), SDK)
    team = made.multiagent
    assert isinstance(team, Team)
    assert (team.advisor.type, team.subagents.type, team.workflows.type) == ("disabled", "enabled", "enabled")
    members = {"type": "enabled", "predefined_agents": [dress("agent", helper.id), {"type": "self"}]}
    first = {"type": "multiagent_20261001", "subagents": members, "advisor": {"type": "enabled", "model": "m"}}
    services.agents.update(space, made.id, change(multiagent=first), SDK)
    second = {
        "type": "multiagent_20261001",
        "subagents": {"inline_agents": {"type": "disabled"}},
        "workflows": {"type": "disabled"},
    }
    merged = services.agents.update(space, made.id, change(multiagent=second), SDK).multiagent
    assert isinstance(merged, Team)
    assert merged.advisor.model_dump() == {"type": "enabled", "model": "m"}
    assert merged.workflows.type == "disabled"
    assert isinstance(merged.subagents, Spawning)
    assert merged.subagents.inline_agents.type == "disabled"
    assert merged.subagents.predefined_agents == [AgentRef(id=helper.id, version=1), Self()]


def test_mcp_servers_and_toolsets_are_kept_in_step_for_plain_clients(services: Services, space: Space) -> None:
    servers = [{"name": "one", "url": "https://one.test/mcp"}, {"name": "two", "url": "https://two.test/mcp"}]
    made = services.agents.create(space, draft(tools=[], mcp_servers=servers), PLAIN)
    assert [tool.model_dump()["mcp_server_name"] for tool in made.tools] == ["one", "two"]
    assert {tool.model_dump()["default_config"]["permission_policy"]["type"] for tool in made.tools} == {"always_allow"}
    fewer = services.agents.update(space, made.id, change(mcp_servers=servers[1:]), PLAIN)
    assert [tool.model_dump()["mcp_server_name"] for tool in fewer.tools] == ["two"]
    with pytest.raises(InvalidRequest, match="mcp_servers"):
        services.agents.create(space, draft(tools=[], mcp_servers=servers), SDK)
    with pytest.raises(InvalidRequest, match="mcp_server_name"):
        services.agents.update(space, made.id, change(mcp_servers=[]), SDK)


def test_a_pinned_agent_brings_the_agents_it_may_use(services: Services, space: Space) -> None:
    helper = services.agents.create(space, draft(name="helper", system="one"), SDK)
    made = services.agents.create(space, draft(callable_agents=[dress("agent", helper.id)]), SDK)
    services.agents.update(space, helper.id, change(system="two"), SDK)
    pinned = services.agents.pinned(space, made)
    assert pinned["roster"][f"{helper.id}@1"]["system"] == "one"
    assert {key: value for key, value in pinned.items() if key != "roster"} == made.model_dump(mode="json")
