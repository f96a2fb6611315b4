"""What clients do in a session's sandbox themselves: commands, and looking at what its agent left there."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.core.errors import InvalidRequest
from chalicelib.files.model import File, FileDraft
from chalicelib.files.service import FileService
from chalicelib.sandbox.client import GuestProblem
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions.access import SessionSandbox
from chalicelib.sandbox.sessions.outputs import FOLDER as OUTPUTS
from chalicelib.storage.keys import Space
from chalicelib.workspaces.errors import PathNotFound, WorkspaceNotFound
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.service import WorkspaceService
from chalicelib.workspaces.tree import Tree

MOST_CHARS = 100_000
TIMED_OUT = 124
_KEPT_BYTES = 4 * MOST_CHARS
_SILENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command printed, and how it ended: 124 when its time was over."""

    exit_code: int
    output: str
    truncated: bool


def execute(sandbox: SessionSandbox, command: str, timeout_ms: int) -> CommandResult:
    """Run a command on its own, apart from the agent's shell. Raises SandboxError."""
    try:
        return _executed(sandbox, command, timeout_ms)
    finally:
        sandbox.release()


def _executed(sandbox: SessionSandbox, command: str, timeout_ms: int) -> CommandResult:
    process = {"cmd": "/bin/bash", "args": ["-l", "-c", f"exec 2>&1\n{command}"]}
    said, code, lost = bytearray(), TIMED_OUT, False
    try:
        for happened in sandbox.client().process(
            "/process.Process/Start",
            {"process": process, "stdin": False},
            silence_s=_SILENCE_SECONDS,
            timeout_ms=timeout_ms,
        ):
            said += happened.said
            lost = lost or len(said) > _KEPT_BYTES
            del said[_KEPT_BYTES:]
            code = code if happened.exit_code is None else happened.exit_code
    except GuestProblem as problem:
        if problem.guest_code != "deadline_exceeded":
            raise
    sandbox.persist()
    text = said.decode(errors="replace")
    return CommandResult(code, text[:MOST_CHARS], lost or len(text) > MOST_CHARS)


class Shelf:
    """A session's files as they were last stored, whether its sandbox is alive or not."""

    def __init__(
        self, sandboxes: SandboxService, workspaces: WorkspaceService, files: FileService, space: Space, session_id: str
    ) -> None:
        self._sandboxes = sandboxes
        self._workspaces = workspaces
        self._files = files
        self._space = space
        self._id = session_id

    def outputs(self) -> list[tuple[str, Entry]]:
        """The files in the folder of outputs: name below the folder, entry."""
        tree = self._tree()
        entries = tree.entries.items() if tree is not None else ()
        found = ((path.removeprefix(OUTPUTS), entry) for path, entry in entries if path.startswith(OUTPUTS))
        return sorted((name, entry) for name, entry in found if entry.kind == "file")

    def output(self, name: str) -> tuple[Entry, Iterator[bytes]]:
        """One output and its content. Raises InvalidRequest, PathNotFound, NotAFile."""
        if name.startswith("/") or ".." in name.split("/"):
            raise InvalidRequest("filename: must lie in the folder of outputs", field="filename")
        return self._read(posixpath.join(OUTPUTS, name))

    def _read(self, path: str) -> tuple[Entry, Iterator[bytes]]:
        tree = self._tree()
        if tree is None:
            raise PathNotFound("path: there is nothing there", field="path")
        entry = tree.file(path)
        return entry, self._workspaces.content(self._space, self._id, entry)

    def _tree(self) -> Tree | None:
        try:
            return self._workspaces.tree(self._space, self._id)
        except WorkspaceNotFound:
            return None

    def publish(self, path: str, draft: FileDraft, file_id: str | None) -> File:
        """A file of the session with the content of a path as it is now.

        Raises InvalidRequest, PathNotFound, NotAFile.
        """
        self._sandboxes.sync_if_any(self._space, self._id)
        _, pieces = self._read(path)
        upload = self._files.begin(self._space, draft.checked().media_type, file_id)
        try:
            for piece in pieces:
                upload.incoming.write(piece)
            return self._files.commit(upload, draft)
        except BaseException:
            self._files.abandon(upload)
            raise
