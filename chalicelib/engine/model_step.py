"""One model call: ask, listen, and write down what came of it."""

import time
from dataclasses import asdict, replace
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.engine import endings, records, retrying, tool_step
from chalicelib.engine.job import Job, ModelCall, Spoken
from chalicelib.engine.prompt import build
from chalicelib.engine.reserving import reserved
from chalicelib.engine.speech import Speech
from chalicelib.engine.threads import calling
from chalicelib.engine.tool_uses import Asked, asked_for
from chalicelib.events.event import Draft
from chalicelib.models.chunks import Finished
from chalicelib.models.errors import ModelError
from chalicelib.models.registry import Resolved
from chalicelib.models.runner import ModelStream, StreamEnded, open_stream
from chalicelib.models.usage import Usage
from chalicelib.runs.errors import Interrupted, OutOfTime, RunError, RunTooLong
from chalicelib.runs.pen import Change
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Head, QueuedInput

_LISTEN_SECONDS = 0.25
_BATCH_SECONDS = 0.05


def begin(job: Job) -> ModelCall:
    """Write the intent of a model call."""
    started, call = records.next_model_call(job)
    retrying.running_again(job, started)
    return call


def run(job: Job) -> bool:
    """Make the begun (or a new) model call; whether the run goes on here."""
    call = job.call or begin(job)
    job.call = None
    speech, spoken = Speech(), Spoken()
    try:
        _listen(job, speech, spoken)
    except ModelError as error:
        ended = records.model_ended(job.using, job.run_id, call, spoken, error=error.message)
        return retrying.after_failure(job, ended, error, spoke=speech.begun)
    except (Interrupted, OutOfTime, RunTooLong) as stop:
        _broken_off(job, call, speech, spoken, stop)
        return False
    job.tries = 0
    return _conclude(job, call, speech, spoken)


def _listen(job: Job, speech: Speech, spoken: Spoken) -> None:
    resolved = job.models.resolve(job.using)
    request = build(job, resolved.model)
    with reserved(job, resolved, request) as paid:
        stream = open_stream(resolved.provider, request)
        try:
            _follow(job, stream, speech)
        finally:
            if speech.finished is None:
                stream.cancel()
                _send(job, speech, speech.cut())
        paid.usage = _reckon(job, spoken, speech.finished, resolved)


def _reckon(job: Job, spoken: Spoken, finished: Finished | None, resolved: Resolved) -> Usage:
    usage = finished.usage if finished else Usage()
    spoken.usage = asdict(usage)
    spoken.cost = job.models.cost(resolved, usage)
    if finished is not None:
        spoken.stop_reason, spoken.detail = finished.stop_reason, finished.finish_detail
        spoken.response_id = finished.response_id
    return usage


def _follow(job: Job, stream: ModelStream, speech: Speech) -> None:
    sent = 0.0
    while True:
        watched = bool(speech.fragments) and job.pen.watched_until > now_ms()
        try:
            batch = stream.next_batch(_BATCH_SECONDS if watched else _LISTEN_SECONDS)
        except StreamEnded:
            return
        for chunk in batch:
            speech.take(chunk)
        if speech.fragments and time.monotonic() - sent >= _BATCH_SECONDS:
            _send(job, speech)
            sent = time.monotonic()
        if speech.finished is not None:
            _send(job, speech)
            return
        job.look()


def _send(job: Job, speech: Speech, more: list[Any] | None = None) -> None:
    fragments = [*speech.fragments, *(more or [])]
    speech.fragments.clear()
    if not fragments or job.pen.watched_until <= now_ms():
        return
    # Whoever reads goes by the order of places, so a lower one must not come after a higher one.
    with job.pen.lock:
        job.parts.live.write(job.ref, job.pen.tail.next_seq - 1, next(job.fragments), fragments, job.thread)


def _conclude(job: Job, call: ModelCall, speech: Speech, spoken: Spoken) -> bool:
    asked = asked_for(job, speech)
    said = speech.said(job.run_id, spoken) + [
        (one.place, record) for one in asked for record in one.written(job.thread)
    ]
    written = [draft for _, draft in sorted(said, key=lambda pair: pair[0])]
    written += records.model_ended(job.using, job.run_id, call, spoken, said=written)
    if not asked:
        reason = records.FINISH_REASONS.get(spoken.stop_reason, "other")
        refused = spoken.stop_reason == "refusal"
        return not endings.finish(job, written, finish_reason=reason, refused=refused, detail=spoken.detail)
    return _go_on(job, written, asked)


def _go_on(job: Job, written: list[Draft], asked: list[Asked]) -> bool:
    waiting = {one.record.id: replace(one.call, thread=job.thread) for one in asked if one.call is not None}
    called = [one.called for one in asked if one.called is not None]
    written += [draft for one in asked for draft in one.notes]
    if waiting and len(waiting) == len(asked):
        return not endings.wait(job, written, waiting)
    if not waiting and not called:
        job.pen.append([*written, *tool_step.intents(job, [one.record for one in asked])])
        return True

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        head.calls.update(waiting)
        return Change(head, [*written, *calling.begun(job, head, called)], due=due_of(head, now_ms()))

    job.pen.commit(plan)
    return True


def _broken_off(job: Job, call: ModelCall, speech: Speech, spoken: Spoken, stop: RunError) -> None:
    if isinstance(stop, OutOfTime):
        endings.hand_on(
            job, records.model_ended(job.using, job.run_id, call, spoken, error=records.ABORTED), "time limit"
        )
        return
    said = [draft for _, draft in speech.said(job.run_id, spoken, partial=True)]
    ended = records.model_ended(job.using, job.run_id, call, spoken, error=records.ABORTED, said=said)
    if isinstance(stop, RunTooLong):
        endings.give_up(job, [*said, *ended], stop)
    else:
        endings.interrupt(job, [*said, *ended])
