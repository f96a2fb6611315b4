"""Blocking input and output that minds a deadline and a cancellation at every wait."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from chalicelib.outbound.errors import OutboundCancelled, OutboundTimeout
from chalicelib.outbound.ip_literal import IpAddress

T = TypeVar("T")
_SLICE_SECONDS = 0.1
_CONNECT_SECONDS = 10.0
_PIECE = 65536


class Patience:
    """How long one call may take, and whether it is still wanted."""

    def __init__(self, seconds: float, cancelled: threading.Event) -> None:
        self._seconds, self._cancelled = seconds, cancelled
        self._deadline = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the deadline. Raises OutboundTimeout, OutboundCancelled."""
        if self._cancelled.is_set():
            raise OutboundCancelled("The call was cancelled.")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise OutboundTimeout(f"The call did not finish within {self._seconds:g} seconds.")
        return left

    def pause(self) -> float:
        """The longest wait after which both have to be looked at again."""
        return min(self.left(), _SLICE_SECONDS)


def run_watched(work: Callable[[], T], patience: Patience) -> T:
    """The result of work that cannot be interrupted; it is left behind when patience ends. Raises what it raises."""
    result: Future[T] = Future()
    done = threading.Event()

    def fill() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            result.set_exception(error)
        done.set()

    threading.Thread(target=fill, name="outbound-lookup", daemon=True).start()
    while not done.wait(patience.pause()):
        continue
    return result.result()


class Wire:
    """A connection to one address."""

    def __init__(self, connection: socket.socket, patience: Patience) -> None:
        """Takes the socket over; it must not block."""
        self._socket, self._patience = connection, patience

    @staticmethod
    def connect(address: IpAddress, port: int, patience: Patience) -> "Wire":
        """Open a TCP connection. Raises OSError, OutboundTimeout, OutboundCancelled."""
        patience.left()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _finish_connect(connection, (str(address), port), patience)
        except BaseException:
            connection.close()
            raise
        return Wire(connection, patience)

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Start TLS; the certificate must be valid for the host. Raises OSError, OutboundTimeout, OutboundCancelled."""
        secured = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = secured
        self._attempt(secured.do_handshake, select.POLLIN)

    def send(self, data: bytes) -> None:
        """Send all of it. Raises OSError, OutboundTimeout, OutboundCancelled."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._attempt(partial(self._socket.send, rest[:_PIECE]), select.POLLOUT) :]

    def receive(self) -> bytes:
        """What has come next; empty at the end. Raises OSError, OutboundTimeout, OutboundCancelled."""
        return self._attempt(partial(self._socket.recv, _PIECE), select.POLLIN)

    def detach(self) -> socket.socket:
        """The socket itself, which does not block; patience does not watch over it any more, the caller closes it."""
        return self._socket

    def close(self) -> None:
        """Give the connection up."""
        self._socket.close()

    def _attempt(self, act: Callable[[], T], usual: int) -> T:
        while True:
            self._patience.left()
            try:
                return act()
            except ssl.SSLWantReadError:
                _wait(self._socket, select.POLLIN, self._patience)
            except ssl.SSLWantWriteError:
                _wait(self._socket, select.POLLOUT, self._patience)
            except BlockingIOError:
                _wait(self._socket, usual, self._patience)


def _finish_connect(connection: socket.socket, peer: tuple[str, int], patience: Patience) -> None:
    until = time.monotonic() + _CONNECT_SECONDS
    try:
        connection.connect(peer)
    except BlockingIOError:
        while not _wait(connection, select.POLLOUT, patience):
            if time.monotonic() > until:
                raise TimeoutError from None
    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "connection failed")


def _wait(connection: socket.socket, direction: int, patience: Patience) -> bool:
    poll = select.poll()
    poll.register(connection, direction)
    return bool(poll.poll(patience.pause() * 1000))
