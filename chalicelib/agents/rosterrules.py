"""Reads what clients say about the agents an agent may use. Whatever cannot be used raises BadRoster."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from chalicelib.agents.errors import AgentNotFound, AgentVersionNotFound, BadRoster
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.roster import Advisor, AdvisorOn, AgentRef, Coordinator, Off, On, Self, Spawning, Team
from chalicelib.core.ids import undress

MOST_AGENTS = 20
_COORDINATOR = "coordinator"
_TEAM = "multiagent_20261001"

Find = Callable[[str, int | None], AgentVersion]
"""(core id, version or None for the current one) -> the agent. Raises AgentNotFound, AgentVersionNotFound."""


class RosterReader:
    """Reads rosters of one agent."""

    def __init__(self, own_id: str, find: Find) -> None:
        self._own_id = own_id
        self._find = find

    def multiagent(self, given: Any, stored: Coordinator | Team | None) -> Coordinator | Team | None:
        """The normal form; a team is merged into a stored team, level by level."""
        if given is None:
            return None
        kind = given.get("type") if isinstance(given, dict) else None
        if kind == _COORDINATOR:
            return self.coordinator(given.get("agents"), "multiagent.agents")
        if kind == _TEAM:
            basis = stored.model_dump() if isinstance(stored, Team) else {}
            return self._team(_merged(basis, given))
        raise _bad("multiagent.type", f"must be {_COORDINATOR} or {_TEAM}")

    def coordinator(self, agents: Any, field: str) -> Coordinator | None:
        """A coordinator of a list of agents; an empty list outside ``multiagent`` means none."""
        if not isinstance(agents, list):
            raise _bad(field, "must be a list")
        if not agents and field == "callable_agents":
            return None
        if not 1 <= len(agents) <= MOST_AGENTS:
            raise _bad(field, f"1 to {MOST_AGENTS} entries")
        entries = [self._entry(entry, f"{field}.{place}") for place, entry in enumerate(agents)]
        if sum(isinstance(entry, Advisor) for entry in entries) > 1:
            raise _bad(field, "at most one advisor")
        _check_distinct([entry for entry in entries if not isinstance(entry, Advisor)], field)
        return Coordinator(agents=entries)

    def _entry(self, entry: Any, field: str) -> Self | AgentRef | Advisor:
        if isinstance(entry, dict) and entry.get("type") == "advisor":
            try:
                return Advisor.model_validate(entry)
            except ValidationError as error:
                raise _bad(f"{field}.model", "1 to 256 characters") from error
        return self._member(entry, field)

    def _member(self, entry: Any, field: str) -> Self | AgentRef:
        given = {"type": "agent", "id": entry} if isinstance(entry, str) else entry
        if not isinstance(given, dict):
            raise _bad(field, "must be an agent id or an object")
        kind = given.get("type", "agent")
        core_id = self._own_id if kind == "self" else undress("agent", str(given.get("id", "")))
        if kind not in ("self", "agent") or core_id is None:
            raise _bad(field, "names no agent")
        if core_id == self._own_id:
            return Self()
        return self._reference(core_id, given.get("version"), field)

    def _reference(self, core_id: str, version: Any, field: str) -> AgentRef:
        if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
            raise _bad(f"{field}.version", "must be a whole number from 1")
        try:
            found = self._find(core_id, version)
        except (AgentNotFound, AgentVersionNotFound) as error:
            raise _bad(field, error.message) from error
        if found.archived_at is not None:
            raise _bad(field, "this agent is archived")
        if found.multiagent is not None:
            raise _bad(field, "this agent uses other agents itself; only one level is possible")
        return AgentRef(id=found.id, version=found.version)

    def _team(self, given: dict[str, Any]) -> Team:
        return Team(
            advisor=_advisor(given.get("advisor")),
            subagents=self._spawning(given.get("subagents"), "multiagent.subagents"),
            workflows=self._spawning(given.get("workflows"), "multiagent.workflows"),
        )

    def _spawning(self, given: Any, field: str) -> Spawning | Off:
        if _switch(given, field, default="enabled") == "disabled":
            return Off()
        settings = given or {}
        inline: On | Off = On()
        if _switch(settings.get("inline_agents"), f"{field}.inline_agents", default="enabled") == "disabled":
            inline = Off()
        listed = settings.get("predefined_agents")
        listed = [] if listed is None else listed
        if not isinstance(listed, list) or len(listed) > MOST_AGENTS:
            raise _bad(f"{field}.predefined_agents", f"must be a list of at most {MOST_AGENTS}")
        members = [self._member(entry, f"{field}.predefined_agents.{place}") for place, entry in enumerate(listed)]
        _check_distinct(members, f"{field}.predefined_agents")
        if isinstance(inline, Off) and not members:
            raise _bad(field, "without inline agents at least one predefined agent is needed")
        return Spawning(inline_agents=inline, predefined_agents=members)


def _advisor(given: Any) -> AdvisorOn | Off:
    if _switch(given, "multiagent.advisor", default="disabled") == "disabled":
        return Off()
    try:
        return AdvisorOn.model_validate(given)
    except ValidationError as error:
        raise _bad("multiagent.advisor.model", "a model id of 1 to 256 characters is needed") from error


def _switch(given: Any, field: str, *, default: str) -> str:
    kind = default if given is None else given.get("type") if isinstance(given, dict) else None
    if kind not in ("enabled", "disabled"):
        raise _bad(f"{field}.type", "must be enabled or disabled")
    return str(kind)


def _check_distinct(members: list[Self | AgentRef], field: str) -> None:
    names = [member.id if isinstance(member, AgentRef) else "self" for member in members]
    if len(set(names)) < len(names):
        raise _bad(field, "an agent is named more than once")


def _merged(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """``given`` over ``stored``; objects of one type are merged, null keys fall back to their default."""
    result = dict(stored)
    for key, value in given.items():
        before = stored.get(key)
        result[key] = value
        if isinstance(value, dict) and isinstance(before, dict) and value.get("type", before["type"]) == before["type"]:
            result[key] = _merged(before, value)
    return result


def _bad(field: str, reason: str) -> BadRoster:
    return BadRoster(f"{field}: {reason}", field=field)
