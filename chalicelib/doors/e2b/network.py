"""What clients may ask of a sandbox's network. What would silently not be kept is refused."""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.errors import NotOffered

_EVERYTHING = ("0.0.0.0/0", "::/0")
_NOT_KEPT = ("rules", "egressProxy")


def check_network(rules: Mapping[str, Any] | None) -> None:
    """Raises NotOffered for what is not kept here, InvalidRequest for what is no list of names."""
    for name in _NOT_KEPT:
        if rules and rules.get(name):
            raise NotOffered(f"network.{name}: is not offered here", field=f"network.{name}")
    if any(denied not in _EVERYTHING for denied in _names(rules, "denyOut")):
        raise NotOffered("network.denyOut: only all traffic (0.0.0.0/0) can be denied here", field="network.denyOut")
    if any("/" in allowed for allowed in _names(rules, "allowOut")):
        raise NotOffered("network.allowOut: only names of hosts can be allowed here", field="network.allowOut")


def _names(rules: Mapping[str, Any] | None, name: str) -> list[str]:
    found = (rules or {}).get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InvalidRequest(f"network.{name}: must be a list of strings", field=f"network.{name}")
    return found
