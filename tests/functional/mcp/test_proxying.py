"""An MCP server that answers badly is told of as one that cannot be reached."""

import asyncio
import socket
import time

import pytest

from chalicelib.mcp import wire
from chalicelib.mcp.credentials import Held
from chalicelib.mcp.errors import McpUnreachable
from chalicelib.mcp.proxy import passed_on
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.outbound.web import Seen, serving


def drip(connection: socket.socket, _seen: Seen) -> None:
    """An error whose text never ends."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


def test_an_error_that_never_ends_is_no_fault_of_this_server(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0.3)
    with serving(drip) as web:
        held = Held(services.mcp.keyring(Space("tenant-a"), ()), web.url())
        asked = passed_on(services.outbound, held, web.url(), "POST", {}, b"{}")
        with pytest.raises(McpUnreachable, match="took too long"):
            asyncio.run(asked)
