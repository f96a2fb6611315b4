"""How a run stops: done, waiting for the client, interrupted, failed, or handed on. Each is one atomic change."""

from collections.abc import Sequence
from typing import Any

from chalicelib.canaries.counters import cost_write, run_writes
from chalicelib.core.clock import now_ms
from chalicelib.engine.billing import bill, context_tokens
from chalicelib.engine.closing import close_open
from chalicelib.engine.job import Job
from chalicelib.engine.spending import spent_writes
from chalicelib.events import catalogue, drafts
from chalicelib.events.event import Draft
from chalicelib.runs.errors import RunTooLong
from chalicelib.runs.pen import Change
from chalicelib.sessions import budgets, input_records, outcomes
from chalicelib.sessions.closing import leave
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Call, Head, QueuedInput
from chalicelib.sessions.usage import usage_of
from chalicelib.storage.writes import Write


def release(head: Head) -> None:
    """Give the lease back."""
    head.lease_owner, head.lease_until = "", 0


def _finished(job: Job, head: Head, extra: Sequence[Draft], status: str, **more: Any) -> Draft:
    tokens, cost, calls = bill(job, head, extra)
    run = head.run
    started = run.started_at if run and run.started_at else now_ms()
    return drafts.run_finished(
        run.id if run else "",
        status,
        usage=tokens,
        cost=str(cost),
        context={"tokens": context_tokens(job, extra), "window": job.window},
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
    rows: Sequence[Write] = (),
) -> Change:
    left = [item for item in inbox if item not in dropped]
    release(head)
    spent = spent_writes(job, records)
    records += leave(head, stop, left, details)
    wanted = head.self_hosted and head.run is not None
    more = [*rows, *spent, *run_writes(job.ref, head, records), *(_called(job, head) if wanted else [])]
    return Change(head, records, dropped, due_of(head, now_ms()), more)


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
) -> bool:
    """The model has nothing more to do, or refused to do it, which ``detail`` may explain: the run is complete.

    False when it is not, because an outcome is to be judged first; ``extra`` is written either way.
    """
    if job.ends is not None:
        job.ends.finish(extra, job.run_id, (detail or "") if refused else None)
        return True
    stop = {"type": "refusal"} if refused else drafts.END_TURN
    details = {"type": "refusal", "category": None, "explanation": detail} if refused else None
    over = True

    def plan(head: Head, inbox: list[QueuedInput]) -> Change | None:
        nonlocal over
        aside = head.run is not None and head.run.thread is not None
        over = aside or refused or head.interrupt is not None or head.outcome is None or not head.outcome.judged
        if not over:
            return Change(head, list(extra), due=due_of(head, now_ms())) if extra else None
        records = [*extra, _finished(job, head, extra, "completed", finish_reason=finish_reason)]
        dropped = _stopped(head, records, inbox)
        return _end(job, head, records, stop, inbox, dropped, details)

    job.pen.commit(plan)
    return over


def fail(job: Job, extra: Sequence[Draft], kind: str, message: str, *, terminal: bool, status: str = "failed") -> None:
    """The run cannot go on; the session stays usable. ``status`` is how the run ended: failed or timed_out."""
    error, retry = {"type": kind, "message": message}, "terminal" if terminal else "exhausted"
    if job.ends is not None:
        job.ends.fail(lambda head: [*extra, *close_open(job, head, extra)], job.run_id, kind, message, retry)
        return
    _settle(job)

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        threads, rows = _close_threads(job, head)
        records = [
            *extra,
            *threads,
            *close_open(job, head, extra),
            drafts.session_error(kind, message, retry=retry, run=head.run.id if head.run else None),
            _finished(job, head, extra, status, error=error),
        ]
        head.last_error = error
        dropped = _stopped(head, records, inbox)
        return _end(job, head, records, drafts.RETRIES_EXHAUSTED, inbox, dropped, rows=rows)

    job.pen.commit(plan)


def give_up(job: Job, extra: Sequence[Draft], late: RunTooLong) -> None:
    """The run took longer than it may."""
    fail(job, extra, "run_timeout_error", str(late), terminal=True, status="timed_out")


