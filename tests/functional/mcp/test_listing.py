"""A server whose list of tools comes in ever more pages fills nobody's memory."""

import json
import socket

import pytest

from chalicelib.mcp import link
from chalicelib.mcp.credentials import Held
from chalicelib.mcp.errors import McpUnreachable
from chalicelib.mcp.server import SETUP_SECONDS, McpServer
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.outbound.web import Handler, Seen, Web, answer, serving

PAGES = 4


def lister(size: int) -> Handler:
    """A server with so many pages of one tool each, described with so many bytes."""

    def results(asked: dict[str, object]) -> dict[str, object]:
        if asked["method"] == "initialize":
            told = {"name": "big", "version": "1"}
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": told}
        page = int(str((asked.get("params") or {}).get("cursor") or 0))  # type: ignore[attr-defined]
        tool = {"name": f"tool-{page}", "description": "x" * size, "inputSchema": {"type": "object"}}
        return {"tools": [tool]} | ({"nextCursor": str(page + 1)} if page + 1 < PAGES else {})

    def handle(connection: socket.socket, seen: Seen) -> None:
        asked = json.loads(seen.body) if seen.body else {}
        if seen.method != "POST":
            connection.sendall(answer(status="405 Method Not Allowed", connection="close"))
        elif "id" not in asked:
            connection.sendall(answer(status="202 Accepted", connection="close"))
        elif asked["method"] in ("initialize", "tools/list"):
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": results(asked)}).encode()
            connection.sendall(answer(body, content_type="application/json", connection="close"))
        else:
            told = {"code": -32601, "message": "not known"}
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": told}).encode()
            connection.sendall(answer(body, content_type="application/json", connection="close"))

    return handle


def listed(services: Services, web: Web) -> list[str]:
    """The names of its tools."""
    url = web.url("/mcp")
    server = McpServer("big", url, services.outbound, Held(services.mcp.keyring(Space("tenant-a"), ()), url))
    try:
        return [tool["name"] for tool in server.list_tools().result(2 * SETUP_SECONDS)]
    finally:
        server.close()


def test_all_pages_together_are_bounded(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "MAX_BYTES", 10_000)
    with serving(lister(2000)) as web:
        assert listed(services, web) == [f"tool-{page}" for page in range(PAGES)]
    with serving(lister(4000)) as web:
        with pytest.raises(McpUnreachable, match="longer than is read"):
            listed(services, web)
        asked = [seen.body for seen in web.requests if b"tools/list" in seen.body]
    assert len(asked) == PAGES - 1
