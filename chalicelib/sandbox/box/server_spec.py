"""The computer wanted, as JSON between a host and the program inside its MicroVM."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from chalicelib.sandbox.hosts.base import BoxSpec, Injection, Limits, Network

T = TypeVar("T")


class SpecInvalid(ValueError):
    """What came is not the description of a computer."""


def spec_to_json(spec: BoxSpec) -> dict[str, Any]:
    """Plain JSON with everything in it, secrets too, but for what concerns the machine around the box alone."""
    found = {**asdict(spec), "env": dict(spec.env)}
    del found["idle_seconds"]
    return found


def spec_from_json(raw: Any) -> BoxSpec:
    """The same again. Raises SpecInvalid."""
    parts = {
        **_object(raw, "the computer"),
        "env": _texts(raw.get("env", {})),
        "network": network_from_json(raw.get("network") or {}),
        "limits": _limits(raw.get("limits", {})),
    }
    spec = _made(BoxSpec, parts)
    if not spec.sandbox_id or not isinstance(parts.get("tenant"), str):
        raise SpecInvalid("the computer has no name")
    return spec


def network_from_json(raw: Any) -> Network:
    """What the inside may reach. Raises SpecInvalid."""
    parts = dict(_object(raw, "the network"))
    parts["injections"] = tuple(_injection(one) for one in parts.get("injections", ()))
    parts |= {name: _words(parts.get(name, ())) for name in ("hosts", "denied")}
    network = _made(Network, parts)
    if network.internet not in ("none", "limited", "all"):
        raise SpecInvalid(f"unknown kind of network {network.internet!r}")
    return network


def _injection(raw: Any) -> Injection:
    known = dict(_object(raw, "an injection"))
    known["hosts"] = _words(known.get("hosts", ()))
    if "places" in known:
        known["places"] = _words(known["places"])
    return _made(Injection, known)


def _made(kind: Callable[..., T], raw: Any) -> T:
    """One of the records. A field this version does not know may be a restriction, so it is not passed over."""
    try:
        return kind(**_object(raw, "a part"))
    except TypeError as error:
        raise SpecInvalid(f"the image and the server are of different versions: {error}") from error


def _limits(raw: Any) -> Limits:
    if not all(isinstance(value, int | float) and value > 0 for value in _object(raw, "the limits").values()):
        raise SpecInvalid("a limit is not a number above 0")
    return _made(Limits, raw)


def _object(raw: Any, what: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise SpecInvalid(f"{what} is not an object")
    return raw


def _texts(raw: Any) -> dict[str, str]:
    found = _object(raw, "the environment")
    if not all(isinstance(value, str) for value in found.values()):
        raise SpecInvalid("the environment holds something that is not a text")
    return found


def _words(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or not all(isinstance(one, str) for one in raw):
        raise SpecInvalid("a list of texts was expected")
    return tuple(raw)
