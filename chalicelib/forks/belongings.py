"""What a session has beside its log, as a fork gets it: files, resources and the workspace."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import derive_id, dress
from chalicelib.events.log import SessionRef
from chalicelib.files.model import File
from chalicelib.files.service import FileService
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions import outputs, uploads
from chalicelib.sessions.resources import FILE, Resource, SessionResources
from chalicelib.storage.writes import Write
from chalicelib.workspaces.errors import WorkspaceNotFound
from chalicelib.workspaces.service import WorkspaceService


@dataclass(frozen=True, slots=True)
class Given:
    """The resources of a fork, and for each of its files the writes that make it known."""

    resources: list[Resource]
    rows: list[list[Write]]


class Belongings:
    """Gives a fork its own of everything, so that neither session can touch what the other has."""

    def __init__(
        self,
        files: FileService,
        kept: SessionResources,
        workspaces: WorkspaceService,
        sandboxes: Callable[[], SandboxService],
    ) -> None:
        self._files = files
        self._kept = kept
        self._workspaces = workspaces
        self._sandboxes = sandboxes

    def give(self, source: SessionRef, target: SessionRef, resources: list[Resource]) -> Given:
        """Fork the workspace and copy the files. A repeat gives the same ids."""
        has_tree = self._fork_tree(source, target)
        made = self._outputs(source, target) if has_tree else {}
        files = self._files.of_session(source.space, source.id)
        ids = {file.id: made.get(file.id) or derive_id("fork", target.id, file.id) for file in files}
        known = {file.id for file in self._files.find_many(source.space, list(ids.values()))}
        wanted = [(file, ids[file.id]) for file in files if ids[file.id] not in known]
        rows = self._files.copies(source.space, wanted, target.id)
        moved = [self._resource(source, target, one, ids) for one in resources]
        attached = {one["file_id"] for one in resources if one["type"] == FILE}
        sent = [file for file in files if file.maker == "client" and file.id not in attached]
        kept = [one for one in moved if one is not None]
        return Given(kept + [_kept_in_place(file, ids[file.id]) for file in sent], rows)

    def _resource(self, source: SessionRef, target: SessionRef, one: Resource, ids: dict[str, str]) -> Resource | None:
        if one["type"] == FILE:
            copied = ids.get(one["file_id"])
            return None if copied is None else one | {"id": copied, "file_id": copied}
        return self._kept.moved(source, target, one, derive_id("fork", target.id, one["id"]))

    def _fork_tree(self, source: SessionRef, target: SessionRef) -> bool:
        """Whether there is a workspace to be had."""
        space = source.space
        with suppress(WorkspaceNotFound):
            self._workspaces.head(space, target.id)
            return True
        try:
            self._workspaces.fork(space, source.id, target.id)
        except WorkspaceNotFound:
            return False
        # Who removes the session finds its workspace by its sandbox.
        self._sandboxes().ensure(space, SandboxDraft("session", sandbox_id=target.id))
        return True

    def _outputs(self, source: SessionRef, target: SessionRef) -> dict[str, str]:
        """The ids that the agent's output files have in both sessions, so that the fork's changes find its own."""
        tree = self._workspaces.tree(target.space, target.id)
        kept = {path: one for path, one in tree.entries.items() if path.startswith(outputs.FOLDER)}
        return {
            outputs.output_id(source.space, source.id, path, one): outputs.output_id(target.space, target.id, path, one)
            for path, one in kept.items()
            if one.kind == "file"
        }


def _kept_in_place(file: File, copied: str) -> dict[str, Any]:
    """A file that was uploaded to the source stays where the conversation speaks of it."""
    place = f"{uploads.FOLDER}/{dress('file', file.id)}"
    return {"id": copied, "type": FILE, "file_id": copied, "mount_path": place, "created_at": file.created_at}
