"""Agents as this door prints them. Both functions work on the stored form, ``AgentVersion`` dumped as JSON."""

from collections.abc import Callable
from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.roster import AgentRef, callable_members
from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress, is_core_id
from chalicelib.skills.references import VERSION

Document = dict[str, Any]


def name(agent_id: str) -> str:
    """An agent's id as printed."""
    return dress("agent", agent_id)


def agent(version: AgentVersion) -> Document:
    """One version of an agent with everything around it."""
    stored = version.model_dump(mode="json")
    extra = stored["extra"]
    own = {"type": "agent", "id": name(version.id), "version": version.version}
    members = callable_members(version.multiagent)
    shown = _definition(stored) | {
        "multiagent": _multiagent(stored["multiagent"], lambda _member: own, _reference),
        "callable_agents": [_reference(one.model_dump()) if isinstance(one, AgentRef) else own for one in members],
        "metadata": version.metadata,
        "environment_id": version.environment_id and dress("env", version.environment_id),
        "memory_store_id": extra["memory_store_id"],
        "harness": extra["harness"],
        "enable_general_subagent": extra["enable_general_subagent"],
        "archived": version.archived_at is not None,
        "created_at": iso(version.created_at),
        "updated_at": iso(version.updated_at),
        "archived_at": optional_iso(version.archived_at),
    }
    extension = _set(extra["extension"])
    return shown | {"_oma": extension} if extension else shown


def snapshot(stored: Document) -> Document:
    """A session's pinned agent: the definition, with full definitions of the agents it may use where they are known.

    ``stored["roster"]`` holds the latter by ``id@version``.
    """
    roster = stored.get("roster") or {}
    own = _definition(stored)

    def member(reference: Document) -> Document:
        known = roster.get(f"{reference['id']}@{reference['version']}")
        return _reference(reference) if known is None else _definition(known)

    return own | {"multiagent": _multiagent(stored.get("multiagent"), lambda _member: own, member)}


def _definition(stored: Document) -> Document:
    return {
        "id": name(stored["id"]),
        "type": "agent",
        "version": stored["version"],
        "name": stored["name"],
        "description": stored["description"],
        "model": stored["model"],
        "system": stored["system"],
        "tools": [_tool(tool) for tool in stored["tools"]],
        "mcp_servers": [_set(server) for server in stored["mcp_servers"]],
        "skills": [_skill(one) for one in stored["skills"]],
        "execution_identity": stored["extra"]["execution_identity"],
    }


def _set(document: Document) -> Document:
    return {key: value for key, value in document.items() if value is not None}


def _skill(reference: Document) -> Document:
    """A reference as its client wrote it; what a session was given is an id of the core."""
    version = reference["version"]
    return reference | {"version": dress(VERSION, version) if is_core_id(version) else version}


def _tool(tool: Document) -> Document:
    shown = _set(tool)
    if "configs" in shown:
        shown["configs"] = [_set(config) for config in shown["configs"]]
    return shown


def _reference(member: Document) -> Document:
    return {"type": "agent", "id": name(member["id"]), "version": member["version"]}


def _multiagent(
    stored: Document | None, own: Callable[[Document], Document], other: Callable[[Document], Document]
) -> Document | None:
    """The roster with its members printed: the agent itself by ``own``, others by ``other``."""
    if stored is None:
        return None

    def printed(member: Document) -> Document:
        if member["type"] == "advisor":
            return member
        return own(member) if member["type"] == "self" else other(member)

    if stored["type"] == "coordinator":
        return stored | {"agents": [printed(member) for member in stored["agents"]]}
    shown = dict(stored)
    for part in ("subagents", "workflows"):
        if stored[part]["type"] == "enabled":
            members = [printed(member) for member in stored[part]["predefined_agents"]]
            shown[part] = stored[part] | {"predefined_agents": members}
    return shown
