"""What tests of plain clients share: a second tenant, and a web server that remembers its requests."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.api import Api
from tests.support.server import Server


@pytest.fixture
def stranger(server: Server) -> Iterator[Api]:
    """A plain client of another tenant."""
    client = Api(server.url, server.tenant("Stranger"))
    yield client
    client.close()


class Web:
    """A small web server; ``seen`` holds method, path and body of each request, ``bearers`` what was in its
    authorization header, ``reply`` what it answers; ``{bearer}`` in it repeats that."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.bearers: list[str | None] = []
        self.reply = b"pages are made of words"
        self.media_type = "text/plain"
        web = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                bearer = self.headers.get("authorization")
                web.seen.append((self.command, self.path, body))
                web.bearers.append(bearer)
                reply = web.reply.replace(b"{bearer}", str(bearer).encode())
                self.send_response(200)
                self.send_header("content-type", web.media_type)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def do_GET(self) -> None:
                """Answer."""
                self._answer()

            def do_POST(self) -> None:
                """Answer."""
                self._answer()

            def log_message(self, *_args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server of this test alone."""
    running = Web()
    yield running
    running.close()
