"""The computers behind sandboxes: found alive, or started with their workspace put back."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.observability import log_failure, logger
from chalicelib.sandbox import frames
from chalicelib.sandbox.beating import beating
from chalicelib.sandbox.client import GuestClient, GuestGone, GuestProblem
from chalicelib.sandbox.errors import SandboxNotFound, SandboxPaused
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Host, Limits, Link, SandboxUnavailable
from chalicelib.sandbox.model import Computer, Sandbox, Starting
from chalicelib.sandbox.profile import Profile, Profiler
from chalicelib.sandbox.sending import send_tree
from chalicelib.sandbox.settings import LEAST_IDLE_SECONDS
from chalicelib.sandbox.store import SandboxStore
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox
from chalicelib.workspaces.service import WorkspaceService
from chalicelib.workspaces.tree import with_names

_PATIENCE_SECONDS = 120.0
_CLAIM_MS = 20_000
_BEAT_SECONDS = 5.0
_WAIT_SECONDS = 0.05
_USED_MS = 30_000
_LOOKS = 3
_LOOK_SECONDS = 5.0


Preparation = Callable[[Space, Sandbox, Profile, GuestClient], list[str]]
"""What else is done to a fresh computer once its workspace is back; tells what could not be done."""

Wish = Callable[[Sandbox], bool]
"""Whether something is to be done with a sandbox as it is now."""


@dataclass(frozen=True, slots=True)
class Live:
    """A computer that can be spoken to."""

    sandbox: Sandbox
    boot: str
    link: Link
    client: GuestClient
    held_before: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided about computers; ``idle_ms`` is how long one may be unused before it is frozen."""

    limits: Limits
    longest_seconds: int
    idle_ms: int


