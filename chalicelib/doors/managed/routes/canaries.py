"""Canaries of agents."""

from typing import Any

from chalicelib.canaries.counters import Counts
from chalicelib.canaries.service import CanaryReport
from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.refs import agent_ref
from chalicelib.doors.managed.schemas import canaries as schemas
from chalicelib.http.route import Answer, Call, Route


def begin(call: Call) -> Answer:
    """Begin a canary, or change its share."""
    body: schemas.CanaryInput = call.body
    return _shown(call.services.canaries.begin(*agent_ref(call), body.version, body.percent, body.stable_version))


def show(call: Call) -> Answer:
    """The latest canary and what was counted."""
    return _shown(call.services.canaries.report(*agent_ref(call)))


def promote(call: Call) -> Answer:
    """All new sessions get what was tried."""
    return _shown(call.services.canaries.promote(*agent_ref(call)))


def roll_back(call: Call) -> Answer:
    """All new sessions get what the others got."""
    return _shown(call.services.canaries.roll_back(*agent_ref(call)))


def _shown(report: CanaryReport) -> Answer:
    canary = report.canary
    roles = {canary.version: "canary", canary.stable: "stable"}
    return Answer(
        {
            "id": dress("canary", canary.id),
            "type": "agent_canary",
            "agent_id": dress("agent", report.agent.id),
            "state": canary.state,
            "version": canary.version,
            "stable_version": canary.stable,
            "percent": canary.percent,
            "current_version": report.agent.version,
            "versions": [_counts(one, role, report.counts.get(one, Counts())) for one, role in roles.items()],
            "started_at": iso(canary.started_at),
            "ended_at": optional_iso(canary.ended_at),
        }
    )


def _counts(version: int, role: str, counts: Counts) -> dict[str, Any]:
    return {
        "version": version,
        "role": role,
        "sessions": counts.sessions,
        "runs_completed": counts.completed,
        "runs_failed": counts.failed,
        "runs_cancelled": counts.cancelled,
        "cost": f"{counts.cost:f}",
    }


_PLACE = "/v1/agents/{agent_id}/canary"
_ANSWERS = {200: schemas.Canary}
_TAGS = ("agents",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _PLACE,
        begin,
        "Try a version of an agent",
        scope="write",
        body=schemas.CanaryInput,
        answers=_ANSWERS,
        errors=(400, 404, 409),
        tags=_TAGS,
    ),
    Route(("GET",), _PLACE, show, "Retrieve an agent's canary", answers=_ANSWERS, errors=(404,), tags=_TAGS),
    Route(
        ("POST",),
        f"{_PLACE}/promote",
        promote,
        "Promote an agent's canary",
        scope="write",
        answers=_ANSWERS,
        errors=(400, 404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_PLACE}/rollback",
        roll_back,
        "Roll an agent's canary back",
        scope="write",
        answers=_ANSWERS,
        errors=(400, 404, 409),
        tags=_TAGS,
    ),
)
