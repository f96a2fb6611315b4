"""The log folded into what the loop needs: the model's messages and what is still open. Same log, same bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.events import catalogue
from chalicelib.events.event import Event

_RESULTS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
    "user.tool_result": "tool_use_id",
}
_COUNTED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


_CLOSINGS = {
    "needs_revision": "The outcome is not achieved yet. Work on until it is.",
    "max_iterations_reached": "No further attempt follows. Close with what was achieved and what is missing.",
}


def goal_text(data: dict[str, Any]) -> str:
    """How a model is told of an outcome."""
    rubric = (data.get("rubric") or {}).get("content")
    criteria = f"\nIt is judged by these criteria:\n{rubric}" if rubric else ""
    return f"<outcome>\n{data['description']}{criteria}\n</outcome>"


def call_id(event_id: str) -> str:
    """The id under which the model knows a tool use."""
    return "toolu_" + event_id.replace("-", "")


@dataclass(slots=True)
class Use:
    """A tool use and how far it has come. ``offered`` is the name by which the model knows the tool; ``decision`` is
    the client's; ``begun`` means an intent is in the log; ``thread`` is the one that works for it when it calls another
    agent."""

    id: str
    type: str
    name: str
    input: dict[str, Any]
    permission: str = "allow"
    problem: str | None = None
    decision: str | None = None
    deny_message: str | None = None
    thread: str | None = None
    begun: bool = False
    done: bool = False
    offered: str = ""


@dataclass(slots=True)
class Unbilled:
    """What model calls used since the last totals, also apart by model; ``unpriced`` calls count as free."""

    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    cost: Decimal = Decimal(0)
    model_calls: int = 0
    unpriced: int = 0
    models: dict[str, "Unbilled"] = field(default_factory=dict)

    def count(self, usage: dict[str, Any], cost: str | None) -> None:
        """Take in one call."""
        for name in _COUNTED:
            self.tokens[name] += usage.get(name) or 0
        self.cost += Decimal(cost or 0)
        self.model_calls += 1
        self.unpriced += cost is None and any(usage.get(name) for name in _COUNTED)

    def copy(self) -> "Unbilled":
        """The same figures, to be counted on; not apart by model."""
        return Unbilled(dict(self.tokens), self.cost, self.model_calls, self.unpriced)


class Conversation:
    """Feed it every record in order with ``apply``; read the rest.

    It is the conversation of the primary thread. ``children`` are those of the threads that have work to do or wait
    for the client; of one that a client wrote to again, only from there on. ``since`` is the first record's number.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.since = 0
        self.children: dict[str, Conversation] = {}
        self.messages: list[dict[str, Any]] = []
        self.begins: list[int] = []
        self.uses: dict[str, Use] = {}
        self.open_span: str | None = None
        self.evaluation: str | None = None
        self.criteria: dict[str, Any] = {}
        self._unheard: Event | None = None
        self.open_steps: dict[str, dict[str, Any]] = {}
        self.answering = False
        self.unbilled = Unbilled()
        self.asked = "unknown"
        self.weight = 0
        self.last_input_tokens = 0
        self.steps = 0
        self.repeats = 0
        self.repeated = ""
        self._lately = ""
        self.respecified = 0
        self.billed_seq = 0

    @property
    def pending(self) -> list[Use]:
        """The tool uses without a result, in order."""
        return [use for use in self.uses.values() if not use.done]

    def apply(self, event: Event) -> None:
        """Take in the next record."""
        self.seq = event.seq
        if event.thread is not None:
            self._of_child(event, event.thread)
        elif (take := _TAKES.get(event.type)) is not None:
            take(self, event)

    def apply_own(self, event: Event) -> bool:
        """Take in the next record of the one thread whose conversation this is; whether its turn is over with it."""
        self.seq = event.seq
        self.since = self.since or event.seq
        if event.type == "session.thread_status_idle":
            self._billed(event)
            if event.data["stop_reason"]["type"] != "requires_action":
                self._finished(event)
                return True
        elif (take := _TAKES.get(event.type)) is not None:
            take(self, event)
        return False

    def _of_child(self, event: Event, thread: str) -> None:
        if event.type in _SPENDS:
            self._spent(event)
        if event.type == "session.thread_status_running":
            self.children.setdefault(thread, Conversation())
        child = self.children.get(thread)
        if child is not None and child.apply_own(event):
            del self.children[thread]

    def _stopped(self, _event: Event) -> None:
        self.answering = False

    def _finished(self, _event: Event) -> None:
        self.answering = False
        self.steps = 0
        self.repeats = 0
        self._lately = ""

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
            thread=private.get("thread"),
        )
        self.uses[event.id] = use
        use.offered = private.get("offered", data["name"])
        block = {"type": "tool_use", "id": call_id(event.id), "name": use.offered, "input": data["input"]}
        self._add("assistant", [block], event.seq)

    def _result(self, event: Event) -> None:
        use_id = event.data[_RESULTS[event.type]]
        use = self.uses.get(use_id)
        if use is None or use.done:
            return
        use.done = True
        self._count(use, event.data.get("content"))
        block = {"type": "tool_result", "tool_use_id": call_id(use_id), "content": event.data.get("content") or []}
        if event.data.get("is_error"):
            block["is_error"] = True
        self._add("user", [block], event.seq)
        self.answering = True
        if not self.pending:
            self.uses = {}

    def _count(self, use: Use, content: Any) -> None:
        """How often the same call came to the same result, one after the other."""
        mark = derive_id(use.name, str(use.input), str(content))
        self.repeats = self.repeats + 1 if mark == self._lately else 1
        self.repeated, self._lately = use.name, mark

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
        self._spent(event)
        if event.type == "span.model_request_end" and not event.data.get("is_error"):
            self.last_input_tokens = sum(usage.get(name) or 0 for name in _COUNTED)
            self.answering = bool(self.pending)
        if self._unheard is not None:
            heard, self._unheard = self._unheard, None
            self._hear(heard)

    def _spent(self, event: Event) -> None:
        usage, cost = event.data["model_usage"], (event.private or {}).get("cost")
        self.unbilled.count(usage, cost)
        self.asked = event.data["model"]
        self.unbilled.models.setdefault(self.asked, Unbilled()).count(usage, cost)

    def _heard(self, event: Event) -> None:
        """Another agent wrote. What answers a tool use is in its result already."""
        private = event.private or {}
        if private.get("prompt"):
            self._add("user", event.data["content"], event.seq)
            self.answering = True
        elif private.get("news"):
            who = event.data["from_agent_name"]
            told = [
                {"type": "text", "text": f"<message from={who!r}>\n{block['text']}\n</message>"}
                for block in event.data["content"]
            ]
            self._add("user", told, event.seq)

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

    def _outcome(self, event: Event) -> None:
        self.criteria = {event.data["outcome_id"]: event.data}
        if self.open_span is not None:
            # The model that is speaking has not heard of it: it comes after what is being said.
            self._unheard = event
            return
        self._hear(event)

    def _hear(self, event: Event) -> None:
        self._add("user", [{"type": "text", "text": goal_text(event.data)}], event.seq)
        self.answering = self.answering or bool((event.private or {}).get("starts"))

    def _judged(self, event: Event) -> None:
        if event.type == "span.outcome_evaluation_start":
            self.evaluation = event.id
            return
        self.evaluation = None
        usage, cost = event.data["usage"], (event.private or {}).get("cost")
        for name in _COUNTED:
            self.unbilled.tokens[name] += usage.get(name) or 0
        self.unbilled.cost += Decimal(cost or 0)
        if any(usage.get(name) for name in _COUNTED):  # a verifier asks no model
            self.unbilled.models.setdefault(self.asked, Unbilled()).count(usage, cost)
        closing = _CLOSINGS.get(event.data["result"])
        if closing is not None:
            text = f"<evaluation>\n{event.data['explanation']}\n</evaluation>\n{closing}"
            self._add("user", [{"type": "text", "text": text}], event.seq)
            self.answering = True

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


_SPENDS = frozenset({"span.model_request_end", "span.compaction_summarize_end"})
_TAKES: dict[str, Callable[[Conversation, Event], None]] = {
    **dict.fromkeys(("user.message", "system.message"), Conversation._user),
    **dict.fromkeys(("agent.message", "agent.thinking"), Conversation._spoken),
    **dict.fromkeys(("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"), Conversation._use),
    **dict.fromkeys(_RESULTS, Conversation._result),
    "user.tool_confirmation": Conversation._decided,
    "user.interrupt": Conversation._stopped,
    "agent.thread_message_received": Conversation._heard,
    "user.define_outcome": Conversation._outcome,
    **dict.fromkeys(("span.outcome_evaluation_start", "span.outcome_evaluation_end"), Conversation._judged),
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
    if block["type"] == "tool_result" and isinstance(block.get("content"), list):
        return sum(weigh(part) for part in block["content"])
    return len(str(block)) // 4
