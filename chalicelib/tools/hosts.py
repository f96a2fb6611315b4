"""Which hosts an agent's and an environment's rules let a web tool call."""

from collections.abc import Iterable
from typing import Any


def within(host: str, domain: str) -> bool:
    """Whether the host is the domain or below it."""
    bare = domain.strip().lower().removeprefix("*.").strip(".")
    return host == bare or host.endswith(f".{bare}")


def matches(host: str, rule: str) -> bool:
    """An environment's rule: a host by its name, or ``*.name`` for every host below it but not itself."""
    bare = rule.strip().lower().removesuffix(".")
    return host.endswith(bare[1:]) if bare.startswith("*.") else host == bare


def permitted(host: str, config: dict[str, Any], environment: dict[str, Any] | None) -> bool:
    """Whether a tool with these settings may call the host in this environment."""
    allowed, blocked = config.get("allowed_domains"), config.get("blocked_domains")
    if allowed and not _any_within(host, allowed):
        return False
    if blocked and _any_within(host, blocked):
        return False
    networking = networking_of(environment)
    if networking.get("type") != "limited":
        return True
    return any(matches(host, rule) for rule in networking.get("allowed_hosts") or [])


def networking_of(environment: dict[str, Any] | None) -> dict[str, Any]:
    """The network rules of an environment; empty without one."""
    config = (environment or {}).get("config") or {}
    return config.get("networking") or (environment or {}).get("networking") or {}


def _any_within(host: str, domains: Iterable[str]) -> bool:
    return any(within(host, domain) for domain in domains)
