"""The way out of a box: an HTTP proxy whose listening socket is inside and whose decisions are made outside."""

import contextvars
import socket
import ssl
import threading
import time

from chalicelib.observability import log_failure, logger
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.lookup import Lookup, system_lookup
from chalicelib.sandbox.box.egress import tls
from chalicelib.sandbox.box.egress.channel import READ, Channel, wait
from chalicelib.sandbox.box.egress.connection import handle
from chalicelib.sandbox.box.egress.errors import Halted
from chalicelib.sandbox.box.egress.gate import Gate
from chalicelib.sandbox.box.egress.variables import proxy_environment
from chalicelib.sandbox.hosts.base import Network

__all__ = ["MOST_CONNECTIONS", "Egress", "proxy_environment"]

MOST_CONNECTIONS = 64
_QUEUE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 39\r\nConnection: close\r\n\r\n"
    b"Too many connections out of this box.\r\n"
)


class Egress:
    """Serves one box. Speaks HTTP/1.1: absolute URLs of plain HTTP, and CONNECT for everything else.

    A thread for each connection, at most ``MOST_CONNECTIONS`` of them; further ones wait, then get a 503.
    """

    def __init__(
        self,
        listener: socket.socket,
        network: Network,
        allow: tuple[str, ...] = (),
        *,
        lookup: Lookup = system_lookup,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Takes the listening socket over. ``allow`` is the operator's list of what may be reached though not public;
        ``trust`` verifies hosts in place of the system's roots. Raises ValueError for an entry that is no host."""
        self._gate = Gate(network, Outbound(allow, lookup=lookup), trust)
        self._listener = Channel(listener)
        self._trust = trust
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._threads: set[threading.Thread] = set()
        self._acceptor = self._thread("egress-accept", self._accept)

    def start(self) -> None:
        """Begin to accept; returns at once."""
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and the listening socket; returns when all threads have ended. May be called twice."""
        if self._gate.halt.event.is_set():
            return
        self._gate.halt.throw()
        until = time.monotonic() + _CLOSE_SECONDS
        if self._acceptor.ident is not None:
            self._acceptor.join(_CLOSE_SECONDS)
        self._listener.close()
        for thread in self._threads.copy():
            thread.join(max(0.0, until - time.monotonic()))
        if not self._threads:
            self._gate.halt.close()
        self._gate.ledger.close()

    def ca_bundle(self) -> bytes | None:
        """What the inside has to trust, as PEM: the usual roots and the authority of this box. None when nothing is
        injected: then TLS is not opened."""
        authority = self._gate.authority
        return None if authority is None else tls.trusted_roots(self._trust).rstrip() + b"\n" + authority.certificate

    @property
    def decisions(self) -> dict[str, int]:
        """How often what was decided: ``allowed``, ``refused``, ``unreachable`` …"""
        return dict(self._gate.ledger.counts)

    def _accept(self) -> None:
        halt = self._gate.halt
        try:
            while True:
                wait(halt, {self._listener: READ}, 3600)
                connection = self._accepted()
                if connection is not None:
                    self._admit(connection)
        except Halted:
            return
        except OSError as error:
            log_failure(logger("sandbox.egress"), "the egress proxy cannot accept", error)

    def _accepted(self) -> socket.socket | None:
        try:
            return self._listener.socket.accept()[0]
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:
            if self._gate.halt.event.wait(_PAUSE_SECONDS):
                raise Halted from None
            # Out of descriptors, say: others may give some back.
            logger("sandbox.egress").warning("a connection could not be accepted: %s", type(error).__name__)
            return None

    def _admit(self, connection: socket.socket) -> None:
        if not self._free.acquire(timeout=_QUEUE_SECONDS):
            self._gate.ledger.note("busy")
            with connection:
                connection.setblocking(False)
                connection.send(_BUSY)
            return
        thread = self._thread("egress-connection", self._serve, connection)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            self._free.release()
            connection.close()
            logger("sandbox.egress").warning("no thread for a connection out of a box")

    def _serve(self, connection: socket.socket) -> None:
        try:
            handle(self._gate, connection)
        except Exception as error:  # noqa: BLE001 - one connection's trouble is not the others'
            log_failure(logger("sandbox.egress"), "a connection out of a box failed", error)
        finally:
            self._threads.discard(threading.current_thread())
            self._free.release()

    def _thread(self, name: str, work: object, *arguments: object) -> threading.Thread:
        context = contextvars.copy_context()
        return threading.Thread(target=context.run, args=(work, *arguments), name=name, daemon=True)
