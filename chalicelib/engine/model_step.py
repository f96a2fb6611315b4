"""One model call: ask, listen, and write down what came of it."""

import time
from dataclasses import asdict
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.engine import endings, records, retrying, tool_step
from chalicelib.engine.job import Job, ModelCall, Spoken
from chalicelib.engine.prompt import build
from chalicelib.engine.speech import Speech
from chalicelib.engine.tool_uses import Asked, asked_for
from chalicelib.events.event import Draft
from chalicelib.models.chunks import Finished
from chalicelib.models.errors import ModelError
from chalicelib.models.runner import ModelStream, StreamEnded, open_stream
from chalicelib.models.usage import Usage
from chalicelib.runs.errors import Interrupted, OutOfTime
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
        ended = records.model_ended(job.model, job.run_id, call, spoken, error=error.message)
        return retrying.after_failure(job, ended, error)
    except (Interrupted, OutOfTime) as stop:
        _broken_off(job, call, speech, spoken, handed_on=isinstance(stop, OutOfTime))
        return False
    job.tries = 0
    return _conclude(job, call, speech, spoken)


def _listen(job: Job, speech: Speech, spoken: Spoken) -> None:
    resolved = job.parts.models.resolve(job.model)
    request = build(job, resolved.model)
    stream = open_stream(resolved.provider, request)
    try:
        _follow(job, stream, speech)
    finally:
        if speech.finished is None:
            stream.cancel()
            _send(job, speech, speech.cut())
    finished = speech.finished
    _reckon(job, spoken, finished, resolved.model)


def _reckon(job: Job, spoken: Spoken, finished: Finished | None, model: str) -> None:
    usage = finished.usage if finished else Usage()
    spoken.usage = asdict(usage)
    spoken.cost = job.parts.models.prices.cost(model, usage)
    if finished is not None:
        spoken.stop_reason, spoken.detail = finished.stop_reason, finished.finish_detail
        spoken.response_id = finished.response_id


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
    job.fragments += 1
    job.parts.live.write(job.ref, job.pen.tail.next_seq - 1, job.fragments, fragments)


def _conclude(job: Job, call: ModelCall, speech: Speech, spoken: Spoken) -> bool:
    asked = asked_for(job, speech)
    said = speech.said(job.run_id, spoken) + [(one.place, one.record) for one in asked]
    written = [draft for _, draft in sorted(said, key=lambda pair: pair[0])]
    written += records.model_ended(job.model, job.run_id, call, spoken, said=written)
    if not asked:
        reason = records.FINISH_REASONS.get(spoken.stop_reason, "other")
        refused = spoken.stop_reason == "refusal"
        endings.finish(job, written, finish_reason=reason, refused=refused, detail=spoken.detail)
        return False
    return _go_on(job, written, asked)


def _go_on(job: Job, written: list[Draft], asked: list[Asked]) -> bool:
    waiting = {one.record.id: one.call for one in asked if one.call is not None}
    written += [draft for one in asked for draft in one.notes]
    if waiting and len(waiting) == len(asked):
        return not endings.wait(job, written, waiting)
    if not waiting:
        job.pen.append([*written, *tool_step.intents(job, [one.record for one in asked])])
        return True

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        head.calls.update(waiting)
        return Change(head, written, due=due_of(head, now_ms()))

    job.pen.commit(plan)
    return True


def _broken_off(job: Job, call: ModelCall, speech: Speech, spoken: Spoken, *, handed_on: bool) -> None:
    if handed_on:
        endings.hand_on(
            job, records.model_ended(job.model, job.run_id, call, spoken, error=records.ABORTED), "time limit"
        )
        return
    said = [draft for _, draft in speech.said(job.run_id, spoken, partial=True)]
    ended = records.model_ended(job.model, job.run_id, call, spoken, error=records.ABORTED, said=said)
    endings.interrupt(job, [*said, *ended])
