"""The records of steps: a model call or a tool call, from its intent to its outcome."""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.engine.job import Job, ModelCall, Spoken
from chalicelib.events import catalogue, drafts
from chalicelib.events.event import Draft

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool-calls",
    "max_tokens": "length",
    "refusal": "content-filter",
}
_NO_USAGE = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
}


def model_started(run: str, model: str, agent: str, number: int) -> tuple[list[Draft], ModelCall]:
    """The intent of a model call."""
    step, span = new_id(), new_id()
    started = {"step_id": step, "number": number, "kind": "model", "name": model, "agent": agent, "span_id": span}
    drafts = [
        Draft(catalogue.STEP_STARTED, started, run=run),
        Draft("span.model_request_start", {"model": model}, id=span, run=run),
    ]
    return drafts, ModelCall(span, step, now_ms())


def next_model_call(job: Job) -> tuple[list[Draft], ModelCall]:
    """The intent of the job's next model call."""
    return model_started(job.run_id, job.using, job.agent_name, job.conversation.steps + 1)


def model_ended(
    model: str, run: str, call: ModelCall, spoken: Spoken, *, error: str | None = None, said: Sequence[Draft] = ()
) -> list[Draft]:
    """The outcome of a model call; ``error`` is the provider's message or ``aborted``, ``said`` what it produced."""
    usage = spoken.usage or dict(_NO_USAGE)
    finish = FINISH_REASONS.get(spoken.stop_reason, "other")
    data: dict[str, Any] = {
        "model_request_start_id": call.span,
        "model": model,
        "model_usage": usage | {"speed": None},
        "finish_reason": finish if error is None else ("aborted" if error == ABORTED else "error"),
        "final_text_length": spoken.text_length,
        "provider_response_id": spoken.response_id,
        "is_error": error is not None,
    }
    if error is not None:
        data["error_message"] = error[:500]
    cost = None if spoken.cost is None else str(spoken.cost)
    status = "completed" if error is None else ("cancelled" if error == ABORTED else "failed")
    return [
        Draft("span.model_request_end", data, run=run, private={"cost": cost}),
        step_finished(
            run, call.step, "model", status, call.started_at, usage=usage, cost=cost, output=[one.id for one in said]
        ),
    ]


ABORTED = "aborted"
step_finished = drafts.step_finished


def tool_started(run: str, use_id: str, name: str, agent: str, number: int) -> tuple[Draft, str]:
    """The intent of a tool call, and its step id."""
    step = new_id()
    data = {
        "step_id": step,
        "number": number,
        "kind": "tool",
        "name": name,
        "agent": agent,
        "tool_use_id": use_id,
        "started_at": now_ms(),
    }
    return Draft(catalogue.STEP_STARTED, data, run=run), step
