"""The coroutine client under the guard: it reaches what is allowed, reads no more than it should, follows nothing."""

import asyncio
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from typing import Any

import httpx2
import pytest

from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.transport import GuardedTransport
from tests.support.inner_urls import HOSTS

LIMIT = 1000


class Site:
    """Answers by path; ``seen`` are the headers of each request."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.seen.append({name.lower(): value for name, value in self.headers.items()})
                site.answer(self)

            def log_message(self, *_args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def answer(self, handler: Any) -> None:
        """What the path asks for."""
        body, headers, status = b"ok", {}, 200
        if handler.path == "/long":
            body = b"x" * (LIMIT + 1)
        elif handler.path == "/packed":
            body, headers = gzip.compress(b"x" * 10), {"content-encoding": "gzip"}
        elif handler.path == "/away":
            status, headers = 302, {"location": "http://127.0.0.2/"}
        handler.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


def get(url: str, allow: tuple[str, ...] = ("127.0.0.1",), outbound: Outbound | None = None) -> httpx2.Response:
    """One request."""

    async def asked() -> httpx2.Response:
        transport = GuardedTransport(outbound or Outbound(allow), LIMIT)
        async with httpx2.AsyncClient(transport=transport, timeout=5) as client:
            return await client.get(url)

    return asyncio.run(asked())


def test_an_allowed_address_is_reached(site: Site) -> None:
    assert get(f"http://127.0.0.1:{site.port}/").text == "ok"
    assert site.seen[-1]["host"] == f"127.0.0.1:{site.port}"
    assert site.seen[-1]["accept-encoding"] == "identity"


@pytest.mark.parametrize(("path", "error"), [("/long", httpx2.ReadError), ("/packed", httpx2.ReadError)])
def test_what_is_too_long_or_packed_is_not_read(site: Site, path: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        get(f"http://127.0.0.1:{site.port}{path}")


def test_a_redirect_is_an_answer(site: Site) -> None:
    assert get(f"http://127.0.0.1:{site.port}/away").status_code == 302


def test_no_spelling_of_an_inner_address_is_reached(site: Site) -> None:
    before = len(site.seen)
    for host in HOSTS:
        with pytest.raises((httpx2.TransportError, httpx2.InvalidURL, ValueError)):
            get(f"http://{host}:{site.port}/", allow=())
    assert len(site.seen) == before


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_judged(site: Site) -> None:
    answers = [[IPv4Address("127.0.0.1")], [IPv4Address("127.0.0.2")]]
    outbound = Outbound(("127.0.0.1",), lookup=lambda _host: answers.pop(0))
    assert get(f"http://some.example:{site.port}/", outbound=outbound).text == "ok"
    assert len(answers) == 1
    assert site.seen[-1]["host"] == f"some.example:{site.port}"


def test_a_name_with_one_inner_address_is_not_reached(site: Site) -> None:
    outbound = Outbound(("127.0.0.1",), lookup=lambda _host: [IPv4Address("127.0.0.1"), IPv4Address("10.0.0.1")])
    with pytest.raises(httpx2.ConnectError, match="not a host on the public internet"):
        get(f"http://some.example:{site.port}/", outbound=outbound)
