"""A plain HTTP client over a socket, and the server it talks to."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette

from chalicelib.http.server import serve
from tests.support.patience import PATIENCE


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server."""

    app: Starlette
    port: int
    services: Any
    stop: threading.Event
    thread: threading.Thread

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = "key-a", **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            told = {name.replace("_", "-"): value for name, value in headers.items()}
            if key is not None:
                told["x-api-key"] = key
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                told.setdefault("content-type", "application/json")
            connection.request(method, path, body, told)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    @contextmanager
    def raw(self, head: str, body: bytes = b"") -> Iterator[socket.socket]:
        """A socket on which a request head (and body) was sent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
            yield connection

    @contextmanager
    def opened(self, path: str) -> Iterator[socket.socket]:
        """A stream whose headers have come."""
        with self.raw(f"GET {path} HTTP/1.1\nhost: x\nx-api-key: key-a\n") as connection:
            yield connection


def wait_for(condition: Callable[[], bool], seconds: float = 2.0) -> bool:
    """Whether the condition comes true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    found = b""
    while mark not in found:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"the connection ended before {mark!r}: {found!r}")
        found += piece
    return found


@contextmanager
def running(app: Starlette, services: Any) -> Iterator[Site]:
    stop, ready, ports = threading.Event(), threading.Event(), []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    arguments = {"ready": on_ready, "stop": stop}
    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", 0), kwargs=arguments, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield Site(app, ports[0], services, stop, thread)
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
