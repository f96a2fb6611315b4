"""What an agent leaves in the folder of outputs becomes files of its session."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
_AT_ONCE = 8
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\\]")


class Outputs:
    """Keeps a session's output files in step with its sandbox."""

    def __init__(self, files: FileService, workspaces: WorkspaceService) -> None:
        self._files = files
        self._workspaces = workspaces

    def keep(self, space: Space, live: Live, changes: Changes) -> list[str]:
        """Told each time before a workspace is stored: a file is there no later than what it is made of.

        Tells what of the outputs could not become a file.
        """
        if live.sandbox.origin != "session":
            return []
        kept = {
            output_id(space, live.sandbox.id, path, entry): (path, entry)
            for path, entry in changes.items()
            if path.startswith(FOLDER) and entry is not None and entry.kind == "file"
        }
        there = {file.id for file in self._files.find_many(space, [*kept])}
        fresh = [file_id for file_id in kept if file_id not in there]
        problems: list[str] = []
        _for_all(fresh, lambda one: problems.extend(self._keep(space, live, one, *kept[one])))
        return problems

    def drop(self, space: Space, live: Live, taken: Taken) -> None:
        """Told each time after a workspace was stored: what is not in it any more goes."""
        if live.sandbox.origin != "session":
            return
        session_id = live.sandbox.id
        before = {
            path: entry for path, entry in taken.before.items() if path.startswith(FOLDER) and entry.kind == "file"
        }
        now = {path: entry for path in before if (entry := taken.changes[path]) is not None}
        kept = {output_id(space, session_id, path, entry) for path, entry in now.items()}
        gone = {output_id(space, session_id, path, entry) for path, entry in before.items()} - kept
        _for_all([*gone], lambda one: self._drop(space, one))

    def _keep(self, space: Space, live: Live, file_id: str, path: str, entry: Entry) -> list[str]:
        draft = draft_of(live.sandbox.id, path)
        upload = self._files.begin(space, draft.checked().media_type, file_id)
        try:
            for piece in self._workspaces.content(space, live.sandbox.id, entry):
                upload.incoming.write(piece)
            self._files.commit(upload, draft)
        except (TooLarge, ScopeNotFound) as refused:
            self._files.abandon(upload)
            log_failure(logger("sandbox"), "an output did not become a file", refused)
            return [f"{path} is not handed to the user: {refused.message}"]
        except LambentError:
            self._files.abandon(upload)
            raise
        return []

    def _drop(self, space: Space, file_id: str) -> None:
        with suppress(FileNotFound):
            self._files.delete(space, file_id)


def _for_all(file_ids: Sequence[str], work: Callable[[str], None]) -> None:
    """Side by side: most of the time of each is spent waiting for storage."""
    if len(file_ids) < 2:
        for file_id in file_ids:
            work(file_id)
        return
    with ThreadPoolExecutor(min(len(file_ids), _AT_ONCE), thread_name_prefix="outputs") as pool:
        for _ in pool.map(work, file_ids):
            continue


def draft_of(session_id: str, path: str) -> FileDraft:
    """The file that an output of a session becomes; what names of files may not hold becomes a line."""
    name = _NO_NAME.sub("_", path.rsplit("/", 1)[-1])
    return FileDraft(name, "", maker="agent", session_id=session_id)


def output_id(space: Space, session_id: str, path: str, entry: Entry) -> str:
    """The id of the file that an output of a session becomes."""
    return derive_id(space.tenant, "output", session_id, path, entry.digest)
