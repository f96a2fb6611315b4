"""Files attached to a session, put where its agent finds them, for reading only."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.core.ids import dress
from chalicelib.files.service import FileService
from chalicelib.sandbox import frames
from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.sending import send_tree
from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Entry

FOLDER = "/mnt/session/uploads"
_ROOTS = (f"{FOLDER}/", "/workspace/")
_READ_ONLY = 0o444


def wanted(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """File ids by the path where the sandbox shows them."""
    return {place(one["mount_path"]): one["file_id"] for one in resources if one["type"] == "file"}


def sent(files: FileService, space: Space, session_id: str, attached: Mapping[str, str]) -> dict[str, str]:
    """What was uploaded for the session and not ``attached`` anywhere: file ids by path."""
    found = files.sent_to(space, session_id, set(attached.values()))
    return {f"{FOLDER}/{dress('file', file.id)}": file.id for file in found}


def place(mount_path: str) -> str:
    """Where a file stands: as asked for below the roots, anything else under the folder of uploads."""
    parts = [part for part in mount_path.split("/") if part not in ("", ".", "..")]
    path = "/" + "/".join(parts)
    return path if mount_path.startswith("/") and path.startswith(_ROOTS) else f"{FOLDER}{path}"


def put(
    client: GuestClient, files: FileService, space: Space, have: Mapping[str, str], want: Mapping[str, str]
) -> list[str]:
    """Bring a computer's uploads from what it has to what it should have; tells what could not be put there."""
    missing = {path: file_id for path, file_id in want.items() if have.get(path) != file_id}
    gone = [path for path in have if path not in want and path.startswith(f"{FOLDER}/")]
    problems: list[str] = []
    if missing or gone:
        entries = _entries(files, space, missing, problems)
        problems += send_tree(client, frames.sent(entries, gone))
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
