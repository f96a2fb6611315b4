"""What may be done with sandboxes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.observability import apart, log_failure, logger
from chalicelib.sandbox.client import GuestGone, GuestProblem
from chalicelib.sandbox.computers import Computers, Live, tell
from chalicelib.sandbox.errors import NetworkFixed, SandboxFull, SandboxNotFound, SandboxPaused
from chalicelib.sandbox.hosts.base import SandboxError, SandboxUnavailable
from chalicelib.sandbox.model import Sandbox, SandboxDraft, drafted, is_frozen, is_paused
from chalicelib.sandbox.rounds import Rounds
from chalicelib.sandbox.store import SandboxStore
from chalicelib.sandbox.syncing import Syncer
from chalicelib.sandbox.tokens import Holder, token_of
from chalicelib.storage.keys import Space, list_sk
from chalicelib.storage.listing import Window
from chalicelib.storage.secrets import SecretBox
from chalicelib.workspaces.service import WorkspaceService
from chalicelib.workspaces.store import Snapshot

_SWEEP = 100
_DIRECTORY = 2000
_LOCATED = 10_000
_AT_ONCE = 8
_LAST_SECONDS = 10.0
"""So long a process that was told to end goes on storing: whoever told it may kill it before long."""


class SandboxService:
    """Makes, finds, pauses and ends sandboxes; a sandbox whose time is over is gone (or paused) for every caller."""

    def __init__(
        self,
        store: SandboxStore,
        computers: Computers,
        syncer: Syncer,
        workspaces: WorkspaceService,
        secrets: SecretBox,
    ) -> None:
        self._store = store
        self._computers = computers
        self._syncer = syncer
        self._workspaces = workspaces
        self._secrets = secrets
        self._rounds = Rounds(self._look_after)
        # An id never changes hands.
        self._located: dict[str, Space] = {}

    def create(self, space: Space, draft: SandboxDraft) -> Sandbox:
        """A sandbox with a live computer; the one that is there when its id was used before.

        Raises SnapshotNotFound, SandboxUnavailable, SandboxRefused; nothing is left then.
        """
        sandbox, fresh = self._recorded(space, draft)
        if not fresh:
            return self.get(space, sandbox.id)
        return self._started(space, sandbox.id)

    def _started(self, space: Space, sandbox_id: str) -> Sandbox:
        """A sandbox that was just made, with a computer; removed when there is none to be had."""
        try:
            return self.live(space, sandbox_id).sandbox
        except SandboxError:
            self.delete(space, sandbox_id)
            raise

    def ensure(self, space: Space, draft: SandboxDraft) -> Sandbox:
        """The sandbox of the draft's id; without a computer as long as nobody needs one."""
        return self._recorded(space, draft)[0]

    def _recorded(self, space: Space, draft: SandboxDraft) -> tuple[Sandbox, bool]:
        """The sandbox as stored, and whether it is new. Raises SandboxUnavailable while its id is being freed."""
        now, sandbox_id = now_ms(), draft.sandbox_id or new_id()
        made = drafted(draft, sandbox_id, space.tenant, now)
        fresh = self._with_files_of(space, draft.snapshot_id, made) or self._store.insert(space, made)
        return (made if fresh else self._there(space, sandbox_id)), fresh

    def _there(self, space: Space, sandbox_id: str) -> Sandbox:
        try:
            return self._store.get(space, sandbox_id)
        except SandboxNotFound as error:
            raise SandboxUnavailable("the sandbox of this id is being removed") from error

    def _with_files_of(self, space: Space, snapshot_id: str | None, made: Sandbox) -> bool:
        """Store a sandbox together with its workspace; False when it is not to have one yet, or has one already."""
        if snapshot_id is None:
            return False
        return self._workspaces.from_snapshot(space, snapshot_id, made.id, self._store.insert_writes(space, made))

    def get(self, space: Space, sandbox_id: str) -> Sandbox:
        """One sandbox. Raises SandboxNotFound."""
        return self._settled(space, self._store.get(space, sandbox_id))

    def _settled(self, space: Space, sandbox: Sandbox) -> Sandbox:
        """The sandbox as it must be by now: whose time is over is ended or paused at once."""
        if not sandbox.over(now_ms()):
            return sandbox
        tell(sandbox, "a sandbox's time is over")
        if sandbox.on_timeout == "kill":
            self.kill(space, sandbox.id)
            raise SandboxNotFound("the sandbox's time is over")
        self.pause(space, sandbox.id, memory=sandbox.pause_memory)
        return self._store.get(space, sandbox.id)

    def page(self, space: Space, window: Window, keep: Callable[[Sandbox], bool]) -> Page[Sandbox]:
        """The sandboxes made by themselves, by creation; their ``env`` is not read. ``next`` continues."""
        now = now_ms()

        def lasting(sandbox: Sandbox) -> bool:
            return not (sandbox.over(now) and sandbox.on_timeout == "kill") and keep(sandbox.shown(now))

        found, more = self._store.page(space, window, lasting)
        position = list_sk(found[-1].created_at, found[-1].id) if found and more else None
        return Page([sandbox.shown(now) for sandbox in found], position)

    def locate(self, sandbox_id: str) -> Space | None:
        """Whose sandbox an id is; None for one that is not known. May name one that is gone by now."""
        found = self._located.get(sandbox_id) or self._store.locate(sandbox_id)
        if found is not None:
            if len(self._located) >= _LOCATED:
                self._located.clear()
            self._located[sandbox_id] = found
        return found

    def directory(self, since_ms: int) -> tuple[list[Holder], bool]:
        """The newest sandboxes of all tenants made since then, newest first, and whether these are all of them.

        Some may be gone by now.
        """
        found, whole = self._store.everyone(since_ms, _DIRECTORY)
        return [
            Holder(space, sandbox_id, created_at, token_of(self._secrets, space.tenant, sandbox_id))
            for space, sandbox_id, created_at in found
        ], whole

    def token(self, sandbox: Sandbox) -> str:
        """What a caller without an API key must show; the same for the sandbox's whole life."""
        return token_of(self._secrets, sandbox.tenant, sandbox.id)

    def traffic_token(self, sandbox: Sandbox) -> str:
        """What visitors of its ports must show where these are not for everybody; no key to anything else."""
        return self._secrets.derive("sandbox-traffic", sandbox.tenant, sandbox.id).hex()

    def live(self, space: Space, sandbox_id: str, hold_ms: int = 0) -> Live:
        """A computer that answers, started with the workspace put back if there is none.

        It does not count as idle for another ``hold_ms``.

        Raises SandboxNotFound, SandboxPaused, SandboxUnavailable, SandboxRefused.
        """
        sandbox = self.get(space, sandbox_id)
        if sandbox.state == "paused" and sandbox.auto_resume:
            lasts = sandbox.lasts_ms
            self.resume(space, sandbox_id, end_at=None if lasts is None else now_ms() + lasts)
        return self._computers.live(space, sandbox_id, hold_ms)

    def refresh(self, space: Space, sandbox_id: str) -> None:
        """Have the next computer started anew if this one's variables, network or repositories are out of date.

        What it did is stored before. Raises SandboxNotFound.
        """
        if self._computers.outdated(space, sandbox := self.get(space, sandbox_id)):
            self._stored(space, sandbox)
            self._computers.end(space, sandbox)

    def doubt(self, live: Live) -> None:
        """A connection to this computer broke: whoever asks next finds out whether it is there at all."""
        self._computers.doubt(live.boot)

    def sync(self, space: Space, sandbox_id: str) -> None:
        """Store what changed; durable when this returns. Nothing to do without a computer.

        Raises SandboxNotFound, GuestGone, SandboxContended, and SandboxPaused when it is too late for that.
        """
        sandbox = self._store.get(space, sandbox_id)
        live = self._awake(sandbox)
        if live is not None:
            self._syncer.sync(space, live)
            self._syncer.settle(live)
        elif sandbox.state == "paused":
            raise SandboxPaused("the sandbox is paused")

    def sync_if_any(self, space: Space, sandbox_id: str) -> None:
        """As :meth:`sync`; nothing to do without a sandbox, or when its computer does not answer any more."""
        with suppress(SandboxNotFound, SandboxPaused, GuestGone):
            self.sync(space, sandbox_id)

    def sync_live(self, space: Space, live: Live, run: str = "") -> list[str]:
        """Store what changed in a computer that is at hand; ``run`` in whose course. Gives what its agent has to know.

        Raises GuestGone, SandboxContended.
        """
        return self._syncer.sync(space, live, run)

    def note_uploads(self, space: Space, live: Live, uploads: dict[str, str]) -> None:
        """Remember what was put where in that computer."""
        self._computers.note(space, live, lambda _: {"uploads": uploads})

    def note_memory(self, space: Space, live: Live) -> None:
        """Remember that memory stores are mounted in that computer."""
        self._computers.note(space, live, lambda _: {"memory": True})

    def note_problems(self, space: Space, live: Live, problems: Sequence[str]) -> None:
        """Remember what the agent has to be told of that computer."""
        self._computers.note(space, live, lambda now: {"problems": [*now.problems, *problems]})

    def note_told(self, space: Space, live: Live) -> None:
        """Remember that the agent knows that this computer is not the one of before, and of its problems."""
        self._computers.note(space, live, lambda _: {"told": True, "problems": []})

    def hold(self, space: Space, live: Live, hold_ms: int) -> Live:
        """Keep a computer from counting as idle for another ``hold_ms``. Raises SandboxNotFound."""
        return self._computers.hold(space, live, hold_ms)

    def release(self, space: Space, live: Live) -> None:
        """Whoever asked for this computer is done with it. Raises SandboxNotFound."""
        self._syncer.settle(live)
        self._computers.release(space, live)

    def _awake(self, sandbox: Sandbox) -> Live | None:
        if sandbox.computer is None or sandbox.computer.frozen:
            return None
        return self._computers.known(sandbox)

    def set_end(self, space: Space, sandbox_id: str, end_at: int, *, only_later: bool = False) -> Sandbox:
        """Let it last until then (milliseconds); a session's lasts as long as the session. Raises SandboxNotFound."""
        self.get(space, sandbox_id)
        now = now_ms()

        def moved(was: Sandbox) -> Sandbox | None:
            if was.origin == "session" or (only_later and was.end_at is not None and was.end_at >= end_at):
                return None
            return replace(was, end_at=end_at, lasts_ms=max(end_at - now, 0))

        return self._store.change(space, sandbox_id, moved)

    def set_network(self, space: Space, sandbox_id: str, internet: bool | None, network: dict[str, Any]) -> Sandbox:
        """Other rules for what it reaches, at once; connections by the old ones end.

        Raises SandboxNotFound, and NetworkFixed when its computer cannot change any more.
        """
        wanted = replace(self.get(space, sandbox_id), internet=internet, network=network)
        if not self._computers.rewire(space, wanted):
            raise NetworkFixed(
                "the sandbox's computer keeps the network it was started with; start it anew or make another"
            )
        changed = self._store.change(space, sandbox_id, lambda was: replace(was, internet=internet, network=network))
        if changed.computer != wanted.computer and not self._computers.rewire(space, changed):
            raise NetworkFixed("the sandbox got another computer meanwhile, which keeps its network")
        return changed

    def pause(self, space: Space, sandbox_id: str, *, memory: bool = True) -> bool:
        """Stop it where it stands, or without its processes; False when it was paused. Raises SandboxNotFound.

        Who fails on the way leaves it to a repeat, or to the clock.
        """
        done = False

        def stopped(was: Sandbox) -> Sandbox | None:
            nonlocal done
            done = was.state == "running"
            return replace(was, state="paused", end_at=None, used_at=now_ms()) if done else None

        paused = self._store.change(space, sandbox_id, stopped)
        if not done and not paused.pausing:
            return False
        # Whoever resumes it meanwhile keeps the computer.
        self._stored(space, paused)
        if memory:
            self._computers.freeze(space, paused, is_paused)
        else:
            self._computers.end(space, paused, is_paused)
        return done

    def _stored(self, space: Space, sandbox: Sandbox) -> None:
        """Store what can be stored before the computer stops."""
        try:
            self._stored_whole(space, sandbox)
        except SandboxFull as error:
            log_failure(logger("sandbox"), "a workspace could not be stored before its computer stopped", error)

    def _stored_whole(self, space: Space, sandbox: Sandbox) -> None:
        """Store what there is, before it is copied; of a computer that is gone all is stored. Raises SandboxFull."""
        try:
            live = self._awake(sandbox)
            if live is not None:
                self._syncer.sync(space, live)
                self._syncer.settle(live)
        except (GuestGone, GuestProblem) as error:
            log_failure(logger("sandbox"), "the computer of a workspace that is to be stored is gone", error)

    def resume(self, space: Space, sandbox_id: str, *, end_at: int | None, memory: bool = True) -> tuple[Sandbox, bool]:
        """Let it run until ``end_at``; and whether it did already, when its end only moves to later.

        Without ``memory`` it starts anew from its files. Raises SandboxNotFound, SandboxUnavailable.
        """
        was = self.get(space, sandbox_id)
        if not memory and was.state == "paused":
            self._stored(space, was)
            self._computers.end(space, was, is_paused)
        resumed, now = False, now_ms()
        lasts = None if end_at is None else end_at - now

        def running(old: Sandbox) -> Sandbox | None:
            nonlocal resumed
            resumed = old.state == "paused"
            again = replace(old, state="running", end_at=end_at, lasts_ms=lasts, started_at=now, used_at=now)
            return again if resumed else None

        found = self._store.change(space, sandbox_id, running)
        if resumed:
            return self._computers.live(space, sandbox_id).sandbox, False
        return (found if end_at is None else self.set_end(space, sandbox_id, end_at, only_later=True)), True

    def kill(self, space: Space, sandbox_id: str) -> bool:
        """End it, and unless it is a session's remove it with its workspace; False when there is none."""
        with suppress(SandboxNotFound):
            was = self._store.get(space, sandbox_id)
            if was.origin == "session":
                self._stored(space, was)
                self._computers.end(space, was)
                return True
        return self.delete(space, sandbox_id)

    def delete(self, space: Space, sandbox_id: str) -> bool:
        """End it and remove its workspace; False when there is none."""
        gone = self._store.retire(space, sandbox_id, now_ms())
        if gone is None:
            return False
        tell(gone, "a sandbox was removed")
        self._finish(space, gone)
        return True

    def _finish(self, space: Space, gone: Sandbox) -> None:
        """Take away what a retired sandbox leaves, its row last: where somebody dies over it, the clock goes on."""
        if gone.starting is not None:
            self._computers.discard_start(gone.starting)
        if gone.computer is not None:
            self._computers.discard(gone.computer)
            self._syncer.forget(gone.computer.boot)
        self._workspaces.delete(space, gone.id)
        if gone.starting is None or gone.starting.until <= now_ms():
            self._store.forget(space, gone)

    def clear(self, space: Space, sandbox_id: str) -> None:
        """As ``delete``, with what somebody left of it who died over its removal."""
        if self.delete(space, sandbox_id):
            return
        if (left := self._store.find(space, sandbox_id)) is not None:
            self._finish(space, left)
        else:
            self._workspaces.delete(space, sandbox_id)

    def snapshot(self, space: Space, sandbox_id: str, snapshot_id: str | None = None) -> Snapshot:
        """Keep its files as they are now. Raises SandboxNotFound, SandboxFull."""
        self._stored_whole(space, self.get(space, sandbox_id))
        self._workspaces.ensure(space, sandbox_id)
        made = self._workspaces.snapshot(space, sandbox_id, snapshot_id)
        self._check_copied(space, sandbox_id, lambda: self._workspaces.delete_snapshot(space, made.id))
        return made

    def fork(self, space: Space, sandbox_id: str, end_at: int | None) -> Sandbox:
        """Another sandbox like it with the same files.

        Raises SandboxNotFound, SandboxFull, SandboxUnavailable, SandboxRefused; nothing is left then.
        """
        source, fork_id, now = self.get(space, sandbox_id), new_id(), now_ms()
        self._stored_whole(space, source)
        self._workspaces.ensure(space, sandbox_id)
        made = replace(source.without_computer(), id=fork_id, created_at=now, started_at=now, used_at=now)
        lasts = None if end_at is None else end_at - now
        made = replace(made, state="running", end_at=end_at, lasts_ms=lasts, boots=0, version=0)
        self._workspaces.fork(space, sandbox_id, fork_id, also=self._store.insert_writes(space, made))
        self._check_copied(space, sandbox_id, lambda: self.delete(space, fork_id))
        return self._started(space, fork_id)

    def _check_copied(self, space: Space, sandbox_id: str, undo: Callable[[], object]) -> None:
        """Undo a copy of one that ended meanwhile: it may lack what was taken away by then. Raises SandboxNotFound."""
        try:
            self._store.get(space, sandbox_id)
        except SandboxNotFound:
            undo()
            # It may have been made for the copy's sake.
            self._workspaces.delete(space, sandbox_id)
            raise

    def rest(self, space: Space) -> None:
        """Have nothing go on in the sandboxes a tenant made: their computers are frozen until they are asked again.

        What they did is stored before.
        """
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rest") as pool:
            list(pool.map(lambda sandbox_id: self._put_to_rest(space, sandbox_id), self._store.at_work(space)))

    def _put_to_rest(self, space: Space, sandbox_id: str) -> None:
        with suppress(SandboxNotFound):
            sandbox = self._store.get(space, sandbox_id)
            self._stored(space, sandbox)
            self._computers.freeze(space, sandbox, lambda _: True)

    def sweep(self) -> int:
        """Look after those whose moment has come: end, pause, or freeze the idle; how many there were.

        What somebody began and did not bring to its end goes on.
        """
        due = self._store.due(now_ms(), _SWEEP)
        self._rounds.go(due)
        return len(due)

    def _look_after(self, space: Space, sandbox_id: str) -> None:
        with suppress(SandboxNotFound):
            found = self._store.find(space, sandbox_id)
            if found is not None:
                self._rested(space, found)

    def _rested(self, space: Space, found: Sandbox) -> None:
        if found.removed_at is not None:
            self._finish(space, found)
            return
        self._computers.give_up_start(space, found)
        sandbox = self._settled(space, found)
        if sandbox.pausing:
            self.pause(space, sandbox.id, memory=sandbox.pause_memory)
        elif sandbox.state != "running" or sandbox.computer is None:
            return
        elif sandbox.computer.frozen:
            self._computers.end(space, sandbox, is_frozen)
        elif self._computers.is_idle(sandbox):
            self._stored(space, sandbox)
            self._computers.freeze(space, sandbox, self._computers.is_idle)

    def close(self) -> None:
        """The process ends: what its computers have done so far is stored first, as far as patience goes."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="last-sync")
        _, late = wait([pool.submit(self._stored_last, *one) for one in self._computers.ending()], _LAST_SECONDS)
        if late:
            logger("sandbox").warning("%d workspaces were not stored in time before their computers ended", len(late))
        pool.shutdown(wait=False, cancel_futures=True)
        self._computers.close()

    def _stored_last(self, space: Space, sandbox_id: str) -> None:
        with apart("sandbox", "a workspace could not be stored before its computer ended"):
            self.sync_if_any(space, sandbox_id)
