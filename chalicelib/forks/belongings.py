"""What a session has beside its log, as a fork gets it: files, resources and the workspace."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import derive_id, dress
from chalicelib.events.log import SessionRef
from chalicelib.files.model import File
from chalicelib.files.service import FileService
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions import outputs
from chalicelib.sessions.mounts import UPLOADS
from chalicelib.sessions.resources import FILE, Resource, SessionResources
from chalicelib.storage.writes import Write
from chalicelib.workspaces.errors import WorkspaceNotFound
from chalicelib.workspaces.model import Entry, Head
from chalicelib.workspaces.service import WorkspaceService

_ALWAYS = 1 << 62


@dataclass(frozen=True, slots=True)
class Given:
    """The resources of a fork, and for each of its files the writes that make it known.

    ``exact``: they are as they were at the moment asked for.
    """

    resources: list[Resource]
    rows: list[list[Write]]
    exact: bool


@dataclass(frozen=True, slots=True)
class _Output:
    """An output in the fork's workspace, with the id its file has there; ``was`` is the one it had in the source."""

    was: str
    id: str
    path: str
    entry: Entry


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

    def give(self, source: SessionRef, target: SessionRef, resources: list[Resource], at: int) -> Given:
        """Fork the workspace and copy the files, as they were at that moment (milliseconds).

        Where the workspace of that moment is not kept any more, all is as it is now. A repeat gives the same ids.
        """
        tree = self._fork_tree(source, target, at)
        exact = tree is None or tree.at <= at
        until = at if exact else _ALWAYS
        made = [] if tree is None else self._outputs(source, target)
        own = {one.was: one.id for one in made}
        had = [
            one for one in self._files.of_session(source.space, source.id) if one.created_at <= until or one.id in own
        ]
        ids = {file.id: own.get(file.id) or derive_id("fork", target.id, file.id) for file in had}
        rows = self._rows(target, [(file, ids[file.id]) for file in had], [one for one in made if one.was not in ids])
        moved = (self._resource(source, target, one, ids) for one in resources if one["created_at"] <= until)
        attached = {one["file_id"] for one in resources if one["type"] == FILE}
        sent = [file for file in had if file.maker == "client" and file.id not in attached]
        kept = [one for one in moved if one is not None]
        return Given(kept + [_kept_in_place(file, ids[file.id]) for file in sent], rows, exact)

    def _rows(self, target: SessionRef, files: list[tuple[File, str]], replaced: list[_Output]) -> list[list[Write]]:
        """What makes the files known, of which the source has no more those ``replaced`` since."""
        wanted = [file_id for _, file_id in files] + [one.id for one in replaced]
        known = {file.id for file in self._files.find_many(target.space, wanted)}
        missing = [pair for pair in files if pair[1] not in known]
        copies = self._files.copies(target.space, missing, target.id, target.folder)
        return copies + [self._stored(target, one) for one in replaced if one.id not in known]

    def _stored(self, target: SessionRef, output: _Output) -> list[Write]:
        draft = outputs.draft_of(target.id, output.path)
        upload = self._files.begin(target.space, draft.checked().media_type, output.id, target.folder)
        try:
            for piece in self._workspaces.content(target.space, target.id, output.entry):
                upload.incoming.write(piece)
            return self._files.commit_writes(upload, draft)
        except TooLarge:
            self._files.abandon(upload)
            return []

    def _resource(self, source: SessionRef, target: SessionRef, one: Resource, ids: dict[str, str]) -> Resource | None:
        if one["type"] == FILE:
            copied = ids.get(one["file_id"])
            return None if copied is None else one | {"id": copied, "file_id": copied}
        return self._kept.moved(source, target, one, derive_id("fork", target.id, one["id"]))

    def _fork_tree(self, source: SessionRef, target: SessionRef, at: int) -> Head | None:
        """The fork's workspace, None when there is none to be had."""
        space = source.space
        with suppress(WorkspaceNotFound):
            return self._workspaces.head(space, target.id)
        try:
            self._workspaces.head(space, source.id)
            # First of all: who removes the session finds its workspace by its sandbox.
            self._sandboxes().ensure(space, SandboxDraft("session", sandbox_id=target.id))
            return self._workspaces.fork(space, source.id, target.id, at)
        except WorkspaceNotFound:
            return None

    def _outputs(self, source: SessionRef, target: SessionRef) -> list[_Output]:
        """The agent's output files with the ids of both sessions, so that the fork's changes find its own."""
        space = target.space
        tree = self._workspaces.tree(space, target.id)
        return [
            _Output(
                outputs.output_id(space, source.id, path, one),
                outputs.output_id(space, target.id, path, one),
                path,
                one,
            )
            for path, one in tree.entries.items()
            if path.startswith(outputs.FOLDER) and one.kind == "file"
        ]


def _kept_in_place(file: File, copied: str) -> Resource:
    """A file that was uploaded to the source stays where the conversation speaks of it."""
    place = f"{UPLOADS}/{dress('file', file.id)}"
    return {"id": copied, "type": FILE, "file_id": copied, "mount_path": place, "created_at": file.created_at}
