"""What a host of sandboxes promises, whichever computers it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from chalicelib.core.errors import Overloaded

if TYPE_CHECKING:
    # The program inside a MicroVM shares these types and has no HTTP client.
    import httpx2

Launched = Callable[["Handle"], None]
Internet = Literal["none", "limited", "all"]
Condition = Literal["running", "frozen", "gone"]


@dataclass(frozen=True, slots=True)
class Injection:
    """A secret that stands in for a placeholder on the way out, on the hosts named and nowhere else.

    ``placeholder`` is what the sandbox holds; where it occurs in a header or the query of a request to one of
    ``hosts`` (patterns as in an allow-list), ``value`` goes out instead. With ``header`` set nothing is looked for:
    that header is put on every request to the hosts whose path begins with ``path``.
    """

    hosts: tuple[str, ...]
    value: str = field(repr=False)
    placeholder: str = ""
    header: str = ""
    path: str = "/"
    places: tuple[str, ...] = ("header", "query")


@dataclass(frozen=True, slots=True)
class Network:
    """What the inside may reach. ``hosts`` are bare names, ``*.x`` for the subdomains of x; used when ``limited``.

    ``denied`` are patterns too; they close hosts by name, whatever opens them. Addresses that are not public stay out
    of reach whatever is named, but for those the operator allows.
    """

    internet: Internet = "none"
    hosts: tuple[str, ...] = ()
    injections: tuple[Injection, ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sandbox may use: MiB of memory for processes, MiB of files, processes, processors."""

    memory_mib: int = 1024
    disk_mib: int = 2048
    processes: int = 256
    cpus: float = 2.0


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """The computer wanted. ``env`` is what its commands see; ``seconds`` is the longest it may live.

    ``idle_seconds``: how long it may be asked nothing before its host puts it to rest; None for as long as is usual.
    """

    tenant: str
    sandbox_id: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: Network = field(default_factory=Network)
    limits: Limits = field(default_factory=Limits)
    seconds: int = 28_800
    idle_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Handle:
    """A computer that was started: enough to reach it from any process of the installation. ``data`` is plain JSON."""

    host: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """How to speak HTTP with the guest: over the Unix socket ``uds`` or straight to ``base_url``.

    ``auth`` puts on what the way there demands (a MicroVM's proxy token), fresh for each request.
    """

    base_url: str
    uds: str | None = None
    auth: "httpx2.Auth | None" = None


class SandboxError(Overloaded):
    """The base of what goes wrong with computers."""


class SandboxUnavailable(SandboxError):
    """No computer could be had; trying again later may help."""


class SandboxRefused(SandboxError):
    """This host cannot give the computer that was asked for, and never will as it is set up."""

    status: ClassVar[int] = 501
    kind: ClassVar[str] = "not_available"


class Host(Protocol):
    """Starts, freezes and ends computers. Safe to use from many threads."""

    @property
    def name(self) -> str:
        """The word that stands in handles."""
        ...

    @property
    def outlives(self) -> bool:
        """Whether its computers go on when the process ends that started them."""
        ...

    def start(self, spec: BoxSpec, launched: Launched | None = None) -> Handle:
        """A computer whose guest answers, with an empty ``/workspace``.

        ``launched`` is told of one that would outlive this process as soon as it is there. Raises SandboxUnavailable,
        SandboxRefused, and what ``launched`` raises; nothing is left then.
        """
        ...

    def link(self, handle: Handle) -> Link:
        """The way to the guest of a computer that runs."""
        ...

    def condition(self, handle: Handle) -> Condition:
        """How the computer is now; ``gone`` when it is not known."""
        ...

    def freeze(self, handle: Handle) -> None:
        """Stop everything in it where it stands, memory kept. A frozen or gone one is no error."""
        ...

    def thaw(self, handle: Handle) -> None:
        """Let it go on. Raises SandboxUnavailable when it is gone."""
        ...

    def rewire(self, handle: Handle, network: Network) -> bool:
        """Let other rules hold for what it reaches; what it has open ends. False when that takes another computer."""
        ...

    def stop(self, handle: Handle) -> None:
        """End it and leave nothing of it behind; a gone one is no error."""
        ...

    def close(self) -> None:
        """The process ends: end what cannot outlive it."""
        ...
