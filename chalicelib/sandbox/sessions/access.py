"""How the tools of one run reach the session's sandbox."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from chalicelib.core.clock import now_ms
from chalicelib.files.service import FileService
from chalicelib.sandbox.client import GuestClient, GuestGone
from chalicelib.sandbox.computers import Live
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.hosts.base import SandboxError
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions import uploads
from chalicelib.storage.keys import Space

_LONGEST_CALL_MS = 600_000
_HOLD_MS = 660_000
RESTARTED = (
    "The sandbox was started anew: files are as the last finished command left them; "
    "the shell's state and running processes are gone."
)


class SessionSandbox:
    """The computer is started by the first tool that needs one, and found again by the others."""

    def __init__(
        self,
        sandboxes: Callable[[], SandboxService],
        files: FileService,
        space: Space,
        session_id: str,
        wanted: dict[str, str],
        *,
        refreshes: bool = True,
    ) -> None:
        """``sandboxes`` is asked when a tool needs the computer; ``wanted`` are its uploads: file ids by path.

        ``refreshes``: a computer that was given something else than it would be given now is started anew. Not for
        those who come while the agent may be at work in it.
        """
        self._sandboxes = sandboxes
        self._files = files
        self._space = space
        self._id = session_id
        self._wanted = wanted
        self._refreshes = refreshes
        self._live: Live | None = None
        self._untold = False
        self._notices: list[str] = []
        self._warnings: list[str] = []
        self._lock = Lock()

    def client(self) -> GuestClient:
        """The way to the guest. Raises SandboxError."""
        with self._lock:
            if self._live is None:
                self._live = self._found()
            elif self._live.sandbox.used_at - now_ms() < _LONGEST_CALL_MS:
                self._live = self._sandboxes().hold(self._space, self._live, _HOLD_MS)
            return self._live.client

    def _found(self) -> Live:
        if self._sandboxes().ensure(self._space, SandboxDraft("session", sandbox_id=self._id)).state == "paused":
            self._sandboxes().resume(self._space, self._id, end_at=None)
        if self._refreshes:
            self._sandboxes().refresh(self._space, self._id)
        live = self._sandboxes().live(self._space, self._id, _HOLD_MS)
        computer = live.sandbox.computer
        if computer is not None and not computer.told:
            self._untold = live.sandbox.boots > 1 or bool(computer.problems)
            for text in [RESTARTED] * (live.sandbox.boots > 1) + computer.problems:
                self._note(text)
        have = computer.uploads if computer is not None else {}
        want = self._wanted | uploads.sent(self._files, self._space, self._id, self._wanted)
        if have != want:
            for problem in uploads.put(live.client, self._files, self._space, have, want):
                self._note(problem)
            self._sandboxes().note_uploads(self._space, live, want)
        return live

    def _note(self, text: str) -> None:
        self._notices.append(text)
        self._warnings.append(text)

    def lost(self) -> None:
        """The connection broke: the next call finds the computer again or starts another."""
        with self._lock:
            if self._live is not None:
                self._sandboxes().doubt(self._live)
            self._live = None

    def persist(self, paths: Sequence[str] | None = None) -> None:  # noqa: ARG002 - a scan finds what changed anyhow
        """Store what changed; durable when this returns. Raises SandboxError."""
        with self._lock:
            live = self._live
        if live is None:
            return
        try:
            self._sandboxes().sync_live(self._space, live)
        except GuestGone:
            self.lost()
            raise

    def release(self) -> None:
        """No more calls come from here for now."""
        with self._lock:
            live = self._live
        if live is not None:
            # At worst it stays awake for some minutes.
            with suppress(SandboxNotFound, SandboxError):
                self._sandboxes().release(self._space, live)

    def notice(self) -> str | None:
        """What the model has to know since it was last told."""
        with self._lock:
            told, self._notices = self._notices, []
            if self._untold and self._live is not None:
                self._untold = False
                # At worst the next run is told once more.
                with suppress(SandboxNotFound, SandboxError):
                    self._sandboxes().note_told(self._space, self._live)
        return "\n".join(told) or None

    def warnings(self) -> list[str]:
        """What the session's log has to tell since it was last asked."""
        with self._lock:
            told, self._warnings = self._warnings, []
        return told
