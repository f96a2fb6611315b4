"""Agents as this family prints them; both functions work on the stored form, ``AgentVersion`` dumped as JSON."""

from collections.abc import Mapping
from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.core.ids import dress
from chalicelib.doors.openai import tools
from chalicelib.doors.openai.definitions import UNNAMED

_SUBAGENTS = 6


def name(agent_id: str) -> str:
    """An agent's id as printed."""
    return dress("agent", agent_id)


def agent(version: AgentVersion) -> dict[str, Any]:
    """A saved agent."""
    return _definition(version.model_dump(mode="json"), saved=True) | {
        "object": "agent",
        "metadata": version.metadata,
        "created_at": version.created_at // 1000,
        "updated_at": version.updated_at // 1000,
    }


def pinned(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The agent of a session."""
    return _definition(stored, saved=False)


def _definition(stored: Mapping[str, Any], *, saved: bool) -> dict[str, Any]:
    model, extra = stored["model"], stored["extra"]
    effort = (model.get("effort") or {}).get("type")
    several = bool(extra["enable_general_subagent"])
    return {
        "id": name(stored["id"]),
        "model": model["id"],
        "name": None if stored["name"] == UNNAMED else stored["name"],
        "instructions": stored["system"],
        "tools": tools.shown(stored, saved=saved),
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "reasoning": {"effort": effort, "summary": None if effort is None else "auto"},
        "service_tier": "fast" if model.get("speed") == "fast" else "auto",
        "multi_agent": {"enabled": several, "max_concurrent_subagents": _SUBAGENTS if several else None},
        "compaction": {"async": False},
        "experimental": {"time_awareness": False},
    }
