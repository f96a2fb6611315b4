"""Ends for what the log shows as open when a run stops."""

from collections.abc import Sequence

from chalicelib.core.clock import now_ms
from chalicelib.engine.job import Job, ModelCall, Spoken
from chalicelib.engine.records import ABORTED, model_ended, step_finished
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Conversation
from chalicelib.sessions.closing import INTERRUPTED
from chalicelib.sessions.model import Head


def close_open(job: Job, head: Head, extra: Sequence[Draft]) -> list[Draft]:
    """Ends for a model call and tool uses that ``extra`` does not end."""
    return close_all(job.conversation, job.model, head.run.id if head.run else "", extra)


def close_all(conversation: Conversation, model: str, run: str, extra: Sequence[Draft]) -> list[Draft]:
    """As ``close_open``, of any thread."""
    done = {drafts.answered(draft) for draft in extra}
    records = close_span(conversation, model, run, extra)
    records += [
        drafts.tool_result(use.type, use.id, drafts.text_blocks(INTERRUPTED), is_error=True, run=run)
        for use in conversation.pending
        if use.id not in done
    ]
    records += [
        step_finished(run, step, "tool", "cancelled", data["started_at"], tool_use_id=data["tool_use_id"])
        for step, data in conversation.open_steps.items()
        if data["kind"] == "tool" and data["tool_use_id"] not in done
    ]
    return records


def close_span(conversation: Conversation, model: str, run: str, extra: Sequence[Draft] = ()) -> list[Draft]:
    """The end of a model call that nobody hears any more."""
    span = conversation.open_span
    if span is None or any(draft.type == "span.model_request_end" for draft in extra):
        return []
    steps = [step for step, data in conversation.open_steps.items() if data.get("span_id") == span]
    call = ModelCall(span, steps[0] if steps else "", now_ms())
    return model_ended(model, run, call, Spoken(), error=ABORTED)
