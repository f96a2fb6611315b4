"""Files attached to a session, put where its agent finds them, for reading only."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.core.ids import dress
from chalicelib.files.service import FileService
from chalicelib.sandbox import frames
from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.sending import send_tree
from chalicelib.sessions.mounts import UPLOADS, file_place
from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Entry

_READ_ONLY = 0o444


class Uploads:
    """The files attached to a session, and those uploaded for it; each goes by its id."""

    def __init__(
        self, files: FileService, space: Space, session_id: str, resources: Iterable[Mapping[str, Any]]
    ) -> None:
        self._files = files
        self._space = space
        self._session_id = session_id
        self._attached = {
            file_place(one["mount_path"]): str(one["file_id"]) for one in resources if one["type"] == "file"
        }
        self._wanted: dict[str, str] = {}

    def wanted(self) -> dict[str, str]:
        """File ids by path, as of now."""
        sent = self._files.sent_to(self._space, self._session_id, set(self._attached.values()))
        self._wanted = self._attached | {f"{UPLOADS}/{dress('file', file.id)}": file.id for file in sent}
        return self._wanted

    def put(self, client: GuestClient, have: Mapping[str, str]) -> list[str]:
        """Bring a computer's uploads from what it has to what was last wanted; tells what could not be put there."""
        missing = {path: file_id for path, file_id in self._wanted.items() if have.get(path) != file_id}
        gone = [path for path in have if path not in self._wanted and path.startswith(f"{UPLOADS}/")]
        problems: list[str] = []
        if missing or gone:
            problems += send_tree(client, frames.sent(_entries(self._files, self._space, missing, problems), gone))
        return problems


def _entries(
    files: FileService, space: Space, missing: Mapping[str, str], problems: list[str]
) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
    for path, file_id in missing.items():
        try:
            file, pieces = files.content(space, file_id, even_held_back=True)
        except LambentError as error:
            problems.append(f"The file for {path} could not be put there: {error.message}")
            continue
        mtime = file.created_at * 1_000_000
        yield path, Entry("file", _READ_ONLY, mtime, file.size), pieces
