"""How a run stops: done, waiting for the client, interrupted, failed, or handed on. Each is one atomic change."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.engine.job import Job, ModelCall, Spoken
from chalicelib.engine.records import ABORTED, model_ended, step_finished
from chalicelib.events import catalogue, drafts
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Conversation
from chalicelib.models.limits import context_window
from chalicelib.runs.pen import Change
from chalicelib.sessions import input_records
from chalicelib.sessions.closing import INTERRUPTED, leave
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Call, Head, QueuedInput
from chalicelib.sessions.usage import usage_of
from chalicelib.storage.writes import Write

_COUNTED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def bill(job: Job, head: Head, extra: Sequence[Draft]) -> tuple[dict[str, int], Decimal, int]:
    """Add to the head's totals what was used since the last totals; gives that part: tokens, cost, model calls."""
    unbilled = job.conversation.unbilled
    tokens, cost, calls = dict(unbilled.tokens), unbilled.cost, unbilled.model_calls
    for draft in extra:
        if draft.type == "span.model_request_end":
            usage = draft.data["model_usage"]
            tokens = {name: tokens[name] + (usage.get(name) or 0) for name in _COUNTED}
            cost += Decimal((draft.private or {}).get("cost") or 0)
            calls += 1
    for name in _COUNTED:
        setattr(head.totals, name, getattr(head.totals, name) + tokens[name])
    head.totals.cost = str(Decimal(head.totals.cost) + cost)
    return tokens, cost, calls


def release(head: Head) -> None:
    """Give the lease back."""
    head.lease_owner, head.lease_until = "", 0


def context_tokens(job: Job, extra: Sequence[Draft]) -> int:
    """How much the newest model call had in view."""
    heard = [draft.data["model_usage"] for draft in extra if draft.type == "span.model_request_end"]
    seen = [sum(usage.get(name) or 0 for name in _COUNTED) for usage in heard]
    return next((size for size in reversed(seen) if size), job.conversation.last_input_tokens)


def _finished(job: Job, head: Head, extra: Sequence[Draft], status: str, **more: Any) -> Draft:
    tokens, cost, calls = bill(job, head, extra)
    run = head.run
    started = run.started_at if run and run.started_at else now_ms()
    return drafts.run_finished(
        run.id if run else "",
        status,
        usage=tokens,
        cost=str(cost),
        context={"tokens": context_tokens(job, extra), "window": context_window(job.model)},
        duration_ms=now_ms() - started,
        model_calls=calls,
        **more,
    )


def _end(
    job: Job,
    head: Head,
    records: list[Draft],
    stop: dict[str, Any],
    inbox: list[QueuedInput],
    dropped: list[QueuedInput],
    details: dict[str, Any] | None = None,
) -> Change:
    left = [item for item in inbox if item not in dropped]
    release(head)
    records += leave(head, stop, left, details)
    wanted = head.self_hosted and head.run is not None
    return Change(head, records, dropped, due_of(head, now_ms()), _called(job, head) if wanted else [])


def _called(job: Job, head: Head) -> list[Write]:
    """The writes that see to it that a worker of the customer is on the way."""
    return job.parts.workers.wanted(job.ref, head.environment_id)


def _stopped(head: Head, records: list[Draft], inbox: list[QueuedInput]) -> list[QueuedInput]:
    """Carry out a pending interrupt in the records; gives the inputs that go with it."""
    asked = head.interrupt
    if asked is None:
        return []
    run = head.run.id if head.run else None
    records.append(Draft("user.interrupt", {}, id=asked.id, run=run))
    if not asked.drop_queued:
        return []
    dropped = [item for item in inbox if item.seq < asked.seq]
    for item in dropped:
        head.queued -= 1
        records.append(input_records.removed(item, "interrupt", head.queued))
    return dropped


def finish(
    job: Job, extra: Sequence[Draft], *, finish_reason: str, refused: bool = False, detail: str | None = None
) -> None:
    """The model has nothing more to do, or refused to do it, which ``detail`` may explain: the run is complete."""
    stop = {"type": "refusal"} if refused else drafts.END_TURN
    details = {"type": "refusal", "category": None, "explanation": detail} if refused else None

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        records = [*extra, _finished(job, head, extra, "completed", finish_reason=finish_reason)]
        dropped = _stopped(head, records, inbox)
        return _end(job, head, records, stop, inbox, dropped, details)

    job.pen.commit(plan)


