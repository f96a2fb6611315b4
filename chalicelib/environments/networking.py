"""What the network rules of an environment come to for a sandbox of a session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import UrlRefused

if TYPE_CHECKING:
    from chalicelib.sandbox.hosts.base import Network


def network_of(
    environment: Mapping[str, Any] | None, agent: Mapping[str, Any] | None, extra_hosts: Iterable[str] = ()
) -> Network:
    """The network of a session's sandbox, from the snapshots of its environment (or only the ``config`` of it) and its
    agent. ``extra_hosts`` are open besides what limited rules name. Without an environment every host is. What the
    snapshot's deny list names is closed in any case."""
    from chalicelib.sandbox.hosts.base import Network

    rules, denied = rules_of(environment), denied_by(environment)
    if rules.get("type") != "limited":
        return Network("all", denied=denied)
    hosts = [*(rules.get("allowed_hosts") or []), *extra_hosts]
    if rules.get("allow_mcp_servers"):
        hosts += _mcp_hosts(agent or {})
    if rules.get("allow_package_managers"):
        hosts += registries()
    return Network("limited", tuple(dict.fromkeys(hosts)), denied=denied)


def rules_of(environment: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The ``networking`` of an environment's snapshot or of its ``config``; empty without one."""
    given = environment or {}
    return (given.get("config") or given).get("networking") or {}


def denied_by(environment: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The hosts that the deny list of an environment's snapshot closes."""
    flat = (environment or {}).get("flat") or {}
    return tuple((flat.get("network") or {}).get("denylist") or ())


@cache
def registries() -> tuple[str, ...]:
    """The hosts of the public package registries that ``allow_package_managers`` opens; listed by their last label."""
    listed: dict[str, list[str]] = json.loads(Path(__file__).with_name("registries.json").read_text("utf-8"))
    return tuple(f"{name}.{last}" for last, names in listed.items() for name in names)


def _mcp_hosts(agent: Mapping[str, Any]) -> Iterator[str]:
    for server in agent.get("mcp_servers") or []:
        if server.get("url"):
            try:
                yield urls.parse(server["url"]).host
            except UrlRefused:
                continue
