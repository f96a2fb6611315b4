"""What listens in the sandbox, reached from outside: a request goes in as it is, the answer comes out byte for byte."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from functools import partial

from .control import EGRESS_PORT
from .outgoing import GONE, Outgoing
from .wire import MARK, Handover, Problem, Raw, Reply, Request, Routes

CLOSED = {"lambent-port": "closed"}
"""Marks the one answer that comes from here."""
_HOST = "lambent-host"
_OWN = ("lambent-", "x-aws-proxy-")
_NOT_INWARD = frozenset({"connection", "host", "transfer-encoding", "expect"})
_NOT_OUTWARD = frozenset({"connection", "keep-alive", MARK})
_PLACES = ("127.0.0.1", "::1")
_CONNECT_SECONDS = 5.0
_SEND_SECONDS = 300.0
_LOOK_MS = 1000
_PIECE = 1 << 16
_LONGEST_HEAD = 64 << 10


class _NoHttp(ValueError):
    """Whoever listens speaks something else, or too little."""


def visit(request: Request) -> Reply:
    """Any request below /ports/{port}: hand it to whoever listens there, or tell that nobody does."""
    upstream = _connected(request.params["port"])
    return refuse(request) if upstream is None else Handover(partial(_carry, upstream, request))


def refuse(_: Request) -> Reply:
    """Tell that nobody listens."""
    return Raw((), length=0, headers=CLOSED)


def _connected(word: str) -> socket.socket | None:
    # The way out of the sandbox is for those inside alone.
    if not (word.isascii() and word.isdigit() and 0 < int(word) < 1 << 16) or int(word) == EGRESS_PORT:
        return None
    for place in _PLACES:
        with contextlib.suppress(OSError):
            return socket.create_connection((place, int(word)), timeout=_CONNECT_SECONDS)
    return None


def _carry(upstream: socket.socket, request: Request, client: socket.socket) -> None:
    """Both ways at once: an answer may begin, and end, before all of the request is in."""
    upstream.settimeout(_SEND_SECONDS)
    with upstream:
        sending = threading.Thread(target=_send, args=(upstream, request), name="port", daemon=True)
        sending.start()
        pieces = _pieces(upstream, client)
        try:
            client.sendall(_answer_head(pieces))
            for piece in pieces:
                client.sendall(piece)
        except _NoHttp:
            Outgoing(client).send(refuse(request), keep=False)
        finally:
            # The other way may wait for more of a request that is answered.
            _hang_up(upstream)
            _hang_up(client)
            sending.join()


def _send(upstream: socket.socket, request: Request) -> None:
    # Whoever listens may have heard enough, or the client may have gone: what was answered is brought all the same.
    with contextlib.suppress(OSError, Problem):
        upstream.sendall(_request_head(request))
        for piece in _body(request):
            upstream.sendall(piece)


def _request_head(request: Request) -> bytes:
    target = request.target.removeprefix(f"/ports/{request.params['port']}")
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {request.headers.get(_HOST, 'localhost')}"]
    kept = (name for name in request.headers if name not in _NOT_INWARD and not name.startswith(_OWN))
    lines += [f"{name}: {request.headers[name]}" for name in kept]
    lines += ["transfer-encoding: chunked"] if _is_chunked(request) else []
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1")


def _body(request: Request) -> Iterator[bytes]:
    chunked = _is_chunked(request)
    while piece := request.body.read(_PIECE):
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
    if chunked:
        yield b"0\r\n\r\n"


def _is_chunked(request: Request) -> bool:
    return "transfer-encoding" in request.headers


def _pieces(upstream: socket.socket, client: socket.socket) -> Iterator[bytes]:
    """What comes, as long as there is somebody to bring it to."""
    look = select.poll()
    look.register(upstream, select.POLLIN)
    look.register(client, GONE)
    while True:
        ready = [descriptor for descriptor, _ in look.poll(_LOOK_MS)]
        if client.fileno() in ready:
            return
        if ready:
            try:
                piece = upstream.recv(_PIECE)
            except OSError:
                return
            if not piece:
                return
            yield piece


def _answer_head(pieces: Iterator[bytes]) -> bytes:
    """The head of the answer as it goes out, with what came along of its body. Raises _NoHttp."""
    held = b""
    while True:
        head, end, rest = held.partition(b"\r\n\r\n")
        if not end:
            piece = next(pieces, b"")
            if not piece or len(held) > _LONGEST_HEAD:
                raise _NoHttp
            held += piece
            continue
        first, *lines = head.split(b"\r\n")
        status = _status(first)
        if status >= 200:
            return _marked(first, lines) + rest
        # What is told before the answer is for the next one on the way alone.
        held = rest


def _status(line: bytes) -> int:
    words = line.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
        raise _NoHttp
    return int(words[1])


def _marked(first: bytes, lines: list[bytes]) -> bytes:
    kept = [line for line in lines if not _is_ours(line.partition(b":")[0].decode("latin-1").strip().lower())]
    return b"\r\n".join([first, *kept, f"{MARK}: 1".encode(), b"connection: close", b"", b""])


def _is_ours(name: str) -> bool:
    return name in _NOT_OUTWARD or name.startswith(_OWN)


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def routes(*, apart: bool) -> Routes:
    """``apart``: what listens on this machine is the sandbox's own, and not the host's."""
    return {("*", "/ports/{port}/{rest*}"): visit if apart else refuse}