def interrupt(job: Job, extra: Sequence[Draft]) -> None:
    """Carry out the client's request to stop; ``extra`` are the outcomes of what was under way."""
    if job.ends is not None:
        job.ends.interrupt(extra, lambda head: close_open(job, head, extra), job.run_id)
        return
    _settle(job)

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        threads, rows = _close_threads(job, head)
        records = [*extra, *threads, *close_open(job, head, extra)]
        dropped = _stopped(head, records, inbox)
        records += outcomes.interrupted(head.outcomes, head.run.id if head.run else None)
        records.append(_finished(job, head, records, "cancelled", cause="interrupt"))
        return _end(job, head, records, drafts.END_TURN, inbox, dropped, rows=rows)

    job.pen.commit(plan)


def _settle(job: Job) -> None:
    """The threads of other agents stop for the same reason and have written what they were at when this returns."""
    if job.strands is not None:
        job.strands.join()


def _close_threads(job: Job, head: Head) -> tuple[list[Draft], list[Write]]:
    run = head.run.id if head.run else ""
    return ([], []) if job.strands is None else job.strands.closed(head, run)


def wait(job: Job, extra: Sequence[Draft], calls: dict[str, Call]) -> bool:
    """Leave the run to the client's answers, unless all came meanwhile; whether it waits now."""
    if job.ends is not None:
        return job.ends.wait(extra, calls, job.run_id)
    waits = True

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        nonlocal waits
        for event_id, call in calls.items():
            head.calls.setdefault(event_id, call)
        unanswered = head.unanswered
        waits = bool(unanswered) and head.interrupt is None and not _can_go_on(head, calls)
        if not waits:
            kind = drafts.action_type([call.kind for call in calls.values()])
            return Change(head, [*extra, drafts.run_resumed(job.run_id, kind, None)], due=due_of(head, now_ms()))
        return _waiting(job, head, extra, unanswered)

    job.pen.commit(plan)
    return waits


def _can_go_on(head: Head, calls: dict[str, Call]) -> bool:
    """Whether the primary thread, which waits for these calls, or another one has all answers it waits for."""
    own = bool(calls) and all(head.calls[event_id].answer is not None for event_id in calls)
    return own or any(thread.working for thread in head.threads.values())


def _waiting(job: Job, head: Head, extra: Sequence[Draft], unanswered: list[str]) -> Change:
    run = head.run
    if run is None:
        raise RuntimeError("a held session has a run")
    kinds = [head.calls[event_id].kind for event_id in unanswered]
    stop = drafts.requires_action(unanswered, list(kinds))
    _, cost, _ = bill(job, head, extra)
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
        *drafts.idle(
            run.id,
            head.agent_name,
            stop,
            usage_of(head),
            primary=run.thread is None,
            budget=budgets.shown(head),
        ),
    ]
    more = [*spent_writes(job, extra), *cost_write(job.ref, head, cost)]
    return Change(head, records, due=None, more=more + (_called(job, head) if head.awaits_worker else []))


def pause(job: Job) -> bool:
    """Leave the run until the budget is raised, unless it was raised meanwhile; whether it waits now.

    A thread of another agent only stops: it waits together with the run.
    """
    if job.ends is not None:
        return True
    waits = True

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change | None:
        nonlocal waits
        run = head.run
        if run is None:
            raise RuntimeError("a held session has a run")
        waits = budgets.exhausted(head, job.pen.unbilled) and head.interrupt is None
        if not waits:
            return None
        _, cost, _ = bill(job, head, [])
        run.state, run.attempt = "waiting", 0
        head.rest(budgets.BUDGET_REACHED, now_ms())
        release(head)
        stop, shown = budgets.BUDGET_REACHED, budgets.shown(head)
        primary = run.thread is None
        idle = drafts.idle(run.id, head.agent_name, stop, usage_of(head), budget=shown, primary=primary)
        more = [*spent_writes(job, []), *cost_write(job.ref, head, cost)]
        return Change(head, [budgets.paused(run.id), *idle], due=None, more=more)

    job.pen.commit(plan)
    return waits


def hand_on(job: Job, extra: Sequence[Draft], source: str) -> None:
    """Leave the run to another invocation."""
    if job.ends is not None:
        job.ends.hand_on(extra)
        return
    _settle(job)

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        if head.run is None:
            raise RuntimeError("a held session has a run")
        record = {"run_id": head.run.id, "previous_status": "running", "source": source}
        head.run.state, head.run.attempt = "queued", 0
        release(head)
        records = [*extra, Draft(catalogue.RUN_REQUEUED, record, run=head.run.id)]
        return Change(head, records, due=due_of(head, now_ms()))

    job.pen.commit(plan)
    job.handed_on = True
