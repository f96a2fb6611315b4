"""What a client wants attached turned into resources of a session."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError, NotFound
from chalicelib.core.ids import derive_id, new_id, undress
from chalicelib.events.log import SessionRef
from chalicelib.files.service import FileService
from chalicelib.sessions.resource_drafts import AnyResource, FileResource, RepositoryResource
from chalicelib.sessions.resources import FILE, Resource, SessionResources
from chalicelib.storage.keys import Space

_SERVER_FAULT = 500


class Attaching:
    """Makes resources, and takes them back. ``seed`` (an idempotency key) lets a repeat meet what was made before."""

    def __init__(self, files: FileService, kept: SessionResources) -> None:
        self._files = files
        self._kept = kept

    @contextmanager
    def kept_if_taken(self, space: Space) -> Iterator[list[Resource]]:
        """A list for the resources a request makes; if the request is refused, their copies of files go again."""
        made: list[Resource] = []
        try:
            yield made
        except LambentError as refused:
            if refused.status < _SERVER_FAULT:
                for resource in made:
                    self.forget(space, resource)
            raise

    def forget(self, space: Space, resource: Resource) -> None:
        """Remove what a resource has outside of the session's rows."""
        if resource["type"] == FILE:
            self._files.delete(space, resource["file_id"])

    def attach(self, ref: SessionRef, wanted: AnyResource, field: str, seed: str | None = None) -> Resource:
        """The resource asked for; of a file a copy in the session's scope. Raises NotFound."""
        if isinstance(wanted, FileResource):
            return self._file(ref, wanted, field, seed)
        resource_id = derive_id(ref.id, seed, field) if seed else new_id()
        if isinstance(wanted, RepositoryResource):
            checkout = None if wanted.checkout is None else wanted.checkout.chosen()
            token = None if wanted.authorization_token is None else wanted.authorization_token.get_secret_value()
            return self._kept.repository(ref, resource_id, wanted.url, wanted.place(), checkout, token)
        return self._kept.variable(ref, resource_id, wanted.name, wanted.value.get_secret_value())

    def _file(self, ref: SessionRef, wanted: FileResource, field: str, seed: str | None) -> Resource:
        file_id = undress("file", wanted.file_id)
        if file_id is None:
            raise NotFound(f"{field}.file_id: there is no file {wanted.file_id}", field=f"{field}.file_id")
        again = derive_id(ref.id, seed, field) if seed else None
        copied = self._files.copy_into_scope(ref.space, file_id, ref.id, again)
        mount = wanted.mount_path or f"/mnt/session/uploads/{wanted.file_id}"
        return {"id": copied.id, "type": FILE, "file_id": copied.id, "mount_path": mount, "created_at": now_ms()}
