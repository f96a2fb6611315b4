"""A web server made of one function, over a real socket, for answers that no proper server would give."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Seen:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[socket.socket, Seen], None]


@dataclass
class Web:
    """A running server and what it was asked."""

    port: int
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; header names are written with underscores."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def fixed(data: bytes) -> Handler:
    """Always the same bytes."""
    return lambda connection, _: connection.sendall(data)


def routes(table: dict[str, bytes]) -> Handler:
    """Bytes by path."""
    missing = answer(status="404 Not Found")
    return lambda connection, seen: connection.sendall(table.get(seen.target.partition("?")[0], missing))


@contextmanager
def serving(handler: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Run the handler for every connection until the block ends."""
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    web = Web(listener.getsockname()[1])
    threading.Thread(target=_accept, args=(listener, handler, web, tls), daemon=True).start()
    try:
        yield web
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, handler: Handler, web: Web, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            web.connections += 1
            threading.Thread(target=_serve, args=(connection, handler, web, tls), daemon=True).start()


def _serve(plain: socket.socket, handler: Handler, web: Web, tls: ssl.SSLContext | None) -> None:
    with plain, suppress(OSError):
        connection = tls.wrap_socket(plain, server_side=True) if tls else plain
        with connection:
            seen = _read(connection)
            if seen is not None:
                web.requests.append(seen)
                handler(connection, seen)


def _read(connection: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, body)
