"""Makes the configuration of a version out of what a client sent and of the version before."""

from typing import Protocol

from chalicelib.agents.draft import AgentCreate, AgentFields, AgentUpdate
from chalicelib.agents.errors import UnknownSkill, invalid
from chalicelib.agents.model import AgentConfig, Extras
from chalicelib.agents.parts import Extension, McpServer, ModelConfig, ServiceAccount, SkillRef
from chalicelib.agents.policy import Policy
from chalicelib.agents.roster import Coordinator, Team
from chalicelib.agents.rosterrules import RosterReader
from chalicelib.agents.toolrules import settled
from chalicelib.agents.toolset import Tool, built_in_set
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import undress
from chalicelib.core.metadata import patched


class KnowsSkills(Protocol):
    """Tells which skill references can be used."""

    def known(self, reference: SkillRef) -> bool:
        """Whether the reference names a skill of the tenant."""
        ...


class NoSkills:
    """A server without skills."""

    def known(self, reference: SkillRef) -> bool:  # noqa: ARG002 - the answer is the same for all
        """Never."""
        return False


class Builder:
    """Builds configurations of one agent under one policy. ``before`` None: the agent is new."""

    def __init__(self, policy: Policy, skills: KnowsSkills, rosters: RosterReader, before: AgentConfig | None) -> None:
        self._policy = policy
        self._skills = skills
        self._rosters = rosters
        self._before = before

    def build(self, sent: AgentCreate | AgentUpdate) -> AgentConfig:
        """The configuration after the request. Raises InvalidRequest, BadRoster, UnknownSkill, NotFound."""
        old = self._before
        servers = self._servers(sent)
        return AgentConfig(
            name=self._name(sent),
            model=self._model(sent),
            system=(sent.system or None) if sent.sent("system") or old is None else old.system,
            description=(sent.description or None) if sent.sent("description") or old is None else old.description,
            tools=settled(self._tools(sent), servers, self._policy, tools_given=sent.sent("tools")),
            mcp_servers=servers,
            skills=self._skill_refs(sent),
            multiagent=self._multiagent(sent),
            metadata=patched(
                {} if old is None else old.metadata, sent.metadata or {}, blank_removes=self._policy.blank_removes
            ),
            environment_id=self._environment(sent),
            extra=_extras(sent, Extras() if old is None else old.extra),
        )

    def _name(self, sent: AgentCreate | AgentUpdate) -> str:
        if sent.name is not None:
            return sent.name
        if self._before is None or sent.sent("name"):
            raise invalid("name", "cannot be cleared")
        return self._before.name

    def _model(self, sent: AgentCreate | AgentUpdate) -> ModelConfig:
        """The effort outlives a change of model; all else about a model goes with it."""
        if sent.model is not None:
            if self._before is None or "effort" in sent.model.model_fields_set:
                return sent.model
            return sent.model.model_copy(update={"effort": self._before.model.effort})
        if self._before is None or sent.sent("model"):
            raise invalid("model", "cannot be cleared")
        return self._before.model

    def _tools(self, sent: AgentFields) -> list[Tool]:
        if sent.tools is not None:
            return sent.tools
        if self._before is None:
            return [built_in_set()] if self._policy.built_in_by_default else []
        return [] if sent.sent("tools") else self._before.tools

    def _servers(self, sent: AgentFields) -> list[McpServer]:
        if self._before is None or sent.sent("mcp_servers"):
            return sent.mcp_servers or []
        return self._before.mcp_servers

    def _skill_refs(self, sent: AgentFields) -> list[SkillRef]:
        if self._before is not None and not sent.sent("skills"):
            return self._before.skills
        found: dict[str, SkillRef] = {}
        for place, given in enumerate(sent.skills or []):
            reference = SkillRef(skill_id=given) if isinstance(given, str) else given
            if self._policy.strict_skills:
                self._check_skill(given, reference, found, place)
            found.setdefault(reference.skill_id, reference)
        return list(found.values())

    def _check_skill(self, given: SkillRef | str, reference: SkillRef, found: dict[str, SkillRef], place: int) -> None:
        field = f"skills.{place}"
        if isinstance(given, str):
            raise invalid(field, "must be an object")
        if reference.skill_id in found:
            raise invalid(f"{field}.skill_id", f"the skill {reference.skill_id!r} is named more than once")
        if not self._skills.known(reference):
            raise UnknownSkill(f"{field}.skill_id: unknown skill {reference.skill_id!r}", field=f"{field}.skill_id")

    def _multiagent(self, sent: AgentFields) -> Coordinator | Team | None:
        before = None if self._before is None else self._before.multiagent
        if sent.multiagent is not None:
            return self._rosters.multiagent(sent.multiagent, before)
        if sent.callable_agents is not None:
            return self._rosters.coordinator(sent.callable_agents, "callable_agents")
        return None if sent.sent("multiagent") or sent.sent("callable_agents") else before

    def _environment(self, sent: AgentFields) -> str | None:
        if not sent.sent("environment_id"):
            return None if self._before is None else self._before.environment_id
        if not sent.environment_id:
            return None
        core_id = undress("env", sent.environment_id)
        if core_id is None:
            raise NotFound(f"environment_id: no environment {sent.environment_id}", field="environment_id")
        return core_id


def _extras(sent: AgentFields, old: Extras) -> Extras:
    return Extras(
        execution_identity=(
            (sent.execution_identity or ServiceAccount()) if sent.sent("execution_identity") else old.execution_identity
        ),
        memory_store_id=(sent.memory_store_id or None) if sent.sent("memory_store_id") else old.memory_store_id,
        harness=(sent.harness or "default") if sent.sent("harness") else old.harness,
        enable_general_subagent=(
            bool(sent.enable_general_subagent) if sent.sent("enable_general_subagent") else old.enable_general_subagent
        ),
        extension=(sent.extension or Extension()) if sent.sent("extension") else old.extension,
    )
