"""Who an agent may hand work to, in normal form. Agent ids are core ids."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.core.schema import Schema


class Self(Schema):
    """The agent itself, in whatever version it runs."""

    type: Literal["self"] = "self"


class AgentRef(Schema):
    """Another agent, pinned."""

    type: Literal["agent"] = "agent"
    id: str
    version: int


class Advisor(Schema):
    """A model that may be consulted."""

    type: Literal["advisor"] = "advisor"
    model: str = Field(min_length=1, max_length=256)


Member = Annotated[Self | AgentRef, Field(discriminator="type")]
Entry = Annotated[Self | AgentRef | Advisor, Field(discriminator="type")]


class Coordinator(Schema):
    """One list of agents and at most one advisor."""

    type: Literal["coordinator"] = "coordinator"
    agents: list[Entry]


class Off(Schema):
    """A member that is switched off."""

    type: Literal["disabled"] = "disabled"


class On(Schema):
    """A member that is switched on and has no settings."""

    type: Literal["enabled"] = "enabled"


class AdvisorOn(Schema):
    """A model that may be consulted."""

    type: Literal["enabled"] = "enabled"
    model: str = Field(min_length=1, max_length=256)


class Spawning(Schema):
    """Work is handed to agents: to those named here and, if switched on, to ones defined on the spot."""

    type: Literal["enabled"] = "enabled"
    inline_agents: Annotated[On | Off, Field(discriminator="type")]
    predefined_agents: list[Member]


class Team(Schema):
    """Advisor, sub-agents and workflows, each on or off."""

    type: Literal["multiagent_20261001"] = "multiagent_20261001"
    advisor: Annotated[AdvisorOn | Off, Field(discriminator="type")]
    subagents: Annotated[Spawning | Off, Field(discriminator="type")]
    workflows: Annotated[Spawning | Off, Field(discriminator="type")]


Multiagent = Annotated[Coordinator | Team, Field(discriminator="type")]


def callable_members(multiagent: Coordinator | Team | None) -> list[Self | AgentRef]:
    """The agents that a model may start threads with."""
    if isinstance(multiagent, Coordinator):
        return [entry for entry in multiagent.agents if not isinstance(entry, Advisor)]
    if isinstance(multiagent, Team) and isinstance(multiagent.subagents, Spawning):
        return list(multiagent.subagents.predefined_agents)
    return []


def named_members(multiagent: Coordinator | Team | None) -> list[AgentRef]:
    """Every other agent that is referred to, once each."""
    members = callable_members(multiagent)
    if isinstance(multiagent, Team) and isinstance(multiagent.workflows, Spawning):
        members += multiagent.workflows.predefined_agents
    named = [member for member in members if isinstance(member, AgentRef)]
    return list({(member.id, member.version): member for member in named}.values())
