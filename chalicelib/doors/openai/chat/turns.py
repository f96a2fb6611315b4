"""An agent's turn as a chat reads it: its text, the calls its client has to answer, why it ended, what it used."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import Conflict, LambentError, NotFound
from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai.chat.call_ids import call_name
from chalicelib.doors.openai.chat.printing import ToolCall, usage_of
from chalicelib.doors.openai.clock import Beat
from chalicelib.doors.openai.errors import (
    UpstreamAway,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnpaid,
)
from chalicelib.events import live
from chalicelib.events.event import Event
from chalicelib.events.live import Fragment
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import Follower

_SPANS = ("span.model_request_end", "span.compaction_summarize_end")
_REASONS = {"length": "length", "content-filter": "content_filter"}
_ERRORS: dict[str, type[LambentError]] = {
    "model_overloaded_error": UpstreamAway,
    "model_rate_limited_error": UpstreamAway,
    "tool_use_limit_reached_error": UpstreamRefused,
    "billing_error": UpstreamUnpaid,
}
_CODES = {"billing_error": "insufficient_quota"}
"""Codes that clients know under another name."""
GAP = "\n\n"
"""Stands between two messages of one turn."""


class ConfirmationRequired(Conflict):
    """The agent waits for somebody's consent, which a chat cannot give."""


class TurnInterrupted(Conflict):
    """Somebody stopped the turn: what it said until then is in the session."""


class SessionGone(NotFound):
    """The session was removed while its turn was awaited."""


@dataclass(slots=True)
class Turn:
    """What is known of the turn so far. ``take`` gives the text that is new; ``over`` tells that nothing follows.

    ``mine`` is the id of the input that makes it (None: everything is of it), ``uses`` are the tool uses seen.
    """

    ref: SessionRef
    mine: str | None
    over: bool = False
    reason: str = "stop"
    calls: list[ToolCall] = field(default_factory=list)
    failure: LambentError | None = None
    uses: dict[str, Event] = field(default_factory=dict)
    _begun: bool = False
    _counts: dict[str, int] = field(default_factory=dict)
    _said: dict[str, int] = field(default_factory=dict)

    @property
    def usage(self) -> dict[str, Any]:
        """What its model calls used."""
        return usage_of(self._counts)

    def take(self, item: Event | Fragment) -> str:
        """Take in what comes next; the text that is new."""
        if isinstance(item, Fragment):
            return self._fragment(item) if self._begun or self.mine is None else ""
        self._begun = self._begun or self._begins(item)
        if item.type == "session.deleted":
            self._fail(SessionGone("the session was deleted"))
        return self._event(item) if self._begun else ""

    def _begins(self, item: Event) -> bool:
        mine = self.mine in (item.id, item.data.get("input_id"))
        return self.mine is None or (mine and item.type != "input.queued")

    def _fragment(self, item: Fragment) -> str:
        if item.kind != live.MESSAGE or item.phase != "delta" or item.thread is not None:
            return ""
        return self._more(item.event_id, item.text)

    def _more(self, event_id: str, text: str) -> str:
        gap = GAP if self._said and event_id not in self._said else ""
        self._said[event_id] = self._said.get(event_id, 0) + len(text)
        return gap + text

    def _event(self, item: Event) -> str:
        """Of other agents that work on threads only counts, and calls for the client."""
        if item.type == "agent.message" and item.thread is None:
            text = "".join(block.get("text", "") for block in item.data["content"])
            rest = text[self._said.get(item.id, 0) :]
            return self._more(item.id, rest) if rest else ""
        if item.type in ("agent.custom_tool_use", "agent.tool_use", "agent.mcp_tool_use"):
            self.uses[item.id] = item
        elif item.type in _SPANS:
            self._count(item.data.get("model_usage") or {})
        elif item.thread is None:
            self._towards_the_end(item)
        return ""

    def _count(self, usage: dict[str, Any]) -> None:
        for name, value in usage.items():
            if isinstance(value, int):
                self._counts[name] = self._counts.get(name, 0) + value

    def _towards_the_end(self, item: Event) -> None:
        if item.type == "input.removed" and item.data.get("input_id") == self.mine:
            self._fail(Conflict("the message was withdrawn before the agent took it"))
        elif item.type == "session.error" and not item.data["error"].get("retryable"):
            self.failure = self._failed(item.data["error"])
        elif item.type == "run.finished":
            self.reason = _REASONS.get(item.data.get("finish_reason") or "", "stop")
            if item.data["status"] == "cancelled":
                self.failure = TurnInterrupted("the turn was interrupted before it was over", code="interrupted")
        elif item.type == "session.status_idle":
            self._rest(item.data.get("stop_reason") or {})
        elif item.type == "session.status_terminated":
            self.over = True

    def _rest(self, stop: dict[str, Any]) -> None:
        if stop.get("type") == "budget_reached":
            self._fail(Conflict("the session's budget is reached", code="budget_reached"))
        elif stop.get("type") != "requires_action":
            self.over = True
        elif stop.get("action_type") == "tool_confirmation":
            self._fail(ConfirmationRequired(self._asks(stop), code="confirmation_required"))
        elif stop.get("action_type") == "custom_tool_result":
            self.over, self.reason = True, "tool_calls"
            self.calls = [self._call(self.uses[one]) for one in stop["event_ids"] if one in self.uses]

    def _asks(self, stop: dict[str, Any]) -> str:
        names = sorted({self.uses[one].data["name"] for one in stop["event_ids"] if one in self.uses})
        return f"the agent waits for consent to use {', '.join(names) or 'a tool'}"

    def _call(self, use: Event) -> ToolCall:
        return ToolCall(call_name(self.ref.id, use.id), use.data["name"], dumps(use.data["input"]))

    def _fail(self, failure: LambentError) -> None:
        self.failure, self.over = failure, True

    def _failed(self, error: dict[str, Any]) -> LambentError:
        kind = _ERRORS.get(error["type"], UpstreamFailed)
        return kind(error["message"], code=_CODES.get(error["type"], error["type"]))


async def followed(
    follower: Follower, turn: Turn, after: int, position: str | None, beat: Beat
) -> AsyncIterator[str | None]:
    """The turn's text as it comes, None when it is time for a sign of life; ends with the turn. Raises what it fails
    with, UpstreamTimedOut when the time of one answer is over (the turn goes on)."""
    items = follower.follow(turn.ref, after, position)
    async for item in items:
        if item is not None and (text := turn.take(item)):
            beat.spoke()
            yield text
        if turn.over:
            break
        if beat.ended():
            turn.failure = UpstreamTimedOut("the agent is still at work; its session tells the rest")
            break
        if beat.due():
            yield None
    if turn.failure is not None:
        raise turn.failure
