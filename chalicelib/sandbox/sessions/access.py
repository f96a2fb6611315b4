"""How the tools of one run reach the session's sandbox."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from chalicelib.core.clock import now_ms
from chalicelib.sandbox.client import GuestClient, GuestGone
from chalicelib.sandbox.computers import Live
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.hosts.base import SandboxError
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions.memory import MountedMemory
from chalicelib.sandbox.sessions.placing import Placed
from chalicelib.storage.keys import Space

_LONGEST_CALL_MS = 600_000
_HOLD_MS = 660_000
RESTARTED = (
    "The sandbox was started anew: files are as they were stored last; "
    "the shell's state and running processes are gone."
)


class SessionSandbox:
    """The computer is started by the first tool that needs one, and found again by the others."""

    def __init__(
        self,
        sandboxes: Callable[[], SandboxService],
        placed: Sequence[Placed],
        space: Space,
        session_id: str,
        *,
        run: str = "",
        memory: MountedMemory | None = None,
    ) -> None:
        """``sandboxes`` is asked when a tool needs the computer; ``placed`` is what is put there besides its workspace.

        ``run`` is whose tools come; "" for clients, who may come while the agent is at work. For a run a computer that
        was given something else than it would be given now is started anew. ``memory`` are the session's memory stores.
        """
        self._memory = memory
        self._sandboxes = sandboxes
        self._placed = placed
        self._space = space
        self._id = session_id
        self._run = run
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
        if self._run:
            self._sandboxes().refresh(self._space, self._id)
        live = self._sandboxes().live(self._space, self._id, _HOLD_MS)
        computer = live.sandbox.computer
        if computer is not None:
            told = [RESTARTED] * (live.sandbox.boots > 1 and not computer.told) + computer.problems
            self._untold = bool(told)
            for text in told:
                self._note(text)
        have = computer.uploads if computer is not None else {}
        want = {path: what for one in self._placed for path, what in one.wanted().items()}
        if have != want:
            self._met(live, [problem for one in self._placed for problem in one.put(live.client, have)])
            self._sandboxes().note_uploads(self._space, live, want)
        if self._memory is not None and (self._memory.wanted or (computer is not None and computer.memory)):
            self._mount(self._memory, live)
        return live

    def _mount(self, memory: MountedMemory, live: Live) -> None:
        """What the computer still has to tell goes first, so that nothing of it is written over."""
        fresh = live.sandbox.computer is None or not live.sandbox.computer.memory
        if not fresh:
            self._met(live, self._sandboxes().sync_live(self._space, live))
        self._met(live, memory.refresh(self._space, live, again=bool(self._run)))
        if fresh:
            self._sandboxes().note_memory(self._space, live)
        self._hear()

    def _met(self, live: Live, problems: Sequence[str]) -> None:
        """Tell the agent, in its next run when this is none of its."""
        if problems and not self._run:
            self._sandboxes().note_problems(self._space, live, problems)
        for problem in problems if self._run else ():
            self._note(problem)

    def _hear(self) -> None:
        """Take over what storing memory brought up: it is for the agent, so that a client leaves it to the next run."""
        for text in self._memory.notes(self._space, self._id) if self._memory is not None and self._run else ():
            self._note(text)

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
            self._met(live, self._sandboxes().sync_live(self._space, live, self._run))
        except GuestGone:
            self.lost()
            raise
        self._hear()

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
