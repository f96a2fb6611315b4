"""Which hosts and pages an agent's and an environment's rules let a web tool call."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from chalicelib.environments.networking import denied_by, rules_of
from chalicelib.outbound.patterns import matches_any


def within(host: str, domain: str) -> bool:
    """Whether the host is the domain or below it."""
    bare = domain.strip().lower().removeprefix("*.").strip(".")
    return host == bare or host.endswith(f".{bare}")


def permitted(host: str, config: dict[str, Any], environment: dict[str, Any] | None, path: str = "/") -> bool:
    """Whether a tool with these settings may call a page of the host in this environment."""
    allowed, blocked = config.get("allowed_domains"), config.get("blocked_domains")
    if allowed and not _any_holds(allowed, host, path):
        return False
    if blocked and _any_holds(blocked, host, path):
        return False
    if matches_any(host, denied_by(environment)):
        return False
    rules = rules_of(environment)
    return rules.get("type") != "limited" or matches_any(host, rules.get("allowed_hosts") or [])


def page_permitted(url: str, config: dict[str, Any], environment: dict[str, Any] | None) -> bool:
    """As ``permitted``, of an address; one that cannot be read is not."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    return permitted(host, config, environment, parts.path or "/")


def _any_holds(sites: Iterable[str], host: str, path: str) -> bool:
    return any(_holds(site, host, path) for site in sites)


def _holds(site: str, host: str, path: str) -> bool:
    """Whether a page is on a site, which is a domain or what lies below a path of it."""
    domain, _, folder = site.partition("/")
    folder = folder.strip("/")
    return within(host, domain) and (not folder or f"{path}/".startswith(f"/{folder}/"))
