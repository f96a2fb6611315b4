"""What a sandbox's computer is given when it starts, beyond its workspace."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from chalicelib.core.jsonio import dumps
from chalicelib.sandbox.hosts.base import Network
from chalicelib.sandbox.model import Sandbox
from chalicelib.storage.keys import Space


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository that belongs at a path. ``revision`` is a branch or a commit, empty for the default branch."""

    url: str
    path: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Environment variables, reachable network and repositories."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: Network = field(default_factory=Network)
    checkouts: tuple[Checkout, ...] = ()

    def summary(self) -> str:
        """The same text for the same profile; it holds the secrets in it."""
        return dumps(asdict(self) | {"env": sorted(self.env.items())})


Profiler = Callable[[Space, Sandbox], Profile]
"""Finds the profile for the sandboxes of one origin."""


def of_e2b(_space: Space, sandbox: Sandbox) -> Profile:
    """A sandbox made by itself brings all it needs along."""
    return Profile(sandbox.env, network_asked_for(sandbox))


def network_asked_for(sandbox: Sandbox) -> Network:
    """Everything is open unless internet access was switched off or hosts were named."""
    rules = sandbox.network or {}
    hosts = tuple(host for host in rules.get("allowOut") or () if isinstance(host, str))
    closed = sandbox.internet is False or "0.0.0.0/0" in (rules.get("denyOut") or ())
    if not closed:
        return Network("all")
    return Network("limited", hosts) if hosts else Network("none")
