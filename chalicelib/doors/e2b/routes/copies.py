"""Copies of sandboxes: snapshots, which serve as templates, and forks."""

from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.doors.e2b import render, schemas
from chalicelib.doors.e2b.common import end_after, named, shown, space_of
from chalicelib.doors.e2b.errors import NotOffered
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.workspaces.errors import SnapshotNotFound


def snapshot(call: Call) -> Answer:
    """Keep a sandbox's files as they are now."""
    body: schemas.SnapshotBody = call.body
    if body.name:
        raise NotOffered("name: snapshots have no names here", field="name")
    made = call.services.sandboxes.snapshot(*named(call))
    answer = schemas.SnapshotAnswer(snapshot_id=render.snapshot_name(made.id), names=[])
    return Answer(answer.model_dump(by_alias=True), 201)


def delete_snapshot(call: Call) -> Answer:
    """Remove a snapshot; sandboxes made from it stay."""
    snapshot_id = render.snapshot_id_of(call.path["snapshot_id"])
    if snapshot_id is None:
        raise SnapshotNotFound("there is no such snapshot")
    call.services.workspaces.delete_snapshot(space_of(call), snapshot_id)
    return Answer(None, 204)


def fork(call: Call) -> Answer:
    """Make sandboxes with the same files; what goes wrong with one is told in its place."""
    body: schemas.ForkBody = call.body
    space, sandbox_id = named(call)
    call.services.sandboxes.get(space, sandbox_id)
    forks = [_fork(call, space, sandbox_id, end_after(body.timeout)) for _ in range(body.count or 1)]
    return Answer(forks, 201)


def _fork(call: Call, space: Space, sandbox_id: str, end_at: int) -> dict[str, Any]:
    try:
        return {"sandbox": shown(call, call.services.sandboxes.fork(space, sandbox_id, end_at))}
    except LambentError as error:
        return {"error": {"code": error.status, "message": error.message}}


_ONE = "/sandboxes/{sandbox_id}"
_TAGS = ("sandboxes",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        f"{_ONE}/snapshots",
        snapshot,
        "Keep a sandbox's files as a template",
        scope="write",
        body=schemas.SnapshotBody,
        answers={201: schemas.SnapshotAnswer},
        errors=(507,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        "/templates/{snapshot_id}",
        delete_snapshot,
        "Remove a snapshot",
        scope="write",
        answers={204: None},
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/fork",
        fork,
        "Make sandboxes with the same files",
        scope="write",
        body=schemas.ForkBody,
        answers={201: "application/json"},
        sealed=True,
        tags=_TAGS,
    ),
)
