"""What is at work now: list it, stop it."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress, named_id
from chalicelib.doors.managed.render.sessions import name
from chalicelib.doors.managed.schemas import running as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.observability import logger
from chalicelib.running.model import AtWork, Chosen
from chalicelib.storage.keys import Space

_MOST_NAMED = 1000


def _own(call: Call) -> Space:
    return Space(call.principal.tenant)


def _any(call: Call, tenant: str | None) -> Space | None:
    if tenant is None:
        return None
    return Space(call.services.tenants.get(named_id("tn", tenant, "tenant_id", "tenant")).id)


def _shown(one: AtWork) -> dict[str, Any]:
    head = one.head
    return {
        "id": name(head.id),
        "type": "running_session",
        "tenant_id": dress("tn", one.ref.space.tenant),
        "agent_id": dress("agent", head.agent_id),
        "agent_name": head.agent_name,
        "end_user": head.end_user,
        "status": head.status,
        "since": optional_iso(head.active_since),
        "phase": one.phase,
        "doing": [{"kind": step.kind, "name": step.name, "since": iso(step.since)} for step in one.progress.doing],
        "cost_usd": str(one.cost),
    }


def _agent(agent_id: str | None) -> str | None:
    return None if agent_id is None else named_id("agent", agent_id, "agent_id", "agent")


def _listed(call: Call, space: Space | None) -> Answer:
    query: schemas.RunningQuery = call.query
    chosen = Chosen(_agent(query.agent_id), query.end_user)
    found, more = call.services.limiting.running.at_work(space, chosen, query.limit)
    return Answer({"data": [_shown(one) for one in found], "has_more": more})


def list_(call: Call) -> Answer:
    """The tenant's sessions at work."""
    return _listed(call, _own(call))


def list_all(call: Call) -> Answer:
    """Sessions at work of all tenants."""
    return _listed(call, _any(call, call.query.tenant_id))


def _stopped(call: Call, space: Space | None) -> Answer:
    body: schemas.StopBody = call.body
    wanted = body.session_ids
    ids = None if wanted is None else tuple(named_id("sesn", one, "session_ids", "session") for one in wanted)
    done = call.services.limiting.running.stop(space, Chosen(_agent(body.agent_id), body.end_user, ids))
    logger("running").warning("sessions were stopped", extra={"reason": body.reason or "", "count": len(done.stopped)})
    return Answer(
        {
            "type": "running_stopped",
            "matched": done.matched,
            "stopped": len(done.stopped),
            "remaining": done.remaining,
            "session_ids": [name(ref.id) for ref in done.stopped[:_MOST_NAMED]],
            "reason": body.reason,
        }
    )


def stop(call: Call) -> Answer:
    """Interrupt what is at work, and drop what waits in it."""
    return _stopped(call, _own(call))


def stop_all(call: Call) -> Answer:
    """Interrupt what is at work for all tenants, or for one."""
    return _stopped(call, _any(call, call.body.tenant_id))


ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        "/v1/running",
        list_,
        "List what is at work",
        query=schemas.RunningQuery,
        answers={200: schemas.RunningPage},
        errors=(400, 404),
        tags=("sessions",),
    ),
    Route(
        ("POST",),
        "/v1/running/stop",
        stop,
        "Stop what is at work",
        scope="write",
        body=schemas.StopBody,
        answers={200: schemas.StopAnswer},
        errors=(400, 404),
        tags=("sessions",),
    ),
    Route(
        ("GET",),
        "/admin/running",
        list_all,
        "List what is at work for any tenant",
        scope="root",
        query=schemas.TenantRunningQuery,
        answers={200: schemas.RunningPage},
        errors=(400, 404),
        tags=("operator",),
    ),
    Route(
        ("POST",),
        "/admin/running/stop",
        stop_all,
        "Stop what is at work for any tenant",
        scope="root",
        body=schemas.TenantStopBody,
        answers={200: schemas.StopAnswer},
        errors=(400, 404),
        tags=("operator",),
    ),
)
