"""An HTTP tool of somebody else: counts its calls and can keep them waiting."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.api import Json, wait_for
from tests.support.patience import PATIENCE


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is part of the tests."""


class Endpoint:
    """Answers one text to everything, to ``held`` paths only once they are let go; ``calls`` are the paths asked."""

    def __init__(self, text: str = "pong") -> None:
        raw = text.encode()
        self.calls: list[str] = []
        self.answered: list[str] = []
        self.held: dict[str, threading.Event] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.do_GET()

            def do_GET(self) -> None:
                owner.calls.append(self.path)
                owner.wait_let_go(self.path)
                self.send_response(200)
                self.send_header("content-type", "text/plain")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
                self.wfile.flush()
                owner.answered.append(self.path)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.let_go(*list(self.held))
        self._server.shutdown()
        self._server.server_close()

    def tool(self, name: str = "ping", **execution: Any) -> Json:
        """A custom tool that calls this endpoint."""
        return {
            "type": "custom",
            "name": name,
            "description": "Answers.",
            "input_schema": {"type": "object", "properties": {}},
            "execution": {"type": "http", "endpoint": f"{self.url}/{name}", **execution},
        }

    def hold(self, path: str) -> None:
        """Keep calls of a path waiting."""
        self.held[path] = threading.Event()

    def let_go(self, *paths: str) -> None:
        """Answer the calls of held paths."""
        for path in paths:
            self.held.pop(path).set()

    def wait_let_go(self, path: str) -> None:
        """Until the path is not held."""
        if (gate := self.held.get(path)) is not None:
            gate.wait(60)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(call == path for call in list(self.calls))

    def wait_called(self, path: str, seconds: float = PATIENCE) -> None:
        """Until the path was asked for."""
        wait_for(lambda: self.count(path), f"a call of {path}", within=seconds)

    def wait_called_again(self, path: str, count: int, seconds: float = PATIENCE) -> None:
        """Until the path was asked for so often."""
        wait_for(lambda: self.count(path) >= count, f"{count} calls of {path}", within=seconds)

    def wait_answered(self, path: str, seconds: float = PATIENCE) -> None:
        """Until an answer of the path went out; quicker than ``wait_for`` looks."""
        deadline = time.monotonic() + seconds
        while path not in self.answered:
            assert time.monotonic() < deadline, f"{path} was not answered"
            time.sleep(0.0005)


CLIENT_TOOL: Json = {
    "type": "custom",
    "name": "ask_client",
    "description": "Answered by the client.",
    "input_schema": {"type": "object", "properties": {}},
}
