"""The proxy as a box sees it: a port on the loopback, and short ways to talk through it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.sandbox.box.egress.proxy import Egress
from chalicelib.sandbox.hosts.base import Injection, Network
from tests.functional.outbound.calls import Names

EVERYWHERE = Network("all")
LOCAL = ("127.0.0.1",)
CANARY = 'canary/7f+"Zq&=é~secret'
PLACEHOLDER = "LAMBENT_PLACEHOLDER_1"


@dataclass
class Answer:
    """What came back, read to the end of the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


@dataclass
class Box:
    """A running proxy."""

    egress: Egress
    port: int
    names: Names
    opened: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> socket.socket:
        """A connection to the proxy, closed with the box."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.opened.append(connection)
        return connection

    def get(self, url: str, *lines: str, body: bytes = b"", method: str = "GET") -> Answer:
        """One request of plain HTTP on a connection of its own."""
        connection = self.open()
        connection.sendall(request(url, *lines, body=body, method=method))
        return read(connection, method)

    def connect(self, target: str) -> tuple[socket.socket, Answer]:
        """A tunnel, and what the proxy said to it."""
        connection = self.open()
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return connection, read(connection, "CONNECT")

    def tls(self, target: str, context: ssl.SSLContext, name: str | None = None) -> ssl.SSLSocket:
        """A tunnel with TLS in it; ``name`` is the host that the client means, that of the tunnel if left out."""
        connection, told = self.connect(target)
        assert told.status == 200, told
        secured = context.wrap_socket(connection, server_hostname=name or target.rpartition(":")[0])
        self.opened.append(secured)
        return secured

    def trusting(self) -> ssl.SSLContext:
        """TLS of a program inside that trusts the box's bundle alone."""
        bundle = self.egress.ca_bundle()
        assert bundle is not None
        context = ssl.create_default_context(cadata=bundle.decode())
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


@contextmanager
def box(
    network: Network = EVERYWHERE,
    allow: tuple[str, ...] = LOCAL,
    trust: ssl.SSLContext | None = None,
    names: Names | None = None,
    **hosts: str,
) -> Iterator[Box]:
    """A proxy on the loopback. ``hosts`` are names with underscores for dots, and their address."""
    listener = socket.create_server(("127.0.0.1", 0))
    known = names or Names(**{name: [[address]] for name, address in hosts.items()})
    egress = Egress(listener, network, allow, lookup=known, trust=trust)
    port = listener.getsockname()[1]
    egress.start()
    running = Box(egress, port, known)
    try:
        yield running
    finally:
        for connection in running.opened:
            connection.close()
        egress.close()


def request(target: str, *lines: str, body: bytes = b"", method: str = "GET") -> bytes:
    """The bytes of a request; a body gets its length."""
    told = [*lines, f"Content-Length: {len(body)}"] if body else list(lines)
    if not any(line.lower().startswith("host:") for line in told):
        told.insert(0, "Host: in.the.way")
    return "\r\n".join([f"{method} {target} HTTP/1.1", *told, "", ""]).encode() + body


def read(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer of a connection: one with a length, in chunks, or until the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split(" ")[1])
    if method == "HEAD" or status in (101, 204, 304) or (method == "CONNECT" and status == 200):
        return Answer(status, headers, body, data)
    if "content-length" in headers:
        while len(body) < int(headers["content-length"]):
            body += _more(connection)
    elif headers.get("transfer-encoding") == "chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += _more(connection)
        body = _joined(body)
    else:
        while piece := connection.recv(65536):
            body += piece
    return Answer(status, headers, body, head + b"\r\n\r\n" + body)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the connection ended too early"
    return data


def _joined(chunked: bytes) -> bytes:
    whole = b""
    while True:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return whole
        whole, chunked = whole + rest[:length], rest[length + 2 :]


def injection(*hosts: str, value: str = CANARY, places: tuple[str, ...] = ("header", "query")) -> Injection:
    """The canary for its placeholder."""
    return Injection(hosts, value, PLACEHOLDER, places=places)
