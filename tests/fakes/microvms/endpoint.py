"""A machine's endpoint: checks the credential, counts traffic, passes requests on over shared connections."""

import contextlib
import http.client
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_DRAIN_SECONDS = 2.0
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class Endpoint:
    def __init__(self, machine: Any) -> None:
        methods = {f"do_{method}": _Handler.relay for method in _METHODS}
        self.pool = Pool(machine.process.address)
        parts = {"machine": machine, "pool": self.pool, **methods}
        handler = type("Handler", (_Handler,), parts)
        self._server = _Server((machine.process.address, 0), handler)
        self.url = f"http://{machine.process.address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.pool.clear()


class Pool:
    """Connections to the machine's ports; one may carry requests of many clients."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._idle: list[tuple[int, http.client.HTTPConnection]] = []
        self._lock = threading.Lock()

    def take(self, port: int) -> http.client.HTTPConnection:
        with self._lock:
            for number, (its_port, connection) in enumerate(self._idle):
                if its_port == port:
                    del self._idle[number]
                    if not select.select([connection.sock], [], [], 0)[0]:
                        return connection
                    connection.close()
                    break
        connection = http.client.HTTPConnection(self._address, port)
        connection.connect()
        return connection

    def give(self, port: int, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append((port, connection))

    def clear(self) -> None:
        with self._lock:
            for _, connection in self._idle:
                connection.close()
            self._idle.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A side that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    machine: Any
    pool: Pool

    def relay(self) -> None:
        port, status = self.machine.signer.port_of(self.machine.id, self.headers)
        if status:
            return self._refuse(status, "Access to port denied" if status == 403 else "The credential is not good")
        if self.machine.faults:
            return self._refuse(self.machine.faults.pop(0), "as the test wants")
        if not self.machine.traffic():
            return self._refuse(502, "")
        self.machine.connections.add(self.connection)
        try:
            self._forward(port)
        finally:
            self.machine.connections.discard(self.connection)
        return None

    def _forward(self, port: int) -> None:
        upstream = None
        try:
            upstream = self.pool.take(port)
            self._send_request(upstream)
            answer = upstream.getresponse()
        except (OSError, http.client.HTTPException):
            if upstream:
                upstream.close()
            return self._refuse(502, "")
        try:
            self._send_answer(answer)
        except (OSError, http.client.HTTPException):
            # What is not whole must not look whole.
            self.close_connection = True
            upstream.close()
            return None
        answer.close()
        if answer.will_close:
            upstream.close()
        else:
            self.pool.give(port, upstream)
        return None

    def _send_request(self, upstream: http.client.HTTPConnection) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        for name, value in self.headers.items():
            if not name.lower().startswith("x-aws-proxy-") and name.lower() not in _HOP:
                upstream.putheader(name, value)
        length = int(self.headers.get("content-length") or 0)
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        elif length or self.command in ("POST", "PUT", "PATCH"):
            upstream.putheader("Content-Length", str(length))
        upstream.endheaders()
        for piece in self._chunks() if chunked else self._counted(length):
            upstream.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            upstream.send(b"0\r\n\r\n")

    def _counted(self, length: int) -> Any:
        while length and (piece := self.rfile.read1(min(length, 65_536))):
            length -= len(piece)
            yield piece

    def _chunks(self) -> Any:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send_answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        bare = self.command == "HEAD" or answer.status in (204, 304)
        chunked = answer.length is None and not bare
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not bare or answer.getheader("content-length"):
            self.send_header("Content-Length", answer.getheader("content-length") or "0")
        self.end_headers()
        while piece := answer.read1(65_536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if not bare and not chunked and answer.length:
            raise http.client.IncompleteRead(b"")
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, message: str) -> None:
        # What of the body is left unread would take the answer with it.
        self.close_connection = True
        self.connection.settimeout(_DRAIN_SECONDS)
        raw = message.encode()
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(raw)
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(65_536):
                continue

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""
