"""Which hosts an agent's and an environment's rules let a web tool call."""

from collections.abc import Iterable
from typing import Any

from chalicelib.environments.networking import denied_by, rules_of
from chalicelib.outbound.patterns import matches_any


def within(host: str, domain: str) -> bool:
    """Whether the host is the domain or below it."""
    bare = domain.strip().lower().removeprefix("*.").strip(".")
    return host == bare or host.endswith(f".{bare}")


def permitted(host: str, config: dict[str, Any], environment: dict[str, Any] | None) -> bool:
    """Whether a tool with these settings may call the host in this environment."""
    allowed, blocked = config.get("allowed_domains"), config.get("blocked_domains")
    if allowed and not _any_within(host, allowed):
        return False
    if blocked and _any_within(host, blocked):
        return False
    if matches_any(host, denied_by(environment)):
        return False
    rules = rules_of(environment)
    return rules.get("type") != "limited" or matches_any(host, rules.get("allowed_hosts") or [])


def _any_within(host: str, domains: Iterable[str]) -> bool:
    return any(within(host, domain) for domain in domains)
