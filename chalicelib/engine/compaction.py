"""Keeps the context bounded: when it nears the model's window, the older part is replaced by a summary."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.engine import records, retrying
from chalicelib.engine.asking import Reply, ask, transcript
from chalicelib.engine.job import Job
from chalicelib.events import catalogue
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import weigh
from chalicelib.models.errors import ModelError
from chalicelib.models.usage import Usage
from chalicelib.runs.errors import Interrupted, OutOfTime, RunTooLong
from chalicelib.runs.pen import Change
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Head, QueuedInput

_TAIL_SHARE = 5
_SUMMARY_TOKENS = 2048
_INSTRUCTION = (
    "You shorten the record of a working conversation between a user and an assistant. Keep what is needed to go on: "
    "goals, decisions, facts, names, numbers, file paths, open tasks and the latest state. "
    "Write plain prose and lists, no preamble."
)


def needed(job: Job) -> bool:
    """Whether the context is over its share of the window and something old enough can be folded away."""
    return _over(job, 0) and _boundary(job) > 0


def near(job: Job, coming: Iterable[dict[str, Any]]) -> bool:
    """Whether the context may be over its share once these blocks are in it: no model call is begun ahead then."""
    return _over(job, sum(weigh(block) for block in coming))


def _over(job: Job, coming: int) -> bool:
    size = max(job.conversation.weight, job.conversation.last_input_tokens) + coming
    return size * 100 > job.window * job.parts.settings.compact_ratio_percent


def _boundary(job: Job) -> int:
    """The message from which all is kept: a user's own, with the kept part within a share of the window; 0 if none.

    It is not later than the first message since the last totals: whoever folds the log from there must meet every
    model call that is not in the totals yet.
    """
    budget = job.window // _TAIL_SHARE
    messages, begins, kept, weight = job.conversation.messages, job.conversation.begins, 0, 0
    latest = next((begin for begin in begins if begin > job.conversation.billed_seq), begins[-1])
    for index in range(len(messages) - 1, 0, -1):
        weight += sum(weigh(block) for block in messages[index]["content"])
        if _own_words(messages[index]) and begins[index] <= latest:
            if kept and weight > budget:
                break
            kept = index
    return kept if kept > 1 else 0


def _own_words(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "user" and message["content"][0]["type"] != "tool_result")


def run(job: Job) -> bool:
    """Summarise the older part and go on; whether the run goes on here."""
    boundary = _boundary(job)
    kept_from = job.conversation.begins[boundary]
    old = job.conversation.messages[:boundary]
    span = new_id()
    facts = {"reason": "context size", "boundary": kept_from, "message_count": len(old)}
    started = [
        Draft(catalogue.COMPACTION_STARTED, facts, run=job.run_id),
        Draft("span.compaction_summarize_start", {"model": job.using}, id=span, run=job.run_id),
    ]
    retrying.running_again(job, started)
    try:
        reply = _summarise(job, old)
    except ModelError as error:
        return retrying.after_failure(job, _broken_off(job, facts, error.message), error)
    except (Interrupted, OutOfTime, RunTooLong):
        job.pen.append(_broken_off(job, facts, records.ABORTED))
        raise
    job.tries = 0
    _replace(job, facts, reply)
    return True


def _broken_off(job: Job, facts: dict[str, Any], reason: str) -> list[Draft]:
    ended = {
        "model": job.using,
        "model_usage": asdict(Usage()),
        "final_text_length": 0,
        "is_error": True,
        "error_message": reason,
    }
    return [Draft("span.compaction_summarize_end", ended, run=job.run_id), _ended(job, facts)]


def _summarise(job: Job, old: list[dict[str, Any]]) -> Reply:
    return ask(job, _INSTRUCTION, transcript(old, job.window * 2), max_tokens=_SUMMARY_TOKENS)


def _replace(job: Job, facts: dict[str, Any], reply: Reply) -> None:
    kept_from, count = facts["boundary"], facts["message_count"]
    summary = reply.text or "(no summary could be made)"
    compacted = {
        "original_message_count": len(job.conversation.messages),
        "compacted_message_count": len(job.conversation.messages) - count + 1,
        "summary": summary,
        "trigger": "auto",
        "pre_tokens": max(job.conversation.weight, job.conversation.last_input_tokens),
        "replaced_range": {"start_seq": job.conversation.begins[0], "end_seq": kept_from - 1},
    }
    ended = {"model": job.using, "model_usage": asdict(reply.usage), "final_text_length": len(summary)}
    replacement = Draft("agent.thread_context_compacted", compacted, run=job.run_id, private={"kept_from": kept_from})

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        if job.ends is None:
            head.context_from = kept_from
        else:
            job.ends.forget_before(head, kept_from)
        written = [
            replacement,
            Draft(
                "span.compaction_summarize_end",
                ended,
                run=job.run_id,
                private={"cost": None if reply.cost is None else str(reply.cost)},
            ),
            _ended(job, facts, replacement.id),
        ]
        return Change(head, written, due=due_of(head, now_ms()))

    job.pen.commit(plan)


def _ended(job: Job, facts: dict[str, Any], summary_id: str | None = None) -> Draft:
    """Without a summary the compaction was broken off; the next model call tries again."""
    aborted = summary_id is None
    data = facts | {"summary_id": summary_id, "aborted": aborted, "will_retry": aborted}
    return Draft(catalogue.COMPACTION_FINISHED, data, run=job.run_id)
