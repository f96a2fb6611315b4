"""The guest's HTTP server: one thread for each connection, kept alive between requests."""

import contextlib
import errno
import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping

from .incoming import Body, Head, Incoming
from .outgoing import Outgoing, internal
from .query import parse_query, unquote
from .wire import Handler, Json, Problem, Reply, Request, Routes

_MOST_CONNECTIONS = 128
_IDLE_SECONDS = 75.0
_BODY_SECONDS = 300.0
_STACK_BYTES = 512 << 10
_MOST_DISCARDED = 256 << 20
_BREATH_SECONDS = 0.02
_LASTING = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EOPNOTSUPP)


class Router:
    """Finds what answers a request."""

    def __init__(self, tables: Iterable[Routes]) -> None:
        self._fixed: dict[tuple[str, str], Handler] = {}
        self._open: list[tuple[str, re.Pattern[str], Handler]] = []
        for (method, path), handler in (pair for table in tables for pair in table.items()):
            if "{" in path:
                pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", path)
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
                self._open.append((method, re.compile(pattern), handler))
            else:
                self._fixed[method, path] = handler

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        """The handler and the parts of the path it leaves open. Raises Problem."""
        if handler := self._fixed.get((method, path)):
            return handler, {}
        for known, pattern, handler in self._open:
            if known in (method, "*") and (match := pattern.fullmatch(path)):
                return handler, {name: unquote(part) for name, part in match.groupdict().items()}
        if any(path == known for _, known in self._fixed):
            raise Problem("unimplemented", f"{method} is not answered here", 405)
        raise Problem("unimplemented", f"nothing answers {method} {path}", 404)


class Server:
    """Serves a listening socket until the process ends."""

    def __init__(self, router: Router, listener: socket.socket) -> None:
        self._router = router
        self._listener = listener
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def serve(self) -> None:
        """Take connections for ever. Raises OSError when the listening socket is none or closed."""
        threading.stack_size(_STACK_BYTES)
        while True:
            self._room.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                self._room.release()
                if error.errno in _LASTING:
                    raise
                # The client was quicker to leave, or descriptors ran out: both pass.
                time.sleep(_BREATH_SECONDS)
                continue
            self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        try:
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()
        except RuntimeError:
            # No thread is to be had because commands use up what the system allows; the next try may find one.
            self._room.release()
            with contextlib.suppress(OSError):
                Outgoing(sock).send(
                    _refusal(Problem("unavailable", "the sandbox has no room for a request")), keep=False
                )
            sock.close()

    def _talk(self, sock: socket.socket) -> None:
        try:
            with sock:
                if sock.family != socket.AF_UNIX:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                incoming, outgoing = Incoming(sock), Outgoing(sock)
                while self._serve_one(sock, incoming, outgoing):
                    continue
        except OSError:
            # The client is gone, and with it whoever could be told.
            return
        finally:
            self._room.release()

    def _serve_one(self, sock: socket.socket, incoming: Incoming, outgoing: Outgoing) -> bool:
        """Answer one request; whether there may be another."""
        sock.settimeout(_IDLE_SECONDS)
        try:
            head = incoming.head()
            if head is None:
                return False
            sock.settimeout(_BODY_SECONDS)
            waits = head.headers.get("expect", "").lower() == "100-continue"
            body = Body(incoming, head.headers, outgoing.go_on if waits else _nothing)
        except Problem as problem:
            outgoing.send(_refusal(problem), keep=False)
            return False
        keep = head.keeps()
        again = self._answer(head, body, outgoing, keep)
        if waits and body.unasked:
            return False
        sock.settimeout(_IDLE_SECONDS)
        with contextlib.suppress(Problem):
            # A client that still sends would otherwise lose the answer to a connection that is reset.
            return body.discard(_MOST_DISCARDED) and again
        return False

    def _answer(self, head: Head, body: Body, outgoing: Outgoing, keep: bool) -> bool:
        try:
            return outgoing.send(self._reply(head, body, outgoing), keep=keep)
        except Problem as problem:
            refusal = problem
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - written down there; one request must not end the guest
            refusal = Problem("internal", internal(error))
        return outgoing.send(_refusal(refusal), keep=keep)

    def _reply(self, head: Head, body: Body, outgoing: Outgoing) -> Reply:
        path, _, query = head.target.partition("?")
        handler, params = self._router.find(head.method, path)
        request = Request(head.method, path, parse_query(query), head.headers, body, params, outgoing.gone, head.target)
        return handler(request)


def _refusal(problem: Problem) -> Json:
    return Json({"code": problem.code, "message": problem.message}, problem.status)


def _nothing() -> None:
    """A client that does not wait needs no leave."""
