"""The port of a MicroVM: requests to the box go to its guest as they are, the few to this program are answered."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from chalicelib.sandbox.box.server_spec import SpecInvalid, network_from_json, spec_from_json
from chalicelib.sandbox.box.server_state import AnotherBox, OneBox
from chalicelib.sandbox.box.server_wire import (
    Head,
    NotHttp,
    answer,
    own_body,
    pieces_of_body,
    problem,
    read_head,
)
from chalicelib.sandbox.hosts.base import SandboxError, SandboxRefused

_PIECE = 65_536
_log = logging.getLogger(__name__)


class Exchange:
    """One connection from outside. Whoever shares it by keep-alive may mean the guest now and the box then."""

    def __init__(self, client: socket.socket, box: OneBox) -> None:
        self._client = client
        self._box = box
        self._guest: socket.socket | None = None

    def serve(self) -> None:
        """Take requests until one side leaves."""
        try:
            with self._client.makefile("rb") as source:
                while (head := read_head(source)) is not None:
                    if not self._one(source, head):
                        return
        except NotHttp as error:
            _log.debug("a connection is given up: %s", error)
            self._say(problem(400, "invalid_argument", str(error), last=True))
        except OSError as error:
            _log.debug("a connection broke: %s", error)
        finally:
            self._leave()

    def _one(self, source: BinaryIO, head: Head) -> bool:
        """Whether the connection goes on after this request."""
        if head.path == "/box" or head.path.startswith("/box/"):
            # Whoever asks here has read the guest's last answer: the connection is silent that way.
            return self._own(source, head)
        if self._guest is None and not self._call_guest():
            return self._nobody(source, head)
        assert self._guest is not None
        self._guest.sendall(head.raw)
        for piece in pieces_of_body(source, head.length):
            self._guest.sendall(piece)
        return True

    def _own(self, source: BinaryIO, head: Head) -> bool:
        if order := _ORDERS.get((head.method, head.path)):
            try:
                raw = own_body(source, head)
            except ValueError as error:
                self._say(problem(400, "invalid_argument", str(error), last=True))
                return False
            self._say(order(self._box, raw))
            return True
        for _ in pieces_of_body(source, head.length):
            continue
        if (head.method, head.path) == ("GET", "/box"):
            self._say(answer(200, {"state": self._box.state()}))
        else:
            self._say(problem(404, "not_found", "there is no such thing here"))
        return True

    def _nobody(self, source: BinaryIO, head: Head) -> bool:
        for _ in pieces_of_body(source, head.length):
            continue
        self._say(problem(503, "unavailable", "there is no box on this machine that answers"))
        return True

    def _call_guest(self) -> bool:
        path = self._box.socket()
        if path is None:
            return False
        try:
            self._guest = connect(path)
        except OSError as error:
            _log.warning("the guest does not answer: %s", error)
            return False
        threading.Thread(target=self._bring_answers, args=(self._guest,), daemon=True).start()
        return True

    def _bring_answers(self, guest: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := guest.recv(_PIECE):
                self._client.sendall(piece)
        # The guest's end is the connection's: no answer that is cut off may look like a whole one.
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _say(self, raw: bytes) -> None:
        with contextlib.suppress(OSError):
            self._client.sendall(raw)

    def _leave(self) -> None:
        for one in (self._guest, self._client):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def start_answer(box: OneBox, raw: object) -> bytes:
    """Make the box that ``raw`` describes and tell how it went."""
    try:
        box.start(spec_from_json(raw))
    except SpecInvalid as error:
        return problem(400, "invalid_argument", str(error))
    except AnotherBox as error:
        return problem(409, "already_exists", str(error))
    except SandboxRefused as error:
        _log.error("this machine gives no isolation: %s", error)
        return problem(501, "unimplemented", str(error))
    except SandboxError as error:
        _log.error("the box did not start: %s", error)
        return problem(503, "unavailable", str(error))
    return answer(200, {"state": box.state()})


def rewire_answer(box: OneBox, raw: object) -> bytes:
    """Put the rules that ``raw`` describes in force and tell whether they are."""
    try:
        return answer(200, {"rewired": box.rewire(network_from_json(raw))})
    except SpecInvalid as error:
        return problem(400, "invalid_argument", str(error))


_ORDERS = {("POST", "/box/start"): start_answer, ("PUT", "/box/network"): rewire_answer}


def connect(path: Path) -> socket.socket:
    """A connection to a Unix socket. Raises OSError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


def listen(host: str, port: int, serve: Callable[[socket.socket], None]) -> socket.socket:
    """Serve every connection to a port in a thread of its own; the socket comes back listening."""
    listener = socket.create_server((host, port), backlog=256)
    threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
    return listener


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError as error:
            _log.info("no more connections are taken: %s", error)
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        threading.Thread(target=serve, args=(client,), daemon=True).start()
