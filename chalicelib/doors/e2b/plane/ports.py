"""Requests to what listens in a sandbox, and its answers: passed on as they are, but for what is this server's own."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.doors.e2b.addressing import Address
from chalicelib.doors.e2b.errors import PortClosed, TrafficRefused
from chalicelib.doors.e2b.plane.entry import Entry, public_entry
from chalicelib.doors.e2b.plane.exchange import Reply
from chalicelib.sandbox.guest.wire import MARK

if TYPE_CHECKING:
    from chalicelib.wiring import Services

_TOKEN = "e2b-traffic-access-token"
_CLOSED = ("lambent-port", "closed")
_OF_THE_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_NOT_INWARD = _OF_THE_HOP | {_TOKEN, "expect", "host", "proxy-authorization"}
# This server tells the date itself, and other ways to the sandbox there are none.
_NOT_OUTWARD = _OF_THE_HOP | {"alt-svc", "date", "proxy-authenticate", MARK}
_DOMAIN = re.compile(rb";\s*domain=[^;]*", re.IGNORECASE)


def visited(services: "Services", headers: Mapping[str, str], address: Address) -> Entry:
    """The sandbox of a request to a port. Raises SandboxAway, and TrafficRefused for one that is not for everybody."""
    entry = public_entry(services, address)
    if (entry.sandbox.network or {}).get("allowPublicTraffic") is False:
        token = services.sandboxes.traffic_token(entry.sandbox)
        if not hmac.compare_digest(token.encode(), headers.get(_TOKEN, "").encode()):
            raise TrafficRefused
    return entry


def inward(headers: Mapping[str, str], address: Address, network: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers for what listens there; the guest gives it the host name."""
    found = {name: value for name, value in headers.items() if name not in _NOT_INWARD and not _is_own(name)}
    masked = (network or {}).get("maskRequestHost") or headers.get("host", "")
    found["lambent-host"] = masked.replace("${PORT}", str(address.port))
    # Its end is the end of the answer.
    found["connection"] = "close"
    return found


def _is_own(name: str) -> bool:
    return name.startswith(("lambent-", "x-aws-proxy-"))


def outward(reply: Reply) -> list[tuple[bytes, bytes]]:
    """Headers for the client. A cookie stays with the sandbox's own name: its neighbours are other people's."""
    told = ((name.lower(), value) for name, value in reply.headers.raw)
    kept = ((name, value) for name, value in told if not _stays(name.decode()))
    return [(name, _DOMAIN.sub(b"", value) if name == b"set-cookie" else value) for name, value in kept]


def _stays(name: str) -> bool:
    return name in _NOT_OUTWARD or _is_own(name)


def check_open(reply: Reply, address: Address) -> None:
    """Raises PortClosed when nobody listens there."""
    # What bears no mark was answered on the way, or by a guest that knows of no ports.
    if MARK not in reply.headers or reply.headers.get(_CLOSED[0]) == _CLOSED[1]:
        raise PortClosed(address.named, address.port)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name, repeated ones in one line each."""
    found: dict[str, str] = {}
    for name, value in headers:
        between = "; " if name == "cookie" else ", "
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found
