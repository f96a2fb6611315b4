"""Making sandboxes."""

from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.doors.e2b import render, schemas
from chalicelib.doors.e2b.common import USUAL_SECONDS, end_after, shown, space_of
from chalicelib.doors.e2b.errors import NotOffered
from chalicelib.doors.e2b.network import check_network
from chalicelib.http.route import Answer, Call, Handler, Route
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.workspaces.errors import SnapshotNotFound

_EARLIER_SECONDS = 15


def create(call: Call) -> Answer:
    """Make a sandbox."""
    return _create(call, USUAL_SECONDS)


def create_as_before(call: Call) -> Answer:
    """Make a sandbox that lasts less when nothing is said."""
    return _create(call, _EARLIER_SECONDS)


def _create(call: Call, seconds: int) -> Answer:
    made = call.services.sandboxes.create(space_of(call), _draft(call, call.body, seconds))
    return Answer(shown(call, made), 201, kept={"id": made.id})


def recall(call: Call, kept: Any) -> Answer:
    """The answer to a repeat. The first one held a token, which is not stored."""
    found = call.services.sandboxes.get(space_of(call), kept["id"])
    return Answer(shown(call, found), 201)


def _draft(call: Call, body: schemas.NewSandbox, seconds: int) -> SandboxDraft:
    if body.volume_mounts:
        raise NotOffered("volumeMounts: volumes are not offered here", field="volumeMounts")
    if body.iam and body.iam.get("tokens"):
        raise NotOffered("iam: workload identities are not offered here", field="iam")
    if body.mcp:
        raise NotOffered("mcp: a gateway to MCP servers is not offered here", field="mcp")
    check_network(body.network)
    return SandboxDraft(
        origin="e2b",
        template=body.template_id,
        end_at=end_after(body.timeout, seconds),
        on_timeout="pause" if body.auto_pause else "kill",
        auto_resume=bool(body.auto_resume and body.auto_resume.enabled),
        pause_memory=body.auto_pause_memory is not False,
        metadata=body.metadata or {},
        env=body.env_vars or {},
        internet=body.allow_internet_access,
        network=body.network,
        sandbox_id=None if call.seed is None else derive_id("sandbox", call.principal.tenant, call.seed),
        snapshot_id=_snapshot_of(body.template_id),
    )


def _snapshot_of(template: str) -> str | None:
    if not render.is_snapshot(template):
        return None
    snapshot_id = render.snapshot_id_of(template)
    if snapshot_id is None:
        raise SnapshotNotFound("there is no such snapshot", field="templateID")
    return snapshot_id


def _post(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        ("POST",),
        path,
        handler,
        summary,
        scope="write",
        body=schemas.NewSandbox,
        answers={201: schemas.SandboxAnswer},
        errors=(404,),
        tags=("sandboxes",),
        recall=recall,
    )


ROUTES: tuple[Route, ...] = (
    _post("/v2/sandboxes", create, "Create a sandbox"),
    _post("/sandboxes", create_as_before, "Create a sandbox (earlier clients)"),
)
