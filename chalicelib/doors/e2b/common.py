"""What the routes of this family share."""

from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.doors.e2b import render
from chalicelib.doors.e2b.addressing import sandbox_id_of
from chalicelib.http.route import Call
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.hosts.base import Limits
from chalicelib.sandbox.model import Sandbox
from chalicelib.storage.keys import Space

USUAL_SECONDS = 300
_NEAR = ("127.0.0.1", "localhost", "[::1]")


def space_of(call: Call) -> Space:
    """The caller's tenant."""
    return Space(call.principal.tenant)


def named(call: Call) -> tuple[Space, str]:
    """The tenant, and the sandbox the path names. Raises SandboxNotFound for what cannot be an id."""
    sandbox_id = sandbox_id_of(call.path["sandbox_id"])
    if sandbox_id is None:
        raise SandboxNotFound("there is no such sandbox")
    return space_of(call), sandbox_id


def end_after(seconds: int | None, usual: int = USUAL_SECONDS) -> int:
    """The moment (milliseconds) so many seconds from now."""
    return now_ms() + (usual if seconds is None else seconds) * 1000


def shown(call: Call, sandbox: Sandbox) -> dict[str, Any]:
    """A sandbox and how to speak with it."""
    sandboxes = call.services.sandboxes
    is_public = (sandbox.network or {}).get("allowPublicTraffic") is not False
    traffic = None if is_public else sandboxes.traffic_token(sandbox)
    return render.sandbox(sandbox, sandboxes.token(sandbox), domain_of(call), traffic)


def domain_of(call: Call) -> str | None:
    """Below which name the caller finds sandboxes' ports; None leaves it to the caller.

    Whoever comes over this machine's own address finds names below localhost there, too.
    """
    named = call.services.sandbox_settings.domain
    host, _, port = call.headers.get("host", "").rpartition(":")
    if named or host not in _NEAR:
        return named or None
    return f"localhost:{port}"


def limits_of(call: Call) -> Limits:
    """What each sandbox of this installation may use."""
    return call.services.sandbox_settings.limits
