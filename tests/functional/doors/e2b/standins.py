"""A guest that does as it is told, also what no sound one does, and the service that leads to it."""

import json
import socketserver
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.sandbox.errors import SandboxNotFound, SandboxPaused
from chalicelib.sandbox.hosts.base import Link
from chalicelib.sandbox.model import Sandbox
from chalicelib.sandbox.tokens import Holder
from chalicelib.storage.keys import Space
from chalicelib.tenants.model import Status, Tenant

SPACE = Space("tenant-a")


def frame(message: Any, flag: int = 0) -> bytes:
    """A message in the framing of streams."""
    raw = json.dumps(message).encode()
    return bytes((flag,)) + len(raw).to_bytes(4, "big") + raw


START = frame({"event": {"start": {"pid": 7}}})
EXIT = frame({"event": {"end": {"exitCode": 0, "exited": True, "status": "exit status 0"}}})
LAST = frame({}, 2)


@dataclass
class Asked:
    """What the guest was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Told:
    """What the guest answers: a status, headers, pieces; ``breaks`` ends the connection without an end."""

    pieces: list[bytes | Callable[[], None]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    breaks: bool = False


class Guest:
    """Answers what is in ``script``, in order; then 404."""

    def __init__(self) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="guest-")
        self.path = str(Path(self.place.name) / "socket")
        self.asked: list[Asked] = []
        self.script: list[Told] = []
        self._server = _Server(self.path, _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def link(self) -> Link:
        return Link("http://guest", uds=self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.place.cleanup()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may go while they are answered."""


def _handler(guest: Guest) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            return

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            guest.asked.append(Asked(self.command, self.path, headers, self._body(headers)))
            told = guest.script.pop(0) if guest.script else Told(status=404)
            if told.breaks and not told.pieces:
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in told.pieces:
                if callable(piece):
                    piece()
                else:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if told.breaks:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def _body(self, headers: dict[str, str]) -> bytes:
            if headers.get("transfer-encoding") == "chunked":
                return b"".join(self._chunks())
            return self.rfile.read(int(headers.get("content-length", 0)))

        def _chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        do_GET = do_POST = _serve  # noqa: N815 - the names the base class looks for

    return Handler


class Sandboxes:
    """One sandbox over a guest."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.one = Sandbox(new_id(), SPACE.tenant, "e2b", "base", 1, 1)
        self.synced = 0
        self.doubted = 0
        self.held_ms = 0
        self.read = 0
        self.on_sync: Callable[[], None] = lambda: None
        self.on_doubt: Callable[[], None] = lambda: None
        self.on_end: Callable[[], None] = lambda: None

    def locate(self, sandbox_id: str) -> Space | None:
        return SPACE if sandbox_id == self.one.id else None

    def get(self, space: Space, sandbox_id: str) -> Sandbox:
        if (space, sandbox_id) != (SPACE, self.one.id):
            raise SandboxNotFound("there is no such sandbox")
        if self.one.over(now_ms()):
            self.end()
            self.on_end()
            raise SandboxNotFound("the sandbox's time is over")
        return self.one

    def token(self, sandbox: Sandbox) -> str:
        return uuid.UUID(sandbox.id).hex + "a" * 64

    def directory(self, since_ms: int) -> tuple[list[Holder], bool]:
        self.read += 1
        mine = Holder(SPACE, self.one.id, self.one.created_at, self.token(self.one))
        return [one for one in (Holder(SPACE, new_id(), 2, "another token"), mine) if one.created_at >= since_ms], True

    def live(self, space: Space, sandbox_id: str, hold_ms: int = 0) -> Any:
        if self.get(space, sandbox_id).state == "paused":
            raise SandboxPaused("the sandbox is paused")
        self.held_ms = hold_ms
        return SimpleNamespace(link=self.guest.link)

    def doubt(self, _: Any) -> None:
        self.doubted += 1
        self.on_doubt()

    def sync(self, space: Space, sandbox_id: str) -> None:
        self.on_sync()
        self.synced += 1

    def lasts(self, seconds: float) -> None:
        self.one = replace(self.one, end_at=now_ms() + int(seconds * 1000))

    def end(self) -> None:
        self.one = replace(self.one, id=new_id())

    def pause(self) -> None:
        self.one = replace(self.one, state="paused")


class StandIns:
    """What the data plane asks of the services, and of what they know of the one tenant."""

    def __init__(self, guest: Guest) -> None:
        self.sandboxes = Sandboxes(guest)
        self.settings = Settings(table="", bucket="", queue_url="", max_upload_mib=1)
        self.tenant_register = self
        self.status: Status = "active"

    def recent(self, tenant: str) -> Tenant:
        return Tenant(tenant, "Test", self.status, 1)
