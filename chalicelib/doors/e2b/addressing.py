"""Which sandbox a request is for: a header names it, or the name of the host does, or the token that comes alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.ids import undress
from chalicelib.sandbox.tokens import sandbox_of

ENVD_PORT = 49983
"""The port that stands for the sandbox's own interface."""

_DRESS = "ws"
_HOST = re.compile(r"(\d{1,5})-((?:ws_)?[0-9a-f-]{32,36})\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A sandbox and a port of it. ``sandbox_id`` None: what was named cannot be an id; ``named`` is what was said."""

    sandbox_id: str | None
    named: str
    port: int = ENVD_PORT


def sandbox_id_of(text: str) -> str | None:
    """The core id behind any dress of a sandbox's id."""
    return undress(_DRESS, text)


def address_of(headers: Mapping[str, str]) -> Address | None:
    """What the headers name; the host goes before the header, and a token counts last. None: they name no sandbox."""
    if found := _HOST.match(headers.get("host", "")):
        return Address(sandbox_id_of(found[2]), found[2], int(found[1]))
    named = headers.get("e2b-sandbox-id")
    if named is not None:
        return Address(sandbox_id_of(named.strip()), named)
    held = sandbox_of(headers.get("x-access-token", ""))
    return None if held is None else Address(held, held)


def is_addressed(headers: Mapping[str, str]) -> bool:
    """Whether a request is for some sandbox; some clients send a token alone."""
    named = "e2b-sandbox-id" in headers or "x-access-token" in headers
    return named or _HOST.match(headers.get("host", "")) is not None


def is_for_a_port(headers: Mapping[str, str]) -> bool:
    """Whether a request is for something that listens in a sandbox, not for the sandbox itself."""
    found = _HOST.match(headers.get("host", ""))
    return found is not None and int(found[1]) != ENVD_PORT