def fail(job: Job, extra: Sequence[Draft], kind: str, message: str, *, terminal: bool) -> None:
    """The run cannot go on; the session stays usable."""
    error = {"type": kind, "message": message}

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        retry = "terminal" if terminal else "exhausted"
        records = [
            *extra,
            *close_open(job, head, extra),
            drafts.session_error(kind, message, retry=retry, run=head.run.id if head.run else None),
            _finished(job, head, extra, "failed", error=error),
        ]
        head.last_error = error
        dropped = _stopped(head, records, inbox)
        return _end(job, head, records, drafts.RETRIES_EXHAUSTED, inbox, dropped)

    job.pen.commit(plan)


def interrupt(job: Job, extra: Sequence[Draft]) -> None:
    """Carry out the client's request to stop; ``extra`` are the outcomes of what was under way."""

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        records = [*extra, *close_open(job, head, extra)]
        dropped = _stopped(head, records, inbox)
        records.append(_finished(job, head, records, "cancelled", cause="interrupt"))
        return _end(job, head, records, drafts.END_TURN, inbox, dropped)

    job.pen.commit(plan)


def _use_of(draft: Draft) -> str | None:
    return draft.data.get("tool_use_id") or draft.data.get("custom_tool_use_id")


def close_open(job: Job, head: Head, extra: Sequence[Draft]) -> list[Draft]:
    """Ends for everything the log shows as open and ``extra`` does not end: a model call and tool uses."""
    run = head.run.id if head.run else ""
    done = {_use_of(draft) for draft in extra}
    records = close_span(job.conversation, job.model, run, extra)
    records += [
        drafts.tool_result(use.type, use.id, drafts.text_blocks(INTERRUPTED), is_error=True, run=run)
        for use in job.conversation.pending
        if use.id not in done
    ]
    records += [
        step_finished(run, step, "tool", "cancelled", data["started_at"], tool_use_id=data["tool_use_id"])
        for step, data in job.conversation.open_steps.items()
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


def wait(job: Job, extra: Sequence[Draft], calls: dict[str, Call]) -> bool:
    """Leave the run to the client's answers, unless all came meanwhile; whether it waits now."""
    waits = True

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        nonlocal waits
        for event_id, call in calls.items():
            head.calls.setdefault(event_id, call)
        unanswered = head.unanswered
        waits = bool(unanswered) and head.interrupt is None
        if not waits:
            kind = drafts.action_type([call.kind for call in calls.values()])
            return Change(head, [*extra, drafts.run_resumed(job.run_id, kind, None)], due=due_of(head, now_ms()))
        return _waiting(job, head, extra, unanswered)

    job.pen.commit(plan)
    return waits


def _waiting(job: Job, head: Head, extra: Sequence[Draft], unanswered: list[str]) -> Change:
    run = head.run
    if run is None:
        raise RuntimeError("a held session has a run")
    kinds = [head.calls[event_id].kind for event_id in unanswered]
    stop = drafts.requires_action(unanswered, list(kinds))
    bill(job, head, extra)
    run.state, run.attempt = "waiting", 0
    head.rest(stop, now_ms())
    release(head)
    records = [
        *extra,
        Draft(
            catalogue.RUN_WAITING,
            {"run_id": run.id, "kind": stop["action_type"], "event_ids": unanswered, "deadline": None},
            run=run.id,
        ),
        *drafts.idle(run.id, head.agent_name, stop, usage_of(head)),
    ]
    return Change(head, records, due=None, more=_called(job, head) if head.awaits_worker else [])


def hand_on(job: Job, extra: Sequence[Draft], source: str) -> None:
    """Leave the run to another invocation."""

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        if head.run is None:
            raise RuntimeError("a held session has a run")
        record = {"run_id": head.run.id, "previous_status": "running", "source": source}
        head.run.state, head.run.attempt = "queued", 0
        release(head)
        records = [*extra, Draft(catalogue.RUN_REQUEUED, record, run=head.run.id)]
        return Change(head, records, due=due_of(head, now_ms()))

    job.pen.commit(plan)
