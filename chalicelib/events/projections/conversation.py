"""The log folded into what the loop needs: the model's messages and what is still open. Same log, same bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.events import catalogue
from chalicelib.events.event import Event

_RESULTS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
    "user.tool_result": "tool_use_id",
}
_COUNTED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def call_id(event_id: str) -> str:
    """The id under which the model knows a tool use."""
    return "toolu_" + event_id.replace("-", "")


@dataclass(slots=True)
class Use:
    """A tool use and how far it has come. ``decision`` is the client's; ``begun`` means an intent is in the log."""

    id: str
    type: str
    name: str
    input: dict[str, Any]
    permission: str = "allow"
    problem: str | None = None
    decision: str | None = None
    deny_message: str | None = None
    begun: bool = False
    done: bool = False


@dataclass(slots=True)
class Unbilled:
    """What model calls used since the last totals."""

    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    cost: Decimal = Decimal(0)
    model_calls: int = 0


class Conversation:
    """Feed it every record in order with ``apply``; read the rest."""

    def __init__(self) -> None:
        self.seq = 0
        self.messages: list[dict[str, Any]] = []
        self.begins: list[int] = []
        self.uses: dict[str, Use] = {}
        self.open_span: str | None = None
        self.open_steps: dict[str, dict[str, Any]] = {}
        self.answering = False
        self.unbilled = Unbilled()
        self.weight = 0
        self.last_input_tokens = 0
        self.steps = 0
        self.respecified = 0
        self.billed_seq = 0

    @property
    def pending(self) -> list[Use]:
        """The tool uses without a result, in order."""
        return [use for use in self.uses.values() if not use.done]

    def apply(self, event: Event) -> None:
        """Take in the next record."""
        self.seq = event.seq
        if (take := _TAKES.get(event.type)) is not None:
            take(self, event)

    def _stopped(self, _event: Event) -> None:
        self.answering = False

    def _finished(self, _event: Event) -> None:
        self.answering = False
        self.steps = 0

    def _billed(self, event: Event) -> None:
        self.unbilled = Unbilled()
        self.billed_seq = event.seq

    def _changed(self, event: Event) -> None:
        self.respecified = event.seq

    def _add(self, role: str, blocks: list[dict[str, Any]], seq: int) -> None:
        self.weight += sum(weigh(block) for block in blocks)
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"].extend(blocks)
            return
        self.messages.append({"role": role, "content": list(blocks)})
        self.begins.append(seq)

    def _user(self, event: Event) -> None:
        blocks = event.data["content"]
        if event.type == "system.message":
            blocks = [{"type": "text", "text": f"<system>\n{block['text']}\n</system>"} for block in blocks]
        self._add("user", blocks, event.seq)
        self.answering = True

    def _spoken(self, event: Event) -> None:
        if event.type == "agent.thinking":
            blocks = (event.private or {}).get("blocks", [])
        else:
            blocks = [block for block in event.data["content"] if block.get("text")]
        if blocks:
            self._add("assistant", blocks, event.seq)

    def _use(self, event: Event) -> None:
        private = event.private or {}
        data = event.data
        use = Use(
            event.id,
            event.type,
            data["name"],
            data["input"],
            data.get("evaluated_permission", "allow"),
            private.get("problem"),
        )
        self.uses[event.id] = use
        offered = private.get("offered", data["name"])
        block = {"type": "tool_use", "id": call_id(event.id), "name": offered, "input": data["input"]}
        self._add("assistant", [block], event.seq)

    def _result(self, event: Event) -> None:
        use_id = event.data[_RESULTS[event.type]]
        use = self.uses.get(use_id)
        if use is None or use.done:
            return
        use.done = True
        block = {"type": "tool_result", "tool_use_id": call_id(use_id), "content": event.data.get("content") or []}
        if event.data.get("is_error"):
            block["is_error"] = True
        self._add("user", [block], event.seq)
        self.answering = True
        if not self.pending:
            self.uses = {}

    def _decided(self, event: Event) -> None:
        use = self.uses.get(event.data["tool_use_id"])
        if use is not None:
            use.decision = event.data["result"]
            use.deny_message = event.data.get("deny_message")

    def _span(self, event: Event) -> None:
        if event.type == "span.model_request_start":
            self.open_span = event.id
            return
        self.open_span = None
        usage = event.data["model_usage"]
        for name in _COUNTED:
            self.unbilled.tokens[name] += usage.get(name) or 0
        self.unbilled.cost += Decimal((event.private or {}).get("cost") or 0)
        self.unbilled.model_calls += 1
        if event.type == "span.model_request_end" and not event.data.get("is_error"):
            self.last_input_tokens = sum(usage.get(name) or 0 for name in _COUNTED)
            self.answering = bool(self.pending)

    def _step(self, event: Event) -> None:
        step = event.data["step_id"]
        if event.type == catalogue.STEP_FINISHED:
            self.open_steps.pop(step, None)
            return
        self.open_steps[step] = event.data
        self.steps += 1
        use = self.uses.get(event.data.get("tool_use_id") or "")
        if use is not None:
            use.begun = True

    def _compacted(self, event: Event) -> None:
        kept_from = (event.private or {})["kept_from"]
        first = next((i for i, seq in enumerate(self.begins) if seq >= kept_from), len(self.begins))
        kept, begins = self.messages[first:], self.begins[first:]
        self.messages, self.begins, self.weight = [], [], 0
        summary = f"<summary>\n{event.data['summary']}\n</summary>"
        self._add("user", [{"type": "text", "text": summary}], kept_from)
        for message, seq in zip(kept, begins, strict=True):
            self._add(message["role"], message["content"], seq)
        self.last_input_tokens = 0


_TAKES: dict[str, Callable[[Conversation, Event], None]] = {
    **dict.fromkeys(("user.message", "system.message"), Conversation._user),
    **dict.fromkeys(("agent.message", "agent.thinking"), Conversation._spoken),
    **dict.fromkeys(("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"), Conversation._use),
    **dict.fromkeys(_RESULTS, Conversation._result),
    "user.tool_confirmation": Conversation._decided,
    "user.interrupt": Conversation._stopped,
    **dict.fromkeys(
        ("span.model_request_start", "span.model_request_end", "span.compaction_summarize_end"), Conversation._span
    ),
    **dict.fromkeys((catalogue.STEP_STARTED, catalogue.STEP_FINISHED), Conversation._step),
    "agent.thread_context_compacted": Conversation._compacted,
    "session.usage": Conversation._billed,
    **dict.fromkeys(("session.updated", "files.changed"), Conversation._changed),
    catalogue.RUN_FINISHED: Conversation._finished,
}


def weigh(block: dict[str, Any]) -> int:
    """Roughly the tokens of a content block: four characters each, a picture as much as a page."""
    if block["type"] in ("image", "document") and block.get("source", {}).get("type") != "text":
        return 1500
    return len(str(block)) // 4
