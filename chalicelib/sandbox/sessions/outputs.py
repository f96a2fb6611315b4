"""What an agent leaves in the folder of outputs becomes files of its session."""

from contextlib import suppress

from chalicelib.core.errors import LambentError, TooLarge
from chalicelib.core.ids import derive_id
from chalicelib.files.errors import FileNotFound, ScopeNotFound
from chalicelib.files.model import FileDraft
from chalicelib.files.service import FileService
from chalicelib.observability import log_failure, logger
from chalicelib.sandbox.computers import Live
from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Changes, Entry
from chalicelib.workspaces.service import Taken, WorkspaceService

FOLDER = "/mnt/session/outputs/"


class Outputs:
    """Keeps a session's output files in step with its sandbox."""

    def __init__(self, files: FileService, workspaces: WorkspaceService) -> None:
        self._files = files
        self._workspaces = workspaces

    def keep(self, space: Space, live: Live, changes: Changes) -> None:
        """Told each time before a workspace is stored: a file is there no later than what it is made of."""
        if live.sandbox.origin != "session":
            return
        for path, entry in changes.items():
            if path.startswith(FOLDER) and entry is not None and entry.kind == "file":
                self._keep(space, live.sandbox.id, path, entry)

    def drop(self, space: Space, live: Live, taken: Taken) -> None:
        """Told each time after a workspace was stored: what is not in it any more goes."""
        if live.sandbox.origin != "session":
            return
        for path, before in taken.before.items():
            if not path.startswith(FOLDER) or before.kind != "file":
                continue
            entry = taken.changes[path]
            if entry is None or entry.digest != before.digest:
                with suppress(FileNotFound):
                    self._files.delete(space, output_id(space, live.sandbox.id, path, before))

    def _keep(self, space: Space, session_id: str, path: str, entry: Entry) -> None:
        file_id = output_id(space, session_id, path, entry)
        if self._files.find_many(space, [file_id]):
            return
        draft = draft_of(session_id, path)
        upload = self._files.begin(space, draft.checked().media_type, file_id)
        try:
            for piece in self._workspaces.content(space, session_id, entry):
                upload.incoming.write(piece)
            self._files.commit(upload, draft)
        except (TooLarge, ScopeNotFound) as refused:
            self._files.abandon(upload)
            log_failure(logger("sandbox"), "an output did not become a file", refused)
        except LambentError:
            self._files.abandon(upload)
            raise


def draft_of(session_id: str, path: str) -> FileDraft:
    """The file that an output of a session becomes."""
    return FileDraft(path.rsplit("/", 1)[-1], "", maker="agent", session_id=session_id)


def output_id(space: Space, session_id: str, path: str, entry: Entry) -> str:
    """The id of the file that an output of a session becomes."""
    return derive_id(space.tenant, "output", session_id, path, entry.digest)