class Computers:
    """Knows which computers of this process's sandboxes answer."""

    def __init__(
        self,
        store: SandboxStore,
        workspaces: WorkspaceService,
        host: Host,
        rules: Rules,
        profiles: Mapping[str, Profiler],
        secrets: SecretBox,
    ) -> None:
        self._store = store
        self._workspaces = workspaces
        self._host = host
        self._rules = rules
        self._profiles = profiles
        self._secrets = secrets
        self._clients: dict[str, tuple[Link, GuestClient]] = {}
        self._reached: dict[str, tuple[Space, str]] = {}
        self._lock = Lock()
        self.prepare: Preparation | None = None

    def live(self, space: Space, sandbox_id: str, hold_ms: int = 0) -> Live:
        """A computer that answers, started if there is none; it does not count as idle for another ``hold_ms``.

        Raises SandboxNotFound, SandboxPaused, SandboxUnavailable, SandboxRefused.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            sandbox = self._store.get(space, sandbox_id)
            if sandbox.state == "paused":
                raise SandboxPaused("the sandbox is paused")
            found = self._answering(space, sandbox, hold_ms) or self._started(space, sandbox, hold_ms)
            if found is not None:
                return found
            time.sleep(_WAIT_SECONDS)
        raise SandboxUnavailable("the sandbox does not come up")

    def _answering(self, space: Space, sandbox: Sandbox, hold_ms: int) -> Live | None:
        computer = sandbox.computer
        if computer is None:
            return None
        if computer.frozen:
            if not self._thawed(space, sandbox, computer):
                return None
        elif computer.boot not in self._clients and not self._answers(computer):
            return None
        used = self._used(space, sandbox, hold_ms)
        return replace(self._reach(used, computer), held_before=sandbox.used_at)

    def _answers(self, computer: Computer) -> bool:
        """Whether a computer that this process does not know, or doubts, is there and speaks."""
        for _ in range(_LOOKS):
            if (condition := self._host.condition(computer.handle)) == "gone":
                return False
            try:
                if condition == "frozen":
                    # Its host froze it by itself, or somebody died before that was written down.
                    self._host.thaw(computer.handle)
                link = self._host.link(computer.handle)
                with closing(GuestClient(link)) as client:
                    client.fetch("GET", "/health", timeout=_LOOK_SECONDS)
            except (GuestGone, GuestProblem, SandboxUnavailable):
                # What is dying may look alive for a moment longer than it answers.
                time.sleep(_WAIT_SECONDS)
                continue
            return True
        return False

    def _thawed(self, space: Space, sandbox: Sandbox, computer: Computer) -> bool:
        # First the word, then the deed, then a look at the word: so whoever freezes and whoever thaws at once agree.
        thawed = replace(computer, frozen=False)
        if not self._change_computer(space, sandbox.id, computer.boot, thawed, lambda was: was.state == "running"):
            return False
        try:
            self._host.thaw(computer.handle)
        except SandboxUnavailable:
            return False
        if self._is_frozen(space, sandbox.id, computer.boot):
            self._host.freeze(computer.handle)
            return False
        return True

    def _used(self, space: Space, sandbox: Sandbox, hold_ms: int) -> Sandbox:
        """Remember that it is in use, roughly unless it is to be held: each write costs."""
        until = now_ms() + hold_ms
        if not hold_ms and until - sandbox.used_at <= _USED_MS:
            return sandbox
        return self._store.change(space, sandbox.id, lambda was: replace(was, used_at=max(was.used_at, until)))

    def hold(self, space: Space, live: Live, hold_ms: int) -> Live:
        """The same computer, which does not count as idle for another ``hold_ms``. Raises SandboxNotFound."""
        until = now_ms() + hold_ms
        held = self._store.change(space, live.sandbox.id, lambda was: replace(was, used_at=max(was.used_at, until)))
        return replace(live, sandbox=held)

    def release(self, space: Space, live: Live) -> None:
        """Whoever asked for it is done: it is idle from now on, or when the time of those before is over.

        Raises SandboxNotFound.
        """

        def released(was: Sandbox) -> Sandbox | None:
            mine = was.used_at == live.sandbox.used_at
            return replace(was, used_at=max(now_ms(), live.held_before)) if mine else None

        self._store.change(space, live.sandbox.id, released)

    def _reach(self, sandbox: Sandbox, computer: Computer) -> Live:
        with self._lock:
            known = self._clients.get(computer.boot)
            if known is None:
                link = self._host.link(computer.handle)
                known = self._clients[computer.boot] = (link, GuestClient(link))
                self._reached[computer.boot] = (Space(sandbox.tenant), sandbox.id)
        return Live(sandbox, computer.boot, *known)

    def outdated(self, space: Space, sandbox: Sandbox) -> bool:
        """Whether a new computer would be given something else than this one was: a secret was rotated, say."""
        if sandbox.computer is None:
            return False
        return sandbox.computer.profile != self._digest(self._profiles[sandbox.origin](space, sandbox))

    def _digest(self, profile: Profile) -> str:
        return self._secrets.derive("sandbox-profile", profile.summary()).hex()

    def rewire(self, space: Space, sandbox: Sandbox) -> bool:
        """Let the network rules it has now hold for its computer, if it has one; false when that takes another."""
        computer = sandbox.computer
        if computer is None or self._host.condition(computer.handle) == "gone":
            return True
        return self._host.rewire(computer.handle, self._profiles[sandbox.origin](space, sandbox).network)

    def known(self, sandbox: Sandbox) -> Live | None:
        """The computer as recorded, awake; whether it answers is only looked at where that is doubtful.

        Raises GuestGone when it does not.
        """
        computer = sandbox.computer
        if computer is None:
            return None
        # Somebody may have died over freezing it, and what is frozen would leave a question unanswered for long.
        doubtful = sandbox.pausing or computer.boot not in self._clients
        if doubtful and not self._answers(computer):
            raise GuestGone("the sandbox is gone")
        return self._reach(sandbox, computer)

    def is_idle(self, sandbox: Sandbox) -> bool:
        """Whether nobody has used it for so long that it may rest."""
        return sandbox.used_at + self._rules.idle_ms <= now_ms()

    def doubt(self, boot: str) -> None:
        """A connection to that computer broke: the next caller looks whether it is there at all."""
        with self._lock:
            known = self._clients.pop(boot, None)
            self._reached.pop(boot, None)
        if known is not None:
            known[1].close()

    def _started(self, space: Space, sandbox: Sandbox, hold_ms: int) -> Live | None:
        """A fresh computer, or None while somebody else is starting one."""
        boot, now = new_id(), now_ms()
        before: Starting | None = None

        def claim(was: Sandbox) -> Sandbox | None:
            nonlocal before
            before = was.starting
            taken = was.starting is not None and was.starting.until > now
            changed = (was.computer and was.computer.boot) != (sandbox.computer and sandbox.computer.boot)
            if taken or changed or was.state != "running":
                return None
            return replace(was, computer=None, starting=Starting(boot, now + _CLAIM_MS), boots=was.boots + 1)

        claimed = self._store.change(space, sandbox.id, claim)
        if claimed.starting is None or claimed.starting.boot != boot:
            return None
        if sandbox.computer is not None:
            tell(sandbox, "the computer of a sandbox was gone")
            self.discard(sandbox.computer)
        if before is not None:
            self.discard_start(before)
        try:
            with beating(lambda: self._store.change(space, sandbox.id, lambda was: _claimed(was, boot)), _BEAT_SECONDS):
                return self._start(space, claimed, boot, hold_ms)
        except BaseException:
            with suppress(SandboxNotFound):
                self._store.change(space, sandbox.id, lambda was: _unclaimed(was, boot))
            raise

    def _start(self, space: Space, sandbox: Sandbox, boot: str, hold_ms: int) -> Live:
        profile = self._profiles[sandbox.origin](space, sandbox)
        spec = self._spec(sandbox, profile)
        handle = self._host.start(spec, lambda launched: self._launched(space, sandbox.id, boot, launched))
        computer = Computer(boot, handle.host, handle.data, now_ms(), profile=self._digest(profile))
        try:
            live = self._reach(sandbox, computer)
            computer = replace(computer, problems=self._fill(space, live, profile))
            stored = self._store.change(space, sandbox.id, lambda was: _running(was, computer, hold_ms))
            if stored.computer is None or stored.computer.boot != boot:
                raise SandboxUnavailable("the sandbox was paused or removed while it started")
            if (stored.internet, stored.network) != (sandbox.internet, sandbox.network) and not self.rewire(
                space, stored
            ):
                raise SandboxUnavailable("the sandbox's network was changed while it started")
        except SandboxNotFound:
            # Its workspace was removed with it, perhaps before this computer took it up and so made it anew.
            self.discard(computer)
            self._workspaces.delete(space, sandbox.id)
            raise
        except BaseException:
            self.discard(computer)
            raise
        tell(sandbox, "a sandbox has a new computer")
        return replace(live, sandbox=stored)

    def _spec(self, sandbox: Sandbox, profile: Profile) -> BoxSpec:
        """What is asked for. One that was made for a time runs as long, also when nobody asks it anything."""
        longest = self._rules.longest_seconds
        idle = None if sandbox.origin == "session" else max(longest, LEAST_IDLE_SECONDS)
        return BoxSpec(
            sandbox.tenant, sandbox.id, profile.env, profile.network, self._rules.limits, longest, idle_seconds=idle
        )

    def _launched(self, space: Space, sandbox_id: str, boot: str, handle: Handle) -> None:
        """Remember what would be left behind if this process ended now. Raises SandboxNotFound, SandboxUnavailable."""

        def remembered(was: Sandbox) -> Sandbox | None:
            if was.starting is None or was.starting.boot != boot:
                return None
            return replace(was, starting=replace(was.starting, host=handle.host, data=handle.data))

        stored = self._store.change(space, sandbox_id, remembered)
        if stored.starting is None or stored.starting.boot != boot:
            raise SandboxUnavailable("the sandbox was started by somebody else meanwhile")

    def give_up_start(self, space: Space, sandbox: Sandbox) -> None:
        """End what a start left behind whose starter has not been heard of in time. Raises SandboxUnavailable."""
        starting = sandbox.starting
        if starting is None or starting.handle is None or starting.until > now_ms():
            return
        self._host.stop(starting.handle)
        self._store.change(space, sandbox.id, lambda was: _unclaimed(was, starting.boot))

    def _fill(self, space: Space, live: Live, profile: Profile) -> list[str]:
        """Put the workspace back, and tell what could not be; from now on only this computer may write it."""
        tree = self._workspaces.begin(space, live.sandbox.id, live.boot)
        entries, problems = with_names(tree.entries), list[str]()
        if entries:
            contents = self._workspaces.contents(space, live.sandbox.id, entries)
            problems += send_tree(live.client, frames.sent(contents), baseline=True)
        if self.prepare is not None:
            problems += self.prepare(space, live.sandbox, profile, live.client)
        return problems

    def discard(self, computer: Computer) -> None:
        """End a computer that nobody needs any more."""
        self.doubt(computer.boot)
        self._end_if_any(computer.handle)

    def discard_start(self, starting: Starting) -> None:
        """End a computer that is being started and not needed any more."""
        self._end_if_any(starting.handle)

    def _end_if_any(self, handle: Handle | None) -> None:
        if handle is None:
            return
        try:
            self._host.stop(handle)
        except Exception as error:  # noqa: BLE001 - the host ends it after its longest life at the latest
            log_failure(logger("sandbox"), "a computer could not be stopped", error)

    def freeze(self, space: Space, sandbox: Sandbox, still: Wish) -> None:
        """Stop a computer where it stands if that is ``still`` wanted; one that cannot be is ended."""
        computer = sandbox.computer
        if computer is None or computer.frozen:
            return
        frozen = replace(computer, frozen=True)
        if not self._change_computer(space, sandbox.id, computer.boot, frozen, still):
            return
        try:
            self._stop(space, sandbox, computer)
        except BaseException:
            self.doubt(computer.boot)
            raise

    def _stop(self, space: Space, sandbox: Sandbox, computer: Computer) -> None:
        try:
            self._host.freeze(computer.handle)
            gone = self._host.condition(computer.handle) == "gone"
        except SandboxUnavailable:
            gone = True
        if gone:
            tell(sandbox, "the computer of a sandbox was gone")
            self._change_computer(space, sandbox.id, computer.boot, None)
            self.discard(computer)
        elif self._is_frozen(space, sandbox.id, computer.boot):
            tell(sandbox, "a sandbox was frozen")
        else:
            with suppress(SandboxUnavailable):
                self._host.thaw(computer.handle)

    def _is_frozen(self, space: Space, sandbox_id: str, boot: str) -> bool:
        """Whether that computer is to stand still by now."""
        found = self._store.find(space, sandbox_id)
        now = None if found is None else found.computer
        return now is not None and now.boot == boot and now.frozen

    def end(self, space: Space, sandbox: Sandbox, still: Wish = lambda _: True) -> None:
        """End the computer of a sandbox that lives on, if that is ``still`` wanted; others may write its workspace."""
        computer = sandbox.computer
        if computer is None:
            return
        with suppress(SandboxNotFound):
            if not self._change_computer(space, sandbox.id, computer.boot, None, still):
                return
        tell(sandbox, "the computer of a sandbox was ended; its files are kept")
        self.discard(computer)
        self._workspaces.end(space, sandbox.id, computer.boot)

    def note(self, space: Space, live: Live, facts: Callable[[Computer], Mapping[str, Any]]) -> None:
        """Remember something of a computer: fields that ``facts`` derives from it as it is."""

        def noted(was: Sandbox) -> Sandbox | None:
            if was.computer is None or was.computer.boot != live.boot:
                return None
            return replace(was, computer=replace(was.computer, **facts(was.computer)))

        self._store.change(space, live.sandbox.id, noted)

    def _change_computer(
        self, space: Space, sandbox_id: str, boot: str, computer: Computer | None, still: Wish = lambda _: True
    ) -> bool:
        """Write down how that computer is; False when it is another one's turn, or that is not ``still`` wanted."""
        done = False

        def changed(was: Sandbox) -> Sandbox | None:
            nonlocal done
            done = was.computer is not None and was.computer.boot == boot and still(was)
            return replace(was, computer=computer) if done else None

        self._store.change(space, sandbox_id, changed)
        return done

    def ending(self) -> list[tuple[Space, str]]:
        """The sandboxes whose computers this process knows and takes with it when it ends."""
        with self._lock:
            return [] if self._host.outlives else list(self._reached.values())

    def close(self) -> None:
        """The process ends."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for _, client in clients.values():
            client.close()
        self._host.close()


def _claimed(was: Sandbox, boot: str) -> Sandbox | None:
    if was.starting is None or was.starting.boot != boot:
        return None
    return replace(was, starting=replace(was.starting, until=now_ms() + _CLAIM_MS))


def tell(sandbox: Sandbox, what: str) -> None:
    """Write into the log what became of a sandbox."""
    logger("sandbox").info("%s", what, extra={"tenant": sandbox.tenant, "sandbox": sandbox.id})


def _unclaimed(was: Sandbox, boot: str) -> Sandbox | None:
    return replace(was, starting=None) if was.starting is not None and was.starting.boot == boot else None


def _running(was: Sandbox, computer: Computer, hold_ms: int) -> Sandbox | None:
    mine = was.starting is not None and was.starting.boot == computer.boot
    if not mine or was.state != "running":
        return None
    return replace(was, computer=computer, starting=None, used_at=now_ms() + hold_ms)
