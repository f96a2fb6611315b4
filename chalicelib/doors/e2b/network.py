"""What clients may ask of a sandbox's network. What would silently not be kept is refused."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.errors import NotOffered

_EVERYTHING = "0.0.0.0/0"
_NOT_BY_ITSELF = "::/0"
_NOT_KEPT = ("rules", "egressProxy", "httpsPorts")
_INBOUND = ("allowPublicTraffic", "maskRequestHost")
_HOST_NAME = re.compile(r"[A-Za-z0-9.:_${}-]{1,253}")


def check_network(rules: Mapping[str, Any] | None) -> None:
    """Raises NotOffered for what is not kept here, InvalidRequest for what is not what it should be."""
    for name in _NOT_KEPT:
        if rules and rules.get(name):
            raise NotOffered(f"network.{name}: is not offered here", field=f"network.{name}")
    _check_inbound(rules or {})
    denied = set(_names(rules, "denyOut"))
    if not denied <= {_EVERYTHING, _NOT_BY_ITSELF} or denied == {_NOT_BY_ITSELF}:
        raise NotOffered("network.denyOut: only all traffic (0.0.0.0/0) can be denied here", field="network.denyOut")
    if any("/" in allowed for allowed in _names(rules, "allowOut")):
        raise NotOffered("network.allowOut: only names of hosts can be allowed here", field="network.allowOut")


def inbound_of(rules: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of all rules those for visitors."""
    return {name: value for name, value in (rules or {}).items() if name in _INBOUND}


def outbound_of(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Of all rules those for what is reached."""
    return {name: value for name, value in rules.items() if name not in _INBOUND}


def _check_inbound(rules: Mapping[str, Any]) -> None:
    public, masked = rules.get("allowPublicTraffic"), rules.get("maskRequestHost")
    if public is not None and not isinstance(public, bool):
        raise InvalidRequest("network.allowPublicTraffic: must be true or false", field="network.allowPublicTraffic")
    if masked is not None and not (isinstance(masked, str) and _HOST_NAME.fullmatch(masked)):
        raise InvalidRequest("network.maskRequestHost: must be a host name", field="network.maskRequestHost")


def _names(rules: Mapping[str, Any] | None, name: str) -> list[str]:
    found = (rules or {}).get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InvalidRequest(f"network.{name}: must be a list of strings", field=f"network.{name}")
    return found
