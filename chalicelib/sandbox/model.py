"""A sandbox as it is recorded: what it was made with, how long it lasts, and the computer behind it just now."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from chalicelib.sandbox.hosts.base import Handle

State = Literal["running", "paused"]
Ending = Literal["kill", "pause"]
Origin = Literal["e2b", "session"]


@dataclass(frozen=True, slots=True)
class Computer:
    """A started computer. ``boot`` names this start of it and nothing else; ``frozen`` means stopped to spare it.

    ``profile`` is a digest of all it was given at its start, ``problems`` tell the agent what of it could not be set
    up, until it knows; ``uploads`` what was put at which path. ``told``: the agent knows that this computer is a new
    one. ``memory``: memory stores are mounted.
    """

    boot: str
    host: str
    data: dict[str, Any]
    started_at: int
    frozen: bool = False
    profile: str = ""
    uploads: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    told: bool = False
    memory: bool = False

    @property
    def handle(self) -> Handle:
        """What its host knows it by."""
        return Handle(self.host, self.data)


@dataclass(frozen=True, slots=True)
class Starting:
    """Somebody starts a computer, and has until then (milliseconds) to say so again.

    ``host`` and ``data`` are those of a computer that is there already and would outlive its starter.
    """

    boot: str
    until: int
    host: str = ""
    data: dict[str, Any] | None = None

    @property
    def handle(self) -> Handle | None:
        """What its host knows it by, as soon as that is known."""
        return None if self.data is None else Handle(self.host, self.data)


@dataclass(frozen=True, slots=True)
class SandboxDraft:
    """A sandbox that is wanted. Times are milliseconds; ``end_at`` None lasts until it is deleted."""

    origin: Origin
    template: str = "base"
    end_at: int | None = None
    on_timeout: Ending = "kill"
    auto_resume: bool = False
    pause_memory: bool = True
    metadata: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    internet: bool | None = None
    network: dict[str, Any] | None = None
    sandbox_id: str | None = None
    snapshot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox as stored; ``env`` is sealed in the row. ``boots`` counts the computers it has had.

    ``lasts_ms`` is how long it was last meant to run, for when traffic wakes it. One with a ``removed_at`` is there for
    nobody: somebody takes away what it leaves.
    """

    id: str
    tenant: str
    origin: Origin
    template: str
    created_at: int
    started_at: int
    end_at: int | None = None
    lasts_ms: int | None = None
    state: State = "running"
    on_timeout: Ending = "kill"
    auto_resume: bool = False
    pause_memory: bool = True
    metadata: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    internet: bool | None = None
    network: dict[str, Any] | None = None
    computer: Computer | None = None
    starting: Starting | None = None
    boots: int = 0
    used_at: int = 0
    removed_at: int | None = None
    version: int = 0

    def over(self, now: int) -> bool:
        """Whether its time has come."""
        return self.state == "running" and self.end_at is not None and self.end_at <= now

    @property
    def pausing(self) -> bool:
        """Whether it is paused while its computer has yet to be stopped."""
        return self.state == "paused" and self.computer is not None and not self.computer.frozen

    def shown(self, now: int) -> "Sandbox":
        """What lists tell of it, also when its time is over and it pauses then."""
        return replace(self, state="paused") if self.over(now) else self

    def without_computer(self) -> "Sandbox":
        """The same with no computer behind it."""
        return replace(self, computer=None, starting=None)


def drafted(draft: SandboxDraft, sandbox_id: str, tenant: str, now: int) -> Sandbox:
    """The sandbox that a draft asks for, made now (milliseconds)."""
    facts = {name: getattr(draft, name) for name in _DRAFTED}
    lasts = None if draft.end_at is None else draft.end_at - now
    return Sandbox(sandbox_id, tenant, created_at=now, started_at=now, used_at=now, lasts_ms=lasts, **facts)


_DRAFTED = tuple(one.name for one in fields(SandboxDraft) if one.name not in ("sandbox_id", "snapshot_id"))


def is_paused(sandbox: Sandbox) -> bool:
    """Whether it is not to run just now."""
    return sandbox.state == "paused"


def is_frozen(sandbox: Sandbox) -> bool:
    """Whether it has a computer that stands still."""
    return sandbox.computer is not None and sandbox.computer.frozen


Change = Callable[[Sandbox], Sandbox | None]
"""What becomes of a sandbox; None leaves it as it is."""


def document(sandbox: Sandbox) -> dict[str, Any]:
    """What of a sandbox is stored in one piece; its environment is not in it."""
    stored = asdict(sandbox)
    del stored["env"], stored["version"]
    return stored


def restored(stored: dict[str, Any], env: dict[str, str], version: int) -> Sandbox:
    """The sandbox behind ``document``."""
    computer, starting = stored["computer"], stored["starting"]
    facts = stored | {
        "computer": Computer(**computer) if computer else None,
        "starting": Starting(**starting) if starting else None,
    }
    return Sandbox(**facts, env=env, version=version)
