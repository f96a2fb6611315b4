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
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.service import Taken, WorkspaceService

FOLDER = "/mnt/session/outputs/"


class Outputs:
    """Keeps a session's output files in step with its sandbox."""

    def __init__(self, files: FileService, workspaces: WorkspaceService) -> None:
        self._files = files
        self._workspaces = workspaces

    def collect(self, space: Space, live: Live, taken: Taken) -> None:
        """Told after each time a workspace was stored."""
        if live.sandbox.origin != "session":
            return
        session_id = live.sandbox.id
        for path, entry in taken.changes.items():
            if not path.startswith(FOLDER):
                continue
            before = taken.before.get(path)
            if entry is not None and entry.kind == "file":
                self._keep(space, session_id, path, entry)
            if before is not None and before.kind == "file" and (entry is None or entry.digest != before.digest):
                with suppress(FileNotFound):
                    self._files.delete(space, output_id(space, session_id, path, before))

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
