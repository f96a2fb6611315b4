"""A web server in a thread: pages to fetch, and endpoints of tools that can be made to wait."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.api import wait_for


@dataclass
class Hit:
    """One request that came in."""

    method: str
    path: str
    body: Any


@dataclass
class Site:
    """Answers every path; what was asked is in ``hits``. While it is shut, requests are taken but not answered."""

    hits: list[Hit] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    def __enter__(self) -> Self:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site._serve(self, None)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                site._serve(self, json.loads(raw) if raw else None)

            def log_message(self, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        self.hits.append(Hit(handler.command, handler.path, body))
        self._open.wait(30)
        text = json.dumps({"answer_to": body}) if handler.command == "POST" else f"The page at {handler.path}."
        kind = "application/json" if handler.command == "POST" else "text/plain"
        try:
            handler.send_response(200)
            handler.send_header("content-type", kind)
            handler.send_header("content-length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text.encode())
        except OSError:
            self.hits[-1].path += " (left)"

    def shut(self) -> None:
        """Keep callers waiting from now on."""
        self._open.clear()

    def open(self) -> None:
        """Answer those who wait, and all after them."""
        self._open.set()

    def wait_hits(self, count: int) -> None:
        """Until so many requests have come in."""
        wait_for(lambda: len(self.hits) >= count, f"{count} requests at the site")
