"""Hands requests of a client on to an MCP server of a session, with the credential of its vaults."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.mcp.credentials import Held, Keyring
from chalicelib.mcp.errors import McpUnreachable
from chalicelib.outbound.guard import Outbound
from chalicelib.tools.hiding import HiddenFlow, hide

if TYPE_CHECKING:
    import httpx2

_SILENCE_SECONDS = 300.0
_MAX_BYTES = 256 << 20
_ASKED = frozenset(("accept", "content-type", "last-event-id"))
_ANSWERED = frozenset(("content-type", "cache-control", "www-authenticate", "allow", "retry-after"))
_OURS = ("mcp-",)


class Passed:
    """A server's answer whose body is still to be read; its ``pieces`` close everything when they end."""

    def __init__(self, client: "httpx2.AsyncClient", answer: "httpx2.Response", secrets: Sequence[str]) -> None:
        """``secrets`` that the server repeats are hidden."""
        self._client = client
        self._answer = answer
        self._hiding = HiddenFlow(secrets)
        self.status = answer.status_code
        passing = {name: value for name, value in answer.headers.items() if _passes(name, _ANSWERED)}
        self.headers: dict[str, str] = hide(passing, secrets)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises httpx2.TransportError when it breaks off."""
        try:
            async for piece in self._answer.aiter_bytes():
                if shown := self._hiding.take(piece):
                    yield shown
            if rest := self._hiding.rest():
                yield rest
        finally:
            await self._answer.aclose()
            await self._client.aclose()


async def passed_on(
    outbound: Outbound, held: Held, url: str, method: str, headers: Mapping[str, str], body: bytes
) -> Passed:
    """The server's answer to a request. ``held`` has been looked up before. Raises McpUnreachable."""
    import httpx2

    from chalicelib.mcp.wire import Witness, client

    witness = Witness()
    http = client(outbound, held, witness, _SILENCE_SECONDS, _MAX_BYTES)
    sent = {name.lower(): value for name, value in headers.items() if _passes(name.lower(), _ASKED)}
    try:
        request = http.build_request(method, url, headers=sent, content=body)
        answer = await http.send(request, stream=True)
        return Passed(http, answer, held.secrets)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        await http.aclose()
        raise McpUnreachable(f"the MCP server could not be reached: {error}") from error
    except BaseException:
        await http.aclose()
        raise


def _passes(name: str, named: frozenset[str]) -> bool:
    return name in named or name.startswith(_OURS)


def held_for(keyring: Keyring, url: str) -> Held:
    """The credential for a server as it is now."""
    held = Held(keyring, url)
    held.look()
    return held
