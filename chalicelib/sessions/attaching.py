"""What a client wants attached turned into resources of a session."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError, NotFound
from chalicelib.core.ids import derive_id, new_id, undress
from chalicelib.events.log import SessionRef
from chalicelib.files.errors import FileNotFound
from chalicelib.files.service import FileService
from chalicelib.memory.attaching import StoreAttaching, placed
from chalicelib.sessions.resource_drafts import (
    AnyResource,
    FileResource,
    MemoryResource,
    RepositoryResource,
    VariableResource,
)
from chalicelib.sessions.resources import FILE, REPOSITORY, VARIABLE, Resource, SessionResources, demand_apart
from chalicelib.storage.keys import Space

_SERVER_FAULT = 500


class Attaching:
    """Makes resources, and takes them back. ``seed`` (an idempotency key) lets a repeat meet what was made before."""

    def __init__(self, files: FileService, kept: SessionResources, memory: StoreAttaching) -> None:
        self._files = files
        self._kept = kept
        self._memory = memory

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
            # The copy is a file of the session, which clients may have removed.
            with suppress(FileNotFound):
                self._files.delete(space, resource["file_id"])

    def check(self, space: Space, wanted: Sequence[AnyResource]) -> None:
        """Whether all of the resources could be attached to one session. Raises NotFound, InvalidRequest."""
        apart: list[Resource] = []
        for position, one in enumerate(wanted):
            field = f"resources.{position}"
            if isinstance(one, FileResource):
                self._files.get(space, _file_id(one, field))
                bare = {"id": field, "type": FILE, "mount_path": one.place()}
                demand_apart(apart, bare, field)
                apart.append(bare)
            elif isinstance(one, RepositoryResource):
                bare = {"id": field, "type": REPOSITORY, "mount_path": one.place()}
                demand_apart(apart, bare, field)
                apart.append(bare)
            elif isinstance(one, VariableResource):
                bare = {"id": field, "type": VARIABLE, "name": one.name}
                demand_apart(apart, bare, field)
                apart.append(bare)
            elif isinstance(one, MemoryResource):
                apart.append(placed(apart, self._store(space, field, one, field), field))

    def attach(self, ref: SessionRef, wanted: AnyResource, field: str, seed: str | None = None) -> Resource:
        """The resource asked for; of a file a copy in the session's scope.

        ``field`` is where it stands in the body, empty when it is the body. Raises NotFound.
        """
        if isinstance(wanted, FileResource):
            return self._file(ref, wanted, field, seed)
        resource_id = derive_id(ref.id, seed, field) if seed else new_id()
        if isinstance(wanted, MemoryResource):
            return self._store(ref.space, resource_id, wanted, field)
        if isinstance(wanted, RepositoryResource):
            checkout = None if wanted.checkout is None else wanted.checkout.chosen()
            token = None if wanted.authorization_token is None else wanted.authorization_token.get_secret_value()
            return self._kept.repository(ref, resource_id, wanted.url, wanted.place(), checkout, token)
        return self._kept.variable(ref, resource_id, wanted.name, wanted.value.get_secret_value())

    def _store(self, space: Space, resource_id: str, wanted: MemoryResource, field: str) -> Resource:
        return self._memory.attach(
            space,
            resource_id,
            wanted.memory_store_id,
            access=wanted.access,
            instructions=wanted.instructions,
            field=field,
        )

    def _file(self, ref: SessionRef, wanted: FileResource, field: str, seed: str | None) -> Resource:
        file_id = _file_id(wanted, field)
        again = derive_id(ref.id, seed, field) if seed else None
        copied = self._files.copy_into_scope(ref.space, file_id, ref.id, again)
        facts = {"file_id": copied.id, "mount_path": wanted.place()}
        return {"id": copied.id, "type": FILE, **facts, "created_at": now_ms()}


def _file_id(wanted: FileResource, field: str) -> str:
    file_id = undress("file", wanted.file_id)
    if file_id is None:
        place = f"{field}.file_id" if field else "file_id"
        raise NotFound(f"{place}: there is no file {wanted.file_id}", field=place)
    return file_id
