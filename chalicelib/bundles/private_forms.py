"""The private part of each type of record that has one: exactly what the engine writes."""

from typing import Any, Literal

from pydantic import BaseModel, model_validator

from chalicelib.bundles.blocks import Cost, Exact, Free, Seq, Words
from chalicelib.bundles.model import CoreId, Moment
from chalicelib.events import catalogue


class Nothing(Exact):
    """No private part."""


class _Thought(Free):
    type: Literal["thinking", "redacted_thinking"]


class _Thoughts(Exact):
    blocks: list[_Thought]
    text: str = ""


class _UsePart(Exact):
    problem: str | None = None
    thread: CoreId | None = None
    asks: bool | None = None
    offered: Words | None = None

    @model_validator(mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        if isinstance(given, dict) and any(value is None for value in given.values()):
            raise ValueError("holds nothing where something has to be")
        return given


class _KeptFrom(Exact):
    kept_from: Seq


class _Priced(Exact):
    cost: Cost | None = None


class _Marked(Exact):
    prompt: bool = False
    news: bool = False


class _Starts(Exact):
    starts: bool = False


class _Removed(Exact):
    data: dict[str, Any]
    accepted_at: Moment


PRIVATE: dict[str, type[BaseModel]] = {
    "agent.thinking": _Thoughts,
    "agent.tool_use": _UsePart,
    "agent.custom_tool_use": _UsePart,
    "agent.mcp_tool_use": _UsePart,
    "agent.thread_context_compacted": _KeptFrom,
    "agent.thread_message_received": _Marked,
    "span.model_request_end": _Priced,
    "span.compaction_summarize_end": _Priced,
    "span.outcome_evaluation_end": _Priced,
    "user.define_outcome": _Starts,
    catalogue.INPUT_REMOVED: _Removed,
}
NEEDED = frozenset(("agent.thinking", "agent.thread_context_compacted", catalogue.INPUT_REMOVED))
"""Types whose private part is never missing."""
