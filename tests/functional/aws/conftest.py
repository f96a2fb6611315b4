"""A Lambda Runtime API on loopback, and the streaming runtime as a real process speaking to it."""

from __future__ import annotations

import base64
import itertools
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass
class Exchange:
    """What the runtime sends for one invocation, in the order it arrives."""

    id: str
    headers: dict[str, str] = field(default_factory=dict)
    arrivals: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)
    connection: socket.socket | None = None
    _rest: bytes = b""

    def take(self, kind: str) -> Any:
        got, value = self.arrivals.get(timeout=PATIENCE)
        assert got == kind, f"expected {kind}, got {got}: {value!r}"
        return value

    def prelude(self) -> dict[str, Any]:
        """The answer's head; it comes as a chunk of its own, before any of the body."""
        head, end, rest = self.take("chunk").partition(b"\0" * 8)
        assert (end, rest) == (b"\0" * 8, b"")
        return dict(json.loads(head))

    def chunk(self) -> bytes:
        return bytes(self.take("chunk"))

    def body(self) -> tuple[bytes, dict[str, str]]:
        """All that is left of the body, and the trailers."""
        found = b""
        while True:
            kind, value = self.arrivals.get(timeout=PATIENCE)
            if kind == "end":
                return found, value
            assert kind == "chunk", (kind, value)
            found += value

    def failure(self) -> dict[str, Any]:
        return dict(json.loads(self.take("error")))

    def hang_up(self) -> None:
        assert self.connection is not None
        self.connection.shutdown(socket.SHUT_RDWR)


class RuntimeApiEmulator:
    """The Runtime API of one execution environment: one event at a time, answers as they stream."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[Exchange, bytes, float] | None] = queue.Queue()
        self.exchanges: dict[str, Exchange] = {}
        self.init_errors: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ids = itertools.count(1)
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def invoke(self, event: dict[str, Any], *, seconds: float = 60) -> Exchange:
        exchange = Exchange(f"request-{next(self._ids)}")
        self.exchanges[exchange.id] = exchange
        self.events.put((exchange, json.dumps(event).encode(), seconds))
        return exchange

    def close(self) -> None:
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: RuntimeApiEmulator

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        assert self.path == "/2018-06-01/runtime/invocation/next"
        taken = self.api.events.get()
        if taken is None:
            self.close_connection = True
            return
        exchange, body, seconds = taken
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", exchange.id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + seconds) * 1000)))
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:f")
        # Lambda sends long events chunked, so both forms must be understood.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    def do_POST(self) -> None:
        *_, name, what = self.path.split("/")
        if name == "init":
            self.api.init_errors.put(json.loads(self._read_sized()))
        elif what == "error":
            self.api.exchanges[name].arrivals.put(("error", self._read_sized()))
        else:
            try:
                self._read_stream(self.api.exchanges[name])
            except (ConnectionError, ValueError):
                return
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read_sized(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _read_stream(self, exchange: Exchange) -> None:
        exchange.headers = {k.lower(): v for k, v in self.headers.items()}
        exchange.connection = self.connection
        while size := int(self.rfile.readline(), 16):
            exchange.arrivals.put(("chunk", self.rfile.read(size)))
            assert self.rfile.readline() == b"\r\n"
        trailers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(": ")
            trailers[name.lower()] = value
        exchange.arrivals.put(("end", trailers))


class Gate:
    """A named pipe: what is written to it is read, line by line, at the other end."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Opened for both directions, so that neither end waits for the other to appear.
        self._file = path.open("r+b", buffering=0)

    def let(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")

    def read(self) -> str:
        return self._file.readline().decode().strip()

    def close(self) -> None:
        self._file.close()


def start_runtime(api: RuntimeApiEmulator, asgi_app: str) -> subprocess.Popen[str]:
    """Starts the runtime as Lambda does: the wrapper script, with the interpreter as its first argument."""
    env = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "LAMBDA_TASK_ROOT": str(ROOT),
        "LAMBDA_RUNTIME_DIR": str(HERE),
        "LAMBENT_ASGI_APP": asgi_app,
    }
    command = [str(ROOT / "infra" / "stream_runtime.sh"), sys.executable, "/var/runtime/bootstrap.py"]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture
def api() -> Iterator[RuntimeApiEmulator]:
    emulator = RuntimeApiEmulator()
    yield emulator
    emulator.close()


@pytest.fixture(scope="module")
def lambda_stream() -> Iterator[RuntimeApiEmulator]:
    """A warm execution environment that runs `stream_app`."""
    emulator = RuntimeApiEmulator()
    process = start_runtime(emulator, "stream_app:create_app")
    yield emulator
    process.terminate()
    process.communicate(timeout=PATIENCE)
    emulator.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "gate")
    yield made
    made.close()


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "seen")
    yield made
    made.close()


@pytest.fixture
def launch() -> Any:
    return start_runtime


@pytest.fixture
def url_event() -> Any:
    """Makes function URL events (payload 2.0)."""

    def make(path: str, *, method: str = "GET", query: str = "", body: bytes = b"", **more: Any) -> Any:
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "abc.lambda-url.eu-west-1.on.aws", "x-forwarded-proto": "https"},
            "requestContext": {
                "stage": "$default",
                "http": {"method": method, "path": path, "sourceIp": "203.0.113.9"},
            },
            "isBase64Encoded": bool(body),
        }
        return event | ({"body": base64.b64encode(body).decode()} if body else {}) | more

    return make
