"""Resources of a request turned into those of a session."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError, NotFound
from chalicelib.core.ids import derive_id, new_id, undress
from chalicelib.doors.managed.schemas.resources import AnyResource, FileResource, RepositoryResource
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.sessions.resources import FILE, Resource
from chalicelib.storage.keys import Space

_SERVER_FAULT = 500


@contextmanager
def kept_if_taken(call: Call, space: Space) -> Iterator[list[Resource]]:
    """A list for the resources a request makes; if the request is refused, their copies of files go again."""
    made: list[Resource] = []
    try:
        yield made
    except LambentError as refused:
        if refused.status < _SERVER_FAULT:
            for resource in made:
                forget(call, space, resource)
        raise


def forget(call: Call, space: Space, resource: Resource) -> None:
    """Remove what a resource has outside of the session's rows."""
    if resource["type"] == FILE:
        call.services.files.delete(space, resource["file_id"])


def attach(call: Call, ref: SessionRef, wanted: AnyResource, field: str) -> Resource:
    """The resource a request asks for; of a file a copy in the session's scope. Raises NotFound."""
    if isinstance(wanted, FileResource):
        return _file(call, ref, wanted, field)
    resource_id = derive_id(ref.id, call.seed, field) if call.seed else new_id()
    kept = call.services.session_resources
    if isinstance(wanted, RepositoryResource):
        checkout = None if wanted.checkout is None else wanted.checkout.chosen()
        token = None if wanted.authorization_token is None else wanted.authorization_token.get_secret_value()
        return kept.repository(ref, resource_id, wanted.url, wanted.place(), checkout, token)
    return kept.variable(ref, resource_id, wanted.name, wanted.value.get_secret_value())


def _file(call: Call, ref: SessionRef, wanted: FileResource, field: str) -> Resource:
    file_id = undress("file", wanted.file_id)
    if file_id is None:
        raise NotFound(f"{field}.file_id: there is no file {wanted.file_id}", field=f"{field}.file_id")
    again = derive_id(ref.id, call.seed, field) if call.seed else None
    copied = call.services.files.copy_into_scope(ref.space, file_id, ref.id, again)
    mount = wanted.mount_path or f"/mnt/session/uploads/{wanted.file_id}"
    return {"id": copied.id, "type": FILE, "file_id": copied.id, "mount_path": mount, "created_at": now_ms()}
