"""An address that answers badly: never, drop by drop, or with what the test says; it counts who came."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Trap:
    """Takes connections. ``reply`` None keeps every caller waiting; with ``drip`` an answer comes a byte at a time.

    In the reply ``{received}`` stands for all that was received.
    """

    def __init__(self, reply: str | None = None, status: str = "401 Unauthorized", *, drip: float = 0) -> None:
        self.came = 0
        self._reply, self._status, self._drip = reply, status, drip
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.came += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = connection.recv(65_536).decode(errors="replace")
            if self._reply is None:
                self._over.wait(60)
                return
            body = self._reply.replace("{received}", " ".join(received.split())).encode()
            head = f"HTTP/1.1 {self._status}\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\n\r\n"
            self._send(connection, head.encode() + body)

    def _send(self, connection: socket.socket, raw: bytes) -> None:
        if not self._drip:
            connection.sendall(raw)
            return
        for byte in raw:
            connection.sendall(bytes([byte]))
            if self._over.wait(self._drip):
                return
