"""Trajectories as this door prints them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.render import events as render_events
from chalicelib.doors.managed.render.sessions import name, session_agent
from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.sessions import trajectory as projection
from chalicelib.sessions.model import Session

_TOKENS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def trajectory(session: Session, events: Sequence[Event], provider: str | None) -> dict[str, Any]:
    """A session with its whole log."""
    head, spec = session.head, session.spec
    shown = [event for event in events if event.type in catalogue.PUBLIC_TYPES]
    outcome, reward = projection.outcome(head, events), projection.reward(head)
    usage = {name: getattr(head.totals, name) for name in _TOKENS}
    answer = {
        "schema_version": "oma.trajectory.v1",
        "trajectory_id": dress("traj", head.id),
        "session_id": name(head.id),
        "agent_config": session_agent(spec.agent),
        "environment_config": (spec.environment or {}).get("config"),
        "model": {"id": spec.agent["model"]["id"], "provider": provider},
        "started_at": iso(head.created_at),
        "outcome": outcome,
        "events": [render_events.row(event, name(head.id), sdk=False) for event in shown],
        "summary": asdict(projection.summary(shown)) | {"token_usage": usage},
    }
    if outcome != "running":
        answer["ended_at"] = iso(events[-1].at if events else head.created_at)
    return answer if reward is None else answer | {"reward": reward}
