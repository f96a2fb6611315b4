"""A receiver of webhooks: keeps what came, and answers as it is told."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.api import Json, wait_for
from tests.support.patience import PATIENCE


@dataclass(frozen=True)
class Hit:
    """One message that came in."""

    path: str
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Json:
        """The message."""
        read: Json = json.loads(self.text)
        return read

    @property
    def type(self) -> str:
        """The type of its event."""
        return str(self.body["data"]["type"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hung up is part of the tests."""


@dataclass
class Receiver:
    """Listens on the loopback address. ``statuses`` are the answers to come, by path; after them comes ``usual``."""

    usual: int = 200
    hits: list[Hit] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    url: str = ""

    def __post_init__(self) -> None:
        self._held: dict[str, threading.Event] = {}

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner._take(self)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gate in self._held.values():
            gate.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        text = request.rfile.read(int(request.headers.get("content-length") or 0)).decode()
        path = request.path
        self.hits.append(Hit(path, {name.lower(): value for name, value in request.headers.items()}, text))
        if (gate := self._held.get(path)) is not None:
            gate.wait(60)
        coming = self.statuses.get(path)
        request.send_response(coming.pop(0) if coming else self.usual)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(self.answer)))
        request.end_headers()
        request.wfile.write(self.answer)

    def hold(self, path: str) -> None:
        """Take messages of a path, but do not answer."""
        self._held[path] = threading.Event()

    def let_go(self, path: str) -> None:
        """Answer those of a held path."""
        self._held.pop(path).set()

    def of(self, path: str) -> list[Hit]:
        """What came to a path."""
        return [hit for hit in list(self.hits) if hit.path == path]

    def types(self, path: str = "/") -> list[str]:
        """The types of the events that came to a path."""
        return [hit.type for hit in self.of(path)]

    def wait(self, count: int, path: str = "/", seconds: float = PATIENCE) -> list[Hit]:
        """Until so many messages came to a path; all of them."""
        wait_for(
            lambda: len(self.of(path)) >= count, f"{count} messages at {path} (have {self.types(path)})", within=seconds
        )
        return self.of(path)

    def wait_type(self, kind: str, path: str = "/", seconds: float = PATIENCE) -> Hit:
        """Until an event of a type came to a path; the first."""
        wait_for(lambda: kind in self.types(path), f"{kind} at {path} (have {self.types(path)})", within=seconds)
        return next(hit for hit in self.of(path) if hit.type == kind)
