"""Bringing a workspace up to date with what its computer did."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, Literal, Protocol

from chalicelib.memory.paths import MOUNT
from chalicelib.sandbox import frames
from chalicelib.sandbox.client import GuestGone, GuestProblem, bounded
from chalicelib.sandbox.computers import Live
from chalicelib.sandbox.errors import SandboxContended, SandboxFull
from chalicelib.sandbox.frames import IncomingEntry
from chalicelib.storage.errors import ObjectMissing
from chalicelib.storage.keys import Space
from chalicelib.workspaces.errors import ComputerReplaced, WorkspaceFull
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Changes
from chalicelib.workspaces.service import Moved, Taken, WorkspaceService

ROOTS = ("/workspace", "/mnt/session/outputs", "/mnt/session/results")
_TRIES = 5
_SECONDS = 120.0
_SETTLE_SECONDS = 5.0


class Intake(Protocol):
    """Takes what is not the workspace's out of a scan; true when there was something."""

    def divert(self, incoming: Iterator[IncomingEntry], finish: Finish) -> Iterator[IncomingEntry]:
        """All other entries."""
        ...

    def __bool__(self) -> bool: ...


class Watcher(Protocol):
    """Follows what is stored of a computer."""

    def keep(self, space: Space, live: Live, changes: Changes) -> list[str]:
        """What is about to be stored; its content can be read. Gives what the agent has to know of it."""
        ...

    def drop(self, space: Space, live: Live, taken: Taken) -> None:
        """What was stored."""
        ...


class Memory(Protocol):
    """Stores what changed in mounted memory stores."""

    def intake(self, live: Live) -> Intake | None:
        """Where a scan of that computer leaves what changed; None for a computer without stores."""
        ...

    def store(self, space: Space, live: Live, intake: Any) -> None:
        """Make it durable. Raises SandboxContended."""
        ...


@dataclass(slots=True)
class _Line:
    """Those who want one computer's changes stored: one at a time does it, and also for those who asked before it
    began, so that nobody waits for more than two times however many there are.

    ``begun`` counts the times; ``run`` is in whose course the last one was, ``ended`` how it did.
    """

    lock: Lock = field(default_factory=Lock)
    begun: int = 0
    run: str = ""
    ended: Literal["stored", "gone", "otherwise"] = "otherwise"


class Syncer:
    """Stores what changed in a computer since the last time."""

    def __init__(self, workspaces: WorkspaceService, most_bytes: int) -> None:
        """``most_bytes`` is more than any scan of a computer within its limits can bring."""
        self._workspaces = workspaces
        self._most_bytes = most_bytes
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        # Told to the guest with the next question, or by ``settle``: until then it reports those changes again.
        self._stored: dict[str, int] = {}
        self.watcher: Watcher | None = None
        self.memory: Memory | None = None

    def sync(self, space: Space, live: Live, run: str = "") -> list[str]:
        """Durable when this returns; ``run`` in whose course. Gives what the agent has to know of it.

        Raises GuestGone, SandboxContended, SandboxFull.
        """
        line = self._lines[live.boot]
        asked = line.begun
        with line.lock:
            if line.begun <= asked or line.run != run or line.ended == "otherwise":
                return self._in_line(line, space, live, run)
            if line.ended == "gone":
                raise GuestGone("the sandbox does not answer")
            return []

    def _in_line(self, line: _Line, space: Space, live: Live, run: str) -> list[str]:
        line.begun, line.run, line.ended = line.begun + 1, run, "otherwise"
        try:
            problems = self._tried(space, live, run)
        except GuestGone:
            line.ended = "gone"
            raise
        line.ended = "stored"
        return problems

    def _tried(self, space: Space, live: Live, run: str) -> list[str]:
        for _ in range(_TRIES):
            try:
                return self._once(space, live, run)
            except (Moved, ObjectMissing):
                continue
            except ComputerReplaced as error:
                # It may answer yet; but the sandbox has another one by now.
                raise GuestGone(error.message) from error
            except WorkspaceFull as full:
                # For those who asked a sandbox for something, its workspace's limit is the sandbox's.
                raise SandboxFull(full.message) from full
        raise SandboxContended("the workspace was changed by others again and again")

    def _once(self, space: Space, live: Live, run: str) -> list[str]:
        finish, problems = Finish(), list[str]()
        intake = self.memory.intake(live) if self.memory is not None else None
        roots = ROOTS if intake is None else (*ROOTS, MOUNT)
        body = {"roots": list(roots), "stored": self._stored.get(live.boot, 0)}
        with live.client.open("POST", "/tree/changes", json=body, timeout=_SECONDS) as answer:
            pieces = bounded(answer.iter_raw(), self._most_bytes)
            incoming = frames.received(pieces, finish, roots)
            if intake is not None:
                incoming = intake.divert(incoming, finish)
            first = partial(self._keep, problems, space, live)
            taken = self._workspaces.take(space, live.sandbox.id, live.boot, incoming, finish, run, first)
            # Read to the very end, so that the connection can be used again.
            for _ in pieces:
                continue
        if self.memory is not None and intake:
            self.memory.store(space, live, intake)
        elif not taken.changes:
            return problems
        if self.watcher is not None:
            self.watcher.drop(space, live, taken)
        self._stored[live.boot] = finish.seq
        return problems

    def _keep(self, problems: list[str], space: Space, live: Live, changes: Changes) -> None:
        if self.watcher is not None:
            problems += self.watcher.keep(space, live, changes)

    def settle(self, live: Live) -> None:
        """Have the guest know what was stored; for callers after whom another process may be the next to ask.

        A guest that was not reached tells of it again, which costs time and does no harm.
        """
        seq = self._stored.pop(live.boot, 0)
        if seq:
            with suppress(GuestGone, GuestProblem):
                live.client.call("/tree/commit", {"seq": seq}, timeout_s=_SETTLE_SECONDS)

    def forget(self, boot: str) -> None:
        """That computer is gone."""
        self._lines.pop(boot, None)
        self._stored.pop(boot, None)
