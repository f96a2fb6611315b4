"""The head of a fork: what the source's says of everything up to the point."""

from dataclasses import replace
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.events.drafts import END_TURN
from chalicelib.events.event import Event
from chalicelib.forks.copying import Copied
from chalicelib.memory.attaching import store_ids
from chalicelib.sessions.model import Head, Spec, Thread, Totals
from chalicelib.sessions.outcomes import Outcome


def head_of(source: Head, fork_id: str, copied: Copied, rested: Event | None, spec: Spec) -> Head:
    """A resting head over the copied log; nothing is spent yet."""
    now = now_ms()
    same_agent = spec.agent["id"] == source.agent_id and spec.agent["version"] == source.agent_version
    return Head(
        id=fork_id,
        agent_id=spec.agent["id"],
        agent_version=spec.agent["version"],
        agent_name=spec.agent["name"],
        environment_id=source.environment_id,
        created_at=now,
        updated_at=now,
        title=source.title,
        metadata=dict(source.metadata),
        stop_reason=None if rested is None else rested.data["stop_reason"],
        context_from=copied.context_from,
        notices=list(source.notices) if same_agent else [],
        self_hosted=source.self_hosted,
        memory_stores=store_ids(spec.resources),
        outcomes=[_outcome(one, copied.at) for one in source.outcomes if one.seq <= copied.seq],
        budget=source.budget,
        max_running_seconds=source.max_running_seconds,
        end_user=source.end_user,
        rev=copied.seq,
        fence=source.fence,
    )


def _outcome(outcome: Outcome, at: int) -> Outcome:
    """The outcome as it was at that time: what was not decided then has not begun."""
    if outcome.completed_at is not None and outcome.completed_at <= at:
        return replace(outcome)
    return Outcome(outcome.id, outcome.description, outcome.seq, outcome.max_iterations)


def thread_of(thread: Thread, copied: Copied) -> Thread | None:
    """The thread as the fork has it, resting; None if it began later."""
    if not 0 < thread.first <= copied.seq:
        return None
    turns = [turn for turn in thread.turns if turn <= copied.seq] or [thread.first]
    ended = thread.archived_at if thread.archived_at is not None and thread.archived_at <= copied.at else None
    rest: dict[str, Any] = {"status": "idle", "stop_reason": END_TURN, "interrupt": None, "active_since": None}
    return replace(thread, turns=turns, use=None, step="", totals=Totals(), archived_at=ended, **rest)
