"""The MCP servers of a session, for clients that speak the protocol themselves."""

from functools import partial
from typing import TYPE_CHECKING

from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.doors.managed.refs import session_ref
from chalicelib.http.route import Call, Relay, Route
from chalicelib.http.workers import on_thread

if TYPE_CHECKING:
    from chalicelib.mcp.credentials import Held

_BODY_LIMIT = 8 << 20


async def forward(call: Call) -> Relay:
    """Hand the request on with the credential of the session's vaults; the answer is the server's."""
    from chalicelib.mcp.proxy import passed_on

    url, held = await on_thread(partial(_server, call))
    request = call.request
    if request is None:
        raise InvalidRequest("the request cannot be read")
    body = await request.body()
    passed = await passed_on(call.services.outbound, held, url, request.method, call.headers, body)
    media_type = passed.headers.pop("content-type", "application/octet-stream")
    return Relay(passed.pieces(), media_type, passed.headers, passed.status)


def _server(call: Call) -> "tuple[str, Held]":
    """The address of the server the path names, and the credential for it."""
    from chalicelib.mcp.proxy import held_for
    from chalicelib.mcp.servers import demand_permitted

    ref, name = session_ref(call), call.path["server_name"]
    spec = call.services.sessions.get(ref).spec
    servers = spec.agent.get("mcp_servers") or []
    url = next((one.get("url") for one in servers if one["name"] == name), None)
    if not url:
        raise NotFound(f"the session has no MCP server {name!r} with a URL")
    demand_permitted(spec.environment, url)
    return url, held_for(call.services.mcp.keyring(ref.space, spec.vault_ids), url)


ROUTES: tuple[Route, ...] = (
    Route(
        ("GET", "POST", "PUT", "PATCH", "DELETE"),
        "/v1/mcp-proxy/{session_id}/{server_name}",
        forward,
        "Speak with an MCP server of a session",
        scope="write",
        raw=True,
        body_limit=_BODY_LIMIT,
        answers={200: "application/octet-stream"},
        errors=(404, 502),
        tags=("sessions",),
    ),
)
