"""Agents as clients of this family describe them, in the core's terms."""

from typing import Any

from pydantic import ValidationError

from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.parts import ModelConfig
from chalicelib.core.ids import derive_id
from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai import tools
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.schemas import agents as schemas
from chalicelib.http.validation import explain

UNNAMED = "Unnamed agent"
"""What the core calls an agent that its client gave no name."""
_FAST = ("priority", "fast", "ultrafast")
_EFFORTS = {"minimal": "low"}


def new_agent(sent: schemas.NewAgent) -> AgentCreate:
    """A new agent. Raises Unsupported, InvalidRequest."""
    fields = _fields(sent) | {"name": sent.name or UNNAMED, "model": model_of(sent.model, sent)}
    if sent.metadata is not None:
        fields["metadata"] = sent.metadata
    return AgentCreate.model_validate(fields)


def changed_agent(sent: schemas.AgentChange, model: ModelConfig, metadata: dict[str, str]) -> AgentUpdate:
    """Changes to an agent that has this model and these pairs. Raises Unsupported, InvalidRequest."""
    fields = _fields(sent)
    if sent.sent("name"):
        fields["name"] = sent.name or UNNAMED
    fields["model"] = model_of(sent.model or model.id, sent, model)
    if sent.sent("metadata"):
        fields["metadata"] = dict.fromkeys(metadata) | (sent.metadata or {})
    return AgentUpdate.model_validate(fields)


def inline_agent(sent: schemas.InlineAgent, tenant: str) -> tuple[AgentCreate, str]:
    """The agent an inline description stands for, and its id: the same description is the same agent."""
    if sent.model is None:
        raise Unsupported("agent.model", "is needed without agent_id")
    described = sent.model_dump(mode="json", exclude_unset=True, by_alias=True)
    core = derive_id("agent", tenant, "inline", dumps(dict(sorted(described.items()))))
    draft = new_agent(schemas.NewAgent.model_validate(described | {"name": f"Inline agent {core[:8]}"}))
    return draft, core


def model_of(name: str, sent: schemas.AgentFields, before: ModelConfig | None = None) -> dict[str, Any]:
    """The model with its settings; what was not sent stays as it was."""
    made: dict[str, Any] = {"id": name} | ({} if before is None else before.model_dump(exclude={"id"}))
    if sent.sent("reasoning"):
        effort = sent.reasoning.effort if sent.reasoning else None
        made["effort"] = None if effort in (None, "none") else _EFFORTS.get(effort, effort)
    if sent.sent("service_tier"):
        made["speed"] = "fast" if sent.service_tier in _FAST else "standard"
    return made


def tools_of(sent: list[Any] | None) -> dict[str, Any]:
    """The fields that hold tools. Raises Unsupported, InvalidRequest."""
    try:
        made, servers = tools.of_request(sent or [])
    except ValidationError as error:
        raise explain(error, {}, "tools") from error
    return {"tools": made, "mcp_servers": servers}


def _fields(sent: schemas.AgentFields) -> dict[str, Any]:
    _refuse(sent)
    fields: dict[str, Any] = {}
    if sent.sent("instructions"):
        fields["system"] = sent.instructions
    if sent.sent("tools") or isinstance(sent, schemas.NewAgent):
        fields |= tools_of(sent.tools)
    if sent.sent("multi_agent"):
        fields["enable_general_subagent"] = sent.multi_agent is not None and sent.multi_agent.enabled
    return fields


def _refuse(sent: schemas.AgentFields) -> None:
    text = sent.text or schemas.Text()
    if text.format is not None and text.format.type != "text":
        raise Unsupported("text.format", "agents write plain text here")
    if text.verbosity not in (None, "medium"):
        raise Unsupported("text.verbosity", "cannot be chosen here")
    if sent.compaction is not None and sent.compaction.background:
        raise Unsupported("compaction.async", "the context is shortened between two calls of the model")
    if sent.experimental is not None and sent.experimental.time_awareness:
        raise Unsupported("experimental.time_awareness", "is not offered here")
