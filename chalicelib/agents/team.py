"""Whom an agent may call, read from its snapshot in a session: the tools for it, and the definitions behind them.

A definition is in stored form, as the snapshot itself. Whoever is called calls nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import dress

GENERAL, ADVISOR, INLINE = "general_subagent", "advisor", "spawn_agent"
_GENERAL_SYSTEM = (
    "You are a helper of another agent. Do the task it gives you with the tools you have, by yourself: nobody answers "
    "questions. Your last words are handed back to it, so end with all it needs to know."
)
_ADVISOR_SYSTEM = (
    "You advise another agent that works on a task. Answer its question with clear, short and practical advice."
)
_LONGEST_NAME = 256

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Callee:
    """Somebody the agent may call. ``who`` is what a thread keeps of it; ``argument`` is the tool's argument that is
    handed over. ``counted``: its threads count for the most a session may have."""

    tool: str
    who: Document
    name: str
    about: str
    argument: str = "message"
    counted: bool = True


def callees(agent: Document) -> list[Callee]:
    """Everybody the agent may call, each under its tool's name."""
    return list(_all(agent))


def models(agent: Document) -> list[str]:
    """The models a session of the agent may ask, once each: its own, then those of everybody it may call."""
    called = (definition(agent, callee.who)["model"]["id"] for callee in callees(agent))
    return list(dict.fromkeys([agent["model"]["id"], *called]))


def _all(agent: Document) -> Iterator[Callee]:
    stored = agent.get("multiagent") or {}
    for member in _members(stored):
        yield _member(agent, member)
    if (model := _advisor(stored)) is not None:
        about = "Asks an experienced adviser. It sees nothing but the message, so say all it has to know."
        yield Callee(ADVISOR, {"type": "advisor", "model": model}, "advisor", about, counted=False)
    if (agent.get("extra") or {}).get("enable_general_subagent"):
        about = "Hands a task to a helper with your tools, which begins without knowing this conversation."
        yield Callee(GENERAL, {"type": "general"}, GENERAL, about, argument="task")
    if _spawns(stored):
        about = "Makes a helper with your tools and the instructions you give it, and hands it a task."
        yield Callee(INLINE, {"type": "inline"}, INLINE, about)


def _members(stored: Document) -> list[Document]:
    if stored.get("type") == "coordinator":
        return [member for member in stored["agents"] if member["type"] != "advisor"]
    subagents = stored.get("subagents") or {}
    return list(subagents.get("predefined_agents") or [])


def _advisor(stored: Document) -> str | None:
    if stored.get("type") == "coordinator":
        return next((str(member["model"]) for member in stored["agents"] if member["type"] == "advisor"), None)
    advisor = stored.get("advisor") or {}
    return str(advisor["model"]) if advisor.get("type") == "enabled" else None


def _spawns(stored: Document) -> bool:
    inline = (stored.get("subagents") or {}).get("inline_agents") or {}
    return bool(inline.get("type") == "enabled")


def _member(agent: Document, member: Document) -> Callee:
    own = member["type"] == "self"
    who = {"type": "self"} if own else {"type": "agent", "id": member["id"], "version": member["version"]}
    found = definition(agent, who)
    about = f"Hands a task to the agent {found['name']!r}, which works on it by itself and answers with its result. "
    if found.get("description"):
        about += f"What it is for: {found['description']} "
    about += "It begins without knowing this conversation, so the message has to hold all it needs."
    return Callee(tool_name(agent["id"] if own else member["id"]), who, str(found["name"]), about)


def tool_name(agent_id: str) -> str:
    """The name of the tool that calls an agent: made of its printed id."""
    return "call_agent_" + re.sub(r"[^A-Za-z0-9]", "_", dress("agent", agent_id))


def spawned(arguments: Document) -> Document:
    """What a thread keeps of an agent defined by the arguments of its call."""
    name = str(arguments.get("name") or "helper")[:_LONGEST_NAME]
    return {"type": "inline", "name": name, "system": str(arguments.get("instructions") or _GENERAL_SYSTEM)}


def definition(agent: Document, who: Document) -> Document:
    """The definition behind ``Callee.who``; ``agent`` is the caller's snapshot."""
    found = _definition(agent, who)
    return found | {"multiagent": None, "extra": (found.get("extra") or {}) | {"enable_general_subagent": False}}


def _definition(agent: Document, who: Document) -> Document:
    if who["type"] == "agent":
        return dict((agent.get("roster") or {})[f"{who['id']}@{who['version']}"])
    own = {key: value for key, value in agent.items() if key != "roster"}
    if who["type"] == "self":
        return own
    if who["type"] == "general":
        return own | {"name": GENERAL, "description": None, "system": _GENERAL_SYSTEM}
    if who["type"] == "inline":
        return own | {"name": who.get("name"), "description": None, "system": who.get("system")}
    model = dict.fromkeys(agent["model"]) | {"id": who["model"], "speed": "standard"}
    bare: Document = {"tools": [], "mcp_servers": [], "skills": [], "description": None}
    return own | bare | {"name": "advisor", "model": model, "system": _ADVISOR_SYSTEM}
